//! The streamed reply: one JSON object a line, the last with `done: true`, why, and what it took.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::error;
use crate::chat::{ChatChunk, Content, Delta, FinishReason, Image, Part, Source, Start, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::think::ThinkSplitter;
use crate::provider::{EventDecoder, Flow, Queue};
use crate::text::Text;
use crate::wire::Frame;

/// Decodes the lines of one reply.
#[derive(Debug, Default)]
pub(super) struct Events {
    started: bool,
    thinking: ThinkSplitter,
    /// How many calls there were.
    calls: u32,
    /// Their ids.
    ids: HashSet<String>,
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        let line = Line::read(frame.data).map_err(|source| {
            Error::new(ErrorKind::StreamInterrupted, "a line of the stream is not one of Ollama's chat")
                .with_body(bytes::Bytes::copy_from_slice(frame.data))
                .with_source(source)
        })?;
        self.line(line, frame.data, queue)
    }
}

impl Events {
    /// One line, parsed and as it came.
    pub(super) fn line(&mut self, line: Line<'_>, data: &[u8], queue: &mut Queue) -> Result<Flow> {
        if line.error.is_some_and(|error| !error.is_null()) {
            return Err(error::in_place_of_a_reply(data));
        }
        let mut push = |delta| queue.push_back(ChatChunk::new(delta));
        if !self.started && line.message.is_some() {
            self.started = true;
            push(Delta::Start(Box::new(Start {
                model: line.model.map(Text::into_owned).unwrap_or_default(),
                ..Start::default()
            })));
        }
        if let Some(message) = line.message {
            self.message(message, &mut push);
        }
        if let Some(tokens) = line.logprobs.filter(|tokens| !tokens.is_empty()) {
            push(Delta::Logprobs(Box::new(json!({"content": tokens}))));
        }
        if line.done != Some(true) {
            return Ok(Flow::More);
        }
        self.end_text(&mut push);
        let (reason, native) = finish_reason(line.done_reason.as_deref(), self.calls > 0);
        push(Delta::Finish { reason, native });
        if line.prompt_eval_count.is_some() || line.eval_count.is_some() {
            let usage = Usage::new(line.prompt_eval_count.unwrap_or(0), line.eval_count.unwrap_or(0));
            push(Delta::Usage(Box::new(usage)));
        }
        let rest = unnamed(data);
        if !rest.is_empty() {
            push(Delta::Extra(Box::new(rest.into())));
        }
        Ok(Flow::Done)
    }

    fn message(&mut self, message: LineMessage<'_>, push: &mut dyn FnMut(Delta)) {
        if let Some(text) = message.thinking.filter(|text| !text.is_empty()) {
            // Reasoning has a field of its own here, so that tags in the text are text.
            self.end_text(push);
            push(Delta::Reasoning(text.into_owned()));
        }
        if let Some(text) = message.content.filter(|text| !text.is_empty()) {
            if self.thinking.is_past() {
                push(Delta::Text(text.into_owned()));
            } else {
                self.thinking.push(&text, &mut |piece| push(piece.into()));
            }
        }
        for data in message.images.into_iter().flatten() {
            self.end_text(push);
            let source = Source::Base64 { media_type: media_type(&data).to_owned(), data: data.into_owned() };
            push(Delta::Part(Box::new(Part::new(Content::Image(Image { source, detail: None })))));
        }
        for call in message.tool_calls.into_iter().flatten() {
            self.tool_call(call, push);
        }
    }

    /// No more text comes that a tag could begin in.
    fn end_text(&mut self, push: &mut dyn FnMut(Delta)) {
        self.thinking.end(&mut |piece| push(piece.into()));
    }

    /// A call always comes whole.
    fn tool_call(&mut self, call: LineToolCall<'_>, push: &mut dyn FnMut(Delta)) {
        self.end_text(push);
        let name = call.function.name.map(Text::into_owned).unwrap_or_default();
        let arguments = arguments(call.function.arguments);
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        let given = call.id.map(Text::into_owned).filter(|id| !id.is_empty() && !self.ids.contains(id));
        let id = given.unwrap_or_else(|| made_up_id(index, &name, &arguments));
        self.ids.insert(id.clone());
        push(Delta::ToolCall { index, id, name });
        push(Delta::Arguments { index, text: arguments });
    }
}

/// An id for a call that came without: the same for the same reply, unique in it, and hardly ever met again in a
/// conversation. The hash is FNV-1a.
fn made_up_id(index: u32, name: &str, arguments: &str) -> String {
    let hash = name
        .bytes()
        .chain(arguments.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("call_{index}_{hash:016x}")
}

/// The arguments as JSON text; a model that writes them as a text of JSON means the same.
fn arguments(value: Option<&RawValue>) -> String {
    match value.map(RawValue::get) {
        None | Some("null") => "{}".to_owned(),
        Some(raw) => serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()),
    }
}

/// Why a reply ended. `load` and `unload` answer a request without messages; old servers say nothing at all.
fn finish_reason(native: Option<&str>, calls: bool) -> (FinishReason, Option<String>) {
    let reason = match native {
        None | Some("stop") if calls => FinishReason::ToolCalls,
        None | Some("stop" | "load" | "unload") => FinishReason::Stop,
        Some(word) => FinishReason::from(word),
    };
    let native = native.filter(|word| *word != reason.as_str()).map(str::to_owned);
    (reason, native)
}

/// The kind of a picture, by how its bytes begin.
fn media_type(base64: &str) -> &'static str {
    match base64.get(..4) {
        Some("/9j/") => "image/jpeg",
        Some("R0lG") => "image/gif",
        Some("UklG") => "image/webp",
        _ => "image/png",
    }
}

/// The fields of the last line that have no name here: when it was made, durations (nanoseconds), and what may come.
fn unnamed(data: &[u8]) -> Map<String, Value> {
    const NAMED: [&str; 8] =
        ["model", "message", "done", "done_reason", "prompt_eval_count", "eval_count", "logprobs", "error"];
    let mut fields: Map<String, Value> = serde_json::from_slice(data).unwrap_or_default();
    fields.retain(|name, value| !NAMED.contains(&name.as_str()) && !value.is_null());
    fields
}

// ---- the wire ---------------------------------------------------------------------------------------------------

/// A line of a stream, or a whole reply.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(default, borrow)]
    model: Option<Text<'a>>,
    #[serde(default, borrow)]
    message: Option<LineMessage<'a>>,
    #[serde(default)]
    done: Option<bool>,
    #[serde(default, borrow)]
    done_reason: Option<Text<'a>>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    eval_count: Option<u64>,
    #[serde(default)]
    logprobs: Option<Vec<Value>>,
    #[serde(default)]
    error: Option<Value>,
}

impl<'a> Line<'a> {
    pub(super) fn read(data: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(data)
    }
}

#[derive(Deserialize)]
struct LineMessage<'a> {
    #[serde(default, borrow)]
    content: Option<Text<'a>>,
    #[serde(default, borrow)]
    thinking: Option<Text<'a>>,
    #[serde(default, borrow)]
    images: Option<Vec<Text<'a>>>,
    #[serde(default, borrow)]
    tool_calls: Option<Vec<LineToolCall<'a>>>,
}

#[derive(Deserialize)]
struct LineToolCall<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: LineFunction<'a>,
}

#[derive(Deserialize)]
struct LineFunction<'a> {
    #[serde(default, borrow)]
    name: Option<Text<'a>>,
    #[serde(default, borrow)]
    arguments: Option<&'a RawValue>,
}
