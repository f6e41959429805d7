//! Keys and secrets that a token endpoint turns into bearer tokens.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{ApiKey, Credentials, Keyring, Token, fetch};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Provider, ProviderSpec};

/// Who gives tokens, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// IBM Cloud's IAM, for an API key. Recorded; <https://cloud.ibm.com/apidocs/iam-identity-token-api>.
    IbmIam,
    /// A Databricks workspace, for the secret of a service principal
    /// (<https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m>).
    Databricks,
}

/// Credentials that are exchanged for a token, which is kept until shortly before its end.
pub(super) struct Exchange {
    grant: Grant,
    keyring: Keyring,
    key: ApiKey,
    settings: Vec<(String, String)>,
    /// Whether there is a token that can be fetched anew; a key that is sent as it is stays what it is.
    renewable: bool,
    /// The name of the token that was sent last.
    sent: Mutex<Option<String>>,
}

/// How a request is authorised.
enum Way {
    /// By this, as it is.
    AsIs(&'static str, SecretString),
    /// By the token that this gives.
    Token(Ask),
}

/// What a token endpoint is asked.
pub(super) struct Ask {
    /// All that the token depends on.
    pub(super) name: String,
    pub(super) request: Request<Bytes>,
    pub(super) what: &'static str,
}

impl Exchange {
    pub(super) fn new(
        grant: Grant,
        spec: &ProviderSpec,
        keyring: Keyring,
        key: ApiKey,
        settings: &[(String, String)],
    ) -> Self {
        let sent = Mutex::new(None);
        let mut new = Self { grant, keyring, key, settings: settings.to_vec(), renewable: false, sent };
        new.renewable = matches!(new.way(spec, &Uri::default()), Ok(Way::Token(_)));
        new
    }

    /// Something that the call says by this name, or else the environment by one of these.
    fn setting(&self, name: &str, env: &[&str]) -> Option<String> {
        let given = self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        given.or_else(|| self.keyring.environment.first(env))
    }

    fn way(&self, spec: &ProviderSpec, uri: &Uri) -> Result<Way> {
        match self.grant {
            Grant::IbmIam => self.ibm_iam(spec),
            Grant::Databricks => self.databricks(spec, uri),
        }
    }

    /// A token or a Zen key (of watsonx.ai software) of the call; an API key of the call; else the same of the
    /// environment.
    fn ibm_iam(&self, spec: &ProviderSpec) -> Result<Way> {
        let env = |names: &[&str]| self.keyring.environment.first(names).filter(|_| self.key.given.is_none());
        let said = |name: &str| self.setting(name, &[]);
        if let Some(token) = said("token").or_else(|| env(&["WATSONX_TOKEN"])) {
            return Ok(Way::AsIs("Bearer ", token.into()));
        }
        if let Some(key) = said("zen_api_key").or_else(|| env(&["WATSONX_ZENAPIKEY"])) {
            return Ok(Way::AsIs("ZenApiKey ", key.into()));
        }
        let key = self.key.find(spec)?.unwrap_or_default();
        let url = self.setting("iam_url", &["WATSONX_IAM_URL"]);
        let url = url.unwrap_or_else(|| "https://iam.cloud.ibm.com/identity/token".to_owned());
        let grant = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", key.expose_secret())];
        Ok(Way::Token(Ask {
            name: format!("ibm iam\n{url}\n{}", key.expose_secret()),
            request: fetch::form(&url, &grant)?,
            what: "a token of IBM Cloud",
        }))
    }

    /// A personal token, or the id and secret of a service principal. The token comes from the workspace itself.
    fn databricks(&self, spec: &ProviderSpec, uri: &Uri) -> Result<Way> {
        let id = self.setting("databricks_client_id", &["DATABRICKS_CLIENT_ID"]);
        let secret = self.setting("databricks_client_secret", &["DATABRICKS_CLIENT_SECRET"]);
        let (id, secret) = match (self.key.find(spec), id, secret) {
            (Ok(Some(key)), ..) => return Ok(Way::AsIs("Bearer ", key)),
            (Ok(None) | Err(_), Some(id), Some(secret)) => (id, secret),
            (Err(error), ..) => {
                let both = "set DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET for a service principal";
                let message = format!("{}; or {both}", error.message());
                return Err(error.with_message(message));
            }
            (Ok(None), ..) => return Err(Error::new(ErrorKind::Authentication, "no token for databricks")),
        };
        let (scheme, authority) =
            (uri.scheme_str().unwrap_or("https"), uri.authority().map_or("", |host| host.as_str()));
        let url = format!("{scheme}://{authority}/oidc/v1/token");
        let mut request = fetch::form(&url, &[("grant_type", "client_credentials"), ("scope", "all-apis")])?;
        basic(&mut request, &id, &secret)?;
        Ok(Way::Token(Ask {
            name: format!("databricks\n{url}\n{id}\n{secret}"),
            request,
            what: "a token of Databricks",
        }))
    }
}

/// `Authorization: Basic`, of a user and a password.
fn basic(request: &mut Request<Bytes>, user: &str, password: &str) -> Result<()> {
    put(request, "Basic ", &STANDARD.encode(format!("{user}:{password}")))
}

/// `Authorization`, marked as a secret.
pub(super) fn put(request: &mut Request<Bytes>, prefix: &str, secret: &str) -> Result<()> {
    let mut value = HeaderValue::try_from(format!("{prefix}{}", secret.trim()))
        .map_err(|_| Error::new(ErrorKind::Authentication, "the key holds characters that a header cannot"))?;
    value.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, value);
    Ok(())
}

/// The answer of a token endpoint (RFC 6749, 5.1).
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
}

#[async_trait]
impl Credentials for Exchange {
    async fn authorize(&self, provider: &dyn Provider, request: &mut Request<Bytes>) -> Result<()> {
        let ask = match self.way(provider.spec(), request.uri())? {
            Way::AsIs(prefix, secret) => return put(request, prefix, secret.expose_secret()),
            Way::Token(ask) => ask,
        };
        let token = self
            .keyring
            .tokens
            .get(&ask.name, || async {
                let answer: Answer = fetch::json(&self.keyring.transport, ask.request.clone(), ask.what).await?;
                Ok(Token::new(answer.access_token, answer.expires_in.map(Duration::from_secs)))
            })
            .await?;
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(ask.name);
        put(request, "Bearer ", token.secret.expose_secret())
    }

    fn can_renew(&self) -> bool {
        self.renewable
    }

    fn renew(&self, refused: &HeaderMap) {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let bearer = refused.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let (Some(name), Some(token)) = (sent, bearer.and_then(|value| value.strip_prefix("Bearer "))) {
            self.keyring.tokens.refused(&name, token);
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("grant", &self.grant).finish_non_exhaustive()
    }
}
