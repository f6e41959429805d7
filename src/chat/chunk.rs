//! A stream's chunks.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::json::{ContentPart, annotation_json, audio_json, thinking_block, tool_call_json};
use super::{Annotation, Audio, Content, Extra, FinishReason, Part, Seal, Usage};

/// One step of a streamed reply.
///
/// The steps of a stream, added up by an [`Accumulator`](super::Accumulator), are the reply that the same call would
/// have given whole.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatChunk {
    /// Which choice it belongs to; 0 for what concerns the whole reply.
    pub choice: u32,
    /// What it adds.
    pub delta: Delta,
}

impl ChatChunk {
    /// A step of the first choice.
    #[must_use]
    pub const fn new(delta: Delta) -> Self {
        Self { choice: 0, delta }
    }

    /// The text that it adds; empty for every other step, so that a loop can print it.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.delta {
            Delta::Text(text) => text,
            _ => "",
        }
    }

    /// The reasoning that it adds; empty for every other step.
    #[must_use]
    pub fn reasoning(&self) -> &str {
        match &self.delta {
            Delta::Reasoning(text) => text,
            _ => "",
        }
    }

    /// Whether it adds something that the model said, called or thought.
    #[must_use]
    pub fn is_content(&self) -> bool {
        !matches!(
            self.delta,
            Delta::Start(_)
                | Delta::Usage(_)
                | Delta::Finish { .. }
                | Delta::Extra(_)
                | Delta::ChoiceExtra(_)
                | Delta::Restart
        )
    }
}

/// What a step adds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Delta {
    /// The reply begins.
    Start(Box<Start>),
    /// Text.
    Text(String),
    /// The model's words for why it does not answer.
    Refusal(String),
    /// Reasoning.
    Reasoning(String),
    /// The seal of the part that came last; the part is complete with it.
    Seal(Box<Seal>),
    /// A tool call begins. Calls count from 0 within a choice.
    ToolCall {
        /// Which call.
        index: u32,
        /// By which its result is matched to it.
        id: String,
        /// The tool.
        name: String,
    },
    /// More of a call's arguments.
    Arguments {
        /// Which call.
        index: u32,
        /// The next piece of the JSON text.
        text: String,
    },
    /// More of a spoken reply: the next piece of its sound or transcript.
    Audio(Box<Audio>),
    /// A whole part, such as a picture or a block of the provider's own.
    Part(Box<Part>),
    /// A citation.
    Annotation(Box<Annotation>),
    /// Log probabilities of the tokens that just came, in OpenAI's form.
    Logprobs(Box<Value>),
    /// Fields of the reply that have no name here.
    Extra(Box<Extra>),
    /// Fields of the choice that have no name here. What was said of one before is void.
    ChoiceExtra(Box<Extra>),
    /// The choice ended.
    Finish {
        /// Why.
        reason: FinishReason,
        /// The provider's own word, where it is another.
        native: Option<String>,
    },
    /// The tokens used so far; a later report completes an earlier one, see [`Usage::merge`].
    Usage(Box<Usage>),
    /// Everything that came before is void: the reply begins anew. A router that was told to restart broken streams gives
    /// it, from another deployment; and LangGraph and Langflow, where what an agent said turns out to have been a step on
    /// the way to its answer. Who shows text as it comes has to clear what is shown.
    Restart,
}

/// The head of a streamed reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// The provider's id of the reply.
    pub id: String,
    /// The model that answers.
    pub model: String,
    /// When, in seconds since 1970; 0 where the provider does not say.
    pub created: u64,
    /// OpenAI's fingerprint of the system that answers.
    pub system_fingerprint: Option<String>,
    /// The processing tier that answers.
    pub service_tier: Option<String>,
}

/// The member by which streams in a format without a word for [`Delta::Restart`] say it.
pub(crate) const RESTART: &str = "restart";

/// Whether a step of such a stream says it.
pub(crate) fn is_restart(extra: &Extra) -> bool {
    extra.get(RESTART) == Some(&Value::Bool(true))
}

/// Writes a stream's chunks as OpenAI's `chat.completion.chunk` JSON.
///
/// The role comes with the first chunk of each choice, usage in a chunk of its own without choices, as OpenAI sends
/// them. Steps that say nothing in that format give no chunk. OpenAI has no word for [`Delta::Restart`]: it becomes a
/// chunk without choices and with `"restart": true`.
#[derive(Debug, Default)]
pub struct ChunkWriter {
    start: Start,
    choices: BTreeMap<u32, Open>,
    usage: Option<Usage>,
}

/// A choice under way.
#[derive(Debug, Default)]
struct Open {
    /// The part that came last, to which a seal belongs.
    last: Last,
    /// The index that the next tool call would have.
    next_call: u32,
}

#[derive(Debug, Default)]
enum Last {
    #[default]
    Other,
    Reasoning(String),
    ToolCall(u32),
}

impl ChunkWriter {
    /// A writer for one stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The chunk that a step becomes.
    pub fn write(&mut self, chunk: &ChatChunk) -> Option<Value> {
        match &chunk.delta {
            Delta::Start(start) => {
                self.start = (**start).clone();
                return None;
            }
            Delta::Usage(usage) => {
                match &mut self.usage {
                    Some(mine) => mine.merge((**usage).clone()),
                    mine => *mine = Some((**usage).clone()),
                }
                return None;
            }
            Delta::Restart => {
                *self = Self::default();
                let mut value = self.envelope(Vec::new());
                put(value.as_object_mut()?, RESTART, &true);
                return Some(value);
            }
            Delta::Extra(extra) => {
                let mut value = self.envelope(Vec::new());
                if let Some(fields) = value.as_object_mut() {
                    fields.extend(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                return Some(value);
            }
            _ => {}
        }
        let (mut choice, mut delta) = (Map::new(), Map::new());
        choice.insert("index".to_owned(), chunk.choice.into());
        choice.insert("delta".to_owned(), Value::Null);
        choice.insert("finish_reason".to_owned(), Value::Null);
        match self.choices.get_mut(&chunk.choice) {
            Some(open) => open.write(&chunk.delta, &mut choice, &mut delta)?,
            None => {
                let mut open = Open::default();
                open.write(&chunk.delta, &mut choice, &mut delta)?;
                self.choices.insert(chunk.choice, open);
                delta.insert("role".to_owned(), "assistant".into());
            }
        }
        choice.insert("delta".to_owned(), delta.into());
        Some(self.envelope(vec![choice.into()]))
    }

    /// The chunk that tells the usage, once the stream has ended.
    #[must_use]
    pub fn usage(&self) -> Option<Value> {
        let usage = serde_json::to_value(self.usage.as_ref()?).ok()?;
        let mut value = self.envelope(Vec::new());
        value.as_object_mut()?.insert("usage".to_owned(), usage);
        Some(value)
    }

    fn envelope(&self, choices: Vec<Value>) -> Value {
        let start = &self.start;
        let mut value = json!({
            "id": start.id, "object": "chat.completion.chunk", "created": start.created, "model": start.model,
            "choices": choices,
        });
        if let Some(fields) = value.as_object_mut() {
            if let Some(fingerprint) = &start.system_fingerprint {
                put(fields, "system_fingerprint", fingerprint);
            }
            if let Some(tier) = &start.service_tier {
                put(fields, "service_tier", tier);
            }
        }
        value
    }
}

impl Open {
    fn write(&mut self, step: &Delta, choice: &mut Map<String, Value>, delta: &mut Map<String, Value>) -> Option<()> {
        match step {
            Delta::Text(text) => {
                self.last = Last::Other;
                put(delta, "content", text);
            }
            Delta::Refusal(text) => {
                self.last = Last::Other;
                put(delta, "refusal", text);
            }
            Delta::Reasoning(text) => {
                match &mut self.last {
                    Last::Reasoning(so_far) => so_far.push_str(text),
                    last => *last = Last::Reasoning(text.clone()),
                }
                put(delta, "reasoning_content", text);
            }
            Delta::Seal(seal) => self.seal(seal, delta),
            Delta::ToolCall { index, id, name } => {
                self.last = Last::ToolCall(*index);
                self.next_call = self.next_call.max(index.saturating_add(1));
                let function = json!({"name": name, "arguments": ""});
                put(
                    delta,
                    "tool_calls",
                    &[json!({"index": index, "id": id, "type": "function", "function": function})],
                );
            }
            Delta::Arguments { index, text } => {
                put(delta, "tool_calls", &[json!({"index": index, "function": {"arguments": text}})]);
            }
            Delta::Audio(audio) => {
                self.last = Last::Other;
                put(delta, "audio", &audio_json(audio));
            }
            Delta::Part(part) => {
                self.last = Last::Other;
                self.part(part, delta)?;
            }
            Delta::Annotation(annotation) => put(delta, "annotations", &[annotation_json(annotation)]),
            Delta::Logprobs(logprobs) => put(choice, "logprobs", logprobs),
            Delta::Finish { reason, native } => {
                put(choice, "finish_reason", reason);
                if let Some(native) = native {
                    put(choice, "native_finish_reason", native);
                }
            }
            Delta::ChoiceExtra(extra) => {
                choice.extend(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            Delta::Start(_) | Delta::Usage(_) | Delta::Extra(_) | Delta::Restart => {}
        }
        Some(())
    }

    /// A whole part; `None` for one that a reply in this format has no place for.
    fn part(&mut self, part: &Part, delta: &mut Map<String, Value>) -> Option<()> {
        match &part.content {
            Content::Text(text) => put(delta, "content", text),
            Content::Refusal(text) => put(delta, "refusal", text),
            Content::Image(_) => put(delta, "images", &[ContentPart::new(part)]),
            Content::Audio(audio) => put(delta, "audio", &audio_json(audio)),
            Content::Reasoning(reasoning) => match thinking_block(part) {
                Some(block) => put(delta, "thinking_blocks", &[block]),
                None => put(delta, "reasoning_content", &reasoning.text),
            },
            Content::ToolCall(_) => {
                let mut call = tool_call_json(part)?;
                call.as_object_mut()?.insert("index".to_owned(), self.next_call.into());
                self.next_call = self.next_call.saturating_add(1);
                put(delta, "tool_calls", &[call]);
            }
            Content::Native(native) => put(delta, "provider_specific_fields", &native.value),
            Content::File(_) | Content::Video(_) => return None,
        }
        Some(())
    }

    /// A seal is written where LiteLLM has it: with the reasoning that it seals, or beside the call.
    fn seal(&mut self, seal: &Seal, delta: &mut Map<String, Value>) {
        let signature = json!({"thought_signature": seal.value});
        match std::mem::take(&mut self.last) {
            Last::Reasoning(text) => {
                let part = Part::reasoning(text).sealed(seal.clone());
                put(delta, "thinking_blocks", &[thinking_block(&part)]);
            }
            Last::ToolCall(index) => {
                put(delta, "tool_calls", &[json!({"index": index, "provider_specific_fields": signature})]);
            }
            Last::Other => put(delta, "provider_specific_fields", &signature),
        }
    }
}

fn put(map: &mut Map<String, Value>, name: &str, value: &(impl Serialize + ?Sized)) {
    map.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
}
