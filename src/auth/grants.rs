//! What each token endpoint is asked, and where what it wants is found.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::exchange::{Ask, Exchange, Way, put};
use super::{clock, fetch};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::ProviderSpec;

/// Who gives tokens, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// IBM Cloud's IAM, for an API key. Recorded; <https://cloud.ibm.com/apidocs/iam-identity-token-api>.
    IbmIam,
    /// A Databricks workspace, for the secret of a service principal
    /// (<https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m>).
    Databricks,
    /// SAP's XSUAA, for the secret or the certificate of a service key of AI Core. Source: SAP's Python SDK (sap-ai-sdk-core 3.5.0,
    /// `credentials.py`, and sap-ai-sdk-base 3.4.0, `helpers/authenticator.py`).
    SapAiCore,
    /// GitHub, for the token of a login: a short-lived one for Copilot, with the address that it is good for.
    GithubCopilot,
    /// Sber, for an authorisation key (<https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-token>).
    Gigachat,
}

/// What of a Sber token is fixed: how long it is good, in seconds. The answer tells only the hour of its end.
const GIGACHAT_LASTS: u64 = 30 * 60;

impl Exchange {
    pub(super) fn way(&self, spec: &ProviderSpec, uri: &Uri) -> Result<Way> {
        match self.grant {
            Grant::IbmIam => self.ibm_iam(spec),
            Grant::Databricks => self.databricks(spec, uri),
            Grant::SapAiCore => self.sap(spec).map(|key| Way::Token(key.ask)),
            Grant::GithubCopilot => self.copilot(spec),
            Grant::Gigachat => self.gigachat(spec),
        }
    }

    /// A token or a Zen key (of watsonx.ai software) of the call; an API key of the call; else the same of the
    /// environment.
    fn ibm_iam(&self, spec: &ProviderSpec) -> Result<Way> {
        let env = |names: &[&str]| self.environment().first(names).filter(|_| self.key.given.is_none());
        let said = |name: &str| self.setting(name, &[]);
        if let Some(token) = said("watsonx_token").or_else(|| env(&["WATSONX_TOKEN"])) {
            return Ok(Way::AsIs("Bearer ", token.into()));
        }
        if let Some(key) = said("zen_api_key").or_else(|| env(&["WATSONX_ZENAPIKEY"])) {
            return Ok(Way::AsIs("ZenApiKey ", key.into()));
        }
        let key = self.key.find(spec)?.unwrap_or_default();
        let url = self.setting("iam_url", &["WATSONX_IAM_URL"]);
        let url = url.unwrap_or_else(|| "https://iam.cloud.ibm.com/identity/token".to_owned());
        let grant = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", key.expose_secret())];
        let name = format!("ibm iam\n{url}\n{}", key.expose_secret());
        Ok(Way::Token(Ask::new(name, fetch::form(&url, &grant)?, "a token of IBM Cloud")))
    }

    /// A personal token, or the id and secret of a service principal. The token comes from the workspace itself.
    fn databricks(&self, spec: &ProviderSpec, uri: &Uri) -> Result<Way> {
        let missing = match self.key.find(spec) {
            Ok(Some(key)) => return Ok(Way::AsIs("Bearer ", key.into_owned())),
            Ok(None) => Error::new(ErrorKind::Authentication, "no token for databricks"),
            Err(error) => error,
        };
        let id = self.setting("databricks_client_id", &["DATABRICKS_CLIENT_ID"]);
        let secret = self.setting("databricks_client_secret", &["DATABRICKS_CLIENT_SECRET"]);
        let (Some(id), Some(secret)) = (id, secret) else {
            let both = "set DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET for a service principal";
            let message = format!("{}; or {both}", missing.message());
            return Err(missing.with_message(message));
        };
        let scheme = uri.scheme_str().unwrap_or("https");
        let authority = uri.authority().map_or("", |host| host.as_str());
        let url = format!("{scheme}://{authority}/oidc/v1/token");
        let mut request = fetch::form(&url, &[("grant_type", "client_credentials"), ("scope", "all-apis")])?;
        put(&mut request, "Basic ", &STANDARD.encode(format!("{id}:{secret}")))?;
        let name = format!("databricks\n{url}\n{id}\n{secret}");
        Ok(Way::Token(Ask::new(name, request, "a token of Databricks")))
    }

    /// A service key, which is JSON, or its parts: with a secret, or with a certificate and its key (mTLS), for which the
    /// tokens have another address.
    pub(super) fn sap(&self, spec: &ProviderSpec) -> Result<SapKey> {
        let mut key = Parts::default();
        if let Ok(Some(found)) = self.key.find(spec) {
            key = read_service_key(&found)?;
        }
        let find = |mine: Option<String>, name: &str, env: &str| {
            self.setting(name, &[]).or(mine).or_else(|| self.environment().get(env))
        };
        let part = |mine: Option<String>, name: &str, env: &str| {
            find(mine, name, env).ok_or_else(|| {
                let message = format!("no credentials for SAP: set AICORE_SERVICE_KEY to a service key, or {env}");
                Error::new(ErrorKind::Authentication, message)
            })
        };
        let id = part(key.clientid, "sap_client_id", "AICORE_CLIENT_ID")?;
        let secret = find(key.clientsecret, "sap_client_secret", "AICORE_CLIENT_SECRET");
        let certificate = find(key.certificate, "sap_cert_str", "AICORE_CERT_STR").filter(|_| secret.is_none());
        let (auth, proof, identity) = match certificate {
            Some(certificate) => {
                let private = part(key.key, "sap_key_str", "AICORE_KEY_STR")?;
                let auth = find(key.certurl, "sap_cert_url", "AICORE_CERT_URL");
                let auth = auth.map_or_else(|| part(key.url, "sap_auth_url", "AICORE_AUTH_URL"), Ok)?;
                // In a variable of the environment a line can end by the two letters of its escape.
                let pem = format!("{private}\n{certificate}\n").replace("\\n", "\n");
                (auth, pem.clone(), Some(SecretString::from(pem)))
            }
            None => {
                let secret = part(secret, "sap_client_secret", "AICORE_CLIENT_SECRET")?;
                (part(key.url, "sap_auth_url", "AICORE_AUTH_URL")?, secret, None)
            }
        };
        let api = part(key.serviceurls.and_then(|urls| urls.api), "sap_base_url", "AICORE_BASE_URL")?;
        let url = format!("{}/oauth/token", auth.trim_end_matches('/').trim_end_matches("/oauth/token"));
        let api = format!("{}/v2", api.trim_end_matches('/').trim_end_matches("/v2"));
        let group = self.setting("sap_resource_group", &["AICORE_RESOURCE_GROUP"]);
        let fields = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &proof)];
        let fields = if identity.is_some() { fields.get(..2).unwrap_or_default() } else { &fields };
        let ask = Ask::new(format!("sap\n{url}\n{id}\n{proof}"), fetch::form(&url, fields)?, "a token of SAP");
        let ask = Box::new(Ask { identity, ..*ask });
        Ok(SapKey { ask, api, group: group.unwrap_or_else(|| "default".to_owned()) })
    }

    fn copilot(&self, spec: &ProviderSpec) -> Result<Way> {
        let key = self.key.find(spec).map_err(|error| {
            let message = format!("{}; `auth::DeviceLogin` gives one", error.message());
            error.with_message(message)
        })?;
        let key = key.unwrap_or_default();
        let url = self.setting("copilot_token_url", &["GITHUB_COPILOT_API_KEY_URL"]);
        let url = url.unwrap_or_else(|| "https://api.github.com/copilot_internal/v2/token".to_owned());
        let mut request = fetch::get(&url)?;
        put(&mut request, "token ", key.expose_secret())?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let name = format!("github copilot\n{url}\n{}", key.expose_secret());
        Ok(Way::Token(Ask::new(name, request, "a token of GitHub Copilot")))
    }

    fn gigachat(&self, spec: &ProviderSpec) -> Result<Way> {
        const ID: HeaderName = HeaderName::from_static("rquid");
        let key = self.key.find(spec)?.unwrap_or_default();
        let url = self.setting("gigachat_auth_url", &["GIGACHAT_AUTH_URL"]);
        let url = url.unwrap_or_else(|| "https://ngw.devices.sberbank.ru:9443/api/v2/oauth".to_owned());
        let scope = self.setting("gigachat_scope", &["GIGACHAT_SCOPE"]);
        let scope = scope.unwrap_or_else(|| "GIGACHAT_API_PERS".to_owned());
        let mut request = fetch::form(&url, &[("scope", &scope)])?;
        put(&mut request, "Basic ", key.expose_secret())?;
        let id = HeaderValue::try_from(clock::random_uuid())
            .map_err(|source| Error::new(ErrorKind::Configuration, "no id for the request").with_source(source))?;
        request.headers_mut().insert(ID, id);
        let ask =
            Ask::new(format!("gigachat\n{url}\n{scope}\n{}", key.expose_secret()), request, "a token of GigaChat");
        Ok(Way::Token(Box::new(Ask { lasts: Some(GIGACHAT_LASTS), ..*ask })))
    }
}

/// What a service key of SAP AI Core comes to.
pub(super) struct SapKey {
    pub(super) ask: Box<Ask>,
    /// The address of the API, with its version.
    pub(super) api: String,
    pub(super) group: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parts {
    clientid: Option<String>,
    clientsecret: Option<String>,
    url: Option<String>,
    certurl: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    serviceurls: Option<ServiceUrls>,
    credentials: Option<Box<Parts>>,
}

#[derive(Default, Deserialize)]
struct ServiceUrls {
    #[serde(rename = "AI_API_URL")]
    api: Option<String>,
}

fn read_service_key(key: &SecretString) -> Result<Parts> {
    // The error of the parser could quote the key.
    let parts: Parts = serde_json::from_str(key.expose_secret()).map_err(|_| {
        Error::new(ErrorKind::Authentication, "the key of SAP is not a service key, which is a JSON object")
    })?;
    // As Cloud Foundry binds it, the key is inside `credentials`.
    Ok(match parts.credentials {
        Some(inner) => *inner,
        None => parts,
    })
}

/// Puts the headers on a request that say for which group of resources it is.
pub(super) fn of_group(request: &mut Request<Bytes>, group: &str) -> Result<()> {
    const GROUP: HeaderName = HeaderName::from_static("ai-resource-group");
    let value = HeaderValue::try_from(group).map_err(|source| {
        Error::new(ErrorKind::Configuration, "the resource group of SAP cannot be a header").with_source(source)
    })?;
    request.headers_mut().insert(GROUP, value);
    Ok(())
}
