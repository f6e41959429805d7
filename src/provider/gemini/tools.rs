//! `tools` and `toolConfig`.

use serde_json::{Map, Value, json};

use super::schema;
use crate::chat::{Params, Tool, ToolChoice, Warning};
use crate::error::{Error, Result};
use crate::model::{ReasoningStyle, Traits};
use crate::provider::params::warn_once;
use crate::wire::json::Object;
use crate::wire::schema::is_cyclic;

/// Sets `tools` and `toolConfig`.
pub(super) fn set(
    body: &mut Object,
    params: &Params,
    known: &Traits,
    provider: &str,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let mut functions = Vec::new();
    let mut native = Vec::new();
    for tool in params.tools.iter().flatten() {
        match tool {
            Tool::Function { name, description, parameters, strict, cache_control, .. } => {
                functions.push(declaration(name, description.as_deref(), parameters.as_ref())?);
                if *strict == Some(true) {
                    warn_once(warnings, "strict", "left out: Gemini holds calls to their schema by its own means");
                }
                if cache_control.is_some() {
                    warn_once(warnings, "cache_control", super::contents::IMPLICIT_CACHE);
                }
            }
            Tool::Native(value) => native.push(builtin(value, provider)?),
        }
    }
    for function in params.functions.iter().flat_map(|list| list.as_array()).flatten() {
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        let description = function.get("description").and_then(Value::as_str);
        functions.push(declaration(name, description, function.get("parameters"))?);
    }
    if let Some(options) = &params.web_search_options {
        native.push(json!({"googleSearch": {}}));
        if options.search_context_size.is_some() || options.user_location.is_some() {
            let message = "`search_context_size` and `user_location` left out: Google Search has neither";
            warnings.push(Warning::new("web_search_options", message));
        }
    }
    let both = !functions.is_empty() && !native.is_empty();
    let mut tools = Vec::new();
    if !functions.is_empty() {
        tools.push(json!({"functionDeclarations": functions}));
    }
    tools.extend(native);
    if !tools.is_empty() {
        body.set("tools", &tools)?;
    }
    let mut config = choice(params, provider)?;
    if both && known.reasoning == Some(ReasoningStyle::Level) {
        // From Gemini 3 on functions and Google's own tools go together, where the calls of the latter are told
        // (https://ai.google.dev/gemini-api/docs/tool-combination).
        config.insert("includeServerSideToolInvocations".to_owned(), true.into());
    }
    if !config.is_empty() {
        body.set("toolConfig", &config)?;
    }
    Ok(())
}

/// A function. One without arguments has no `parameters`: Gemini takes no object without properties there. A schema that
/// refers to itself goes as JSON Schema, which has references (`FunctionDeclaration.parameters_json_schema` in
/// `google/ai/generativelanguage/v1beta/content.proto`).
fn declaration(name: &str, description: Option<&str>, parameters: Option<&Value>) -> Result<Value> {
    let mut function = Map::new();
    function.insert("name".to_owned(), name.into());
    if let Some(description) = description {
        function.insert("description".to_owned(), description.into());
    }
    let takes_some = |schema: &&Value| match schema.get("properties").and_then(Value::as_object) {
        Some(properties) => !properties.is_empty(),
        None => schema
            .as_object()
            .is_some_and(|schema| schema.keys().any(|key| key != "type" && key != "additionalProperties")),
    };
    match parameters.filter(takes_some) {
        Some(schema) if is_cyclic(schema) => {
            function.insert("parametersJsonSchema".to_owned(), schema.clone());
        }
        Some(schema) => {
            function.insert("parameters".to_owned(), schema::subset(schema)?);
        }
        None => {}
    }
    Ok(function.into())
}

/// One of Google's own tools, in its form or in OpenAI's.
fn builtin(tool: &Value, provider: &str) -> Result<Value> {
    match tool.get("type").and_then(Value::as_str) {
        None if tool.is_object() => Ok(tool.clone()),
        Some("web_search" | "web_search_preview") => Ok(json!({"googleSearch": {}})),
        Some("code_interpreter") => Ok(json!({"codeExecution": {}})),
        kind => Err(Error::unsupported(&format!("tools: {}", kind.unwrap_or("a tool that is no object")), provider)),
    }
}

/// Which of the functions the model may or must call.
fn choice(params: &Params, provider: &str) -> Result<Map<String, Value>> {
    let older = params.function_call.as_ref().map(|choice| match (choice.as_str(), choice.get("name")) {
        (Some("none"), _) => ToolChoice::None,
        (_, Some(Value::String(name))) => ToolChoice::Function(name.clone()),
        _ => ToolChoice::Auto,
    });
    let calling = match params.tool_choice.as_ref().or(older.as_ref()) {
        None => return Ok(Map::new()),
        Some(ToolChoice::Auto) => json!({"mode": "AUTO"}),
        Some(ToolChoice::None) => json!({"mode": "NONE"}),
        Some(ToolChoice::Required) => json!({"mode": "ANY"}),
        Some(ToolChoice::Function(name)) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
        Some(ToolChoice::Native(value)) => match (value.get("allowed_tools"), value.as_object()) {
            (Some(allowed), _) => allowed_tools(allowed),
            (None, Some(config)) if config.contains_key("functionCallingConfig") => return Ok(config.clone()),
            _ => return Err(Error::unsupported(&format!("tool_choice: {value}"), provider)),
        },
    };
    Ok(Map::from_iter([("functionCallingConfig".to_owned(), calling)]))
}

/// OpenAI's `allowed_tools`. Gemini takes names where calls are demanded or validated, not with `AUTO`.
fn allowed_tools(allowed: &Value) -> Value {
    let mode = if allowed.get("mode").is_some_and(|mode| mode == "required") { "ANY" } else { "VALIDATED" };
    let tools = allowed.get("tools").and_then(Value::as_array);
    let name = |tool: &Value| tool.pointer("/function/name").or_else(|| tool.get("name")).cloned();
    let names: Vec<Value> = tools.into_iter().flatten().filter_map(name).collect();
    json!({"mode": mode, "allowedFunctionNames": names})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::traits;

    fn sent(model: &str, params: &Value) -> (Value, Vec<Warning>) {
        let params: Params = serde_json::from_value(params.clone()).unwrap();
        let (mut body, mut warnings) = (Object::new(), Vec::new());
        set(&mut body, &params, &traits(model), "gemini", &mut warnings).unwrap();
        (serde_json::from_slice(&body.to_bytes()).unwrap(), warnings)
    }

    fn function(name: &str) -> Value {
        json!({"type": "function", "function": {"name": name, "description": "d"}})
    }

    #[test]
    fn functions_are_declared_together() {
        let parameters = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let empty = json!({"type": "function", "function": {"name": "b", "parameters": parameters}});
        let (body, _) = sent("gemini-2.5-pro", &json!({"tools": [function("a"), empty]}));
        assert_eq!(
            body,
            json!({"tools": [{"functionDeclarations": [{"name": "a", "description": "d"}, {"name": "b"}]}]})
        );
    }

    #[test]
    fn parameters_that_refer_to_themselves_go_as_json_schema() {
        let node = json!({"type": "object", "properties": {
            "kids": {"type": "array", "items": {"$ref": "#/$defs/Node"}}, "name": {"$ref": "#/$defs/Name"}}});
        let tree = json!({"type": "object", "properties": {"root": {"$ref": "#/$defs/Node"}},
            "$defs": {"Node": node, "Name": {"type": "string"}}});
        let flat = json!({"type": "object", "properties": {"root": {"$ref": "#/$defs/Name"}},
            "$defs": {"Name": {"type": "string"}}});
        let tool =
            |name: &str, schema: &Value| json!({"type": "function", "function": {"name": name, "parameters": schema}});
        let (body, _) = sent("gemini-2.5-pro", &json!({"tools": [tool("a", &tree), tool("b", &flat)]}));
        let declared = &body["tools"][0]["functionDeclarations"];
        assert_eq!(declared[0], json!({"name": "a", "parametersJsonSchema": tree}));
        assert_eq!(declared[1]["parameters"]["properties"]["root"]["type"], "string");
        assert!(declared[1].get("parametersJsonSchema").is_none());
    }

    #[test]
    fn googles_own_tools_go_through_beside_functions() {
        let tools = json!([{"urlContext": {}}, function("a"), {"type": "code_interpreter"}]);
        let expected = json!([{"functionDeclarations": [{"name": "a", "description": "d"}]}, {"urlContext": {}}, {"codeExecution": {}}]);
        let (body, _) = sent("gemini-2.5-pro", &json!({"tools": tools}));
        assert_eq!(body, json!({"tools": expected}));
        let (body, warnings) =
            sent("gemini-3-flash-preview", &json!({"tools": [function("a")], "web_search_options": {}}));
        assert_eq!(body["tools"][1], json!({"googleSearch": {}}));
        assert_eq!(body["toolConfig"], json!({"includeServerSideToolInvocations": true}));
        assert!(warnings.is_empty());
    }

    #[test]
    fn every_choice_has_its_mode() {
        for (choice, calling) in [
            (json!("auto"), json!({"mode": "AUTO"})),
            (json!("none"), json!({"mode": "NONE"})),
            (json!("required"), json!({"mode": "ANY"})),
            (
                json!({"type": "function", "function": {"name": "a"}}),
                json!({"mode": "ANY", "allowedFunctionNames": ["a"]}),
            ),
            (
                json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function("a")]}}),
                json!({"mode": "VALIDATED", "allowedFunctionNames": ["a"]}),
            ),
        ] {
            let (body, _) = sent("gemini-2.5-pro", &json!({"tool_choice": choice}));
            assert_eq!(body["toolConfig"], json!({"functionCallingConfig": calling}));
        }
    }

    #[test]
    fn tools_in_openais_older_form_are_tools() {
        let (body, _) = sent("gemini-2.5-pro", &json!({"functions": [{"name": "a"}], "function_call": {"name": "a"}}));
        assert_eq!(body["tools"], json!([{"functionDeclarations": [{"name": "a"}]}]));
        assert_eq!(body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"], json!(["a"]));
    }

    #[test]
    fn a_tool_of_another_provider_is_an_error_that_names_it() {
        let params: Params = serde_json::from_value(json!({"tools": [{"type": "computer_20250124"}]})).unwrap();
        let error = set(&mut Object::new(), &params, &Traits::default(), "gemini", &mut Vec::new()).unwrap_err();
        assert!(error.message().contains("computer_20250124"), "{error}");
    }

    #[test]
    fn what_search_has_no_field_for_is_said() {
        let (body, warnings) = sent("gemini-2.5-pro", &json!({"web_search_options": {"search_context_size": "low"}}));
        assert_eq!((body, warnings.len()), (json!({"tools": [{"googleSearch": {}}]}), 1));
    }
}
