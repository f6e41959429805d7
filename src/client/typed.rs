//! How a reply that is to be a Rust type is asked for.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::chat::ResponseFormat;
use crate::wire::schema::openai_strict;

// What is no object is inside of one. No doc comments here: the model would read them.
#[derive(Deserialize, JsonSchema)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Inside<T> {
    // A way of its own, so that an `Option` that is missing is an error and not `None`.
    #[serde(deserialize_with = "T::deserialize")]
    pub(super) value: T,
}

/// The form of a reply of this type, held to strictly where that can be said, and whether it is inside of an object.
pub(super) fn format<T: JsonSchema>() -> (ResponseFormat, bool) {
    let mut format = ResponseFormat::of::<T>();
    let ResponseFormat::JsonSchema(own) = &mut format else { return (format, false) };
    let inside = own.schema.get("type").and_then(Value::as_str) != Some("object");
    if inside && let ResponseFormat::JsonSchema(around) = ResponseFormat::of::<Inside<T>>() {
        own.schema = around.schema;
        own.schema.as_object_mut().map(|schema| schema.shift_remove("title"));
    }
    if let Ok(schema) = openai_strict(&own.schema) {
        (own.schema, own.strict) = (schema, Some(true));
    }
    (format, inside)
}
