//! Health probes, against the simulator: what they ask, what they make of the answers, and that they end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::router::{DeploymentHealth, RouterBuilder};
use anymodel::transport::{ReqwestTransport, Transport};
use anymodel::{Client, Deployment, Error, ErrorKind, HealthProbe, RetryPolicy, Router, RouterEvent, RouterObserver};
use tokio::task::yield_now;
use tokio::time::timeout;

const OFTEN: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

fn client() -> Client {
    thread_local! {
        static TRANSPORT: Arc<dyn Transport> = Arc::new(ReqwestTransport::new(LONG).unwrap());
    }
    let builder = Client::builder().transport(TRANSPORT.with(Arc::clone)).environment(Environment::none());
    builder.build().unwrap()
}

/// A router that probes often, and whose cooldowns end by nothing else.
fn router() -> RouterBuilder {
    let mut pauses = RetryPolicy::default();
    pauses.base = Duration::from_millis(1);
    Router::builder().client(client()).pauses(pauses).cooldown_time(LONG).health_probe(HealthProbe::every(OFTEN))
}

fn at(server: &MockServer, id: &str) -> Deployment {
    Deployment::new("a", "openai/m").id(id).api_base(server.url()).api_key("sk-secret")
}

async fn server(reply: impl Into<Reply>) -> MockServer {
    let server = MockServer::start().await.unwrap();
    server.reply(reply);
    server
}

/// Until something has happened.
async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            yield_now().await;
        }
    };
    timeout(LONG / 3, waiting).await.unwrap_or_else(|_| panic!("it does not come to this: {what}"));
}

fn is_cooling(router: &Router, place: usize) -> bool {
    matches!(router.snapshot()[place].health, DeploymentHealth::Cooling { .. })
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl RouterObserver for Heard {
    fn heard(&self, event: &RouterEvent<'_>) {
        let line = match event {
            RouterEvent::Probed { deployment, error: None, .. } => format!("{deployment} is well"),
            RouterEvent::Probed { deployment, error: Some(error), .. } => format!("{deployment}: {}", error.kind()),
            RouterEvent::Cooled { deployment, .. } => format!("{deployment} cools"),
            RouterEvent::Recovered { deployment, .. } => format!("{deployment} recovers"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn a_deployment_that_fails_its_probe_gets_no_calls_until_it_answers_one() {
    let (ill, well) = (server(Fault::Status(500)).await, server("well").await);
    let heard = Heard::default();
    let router = router().deployments([at(&ill, "ill"), at(&well, "well")]).observer(heard.clone()).build().unwrap();
    until("it cools", || is_cooling(&router, 0)).await;
    for _ in 0..5 {
        let reply = router.completion("a", "Hi").await.unwrap();
        assert_eq!((reply.text().as_str(), reply.meta.attempts), ("well", 1), "no call found it out");
    }
    let probed = router.snapshot()[0].probed.unwrap();
    assert_eq!(probed.error, Some(ErrorKind::Unavailable));
    ill.reply("well again");
    // Long before its cooldown is over.
    until("it is healthy again", || router.snapshot()[0].health == DeploymentHealth::Healthy).await;
    assert_eq!(router.snapshot()[0].probed.unwrap().error, None);
    let heard = heard.0.lock().unwrap();
    let of_it: Vec<&str> = heard.iter().map(String::as_str).filter(|line| line.starts_with("ill")).collect();
    assert_eq!(of_it[..2], ["ill: unavailable", "ill cools"], "{heard:?}");
    assert_eq!(of_it[of_it.len() - 2..], ["ill is well", "ill recovers"], "{heard:?}");
    assert_eq!(router.snapshot()[0].failed, 0, "a probe is no try of a call");
}

#[tokio::test]
async fn one_that_a_call_found_ill_is_brought_back_early() {
    let (one, two) = (server("one").await, server("two").await);
    one.enqueue("to the first probe");
    one.enqueue(Fault::Status(401));
    let router = router().deployments([at(&one, "one"), at(&two, "two").order(2)]).build().unwrap();
    until("it is probed", || router.snapshot()[0].probed.is_some()).await;
    // A probe or a call has met the fault; either way it is over.
    let reply = router.completion("a", "Hi").await.unwrap();
    assert!(["one", "two"].contains(&reply.text().as_str()));
    until("it has answered again", || one.received() >= 3).await;
    until("it is healthy", || router.snapshot()[0].health == DeploymentHealth::Healthy).await;
    assert_eq!(router.completion("a", "Hi").await.unwrap().text(), "one");
}

#[tokio::test]
async fn the_last_healthy_deployment_is_not_cooled_by_probes() {
    let ill = server(Fault::Status(503)).await;
    let router = router().deployments([at(&ill, "one"), at(&ill, "two")]).build().unwrap();
    until("both have been asked often", || ill.received() > 10).await;
    let healthy = |router: &Router| (0..2).filter(|place| !is_cooling(router, *place)).count();
    assert_eq!(healthy(&router), 1);
}

#[tokio::test]
async fn one_whose_provider_asks_to_be_left_alone_is_left_alone() {
    let (limited, well) = (server(Fault::RateLimited { retry_after: LONG }).await, server("well").await);
    let router = router().deployments([at(&limited, "limited"), at(&well, "well")]).build().unwrap();
    until("there have been several rounds", || well.received() >= 6).await;
    assert_eq!(limited.received(), 1);
    assert!(is_cooling(&router, 0));
}

#[tokio::test]
async fn a_probe_asks_for_one_token_and_counts_in_the_limits() {
    let server = server(Reply::text("x").usage(5, 1)).await;
    let router = router().deployment(at(&server, "one").rpm(3)).build().unwrap();
    until("it is at its limit", || (router.snapshot()[0].requests, router.snapshot()[0].in_flight) == (3, 0)).await;
    let snapshot = &router.snapshot()[0];
    assert_eq!((snapshot.tokens, snapshot.answered, server.received()), (18, 0, 3));
    let body = server.requests()[0].json();
    let tokens = body.get("max_tokens").or(body.get("max_completion_tokens"));
    assert_eq!(tokens, Some(&1.into()), "{body}");
    // There is no room for another, and nothing is sent beyond the limit.
    for _ in 0..1000 {
        yield_now().await;
    }
    assert_eq!((server.received(), router.snapshot()[0].in_flight), (3, 0));
}

#[tokio::test]
async fn an_answer_that_dislikes_the_question_is_the_answer_of_one_that_is_well() {
    let (picky, other) = (server(Fault::Status(400)).await, server("ok").await);
    let router = router().deployments([at(&picky, "picky"), at(&other, "other")]).build().unwrap();
    until("it has been asked often", || picky.received() > 5).await;
    assert!(!is_cooling(&router, 0));
}

#[tokio::test]
async fn probes_end_with_the_last_handle_of_the_router() {
    let server = server(Reply::text("x").fault(Fault::SlowHead(LONG))).await;
    let router = router().deployment(at(&server, "one")).build().unwrap();
    let other = router.clone();
    until("it is asked", || server.received() == 1).await;
    drop(router);
    assert_eq!(other.snapshot()[0].in_flight, 1, "there is another handle");
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    drop(other);
    until("the probe under way is given up", || tasks() < before).await;
}

#[tokio::test]
async fn without_probes_nothing_is_sent_and_some_deployments_can_be_left_out() {
    let (quiet, left_out, asked) = (server("x").await, server("x").await, server("x").await);
    let nothing = Router::builder().client(client()).deployment(at(&quiet, "quiet")).build().unwrap();
    let deployments = [at(&left_out, "left out").health_probe(false), at(&asked, "asked")];
    let some = router().deployments(deployments).build().unwrap();
    until("one has been asked often", || asked.received() > 3).await;
    assert_eq!((quiet.received(), left_out.received()), (0, 0));
    assert!(nothing.snapshot()[0].probed.is_none() && some.snapshot()[0].probed.is_none());
}

#[tokio::test]
async fn a_probe_can_be_of_your_own() {
    let server = server("ok").await;
    let asked = Arc::new(AtomicU32::new(0));
    let probe = HealthProbe::every(OFTEN).by({
        let asked = Arc::clone(&asked);
        move |deployment: Deployment| {
            asked.fetch_add(1, Ordering::Relaxed);
            let ill = deployment.id.as_deref() == Some("ill");
            async move { if ill { Err(Error::new(ErrorKind::Unavailable, "down")) } else { Ok(()) } }
        }
    });
    let router = router().deployments([at(&server, "ill"), at(&server, "well")]).health_probe(probe).build().unwrap();
    until("one cools", || is_cooling(&router, 0)).await;
    until("they are asked again", || asked.load(Ordering::Relaxed) > 4).await;
    assert_eq!((server.received(), is_cooling(&router, 1)), (0, false));
}

#[test]
fn a_router_that_is_made_outside_of_a_runtime_begins_with_its_first_call() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(server("ok"));
    let router = router().deployment(at(&server, "one")).build().unwrap();
    assert!(router.snapshot()[0].probed.is_none());
    runtime.block_on(async {
        router.completion("a", "Hi").await.unwrap();
        until("it is probed", || router.snapshot()[0].probed.is_some()).await;
    });
}

#[tokio::test]
async fn a_call_that_waits_goes_to_the_deployment_that_a_probe_brings_back() {
    let (ill, busy) = (server(Fault::Status(500)).await, server(Fault::SlowHead(LONG)).await);
    let deployments = [at(&ill, "ill"), at(&busy, "busy").max_parallel_requests(1).health_probe(false).order(2)];
    let router = router().deployments(deployments).build().unwrap();
    until("it cools", || is_cooling(&router, 0)).await;
    let _keeps_it_busy = tokio::spawn(router.completion("a", "Hi").into_future());
    until("the other is busy", || router.snapshot()[1].in_flight == 1).await;
    let waits = tokio::spawn(router.completion("a", "Hi").into_future());
    until("one waits", || router.snapshot()[0].waiting == 1).await;
    ill.reply("back");
    let reply = timeout(LONG / 3, waits).await.unwrap().unwrap().unwrap();
    assert_eq!(reply.text(), "back");
}
