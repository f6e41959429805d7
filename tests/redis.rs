//! Limits and cooldowns through a real Redis, which each test starts for itself. Where none can be started, a test says
//! that it is skipped.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::router::{Denied, DeploymentHealth, RedisLimits, RouterBuilder, SharedLimits};
use anymodel::{Client, Deployment, ErrorKind, HealthProbe, Retry, RetryPolicy, Router};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What a test waits for at most.
const LONG: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_millis(400);

/// A Redis without anything on disk. It ends with the test, however that ends.
struct Redis {
    child: Child,
    port: u16,
    password: Option<String>,
    folder: PathBuf,
}

impl Redis {
    /// `None`, said by the test's name, where there is no Redis.
    fn start(test: &str) -> Option<Self> {
        Self::start_with(test, None)
    }

    fn start_with(test: &str, password: Option<&str>) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("anymodel-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let password = password.map(str::to_owned);
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            match Self::spawn(port, password.as_deref(), &folder) {
                // Past the harness, which keeps what a test that passes has printed.
                Err(error) => {
                    let _ = writeln!(std::io::stderr(), "skipped: {test}: `redis-server` cannot be started: {error}");
                    let _ = std::fs::remove_dir_all(&folder);
                    return None;
                }
                Ok(child) => {
                    let mut redis = Self { child, port, password: password.clone(), folder: folder.clone() };
                    if redis.is_up() {
                        return Some(redis);
                    }
                }
            }
        }
        panic!("redis-server does not come up");
    }

    fn spawn(port: u16, password: Option<&str>, folder: &Path) -> std::io::Result<Child> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]).arg(port.to_string());
        command.arg("--dir").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(password) = password {
            command.args(["--requirepass", password]);
        }
        command.spawn()
    }

    /// Waits until it answers; not where its port was taken by another.
    fn is_up(&mut self) -> bool {
        let end = Instant::now() + LONG;
        while Instant::now() < end {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if self.connection().is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn url(&self) -> String {
        let escaped = |byte: u8| {
            if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        };
        let password = self.password.as_ref();
        let password = password
            .map(|password| format!(":{}@", password.bytes().map(escaped).collect::<String>()))
            .unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}/0", self.port)
    }

    fn connection(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut self.connection().unwrap()).unwrap()
    }

    /// The seconds of its minute, and the minute.
    fn clock(&self) -> (u64, u64) {
        let (seconds, _): (u64, u64) = self.ask(&["TIME"]);
        (seconds % 60, seconds / 60)
    }

    /// Waits for the next minute if this one ends in a moment.
    async fn within_a_minute(&self) {
        until("the next minute", || self.clock().0 < 57).await;
    }

    fn in_flight(&self, id: &str) -> u64 {
        self.ask(&["ZCARD", &format!("anymodel:{{{id}}}:flying")])
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.child = Self::spawn(self.port, self.password.as_deref(), &self.folder).unwrap();
        assert!(self.is_up());
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// This test binary once more, in another process. It ends with the test.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Runs one of the tests that are ignored, which are the parts of other processes.
    fn start(part: &str, redis: &Redis, upstream: &MockServer) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", part]);
        command.env("ANYMODEL_TEST_REDIS", redis.url()).env("ANYMODEL_TEST_UPSTREAM", upstream.url());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.input, "{word}").unwrap();
    }

    /// What comes after this word on a line of its own.
    fn hear(&mut self, word: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the process ended without `{word}`");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the other process: the addresses of Redis and of the upstream. `None` where it was not started by a test.
#[expect(clippy::disallowed_methods, reason = "a test tells its other process by variables")]
fn addresses() -> Option<(String, String)> {
    Some((std::env::var("ANYMODEL_TEST_REDIS").ok()?, std::env::var("ANYMODEL_TEST_UPSTREAM").ok()?))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn upstream(reply: impl Into<Reply>) -> MockServer {
    let server = MockServer::start().await.unwrap();
    server.reply(reply);
    server
}

/// A router that waits for nothing and tries nothing twice.
fn router(limits: &RedisLimits) -> RouterBuilder {
    let client = Client::builder().environment(Environment::none()).build().unwrap();
    let mut pauses = RetryPolicy::default();
    pauses.longest_wait = Duration::ZERO;
    Router::builder().client(client).pauses(pauses).num_retries(0).shared_limits(Arc::new(limits.clone()))
}

fn at(url: &str, id: &str) -> Deployment {
    Deployment::new("a", "openai/m").id(id).api_base(url).api_key("sk-secret")
}

const RPM: u64 = 60;
const CALLS: u64 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_keep_an_rpm_limit_exactly() {
    let Some(redis) = Redis::start("two_processes_keep_an_rpm_limit_exactly") else { return };
    let server = upstream("ok").await;
    // Again, where a new minute began meanwhile.
    for _ in 0..3 {
        redis.ask::<()>(&["FLUSHALL"]);
        let mut processes: Vec<Process> =
            (0..2).map(|_| Process::start("process_that_calls", &redis, &server)).collect();
        processes.iter_mut().for_each(|process| drop(process.hear("ready")));
        redis.within_a_minute().await;
        let (before, minute) = (server.received(), redis.clock().1);
        processes.iter_mut().for_each(|process| process.tell("go"));
        let answered: Vec<u64> = processes.iter_mut().map(|p| p.hear("answered").parse().unwrap()).collect();
        if redis.clock().1 == minute {
            assert_eq!(answered.iter().sum::<u64>(), RPM, "{answered:?}");
            assert_eq!(server.received() - before, RPM);
            let kept: u64 = redis.ask(&["HGET", "anymodel:{limited}:usage", "requests"]);
            assert_eq!(kept, RPM);
            return;
        }
    }
    panic!("every time a new minute began");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other process of two_processes_keep_an_rpm_limit_exactly"]
async fn process_that_calls() {
    let Some((redis, upstream)) = addresses() else { return };
    let limits = RedisLimits::builder(redis).timeout(LONG).connect().await.unwrap();
    let router = router(&limits).deployment(at(&upstream, "limited").rpm(RPM)).build().unwrap();
    println!("\nready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let call = router.completion("a", "Hi");
        calls.spawn(async move { call.await });
    }
    let mut answered = 0;
    for result in calls.join_all().await {
        match result {
            Ok(_) => answered += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
                let wait = error.retry_after().expect("when there is room again");
                assert!(wait > Duration::ZERO && wait <= Duration::from_secs(60), "{wait:?}");
            }
        }
    }
    println!("answered {answered}");
}

#[tokio::test]
async fn places_in_flight_are_held_while_a_process_lives_and_come_back_when_it_is_killed() {
    let Some(redis) = Redis::start("places_in_flight_are_held_while_a_process_lives_and_come_back_when_it_is_killed")
    else {
        return;
    };
    let (silent, good) = (upstream(Fault::SlowHead(LONG * 10)).await, upstream("ok").await);
    let mut other = Process::start("process_that_holds_two_places", &redis, &silent);
    other.hear("ready");
    until("both fly", || redis.in_flight("shared") == 2).await;
    let limits = RedisLimits::builder(redis.url()).lease(LEASE).connect().await.unwrap();
    let router = router(&limits).deployment(at(&good.url(), "shared").max_parallel_requests(2)).build().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < LEASE * 2 {
        assert_eq!(router.completion("a", "Hi").await.unwrap_err().kind(), ErrorKind::RateLimited);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    other.child.kill().unwrap();
    let killed = Instant::now();
    while router.completion("a", "Hi").await.is_err() {
        assert!(killed.elapsed() < LONG, "the places did not come back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(good.received(), 1);
}

#[tokio::test]
#[ignore = "the other process of places_in_flight_are_held_while_a_process_lives_and_come_back_when_it_is_killed"]
async fn process_that_holds_two_places() {
    let Some((redis, upstream)) = addresses() else { return };
    let limits = RedisLimits::builder(redis).lease(LEASE).connect().await.unwrap();
    let router = router(&limits).deployment(at(&upstream, "shared").max_parallel_requests(2)).build().unwrap();
    println!("\nready");
    let _ = tokio::join!(router.completion("a", "Hi"), router.completion("a", "Hi"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_and_started_again_under_load_loses_no_call() {
    let Some(mut redis) = Redis::start("a_redis_that_is_killed_and_started_again_under_load_loses_no_call") else {
        return;
    };
    let server = upstream("ok").await;
    let limits =
        RedisLimits::builder(redis.url()).pause(Duration::from_millis(50)).lease(LONG).connect().await.unwrap();
    let deployment = at(&server.url(), "busy").rpm(10_000_000).tpm(1_000_000_000).max_parallel_requests(1000);
    let router = router(&limits).deployment(deployment).build().unwrap();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..16 {
        let (router, stop, answered) = (router.clone(), Arc::clone(&stop), Arc::clone(&answered));
        workers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                if let Err(error) = router.completion("a", "Hi").await {
                    return Some(error);
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
            None
        });
    }
    let more = |many: u64| {
        let goal = answered.load(Ordering::Relaxed) + many;
        let answered = Arc::clone(&answered);
        async move { until("more calls", || answered.load(Ordering::Relaxed) >= goal).await }
    };
    more(100).await;
    for _ in 0..2 {
        redis.kill();
        until("it is noticed", || !limits.answers()).await;
        more(100).await;
        redis.start_again();
        until("limits are shared again", || {
            redis.ask::<Option<u64>>(&["HGET", "anymodel:{busy}:usage", "requests"]) > Some(10)
        })
        .await;
        assert!(limits.answers());
        more(100).await;
    }
    stop.store(true, Ordering::Relaxed);
    let lost: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert!(lost.is_empty(), "{lost:?}");
    until("every place is given back", || redis.in_flight("busy") == 0).await;
    assert_eq!(router.snapshot()[0].in_flight, 0);
}

#[tokio::test]
async fn a_redis_that_hangs_holds_up_a_few_calls_for_its_timeout_and_no_others() {
    let Some(redis) = Redis::start("a_redis_that_hangs_holds_up_a_few_calls_for_its_timeout_and_no_others") else {
        return;
    };
    let server = upstream("ok").await;
    let limits = RedisLimits::builder(redis.url()).pause(LONG).connect().await.unwrap();
    let router = router(&limits).deployment(at(&server.url(), "limited").rpm(1000)).build().unwrap();
    router.completion("a", "Hi").await.unwrap();
    redis.signal("-STOP");
    let begun = Instant::now();
    for _ in 0..30 {
        router.completion("a", "Hi").await.unwrap();
    }
    let took = begun.elapsed();
    assert!(!limits.answers());
    assert!(took < Duration::from_millis(1500), "three of them wait for 100 ms: {took:?}");
    redis.signal("-CONT");
}

#[tokio::test]
async fn if_it_is_to_fail_closed_calls_are_refused_until_redis_is_back() {
    let Some(mut redis) = Redis::start("if_it_is_to_fail_closed_calls_are_refused_until_redis_is_back") else { return };
    let server = upstream("ok").await;
    let pause = Duration::from_millis(20);
    let limits = RedisLimits::builder(redis.url()).fail_closed(true).pause(pause).connect().await.unwrap();
    let limited = || at(&server.url(), "limited").rpm(1000);
    let strict = router(&limits).deployment(limited()).build().unwrap();
    let free = Deployment::new("free", "openai/m").api_base(server.url()).api_key("sk-secret");
    let lenient = router(&limits).deployment(limited()).deployment(free).fallback("a", ["free"]).build().unwrap();
    strict.completion("a", "Hi").await.unwrap();
    redis.kill();
    let before = server.received();
    for _ in 0..10 {
        let error = strict.completion("a", "Hi").await.unwrap_err();
        assert_eq!((error.kind(), error.retry(), error.attempts()), (ErrorKind::Unavailable, Retry::Yes, 0));
        assert!(error.message().contains("other processes"), "{error}");
    }
    assert_eq!(server.received(), before, "nothing is sent");
    lenient.completion("a", "Hi").await.unwrap();
    redis.start_again();
    let begun = Instant::now();
    while let Err(error) = strict.completion("a", "Hi").await {
        assert!(begun.elapsed() < LONG, "{error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_wrong_password_or_address_is_an_error_that_holds_no_password() {
    let Some(redis) =
        Redis::start_with("a_wrong_password_or_address_is_an_error_that_holds_no_password", Some("right-secret"))
    else {
        return;
    };
    RedisLimits::connect(redis.url()).await.unwrap();
    let refused = MockServer::refused_url().unwrap().replace("http://", "redis://:wrong-secret@");
    let cases = [
        (format!("redis://:wrong-secret@127.0.0.1:{}", redis.port), ErrorKind::Authentication, "password"),
        (format!("redis://me:wrong-secret@127.0.0.1:{}", redis.port), ErrorKind::Authentication, "password"),
        (format!("redis://127.0.0.1:{}", redis.port), ErrorKind::Authentication, "password"),
        (refused, ErrorKind::Connection, "127.0.0.1"),
        ("redis://:wrong-secret@nowhere.invalid".to_owned(), ErrorKind::Connection, "nowhere.invalid:6379"),
        ("redis://:wrong-secret@[".to_owned(), ErrorKind::Configuration, "redis://host"),
    ];
    for (url, kind, says) in cases {
        let error = RedisLimits::connect(url).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_leaves_calls_to_the_limits_of_their_process() {
    let Some(redis) = Redis::start_with("a_wrong_password_leaves_calls_to_the_limits_of_their_process", Some("right"))
    else {
        return;
    };
    let server = upstream("ok").await;
    let limits = RedisLimits::builder(format!("redis://:wrong@127.0.0.1:{}", redis.port)).build().unwrap();
    let router = router(&limits).deployment(at(&server.url(), "limited").rpm(5)).build().unwrap();
    for _ in 0..5 {
        router.completion("a", "Hi").await.unwrap();
    }
    assert_eq!(router.completion("a", "Hi").await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert!(!limits.answers());
}

#[tokio::test]
async fn what_a_call_used_takes_the_place_of_what_was_counted() {
    let Some(redis) = Redis::start("what_a_call_used_takes_the_place_of_what_was_counted") else { return };
    let limits = RedisLimits::connect(redis.url()).await.unwrap();
    let deployment = Deployment::new("a", "m").tpm(100).rpm(10).max_parallel_requests(3);
    let usage = |field: &str| redis.ask::<u64>(&["HGET", "anymodel:{d}:usage", field]);
    redis.within_a_minute().await;
    let taken = limits.reserve("d", &deployment, 60).await.unwrap();
    assert!(
        matches!(limits.reserve("d", &deployment, 60).await, Err(Denied::For(wait)) if wait <= Duration::from_secs(60))
    );
    assert_eq!(limits.reserve("d", &deployment, 101).await.unwrap_err(), Denied::Never);
    assert_eq!((usage("requests"), usage("tokens"), redis.in_flight("d")), (1, 60, 1));
    taken.settle(Some(30));
    until("it is settled", || usage("tokens") == 30 && redis.in_flight("d") == 0).await;
    drop(limits.reserve("d", &deployment, 60).await.unwrap());
    until("nothing is taken by what is not settled", || usage("requests") == 1 && usage("tokens") == 30).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(limits.reserve("d", &deployment, 0).await.unwrap());
    }
    assert_eq!(limits.reserve("d", &deployment, 0).await.unwrap_err(), Denied::Busy);
    for key in redis.ask::<Vec<String>>(&["KEYS", "*"]) {
        assert!(redis.ask::<i64>(&["PTTL", &key]) > 0, "{key} stays for ever");
    }
}

#[tokio::test]
async fn calls_that_are_dropped_at_any_moment_leave_nothing_in_flight() {
    let Some(redis) = Redis::start("calls_that_are_dropped_at_any_moment_leave_nothing_in_flight") else { return };
    let server = upstream(Fault::SlowHead(LONG * 10)).await;
    let limits = RedisLimits::connect(redis.url()).await.unwrap();
    let router = router(&limits).deployment(at(&server.url(), "d").max_parallel_requests(1000)).build().unwrap();
    for micros in (0..3000).step_by(50) {
        let call = router.completion("a", "Hi").into_future();
        let _ = tokio::time::timeout(Duration::from_micros(micros), call).await;
    }
    assert!(server.received() > 0, "some of them got so far");
    until("nothing flies", || redis.in_flight("d") == 0).await;
    assert_eq!(router.snapshot()[0].in_flight, 0);
}

#[tokio::test]
async fn a_deployment_that_one_router_cooled_rests_for_the_others_within_a_second() {
    let Some(redis) = Redis::start("a_deployment_that_one_router_cooled_rests_for_the_others_within_a_second") else {
        return;
    };
    let (bad, good) = (upstream(Fault::Status(429)).await, upstream("ok").await);
    let mut routers = Vec::new();
    for (url, alone) in [(bad.url(), false), (good.url(), false), (good.url(), true)] {
        let limits = RedisLimits::connect(redis.url()).await.unwrap();
        let builder = router(&limits).cooldown_time(LONG).deployment(at(&url, "first")).num_retries(1);
        let second = at(&good.url(), "second").order(2);
        routers.push(if alone { builder } else { builder.deployment(second) }.build().unwrap());
    }
    for router in &routers[1..] {
        router.completion("a", "Hi").await.unwrap();
    }
    let health = |router: &Router| router.snapshot()[0].health;
    routers[0].completion("a", "Hi").await.unwrap();
    let (begun, is_cooling) = (Instant::now(), |health| matches!(health, DeploymentHealth::Cooling { .. }));
    assert!(is_cooling(health(&routers[0])));
    while !is_cooling(health(&routers[1])) {
        assert!(begun.elapsed() < Duration::from_secs(3), "not heard of");
        for router in &routers[1..] {
            router.completion("a", "Hi").await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let reply = routers[1].completion("a", "Hi").await.unwrap();
    assert_eq!(reply.meta.deployment.as_deref(), Some("second"));
    assert_eq!(health(&routers[2]), DeploymentHealth::Healthy, "the last one of its router");
}

#[cfg(feature = "config")]
#[tokio::test]
async fn routers_that_a_file_makes_share_the_redis_that_it_names() {
    let password = "p@ss:w/rd %é";
    let test = "routers_that_a_file_makes_share_the_redis_that_it_names";
    let Some(redis) = Redis::start_with(test, Some(password)) else { return };
    let server = upstream("ok").await;
    let deployment = format!("{{model: openai/m, api_base: '{}', api_key: sk-secret, rpm: 5}}", server.url());
    let variables = [("REDIS_PASSWORD", password.to_owned()), ("REDIS_URL", redis.url())];
    let environment = Environment::of(variables);
    let mut routers = Vec::new();
    for settings in [
        format!("{{redis_host: 127.0.0.1, redis_port: {}, redis_password: os.environ/REDIS_PASSWORD}}", redis.port),
        "{redis_url: os.environ/REDIS_URL}".to_owned(),
    ] {
        let yaml =
            format!("model_list: [{{model_name: a, litellm_params: {deployment}}}]\nrouter_settings: {settings}");
        let (builder, warnings) = Router::from_config(&yaml, &environment).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let mut pauses = RetryPolicy::default();
        pauses.longest_wait = Duration::ZERO;
        routers.push(builder.pauses(pauses).num_retries(0).build().unwrap());
    }
    redis.within_a_minute().await;
    let mut answered = 0;
    for call in 0..10 {
        answered += usize::from(routers[call % 2].completion("a", "Hi").await.is_ok());
    }
    assert_eq!((answered, server.received()), (5, 5));
}

#[tokio::test]
async fn one_that_a_probe_brings_back_is_not_kept_away_by_what_others_were_told() {
    let test = "one_that_a_probe_brings_back_is_not_kept_away_by_what_others_were_told";
    let Some(redis) = Redis::start(test) else { return };
    let (ill, well) = (upstream(Fault::Status(500)).await, upstream("ok").await);
    let limits = RedisLimits::connect(redis.url()).await.unwrap();
    let router = router(&limits)
        .cooldown_time(LONG)
        .deployments([at(&ill.url(), "ill"), at(&well.url(), "well").order(2)])
        .health_probe(HealthProbe::every(Duration::from_millis(20)))
        .build()
        .unwrap();
    let cooling = || redis.ask::<u64>(&["ZCARD", "anymodel:cooling"]);
    until("it cools for all", || cooling() == 1).await;
    ill.reply("back");
    until("it is back for all", || cooling() == 0 && router.snapshot()[0].health == DeploymentHealth::Healthy).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1200) {
        assert_eq!(router.completion("a", "Hi").await.unwrap().text(), "back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
