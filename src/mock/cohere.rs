//! Cohere's v2 chat.
//!
//! Sources: <https://docs.cohere.com/reference/chat>, <https://docs.cohere.com/reference/chat-stream>,
//! <https://docs.cohere.com/reference/errors>, Cohere's OpenAPI description (`cohere-openapi.yaml` in
//! cohere-ai/cohere-developer-experience), and recordings of api.cohere.com.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::fault::Trouble;
use super::format::{Event, Wire, sse};
use super::reply::{Answer, Call};
use super::requests::{Ask, Force, Request, Shape, function_tools, string, text_of};

#[derive(Debug)]
pub(super) struct Cohere;

impl Wire for Cohere {
    fn ask(&self, _: &Request, body: &Value) -> Ask {
        let last = body.get("messages").and_then(Value::as_array).and_then(|messages| messages.last());
        let format = body.get("response_format").filter(|format| string(format, "type") == "json_object");
        let schema = format.map(|format| format.get("json_schema").or_else(|| format.get("schema")));
        Ask {
            shape: Shape {
                model: string(body, "model"),
                streamed: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
                choices: 1,
                ..Shape::default()
            },
            last: last.and_then(|message| message.get("content")).map(text_of).unwrap_or_default(),
            from_user: last.is_some_and(|message| string(message, "role") == "user"),
            schema: schema.map(|schema| schema.cloned().unwrap_or_else(|| json!({"type": "object"}))),
            tools: function_tools(body),
            force: if body.get("tool_choice").is_some_and(|choice| choice == "REQUIRED") {
                Force::Any
            } else {
                Force::Free
            },
        }
    }

    fn whole(&self, _: &Shape, answer: &Answer) -> Value {
        let mut message = Map::new();
        message.insert("role".to_owned(), "assistant".into());
        if let Some(plan) = plan(answer) {
            message.insert("tool_plan".to_owned(), plan.into());
        }
        let content: Vec<Value> = blocks(answer).map(|(kind, text)| json!({"type": kind, kind: text})).collect();
        if !content.is_empty() {
            message.insert("content".to_owned(), content.into());
        }
        if !answer.calls.is_empty() {
            let calls = answer.calls.iter().enumerate();
            let calls: Value =
                calls.map(|(index, call)| tool_call(answer, index, call, &call.arguments.to_string())).collect();
            message.insert("tool_calls".to_owned(), calls);
        }
        json!({"id": id(answer), "message": message, "finish_reason": finish_reason(answer), "usage": usage(answer)})
    }

    fn events(&self, _: &Shape, answer: &Answer) -> Vec<Event> {
        let mut events = Vec::new();
        let mut push = |kind: &str, index: Option<usize>, delta: Option<Value>, content: bool| {
            let mut event = Map::new();
            event.insert("type".to_owned(), kind.into());
            event.extend(index.map(|index| ("index".to_owned(), index.into())));
            event.extend(delta.map(|delta| ("delta".to_owned(), delta)));
            if kind == "message-start" {
                event.shift_insert(0, "id".to_owned(), id(answer).into());
            }
            events.push(Event { bytes: sse(Some(kind), Value::from(event)), content });
        };
        let message = |fields: Value| Some(json!({"message": fields}));
        let start = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
        push("message-start", None, message(start), false);
        for piece in plan(answer).map(|plan| answer.pieces(plan)).unwrap_or_default() {
            push("tool-plan-delta", None, message(json!({"tool_plan": piece})), true);
        }
        for (index, (kind, text)) in blocks(answer).enumerate() {
            push("content-start", Some(index), message(json!({"content": {"type": kind, kind: ""}})), false);
            for piece in answer.pieces(text) {
                push("content-delta", Some(index), message(json!({"content": {kind: piece}})), true);
            }
            push("content-end", Some(index), None, false);
        }
        for (index, call) in answer.calls.iter().enumerate() {
            let head = json!({"tool_calls": tool_call(answer, index, call, "")});
            push("tool-call-start", Some(index), message(head), false);
            for piece in answer.argument_pieces(&call.arguments.to_string()) {
                let more = json!({"tool_calls": {"function": {"arguments": piece}}});
                push("tool-call-delta", Some(index), message(more), true);
            }
            push("tool-call-end", Some(index), None, false);
        }
        let end = json!({"finish_reason": finish_reason(answer), "usage": usage(answer)});
        push("message-end", None, Some(end), false);
        events.push(Event { bytes: sse(None, "[DONE]"), content: false });
        events
    }

    fn error(&self, trouble: Trouble, model: &str) -> (u16, Value) {
        let (status, message) = match trouble {
            Trouble::ContextWindow => {
                let message = "too many tokens: size limit exceeded by 25836 tokens. Try using shorter or fewer inputs. \
                               The limit for this model is 288000 tokens.";
                return (400, json!({"error_type": "TOO_MANY_TOKENS", "id": ERROR, "message": message}));
            }
            // Of its own status, which Cohere's description names `InvalidToken`.
            Trouble::ContentPolicy => (498, "the request contains a deny-listed token".to_owned()),
            Trouble::RateLimited(_) => (429, LIMITED.to_owned()),
            Trouble::Status(status) => {
                let message = match status {
                    401 => "invalid api token",
                    402 => "Please add or update your payment method to continue",
                    403 => "the api token does not have the necessary permissions",
                    404 => "",
                    429 => LIMITED,
                    499 => "request cancelled by user",
                    501 => "the requested feature is not implemented",
                    500.. => "internal server error",
                    _ => "invalid request: the request was not accepted.",
                };
                let missing = || {
                    format!(
                        "model '{model}' not found, make sure the correct model ID was used and that you have access to the model."
                    )
                };
                (status, if status == 404 { missing() } else { message.to_owned() })
            }
        };
        (status, json!({"id": ERROR, "message": message}))
    }

    /// The end of the reply says that it failed (`ChatMessageEndEventDelta` of the description).
    fn error_event(&self, _: &Shape) -> Bytes {
        let delta = json!({"error": "internal server error", "finish_reason": "ERROR"});
        sse(Some("message-end"), json!({"type": "message-end", "delta": delta}))
    }

    fn request_id(&self) -> &'static str {
        "x-debug-trace-id"
    }
}

/// The id of an error.
const ERROR: &str = "00000000-0000-4000-8000-000000000000";
const LIMITED: &str = "You are past the per minute request limit, please wait and try again later.";

fn id(answer: &Answer) -> String {
    format!("00000000-0000-4000-8000-{:012x}", answer.serial)
}

/// What the model thought before it called tools: the plan for these.
fn plan(answer: &Answer) -> Option<&str> {
    Some(answer.reasoning.as_str()).filter(|plan| !answer.calls.is_empty() && !plan.is_empty())
}

/// The blocks of content, each by its type, which is its text's name too.
fn blocks(answer: &Answer) -> impl Iterator<Item = (&'static str, &str)> {
    let thinking = if plan(answer).is_none() { answer.reasoning.as_str() } else { "" };
    [("thinking", thinking), ("text", answer.text.as_str())].into_iter().filter(|(_, text)| !text.is_empty())
}

fn tool_call(answer: &Answer, index: usize, call: &Call, arguments: &str) -> Value {
    json!({
        "id": format!("{}_mock{}_{index}", call.name, answer.serial),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    })
}

/// `ERROR_TOXIC` is a reason of the first version of the API; the second has no word for it.
fn finish_reason(answer: &Answer) -> &str {
    match answer.finish() {
        "stop" => "COMPLETE",
        "length" => "MAX_TOKENS",
        "tool_calls" => "TOOL_CALL",
        "content_filter" => "ERROR_TOXIC",
        other => other,
    }
}

fn usage(answer: &Answer) -> Value {
    let counted = answer.tokens();
    let mut tokens = json!({"input_tokens": counted.prompt, "output_tokens": counted.completion});
    if let Some(fields) = tokens.as_object_mut().filter(|_| counted.reasoning > 0) {
        fields.insert("reasoning_tokens".to_owned(), counted.reasoning.into());
    }
    let billed = json!({"input_tokens": counted.prompt, "output_tokens": counted.completion});
    let mut usage = json!({"billed_units": billed, "tokens": tokens});
    if let Some(fields) = usage.as_object_mut().filter(|_| counted.cached > 0) {
        fields.insert("cached_tokens".to_owned(), counted.cached.into());
    }
    usage
}
