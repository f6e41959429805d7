//! The client: one pipeline for every operation and provider.

mod asking;
mod builder;
mod call;
mod completion;
mod connection;
mod deadlines;
mod endpoint;
mod fallback;
mod left_out;
mod messages;
mod models;
mod observer;
mod pipeline;
mod prices;
mod question;
mod responses;
mod retry;
mod stream;
mod trace;
#[cfg(feature = "schemars")]
mod typed;
mod with_options;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use once_cell::sync::Lazy;

pub use asking::Asking;
pub(crate) use asking::Performs;
pub use builder::ClientBuilder;
pub(crate) use call::inside_a_runtime;
pub(crate) use completion::BoxFuture;
pub use completion::{Complete, Completion};
pub use connection::CallOptions;
#[cfg(feature = "config")]
pub(crate) use connection::is_setting;
pub use deadlines::Deadlines;
pub use endpoint::{Endpoint, EnvironmentCheck};
pub use fallback::Fallback;
pub use messages::{MessageCall, MessageStream};
pub(crate) use observer::Answer;
#[cfg(test)]
pub(crate) use observer::Watch;
pub use observer::{CallInfo, Observer, Outcome};
pub(crate) use question::Question;
pub use responses::{ResponseCall, ResponseStream, StoredResponse};
pub use retry::RetryPolicy;
pub use stream::{ChatStream, Streaming};
pub(crate) use stream::{Rescue, Route};

use crate::auth::{Credentials, Keyring};
use crate::chat::IntoMessages;
use crate::error::Result;
use crate::pricing::Catalog;
use crate::provider::Registry;
use crate::transport::Transport;
use retry::RetryBudget;

static DEFAULT: Lazy<Result<Client>> = Lazy::new(|| Client::builder().build());

/// Calls providers. Cheap to clone; clones share connections, keys and the retry budget.
///
/// ```no_run
/// # async fn run() -> anymodel::Result<()> {
/// use anymodel::Client;
///
/// let client = Client::builder().api_key("openai", "sk-…").build()?;
/// let reply = client.completion("openai/gpt-5", "Hello!").await?;
/// println!("{}", reply.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    registry: Registry,
    transport: Arc<dyn Transport>,
    keys: HashMap<String, secrecy::SecretString>,
    base_urls: HashMap<String, String>,
    credentials: HashMap<String, Arc<dyn Credentials>>,
    keyring: Keyring,
    deadlines: Deadlines,
    retry: RetryPolicy,
    budget: RetryBudget,
    observers: Vec<Arc<dyn Observer>>,
    drop_params: bool,
    catalog: RwLock<Catalog>,
    max_reply_bytes: usize,
}

impl Client {
    /// A client with the default settings: keys from the environment, two retries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the system's TLS settings cannot be used.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A client with settings of your own.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// The client behind [`completion`](crate::completion), made on first use.
    pub(crate) fn shared() -> Result<Self> {
        DEFAULT.clone()
    }

    /// A chat call of this model, to be refined and awaited; see [`Completion`].
    pub fn completion(&self, model: impl Into<String>, messages: impl IntoMessages) -> Completion {
        Completion::new(Ok(Arc::new(self.clone())), model, messages)
    }

    /// The same under LiteLLM's name for the async call.
    pub fn acompletion(&self, model: impl Into<String>, messages: impl IntoMessages) -> Completion {
        self.completion(model, messages)
    }

    /// How long its calls may take as a whole.
    pub(crate) fn deadlines(&self) -> &Deadlines {
        &self.0.deadlines
    }

    /// Whether parameters that a provider does not support are left out.
    pub(crate) fn drops_params(&self) -> bool {
        self.0.drop_params
    }

    /// The providers that this client knows, by prefix.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("transport", &self.0.transport)
            .field("deadlines", &self.0.deadlines)
            .field("retry", &self.0.retry)
            .finish_non_exhaustive()
    }
}
