//! A chat request: the conversation and its parameters.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Extra, IntoMessages, Message, ResponseFormat, Tool, ToolChoice};
use crate::error::{Error, ErrorKind, Result};

/// A chat request in OpenAI's terms.
///
/// It reads from and writes to OpenAI's chat-completions JSON; fields that it has no name for are kept and sent.
///
/// ```
/// use anymodel::ChatRequest;
///
/// let json = r#"{"model": "gpt-5", "messages": [{"role": "user", "content": "Hello!"}], "temperature": 0.5}"#;
/// let request: ChatRequest = serde_json::from_str(json)?;
/// assert_eq!(request.params.temperature, Some(0.5));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The model, with or without its provider's prefix.
    #[serde(default)]
    pub model: String,
    /// The conversation so far.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// Everything else. On the heap, as a request is handed on more often than it is read.
    #[serde(flatten)]
    pub params: Box<Params>,
}

impl ChatRequest {
    /// A request without parameters.
    #[must_use]
    pub fn new(model: impl Into<String>, messages: impl IntoMessages) -> Self {
        Self { model: model.into(), messages: messages.into_messages(), params: Box::default() }
    }

    /// Whether something in it is marked for the prompt cache: a part, a whole message in LiteLLM's way, or a tool.
    pub(crate) fn has_cache_markers(&self) -> bool {
        let in_message = |message: &Message| {
            message.parts.iter().any(|part| part.cache_control.is_some())
                || message.extra.get("cache_control").is_some_and(|marker| !marker.is_null())
        };
        let in_tool = |tool: &Tool| matches!(tool, Tool::Function { cache_control: Some(_), .. });
        self.messages.iter().any(in_message) || self.params.tools.iter().flatten().any(in_tool)
    }
}

macro_rules! params {
    ($(
        $(#[$meta:meta])*
        $name:ident: $type:ty,
    )*) => {
        /// The parameters of a chat request, by OpenAI's names. What is `None` is not sent.
        ///
        /// A provider that cannot express a parameter answers with [`ErrorKind::Unsupported`](crate::ErrorKind), or,
        /// with `drop_params`, leaves it out and says so in the reply's warnings.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        #[non_exhaustive]
        pub struct Params {
            $(
                $(#[$meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$type>,
            )*
            /// Parameters that have no name here, such as `top_k`: sent as they are.
            #[serde(flatten)]
            pub extra: Extra,
            /// Members merged into the request's body last, over all others; no check is made on them.
            #[serde(skip)]
            pub extra_body: Map<String, Value>,
            /// Whether unsupported parameters are left out with a warning, instead of being an error.
            #[serde(skip)]
            pub drop_params: bool,
            /// Parameters to send though the provider is not known to support them.
            #[serde(skip)]
            pub allowed_openai_params: Vec<String>,
        }

        impl Params {
            /// The names of the parameters that are set.
            pub fn names(&self) -> impl Iterator<Item = &'static str> {
                [$(self.$name.is_some().then_some(stringify!($name)),)*].into_iter().flatten()
            }

            /// Sets a parameter by its name; one that has no name here goes among the others, to be sent as it is.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::InvalidRequest`] where the value is not of the parameter's type.
            pub fn set(&mut self, name: &str, value: Value) -> Result<()> {
                let wrong = |source: serde_json::Error| {
                    Error::new(ErrorKind::InvalidRequest, format!("`{name}` is not what it should be: {source}"))
                };
                match name {
                    $(stringify!($name) => self.$name = Some(serde_json::from_value(value).map_err(wrong)?),)*
                    _ => {
                        self.extra.insert(name, value);
                    }
                }
                Ok(())
            }

            /// The names of all parameters.
            pub fn all_names() -> impl Iterator<Item = &'static str> {
                [$(stringify!($name)),*].into_iter()
            }

            /// Leaves a parameter out. Whether it was set.
            pub fn unset(&mut self, name: &str) -> bool {
                match name {
                    $(stringify!($name) => self.$name.take().is_some(),)*
                    _ => self.extra.remove(name).is_some(),
                }
            }
        }
    };
}

params! {
    /// Randomness, 0 to 2 (providers differ).
    temperature: f64,
    /// Nucleus sampling: the share of probability to choose from.
    top_p: f64,
    /// How many replies.
    n: u32,
    /// Texts at which the reply ends.
    stop: Stop,
    /// The most tokens of the reply, in the older name.
    max_tokens: u64,
    /// The most tokens of the reply, reasoning included.
    max_completion_tokens: u64,
    /// Penalty for what has been mentioned, -2 to 2.
    presence_penalty: f64,
    /// Penalty for repetition, -2 to 2.
    frequency_penalty: f64,
    /// Token ids and how much likelier to make them, -100 to 100.
    logit_bias: Map<String, Value>,
    /// Makes sampling repeatable as far as the provider can.
    seed: i64,
    /// Whether to give the tokens' log probabilities.
    logprobs: bool,
    /// How many alternatives to give for each token, with `logprobs`.
    top_logprobs: u32,
    /// The caller's id of its end user.
    user: String,
    /// The form of the reply's text.
    response_format: ResponseFormat,
    /// The tools that the model may call.
    tools: Vec<Tool>,
    /// Which of them it may or must call.
    tool_choice: ToolChoice,
    /// Whether it may call several at once.
    parallel_tool_calls: bool,
    /// Tools in OpenAI's older form.
    functions: Value,
    /// The choice in OpenAI's older form.
    function_call: Value,
    /// How much to reason.
    reasoning_effort: Effort,
    /// How to reason, in Anthropic's form.
    thinking: Thinking,
    /// Lets the model search the web.
    web_search_options: WebSearchOptions,
    /// What the reply may be made of: `text`, `audio`, `image`.
    modalities: Vec<String>,
    /// Voice and format of a spoken reply.
    audio: Value,
    /// What most of the reply will be, to be generated faster.
    prediction: Value,
    /// The processing tier: `auto`, `default`, `flex`, `priority` …
    service_tier: String,
    /// Whether the provider keeps the reply.
    store: bool,
    /// Groups requests that share a prefix, for the prompt cache.
    prompt_cache_key: String,
    /// How long the prompt cache is kept: `in_memory`, `24h`.
    prompt_cache_retention: String,
    /// The caller's stable id of its end user, for the provider's abuse detection.
    safety_identifier: String,
    /// How long the reply should be: `low`, `medium`, `high`.
    verbosity: String,
    /// Options of a stream. A stream asks for its usage unless this says otherwise.
    stream_options: Value,
}

impl Params {
    /// The most tokens of the reply, by either name.
    #[must_use]
    pub fn token_limit(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }
}

/// One or several texts at which a reply ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stop {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Stop {
    /// The texts.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

impl From<&str> for Stop {
    fn from(text: &str) -> Self {
        Self::One(text.to_owned())
    }
}

impl From<String> for Stop {
    fn from(text: String) -> Self {
        Self::One(text)
    }
}

impl<T: Into<String>> From<Vec<T>> for Stop {
    fn from(texts: Vec<T>) -> Self {
        Self::Many(texts.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<String>, const N: usize> From<[T; N]> for Stop {
    fn from(texts: [T; N]) -> Self {
        Self::Many(texts.into_iter().map(Into::into).collect())
    }
}

/// How much a model reasons before it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", from = "Value")]
#[non_exhaustive]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as the model can.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More than `High`, where the model has it.
    XHigh,
    /// As much as the model can.
    Max,
    /// In a word that has no name here.
    #[serde(untagged)]
    Other(String),
    /// With more than the word, such as `{"effort": "high", "summary": "auto"}`.
    #[serde(untagged)]
    Detailed(Map<String, Value>),
}

impl Effort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
            Self::Other(word) => word,
            Self::Detailed(fields) => fields.get("effort").and_then(Value::as_str).unwrap_or("medium"),
        }
    }

    /// How many tokens of reasoning the word stands for, where a model is told a number: the ladder that is common among
    /// clients of several providers. `None` for no reasoning, and for words that are not on it.
    #[must_use]
    pub fn budget(&self) -> Option<u64> {
        Some(match self.as_str() {
            "minimal" => 128,
            "low" => 1024,
            "medium" => 2048,
            "high" => 4096,
            "xhigh" => 8192,
            "max" => 16384,
            _ => return None,
        })
    }

    /// The effort without details, for providers that take only the word.
    #[must_use]
    pub fn plain(&self) -> Cow<'_, Self> {
        match self {
            Self::Detailed(_) => Cow::Owned(Self::from(self.as_str())),
            _ => Cow::Borrowed(self),
        }
    }
}

impl From<&str> for Effort {
    fn from(word: &str) -> Self {
        match word {
            "none" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "xhigh" => Self::XHigh,
            "max" => Self::Max,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<Value> for Effort {
    fn from(value: Value) -> Self {
        match value {
            Value::String(word) => Self::from(word.as_str()),
            Value::Object(fields) => Self::Detailed(fields),
            other => Self::Other(other.to_string()),
        }
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How to reason, in Anthropic's form: `{"type": "enabled", "budget_tokens": 2048}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Thinking {
    /// Whether to reason.
    #[serde(rename = "type")]
    pub mode: ThinkingMode,
    /// The most tokens of reasoning.
    #[serde(default, alias = "budgetTokens", skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u64>,
    /// Fields that have no name here, such as `display`.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Thinking {
    /// Reasoning of at most so many tokens.
    #[must_use]
    pub const fn enabled(budget_tokens: u64) -> Self {
        Self { mode: ThinkingMode::Enabled, budget_tokens: Some(budget_tokens), extra: Extra::new() }
    }

    /// Reasoning as the model sees fit.
    #[must_use]
    pub const fn adaptive() -> Self {
        Self { mode: ThinkingMode::Adaptive, budget_tokens: None, extra: Extra::new() }
    }

    /// No reasoning.
    #[must_use]
    pub const fn disabled() -> Self {
        Self { mode: ThinkingMode::Disabled, budget_tokens: None, extra: Extra::new() }
    }
}

/// Whether to reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ThinkingMode {
    /// Yes.
    Enabled,
    /// No.
    Disabled,
    /// As the model sees fit.
    Adaptive,
    /// In a word that has no name here.
    #[serde(untagged)]
    Other(String),
}

/// How to search the web, in OpenAI's form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebSearchOptions {
    /// How much of what is found to read: `low`, `medium`, `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_context_size: Option<String>,
    /// Where the user is: `{"type": "approximate", "approximate": {"city": …, "country": …}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_location: Option<Value>,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}
