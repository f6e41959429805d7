//! Messages and their annotations, as OpenAI's JSON.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::part::{assistant_audio, is_bare, own_part, read_audio_part, read_block, read_own_part, read_tool_call};
use super::{ContentPart, entry, list, read_part, rest, take_count, take_string, thinking_block, tool_call_json};
use crate::chat::extra::fields_and_extra;
use crate::chat::{Annotation, Content, Extra, Message, Part, Role};

/// The member in which an OpenAI message holds a part, in the order in which they are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// `reasoning_content`: one text.
    Reasoning,
    /// `thinking_blocks`, which are read in the place of `reasoning_content`.
    ThinkingBlocks,
    /// `content`.
    Content,
    /// `refusal`: one text.
    Refusal,
    /// `images` of the assistant.
    Images,
    /// `audio` of the assistant: one.
    Audio,
    /// `tool_calls`.
    ToolCalls,
}

impl Place {
    /// Where a part is written; `None` for what only its own provider understands.
    fn of(part: &Part, role: Role) -> Option<Self> {
        let assistant = role == Role::Assistant;
        match &part.content {
            Content::Reasoning(_) if part.seal.is_some() => Some(Self::ThinkingBlocks),
            Content::Reasoning(_) => Some(Self::Reasoning),
            Content::Refusal(_) => Some(Self::Refusal),
            Content::Image(_) if assistant => Some(Self::Images),
            Content::Audio(_) if assistant => Some(Self::Audio),
            Content::ToolCall(_) => Some(Self::ToolCalls),
            Content::Native(native) => {
                let itself = native.provider.is_empty() && native.value.is_object();
                let read = itself.then(|| read_part(native.value.clone()))?.ok()?;
                (read.content == part.content).then_some(Self::Content)
            }
            Content::Text(_) | Content::File(_) | Content::Video(_) | Content::Image(_) | Content::Audio(_) => {
                Some(Self::Content)
            }
        }
    }

    /// Whether a message with a part here may have another: in the same member, or in one that is read instead.
    fn takes_one(self) -> bool {
        matches!(self, Self::Reasoning | Self::Refusal | Self::Audio)
    }

    /// Whether what is written of the part in this place is all of it.
    fn holds(self, part: &Part) -> bool {
        match (self, &part.content) {
            (Self::Reasoning, Content::Reasoning(reasoning)) => {
                is_bare(part) && !reasoning.text.is_empty() && !reasoning.redacted
            }
            (Self::ThinkingBlocks, Content::Reasoning(reasoning)) => {
                let sealed = part.seal.as_ref().is_some_and(|seal| !seal.value.is_empty());
                sealed && (reasoning.text.is_empty() || !reasoning.redacted)
            }
            (Self::Refusal, _) => is_bare(part) && part.seal.is_none(),
            (Self::Audio, _) => {
                let inside = part.extra.iter().all(|(name, value)| name == "input_audio" && value.is_object());
                part.cache_control.is_none() && part.seal.is_none() && inside
            }
            (Self::Content, Content::Audio(audio)) => {
                part.seal.is_none() && audio.id.is_none() && audio.transcript.is_none() && audio.expires_at.is_none()
            }
            (Self::Content, Content::Native(_)) => is_bare(part) && part.seal.is_none(),
            (Self::ToolCalls, _) => {
                part.cache_control.is_none()
                    && part.seal.as_ref().is_none_or(|seal| seal.provider == super::THOUGHT_SIGNATURE)
            }
            _ => part.seal.is_none(),
        }
    }
}

impl Message {
    /// Whether the content is written as a list though it is a lone text.
    pub(crate) fn listed(&self) -> bool {
        self.listed || self.parts_in(Place::Content).any(|part| !is_bare(part))
    }

    /// Remembers that the content was a list of so many, where its parts alone would be written otherwise.
    fn list(&mut self, length: Option<usize>) {
        let plain = self.parts_in(Place::Content).all(|part| part.as_text().is_some() && is_bare(part));
        let count = self.parts_in(Place::Content).count();
        self.listed = plain && count < 2 && length == Some(count);
    }

    /// Whether reading OpenAI's fields gives the same parts in the same order.
    fn is_plain(&self) -> bool {
        let mut last = None;
        self.parts.iter().all(|part| {
            let Some(place) = Place::of(part, self.role) else { return false };
            let before = last.replace(place);
            let in_order = before.is_none_or(|before| before < place || before == place && !place.takes_one());
            let alone = (before, place) != (Some(Place::Reasoning), Place::ThinkingBlocks);
            in_order && alone && place.holds(part)
        })
    }

    fn parts_in(&self, place: Place) -> impl Iterator<Item = &Part> + Clone {
        self.parts.iter().filter(move |part| Place::of(part, self.role) == Some(place))
    }
}

// ---- out --------------------------------------------------------------------------------------------------------

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", &self.role)?;
        let plain = self.is_plain();
        map.serialize_entry("content", &ContentJson { message: self, plain })?;
        entry(&mut map, "name", self.name.as_ref())?;
        entry(&mut map, "tool_call_id", self.tool_call_id.as_ref())?;
        if self.is_error {
            map.serialize_entry("is_error", &true)?;
        }
        entry(&mut map, "refusal", self.refusal())?;
        let reasoning = self.reasoning();
        entry(&mut map, "reasoning_content", (!reasoning.is_empty()).then_some(reasoning))?;
        list(&mut map, "thinking_blocks", self.parts_in(Place::ThinkingBlocks).filter_map(thinking_block))?;
        list(&mut map, "images", self.parts_in(Place::Images).map(ContentPart::new))?;
        entry(&mut map, "audio", self.parts_in(Place::Audio).find_map(assistant_audio))?;
        list(&mut map, "tool_calls", self.parts_in(Place::ToolCalls).filter_map(tool_call_json))?;
        list(&mut map, "annotations", self.annotations.iter().map(annotation_json))?;
        if !plain {
            map.serialize_entry("parts", &self.parts.iter().map(own_part).collect::<Vec<_>>())?;
        }
        rest(&mut map, &self.extra, &[])?;
        map.end()
    }
}

/// The `content` member: a text, a list of parts, or `null`. Where `parts` tells how a message is made up, `content` is
/// the text alone, as OpenAI's clients expect it of a reply.
struct ContentJson<'a> {
    message: &'a Message,
    plain: bool,
}

impl Serialize for ContentJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.message.parts_in(Place::Content);
        let (mut all, listed) = (parts.clone(), self.message.listed());
        let only_text = parts.clone().all(|part| part.as_text().is_some()) && parts.clone().next().is_some();
        if !self.plain && only_text && !self.message.listed {
            return serializer.serialize_str(&self.message.text());
        }
        match (all.next(), all.next()) {
            (None, _) if !listed => serializer.serialize_none(),
            (Some(Part { content: Content::Text(text), .. }), None) if !listed => serializer.serialize_str(text),
            _ => {
                let mut seq = serializer.serialize_seq(None)?;
                for part in parts {
                    match &part.content {
                        Content::Native(native) => seq.serialize_element(&native.value)?,
                        _ => seq.serialize_element(&ContentPart::new(part))?,
                    }
                }
                seq.end()
            }
        }
    }
}

/// An annotation in OpenAI's form: the fields under its kind, or flat where it has none.
pub(in crate::chat) fn annotation_json(annotation: &Annotation) -> Value {
    let mut fields = Map::new();
    for (name, value) in [("start_index", annotation.start_index), ("end_index", annotation.end_index)] {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.into());
        }
    }
    for (name, value) in [("url", &annotation.url), ("title", &annotation.title)] {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.as_str().into());
        }
    }
    fields.extend(annotation.extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    match annotation.kind.as_str() {
        "" => fields.into(),
        kind => json!({"type": kind, kind: fields}),
    }
}

// ---- in ---------------------------------------------------------------------------------------------------------

#[derive(Default)]
struct MessageJson {
    role: Option<Role>,
    content: Option<ListOrText>,
    name: Option<String>,
    tool_call_id: Option<String>,
    is_error: Option<bool>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    thinking_blocks: Option<Vec<Value>>,
    images: Option<Vec<Value>>,
    audio: Option<Map<String, Value>>,
    tool_calls: Option<Vec<Map<String, Value>>>,
    annotations: Option<Vec<Value>>,
    parts: Option<Vec<Value>>,
    extra: Extra,
}

fields_and_extra!(MessageJson {
    role,
    content,
    name,
    tool_call_id,
    is_error,
    refusal,
    reasoning_content,
    thinking_blocks,
    images,
    audio,
    tool_calls,
    annotations,
    parts,
});

enum ListOrText {
    Text(String),
    List(Vec<Value>),
    /// What a reply was asked to be in JSON, which some servers write as the JSON itself.
    Json(Map<String, Value>),
}

impl<'de> Deserialize<'de> for ListOrText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;

        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = ListOrText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of parts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(ListOrText::Text(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(ListOrText::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(ListOrText::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Map::deserialize(MapAccessDeserializer::new(map)).map(ListOrText::Json)
            }
        }

        deserializer.deserialize_any(ContentVisitor)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = MessageJson::deserialize(deserializer)?;
        let read = |values: Vec<Value>| values.into_iter().map(read_part).collect::<Result<Vec<_>, _>>();
        let mut message = Self::new(json.role.unwrap_or(Role::Assistant), Vec::<Part>::new());
        message.name = json.name;
        message.tool_call_id = json.tool_call_id;
        message.is_error = json.is_error.unwrap_or(false);
        message.annotations = json.annotations.into_iter().flatten().filter_map(read_annotation).collect();
        message.extra = json.extra;
        let (content, list_of) = match json.content {
            Some(ListOrText::Text(text)) => (vec![Part::text(text)], None),
            Some(ListOrText::Json(json)) => (vec![Part::text(Value::from(json).to_string())], None),
            Some(ListOrText::List(list)) => {
                let length = list.len();
                (read(list).map_err(D::Error::custom)?, Some(length))
            }
            None => (Vec::new(), None),
        };
        if let Some(parts) = json.parts {
            let parts = parts.into_iter().map(read_own_part).collect::<Result<_, _>>();
            message.parts = parts.map_err(D::Error::custom)?;
            message.list(list_of);
            return Ok(message);
        }
        let parts = &mut message.parts;
        match json.thinking_blocks.filter(|blocks| !blocks.is_empty()) {
            Some(blocks) => parts.extend(blocks.into_iter().map(read_block)),
            None => parts.extend(json.reasoning_content.filter(|text| !text.is_empty()).map(Part::reasoning)),
        }
        parts.extend(content);
        parts.extend(json.refusal.map(|text| Part::new(Content::Refusal(text))));
        parts.extend(read(json.images.unwrap_or_default()).map_err(D::Error::custom)?);
        parts.extend(json.audio.map(read_audio_part));
        for call in json.tool_calls.into_iter().flatten() {
            parts.push(read_tool_call(call).map_err(D::Error::custom)?);
        }
        message.list(list_of);
        Ok(message)
    }
}

/// An annotation; the fields stand under its kind (OpenAI) or beside it (some others).
pub(crate) fn read_annotation(value: Value) -> Option<Annotation> {
    let Value::Object(mut fields) = value else { return None };
    let kind = take_string(&mut fields, "type").unwrap_or_default();
    if fields.get(&kind).is_some_and(Value::is_object)
        && let Some(Value::Object(inner)) = fields.shift_remove(&kind)
    {
        fields.extend(inner);
    }
    Some(Annotation {
        kind,
        start_index: take_count(&mut fields, "start_index"),
        end_index: take_count(&mut fields, "end_index"),
        url: take_string(&mut fields, "url"),
        title: take_string(&mut fields, "title"),
        extra: fields.into(),
    })
}
