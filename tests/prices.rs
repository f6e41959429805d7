//! What calls cost, held against LiteLLM's figures and the providers' published lists.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anymodel::pricing::{Item, Terms};
use anymodel::{Catalog, Usage, Usd};
use serde::Deserialize;
use serde_json::Value;

/// A file of the shared folder; `None`, said by name, where it is missing.
fn shared(path: &str) -> Option<String> {
    let root = std::env::var_os("ANYMODEL_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(path);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: {} is not there", path.display());
    }
    text
}

#[derive(Deserialize)]
struct Oracle {
    usages: BTreeMap<String, Value>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    model: String,
    provider: String,
    usage: String,
    service_tier: Option<String>,
    cost: f64,
}

/// Where the reference is wrong, and by what ours is right: provider, beginning of the row's name, end of it.
const REFERENCE_IS_WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "perplexity",
        "perplexity/",
        "",
        "it prices cached tokens as fresh ones and knows no long prompts; https://docs.perplexity.ai/docs/agent-api/models \
         lists both. It also reads `perplexity/perplexity/sonar` as `perplexity/sonar`, another model",
    ),
    (
        "fireworks_ai",
        "fireworks_ai/",
        "|priority",
        "it passes over the priority prices that https://api.fireworks.ai/v1/serverless/models gives and its own list has",
    ),
    ("fireworks_ai", "fireworks_ai/accounts/fireworks/models/qwen3-embedding", "", FIREWORKS_CACHES_PROMPTS),
    ("fireworks_ai", "fireworks_ai/accounts/fireworks/models/|", "", FIREWORKS_CACHES_PROMPTS),
    (
        "together_ai",
        "together-ai-",
        "",
        "a class of sizes is read as a model of the size that its name ends in, and priced as another class",
    ),
    (
        "openrouter",
        "openrouter/deepseek/",
        "",
        "its list has the price of cached tokens under DeepSeek's old name (`…_cache_hit`), which it reads for DeepSeek alone",
    ),
    (
        "vertex_ai-language-models",
        "gemini-2.0-flash",
        "",
        "on Vertex AI it costs 0.15 and 0.60 (https://cloud.google.com/vertex-ai/generative-ai/pricing), as its entry with \
         the prefix says; the one without has the price of Google AI Studio",
    ),
    ("xai", "xai/grok-4|", "", GROK_4_CACHES),
    ("xai", "xai/grok-4-0709|", "", GROK_4_CACHES),
    ("xai", "xai/grok-4-latest|", "", GROK_4_CACHES),
    ("bigmodel", "bigmodel/glm-5.3", "", WHOLE_PICO_DOLLARS),
    ("vertex_ai-language-models", "gemini-1.5-flash", "", WHOLE_PICO_DOLLARS),
    (
        "anthropic",
        "claude-3-5-haiku-latest",
        "",
        "0.80 and 4 (https://platform.claude.com/docs/en/about-claude/pricing), not the prices of Haiku 4.5",
    ),
];

const GROK_4_CACHES: &str = "cached tokens cost 0.75 by xAI's published list; the reference has no price and takes the full one";
const FIREWORKS_CACHES_PROMPTS: &str =
    "half the price for cached tokens is for what is generated (https://docs.fireworks.ai/guides/prompt-caching)";
const WHOLE_PICO_DOLLARS: &str =
    "a price converted from another currency or unit has more digits than a pico-dollar; ours is the nearest, 2 in a million off";

#[test]
fn costs_are_those_of_the_reference_but_for_a_written_list() {
    /// A Sunday: the reference's figures were made when DeepSeek's lower price held.
    const OFF_PEAK: u64 = 1_795_305_600;
    let Some(text) = shared("parity/cost_oracle.json") else { return };
    let oracle: Oracle = serde_json::from_str(&text).unwrap();
    let usages: BTreeMap<&String, Usage> =
        oracle.usages.iter().map(|(name, usage)| (name, serde_json::from_value(usage.clone()).unwrap())).collect();
    let catalog = Catalog::default();
    let terms = Terms::default().at(OFF_PEAK);
    let (mut unexplained, mut explained) = (Vec::new(), vec![0; REFERENCE_IS_WRONG.len()]);
    for row in &oracle.rows {
        let cost = catalog
            .model_info_of(&row.provider, &row.model)
            .and_then(|model| model.cost(&usages[&row.usage], &terms.service_tier(row.service_tier.as_deref())))
            .map(|cost| cost.total().as_f64());
        let allowed = f64::max(1e-9, 1e-6 * row.cost.abs());
        if cost.as_ref().is_ok_and(|cost| (cost - row.cost).abs() <= allowed) {
            continue;
        }
        let rule = REFERENCE_IS_WRONG.iter().position(|(provider, begins, ends, _)| {
            row.provider == *provider && row.id.starts_with(begins) && row.id.ends_with(ends)
        });
        match rule {
            Some(rule) => explained[rule] += 1,
            None => unexplained.push(format!("{} {}: {cost:?}, there {}", row.provider, row.id, row.cost)),
        }
    }
    let differ = explained.iter().sum::<usize>();
    println!("{} rows: {differ} differ by the list", oracle.rows.len());
    assert!(unexplained.is_empty(), "{} unexplained:\n{}", unexplained.len(), unexplained.join("\n"));
    assert!(explained.iter().all(|rows| *rows > 0), "a rule that explains nothing: {explained:?}");
    assert!(differ * 100 < oracle.rows.len() * 2, "more than 2 in 100 differ");
}

#[derive(Deserialize)]
struct Published {
    rows: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    provider: String,
    model: String,
    input: f64,
    output: f64,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
    context: Option<u64>,
    above_200k: Option<[f64; 2]>,
}

/// Where a provider's current page says otherwise than the list of January 2026: model, item, price, page.
const SINCE_JANUARY: &[(&str, Item, f64, &str)] = &[];

#[test]
fn published_prices_are_ours_model_by_model() {
    let Some(text) = shared("facts/list_prices_2026-01.json") else { return };
    let published: Published = serde_json::from_str(&text).unwrap();
    let catalog = Catalog::default();
    let mut differ = Vec::new();
    for row in &published.rows {
        let model = catalog.model_info_of(&row.provider, &row.model).unwrap();
        let mut check = |item: Item, prompt_tokens: u64, usd: f64| {
            let now = SINCE_JANUARY.iter().find(|(name, since, ..)| *name == row.model && *since == item);
            let usd = now.map_or(usd, |(_, _, usd, _)| *usd);
            let ours = model.price_of(item, prompt_tokens, &Terms::default());
            if ours != Usd::per_million(usd) {
                differ.push(format!("{}/{} {item:?} is {usd}, ours {ours:?}", row.provider, row.model));
            }
        };
        check(Item::Input, 1000, row.input);
        check(Item::Output, 1000, row.output);
        if let Some(usd) = row.cached_input {
            check(Item::CacheRead, 1000, usd);
        }
        if let Some(usd) = row.cache_write {
            check(Item::CacheWrite, 1000, usd);
        }
        if let Some([input, output]) = row.above_200k {
            check(Item::Input, 200_001, input);
            check(Item::Output, 200_001, output);
        }
        if let Some(context) = row.context {
            let ours = model.max_input_tokens.unwrap_or(0) + model.max_output_tokens.unwrap_or(0);
            if ours < context {
                differ.push(format!("{}/{} takes {context} tokens, ours {ours}", row.provider, row.model));
            }
        }
    }
    assert_eq!(published.rows.len(), 35);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
