//! What a call cost: its usage, times the prices that hold for it.

use std::borrow::Cow;

use serde_json::Value;

use super::item::Item;
use super::model_info::ModelInfo;
use super::when::Terms;
use crate::chat::{Extra, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::money::{Cost, Usd};

/// Answers of the standard service have one of these tiers, or none.
const STANDARD: [&str; 3] = ["default", "auto", "standard"];

impl ModelInfo {
    /// The price of one of an item in a call of so many prompt tokens; where it has none of its own, that of the item
    /// that it [stands for](Item::otherwise). `None` where nothing is listed.
    #[must_use]
    pub fn price_of(&self, item: Item, prompt_tokens: u64, terms: &Terms<'_>) -> Option<Usd> {
        let price = std::iter::successors(Some(item), |item| item.otherwise()).find_map(|item| {
            let special = self.when.iter().rev().find_map(|when| {
                // The price is looked for first: most circumstances name few.
                when.price.get(item).filter(|_| when.holds(prompt_tokens, terms))
            });
            special.or_else(|| self.price.get(item))
        })?;
        let factors = self.when.iter().filter(|when| when.times.is_some() && when.holds(prompt_tokens, terms));
        Some(
            factors
                .filter_map(|when| when.times)
                .fold(price, |price, times| price.times_millionths(times.millionths())),
        )
    }

    /// What a call of this usage cost.
    ///
    /// Tokens read from and written to the prompt cache, audio, pictures and reasoning are counted at their own prices,
    /// searches and requests as units. A provider that says itself what its calls cost is believed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPrice`], naming what has been used and has no price. An unknown cost is never a zero.
    pub fn cost(&self, usage: &Usage, terms: &Terms<'_>) -> Result<Cost> {
        if let Some(reported) = self.reported(usage) {
            return Ok(Cost { reported: Some(reported), ..Cost::default() });
        }
        let usage = &*billed(usage);
        let mut terms = *terms;
        terms.service_tier =
            terms.service_tier.filter(|tier| !STANDARD.iter().any(|standard| tier.eq_ignore_ascii_case(standard)));
        terms.speed = terms.speed.or_else(|| text(&usage.extra, "speed"));
        terms.region = terms.region.or_else(|| text(&usage.extra, "inference_geo"));
        let mut bill =
            Bill { model: self, terms, prompt_tokens: usage.prompt_tokens, cost: Cost::default(), unpriced: None };
        if let Some(per_second) = self.paid_by_time(usage.prompt_tokens, &terms) {
            match terms.elapsed {
                Some(elapsed) => {
                    let micros = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
                    bill.cost.units += per_second.times_millionths(micros);
                }
                None => bill.unpriced = Some(Item::Second),
            }
        } else {
            bill.prompt(usage);
            bill.completion(usage);
        }
        bill.searches(usage);
        bill.if_priced(Item::Request, 1);
        match bill.unpriced {
            None => Ok(bill.cost),
            Some(item) => Err(self.unpriced(item)),
        }
    }

    /// The price of a second, of a model whose tokens have none.
    fn paid_by_time(&self, prompt_tokens: u64, terms: &Terms<'_>) -> Option<Usd> {
        let price = |item| self.price_of(item, prompt_tokens, terms);
        if price(Item::Input).is_some() || price(Item::Output).is_some() {
            return None;
        }
        price(Item::Second).or_else(|| price(Item::InputSecond))
    }

    /// What the provider says that the call cost. A zero says only that it was not the provider who charged for it.
    fn reported(&self, usage: &Usage) -> Option<Usd> {
        let cost = usage.cost.filter(|_| self.reports_cost)?;
        Usd::from_f64(cost).filter(|cost| *cost > Usd::ZERO)
    }

    fn unpriced(&self, item: Item) -> Error {
        let message = if self.is_priced() {
            format!("`{}` of this model has no price in the list; add it with `Catalog::with_overrides`", item.name())
        } else {
            "no price of this model is known; add it with `Catalog::with_overrides`, or give the call one".to_owned()
        };
        Error::new(ErrorKind::UnknownPrice, message).with_provider(self.provider.clone()).with_model(self.model.clone())
    }
}

/// What of a usage is paid for. Cohere counts the words that it puts around a prompt itself, and says beside it, as
/// `billed_units`, what it charges for (<https://docs.cohere.com/docs/how-does-cohere-pricing-work>).
fn billed(usage: &Usage) -> Cow<'_, Usage> {
    let units = |name: &str| usage.extra.get("billed_units")?.get(name)?.as_f64();
    match (units("input_tokens"), units("output_tokens")) {
        (Some(input), Some(output)) => Cow::Owned(Usage::new(input.max(0.0) as u64, output.max(0.0) as u64)),
        _ => Cow::Borrowed(usage),
    }
}

fn text<'a>(extra: &'a Extra, name: &str) -> Option<&'a str> {
    extra.get(name).and_then(Value::as_str)
}

fn number(extra: &Extra, name: &str) -> u64 {
    extra.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// A cost that is being added up.
struct Bill<'a> {
    model: &'a ModelInfo,
    terms: Terms<'a>,
    prompt_tokens: u64,
    cost: Cost,
    unpriced: Option<Item>,
}

impl Bill<'_> {
    fn add(&mut self, item: Item, quantity: u64) {
        if quantity == 0 {
            return;
        }
        match self.model.price_of(item, self.prompt_tokens, &self.terms) {
            Some(price) => *item.amount(&mut self.cost) += price * quantity,
            None => self.unpriced = self.unpriced.or(Some(item)),
        }
    }

    /// Adds something that only some providers take money for.
    fn if_priced(&mut self, item: Item, quantity: u64) {
        if self.model.price_of(item, self.prompt_tokens, &self.terms).is_some() {
            self.add(item, quantity);
        }
    }

    /// The parts of the prompt never add up to more than all of it: what was cached is counted first, then sound and
    /// pictures as far as there is room, and what is left is text.
    fn prompt(&mut self, usage: &Usage) {
        let details = &usage.prompt_tokens_details;
        let cached = details.cached_tokens.unwrap_or_else(|| number(&usage.extra, "cache_read_input_tokens"));
        let written =
            details.cache_creation_tokens.unwrap_or_else(|| number(&usage.extra, "cache_creation_input_tokens"));
        let by_time = details.cache_creation_token_details.as_ref();
        let for_1h = by_time.and_then(|times| times.ephemeral_1h_input_tokens).unwrap_or(0).min(written);
        let of_cached = |kind| details.extra.get("cached_tokens_details").and_then(|of| of.get(kind)?.as_u64());
        let cached_audio = of_cached("audio_tokens").unwrap_or(0).min(cached);
        let cached_image = of_cached("image_tokens").unwrap_or(0).min(cached.saturating_sub(cached_audio));
        self.add(Item::CacheRead, cached.saturating_sub(cached_audio).saturating_sub(cached_image));
        self.add(Item::CacheReadAudio, cached_audio);
        self.add(Item::CacheReadImage, cached_image);
        self.add(Item::CacheWrite, written.saturating_sub(for_1h));
        self.add(Item::CacheWrite1h, for_1h);
        let rest = usage.prompt_tokens.saturating_sub(cached).saturating_sub(written);
        self.parts(
            rest,
            &[
                (Item::InputAudio, details.audio_tokens.unwrap_or(0).saturating_sub(cached_audio)),
                (Item::InputImage, details.image_tokens.unwrap_or(0).saturating_sub(cached_image)),
                (Item::InputVideo, details.video_tokens.unwrap_or(0)),
            ],
            Item::Input,
        );
    }

    fn completion(&mut self, usage: &Usage) {
        let details = &usage.completion_tokens_details;
        self.parts(
            usage.completion_tokens,
            &[
                (Item::Reasoning, details.reasoning_tokens.unwrap_or(0)),
                (Item::OutputAudio, details.audio_tokens.unwrap_or(0)),
                (Item::OutputImage, details.image_tokens.unwrap_or(0)),
                (Item::OutputVideo, number(&details.extra, "video_tokens")),
            ],
            Item::Output,
        );
    }

    fn parts(&mut self, all: u64, parts: &[(Item, u64)], text: Item) {
        let mut room = all;
        for (item, tokens) in parts {
            let tokens = (*tokens).min(room);
            room = room.saturating_sub(tokens);
            self.add(*item, tokens);
        }
        self.add(text, room);
    }

    fn searches(&mut self, usage: &Usage) {
        let searches = usage.server_tool_use.as_ref().and_then(|tools| tools.web_search_requests).unwrap_or(0);
        let searches = if self.model.search_per_request { searches.min(1) } else { searches };
        let item = match text(&usage.extra, "search_context_size") {
            Some("low") => Item::SearchLow,
            Some("high") => Item::SearchHigh,
            _ => Item::SearchMedium,
        };
        self.add(item, searches);
        self.if_priced(Item::Citation, number(&usage.extra, "citation_tokens"));
    }
}
