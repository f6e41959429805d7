//! AWS: a key that is sent as it is, else a signature by credentials from where AWS keeps them.

#[cfg(feature = "aws")]
mod keys;
#[cfg(feature = "aws")]
mod metadata;
#[cfg(feature = "aws")]
mod profile;
#[cfg(feature = "aws")]
mod sign;
#[cfg(feature = "aws")]
mod signer;
#[cfg(feature = "aws")]
mod source;
#[cfg(feature = "aws")]
mod sso;
#[cfg(feature = "aws")]
mod sts;
#[cfg(all(test, feature = "aws"))]
mod tests;
#[cfg(feature = "aws")]
mod time;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;

#[cfg(feature = "aws")]
pub(super) use self::keys::{Keys, signing_time};
#[cfg(feature = "aws")]
pub(super) use self::sign::sign;
#[cfg(feature = "aws")]
use self::signer::Signer;
use super::{ApiKey, Credentials, Keyring};
use crate::error::Result;
use crate::provider::Provider;

/// Settings that say which credentials to sign with, whatever key the environment has.
const CREDENTIALS: [&str; 4] = ["aws_access_key_id", "aws_profile_name", "aws_role_name", "aws_web_identity_token"];

/// The credentials of a service of AWS.
pub(super) struct Aws {
    /// The key that is sent instead of a signature: one that the call or client gives before all others, one of the
    /// resolver or the environment unless the call says what to sign with.
    key: ApiKey,
    #[cfg(feature = "aws")]
    signer: Signer,
}

impl Aws {
    pub(super) fn new(keyring: &Keyring, service: &str, key: ApiKey, settings: &[(String, String)]) -> Self {
        let says = settings.iter().any(|(name, _)| CREDENTIALS.contains(&name.as_str()));
        #[cfg(not(feature = "aws"))]
        let _ = (keyring, service);
        Self {
            key: if says { ApiKey { given: key.given, ..ApiKey::nowhere() } } else { key },
            #[cfg(feature = "aws")]
            signer: Signer::new(keyring, service, settings),
        }
    }
}

#[async_trait]
impl Credentials for Aws {
    async fn authorize(&self, provider: &dyn Provider, request: &mut Request<Bytes>) -> Result<()> {
        if let Some(key) = self.key.look(provider.spec())? {
            return provider.authorize(&key, request);
        }
        #[cfg(feature = "aws")]
        return self.signer.sign(provider.spec(), request).await;
        #[cfg(not(feature = "aws"))]
        return Err(unsigned(provider.spec()));
    }

    #[cfg(feature = "aws")]
    fn has_settings(&self) -> bool {
        !self.signer.has_region()
    }

    #[cfg(feature = "aws")]
    async fn settings(&self, _: &dyn Provider) -> Result<Vec<(String, String)>> {
        self.signer.settings().await
    }

    #[cfg(feature = "aws")]
    fn can_renew(&self) -> bool {
        self.key.given.is_none() && self.signer.can_renew()
    }

    /// A key is sent as it is, and stays what it is.
    #[cfg(feature = "aws")]
    fn renew(&self, refused: &http::HeaderMap) -> bool {
        self.signer.renew(refused)
    }
}

#[cfg(not(feature = "aws"))]
fn unsigned(spec: &crate::provider::ProviderSpec) -> crate::error::Error {
    let key = spec.key_env.first().map(|name| format!("; or give an API key, by `.api_key(…)` or {name}"));
    let message = format!(
        "requests to {} are signed, which needs the feature `aws` of this crate{}",
        spec.name,
        key.unwrap_or_default()
    );
    crate::error::Error::new(crate::error::ErrorKind::Configuration, message)
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("key", &self.key).finish_non_exhaustive()
    }
}
