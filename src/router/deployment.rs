//! One place where a model runs.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use crate::client::{CallOptions, Question};
use crate::error::Result;
use crate::pricing::Rates;
use crate::text::shown_address;

/// A model at one provider, with one address and key, and what a router has to know of it. Deployments of the same
/// [`model_name`](Self::model_name) are a group: a call that names the group goes to one of them.
///
/// ```
/// use anymodel::Deployment;
/// use std::time::Duration;
///
/// let deployment = Deployment::new("smart", "azure/gpt-4o")
///     .api_base("https://eu.example.com")
///     .api_key("os.environ/AZURE_EU_KEY")
///     .rpm(1000)
///     .region("eu")
///     .timeout(Duration::from_secs(30));
/// assert!(!format!("{deployment:?}").contains("AZURE_EU_KEY"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Deployment {
    /// The name of its group; `*` in it stands for any text.
    pub model_name: String,
    /// The model as the client knows it, such as `openai/gpt-4o`; a `*` is filled with what that of the name stood for.
    pub model: String,
    /// Its own id. Without one it is made from name, model and host, never from the key: a new key loses nothing.
    pub id: Option<String>,
    /// The address instead of the provider's own.
    pub api_base: Option<String>,
    /// The key; `os.environ/NAME` stands for a variable.
    pub api_key: Option<SecretString>,
    /// The version of the API, for providers that are asked for one.
    pub api_version: Option<String>,
    /// Further settings of the connection by LiteLLM's names.
    pub settings: Vec<(String, String)>,
    /// Headers added to each request.
    pub extra_headers: Vec<(String, String)>,
    /// Parameters for calls that do not set them.
    pub params: Vec<(String, Value)>,
    /// Whether parameters that its provider does not support are left out with a warning.
    pub drop_params: bool,
    /// What is left out of requests: parameters by their names, members of the body by their paths.
    pub additional_drop_params: Vec<String>,
    /// Its share of the calls, against the weights of the others.
    pub weight: Option<f64>,
    /// Its level: those of the lowest number are used while one of them can be. 1 where none is given.
    pub order: u32,
    /// The most requests a minute.
    pub rpm: Option<u64>,
    /// The most tokens a minute.
    pub tpm: Option<u64>,
    /// The most calls at a time; of a stream, to its end.
    pub max_parallel_requests: Option<u32>,
    /// The longest that one try may take; of a stream, up to the head of the answer.
    pub timeout: Option<Duration>,
    /// The longest silence inside a stream, and before its head.
    pub stream_timeout: Option<Duration>,
    /// How often a call that failed here is tried again, instead of what the router says.
    pub num_retries: Option<u32>,
    /// Words that calls can choose it by.
    pub tags: Vec<String>,
    /// Where it is.
    pub region: Option<String>,
    /// What it costs, instead of what the catalogue says.
    pub price: Option<Rates>,
    /// The model whose prices, limits and capabilities it has, where its own name says nothing.
    pub base_model: Option<String>,
    /// The longest prompt, instead of what the catalogue says.
    pub max_input_tokens: Option<u64>,
    /// How long it rests after failures, instead of what the provider or the router says.
    pub cooldown_time: Option<Duration>,
    /// How many failures within a cooldown's time it may have, instead of what the router says.
    pub allowed_fails: Option<u32>,
    /// Whether it is among those that a [`HealthProbe`](super::HealthProbe) asks. It is, where nothing else is said.
    pub health_probe: bool,
}

/// A method for each setting that there need not be.
macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident: $argument:ty,)*) => {
        impl Deployment {
            $(
                $(#[$meta])*
                #[must_use]
                pub fn $name(mut self, value: $argument) -> Self {
                    self.$name = Some(value.into());
                    self
                }
            )*
        }
    };
}

setters! {
    /// Gives it an id.
    id: impl Into<String>,
    /// The address instead of the provider's own.
    api_base: impl Into<String>,
    /// The key; `os.environ/NAME` stands for a variable.
    api_key: impl Into<SecretString>,
    /// The version of the API, for providers that are asked for one.
    api_version: impl Into<String>,
    /// Its share of the calls, against the weights of the others. 0 takes it out of the draw.
    weight: f64,
    /// The most requests a minute.
    rpm: u64,
    /// The most tokens a minute.
    tpm: u64,
    /// The most calls at a time; of a stream, to its end.
    max_parallel_requests: u32,
    /// The longest that one try may take; of a stream, up to the head of the answer.
    timeout: Duration,
    /// The longest silence inside a stream, and before its head.
    stream_timeout: Duration,
    /// How often a call that failed here is tried again, instead of what the router says.
    num_retries: u32,
    /// Where it is.
    region: impl Into<String>,
    /// What it costs, instead of what the catalogue says.
    price: Rates,
    /// The model whose prices, limits and capabilities it has.
    base_model: impl Into<String>,
    /// The longest prompt, in tokens.
    max_input_tokens: u64,
    /// How long it rests after failures.
    cooldown_time: Duration,
    /// How many failures within a cooldown's time it may have.
    allowed_fails: u32,
}

impl Deployment {
    /// A deployment of a model, in the group of this name.
    #[must_use]
    pub fn new(model_name: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            model_name: model_name.into(),
            model: model.into(),
            id: None,
            api_base: None,
            api_key: None,
            api_version: None,
            settings: Vec::new(),
            extra_headers: Vec::new(),
            params: Vec::new(),
            drop_params: false,
            additional_drop_params: Vec::new(),
            weight: None,
            order: 1,
            rpm: None,
            tpm: None,
            max_parallel_requests: None,
            timeout: None,
            stream_timeout: None,
            num_retries: None,
            tags: Vec::new(),
            region: None,
            price: None,
            base_model: None,
            max_input_tokens: None,
            cooldown_time: None,
            allowed_fails: None,
            health_probe: true,
        }
    }

    /// Whether parameters that its provider does not support are left out with a warning.
    #[must_use]
    pub fn drop_params(mut self, drop: bool) -> Self {
        self.drop_params = drop;
        self
    }

    /// Its level: those of the lowest number are used while one of them can be.
    #[must_use]
    pub fn order(mut self, order: u32) -> Self {
        self.order = order;
        self
    }

    /// Adds a word that calls can choose it by.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Whether it is among those that a [`HealthProbe`](super::HealthProbe) asks.
    #[must_use]
    pub fn health_probe(mut self, asked: bool) -> Self {
        self.health_probe = asked;
        self
    }

    /// Adds a setting of the connection, by LiteLLM's name.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Adds a header to each request.
    #[must_use]
    pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra_headers.push((name.into(), value.into()));
        self
    }

    /// A parameter for calls that do not set it, such as `temperature`.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Leaves something out of requests: a parameter by its name, such as `seed`, or a member of the body that is sent by
    /// its path, such as `tools[*].function.strict`.
    #[must_use]
    pub fn additional_drop_param(mut self, name: impl Into<String>) -> Self {
        self.additional_drop_params.push(name.into());
        self
    }

    /// The id that it has without one of its own. Of the address only the host is in it.
    pub(super) fn natural_id(&self) -> String {
        let host = self.api_base.as_deref().and_then(|base| base.split("://").nth(1)).map(|rest| {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            authority.rsplit('@').next().unwrap_or_default().to_owned()
        });
        match host {
            Some(host) => format!("{}:{}@{host}", self.model_name, self.model),
            None => format!("{}:{}", self.model_name, self.model),
        }
    }

    /// Its connection, as a client's call has it.
    pub(super) fn connection(&self) -> CallOptions {
        CallOptions {
            api_base: self.api_base.clone(),
            api_key: self.api_key.clone(),
            api_version: self.api_version.clone(),
            settings: self.settings.clone(),
            extra_headers: self.extra_headers.clone(),
            base_model: self.base_model.clone(),
            ..CallOptions::default()
        }
    }

    /// The request as it goes here: a copy only where this deployment adds to it.
    pub(super) fn request<'a, Q: Question>(&self, request: &'a Q) -> Result<Cow<'a, Q>> {
        if self.params.is_empty() && (!self.drop_params || request.drops_params()) {
            return Ok(Cow::Borrowed(request));
        }
        let mut own = request.clone();
        if self.drop_params {
            own.drop_params();
        }
        for (name, value) in self.params.iter().filter(|(name, _)| !request.has(name)) {
            own.set(name, value.clone())?;
        }
        Ok(Cow::Owned(own))
    }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_struct("Deployment")
            .field("model_name", &self.model_name)
            .field("model", &self.model)
            .field("id", &self.id)
            .field("api_base", &self.api_base.as_deref().map(shown_address))
            .field("api_key", &self.api_key.as_ref().map(|_| "[redacted]"))
            .field("api_version", &self.api_version)
            .field("settings", &names(&self.settings))
            .field("extra_headers", &names(&self.extra_headers))
            .field("weight", &self.weight)
            .field("order", &self.order)
            .field("rpm", &self.rpm)
            .field("tpm", &self.tpm)
            .field("max_parallel_requests", &self.max_parallel_requests)
            .field("timeout", &self.timeout)
            .field("tags", &self.tags)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ChatRequest;
    use serde_json::json;

    #[test]
    fn an_id_does_not_depend_on_the_key_and_holds_no_secret() {
        let of = |key| Deployment::new("smart", "openai/m").api_base("https://a.example/v1?k=secret").api_key(key);
        assert_eq!(of("sk-1").natural_id(), of("sk-2").natural_id());
        assert_eq!(of("sk-1").natural_id(), "smart:openai/m@a.example");
        assert!(!format!("{:?}", of("sk-1")).contains("secret"));
    }

    #[test]
    fn a_deployments_parameters_are_for_calls_that_do_not_set_them() {
        let deployment = Deployment::new("a", "m").param("temperature", 0.5).param("top_k", 3).param("seed", 1);
        let mut request = ChatRequest::new("a", "Hi");
        request.params.temperature = Some(1.0);
        let own = deployment.request(&request).unwrap();
        assert_eq!((own.params.temperature, own.params.seed), (Some(1.0), Some(1)));
        assert_eq!(own.params.extra.get("top_k"), Some(&json!(3)));
        assert!(matches!(Deployment::new("a", "m").request(&request), Ok(Cow::Borrowed(_))));
    }
}
