//! Cohere's chat, `POST /v2/chat`: one JSON object for a whole reply, named events for a streamed one.
//!
//! Source: <https://docs.cohere.com/reference/chat>, <https://docs.cohere.com/reference/chat-stream>, Cohere's Python SDK
//! (cohere 7.3.1, `v2/client.py` and `types`), and recordings.

mod error;
mod models;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::Response;

use super::{Chat, ChatCodec, Codec, Encoded, ListModels, Progress, Provider, ProviderSpec, StreamDecoder, Target};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::wire::Framer;

/// Whose seals go back to this wire format.
const WIRE: &str = "cohere";
/// The seal of reasoning that is a plan for calling tools, which has a member of its own.
const PLAN: &str = "tool_plan";

/// A provider that speaks Cohere's `/v2/chat`.
#[derive(Debug)]
pub struct Cohere {
    spec: ProviderSpec,
}

impl Cohere {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec }
    }
}

impl Provider for Cohere {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        error::decode(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }
}

impl Codec<Chat> for Cohere {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, false)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        response::decode(response).map(Progress::Done)
    }
}

impl ChatCodec for Cohere {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, true)
    }

    fn stream_decoder(&self, _: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::sse(), stream::Events::default())
    }
}
