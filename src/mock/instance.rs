//! The smallest value that satisfies a JSON Schema: what a simulated model answers when it is asked for a type.

use serde_json::{Map, Value, json};

/// How deep a schema may nest before the rest of it is answered with `null`; recursive types end here.
const DEEPEST: u8 = 16;
/// How deep it may nest before what can be `null` is: a type that contains itself ends well where it can end at all.
const DEEP: u8 = 8;

/// An instance of `schema`: required properties only, the first of several choices, the least number allowed.
///
/// Understands the keywords that providers accept for structured output, and Gemini's types in capitals.
pub(super) fn instance(schema: &Value) -> Value {
    within(schema, schema, 0)
}

fn within(root: &Value, schema: &Value, depth: u8) -> Value {
    let depth = depth.saturating_add(1);
    if depth > DEEPEST {
        return Value::Null;
    }
    let one = |schema: &Value| within(root, schema, depth);
    let list = |name: &str| schema.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());

    if let Some(value) = schema.get("const").or_else(|| list("enum")?.first()) {
        return value.clone();
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).map_or(Value::Null, one);
    }
    if let Some(choices) = list("anyOf").or_else(|| list("oneOf")) {
        let wanted = |choice: &&Value| (kind(choice) == Some("null")) == (depth > DEEP);
        let choice = choices.iter().find(wanted).or_else(|| choices.first());
        return choice.map_or(Value::Null, one);
    }
    if let Some(parts) = list("allOf") {
        let mut merged = Map::new();
        let mut last = Value::Null;
        for part in parts {
            match one(part) {
                Value::Object(fields) => merged.extend(fields),
                value => last = value,
            }
        }
        return if merged.is_empty() { last } else { merged.into() };
    }
    match kind(schema).map(str::to_ascii_lowercase).as_deref() {
        Some("string") => text(schema).into(),
        Some("integer" | "number") => number(schema),
        Some("boolean") => false.into(),
        Some("array") => array(schema, one),
        Some("object") => object(schema, one),
        Some(_) => Value::Null,
        None if schema.get("properties").is_some() => object(schema, one),
        None if schema.get("items").is_some() => array(schema, one),
        None => Value::Null,
    }
}

/// The type, and of several the first that is not `null`.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").or_else(|| kinds.first()?.as_str())
        }
        _ => None,
    }
}

fn object(schema: &Value, one: impl Fn(&Value) -> Value) -> Value {
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    let property = |name: &str| schema.get("properties").and_then(|all| all.get(name)).map_or(Value::Null, &one);
    names.map(|name| (name.to_owned(), property(name))).collect::<Map<_, _>>().into()
}

fn array(schema: &Value, one: impl Fn(&Value) -> Value) -> Value {
    if let Some(items) = schema.get("prefixItems").and_then(Value::as_array) {
        return items.iter().map(one).collect();
    }
    let least = schema.get("minItems").and_then(whole).unwrap_or(0);
    let item = schema.get("items").map_or(Value::Null, one);
    (0..least.min(100)).map(|_| item.clone()).collect()
}

fn text(schema: &Value) -> String {
    let known = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2025-01-01T00:00:00Z",
        Some("date") => "2025-01-01",
        Some("time") => "00:00:00Z",
        Some("duration") => "PT0S",
        Some("email") => "user@example.com",
        Some("uri" | "url") => "https://example.com/",
        Some("uuid") => "00000000-0000-0000-0000-000000000000",
        Some("ipv4") => "127.0.0.1",
        Some("ipv6") => "::1",
        _ => "text",
    };
    let least = schema.get("minLength").and_then(whole).unwrap_or(0).min(10_000);
    let most = schema.get("maxLength").and_then(whole).unwrap_or(u64::MAX);
    let length = (known.len() as u64).max(least).min(most);
    known.chars().chain(std::iter::repeat('x')).take(usize::try_from(length).unwrap_or(0)).collect()
}

fn number(schema: &Value) -> Value {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let least = limit("minimum").or_else(|| limit("exclusiveMinimum").map(|limit| limit + 1.0));
    let most = limit("maximum").or_else(|| limit("exclusiveMaximum").map(|limit| limit - 1.0));
    let step = limit("multipleOf").filter(|step| *step > 0.0);
    let mut value = least.unwrap_or_else(|| most.unwrap_or(0.0).min(0.0));
    if let Some(step) = step {
        value = (value / step).ceil() * step;
    }
    match value.fract() == 0.0 && value.abs() < 9e15 {
        true => json!(value as i64),
        false => json!(value),
    }
}

/// A whole number, also where it comes as a string, as Gemini's `minItems` does.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_the_required_properties_and_no_others() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"}, "age": {"type": "integer", "minimum": 18}, "nick": {"type": "string"},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
                "home": {"$ref": "#/$defs/Place"}, "score": {"type": ["null", "number"], "exclusiveMinimum": 0.5}
            },
            "required": ["name", "age", "tags", "home", "score"],
            "$defs": {"Place": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"open": {"type": "boolean"}}, "required": ["open"]}]}}
        });
        assert_eq!(
            instance(&schema),
            json!({"name": "text", "age": 18, "tags": ["a", "a"], "home": {"open": false}, "score": 1.5})
        );
    }

    #[test]
    fn a_type_that_contains_itself_ends_where_it_can() {
        let tree = json!({"type": "object", "properties": {
            "value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        }, "required": ["value", "next"]});
        let mut made = &instance(&tree);
        while !made.is_null() {
            assert_eq!(made["value"], 0);
            made = &made["next"];
        }
    }

    #[test]
    fn a_schema_in_gemini_s_capitals_is_understood() {
        let schema =
            json!({"type": "OBJECT", "properties": {"n": {"type": "NUMBER", "maximum": -2}}, "required": ["n"]});
        assert_eq!(instance(&schema), json!({"n": -2}));
    }

    #[test]
    fn a_recursive_schema_ends() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]});
        assert!(instance(&schema).to_string().contains("null"));
    }
}
