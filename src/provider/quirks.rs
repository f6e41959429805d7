//! Where a provider departs from its wire format: flags of its row, and named hooks for what flags cannot say.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A text that is in the program or was read from somewhere.
type Text = Cow<'static, str>;

/// Where an OpenAI-compatible provider departs from OpenAI's format. The default is what nearly all of them take.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Quirks {
    /// Whether the body must not name the model, which the address does.
    pub no_model: bool,
    /// What the limit of tokens is called.
    pub token_limit: TokenLimit,
    /// Parameters, by OpenAI's names, that it does not take.
    pub unsupported: Vec<Text>,
    /// Parameters that it knows by another name: OpenAI's, and its own.
    pub renamed: Vec<(Text, Text)>,
    /// The highest temperature that it takes; a higher one is lowered, with a warning.
    pub max_temperature: Option<f64>,
    /// Whether `logprobs` is a number there: of how many alternatives the probability is told for each token.
    pub counted_logprobs: bool,
    /// How it is told to reason.
    pub reasoning: Reasoning,
    /// How it is told to search the web.
    pub web_search: WebSearch,
    /// Which choices among tools it knows.
    pub tool_choice: ToolChoices,
    /// Whether it refuses `strict` in the description of a tool.
    pub no_strict: bool,
    /// Whether it takes no `json_schema` as the form of the reply, though it may take `json_object`.
    pub no_json_schema: bool,
    /// Whether it knows the role `developer`; else it is sent as `system`.
    pub developer_role: bool,
    /// Whether it takes prompt-cache markers.
    pub cache_control: bool,
    /// The form of a message's content.
    pub content: ContentForm,
    /// Whether the result of a tool can hold nothing but text; pictures in it follow as the user's.
    pub text_results: bool,
    /// Whether it refuses the name of a speaker.
    pub no_names: bool,
    /// The field of an assistant's message in which it wants its reasoning back.
    pub reasoning_history: Option<Text>,
    /// Whether it has no `stream_options`, and tells the usage of a stream anyway.
    pub no_stream_options: bool,
    /// Where, as a JSON pointer, the chunk that ends a choice tells the usage, when it is not in `usage`.
    pub stream_usage: Option<Text>,
    /// What stands before the name of a model that is given without a slash.
    pub model_prefix: Option<Text>,
    /// What a model is called that is given in three parts, `owner.app.model`, with these in braces.
    pub dotted_model: Option<Text>,
    /// Members of each request's body.
    pub body: Map<String, Value>,
    /// What flags cannot say.
    pub hooks: Vec<Hook>,
}

/// What the limit of tokens is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenLimit {
    /// As the caller called it.
    #[default]
    AsGiven,
    /// Always `max_tokens`.
    MaxTokens,
    /// Always `max_completion_tokens`.
    MaxCompletionTokens,
}

/// How a provider is told to reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reasoning {
    /// By `reasoning_effort`.
    #[default]
    Effort,
    /// By `reasoning_effort`, which is `high` or `none`, but for models that are known to take other words: those are sent
    /// as they are, and elsewhere `high` stands for them, with a warning.
    HighOrNone,
    /// By `reasoning_effort`; a budget of tokens becomes the word for it.
    EffortForBudget,
    /// By `thinking: {"type": "enabled" | "disabled"}`.
    Thinking,
    /// By `thinking: {"type": "enabled" | "disabled"}`, and by `reasoning_effort` how much.
    ThinkingAndEffort,
    /// By `thinking` and by `reasoning_effort`, each as the caller gave it.
    AsGiven,
    /// By `reasoning_effort`, or by `enable_thinking` and `thinking_budget`.
    EnableThinking,
    /// By `reasoning_effort`, or by `reasoning: {"max_tokens": …}`.
    ReasoningObject,
    /// As the model wants it: `thinking` with a budget, or `reasoning_effort`.
    ByModel,
}

/// How a provider is told to search the web.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WebSearch {
    /// By `web_search_options`.
    #[default]
    Options,
    /// By a tool `{"type": "browser_search"}`.
    BrowserSearch,
    /// By the tool of the Responses API, which such a request then goes by.
    Responses,
}

/// Which choices among tools a provider knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoices {
    /// `auto`, `none`, `required`, and a tool by name.
    #[default]
    All,
    /// All, but `required` is called `any`.
    AnyForRequired,
    /// `auto` and `none`.
    AutoOrNone,
    /// All but `required`, in whose place the user asks for it in words.
    AskForRequired,
}

/// The form of a message's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContentForm {
    /// A text, or a list of parts.
    #[default]
    Parts,
    /// As [`Parts`](Self::Parts), but a list that holds nothing but text is joined to one.
    JoinedText,
    /// As [`Parts`](Self::Parts), but the result of a tool that holds nothing but text is joined to one.
    JoinedResults,
    /// A text, and nothing else.
    OnlyText,
}

/// What flags cannot say, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hook {
    /// Replies end without a reason: where tools were called it is taken to be `tool_calls`, else `stop`.
    EndsWithoutReason,
    /// A model of three parts, `provider/owner/name`, is called `owner/name:provider` there.
    ProviderBehindModel,
    /// A message with calls must tell the reasoning that led to them, where the model reasons; where there is none to tell,
    /// as in a conversation that began elsewhere, a space stands for it.
    CallsTellReasoning,
    /// An address that does not end by `/v1` is that of a server, whose version is still to be said.
    VersionInPath,
}
