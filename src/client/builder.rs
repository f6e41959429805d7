//! The settings of a client.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use secrecy::SecretString;

use super::{Client, Deadlines, Inner, Observer, RetryBudget, RetryPolicy};
use crate::auth::{BearerTokens, Credentials, Environment, KeyResolver, Keyring, TokenCache, TokenSource};
use crate::error::Result;
use crate::pricing::Catalog;
use crate::provider::{Provider, ProviderSpec, Registry};
use crate::transport::{ReqwestTransport, Transport};

/// The largest reply that is read whole, unless the client says otherwise: 256 MiB.
const MAX_REPLY_BYTES: usize = 256 << 20;

/// The settings of a [`Client`]. What is not set has a default that works.
#[must_use]
pub struct ClientBuilder {
    registry: Option<Registry>,
    transport: Option<Arc<dyn Transport>>,
    keys: HashMap<String, SecretString>,
    base_urls: HashMap<String, String>,
    credentials: HashMap<String, Arc<dyn Credentials>>,
    resolver: Option<KeyResolver>,
    environment: Environment,
    deadlines: Deadlines,
    retry: RetryPolicy,
    observers: Vec<Arc<dyn Observer>>,
    drop_params: bool,
    catalog: Catalog,
    max_reply_bytes: usize,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            registry: None,
            transport: None,
            keys: HashMap::new(),
            base_urls: HashMap::new(),
            credentials: HashMap::new(),
            resolver: None,
            environment: Environment::process(),
            deadlines: Deadlines::default(),
            retry: RetryPolicy::default(),
            observers: Vec::new(),
            drop_params: false,
            catalog: Catalog::default(),
            max_reply_bytes: MAX_REPLY_BYTES,
        }
    }
}

impl ClientBuilder {
    /// The key of a provider, by its prefix. `os.environ/NAME` stands for an environment variable.
    pub fn api_key(mut self, provider: impl Into<String>, key: impl Into<SecretString>) -> Self {
        self.keys.insert(provider.into(), key.into());
        self
    }

    /// Who is asked for the key of a provider, by its prefix, when none is given. Asked for each request.
    pub fn key_resolver(mut self, resolver: impl Fn(&str) -> Option<SecretString> + Send + Sync + 'static) -> Self {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// The address of a provider, by its prefix, instead of its own.
    pub fn api_base(mut self, provider: impl Into<String>, url: impl Into<String>) -> Self {
        self.base_urls.insert(provider.into(), url.into());
        self
    }

    /// How requests to a provider are signed, instead of by a key.
    pub fn credentials(mut self, provider: impl Into<String>, credentials: Arc<dyn Credentials>) -> Self {
        self.credentials.insert(provider.into(), credentials);
        self
    }

    /// Where the tokens of a provider come from, by its prefix, instead of a key: sent as `Authorization: Bearer`, each
    /// as long as it is good.
    pub fn token_source(self, provider: impl Into<String>, source: impl TokenSource + 'static) -> Self {
        self.credentials(provider, Arc::new(BearerTokens::new(source)))
    }

    /// Where environment variables are looked up; the process's own by default.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Adds an OpenAI-compatible provider, or replaces one.
    pub fn provider(mut self, spec: ProviderSpec) -> Self {
        self.registry().insert_spec(spec);
        self
    }

    /// Adds a provider of your own making, or replaces one.
    pub fn custom_provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.registry().insert(provider);
        self
    }

    /// Sends requests by this instead of by [`ReqwestTransport`].
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How long to wait for what.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// How often to try again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Who hears of the start and the end of each call.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Whether parameters that a provider does not support are left out with a warning, instead of being an error.
    pub fn drop_params(mut self, drop: bool) -> Self {
        self.drop_params = drop;
        self
    }

    /// What calls are priced by; the list that is built in by default.
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = catalog;
        self
    }

    /// The largest reply that is read whole, in bytes.
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = bytes;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the system's TLS settings cannot be used;
    /// [`ErrorKind::UnknownProvider`](crate::ErrorKind::UnknownProvider) for the key, address or credentials of a provider
    /// that is not known.
    pub fn build(self) -> Result<Client> {
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(ReqwestTransport::new(self.deadlines.connect)?),
        };
        let registry = self.registry.unwrap_or_else(|| Registry::table().clone());
        // What is said of a provider that there is not would be said to nobody.
        let named = self.keys.keys().chain(self.base_urls.keys()).chain(self.credentials.keys());
        named.into_iter().try_for_each(|prefix| registry.check(prefix))?;
        Ok(Client(Arc::new(Inner {
            registry,
            keyring: Keyring {
                environment: self.environment,
                resolver: self.resolver,
                transport: Arc::clone(&transport),
                tokens: TokenCache::default(),
            },
            transport,
            keys: self.keys,
            base_urls: self.base_urls,
            credentials: self.credentials,
            deadlines: self.deadlines,
            retry: self.retry,
            budget: RetryBudget::new(),
            observers: self.observers,
            drop_params: self.drop_params,
            catalog: RwLock::new(self.catalog),
            max_reply_bytes: self.max_reply_bytes,
        })))
    }

    fn registry(&mut self) -> &mut Registry {
        self.registry.get_or_insert_with(|| Registry::table().clone())
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("deadlines", &self.deadlines)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
