//! `GENERIC`: OpenAI's chat in other words. Names are in camel case, fixed words in capitals, and content is a list.

use serde_json::{Map, Value, json};

use super::usage;

/// Parameters that have another name, and not only another case.
const RENAMED: [(&str, &str); 4] = [
    ("n", "numGenerations"),
    ("top_logprobs", "logProbs"),
    ("parallel_tool_calls", "isParallelToolCalls"),
    ("stream_options", "streamOptions"),
];

/// A request of chat completions as a `chatRequest`.
pub(super) fn request(chat: Map<String, Value>) -> Map<String, Value> {
    let mut request = Map::new();
    request.insert("apiFormat".to_owned(), "GENERIC".into());
    for (name, value) in chat {
        let value = match name.as_str() {
            // The model stands beside; whether to give probabilities is said by their number.
            "model" | "stream" | "logprobs" => continue,
            "messages" => Value::Array(list(value).into_iter().map(message).collect()),
            "tools" => Value::Array(list(value).into_iter().map(tool).collect()),
            "tool_choice" => tool_choice(value),
            "response_format" => response_format(value),
            "reasoning_effort" | "verbosity" | "service_tier" => upper(value),
            "stop" if value.is_string() => json!([value]),
            _ => value,
        };
        let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| (*ours).to_owned());
        request.insert(renamed.unwrap_or_else(|| camel(&name)), value);
    }
    request
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        _ => Vec::new(),
    }
}

/// A word in capitals.
pub(super) fn upper(value: Value) -> Value {
    value.as_str().map_or(value.clone(), |word| word.to_ascii_uppercase().into())
}

/// A name in camel case.
pub(super) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

fn message(message: Value) -> Value {
    let mut wire = Map::new();
    for (name, value) in message.as_object().into_iter().flatten() {
        match name.as_str() {
            "role" => wire.insert("role".to_owned(), upper(value.clone())),
            "content" => match value {
                Value::Null => None,
                Value::String(text) => wire.insert("content".to_owned(), json!([{"type": "TEXT", "text": text}])),
                parts => {
                    let parts: Vec<Value> = list(parts.clone()).into_iter().map(part).collect();
                    wire.insert("content".to_owned(), parts.into())
                }
            },
            "tool_calls" => {
                let calls: Vec<Value> = list(value.clone()).iter().map(call).collect();
                wire.insert("toolCalls".to_owned(), calls.into())
            }
            other => wire.insert(camel(other), value.clone()),
        };
    }
    wire.into()
}

/// A part of the content: `image_url` is `IMAGE` with an `imageUrl`, and so the others.
fn part(part: Value) -> Value {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    let at = |name: &str| part.get(name).cloned().unwrap_or_default();
    match kind {
        "text" => json!({"type": "TEXT", "text": at("text")}),
        "image_url" => json!({"type": "IMAGE", "imageUrl": at("image_url")}),
        "video_url" => json!({"type": "VIDEO", "videoUrl": at("video_url")}),
        "input_audio" => {
            let sound = at("input_audio");
            let text = |name: &str| sound.get(name).and_then(Value::as_str).unwrap_or_default();
            json!({"type": "AUDIO", "audioUrl": {"url": format!("data:audio/{};base64,{}", text("format"), text("data"))}})
        }
        "file" => {
            json!({"type": "DOCUMENT", "documentUrl": {"url": at("file").get("file_data").or(at("file").get("file_id"))}})
        }
        _ => part,
    }
}

fn call(call: &Value) -> Value {
    let function = |name: &str| call.pointer(&format!("/function/{name}")).cloned().unwrap_or_default();
    json!({"id": call.get("id"), "type": "FUNCTION", "name": function("name"), "arguments": function("arguments")})
}

fn tool(tool: Value) -> Value {
    let Some(Value::Object(function)) = tool.get("function") else { return tool };
    let mut wire = Map::new();
    wire.insert("type".to_owned(), "FUNCTION".into());
    for (name, value) in function.iter().filter(|(name, _)| *name != "strict") {
        wire.insert(name.clone(), value.clone());
    }
    wire.into()
}

fn tool_choice(choice: Value) -> Value {
    match (&choice, choice.pointer("/function/name")) {
        (Value::String(word), _) => json!({"type": word.to_ascii_uppercase()}),
        (_, Some(name)) => json!({"type": "FUNCTION", "name": name}),
        _ => choice,
    }
}

fn response_format(format: Value) -> Value {
    let Some(kind) = format.get("type").and_then(Value::as_str) else { return format };
    let mut wire = Map::new();
    wire.insert("type".to_owned(), kind.to_ascii_uppercase().into());
    if let Some(Value::Object(schema)) = format.get("json_schema") {
        let renamed = |name: &str| if name == "strict" { "isStrict".to_owned() } else { name.to_owned() };
        let schema: Map<String, Value> = schema.iter().map(|(name, value)| (renamed(name), value.clone())).collect();
        wire.insert("jsonSchema".to_owned(), schema.into());
    }
    wire.into()
}

// ---- back -------------------------------------------------------------------------------------------------------

/// A `chatResponse` as a chat completion.
pub(super) fn reply(response: &Value) -> Value {
    let choices = response.get("choices").and_then(Value::as_array).into_iter().flatten().map(|choice| {
        let mut read = json!({
            "index": choice.get("index").cloned().unwrap_or(0.into()),
            "message": choice.get("message").map(said),
        });
        finish(choice, &mut read);
        read
    });
    let mut reply = json!({"choices": choices.collect::<Vec<_>>()});
    if let (Some(fields), Some(used)) = (reply.as_object_mut(), response.get("usage").filter(|used| used.is_object())) {
        fields.insert("usage".to_owned(), usage(used));
    }
    reply
}

/// An event as a chunk: a choice without a list around it.
pub(super) fn chunk(event: &Value) -> Value {
    let mut choice = json!({"index": event.get("index").cloned().unwrap_or(0.into())});
    let delta = event.get("message").filter(|message| message.is_object()).map(said);
    if let (Some(fields), Some(delta)) = (choice.as_object_mut(), delta) {
        fields.insert("delta".to_owned(), delta);
    }
    finish(event, &mut choice);
    let speaks = choice.as_object().is_some_and(|fields| fields.len() > 1);
    let mut chunk = json!({"choices": if speaks { vec![choice] } else { Vec::new() }});
    if let (Some(fields), Some(used)) = (chunk.as_object_mut(), event.get("usage").filter(|used| used.is_object())) {
        fields.insert("usage".to_owned(), usage(used));
    }
    chunk
}

fn finish(choice: &Value, read: &mut Value) {
    let reason = choice.get("finishReason").and_then(Value::as_str).filter(|reason| !reason.is_empty());
    if let (Some(fields), Some(reason)) = (read.as_object_mut(), reason) {
        fields.insert("finish_reason".to_owned(), reason.to_ascii_lowercase().into());
    }
}

/// What the model says, whole or a piece of it.
fn said(message: &Value) -> Value {
    let mut read = Map::new();
    read.insert("role".to_owned(), "assistant".into());
    let texts = message.get("content").and_then(Value::as_array).into_iter().flatten();
    let text: String = texts.filter_map(|part| part.get("text")?.as_str()).collect();
    read.insert("content".to_owned(), if text.is_empty() { Value::Null } else { text.into() });
    for (theirs, ours) in [("reasoningContent", "reasoning_content"), ("refusal", "refusal")] {
        if let Some(text) = message.get(theirs).and_then(Value::as_str) {
            read.insert(ours.to_owned(), text.into());
        }
    }
    let calls: Vec<Value> = message
        .get("toolCalls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|call| {
            let at = |name: &str| call.get(name).cloned().unwrap_or_default();
            let mut read = json!({"type": "function", "function": {"name": at("name"), "arguments": at("arguments")}});
            if let (Some(fields), Some(id)) = (read.as_object_mut(), call.get("id").filter(|id| !id.is_null())) {
                fields.insert("id".to_owned(), id.clone());
            }
            read
        })
        .collect();
    if !calls.is_empty() {
        read.insert("tool_calls".to_owned(), calls.into());
    }
    read.into()
}
