//! What prices cost: a call's cost when its model is known, the first lookup in a fresh process, and its memory.
//!
//! For the first lookup the program starts itself anew for each sample; `first lookup` is the time of the call alone, and
//! what it left in memory is printed once for each model (Linux).

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use anymodel::pricing::Terms;
use anymodel::{Catalog, ChatResponse, Usage, completion_cost};
use criterion::{BenchmarkId, Criterion};

/// The variable that names the model of the first lookup, in a process started for it.
const FIRST: &str = "ANYMODEL_BENCH_FIRST_LOOKUP";

/// Files of all sizes, names with and without a prefix, exact and seen through.
const MODELS: [&str; 6] = [
    "gpt-4o",
    "anthropic/claude-sonnet-4-5",
    "gemini/gemini-2.5-pro",
    "bedrock/us.anthropic.claude-3-haiku-20240307-v1:0",
    "azure/gpt-4o",
    "zai.glm-5",
];

#[expect(clippy::disallowed_methods, reason = "a process for one measurement reads its own clock")]
fn main() {
    if let Ok(model) = env::var(FIRST) {
        let before = resident();
        let begun = Instant::now();
        black_box(Catalog::default().model_info(&model)).ok();
        println!("{} {}", begun.elapsed().as_nanos(), resident().saturating_sub(before));
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    warm(&mut criterion);
    first(&mut criterion);
    criterion.final_summary();
}

fn warm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cost");
    let mut reply: ChatResponse = serde_json::from_str(
        r#"{"model": "claude-sonnet-4-5", "choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 300,
            "prompt_tokens_details": {"cached_tokens": 200}, "completion_tokens_details": {"reasoning_tokens": 100}}}"#,
    )
    .unwrap();
    group.bench_function("completion_cost, bare name", |bench| bench.iter(|| completion_cost(black_box(&reply))));
    reply.meta.provider = "anthropic".to_owned();
    reply.meta.model = "claude-sonnet-4-5".to_owned();
    group.bench_function("completion_cost, of a call", |bench| bench.iter(|| completion_cost(black_box(&reply))));
    let usage = Usage::new(300_000, 1000);
    let model = Catalog::default().model_info("gemini/gemini-2.5-pro").unwrap();
    group.bench_function("cost of a known model, long prompt", |bench| {
        bench.iter(|| black_box(&model).cost(black_box(&usage), &Terms::default()));
    });
    group.finish();
}

fn first(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("first lookup");
    group.sample_size(20).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
    let program = env::current_exe().unwrap();
    for model in MODELS {
        let once = || {
            let output = Command::new(&program).env(FIRST, model).output().unwrap();
            let line = String::from_utf8(output.stdout).unwrap();
            let (nanos, bytes) = line.trim().split_once(' ').unwrap();
            (Duration::from_nanos(nanos.parse().unwrap()), bytes.parse::<u64>().unwrap())
        };
        println!("{model}: {} KiB more in memory after the first lookup", once().1 / 1024);
        group.bench_with_input(BenchmarkId::from_parameter(model), &(), |bench, ()| {
            bench.iter_custom(|samples| (0..samples).map(|_| once().0).sum());
        });
    }
    group.finish();
}

/// Bytes in memory; 0 where the system does not say.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
