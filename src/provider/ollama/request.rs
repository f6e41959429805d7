//! The request: what Ollama names at the top, and the model's options beneath `options`.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::chat::{
    ChatRequest, Content, Effort, Extra, Message, Params, Part, ResponseFormat, Role, Source, ThinkingMode, Tool,
    ToolCall, ToolChoice, Warning, no_arguments,
};
use crate::error::Result;
use crate::model::{ReasoningStyle, traits};
use crate::provider::arguments::arguments;
use crate::provider::params::{Limits, allowed, leave_out_cache_markers};
use crate::provider::{Encoded, ProviderSpec, Target, admit, post_json};
use crate::wire::json::Object;

/// Parameters of Ollama's own that stand beside `options`; any other that has no name in OpenAI's format is an option.
const BESIDE_OPTIONS: [&str; 5] = ["format", "keep_alive", "shift", "think", "truncate"];

pub(super) fn encode(spec: &ProviderSpec, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let params = admit(&request.params, &spec.name, |name| supports(&request.params, name), &mut warnings)?;
    leave_out_cache_markers(request, &spec.name, &mut warnings);
    let mut content = Limits { provider: &spec.name, drop: params.drop_params, warnings: &mut warnings };
    let messages = messages(&request.messages, &mut content)?;
    let tools = tools(&params, &mut content)?;
    let mut body = Object::new();
    body.set("model", target.model)?;
    body.set("messages", &messages)?;
    body.set_some("tools", (!tools.is_empty()).then_some(&tools))?;
    body.set_some("format", format(&params).as_deref())?;
    let options = options(&params)?;
    body.set_some("options", (!options.is_empty()).then_some(&options))?;
    body.set_some("think", think(&params, target.model, &mut warnings).as_ref())?;
    body.set_some("logprobs", params.logprobs.as_ref())?;
    body.set_some("top_logprobs", params.top_logprobs.as_ref())?;
    body.set("stream", &stream)?;
    for (name, value) in params.extra.iter().filter(|(name, _)| BESIDE_OPTIONS.contains(&name.as_str())) {
        body.set(name.clone(), value)?;
    }
    allowed(&mut body, &params, |name| supports(&params, name))?;
    body.merge(&params.extra_body)?;
    let request = post_json(&url(spec, target.base_url), body.to_bytes())?;
    Ok(Encoded { request, warnings })
}

/// Where `/api/chat` is. The address is written in many ways: as the servers' own `OLLAMA_HOST`, which may lack scheme
/// and port (11434 then), with `/api`, or with the `/v1` that OpenAI's clients need.
fn url(spec: &ProviderSpec, base: &str) -> String {
    let path = spec.chat_path.as_deref().unwrap_or("/api/chat");
    let base = base.trim_end_matches('/');
    let base = ["/api/chat", "/api", "/v1"].iter().find_map(|tail| base.strip_suffix(tail)).unwrap_or(base);
    if base.contains("://") {
        return format!("{base}{path}");
    }
    let port = base.rsplit_once(':').map_or("", |(_, port)| port);
    let given = !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    format!("http://{base}{}{path}", if given { "" } else { ":11434" })
}

/// What can be said, or is so without saying it: tools are chosen freely and may be called together.
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
        | "logprobs"
        | "top_logprobs"
        | "tools"
        | "reasoning_effort"
        | "thinking"
        | "stream_options" => true,
        "tool_choice" => matches!(params.tool_choice, Some(ToolChoice::Auto | ToolChoice::None)),
        "parallel_tool_calls" => params.parallel_tool_calls == Some(true),
        "response_format" => !matches!(params.response_format, Some(ResponseFormat::Native(_))),
        _ => false,
    }
}

/// The model's options. `stop` is always a list: the server takes nothing else, whatever its description says.
fn options(params: &Params) -> Result<Object> {
    let mut options = Object::new();
    options.set_some("temperature", params.temperature.as_ref())?;
    options.set_some("top_p", params.top_p.as_ref())?;
    options.set_some("seed", params.seed.as_ref())?;
    options.set_some("num_predict", params.token_limit().as_ref())?;
    options.set_some("stop", params.stop.as_ref().map(|stop| stop.as_slice()))?;
    options.set_some("presence_penalty", params.presence_penalty.as_ref())?;
    options.set_some("frequency_penalty", params.frequency_penalty.as_ref())?;
    let own = params.extra.iter().filter(|(name, _)| !BESIDE_OPTIONS.contains(&name.as_str()));
    for (name, value) in own {
        match value {
            Value::Object(given) if name == "options" => options.merge(given)?,
            _ => {
                options.set(name.clone(), value)?;
            }
        }
    }
    Ok(options)
}

/// `"json"`, or the schema.
fn format(params: &Params) -> Option<Cow<'_, Value>> {
    match params.response_format.as_ref()? {
        ResponseFormat::JsonSchema(format) if format.schema.is_object() => Some(Cow::Borrowed(&format.schema)),
        ResponseFormat::JsonObject | ResponseFormat::JsonSchema(_) => Some(Cow::Owned("json".into())),
        _ => None,
    }
}

/// Whether to reason: yes or no for most models, a level for those that know levels, which are `low`, `medium` and
/// `high` (<https://docs.ollama.com/capabilities/thinking>). A budget cannot be said.
fn think(params: &Params, model: &str, warnings: &mut Vec<Warning>) -> Option<Value> {
    let by_level = traits(model).reasoning == Some(ReasoningStyle::Effort);
    let effort = params.reasoning_effort.as_ref().map(Effort::plain);
    let (level, exact) = match effort.as_deref() {
        None => {
            let thinking = params.thinking.as_ref()?;
            if thinking.budget_tokens.is_some() {
                warnings.push(Warning::new("thinking", "the budget was left out: Ollama reasons or does not"));
            }
            return Some((thinking.mode != ThinkingMode::Disabled).into());
        }
        Some(Effort::None) => return Some(false.into()),
        Some(Effort::Other(word)) => return Some(word.as_str().into()),
        Some(Effort::Minimal) if !by_level => return Some(false.into()),
        Some(_) if !by_level => return Some(true.into()),
        Some(Effort::Minimal) => ("low", false),
        Some(Effort::Low) => ("low", true),
        Some(Effort::High) => ("high", true),
        Some(Effort::XHigh | Effort::Max) => ("high", false),
        Some(_) => ("medium", true),
    };
    if !exact {
        warnings
            .push(Warning::new("reasoning_effort", format!("sent as `{level}`, the nearest level that the model has")));
    }
    Some(level.into())
}

/// The function tools; none where none may be called. Ollama wants arguments described even where there are none.
fn tools(params: &Params, limits: &mut Limits<'_>) -> Result<Vec<Tool>> {
    let mut sent = Vec::new();
    if params.tool_choice == Some(ToolChoice::None) {
        return Ok(sent);
    }
    for tool in params.tools.iter().flatten() {
        let mut tool = tool.clone();
        match &mut tool {
            Tool::Function { parameters, cache_control, .. } => {
                parameters.get_or_insert_with(no_arguments);
                *cache_control = None;
                sent.push(tool);
            }
            Tool::Native(_) => limits.refuse("tools", "only function tools are run")?,
        }
    }
    Ok(sent)
}

// ---- messages ---------------------------------------------------------------------------------------------------

#[derive(Default, Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    content: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: Cow<'a, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(flatten)]
    extra: Cow<'a, Extra>,
}

#[derive(Serialize)]
struct WireToolCall<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    arguments: Cow<'a, RawValue>,
}

fn messages<'a>(messages: &'a [Message], limits: &mut Limits<'_>) -> Result<Vec<WireMessage<'a>>> {
    let mut sent = Vec::with_capacity(messages.len());
    for (place, message) in messages.iter().enumerate() {
        let earlier = messages.get(..place).unwrap_or_default();
        sent.push(wire_message(message, earlier, limits)?);
    }
    Ok(sent)
}

fn wire_message<'a>(message: &'a Message, earlier: &'a [Message], limits: &mut Limits<'_>) -> Result<WireMessage<'a>> {
    let mut wire = WireMessage { extra: Cow::Borrowed(&message.extra), ..WireMessage::default() };
    wire.role = match message.role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool | Role::Function => "tool",
    };
    for part in &message.parts {
        add(&mut wire, part, limits)?;
    }
    let is_result = wire.role == "tool";
    if is_result {
        wire.tool_call_id = message.tool_call_id.as_deref();
        let called = wire.tool_call_id.and_then(|id| called_name(earlier, id));
        wire.tool_name = called.or(message.name.as_deref());
    } else if message.name.is_some() {
        limits.warnings.push(Warning::new("name", format!("left out: {}'s messages have no name", limits.provider)));
    }
    Ok(wire)
}

fn add<'a>(wire: &mut WireMessage<'a>, part: &'a Part, limits: &mut Limits<'_>) -> Result<()> {
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => append(&mut wire.content, text),
        Content::Reasoning(reasoning) if part.seal.is_none() => append(&mut wire.thinking, &reasoning.text),
        Content::Image(image) => match &image.source {
            Source::Base64 { data, .. } => wire.images.push(data),
            _ => limits.refuse(
                "image_url",
                "pictures are taken only as bytes (fetch it, and send it by `Part::image` or as a `data:` URL)",
            )?,
        },
        Content::ToolCall(call) => wire.tool_calls.push(tool_call(call)?),
        Content::File(_) => limits.refuse("file", "documents are not taken")?,
        Content::Audio(_) => limits.refuse("input_audio", "sound is not taken")?,
        Content::Video(_) => limits.refuse("video_url", "videos are not taken")?,
        Content::Native(native) if native.provider.is_empty() => {
            limits.refuse("content", "a part of a kind that is not known is not taken")?;
        }
        // Sealed reasoning and blocks of other providers stay out, as they do everywhere.
        Content::Reasoning(_) | Content::Native(_) => {}
    }
    Ok(())
}

/// Borrows the first text and joins only where there are more.
fn append<'a>(joined: &mut Cow<'a, str>, more: &'a str) {
    if joined.is_empty() { *joined = Cow::Borrowed(more) } else { joined.to_mut().push_str(more) }
}

/// A call of an earlier turn, its arguments byte for byte as the model wrote them.
fn tool_call(call: &ToolCall) -> Result<WireToolCall<'_>> {
    Ok(WireToolCall { id: &call.id, function: WireFunction { name: &call.name, arguments: arguments(call)? } })
}

/// The tool of the last call with this id.
fn called_name<'a>(earlier: &'a [Message], id: &str) -> Option<&'a str> {
    let calls = earlier.iter().rev().find_map(|message| message.tool_calls().find(|call| call.id == id));
    calls.map(|call| call.name.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Thinking, assistant, tool_result, user};
    use crate::error::ErrorKind;

    fn sent(model: &str, request: &ChatRequest) -> Result<(Value, Vec<Warning>)> {
        let spec = ProviderSpec::default();
        let encoded = encode(&spec, request, &Target::new(model, "http://h"), false)?;
        Ok((serde_json::from_slice(encoded.request.body()).unwrap(), encoded.warnings))
    }

    fn request(params: Value) -> ChatRequest {
        let mut request = ChatRequest::new("m", "Hi");
        request.params = serde_json::from_value(params).unwrap();
        request
    }

    #[test]
    fn an_address_is_understood_however_it_is_written() {
        for (base, url_of) in [
            ("http://localhost:11434", "http://localhost:11434/api/chat"),
            ("http://localhost:11434/", "http://localhost:11434/api/chat"),
            ("http://h/api", "http://h/api/chat"),
            ("http://h/v1/", "http://h/api/chat"),
            ("https://ollama.com/api/chat", "https://ollama.com/api/chat"),
            ("0.0.0.0", "http://0.0.0.0:11434/api/chat"),
            ("host:80", "http://host:80/api/chat"),
            ("[::1]", "http://[::1]:11434/api/chat"),
        ] {
            assert_eq!(url(&ProviderSpec::default(), base), url_of);
        }
    }

    #[test]
    fn effort_becomes_yes_or_no_or_a_level_where_the_model_has_levels() {
        let think = |model: &str, effort: &str| {
            let (body, warnings) = sent(model, &request(json!({"reasoning_effort": effort}))).unwrap();
            (body["think"].clone(), warnings.len())
        };
        for (effort, plain, level, warned) in [
            ("none", json!(false), json!(false), 0),
            ("minimal", json!(false), json!("low"), 1),
            ("low", json!(true), json!("low"), 0),
            ("medium", json!(true), json!("medium"), 0),
            ("high", json!(true), json!("high"), 0),
            ("xhigh", json!(true), json!("high"), 1),
            ("max", json!(true), json!("high"), 1),
            ("deep", json!("deep"), json!("deep"), 0),
        ] {
            assert_eq!(think("qwen3:8b", effort), (plain, 0), "{effort}");
            assert_eq!(think("gpt-oss:20b", effort), (level, warned), "{effort}");
        }
    }

    #[test]
    fn a_thinking_budget_turns_reasoning_on_with_a_warning() {
        let mut request = request(json!({}));
        request.params.thinking = Some(Thinking::enabled(2000));
        let (body, warnings) = sent("qwen3", &request).unwrap();
        assert_eq!((&body["think"], warnings.len()), (&json!(true), 1));
        request.params.thinking = Some(Thinking::disabled());
        assert_eq!(sent("qwen3", &request).unwrap().0["think"], json!(false));
    }

    #[test]
    fn what_has_no_name_in_openais_format_is_an_option_unless_ollama_names_it_itself() {
        let (body, _) = sent(
            "m",
            &request(json!({"top_k": 5, "num_ctx": 99, "keep_alive": "5m", "think": "max", "options": {"top_k": 6, "min_p": 0.1}})),
        )
        .unwrap();
        assert_eq!(body["options"], json!({"top_k": 6, "num_ctx": 99, "min_p": 0.1}));
        assert_eq!((&body["keep_alive"], &body["think"]), (&json!("5m"), &json!("max")));
    }

    #[test]
    fn a_tool_must_not_be_forced_but_may_be_forbidden() {
        let tools = json!([{"type": "function", "function": {"name": "ping"}}]);
        let with = |choice: Value| sent("m", &request(json!({"tools": tools, "tool_choice": choice})));
        assert_eq!(with(json!("required")).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(with(json!("none")).unwrap().0.get("tools"), None);
        let (body, _) = with(json!("auto")).unwrap();
        assert_eq!(body["tools"][0]["function"]["parameters"], json!({"type": "object", "properties": {}}));
        assert_eq!(body.get("tool_choice"), None);
    }

    #[test]
    fn what_the_caller_allowed_goes_out_by_its_own_name() {
        let mut request = request(json!({"user": "u", "n": 1}));
        request.params.allowed_openai_params = vec!["user".to_owned()];
        let (body, _) = sent("m", &request).unwrap();
        assert_eq!((&body["user"], body.get("n")), (&json!("u"), None));
    }

    #[test]
    fn content_that_has_no_place_is_an_error_or_with_drop_params_a_warning() {
        for part in [
            Part::image_url("https://example.com/a.png"),
            Part::file(b"%PDF", "application/pdf", "a.pdf"),
            Part::audio(b"x", "wav"),
            Part::video_url("https://example.com/a.mp4"),
        ] {
            let mut request = ChatRequest::new("m", user([Part::text("See."), part]));
            assert_eq!(sent("m", &request).unwrap_err().kind(), ErrorKind::Unsupported);
            request.params.drop_params = true;
            let (body, warnings) = sent("m", &request).unwrap();
            assert_eq!(body["messages"], json!([{"role": "user", "content": "See."}]));
            assert_eq!(warnings.len(), 1);
        }
    }

    #[test]
    fn a_result_names_the_tool_of_the_nearest_call_with_its_id() {
        let call = |name| assistant(Part::tool_call("c", name, ""));
        let messages = [call("first"), tool_result("c", "1"), call("second"), tool_result("c", "2")];
        let (body, _) = sent("m", &ChatRequest::new("m", messages)).unwrap();
        assert_eq!(body["messages"][1]["tool_name"], "first");
        assert_eq!(
            body["messages"][3],
            json!({"role": "tool", "content": "2", "tool_name": "second", "tool_call_id": "c"})
        );
    }
}
