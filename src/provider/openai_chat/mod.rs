//! OpenAI's chat completions, and everything that speaks like it.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat> and OpenAI's OpenAPI description (2.3.0).

mod calls;
mod chunk;
mod citations;
mod details;
mod error;
mod lean;
mod messages;
mod reasoning;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

use bytes::Bytes;
use http::Response;

use super::{Chat, ChatCodec, Codec, Encoded, Progress, Provider, ProviderSpec, StreamDecoder, Target};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::wire::Framer;

/// A provider that speaks OpenAI's chat completions.
#[derive(Debug)]
pub struct OpenAiChat {
    spec: ProviderSpec,
}

impl OpenAiChat {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec }
    }
}

impl Provider for OpenAiChat {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        error::decode(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }
}

impl Codec<Chat> for OpenAiChat {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, false)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        response::decode(&self.spec, response).map(Progress::Done)
    }
}

impl ChatCodec for OpenAiChat {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, true)
    }

    fn stream_decoder(&self, _: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::sse(), stream::Events::new(&self.spec))
    }
}
