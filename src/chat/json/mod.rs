//! OpenAI's JSON, both ways: requests, messages, tools and replies.
//!
//! LiteLLM's names stand in where OpenAI has none (`reasoning_content`, `thinking_blocks`). Where the order of a
//! message's parts cannot be told from OpenAI's fields, the message carries a member of our own, `parts`, beside them.
//! What has no name here is kept, and written where it stood.

mod message;
mod part;
mod reply;
mod tool;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) use message::annotation_json;
pub(crate) use message::read_annotation;
pub(crate) use part::{ContentPart, read_part};
pub(super) use part::{THOUGHT_SIGNATURE, audio_json, thinking_block, tool_call_json};

use super::{CacheControl, Extra};

/// A member, where there is one.
fn entry<M: SerializeMap, T: Serialize>(map: &mut M, name: &str, value: Option<T>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
}

/// A member that is a list, where it has elements.
fn list<M: SerializeMap, T: Serialize>(
    map: &mut M,
    name: &str,
    values: impl Iterator<Item = T>,
) -> Result<(), M::Error> {
    let values: Vec<T> = values.collect();
    if values.is_empty() { Ok(()) } else { map.serialize_entry(name, &values) }
}

/// The fields that have no name, but for those that are written elsewhere.
fn rest<M: SerializeMap>(map: &mut M, extra: &Extra, elsewhere: &[&str]) -> Result<(), M::Error> {
    for (name, value) in extra.iter().filter(|(name, _)| !elsewhere.contains(&name.as_str())) {
        map.serialize_entry(name, value)?;
    }
    Ok(())
}

/// Takes a member out, if it is a text; anything else stays where it is.
fn take_string(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.get_mut(name) {
        Some(Value::String(text)) => {
            let text = std::mem::take(text);
            fields.shift_remove(name);
            Some(text)
        }
        _ => None,
    }
}

/// Takes a member out, if it is a count; anything else stays where it is.
fn take_count(fields: &mut Map<String, Value>, name: &str) -> Option<u64> {
    let count = fields.get(name)?.as_u64()?;
    fields.shift_remove(name);
    Some(count)
}

/// Takes a cache marker out, if it can be read; anything else stays where it is.
fn take_marker(fields: &mut Map<String, Value>) -> Option<CacheControl> {
    let marker = CacheControl::deserialize(fields.get("cache_control")?).ok()?;
    fields.shift_remove("cache_control");
    Some(marker)
}
