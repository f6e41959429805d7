//! What is answered.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Item, ResponseUsage};
use crate::chat::{CallMeta, Extra, FinishReason, ToolCall, fields_and_extra};
use crate::error::Error;

/// A reply of the Responses API.
///
/// It reads from and writes to the API's JSON; members that it has no name for are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Response {
    /// The provider's id of the reply.
    pub id: String,
    /// When it was made, in seconds since 1970; 0 where the provider does not say.
    pub created_at: u64,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// `completed`, `incomplete`, `failed`, `cancelled`; of one that is made in the background also `queued` and
    /// `in_progress`.
    pub status: Option<String>,
    /// Why it is incomplete: `{"reason": …}`.
    pub incomplete_details: Option<Value>,
    /// Why it failed: `{"code": …, "message": …}`.
    pub error: Option<Value>,
    /// What the model said, thought and called, and what the provider's own tools did, in order.
    pub output: Vec<Item>,
    /// The tokens used; `None` where the provider does not say.
    pub usage: Option<ResponseUsage>,
    /// The processing tier that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// Members that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
    /// What the call itself was like; not part of the JSON.
    #[serde(skip)]
    pub meta: Box<CallMeta>,
}

fields_and_extra!(Response {
    id: OrDefault,
    created_at: Seconds,
    model: OrDefault,
    status,
    incomplete_details,
    error,
    output: OrDefault,
    usage,
    service_tier,
});

impl Response {
    /// The text of its messages, joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.of_kind("message").map(Item::text).collect()
    }

    /// The summary of its reasoning, joined; empty where there is none.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.of_kind("reasoning").map(Item::text).collect()
    }

    /// The calls of functions, in order.
    pub fn calls(&self) -> impl Iterator<Item = ToolCall> {
        self.output.iter().filter_map(Item::call)
    }

    /// Whether it is still being made, in the background.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.status.as_deref(), Some("queued" | "in_progress"))
    }

    /// Why it ended, in the words of chat; `None` for one that has not, or has failed.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&'static FinishReason> {
        static STOP: FinishReason = FinishReason::Stop;
        static LENGTH: FinishReason = FinishReason::Length;
        static FILTER: FinishReason = FinishReason::ContentFilter;
        static CALLS: FinishReason = FinishReason::ToolCalls;
        let reason = self.incomplete_details.as_ref().and_then(|details| details.get("reason")?.as_str());
        match (self.status.as_deref(), reason) {
            (Some("incomplete"), Some("content_filter")) => Some(&FILTER),
            (Some("incomplete"), _) => Some(&LENGTH),
            (Some("completed") | None, _) if self.output.iter().any(is_call) => Some(&CALLS),
            (Some("completed") | None, _) => Some(&STOP),
            _ => None,
        }
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Item> {
        self.output.iter().filter(move |item| item.kind() == kind)
    }
}

impl Error {
    /// What had come of a reply of the Responses API whose stream was interrupted.
    #[must_use]
    pub fn partial_response(&self) -> Option<&Response> {
        self.partial_as()
    }
}

fn is_call(item: &Item) -> bool {
    matches!(item.kind(), "function_call" | "custom_tool_call")
}

/// What some servers send as `null`.
struct OrDefault<T>(T);

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for OrDefault<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

/// A time, which some servers write with a fraction.
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<f64>::deserialize(deserializer)?.map_or(0, |seconds| seconds as u64)))
    }
}
