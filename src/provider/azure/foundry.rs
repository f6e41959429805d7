//! Azure AI Foundry: models of many makers behind OpenAI's chat completions, and Claude behind its own messages.
//!
//! Sources: <https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints>,
//! <https://learn.microsoft.com/azure/foundry/foundry-models/how-to/use-foundry-models-claude>,
//! <https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry>, and the recordings
//! `azure/chat*grok*` and `azure/messages*`.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use secrecy::SecretString;

use super::address::{self, RESOURCES, host};
use super::{asks_responses, encode, filters};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::provider::anthropic::{Anthropic, Hosting};
use crate::provider::openai_chat::OpenAiChat;
use crate::provider::{
    AuthScheme, Chat, ChatCodec, Codec, CountTokens, Encoded, ListModels, Progress, Provider, ProviderSpec,
    StreamDecoder, Target,
};

/// Models of Azure AI Foundry.
#[derive(Debug)]
pub struct Foundry {
    chat: OpenAiChat,
    claude: Arc<Claude>,
}

impl Foundry {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { claude: Arc::new(Claude::new(spec.clone())), chat: OpenAiChat::new(spec) }
    }

    fn send(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let encoded = encode(&self.chat, request, target, stream)?;
        let responses = asks_responses(&encoded);
        encoded.at(&if responses { address::of_responses(target) } else { address::of_model(target) })
    }
}

impl Provider for Foundry {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    fn serving(&self, model: &str) -> Option<Arc<dyn Provider>> {
        model.to_ascii_lowercase().contains("claude").then(|| Arc::clone(&self.claude) as Arc<dyn Provider>)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }

    fn authorize(&self, key: &SecretString, request: &mut Request<Bytes>) -> Result<()> {
        let host = host(request.uri().host().unwrap_or_default());
        let own = RESOURCES.iter().any(|resource| host.ends_with(resource));
        if own { AuthScheme::header("api-key") } else { AuthScheme::Bearer }.apply(key, request)
    }
}

impl Codec<Chat> for Foundry {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.send(request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.chat, request, response)
    }
}

impl ChatCodec for Foundry {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.send(request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        filters::around(self.chat.stream_decoder(request))
    }
}

/// Claude, at `/anthropic` of the resource.
///
/// Replies are held to schemas by a tool: workspaces refuse Claude's own way ("structured_outputs not supported in your
/// workspace", <https://www.braintrust.dev/docs/kb/structured-outputs-unsupported-for-azure-providers>).
#[derive(Debug)]
struct Claude(Anthropic);

impl Claude {
    fn new(spec: ProviderSpec) -> Self {
        Self(Anthropic::new(spec).hosted(Hosting { no_schema: true, ..Hosting::default() }))
    }

    /// The target with the address up to `/anthropic`, or as far behind it as the caller says.
    fn at<T>(target: &Target<'_>, then: impl FnOnce(&Target<'_>) -> T) -> T {
        let base = target.base_url;
        let root = ["/models", "/openai/v1", "/openai"].iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base);
        let base = if root.contains("/anthropic") { root.to_owned() } else { format!("{root}/anthropic") };
        then(&Target { base_url: &base, ..*target })
    }
}

impl Provider for Claude {
    fn spec(&self) -> &ProviderSpec {
        self.0.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.0.decode_error(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn count_tokens(&self) -> Option<&dyn Codec<CountTokens>> {
        Some(self)
    }

    fn authorize(&self, key: &SecretString, request: &mut Request<Bytes>) -> Result<()> {
        AuthScheme::header("x-api-key").apply(key, request)
    }
}

impl Codec<Chat> for Claude {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        Self::at(target, |target| Codec::<Chat>::encode(&self.0, request, target))
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.0, request, response)
    }
}

impl Codec<CountTokens> for Claude {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        Self::at(target, |target| Codec::<CountTokens>::encode(&self.0, request, target))
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        Codec::<CountTokens>::decode(&self.0, request, response)
    }
}

impl ChatCodec for Claude {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        Self::at(target, |target| self.0.encode_stream(request, target))
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.0.stream_decoder(request)
    }
}
