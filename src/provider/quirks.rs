//! Where a provider departs from its wire format: flags of its row, and named hooks for what flags cannot say.

use std::borrow::Cow;

use serde::Deserialize;

/// Where an OpenAI-compatible provider departs from OpenAI's format. The default is OpenAI's format to the letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Quirks {
    /// What the limit of tokens is called.
    pub token_limit: TokenLimit,
    /// Parameters, by OpenAI's names, that it does not take.
    pub unsupported: Vec<Cow<'static, str>>,
    /// How it is told to reason.
    pub reasoning: Reasoning,
    /// How it is told to search the web.
    pub web_search: WebSearch,
    /// Whether it knows the role `developer`; else it is sent as `system`.
    pub developer_role: bool,
    /// Whether it takes prompt-cache markers.
    pub cache_control: bool,
    /// Whether it takes content only as a text: lists that hold nothing else are joined.
    pub text_content: bool,
    /// The field of an assistant's message in which it wants its reasoning back.
    pub reasoning_history: Option<Cow<'static, str>>,
    /// Whether it has no `stream_options`.
    pub no_stream_options: bool,
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
    /// By `thinking: {"type": "enabled" | "disabled"}`.
    Thinking,
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
}

/// What flags cannot say, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hook {
    /// Reasoning tokens are counted beside the completion's, and belong to it.
    ReasoningBesideCompletion,
}
