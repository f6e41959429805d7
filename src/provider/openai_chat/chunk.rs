//! A chunk as compatible servers write it: every field can be missing or `null`, texts borrow from the event.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::response::lenient;
use crate::chat::{Audio, Usage};
use crate::wire::text::Text;

#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(default, borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) model: Option<Text<'a>>,
    #[serde(default)]
    pub(super) created: Option<f64>,
    #[serde(default, borrow, deserialize_with = "or_empty")]
    pub(super) choices: Vec<ChunkChoice<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) usage: Option<Usage>,
    #[serde(default, borrow)]
    pub(super) system_fingerprint: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) service_tier: Option<Text<'a>>,
    #[serde(default)]
    pub(super) citations: Option<Value>,
    #[serde(default)]
    pub(super) search_results: Option<Value>,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct ChunkChoice<'a> {
    #[serde(default)]
    pub(super) index: Option<u32>,
    #[serde(default, borrow)]
    pub(super) delta: Option<ChunkDelta<'a>>,
    #[serde(default, borrow)]
    pub(super) message: Option<ChunkDelta<'a>>,
    #[serde(default, borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) native_finish_reason: Option<Text<'a>>,
    #[serde(default)]
    pub(super) logprobs: Option<Value>,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct ChunkDelta<'a> {
    #[serde(default, borrow)]
    pub(super) content: Option<Body<'a>>,
    #[serde(default, borrow)]
    pub(super) reasoning_content: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) reasoning: Option<Text<'a>>,
    #[serde(default)]
    pub(super) reasoning_details: Option<Vec<Value>>,
    #[serde(default, borrow)]
    pub(super) refusal: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(super) tool_calls: Option<Vec<ChunkToolCall<'a>>>,
    #[serde(default)]
    pub(super) audio: Option<AudioDelta>,
    #[serde(default)]
    pub(super) images: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) annotations: Option<Vec<Value>>,
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

/// Content or arguments: a text as OpenAI has it, or what some servers send in its place.
pub(super) enum Body<'a> {
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
