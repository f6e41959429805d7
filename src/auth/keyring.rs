//! From a provider's row, and what a call says, to its credentials.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use super::aws::Aws;
use super::entra::Entra;
use super::exchange::Exchange;
use super::google::Google;
use super::grants::Grant;
use super::{ApiKey, Credentials, Environment, KeyResolver, TokenCache};
use crate::provider::{AuthScheme, ProviderSpec};
use crate::transport::Transport;

/// What a client makes credentials of: where keys are looked up, and how and where tokens are fetched and kept.
#[derive(Clone)]
pub(crate) struct Keyring {
    pub(crate) environment: Environment,
    pub(crate) resolver: Option<KeyResolver>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) tokens: TokenCache,
}

impl Keyring {
    /// The credentials of a provider, by the way in which its row says that they are sent: from the key and the
    /// settings that the call or the client gives, else from the environment.
    pub(crate) fn credentials(
        &self,
        spec: &ProviderSpec,
        given: Option<SecretString>,
        settings: &[(String, String)],
    ) -> Arc<dyn Credentials> {
        let (resolver, environment) = (self.resolver.clone(), self.environment.clone());
        let key = ApiKey { given, resolver, environment };
        let exchange = |grant| Arc::new(Exchange::new(grant, spec, self.clone(), key.clone(), settings));
        let (transport, tokens) = (Arc::clone(&self.transport), self.tokens.clone());
        match &spec.auth {
            AuthScheme::IbmIam => exchange(Grant::IbmIam),
            AuthScheme::Databricks => exchange(Grant::Databricks),
            AuthScheme::SapAiCore => exchange(Grant::SapAiCore),
            AuthScheme::GithubCopilot => exchange(Grant::GithubCopilot),
            AuthScheme::Gigachat => exchange(Grant::Gigachat),
            #[cfg(feature = "oci")]
            AuthScheme::Oci => Arc::new(super::oci::OciKey::new(settings, key.environment, key.given)),
            #[cfg(not(feature = "oci"))]
            AuthScheme::Oci => Arc::new(super::Missing("oci")),
            AuthScheme::Aws { service } => Arc::new(Aws::new(self, service, key, settings)),
            AuthScheme::Entra => Arc::new(Entra::new(spec, key, settings, transport, tokens)),
            AuthScheme::Google => Arc::new(Google::new(spec, key, settings, transport, tokens)),
            AuthScheme::Bearer | AuthScheme::Header { .. } | AuthScheme::None => Arc::new(key),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("environment", &self.environment).finish_non_exhaustive()
    }
}
