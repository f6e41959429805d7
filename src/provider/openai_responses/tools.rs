//! Tools and the choice among them.

use serde_json::{Map, Value, json};

use crate::chat::{Params, Tool, ToolChoice, WebSearchOptions};
use crate::responses;

/// All that the model may call.
pub(super) fn tools(params: &Params) -> Vec<responses::Tool> {
    let mut tools: Vec<responses::Tool> = params.tools.iter().flatten().map(Into::into).collect();
    let older = params.functions.iter().filter_map(Value::as_array).flatten();
    tools.extend(older.map(|one| Tool::Native(json!({"type": "function", "function": one})).into()));
    let searches = |tool: &responses::Tool| tool.kind().starts_with("web_search");
    if let Some(options) = params.web_search_options.as_ref().filter(|_| !tools.iter().any(searches)) {
        tools.push(search(options));
    }
    tools
}

/// A search of the web, which is a tool here.
fn search(options: &WebSearchOptions) -> responses::Tool {
    let mut fields = Map::from_iter([("type".to_owned(), "web_search".into())]);
    if let Some(size) = &options.search_context_size {
        fields.insert("search_context_size".to_owned(), size.as_str().into());
    }
    if let Some(place) = &options.user_location {
        fields.insert("user_location".to_owned(), responses::flat(place));
    }
    fields.extend(options.extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    responses::Tool::of(fields.into())
}

/// Which tools the model may or must call.
pub(super) fn choice(params: &Params) -> Option<Value> {
    if let Some(choice) = &params.tool_choice {
        return Some(match choice {
            ToolChoice::Auto => "auto".into(),
            ToolChoice::None => "none".into(),
            ToolChoice::Required => "required".into(),
            ToolChoice::Function(name) => json!({"type": "function", "name": name}),
            ToolChoice::Native(value) => responses::flat_choice(value),
        });
    }
    let older = params.function_call.as_ref()?;
    Some(older.get("name").map_or_else(|| older.clone(), |name| json!({"type": "function", "name": name})))
}
