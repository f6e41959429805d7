//! The rules of requests and replies.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Request, Response};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::Anthropic;
use crate::chat::{ChatChunk, ChatRequest, ChatResponse, FinishReason, Message, Part, assistant, user};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{ChatCodec, Encoded, Progress, Provider, Registry, Target};

const BASE: &str = "https://api.anthropic.com";

fn provider() -> Anthropic {
    Anthropic::new(Registry::table().get("anthropic").unwrap().spec().clone())
}

fn request(json: Value) -> ChatRequest {
    serde_json::from_value(json).unwrap()
}

fn encoded(request: &ChatRequest) -> Result<Encoded> {
    let model = request.model.strip_prefix("anthropic/").unwrap_or(&request.model);
    provider().chat().unwrap().encode(request, &Target::new(model, BASE))
}

fn sent(json: Value) -> Value {
    body(&encoded(&request(json)).unwrap())
}

fn body(encoded: &Encoded) -> Value {
    serde_json::from_slice(encoded.request.body()).unwrap()
}

fn refused(json: Value) -> Error {
    encoded(&request(json)).unwrap_err()
}

fn asked(fields: Value) -> Value {
    let mut json = json!({"model": "anthropic/claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]});
    json.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json
}

fn said(messages: Value) -> Value {
    asked(json!({"messages": messages}))
}

fn warned(json: Value) -> Vec<String> {
    encoded(&request(json)).unwrap().warnings.iter().map(|warning| warning.parameter.to_string()).collect()
}

fn betas(json: Value) -> String {
    let encoded = encoded(&request(json)).unwrap();
    encoded.request.headers().get("anthropic-beta").map_or("", |value| value.to_str().unwrap()).to_owned()
}

fn decoded(request: &ChatRequest, status: u16, body: impl Into<Bytes>) -> Result<ChatResponse> {
    let response = Response::builder().status(status).body(body.into()).unwrap();
    match provider().chat().unwrap().decode(request, &response)? {
        Progress::Done(reply) => Ok(reply),
        Progress::Poll { .. } => panic!("a chat is not polled"),
    }
}

fn streamed(request: &ChatRequest, pieces: &[&[u8]]) -> Result<Vec<ChatChunk>> {
    let mut decoder = provider().stream_decoder(request);
    let mut queue = std::collections::VecDeque::new();
    for piece in pieces {
        decoder.push(piece, &mut queue)?;
    }
    decoder.end(&mut queue)?;
    Ok(queue.into())
}

// ---- address, headers, key --------------------------------------------------------------------------------------

#[test]
fn a_base_may_end_at_the_host_the_version_or_the_path() {
    for base in ["https://x.example", "https://x.example/v1", "https://x.example/v1/messages", "https://x.example/v1/"]
    {
        let encoded = provider()
            .chat()
            .unwrap()
            .encode(&request(asked(json!({}))), &Target::new("claude-sonnet-4-5", base))
            .unwrap();
        assert_eq!(encoded.request.uri(), "https://x.example/v1/messages", "{base}");
    }
}

#[test]
fn the_version_is_sent_once() {
    let row = provider();
    assert!(row.spec().headers.iter().any(|(name, value)| name == "anthropic-version" && value == "2023-06-01"));
    assert!(!encoded(&request(asked(json!({})))).unwrap().request.headers().contains_key("anthropic-version"));
    let mut spec = row.spec().clone();
    spec.headers.clear();
    let bare = Anthropic::new(spec)
        .chat()
        .unwrap()
        .encode(&request(asked(json!({}))), &Target::new("claude-sonnet-4-5", BASE))
        .unwrap();
    assert_eq!(bare.request.headers()["anthropic-version"], "2023-06-01");
}

#[test]
fn a_subscriptions_token_goes_as_bearer_and_any_other_key_as_x_api_key() {
    let keyed = |key: &str| {
        let mut request =
            Request::post(BASE).header("anthropic-beta", "files-api-2025-04-14").body(Bytes::new()).unwrap();
        provider().authorize(&SecretString::from(key), &mut request).unwrap();
        request.into_parts().0.headers
    };
    let plain = keyed("sk-ant-api03-x");
    assert_eq!((plain["x-api-key"].as_bytes(), plain.get("authorization")), (b"sk-ant-api03-x".as_slice(), None));
    let token = keyed("sk-ant-oat01-x");
    assert_eq!(
        (token["authorization"].as_bytes(), token.get("x-api-key")),
        (b"Bearer sk-ant-oat01-x".as_slice(), None)
    );
    assert_eq!(
        token.get_all("anthropic-beta").iter().collect::<Vec<_>>(),
        ["files-api-2025-04-14", "oauth-2025-04-20"]
    );
}

#[test]
fn beta_features_are_announced_by_what_the_request_holds() {
    let tool = |kind: &str| asked(json!({"tools": [{"type": kind, "name": "x"}]}));
    for (json, expected) in [
        (asked(json!({})), ""),
        (tool("computer_20250124"), "computer-use-2025-01-24"),
        (tool("computer_20251124"), "computer-use-2025-11-24"),
        (tool("code_execution_20250825"), ""),
        (asked(json!({"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]})), "mcp-client-2025-04-04"),
        (
            asked(json!({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}})),
            "context-management-2025-06-27",
        ),
        (asked(json!({"speed": "fast"})), "fast-mode-2026-02-01"),
        (asked(json!({"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}})), "skills-2025-10-02"),
        (
            said(json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "file_1"}}]}])),
            "files-api-2025-04-14",
        ),
    ] {
        assert_eq!(betas(json.clone()), expected, "{json}");
    }
}

// ---- messages ---------------------------------------------------------------------------------------------------

#[test]
fn a_late_system_message_keeps_its_role_only_where_model_and_place_allow_it() {
    let late = |model: &str, last: &str| {
        let mut json = said(json!([
            {"role": "user", "content": "Hi"}, {"role": "system", "content": "Be rude."}, {"role": last, "content": "Ho"}
        ]));
        json["model"] = model.into();
        let roles =
            sent(json)["messages"].as_array().unwrap().iter().map(|turn| turn["role"].clone()).collect::<Vec<_>>();
        roles.iter().map(|role| role.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(late("claude-opus-4-8", "assistant"), "user system assistant");
    assert_eq!(late("claude-opus-4-8", "user"), "user");
    assert_eq!(late("claude-sonnet-4-5", "assistant"), "user assistant");
}

#[test]
fn texts_that_say_nothing_are_left_out() {
    let messages = json!([
        {"role": "system", "content": ""}, {"role": "user", "content": [{"type": "text", "text": " \n"}, {"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": ""}, {"role": "user", "content": "Ho"}
    ]);
    let body = sent(said(messages.clone()));
    assert!(body.get("system").is_none());
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(body["messages"], json!([{"role": "user", "content": [text("Hi"), text("Ho")]}]));
    assert_eq!(warned(said(messages)), ["messages"]);
}

#[test]
fn a_conversation_needs_someone_beside_the_system() {
    for messages in [json!([]), json!([{"role": "system", "content": "Be."}]), json!([{"role": "user", "content": ""}])]
    {
        assert_eq!(refused(said(messages)).kind(), ErrorKind::InvalidRequest);
    }
}

#[test]
fn a_prefill_does_not_end_in_white_space() {
    let body = sent(said(json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{\"a\": \n"}])));
    assert_eq!(body.pointer("/messages/1/content/0/text"), Some(&json!("{\"a\":")));
}

#[test]
fn content_without_a_block_is_an_error_that_names_it() {
    for (part, word) in [
        (json!({"type": "image_url", "image_url": {"url": "http://x.example/a.png"}}), "http:"),
        (json!({"type": "image_url", "image_url": {"url": "gs://x/a.png"}}), "gs:"),
        (json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}), "input_audio"),
        (json!({"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}}), "video_url"),
        (json!({"type": "file", "file": {"file_data": "data:application/zip;base64,AA=="}}), "application/zip"),
    ] {
        let error = refused(said(json!([{"role": "user", "content": [part]}])));
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(word), "{error}");
        assert!(!error.message().contains("drop_params"), "it is not dropped: {error}");
    }
}

#[test]
fn arguments_and_native_blocks_go_back_as_they_came() {
    let mut request = request(asked(json!({})));
    let arguments = r#"{"b":1.50,  "a":12345678901234567890123}"#;
    request.messages = vec![user("Hi"), assistant([Part::tool_call("a", "f", arguments)])];
    let bytes = encoded(&request).unwrap().request.into_body();
    assert!(String::from_utf8_lossy(&bytes).contains(&format!(r#""input":{arguments}"#)));
}

/// The folders of our own cases.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/anthropic");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_reply_can_be_pushed_onto_the_conversation_and_goes_back_block_by_block() {
    for case in cases() {
        let json = |file: &str| -> Value { serde_json::from_slice(&fs::read(case.join(file)).unwrap()).unwrap() };
        let mut request = request(json("request.json"));
        if case.ends_with("json_tool") {
            continue;
        }
        request.messages =
            vec![user("Hi"), decoded(&request, 200, fs::read(case.join("response.json")).unwrap()).unwrap().into()];
        request.messages.push(user("Go on."));
        let through_json: Vec<Message> =
            serde_json::from_value(serde_json::to_value(&request.messages).unwrap()).unwrap();
        for messages in [request.messages.clone(), through_json] {
            let back = body(&encoded(&ChatRequest { messages, ..request.clone() }).unwrap());
            let mut expected = json("response.json")["content"].clone();
            for citation in expected.as_array_mut().unwrap().iter_mut().filter_map(|block| block.get_mut("citations")) {
                citation
                    .as_array_mut()
                    .unwrap()
                    .iter_mut()
                    .for_each(|one| drop(one.as_object_mut().unwrap().remove("file_id")));
            }
            assert_eq!(back.pointer("/messages/1/content"), Some(&expected), "{}", case.display());
        }
    }
}

// ---- parameters -------------------------------------------------------------------------------------------------

#[test]
fn the_limit_of_tokens_is_the_callers_or_the_models() {
    let limit = |model: &str, fields: Value| {
        let mut json = asked(fields);
        json["model"] = model.into();
        sent(json)["max_tokens"].as_u64().unwrap()
    };
    assert_eq!(limit("claude-sonnet-4-5", json!({})), 64000);
    assert_eq!(limit("claude-opus-4-1", json!({})), 32000);
    assert_eq!(limit("claude-sonnet-4-5", json!({"max_completion_tokens": 7, "max_tokens": 8})), 7);
    assert_eq!(limit("some-model", json!({})), 4096);
    assert_eq!(limit("claude-sonnet-4-5", json!({"thinking": {"type": "enabled", "budget_tokens": 2000}})), 6096);
    assert_eq!(limit("claude-opus-4-1", json!({"thinking": {"type": "enabled", "budget_tokens": 30000}})), 32000);
}

#[test]
fn a_budget_stays_below_the_limit_of_tokens() {
    let effort = |word: &str, limit: u64| asked(json!({"reasoning_effort": word, "max_tokens": limit}));
    assert_eq!(sent(effort("high", 9000))["thinking"], json!({"type": "enabled", "budget_tokens": 4096}));
    assert_eq!(sent(effort("high", 2000))["thinking"], json!({"type": "enabled", "budget_tokens": 1999}));
    assert_eq!(warned(effort("high", 2000)), ["reasoning_effort"]);
    assert!(sent(effort("low", 1024)).get("thinking").is_none());
    assert_eq!(warned(effort("low", 1024)), ["reasoning_effort"]);
    assert!(sent(asked(json!({"reasoning_effort": "none"}))).get("thinking").is_none());
}

#[test]
fn a_model_that_takes_no_budget_is_told_an_effort() {
    let mut json = asked(json!({"thinking": {"type": "enabled", "budget_tokens": 5000}}));
    assert_eq!(sent(json.clone())["thinking"], json!({"type": "enabled", "budget_tokens": 5000}));
    json["model"] = "claude-opus-4-8".into();
    let body = sent(json.clone());
    assert_eq!(body["thinking"], json!({"type": "adaptive", "display": "summarized"}));
    assert_eq!((&body["output_config"], &body["max_tokens"]), (&json!({"effort": "high"}), &json!(128_000)));
    assert_eq!(warned(json), ["thinking"]);
}

#[test]
fn an_effort_that_the_model_does_not_take_is_refused() {
    for (model, effort) in
        [("claude-opus-4-6", "xhigh"), ("claude-sonnet-4-5", "silly"), ("claude-3-5-haiku-20241022", "low")]
    {
        let mut json = asked(json!({"reasoning_effort": effort}));
        json["model"] = model.into();
        assert_eq!(refused(json).kind(), ErrorKind::Unsupported, "{model}");
    }
}

#[test]
fn a_model_that_samples_in_its_own_way_takes_only_what_changes_nothing() {
    let mut json = asked(json!({"temperature": 0.3}));
    json["model"] = "claude-opus-4-8".into();
    assert_eq!(refused(json.clone()).kind(), ErrorKind::Unsupported);
    json["temperature"] = json!(1.0);
    assert_eq!(sent(json)["temperature"], json!(1.0));
}

#[test]
fn a_user_who_can_be_called_or_written_to_is_not_named() {
    for user in ["ada@example.com", "+49 170 1234567"] {
        let json = asked(json!({"user": user}));
        assert!(sent(json.clone()).get("metadata").is_none());
        assert_eq!(warned(json), ["user"]);
    }
    assert_eq!(sent(asked(json!({"user": "u-1"})))["metadata"], json!({"user_id": "u-1"}));
    assert_eq!(sent(asked(json!({"metadata": {"user_id": "u-2"}})))["metadata"], json!({"user_id": "u-2"}));
    assert_eq!(warned(asked(json!({"metadata": {"team": "x"}}))), ["metadata"]);
}

#[test]
fn parameters_that_anthropic_lacks_are_refused_by_name() {
    for (name, value) in [
        ("seed", json!(1)),
        ("n", json!(2)),
        ("logit_bias", json!({"1": 1})),
        ("logprobs", json!(true)),
        ("presence_penalty", json!(1.0)),
        ("modalities", json!(["audio"])),
        ("prediction", json!({"type": "content", "content": "x"})),
        ("service_tier", json!("flex")),
    ] {
        let error = refused(asked(json!({name: value})));
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(name), "{error}");
    }
    assert_eq!(sent(asked(json!({"service_tier": "auto"})))["service_tier"], "auto");
}

#[test]
fn a_parameter_that_the_caller_allowed_is_sent_as_it_is() {
    let mut request = request(asked(json!({"seed": 7, "logprobs": true})));
    request.params.allowed_openai_params = vec!["seed".to_owned(), "logprobs".to_owned()];
    let body = body(&encoded(&request).unwrap());
    assert_eq!((&body["seed"], &body["logprobs"]), (&json!(7), &json!(true)));
}

#[test]
fn an_extra_body_is_laid_over_the_request() {
    let mut request = request(asked(
        json!({"reasoning_effort": "low", "output_config": {"task_budget": {"type": "tokens", "total": 9}}}),
    ));
    request.model = "claude-opus-4-6".to_owned();
    request.params.extra_body = json!({"custom": 1}).as_object().unwrap().clone();
    let body = body(&encoded(&request).unwrap());
    assert_eq!(body["custom"], 1);
    assert_eq!(body["output_config"], json!({"effort": "low", "task_budget": {"type": "tokens", "total": 9}}));
}

// ---- tools and formats ------------------------------------------------------------------------------------------

#[test]
fn two_tools_that_would_share_a_name_are_refused() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    assert_eq!(refused(asked(json!({"tools": [tool("a.b"), tool("a_b")]}))).kind(), ErrorKind::InvalidRequest);
}

#[test]
fn a_strict_tool_is_strict_where_the_model_can_be() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}});
    let mut json = asked(
        json!({"tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": schema}}]}),
    );
    let tool = sent(json.clone())["tools"][0].clone();
    assert_eq!((&tool["strict"], &tool["input_schema"]["additionalProperties"]), (&json!(true), &json!(false)));
    json["model"] = "claude-opus-4-1".into();
    assert_eq!(sent(json.clone())["tools"][0]["input_schema"], schema);
    assert_eq!(warned(json), ["tools[].function.strict"]);
}

#[test]
fn an_answer_by_tool_leaves_the_callers_tools_callable() {
    let choice = |fields: Value| {
        let mut json = asked(json!({"response_format": {"type": "json_object"}}));
        json.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        sent(json)["tool_choice"].clone()
    };
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    assert_eq!(choice(json!({})), json!({"type": "tool", "name": "json_tool_call"}));
    assert_eq!(choice(json!({"tools": tools})), json!({"type": "any"}));
    assert_eq!(
        choice(json!({"tools": tools, "tool_choice": "none"})),
        json!({"type": "tool", "name": "json_tool_call"})
    );
    assert_eq!(choice(json!({"reasoning_effort": "low"})), json!({"type": "auto"}));
}

#[test]
fn a_schema_that_the_model_cannot_be_held_to_natively_goes_by_tool() {
    let map =
        json!({"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "string"}}}});
    let body =
        sent(asked(json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": map}}})));
    assert!(body.get("output_config").is_none());
    assert_eq!(body["tools"][0]["input_schema"], map);
}

#[test]
fn a_server_that_wants_approval_is_warned_about() {
    let server = json!({"type": "mcp", "server_label": "x", "server_url": "https://x.example"});
    assert_eq!(warned(asked(json!({"tools": [server]}))), ["tools[].require_approval"]);
}

// ---- replies ----------------------------------------------------------------------------------------------------

#[test]
fn every_stop_reason_has_its_meaning() {
    for (native, reason, kept) in [
        ("end_turn", FinishReason::Stop, true),
        ("max_tokens", FinishReason::Length, true),
        ("model_context_window_exceeded", FinishReason::Length, true),
        ("refusal", FinishReason::ContentFilter, true),
        ("pause_turn", FinishReason::Other("pause_turn".to_owned()), false),
        ("brand_new", FinishReason::Other("brand_new".to_owned()), false),
    ] {
        let body = json!({"id": "m", "model": "c", "content": [], "stop_reason": native}).to_string();
        let reply = decoded(&ChatRequest::default(), 200, body).unwrap();
        assert_eq!(reply.finish_reason(), Some(&reason));
        assert_eq!(reply.choices[0].native_finish_reason.as_deref(), kept.then_some(native));
    }
}

#[test]
fn a_call_that_a_program_made_goes_back_with_its_maker() {
    let body = json!({"id": "m", "model": "c", "stop_reason": "tool_use", "content": [
        {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "code_execution_20250825", "tool_id": "s"}}
    ]});
    let reply = decoded(&ChatRequest::default(), 200, body.to_string()).unwrap();
    let mut request = request(asked(json!({})));
    request.messages = vec![user("Hi"), reply.into(), user("Go on.")];
    assert_eq!(self::body(&encoded(&request).unwrap()).pointer("/messages/1/content"), body.get("content"));
}

#[test]
fn a_good_status_can_hold_an_error_or_no_message_at_all() {
    let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let error = decoded(&ChatRequest::default(), 200, overloaded.to_string()).unwrap_err();
    assert_eq!((error.kind(), error.status().map(|s| s.as_u16())), (ErrorKind::Unavailable, Some(529)));
    for body in ["<html>", "{}", "[]", "{\"content\": 1}"] {
        assert_eq!(
            decoded(&ChatRequest::default(), 200, body).unwrap_err().kind(),
            ErrorKind::InvalidResponse,
            "{body}"
        );
    }
}

#[test]
fn an_error_inside_a_stream_is_final_and_typed() {
    let start =
        r#"data: {"type":"message_start","message":{"id":"m","model":"c","content":[],"usage":{"input_tokens":1}}}"#;
    let failed = r#"data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let stream = format!("event: message_start\n{start}\n\nevent: error\n{failed}\n\n");
    let error = streamed(&ChatRequest::default(), &[stream.as_bytes()]).unwrap_err();
    assert_eq!((error.kind(), error.status().map(|s| s.as_u16())), (ErrorKind::Unavailable, Some(529)));
}

#[test]
fn events_and_deltas_of_new_kinds_are_ignored() {
    let mut stream = fs::read_to_string(cases()[0].parent().unwrap().join("plain/stream.txt")).unwrap();
    let whole = streamed(&ChatRequest::default(), &[stream.as_bytes()]).unwrap();
    for new in [
        r#"{"type":"brand_new","delta":"a text","index":"x"}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"brand_new_delta","x":1}}"#,
        r#"{"type":"content_block_delta","index":9,"delta":{"type":"thinking_delta","thinking":"lost"}}"#,
        r#"{"type":"content_block_stop","index":9}"#,
    ] {
        stream = format!("data: {new}\n\n{stream}");
    }
    assert_eq!(streamed(&ChatRequest::default(), &[stream.as_bytes()]).unwrap(), whole);
}

#[test]
fn an_event_that_cannot_be_read_interrupts_the_stream() {
    for data in ["{", "[1]", r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":1}}"#] {
        let error = streamed(&ChatRequest::default(), &[format!("data: {data}\n\n").as_bytes()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamInterrupted, "{data}");
    }
}

// ---- published facts --------------------------------------------------------------------------------------------

#[test]
fn the_traits_of_claudes_agree_with_the_published_facts() {
    let Some(facts) = crate::provider::tests::shared("facts/model_prices.json") else { return };
    let facts: Value = serde_json::from_slice(&fs::read(facts).unwrap()).unwrap();
    let claudes = facts.as_object().unwrap().iter().filter(|(_, fact)| fact["litellm_provider"] == "anthropic");
    let mut count = 0;
    for (name, fact) in claudes.filter(|(name, _)| name.starts_with("claude-")) {
        let known = crate::model::traits(name);
        let flag = |name: &str| fact[name] == true;
        assert_eq!(known.max_output_tokens, fact["max_output_tokens"].as_u64(), "{name}");
        assert_eq!(
            known.reasoning == Some(crate::model::ReasoningStyle::Adaptive),
            flag("supports_adaptive_thinking"),
            "{name}"
        );
        assert_eq!(known.reasoning != Some(crate::model::ReasoningStyle::None), flag("supports_reasoning"), "{name}");
        assert_eq!(known.native_schema, Some(flag("supports_native_structured_output")), "{name}");
        assert_eq!(known.late_system, Some(flag("supports_mid_conversation_system")), "{name}");
        assert_eq!(known.sampling, Some(fact["supports_sampling_params"] != false), "{name}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}
