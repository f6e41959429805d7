//! Ollama's own chat, `POST /api/chat`: one JSON object for a whole reply, one a line for a streamed one.
//!
//! Source: Ollama's OpenAPI description (0.1.0) and <https://docs.ollama.com/api/chat>. Every line of a stream has the
//! shape of the whole reply, so both are read by the same code.

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

/// A provider that speaks Ollama's `/api/chat`.
#[derive(Debug)]
pub struct Ollama {
    spec: ProviderSpec,
}

impl Ollama {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec }
    }
}

impl Provider for Ollama {
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

impl Codec<Chat> for Ollama {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, false)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        response::decode(response).map(Progress::Done)
    }
}

impl ChatCodec for Ollama {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, true)
    }

    fn stream_decoder(&self, _: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::lines(), stream::Events::default())
    }
}
