//! A request said in chat, for a provider that has no Responses API.

use serde_json::{Map, Value, json};

use super::{Item, NATIVE, Request, flat};
use crate::chat::{
    self, Carried, ChatRequest, Content, Effort, Image, JsonSchemaFormat, Media, Message, Part, Reasoning,
    ResponseFormat, Role, Seal, Source, ToolChoice, Warning, WebSearchOptions, read_annotation, read_part,
};
use crate::error::{Error, ErrorKind, Result};

impl Request {
    /// The same request in chat's terms, with warnings of what was left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`], naming what chat has no word for: replies that the provider keeps, work in the
    /// background, tools that only the Responses API runs. With `drop_params` such parameters are left out, but never
    /// what the conversation depends on.
    pub fn to_chat(&self) -> Result<(ChatRequest, Vec<Warning>)> {
        let (mut request, warnings) = self.settings_in_chat()?;
        request.messages = self.messages()?;
        Ok((request, warnings))
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

    /// The conversation.
    fn messages(&self) -> Result<Vec<Message>> {
        let kept = [
            ("previous_response_id", self.previous_response_id.is_some()),
            ("conversation", self.conversation.is_some()),
            ("prompt", self.prompt.is_some()),
        ];
        if let Some((name, _)) = kept.iter().find(|(_, is)| *is) {
            let text = format!(
                "`{name}` stands for something that the provider keeps, and this provider keeps nothing; send the whole \
                 conversation as `input`: the items so far, the reply's `output`, and the new ones"
            );
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let mut conversation = Conversation::default();
        if let Some(text) = self.instructions.as_ref().filter(|text| !text.is_empty()) {
            conversation.messages.push(chat::system(text.as_str()));
        }
        for item in self.input.clone().unwrap_or_default().into_items() {
            conversation.item(item)?;
        }
        conversation.close();
        Ok(conversation.messages)
    }
}

/// Items being read into messages. What the model said, thought and called between two others' words is one message.
#[derive(Default)]
struct Conversation {
    messages: Vec<Message>,
    assistant: Option<Message>,
}

impl Conversation {
    fn close(&mut self) {
        self.messages.extend(self.assistant.take());
    }

    fn assistant(&mut self) -> &mut Message {
        self.assistant.get_or_insert_with(|| chat::assistant(Vec::<Part>::new()))
    }

    fn item(&mut self, item: Item) -> Result<()> {
        let text = |name: &str| item.str(name).unwrap_or_default().to_owned();
        match item.kind() {
            "message" => self.message(&item),
            "function_call" => {
                let mut part = Part::tool_call(text("call_id"), text("name"), text("arguments"));
                if let Some(namespace) = item.0.get("namespace").filter(|namespace| !namespace.is_null()) {
                    part.seal = Some(Seal::new(NATIVE, json!({"namespace": namespace}).to_string()));
                }
                self.assistant().parts.push(part);
                Ok(())
            }
            "custom_tool_call" => {
                let mut part = Part::tool_call(text("call_id"), text("name"), text("input"));
                part.extra.insert("custom", Map::new());
                self.assistant().parts.push(part);
                Ok(())
            }
            "function_call_output" | "custom_tool_call_output" => {
                self.close();
                let parts = pieces(item.0.get("output"))?;
                self.messages.push(chat::tool_result(text("call_id"), parts));
                Ok(())
            }
            "reasoning" => {
                self.reasoning(item);
                Ok(())
            }
            "item_reference" => Err(Error::new(
                ErrorKind::Unsupported,
                "an `item_reference` stands for an item that the provider keeps, and this provider keeps nothing; send \
                 the item itself",
            )),
            // What the caller's side did for a tool of the API's own; what the API did itself is only left out.
            kind @ ("computer_call_output"
            | "local_shell_call_output"
            | "apply_patch_call_output"
            | "mcp_approval_response") => Err(Error::new(
                ErrorKind::Unsupported,
                format!("`input`: an item of type {kind} cannot be said to a provider without a Responses API"),
            )),
            _ => {
                self.assistant().parts.push(Part::native(NATIVE, item.0.into()));
                Ok(())
            }
        }
    }

    fn message(&mut self, item: &Item) -> Result<()> {
        let role = match item.str("role").unwrap_or("user") {
            "assistant" => return self.said(item),
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            other => {
                return Err(Error::new(ErrorKind::InvalidRequest, format!("`{other}` is not the role of a message")));
            }
        };
        self.close();
        self.messages.push(Message::new(role, pieces(item.0.get("content"))?));
        Ok(())
    }

    /// What the model said, with its citations: their places are counted within a piece there and within the message
    /// here.
    fn said(&mut self, item: &Item) -> Result<()> {
        let message = self.assistant();
        let list = match item.0.get("content") {
            Some(Value::Array(list)) => list.as_slice(),
            content => {
                message.parts.extend(pieces(content)?);
                return Ok(());
            }
        };
        for piece in list {
            let before = u64::try_from(message.text().chars().count()).unwrap_or(u64::MAX);
            let mut part = read_piece(piece)?;
            part.extra.remove("logprobs");
            for annotation in part.extra.remove("annotations").iter().filter_map(Value::as_array).flatten() {
                message.annotations.extend(read_annotation(annotation.clone()).map(|mut annotation| {
                    for place in [&mut annotation.start_index, &mut annotation.end_index].into_iter().flatten() {
                        *place = place.saturating_add(before);
                    }
                    annotation
                }));
            }
            message.parts.push(part);
        }
        Ok(())
    }

    fn reasoning(&mut self, mut item: Item) {
        let carried = item.str("encrypted_content").and_then(Carried::read);
        let words = match item.0.get("content") {
            Some(Value::Array(list)) if !list.is_empty() => {
                list.iter().filter_map(|piece| piece.get("text")?.as_str()).collect()
            }
            _ => {
                let summary = item.0.get("summary").and_then(Value::as_array).into_iter().flatten();
                let texts: Vec<&str> = summary.filter_map(|piece| piece.get("text")?.as_str()).collect();
                texts.join("\n\n")
            }
        };
        let parts = &mut self.assistant().parts;
        let redacted = words.is_empty();
        let reasoning = |seal| Part::new(Content::Reasoning(Reasoning { text: words, redacted })).sealed(seal);
        match carried {
            Some(Carried::Own(seal)) => parts.push(reasoning(seal)),
            Some(Carried::Block(part)) => parts.push(part),
            Some(Carried::Previous(seal)) => {
                if let Some(part) = parts.last_mut() {
                    part.seal = Some(seal);
                }
            }
            None => {
                item.0.shift_remove("status");
                parts.push(reasoning(Seal::new(NATIVE, Value::from(item.0).to_string())));
            }
        }
    }
}

/// Content: a text, or a list of pieces.
fn pieces(content: Option<&Value>) -> Result<Vec<Part>> {
    match content {
        Some(Value::String(text)) => Ok(vec![Part::text(text.as_str())]),
        Some(Value::Array(list)) => list.iter().map(read_piece).collect(),
        Some(other) if !other.is_null() => Ok(vec![Part::text(other.to_string())]),
        _ => Ok(Vec::new()),
    }
}

fn read_piece(piece: &Value) -> Result<Part> {
    let text = |name: &str| piece.get(name).and_then(Value::as_str).map(str::to_owned);
    match text("type").as_deref() {
        Some("input_image") => {
            let source = match (text("image_url"), text("file_id")) {
                (Some(url), _) => Source::from_url(url),
                (None, Some(id)) => Source::FileId(id),
                (None, None) => return Err(bad("an `input_image` needs an `image_url` or a `file_id`")),
            };
            Ok(Part::new(Content::Image(Image { source, detail: text("detail") })))
        }
        Some("input_file") => {
            let source = match (text("file_data"), text("file_url"), text("file_id")) {
                (Some(data), ..) => match Source::from_url(data) {
                    Source::Url(data) => Source::Base64 { media_type: String::new(), data },
                    source => source,
                },
                (None, Some(url), _) => Source::from_url(url),
                (None, None, Some(id)) => Source::FileId(id),
                _ => return Err(bad("an `input_file` needs `file_data`, a `file_url` or a `file_id`")),
            };
            Ok(Part::new(Content::File(Media { source, name: text("filename"), format: None })))
        }
        _ => read_part(piece.clone()).map_err(bad),
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message.into())
}

/// What is left out, and whether it may be.
struct Writer {
    drop: bool,
    warnings: Vec<Warning>,
}

impl Writer {
    fn refuse(&mut self, what: &str) -> Result<()> {
        const WHOM: &str = "a provider without a Responses API";
        if !self.drop {
            return Err(Error::unsupported(what, WHOM));
        }
        self.warnings.push(Warning::new(what.to_owned(), format!("dropped: {WHOM} does not support it")));
        Ok(())
    }

    fn params(&mut self, request: &Request, params: &mut chat::Params) -> Result<()> {
        let unsupported = [
            ("background", request.background == Some(true)),
            ("max_tool_calls", request.max_tool_calls.is_some()),
            ("store", request.store == Some(true)),
            ("truncation", request.truncation.as_deref().is_some_and(|word| word != "disabled")),
        ];
        for (name, _) in unsupported.into_iter().filter(|(_, is)| *is) {
            self.refuse(name)?;
        }
        let included = |name: &str| request.include.iter().flatten().any(|included| included == name);
        params.max_tokens = request.max_output_tokens;
        params.temperature = request.temperature;
        params.top_p = request.top_p;
        params.top_logprobs = request.top_logprobs.filter(|count| *count > 0);
        params.logprobs = (params.top_logprobs.is_some() || included("message.output_text.logprobs")).then_some(true);
        params.user.clone_from(&request.user);
        params.service_tier.clone_from(&request.service_tier);
        params.prompt_cache_key.clone_from(&request.prompt_cache_key);
        params.prompt_cache_retention.clone_from(&request.prompt_cache_retention);
        params.safety_identifier.clone_from(&request.safety_identifier);
        let effort = request.reasoning.as_ref().and_then(|reasoning| reasoning.get("effort")?.as_str());
        params.reasoning_effort = effort.map(Effort::from);
        if let Some(text) = &request.text {
            let verbosity = text.get("verbosity").and_then(Value::as_str);
            params.verbosity = verbosity.map(str::to_owned);
            params.response_format = text.get("format").and_then(format);
        }
        // Whether it is streamed is said by how it is asked; what is kept with a reply that is not kept is only said
        // again in it.
        params.extra = request.extra.clone();
        params.extra.remove("stream");
        Ok(())
    }

    fn tools(&mut self, request: &Request, params: &mut chat::Params) -> Result<()> {
        let mut tools = Vec::new();
        for tool in request.tools.iter().flatten() {
            match tool.kind() {
                "function" => tools.push(function(&tool.0)),
                "custom" => tools.push(chat::Tool::Native(custom(&tool.0))),
                kind if kind.starts_with("web_search") => params.web_search_options = Some(search(&tool.0)),
                "mcp" => tools.push(chat::Tool::Native(tool.0.clone())),
                kind => self.refuse(&format!("tools: {kind}"))?,
            }
        }
        let any = !tools.is_empty();
        params.tools = any.then_some(tools);
        params.parallel_tool_calls = request.parallel_tool_calls.filter(|_| any);
        let choice = request.tool_choice.as_ref().filter(|choice| any && !choice.is_null());
        params.tool_choice = match choice.map(|choice| (choice.as_str(), choice)) {
            None => None,
            Some((Some("auto"), _)) => Some(ToolChoice::Auto),
            Some((Some("none"), _)) => Some(ToolChoice::None),
            Some((Some("required"), _)) => Some(ToolChoice::Required),
            Some((_, choice)) => self.choice(choice)?,
        };
        Ok(())
    }

    fn choice(&mut self, choice: &Value) -> Result<Option<ToolChoice>> {
        let text = |name: &str| choice.get(name).and_then(Value::as_str).unwrap_or_default();
        let nested = |tool: &Value| {
            let kind = tool.get("type").and_then(Value::as_str).unwrap_or("function");
            json!({"type": kind, kind: {"name": tool.get("name")}})
        };
        Ok(match text("type") {
            "function" => Some(ToolChoice::function(text("name"))),
            "custom" => Some(ToolChoice::Native(nested(choice))),
            "allowed_tools" => {
                let tools: Vec<Value> =
                    choice.get("tools").and_then(Value::as_array).into_iter().flatten().map(nested).collect();
                let allowed = json!({"mode": text("mode"), "tools": tools});
                Some(ToolChoice::Native(json!({"type": "allowed_tools", "allowed_tools": allowed})))
            }
            kind => {
                self.refuse(&format!("tool_choice: {kind}"))?;
                None
            }
        })
    }
}

/// The form of the text; the schema's members stand beside its type there.
fn format(format: &Value) -> Option<ResponseFormat> {
    match format.get("type").and_then(Value::as_str)? {
        "text" => None,
        "json_object" => Some(ResponseFormat::JsonObject),
        "json_schema" => {
            let mut fields = format.as_object()?.clone();
            fields.shift_remove("type");
            fields.retain(|_, value| !value.is_null());
            let format: Result<JsonSchemaFormat, _> = serde_json::from_value(fields.into());
            Some(format.map_or_else(|_| ResponseFormat::JsonObject, ResponseFormat::JsonSchema))
        }
        _ => Some(ResponseFormat::Native(format.clone())),
    }
}

fn function(tool: &Value) -> chat::Tool {
    let mut fields = flat(tool).as_object().cloned().unwrap_or_default();
    fields.shift_remove("type");
    fields.retain(|_, value| !value.is_null());
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    chat::Tool::Function {
        name: text(fields.shift_remove("name")).unwrap_or_default(),
        description: text(fields.shift_remove("description")),
        parameters: fields.shift_remove("parameters"),
        strict: fields.shift_remove("strict").and_then(|strict| strict.as_bool()),
        cache_control: None,
        extra: fields.into(),
    }
}

/// A custom tool, whose members stand in an object of their own in chat, and a grammar's in yet another.
fn custom(tool: &Value) -> Value {
    let mut fields = tool.as_object().cloned().unwrap_or_default();
    fields.shift_remove("type");
    if let Some(format) = fields.get_mut("format")
        && format.get("type").is_some_and(|kind| kind == "grammar")
    {
        let mut grammar = format.as_object().cloned().unwrap_or_default();
        grammar.shift_remove("type");
        *format = json!({"type": "grammar", "grammar": grammar});
    }
    json!({"type": "custom", "custom": fields})
}

/// A search of the web.
fn search(tool: &Value) -> WebSearchOptions {
    let mut options = WebSearchOptions {
        search_context_size: tool.get("search_context_size").and_then(Value::as_str).map(str::to_owned),
        ..WebSearchOptions::default()
    };
    if let Some(place) = tool.get("user_location").and_then(Value::as_object) {
        let mut fields = place.clone();
        fields.shift_remove("type");
        options.user_location = Some(json!({"type": "approximate", "approximate": fields}));
    }
    options
}
