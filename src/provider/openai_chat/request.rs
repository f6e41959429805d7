//! The request: one line for each parameter, then the row's quirks.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::chat::{
    ChatRequest, Content, ContentPart, Effort, Message, Params, Part, Role, ThinkingMode, Tool, Warning,
};
use crate::error::{Error, Result};
use crate::model::{ReasoningStyle, Traits, traits};
use crate::provider::{Encoded, ProviderSpec, Quirks, Reasoning, Target, TokenLimit, WebSearch, admit, post_json};
use crate::wire::json::Object;

pub(super) fn encode(spec: &ProviderSpec, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let known = traits(target.model);
    let params = admit(&request.params, &spec.name, |name| supports(spec, &known, name), &mut warnings)?;
    let body = body(spec, &known, request, &params, target.model, stream, &mut warnings)?;
    let path = spec.chat_path.as_deref().unwrap_or("/chat/completions");
    let request = post_json(&format!("{}{path}", target.base_url), body.to_bytes())?;
    Ok(Encoded { request, warnings })
}

/// Everything but what the row refuses; `thinking` and `reasoning_effort` where they can be said.
fn supports(spec: &ProviderSpec, known: &Traits, name: &str) -> bool {
    let quirks = &spec.quirks;
    match name {
        "reasoning_effort" if known.reasoning == Some(ReasoningStyle::None) => false,
        "thinking" => quirks.reasoning != Reasoning::Effort,
        "stream_options" => true,
        _ => !quirks.unsupported.iter().any(|refused| refused == name),
    }
}

fn body(
    spec: &ProviderSpec,
    known: &Traits,
    request: &ChatRequest,
    params: &Params,
    model: &str,
    stream: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Object> {
    let quirks = &spec.quirks;
    let mut body = Object::new();
    body.set("model", model)?;
    body.set("messages", &Messages { messages: &request.messages, spec })?;
    body.set_some("temperature", params.temperature.as_ref())?;
    body.set_some("top_p", params.top_p.as_ref())?;
    body.set_some("n", params.n.as_ref())?;
    body.set_some("stop", params.stop.as_ref())?;
    token_limit(&mut body, quirks, known, params)?;
    body.set_some("presence_penalty", params.presence_penalty.as_ref())?;
    body.set_some("frequency_penalty", params.frequency_penalty.as_ref())?;
    body.set_some("logit_bias", params.logit_bias.as_ref())?;
    body.set_some("seed", params.seed.as_ref())?;
    body.set_some("logprobs", params.logprobs.as_ref())?;
    body.set_some("top_logprobs", params.top_logprobs.as_ref())?;
    body.set_some("user", params.user.as_ref())?;
    body.set_some("response_format", params.response_format.as_ref())?;
    tools(&mut body, quirks, params)?;
    body.set_some("tool_choice", params.tool_choice.as_ref())?;
    body.set_some("parallel_tool_calls", params.parallel_tool_calls.as_ref())?;
    body.set_some("functions", params.functions.as_ref())?;
    body.set_some("function_call", params.function_call.as_ref())?;
    reasoning(&mut body, spec, known, params, warnings)?;
    body.set_some("modalities", params.modalities.as_ref())?;
    body.set_some("audio", params.audio.as_ref())?;
    body.set_some("prediction", params.prediction.as_ref())?;
    body.set_some("service_tier", params.service_tier.as_ref())?;
    body.set_some("store", params.store.as_ref())?;
    body.set_some("prompt_cache_key", params.prompt_cache_key.as_ref())?;
    body.set_some("prompt_cache_retention", params.prompt_cache_retention.as_ref())?;
    body.set_some("safety_identifier", params.safety_identifier.as_ref())?;
    body.set_some("verbosity", params.verbosity.as_ref())?;
    for (name, value) in params.extra.iter() {
        body.set(name.clone(), value)?;
    }
    if stream {
        body.set("stream", &true)?;
        if !quirks.no_stream_options {
            let options = params.stream_options.clone().unwrap_or_else(|| json!({"include_usage": true}));
            body.set("stream_options", &options)?;
        }
    }
    body.merge(&params.extra_body)?;
    Ok(body)
}

/// The limit of tokens, by the name that the provider and the model know it.
fn token_limit(body: &mut Object, quirks: &Quirks, known: &Traits, params: &Params) -> Result<()> {
    let new_name = match quirks.token_limit {
        TokenLimit::MaxTokens => Some(false),
        TokenLimit::MaxCompletionTokens => Some(true),
        TokenLimit::AsGiven => known.max_completion_tokens.filter(|new| *new),
    };
    let name = |new| if new { "max_completion_tokens" } else { "max_tokens" };
    match new_name {
        Some(new) => body.set_some(name(new), params.token_limit().as_ref())?,
        None => {
            body.set_some(name(false), params.max_tokens.as_ref())?;
            body.set_some(name(true), params.max_completion_tokens.as_ref())?
        }
    };
    Ok(())
}

fn tools(body: &mut Object, quirks: &Quirks, params: &Params) -> Result<()> {
    let search = params.web_search_options.as_ref();
    if quirks.web_search == WebSearch::Options {
        body.set_some("web_search_options", search)?;
    }
    let browser = Tool::Native(json!({"type": "browser_search"}));
    let own = search.and((quirks.web_search == WebSearch::BrowserSearch).then_some(&browser));
    let tools: Vec<&Tool> = params.tools.iter().flatten().chain(own).collect();
    if quirks.cache_control {
        body.set_some("tools", (!tools.is_empty()).then_some(&tools))?;
        return Ok(());
    }
    let bare: Vec<Tool> = tools.into_iter().cloned().map(unmarked).collect();
    body.set_some("tools", (!bare.is_empty()).then_some(&bare))?;
    Ok(())
}

fn unmarked(mut tool: Tool) -> Tool {
    if let Tool::Function { cache_control, .. } = &mut tool {
        *cache_control = None;
    }
    tool
}

/// How much to reason, in the provider's way.
fn reasoning(
    body: &mut Object,
    spec: &ProviderSpec,
    known: &Traits,
    params: &Params,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let effort = params.reasoning_effort.as_ref();
    match spec.quirks.reasoning {
        Reasoning::Effort => {
            let refused = effort.filter(|effort| {
                known.efforts.as_ref().is_some_and(|words| !words.iter().any(|word| word == effort.as_str()))
            });
            match refused {
                None => body.set_some("reasoning_effort", effort)?,
                Some(effort) if params.drop_params => {
                    let message = format!("dropped: the model does not take `{effort}`");
                    warnings.push(Warning::new("reasoning_effort", message));
                    body
                }
                Some(effort) => {
                    return Err(Error::unsupported(&format!("reasoning_effort: {effort}"), &spec.name));
                }
            };
        }
        Reasoning::Thinking => {
            let mode = match (&params.thinking, effort) {
                (Some(thinking), _) if thinking.mode == ThinkingMode::Disabled => "disabled",
                (Some(_), _) => "enabled",
                (None, Some(Effort::None)) => "disabled",
                (None, Some(_)) => "enabled",
                (None, None) => return Ok(()),
            };
            body.set("thinking", &json!({"type": mode}))?;
        }
    }
    Ok(())
}

// ---- messages ---------------------------------------------------------------------------------------------------

struct Messages<'a> {
    messages: &'a [Message],
    spec: &'a ProviderSpec,
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.messages.len()))?;
        for message in self.messages {
            seq.serialize_element(&WireMessage { message, spec: self.spec })?;
        }
        seq.end()
    }
}

/// One message as OpenAI has it: without what belongs to other providers.
struct WireMessage<'a> {
    message: &'a Message,
    spec: &'a ProviderSpec,
}

impl Serialize for WireMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { message, spec } = self;
        let quirks = &spec.quirks;
        let mut map = serializer.serialize_map(None)?;
        let role = match message.role {
            Role::Developer if !quirks.developer_role => Role::System,
            role => role,
        };
        map.serialize_entry("role", &role)?;
        let content = WireContent { message, quirks };
        if content.is_present() {
            map.serialize_entry("content", &content)?;
        } else if message.role != Role::Assistant || message.tool_calls().next().is_none() {
            map.serialize_entry("content", "")?;
        } else {
            map.serialize_entry("content", &None::<()>)?;
        }
        if let Some(name) = &message.name {
            map.serialize_entry("name", name)?;
        }
        if let Some(id) = &message.tool_call_id {
            map.serialize_entry("tool_call_id", id)?;
        }
        if let Some(refusal) = message.refusal() {
            map.serialize_entry("refusal", &refusal)?;
        }
        if let Some(field) = &quirks.reasoning_history {
            let reasoning = message.reasoning();
            if !reasoning.is_empty() {
                map.serialize_entry(field.as_ref(), &reasoning)?;
            }
        }
        let calls: Vec<Value> = message
            .tool_calls()
            .map(|call| {
                let function = json!({"name": call.name, "arguments": arguments(&call.arguments)});
                json!({"id": call.id, "type": "function", "function": function})
            })
            .collect();
        if !calls.is_empty() {
            map.serialize_entry("tool_calls", &calls)?;
        }
        for part in &message.parts {
            match &part.content {
                Content::Audio(audio) if message.role == Role::Assistant => {
                    map.serialize_entry("audio", &json!({"id": audio.id}))?;
                }
                Content::Native(native) if native.provider == spec.name => {
                    for (name, value) in native.value.as_object().into_iter().flatten() {
                        map.serialize_entry(name, value)?;
                    }
                }
                _ => {}
            }
        }
        for (name, value) in message.extra.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A call without arguments has none to write, yet the text must be JSON.
fn arguments(text: &str) -> &str {
    if text.trim().is_empty() { "{}" } else { text }
}

struct WireContent<'a> {
    message: &'a Message,
    quirks: &'a Quirks,
}

impl WireContent<'_> {
    fn parts(&self) -> impl Iterator<Item = &Part> + Clone {
        let assistant = self.message.role == Role::Assistant;
        self.message.parts.iter().filter(move |part| match &part.content {
            Content::Text(_) | Content::File(_) | Content::Video(_) | Content::Image(_) => true,
            Content::Audio(_) => !assistant,
            Content::Native(native) => native.provider.is_empty(),
            _ => false,
        })
    }

    fn is_present(&self) -> bool {
        self.parts().next().is_some()
    }

    /// Whether the content is nothing but text that can be one string.
    fn is_text(&self) -> bool {
        let marked =
            |part: &Part| (part.cache_control.is_some() && self.quirks.cache_control) || !part.extra.is_empty();
        let mut parts = self.parts();
        let only = parts.clone().count() == 1 && !self.message.listed();
        parts.all(|part| matches!(part.content, Content::Text(_)) && (self.quirks.text_content || !marked(part)))
            && (only || self.quirks.text_content || self.message.role == Role::Assistant && !self.message.listed())
    }
}

impl Serialize for WireContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_text() {
            let mut texts = self.parts().filter_map(Part::as_text);
            return match (texts.next(), texts.next()) {
                (Some(text), None) => serializer.serialize_str(text),
                _ => serializer.serialize_str(&self.parts().filter_map(Part::as_text).collect::<Vec<_>>().join("")),
            };
        }
        let mut seq = serializer.serialize_seq(None)?;
        for part in self.parts() {
            match &part.content {
                Content::Native(native) => seq.serialize_element(&native.value)?,
                _ if part.cache_control.is_some() && !self.quirks.cache_control => {
                    seq.serialize_element(&ContentPart { part, marked: false })?;
                }
                _ => seq.serialize_element(&ContentPart { part, marked: true })?,
            }
        }
        seq.end()
    }
}
