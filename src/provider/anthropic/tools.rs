//! Tools, the choice among them, and MCP servers.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::schema;
use crate::chat::{Params, ResponseFormat, Tool, ToolChoice, Warning, WebSearchOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Traits;
use crate::provider::params::leave_out_choice;
use crate::wire::json::Object;

/// The tool whose input is the reply's text, for schemas that the model has no native way to be held to. LiteLLM's
/// name for it.
pub(in crate::provider) const JSON_TOOL: &str = "json_tool_call";
pub(in crate::provider) const JSON_TOOL_WORDS: &str =
    "Gives the answer. Call it exactly once, with the whole answer, and say nothing else.";

/// The longest name that a tool may have.
const LONGEST_NAME: usize = 128;

/// Members of a function, beside OpenAI's, that Anthropic knows.
const OWN_MEMBERS: [&str; 4] = ["allowed_callers", "defer_loading", "eager_input_streaming", "input_examples"];

/// Whether a tool's input can be the reply's text: the request asks for JSON, and has no tool of that name itself.
/// It is known from the request alone, so that a reply can be read without knowing how it was asked for.
pub(in crate::provider) fn answers_by_tool(params: &Params) -> bool {
    let json = matches!(params.response_format, Some(ResponseFormat::JsonObject | ResponseFormat::JsonSchema(_)));
    json && !params.tools.iter().flatten().any(|tool| tool.name() == Some(JSON_TOOL))
}

/// What the caller's tools are called on the wire, where that is not their name: providers take only some letters. Known
/// from the request alone, so that replies can be read back.
pub(in crate::provider) struct Names(Vec<(String, String)>);

impl Names {
    /// The names that `wire_name` changes.
    pub(in crate::provider) fn new(params: &Params, wire_name: fn(&str) -> Cow<'_, str>) -> Self {
        let functions = params.tools.iter().flatten().filter_map(|tool| match tool {
            Tool::Function { name, .. } => Some(name),
            Tool::Native(_) => None,
        });
        let changed = functions.filter_map(|name| match wire_name(name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(wire) => Some((wire, name.clone())),
        });
        Self(changed.collect())
    }

    /// The caller's name for a tool.
    pub(in crate::provider) fn given(&self, wire: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == wire).map(|(_, given)| given.as_str())
    }
}

/// A tool's name as Anthropic takes it: `^[a-zA-Z0-9_-]{1,128}$`.
pub(super) fn wire_name(name: &str) -> Cow<'_, str> {
    limited(name, LONGEST_NAME)
}

/// The id of a call as Anthropic takes it: `^[a-zA-Z0-9_-]+$`.
pub(super) fn wire_id(id: &str) -> Cow<'_, str> {
    limited(id, usize::MAX)
}

fn limited(text: &str, longest: usize) -> Cow<'_, str> {
    let good = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if !text.is_empty() && text.len() <= longest && text.chars().all(good) {
        return Cow::Borrowed(text);
    }
    let replaced: String = text.chars().take(longest).map(|letter| if good(letter) { letter } else { '_' }).collect();
    Cow::Owned(if replaced.is_empty() { "_".to_owned() } else { replaced })
}

/// How a reply is held to JSON.
pub(in crate::provider) enum Answer {
    /// Not at all.
    Free,
    /// By the model's native way, with this schema.
    Native(Value),
    /// As the input of a tool with this schema.
    ByTool(Value),
}

impl Answer {
    /// What the request asks for, in the way that the model has.
    pub(in crate::provider) fn new(params: &Params, known: &Traits, provider: &str) -> Result<Self> {
        let format = match &params.response_format {
            None | Some(ResponseFormat::Text) => return Ok(Self::Free),
            Some(ResponseFormat::JsonObject) => return Ok(Self::ByTool(json!({"type": "object"}))),
            Some(ResponseFormat::JsonSchema(format)) => format,
            Some(ResponseFormat::Native(_)) => return Err(Error::unsupported("response_format", provider)),
        };
        if known.native_schema == Some(true) {
            match schema::structured(&format.schema) {
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                other => return other.map(Self::Native),
            }
        }
        let mut schema = format.schema.clone();
        if let (Some(text), Some(fields)) = (&format.description, schema.as_object_mut()) {
            fields.entry("description").or_insert_with(|| text.as_str().into());
        }
        if schema.get("type").is_none_or(|kind| kind != "object") {
            return Err(Error::unsupported("response_format: a schema that is not of an object", provider));
        }
        Ok(Self::ByTool(schema))
    }
}

/// The members of the body that tools are said in.
#[derive(Default)]
pub(super) struct Tools {
    pub(super) tools: Vec<Object>,
    pub(super) choice: Option<Object>,
    pub(super) servers: Vec<Value>,
}

impl Tools {
    pub(super) fn new(
        params: &Params,
        known: &Traits,
        answer: &Answer,
        thinking: bool,
        provider: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self> {
        let mut tools = Self::default();
        for tool in params.tools.iter().flatten() {
            tools.add(tool, known, provider, warnings)?;
        }
        let own = tools.tools.len();
        if let Some(options) = &params.web_search_options {
            tools.search(options)?;
        }
        if let Answer::ByTool(schema) = answer {
            let mut tool = Object::new();
            tool.set("name", JSON_TOOL)?.set("description", JSON_TOOL_WORDS)?.set("input_schema", schema)?;
            tools.tools.push(tool);
        }
        tools.choice = choice(params, answer, own, thinking)?;
        if tools.tools.is_empty() {
            tools.choice = None;
            leave_out_choice(params, warnings);
        }
        Ok(tools)
    }

    fn add(&mut self, tool: &Tool, known: &Traits, provider: &str, warnings: &mut Vec<Warning>) -> Result<()> {
        let Tool::Function { name, description, parameters, strict, cache_control, extra } = tool else {
            let Tool::Native(value) = tool else { return Ok(()) };
            if value.get("type").is_some_and(|kind| kind == "mcp") {
                self.servers.push(server(value, provider, warnings)?);
                return Ok(());
            }
            self.tools.push(native(value)?);
            return Ok(());
        };
        let wire = wire_name(name);
        let taken = |tool: &Object| tool.get("name").is_some_and(|raw| raw.get() == format!("\"{wire}\""));
        if self.tools.iter().any(taken) {
            let message = format!("the tool `{name}` has the same name as another: both are `{wire}` to {provider}");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let mut schema = parameters.clone().unwrap_or_else(|| json!({"properties": {}}));
        if let Some(fields) = schema.as_object_mut() {
            fields.entry("type").or_insert_with(|| "object".into());
        }
        let strict = *strict == Some(true) && {
            let strictly = (known.native_schema == Some(true)).then(|| schema::structured(&schema));
            match strictly {
                Some(Ok(subset)) => {
                    schema = subset;
                    true
                }
                _ => {
                    let message = format!("dropped for `{name}`: the model cannot be held to its schema");
                    warnings.push(Warning::new("tools[].function.strict", message));
                    false
                }
            }
        };
        let mut object = Object::new();
        object.set("type", "custom")?.set("name", &*wire)?;
        object.set_some("description", description.as_ref())?.set("input_schema", &schema)?;
        object.set_some("strict", strict.then_some(&true))?;
        let inner = extra.get("function");
        for member in OWN_MEMBERS {
            object.set_some(member, extra.get(member).or_else(|| inner?.get(member)))?;
        }
        object.set_some("cache_control", cache_control.as_ref())?;
        self.tools.push(object);
        Ok(())
    }

    /// A search of the web, unless the caller gave the tool for it.
    /// Source: <https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool>; how many searches a
    /// context size stands for is LiteLLM's choice.
    fn search(&mut self, options: &WebSearchOptions) -> Result<()> {
        if self.tools.iter().any(|tool| tool.get("name").is_some_and(|raw| raw.get() == "\"web_search\"")) {
            return Ok(());
        }
        let mut tool = Object::new();
        tool.set("type", "web_search_20250305")?.set("name", "web_search")?;
        let uses = match options.search_context_size.as_deref() {
            Some("low") => Some(1),
            Some("medium") => Some(5),
            Some("high") => Some(10),
            _ => None,
        };
        tool.set_some("max_uses", uses.as_ref())?;
        if let Some(place) = &options.user_location {
            let mut fields = Map::from_iter([("type".to_owned(), "approximate".into())]);
            fields.extend(place.get("approximate").unwrap_or(place).as_object().cloned().unwrap_or_default());
            tool.set("user_location", &fields)?;
        }
        for (name, value) in options.extra.iter() {
            tool.set(name.clone(), value)?;
        }
        self.tools.push(tool);
        Ok(())
    }
}

/// A tool in Anthropic's own form.
fn native(value: &Value) -> Result<Object> {
    let Some(fields) = value.as_object() else {
        return Err(Error::new(ErrorKind::InvalidRequest, format!("a tool must be an object, not {value}")));
    };
    let mut object = Object::new();
    for (name, value) in fields {
        object.set(name.clone(), value)?;
    }
    Ok(object)
}

/// OpenAI's `{"type": "mcp"}` tool as one of Anthropic's `mcp_servers`.
/// Source: <https://platform.claude.com/docs/en/agents-and-tools/mcp-connector>.
fn server(tool: &Value, provider: &str, warnings: &mut Vec<Warning>) -> Result<Value> {
    let text = |name: &str| tool.get(name).and_then(Value::as_str);
    let Some(url) = text("server_url") else { return Err(Error::unsupported("tools[].connector_id", provider)) };
    if text("require_approval") != Some("never") {
        let message = "Anthropic asks for no approval of a server's tools: they run as the model calls them";
        warnings.push(Warning::new("tools[].require_approval", message));
    }
    let mut server = json!({"type": "url", "url": url, "name": text("server_label").unwrap_or("mcp")});
    let Some(fields) = server.as_object_mut() else { return Ok(server) };
    let mut token = text("authorization").map(str::to_owned);
    for (header, value) in tool.get("headers").and_then(Value::as_object).into_iter().flatten() {
        match value.as_str().and_then(|value| value.strip_prefix("Bearer ")) {
            Some(bearer) if header.eq_ignore_ascii_case("authorization") => token = Some(bearer.to_owned()),
            _ => return Err(Error::unsupported(&format!("tools[].headers.{header}"), provider)),
        }
    }
    if let Some(token) = token {
        fields.insert("authorization_token".to_owned(), token.into());
    }
    let allowed = tool.get("allowed_tools").map(|allowed| allowed.get("tool_names").unwrap_or(allowed));
    if let Some(allowed) = allowed.filter(|allowed| allowed.is_array()) {
        fields.insert("tool_configuration".to_owned(), json!({"enabled": true, "allowed_tools": allowed}));
    }
    Ok(server)
}

/// Which tools may or must be called. A model that thinks cannot be made to call one.
fn choice(params: &Params, answer: &Answer, own: usize, thinking: bool) -> Result<Option<Object>> {
    let mut choice = Object::new();
    let given = params.tool_choice.as_ref();
    let serial = params.parallel_tool_calls == Some(false);
    match (given, answer) {
        (Some(ToolChoice::Function(name)), _) => {
            choice.set("type", "tool")?.set("name", &*wire_name(name))?;
        }
        (Some(ToolChoice::Native(value)), _) => choice = native(value)?,
        (_, Answer::ByTool(_)) if thinking => {
            choice.set("type", "auto")?;
        }
        (given, Answer::ByTool(_)) if own == 0 || given == Some(&ToolChoice::None) => {
            choice.set("type", "tool")?.set("name", JSON_TOOL)?;
        }
        (Some(ToolChoice::Required), _) | (_, Answer::ByTool(_)) => {
            choice.set("type", "any")?;
        }
        (Some(ToolChoice::None), _) => {
            choice.set("type", "none")?;
            return Ok(Some(choice));
        }
        (Some(ToolChoice::Auto), _) => {
            choice.set("type", "auto")?;
        }
        (None, _) if serial => {
            choice.set("type", "auto")?;
        }
        (None, _) => return Ok(None),
    }
    if serial {
        choice.set("disable_parallel_tool_use", &true)?;
    }
    Ok(Some(choice))
}
