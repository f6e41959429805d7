//! The router against real servers: where calls go, what failures come to, what a caller sees of them.

use std::future::IntoFuture as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::messages::Turn;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::router::{DeploymentHealth, LeastBusy, RouterBuilder, TagMatch, batch};
use anymodel::transport::{ReqwestTransport, Transport};
use anymodel::{
    CallOptions, ChatRequest, ChatStream, Client, Complete, Delta, Deployment, Error, ErrorKind, Fallback,
    OnStreamFailure, RetryPolicy, Router, RouterEvent, RouterObserver,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// A deadline that a call comes to.
const SOON: Duration = Duration::from_millis(80);
/// A time that no call takes.
const LONG: Duration = Duration::from_secs(10);

/// A client that shares its transport with all others of the test: making one reads the system's certificates.
fn client() -> Client {
    thread_local! {
        static TRANSPORT: Arc<dyn Transport> = Arc::new(ReqwestTransport::new(LONG).unwrap());
    }
    let builder = Client::builder().transport(TRANSPORT.with(Arc::clone)).environment(Environment::none());
    builder.build().unwrap()
}

/// A router with next to no pauses.
fn router() -> RouterBuilder {
    let mut pauses = RetryPolicy::default();
    pauses.base = Duration::from_millis(1);
    Router::builder().client(client()).pauses(pauses)
}

fn at(url: &str, group: &str, id: &str) -> Deployment {
    Deployment::new(group, "openai/m").id(id).api_base(url).api_key("sk-secret")
}

async fn server(reply: impl Into<Reply>) -> MockServer {
    let server = MockServer::start().await.unwrap();
    server.reply(reply);
    server
}

fn words() -> Reply {
    Reply::text("one two three").chunks(3)
}

fn failing(kind: ErrorKind, id: &str) -> (String, Option<ErrorKind>) {
    (id.to_owned(), Some(kind))
}

fn answered(id: &str) -> (String, Option<ErrorKind>) {
    (id.to_owned(), None)
}

fn trail(attempts: &[anymodel::Attempt]) -> Vec<(String, Option<ErrorKind>)> {
    attempts.iter().map(|attempt| (attempt.deployment.clone(), attempt.kind)).collect()
}

/// All that a stream gives: its text as it was shown, how many heads and restarts it had, and its end.
async fn watch(mut stream: ChatStream) -> (String, usize, usize, Result<(), Error>) {
    let (mut text, mut starts, mut restarts) = (String::new(), 0, 0);
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => {
                text.push_str(chunk.text());
                starts += usize::from(matches!(chunk.delta, Delta::Start(_)));
                restarts += usize::from(matches!(chunk.delta, Delta::Restart));
            }
            Err(error) => return (text, starts, restarts, Err(error)),
        }
    }
    (text, starts, restarts, Ok(()))
}

#[tokio::test]
async fn a_call_that_fails_at_one_deployment_is_answered_by_another() {
    let good = server("ok").await;
    let faults = [
        (Fault::Status(500), ErrorKind::Unavailable),
        (Fault::Status(503), ErrorKind::Unavailable),
        (Fault::Status(529), ErrorKind::Unavailable),
        (Fault::Status(429), ErrorKind::RateLimited),
        (Fault::RateLimited { retry_after: LONG }, ErrorKind::RateLimited),
        (Fault::Status(401), ErrorKind::Authentication),
        (Fault::Status(403), ErrorKind::PermissionDenied),
        (Fault::Status(404), ErrorKind::NotFound),
        (Fault::Status(408), ErrorKind::Timeout),
        (Fault::SlowHead(LONG), ErrorKind::Timeout),
        (Fault::Reset, ErrorKind::Connection),
        (Fault::Html, ErrorKind::InvalidResponse),
    ];
    for streamed in [false, true] {
        for (fault, kind) in faults.clone() {
            let bad = server(fault.clone()).await;
            let router = router()
                .deployment(at(&bad.url(), "a", "bad").timeout(SOON))
                .deployment(at(&good.url(), "a", "good").order(2))
                .build()
                .unwrap();
            let before = good.received();
            let call = router.completion("a", "Hi");
            let reply = if streamed { call.stream().await.unwrap().collect().await } else { call.await };
            let reply = reply.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            assert_eq!(reply.text(), "ok", "{fault:?}");
            assert_eq!(reply.meta.deployment.as_deref(), Some("good"), "{fault:?}");
            assert_eq!(trail(&reply.meta.trail), [failing(kind, "bad"), answered("good")], "{fault:?} {streamed}");
            assert_eq!((bad.received(), good.received() - before, reply.meta.attempts), (1, 1, 2), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_sends_a_call_elsewhere() {
    let good = server("ok").await;
    let router = router()
        .deployment(at(&MockServer::refused_url().unwrap(), "a", "bad"))
        .deployment(at(&good.url(), "a", "good").order(2))
        .build()
        .unwrap();
    let reply = router.completion("a", "Hi").await.unwrap();
    assert_eq!(trail(&reply.meta.trail), [failing(ErrorKind::Connection, "bad"), answered("good")]);
}

#[tokio::test]
async fn a_calls_own_mistake_is_sent_once_and_cools_nothing() {
    let bad = server(Fault::Status(400)).await;
    let url = bad.url();
    let router = router().deployment(at(&url, "a", "one")).deployment(at(&url, "a", "two")).build().unwrap();
    for status in [400, 413, 422] {
        bad.reply(Fault::Status(status));
        let error = router.completion("a", "Hi").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts(), error.trail().len()), (ErrorKind::InvalidRequest, 1, 1));
    }
    assert_eq!(bad.received(), 3);
    assert!(router.snapshot().iter().all(|deployment| deployment.health == DeploymentHealth::Healthy));
}

#[tokio::test]
async fn the_final_error_is_the_real_one_with_the_trail_and_without_configuration() {
    let (bad, worse) = (server(Fault::Status(503)).await, server(Fault::Status(401)).await);
    let router = router()
        .deployment(at(&bad.url(), "a", "one"))
        .deployment(at(&worse.url(), "b", "other"))
        .fallback("a", ["b"])
        .num_retries(1)
        .build()
        .unwrap();
    for streamed in [false, true] {
        let call = router.completion("a", "Hi");
        let error = if streamed { call.stream().await.unwrap_err() } else { call.await.unwrap_err() };
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, 3));
        let one = || failing(ErrorKind::Unavailable, "one");
        assert_eq!(trail(error.trail()), [one(), one(), failing(ErrorKind::Authentication, "other")]);
        assert_eq!(error.trail()[0].status, Some(503));
        let text = format!("{error} {error:?}");
        assert!(!text.contains("other") && !text.contains("sk-secret"), "{text}");
    }
}

#[tokio::test]
async fn attempts_do_not_multiply() {
    let bad = server(Fault::Status(500)).await;
    let router = router().deployment(at(&bad.url(), "a", "one")).build().unwrap();
    assert_eq!(router.completion("a", "Hi").await.unwrap_err().attempts(), 3);
    assert_eq!(bad.received(), 3);
    router.completion("a", "Hi").num_retries(0).await.unwrap_err();
    assert_eq!(bad.received(), 4);
}

#[tokio::test]
async fn fallbacks_are_chosen_by_what_a_call_failed_of() {
    let (first, long, lax, other) =
        (server("").await, server("long").await, server("lax").await, server("other").await);
    let router = router()
        .deployment(at(&first.url(), "a", "a"))
        .deployment(at(&long.url(), "long", "long"))
        .deployment(at(&lax.url(), "lax", "lax"))
        .deployment(at(&other.url(), "other", "other"))
        .context_window_fallback("a", ["long"])
        .content_policy_fallback("a", ["lax"])
        .default_fallback(["other"])
        .num_retries(0)
        .build()
        .unwrap();
    let faults = [(Fault::ContextWindowExceeded, "long"), (Fault::ContentPolicy, "lax"), (Fault::Status(500), "other")];
    for (fault, group) in faults {
        first.reply(fault);
        for streamed in [false, true] {
            let call = router.completion("a", "Hi");
            let reply = if streamed { call.stream().await.unwrap().collect().await } else { call.await }.unwrap();
            assert_eq!((reply.text().as_str(), reply.meta.attempts), (group, 2));
        }
    }
    // A call's own list stands over the router's, and names that no group has go to the default.
    assert_eq!(router.completion("a", "Hi").fallbacks(["lax"]).await.unwrap().text(), "lax");
    assert_eq!(router.completion("unheard of", "Hi").await.unwrap().text(), "other");
    let error = router.completion("a", "Hi").fallbacks(["unheard of"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_fallback_changes_parameters_and_conversation_for_itself_alone() {
    let (bad, worse, good) = (server(Fault::Status(500)).await, server(Fault::Status(500)).await, server("ok").await);
    let router = router()
        .deployment(at(&bad.url(), "a", "a"))
        .deployment(at(&worse.url(), "b", "b").param("seed", 7))
        .deployment(at(&good.url(), "c", "c"))
        .fallback("b", [Fallback::new("c").param("top_p", 0.5).param("temperature", Value::Null)])
        .num_retries(0)
        .build()
        .unwrap();
    for streamed in [false, true] {
        let shorter = Fallback::new("b").param("temperature", 0.25).param("seed", 3).messages("Short");
        let call = router.completion("a", "A long story").temperature(1.0).fallbacks([shorter]);
        let reply = if streamed { call.stream().await.unwrap().collect().await } else { call.await }.unwrap();
        assert_eq!((reply.text().as_str(), reply.meta.attempts), ("ok", 3));
        let [first, second, third] = [&bad, &worse, &good].map(|server| server.take_requests()[0].json());
        assert_eq!((&first["temperature"], &first["seed"]), (&json!(1.0), &Value::Null));
        assert_eq!((&second["temperature"], &second["seed"]), (&json!(0.25), &json!(3)));
        assert_eq!(second["messages"][0]["content"], "Short");
        // What the next one is asked follows from the call, and not from what another fallback made of it.
        assert_eq!((&third["temperature"], &third["top_p"]), (&Value::Null, &json!(0.5)));
        assert_eq!(third["messages"][0]["content"], "A long story");
    }
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_asked_again_shorter_in_the_same_group() {
    let one = server("ok").await;
    let router = router()
        .deployment(at(&one.url(), "a", "one").max_input_tokens(20))
        .check_context_window(true)
        .build()
        .unwrap();
    let long = "word ".repeat(100);
    let error = router.completion("a", long.as_str()).await.unwrap_err();
    assert_eq!((error.kind(), one.received()), (ErrorKind::ContextWindowExceeded, 0));
    let call = router.completion("a", long).fallbacks([Fallback::new("a").messages("word")]);
    assert_eq!((call.await.unwrap().text().as_str(), one.received()), ("ok", 1));
}

#[tokio::test]
async fn a_fallback_that_makes_no_sense_is_told_before_anything_is_sent() {
    let one = server("ok").await;
    let good = || router().deployment(at(&one.url(), "a", "one"));
    for (wrong, word) in [
        (Fallback::new("a").param("temperature", "hot"), "temperature"),
        (Fallback::new("a").param("api_key", "sk-own"), "api_key"),
    ] {
        let error = good().build().unwrap().completion("a", "Hi").fallbacks([wrong.clone()]).await.unwrap_err();
        assert!(error.message().contains(word) && !error.message().contains("sk-own"), "{error}");
        let error = good().fallback("a", [wrong]).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(word), "{error}");
    }
    assert_eq!(one.received(), 0);
}

#[tokio::test]
async fn a_fallbacks_time_is_for_its_own_tries() {
    let (bad, slow) = (server(Fault::Status(500)).await, server(Fault::SlowHead(LONG)).await);
    let router = router()
        .deployment(at(&bad.url(), "a", "a"))
        .deployment(at(&slow.url(), "b", "b"))
        .num_retries(0)
        .build()
        .unwrap();
    let begun = Instant::now();
    let call = router.completion("a", "Hi").fallbacks([Fallback::new("b").param("timeout", 0.05)]);
    let error = call.await.unwrap_err();
    assert_eq!(trail(error.trail()), [failing(ErrorKind::Unavailable, "a"), failing(ErrorKind::Timeout, "b")]);
    assert!(begun.elapsed() < LONG / 2);
}

#[tokio::test]
async fn names_are_aliases_patterns_and_ids() {
    let (any, one) = (server("ok").await, server("one").await);
    let router = router()
        .deployment(at(&one.url(), "smart", "first"))
        .deployment(Deployment::new("openai/*", "openai/*-next").id("wild").api_base(any.url()).api_key("k"))
        .alias("clever", "smart")
        .build()
        .unwrap();
    assert_eq!(router.completion("clever", "Hi").await.unwrap().text(), "one");
    assert_eq!(router.completion("first", "Hi").await.unwrap().text(), "one");
    let reply = router.completion("openai/gpt-9", "Hi").await.unwrap();
    assert_eq!(reply.meta.deployment.as_deref(), Some("wild"));
    assert_eq!(any.requests()[0].json()["model"], "gpt-9-next");
    let error = router.completion("gemini/x", "Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_limited_deployment_cools_and_comes_back_by_one_call() {
    let (one, two) = (server(Fault::Status(429)).await, server("two").await);
    let heard = Heard::default();
    let router = router()
        .deployment(at(&one.url(), "a", "one").cooldown_time(SOON))
        .deployment(at(&two.url(), "a", "two").order(2))
        .observer(heard.clone())
        .build()
        .unwrap();
    let ask = async || router.completion("a", "Hi").await.unwrap().text();
    assert_eq!((ask().await.as_str(), one.received()), ("two", 1));
    assert!(matches!(router.snapshot()[0].health, DeploymentHealth::Cooling { .. }));
    // While it cools, nothing goes to it.
    assert_eq!((ask().await.as_str(), one.received()), ("two", 1));
    one.reply(Reply::text("one").fault(Fault::SlowHead(SOON)));
    while router.snapshot()[0].health != DeploymentHealth::Probation {
        tokio::task::yield_now().await;
    }
    // One call tries it out; the others keep away until it has answered.
    let (probe, rest) = tokio::join!(ask(), async { [ask().await, ask().await, ask().await] });
    assert_eq!((probe.as_str(), one.received()), ("one", 2));
    assert!(rest.iter().all(|text| text == "two"), "{rest:?}");
    assert_eq!(router.snapshot()[0].health, DeploymentHealth::Healthy);
    let heard = heard.take();
    assert!(heard.contains(&"cooled one".to_owned()) && heard.contains(&"recovered one".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn the_last_healthy_deployment_is_never_cooled() {
    let bad = server(Fault::Status(401)).await;
    let url = bad.url();
    let deployments = ["one", "two"].map(|id| at(&url, "a", id).cooldown_time(SOON));
    let router = router().deployments(deployments).build().unwrap();
    for _ in 0..5 {
        router.completion("a", "Hi").await.unwrap_err();
    }
    let healthy = |router: &Router| {
        router.snapshot().iter().filter(|deployment| deployment.health == DeploymentHealth::Healthy).count()
    };
    assert_eq!(healthy(&router), 1);
}

#[tokio::test]
async fn when_all_cool_a_call_waits_for_the_first_to_come_back() {
    let both = server("ok").await;
    let wait = Duration::from_millis(300);
    let url = both.url();
    let router =
        router().deployment(at(&url, "a", "one")).deployment(at(&url, "a", "two")).num_retries(1).build().unwrap();
    both.enqueue(Fault::RateLimited { retry_after: wait });
    both.enqueue(Fault::RateLimited { retry_after: wait });
    let begun = Instant::now();
    router.completion("a", "Hi").await.unwrap_err();
    assert!(begun.elapsed() < wait, "{:?}", begun.elapsed());
    // Both are to be left alone now: the next call waits as long as they asked for, and then goes through.
    let reply = router.completion("a", "Hi").await.unwrap();
    assert!(begun.elapsed() >= wait, "{:?}", begun.elapsed());
    assert_eq!((reply.text().as_str(), reply.meta.attempts, both.received()), ("ok", 1, 3));
    // One that has no time for that fails at once, and says when to come back.
    both.enqueue(Fault::RateLimited { retry_after: LONG });
    both.enqueue(Fault::RateLimited { retry_after: LONG });
    router.completion("a", "Hi").await.unwrap_err();
    let begun = Instant::now();
    let error = router.completion("a", "Hi").timeout(LONG / 2).await.unwrap_err();
    assert_eq!((error.kind(), both.received()), (ErrorKind::RateLimited, 5));
    assert!(error.retry_after().is_some() && begun.elapsed() < LONG / 2);
}

#[tokio::test]
async fn concurrent_calls_do_not_overrun_limits() {
    let server = server(Reply::text("ok").usage(3, 2)).await;
    let limited = at(&server.url(), "a", "limited").rpm(5);
    let router = router().deployment(limited).num_retries(0).build().unwrap();
    let calls = (0..40).map(|_| router.completion("a", "Hi").timeout(SOON * 4));
    let good = batch(calls).await.into_iter().filter(Result::is_ok).count();
    assert_eq!((good, server.received()), (5, 5));
    let limited = &router.snapshot()[0];
    assert_eq!((limited.requests, limited.tokens, limited.in_flight), (5, 25, 0));
}

#[tokio::test]
async fn calls_beyond_the_number_in_flight_wait_for_their_turn() {
    let server = server(Reply::text("ok").fault(Fault::SlowHead(Duration::from_millis(5)))).await;
    let router = router().deployment(at(&server.url(), "a", "one").max_parallel_requests(3)).build().unwrap();
    let peak = AtomicU32::new(0);
    let calls = batch((0..30).map(|_| router.completion("a", "Hi")));
    let watching = async {
        loop {
            peak.fetch_max(router.snapshot()[0].in_flight, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    };
    let replies = tokio::select! { replies = calls => replies, () = watching => Vec::new() };
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert_eq!((peak.into_inner(), server.received(), router.snapshot()[0].in_flight), (3, 30, 0));
}

#[tokio::test]
async fn a_dropped_call_or_stream_gives_its_place_back() {
    let server = server(Reply::text("a b c").chunks(3).fault(Fault::StallAfter(1))).await;
    let router = router().deployment(at(&server.url(), "a", "one").max_parallel_requests(1)).build().unwrap();
    let in_flight = || router.snapshot()[0].in_flight;
    let mut stream = router.completion("a", "Hi").stream().await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(in_flight(), 1);
    drop(stream);
    assert_eq!(in_flight(), 0);
    server.reply(Fault::SlowHead(LONG));
    let call = router.completion("a", "Hi").into_future();
    assert!(tokio::time::timeout(SOON, call).await.is_err());
    assert_eq!(in_flight(), 0);
    server.reply("ok");
    assert_eq!(router.completion("a", "Hi").await.unwrap().text(), "ok");
}

#[tokio::test]
async fn a_stream_that_fails_before_its_content_is_saved_unseen() {
    let good = server(words().usage(4, 3)).await;
    let faults = [
        Fault::CutAfter(0),
        Fault::ResetAfter(0),
        Fault::EndAfter(0),
        Fault::StallAfter(0),
        Fault::ErrorAfter(0),
        Fault::MalformedAfter(0),
        Fault::EmptyBody,
        Fault::Status(500),
    ];
    for fault in faults {
        let bad = server(words().fault(fault.clone())).await;
        let router = router()
            .deployment(at(&bad.url(), "a", "bad").stream_timeout(SOON))
            .deployment(at(&good.url(), "b", "good"))
            .fallback("a", ["b"])
            .num_retries(0)
            .build()
            .unwrap();
        let stream = router.completion("a", "Hi").stream().await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(stream.meta().deployment.as_deref(), Some("good"), "{fault:?}");
        assert_eq!((stream.meta().attempts, stream.meta().trail.len()), (2, 2), "{fault:?}");
        let (text, starts, restarts, end) = watch(stream).await;
        assert_eq!((text.as_str(), starts, restarts), ("one two three", 1, 0), "{fault:?}");
        assert!(end.is_ok(), "{fault:?}");
        assert!(router.snapshot().iter().all(|deployment| deployment.in_flight == 0));
    }
}

const BREAKS: [Fault; 6] = [
    Fault::CutAfter(2),
    Fault::ResetAfter(2),
    Fault::EndAfter(2),
    Fault::StallAfter(2),
    Fault::ErrorAfter(2),
    Fault::MalformedAfter(2),
];

#[tokio::test]
async fn a_stream_that_breaks_after_its_content_fails_with_what_had_come() {
    let good = server(words()).await;
    for fault in BREAKS {
        let bad = server(words().fault(fault.clone()).pace(Duration::from_millis(5))).await;
        let router = router()
            .deployment(at(&bad.url(), "a", "bad").stream_timeout(SOON))
            .deployment(at(&good.url(), "b", "good"))
            .fallback("a", ["b"])
            .build()
            .unwrap();
        let (text, _, _, end) = watch(router.completion("a", "Hi").stream().await.unwrap()).await;
        let error = end.unwrap_err();
        assert_eq!(error.partial().map(|partial| partial.text()), Some(text.clone()), "{fault:?}");
        assert!(!text.is_empty(), "{fault:?}");
        assert_eq!((trail(error.trail()), error.attempts()), (vec![failing(error.kind(), "bad")], 1), "{fault:?}");
        assert_eq!((good.received(), router.snapshot()[0].in_flight), (0, 0));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_can_begin_anew() {
    let good = server(words().usage(4, 3)).await;
    for fault in BREAKS {
        let bad =
            server(Reply::text("uno dos tres").chunks(3).fault(fault.clone()).pace(Duration::from_millis(5))).await;
        let router = router()
            .deployment(at(&bad.url(), "a", "bad").stream_timeout(SOON))
            .deployment(at(&good.url(), "b", "good"))
            .fallback("a", ["b"])
            .num_retries(0)
            .stream_failure(OnStreamFailure::Restart)
            .build()
            .unwrap();
        let (text, starts, restarts, end) = watch(router.completion("a", "Hi").stream().await.unwrap()).await;
        assert!(text.starts_with("uno") && text.ends_with("one two three"), "{fault:?}: {text}");
        assert_eq!((starts, restarts, end.is_ok()), (2, 1, true), "{fault:?}");
        let reply = router.completion("a", "Hi").stream().await.unwrap().collect().await.unwrap();
        assert_eq!((reply.text().as_str(), reply.meta.deployment.as_deref()), ("one two three", Some("good")));
        assert_eq!(trail(&reply.meta.trail)[1..], [answered("good")], "{fault:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_can_be_continued_by_a_model_that_takes_a_beginning() {
    let claude = server(Reply::text(" and the rest").chunks(2)).await;
    let gpt = server("never asked").await;
    for fault in BREAKS {
        let bad =
            server(Reply::text("one two three ").chunks(3).fault(fault.clone()).pace(Duration::from_millis(5))).await;
        let router = router()
            .deployment(at(&bad.url(), "a", "bad").stream_timeout(SOON))
            .deployment(at(&gpt.url(), "a", "gpt").order(2))
            .deployment(
                Deployment::new("b", "anthropic/claude-sonnet-4-5").id("claude").api_base(claude.url()).api_key("k"),
            )
            .fallback("a", ["b"])
            .num_retries(0)
            .stream_failure(OnStreamFailure::Continue)
            .build()
            .unwrap();
        let (text, starts, restarts, end) = watch(router.completion("a", "Hi").stream().await.unwrap()).await;
        assert!(end.is_ok(), "{fault:?}: {end:?}");
        assert_eq!((starts, restarts), (1, 0), "{fault:?}");
        let said = claude.take_requests()[0].json()["messages"][1].clone();
        assert_eq!(said["role"], "assistant");
        let said = said["content"].as_str().or_else(|| said["content"][0]["text"].as_str()).unwrap().to_owned();
        assert_eq!(said, said.trim_end(), "no white space at the end of what is sent");
        assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" "), format!("{said} and the rest"), "{fault:?}");
        assert!(!text.contains("  "), "{text:?}");
        assert_eq!(gpt.received(), 0);
    }
}

#[tokio::test]
async fn a_stream_that_nobody_can_save_fails_of_what_broke_it() {
    let bad = server(words().fault(Fault::CutAfter(2)).pace(Duration::from_millis(5))).await;
    let worse = server(Fault::Status(500)).await;
    for how in [OnStreamFailure::Restart, OnStreamFailure::Continue] {
        let router = router()
            .deployment(at(&bad.url(), "a", "bad"))
            .deployment(at(&worse.url(), "b", "worse"))
            .fallback("a", ["b"])
            .num_retries(0)
            .stream_failure(how)
            .build()
            .unwrap();
        let (text, _, _, end) = watch(router.completion("a", "Hi").stream().await.unwrap()).await;
        let error = end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamInterrupted, "{how:?}");
        assert_eq!(error.partial().map(|partial| partial.text()), Some(text), "{how:?}");
        let asked = usize::from(how == OnStreamFailure::Restart);
        assert_eq!(error.trail().len(), 1 + asked, "{how:?}: {:?}", error.trail());
    }
}

#[tokio::test]
async fn tags_and_regions_choose_deployments() {
    let server = server("ok").await;
    let url = server.url();
    let router = router()
        .deployment(at(&url, "a", "free").tag("free").region("eu"))
        .deployment(at(&url, "a", "paid").tag("paid").region("us"))
        .deployment(at(&url, "a", "rest").tag("default").region("us"))
        .tag_filtering(TagMatch::Any)
        .build()
        .unwrap();
    let ask = async |tag: Option<&str>, region: Option<&str>| {
        let call = router.completion("a", "Hi");
        let call = if let Some(tag) = tag { call.tag(tag) } else { call };
        let call = if let Some(region) = region { call.region(region) } else { call };
        call.await.map(|reply| reply.meta.deployment.unwrap())
    };
    assert_eq!(ask(Some("paid"), None).await.unwrap(), "paid");
    assert_eq!(ask(None, None).await.unwrap(), "rest");
    assert_eq!(ask(Some("free"), Some("eu")).await.unwrap(), "free");
    assert_eq!(ask(None, Some("mars")).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(server.received(), 3);
}

#[tokio::test]
async fn deployments_come_and_go_while_calls_run() {
    let (one, two) = (server("one").await, server("two").await);
    let router = router().deployment(at(&one.url(), "a", "one")).build().unwrap();
    one.reply(Reply::text("one").fault(Fault::SlowHead(SOON)));
    let running = tokio::spawn(router.completion("a", "Hi").into_future());
    while router.snapshot()[0].in_flight == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(router.add(at(&two.url(), "a", "two")).unwrap(), "two");
    assert!(router.remove("one") && !router.remove("one"));
    assert_eq!(router.completion("a", "Hi").await.unwrap().text(), "two");
    assert_eq!(running.await.unwrap().unwrap().text(), "one");
    // A new key keeps what is known of the deployment.
    router.change("two", at(&two.url(), "a", "x").api_key("sk-new")).unwrap();
    assert_eq!(router.snapshot()[0].requests, 1);
    router.completion("a", "Hi").await.unwrap();
    assert_eq!(two.requests()[1].header("authorization"), Some("Bearer sk-new"));
    assert_eq!(router.add(at(&two.url(), "a", "two")).unwrap_err().kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_router_that_makes_no_sense_is_not_built() {
    let good = || router().deployment(Deployment::new("a", "openai/m").api_key("k"));
    let wrong: [(RouterBuilder, &str); 6] = [
        (router(), "at least one deployment"),
        (good().fallback("a", ["nowhere"]), "nowhere"),
        (good().fallback("nothing", ["a"]), "nothing"),
        (good().alias("x", "nowhere"), "nowhere"),
        (good().deployment(Deployment::new("b", "nobody/m")), "`b`"),
        (good().deployment(Deployment::new("b", "hosted_vllm/m")), "`b`"),
    ];
    for (builder, names) in wrong {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains(names), "{error}");
    }
    let error = good().build().unwrap().completion("a", "Hi").api_key("sk-own").await.unwrap_err();
    assert!(error.message().contains("api_key"), "{error}");
}

#[tokio::test]
async fn many_models_at_once_and_the_fastest_of_them() {
    let (slow, fast, bad) =
        (server(Reply::text("slow").fault(Fault::SlowHead(LONG))).await, server("fast").await, server("bad").await);
    bad.reply(Fault::Status(400));
    let router = router()
        .deployment(at(&slow.url(), "slow", "slow"))
        .deployment(at(&fast.url(), "fast", "fast"))
        .deployment(at(&bad.url(), "bad", "bad"))
        .build()
        .unwrap();
    let replies = router.batch_completion(["bad", "fast"], "Hi").await;
    assert_eq!(replies[0].as_ref().unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(replies[1].as_ref().unwrap().text(), "fast");
    assert_eq!(router.batch_prompts("fast", ["a", "b"]).await.len(), 2);
    assert_eq!(router.fastest_response(["slow", "bad", "fast"], "Hi").await.unwrap().text(), "fast");
    assert!(router.snapshot().iter().all(|deployment| deployment.in_flight == 0));
    assert_eq!(router.fastest_response(["bad"], "Hi").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_call_that_takes_long_is_hedged_when_that_is_wished_for() {
    let (one, two) = (server("one").await, server("two").await);
    let router = router()
        .deployment(at(&one.url(), "a", "one"))
        .deployment(at(&two.url(), "a", "two"))
        .strategy(LeastBusy)
        .hedge(true)
        .build()
        .unwrap();
    for _ in 0..100 {
        router.completion("a", "Hi").await.unwrap();
    }
    one.reply(Reply::text("one").fault(Fault::SlowHead(LONG)));
    for _ in 0..6 {
        let reply = router.completion("a", "Hi").await.unwrap();
        assert_eq!((reply.text().as_str(), reply.meta.deployment.as_deref()), ("two", Some("two")));
    }
    assert!(router.snapshot().iter().all(|deployment| deployment.in_flight == 0));
}

#[tokio::test]
async fn prompts_are_counted_through_the_router() {
    let server = server(Reply::text("x").usage(7, 0)).await;
    let claude = Deployment::new("a", "anthropic/claude-sonnet-4-5").api_base(server.url()).api_key("k");
    let router = router().deployment(claude).build().unwrap();
    assert_eq!(router.completion("a", "Hi").count_tokens().await.unwrap().tokens, 7);
    // Another group's model has other tokens.
    let other = at(&server.url(), "b", "b");
    let failing = Deployment::new("a", "anthropic/claude-sonnet-4-5").api_base(server.url()).api_key("k");
    let both = self::router().deployment(failing).deployment(other).fallback("a", ["b"]).default_fallback(["b"]);
    let both = both.num_retries(0).build().unwrap();
    server.enqueue(Fault::Status(500));
    assert_eq!(both.completion("a", "Hi").count_tokens().await.unwrap_err().trail().len(), 1);
    assert_eq!(both.completion("nothing", "Hi").count_tokens().await.unwrap_err().kind(), ErrorKind::NotFound);
    async fn either(llm: &(impl Complete + Clone + 'static)) -> String {
        llm.completion("a", "Hi").await.unwrap().text()
    }
    assert_eq!(either(&router).await, "x");
}

/// What an observer heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl RouterObserver for Heard {
    fn heard(&self, event: &RouterEvent<'_>) {
        let line = match event {
            RouterEvent::Picked { deployment, attempt, .. } => format!("picked {deployment} {attempt}"),
            RouterEvent::Retried { deployment, error, .. } => format!("retried {deployment} {}", error.kind()),
            RouterEvent::Cooled { deployment, .. } => format!("cooled {deployment}"),
            RouterEvent::Recovered { deployment, .. } => format!("recovered {deployment}"),
            RouterEvent::FellBack { from, to, .. } => format!("{from} -> {to}"),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn an_observer_hears_each_decision() {
    let (bad, good) = (server(Fault::Status(500)).await, server("ok").await);
    let heard = Heard::default();
    let router = router()
        .deployment(at(&bad.url(), "a", "one"))
        .deployment(at(&good.url(), "b", "two"))
        .fallback("a", ["b"])
        .num_retries(1)
        .observer(heard.clone())
        .build()
        .unwrap();
    router.completion("a", "Hi").await.unwrap();
    let retried = ["picked one 1", "retried one unavailable", "picked one 2", "a -> b", "retried two unavailable"];
    assert_eq!(heard.take(), [retried.as_slice(), &["picked two 3"]].concat());
}

/// OpenAI's Responses API and Anthropic's Messages go the way of chat: to another deployment as long as nothing has been
/// handed out, and to an error that says what was tried when a stream breaks later.
#[tokio::test]
async fn every_operation_of_a_client_goes_through_a_router() {
    let (bad, good) = (server(Fault::Status(503)).await, server(words()).await);
    let both = || router().deployment(at(&bad.url(), "a", "bad")).deployment(at(&good.url(), "a", "good").order(2));
    let expected = [failing(ErrorKind::Unavailable, "bad"), answered("good")];

    let router = both().build().unwrap();
    let reply = router.responses("a", "Hi").await.unwrap();
    assert_eq!((reply.text().as_str(), reply.meta.deployment.as_deref()), ("one two three", Some("good")));
    assert_eq!(trail(&reply.meta.trail), expected);
    let router = both().build().unwrap();
    let reply = router.messages("a", [Turn::user("Hi")]).max_tokens(50).await.unwrap();
    assert_eq!((reply.text().as_str(), trail(&reply.meta.trail)), ("one two three", expected.to_vec()));

    let router = both().build().unwrap();
    let reply = router.responses("a", "Hi").stream().await.unwrap().collect().await.unwrap();
    assert_eq!((reply.text().as_str(), trail(&reply.meta.trail)), ("one two three", expected.to_vec()));
    let router = both().build().unwrap();
    let reply =
        router.messages("a", [Turn::user("Hi")]).max_tokens(50).stream().await.unwrap().collect().await.unwrap();
    assert_eq!((reply.text().as_str(), trail(&reply.meta.trail)), ("one two three", expected.to_vec()));
}

#[tokio::test]
async fn a_stream_of_another_operation_that_breaks_says_what_was_tried() {
    let cut = server(words().fault(Fault::CutAfter(2))).await;
    let router = router().deployment(at(&cut.url(), "a", "cut")).build().unwrap();
    let mut stream = router.messages("a", [Turn::user("Hi")]).max_tokens(50).stream().await.unwrap();
    let mut failed = None;
    while let Some(event) = stream.next().await {
        failed = event.err();
    }
    let error = failed.unwrap();
    assert_eq!(error.kind(), ErrorKind::StreamInterrupted);
    assert_eq!(trail(error.trail()), [failing(ErrorKind::StreamInterrupted, "cut")]);
    assert!(router.snapshot().iter().all(|deployment| deployment.in_flight == 0));
}

/// A service can have thousands of calls in flight.
#[tokio::test]
async fn a_call_in_flight_is_small() {
    let server = server(words()).await;
    let router = router().deployment(at(&server.url(), "a", "a")).build().unwrap();
    let alone = client().completion("openai/m", "Hi").into_future();
    assert!(size_of_val(&*alone) <= 4 << 10, "{} bytes", size_of_val(&*alone));
    let routed = router.completion("a", "Hi").into_future();
    assert!(size_of_val(&*routed) <= 5 << 10, "{} bytes", size_of_val(&*routed));
    let streamed = router.complete_stream(ChatRequest::new("a", "Hi"), CallOptions::default());
    assert!(size_of_val(&*streamed) <= 8 << 10, "{} bytes", size_of_val(&*streamed));
}
