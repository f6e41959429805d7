//! The streamed reply: `messageStart`, the content blocks one after the other, `messageStop`, `metadata`. Of
//! `InvokeModel` it is `chunk`s, each with an event of the model's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::blocks::{Blocks, Piece};
use super::response::{Rest, finish, reasoning_tokens};
use crate::chat::{ChatChunk, ChatRequest, Delta};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{EventDecoder, Flow, Queue, anthropic, aws};
use crate::text::Text;
use crate::wire::Frame;

/// Decodes the events of one stream.
pub(super) struct Events {
    blocks: Blocks,
    /// How many of the tokens were reasoning.
    reasoning: Option<u64>,
    claude: anthropic::Events,
}

impl Events {
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self { blocks: Blocks::new(request), reasoning: None, claude: anthropic::Events::new(request) }
    }

    fn chunk(&mut self, data: &[u8], queue: &mut Queue) -> Result<Flow> {
        #[derive(Deserialize)]
        struct Chunk<'a> {
            #[serde(borrow)]
            bytes: Text<'a>,
        }
        let chunk: Chunk<'_> = read(data)?;
        let inner = STANDARD.decode(chunk.bytes.as_bytes()).map_err(|source| unreadable(data).with_source(source))?;
        self.claude.event(Frame::new(None, &inner), queue)
    }
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.is_error {
            return Err(aws::error::of_frame(frame));
        }
        let Self { blocks, .. } = self;
        let mut push = |delta| queue.push_back(ChatChunk::new(delta));
        match frame.event {
            Some("contentBlockDelta") => {
                let event: BlockDelta<'_> = read(frame.data)?;
                blocks.more(event.content_block_index, event.delta, &mut push);
            }
            Some("contentBlockStart") => {
                let event: BlockStart<'_> = read(frame.data)?;
                if let Some(start) = event.start {
                    blocks.start(event.content_block_index, start, &mut push);
                }
            }
            Some("contentBlockStop") => {
                let event: BlockStop = read(frame.data)?;
                blocks.stop(event.content_block_index, &mut push);
            }
            Some("messageStart") => push(Delta::Start(Box::default())),
            Some("messageStop") => {
                let event: Stop<'_> = read(frame.data)?;
                let fields = event.additional_model_response_fields.as_ref();
                self.reasoning = reasoning_tokens(fields);
                finish(blocks, event.stop_reason, fields, &mut push);
            }
            Some("metadata") => {
                let rest: Rest = read(frame.data)?;
                rest.tell(self.reasoning, &mut push);
                return Ok(Flow::Done);
            }
            Some("chunk") => return self.chunk(frame.data, queue),
            _ => {}
        }
        Ok(Flow::More)
    }
}

fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T> {
    serde_json::from_slice(data).map_err(|source| unreadable(data).with_source(source))
}

fn unreadable(data: &[u8]) -> Error {
    Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not one of a message")
        .with_body(Bytes::copy_from_slice(data))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart<'a> {
    #[serde(default)]
    content_block_index: u64,
    #[serde(default, borrow)]
    start: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta<'a> {
    #[serde(default)]
    content_block_index: u64,
    #[serde(default, borrow)]
    delta: Piece<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    #[serde(default)]
    content_block_index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stop<'a> {
    #[serde(default, borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(default)]
    additional_model_response_fields: Option<Value>,
}
