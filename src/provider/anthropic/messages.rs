//! The conversation: what the system says, and the turns of user and assistant, which must alternate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

use super::WIRE;
use super::tools::{wire_id, wire_name};
use crate::chat::{Annotation, CacheControl, Content, Message, Part, Reasoning, Role, Source, ToolCall, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::arguments::arguments;
use crate::provider::conversation::{Conversation, OPERATOR_NOTE};
use crate::provider::params::warn_once;
use crate::wire::json::Object;

/// Members of a document that Anthropic knows beside its source.
const DOCUMENT_MEMBERS: [&str; 3] = ["title", "context", "citations"];

/// Reads the messages. `late_system` says whether the model takes a system message in the middle.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] for content that Anthropic has no block for, [`ErrorKind::InvalidRequest`] for a conversation
/// in which nobody but the system speaks.
pub(super) fn conversation(
    messages: &[Message],
    provider: &str,
    late_system: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Conversation> {
    let mut conversation = Conversation::default();
    let mut writer = Writer { provider, warnings };
    let mut rest = messages;
    while let Some((message, after)) = rest.split_first() {
        rest = after;
        if message.name.is_some() && !matches!(message.role, Role::Tool | Role::Function) {
            writer.warn("messages[].name", "left out: Anthropic knows no names of speakers");
        }
        let mut blocks = match message.role {
            Role::Assistant => writer.assistant(message)?,
            Role::Tool | Role::Function => vec![writer.tool_result(message)?],
            Role::System | Role::Developer => writer.system(message)?,
            Role::User => writer.parts(message)?,
        };
        mark_last(&mut blocks, message)?;
        conversation.add(message.role, blocks, after, late_system, || text_block(OPERATOR_NOTE))?;
    }
    conversation.end(provider, |block| is_kind(block, "text"))
}

/// Whether some block names an uploaded file.
pub(super) fn has_files(conversation: &Conversation) -> bool {
    let names = |raw: Option<&RawValue>| raw.is_some_and(|raw| raw.get().contains(r#""file_id":"#));
    conversation.turns.iter().flat_map(|turn| &turn.content).any(|block| {
        names(block.get("source"))
            || is_kind(block, "container_upload")
            || is_kind(block, "tool_result") && names(block.get("content"))
    })
}

/// Turns the parts of messages into blocks.
struct Writer<'w> {
    provider: &'w str,
    warnings: &'w mut Vec<Warning>,
}

impl Writer<'_> {
    fn not_taken(&self, what: &str) -> Error {
        Error::not_taken(what, self.provider)
    }

    fn warn(&mut self, about: &'static str, message: &'static str) {
        warn_once(self.warnings, about, message);
    }

    fn system(&mut self, message: &Message) -> Result<Vec<Object>> {
        let mut blocks = Vec::new();
        for part in &message.parts {
            match &part.content {
                Content::Text(text) => blocks.extend(self.text(text, part.cache_control.as_ref())?),
                Content::Native(native) if native.provider.is_empty() => blocks.push(native_block(&native.value)?),
                _ => return Err(self.not_taken("a system message that is not text")),
            }
        }
        Ok(blocks)
    }

    /// The content of a user's message, or of a tool's result.
    fn parts(&mut self, message: &Message) -> Result<Vec<Object>> {
        let mut blocks = Vec::new();
        for part in &message.parts {
            let marker = part.cache_control.as_ref();
            let mut block = match &part.content {
                Content::Text(text) | Content::Refusal(text) => {
                    blocks.extend(self.text(text, marker)?);
                    continue;
                }
                Content::Image(image) => {
                    if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
                        self.warn("messages[].content[].image_url.detail", "left out: Anthropic has no such choice");
                    }
                    let format = part.extra.get("format").and_then(Value::as_str);
                    self.attachment(&image.source, format, "image")?
                }
                Content::File(file) => {
                    let mut block = self.attachment(&file.source, file.format.as_deref(), "document")?;
                    if is_kind(&block, "document") {
                        block.set_some("title", file.name.as_ref())?;
                        for member in DOCUMENT_MEMBERS {
                            block.set_some(member, part.extra.get(member))?;
                        }
                    }
                    block
                }
                Content::Native(native) if native.provider == WIRE || native.provider.is_empty() => {
                    native_block(&native.value)?
                }
                Content::Audio(_) => return Err(self.not_taken("`input_audio`")),
                Content::Video(_) => return Err(self.not_taken("`video_url`")),
                Content::Reasoning(_) | Content::ToolCall(_) | Content::Native(_) => continue,
            };
            block.set_some("cache_control", marker)?;
            blocks.push(block);
        }
        Ok(blocks)
    }

    /// What the assistant said: its own blocks as they came, in their order; what another provider sealed is left out.
    fn assistant(&mut self, message: &Message) -> Result<Vec<Object>> {
        let mut blocks = Vec::new();
        let mut length = 0;
        for part in &message.parts {
            let marker = part.cache_control.as_ref();
            match &part.content {
                Content::Text(text) => {
                    for (stretch, citations) in cited(text, length, &message.annotations, citation) {
                        let Some(mut block) = self.text(stretch, None)? else { continue };
                        block.set_some("citations", (!citations.is_empty()).then_some(&citations))?;
                        blocks.push(block);
                    }
                    length = length.saturating_add(text.chars().count());
                    if let (Some(block), Some(marker)) = (blocks.last_mut(), marker) {
                        block.set("cache_control", marker)?;
                    }
                }
                Content::Refusal(text) => blocks.extend(self.text(text, marker)?),
                Content::Reasoning(reasoning) => blocks.extend(thinking(reasoning, part.seal_of(WIRE))?),
                Content::ToolCall(call) => {
                    let mut block = tool_use(call)?;
                    let caller = part.seal_of(WIRE).and_then(|seal| RawValue::from_string(seal.to_owned()).ok());
                    block.set_some("caller", caller.as_ref())?.set_some("cache_control", marker)?;
                    blocks.push(block);
                }
                Content::Native(native) if native.provider == WIRE || native.provider.is_empty() => {
                    blocks.push(native_block(&native.value)?);
                }
                Content::Native(_) => {}
                Content::Audio(audio) if audio.transcript.is_some() => {
                    blocks.extend(self.text(audio.transcript.as_deref().unwrap_or_default(), marker)?);
                }
                Content::Image(_) | Content::File(_) | Content::Audio(_) | Content::Video(_) => {
                    self.warn("messages", "media in the assistant's messages is left out: Anthropic takes only text");
                }
            }
        }
        Ok(blocks)
    }

    fn tool_result(&mut self, message: &Message) -> Result<Object> {
        let id = message.tool_call_id.as_ref().or(message.name.as_ref()).map_or("", String::as_str);
        let mut block = Object::new();
        block.set("type", "tool_result")?.set("tool_use_id", &*wire_id(id))?;
        match message.parts.as_slice() {
            [] => block.set("content", "")?,
            [Part { content: Content::Text(text), cache_control: None, .. }] if !message.listed() => {
                block.set("content", text)?
            }
            _ => block.set("content", &self.parts(message)?)?,
        };
        block.set_some("is_error", message.is_error.then_some(&true))?;
        Ok(block)
    }

    /// A text, unless it says nothing: Anthropic refuses blocks that are empty or only white space.
    fn text(&mut self, text: &str, marker: Option<&CacheControl>) -> Result<Option<Object>> {
        if text.trim().is_empty() {
            if !text.is_empty() {
                self.warn("messages", "texts of nothing but white space are left out: Anthropic refuses them");
            }
            return Ok(None);
        }
        let mut block = text_block(text)?;
        block.set_some("cache_control", marker)?;
        Ok(Some(block))
    }

    /// A picture or document, by what it is and where.
    /// Sources: <https://platform.claude.com/docs/en/build-with-claude/vision> and `…/pdf-support`, `…/files`.
    fn attachment(&self, source: &Source, format: Option<&str>, default: &'static str) -> Result<Object> {
        let given = match source {
            Source::Base64 { media_type, .. } => Some(format.unwrap_or(media_type)),
            Source::Url(_) | Source::FileId(_) => format,
        };
        let kind = match given {
            Some(media) if media.starts_with("image/") => "image",
            Some(media) if media == "application/pdf" || media.starts_with("text/") => "document",
            Some("") => return Err(self.not_taken("a file that does not say its type")),
            Some(media) => return Err(self.not_taken(&format!("a file of type `{media}`"))),
            None => default,
        };
        let mut place = Object::new();
        match source {
            Source::FileId(id) => place.set("type", "file")?.set("file_id", id)?,
            Source::Url(url) if url.starts_with("https://") => place.set("type", "url")?.set("url", url)?,
            Source::Url(data) if default == "document" && !data.contains(':') => {
                return self.attachment(
                    &Source::Base64 { media_type: format.unwrap_or("application/pdf").to_owned(), data: data.clone() },
                    format,
                    default,
                );
            }
            Source::Url(url) => {
                let scheme = url.split_inclusive(':').next().unwrap_or_default();
                return Err(self.not_taken(&format!("a file at `{scheme}` (not `https:`, nor its bytes)")));
            }
            Source::Base64 { data, .. } if given.is_some_and(|media| media.starts_with("text/")) => {
                let text =
                    STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
                        Error::new(ErrorKind::InvalidRequest, "a text document is not UTF-8 in base64")
                    })?;
                place.set("type", "text")?.set("media_type", "text/plain")?.set("data", &text)?
            }
            Source::Base64 { data, .. } => {
                let media = given.map(|media| if media == "image/jpg" { "image/jpeg" } else { media });
                place.set("type", "base64")?.set_some("media_type", media)?.set("data", data)?
            }
        };
        let mut block = Object::new();
        block.set("type", kind)?.set("source", &place)?;
        Ok(block)
    }
}

fn text_block(text: &str) -> Result<Object> {
    let mut block = Object::new();
    block.set("type", "text")?.set("text", text)?;
    Ok(block)
}

/// Reasoning that Anthropic sealed; no other goes back.
fn thinking(reasoning: &Reasoning, seal: Option<&str>) -> Result<Option<Object>> {
    let Some(seal) = seal else { return Ok(None) };
    let mut block = Object::new();
    if reasoning.redacted {
        block.set("type", "redacted_thinking")?.set("data", seal)?;
    } else {
        block.set("type", "thinking")?.set("thinking", &reasoning.text)?.set("signature", seal)?;
    }
    Ok(Some(block))
}

fn tool_use(call: &ToolCall) -> Result<Object> {
    let mut block = Object::new();
    block.set("type", "tool_use")?.set("id", &*wire_id(&call.id))?.set("name", &*wire_name(&call.name))?;
    block.set_raw("input", arguments(call)?.into_owned());
    Ok(block)
}

fn native_block(value: &Value) -> Result<Object> {
    let Some(fields) = value.as_object() else {
        let message = format!("a content block must be an object, not {value}");
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    };
    let mut block = Object::new();
    for (name, value) in fields {
        block.set(name.clone(), value)?;
    }
    Ok(block)
}

fn is_kind(block: &Object, kind: &str) -> bool {
    block.get("type").and_then(|raw| raw.get().strip_prefix('"')?.strip_suffix('"')) == Some(kind)
}

/// A marker on the message stands on its last block; thinking takes none.
fn mark_last(blocks: &mut [Object], message: &Message) -> Result<()> {
    let Some(marker) = message.extra.get("cache_control").filter(|marker| marker.is_object()) else { return Ok(()) };
    let markable = |block: &&mut Object| !is_kind(block, "thinking") && !is_kind(block, "redacted_thinking");
    if let Some(block) = blocks.iter_mut().rev().find(markable).filter(|block| !block.contains("cache_control")) {
        block.set("cache_control", marker)?;
    }
    Ok(())
}

/// A text cut where its citations begin and end, each stretch with its citations in the provider's own form. `offset`
/// is how many characters of the message came before.
pub(in crate::provider) fn cited<'a, T: Clone>(
    text: &'a str,
    offset: usize,
    annotations: &[Annotation],
    citation: impl Fn(&Annotation) -> Option<T>,
) -> Vec<(&'a str, Vec<T>)> {
    let mut stretches: Vec<(&str, Vec<T>)> = Vec::new();
    let place = |index: Option<u64>| {
        let index = usize::try_from(index?).ok()?.checked_sub(offset)?;
        text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(index)
    };
    let mut done = 0;
    let mut last = None;
    for annotation in annotations {
        let Some(citation) = citation(annotation) else { continue };
        let (Some(start), Some(end)) = (place(annotation.start_index), place(annotation.end_index)) else { continue };
        if last == Some((start, end)) {
            stretches.last_mut().into_iter().for_each(|(_, citations)| citations.push(citation.clone()));
            continue;
        }
        let (Some(plain), Some(stretch)) = (text.get(done..start), text.get(start..end)) else { continue };
        if !plain.trim().is_empty() {
            stretches.push((plain, Vec::new()));
        }
        stretches.push((stretch, vec![citation]));
        (done, last) = (end, Some((start, end)));
    }
    if let Some(rest) = text.get(done..).filter(|rest| !rest.trim().is_empty() || stretches.is_empty()) {
        stretches.push((rest, Vec::new()));
    }
    stretches
}

/// Anthropic's own citation of an annotation, without what it tells but does not take.
fn citation(annotation: &Annotation) -> Option<Object> {
    let fields = annotation.extra.get("citation")?.as_object()?;
    fields.get("type")?.as_str()?.strip_suffix("_location")?;
    let mut citation = Object::new();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "file_id") {
        citation.set(name.clone(), value).ok()?;
    }
    Some(citation)
}
