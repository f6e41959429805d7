//! The order of the house: who may import whom, what a pure module may not touch, how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by rank; a module uses lower ranks and itself, never its own rank.
const RANKS: &[(&str, u8)] = &[
    ("error", 0),
    ("text", 0),
    ("money", 0),
    ("chat", 1),
    ("model", 1),
    ("wire", 2),
    ("provider", 3),
    ("transport", 4),
    ("auth", 5),
    ("client", 6),
    ("blocking", 7),
    ("mock", 7),
    ("router", 7),
    ("docs", 8),
    ("pricing", 2),
    ("tokenizer", 2),
    ("media", 1),
    ("responses", 2),
    ("messages", 2),
];

/// Up to this rank a module is pure.
const PURE: u8 = 3;

/// The most lines of a file, its tests left out.
const LONGEST: usize = 600;

struct File {
    path: PathBuf,
    module: String,
    /// The code without its tests and comments.
    code: String,
    lines: usize,
}

fn files() -> Vec<File> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    let read = |path: PathBuf| {
        let inside = path.strip_prefix(&root).unwrap();
        let module = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let text = fs::read_to_string(&path).unwrap();
        let production: Vec<&str> = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect();
        let is_test = inside.file_name().is_some_and(|name| name.to_str().unwrap().ends_with("tests.rs"));
        let code: Vec<&str> = production.iter().copied().filter(|line| !line.trim_start().starts_with("//")).collect();
        let lines = if is_test { 0 } else { production.len() };
        File { module: module.to_owned(), code: if is_test { String::new() } else { code.join("\n") }, lines, path }
    };
    paths.into_iter().map(read).collect()
}

fn rank(module: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == module).map(|(_, rank)| *rank)
}

#[test]
fn every_module_has_a_rank() {
    let files = files();
    assert!(files.len() > 20, "only {} files found", files.len());
    for file in files.iter().filter(|file| file.module != "lib") {
        assert!(rank(&file.module).is_some(), "{} is of no rank; give it one here", file.path.display());
    }
}

#[test]
fn a_module_uses_only_lower_ranks_and_itself() {
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| file.module != "lib") {
        let own = rank(&file.module).unwrap();
        for used in file.code.split("crate::").skip(1) {
            let name: String = used.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            if name != file.module && rank(&name).is_some_and(|other| other >= own) {
                wrong.push(format!("{} uses {name}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_pure_module_has_no_runtime_clock_dice_or_environment() {
    let forbidden = [
        "tokio",
        "reqwest",
        "rand::",
        "async fn",
        ".await",
        "Instant",
        "SystemTime::now",
        "std::env",
        "std::fs",
        "std::net",
    ];
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| rank(&file.module).is_some_and(|rank| rank <= PURE)) {
        for word in forbidden.iter().filter(|word| file.code.contains(**word)) {
            wrong.push(format!("{} has `{word}`", file.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let long: Vec<String> = files()
        .iter()
        .filter(|file| file.lines > LONGEST)
        .map(|file| format!("{}: {} lines", file.path.display(), file.lines))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_wire_format_names_no_vendor() {
    let formats = ["openai_chat", "openai_responses", "anthropic", "gemini", "ollama"];
    let vendors = [
        "groq",
        "mistral",
        "deepseek",
        "openrouter",
        "perplexity",
        "xai",
        "together",
        "fireworks",
        "cerebras",
        "azure",
        "bedrock",
        "vertex",
        "moonshot",
        "dashscope",
        "databricks",
        "huggingface",
        "zai",
        "minimax",
        "volcengine",
    ];
    let mut wrong = Vec::new();
    for file in files() {
        let path = file.path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
        let inside = path.components().any(|part| formats.contains(&part.as_os_str().to_str().unwrap()));
        let code = file.code.to_lowercase();
        let words: Vec<&str> = code.split(|letter: char| !letter.is_alphanumeric()).collect();
        for vendor in vendors.iter().filter(|vendor| inside && words.contains(*vendor)) {
            wrong.push(format!("{} names {vendor}", file.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
