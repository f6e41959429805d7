//! The API itself: requests and replies as they are, and the events of a stream.

use std::collections::VecDeque;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::request::{Draft, url};
use super::response::failure;
use super::usage::Report;
use super::{Anthropic, error};
use crate::chat::Usage;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::{Event, Message, Request};
use crate::model::traits;
use crate::provider::{Decode, Encoded, Target};
use crate::wire::json::Object;
use crate::wire::{Frame, Framer};

/// The limit of tokens where neither the caller nor anything else says one.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// The request as it is, under the provider's name of the model.
pub(super) fn encode(provider: &Anthropic, request: &Request, target: &Target<'_>, stream: bool) -> Result<Encoded> {
    let unwritable = |source: serde_json::Error| {
        Error::new(ErrorKind::InvalidRequest, "the request cannot be written as JSON").with_source(source)
    };
    let text = serde_json::to_vec(request).map_err(unwritable)?;
    let mut body: Object = serde_json::from_slice(&text).map_err(unwritable)?;
    body.set("model", target.model)?;
    body.remove("stream");
    if request.max_tokens.is_none() {
        let most = traits(target.known_as()).max_output_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
        body.set("max_tokens", &most)?;
    }
    if stream {
        body.set("stream", &true)?;
    }
    body.merge(&request.extra_body)?;
    let messages = request.messages.iter().flatten();
    let files = messages.filter_map(|turn| turn.content.as_array()).flatten().any(names_file);
    let Anthropic { spec, hosting } = provider;
    Draft::raw(spec, *hosting, body, files).hosted()?.post(&url(spec, target.base_url))
}

/// Whether a block, or one in it, names an uploaded file.
fn names_file(block: &Value) -> bool {
    block.pointer("/source/file_id").is_some()
        || block.get("type").is_some_and(|kind| kind == "container_upload")
        || block.get("content").and_then(Value::as_array).is_some_and(|inner| inner.iter().any(names_file))
}

pub(super) fn decode(response: &Response<Bytes>) -> Result<Message> {
    match serde_json::from_slice::<Message>(response.body()) {
        Ok(message) if message.kind == "message" || !message.content.is_empty() => Ok(message),
        other => Err(failure(response, other.err())),
    }
}

/// Usage in Anthropic's form, in chat's terms.
pub(in crate::provider) fn usage_in_chat(usage: &Value) -> Option<Usage> {
    serde_json::from_value::<Report>(usage.clone()).ok().and_then(|report| report.usage())
}

/// Cuts a stream into events, and holds that it comes to its end.
pub(super) struct Events {
    framer: Framer,
    complete: bool,
    done: bool,
}

impl Events {
    pub(super) fn new() -> Self {
        Self { framer: Framer::sse(), complete: false, done: false }
    }
}

impl Decode<Event> for Events {
    fn push(&mut self, bytes: &[u8], queue: &mut VecDeque<Event>) -> Result<()> {
        let Self { framer, complete, done } = self;
        framer.push(bytes, &mut |frame| frame.mended(|frame| step(complete, done, frame, queue)))
    }

    fn end(&mut self, queue: &mut VecDeque<Event>) -> Result<()> {
        let Self { framer, complete, done } = self;
        framer.end(&mut |frame| frame.mended(|frame| step(complete, done, frame, queue)))?;
        if self.complete {
            return Ok(());
        }
        Err(Error::new(ErrorKind::StreamInterrupted, "the stream ended before the reply was complete"))
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

fn step(complete: &mut bool, done: &mut bool, frame: Frame<'_>, queue: &mut VecDeque<Event>) -> Result<()> {
    if *done {
        return Ok(());
    }
    let event: Event = serde_json::from_slice(frame.data).map_err(|source| {
        Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not one of a message")
            .with_body(Bytes::copy_from_slice(frame.data))
            .with_source(source)
    })?;
    if event.kind == "error" || event.extra.get("error").is_some_and(|error| !error.is_null()) {
        return Err(error::of_event(frame.data));
    }
    *complete |= event.stop_reason().is_some();
    *done = event.kind == "message_stop";
    queue.push_back(event);
    Ok(())
}
