//! Keys and secrets that a token endpoint turns into bearer tokens, each kept until shortly before its end.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::grants::{Grant, SapKey, of_group};
use super::{ApiKey, Credentials, Environment, Keyring, Token, bearer, fetch};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Provider, ProviderSpec, setting};

/// How long the address of a deployment is kept, in seconds: deployments come and go.
const DEPLOYMENT_LASTS: u64 = 10 * 60;

/// Credentials that are exchanged for a token.
pub(super) struct Exchange {
    pub(super) grant: Grant,
    keyring: Keyring,
    pub(super) key: ApiKey,
    settings: Vec<(String, String)>,
    /// Whether there is a token that can be fetched anew; a key that is sent as it is stays what it is.
    renewable: bool,
}

/// How a request is authorised.
pub(super) enum Way {
    /// By this, as it is, behind the name of its scheme.
    AsIs(&'static str, SecretString),
    /// By the token that this gives.
    Token(Box<Ask>),
}

/// What a token endpoint is asked.
pub(super) struct Ask {
    /// All that the token depends on.
    pub(super) name: String,
    pub(super) request: Request<Bytes>,
    pub(super) what: &'static str,
    /// The key and the certificate, in PEM, by which the endpoint knows who asks.
    pub(super) identity: Option<SecretString>,
    /// How many seconds the token is good, where the answer does not say it.
    pub(super) lasts: Option<u64>,
}

impl Ask {
    pub(super) fn new(name: String, request: Request<Bytes>, what: &'static str) -> Box<Self> {
        Box::new(Self { name, request, what, identity: None, lasts: None })
    }
}

/// The answer of a token endpoint (RFC 6749, 5.1), or GitHub's, which has an address beside the token.
#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "token")]
    access_token: String,
    #[serde(alias = "refresh_in")]
    expires_in: Option<u64>,
    endpoints: Option<Endpoints>,
}

#[derive(Deserialize)]
struct Endpoints {
    api: Option<String>,
}

impl Exchange {
    pub(super) fn new(
        grant: Grant,
        spec: &ProviderSpec,
        keyring: Keyring,
        key: ApiKey,
        settings: &[(String, String)],
    ) -> Self {
        let mut new = Self { grant, keyring, key, settings: settings.to_vec(), renewable: false };
        new.renewable = matches!(new.way(spec, &Uri::default()), Ok(Way::Token(_)));
        new
    }

    /// Something that the call says by this name, or else the environment by one of these.
    pub(super) fn setting(&self, name: &str, env: &[&str]) -> Option<String> {
        let given = setting(&self.settings, name).map(str::to_owned);
        given.or_else(|| self.environment().first(env))
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.keyring.environment
    }

    async fn token(&self, ask: &Ask) -> Result<Token> {
        let fetched = self.keyring.tokens.get(&ask.name, || async {
            let identified = ask.identity.as_ref().map(|pem| self.keyring.transport.identified(pem)).transpose()?;
            let transport = identified.as_ref().unwrap_or(&self.keyring.transport);
            let answer: Answer = fetch::json(transport, ask.request.clone(), ask.what).await?;
            let lasts = answer.expires_in.or(ask.lasts).map(Duration::from_secs);
            let token = Token::new(answer.access_token, lasts);
            Ok(match answer.endpoints.and_then(|endpoints| endpoints.api) {
                Some(api) => token.setting("copilot_api", api),
                None => token,
            })
        });
        fetched.await
    }

    /// The deployment of the orchestration that was started last, as SAP's own SDK takes it.
    async fn deployment(&self, key: &SapKey) -> Result<Token> {
        let name = format!("{}\ndeployment\n{}\n{}", key.ask.name, key.api, key.group);
        let fetched = self.keyring.tokens.get(&name, || async {
            let token = self.token(&key.ask).await?;
            let found = match self.deployments(key, &token).await {
                // The token that was kept is good no longer.
                Err(error) if error.status().is_some_and(|status| status == StatusCode::UNAUTHORIZED) => {
                    self.keyring.tokens.refused(&key.ask.name, token.secret.expose_secret());
                    self.deployments(key, &self.token(&key.ask).await?).await?
                }
                found => found?,
            };
            let latest = found.resources.into_iter().max_by(|a, b| a.started.cmp(&b.started));
            let url = latest.and_then(|deployment| deployment.url).ok_or_else(|| {
                let message = format!(
                    "SAP AI Core has no running deployment of the orchestration in the resource group `{}`",
                    key.group
                );
                Error::new(ErrorKind::NotFound, message)
            })?;
            let lasts = Some(Duration::from_secs(DEPLOYMENT_LASTS));
            Ok(Token::new(String::new(), lasts).setting("deployment_url", url))
        });
        fetched.await
    }

    async fn deployments(&self, key: &SapKey, token: &Token) -> Result<Deployments> {
        let asked = "scenarioId=orchestration&executableIds=orchestration&status=RUNNING";
        let mut request = fetch::get(&format!("{}/lm/deployments?{asked}", key.api))?;
        of_group(&mut request, &key.group)?;
        put(&mut request, "Bearer ", token.secret.expose_secret())?;
        fetch::json(&self.keyring.transport, request, "the deployments of SAP AI Core").await
    }
}

#[derive(Deserialize)]
struct Deployments {
    resources: Vec<Deployment>,
}

#[derive(Deserialize)]
struct Deployment {
    #[serde(rename = "deploymentUrl")]
    url: Option<String>,
    /// RFC 3339 in UTC, so that the order of the texts is that of the times.
    #[serde(rename = "startTime", default)]
    started: Option<String>,
}

#[async_trait]
impl Credentials for Exchange {
    async fn authorize(&self, provider: &dyn Provider, request: &mut Request<Bytes>) -> Result<()> {
        let ask = match self.way(provider.spec(), request.uri())? {
            Way::AsIs(prefix, secret) => return put(request, prefix, secret.expose_secret()),
            Way::Token(ask) => ask,
        };
        if self.grant == Grant::SapAiCore {
            of_group(request, &self.sap(provider.spec())?.group)?;
        }
        let token = self.token(&ask).await?;
        put(request, "Bearer ", token.secret.expose_secret())
    }

    fn has_settings(&self) -> bool {
        matches!(self.grant, Grant::SapAiCore | Grant::GithubCopilot)
    }

    async fn settings(&self, provider: &dyn Provider) -> Result<Vec<(String, String)>> {
        match (self.grant, self.way(provider.spec(), &Uri::default())?) {
            (Grant::SapAiCore, _) => Ok(self.deployment(&self.sap(provider.spec())?).await?.settings),
            (Grant::GithubCopilot, Way::Token(ask)) => Ok(self.token(&ask).await?.settings),
            _ => Ok(Vec::new()),
        }
    }

    fn can_renew(&self) -> bool {
        self.renewable
    }

    fn renew(&self, refused: &HeaderMap) -> bool {
        // The key can be another one for each call, and so the name of the token.
        bearer::sent(refused).is_some_and(|token| {
            self.keyring.tokens.refused_of_any(token);
            true
        })
    }
}

/// `Authorization`, marked as a secret.
pub(super) fn put(request: &mut Request<Bytes>, prefix: &str, secret: &str) -> Result<()> {
    let mut value = HeaderValue::try_from(format!("{prefix}{}", secret.trim()))
        .map_err(|_| Error::new(ErrorKind::Authentication, "the key holds characters that a header cannot"))?;
    value.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, value);
    Ok(())
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("grant", &self.grant).finish_non_exhaustive()
    }
}
