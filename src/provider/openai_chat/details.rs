//! `reasoning_details`: reasoning with its seals, as OpenRouter has it. The list goes back as it came.
//!
//! Source: <https://openrouter.ai/docs/use-cases/reasoning-tokens>.

use serde_json::{Map, Value};

/// The member of a message, in a reply and in the conversation that goes back.
pub(super) const FIELD: &str = "reasoning_details";

/// The words in the entries: a `text` or a `summary` each.
pub(super) fn text(details: &[Value]) -> Option<String> {
    let words = details.iter().filter_map(|entry| entry.get("text").or_else(|| entry.get("summary"))?.as_str());
    Some(words.collect::<String>()).filter(|text| !text.is_empty())
}

/// Adds the pieces of a stream to the list: a piece of the same type and index goes on with the last entry.
pub(super) fn extend(details: &mut Vec<Value>, pieces: Vec<Value>) {
    for piece in pieces {
        match (details.last_mut(), piece) {
            (Some(Value::Object(last)), Value::Object(piece)) if is_same(last, &piece) => join(last, piece),
            (_, piece) => details.push(piece),
        }
    }
}

fn is_same(last: &Map<String, Value>, piece: &Map<String, Value>) -> bool {
    ["type", "index"].iter().all(|name| last.get(*name) == piece.get(*name)) && piece.contains_key("index")
}

fn join(last: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (name, value) in piece {
        match (last.get_mut(&name), value) {
            (Some(Value::String(mine)), Value::String(more))
                if ["text", "summary", "data"].contains(&name.as_str()) =>
            {
                mine.push_str(&more);
            }
            (Some(known), Value::Null) if !known.is_null() => {}
            (_, value) => {
                last.insert(name, value);
            }
        }
    }
}
