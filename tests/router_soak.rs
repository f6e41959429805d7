//! The router under load: many calls at a time over five deployments of which two fail at random, through real sockets.
//!
//! Every call is answered, every request at a server is one of a call's trail, no place in flight is left taken, and no
//! memory is. The same with callers that go away at random. `cargo test` makes two thousand calls; the soak itself is
//! `cargo test --all-features --test router_soak -- --ignored --nocapture`.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::router::Dice;
use anymodel::transport::ReqwestTransport;
use anymodel::{CallMeta, Client, Delta, Deployment, ErrorKind, OnStreamFailure, RetryPolicy, Router};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const IN_FLIGHT: usize = 64;
const STEADY: usize = 3;
const FLAPPING: usize = 2;
const ANSWER: &str = "one two three four";
/// How much resident memory may grow after the first part of the calls, in KiB.
const GROWTH: u64 = 32 << 10;
/// How long a deployment's silence is borne.
const SILENCE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_calls_are_all_answered_though_deployments_flap_and_callers_leave() {
    soak(1_000, Callers::Patient).await;
    soak(1_000, Callers::Leaving).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_hundred_thousand_calls_are_all_answered_and_leave_nothing_behind() {
    soak(100_000, Callers::Patient).await;
    soak(100_000, Callers::Leaving).await;
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Callers {
    /// They take every answer to its end.
    Patient,
    /// One of four goes away, before the answer or inside it.
    Leaving,
}

/// What the calls came to.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicU64,
    left: AtomicU64,
    /// The tries in the trails of those that were answered, and how many of them came to their deadline. On a machine
    /// that is busy enough that can be before the request is at the server.
    tries: AtomicU64,
    late: AtomicU64,
    restarts: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

#[expect(clippy::print_stdout, reason = "the figures of the soak")]
async fn soak(calls: usize, callers: Callers) {
    let mut servers = Vec::new();
    for number in 0..STEADY + FLAPPING {
        // Each on a thread of its own, and keeping nothing.
        let server = MockServer::builder().keep_requests(0).spawn().unwrap();
        server.reply(Reply::text(ANSWER));
        if number >= STEADY {
            flap(&server, number as u64);
        }
        servers.push(server);
    }
    let router = router(&servers);
    let (tally, next) = (Arc::new(Tally::default()), Arc::new(AtomicUsize::new(0)));
    // The first part fills pools and buffers.
    let warm = run(&router, &tally, &next, calls / 5, callers).await;
    let begun = Instant::now();
    let end = run(&router, &tally, &next, calls, callers).await;
    let took = begun.elapsed();

    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (answered, left, tries) = (count(&tally.answered), count(&tally.left), count(&tally.tries));
    let received: u64 = servers.iter().map(MockServer::received).sum();
    let snapshot = router.snapshot();
    let failed: u64 = snapshot.iter().map(|deployment| deployment.failed).sum();
    println!(
        "{calls} calls of {callers:?} callers: {answered} answered, {left} left, {received} requests, {failed} failed \
         ({} late), {} streams begun anew; resident {warm} KiB after the first part, {end} KiB at the end; {:.0} calls/s",
        count(&tally.late),
        count(&tally.restarts),
        (calls - calls / 5) as f64 / took.as_secs_f64(),
    );
    let wrong = tally.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} of {calls} calls failed, such as {:?}", wrong.len(), wrong.first());
    assert_eq!(answered + left, calls as u64);
    let flapped: u64 = snapshot.iter().skip(STEADY).map(|deployment| deployment.failed).sum();
    assert!(flapped > calls as u64 / 200, "only {flapped} tries failed: that shows nothing");
    assert_eq!(failed, flapped, "a steady deployment failed: {snapshot:?}");
    assert!(snapshot.iter().all(|deployment| deployment.in_flight == 0), "{snapshot:?}");
    if callers == Callers::Patient {
        let late = count(&tally.late);
        assert!(received <= tries, "{received} requests for {tries} tries: one was doubled");
        assert!(received + late >= tries, "{received} requests for {tries} tries, {late} of them late: one was lost");
        assert_eq!(left, 0);
    } else {
        assert!(left > calls as u64 / 10, "only {left} callers left");
    }
    assert!(end < warm + GROWTH, "resident memory grew from {warm} to {end} KiB");
}

/// Makes calls up to this number: how much memory is resident then, in KiB.
async fn run(router: &Router, tally: &Arc<Tally>, next: &Arc<AtomicUsize>, until: usize, callers: Callers) -> u64 {
    let mut workers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (router, tally, next) = (router.clone(), Arc::clone(tally), Arc::clone(next));
        workers.spawn(async move {
            let more = |number: usize| (number < until).then_some(number + 1);
            while let Ok(number) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
                if let Err(wrong) = call(&router, &tally, number, callers).await {
                    tally.wrong.lock().unwrap().push(format!("call {number}: {wrong}"));
                }
            }
        });
    }
    workers.join_all().await;
    resident()
}

/// One call, whole or streamed, taken to its end or not.
async fn call(router: &Router, tally: &Tally, number: usize, callers: Callers) -> Result<(), String> {
    let mut dice = Dice::seeded(number as u64);
    let (streamed, leaves) = (dice.below(2) == 0, callers == Callers::Leaving && dice.below(4) == 0);
    let patience = Duration::from_micros(dice.roll() % 20_000);
    let chunks = dice.below(6);
    let call = router.completion("group", "Hi");
    let answered = |text: &str, meta: &CallMeta| {
        let late = meta.trail.iter().filter(|attempt| attempt.kind == Some(ErrorKind::Timeout)).count();
        tally.answered.fetch_add(1, Ordering::Relaxed);
        tally.tries.fetch_add(meta.trail.len() as u64, Ordering::Relaxed);
        tally.late.fetch_add(late as u64, Ordering::Relaxed);
        let good = text == ANSWER && meta.attempts as usize == meta.trail.len();
        if good { Ok(()) } else { Err(format!("{text:?} after {} attempts: {:?}", meta.attempts, meta.trail)) }
    };
    if !streamed {
        let asking = call.into_future();
        let reply = if leaves { timeout(patience, asking).await.ok() } else { Some(asking.await) };
        let Some(reply) = reply else {
            tally.left.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let reply = reply.map_err(|error| format!("{error:?} {:?}", error.trail()))?;
        return answered(&reply.text(), &reply.meta);
    }
    let mut stream = call.stream().await.map_err(|error| format!("{error:?} {:?}", error.trail()))?;
    let (mut text, mut seen) = (String::new(), 0);
    loop {
        if leaves && seen == chunks {
            tally.left.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let Some(chunk) = stream.next().await else { break };
        let chunk = chunk.map_err(|error| format!("{error:?} {:?}", error.trail()))?;
        if matches!(chunk.delta, Delta::Restart) {
            tally.restarts.fetch_add(1, Ordering::Relaxed);
            text.clear();
        }
        text.push_str(chunk.text());
        seen += 1;
    }
    answered(&text, stream.meta())
}

/// Has a server be well for a while and then ill for a while, by chance, with a fault of every sort.
fn flap(server: &MockServer, seed: u64) {
    let state = Mutex::new((Dice::seeded(seed), true, 0usize));
    server.reply_with(move |_| {
        let mut state = state.lock().unwrap();
        let (dice, well, left) = &mut *state;
        if *left == 0 {
            *well = !*well;
            *left = 1 + dice.below(60);
        }
        *left -= 1;
        let reply = Reply::text(ANSWER);
        if *well {
            return reply;
        }
        let pieces = dice.below(4);
        reply.fault(match dice.below(100) {
            0 => Fault::StallAfter(pieces),
            1 => Fault::SlowHead(SILENCE * 40),
            2..20 => Fault::Status(500),
            20..35 => Fault::Status(503),
            35..45 => Fault::Status(429),
            45..55 => Fault::RateLimited { retry_after: Duration::from_millis(30) },
            55..60 => Fault::Status(401),
            60..70 => Fault::Reset,
            70..75 => Fault::ResetAfter(pieces),
            75..85 => Fault::CutAfter(pieces),
            85..90 => Fault::ErrorAfter(pieces),
            90..95 => Fault::MalformedAfter(pieces),
            _ => Fault::EmptyBody,
        })
    });
}

fn router(servers: &[MockServer]) -> Router {
    let transport = Arc::new(ReqwestTransport::new(SILENCE * 40).unwrap());
    let client = Client::builder().transport(transport).environment(Environment::none()).build().unwrap();
    let mut pauses = RetryPolicy::default();
    pauses.base = Duration::from_millis(1);
    let deployments = servers.iter().enumerate().map(|(number, server)| {
        let deployment = Deployment::new("group", "openai/m").id(format!("{number}"));
        let deployment = deployment.api_base(server.url()).api_key("sk-secret");
        // Those that are well may take their time on a busy machine.
        if number < STEADY { deployment } else { deployment.timeout(SILENCE).stream_timeout(SILENCE) }
    });
    Router::builder()
        .client(client)
        .deployments(deployments)
        .pauses(pauses)
        .cooldown_time(Duration::from_millis(20))
        .stream_failure(OnStreamFailure::Restart)
        .build()
        .unwrap()
}

/// The resident memory of this process in KiB; 0 where the system does not tell it so.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
