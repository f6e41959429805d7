//! OpenAI's Responses API.
//!
//! Sources: OpenAI's OpenAPI description 2.3.0 (`Response`, `ResponseStreamEvent`), and recordings of api.openai.com.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::fault::Trouble;
use super::format::{Event, Wire, sse};
use super::openai_chat::OpenAiChat;
use super::reply::Answer;
use super::requests::{Ask, Force, Request, Shape, string, text_of};

#[derive(Debug)]
pub(super) struct OpenAiResponses;

const CREATED: u64 = 1_735_689_600;

impl Wire for OpenAiResponses {
    fn ask(&self, _: &Request, body: &Value) -> Ask {
        let input = body.get("input");
        let last = input.and_then(Value::as_array).and_then(|items| items.last());
        let plain = input.and_then(Value::as_str);
        let tools = body.get("tools").and_then(Value::as_array).into_iter().flatten();
        let functions = tools.filter(|tool| string(tool, "type") == "function");
        let choice = body.get("tool_choice");
        Ask {
            shape: Shape {
                model: string(body, "model"),
                streamed: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
                choices: 1,
                ..Shape::default()
            },
            last: match plain {
                Some(text) => text.to_owned(),
                None => {
                    let said = last.and_then(|item| item.get("content").or_else(|| item.get("output")));
                    said.map(text_of).unwrap_or_default()
                }
            },
            from_user: plain.is_some() || last.is_some_and(|item| string(item, "role") == "user"),
            schema: match body.pointer("/text/format/type").and_then(Value::as_str) {
                Some("json_schema") => body.pointer("/text/format/schema").cloned(),
                Some("json_object") => Some(json!({"type": "object"})),
                _ => None,
            },
            tools: functions
                .map(|tool| (string(tool, "name"), tool.get("parameters").cloned().unwrap_or_default()))
                .collect(),
            force: match choice {
                Some(Value::String(mode)) if mode == "required" => Force::Any,
                Some(Value::Object(fields)) => match fields.get("name").and_then(Value::as_str) {
                    Some(name) => Force::One(name.to_owned()),
                    None => Force::Free,
                },
                _ => Force::Free,
            },
        }
    }

    fn whole(&self, shape: &Shape, answer: &Answer) -> Value {
        let items: Vec<Value> = items(answer).into_iter().map(|item| item.whole).collect();
        response(shape, answer, Some(items))
    }

    fn events(&self, shape: &Shape, answer: &Answer) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        let mut push = |name: &str, fields: Value, content: bool| {
            let mut event = Map::from_iter([("type".to_owned(), name.into())]);
            event.extend(fields.as_object().cloned().unwrap_or_default());
            event.insert("sequence_number".to_owned(), events.len().into());
            events.push(Event { bytes: sse(Some(name), Value::from(event)), content });
        };
        for name in ["response.created", "response.in_progress"] {
            push(name, json!({"response": response(shape, answer, None)}), false);
        }
        for (index, item) in items(answer).into_iter().enumerate() {
            push("response.output_item.added", json!({"output_index": index, "item": item.start}), false);
            for (name, fields, content) in item.events {
                let mut fields = fields.as_object().cloned().unwrap_or_default();
                fields.insert("item_id".to_owned(), string(&item.whole, "id").into());
                fields.insert("output_index".to_owned(), index.into());
                push(name, fields.into(), content);
            }
            push("response.output_item.done", json!({"output_index": index, "item": item.whole}), false);
        }
        let whole = self.whole(shape, answer);
        push(&format!("response.{}", status(answer).0), json!({"response": whole}), false);
        events
    }

    fn error(&self, trouble: Trouble, model: &str) -> (u16, Value) {
        OpenAiChat.error(trouble, model)
    }

    fn error_event(&self, _: &Shape) -> Bytes {
        let message = "The server had an error processing your request.";
        sse(Some("error"), json!({"type": "error", "code": "server_error", "message": message, "param": null}))
    }

    fn request_id(&self) -> &'static str {
        "x-request-id"
    }
}

/// An output item: whole, and as a stream says it.
struct Item {
    whole: Value,
    start: Value,
    /// The events between its beginning and its end, and whether each is a piece of content.
    events: Vec<(&'static str, Value, bool)>,
}

fn items(answer: &Answer) -> Vec<Item> {
    let mut items = Vec::new();
    let serial = answer.serial;
    if !answer.reasoning.is_empty() {
        let (id, sealed) = (format!("rs_mock{serial}"), format!("bW9jawo{serial}"));
        let pieces = answer.pieces(&answer.reasoning).into_iter();
        let mut events = vec![(
            "response.reasoning_summary_part.added",
            json!({"summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
            false,
        )];
        events.extend(
            pieces.map(|piece| {
                ("response.reasoning_summary_text.delta", json!({"summary_index": 0, "delta": piece}), true)
            }),
        );
        let summary = json!([{"type": "summary_text", "text": answer.reasoning}]);
        items.push(Item {
            whole: json!({"id": id, "type": "reasoning", "summary": summary, "encrypted_content": sealed}),
            start: json!({"id": id, "type": "reasoning", "summary": []}),
            events,
        });
    }
    if !answer.text.is_empty() {
        let id = format!("msg_mock{serial}");
        let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
        let message = |status: &str, content: Value| json!({"id": id, "type": "message", "role": "assistant", "status": status, "content": content});
        let mut events = vec![("response.content_part.added", json!({"content_index": 0, "part": part("")}), false)];
        events.extend(answer.pieces(&answer.text).into_iter().map(|piece| {
            ("response.output_text.delta", json!({"content_index": 0, "delta": piece, "logprobs": []}), true)
        }));
        events.push(("response.output_text.done", json!({"content_index": 0, "text": answer.text}), false));
        events.push(("response.content_part.done", json!({"content_index": 0, "part": part(&answer.text)}), false));
        items.push(Item {
            whole: message("completed", json!([part(&answer.text)])),
            start: message("in_progress", json!([])),
            events,
        });
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let arguments = call.arguments.to_string();
        let item = |status: &str, arguments: &str| {
            json!({
                "id": format!("fc_mock{serial}_{index}"), "type": "function_call", "status": status,
                "call_id": format!("call_mock{serial}_{index}"), "name": call.name, "arguments": arguments,
            })
        };
        let mut events: Vec<_> = answer
            .argument_pieces(&arguments)
            .into_iter()
            .map(|piece| ("response.function_call_arguments.delta", json!({"delta": piece}), true))
            .collect();
        events.push(("response.function_call_arguments.done", json!({"arguments": arguments}), false));
        items.push(Item { whole: item("completed", &arguments), start: item("in_progress", ""), events });
    }
    items
}

/// The status of a reply, and why it is incomplete.
fn status(answer: &Answer) -> (&'static str, Option<&'static str>) {
    match answer.finish() {
        "length" => ("incomplete", Some("max_output_tokens")),
        "content_filter" => ("incomplete", Some("content_filter")),
        _ => ("completed", None),
    }
}

/// The response with these items, or as it begins.
fn response(shape: &Shape, answer: &Answer, items: Option<Vec<Value>>) -> Value {
    let (status, reason) = status(answer);
    let tokens = answer.tokens();
    let usage = json!({
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.total(),
    });
    let done = items.is_some();
    json!({
        "id": format!("resp_mock{}", answer.serial),
        "object": "response",
        "created_at": CREATED,
        "status": if done { status } else { "in_progress" },
        "error": null,
        "incomplete_details": reason.filter(|_| done).map(|reason| json!({"reason": reason})),
        "model": shape.model,
        "output": items.unwrap_or_default(),
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "service_tier": if done { "default" } else { "auto" },
        "store": true,
        "tools": [],
        "usage": if done { usage } else { Value::Null },
        "metadata": {},
    })
}
