//! Anthropic's Messages API, and everything that speaks like it.
//!
//! Source: <https://platform.claude.com/docs/en/api/messages> and Anthropic's OpenAPI description of 2026-08.
//!
//! What a conversation needs from Anthropic's beta features is said in `anthropic-beta`, computed from the request. A
//! caller's own `anthropic-beta` belongs beside it: append it to the header, separated by a comma, never replace it.

mod blocks;
mod count;
mod error;
mod messages;
mod models;
mod reasoning;
mod request;
mod response;
mod schema;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod usage;

pub(super) use messages::{OPERATOR_NOTE, cited};
pub(super) use reasoning::Reasoning;
pub(super) use request::Draft;
pub(super) use response::decode;
pub(super) use schema::structured;
pub(super) use stream::Events;
pub(super) use tools::{JSON_TOOL, JSON_TOOL_WORDS, answers_by_tool};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use secrecy::{ExposeSecret, SecretString};

use super::{
    AuthScheme, Chat, ChatCodec, Codec, CountTokens, Encoded, ListModels, Progress, Provider, ProviderSpec,
    StreamDecoder, Target, counting,
};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::wire::Framer;

/// Whose seals and blocks go back to this wire format.
const WIRE: &str = "anthropic";
const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// A provider that speaks Anthropic's Messages API.
#[derive(Debug)]
pub struct Anthropic {
    spec: ProviderSpec,
}

impl Anthropic {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec }
    }
}

impl Provider for Anthropic {
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

    /// The key as the row says, but for the tokens of a subscription (`sk-ant-oat…`): those are bearer tokens, and a
    /// beta feature.
    fn authorize(&self, key: &SecretString, request: &mut Request<Bytes>) -> Result<()> {
        if !key.expose_secret().starts_with("sk-ant-oat") {
            return self.spec.auth.apply(key, request);
        }
        request.headers_mut().append(BETA, HeaderValue::from_static("oauth-2025-04-20"));
        AuthScheme::Bearer.apply(key, request)
    }
}

impl Codec<Chat> for Anthropic {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        response::decode(request, response).map(Progress::Done)
    }
}

impl Codec<CountTokens> for Anthropic {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        count::encode(&self.spec, request, target)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        counting::read(response, "input_tokens", error::decode).map(Progress::Done)
    }
}

impl ChatCodec for Anthropic {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::sse(), stream::Events::new(request))
    }
}
