//! Gemini on Google Distributed Cloud: OpenAI's chat completions in the folder of a project, on a host of one's own.
//!
//! Source: <https://docs.cloud.google.com/distributed-cloud/hosted/docs/latest/gdch/gemini/format-api-requests>, and for the
//! path, the header and the keys what Google contributed to LiteLLM (BerriAI/litellm#31458, `llms/gdc/chat`).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use secrecy::{ExposeSecret, SecretString};

use super::openai_chat::OpenAiChat;
use super::{Chat, ChatCodec, Codec, Encoded, Progress, Provider, ProviderSpec, StreamDecoder, Target};
use crate::chat::ChatRequest;
use crate::error::{Error, ErrorKind, Result};

const PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// Google Distributed Cloud.
#[derive(Debug)]
pub struct Gdc {
    chat: OpenAiChat,
}

impl Gdc {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { chat: OpenAiChat::new(spec) }
    }
}

/// The folder of a project, and the project. A base may be that folder already.
fn folder(target: &Target<'_>) -> Result<(String, String)> {
    let named = |name: &str| {
        let value = target.setting(name).filter(|value| is_plain(value));
        value.ok_or_else(|| {
            let message =
                format!("Google Distributed Cloud needs `{name}` as a setting, of letters, digits, `-` and `_`");
            Error::new(ErrorKind::Configuration, message)
        })
    };
    if let Some((_, rest)) = target.base_url.split_once("/v1/projects/") {
        let project = rest.split('/').next().unwrap_or_default();
        return Ok((target.base_url.to_owned(), project.to_owned()));
    }
    let (project, location) = (named("vertex_project")?, named("vertex_location")?);
    Ok((format!("{}/v1/projects/{project}/locations/{location}", target.base_url), project.to_owned()))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Makes a request to the folder, which names its project in a header too.
fn placed(target: &Target<'_>, encode: impl FnOnce(&Target<'_>) -> Result<Encoded>) -> Result<Encoded> {
    let (base_url, project) = folder(target)?;
    let mut encoded = encode(&Target { base_url: &base_url, ..*target })?;
    let project = HeaderValue::try_from(format!("projects/{project}")).map_err(|source| {
        Error::new(ErrorKind::Configuration, "the project in the base URL cannot be a header").with_source(source)
    })?;
    encoded.request.headers_mut().insert(PROJECT, project);
    Ok(encoded)
}

impl Provider for Gdc {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    /// The key as a bearer token. A service account's key file is none, and is not sent anywhere.
    fn authorize(&self, key: &SecretString, request: &mut Request<Bytes>) -> Result<()> {
        if key.expose_secret().trim_start().starts_with('{') {
            let message = "a service account of Google Distributed Cloud is not exchanged for a token here: give the token, \
                as by `gdcloud auth print-identity-token`, or a `token_source`";
            return Err(Error::new(ErrorKind::Authentication, message));
        }
        self.spec().auth.apply(key, request)
    }
}

impl Codec<Chat> for Gdc {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        placed(target, |target| Codec::<Chat>::encode(&self.chat, request, target))
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.chat, request, response)
    }
}

impl ChatCodec for Gdc {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        placed(target, |target| self.chat.encode_stream(request, target))
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.chat.stream_decoder(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Registry;

    fn gdc() -> &'static dyn Provider {
        Registry::table().get("gdc").unwrap().as_ref()
    }

    fn sent(base: &str, settings: &[(&str, &str)]) -> Result<(String, String)> {
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let target = Target { settings: &settings, ..Target::new("gemini-2.5-flash", base) };
        let request = gdc().chat().unwrap().encode(&ChatRequest::new("gemini-2.5-flash", "Hi"), &target)?.request;
        Ok((request.uri().to_string(), request.headers()[PROJECT].to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_request_goes_to_the_folder_of_its_project() {
        let whole = "https://h.example/v1/projects/acme/locations/zone1";
        let wanted = (format!("{whole}/chat/completions"), "projects/acme".to_owned());
        let settings = [("vertex_project", "acme"), ("vertex_location", "zone1")];
        assert_eq!(sent("https://h.example", &settings).unwrap(), wanted);
        assert_eq!(sent(whole, &[]).unwrap(), wanted);
        for wrong in [&[][..], &settings[..1], &[settings[0], ("vertex_location", "../x")]] {
            assert_eq!(sent("https://h.example", wrong).unwrap_err().kind(), ErrorKind::Configuration);
        }
    }

    #[test]
    fn a_key_file_is_never_sent_as_a_token() {
        let authorized = |key: &str| {
            let mut request = Request::new(Bytes::new());
            gdc().authorize(&SecretString::from(key), &mut request).map(|()| request.headers()["authorization"].clone())
        };
        assert_eq!(authorized("t0ken").unwrap(), "Bearer t0ken");
        let error = authorized(r#" {"type": "gdch_service_account", "private_key": "s3cret"}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}
