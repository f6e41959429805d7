//! Which of several deployments gets a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::limits::minute;
use super::slot::Slot;
use super::{Deployment, Dice};

/// Chooses the deployment that a call goes to.
///
/// A strategy is asked with the deployments that can take the call, never with none: those that cool down, have come to
/// their limits or do not suit the call are not among them. It is quick, waits for nothing, and takes clock and dice as
/// they are handed to it.
///
/// ```
/// use anymodel::router::{Candidate, Dice, Pick, Strategy};
///
/// /// The one with the shortest name.
/// #[derive(Debug)]
/// struct ShortestName;
///
/// impl Strategy for ShortestName {
///     fn choose(&self, candidates: &[Candidate<'_>], _: &Pick, _: &mut Dice) -> usize {
///         let shortest = candidates.iter().enumerate().min_by_key(|(_, candidate)| candidate.id().len());
///         shortest.map_or(0, |(place, _)| place)
///     }
/// }
/// ```
pub trait Strategy: fmt::Debug + Send + Sync {
    /// The place of the chosen one among the candidates. A place that there is not is taken for the first.
    fn choose(&self, candidates: &[Candidate<'_>], call: &Pick, dice: &mut Dice) -> usize;
}

/// What a strategy knows of the call.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Pick {
    /// Whether the reply is to be streamed.
    pub stream: bool,
    /// About how many tokens the prompt has, where a limit or a check asks for it; otherwise 0.
    pub prompt_tokens: u64,
}

/// A deployment that can take the call.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    slot: &'a Slot,
    now: Duration,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(slot: &'a Slot, now: Duration) -> Self {
        Self { slot, now }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'a str {
        &self.slot.id
    }

    /// Its settings.
    #[must_use]
    pub fn deployment(&self) -> &'a Deployment {
        &self.slot.deployment
    }

    /// How many calls it is working on.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.slot.state.usage.in_flight()
    }

    /// How many calls went to it in this minute.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.slot.state.usage.requests.read(minute(self.now))
    }

    /// How many tokens went to and came from it in this minute.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.slot.state.usage.tokens.read(minute(self.now))
    }

    /// How long it took for each token of its last replies; `None` where nothing is known.
    #[must_use]
    pub fn time_per_token(&self) -> Option<Duration> {
        self.slot.state.latency.per_token(self.now)
    }

    /// How long its last streams took to their first content.
    #[must_use]
    pub fn time_to_first_token(&self) -> Option<Duration> {
        self.slot.state.latency.first_token(self.now)
    }

    /// What a token of the prompt and one of the reply cost together, in pico-dollars; `None` where that is not known.
    #[must_use]
    pub fn price(&self) -> Option<i128> {
        self.slot.price()
    }
}

/// By chance: by `weight` where one is set, else by `rpm`, else by `tpm`, else evenly. LiteLLM's `simple-shuffle`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimpleShuffle;

impl Strategy for SimpleShuffle {
    fn choose(&self, candidates: &[Candidate<'_>], _: &Pick, dice: &mut Dice) -> usize {
        let weight: fn(&Deployment) -> f64 = |deployment| deployment.weight.unwrap_or(0.0).max(0.0);
        let rpm: fn(&Deployment) -> f64 = |deployment| deployment.rpm.unwrap_or(0) as f64;
        let tpm: fn(&Deployment) -> f64 = |deployment| deployment.tpm.unwrap_or(0) as f64;
        for share in [weight, rpm, tpm] {
            let sum: f64 = candidates.iter().map(|candidate| share(candidate.deployment())).sum();
            if sum > 0.0 && sum.is_finite() {
                let mut left = dice.unit() * sum;
                let mut last = 0;
                for (place, candidate) in candidates.iter().enumerate() {
                    let own = share(candidate.deployment());
                    if own > 0.0 {
                        if left < own {
                            return place;
                        }
                        left -= own;
                        last = place;
                    }
                }
                return last;
            }
        }
        dice.below(candidates.len())
    }
}

/// The one that is working on the fewest calls; of several, one by chance. LiteLLM's `least-busy`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastBusy;

impl Strategy for LeastBusy {
    fn choose(&self, candidates: &[Candidate<'_>], _: &Pick, dice: &mut Dice) -> usize {
        lowest(candidates, dice, |candidate| u64::from(candidate.in_flight()))
    }
}

/// The one that has answered the fastest: by the time to the first token for streams, by the time for each token
/// otherwise, each a mean of the last ten. One that has not answered yet comes first. LiteLLM's
/// `latency-based-routing`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowestLatency {
    /// How much slower than the fastest one may be to be chosen as well, as a share of its time: 0.5 for half as long
    /// again. Among these it is by chance.
    pub buffer: f64,
}

impl Strategy for LowestLatency {
    fn choose(&self, candidates: &[Candidate<'_>], call: &Pick, dice: &mut Dice) -> usize {
        let time = |candidate: &Candidate<'_>| {
            let time = if call.stream { candidate.time_to_first_token() } else { candidate.time_per_token() };
            time.unwrap_or_default().as_secs_f64()
        };
        let fastest = candidates.iter().map(time).fold(f64::INFINITY, f64::min);
        let slowest = fastest + fastest * self.buffer.max(0.0);
        among(candidates, dice, |candidate| time(candidate) <= slowest)
    }
}

/// The one that has had the fewest tokens in this minute; of several, one by chance. LiteLLM's `usage-based-routing-v2`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowestUsage;

impl Strategy for LowestUsage {
    fn choose(&self, candidates: &[Candidate<'_>], _: &Pick, dice: &mut Dice) -> usize {
        lowest(candidates, dice, |candidate| candidate.tokens())
    }
}

/// The cheapest; what has no known price comes last. Of several, one by chance. LiteLLM's `cost-based-routing`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowestCost;

impl Strategy for LowestCost {
    fn choose(&self, candidates: &[Candidate<'_>], _: &Pick, dice: &mut Dice) -> usize {
        lowest(candidates, dice, |candidate| candidate.price().unwrap_or(i128::MAX))
    }
}

/// A strategy by LiteLLM's name for it.
#[must_use]
pub fn named(name: &str) -> Option<Arc<dyn Strategy>> {
    Some(match name {
        "simple-shuffle" => Arc::new(SimpleShuffle),
        "least-busy" => Arc::new(LeastBusy),
        "latency-based-routing" => Arc::new(LowestLatency::default()),
        "usage-based-routing" | "usage-based-routing-v2" => Arc::new(LowestUsage),
        "cost-based-routing" => Arc::new(LowestCost),
        _ => return None,
    })
}

fn lowest<K: Ord>(candidates: &[Candidate<'_>], dice: &mut Dice, key: impl Fn(&Candidate<'_>) -> K) -> usize {
    let (mut best, mut place, mut equal) = (None, 0, 0usize);
    for (at, candidate) in candidates.iter().enumerate() {
        let key = key(candidate);
        match best.as_ref().map_or(std::cmp::Ordering::Less, |best| key.cmp(best)) {
            std::cmp::Ordering::Less => (best, place, equal) = (Some(key), at, 1),
            // Of the equal ones seen so far each is as likely to be kept.
            std::cmp::Ordering::Equal => {
                equal = equal.saturating_add(1);
                if dice.below(equal) == 0 {
                    place = at;
                }
            }
            std::cmp::Ordering::Greater => {}
        }
    }
    place
}

fn among(candidates: &[Candidate<'_>], dice: &mut Dice, fits: impl Fn(&Candidate<'_>) -> bool) -> usize {
    let (mut place, mut seen) = (0, 0usize);
    for (at, _) in candidates.iter().enumerate().filter(|(_, candidate)| fits(candidate)) {
        seen = seen.saturating_add(1);
        if dice.below(seen) == 0 {
            place = at;
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::slot_of;
    use super::*;
    use crate::pricing::Rates;

    const CALLS: usize = 10_000;

    fn slots(deployments: impl IntoIterator<Item = Deployment>) -> Vec<Arc<Slot>> {
        deployments.into_iter().map(slot_of).collect()
    }

    fn deployment() -> Deployment {
        Deployment::new("a", "openai/gpt-4o")
    }

    /// How many of 10,000 calls each gets.
    fn shares(strategy: &dyn Strategy, slots: &[Arc<Slot>], stream: bool) -> Vec<usize> {
        let mut dice = Dice::seeded(42);
        let mut shares = vec![0; slots.len()];
        let candidates: Vec<Candidate<'_>> =
            slots.iter().map(|slot| Candidate::new(slot, Duration::from_secs(1))).collect();
        for _ in 0..CALLS {
            shares[strategy.choose(&candidates, &Pick { stream, prompt_tokens: 0 }, &mut dice)] += 1;
        }
        shares
    }

    fn about(is: usize, should_be: usize) -> bool {
        is.abs_diff(should_be) < CALLS / 50
    }

    #[test]
    fn weights_are_shares_and_zero_is_none() {
        let shares = shares(&SimpleShuffle, &slots([7.0, 2.0, 0.0, 1.0].map(|w| deployment().weight(w))), false);
        assert!(about(shares[0], 7_000) && about(shares[1], 2_000) && about(shares[3], 1_000), "{shares:?}");
        assert_eq!(shares[2], 0);
    }

    #[test]
    fn without_weights_the_limits_are_shares_and_without_limits_all_are_equal() {
        let by_rpm = shares(&SimpleShuffle, &slots([deployment().rpm(900), deployment().rpm(100)]), false);
        assert!(about(by_rpm[0], 9_000), "{by_rpm:?}");
        let by_tpm = shares(&SimpleShuffle, &slots([deployment().tpm(100), deployment().tpm(300)]), false);
        assert!(about(by_tpm[0], 2_500), "{by_tpm:?}");
        let even = shares(&SimpleShuffle, &slots([deployment(), deployment(), deployment(), deployment()]), false);
        assert!(even.iter().all(|share| about(*share, 2_500)), "{even:?}");
    }

    #[test]
    fn the_least_busy_is_the_one_with_the_fewest_calls_in_flight() {
        let slots = slots([deployment(), deployment(), deployment()]);
        slots[1].state.usage.reserve(&slots[1].deployment, 0, Duration::ZERO).unwrap();
        let shares = shares(&LeastBusy, &slots, false);
        assert!(about(shares[0], 5_000) && about(shares[2], 5_000), "{shares:?}");
        assert_eq!(shares[1], 0);
    }

    #[test]
    fn the_fastest_gets_the_calls_and_so_do_those_within_the_buffer() {
        let slots = slots([deployment(), deployment(), deployment()]);
        let now = Duration::from_secs(1);
        for (slot, seconds) in slots.iter().zip([10, 12, 30]) {
            slot.state.latency.answered(Duration::from_secs(seconds), 10, now);
        }
        assert_eq!(shares(&LowestLatency::default(), &slots, false), [CALLS, 0, 0]);
        let buffered = shares(&LowestLatency { buffer: 0.25 }, &slots, false);
        assert!(about(buffered[0], 5_000) && about(buffered[1], 5_000), "{buffered:?}");
        // For streams another time counts; those that have none are tried first.
        slots[2].state.latency.began(Duration::from_millis(1), now);
        let streamed = shares(&LowestLatency::default(), &slots, true);
        assert!(about(streamed[0], 5_000) && streamed[2] == 0, "{streamed:?}");
        slots[0].state.latency.began(Duration::from_millis(2), now);
        slots[1].state.latency.began(Duration::from_millis(3), now);
        assert_eq!(shares(&LowestLatency::default(), &slots, true), [0, 0, CALLS]);
    }

    #[test]
    fn a_deployment_that_timed_out_is_slow() {
        let slots = slots([deployment(), deployment()]);
        slots[0].state.latency.timed_out(false, Duration::ZERO);
        slots[1].state.latency.answered(Duration::from_secs(60), 1, Duration::ZERO);
        assert_eq!(shares(&LowestLatency::default(), &slots, false), [0, CALLS]);
    }

    #[test]
    fn the_lowest_usage_is_the_one_with_the_fewest_tokens_of_this_minute() {
        let slots = slots([deployment(), deployment()]);
        slots[0].state.usage.tokens.take(0, 50, None);
        assert_eq!(shares(&LowestUsage, &slots, false), [0, CALLS]);
    }

    #[test]
    fn the_cheapest_gets_the_calls_and_what_has_no_price_comes_last() {
        let cheap = Deployment::new("a", "openai/gpt-4o-mini");
        let unknown = Deployment::new("a", "openai/never-heard-of-it");
        assert_eq!(shares(&LowestCost, &slots([unknown.clone(), deployment(), cheap.clone()]), false), [0, 0, CALLS]);
        assert_eq!(shares(&LowestCost, &slots([unknown, deployment()]), false), [0, CALLS]);
        let own = deployment().price(Rates::per_million(0.001, 0.001));
        assert_eq!(shares(&LowestCost, &slots([own, cheap]), false), [CALLS, 0]);
    }

    #[test]
    fn every_name_of_litellms_is_known() {
        for name in ["simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing-v2"] {
            assert!(named(name).is_some(), "{name}");
        }
        assert!(named("by-feeling").is_none());
    }
}
