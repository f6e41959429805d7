//! The reply: what is the same of a whole and of a streamed one, and the whole one as the sum of its items.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::items::{Items, Push};
use super::own;
use crate::chat::{Accumulator, ChatChunk, ChatResponse, Delta, Extra, FinishReason, ServerToolUse, Start, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::openai_chat::{fault, has_error, normalise_usage};
use crate::provider::{ProviderSpec, not_a_reply};
use crate::responses::ResponseUsage;
use crate::text::Text;

/// Fields of a reply, beside those that chat has a name for, that are more than what was asked said again.
const KEPT: [&str; 2] = ["content_filters", "moderation"];

pub(super) fn decode(spec: &ProviderSpec, response: &Response<Bytes>) -> Result<ChatResponse> {
    let body = match serde_json::from_slice::<Body<'_>>(response.body()) {
        Ok(body) if body.output.is_some() || body.status.is_some() => body,
        other => return Err(failure(response, other.err())),
    };
    let mut sum = Accumulator::new();
    let mut push = |delta| sum.push(ChatChunk::new(delta));
    Reply::new(spec).end(body, &mut push).map_err(|error| error.with_body(response.body().clone()))?;
    Ok(sum.into_response())
}

/// A good status whose body is an error, or is not a reply at all.
fn failure(response: &Response<Bytes>, source: Option<serde_json::Error>) -> Error {
    let body = serde_json::from_slice::<Value>(response.body());
    if let Ok(body) = &body
        && has_error(body.get("error"))
    {
        return fault(body).into_error().with_body(response.body().clone());
    }
    let error = not_a_reply(response, if body.is_ok() { "is not a response" } else { "is not JSON" });
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

/// A response as it is on the wire; in a stream, as far as it has come.
#[derive(Deserialize)]
pub(super) struct Body<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(default, borrow)]
    model: Option<Text<'a>>,
    #[serde(default)]
    created_at: Option<f64>,
    #[serde(default, borrow)]
    service_tier: Option<Text<'a>>,
    #[serde(default, borrow)]
    status: Option<Text<'a>>,
    #[serde(default, borrow)]
    output: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    usage: Option<ResponseUsage>,
    #[serde(default)]
    incomplete_details: Option<Incomplete>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    content_filters: Option<&'a RawValue>,
    #[serde(default, borrow)]
    moderation: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Incomplete {
    #[serde(default)]
    reason: Option<String>,
}

/// One reply, as far as it has come.
pub(super) struct Reply {
    pub(super) items: Items,
    /// The head that was told.
    start: Option<Start>,
}

impl Reply {
    pub(super) fn new(spec: &ProviderSpec) -> Self {
        Self { items: Items::new(own(&spec.name)), start: None }
    }

    /// The reply begins. The end can tell another head: which tier answers is known only then.
    pub(super) fn begin(&mut self, body: &Body<'_>, push: Push<'_>) {
        let text = |text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
        let mut start = Start {
            id: text(&body.id),
            model: text(&body.model),
            created: body.created_at.map_or(0, |seconds| seconds as u64),
            system_fingerprint: None,
            service_tier: body.service_tier.as_deref().map(str::to_owned),
        };
        if let Some(told) = &self.start {
            if start.id.is_empty() {
                start.id.clone_from(&told.id);
            }
            if start.model.is_empty() {
                start.model.clone_from(&told.model);
            }
            if start.created == 0 {
                start.created = told.created;
            }
            start.service_tier = start.service_tier.or_else(|| told.service_tier.clone());
        }
        if self.start.as_ref() != Some(&start) {
            self.start = Some(start.clone());
            push(Delta::Start(Box::new(start)));
        }
    }

    /// The reply ends, with all items that have not been told yet.
    ///
    /// # Errors
    ///
    /// The error that it ended by; and [`ErrorKind::Unsupported`] for one that has not ended.
    pub(super) fn end(&mut self, body: Body<'_>, push: Push<'_>) -> Result<()> {
        let status = body.status.as_deref().unwrap_or("completed");
        match status {
            "completed" | "incomplete" => {}
            "queued" | "in_progress" => {
                let text = "the reply is made in the background; `responses` can wait for such replies, and fetch them";
                return Err(Error::new(ErrorKind::Unsupported, text));
            }
            _ => return Err(failed(body.error, status)),
        }
        self.begin(&body, push);
        for (index, item) in (0..).zip(body.output.into_iter().flatten()) {
            self.items.done(index, item, push);
        }
        let kept = [body.content_filters, body.moderation];
        let kept = KEPT.into_iter().zip(kept).filter_map(|(name, raw)| {
            let value = serde_json::from_str::<Value>(raw?.get()).ok().filter(|value| !value.is_null())?;
            Some((name.to_owned(), value))
        });
        let kept: Extra = kept.collect();
        if !kept.is_empty() {
            push(Delta::Extra(Box::new(kept)));
        }
        if let Some(usage) = &body.usage {
            push(Delta::Usage(Box::new(self.usage(usage))));
        }
        let reason = body.incomplete_details.and_then(|details| details.reason);
        push(finish(reason.filter(|_| status == "incomplete"), status, self.items.called()));
        Ok(())
    }

    fn usage(&self, usage: &ResponseUsage) -> Usage {
        let mut usage = Usage::from(usage);
        normalise_usage(&mut usage);
        let searches = self.items.searches();
        if searches > 0 && usage.server_tool_use.is_none() {
            usage.server_tool_use =
                Some(ServerToolUse { web_search_requests: Some(searches), ..ServerToolUse::default() });
        }
        usage
    }
}

/// Why a reply ended, and the API's own word where it is another.
fn finish(incomplete: Option<String>, status: &str, called: bool) -> Delta {
    let (reason, native) = match incomplete.as_deref() {
        Some("content_filter") => (FinishReason::ContentFilter, None),
        Some(_) => (FinishReason::Length, incomplete),
        None if status == "incomplete" => (FinishReason::Length, Some(status.to_owned())),
        None if called => (FinishReason::ToolCalls, None),
        None => (FinishReason::Stop, None),
    };
    Delta::Finish { reason, native }
}

/// A reply that failed: its error, else the word for how it ended.
pub(super) fn failed(error: Option<&RawValue>, status: &str) -> Error {
    let error = error.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    if has_error(error.as_ref()) {
        return fault(&Value::from_iter([("error", error.unwrap_or_default())])).into_error();
    }
    Error::new(ErrorKind::Unavailable, format!("the reply ended as `{status}`, and the provider does not say why"))
}
