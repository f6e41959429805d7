//! The catalogue: the list that is built in, with overrides over it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use once_cell::sync::Lazy;

use super::embedded;
use super::list::PriceList;
use super::model_info::ModelInfo;
use super::names::{self, spellings};
use super::when::Terms;
use crate::chat::{ChatResponse, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::model::provider_of;
use crate::money::Cost;

/// The most providers, and the most names of each, whose entries are kept at hand.
const MOST_KNOWN: usize = 4096;

/// Prices, limits and capabilities of models. Cheap to clone; a change to one clone does not show in another.
///
/// The list that is built in is read when it is used: a provider's file when the first of its models is looked up, a
/// model's entry when it is.
///
/// ```
/// use anymodel::{Catalog, Usage};
///
/// let catalog = Catalog::default();
/// let model = catalog.model_info("anthropic/claude-sonnet-4-5")?;
/// assert_eq!(model.max_output_tokens, Some(64_000));
/// assert_eq!(catalog.cost("gpt-4o", &Usage::new(1000, 500))?.total().to_string(), "$0.0075");
/// # Ok::<(), anymodel::Error>(())
/// ```
#[derive(Clone)]
pub struct Catalog(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// By provider and model.
    overrides: HashMap<String, HashMap<String, Arc<ModelInfo>>>,
    /// What has been looked up, by the provider and the model that were asked for; of a name that says both, under no
    /// provider.
    known: RwLock<HashMap<String, HashMap<String, Arc<ModelInfo>>>>,
}

static BUILT_IN: Lazy<Catalog> = Lazy::new(|| Catalog(Arc::default()));

impl Default for Catalog {
    /// The list that is built in.
    fn default() -> Self {
        BUILT_IN.clone()
    }
}

impl Catalog {
    /// The same catalogue with these models over it. What an entry does not say stays as it was; prices are taken whole.
    #[must_use]
    pub fn with_overrides(&self, list: PriceList) -> Self {
        let mut overrides = self.0.overrides.clone();
        for mut model in list.0 {
            if let Some(older) = self.listed(&model.provider, &model.model) {
                model.fill(&older);
            }
            let provider = overrides.entry(names::provider(&model.provider).to_owned()).or_default();
            provider.insert(model.model.clone().into_owned(), Arc::new(model));
        }
        Self(Arc::new(Inner { overrides, known: RwLock::default() }))
    }

    /// Adds a model to this catalogue, or puts it over the entry that it has. No other catalogue changes.
    pub fn register_model(&mut self, model: ModelInfo) {
        *self = self.with_overrides(PriceList(vec![model]));
    }

    /// What is listed of a model: `provider/model`, or a bare name of a known family. Regions, versions and dates around
    /// the name are seen through. An unlisted model of a known family has capabilities and no price.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownProvider`] for a bare name of no known family, [`ErrorKind::UnknownPrice`] for a model that
    /// is not listed.
    pub fn model_info(&self, model: &str) -> Result<Arc<ModelInfo>> {
        self.known_or("", model, || self.split(model).and_then(|(provider, name)| self.find(provider, name)))
    }

    /// The same for a model whose provider is known.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPrice`] for a model that is not listed.
    pub fn model_info_of(&self, provider: &str, model: &str) -> Result<Arc<ModelInfo>> {
        self.known_or(provider, model, || self.find(names::provider(provider), model))
    }

    /// What a call of this usage cost in standard circumstances.
    ///
    /// # Errors
    ///
    /// As [`Catalog::model_info`] and [`ModelInfo::cost`].
    pub fn cost(&self, model: &str, usage: &Usage) -> Result<Cost> {
        self.model_info(model)?.cost(usage, &Terms::default())
    }

    /// What the call behind a reply cost: at the price of the model that answered, else of the one that was asked, at
    /// the tier that answered and the time of the reply.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPrice`] where the model has no price or the provider did not say what the call used.
    pub fn completion_cost(&self, reply: &ChatResponse) -> Result<Cost> {
        let Some(usage) = &reply.usage else {
            let error = Error::new(ErrorKind::UnknownPrice, "the provider did not say how many tokens the call used");
            return Err(error.with_provider(reply.meta.provider.clone()).with_model(reply.model.clone()));
        };
        let terms = Terms::default()
            .service_tier(reply.service_tier.as_deref())
            .at(Some(reply.created).filter(|created| *created > 0));
        let meta = &reply.meta;
        let model = if meta.provider.is_empty() {
            self.model_info(&reply.model)
        } else {
            self.model_that_answered(&meta.provider, &meta.model, &reply.model)
        };
        model?.cost(usage, &terms)
    }

    /// The entry of the model that answered, or of the one that was asked where the answer's has no price.
    pub(crate) fn model_that_answered(&self, provider: &str, asked: &str, answered: &str) -> Result<Arc<ModelInfo>> {
        // By which of a provider's APIs a model was asked is not part of its name.
        let asked = asked.strip_prefix("responses/").unwrap_or(asked);
        let answered = (!answered.is_empty()).then(|| self.model_info_of(provider, answered));
        match answered {
            Some(Ok(model)) if model.is_priced() => Ok(model),
            _ => self.model_info_of(provider, asked).or_else(|error| {
                // A provider that says what its calls cost says it of unlisted models too.
                let says = embedded::file(names::provider(provider)).is_some_and(|file| file.reports_cost);
                let mut model = ModelInfo::new(provider.to_owned(), asked.to_owned());
                model.reports_cost = true;
                says.then(|| Arc::new(model)).ok_or(error)
            }),
        }
    }

    /// The providers that have a list.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        let own = self.0.overrides.keys().map(String::as_str);
        own.filter(|own| embedded::file(own).is_none())
            .chain(embedded::providers().map(|provider| -> &str { provider }))
    }

    /// How many models are built in.
    #[cfg(feature = "client")]
    pub(super) fn built_in() -> usize {
        embedded::providers().filter_map(embedded::file).map(|file| file.names().count()).sum()
    }

    /// The models that are listed for a provider, in no order.
    pub fn models(&self, provider: &str) -> Vec<String> {
        let provider = names::provider(provider);
        let own = self.0.overrides.get(provider);
        let built_in = embedded::file(provider).into_iter().flat_map(|file| file.names());
        let built_in = built_in.filter(|name| own.is_none_or(|own| !own.contains_key(*name)));
        own.into_iter().flat_map(HashMap::keys).map(String::as_str).chain(built_in).map(str::to_owned).collect()
    }

    /// `provider/model` taken apart, or a bare name with the provider of its family.
    fn split<'a>(&self, model: &'a str) -> Result<(&'a str, &'a str)> {
        if let Some((prefix, name)) = model.split_once('/') {
            let provider = names::provider(prefix);
            if embedded::file(provider).is_some() || self.0.overrides.contains_key(provider) {
                return Ok((provider, name));
            }
        }
        provider_of(model).map(|provider| (provider, model)).ok_or_else(|| {
            let message = format!("no list of prices has `{model}`; write it as `provider/model`, or add it");
            Error::new(ErrorKind::UnknownProvider, message)
        })
    }

    fn find(&self, provider: &str, model: &str) -> Result<Arc<ModelInfo>> {
        let spelt = |model| spellings(model).find_map(|name| self.listed(provider, &name));
        // The prefix may have been left on the name.
        let own = model.split_once('/').filter(|(prefix, _)| names::provider(prefix) == provider);
        let own = own.map(|(_, name)| name);
        let listed = spelt(model).or_else(|| spelt(own?));
        let model = own.unwrap_or(model);
        listed.or_else(|| ModelInfo::of_family(provider, model).map(Arc::new)).ok_or_else(|| {
            let message = "the model is not in the price list; add it with `Catalog::with_overrides`";
            Error::new(ErrorKind::UnknownPrice, message).with_provider(provider.to_owned()).with_model(model)
        })
    }

    /// The entry of this very name, in any letters.
    fn listed(&self, provider: &str, model: &str) -> Option<Arc<ModelInfo>> {
        let provider = names::provider(provider);
        if let Some(own) = self.0.overrides.get(provider) {
            let found = own.get(model);
            let found =
                found.or_else(|| own.iter().find(|(key, _)| key.eq_ignore_ascii_case(model)).map(|(_, own)| own));
            if let Some(found) = found {
                return Some(Arc::clone(found));
            }
        }
        let file = embedded::file(provider)?;
        let (name, entry) = file.model(model)?;
        file.entry(name, entry).ok().map(Arc::new)
    }

    /// What has been found under these names before, else what is found now.
    fn known_or(
        &self,
        provider: &str,
        model: &str,
        find: impl FnOnce() -> Result<Arc<ModelInfo>>,
    ) -> Result<Arc<ModelInfo>> {
        if let Ok(known) = self.0.known.read()
            && let Some(found) = known.get(provider).and_then(|models| models.get(model))
        {
            return Ok(Arc::clone(found));
        }
        let found = find()?;
        if let Ok(mut known) = self.0.known.write()
            && known.len() < MOST_KNOWN
        {
            let models = known.entry(provider.to_owned()).or_default();
            if models.len() < MOST_KNOWN {
                models.insert(model.to_owned(), Arc::clone(&found));
            }
        }
        Ok(found)
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overrides: Vec<(&str, usize)> =
            self.0.overrides.iter().map(|(provider, models)| (provider.as_str(), models.len())).collect();
        f.debug_struct("Catalog").field("overrides", &overrides).finish_non_exhaustive()
    }
}

impl ChatResponse {
    /// What the call cost.
    ///
    /// A client says it at the end of each call, by its own catalogue and the call's price; a reply from elsewhere, such
    /// as one read from JSON, is priced by the list that is built in. The breakdown is in
    /// [`meta.cost`](crate::CallMeta::cost), or comes from [`Catalog::completion_cost`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPrice`] where the model has no price or the provider did not say what the call used. An
    /// unknown cost is never a zero.
    pub fn cost(&self) -> Result<crate::money::Usd> {
        match self.meta.cost {
            Some(cost) => Ok(cost.total()),
            None => Catalog::default().completion_cost(self).map(|cost| cost.total()),
        }
    }
}
