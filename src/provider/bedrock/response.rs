//! The reply: what is the same of a whole and of a streamed one, and the whole one as the sum of its parts.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::blocks::{Blocks, Push};
use super::usage::Report;
use crate::chat::{Accumulator, ChatChunk, ChatRequest, ChatResponse, Delta, Extra, FinishReason};
use crate::error::Result;
use crate::provider::{anthropic, aws, not_a_reply};
use crate::text::Text;

pub(super) fn decode(request: &ChatRequest, response: &Response<Bytes>) -> Result<ChatResponse> {
    let reading = |what: &str, source| not_a_reply(response, what).with_source(source);
    let head: Head<'_> = serde_json::from_slice(response.body()).map_err(|source| reading("is not JSON", source))?;
    let Some(output) = head.output else {
        // What `InvokeModel` answers for Claude.
        return if head.content.is_some() { anthropic::decode(request, response) } else { Err(failure(response)) };
    };
    let mut sum = Accumulator::new();
    let mut push = |delta| sum.push(ChatChunk::new(delta));
    let mut blocks = Blocks::new(request);
    push(Delta::Start(Box::default()));
    for (index, block) in (0..).zip(output.message.unwrap_or_default().content.unwrap_or_default()) {
        blocks.whole(index, block, &mut push);
    }
    let fields = head.additional_model_response_fields;
    finish(&mut blocks, head.stop_reason, fields.as_ref(), &mut push);
    head.rest.tell(reasoning_tokens(fields.as_ref()), &mut push);
    Ok(sum.into_response())
}

/// A good status whose body is an error, or another kind of object.
fn failure(response: &Response<Bytes>) -> crate::error::Error {
    if aws::error::is_one(response) {
        return aws::error::decode(response);
    }
    not_a_reply(response, "is not one of Converse")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(default, borrow)]
    output: Option<Output<'a>>,
    #[serde(default, borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(default)]
    additional_model_response_fields: Option<Value>,
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Vec<&'a RawValue>>,
}

/// What is told of a reply beside what it says: in a stream by its last event.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rest {
    usage: Option<Report>,
    metrics: Option<Value>,
    trace: Option<Value>,
    performance_config: Option<Value>,
    service_tier: Option<Value>,
}

impl Rest {
    /// Tells it, with how many of the tokens were reasoning.
    pub(super) fn tell(self, reasoning: Option<u64>, push: Push<'_>) {
        let fields = [
            ("metrics", self.metrics),
            ("trace", self.trace),
            ("performanceConfig", self.performance_config),
            ("serviceTier", self.service_tier),
        ];
        let extra: Extra = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        if !extra.is_empty() {
            push(Delta::Extra(Box::new(extra)));
        }
        if let Some(report) = self.usage {
            push(Delta::Usage(Box::new(report.usage(reasoning))));
        }
    }
}

/// How many tokens were reasoning, by the model's own reply.
pub(super) fn reasoning_tokens(fields: Option<&Value>) -> Option<u64> {
    fields?.pointer("/usage/output_tokens_details/thinking_tokens")?.as_u64()
}

/// The reply ends, for this reason.
pub(super) fn finish(blocks: &mut Blocks, reason: Option<Text<'_>>, fields: Option<&Value>, push: Push<'_>) {
    blocks.finish(push);
    if let Some(fields) = fields {
        let told = [("additionalModelResponseFields".to_owned(), fields.clone())];
        push(Delta::Extra(Box::new(told.into_iter().collect())));
    }
    if let Some(native) = reason {
        let reason = finish_reason(&native, blocks.called());
        let differs = reason.as_str() != &*native;
        push(Delta::Finish { reason, native: differs.then(|| native.into_owned()) });
    }
}

/// OpenAI's reason for Bedrock's. `tool_use` without a call is the tool whose input is the reply's text. What the model
/// spoilt (`malformed_…`) keeps its name, which none of OpenAI's says.
fn finish_reason(native: &str, called: bool) -> FinishReason {
    match native {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "tool_use" if !called => FinishReason::Stop,
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        other => FinishReason::from(other),
    }
}
