//! The one retry loop: when to try again, and when the provider has had enough.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rand::RngExt as _;

use crate::error::{Error, Retry};

/// How often and how soon a failed call is tried again.
///
/// Only what can pass is tried again (see [`Error::retry`]). The pause doubles from `base` to `cap`, half of it by
/// chance; a provider that says `Retry-After` is waited for exactly so long, if that is at most `longest_wait`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many times a call is tried again.
    pub max_retries: u32,
    /// The first pause.
    pub base: Duration,
    /// The longest pause of our own.
    pub cap: Duration,
    /// The longest `Retry-After` that is waited for; beyond it the error is given at once.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    /// Two retries, from 0.5 s to 8 s, `Retry-After` up to 60 s.
    fn default() -> Self {
        Self {
            max_retries: 2,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            longest_wait: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The default with another number of retries.
    #[must_use]
    pub fn new(max_retries: u32) -> Self {
        Self { max_retries, ..Self::default() }
    }

    /// How long to wait before the try after `failed` tries; `None` to give up. `dice` is a number from 0 to 1.
    #[must_use]
    pub fn pause(&self, error: &Error, failed: u32, dice: f64) -> Option<Duration> {
        if failed > self.max_retries {
            return None;
        }
        match error.retry() {
            Retry::No => None,
            Retry::After(after) => (after <= self.longest_wait).then_some(after),
            Retry::Yes => {
                let doubled = self.base.saturating_mul(1u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX));
                let full = doubled.min(self.cap);
                let half = full.div_f64(2.0);
                Some(half.saturating_add(half.mul_f64(dice.clamp(0.0, 1.0))))
            }
        }
    }
}

/// A number from 0 to 1.
#[expect(clippy::disallowed_methods, reason = "the dice of the retry loop are thrown here")]
pub(super) fn dice() -> f64 {
    rand::rng().random()
}

/// Keeps retries from making an outage worse: each call earns a fifth of a retry, each retry costs one, and only a few
/// can be saved up.
#[derive(Debug)]
pub(super) struct RetryBudget(AtomicI64);

const RETRY: i64 = 5;
const SAVED: i64 = 100 * RETRY;

impl RetryBudget {
    pub(super) fn new() -> Self {
        Self(AtomicI64::new(SAVED))
    }

    pub(super) fn earn(&self) {
        let more = |now: i64| (now < SAVED).then(|| now.saturating_add(1));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Whether one more retry can be paid.
    pub(super) fn spend(&self) -> bool {
        let less = |now: i64| (now >= RETRY).then(|| now.saturating_sub(RETRY));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn limited() -> Error {
        Error::new(ErrorKind::RateLimited, "busy")
    }

    #[test]
    fn the_pause_doubles_up_to_its_cap_and_half_of_it_is_chance() {
        let policy = RetryPolicy::new(10);
        let seconds = |failed, dice| policy.pause(&limited(), failed, dice).map(|pause| pause.as_secs_f64());
        assert_eq!(seconds(1, 1.0), Some(0.5));
        assert_eq!(seconds(1, 0.0), Some(0.25));
        assert_eq!(seconds(2, 1.0), Some(1.0));
        assert_eq!(seconds(10, 1.0), Some(8.0));
        assert_eq!(seconds(11, 1.0), None);
    }

    #[test]
    fn retry_after_is_waited_for_exactly_or_not_at_all() {
        let policy = RetryPolicy::default();
        let after = |seconds| policy.pause(&limited().with_retry_after(Duration::from_secs(seconds)), 1, 0.5);
        assert_eq!(after(7), Some(Duration::from_secs(7)));
        assert_eq!(after(61), None);
    }

    #[test]
    fn a_callers_own_mistake_is_not_tried_again() {
        assert_eq!(RetryPolicy::default().pause(&Error::new(ErrorKind::InvalidRequest, "no"), 1, 0.5), None);
    }

    #[test]
    fn the_budget_lets_a_fifth_of_the_calls_be_retried_in_the_long_run() {
        let budget = RetryBudget::new();
        let saved = (0..1000).filter(|_| budget.spend()).count();
        assert_eq!(saved, 100);
        let retried = (0..1000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        assert_eq!(retried.count(), 200);
    }
}
