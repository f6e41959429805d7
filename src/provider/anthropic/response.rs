//! The reply: what is the same of a whole and of a streamed one, and the whole one as the sum of its parts.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::blocks::{Blocks, Push};
use super::error;
use super::usage::Report;
use crate::chat::{Accumulator, ChatChunk, ChatRequest, ChatResponse, Delta, Extra, FinishReason, Start};
use crate::error::{Error, Result};
use crate::provider::not_a_reply;
use crate::text::Text;

pub(in crate::provider) fn decode(request: &ChatRequest, response: &Response<Bytes>) -> Result<ChatResponse> {
    let message = match serde_json::from_slice::<Message<'_>>(response.body()) {
        Ok(message) if message.content.is_some() => message,
        other => return Err(failure(response, other.err())),
    };
    let mut sum = Accumulator::new();
    let mut push = |delta| sum.push(ChatChunk::new(delta));
    let mut reply = Reply::new(request);
    let ending = reply.begin(message, &mut push);
    reply.end(ending, None, &mut push);
    Ok(sum.into_response())
}

/// A good status whose body is an error, or is not a reply at all.
pub(super) fn failure(response: &Response<Bytes>, source: Option<serde_json::Error>) -> Error {
    let body = serde_json::from_slice::<Value>(response.body());
    if body.as_ref().is_ok_and(|body| body.get("error").is_some_and(|error| !error.is_null())) {
        return error::decode(response);
    }
    let what = if body.is_ok() { "is not a message" } else { "is not JSON" };
    let error = not_a_reply(response, what);
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

/// A message as it is on the wire; in a stream, how it begins.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(default, borrow)]
    model: Option<Text<'a>>,
    #[serde(default, borrow)]
    content: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    usage: Option<Report>,
    #[serde(default, borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(default)]
    stop_sequence: Option<Value>,
    #[serde(default)]
    stop_details: Option<Value>,
    #[serde(default)]
    container: Option<Value>,
    #[serde(default)]
    context_management: Option<Value>,
}

/// How a message ends.
#[derive(Default)]
pub(super) struct Ending<'a> {
    pub(super) stop_reason: Option<Text<'a>>,
    pub(super) stop_sequence: Option<Value>,
    pub(super) stop_details: Option<Value>,
    pub(super) container: Option<Value>,
    pub(super) context_management: Option<Value>,
}

/// One reply, as far as it has come.
pub(super) struct Reply {
    pub(super) blocks: Blocks,
    report: Report,
}

impl Reply {
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self { blocks: Blocks::new(&request.params), report: Report::default() }
    }

    /// The reply begins, with the blocks that it has already. How it ends, if it says so already, is returned.
    pub(super) fn begin<'a>(&mut self, message: Message<'a>, push: Push<'_>) -> Ending<'a> {
        self.report.merge(message.usage.unwrap_or_default());
        push(Delta::Start(Box::new(Start {
            id: message.id.map(Text::into_owned).unwrap_or_default(),
            model: message.model.map(Text::into_owned).unwrap_or_default(),
            created: 0,
            system_fingerprint: None,
            service_tier: self.report.service_tier().map(str::to_owned),
        })));
        self.usage(push);
        for (index, block) in (0..).zip(message.content.unwrap_or_default()) {
            self.blocks.start(index, block, push);
            self.blocks.stop(index, push);
        }
        Ending {
            stop_reason: message.stop_reason,
            stop_sequence: message.stop_sequence,
            stop_details: message.stop_details,
            container: message.container,
            context_management: message.context_management,
        }
    }

    /// The reply ends.
    pub(super) fn end(&mut self, ending: Ending<'_>, report: Option<Report>, push: Push<'_>) {
        let fields = [
            ("stop_sequence", ending.stop_sequence),
            ("stop_details", ending.stop_details),
            ("container", ending.container),
            ("context_management", ending.context_management),
        ];
        let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let extra: Extra = present.collect();
        if !extra.is_empty() {
            push(Delta::Extra(Box::new(extra)));
        }
        if let Some(native) = ending.stop_reason {
            self.blocks.finish(push);
            let (reason, native) = finish_reason(&native, self.blocks.called());
            push(Delta::Finish { reason, native });
        }
        if let Some(report) = report {
            self.report.merge(report);
            self.usage(push);
        }
    }

    fn usage(&self, push: Push<'_>) {
        if let Some(usage) = self.report.usage() {
            push(Delta::Usage(Box::new(usage)));
        }
    }
}

/// OpenAI's reason for Anthropic's, and Anthropic's own word where it is another.
///
/// `tool_use` without a call is the tool whose input is the reply's text. `pause_turn` keeps its name: the turn is to
/// be sent back to go on, which none of OpenAI's reasons says.
/// Source: <https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons>.
fn finish_reason(native: &str, called: bool) -> (FinishReason, Option<String>) {
    let reason = match native {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "tool_use" if !called => FinishReason::Stop,
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" | "compaction" => FinishReason::Length,
        "refusal" => FinishReason::ContentFilter,
        other => FinishReason::from(other),
    };
    let differs = reason.as_str() != native;
    (reason, differs.then(|| native.to_owned()))
}
