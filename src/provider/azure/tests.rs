use http::Response;
use serde_json::{Value, json};

use crate::chat::{ChatRequest, developer, user};
use crate::error::{ErrorKind, Result};
use crate::model::ModelName;
use crate::provider::tests::{decode_pieces, sum};
use crate::provider::{Encoded, Provider, Registry, Target};

const HOST: &str = "https://acme.openai.azure.com";
const FOUNDRY: &str = "https://acme.services.ai.azure.com";

fn provider(name: &str, model: &str) -> std::sync::Arc<dyn Provider> {
    Registry::table().serving(&ModelName::new(name.to_owned(), model)).unwrap()
}

fn sent(name: &str, model: &str, base: &str, version: Option<&str>, params: Value) -> Result<Encoded> {
    let mut request = ChatRequest::new(model, [developer("Be brief."), user("Hello!")]);
    request.params = serde_json::from_value(params).unwrap();
    let target = Target { api_version: version, ..Target::new(model, base) };
    provider(name, model).chat().unwrap().encode(&request, &target)
}

fn body(encoded: &Encoded) -> Value {
    serde_json::from_slice(encoded.request.body()).unwrap()
}

#[test]
fn the_deployment_is_in_the_address_and_in_the_body() {
    let encoded = sent("azure", "our-gpt", HOST, Some("2024-10-21"), json!({})).unwrap();
    let wanted = format!("{HOST}/openai/deployments/our-gpt/chat/completions?api-version=2024-10-21");
    assert_eq!(encoded.request.uri().to_string(), wanted);
    assert_eq!(body(&encoded)["model"], "our-gpt");
    let v1 = sent("azure", "our-gpt", HOST, Some("v1"), json!({})).unwrap();
    assert_eq!(v1.request.uri().to_string(), format!("{HOST}/openai/v1/chat/completions"));
}

#[test]
fn the_family_of_a_deployment_is_known_by_a_hint_or_by_its_base_model() {
    let limit = json!({"max_tokens": 9});
    let hinted = sent("azure", "gpt5_series/ours", HOST, None, limit.clone()).unwrap();
    assert!(hinted.request.uri().path().contains("/deployments/ours/"), "{}", hinted.request.uri());
    assert_eq!(body(&hinted)["max_completion_tokens"], 9);
    let plain = sent("azure", "ours", HOST, None, limit.clone()).unwrap();
    assert_eq!(body(&plain)["max_tokens"], 9);
    let settings = [("base_model".to_owned(), "azure/gpt-5-mini".to_owned())];
    let mut request = ChatRequest::new("ours", "Hello!");
    request.params = serde_json::from_value(limit).unwrap();
    let target = Target { settings: &settings, ..Target::new("ours", HOST) };
    let told = provider("azure", "ours").chat().unwrap().encode(&request, &target).unwrap();
    assert_eq!((&body(&told)["max_completion_tokens"], &body(&told)["model"]), (&json!(9), &json!("ours")));
    let responses = sent("azure", "responses/ours", HOST, None, json!({})).unwrap();
    assert_eq!(responses.request.uri().to_string(), format!("{HOST}/openai/responses?api-version=2025-04-01-preview"));
    assert_eq!(body(&responses)["model"], "ours");
}

#[test]
fn an_older_version_is_not_told_what_it_does_not_know() {
    let old = Some("2024-02-01");
    let encoded = sent("azure", "gpt-4", HOST, old, json!({"max_completion_tokens": 5})).unwrap();
    assert_eq!(body(&encoded)["max_tokens"], 5);
    assert_eq!(body(&encoded)["messages"][0]["role"], "system");
    let error = sent("azure", "gpt-4", HOST, old, json!({"parallel_tool_calls": false})).unwrap_err();
    assert!(error.message().contains("`parallel_tool_calls`"), "{error}");
    let request = ChatRequest::new("gpt-4", "Hello!");
    let target = Target { api_version: old, ..Target::new("gpt-4", HOST) };
    let stream = provider("azure", "gpt-4").chat().unwrap().encode_stream(&request, &target).unwrap();
    assert_eq!((&body(&stream)["stream"], body(&stream).get("stream_options")), (&json!(true), None));
}

#[test]
fn a_refusal_by_the_content_filter_is_one_and_keeps_what_was_found() {
    let inner = json!({"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": true}}});
    let error = json!({"message": "Filtered.", "type": null, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": inner});
    let response = Response::builder().status(400).body(json!({"error": error}).to_string().into()).unwrap();
    let error = provider("azure", "gpt-4").decode_error(&response);
    assert_eq!((error.kind(), error.code()), (ErrorKind::ContentPolicy, Some("ResponsibleAIPolicyViolation")));
    let kept: Value = serde_json::from_slice(error.body().unwrap()).unwrap();
    assert_eq!(kept["error"]["innererror"], inner);
}

#[test]
fn a_filter_that_speaks_after_the_end_takes_the_reply_back() {
    let stream = [
        r#"{"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Hm"},"finish_reason":"stop"}]}"#,
        r#"{"id":"","choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":true}}}]}"#,
        r#"{"id":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false}}}]}"#,
        "[DONE]",
    ];
    let bytes = stream.map(|event| format!("data: {event}\n\n")).concat();
    let provider = provider("azure", "gpt-4");
    let request = ChatRequest::new("gpt-4", "Hello!");
    let (chunks, end) = decode_pieces(provider.chat().unwrap(), &request, [bytes.as_bytes()]);
    end.unwrap();
    let reply = sum(chunks);
    assert_eq!(reply.finish_reason().unwrap().as_str(), "content_filter");
    let found = json!({"hate": {"filtered": true}});
    assert_eq!(reply.choices[0].extra.get("content_filter_results"), Some(&found), "the worst is kept");
}

#[test]
fn models_of_foundry_are_asked_in_their_own_formats() {
    let version = Some("2024-05-01-preview");
    let grok = sent("azure_ai", "grok-4", FOUNDRY, version, json!({})).unwrap();
    let wanted = format!("{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview");
    assert_eq!(grok.request.uri().to_string(), wanted);
    for base in ["", "/anthropic", "/anthropic/v1", "/anthropic/v1/messages", "/models"] {
        let claude = sent("azure_ai", "claude-sonnet-4-5", &format!("{FOUNDRY}{base}"), version, json!({})).unwrap();
        assert_eq!(claude.request.uri().to_string(), format!("{FOUNDRY}/anthropic/v1/messages"), "{base}");
        assert_eq!(claude.request.headers()["anthropic-version"], "2023-06-01");
        assert_eq!(body(&claude)["model"], "claude-sonnet-4-5");
    }
}

#[test]
fn a_key_goes_into_the_header_that_its_host_reads() {
    let header = |name: &str, model: &str, base: &str| {
        let mut request = sent(name, model, base, None, json!({})).unwrap().request;
        provider(name, model).authorize(&"k".to_owned().into(), &mut request).unwrap();
        let names = ["api-key", "x-api-key", "authorization"];
        let found: Vec<String> = names
            .iter()
            .filter_map(|name| Some(format!("{name}: {}", request.headers().get(*name)?.to_str().ok()?)))
            .collect();
        found.join(", ")
    };
    assert_eq!(header("azure", "gpt-4", HOST), "api-key: k");
    assert_eq!(header("azure_ai", "grok-4", FOUNDRY), "api-key: k");
    assert_eq!(header("azure_ai", "claude-opus-4-1", FOUNDRY), "x-api-key: k");
    assert_eq!(header("azure_ai", "llama", "https://llama.eastus2.models.ai.azure.com"), "authorization: Bearer k");
}
