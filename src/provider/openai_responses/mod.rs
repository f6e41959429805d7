//! OpenAI's Responses API, under chat.
//!
//! A provider whose row says so speaks nothing else ([`OpenAiResponses`]); one that speaks chat completions uses it for
//! the models and requests that need it.
//!
//! Sources: `CreateResponse`, `InputItem`, `Response`, `ResponseStreamEvent` and `TokenCountsBody` in OpenAI's OpenAPI
//! description (2.3.0), <https://developers.openai.com/api/docs/guides/migrate-to-responses>, and the recorded traffic of
//! nine servers.

mod count;
mod input;
mod items;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod tools;

use bytes::Bytes;
use http::Response;

use super::{
    Chat, ChatCodec, Codec, CountTokens, Encoded, Progress, Provider, ProviderSpec, StreamDecoder, Target, WireFormat,
    admit, counting, openai_chat,
};
use crate::chat::{ChatRequest, ChatResponse};
use crate::error::{Error, Result};
use crate::wire::Framer;

pub(super) use count::encode as count;
pub(super) use request::encode;
pub(super) use stream::Events;

/// Whose native parts are items of this format, whoever made them.
const NAME: &str = "openai_responses";
const WIRE: WireFormat = WireFormat::OpenAiResponses;

/// Whose seals and native items are those of this provider: what one server has sealed no other can read, and what a
/// provider says in chat completions has another form.
fn own(provider: &str) -> String {
    format!("{provider}/responses")
}

/// The address; `path` where the row does not say another.
pub(super) fn url(base: &str, path: Option<&str>) -> String {
    format!("{base}{}", path.unwrap_or("/responses"))
}

/// A whole reply in this format.
///
/// # Errors
///
/// As [`Codec::decode`].
pub(super) fn decode(spec: &ProviderSpec, response: &Response<Bytes>) -> Result<ChatResponse> {
    response::decode(spec, response)
}

/// A provider that speaks OpenAI's Responses API and not its chat completions.
#[derive(Debug)]
pub struct OpenAiResponses {
    spec: ProviderSpec,
}

impl OpenAiResponses {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec }
    }

    fn url(&self, target: &Target<'_>) -> String {
        url(target.base_url, self.spec.chat_path.as_deref())
    }
}

impl Provider for OpenAiResponses {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        openai_chat::decode_error(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn count_tokens(&self) -> Option<&dyn Codec<CountTokens>> {
        self.spec.counts_tokens.then_some(self)
    }
}

impl Codec<Chat> for OpenAiResponses {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        encode(&self.spec, request, target, &self.url(target), false)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        decode(&self.spec, response).map(Progress::Done)
    }
}

impl Codec<CountTokens> for OpenAiResponses {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        let (mut warnings, params) = (Vec::new(), counting::of_prompt(&request.params));
        let supported = |name: &str| request::takes(&self.spec, target.model, &params, name);
        let params = admit(&params, &self.spec.name, supported, &mut warnings)?;
        count(&self.spec.name, &request.messages, &params, target, warnings)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        counting::read(response, "input_tokens", openai_chat::decode_error).map(Progress::Done)
    }
}

impl ChatCodec for OpenAiResponses {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        encode(&self.spec, request, target, &self.url(target), true)
    }

    fn stream_decoder(&self, _: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::sse(), Events::new(&self.spec))
    }
}
