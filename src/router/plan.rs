//! What to try next: one plan for each call, so that attempts never multiply.
//!
//! A plan knows no clock, dice or network. It is asked for the next [`Step`], told how that failed, and asked again,
//! until the call has its reply or the plan gives up. In a group it goes from one deployment to another without a
//! pause, then to the next `order`, and waits only when all have been tried; then it leaves for the fallbacks of what
//! the call failed of. Each of these has an end: retries, orders, and groups, of which none is visited twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Dice;
use super::filter::{Demand, room, suiting};
use super::health::Standing;
use super::limits::Denied;
use super::queue::Turn;
use super::rules::{Blame, Cause, Rules};
use super::slot::Slot;
use super::strategy::{Candidate, Strategy};
use super::table::{Found, Table};
use crate::client::{Fallback, RetryPolicy};
use crate::error::{Error, ErrorKind};

/// How soon to look again for room that comes when another process's call ends.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What to do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Ask this deployment.
    Try(Choice),
    /// Wait so long, and ask again what to do.
    Wait(Duration),
    /// Wait for room at one of these, for so long at most, and ask again what to do.
    Queue(Vec<Arc<Slot>>, Duration),
    /// Nothing is left to try.
    GiveUp,
}

/// A deployment to ask.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) slot: Arc<Slot>,
    /// The model, where the deployment does not say it by itself.
    pub(super) model: Option<String>,
    pub(super) group: Arc<str>,
    /// What of the call is different here.
    pub(super) changes: Changes,
    place: usize,
    visit: u32,
    /// Whether it is one of the retries.
    pub(super) retry: bool,
    /// Whether it goes to a deployment that another call is trying out, as there is no other.
    pub(super) beside: bool,
}

/// The plan of one call.
#[derive(Debug)]
pub(super) struct Plan {
    table: Arc<Table>,
    rules: Arc<Rules>,
    strategy: Arc<dyn Strategy>,
    /// What the call asks for in the group that is visited, and in all where nothing is changed.
    pub(super) demand: Demand,
    home: Demand,
    own: Own,
    /// When the call's turn is, where it has to wait for room.
    pub(super) turn: Turn,
    visit: Option<Visit>,
    visits: u32,
    /// Groups still to be visited.
    targets: VecDeque<Arc<Fallback>>,
    visited: Vec<(String, Changes)>,
    /// Groups that were left untried because none of them had room, with when one has.
    skipped: Vec<(Found, Changes, Duration)>,
    /// The groups between which the call last moved.
    moved: Option<(Arc<str>, Arc<str>)>,
    /// When a deployment has room again, where none had.
    back: Option<Duration>,
    /// Why no deployment could be asked.
    refusal: Option<Error>,
}

/// What a call says of its own plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// Groups to fall back to, instead of those of the rules.
    pub(super) fallbacks: Vec<Arc<Fallback>>,
    /// Whether it stays in its group whatever happens.
    pub(super) stays: bool,
    pub(super) deadline: Option<Duration>,
    pub(super) priority: i32,
}

/// What is different in a group; `None` for nothing.
pub(super) type Changes = Option<Arc<Fallback>>;

/// What a call asks for when this is changed.
pub(super) type Changed<'a> = &'a dyn Fn(&Fallback) -> Demand;

/// The time in one group.
#[derive(Debug)]
struct Visit {
    found: Found,
    changes: Changes,
    /// The places that suit the call; `None` for all.
    suiting: Option<Vec<usize>>,
    level: usize,
    attempts: u32,
    retries: u32,
    /// How many retries the last failure allows.
    allowed: u32,
    tried: Vec<Tried>,
    /// Places that had room when they were chosen, and none when it was to be taken, with when to look again.
    held: Vec<(usize, Duration)>,
    cause: Cause,
    /// Whether nothing in this group can help.
    over: bool,
    /// Whether it is the last hope: there is nowhere else to go.
    last: bool,
    /// When one of it has room again, where none had.
    back: Option<Duration>,
}

#[derive(Debug)]
struct Tried {
    place: usize,
    /// From when on it can be tried again; `None` for not in this call.
    again: Option<Duration>,
}

/// The places of a level that have not been tried.
#[derive(Default)]
struct Fresh {
    /// Those with room.
    open: Vec<usize>,
    /// Those that another call is trying out.
    taken: Vec<usize>,
    later: Later,
}

/// What there is to wait for.
#[derive(Default)]
struct Later {
    /// When the first is there by the clock.
    back: Option<Duration>,
    /// Places that have no room now and can have some.
    line: Vec<usize>,
    /// Whether one of them has some when a call ends.
    busy: bool,
}

impl Later {
    fn add(&mut self, place: usize, denied: Denied, now: Duration) {
        match denied {
            Denied::For(wait) => self.back = sooner(self.back, Some(now.saturating_add(wait))),
            Denied::Busy => self.busy = true,
            Denied::Never | Denied::Unavailable => return,
        }
        self.line.push(place);
    }

    fn join(&mut self, other: Self) {
        self.back = sooner(self.back, other.back);
        self.line.extend(other.line);
        self.busy |= other.busy;
    }

    /// When the first can be there.
    fn soonest(&self, now: Duration) -> Option<Duration> {
        sooner(self.back, self.busy.then(|| now.saturating_add(LOOK_AGAIN)))
    }
}

impl Visit {
    fn holds(&self, place: usize, now: Duration) -> bool {
        self.held.iter().any(|(held, until)| *held == place && *until > now)
    }

    fn suits(&self, place: usize) -> bool {
        self.suiting.as_ref().is_none_or(|suiting| suiting.binary_search(&place).is_ok())
    }
}

impl Plan {
    pub(super) fn new(
        table: Arc<Table>,
        rules: Arc<Rules>,
        strategy: Arc<dyn Strategy>,
        start: Option<Found>,
        demand: Demand,
        own: Own,
    ) -> Self {
        let lost = start.is_none() && !own.stays;
        let targets = if lost { rules.default_fallbacks.iter().cloned().collect() } else { VecDeque::new() };
        let mut plan = Self {
            table,
            rules,
            strategy,
            home: demand.clone(),
            demand,
            turn: Turn::new(own.priority),
            own,
            visit: None,
            visits: 0,
            targets,
            visited: Vec::new(),
            skipped: Vec::new(),
            moved: None,
            back: None,
            refusal: None,
        };
        if let Some(start) = start {
            plan.enter(start, None, false);
        }
        plan
    }

    /// What to do next.
    pub(super) fn next(&mut self, now: Duration, dice: &mut Dice, changed: Changed<'_>) -> Step {
        if self.own.deadline.is_some_and(|deadline| deadline <= now) {
            return Step::GiveUp;
        }
        loop {
            if let Some(step) = self.step(now, dice) {
                return step;
            }
            self.leave();
            if !self.advance(changed) {
                return Step::GiveUp;
            }
        }
    }

    /// A deployment has failed. `dice` is a number from 0 to 1, for the pause.
    pub(super) fn failed(&mut self, choice: &Choice, error: &Error, now: Duration, dice: f64) {
        let Some(visit) = self.visit.as_mut().filter(|_| choice.visit == self.visits) else { return };
        let (blame, policy) = (Blame::of(error), self.rules.retries_of(error.kind()));
        let of_deployment = choice.slot.deployment.num_retries;
        visit.allowed = match (self.demand.num_retries, policy) {
            (Some(0), _) => 0,
            (_, Some(policy)) => policy,
            (own, None) => own.or(of_deployment).unwrap_or(self.rules.num_retries),
        };
        visit.cause = Cause::of(error);
        visit.over = blame == Blame::Call && policy.is_none();
        let pauses = RetryPolicy { max_retries: u32::MAX, ..self.rules.pauses };
        let failed = visit.retries.saturating_add(1);
        let pause = match (blame, policy) {
            (Blame::Passing, _) => pauses.pause(error, failed, dice),
            (_, Some(1..)) => pauses.pause(&Error::new(ErrorKind::Unavailable, ""), failed, dice),
            _ => None,
        };
        if let Some(tried) = visit.tried.iter_mut().find(|tried| tried.place == choice.place) {
            tried.again = pause.map(|pause| now.saturating_add(pause));
        }
    }

    /// A deployment had no room after all; that is no attempt.
    pub(super) fn refused(&mut self, choice: &Choice, denied: Denied, now: Duration) {
        let Some(visit) = self.visit.as_mut().filter(|_| choice.visit == self.visits) else { return };
        visit.attempts = visit.attempts.saturating_sub(1);
        visit.retries = visit.retries.saturating_sub(u32::from(choice.retry));
        visit.tried.retain(|tried| tried.place != choice.place);
        let wait = match denied {
            Denied::For(wait) => wait.max(Duration::from_millis(1)),
            Denied::Busy => LOOK_AGAIN,
            Denied::Never => Duration::MAX,
            Denied::Unavailable => {
                let message = "the limits that are kept with other processes cannot be asked now";
                self.refusal.get_or_insert_with(|| Error::new(ErrorKind::Unavailable, message));
                Duration::MAX
            }
        };
        visit.held.retain(|(place, _)| *place != choice.place);
        visit.held.push((choice.place, now.saturating_add(wait)));
    }

    /// Another deployment to ask beside the one that is taking long, where one has room.
    pub(super) fn hedge(&mut self, now: Duration, dice: &mut Dice) -> Option<Choice> {
        let level = self.visit.as_ref()?.level;
        let open = self.fresh(level, now).open;
        self.choose(&open, level, false, now, dice)
    }

    /// The groups between which the call has moved since this was asked last.
    pub(super) fn take_move(&mut self) -> Option<(Arc<str>, Arc<str>)> {
        self.moved.take()
    }

    /// Whether the call is still in the group that it asked for.
    pub(super) fn is_home(&self) -> bool {
        self.visits <= 1
    }

    /// From now on only deployments that go on from the beginning of a reply.
    pub(super) fn require_prefill(&mut self) {
        (self.demand.prefill, self.home.prefill) = (true, true);
        if let Some(visit) = &mut self.visit {
            match suiting(&visit.found.group, &self.demand, &self.rules) {
                Ok(places) => visit.suiting = places,
                Err(_) => visit.over = true,
            }
        }
    }

    /// The call cannot even wait for room: it fails, and says so.
    pub(super) fn crowded_out(&mut self) -> bool {
        let error = Error::new(ErrorKind::RateLimited, "too many calls wait for room at these deployments already");
        self.refusal = Some(error);
        false
    }

    /// Why no deployment was asked.
    pub(super) fn refusal(&mut self, now: Duration) -> Error {
        if let Some(refusal) = self.refusal.take() {
            return refusal;
        }
        let message = "no deployment of this model can take the call now";
        let error = Error::new(ErrorKind::RateLimited, message);
        match self.back.filter(|back| *back < Duration::MAX) {
            Some(back) => error.with_retry_after(back.saturating_sub(now)),
            None => error,
        }
    }

    /// A step inside the group that is visited; `None` to leave it.
    fn step(&mut self, now: Duration, dice: &mut Dice) -> Option<Step> {
        let visit = self.visit.as_ref().filter(|visit| !visit.over)?;
        let first = visit.attempts == 0;
        let may_retry = !first && visit.retries < visit.allowed;
        let (last, current, levels) = (visit.last, visit.level, visit.found.group.levels.len());
        let (mut later, mut tried_out) = (Later::default(), Vec::new());
        for level in current..levels {
            let free = first || level > current;
            if free || may_retry {
                let Fresh { open, taken, later: others } = self.fresh(level, now);
                if let Some(choice) = self.choose(&open, level, !free, now, dice) {
                    return Some(Step::Try(choice));
                }
                tried_out.extend(taken.into_iter().map(|place| (place, level)));
                later.join(others);
            }
        }
        let mut healthy = false;
        if may_retry {
            let (open, others, rested) = self.again(now);
            if let Some(choice) = self.choose(&open, current, true, now, dice) {
                return Some(Step::Try(choice));
            }
            later.join(others);
            healthy = rested;
        } else if !first {
            return None;
        }
        // One that another call is trying out is better than none, and better than to wait for who knows how long.
        if first
            && (last || !self.has_more())
            && let Some((place, level)) = tried_out.first().copied()
            && let Some(choice) = self.choose(&[place], level, false, now, dice)
        {
            return Some(Step::Try(Choice { beside: true, ..choice }));
        }
        let soonest = later.soonest(now);
        if first && let Some(visit) = &mut self.visit {
            visit.back = soonest;
        }
        let soonest = soonest.filter(|_| healthy || last || !self.has_more())?;
        let pause = soonest.checked_sub(now)?;
        if pause > self.rules.pauses.longest_wait || self.own.deadline.is_some_and(|deadline| deadline <= soonest) {
            return None;
        }
        if later.line.is_empty() {
            return Some(Step::Wait(pause));
        }
        let slots = &self.visit.as_ref()?.found.group.slots;
        let line = later.line.iter().filter_map(|place| slots.get(*place).cloned()).collect();
        Some(Step::Queue(line, later.back.map_or(Duration::MAX, |back| back.saturating_sub(now))))
    }

    /// The places of a level that have not been tried.
    fn fresh(&self, level: usize, now: Duration) -> Fresh {
        let mut fresh = Fresh::default();
        let Some(visit) = &self.visit else { return fresh };
        let group = &visit.found.group;
        let places = group.levels.get(level).cloned().unwrap_or_default();
        fresh.open.reserve(places.len());
        for place in places {
            let Some(slot) = group.slots.get(place) else { continue };
            if !visit.tried.is_empty() && visit.tried.iter().any(|tried| tried.place == place) {
                continue;
            }
            if !visit.suits(place) {
                continue;
            }
            match self.room(visit, place, slot, now) {
                Ok(()) => fresh.open.push(place),
                Err(denied) => {
                    if (slot.state.health.standing(now) == Standing::Probation { taken: true })
                        && !visit.holds(place, now)
                    {
                        fresh.taken.push(place);
                    }
                    fresh.later.add(place, denied, now);
                }
            }
        }
        fresh
    }

    /// The places that can be tried again now, what to wait for at the others, and whether one only has to rest.
    fn again(&self, now: Duration) -> (Vec<usize>, Later, bool) {
        let (mut open, mut later, mut healthy) = (Vec::new(), Later::default(), false);
        let Some(visit) = &self.visit else { return (open, later, healthy) };
        for tried in &visit.tried {
            let (Some(again), Some(slot)) = (tried.again, visit.found.group.slots.get(tried.place)) else { continue };
            if !visit.suits(tried.place) {
                continue;
            }
            match self.room(visit, tried.place, slot, now) {
                Ok(()) if again <= now => open.push(tried.place),
                Ok(()) => (later.back, healthy) = (sooner(later.back, Some(again)), true),
                Err(denied) if again <= now => later.add(tried.place, denied, now),
                // It is in no line before it may try again.
                Err(Denied::For(wait)) => later.back = sooner(later.back, Some(now.saturating_add(wait).max(again))),
                Err(Denied::Busy) => later.back = sooner(later.back, Some(again)),
                Err(Denied::Never | Denied::Unavailable) => {}
            }
        }
        (open, later, healthy)
    }

    /// Whether there is room for the call now, and nobody before it.
    #[inline]
    fn room(&self, visit: &Visit, place: usize, slot: &Slot, now: Duration) -> Result<(), Denied> {
        if let Some((_, until)) = visit.held.iter().find(|(held, until)| *held == place && *until > now) {
            return Err(if *until == Duration::MAX { Denied::Never } else { Denied::For(until.saturating_sub(now)) });
        }
        room(slot, self.demand.pick.prompt_tokens, now)?;
        if slot.is_wanted_before(self.turn, now) { Err(Denied::Busy) } else { Ok(()) }
    }

    fn choose(&mut self, open: &[usize], level: usize, retry: bool, now: Duration, dice: &mut Dice) -> Option<Choice> {
        let visit = self.visit.as_mut()?;
        let group = &visit.found.group;
        let place = match open {
            [] => return None,
            [only] => *only,
            _ => {
                let slots = open.iter().filter_map(|place| group.slots.get(*place));
                let candidates: Vec<Candidate<'_>> = slots.map(|slot| Candidate::new(slot, now)).collect();
                let chosen = self.strategy.choose(&candidates, &self.demand.pick, dice);
                *open.get(chosen).or_else(|| open.first())?
            }
        };
        let slot = Arc::clone(group.slots.get(place)?);
        visit.level = level;
        visit.attempts = visit.attempts.saturating_add(1);
        visit.retries = visit.retries.saturating_add(u32::from(retry));
        match visit.tried.iter_mut().find(|tried| tried.place == place) {
            Some(tried) => tried.again = None,
            None => visit.tried.push(Tried { place, again: None }),
        }
        let (model, changes) = (visit.found.model(&slot), visit.changes.clone());
        let group = Arc::clone(&group.name);
        Some(Choice { slot, model, group, changes, place, visit: self.visits, retry, beside: false })
    }

    /// Goes into a group. One that has nothing that suits the call is left at once, for the fallbacks of that cause.
    fn enter(&mut self, found: Found, changes: Changes, last: bool) {
        let (suiting, cause, over) = match suiting(&found.group, &self.demand, &self.rules) {
            Ok(places) => (places, Cause::General, false),
            Err(error) => {
                let cause = Cause::of(&error);
                self.refusal.get_or_insert(error);
                (None, cause, true)
            }
        };
        if !last {
            self.visited.push((found.key().to_owned(), changes.clone()));
        }
        self.visits = self.visits.saturating_add(1);
        self.visit = Some(Visit {
            found,
            changes,
            suiting,
            level: 0,
            attempts: 0,
            retries: 0,
            allowed: 0,
            tried: Vec::new(),
            held: Vec::new(),
            cause,
            over,
            last,
            back: None,
        });
    }

    /// Leaves the group; where to go on comes before what was to come already.
    fn leave(&mut self) {
        let Some(visit) = self.visit.take() else { return };
        for target in self.list(&visit).iter().rev() {
            self.targets.push_front(Arc::clone(target));
        }
        self.moved = Some((Arc::clone(&visit.found.group.name), Arc::clone(&visit.found.group.name)));
        self.back = sooner(self.back, visit.back);
        if let Some(back) = visit.back.filter(|_| visit.attempts == 0 && !visit.over && !visit.last) {
            self.skipped.push((visit.found, visit.changes, back));
        }
    }

    /// Where a call goes on from a group.
    fn list(&self, visit: &Visit) -> Vec<Arc<Fallback>> {
        if visit.last || self.own.stays {
            return Vec::new();
        }
        if self.visits <= 1 && !self.own.fallbacks.is_empty() {
            return self.own.fallbacks.clone();
        }
        self.rules.fallbacks_of(&visit.found.group.name, visit.cause).to_vec()
    }

    /// Goes to the next group. When there is none left, back to one that could not be tried.
    fn advance(&mut self, changed: Changed<'_>) -> bool {
        let from = self.moved.take().map(|(from, _)| from);
        while self.entered() < self.rules.max_fallbacks
            && let Some(target) = self.targets.pop_front()
        {
            let Some(found) = self.table.find(&target.model) else { continue };
            let changes = changes(&target);
            if !self.has_visited(&found, &changes) {
                self.moved = from.map(|from| (from, Arc::clone(&found.group.name)));
                self.turn(&changes, changed);
                self.enter(found, changes, false);
                return true;
            }
        }
        self.targets.clear();
        let first = self.skipped.iter().enumerate().min_by_key(|(_, (_, _, back))| *back).map(|(place, _)| place);
        match first.map(|place| self.skipped.swap_remove(place)) {
            Some((found, changes, back)) if back < Duration::MAX => {
                self.turn(&changes, changed);
                self.enter(found, changes, true);
                true
            }
            _ => false,
        }
    }

    /// How many groups the call has fallen back to.
    fn entered(&self) -> u32 {
        u32::try_from(self.visited.len()).unwrap_or(u32::MAX).saturating_sub(1)
    }

    /// Whether there is a group to go to from here.
    fn has_more(&self) -> bool {
        let Some(visit) = &self.visit else { return false };
        if self.entered() >= self.rules.max_fallbacks {
            return false;
        }
        let list = self.list(visit);
        self.targets.iter().chain(&list).any(|target| {
            self.table.find(&target.model).is_some_and(|found| !self.has_visited(&found, &changes(target)))
        })
    }

    /// Whether the call has been in this group, as it would be made there.
    fn has_visited(&self, found: &Found, changes: &Changes) -> bool {
        self.visited.iter().any(|(key, before)| key == found.key() && before == changes)
    }

    /// Asks from now on for what the call asks for with these changes.
    fn turn(&mut self, changes: &Changes, changed: Changed<'_>) {
        let prefill = self.home.prefill;
        self.demand = match changes {
            None => self.home.clone(),
            Some(fallback) => Demand { prefill, ..changed(fallback) },
        };
    }
}

fn changes(fallback: &Arc<Fallback>) -> Changes {
    (!fallback.changes.is_empty()).then(|| Arc::clone(fallback))
}

fn sooner(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
