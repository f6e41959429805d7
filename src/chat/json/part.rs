//! The parts of a message, as OpenAI's JSON: in `content`, in the members beside it, and in our own `parts`.
//!
//! Fields inside a part's own object (`image_url`, `input_audio`, `file`, `video_url`, `function`) that have no name
//! here are kept in the part's `extra` under that object's name; a picture's `format` (its media type) under `format`.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{entry, rest, take_count, take_marker, take_string};
use crate::chat::{Audio, Content, Extra, Image, Media, Native, Part, Reasoning, Seal, Source, ToolCall};

/// Whose blocks the JSON's `thinking_blocks` are, unless they say it themselves: the name was made for Anthropic's.
const THINKING_BLOCKS: &str = "anthropic";
/// Whose signature a tool call's `thought_signature` is.
pub(in crate::chat) const THOUGHT_SIGNATURE: &str = "gemini";

/// Whether nothing hangs on the part but perhaps a seal.
pub(super) fn is_bare(part: &Part) -> bool {
    part.cache_control.is_none() && part.extra.is_empty()
}

// ---- out --------------------------------------------------------------------------------------------------------

/// A part in OpenAI's form of `content`: borrowed, so that a large picture is written without a copy.
pub(crate) struct ContentPart<'a> {
    pub(crate) part: &'a Part,
    /// Whether its cache marker is written.
    pub(crate) marked: bool,
}

impl<'a> ContentPart<'a> {
    pub(in crate::chat) fn new(part: &'a Part) -> Self {
        Self { part, marked: true }
    }
}

impl Serialize for ContentPart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let part = self.part;
        let mut map = serializer.serialize_map(None)?;
        let written: &[&str] = match &part.content {
            Content::Text(text) => {
                map.serialize_entry("type", "text")?;
                map.serialize_entry("text", text)?;
                &["type", "text"]
            }
            Content::Image(image) => {
                map.serialize_entry("type", "image_url")?;
                let format = part.extra.get("format").and_then(Value::as_str);
                let mut fields = image_fields(image);
                fields.push(("format", format.map(Cow::Borrowed)));
                map.serialize_entry("image_url", &Inner(&part.extra, "image_url", fields))?;
                if format.is_some() { &["type", "image_url", "format"] } else { &["type", "image_url"] }
            }
            Content::Audio(audio) => {
                map.serialize_entry("type", "input_audio")?;
                let fields = [("data", Some(Cow::Borrowed(&*audio.data))), ("format", borrowed(&audio.format))];
                map.serialize_entry("input_audio", &Inner(&part.extra, "input_audio", fields.into()))?;
                &["type", "input_audio"]
            }
            Content::File(file) => {
                map.serialize_entry("type", "file")?;
                map.serialize_entry("file", &Inner(&part.extra, "file", file_fields(file)))?;
                &["type", "file"]
            }
            Content::Video(video) => {
                map.serialize_entry("type", "video_url")?;
                map.serialize_entry("video_url", &Inner(&part.extra, "video_url", video_fields(video)))?;
                &["type", "video_url"]
            }
            Content::Refusal(text) => {
                map.serialize_entry("type", "refusal")?;
                map.serialize_entry("refusal", text)?;
                &["type", "refusal"]
            }
            Content::Reasoning(reasoning) => {
                map.serialize_entry("type", "reasoning")?;
                map.serialize_entry("text", &reasoning.text)?;
                entry(&mut map, "redacted", reasoning.redacted.then_some(true))?;
                &["type", "text", "redacted"]
            }
            Content::ToolCall(_) => {
                map.serialize_entry("type", "tool_call")?;
                map.serialize_entry("tool_call", &tool_call_json(part))?;
                entry(&mut map, "cache_control", part.cache_control.as_ref().filter(|_| self.marked))?;
                return map.end();
            }
            Content::Native(native) => {
                map.serialize_entry("type", "native")?;
                map.serialize_entry("provider", &native.provider)?;
                map.serialize_entry("value", &native.value)?;
                &["type", "provider", "value"]
            }
        };
        entry(&mut map, "cache_control", part.cache_control.as_ref().filter(|_| self.marked))?;
        rest(&mut map, &part.extra, written)?;
        map.end()
    }
}

/// A part's own object: what has a name, then what of the part's `extra` stands under the object's name.
struct Inner<'a>(&'a Extra, &'a str, Fields<'a>);

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(extra, name, named) = self;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in named {
            entry(&mut map, name, value.as_ref())?;
        }
        for (name, value) in extra.get(name).and_then(Value::as_object).into_iter().flatten() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

type Fields<'a> = Vec<(&'a str, Option<Cow<'a, str>>)>;

fn borrowed(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(Cow::Borrowed)
}

fn image_fields(image: &Image) -> Fields<'_> {
    vec![address(&image.source), ("detail", borrowed(&image.detail))]
}

fn video_fields(video: &Media) -> Fields<'_> {
    vec![address(&video.source), ("filename", borrowed(&video.name)), ("format", borrowed(&video.format))]
}

fn address(source: &Source) -> (&str, Option<Cow<'_, str>>) {
    match source {
        Source::FileId(id) => ("file_id", Some(Cow::Borrowed(id))),
        source => ("url", source.to_url()),
    }
}

/// `{"file_id" | "file_data": …, "filename": …}`; an address goes under `file_id`, as LiteLLM has it.
fn file_fields(file: &Media) -> Fields<'_> {
    let source = match &file.source {
        Source::Base64 { media_type, data } if media_type.is_empty() && !is_address(data) => {
            ("file_data", Some(Cow::Borrowed(&**data)))
        }
        Source::Url(url) if !url.starts_with("data:") => ("file_id", Some(Cow::Borrowed(&**url))),
        Source::FileId(id) => ("file_id", Some(Cow::Borrowed(&**id))),
        source => ("file_data", source.to_url()),
    };
    vec![source, ("filename", borrowed(&file.name)), ("format", borrowed(&file.format))]
}

/// A part in our own form, for the `parts` member: with its seal, with all that is known of sound, and with what has
/// no name apart, so that nothing can be taken for another.
pub(super) fn own_part(part: &Part) -> Value {
    let named = Part { extra: Extra::new(), ..part.clone() };
    let mut value = serde_json::to_value(ContentPart::new(&named)).unwrap_or_default();
    let Some(fields) = value.as_object_mut() else { return value };
    if let Content::Audio(audio) = &part.content {
        fields.insert("input_audio".to_owned(), audio_json(audio));
    }
    if let Some(seal) = &part.seal {
        fields.insert("seal".to_owned(), json!({"provider": seal.provider, "value": seal.value}));
    }
    if let Some(extra) = part.extra.as_map() {
        fields.insert("extra".to_owned(), extra.clone().into());
    }
    value
}

/// A spoken reply, for the `audio` member.
pub(super) fn assistant_audio(part: &Part) -> Option<Value> {
    let Content::Audio(audio) = &part.content else { return None };
    let mut value = audio_json(audio);
    if let Some(Value::Object(more)) = part.extra.get("input_audio") {
        value.as_object_mut()?.extend(more.clone());
    }
    Some(value)
}

pub(in crate::chat) fn audio_json(audio: &Audio) -> Value {
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

/// Sealed reasoning in Anthropic's form, which LiteLLM calls `thinking_blocks`.
pub(in crate::chat) fn thinking_block(part: &Part) -> Option<Value> {
    let (Content::Reasoning(reasoning), Some(seal)) = (&part.content, &part.seal) else { return None };
    let mut block = if reasoning.redacted {
        json!({"type": "redacted_thinking", "data": seal.value})
    } else {
        json!({"type": "thinking", "thinking": reasoning.text, "signature": seal.value})
    };
    let fields = block.as_object_mut()?;
    if seal.provider != THINKING_BLOCKS {
        fields.insert("provider".to_owned(), seal.provider.clone().into());
    }
    if let Some(marker) = &part.cache_control {
        fields.insert("cache_control".to_owned(), serde_json::to_value(marker).unwrap_or_default());
    }
    fields.extend(part.extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    Some(block)
}

/// A tool call, of a function or (where `extra` has `custom`) of OpenAI's custom tools.
pub(in crate::chat) fn tool_call_json(part: &Part) -> Option<Value> {
    let call = part.as_tool_call()?;
    let (kind, arguments) =
        if part.extra.get("custom").is_some() { ("custom", "input") } else { ("function", "arguments") };
    let mut tool = Map::new();
    tool.insert("name".to_owned(), call.name.as_str().into());
    tool.insert(arguments.to_owned(), call.arguments.as_str().into());
    let mut fields = Map::new();
    fields.insert("id".to_owned(), call.id.as_str().into());
    fields.insert("type".to_owned(), kind.into());
    fields.insert(kind.to_owned(), tool.into());
    for (name, value) in part.extra.iter() {
        match (fields.get_mut(name), value) {
            (Some(Value::Object(mine)), Value::Object(more)) => mine.extend(more.clone()),
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    if let Some(signature) = part.seal_of(THOUGHT_SIGNATURE) {
        let own = fields.entry("provider_specific_fields").or_insert_with(|| Map::new().into());
        own.as_object_mut()?.insert("thought_signature".to_owned(), signature.into());
    }
    Some(fields.into())
}

// ---- in ---------------------------------------------------------------------------------------------------------

/// A part of OpenAI's `content` or of our own `parts`. A kind that is not known is kept as it is.
pub(crate) fn read_part(value: Value) -> Result<Part, String> {
    let mut fields = match value {
        Value::Object(fields) => fields,
        Value::String(text) => return Ok(Part::text(text)),
        other => return Err(format!("a content part must be an object, not {other}")),
    };
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let known = match kind.as_str() {
        "thinking" | "redacted_thinking" => match read_thinking_block(fields) {
            Ok(part) => return Ok(part),
            Err(block) => return Ok(Part::native("", block.into())),
        },
        "text" | "input_text" | "output_text" | "refusal" | "image_url" | "input_audio" | "file" | "video_url" => true,
        "reasoning" => fields.get("text").is_some_and(Value::is_string),
        "tool_call" => fields.get("tool_call").is_some_and(Value::is_object),
        "native" => fields.contains_key("value"),
        _ => false,
    };
    if !known {
        return Ok(Part::native("", fields.into()));
    }
    let native = fields.shift_remove("value").filter(|_| kind == "native");
    fields.shift_remove("type");
    fields.retain(|_, value| !value.is_null());
    let mut part = match kind.as_str() {
        "image_url" => Part::new(Content::Image(read_image(&mut fields)?)),
        "input_audio" => Part::new(Content::Audio(object(&mut fields, "input_audio", |inner| Ok(read_audio(inner)))?)),
        "file" => Part::new(Content::File(object(&mut fields, "file", read_file)?)),
        "video_url" => Part::new(Content::Video(object(&mut fields, "video_url", read_video)?)),
        "refusal" => Part::new(Content::Refusal(take_string(&mut fields, "refusal").unwrap_or_default())),
        "reasoning" => Part::new(Content::Reasoning(Reasoning {
            text: take_string(&mut fields, "text").unwrap_or_default(),
            redacted: fields.shift_remove("redacted").is_some_and(|flag| flag == true),
        })),
        "tool_call" => match fields.shift_remove("tool_call") {
            Some(Value::Object(call)) => read_tool_call(call)?,
            _ => return Err("a part of type `tool_call` needs an object `tool_call`".to_owned()),
        },
        "native" => Part::new(Content::Native(Native {
            provider: take_string(&mut fields, "provider").unwrap_or_default().into(),
            value: native.unwrap_or_default(),
        })),
        _ => Part::text(take_string(&mut fields, "text").unwrap_or_default()),
    };
    part.cache_control = take_marker(&mut fields);
    part.extra.extend(fields.into());
    Ok(part)
}

/// A part of our own `parts`.
pub(super) fn read_own_part(mut value: Value) -> Result<Part, String> {
    let (seal, extra) =
        value.as_object_mut().map_or((None, None), |fields| (take_seal(fields), fields.shift_remove("extra")));
    let mut part = read_part(value)?;
    part.seal = seal.or(part.seal);
    if let Some(Value::Object(extra)) = extra {
        part.extra = extra.into();
    }
    Ok(part)
}

/// Reads a part's own object; what `read` leaves stays under the object's name.
fn object<T>(
    fields: &mut Map<String, Value>,
    name: &str,
    read: impl FnOnce(&mut Map<String, Value>) -> Result<T, String>,
) -> Result<T, String> {
    let mut inner = match fields.get_mut(name).map(Value::take) {
        Some(Value::Object(inner)) => inner,
        Some(Value::String(url)) => Map::from_iter([("url".to_owned(), url.into())]),
        _ => return Err(format!("a content part of type `{name}` needs an object `{name}`")),
    };
    let found = read(&mut inner)?;
    inner.retain(|_, value| !value.is_null());
    if inner.is_empty() {
        fields.shift_remove(name);
    } else {
        fields.insert(name.to_owned(), inner.into());
    }
    Ok(found)
}

fn read_image(fields: &mut Map<String, Value>) -> Result<Image, String> {
    let mut format = None;
    let image = object(fields, "image_url", |image| {
        let source = read_address(image).ok_or("an `image_url` needs a `url`")?;
        format = take_string(image, "format");
        Ok(Image { source, detail: take_string(image, "detail") })
    })?;
    if let Some(format) = format {
        fields.insert("format".to_owned(), format.into());
    }
    Ok(image)
}

fn read_video(video: &mut Map<String, Value>) -> Result<Media, String> {
    let source = read_address(video).ok_or("a `video_url` needs a `url`")?;
    Ok(Media { source, name: take_string(video, "filename"), format: take_string(video, "format") })
}

fn read_address(fields: &mut Map<String, Value>) -> Option<Source> {
    let url = take_string(fields, "url").map(Source::from_url);
    url.or_else(|| take_string(fields, "file_id").map(Source::FileId))
}

fn read_file(file: &mut Map<String, Value>) -> Result<Media, String> {
    let source = if let Some(data) = take_string(file, "file_data") {
        match Source::from_url(data) {
            Source::Url(data) if !is_address(&data) => Source::Base64 { media_type: String::new(), data },
            source => source,
        }
    } else {
        match take_string(file, "file_id") {
            Some(id) if id.contains("://") => Source::from_url(id),
            Some(id) => Source::FileId(id),
            None => return Err("a `file` needs `file_data` or `file_id`".to_owned()),
        }
    };
    Ok(Media { source, name: take_string(file, "filename"), format: take_string(file, "format") })
}

/// Whether a file's text is its address and not its base64.
fn is_address(text: &str) -> bool {
    text.contains("://") || text.starts_with("data:")
}

fn take_seal(fields: &mut Map<String, Value>) -> Option<Seal> {
    let seal = fields.get("seal")?;
    let text = |name: &str| seal.get(name).and_then(Value::as_str).map(str::to_owned);
    let seal = Seal::new(text("provider")?, text("value")?);
    fields.shift_remove("seal");
    Some(seal)
}

/// One of the `thinking_blocks`.
pub(super) fn read_block(block: Value) -> Part {
    let Value::Object(fields) = block else { return Part::native(THINKING_BLOCKS, block) };
    read_thinking_block(fields).unwrap_or_else(|block| Part::native(THINKING_BLOCKS, block.into()))
}

/// Reasoning in Anthropic's form; whatever else it is, is given back.
fn read_thinking_block(mut fields: Map<String, Value>) -> Result<Part, Map<String, Value>> {
    let redacted = fields.get("type").is_some_and(|kind| kind == "redacted_thinking");
    let is_text = |name: &str| fields.get(name).is_some_and(Value::is_string);
    if !(is_text("thinking") || redacted && is_text("data")) {
        return Err(fields);
    }
    fields.shift_remove("type");
    fields.retain(|_, value| !value.is_null());
    let text = take_string(&mut fields, "thinking").unwrap_or_default();
    let provider = take_string(&mut fields, "provider").map_or(Cow::Borrowed(THINKING_BLOCKS), Cow::Owned);
    let seal = take_string(&mut fields, if redacted { "data" } else { "signature" });
    let mut part = Part::new(Content::Reasoning(Reasoning { text, redacted }));
    part.seal = seal.filter(|seal| !seal.is_empty()).map(|seal| Seal::new(provider, seal));
    part.cache_control = take_marker(&mut fields);
    part.extra = fields.into();
    Ok(part)
}

/// The `audio` member of a reply.
pub(super) fn read_audio_part(mut fields: Map<String, Value>) -> Part {
    let mut part = Part::new(Content::Audio(read_audio(&mut fields)));
    fields.retain(|_, value| !value.is_null());
    if !fields.is_empty() {
        part.extra.insert("input_audio", fields);
    }
    part
}

fn read_audio(fields: &mut Map<String, Value>) -> Audio {
    Audio {
        data: take_string(fields, "data").unwrap_or_default(),
        format: take_string(fields, "format"),
        id: take_string(fields, "id"),
        transcript: take_string(fields, "transcript"),
        expires_at: take_count(fields, "expires_at"),
    }
}

/// A tool call. Arguments that a server sends as an object become the text that OpenAI would send.
pub(super) fn read_tool_call(mut fields: Map<String, Value>) -> Result<Part, String> {
    let custom = fields.get("custom").is_some_and(Value::is_object);
    let (kind, arguments) = if custom { ("custom", "input") } else { ("function", "arguments") };
    let Some(Value::Object(mut tool)) = fields.shift_remove(kind) else {
        return Err("a tool call needs a `function`".to_owned());
    };
    fields.retain(|_, value| !value.is_null());
    if fields.get("type").is_some_and(|named| named == kind) {
        fields.shift_remove("type");
    }
    let call = ToolCall {
        id: take_string(&mut fields, "id").unwrap_or_default(),
        name: take_string(&mut tool, "name").unwrap_or_default(),
        arguments: match tool.shift_remove(arguments) {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        },
    };
    let mut part = Part::new(Content::ToolCall(call));
    if let Some(Value::Object(own)) = fields.get_mut("provider_specific_fields") {
        part.seal = take_string(own, "thought_signature").map(|value| Seal::new(THOUGHT_SIGNATURE, value));
        if own.is_empty() {
            fields.shift_remove("provider_specific_fields");
        }
    }
    tool.retain(|_, value| !value.is_null());
    if custom || !tool.is_empty() {
        fields.insert(kind.to_owned(), tool.into());
    }
    part.extra = fields.into();
    Ok(part)
}
