//! What calls cost, by the client's catalogue or by a price of their own.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;

use super::{CallOptions, Client, Question};
use crate::chat::CallMeta;
use crate::error::{Error, ErrorKind, Result};
use crate::money::Cost;
use crate::pricing::{Catalog, ModelInfo, PriceList, Rates, Terms};
use crate::provider::Reply;
use crate::text::shown_address;

/// The largest list that is fetched: 64 MiB.
const MAX_LIST_BYTES: usize = 64 << 20;

/// By what a call is priced.
#[derive(Clone, Debug)]
pub(crate) struct Pricing {
    catalog: Catalog,
    price: Option<Rates>,
    base_model: Option<String>,
    /// The tier that was asked for, where the reply does not say which answered.
    service_tier: Option<String>,
}

impl Pricing {
    /// The cost of a reply; `None` where it is not known.
    pub(super) fn cost(&self, reply: &impl Reply, meta: &CallMeta) -> Option<Cost> {
        let reply = reply.about();
        let usage = reply.usage.as_deref()?;
        let created = Some(reply.created).filter(|created| *created > 0).or_else(now);
        let terms = Terms::default()
            .service_tier(reply.service_tier.or(self.service_tier.as_deref()))
            .at(created)
            .elapsed(meta.latency);
        if let Some(price) = &self.price {
            let mut model = ModelInfo::new(meta.provider.clone(), meta.model.clone());
            model.price = price.clone();
            return model.cost(usage, &terms).ok();
        }
        let model = match &self.base_model {
            Some(base) => self.catalog.model_info(base),
            None => self.catalog.model_that_answered(&meta.provider, &meta.model, reply.model),
        };
        model.ok()?.cost(usage, &terms).ok()
    }
}

#[expect(clippy::disallowed_methods, reason = "prices can depend on the hour, and some providers do not date replies")]
fn now() -> Option<u64> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

impl Client {
    pub(super) fn pricing(&self, request: &impl Question, options: &CallOptions) -> Pricing {
        Pricing {
            catalog: self.catalog(),
            price: options.price.clone(),
            base_model: options.base_model.clone(),
            service_tier: request.service_tier().map(str::to_owned),
        }
    }

    /// The catalogue that this client's calls are priced by.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        self.0.catalog.read().map(|catalog| catalog.clone()).unwrap_or_default()
    }

    /// Prices the calls of this client and its clones by another catalogue from now on.
    pub fn set_catalog(&self, catalog: Catalog) {
        if let Ok(mut current) = self.0.catalog.write() {
            *current = catalog;
        }
    }

    /// Fetches a list of prices, in our schema or in LiteLLM's, to be put over a catalogue. Nothing is fetched unless
    /// this is called, and nothing changes unless the list is then used.
    ///
    /// ```no_run
    /// # async fn run(client: anymodel::Client) -> anymodel::Result<()> {
    /// let url = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json";
    /// let list = client.fetch_prices(url).await?;
    /// client.set_catalog(client.catalog().with_overrides(list));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What a request can fail by; [`ErrorKind::Configuration`] where the list cannot be read, or is LiteLLM's and has
    /// less than half of the models that are built in, which no list has that came whole.
    pub async fn fetch_prices(&self, url: &str) -> Result<PriceList> {
        let request = Request::get(url).body(Bytes::new()).map_err(|source| {
            Error::new(ErrorKind::Configuration, format!("`{}` is not a usable address", shown_address(url)))
                .with_source(source)
        })?;
        let fetching = async {
            let response = self.0.transport.send(request).await?;
            let status = response.status();
            let body = response.into_body().bytes(MAX_LIST_BYTES).await?;
            if status.is_success() {
                return Ok(body);
            }
            Err(Error::new(ErrorKind::Configuration, "there is no list of prices at the address").with_status(status))
        };
        let end = self.0.deadlines.total.or(Some(Duration::from_secs(60)));
        let end = end.and_then(|total| tokio::time::Instant::now().checked_add(total));
        let body = super::pipeline::within(end, "the list of prices did not come in time", fetching).await?;
        let text = std::str::from_utf8(&body)
            .map_err(|source| Error::new(ErrorKind::Configuration, "the list is not text").with_source(source))?;
        PriceList::fetched(text)
    }
}
