//! The conversation: what the system says, and the turns of user and assistant, which must alternate.

use std::fmt::Write as _;

use serde_json::Value;

use super::media::{self, Documents};
use super::name::Family;
use super::request::Asked;
use super::tools::{NO_CACHE, cache_point, union, wire_id, wire_name};
use super::{CLAUDE, WIRE};
use crate::chat::{Annotation, CacheControl, Content, Message, Part, Reasoning, Role, ToolCall, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::anthropic::cited;
use crate::provider::arguments::arguments;
use crate::provider::conversation::{Conversation, OPERATOR_NOTE};
use crate::provider::params::warn_once;
use crate::wire::json::Object;

/// What stands for a tool's result that says nothing: texts without words are refused.
const NOTHING: &str = "(no output)";

/// Reads the messages. `late_system` says whether the model takes a system message in the middle, `with_tools` whether
/// the request has tools: without them Bedrock refuses calls and results, so they are told in words.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] for content that Converse has no block for, [`ErrorKind::InvalidRequest`] for a conversation
/// in which nobody but the system speaks.
pub(super) fn conversation(
    messages: &[Message],
    asked: &Asked<'_>,
    late_system: bool,
    with_tools: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Conversation> {
    let mut conversation = Conversation::default();
    let (provider, family) = (asked.provider, asked.family);
    let mut writer = Writer { provider, family, with_tools, documents: Documents::default(), warnings };
    let mut rest = messages;
    while let Some((message, after)) = rest.split_first() {
        rest = after;
        if message.name.is_some() && !matches!(message.role, Role::Tool | Role::Function) {
            writer.warn("messages[].name", "left out: Bedrock knows no names of speakers");
        }
        let mut blocks = match message.role {
            Role::Assistant => writer.assistant(message)?,
            Role::Tool | Role::Function => writer.tool_result(message)?,
            Role::System | Role::Developer => writer.system(message)?,
            Role::User => writer.parts(&message.parts)?,
        };
        writer.mark_last(&mut blocks, message)?;
        let role = match message.role {
            Role::Tool | Role::Function if !with_tools => Role::User,
            role => role,
        };
        conversation.add(role, blocks, after, late_system, || union("text", OPERATOR_NOTE))?;
    }
    conversation.end(asked.provider, |_| true)
}

/// Turns the parts of messages into blocks.
struct Writer<'w> {
    provider: &'w str,
    family: Family,
    with_tools: bool,
    documents: Documents,
    warnings: &'w mut Vec<Warning>,
}

impl Writer<'_> {
    fn warn(&mut self, about: &'static str, message: &'static str) {
        warn_once(self.warnings, about, message);
    }

    fn system(&mut self, message: &Message) -> Result<Vec<Object>> {
        let mut blocks = Vec::new();
        for part in &message.parts {
            match &part.content {
                Content::Text(text) => self.text(text, &mut blocks)?,
                Content::Native(native) if is_own(&native.provider) => blocks.push(self.native(&native.value)?),
                _ => return Err(Error::not_taken("a system message that is not text", self.provider)),
            }
            self.mark(&mut blocks, part.cache_control.as_ref())?;
        }
        Ok(blocks)
    }

    /// The content of a user's message, or of a tool's result.
    fn parts(&mut self, parts: &[Part]) -> Result<Vec<Object>> {
        let mut blocks = Vec::new();
        for part in parts {
            match &part.content {
                Content::Text(text) | Content::Refusal(text) => self.text(text, &mut blocks)?,
                Content::Image(image) => {
                    if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
                        self.warn("messages[].content[].image_url.detail", "left out: Bedrock has no such choice");
                    }
                    let format = part.extra.get("format").and_then(Value::as_str);
                    blocks.push(media::image(&image.source, format, &part.extra, self.provider)?);
                }
                Content::File(file) => {
                    blocks.push(media::file(file, &part.extra, &mut self.documents, self.provider)?);
                }
                Content::Video(video) => blocks.push(media::video(video, &part.extra, self.provider)?),
                Content::Audio(audio) => blocks.push(media::audio(audio)?),
                Content::Native(native) if is_own(&native.provider) => blocks.push(self.native(&native.value)?),
                Content::Reasoning(_) | Content::ToolCall(_) | Content::Native(_) => continue,
            }
            self.mark(&mut blocks, part.cache_control.as_ref())?;
        }
        Ok(blocks)
    }

    /// What the assistant said, in its order; what another provider sealed is left out.
    fn assistant(&mut self, message: &Message) -> Result<Vec<Object>> {
        let mut blocks = Vec::new();
        let mut length = 0;
        for part in &message.parts {
            match &part.content {
                Content::Text(text) => {
                    for (stretch, citations) in cited(text, length, &message.annotations, citation) {
                        if citations.is_empty() {
                            self.text(stretch, &mut blocks)?;
                        } else {
                            blocks.push(citations_content(stretch, &citations)?);
                        }
                    }
                    length = length.saturating_add(text.chars().count());
                }
                Content::Refusal(text) => self.text(text, &mut blocks)?,
                Content::Reasoning(reasoning) => blocks.extend(reasoning_content(reasoning, part, self.family)?),
                Content::ToolCall(call) if self.with_tools => blocks.push(tool_use(call)?),
                Content::ToolCall(ToolCall { name, arguments, .. }) => {
                    self.warn_of_words();
                    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
                    blocks.push(union("text", &format!("I called the tool `{name}` with {arguments}."))?);
                }
                Content::Native(native) if is_own(&native.provider) => blocks.push(self.native(&native.value)?),
                Content::Native(_) => continue,
                Content::Audio(audio) if audio.transcript.is_some() => {
                    self.text(audio.transcript.as_deref().unwrap_or_default(), &mut blocks)?;
                }
                Content::Image(_) | Content::File(_) | Content::Audio(_) | Content::Video(_) => {
                    self.warn(
                        "messages",
                        "media in the assistant's messages is left out: Bedrock takes it of the user",
                    );
                    continue;
                }
            }
            self.mark(&mut blocks, part.cache_control.as_ref())?;
        }
        Ok(blocks)
    }

    fn tool_result(&mut self, message: &Message) -> Result<Vec<Object>> {
        let id = message.tool_call_id.as_ref().or(message.name.as_ref()).map_or("", String::as_str);
        if !self.with_tools {
            self.warn_of_words();
            let mut words = "The tool".to_owned();
            if let Some(name) = &message.name {
                // Writing to a `String` cannot fail.
                let _ = write!(words, " `{name}`");
            }
            let _ = write!(words, " answered: {}", message.text());
            return Ok(vec![union("text", &words)?]);
        }
        let marker = message.parts.iter().rev().find_map(|part| part.cache_control.as_ref());
        let mut content = self.parts(&message.parts)?;
        content.retain(|block| !block.contains("cachePoint"));
        if content.is_empty() {
            content.push(union("text", NOTHING)?);
        }
        let mut result = Object::new();
        result.set("toolUseId", &*wire_id(id))?.set("content", &content)?;
        result.set_some("status", message.is_error.then_some("error"))?;
        let mut blocks = vec![union("toolResult", &result)?];
        self.mark(&mut blocks, marker)?;
        Ok(blocks)
    }

    fn warn_of_words(&mut self) {
        self.warn("messages", "calls of tools are told in words: Bedrock takes them only with the tools beside them");
    }

    /// A text, unless it says nothing: blocks that are empty or only white space are refused.
    fn text(&mut self, text: &str, blocks: &mut Vec<Object>) -> Result<()> {
        if !text.trim().is_empty() {
            blocks.push(union("text", text)?);
        } else if !text.is_empty() {
            self.warn("messages", "texts of nothing but white space are left out: Bedrock refuses them");
        }
        Ok(())
    }

    fn mark(&mut self, blocks: &mut Vec<Object>, marker: Option<&CacheControl>) -> Result<()> {
        let Some(marker) = marker.filter(|_| blocks.last().is_some_and(|block| !block.contains("cachePoint"))) else {
            return Ok(());
        };
        if self.family.caches() {
            blocks.push(cache_point(marker)?);
        } else {
            self.warn("cache_control", NO_CACHE);
        }
        Ok(())
    }

    /// A marker on the message stands behind its last block.
    fn mark_last(&mut self, blocks: &mut Vec<Object>, message: &Message) -> Result<()> {
        let marker = message.extra.get("cache_control").cloned();
        let marker = marker.and_then(|marker| serde_json::from_value::<CacheControl>(marker).ok());
        self.mark(blocks, marker.as_ref())
    }

    /// A block in Converse's own form; and LiteLLM's `guarded_text`, the text that a guardrail is to look at.
    fn native(&self, value: &Value) -> Result<Object> {
        let wrong = || Error::new(ErrorKind::InvalidRequest, format!("a content block must be an object, not {value}"));
        let fields = value.as_object().ok_or_else(wrong)?;
        match fields.get("type").and_then(Value::as_str) {
            Some("guarded_text") => {
                let mut text = Object::new();
                text.set("text", fields.get("text").unwrap_or(&Value::Null))?;
                text.set_some("qualifiers", fields.get("qualifiers"))?;
                union("guardContent", &union("text", &text)?)
            }
            Some(kind) => Err(Error::not_taken(&format!("content of type `{kind}`"), self.provider)),
            None => {
                let mut block = Object::new();
                for (name, value) in fields {
                    block.set(name.clone(), value)?;
                }
                Ok(block)
            }
        }
    }
}

fn is_own(provider: &str) -> bool {
    provider == WIRE || provider.is_empty()
}

/// Reasoning that Bedrock, or Claude elsewhere, sealed; no other goes back. Claude's seals are refused by models of other
/// families, and theirs by Claude (<https://github.com/maximhq/bifrost/pull/6593>); a name can hide which it is.
fn reasoning_content(reasoning: &Reasoning, part: &Part, family: Family) -> Result<Option<Object>> {
    let claude = part.seal_of(CLAUDE).filter(|_| matches!(family, Family::Claude | Family::Hidden));
    let own = part.seal_of(WIRE).filter(|_| family != Family::Claude);
    let Some(seal) = claude.or(own) else { return Ok(None) };
    let content = if !reasoning.redacted {
        let mut text = Object::new();
        text.set("text", &reasoning.text)?.set("signature", seal)?;
        union("reasoningText", &text)?
    } else if claude.is_some() {
        union("redactedContent", &media::base64(seal.as_bytes()))?
    } else {
        union("redactedContent", seal)?
    };
    union("reasoningContent", &content).map(Some)
}

fn tool_use(call: &ToolCall) -> Result<Object> {
    let mut block = Object::new();
    let input = arguments(call)?.into_owned();
    block.set("toolUseId", &*wire_id(&call.id))?.set("name", &*wire_name(&call.name))?.set_raw("input", input);
    union("toolUse", &block)
}

fn citations_content(text: &str, citations: &[Value]) -> Result<Object> {
    let mut content = Object::new();
    content.set_some("content", (!text.is_empty()).then_some(&[union("text", text)?]))?;
    content.set("citations", citations)?;
    union("citationsContent", &content)
}

/// Bedrock's own citation of an annotation.
fn citation(annotation: &Annotation) -> Option<Value> {
    annotation.extra.get("citation").filter(|citation| citation.get("location").is_some_and(Value::is_object)).cloned()
}
