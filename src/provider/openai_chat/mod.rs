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
mod models;
mod reasoning;
mod request;
#[cfg(test)]
mod request_tests;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod usage;
mod which;

use bytes::Bytes;
use http::Response;

use super::responses::{Responses, ResponsesCodec, Stored, StoredResponses};
use super::{
    Chat, ChatCodec, Codec, CountTokens, Decode, Encoded, ListModels, Progress, Provider, ProviderSpec, StreamDecoder,
    Target, admit, counting, openai_responses,
};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::model::traits;
use crate::responses::{self, Event};
use crate::wire::Framer;
use which::{Either, Which};

pub(super) use error::{decode as decode_error, read as fault};
pub(super) use response::has_error;
pub(super) use stream::Events;
pub(super) use usage::normalise as normalise_usage;

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

    fn request(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let (spec, known) = (&self.spec, traits(target.known_as()));
        match which::of_request(spec, request, target, &known) {
            Which::Chat => request::encode(spec, request, target, known, stream),
            Which::Responses(model) => {
                let url = openai_responses::url(target.base_url, None);
                openai_responses::encode(spec, request, &Target { model, ..*target }, &url, stream)
            }
        }
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

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }

    fn count_tokens(&self) -> Option<&dyn Codec<CountTokens>> {
        self.spec.counts_tokens.then_some(self)
    }

    fn responses(&self) -> Option<&dyn ResponsesCodec> {
        self.spec.responses.then_some(self)
    }
}

/// The Responses API of a provider that has it beside chat completions.
impl Codec<Responses> for OpenAiChat {
    fn encode(&self, request: &responses::Request, target: &Target<'_>) -> Result<Encoded> {
        let url = openai_responses::url(target.base_url, None);
        openai_responses::encode_native(&self.spec, request, which::bare(target.model), &url, false)
    }

    fn decode(&self, _: &responses::Request, response: &Response<Bytes>) -> Result<Progress<Responses>> {
        openai_responses::decode_native(response).map(Progress::Done)
    }
}

impl Codec<StoredResponses> for OpenAiChat {
    fn encode(&self, stored: &Stored, target: &Target<'_>) -> Result<Encoded> {
        openai_responses::encode_stored(stored, &openai_responses::url(target.base_url, None))
    }

    fn decode(&self, _: &Stored, response: &Response<Bytes>) -> Result<Progress<StoredResponses>> {
        openai_responses::decode_stored(response).map(Progress::Done)
    }
}

impl ResponsesCodec for OpenAiChat {
    fn encode_stream(&self, request: &responses::Request, target: &Target<'_>) -> Result<Encoded> {
        let url = openai_responses::url(target.base_url, None);
        openai_responses::encode_native(&self.spec, request, which::bare(target.model), &url, true)
    }

    fn stream_decoder(&self, _: &responses::Request) -> Box<dyn Decode<Event>> {
        Box::new(openai_responses::NativeEvents::new())
    }
}

impl Codec<Chat> for OpenAiChat {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.request(request, target, false)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        if self.spec.responses && which::is_response(response.body()) {
            return openai_responses::decode(&self.spec, response).map(Progress::Done);
        }
        response::decode(&self.spec, response).map(Progress::Done)
    }
}

/// Chat completions have no endpoint that counts. The Responses API has, so what is counted is the same conversation in
/// its form.
impl Codec<CountTokens> for OpenAiChat {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        let mut warnings = Vec::new();
        let target = &Target { model: which::bare(target.model), ..*target };
        let (known, params) = (traits(target.known_as()), counting::of_prompt(&request.params));
        let supported = |name: &str| request::supports(&self.spec, &known, &params, name);
        let params = admit(&params, &self.spec.name, supported, &mut warnings)?;
        openai_responses::count(&self.spec.name, &request.messages, &params, target, warnings)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        counting::read(response, "input_tokens", error::decode).map(Progress::Done)
    }
}

impl ChatCodec for OpenAiChat {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.request(request, target, true)
    }

    fn stream_decoder(&self, _: &ChatRequest) -> StreamDecoder {
        if self.spec.responses {
            return StreamDecoder::new(Framer::sse(), Either::new(&self.spec));
        }
        StreamDecoder::new(Framer::sse(), stream::Events::new(&self.spec))
    }
}
