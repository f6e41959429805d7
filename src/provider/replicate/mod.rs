//! Replicate's predictions: a job that is asked about until it is done, or whose stream has an address of its own.
//!
//! Source: <https://replicate.com/docs/reference/http>, <https://replicate.com/docs/streaming>, Replicate's OpenAPI
//! description (1.0.0-a1), and recordings. What a model's input is called is the model's own to say: a language model
//! there takes a `prompt` and, mostly, a `system_prompt`; other inputs are given by their names, and sent as they are.

mod models;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::{
    Chat, ChatCodec, Codec, Encoded, Fault, ListModels, Progress, Provider, ProviderSpec, StreamDecoder, StreamOf,
    Target, http_fault,
};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::wire::Framer;

/// Replicate.
#[derive(Debug)]
pub struct Replicate {
    spec: ProviderSpec,
}

impl Replicate {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec }
    }
}

impl Provider for Replicate {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        http_fault(response, problem)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }
}

impl Codec<Chat> for Replicate {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, false)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        response::decode(response)
    }
}

impl ChatCodec for Replicate {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, true)
    }

    fn stream_decoder(&self, _: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::sse(), stream::Events::default())
    }

    fn stream_of(&self) -> Option<StreamOf> {
        Some(response::stream_of)
    }
}

/// An error as a problem of RFC 9457: `{"title", "detail", "status"}`.
fn problem(body: &Value) -> Fault {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(|text| text.trim().to_owned());
    let (title, detail) = (text("title"), text("detail").or_else(|| text("error")));
    let message = match (title, detail) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (title, detail) => title.or(detail).unwrap_or_default(),
    };
    Fault { message, ..Fault::default() }
}
