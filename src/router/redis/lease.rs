//! Places in flight: renewed while their calls go on, so that those of a process that died come back by themselves.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::Inner;
use crate::router::limits::Reservation;

/// In one lease's time it is renewed so often.
const BEATS: u32 = 3;
/// How many ends are kept for later; the others wait until their leases end by themselves.
const MOST_OWED: usize = 10_000;

/// The leases of this process.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<Flying>);

#[derive(Debug, Default)]
struct Flying {
    /// The keys of each.
    leases: HashMap<u64, Arc<Keys>>,
    next: u64,
    /// Whether a task renews them.
    beating: bool,
    /// Those whose end Redis could not be told, the oldest first, with when they have ended by themselves.
    owed: VecDeque<(Instant, Ended)>,
}

/// The end of a lease.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) keys: Arc<Keys>,
    pub(super) number: u64,
    pub(super) minute: u64,
    /// To give back.
    pub(super) requests: u64,
    /// To add.
    pub(super) tokens: i64,
}

/// Where a deployment's state is.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) usage: String,
    pub(super) flying: String,
}

/// One call's room. Whatever becomes of the call, dropping it tells Redis.
pub(super) struct Lease {
    limits: Arc<Inner>,
    keys: Arc<Keys>,
    number: u64,
    /// The minute in which room was taken, by Redis's clock; 0 where that is not known.
    pub(super) minute: u64,
    /// Whether Redis may know of it.
    pub(super) is_there: bool,
    tokens: u64,
    end: End,
    runtime: Option<Handle>,
}

/// How a lease ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Nothing was taken.
    Refused,
    /// Nothing was sent.
    Unsent,
    /// The call came to so many tokens, if that is known.
    Used(Option<u64>),
}

impl Lease {
    pub(super) fn new(limits: &Arc<Inner>, keys: Keys, tokens: u64) -> Self {
        let (keys, runtime) = (Arc::new(keys), Handle::try_current().ok());
        let mut flying = limits.leases.lock();
        let number = flying.next;
        flying.next = number.wrapping_add(1);
        flying.leases.insert(number, Arc::clone(&keys));
        if let Some(runtime) = runtime.as_ref().filter(|_| !flying.beating) {
            flying.beating = true;
            let beat = Beat(Arc::downgrade(limits));
            runtime.spawn(beat.go_on(limits.lease.checked_div(BEATS).unwrap_or(limits.lease)));
        }
        drop(flying);
        Self { limits: Arc::clone(limits), keys, number, minute: 0, is_there: true, tokens, end: End::Unsent, runtime }
    }

    pub(super) fn name(&self) -> String {
        self.limits.name(self.number)
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// There was no room: nothing is to be given back.
    pub(super) fn refused(mut self) {
        self.end = End::Refused;
    }
}

impl Reservation for Lease {
    fn settle(mut self: Box<Self>, used: Option<u64>) {
        self.end = End::Used(used);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.limits.leases.lock().leases.remove(&self.number);
        let tokens = i64::try_from(self.tokens).unwrap_or(i64::MAX);
        let (requests, tokens) = match self.end {
            End::Refused => return,
            End::Unsent => (1, tokens.saturating_neg()),
            End::Used(Some(used)) => (0, i64::try_from(used).unwrap_or(i64::MAX).saturating_sub(tokens)),
            End::Used(None) => (0, 0),
        };
        let (limits, keys) = (Arc::clone(&self.limits), Arc::clone(&self.keys));
        let ended = Ended { keys, number: self.number, minute: self.minute, requests, tokens };
        let is_there = self.is_there;
        let tell = async move {
            if !limits.tell(&ended).await && is_there {
                limits.leases.owe(ended, limits.lease);
            }
        };
        if let Some(runtime) = &self.runtime {
            runtime.spawn(tell);
        }
    }
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, Flying> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owe(&self, ended: Ended, lease: Duration) {
        let mut flying = self.lock();
        if flying.owed.len() < MOST_OWED
            && let Some(by_itself) = Instant::now().checked_add(lease)
        {
            flying.owed.push_back((by_itself, ended));
        }
    }

    /// The next that Redis is to be told.
    fn owed(&self) -> Option<(Instant, Ended)> {
        let (mut flying, now) = (self.lock(), Instant::now());
        while let Some((by_itself, ended)) = flying.owed.pop_front() {
            if by_itself > now {
                return Some((by_itself, ended));
            }
        }
        None
    }
}

/// What renews leases. While there is one, its `Drop` says when there is none any more: also when the runtime ends.
struct Beat(Weak<Inner>);

impl Beat {
    async fn go_on(self, every: Duration) {
        loop {
            sleep(every).await;
            let Some(limits) = self.0.upgrade() else { return };
            while let Some((by_itself, ended)) = limits.leases.owed() {
                if !limits.tell(&ended).await {
                    limits.leases.lock().owed.push_front((by_itself, ended));
                    break;
                }
            }
            let mut deployments: HashMap<String, (Arc<Keys>, Vec<u64>)> = HashMap::new();
            for (number, keys) in &limits.leases.lock().leases {
                let deployment = deployments.entry(keys.flying.clone());
                deployment.or_insert_with(|| (Arc::clone(keys), Vec::new())).1.push(*number);
            }
            for (keys, numbers) in deployments.into_values() {
                let names: Vec<String> = numbers.iter().map(|number| limits.name(*number)).collect();
                limits.renew(&keys, &names).await;
                // The end of a call may have come before its renewal, which then brought its lease back.
                let flies = |number: &u64| limits.leases.lock().leases.contains_key(number);
                for ended in numbers.iter().filter(|number| !flies(number)) {
                    let keys = Arc::clone(&keys);
                    limits.tell(&Ended { keys, number: *ended, minute: 0, requests: 0, tokens: 0 }).await;
                }
            }
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        if let Some(limits) = self.0.upgrade() {
            limits.leases.lock().beating = false;
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("keys", &self.keys).field("number", &self.number).finish_non_exhaustive()
    }
}
