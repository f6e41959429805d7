use std::sync::Arc;

use serde_json::{Value, json};

use crate::chat::{ChatRequest, Tool};
use crate::error::ErrorKind;
use crate::model::ModelName;
use crate::provider::tests::shared;
use crate::provider::{Encoded, Provider, Registry, Target};

fn provider(model: &str) -> Arc<dyn Provider> {
    Registry::table().serving(&ModelName::new("vertex_ai", model)).unwrap()
}

fn settings(location: &str) -> Vec<(String, String)> {
    [("vertex_project", "acme"), ("vertex_location", location)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// What is asked of a model in a location, whole or streamed.
fn asked(model: &str, location: &str, stream: bool, params: Value) -> (String, Value) {
    let (provider, settings) = (provider(model), settings(location));
    let base = provider.base_url(&settings).unwrap();
    let mut request = ChatRequest::new(model, "Hello!");
    request.params = serde_json::from_value(params).unwrap();
    let target = Target { settings: &settings, ..Target::new(model, &base) };
    let codec = provider.chat().unwrap();
    let encoded = if stream { codec.encode_stream(&request, &target) } else { codec.encode(&request, &target) };
    read(&encoded.unwrap())
}

fn read(encoded: &Encoded) -> (String, Value) {
    (encoded.request.uri().to_string(), serde_json::from_slice(encoded.request.body()).unwrap())
}

#[test]
fn each_family_has_its_address() {
    let region = "https://us-east5-aiplatform.googleapis.com/v1/projects/acme/locations/us-east5";
    for (model, whole, streamed) in [
        (
            "gemini-2.5-flash",
            "publishers/google/models/gemini-2.5-flash:generateContent",
            "publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        (
            "google/gemini-2.5-flash",
            "publishers/google/models/gemini-2.5-flash:generateContent",
            "publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        ("123456", "endpoints/123456:generateContent", "endpoints/123456:streamGenerateContent?alt=sse"),
        ("gemini/123456", "endpoints/123456:generateContent", "endpoints/123456:streamGenerateContent?alt=sse"),
        (
            "claude-opus-4-1@20250805",
            "publishers/anthropic/models/claude-opus-4-1@20250805:rawPredict",
            "publishers/anthropic/models/claude-opus-4-1@20250805:streamRawPredict",
        ),
        (
            "meta/llama-4-maverick-17b-128e-instruct-maas",
            "endpoints/openapi/chat/completions",
            "endpoints/openapi/chat/completions",
        ),
        ("openai/gpt-oss-120b-maas", "endpoints/openapi/chat/completions", "endpoints/openapi/chat/completions"),
        ("openai/98765", "endpoints/98765/chat/completions", "endpoints/98765/chat/completions"),
        (
            "mistral-large-2411@001",
            "publishers/mistralai/models/mistral-large-2411@001:rawPredict",
            "publishers/mistralai/models/mistral-large-2411@001:streamRawPredict",
        ),
        (
            "codestral-2501",
            "publishers/mistralai/models/codestral-2501:rawPredict",
            "publishers/mistralai/models/codestral-2501:streamRawPredict",
        ),
    ] {
        assert_eq!(asked(model, "us-east5", false, json!({})).0, format!("{region}/{whole}"), "{model}");
        assert_eq!(asked(model, "us-east5", true, json!({})).0, format!("{region}/{streamed}"), "{model}");
    }
    let jamba = asked("jamba-1.5-mini@001", "us-central1", false, json!({})).0;
    assert!(jamba.contains("/v1beta1/projects/acme/locations/us-central1/publishers/ai21/models/"), "{jamba}");
    let world = asked("claude-haiku-4-5", "global", false, json!({})).0;
    assert!(world.starts_with("https://aiplatform.googleapis.com/v1/projects/acme/locations/global/"), "{world}");
}

#[test]
fn claudes_body_has_the_version_and_not_the_model() {
    let (_, body) = asked("claude-haiku-4-5@20251001", "global", true, json!({"max_tokens": 50}));
    assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
    assert_eq!((body.get("model"), &body["stream"], &body["max_tokens"]), (None, &json!(true), &json!(50)));
    let request = ChatRequest::new("m", "Hello!");
    let settings = settings("global");
    let target = Target { settings: &settings, ..Target::new("claude-haiku-4-5", "https://aiplatform.googleapis.com") };
    let encoded = provider("claude-haiku-4-5").chat().unwrap().encode(&request, &target).unwrap();
    assert!(!encoded.request.headers().contains_key("anthropic-version"));
}

#[test]
fn claude_is_held_to_a_schema_by_a_tool() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}});
    let (_, body) = asked("claude-sonnet-4-5", "global", false, format);
    assert_eq!(body["tool_choice"]["name"], "json_tool_call");
    assert_eq!(body.get("output_config"), None);
}

#[test]
fn mistral_is_named_without_its_version() {
    assert_eq!(asked("mistral-large-2411@001", "global", false, json!({})).1["model"], "mistral-large-2411");
    assert_eq!(asked("meta/llama-4-scout", "global", false, json!({})).1["model"], "meta/llama-4-scout");
}

#[test]
fn tokens_of_gemini_and_of_claude_are_counted() {
    let count = |model: &str| {
        let (provider, settings) = (provider(model), settings("us-central1"));
        let mut request = ChatRequest::new(model, "Hello!");
        request.params.tools = Some(vec![Tool::function("f", "A tool.")]);
        request.params.max_tokens = Some(5);
        let target = Target { settings: &settings, ..Target::new(model, "https://a.example") };
        read(&provider.count_tokens().unwrap().encode(&request, &target).unwrap())
    };
    let (url, body) = count("gemini-2.5-flash");
    assert!(url.ends_with("/publishers/google/models/gemini-2.5-flash:countTokens"), "{url}");
    assert_eq!(body["contents"][0]["parts"][0]["text"], "Hello!");
    assert!(body.get("generateContentRequest").is_none() && body.get("tools").is_some());
    let (url, body) = count("claude-haiku-4-5@20251001");
    assert!(url.ends_with("/publishers/anthropic/models/count-tokens:rawPredict"), "{url}");
    assert_eq!((&body["model"], body.get("max_tokens")), (&json!("claude-haiku-4-5@20251001"), None));
    assert!(provider("meta/llama-4").count_tokens().is_none());
}

#[test]
fn express_mode_has_neither_project_nor_location() {
    let provider = provider("gemini-2.5-flash");
    let base = provider.base_url(&[]).unwrap();
    let encode = |model: &str| {
        let request = ChatRequest::new(model, "Hello!");
        let serving = Registry::table().serving(&ModelName::new("vertex_ai", model)).unwrap();
        serving.chat().unwrap().encode(&request, &Target::new(model, &base))
    };
    let url = encode("gemini-2.5-flash").unwrap().request.uri().to_string();
    assert_eq!(url, "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:generateContent");
    let error = encode("claude-haiku-4-5").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("VERTEXAI_PROJECT"), "{error}");
}

#[test]
fn a_tier_cannot_be_told_in_the_body() {
    let mut request = ChatRequest::new("gemini-2.5-flash", "Hello!");
    request.params.service_tier = Some("flex".into());
    let target = Target::new("gemini-2.5-flash", "https://a.example");
    let error = provider("gemini-2.5-flash").chat().unwrap().encode(&request, &target).unwrap_err();
    assert!(error.message().contains("`service_tier`"), "{error}");
}

/// Each recorded address is the one that is asked here for the same model, project and location.
#[test]
fn recorded_addresses_are_those_that_are_asked() {
    let Some(folder) = shared("fixtures/vertex_ai") else { return };
    let mut held = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let fixture: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let url = fixture["request"]["url"].as_str().unwrap_or_default();
        let operation = fixture["operation"].as_str().unwrap_or_default();
        let model = fixture["model"].as_str().unwrap_or_default();
        if !["chat", "chat_stream", "messages", "messages_stream"].contains(&operation) || model == "MODEL" {
            continue;
        }
        let location = url.split("/locations/").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
        let (asked, _) = asked(model, location, operation.ends_with("_stream"), json!({}));
        let path = |url: &str| {
            let path = url.split("/projects/").nth(1).unwrap().split('?').next().unwrap();
            path.split_once('/').unwrap().1.to_owned()
        };
        assert_eq!(path(&asked), path(url), "{}", file.display());
        held += 1;
    }
    assert!(held > 20, "only {held} recordings held");
}
