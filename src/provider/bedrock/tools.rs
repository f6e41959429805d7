//! Tools, the choice among them, and replies that are held to JSON.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::name::Family;
use super::request::Asked;
use crate::chat::{CacheControl, Params, ResponseFormat, Tool, ToolChoice, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::anthropic::{Answer, JSON_TOOL, JSON_TOOL_WORDS, structured};
use crate::provider::params::{leave_out_choice, warn_once};
use crate::wire::json::Object;

/// What becomes of a cache marker where the model caches no prompts.
pub(super) const NO_CACHE: &str = "left out: on Bedrock only Claude and Nova cache prompts, and others refuse markers";

/// The longest name of a tool, and the longest id of a call.
const LONGEST: usize = 64;

/// A tool's name as Bedrock takes it: `[a-zA-Z0-9_-]{1,64}`.
pub(super) fn wire_name(name: &str) -> Cow<'_, str> {
    limited(name, |letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
}

/// The id of a call as Bedrock takes it: `[a-zA-Z0-9_.:-]{1,64}`.
pub(super) fn wire_id(id: &str) -> Cow<'_, str> {
    limited(id, |letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':'))
}

/// What is too long is cut, with a checksum of all of it in the end, so that what was different stays so.
fn limited(text: &str, is_good: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.is_empty() && text.len() <= LONGEST && text.chars().all(&is_good) {
        return Cow::Borrowed(text);
    }
    let mut good: String =
        text.chars().take(LONGEST).map(|letter| if is_good(letter) { letter } else { '_' }).collect();
    if text.chars().nth(LONGEST).is_some() {
        good.truncate(LONGEST.saturating_sub(9));
        good.push_str(&format!("_{:08x}", crc32fast::hash(text.as_bytes())));
    }
    Cow::Owned(if good.is_empty() { "_".to_owned() } else { good })
}

/// The member of the body that holds the model to a schema natively, which goes as text.
/// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>.
pub(super) fn output_config(answer: &Answer, params: &Params) -> Option<Value> {
    let (Answer::Native(schema), Some(ResponseFormat::JsonSchema(format))) = (answer, &params.response_format) else {
        return None;
    };
    let mut definition = json!({"schema": schema.to_string(), "name": format.name});
    if let (Some(text), Some(fields)) = (&format.description, definition.as_object_mut()) {
        fields.insert("description".to_owned(), text.as_str().into());
    }
    Some(json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}))
}

/// The member of the body that tools are said in.
#[derive(Serialize)]
pub(super) struct Tools {
    tools: Vec<Object>,
    #[serde(rename = "toolChoice", skip_serializing_if = "Option::is_none")]
    choice: Option<Value>,
}

impl Tools {
    /// The tools; `None` where there are none, or none may be called, which Converse has no other word for. What only
    /// the model's own fields can say goes into `fields`.
    pub(super) fn new(
        asked: &Asked<'_>,
        answer: &Answer,
        thinking: bool,
        fields: &mut Object,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Self>> {
        let params = asked.params;
        let none = params.tool_choice == Some(ToolChoice::None);
        let mut tools = Self { tools: Vec::new(), choice: None };
        for tool in params.tools.iter().flatten().filter(|_| !none) {
            tools.add(tool, asked, warnings)?;
        }
        let own = tools.tools.len();
        if params.web_search_options.is_some() {
            tools.tools.push(union("systemTool", &json!({"name": "nova_grounding"}))?);
        }
        if let Answer::ByTool(schema) = answer {
            let tool = json!({"name": JSON_TOOL, "description": JSON_TOOL_WORDS, "inputSchema": {"json": schema}});
            tools.tools.push(union("toolSpec", &tool)?);
        }
        if tools.tools.is_empty() {
            leave_out_choice(params, warnings);
            return Ok(None);
        }
        tools.choose(asked, answer, own, thinking, warnings)?;
        if params.parallel_tool_calls == Some(false) {
            fields.set("tool_choice", &serial(tools.choice.as_ref()))?;
        }
        Ok(Some(tools))
    }

    fn add(&mut self, tool: &Tool, asked: &Asked<'_>, warnings: &mut Vec<Warning>) -> Result<()> {
        let Tool::Function { name, description, parameters, strict, cache_control, .. } = tool else {
            let Tool::Native(value) = tool else { return Ok(()) };
            return self.add_native(value, asked, warnings);
        };
        let wire = wire_name(name);
        let taken =
            |tool: &Object| tool.get("toolSpec").is_some_and(|raw| raw.get().contains(&format!("\"name\":\"{wire}\"")));
        if self.tools.iter().any(taken) {
            let message =
                format!("the tool `{name}` has the same name as another: both are `{wire}` to {}", asked.provider);
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let mut schema = parameters.clone().unwrap_or_else(|| json!({"properties": {}}));
        if let Some(fields) = schema.as_object_mut() {
            fields.entry("type").or_insert_with(|| "object".into());
        }
        let strict = *strict == Some(true) && {
            let strictly = (asked.known.native_schema == Some(true)).then(|| structured(&schema));
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
        let mut spec = Object::new();
        spec.set("name", &*wire)?;
        spec.set_some("description", description.as_ref().filter(|text| !text.is_empty()))?;
        spec.set("inputSchema", &json!({"json": schema}))?;
        spec.set_some("strict", strict.then_some(&true))?;
        self.tools.push(union("toolSpec", &spec)?);
        match cache_control {
            Some(marker) if asked.family.caches() => self.tools.push(cache_point(marker)?),
            Some(_) => warn_once(warnings, "cache_control", NO_CACHE),
            None => {}
        }
        Ok(())
    }

    /// A tool in Converse's own form: an object of one of these members.
    fn add_native(&mut self, value: &Value, asked: &Asked<'_>, warnings: &mut Vec<Warning>) -> Result<()> {
        let own = ["toolSpec", "systemTool", "cachePoint"].iter().find(|name| value.get(**name).is_some());
        if let Some(name) = own {
            self.tools.push(union(name, value.get(*name).unwrap_or(&Value::Null))?);
            return Ok(());
        }
        let kind = value.get("type").and_then(Value::as_str).unwrap_or("unknown");
        let what = format!("tools: {kind}");
        refuse(asked, "tools", &what, warnings)
    }

    /// Which of them may or must be called. A model that thinks cannot be made to call one.
    fn choose(
        &mut self,
        asked: &Asked<'_>,
        answer: &Answer,
        own: usize,
        thinking: bool,
        warnings: &mut Vec<Warning>,
    ) -> Result<()> {
        let named = |name: &str| Force::Tool(wire_name(name).into_owned());
        let by_tool = matches!(answer, Answer::ByTool(_));
        let wanted = match &asked.params.tool_choice {
            Some(ToolChoice::Native(value)) => {
                self.choice = Some(value.clone());
                return Ok(());
            }
            Some(ToolChoice::Function(name)) => named(name),
            _ if by_tool && thinking => Force::Auto,
            _ if by_tool && own == 0 => named(JSON_TOOL),
            Some(ToolChoice::Required) => Force::Any,
            _ if by_tool => Force::Any,
            Some(ToolChoice::Auto) => Force::Auto,
            Some(ToolChoice::None) | None => return Ok(()),
        };
        match wanted.within(strongest(asked.family), self.tools.len()) {
            Some(possible) => self.choice = Some(possible.json()),
            None if by_tool => {
                let message = "asked for, not forced: the model cannot be made to call a tool";
                warnings.push(Warning::new("response_format", message));
            }
            None => refuse(asked, "tool_choice", "tool_choice: a tool that must be called", warnings)?,
        }
        Ok(())
    }
}

/// How far a model can be made to call a tool.
enum Force {
    Auto,
    Any,
    Tool(String),
}

/// By AWS's model of the API (`ToolChoice`) a tool by name is for Claude and Nova; `any` and `auto` of DeepSeek as
/// <https://github.com/langchain-ai/langchain-aws/pull/1261> measured them. Llama takes neither, as LiteLLM has it. What
/// is not known is not refused.
fn strongest(family: Family) -> &'static str {
    match family {
        Family::Llama => "auto",
        Family::DeepSeek | Family::Mistral => "any",
        _ => "tool",
    }
}

impl Force {
    /// The same, or what comes to the same, where the model can be made to do only so much.
    fn within(self, most: &str, tools: usize) -> Option<Self> {
        match (self, most) {
            (Self::Auto, _) => Some(Self::Auto),
            (Self::Tool(_), "any") if tools == 1 => Some(Self::Any),
            (Self::Any, "any" | "tool") => Some(Self::Any),
            (Self::Tool(name), "tool") => Some(Self::Tool(name)),
            _ => None,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Auto => json!({"auto": {}}),
            Self::Any => json!({"any": {}}),
            Self::Tool(name) => json!({"tool": {"name": name}}),
        }
    }
}

/// The choice in Claude's own form, by which it calls one tool at a time.
fn serial(choice: Option<&Value>) -> Value {
    let name = choice.and_then(|choice| choice.pointer("/tool/name"));
    match (name, choice) {
        (Some(name), _) => json!({"type": "tool", "name": name, "disable_parallel_tool_use": true}),
        (None, Some(choice)) if choice.get("any").is_some() => {
            json!({"type": "any", "disable_parallel_tool_use": true})
        }
        _ => json!({"type": "auto", "disable_parallel_tool_use": true}),
    }
}

/// Something that the model cannot do: an error, or with `drop_params` a warning.
fn refuse(asked: &Asked<'_>, parameter: &'static str, what: &str, warnings: &mut Vec<Warning>) -> Result<()> {
    if !asked.params.drop_params {
        return Err(Error::unsupported(what, asked.provider));
    }
    warnings.push(Warning::new(parameter, format!("dropped: {} does not support `{what}`", asked.provider)));
    Ok(())
}

/// An object of one member, as Smithy's unions are written.
pub(super) fn union<T: Serialize + ?Sized>(member: &'static str, value: &T) -> Result<Object> {
    let mut object = Object::new();
    object.set(member, value)?;
    Ok(object)
}

/// The end of a prefix that is to be kept in the prompt cache.
pub(super) fn cache_point(marker: &CacheControl) -> Result<Object> {
    let mut point = Object::new();
    point.set("type", "default")?.set_some("ttl", marker.ttl.as_ref())?;
    union("cachePoint", &point)
}
