//! What a response used, in tokens.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chat::{CompletionTokensDetails, Extra, PromptTokensDetails, Usage};

/// The tokens of a response. What was read from and written to the prompt cache is part of the input, and reasoning is
/// part of the output, as in [`Usage`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ResponseUsage {
    /// Tokens of the request.
    pub input_tokens: u64,
    /// What they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens_details: Option<InputTokensDetails>,
    /// Tokens of the reply.
    pub output_tokens: u64,
    /// What they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_details: Option<OutputTokensDetails>,
    /// Both.
    pub total_tokens: u64,
    /// Fields that have no name here, such as a `cost` in USD.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What the request's tokens were.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct InputTokensDetails {
    /// Read from the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Written to the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What the reply's tokens were.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OutputTokensDetails {
    /// Reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

impl From<&ResponseUsage> for Usage {
    fn from(own: &ResponseUsage) -> Self {
        let mut usage = Self::new(own.input_tokens, own.output_tokens);
        if own.total_tokens > 0 {
            usage.total_tokens = own.total_tokens;
        }
        if let Some(details) = &own.input_tokens_details {
            usage.prompt_tokens_details = PromptTokensDetails {
                cached_tokens: details.cached_tokens,
                cache_creation_tokens: details.cache_write_tokens,
                extra: details.extra.clone(),
                ..PromptTokensDetails::default()
            };
        }
        if let Some(details) = &own.output_tokens_details {
            usage.completion_tokens_details = CompletionTokensDetails {
                reasoning_tokens: details.reasoning_tokens,
                extra: details.extra.clone(),
                ..CompletionTokensDetails::default()
            };
        }
        usage.extra = own.extra.clone();
        usage.cost = usage.extra.get("cost").and_then(Value::as_f64);
        if usage.cost.is_some() {
            usage.extra.remove("cost");
        }
        usage
    }
}

impl From<&Usage> for ResponseUsage {
    fn from(usage: &Usage) -> Self {
        let (prompt, completion) = (&usage.prompt_tokens_details, &usage.completion_tokens_details);
        let mut extra = usage.extra.clone();
        if let Some(cost) = usage.cost {
            extra.insert("cost", cost);
        }
        Self {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: Some(InputTokensDetails {
                cached_tokens: Some(prompt.cached_tokens.unwrap_or(0)),
                cache_write_tokens: Some(prompt.cache_creation_tokens.unwrap_or(0)),
                extra: prompt.extra.clone(),
            }),
            output_tokens: usage.completion_tokens,
            output_tokens_details: Some(OutputTokensDetails {
                reasoning_tokens: Some(completion.reasoning_tokens.unwrap_or(0)),
                extra: completion.extra.clone(),
            }),
            total_tokens: usage.total_tokens,
            extra,
        }
    }
}
