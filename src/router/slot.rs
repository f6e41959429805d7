//! A deployment in its place: with its id, its connection, and all that is known of how it does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use once_cell::sync::OnceCell;

use super::Deployment;
use super::health::Health;
use super::latency::Latency;
use super::limits::Usage;
use super::pattern::fill;
use super::probe::Probed;
use super::queue::Line;
use crate::client::Endpoint;
use crate::pricing::{Catalog, Item, ModelInfo, Terms};

/// A deployment that calls can go to.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: Arc<str>,
    pub(super) deployment: Deployment,
    /// Where it is; `None` for one whose model has a star.
    pub(super) endpoint: Option<Arc<Endpoint>>,
    /// What goes on when the deployment's settings change.
    pub(super) state: Arc<State>,
    catalog: Catalog,
    info: OnceCell<Option<Arc<ModelInfo>>>,
}

/// How a deployment does.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) health: Health,
    pub(super) usage: Usage,
    pub(super) latency: Latency,
    pub(super) probed: Mutex<Option<Probed>>,
    /// Calls that wait for room here.
    pub(super) line: Line,
    pub(super) answered: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Whether it has been taken out: calls under way do not come to it any more.
    pub(super) removed: AtomicBool,
}

impl Slot {
    pub(super) fn new(
        id: Arc<str>,
        deployment: Deployment,
        endpoint: Option<Arc<Endpoint>>,
        state: Arc<State>,
        catalog: Catalog,
    ) -> Self {
        Self { id, deployment, endpoint, state, catalog, info: OnceCell::new() }
    }

    /// What is listed of its model; looked up once.
    pub(super) fn info(&self) -> Option<&ModelInfo> {
        let look = || {
            let name = self.deployment.base_model.as_deref().unwrap_or(&self.deployment.model);
            self.catalog.model_info(name).ok()
        };
        self.info.get_or_init(look).as_deref()
    }

    /// The longest prompt that it takes, in tokens.
    pub(super) fn max_input_tokens(&self) -> Option<u64> {
        self.deployment.max_input_tokens.or_else(|| self.info().and_then(|info| info.max_input_tokens))
    }

    /// The price of a prompt token and a token of a reply together, in pico-dollars.
    pub(super) fn price(&self) -> Option<i128> {
        let price = |item| match &self.deployment.price {
            Some(own) => own.get(item),
            None => self.info().and_then(|info| info.price_of(item, 0, &Terms::default())),
        };
        Some(price(Item::Input)?.as_pico().saturating_add(price(Item::Output)?.as_pico()))
    }

    /// The model that it stands for when its name's stars have matched.
    pub(super) fn model_for(&self, captures: &[String], asked: &str) -> String {
        fill(&self.deployment.model, captures, asked)
    }

    pub(super) fn is_removed(&self) -> bool {
        self.state.removed.load(Ordering::Acquire)
    }
}
