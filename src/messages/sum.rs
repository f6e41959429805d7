//! Adds a stream up to the message that it is.

use serde_json::Value;

use super::{Block, Event, Message};

/// Adds events up to a [`Message`].
#[derive(Clone, Debug, Default)]
pub struct MessageSum {
    message: Message,
    /// The blocks by their index, and the input of each as far as it has come.
    blocks: Vec<(u64, Block, String)>,
}

impl MessageSum {
    /// Adds the next event.
    pub fn push(&mut self, event: Event) {
        let (index, restart) = (event.index.unwrap_or(0), event.is_restart());
        match (event.kind.as_str(), event.message, event.content_block, event.delta) {
            ("message_start", Some(message), ..) => self.message = *message,
            ("ping", ..) if restart => {
                self.blocks.clear();
                (self.message.stop_reason, self.message.stop_sequence) = (None, None);
            }
            ("content_block_start", _, Some(block), _) => self.blocks.push((index, block, String::new())),
            ("content_block_delta", _, _, Some(delta)) => self.delta(index, delta),
            ("message_delta", _, _, delta) => {
                for (name, value) in delta.map(|delta| delta.0).unwrap_or_default() {
                    let text = || value.as_str().map(str::to_owned);
                    match name.as_str() {
                        "stop_reason" => self.message.stop_reason = text(),
                        "stop_sequence" => self.message.stop_sequence = text(),
                        _ => {
                            self.message.extra.insert(name, value);
                        }
                    }
                }
            }
            _ => {}
        }
        if let Some(usage) = event.usage {
            merge(self.message.usage.get_or_insert(Value::Null), usage);
        }
    }

    /// What has been added up so far, but for the blocks of its content.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The sum.
    #[must_use]
    pub fn into_message(mut self) -> Message {
        for (_, mut block, input) in self.blocks {
            if !input.is_empty() {
                let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                block.0.insert("input".to_owned(), input);
            }
            self.message.content.push(block);
        }
        self.message
    }

    fn delta(&mut self, index: u64, delta: Block) {
        let Some((_, block, input)) = self.blocks.iter_mut().rfind(|(known, ..)| *known == index) else { return };
        for (name, value) in delta.0 {
            match (name.as_str(), value) {
                ("type", _) => {}
                ("partial_json", Value::String(more)) => input.push_str(&more),
                ("citation", citation) => {
                    let list = block.0.entry("citations").or_insert_with(|| Value::Array(Vec::new()));
                    match list {
                        Value::Array(list) => list.push(citation),
                        other => *other = vec![citation].into(),
                    }
                }
                (_, Value::String(more)) => match block.0.get_mut(&name) {
                    Some(Value::String(text)) => text.push_str(&more),
                    _ => {
                        block.0.insert(name, more.into());
                    }
                },
                (_, value) => {
                    block.0.insert(name, value);
                }
            }
        }
    }
}

/// A later report of usage over an earlier one: what it does not say stays.
fn merge(mine: &mut Value, later: Value) {
    match (mine, later) {
        (Value::Object(mine), Value::Object(later)) => {
            mine.extend(later.into_iter().filter(|(_, value)| !value.is_null()));
        }
        (mine, later) => *mine = later,
    }
}
