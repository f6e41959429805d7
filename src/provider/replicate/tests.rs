//! The rules of requests, predictions and streams.

use http::Request;
use serde_json::{Value, json};

use super::*;
use crate::chat::user;
use crate::error::ErrorKind;
use crate::provider::Registry;
use crate::provider::tests::{decode_pieces, shared, sum};

fn replicate() -> &'static dyn ChatCodec {
    Registry::table().get("replicate").and_then(|provider| provider.chat()).unwrap()
}

fn sent(model: &str, stream: bool) -> Result<Request<Bytes>> {
    let mut request = ChatRequest::new(model, [crate::chat::system("Be brief."), user("Why?")]);
    request.params.max_tokens = Some(9);
    request.params.stop = Some(["a", "b"].into());
    request.params.extra.insert("top_k", 5);
    let target = Target::new(model, "https://api.replicate.com/v1");
    let encoded =
        if stream { replicate().encode_stream(&request, &target) } else { replicate().encode(&request, &target) };
    encoded.map(|encoded| encoded.request)
}

fn whole(body: &Value) -> Result<Progress<Chat>> {
    replicate().decode(&ChatRequest::default(), &Response::new(Bytes::from(body.to_string())))
}

fn streamed(text: &str) -> (crate::chat::ChatResponse, Result<()>) {
    let (chunks, ended) = decode_pieces(replicate(), &ChatRequest::default(), [text.as_bytes()]);
    (sum(chunks), ended)
}

#[test]
fn a_model_a_version_and_a_deployment_have_their_places() {
    let version = "a".repeat(64);
    for (model, path, sent_version) in [
        ("meta/meta-llama-3-8b-instruct", "/v1/models/meta/meta-llama-3-8b-instruct/predictions", Value::Null),
        ("deployments/acme/chat", "/v1/deployments/acme/chat/predictions", Value::Null),
        ("acme/chat:abc123", "/v1/predictions", json!("abc123")),
        (version.as_str(), "/v1/predictions", json!(version)),
    ] {
        let request = sent(model, false).unwrap();
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!((request.uri().path(), &body["version"]), (path, &sent_version), "{model}");
        assert_eq!(request.headers().get("prefer").unwrap(), "wait");
        let input = json!({"prompt": "Why?", "system_prompt": "Be brief.", "max_tokens": 9, "stop_sequences": "a,b", "top_k": 5});
        assert_eq!(body["input"], input);
    }
    for model in ["llama", "a/b/c", "a/../b", "a b/c"] {
        assert_eq!(sent(model, false).unwrap_err().kind(), ErrorKind::InvalidRequest, "{model}");
    }
    let request = sent("meta/llama", true).unwrap();
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!((&body["stream"], request.headers().get("prefer")), (&json!(true), None));
}

#[test]
fn a_prediction_is_asked_for_again_until_it_is_done() {
    for status in ["starting", "processing", "queued"] {
        let body = json!({"id": "abc", "status": status, "urls": {"get": "https://elsewhere.example/x"}});
        let Progress::Poll { request, .. } = whole(&body).unwrap() else { panic!("{status} is not done") };
        assert_eq!(request.uri(), "/predictions/abc", "no address of the reply's is followed with the key");
    }
    let metrics = json!({"input_token_count": 3, "output_token_count": 2, "predict_time": 0.5});
    let body = json!({"id": "abc", "model": "meta/llama", "status": "succeeded", "output": ["<think>Hm.</think>", "H", "i"], "metrics": metrics});
    let Progress::Done(reply) = whole(&body).unwrap() else { panic!("it is done") };
    assert_eq!((reply.text().as_str(), reply.reasoning().as_str(), reply.model.as_str()), ("Hi", "Hm.", "meta/llama"));
    assert_eq!(reply.usage.unwrap().total_tokens, 5);
    let body = json!({"id": "../../x", "status": "starting"});
    assert_eq!(whole(&body).unwrap_err().kind(), ErrorKind::InvalidResponse);
}

#[test]
fn a_prediction_that_failed_is_an_error_in_the_models_words() {
    for (error, kind) in [
        (json!("CUDA out of memory"), ErrorKind::Unavailable),
        (json!("Input is too long for this model"), ErrorKind::ContextWindowExceeded),
        (Value::Null, ErrorKind::Unavailable),
    ] {
        let found = whole(&json!({"id": "a", "status": "failed", "error": error})).unwrap_err();
        assert_eq!(found.kind(), kind, "{error}");
    }
}

#[test]
fn a_stream_is_text_until_it_is_done() {
    let text = ": hi\n\nevent: output\nid: 1\ndata: \n\nevent: output\ndata: Sure\n\nevent: logs\ndata: x\n\n\
                event: output\ndata: \ndata: \ndata: B\n\nevent: done\ndata: {}\n\n:408: 408 Request Timeout\n";
    let (reply, ended) = streamed(text);
    ended.unwrap();
    assert_eq!((reply.text().as_str(), reply.finish_reason().unwrap().as_str()), ("Sure\n\nB", "stop"));
    let (_, ended) = streamed("event: output\ndata: Sure\n\n");
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::StreamInterrupted);
    let (_, ended) = streamed("event: output\ndata: Sure\n\nevent: done\ndata: {\"reason\": \"canceled\"}\n\n");
    assert_eq!(ended.unwrap_err().message(), "the prediction was canceled");
    let (_, ended) = streamed("event: error\ndata: {\"detail\": \"An unexpected error occurred\"}\n\n");
    assert_eq!(ended.unwrap_err().message(), "An unexpected error occurred");
}

#[test]
fn the_recorded_predictions_and_stream_are_read() {
    let recorded = |name: &str| -> Option<Value> {
        let path = shared(&format!("fixtures/replicate/{name}.json"))?;
        Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    let Some(begun) = recorded("prediction.basic.openllmetry-replicate-llama-stream-legacy") else { return };
    let response = Response::new(Bytes::from(begun["response"]["body"].to_string()));
    let request = (replicate().stream_of().unwrap())(&response).unwrap();
    assert!(request.uri().host().unwrap().ends_with(".replicate.net"), "{}", request.uri());
    let stream = recorded("prediction-stream.basic.openllmetry-replicate-llama-stream-legacy").unwrap();
    let (reply, ended) = streamed(stream["response"]["body_text"].as_str().unwrap());
    ended.unwrap();
    assert!(reply.text().starts_with("Sure, here's a joke about OpenTelemetry:\n\nWhy did the"), "{}", reply.text());
    let going = recorded("prediction.basic.replicate-pyth-models-predictions-create-blocking-false-10").unwrap();
    assert!(matches!(whole(&going["response"]["body"]), Ok(Progress::Poll { .. })));
    let refused = recorded("error.401-auth-error.replicate-pyth-run-invalid-token").unwrap();
    let response = Response::builder().status(401).body(Bytes::from(refused["response"]["body"].to_string())).unwrap();
    let error = Registry::table().get("replicate").unwrap().decode_error(&response);
    assert_eq!(error.message(), "Unauthenticated: You did not pass a valid authentication token");
}
