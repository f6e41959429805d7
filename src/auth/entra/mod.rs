//! Microsoft Entra ID: tokens for Azure, beside or instead of keys.
//!
//! Where they come from, the first that there is:
//!
//! 1. the key that the call or the client gives, or its resolver;
//! 2. of the call's settings `azure_ad_token`; `client_secret`; `azure_client_certificate` (PEM) or
//!    `azure_client_certificate_path`; `azure_federated_token_file`; `azure_credential`. What belongs to them (`tenant_id`,
//!    `client_id`, `azure_scope`, `azure_authority_host`) may come from the environment;
//! 3. the key in the environment;
//! 4. the environment's `AZURE_AD_TOKEN`; `AZURE_CLIENT_SECRET`; `AZURE_CLIENT_CERTIFICATE_PATH`;
//!    `AZURE_FEDERATED_TOKEN_FILE` (workload identity); `AZURE_CREDENTIAL`; the managed identity of App Service, where
//!    `IDENTITY_ENDPOINT` is set.
//!
//! The managed identity of a virtual machine is asked only where `azure_credential` or `AZURE_CREDENTIAL` says
//! `ManagedIdentityCredential`: elsewhere its address answers nobody, and a call without a key would wait for it.
//!
//! Sources: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>,
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity>,
//! <https://azure.github.io/azure-workload-identity/docs/>.

#[cfg(feature = "azure")]
mod assertion;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request};

use self::source::{Level, Source, Told};
use super::{ApiKey, Credentials, TokenCache, bearer};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Provider, ProviderSpec};
use crate::transport::Transport;

/// The credentials of a provider on Azure: a key, or tokens.
pub(super) struct Entra {
    way: Way,
    transport: Arc<dyn Transport>,
    tokens: TokenCache,
}

enum Way {
    Key(ApiKey),
    Token(Source),
    /// What is missing.
    Missing(Error),
}

impl Entra {
    pub(super) fn new(
        spec: &ProviderSpec,
        key: ApiKey,
        settings: &[(String, String)],
        transport: Arc<dyn Transport>,
        tokens: TokenCache,
    ) -> Self {
        let way = way(spec, key, settings).unwrap_or_else(Way::Missing);
        Self { way, transport, tokens }
    }
}

fn way(spec: &ProviderSpec, key: ApiKey, settings: &[(String, String)]) -> Result<Way> {
    let environment = key.environment.clone();
    let told = Told { settings, environment: &environment };
    let resolved = |key: &ApiKey| key.resolver.as_ref().is_some_and(|resolver| resolver(&spec.name).is_some());
    if key.given.is_some() || resolved(&key) {
        return Ok(Way::Key(key));
    }
    if let Some(source) = Source::find(told, Level::Call)? {
        return Ok(Way::Token(source));
    }
    if environment.first(&spec.key_env).is_some() {
        return Ok(Way::Key(key));
    }
    if let Some(source) = Source::find(told, Level::Environment)? {
        return Ok(Way::Token(source));
    }
    let message = format!(
        "no credentials for {name}: set {key}, or give one with `.api_key(…)`; or for a token of Entra ID set \
         AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or AZURE_CREDENTIAL=ManagedIdentityCredential",
        name = spec.name,
        key = spec.key_env.first().map_or("a key", AsRef::as_ref),
    );
    Err(Error::new(ErrorKind::Authentication, message))
}

#[async_trait]
impl Credentials for Entra {
    async fn authorize(&self, provider: &dyn Provider, request: &mut Request<Bytes>) -> Result<()> {
        match &self.way {
            Way::Key(key) => key.authorize(provider, request).await,
            Way::Missing(error) => Err(error.clone()),
            // It is the call's own, and there may be as many as calls.
            Way::Token(Source::Given(token)) => bearer::put(token, request),
            Way::Token(source) => {
                let token = self.tokens.get(&source.name(), || source.fetch(&self.transport)).await?;
                bearer::put(&token.secret, request)
            }
        }
    }

    fn missing(&self, provider: &dyn Provider) -> Vec<String> {
        match &self.way {
            Way::Key(key) => key.missing(provider),
            Way::Token(_) => Vec::new(),
            Way::Missing(_) => provider.spec().key_env.first().map(ToString::to_string).into_iter().collect(),
        }
    }

    fn can_renew(&self) -> bool {
        matches!(&self.way, Way::Token(source) if !source.is_given())
    }

    fn renew(&self, refused: &HeaderMap) -> bool {
        let (Way::Token(source), Some(secret)) = (&self.way, bearer::sent(refused)) else { return false };
        self.tokens.refused(&source.name(), secret);
        true
    }
}

impl fmt::Debug for Entra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match &self.way {
            Way::Key(_) => "key",
            Way::Token(source) => source.kind(),
            Way::Missing(_) => "none",
        };
        write!(f, "Entra({way})")
    }
}
