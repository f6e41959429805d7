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
use crate::provider::anthropic::{Anthropic, Draft};
use crate::provider::{
    Chat, ChatCodec, Codec, CountTokens, Encoded, Progress, Provider, ProviderSpec, StreamDecoder, Target,
};

/// The version, which is said in the body.
const VERSION: &str = "vertex-2023-10-16";
/// The header that says it elsewhere.
const VERSION_HEADER: &str = "anthropic-version";
const COUNT: &str = "count-tokens:rawPredict";

/// Claude on Vertex AI.
///
/// Replies are held to schemas by a tool, as LiteLLM does it: that Vertex AI takes `output_config.format` is not
/// documented by Google.
#[derive(Debug)]
pub(super) struct Claude(Anthropic);

impl Claude {
    pub(super) fn new(mut spec: ProviderSpec) -> Self {
        spec.quirks.no_json_schema = true;
        Self(Anthropic::new(spec))
    }

    fn chat(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let (model, spec) = (bare(target.model), self.0.spec());
        let target = Target { model, ..*target };
        let mut draft = Draft::new(spec, &request.messages, &request.params, &target, stream)?;
        draft.body.set("anthropic_version", VERSION)?;
        draft.body.remove("model");
        let method = if stream { "streamRawPredict" } else { "rawPredict" };
        let mut encoded = draft.post(spec, &format!("{}/{model}:{method}", models(&target)?))?;
        encoded.request.headers_mut().remove(VERSION_HEADER);
        Ok(encoded)
    }
}

/// The model without its maker.
fn bare(model: &str) -> &str {
    model.strip_prefix("anthropic/").unwrap_or(model)
}

/// Where Anthropic's models are.
fn models(target: &Target<'_>) -> Result<String> {
    Ok(format!("{}/publishers/anthropic/models", Place::of(target)?))
}

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

    fn count_tokens(&self) -> Option<&dyn Codec<CountTokens>> {
        Some(self)
    }
}

impl Codec<Chat> for Claude {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.chat(request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.0, request, response)
    }
}

impl Codec<CountTokens> for Claude {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        let target = Target { model: bare(target.model), ..*target };
        let encoded = Codec::<CountTokens>::encode(&self.0, request, &target)?;
        let mut encoded = encoded.at(&format!("{}/{COUNT}", models(&target)?))?;
        encoded.request.headers_mut().remove(VERSION_HEADER);
        Ok(encoded)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        Codec::<CountTokens>::decode(&self.0, request, response)
    }
}

impl ChatCodec for Claude {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.chat(request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.0.stream_decoder(request)
    }
}
