//! How much to reason. Converse has no word of its own for it: each family has another field.
//!
//! Sources: Claude as Anthropic documents it; Nova 2
//! <https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>; GPT as the service answered in
//! <https://github.com/stdapi-ai/stdapi.ai/issues/283>; gpt-oss, Kimi, DeepSeek and others by `reasoning_effort`, as in
//! <https://github.com/langchain-ai/docs/pull/5239> and <https://github.com/langchain-ai/langchain-aws/pull/1261>.

use serde_json::{Map, Value, json};

use super::name::Family;
use crate::chat::{Params, Warning};
use crate::error::{Error, Result};
use crate::model::Traits;
use crate::provider::anthropic;

/// Where Claude's own reply says how many tokens were reasoning, which Converse's usage does not.
const REASONING_TOKENS: &str = "/usage/output_tokens_details";

/// What the request says of reasoning, on the wire.
#[derive(Default)]
pub(super) struct Reasoning {
    /// Members of `additionalModelRequestFields`.
    pub(super) fields: Map<String, Value>,
    /// The budget in them.
    pub(super) budget: Option<u64>,
    /// Whether the model will think.
    pub(super) is_on: bool,
    /// What of the model's own reply is asked for.
    pub(super) reported: Option<[&'static str; 1]>,
}

impl Reasoning {
    pub(super) fn new(
        params: &Params,
        known: &Traits,
        family: Family,
        provider: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self> {
        let mut reasoning = Self::default();
        if family == Family::Claude || params.thinking.is_some() {
            let claude = anthropic::Reasoning::new(params, known, provider, warnings)?;
            reasoning.is_on = claude.is_on();
            reasoning.budget = claude.budget;
            reasoning.reported = (claude.is_on() && family == Family::Claude).then_some([REASONING_TOKENS]);
            reasoning.fields.extend(claude.thinking.map(|thinking| ("thinking".to_owned(), thinking)));
            let effort = claude.effort.map(|effort| ("output_config".to_owned(), json!({"effort": effort})));
            reasoning.fields.extend(effort);
            return Ok(reasoning);
        }
        let Some(effort) = params.reasoning_effort.as_ref() else { return Ok(reasoning) };
        let word = effort.as_str();
        if known.efforts.as_ref().is_some_and(|words| !words.iter().any(|known| known == word)) && word != "none" {
            if !params.drop_params {
                return Err(Error::unsupported(&format!("reasoning_effort: {word}"), provider));
            }
            warnings.push(Warning::new("reasoning_effort", format!("dropped: the model does not take `{word}`")));
            return Ok(reasoning);
        }
        let (name, value) = match family {
            Family::Gpt => ("reasoning", json!({"effort": word})),
            _ if word == "none" => return Ok(reasoning),
            Family::Nova => ("reasoningConfig", json!({"type": "enabled", "maxReasoningEffort": word})),
            _ => ("reasoning_effort", word.into()),
        };
        reasoning.is_on = word != "none";
        reasoning.fields.insert(name.to_owned(), value);
        Ok(reasoning)
    }
}
