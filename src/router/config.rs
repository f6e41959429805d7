//! A router from LiteLLM's `config.yaml`: the deployments of `model_list`, and what `router_settings` and
//! `litellm_settings` say of routing.
//!
//! A key that is not understood is a [`Warning`] that names it, and never an error: such a file holds settings of a whole
//! gateway. A key that is understood and has a wrong value is an error.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Deployment, HealthProbe, LowestLatency, OnStreamFailure, Router, RouterBuilder, TagMatch, strategy_named};
use crate::auth::Environment;
use crate::chat::{Params, Warning};
use crate::client::{Fallback, RetryPolicy, is_setting};
use crate::error::{Error, ErrorKind, Result};
use crate::money::Usd;
use crate::pricing::{Item, Rates};
#[cfg(feature = "redis")]
use crate::wire::escaped;

/// A reference to a variable of the environment.
const VARIABLE: &str = "os.environ/";
/// How often LiteLLM asks deployments how they are.
const PROBE_EVERY: Duration = Duration::from_secs(300);

impl Router {
    /// Reads the settings of a router from LiteLLM's `config.yaml`; what is not understood in it is told.
    ///
    /// `os.environ/NAME` stands for a variable of the environment that is given. Keys of providers are looked up by the
    /// client when they are used, not here. With the feature `redis`, `redis_url`, or `redis_host`, `redis_port` and
    /// `redis_password`, in `router_settings` keep limits together with other processes; calls find out whether that
    /// Redis is there.
    ///
    /// ```
    /// use anymodel::{Router, auth::Environment};
    ///
    /// let yaml = "
    /// model_list:
    ///   - model_name: smart
    ///     litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY, rpm: 1000}
    ///   - model_name: smart
    ///     litellm_params: {model: anthropic/claude-sonnet-4-5, order: 2}
    /// router_settings: {num_retries: 3, colour: blue}
    /// ";
    /// let (builder, warnings) = Router::from_config(yaml, &Environment::process())?;
    /// assert_eq!(warnings[0].parameter, "router_settings.colour");
    /// let router = builder.build()?;
    /// # let _ = router;
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] where the text is not YAML, a deployment has no name or model, a value is not of its
    /// kind, or a variable is not set.
    pub fn from_config(yaml: &str, environment: &Environment) -> Result<(RouterBuilder, Vec<Warning>)> {
        let config: Map<String, Value> = serde_saphyr::from_str(yaml).map_err(|source| {
            Error::new(ErrorKind::Configuration, format!("the configuration cannot be read: {source}"))
        })?;
        let mut reader = Reader { environment, warnings: Vec::new(), probe_every: PROBE_EVERY };
        let builder = reader.config(config)?;
        Ok((builder, reader.warnings))
    }
}

struct Reader<'a> {
    environment: &'a Environment,
    warnings: Vec<Warning>,
    /// How often deployments are asked how they are, where that is wished for.
    probe_every: Duration,
}

/// The members of an object that have not been read yet, and where it stands in the file.
struct Section {
    path: String,
    left: Map<String, Value>,
}

impl Section {
    /// Takes a member out, as what it has to be. `null` is as good as nothing.
    fn get<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        match self.left.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                serde_json::from_value(value).map(Some).map_err(|source| self.wrong(name, &source.to_string()))
            }
        }
    }

    fn seconds(&mut self, name: &str) -> Result<Option<Duration>> {
        let Some(seconds) = self.get::<f64>(name)? else { return Ok(None) };
        let time = Duration::try_from_secs_f64(seconds);
        time.map(Some).map_err(|_| self.wrong(name, "it is not a number of seconds"))
    }

    /// Numbers of retries or failures, which LiteLLM also takes as floats.
    fn count(&mut self, name: &str) -> Result<Option<u32>> {
        let Some(number) = self.get::<f64>(name)? else { return Ok(None) };
        if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
            return Err(self.wrong(name, "it is not a whole number"));
        }
        Ok(Some(number as u32))
    }

    fn wrong(&self, name: &str, why: &str) -> Error {
        Error::new(ErrorKind::Configuration, format!("`{}.{name}`: {why}", self.path))
    }
}

impl Reader<'_> {
    fn config(&mut self, mut config: Map<String, Value>) -> Result<RouterBuilder> {
        let mut builder = Router::builder();
        let every = config.get("general_settings").and_then(|general| general.get("health_check_interval")?.as_f64());
        self.probe_every = every.and_then(|every| Duration::try_from_secs_f64(every).ok()).unwrap_or(PROBE_EVERY);
        let defaults = self.settings(&mut config, &mut builder)?;
        let list = match config.remove("model_list") {
            Some(Value::Array(list)) => list,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return Err(Error::new(ErrorKind::Configuration, "`model_list` is not a list")),
        };
        for (number, entry) in list.into_iter().enumerate() {
            builder = builder.deployment(self.deployment(entry, number, &defaults)?);
        }
        for name in config.keys() {
            self.warnings.push(Warning::new(name.clone(), "it does not concern routing and was passed over"));
        }
        Ok(builder)
    }

    /// An object of the file, with its variables in place; empty where it is not there.
    fn section(&self, value: Option<Value>, path: String) -> Result<Section> {
        let left = match value {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(Error::new(ErrorKind::Configuration, format!("`{path}` is not a list of settings"))),
        };
        let mut section = Section { path, left };
        let path = &section.path;
        self.resolve(&mut section.left).map_err(|variable| {
            let message = format!("`{path}`: the variable `{variable}` is not set");
            Error::new(ErrorKind::Configuration, message)
        })?;
        Ok(section)
    }

    /// Puts variables in the place of their names, but for keys: the client looks those up itself, each time, so that
    /// they can be changed. An error is the name of a variable that is not set.
    fn resolve(&self, members: &mut Map<String, Value>) -> Result<(), String> {
        let all = members.iter_mut().filter(|(name, _)| *name != "api_key");
        all.map(|(_, value)| value).try_for_each(|value| self.resolve_one(value))
    }

    fn resolve_one(&self, value: &mut Value) -> Result<(), String> {
        match value {
            Value::String(text) => {
                if let Some(variable) = text.strip_prefix(VARIABLE) {
                    *text = self.environment.get(variable).ok_or_else(|| variable.to_owned())?;
                }
                Ok(())
            }
            Value::Array(list) => list.iter_mut().try_for_each(|value| self.resolve_one(value)),
            Value::Object(members) => self.resolve(members),
            _ => Ok(()),
        }
    }

    fn pass_over(&mut self, section: Section) {
        for name in section.left.keys() {
            let message = if cfg!(not(feature = "redis")) && name.starts_with("redis_") {
                "it needs the feature `redis`; limits are those of this process alone"
            } else {
                "it is not known here and was passed over"
            };
            self.warnings.push(Warning::new(format!("{}.{name}", section.path), message));
        }
    }

    fn deployment(&mut self, entry: Value, number: usize, defaults: &Map<String, Value>) -> Result<Deployment> {
        let path = format!("model_list[{number}]");
        let mut entry = self.section(Some(entry), path.clone())?;
        let name: String = entry.get("model_name")?.ok_or_else(|| entry.wrong("model_name", "it is missing"))?;
        let mut params = self.section(entry.left.remove("litellm_params"), format!("{path}.litellm_params"))?;
        for (name, value) in defaults {
            params.left.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let model: String = params.get("model")?.ok_or_else(|| params.wrong("model", "it is missing"))?;
        let model = match params.get::<String>("custom_llm_provider")? {
            Some(provider) if !model.starts_with(&format!("{provider}/")) => format!("{provider}/{model}"),
            _ => model,
        };
        let mut deployment = Deployment::new(name, model);
        deployment.api_base = params.get("api_base")?.or(params.get("base_url")?);
        deployment.api_key = params.get::<String>("api_key")?.map(Into::into);
        deployment.api_version = params.get("api_version")?;
        deployment.drop_params = params.get("drop_params")?.unwrap_or(false);
        deployment.additional_drop_params = params.get("additional_drop_params")?.unwrap_or_default();
        deployment.weight = params.get("weight")?;
        deployment.order = params.get("order")?.unwrap_or(deployment.order);
        deployment.rpm = params.get("rpm")?;
        deployment.tpm = params.get("tpm")?;
        deployment.max_parallel_requests = params.get("max_parallel_requests")?;
        deployment.timeout = params.seconds("timeout")?.or(params.seconds("request_timeout")?);
        deployment.stream_timeout = params.seconds("stream_timeout")?;
        deployment.num_retries = params.count("num_retries")?;
        deployment.cooldown_time = params.seconds("cooldown_time")?;
        deployment.tags = params.get("tags")?.unwrap_or_default();
        deployment.region = params.get("region_name")?;
        if let Some(organization) = params.get::<String>("organization")? {
            deployment = deployment.extra_header("OpenAI-Organization", organization);
        }
        for (name, value) in params.get::<Map<String, Value>>("extra_headers")?.unwrap_or_default() {
            deployment = deployment.extra_header(name, text(value));
        }
        deployment.price = prices(&mut params)?;

        let mut info = self.section(entry.left.remove("model_info"), format!("{path}.model_info"))?;
        deployment.id = info.get("id")?;
        deployment.base_model = info.get("base_model")?.or(params.get("base_model")?);
        deployment.max_input_tokens = info.get("max_input_tokens")?;
        deployment.allowed_fails = info.count("allowed_fails")?;
        deployment.cooldown_time = deployment.cooldown_time.or(info.seconds("cooldown_time")?);
        deployment.health_probe = !info.get("disable_background_health_check")?.unwrap_or(false);
        deployment.price = deployment.price.or(prices(&mut info)?);

        let (mut left, path) = (Map::new(), params.path.clone());
        for (name, value) in std::mem::take(&mut params.left) {
            if is_setting(&name) {
                deployment.settings.push((name, text(value)));
                continue;
            }
            let mut known = Params::default();
            known.set(&name, value.clone()).map_err(|error| params.wrong(&name, error.message()))?;
            if known.extra.is_empty() {
                deployment.params.push((name, value));
            } else {
                left.insert(name, value);
            }
        }
        self.pass_over(Section { path, left });
        self.pass_over(info);
        self.pass_over(entry);
        Ok(deployment)
    }
}

/// What concerns all deployments.
impl Reader<'_> {
    /// `router_settings`, over `litellm_settings`. Gives the parameters that hold for every deployment.
    fn settings(&mut self, config: &mut Map<String, Value>, builder: &mut RouterBuilder) -> Result<Map<String, Value>> {
        let mut defaults = Map::new();
        for name in ["litellm_settings", "router_settings"] {
            let mut section = self.section(config.remove(name), name.to_owned())?;
            let built = std::mem::take(builder);
            let built = retries(built, &mut section)?;
            let built = fallbacks(built, &mut section)?;
            let built = cooldowns(built, &mut section)?;
            let built = queue(built, &mut section)?;
            #[cfg(feature = "redis")]
            let built = redis(built, &mut section)?;
            *builder = self.choice(built, &mut section)?;
            if let Some(true) = section.get::<bool>("drop_params")? {
                defaults.insert("drop_params".to_owned(), true.into());
            }
            defaults.extend(section.get::<Map<String, Value>>("default_litellm_params")?.unwrap_or_default());
            if let Some(most) = section.get::<Value>("default_max_parallel_requests")? {
                defaults.insert("max_parallel_requests".to_owned(), most);
            }
            self.pass_over(section);
        }
        Ok(defaults)
    }

    /// How one of several deployments is chosen.
    fn choice(&mut self, mut builder: RouterBuilder, section: &mut Section) -> Result<RouterBuilder> {
        let mut arguments = self
            .section(section.left.remove("routing_strategy_args"), format!("{}.routing_strategy_args", section.path))?;
        if let Some(name) = section.get::<String>("routing_strategy")? {
            builder = match (name.as_str(), arguments.get::<f64>("lowest_latency_buffer")?) {
                ("latency-based-routing", Some(buffer)) => builder.strategy(LowestLatency { buffer }),
                (name, _) => builder.shared_strategy(
                    strategy_named(name)
                        .ok_or_else(|| section.wrong("routing_strategy", &format!("there is no `{name}`")))?,
                ),
            };
        }
        self.pass_over(arguments);
        if let Some(true) = section.get("enable_health_check_routing")? {
            builder = builder.health_probe(HealthProbe::every(self.probe_every));
        }
        if let Some(true) = section.get("enable_pre_call_checks")? {
            builder = builder.check_context_window(true).check_capabilities(true);
        }
        let any = section.get::<bool>("tag_filtering_match_any")?.unwrap_or(true);
        if let Some(true) = section.get("enable_tag_filtering")? {
            builder = builder.tag_filtering(if any { TagMatch::Any } else { TagMatch::All });
        }
        for (alias, group) in section.get::<Map<String, Value>>("model_group_alias")?.unwrap_or_default() {
            let group = group.get("model").cloned().unwrap_or(group);
            let Value::String(group) = group else {
                return Err(section.wrong("model_group_alias", &format!("`{alias}` stands for no name")));
            };
            builder = builder.alias(alias, group);
        }
        Ok(builder)
    }
}

/// The kinds of errors that LiteLLM's policies know.
const POLICIES: [(&str, ErrorKind); 8] = [
    ("BadRequestError", ErrorKind::InvalidRequest),
    ("AuthenticationError", ErrorKind::Authentication),
    ("TimeoutError", ErrorKind::Timeout),
    ("RateLimitError", ErrorKind::RateLimited),
    ("ContentPolicyViolationError", ErrorKind::ContentPolicy),
    ("InternalServerError", ErrorKind::Unavailable),
    ("ServiceUnavailableError", ErrorKind::Unavailable),
    ("NotFoundError", ErrorKind::NotFound),
];

fn retries(mut builder: RouterBuilder, section: &mut Section) -> Result<RouterBuilder> {
    if let Some(retries) = section.count("num_retries")? {
        builder = builder.num_retries(retries);
    }
    for name in ["request_timeout", "timeout"] {
        if let Some(timeout) = section.seconds(name)? {
            builder = builder.timeout(timeout);
        }
    }
    if let Some(timeout) = section.seconds("stream_timeout")? {
        builder = builder.stream_timeout(timeout);
    }
    if let Some(pause) = section.seconds("retry_after")? {
        let pauses = RetryPolicy::default();
        builder = builder.pauses(RetryPolicy { base: pauses.base.max(pause), cap: pauses.cap.max(pause), ..pauses });
    }
    for (kind, retries) in policy(section, "retry_policy", "Retries")? {
        builder = builder.retries_on(kind, retries);
    }
    Ok(builder)
}

fn cooldowns(mut builder: RouterBuilder, section: &mut Section) -> Result<RouterBuilder> {
    if let Some(fails) = section.count("allowed_fails")? {
        builder = builder.allowed_fails(fails);
    }
    for (kind, fails) in policy(section, "allowed_fails_policy", "AllowedFails")? {
        builder = builder.allowed_fails_on(kind, fails);
    }
    if let Some(time) = section.seconds("cooldown_time")? {
        builder = builder.cooldown_time(time);
    }
    if let Some(off) = section.get::<bool>("disable_cooldowns")? {
        builder = builder.cooldowns(!off);
    }
    Ok(builder)
}

fn queue(mut builder: RouterBuilder, section: &mut Section) -> Result<RouterBuilder> {
    if let Some(priority) = section.get("default_priority")? {
        builder = builder.default_priority(priority);
    }
    if let Some(most) = section.get("max_queue")? {
        builder = builder.max_queue(most);
    }
    Ok(builder)
}

/// Limits that are kept with other processes in a Redis: by its URL, or by host, port and password.
#[cfg(feature = "redis")]
fn redis(builder: RouterBuilder, section: &mut Section) -> Result<RouterBuilder> {
    let (url, host) = (section.get::<String>("redis_url")?, section.get::<String>("redis_host")?);
    let (user, password) =
        (section.get::<String>("redis_username")?, section.get::<Value>("redis_password")?.map(text));
    let (port, db) = (section.get::<Value>("redis_port")?.map(text), section.get::<Value>("redis_db")?.map(text));
    if section.get::<bool>("redis_ssl")? == Some(true) {
        return Err(section.wrong("redis_ssl", "there is no TLS to Redis here"));
    }
    let made = host.map(|host| {
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let user = escaped(&user.unwrap_or_default());
        let sign_in = password.map_or_else(String::new, |password| format!("{user}:{}@", escaped(&password)));
        format!("redis://{sign_in}{host}:{}/{}", port.as_deref().unwrap_or("6379"), db.as_deref().unwrap_or("0"))
    });
    let Some(url) = url.or(made) else { return Ok(builder) };
    let limits = super::RedisLimits::builder(url).build();
    let limits = limits.map_err(|error| section.wrong("redis_url", error.message()))?;
    Ok(builder.shared_limits(std::sync::Arc::new(limits)))
}

/// Numbers by kind of error, such as `{RateLimitErrorRetries: 3}`.
fn policy(section: &mut Section, name: &str, ending: &str) -> Result<Vec<(ErrorKind, u32)>> {
    let left = section.get::<Map<String, Value>>(name)?.unwrap_or_default();
    let mut policy = Section { path: format!("{}.{name}", section.path), left };
    let mut found = Vec::new();
    for (class, kind) in POLICIES {
        if let Some(number) = policy.count(&format!("{class}{ending}"))? {
            found.push((kind, number));
        }
    }
    match policy.left.keys().next() {
        None => Ok(found),
        Some(other) => Err(policy.wrong(other, "it is no kind of error that a policy knows")),
    }
}

fn fallbacks(mut builder: RouterBuilder, section: &mut Section) -> Result<RouterBuilder> {
    type Lists = Vec<serde_json::Map<String, Value>>;
    let mut lists = |name: &str| -> Result<Vec<(String, Vec<Fallback>)>> {
        let mut all = Vec::new();
        for (group, targets) in section.get::<Lists>(name)?.unwrap_or_default().into_iter().flatten() {
            let targets = serde_json::from_value(targets).map_err(|source| section.wrong(name, &source.to_string()))?;
            all.push((group, targets));
        }
        Ok(all)
    };
    for (group, targets) in lists("fallbacks")? {
        builder = if group == "*" { builder.default_fallback(targets) } else { builder.fallback(group, targets) };
    }
    for (group, targets) in lists("context_window_fallbacks")? {
        builder = builder.context_window_fallback(group, targets);
    }
    for (group, targets) in lists("content_policy_fallbacks")? {
        builder = builder.content_policy_fallback(group, targets);
    }
    if let Some(targets) = section.get::<Vec<Fallback>>("default_fallbacks")? {
        builder = builder.default_fallback(targets);
    }
    if let Some(most) = section.count("max_fallbacks")? {
        builder = builder.max_fallbacks(most);
    }
    match section.get::<String>("stream_failure")?.as_deref() {
        None => Ok(builder),
        Some("fail") => Ok(builder.stream_failure(OnStreamFailure::Fail)),
        Some("restart") => Ok(builder.stream_failure(OnStreamFailure::Restart)),
        Some("continue") => Ok(builder.stream_failure(OnStreamFailure::Continue)),
        Some(other) => {
            Err(section.wrong("stream_failure", &format!("`{other}` is none of fail, restart and continue")))
        }
    }
}

/// Prices in LiteLLM's fields: USD for one.
fn prices(section: &mut Section) -> Result<Option<Rates>> {
    let mut rates = Rates::new();
    for item in Item::all() {
        let name = item.litellm_name();
        if let Some(usd) = section.get::<f64>(name)? {
            let price = Usd::from_f64(usd).filter(|price| *price >= Usd::ZERO);
            rates.set(item, price.ok_or_else(|| section.wrong(name, "it is not a price"))?);
        }
    }
    Ok(Some(rates).filter(|rates| !rates.is_empty()))
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
