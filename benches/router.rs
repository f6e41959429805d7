//! What a router costs over the plain client, in the same run: a provider that answers at once, in memory, so that
//! nothing else is measured. With 3, 100 and 1,000 deployments in the group; by one thread, and by two. What is given is
//! the difference of calls that are made in pairs.

#[expect(dead_code, reason = "the streams are for other benchmarks")]
mod payload;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::router::{LeastBusy, LowestLatency, Strategy, strategy_named};
use anymodel::transport::{Body, Transport};
use anymodel::{Client, Deployment, Router};
use async_trait::async_trait;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use tokio::runtime::Builder;
use tokio::time::Instant;

/// Answers at once.
#[derive(Debug)]
struct Instantly;

#[async_trait]
impl Transport for Instantly {
    async fn send(&self, _: Request<Bytes>) -> anymodel::Result<Response<Body>> {
        Ok(Response::new(Body::full(payload::REPLY)))
    }
}

fn client() -> Client {
    let keys = [("OPENAI_API_KEY", "sk-bench")];
    Client::builder().transport(Arc::new(Instantly)).environment(Environment::of(keys)).build().unwrap()
}

fn router(deployments: usize, strategy: Arc<dyn Strategy>) -> Router {
    let of = |number: usize| {
        Deployment::new("smart", "openai/gpt-4o").id(format!("d{number}")).api_key("sk-bench").rpm(1 << 30)
    };
    Router::builder().client(client()).deployments((0..deployments).map(of)).shared_strategy(strategy).build().unwrap()
}

fn shuffle() -> Arc<dyn Strategy> {
    strategy_named("simple-shuffle").unwrap()
}

async fn plain(client: &Client) -> usize {
    client.completion("openai/gpt-4o", "Why is the sky blue?").await.unwrap().text().len()
}

async fn routed(router: &Router) -> usize {
    router.completion("smart", "Why is the sky blue?").await.unwrap().text().len()
}

const SIZES: [usize; 3] = [3, 100, 1000];

/// How much longer calls through the router take than the same calls of the plain client, as the median of pairs: both
/// of a pair see the same machine, and a pair that the machine interrupts does not count.
async fn overhead(client: Client, router: Router, pairs: u64) -> i128 {
    let nanos = |since: Instant| i128::try_from(since.elapsed().as_nanos()).unwrap();
    let mut differences = Vec::new();
    for pair in 0..pairs {
        let mut over = 0;
        for first in [pair % 2 == 0, pair % 2 != 0] {
            let begun = Instant::now();
            if first {
                black_box(plain(&client).await);
                over -= nanos(begun);
            } else {
                black_box(routed(&router).await);
                over += nanos(begun);
            }
        }
        differences.push(over);
    }
    differences.sort_unstable();
    differences[differences.len() / 2] * i128::from(pairs)
}

fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos.max(1)).unwrap())
}

fn over_the_client(criterion: &mut Criterion) {
    let one = Builder::new_current_thread().enable_all().build().unwrap();
    let two = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("router over client");
    for size in SIZES {
        let (client, router) = (client(), router(size, shuffle()));
        group.bench_function(BenchmarkId::new("one thread", size), |bencher| {
            bencher
                .to_async(&one)
                .iter_custom(async |pairs| duration(overhead(client.clone(), router.clone(), pairs).await));
        });
        group.bench_function(BenchmarkId::new("two threads", size), |bencher| {
            bencher.to_async(&two).iter_custom(async |pairs| {
                let tasks = [(); 2].map(|()| tokio::spawn(overhead(client.clone(), router.clone(), pairs)));
                let mut over = 0;
                for task in tasks {
                    over += task.await.unwrap();
                }
                duration(over / 2)
            });
        });
    }
    group.finish();
}

/// Whole calls, by themselves: the client's, and the router's by several strategies.
fn calls(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("call");
    let plain_client = client();
    group.bench_function("client", |bencher| bencher.to_async(&runtime).iter(|| plain(&plain_client)));
    let strategies: [(&str, Arc<dyn Strategy>); 3] = [
        ("simple shuffle", shuffle()),
        ("least busy", Arc::new(LeastBusy)),
        ("lowest latency", Arc::new(LowestLatency::default())),
    ];
    for (name, strategy) in strategies {
        let router = router(100, strategy);
        group.bench_function(BenchmarkId::new(name, 100), |bencher| {
            bencher.to_async(&runtime).iter(|| routed(&router));
        });
    }
    group.finish();
}

criterion_group!(benches, over_the_client, calls);
criterion_main!(benches);
