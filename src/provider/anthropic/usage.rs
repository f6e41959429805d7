//! Usage: Anthropic counts the tokens read from and written to the cache beside `input_tokens`, not among them.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::chat::{CacheCreationTokenDetails, Extra, ServerToolUse, Usage};

/// Usage as it is on the wire. A stream tells it in several reports, each cumulative in what it names.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Report {
    #[serde(flatten)]
    tokens: Tokens,
    #[serde(default, deserialize_with = "or_default")]
    output_tokens_details: OutputDetails,
    #[serde(default)]
    server_tool_use: Option<ServerToolUse>,
    #[serde(default)]
    service_tier: Option<String>,
    /// The samplings that one request was made of, each with its own tokens.
    #[serde(default)]
    iterations: Option<Value>,
    #[serde(flatten)]
    extra: Extra,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreationTokenDetails>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

impl Report {
    /// Takes a later report of the same reply over: what it does not say stays.
    pub(super) fn merge(&mut self, later: Self) {
        fn some<T>(mine: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *mine = later;
            }
        }
        self.tokens.merge(later.tokens);
        some(&mut self.output_tokens_details.thinking_tokens, later.output_tokens_details.thinking_tokens);
        some(&mut self.server_tool_use, later.server_tool_use);
        some(&mut self.service_tier, later.service_tier);
        some(&mut self.iterations, later.iterations);
        self.extra.extend(later.extra);
    }

    /// The tier that served the request.
    pub(super) fn service_tier(&self) -> Option<&str> {
        self.service_tier.as_deref()
    }

    /// The usage in OpenAI's meaning; `None` where no tokens are told, which is not known and not zero.
    pub(super) fn usage(&self) -> Option<Usage> {
        let tokens = self.billed();
        tokens.input_tokens.or(tokens.output_tokens)?;
        let read = tokens.cache_read_input_tokens.unwrap_or(0);
        let written = tokens.cache_creation_input_tokens.unwrap_or(0);
        let prompt = tokens.input_tokens.unwrap_or(0).saturating_add(read).saturating_add(written);
        let mut usage = Usage::new(prompt, tokens.output_tokens.unwrap_or(0));
        let details = &mut usage.prompt_tokens_details;
        details.cached_tokens = tokens.cache_read_input_tokens;
        details.cache_creation_tokens = tokens.cache_creation_input_tokens;
        details.cache_creation_token_details = tokens.cache_creation;
        usage.completion_tokens_details.reasoning_tokens = self.output_tokens_details.thinking_tokens;
        usage.server_tool_use = self.server_tool_use.clone();
        usage.extra =
            self.extra.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
        if let Some(iterations) = self.iterations.as_ref().filter(|list| !list.is_null()) {
            usage.extra.insert("iterations", iterations.clone());
        }
        Some(usage)
    }

    /// What is billed to the model. The totals leave out the summaries of a compaction, which are billed too; what an
    /// advisor used is another model's.
    /// Source: "Understanding usage" in <https://platform.claude.com/docs/en/build-with-claude/compaction>.
    fn billed(&self) -> Tokens {
        let mut billed = self.tokens.clone();
        for iteration in self.iterations.as_ref().and_then(Value::as_array).into_iter().flatten() {
            if iteration.get("type").is_some_and(|kind| kind == "compaction") {
                billed.add(&Tokens::deserialize(iteration).unwrap_or_default());
            }
        }
        billed
    }
}

impl Tokens {
    fn fields(&mut self) -> [&mut Option<u64>; 4] {
        let Self { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, .. } = self;
        [input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens]
    }

    fn merge(&mut self, mut later: Self) {
        for (mine, later) in self.fields().into_iter().zip(later.fields()) {
            *mine = later.or(*mine);
        }
        if later.cache_creation.is_some() {
            self.cache_creation = later.cache_creation;
        }
    }

    fn add(&mut self, more: &Self) {
        let mut more = more.clone();
        for (mine, more) in self.fields().into_iter().zip(more.fields()) {
            *mine = mine.map_or(*more, |mine| Some(mine.saturating_add(more.unwrap_or(0))));
        }
        if let (Some(mine), Some(more)) = (&mut self.cache_creation, &more.cache_creation) {
            let sum = |a: Option<u64>, b: Option<u64>| a.map_or(b, |a| Some(a.saturating_add(b.unwrap_or(0))));
            mine.ephemeral_5m_input_tokens = sum(mine.ephemeral_5m_input_tokens, more.ephemeral_5m_input_tokens);
            mine.ephemeral_1h_input_tokens = sum(mine.ephemeral_1h_input_tokens, more.ephemeral_1h_input_tokens);
        }
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(value: Value) -> Report {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_prompt_counts_what_was_read_from_and_written_to_the_cache() {
        let usage = report(json!({
            "input_tokens": 4, "cache_creation_input_tokens": 3522, "cache_read_input_tokens": 1150,
            "cache_creation": {"ephemeral_5m_input_tokens": 3500, "ephemeral_1h_input_tokens": 22},
            "output_tokens": 113, "output_tokens_details": {"thinking_tokens": 7}, "service_tier": "standard",
            "inference_geo": "global", "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 1}
        }))
        .usage()
        .unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (4676, 113, 4789));
        assert_eq!((usage.cached_tokens(), usage.reasoning_tokens()), (1150, 7));
        let written = usage.prompt_tokens_details.cache_creation_token_details.unwrap();
        assert_eq!(written.ephemeral_1h_input_tokens, Some(22));
        assert_eq!(usage.server_tool_use.unwrap().extra.get("web_fetch_requests"), Some(&json!(1)));
        assert_eq!(usage.extra.get("inference_geo"), Some(&json!("global")));
    }

    #[test]
    fn a_later_report_replaces_only_what_it_names() {
        let mut whole = report(json!({"input_tokens": 12, "cache_read_input_tokens": 5, "output_tokens": 1}));
        whole.merge(report(json!({"output_tokens": 29})));
        let usage = whole.usage().unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (17, 29));
        whole.merge(report(json!({"input_tokens": 2254, "cache_read_input_tokens": 0, "output_tokens": 112})));
        assert_eq!(whole.usage().unwrap().prompt_tokens, 2254);
    }

    #[test]
    fn the_summaries_of_a_compaction_are_added() {
        let usage = report(json!({
            "input_tokens": 23000, "output_tokens": 1000, "iterations": [
                {"type": "compaction", "input_tokens": 180000, "output_tokens": 3500},
                {"type": "message", "input_tokens": 23000, "output_tokens": 1000}
            ]
        }))
        .usage()
        .unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (203_000, 4500));
    }

    #[test]
    fn usage_that_tells_no_tokens_is_not_known() {
        for body in [json!({}), json!({"service_tier": "standard"}), json!({"input_tokens": null})] {
            let report: Report = serde_json::from_value(body).unwrap();
            assert_eq!(report.usage(), None);
        }
    }
}
