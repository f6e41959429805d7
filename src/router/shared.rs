//! What a router hears of other processes: which deployments they saw fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::health::Standing;
use super::limits::SharedLimits;
use super::{Inner, RouterEvent};
use crate::error::{Error, ErrorKind};

/// The longest that calls go on without asking, in milliseconds.
const ASKED_EVERY: u64 = 500;

/// What is kept together with other processes.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: Arc<dyn SharedLimits>,
    /// When cooldowns are asked for next, in milliseconds.
    next: AtomicU64,
}

impl Shared {
    pub(super) fn new(limits: Arc<dyn SharedLimits>) -> Self {
        Self { limits, next: AtomicU64::new(0) }
    }

    /// Whether it is time to ask. One caller is told so.
    fn is_time(&self, now: Duration) -> bool {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Acquire);
        let (due, then) = (next <= now, now.saturating_add(ASKED_EVERY));
        due && self.next.compare_exchange(next, then, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Inner {
    /// Asks which deployments other processes have cooled, if it is time to. No call waits for the answer.
    pub(super) fn hear_of_cooldowns(self: &Arc<Self>) {
        let due = |shared: &&Shared| self.rules.cooldowns && shared.is_time(self.now());
        let Some(shared) = self.shared.as_ref().filter(due) else { return };
        let (router, limits) = (Arc::downgrade(self), Arc::clone(&shared.limits));
        tokio::spawn(async move {
            let cooling = limits.cooling().await;
            let Some(router) = router.upgrade() else { return };
            cooling.iter().for_each(|(id, left)| router.heed(id, *left));
        });
    }

    /// Another process has cooled a deployment. It rests here too, unless it is the last healthy one.
    fn heed(&self, id: &str, left: Duration) {
        let (table, now) = (self.table(), self.now());
        let Some(slot) = table.slots.iter().find(|slot| *slot.id == *id) else { return };
        let heeded = self.cool_here(slot, now, || {
            let health = &slot.state.health;
            let heeds = health.standing(now) == Standing::Healthy && table.has_another_healthy(slot, now);
            if heeds {
                health.set_told(true);
            }
            heeds.then_some(left)
        });
        if let Some(time) = heeded {
            let error = Error::new(ErrorKind::Unavailable, "another process saw this deployment fail");
            self.tell(&RouterEvent::Cooled { deployment: &slot.id, time, error: &error });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{Denied, Deployment, Reservation};

    #[derive(Debug)]
    struct Nothing;

    #[async_trait::async_trait]
    impl SharedLimits for Nothing {
        async fn reserve(&self, _: &str, _: &Deployment, _: u64) -> Result<Box<dyn Reservation>, Denied> {
            Err(Denied::Never)
        }
    }

    #[test]
    fn one_call_asks_twice_a_second() {
        let shared = Shared::new(Arc::new(Nothing));
        let asked = [0, 1, 499, 500, 501, 5000].map(|at| shared.is_time(Duration::from_millis(at)));
        assert_eq!(asked, [true, false, false, true, false, true]);
    }
}
