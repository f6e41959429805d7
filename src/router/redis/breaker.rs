//! When to leave Redis alone, and when to ask it again.

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row are not an accident.
const TELLING: u32 = 3;

/// Lets questions through until several in a row have failed; then one each pause, until one is answered.
#[derive(Debug)]
pub(super) struct Breaker {
    pause: Duration,
    failures: u32,
    /// When it is asked again; `None` while it answers.
    until: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, failures: 0, until: None }
    }

    /// Whether Redis answered when it was asked last, as far as that is told by one failure.
    pub(super) fn is_closed(&self) -> bool {
        self.until.is_none()
    }

    /// Whether to ask. While it is open one question goes through in each pause; a question that is given up before its
    /// end therefore blocks nothing.
    pub(super) fn lets_through(&mut self, now: Instant) -> bool {
        match self.until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.until = now.checked_add(self.pause);
                true
            }
        }
    }

    /// It has answered. Whether it did not before.
    pub(super) fn answered(&mut self) -> bool {
        self.failures = 0;
        self.until.take().is_some()
    }

    /// It has not answered. Whether it is left alone from now on.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        let opens = self.until.is_none() && self.failures >= TELLING;
        if self.failures >= TELLING {
            self.until = now.checked_add(self.pause);
        }
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_several_failures_one_question_goes_through_in_each_pause() {
        let (pause, start) = (Duration::from_secs(1), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        let mut breaker = Breaker::new(pause);
        assert_eq!([breaker.failed(start), breaker.failed(start)], [false, false]);
        assert!(breaker.lets_through(start));
        assert!(breaker.failed(start) && !breaker.is_closed());
        assert_eq!(
            [0, 999, 1000, 1001, 1999, 2000].map(|millis| breaker.lets_through(at(millis))),
            [false, false, true, false, false, true]
        );
        assert!(!breaker.failed(at(2050)), "it is open already");
        assert_eq!([3000, 3050].map(|millis| breaker.lets_through(at(millis))), [false, true]);
        assert!(breaker.answered() && breaker.is_closed() && breaker.lets_through(at(3051)));
    }

    #[tokio::test]
    async fn an_answer_forgets_the_failures_before_it() {
        let mut breaker = Breaker::new(Duration::from_secs(1));
        let now = Instant::now();
        assert!((0..10).all(|_| !breaker.failed(now) && !breaker.failed(now) && !breaker.answered()));
        assert!(breaker.is_closed());
    }
}
