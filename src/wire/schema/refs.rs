//! References inlined, for providers that know none.

use serde_json::Value;

use super::{Budget, Object, as_schema, check_depth, for_each_child, measure, unite};
use crate::{Error, ErrorKind, Result};

/// The schema with every `$ref` replaced by what it points to, and without `$defs` and `definitions`.
///
/// References are JSON pointers into the schema itself (RFC 6901, in a URI fragment: `#/$defs/Place`). Keywords
/// beside a `$ref` apply as well (JSON Schema 2020-12, core, section 8.2.3.1) and win over those of its target.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`], naming the reference, for one that leads back to itself or out of the schema, and for
/// a schema that inlined would be too deep or too large; [`ErrorKind::InvalidRequest`] for a reference to no schema.
///
/// ```
/// use anymodel::wire::schema::inline_refs;
/// use serde_json::json;
///
/// let schema = json!({"items": {"$ref": "#/$defs/Id"}, "$defs": {"Id": {"type": "string"}}});
/// assert_eq!(inline_refs(&schema)?, json!({"items": {"type": "string"}}));
/// # Ok::<(), anymodel::Error>(())
/// ```
pub fn inline_refs(schema: &Value) -> Result<Value> {
    let mut refs = Refs::new(schema)?;
    let mut schema = schema.clone();
    refs.inline(&mut schema, 0)?;
    Ok(schema)
}

/// Whether a reference leads back to itself, so that the schema cannot be written out without references.
pub(crate) fn is_cyclic(schema: &Value) -> bool {
    Refs::new(schema).is_ok_and(|mut refs| refs.inline(&mut schema.clone(), 0).is_err() && refs.cyclic)
}

/// The references of one schema.
pub(super) struct Refs<'a> {
    root: &'a Value,
    /// The references inside whose targets the work is just now.
    inside: Vec<String>,
    /// Whether one of them led back to itself.
    cyclic: bool,
    budget: Budget,
}

impl<'a> Refs<'a> {
    /// Refuses a schema that is too deep or too large, so that it can be copied and walked.
    pub(super) fn new(root: &'a Value) -> Result<Self> {
        let mut budget = Budget::default();
        budget.spend(measure(root, 0)?)?;
        Ok(Self { root, inside: Vec::new(), cyclic: false, budget })
    }

    /// Inlines the references in `value`, a part of the schema at this depth.
    pub(super) fn inline(&mut self, value: &mut Value, depth: usize) -> Result<()> {
        check_depth(depth)?;
        let below = depth.saturating_add(1);
        let Some(schema) = as_schema(value)? else { return Ok(()) };
        schema.shift_remove("$defs");
        schema.shift_remove("definitions");
        for_each_child(schema, &mut |child| self.inline(child, below))?;
        let Some(reference) = take_reference(schema) else { return Ok(()) };
        match self.target(reference, below)? {
            Value::Object(target) => unite(schema, target),
            whole if schema.is_empty() || whole == Value::Bool(false) => *value = whole,
            _ => {}
        }
        Ok(())
    }

    /// A copy of what a reference points to, with its own references inlined.
    fn target(&mut self, reference: String, depth: usize) -> Result<Value> {
        if self.inside.contains(&reference) {
            self.cyclic = true;
            let message = format!("the schema refers to itself by `{reference}`, and cannot be written out");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let target = self.resolve(&reference)?;
        self.budget.spend(measure(target, 0)?)?;
        let mut target = target.clone();
        self.inside.push(reference);
        self.inline(&mut target, depth)?;
        self.inside.pop();
        Ok(target)
    }

    /// The schema that a reference points to.
    pub(super) fn resolve(&self, reference: &str) -> Result<&'a Value> {
        let Some(pointer) = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            let message = format!("the schema's reference `{reference}` is no JSON pointer into the schema itself");
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let target = self.root.pointer(pointer).or_else(|| self.root.pointer(&percent_decoded(pointer)?));
        target.filter(|target| target.is_object() || target.is_boolean()).ok_or_else(|| {
            let message = format!("the schema's reference `{reference}` points to no schema");
            Error::new(ErrorKind::InvalidRequest, message)
        })
    }
}

fn take_reference(schema: &mut Object) -> Option<String> {
    schema.get("$ref")?.as_str()?;
    match schema.shift_remove("$ref") {
        Some(Value::String(reference)) => Some(reference),
        _ => None,
    }
}

/// The text with its `%XX` decoded (RFC 3986, section 2.1).
fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            u8::try_from(high << 4 | low).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inlined(schema: Value) -> Value {
        inline_refs(&schema).unwrap()
    }

    fn refused(schema: Value) -> (ErrorKind, String) {
        let error = inline_refs(&schema).unwrap_err();
        (error.kind(), error.message().to_owned())
    }

    #[test]
    fn references_to_definitions_of_either_name_and_to_any_place_are_inlined() {
        assert_eq!(
            inlined(json!({
                "properties": {
                    "a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/definitions/B"}, "c": {"$ref": "#/properties/d/items/0"},
                    "d": {"items": [{"type": "null"}]}
                },
                "$defs": {"A": {"type": "array", "items": {"$ref": "#/definitions/B"}}},
                "definitions": {"B": {"type": "string"}}
            })),
            json!({"properties": {
                "a": {"type": "array", "items": {"type": "string"}}, "b": {"type": "string"}, "c": {"type": "null"},
                "d": {"items": [{"type": "null"}]}
            }})
        );
    }

    #[test]
    fn a_root_that_is_a_reference_is_inlined() {
        assert_eq!(
            inlined(json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"type": "object"}}})),
            json!({"type": "object"})
        );
    }

    #[test]
    fn pointers_are_unescaped_as_json_pointers_and_as_uris() {
        assert_eq!(
            inlined(
                json!({"items": {"$ref": "#/$defs/a~1b%3Cc%20%C3%A9%3E"}, "$defs": {"a/b<c é>": {"type": "string"}}})
            ),
            json!({"items": {"type": "string"}})
        );
    }

    #[test]
    fn keywords_beside_a_reference_win_over_its_target() {
        assert_eq!(
            inlined(json!({
                "items": {"$ref": "#/$defs/A", "description": "mine", "properties": {"k": {"const": 1}}, "required": ["k"]},
                "$defs": {"A": {"description": "theirs", "properties": {"x": {}}, "required": ["x"], "type": "object"}}
            })),
            json!({"items": {"description": "mine", "properties": {"k": {"const": 1}, "x": {}}, "required": ["k", "x"],
                "type": "object"}})
        );
    }

    #[test]
    fn a_reference_to_true_or_false_is_inlined() {
        assert_eq!(
            inlined(
                json!({"items": [{"$ref": "#/$defs/T"}, {"$ref": "#/$defs/F", "title": "x"}, {"$ref": "#/$defs/T", "title": "x"}],
                "$defs": {"T": true, "F": false}})
            ),
            json!({"items": [true, false, {"title": "x"}]})
        );
    }

    #[test]
    fn a_reference_in_data_is_left_alone() {
        let schema = json!({"const": {"$ref": "#/x"}, "default": {"$defs": 1}, "enum": [{"$ref": "#/y"}]});
        assert_eq!(inlined(schema.clone()), schema);
    }

    #[test]
    fn recursion_is_unsupported_and_named() {
        for (schema, name) in [
            (json!({"properties": {"next": {"$ref": "#"}}}), "`#`"),
            (
                json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}),
                "`#/$defs/A`",
            ),
            (json!({"$ref": "#/$defs/N", "$defs": {"N": {"properties": {"l": {"$ref": "#/$defs/N"}}}}}), "`#/$defs/N`"),
        ] {
            let (kind, message) = refused(schema);
            assert_eq!(kind, ErrorKind::Unsupported);
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn a_definition_may_be_used_beside_a_reference_to_itself() {
        let beside =
            json!({"$ref": "#/$defs/A", "properties": {"x": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"title": "A"}}});
        assert_eq!(inlined(beside), json!({"properties": {"x": {"title": "A"}}, "title": "A"}));
    }

    #[test]
    fn the_same_definition_may_be_used_twice() {
        assert_eq!(
            inlined(json!({"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "null"}}})),
            json!({"anyOf": [{"type": "null"}, {"type": "null"}]})
        );
    }

    #[test]
    fn a_reference_to_elsewhere_is_unsupported_and_one_to_no_schema_invalid() {
        assert_eq!(refused(json!({"$ref": "https://example.com/schema"})).0, ErrorKind::Unsupported);
        assert_eq!(refused(json!({"$ref": "#anchor"})).0, ErrorKind::Unsupported);
        assert_eq!(refused(json!({"$ref": "#/$defs/A"})).0, ErrorKind::InvalidRequest);
        assert_eq!(refused(json!({"$ref": "#/title", "title": "x"})).0, ErrorKind::InvalidRequest);
    }
}
