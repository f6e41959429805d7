//! The subsets of JSON Schema (draft 2020-12) that providers take.
//!
//! A caller writes one schema, by hand or derived from a type; what a provider's constrained decoding accepts of it
//! differs. These functions rewrite a schema into such a subset. What the subset cannot enforce but a model can heed
//! goes into the `description`; what would change the meaning is an error that names it.
//!
//! They are safe for schemas from anywhere: depth and total size are bounded, also where references multiply.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

mod refs;
mod strict;

pub use refs::inline_refs;
pub(crate) use refs::is_cyclic;
pub use strict::openai_strict;

/// How deep a schema may nest, before and after its references are inlined. JSON text cannot nest deeper than this
/// in `serde_json` either.
pub const MAX_DEPTH: usize = 128;

/// How large a schema may grow, in about bytes of JSON. Providers' own limits are far below.
pub const MAX_SIZE: usize = 4 * 1024 * 1024;

pub(crate) type Object = Map<String, Value>;
pub(crate) type Rule<'r> = &'r mut dyn FnMut(&mut Object) -> Result<()>;

/// Applies the rule to every schema in a tree, each before those under it.
pub(crate) fn walk(value: &mut Value, depth: usize, rule: Rule<'_>) -> Result<()> {
    check_depth(depth)?;
    let Some(schema) = as_schema(value)? else { return Ok(()) };
    rule(schema)?;
    for_each_child(schema, &mut |child| walk(child, depth.saturating_add(1), rule))
}

/// A schema's keywords; nothing for the schemas `true` and `false`, which have none.
fn as_schema(value: &mut Value) -> Result<Option<&mut Object>> {
    match value {
        Value::Object(schema) => Ok(Some(schema)),
        Value::Bool(_) => Ok(None),
        _ => Err(Error::new(ErrorKind::InvalidRequest, "a JSON Schema is an object, `true` or `false`")),
    }
}

/// Visits the schemas directly under this one. What stands in `enum`, `const`, `default` and the like is data, and a
/// property may bear the name of a keyword: neither is taken for a schema.
pub(crate) fn for_each_child(schema: &mut Object, visit: &mut dyn FnMut(&mut Value) -> Result<()>) -> Result<()> {
    for (keyword, value) in schema.iter_mut() {
        match (keyword.as_str(), value) {
            ("items" | "prefixItems" | "anyOf" | "oneOf" | "allOf", Value::Array(list)) => {
                list.iter_mut().try_for_each(&mut *visit)?;
            }
            (
                "items"
                | "additionalItems"
                | "unevaluatedItems"
                | "contains"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else",
                one,
            ) => visit(one)?,
            (
                "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions",
                Value::Object(named),
            ) => named.values_mut().try_for_each(&mut *visit)?,
            _ => {}
        }
    }
    Ok(())
}

/// What is left of the size that a schema may grow to.
pub(crate) struct Budget(usize);

impl Budget {
    pub(crate) fn spend(&mut self, size: usize) -> Result<()> {
        self.0 = self.0.checked_sub(size).ok_or_else(|| {
            let message = format!("the schema is larger than {MAX_SIZE} bytes when its references are inlined");
            Error::new(ErrorKind::Unsupported, message)
        })?;
        Ok(())
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_SIZE)
    }
}

/// About how many bytes of JSON a value is.
///
/// # Errors
///
/// Where it nests too deep to be walked.
pub(crate) fn measure(value: &Value, depth: usize) -> Result<usize> {
    check_depth(depth)?;
    let below = depth.saturating_add(1);
    match value {
        Value::Object(members) => members.iter().try_fold(2_usize, |sum, (key, value)| {
            Ok(sum.saturating_add(key.len()).saturating_add(4).saturating_add(measure(value, below)?))
        }),
        Value::Array(list) => {
            list.iter().try_fold(2_usize, |sum, value| Ok(sum.saturating_add(1).saturating_add(measure(value, below)?)))
        }
        Value::String(text) => Ok(text.len().saturating_add(2)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(4),
    }
}

fn check_depth(depth: usize) -> Result<()> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, format!("the schema nests deeper than {MAX_DEPTH} levels")))
}

/// Adds what another schema demands as well: the meaning of `allOf`, and of keywords beside a `$ref`.
///
/// Properties and required names are united; of anything else that both say, `schema` keeps its own.
pub(crate) fn unite(schema: &mut Object, other: Object) {
    for (keyword, theirs) in other {
        match (schema.get_mut(&keyword), theirs) {
            (None, theirs) => {
                schema.insert(keyword, theirs);
            }
            (Some(Value::Object(ours)), Value::Object(theirs)) if keyword == "properties" => {
                for (name, property) in theirs {
                    ours.entry(name).or_insert(property);
                }
            }
            (Some(Value::Array(ours)), Value::Array(theirs)) if keyword == "required" => {
                let known: HashSet<&str> = ours.iter().filter_map(Value::as_str).collect();
                let mut new = theirs;
                new.retain(|name| name.as_str().is_some_and(|name| !known.contains(name)));
                ours.extend(new);
            }
            _ => {}
        }
    }
}

/// Takes the members of `allOf` into the schema itself, for subsets that know no `allOf`.
pub(crate) fn flatten_all_of(schema: &mut Object) {
    let mut parts = take_list(schema, "allOf");
    parts.reverse();
    while let Some(part) = parts.pop() {
        if let Value::Object(mut part) = part {
            parts.extend(take_list(&mut part, "allOf").into_iter().rev());
            unite(schema, part);
        }
    }
}

/// `oneOf` as `anyOf`: constrained decoding picks one branch in any case.
pub(crate) fn one_of_as_any_of(schema: &mut Object) {
    if let Some(branches) = schema.shift_remove("oneOf") {
        schema.entry("anyOf").or_insert(branches);
    }
}

/// A tuple (`prefixItems`, in older drafts a list in `items`) as a list whose items are any of the tuple's, for
/// subsets that know no tuples. Which comes where is said in the description.
pub(crate) fn tuple_as_list(schema: &mut Object) {
    let mut kinds = take_list(schema, "prefixItems");
    if schema.get("items").is_some_and(Value::is_array) {
        kinds.extend(take_list(schema, "items"));
    }
    if kinds.is_empty() {
        return;
    }
    let order: Option<Vec<&str>> = kinds.iter().map(in_a_word).collect();
    let order = order.map(|words| format!("items in this order: {}", words.join(", ")));
    kinds.extend(schema.shift_remove("items").filter(|items| !items.is_boolean()));
    let mut seen = HashSet::new();
    kinds.retain(|kind| seen.insert(kind.to_string()));
    if let Some(order) = order.filter(|_| kinds.len() > 1) {
        note(schema, &order);
    }
    let only = if kinds.len() == 1 { kinds.pop() } else { None };
    let items = only.unwrap_or_else(|| Value::Object(Object::from_iter([("anyOf".to_owned(), Value::Array(kinds))])));
    schema.insert("items".to_owned(), items);
}

/// What a value is in a word, where its schema has one.
fn in_a_word(schema: &Value) -> Option<&str> {
    let text = |keyword| schema.get(keyword).and_then(Value::as_str);
    text("type").or_else(|| text("$ref")?.rsplit('/').next()).or_else(|| text("title"))
}

/// Constraints that can be said in words, with the words; the numeric ones as LiteLLM says them.
const WORDS: [(&str, &str); 15] = [
    ("minimum", "minimum value"),
    ("maximum", "maximum value"),
    ("exclusiveMinimum", "exclusive minimum value"),
    ("exclusiveMaximum", "exclusive maximum value"),
    ("multipleOf", "multiple of"),
    ("minLength", "minimum length"),
    ("maxLength", "maximum length"),
    ("pattern", "pattern"),
    ("format", "format"),
    ("minItems", "minimum number of items"),
    ("maxItems", "maximum number of items"),
    ("uniqueItems", "unique items"),
    ("minProperties", "minimum number of properties"),
    ("maxProperties", "maximum number of properties"),
    ("enum", "allowed values"),
];

/// Moves the constraints of these keywords into the description: "Note: minimum value: 1, maximum value: 9."
pub(crate) fn say_in_words(schema: &mut Object, moves: impl Fn(&str, &Value) -> bool) {
    let mut notes = Vec::new();
    for (keyword, words) in WORDS {
        if !schema.get(keyword).is_some_and(|value| moves(keyword, value)) {
            continue;
        }
        match schema.shift_remove(keyword) {
            Some(Value::String(text)) => notes.push(format!("{words}: {text}")),
            Some(Value::Array(values)) => {
                let values: Vec<String> = values.iter().map(Value::to_string).collect();
                notes.push(format!("{words}: {}", values.join(" | ")));
            }
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(value) => notes.push(format!("{words}: {value}")),
        }
    }
    if !notes.is_empty() {
        note(schema, &notes.join(", "));
    }
}

/// Adds a note to the description.
fn note(schema: &mut Object, note: &str) {
    let note = format!("Note: {note}.");
    let description = match schema.get("description").and_then(Value::as_str) {
        Some(text) if !text.is_empty() => format!("{text} {note}"),
        _ => note,
    };
    schema.insert("description".to_owned(), description.into());
}

/// `additionalProperties: false` on an object.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] for an object that is all free keys: closed, it could only be empty.
pub(crate) fn close_object(schema: &mut Object) -> Result<()> {
    let properties = schema.get("properties").and_then(Value::as_object);
    if !has_type(schema, "object") && properties.is_none() {
        return Ok(());
    }
    let free = |keyword| schema.get(keyword).is_some_and(|value| *value != Value::Bool(false));
    if properties.is_none_or(Map::is_empty) && (free("additionalProperties") || free("patternProperties")) {
        return Err(free_keys());
    }
    schema.shift_remove("patternProperties");
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    Ok(())
}

fn free_keys() -> Error {
    let message = "an object with free keys (`additionalProperties`, as of a map) cannot be enforced by the provider; use \
                   a list of key and value instead";
    Error::new(ErrorKind::Unsupported, message)
}

fn has_type(schema: &Object, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

pub(crate) fn take_list(schema: &mut Object, keyword: &str) -> Vec<Value> {
    match schema.shift_remove(keyword) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SUBSETS: [fn(&Value) -> Result<Value>; 2] = [inline_refs, openai_strict];

    /// A tree as `schemars` writes it: a reference, a nullable reference, a nullable type, a tagged union, a tuple.
    pub(crate) fn tree() -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Trip",
            "type": "object",
            "properties": {
                "from": {"$ref": "#/$defs/Place"},
                "to": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "description": "Where to."},
                "date": {"type": ["string", "null"], "format": "date"},
                "seats": {"type": "integer", "format": "uint8", "minimum": 1, "maximum": 9},
                "mode": {"oneOf": [
                    {"type": "object", "properties": {"kind": {"type": "string", "const": "rail"}}, "required": ["kind"]},
                    {"type": "object", "properties": {"kind": {"type": "string", "const": "own"}}, "required": ["kind"],
                     "$ref": "#/$defs/Car"}
                ]},
                "pin": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}], "minItems": 2, "maxItems": 2}
            },
            "required": ["from", "mode"],
            "$defs": {
                "Place": {"type": "object", "properties": {"name": {"type": "string", "minLength": 1}}, "required": ["name"]},
                "Car": {"type": "object", "properties": {"plate": {"type": "string"}}, "required": ["plate"]}
            }
        })
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let words = [
            "type",
            "object",
            "array",
            "string",
            "null",
            "properties",
            "items",
            "anyOf",
            "oneOf",
            "allOf",
            "$ref",
            "#",
            "#/$defs/a",
            "#/properties/a",
            "$defs",
            "a",
            "enum",
            "const",
            "required",
            "prefixItems",
            "nullable",
            "additionalProperties",
            "description",
            "format",
            "minimum",
        ];
        let word = prop::sample::select(words.to_vec());
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2_i64..3).prop_map(Value::from),
            word.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 60, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((word.clone(), inner), 0..6)
                    .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    #[test]
    fn the_order_of_a_tuple_is_said_where_it_cannot_be_held_to() {
        let tuple = |kinds: Value| {
            let mut schema = json!({"type": "array", "prefixItems": kinds, "description": "A pair."});
            tuple_as_list(schema.as_object_mut().unwrap());
            schema
        };
        let schema = tuple(json!([{"type": "integer"}, {"$ref": "#/$defs/Unit"}]));
        assert_eq!(schema["description"], "A pair. Note: items in this order: integer, Unit.");
        assert_eq!(schema["items"]["anyOf"].as_array().unwrap().len(), 2);
        assert_eq!(tuple(json!([{"type": "integer"}, {"type": "integer"}]))["description"], "A pair.");
    }

    proptest! {
        #[test]
        fn no_schema_makes_a_subset_panic(schema in any_json()) {
            for subset in SUBSETS {
                let _ = subset(&schema);
            }
        }
    }

    #[test]
    fn what_is_no_schema_is_an_invalid_request() {
        for (subset, schema) in SUBSETS.iter().flat_map(|subset| [(subset, json!(null)), (subset, json!({"items": 7}))])
        {
            assert_eq!(subset(&schema).unwrap_err().kind(), ErrorKind::InvalidRequest, "{schema}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let wrap = |inner, _| Value::Object(Object::from_iter([("items".to_owned(), inner)]));
        let deep = (0..2_000).fold(Value::Bool(true), wrap);
        for subset in SUBSETS {
            let error = subset(&deep).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.message().contains("deeper"), "{error}");
        }
    }

    #[test]
    fn references_that_multiply_are_an_error_and_no_blow_up() {
        let mut definitions = Object::new();
        definitions.insert("d0".to_owned(), json!({"type": "string"}));
        for level in 1..60 {
            let below = json!({"$ref": format!("#/$defs/d{}", level - 1)});
            definitions.insert(format!("d{level}"), json!({"type": "object", "properties": {"a": below, "b": below}}));
        }
        let bomb = json!({"$ref": "#/$defs/d59", "$defs": definitions, "properties": {"c": {}}});
        let error = inline_refs(&bomb).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("larger"), "{error}");
    }

    #[test]
    fn a_property_may_bear_the_name_of_a_keyword() {
        let schema = json!({"type": "object", "properties": {
            "$ref": {"type": "string"}, "$defs": {"type": "string"}, "oneOf": {"type": "string"}, "minimum": {"type": "number"}
        }, "required": ["$ref", "$defs", "oneOf", "minimum"], "additionalProperties": false});
        for subset in [inline_refs, openai_strict] {
            assert_eq!(subset(&schema).unwrap(), schema);
        }
    }

    #[test]
    fn members_of_all_of_are_taken_in_in_their_order() {
        let mut schema = json!({"type": "object", "properties": {"a": {}}, "required": ["a"], "allOf": [
            {"allOf": [{"properties": {"b": {}}, "required": ["b", "a"]}], "properties": {"c": {}}},
            {"properties": {"a": {"type": "string"}, "d": {}}, "description": "two"}
        ]});
        flatten_all_of(schema.as_object_mut().unwrap());
        assert_eq!(
            schema.to_string(),
            json!({"type": "object", "properties": {"a": {}, "c": {}, "b": {}, "d": {}}, "required": ["a", "b"],
                   "description": "two"})
            .to_string()
        );
    }
}
