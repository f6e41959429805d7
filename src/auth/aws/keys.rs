//! What signatures are made with.

use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::time;
use crate::auth::Token;
use crate::error::{Error, ErrorKind, Result};

/// How long credentials are used that do not end, before they are looked up again.
const UNENDING: Duration = Duration::from_secs(300);

/// An access key, as AWS's endpoints and programs for credentials write it.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::auth) struct Keys {
    #[serde(alias = "AccessKeyId")]
    pub(super) access_key_id: String,
    #[serde(alias = "SecretAccessKey")]
    pub(super) secret_access_key: String,
    /// Of keys that end.
    #[serde(default, alias = "SessionToken", alias = "Token")]
    pub(super) session_token: Option<String>,
    /// When they end, in the form of ISO 8601.
    #[serde(default, skip_serializing, alias = "Expiration")]
    pub(super) expiration: Option<String>,
    /// The same, where it is told otherwise.
    #[serde(skip)]
    pub(super) ends: Option<SystemTime>,
}

impl Keys {
    /// Keys of these values, if both are there.
    pub(in crate::auth) fn of(id: Option<String>, secret: Option<String>, token: Option<String>) -> Option<Self> {
        Some(Self {
            access_key_id: id?,
            secret_access_key: secret?,
            session_token: token,
            expiration: None,
            ends: None,
        })
    }

    /// The same as a token that can be kept.
    pub(super) fn into_token(self) -> Token {
        let lasts = match self.ends.or_else(|| time::parse(self.expiration.as_deref()?)) {
            Some(end) => end.duration_since(time::now()).unwrap_or_default(),
            None => UNENDING,
        };
        Token::new(SecretString::from(serde_json::to_string(&self).unwrap_or_default()), Some(lasts))
    }

    pub(super) fn of_token(token: &Token) -> Result<Self> {
        serde_json::from_str(token.secret.expose_secret())
            .map_err(|_| Error::new(ErrorKind::Authentication, "the AWS credentials that were kept cannot be read"))
    }
}

/// The time of a signature.
pub(in crate::auth) fn signing_time() -> SystemTime {
    time::now()
}
