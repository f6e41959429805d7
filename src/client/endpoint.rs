//! Where a call goes and how it gets there.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{CallOptions, Client};
use crate::auth::{Credentials, Environment};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelName;
use crate::provider::{Encoded, Provider, ProviderSpec, Target, setting};

/// A provider, a model of it, and how to reach it: what a call needs, found out once.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) name: ModelName,
    /// Without the query, which may hold a secret. Empty as long as it waits for what only the credentials know.
    pub(super) base_url: String,
    query: Option<String>,
    /// The address that somebody gave instead of the provider's own.
    given: Option<String>,
    api_version: Option<String>,
    settings: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) credentials: Arc<dyn Credentials>,
}

/// What [`Client::validate_environment`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnvironmentCheck {
    /// Whether nothing is missing.
    pub keys_in_environment: bool,
    /// Variables that would have to be set: of several that mean the same, the first.
    pub missing_keys: Vec<String>,
}

impl Endpoint {
    /// What the codec has to know.
    pub(super) fn target(&self) -> Target<'_> {
        let mut target = Target::new(self.name.model(), &self.base_url);
        target.api_version = self.api_version.as_deref();
        target.settings = &self.settings;
        target
    }

    /// A request with the query of the endpoint's address, which goes behind the path. What it says, such as a version,
    /// counts instead of what the codec says by the same name.
    pub(super) fn with_query(&self, mut encoded: Encoded) -> Result<Encoded> {
        let Some(query) = &self.query else { return Ok(encoded) };
        let uri = encoded.request.uri();
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
        let given: Vec<String> = query.split('&').map(name).collect();
        let own = uri.query().into_iter().flat_map(|own| own.split('&')).filter(|pair| !given.contains(&name(pair)));
        let all: Vec<&str> = own.chain([query.as_str()]).collect();
        let address = uri.to_string();
        let address = address.split('?').next().unwrap_or_default();
        *encoded.request.uri_mut() = format!("{address}?{}", all.join("&")).parse().map_err(|source| {
            Error::new(ErrorKind::Configuration, "the query of the base URL is not usable").with_source(source)
        })?;
        Ok(encoded)
    }

    /// This endpoint with its address, where the credentials have to be asked for it.
    ///
    /// # Errors
    ///
    /// As [`Client::endpoint`], and those of the credentials.
    pub(super) async fn located(&self) -> Result<Option<Box<Self>>> {
        if !self.base_url.is_empty() {
            return Ok(None);
        }
        let found = self.credentials.settings(self.provider.as_ref()).await?;
        let mut located = Box::new(self.clone());
        located.settle(found)?;
        Ok(Some(located))
    }

    /// Whether a setting is missing that the credentials may know.
    fn waits(&self) -> bool {
        self.credentials.has_settings() && self.provider.spec().settings.iter().any(|own| !self.has(&own.name))
    }

    fn has(&self, name: &str) -> bool {
        setting(&self.settings, name).is_some()
    }

    /// Takes the last settings, and finds the address.
    fn settle(&mut self, found: Vec<(String, String)>) -> Result<()> {
        let provider = Arc::clone(&self.provider);
        let spec = provider.spec();
        for (name, value) in found {
            if !self.has(&name) {
                self.settings.push((name, value));
            }
        }
        for own in &spec.settings {
            if let Some(default) = own.default.as_ref().filter(|_| !self.has(&own.name)) {
                self.settings.push((own.name.to_string(), default.to_string()));
            }
        }
        let own = || {
            let own = provider.base_url(&self.settings);
            own.map(Cow::Owned).or_else(|| spec.base_url.as_deref().map(Cow::Borrowed)).ok_or_else(|| no_address(self))
        };
        let url = match &self.given {
            Some(given) => Cow::Borrowed(given.as_str()),
            None => own()?,
        };
        let (url, query) = checked(&filled(url, spec, &self.settings)?, spec)?;
        (self.base_url, self.query) = (url, query);
        Ok(())
    }
}

/// An address with its settings in it.
fn filled<'a>(mut url: Cow<'a, str>, spec: &ProviderSpec, settings: &[(String, String)]) -> Result<Cow<'a, str>> {
    if !url.contains('{') {
        return Ok(url);
    }
    for own in &spec.settings {
        let slot = format!("{{{}}}", own.name);
        if url.contains(&slot) {
            let value = setting(settings, &own.name).ok_or_else(|| {
                let or = own.env.first().map(|env| format!("set {env}, or ")).unwrap_or_default();
                let message =
                    format!("the address of {} needs `{name}`: {or}give it as a setting", spec.name, name = own.name);
                Error::new(ErrorKind::Configuration, message)
            })?;
            url = Cow::Owned(url.replace(&slot, value));
        }
    }
    Ok(url)
}

/// An address that can be used, and its query.
fn checked(url: &str, spec: &ProviderSpec) -> Result<(String, Option<String>)> {
    let wrong = |what: &str| Error::new(ErrorKind::Configuration, format!("the base URL of {} {what}", spec.name));
    let url = url.trim();
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(wrong("must begin with http:// or https://"));
    }
    if url.contains('#') {
        return Err(wrong("has a fragment (`#`), which is never sent"));
    }
    let authority = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(wrong("holds a user or password; give a key or a header instead"));
    }
    Ok(match url.split_once('?') {
        Some((url, query)) => (url.to_owned(), Some(query.to_owned()).filter(|query| !query.is_empty())),
        None => (url.to_owned(), None),
    })
}

fn no_address(endpoint: &Endpoint) -> Error {
    let spec = endpoint.provider.spec();
    let missing = spec.settings.iter().find(|own| own.default.is_none() && !endpoint.has(&own.name));
    let hint = match (spec.base_url_env.first(), missing.and_then(|own| own.env.first())) {
        (Some(name), None) => format!("set {name}, or give one with `.api_base(…)`"),
        (Some(name), Some(setting)) => format!("set {setting} or {name}, or give one with `.api_base(…)`"),
        (None, Some(setting)) => format!("set {setting}, or give one with `.api_base(…)`"),
        (None, None) => "give one with `.api_base(…)`".to_owned(),
    };
    Error::new(ErrorKind::Configuration, format!("{} has no address of its own; {hint}", spec.name))
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
        let mut endpoint = self.unlocated(model, options)?;
        if !endpoint.waits() {
            endpoint.settle(Vec::new())?;
        }
        Ok(endpoint)
    }

    /// Whether the environment, or what is given in its place, has all that a model's calls need. Nobody is asked: what
    /// comes from files or other machines, such as a cloud's credentials, is taken to be there.
    ///
    /// ```
    /// use anymodel::auth::Environment;
    /// use anymodel::{CallOptions, Client};
    ///
    /// let client = Client::builder().environment(Environment::of([("GROQ_API_KEY", "gsk")])).build()?;
    /// assert!(client.validate_environment("groq/llama-3.3-70b", &CallOptions::default())?.keys_in_environment);
    /// let checked = client.validate_environment("mistral/mistral-large", &CallOptions::default())?;
    /// assert_eq!(checked.missing_keys, ["MISTRAL_API_KEY"]);
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownProvider`]; [`ErrorKind::Configuration`] for options that cannot be used.
    pub fn validate_environment(&self, model: &str, options: &CallOptions) -> Result<EnvironmentCheck> {
        let mut endpoint = self.unlocated(model, options)?;
        let mut missing_keys = endpoint.credentials.missing(endpoint.provider.as_ref());
        if !endpoint.waits() && endpoint.settle(Vec::new()).is_err() {
            let spec = endpoint.provider.spec();
            let unset = spec.settings.iter().filter(|own| own.default.is_none() && !endpoint.has(&own.name));
            missing_keys.extend(unset.filter_map(|own| own.env.first()).map(ToString::to_string));
            if spec.base_url.is_none() {
                missing_keys.extend(spec.base_url_env.first().map(ToString::to_string));
            }
        }
        Ok(EnvironmentCheck { keys_in_environment: missing_keys.is_empty(), missing_keys })
    }

    /// An endpoint whose address is not found out yet.
    fn unlocated(&self, model: &str, options: &CallOptions) -> Result<Endpoint> {
        let environment = self.environment();
        let model = environment.expand(model).map_err(|name| not_set("the model", name))?;
        let name = match &options.provider {
            Some(provider) => {
                let prefix = format!("{provider}/");
                self.0.registry.resolve(&format!("{prefix}{}", model.strip_prefix(&prefix).unwrap_or(&model)))?
            }
            None => self.0.registry.resolve(&model)?,
        };
        let provider = self.0.registry.serving(&name).ok_or_else(|| {
            Error::new(ErrorKind::UnknownProvider, format!("`{}` is not a known provider", name.provider()))
        })?;
        let settings = self.settings(provider.as_ref(), name.model(), options)?;
        Ok(Endpoint {
            base_url: String::new(),
            query: None,
            given: self.given_base_url(provider.spec(), options)?,
            api_version: options.api_version.clone(),
            headers: headers(provider.as_ref(), &options.extra_headers)?,
            credentials: self.credentials(provider.as_ref(), options, &settings),
            settings,
            provider,
            name,
        })
    }

    fn environment(&self) -> &Environment {
        &self.0.keyring.environment
    }

    /// The call's settings, and of those that the provider's row names what the model's name or the environment says.
    fn settings(&self, provider: &dyn Provider, model: &str, options: &CallOptions) -> Result<Vec<(String, String)>> {
        let environment = self.environment();
        let mut settings = Vec::with_capacity(options.settings.len().max(provider.spec().settings.len()));
        for (name, value) in &options.settings {
            let value = environment.expand(value).map_err(|variable| not_set(&format!("`{name}`"), variable))?;
            settings.push((name.clone(), value.into_owned()));
        }
        for own in &provider.spec().settings {
            if setting(&settings, &own.name).is_none() {
                let said = provider.setting_of(model, &own.name).or_else(|| environment.first(&own.env));
                settings.extend(said.map(|value| (own.name.to_string(), value)));
            }
        }
        if let Some(base) = &options.base_model {
            settings.push(("base_model".to_owned(), base.clone()));
        }
        Ok(settings)
    }

    /// The call's address, else the client's, else the environment's. Never another provider's.
    fn given_base_url(&self, spec: &ProviderSpec, options: &CallOptions) -> Result<Option<String>> {
        let of_client = || spec.names().find_map(|name| self.0.base_urls.get(name)).map(String::as_str);
        match options.api_base.as_deref().or_else(of_client) {
            Some(given) => {
                let given = self.environment().expand(given).map_err(|name| not_set("the base URL", name))?;
                Ok(Some(given.into_owned()))
            }
            None => Ok(self.environment().first(&spec.base_url_env)),
        }
    }

    fn credentials(
        &self,
        provider: &dyn Provider,
        options: &CallOptions,
        settings: &[(String, String)],
    ) -> Arc<dyn Credentials> {
        let names = || provider.spec().names();
        if let (None, Some(own)) = (&options.api_key, names().find_map(|name| self.0.credentials.get(name))) {
            return Arc::clone(own);
        }
        let given = options.api_key.clone().or_else(|| names().find_map(|name| self.0.keys.get(name)).cloned());
        self.0.keyring.credentials(provider.spec(), given, settings)
    }
}

fn not_set(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{what} is `os.environ/{name}`, but {name} is not set"))
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
