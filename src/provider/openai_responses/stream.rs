//! The streamed reply: `response.created`, the items one after the other, `response.completed`.
//!
//! A reply ends by `response.completed` or `response.incomplete`, each of which has the whole of it again; a failed one
//! by `error` or `response.failed`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::items::Thought;
use super::response::{Body, Reply, failed};
use crate::chat::ChatChunk;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::openai_chat::{fault, has_error};
use crate::provider::{EventDecoder, Flow, ProviderSpec, Queue};
use crate::text::Text;
use crate::wire::Frame;

/// Decodes the events of one stream.
pub(in crate::provider) struct Events {
    reply: Reply,
}

impl Events {
    pub(in crate::provider) fn new(spec: &ProviderSpec) -> Self {
        Self { reply: Reply::new(spec) }
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", default, borrow)]
    kind: Text<'a>,
    #[serde(default)]
    output_index: Option<u64>,
    #[serde(default)]
    content_index: Option<u64>,
    #[serde(default)]
    summary_index: Option<u64>,
    #[serde(default, borrow)]
    delta: Option<Text<'a>>,
    #[serde(default, borrow)]
    item: Option<&'a RawValue>,
    #[serde(default, borrow)]
    response: Option<&'a RawValue>,
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.data == b"[DONE]" {
            return Ok(Flow::Done);
        }
        let text = std::str::from_utf8(frame.data).map_err(|source| unreadable(frame.data).with_source(source))?;
        let event = match serde_json::from_str::<Event<'_>>(text) {
            Ok(event) => event,
            Err(source) => return other(frame, source),
        };
        let kind = if event.kind.is_empty() { frame.event.unwrap_or_default() } else { &*event.kind };
        let index = event.output_index.unwrap_or(0);
        let piece = event.content_index.unwrap_or(0);
        let mut push = |delta| queue.push_back(ChatChunk::new(delta));
        let items = &mut self.reply.items;
        match (kind, event.delta, event.item, event.response) {
            ("response.output_text.delta", Some(text), ..) => items.text(index, piece, text, false, &mut push),
            ("response.refusal.delta", Some(text), ..) => items.text(index, piece, text, true, &mut push),
            ("response.function_call_arguments.delta", Some(text), ..) => items.arguments(index, text, &mut push),
            ("response.reasoning_summary_text.delta", Some(text), ..) => {
                let place = (Thought::Summary, event.summary_index.unwrap_or(0));
                items.thought(index, place, text, &mut push);
            }
            ("response.reasoning_text.delta", Some(text), ..) => {
                items.thought(index, (Thought::Content, piece), text, &mut push);
            }
            ("response.output_item.added", _, Some(item), _) => items.added(index, item, &mut push),
            ("response.output_item.done", _, Some(item), _) => items.done(index, item, &mut push),
            ("response.created" | "response.in_progress" | "response.queued", _, _, Some(raw)) => {
                self.reply.begin(&body(raw)?, &mut push);
            }
            ("response.completed" | "response.incomplete", _, _, Some(raw)) => {
                self.reply.end(body(raw)?, &mut push)?;
                return Ok(Flow::Done);
            }
            ("response.failed" | "response.cancelled", _, _, Some(raw)) => {
                let failure = serde_json::from_str::<Failed<'_>>(raw.get()).unwrap_or_default();
                return Err(failed(failure.error, kind).with_body(Bytes::copy_from_slice(frame.data)));
            }
            ("error", ..) => return Err(failure(frame.data)),
            _ if event.kind.is_empty() => return untyped(frame),
            _ => {}
        }
        Ok(Flow::More)
    }
}

#[derive(Default, Deserialize)]
struct Failed<'a> {
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

fn body(raw: &RawValue) -> Result<Body<'_>> {
    serde_json::from_str(raw.get()).map_err(|source| unreadable(raw.get().as_bytes()).with_source(source))
}

/// Of an event of a new kind nothing is expected, not even its form; any other must be readable.
fn other(frame: Frame<'_>, source: serde_json::Error) -> Result<Flow> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", borrow)]
        kind: Text<'a>,
    }
    const KNOWN: [&str; 12] = [
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.output_item.added",
        "response.output_item.done",
        "response.created",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    ];
    match serde_json::from_slice::<Kind<'_>>(frame.data) {
        Ok(Kind { kind }) if &*kind == "error" => Err(failure(frame.data)),
        Ok(Kind { kind }) if !KNOWN.contains(&&*kind) => Ok(Flow::More),
        _ => Err(unreadable(frame.data).with_source(source)),
    }
}

/// An event that does not say its type: an error, such as a gateway's, or nothing that can be read.
fn untyped(frame: Frame<'_>) -> Result<Flow> {
    let body: Value = serde_json::from_slice(frame.data).unwrap_or_default();
    Err(if has_error(body.get("error")) { failure(frame.data) } else { unreadable(frame.data) })
}

pub(super) fn unreadable(data: &[u8]) -> Error {
    Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not one of a response")
        .with_body(Bytes::copy_from_slice(data))
}

/// `{"type": "error", "error": {…}}`, or the error's members beside the type (`ResponseErrorEvent`).
pub(super) fn failure(data: &[u8]) -> Error {
    let mut body: Value = serde_json::from_slice(data).unwrap_or_default();
    if !has_error(body.get("error"))
        && let Some(fields) = body.as_object_mut()
    {
        fields.shift_remove("type");
    }
    fault(&body).into_error().with_body(Bytes::copy_from_slice(data))
}
