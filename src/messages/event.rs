//! One event of a streamed reply.

use serde::Serialize;
use serde_json::Value;

use super::{Block, Message};
use crate::chat::{Extra, fields_and_extra, is_restart};

/// One event of a streamed reply: `message_start`, the blocks one after the other, `message_delta`, `message_stop`, and
/// `ping`s between them.
///
/// ```no_run
/// # async fn run(client: anymodel::Client) -> anymodel::Result<()> {
/// use anymodel::messages::Turn;
///
/// let mut events = client.messages("gpt-5", [Turn::user("Tell me a story.")]).max_tokens(500).stream().await?;
/// while let Some(event) = events.next().await {
///     let event = event?;
///     println!("event: {}\ndata: {}\n", event.kind, serde_json::to_string(&event).unwrap_or_default());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Its type, such as `content_block_delta`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which block it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The message that begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<Message>>,
    /// The block that begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_block: Option<Block>,
    /// What is added to a block, or how the message ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Block>,
    /// The tokens used so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,
    /// Members that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

fields_and_extra!(Event { kind = "type", index, message, content_block, delta, usage });

impl Event {
    pub(crate) fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// The text that it adds; empty for every other event, so that a loop can print it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.piece("text_delta", "text")
    }

    /// The reasoning that it adds; empty for every other event.
    #[must_use]
    pub fn thinking(&self) -> &str {
        self.piece("thinking_delta", "thinking")
    }

    fn piece(&self, kind: &str, member: &str) -> &str {
        self.delta.as_ref().filter(|delta| delta.kind() == kind).and_then(|delta| delta.str(member)).unwrap_or_default()
    }

    /// The place of the text that it adds, where it adds one.
    #[cfg(feature = "client")]
    pub(crate) fn text_mut(&mut self) -> Option<&mut String> {
        let delta = self.delta.as_mut().filter(|delta| delta.kind() == "text_delta")?;
        match delta.0.get_mut("text") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether what came before it is void. A provider can do that which is asked in chat; see the guide "Responses and
    /// Messages".
    #[must_use]
    pub fn is_restart(&self) -> bool {
        is_restart(&self.extra)
    }

    /// Why the message ends, in the event that tells it.
    #[must_use]
    pub fn stop_reason(&self) -> Option<&str> {
        self.delta.as_ref().filter(|_| self.kind == "message_delta")?.str("stop_reason")
    }
}
