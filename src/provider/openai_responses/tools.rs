//! Tools and the choice among them: in the flat form, where chat completions have an object inside.

use serde_json::{Map, Value, json};

use crate::chat::{Params, Tool, ToolChoice, WebSearchOptions};

/// All that the model may call.
pub(super) fn tools(params: &Params) -> Vec<Value> {
    let mut tools: Vec<Value> = params.tools.iter().flatten().map(written).collect();
    let older = params.functions.iter().filter_map(Value::as_array).flatten();
    tools.extend(older.map(|one| strictness(flat(&json!({"type": "function", "function": one})))));
    let searches = |tool: &Value| kind(tool).is_some_and(|kind| kind.starts_with("web_search"));
    if let Some(options) = params.web_search_options.as_ref().filter(|_| !tools.iter().any(searches)) {
        tools.push(search(options));
    }
    tools
}

fn written(tool: &Tool) -> Value {
    let Tool::Function { name, description, parameters, strict, cache_control: _, extra } = tool else {
        let Tool::Native(value) = tool else { return Value::Null };
        let mut value = flat(value);
        if let Some(format) = value.get_mut("format") {
            *format = flat(format);
        }
        return value;
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

/// A search of the web, which is a tool here.
fn search(options: &WebSearchOptions) -> Value {
    let mut fields = Map::from_iter([("type".to_owned(), "web_search".into())]);
    if let Some(size) = &options.search_context_size {
        fields.insert("search_context_size".to_owned(), size.as_str().into());
    }
    if let Some(place) = &options.user_location {
        fields.insert("user_location".to_owned(), flat(place));
    }
    fields.extend(options.extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    fields.into()
}

/// Which tools the model may or must call.
pub(super) fn choice(params: &Params) -> Option<Value> {
    if let Some(choice) = &params.tool_choice {
        return Some(match choice {
            ToolChoice::Auto => "auto".into(),
            ToolChoice::None => "none".into(),
            ToolChoice::Required => "required".into(),
            ToolChoice::Function(name) => json!({"type": "function", "name": name}),
            ToolChoice::Native(value) => allowed(flat(value)),
        });
    }
    let older = params.function_call.as_ref()?;
    Some(older.get("name").map_or_else(|| older.clone(), |name| json!({"type": "function", "name": name})))
}

/// A choice that lists tools, each of which is flat too.
fn allowed(mut choice: Value) -> Value {
    for tool in choice.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        *tool = flat(tool);
    }
    choice
}

/// `{"type": "x", "x": {…}}` as `{"type": "x", …}`; anything else as it is.
pub(super) fn flat(value: &Value) -> Value {
    let inner = kind(value).and_then(|kind| Some((kind, value.get(kind)?.as_object()?)));
    let (Some((kind, inner)), Some(fields)) = (inner, value.as_object()) else { return value.clone() };
    let outer = fields.iter().filter(|(name, _)| *name != kind);
    outer.chain(inner).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn kind(value: &Value) -> Option<&str> {
    value.get("type").and_then(Value::as_str)
}
