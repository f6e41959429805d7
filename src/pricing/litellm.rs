//! LiteLLM's price list, `model_prices_and_context_window.json`, read into our schema.
//!
//! That list has one flat object a model. Circumstances are suffixes of its fields there (`_above_200k_tokens`,
//! `_priority`), or prefixes of the model (`hd/1024-x-1024/dall-e-3`); here they are [`When`]s. Fields that are about
//! that program's inner workings, and notes, are not read.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::item::Item;
use super::list::PriceList;
use super::model_info::{ModelInfo, ReasoningInfo};
use super::names;
use super::rates::{Rates, price};
use super::when::{Hours, Times, When, Window};
use crate::error::{Error, ErrorKind, Result};

/// A pixel's price is listed by the megapixel.
const MEGAPIXEL: f64 = 1_048_576.0;

impl PriceList {
    /// Reads LiteLLM's list. Entries without a provider, and fields that are not known, are passed over; prices may be
    /// written as strings.
    ///
    /// ```
    /// use anymodel::pricing::PriceList;
    /// use anymodel::{Catalog, Usage};
    ///
    /// let list = PriceList::from_litellm(
    ///     r#"{"acme/acme-1": {"litellm_provider": "acme", "input_cost_per_token": 5e-7, "output_cost_per_token": 2e-6}}"#,
    /// )?;
    /// let catalog = Catalog::default().with_overrides(list);
    /// assert_eq!(catalog.cost("acme/acme-1", &Usage::new(0, 1_000_000))?.total().to_string(), "$2.00");
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] where the text is not a JSON object.
    pub fn from_litellm(json: &str) -> Result<Self> {
        let entries: Map<String, Value> = serde_json::from_str(json).map_err(|source| {
            Error::new(ErrorKind::Configuration, format!("the list is not a JSON object of models: {source}"))
        })?;
        let mut found: HashMap<(String, String), Found> = HashMap::new();
        for (key, entry) in &entries {
            let Some(entry) = entry.as_object() else { continue };
            let Some(listed) = entry.get("litellm_provider").and_then(Value::as_str) else { continue };
            let name = Name::parse(key, listed);
            let place = found.entry((names::provider(listed).to_owned(), name.model.to_owned())).or_default();
            place.take(&name, read(entry, listed, &name));
        }
        let mut models: Vec<ModelInfo> = found.into_iter().map(|(name, found)| found.finish(name)).collect();
        models.sort_unstable_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
        Ok(Self(models))
    }
}

/// A key of the list, taken apart.
struct Name<'a> {
    model: &'a str,
    /// Whether it bears its provider's prefix: such an entry stands over one without.
    prefixed: bool,
    size: Option<String>,
    quality: Option<String>,
}

impl<'a> Name<'a> {
    fn parse(key: &'a str, listed: &str) -> Self {
        let (mut size, mut quality) = (None, None);
        let own = |text: &'a str| {
            let (prefix, rest) = text.split_once('/')?;
            (prefix == listed || names::provider(prefix) == names::provider(listed)).then_some(rest)
        };
        let mut model = own(key).unwrap_or(key);
        let mut prefixed = model.len() < key.len();
        // `quality/size/model`, `size/steps/model`; a size has to be among them.
        let is_size = |part: &str| {
            part == "max-x-max"
                || part.split_once("-x-").is_some_and(|(w, h)| w.parse::<u32>().is_ok() && h.parse::<u32>().is_ok())
        };
        let parts: Vec<&str> = model.split('/').collect();
        if parts.iter().take(2).any(|part| is_size(part)) && parts.len() > 1 {
            let before = parts.iter().position(|part| is_size(part)).unwrap_or(0);
            let steps = parts.get(before.saturating_add(1)).filter(|part| part.ends_with("-steps"));
            size = parts.get(before).map(|size| size.replace("-x-", "x"));
            quality = if before == 1 { parts.first().copied() } else { steps.copied() }.map(str::to_owned);
            let skipped = before.saturating_add(1).saturating_add(usize::from(before == 0 && steps.is_some()));
            model = model.splitn(skipped.saturating_add(1), '/').last().unwrap_or(model);
            if let Some(rest) = own(model) {
                (model, prefixed) = (rest, true);
            }
        }
        Self { model, prefixed, size, quality }
    }
}

/// What the list says of one model, in one or several entries.
#[derive(Default)]
struct Found {
    whole: Option<(bool, ModelInfo)>,
    sized: Vec<When>,
    /// Limits and capabilities of an entry for one size, for a model that has no entry of its own.
    any: Option<ModelInfo>,
}

impl Found {
    fn take(&mut self, name: &Name<'_>, mut model: ModelInfo) {
        if name.size.is_some() {
            let price = std::mem::take(&mut model.price);
            self.sized.push(When { size: name.size.clone(), quality: name.quality.clone(), price, ..When::default() });
            self.any = Some(model);
            return;
        }
        // Of two entries at the same price, the one that knows more circumstances is as good as the other.
        self.whole = match self.whole.take() {
            None => Some((name.prefixed, model)),
            Some((was_prefixed, old)) => {
                let (prefixed, (mut stands, other)) =
                    if name.prefixed && !was_prefixed { (true, (model, old)) } else { (was_prefixed, (old, model)) };
                if stands.price == other.price {
                    let more = other.when.into_iter().filter(|when| !stands.when.contains(when)).collect::<Vec<_>>();
                    stands.when.extend(more);
                }
                Some((prefixed, stands))
            }
        };
    }

    fn finish(mut self, (provider, name): (String, String)) -> ModelInfo {
        let mut model = self.whole.map(|(_, model)| model).or(self.any).unwrap_or_default();
        self.sized.retain(|when| !when.price.is_empty());
        self.sized.sort_by(|a, b| (&a.quality, &a.size).cmp(&(&b.quality, &b.size)));
        model.when.extend(self.sized);
        (model.provider, model.model) = (Cow::Owned(provider), Cow::Owned(name));
        model
    }
}

/// One entry.
fn read(entry: &Map<String, Value>, listed: &str, name: &Name<'_>) -> ModelInfo {
    let provider = names::provider(listed);
    let mut prices = Prices::default();
    for (field, value) in entry {
        prices.field(field, value, provider, name);
    }
    let mut model = ModelInfo {
        mode: text(entry, "mode"),
        max_input_tokens: count(entry, "max_input_tokens").or_else(|| count(entry, "max_tokens")),
        max_output_tokens: count(entry, "max_output_tokens").or_else(|| count(entry, "max_tokens")),
        output_vector_size: count(entry, "output_vector_size"),
        reasoning: reasoning(entry),
        prompt_cache_min_tokens: count(entry, "prompt_cache_min_tokens"),
        tool_use_system_prompt_tokens: count(entry, "tool_use_system_prompt_tokens"),
        input_modalities: texts(entry, "supported_modalities"),
        output_modalities: texts(entry, "supported_output_modalities"),
        endpoints: texts(entry, "supported_endpoints"),
        rpm: count(entry, "rpm"),
        tpm: count(entry, "tpm"),
        rpd: count(entry, "rpd"),
        deprecation_date: text(entry, "deprecation_date"),
        retired: entry.get("retired").and_then(Value::as_bool).unwrap_or(false),
        source: text(entry, "source").filter(|source| source.starts_with("http")),
        ..ModelInfo::default()
    };
    for (field, value) in entry {
        let Some(capability) = field.strip_prefix("supports_").filter(|name| !is_effort(name)) else { continue };
        match value.as_bool() {
            Some(true) => model.supports.push(Cow::Owned(capability.to_owned())),
            Some(false) => model.lacks.push(Cow::Owned(capability.to_owned())),
            None => {}
        }
    }
    model.supports.sort_unstable();
    model.lacks.sort_unstable();
    // Google bills the searches of its older models by the prompt (https://ai.google.dev/gemini-api/docs/pricing).
    let per_query = entry.get("web_search_billing_unit").is_some_and(|unit| unit == "per_query");
    model.search_per_request =
        prices.base.get(Item::SearchMedium).is_some() && matches!(provider, "gemini" | "vertex_ai") && !per_query;
    // Half the price, unless a model says otherwise (https://docs.fireworks.ai/guides/prompt-caching).
    let embeds = model.mode.as_deref() == Some("embedding") || listed.contains("embedding");
    if provider == "fireworks_ai"
        && !embeds
        && prices.base.get(Item::CacheRead).is_none()
        && let Some(input) = prices.base.get(Item::Input)
    {
        prices.base.set(Item::CacheRead, input.times_millionths(500_000));
    }
    // An embedding is not paid for by what comes back.
    if embeds && prices.base.get(Item::Output).is_none() {
        prices.base.set(Item::Output, crate::money::Usd::ZERO);
    }
    (model.price, model.when) = prices.finish();
    model
}

fn is_effort(capability: &str) -> bool {
    capability.ends_with("_reasoning_effort")
}

fn reasoning(entry: &Map<String, Value>) -> Option<ReasoningInfo> {
    const WORDS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    let always = entry.get("thinking_always_on").and_then(Value::as_bool).unwrap_or(false);
    let default = text(entry, "default_reasoning_effort");
    let mut efforts = texts(entry, "reasoning_effort_levels");
    let flag = |word: &str| entry.get(&format!("supports_{word}_reasoning_effort")).and_then(Value::as_bool);
    if efforts.is_empty() && WORDS.iter().any(|word| flag(word) == Some(true)) {
        let usual = |word: &str| matches!(word, "low" | "medium" | "high");
        let takes = |word: &&&str| flag(word).unwrap_or_else(|| usual(word));
        efforts = WORDS.iter().filter(takes).map(|word| Cow::Borrowed(*word)).collect();
    }
    (always || default.is_some() || !efforts.is_empty()).then_some(ReasoningInfo { efforts, default, always })
}

/// The prices of an entry, being sorted by circumstance.
#[derive(Default)]
struct Prices {
    base: Rates,
    when: Vec<When>,
}

/// The service tiers, as suffixes of the fields.
const TIERS: [(&str, &str); 6] = [
    ("_batches", "batch"),
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_balanced", "balanced"),
    ("_ultrafast", "ultrafast"),
    ("_decisions", "decisions"),
];

impl Prices {
    fn field(&mut self, field: &str, value: &Value, provider: &str, name: &Name<'_>) {
        match field {
            "search_context_cost_per_query" => {
                for (size, usd) in value.as_object().into_iter().flatten() {
                    self.set(None, size, usd, name);
                }
            }
            "tiered_pricing" => value.as_array().into_iter().flatten().for_each(|range| self.range(range, name)),
            "off_peak_pricing" => self.off_peak(value, name),
            "regional_processing_uplift_multiplier_eu" => self.times(value, |when| when.region = Some("eu".to_owned())),
            "regional_processing_uplift_multiplier_us" => self.times(value, |when| when.region = Some("us".to_owned())),
            "regional_endpoint_uplift_multiplier" => {
                self.times(value, |when| when.region = Some("regional".to_owned()));
            }
            "provider_specific_entry" => {
                if let Some(factor) = value.get("us") {
                    self.times(factor, |when| when.region = Some("us".to_owned()));
                }
                if let Some(factor) = value.get("fast") {
                    self.times(factor, |when| when.speed = Some("fast".to_owned()));
                }
            }
            _ => self.plain(field, value, provider, name),
        }
    }

    /// A field such as `input_cost_per_token_above_200k_tokens_priority`.
    fn plain(&mut self, field: &str, value: &Value, provider: &str, name: &Name<'_>) {
        let tier = TIERS.iter().find_map(|(suffix, tier)| Some((field.strip_suffix(suffix)?, *tier)));
        let (stem, tier) = tier.map_or((field, None), |(stem, tier)| (stem, Some(tier)));
        let mut when = When { service_tier: tier.map(str::to_owned), ..When::default() };
        let mut stem = stem;
        if let Some((head, limit)) = stem.rsplit_once("_above_") {
            if let Some(limit) = limit.strip_suffix("_tokens").and_then(thousands) {
                // xAI's higher price begins at its limit (https://docs.x.ai/docs/models), the others' above it.
                when.prompt_above = Some(limit.saturating_sub(u64::from(provider == "xai")));
                stem = head;
            } else if let Some(seconds) = limit.strip_suffix("s_interval").and_then(|text| text.parse().ok()) {
                when.interval_above = Some(seconds);
                stem = head;
            }
        }
        if let Some(resolution) = stem.strip_prefix("output_cost_per_second_") {
            when.resolution = Some(resolution.to_owned());
            stem = "output_cost_per_second";
        } else if let Some(size) = stem.strip_prefix("output_cost_per_image_").filter(|size| *size != "token") {
            when.size = Some(size.to_owned());
            stem = "output_cost_per_image";
        }
        self.set((when != When::default()).then_some(when), stem, value, name);
    }

    fn set(&mut self, when: Option<When>, stem: &str, value: &Value, name: &Name<'_>) {
        let usd = match value {
            Value::Number(usd) => usd.as_f64(),
            Value::String(usd) => usd.parse().ok(),
            _ => None,
        };
        let Some(usd) = usd else { return };
        let sized = name.size.as_deref().and_then(|size| size.split_once('x'));
        let (item, usd) = match (stem, sized) {
            // What is listed for one size is the price of a picture of it.
            ("input_cost_per_pixel", Some((width, height))) => {
                let pixels = width.parse::<f64>().unwrap_or(0.0) * height.parse::<f64>().unwrap_or(0.0);
                (Item::ImageEach, (usd * pixels * 1e4).round() / 1e4)
            }
            ("input_cost_per_image" | "output_cost_per_image", Some(_)) => (Item::ImageEach, usd),
            (_, Some(_)) => return,
            ("output_cost_per_pixel", None) => (Item::Megapixel, (usd * MEGAPIXEL * 1e6).round() / 1e6),
            ("input_cost_per_token_cache_hit", None) => (Item::CacheRead, usd),
            (stem, None) => match Item::from_litellm(stem) {
                Some(item) => (item, usd),
                None => return,
            },
        };
        // There a price is of one token.
        let usd = if item.per() == super::Per::Million { usd * 1e6 } else { usd };
        let Some(price) = price(item, usd) else { return };
        let rates = match when {
            None => &mut self.base,
            Some(when) => self.special(when),
        };
        // The cache's price goes by two names; the proper one stands.
        if stem != "input_cost_per_token_cache_hit" || rates.get(item).is_none() {
            rates.set(item, price);
        }
    }

    /// The prices of a circumstance.
    fn special(&mut self, when: When) -> &mut Rates {
        let same = |known: &When| When { price: Rates::new(), ..known.clone() } == when;
        let at = self.when.iter().position(same).unwrap_or_else(|| {
            self.when.push(when);
            self.when.len().saturating_sub(1)
        });
        match self.when.get_mut(at) {
            Some(when) => &mut when.price,
            None => &mut self.base,
        }
    }

    /// A range of prompt lengths, or of results.
    fn range(&mut self, range: &Value, name: &Name<'_>) {
        let start = |field: &str| range.get(field)?.get(0)?.as_f64().map(|start| start as u64);
        let when = When {
            prompt_above: start("range").filter(|start| *start > 0),
            results_above: start("max_results_range").and_then(|start| start.checked_sub(1)).filter(|start| *start > 0),
            ..When::default()
        };
        let when = (when != When::default()).then_some(when);
        for (field, value) in range.as_object().into_iter().flatten() {
            self.set(when.clone(), field, value, name);
        }
    }

    fn off_peak(&mut self, value: &Value, name: &Name<'_>) {
        let shanghai = value.get("weekday_timezone").is_some_and(|zone| zone == "Asia/Shanghai");
        let window = |window: &Value| {
            let hours = match window.get("hours_utc")? {
                Value::String(hours) => vec![Hours::parse(hours)?],
                Value::Array(all) => all.iter().filter_map(|hours| Hours::parse(hours.as_str()?)).collect(),
                _ => return None,
            };
            let days = window.get("weekdays").and_then(Value::as_array).into_iter().flatten();
            let weekdays = days.filter_map(|day| u8::try_from(day.as_u64()?).ok()).collect();
            Some(Window { hours, weekdays, weekdays_utc_offset: if shanghai { 8 } else { 0 } })
        };
        let utc: Vec<Window> =
            value.get("windows").and_then(Value::as_array).into_iter().flatten().filter_map(window).collect();
        if utc.is_empty() {
            return;
        }
        for (field, usd) in value.as_object().into_iter().flatten() {
            self.set(Some(When { utc: utc.clone(), ..When::default() }), field, usd, name);
        }
    }

    fn times(&mut self, factor: &Value, condition: impl FnOnce(&mut When)) {
        let Some(times) = factor.as_f64().and_then(Times::new) else { return };
        let mut when = When { times: Some(times), ..When::default() };
        condition(&mut when);
        self.when.push(when);
    }

    /// The prices without those that say nothing new, and the circumstances in the order in which they stand over each
    /// other: tiers, then longer and longer prompts, then both, then the rest.
    fn finish(mut self) -> (Rates, Vec<When>) {
        concise(&mut self.base, &self.when);
        for when in &mut self.when {
            for item in Item::all().filter(|item| self.base.get(*item).is_none()) {
                drop_repeated(&mut when.price, item);
            }
        }
        self.when.retain(|when| !when.price.is_empty() || when.times.is_some());
        self.when.sort_by_key(|when| {
            let both = when.service_tier.is_some() && when.prompt_above.is_some();
            (both, when.prompt_above, when.service_tier.clone(), when.resolution.clone(), when.size.clone())
        });
        (self.base, self.when)
    }
}

/// Leaves out what costs the same as the item that it stands for, unless a circumstance changes the price of only one of
/// them. Reasoning goes with the reply in all circumstances.
fn concise(base: &mut Rates, when: &[When]) {
    for item in Item::all() {
        let changes =
            |otherwise| when.iter().any(|when| when.price.get(otherwise).is_some() && when.price.get(item).is_none());
        if item == Item::Reasoning || !item.otherwise().is_some_and(changes) {
            drop_repeated(base, item);
        }
    }
}

fn drop_repeated(rates: &mut Rates, item: Item) {
    if let Some(otherwise) = item.otherwise()
        && rates.get(item).is_some()
        && rates.get(item) == rates.get(otherwise)
    {
        rates.remove(item);
    }
}

/// `200k` and `272000`.
fn thousands(text: &str) -> Option<u64> {
    match text.strip_suffix('k') {
        Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1000),
        None => text.parse().ok(),
    }
}

fn text(entry: &Map<String, Value>, field: &str) -> Option<Cow<'static, str>> {
    entry.get(field).and_then(Value::as_str).map(|text| Cow::Owned(text.to_owned()))
}

fn texts(entry: &Map<String, Value>, field: &str) -> Vec<Cow<'static, str>> {
    let list = entry.get(field).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|text| Some(Cow::Owned(text.as_str()?.to_owned()))).collect()
}

fn count(entry: &Map<String, Value>, field: &str) -> Option<u64> {
    match entry.get(field)? {
        Value::Number(count) => count.as_u64().or_else(|| count.as_f64().map(|count| count as u64)),
        Value::String(count) => count.parse().ok(),
        _ => None,
    }
    .filter(|count| *count > 0)
}
