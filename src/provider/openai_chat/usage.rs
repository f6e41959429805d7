//! Usage, in the forms that compatible servers write it.

use serde_json::Value;

use crate::chat::{ServerToolUse, Usage};

/// Brings the usage of any compatible server into OpenAI's form.
///
/// Reasoning that a server counts beside the completion (xAI) belongs to it; the total tells which is the case.
pub(in crate::provider) fn normalise(usage: &mut Usage) {
    let count = |usage: &Usage, name: &str| usage.extra.get(name).and_then(Value::as_u64);
    let within = |usage: &Usage, details: &str, name: &str| usage.extra.get(details)?.get(name)?.as_u64();
    // https://dev.writer.com/api-reference/completion-api/chat-completion writes the details in the singular.
    let cached = count(usage, "prompt_cache_hit_tokens")
        .or_else(|| count(usage, "cached_tokens"))
        .or_else(|| within(usage, "prompt_token_details", "cached_tokens"));
    let reasoning =
        count(usage, "reasoning_tokens").or_else(|| within(usage, "completion_token_details", "reasoning_tokens"));
    let written = usage.prompt_tokens_details.extra.get("cache_write_tokens").and_then(Value::as_u64);
    let prompt = &mut usage.prompt_tokens_details;
    prompt.cached_tokens = prompt.cached_tokens.or(cached);
    prompt.cache_creation_tokens = prompt.cache_creation_tokens.or(written);
    let completion = &mut usage.completion_tokens_details;
    completion.reasoning_tokens = completion.reasoning_tokens.or(reasoning);
    let both = usage.prompt_tokens.saturating_add(usage.completion_tokens);
    if usage.total_tokens > both && usage.total_tokens == both.saturating_add(usage.reasoning_tokens()) {
        usage.completion_tokens = usage.completion_tokens.saturating_add(usage.reasoning_tokens());
    }
    if let Some(searches) = count(usage, "num_search_queries").filter(|_| usage.server_tool_use.is_none()) {
        usage.server_tool_use = Some(ServerToolUse { web_search_requests: Some(searches), ..ServerToolUse::default() });
    }
    // A dollar has 10¹⁰ ticks (https://docs.x.ai/developers/cost-tracking).
    if let Some(ticks) = count(usage, "cost_in_usd_ticks").filter(|_| usage.cost.is_none()) {
        usage.cost = Some(ticks as f64 / 1e10);
    }
    if usage.total_tokens == 0 {
        usage.total_tokens = usage.prompt_tokens.saturating_add(usage.completion_tokens);
    }
}
