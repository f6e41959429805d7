//! Streams of responses and messages through the router: what becomes of them when they break.

use std::sync::Arc;
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::client::{MessageStream, ResponseStream};
use anymodel::messages::Turn;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::router::{DeploymentHealth, RouterBuilder};
use anymodel::transport::{ReqwestTransport, Transport};
use anymodel::{Client, Deployment, Error, ErrorKind, OnStreamFailure, RetryPolicy, Router, messages, responses};
use serde_json::{Value, json};

/// A deadline that a stream comes to.
const SOON: Duration = Duration::from_millis(80);
/// Between two pieces of a stream, so that they come one by one.
const PACE: Duration = Duration::from_millis(5);
/// All that breaks a stream after its second piece.
const BREAKS: [Fault; 6] = [
    Fault::CutAfter(2),
    Fault::ResetAfter(2),
    Fault::EndAfter(2),
    Fault::MalformedAfter(2),
    Fault::ErrorAfter(2),
    Fault::StallAfter(2),
];
/// A model that is asked in the format itself, and one that is asked in chat.
const RESPONSES: [&str; 2] = ["openai/m", "groq/m"];
const MESSAGES: [&str; 2] = ["anthropic/claude-sonnet-4-5", "deepseek/deepseek-chat"];

/// A client that shares its transport with all others of the test: making one reads the system's certificates.
fn client() -> Client {
    thread_local! {
        static TRANSPORT: Arc<dyn Transport> = Arc::new(ReqwestTransport::new(Duration::from_secs(10)).unwrap());
    }
    let builder = Client::builder().transport(TRANSPORT.with(Arc::clone)).environment(Environment::none());
    builder.build().unwrap()
}

/// Two groups of one deployment each, of which the first falls back to the second.
fn router(bad: (&str, &MockServer), good: (&str, &MockServer), how: OnStreamFailure) -> Router {
    two(bad, good).stream_failure(how).build().unwrap()
}

fn two(bad: (&str, &MockServer), good: (&str, &MockServer)) -> RouterBuilder {
    let at = |group: &str, id: &str, (model, server): (&str, &MockServer)| {
        Deployment::new(group, model).id(id).api_base(server.url()).api_key("sk-secret").stream_timeout(SOON).tpm(1000)
    };
    let builder = Router::builder().client(client()).num_retries(0).retries_on(ErrorKind::RateLimited, 0);
    let mut pauses = RetryPolicy::default();
    pauses.base = Duration::from_millis(1);
    builder.pauses(pauses).deployment(at("a", "bad", bad)).deployment(at("b", "good", good)).fallback("a", ["b"])
}

async fn server(reply: Reply) -> MockServer {
    let server = MockServer::start().await.unwrap();
    server.reply(reply);
    server
}

async fn respond(router: &Router) -> ResponseStream {
    router.responses("a", "Hi").stream().await.unwrap()
}

async fn message(router: &Router) -> MessageStream {
    router.messages("a", [Turn::user("Hi")]).max_tokens(50).stream().await.unwrap()
}

/// All that a stream gives, and its error.
macro_rules! read {
    ($stream:expr) => {{
        let (mut stream, mut events, mut end) = ($stream, Vec::new(), Ok(()));
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => events.push(event),
                Err(error) => end = Err(error),
            }
        }
        (events, end)
    }};
}

fn trail(error: &Error) -> Vec<&str> {
    error.trail().iter().map(|attempt| attempt.deployment.as_str()).collect()
}

// ---- responses ------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_response_that_breaks_begins_anew_with_no_output_and_items_from_0_and_is_numbered_on() {
    for (from, to) in RESPONSES.into_iter().flat_map(|from| RESPONSES.map(|to| (from, to))) {
        for fault in BREAKS {
            let bad =
                server(Reply::text("uno dos tres").reasoning("Hm.").chunks(3).pace(PACE).fault(fault.clone())).await;
            let good = server(Reply::text("one two three").chunks(3).usage(4, 3)).await;
            let router = router((from, &bad), (to, &good), OnStreamFailure::Restart);
            let (events, end) = read!(respond(&router).await);
            assert!(end.is_ok(), "{from} {to} {fault:?}: {end:?}");
            let numbers: Vec<u64> = events.iter().map(|event| event.sequence_number.unwrap()).collect();
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{from} {to} {fault:?}: {numbers:?}");
            let mut parts = events.split(responses::Event::is_restart);
            let (void, anew) = (parts.next().unwrap(), parts.next().unwrap());
            assert!(parts.next().is_none(), "{from} {to} {fault:?}");
            assert!(void.iter().any(|event| !event.text().is_empty() || !event.reasoning().is_empty()));
            let restart = &events[void.len()];
            assert_eq!(restart.kind, "response.created");
            assert!(restart.response.as_ref().unwrap().output.is_empty());
            let first = anew.iter().find_map(|event| event.output_index);
            assert_eq!(first, Some(0), "{from} {to} {fault:?}");
            let text: String = anew.iter().map(responses::Event::text).collect();
            let last = events.last().unwrap().response.as_ref().unwrap();
            assert_eq!(
                (text.as_str(), last.text().as_str()),
                ("one two three", "one two three"),
                "{from} {to} {fault:?}"
            );

            let reply = respond(&router).await.collect().await.unwrap();
            assert_eq!(
                (reply.text().as_str(), reply.reasoning().as_str()),
                ("one two three", ""),
                "{from} {to} {fault:?}"
            );
            assert_eq!(
                (reply.meta.deployment.as_deref(), reply.meta.attempts),
                (Some("good"), 2),
                "{from} {to} {fault:?}"
            );
            let snapshot = router.snapshot();
            assert_eq!((snapshot[0].in_flight, snapshot[1].in_flight), (0, 0), "{from} {to} {fault:?}");
            assert_eq!(snapshot[1].tokens, 14, "{from} {to} {fault:?}: what the good ones came to");
            assert_eq!((snapshot[0].failed, snapshot[1].failed), (2, 0), "{from} {to} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_response_fails_with_what_had_come_where_it_cannot_go_on() {
    for model in RESPONSES {
        for how in [OnStreamFailure::Fail, OnStreamFailure::Continue] {
            for fault in BREAKS {
                let bad = server(Reply::text("uno dos tres").chunks(3).pace(PACE).fault(fault.clone())).await;
                let good = server(Reply::text("one")).await;
                let router = router((model, &bad), (model, &good), how);
                let (events, end) = read!(respond(&router).await);
                let error = end.unwrap_err();
                let text: String = events.iter().map(responses::Event::text).collect();
                assert_eq!(error.partial_response().map(responses::Response::text), Some(text.clone()), "{fault:?}");
                assert!(text.starts_with("uno"), "{model} {fault:?}: {text}");
                assert_eq!((trail(&error), good.received()), (vec!["bad"], 0), "{model} {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_response_does_not_begin_anew_once_the_caller_can_have_run_a_call_of_it() {
    let calls = || Reply::tool_call("send", json!({"to": "you"})).and_tool_call("send", json!({"to": "me"})).chunks(2);
    let good = server(calls()).await;
    for model in RESPONSES {
        let mut seen = [0, 0];
        for pieces in 1..4 {
            let bad = server(calls().pace(PACE).fault(Fault::CutAfter(pieces))).await;
            let router = router((model, &bad), (model, &good), OnStreamFailure::Restart);
            let (events, end) = read!(respond(&router).await);
            let done = events.iter().filter(|event| event.kind == "response.output_item.done").count();
            seen[usize::from(end.is_ok())] += 1;
            // However it broke, the caller has not seen a call twice.
            assert!(done <= 2, "{model} {pieces}: {done}");
            if let Err(error) = end {
                assert_eq!(error.kind(), ErrorKind::StreamInterrupted, "{model} {pieces}");
            }
        }
        // Over chat, calls are done at the end.
        assert_eq!(seen, if model == "openai/m" { [2, 1] } else { [0, 3] }, "{model}");
    }
}

// ---- messages -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_message_that_breaks_is_gone_on_with_in_the_block_that_broke() {
    for (from, to) in MESSAGES.into_iter().flat_map(|from| MESSAGES.map(|to| (from, to))) {
        for fault in BREAKS {
            let bad = server(Reply::text("one two three ").chunks(3).pace(PACE).fault(fault.clone())).await;
            let good = server(Reply::text(" and the rest").chunks(2).usage(4, 3)).await;
            let router = router((from, &bad), (to, &good), OnStreamFailure::Continue);
            let (events, end) = read!(message(&router).await);
            assert!(end.is_ok(), "{from} {to} {fault:?}: {end:?}");
            let kinds: Vec<&str> =
                events.iter().map(|event| event.kind.as_str()).filter(|kind| *kind != "ping").collect();
            let count = |kind: &str| kinds.iter().filter(|one| **one == kind).count();
            assert_eq!(
                ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]
                    .map(count),
                [1; 5],
                "{from} {to} {fault:?}: {kinds:?}"
            );
            assert!(events.iter().filter_map(|event| event.index).all(|index| index == 0), "{from} {to} {fault:?}");
            let asked = good.take_requests()[0].json()["messages"].clone();
            let said = asked[1]["content"].as_str().or_else(|| {
                let block = &asked[1]["content"][0];
                block["text"].as_str()
            });
            let said = said.unwrap_or_else(|| panic!("{asked}")).to_owned();
            assert_eq!((asked[1]["role"].as_str(), said.trim_end()), (Some("assistant"), said.as_str()));
            let prefix = if to == MESSAGES[1] { json!(true) } else { Value::Null };
            assert_eq!(asked[1]["prefix"], prefix, "{from} {to} {fault:?}: {asked}");
            let text: String = events.iter().map(messages::Event::text).collect();
            assert!(!text.contains("  "), "{from} {to} {fault:?}: {text:?}");
            assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" "), format!("{said} and the rest"));

            let reply = message(&router).await.collect().await.unwrap();
            assert_eq!((reply.text(), reply.content.len()), (text, 1), "{from} {to} {fault:?}");
            assert_eq!((reply.meta.deployment.as_deref(), reply.meta.attempts), (Some("good"), 2));
            let snapshot = router.snapshot();
            assert_eq!(
                (snapshot[0].in_flight, snapshot[1].in_flight, snapshot[1].tokens),
                (0, 0, 14),
                "{from} {to} {fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_message_is_gone_on_with_as_often_as_it_breaks() {
    let model = MESSAGES[0];
    let breaks = |text: &str| Reply::text(text).chunks(3).pace(PACE).fault(Fault::CutAfter(2));
    let (bad, worse) = (server(breaks("one two lost")).await, server(breaks(" three four lost")).await);
    let good = server(Reply::text(" five")).await;
    let last = Deployment::new("c", model).id("last").api_base(good.url()).api_key("k");
    let builder = two((model, &bad), (model, &worse)).deployment(last).fallback("b", ["c"]);
    let router = builder.stream_failure(OnStreamFailure::Continue).build().unwrap();
    let reply = message(&router).await.collect().await.unwrap();
    let asked = good.take_requests()[0].json()["messages"].clone();
    assert_eq!(asked.as_array().unwrap().len(), 2, "{asked}");
    assert_eq!((reply.text().as_str(), reply.content.len()), ("one two three four five", 1));
    let tried: Vec<&str> = reply.meta.trail.iter().map(|attempt| attempt.deployment.as_str()).collect();
    assert_eq!(tried, ["bad", "good", "last"]);
}

#[tokio::test]
async fn what_is_gone_on_with_by_thinking_has_it_in_blocks_of_its_own() {
    let bad = server(Reply::text("one two three ").chunks(3).pace(PACE).fault(Fault::CutAfter(2))).await;
    let good = server(Reply::text("and the rest").reasoning("Hm.")).await;
    let model = MESSAGES[0];
    let router = router((model, &bad), (model, &good), OnStreamFailure::Continue);
    let (events, end) = read!(message(&router).await);
    assert!(end.is_ok(), "{end:?}");
    let mut open = None;
    let mut begun = Vec::new();
    for event in &events {
        match event.kind.as_str() {
            "content_block_start" => {
                assert_eq!(open.replace(event.index.unwrap()), None);
                begun.push((event.index.unwrap(), event.content_block.as_ref().unwrap().kind()));
            }
            "content_block_delta" => assert_eq!(open, event.index),
            "content_block_stop" => assert_eq!(open.take(), event.index),
            _ => {}
        }
    }
    assert_eq!(begun, [(0, "text"), (1, "thinking"), (2, "text")]);
}

#[tokio::test]
async fn a_message_fails_with_what_had_come_where_it_cannot_go_on() {
    let model = MESSAGES[0];
    let thinking = || Reply::text("uno dos tres").reasoning("Hm.").chunks(3);
    let text = || Reply::text("uno dos tres").chunks(3);
    // It does not begin anew at all, and is gone on with only from text.
    let cases = [
        (OnStreamFailure::Fail, text()),
        (OnStreamFailure::Restart, text()),
        (OnStreamFailure::Continue, thinking()),
        (OnStreamFailure::Continue, Reply::tool_call("f", json!({"a": "a long argument"})).chunks(3)),
    ];
    for (how, reply) in cases {
        let bad = server(reply.pace(PACE).fault(Fault::CutAfter(2))).await;
        let good = server(Reply::text("one")).await;
        let router = router((model, &bad), (model, &good), how);
        let (events, end) = read!(message(&router).await);
        let error = end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamInterrupted, "{how:?}");
        let text: String = events.iter().map(messages::Event::text).collect();
        let partial = error.partial_message().unwrap();
        assert_eq!((partial.text(), partial.content.is_empty()), (text, false), "{how:?}");
        assert_eq!((trail(&error), good.received()), (vec!["bad"], 0), "{how:?}");
        assert!(!events.iter().any(messages::Event::is_restart));
    }
}

// ---- both -----------------------------------------------------------------------------------------------------------

/// The events of a stream, as it is sent: in pieces, of which the last is within the last event.
fn events(events: &[Value]) -> Reply {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Reply::raw(200, "text/event-stream", body).chunks(4).pace(PACE)
}

#[tokio::test]
async fn an_error_behind_pieces_that_say_nothing_is_tried_elsewhere() {
    let error = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down ".repeat(100),
        "code": "rate_limit_exceeded"}});
    let response = json!({"id": "resp_1", "model": "m", "status": "in_progress", "output": []});
    let item = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": []});
    let bad = server(events(&[
        json!({"type": "response.created", "response": response, "sequence_number": 0}),
        json!({"type": "response.in_progress", "response": response, "sequence_number": 1}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item, "sequence_number": 2}),
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "",
            "sequence_number": 3}),
        error.clone(),
    ]))
    .await;
    let good = server(Reply::text("one")).await;
    let router_of = |model, bad: &MockServer| router((model, bad), (model, &good), OnStreamFailure::Fail);
    let router = router_of("openai/m", &bad);
    let reply = respond(&router).await.collect().await.unwrap();
    assert_eq!((reply.text().as_str(), reply.meta.trail[0].kind), ("one", Some(ErrorKind::RateLimited)));
    assert_eq!((router.snapshot()[0].failed, router.snapshot()[0].tokens), (1, 0));

    let bad = server(events(&[
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "m", "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ""}}),
        error,
    ]))
    .await;
    let router = router_of(MESSAGES[0], &bad);
    let reply = message(&router).await.collect().await.unwrap();
    assert_eq!((reply.text().as_str(), reply.meta.trail[0].kind), ("one", Some(ErrorKind::RateLimited)));
    assert_eq!((router.snapshot()[0].failed, router.snapshot()[0].tokens), (1, 0));
}

#[tokio::test]
async fn a_deployment_whose_streams_break_rests() {
    let (bad, good) = (
        server(Reply::text("uno dos tres").chunks(3).pace(PACE).fault(Fault::CutAfter(2))).await,
        server(Reply::text("one")).await,
    );
    for model in ["openai/m", MESSAGES[0]] {
        let spare = Deployment::new("a", model).id("spare").order(2).api_base(good.url()).api_key("k");
        let builder = two((model, &bad), (model, &good)).deployment(spare).allowed_fails(1);
        let router = builder.build().unwrap();
        for _ in 0..2 {
            assert_eq!(router.snapshot()[0].health, DeploymentHealth::Healthy, "{model}");
            if model == "openai/m" {
                respond(&router).await.collect().await.unwrap_err();
            } else {
                message(&router).await.collect().await.unwrap_err();
            }
        }
        assert_ne!(router.snapshot()[0].health, DeploymentHealth::Healthy, "{model}");
    }
}

#[tokio::test]
async fn a_prompt_of_any_format_is_counted() {
    let (small, large) = (server(Reply::text("small")).await, server(Reply::text("large")).await);
    let at = |id: &str, server: &MockServer, limit| {
        Deployment::new("a", "groq/m").id(id).api_base(server.url()).api_key("k").max_input_tokens(limit)
    };
    let builder = Router::builder().client(client()).check_context_window(true);
    let router = builder.deployment(at("small", &small, 20)).deployment(at("large", &large, 20_000)).build().unwrap();
    let long = "word ".repeat(100);
    for _ in 0..4 {
        assert_eq!(router.responses("a", long.as_str()).await.unwrap().text(), "large");
        assert_eq!(router.messages("a", [Turn::user(long.as_str())]).max_tokens(50).await.unwrap().text(), "large");
        let stream = router.messages("a", [Turn::user(long.as_str())]).max_tokens(50).stream();
        assert_eq!(stream.await.unwrap().collect().await.unwrap().text(), "large");
    }
    assert_eq!(small.received(), 0);
}
