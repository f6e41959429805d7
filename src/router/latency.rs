//! How long a deployment takes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many of the last calls a mean is of.
const WINDOW: usize = 10;
/// How many of the last calls the 95th percentile is of.
const MANY: usize = 64;
/// Fewer calls than this have no 95th percentile.
const ENOUGH: usize = 20;
/// What is older than this counts for nothing.
const FRESH: Duration = Duration::from_secs(3600);
/// What a deployment that does not answer in time is put down for.
pub(super) const PENALTY: Duration = Duration::from_secs(1000);

/// The times of a deployment's last calls. Reading them takes no lock.
#[derive(Debug, Default)]
pub(super) struct Latency {
    per_token: Mean,
    first_token: Mean,
    whole: Whole,
    contents: Whole,
}

impl Latency {
    /// A whole reply took so long, and had so many tokens.
    pub(super) fn answered(&self, took: Duration, tokens: u64, now: Duration) {
        let tokens = u32::try_from(tokens.max(1)).unwrap_or(u32::MAX);
        self.per_token.add(took.checked_div(tokens).unwrap_or(took), now);
        self.whole.add(took);
    }

    /// A stream's first content took so long.
    pub(super) fn began(&self, took: Duration, now: Duration) {
        self.first_token.add(took, now);
        self.contents.add(took);
    }

    /// It did not answer in time.
    pub(super) fn timed_out(&self, stream: bool, now: Duration) {
        if stream { &self.first_token } else { &self.per_token }.add(PENALTY, now);
    }

    pub(super) fn per_token(&self, now: Duration) -> Option<Duration> {
        self.per_token.read(now)
    }

    pub(super) fn first_token(&self, now: Duration) -> Option<Duration> {
        self.first_token.read(now)
    }

    /// What nineteen of twenty of the last calls took less than; of streams, to their first content.
    pub(super) fn p95(&self, stream: bool) -> Option<Duration> {
        let of = if stream { &self.contents } else { &self.whole };
        Some(Duration::from_nanos(of.p95.load(Ordering::Relaxed))).filter(|time| !time.is_zero())
    }
}

/// The mean of the last few times, in nanoseconds; 0 for none.
#[derive(Debug, Default)]
struct Mean {
    samples: Mutex<Ring<WINDOW>>,
    mean: AtomicU64,
    /// The second at which the last came.
    last: AtomicU64,
}

impl Mean {
    fn add(&self, time: Duration, now: Duration) {
        let Ok(mut samples) = self.samples.lock() else { return };
        if now.as_secs().saturating_sub(self.last.load(Ordering::Relaxed)) > FRESH.as_secs() {
            *samples = Ring::default();
        }
        samples.push(time);
        let sum: u64 = samples.times.iter().fold(0, |sum, time| sum.saturating_add(*time));
        let mean = sum.checked_div(samples.times.len() as u64).unwrap_or(0);
        self.mean.store(mean.max(1), Ordering::Relaxed);
        self.last.store(now.as_secs(), Ordering::Relaxed);
    }

    fn read(&self, now: Duration) -> Option<Duration> {
        let mean = self.mean.load(Ordering::Relaxed);
        let old = now.as_secs().saturating_sub(self.last.load(Ordering::Relaxed)) > FRESH.as_secs();
        (mean > 0 && !old).then(|| Duration::from_nanos(mean))
    }
}

#[derive(Debug, Default)]
struct Whole {
    samples: Mutex<Ring<MANY>>,
    p95: AtomicU64,
}

impl Whole {
    fn add(&self, time: Duration) {
        let Ok(mut samples) = self.samples.lock() else { return };
        samples.push(time);
        // Sorted only now and then: it is for hedging, which needs no exact figure.
        if samples.times.len() >= ENOUGH && samples.next % 8 == 0 {
            let mut sorted = samples.times.clone();
            sorted.sort_unstable();
            let at = sorted.len().saturating_mul(95).checked_div(100).unwrap_or(0);
            self.p95.store(sorted.get(at).copied().unwrap_or(0).max(1), Ordering::Relaxed);
        }
    }
}

/// The last so many times.
#[derive(Debug, Default)]
struct Ring<const SIZE: usize> {
    times: Vec<u64>,
    next: usize,
}

impl<const SIZE: usize> Ring<SIZE> {
    fn push(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let place = self.next.checked_rem(SIZE).unwrap_or(0);
        match self.times.get_mut(place) {
            Some(old) => *old = nanos,
            None => self.times.push(nanos),
        }
        self.next = place.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_of_the_last_ten() {
        let (latency, now) = (Latency::default(), Duration::ZERO);
        assert_eq!(latency.per_token(now), None);
        (0..20).for_each(|_| latency.answered(Duration::from_secs(10), 10, now));
        (0..5).for_each(|_| latency.answered(Duration::from_secs(30), 10, now));
        assert_eq!(latency.per_token(now), Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_is_an_hour_old_counts_for_nothing() {
        let latency = Latency::default();
        latency.began(Duration::from_secs(1), Duration::ZERO);
        assert_eq!(latency.first_token(Duration::from_secs(3600)), Some(Duration::from_secs(1)));
        assert_eq!(latency.first_token(Duration::from_secs(3601)), None);
    }

    #[test]
    fn the_95th_percentile_needs_enough_calls() {
        let latency = Latency::default();
        (1..20).for_each(|n| latency.answered(Duration::from_millis(n), 1, Duration::ZERO));
        assert_eq!(latency.p95(false), None);
        (20..=64).for_each(|n| latency.answered(Duration::from_millis(n), 1, Duration::ZERO));
        assert!(latency.p95(false).is_some_and(|p95| (57..=62).contains(&p95.as_millis())), "{:?}", latency.p95(false));
    }
}
