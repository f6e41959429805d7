//! The streamed reply: `message_start`, the content blocks one after the other, `message_delta`, `message_stop`.
//!
//! A reply ends by the `stop_reason` of its `message_delta`; `message_stop` only says that nothing more comes.
//! Source: <https://platform.claude.com/docs/en/build-with-claude/streaming>.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::blocks::Piece;
use super::error;
use super::response::{Ending, Message, Reply};
use super::usage::Report;
use crate::chat::{ChatChunk, ChatRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{EventDecoder, Flow, Queue};
use crate::text::Text;
use crate::wire::Frame;

/// Decodes the events of one stream.
pub(in crate::provider) struct Events {
    reply: Reply,
}

impl Events {
    pub(in crate::provider) fn new(request: &ChatRequest) -> Self {
        Self { reply: Reply::new(request) }
    }
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        let event: Event<'_> = match serde_json::from_slice(frame.data) {
            Ok(event) => event,
            Err(source) => return unreadable(frame.data, source),
        };
        let mut push = |delta| queue.push_back(ChatChunk::new(delta));
        let index = event.index.unwrap_or(0);
        match (&*event.kind, event.delta) {
            ("content_block_delta", Some(delta)) => {
                if let Some(piece) = delta.piece() {
                    self.reply.blocks.piece(index, piece, &mut push);
                }
            }
            ("content_block_start", _) => {
                if let Some(block) = event.content_block {
                    self.reply.blocks.start(index, block, &mut push);
                }
            }
            ("content_block_stop", _) => self.reply.blocks.stop(index, &mut push),
            ("message_start", _) => {
                if let Some(message) = event.message {
                    self.reply.begin(message, &mut push);
                }
            }
            ("message_delta", delta) => {
                let delta = delta.unwrap_or_default();
                let ending = Ending {
                    stop_reason: delta.stop_reason,
                    stop_sequence: delta.stop_sequence,
                    stop_details: delta.stop_details,
                    container: delta.container,
                    context_management: event.context_management,
                };
                self.reply.end(ending, event.usage, &mut push);
            }
            ("message_stop", _) => return Ok(Flow::Done),
            ("error", _) => return Err(error::of_event(frame.data)),
            _ if event.error.is_some() => return Err(error::of_event(frame.data)),
            _ => {}
        }
        Ok(Flow::More)
    }
}

/// The events whose form is known.
const EVENTS: [&str; 5] =
    ["content_block_delta", "content_block_start", "content_block_stop", "message_start", "message_delta"];

/// Of an event of a new kind nothing is expected, not even its form; any other must be readable.
fn unreadable(data: &[u8], source: serde_json::Error) -> Result<Flow> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", borrow)]
        kind: Text<'a>,
    }
    match serde_json::from_slice::<Kind<'_>>(data) {
        Ok(Kind { kind }) if &*kind == "error" => Err(error::of_event(data)),
        Ok(Kind { kind }) if !EVENTS.contains(&&*kind) => Ok(Flow::More),
        _ => Err(Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not one of a message")
            .with_body(Bytes::copy_from_slice(data))
            .with_source(source)),
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default, rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(default, borrow)]
    delta: Option<WireDelta<'a>>,
    #[serde(default, borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(default, borrow)]
    message: Option<Message<'a>>,
    #[serde(default)]
    usage: Option<Report>,
    #[serde(default)]
    context_management: Option<Value>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// The deltas of blocks, told apart by their `type`, and of the message, which has none.
#[derive(Default, Deserialize)]
struct WireDelta<'a> {
    #[serde(default, rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default, borrow)]
    text: Option<Text<'a>>,
    #[serde(default, borrow)]
    partial_json: Option<Text<'a>>,
    #[serde(default, borrow)]
    thinking: Option<Text<'a>>,
    #[serde(default, borrow)]
    signature: Option<Text<'a>>,
    #[serde(default)]
    citation: Option<Value>,
    #[serde(default, borrow)]
    content: Option<Text<'a>>,
    #[serde(default)]
    encrypted_content: Option<Value>,
    #[serde(default, borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(default)]
    stop_sequence: Option<Value>,
    #[serde(default)]
    stop_details: Option<Value>,
    #[serde(default)]
    container: Option<Value>,
}

impl<'a> WireDelta<'a> {
    fn piece(self) -> Option<Piece<'a>> {
        match &*self.kind {
            "text_delta" => self.text.map(Piece::Text),
            "input_json_delta" => self.partial_json.map(Piece::Input),
            "thinking_delta" => self.thinking.map(Piece::Thinking),
            "signature_delta" => self.signature.map(Piece::Signature),
            "citations_delta" => self.citation.map(Piece::Citation),
            "compaction_delta" => Some(Piece::Compaction { content: self.content, encrypted: self.encrypted_content }),
            _ => None,
        }
    }
}
