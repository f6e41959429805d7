//! Claude: Anthropic's messages, whose model is in the address and whose version is in the body.
//!
//! Sources: <https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai>, and the recordings
//! `vertex_ai/messages*`. Tokens are counted at an address that is no model's:
//! <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens>.

use bytes::Bytes;
use http::Response;

use super::address::{self, Place};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::messages::{Event, Request as MessagesRequest};
use crate::provider::anthropic::{Anthropic, Hosting};
use crate::provider::{
    Chat, ChatCodec, Codec, CountTokens, Decode, Encoded, Messages, MessagesCodec, Progress, Provider, ProviderSpec,
    StreamDecoder, Target,
};
use crate::wire::in_path;

/// Replies are held to schemas by a tool, as LiteLLM does it: that Vertex AI takes `output_config.format` is not
/// documented by Google.
const HOSTING: Hosting = Hosting { version: Some("vertex-2023-10-16"), model_in_address: true, no_schema: true };

/// Claude on Vertex AI.
#[derive(Debug)]
pub(super) struct Claude(Anthropic);

impl Claude {
    pub(super) fn new(spec: ProviderSpec) -> Self {
        Self(Anthropic::new(spec).hosted(HOSTING))
    }

    fn send(target: &Target<'_>, method: &str, encode: impl FnOnce(&Target<'_>) -> Result<Encoded>) -> Result<Encoded> {
        let model = target.model.strip_prefix("anthropic/").unwrap_or(target.model);
        let url = format!("{}/publishers/anthropic/models", Place::of(target)?);
        let url = if method == COUNT { format!("{url}/{COUNT}") } else { format!("{url}/{}:{method}", in_path(model)) };
        encode(&Target { model, ..*target })?.at(&url)
    }
}

const COUNT: &str = "count-tokens:rawPredict";

impl Provider for Claude {
    fn spec(&self) -> &ProviderSpec {
        self.0.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.0.decode_error(response)
    }

    fn base_url(&self, settings: &[(String, String)]) -> Option<String> {
        address::host(settings)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn messages(&self) -> Option<&dyn MessagesCodec> {
        Some(self)
    }

    fn count_tokens(&self) -> Option<&dyn Codec<CountTokens>> {
        Some(self)
    }
}

impl Codec<Chat> for Claude {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        Self::send(target, "rawPredict", |target| Codec::<Chat>::encode(&self.0, request, target))
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.0, request, response)
    }
}

impl Codec<Messages> for Claude {
    fn encode(&self, request: &MessagesRequest, target: &Target<'_>) -> Result<Encoded> {
        Self::send(target, "rawPredict", |target| Codec::<Messages>::encode(&self.0, request, target))
    }

    fn decode(&self, request: &MessagesRequest, response: &Response<Bytes>) -> Result<Progress<Messages>> {
        Codec::<Messages>::decode(&self.0, request, response)
    }
}

impl MessagesCodec for Claude {
    fn encode_stream(&self, request: &MessagesRequest, target: &Target<'_>) -> Result<Encoded> {
        Self::send(target, "streamRawPredict", |target| MessagesCodec::encode_stream(&self.0, request, target))
    }

    fn stream_decoder(&self, request: &MessagesRequest) -> Box<dyn Decode<Event>> {
        MessagesCodec::stream_decoder(&self.0, request)
    }
}

impl Codec<CountTokens> for Claude {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        Self::send(target, COUNT, |target| Codec::<CountTokens>::encode(&self.0, request, target))
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        Codec::<CountTokens>::decode(&self.0, request, response)
    }
}

impl ChatCodec for Claude {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        Self::send(target, "streamRawPredict", |target| ChatCodec::encode_stream(&self.0, request, target))
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        ChatCodec::stream_decoder(&self.0, request)
    }
}
