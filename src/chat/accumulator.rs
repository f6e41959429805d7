//! Adds a stream up to the reply that it is.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Audio, ChatChunk, ChatResponse, Choice, Content, Delta, Message, Part, Role};

/// Adds the chunks of a stream up to a [`ChatResponse`].
///
/// Text and reasoning grow the part that came last, unless it is of another kind or sealed; tool calls are told apart
/// by their index, so calls that arrive interleaved come out whole.
///
/// ```
/// use anymodel::{Accumulator, ChatChunk, Delta};
///
/// let mut sum = Accumulator::new();
/// sum.push(ChatChunk::new(Delta::Text("Hel".into())));
/// sum.push(ChatChunk::new(Delta::Text("lo".into())));
/// assert_eq!(sum.into_response().text(), "Hello");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    reply: ChatResponse,
    /// The choices so far, by their index.
    open: BTreeMap<u32, Open>,
}

/// A choice that has begun.
#[derive(Clone, Debug)]
struct Open {
    /// Its place in the reply.
    place: usize,
    /// Which part holds which tool call; of two of one index the later.
    calls: Vec<(u32, usize)>,
}

impl Accumulator {
    /// An empty sum.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next chunk.
    pub fn push(&mut self, chunk: ChatChunk) {
        match chunk.delta {
            Delta::Start(start) => {
                let reply = &mut self.reply;
                (reply.id, reply.model, reply.created) = (start.id, start.model, start.created);
                reply.system_fingerprint = start.system_fingerprint;
                reply.service_tier = start.service_tier;
            }
            Delta::Usage(usage) => match &mut self.reply.usage {
                Some(mine) => mine.merge(*usage),
                mine => *mine = Some(*usage),
            },
            Delta::Extra(extra) => self.reply.extra.extend(*extra),
            Delta::Restart => *self = Self::new(),
            delta => self.push_to_choice(chunk.choice, delta),
        }
    }

    /// Whether every choice that began has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.reply.choices.is_empty() && self.reply.choices.iter().all(|choice| choice.finish_reason.is_some())
    }

    /// What has been added up so far.
    #[must_use]
    pub fn response(&self) -> &ChatResponse {
        &self.reply
    }

    /// The sum.
    #[must_use]
    pub fn into_response(mut self) -> ChatResponse {
        self.reply.choices.sort_by_key(|choice| choice.index);
        self.reply
    }

    fn push_to_choice(&mut self, index: u32, delta: Delta) {
        let choices = &mut self.reply.choices;
        let Open { place, calls } = self.open.entry(index).or_insert_with(|| {
            choices.push(Choice::new(index, Message::new(Role::Assistant, Vec::<Part>::new())));
            Open { place: choices.len().saturating_sub(1), calls: Vec::new() }
        });
        let Some(choice) = choices.get_mut(*place) else { return };
        let parts = &mut choice.message.parts;
        match delta {
            Delta::Text(more) => match parts.last_mut() {
                Some(Part { content: Content::Text(text), seal: None, .. }) => text.push_str(&more),
                _ => parts.push(Part::text(more)),
            },
            Delta::Refusal(more) => match parts.last_mut() {
                Some(Part { content: Content::Refusal(text), seal: None, .. }) => text.push_str(&more),
                _ => parts.push(Part::new(Content::Refusal(more))),
            },
            Delta::Reasoning(more) => match parts.last_mut() {
                Some(Part { content: Content::Reasoning(reasoning), seal: None, .. }) => {
                    reasoning.text.push_str(&more);
                }
                _ => parts.push(Part::reasoning(more)),
            },
            Delta::Seal(seal) => {
                if let Some(part) = parts.last_mut() {
                    part.seal = Some(*seal);
                }
            }
            Delta::ToolCall { index, id, name } => {
                calls.push((index, parts.len()));
                parts.push(Part::tool_call(id, name, ""));
            }
            Delta::Arguments { index, text } => {
                let place = calls.iter().rfind(|(known, _)| *known == index).map(|(_, place)| *place);
                match place.and_then(|place| parts.get_mut(place)) {
                    Some(Part { content: Content::ToolCall(call), .. }) => call.arguments.push_str(&text),
                    _ => {
                        calls.push((index, parts.len()));
                        parts.push(Part::tool_call("", "", text));
                    }
                }
            }
            Delta::Audio(more) => match parts.iter_mut().find_map(|part| match &mut part.content {
                Content::Audio(audio) => Some(audio),
                _ => None,
            }) {
                Some(audio) => join_audio(audio, *more),
                None => parts.push(Part::new(Content::Audio(*more))),
            },
            Delta::Part(part) => parts.push(*part),
            Delta::Annotation(annotation) => choice.message.annotations.push(*annotation),
            Delta::Logprobs(more) => match &mut choice.logprobs {
                Some(logprobs) => join_logprobs(logprobs, *more),
                logprobs => *logprobs = Some(*more),
            },
            Delta::Finish { reason, native } => {
                choice.finish_reason = Some(reason);
                choice.native_finish_reason = native;
            }
            Delta::ChoiceExtra(extra) => choice.extra.extend(*extra),
            Delta::Start(_) | Delta::Usage(_) | Delta::Extra(_) | Delta::Restart => {}
        }
    }
}

impl Extend<ChatChunk> for Accumulator {
    fn extend<I: IntoIterator<Item = ChatChunk>>(&mut self, chunks: I) {
        for chunk in chunks {
            self.push(chunk);
        }
    }
}

/// Each piece of sound is base64 of its own, so where one ends inside a group of three bytes the next is joined to the
/// bytes that are over.
fn join_audio(audio: &mut Audio, more: Audio) {
    match audio.data.len().checked_sub(4).filter(|_| audio.data.ends_with('=') && !more.data.is_empty()) {
        None => audio.data.push_str(&more.data),
        Some(cut) => match (audio.data.get(cut..).map(|group| STANDARD.decode(group)), STANDARD.decode(&more.data)) {
            (Some(Ok(mut bytes)), Ok(next)) => {
                bytes.extend(next);
                audio.data.truncate(cut);
                STANDARD.encode_string(bytes, &mut audio.data);
            }
            _ => audio.data.push_str(&more.data),
        },
    }
    match (&mut audio.transcript, more.transcript) {
        (Some(transcript), Some(next)) => transcript.push_str(&next),
        (transcript @ None, next) => *transcript = next,
        _ => {}
    }
    audio.format = more.format.or(audio.format.take());
    audio.id = more.id.or(audio.id.take());
    audio.expires_at = more.expires_at.or(audio.expires_at);
}

/// Lists of the same name (`content`, `refusal`) go on; anything else is replaced.
fn join_logprobs(mine: &mut Value, more: Value) {
    match (mine, more) {
        (Value::Object(mine), Value::Object(more)) => {
            for (name, value) in more {
                match (mine.get_mut(&name), value) {
                    (Some(Value::Array(list)), Value::Array(next)) => list.extend(next),
                    (Some(Value::Array(_)), Value::Null) => {}
                    (_, value) => {
                        mine.insert(name, value);
                    }
                }
            }
        }
        (mine, more) => *mine = more,
    }
}
