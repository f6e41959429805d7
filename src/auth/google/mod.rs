//! Google Cloud: tokens for Vertex AI, beside or instead of keys.
//!
//! Where they come from, the first that there is:
//!
//! 1. the key that the call or the client gives, or its resolver;
//! 2. `vertex_credentials` of the call's settings: JSON, or the path of a file of it;
//! 3. `VERTEXAI_CREDENTIALS` of the environment, likewise, then a key there;
//! 4. the file that `GOOGLE_APPLICATION_CREDENTIALS` names, then the one that `gcloud auth application-default login`
//!    writes (Application Default Credentials, <https://docs.cloud.google.com/docs/authentication/application-default-credentials>);
//! 5. the metadata server of Google's own machines, unless `NO_GCE_CHECK` is `true`.
//!
//! The project is the one that the call or the environment says, else that of the credentials.

#[cfg(feature = "aws")]
mod aws;
mod document;
mod exchange;
mod executable;
mod metadata;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use self::document::Document;
use super::{ApiKey, Credentials, Environment, Token, TokenCache, bearer};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Provider, ProviderSpec, setting};
use crate::transport::Transport;

/// What tokens are for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const PROJECT: &str = "vertex_project";
/// The project that is charged for a user's calls, which is told beside the token.
const QUOTA: &str = "quota_project";
const QUOTA_HEADER: HeaderName = HeaderName::from_static("x-goog-user-project");

/// The credentials of a provider on Google Cloud: a key, or tokens.
pub(super) struct Google {
    way: Way,
    /// Whether somebody says the project already.
    has_project: bool,
    means: Means,
    tokens: TokenCache,
}

/// What tokens are fetched with.
struct Means {
    transport: Arc<dyn Transport>,
    environment: Environment,
}

enum Way {
    Key(ApiKey),
    /// JSON as it is.
    Text(String),
    /// A file of JSON.
    File(String),
    /// The metadata server at this host.
    Machine(String),
    /// Nothing.
    Missing,
}

impl Google {
    pub(super) fn new(
        spec: &ProviderSpec,
        key: ApiKey,
        settings: &[(String, String)],
        transport: Arc<dyn Transport>,
        tokens: TokenCache,
    ) -> Self {
        let setting = |name: &str| setting(settings, name);
        let means = Means { transport, environment: key.environment.clone() };
        let way = way(spec, key, setting("vertex_credentials"));
        Self { way, has_project: setting(PROJECT).is_some(), means, tokens }
    }

    fn name(&self) -> Option<String> {
        match &self.way {
            Way::Key(_) | Way::Missing => None,
            Way::Text(text) => Some(format!("google text {text}")),
            Way::File(path) => Some(format!("google file {path}")),
            Way::Machine(host) => Some(format!("google machine {host}")),
        }
    }

    /// The token, with the project that the credentials know.
    async fn token(&self) -> Result<Token> {
        let Some(name) = self.name() else { return Err(missing()) };
        self.tokens.get(&name, || self.fetch()).await
    }

    async fn fetch(&self) -> Result<Token> {
        match &self.way {
            Way::Text(text) => Document::read(text)?.token(&self.means).await,
            Way::File(path) => Document::open(path).await?.token(&self.means).await,
            Way::Machine(host) => metadata::token(&self.means.transport, host, !self.has_project).await,
            Way::Key(_) | Way::Missing => Err(missing()),
        }
    }
}

fn way(spec: &ProviderSpec, key: ApiKey, given: Option<&str>) -> Way {
    let resolved = |key: &ApiKey| key.resolver.as_ref().is_some_and(|resolver| resolver(&spec.name).is_some());
    if key.given.is_some() || resolved(&key) {
        return Way::Key(key);
    }
    let text_or_file =
        |value: String| if value.trim_start().starts_with('{') { Way::Text(value) } else { Way::File(value) };
    let environment = &key.environment;
    if let Some(value) = given.map(str::to_owned).or_else(|| environment.get("VERTEXAI_CREDENTIALS")) {
        return text_or_file(value);
    }
    if environment.first(&spec.key_env).is_some() {
        return Way::Key(key);
    }
    if let Some(path) = environment.get("GOOGLE_APPLICATION_CREDENTIALS") {
        return Way::File(path);
    }
    if let Some(path) = well_known(environment).filter(|path| std::path::Path::new(path).exists()) {
        return Way::File(path);
    }
    if environment.get("NO_GCE_CHECK").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Way::Missing;
    }
    Way::Machine(environment.get("GCE_METADATA_HOST").unwrap_or_else(|| metadata::HOST.to_owned()))
}

/// Where `gcloud` keeps the user's credentials.
fn well_known(environment: &Environment) -> Option<String> {
    let folder = environment
        .get("CLOUDSDK_CONFIG")
        .or_else(|| environment.get("APPDATA").map(|folder| format!("{folder}/gcloud")))
        .or_else(|| environment.get("HOME").map(|home| format!("{home}/.config/gcloud")));
    folder.map(|folder| format!("{folder}/application_default_credentials.json"))
}

fn missing() -> Error {
    let message = "no credentials of Google Cloud: set VERTEXAI_CREDENTIALS or GOOGLE_APPLICATION_CREDENTIALS, run `gcloud \
                   auth application-default login`, or give a key with `.api_key(…)`";
    Error::new(ErrorKind::Authentication, message)
}

#[async_trait]
impl Credentials for Google {
    async fn authorize(&self, provider: &dyn Provider, request: &mut Request<Bytes>) -> Result<()> {
        if let Way::Key(key) = &self.way {
            return key.authorize(provider, request).await;
        }
        let token = self.token().await?;
        let quota = setting(&token.settings, QUOTA);
        if let Some(project) = quota.and_then(|project| HeaderValue::try_from(project).ok()) {
            request.headers_mut().entry(QUOTA_HEADER).or_insert(project);
        }
        bearer::put(&token.secret, request)
    }

    fn has_settings(&self) -> bool {
        !self.has_project && !matches!(self.way, Way::Key(_))
    }

    async fn settings(&self, _: &dyn Provider) -> Result<Vec<(String, String)>> {
        let known = self.token().await?.settings;
        if known.iter().any(|(name, _)| name == PROJECT) {
            return Ok(known.into_iter().filter(|(name, _)| name == PROJECT).collect());
        }
        let message = "the credentials of Google Cloud name no project: set VERTEXAI_PROJECT, or give `vertex_project`";
        Err(Error::new(ErrorKind::Configuration, message))
    }

    fn missing(&self, provider: &dyn Provider) -> Vec<String> {
        match &self.way {
            Way::Key(key) => key.missing(provider),
            Way::Missing => vec!["GOOGLE_APPLICATION_CREDENTIALS".to_owned()],
            Way::Text(_) | Way::File(_) | Way::Machine(_) => Vec::new(),
        }
    }

    fn can_renew(&self) -> bool {
        self.name().is_some()
    }

    fn renew(&self, refused: &HeaderMap) -> bool {
        let (Some(name), Some(secret)) = (self.name(), bearer::sent(refused)) else { return false };
        self.tokens.refused(&name, secret);
        true
    }
}

impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.way {
            Way::Key(_) => "Google(key)",
            Way::Text(_) => "Google(text)",
            Way::File(_) => "Google(file)",
            Way::Machine(_) => "Google(machine)",
            Way::Missing => "Google(none)",
        })
    }
}
