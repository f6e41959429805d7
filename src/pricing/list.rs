//! Price lists: a provider's file, read no further than asked.

use std::borrow::Cow;
use std::collections::HashMap;

#[cfg(feature = "client")]
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

#[cfg(feature = "client")]
use super::catalogue::Catalog;
use super::model_info::ModelInfo;
use super::when::When;
use crate::error::{Error, ErrorKind, Result};

/// A provider's file, its models still in JSON: a file has hundreds, a program uses few.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderFile<'a> {
    #[serde(borrow)]
    pub(super) provider: Cow<'a, str>,
    /// Whether the provider says in its replies what they cost.
    #[serde(default)]
    pub(super) reports_cost: bool,
    /// Exceptions for all models that have none for the same service tier.
    #[serde(default)]
    when: Vec<When>,
    #[serde(borrow)]
    models: HashMap<Cow<'a, str>, Entry<'a>>,
}

/// A model's entry in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a>(&'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(<&RawValue>::deserialize(deserializer)?.get()))
    }
}

impl<'a> ProviderFile<'a> {
    pub(super) fn read(json: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// The same, ten times as fast, for a file that is laid out as those of `pricing/` are: a model begins and ends on a
    /// line of its own, four spaces in, so that what is between need not be read. `None` for any other file.
    pub(super) fn read_laid_out(json: &'a str) -> Option<Self> {
        const MODELS: &str = "\n  \"models\": {\n";
        const END: &str = "\n    }";
        let (head, models) = json.split_once(MODELS)?;
        let mut models = models.strip_suffix("\n  }\n}\n")?;
        let mut entries = HashMap::new();
        while !models.is_empty() {
            let end = memchr::memmem::find(models.as_bytes(), END.as_bytes())?.checked_add(END.len())?;
            let (entry, rest) = models.split_at_checked(end)?;
            let (name, entry) = entry.strip_prefix("    \"")?.split_once("\": ")?;
            if name.contains('\\') {
                return None;
            }
            entries.insert(Cow::Borrowed(name), Entry(entry));
            models = rest.strip_prefix(",\n").unwrap_or(rest);
        }
        let head = format!("{head} \"models\": {{}}}}");
        let head = serde_json::from_str::<ProviderFile<'_>>(&head).ok()?;
        let provider = Cow::Owned(head.provider.into_owned());
        Some(Self { provider, reports_cost: head.reports_cost, when: head.when, models: entries })
    }

    /// The model of this name, or of this name in other letters.
    pub(super) fn model(&self, name: &str) -> Option<(&str, Entry<'a>)> {
        if let Some((key, entry)) = self.models.get_key_value(name) {
            return Some((key, *entry));
        }
        let other = self.models.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        other.map(|(key, entry)| (key.as_ref(), *entry))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(AsRef::as_ref)
    }

    /// A model's entry, with what the file says of all.
    pub(super) fn entry(&self, name: &str, entry: Entry<'_>) -> serde_json::Result<ModelInfo> {
        let mut model: ModelInfo = serde_json::from_str(entry.0)?;
        model.provider = Cow::Owned(self.provider.as_ref().to_owned());
        model.model = Cow::Owned(name.to_owned());
        model.reports_cost = self.reports_cost;
        for rule in &self.when {
            if !model.when.iter().any(|own| own.service_tier == rule.service_tier) {
                model.when.push(rule.clone());
            }
        }
        Ok(model)
    }
}

/// Models to put over the built-in list, or a list of their own.
///
/// ```
/// use anymodel::pricing::PriceList;
/// use anymodel::{Catalog, Usage};
///
/// let list = PriceList::from_json(
///     r#"{"provider": "acme", "models": {"acme-1": {"mode": "chat", "price": {"input": 0.5, "output": 2}}}}"#,
/// )?;
/// let catalog = Catalog::default().with_overrides(list);
/// assert_eq!(catalog.cost("acme/acme-1", &Usage::new(1_000_000, 0))?.total().to_string(), "$0.50");
/// # Ok::<(), anymodel::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceList(pub(super) Vec<ModelInfo>);

impl PriceList {
    /// Reads a provider's file in our schema, or an array of such files.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], naming the model and field that is not as the schema says.
    pub fn from_json(json: &str) -> Result<Self> {
        let bad = |what: &str, source: serde_json::Error| {
            Error::new(ErrorKind::Configuration, format!("{what} is not as the price schema says: {source}"))
        };
        let files = if json.trim_start().starts_with('[') {
            serde_json::from_str::<Vec<ProviderFile<'_>>>(json).map_err(|source| bad("the list", source))?
        } else {
            vec![ProviderFile::read(json).map_err(|source| bad("the list", source))?]
        };
        let mut models = Vec::new();
        for file in &files {
            for (name, entry) in &file.models {
                let model =
                    file.entry(name, *entry).map_err(|source| bad(&format!("{}/{name}", file.provider), source))?;
                models.push(model);
            }
        }
        Ok(Self(models))
    }

    /// Reads a list that has come from elsewhere, in our schema or in LiteLLM's, and refuses one that has not come whole.
    #[cfg(feature = "client")]
    pub(crate) fn fetched(json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Ours {
            #[serde(rename = "provider")]
            _provider: IgnoredAny,
            #[serde(rename = "models")]
            _models: IgnoredAny,
        }
        if json.trim_start().starts_with('[') || serde_json::from_str::<Ours>(json).is_ok() {
            return Self::from_json(json);
        }
        let list = Self::from_litellm(json)?;
        let fewest = Catalog::built_in().div_ceil(2);
        if list.0.len() < fewest {
            let message = format!("the list has {} models and should have {fewest} at least", list.0.len());
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Ok(list)
    }

    /// The models.
    #[must_use]
    pub fn models(&self) -> &[ModelInfo] {
        &self.0
    }
}

impl FromIterator<ModelInfo> for PriceList {
    fn from_iter<I: IntoIterator<Item = ModelInfo>>(models: I) -> Self {
        Self(models.into_iter().collect())
    }
}
