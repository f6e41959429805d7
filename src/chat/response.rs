//! A chat reply.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Extra, Message, Role, ToolCall, Usage};
use crate::error::{Error, ErrorKind};
use crate::money::Cost;
use crate::text::Text;

/// A chat reply in OpenAI's terms.
///
/// It reads from and writes to OpenAI's `chat.completion` JSON; fields that it has no name for are kept.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ChatResponse {
    /// The provider's id of the reply.
    pub id: String,
    /// The model that answered, as the provider names it; where it names none, the one that was asked. Empty in what a
    /// codec decodes of such a provider without a client.
    pub model: String,
    /// When it was made, in seconds since 1970; 0 where the provider does not say.
    pub created: u64,
    /// The replies; more than one where `n` asked for more.
    pub choices: Vec<Choice>,
    /// The tokens used; `None` where the provider does not say.
    pub usage: Option<Usage>,
    /// OpenAI's fingerprint of the system that answered.
    pub system_fingerprint: Option<String>,
    /// The processing tier that answered.
    pub service_tier: Option<String>,
    /// Fields that have no name here.
    pub extra: Extra,
    /// What the call itself was like; not part of the JSON.
    pub meta: Box<CallMeta>,
}

impl ChatResponse {
    /// The text of the first choice; empty where it has none.
    #[must_use]
    pub fn text(&self) -> String {
        self.message().map(Message::text).unwrap_or_default()
    }

    /// The reasoning of the first choice, in words; empty where it has none.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.message().map(Message::reasoning).unwrap_or_default()
    }

    /// Reads the text of the first choice, which is to be JSON, as a Rust type. A fence around it, as models like to put
    /// one where nothing holds them to a schema, is no part of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ContentPolicy`] where the model refused or its reply was held back, and [`ErrorKind::InvalidResponse`] where the text is not
    /// JSON of this shape, or was cut at the token limit. The text is the error's body.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        if let Some(refusal) = self.message().and_then(Message::refusal) {
            return Err(self.located(Error::new(ErrorKind::ContentPolicy, refusal)));
        }
        let text = self.text();
        serde_json::from_str(unfenced(text.trim())).map_err(|source| {
            let (kind, why) = match self.finish_reason() {
                Some(FinishReason::Length) => {
                    (ErrorKind::InvalidResponse, "it was cut at the token limit; raise `max_tokens`".to_owned())
                }
                Some(FinishReason::ContentFilter) => (ErrorKind::ContentPolicy, "it was held back".to_owned()),
                _ if text.is_empty() && self.tool_calls().next().is_some() => {
                    (ErrorKind::InvalidResponse, "it has no text, but calls a tool".to_owned())
                }
                _ => (ErrorKind::InvalidResponse, source.to_string()),
            };
            let error = Error::new(kind, format!("the reply is not JSON of the shape asked for: {why}"));
            self.located(error.with_body(text.into()).with_source(source))
        })
    }

    /// An error in the reply, with where the reply is from.
    fn located(&self, error: Error) -> Error {
        let CallMeta { provider, model, request_id, attempts, .. } = &*self.meta;
        if provider.is_empty() {
            return error;
        }
        let error = error.with_provider(provider.clone()).with_model(model.clone()).with_attempts(*attempts);
        request_id.iter().fold(error, |error, id| error.with_request_id(id.clone()))
    }

    /// The message of the first choice.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.choices.first().map(|choice| &choice.message)
    }

    /// The tool calls of the first choice.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.message().into_iter().flat_map(Message::tool_calls)
    }

    /// Why the first choice ended.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&FinishReason> {
        self.choices.first().and_then(|choice| choice.finish_reason.as_ref())
    }
}

/// What is inside of a Markdown fence, where the text is one: "```json", the JSON, "```".
fn unfenced(text: &str) -> &str {
    let inside = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inside.and_then(|rest| rest.split_once('\n')).map_or(text, |(_, json)| json.trim())
}

impl From<ChatResponse> for Message {
    /// The message of the first choice, to go on with; an empty message of the assistant where there is none.
    fn from(reply: ChatResponse) -> Self {
        let first = reply.choices.into_iter().next();
        first.map_or_else(|| Self::new(Role::Assistant, Vec::<super::Part>::new()), |choice| choice.message)
    }
}

impl From<&ChatResponse> for Message {
    fn from(reply: &ChatResponse) -> Self {
        reply.message().cloned().unwrap_or_else(|| Self::new(Role::Assistant, Vec::<super::Part>::new()))
    }
}

/// One of the replies.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// Its number, from 0.
    pub index: u32,
    /// What the model said.
    pub message: Message,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// The provider's own word for it, where it is another.
    pub native_finish_reason: Option<String>,
    /// Log probabilities of the tokens, in OpenAI's form.
    pub logprobs: Option<Value>,
    /// Fields that have no name here.
    pub extra: Extra,
}

impl Choice {
    /// A choice that has not ended.
    #[must_use]
    pub fn new(index: u32, message: Message) -> Self {
        Self { index, message, finish_reason: None, native_finish_reason: None, logprobs: None, extra: Extra::new() }
    }
}

/// Why a reply ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FinishReason {
    /// It was complete, or came to a stop text.
    Stop,
    /// It came to the token limit.
    Length,
    /// The model called tools.
    ToolCalls,
    /// The model called a function, in OpenAI's older form.
    FunctionCall,
    /// The provider, or the model, held it back.
    ContentFilter,
    /// In a word that has no name here.
    Other(String),
}

impl FinishReason {
    /// The reason in OpenAI's word, or in the provider's where OpenAI has none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::FunctionCall => "function_call",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for FinishReason {
    fn from(word: &str) -> Self {
        match word {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "function_call" => Self::FunctionCall,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FinishReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FinishReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&*Text::deserialize(deserializer)?))
    }
}

/// What a call was like.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CallMeta {
    /// The provider's prefix.
    pub provider: String,
    /// The model that was asked for, without the prefix.
    pub model: String,
    /// The provider's id of the request, from its headers.
    pub request_id: Option<String>,
    /// From the first request to the end of the reply, tries that failed included.
    pub latency: Duration,
    /// From the first request to the first content of a stream.
    pub time_to_first_token: Option<Duration>,
    /// How many requests were sent.
    pub attempts: u32,
    /// What was left out or rewritten on the way.
    pub warnings: Vec<Warning>,
    /// What the call cost; `None` where it is not known, and [`ChatResponse::cost`] then says why.
    pub cost: Option<Cost>,
    /// The provider's rate-limit headers, name and value as they came.
    pub rate_limits: Vec<(String, String)>,
    /// Of a router's call: the id of the deployment that answered.
    pub deployment: Option<String>,
    /// Of a router's call: what was tried, in order, the one that answered last.
    pub trail: Vec<Attempt>,
}

/// One try of a router's call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The id of the deployment.
    pub deployment: String,
    /// How it failed; `None` for the one that answered.
    pub kind: Option<ErrorKind>,
    /// The HTTP status of the failure, where there was one.
    pub status: Option<u16>,
    /// How long it took; of a stream that answers, up to its first content.
    pub elapsed: Duration,
}

#[cfg(feature = "client")]
impl Attempt {
    pub(crate) fn new(deployment: &str, error: Option<&Error>, elapsed: Duration) -> Self {
        Self {
            deployment: deployment.to_owned(),
            kind: error.map(Error::kind),
            status: error.and_then(Error::status).map(|status| status.as_u16()),
            elapsed,
        }
    }
}

/// Something of the request that did not reach the provider as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The parameter or content that it is about.
    pub parameter: Cow<'static, str>,
    /// What was done, and why.
    pub message: Cow<'static, str>,
}

impl Warning {
    /// A warning about this parameter.
    #[must_use]
    pub fn new(parameter: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { parameter: parameter.into(), message: message.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.parameter, self.message)
    }
}

impl Error {
    /// What had come of a reply whose stream was interrupted.
    #[must_use]
    pub fn partial(&self) -> Option<&ChatResponse> {
        self.partial_as()
    }

    /// What a router tried before it gave the call up, in order; empty for calls without one.
    #[must_use]
    pub fn trail(&self) -> &[Attempt] {
        self.trail_as::<Vec<Attempt>>().map(Vec::as_slice).unwrap_or_default()
    }
}
