//! Calls that wait for room: who goes in when, and that nobody is forgotten. The provider answers when it is told to, and
//! the clock is paused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::router::RouterBuilder;
use anymodel::transport::{Body, Transport};
use anymodel::{CallOptions, ChatRequest, ChatResponse, Client, Deployment, Error, ErrorKind, Router, RouterEvent};
use anymodel::{Complete, RouterObserver};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use proptest::prelude::*;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

const REPLY: &str = r#"{"id": "r", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
    "message": {"role": "assistant", "content": "ok"}}]}"#;
const MINUTE: Duration = Duration::from_secs(60);

/// Holds every request until it is let go.
#[derive(Clone, Debug, Default)]
struct Gate(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    /// What was said in each request, in the order in which they came.
    came: Vec<String>,
    inside: VecDeque<(String, oneshot::Sender<()>)>,
    /// Whether requests pass.
    open: bool,
}

#[async_trait]
impl Transport for Gate {
    async fn send(&self, request: Request<Bytes>) -> anymodel::Result<Response<Body>> {
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        let said = body["messages"][0]["content"].as_str().unwrap();
        let said = said.split_whitespace().next().unwrap_or_default().to_owned();
        let (let_go, gone) = oneshot::channel();
        {
            let mut held = self.0.lock().unwrap();
            held.came.push(said.clone());
            if held.open {
                return Ok(Response::new(Body::full(REPLY)));
            }
            held.inside.push_back((said, let_go));
        }
        gone.await.ok();
        Ok(Response::new(Body::full(REPLY)))
    }
}

impl Gate {
    fn came(&self) -> Vec<String> {
        self.0.lock().unwrap().came.clone()
    }

    /// Lets the oldest go whose caller still waits: who it is.
    async fn let_go(&self) -> Option<String> {
        let gone = self.release();
        settle().await;
        gone
    }

    fn release(&self) -> Option<String> {
        let mut held = self.0.lock().unwrap();
        loop {
            let (said, let_go) = held.inside.pop_front()?;
            if let_go.send(()).is_ok() {
                return Some(said);
            }
        }
    }

    fn open(&self) {
        self.0.lock().unwrap().open = true;
    }

    fn router(&self) -> RouterBuilder {
        let client = Client::builder().transport(Arc::new(self.clone())).environment(Environment::none());
        Router::builder().client(client.build().unwrap())
    }
}

fn deployment(id: &str) -> Deployment {
    Deployment::new("a", "openai/m").id(id).api_key("k")
}

/// Until all have done what they can.
async fn settle() {
    for _ in 0..50 {
        yield_now().await;
    }
}

type Calling = JoinHandle<Result<ChatResponse, Error>>;

/// A call that says this; it is made, and waits where it has to.
async fn call(router: &Router, says: &str, priority: i32) -> Calling {
    let calling = tokio::spawn(router.completion("a", says).priority(priority).into_future());
    settle().await;
    calling
}

fn waiting(router: &Router) -> usize {
    router.snapshot().iter().map(|deployment| deployment.waiting).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_more_urgent_go_first_and_of_the_same_urgency_the_first_to_come() {
    let gate = Gate::default();
    let router = gate.router().deployment(deployment("one").max_parallel_requests(1)).build().unwrap();
    let mut calls = Vec::new();
    for (says, priority) in [("busy", 0), ("late", 5), ("second", 0), ("last", 9), ("third", 0), ("first", -1)] {
        calls.push(call(&router, says, priority).await);
    }
    assert_eq!((gate.came(), waiting(&router)), (vec!["busy".to_owned()], 5));
    while gate.let_go().await.is_some() {}
    assert_eq!(gate.came(), ["busy", "first", "second", "third", "late", "last"]);
    for calling in calls {
        calling.await.unwrap().unwrap();
    }
    assert_eq!((waiting(&router), router.snapshot()[0].in_flight), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn priorities_come_from_calls_json_or_the_router() {
    let gate = Gate::default();
    let one = deployment("one").max_parallel_requests(1);
    let router = gate.router().deployment(one).default_priority(3).build().unwrap();
    let busy = call(&router, "busy", 0).await;
    let unsaid = tokio::spawn(router.completion("a", "unsaid").into_future());
    settle().await;
    let json = r#"{"model": "a", "messages": [{"role": "user", "content": "json"}], "priority": 2}"#;
    let mut request: ChatRequest = serde_json::from_str(json).unwrap();
    let options = CallOptions::take_from(&mut request).unwrap();
    let json = tokio::spawn(router.complete(request, options));
    settle().await;
    while gate.let_go().await.is_some() {}
    assert_eq!(gate.came(), ["busy", "json", "unsaid"]);
    for calling in [busy, unsaid, json] {
        calling.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_the_least_urgent() {
    let gate = Gate::default();
    let one = deployment("one").max_parallel_requests(1);
    let router = gate.router().deployment(one).max_queue(2).build().unwrap();
    let busy = call(&router, "busy", 0).await;
    let (kept, ousted) = (call(&router, "kept", 1).await, call(&router, "ousted", 1).await);
    let error = call(&router, "refused", 1).await.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::RateLimited, 0));
    assert!(error.message().contains("too many calls wait"), "{error}");
    let urgent = call(&router, "urgent", 0).await;
    assert_eq!(ousted.await.unwrap().unwrap_err().kind(), ErrorKind::RateLimited);
    while gate.let_go().await.is_some() {}
    assert_eq!(gate.came(), ["busy", "urgent", "kept"]);
    for calling in [busy, kept, urgent] {
        calling.await.unwrap().unwrap();
    }
    assert_eq!(waiting(&router), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_the_next_minute_and_not_beyond_its_deadline() {
    let gate = Gate::default();
    gate.open();
    let router = gate.router().deployment(deployment("one").rpm(2)).build().unwrap();
    let begun = Instant::now();
    let ask = |says: &str, priority, seconds| {
        let call = router.completion("a", says).priority(priority).timeout(Duration::from_secs(seconds));
        tokio::spawn(call.into_future())
    };
    let calls = [("one", 0), ("two", 0), ("slow", 7), ("quick", 1), ("quicker", 0)]
        .map(|(says, priority)| (says, ask(says, priority, 100)));
    let hurried = ask("hurried", 0, 30).await.unwrap().unwrap_err();
    assert_eq!(hurried.kind(), ErrorKind::RateLimited);
    assert!(hurried.retry_after().is_some() && begun.elapsed() < Duration::from_secs(1), "it cannot come to its turn");
    for (says, calling) in calls {
        let end = calling.await.unwrap();
        // Two in each minute, and the third is not there before the least urgent has no time left.
        assert_eq!(end.is_ok(), says != "slow", "{says}");
    }
    assert_eq!(gate.came(), ["one", "two", "quicker", "quick"]);
    assert!(begun.elapsed() >= MINUTE && begun.elapsed() < 2 * MINUTE, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_polls_keeps_nobody_waiting_for_long() {
    let gate = Gate::default();
    let router = gate.router().deployment(deployment("one").max_parallel_requests(1)).build().unwrap();
    let busy = call(&router, "busy", 0).await;
    let mut asleep = Box::pin(router.completion("a", "asleep").priority(-5).into_future());
    assert!(futures::poll!(&mut asleep).is_pending());
    assert!(futures::poll!(&mut asleep).is_pending());
    let behind = call(&router, "behind", 0).await;
    gate.let_go().await;
    gate.open();
    let begun = Instant::now();
    behind.await.unwrap().unwrap();
    assert!(begun.elapsed() <= Duration::from_secs(2), "{:?}", begun.elapsed());
    asleep.await.unwrap();
    busy.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_long_prompt_holds_nobody_up_that_fits_and_gets_its_turn() {
    let gate = Gate::default();
    gate.open();
    let counts = |request: &ChatRequest| request.messages[0].text().split_whitespace().count() as u64;
    let router = gate.router().deployment(deployment("one").tpm(10)).prompt_counter(counts).build().unwrap();
    let long = format!("long{}", " x".repeat(8));
    let calls =
        [call(&router, "small 1 2 3", 0).await, call(&router, &long, 0).await, call(&router, "tiny 1", 0).await];
    assert_eq!(gate.came(), ["small", "tiny"]);
    let mut others = Vec::new();
    for number in 0..20 {
        others.push(call(&router, &format!("other{number} 1 2"), 0).await);
    }
    for calling in calls {
        calling.await.unwrap().unwrap();
    }
    // The others had six tokens of the first minute left; the long one is the first of the next.
    let came = gate.came();
    let long = came.iter().position(|said| said == "long").unwrap();
    assert!(long <= 4, "{came:?}");
    others.iter().for_each(JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_taken_out_is_not_waited_for() {
    let gate = Gate::default();
    let router = gate.router().deployment(deployment("one").max_parallel_requests(1)).build().unwrap();
    let busy = call(&router, "busy", 0).await;
    let waits = call(&router, "waits", 0).await;
    router.remove("one");
    assert_eq!(waits.await.unwrap().unwrap_err().kind(), ErrorKind::RateLimited);
    gate.let_go().await;
    busy.await.unwrap().unwrap();
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(String, i32, usize)>>>);

impl RouterObserver for Heard {
    fn heard(&self, event: &RouterEvent<'_>) {
        if let RouterEvent::Queued { group, priority, waiting, .. } = event {
            self.0.lock().unwrap().push(((*group).to_owned(), *priority, *waiting));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_hears_who_waits() {
    let (gate, heard) = (Gate::default(), Heard::default());
    let one = deployment("one").max_parallel_requests(1);
    let router = gate.router().deployment(one).observer(heard.clone()).build().unwrap();
    let calls = [call(&router, "busy", 0).await, call(&router, "x", 4).await, call(&router, "y", 2).await];
    assert_eq!(*heard.0.lock().unwrap(), [("a".to_owned(), 4, 1), ("a".to_owned(), 2, 2)]);
    gate.open();
    while gate.let_go().await.is_some() {}
    for calling in calls {
        calling.await.unwrap().unwrap();
    }
}

// Whatever happens.

#[derive(Clone, Copy, Debug)]
enum Event {
    Comes(i32),
    /// The caller of this one goes away, whether it waits or not.
    Leaves(usize),
    /// The oldest of those that are in is answered.
    Ends,
    /// The same, and another comes before anybody has seen the room.
    EndsAsAnotherComes(i32),
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (-1..3i32).prop_map(Event::Comes),
        1 => (0..40usize).prop_map(Event::Leaves),
        3 => Just(Event::Ends),
        2 => (-1..3i32).prop_map(Event::EndsAsAnotherComes),
    ]
}

/// Who should be where.
#[derive(Default)]
struct Model {
    inside: Vec<usize>,
    /// Urgency and number.
    waiting: Vec<(i32, usize)>,
    came: Vec<String>,
}

impl Model {
    fn fill(&mut self, room: usize) {
        while self.inside.len() < room && !self.waiting.is_empty() {
            let next = self.waiting.iter().enumerate().min_by_key(|(_, turn)| **turn).map(|(place, _)| place).unwrap();
            let (_, number) = self.waiting.remove(next);
            self.inside.push(number);
            self.came.push(number.to_string());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn whoever_comes_goes_and_ends_the_order_is_kept_and_nobody_is_forgotten(
        events in proptest::collection::vec(events(), 1..60),
        deployments in 1..4usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(play(&events, deployments))?;
    }
}

async fn play(events: &[Event], room: usize) -> Result<(), TestCaseError> {
    let gate = Gate::default();
    let deployments = (0..room).map(|number| deployment(&number.to_string()).max_parallel_requests(1));
    let router = gate.router().deployments(deployments).build().unwrap();
    let (mut model, mut calls) = (Model::default(), Vec::<Option<Calling>>::new());
    for event in events {
        match event {
            Event::Comes(priority) => {
                model.waiting.push((*priority, calls.len()));
                calls.push(Some(call(&router, &calls.len().to_string(), *priority).await));
            }
            Event::Leaves(number) => {
                if let Some(calling) = calls.get_mut(*number).and_then(Option::take) {
                    calling.abort();
                    calling.await.ok();
                    settle().await;
                    model.inside.retain(|inside| inside != number);
                    model.waiting.retain(|(_, waiting)| waiting != number);
                }
            }
            Event::Ends | Event::EndsAsAnotherComes(_) => {
                let ended = gate.release().map(|said| said.parse::<usize>().unwrap());
                if let Event::EndsAsAnotherComes(priority) = event {
                    model.waiting.push((*priority, calls.len()));
                    calls.push(Some(call(&router, &calls.len().to_string(), *priority).await));
                }
                settle().await;
                prop_assert_eq!(ended, model.inside.first().copied());
                if !model.inside.is_empty() {
                    model.inside.remove(0);
                }
            }
        }
        model.fill(room);
        prop_assert_eq!(gate.came(), &model.came[..], "after {:?}", event);
        prop_assert_eq!(waiting(&router), model.waiting.len());
        let in_flight: u32 = router.snapshot().iter().map(|deployment| deployment.in_flight).sum();
        prop_assert_eq!(in_flight as usize, model.inside.len());
    }
    gate.open();
    while gate.let_go().await.is_some() {}
    for calling in calls.into_iter().flatten() {
        prop_assert!(calling.await.unwrap().is_ok());
    }
    prop_assert_eq!(waiting(&router), 0);
    Ok(())
}
