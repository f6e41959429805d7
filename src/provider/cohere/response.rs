//! The whole reply. It is read by the steps of a stream, so that both say the same.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;

use super::error;
use super::stream::{Block, Call, Citation, Logprob, Reader, Usage};
use crate::chat::{Accumulator, ChatChunk, ChatResponse, Delta, Start};
use crate::error::{Error, Result};
use crate::provider::not_a_reply;
use crate::text::Text;

pub(super) fn decode(response: &Response<Bytes>) -> Result<ChatResponse> {
    let reply: Reply<'_> = serde_json::from_slice(response.body()).map_err(|source| unreadable(response, source))?;
    let mut sum = Accumulator::new();
    let mut push = |delta| sum.push(ChatChunk::new(delta));
    push(Delta::Start(Box::new(Start { id: reply.id.map(Text::into_owned).unwrap_or_default(), ..Start::default() })));
    let mut reader = Reader::default();
    if let Some(plan) = reply.message.tool_plan {
        reader.plan(plan, &mut push);
    }
    match reply.message.content {
        Some(Body::Text(text)) => reader.block(0, Block::text(text), &mut push),
        Some(Body::Blocks(blocks)) => {
            for (index, block) in (0..).zip(blocks) {
                reader.block(index, block, &mut push);
            }
        }
        None => {}
    }
    for (index, call) in (0..).zip(reply.message.tool_calls.into_iter().flatten()) {
        reader.call(Some(index), call, &mut push);
        reader.call_end(Some(index), &mut push);
    }
    for citation in reply.message.citations.into_iter().flatten() {
        reader.citation(citation, &mut push);
    }
    for tokens in reply.logprobs.into_iter().flatten() {
        reader.logprob(tokens, &mut push);
    }
    reader.finish(&reply.finish_reason, None, reply.usage, response.body(), &mut push)?;
    Ok(sum.into_response())
}

fn unreadable(response: &Response<Bytes>, source: serde_json::Error) -> Error {
    if error::is_one(response.body()) {
        return error::decode(response);
    }
    let what = if source.is_data() { "is not one of Cohere's chat" } else { "is not JSON" };
    not_a_reply(response, what).with_source(source)
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    message: Message<'a>,
    #[serde(borrow)]
    finish_reason: Text<'a>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    logprobs: Option<Vec<Logprob>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    content: Option<Body>,
    #[serde(default, borrow)]
    tool_plan: Option<Text<'a>>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
    #[serde(default)]
    citations: Option<Vec<Citation>>,
}

/// Content: a list of blocks, or a lone text.
enum Body {
    Text(String),
    Blocks(Vec<Block>),
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            list => serde_json::from_value(list).map(Self::Blocks).map_err(serde::de::Error::custom),
        }
    }
}
