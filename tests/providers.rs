//! The page of providers in the documentation is made from the table, and has to be what the table makes of it:
//!
//! ```sh
//! cargo test --test providers -- --ignored write
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anymodel::provider::{AuthScheme, Provider, ProviderSpec, Registry, supported_params};

/// Providers whose own chat traffic was recorded, and is replayed in the tests.
const RECORDED: &[&str] = &[
    "ai21",
    "anthropic",
    "azure",
    "bedrock",
    "bedrock_mantle",
    "cerebras",
    "cloudflare",
    "cohere",
    "crusoe",
    "dashscope",
    "databricks",
    "deepinfra",
    "deepseek",
    "fireworks_ai",
    "gemini",
    "github_copilot",
    "groq",
    "heroku",
    "hosted_vllm",
    "huggingface",
    "hyperbolic",
    "llamafile",
    "mistral",
    "nebius",
    "novita",
    "nvidia_nim",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "replicate",
    "sambanova",
    "snowflake",
    "together_ai",
    "veniceai",
    "vercel_ai_gateway",
    "vertex_ai",
    "watsonx",
    "writer",
    "xai",
    "zai",
];

/// Providers whose format is held against their own machine-readable description.
const SPECIFIED: &[&str] = &["anthropic", "bedrock", "gemini", "mistral", "ollama", "openai", "vertex_ai"];

fn page() -> String {
    let registry = Registry::table();
    let names: BTreeSet<&str> =
        registry.names().filter_map(|name| Some(registry.get(name)?.spec().name.as_ref())).collect();
    let mut page = include_str!("providers/head.md").replace("{count}", &names.len().to_string());
    page.push_str("| prefix | key | format | operations | takes | evidence |\n|---|---|---|---|---|---|\n");
    for provider in names.iter().filter_map(|name| registry.get(name)) {
        row(&mut page, provider.as_ref());
    }
    page
}

fn row(page: &mut String, provider: &dyn Provider) {
    let spec = provider.spec();
    let prefixes: Vec<String> = spec.names().map(|name| format!("`{name}`")).collect();
    let prefixes = prefixes.join(", ");
    let (key, format, operations) = (key(spec), spec.wire.as_str(), operations(provider));
    let (takes, evidence) = (takes(provider), evidence(spec));
    writeln!(page, "| {prefixes} | {key} | {format} | {operations} | {takes} | {evidence} |").unwrap();
}

/// Where the key comes from, and what else has to be known.
fn key(spec: &ProviderSpec) -> String {
    let mut parts: Vec<String> = spec.key_env.iter().map(|name| format!("`{name}`")).collect();
    if let AuthScheme::Aws { .. } = spec.auth {
        parts.push("or a [signature](crate::docs::bedrock)".to_owned());
    } else if parts.is_empty() || spec.auth == AuthScheme::None {
        parts = vec!["none".to_owned()];
    } else if spec.key_optional {
        parts.push("or none".to_owned());
    }
    let needed = spec.settings.iter().filter(|setting| setting.default.is_none());
    parts.extend(needed.filter_map(|setting| setting.env.first()).map(|name| format!("`{name}`")));
    if spec.base_url.is_none() && !matches!(spec.auth, AuthScheme::Aws { .. }) {
        parts.extend(spec.base_url_env.first().map(|name| format!("`{name}`")));
    }
    parts.join(", ")
}

fn operations(provider: &dyn Provider) -> String {
    let all = [
        ("chat", provider.chat().is_some()),
        ("count_tokens", provider.count_tokens().is_some()),
        ("list_models", provider.list_models().is_some()),
    ];
    all.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Of what not everybody takes, what this provider does.
fn takes(provider: &dyn Provider) -> String {
    let params = supported_params(provider, "model");
    let told = [
        ("tools", "tools"),
        ("response_format", "JSON"),
        ("reasoning_effort", "reasoning"),
        ("web_search_options", "web search"),
        ("logprobs", "logprobs"),
        ("n", "n"),
        ("seed", "seed"),
    ];
    told.iter().filter(|(name, _)| params.contains(name)).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

/// On what the row rests.
fn evidence(spec: &ProviderSpec) -> String {
    let name = spec.name.as_ref();
    let mut all = Vec::new();
    if RECORDED.contains(&name) {
        all.push("recorded traffic".to_owned());
    }
    if SPECIFIED.contains(&name) {
        all.push("specification".to_owned());
    }
    all.extend(spec.docs.as_ref().map(|url| format!("[documentation]({url})")));
    if all.is_empty() {
        all.push("said to be compatible".to_owned());
    }
    all.join(", ")
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docs/providers.md")
}

#[test]
fn the_page_of_providers_is_what_the_table_makes_of_it() {
    let written = std::fs::read_to_string(path()).unwrap();
    let page = page();
    for (written, made) in written.lines().zip(page.lines()) {
        assert_eq!(written, made, "write the page anew: cargo test --test providers -- --ignored write");
    }
    assert_eq!(written.lines().count(), page.lines().count());
}

#[test]
#[ignore = "writes the page into the source"]
fn write() {
    std::fs::write(path(), page()).unwrap();
}

#[test]
fn evidence_names_providers_of_the_table() {
    for name in RECORDED.iter().chain(SPECIFIED) {
        assert!(Registry::table().get(name).is_some_and(|provider| provider.spec().name == *name), "{name}");
    }
}

/// The recordings, where they are: each folder of chat traffic whose name is a provider's is in the list, and no other.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests read where the recordings are")]
fn the_recorded_providers_are_those_with_recordings() {
    let given = std::env::var_os("ANYMODEL_SHARED").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let Ok(folders) = std::fs::read_dir(root.join("fixtures")) else {
        println!("skipped: there are no recordings in {}", root.display());
        return;
    };
    let mut found = BTreeSet::new();
    for folder in folders.map(|entry| entry.unwrap().path()) {
        let chat = std::fs::read_dir(&folder).unwrap().any(|file| {
            let name = file.unwrap().file_name();
            ["chat", "messages", "prediction", "responses", "invoke"]
                .iter()
                .any(|kind| name.to_str().unwrap().starts_with(kind))
        });
        let provider = Registry::table().get(folder.file_name().unwrap().to_str().unwrap());
        found.extend(provider.filter(|_| chat).map(|provider| provider.spec().name.to_string()));
    }
    let listed: BTreeSet<String> = RECORDED.iter().map(ToString::to_string).collect();
    assert_eq!(listed, found);
}
