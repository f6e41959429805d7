//! The JSON documents that Google's credentials are, told apart by their `type`.
//!
//! Sources: <https://google.aip.dev/auth/4110> and those beside it (4112 service accounts, 4113 users, 4117 external
//! accounts), and the recording `google_oauth/auth-token.basic.*`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::exchange::{External, Impersonation};
use super::{Means, PROJECT, QUOTA};
use crate::auth::{Token, fetch, files};
use crate::error::{Error, ErrorKind, Result};
use crate::transport::Transport;

/// Where Google gives tokens, and the audience of what is signed for it.
pub(super) const TOKENS: &str = "https://oauth2.googleapis.com/token";

/// How tokens are asked for.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Document {
    ServiceAccount(ServiceAccount),
    AuthorizedUser(AuthorizedUser),
    ExternalAccount(Box<External>),
    ImpersonatedServiceAccount(Impersonated),
}

#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: Option<String>,
    #[serde(default)]
    token_uri: Option<String>,
    #[serde(default)]
    project_id: Option<String>,
    #[serde(default)]
    quota_project_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct AuthorizedUser {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    #[serde(default)]
    token_uri: Option<String>,
    #[serde(default)]
    quota_project_id: Option<String>,
}

/// A service account in whose name another credential asks.
#[derive(Deserialize)]
pub(super) struct Impersonated {
    service_account_impersonation_url: String,
    source_credentials: Box<Document>,
    #[serde(default)]
    delegates: Vec<String>,
    #[serde(default)]
    quota_project_id: Option<String>,
}

/// What token endpoints answer.
#[derive(Deserialize)]
pub(super) struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Answer {
    pub(super) fn token(self) -> Token {
        Token::new(SecretString::from(self.access_token), self.expires_in.map(Duration::from_secs))
    }
}

impl Document {
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for what is none of Google's credentials. Nothing of the text is in it.
    pub(super) fn read(text: &str) -> Result<Self> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|_| wrong("the credentials of Google Cloud are not JSON".to_owned()))?;
        let kind = value.get("type").and_then(|kind| kind.as_str()).unwrap_or("nothing").to_owned();
        Self::deserialize(value).map_err(|_| {
            wrong(format!(
                "credentials of Google Cloud of the type `{kind}` are not known here, or lack something; there are \
                 service_account, authorized_user, external_account and impersonated_service_account"
            ))
        })
    }

    pub(super) async fn open(path: &str) -> Result<Self> {
        Self::read(&files::read("the file of the credentials of Google Cloud", path).await?)
    }

    /// A new token, with the project of the credentials.
    pub(super) fn token<'a>(&'a self, means: &'a Means) -> Pin<Box<dyn Future<Output = Result<Token>> + Send + 'a>> {
        Box::pin(async move {
            let transport = &means.transport;
            match self {
                Self::ServiceAccount(account) => account.token(transport).await,
                Self::AuthorizedUser(user) => user.token(transport).await,
                Self::ExternalAccount(external) => external.token(means).await,
                Self::ImpersonatedServiceAccount(other) => {
                    let source = other.source_credentials.token(means).await?;
                    let impersonation = Impersonation {
                        url: &other.service_account_impersonation_url,
                        delegates: &other.delegates,
                        lasts: None,
                    };
                    let token = impersonation.token(transport, &source.secret).await?;
                    Ok(with_quota(token, other.quota_project_id.as_ref()))
                }
            }
        })
    }
}

impl ServiceAccount {
    async fn token(&self, transport: &Arc<dyn Transport>) -> Result<Token> {
        const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let assertion = self.assertion()?;
        let fields = [("grant_type", GRANT), ("assertion", assertion.as_str())];
        let url = self.token_uri.as_deref().unwrap_or(TOKENS);
        let what = "a token of Google for a service account";
        let answer: Answer = fetch::json(transport, fetch::form(url, &fields)?, what).await?;
        let project = self.project_id.clone().or_else(|| project_of(&self.client_email));
        let token = with_quota(answer.token(), self.quota_project_id.as_ref());
        Ok(with_project(token, project.as_ref()))
    }

    #[cfg(feature = "gcp")]
    fn assertion(&self) -> Result<String> {
        self.signed(crate::auth::clock::now())
    }

    #[cfg(not(feature = "gcp"))]
    fn assertion(&self) -> Result<String> {
        let _ = (&self.private_key, &self.private_key_id);
        Err(wrong("a service account of Google needs the feature `gcp` of this crate".to_owned()))
    }

    /// The claims by which the account asks for a token.
    #[cfg(feature = "gcp")]
    pub(super) fn signed(&self, now: u64) -> Result<String> {
        let mut header = serde_json::json!({"typ": "JWT", "alg": "RS256"});
        if let (Some(id), Some(header)) = (&self.private_key_id, header.as_object_mut()) {
            header.insert("kid".to_owned(), id.as_str().into());
        }
        let claims = serde_json::json!({
            "iat": now, "exp": now.saturating_add(3600), "iss": self.client_email, "aud": TOKENS, "scope": super::SCOPE,
        });
        crate::auth::jwt::sign(&header, &claims, &self.private_key, jsonwebtoken::Algorithm::RS256)
    }
}

impl AuthorizedUser {
    async fn token(&self, transport: &Arc<dyn Transport>) -> Result<Token> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("refresh_token", &self.refresh_token),
        ];
        let url = self.token_uri.as_deref().unwrap_or(TOKENS);
        let answer: Answer = fetch::json(transport, fetch::form(url, &fields)?, "a token of Google for a user").await?;
        let token = with_quota(answer.token(), self.quota_project_id.as_ref());
        Ok(with_project(token, self.quota_project_id.as_ref()))
    }
}

/// The project in a service account's address: `name@PROJECT.iam.gserviceaccount.com`.
pub(super) fn project_of(email: &str) -> Option<String> {
    let project = email.split_once('@')?.1.strip_suffix(".iam.gserviceaccount.com")?;
    (!project.is_empty()).then(|| project.to_owned())
}

pub(super) fn with_project(token: Token, project: Option<&String>) -> Token {
    match project {
        Some(project) if !token.settings.iter().any(|(name, _)| name == PROJECT) => token.setting(PROJECT, project),
        _ => token,
    }
}

pub(super) fn with_quota(token: Token, project: Option<&String>) -> Token {
    match project {
        Some(project) => token.setting(QUOTA, project),
        None => token,
    }
}

pub(super) fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
