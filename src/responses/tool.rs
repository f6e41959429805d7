//! Tools, in the flat form, where chat completions have an object inside.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::chat;

/// A tool that the model may call, or one that the provider runs, with all its members as they came.
///
/// ```
/// use anymodel::responses::Tool;
/// use serde_json::json;
///
/// let weather = anymodel::Tool::function("get_weather", "The weather of a city.");
/// let tools = [Tool::from(weather), Tool::web_search(), Tool::of(json!({"type": "image_generation"}))];
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tool(pub Value);

impl Tool {
    /// A tool by all its members.
    #[must_use]
    pub fn of(value: Value) -> Self {
        Self(value)
    }

    /// Searches the web.
    #[must_use]
    pub fn web_search() -> Self {
        Self(json!({"type": "web_search"}))
    }

    /// Searches these vector stores.
    #[must_use]
    pub fn file_search<S: Into<String>>(vector_stores: impl IntoIterator<Item = S>) -> Self {
        let ids: Vec<String> = vector_stores.into_iter().map(Into::into).collect();
        Self(json!({"type": "file_search", "vector_store_ids": ids}))
    }

    /// Runs Python in a container of its own.
    #[must_use]
    pub fn code_interpreter() -> Self {
        Self(json!({"type": "code_interpreter", "container": {"type": "auto"}}))
    }

    /// Makes pictures.
    #[must_use]
    pub fn image_generation() -> Self {
        Self(json!({"type": "image_generation"}))
    }

    /// The tools of an MCP server, run without asking.
    #[must_use]
    pub fn mcp(label: impl Into<String>, url: impl Into<String>) -> Self {
        let (label, url) = (label.into(), url.into());
        Self(json!({"type": "mcp", "server_label": label, "server_url": url, "require_approval": "never"}))
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> &str {
        kind(&self.0).unwrap_or_default()
    }
}

impl From<chat::Tool> for Tool {
    fn from(tool: chat::Tool) -> Self {
        Self(written(&tool))
    }
}

impl From<&chat::Tool> for Tool {
    fn from(tool: &chat::Tool) -> Self {
        Self(written(tool))
    }
}

fn written(tool: &chat::Tool) -> Value {
    let chat::Tool::Function { name, description, parameters, strict, cache_control: _, extra } = tool else {
        let chat::Tool::Native(value) = tool else { return Value::Null };
        let mut value = flat(value);
        if let Some(format) = value.get_mut("format") {
            *format = flat(format);
        }
        // A function in OpenAI's older form is one of ours that was not read as such.
        return if kind(&value) == Some("function") { strictness(value) } else { value };
    };
    let mut fields = Map::new();
    fields.insert("type".to_owned(), "function".into());
    fields.insert("name".to_owned(), name.as_str().into());
    if let Some(description) = description {
        fields.insert("description".to_owned(), description.as_str().into());
    }
    fields.insert("parameters".to_owned(), parameters.clone().unwrap_or_default());
    if let Some(strict) = strict {
        fields.insert("strict".to_owned(), (*strict).into());
    }
    for (name, value) in extra.iter() {
        match value {
            Value::Object(inner) if name == "function" => fields.extend(inner.clone()),
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    strictness(fields.into())
}

/// A function in full. Where nothing is said of strictness, chat completions take it for no and responses for yes
/// (<https://developers.openai.com/api/docs/guides/function-calling>, "Strict mode"); and `parameters` must be there, if
/// only as `null` (`FunctionTool`).
fn strictness(mut function: Value) -> Value {
    if let Some(fields) = function.as_object_mut() {
        fields.entry("parameters").or_insert(Value::Null);
        fields.entry("strict").or_insert(Value::Bool(false));
    }
    function
}

/// A choice among tools, each of which is flat too.
pub(crate) fn flat_choice(choice: &Value) -> Value {
    let mut choice = flat(choice);
    for tool in choice.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        *tool = flat(tool);
    }
    choice
}

/// `{"type": "x", "x": {…}}` as `{"type": "x", …}`; anything else as it is.
pub(crate) fn flat(value: &Value) -> Value {
    let inner = kind(value).and_then(|kind| Some((kind, value.get(kind)?.as_object()?)));
    let (Some((kind, inner)), Some(fields)) = (inner, value.as_object()) else { return value.clone() };
    let outer = fields.iter().filter(|(name, _)| *name != kind);
    outer.chain(inner).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn kind(value: &Value) -> Option<&str> {
    value.get("type").and_then(Value::as_str)
}
