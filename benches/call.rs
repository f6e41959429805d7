//! Whole calls over loopback, against `reqwest` with typed `serde_json` by hand in the same run: one at a time, 64 in
//! flight, and a stream of 500 chunks.

mod by_hand;
mod payload;
mod server;

use anymodel::Client;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

const IN_FLIGHT: usize = 64;
const CHUNKS: usize = 500;

async fn call_by_hand(http: &reqwest::Client, url: &str) -> usize {
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Why is the sky blue?"}]});
    let body = serde_json::to_vec(&body).unwrap();
    let request = http.post(url).header("authorization", "Bearer sk-bench").header("content-type", "application/json");
    by_hand::reply(&request.body(body).send().await.unwrap().bytes().await.unwrap())
}

async fn call_by_anymodel(client: &Client, base: &str) -> usize {
    let call = client.completion("openai/gpt-4o", "Why is the sky blue?").api_base(base).api_key("sk-bench".to_owned());
    call.await.unwrap().text().len()
}

async fn stream_by_hand(http: &reqwest::Client, url: &str) -> usize {
    let mut pieces = http.post(url).body("{}").send().await.unwrap().bytes_stream();
    let (mut lines, mut length) = (by_hand::Lines::default(), 0);
    while let Some(piece) = pieces.next().await {
        length += lines.push(&piece.unwrap());
    }
    length
}

async fn stream_by_anymodel(client: &Client, base: &str) -> usize {
    let call = client.completion("openai/gpt-4o", "Why is the sky blue?").api_base(base).api_key("sk-bench".to_owned());
    let (mut stream, mut length) = (call.stream().await.unwrap(), 0);
    while let Some(chunk) = stream.next().await {
        length += chunk.unwrap().text().len();
    }
    length
}

/// Of one thread: how threads wake each other would count for more than what is measured.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// `IN_FLIGHT` of them at once.
async fn together<F: Future<Output = usize>>(one: impl Fn() -> F) -> usize {
    let calls: FuturesUnordered<F> = (0..IN_FLIGHT).map(|_| one()).collect();
    calls.fold(0, |sum, length| async move { sum + length }).await
}

fn calls(criterion: &mut Criterion) {
    let runtime = runtime();
    let (http, client) = (reqwest::Client::new(), Client::new().unwrap());
    let base = server::start("application/json", payload::REPLY);
    let url = format!("{base}/chat/completions");
    let mut group = criterion.benchmark_group("call");
    group.bench_function("by hand", |bencher| bencher.to_async(&runtime).iter(|| call_by_hand(&http, &url)));
    group.bench_function("anymodel", |bencher| bencher.to_async(&runtime).iter(|| call_by_anymodel(&client, &base)));
    group.throughput(Throughput::Elements(IN_FLIGHT as u64));
    group.bench_function(BenchmarkId::new("by hand", IN_FLIGHT), |bencher| {
        bencher.to_async(&runtime).iter(|| together(|| call_by_hand(&http, &url)));
    });
    group.bench_function(BenchmarkId::new("anymodel", IN_FLIGHT), |bencher| {
        bencher.to_async(&runtime).iter(|| together(|| call_by_anymodel(&client, &base)));
    });
    group.finish();
}

fn streams(criterion: &mut Criterion) {
    let runtime = runtime();
    let (http, client) = (reqwest::Client::new(), Client::new().unwrap());
    let base = server::start("text/event-stream", &payload::stream(CHUNKS));
    let url = format!("{base}/chat/completions");
    let mut group = criterion.benchmark_group("streamed call");
    group.throughput(Throughput::Elements(CHUNKS as u64));
    group.bench_function("by hand", |bencher| bencher.to_async(&runtime).iter(|| stream_by_hand(&http, &url)));
    group.bench_function("anymodel", |bencher| bencher.to_async(&runtime).iter(|| stream_by_anymodel(&client, &base)));
    group.finish();
}

criterion_group!(benches, calls, streams);
criterion_main!(benches);
