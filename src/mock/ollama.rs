//! Ollama's own API.
//!
//! Sources: Ollama's OpenAPI description (`/api/chat`, `/api/tags`, `/api/version`),
//! <https://docs.ollama.com/api/errors>, and recordings of Ollama.

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

use super::fault::Trouble;
use super::format::{Event, Wire};
use super::reply::Answer;
use super::requests::{Ask, Request, Shape, function_tools, string, text_of};

#[derive(Debug)]
pub(super) struct Ollama;

const CREATED: &str = "2025-01-01T00:00:00Z";

impl Ollama {
    /// The calls beside chat: which models there are, and which version it is.
    pub(super) fn lookup(request: &Request) -> Option<Value> {
        if request.method() != Method::GET {
            return None;
        }
        if request.ends_with("api/version") {
            return Some(json!({"version": "0.12.6"}));
        }
        let details = json!({
            "format": "gguf", "family": "mock", "families": ["mock"], "parameter_size": "1B", "quantization_level": "Q4_K_M"
        });
        request.ends_with("api/tags").then(|| {
            json!({"models": [{
                "name": "mock:latest",
                "model": "mock:latest",
                "modified_at": CREATED,
                "size": 1_000_000,
                "digest": "0".repeat(64),
                "details": details,
            }]})
        })
    }
}

impl Wire for Ollama {
    fn ask(&self, _: &Request, body: &Value) -> Ask {
        let last = body.get("messages").and_then(Value::as_array).and_then(|messages| messages.last());
        Ask {
            shape: Shape {
                model: string(body, "model"),
                streamed: body.get("stream").and_then(Value::as_bool).unwrap_or(true),
                choices: 1,
                ..Shape::default()
            },
            last: last.and_then(|message| message.get("content")).map(text_of).unwrap_or_default(),
            from_user: last.is_some_and(|message| string(message, "role") == "user"),
            schema: match body.get("format") {
                Some(Value::String(format)) if format == "json" => Some(json!({"type": "object"})),
                Some(schema @ Value::Object(_)) => Some(schema.clone()),
                _ => None,
            },
            tools: function_tools(body),
            ..Ask::default()
        }
    }

    fn whole(&self, shape: &Shape, answer: &Answer) -> Value {
        let mut message = message(&answer.text, &answer.reasoning);
        if !answer.calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls(answer));
        }
        let mut reply = line(shape, message, true);
        reply.extend(ending(answer));
        reply.into()
    }

    fn events(&self, shape: &Shape, answer: &Answer) -> Vec<Event> {
        let mut events = Vec::new();
        let mut push = |message, content| {
            let line = Value::from(line(shape, message, false)).to_string();
            events.push(Event { bytes: self.frame(shape, None, &line), content });
        };
        for piece in answer.pieces(&answer.reasoning) {
            push(message("", piece), true);
        }
        for piece in answer.pieces(&answer.text) {
            push(message(piece, ""), true);
        }
        if !answer.calls.is_empty() {
            let mut message = message("", "");
            message.insert("tool_calls".to_owned(), calls(answer));
            push(message, true);
        }
        let mut last = line(shape, message("", ""), true);
        last.extend(ending(answer));
        let last = Value::from(last).to_string();
        events.push(Event { bytes: self.frame(shape, None, &last), content: false });
        events
    }

    fn error(&self, trouble: Trouble, model: &str) -> (u16, Value) {
        let (status, message) = match trouble {
            Trouble::ContextWindow => (400, "prompt too long; exceeded max context length by 214 tokens".to_owned()),
            Trouble::ContentPolicy => (400, "the request was rejected by the safety system".to_owned()),
            Trouble::RateLimited(_) | Trouble::Status(429) => (429, "too many requests".to_owned()),
            Trouble::Status(401) => (401, "unauthorized".to_owned()),
            Trouble::Status(404) => (404, format!("model '{model}' not found")),
            Trouble::Status(status @ 500..) => (status, "the model failed to generate a response".to_owned()),
            Trouble::Status(status) => (status, "invalid request".to_owned()),
        };
        (status, json!({"error": message}))
    }

    fn error_event(&self, shape: &Shape) -> Bytes {
        self.frame(shape, None, r#"{"error":"an error was encountered while running the model"}"#)
    }

    fn request_id(&self) -> &'static str {
        "x-request-id"
    }

    fn frame(&self, _: &Shape, _: Option<&str>, data: &str) -> Bytes {
        format!("{data}\n").into()
    }

    fn opening(&self, _: &Shape, _: usize) -> Bytes {
        Bytes::new()
    }

    fn stream_type(&self, _: &Shape) -> &'static str {
        "application/x-ndjson"
    }
}

fn message(text: &str, thinking: &str) -> Map<String, Value> {
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    message.insert("content".to_owned(), text.into());
    if !thinking.is_empty() {
        message.insert("thinking".to_owned(), thinking.into());
    }
    message
}

fn calls(answer: &Answer) -> Value {
    let calls = answer.calls.iter();
    calls.map(|call| json!({"function": {"name": call.name, "arguments": call.arguments}})).collect()
}

fn line(shape: &Shape, message: Map<String, Value>, done: bool) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("model".to_owned(), shape.model.clone().into());
    line.insert("created_at".to_owned(), CREATED.into());
    line.insert("message".to_owned(), message.into());
    line.insert("done".to_owned(), done.into());
    line
}

/// What the last line says beside: Ollama stops with `stop` after tool calls too.
fn ending(answer: &Answer) -> Map<String, Value> {
    let tokens = answer.tokens();
    let reason = match answer.finish() {
        "tool_calls" => "stop",
        other => other,
    };
    let ending = json!({
        "done_reason": reason,
        "total_duration": 3_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": tokens.prompt,
        "prompt_eval_duration": 1_000_000,
        "eval_count": tokens.completion,
        "eval_duration": 1_000_000,
    });
    ending.as_object().cloned().unwrap_or_default()
}
