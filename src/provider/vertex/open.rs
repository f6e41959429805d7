//! Models that speak OpenAI's chat completions: open ones behind one endpoint for all, and those of makers who have their
//! own behind `rawPredict`.
//!
//! Sources: <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis>,
//! <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/mistral>, and Mistral's own
//! <https://docs.mistral.ai/deployment/cloud/vertex>.

use bytes::Bytes;
use http::Response;

use super::address::{self, Place};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::provider::openai_chat::OpenAiChat;
use crate::provider::{
    Chat, ChatCodec, Codec, Encoded, Progress, Provider, ProviderSpec, Quirks, StreamDecoder, Target, TokenLimit, table,
};
use crate::wire::in_path;

/// Models that speak OpenAI's chat completions.
#[derive(Debug)]
pub(super) struct Open {
    chat: OpenAiChat,
    maker: Option<Maker>,
}

/// Who has models behind `rawPredict`: its name in addresses, and the version of the API.
#[derive(Clone, Copy, Debug)]
struct Maker {
    publisher: &'static str,
    version: &'static str,
}

impl Open {
    /// Open models: Llama, DeepSeek, Qwen, gpt-oss, Kimi, GLM and the like.
    pub(super) fn chat_completions(spec: ProviderSpec) -> Self {
        Self::new(spec, Quirks { token_limit: TokenLimit::MaxTokens, ..Quirks::default() }, None)
    }

    pub(super) fn mistral(spec: ProviderSpec) -> Self {
        Self::new(spec, table::mistral(), Some(Maker { publisher: "mistralai", version: address::VERSION }))
    }

    pub(super) fn jamba(spec: ProviderSpec) -> Self {
        Self::new(spec, table::jamba(), Some(Maker { publisher: "ai21", version: "v1beta1" }))
    }

    fn new(spec: ProviderSpec, quirks: Quirks, maker: Option<Maker>) -> Self {
        Self { chat: OpenAiChat::new(spec.quirks(quirks)), maker }
    }

    fn send(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let Some(Maker { publisher, version }) = self.maker else {
            // A model of one's own that runs behind an endpoint with a number (LiteLLM's `openai/<number>`).
            let number = target.model.strip_prefix("openai/").filter(|rest| is_number(rest)).unwrap_or("openapi");
            let base = format!("{}/endpoints/{number}", Place::of(target)?);
            return self.encode(request, &Target { base_url: &base, ..*target }, stream);
        };
        let model = target.model.rsplit('/').next().unwrap_or(target.model);
        let method = if stream { "streamRawPredict" } else { "rawPredict" };
        let place = Place::in_version(target, version)?;
        let url = format!("{place}/publishers/{publisher}/models/{}:{method}", in_path(model));
        let unversioned = model.split('@').next().unwrap_or(model);
        self.encode(request, &Target { model: unversioned, ..*target }, stream)?.at(&url)
    }

    fn encode(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        if stream {
            self.chat.encode_stream(request, target)
        } else {
            Codec::<Chat>::encode(&self.chat, request, target)
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_digit())
}

impl Provider for Open {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    fn base_url(&self, settings: &[(String, String)]) -> Option<String> {
        address::host(settings)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }
}

impl Codec<Chat> for Open {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.send(request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.chat, request, response)
    }
}

impl ChatCodec for Open {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.send(request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.chat.stream_decoder(request)
    }
}
