//! Counting tokens: ours against tiktoken-rs bare, what first use costs, and how time grows on text made to hurt.
//!
//! With the feature `tiktoken-fast` "ours" is the faster package behind the same cuts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anymodel::{Encoding, Tokenizer};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// How long the texts of the comparison are, in bytes.
const SIZE: usize = 64 * 1024;

const PROSE: &str = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of \
    foolishness, it was the epoch of belief, it was the epoch of incredulity; we'd nothing before us, said Mr Lorry. ";
const CODE: &str = "    fn next(&mut self) -> Option<Piece<'a>> {\n        if self.rest.is_empty() {\n            return \
    None;\n        }\n        let (at, whole) = self.cut();\n        self.rest = self.rest.get(at..)?; // rest\n    }\n\n";
const JSON: &str =
    "{\"id\": 12345, \"name\": \"row 7\", \"ok\": true, \"v\": -0.25, \"list\": [1, 2, 3], \"no\": null}, ";
const CHINESE: &str = "统一接口调用任意模型，精确的费用计算，负载均衡与故障转移。这是一个测试文本，用来衡量速度。";

fn fill(unit: &str, size: usize) -> String {
    unit.repeat(size.div_ceil(unit.len()))
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// The time that this thread has had a processor, where the system tells it: others may share the machine.
fn worked<T>(work: impl FnOnce() -> T) -> Duration {
    let spent = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        told.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    let before = spent();
    let (_, took) = timed(work);
    before.and_then(|before| spent()?.checked_sub(before)).unwrap_or(took)
}

/// The memory of this process, in MB, where the system tells it.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn first_use(_: &mut Criterion) {
    for encoding in [Encoding::O200kBase, Encoding::Cl100kBase, Encoding::P50kBase, Encoding::R50kBase] {
        let before = memory();
        let (_, took) = timed(|| Tokenizer::new(encoding).warm().unwrap());
        println!("first use of {encoding}: {took:.0?}, {} MB", memory().saturating_sub(before));
    }
}

fn speed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("count");
    let bare = tiktoken_rs::o200k_base_singleton();
    let tokenizer = Tokenizer::new(Encoding::O200kBase);
    for (name, unit) in [("prose", PROSE), ("code", CODE), ("json", JSON), ("chinese", CHINESE)] {
        let text = fill(unit, SIZE);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("ours", name), |bencher| {
            bencher.iter(|| tokenizer.count(black_box(&text)));
        });
        group.bench_function(BenchmarkId::new("tiktoken-rs", name), |bencher| {
            bencher.iter(|| bare.encode_ordinary(black_box(&text)).len());
        });
    }
    group.finish();
}

/// Random letters that are the same on every run.
fn random(size: usize, letters: &str) -> String {
    let letters: Vec<char> = letters.chars().collect();
    let (mut seed, mut text) = (7_u64, String::with_capacity(size + 4));
    while text.len() < size {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push(letters[(seed >> 33) as usize % letters.len()]);
    }
    text
}

/// Four times the text takes at most five times the work; each time is the best of several.
fn growth(_: &mut Criterion) {
    const SIZES: [usize; 5] = [16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20];
    type Make = fn(usize) -> String;
    let kinds: [(&str, Make); 18] = [
        ("prose", |size| fill(PROSE, size)),
        ("code", |size| fill(CODE, size)),
        ("json", |size| fill(JSON, size)),
        ("chinese", |size| fill(CHINESE, size)),
        ("one letter", |size| fill("a", size)),
        ("one capital", |size| fill("A", size)),
        ("random letters", |size| random(size, "abcdefghijklmnopqrstuvwxyz")),
        ("random case", |size| random(size, "abcdefghijklmABCDEFGHIJKLM")),
        ("spaces", |size| fill(" ", size)),
        ("newlines", |size| fill("\n", size)),
        ("white space", |size| random(size, " \t\n\r\u{a0}\u{3000}")),
        ("digits", |size| random(size, "0123456789")),
        ("one sign", |size| fill("!", size)),
        ("signs", |size| random(size, "!@#$%^&*()_+-=[]{};:,./<>?|'")),
        ("emoji", |size| fill("😀👩\u{200d}👩", size)),
        ("combining marks", |size| fill("a\u{301}", size)),
        ("unbroken chinese", |size| random(size, "统一接口调用任意模型精确的费用计算负载均衡与故障转移")),
        ("mixed", |size| random(size, "aZ09 \n\t'!/.é\u{301}中，😀")),
    ];
    let encoding = Encoding::O200kBase;
    let tokenizer = Tokenizer::new(encoding);
    let _ = tokenizer.count("warm");
    for (name, make) in kinds {
        let times: Vec<f64> = SIZES
            .iter()
            .map(|size| {
                let text = make(*size);
                // The system tells the time spent in steps of some milliseconds, so short work is done often.
                let times = ((1 << 20) / size).max(1);
                let work = || {
                    (0..times).for_each(|_| {
                        black_box(tokenizer.count(black_box(&text)));
                    })
                };
                let took = (0..2).map(|_| worked(work)).min();
                took.unwrap_or_default().as_secs_f64() * 1e3 / times as f64
            })
            .collect();
        let worst = times.windows(2).map(|pair| pair[1] / pair[0]).fold(0.0, f64::max);
        let note = if worst > 5.0 { "  MORE THAN FIVE" } else { "" };
        let shown: Vec<String> = times.iter().map(|time| format!("{time:.2}")).collect();
        println!("{encoding} {name:16} ms for 16 KB to 4 MB: {:46} worst factor {worst:.2}{note}", shown.join(" "));
    }
}

criterion_group!(benches, first_use, growth, speed);
criterion_main!(benches);
