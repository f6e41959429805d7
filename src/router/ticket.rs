//! The place of one try at its deployment, given back however the try ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::limits::{Denied, SharedLimits, minute};
use super::slot::Slot;

/// A place at a deployment: in flight, in its limits, and, on probation, as the one call that tries it out. Dropping it
/// gives the place back, so a caller that goes away leaves nothing behind.
pub(super) struct Ticket {
    slot: Arc<Slot>,
    room: Arc<Notify>,
    minute: u64,
    taken: u64,
    /// How many tokens it came to, once that is known.
    pub(super) used: Option<u64>,
    probe: bool,
    shared: Option<Arc<dyn SharedLimits>>,
}

impl Ticket {
    /// Takes a place.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn take(
        slot: &Arc<Slot>,
        beside: bool,
        tokens: u64,
        now: Duration,
        room: &Arc<Notify>,
        shared: Option<&Arc<dyn SharedLimits>>,
    ) -> Result<Self, Denied> {
        let state = &slot.state;
        state.usage.reserve(&slot.deployment, tokens, now)?;
        let mut ticket = Self {
            slot: Arc::clone(slot),
            room: Arc::clone(room),
            minute: minute(now),
            taken: tokens,
            used: None,
            probe: false,
            shared: None,
        };
        match state.health.enter(now, beside) {
            Some(probe) => ticket.probe = probe,
            None => {
                ticket.undo();
                return Err(Denied::Busy);
            }
        }
        let deployment = &slot.deployment;
        let limited =
            deployment.rpm.is_some() || deployment.tpm.is_some() || deployment.max_parallel_requests.is_some();
        if let Some(shared) = shared.filter(|_| limited) {
            if let Err(denied) = shared.reserve(&slot.id, deployment, tokens).await {
                ticket.undo();
                return Err(denied);
            }
            ticket.shared = Some(Arc::clone(shared));
        }
        Ok(ticket)
    }

    /// Nothing was sent.
    fn undo(&mut self) {
        self.slot.state.usage.requests.settle(self.minute, 1, 0);
        self.used = Some(0);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let state = &self.slot.state;
        if let Some(used) = self.used {
            state.usage.tokens.settle(self.minute, self.taken, used);
        }
        state.usage.leave();
        if self.probe {
            state.health.leave();
        }
        if let (Some(shared), Ok(runtime)) = (self.shared.take(), Handle::try_current()) {
            let (slot, taken, used) = (Arc::clone(&self.slot), self.taken, self.used);
            runtime.spawn(async move { shared.settle(&slot.id, &slot.deployment, taken, used).await });
        }
        self.room.notify_waiters();
    }
}
