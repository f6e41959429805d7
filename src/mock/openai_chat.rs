//! OpenAI's chat completions.
//!
//! Sources: OpenAI's OpenAPI description 2.3.0 (`CreateChatCompletionResponse`,
//! `CreateChatCompletionStreamResponse`, `ErrorResponse`), and recordings of api.openai.com. `reasoning_content` is
//! DeepSeek's, which most compatible servers share; OpenAI's own models do not show their reasoning here.

use serde_json::{Map, Value, json};

use super::fault::Trouble;
use super::format::{Event, Wire, sse};
use super::reply::{Answer, Call};
use super::requests::{Ask, Force, Request, Shape, function_tools, string, text_of};

#[derive(Debug)]
pub(super) struct OpenAiChat;

const CREATED: u64 = 1_735_689_600;

impl Wire for OpenAiChat {
    fn ask(&self, request: &Request, body: &Value) -> Ask {
        let last = body.get("messages").and_then(Value::as_array).and_then(|messages| messages.last());
        let format = body.get("response_format");
        let choice = body.get("tool_choice");
        let streamed = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        let stream_usage = body.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false);
        Ask {
            shape: Shape {
                model: match string(body, "model") {
                    model if model.is_empty() => deployment(request.path()).unwrap_or_default().to_owned(),
                    model => model,
                },
                streamed,
                stream_usage: streamed && stream_usage,
                choices: body.get("n").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
                ..Shape::default()
            },
            last: last.and_then(|message| message.get("content")).map(text_of).unwrap_or_default(),
            from_user: last.is_some_and(|message| string(message, "role") == "user"),
            schema: match format.and_then(|format| format.get("type")).and_then(Value::as_str) {
                Some("json_schema") => format.and_then(|format| format.pointer("/json_schema/schema")).cloned(),
                Some("json_object") => Some(json!({"type": "object"})),
                _ => None,
            },
            tools: function_tools(body),
            force: match choice {
                Some(Value::String(mode)) if mode == "required" => Force::Any,
                Some(Value::Object(_)) => {
                    let name = choice.and_then(|choice| choice.pointer("/function/name")).and_then(Value::as_str);
                    name.map_or(Force::Free, |name| Force::One(name.to_owned()))
                }
                _ => Force::Free,
            },
        }
    }

    fn whole(&self, shape: &Shape, answer: &Answer) -> Value {
        let mut message = Map::new();
        message.insert("role".to_owned(), "assistant".into());
        message.insert("content".to_owned(), content(answer));
        if !answer.reasoning.is_empty() {
            message.insert("reasoning_content".to_owned(), answer.reasoning.clone().into());
        }
        if !answer.calls.is_empty() {
            let calls = answer.calls.iter().enumerate();
            let calls = calls.map(|(index, call)| tool_call(answer, index, call, &call.arguments.to_string()));
            message.insert("tool_calls".to_owned(), calls.collect());
        }
        message.insert("refusal".to_owned(), Value::Null);
        message.insert("annotations".to_owned(), json!([]));
        let choices: Vec<Value> = (0..shape.choices)
            .map(
                |index| json!({"index": index, "message": message, "logprobs": null, "finish_reason": answer.finish()}),
            )
            .collect();
        json!({
            "id": id(answer),
            "object": "chat.completion",
            "created": CREATED,
            "model": shape.model,
            "choices": choices,
            "usage": usage(answer),
            "service_tier": "default",
            "system_fingerprint": "fp_mock",
        })
    }

    fn events(&self, shape: &Shape, answer: &Answer) -> Vec<Event> {
        let mut events = Vec::new();
        let chunk = |choices: Value, usage: Option<Value>| {
            let mut chunk = json!({
                "id": id(answer),
                "object": "chat.completion.chunk",
                "created": CREATED,
                "model": shape.model,
                "service_tier": "default",
                "system_fingerprint": "fp_mock",
                "choices": choices,
            });
            if let Some(fields) = chunk.as_object_mut().filter(|_| shape.stream_usage) {
                fields.insert("usage".to_owned(), usage.unwrap_or_default());
            }
            sse(None, chunk)
        };
        let mut each = |delta: Value, finish: Option<&str>, content: bool| {
            for index in 0..shape.choices {
                let choice = json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}]);
                let last = index.saturating_add(1) == shape.choices;
                events.push(Event { bytes: chunk(choice, None), content: content && last });
            }
        };
        let start = if answer.calls.is_empty() || !answer.text.is_empty() { json!("") } else { Value::Null };
        each(json!({"role": "assistant", "content": start, "refusal": null}), None, false);
        for piece in answer.pieces(&answer.reasoning) {
            each(json!({"reasoning_content": piece}), None, true);
        }
        for piece in answer.pieces(&answer.text) {
            each(json!({"content": piece}), None, true);
        }
        for (index, call) in answer.calls.iter().enumerate() {
            let mut head = tool_call(answer, index, call, "");
            if let Some(fields) = head.as_object_mut() {
                fields.shift_insert(0, "index".to_owned(), index.into());
            }
            each(json!({"tool_calls": [head]}), None, false);
            for piece in answer.argument_pieces(&call.arguments.to_string()) {
                each(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}), None, true);
            }
        }
        each(json!({}), Some(answer.finish()), false);
        if shape.stream_usage {
            events.push(Event { bytes: chunk(json!([]), Some(usage(answer))), content: false });
        }
        events.push(Event { bytes: sse(None, "[DONE]"), content: false });
        events
    }

    fn error(&self, trouble: Trouble, model: &str) -> (u16, Value) {
        let (status, message, kind, param, code) = match trouble {
            Trouble::ContextWindow => (
                400,
                "This model's maximum context length is 8192 tokens. However, your messages resulted in 8200 tokens. \
                 Please reduce the length of the messages."
                    .to_owned(),
                "invalid_request_error",
                Some("messages"),
                Some("context_length_exceeded"),
            ),
            Trouble::ContentPolicy => (
                400,
                "Invalid prompt: your prompt was flagged as potentially violating our usage policy.".to_owned(),
                "invalid_request_error",
                None,
                Some("invalid_prompt"),
            ),
            Trouble::RateLimited(_) | Trouble::Status(429) => (
                429,
                format!("Rate limit reached for {model} on requests per min (RPM): Limit 3, Used 3, Requested 1."),
                "requests",
                None,
                Some("rate_limit_exceeded"),
            ),
            Trouble::Status(401) => {
                let message = "Incorrect API key provided: mock.".to_owned();
                (401, message, "invalid_request_error", None, Some("invalid_api_key"))
            }
            Trouble::Status(404) => {
                let message = format!("The model `{model}` does not exist or you do not have access to it.");
                (404, message, "invalid_request_error", None, Some("model_not_found"))
            }
            Trouble::Status(status @ 500..) => {
                (status, "The server had an error processing your request.".to_owned(), "server_error", None, None)
            }
            Trouble::Status(status) => {
                (status, "The request was not accepted.".to_owned(), "invalid_request_error", None, None)
            }
        };
        (status, json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
    }

    /// An error in the place of a chunk, as OpenAI's own clients expect it (`openai-python`, `_streaming.py`).
    fn error_event(&self, shape: &Shape) -> bytes::Bytes {
        let (_, error) = self.error(Trouble::Status(500), &shape.model);
        sse(None, error)
    }

    fn request_id(&self) -> &'static str {
        "x-request-id"
    }
}

/// The model in an Azure address, `…/deployments/{model}/chat/completions`.
fn deployment(path: &str) -> Option<&str> {
    path.split_once("/deployments/")?.1.split('/').next()
}

fn id(answer: &Answer) -> String {
    format!("chatcmpl-mock{}", answer.serial)
}

fn content(answer: &Answer) -> Value {
    if answer.text.is_empty() && !answer.calls.is_empty() { Value::Null } else { answer.text.clone().into() }
}

fn tool_call(answer: &Answer, index: usize, call: &Call, arguments: &str) -> Value {
    json!({
        "id": format!("call_mock{}_{index}", answer.serial),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    })
}

fn usage(answer: &Answer) -> Value {
    let tokens = answer.tokens();
    json!({
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.total(),
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}
