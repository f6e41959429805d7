//! Gemini's `generateContent` and `streamGenerateContent`.
//!
//! Sources: `generative_service.proto` and `content.proto` of google.ai.generativelanguage.v1beta, the error model of
//! `google.rpc`, and recordings of generativelanguage.googleapis.com.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::fault::Trouble;
use super::format::{Event, Wire, sse};
use super::reply::Answer;
use super::requests::{Ask, Force, Request, Shape, string, text_of};

#[derive(Debug)]
pub(super) struct Gemini;

impl Gemini {
    /// The model and the method in `…/models/{model}:{method}`, where the method is one of these two.
    pub(super) fn call(path: &str) -> Option<(&str, &str)> {
        let (model, method) = path.rsplit_once('/')?.1.split_once(':')?;
        matches!(method, "generateContent" | "streamGenerateContent").then_some((model, method))
    }
}

impl Wire for Gemini {
    fn ask(&self, request: &Request, body: &Value) -> Ask {
        let (model, method) = Self::call(request.path()).unwrap_or_default();
        let streamed = method == "streamGenerateContent";
        let last = body.get("contents").and_then(Value::as_array).and_then(|contents| contents.last());
        let parts = last.and_then(|content| content.get("parts"));
        let mut results = parts.and_then(Value::as_array).into_iter().flatten().filter_map(|part| {
            either(part, "functionResponse", "function_response").and_then(|result| result.get("response"))
        });
        let result = results.next();
        let config = either(body, "generationConfig", "generation_config");
        let setting = |camel: &str, snake: &str| config.and_then(|config| either(config, camel, snake));
        let schema = setting("responseJsonSchema", "response_json_schema")
            .or_else(|| setting("responseSchema", "response_schema"))
            .cloned();
        let json_only =
            setting("responseMimeType", "response_mime_type").is_some_and(|kind| kind == "application/json");
        Ask {
            shape: Shape {
                model: model.to_owned(),
                streamed,
                array: streamed && !request.query().split('&').any(|pair| pair == "alt=sse"),
                choices: setting("candidateCount", "candidate_count")
                    .and_then(Value::as_u64)
                    .and_then(|n| usize::try_from(n).ok())
                    .unwrap_or(1),
                ..Shape::default()
            },
            last: match result {
                Some(result) => result.to_string(),
                None => parts.map(text_of).unwrap_or_default(),
            },
            from_user: last.is_some_and(|content| string(content, "role") != "model") && result.is_none(),
            schema: schema.or_else(|| json_only.then(|| json!({"type": "object"}))),
            tools: tools(body),
            force: force(body),
        }
    }

    fn whole(&self, shape: &Shape, answer: &Answer) -> Value {
        let mut parts = Vec::new();
        if !answer.reasoning.is_empty() {
            parts.push(json!({"text": answer.reasoning, "thought": true}));
        }
        if !answer.text.is_empty() {
            parts.push(json!({"text": answer.text}));
        }
        parts.extend(calls(answer));
        chunk(shape, answer, |index| candidate(&parts, Some(finish_reason(answer)), index), true)
    }

    fn events(&self, shape: &Shape, answer: &Answer) -> Vec<Event> {
        let piece = |part: Value| {
            let parts = [part];
            chunk(shape, answer, |index| candidate(&parts, None, index), false)
        };
        let thoughts = answer.pieces(&answer.reasoning).into_iter();
        let texts = answer.pieces(&answer.text).into_iter();
        let mut chunks: Vec<(Value, bool)> = thoughts
            .map(|text| json!({"text": text, "thought": true}))
            .chain(texts.map(|text| json!({"text": text})))
            .map(|part| (piece(part), true))
            .collect();
        let calls = calls(answer);
        if !calls.is_empty() {
            chunks.push((chunk(shape, answer, |index| candidate(&calls, None, index), false), true));
        }
        let end = [json!({"text": ""})];
        let finish = Some(finish_reason(answer));
        chunks.push((chunk(shape, answer, |index| candidate(&end, finish, index), true), false));
        if !shape.array {
            return chunks.into_iter().map(|(chunk, content)| Event { bytes: sse(None, chunk), content }).collect();
        }
        let last = chunks.len().saturating_sub(1);
        let framed = chunks.into_iter().enumerate().map(|(place, (chunk, content))| {
            let before = if place == 0 { "[" } else { ",\r\n" };
            let after = if place == last { "\n]" } else { "\n" };
            Event { bytes: format!("{before}{chunk}{after}").into(), content }
        });
        framed.collect()
    }

    fn error(&self, trouble: Trouble, model: &str) -> (u16, Value) {
        let invalid = "INVALID_ARGUMENT";
        match trouble {
            Trouble::ContentPolicy => (
                200,
                json!({
                    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                    "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10},
                    "modelVersion": model,
                    "responseId": "mock",
                }),
            ),
            Trouble::ContextWindow => {
                let message = "The input token count (1048600) exceeds the maximum number of tokens allowed (1048575).";
                (400, error(400, invalid, message, json!([])))
            }
            Trouble::RateLimited(after) => (429, exhausted(after)),
            Trouble::Status(429) => (429, exhausted(Duration::from_secs(1))),
            Trouble::Status(status) => {
                let (name, message) = match status {
                    400 => (invalid, "Request contains an invalid argument."),
                    401 => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
                    403 => ("PERMISSION_DENIED", "The caller does not have permission"),
                    404 => ("NOT_FOUND", ""),
                    500 => ("INTERNAL", "An internal error has occurred."),
                    503 => ("UNAVAILABLE", OVERLOADED),
                    504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
                    _ => ("UNKNOWN", "The request failed."),
                };
                let missing = format!("models/{model} is not found for API version v1beta");
                (status, error(status, name, if status == 404 { &missing } else { message }, json!([])))
            }
        }
    }

    /// As `google-genai` reads it (`errors.py`): an error object in the place of a chunk.
    fn error_event(&self, shape: &Shape) -> Bytes {
        self.frame(shape, None, &error(503, "UNAVAILABLE", OVERLOADED, json!([])).to_string())
    }

    fn request_id(&self) -> &'static str {
        "x-request-id"
    }

    fn frame(&self, shape: &Shape, name: Option<&str>, data: &str) -> Bytes {
        if shape.array { format!(",\r\n{data}\n]").into() } else { sse(name, data) }
    }

    fn opening(&self, shape: &Shape, _: usize) -> Bytes {
        Bytes::from_static(if shape.array { b"[" } else { b"data: " })
    }

    fn stream_type(&self, shape: &Shape) -> &'static str {
        if shape.array { "application/json; charset=UTF-8" } else { "text/event-stream" }
    }
}

const OVERLOADED: &str = "This model is currently experiencing high demand. Please try again later.";

/// A field by its name in JSON or by that in the description; the API takes both.
fn either<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake))
}

fn tools(body: &Value) -> Vec<(String, Value)> {
    let tools = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let lists = tools.filter_map(|tool| either(tool, "functionDeclarations", "function_declarations")?.as_array());
    let declared = lists.flatten();
    let schema = |one: &Value| {
        let schema = one.get("parameters").or_else(|| either(one, "parametersJsonSchema", "parameters_json_schema"));
        schema.cloned().unwrap_or_default()
    };
    declared.map(|one| (string(one, "name"), schema(one))).collect()
}

fn force(body: &Value) -> Force {
    let config = either(body, "toolConfig", "tool_config")
        .and_then(|config| either(config, "functionCallingConfig", "function_calling_config"));
    if config.is_none_or(|config| string(config, "mode") != "ANY") {
        return Force::Free;
    }
    let allowed = config.and_then(|config| either(config, "allowedFunctionNames", "allowed_function_names"));
    match allowed.and_then(|names| names.get(0)).and_then(Value::as_str) {
        Some(name) => Force::One(name.to_owned()),
        None => Force::Any,
    }
}

fn calls(answer: &Answer) -> Vec<Value> {
    let calls = answer.calls.iter();
    calls.map(|call| json!({"functionCall": {"name": call.name, "args": call.arguments}})).collect()
}

fn candidate(parts: &[Value], finish: Option<&str>, index: usize) -> Value {
    let mut candidate = Map::new();
    candidate.insert("content".to_owned(), json!({"parts": parts, "role": "model"}));
    if let Some(finish) = finish {
        candidate.insert("finishReason".to_owned(), finish.into());
    }
    candidate.insert("index".to_owned(), index.into());
    candidate.into()
}

/// A response with this candidate for each choice. Until the last one only the prompt is counted.
fn chunk(shape: &Shape, answer: &Answer, candidate: impl Fn(usize) -> Value, last: bool) -> Value {
    let candidates: Vec<Value> = (0..shape.choices).map(candidate).collect();
    json!({
        "candidates": candidates,
        "usageMetadata": usage(answer, last),
        "modelVersion": shape.model,
        "responseId": format!("mock{}", answer.serial),
    })
}

fn finish_reason(answer: &Answer) -> &str {
    match answer.finish() {
        "stop" | "tool_calls" => "STOP",
        "length" => "MAX_TOKENS",
        "content_filter" => "SAFETY",
        other => other,
    }
}

/// The prompt has what was cached; candidates and thoughts are counted apart.
fn usage(answer: &Answer, last: bool) -> Map<String, Value> {
    let tokens = answer.tokens();
    let mut usage = Map::new();
    let mut count = |name: &str, tokens: u64| usage.insert(name.to_owned(), tokens.into());
    count("promptTokenCount", tokens.prompt);
    if last {
        count("candidatesTokenCount", tokens.completion.saturating_sub(tokens.reasoning));
    }
    count("totalTokenCount", if last { tokens.total() } else { tokens.prompt });
    if tokens.cached > 0 {
        count("cachedContentTokenCount", tokens.cached);
    }
    if last && tokens.reasoning > 0 {
        count("thoughtsTokenCount", tokens.reasoning);
    }
    usage.insert("promptTokensDetails".to_owned(), json!([{"modality": "TEXT", "tokenCount": tokens.prompt}]));
    usage
}

fn error(code: u16, status: &str, message: &str, details: Value) -> Value {
    let mut error = Map::new();
    error.insert("code".to_owned(), code.into());
    error.insert("message".to_owned(), message.into());
    error.insert("status".to_owned(), status.into());
    if details.as_array().is_some_and(|details| !details.is_empty()) {
        error.insert("details".to_owned(), details);
    }
    json!({"error": error})
}

fn exhausted(after: Duration) -> Value {
    let details = json!([{
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": format!("{}s", after.as_secs_f64()),
    }]);
    error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota. Please retry later.", details)
}
