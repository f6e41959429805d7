//! Gemini's `Schema`, a subset of OpenAPI 3.0's.

use serde_json::{Value, json};

use crate::Result;
use crate::wire::schema::{
    Budget, Object, flatten_all_of, for_each_child, inline_refs, measure, one_of_as_any_of, say_in_words, take_list,
    tuple_as_list, unite, walk,
};

/// The schema as Gemini's function declarations take their `parameters`.
///
/// The fields are those of the message `Schema` in `google/ai/generativelanguage/v1beta/content.proto`; all others
/// are left out, and so is a field that says nothing of its type. References are inlined. A `null` in `anyOf` makes
/// the other branches `nullable`, and a list of types becomes `anyOf`, as LiteLLM has it. Beside `anyOf` Gemini
/// accepts nothing, so each branch takes on what stood there. Every schema has a type, and every array its items.
///
/// # Errors
///
/// Those of [`inline_refs`].
///
/// ```
/// use anymodel::provider::gemini::schema::subset;
/// use serde_json::json;
///
/// let schema = json!({"anyOf": [{"type": "string", "const": "x"}, {"type": "null"}], "title": "X"});
/// let taken = json!({"anyOf": [{"type": "string", "enum": ["x"], "nullable": true, "title": "X"}]});
/// assert_eq!(subset(&schema)?, taken);
/// # Ok::<(), anymodel::Error>(())
/// ```
pub fn subset(schema: &Value) -> Result<Value> {
    rewrite(schema, false)
}

/// [`subset`], with `propertyOrdering` on every object: as `response_schema` takes it, where a model would otherwise
/// answer in alphabetical order.
///
/// # Errors
///
/// Those of [`inline_refs`].
pub fn ordered_subset(schema: &Value) -> Result<Value> {
    rewrite(schema, true)
}

fn rewrite(schema: &Value, ordered: bool) -> Result<Value> {
    let mut schema = inline_refs(schema)?;
    let mut budget = Budget::default();
    if schema.is_boolean() {
        schema = json!({});
    }
    walk(&mut schema, 0, &mut |node| {
        flatten_all_of(node);
        one_of_as_any_of(node);
        tuple_as_list(node);
        const_as_enum(node);
        null_branch_as_nullable(node);
        types_as_branches(node);
        if node.contains_key("anyOf") {
            branches_alone(node, &mut budget)?;
        } else {
            let kind = settle_type(node);
            settle_enum(node, &kind);
            say_in_words(node, |keyword, value| match keyword {
                "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => true,
                "format" => kind == "string" && !has_format(&kind, value),
                _ => false,
            });
            settle_items(node, &kind);
            settle_properties(node, ordered);
            node.retain(|field, value| is_field(&kind, field, value));
        }
        for_each_child(node, &mut |child| {
            if child.is_boolean() {
                *child = json!({});
            }
            Ok(())
        })
    })?;
    Ok(schema)
}

fn const_as_enum(node: &mut Object) {
    if let Some(value) = node.shift_remove("const") {
        node.insert("enum".to_owned(), json!([value]));
    }
}

fn null_branch_as_nullable(node: &mut Object) {
    let Some(Value::Array(branches)) = node.get_mut("anyOf") else { return };
    let before = branches.len();
    branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
    if branches.is_empty() {
        node.shift_remove("anyOf");
        if before > 0 {
            node.insert("type".to_owned(), json!("null"));
        }
    } else if branches.len() < before {
        for branch in branches.iter_mut().filter_map(Value::as_object_mut) {
            branch.insert("nullable".to_owned(), Value::Bool(true));
        }
    }
}

fn types_as_branches(node: &mut Object) {
    let Some(Value::Array(types)) = node.get("type") else { return };
    let types: Vec<Value> = types.iter().filter(|kind| kind.is_string()).cloned().collect();
    match types.as_slice() {
        [] => {
            node.shift_remove("type");
        }
        [only] => {
            node.insert("type".to_owned(), only.clone());
        }
        _ if node.contains_key("anyOf") => {
            node.shift_remove("type");
        }
        several => {
            let branches = several.iter().map(|kind| json!({"type": kind})).collect();
            node.shift_remove("type");
            node.insert("anyOf".to_owned(), Value::Array(branches));
        }
    }
}

/// Leaves `anyOf` alone in its schema: each branch takes on what stood beside it, but for values that may not fit.
fn branches_alone(node: &mut Object, budget: &mut Budget) -> Result<()> {
    let mut branches = take_list(node, "anyOf");
    let mut beside = std::mem::take(node);
    beside.retain(|field, _| !matches!(field.as_str(), "default" | "example" | "examples"));
    let description = beside.shift_remove("description").filter(Value::is_string);
    let beside = Value::Object(beside);
    let size = measure(&beside, 0)?.saturating_add(description.as_ref().map_or(0, |text| text.to_string().len()));
    for branch in &mut branches {
        budget.spend(size)?;
        if branch.is_boolean() {
            *branch = json!({});
        }
        if let (Value::Object(branch), Value::Object(beside)) = (branch, beside.clone()) {
            unite(branch, beside);
            describe(branch, description.as_ref().and_then(Value::as_str));
        }
    }
    node.insert("anyOf".to_owned(), Value::Array(branches));
    Ok(())
}

/// Puts the description of the whole before that of the branch.
fn describe(branch: &mut Object, whole: Option<&str>) {
    let Some(whole) = whole else { return };
    let description = match branch.get("description").and_then(Value::as_str) {
        Some(own) if own != whole && !own.is_empty() => format!("{whole} {own}"),
        _ => whole.to_owned(),
    };
    branch.insert("description".to_owned(), description.into());
}

/// The schema's type in lower case; where it says none, the one that its keywords are about.
fn settle_type(node: &mut Object) -> String {
    if let Some(kind) = node.get("type").and_then(Value::as_str) {
        return kind.to_ascii_lowercase();
    }
    let says = |fields: &[&str]| fields.iter().any(|field| node.contains_key(*field));
    let first = node.get("enum").and_then(|values| values.get(0));
    let kind = match first {
        _ if says(&["properties", "required"]) => "object",
        _ if says(&["items", "minItems", "maxItems"]) => "array",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(number)) if number.is_f64() => "number",
        Some(Value::Number(_)) => "integer",
        Some(_) => "string",
        None if says(&["pattern", "minLength", "maxLength"]) => "string",
        None if says(&["minimum", "maximum"]) => "number",
        None => "object",
    };
    node.insert("type".to_owned(), kind.into());
    kind.to_owned()
}

/// Gemini takes an `enum` of strings that are not empty; any other is said in words.
fn settle_enum(node: &mut Object, kind: &str) {
    if kind != "string" {
        say_in_words(node, |keyword, _| keyword == "enum");
        return;
    }
    let mut values = take_list(node, "enum");
    if values.iter().any(Value::is_null) {
        node.insert("nullable".to_owned(), Value::Bool(true));
    }
    values.retain(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    if !values.is_empty() {
        node.insert("enum".to_owned(), Value::Array(values));
    }
}

fn settle_items(node: &mut Object, kind: &str) {
    if kind == "array" && !node.contains_key("items") {
        node.insert("items".to_owned(), json!({}));
    }
}

/// Gemini refuses a required name that is no property.
fn settle_properties(node: &mut Object, ordered: bool) {
    let properties = node.get("properties").and_then(Value::as_object);
    let names: Vec<Value> = properties.into_iter().flat_map(Object::keys).cloned().map(Value::from).collect();
    let known = |name: &Value| name.as_str().is_some_and(|name| properties.is_some_and(|all| all.contains_key(name)));
    let required: Vec<Value> = match node.get("required") {
        Some(Value::Array(required)) => required.iter().filter(|name| known(name)).cloned().collect(),
        _ => Vec::new(),
    };
    node.shift_remove("required");
    if !required.is_empty() {
        node.insert("required".to_owned(), Value::Array(required));
    }
    if ordered && !names.is_empty() {
        node.entry("propertyOrdering").or_insert(Value::Array(names));
    }
}

/// Whether a field is one of Gemini's, and says something of a value of this type.
fn is_field(kind: &str, field: &str, value: &Value) -> bool {
    match field {
        "type" | "title" | "description" => true,
        "nullable" | "default" | "example" => kind != "null",
        "format" => has_format(kind, value),
        "enum" | "minLength" | "maxLength" | "pattern" => kind == "string",
        "minimum" | "maximum" => matches!(kind, "integer" | "number"),
        "items" | "minItems" | "maxItems" => kind == "array",
        "properties" | "required" | "minProperties" | "maxProperties" | "propertyOrdering" => kind == "object",
        _ => false,
    }
}

/// The formats that "Schema" in Gemini's API reference lists; the API refuses others.
fn has_format(kind: &str, format: &Value) -> bool {
    matches!(
        (kind, format.as_str()),
        ("string", Some("enum" | "date-time"))
            | ("integer", Some("int32" | "int64"))
            | ("number", Some("float" | "double"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::schema::tests::tree;

    fn rewritten(schema: Value) -> Value {
        subset(&schema).unwrap()
    }

    #[test]
    fn a_tree_becomes_what_gemini_takes() {
        let properties = json!({"name": {"type": "string", "minLength": 1}});
        assert_eq!(
            rewritten(tree()),
            json!({
                "title": "Trip",
                "type": "object",
                "properties": {
                    "from": {"type": "object", "properties": properties, "required": ["name"]},
                    "to": {"anyOf": [{"type": "object", "properties": properties, "required": ["name"],
                        "nullable": true, "description": "Where to."}]},
                    "date": {"anyOf": [{"type": "string", "description": "Note: format: date."}, {"type": "null"}]},
                    "seats": {"type": "integer", "minimum": 1, "maximum": 9},
                    "mode": {"anyOf": [
                        {"type": "object", "properties": {"kind": {"type": "string", "enum": ["rail"]}}, "required": ["kind"]},
                        {"type": "object", "properties": {"kind": {"type": "string", "enum": ["own"]},
                            "plate": {"type": "string"}}, "required": ["kind", "plate"]}
                    ]},
                    "pin": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
                },
                "required": ["from", "mode"]
            })
        );
    }

    #[test]
    fn a_list_of_types_becomes_branches_that_keep_what_concerns_them() {
        assert_eq!(
            rewritten(json!({"type": ["array", "null"], "items": {"type": "string"}, "description": "Tags."})),
            json!({"anyOf": [{"type": "array", "items": {"type": "string"}, "description": "Tags."},
                {"type": "null", "description": "Tags."}]})
        );
        assert_eq!(rewritten(json!({"type": ["string"]})), json!({"type": "string"}));
    }

    #[test]
    fn unknown_keywords_are_left_out() {
        assert_eq!(
            rewritten(
                json!({"$schema": "x", "$id": "y", "type": "object", "strict": true, "additionalProperties": false,
                "properties": {"a": {"type": "string", "examples": ["x"], "contentEncoding": "base64"}}, "required": ["a", "b"]})
            ),
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
        );
    }

    #[test]
    fn every_schema_gets_a_type_and_every_array_its_items() {
        assert_eq!(
            rewritten(json!({"properties": {"a": {}, "b": true, "c": {"type": "array"}, "d": {"items": true},
                "e": {"enum": ["x"]}, "f": {"const": 2}, "g": {"minimum": 1}}})),
            json!({"type": "object", "properties": {"a": {"type": "object"}, "b": {"type": "object"},
                "c": {"type": "array", "items": {"type": "object"}}, "d": {"type": "array", "items": {"type": "object"}},
                "e": {"type": "string", "enum": ["x"]},
                "f": {"type": "integer", "description": "Note: allowed values: 2."},
                "g": {"type": "number", "minimum": 1}}})
        );
        assert_eq!(rewritten(json!(true)), json!({"type": "object"}));
    }

    #[test]
    fn an_enum_holds_strings_that_are_not_empty() {
        assert_eq!(
            rewritten(json!({"type": "string", "enum": ["a", "", null]})),
            json!({"type": "string", "enum": ["a"], "nullable": true})
        );
    }

    #[test]
    fn what_stands_beside_any_of_moves_into_its_branches() {
        assert_eq!(
            rewritten(
                json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "default": {},
                "description": "All.",
                "anyOf": [{"properties": {"a": {"type": "null"}}, "required": ["a"], "description": "One."}, {}]})
            ),
            json!({"anyOf": [
                {"type": "object", "properties": {"a": {"type": "null"}, "id": {"type": "string"}}, "required": ["a", "id"],
                 "description": "All. One."},
                {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "description": "All."}
            ]})
        );
    }

    #[test]
    fn branches_that_multiply_are_an_error_and_no_blow_up() {
        let branches: Vec<Value> = (0..5_000).map(|_| json!({})).collect();
        let error = subset(&json!({"anyOf": branches, "title": "x".repeat(5_000)})).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
    }

    #[test]
    fn bounds_that_gemini_has_no_field_for_are_said_in_words() {
        assert_eq!(
            rewritten(json!({"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5, "maximum": 2})),
            json!({"type": "number", "description": "Note: exclusive minimum value: 0, multiple of: 0.5.", "maximum": 2})
        );
    }

    #[test]
    fn an_ordered_schema_lists_its_properties_unless_it_does_already() {
        assert_eq!(
            ordered_subset(&json!({"properties": {"b": {"type": "string"},
                "a": {"properties": {"y": {"type": "null"}, "x": {"type": "null"}}, "propertyOrdering": ["x", "y"]}}}))
            .unwrap(),
            json!({"type": "object", "properties": {"b": {"type": "string"},
                "a": {"type": "object", "properties": {"y": {"type": "null"}, "x": {"type": "null"}}, "propertyOrdering": ["x", "y"]}},
                "propertyOrdering": ["b", "a"]})
        );
    }
}
