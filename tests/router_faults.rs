//! Every fault of a provider or a network through the router, with real sockets: how many requests each server gets, how
//! long it takes, and what the caller sees.
//!
//! A row of the table says what goes wrong and how much of that can pass. [`Cell::want`] makes of it, for each way to
//! call and each place to go on, what must come of the call; [`Cell::meet`] makes the call. What holds for every cell is
//! asserted there too: attempts and trail are what the servers counted, no place in flight is left taken, no error
//! names a key or another deployment.

use std::sync::Arc;
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::client::Streaming;
use anymodel::messages::{self, Turn};
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::provider::{Reply as Answer, Streamed};
use anymodel::router::{Candidate, DeploymentHealth, Dice, Pick, Strategy};
use anymodel::transport::{ReqwestTransport, Transport};
use anymodel::{
    ChatChunk, Client, Delta, Deployment, Error, ErrorKind, OnStreamFailure, RetryPolicy, Router, responses,
};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// How long a deployment that falls silent is waited for.
const SOON: Duration = Duration::from_millis(300);
/// What a provider asks to be left alone for.
const WAIT: Duration = Duration::from_millis(400);
/// All of a call's time.
const ALL: Duration = Duration::from_secs(20);
/// Longer than any call has.
const LONG: Duration = Duration::from_secs(60);
/// What a machine that is busy may add.
const SLACK: Duration = Duration::from_secs(5);
/// Between two pieces of a stream, so that they come one by one.
const PACE: Duration = Duration::from_millis(10);

#[tokio::test]
async fn each_fault_is_survived_where_something_is_left_and_told_where_nothing_is() {
    use ErrorKind as K;
    use Fault as F;
    // What goes wrong, what it comes to in a whole reply, and what in a stream.
    #[rustfmt::skip]
    let rows = [
        row("refused",                    Refused,                      passes(K::Connection),                 passes(K::Connection)),
        row("no such host",               NoSuchHost,                   passes(K::Connection),                 passes(K::Connection)).of_chat(),
        row("TLS with plain text",        Tls,                          passes(K::Connection),                 passes(K::Connection)),
        row("reset",                      F::Reset,                     passes(K::Connection),                 passes(K::Connection)),
        row("slow head",                  F::SlowHead(LONG),            passes(K::Timeout).silent(),           passes(K::Timeout).silent()),
        row("401",                        F::Status(401),               stays(K::Authentication).says(401),    stays(K::Authentication).says(401)),
        row("403",                        F::Status(403),               stays(K::PermissionDenied).says(403),  stays(K::PermissionDenied).says(403)),
        row("404",                        F::Status(404),               stays(K::NotFound).says(404),          stays(K::NotFound).says(404)),
        row("408",                        F::Status(408),               passes(K::Timeout).says(408),          passes(K::Timeout).says(408)),
        row("429",                        F::Status(429),               passes(K::RateLimited).says(429),      passes(K::RateLimited).says(429)),
        row("429, Retry-After",           limited(WAIT),                waits(WAIT).says(429),                 waits(WAIT).says(429)),
        row("429, Retry-After too late",  limited(LONG),                waits(LONG).says(429),                 waits(LONG).says(429)),
        row("500",                        F::Status(500),               passes(K::Unavailable).says(500),      passes(K::Unavailable).says(500)),
        row("502",                        F::Status(502),               passes(K::Unavailable).says(502),      passes(K::Unavailable).says(502)),
        row("503",                        F::Status(503),               passes(K::Unavailable).says(503),      passes(K::Unavailable).says(503)),
        row("529",                        F::Status(529),               passes(K::Unavailable).says(529),      passes(K::Unavailable).says(529)),
        row("200, an error in it",        F::ErrorAfter(0),             passes(K::Unavailable).may_say(200),   passes(K::Unavailable)),
        row("200, a rate limit in it",    rate_limit_in_a_200(),        passes(K::RateLimited).may_say(200),   passes(K::RateLimited).may_say(200)).of_chat(),
        row("invalid JSON",               invalid_json(),               stays(K::InvalidResponse).says(200),   passes(K::StreamInterrupted)),
        row("a page of HTML",             F::Html,                      stays(K::InvalidResponse).says(200),   stays(K::InvalidResponse).says(200)),
        row("empty body",                 F::EmptyBody,                 stays(K::InvalidResponse).says(200),   passes(K::StreamInterrupted)),
        row("stall before content",       broken(F::StallAfter(0)),     passes(K::Timeout).silent(),           passes(K::Timeout).silent()),
        row("stall after content",        broken(F::StallAfter(2)),     passes(K::Timeout).silent(),           late(K::Timeout).silent()),
        row("cut before the body",        broken(F::CutAfterBytes(0)),  passes(K::Connection),                 passes(K::StreamInterrupted)),
        row("cut before content",         broken(F::CutAfter(0)),       passes(K::Connection),                 passes(K::StreamInterrupted)),
        row("cut after content",          broken(F::CutAfter(2)),       passes(K::Connection),                 late(K::StreamInterrupted)),
        row("reset before content",       broken(F::ResetAfter(0)),     passes(K::Connection),                 passes(K::StreamInterrupted)),
        row("reset after content",        broken(F::ResetAfter(2)),     passes(K::Connection),                 late(K::StreamInterrupted)),
        row("an end before content",      broken(F::EndAfter(0)),       stays(K::InvalidResponse).says(200),   passes(K::StreamInterrupted)),
        row("an end after content",       broken(F::EndAfter(2)),       stays(K::InvalidResponse).says(200),   late(K::StreamInterrupted)),
        row("malformed before content",   broken(F::MalformedAfter(0)), stays(K::InvalidResponse).says(200),   passes(K::StreamInterrupted)),
        row("malformed after content",    broken(F::MalformedAfter(2)), stays(K::InvalidResponse).says(200),   late(K::StreamInterrupted)),
        row("error before content",       broken(F::ErrorAfter(0)),     only_streams(),                        passes(K::Unavailable)),
        row("error after content",        broken(F::ErrorAfter(2)),     only_streams(),                        late(K::Unavailable)),
        row("429 before content",         limited_after(""),            only_streams(),                        passes(K::RateLimited)).of_chat(),
        row("429 after content",          limited_after("uno dos "),    only_streams(),                        late(K::RateLimited)).of_chat(),
    ];
    walk(&rows).await;
}

// What a row is made of.

#[derive(Clone)]
struct Row {
    name: &'static str,
    bad: Bad,
    whole: Option<Fate>,
    streamed: Option<Fate>,
    /// Whether it is met in chat alone: it is told in words of chat, or the machine takes its time for it.
    of_chat: bool,
}

fn row(name: &'static str, bad: impl Into<Bad>, whole: impl Into<Option<Fate>>, streamed: Fate) -> Row {
    Row { name, bad: bad.into(), whole: whole.into(), streamed: Some(streamed), of_chat: false }
}

impl Row {
    fn of_chat(self) -> Self {
        Self { of_chat: true, ..self }
    }
}

/// What is at the deployment's address.
#[derive(Clone)]
enum Bad {
    Answers(Box<Reply>),
    Refused,
    NoSuchHost,
    Tls,
}
use Bad::{NoSuchHost, Refused, Tls};

impl From<Reply> for Bad {
    fn from(reply: Reply) -> Self {
        Self::Answers(reply.into())
    }
}

impl From<Fault> for Bad {
    fn from(fault: Fault) -> Self {
        broken(fault).into()
    }
}

/// A reply of three words with this fault.
fn broken(fault: Fault) -> Reply {
    Reply::text("uno dos tres").chunks(3).pace(PACE).model("bad").fault(fault)
}

fn limited(retry_after: Duration) -> Fault {
    Fault::RateLimited { retry_after }
}

fn rate_limit_in_a_200() -> Reply {
    Reply::json(&json!({"error": {"message": "Slow down", "type": "requests", "code": "rate_limit_exceeded"}}))
}

fn invalid_json() -> Reply {
    Reply::raw(200, "application/json", "{\"choices\": [{\"message\": {\"content\": \"uno\"")
}

/// A stream of this text in which a rate limit is told.
fn limited_after(text: &str) -> Reply {
    let event = |value: serde_json::Value| format!("data: {value}\n\n");
    let delta = |delta| event(json!({"id": "x", "model": "bad", "choices": [{"index": 0, "delta": delta}]}));
    let mut body = delta(json!({"role": "assistant", "content": ""}));
    text.split_inclusive(' ').for_each(|word| body.push_str(&delta(json!({"content": word}))));
    let error = json!({"message": "Slow down ".repeat(20), "type": "requests", "code": "rate_limit_exceeded"});
    body.push_str(&event(json!({"error": error})));
    // The last of the pieces is within the error, whose message is longer than it.
    Reply::raw(200, "text/event-stream", body).chunks(4).pace(PACE)
}

/// What a fault comes to.
#[derive(Clone, Copy)]
struct Fate {
    kind: ErrorKind,
    status: Option<u16>,
    /// Whether the status is the word of a reply that is no error by it; then it may be left out.
    may_say: bool,
    /// Whether the deployment can be tried again.
    passes: bool,
    /// What it asks to be left alone for.
    wait: Option<Duration>,
    /// Whether only a deadline ends it.
    silent: bool,
    /// What has come before it.
    said: &'static str,
}

/// It can be over with the next try.
fn passes(kind: ErrorKind) -> Fate {
    Fate { kind, status: None, may_say: false, passes: true, wait: None, silent: false, said: "" }
}

/// It is no use to try this deployment again.
fn stays(kind: ErrorKind) -> Fate {
    Fate { passes: false, ..passes(kind) }
}

/// It is over when this time has passed, and not sooner.
fn waits(wait: Duration) -> Fate {
    Fate { wait: Some(wait), ..passes(ErrorKind::RateLimited) }
}

/// It comes after content, of which the caller has seen two words.
fn late(kind: ErrorKind) -> Fate {
    Fate { said: "uno dos ", ..passes(kind) }
}

/// There is no such thing in a whole reply.
fn only_streams() -> Option<Fate> {
    None
}

impl Fate {
    fn says(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    fn may_say(self, status: u16) -> Self {
        Self { may_say: true, ..self.says(status) }
    }

    fn silent(self) -> Self {
        Self { silent: true, ..self }
    }
}

// What must come of it.

/// How the call is made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Whole,
    Streamed,
    /// Streamed, by a router that begins anew.
    Restarting,
    /// A streamed response, and the same by a router that begins anew.
    Responses,
    ResponsesRestarting,
    /// A streamed message, by a router that would begin anew if a message could.
    Messages,
}
use Way::{Messages, Responses, ResponsesRestarting, Restarting, Streamed as Chunks, Whole};

/// Where a call can go on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Another,
    Fallback,
    Nothing,
}

#[derive(Clone)]
struct Cell {
    row: Row,
    fate: Fate,
    way: Way,
    place: Place,
}

/// What must come of a call. There is one retry.
struct Want {
    /// Tries at the deployment that fails, and at the other.
    bad: usize,
    good: usize,
    /// What the caller sees: of a stream its heads as `[model]`, its texts, and `|` for each word to begin anew.
    seen: String,
    not_before: Duration,
    within: Duration,
}

impl Cell {
    fn want(&self) -> Want {
        let Fate { said, wait, passes, silent, .. } = self.fate;
        let in_time = wait.is_none_or(|wait| wait < ALL);
        // Once a caller has seen content, nothing can be done behind its back.
        let lost = matches!(self.way, Chunks | Responses | Messages) && !said.is_empty();
        let bad = match self.place {
            _ if lost => 1,
            // Another deployment comes before a second try,
            Place::Another => 1,
            // a second try before another group, unless it has to be waited for,
            Place::Fallback => {
                if passes && wait.is_none() {
                    2
                } else {
                    1
                }
            }
            // and to wait before giving up.
            Place::Nothing => {
                if passes && in_time {
                    2
                } else {
                    1
                }
            }
        };
        let good = usize::from(!lost && self.place != Place::Nothing);
        let begun = if said.is_empty() { String::new() } else { format!("[bad]{said}") };
        let answer = if self.way == Whole { "one two three" } else { "[good]one two three" };
        let mut seen = vec![begun; if said.is_empty() { 0 } else { bad }];
        seen.extend((good == 1).then(|| answer.to_owned()));
        let waited = wait.filter(|_| bad == 2).unwrap_or_default();
        let silence = if silent { SOON * u32::try_from(bad).unwrap() } else { Duration::ZERO };
        Want { bad, good, seen: seen.join("|"), not_before: waited + silence, within: waited + silence + SLACK }
    }

    /// Makes the call.
    async fn meet(&self) -> Result<(), String> {
        let (bad, good) = (MockServer::start().await.unwrap(), MockServer::start().await.unwrap());
        good.reply(Reply::text("one two three").chunks(3).model("good"));
        let url = match &self.row.bad {
            Bad::Answers(reply) => {
                bad.reply(Reply::clone(reply));
                bad.url()
            }
            Bad::Refused => MockServer::refused_url().unwrap(),
            Bad::NoSuchHost => "http://does-not-exist.invalid".to_owned(),
            Bad::Tls => bad.url().replace("http://", "https://"),
        };
        let router = self.router(&url, &good.url());
        let want = self.want();
        let began = Instant::now();
        let call = router.completion("group", "Hi").timeout(ALL);
        let (seen, end) = timeout(ALL + SLACK, async {
            match self.way {
                Whole => match call.await {
                    Ok(reply) => (reply.text(), Ok((reply.meta.deployment, reply.meta.attempts, reply.meta.trail))),
                    Err(error) => (String::new(), Err(error)),
                },
                Chunks | Restarting => watch(call.stream().await, of_chunk).await,
                Responses | ResponsesRestarting => {
                    watch(router.responses("group", "Hi").timeout(ALL).stream().await, of_response).await
                }
                Messages => {
                    watch(router.messages("group", [Turn::user("Hi")]).timeout(ALL).stream().await, of_message).await
                }
            }
        })
        .await
        .map_err(|_| "it does not end".to_owned())?;
        let took = began.elapsed();
        let reached = matches!(self.row.bad, Bad::Answers(_));
        let (attempts, trail) = match &end {
            Ok((_, attempts, trail)) => (*attempts, trail.as_slice()),
            Err(error) => (error.attempts(), error.trail()),
        };
        let mut failed = trail.iter().filter(|attempt| attempt.kind.is_some());
        let rests = matches!(self.fate.kind, ErrorKind::Authentication | ErrorKind::NotFound | ErrorKind::RateLimited);
        let snapshot = router.snapshot();
        let checks = [
            same("what was seen", seen.as_str(), want.seen.as_str()),
            same("whether it was answered", end.is_ok(), want.good == 1),
            same("requests at the first", bad.received(), if reached { want.bad as u64 } else { 0 }),
            same("requests at the other", good.received(), want.good as u64),
            same("attempts", attempts as usize, want.bad + want.good),
            same("trail", names(trail), names_of(&want)),
            failed.try_for_each(|attempt| self.is_it(attempt.kind, attempt.status)),
            same("in time", took >= want.not_before && took <= want.within, true)
                .map_err(|it| format!("{it}: {took:?}")),
            same("in flight", snapshot.iter().map(|deployment| deployment.in_flight).sum(), 0),
            match self.place {
                Place::Another => {
                    // On a busy machine its rest can be over already, and then it is on probation.
                    let rested = snapshot[0].health != DeploymentHealth::Healthy;
                    same("whether it rests", rested, rests)
                }
                _ => Ok(()),
            },
            match &end {
                Ok((deployment, ..)) => same("who answered", deployment.as_deref(), Some("spare")),
                Err(error) => self.told(error),
            },
        ];
        let wrong: Vec<String> = checks.into_iter().filter_map(Result::err).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("{} in {end:?}", wrong.join("; "))) }
    }

    /// What the caller is told where nothing is left.
    fn told(&self, error: &Error) -> Result<(), String> {
        self.is_it(Some(error.kind()), error.status().map(|status| status.as_u16()))?;
        let kept = match self.way {
            Responses | ResponsesRestarting => error.partial_response().map(|partial| partial.text()),
            Messages => error.partial_message().map(|partial| partial.text()),
            _ => error.partial().map(|partial| partial.text()),
        };
        same("what is kept", kept.unwrap_or_default().as_str(), self.fate.said)?;
        let text = format!("{error} {error:?}");
        same("whether it tells too much", text.contains("spare") || text.contains("sk-secret"), false)
    }

    fn is_it(&self, kind: Option<ErrorKind>, status: Option<u16>) -> Result<(), String> {
        same("kind", kind, Some(self.fate.kind))?;
        let unsaid = self.fate.may_say && status.is_none();
        if unsaid { Ok(()) } else { same("status", status, self.fate.status) }
    }

    fn router(&self, bad: &str, good: &str) -> Router {
        let at = |group: &str, id: &str, url: &str| {
            Deployment::new(group, "openai/m").id(id).api_base(url).api_key("sk-secret")
        };
        let mut first = at("group", "first", bad);
        if self.fate.silent {
            first = first.timeout(SOON).stream_timeout(SOON);
        }
        let mut pauses = RetryPolicy::default();
        pauses.base = Duration::from_millis(1);
        let router =
            Router::builder().client(client()).strategy(InTurn).pauses(pauses).num_retries(1).deployment(first);
        let router = match self.place {
            Place::Another => router.deployment(at("group", "spare", good)),
            Place::Fallback => router.deployment(at("spares", "spare", good)).fallback("group", ["spares"]),
            Place::Nothing => router,
        };
        let router = match self.way {
            Restarting | ResponsesRestarting | Messages => router.stream_failure(OnStreamFailure::Restart),
            _ => router,
        };
        router.build().unwrap()
    }
}

/// Each row, in each way, with each place to go on. All that is wrong is told at once.
async fn walk(rows: &[Row]) {
    let (mut cells, at_once) = (JoinSet::new(), Arc::new(Semaphore::new(16)));
    for row in rows {
        for way in [Whole, Chunks, Restarting, Responses, ResponsesRestarting, Messages] {
            for place in [Place::Another, Place::Fallback, Place::Nothing] {
                let fate = if way == Whole { row.whole } else { row.streamed };
                if row.of_chat && matches!(way, Responses | ResponsesRestarting | Messages) {
                    continue;
                }
                let Some(fate) = fate else { continue };
                let (cell, at_once) = (Cell { row: row.clone(), fate, way, place }, Arc::clone(&at_once));
                cells.spawn(async move {
                    let _turn = at_once.acquire().await;
                    let met = cell.meet().await;
                    met.map_err(|what| format!("{}, {way:?}, {place:?}: {what}", cell.row.name))
                });
            }
        }
    }
    let wrong: Vec<String> = cells.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

type Answered = (Option<String>, u32, Vec<anymodel::Attempt>);

/// All that a stream shows, and its end.
async fn watch<Op: Streamed<Response: Answer>>(
    stream: anymodel::Result<Streaming<Op>>,
    shown: fn(&Op::Chunk) -> String,
) -> (String, Result<Answered, Error>) {
    let mut seen = String::new();
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(error) => return (seen, Err(error)),
    };
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => seen.push_str(&shown(&chunk)),
            Err(error) => return (seen, Err(error)),
        }
    }
    let meta = stream.meta();
    (seen, Ok((meta.deployment.clone(), meta.attempts, meta.trail.clone())))
}

fn of_chunk(chunk: &ChatChunk) -> String {
    match &chunk.delta {
        Delta::Start(start) => format!("[{}]", start.model),
        Delta::Restart => "|".to_owned(),
        _ => chunk.text().to_owned(),
    }
}

fn of_response(event: &responses::Event) -> String {
    let restart = if event.is_restart() { "|" } else { "" };
    let head = event.response.as_ref().filter(|_| event.kind == "response.created");
    head.map_or_else(|| event.text().to_owned(), |reply| format!("{restart}[{}]", reply.model))
}

fn of_message(event: &messages::Event) -> String {
    assert!(!event.is_restart(), "a message does not begin anew");
    event.message.as_ref().map_or_else(|| event.text().to_owned(), |head| format!("[{}]", head.model))
}

fn names(trail: &[anymodel::Attempt]) -> Vec<&str> {
    trail.iter().map(|attempt| attempt.deployment.as_str()).collect()
}

fn names_of(want: &Want) -> Vec<&'static str> {
    [vec!["first"; want.bad], vec!["spare"; want.good]].concat()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should_be: T) -> Result<(), String> {
    if is == should_be { Ok(()) } else { Err(format!("{what} is {is:?}, not {should_be:?}")) }
}

/// The first deployment that is free.
#[derive(Debug)]
struct InTurn;

impl Strategy for InTurn {
    fn choose(&self, _: &[Candidate<'_>], _: &Pick, _: &mut Dice) -> usize {
        0
    }
}

/// A client that shares its transport with all others of the test: making one reads the system's certificates.
fn client() -> Client {
    thread_local! {
        static TRANSPORT: Arc<dyn Transport> = Arc::new(ReqwestTransport::new(LONG).unwrap());
    }
    let builder = Client::builder().transport(TRANSPORT.with(Arc::clone)).environment(Environment::none());
    builder.build().unwrap()
}
