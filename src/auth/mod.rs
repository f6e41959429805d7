//! Where keys come from, and how they get onto a request.

mod aws;
mod bearer;
mod clock;
mod device;
mod entra;
mod environment;
mod exchange;
mod fetch;
mod files;
mod google;
mod grants;
#[cfg(any(feature = "azure", feature = "gcp", feature = "oci"))]
mod jwt;
mod key;
mod keyring;
#[cfg(feature = "oci")]
mod oci;
mod program;
mod token;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request};

pub use bearer::{BearerTokens, TokenSource};
pub use device::{DeviceCode, DeviceLogin};
pub use environment::Environment;
pub use key::{ApiKey, KeyResolver};
pub(crate) use keyring::Keyring;
pub use token::{Token, TokenCache};

use crate::error::Result;
use crate::provider::Provider;

/// Credentials that need a feature of the crate that is not built.
#[cfg(not(feature = "oci"))]
#[derive(Debug)]
struct Missing(&'static str);

#[cfg(not(feature = "oci"))]
#[async_trait]
impl Credentials for Missing {
    async fn authorize(&self, provider: &dyn Provider, _: &mut Request<Bytes>) -> Result<()> {
        let message = format!("{} needs the feature `{}` of anymodel", provider.spec().name, self.0);
        Err(crate::error::Error::new(crate::error::ErrorKind::Configuration, message))
    }
}

/// Puts credentials on a request.
///
/// It is asked again for each try, since tokens age and signatures carry the time. The body is final, so that it can
/// be signed. Header values that are secret must be marked sensitive: by that they are kept out of errors.
#[async_trait]
pub trait Credentials: fmt::Debug + Send + Sync {
    /// Puts this provider's credentials on the request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Authentication`](crate::ErrorKind::Authentication) where there are none, naming where they were
    /// looked for; and the errors of fetching a token.
    async fn authorize(&self, provider: &dyn Provider, request: &mut Request<Bytes>) -> Result<()>;

    /// Environment variables that would have to be set, as far as it can be told without asking anybody; none where
    /// there are credentials.
    fn missing(&self, _provider: &dyn Provider) -> Vec<String> {
        Vec::new()
    }

    /// Whether [`settings`](Self::settings) can know anything: then they are asked where one of the settings that the
    /// provider's row names is missing.
    fn has_settings(&self) -> bool {
        false
    }

    /// Settings of the connection that only the credentials know, such as the project of a service account or the
    /// region of a profile.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize).
    async fn settings(&self, _provider: &dyn Provider) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    /// Whether [`renew`](Self::renew) can help.
    fn can_renew(&self) -> bool {
        false
    }

    /// Told that the provider refused a request with these headers (401), so that a token that is kept is kept no
    /// longer. Says whether that can help: then the request is authorised and sent once more, whatever the policy of
    /// retries.
    fn renew(&self, _refused: &HeaderMap) -> bool {
        false
    }
}
