//! A stream's chunks.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::json::{annotation_json, audio_json, image_json};
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
        !matches!(self.delta, Delta::Start(_) | Delta::Usage(_) | Delta::Finish { .. } | Delta::Extra(_))
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
    /// The choice ended.
    Finish {
        /// Why.
        reason: FinishReason,
        /// The provider's own word, where it is another.
        native: Option<String>,
    },
    /// The tokens used so far; a later report completes an earlier one, see [`Usage::merge`].
    Usage(Box<Usage>),
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

/// Writes a stream's chunks as OpenAI's `chat.completion.chunk` JSON.
///
/// The role comes with the first chunk of each choice, usage in a chunk of its own without choices, as OpenAI sends
/// them. Steps that say nothing in that format give no chunk.
#[derive(Debug, Default)]
pub struct ChunkWriter {
    start: Start,
    begun: Vec<u32>,
    usage: Option<Usage>,
    reasoning: String,
}

impl ChunkWriter {
    /// A writer for one stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The chunk that a step becomes.
    pub fn write(&mut self, chunk: &ChatChunk) -> Option<Value> {
        let mut delta = Map::new();
        let mut choice_fields = Map::new();
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
            Delta::Extra(extra) => {
                let mut value = self.envelope(Vec::new());
                if let Some(fields) = value.as_object_mut() {
                    fields.extend(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                return Some(value);
            }
            Delta::Text(text) => put(&mut delta, "content", text),
            Delta::Refusal(text) => put(&mut delta, "refusal", text),
            Delta::Reasoning(text) => {
                self.reasoning.push_str(text);
                put(&mut delta, "reasoning_content", text);
            }
            Delta::Seal(seal) => {
                if self.reasoning.is_empty() {
                    put(&mut delta, "provider_specific_fields", &json!({"thought_signature": seal.value}));
                } else {
                    let thinking = std::mem::take(&mut self.reasoning);
                    let block = json!({"type": "thinking", "thinking": thinking, "signature": seal.value});
                    put(&mut delta, "thinking_blocks", &[block]);
                }
            }
            Delta::ToolCall { index, id, name } => {
                let function = json!({"name": name, "arguments": ""});
                let call = json!({"index": index, "id": id, "type": "function", "function": function});
                put(&mut delta, "tool_calls", &[call]);
            }
            Delta::Arguments { index, text } => {
                put(&mut delta, "tool_calls", &[json!({"index": index, "function": {"arguments": text}})]);
            }
            Delta::Audio(audio) => put(&mut delta, "audio", &audio_json(audio)),
            Delta::Part(part) => match &part.content {
                Content::Image(image) => put(&mut delta, "images", &[image_json(image)]),
                Content::Reasoning(reasoning) => {
                    let seal = part.seal.as_ref().map(|seal| &seal.value);
                    let block = if reasoning.redacted {
                        json!({"type": "redacted_thinking", "data": seal})
                    } else {
                        json!({"type": "thinking", "thinking": reasoning.text, "signature": seal})
                    };
                    put(&mut delta, "thinking_blocks", &[block]);
                }
                Content::Native(native) => put(&mut delta, "provider_specific_fields", &native.value),
                _ => return None,
            },
            Delta::Annotation(annotation) => put(&mut delta, "annotations", &[annotation_json(annotation)]),
            Delta::Logprobs(logprobs) => {
                choice_fields.insert("logprobs".to_owned(), (**logprobs).clone());
            }
            Delta::Finish { reason, native } => {
                choice_fields.insert("finish_reason".to_owned(), reason.as_str().into());
                if let Some(native) = native {
                    choice_fields.insert("native_finish_reason".to_owned(), native.as_str().into());
                }
            }
        }
        if !self.begun.contains(&chunk.choice) {
            self.begun.push(chunk.choice);
            delta.insert("role".to_owned(), "assistant".into());
        }
        let mut choice = Map::new();
        choice.insert("index".to_owned(), chunk.choice.into());
        choice.insert("delta".to_owned(), delta.into());
        choice.insert("finish_reason".to_owned(), Value::Null);
        choice.extend(choice_fields);
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

fn put(map: &mut Map<String, Value>, name: &str, value: &(impl Serialize + ?Sized)) {
    map.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
}
