//! The rules of requests, replies and streams; `tests/fixtures/cohere` has them as whole cases.

use serde_json::{Value, json};

use super::*;
use crate::chat::{ChatResponse, Content, Part, user};
use crate::error::ErrorKind;
use crate::provider::Registry;
use crate::provider::tests::{decode_pieces, sum};

fn cohere() -> &'static dyn ChatCodec {
    Registry::table().get("cohere").and_then(|provider| provider.chat()).unwrap()
}

fn sent(request: Value) -> Result<(Value, Vec<String>)> {
    let mut fields = json!({"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hi"}]});
    fields.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    let request: ChatRequest = serde_json::from_value(fields).unwrap();
    let encoded = cohere().encode(&request, &Target::new(&request.model, "https://h.example"))?;
    let warnings = encoded.warnings.iter().map(|warning| warning.parameter.to_string()).collect();
    Ok((serde_json::from_slice(encoded.request.body()).unwrap(), warnings))
}

fn whole(status: u16, body: &str) -> Result<ChatResponse> {
    let response = Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    match cohere().decode(&ChatRequest::default(), &response)? {
        Progress::Done(reply) => Ok(reply),
        Progress::Poll { .. } => panic!("a chat is never polled"),
    }
}

fn streamed(events: &[Value]) -> (ChatResponse, Result<()>) {
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let (chunks, ended) = decode_pieces(cohere(), &ChatRequest::default(), [text.as_bytes()]);
    (sum(chunks), ended)
}

#[test]
fn an_address_is_understood_however_it_is_written() {
    for base in ["https://h.example", "https://h.example/", "https://h.example/v2", "https://h.example/v2/chat"] {
        let encoded = cohere().encode(&ChatRequest::new("m", "Hi"), &Target::new("m", base)).unwrap();
        assert_eq!(encoded.request.uri(), "https://h.example/v2/chat", "{base}");
    }
}

#[test]
fn a_tool_that_must_be_called_is_offered_alone() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let choice = json!({"type": "function", "function": {"name": "a"}});
    let (body, warnings) = sent(json!({"tools": [tool("a"), tool("b")], "tool_choice": choice})).unwrap();
    assert_eq!((body["tools"].as_array().unwrap().len(), &body["tool_choice"]), (1, &json!("REQUIRED")));
    assert_eq!(warnings, ["tool_choice"]);
    let (body, _) = sent(json!({"tools": [tool("a")], "tool_choice": "auto"})).unwrap();
    assert_eq!(body.get("tool_choice"), None);
    assert_eq!(sent(json!({"tools": [{"type": "web_search"}]})).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn effort_is_a_budget_where_the_model_reasons() {
    let thinking = |model: &str, effort: &str| {
        sent(json!({"model": model, "reasoning_effort": effort})).map(|(body, _)| body["thinking"].clone())
    };
    for (effort, wanted) in [
        ("none", json!({"type": "disabled"})),
        ("minimal", json!({"type": "enabled", "token_budget": 128})),
        ("medium", json!({"type": "enabled", "token_budget": 2048})),
        ("high", json!({"type": "enabled"})),
        ("max", json!({"type": "enabled"})),
    ] {
        assert_eq!(thinking("command-a-reasoning-08-2025", effort).unwrap(), wanted, "{effort}");
        assert_eq!(thinking("command-r-plus", effort).unwrap_err().kind(), ErrorKind::Unsupported);
    }
    assert_eq!(thinking("command-a-plus-05-2026", "deep").unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn what_has_no_place_is_an_error_or_with_drop_params_a_warning() {
    for part in [
        Part::file(b"%PDF", "application/pdf", "a.pdf"),
        Part::audio(b"x", "wav"),
        Part::video_url("https://a.example/a.mp4"),
        Part::new(Content::Image(crate::chat::Image {
            source: crate::chat::Source::FileId("f".to_owned()),
            detail: None,
        })),
    ] {
        let mut request = ChatRequest::new("m", user([Part::text("See."), part]));
        let target = Target::new("m", "https://h.example");
        assert_eq!(cohere().encode(&request, &target).unwrap_err().kind(), ErrorKind::Unsupported);
        request.params.drop_params = true;
        assert_eq!(cohere().encode(&request, &target).unwrap().warnings.len(), 1);
    }
    for params in [json!({"n": 2}), json!({"top_logprobs": 3}), json!({"user": "u"}), json!({"logit_bias": {}})] {
        assert_eq!(sent(params.clone()).unwrap_err().kind(), ErrorKind::Unsupported, "{params}");
    }
}

#[test]
fn a_plan_goes_back_as_a_plan_and_to_no_other_provider() {
    let body = json!({"id": "r", "finish_reason": "TOOL_CALL", "message": {"tool_plan": "Look.", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}});
    let reply = whole(200, &body.to_string()).unwrap();
    assert_eq!((reply.reasoning().as_str(), reply.tool_calls().next().unwrap().arguments.as_str()), ("Look.", "{}"));
    let request = ChatRequest::new("m", [user("?"), reply.into()]);
    let encoded = cohere().encode(&request, &Target::new("m", "https://h.example")).unwrap();
    let body: Value = serde_json::from_slice(encoded.request.body()).unwrap();
    assert_eq!((&body["messages"][1]["tool_plan"], body["messages"][1].get("content")), (&json!("Look."), None));
}

#[test]
fn a_reply_that_failed_midway_is_an_error_whole_or_streamed() {
    let begun = json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "a"}}}});
    for (reason, kind) in [("ERROR", ErrorKind::Unavailable), ("TIMEOUT", ErrorKind::Timeout)] {
        let end = json!({"type": "message-end", "delta": {"finish_reason": reason, "error": "why"}});
        let (reply, ended) = streamed(&[begun.clone(), end]);
        let error = ended.unwrap_err();
        assert_eq!((error.kind(), error.message(), reply.text().as_str()), (kind, "why", "a"));
        let body = json!({"message": {"content": [{"type": "text", "text": "a"}]}, "finish_reason": reason});
        assert_eq!(whole(200, &body.to_string()).unwrap_err().kind(), kind);
    }
    let (_, ended) = streamed(&[begun, json!({"message": "internal server error"})]);
    assert_eq!(ended.unwrap_err().message(), "internal server error");
}

#[test]
fn a_lone_text_is_content_too_and_unknown_events_are_passed_over() {
    assert_eq!(whole(200, r#"{"message":{"content":"Hi"},"finish_reason":"COMPLETE"}"#).unwrap().text(), "Hi");
    let (reply, ended) = streamed(&[
        json!({"type": "debug", "prompt": "…"}),
        json!({"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": "H"}}}}),
        json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": [{"text": "i"}]}}}),
        json!({"type": "message-end", "delta": {"finish_reason": "USER_CANCEL"}}),
    ]);
    ended.unwrap();
    assert_eq!((reply.text().as_str(), reply.finish_reason().unwrap().as_str()), ("Hi", "USER_CANCEL"));
}

#[test]
fn a_reply_that_is_not_coheres_is_an_invalid_response() {
    for body in ["", "<html>", "[]", "{}", r#"{"choices":[]}"#, r#"{"message":{"content":"cut"}}"#] {
        assert_eq!(whole(200, body).unwrap_err().kind(), ErrorKind::InvalidResponse, "{body}");
    }
}

#[test]
fn an_error_with_a_good_status_is_one() {
    let error = whole(200, r#"{"id":"e","message":"internal server error"}"#).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "internal server error"));
    assert!(error.is_retryable() && error.body().is_some());
    let typed = whole(200, r#"{"error_type":"TOO_MANY_TOKENS","message":"too many"}"#).unwrap_err();
    assert_eq!(typed.kind(), ErrorKind::ContextWindowExceeded);
}

#[test]
fn errors_are_typed_by_status_code_and_words() {
    let provider = Registry::table().get("cohere_chat").unwrap();
    for (status, body, kind) in [
        (
            400,
            r#"{"error_type":"TOO_MANY_TOKENS","message":"too many tokens: size limit"}"#,
            ErrorKind::ContextWindowExceeded,
        ),
        (401, r#"{"message":"no api key supplied"}"#, ErrorKind::Authentication),
        (429, r#"{"message":"You are using a Trial key"}"#, ErrorKind::RateLimited),
        (498, r#"{"message":"invalid token"}"#, ErrorKind::Authentication),
        (498, r#"{"message":"blocked input"}"#, ErrorKind::ContentPolicy),
        (498, r#"{"message":"the request contains a deny-listed token"}"#, ErrorKind::ContentPolicy),
        (
            400,
            r#"{"message":"too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."}"#,
            ErrorKind::ContextWindowExceeded,
        ),
        (
            400,
            r#"{"message":"too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model"}"#,
            ErrorKind::InvalidRequest,
        ),
        (500, r#"{"message":"internal"}"#, ErrorKind::Unavailable),
    ] {
        let response = Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(provider.decode_error(&response).kind(), kind, "{body}");
    }
}
