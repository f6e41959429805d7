//! Bedrock's Converse and `ConverseStream`.
//!
//! Sources: AWS's model of the API (`bedrock-runtime`, 2023-09-30), from which the types of error and their statuses
//! are too, and recordings of bedrock-runtime.us-east-1.amazonaws.com. What a guardrail does:
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html>.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::fault::Trouble;
use super::format::{Event, Wire};
use super::reply::Answer;
use super::requests::{Ask, Force, Request, Shape, string, text_of};
use crate::wire::event_stream;

#[derive(Debug)]
pub(super) struct Bedrock;

/// The event that a piece of content comes in.
const DELTA: &str = "contentBlockDelta";

impl Bedrock {
    /// The model and the action in `…/model/{model}/{action}`, where the action is one of these two.
    pub(super) fn call(path: &str) -> Option<(&str, &str)> {
        action(path).filter(|(_, action)| matches!(*action, "converse" | "converse-stream"))
    }

    /// The model whose tokens are to be counted, in `…/model/{model}/count-tokens`.
    pub(super) fn counted(path: &str) -> Option<&str> {
        action(path).filter(|(_, action)| *action == "count-tokens").map(|(model, _)| model)
    }
}

fn action(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once("/model/")?.1.split_once('/')
}

impl Wire for Bedrock {
    fn ask(&self, request: &Request, body: &Value) -> Ask {
        let (model, action) = Self::call(request.path()).unwrap_or_default();
        let last = body.get("messages").and_then(Value::as_array).and_then(|messages| messages.last());
        let content = last.and_then(|message| message.get("content"));
        let blocks = || content.and_then(Value::as_array).into_iter().flatten();
        let result = blocks().find_map(|block| block.get("toolResult"));
        let schema = body.pointer("/outputConfig/textFormat/structure/jsonSchema/schema").and_then(Value::as_str);
        Ask {
            shape: Shape {
                model: model.to_owned(),
                streamed: action == "converse-stream",
                choices: 1,
                ..Shape::default()
            },
            last: result.or(content).map(text_of).unwrap_or_default(),
            from_user: last.is_some_and(|message| string(message, "role") == "user") && result.is_none(),
            schema: schema.and_then(|schema| serde_json::from_str(schema).ok()),
            tools: tools(body),
            force: match body.pointer("/toolConfig/toolChoice") {
                Some(choice) if choice.get("any").is_some() => Force::Any,
                Some(choice) => choice.get("tool").map_or(Force::Free, |tool| Force::One(string(tool, "name"))),
                None => Force::Free,
            },
        }
    }

    fn whole(&self, _: &Shape, answer: &Answer) -> Value {
        let content: Value = blocks(answer).into_iter().map(|block| block.whole).collect();
        json!({
            "metrics": {"latencyMs": LATENCY},
            "output": {"message": {"content": content, "role": "assistant"}},
            "stopReason": stop_reason(answer),
            "usage": usage(answer),
        })
    }

    fn events(&self, shape: &Shape, answer: &Answer) -> Vec<Event> {
        let mut events = Vec::new();
        let mut push = |name: &str, mut data: Value, content: bool| {
            // Each event is padded, so that its length does not tell that of the text.
            if let Some(fields) = data.as_object_mut() {
                fields.insert("p".to_owned(), "abcdefgh".into());
            }
            events.push(Event { bytes: self.frame(shape, Some(name), &data.to_string()), content });
        };
        push("messageStart", json!({"role": "assistant"}), false);
        for (index, block) in blocks(answer).into_iter().enumerate() {
            if let Some(start) = block.start {
                push("contentBlockStart", json!({"contentBlockIndex": index, "start": start}), false);
            }
            for (delta, content) in block.deltas {
                push(DELTA, json!({"contentBlockIndex": index, "delta": delta}), content);
            }
            push("contentBlockStop", json!({"contentBlockIndex": index}), false);
        }
        push("messageStop", json!({"stopReason": stop_reason(answer)}), false);
        push("metadata", json!({"metrics": {"latencyMs": LATENCY}, "usage": usage(answer)}), false);
        events
    }

    fn error(&self, trouble: Trouble, _: &str) -> (u16, Value) {
        let (status, message) = match trouble {
            Trouble::ContextWindow => (400, "Input is too long for requested model."),
            Trouble::ContentPolicy => (400, "The request was not accepted."),
            Trouble::RateLimited(_) | Trouble::Status(429) => {
                (429, "Too many tokens, please wait before trying again.")
            }
            Trouble::Status(status) => {
                let message = match status {
                    401 => "Authentication failed: Please make sure your API Key is valid.",
                    403 => "You don't have access to the model with the specified model ID.",
                    404 => {
                        "This model version has reached the end of its life. Please refer to the AWS documentation for more details."
                    }
                    503 => "Model is getting throttled. Try your request again.",
                    500.. => "The system encountered an unexpected error during processing. Try your request again.",
                    _ => "The request was not accepted.",
                };
                (status, message)
            }
        };
        (status, json!({"message": message}))
    }

    /// The type of an error, which no body tells. Statuses that AWS's model has none for come without one.
    fn error_header(&self, status: u16) -> Option<(&'static str, String)> {
        let kind = match status {
            400 => "ValidationException",
            403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            408 => "ModelTimeoutException",
            424 => "ModelErrorException",
            429 => "ThrottlingException",
            500 => "InternalServerException",
            503 => "ServiceUnavailableException",
            _ => return None,
        };
        Some(("x-amzn-errortype", format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/")))
    }

    /// A guardrail answers in the model's place, in words that its owner has chosen.
    fn refusal(&self) -> Option<Answer> {
        Some(Answer {
            text: "Sorry, the model cannot answer this question.".to_owned(),
            finish: Some("content_filter".to_owned()),
            ..Answer::default()
        })
    }

    fn error_event(&self, _: &Shape) -> Bytes {
        message(
            "exception",
            "modelStreamErrorException",
            r#"{"message":"An error occurred while streaming the response."}"#,
        )
    }

    fn request_id(&self) -> &'static str {
        "x-amzn-requestid"
    }

    fn frame(&self, _: &Shape, name: Option<&str>, data: &str) -> Bytes {
        message("event", name.unwrap_or(DELTA), data)
    }

    /// The lengths of a message, with the checksum of these, and its headers.
    fn opening(&self, _: &Shape, bytes: usize) -> Bytes {
        let name = name_header("event");
        event_stream::opening(&headers("event", &name, DELTA), bytes).unwrap_or_default().into()
    }

    fn stream_type(&self, _: &Shape) -> &'static str {
        "application/vnd.amazon.eventstream"
    }
}

const LATENCY: u64 = 120;

/// A message of an event stream. None of these is too long for one.
fn message(kind: &str, name: &str, data: &str) -> Bytes {
    event_stream::message(&headers(kind, &name_header(kind), name), data.as_bytes()).unwrap_or_default().into()
}

fn name_header(kind: &str) -> String {
    format!(":{kind}-type")
}

fn headers<'a>(kind: &'a str, name_header: &'a str, name: &'a str) -> [(&'a str, &'a str); 3] {
    [(name_header, name), (":content-type", "application/json"), (":message-type", kind)]
}

fn tools(body: &Value) -> Vec<(String, Value)> {
    let tools = body.pointer("/toolConfig/tools").and_then(Value::as_array).into_iter().flatten();
    let specs = tools.filter_map(|tool| tool.get("toolSpec"));
    specs.map(|one| (string(one, "name"), one.pointer("/inputSchema/json").cloned().unwrap_or_default())).collect()
}

/// A content block: whole, and as a stream says it. Only calls have a start.
struct Block {
    whole: Value,
    start: Option<Value>,
    /// The deltas, and whether each is a piece of content.
    deltas: Vec<(Value, bool)>,
}

fn blocks(answer: &Answer) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !answer.reasoning.is_empty() {
        let signature = format!("bW9jaw{}", answer.serial);
        let pieces = answer.pieces(&answer.reasoning).into_iter();
        let mut deltas: Vec<_> = pieces.map(|piece| (json!({"reasoningContent": {"text": piece}}), true)).collect();
        deltas.push((json!({"reasoningContent": {"signature": signature}}), false));
        let text = json!({"text": answer.reasoning, "signature": signature});
        blocks.push(Block { whole: json!({"reasoningContent": {"reasoningText": text}}), start: None, deltas });
    }
    if !answer.text.is_empty() {
        let pieces = answer.pieces(&answer.text).into_iter();
        blocks.push(Block {
            whole: json!({"text": answer.text}),
            start: None,
            deltas: pieces.map(|piece| (json!({"text": piece}), true)).collect(),
        });
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let id = format!("tooluse_mock{}_{index}", answer.serial);
        let arguments = call.arguments.to_string();
        let pieces = answer.argument_pieces(&arguments).into_iter();
        blocks.push(Block {
            whole: json!({"toolUse": {"input": call.arguments, "name": call.name, "toolUseId": id}}),
            start: Some(json!({"toolUse": {"name": call.name, "toolUseId": id}})),
            deltas: pieces.map(|piece| (json!({"toolUse": {"input": piece}}), true)).collect(),
        });
    }
    blocks
}

fn stop_reason(answer: &Answer) -> &str {
    match answer.finish() {
        "stop" => "end_turn",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        "content_filter" => "guardrail_intervened",
        other => other,
    }
}

/// `inputTokens` are those that no cache was concerned with; reasoning is not told apart.
fn usage(answer: &Answer) -> Map<String, Value> {
    let tokens = answer.tokens();
    let mut usage = Map::new();
    let mut tell = |name: &str, tokens: u64| usage.insert(name.to_owned(), tokens.into());
    tell("inputTokens", tokens.prompt.saturating_sub(tokens.cached));
    tell("outputTokens", tokens.completion);
    tell("totalTokens", tokens.total());
    if tokens.cached > 0 {
        tell("cacheReadInputTokens", tokens.cached);
        tell("cacheWriteInputTokens", 0);
    }
    usage
}
