//! The request: what the model reads (the conversation, the tools, how to think, the form of the reply), which is what a
//! count is of, and how the reply is sampled, kept and streamed.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{input, tools};
use crate::chat::{ChatRequest, Effort, Message, Params, ResponseFormat, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ReasoningStyle, Traits, traits};
use crate::provider::params::refused_by_model;
use crate::provider::{Encoded, ProviderSpec, Target, admit, post_json};
use crate::responses;
use crate::wire::json::Object;

/// The lowest limit of tokens that the API takes, as its error says: "Expected a value >= 16"
/// (vectorize-io/hindsight#58).
const LEAST_TOKENS: u64 = 16;

/// A chat request in this format, to this address. `refused` are parameters that the row does not take.
///
/// # Errors
///
/// As [`body`], and [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for parameters that the API does not have.
pub(in crate::provider) fn encode(
    spec: &ProviderSpec,
    request: &ChatRequest,
    target: &Target<'_>,
    url: &str,
    stream: bool,
) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let known = traits(target.model);
    let supported = |name: &str| supports(spec, &known, &request.params, name);
    let params = admit(&request.params, &spec.name, supported, &mut warnings)?;
    efforts(spec, &known, &params)?;
    let mut body = body(&spec.name, &request.messages, &params, &model(spec, target.model), &mut warnings)?;
    body.set_some("temperature", params.temperature.as_ref())?;
    body.set_some("top_p", params.top_p.as_ref())?;
    body.set_some("max_output_tokens", limit(&params, &mut warnings).as_ref())?;
    body.set_some("top_logprobs", params.top_logprobs.as_ref())?;
    body.set_some("user", params.user.as_ref())?;
    body.set_some("service_tier", params.service_tier.as_ref())?;
    body.set_some("store", params.store.as_ref())?;
    body.set_some("prompt_cache_key", params.prompt_cache_key.as_ref())?;
    body.set_some("prompt_cache_retention", params.prompt_cache_retention.as_ref())?;
    body.set_some("safety_identifier", params.safety_identifier.as_ref())?;
    for (name, value) in params.extra.iter() {
        body.set(name.clone(), value)?;
    }
    include(&mut body, &known, &params)?;
    if stream {
        body.set("stream", &true)?;
        // Usage always comes; whether it is asked for is no option here.
        let mut options = params.stream_options.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        options.shift_remove("include_usage");
        body.set_some("stream_options", (!options.is_empty()).then_some(&options))?;
    }
    body.merge(&params.extra_body)?;
    Ok(Encoded { request: post_json(url, body.to_bytes())?, warnings })
}

/// A request of the API itself, under the provider's name of the model.
pub(super) fn whole(spec: &ProviderSpec, request: &responses::Request, name: &str) -> Result<Object> {
    let text = serde_json::to_vec(request).map_err(|source| {
        Error::new(ErrorKind::InvalidRequest, "the request cannot be written as JSON").with_source(source)
    })?;
    let mut body: Object = serde_json::from_slice(&text).map_err(|source| {
        Error::new(ErrorKind::InvalidRequest, "the request cannot be written as JSON").with_source(source)
    })?;
    body.set("model", &model(spec, name))?;
    Ok(body)
}

fn model<'a>(spec: &ProviderSpec, model: &'a str) -> Cow<'a, str> {
    match spec.quirks.model_prefix.as_deref().filter(|_| !model.contains('/')) {
        Some(prefix) => Cow::Owned(format!("{prefix}{model}")),
        None => Cow::Borrowed(model),
    }
}

/// Whether a parameter of a request can be said to this model.
pub(super) fn takes(spec: &ProviderSpec, model: &str, params: &Params, name: &str) -> bool {
    supports(spec, &traits(model), params, name)
}

/// What the API has, as far as the model takes it. What a row refuses of chat completions says nothing of this API, so
/// it counts only for rows that speak nothing else.
fn supports(spec: &ProviderSpec, known: &Traits, params: &Params, name: &str) -> bool {
    if spec.wire == super::WIRE && spec.quirks.unsupported.iter().any(|refused| refused == name) {
        return false;
    }
    match name {
        // Models that sample in their own way still take the values that change nothing.
        "temperature" if params.temperature == Some(1.0) => true,
        "top_p" if params.top_p == Some(1.0) => true,
        "frequency_penalty" | "presence_penalty" | "logit_bias" | "seed" | "stop" | "n" | "audio" | "modalities"
        | "prediction" | "thinking" => false,
        "reasoning_effort" => known.reasoning != Some(ReasoningStyle::None),
        // That reasoning models refuse it is known of chat completions alone.
        "parallel_tool_calls" => true,
        _ => !refused_by_model(known, params, name),
    }
}

/// A word for how much to reason that the model is known not to take.
fn efforts(spec: &ProviderSpec, known: &Traits, params: &Params) -> Result<()> {
    let word = params.reasoning_effort.as_ref().filter(|effort| !matches!(effort, Effort::Detailed(_)));
    match (word, &known.efforts) {
        (Some(effort), Some(words)) if !words.iter().any(|word| word == effort.as_str()) && !params.drop_params => {
            Err(Error::unsupported(&format!("reasoning_effort: {effort}"), &spec.name))
        }
        _ => Ok(()),
    }
}

fn limit(params: &Params, warnings: &mut Vec<Warning>) -> Option<u64> {
    let limit = params.token_limit()?;
    if limit < LEAST_TOKENS {
        warnings.push(Warning::new("max_tokens", format!("raised to {LEAST_TOKENS}, the lowest there is")));
    }
    Some(limit.max(LEAST_TOKENS))
}

/// `include`: log probabilities, where they are asked for; and of models that are known to reason their sealed reasoning,
/// without which the next turn of a conversation that the provider does not keep would think anew. Other models refuse
/// to be asked for it.
fn include(body: &mut Object, known: &Traits, params: &Params) -> Result<()> {
    let mut wanted: Vec<Value> = match body.get("include").map(|raw| serde_json::from_str(raw.get())) {
        Some(Ok(list)) => list,
        Some(Err(_)) => return Ok(()),
        None => Vec::new(),
    };
    let mut want = |name: &str, is: bool| {
        if is && !wanted.iter().any(|known| known == name) {
            wanted.push(name.into());
        }
    };
    want("message.output_text.logprobs", params.logprobs == Some(true));
    want("reasoning.encrypted_content", known.reasoning == Some(ReasoningStyle::Effort));
    body.set_some("include", (!wanted.is_empty()).then_some(&wanted))?;
    Ok(())
}

/// The body of a request, as far as the model reads it.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for content that the Responses API has no item for, and
/// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) for the result of a tool that answers no call.
pub(super) fn body(
    provider: &str,
    messages: &[Message],
    params: &Params,
    model: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Object> {
    let tools = tools::tools(params);
    let mut body = Object::new();
    body.set("model", model)?;
    body.set("input", &input::items(messages, provider, params.store != Some(false), warnings)?)?;
    body.set_some("tools", (!tools.is_empty()).then_some(&tools))?;
    body.set_some("tool_choice", tools::choice(params).as_ref())?;
    body.set_some("parallel_tool_calls", params.parallel_tool_calls.as_ref())?;
    body.set_some("text", text(params).as_ref())?;
    body.set_some("reasoning", params.reasoning_effort.as_ref().map(reasoning).as_ref())?;
    Ok(body)
}

/// `text`: the form of the reply, and how long it is to be.
fn text(params: &Params) -> Option<Value> {
    let mut text = Map::new();
    if let Some(format) = &params.response_format {
        text.insert("format".to_owned(), format_of(format));
    }
    if let Some(verbosity) = &params.verbosity {
        text.insert("verbosity".to_owned(), verbosity.as_str().into());
    }
    (!text.is_empty()).then(|| text.into())
}

/// The form of the reply; a schema's members are not in an object of their own here.
fn format_of(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema(schema) => {
            let mut fields = Map::from_iter([("type".to_owned(), "json_schema".into())]);
            if let Ok(Value::Object(schema)) = serde_json::to_value(schema) {
                fields.extend(schema);
            }
            fields.into()
        }
        ResponseFormat::Native(value) => responses::flat(value),
    }
}

/// `reasoning`: the word, or with more than the word what the caller gave, which has this form already.
fn reasoning(effort: &Effort) -> Value {
    match effort {
        Effort::Detailed(fields) => fields.clone().into(),
        word => json!({"effort": word.as_str()}),
    }
}
