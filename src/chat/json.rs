//! OpenAI's JSON, both ways: requests, messages, tools and replies.
//!
//! LiteLLM's names stand in where OpenAI has none (`reasoning_content`, `thinking_blocks`). Where the order of a
//! message's parts cannot be told from OpenAI's fields, the message carries a member of our own, `parts`, beside them.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{
    Annotation, Audio, CacheControl, CallMeta, ChatResponse, Choice, Content, Extra, FinishReason, Image,
    JsonSchemaFormat, Media, Message, Native, Part, Reasoning, ResponseFormat, Role, Seal, Source, Tool, ToolCall,
    ToolChoice, Usage,
};

/// Whose blocks the JSON's `thinking_blocks` are, unless they say it themselves: the name was made for Anthropic's.
const THINKING_BLOCKS: &str = "anthropic";
/// Whose signature a tool call's `thought_signature` is.
const THOUGHT_SIGNATURE: &str = "gemini";

// ---- messages, out ----------------------------------------------------------------------------------------------

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", &self.role)?;
        map.serialize_entry("content", &ContentJson(self))?;
        entry(&mut map, "name", self.name.as_ref())?;
        entry(&mut map, "tool_call_id", self.tool_call_id.as_ref())?;
        if self.is_error {
            map.serialize_entry("is_error", &true)?;
        }
        entry(&mut map, "refusal", self.refusal())?;
        let reasoning = self.reasoning();
        entry(&mut map, "reasoning_content", (!reasoning.is_empty()).then_some(reasoning))?;
        list(&mut map, "thinking_blocks", self.parts.iter().filter_map(thinking_block))?;
        if self.role == Role::Assistant {
            list(
                &mut map,
                "images",
                self.parts.iter().filter_map(|part| match &part.content {
                    Content::Image(image) => Some(image_json(image)),
                    _ => None,
                }),
            )?;
            entry(
                &mut map,
                "audio",
                self.parts.iter().find_map(|part| match &part.content {
                    Content::Audio(audio) => Some(audio_json(audio)),
                    _ => None,
                }),
            )?;
        }
        list(
            &mut map,
            "tool_calls",
            self.parts.iter().filter_map(|part| part.as_tool_call().map(|call| ToolCallJson { call, part })),
        )?;
        list(&mut map, "annotations", self.annotations.iter().map(annotation_json))?;
        if !self.is_plain() {
            map.serialize_entry("parts", &self.parts.iter().map(part_json).collect::<Vec<_>>())?;
        }
        for (name, value) in self.extra.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Message {
    /// Whether a lone text was read as a list of one.
    pub(crate) fn listed(&self) -> bool {
        self.listed
    }

    /// Whether reading OpenAI's fields gives the same parts in the same order.
    fn is_plain(&self) -> bool {
        let assistant = self.role == Role::Assistant;
        let mut last = 0;
        let mut joined = None;
        self.parts.iter().all(|part| {
            let bare = part.cache_control.is_none() && part.extra.is_empty();
            let (rank, plain) = match &part.content {
                Content::Reasoning(reasoning) => {
                    let sealed = part.seal.is_some();
                    let alone = joined.replace(sealed).is_none_or(|before| before && sealed);
                    (1, bare && alone && (sealed != reasoning.text.is_empty() || sealed && !reasoning.redacted))
                }
                Content::Refusal(_) => (3, bare && part.seal.is_none() && last < 3),
                Content::Image(_) if assistant => (4, bare && part.seal.is_none()),
                Content::Audio(_) if assistant => (5, bare && part.seal.is_none() && last < 5),
                Content::ToolCall(_) => (6, bare && part.seal.as_ref().is_none_or(|s| s.provider == THOUGHT_SIGNATURE)),
                Content::Native(_) => (0, false),
                _ => (2, part.seal.is_none()),
            };
            let in_order = rank >= last;
            last = rank;
            plain && in_order
        })
    }

    /// The parts that OpenAI's `content` holds.
    fn content_parts(&self) -> impl Iterator<Item = &Part> + Clone {
        let assistant = self.role == Role::Assistant;
        self.parts.iter().filter(move |part| match part.content {
            Content::Text(_) | Content::File(_) | Content::Video(_) => true,
            Content::Image(_) | Content::Audio(_) => !assistant,
            _ => false,
        })
    }
}

/// The `content` member: a text, a list of parts, or `null`.
struct ContentJson<'a>(&'a Message);

impl Serialize for ContentJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = self.0.content_parts();
        match (parts.next(), parts.next()) {
            (None, _) => serializer.serialize_none(),
            (Some(part), None) if !self.0.listed && part.cache_control.is_none() && part.extra.is_empty() => {
                match &part.content {
                    Content::Text(text) => serializer.serialize_str(text),
                    _ => [ContentPart::new(part)].serialize(serializer),
                }
            }
            _ => {
                let mut seq = serializer.serialize_seq(None)?;
                for part in self.0.content_parts() {
                    seq.serialize_element(&ContentPart::new(part))?;
                }
                seq.end()
            }
        }
    }
}

/// A part in OpenAI's form of `content`: borrowed, so that a large picture is written without a copy.
pub(crate) struct ContentPart<'a> {
    pub(crate) part: &'a Part,
    /// Whether its cache marker is written.
    pub(crate) marked: bool,
}

impl<'a> ContentPart<'a> {
    fn new(part: &'a Part) -> Self {
        Self { part, marked: true }
    }
}

impl Serialize for ContentPart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let part = self.part;
        let mut map = serializer.serialize_map(None)?;
        match &part.content {
            Content::Text(text) => {
                map.serialize_entry("type", "text")?;
                map.serialize_entry("text", text)?;
            }
            Content::Image(image) => {
                map.serialize_entry("type", "image_url")?;
                map.serialize_entry("image_url", &image_fields(image))?;
            }
            Content::Audio(audio) => {
                map.serialize_entry("type", "input_audio")?;
                map.serialize_entry("input_audio", &json!({"data": audio.data, "format": audio.format}))?;
            }
            Content::File(file) => {
                map.serialize_entry("type", "file")?;
                map.serialize_entry("file", &file_fields(file))?;
            }
            Content::Video(video) => {
                map.serialize_entry("type", "video_url")?;
                map.serialize_entry("video_url", &json!({"url": video.source.to_url()}))?;
            }
            Content::Refusal(text) => {
                map.serialize_entry("type", "refusal")?;
                map.serialize_entry("refusal", text)?;
            }
            Content::Reasoning(reasoning) => {
                map.serialize_entry("type", "reasoning")?;
                map.serialize_entry("text", &reasoning.text)?;
                if reasoning.redacted {
                    map.serialize_entry("redacted", &true)?;
                }
            }
            Content::ToolCall(call) => {
                map.serialize_entry("type", "tool_call")?;
                map.serialize_entry("id", &call.id)?;
                map.serialize_entry("name", &call.name)?;
                map.serialize_entry("arguments", &call.arguments)?;
            }
            Content::Native(native) => {
                map.serialize_entry("type", "native")?;
                map.serialize_entry("provider", &native.provider)?;
                map.serialize_entry("value", &native.value)?;
            }
        }
        entry(&mut map, "cache_control", part.cache_control.as_ref().filter(|_| self.marked))?;
        for (name, value) in part.extra.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A part in our own form, for the `parts` member.
fn part_json(part: &Part) -> Value {
    let mut value = serde_json::to_value(ContentPart::new(part)).unwrap_or_default();
    if let (Some(seal), Some(fields)) = (&part.seal, value.as_object_mut()) {
        fields.insert("seal".to_owned(), json!({"provider": seal.provider, "value": seal.value}));
    }
    if let (Content::Audio(audio), Some(fields)) = (&part.content, value.as_object_mut()) {
        fields.insert("input_audio".to_owned(), audio_json(audio));
    }
    value
}

/// `{"url": …, "detail": …}`, or the id of an uploaded picture.
fn image_fields(image: &Image) -> Value {
    let mut fields = Map::new();
    match &image.source {
        Source::FileId(id) => fields.insert("file_id".to_owned(), id.as_str().into()),
        source => fields.insert("url".to_owned(), source.to_url().unwrap_or_default().into()),
    };
    if let Some(detail) = &image.detail {
        fields.insert("detail".to_owned(), detail.as_str().into());
    }
    fields.into()
}

/// `{"file_id" | "file_data": …, "filename": …}`; an address goes under `file_id`, as LiteLLM has it.
fn file_fields(file: &Media) -> Value {
    let mut fields = Map::new();
    match &file.source {
        Source::Url(id) | Source::FileId(id) => fields.insert("file_id".to_owned(), id.as_str().into()),
        source => fields.insert("file_data".to_owned(), source.to_url().unwrap_or_default().into()),
    };
    for (name, value) in [("filename", &file.name), ("format", &file.format)] {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.as_str().into());
        }
    }
    fields.into()
}

pub(super) fn image_json(image: &Image) -> Value {
    json!({"type": "image_url", "image_url": image_fields(image)})
}

pub(super) fn audio_json(audio: &Audio) -> Value {
    let mut fields = Map::new();
    fields.insert("data".to_owned(), audio.data.as_str().into());
    for (name, value) in [("format", &audio.format), ("id", &audio.id), ("transcript", &audio.transcript)] {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.as_str().into());
        }
    }
    if let Some(at) = audio.expires_at {
        fields.insert("expires_at".to_owned(), at.into());
    }
    fields.into()
}

pub(super) fn annotation_json(annotation: &Annotation) -> Value {
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
    json!({"type": annotation.kind, annotation.kind.as_str(): fields})
}

/// Sealed reasoning in Anthropic's form, which LiteLLM calls `thinking_blocks`.
fn thinking_block(part: &Part) -> Option<Value> {
    let (Content::Reasoning(reasoning), Some(seal)) = (&part.content, &part.seal) else { return None };
    let mut block = if reasoning.redacted {
        json!({"type": "redacted_thinking", "data": seal.value})
    } else {
        json!({"type": "thinking", "thinking": reasoning.text, "signature": seal.value})
    };
    if seal.provider != THINKING_BLOCKS {
        block.as_object_mut()?.insert("provider".to_owned(), seal.provider.clone().into());
    }
    Some(block)
}

struct ToolCallJson<'a> {
    call: &'a ToolCall,
    part: &'a Part,
}

impl Serialize for ToolCallJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.call.id)?;
        map.serialize_entry("type", "function")?;
        map.serialize_entry("function", &json!({"name": self.call.name, "arguments": self.call.arguments}))?;
        if let Some(signature) = self.part.seal_of(THOUGHT_SIGNATURE) {
            map.serialize_entry("provider_specific_fields", &json!({"thought_signature": signature}))?;
        }
        map.end()
    }
}

// ---- messages, in -----------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct MessageJson {
    #[serde(default = "assistant")]
    role: Role,
    #[serde(default)]
    content: Option<ListOrText>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    tool_call_id: Option<String>,
    #[serde(default)]
    is_error: Option<bool>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    thinking_blocks: Option<Vec<Value>>,
    #[serde(default)]
    images: Option<Vec<Value>>,
    #[serde(default)]
    audio: Option<Map<String, Value>>,
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
    #[serde(default)]
    annotations: Option<Vec<Value>>,
    #[serde(default)]
    parts: Option<Vec<Value>>,
    #[serde(flatten)]
    extra: Extra,
}

fn assistant() -> Role {
    Role::Assistant
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ListOrText {
    Text(String),
    List(Vec<Value>),
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = MessageJson::deserialize(deserializer)?;
        let mut message = Self::new(json.role, Vec::<Part>::new());
        message.name = json.name;
        message.tool_call_id = json.tool_call_id;
        message.is_error = json.is_error.unwrap_or(false);
        message.annotations = json.annotations.into_iter().flatten().filter_map(read_annotation).collect();
        message.extra = json.extra;
        if let Some(parts) = json.parts {
            message.parts = parts.into_iter().map(read_part).collect::<Result<_, _>>().map_err(D::Error::custom)?;
            return Ok(message);
        }
        match json.thinking_blocks.filter(|blocks| !blocks.is_empty()) {
            Some(blocks) => message.parts.extend(blocks.into_iter().map(read_thinking_block)),
            None => {
                message.parts.extend(json.reasoning_content.filter(|text| !text.is_empty()).map(Part::reasoning));
            }
        }
        match json.content {
            Some(ListOrText::Text(text)) => message.parts.push(Part::text(text)),
            Some(ListOrText::List(list)) => {
                message.listed =
                    matches!(list.as_slice(), [only] if only.get("type").is_some_and(|kind| kind == "text"));
                for part in list {
                    message.parts.push(read_part(part).map_err(D::Error::custom)?);
                }
            }
            None => {}
        }
        message.parts.extend(json.refusal.map(|text| Part::new(Content::Refusal(text))));
        for image in json.images.into_iter().flatten() {
            message.parts.push(read_part(image).map_err(D::Error::custom)?);
        }
        message.parts.extend(json.audio.map(|fields| Part::new(Content::Audio(read_audio(&fields)))));
        for call in json.tool_calls.into_iter().flatten() {
            message.parts.push(read_tool_call(&call).map_err(D::Error::custom)?);
        }
        Ok(message)
    }
}

/// A part of OpenAI's `content` or of our own `parts`. A kind that is not known is kept as it is.
pub(crate) fn read_part(value: Value) -> Result<Part, String> {
    let Value::Object(mut fields) = value else {
        return match value {
            Value::String(text) => Ok(Part::text(text)),
            other => Err(format!("a content part must be an object, not {other}")),
        };
    };
    let kind = take_string(&mut fields, "type").unwrap_or_default();
    let mut inner = |name: &str| match fields.shift_remove(name) {
        Some(Value::Object(inner)) => Ok(inner),
        Some(Value::String(url)) => Ok(Map::from_iter([("url".to_owned(), url.into())])),
        _ => Err(format!("a content part of type `{kind}` needs an object `{name}`")),
    };
    let content = match kind.as_str() {
        "text" | "input_text" | "output_text" => {
            Content::Text(take_string(&mut fields, "text").ok_or("a content part of type `text` needs a `text`")?)
        }
        "refusal" => Content::Refusal(take_string(&mut fields, "refusal").unwrap_or_default()),
        "image_url" => {
            let mut image = inner("image_url")?;
            let detail = take_string(&mut image, "detail");
            let source = match (take_string(&mut image, "url"), take_string(&mut image, "file_id")) {
                (Some(url), _) => Source::from_url(url),
                (None, Some(id)) => Source::FileId(id),
                (None, None) => return Err("an `image_url` needs a `url`".to_owned()),
            };
            if let Some(format) = take_string(&mut image, "format") {
                fields.insert("format".to_owned(), format.into());
            }
            Content::Image(Image { source, detail })
        }
        "input_audio" => Content::Audio(read_audio(&inner("input_audio")?)),
        "file" => {
            let mut file = inner("file")?;
            let source = match (take_string(&mut file, "file_data"), take_string(&mut file, "file_id")) {
                (Some(data), _) => Source::from_url(data),
                (None, Some(id)) if id.contains("://") => Source::Url(id),
                (None, Some(id)) => Source::FileId(id),
                (None, None) => return Err("a `file` needs `file_data` or `file_id`".to_owned()),
            };
            let (name, format) = (take_string(&mut file, "filename"), take_string(&mut file, "format"));
            Content::File(Media { source, name, format })
        }
        "video_url" => {
            let mut video = inner("video_url")?;
            let url = take_string(&mut video, "url").ok_or("a `video_url` needs a `url`")?;
            Content::Video(Media {
                source: Source::from_url(url),
                name: None,
                format: take_string(&mut video, "format"),
            })
        }
        "thinking" | "redacted_thinking" => {
            fields.insert("type".to_owned(), kind.into());
            return Ok(read_thinking_block(fields.into()));
        }
        "reasoning" if fields.contains_key("text") => Content::Reasoning(Reasoning {
            text: take_string(&mut fields, "text").unwrap_or_default(),
            redacted: fields.shift_remove("redacted").is_some_and(|flag| flag == true),
        }),
        "tool_call" => Content::ToolCall(ToolCall {
            id: take_string(&mut fields, "id").unwrap_or_default(),
            name: take_string(&mut fields, "name").unwrap_or_default(),
            arguments: take_string(&mut fields, "arguments").unwrap_or_default(),
        }),
        "native" => Content::Native(Native {
            provider: take_string(&mut fields, "provider").unwrap_or_default().into(),
            value: fields.shift_remove("value").unwrap_or_default(),
        }),
        _ => {
            fields.insert("type".to_owned(), kind.into());
            return Ok(Part::native("", fields.into()));
        }
    };
    let mut part = Part::new(content);
    part.cache_control = fields.shift_remove("cache_control").and_then(|marker| CacheControl::deserialize(marker).ok());
    if let Some(Value::Object(mut seal)) = fields.shift_remove("seal") {
        let provider = take_string(&mut seal, "provider").unwrap_or_default();
        part.seal = take_string(&mut seal, "value").map(|value| Seal::new(provider, value));
    }
    part.extra = fields.into();
    Ok(part)
}

fn read_thinking_block(block: Value) -> Part {
    let text = |name: &str| block.get(name).and_then(Value::as_str);
    let provider = text("provider").map_or(Cow::Borrowed(THINKING_BLOCKS), |name| Cow::Owned(name.to_owned()));
    let redacted = text("type") == Some("redacted_thinking");
    let seal = if redacted { text("data") } else { text("signature") };
    let reasoning = Reasoning { text: text("thinking").unwrap_or_default().to_owned(), redacted };
    let mut part = Part::new(Content::Reasoning(reasoning));
    part.seal = seal.filter(|seal| !seal.is_empty()).map(|seal| Seal::new(provider, seal));
    part
}

fn read_audio(fields: &Map<String, Value>) -> Audio {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    Audio {
        data: text("data").unwrap_or_default(),
        format: text("format"),
        id: text("id"),
        transcript: text("transcript"),
        expires_at: fields.get("expires_at").and_then(Value::as_u64),
    }
}

/// A tool call. Arguments that a server sends as an object become the text that OpenAI would send.
fn read_tool_call(value: &Value) -> Result<Part, String> {
    let function = value.get("function").or_else(|| value.get("custom")).ok_or("a tool call needs a `function`")?;
    let text = |from: &Value, name: &str| from.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let arguments = match function.get("arguments").or_else(|| function.get("input")) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    };
    let mut part = Part::tool_call(text(value, "id"), text(function, "name"), arguments);
    let signature = value.get("provider_specific_fields").and_then(|fields| fields.get("thought_signature"));
    part.seal = signature.and_then(Value::as_str).map(|value| Seal::new(THOUGHT_SIGNATURE, value));
    Ok(part)
}

/// An annotation; the fields stand under its kind (OpenAI) or beside it (some others).
pub(crate) fn read_annotation(value: Value) -> Option<Annotation> {
    let Value::Object(mut outer) = value else { return None };
    let kind = take_string(&mut outer, "type")?;
    let mut fields = match outer.shift_remove(&kind) {
        Some(Value::Object(fields)) => fields,
        _ => outer,
    };
    Some(Annotation {
        kind,
        start_index: fields.shift_remove("start_index").and_then(|at| at.as_u64()),
        end_index: fields.shift_remove("end_index").and_then(|at| at.as_u64()),
        url: take_string(&mut fields, "url"),
        title: take_string(&mut fields, "title"),
        extra: fields.into(),
    })
}

// ---- tools ------------------------------------------------------------------------------------------------------

impl Serialize for Tool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self::Function { name, description, parameters, strict, cache_control, extra } = self else {
            let Self::Native(value) = self else { return serializer.serialize_none() };
            return value.serialize(serializer);
        };
        struct Function<'a>(&'a str, &'a Option<String>, &'a Option<Value>, Option<bool>, Option<&'a Value>);
        impl Serialize for Function<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("name", self.0)?;
                entry(&mut map, "description", self.1.as_ref())?;
                entry(&mut map, "parameters", self.2.as_ref())?;
                entry(&mut map, "strict", self.3)?;
                for (name, value) in self.4.and_then(Value::as_object).into_iter().flatten() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "function")?;
        let inner = extra.get("function");
        map.serialize_entry("function", &Function(name, description, parameters, *strict, inner))?;
        entry(&mut map, "cache_control", cache_control.as_ref())?;
        for (name, value) in extra.iter().filter(|(name, _)| *name != "function") {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Tool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let is_function = value.get("type").is_none_or(|kind| kind == "function");
        let (true, Value::Object(mut outer)) = (is_function && value.get("function").is_some(), value.clone()) else {
            return Ok(Self::Native(value));
        };
        let Some(Value::Object(mut function)) = outer.shift_remove("function") else {
            return Err(D::Error::custom("a tool of type `function` needs an object `function`"));
        };
        outer.shift_remove("type");
        let name = take_string(&mut function, "name").ok_or_else(|| D::Error::custom("a function needs a `name`"))?;
        let tool = Self::Function {
            name,
            description: take_string(&mut function, "description"),
            parameters: function.shift_remove("parameters").filter(|schema| !schema.is_null()),
            strict: function.shift_remove("strict").and_then(|on| on.as_bool()),
            cache_control: outer
                .shift_remove("cache_control")
                .or_else(|| function.shift_remove("cache_control"))
                .and_then(|marker| CacheControl::deserialize(marker).ok()),
            extra: {
                if !function.is_empty() {
                    outer.insert("function".to_owned(), function.into());
                }
                outer.into()
            },
        };
        Ok(tool)
    }
}

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::None => serializer.serialize_str("none"),
            Self::Required => serializer.serialize_str("required"),
            Self::Function(name) => json!({"type": "function", "function": {"name": name}}).serialize(serializer),
            Self::Native(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match value.as_str() {
            Some("auto") => Self::Auto,
            Some("none") => Self::None,
            Some("required" | "any") => Self::Required,
            _ => match value.pointer("/function/name").and_then(Value::as_str) {
                Some(name) => Self::Function(name.to_owned()),
                None => Self::Native(value),
            },
        })
    }
}

impl Serialize for ResponseFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text => json!({"type": "text"}).serialize(serializer),
            Self::JsonObject => json!({"type": "json_object"}).serialize(serializer),
            Self::JsonSchema(format) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("type", "json_schema")?;
                map.serialize_entry("json_schema", format)?;
                map.end()
            }
            Self::Native(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ResponseFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let fields = value.as_object().map_or(0, Map::len);
        Ok(match (value.get("type").and_then(Value::as_str), value.get("json_schema")) {
            (Some("text"), None) if fields == 1 => Self::Text,
            (Some("json_object"), None) if fields == 1 => Self::JsonObject,
            (Some("json_schema"), Some(schema)) if fields == 2 => match JsonSchemaFormat::deserialize(schema) {
                Ok(format) => Self::JsonSchema(format),
                Err(_) => Self::Native(value),
            },
            _ => Self::Native(value),
        })
    }
}

// ---- replies ----------------------------------------------------------------------------------------------------

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

#[derive(Deserialize)]
struct ResponseJson {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "object")]
    _object: Option<Value>,
    #[serde(default)]
    created: Option<f64>,
    #[serde(default)]
    model: Option<String>,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    system_fingerprint: Option<String>,
    #[serde(default)]
    service_tier: Option<String>,
    #[serde(flatten)]
    extra: Extra,
}

impl<'de> Deserialize<'de> for ChatResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = ResponseJson::deserialize(deserializer)?;
        Ok(Self {
            id: json.id.unwrap_or_default(),
            model: json.model.unwrap_or_default(),
            created: json.created.map_or(0, |seconds| seconds as u64),
            choices: json.choices,
            usage: json.usage,
            system_fingerprint: json.system_fingerprint,
            service_tier: json.service_tier,
            extra: json.extra,
            meta: CallMeta::default(),
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

#[derive(Deserialize)]
struct ChoiceJson {
    #[serde(default)]
    index: Option<u32>,
    message: Message,
    #[serde(default)]
    finish_reason: Option<FinishReason>,
    #[serde(default)]
    native_finish_reason: Option<String>,
    #[serde(default)]
    logprobs: Option<Value>,
    #[serde(flatten)]
    extra: Extra,
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = ChoiceJson::deserialize(deserializer)?;
        Ok(Self {
            index: json.index.unwrap_or(0),
            message: json.message,
            finish_reason: json.finish_reason,
            native_finish_reason: json.native_finish_reason,
            logprobs: json.logprobs,
            extra: json.extra,
        })
    }
}

// ---- small things -----------------------------------------------------------------------------------------------

/// A member, where there is one.
fn entry<M: SerializeMap, T: Serialize>(map: &mut M, name: &str, value: Option<T>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
}

/// A member that is a list, where it has elements.
fn list<M: SerializeMap, T: Serialize>(
    map: &mut M,
    name: &str,
    values: impl Iterator<Item = T>,
) -> Result<(), M::Error> {
    let values: Vec<T> = values.collect();
    if values.is_empty() { Ok(()) } else { map.serialize_entry(name, &values) }
}

fn take_string(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.get_mut(name) {
        Some(Value::String(text)) => {
            let text = std::mem::take(text);
            fields.shift_remove(name);
            Some(text)
        }
        _ => None,
    }
}
