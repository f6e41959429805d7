//! Where a call goes and how it gets there.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Client, Fallback};
use crate::auth::{ApiKey, Credentials};
use crate::chat::{ChatRequest, Extra};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelName;
use crate::money::Usd;
use crate::pricing::{Item, Rates};
use crate::provider::{Encoded, Provider, Target};

/// What a call says of its connection and of itself, apart from the request.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// The provider, where the model's name has no prefix.
    pub provider: Option<String>,
    /// The address instead of the provider's own.
    pub api_base: Option<String>,
    /// The key; `os.environ/NAME` stands for a variable.
    pub api_key: Option<SecretString>,
    /// The version of the API, for providers that are asked for one.
    pub api_version: Option<String>,
    /// Further settings of the connection by LiteLLM's names, such as `aws_region_name`.
    pub settings: Vec<(String, String)>,
    /// Headers added to the request, over the provider's own.
    pub extra_headers: Vec<(String, String)>,
    /// The whole call, retries included; of a stream, to its end.
    pub timeout: Option<Duration>,
    /// From sending a request to the head of its answer.
    pub first_byte_timeout: Option<Duration>,
    /// Silence inside a stream.
    pub stream_timeout: Option<Duration>,
    /// How many times to try again.
    pub num_retries: Option<u32>,
    /// Models to try in order when this one fails.
    pub fallbacks: Vec<Fallback>,
    /// The price of the call, instead of what the catalogue says.
    pub price: Option<Rates>,
    /// The model to price the call as.
    pub base_model: Option<String>,
    /// For observers; not sent.
    pub metadata: Map<String, Value>,
    /// For observers, and for a router to choose deployments by; not sent.
    pub tags: Vec<String>,
    /// For a router: how urgent the call is where it has to wait for room; the lower the more. 0 where none is given.
    pub priority: Option<i32>,
    /// For a router: only deployments of this region.
    pub region: Option<String>,
}

impl CallOptions {
    /// The options for a model of another provider: without this one's address, key and headers.
    pub(super) fn elsewhere(&self) -> Self {
        Self {
            provider: None,
            api_base: None,
            api_key: None,
            api_version: None,
            settings: Vec::new(),
            extra_headers: Vec::new(),
            price: None,
            base_model: None,
            ..self.clone()
        }
    }

    /// These options where they say something, and others where they do not.
    pub(super) fn over(self, others: &Self) -> Self {
        let others = others.clone();
        let list = |own: Vec<_>, others: Vec<_>| if own.is_empty() { others } else { own };
        Self {
            provider: self.provider.or(others.provider),
            api_base: self.api_base.or(others.api_base),
            api_key: self.api_key.or(others.api_key),
            api_version: self.api_version.or(others.api_version),
            settings: list(self.settings, others.settings),
            extra_headers: list(self.extra_headers, others.extra_headers),
            timeout: self.timeout.or(others.timeout),
            first_byte_timeout: self.first_byte_timeout.or(others.first_byte_timeout),
            stream_timeout: self.stream_timeout.or(others.stream_timeout),
            num_retries: self.num_retries.or(others.num_retries),
            fallbacks: others.fallbacks,
            price: self.price.or(others.price),
            base_model: self.base_model.or(others.base_model),
            metadata: others.metadata.into_iter().chain(self.metadata).collect(),
            tags: if self.tags.is_empty() { others.tags } else { self.tags },
            priority: self.priority.or(others.priority),
            region: self.region.or(others.region),
        }
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_struct("CallOptions")
            .field("provider", &self.provider)
            .field("api_base", &self.api_base)
            .field("api_key", &self.api_key.as_ref().map(|_| "[redacted]"))
            .field("api_version", &self.api_version)
            .field("settings", &names(&self.settings))
            .field("extra_headers", &names(&self.extra_headers))
            .field("timeout", &self.timeout)
            .field("stream_timeout", &self.stream_timeout)
            .field("num_retries", &self.num_retries)
            .field("fallbacks", &self.fallbacks)
            .finish_non_exhaustive()
    }
}

/// A provider, a model of it, and how to reach it: what a call needs, found out once.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) name: ModelName,
    /// Without the query, which may hold a secret.
    pub(super) base_url: String,
    query: Option<String>,
    api_version: Option<String>,
    settings: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) credentials: Arc<dyn Credentials>,
}

impl Endpoint {
    /// What the codec has to know.
    pub(super) fn target(&self) -> Target<'_> {
        let mut target = Target::new(self.name.model(), &self.base_url);
        target.api_version = self.api_version.as_deref();
        target.settings = &self.settings;
        target
    }

    /// A request with the query of the endpoint's address, which goes behind the path.
    pub(super) fn with_query(&self, mut encoded: Encoded) -> Result<Encoded> {
        let Some(query) = &self.query else { return Ok(encoded) };
        let uri = encoded.request.uri();
        let joint = if uri.query().is_some() { '&' } else { '?' };
        *encoded.request.uri_mut() = format!("{uri}{joint}{query}").parse().map_err(|source| {
            Error::new(ErrorKind::Configuration, "the query of the base URL is not usable").with_source(source)
        })?;
        Ok(encoded)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("name", &self.name).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Client {
    /// Finds out where a model's calls go.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownProvider`]; [`ErrorKind::Configuration`] for a provider without an address, or headers that
    /// cannot be sent.
    pub fn endpoint(&self, model: &str, options: &CallOptions) -> Result<Endpoint> {
        let environment = &self.0.default_key.environment;
        let model = environment.expand(model).map_err(|name| {
            Error::new(ErrorKind::Configuration, format!("the model is `os.environ/{name}`, but {name} is not set"))
        })?;
        let name = match &options.provider {
            Some(provider) => {
                let prefix = format!("{provider}/");
                self.0.registry.resolve(&format!("{prefix}{}", model.strip_prefix(&prefix).unwrap_or(&model)))?
            }
            None => self.0.registry.resolve(&model)?,
        };
        let known = self.0.registry.get(name.provider());
        let provider = Arc::clone(known.ok_or_else(|| {
            Error::new(ErrorKind::UnknownProvider, format!("`{}` is not a known provider", name.provider()))
        })?);
        let (base_url, query) = self.base_url(provider.as_ref(), options)?;
        let credentials = self.credentials(provider.as_ref(), options);
        let headers = headers(provider.as_ref(), &options.extra_headers)?;
        Ok(Endpoint {
            provider,
            name,
            base_url,
            query,
            api_version: options.api_version.clone(),
            settings: options.settings.clone(),
            headers,
            credentials,
        })
    }

    /// The call's address, else the client's, else the environment's, else the row's, and its query apart. Never
    /// another provider's.
    fn base_url(&self, provider: &dyn Provider, options: &CallOptions) -> Result<(String, Option<String>)> {
        let spec = provider.spec();
        let environment = &self.0.default_key.environment;
        let given = options
            .api_base
            .as_deref()
            .or_else(|| spec.names().find_map(|name| self.0.base_urls.get(name)).map(String::as_str));
        let from_env = || environment.first(&spec.base_url_env);
        let base = match given {
            Some(given) => environment.expand(given).map(Cow::into_owned).map_err(|name| {
                Error::new(
                    ErrorKind::Configuration,
                    format!("the base URL is `os.environ/{name}`, but {name} is not set"),
                )
            })?,
            None => from_env().or_else(|| spec.base_url.as_ref().map(ToString::to_string)).ok_or_else(|| {
                let hint = match spec.base_url_env.first() {
                    Some(name) => format!("set {name}, or give one with `.api_base(…)`"),
                    None => "give one with `.api_base(…)`".to_owned(),
                };
                Error::new(ErrorKind::Configuration, format!("{} has no address of its own; {hint}", spec.name))
            })?,
        };
        let mut url = base;
        for (name, variable) in &spec.url_vars {
            let slot = format!("{{{name}}}");
            if url.contains(&slot) {
                let set = options.settings.iter().find(|(key, _)| key == name.as_ref()).map(|(_, value)| value.clone());
                let value = set.or_else(|| environment.get(variable)).ok_or_else(|| {
                    Error::new(ErrorKind::Configuration, format!("the address of {} needs {variable}", spec.name))
                })?;
                url = url.replace(&slot, &value);
            }
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let message = format!("the base URL of {} must begin with http:// or https://", spec.name);
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let authority = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
        if authority.is_some_and(|authority| authority.contains('@')) {
            let message =
                format!("the base URL of {} holds a user or password; give a key or a header instead", spec.name);
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Ok(match url.split_once('?') {
            Some((url, query)) => (url.to_owned(), Some(query.to_owned()).filter(|query| !query.is_empty())),
            None => (url, None),
        })
    }

    fn credentials(&self, provider: &dyn Provider, options: &CallOptions) -> Arc<dyn Credentials> {
        let names = || provider.spec().names();
        if let (None, Some(own)) = (&options.api_key, names().find_map(|name| self.0.credentials.get(name))) {
            return Arc::clone(own);
        }
        let given = options.api_key.clone().or_else(|| names().find_map(|name| self.0.keys.get(name)).cloned());
        Arc::new(ApiKey { given, ..self.0.default_key.clone() })
    }
}

/// The provider's headers, and the call's over them.
fn headers(provider: &dyn Provider, extra: &[(String, String)]) -> Result<HeaderMap> {
    let own = provider.spec().headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
    let extra = extra.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers = HeaderMap::new();
    for (name, value) in own.chain(extra) {
        let unusable = || Error::new(ErrorKind::Configuration, format!("`{name}` is not a header that can be sent"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
        value.set_sensitive(may_be_secret(&key));
        headers.insert(key, value);
    }
    Ok(headers)
}

fn may_be_secret(name: &HeaderName) -> bool {
    let name = name.as_str();
    ["auth", "key", "token", "secret", "cookie", "password"].iter().any(|word| name.contains(word))
}

impl CallOptions {
    /// Takes the connection's settings out of a request in LiteLLM's JSON, where they stand beside OpenAI's
    /// parameters: `api_base`, `api_key`, `timeout`, `num_retries`, `drop_params` and the like. Times are in seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`], naming a setting that is not of its type.
    pub fn take_from(request: &mut ChatRequest) -> Result<Self> {
        let params = &mut request.params;
        let options = Self::take(&mut params.extra)?;
        let mut taken = Taken(&mut params.extra);
        params.extra_body = taken.get("extra_body")?.unwrap_or_default();
        params.drop_params = taken.get("drop_params")?.unwrap_or(false);
        params.allowed_openai_params = taken.get("allowed_openai_params")?.unwrap_or_default();
        Ok(options)
    }

    /// The same out of the parameters that have no name of their own, without what stays with a request.
    pub(super) fn take(extra: &mut Extra) -> Result<Self> {
        let mut taken = Taken(extra);
        let mut options = Self {
            provider: taken.get("custom_llm_provider")?,
            api_base: taken.get("api_base")?.or(taken.get("base_url")?),
            api_key: taken.get::<String>("api_key")?.map(SecretString::from),
            api_version: taken.get("api_version")?,
            timeout: taken.seconds("timeout")?,
            stream_timeout: taken.seconds("stream_timeout")?,
            num_retries: taken.get("num_retries")?,
            fallbacks: taken.get("fallbacks")?.unwrap_or_default(),
            priority: taken.get("priority")?,
            metadata: taken.get("metadata")?.unwrap_or_default(),
            tags: taken.get("tags")?.unwrap_or_default(),
            extra_headers: taken.get::<Map<String, Value>>("extra_headers")?.into_iter().flatten().map(text).collect(),
            ..Self::default()
        };
        options.price = taken.price()?;
        options.base_model = taken.get("base_model")?;
        let own = |name: &str| SETTING_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let names: Vec<String> = taken.0.iter().map(|(name, _)| name.clone()).filter(|name| own(name)).collect();
        options.settings =
            names.into_iter().filter_map(|name| taken.0.remove(&name).map(|value| text((name, value)))).collect();
        taken.0.remove("stream");
        Ok(options)
    }
}

/// Settings of a connection that only some providers have.
const SETTING_PREFIXES: [&str; 3] = ["aws_", "azure_", "vertex_"];

fn text((name, value): (String, Value)) -> (String, String) {
    match value {
        Value::String(text) => (name, text),
        other => (name, other.to_string()),
    }
}

/// Settings being taken out of a request.
struct Taken<'a>(&'a mut Extra);

impl Taken<'_> {
    fn get<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        serde_json::from_value(value).map_err(|source| {
            Error::new(ErrorKind::InvalidRequest, format!("`{name}` is not what it should be: {source}"))
        })
    }

    /// A price in LiteLLM's fields, such as `input_cost_per_token`: USD for one.
    fn price(&mut self) -> Result<Option<Rates>> {
        let mut rates = Rates::new();
        for item in Item::all() {
            if let Some(usd) = self.get::<f64>(item.litellm_name())? {
                let price = Usd::from_f64(usd).filter(|price| *price >= Usd::ZERO).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidRequest, format!("`{}` is not a price: {usd}", item.litellm_name()))
                })?;
                rates.set(item, price);
            }
        }
        Ok(Some(rates).filter(|rates| !rates.is_empty()))
    }

    fn seconds(&mut self, name: &str) -> Result<Option<Duration>> {
        let Some(seconds) = self.get::<f64>(name)? else { return Ok(None) };
        Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| {
            Error::new(ErrorKind::InvalidRequest, format!("`{name}` must be a number of seconds, not {seconds}"))
        })
    }
}
