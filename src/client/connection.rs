//! What a call says of its connection and of itself, apart from the request.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Fallback;
use crate::chat::{ChatRequest, Extra};
use crate::error::{Error, ErrorKind, Result};
use crate::money::Usd;
use crate::pricing::{Item, Rates};
use crate::text::shown_address;

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
    /// What is left out of the request: parameters by their names, and members of the body that is sent by their paths,
    /// such as `tools[*].function.strict`.
    pub additional_drop_params: Vec<String>,
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
            additional_drop_params: if self.additional_drop_params.is_empty() {
                others.additional_drop_params
            } else {
                self.additional_drop_params
            },
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
            .field("api_base", &self.api_base.as_deref().map(shown_address))
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
            additional_drop_params: taken.get("additional_drop_params")?.unwrap_or_default(),
            priority: taken.get("priority")?,
            metadata: taken.get("metadata")?.unwrap_or_default(),
            tags: taken.get("tags")?.unwrap_or_default(),
            extra_headers: taken.get::<Map<String, Value>>("extra_headers")?.into_iter().flatten().map(text).collect(),
            ..Self::default()
        };
        options.price = taken.price()?;
        options.base_model = taken.get("base_model")?;
        let names: Vec<String> = taken.0.iter().map(|(name, _)| name.clone()).filter(|name| is_setting(name)).collect();
        options.settings =
            names.into_iter().filter_map(|name| taken.0.remove(&name).map(|value| text((name, value)))).collect();
        taken.0.remove("stream");
        Ok(options)
    }
}

/// Whether a name of LiteLLM's is that of a setting of a connection that only some providers have.
pub(crate) fn is_setting(name: &str) -> bool {
    SETTINGS.contains(&name) || SETTING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// How the names of settings of a connection begin that only some providers have.
const SETTING_PREFIXES: [&str; 9] =
    ["aws_", "azure_", "copilot_", "databricks_", "gigachat_", "oci_", "sap_", "vertex_", "watsonx_"];
/// Names of such settings that begin otherwise.
const SETTINGS: [&str; 7] =
    ["client_id", "client_secret", "iam_url", "project_id", "space_id", "tenant_id", "zen_api_key"];

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
