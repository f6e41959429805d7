//! A request said in chat, for a provider of another format.

use serde_json::{Map, Value, json};

use super::{NATIVE, Request, Turn};
use crate::chat::{
    self, Annotation, CacheControl, Carried, ChatRequest, Content, Effort, Extra, Image, JsonSchemaFormat, Media,
    Message, Part, Reasoning, ResponseFormat, Role, Seal, Source, Stop, Thinking, ThinkingMode, ToolChoice, Warning,
    WebSearchOptions,
};
use crate::error::{Error, ErrorKind, Result};

impl Request {
    /// The same request in chat's terms, with warnings of what was left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`], naming what chat has no word for, such as a tool that Anthropic runs; with
    /// `drop_params` it is left out. [`ErrorKind::InvalidRequest`] for blocks that lack what they need.
    pub fn to_chat(&self) -> Result<(ChatRequest, Vec<Warning>)> {
        let (mut request, warnings) = self.settings_in_chat()?;
        let mut writer = Writer { drop: self.drop_params, warnings };
        let messages = &mut request.messages;
        if let Some(system) = self.system.as_ref().filter(|system| !system.is_null()) {
            messages.push(Message::new(Role::System, writer.said(system)?));
        }
        for turn in self.messages.iter().flatten() {
            writer.turn(turn, messages)?;
        }
        Ok((request, writer.warnings))
    }

    /// The same without the conversation, which no reply is read by.
    pub(crate) fn settings_in_chat(&self) -> Result<(ChatRequest, Vec<Warning>)> {
        let mut writer = Writer { drop: self.drop_params, warnings: Vec::new() };
        let mut request = ChatRequest::new(self.model.clone(), Vec::<Message>::new());
        let params = &mut request.params;
        writer.params(self, params)?;
        writer.tools(self, params)?;
        params.extra_body = self.extra_body.clone();
        params.drop_params = self.drop_params;
        Ok((request, writer.warnings))
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message.into())
}

fn no_content(other: &Value) -> Error {
    bad(format!("content is a text or a list of blocks, not {other}"))
}

fn text<'a>(block: &'a Value, name: &str) -> &'a str {
    block.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn marked(mut part: Part, block: &Value) -> Part {
    let marker = block.get("cache_control").filter(|marker| !marker.is_null());
    part.cache_control = marker.and_then(|marker| serde_json::from_value::<CacheControl>(marker.clone()).ok());
    part
}

impl Writer {
    fn turn(&mut self, turn: &Turn, messages: &mut Vec<Message>) -> Result<()> {
        let blocks = match &turn.content {
            Value::String(text) => vec![json!({"type": "text", "text": text})],
            Value::Array(blocks) => blocks.clone(),
            Value::Null => Vec::new(),
            other => return Err(no_content(other)),
        };
        let before = messages.len();
        match turn.role.as_str() {
            "assistant" => messages.push(assistant(&blocks)),
            "system" => messages.push(Message::new(Role::System, self.said(&turn.content)?)),
            "user" => self.user(&blocks, messages)?,
            other => return Err(bad(format!("`{other}` is not the role of a turn"))),
        }
        if let Some(last) = messages.get_mut(before..).and_then(<[Message]>::last_mut) {
            last.extra.extend(turn.extra.clone());
            if turn.begins_answer {
                last.begin_answer();
            }
        }
        Ok(())
    }

    /// What the user says. Each result of a tool is a message of its own here, before everything else that is said.
    fn user(&mut self, blocks: &[Value], messages: &mut Vec<Message>) -> Result<()> {
        let mut said = Vec::new();
        for block in blocks {
            if text(block, "type") != "tool_result" {
                said.extend(self.input(block)?);
                continue;
            }
            let parts = self.said(block.get("content").unwrap_or(&Value::Null))?;
            let mut result = chat::tool_result(text(block, "tool_use_id"), parts);
            result.is_error = block.get("is_error").and_then(Value::as_bool).unwrap_or(false);
            if let Some(marker) = block.get("cache_control").filter(|marker| !marker.is_null())
                && let Some(last) = result.parts.last_mut()
            {
                last.cache_control = serde_json::from_value(marker.clone()).ok();
            }
            messages.push(result);
        }
        if !said.is_empty() {
            messages.push(Message::new(Role::User, said));
        }
        Ok(())
    }

    /// A text, or blocks.
    fn said(&mut self, content: &Value) -> Result<Vec<Part>> {
        match content {
            Value::String(text) => Ok(vec![Part::text(text.as_str())]),
            Value::Array(blocks) => blocks.iter().filter_map(|block| self.input(block).transpose()).collect(),
            Value::Null => Ok(Vec::new()),
            other => Err(no_content(other)),
        }
    }

    /// A block that a user, a tool or the system says.
    fn input(&mut self, block: &Value) -> Result<Option<Part>> {
        let part = match text(block, "type") {
            "text" => Part::text(text(block, "text")),
            "image" => Part::new(Content::Image(Image { source: source(block)?, detail: None })),
            "document" => {
                let title = block.get("title").and_then(Value::as_str).map(str::to_owned);
                let source = source(block)?;
                let mut part = Part::new(Content::File(Media { source, name: title, format: None }));
                for member in ["context", "citations"] {
                    if let Some(value) = block.get(member).filter(|value| !value.is_null()) {
                        part.extra.insert(member, value.clone());
                    }
                }
                part
            }
            "" => return Err(bad(format!("a block needs a `type`: {block}"))),
            kind => return self.refuse(&format!("messages: a block of type {kind}")).map(|()| None),
        };
        Ok(Some(marked(part, block)))
    }
}

fn source(block: &Value) -> Result<Source> {
    let source = block.get("source").unwrap_or(&Value::Null);
    let media_type = || text(source, "media_type").to_owned();
    Ok(match text(source, "type") {
        "base64" => Source::Base64 { media_type: media_type(), data: text(source, "data").to_owned() },
        "text" => Source::from_bytes(text(source, "data"), "text/plain"),
        "url" => Source::Url(text(source, "url").to_owned()),
        "file" => Source::FileId(text(source, "file_id").to_owned()),
        other => return Err(bad(format!("a block of type `{}` has no source of type `{other}`", text(block, "type")))),
    })
}

/// What the model said, thought and called.
fn assistant(blocks: &[Value]) -> Message {
    let mut message = chat::assistant(Vec::<Part>::new());
    let mut length: u64 = 0;
    for block in blocks {
        let part = match text(block, "type") {
            "text" => {
                let words = text(block, "text");
                let start = length;
                length = length.saturating_add(u64::try_from(words.chars().count()).unwrap_or(u64::MAX));
                let citations = block.get("citations").and_then(Value::as_array);
                let citations = citations.into_iter().flatten();
                message.annotations.extend(citations.map(|citation| annotation(citation, start, length)));
                marked(Part::text(words), block)
            }
            "thinking" => {
                let part = Part::reasoning(text(block, "thinking"));
                match seal(text(block, "signature")) {
                    Some(Carried::Own(seal)) => part.sealed(seal),
                    _ => part,
                }
            }
            "redacted_thinking" => {
                let hidden = Part::new(Content::Reasoning(Reasoning { text: String::new(), redacted: true }));
                match seal(text(block, "data")) {
                    Some(Carried::Own(seal)) => hidden.sealed(seal),
                    Some(Carried::Block(part)) => part,
                    Some(Carried::Previous(seal)) => {
                        if let Some(part) = message.parts.last_mut() {
                            part.seal = Some(seal);
                        }
                        continue;
                    }
                    None => continue,
                }
            }
            "tool_use" => {
                let input = block.get("input").map_or_else(|| "{}".to_owned(), Value::to_string);
                let mut part = Part::tool_call(text(block, "id"), text(block, "name"), input);
                if let Some(caller) = block.get("caller").filter(|caller| !caller.is_null()) {
                    part.seal = Some(Seal::new(NATIVE, caller.to_string()));
                }
                marked(part, block)
            }
            _ => Part::native(NATIVE, block.clone()),
        };
        message.parts.push(part);
    }
    message
}

/// The seal in a signature: another provider's, carried, or Anthropic's own; `None` for an empty one.
fn seal(signature: &str) -> Option<Carried> {
    if signature.is_empty() {
        return None;
    }
    Some(Carried::read(signature).unwrap_or_else(|| Carried::Own(Seal::new(NATIVE, signature))))
}

fn annotation(citation: &Value, start: u64, end: u64) -> Annotation {
    let member = |name: &str| citation.get(name).and_then(Value::as_str).map(str::to_owned);
    let url = member("url");
    let kind = if url.is_some() { "url_citation".to_owned() } else { text(citation, "type").to_owned() };
    let title = member("title").or_else(|| member("document_title"));
    let extra = Extra::from_iter([("citation".to_owned(), citation.clone())]);
    Annotation { kind, start_index: Some(start), end_index: Some(end), url, title, extra }
}

/// What is left out, and whether it may be.
struct Writer {
    drop: bool,
    warnings: Vec<Warning>,
}

/// Members of a request that only Anthropic has.
const OWN: [&str; 5] = ["container", "context_management", "mcp_servers", "inference_geo", "speed"];

impl Writer {
    fn refuse(&mut self, what: &str) -> Result<()> {
        const WHOM: &str = "a provider that does not speak Anthropic's format";
        if !self.drop {
            return Err(Error::unsupported(what, WHOM));
        }
        self.warnings.push(Warning::new(what.to_owned(), format!("dropped: {WHOM} does not support it")));
        Ok(())
    }

    fn params(&mut self, request: &Request, params: &mut chat::Params) -> Result<()> {
        params.max_tokens = request.max_tokens;
        params.temperature = request.temperature;
        params.top_p = request.top_p;
        let stops = request.stop_sequences.as_ref().filter(|stops| !stops.is_empty());
        params.stop = stops.map(|stops| Stop::Many(stops.clone()));
        let user = request.metadata.as_ref().and_then(|metadata| metadata.get("user_id")?.as_str());
        params.user = user.map(str::to_owned);
        params.service_tier = request
            .service_tier
            .as_deref()
            .map(|tier| if tier == "standard_only" { "default" } else { tier }.to_owned());
        params.extra = request.extra.clone();
        // Whether it is streamed is said by how it is asked.
        params.extra.remove("stream");
        for name in OWN {
            if params.extra.remove(name).is_some_and(|value| !value.is_null()) {
                self.refuse(name)?;
            }
        }
        if let Some(top_k) = request.top_k {
            params.extra.insert("top_k", top_k);
        }
        let config = request.output_config.as_ref();
        params.reasoning_effort = config.and_then(|config| config.get("effort")?.as_str()).map(Effort::from);
        if let Some(thinking) = request.thinking.as_ref().filter(|thinking| !thinking.is_null()) {
            self.thinking(thinking, params)?;
        }
        let format = config.and_then(|config| config.get("format")).or_else(|| request.extra.get("output_format"));
        params.extra.remove("output_format");
        if let Some(schema) = format.and_then(|format| format.get("schema")) {
            params.response_format = Some(ResponseFormat::JsonSchema(JsonSchemaFormat {
                name: "reply".to_owned(),
                description: None,
                strict: Some(true),
                schema: schema.clone(),
                extra: Extra::new(),
            }));
        }
        Ok(())
    }

    /// A budget becomes the word for it, as chat's providers are told words; to think as it sees fit, or not at all, is
    /// what a model does that is told nothing.
    fn thinking(&mut self, thinking: &Value, params: &mut chat::Params) -> Result<()> {
        let thinking: Thinking = serde_json::from_value(thinking.clone())
            .map_err(|source| bad(format!("`thinking` is not what it should be: {source}")))?;
        if params.reasoning_effort.is_some() {
            return Ok(());
        }
        params.reasoning_effort = match (&thinking.mode, thinking.budget_tokens) {
            (ThinkingMode::Disabled | ThinkingMode::Adaptive, _) => None,
            (_, Some(0..2048)) => Some(Effort::Low),
            (_, Some(2048..8192) | None) => Some(Effort::Medium),
            _ => Some(Effort::High),
        };
        Ok(())
    }

    fn tools(&mut self, request: &Request, params: &mut chat::Params) -> Result<()> {
        let mut tools = Vec::new();
        for tool in request.tools.iter().flatten() {
            match text(tool, "type") {
                "" | "custom" if text(tool, "name").is_empty() => {
                    return Err(bad(format!("a tool needs a `name`: {tool}")));
                }
                "" | "custom" => tools.push(function(tool)),
                kind if kind.starts_with("web_search") => params.web_search_options = Some(search(tool)),
                kind => self.refuse(&format!("tools: {kind}"))?,
            }
        }
        let any = !tools.is_empty();
        params.tools = any.then_some(tools);
        let Some(choice) = request.tool_choice.as_ref().filter(|choice| any && !choice.is_null()) else {
            return Ok(());
        };
        params.tool_choice = match text(choice, "type") {
            "auto" => Some(ToolChoice::Auto),
            "any" => Some(ToolChoice::Required),
            "none" => Some(ToolChoice::None),
            "tool" => Some(ToolChoice::function(text(choice, "name"))),
            other => return Err(bad(format!("`tool_choice` has no type `{other}`"))),
        };
        if choice.get("disable_parallel_tool_use") == Some(&Value::Bool(true)) {
            params.parallel_tool_calls = Some(false);
        }
        Ok(())
    }
}

fn function(tool: &Value) -> chat::Tool {
    let mut fields = tool.as_object().cloned().unwrap_or_default();
    fields.retain(|_, value| !value.is_null());
    fields.shift_remove("type");
    let owned = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    chat::Tool::Function {
        name: owned(fields.shift_remove("name")).unwrap_or_default(),
        description: owned(fields.shift_remove("description")),
        parameters: fields.shift_remove("input_schema"),
        strict: fields.shift_remove("strict").and_then(|strict| strict.as_bool()),
        cache_control: fields.shift_remove("cache_control").and_then(|marker| serde_json::from_value(marker).ok()),
        // The rest is Anthropic's own: how a tool is offered, not what it is.
        extra: Extra::new(),
    }
}

/// A search of the web.
fn search(tool: &Value) -> WebSearchOptions {
    let place = tool.get("user_location").and_then(Value::as_object).map(|place| {
        let mut fields: Map<String, Value> = place.clone();
        fields.shift_remove("type");
        json!({"type": "approximate", "approximate": fields})
    });
    WebSearchOptions { user_location: place, ..WebSearchOptions::default() }
}
