//! The request of Converse: one line for each parameter. What only one family of models knows goes into
//! `additionalModelRequestFields`.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::conversation::conversation;
use super::invoke;
use super::name::{Family, Name, Route};
use super::reasoning::Reasoning;
use super::tools::{Tools, output_config};
use crate::chat::{ChatRequest, Message, Params, Warning};
use crate::error::Result;
use crate::model::{ReasoningStyle, Traits, traits};
use crate::provider::anthropic::Answer;
use crate::provider::{Encoded, ProviderSpec, Target, admit, post_json};
use crate::wire::json::Object;

/// What is left for the answer where only a budget for reasoning is given.
const ROOM_FOR_ANSWER: u64 = 4096;

/// Members of the body that a caller gives by Bedrock's own names. Every other parameter without a name of ours is the
/// model's.
const OWN_MEMBERS: [&str; 10] = [
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "promptVariables",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
    "outputConfig",
];

pub(super) fn encode(spec: &ProviderSpec, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
    let name = Name::parse(target.model);
    if invoke::is_wanted(&name, target.model, request) {
        return invoke::encode(spec, request, target, &name, stream);
    }
    let Draft { mut body, mut warnings } = Draft::new(spec, &request.messages, &request.params, target.model)?;
    if name.route == Route::Invoke {
        warnings.push(Warning::new("model", "asked by Converse: `InvokeModel` is spoken for Claude only"));
    }
    if !stream {
        only_for_streams(&mut body)?;
    }
    let action = if stream { "converse-stream" } else { "converse" };
    Ok(Encoded { request: post_json(&url(target, &name.path(), action), body.to_bytes())?, warnings })
}

/// The address of an action on a model.
pub(super) fn url(target: &Target<'_>, model: &str, action: &str) -> String {
    format!("{}/model/{model}/{action}", target.base_url)
}

/// A whole reply knows no way of watching over it as it comes.
fn only_for_streams(body: &mut Object) -> Result<()> {
    let guard = body.get("guardrailConfig").and_then(|raw| serde_json::from_str::<Object>(raw.get()).ok());
    if let Some(mut guard) = guard
        && guard.remove("streamProcessingMode").is_some()
    {
        body.set("guardrailConfig", &guard)?;
    }
    Ok(())
}

/// A body, and what of the request is not in it.
pub(super) struct Draft {
    pub(super) body: Object,
    pub(super) warnings: Vec<Warning>,
}

impl Draft {
    pub(super) fn new(spec: &ProviderSpec, messages: &[Message], params: &Params, model: &str) -> Result<Self> {
        let mut warnings = Vec::new();
        let (known, family) = (traits(model), Family::of(model));
        let allowed = |name: &str| supports(spec, &known, family, params, name);
        let params = admit(params, &spec.name, allowed, &mut warnings)?;
        let mut fields = Object::new();
        let reasoning = Reasoning::new(&params, &known, family, &spec.name, &mut warnings)?;
        let answer = Answer::new(&params, &known, &spec.name)?;
        let asked = Asked { params: &params, known: &known, family, provider: &spec.name };
        let tools = Tools::new(&asked, &answer, reasoning.is_on, &mut fields, &mut warnings)?;
        let late_system = known.late_system == Some(true);
        let conversation = conversation(messages, &asked, late_system, tools.is_some(), &mut warnings)?;
        let mut body = Object::new();
        body.set("messages", &conversation.turns)?;
        body.set_some("system", (!conversation.system.is_empty()).then_some(&conversation.system))?;
        let inference = inference(&asked, reasoning.budget, &mut warnings)?;
        body.set_some("inferenceConfig", (!inference.is_empty()).then_some(&inference))?;
        body.set_some("toolConfig", tools.as_ref())?;
        body.set_some("serviceTier", params.service_tier.as_deref().map(service_tier).as_ref())?;
        body.set_some("outputConfig", output_config(&answer, &params).as_ref())?;
        fields.merge(&reasoning.fields)?;
        more_fields(&mut fields, &asked)?;
        body.set_some("additionalModelRequestFields", (!fields.is_empty()).then_some(&fields))?;
        body.set_some("additionalModelResponseFieldPaths", reasoning.reported.as_ref())?;
        let own = params.extra.iter().filter(|(name, _)| OWN_MEMBERS.contains(&name.as_str()));
        body.merge(&own.map(|(name, value)| (name.clone(), value.clone())).collect())?;
        body.merge(&params.extra_body)?;
        Ok(Self { body, warnings })
    }
}

/// What is asked, and of whom.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) params: &'a Params,
    pub(super) known: &'a Traits,
    pub(super) family: Family,
    pub(super) provider: &'a str,
}

fn supports(spec: &ProviderSpec, known: &Traits, family: Family, params: &Params, name: &str) -> bool {
    let refused = |list: &[Cow<'_, str>]| list.iter().any(|refused| refused == name);
    if refused(&spec.quirks.unsupported) || known.unsupported.as_deref().is_some_and(refused) {
        return false;
    }
    let sampling = known.sampling != Some(false);
    match name {
        // Models that sample in their own way still take the values that change nothing.
        "temperature" => sampling || params.temperature == Some(1.0),
        "top_p" => sampling || params.top_p.is_some_and(|share| share >= 0.99),
        "reasoning_effort" => known.reasoning != Some(ReasoningStyle::None),
        "thinking" => {
            matches!(family, Family::Claude | Family::Hidden | Family::Other)
                && known.reasoning != Some(ReasoningStyle::None)
        }
        "parallel_tool_calls" => family == Family::Claude || params.parallel_tool_calls == Some(true),
        // A tool of the model's own: https://docs.aws.amazon.com/nova/latest/nova2-userguide/web-grounding.html
        "web_search_options" => family == Family::Nova,
        "stop"
        | "max_tokens"
        | "max_completion_tokens"
        | "response_format"
        | "tools"
        | "tool_choice"
        | "service_tier"
        | "stream_options" => true,
        _ => false,
    }
}

fn inference(asked: &Asked<'_>, budget: Option<u64>, warnings: &mut Vec<Warning>) -> Result<Object> {
    let Asked { params, known, family, .. } = *asked;
    let most = known.max_output_tokens.unwrap_or(u64::MAX);
    let roomy = budget.map(|budget| budget.saturating_add(ROOM_FOR_ANSWER).min(most));
    let mut inference = Object::new();
    inference.set_some("maxTokens", params.token_limit().or(roomy).as_ref())?;
    inference.set_some("temperature", params.temperature.as_ref())?;
    inference.set_some("topP", params.top_p.as_ref())?;
    inference.set_some("stopSequences", stop_sequences(params, family, warnings).as_ref())?;
    Ok(inference)
}

/// Claude refuses a stop text that is only white space, and everybody one that is nothing.
fn stop_sequences(params: &Params, family: Family, warnings: &mut Vec<Warning>) -> Option<Vec<String>> {
    let given = params.stop.as_ref()?.as_slice();
    let says = |text: &&String| !if family == Family::Claude { text.trim() } else { text.as_str() }.is_empty();
    let kept: Vec<String> = given.iter().filter(says).cloned().collect();
    if kept.len() < given.len() {
        warnings.push(Warning::new("stop", "white space left out: a stop text needs words"));
    }
    (!kept.is_empty()).then_some(kept)
}

/// Bedrock's word for OpenAI's tier.
/// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html>.
pub(super) fn service_tier(tier: &str) -> Value {
    json!({"type": if tier == "auto" { "default" } else { tier }})
}

/// The parameters that have no name here, and those that are sent because the caller insists.
fn more_fields(fields: &mut Object, asked: &Asked<'_>) -> Result<()> {
    let Asked { params, family, .. } = *asked;
    let extra = params.extra.iter().filter(|(name, _)| !OWN_MEMBERS.contains(&name.as_str()));
    for (name, value) in extra {
        match (name.as_str(), family) {
            ("top_k", Family::Nova) => {
                fields.merge(&Map::from_iter([("inferenceConfig".to_owned(), json!({"topK": value}))]))?
            }
            _ => fields.merge(&Map::from_iter([(name.clone(), value.clone())]))?,
        }
    }
    if !params.allowed_openai_params.is_empty() {
        let spec = ProviderSpec::default();
        let all = serde_json::to_value(params).unwrap_or_default();
        let insisted = |name: &&String| !supports(&spec, asked.known, family, params, name);
        for name in params.allowed_openai_params.iter().filter(insisted) {
            fields.set_some(name.clone(), all.get(name))?;
        }
    }
    Ok(())
}
