//! Everything that can go wrong with a provider or a network, in each wire format, through the client and real sockets.
//!
//! A row says what happens and what must come of it: the kind of error, its status, whether the call is tried again,
//! and what is kept of a stream. What holds for every row is asserted in [`meet`]: the error names provider and model,
//! it counts its requests, the observer hears one start and one end, and nothing outlasts its deadline.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::transport::{ReqwestTransport, Transport};
use anymodel::wire::event_stream;
use anymodel::{
    CallInfo, ChatResponse, Client, Completion, Error, ErrorKind, FinishReason, Observer, Outcome, Retry, RetryPolicy,
};
use tokio::time::{Instant, timeout};

/// The wire formats: prefix, and the path that its base URL ends in.
const FORMATS: [(&str, &str); 6] =
    [("openai", "/v1"), ("anthropic", ""), ("gemini", "/v1beta"), ("ollama", ""), ("bedrock", ""), ("cohere", "")];

/// A deadline that a test waits for.
const SOON: Duration = Duration::from_millis(200);
/// What no row may take, on a machine that is busy.
const LONG: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_error_status_has_its_kind_and_is_tried_again_only_where_that_can_help() {
    #[rustfmt::skip]
    let rows = [
        (400, fails(ErrorKind::InvalidRequest)),
        (401, fails(ErrorKind::Authentication)),
        (402, fails(ErrorKind::PaymentRequired)),
        (403, fails(ErrorKind::PermissionDenied)),
        (404, fails(ErrorKind::NotFound)),
        (408, fails(ErrorKind::Timeout).again()),
        (409, fails(ErrorKind::InvalidRequest).again()),
        (413, fails(ErrorKind::InvalidRequest)),
        (422, fails(ErrorKind::InvalidRequest)),
        (429, fails(ErrorKind::RateLimited).again()),
        (500, fails(ErrorKind::Unavailable).again()),
        (502, fails(ErrorKind::Unavailable).again()),
        (503, fails(ErrorKind::Unavailable).again()),
        (504, fails(ErrorKind::Timeout).again()),
        (529, fails(ErrorKind::Unavailable).again()),
    ];
    let rows = rows.map(|(status, want)| row(Fault::Status(status), want.status(status).body()));
    walk(&rows.map(|row| row.short_waits())).await;
}

#[tokio::test]
async fn what_the_provider_says_of_a_refused_request_decides_its_kind() {
    let wait = Duration::from_millis(30);
    let rows = [
        row(Fault::RateLimited { retry_after: wait }, fails(ErrorKind::RateLimited).after(wait).status(429).body()),
        row(Fault::ContextWindowExceeded, fails(ErrorKind::ContextWindowExceeded).status(400).body()),
        // The answer of Gemini and of Bedrock to it is a reply, of which the last test of this file speaks.
        row(Fault::ContentPolicy, fails(ErrorKind::ContentPolicy).status(400).body()).only(&[
            "openai",
            "anthropic",
            "ollama",
        ]),
        row(Fault::ContentPolicy, fails(ErrorKind::ContentPolicy).status(498).body()).only(&["cohere"]),
    ];
    walk(&rows).await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_had_is_tried_again() {
    let rows = [
        row(Fault::Reset, fails(ErrorKind::Connection).again()),
        row(Fault::SlowHead(LONG * 2), fails(ErrorKind::Timeout).again().not_before(SOON))
            .with(|call| call.first_byte_timeout(SOON)),
        row(Fault::SlowHead(LONG * 2), fails(ErrorKind::Timeout).again().once().not_before(SOON))
            .with(|call| call.timeout(SOON)),
    ];
    walk(&rows).await;
}

#[tokio::test]
async fn a_whole_reply_that_breaks_off_is_tried_again_and_one_that_cannot_be_read_is_not() {
    let rows = [
        row(words().fault(Fault::ResetAfter(1)), fails(ErrorKind::Connection).again()),
        row(words().fault(Fault::CutAfter(1)), fails(ErrorKind::Connection).again()),
        row(words().fault(Fault::CutAfterBytes(1)), fails(ErrorKind::Connection).again()),
        row(words().fault(Fault::StallAfter(1)), fails(ErrorKind::Timeout).again().once().not_before(SOON))
            .with(|call| call.timeout(SOON)),
        row(words().fault(Fault::EndAfter(1)), fails(ErrorKind::InvalidResponse).status(200).body()),
        row(words().fault(Fault::MalformedAfter(1)), fails(ErrorKind::InvalidResponse).status(200).body()),
        row(Fault::Html, fails(ErrorKind::InvalidResponse).status(200).body()),
        row(Fault::EmptyBody, fails(ErrorKind::InvalidResponse).status(200)),
        row(Fault::HugeLine(3 << 20), fails(ErrorKind::InvalidResponse)),
        // An error with status 200, as gateways have it: only the body says what it is.
        row(Fault::ErrorAfter(0), fails(ErrorKind::Unavailable).again().body()),
        row(words().fault(Fault::WrongContentType), answers("one two three")),
    ];
    walk(&rows.map(Row::whole)).await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_keeps_what_came_and_is_not_begun_again() {
    let broken = |kept| fails(ErrorKind::StreamInterrupted).again().once().keeps(kept);
    let silent = |kept| fails(ErrorKind::Timeout).again().once().keeps(kept).not_before(SOON);
    let rows = [
        row(words().fault(Fault::ResetAfter(0)), broken("")),
        row(words().fault(Fault::ResetAfter(2)), broken("one two ")),
        row(words().fault(Fault::CutAfter(0)), broken("")),
        row(words().fault(Fault::CutAfter(2)), broken("one two ")),
        row(words().fault(Fault::CutAfter(9)), broken("one two three")),
        row(words().fault(Fault::CutAfterBytes(3)), broken("")),
        row(words().fault(Fault::EndAfter(0)), broken("")),
        row(words().fault(Fault::EndAfter(2)), broken("one two ")),
        row(words().fault(Fault::EndAfter(9)), broken("one two three")),
        row(words().fault(Fault::MalformedAfter(0)), broken("")),
        row(words().fault(Fault::MalformedAfter(2)), broken("one two ")),
        row(Fault::EmptyBody, broken("")),
        row(Fault::HugeLine(33 << 20), fails(ErrorKind::StreamInterrupted).keeps("")),
        row(words().fault(Fault::StallAfter(0)), silent("")).with(|call| call.stream_timeout(SOON)),
        row(words().fault(Fault::StallAfter(2)), silent("one two ")).with(|call| call.stream_timeout(SOON)),
        row(words().fault(Fault::StallAfter(0)), silent("")).with(|call| call.timeout(SOON)),
        row(words().fault(Fault::StallAfter(2)), silent("one two ")).with(|call| call.timeout(SOON)),
        row(words().fault(Fault::ErrorAfter(0)), fails(ErrorKind::Unavailable).again().once().keeps("").body()),
        row(words().fault(Fault::ErrorAfter(2)), fails(ErrorKind::Unavailable).again().once().keeps("one two ").body()),
        row(words().fault(Fault::WrongContentType), answers("one two three")),
        row(Fault::Html, fails(ErrorKind::InvalidResponse).status(200).body()),
    ];
    walk(&rows.map(Row::streamed)).await;
}

#[tokio::test]
async fn a_rate_limit_inside_a_stream_is_one() {
    let openai =
        "data: {\"error\":{\"message\":\"Slow down\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}\n\n";
    let anthropic = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"Slow down\"}}\n\n";
    let gemini = "data: {\"error\":{\"code\":429,\"message\":\"Slow down\",\"status\":\"RESOURCE_EXHAUSTED\"}}\n\n";
    let stream = |body: &'static str| Reply::raw(200, "text/event-stream", body);
    let limited = || fails(ErrorKind::RateLimited).again().once().keeps("").body();
    let headers = [(":exception-type", "throttlingException"), (":message-type", "exception")];
    let bedrock = event_stream::message(&headers, br#"{"message":"Slow down"}"#).unwrap();
    let bedrock = Reply::raw(200, "application/vnd.amazon.eventstream", bedrock);
    // Errors of Ollama and Cohere in mid-stream have no code.
    let rows = [
        row(bedrock, limited().status(429)).only(&["bedrock"]),
        row(stream(openai), limited()).only(&["openai"]),
        row(stream(anthropic), limited().status(429)).only(&["anthropic"]),
        row(stream(gemini), limited().status(429)).only(&["gemini"]),
    ];
    walk(&rows.map(Row::streamed)).await;
}

#[tokio::test]
async fn a_message_whose_checksum_is_wrong_ends_a_stream() {
    let event = |name, payload: &[u8]| {
        event_stream::message(&[(":event-type", name), (":message-type", "event")], payload).unwrap()
    };
    let good = event("contentBlockDelta", br#"{"contentBlockIndex":0,"delta":{"text":"one "}}"#);
    let mut bad = event("messageStop", br#"{"stopReason":"end_turn"}"#);
    let last = bad.len() - 1;
    bad[last] ^= 1;
    let reply = Reply::raw(200, "application/vnd.amazon.eventstream", [good, bad].concat());
    let want = fails(ErrorKind::StreamInterrupted).again().once().keeps("one ");
    walk(&[row(reply, want).only(&["bedrock"]).streamed()]).await;
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_connection_error_at_once() {
    let server = MockServer::start().await.unwrap();
    let tls = server.url().replace("http://", "https://");
    for (url, what) in [
        (MockServer::refused_url().unwrap(), "refused"),
        ("http://does-not-exist.invalid".to_owned(), "DNS"),
        (tls, "TLS with a server that has none"),
    ] {
        for (name, path) in FORMATS {
            for streamed in [false, true] {
                let client = client(Heard::default());
                let call = client.completion(format!("{name}/m"), "Hi").api_key("k").num_retries(1u32);
                let began = Instant::now();
                let call = call.api_base(format!("{url}{path}"));
                let error = if streamed { call.stream().await.map(drop) } else { call.await.map(drop) }.unwrap_err();
                assert_eq!((error.kind(), error.retry()), (ErrorKind::Connection, Retry::Yes), "{what}: {error}");
                assert_eq!((error.provider(), error.model()), (Some(name), Some("m")), "{what}: {error}");
                assert_eq!((error.attempts(), error.status()), (2, None), "{what}: {error}");
                assert!(began.elapsed() < LONG, "{what}: {:?}", began.elapsed());
            }
        }
    }
    assert_eq!(server.received(), 0);
}

#[tokio::test]
async fn a_call_that_fails_once_is_answered_by_its_second_try() {
    for (name, path) in FORMATS {
        let server = MockServer::start().await.unwrap();
        server.reply("ok");
        for fault in [Fault::Reset, Fault::Status(503), Fault::Status(409), Fault::SlowHead(LONG * 2)] {
            for streamed in [false, true] {
                server.enqueue(fault.clone());
                let call = client(Heard::default()).completion(format!("{name}/m"), "Hi").api_key("k");
                let call =
                    call.api_base(format!("{}{path}", server.url())).num_retries(1u32).first_byte_timeout(SOON * 3);
                let reply = if streamed { call.stream().await.unwrap().collect().await } else { call.await };
                let reply = reply.unwrap_or_else(|error| panic!("{name} {fault:?}: {error}"));
                assert_eq!((reply.text().as_str(), reply.meta.attempts), ("ok", 2), "{name} {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_prompt_that_gemini_or_a_guardrail_of_bedrock_blocks_is_a_reply_held_back() {
    let server = MockServer::start().await.unwrap();
    server.reply(Fault::ContentPolicy);
    for (model, text) in [("gemini/m", ""), ("bedrock/m", "Sorry, the model cannot answer this question.")] {
        for streamed in [false, true] {
            let call = client(Heard::default()).completion(model, "Hi").api_key("k").api_base(server.url());
            let reply = if streamed { call.stream().await.unwrap().collect().await } else { call.await }.unwrap();
            assert_eq!((reply.text().as_str(), reply.finish_reason()), (text, Some(&FinishReason::ContentFilter)));
        }
    }
}

// What a row is made of.

/// What happens, how the call is made, and what must come of it.
#[derive(Clone)]
struct Row {
    reply: Reply,
    want: Want,
    refine: fn(Completion) -> Completion,
    formats: &'static [&'static str],
    ways: &'static [bool],
    short_waits: bool,
}

fn row(reply: impl Into<Reply>, want: Want) -> Row {
    Row { reply: reply.into(), want, refine: |call| call, formats: &[], ways: &[false, true], short_waits: false }
}

fn words() -> Reply {
    Reply::text("one two three")
}

impl Row {
    fn with(self, refine: fn(Completion) -> Completion) -> Self {
        Self { refine, ..self }
    }

    fn only(self, formats: &'static [&'static str]) -> Self {
        Self { formats, ..self }
    }

    fn whole(self) -> Self {
        Self { ways: &[false], ..self }
    }

    fn streamed(self) -> Self {
        Self { ways: &[true], ..self }
    }

    /// With whatever pause the provider asks for: Google says one in the body of each 429.
    fn short_waits(self) -> Self {
        Self { short_waits: true, ..self }
    }
}

/// What must come of a call.
#[derive(Clone, Debug)]
struct Want {
    /// Which error; none where the call is answered.
    kind: Option<ErrorKind>,
    /// The text of the answer, or what is kept of it.
    text: Option<&'static str>,
    status: Option<u16>,
    retry: Retry,
    /// Whether the client itself tries again, where it may.
    tried_again: bool,
    has_body: bool,
    not_before: Duration,
}

fn fails(kind: ErrorKind) -> Want {
    let (text, status, not_before) = (None, None, Duration::ZERO);
    Want { kind: Some(kind), text, status, retry: Retry::No, tried_again: false, has_body: false, not_before }
}

fn answers(text: &'static str) -> Want {
    Want { kind: None, text: Some(text), ..fails(ErrorKind::Timeout) }
}

impl Want {
    fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Another try can help, and is made.
    fn again(self) -> Self {
        Self { retry: Retry::Yes, tried_again: true, ..self }
    }

    /// Another try can help, after this time.
    fn after(self, wait: Duration) -> Self {
        Self { retry: Retry::After(wait), tried_again: true, ..self }
    }

    /// The other try is left to the caller: a part of the reply is out already, or there is no time left.
    fn once(self) -> Self {
        Self { tried_again: false, ..self }
    }

    fn keeps(self, text: &'static str) -> Self {
        Self { text: Some(text), ..self }
    }

    fn body(self) -> Self {
        Self { has_body: true, ..self }
    }

    fn not_before(self, not_before: Duration) -> Self {
        Self { not_before, ..self }
    }
}

/// Each row in each format, whole and streamed, without a retry and with one. All that is wrong is told at once.
async fn walk(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (name, path) in FORMATS {
        let server = MockServer::start().await.unwrap();
        for row in rows.iter().filter(|row| row.formats.is_empty() || row.formats.contains(&name)) {
            for (streamed, retries) in row.ways.iter().flat_map(|way| [(*way, 0), (*way, 1)]) {
                if let Err(what) = meet(&server, (name, path), row, streamed, retries).await {
                    let way = if streamed { "streamed" } else { "whole" };
                    wrong.push(format!("{name} {way}, {retries} retries, {:?}: {what}", row.reply));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// One call.
async fn meet(
    server: &MockServer,
    (name, path): (&str, &str),
    row: &Row,
    streamed: bool,
    retries: u32,
) -> Result<(), String> {
    server.reply(row.reply.clone());
    drop(server.take_requests());
    let heard = Heard::default();
    let call = client(heard.clone()).completion(format!("{name}/m"), "Hi").api_key("sk-fault");
    let call = (row.refine)(call.api_base(format!("{}{path}", server.url())).num_retries(retries));
    let began = Instant::now();
    let asking = async { if streamed { call.stream().await?.collect().await } else { call.await } };
    let result = timeout(LONG, asking).await.map_err(|_| format!("it does not end within {LONG:?}"))?;
    let took = began.elapsed();
    let want = &row.want;
    let requests = if want.tried_again { retries + 1 } else { 1 };
    let text = match &result {
        Ok(reply) => Some(reply.text()),
        Err(error) => error.partial().map(ChatResponse::text),
    };
    let checks = [
        same("kind", result.as_ref().err().map(Error::kind), want.kind),
        same("text", text.as_deref(), want.text),
        same("requests", server.requests().len(), requests as usize),
        same("heard", heard.take(), vec!["started".to_owned(), end(&result)]),
        same("in time", took >= want.not_before && took < LONG, true).map_err(|wrong| format!("{wrong}: {took:?}")),
        result.as_ref().map_or_else(|error| told(error, name, row, requests), |_| Ok(())),
    ];
    let wrong: Vec<String> = checks.into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{} in {:?}", wrong.join("; "), result.map(|reply| reply.text())))
    }
}

/// What an error says beside its kind.
fn told(error: &Error, name: &str, row: &Row, requests: u32) -> Result<(), String> {
    let want = &row.want;
    let retry = match error.retry() {
        Retry::After(_) if row.short_waits => Retry::Yes,
        retry => retry,
    };
    same("provider", error.provider(), Some(name))?;
    same("model", error.model(), Some("m"))?;
    same("attempts", error.attempts(), requests)?;
    same("retry", retry, want.retry)?;
    same("body", error.body().is_some_and(|body| !body.is_empty()) || !want.has_body, true)?;
    if let Some(status) = want.status {
        same("status", error.status().map(|status| status.as_u16()), Some(status))?;
    }
    same("without the key", format!("{error} {error:?}").contains("sk-fault"), false)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should_be: T) -> Result<(), String> {
    if is == should_be { Ok(()) } else { Err(format!("{what} is {is:?}, not {should_be:?}")) }
}

fn end(result: &anymodel::Result<ChatResponse>) -> String {
    result.as_ref().map_or_else(|error| error.kind().to_string(), |_| "answered".to_owned())
}

/// What an observer heard of one call.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Heard {
    fn started(&self, _: &CallInfo) {
        self.0.lock().unwrap().push("started".to_owned());
    }

    fn ended(&self, _: &CallInfo, outcome: &Outcome<'_>) {
        self.0.lock().unwrap().push(match outcome {
            Outcome::Answered { .. } => "answered".to_owned(),
            Outcome::Failed { error, .. } => error.kind().to_string(),
            other => format!("{other:?}"),
        });
    }
}

/// A client with this observer and next to no pauses. A test has a thread of its own, and all its clients one
/// transport: making one reads the system's certificates.
fn client(heard: Heard) -> Client {
    thread_local! {
        static TRANSPORT: Arc<dyn Transport> = Arc::new(ReqwestTransport::new(LONG).unwrap());
    }
    let mut retry = RetryPolicy::default();
    retry.base = Duration::from_millis(1);
    let builder = Client::builder().transport(TRANSPORT.with(Arc::clone)).environment(Environment::none());
    builder.retry(retry).observer(heard).max_reply_bytes(2 << 20).build().unwrap()
}
