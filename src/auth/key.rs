//! API keys: given, asked for, or from the environment.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use secrecy::{ExposeSecret, SecretString};

use super::{Credentials, Environment};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Provider, ProviderSpec};

/// A callback that gives the key of a provider, by its prefix; asked for each request.
pub type KeyResolver = Arc<dyn Fn(&str) -> Option<SecretString> + Send + Sync>;

/// The key of a provider: the one given, else the resolver's, else that of the environment.
#[derive(Clone, Default)]
pub struct ApiKey {
    /// The key for this call or client.
    pub given: Option<SecretString>,
    /// Who is asked when none is given.
    pub resolver: Option<KeyResolver>,
    /// Where the provider's variables are looked up when nobody has one.
    pub environment: Environment,
}

impl ApiKey {
    /// No key, wherever it is looked.
    pub(super) fn nowhere() -> Self {
        Self { environment: Environment::none(), ..Self::default() }
    }

    pub(super) fn find(&self, spec: &ProviderSpec) -> Result<Option<Cow<'_, SecretString>>> {
        let found = self.look(spec)?;
        if found.is_none() && !spec.key_optional {
            return Err(missing(spec));
        }
        Ok(found)
    }

    /// The key, where there is one. One without letters, such as an empty one that is given, is none.
    pub(super) fn look(&self, spec: &ProviderSpec) -> Result<Option<Cow<'_, SecretString>>> {
        if let Some(given) = &self.given {
            if given.expose_secret().trim().is_empty() {
                return Ok(None);
            }
            return match self.environment.expand(given.expose_secret()) {
                Ok(Cow::Borrowed(_)) => Ok(Some(Cow::Borrowed(given))),
                Ok(Cow::Owned(key)) => Ok(Some(Cow::Owned(key.into()))),
                Err(name) => Err(Error::new(
                    ErrorKind::Authentication,
                    format!("the API key of {} is `os.environ/{name}`, but {name} is not set", spec.name),
                )),
            };
        }
        let resolved = self.resolver.as_ref().and_then(|resolver| resolver(&spec.name));
        let found = resolved.or_else(|| self.environment.first(&spec.key_env).map(SecretString::from));
        Ok(found.map(Cow::Owned))
    }
}

fn missing(spec: &ProviderSpec) -> Error {
    let hint = match spec.key_env.as_slice() {
        [] => String::new(),
        [only] => format!("set {only}, or "),
        names => format!("set one of {}, or ", names.join(", ")),
    };
    Error::new(ErrorKind::Authentication, format!("no API key for {}: {hint}give one with `.api_key(…)`", spec.name))
}

#[async_trait]
impl Credentials for ApiKey {
    async fn authorize(&self, provider: &dyn Provider, request: &mut Request<Bytes>) -> Result<()> {
        match self.find(provider.spec())? {
            Some(key) => provider.authorize(&key, request),
            None => Ok(()),
        }
    }

    fn missing(&self, provider: &dyn Provider) -> Vec<String> {
        let spec = provider.spec();
        let missing = self.find(spec).is_err();
        spec.key_env.first().filter(|_| missing).map(ToString::to_string).into_iter().collect()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("given", &self.given.is_some())
            .field("resolver", &self.resolver.is_some())
            .field("environment", &self.environment)
            .finish()
    }
}
