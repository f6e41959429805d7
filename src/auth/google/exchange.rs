//! Tokens of others made into Google's (workload identity federation), and tokens in the name of a service account.
//!
//! Sources: <https://google.aip.dev/auth/4117>, <https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>,
//! <https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>.
//! Subject tokens come from a file, an address, AWS (feature `aws`), or a program, if the environment allows it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Request, header};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::document::{Answer, project_of, with_project, with_quota, wrong};
use super::executable::{Executable, Told};
use super::{Means, SCOPE};
use crate::auth::{Token, bearer, fetch, files};
use crate::error::Result;
use crate::transport::Transport;

/// The type of what AWS is proved by.
const AWS: &str = "urn:ietf:params:aws:token-type:aws4_request";
/// How long a token in another's name is asked for.
const LASTS: u64 = 3600;

/// An account of another identity service that Google trusts.
#[derive(Deserialize)]
pub(super) struct External {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Source,
    #[serde(default)]
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Option<Lifetime>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    workforce_pool_user_project: Option<String>,
    #[serde(default)]
    quota_project_id: Option<String>,
}

#[derive(Deserialize)]
struct Lifetime {
    #[serde(default)]
    token_lifetime_seconds: Option<u64>,
}

/// Where the other service's token is.
#[derive(Deserialize)]
struct Source {
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
    #[serde(default)]
    executable: Option<Executable>,
    #[serde(flatten)]
    aws: Aws,
}

/// Of a source at AWS, what is not said of the others.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Aws {
    pub(super) environment_id: Option<String>,
    pub(super) regional_cred_verification_url: Option<String>,
    pub(super) region_url: Option<String>,
    pub(super) imdsv2_session_token_url: Option<String>,
}

#[derive(Default, Deserialize)]
struct Format {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    subject_token_field_name: Option<String>,
}

impl External {
    pub(super) async fn token(&self, means: &Means) -> Result<Token> {
        let transport = &means.transport;
        let subject = self.subject(means).await?;
        let options = self.workforce_pool_user_project.as_ref().filter(|_| self.client_id.is_none());
        let options = options.map(|project| json!({"userProject": project}).to_string());
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", self.audience.as_str()),
            ("scope", SCOPE),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject.as_str()),
            ("subject_token_type", self.subject_token_type.as_str()),
        ];
        fields.extend(options.as_deref().map(|options| ("options", options)));
        let mut request = fetch::form(&self.token_url, &fields)?;
        if let Some(id) = &self.client_id {
            let pair = STANDARD.encode(format!("{id}:{}", self.client_secret.as_deref().unwrap_or_default()));
            let mut value = HeaderValue::try_from(format!("Basic {pair}"))
                .map_err(|_| wrong("the `client_id` cannot be sent".to_owned()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let what = "a token of Google for another service's";
        let token = fetch::json::<Answer>(transport, request, what).await?.token();
        let token = match &self.service_account_impersonation_url {
            None => token,
            Some(url) => {
                let lasts = self.service_account_impersonation.as_ref().and_then(|own| own.token_lifetime_seconds);
                Impersonation { url, delegates: &[], lasts }.token(transport, &token.secret).await?
            }
        };
        Ok(with_quota(token, self.quota_project_id.as_ref()))
    }

    async fn subject(&self, means: &Means) -> Result<String> {
        let source = &self.credential_source;
        if source.aws.environment_id.is_some() || self.subject_token_type == AWS {
            return of_aws(means, source, &self.audience).await;
        }
        if let Some(executable) = &source.executable {
            let email = self.service_account_impersonation_url.as_deref().and_then(email);
            let told = Told { audience: &self.audience, token_type: &self.subject_token_type, email };
            return executable.subject(means, told).await;
        }
        source.subject(&means.transport).await
    }
}

#[cfg(feature = "aws")]
async fn of_aws(means: &Means, source: &Source, audience: &str) -> Result<String> {
    super::aws::subject(means, &source.aws, source.url.as_deref(), audience).await
}

#[cfg(not(feature = "aws"))]
async fn of_aws(_: &Means, _: &Source, _: &str) -> Result<String> {
    let message = "an `external_account` of AWS needs the feature `aws` of this crate; or give tokens yourself by \
                   `Client::builder().token_source(…)`";
    Err(wrong(message.to_owned()))
}

impl Source {
    async fn subject(&self, transport: &Arc<dyn Transport>) -> Result<String> {
        let text = match (&self.file, &self.url) {
            (Some(path), _) => files::read("the file of the token for Google", path).await?,
            (None, Some(url)) => {
                let mut request = fetch::get(url)?;
                for (name, value) in &self.headers {
                    let name = HeaderName::from_bytes(name.as_bytes());
                    let (Ok(name), Ok(mut value)) = (name, HeaderValue::try_from(value)) else {
                        return Err(wrong("a header in `credential_source.headers` cannot be sent".to_owned()));
                    };
                    value.set_sensitive(true);
                    request.headers_mut().insert(name, value);
                }
                let (_, body) =
                    fetch::send(transport, request, "the token to be exchanged for one of Google's").await?;
                String::from_utf8_lossy(&body).into_owned()
            }
            (None, None) => {
                let message = "an `external_account` takes its token from a file, an address, AWS or a program here; use a \
                               token source of your own (`Client::builder().token_source(…)`) for others";
                return Err(wrong(message.to_owned()));
            }
        };
        if self.format.kind.as_deref() != Some("json") {
            return Ok(text.trim().to_owned());
        }
        let field = self.format.subject_token_field_name.as_deref().unwrap_or("access_token");
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let token = json.get(field).and_then(Value::as_str).map(str::to_owned);
        token.ok_or_else(|| wrong(format!("what should hold the token has no `{field}`")))
    }
}

/// A service account in whose name one asks.
pub(super) struct Impersonation<'a> {
    pub(super) url: &'a str,
    pub(super) delegates: &'a [String],
    /// In seconds.
    pub(super) lasts: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    access_token: String,
}

impl Impersonation<'_> {
    pub(super) async fn token(&self, transport: &Arc<dyn Transport>, own: &SecretString) -> Result<Token> {
        let lasts = self.lasts.unwrap_or(LASTS);
        let mut body = json!({"scope": [SCOPE], "lifetime": format!("{lasts}s")});
        if let (false, Some(body)) = (self.delegates.is_empty(), body.as_object_mut()) {
            body.insert("delegates".to_owned(), json!(self.delegates));
        }
        let json = HeaderValue::from_static("application/json");
        let request = Request::post(self.url).header(header::CONTENT_TYPE, json).body(body.to_string().into());
        let mut request = request.map_err(|source| {
            wrong("`service_account_impersonation_url` is no address".to_owned()).with_source(source)
        })?;
        bearer::put(own, &mut request)?;
        let what = "a token of Google in the name of a service account";
        let generated: Generated = fetch::json(transport, request, what).await?;
        let token = Token::new(SecretString::from(generated.access_token), Some(Duration::from_secs(lasts)));
        Ok(with_project(token, self.project().as_ref()))
    }

    /// The project of the account: `…/serviceAccounts/name@PROJECT.iam.gserviceaccount.com:generateAccessToken`.
    fn project(&self) -> Option<String> {
        project_of(email(self.url)?)
    }
}

/// The account in the address by which one asks in its name.
fn email(url: &str) -> Option<&str> {
    url.rsplit('/').next()?.split(':').next()
}
