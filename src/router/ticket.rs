//! The place of one try at its deployment, given back however the try ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::limits::{Denied, Reservation, SharedLimits, minute};
use super::slot::Slot;

/// A place at a deployment: in flight, in its limits, and, on probation, as the one call that tries it out. Dropping it
/// gives the place back, so a caller that goes away leaves nothing behind.
pub(super) struct Ticket {
    slot: Arc<Slot>,
    epoch: Instant,
    minute: u64,
    taken: u64,
    /// How many tokens it came to, once that is known.
    pub(super) used: Option<u64>,
    probe: bool,
    /// Whether it was taken to its end: until then nothing is sent.
    whole: bool,
    shared: Option<Box<dyn Reservation>>,
}

/// How a place is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Not while the deployment cools down, nor while another call tries it out.
    Usual,
    /// Also while another call tries it out.
    Beside,
    /// However it stands: to see how it is.
    Probe,
}

impl Ticket {
    /// Takes a place.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn take(
        slot: &Arc<Slot>,
        entry: Entry,
        tokens: u64,
        now: Duration,
        epoch: Instant,
        shared: Option<&dyn SharedLimits>,
    ) -> Result<Self, Denied> {
        let state = &slot.state;
        state.usage.reserve(&slot.deployment, tokens, now)?;
        let mut ticket = Self {
            slot: Arc::clone(slot),
            epoch,
            minute: minute(now),
            taken: tokens,
            used: None,
            probe: false,
            whole: false,
            shared: None,
        };
        ticket.probe = match (entry, state.health.enter(now, entry != Entry::Usual)) {
            (_, Some(tries)) => tries,
            (Entry::Probe, None) => false,
            (_, None) => return Err(Denied::Busy),
        };
        let deployment = &slot.deployment;
        let limited =
            deployment.rpm.is_some() || deployment.tpm.is_some() || deployment.max_parallel_requests.is_some();
        if let Some(shared) = shared.filter(|_| limited) {
            ticket.shared = Some(shared.reserve(&slot.id, deployment, tokens).await?);
        }
        ticket.whole = true;
        Ok(ticket)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let usage = &self.slot.state.usage;
        if !self.whole {
            usage.requests.settle(self.minute, 1, 0);
            self.used = Some(0);
        }
        if let Some(used) = self.used {
            usage.tokens.settle(self.minute, self.taken, used);
        }
        usage.leave();
        if self.probe {
            self.slot.state.health.leave();
        }
        if let Some(shared) = self.shared.take() {
            shared.settle(self.used);
        }
        self.slot.call_next(self.epoch.elapsed());
    }
}
