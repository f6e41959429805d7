//! Google's Vertex AI: Gemini, and the models of other makers, each in the format that it has there.
//!
//! Sources: `google/cloud/aiplatform/v1beta1/prediction_service.proto`,
//! <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/use-partner-models>,
//! <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis>,
//! <https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai>, and recordings.

mod address;
mod claude;
mod models;
mod open;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::Response;

pub(super) use self::address::LOCATION;
use self::address::Place;
use self::claude::Claude;
use self::open::Open;
use super::gemini::{Dialect, Gemini};
use super::{
    Chat, ChatCodec, Codec, CountTokens, Encoded, ListModels, Progress, Provider, ProviderSpec, StreamDecoder, Target,
};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};

/// Vertex AI: itself Gemini's, with the models of others behind it.
#[derive(Debug)]
pub struct Vertex {
    gemini: Gemini,
    claude: Arc<Claude>,
    open: Arc<Open>,
    mistral: Arc<Open>,
    jamba: Arc<Open>,
}

impl Vertex {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self {
            claude: Arc::new(Claude::new(spec.clone())),
            open: Arc::new(Open::chat_completions(spec.clone())),
            mistral: Arc::new(Open::mistral(spec.clone())),
            jamba: Arc::new(Open::jamba(spec.clone())),
            gemini: Gemini::new(spec).dialect(Dialect::Cloud),
        }
    }

    /// Hands on the call with the address of the model's folder.
    fn at<T>(&self, target: &Target<'_>, then: impl FnOnce(&Target<'_>) -> Result<T>) -> Result<T> {
        let (base, model) = folder(target)?;
        then(&Target { model: &model, base_url: &base, api_version: None, ..*target })
    }
}

/// Where a model of Gemini's is, and its name there: a publisher's model, or one tuned, which is an endpoint with a
/// number. With a key and without a project it is asked in express mode
/// (<https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview>).
fn folder(target: &Target<'_>) -> Result<(String, String)> {
    let model = target.model.strip_prefix("google/").unwrap_or(target.model);
    let number = ["gemini/", "endpoints/"].iter().find_map(|folder| model.strip_prefix(folder)).unwrap_or(model);
    if number.bytes().all(|letter| letter.is_ascii_digit()) {
        return Ok((Place::of(target)?.to_string(), format!("endpoints/{number}")));
    }
    if model.starts_with("projects/") {
        return Ok((address::versioned(target, address::VERSION), model.to_owned()));
    }
    let root = match target.setting("vertex_project") {
        None if !target.base_url.contains("/projects/") => address::versioned(target, address::VERSION),
        _ => Place::of(target)?.to_string(),
    };
    Ok((format!("{root}/publishers/google"), model.to_owned()))
}

impl Provider for Vertex {
    fn spec(&self) -> &ProviderSpec {
        self.gemini.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.gemini.decode_error(response)
    }

    fn serving(&self, model: &str) -> Option<Arc<dyn Provider>> {
        let name = model.to_ascii_lowercase();
        let starts = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
        if name.contains("claude") {
            return Some(Arc::clone(&self.claude) as Arc<dyn Provider>);
        }
        let theirs = if starts(&["mistral", "codestral", "ministral", "magistral", "pixtral"]) {
            &self.mistral
        } else if starts(&["jamba", "ai21/"]) {
            &self.jamba
        } else if starts(&["google/", "gemini/", "endpoints/", "projects/"]) {
            return None;
        } else if name.contains('/') || name.ends_with("-maas") {
            &self.open
        } else {
            return None;
        };
        Some(Arc::clone(theirs) as Arc<dyn Provider>)
    }

    fn base_url(&self, settings: &[(String, String)]) -> Option<String> {
        address::host(settings)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }

    fn count_tokens(&self) -> Option<&dyn Codec<CountTokens>> {
        Some(self)
    }
}

impl Codec<Chat> for Vertex {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.at(target, |target| Codec::<Chat>::encode(&self.gemini, request, target))
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.gemini, request, response)
    }
}

impl Codec<CountTokens> for Vertex {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.at(target, |target| Codec::<CountTokens>::encode(&self.gemini, request, target))
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        Codec::<CountTokens>::decode(&self.gemini, request, response)
    }
}

impl ChatCodec for Vertex {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.at(target, |target| self.gemini.encode_stream(request, target))
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.gemini.stream_decoder(request)
    }
}
