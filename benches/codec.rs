//! Translation alone: no network. Requests into bytes, replies and streams out of them, per wire format, each against
//! typed `serde_json` by hand where OpenAI's format makes that easy to write.

mod by_hand;
mod payload;
mod replies;

use std::hint::black_box;

use anymodel::provider::{Codec, Progress, Queue, Registry, Target};
use anymodel::{ChatRequest, Tool, assistant, system, tool_result, user};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;

const CHUNKS: usize = 500;

/// A provider of each format, and a model of it.
const PREFIXES: [(&str, &str); 6] = [
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("gemini", "gemini-2.5-flash"),
    ("bedrock", "amazon.nova-pro-v1:0"),
    ("cohere", "command-a-03-2025"),
    ("ollama", "qwen3"),
];

fn conversation() -> ChatRequest {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let mut request = ChatRequest::new(
        "model",
        vec![
            system("You are a helpful assistant. Answer in one short sentence."),
            user("What is the weather in Paris?"),
            assistant([anymodel::Part::tool_call("call_1", "get_weather", "{\"city\":\"Paris\"}")]),
            tool_result("call_1", "18 °C and sunny"),
            user("And in Rome?"),
        ],
    );
    request.params.temperature = Some(0.5);
    request.params.max_tokens = Some(500);
    request.params.tools = Some(vec![Tool::function("get_weather", "Current weather").parameters(schema)]);
    request
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let request = conversation();
    for (prefix, model) in PREFIXES {
        let codec = Registry::table().get(prefix).unwrap().chat().unwrap();
        let target = Target::new(model, "https://api.example/v1");
        group.bench_function(BenchmarkId::new(prefix, model), |bencher| {
            bencher.iter(|| codec.encode(black_box(&request), &target).unwrap());
        });
    }
    group.finish();
}

/// The provider of a case, whose name begins with its prefix.
fn provider(case: &str) -> &'static dyn anymodel::provider::Provider {
    Registry::table().get(case.split(' ').next().unwrap()).unwrap().as_ref()
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.bench_function("openai by hand", |bencher| {
        bencher.iter(|| by_hand::reply(black_box(payload::REPLY.as_bytes())));
    });
    let request = conversation();
    for (prefix, reply, _) in replies::all(CHUNKS) {
        let codec: &dyn Codec<_> = provider(prefix).chat().unwrap();
        let response = http::Response::new(Bytes::from(reply));
        group.bench_function(prefix, |bencher| {
            bencher.iter(|| match codec.decode(&request, black_box(&response)).unwrap() {
                Progress::Done(reply) => reply,
                Progress::Poll { .. } => panic!("chat does not poll"),
            });
        });
    }
    group.finish();
}

/// The whole of a stream of 500 chunks, in reads of 1,400 bytes as a network gives them.
fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    group.throughput(Throughput::Elements(CHUNKS as u64));
    for (prefix, _, stream) in replies::all(CHUNKS) {
        let bytes = stream.as_slice();
        if prefix == "openai" {
            group.bench_function(BenchmarkId::new(prefix, "by hand"), |bencher| {
                bencher.iter(|| {
                    let mut lines = by_hand::Lines::default();
                    bytes.chunks(1400).map(|piece| lines.push(piece)).sum::<usize>()
                })
            });
        }
        let codec = provider(prefix).chat().unwrap();
        let request = conversation();
        group.bench_function(BenchmarkId::new(prefix, "anymodel"), |bencher| {
            bencher.iter(|| {
                let (mut decoder, mut queue) = (codec.stream_decoder(&request), Queue::new());
                let mut length = 0;
                for piece in bytes.chunks(1400) {
                    decoder.push(piece, &mut queue).unwrap();
                    length += queue.drain(..).map(|chunk| chunk.text().len()).sum::<usize>();
                }
                decoder.end(&mut queue).unwrap();
                length
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode, decode, stream);
criterion_main!(benches);
