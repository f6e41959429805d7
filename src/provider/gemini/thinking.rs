//! `thinkingConfig`: how much the model reasons, and that it tells its thoughts.
//!
//! Sources: <https://ai.google.dev/gemini-api/docs/thinking>: Gemini 2.5 is told a number of tokens, later models a
//! level; which of them a model takes, and whether it can do without, is in its traits. The numbers behind the words
//! are LiteLLM's.

use serde::Serialize;

use crate::chat::{Effort, Params, Thinking, ThinkingMode, Warning};
use crate::error::{Error, Result};
use crate::model::{ReasoningStyle, Traits};

/// The levels, from the least to the most.
const LEVELS: [&str; 4] = ["minimal", "low", "medium", "high"];

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
    include_thoughts: bool,
}

/// What `thinking` or `reasoning_effort` asks for. What the model cannot do becomes the nearest that it can, with a
/// warning.
pub(super) fn config(
    params: &Params,
    known: &Traits,
    provider: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Option<ThinkingConfig>> {
    let never = known.reasoning == Some(ReasoningStyle::None);
    match (&params.thinking, &params.reasoning_effort) {
        (Some(Thinking { mode: ThinkingMode::Disabled, .. }), _) if never => Ok(None),
        (Some(thinking), effort) => {
            if effort.is_some() {
                warnings.push(Warning::new("reasoning_effort", "left out: `thinking` says it already"));
            }
            Ok(Some(from_thinking(thinking, known, warnings)))
        }
        (None, Some(effort)) => from_effort(effort, params.drop_params, known, provider, warnings),
        (None, None) => Ok(None),
    }
}

fn from_thinking(thinking: &Thinking, known: &Traits, warnings: &mut Vec<Warning>) -> ThinkingConfig {
    let by_budget = known.reasoning == Some(ReasoningStyle::Budget);
    match (&thinking.mode, thinking.budget_tokens) {
        (ThinkingMode::Disabled, _) => off(known, "thinking", warnings),
        (_, Some(tokens)) => ThinkingConfig {
            thinking_budget: Some(within(tokens, known, "thinking", warnings)),
            include_thoughts: true,
            ..ThinkingConfig::default()
        },
        (ThinkingMode::Adaptive, None) if by_budget => {
            ThinkingConfig { thinking_budget: Some(-1), include_thoughts: true, ..ThinkingConfig::default() }
        }
        (_, None) => ThinkingConfig { include_thoughts: true, ..ThinkingConfig::default() },
    }
}

fn from_effort(
    effort: &Effort,
    drop_params: bool,
    known: &Traits,
    provider: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Option<ThinkingConfig>> {
    let tokens = match (effort.as_str(), effort.budget()) {
        ("none", _) if known.reasoning == Some(ReasoningStyle::None) => return Ok(None),
        ("none", _) => return Ok(Some(off(known, "reasoning_effort", warnings))),
        ("minimal", Some(tokens)) => known.min_budget.unwrap_or(tokens),
        (_, Some(tokens)) => tokens,
        (other, None) if drop_params => {
            warnings.push(Warning::new("reasoning_effort", format!("dropped: {provider} has no `{other}`")));
            return Ok(None);
        }
        (other, None) => return Err(Error::unsupported(&format!("reasoning_effort: {other}"), provider)),
    };
    let mut config = ThinkingConfig { include_thoughts: true, ..ThinkingConfig::default() };
    if known.reasoning == Some(ReasoningStyle::Budget) {
        config.thinking_budget = Some(within(tokens, known, "reasoning_effort", warnings));
    } else {
        config.thinking_level = Some(level(effort.as_str(), known, warnings));
    }
    Ok(Some(config))
}

/// No reasoning, or as little as the model can do, without telling it.
fn off(known: &Traits, parameter: &'static str, warnings: &mut Vec<Warning>) -> ThinkingConfig {
    let takes = |word: &str| known.efforts.as_ref().is_none_or(|words| words.iter().any(|taken| taken == word));
    let mut least = |what: String| {
        warnings.push(Warning::new(parameter, format!("the model cannot do without reasoning; asked for {what}")));
    };
    let mut config = ThinkingConfig::default();
    if known.reasoning != Some(ReasoningStyle::Budget) {
        let lowest = LEVELS.into_iter().find(|level| takes(level)).unwrap_or("low");
        least(format!("level `{lowest}`"));
        config.thinking_level = Some(lowest);
    } else if takes("none") {
        config.thinking_budget = Some(0);
    } else {
        let lowest = known.min_budget.unwrap_or(0);
        least(format!("{lowest} tokens"));
        config.thinking_budget = i64::try_from(lowest).ok();
    }
    config
}

/// The number, within what the model takes.
fn within(tokens: u64, known: &Traits, parameter: &'static str, warnings: &mut Vec<Warning>) -> i64 {
    let (least, most) = (known.min_budget.unwrap_or(0), known.max_budget.unwrap_or(u64::MAX));
    let taken = if tokens == 0 && known.efforts.as_ref().is_none_or(|words| words.iter().any(|word| word == "none")) {
        0
    } else {
        tokens.max(least).min(most)
    };
    if taken != tokens {
        let message = format!("{tokens} tokens of reasoning became {taken}: the model takes {least} to {most}");
        warnings.push(Warning::new(parameter, message));
    }
    i64::try_from(taken).unwrap_or(i64::MAX)
}

/// The level of a word: the next higher one where the model lacks it, the highest where there is none.
fn level(word: &str, known: &Traits, warnings: &mut Vec<Warning>) -> &'static str {
    let takes = |level: &&str| known.efforts.as_ref().is_none_or(|words| words.iter().any(|taken| taken == *level));
    let enough = LEVELS.into_iter().skip_while(|level| *level != word).find(takes);
    let level = enough.or_else(|| LEVELS.into_iter().rev().find(takes)).unwrap_or("high");
    if level != word && word != "max" {
        let message = format!("`{word}` became `{level}`: the model has no such level");
        warnings.push(Warning::new("reasoning_effort", message));
    }
    level
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::traits;

    fn sent(model: &str, params: Params) -> (Value, usize) {
        let mut warnings = Vec::new();
        let config = config(&params, &traits(model), "gemini", &mut warnings).unwrap();
        (serde_json::to_value(config).unwrap(), warnings.len())
    }

    fn effort(model: &str, word: &str) -> (Value, usize) {
        sent(model, Params { reasoning_effort: Some(word.into()), ..Params::default() })
    }

    #[test]
    fn gemini_2_5_is_told_a_number_of_tokens() {
        for (model, word, tokens, told) in [
            ("gemini-2.5-flash", "none", 0, false),
            ("gemini-2.5-flash", "minimal", 1, true),
            ("gemini-2.5-flash-lite", "minimal", 512, true),
            ("gemini-2.5-pro", "minimal", 128, true),
            ("gemini-2.5-flash", "low", 1024, true),
            ("gemini-2.5-pro", "medium", 2048, true),
            ("gemini-2.5-pro-preview-06-05", "high", 4096, true),
            ("gemini-2.5-pro", "max", 16384, true),
        ] {
            assert_eq!(
                effort(model, word),
                (json!({"thinkingBudget": tokens, "includeThoughts": told}), 0),
                "{model} {word}"
            );
        }
    }

    #[test]
    fn a_model_that_cannot_do_without_reasoning_does_as_little_as_it_can() {
        assert_eq!(effort("gemini-2.5-pro", "none"), (json!({"thinkingBudget": 128, "includeThoughts": false}), 1));
        assert_eq!(
            effort("gemini-3-flash-preview", "none"),
            (json!({"thinkingLevel": "minimal", "includeThoughts": false}), 1)
        );
        assert_eq!(
            effort("gemini-3-pro-preview", "none"),
            (json!({"thinkingLevel": "low", "includeThoughts": false}), 1)
        );
    }

    #[test]
    fn later_models_are_told_a_level() {
        for (model, word, level, warned) in [
            ("gemini-3-flash-preview", "minimal", "minimal", 0),
            ("gemini-3-flash-preview", "medium", "medium", 0),
            ("gemini-3-pro-preview", "medium", "high", 1),
            ("gemini-3.1-pro-preview", "medium", "medium", 0),
            ("gemini-3.1-pro-preview", "minimal", "low", 1),
            ("gemini-3.6-flash", "xhigh", "high", 1),
            ("gemini-flash-latest", "max", "high", 0),
            ("gemini-9-brand-new", "low", "low", 0),
        ] {
            assert_eq!(
                effort(model, word),
                (json!({"thinkingLevel": level, "includeThoughts": true}), warned),
                "{model} {word}"
            );
        }
    }

    #[test]
    fn a_budget_of_the_caller_is_kept_within_what_the_model_takes() {
        let thinking = |model, thinking| sent(model, Params { thinking: Some(thinking), ..Params::default() });
        assert_eq!(
            thinking("gemini-2.5-pro", Thinking::enabled(2000)),
            (json!({"thinkingBudget": 2000, "includeThoughts": true}), 0)
        );
        assert_eq!(
            thinking("gemini-2.5-pro", Thinking::enabled(9)),
            (json!({"thinkingBudget": 128, "includeThoughts": true}), 1)
        );
        assert_eq!(
            thinking("gemini-2.5-flash", Thinking::disabled()),
            (json!({"thinkingBudget": 0, "includeThoughts": false}), 0)
        );
        assert_eq!(
            thinking("gemini-2.5-flash", Thinking::adaptive()),
            (json!({"thinkingBudget": -1, "includeThoughts": true}), 0)
        );
        assert_eq!(thinking("gemini-3-flash-preview", Thinking::adaptive()), (json!({"includeThoughts": true}), 0));
    }

    #[test]
    fn a_model_that_never_reasons_need_not_be_told() {
        let disabled = Params { thinking: Some(Thinking::disabled()), ..Params::default() };
        assert_eq!(sent("gemini-2.0-flash", disabled), (Value::Null, 0));
        assert_eq!(effort("gemini-2.0-flash", "none"), (Value::Null, 0));
    }

    #[test]
    fn a_word_that_means_nothing_is_an_error_that_names_it() {
        let params = Params { reasoning_effort: Some("extreme".into()), ..Params::default() };
        let error = config(&params, &traits("gemini-2.5-pro"), "gemini", &mut Vec::new()).unwrap_err();
        assert!(error.message().contains("extreme"), "{error}");
        assert_eq!(sent("gemini-2.5-pro", Params { drop_params: true, ..params }), (Value::Null, 1));
    }
}
