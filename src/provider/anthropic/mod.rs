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
mod native;
mod reasoning;
mod request;
mod response;
mod schema;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod usage;

pub(super) use messages::cited;
pub(super) use reasoning::Reasoning;
pub(super) use request::Draft;
pub(super) use response::decode;
pub(super) use schema::structured;
pub(super) use stream::Events;
pub(super) use tools::{Answer, JSON_TOOL, JSON_TOOL_WORDS, Names, answers_by_tool};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use secrecy::{ExposeSecret, SecretString};

use super::messages::{Messages, MessagesCodec};
use super::{
    AuthScheme, Chat, ChatCodec, Codec, CountTokens, Decode, Encoded, ListModels, Progress, Provider, ProviderSpec,
    StreamDecoder, Target, counting,
};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::messages::{Event, Request as MessagesRequest};
use crate::wire::Framer;

pub(super) use native::usage_in_chat;

/// Whose seals and blocks go back to this wire format.
const WIRE: &str = "anthropic";
const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// A provider that speaks Anthropic's Messages API.
#[derive(Debug)]
pub struct Anthropic {
    spec: ProviderSpec,
    hosting: Hosting,
}

/// How a host other than Anthropic takes its messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hosting {
    /// The version, where it is said by the body's `anthropic_version` instead of the header.
    pub(super) version: Option<&'static str>,
    /// Whether the model is said by the address alone.
    pub(super) model_in_address: bool,
    /// Whether it holds no reply to a schema natively, whatever the model can do elsewhere.
    pub(super) no_schema: bool,
}

impl Anthropic {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec, hosting: Hosting::default() }
    }

    /// The same at another host.
    pub(super) fn hosted(self, hosting: Hosting) -> Self {
        Self { hosting, ..self }
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

    fn messages(&self) -> Option<&dyn MessagesCodec> {
        Some(self)
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
        request::encode(self, request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        response::decode(request, response).map(Progress::Done)
    }
}

impl Codec<Messages> for Anthropic {
    fn encode(&self, request: &MessagesRequest, target: &Target<'_>) -> Result<Encoded> {
        native::encode(self, request, target, false)
    }

    fn decode(&self, _: &MessagesRequest, response: &Response<Bytes>) -> Result<Progress<Messages>> {
        native::decode(response).map(Progress::Done)
    }
}

impl MessagesCodec for Anthropic {
    fn encode_stream(&self, request: &MessagesRequest, target: &Target<'_>) -> Result<Encoded> {
        native::encode(self, request, target, true)
    }

    fn stream_decoder(&self, _: &MessagesRequest) -> Box<dyn Decode<Event>> {
        Box::new(native::Events::new())
    }
}

impl Codec<CountTokens> for Anthropic {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        count::encode(self, request, target)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        counting::read(response, "input_tokens", error::decode).map(Progress::Done)
    }
}

impl ChatCodec for Anthropic {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(self, request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::sse(), stream::Events::new(request))
    }
}
