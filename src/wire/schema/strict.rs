//! The strict mode of OpenAI and of those that follow it.

use serde_json::{Value, json};

use super::refs::Refs;
use super::{
    Object, check_depth, close_object, flatten_all_of, for_each_child, free_keys, has_type, one_of_as_any_of,
    say_in_words, tuple_as_list, unite, walk,
};
use crate::{Error, ErrorKind, Result};

/// The formats of strings that strict mode enforces.
const FORMATS: [&str; 9] = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// The schema as strict mode takes it, for tools and for `response_format`.
///
/// Holds to what both OpenAI ("Supported schemas" in its guide to structured outputs) and DeepSeek ("strict mode" in
/// its guide to tool calls) enforce: every object closed and every property required, `anyOf` for `oneOf`, no
/// `allOf`, no tuples, no lengths and counts, nothing beside a `$ref`. References stay, so recursion does too. What
/// cannot be enforced is said in the description.
///
/// Making a property required is right for schemas derived from Rust types: an `Option` is nullable there, and
/// anything else has a value to give. In a schema written by hand a property that may be left out should be nullable.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] for an object with free keys, such as a map or a struct that flattens one, for a value of
/// any kind, and where keywords beside a recursive `$ref` would have to be united with it;
/// [`ErrorKind::InvalidRequest`] for what is no JSON Schema.
///
/// ```
/// use anymodel::wire::schema::openai_strict;
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"a": {"type": ["string", "null"], "default": null}}});
/// let strict = json!({
///     "type": "object",
///     "properties": {"a": {"type": ["string", "null"]}},
///     "additionalProperties": false,
///     "required": ["a"],
/// });
/// assert_eq!(openai_strict(&schema)?, strict);
/// # Ok::<(), anymodel::Error>(())
/// ```
pub fn openai_strict(schema: &Value) -> Result<Value> {
    let mut refs = Refs::new(schema)?;
    let mut strict = schema.clone();
    open_root(&mut strict, &refs)?;
    walk(&mut strict, 0, &mut |node| {
        settle_reference(node, &mut refs)?;
        flatten_all_of(node);
        one_of_as_any_of(node);
        tuple_as_list(node);
        say_in_words(node, |keyword, value| match keyword {
            "minLength" | "maxLength" | "minItems" | "maxItems" | "uniqueItems" | "minProperties" | "maxProperties" => {
                true
            }
            "format" => value.as_str().is_none_or(|format| !FORMATS.contains(&format)),
            _ => false,
        });
        refuse_free_keys(node)?;
        close_object(node)?;
        if let Some(Value::Object(properties)) = node.get("properties") {
            let names = properties.keys().cloned().map(Value::from).collect();
            node.insert("required".to_owned(), Value::Array(names));
        }
        node.retain(|keyword, _| is_keyword(keyword));
        refuse_anything(node)
    })?;
    Ok(strict)
}

/// Strict mode takes no schema that is met by anything, such as that of a `serde_json::Value`: each has a type, and a
/// list has items.
fn refuse_anything(node: &mut Object) -> Result<()> {
    let says = |keyword: &String| !matches!(keyword.as_str(), "title" | "description" | "$defs" | "definitions");
    let of_anything = !node.keys().any(says) || has_type(node, "array") && !node.contains_key("items");
    let refused = || {
        let message = "a value of any kind (a schema without `type`, or a list without `items`) cannot be enforced by \
                       the provider";
        Err(Error::new(ErrorKind::Unsupported, message))
    };
    match of_anything {
        true => refused(),
        false => for_each_child(node, &mut |child| if *child == Value::Bool(true) { refused() } else { Ok(()) }),
    }
}

/// Keys that are free beside others that have names, such as those of a flattened map, would be lost to a closed object.
fn refuse_free_keys(node: &Object) -> Result<()> {
    match node.get("additionalProperties") {
        None | Some(Value::Bool(false)) => Ok(()),
        Some(_) => Err(free_keys()),
    }
}

/// The root must be an object itself, so where it is a reference it takes on the target; `$defs` stay.
fn open_root(root: &mut Value, refs: &Refs<'_>) -> Result<()> {
    let Value::Object(root) = root else { return Ok(()) };
    let mut seen = Vec::new();
    while let Some(Value::String(reference)) = root.shift_remove("$ref") {
        let Value::Object(target) = refs.resolve(&reference)? else { return Ok(()) };
        if seen.contains(&reference) {
            let message = format!("the schema is nothing but a reference to itself, `{reference}`");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        seen.push(reference);
        check_depth(seen.len())?;
        unite(root, target.clone());
    }
    Ok(())
}

/// Leaves a `$ref` alone in its schema: notes beside it move outside, and constraints are united with its target.
fn settle_reference(node: &mut Object, refs: &mut Refs<'_>) -> Result<()> {
    let Some(reference) = node.get("$ref").cloned() else {
        return if node.contains_key("allOf") { inline(node, refs) } else { Ok(()) };
    };
    node.retain(|keyword, _| is_keyword(keyword) || matches!(keyword.as_str(), "allOf" | "oneOf"));
    if node.len() == 1 {
        return Ok(());
    }
    if node.keys().all(|keyword| matches!(keyword.as_str(), "$ref" | "title" | "description")) {
        node.shift_remove("$ref");
        node.insert("anyOf".to_owned(), json!([{"$ref": reference}]));
        return Ok(());
    }
    inline(node, refs)
}

fn inline(node: &mut Object, refs: &mut Refs<'_>) -> Result<()> {
    let definitions = ["$defs", "definitions"].map(|keyword| (keyword, node.shift_remove(keyword)));
    let mut whole = Value::Object(std::mem::take(node));
    refs.inline(&mut whole, 0)?;
    let Value::Object(whole) = whole else {
        return Err(Error::new(ErrorKind::Unsupported, "the schema has a part that no value can meet"));
    };
    *node = whole;
    for (keyword, definitions) in definitions {
        if let Some(definitions) = definitions {
            node.insert(keyword.to_owned(), definitions);
        }
    }
    Ok(())
}

fn is_keyword(keyword: &str) -> bool {
    matches!(
        keyword,
        "type"
            | "enum"
            | "const"
            | "title"
            | "description"
            | "anyOf"
            | "$ref"
            | "$defs"
            | "definitions"
            | "properties"
            | "required"
            | "additionalProperties"
            | "items"
            | "pattern"
            | "format"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "exclusiveMaximum"
            | "multipleOf"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::schema::tests::tree;

    fn strict(schema: Value) -> Value {
        openai_strict(&schema).unwrap()
    }

    #[test]
    fn a_tree_becomes_what_strict_mode_takes() {
        assert_eq!(
            strict(tree()),
            json!({
                "title": "Trip",
                "type": "object",
                "properties": {
                    "from": {"$ref": "#/$defs/Place"},
                    "to": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "description": "Where to."},
                    "date": {"type": ["string", "null"], "format": "date"},
                    "seats": {"type": "integer", "minimum": 1, "maximum": 9, "description": "Note: format: uint8."},
                    "mode": {"anyOf": [
                        {"type": "object", "properties": {"kind": {"type": "string", "const": "rail"}},
                         "required": ["kind"], "additionalProperties": false},
                        {"type": "object", "properties": {"kind": {"type": "string", "const": "own"},
                         "plate": {"type": "string"}}, "required": ["kind", "plate"], "additionalProperties": false}
                    ]},
                    "pin": {"type": "array", "items": {"type": "number"},
                        "description": "Note: minimum number of items: 2, maximum number of items: 2."}
                },
                "required": ["from", "to", "date", "seats", "mode", "pin"],
                "additionalProperties": false,
                "$defs": {
                    "Place": {"type": "object", "required": ["name"], "additionalProperties": false,
                        "properties": {"name": {"type": "string", "description": "Note: minimum length: 1."}}},
                    "Car": {"type": "object", "required": ["plate"], "additionalProperties": false,
                        "properties": {"plate": {"type": "string"}}}
                }
            })
        );
    }

    #[test]
    fn a_recursive_type_keeps_its_references() {
        assert_eq!(
            strict(json!({"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}})),
            json!({"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
                "required": ["next"], "additionalProperties": false})
        );
    }

    #[test]
    fn a_description_beside_a_reference_moves_outside_it() {
        let schema = strict(json!({"type": "object", "$defs": {"A": {"type": "string"}},
            "properties": {"a": {"$ref": "#/$defs/A", "description": "Mine.", "default": "x"}}}));
        assert_eq!(schema["properties"]["a"], json!({"anyOf": [{"$ref": "#/$defs/A"}], "description": "Mine."}));
    }

    #[test]
    fn a_root_that_is_a_reference_becomes_an_object() {
        let schema = strict(json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object",
            "properties": {"a": {"$ref": "#/$defs/A"}}}}}));
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["properties"]["a"], json!({"$ref": "#/$defs/A"}));
        assert_eq!(schema["$defs"]["A"]["required"], json!(["a"]));
        assert!(openai_strict(&json!({"$ref": "#"})).is_err());
    }

    #[test]
    fn references_in_all_of_are_united() {
        let schema = strict(json!({"type": "object", "$defs": {"A": {"properties": {"x": {"type": "null"}}}},
            "properties": {"a": {"allOf": [{"$ref": "#/$defs/A"}, {"properties": {"y": {"type": "null"}}}]}}}));
        assert_eq!(
            schema["properties"]["a"],
            json!({"properties": {"x": {"type": "null"}, "y": {"type": "null"}}, "required": ["x", "y"],
                "additionalProperties": false})
        );
    }

    #[test]
    fn keywords_beside_a_recursive_reference_are_unsupported() {
        let error = openai_strict(&json!({"type": "object", "properties": {
            "a": {"$ref": "#", "properties": {"b": {"type": "null"}}}}}))
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn a_map_is_unsupported_rather_than_always_empty() {
        let named = json!({"a": {"type": "null"}});
        for schema in [
            json!({"type": "object", "additionalProperties": true}),
            json!({"type": "object", "properties": named, "additionalProperties": true}),
            json!({"type": "object", "properties": named, "additionalProperties": {"type": "string"}}),
        ] {
            assert_eq!(openai_strict(&schema).unwrap_err().kind(), ErrorKind::Unsupported, "{schema}");
        }
    }

    #[test]
    fn a_value_of_any_kind_is_unsupported() {
        for any in [json!(true), json!({}), json!({"description": "Anything."}), json!({"type": "array"})] {
            for schema in [
                json!({"type": "object", "properties": {"a": any}}),
                json!({"type": "array", "items": any}),
                json!({"anyOf": [{"type": "null"}, any]}),
            ] {
                assert_eq!(openai_strict(&schema).unwrap_err().kind(), ErrorKind::Unsupported, "{schema}");
            }
        }
    }
}
