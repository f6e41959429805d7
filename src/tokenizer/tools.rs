//! Tools as OpenAI's models are known to see them: a namespace of TypeScript types.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::chat::Tool;

/// How deep a schema is written out; what is deeper is `any`.
const DEEPEST: usize = 64;

/// The definitions of tools; those in a provider's own form by their name, description and schema, if they have them.
pub(super) fn as_typescript(tools: &[Tool]) -> String {
    let mut out = "namespace functions {\n\n".to_owned();
    for tool in tools {
        match tool {
            Tool::Function { name, description, parameters, .. } => {
                function(&mut out, name, description.as_deref(), parameters.as_ref());
            }
            Tool::Native(value) => native(&mut out, value),
            #[expect(unreachable_patterns, reason = "kinds of tools may be added")]
            _ => {}
        }
    }
    out.push_str("} // namespace functions");
    out
}

fn native(out: &mut String, tool: &Value) {
    let declared = tool.get("function_declarations").or_else(|| tool.get("functionDeclarations"));
    if let Some(Value::Array(declarations)) = declared {
        declarations.iter().for_each(|one| native(out, one));
        return;
    }
    let Some(name) = tool.get("name").and_then(Value::as_str) else { return };
    let description = tool.get("description").and_then(Value::as_str);
    function(out, name, description, tool.get("input_schema").or_else(|| tool.get("parameters")));
}

fn function(out: &mut String, name: &str, description: Option<&str>, schema: Option<&Value>) {
    if let Some(text) = description.filter(|text| !text.is_empty()) {
        let _ = writeln!(out, "// {text}");
    }
    match schema.and_then(Value::as_object).filter(|schema| properties(schema).is_some()) {
        Some(schema) => {
            let _ = writeln!(out, "type {name} = (_: {{");
            object(out, schema, 0, 0);
            out.push_str("\n}) => any;\n\n");
        }
        None => {
            let _ = writeln!(out, "type {name} = () => any;\n");
        }
    }
}

fn properties(schema: &Map<String, Value>) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object().filter(|properties| !properties.is_empty())
}

/// The properties, one a line, without a line's end after the last.
fn object(out: &mut String, schema: &Map<String, Value>, indent: usize, depth: usize) {
    let required = schema.get("required").and_then(Value::as_array);
    let mut first = true;
    for (key, property) in properties(schema).into_iter().flatten() {
        if !first {
            out.push('\n');
        }
        first = false;
        if let Some(text) = property.get("description").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            let _ = writeln!(out, "{:indent$}// {text}", "");
        }
        let known = required.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(key)));
        let _ = write!(out, "{:indent$}{key}{}: ", "", if known { "" } else { "?" });
        kind(out, property, indent, depth);
        out.push(',');
    }
}

fn kind(out: &mut String, schema: &Value, indent: usize, depth: usize) {
    let deeper = depth.saturating_add(1);
    match schema.get("type").and_then(Value::as_str) {
        _ if deeper > DEEPEST => out.push_str("any"),
        Some(name @ ("string" | "integer" | "number")) => match schema.get("enum").and_then(Value::as_array) {
            Some(values) => alternatives(out, values),
            None => out.push_str(if name == "string" { "string" } else { "number" }),
        },
        Some("array") => {
            kind(out, schema.get("items").unwrap_or(&Value::Null), indent, deeper);
            out.push_str("[]");
        }
        Some("object") => {
            out.push_str("{\n");
            if let Some(schema) = schema.as_object() {
                object(out, schema, indent.saturating_add(2), deeper);
            }
            out.push_str("\n}");
        }
        Some(name @ ("boolean" | "null")) => out.push_str(name),
        _ => out.push_str("any"),
    }
}

fn alternatives(out: &mut String, values: &[Value]) {
    for (at, value) in values.iter().enumerate() {
        let before = if at == 0 { "" } else { " | " };
        let _ = match value {
            Value::String(text) => write!(out, "{before}\"{text}\""),
            other => write!(out, "{before}\"{other}\""),
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_is_written_as_a_type() {
        let tool = Tool::function("get_weather", "Current weather").parameters(json!({
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "City name"},
                "unit": {"type": "string", "enum": ["C", "F"]},
                "days": {"type": "array", "items": {"type": "integer"}},
                "near": {"type": "object", "properties": {"km": {"type": "number", "enum": [1, 2]}, "any": {}}},
                "now": {"type": "boolean"},
            },
            "required": ["city", "near"],
        }));
        let text = "namespace functions {\n\n// Current weather\ntype get_weather = (_: {\n// City name\ncity: string,\n\
            unit?: \"C\" | \"F\",\ndays?: number[],\nnear: {\n  km?: \"1\" | \"2\",\n  any?: any,\n},\nnow?: boolean,\n\
            }) => any;\n\n} // namespace functions";
        assert_eq!(as_typescript(&[tool]), text);
    }

    #[test]
    fn a_tool_without_arguments_takes_none() {
        let text = "namespace functions {\n\n// Now\ntype time = () => any;\n\n} // namespace functions";
        assert_eq!(as_typescript(&[Tool::function("time", "Now")]), text);
    }

    #[test]
    fn tools_in_a_provider_s_own_form_are_read_where_they_can_be() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "null"}}});
        let ours = Tool::function("f", "F").parameters(schema.clone());
        let anthropic = Tool::Native(json!({"name": "f", "description": "F", "input_schema": schema}));
        let gemini =
            Tool::Native(json!({"functionDeclarations": [{"name": "f", "description": "F", "parameters": schema}]}));
        assert_eq!(as_typescript(&[anthropic]), as_typescript(std::slice::from_ref(&ours)));
        assert_eq!(as_typescript(&[gemini]), as_typescript(&[ours]));
        assert_eq!(as_typescript(&[Tool::Native(json!({"type": "web_search"}))]), as_typescript(&[]));
    }

    #[test]
    fn a_schema_without_a_bottom_ends() {
        let mut schema = json!({"type": "string"});
        for _ in 0..100 {
            schema = json!({"type": "array", "items": schema});
        }
        let tool = Tool::function("f", "").parameters(json!({"type": "object", "properties": {"a": schema}}));
        assert!(as_typescript(&[tool]).contains("any[][]"));
    }
}
