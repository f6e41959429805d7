//! How much to reason, in the provider's way.

use serde_json::json;

use super::request::Encoding;
use crate::chat::{Effort, Params, Thinking, ThinkingMode, Warning};
use crate::error::Result;
use crate::model::{ReasoningStyle, Traits};
use crate::provider::{ProviderSpec, Reasoning};

/// The fewest tokens that a budget may have.
const LEAST_BUDGET: u64 = 1024;
/// What is left for the answer beside a budget, where the caller sets no limit.
const ANSWER: u64 = 4096;

/// Whether the model reasons, as far as is known.
pub(super) fn is_possible(spec: &ProviderSpec, known: &Traits) -> bool {
    known.reasoning != Some(ReasoningStyle::None) || is_own_server(spec)
}

/// Whether it is a server of the caller's own, where a model's name says nothing.
pub(super) fn is_own_server(spec: &ProviderSpec) -> bool {
    spec.base_url.is_none() && spec.key_optional
}

/// Whether the model will reason, by what it is asked and, where it is asked nothing, by what is known of it.
pub(super) fn is_on(spec: &ProviderSpec, known: &Traits, params: &Params) -> bool {
    is_possible(spec, known)
        && match (&params.thinking, &params.reasoning_effort) {
            (Some(thinking), _) => thinking.mode != ThinkingMode::Disabled,
            (None, Some(effort)) => *effort != Effort::None,
            (None, None) => known.reasons_unasked != Some(false),
        }
}

/// Whether `thinking` can be said.
pub(super) fn takes_thinking(spec: &ProviderSpec, known: &Traits) -> bool {
    match spec.quirks.reasoning {
        Reasoning::Effort | Reasoning::HighOrNone => false,
        Reasoning::ByModel => by_budget(known),
        _ => true,
    }
}

fn by_budget(known: &Traits) -> bool {
    matches!(known.reasoning, Some(ReasoningStyle::Budget | ReasoningStyle::Adaptive))
}

/// Writes `reasoning_effort` and `thinking`.
pub(super) fn write(out: &mut Encoding<'_>) -> Result<()> {
    let (thinking, effort) = (out.params.thinking.as_ref(), out.params.reasoning_effort.as_ref());
    if let Some(Effort::Detailed(fields)) = effort
        && fields.keys().any(|name| name != "effort")
    {
        out.warnings.push(Warning::new("reasoning_effort", "only the word of it was sent"));
    }
    match out.spec.quirks.reasoning {
        Reasoning::Effort => write_effort(out, effort),
        Reasoning::HighOrNone if out.known.efforts.is_some() => write_effort(out, effort),
        Reasoning::HighOrNone => write_high_or_none(out, effort),
        Reasoning::EffortForBudget => match thinking {
            Some(thinking) => write_effort(out, Some(&word_for(thinking))),
            None => write_effort(out, effort),
        },
        Reasoning::Thinking => write_switch(out, thinking, effort),
        Reasoning::ThinkingAndEffort => {
            write_switch(out, thinking, effort)?;
            write_effort(out, effort.filter(|effort| **effort != Effort::None))
        }
        Reasoning::AsGiven => {
            out.body.set_some("thinking", thinking)?;
            write_effort(out, effort)
        }
        Reasoning::EnableThinking => {
            if let Some(thinking) = thinking {
                out.body.set("enable_thinking", &(thinking.mode != ThinkingMode::Disabled))?;
                out.body.set_some("thinking_budget", thinking.budget_tokens.as_ref())?;
            }
            write_effort(out, effort)
        }
        Reasoning::ReasoningObject => {
            write_effort(out, effort)?;
            match thinking {
                Some(Thinking { budget_tokens: Some(budget), .. }) => {
                    out.body.set("reasoning", &json!({"max_tokens": budget}))?;
                }
                Some(thinking) => {
                    out.body.set("reasoning", &json!({"enabled": thinking.mode != ThinkingMode::Disabled}))?;
                }
                None => {}
            }
            Ok(())
        }
        Reasoning::ByModel if by_budget(&out.known) => write_budget(out, thinking, effort),
        Reasoning::ByModel => write_effort(out, effort),
    }
}

/// `high` in the place of every word but `none`.
fn write_high_or_none(out: &mut Encoding<'_>, effort: Option<&Effort>) -> Result<()> {
    let Some(effort) = effort else { return Ok(()) };
    let word = if effort.as_str() == Effort::None.as_str() { Effort::None } else { Effort::High };
    if effort.as_str() != word.as_str() {
        let message = format!("`high` was sent in the place of `{effort}`: the model takes only that and `none`");
        out.warnings.push(Warning::new("reasoning_effort", message));
    }
    write_effort(out, Some(&word))
}

fn write_effort(out: &mut Encoding<'_>, effort: Option<&Effort>) -> Result<()> {
    let Some(effort) = effort else { return Ok(()) };
    let known = out.known.efforts.as_ref();
    if known.is_some_and(|words| !words.iter().any(|word| word == effort.as_str())) {
        return out.refuse("reasoning_effort", &format!("reasoning_effort: {effort}"));
    }
    out.body.set("reasoning_effort", effort.as_str())?;
    Ok(())
}

/// `thinking: {"type": "enabled" | "disabled"}`.
fn write_switch(out: &mut Encoding<'_>, thinking: Option<&Thinking>, effort: Option<&Effort>) -> Result<()> {
    if thinking.is_some_and(|thinking| thinking.budget_tokens.is_some()) {
        out.warnings.push(Warning::new("thinking", "`budget_tokens` dropped: reasoning is only on or off"));
    }
    let on = match (thinking, effort) {
        (Some(thinking), _) => thinking.mode != ThinkingMode::Disabled,
        (None, Some(effort)) => *effort != Effort::None,
        (None, None) => return Ok(()),
    };
    out.body.set("thinking", &json!({"type": if on { "enabled" } else { "disabled" }}))?;
    Ok(())
}

/// `thinking: {"type": "enabled", "budget_tokens": …}`, less than the limit of tokens, and room for the answer beside it.
fn write_budget(out: &mut Encoding<'_>, thinking: Option<&Thinking>, effort: Option<&Effort>) -> Result<()> {
    let limit = out.params.token_limit();
    let budget = match (thinking, effort.and_then(Effort::budget)) {
        (Some(thinking), _) => {
            out.body.set("thinking", thinking)?;
            thinking.budget_tokens
        }
        (None, Some(wanted)) => {
            let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(1));
            let budget = wanted.max(LEAST_BUDGET).min(room);
            if budget < LEAST_BUDGET {
                let message = format!("dropped: `max_tokens` leaves no room for {LEAST_BUDGET} tokens of reasoning");
                out.warnings.push(Warning::new("reasoning_effort", message));
                return Ok(());
            }
            out.body.set("thinking", &json!({"type": "enabled", "budget_tokens": budget}))?;
            Some(budget)
        }
        (None, None) => None,
    };
    if let Some(budget) = budget.filter(|_| limit.is_none()) {
        out.body.set("max_tokens", &budget.saturating_add(ANSWER))?;
    }
    Ok(())
}

/// The highest word that a budget pays for.
fn word_for(thinking: &Thinking) -> Effort {
    match (&thinking.mode, thinking.budget_tokens) {
        (ThinkingMode::Disabled, _) => Effort::None,
        (_, Some(0..1024)) => Effort::Minimal,
        (_, Some(1024..2048)) => Effort::Low,
        (_, Some(2048..4096) | None) => Effort::Medium,
        _ => Effort::High,
    }
}
