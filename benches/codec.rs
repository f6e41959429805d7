//! Translation alone: no network. Requests into bytes, replies and streams out of them, per wire format, each against
//! typed `serde_json` by hand where OpenAI's format makes that easy to write.

mod payload;

use std::hint::black_box;

use anymodel::provider::{Codec, Progress, Queue, Registry, Target};
use anymodel::{ChatRequest, Tool, assistant, system, tool_result, user};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde_json::{Value, json};

const CHUNKS: usize = 500;

const PREFIXES: [(&str, &str); 4] =
    [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("gemini", "gemini-2.5-flash"), ("ollama", "qwen3")];

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
        group.bench_function(prefix, |bencher| bencher.iter(|| codec.encode(black_box(&request), &target).unwrap()));
    }
    group.finish();
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct TypedReply {
    id: String,
    model: String,
    choices: Vec<TypedChoice>,
    usage: Option<TypedUsage>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct TypedChoice {
    message: TypedMessage,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct TypedMessage {
    content: Option<String>,
    tool_calls: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct TypedUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct TypedChunk {
    id: String,
    model: String,
    choices: Vec<TypedChunkChoice>,
    usage: Option<TypedUsage>,
}

#[derive(Deserialize)]
struct TypedChunkChoice {
    delta: TypedDelta,
    #[expect(dead_code, reason = "what a hand-written client would read")]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct TypedDelta {
    role: Option<String>,
    content: Option<String>,
    tool_calls: Option<Vec<Value>>,
}

/// A whole reply in each format, and the same reply streamed.
fn replies() -> Vec<(&'static str, String, String)> {
    let words = |render: &dyn Fn(usize) -> String| (0..CHUNKS).map(render).collect::<String>();
    let anthropic = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "The sky is blue because air scatters the short waves."}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 14, "output_tokens": 20}});
    let anthropic_stream = format!(
        "event: message_start\ndata: {}\n\nevent: content_block_start\ndata: {}\n\n{}{}{}{}",
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-5", "content": [], "usage": {"input_tokens": 14, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        words(&|place| format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\" word{place}\"}}}}\n\n"
        )),
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":20}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    let gemini = |text: &str, finish: &str| {
        format!(
            "{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}],\"role\":\"model\"}}{finish},\"index\":0}}],\
             \"usageMetadata\":{{\"promptTokenCount\":14,\"candidatesTokenCount\":20,\"totalTokenCount\":34}},\
             \"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"r1\"}}"
        )
    };
    let stop = ",\"finishReason\":\"STOP\"";
    let gemini_stream = format!(
        "{}data: {}\n\n",
        words(&|place| format!("data: {}\n\n", gemini(&format!(" word{place}"), ""))),
        gemini(".", stop)
    );
    let ollama = |text: &str, done: bool| {
        let end = if done { ",\"done_reason\":\"stop\",\"prompt_eval_count\":14,\"eval_count\":20" } else { "" };
        format!(
            "{{\"model\":\"qwen3\",\"created_at\":\"2025-01-01T00:00:00Z\",\"message\":{{\"role\":\"assistant\",\
             \"content\":\"{text}\"}},\"done\":{done}{end}}}\n"
        )
    };
    let ollama_stream = format!("{}{}", words(&|place| ollama(&format!(" word{place}"), false)), ollama("", true));
    let item = |status: &str, content: Value| json!({"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content});
    let said = json!([{"type": "output_text", "text": "The sky is blue because air scatters the short waves.",
        "annotations": [], "logprobs": []}]);
    let responses = json!({"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o", "status": "completed",
        "output": [item("completed", said)], "usage": {"input_tokens": 14, "output_tokens": 20, "total_tokens": 34}});
    let responses_stream = format!(
        "event: response.created\ndata: {}\n\n{}event: response.completed\ndata: {}\n\n",
        json!({"type": "response.created", "response": {"id": "resp_1", "object": "response", "status": "in_progress"}}),
        words(&|place| format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\",\
             \"output_index\":0,\"content_index\":0,\"delta\":\" word{place}\",\"sequence_number\":{place}}}\n\n"
        )),
        json!({"type": "response.completed", "response": responses}),
    );
    vec![
        ("openai", payload::REPLY.to_owned(), payload::stream(CHUNKS)),
        ("openai responses", responses.to_string(), responses_stream),
        ("anthropic", anthropic.to_string(), anthropic_stream),
        ("gemini", gemini("The sky is blue because air scatters the short waves.", stop), gemini_stream),
        ("ollama", ollama("The sky is blue because air scatters the short waves.", true), ollama_stream),
    ]
}

/// The provider of a case, whose name begins with its prefix.
fn provider(case: &str) -> &'static dyn anymodel::provider::Provider {
    Registry::table().get(case.split(' ').next().unwrap()).unwrap().as_ref()
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.bench_function("openai by hand", |bencher| {
        bencher.iter(|| serde_json::from_str::<TypedReply>(black_box(payload::REPLY)).unwrap());
    });
    let request = conversation();
    for (prefix, reply, _) in replies() {
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
    for (prefix, _, stream) in replies() {
        let bytes = stream.as_bytes();
        if prefix == "openai" {
            group.bench_function(BenchmarkId::new(prefix, "by hand"), |bencher| bencher.iter(|| by_hand(bytes)));
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

/// A line loop with typed `serde_json`, as one writes it by hand.
fn by_hand(bytes: &[u8]) -> usize {
    let (mut buffer, mut length) = (Vec::new(), 0);
    for piece in bytes.chunks(1400) {
        buffer.extend_from_slice(piece);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let line = std::str::from_utf8(&line).unwrap().trim();
            let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
            let chunk: TypedChunk = serde_json::from_str(data).unwrap();
            length +=
                chunk.choices.iter().filter_map(|choice| choice.delta.content.as_ref()).map(String::len).sum::<usize>();
        }
    }
    length
}

criterion_group!(benches, encode, decode, stream);
criterion_main!(benches);
