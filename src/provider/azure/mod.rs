//! Azure OpenAI and Azure AI Foundry: OpenAI's chat completions, and Claude's messages, at Azure's addresses.
//!
//! Sources: <https://learn.microsoft.com/azure/foundry/openai/reference>,
//! <https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle>,
//! <https://learn.microsoft.com/azure/foundry/openai/concepts/content-streaming>, and recordings of both services.

mod address;
mod filters;
mod foundry;
mod models;
#[cfg(test)]
mod tests;
mod versions;

use bytes::Bytes;
use http::Response;

pub use foundry::Foundry;

use super::openai_chat::OpenAiChat;
use super::{Chat, ChatCodec, Codec, Encoded, ListModels, Progress, Provider, ProviderSpec, StreamDecoder, Target};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};

/// The version that is asked for where nobody says one. It is recorded for models from GPT-4 to GPT-5, and has the
/// Responses API (`azure/chat.tool-choice.reqllm-azure-gpt-5-nano-object-basic`, `azure/responses.*reqllm*`). What came
/// later is in `/openai/v1`, which needs no version and is what Microsoft advises.
pub(super) const VERSION: &str = "2025-04-01-preview";

/// What a deployment's name says of its model, where it is not the model's own: LiteLLM's hints.
const HINTS: [(&str, &str); 2] = [("o_series/", "o3"), ("gpt5_series/", "gpt-5")];

/// Deployments of Azure OpenAI.
#[derive(Debug)]
pub struct Azure {
    chat: OpenAiChat,
}

impl Azure {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { chat: OpenAiChat::new(spec) }
    }

    fn send(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let (deployment, family) = deployment(target.model);
        let mut settings = target.settings.to_vec();
        if let Some(family) = family.filter(|_| target.setting("base_model").is_none()) {
            settings.push(("base_model".to_owned(), family.to_owned()));
        }
        let older = versions::of(self.spec(), target).map(OpenAiChat::new);
        let told = Target { model: deployment, settings: &settings, ..*target };
        let encoded = encode(older.as_ref().unwrap_or(&self.chat), request, &told, stream)?;
        let responses = asks_responses(&encoded);
        encoded.at(&if responses { address::of_responses(target) } else { address::of_deployment(target, deployment) })
    }
}

/// The deployment, and the family of its model where the name gives a hint of it.
fn deployment(model: &str) -> (&str, Option<&'static str>) {
    let hint = HINTS.iter().find_map(|(hint, family)| Some((model.strip_prefix(hint)?, *family)));
    hint.map_or((model, None), |(deployment, family)| (deployment, Some(family)))
}

/// Whether the codec asks by the Responses API.
fn asks_responses(encoded: &Encoded) -> bool {
    encoded.request.uri().path().ends_with(address::RESPONSES)
}

fn encode(chat: &OpenAiChat, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
    if stream { chat.encode_stream(request, target) } else { Codec::<Chat>::encode(chat, request, target) }
}

impl Provider for Azure {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }
}

impl Codec<Chat> for Azure {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.send(request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.chat, request, response)
    }
}

impl ChatCodec for Azure {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.send(request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        filters::around(self.chat.stream_decoder(request))
    }
}
