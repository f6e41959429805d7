//! What a router costs over the plain client, in the same run: a provider that answers at once, in memory, so that
//! nothing else is measured. With 3, 100 and 1,000 deployments in the group; by one thread, and by two.

#[expect(dead_code, reason = "the streams are for other benchmarks")]
mod payload;

use std::sync::Arc;

use anymodel::auth::Environment;
use anymodel::router::{LeastBusy, LowestLatency, Strategy, strategy_named};
use anymodel::transport::{Body, Transport};
use anymodel::{Client, Deployment, Router};
use async_trait::async_trait;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::{Request, Response};
use tokio::runtime::{Builder, Runtime};

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
        Deployment::new("smart", "openai/gpt-4o").id(&format!("d{number}")).api_key("sk-bench").rpm(1 << 30)
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

fn one_thread(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("one thread");
    let plain_client = client();
    group.bench_function("client", |bencher| bencher.to_async(&runtime).iter(|| plain(&plain_client)));
    for size in SIZES {
        let router = router(size, shuffle());
        group.bench_function(BenchmarkId::new("router", size), |bencher| {
            bencher.to_async(&runtime).iter(|| routed(&router));
        });
    }
    let strategies: [(&str, Arc<dyn Strategy>); 2] =
        [("least busy", Arc::new(LeastBusy)), ("lowest latency", Arc::new(LowestLatency::default()))];
    for (name, strategy) in strategies {
        let router = router(100, strategy);
        group.bench_function(BenchmarkId::new(name, 100), |bencher| {
            bencher.to_async(&runtime).iter(|| routed(&router));
        });
    }
    group.finish();
}

/// A hundred calls on each of two threads.
async fn on_two_threads<T: Clone + Send + 'static>(
    of: &T,
    call: impl Fn(T) -> std::pin::Pin<Box<dyn Future<Output = usize> + Send>> + Copy + Send + 'static,
) {
    let tasks = [of.clone(), of.clone()].map(|of| {
        tokio::spawn(async move {
            for _ in 0..100 {
                call(of.clone()).await;
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

fn two_threads(criterion: &mut Criterion) {
    let runtime: Runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("two threads");
    group.throughput(Throughput::Elements(200));
    let plain_client = client();
    group.bench_function("client", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| on_two_threads(&plain_client, |client| Box::pin(async move { plain(&client).await })));
    });
    for size in SIZES {
        let router = router(size, shuffle());
        group.bench_function(BenchmarkId::new("router", size), |bencher| {
            bencher
                .to_async(&runtime)
                .iter(|| on_two_threads(&router, |router| Box::pin(async move { routed(&router).await })));
        });
    }
    group.finish();
}

criterion_group!(benches, one_thread, two_threads);
criterion_main!(benches);
