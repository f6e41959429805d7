//! Where tokens of Entra ID come from, and how each is asked for.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::auth::{Environment, Token, clock, fetch, files};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::setting;
use crate::transport::Transport;

const AUTHORITY: &str = "https://login.microsoftonline.com";
const IMDS: &str = "http://169.254.169.254";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The suffix of the scope in each cloud, by the host where its tokens are: US Government and China have their own.
/// Source: <https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure>.
const CLOUDS: [(&str, &str); 3] =
    [("microsoftonline.us", "azure.us"), ("chinacloudapi.cn", "azure.cn"), ("microsoftonline.cn", "azure.cn")];

/// What the call and the environment say.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) settings: &'a [(String, String)],
    pub(super) environment: &'a Environment,
}

/// Who decides which source it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Call,
    Environment,
}

impl Told<'_> {
    fn setting(&self, name: &str) -> Option<String> {
        let found = |name: &str| setting(self.settings, name).map(str::to_owned);
        found(name).or_else(|| found(name.strip_prefix("azure_")?)).filter(|value| !value.trim().is_empty())
    }

    /// What decides, at one level alone.
    fn at(&self, level: Level, name: &str, variable: &str) -> Option<String> {
        match level {
            Level::Call => self.setting(name),
            Level::Environment => self.environment.get(variable),
        }
    }

    /// What belongs to it, wherever it is said.
    fn any(&self, name: &str, variable: &str) -> Option<String> {
        self.setting(name).or_else(|| self.environment.get(variable))
    }
}

/// A source of tokens.
pub(super) enum Source {
    /// A token as it is.
    Given(SecretString),
    /// An application that proves who it is.
    Application { authority: String, tenant: String, client: String, scope: String, proof: Proof },
    /// The identity of an App Service or a function.
    AppService { endpoint: String, header: SecretString, client: Option<String>, scope: String },
    /// The identity of a virtual machine, or of what stands in for one.
    Machine { host: String, client: Option<String>, scope: String },
}

/// By what an application proves who it is.
pub(super) enum Proof {
    Secret(SecretString),
    /// A certificate with its private key, in PEM.
    Certificate(SecretString),
    CertificateFile(String),
    /// The file of a token that another service made, which Entra ID trusts.
    FederatedFile(String),
}

impl Source {
    /// The first source that is told of at this level.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Authentication`], naming what is missing of it.
    pub(super) fn find(told: Told<'_>, level: Level) -> Result<Option<Self>> {
        let at = |name: &str, variable: &str| told.at(level, name, variable);
        if let Some(token) = at("azure_ad_token", "AZURE_AD_TOKEN") {
            return Ok(Some(Self::Given(token.into())));
        }
        let authority = told.any("azure_authority_host", "AZURE_AUTHORITY_HOST");
        let authority = authority.map_or_else(|| AUTHORITY.to_owned(), |host| with_scheme(&host));
        let scope = told.any("azure_scope", "AZURE_SCOPE").unwrap_or_else(|| scope(&authority));
        let client = told.any("azure_client_id", "AZURE_CLIENT_ID");
        let secret = || at("azure_client_secret", "AZURE_CLIENT_SECRET").map(|secret| Proof::Secret(secret.into()));
        let certificate = || {
            let text = at("azure_client_certificate", "AZURE_CLIENT_CERTIFICATE");
            text.map(|pem| Proof::Certificate(pem.into()))
        };
        let file = || at("azure_client_certificate_path", "AZURE_CLIENT_CERTIFICATE_PATH").map(Proof::CertificateFile);
        let federated = || at("azure_federated_token_file", "AZURE_FEDERATED_TOKEN_FILE").map(Proof::FederatedFile);
        if let Some(proof) = secret().or_else(certificate).or_else(file).or_else(federated) {
            let missing = |what: &str, variable: &str| {
                let message = format!("an application of Entra ID needs its {what}: set {variable}");
                Error::new(ErrorKind::Authentication, message)
            };
            let tenant = told.any("azure_tenant_id", "AZURE_TENANT_ID");
            let tenant = tenant.ok_or_else(|| missing("tenant", "AZURE_TENANT_ID"))?;
            let client = client.ok_or_else(|| missing("client id", "AZURE_CLIENT_ID"))?;
            return Ok(Some(Self::Application { authority, tenant, client, scope, proof }));
        }
        let service = || {
            let header = told.environment.get("IDENTITY_HEADER")?.into();
            let endpoint = told.environment.get("IDENTITY_ENDPOINT")?;
            Some(Self::AppService { endpoint, header, client: client.clone(), scope: scope.clone() })
        };
        let named = at("azure_credential", "AZURE_CREDENTIAL").map(|name| name.to_ascii_lowercase());
        Ok(match named.as_deref() {
            Some("managedidentitycredential" | "managed_identity" | "defaultazurecredential") => {
                let machine = || {
                    let host = told.environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST");
                    let host = host.map_or_else(|| IMDS.to_owned(), |host| with_scheme(&host));
                    Self::Machine { host, client: client.clone(), scope: scope.clone() }
                };
                Some(service().unwrap_or_else(machine))
            }
            Some(other) => {
                let message = format!(
                    "`{other}` is no credential that is known here; `ManagedIdentityCredential` is, and the others are \
                     told by what they need, such as AZURE_CLIENT_SECRET"
                );
                return Err(Error::new(ErrorKind::Authentication, message));
            }
            None if level == Level::Environment => service(),
            None => None,
        })
    }

    pub(super) fn is_given(&self) -> bool {
        matches!(self, Self::Given(_))
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Given(_) => "token",
            Self::Application { .. } => "application",
            Self::AppService { .. } => "app service",
            Self::Machine { .. } => "machine",
        }
    }

    /// All that a token of it depends on.
    pub(super) fn name(&self) -> String {
        let parts: Vec<&str> = match self {
            Self::Given(token) => vec![token.expose_secret()],
            Self::Application { authority, tenant, client, scope, proof } => {
                let (kind, secret) = match proof {
                    Proof::Secret(secret) => ("secret", secret.expose_secret()),
                    Proof::Certificate(pem) => ("certificate", pem.expose_secret()),
                    Proof::CertificateFile(path) => ("certificate file", path.as_str()),
                    Proof::FederatedFile(path) => ("federated file", path.as_str()),
                };
                vec![authority, tenant, client, scope, kind, secret]
            }
            Self::AppService { endpoint, header, client, scope } => {
                vec![endpoint, header.expose_secret(), client.as_deref().unwrap_or_default(), scope]
            }
            Self::Machine { host, client, scope } => vec![host, client.as_deref().unwrap_or_default(), scope],
        };
        format!("entra {}\n{}", self.kind(), parts.join("\n"))
    }

    /// A new token.
    pub(super) async fn fetch(&self, transport: &Arc<dyn Transport>) -> Result<Token> {
        const WHAT: &str = "a token of Entra ID";
        let answer: Answer = match self {
            Self::Given(token) => return Ok(Token::new(token.clone(), None)),
            Self::Application { authority, tenant, client, scope, proof } => {
                let url = format!("{authority}/{tenant}/oauth2/v2.0/token");
                let (secret, assertion);
                let mut fields = vec![("grant_type", "client_credentials"), ("client_id", client), ("scope", scope)];
                if let Proof::Secret(given) = proof {
                    secret = given.clone();
                    fields.push(("client_secret", secret.expose_secret()));
                } else {
                    assertion = proof.assertion(&url, client).await?;
                    fields.push(("client_assertion_type", JWT_BEARER));
                    fields.push(("client_assertion", &assertion));
                }
                fetch::json(transport, fetch::form(&url, &fields)?, WHAT).await?
            }
            Self::AppService { endpoint, header, client, scope } => {
                let url = identity_url(endpoint, "2019-08-01", scope, client.as_deref());
                let mut request = fetch::get(&url)?;
                let mut value = HeaderValue::try_from(header.expose_secret()).map_err(|_| {
                    Error::new(ErrorKind::Configuration, "IDENTITY_HEADER holds characters that a header cannot")
                })?;
                value.set_sensitive(true);
                request.headers_mut().insert("x-identity-header", value);
                fetch::json(transport, request, WHAT).await?
            }
            Self::Machine { host, client, scope } => {
                let endpoint = format!("{host}/metadata/identity/oauth2/token");
                let mut request = fetch::get(&identity_url(&endpoint, "2018-02-01", scope, client.as_deref()))?;
                request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
                fetch::json(transport, request, WHAT).await?
            }
        };
        Ok(answer.token())
    }
}

impl Proof {
    /// What is sent instead of a secret.
    async fn assertion(&self, audience: &str, client: &str) -> Result<String> {
        let read = |path| files::read("the file that proves an application of Entra ID", path);
        match self {
            Self::Secret(_) => Ok(String::new()),
            Self::FederatedFile(path) => Ok(read(path).await?.trim().to_owned()),
            Self::CertificateFile(path) => signed(&read(path).await?, audience, client),
            Self::Certificate(pem) => signed(pem.expose_secret(), audience, client),
        }
    }
}

#[cfg(feature = "azure")]
fn signed(pem: &str, audience: &str, client: &str) -> Result<String> {
    super::assertion::sign(pem, audience, client, clock::now(), &clock::random_uuid())
}

#[cfg(not(feature = "azure"))]
fn signed(_: &str, _: &str, _: &str) -> Result<String> {
    let message = "a certificate of Entra ID needs the feature `azure` of this crate";
    Err(Error::new(ErrorKind::Configuration, message))
}

/// The address of an identity's endpoint, which knows resources and not scopes.
fn identity_url(endpoint: &str, version: &str, scope: &str, client: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("api-version", version);
    query.append_pair("resource", scope.strip_suffix("/.default").unwrap_or(scope));
    if let Some(client) = client {
        query.append_pair("client_id", client);
    }
    format!("{endpoint}?{}", query.finish())
}

fn scope(authority: &str) -> String {
    let cloud = CLOUDS.iter().find(|(host, _)| authority.ends_with(host)).map_or("azure.com", |(_, cloud)| *cloud);
    format!("https://cognitiveservices.{cloud}/.default")
}

fn with_scheme(host: &str) -> String {
    let host = host.trim_end_matches('/');
    if host.contains("://") { host.to_owned() } else { format!("https://{host}") }
}

/// The answer of any of these endpoints; identities write their numbers as texts, and App Service says only when the
/// token ends.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<Value>,
    #[serde(default)]
    expires_on: Option<Value>,
}

impl Answer {
    fn token(self) -> Token {
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let from_end = || Some(self.expires_on.as_ref().and_then(number)?.saturating_sub(clock::now()));
        let lasts = self.expires_in.as_ref().and_then(number).or_else(from_end);
        Token::new(self.access_token, lasts.map(Duration::from_secs))
    }
}
