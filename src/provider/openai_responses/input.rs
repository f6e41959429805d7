//! The conversation as `input` items: messages, calls and the results of calls, each an item of its own.

use serde_json::{Map, Value};

use super::{NAME, own};
use crate::chat::{Audio, Content, Image, Media, Message, Part, Role, Source, ToolCall, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::json::Object;

/// Reads the messages. `stored` says whether the provider may know items by their ids.
///
/// # Errors
///
/// Those of [`body`](super::request::body).
pub(super) fn items(
    messages: &[Message],
    provider: &str,
    stored: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Object>> {
    if messages.iter().any(|message| message.name.is_some() && message.role != Role::Tool) {
        warnings.push(Warning::new("messages[].name", "left out: the Responses API knows no names of speakers"));
    }
    let (own, items) = (own(provider), Vec::with_capacity(messages.len()));
    let mut writer = Writer { provider, own, stored, items, custom: Vec::new() };
    for message in messages {
        if message.role == Role::Function || message.extra.get("function_call").is_some() {
            let text = "calls in the form of `functions` have no id, by which the Responses API tells them; use tools";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        match message.role {
            Role::Assistant => writer.assistant(message)?,
            Role::Tool => writer.result(message)?,
            _ => {
                let parts = writer.input(message)?;
                writer.message(message, parts, None)?;
            }
        }
    }
    Ok(writer.items)
}

struct Writer<'a> {
    provider: &'a str,
    /// Whose seals and native items go back.
    own: String,
    stored: bool,
    items: Vec<Object>,
    /// The ids of calls of custom tools, whose results are items of another type.
    custom: Vec<&'a str>,
}

impl<'a> Writer<'a> {
    fn not_taken(&self, what: &str) -> Error {
        Error::not_taken(what, self.provider)
    }

    /// What one says at once.
    fn message(&mut self, message: &Message, parts: Vec<Piece<'_>>, phase: Option<&Value>) -> Result<()> {
        let mut item = Object::new();
        item.set("type", "message")?.set("role", message.role.as_str())?;
        content(&mut item, "content", message, parts)?;
        item.set_some("phase", phase)?;
        for (name, value) in message.extra.iter().filter(|(name, _)| *name != "cache_control") {
            item.set(name.clone(), value)?;
        }
        self.items.push(item);
        Ok(())
    }

    /// What is said to the model, in a message or by a tool.
    fn input<'p>(&self, message: &'p Message) -> Result<Vec<Piece<'p>>> {
        let mut pieces = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            let (kind, mut object) = match &part.content {
                Content::Text(text) | Content::Refusal(text) => {
                    pieces.push(Piece::text(part, text, "input_text")?);
                    continue;
                }
                Content::Image(image) => {
                    let mut object = Object::new();
                    object.set("type", "input_image")?;
                    match &image.source {
                        Source::FileId(id) => object.set("file_id", id)?,
                        source => object.set_some("image_url", source.to_url().as_deref())?,
                    };
                    object.set_some("detail", image.detail.as_ref())?;
                    ("image_url", object)
                }
                Content::File(media) => ("file", file(media)?),
                Content::Native(native) if self.is_own(&native.provider) || native.provider.is_empty() => {
                    pieces.push(Piece::Object(object(&native.value)?));
                    continue;
                }
                Content::Audio(_) => return Err(self.not_taken("`input_audio`")),
                Content::Video(_) => return Err(self.not_taken("`video_url`")),
                Content::Reasoning(_) | Content::ToolCall(_) | Content::Native(_) => continue,
            };
            // What the picture or file has of its own, and its media type, are not said here.
            for (name, value) in part.extra.iter().filter(|(name, _)| *name != kind && *name != "format") {
                object.set(name.clone(), value)?;
            }
            pieces.push(Piece::Object(object));
        }
        Ok(pieces)
    }

    /// What the model said and called, in its order. Of its texts in a list the API says: "Supported values are:
    /// 'output_text' and 'refusal'" (jeremychone/rust-genai#119).
    fn assistant(&mut self, message: &'a Message) -> Result<()> {
        let (before, mut said) = (self.items.len(), Vec::new());
        for part in &message.parts {
            let item = match &part.content {
                Content::Text(text) => {
                    said.push(Piece::text(part, text, "output_text")?);
                    if let Some(phase) = self.sealed(part).and_then(|mut seal| seal.remove("phase")) {
                        self.message(message, std::mem::take(&mut said), Some(&phase))?;
                    }
                    continue;
                }
                Content::Audio(Audio { transcript: Some(text), .. }) => {
                    said.push(Piece::text(part, text, "output_text")?);
                    continue;
                }
                Content::Refusal(text) => {
                    let mut object = Object::new();
                    object.set("type", "refusal")?.set("refusal", text)?;
                    said.push(Piece::Object(object));
                    continue;
                }
                Content::ToolCall(call) => self.call(part, call)?,
                Content::Reasoning(_) => match self.reasoning(part)? {
                    Some(item) => item,
                    None => continue,
                },
                Content::Image(Image { source: Source::Base64 { data, .. }, .. })
                    if part.seal_of(&self.own).is_some() =>
                {
                    let mut item = Object::new();
                    item.merge(&self.sealed(part).unwrap_or_default())?;
                    item.set("result", data)?;
                    item
                }
                Content::Native(native) if self.is_own(&native.provider) => object(&native.value)?,
                Content::Native(native) if native.provider.is_empty() => {
                    said.push(Piece::Object(object(&native.value)?));
                    continue;
                }
                Content::Native(_) => continue,
                Content::Image(_) | Content::File(_) | Content::Audio(_) | Content::Video(_) => {
                    return Err(self.not_taken("media in a message of the assistant"));
                }
            };
            if !said.is_empty() {
                self.message(message, std::mem::take(&mut said), None)?;
            }
            self.items.push(item);
        }
        if !said.is_empty() || self.items.len() == before {
            self.message(message, said, None)?;
        }
        Ok(())
    }

    fn is_own(&self, provider: &str) -> bool {
        provider == NAME || provider == self.own
    }

    /// What the seal of a part holds, if it was made here.
    fn sealed(&self, part: &Part) -> Option<Map<String, Value>> {
        serde_json::from_str(part.seal_of(&self.own)?).ok()
    }

    /// Reasoning goes back as the item that it came in; that of others does not.
    ///
    /// An item that is sealed itself needs no id, and without one no provider looks for what it has not kept, or asks for
    /// the very items that followed (recorded: `responses-stream.tool-results.ruby-llm-…-gpt-5-nano-can-use-tools…`). One
    /// that has neither seal nor words is known only by its id, to a provider that keeps replies.
    fn reasoning(&self, part: &Part) -> Result<Option<Object>> {
        let Some(mut fields) = self.sealed(part) else { return Ok(None) };
        fields.retain(|name, value| !value.is_null() && name != "status");
        if fields.contains_key("encrypted_content") {
            fields.shift_remove("id");
        } else if !self.stored && !fields.contains_key("content") {
            return Ok(None);
        }
        fields.entry("summary").or_insert_with(|| Value::Array(Vec::new()));
        let mut item = Object::new();
        item.merge(&fields)?;
        Ok(Some(item))
    }

    /// A call of a function, or of a custom tool, whose input is a text.
    fn call(&mut self, part: &Part, call: &'a ToolCall) -> Result<Object> {
        let mut item = Object::new();
        if part.extra.get("custom").is_some() {
            self.custom.push(&call.id);
            item.set("type", "custom_tool_call")?.set("call_id", &call.id)?.set("name", &call.name)?;
            item.set("input", &call.arguments)?;
        } else {
            let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
            item.set("type", "function_call")?.set("call_id", &call.id)?.set("name", &call.name)?;
            item.set("arguments", arguments)?;
            item.merge(&self.sealed(part).unwrap_or_default())?;
        }
        Ok(item)
    }

    fn result(&mut self, message: &Message) -> Result<()> {
        let Some(id) = &message.tool_call_id else {
            let text = "the result of a tool has no `tool_call_id`; say which call it answers";
            return Err(Error::new(ErrorKind::InvalidRequest, text));
        };
        let custom = self.custom.contains(&id.as_str());
        let parts = self.input(message)?;
        let mut item = Object::new();
        item.set("type", if custom { "custom_tool_call_output" } else { "function_call_output" })?;
        item.set("call_id", id)?;
        content(&mut item, "output", message, parts)?;
        self.items.push(item);
        Ok(())
    }
}

/// One piece of content.
enum Piece<'a> {
    /// A text with nothing hanging on it, and the type that it has in a list.
    Text(&'a str, &'static str),
    Object(Object),
}

impl<'a> Piece<'a> {
    fn text(part: &Part, text: &'a str, kind: &'static str) -> Result<Self> {
        if part.extra.is_empty() || !matches!(part.content, Content::Text(_)) {
            return Ok(Self::Text(text, kind));
        }
        let mut object = Self::Text(text, kind).into_object()?;
        for (name, value) in part.extra.iter() {
            object.set(name.clone(), value)?;
        }
        Ok(Self::Object(object))
    }

    fn into_object(self) -> Result<Object> {
        match self {
            Self::Object(object) => Ok(object),
            Self::Text(text, kind) => {
                let mut object = Object::new();
                object.set("type", kind)?.set("text", text)?;
                Ok(object)
            }
        }
    }
}

/// Sets content: one plain text as it is, unless it came as a list; anything else as a list.
fn content(item: &mut Object, key: &'static str, message: &Message, mut pieces: Vec<Piece<'_>>) -> Result<()> {
    match (pieces.as_slice(), message.listed()) {
        ([], _) => item.set(key, "")?,
        ([Piece::Text(text, _)], false) => item.set(key, text)?,
        _ => {
            let objects: Vec<Object> = pieces.drain(..).map(Piece::into_object).collect::<Result<_>>()?;
            item.set(key, &objects)?
        }
    };
    Ok(())
}

/// A document: by its id, its address, or its bytes.
fn file(media: &Media) -> Result<Object> {
    let mut object = Object::new();
    object.set("type", "input_file")?;
    match &media.source {
        Source::FileId(id) => object.set("file_id", id)?,
        Source::Url(url) if !url.starts_with("data:") => object.set("file_url", url)?,
        Source::Base64 { media_type, data } if media_type.is_empty() => object.set("file_data", data)?,
        source => object.set_some("file_data", source.to_url().as_deref())?,
    };
    object.set_some("filename", media.name.as_ref())?;
    Ok(object)
}

/// A piece or an item in the form of the API.
fn object(value: &Value) -> Result<Object> {
    let Some(fields) = value.as_object() else {
        return Err(Error::new(ErrorKind::InvalidRequest, format!("content must be an object, not {value}")));
    };
    let mut object = Object::new();
    object.merge(fields)?;
    Ok(object)
}
