//! Counts of tokens: against the reference's kept answers, against tiktoken itself, and on text made to hurt.
//!
//! The reference's answers are read from `$ANYMODEL_SHARED` (else `../shared`); where they are missing that test says
//! that it was skipped. All others need nothing.
#![cfg(feature = "tiktoken")]

use std::path::{Path, PathBuf};

use anymodel::tokenizer::UNBROKEN;
use anymodel::{ChatRequest, Encoding, Prompt, TokenCount, Tokenizer, decode, encode, token_counter};
use proptest::prelude::*;
use serde_json::Value;
use tiktoken_rs::CoreBPE;

/// Where the reference's count differs from ours, and why ours is right. Nothing else may differ.
struct Rule {
    what: &'static str,
    /// Whether it is about this model, by whether our count is exact and whether the reference's is `cl100k_base`'s.
    holds: fn(model: &str, exact: bool, theirs_is_cl100k: bool) -> bool,
}

const RULES: [Rule; 3] = [
    Rule {
        what: "a prefix makes the reference count with cl100k_base; the model's own encoding is o200k_harmony",
        holds: |model, _, theirs_is_cl100k| theirs_is_cl100k && model == "groq/openai/gpt-oss-120b",
    },
    Rule {
        what: "the reference counts newer Claude models with the tokenizer of Claude 2; ours is o200k_base times what was \
               measured on replies of these models, and says that it is an estimate",
        holds: |model, exact, _| !exact && model == "claude-sonnet-4-5",
    },
    Rule {
        what: "no public encoding: the reference takes cl100k_base without a word; ours is o200k_base times what was \
               measured for the family, and says that it is an estimate",
        holds: |model, exact, theirs_is_cl100k| {
            let prefixes = ["anthropic/", "gemini/", "deepseek/", "mistral/", "ollama/", "an-unknown-model"];
            !exact && theirs_is_cl100k && prefixes.iter().any(|prefix| model.starts_with(prefix))
        },
    },
];

#[expect(clippy::disallowed_methods, reason = "tests read where the reference's answers are")]
fn oracle() -> Option<Vec<Value>> {
    let given = std::env::var_os("ANYMODEL_SHARED").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let file = root.join("parity/token_oracle.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: there is no {}", file.display());
        return None;
    };
    let mut oracle: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(oracle["rows"].take()).unwrap()
}

/// The reference counts a text in pieces of 1,024 characters, each cut adding a token at most.
fn drift(row: &Value) -> u64 {
    row["text"].as_str().map_or(0, |text| text.chars().count().saturating_sub(1) as u64 / 1024)
}

#[test]
fn counts_are_the_reference_s_or_a_rule_says_why_not() {
    let Some(rows) = oracle() else { return };
    let (mut same, mut drifted, mut used, mut wrong) = (0, 0, [0; RULES.len()], Vec::new());
    for row in &rows {
        let (id, model, theirs) = (&row["id"], row["model"].as_str().unwrap(), row["tokens"].as_u64().unwrap());
        let request: ChatRequest;
        let prompt = match row["text"].as_str() {
            Some(text) => Prompt::from(text),
            None => {
                request = serde_json::from_value(row.clone()).unwrap();
                Prompt::from(&request)
            }
        };
        let ours = token_counter(model, prompt);
        let cl100k = Tokenizer::new(Encoding::Cl100kBase).count_prompt(prompt).tokens;
        let near = |count: u64| theirs.abs_diff(count) <= drift(row);
        let rule = |rule: &Rule| (rule.holds)(model, ours.exact, near(cl100k));
        if ours.tokens == theirs {
            same += 1;
        } else if let Some(at) = RULES.iter().position(rule) {
            used[at] += 1;
        } else if near(ours.tokens) {
            drifted += 1;
        } else {
            wrong.push(format!("{id}: {} where the reference has {theirs}", ours.tokens));
        }
    }
    println!("{same} the same, {drifted} within the drift of pieces, of {}", rows.len());
    for (rule, times) in RULES.iter().zip(used) {
        println!("{times} times: {}", rule.what);
        assert!(times > 0, "a rule without a use: {}", rule.what);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(same > 100 && rows.len() > 150);
}

fn bare(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::O200kHarmony => tiktoken_rs::o200k_harmony_singleton(),
        Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
        Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
        Encoding::P50kBase => tiktoken_rs::p50k_base_singleton(),
        Encoding::P50kEdit => tiktoken_rs::p50k_edit_singleton(),
        _ => tiktoken_rs::r50k_base_singleton(),
    }
}

/// Random numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn text(&mut self, length: usize, letters: &[char]) -> String {
        (0..length).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }
}

/// Texts of every kind, about `size` letters each: what people write, and what nobody would.
fn texts(size: usize) -> Vec<(&'static str, String)> {
    let mut dice = Dice(7);
    let fill = |unit: &str| unit.repeat(size.div_ceil(unit.chars().count()));
    let latin: Vec<char> = (0x20..=0xff).map(|code| char::from_u32(code).unwrap()).collect();
    let spaces = [' ', '\t', '\n', '\r', '\u{a0}', '\u{3000}', '\u{85}', '\u{200b}'];
    let chinese: Vec<char> = ('\u{4e00}'..='\u{9fa5}').collect();
    let everything: Vec<char> =
        "aZ09 \n\r\t'\"/!.,-_é\u{301}ßΩЖ中、。한😀\u{200d}\u{1f3fd}\u{fe0f}ſ'sLLİǅʰªⅫ½\u{0}\u{7f}\u{fffd}"
            .chars()
            .collect();
    vec![
        ("prose", fill("It was the best of times, it was the worst of times; we'd all say it wasn't, HE'LL say so. ")),
        (
            "code",
            fill(
                "fn main() {\n    let xs: Vec<u64> = (0..10).filter(|x| x % 2 == 0).collect();\n\tprintln!(\"{xs:?}\"); // done\n}\n\n",
            ),
        ),
        (
            "json",
            fill("{\"id\":12345,\"name\":\"row 0\",\"ok\":true,\"v\":-0.25e10,\"list\":[1,2,3],\"nothing\":null}\n"),
        ),
        ("chinese", fill("统一接口调用任意模型，精确的费用计算，负载均衡与故障转移。")),
        ("japanese", fill("これは「テスト」です。カタカナとひらがな、漢字も混ざる！")),
        ("emoji", fill("🌍🚀👩\u{200d}👩\u{200d}👧\u{200d}👦🏳️\u{200d}🌈 café naïve Ωμέγα ")),
        ("url", fill("https://example.com/a/b?c=d&e=f#g/../h//i\n/j ")),
        ("latin-1", dice.text(size, &latin)),
        ("white space", dice.text(size, &spaces)),
        ("words and spaces", dice.text(size, &['a', 'b', ' ', ' ', '\n', '.'])),
        ("everything", dice.text(size, &everything)),
        ("random chinese", dice.text(size, &chinese)),
        ("one letter", fill("a")),
        ("one capital", fill("A")),
        ("random letters", dice.text(size, &('a'..='z').collect::<Vec<_>>())),
        ("random case", dice.text(size, &('a'..='z').chain('A'..='Z').collect::<Vec<_>>())),
        ("spaces", fill(" ")),
        ("newlines", fill("\n")),
        ("returns", fill("\r\n")),
        ("spaces then a letter", format!("{}x", " ".repeat(size))),
        ("digits", dice.text(size, &('0'..='9').collect::<Vec<_>>())),
        ("one sign", fill("!")),
        ("signs", dice.text(size, &"!@#$%^&*()_+-=[]{};:,./<>?|".chars().collect::<Vec<_>>())),
        ("apostrophes", fill("'")),
        ("contractions", fill("'s'll")),
        ("one emoji", fill("😀")),
        ("combining marks", format!("a{}", "\u{301}".repeat(size))),
        ("marks and letters", fill("a\u{301}B\u{302}")),
        ("zeros", fill("\0")),
        ("special", fill("<|endoftext|><|im_start|>user<|im_sep|>")),
    ]
}

#[test]
fn cutting_a_text_changes_no_count_below_the_limit() {
    for (name, text) in texts(1_000) {
        for encoding in Encoding::ALL {
            let expected = bare(encoding).encode_ordinary(&text);
            let tokenizer = Tokenizer::new(encoding);
            assert_eq!(tokenizer.count(&text), TokenCount::exact(expected.len() as u64), "{name}, {encoding}");
            assert_eq!(tokenizer.encode(&text).unwrap(), expected, "{name}, {encoding}");
        }
    }
}

#[test]
fn a_long_text_that_is_broken_somewhere_is_counted_exactly() {
    for (name, text) in texts(4_000).into_iter().take(7) {
        let text = text.repeat(5);
        assert!(text.len() > UNBROKEN);
        for encoding in [Encoding::O200kBase, Encoding::Cl100kBase, Encoding::R50kBase] {
            let expected = bare(encoding).encode_ordinary(&text);
            assert_eq!(
                Tokenizer::new(encoding).count(&text),
                TokenCount::exact(expected.len() as u64),
                "{name}, {encoding}"
            );
            assert_eq!(Tokenizer::new(encoding).encode(&text).unwrap(), expected, "{name}, {encoding}");
        }
    }
}

#[test]
fn beyond_the_limit_an_unbroken_run_is_an_estimate_that_says_so() {
    let tokenizer = Tokenizer::new(Encoding::O200kBase);
    for (unit, name) in [("a", "letters"), (" ", "spaces"), ("\n", "newlines"), ("!", "signs"), ("7", "digits")] {
        let run = unit.repeat(UNBROKEN);
        assert!(tokenizer.count(&run).exact && !tokenizer.count(&format!("{run}{unit}")).exact, "{name}");
        assert!(tokenizer.count(&format!("{run} x. {}", &run[1..])).exact || unit.trim().is_empty(), "{name}");
        let longer = unit.repeat(UNBROKEN * 2 + 1);
        let (guess, exact) = (tokenizer.count(&longer), tokenizer.count_exact(&longer).unwrap());
        assert!(!guess.exact && exact.exact, "{name}");
        assert_eq!(exact.tokens, bare(Encoding::O200kBase).encode_ordinary(&longer).len() as u64, "{name}");
        assert!(guess.tokens.abs_diff(exact.tokens) <= 4, "{name}: {} for {}", guess.tokens, exact.tokens);
    }
}

#[test]
fn no_text_panics_however_long() {
    for (name, text) in texts(40_000) {
        for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
            let counted = Tokenizer::new(encoding).count(&text);
            assert!(counted.tokens > 0 && counted.tokens <= text.len() as u64, "{name}, {encoding}: {counted:?}");
        }
    }
}

#[test]
fn special_tokens_in_a_text_are_text() {
    let text = "<|endoftext|> <|im_start|>user<|im_sep|>";
    assert_eq!(token_counter("gpt-4.1-mini", text), TokenCount::exact(20));
    assert_eq!(token_counter("gpt-4", text), TokenCount::exact(19));
    for model in ["gpt-4o", "gpt-4", "gpt-oss-20b", "text-davinci-edit-001"] {
        let tokens = encode(model, text).unwrap();
        assert!(tokens.len() > 10);
        assert_eq!(decode(model, &tokens).unwrap(), text);
    }
    assert_eq!(decode("gpt-oss-20b", &[200_006]).unwrap(), "<|start|>");
}

#[test]
fn a_number_that_is_no_token_is_an_error() {
    let error = decode("gpt-4o", &[1, 4_000_000]).unwrap_err();
    assert!(error.message().contains("4000000"), "{error}");
}

#[test]
fn an_encoding_loads_from_several_threads_at_once() {
    std::thread::scope(|scope| {
        let counts: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let tokenizer = Tokenizer::new(Encoding::P50kBase);
                    tokenizer.warm().unwrap();
                    tokenizer.count("Hello, how are you?").tokens
                })
            })
            .collect();
        for count in counts {
            assert_eq!(count.join().unwrap(), 6);
        }
    });
}

#[test]
fn a_request_read_from_json_counts_with_its_tools() {
    let request: ChatRequest = serde_json::from_str(
        r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "Weather in Paris?"}], "tool_choice": "none",
            "tools": [{"type": "function", "function": {"name": "get_weather", "description": "Current weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "City name"},
            "unit": {"type": "string", "enum": ["C", "F"]}, "days": {"type": "array", "items": {"type": "integer"}}},
            "required": ["city"]}}}]}"#,
    )
    .unwrap();
    assert_eq!(token_counter("gpt-4o", &request).tokens, 65);
    assert_eq!(token_counter("gpt-4o", Prompt::from(&request)).tokens, 65);
}

proptest! {
    #[test]
    fn any_text_counts_as_tiktoken_counts_it(text in ".{0,300}", encoding in prop::sample::select(Encoding::ALL.to_vec())) {
        let expected = bare(encoding).encode_ordinary(&text);
        let tokenizer = Tokenizer::new(encoding);
        prop_assert_eq!(tokenizer.count(&text), TokenCount::exact(expected.len() as u64));
        prop_assert_eq!(tokenizer.decode(&tokenizer.encode(&text).unwrap()).unwrap(), text);
    }
}
