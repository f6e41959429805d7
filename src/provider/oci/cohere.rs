//! `COHERE`: Cohere's chat as it was before its version 2, with one message, a history before it and a preamble.

use serde_json::{Map, Value, json};

use super::usage;
use crate::chat::{ChatRequest, Content, Message, Params, ResponseFormat, Role, Tool, ToolCall, ToolChoice, Warning};
use crate::error::Result;
use crate::provider::admit;
use crate::provider::params::Limits;

/// The names that Cohere's models know for JSON's types.
const TYPES: [(&str, &str); 6] = [
    ("string", "str"),
    ("integer", "int"),
    ("number", "float"),
    ("boolean", "bool"),
    ("array", "list"),
    ("object", "dict"),
];

pub(super) fn request(
    request: &ChatRequest,
    provider: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Map<String, Value>> {
    let params = admit(&request.params, provider, |name| supports(&request.params, name), warnings)?;
    let mut limits = Limits { provider, drop: params.drop_params, warnings };
    let mut body = Map::new();
    body.insert("apiFormat".to_owned(), "COHERE".into());
    conversation(&request.messages, &mut body, &mut limits)?;
    tools(&params, &mut body, &mut limits)?;
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("maxTokens", params.token_limit().map(Value::from));
    set("temperature", params.temperature.map(Value::from));
    set("topP", params.top_p.map(Value::from));
    set("frequencyPenalty", params.frequency_penalty.map(Value::from));
    set("presencePenalty", params.presence_penalty.map(Value::from));
    set("seed", params.seed.map(Value::from));
    set("stopSequences", params.stop.as_ref().map(|stop| json!(stop.as_slice())));
    set("responseFormat", params.response_format.as_ref().and_then(response_format));
    for (name, value) in params.extra.iter() {
        let name = if name == "top_k" { "topK" } else { name };
        set(name, Some(value.clone()));
    }
    Ok(body)
}

fn supports(params: &Params, name: &str) -> bool {
    match name {
        "temperature"
        | "top_p"
        | "stop"
        | "max_tokens"
        | "max_completion_tokens"
        | "presence_penalty"
        | "frequency_penalty"
        | "seed"
        | "tools"
        | "stream_options" => true,
        "tool_choice" => matches!(params.tool_choice, Some(ToolChoice::Auto | ToolChoice::None)),
        "parallel_tool_calls" => params.parallel_tool_calls == Some(true),
        "response_format" => !matches!(params.response_format, Some(ResponseFormat::Native(_))),
        _ => false,
    }
}

fn response_format(format: &ResponseFormat) -> Option<Value> {
    Some(match format {
        ResponseFormat::Text => json!({"type": "TEXT"}),
        ResponseFormat::JsonSchema(format) => json!({"type": "JSON_OBJECT", "schema": format.schema}),
        ResponseFormat::JsonObject => json!({"type": "JSON_OBJECT"}),
        ResponseFormat::Native(_) => return None,
    })
}

/// The last message of the user, or the results of its tools, and all that was before.
fn conversation(messages: &[Message], body: &mut Map<String, Value>, limits: &mut Limits<'_>) -> Result<()> {
    let (mut preamble, mut history) = (Vec::new(), Vec::new());
    let mut results: Vec<Value> = Vec::new();
    let mut asked = String::new();
    let spoken: Vec<&Message> =
        messages.iter().filter(|message| !matches!(message.role, Role::System | Role::Developer)).collect();
    for message in messages.iter().filter(|message| matches!(message.role, Role::System | Role::Developer)) {
        preamble.push(text(message, limits)?);
    }
    let results_from = spoken.iter().rposition(|message| !is_result(message)).map_or(0, |last| last.saturating_add(1));
    let last_user = spoken.iter().rposition(|message| message.role == Role::User);
    for (place, message) in spoken.iter().enumerate() {
        let said = text(message, limits)?;
        match message.role {
            _ if is_result(message) => {
                let result = result(message, &said, spoken.get(..place).unwrap_or_default());
                if place >= results_from {
                    results.push(result);
                } else {
                    history.push(json!({"role": "TOOL", "toolResults": [result]}));
                }
            }
            Role::User if Some(place) == last_user && place.saturating_add(1) == spoken.len() => asked = said,
            Role::User => history.push(json!({"role": "USER", "message": said})),
            _ => {
                let calls: Vec<Value> = message.tool_calls().map(call).collect();
                let mut turn = json!({"role": "CHATBOT", "message": said});
                if let (Some(fields), false) = (turn.as_object_mut(), calls.is_empty()) {
                    fields.insert("toolCalls".to_owned(), calls.into());
                }
                history.push(turn);
            }
        }
    }
    body.insert("message".to_owned(), asked.into());
    let lists = [("chatHistory", history), ("toolResults", results)];
    body.extend(
        lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name.to_owned(), list.into())),
    );
    if !preamble.is_empty() {
        body.insert("preambleOverride".to_owned(), preamble.join("\n\n").into());
    }
    Ok(())
}

fn is_result(message: &Message) -> bool {
    matches!(message.role, Role::Tool | Role::Function)
}

/// What a tool gave, with the call that it answers.
fn result(message: &Message, said: &str, earlier: &[&Message]) -> Value {
    let id = message.tool_call_id.as_deref().unwrap_or_default();
    let called = earlier.iter().rev().find_map(|message| message.tool_calls().find(|call| call.id == id));
    let output = match serde_json::from_str::<Value>(said) {
        Ok(Value::Object(fields)) => Value::Object(fields),
        _ => json!({"output": said}),
    };
    json!({"call": called.map(call), "outputs": [output]})
}

fn call(call: &ToolCall) -> Value {
    let parameters: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
    json!({"name": call.name, "parameters": parameters})
}

fn text(message: &Message, limits: &mut Limits<'_>) -> Result<String> {
    for part in &message.parts {
        match &part.content {
            Content::Image(_) => limits.refuse("image_url", "pictures are not taken with a model of Cohere's")?,
            Content::File(_) => limits.refuse("file", "documents are not taken with a model of Cohere's")?,
            Content::Audio(_) => limits.refuse("input_audio", "sound is not taken with a model of Cohere's")?,
            Content::Video(_) => limits.refuse("video_url", "video is not taken with a model of Cohere's")?,
            _ => {}
        }
    }
    Ok(message.text())
}

fn tools(params: &Params, body: &mut Map<String, Value>, limits: &mut Limits<'_>) -> Result<()> {
    let mut sent = Vec::new();
    if params.tool_choice == Some(ToolChoice::None) {
        return Ok(());
    }
    for tool in params.tools.iter().flatten() {
        let Tool::Function { name, description, parameters, .. } = tool else {
            limits.refuse("tools", "only function tools are run")?;
            continue;
        };
        let field = |name: &str| parameters.as_ref().and_then(|schema| schema.get(name));
        let required: Vec<&str> =
            field("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let definitions = field("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, schema)| {
            let kind = schema.get("type").and_then(Value::as_str).unwrap_or("string");
            let own = TYPES.iter().find(|(json, _)| *json == kind).map_or(kind, |(_, own)| *own);
            let mut definition = json!({"type": own, "isRequired": required.contains(&name.as_str())});
            if let (Some(fields), Some(text)) = (definition.as_object_mut(), schema.get("description")) {
                fields.insert("description".to_owned(), text.clone());
            }
            (name.clone(), definition)
        });
        let definitions: Map<String, Value> = definitions.collect();
        let description = description.clone().unwrap_or_else(|| name.clone());
        sent.push(json!({"name": name, "description": description, "parameterDefinitions": definitions}));
    }
    if !sent.is_empty() {
        body.insert("tools".to_owned(), sent.into());
    }
    Ok(())
}

// ---- back -------------------------------------------------------------------------------------------------------

/// A `chatResponse` as a chat completion.
pub(super) fn reply(response: &Value) -> Value {
    let text = response.get("text").and_then(Value::as_str).unwrap_or_default();
    let mut message = json!({"role": "assistant", "content": if text.is_empty() { Value::Null } else { text.into() }});
    if let Some(fields) = message.as_object_mut() {
        let calls = calls(response);
        if !calls.is_empty() {
            fields.insert("tool_calls".to_owned(), calls.into());
        }
        let citations: Vec<Value> =
            response.get("citations").and_then(Value::as_array).into_iter().flatten().map(citation).collect();
        if !citations.is_empty() {
            fields.insert("annotations".to_owned(), citations.into());
        }
    }
    let choice = json!({"index": 0, "message": message, "finish_reason": reason(response)});
    let mut reply = json!({"choices": [choice]});
    if let (Some(fields), Some(used)) = (reply.as_object_mut(), response.get("usage").filter(|used| used.is_object())) {
        fields.insert("usage".to_owned(), usage(used));
    }
    if let (Some(fields), Some(error)) = (reply.as_object_mut(), failure(response)) {
        fields.insert("error".to_owned(), error);
    }
    reply
}

/// How far a stream is.
#[derive(Debug, Default)]
pub(super) struct Stream {
    spoke: bool,
}

impl Stream {
    /// An event as a chunk. The last one repeats all of the text.
    pub(super) fn chunk(&mut self, event: &Value) -> Value {
        if let Some(error) = failure(event) {
            return json!({"error": error});
        }
        let text = event.get("text").and_then(Value::as_str).unwrap_or_default();
        let last = event.get("finishReason").is_some_and(Value::is_string);
        let mut delta = Map::new();
        if !(text.is_empty() || last && self.spoke) {
            delta.insert("content".to_owned(), text.into());
        }
        self.spoke |= !text.is_empty();
        if last {
            let calls: Vec<Value> = (0_u64..)
                .zip(calls(event))
                .map(|(index, mut call)| {
                    if let Some(fields) = call.as_object_mut() {
                        fields.insert("index".to_owned(), index.into());
                    }
                    call
                })
                .collect();
            if !calls.is_empty() {
                delta.insert("tool_calls".to_owned(), calls.into());
            }
            let citations: Vec<Value> =
                event.get("citations").and_then(Value::as_array).into_iter().flatten().map(citation).collect();
            if !citations.is_empty() {
                delta.insert("annotations".to_owned(), citations.into());
            }
        }
        let mut choice = json!({"index": 0, "delta": delta});
        if let (Some(fields), true) = (choice.as_object_mut(), last) {
            fields.insert("finish_reason".to_owned(), reason(event));
        }
        let mut chunk = json!({"choices": [choice]});
        if let (Some(fields), Some(used)) = (chunk.as_object_mut(), event.get("usage").filter(|used| used.is_object()))
        {
            fields.insert("usage".to_owned(), usage(used));
        }
        chunk
    }
}

/// The calls, which have no ids there: by their place they get one that is the same each time.
fn calls(response: &Value) -> Vec<Value> {
    let calls = response.get("toolCalls").and_then(Value::as_array).into_iter().flatten();
    let read = calls.enumerate().map(|(place, call)| {
        let arguments = call.get("parameters").map_or_else(|| "{}".to_owned(), Value::to_string);
        let function = json!({"name": call.get("name"), "arguments": arguments});
        json!({"id": format!("call_{place}"), "type": "function", "function": function})
    });
    read.collect()
}

fn citation(citation: &Value) -> Value {
    let at = |name: &str| citation.get(name).cloned().unwrap_or_default();
    let cited =
        json!({"start_index": at("start"), "end_index": at("end"), "text": at("text"), "documents": at("documentIds")});
    json!({"type": "url_citation", "url_citation": cited})
}

fn reason(response: &Value) -> Value {
    match response.get("finishReason").and_then(Value::as_str) {
        Some("COMPLETE") => "stop".into(),
        Some("MAX_TOKENS" | "ERROR_LIMIT") => "length".into(),
        Some("ERROR_TOXIC") => "content_filter".into(),
        other => other.into(),
    }
}

fn failure(response: &Value) -> Option<Value> {
    let failed = response.get("finishReason").and_then(Value::as_str) == Some("ERROR");
    let words = response.get("errorMessage").and_then(Value::as_str).unwrap_or("the model failed while it answered");
    failed.then(|| json!({"message": words, "code": 500}))
}
