//! The pipeline: retries, deadlines, keys, fallbacks, observers. The provider is a script, the clock is paused.
#![cfg(feature = "client")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anymodel::auth::{Credentials, Environment};
use anymodel::provider::{Provider, ProviderSpec, Setting};
use anymodel::transport::{Body, Transport};
use anymodel::{
    CallInfo, CallOptions, ChatRequest, ChatResponse, Client, Complete, Deadlines, Error, ErrorKind, Fallback,
    Observer, Outcome, RetryPolicy,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Request, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

const REPLY: &str = r#"{"id": "r1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
    "message": {"role": "assistant", "content": "Hello!"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}"#;
const CHUNK: &str =
    "data: {\"id\":\"s1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
const LAST: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// What the provider does with one request.
#[derive(Clone)]
enum Act {
    Answer(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// The pieces of a body, then a broken connection, silence, or its end.
    Pieces(Vec<&'static str>, End),
    Refuse,
    Silence,
}

#[derive(Clone, Copy)]
enum End {
    Clean,
    Broken,
    Silent,
}

/// A provider that follows a script; the last act is repeated.
#[derive(Clone, Default)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> anymodel::Result<Response<Body>> {
        self.seen.lock().unwrap().push(request);
        let act = {
            let mut acts = self.acts.lock().unwrap();
            if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
        };
        match act.expect("the script has an act") {
            Act::Answer(status, headers, body) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Ok(response.body(Body::full(body)).unwrap())
            }
            Act::Pieces(pieces, end) => {
                let pieces = futures::stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece))));
                Ok(Response::new(match end {
                    End::Clean => Body::stream(pieces),
                    End::Silent => Body::stream(pieces.chain(futures::stream::pending())),
                    End::Broken => Body::stream(
                        pieces.chain(futures::stream::once(async { Err(Error::new(ErrorKind::Connection, "reset")) })),
                    ),
                }))
            }
            Act::Refuse => Err(Error::new(ErrorKind::Connection, "refused")),
            Act::Silence => std::future::pending().await,
        }
    }
}

impl Script {
    fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        Self { acts: Arc::new(Mutex::new(acts.into_iter().collect())), ..Self::default() }
    }

    fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    fn builder(&self) -> anymodel::ClientBuilder {
        let keys = [("OPENAI_API_KEY", "sk-openai-1"), ("GROQ_API_KEY", "gsk-groq-2")];
        Client::builder().transport(Arc::new(self.clone())).environment(Environment::of(keys))
    }

    fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn hosts_and_keys(&self) -> Vec<(String, String)> {
        let seen = self.seen.lock().unwrap();
        let of = |request: &Request<Bytes>| {
            let key = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
            (request.uri().host().unwrap().to_owned(), key.unwrap_or_default())
        };
        seen.iter().map(of).collect()
    }

    fn body(&self) -> serde_json::Value {
        serde_json::from_slice(self.seen.lock().unwrap().last().unwrap().body()).unwrap()
    }
}

fn good() -> Act {
    Act::Answer(200, vec![("x-request-id", "req-1"), ("x-ratelimit-remaining-requests", "9")], REPLY)
}

fn limited(headers: Vec<(&'static str, &'static str)>) -> Act {
    Act::Answer(429, headers, r#"{"error": {"message": "slow down", "type": "rate_limit_error"}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_rate_limited_call_is_tried_again_after_the_time_that_the_provider_asked_for() {
    let script = Script::of([limited(vec![("retry-after", "7")]), good()]);
    let begun = Instant::now();
    let reply = script.client().completion("openai/gpt-4o", "Hi").await.unwrap();
    assert_eq!(reply.text(), "Hello!");
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
    assert_eq!((reply.meta.attempts, script.requests()), (2, 2));
    assert_eq!(reply.meta.request_id.as_deref(), Some("req-1"));
    assert_eq!(reply.meta.rate_limits, [("x-ratelimit-remaining-requests".to_owned(), "9".to_owned())]);
    assert_eq!((reply.meta.provider.as_str(), reply.meta.model.as_str()), ("openai", "gpt-4o"));
    assert_eq!(reply.meta.latency, Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn faults_that_pass_are_retried_as_often_as_the_policy_says_and_no_oftener() {
    for act in [
        limited(vec![]),
        Act::Refuse,
        Act::Answer(500, vec![], "{}"),
        Act::Answer(503, vec![], "<html>busy</html>"),
        Act::Answer(408, vec![], ""),
        Act::Answer(409, vec![], ""),
    ] {
        for retries in [0, 1, 3] {
            let script = Script::of([act.clone()]);
            let error = script.client().completion("openai/gpt-4o", "Hi").num_retries(retries).await.unwrap_err();
            assert_eq!(script.requests(), retries as usize + 1, "{error}");
            assert_eq!(error.attempts(), retries + 1);
            assert!(error.is_retryable(), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_mistake_is_sent_once() {
    for (status, kind) in [
        (400, ErrorKind::InvalidRequest),
        (401, ErrorKind::Authentication),
        (402, ErrorKind::PaymentRequired),
        (403, ErrorKind::PermissionDenied),
        (404, ErrorKind::NotFound),
        (422, ErrorKind::InvalidRequest),
    ] {
        let script = Script::of([Act::Answer(status, vec![], r#"{"error": {"message": "no"}}"#)]);
        let error = script.client().completion("openai/gpt-4o", "Hi").await.unwrap_err();
        assert_eq!((error.kind(), script.requests()), (kind, 1));
        assert_eq!((error.provider(), error.model()), (Some("openai"), Some("gpt-4o")));
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_call_has_a_deadline_that_waiting_does_not_outlast() {
    let script = Script::of([Act::Silence]);
    let begun = Instant::now();
    let error = script.client().completion("openai/gpt-4o", "Hi").timeout(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::Timeout, Duration::from_secs(5)));

    let script = Script::of([limited(vec![("retry-after", "30")])]);
    let begun = Instant::now();
    let error = script.client().completion("openai/gpt-4o", "Hi").timeout(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::RateLimited, Duration::ZERO));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_tried_again_within_the_deadline() {
    let script = Script::of([Act::Silence, good()]);
    let call = script.client().completion("openai/gpt-4o", "Hi").first_byte_timeout(Duration::from_secs(2));
    assert_eq!(call.await.unwrap().meta.attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_ends_at_its_idle_deadline_and_keeps_what_came() {
    let script = Script::of([Act::Pieces(vec![CHUNK], End::Silent)]);
    let call = script.client().completion("openai/gpt-4o", "Hi").stream_timeout(Duration::from_secs(4));
    let begun = Instant::now();
    let error = call.stream().await.unwrap().collect().await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::Timeout, Duration::from_secs(4)));
    assert_eq!(error.partial().map(ChatResponse::text).as_deref(), Some("Hel"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_its_finish_is_interrupted_however_it_ends() {
    for end in [End::Clean, End::Broken] {
        for pieces in [vec![], vec![CHUNK], vec![CHUNK, "data: [DONE]\n\n"]] {
            let came = if pieces.is_empty() { "" } else { "Hel" };
            let script = Script::of([Act::Pieces(pieces, end)]);
            let stream = script.client().completion("openai/gpt-4o", "Hi").stream().await.unwrap();
            let error = stream.collect().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StreamInterrupted);
            assert_eq!(error.partial().map(ChatResponse::text).as_deref(), Some(came));
            assert_eq!((error.provider(), error.model()), (Some("openai"), Some("gpt-4o")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_stream_is_not_spoilt_by_how_its_connection_ends() {
    let unsaid = &LAST[..LAST.len() - "data: [DONE]\n\n".len()];
    for (last, end) in [(LAST, End::Clean), (LAST, End::Broken), (LAST, End::Silent), (unsaid, End::Silent)] {
        let script = Script::of([Act::Pieces(vec![CHUNK, last], end)]);
        let stream = script.client().completion("openai/gpt-4o", "Hi").stream().await.unwrap();
        let reply = stream.collect().await.unwrap();
        assert_eq!((reply.text().as_str(), reply.id.as_str()), ("Hello", "s1"));
        assert!(reply.meta.time_to_first_token.is_some());
    }
}

#[tokio::test]
async fn a_redirect_is_an_error_that_names_the_host_and_nothing_is_sent_there() {
    let script = Script::of([Act::Answer(307, vec![("location", "https://elsewhere.example/v1?k=1")], "")]);
    let error = script.client().completion("openai/gpt-4o", "Hi").await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::Configuration, 1));
    assert!(error.message().contains("elsewhere.example") && !error.message().contains("k=1"), "{error}");
}

#[tokio::test]
async fn one_providers_key_never_reaches_anothers_host() {
    let script = Script::of([Act::Answer(404, vec![], "{}")]);
    let call = script.client().completion("openai/gpt-4o", "Hi").api_key("sk-mine-3").extra_header("x-own", "1");
    let error = call.fallbacks(["groq/llama-3.3-70b-versatile", "openai/gpt-4o-mini"]).await.unwrap_err();
    assert_eq!(
        script.hosts_and_keys(),
        [
            ("api.openai.com".to_owned(), "Bearer sk-mine-3".to_owned()),
            ("api.groq.com".to_owned(), "Bearer gsk-groq-2".to_owned()),
            ("api.openai.com".to_owned(), "Bearer sk-mine-3".to_owned()),
        ]
    );
    assert!(script.seen.lock().unwrap()[1].headers().get("x-own").is_none());
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("groq/llama-3.3-70b-versatile (not_found)"), "{error}");
}

#[tokio::test]
async fn a_fallback_answers_where_the_first_model_fails() {
    let script = Script::of([Act::Answer(404, vec![], "{}"), good()]);
    let reply = script.client().completion("openai/gpt-4o", "Hi").fallbacks(["groq/x"]).await.unwrap();
    assert_eq!((reply.meta.provider.as_str(), reply.meta.model.as_str()), ("groq", "x"));
}

#[tokio::test]
async fn a_fallback_changes_parameters_and_no_key_goes_to_another_address_with_it() {
    let fails = || Act::Answer(500, vec![], "{}");
    let script = Script::of([fails(), fails(), good()]);
    let mut request: ChatRequest = serde_json::from_value(json!({
        "model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "temperature": 1.0, "num_retries": 0,
        "api_key": "sk-mine-3", "fallbacks": [
            {"model": "openai/gpt-4o-mini", "temperature": 0.25, "api_base": "https://proxy.example/v1", "api_key": "sk-4"},
            {"model": "openai/gpt-4o-mini", "max_tokens": 5, "temperature": null},
        ],
    }))
    .unwrap();
    let options = CallOptions::take_from(&mut request).unwrap();
    script.client().complete(request, options).await.unwrap();
    let host = |name: &str, key: &str| (name.to_owned(), format!("Bearer {key}"));
    let mine = || host("api.openai.com", "sk-mine-3");
    assert_eq!(script.hosts_and_keys(), [mine(), host("proxy.example", "sk-4"), mine()]);
    let bodies: Vec<Value> =
        script.seen.lock().unwrap().iter().map(|seen| serde_json::from_slice(seen.body()).unwrap()).collect();
    assert_eq!((&bodies[0]["temperature"], &bodies[1]["temperature"]), (&json!(1.0), &json!(0.25)));
    assert_eq!((bodies[2].get("temperature"), bodies[2].get("max_tokens").is_some()), (None, true));

    let script = Script::of([fails(), good()]);
    let own = Fallback::new("openai/gpt-4o-mini").param("api_base", "https://proxy.example/v1");
    let call = script.client().completion("openai/gpt-4o", "Hi").api_key("sk-mine-3").num_retries(0).fallbacks([own]);
    call.await.unwrap();
    assert_eq!(script.hosts_and_keys()[1].0, "proxy.example");
    assert_ne!(script.hosts_and_keys()[1].1, "Bearer sk-mine-3", "it was given for another address");

    let script = Script::of([good()]);
    let wrong = Fallback::new("openai/gpt-4o-mini").param("temperature", "hot");
    let error = script.client().completion("openai/gpt-4o", "Hi").fallbacks([wrong]).await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::InvalidRequest, 0));
    assert!(error.message().contains("temperature"), "{error}");
}

#[tokio::test]
async fn a_missing_key_is_an_error_that_names_the_variables_and_nothing_is_sent() {
    let script = Script::of([good()]);
    let client = script.builder().environment(Environment::of([("X", "")])).build().unwrap();
    let error = client.completion("openai/gpt-4o", "Hi").await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::Authentication, 0));
    assert!(error.message().contains("OPENAI_API_KEY"), "{error}");
}

#[tokio::test]
async fn a_blank_key_is_none_and_does_not_let_the_environments_in() {
    let script = Script::of([good()]);
    let client = script.builder().environment(Environment::of([("OPENAI_API_KEY", "sk-env")])).build().unwrap();
    for blank in ["", " \n"] {
        let error = client.completion("openai/gpt-4o", "Hi").api_key(blank).await.unwrap_err();
        assert_eq!((error.kind(), script.requests()), (ErrorKind::Authentication, 0), "{blank:?}");
        assert!(error.message().contains("no API key for openai"), "{error}");
    }
}

#[tokio::test]
async fn an_address_is_taken_as_it_is_meant_or_refused_with_the_reason() {
    let script = Script::of([good(), good()]);
    let call = |base: &str| script.client().completion("openai/gpt-4o", "Hi").api_key("sk-1").api_base(base);
    for good in [" https://mine.example/v1\n", "HTTPS://mine.example/v1"] {
        assert!(call(good).await.is_ok(), "{good:?}");
    }
    for (wrong, why) in [
        ("mine.example", "must begin with http://"),
        ("ftp://mine.example", "must begin with http://"),
        ("https://mine.example/v1#chat", "has a fragment"),
        ("https://me:secret@mine.example", "holds a user or password"),
    ] {
        let error = call(wrong).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Configuration && error.message().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_self_hosted_provider_without_an_address_is_an_error_and_nothing_is_sent() {
    let script = Script::of([good()]);
    let error = script.client().completion("lm_studio/qwen3", "Hi").api_key("sk-1").await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::Configuration, 0));
    assert!(error.message().contains("LM_STUDIO_API_BASE"), "{error}");
}

#[test]
fn what_is_set_for_a_provider_that_there_is_not_is_an_error_that_names_the_nearest() {
    for builder in [Client::builder().api_key("antropic", "sk-1"), Client::builder().api_base("antropic", "http://h")] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownProvider);
        assert_eq!(error.message(), "`antropic` is not a known provider; did you mean `anthropic`?");
    }
    let own = anymodel::provider::ProviderSpec::self_hosted("lab");
    Client::builder().api_key("lab", "sk-1").provider(own).build().unwrap();
}

#[tokio::test]
async fn keys_and_models_can_be_variables() {
    let script = Script::of([good()]);
    let variables = [("MODEL", "openai/gpt-4o"), ("KEY", "sk-from-env"), ("BASE", "https://mine.example/v1")];
    let client = script.builder().environment(Environment::of(variables)).build().unwrap();
    let call = || client.completion("os.environ/MODEL", "Hi").api_base("os.environ/BASE");
    call().api_key("os.environ/KEY").await.unwrap();
    assert_eq!(script.hosts_and_keys(), [("mine.example".to_owned(), "Bearer sk-from-env".to_owned())]);
    let error = call().api_key("os.environ/NO_SUCH").await.unwrap_err();
    assert!(error.message().contains("NO_SUCH is not set"), "{error}");
}

#[tokio::test]
async fn a_key_is_in_no_error_debug_output_or_reply() {
    let body = r#"{"error": {"message": "Incorrect API key provided: sk-echo-9", "code": "invalid_api_key"}}"#;
    let script = Script::of([Act::Answer(401, vec![], body)]);
    let call = script.client().completion("openai/gpt-4o", "Hi").api_key("sk-echo-9");
    assert!(!format!("{call:?}").contains("sk-echo-9"));
    let error = call.await.unwrap_err();
    assert!(error.message().contains("[redacted]"), "{error}");
    assert!(!format!("{error} {error:?}").contains("sk-echo-9"));
}

#[tokio::test]
async fn a_resolver_is_asked_by_prefix() {
    let script = Script::of([good()]);
    let resolver = |provider: &str| (provider == "groq").then(|| "gsk-resolved".to_owned().into());
    let client = script.builder().key_resolver(resolver).build().unwrap();
    client.completion("groq/x", "Hi").await.unwrap();
    client.completion("openai/x", "Hi").await.unwrap();
    let keys: Vec<String> = script.hosts_and_keys().into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, ["Bearer gsk-resolved", "Bearer sk-openai-1"]);
}

#[tokio::test]
async fn settings_beside_openais_parameters_are_taken_out_of_a_request() {
    let script = Script::of([good()]);
    let mut request = serde_json::from_value(serde_json::json!({
        "model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "top_k": 4,
        "api_key": "sk-json", "api_base": "https://mine.example", "timeout": 3, "num_retries": 0, "tags": ["a"],
        "metadata": {"who": "me"}, "extra_headers": {"x-a": "1"}, "extra_body": {"provider_flag": true},
        "aws_region_name": "eu-1", "stream": false,
    }))
    .unwrap();
    let options = CallOptions::take_from(&mut request).unwrap();
    assert_eq!(options.settings, [("aws_region_name".to_owned(), "eu-1".to_owned())]);
    script.client().complete(request, options).await.unwrap();
    assert_eq!(script.hosts_and_keys(), [("mine.example".to_owned(), "Bearer sk-json".to_owned())]);
    assert_eq!(
        script.body(),
        serde_json::json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5,
            "top_k": 4, "provider_flag": true})
    );
    let mut wrong = serde_json::from_value(serde_json::json!({"model": "m", "timeout": -1})).unwrap();
    assert!(CallOptions::take_from(&mut wrong).unwrap_err().message().contains("timeout"));
}

/// Counts what it hears.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Observer for Log {
    fn started(&self, call: &CallInfo) {
        self.0.lock().unwrap().push(format!("{} started", call.id));
    }

    fn ended(&self, call: &CallInfo, outcome: &Outcome<'_>) {
        let how = match outcome {
            Outcome::Answered { usage, attempts, response, .. } => {
                assert!(response.is_none(), "content only on wish");
                format!("answered with {} tokens in {attempts}", usage.map_or(0, |usage| usage.total_tokens))
            }
            Outcome::Failed { error, .. } => format!("failed: {}", error.kind()),
            Outcome::Cancelled { .. } => "cancelled".to_owned(),
            _ => "unknown".to_owned(),
        };
        self.0.lock().unwrap().push(format!("{} {how}", call.id));
    }
}

impl Log {
    /// What was heard, without the ids, which must pair up.
    fn take(&self) -> Vec<String> {
        let heard = std::mem::take(&mut *self.0.lock().unwrap());
        let ids: std::collections::HashSet<&str> = heard.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(ids.len(), 1, "{heard:?}");
        heard.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn observers_hear_the_start_and_the_end_of_each_call_exactly_once() {
    let log = Log::default();
    let script = Script::of([limited(vec![]), good()]);
    let client = script.builder().observer(log.clone()).build().unwrap();
    client.completion("openai/gpt-4o", "Hi").await.unwrap();
    assert_eq!(log.take(), ["started", "answered with 5 tokens in 2"]);

    *script.acts.lock().unwrap() = [Act::Answer(400, vec![], "{}")].into();
    client.completion("openai/gpt-4o", "Hi").await.unwrap_err();
    assert_eq!(log.take(), ["started", "failed: invalid_request"]);

    *script.acts.lock().unwrap() = [Act::Silence].into();
    let call = tokio::time::timeout(Duration::from_secs(1), client.completion("openai/gpt-4o", "Hi").into_future());
    call.await.unwrap_err();
    assert_eq!(log.take(), ["started", "cancelled"]);

    *script.acts.lock().unwrap() = [Act::Pieces(vec![CHUNK, LAST], End::Clean)].into();
    let stream = client.completion("openai/gpt-4o", "Hi").stream().await.unwrap();
    assert_eq!(stream.collect().await.unwrap().text(), "Hello");
    assert_eq!(log.take(), ["started", "answered with 0 tokens in 1"]);

    let mut stream = client.completion("openai/gpt-4o", "Hi").stream().await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(log.take(), ["started", "cancelled"]);

    *script.acts.lock().unwrap() = [Act::Pieces(vec![CHUNK], End::Broken)].into();
    client.completion("openai/gpt-4o", "Hi").stream().await.unwrap().collect().await.unwrap_err();
    assert_eq!(log.take(), ["started", "failed: stream_interrupted"]);
}

#[tokio::test(start_paused = true)]
async fn retries_stop_when_the_budget_of_an_outage_is_spent() {
    let script = Script::of([Act::Answer(503, vec![], "{}")]);
    let client = script.client();
    for _ in 0..200 {
        client.completion("openai/gpt-4o", "Hi").num_retries(3).await.unwrap_err();
    }
    let retries = script.requests() - 200;
    assert!((100..=140).contains(&retries), "{retries} retries of 600 that the policy alone would make");
}

#[tokio::test]
async fn an_unsupported_parameter_is_an_error_or_a_warning_on_the_reply() {
    let script = Script::of([good()]);
    let call = || script.client().completion("openai/gpt-4o", "Hi").thinking(anymodel::Thinking::enabled(1024));
    let error = call().await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::Unsupported, 0));
    assert!(error.message().contains("`thinking`"), "{error}");
    let reply = call().drop_params(true).await.unwrap();
    assert_eq!(reply.meta.warnings[0].parameter, "thinking");
    assert!(script.body().get("thinking").is_none());
}

#[tokio::test]
async fn what_the_caller_wants_left_out_is_not_sent() {
    let script = Script::of([good()]);
    let tool = serde_json::from_value::<anymodel::Tool>(
        json!({"type": "function", "function": {"name": "f", "strict": true}}),
    )
    .unwrap();
    let call = || script.client().completion("openai/gpt-4o", "Hi").temperature(0.5).seed(7).tool(tool.clone());
    call().additional_drop_params(["seed", "logprobs", "tools[*].function.strict"]).await.unwrap();
    let body = script.body();
    assert_eq!((body.get("seed"), &body["temperature"]), (None, &json!(0.5)));
    assert_eq!(body["tools"][0]["function"]["strict"], Value::Null);
    assert_eq!(body["tools"][0]["function"]["name"], "f");
    let error = call().additional_drop_params(["tools[.strict"]).await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::Configuration, 1));
    let mut request: ChatRequest = serde_json::from_value(
        json!({"model": "openai/gpt-4o", "messages": [], "user": "u", "additional_drop_params": ["user"]}),
    )
    .unwrap();
    let options = CallOptions::take_from(&mut request).unwrap();
    script.client().complete(request, options).await.unwrap();
    assert_eq!(script.body(), json!({"model": "gpt-4o", "messages": []}));
}

#[tokio::test]
async fn an_unknown_provider_is_named_with_the_nearest() {
    let error = Script::of([good()]).client().completion("opnai/gpt-4o", "Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownProvider);
    assert!(error.message().contains("`openai`"), "{error}");
}

#[tokio::test]
async fn the_largest_reply_is_bounded() {
    let script = Script::of([Act::Pieces(vec!["12345", "67890"], End::Clean)]);
    let client = script.builder().max_reply_bytes(8).build().unwrap();
    let error = client.completion("openai/gpt-4o", "Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.message().contains("8 bytes"), "{error}");
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_an_error() {
    let script = Script::of([good()]);
    let call = || script.client().completion("openai/gpt-4o", "Hi");
    assert_eq!(call().extra_header("bad name", "1").await.unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(call().api_key("line\nbreak").await.unwrap_err().kind(), ErrorKind::Authentication);
    assert_eq!(call().api_base("ftp://x").await.unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(script.requests(), 0);
}

#[test]
fn deadlines_have_sensible_defaults() {
    let deadlines = Deadlines::default();
    assert_eq!(deadlines.total, Some(Duration::from_secs(600)));
    assert!(deadlines.connect <= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn fallbacks_share_the_deadline_of_the_call() {
    let script = Script::of([Act::Silence]);
    let call = script.client().completion("openai/gpt-4o", "Hi").fallbacks(["groq/a", "groq/b"]);
    let begun = Instant::now();
    let error = call.timeout(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed(), script.requests()), (ErrorKind::Timeout, Duration::from_secs(5), 1));
    assert!(error.message().contains("groq/b (no time left)"), "{error}");
}

#[tokio::test]
async fn a_base_url_holds_no_password() {
    let script = Script::of([good()]);
    let call = script.client().completion("openai/gpt-4o", "Hi").api_base("https://me:secret@host.example/v1");
    let error = call.await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::Configuration, 0));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

/// Credentials with a token that is renewed when it is refused, and an account that only they know.
#[derive(Clone, Debug, Default)]
struct Ticket {
    number: Arc<Mutex<u32>>,
    asked: Arc<Mutex<u32>>,
}

#[async_trait]
impl Credentials for Ticket {
    async fn authorize(&self, _: &dyn Provider, request: &mut Request<Bytes>) -> anymodel::Result<()> {
        let mut value = HeaderValue::from_str(&format!("Bearer t{}", self.number.lock().unwrap())).unwrap();
        value.set_sensitive(true);
        request.headers_mut().insert("authorization", value);
        Ok(())
    }

    fn has_settings(&self) -> bool {
        true
    }

    async fn settings(&self, _: &dyn Provider) -> anymodel::Result<Vec<(String, String)>> {
        *self.asked.lock().unwrap() += 1;
        Ok(vec![("account".to_owned(), "acct-7".to_owned()), ("region".to_owned(), "never".to_owned())])
    }

    fn can_renew(&self) -> bool {
        true
    }

    fn renew(&self, refused: &HeaderMap) -> bool {
        let mut number = self.number.lock().unwrap();
        if refused["authorization"] == format!("Bearer t{number}") {
            *number += 1;
        }
        true
    }
}

fn acme(script: &Script, ticket: &Ticket) -> Client {
    let spec = ProviderSpec::openai_chat("acme", "https://{account}.{region}.acme.example/v1")
        .setting(Setting::new("account").env("ACME_ACCOUNT"))
        .setting(Setting::new("region").env("ACME_REGION").or("eu"));
    let environment = Environment::of([("ACME_REGION", "us")]);
    let builder = script.builder().environment(environment).provider(spec);
    builder.credentials("acme", Arc::new(ticket.clone())).retry(no_retries()).build().unwrap()
}

fn no_retries() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.max_retries = 0;
    policy
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_request_sent_once_more() {
    let refusal = || Act::Answer(401, vec![], r#"{"error": {"message": "expired"}}"#);
    let (script, ticket) = (Script::of([refusal(), good()]), Ticket::default());
    acme(&script, &ticket).completion("acme/m", "Hi").await.unwrap();
    let keys: Vec<String> = script.hosts_and_keys().into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, ["Bearer t0", "Bearer t1"]);
    let (script, ticket) = (Script::of([refusal()]), Ticket::default());
    let error = acme(&script, &ticket).completion("acme/m", "Hi").await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::Authentication, 2));
}

#[tokio::test]
async fn what_only_the_credentials_know_is_asked_of_them_where_nobody_else_says_it() {
    let (script, ticket) = (Script::of([good()]), Ticket::default());
    let client = acme(&script, &ticket);
    client.completion("acme/m", "Hi").await.unwrap();
    assert_eq!(script.hosts_and_keys()[0].0, "acct-7.us.acme.example");
    assert_eq!(*ticket.asked.lock().unwrap(), 1);
    let mut given = CallOptions::default();
    given.settings.push(("account".to_owned(), "mine".to_owned()));
    client.complete(anymodel::ChatRequest::new("acme/m", "Hi"), given).await.unwrap();
    assert_eq!(script.hosts_and_keys()[1].0, "mine.us.acme.example");
    assert_eq!(*ticket.asked.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_missing_setting_is_an_error_that_names_its_variable_and_nothing_is_sent() {
    let script = Script::of([good()]);
    let error = script.client().completion("cloudflare/m", "Hi").api_key("k").await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::Configuration, 0));
    assert!(error.message().contains("CLOUDFLARE_ACCOUNT_ID"), "{error}");
}

#[tokio::test]
async fn the_environment_of_a_model_is_told_without_a_call() {
    let script = Script::of([good()]);
    let check = |model: &str| script.client().validate_environment(model, &CallOptions::default());
    assert!(check("groq/m").unwrap().keys_in_environment);
    assert_eq!(check("cloudflare/m").unwrap().missing_keys, ["CLOUDFLARE_API_KEY", "CLOUDFLARE_ACCOUNT_ID"]);
    assert_eq!(check("lm_studio/m").unwrap().missing_keys, ["LM_STUDIO_API_BASE"]);
    assert_eq!(check("nobody/m").unwrap_err().kind(), ErrorKind::UnknownProvider);
    assert_eq!(script.requests(), 0);
}

#[tokio::test]
async fn a_list_of_models_is_read_to_its_last_page_and_one_without_end_is_an_error() {
    let first = r#"{"data": [{"id": "claude-a"}], "has_more": true, "last_id": "claude-a"}"#;
    let last = r#"{"data": [{"id": "claude-b"}], "has_more": false, "last_id": "claude-b"}"#;
    let script = Script::of([Act::Answer(200, vec![], first), Act::Answer(200, vec![], last)]);
    let mut options = CallOptions::default();
    options.api_key = Some("sk-ant".into());
    let models = script.client().list_models("anthropic", &options).await.unwrap();
    assert_eq!(models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(), ["claude-a", "claude-b"]);
    assert!(script.seen.lock().unwrap()[1].uri().query().unwrap().contains("after_id=claude-a"));
    let endless = Script::of([Act::Answer(200, vec![], first)]);
    let error = endless.client().list_models("anthropic", &options).await.unwrap_err();
    assert_eq!((error.kind(), endless.requests()), (ErrorKind::InvalidResponse, 2));
}

#[tokio::test]
async fn a_models_health_is_one_short_call() {
    let script = Script::of([good()]);
    let meta = script.client().health_check("openai/gpt-4o", &CallOptions::default()).await.unwrap();
    assert_eq!((meta.attempts, script.body()["max_tokens"].as_u64()), (1, Some(16)));
    let script = Script::of([limited(vec![])]);
    let error = script.client().health_check("openai/gpt-4o", &CallOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), script.requests()), (ErrorKind::RateLimited, 1));
}
