//! Limits by the minute and by the number in flight: taken before a call, settled after it.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::Deployment;

/// A count that begins anew with each minute. Minute and count are one word, so that what is taken is never more than
/// the limit, however many take at once.
#[derive(Debug, Default)]
pub(super) struct Meter(AtomicU64);

/// The low bits are the count: up to a million million. The rest is the minute: enough for 31 years.
const COUNT_BITS: u32 = 40;
const MOST: u64 = (1 << COUNT_BITS) - 1;

/// The minute of a moment.
pub(super) fn minute(now: Duration) -> u64 {
    now.as_secs() / 60
}

/// The moment at which the next minute begins.
pub(super) fn next_minute(now: Duration) -> Duration {
    Duration::from_secs(minute(now).saturating_add(1).saturating_mul(60))
}

impl Meter {
    /// The count of this minute.
    pub(super) fn read(&self, minute: u64) -> u64 {
        count(self.0.load(Ordering::Acquire), minute)
    }

    /// Adds so many, unless that would be more than the limit.
    pub(super) fn take(&self, minute: u64, many: u64, limit: Option<u64>) -> bool {
        let limit = limit.unwrap_or(MOST).min(MOST);
        let taken = |word| {
            let sum = count(word, minute).saturating_add(many);
            (sum <= limit).then(|| pack(minute, sum))
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).is_ok()
    }

    /// Corrects what was taken in this minute, if it is still that minute.
    pub(super) fn settle(&self, minute: u64, taken: u64, used: u64) {
        let settled = |word: u64| {
            let same = word >> COUNT_BITS == minute;
            same.then(|| pack(minute, count(word, minute).saturating_sub(taken).saturating_add(used).min(MOST)))
        };
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, settled);
    }
}

fn count(word: u64, minute: u64) -> u64 {
    if word >> COUNT_BITS == minute { word & MOST } else { 0 }
}

fn pack(minute: u64, count: u64) -> u64 {
    minute.wrapping_shl(COUNT_BITS) | count
}

/// What a deployment is doing and has done in this minute.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) requests: Meter,
    pub(super) tokens: Meter,
    in_flight: AtomicU32,
}

/// Why there is no room for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is room again at the latest after this time.
    For(Duration),
    /// There is room again when a call ends.
    Busy,
    /// The call alone is more than the limit.
    Never,
    /// The limits that are kept with other processes cannot be asked, and calls are not to go on without them.
    Unavailable,
}

impl Usage {
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Whether there is room, without taking it.
    #[inline]
    pub(super) fn room(&self, deployment: &Deployment, tokens: u64, now: Duration) -> Result<(), Denied> {
        let minute = minute(now);
        if deployment.tpm.is_some_and(|tpm| tokens > tpm) || deployment.rpm == Some(0) {
            return Err(Denied::Never);
        }
        let full = deployment.rpm.is_some_and(|rpm| self.requests.read(minute) >= rpm)
            || deployment.tpm.is_some_and(|tpm| self.tokens.read(minute).saturating_add(tokens) > tpm);
        if full {
            return Err(Denied::For(next_minute(now).saturating_sub(now)));
        }
        match deployment.max_parallel_requests {
            Some(most) if self.in_flight() >= most => Err(Denied::Busy),
            _ => Ok(()),
        }
    }

    /// Takes room for one call, all of it or none.
    pub(super) fn reserve(&self, deployment: &Deployment, tokens: u64, now: Duration) -> Result<(), Denied> {
        let minute = minute(now);
        let most = deployment.max_parallel_requests.unwrap_or(u32::MAX);
        let one_more = |flying: u32| (flying < most).then(|| flying.saturating_add(1));
        if self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_err() {
            return Err(Denied::Busy);
        }
        let full = Denied::For(next_minute(now).saturating_sub(now));
        if !self.requests.take(minute, 1, deployment.rpm) {
            self.leave();
            return Err(full);
        }
        if !self.tokens.take(minute, tokens, deployment.tpm) {
            self.requests.settle(minute, 1, 0);
            self.leave();
            return Err(full);
        }
        Ok(())
    }

    /// A call has ended, however it did.
    pub(super) fn leave(&self) {
        let one_less = |flying: u32| Some(flying.saturating_sub(1));
        let _ = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
    }
}

/// Limits that several processes keep together, and, where it can, what they know of deployments' cooldowns. The limits
/// of this process are held in any case; this is asked after them, and only for deployments that have limits.
#[async_trait]
pub trait SharedLimits: Send + Sync + fmt::Debug {
    /// Takes room for one call of about so many tokens. Dropping it before its end takes nothing, and neither does
    /// dropping what it gives without having settled it.
    ///
    /// # Errors
    ///
    /// Where there is none left, when there will be.
    async fn reserve(&self, id: &str, deployment: &Deployment, tokens: u64) -> Result<Box<dyn Reservation>, Denied>;

    /// A deployment cools down for so long, for the others to know. It does not wait for that.
    fn cooled(&self, _id: &str, _time: Duration) {}

    /// A deployment that this process has cooled is well again, for the others to know. It does not wait for that.
    fn recovered(&self, _id: &str) {}

    /// The ids of the deployments that cool down now, whichever process saw them fail, and for how long still. A router
    /// asks about twice a second while it has calls.
    async fn cooling(&self) -> Vec<(String, Duration)> {
        Vec::new()
    }
}

/// Room for one call that was taken from [`SharedLimits`].
pub trait Reservation: Send + Sync + fmt::Debug {
    /// The call has ended: gives its place in flight back, and says how many tokens it used instead of those that were
    /// taken; `None` where nobody knows. It does not wait: it can be called outside of a runtime.
    fn settle(self: Box<Self>, used: Option<u64>);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn concurrent_calls_cannot_overrun_a_limit() {
        let usage = Arc::new(Usage::default());
        let deployment = Arc::new(Deployment::new("a", "m").rpm(500).tpm(4_000));
        let taken: usize = (0..4)
            .map(|_| {
                let (usage, deployment) = (Arc::clone(&usage), Arc::clone(&deployment));
                std::thread::spawn(move || {
                    (0..400).filter(|_| usage.reserve(&deployment, 10, Duration::from_secs(5)).is_ok()).count()
                })
            })
            .collect::<Vec<_>>()
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum();
        assert_eq!(taken, 400);
        assert_eq!((usage.requests.read(0), usage.tokens.read(0), usage.in_flight()), (400, 4_000, 400));
    }

    #[test]
    fn a_new_minute_begins_at_nothing() {
        let usage = Usage::default();
        let deployment = Deployment::new("a", "m").rpm(1);
        let at = Duration::from_secs;
        assert_eq!(usage.reserve(&deployment, 0, at(59)), Ok(()));
        assert_eq!(usage.reserve(&deployment, 0, at(59)), Err(Denied::For(at(1))));
        assert_eq!(usage.reserve(&deployment, 0, at(60)), Ok(()));
    }

    #[test]
    fn an_estimate_is_corrected_by_what_was_used() {
        let meter = Meter::default();
        assert!(meter.take(3, 100, None));
        meter.settle(3, 100, 250);
        assert_eq!(meter.read(3), 250);
        meter.settle(2, 100, 0);
        assert_eq!(meter.read(3), 250);
    }

    #[test]
    fn what_is_refused_takes_nothing() {
        let usage = Usage::default();
        let deployment = Deployment::new("a", "m").tpm(10).max_parallel_requests(1);
        assert!(usage.reserve(&deployment, 11, Duration::ZERO).is_err());
        assert_eq!((usage.requests.read(0), usage.in_flight()), (0, 0));
        assert_eq!(usage.room(&deployment, 11, Duration::ZERO), Err(Denied::Never));
        usage.reserve(&deployment, 1, Duration::ZERO).unwrap();
        assert_eq!(usage.reserve(&deployment, 1, Duration::ZERO), Err(Denied::Busy));
        usage.leave();
        assert_eq!(usage.reserve(&deployment, 1, Duration::ZERO), Ok(()));
    }
}
