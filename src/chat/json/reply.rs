//! Replies, as OpenAI's `chat.completion` JSON.

use serde::de::{Error as _, IgnoredAny};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::entry;
use crate::chat::extra::fields_and_extra;
use crate::chat::{ChatResponse, Choice, Extra, FinishReason, Message, Usage};

impl Serialize for ChatResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("object", "chat.completion")?;
        map.serialize_entry("created", &self.created)?;
        map.serialize_entry("model", &self.model)?;
        map.serialize_entry("choices", &self.choices)?;
        entry(&mut map, "usage", self.usage.as_ref())?;
        entry(&mut map, "system_fingerprint", self.system_fingerprint.as_ref())?;
        entry(&mut map, "service_tier", self.service_tier.as_ref())?;
        for (name, value) in self.extra.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Default)]
struct ResponseJson {
    id: Option<String>,
    object: Option<IgnoredAny>,
    created: Option<f64>,
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
    system_fingerprint: Option<String>,
    service_tier: Option<String>,
    extra: Extra,
}

fields_and_extra!(ResponseJson { id, object, created, model, choices, usage, system_fingerprint, service_tier });

impl<'de> Deserialize<'de> for ChatResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = ResponseJson::deserialize(deserializer)?;
        Ok(Self {
            id: json.id.unwrap_or_default(),
            model: json.model.unwrap_or_default(),
            created: json.created.map_or(0, |seconds| seconds as u64),
            choices: json.choices.ok_or_else(|| D::Error::missing_field("choices"))?,
            usage: json.usage,
            system_fingerprint: json.system_fingerprint,
            service_tier: json.service_tier,
            extra: json.extra,
            meta: Box::default(),
        })
    }
}

impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("finish_reason", &self.finish_reason)?;
        entry(&mut map, "native_finish_reason", self.native_finish_reason.as_ref())?;
        entry(&mut map, "logprobs", self.logprobs.as_ref())?;
        for (name, value) in self.extra.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Default)]
struct ChoiceJson {
    index: Option<u32>,
    message: Option<Message>,
    finish_reason: Option<FinishReason>,
    native_finish_reason: Option<String>,
    logprobs: Option<Value>,
    extra: Extra,
}

fields_and_extra!(ChoiceJson { index, message, finish_reason, native_finish_reason, logprobs });

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = ChoiceJson::deserialize(deserializer)?;
        Ok(Self {
            index: json.index.unwrap_or(0),
            message: json.message.ok_or_else(|| D::Error::missing_field("message"))?,
            finish_reason: json.finish_reason,
            native_finish_reason: json.native_finish_reason,
            logprobs: json.logprobs,
            extra: json.extra,
        })
    }
}
