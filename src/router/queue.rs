//! Who is next where there is no room: calls that wait, the more urgent first, and of the same urgency the first to come.
//!
//! A call waits in line at each deployment that could take it. Nobody goes in before one whose turn is sooner and who
//! could go in now, be it a call that has just come or one that tries again; so room is never left unused for one that
//! it is not enough for, and nobody who fits is passed by. Room that comes calls one: the first that it is enough for.
//! One that leaves its line, because it went in elsewhere or because its caller went away, calls the next.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::Inner;
use super::filter::room;
use super::slot::Slot;

/// How long one that was called is waited for. Its caller may have stopped to poll it.
const PATIENCE: u64 = 100;
/// The longest wait without a look whether there is room, though whoever makes room calls.
const LONGEST: Duration = Duration::from_secs(1);

/// When a call goes in: the lower the sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    priority: i32,
    /// Those that wait are numbered as they come; one that has just come is behind them.
    number: u64,
}

impl Turn {
    pub(super) fn new(priority: i32) -> Self {
        Self { priority, number: u64::MAX }
    }
}

/// All that wait at a router.
#[derive(Debug)]
pub(super) struct Queue {
    most: usize,
    next: AtomicU64,
    waiting: Mutex<BTreeMap<Turn, Arc<Waiter>>>,
}

/// Those that wait at one deployment.
#[derive(Debug, Default)]
pub(super) struct Line {
    length: AtomicUsize,
    waiters: Mutex<BTreeMap<Turn, Arc<Waiter>>>,
}

#[derive(Debug)]
struct Waiter {
    tokens: u64,
    wake: Notify,
    /// When it was called, in milliseconds and one more; 0 while it has not been.
    called: AtomicU64,
    /// Whether it had to make room for one that is more urgent.
    ousted: AtomicBool,
}

impl Waiter {
    /// Whether it goes in when it can.
    fn comes(&self, now: u64) -> bool {
        let called = self.called.load(Ordering::Acquire);
        !self.ousted.load(Ordering::Acquire) && (called == 0 || now < called.saturating_add(PATIENCE))
    }
}

impl Queue {
    /// One in which so many can wait at most.
    pub(super) fn new(most: usize) -> Self {
        Self { most, next: AtomicU64::new(0), waiting: Mutex::default() }
    }

    /// How many wait.
    pub(super) fn length(&self) -> usize {
        lock(&self.waiting).len()
    }

    /// Lets one in, for whom the last has to go where that is less urgent and the queue is full.
    fn admit(&self, turn: Turn, waiter: &Arc<Waiter>) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= self.most {
            let Some(last) = waiting.last_entry().filter(|last| *last.key() > turn) else { return false };
            let last = last.remove();
            last.ousted.store(true, Ordering::Release);
            last.wake.notify_one();
        }
        waiting.insert(turn, Arc::clone(waiter));
        true
    }
}

impl Line {
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.length.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<Turn, Arc<Waiter>>)) {
        let mut waiters = lock(&self.waiters);
        change(&mut waiters);
        self.length.store(waiters.len(), Ordering::Release);
    }

    /// Calls all of them: what they wait for is not there any more.
    pub(super) fn disband(&self) {
        lock(&self.waiters).values().for_each(|waiter| waiter.wake.notify_one());
    }
}

impl Slot {
    /// Whether one whose turn is sooner waits here and could go in now. Asked of each deployment for each call, and
    /// nearly always nobody waits.
    #[inline]
    pub(super) fn is_wanted_before(&self, turn: Turn, now: Duration) -> bool {
        self.state.line.length() != 0 && self.has_one_before(turn, now)
    }

    #[cold]
    fn has_one_before(&self, turn: Turn, now: Duration) -> bool {
        let fits = |waiter: &Waiter| waiter.comes(millis(now)) && room(self, waiter.tokens, now).is_ok();
        lock(&self.state.line.waiters).range(..turn).any(|(_, waiter)| fits(waiter))
    }

    /// There may be room: calls the first that it is enough for.
    pub(super) fn call_next(&self, now: Duration) {
        self.call_next_but(None, now);
    }

    fn call_next_but(&self, but: Option<Turn>, now: Duration) {
        // Either this sees one that joins its line, or that one sees the room.
        fence(Ordering::SeqCst);
        let line = &self.state.line;
        if line.length() == 0 || room(self, 0, now).is_err() {
            return;
        }
        let fits = |waiter: &Waiter| waiter.comes(millis(now)) && room(self, waiter.tokens, now).is_ok();
        let waiters = lock(&line.waiters);
        if let Some((turn, waiter)) = waiters.iter().find(|(_, waiter)| fits(waiter))
            && Some(*turn) != but
            && waiter.called.compare_exchange(0, millis(now), Ordering::AcqRel, Ordering::Acquire).is_ok()
        {
            waiter.wake.notify_one();
        }
    }
}

/// A call's place in the queue. Dropping it leaves the queue.
pub(super) struct Place {
    router: Arc<Inner>,
    turn: Turn,
    waiter: Arc<Waiter>,
    slots: Vec<Arc<Slot>>,
    /// Whether it has been called since it last waited.
    called: bool,
}

impl Place {
    /// Joins the lines of these deployments. Whoever joins has to look for room once more before it waits. `None` where
    /// too many wait.
    pub(super) fn join(router: &Arc<Inner>, turn: Turn, tokens: u64, slots: Vec<Arc<Slot>>) -> Option<Self> {
        let number = || router.queue.next.fetch_add(1, Ordering::Relaxed);
        let turn = if turn.number == u64::MAX { Turn { number: number(), ..turn } } else { turn };
        let (wake, called, ousted) = (Notify::new(), AtomicU64::new(0), AtomicBool::new(false));
        let waiter = Arc::new(Waiter { tokens, wake, called, ousted });
        if !router.queue.admit(turn, &waiter) {
            return None;
        }
        let mut place = Self { router: Arc::clone(router), turn, waiter, slots: Vec::new(), called: false };
        place.stand(slots);
        Some(place)
    }

    pub(super) fn turn(&self) -> Turn {
        self.turn
    }

    /// Stands in the lines of these deployments from now on. Whether they are others than before: then it has to look for
    /// room once more.
    pub(super) fn stand(&mut self, slots: Vec<Arc<Slot>>) -> bool {
        let among = |slot: &Arc<Slot>, slots: &[Arc<Slot>]| slots.iter().any(|other| Arc::ptr_eq(other, slot));
        let same = |(one, other): (&Arc<Slot>, &Arc<Slot>)| Arc::ptr_eq(one, other);
        if slots.len() == self.slots.len() && slots.iter().zip(&self.slots).all(same) {
            return false;
        }
        let before = std::mem::replace(&mut self.slots, slots);
        for slot in before.iter().filter(|slot| !among(slot, &self.slots)) {
            self.leave(slot);
        }
        for slot in self.slots.iter().filter(|slot| !among(slot, &before)) {
            slot.state.line.change(|line| drop(line.insert(self.turn, Arc::clone(&self.waiter))));
        }
        fence(Ordering::SeqCst);
        true
    }

    /// Waits until it is called, for so long at most. `false` where it had to make room for one that is more urgent.
    pub(super) async fn wait(&mut self, pause: Duration) -> bool {
        if std::mem::take(&mut self.called) {
            // The room was not for this one after all. It may be enough for another.
            let now = self.router.now();
            self.slots.iter().for_each(|slot| slot.call_next_but(Some(self.turn), now));
        }
        let woken = timeout(pause.min(LONGEST), self.waiter.wake.notified()).await.is_ok();
        self.called = self.waiter.called.swap(0, Ordering::AcqRel) != 0 || woken;
        !self.waiter.ousted.load(Ordering::Acquire)
    }

    fn leave(&self, slot: &Slot) {
        slot.state.line.change(|line| drop(line.remove(&self.turn)));
        slot.call_next(self.router.now());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.router.queue.waiting).remove(&self.turn);
        self.slots.iter().for_each(|slot| self.leave(slot));
    }
}

fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
