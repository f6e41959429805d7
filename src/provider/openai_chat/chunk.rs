//! A chunk as compatible servers write it: every field can be missing or `null`.
//!
//! Nothing is copied: texts borrow from the event, and what most chunks do not have is left as [`RawValue`] until it is
//! asked for. A stream consists of thousands of these.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::chat::Audio;
use crate::text::Text;

#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(default, borrow)]
    pub(super) choices: Choices<'a>,
    #[serde(default, borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) citations: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) search_results: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// What each chunk repeats: read from the first that has it.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    #[serde(default, borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) model: Option<Text<'a>>,
    /// What watsonx calls it.
    #[serde(default, borrow)]
    pub(super) model_id: Option<Text<'a>>,
    #[serde(default)]
    pub(super) created: Option<f64>,
    #[serde(default, borrow)]
    pub(super) system_fingerprint: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) service_tier: Option<Text<'a>>,
}

/// The choices of a chunk, which is nearly always one.
#[derive(Default)]
pub(super) struct Choices<'a> {
    first: Option<ChunkChoice<'a>>,
    others: Vec<ChunkChoice<'a>>,
}

impl<'a> Choices<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ChunkChoice<'a>> {
        self.first.iter().chain(&self.others)
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = ChunkChoice<'a>> {
        self.first.into_iter().chain(self.others)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoicesVisitor;

        impl<'de> Visitor<'de> for ChoicesVisitor {
            type Value = Choices<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Choices::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut choices = Choices { first: seq.next_element()?, others: Vec::new() };
                while let Some(choice) = seq.next_element()? {
                    choices.others.push(choice);
                }
                Ok(choices)
            }
        }

        deserializer.deserialize_any(ChoicesVisitor)
    }
}

#[derive(Deserialize)]
pub(super) struct ChunkChoice<'a> {
    #[serde(default)]
    pub(super) index: Option<u32>,
    #[serde(default, borrow)]
    pub(super) delta: Option<ChunkDelta<'a>>,
    #[serde(default, borrow)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) native_finish_reason: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) logprobs: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct ChunkDelta<'a> {
    #[serde(default, borrow)]
    pub(super) content: Option<Body<'a>>,
    #[serde(default, borrow)]
    pub(super) reasoning_content: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) reasoning: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) refusal: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) tool_calls: Option<Vec<ChunkToolCall<'a>>>,
    #[serde(default, borrow)]
    pub(super) audio: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) images: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) annotations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct ChunkToolCall<'a> {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(default, borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) function: Option<FunctionDelta<'a>>,
}

#[derive(Default, Deserialize)]
pub(super) struct FunctionDelta<'a> {
    #[serde(default, borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) arguments: Option<Body<'a>>,
}

#[derive(Deserialize)]
pub(super) struct AudioDelta {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) data: Option<String>,
    #[serde(default)]
    pub(super) transcript: Option<String>,
    #[serde(default)]
    pub(super) expires_at: Option<u64>,
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

/// What a field holds, where it is of this type; what is not is as good as absent.
pub(super) fn read<'a, T: Deserialize<'a>>(field: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(field?.get()).ok()
}

/// Content or arguments: a text as OpenAI has it, or what some servers send in its place.
pub(super) enum Body<'a> {
    Text(Text<'a>),
    List(Vec<Value>),
    Other(Box<Value>),
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
                let value = Value::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Body::Other(Box::new(value)))
            }
        }

        deserializer.deserialize_any(BodyVisitor)
    }
}
