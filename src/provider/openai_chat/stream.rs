//! The streamed reply: `data: {chat.completion.chunk}` events, ended by `data: [DONE]`.
//!
//! A choice ends by its `finish_reason`; `[DONE]` only says that nothing more comes, and some servers leave it out.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::response::{finish_reason, has_error, known_part, lenient};
use super::{error, usage};
use crate::chat::{Audio, ChatChunk, Content, Delta, Part, Start, Usage, read_annotation, read_part};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::think::{Piece, ThinkSplitter};
use crate::provider::{EventDecoder, Flow, ProviderSpec, Queue};
use crate::wire::Frame;
use crate::wire::text::Text;

/// Decodes the events of one stream.
pub(super) struct Events {
    spec: ProviderSpec,
    started: bool,
    choices: Vec<ChoiceState>,
}

/// What is known of one choice so far.
#[derive(Default)]
struct ChoiceState {
    index: u32,
    thinking: ThinkSplitter,
    calls: Vec<CallState>,
}

/// A tool call that has begun: how the server counts it, and by which id it knows it.
struct CallState {
    wire_index: Option<u64>,
    id: String,
}

impl Events {
    pub(super) fn new(spec: &ProviderSpec) -> Self {
        Self { spec: spec.clone(), started: false, choices: Vec::new() }
    }
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.data == b"[DONE]" {
            return Ok(Flow::Done);
        }
        let chunk: Chunk<'_> = serde_json::from_slice(frame.data).map_err(|source| {
            Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not a chat completion chunk")
                .with_body(bytes::Bytes::copy_from_slice(frame.data))
                .with_source(source)
        })?;
        if frame.event == Some("error") || has_error(chunk.error.as_ref()) {
            return Err(failure(frame.data));
        }
        self.chunk(chunk, queue);
        Ok(Flow::More)
    }
}

/// An error in the place of a chunk.
fn failure(data: &[u8]) -> Error {
    let body: Value = serde_json::from_slice(data).unwrap_or_default();
    error::read(&body).into_error().with_body(bytes::Bytes::copy_from_slice(data))
}

impl Events {
    fn chunk(&mut self, chunk: Chunk<'_>, queue: &mut Queue) {
        let named = chunk.id.as_deref().is_some_and(|id| !id.is_empty());
        if !self.started && (named || !chunk.choices.is_empty()) {
            self.started = true;
            queue.push_back(ChatChunk::new(Delta::Start(Box::new(Start {
                id: chunk.id.map(Text::into_owned).unwrap_or_default(),
                model: chunk.model.map(Text::into_owned).unwrap_or_default(),
                created: chunk.created.map_or(0, |seconds| seconds as u64),
                system_fingerprint: chunk.system_fingerprint.map(Text::into_owned),
                service_tier: chunk.service_tier.map(Text::into_owned),
            }))));
        }
        for choice in chunk.choices {
            self.choice(choice, queue);
        }
        let groq = chunk.x_groq.as_ref().and_then(|own| own.get("usage")).and_then(|own| Usage::deserialize(own).ok());
        if let Some(mut found) = chunk.usage.or(groq) {
            usage::normalise(&self.spec, &mut found);
            queue.push_back(ChatChunk::new(Delta::Usage(Box::new(found))));
        }
    }

    fn choice(&mut self, choice: ChunkChoice<'_>, queue: &mut Queue) {
        let index = choice.index.unwrap_or(0);
        let place = self.choices.iter().position(|state| state.index == index).unwrap_or_else(|| {
            self.choices.push(ChoiceState { index, ..ChoiceState::default() });
            self.choices.len().saturating_sub(1)
        });
        let Some(state) = self.choices.get_mut(place) else { return };
        let mut push = |delta| queue.push_back(ChatChunk { choice: index, delta });
        if let Some(delta) = choice.delta.or(choice.message) {
            state.delta(&self.spec, delta, &mut push);
        }
        if let Some(logprobs) = choice.logprobs.filter(|logprobs| !logprobs.is_null()) {
            push(Delta::Logprobs(Box::new(logprobs)));
        }
        if let Some(native) = choice.finish_reason.filter(|native| !native.is_empty()) {
            state.thinking.end(&mut |piece| push(piece.into()));
            let (reason, native) = finish_reason(&native, !state.calls.is_empty());
            push(Delta::Finish { reason, native: choice.native_finish_reason.map(Text::into_owned).or(native) });
        }
    }
}

impl From<Piece> for Delta {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Text(text) => Self::Text(text),
            Piece::Reasoning(text) => Self::Reasoning(text),
        }
    }
}

impl ChoiceState {
    fn delta(&mut self, spec: &ProviderSpec, delta: ChunkDelta<'_>, push: &mut dyn FnMut(Delta)) {
        let reasoning = delta.reasoning_content.or(delta.reasoning).filter(|text| !text.is_empty());
        if let Some(text) = reasoning {
            push(Delta::Reasoning(text.into_owned()));
        }
        match delta.content {
            Some(Body::Text(text)) if !text.is_empty() => {
                if self.thinking.is_past() {
                    push(Delta::Text(text.into_owned()));
                } else {
                    self.thinking.push(&text, &mut |piece| push(piece.into()));
                }
            }
            Some(Body::List(list)) => {
                for part in list.into_iter().filter_map(|part| read_part(part).ok()).flat_map(known_part) {
                    match part.content {
                        Content::Text(text) if text.is_empty() => {}
                        Content::Text(text) => push(Delta::Text(text)),
                        Content::Reasoning(reasoning) => push(Delta::Reasoning(reasoning.text)),
                        _ => push(Delta::Part(Box::new(part))),
                    }
                }
            }
            _ => {}
        }
        if let Some(text) = delta.refusal.filter(|text| !text.is_empty()) {
            push(Delta::Refusal(text.into_owned()));
        }
        for call in delta.tool_calls.into_iter().flatten() {
            self.tool_call(call, push);
        }
        if let Some(audio) = delta.audio {
            push(Delta::Audio(Box::new(audio.into())));
        }
        for image in delta.images.into_iter().flatten().filter_map(|image| read_part(image).ok()) {
            push(Delta::Part(Box::new(image)));
        }
        for annotation in delta.annotations.into_iter().flatten().filter_map(read_annotation) {
            push(Delta::Annotation(Box::new(annotation)));
        }
        if let Some(details) = delta.reasoning_details.filter(|details| !details.is_empty()) {
            let own = Value::from_iter([("reasoning_details", Value::from(details))]);
            push(Delta::Part(Box::new(Part::native(spec.name.clone(), own))));
        }
    }

    /// A piece of a tool call. A call begins with its id; some servers repeat the id with each piece, some number all
    /// calls 0 and tell them apart by id, some give neither.
    fn tool_call(&mut self, piece: ChunkToolCall<'_>, push: &mut dyn FnMut(Delta)) {
        let id = piece.id.as_deref().unwrap_or_default();
        let function = piece.function.unwrap_or_default();
        let name = function.name.as_deref().unwrap_or_default();
        let known = self.calls.iter().rposition(|call| match piece.index {
            Some(index) => {
                call.wire_index == Some(index)
                    && (id.is_empty() || name.is_empty() || call.id.is_empty() || call.id == id)
            }
            None => id.is_empty() && name.is_empty() || !id.is_empty() && call.id == id,
        });
        let place = known.unwrap_or_else(|| {
            self.calls.push(CallState { wire_index: piece.index, id: id.to_owned() });
            let place = self.calls.len().saturating_sub(1);
            push(Delta::ToolCall { index: to_index(place), id: id.to_owned(), name: name.to_owned() });
            place
        });
        let text = match function.arguments {
            Some(Body::Text(text)) => text.into_owned(),
            Some(Body::Other(value)) => value.to_string(),
            _ => return,
        };
        if !text.is_empty() {
            push(Delta::Arguments { index: to_index(place), text });
        }
    }
}

fn to_index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

// ---- the wire ---------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(default, borrow)]
    model: Option<Text<'a>>,
    #[serde(default)]
    created: Option<f64>,
    #[serde(default, borrow, deserialize_with = "or_empty")]
    choices: Vec<ChunkChoice<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    usage: Option<Usage>,
    #[serde(default, borrow)]
    system_fingerprint: Option<Text<'a>>,
    #[serde(default, borrow)]
    service_tier: Option<Text<'a>>,
    #[serde(default)]
    x_groq: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct ChunkChoice<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(default, borrow)]
    delta: Option<ChunkDelta<'a>>,
    #[serde(default, borrow)]
    message: Option<ChunkDelta<'a>>,
    #[serde(default, borrow)]
    finish_reason: Option<Text<'a>>,
    #[serde(default, borrow)]
    native_finish_reason: Option<Text<'a>>,
    #[serde(default)]
    logprobs: Option<Value>,
}

#[derive(Deserialize)]
struct ChunkDelta<'a> {
    #[serde(default, borrow)]
    content: Option<Body<'a>>,
    #[serde(default, borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(default, borrow)]
    reasoning: Option<Text<'a>>,
    #[serde(default)]
    reasoning_details: Option<Vec<Value>>,
    #[serde(default, borrow)]
    refusal: Option<Text<'a>>,
    #[serde(default, borrow)]
    tool_calls: Option<Vec<ChunkToolCall<'a>>>,
    #[serde(default)]
    audio: Option<AudioDelta>,
    #[serde(default)]
    images: Option<Vec<Value>>,
    #[serde(default)]
    annotations: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct ChunkToolCall<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(default, borrow)]
    function: Option<FunctionDelta<'a>>,
}

#[derive(Default, Deserialize)]
struct FunctionDelta<'a> {
    #[serde(default, borrow)]
    name: Option<Text<'a>>,
    #[serde(default, borrow)]
    arguments: Option<Body<'a>>,
}

#[derive(Deserialize)]
struct AudioDelta {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    transcript: Option<String>,
    #[serde(default)]
    expires_at: Option<u64>,
}

impl From<AudioDelta> for Audio {
    fn from(delta: AudioDelta) -> Self {
        Self {
            data: delta.data.unwrap_or_default(),
            format: None,
            id: delta.id,
            transcript: delta.transcript,
            expires_at: delta.expires_at,
        }
    }
}

/// Content or arguments: a text as OpenAI has it, or what some servers send in its place.
enum Body<'a> {
    Text(Text<'a>),
    List(Vec<Value>),
    Other(Value),
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BodyVisitor;

        impl<'de> Visitor<'de> for BodyVisitor {
            type Value = Body<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a list of parts or an object")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Body::Text(Text(Cow::Borrowed(text))))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Body::Text(Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(part) = seq.next_element()? {
                    list.push(part);
                }
                Ok(Body::List(list))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Value::deserialize(de::value::MapAccessDeserializer::new(map)).map(Body::Other)
            }
        }

        deserializer.deserialize_any(BodyVisitor)
    }
}

fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
