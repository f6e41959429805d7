//! Google's `generateContent`, as the Gemini API (AI Studio) speaks it.
//!
//! Sources: `google/ai/generativelanguage/v1beta/*.proto`, <https://ai.google.dev/api/generate-content> and the guides
//! beside it. Google documents the version `v1beta` for every model; LiteLLM asks `v1alpha` for those from Gemini 3 on.

mod config;
mod contents;
mod count;
mod error;
mod event;
mod finish;
mod grounding;
mod media;
mod models;
mod request;
mod response;
pub mod schema;
mod stream;
mod thinking;
mod tools;
mod usage;

use std::borrow::Cow;

use bytes::Bytes;
use http::Response;

use super::{
    Chat, ChatCodec, Codec, CountTokens, Encoded, ListModels, Progress, Provider, ProviderSpec, StreamDecoder, Target,
    counting,
};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::wire::{Framer, in_path};

/// Whose seals and native parts are this format's.
const NAME: &str = "gemini";

/// The version of the API where neither the address nor the caller says one.
const VERSION: &str = "v1beta";

/// A provider that speaks `generateContent`.
#[derive(Debug)]
pub struct Gemini {
    spec: ProviderSpec,
    dialect: Dialect,
}

/// Of which of Google's services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The Gemini API.
    #[default]
    Studio,
    /// Google Cloud: a count takes the members of the request themselves, and tiers are no member of it
    /// (`google/cloud/aiplatform/v1beta1/prediction_service.proto`).
    Cloud,
}

impl Gemini {
    /// The provider that this row describes.
    ///
    /// The row's `chat_path` is a template of the whole path, in which `{model}` and `{method}` stand for what is
    /// called and how, and any other name in braces for the setting of that name.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec, dialect: Dialect::default() }
    }

    /// The same as another service speaks it.
    pub(super) fn dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }
}

impl Provider for Gemini {
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
}

impl Codec<Chat> for Gemini {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(self, request, target, &address(&self.spec, target, "generateContent"))
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        response::decode(response).map(Progress::Done)
    }
}

impl Codec<CountTokens> for Gemini {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        count::encode(self, request, target, &address(&self.spec, target, "countTokens"))
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        counting::read(response, "totalTokens", error::decode).map(Progress::Done)
    }
}

impl ChatCodec for Gemini {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        let method = "streamGenerateContent?alt=sse";
        request::encode(self, request, target, &address(&self.spec, target, method))
    }

    fn stream_decoder(&self, _: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::sse(), stream::Events::default())
    }
}

/// Where a call goes. An address without a path gets the version, one with a path is taken to hold it already.
fn address(spec: &ProviderSpec, target: &Target<'_>, method: &str) -> String {
    if let Some(template) = &spec.chat_path {
        let path = template.replace("{model}", &in_path(target.model)).replace("{method}", method);
        let path = target.settings.iter().fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        return format!("{}{path}", target.base_url);
    }
    let folder = if target.model.contains('/') { "" } else { "models/" };
    format!("{}/{folder}{}:{method}", versioned(target), in_path(target.model))
}

/// The address with its version.
fn versioned(target: &Target<'_>) -> String {
    let host = target.base_url.split_once("://").map_or(target.base_url, |(_, host)| host);
    let version = match target.api_version {
        Some(version) => Cow::Owned(format!("/{version}")),
        None if host.contains('/') => Cow::Borrowed(""),
        None => Cow::Owned(format!("/{VERSION}")),
    };
    format!("{}{version}", target.base_url)
}

#[cfg(test)]
mod reply_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::WireFormat;

    const HOST: &str = "https://generativelanguage.googleapis.com";

    fn spec() -> ProviderSpec {
        ProviderSpec::new("gemini", WireFormat::Gemini, HOST)
    }

    #[test]
    fn an_address_without_a_path_gets_the_version() {
        let target = Target::new("gemini-2.5-flash", HOST);
        let url = address(&spec(), &target, "generateContent");
        assert_eq!(url, format!("{HOST}/v1beta/models/gemini-2.5-flash:generateContent"));
        let alpha = Target { api_version: Some("v1alpha"), ..target };
        assert!(address(&spec(), &alpha, "x").starts_with(&format!("{HOST}/v1alpha/models/")));
    }

    #[test]
    fn an_address_with_a_path_is_taken_as_it_is() {
        let target = Target::new("tunedModels/mine", "https://proxy.example/gemini/v1/");
        assert_eq!(address(&spec(), &target, "x"), "https://proxy.example/gemini/v1/tunedModels/mine:x");
    }

    #[test]
    fn a_model_s_name_cannot_lead_elsewhere() {
        let asked = |model, base| {
            let encoded =
                Codec::<Chat>::encode(&Gemini::new(spec()), &ChatRequest::new(model, "Hi"), &Target::new(model, base));
            encoded.map(|encoded| encoded.request.uri().to_string())
        };
        for (model, base) in [("../../v1/files", HOST), ("a/./b", HOST), ("x", "https://example.com/v1/%2e%2E")] {
            assert_eq!(asked(model, base).unwrap_err().kind(), crate::ErrorKind::Configuration, "{model}");
        }
        for (model, path) in [("a b?alt=x#y", "models/a%20b%3Falt=x%23y"), (r"%2e%2e/..\x", r"%252e%252e/..%5Cx")] {
            assert_eq!(asked(model, HOST).unwrap(), format!("{HOST}/v1beta/{path}:generateContent"));
        }
    }

    #[test]
    fn a_template_names_model_method_and_settings() {
        let spec = spec().chat_path("/v1/projects/{project}/publishers/google/models/{model}:{method}");
        let settings = [("project".to_owned(), "acme".to_owned())];
        let target = Target { settings: &settings, ..Target::new("gemini-3-pro", "https://example.com") };
        assert_eq!(
            address(&spec, &target, "generateContent"),
            "https://example.com/v1/projects/acme/publishers/google/models/gemini-3-pro:generateContent"
        );
    }
}
