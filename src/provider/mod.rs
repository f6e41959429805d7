//! Providers: pure translators between the unified types and each provider's bytes.
//!
//! A provider does no input or output, reads no clock and no environment: everything about it can be tested from a
//! file. Retries, deadlines, keys and telemetry are the client's.

mod arguments;
pub(crate) mod aws;
mod conversation;
mod counting;
mod errors;
mod messages;
mod models;
mod operation;
mod over_chat;
mod params;
mod prompt;
mod quirks;
mod registry;
mod responses;
mod spec;
mod stream;
mod supported;
mod table;
#[cfg(test)]
pub(crate) mod tests;
pub mod think;

pub mod anthropic;
pub mod azure;
pub mod bedrock;
pub mod cohere;
pub mod copilot;
pub mod gdc;
pub mod gemini;
pub mod in_path;
pub mod oci;
pub mod ollama;
pub mod openai_chat;
pub mod openai_responses;
pub mod prompted;
pub mod replicate;
pub mod sagemaker;
pub mod sap;
pub mod snowflake;
pub mod vertex;
pub mod watsonx;

use std::fmt::{self, Debug};
use std::sync::Arc;

use bytes::Bytes;
use http::uri::InvalidUri;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use secrecy::{ExposeSecret, SecretString};

pub use errors::{Fault, http_fault, not_a_reply, rate_limits, request_id};
pub use messages::{Messages, MessagesCodec};
pub use models::{ListModels, ListedModel, ModelList, ModelPage};
pub use operation::{
    About, Chat, ChatCodec, Codec, CountTokens, Decode, Encoded, Operation, Progress, Reply, StreamOf, Streamed, Sum,
};
pub use over_chat::AnyDecoder;
pub use params::admit;
pub use quirks::{ContentForm, Hook, Quirks, Reasoning, TokenLimit, ToolChoices, WebSearch};
pub use registry::Registry;
pub use responses::{ResponseSum, Responses, ResponsesCodec, Stored, StoredAction, StoredResponses};
pub use spec::{AuthScheme, ModelsAt, ProviderSpec, Setting, WireFormat};
pub use stream::{EventDecoder, Flow, Queue, StreamDecoder};
pub use supported::{get_llm_provider, get_supported_openai_params, supported_params};

use crate::error::{Error, ErrorKind, Result};
use crate::text::shown_address;

/// A provider: what it is, and a codec for each operation that it has.
///
/// All methods but two have defaults, so a new operation touches no provider, and nobody writes that something is
/// not supported.
pub trait Provider: Debug + Send + Sync {
    /// Its name, address, keys and quirks.
    fn spec(&self) -> &ProviderSpec;

    /// Reads a reply whose status is not a success.
    fn decode_error(&self, response: &Response<Bytes>) -> Error;

    /// The provider that stands behind this one's prefix for a model, where models of one prefix are asked in several
    /// formats; `None` where it is this one.
    fn serving(&self, _model: &str) -> Option<Arc<dyn Provider>> {
        None
    }

    /// A setting that a model's name says, such as the region in an ARN.
    fn setting_of(&self, _model: &str, _name: &str) -> Option<String> {
        None
    }

    /// The address, where it follows from the settings in a way that the row's cannot say.
    fn base_url(&self, _settings: &[(String, String)]) -> Option<String> {
        None
    }

    /// Chat.
    fn chat(&self) -> Option<&dyn ChatCodec> {
        None
    }

    /// Counting the tokens of a chat request.
    fn count_tokens(&self) -> Option<&dyn Codec<CountTokens>> {
        None
    }

    /// Listing its models.
    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        None
    }

    /// OpenAI's Responses API. A provider without it is asked in chat, where that can say the same.
    fn responses(&self) -> Option<&dyn ResponsesCodec> {
        None
    }

    /// Anthropic's Messages API. A provider of another format is asked in chat, where that can say the same.
    fn messages(&self) -> Option<&dyn MessagesCodec> {
        None
    }

    /// Puts the key on a request. By default as the spec's [`AuthScheme`] says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Authentication`] for a key that cannot be a header's value.
    fn authorize(&self, key: &SecretString, request: &mut Request<Bytes>) -> Result<()> {
        self.spec().auth.apply(key, request)
    }
}

/// Where a request goes: what the codec has to know beside the request itself.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Target<'a> {
    /// The model, in the provider's own name.
    pub model: &'a str,
    /// The address that paths are appended to, without a slash at its end.
    pub base_url: &'a str,
    /// The version of the API, for providers that are asked for one.
    pub api_version: Option<&'a str>,
    /// Further settings of the connection, by LiteLLM's names, such as `aws_region_name`.
    pub settings: &'a [(String, String)],
}

/// Of the settings only the names are shown: a secret can be among them.
impl Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings: Vec<&str> = self.settings.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Target")
            .field("model", &self.model)
            .field("base_url", &shown_address(self.base_url))
            .field("api_version", &self.api_version)
            .field("settings", &settings)
            .finish_non_exhaustive()
    }
}

impl<'a> Target<'a> {
    /// A target without version and settings.
    #[must_use]
    pub fn new(model: &'a str, base_url: &'a str) -> Self {
        Self { model, base_url: base_url.trim_end_matches('/'), api_version: None, settings: &[] }
    }

    /// The name by which it is known what the model can do: its own, or that of the model behind a deployment.
    #[must_use]
    pub fn known_as(&self) -> &'a str {
        let base = self.setting("base_model").map(|name| name.rsplit('/').next().unwrap_or(name));
        base.unwrap_or(self.model)
    }

    /// One of the settings.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&'a str> {
        setting(self.settings, name)
    }
}

/// One of a connection's settings.
pub(crate) fn setting<'a>(settings: &'a [(String, String)], name: &str) -> Option<&'a str> {
    settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A POST of JSON to this address.
///
/// # Errors
///
/// [`ErrorKind::Configuration`] where the address is not a URL, or has `.` or `..` in its path.
pub fn post_json(url: &str, body: Bytes) -> Result<Request<Bytes>> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = address(url)?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// An address to ask. With `.` or `..` in its path, from a model's name for instance, it would be another one than it
/// reads: whoever sends it takes them away.
fn address(url: &str) -> Result<Uri> {
    let unusable = |why| {
        let message =
            format!("`{}` is not a usable address{why}; check the base URL and the model", shown_address(url));
        Error::new(ErrorKind::Configuration, message)
    };
    let address: Uri = url.parse().map_err(|source: InvalidUri| unusable("").with_source(source))?;
    let is_dots = |segment: &str| {
        segment.starts_with(['.', '%'])
            && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
    };
    match address.path().split(['/', '\\']).any(is_dots) {
        true => Err(unusable(", with dots for a part of its path")),
        false => Ok(address),
    }
}

impl AuthScheme {
    fn apply(&self, key: &SecretString, request: &mut Request<Bytes>) -> Result<()> {
        let (name, value) = match self {
            Self::None => return Ok(()),
            // A key that is exchanged for a token first is not sent itself; what is sent is the token. A key of AWS
            // is sent instead of a signature.
            Self::Bearer
            | Self::IbmIam
            | Self::Databricks
            | Self::SapAiCore
            | Self::GithubCopilot
            | Self::Gigachat
            | Self::Oci
            | Self::Aws { .. } => (header::AUTHORIZATION, ["Bearer ", key.expose_secret()].concat()),
            Self::Entra => (header::HeaderName::from_static("api-key"), key.expose_secret().to_owned()),
            Self::Google => (header::HeaderName::from_static("x-goog-api-key"), key.expose_secret().to_owned()),
            Self::Header { name, prefix } => {
                let name = header::HeaderName::from_bytes(name.as_bytes()).map_err(|source| {
                    Error::new(ErrorKind::Configuration, format!("`{name}` is not a header's name")).with_source(source)
                })?;
                (name, [prefix.as_ref(), key.expose_secret()].concat())
            }
        };
        let value = if value.trim().len() == value.len() { value } else { value.trim().to_owned() };
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| Error::new(ErrorKind::Authentication, "the API key holds characters that a header cannot"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
        Ok(())
    }
}
