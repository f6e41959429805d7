//! What calls cost, held against LiteLLM's figures and the providers' published lists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anymodel::pricing::{Capability, Item, PriceList, Terms};
use anymodel::{Catalog, ChatResponse, ErrorKind, ModelInfo, Usage, Usd};
use serde::Deserialize;
use serde_json::{Value, json};

/// A file of the shared folder; `None`, said by name, where it is missing.
#[expect(clippy::disallowed_methods, reason = "the shared folder is the machine's, not the crate's")]
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
    ("wandb", "wandb/", "", PER_MILLION),
    ("azure_ai", "azure_ai/jais-30b-chat", "", PER_MILLION),
    ("watsonx", "watsonx/core42/jais-13b-chat", "", PER_MILLION),
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

const PER_MILLION: &str = "prices of another unit stand in its list as prices of a token, a thousand or a hundred thousand times too high \
     (https://github.com/BerriAI/litellm/pull/38167, /38015; https://wandb.ai/site/pricing/inference)";
const GROK_4_CACHES: &str =
    "cached tokens cost 0.75 by xAI's published list; the reference has no price and takes the full one";
const FIREWORKS_CACHES_PROMPTS: &str =
    "half the price for cached tokens is for what is generated (https://docs.fireworks.ai/guides/prompt-caching)";
const WHOLE_PICO_DOLLARS: &str = "a price converted from another currency or unit has more digits than a pico-dollar; ours is the nearest, 2 in a million off";

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

/// The files of `pricing/` that list models.
fn files() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pricing");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .filter(|(name, _)| name != "families" && name != "corrections")
        .collect();
    files.sort();
    files
}

/// The dearest tokens that anybody sells cost 600 USD a million (o1-pro's).
#[test]
fn no_price_of_tokens_is_that_of_another_unit() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/pricing")).unwrap();
    let mut seen = 0;
    for path in folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for (model, facts) in file["models"].as_object().into_iter().flatten() {
            for rate in ["input", "output"].iter().filter_map(|name| facts["price"][*name].as_f64()) {
                assert!(rate <= 1000.0, "{}: {model}: {rate}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 5000, "only {seen} prices");
}

#[test]
fn every_file_is_of_the_schema_and_built_in() {
    let catalog = Catalog::default();
    let names: Vec<String> = files().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(catalog.providers().collect::<Vec<_>>(), names, "the list in src/pricing/embedded.rs");
    let (mut models, mut priced) = (0, 0);
    for (name, json) in files() {
        let list = PriceList::from_json(&json).unwrap_or_else(|error| panic!("{name}: {error}"));
        for model in list.models() {
            assert_eq!(model.provider, name);
            let same = catalog.model_info_of(&name, &model.model).unwrap();
            assert_eq!(*same, *model, "what is built in");
            models += 1;
            priced += usize::from(model.is_priced());
            if let Some(source) = &model.source {
                assert!(source.starts_with("http"), "{name}/{}: {source}", model.model);
            }
            if let Some(date) = &model.deprecation_date {
                assert!(date.len() == 10 && date.as_bytes()[4] == b'-', "{name}/{}: {date}", model.model);
            }
        }
    }
    assert!(models > 4500 && priced > 4200, "{models} models, {priced} priced");
}

#[test]
fn a_file_lists_each_model_once_and_in_order() {
    for (name, json) in files() {
        let listed: Vec<&str> = json.lines().filter(|line| line.starts_with("    \"")).collect();
        assert!(!listed.is_empty(), "{name}: a model begins a line, four spaces in");
        assert!(
            listed.windows(2).all(|pair| pair[0].trim_end_matches(": {") < pair[1].trim_end_matches(": {")),
            "{name}"
        );
    }
}

fn usd(model: &str, usage: &Usage) -> String {
    Catalog::default().cost(model, usage).map_or_else(|error| error.kind().to_string(), |cost| cost.total().to_string())
}

#[test]
fn a_model_is_found_under_every_name_that_it_goes_by() {
    let usage = Usage::new(1000, 1000);
    for (names, cost) in [
        (vec!["gpt-4o", "openai/gpt-4o", "OpenAI/gpt-4o".trim_start_matches("OpenAI/"), "openai/GPT-4o"], "$0.0125"),
        (vec!["claude-sonnet-4-5", "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5-20250929"], "$0.018"),
        (vec!["gemini/gemini-2.5-pro", "gemini-2.5-pro", "gemini/models/gemini-2.5-pro"], "$0.01125"),
        (
            vec![
                "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
                "bedrock/converse/anthropic.claude-3-haiku-20240307-v1:0",
                "anthropic.claude-3-haiku-20240307-v1:0",
                "bedrock/arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
                "bedrock_converse/anthropic.claude-3-haiku-20240307-v1:0",
            ],
            "$0.0015",
        ),
        (vec!["ft:gpt-4o-mini-2024-07-18:acme:name:id", "openai/ft:gpt-4o-mini-2024-07-18"], "$0.0015"),
        (vec!["vertex_ai/claude-sonnet-4-5@20250929", "vertex_ai/claude-sonnet-4-5"], "$0.018"),
    ] {
        for name in names {
            assert_eq!(usd(name, &usage), cost, "{name}");
        }
    }
}

#[test]
fn an_unknown_cost_says_so_and_is_never_zero() {
    for (model, kind) in [
        ("openai/gpt-99-brand-new", "unknown_price"),
        ("anthropic/claude-opus-99", "unknown_price"),
        ("never-heard-of/it", "unknown_provider"),
        ("never-heard-of-it", "unknown_provider"),
        ("", "unknown_provider"),
        ("openai/", "unknown_price"),
    ] {
        assert_eq!(usd(model, &Usage::new(10, 10)), kind, "{model}");
    }
    let reply: ChatResponse = serde_json::from_value(json!({"model": "gpt-4o", "choices": []})).unwrap();
    let error = reply.cost().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownPrice);
    assert!(error.message().contains("did not say"), "{error}");
}

#[test]
fn an_unlisted_model_of_a_known_family_has_capabilities_and_no_price() {
    let model = Catalog::default().model_info("anthropic/claude-opus-5-9").unwrap();
    assert_eq!(model.supports(Capability::Vision), Some(true));
    assert!(!model.is_priced());
}

#[test]
fn the_breakdown_counts_every_kind_of_token_once() {
    let usage: Usage = serde_json::from_value(json!({
        "prompt_tokens": 1000, "completion_tokens": 300, "total_tokens": 1300,
        "prompt_tokens_details": {
            "cached_tokens": 200, "cache_creation_tokens": 300,
            "cache_creation_token_details": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}
        },
        "completion_tokens_details": {"reasoning_tokens": 250},
        "server_tool_use": {"web_search_requests": 2}
    }))
    .unwrap();
    let cost = Catalog::default().cost("claude-sonnet-4-5", &usage).unwrap();
    assert_eq!(cost.input.to_string(), "$0.0015");
    assert_eq!(cost.cached.to_string(), "$0.00006");
    assert_eq!(cost.written.to_string(), "$0.001575");
    assert_eq!(cost.prompt().to_string(), "$0.003135");
    assert_eq!(cost.output.to_string(), "$0.00075");
    assert_eq!(cost.reasoning.to_string(), "$0.00375");
    assert_eq!(cost.searches.to_string(), "$0.02");
    assert_eq!(cost.total(), cost.prompt() + cost.completion() + cost.searches);
}

#[test]
fn parts_that_say_more_than_the_whole_are_not_paid_for_twice() {
    let usage: Usage = serde_json::from_value(json!({
        "prompt_tokens": 100, "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 80, "audio_tokens": 90, "image_tokens": u64::MAX},
        "completion_tokens_details": {"reasoning_tokens": u64::MAX, "audio_tokens": 7}
    }))
    .unwrap();
    let model = Catalog::default().model_info("gpt-4o").unwrap();
    let cost = model.cost(&usage, &Terms::default()).unwrap();
    assert!(cost.total() <= Usd::per_million(2.5).unwrap() * 100 + Usd::per_million(10.0).unwrap() * 10);
}

#[test]
fn long_prompts_tiers_hours_and_regions_have_their_prices() {
    let catalog = Catalog::default();
    let cost = |model: &str, usage: &Usage, terms: &Terms<'_>| {
        catalog.model_info(model).unwrap().cost(usage, terms).unwrap().total().to_string()
    };
    let (short, long) = (Usage::new(200_000, 0), Usage::new(200_001, 0));
    let plain = Terms::default();
    assert_eq!(cost("gemini/gemini-2.5-pro", &short, &plain), "$0.25");
    assert_eq!(cost("gemini/gemini-2.5-pro", &long, &plain), "$0.5000025");
    let thousand = Usage::new(1000, 0);
    assert_eq!(cost("gpt-5", &thousand, &plain.service_tier("default")), "$0.00125");
    assert_eq!(cost("gpt-5", &thousand, &plain.service_tier("flex")), "$0.000625");
    assert_eq!(cost("gpt-5", &thousand, &plain.service_tier("priority")), "$0.0025");
    assert_eq!(cost("gpt-5", &thousand, &plain.service_tier("batch")), "$0.000625");
    assert_eq!(cost("anthropic/claude-3-haiku-20240307", &thousand, &plain.service_tier("batch")), "$0.000125");
    let (monday_night, monday_noon) = (1_795_392_000 + 5 * 3600, 1_795_392_000 + 8 * 3600);
    assert_eq!(cost("deepseek/deepseek-flash", &thousand, &plain.at(monday_noon)), "$0.0003");
    assert_eq!(cost("deepseek/deepseek-flash", &thousand, &plain.at(monday_night)), "$0.00015");
    assert_eq!(cost("deepseek/deepseek-flash", &thousand, &plain), "$0.0003");
    assert_eq!(cost("gpt-5.4", &thousand, &plain.region("eu")), "$0.00275");
    let mut fast = Usage::new(1000, 0);
    fast.extra.insert("speed", "fast");
    assert_eq!(cost("anthropic/claude-opus-5", &fast, &plain), "$0.01");
}

#[test]
fn a_provider_that_says_what_a_call_cost_is_believed() {
    let reply: ChatResponse = serde_json::from_value(json!({
        "model": "x-ai/brand-new", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.00042}
    }))
    .unwrap();
    let from = |provider: &str| {
        let mut reply = reply.clone();
        reply.meta.provider = provider.to_owned();
        reply.meta.model = "x-ai/brand-new".to_owned();
        Catalog::default().completion_cost(&reply)
    };
    assert_eq!(from("openrouter").unwrap().total().to_string(), "$0.00042");
    assert!(from("groq").is_err(), "groq says nothing of costs; the number is somebody else's");
}

#[test]
fn overrides_stand_over_the_list_and_touch_nothing_else() {
    let list = PriceList::from_json(
        r#"[{"provider": "openai", "models": {"gpt-4o": {"price": {"input": 1, "output": 2}}}},
            {"provider": "acme", "models": {"one": {"price": {"input": 0.1, "output": 0.2}, "supports": ["vision"]}}}]"#,
    )
    .unwrap();
    let before = Catalog::default();
    let catalog = before.with_overrides(list);
    let usage = Usage::new(1_000_000, 0);
    assert_eq!(catalog.cost("gpt-4o", &usage).unwrap().total().to_string(), "$1.00");
    assert_eq!(catalog.cost("acme/one", &usage).unwrap().total().to_string(), "$0.10");
    assert_eq!(catalog.cost("gpt-4.1", &usage).unwrap().total().to_string(), "$2.00");
    assert_eq!(before.cost("gpt-4o", &usage).unwrap().total().to_string(), "$2.50");
    let gpt_4o = catalog.model_info("gpt-4o").unwrap();
    assert_eq!(gpt_4o.max_input_tokens, Some(128_000), "what the override does not say stays");
    assert!(gpt_4o.when.is_empty(), "old exceptions go with the old price");
    assert!(catalog.providers().any(|provider| provider == "acme"));
    assert_eq!(catalog.models("acme"), ["one"]);
    let mut own = catalog.clone();
    own.register_model(
        serde_json::from_value::<ModelInfo>(json!({"price": {"input": 9}}))
            .map(|mut model| {
                (model.provider, model.model) = ("acme".into(), "one".into());
                model
            })
            .unwrap(),
    );
    assert_eq!(own.cost("acme/one", &usage).unwrap().total().to_string(), "$9.00");
    assert_eq!(own.model_info("acme/one").unwrap().supports(Capability::Vision), Some(true));
    assert_eq!(catalog.cost("acme/one", &usage).unwrap().total().to_string(), "$0.10");
}

#[test]
fn the_reference_format_is_read_with_all_its_circumstances() {
    let list = PriceList::from_litellm(
        &json!({
            "sample_spec": {"input_cost_per_token": 0.0},
            "acme/large": {
                "litellm_provider": "acme", "mode": "chat", "max_tokens": 4096, "max_input_tokens": "32000",
                "input_cost_per_token": "1e-6", "output_cost_per_token": 2e-6, "output_cost_per_reasoning_token": 2e-6,
                "input_cost_per_token_above_128k_tokens": 2e-6, "input_cost_per_token_priority": 3e-6,
                "input_cost_per_token_above_128k_tokens_priority": 4e-6, "output_cost_per_image_4K": 0.16,
                "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.02},
                "supports_vision": true, "supports_web_search": false, "a_field_of_tomorrow": {"x": 1},
                "source": "https://example.com/prices"
            },
            "high/1024-x-1024/acme-image": {"litellm_provider": "acme", "input_cost_per_pixel": 4e-8},
            "acme/broken": {"litellm_provider": "acme", "input_cost_per_token": -1.0, "output_cost_per_token": "dear"},
            "not an object": 7
        })
        .to_string(),
    )
    .unwrap();
    let models: Vec<&str> = list.models().iter().map(|model| model.model.as_ref()).collect();
    assert_eq!(models, ["acme-image", "broken", "large"]);
    let large = &list.models()[2];
    let input = |tokens, terms: &Terms<'_>| large.price_of(Item::Input, tokens, terms).unwrap().as_pico();
    let priority = Terms::default().service_tier("priority");
    assert_eq!(input(10, &Terms::default()), 1_000_000);
    assert_eq!(input(128_001, &Terms::default()), 2_000_000);
    assert_eq!(input(10, &priority), 3_000_000);
    assert_eq!(input(128_001, &priority), 4_000_000);
    assert_eq!((large.max_input_tokens, large.max_output_tokens), (Some(32_000), Some(4096)));
    assert_eq!((large.supports("vision"), large.supports("web_search")), (Some(true), Some(false)));
    assert_eq!(large.price.get(Item::Reasoning), None, "it costs what the reply does");
    let four_k = large.price_of(Item::ImageEach, 0, &Terms::default().size("4k")).unwrap();
    assert_eq!(four_k.to_string(), "$0.16");
    let image = list.models()[0].price_of(Item::ImageEach, 0, &Terms::default().size("1024x1024").quality("high"));
    assert_eq!(image.unwrap().to_string(), "$0.0419");
    assert!(!list.models()[1].is_priced(), "what is no price is left out");
    for bad in ["", "[]", "{", "7"] {
        assert_eq!(PriceList::from_litellm(bad).unwrap_err().kind(), ErrorKind::Configuration, "{bad}");
    }
}

#[test]
fn a_file_that_breaks_the_schema_is_refused_by_name() {
    for (json, word) in [
        (r#"{"provider": "acme", "models": {"one": {"prize": {}}}}"#, "acme/one"),
        (r#"{"provider": "acme", "models": {"one": {"price": {"input": "3"}}}}"#, "acme/one"),
        (r#"{"provider": "acme", "models": {"one": {"price": {"inputs": 3}}}}"#, "`inputs`"),
        (r#"{"provider": "acme", "model": {}}"#, "`model`"),
        ("[7]", "the list"),
        ("", "the list"),
    ] {
        let error = PriceList::from_json(json).unwrap_err();
        assert!(error.message().contains(word), "{json}: {error}");
    }
}

#[test]
fn a_model_without_token_prices_is_paid_for_by_the_second() {
    let model =
        PriceList::from_json(r#"{"provider": "acme", "models": {"one": {"price": {"per_second": 0.0005}}}}"#).unwrap();
    let (model, usage) = (&model.models()[0], Usage::new(10, 10));
    let terms = Terms::default().elapsed(Duration::from_millis(2500));
    assert_eq!(model.cost(&usage, &terms).unwrap().units.to_string(), "$0.00125");
    assert!(model.cost(&usage, &Terms::default()).is_err());
}
