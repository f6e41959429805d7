//! `COHEREV2`: Cohere's chat of version 2 in OCI's words, for the Command A family.
//!
//! What is sent and answered whole is Cohere's own format with names in camel case and words in capitals (OCI's Python SDK
//! 2.189.0, `CohereChatRequestV2` and what it holds), so it is made and read by [`Cohere`]. What an event of a stream is,
//! Cohere's Python SDK tells (cohere 7.3.1, `oci_client.py`): the next piece of a message, and the last one with a
//! `finishReason`.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::generic::{camel, upper};
use crate::chat::{ChatRequest, ChatResponse, Warning};
use crate::error::{Error, Result};
use crate::provider::cohere::Cohere;
use crate::provider::{Chat, Codec, Fault, Progress, Target, not_a_reply};

/// How the models of the family begin; those before know only `COHERE`.
pub(super) const FAMILY: &str = "cohere.command-a";

/// What Cohere calls otherwise, and what OCI does.
const NAMES: [(&str, &str); 5] = [
    ("k", "topK"),
    ("p", "topP"),
    ("logprobs", "isLogProbsEnabled"),
    ("strict_tools", "isStrictToolsEnabled"),
    ("tool_choice", "toolsChoice"),
];

/// The `chatRequest` of a request.
pub(super) fn request(
    cohere: &Cohere,
    request: &ChatRequest,
    target: &Target<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Map<String, Value>> {
    // The models are known by Cohere's names.
    let model = target.model.strip_prefix("cohere.").unwrap_or(target.model);
    let encoded = Codec::<Chat>::encode(cohere, request, &Target { model, ..*target })?;
    warnings.extend(encoded.warnings);
    let body: Map<String, Value> = serde_json::from_slice(encoded.request.body()).unwrap_or_default();
    let mut wire = Map::new();
    wire.insert("apiFormat".to_owned(), "COHEREV2".into());
    for (name, value) in body {
        let known = NAMES.iter().find(|(theirs, _)| *theirs == name);
        let renamed = known.map_or_else(|| camel(&name), |(_, ours)| (*ours).to_owned());
        let value = match name.as_str() {
            "model" => continue,
            "messages" => each(value, message),
            "tools" => each(value, typed),
            "thinking" | "citation_options" | "response_format" => options(value),
            "safety_mode" => upper(value),
            _ => value,
        };
        wire.insert(renamed, value);
    }
    Ok(wire)
}

fn each(list: Value, change: impl FnMut(Value) -> Value) -> Value {
    match list {
        Value::Array(list) => list.into_iter().map(change).collect(),
        other => other,
    }
}

/// With its type in capitals, or another member.
fn typed(mut value: Value) -> Value {
    capitals(&mut value, "type");
    value
}

fn capitals(value: &mut Value, name: &str) {
    if let Some(word) = value.get_mut(name) {
        *word = upper(word.take());
    }
}

/// Words in capitals beneath names in camel case; a schema is kept as it is.
fn options(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let renamed = fields.into_iter().map(|(name, value)| match name.as_str() {
        "json_schema" => ("schema".to_owned(), value),
        "type" | "mode" => (name, upper(value)),
        _ => (camel(&name), value),
    });
    Value::Object(renamed.collect())
}

/// A message has content even where it only calls tools.
fn message(message: Value) -> Value {
    let mut wire = Map::from_iter([("role".to_owned(), Value::Null), ("content".to_owned(), json!([]))]);
    for (name, value) in message.as_object().cloned().unwrap_or_default() {
        let value = match (name.as_str(), value) {
            ("role", word) => upper(word),
            ("content", Value::String(text)) if text.is_empty() => json!([]),
            ("content", Value::String(text)) => json!([{"type": "TEXT", "text": text}]),
            ("content", parts) => each(parts, part),
            ("tool_calls", calls) => each(calls, typed),
            (_, value) => value,
        };
        wire.insert(camel(&name), value);
    }
    wire.into()
}

fn part(part: Value) -> Value {
    let Value::Object(mut part) = typed(part) else { return Value::Null };
    if let Some(mut image) = part.remove("image_url") {
        capitals(&mut image, "detail");
        part.insert("imageUrl".to_owned(), image);
    }
    part.into()
}

// ---- back -------------------------------------------------------------------------------------------------------

/// The reply that a `chatResponse` is.
pub(super) fn reply(
    cohere: &Cohere,
    request: &ChatRequest,
    chat: &Value,
    response: &Response<Bytes>,
) -> Result<ChatResponse> {
    if let Some(failed) = failure(chat) {
        return Err(failed.with_body(response.body().clone()));
    }
    let message = chat.get("message").map(said).ok_or_else(|| not_a_reply(response, "has no message in it"))?;
    let reply = json!({
        "id": chat.get("id"), "message": message, "finish_reason": reason(chat).unwrap_or("COMPLETE"),
        "usage": usage(chat), "logprobs": chat.get("logProbabilities").map(logprobs),
    });
    let mut inner = Response::new(Bytes::from(reply.to_string()));
    *inner.status_mut() = response.status();
    match Codec::<Chat>::decode(cohere, request, &inner)? {
        Progress::Done(reply) => Ok(reply),
        Progress::Poll { .. } => Err(not_a_reply(response, "is not one of OCI's chat")),
    }
}

/// How far a stream is.
#[derive(Debug, Default)]
pub(super) struct Stream {
    started: bool,
    /// The block of content that is under way, and whether it is one of thinking.
    block: u64,
    thinks: bool,
    /// The text, which the last event can repeat.
    text: String,
    /// The calls: their ids, and their arguments.
    calls: Vec<(String, String)>,
    /// Why it ended, until it is told what was used.
    ended: Option<String>,
}

impl Stream {
    /// An event as the events of Cohere's own streams.
    pub(super) fn events(&mut self, event: &Value) -> Result<Vec<Value>> {
        if let Some(failed) = failure(event) {
            return Err(failed);
        }
        let mut events = Vec::new();
        if !std::mem::replace(&mut self.started, true) {
            events.push(json!({"type": "message-start", "id": event.get("id"), "delta": {"message": {}}}));
        }
        let last = reason(event).is_some();
        if let Some(message) = event.get("message").map(said) {
            self.message(&message, last, &mut events);
        }
        if let Some(reason) = reason(event) {
            self.ended = Some(reason.to_owned());
        }
        if let Some(usage) = usage(event) {
            events.extend(self.end(&usage));
        }
        Ok(events)
    }

    /// The last events, once it was told why it ended; what was used is told with it, or after it, or not at all.
    pub(super) fn end(&mut self, usage: &Value) -> Vec<Value> {
        let Some(reason) = self.ended.take() else { return Vec::new() };
        let calls = (0..self.calls.len()).map(|place| json!({"type": "tool-call-end", "index": place}));
        let end = json!({"type": "message-end", "delta": {"finish_reason": reason, "usage": usage}});
        calls.chain([end]).collect()
    }

    fn message(&mut self, message: &Value, last: bool, events: &mut Vec<Value>) {
        let list = |name: &str| message.get(name).and_then(Value::as_array).into_iter().flatten();
        if let Some(plan) = message.get("tool_plan").filter(|plan| plan.is_string()) {
            events.push(json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": plan}}}));
        }
        for part in list("content") {
            self.part(part, last, events);
        }
        for call in list("tool_calls") {
            self.call(call, events);
        }
        for citation in list("citations") {
            events.push(json!({"type": "citation-start", "delta": {"message": {"citations": citation}}}));
        }
    }

    fn part(&mut self, part: &Value, last: bool, events: &mut Vec<Value>) {
        let thinks = part.get("type").is_some_and(|kind| kind == "thinking");
        let name = if thinks { "thinking" } else { "text" };
        let Some(piece) = part.get(name).and_then(Value::as_str).filter(|piece| !piece.is_empty()) else { return };
        if last && !thinks && piece == self.text {
            return;
        }
        if thinks != self.thinks && (self.thinks || !self.text.is_empty()) {
            self.block = self.block.saturating_add(1);
        }
        self.thinks = thinks;
        if !thinks {
            self.text.push_str(piece);
        }
        let content = json!({"type": name, name: piece});
        events.push(json!({"type": "content-delta", "index": self.block, "delta": {"message": {"content": content}}}));
    }

    /// A call begins with its id; without one, or with one that is known, it goes on, unless it is the same again.
    fn call(&mut self, call: &Value, events: &mut Vec<Value>) {
        let id = call.get("id").and_then(Value::as_str).unwrap_or_default();
        let arguments = call.pointer("/function/arguments").and_then(Value::as_str).unwrap_or_default();
        let known = match id {
            "" => self.calls.len().checked_sub(1),
            id => self.calls.iter().position(|(known, _)| known == id),
        };
        let (place, kind) = match known.and_then(|place| self.calls.get_mut(place).map(|call| (place, call))) {
            Some((_, (_, so_far))) if !id.is_empty() && *so_far == arguments => return,
            Some((place, (_, so_far))) => {
                so_far.push_str(arguments);
                (place, "tool-call-delta")
            }
            None => {
                self.calls.push((id.to_owned(), arguments.to_owned()));
                (self.calls.len().saturating_sub(1), "tool-call-start")
            }
        };
        events.push(json!({"type": kind, "index": place, "delta": {"message": {"tool_calls": call}}}));
    }
}

/// A message in Cohere's words, or a piece of one.
fn said(message: &Value) -> Value {
    let lower = |mut value: Value| {
        if let Some(word) = value.get_mut("type") {
            *word = word.as_str().map(str::to_ascii_lowercase).into();
        }
        value
    };
    let mut read = Map::new();
    for (theirs, name) in [("toolPlan", "tool_plan"), ("content", "content"), ("toolCalls", "tool_calls")] {
        if let Some(value) = message.get(theirs).filter(|value| !value.is_null()) {
            read.insert(name.to_owned(), each(value.clone(), lower));
        }
    }
    if let Some(citations) = message.get("citations").and_then(Value::as_array) {
        read.insert("citations".to_owned(), citations.iter().map(citation).collect());
    }
    read.into()
}

/// A citation; a source's document is what the caller gave, beneath an id.
fn citation(citation: &Value) -> Value {
    let mut read = citation.clone();
    if let Some(fields) = read.as_object_mut()
        && let Some(index) = fields.remove("contentIndex")
    {
        fields.insert("content_index".to_owned(), index);
    }
    for source in read.get_mut("sources").and_then(Value::as_array_mut).into_iter().flatten() {
        let kind = source.get("type").and_then(Value::as_str).map(str::to_ascii_lowercase);
        let inner = source.get_mut(kind.as_deref().unwrap_or_default()).map(Value::take);
        let Some(Value::Object(mut inner)) = inner else { continue };
        if let Some(output) = inner.remove("toolOutput") {
            inner.insert("tool_output".to_owned(), output);
        }
        inner.insert("type".to_owned(), kind.into());
        *source = inner.into();
    }
    read
}

fn reason(event: &Value) -> Option<&str> {
    event.get("finishReason").and_then(Value::as_str).filter(|reason| !reason.is_empty())
}

/// What was used in Cohere's words. Cohere's SDK looks for `inputTokens`, OCI's for `promptTokens`.
fn usage(event: &Value) -> Option<Value> {
    let used = event.get("usage").filter(|used| used.is_object())?;
    let first = |names: [&str; 2]| names.iter().find_map(|name| used.get(name)?.as_u64());
    Some(json!({
        "tokens": {
            "input_tokens": first(["promptTokens", "inputTokens"]),
            "output_tokens": first(["completionTokens", "outputTokens"]),
            "reasoning_tokens": used.pointer("/completionTokensDetails/reasoningTokens"),
        },
        "cached_tokens": used.pointer("/promptTokensDetails/cachedTokens"),
    }))
}

fn logprobs(pieces: &Value) -> Value {
    each(pieces.clone(), |piece| json!({"text": piece.get("text"), "logprobs": piece.get("logProbabilities")}))
}

fn failure(response: &Value) -> Option<Error> {
    if reason(response) != Some("ERROR") {
        return None;
    }
    let words = response.get("errorMessage").and_then(Value::as_str).unwrap_or("the model failed while it answered");
    let status = Some(StatusCode::INTERNAL_SERVER_ERROR);
    Some(Fault { status, code: None, message: words.to_owned() }.into_error())
}
