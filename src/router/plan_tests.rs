//! What a plan does, and what none does whatever happens.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::filter::Demand;
use super::health::Standing;
use super::limits::Denied;
use super::plan::{Choice, Own, Plan, Step};
use super::rules::Rules;
use super::strategy::SimpleShuffle;
use super::table::Table;
use super::table::tests::table;
use super::{Deployment, Dice};
use crate::client::Fallback;
use crate::error::{Error, ErrorKind};

fn named(group: &str, id: &str) -> Deployment {
    Deployment::new(group, "openai/m").id(id)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn to(groups: &[&str]) -> Vec<Arc<Fallback>> {
    groups.iter().map(|group| Arc::new((*group).into())).collect()
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "no")
}

/// A plan that is carried out: everything fails, time passes only by waiting.
struct Play {
    plan: Plan,
    dice: Dice,
    now: Duration,
}

impl Play {
    fn new(table: &Arc<Table>, rules: Rules, own: Own) -> Self {
        let start = table.find("a");
        let strategy = Arc::new(SimpleShuffle);
        let plan = Plan::new(Arc::clone(table), Arc::new(rules), strategy, start, Demand::default(), own);
        Self { plan, dice: Dice::seeded(3), now: at(1) }
    }

    fn step(&mut self) -> Step {
        self.plan.next(self.now, &mut self.dice, &|_| Demand::default())
    }

    fn pick(&mut self) -> Choice {
        match self.step() {
            Step::Try(choice) => choice,
            other => panic!("{other:?} in place of a try"),
        }
    }

    /// Whom the plan asks until it gives up, and for how long it waits between.
    fn all(&mut self, fail: impl Fn(&str) -> Error) -> Vec<String> {
        let mut asked = Vec::new();
        loop {
            match self.step() {
                Step::GiveUp => return asked,
                Step::Wait(pause) | Step::Queue(_, pause) => {
                    asked.push(format!("{}ms", pause.as_millis()));
                    self.now += pause;
                }
                Step::Try(choice) => {
                    asked.push(choice.slot.id.to_string());
                    self.plan.failed(&choice, &fail(&choice.slot.id), self.now, 1.0);
                }
            }
            assert!(asked.len() < 100, "it does not end: {asked:?}");
        }
    }
}

#[test]
fn another_deployment_is_tried_before_any_pause() {
    let table = table([named("a", "one"), named("a", "two"), named("a", "three")]);
    let asked = Play::new(&table, Rules::default(), Own::default()).all(|_| error(ErrorKind::Unavailable));
    assert_eq!(asked.len(), 3);
    assert_eq!(asked.iter().collect::<HashSet<_>>().len(), 3, "{asked:?}");
}

#[test]
fn a_lone_deployment_is_tried_again_after_pauses_that_double() {
    let table = table([named("a", "one")]);
    let asked = Play::new(&table, Rules::default(), Own::default()).all(|_| error(ErrorKind::Unavailable));
    assert_eq!(asked, ["one", "500ms", "one", "1000ms", "one"]);
}

#[test]
fn retry_after_is_waited_for_and_a_long_one_is_not() {
    let table = table([named("a", "one")]);
    let after = |seconds| move |_: &str| error(ErrorKind::RateLimited).with_retry_after(at(seconds));
    let play = |fail: &dyn Fn(&str) -> Error| Play::new(&table, Rules::default(), Own::default()).all(fail);
    assert_eq!(play(&after(7)), ["one", "7000ms", "one", "7000ms", "one"]);
    assert_eq!(play(&after(61)), ["one"]);
}

#[test]
fn a_pause_that_ends_after_the_call_must_is_not_made() {
    let table = table([named("a", "one")]);
    let own = Own { deadline: Some(at(5)), ..Own::default() };
    let asked = Play::new(&table, Rules::default(), own).all(|_| error(ErrorKind::RateLimited).with_retry_after(at(3)));
    assert_eq!(asked, ["one", "3000ms", "one"]);
}

#[test]
fn the_next_order_is_tried_when_the_first_has_failed_and_costs_no_retry() {
    let table = table([named("a", "one"), named("a", "two").order(2), named("a", "three").order(3)]);
    let rules = Rules { num_retries: 0, ..Rules::default() };
    let asked = Play::new(&table, rules, Own::default()).all(|_| error(ErrorKind::Unavailable));
    assert_eq!(asked, ["one", "two", "three"]);
}

#[test]
fn a_refused_key_sends_the_call_elsewhere_and_not_back() {
    let table = table([named("a", "one"), named("a", "two")]);
    for kind in [ErrorKind::Authentication, ErrorKind::PermissionDenied, ErrorKind::NotFound] {
        let asked = Play::new(&table, Rules::default(), Own::default()).all(|_| error(kind));
        assert_eq!(asked.len(), 2, "{kind}: {asked:?}");
    }
}

#[test]
fn a_calls_own_mistake_is_not_tried_again_and_goes_to_the_fallbacks() {
    let table = table([named("a", "one"), named("a", "two"), named("b", "other")]);
    let mistake = |_: &str| error(ErrorKind::InvalidRequest);
    assert_eq!(Play::new(&table, Rules::default(), Own::default()).all(mistake).len(), 1);
    let mut rules = Rules::default();
    rules.fallbacks.insert("a".to_owned(), to(&["b"]));
    let asked = Play::new(&table, rules, Own::default()).all(mistake);
    assert_eq!((asked.len(), asked[1].as_str()), (2, "other"));
}

#[test]
fn a_policy_for_a_kind_stands_over_the_number_of_retries() {
    let table = table([named("a", "one"), named("a", "two"), named("a", "three"), named("a", "four")]);
    let mut rules = Rules { num_retries: 1, ..Rules::default() };
    rules.retries_by_kind = vec![(ErrorKind::Unavailable, 3), (ErrorKind::InvalidRequest, 1)];
    let play = |num_retries, kind| {
        let mut play = Play::new(&table, rules.clone(), Own::default());
        play.plan.demand.num_retries = num_retries;
        play.all(|_| error(kind)).len()
    };
    assert_eq!(play(None, ErrorKind::Unavailable), 4);
    assert_eq!(play(None, ErrorKind::InvalidRequest), 2);
    assert_eq!(play(None, ErrorKind::Timeout), 2);
    assert_eq!(play(Some(0), ErrorKind::Unavailable), 1);
}

#[test]
fn fallbacks_are_chosen_by_cause() {
    let table = table([named("a", "a"), named("b", "b"), named("long", "long"), named("lax", "lax")]);
    let mut rules = Rules { num_retries: 0, ..Rules::default() };
    let list = |target: &str| to(&[target]);
    rules.default_fallbacks = list("b");
    rules.context_window.insert("a".to_owned(), list("long"));
    rules.content_policy.insert("a".to_owned(), list("lax"));
    let play = |kind| Play::new(&table, rules.clone(), Own::default()).all(move |_| error(kind));
    assert_eq!(play(ErrorKind::Unavailable), ["a", "b"]);
    assert_eq!(play(ErrorKind::ContextWindowExceeded), ["a", "long", "b"]);
    assert_eq!(play(ErrorKind::ContentPolicy), ["a", "lax", "b"]);
    let own = Own { fallbacks: list("lax"), ..Own::default() };
    assert_eq!(Play::new(&table, rules, own).all(|_| error(ErrorKind::Timeout)), ["a", "lax", "b"]);
}

#[test]
fn the_same_group_is_visited_again_where_something_is_changed_and_only_once() {
    let table = table([named("a", "one").num_retries(0), named("b", "two").num_retries(0)]);
    let shorter = |tokens: u64| Arc::new(Fallback::new("a").param("max_tokens", tokens));
    let own = Own { fallbacks: [vec![shorter(1), shorter(1), shorter(2)], to(&["a", "b"])].concat(), ..Own::default() };
    let mut play = Play::new(&table, Rules::default(), own);
    let mut asked = Vec::new();
    while let Step::Try(choice) = play.step() {
        let tokens = choice.changes.as_ref().map(|changes| changes.changes["max_tokens"].as_u64().unwrap());
        asked.push((choice.slot.id.to_string(), tokens));
        play.plan.failed(&choice, &error(ErrorKind::Unavailable), play.now, 1.0);
    }
    let one = |tokens| ("one".to_owned(), tokens);
    assert_eq!(asked, [one(None), one(Some(1)), one(Some(2)), ("two".to_owned(), None)]);
}

#[test]
fn a_call_that_stays_in_its_group_has_no_fallbacks() {
    let table = table([named("a", "one"), named("b", "two")]);
    let rules = Rules { num_retries: 0, default_fallbacks: to(&["b"]), ..Rules::default() };
    let own = Own { stays: true, fallbacks: to(&["b"]), ..Own::default() };
    assert_eq!(Play::new(&table, rules, own).all(|_| error(ErrorKind::Unavailable)), ["one"]);
}

#[test]
fn fallbacks_that_lead_in_a_circle_end() {
    let table = table([named("a", "a"), named("b", "b"), named("c", "c")]);
    let mut rules = Rules { num_retries: 0, ..Rules::default() };
    for (from, to) in [("a", ["b", "c"]), ("b", ["a", "c"]), ("c", ["b", "a"])] {
        rules.fallbacks.insert(from.to_owned(), self::to(&to));
    }
    let play = |rules: &Rules| Play::new(&table, rules.clone(), Own::default()).all(|_| error(ErrorKind::Connection));
    assert_eq!(play(&rules), ["a", "b", "c"]);
    rules.max_fallbacks = 1;
    assert_eq!(play(&rules), ["a", "b"]);
}

#[test]
fn when_everything_cools_the_first_to_come_back_is_waited_for() {
    let table = table([named("a", "one"), named("a", "two")]);
    let cool = |place: usize, seconds| table.slots[place].state.health.cool(at(seconds));
    cool(0, 9);
    cool(1, 6);
    let mut play = Play::new(&table, Rules::default(), Own::default());
    assert!(matches!(play.step(), Step::Queue(line, pause) if line.len() == 2 && pause == at(5)));
    play.now = at(6);
    assert_eq!(&*play.pick().slot.id, "two");
    let mut hurried = Play::new(&table, Rules::default(), Own { deadline: Some(at(3)), ..Own::default() });
    assert!(matches!(hurried.step(), Step::GiveUp));
    let error = hurried.plan.refusal(hurried.now);
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(at(5))));
}

#[test]
fn a_group_that_cools_is_left_for_its_fallback_and_come_back_to_when_that_fails_too() {
    let table = table([named("a", "one"), named("b", "two")]);
    table.slots[0].state.health.cool(at(4));
    let mut rules = Rules { num_retries: 0, ..Rules::default() };
    rules.fallbacks.insert("a".to_owned(), to(&["b"]));
    let asked = Play::new(&table, rules, Own::default()).all(|_| error(ErrorKind::Unavailable));
    assert_eq!(asked, ["two", "3000ms", "one"]);
}

#[test]
fn what_had_no_room_after_all_is_no_attempt() {
    let table = table([named("a", "one"), named("a", "two")]);
    let rules = Rules { num_retries: 0, ..Rules::default() };
    let mut play = Play::new(&table, rules, Own::default());
    let full = play.pick();
    play.plan.refused(&full, Denied::For(at(10)), play.now);
    let other = play.pick();
    assert_ne!(full.slot.id, other.slot.id);
    play.plan.refused(&other, Denied::For(at(20)), play.now);
    assert!(matches!(play.step(), Step::Queue(line, pause) if line.len() == 2 && pause == at(10)));
}

#[test]
fn a_removed_deployment_is_not_tried() {
    let table = table([named("a", "one"), named("a", "two")]);
    table.slots[0].state.removed.store(true, std::sync::atomic::Ordering::Release);
    let asked = Play::new(&table, Rules { num_retries: 0, ..Rules::default() }, Own::default())
        .all(|_| error(ErrorKind::Unavailable));
    assert_eq!(asked, ["two"]);
}

const KINDS: [ErrorKind; 10] = [
    ErrorKind::InvalidRequest,
    ErrorKind::Unsupported,
    ErrorKind::Authentication,
    ErrorKind::NotFound,
    ErrorKind::RateLimited,
    ErrorKind::ContextWindowExceeded,
    ErrorKind::ContentPolicy,
    ErrorKind::Timeout,
    ErrorKind::Unavailable,
    ErrorKind::InvalidResponse,
];

const GROUPS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Debug)]
struct World {
    /// Group and order of each deployment, and until when it cools.
    deployments: Vec<(usize, u32, u64)>,
    /// From which group to which.
    fallbacks: Vec<(usize, Vec<usize>)>,
    retries: u32,
    max_fallbacks: u32,
    deadline: Option<u64>,
    /// What happens to each try: a kind of failure, or no room; and whether it cools the deployment.
    fates: Vec<(usize, bool, bool)>,
    seed: u64,
}

fn world() -> impl Strategy<Value = World> {
    let deployments = proptest::collection::vec((0..4usize, 1..4u32, 0..20u64), 1..12);
    let fallbacks = proptest::collection::vec((0..4usize, proptest::collection::vec(0..4usize, 1..4)), 0..5);
    let fates = proptest::collection::vec((0..KINDS.len(), any::<bool>(), prop::bool::weighted(0.2)), 1..40);
    let deadline = proptest::option::of(2..100u64);
    (deployments, fallbacks, 0..4u32, 0..5u32, deadline, fates, any::<u64>()).prop_map(
        |(deployments, fallbacks, retries, max_fallbacks, deadline, fates, seed)| World {
            deployments,
            fallbacks,
            retries,
            max_fallbacks,
            deadline,
            fates,
            seed,
        },
    )
}

use proptest::strategy::Strategy;

proptest! {
    #[test]
    fn whatever_happens_a_plan_ends_within_its_bounds(world in world()) {
        let place = |(number, (group, order, _)): (usize, &(usize, u32, u64))| {
            named(GROUPS[*group], &format!("d{number}")).order(*order)
        };
        let table = table(world.deployments.iter().enumerate().map(place));
        for (slot, (_, _, cooled)) in table.slots.iter().zip(&world.deployments) {
            if *cooled > 8 {
                slot.state.health.cool(at(*cooled));
            }
        }
        let mut rules = Rules { num_retries: world.retries, max_fallbacks: world.max_fallbacks, ..Rules::default() };
        for (from, to) in &world.fallbacks {
            rules.fallbacks.insert(GROUPS[*from].to_owned(), to.iter().map(|to| Arc::new(GROUPS[*to].into())).collect());
        }
        prop_assume!(table.find("a").is_some());
        let own = Own { deadline: world.deadline.map(at), ..Own::default() };
        let mut play = Play::new(&table, rules, own);
        play.dice = Dice::seeded(world.seed);
        let (mut attempts, mut steps, mut refusals, mut groups) = (0u32, 0, 0, Vec::<String>::new());
        let mut fates = world.fates.iter().cycle();
        loop {
            steps += 1;
            prop_assert!(steps < 2_000, "it does not end");
            match play.step() {
                Step::GiveUp => break,
                Step::Wait(pause) | Step::Queue(_, pause) => {
                    prop_assert!(!pause.is_zero());
                    play.now += pause;
                    prop_assert!(world.deadline.is_none_or(|deadline| play.now < at(deadline)));
                }
                Step::Try(choice) => {
                    // Never a cooled one, whatever else there is.
                    let standing = choice.slot.state.health.standing(play.now);
                    prop_assert!(!matches!(standing, Standing::Cooling(_)), "{standing:?}");
                    let (kind, cools, refused) = fates.next().unwrap();
                    // Room that never comes is waited for until the deadline; here it comes some time.
                    refusals += u32::from(*refused);
                    if *refused && refusals < 50 {
                        play.plan.refused(&choice, Denied::For(at(1)), play.now);
                        continue;
                    }
                    attempts += 1;
                    if groups.last().is_none_or(|group| **group != *choice.group) {
                        prop_assert!(!groups.iter().any(|group| **group == *choice.group), "{groups:?} twice");
                        groups.push(choice.group.to_string());
                    }
                    if *cools {
                        choice.slot.state.health.cool(play.now + at(5));
                    }
                    play.plan.failed(&choice, &error(KINDS[*kind]), play.now, 0.5);
                }
            }
        }
        let levels: u32 = groups.iter().map(|group| u32::try_from(table.group(group).unwrap().levels.len()).unwrap()).sum();
        let visited = u32::try_from(groups.len()).unwrap();
        prop_assert!(attempts <= levels + visited * world.retries, "{attempts} attempts in {groups:?}");
        prop_assert!(visited <= world.max_fallbacks + 1);
    }
}
