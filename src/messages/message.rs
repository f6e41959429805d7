//! Turns, blocks, and the reply.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::chat::{CallMeta, Extra, FinishReason, ToolCall, fields_and_extra};
use crate::error::Error;

/// One turn of a conversation, with all its members as they came.
///
/// ```
/// use anymodel::messages::Turn;
///
/// let turns = [Turn::user("Hello!"), Turn::assistant("Hi."), Turn::user("How are you?")];
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Turn {
    /// `user` or `assistant`.
    pub role: String,
    /// A text, or a list of blocks.
    #[serde(default)]
    pub content: Value,
    /// Members that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
    /// Whether the answer goes on from it: of a turn that a router has added.
    #[serde(skip)]
    pub(crate) begins_answer: bool,
}

impl Turn {
    /// What the user says: a text, or blocks.
    #[must_use]
    pub fn user(content: impl Into<Value>) -> Self {
        Self { role: "user".to_owned(), content: content.into(), ..Self::default() }
    }

    /// What the model said: a text, or blocks.
    #[must_use]
    pub fn assistant(content: impl Into<Value>) -> Self {
        Self { role: "assistant".to_owned(), content: content.into(), ..Self::default() }
    }

    /// The result of the tool call with this id.
    #[must_use]
    pub fn tool_result(id: impl Into<String>, content: impl Into<Value>) -> Self {
        let (id, content) = (id.into(), content.into());
        Self::user(json!([{"type": "tool_result", "tool_use_id": id, "content": content}]))
    }
}

/// A reply goes on the conversation as it is.
impl From<&Message> for Turn {
    fn from(message: &Message) -> Self {
        Self::assistant(serde_json::to_value(&message.content).unwrap_or_default())
    }
}

/// A content block, with all its members as they came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Block(pub Map<String, Value>);

impl Block {
    /// A block by all its members; anything but an object is an empty block.
    #[must_use]
    pub fn of(value: Value) -> Self {
        match value {
            Value::Object(members) => Self(members),
            _ => Self::default(),
        }
    }

    /// Its type: `text`, `thinking`, `tool_use` …
    #[must_use]
    pub fn kind(&self) -> &str {
        self.str("type").unwrap_or_default()
    }

    /// A member that is a string.
    #[must_use]
    pub fn str(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The call that it is.
    #[must_use]
    pub fn call(&self) -> Option<ToolCall> {
        let text = |name: &str| self.str(name).unwrap_or_default().to_owned();
        (self.kind() == "tool_use").then(|| ToolCall {
            id: text("id"),
            name: text("name"),
            arguments: self.0.get("input").map(Value::to_string).unwrap_or_default(),
        })
    }
}

/// A reply of the Messages API.
///
/// It reads from and writes to the API's JSON; members that it has no name for are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The provider's id of the reply.
    pub id: String,
    /// Always `message`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always `assistant`.
    pub role: String,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// What the model said, thought and called, in order.
    pub content: Vec<Block>,
    /// Why it ended: `end_turn`, `tool_use`, `max_tokens`, `stop_sequence`, `pause_turn`, `refusal`; `None` for one that
    /// has only begun.
    pub stop_reason: Option<String>,
    /// The stop text that it came to.
    pub stop_sequence: Option<String>,
    /// The tokens used, in Anthropic's form: `input_tokens` are those that no cache was concerned with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,
    /// Members that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
    /// What the call itself was like; not part of the JSON.
    #[serde(skip)]
    pub meta: Box<CallMeta>,
}

fields_and_extra!(Message {
    id: OrDefault,
    kind = "type" : OrDefault,
    role: OrDefault,
    model: OrDefault,
    content: OrDefault,
    stop_reason,
    stop_sequence,
    usage,
});

impl Message {
    /// Its text, joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().filter(|block| block.kind() == "text").filter_map(|block| block.str("text")).collect()
    }

    /// Its reasoning, joined; empty where there is none.
    #[must_use]
    pub fn thinking(&self) -> String {
        self.content.iter().filter_map(|block| block.str("thinking")).collect()
    }

    /// The calls of the caller's tools, in order.
    pub fn calls(&self) -> impl Iterator<Item = ToolCall> {
        self.content.iter().filter_map(Block::call)
    }

    /// Why it ended, in the words of chat.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&'static FinishReason> {
        static STOP: FinishReason = FinishReason::Stop;
        static LENGTH: FinishReason = FinishReason::Length;
        static FILTER: FinishReason = FinishReason::ContentFilter;
        static CALLS: FinishReason = FinishReason::ToolCalls;
        Some(match self.stop_reason.as_deref()? {
            "tool_use" => &CALLS,
            "max_tokens" | "model_context_window_exceeded" | "compaction" => &LENGTH,
            "refusal" => &FILTER,
            _ => &STOP,
        })
    }
}

impl Error {
    /// What had come of a message whose stream was interrupted.
    #[must_use]
    pub fn partial_message(&self) -> Option<&Message> {
        self.partial_as()
    }
}

/// What some servers send as `null`.
struct OrDefault<T>(T);

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for OrDefault<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}
