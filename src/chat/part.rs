//! What a message is made of.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Extra;
use crate::error::{Error, ErrorKind};

/// One piece of a message, with what may hang on any piece: a cache marker, a seal, unknown fields.
///
/// ```
/// use anymodel::{Part, user};
///
/// let message = user([Part::text("What is this?"), Part::image_url("https://example.com/cat.png")]);
/// assert_eq!(message.parts.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// What the piece is.
    pub content: Content,
    /// Marks the end of a prefix that the provider should keep in its prompt cache.
    pub cache_control: Option<CacheControl>,
    /// An opaque value that must go back to the provider that made it, with this part.
    pub seal: Option<Seal>,
    /// Fields of the piece that have no name here.
    pub extra: Extra,
}

/// The kinds of content.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// Text.
    Text(String),
    /// The model's words for why it does not answer.
    Refusal(String),
    /// A picture, sent or generated.
    Image(Image),
    /// A document, such as a PDF.
    File(Media),
    /// Sound, sent or spoken.
    Audio(Audio),
    /// A video.
    Video(Media),
    /// The model's reasoning.
    Reasoning(Reasoning),
    /// A call of a tool by the model.
    ToolCall(ToolCall),
    /// A block that only its own provider understands, such as the result of a tool that the provider ran itself.
    /// It goes back to that provider as it came and is left out for every other.
    Native(Native),
}

impl Part {
    /// A part with nothing hanging on it.
    #[must_use]
    pub fn new(content: Content) -> Self {
        Self { content, cache_control: None, seal: None, extra: Extra::new() }
    }

    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text(text.into()))
    }

    /// A picture at an address: `https:`, or a `data:` URL.
    #[must_use]
    pub fn image_url(url: impl Into<String>) -> Self {
        Self::new(Content::Image(Image { source: Source::from_url(url.into()), detail: None }))
    }

    /// A picture by its bytes and media type, such as `image/png`.
    #[must_use]
    pub fn image(bytes: impl AsRef<[u8]>, media_type: impl Into<String>) -> Self {
        Self::new(Content::Image(Image { source: Source::from_bytes(bytes, media_type), detail: None }))
    }

    /// A document at an address.
    #[must_use]
    pub fn file_url(url: impl Into<String>) -> Self {
        Self::new(Content::File(Media { source: Source::from_url(url.into()), name: None, format: None }))
    }

    /// A document by its bytes and media type, such as `application/pdf`.
    #[must_use]
    pub fn file(bytes: impl AsRef<[u8]>, media_type: impl Into<String>, name: impl Into<String>) -> Self {
        Self::new(Content::File(Media {
            source: Source::from_bytes(bytes, media_type),
            name: Some(name.into()),
            format: None,
        }))
    }

    /// A document that was uploaded to the provider before, by its id.
    #[must_use]
    pub fn file_id(id: impl Into<String>) -> Self {
        Self::new(Content::File(Media { source: Source::FileId(id.into()), name: None, format: None }))
    }

    /// Sound by its bytes and format, such as `wav` or `mp3`.
    #[must_use]
    pub fn audio(bytes: impl AsRef<[u8]>, format: impl Into<String>) -> Self {
        Self::new(Content::Audio(Audio {
            data: STANDARD.encode(bytes),
            format: Some(format.into()),
            ..Audio::default()
        }))
    }

    /// A video at an address.
    #[must_use]
    pub fn video_url(url: impl Into<String>) -> Self {
        Self::new(Content::Video(Media { source: Source::from_url(url.into()), name: None, format: None }))
    }

    /// The model's reasoning in words.
    #[must_use]
    pub fn reasoning(text: impl Into<String>) -> Self {
        Self::new(Content::Reasoning(Reasoning { text: text.into(), redacted: false }))
    }

    /// A call of a tool, its arguments as JSON text.
    #[must_use]
    pub fn tool_call(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self::new(Content::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }))
    }

    /// A block of one provider's own.
    #[must_use]
    pub fn native(provider: impl Into<Cow<'static, str>>, value: Value) -> Self {
        Self::new(Content::Native(Native { provider: provider.into(), value }))
    }

    /// The same part with a cache marker.
    #[must_use]
    pub fn cached(mut self, marker: CacheControl) -> Self {
        self.cache_control = Some(marker);
        self
    }

    /// The same part with a seal.
    #[must_use]
    pub fn sealed(mut self, seal: Seal) -> Self {
        self.seal = Some(seal);
        self
    }

    /// The text of a text part.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The call of a tool-call part.
    #[must_use]
    pub fn as_tool_call(&self) -> Option<&ToolCall> {
        match &self.content {
            Content::ToolCall(call) => Some(call),
            _ => None,
        }
    }

    /// The seal's value, if it was made by this provider's wire format.
    #[must_use]
    pub fn seal_of(&self, provider: &str) -> Option<&str> {
        self.seal.as_ref().filter(|seal| seal.provider == provider).map(|seal| seal.value.as_str())
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<&String> for Part {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// A picture and how closely to look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Where the picture is.
    pub source: Source,
    /// OpenAI's `detail`: `low`, `high` or `auto`.
    pub detail: Option<String>,
}

/// A document or video.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// Where it is.
    pub source: Source,
    /// Its file name.
    pub name: Option<String>,
    /// Its media type, where the source does not say it.
    pub format: Option<String>,
}

/// Sound, sent to a model or spoken by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audio {
    /// The sound, base64.
    pub data: String,
    /// Its format, such as `wav` or `mp3`; a reply is in the format that the request asked for.
    pub format: Option<String>,
    /// The provider's id of a spoken reply, by which it goes back.
    pub id: Option<String>,
    /// What is said.
    pub transcript: Option<String>,
    /// When the provider forgets the id, in seconds since 1970.
    pub expires_at: Option<u64>,
}

/// Where the bytes of a picture, document or video are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// At an address.
    Url(String),
    /// Here, as base64.
    Base64 {
        /// Such as `image/png`.
        media_type: String,
        /// Standard base64 with padding.
        data: String,
    },
    /// At the provider, uploaded before.
    FileId(String),
}

impl Source {
    /// From a URL; a base64 `data:` URL is taken apart.
    #[must_use]
    pub fn from_url(url: impl Into<String>) -> Self {
        let url = url.into();
        match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
            Some((media_type, data)) => Self::Base64 { media_type: media_type.to_owned(), data: data.to_owned() },
            None => Self::Url(url),
        }
    }

    /// From bytes.
    #[must_use]
    pub fn from_bytes(bytes: impl AsRef<[u8]>, media_type: impl Into<String>) -> Self {
        Self::Base64 { media_type: media_type.into(), data: STANDARD.encode(bytes) }
    }

    /// As a URL, the bytes as a `data:` URL; `None` for an uploaded file.
    #[must_use]
    pub fn to_url(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Url(url) => Some(Cow::Borrowed(url)),
            Self::Base64 { media_type, data } => Some(Cow::Owned(format!("data:{media_type};base64,{data}"))),
            Self::FileId(_) => None,
        }
    }
}

/// The model's reasoning: its words, or (redacted) only a seal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning {
    /// The words, or their summary; empty when redacted.
    pub text: String,
    /// Whether the provider hides the words; the part's seal then holds them, encrypted.
    pub redacted: bool,
}

/// The model asks for a tool to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// By which the result is matched to the call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them: JSON text, which can be invalid.
    pub arguments: String,
}

impl ToolCall {
    /// The arguments as a typed value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] when the model's arguments are not JSON of this shape; they are the error's body. A
    /// call without arguments reads as `{}`.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let arguments = if self.arguments.trim().is_empty() { "{}" } else { &self.arguments };
        serde_json::from_str(arguments).map_err(|source| {
            let message = format!("the arguments of `{}` are not what it takes: {source}", self.name);
            let error = Error::new(ErrorKind::InvalidResponse, message);
            error.with_body(self.arguments.clone().into()).with_source(source)
        })
    }
}

/// A block of one provider's own, kept as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    /// The wire format that it belongs to, such as `anthropic`.
    pub provider: Cow<'static, str>,
    /// The block.
    pub value: Value,
}

/// An opaque value by which a provider recognises its own reasoning, such as Anthropic's `signature` or Gemini's
/// `thoughtSignature`. It is left out when the conversation goes on with another provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The wire format that made it, such as `anthropic`.
    pub provider: Cow<'static, str>,
    /// The value, to be sent back unchanged.
    pub value: String,
}

impl Seal {
    /// A seal of this wire format.
    #[must_use]
    pub fn new(provider: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { provider: provider.into(), value: value.into() }
    }
}

/// A prompt-cache marker in Anthropic's form, `{"type": "ephemeral", "ttl": "1h"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheControl {
    /// The kind of marker; `ephemeral` is the only one so far.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// How long the prefix is kept; five minutes when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<CacheTtl>,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

impl CacheControl {
    /// Keeps the prefix for five minutes.
    #[must_use]
    pub const fn ephemeral() -> Self {
        Self { kind: Cow::Borrowed("ephemeral"), ttl: None, extra: Extra::new() }
    }

    /// Keeps the prefix for an hour, at a higher price to write.
    #[must_use]
    pub const fn one_hour() -> Self {
        Self { kind: Cow::Borrowed("ephemeral"), ttl: Some(CacheTtl::OneHour), extra: Extra::new() }
    }
}

/// How long a cached prefix is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CacheTtl {
    /// Five minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// One hour.
    #[serde(rename = "1h")]
    OneHour,
    /// What a provider calls otherwise.
    #[serde(untagged)]
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_are_not_what_a_tool_takes_are_an_error_that_the_model_can_be_told() {
        let call = |arguments: &str| ToolCall {
            name: "look_up".to_owned(),
            arguments: arguments.to_owned(),
            ..ToolCall::default()
        };
        let error = call(r#"{"city": 7}"#).parse::<std::collections::HashMap<String, String>>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert!(
            error.message().starts_with("the arguments of `look_up` are not what it takes: invalid type"),
            "{error}"
        );
        assert_eq!(error.body().map(|body| body.as_ref()), Some(br#"{"city": 7}"#.as_slice()));
        assert!(call(" ").parse::<serde_json::Map<String, Value>>().unwrap().is_empty());
    }
}
