//! The router in worlds of chance: groups, orders, fallbacks, retries and faults as they fall, and several calls at a
//! time, with real sockets. Whatever happens, a request at a server is a try in one call's trail and the other way
//! round, and no call has more of them than its plan allows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::transport::ReqwestTransport;
use anymodel::{Attempt, ChatResponse, Client, Deployment, Error, RetryPolicy, Router};
use proptest::prelude::*;
use proptest::sample::select;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const GROUPS: [&str; 3] = ["a", "b", "c"];
/// Longer than any call takes.
const LONG: Duration = Duration::from_secs(60);
/// How long deployments rest, and what providers ask for.
const SHORT: Duration = Duration::from_millis(5);

#[derive(Clone, Debug)]
struct World {
    /// Group and order of each deployment, and what befalls its first requests; the others are answered.
    deployments: Vec<(usize, u32, Vec<Fault>)>,
    /// Where each group falls back to.
    fallbacks: [Vec<usize>; 3],
    retries: u32,
    /// The calls of the first group that are made at once: whether they are streamed.
    calls: Vec<bool>,
}

fn faults() -> impl Strategy<Value = Fault> {
    select(vec![
        Fault::Status(400),
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(408),
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(503),
        Fault::RateLimited { retry_after: SHORT },
        Fault::ContextWindowExceeded,
        Fault::ContentPolicy,
        Fault::Reset,
        Fault::ResetAfter(0),
        Fault::CutAfter(0),
        Fault::EndAfter(0),
        Fault::MalformedAfter(0),
        Fault::ErrorAfter(0),
        Fault::EmptyBody,
        Fault::Html,
    ])
}

fn worlds() -> impl Strategy<Value = World> {
    let scripts = || proptest::collection::vec(faults(), 0..5);
    let first = scripts().prop_map(|script| (0, 1, script));
    let others = proptest::collection::vec((0..3usize, 1..3u32, scripts()), 0..6);
    let deployments = (first, others).prop_map(|(first, others)| [vec![first], others].concat());
    let targets = || proptest::collection::vec(0..3usize, 0..3);
    let calls = proptest::collection::vec(any::<bool>(), 1..6);
    (deployments, [targets(), targets(), targets()], 0..4u32, calls)
        .prop_map(|(deployments, fallbacks, retries, calls)| World { deployments, fallbacks, retries, calls })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]
    #[test]
    fn no_request_is_lost_and_none_is_doubled_beyond_the_plan(world in worlds()) {
        RUNTIME.with(|runtime| runtime.block_on(live(&world)))?;
    }
}

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Making a transport reads the system's certificates.
    static TRANSPORT: Arc<ReqwestTransport> = Arc::new(ReqwestTransport::new(LONG).unwrap());
}

async fn live(world: &World) -> Result<(), TestCaseError> {
    let mut servers = Vec::new();
    for (place, (_, _, script)) in world.deployments.iter().enumerate() {
        let server = MockServer::start().await.unwrap();
        server.reply(Reply::text(format!("d{place}")));
        script.iter().for_each(|fault| server.enqueue(fault.clone()));
        servers.push(server);
    }
    let router = router(world, &servers);
    let mut calls = JoinSet::new();
    for streamed in world.calls.clone() {
        let call = router.completion("a", "Hi");
        calls.spawn(async move { if streamed { call.stream().await?.collect().await } else { call.await } });
    }
    let ends: Vec<Result<ChatResponse, Error>> = calls.join_all().await;

    let mut tries: HashMap<String, u64> = HashMap::new();
    for end in &ends {
        let (attempts, trail) = match end {
            Ok(reply) => (reply.meta.attempts, &reply.meta.trail[..]),
            Err(error) => (error.attempts(), error.trail()),
        };
        prop_assert_eq!(attempts as usize, trail.len(), "{:?}", end);
        prop_assert!(trail.len() <= most(world), "{:?}", trail);
        trail.iter().for_each(|attempt| *tries.entry(attempt.deployment.clone()).or_default() += 1);
        match end {
            Ok(reply) => {
                let last = trail.last().map(|last| (last.deployment.clone(), last.kind));
                prop_assert_eq!(last, Some((reply.text(), None)), "the one that answered is the last");
                prop_assert_eq!(failed(trail), trail.len() - 1);
            }
            Err(error) => {
                prop_assert_eq!(failed(trail), trail.len());
                prop_assert!(trail.iter().any(|attempt| attempt.kind == Some(error.kind())), "{:?}", error);
            }
        }
    }
    for (place, server) in servers.iter().enumerate() {
        let tried = tries.get(&format!("d{place}")).copied().unwrap_or_default();
        prop_assert_eq!(server.received(), tried, "requests at d{}, {:?}", place, ends);
    }
    prop_assert!(router.snapshot().iter().all(|deployment| deployment.in_flight == 0));
    Ok(())
}

fn failed(trail: &[Attempt]) -> usize {
    trail.iter().filter(|attempt| attempt.kind.is_some()).count()
}

/// The most tries that a call may come to: in each group one for each order, and the retries.
fn most(world: &World) -> usize {
    let in_group = |group: usize| {
        let mut orders: Vec<u32> = world.deployments.iter().filter(|it| it.0 == group).map(|it| it.1).collect();
        orders.sort_unstable();
        orders.dedup();
        if orders.is_empty() { 0 } else { orders.len() + world.retries as usize }
    };
    (0..GROUPS.len()).map(in_group).sum()
}

fn router(world: &World, servers: &[MockServer]) -> Router {
    let transport = TRANSPORT.with(Arc::clone);
    let client = Client::builder().transport(transport).environment(Environment::none()).build().unwrap();
    let mut pauses = RetryPolicy::default();
    pauses.base = Duration::from_millis(1);
    let mut router =
        Router::builder().client(client).pauses(pauses).num_retries(world.retries).cooldown_time(SHORT).timeout(LONG);
    for (place, ((group, order, _), server)) in world.deployments.iter().zip(servers).enumerate() {
        let deployment = Deployment::new(GROUPS[*group], "openai/m").id(format!("d{place}")).order(*order);
        router = router.deployment(deployment.api_base(server.url()).api_key("k"));
    }
    let exists = |group: &usize| world.deployments.iter().any(|it| it.0 == *group);
    for (group, targets) in world.fallbacks.iter().enumerate().filter(|(group, _)| exists(group)) {
        let targets: Vec<&str> = targets.iter().filter(|it| exists(it)).map(|it| GROUPS[*it]).collect();
        if !targets.is_empty() {
            router = router.fallback(GROUPS[group], targets);
        }
    }
    router.build().unwrap()
}
