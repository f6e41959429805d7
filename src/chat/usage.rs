//! What a call used, in tokens.

use serde::{Deserialize, Deserializer, Serialize};

use super::Extra;
use super::extra::fields_and_extra;

/// The tokens of a call, in OpenAI's form and meaning for every provider:
/// `prompt_tokens` includes what was read from and written to the prompt cache, `completion_tokens` includes reasoning.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Tokens of the request, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens of the reply, reasoning included.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// What the request's tokens were.
    #[serde(skip_serializing_if = "PromptTokensDetails::is_empty")]
    pub prompt_tokens_details: PromptTokensDetails,
    /// What the reply's tokens were.
    #[serde(skip_serializing_if = "CompletionTokensDetails::is_empty")]
    pub completion_tokens_details: CompletionTokensDetails,
    /// Calls of tools that the provider ran itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_tool_use: Option<ServerToolUse>,
    /// What the provider says the call cost, in USD, where it says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What the request's tokens were.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PromptTokensDetails {
    /// Read from the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Written to the prompt cache, for any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_tokens: Option<u64>,
    /// Of those, how many for which time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_token_details: Option<CacheCreationTokenDetails>,
    /// Text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_tokens: Option<u64>,
    /// Sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u64>,
    /// Video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_tokens: Option<u64>,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Tokens written to the prompt cache, by how long they are kept; named as Anthropic names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheCreationTokenDetails {
    /// Kept for five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_5m_input_tokens: Option<u64>,
    /// Kept for one hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_1h_input_tokens: Option<u64>,
}

/// What the reply's tokens were.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CompletionTokensDetails {
    /// Reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_tokens: Option<u64>,
    /// Sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u64>,
    /// Of a predicted output, what the model took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_prediction_tokens: Option<u64>,
    /// Of a predicted output, what it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_prediction_tokens: Option<u64>,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Calls of tools that the provider ran itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerToolUse {
    /// Web searches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_search_requests: Option<u64>,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

impl PromptTokensDetails {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl CompletionTokensDetails {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Usage {
    /// Usage of so many tokens, without details.
    #[must_use]
    pub fn new(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
            ..Self::default()
        }
    }

    /// Tokens read from the prompt cache.
    #[must_use]
    pub fn cached_tokens(&self) -> u64 {
        self.prompt_tokens_details.cached_tokens.unwrap_or(0)
    }

    /// Tokens of reasoning.
    #[must_use]
    pub fn reasoning_tokens(&self) -> u64 {
        self.completion_tokens_details.reasoning_tokens.unwrap_or(0)
    }

    /// Takes a later report of the same call over, field by field: what it does not say stays.
    pub fn merge(&mut self, later: Self) {
        fn count(mine: &mut u64, later: u64) {
            if later > 0 {
                *mine = later;
            }
        }
        fn some<T>(mine: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *mine = later;
            }
        }
        count(&mut self.prompt_tokens, later.prompt_tokens);
        count(&mut self.completion_tokens, later.completion_tokens);
        count(&mut self.total_tokens, later.total_tokens);
        let (mine, theirs) = (&mut self.prompt_tokens_details, later.prompt_tokens_details);
        some(&mut mine.cached_tokens, theirs.cached_tokens);
        some(&mut mine.cache_creation_tokens, theirs.cache_creation_tokens);
        some(&mut mine.cache_creation_token_details, theirs.cache_creation_token_details);
        some(&mut mine.text_tokens, theirs.text_tokens);
        some(&mut mine.audio_tokens, theirs.audio_tokens);
        some(&mut mine.image_tokens, theirs.image_tokens);
        some(&mut mine.video_tokens, theirs.video_tokens);
        mine.extra.extend(theirs.extra);
        let (mine, theirs) = (&mut self.completion_tokens_details, later.completion_tokens_details);
        some(&mut mine.reasoning_tokens, theirs.reasoning_tokens);
        some(&mut mine.text_tokens, theirs.text_tokens);
        some(&mut mine.audio_tokens, theirs.audio_tokens);
        some(&mut mine.image_tokens, theirs.image_tokens);
        some(&mut mine.accepted_prediction_tokens, theirs.accepted_prediction_tokens);
        some(&mut mine.rejected_prediction_tokens, theirs.rejected_prediction_tokens);
        mine.extra.extend(theirs.extra);
        some(&mut self.server_tool_use, later.server_tool_use);
        some(&mut self.cost, later.cost);
        self.extra.extend(later.extra);
    }
}

fields_and_extra!(Usage {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: OrDefault,
    completion_tokens_details: OrDefault,
    server_tool_use,
    cost: Cost,
});

fields_and_extra!(PromptTokensDetails {
    cached_tokens,
    cache_creation_tokens,
    cache_creation_token_details,
    text_tokens,
    audio_tokens,
    image_tokens,
    video_tokens,
});

fields_and_extra!(CompletionTokensDetails {
    reasoning_tokens,
    text_tokens,
    audio_tokens,
    image_tokens,
    accepted_prediction_tokens,
    rejected_prediction_tokens,
});

fields_and_extra!(ServerToolUse { web_search_requests });

/// A count that some servers leave out, send as `null`, or write with a fraction.
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = Option::<serde_json::Number>::deserialize(deserializer)?;
        Ok(Self(count.map_or(0, |count| count.as_u64().or_else(|| Some(count.as_f64()? as u64)).unwrap_or(0))))
    }
}

/// Details that some servers send as `null`.
struct OrDefault<T>(T);

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for OrDefault<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

/// A plain number, or the total of an itemised cost.
struct Cost(Option<f64>);

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cost = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(cost.as_f64().or_else(|| cost.get("total_cost")?.as_f64())))
    }
}
