//! Which deployments rest after failures, and how they come back.
//!
//! A deployment is healthy, cools down, or is on probation: its cooldown is over, one call goes to it, and the others
//! keep away until that one has answered. A good answer makes it healthy, a bad one cools it again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::limits::{Meter, minute};
use super::rules::Rules;
use super::{Deployment, slot::Slot};
use crate::error::{Error, ErrorKind};

/// The longest that a provider's `Retry-After` is believed.
const LONGEST: Duration = Duration::from_secs(3600);
/// So many calls in a minute say something about how many of them fail.
const TELLING: u64 = 5;

/// The health of one deployment.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// When the cooldown ends, in milliseconds and one more; 0 for a healthy one.
    until: AtomicU64,
    /// Whether a call is trying it out.
    probing: AtomicBool,
    /// Whether the time of its cooldown is its provider's word, or another process's.
    told: AtomicBool,
    /// Of this minute.
    answers: Meter,
    failures: Meter,
    /// Failures since the first of them, for as long as a cooldown is long.
    allowed: Allowed,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Healthy,
    /// Until then.
    Cooling(Duration),
    /// Its cooldown is over.
    Probation {
        /// Whether a call is trying it out.
        taken: bool,
    },
}

impl Health {
    #[inline]
    pub(super) fn standing(&self, now: Duration) -> Standing {
        let until = self.until.load(Ordering::Acquire);
        match until.checked_sub(1).map(Duration::from_millis) {
            None => Standing::Healthy,
            Some(until) if until > now => Standing::Cooling(until),
            Some(_) => Standing::Probation { taken: self.probing.load(Ordering::Acquire) },
        }
    }

    /// Lets a call in: whether it is the one that tries the deployment out. `None` for a call that has to keep away;
    /// `beside` lets it in though another is trying.
    pub(super) fn enter(&self, now: Duration, beside: bool) -> Option<bool> {
        match self.standing(now) {
            Standing::Healthy => Some(false),
            Standing::Cooling(_) => None,
            Standing::Probation { .. } => match self.probing.swap(true, Ordering::AcqRel) {
                false => Some(true),
                true => beside.then_some(false),
            },
        }
    }

    /// The call that tries it out has ended, however it did.
    pub(super) fn leave(&self) {
        self.probing.store(false, Ordering::Release);
    }

    /// It has answered. Whether that ends its probation.
    pub(super) fn answered(&self, now: Duration) -> bool {
        self.answers.take(minute(now), 1, None);
        let until = self.until.load(Ordering::Acquire);
        let over = until.checked_sub(1).is_some_and(|until| Duration::from_millis(until) <= now);
        over && self.until.compare_exchange(until, 0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether it cools down by somebody's word, who knows better than a probe.
    pub(super) fn is_told(&self, now: Duration) -> bool {
        matches!(self.standing(now), Standing::Cooling(_)) && self.told.load(Ordering::Acquire)
    }

    pub(super) fn set_told(&self, told: bool) {
        self.told.store(told, Ordering::Release);
    }

    /// How it stands, to be given to [`recover`](Self::recover).
    pub(super) fn mark(&self) -> u64 {
        self.until.load(Ordering::Acquire)
    }

    /// It has answered a probe: it is healthy, if nothing has happened since it was asked. Whether it was not before.
    pub(super) fn recover(&self, mark: u64) -> bool {
        mark != 0 && self.until.compare_exchange(mark, 0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Cools it down until then, at least.
    pub(super) fn cool(&self, until: Duration) {
        let millis = u64::try_from(until.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        self.until.fetch_max(millis, Ordering::AcqRel);
    }
}

/// Whether a failure is a deployment's own, so that it says something about its health. A call's own mistakes do not,
/// nor what its content or its deadline brought about.
fn tells(error: &Error, own_deadline: bool) -> bool {
    match error.kind() {
        ErrorKind::Timeout => !own_deadline,
        ErrorKind::Authentication
        | ErrorKind::PaymentRequired
        | ErrorKind::NotFound
        | ErrorKind::RateLimited
        | ErrorKind::Connection
        | ErrorKind::Unavailable
        | ErrorKind::InvalidResponse
        | ErrorKind::StreamInterrupted => true,
        _ => false,
    }
}

/// A deployment has failed: how long it is to cool down for, if it is.
///
/// `others` says whether another deployment of its group is healthy: the last one is never cooled. There is one
/// exception, which is the provider's own word: a `Retry-After` that calls can wait for holds for the last one too.
pub(super) fn failed(
    slot: &Slot,
    error: &Error,
    own_deadline: bool,
    rules: &Rules,
    now: Duration,
    others: impl FnOnce() -> bool,
) -> Option<Duration> {
    let (health, deployment) = (&slot.state.health, &slot.deployment);
    if !tells(error, own_deadline) || deployment.model_name == "*" {
        return None;
    }
    health.failures.take(minute(now), 1, None);
    let asked = error.retry_after().filter(|_| error.kind() == ErrorKind::RateLimited);
    let time = cooldown(deployment, error, rules);
    if time.is_zero() || !rules.cooldowns {
        return None;
    }
    let others = others();
    let on_probation = matches!(health.standing(now), Standing::Probation { .. });
    let due = on_probation || is_due(health, error, deployment, rules, now, time);
    let waits = asked.is_some_and(|asked| asked <= rules.pauses.longest_wait);
    let cools = due && (others || waits);
    if cools {
        health.set_told(error.retry_after().is_some());
    }
    cools.then_some(time)
}

/// A deployment has failed a probe: how long it is to cool down for, if it is; until the next one at least.
pub(super) fn failed_probe(
    slot: &Slot,
    error: &Error,
    rules: &Rules,
    next: Duration,
    others: impl FnOnce() -> bool,
) -> Option<Duration> {
    let cools = tells(error, false) && rules.cooldowns && slot.deployment.model_name != "*" && others();
    if cools {
        slot.state.health.set_told(error.retry_after().is_some());
    }
    cools.then(|| cooldown(&slot.deployment, error, rules).max(next))
}

/// Whether an error is the answer of a deployment that is well, to a question that it does not like.
pub(super) fn answers(error: &Error) -> bool {
    let of_the_question =
        [ErrorKind::InvalidRequest, ErrorKind::ContentPolicy, ErrorKind::ContextWindowExceeded].contains(&error.kind());
    of_the_question && error.status().is_some()
}

/// How long a cooldown is: the deployment's own, else what the provider asks for, else the router's.
fn cooldown(deployment: &Deployment, error: &Error, rules: &Rules) -> Duration {
    let asked = error.retry_after().filter(|asked| !asked.is_zero()).map(|asked| asked.min(LONGEST));
    deployment.cooldown_time.or(asked).unwrap_or(rules.cooldown_time)
}

/// Whether failures have come to where a deployment is cooled.
fn is_due(
    health: &Health,
    error: &Error,
    deployment: &Deployment,
    rules: &Rules,
    now: Duration,
    time: Duration,
) -> bool {
    let kind = error.kind();
    let of_kind = rules.allowed_fails_of(kind);
    if let Some(allowed) = deployment.allowed_fails.or(of_kind).or(rules.allowed_fails) {
        return health.allowed.count(now, time) > u64::from(allowed);
    }
    match kind {
        ErrorKind::RateLimited | ErrorKind::Authentication | ErrorKind::PaymentRequired | ErrorKind::NotFound => true,
        _ => {
            let minute = minute(now);
            let (failed, answered) = (health.failures.read(minute), health.answers.read(minute));
            failed.saturating_add(answered) >= TELLING && failed > answered
        }
    }
}

/// Failures that are forgotten together, when the time of a cooldown has passed since the first.
#[derive(Debug, Default)]
struct Allowed {
    since: AtomicU64,
    count: AtomicU64,
}

impl Allowed {
    /// Counts one more.
    fn count(&self, now: Duration, time: Duration) -> u64 {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(self.since.load(Ordering::Acquire)) >= time {
            self.since.store(now, Ordering::Release);
            self.count.store(0, Ordering::Release);
        }
        self.count.fetch_add(1, Ordering::AcqRel).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::slot;
    use super::*;
    use http::StatusCode;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "no").with_status(StatusCode::IM_A_TEAPOT)
    }

    fn cooled(slot: &Slot, error: &Error, others: bool) -> Option<Duration> {
        failed(slot, error, false, &Rules::default(), at(1), || others)
    }

    #[test]
    fn a_rate_limit_or_a_refused_key_cools_at_once() {
        for kind in [ErrorKind::RateLimited, ErrorKind::Authentication, ErrorKind::NotFound] {
            assert_eq!(cooled(&slot("a"), &error(kind), true), Some(at(5)), "{kind}");
            assert_eq!(cooled(&slot("a"), &error(kind), false), None, "the last healthy one: {kind}");
        }
    }

    #[test]
    fn a_calls_own_mistake_cools_nothing() {
        let kinds = [
            ErrorKind::InvalidRequest,
            ErrorKind::Unsupported,
            ErrorKind::ContextWindowExceeded,
            ErrorKind::ContentPolicy,
            ErrorKind::PermissionDenied,
        ];
        for kind in kinds {
            let slot = slot("a");
            assert!((0..50).all(|_| cooled(&slot, &error(kind), true).is_none()), "{kind}");
        }
        let slot = slot("a");
        let timeout = error(ErrorKind::Timeout);
        assert!((0..50).all(|_| failed(&slot, &timeout, true, &Rules::default(), at(1), || true).is_none()));
    }

    #[test]
    fn faults_cool_when_they_are_more_than_half_of_at_least_five_calls() {
        let slot = slot("a");
        (0..3).for_each(|_| assert!(!slot.state.health.answered(at(1))));
        let fault = error(ErrorKind::Unavailable);
        let verdicts: Vec<bool> = (0..5).map(|_| cooled(&slot, &fault, true).is_some()).collect();
        assert_eq!(verdicts, [false, false, false, true, true]);
    }

    #[test]
    fn allowed_fails_are_counted_for_the_time_of_a_cooldown() {
        let mut rules = Rules { allowed_fails: Some(2), ..Rules::default() };
        let slot = slot("a");
        let fault = error(ErrorKind::Unavailable);
        let fail = |rules: &Rules, now| failed(&slot, &fault, false, rules, at(now), || true).is_some();
        assert_eq!([fail(&rules, 10), fail(&rules, 11), fail(&rules, 12)], [false, false, true]);
        assert!(!fail(&rules, 16));
        rules.allowed_fails_by_kind.push((ErrorKind::Unavailable, 0));
        assert!(fail(&rules, 17));
    }

    #[test]
    fn the_providers_own_word_holds_for_the_last_one_too() {
        let limited = |seconds| error(ErrorKind::RateLimited).with_retry_after(at(seconds));
        assert_eq!(cooled(&slot("a"), &limited(20), false), Some(at(20)));
        assert_eq!(cooled(&slot("a"), &limited(600), false), None);
        assert_eq!(cooled(&slot("a"), &limited(600), true), Some(at(600)));
    }

    #[test]
    fn after_its_cooldown_one_call_tries_a_deployment_out() {
        let health = Health::default();
        health.cool(at(5));
        assert_eq!(health.standing(at(4)), Standing::Cooling(at(5)));
        assert_eq!(health.standing(at(5)), Standing::Probation { taken: false });
        assert_eq!((health.enter(at(4), true), health.enter(at(5), false)), (None, Some(true)));
        assert_eq!((health.enter(at(5), false), health.enter(at(5), true)), (None, Some(false)));
        assert_eq!(health.standing(at(6)), Standing::Probation { taken: true });
        health.leave();
        assert_eq!(health.enter(at(6), false), Some(true));
        assert!(health.answered(at(7)));
        assert_eq!(health.standing(at(7)), Standing::Healthy);
    }

    #[test]
    fn an_answer_to_an_older_call_does_not_end_a_cooldown() {
        let health = Health::default();
        health.cool(at(5));
        assert!(!health.answered(at(2)));
        assert_eq!(health.standing(at(2)), Standing::Cooling(at(5)));
    }

    #[test]
    fn a_failure_on_probation_cools_again() {
        let slot = slot("a");
        slot.state.health.cool(Duration::from_millis(500));
        assert!(cooled(&slot, &error(ErrorKind::Unavailable), true).is_some());
    }
}
