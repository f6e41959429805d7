//! How much to reason: a budget of tokens up to Claude 4.5, a word beside adaptive thinking from 4.6 on.
//!
//! Sources: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>,
//! <https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>. The budgets are LiteLLM's.

use serde_json::{Value, json};

use crate::chat::{Effort, Params, ThinkingMode, Warning};
use crate::error::{Error, Result};
use crate::model::{ReasoningStyle, Traits};

/// The fewest tokens that a budget may have.
const LEAST_BUDGET: u64 = 1024;

/// What the request says of reasoning, on the wire.
#[derive(Default)]
pub(in crate::provider) struct Reasoning {
    /// `thinking`.
    pub(in crate::provider) thinking: Option<Value>,
    /// The budget in it.
    pub(in crate::provider) budget: Option<u64>,
    /// `output_config.effort`.
    pub(in crate::provider) effort: Option<String>,
}

impl Reasoning {
    pub(in crate::provider) fn new(
        params: &Params,
        known: &Traits,
        provider: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self> {
        let adaptive = known.reasoning == Some(ReasoningStyle::Adaptive);
        let mut reasoning = Self::default();
        if let Some(effort) = params.reasoning_effort.as_ref().filter(|effort| effort.as_str() != "none") {
            if adaptive {
                reasoning.adapt(effort, known, params, provider, warnings)?;
            } else if params.thinking.is_none() {
                reasoning.budget_of(effort, params, provider, warnings)?;
            } else {
                warnings.push(Warning::new("reasoning_effort", "dropped: `thinking` says how much to reason"));
            }
        }
        if let Some(thinking) = &params.thinking {
            let budget = thinking.budget_tokens.filter(|_| thinking.mode == ThinkingMode::Enabled);
            if let Some(budget) = budget.filter(|_| known.max_budget == Some(0)) {
                let word = word_of(budget);
                let message = format!("the model takes no budget: sent as adaptive thinking with effort `{word}`");
                warnings.push(Warning::new("thinking", message));
                reasoning.thinking = Some(adaptive_thinking());
                reasoning.effort.get_or_insert_with(|| word.to_owned());
            } else {
                reasoning.thinking = serde_json::to_value(thinking).ok();
                reasoning.budget = budget;
            }
        }
        Ok(reasoning)
    }

    /// Whether the model will think.
    pub(in crate::provider) fn is_on(&self) -> bool {
        self.thinking.as_ref().is_some_and(|thinking| thinking.get("type").is_none_or(|kind| kind != "disabled"))
    }

    fn adapt(
        &mut self,
        effort: &Effort,
        known: &Traits,
        params: &Params,
        provider: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<()> {
        let word = effort.as_str();
        if known.efforts.as_ref().is_some_and(|words| !words.iter().any(|known| known == word)) {
            return refuse(word, params, provider, warnings);
        }
        self.thinking = Some(adaptive_thinking());
        self.effort = Some(if word == "minimal" { "low" } else { word }.to_owned());
        Ok(())
    }

    fn budget_of(
        &mut self,
        effort: &Effort,
        params: &Params,
        provider: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<()> {
        let Some(wanted) = effort.budget() else { return refuse(effort.as_str(), params, provider, warnings) };
        let wanted = wanted.max(LEAST_BUDGET);
        let room = params.token_limit().map_or(u64::MAX, |limit| limit.saturating_sub(1));
        let budget = wanted.min(room);
        if budget < LEAST_BUDGET {
            let message = format!("dropped: `max_tokens` leaves no room for the least budget, {LEAST_BUDGET} tokens");
            warnings.push(Warning::new("reasoning_effort", message));
            return Ok(());
        }
        if budget < wanted {
            let message = format!("{budget} tokens instead of {wanted}: a budget must be less than `max_tokens`");
            warnings.push(Warning::new("reasoning_effort", message));
        }
        self.thinking = Some(json!({"type": "enabled", "budget_tokens": budget}));
        self.budget = Some(budget);
        Ok(())
    }
}

fn adaptive_thinking() -> Value {
    json!({"type": "adaptive", "display": "summarized"})
}

/// The effort that a budget stands for, by the budgets that efforts stand for.
fn word_of(budget: u64) -> &'static str {
    match budget {
        8192.. => "xhigh",
        4096.. => "high",
        2048.. => "medium",
        _ => "low",
    }
}

fn refuse(word: &str, params: &Params, provider: &str, warnings: &mut Vec<Warning>) -> Result<()> {
    if !params.drop_params {
        return Err(Error::unsupported(&format!("reasoning_effort: {word}"), provider));
    }
    warnings.push(Warning::new("reasoning_effort", format!("dropped: the model does not take `{word}`")));
    Ok(())
}
