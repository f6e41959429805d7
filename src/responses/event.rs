//! One event of a streamed reply.

use serde::Serialize;
use serde_json::Value;

use super::{Item, Response};
use crate::chat::{Extra, fields_and_extra, is_restart};

/// One event of a streamed reply, whichever of the API's kinds: they share most of their members, and what only some
/// have is in `extra`.
///
/// ```no_run
/// # async fn run(client: anymodel::Client) -> anymodel::Result<()> {
/// let mut events = client.responses("gpt-5", "Tell me a story.").stream().await?;
/// while let Some(event) = events.next().await {
///     print!("{}", event?.text());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Its type, such as `response.output_text.delta`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its number in the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<u64>,
    /// Which item it belongs to, by its place in the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_index: Option<u64>,
    /// Which item it belongs to, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// Which piece of the item's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_index: Option<u64>,
    /// What is added: a piece of text, of reasoning, of arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Value>,
    /// The item that begins or is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// The reply, as far as it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Box<Response>>,
    /// Members that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

fields_and_extra!(Event {
    kind = "type",
    sequence_number,
    output_index,
    item_id,
    content_index,
    delta,
    item,
    response,
});

impl Event {
    /// The text that it adds; empty for every other event, so that a loop can print it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.delta_of("response.output_text.delta")
    }

    /// The reasoning that it adds, or its summary; empty for every other event.
    #[must_use]
    pub fn reasoning(&self) -> &str {
        match self.kind.as_str() {
            kind @ ("response.reasoning_summary_text.delta" | "response.reasoning_text.delta") => self.delta_of(kind),
            _ => "",
        }
    }

    fn delta_of(&self, kind: &str) -> &str {
        self.delta.as_ref().filter(|_| self.kind == kind).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether what came before it is void: the reply begins anew, and its items are counted from 0 again.
    #[must_use]
    pub fn is_restart(&self) -> bool {
        is_restart(&self.extra)
    }

    /// Whether its item is a call that the caller has to answer.
    pub(crate) fn has_call(&self) -> bool {
        self.item.as_ref().is_some_and(|item| item.0.contains_key("call_id"))
    }

    /// Whether the reply ends with it, complete or not.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self.kind.as_str(), "response.completed" | "response.incomplete")
    }
}
