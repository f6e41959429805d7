//! The whole reply.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value};

use super::{citations, details, error, usage};
use crate::chat::{ChatResponse, Choice, Content, FinishReason, Part};
use crate::error::{Error, Result};
use crate::provider::think::split_thinking;
use crate::provider::{Hook, ProviderSpec, not_a_reply};

/// Fields of a message that are OpenAI's own though the types have no name for them.
const OPENAI_FIELDS: [&str; 1] = ["function_call"];

pub(super) fn decode(spec: &ProviderSpec, response: &Response<Bytes>) -> Result<ChatResponse> {
    match read(response.body()) {
        Ok(mut reply) if !has_error(reply.extra.get("error")) => {
            if let Some(choice) = reply.choices.iter().find(|choice| has_error(choice.extra.get("error"))) {
                return Err(choice_failure(choice, response));
            }
            for choice in &mut reply.choices {
                complete(spec, choice);
            }
            if let Some(first) = reply.choices.first_mut() {
                let own = citations::annotations(reply.extra.get("citations"), reply.extra.get("search_results"));
                first.message.annotations.extend(own);
            }
            if let Some(name) = reply.extra.get("model_id").and_then(Value::as_str).filter(|_| reply.model.is_empty()) {
                reply.model = name.to_owned();
            }
            if let Some(usage) = &mut reply.usage {
                usage::normalise(usage);
            }
            Ok(reply)
        }
        other => Err(failure(response, other.err())),
    }
}

/// Reads the reply. That the bytes are text is made sure of once for all of them, not string by string.
fn read(body: &[u8]) -> serde_json::Result<ChatResponse> {
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    }
}

/// A choice that is an error (OpenRouter, when its provider fails midway).
fn choice_failure(choice: &Choice, response: &Response<Bytes>) -> Error {
    let body = Value::from_iter([("error", choice.extra.get("error").cloned().unwrap_or_default())]);
    error::read(&body).into_error().with_body(response.body().clone())
}

/// A good status whose body is an error, or is not a reply at all.
fn failure(response: &Response<Bytes>, source: Option<serde_json::Error>) -> Error {
    let body = serde_json::from_slice::<Value>(response.body());
    if body.as_ref().is_ok_and(|body| has_error(body.get("error"))) {
        return error::decode(response);
    }
    let what = if body.is_ok() { "is not a chat completion" } else { "is not JSON" };
    let error = not_a_reply(response, what);
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

pub(in crate::provider) fn has_error(error: Option<&Value>) -> bool {
    match error {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// Brings a choice of any compatible server into OpenAI's form.
fn complete(spec: &ProviderSpec, choice: &mut Choice) {
    let message = &mut choice.message;
    let reasons = message.parts.iter().any(|part| matches!(part.content, Content::Reasoning(_)));
    let reasoning = message.extra.remove("reasoning").and_then(|value| value.as_str().map(str::to_owned));
    if message.parts.iter().any(|part| matches!(part.content, Content::Native(_))) {
        message.parts = std::mem::take(&mut message.parts).into_iter().map(known_part).collect();
    }
    let details = message.extra.get(details::FIELD).and_then(Value::as_array).and_then(|list| details::text(list));
    let reasoning = reasoning.filter(|text| !text.is_empty()).or(details);
    if let Some(text) = reasoning.filter(|_| !reasons) {
        message.parts.insert(0, Part::reasoning(text));
    }
    if !message.parts.iter().any(|part| matches!(part.content, Content::Reasoning(_)))
        && let Some(place) = message.parts.iter().position(|part| part.as_text().is_some())
        && let Some((thinking, rest)) = message.parts.get(place).and_then(Part::as_text).and_then(split_thinking)
    {
        let parts = [Part::reasoning(thinking), Part::text(rest)];
        message.parts.splice(place..=place, parts);
    }
    let empty = |part: &Part| match &part.content {
        Content::Text(text) | Content::Refusal(text) => text.is_empty(),
        Content::Audio(audio) => audio.data.is_empty() && audio.id.as_deref().unwrap_or_default().is_empty(),
        _ => false,
    };
    message.parts.retain(|part| !empty(part));
    if message.parts.len() > 1 {
        message.parts = joined(std::mem::take(&mut message.parts));
    }
    own_fields(spec, choice);
    finish(spec, choice);
}

/// A text that came in pieces, as a list of parts, is one, as OpenAI has it in replies.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let bare = |part: &Part| part.cache_control.is_none() && part.seal.is_none() && part.extra.is_empty();
    let mut all: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match (all.last_mut(), &part.content) {
            (Some(last), Content::Text(more)) if bare(last) && bare(&part) => {
                if let Content::Text(text) = &mut last.content {
                    text.push_str(more);
                    continue;
                }
                all.push(part);
            }
            _ => all.push(part),
        }
    }
    all
}

/// Fields of the message that only this provider has go back to it, and to no other.
fn own_fields(spec: &ProviderSpec, choice: &mut Choice) {
    let message = &mut choice.message;
    if message.extra.is_empty() {
        return;
    }
    let fields = Map::from(std::mem::take(&mut message.extra)).into_iter().filter(|(_, value)| !value.is_null());
    let (named, own): (Map<_, _>, Map<_, _>) = fields.partition(|(name, _)| OPENAI_FIELDS.contains(&name.as_str()));
    message.extra = named.into();
    if !own.is_empty() {
        message.parts.push(Part::native(spec.name.clone(), own.into()));
    }
    let unnamed = |call: &Value| call.get("name").and_then(Value::as_str).is_none_or(str::is_empty);
    if message.extra.get("function_call").is_some_and(unnamed) {
        message.extra.remove("function_call");
    }
}

/// Parts that some servers put into `content`: reasoning as `thinking` or `reasoning`, whose words are lists
/// themselves.
pub(super) fn known_part(part: Part) -> Part {
    let Content::Native(native) = &part.content else { return part };
    let words = |name: &str| native.value.get(name).map(text_of).map(Part::reasoning);
    let found = match native.value.get("type").and_then(Value::as_str) {
        Some("thinking") => words("thinking"),
        Some("reasoning") => words("summary").or_else(|| words("content")),
        _ => None,
    };
    found.unwrap_or(part)
}

/// The text in a string, an object with a `text`, or a list of either.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text_of).collect(),
        Value::Object(fields) => fields.get("text").map(text_of).unwrap_or_default(),
        _ => String::new(),
    }
}

/// Why the choice ended. An empty word is none at all.
fn finish(spec: &ProviderSpec, choice: &mut Choice) {
    let silent = spec.quirks.hooks.contains(&Hook::EndsWithoutReason).then_some(FinishReason::Stop);
    let given = choice.finish_reason.take().filter(|reason| !reason.as_str().is_empty());
    let Some(native) = given.or(silent) else { return };
    let calls = choice.message.tool_calls().next().is_some();
    let (reason, native) = finish_reason(native.as_str(), calls);
    choice.finish_reason = Some(reason);
    choice.native_finish_reason = choice.native_finish_reason.take().or(native);
}

/// OpenAI's reason for a compatible server's, and the server's own word where it is another.
pub(super) fn finish_reason(native: &str, calls: bool) -> (FinishReason, Option<String>) {
    let reason = match native {
        "stop" if calls => FinishReason::ToolCalls,
        "eos" | "eos_token" | "end_turn" | "stop_sequence" | "COMPLETE" => FinishReason::Stop,
        "max_tokens" | "model_length" | "MAX_TOKENS" => FinishReason::Length,
        "tool_use" | "tool_call" => FinishReason::ToolCalls,
        "content_filtered" | "refusal" | "sensitive" | "SAFETY" => FinishReason::ContentFilter,
        other => FinishReason::from(other),
    };
    let differs = reason.as_str() != native;
    (reason, differs.then(|| native.to_owned()))
}
