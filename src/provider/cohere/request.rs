//! The request: one line for each parameter, then the conversation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{PLAN, WIRE};
use crate::chat::{
    ChatRequest, Content, ContentPart, Effort, Media, Message, Params, Part, ResponseFormat, Role, Source,
    ThinkingMode, Tool, ToolChoice, Warning, no_arguments,
};
use crate::error::Result;
use crate::model::{ReasoningStyle, Traits, traits};
use crate::provider::params::{Limits, allowed, leave_out_cache_markers};
use crate::provider::{Encoded, ProviderSpec, Target, admit, post_json};
use crate::wire::json::Object;

pub(super) fn encode(spec: &ProviderSpec, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let known = traits(target.model);
    let supported = |name: &str| supports(&known, &request.params, name);
    let params = admit(&request.params, &spec.name, supported, &mut warnings)?;
    leave_out_cache_markers(request, &spec.name, &mut warnings);
    let mut limits = Limits { provider: &spec.name, drop: params.drop_params, warnings: &mut warnings };
    let mut documents = documents_given(&params);
    let messages = messages(&request.messages, &mut documents, &mut limits)?;
    let mut body = Object::new();
    body.set("model", target.model)?;
    body.set("messages", &messages)?;
    tools(&mut body, &params, &mut limits)?;
    body.set_some("documents", (!documents.is_empty()).then_some(&documents))?;
    body.set_some("response_format", response_format(&params).as_ref())?;
    body.set_some("temperature", params.temperature.as_ref())?;
    body.set_some("p", params.top_p.as_ref())?;
    body.set_some("max_tokens", params.token_limit().as_ref())?;
    body.set_some("stop_sequences", params.stop.as_ref().map(|stop| stop.as_slice()))?;
    body.set_some("seed", params.seed.as_ref())?;
    body.set_some("frequency_penalty", params.frequency_penalty.as_ref())?;
    body.set_some("presence_penalty", params.presence_penalty.as_ref())?;
    body.set_some("logprobs", params.logprobs.as_ref())?;
    body.set_some("thinking", thinking(&params, &mut limits)?.as_ref())?;
    if stream {
        body.set("stream", &true)?;
    }
    for (name, value) in params.extra.iter().filter(|(name, _)| *name != "documents") {
        body.set(name.clone(), value)?;
    }
    body.rename("top_k", "k");
    allowed(&mut body, &params, supported)?;
    body.merge(&params.extra_body)?;
    let request = post_json(&url(spec, target.base_url), body.to_bytes())?;
    Ok(Encoded { request, warnings })
}

/// Where `/v2/chat` is; an address may have it, or the version, at its end already.
fn url(spec: &ProviderSpec, base: &str) -> String {
    format!("{}{}", root(base), spec.chat_path.as_deref().unwrap_or("/v2/chat"))
}

/// The address without the version or the path of chat, which it may end by.
pub(super) fn root(base: &str) -> &str {
    ["/v2/chat", "/v2", "/v1"].iter().find_map(|tail| base.strip_suffix(tail)).unwrap_or(base)
}

/// What can be said, or is so without saying it: tools may be called together, and a stream tells its usage.
fn supports(known: &Traits, params: &Params, name: &str) -> bool {
    match name {
        "temperature"
        | "top_p"
        | "stop"
        | "max_tokens"
        | "max_completion_tokens"
        | "presence_penalty"
        | "frequency_penalty"
        | "seed"
        | "logprobs"
        | "tools"
        | "stream_options" => true,
        "tool_choice" => !matches!(params.tool_choice, Some(ToolChoice::Native(_))),
        "parallel_tool_calls" => params.parallel_tool_calls == Some(true),
        "response_format" => !matches!(params.response_format, Some(ResponseFormat::Native(_))),
        "reasoning_effort" | "thinking" => known.reasoning != Some(ReasoningStyle::None),
        _ => false,
    }
}

/// The tools, and the choice among them. There is none by name: the tool is offered alone, and one must be called.
fn tools(body: &mut Object, params: &Params, limits: &mut Limits<'_>) -> Result<()> {
    let chosen = match &params.tool_choice {
        Some(ToolChoice::Function(name)) => Some(name.as_str()),
        _ => None,
    };
    let (mut sent, mut strict, mut loose) = (Vec::new(), false, false);
    for tool in params.tools.iter().flatten() {
        match tool {
            Tool::Function { name, .. } if chosen.is_some_and(|chosen| chosen != name) => {
                let message = format!("`{name}` left out, since another must be called, and Cohere has no other way");
                limits.warnings.push(Warning::new("tool_choice", message));
            }
            Tool::Function { name, description, parameters, strict: held, .. } => {
                let parameters = parameters.clone().unwrap_or_else(no_arguments);
                let mut function = json!({"name": name, "parameters": parameters});
                if let (Some(fields), Some(text)) = (function.as_object_mut(), description) {
                    fields.insert("description".to_owned(), text.as_str().into());
                }
                strict |= *held == Some(true);
                loose |= *held != Some(true);
                sent.push(json!({"type": "function", "function": function}));
            }
            Tool::Native(_) => limits.refuse("tools", "only function tools are run")?,
        }
    }
    body.set_some("tools", (!sent.is_empty()).then_some(&sent))?;
    if strict {
        body.set("strict_tools", &true)?;
    }
    if strict && loose {
        limits.warnings.push(Warning::new("tools", "`strict` holds for all tools or none: sent for all"));
    }
    let choice = match &params.tool_choice {
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Required | ToolChoice::Function(_)) => Some("REQUIRED"),
        _ => None,
    };
    body.set_some("tool_choice", choice)?;
    Ok(())
}

fn response_format(params: &Params) -> Option<Value> {
    match params.response_format.as_ref()? {
        ResponseFormat::Text => Some(json!({"type": "text"})),
        ResponseFormat::JsonSchema(format) if format.schema.is_object() => {
            Some(json!({"type": "json_object", "json_schema": format.schema}))
        }
        ResponseFormat::JsonObject | ResponseFormat::JsonSchema(_) => Some(json!({"type": "json_object"})),
        ResponseFormat::Native(_) => None,
    }
}

/// Reasoning is on or off, with at most so many tokens (<https://docs.cohere.com/docs/reasoning>). From `high` on there
/// is no bound.
fn thinking(params: &Params, limits: &mut Limits<'_>) -> Result<Option<Value>> {
    let (on, budget) = match (&params.thinking, params.reasoning_effort.as_ref().map(Effort::plain).as_deref()) {
        (Some(thinking), _) => (thinking.mode != ThinkingMode::Disabled, thinking.budget_tokens),
        (None, None) => return Ok(None),
        (None, Some(Effort::None)) => (false, None),
        (None, Some(Effort::High | Effort::XHigh | Effort::Max)) => (true, None),
        (None, Some(effort)) => {
            let Some(budget) = effort.budget() else {
                limits.refuse("reasoning_effort", &format!("`{effort}` is not known"))?;
                return Ok(None);
            };
            (true, Some(budget))
        }
    };
    Ok(Some(match budget.filter(|_| on) {
        Some(budget) => json!({"type": "enabled", "token_budget": budget}),
        None => json!({"type": if on { "enabled" } else { "disabled" }}),
    }))
}

// ---- messages ---------------------------------------------------------------------------------------------------

/// The documents that the caller gave beside the messages.
fn documents_given(params: &Params) -> Vec<Value> {
    params.extra.get("documents").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn messages(messages: &[Message], documents: &mut Vec<Value>, limits: &mut Limits<'_>) -> Result<Vec<Object>> {
    messages.iter().map(|message| wire_message(message, documents, limits)).collect()
}

fn wire_message(message: &Message, documents: &mut Vec<Value>, limits: &mut Limits<'_>) -> Result<Object> {
    let mut wire = Object::new();
    let role = match message.role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool | Role::Function => "tool",
    };
    wire.set("role", role)?;
    let mut said = Said::default();
    for part in &message.parts {
        said.add(part, role, documents, limits)?;
    }
    wire.set_some("tool_call_id", message.tool_call_id.as_ref().filter(|_| role == "tool"))?;
    let calls = !said.calls.is_empty();
    if said.content.is_empty() && !calls {
        wire.set("content", "")?;
    } else if !said.content.is_empty() {
        match said.content.as_slice() {
            [only] if !message.listed() && said.only_text => wire.set("content", only.get("text").unwrap_or(only))?,
            list => wire.set("content", list)?,
        };
    }
    wire.set_some("tool_plan", Some(&said.plan).filter(|plan| !plan.is_empty()))?;
    wire.set_some("tool_calls", calls.then_some(&said.calls))?;
    if role != "tool" && message.name.is_some() {
        limits.warnings.push(Warning::new("name", format!("left out: {}'s messages have no name", limits.provider)));
    }
    for (name, value) in message.extra.iter().filter(|(name, _)| *name != "cache_control") {
        wire.set(name.clone(), value)?;
    }
    Ok(wire)
}

/// What a message says, in the members that Cohere has for it.
struct Said {
    content: Vec<Value>,
    only_text: bool,
    plan: String,
    calls: Vec<Value>,
}

impl Default for Said {
    fn default() -> Self {
        Self { content: Vec::new(), only_text: true, plan: String::new(), calls: Vec::new() }
    }
}

impl Said {
    fn add(&mut self, part: &Part, role: &str, documents: &mut Vec<Value>, limits: &mut Limits<'_>) -> Result<()> {
        match &part.content {
            Content::Text(text) | Content::Refusal(text) => self.content.push(json!({"type": "text", "text": text})),
            Content::Reasoning(reasoning) if part.seal_of(WIRE) == Some(PLAN) => self.plan.push_str(&reasoning.text),
            Content::Reasoning(reasoning) if part.seal.is_none() && role == "assistant" => {
                self.block(json!({"type": "thinking", "thinking": reasoning.text}));
            }
            Content::Reasoning(_) => {}
            Content::Image(image) if role == "user" && image.source.to_url().is_some() => {
                let image = serde_json::to_value(ContentPart { part, marked: false }).unwrap_or_default();
                self.block(image);
            }
            Content::ToolCall(call) => {
                let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
                let function = json!({"name": call.name, "arguments": arguments});
                self.calls.push(json!({"id": call.id, "type": "function", "function": function}));
            }
            Content::Native(native) if native.provider.is_empty() => self.block(native.value.clone()),
            Content::Native(_) => {}
            Content::File(file) => match document(file) {
                Some(document) => documents.push(document),
                None => limits.refuse("file", "only documents of text are taken (extract the text first)")?,
            },
            Content::Image(_) => {
                limits.refuse("image_url", "pictures are taken only of the user, by address or bytes")?
            }
            Content::Audio(_) => limits.refuse("input_audio", "sound is not taken")?,
            Content::Video(_) => limits.refuse("video_url", "video is not taken")?,
        }
        Ok(())
    }

    fn block(&mut self, block: Value) {
        self.only_text = false;
        self.content.push(block);
    }
}

/// A file of text as one of the documents that the model can cite.
fn document(file: &Media) -> Option<Value> {
    let Source::Base64 { media_type, data } = &file.source else { return None };
    let kind = file.format.as_deref().unwrap_or(media_type);
    if !kind.starts_with("text/") && kind != "application/json" {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(data).ok()?).ok()?;
    Some(match &file.name {
        Some(name) => json!({"data": {"title": name, "text": text}}),
        None => json!({"data": {"text": text}}),
    })
}
