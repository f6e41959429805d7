//! Usage: Bedrock counts the tokens read from and written to the cache beside `inputTokens`, not among them.

use serde::Deserialize;
use serde_json::Value;

use crate::chat::{CacheCreationTokenDetails, Extra, Usage};

/// Usage as it is on the wire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Report {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
    cache_details: Option<Vec<CacheDetail>>,
    #[serde(flatten)]
    extra: Extra,
}

/// Tokens written to the cache, by how long they are kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CacheDetail {
    ttl: String,
    input_tokens: u64,
}

/// The same numbers by older names.
const TOLD_TWICE: [&str; 2] = ["cacheReadInputTokenCount", "cacheWriteInputTokenCount"];

impl Report {
    /// The usage in OpenAI's meaning. `reasoning` is how many of the tokens were reasoning, where the model says it.
    pub(super) fn usage(self, reasoning: Option<u64>) -> Usage {
        let (read, written) = (self.cache_read_input_tokens, self.cache_write_input_tokens);
        let prompt = [self.input_tokens, read, written].into_iter().flatten().fold(0, u64::saturating_add);
        let mut usage = Usage::new(prompt, self.output_tokens.unwrap_or(0));
        if let Some(total) = self.total_tokens {
            usage.total_tokens = total;
        }
        let details = &mut usage.prompt_tokens_details;
        (details.cached_tokens, details.cache_creation_tokens) = (read, written);
        details.cache_creation_token_details = self.cache_details.filter(|list| !list.is_empty()).map(|list| {
            let of = |ttl: &str| list.iter().find(|detail| detail.ttl == ttl).map(|detail| detail.input_tokens);
            CacheCreationTokenDetails { ephemeral_5m_input_tokens: of("5m"), ephemeral_1h_input_tokens: of("1h") }
        });
        usage.completion_tokens_details.reasoning_tokens = reasoning;
        let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
        let told = |name: &str| TOLD_TWICE.contains(&name);
        let extra = self.extra.iter().filter(|(name, value)| !told(name) && !empty(value));
        usage.extra = extra.map(|(name, value)| (name.clone(), value.clone())).collect();
        usage
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_prompt_includes_what_was_read_from_and_written_to_the_cache() {
        let report: Report = serde_json::from_value(json!({
            "inputTokens": 11, "outputTokens": 236, "totalTokens": 1280,
            "cacheReadInputTokens": 5, "cacheReadInputTokenCount": 5, "cacheWriteInputTokens": 1028,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 28}, {"ttl": "5m", "inputTokens": 1000}],
            "serverToolUsage": {}, "brandNew": 7
        }))
        .unwrap();
        let usage = report.usage(Some(40));
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (1044, 236, 1280));
        assert_eq!((usage.cached_tokens(), usage.reasoning_tokens()), (5, 40));
        let written = usage.prompt_tokens_details.cache_creation_token_details.unwrap();
        assert_eq!((written.ephemeral_5m_input_tokens, written.ephemeral_1h_input_tokens), (Some(1000), Some(28)));
        assert_eq!(serde_json::to_value(&usage.extra).unwrap(), json!({"brandNew": 7}));
    }
}
