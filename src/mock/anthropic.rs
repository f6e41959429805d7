//! Anthropic's Messages.
//!
//! Sources: Anthropic's OpenAPI description, <https://platform.claude.com/docs/en/build-with-claude/streaming>,
//! <https://platform.claude.com/docs/en/api/errors>, and recordings of api.anthropic.com.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::fault::Trouble;
use super::format::{Event, Wire, sse};
use super::reply::Answer;
use super::requests::{Ask, Force, Request, Shape, string, text_of};

#[derive(Debug)]
pub(super) struct Anthropic;

impl Wire for Anthropic {
    fn ask(&self, _: &Request, body: &Value) -> Ask {
        let last = body.get("messages").and_then(Value::as_array).and_then(|messages| messages.last());
        let content = last.and_then(|message| message.get("content"));
        let mut blocks = content.and_then(Value::as_array).into_iter().flatten();
        let answers_a_tool = blocks.any(|block| string(block, "type") == "tool_result");
        let tools = body.get("tools").and_then(Value::as_array).into_iter().flatten();
        Ask {
            shape: Shape {
                model: string(body, "model"),
                streamed: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
                choices: 1,
                ..Shape::default()
            },
            last: content.map(text_of).unwrap_or_default(),
            from_user: last.is_some_and(|message| string(message, "role") == "user") && !answers_a_tool,
            schema: body
                .pointer("/output_config/format/schema")
                .or_else(|| body.pointer("/output_format/schema"))
                .cloned(),
            tools: tools.filter_map(|tool| Some((string(tool, "name"), tool.get("input_schema")?.clone()))).collect(),
            force: match body.pointer("/tool_choice/type").and_then(Value::as_str) {
                Some("any") => Force::Any,
                Some("tool") => {
                    let name = body.pointer("/tool_choice/name").and_then(Value::as_str).unwrap_or_default();
                    Force::One(name.to_owned())
                }
                _ => Force::Free,
            },
        }
    }

    fn whole(&self, shape: &Shape, answer: &Answer) -> Value {
        let mut message = head(shape, answer);
        let content = blocks(answer).into_iter().map(|block| block.whole).collect();
        message.insert("content".to_owned(), content);
        message.insert("stop_reason".to_owned(), stop_reason(answer).into());
        message.insert("usage".to_owned(), usage(answer).into());
        message.into()
    }

    fn events(&self, shape: &Shape, answer: &Answer) -> Vec<Event> {
        let mut events = Vec::new();
        let mut push = |name: &str, data: Value, content: bool| {
            events.push(Event { bytes: sse(Some(name), data), content });
        };
        push("message_start", json!({"type": "message_start", "message": head(shape, answer)}), false);
        for (index, block) in blocks(answer).into_iter().enumerate() {
            let start = json!({"type": "content_block_start", "index": index, "content_block": block.start});
            push("content_block_start", start, false);
            if index == 0 {
                push("ping", json!({"type": "ping"}), false);
            }
            for (delta, content) in block.deltas {
                let delta = json!({"type": "content_block_delta", "index": index, "delta": delta});
                push("content_block_delta", delta, content);
            }
            push("content_block_stop", json!({"type": "content_block_stop", "index": index}), false);
        }
        let delta = json!({"stop_reason": stop_reason(answer), "stop_sequence": null});
        let mut usage = usage(answer);
        usage.remove("cache_creation");
        usage.remove("service_tier");
        push("message_delta", json!({"type": "message_delta", "delta": delta, "usage": usage}), false);
        push("message_stop", json!({"type": "message_stop"}), false);
        events
    }

    fn error(&self, trouble: Trouble, model: &str) -> (u16, Value) {
        let (status, kind, message) = match trouble {
            Trouble::ContextWindow => {
                (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum".to_owned())
            }
            Trouble::ContentPolicy => {
                (400, "invalid_request_error", "Output blocked by content filtering policy".to_owned())
            }
            Trouble::RateLimited(_) => (429, "rate_limit_error", "Rate limited".to_owned()),
            Trouble::Status(status) => {
                let (kind, message) = match status {
                    401 => ("authentication_error", "invalid x-api-key"),
                    402 => ("billing_error", "Your credit balance is too low."),
                    403 => ("permission_error", "Your API key may not use this resource."),
                    404 => ("not_found_error", ""),
                    413 => ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
                    429 => ("rate_limit_error", "Rate limited"),
                    504 => ("timeout_error", "The request timed out."),
                    529 => ("overloaded_error", "Overloaded"),
                    500.. => ("api_error", "Internal server error"),
                    _ => ("invalid_request_error", "The request was not accepted."),
                };
                (status, kind, if status == 404 { format!("model: {model}") } else { message.to_owned() })
            }
        };
        (status, json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"}))
    }

    fn error_event(&self, _: &Shape) -> Bytes {
        sse(Some("error"), json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    }

    fn request_id(&self) -> &'static str {
        "request-id"
    }
}

/// A content block: whole, and as a stream says it.
struct Block {
    whole: Value,
    start: Value,
    /// The deltas, and whether each is a piece of content.
    deltas: Vec<(Value, bool)>,
}

fn blocks(answer: &Answer) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !answer.reasoning.is_empty() {
        let signature = format!("bW9jawo{}", answer.serial);
        let pieces = answer.pieces(&answer.reasoning).into_iter();
        let mut deltas: Vec<_> =
            pieces.map(|piece| (json!({"type": "thinking_delta", "thinking": piece}), true)).collect();
        deltas.push((json!({"type": "signature_delta", "signature": signature}), false));
        blocks.push(Block {
            whole: json!({"type": "thinking", "thinking": answer.reasoning, "signature": signature}),
            start: json!({"type": "thinking", "thinking": "", "signature": ""}),
            deltas,
        });
    }
    if !answer.text.is_empty() {
        let pieces = answer.pieces(&answer.text).into_iter();
        blocks.push(Block {
            whole: json!({"type": "text", "text": answer.text}),
            start: json!({"type": "text", "text": ""}),
            deltas: pieces.map(|piece| (json!({"type": "text_delta", "text": piece}), true)).collect(),
        });
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let id = format!("toolu_mock{}_{index}", answer.serial);
        let arguments = call.arguments.to_string();
        let pieces = answer.argument_pieces(&arguments).into_iter();
        let delta = |piece| json!({"type": "input_json_delta", "partial_json": piece});
        blocks.push(Block {
            whole: json!({"type": "tool_use", "id": id, "name": call.name, "input": call.arguments}),
            start: json!({"type": "tool_use", "id": id, "name": call.name, "input": {}}),
            deltas: std::iter::once((delta(""), false)).chain(pieces.map(|piece| (delta(piece), true))).collect(),
        });
    }
    blocks
}

/// The message as a stream starts it: nothing said yet, one token counted.
fn head(shape: &Shape, answer: &Answer) -> Map<String, Value> {
    let mut counted = usage(answer);
    counted.insert("output_tokens".to_owned(), 1.into());
    counted.remove("output_tokens_details");
    let head = json!({
        "model": shape.model,
        "id": format!("msg_mock{}", answer.serial),
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": counted,
    });
    head.as_object().cloned().unwrap_or_default()
}

fn stop_reason(answer: &Answer) -> &str {
    match answer.finish() {
        "stop" => "end_turn",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        "content_filter" => "refusal",
        other => other,
    }
}

/// `input_tokens` are those that no cache was concerned with; `output_tokens` have the thinking among them.
fn usage(answer: &Answer) -> Map<String, Value> {
    let tokens = answer.tokens();
    let usage = json!({
        "input_tokens": tokens.prompt.saturating_sub(tokens.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": tokens.completion,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
        "service_tier": "standard",
    });
    usage.as_object().cloned().unwrap_or_default()
}
