//! What is known of model families, read from `pricing/families.json`: rules by name, so that a model that is not
//! listed anywhere is still treated as its relatives are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use once_cell::sync::Lazy;
use serde::Deserialize;

static FAMILIES: Lazy<Families> =
    Lazy::new(|| serde_json::from_str(include_str!("../../pricing/families.json")).unwrap_or_default());

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Families {
    providers: Vec<Bare>,
    traits: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare {
    provider: String,
    models: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    models: Vec<String>,
    #[serde(default, rename = "source")]
    _source: Option<String>,
    #[serde(flatten)]
    traits: Traits,
}

/// What a model can do and how it wants to be asked. `None` is "not known", which is never a reason to refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Traits {
    /// How the model is told how much to reason.
    pub reasoning: Option<ReasoningStyle>,
    /// Whether the model reasons where nobody asks it to.
    pub reasons_unasked: Option<bool>,
    /// The words of `reasoning_effort` that the model takes.
    pub efforts: Option<Vec<String>>,
    /// The fewest tokens that a reasoning budget may have.
    pub min_budget: Option<u64>,
    /// The most tokens that a reasoning budget may have.
    pub max_budget: Option<u64>,
    /// Whether the model takes `temperature` and `top_p`.
    pub sampling: Option<bool>,
    /// The most tokens of a reply.
    pub max_output_tokens: Option<u64>,
    /// Whether the limit of tokens is called `max_completion_tokens` in OpenAI's format.
    pub max_completion_tokens: Option<bool>,
    /// Whether replies can be held to a JSON Schema natively.
    pub native_schema: Option<bool>,
    /// Parameters, by OpenAI's names, that the model does not take.
    pub unsupported: Option<Vec<Cow<'static, str>>>,
    /// Those that it does not take while it reasons, being told an effort other than `none`.
    pub unsupported_with_effort: Option<Vec<Cow<'static, str>>>,
    /// Whether the model can use a web search that its host runs as a tool.
    pub hosted_search: Option<bool>,
    /// Whether the model takes a system message at all.
    pub system_message: Option<bool>,
    /// What the model can do, in the words of [`Capability`](crate::pricing::Capability).
    pub supports: Option<Vec<Cow<'static, str>>>,
    /// When the model has to be asked by OpenAI's Responses API, and not by chat completions.
    pub responses: Option<ResponsesNeed>,
    /// Whether a system message may stand in the middle of a conversation.
    pub late_system: Option<bool>,
    /// The public encoding in which the model counts, by tiktoken's name; `None` where it has none.
    pub tokenizer: Option<Cow<'static, str>>,
    /// Where there is no public encoding: the model's tokens in per cent of `o200k_base`'s.
    pub token_percent: Option<u32>,
}

/// How a model is told how much to reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReasoningStyle {
    /// Not at all: the model does not reason.
    None,
    /// By a number of tokens.
    Budget,
    /// By a word.
    Effort,
    /// By a word beside `thinking: {"type": "adaptive"}` (Claude from 4.6 on).
    Adaptive,
    /// By a level (Gemini from 3 on).
    Level,
}

/// When a model has to be asked by OpenAI's Responses API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponsesNeed {
    /// Always: it is not served otherwise.
    Always,
    /// Where it has functions to call, unless it is told not to reason.
    WithTools,
}

impl Traits {
    fn fill(&mut self, rule: &Self) {
        fn or<T: Clone>(mine: &mut Option<T>, rule: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(rule);
            }
        }
        or(&mut self.reasoning, &rule.reasoning);
        or(&mut self.reasons_unasked, &rule.reasons_unasked);
        or(&mut self.efforts, &rule.efforts);
        or(&mut self.min_budget, &rule.min_budget);
        or(&mut self.max_budget, &rule.max_budget);
        or(&mut self.sampling, &rule.sampling);
        or(&mut self.max_output_tokens, &rule.max_output_tokens);
        or(&mut self.max_completion_tokens, &rule.max_completion_tokens);
        or(&mut self.native_schema, &rule.native_schema);
        or(&mut self.unsupported, &rule.unsupported);
        or(&mut self.unsupported_with_effort, &rule.unsupported_with_effort);
        or(&mut self.hosted_search, &rule.hosted_search);
        or(&mut self.system_message, &rule.system_message);
        or(&mut self.supports, &rule.supports);
        or(&mut self.responses, &rule.responses);
        or(&mut self.late_system, &rule.late_system);
        or(&mut self.tokenizer, &rule.tokenizer);
        or(&mut self.token_percent, &rule.token_percent);
    }
}

/// What is known of a model by its name, with or without prefixes. The first rule that says a thing decides it.
///
/// The rules are gone through once for each name, of which a process uses few; the answers are kept.
#[must_use]
pub fn traits(model: &str) -> Arc<Traits> {
    const MOST: usize = 1024;
    static KNOWN: Lazy<RwLock<HashMap<String, Arc<Traits>>>> = Lazy::new(RwLock::default);
    if let Some(known) = KNOWN.read().ok().and_then(|known| known.get(model).cloned()) {
        return known;
    }
    let found = Arc::new(by_rules(model));
    if let Ok(mut known) = KNOWN.write()
        && known.len() < MOST
    {
        known.insert(model.to_owned(), Arc::clone(&found));
    }
    found
}

fn by_rules(model: &str) -> Traits {
    let name = model.to_ascii_lowercase();
    let mut known = Traits::default();
    for rule in &FAMILIES.traits {
        if rule.models.iter().any(|pattern| matches(pattern, &name)) {
            known.fill(&rule.traits);
        }
    }
    known
}

/// The provider that serves a bare model name of a known family.
#[must_use]
pub fn provider_of(model: &str) -> Option<&'static str> {
    let name = model.to_ascii_lowercase();
    let found = FAMILIES.providers.iter().find(|bare| bare.models.iter().any(|pattern| matches(pattern, &name)));
    found.map(|bare| bare.provider.as_str())
}

/// Whether a name is of a pattern, in which `*` stands for any letters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(head) else { return false };
    let mut pieces = tail.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_well_formed() {
        let families: Families = serde_json::from_str(include_str!("../../pricing/families.json")).unwrap();
        assert!(!families.providers.is_empty() && !families.traits.is_empty());
    }

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, is) in [
            ("gpt-*", "gpt-5", true),
            ("gpt-*", "o3", false),
            ("o3", "o3", true),
            ("o3", "o3-mini", false),
            ("*claude*-4-6*", "us.anthropic.claude-opus-4-6-v1:0", true),
            ("*claude*-4-6*", "claude-opus-4-5", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxc", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}
