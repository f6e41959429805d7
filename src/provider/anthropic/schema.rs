//! The subset of JSON Schema that Anthropic's structured outputs enforce.

use serde_json::Value;

use crate::error::Result;
use crate::wire::schema::{
    close_object, flatten_all_of, inline_refs, one_of_as_any_of, say_in_words, tuple_as_list, walk,
};

/// The formats of strings that Anthropic enforces.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// The schema as `output_config.format` takes it.
///
/// By "JSON Schema limitations" in Anthropic's guide to structured outputs: no recursion, no `oneOf`, no bounds on
/// numbers, lengths and items (but `minItems` 0 and 1), and `additionalProperties: false` on every object. What
/// cannot be enforced is said in the description, in LiteLLM's words; patterns too, as only some are accepted.
///
/// # Errors
///
/// Those of [`inline_refs`], and [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for an object that is all
/// free keys, such as a map.
pub(in crate::provider) fn structured(schema: &Value) -> Result<Value> {
    let mut schema = inline_refs(schema)?;
    walk(&mut schema, 0, &mut |node| {
        flatten_all_of(node);
        one_of_as_any_of(node);
        tuple_as_list(node);
        say_in_words(node, |keyword, value| match keyword {
            "minItems" => !matches!(value.as_u64(), Some(0 | 1)),
            "format" => value.as_str().is_none_or(|format| !FORMATS.contains(&format)),
            "enum" => false,
            _ => true,
        });
        close_object(node)
    })?;
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ErrorKind;
    use crate::wire::schema::tests::tree;

    #[test]
    fn a_tree_becomes_what_anthropic_takes() {
        let place = json!({
            "type": "object",
            "properties": {"name": {"type": "string", "description": "Note: minimum length: 1."}},
            "required": ["name"],
            "additionalProperties": false
        });
        assert_eq!(
            structured(&tree()).unwrap(),
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": "Trip",
                "type": "object",
                "properties": {
                    "from": place,
                    "to": {"anyOf": [place, {"type": "null"}], "description": "Where to."},
                    "date": {"type": ["string", "null"], "format": "date"},
                    "seats": {
                        "type": "integer",
                        "description": "Note: minimum value: 1, maximum value: 9, format: uint8."
                    },
                    "mode": {"anyOf": [
                        {"type": "object", "properties": {"kind": {"type": "string", "const": "rail"}},
                         "required": ["kind"], "additionalProperties": false},
                        {"type": "object", "properties": {"kind": {"type": "string", "const": "own"},
                         "plate": {"type": "string"}}, "required": ["kind", "plate"], "additionalProperties": false}
                    ]},
                    "pin": {"type": "array", "items": {"type": "number"},
                        "description": "Note: minimum number of items: 2, maximum number of items: 2."}
                },
                "required": ["from", "mode"],
                "additionalProperties": false
            })
        );
    }

    #[test]
    fn a_note_follows_the_description_that_is_there() {
        assert_eq!(
            structured(&json!({"type": "string", "description": "A code.", "pattern": "^a$", "maxLength": 3})).unwrap(),
            json!({"type": "string", "description": "A code. Note: maximum length: 3, pattern: ^a$."})
        );
    }

    #[test]
    fn at_least_one_item_can_be_enforced() {
        let schema = json!({"type": "array", "items": {"type": "string"}, "minItems": 1});
        assert_eq!(structured(&schema).unwrap(), schema);
    }

    #[test]
    fn objects_are_closed_also_where_they_were_open() {
        let open = json!({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": true});
        let closed = json!({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": false});
        assert_eq!(structured(&open).unwrap(), closed);
        assert_eq!(
            structured(&json!({"type": "object"})).unwrap(),
            json!({"type": "object", "additionalProperties": false})
        );
    }

    #[test]
    fn a_map_is_unsupported_rather_than_always_empty() {
        let error = structured(&json!({"type": "object", "additionalProperties": {"type": "string"}})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn references_that_multiply_are_an_error_and_no_blow_up() {
        let mut definitions = serde_json::Map::new();
        definitions.insert("d0".to_owned(), json!({"type": "string"}));
        for level in 1..60 {
            let below = json!({"$ref": format!("#/$defs/d{}", level - 1)});
            definitions.insert(format!("d{level}"), json!({"type": "object", "properties": {"a": below, "b": below}}));
        }
        let bomb = json!({"$ref": "#/$defs/d59", "$defs": definitions});
        assert_eq!(structured(&bomb).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn a_property_may_bear_the_name_of_a_keyword() {
        let schema = json!({"type": "object", "properties": {
            "$ref": {"type": "string"}, "oneOf": {"type": "string"}, "minimum": {"type": "number"}
        }, "additionalProperties": false});
        assert_eq!(structured(&schema).unwrap(), schema);
    }
}
