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
mod native;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod tools;

use bytes::Bytes;
use http::Response;

use super::responses::{Responses, ResponsesCodec, Stored, StoredResponses};
use super::{
    Chat, ChatCodec, Codec, CountTokens, Decode, Encoded, ListModels, ModelPage, Progress, Provider, ProviderSpec,
    StreamDecoder, Target, WireFormat, admit, counting, models, openai_chat,
};
use crate::chat::{ChatRequest, ChatResponse};
use crate::error::{Error, Result};
use crate::responses::{self, Event};
use crate::wire::Framer;

pub(super) use count::encode as count;
pub(super) use native::{
    Events as NativeEvents, decode as decode_native, decode_stored, encode as encode_native, encode_stored,
};
pub(super) use request::encode;
pub(super) use stream::Events;

/// Whose native parts are items of this format, whoever made them.
const NAME: &str = responses::NATIVE;
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

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }

    fn responses(&self) -> Option<&dyn ResponsesCodec> {
        Some(self)
    }
}

/// The list of models, as OpenAI has it: `GET /models`, or where the row says that it is.
impl Codec<ListModels> for OpenAiResponses {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        models::get_listed(&self.spec, target.base_url)
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::listed(&self.spec, response)
    }
}

impl Codec<Responses> for OpenAiResponses {
    fn encode(&self, request: &responses::Request, target: &Target<'_>) -> Result<Encoded> {
        encode_native(&self.spec, request, target.model, &self.url(target), false)
    }

    fn decode(&self, _: &responses::Request, response: &Response<Bytes>) -> Result<Progress<Responses>> {
        decode_native(response).map(Progress::Done)
    }
}

impl Codec<StoredResponses> for OpenAiResponses {
    fn encode(&self, stored: &Stored, target: &Target<'_>) -> Result<Encoded> {
        encode_stored(stored, &self.url(target))
    }

    fn decode(&self, _: &Stored, response: &Response<Bytes>) -> Result<Progress<StoredResponses>> {
        decode_stored(response).map(Progress::Done)
    }
}

impl ResponsesCodec for OpenAiResponses {
    fn encode_stream(&self, request: &responses::Request, target: &Target<'_>) -> Result<Encoded> {
        encode_native(&self.spec, request, target.model, &self.url(target), true)
    }

    fn stream_decoder(&self, _: &responses::Request) -> Box<dyn Decode<Event>> {
        Box::new(NativeEvents::new())
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
