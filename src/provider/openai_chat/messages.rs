//! The messages, as OpenAI has them: without what belongs to other providers.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use crate::chat::{CacheControl, Content, ContentPart, Message, Part, Role};
use crate::provider::{ContentForm, ProviderSpec, Quirks};

/// What kind of content a provider that takes only text cannot be sent.
pub(super) fn foreign_content(messages: &[Message], quirks: &Quirks) -> Option<&'static str> {
    if quirks.content != ContentForm::OnlyText {
        return None;
    }
    let user = messages.iter().filter(|message| message.role != Role::Assistant);
    user.flat_map(|message| &message.parts).find_map(|part| match part.content {
        Content::Image(_) => Some("image content"),
        Content::File(_) => Some("file content"),
        Content::Audio(_) => Some("audio content"),
        Content::Video(_) => Some("video content"),
        _ => None,
    })
}

/// What stands before the pictures of tools' results where they follow as the user's.
const FROM_TOOLS: &str = "The tools gave this with their results:";

/// The conversation with pictures, files and sound of tools' results behind them, as the user's; `None` where the results
/// are text already.
pub(super) fn media_behind_results(messages: &[Message]) -> Option<Vec<Message>> {
    let is_result = |message: &Message| matches!(message.role, Role::Tool | Role::Function);
    let is_media = |part: &Part| {
        matches!(part.content, Content::Image(_) | Content::File(_) | Content::Audio(_) | Content::Video(_))
    };
    if !messages.iter().any(|message| is_result(message) && message.parts.iter().any(is_media)) {
        return None;
    }
    let (mut all, mut media) = (Vec::with_capacity(messages.len()), Vec::new());
    for message in messages {
        let mut message = message.clone();
        if is_result(&message) {
            let (found, rest) = std::mem::take(&mut message.parts).into_iter().partition(is_media);
            message.parts = rest;
            media.extend::<Vec<Part>>(found);
        } else {
            all.extend(as_users(&mut media));
        }
        all.push(message);
    }
    all.extend(as_users(&mut media));
    Some(all)
}

fn as_users(media: &mut Vec<Part>) -> Option<Message> {
    let parts = std::iter::once(Part::text(FROM_TOOLS)).chain(media.drain(..)).collect::<Vec<_>>();
    (parts.len() > 1).then(|| Message::new(Role::User, parts))
}

/// Whether a message names its speaker. The name of a function that answers is another thing.
pub(super) fn has_speaker(message: &Message) -> bool {
    message.name.is_some() && !matches!(message.role, Role::Tool | Role::Function)
}

/// The list of messages.
pub(super) struct Messages<'a, I> {
    pub(super) messages: I,
    pub(super) spec: &'a ProviderSpec,
    /// Whether calls must tell the reasoning that led to them.
    pub(super) reasoned: bool,
}

impl<'a, I: Iterator<Item = &'a Message> + Clone> Serialize for Messages<'a, I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { spec, reasoned, .. } = *self;
        serializer.collect_seq(self.messages.clone().map(|message| WireMessage { message, spec, reasoned }))
    }
}

struct WireMessage<'a> {
    message: &'a Message,
    spec: &'a ProviderSpec,
    reasoned: bool,
}

impl Serialize for WireMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { message, spec, reasoned } = self;
        let quirks = &spec.quirks;
        let mut map = serializer.serialize_map(None)?;
        let role = match message.role {
            Role::Developer if !quirks.developer_role => Role::System,
            role => role,
        };
        map.serialize_entry("role", &role)?;
        let content = WireContent { message, quirks };
        if content.is_present() {
            map.serialize_entry("content", &content)?;
        } else if message.role != Role::Assistant || message.tool_calls().next().is_none() {
            map.serialize_entry("content", "")?;
        } else {
            map.serialize_entry("content", &None::<()>)?;
        }
        if let Some(name) = message.name.as_ref().filter(|_| !quirks.no_names || !has_speaker(message)) {
            map.serialize_entry("name", name)?;
        }
        if let Some(id) = &message.tool_call_id {
            map.serialize_entry("tool_call_id", id)?;
        }
        if let Some(refusal) = message.refusal() {
            map.serialize_entry("refusal", &refusal)?;
        }
        if let Some(field) = &quirks.reasoning_history {
            let reasoning = message.reasoning();
            if !reasoning.is_empty() {
                map.serialize_entry(field.as_ref(), &reasoning)?;
            } else if *reasoned && message.tool_calls().next().is_some() {
                map.serialize_entry(field.as_ref(), NO_REASONING)?;
            }
        }
        let calls: Vec<Value> = message
            .tool_calls()
            .map(|call| {
                let function = json!({"name": call.name, "arguments": arguments(&call.arguments)});
                json!({"id": call.id, "type": "function", "function": function})
            })
            .collect();
        if !calls.is_empty() {
            map.serialize_entry("tool_calls", &calls)?;
        }
        for part in &message.parts {
            match &part.content {
                Content::Audio(audio) if message.role == Role::Assistant => {
                    map.serialize_entry("audio", &json!({"id": audio.id}))?;
                }
                Content::Native(native) if native.provider == spec.name => {
                    for (name, value) in native.value.as_object().into_iter().flatten() {
                        map.serialize_entry(name, value)?;
                    }
                }
                _ => {}
            }
        }
        for (name, value) in message.extra.iter().filter(|(name, _)| *name != CACHE_CONTROL) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// What stands for the reasoning behind a call where there is none to tell and it must be told.
const NO_REASONING: &str = " ";

/// A call without arguments has none to write, yet the text must be JSON.
fn arguments(text: &str) -> &str {
    if text.trim().is_empty() { "{}" } else { text }
}

/// LiteLLM's member of a message, which marks the end of its content for the prompt cache.
const CACHE_CONTROL: &str = "cache_control";

struct WireContent<'a> {
    message: &'a Message,
    quirks: &'a Quirks,
}

impl WireContent<'_> {
    fn parts(&self) -> impl Iterator<Item = &Part> + Clone {
        let assistant = self.message.role == Role::Assistant;
        let only_text = self.quirks.content == ContentForm::OnlyText;
        self.message.parts.iter().filter(move |part| match &part.content {
            Content::Text(_) => true,
            Content::File(_) | Content::Video(_) | Content::Image(_) => !only_text,
            Content::Audio(_) => !assistant && !only_text,
            Content::Native(native) => native.provider.is_empty() && !only_text,
            _ => false,
        })
    }

    fn is_present(&self) -> bool {
        self.parts().next().is_some()
    }

    /// The marker of the whole message, where it is taken.
    fn marker(&self) -> Option<CacheControl> {
        let marker = self.message.extra.get(CACHE_CONTROL).filter(|_| self.quirks.cache_control)?;
        CacheControl::deserialize(marker).ok()
    }

    /// Whether the content is nothing but text that can be one string.
    fn is_text(&self) -> bool {
        let always = matches!(self.quirks.content, ContentForm::JoinedText | ContentForm::OnlyText);
        let is_result = matches!(self.message.role, Role::Tool | Role::Function);
        let joined = always || self.quirks.content == ContentForm::JoinedResults && is_result;
        let listed = self.message.listed();
        let plain = |part: &Part| {
            let marked = part.cache_control.is_some() && self.quirks.cache_control || !part.extra.is_empty();
            part.as_text().is_some() && (always || !marked)
        };
        let one = self.parts().count() == 1 || self.message.role == Role::Assistant;
        self.marker().is_none() && self.parts().all(plain) && (joined || one && !listed)
    }
}

impl Serialize for WireContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_text() {
            let mut texts = self.parts().filter_map(Part::as_text);
            return match (texts.next(), texts.next()) {
                (Some(text), None) => serializer.serialize_str(text),
                _ => serializer.serialize_str(&self.parts().filter_map(Part::as_text).collect::<String>()),
            };
        }
        let mut seq = serializer.serialize_seq(None)?;
        let marker = self.marker();
        let mut parts = self.parts().peekable();
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none();
            match (&part.content, &marker) {
                (Content::Native(native), _) => seq.serialize_element(&native.value)?,
                (_, Some(marker)) if is_last && part.cache_control.is_none() => {
                    let part = Part { cache_control: Some(marker.clone()), ..part.clone() };
                    seq.serialize_element(&ContentPart { part: &part, marked: true })?;
                }
                _ => {
                    let marked = part.cache_control.is_none() || self.quirks.cache_control;
                    seq.serialize_element(&ContentPart { part, marked })?;
                }
            }
        }
        seq.end()
    }
}
