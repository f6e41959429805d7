//! Items: what a conversation is made of here, in and out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::chat::ToolCall;

/// What is asked: a text of the user, or items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// A text of the user.
    Text(String),
    /// Items: messages, calls, the results of calls, reasoning.
    Items(Vec<Item>),
}

impl Input {
    /// The items, a text as a message of the user.
    #[must_use]
    pub fn into_items(self) -> Vec<Item> {
        match self {
            Self::Text(text) => vec![Item::user(text)],
            Self::Items(items) => items,
        }
    }
}

impl Default for Input {
    fn default() -> Self {
        Self::Items(Vec::new())
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Item> for Input {
    fn from(item: Item) -> Self {
        Self::Items(vec![item])
    }
}

impl From<Vec<Item>> for Input {
    fn from(items: Vec<Item>) -> Self {
        Self::Items(items)
    }
}

impl<const N: usize> From<[Item; N]> for Input {
    fn from(items: [Item; N]) -> Self {
        Self::Items(items.into())
    }
}

/// One item, with all its members as they came.
///
/// An item of a reply can be given back as it is: reasoning, calls and what the provider's own tools did.
///
/// ```
/// use anymodel::responses::Item;
///
/// let item = Item::call_output("call_1", "18 °C, sunny");
/// assert_eq!(item.kind(), "function_call_output");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Item(pub Map<String, Value>);

impl Item {
    /// A message of the user.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::message("user", text)
    }

    /// A message of this role: `user`, `assistant`, `system` or `developer`.
    #[must_use]
    pub fn message(role: &str, text: impl Into<String>) -> Self {
        Self::of(json!({"type": "message", "role": role, "content": text.into()}))
    }

    /// The result of the call with this `call_id`.
    #[must_use]
    pub fn call_output(call_id: impl Into<String>, output: impl Into<String>) -> Self {
        Self::of(json!({"type": "function_call_output", "call_id": call_id.into(), "output": output.into()}))
    }

    /// An item by all its members; anything but an object is an empty item.
    #[must_use]
    pub fn of(value: Value) -> Self {
        match value {
            Value::Object(members) => Self(members),
            _ => Self::default(),
        }
    }

    /// Its type. A message can leave it out.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.str("type").unwrap_or(if self.0.contains_key("role") { "message" } else { "" })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.str("id")
    }

    /// A member that is a string.
    #[must_use]
    pub fn str(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The text of a message, or the summary of reasoning; empty for any other item.
    #[must_use]
    pub fn text(&self) -> String {
        let list = match self.kind() {
            "message" => "content",
            "reasoning" => "summary",
            _ => return String::new(),
        };
        match self.0.get(list) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(pieces)) => pieces.iter().filter_map(|piece| piece.get("text")?.as_str()).collect(),
            _ => String::new(),
        }
    }

    /// The call that it is, of a function.
    #[must_use]
    pub fn call(&self) -> Option<ToolCall> {
        let text = |name: &str| self.str(name).unwrap_or_default().to_owned();
        (self.kind() == "function_call").then(|| ToolCall {
            id: text("call_id"),
            name: text("name"),
            arguments: text("arguments"),
        })
    }
}
