//! The simulator, seen through a bare HTTP client: the bytes of each wire format, and each fault.

use std::io::{Read, Write};
use std::time::Duration;

use anymodel::mock::{Fault, MockServer, Reply};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

/// A request in each format: name, path when whole, path when streamed, body.
const FORMATS: [(&str, &str, &str); 6] = [
    ("openai", "/v1/chat/completions", "/v1/chat/completions"),
    ("anthropic", "/v1/messages", "/v1/messages"),
    ("gemini", "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent?alt=sse"),
    ("ollama", "/api/chat", "/api/chat"),
    ("bedrock", "/model/m/converse", "/model/m/converse-stream"),
    ("cohere", "/v2/chat", "/v2/chat"),
];

/// Longer than anything takes, even on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(5);

fn body(format: &str, streamed: bool) -> Value {
    match format {
        "gemini" => json!({"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]}),
        "bedrock" => json!({"messages": [{"role": "user", "content": [{"text": "Hello there"}]}]}),
        _ => json!({"model": "m", "stream": streamed, "messages": [{"role": "user", "content": "Hello there"}]}),
    }
}

/// One client for each test: a test has a thread of its own, and making a client reads the system's certificates.
fn client() -> reqwest::Client {
    thread_local! {
        static CLIENT: reqwest::Client = reqwest::Client::new();
    }
    CLIENT.with(Clone::clone)
}

async fn post(server: &MockServer, path: &str, body: &Value) -> reqwest::Response {
    send(server, path, body).await.expect("the response begins")
}

async fn send(server: &MockServer, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
    client().post(format!("{}{path}", server.url())).body(body.to_string()).send().await
}

async fn whole(server: &MockServer, format: &str) -> Value {
    let (_, path, _) = FORMATS.iter().find(|(name, ..)| *name == format).unwrap();
    json_of(post(server, path, &body(format, false)).await).await
}

async fn json_of(response: reqwest::Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).expect("the body is JSON")
}

async fn streamed(server: &MockServer, format: &str) -> reqwest::Response {
    let (_, _, path) = FORMATS.iter().find(|(name, ..)| *name == format).unwrap();
    post(server, path, &body(format, true)).await
}

/// What comes until the body ends, and whether it ended in good order.
async fn read_bytes(mut response: reqwest::Response) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => read.extend(bytes),
            Ok(None) => return (read, true),
            Err(_) => return (read, false),
        }
    }
}

/// The same as text. Of an event stream that is what its payloads say, between lengths and checksums.
async fn read(response: reqwest::Response) -> (String, bool) {
    let (bytes, ended) = read_bytes(response).await;
    (String::from_utf8_lossy(&bytes).into_owned(), ended)
}

/// The messages of an event stream: the kind of each, its name, and its payload.
fn messages(mut bytes: &[u8]) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let long = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let (length, head) = (long(0) as usize, long(4) as usize);
        assert_eq!(long(8), crc32fast::hash(&bytes[..8]), "the checksum of the lengths");
        assert_eq!(long(length - 4), crc32fast::hash(&bytes[..length - 4]), "the checksum of the message");
        let mut headers = &bytes[12..12 + head];
        let mut said = Vec::new();
        while let [size, rest @ ..] = headers {
            let (name, rest) = rest.split_at(usize::from(*size));
            assert_eq!(rest[0], 7, "the value is a text");
            let size = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
            let value = String::from_utf8(rest[3..3 + size].to_vec()).unwrap();
            said.push((std::str::from_utf8(name).unwrap(), value));
            headers = &rest[3 + size..];
        }
        let value = |name: &str| said.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        let kind = value(":message-type");
        assert_eq!(value(":content-type"), "application/json");
        let payload = serde_json::from_slice(&bytes[12 + head..length - 4]).unwrap();
        all.push((kind.clone(), value(&format!(":{kind}-type")), payload));
        bytes = &bytes[length..];
    }
    all
}

/// The JSON of every event.
fn events(text: &str) -> Vec<Value> {
    let lines = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
    lines.filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object).collect()
}

fn rich() -> Reply {
    Reply::text("It rains.").reasoning("Look outside.").usage(10, 5).cached(4).reasoning_tokens(2).model("m-1")
}

#[tokio::test]
async fn a_reply_is_said_in_the_words_of_each_format() {
    let server = MockServer::start().await.unwrap();
    server.reply(rich().and_tool_call("look", json!({"at": "sky"})));

    let openai = whole(&server, "openai").await;
    assert_eq!(openai["object"], "chat.completion");
    assert_eq!(openai["model"], "m-1");
    let message = &openai["choices"][0]["message"];
    assert_eq!(message["content"], "It rains.");
    assert_eq!(message["reasoning_content"], "Look outside.");
    assert_eq!(message["tool_calls"][0]["function"], json!({"name": "look", "arguments": "{\"at\":\"sky\"}"}));
    assert_eq!(openai["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(openai["usage"]["prompt_tokens"], 10);
    assert_eq!(openai["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(openai["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);

    let anthropic = whole(&server, "anthropic").await;
    let kinds: Vec<_> = anthropic["content"].as_array().unwrap().iter().map(|block| block["type"].clone()).collect();
    assert_eq!(kinds, ["thinking", "text", "tool_use"]);
    assert_eq!(anthropic["content"][2]["input"], json!({"at": "sky"}));
    assert_eq!(anthropic["stop_reason"], "tool_use");
    assert_eq!(anthropic["usage"]["input_tokens"], 6);
    assert_eq!(anthropic["usage"]["cache_read_input_tokens"], 4);
    assert_eq!(anthropic["usage"]["output_tokens"], 5);

    let gemini = whole(&server, "gemini").await;
    let parts = &gemini["candidates"][0]["content"]["parts"];
    assert_eq!(parts[0], json!({"text": "Look outside.", "thought": true}));
    assert_eq!(parts[2], json!({"functionCall": {"name": "look", "args": {"at": "sky"}}}));
    assert_eq!(gemini["candidates"][0]["finishReason"], "STOP");
    let usage = &gemini["usageMetadata"];
    assert_eq!((&usage["promptTokenCount"], &usage["cachedContentTokenCount"]), (&json!(10), &json!(4)));
    assert_eq!((&usage["candidatesTokenCount"], &usage["thoughtsTokenCount"]), (&json!(3), &json!(2)));

    let ollama = whole(&server, "ollama").await;
    assert_eq!(ollama["message"]["thinking"], "Look outside.");
    assert_eq!(ollama["message"]["tool_calls"][0]["function"]["arguments"], json!({"at": "sky"}));
    assert_eq!((&ollama["done"], &ollama["done_reason"]), (&json!(true), &json!("stop")));
    assert_eq!((&ollama["prompt_eval_count"], &ollama["eval_count"]), (&json!(10), &json!(5)));

    let bedrock = whole(&server, "bedrock").await;
    let content = &bedrock["output"]["message"]["content"];
    assert_eq!(content[0]["reasoningContent"]["reasoningText"]["text"], "Look outside.");
    assert_eq!(content[1], json!({"text": "It rains."}));
    assert_eq!(content[2]["toolUse"]["input"], json!({"at": "sky"}));
    assert_eq!(bedrock["stopReason"], "tool_use");
    assert_eq!(
        bedrock["usage"],
        json!({"inputTokens": 6, "outputTokens": 5, "totalTokens": 15, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 0})
    );

    let cohere = whole(&server, "cohere").await;
    assert_eq!(cohere["message"]["tool_plan"], "Look outside.");
    assert_eq!(cohere["message"]["content"], json!([{"type": "text", "text": "It rains."}]));
    assert_eq!(
        cohere["message"]["tool_calls"][0]["function"],
        json!({"name": "look", "arguments": "{\"at\":\"sky\"}"})
    );
    assert_eq!(cohere["finish_reason"], "TOOL_CALL");
    let tokens = json!({"input_tokens": 10, "output_tokens": 5, "reasoning_tokens": 2});
    assert_eq!((&cohere["usage"]["tokens"], &cohere["usage"]["cached_tokens"]), (&tokens, &json!(4)));
    server.reply(rich());
    let thought = whole(&server, "cohere").await["message"]["content"][0].clone();
    assert_eq!(thought, json!({"type": "thinking", "thinking": "Look outside."}), "where no tool is called");
}

#[tokio::test]
async fn finish_reasons_are_in_each_format_s_own_words() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::text("It").finish("length"));
    assert_eq!(whole(&server, "openai").await["choices"][0]["finish_reason"], "length");
    assert_eq!(whole(&server, "anthropic").await["stop_reason"], "max_tokens");
    assert_eq!(whole(&server, "gemini").await["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(whole(&server, "ollama").await["done_reason"], "length");
    assert_eq!(whole(&server, "bedrock").await["stopReason"], "max_tokens");
    assert_eq!(whole(&server, "cohere").await["finish_reason"], "MAX_TOKENS");
}

#[tokio::test]
async fn openai_streams_chunks_and_then_done() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::text("one two").n(2));
    let (text, ended) = read(streamed(&server, "openai").await).await;
    assert!(ended && text.ends_with("data: [DONE]\n\n"), "{text}");
    let events = events(&text);
    let choice =
        |event: &Value| (event["choices"][0]["index"].clone(), event["choices"][0]["delta"]["content"].clone());
    assert_eq!(choice(&events[0]), (json!(0), json!("")));
    assert_eq!(choice(&events[3]), (json!(1), json!("one ")));
    assert_eq!(events[7]["choices"][0]["finish_reason"], "stop");
    assert!(events.iter().all(|event| event.get("usage").is_none()), "usage comes only where it was asked for");

    let mut asked = body("openai", true);
    asked["stream_options"] = json!({"include_usage": true});
    let (text, _) = read(post(&server, "/v1/chat/completions", &asked).await).await;
    let chunks = self::events(&text);
    assert_eq!(chunks.last().unwrap()["choices"], json!([]));
    assert_eq!(chunks.last().unwrap()["usage"]["prompt_tokens"], 10);
}

#[tokio::test]
async fn openai_streams_a_tool_call_as_its_head_and_fragments_of_its_arguments() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::tool_call("look", json!({"at": "sky"})).chunks(4));
    let (text, _) = read(streamed(&server, "openai").await).await;
    let calls: Vec<Value> =
        events(&text).iter().filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0").cloned()).collect();
    assert_eq!(calls[0]["function"], json!({"name": "look", "arguments": ""}));
    assert!(calls[0]["id"].is_string() && calls[1].get("id").is_none());
    let arguments: String = calls.iter().map(|call| call["function"]["arguments"].as_str().unwrap()).collect();
    assert_eq!((calls.len(), arguments.as_str()), (5, r#"{"at":"sky"}"#));
}

#[tokio::test]
async fn anthropic_streams_its_events_by_name() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::text("one").reasoning("hm").and_tool_call("look", json!({"at": "sky"})).chunks(1));
    let (text, _) = read(streamed(&server, "anthropic").await).await;
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let block = ["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"];
    let mut expected = vec!["message_start", "content_block_start", "ping"];
    expected.extend(&block[1..]);
    expected.extend(["content_block_start", "content_block_delta", "content_block_stop"]);
    expected.extend(block);
    expected.extend(["message_delta", "message_stop"]);
    assert_eq!(names, expected);
    for (name, event) in names.iter().zip(events(&text)) {
        assert_eq!(event["type"], **name);
    }
}

#[tokio::test]
async fn bedrock_streams_messages_with_right_checksums() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::text("one two").reasoning("hm").and_tool_call("look", json!({"at": "sky"})).chunks(1));
    let response = streamed(&server, "bedrock").await;
    assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
    let (bytes, _) = read_bytes(response).await;
    let messages = messages(&bytes);
    let names: Vec<&str> = messages.iter().map(|(_, name, _)| name.as_str()).collect();
    let (delta, stop) = ("contentBlockDelta", "contentBlockStop");
    let blocks = [delta, delta, stop, delta, stop, "contentBlockStart", delta, stop];
    assert_eq!(names, [&["messageStart"][..], &blocks, &["messageStop", "metadata"]].concat());
    assert!(messages.iter().all(|(kind, ..)| kind == "event"));
    assert_eq!(messages[1].2["delta"], json!({"reasoningContent": {"text": "hm"}}));
    assert!(messages[2].2["delta"]["reasoningContent"]["signature"].is_string());
    assert_eq!(messages[6].2["start"]["toolUse"]["name"], "look");
    assert_eq!(messages[7].2["delta"], json!({"toolUse": {"input": r#"{"at":"sky"}"#}}));
    assert_eq!(
        (&messages[9].2["stopReason"], &messages[10].2["usage"]["inputTokens"]),
        (&json!("tool_use"), &json!(10))
    );

    server.enqueue(Reply::text("one two").fault(Fault::ErrorAfter(1)));
    let (bytes, _) = read_bytes(streamed(&server, "bedrock").await).await;
    let (kind, name, payload) = self::messages(&bytes).pop().unwrap();
    assert_eq!((kind.as_str(), name.as_str()), ("exception", "modelStreamErrorException"));
    assert!(payload["message"].is_string());
}

#[tokio::test]
async fn cohere_streams_its_events_by_name_and_then_done() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::text("one").reasoning("hm").and_tool_call("look", json!({"at": "sky"})).chunks(1));
    let (text, _) = read(streamed(&server, "cohere").await).await;
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let content = ["content-start", "content-delta", "content-end"];
    let call = ["tool-call-start", "tool-call-delta", "tool-call-end"];
    assert_eq!(names, [&["message-start", "tool-plan-delta"][..], &content, &call, &["message-end"]].concat());
    for (name, event) in names.iter().zip(events(&text)) {
        assert_eq!(event["type"], **name);
    }
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(events(&text)[8]["delta"]["finish_reason"], "TOOL_CALL");
    server.enqueue(Reply::text("one").reasoning("hm").chunks(1));
    let (text, _) = read(streamed(&server, "cohere").await).await;
    assert_eq!(events(&text)[1]["delta"]["message"]["content"], json!({"type": "thinking", "thinking": ""}));
    assert_eq!(events(&text)[2]["delta"]["message"]["content"], json!({"thinking": "hm"}));
    assert_eq!(events(&text)[5]["delta"]["message"]["content"], json!({"text": "one"}));
}

#[tokio::test]
async fn bedrock_and_cohere_say_in_their_own_words_what_an_error_is() {
    let server = MockServer::start().await.unwrap();
    let limited = Fault::RateLimited { retry_after: Duration::from_secs(2) };
    for (fault, status, kind) in [
        (limited.clone(), 429, "ThrottlingException"),
        (Fault::ContextWindowExceeded, 400, "ValidationException"),
        (Fault::Status(403), 403, "AccessDeniedException"),
        (Fault::Status(404), 404, "ResourceNotFoundException"),
        (Fault::Status(503), 503, "ServiceUnavailableException"),
    ] {
        server.enqueue(fault);
        let response = streamed(&server, "bedrock").await;
        let told = response.headers()["x-amzn-errortype"].to_str().unwrap().to_owned();
        assert_eq!((response.status().as_u16(), told.split(':').next()), (status, Some(kind)));
        assert!(json_of(response).await["message"].is_string());
    }
    server.enqueue(Fault::ContentPolicy);
    let guarded = whole(&server, "bedrock").await;
    assert_eq!(guarded["stopReason"], "guardrail_intervened");
    for (fault, status) in [(limited, 429), (Fault::ContextWindowExceeded, 400), (Fault::ContentPolicy, 498)] {
        server.enqueue(fault);
        let response = streamed(&server, "cohere").await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().contains_key("retry-after"), status == 429);
        let body = json_of(response).await;
        assert!(body["message"].is_string() && body["id"].is_string(), "{body}");
        assert_eq!(body.get("error_type").is_some(), status == 400);
    }
}

#[tokio::test]
async fn gemini_streams_events_or_one_array_as_it_is_asked() {
    let server = MockServer::start().await.unwrap();
    server.reply("one two");
    let response = streamed(&server, "gemini").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let events = events(&read(response).await.0);
    assert_eq!(events[1]["candidates"][0]["content"]["parts"][0]["text"], "two");
    assert_eq!(events[2]["candidates"][0]["finishReason"], "STOP");

    let path = "/v1beta/models/gemini-x:streamGenerateContent";
    let array = json_of(post(&server, path, &body("gemini", true)).await).await;
    assert_eq!(array[0]["candidates"][0]["content"]["parts"][0]["text"], "one ");
    assert_eq!(array[2]["modelVersion"], "gemini-x");
}

#[tokio::test]
async fn ollama_streams_lines_unless_it_is_told_not_to() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::text("one two").reasoning("hm").and_tool_call("look", json!({})));
    let asked = json!({"model": "m", "messages": []});
    let response = post(&server, "/api/chat", &asked).await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = read(response).await.0;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["message"]["thinking"], "hm");
    assert_eq!(lines[3]["message"]["tool_calls"][0]["function"]["name"], "look");
    assert!(lines[..4].iter().all(|line| line["done"] == false) && lines[4]["done"] == true);

    let get = |path: &str| client().get(format!("{}{path}", server.url())).send();
    assert!(json_of(get("/api/version").await.unwrap()).await["version"].is_string());
    assert!(json_of(get("/api/tags").await.unwrap()).await["models"][0]["name"].is_string());
}

#[tokio::test]
async fn a_stream_is_paced_and_comes_piece_by_piece() {
    let server = MockServer::start().await.unwrap();
    let pause = Duration::from_millis(20);
    server.enqueue(Reply::text("abcdef").chunks(3).pace(pause));
    let began = Instant::now();
    let mut response = streamed(&server, "ollama").await;
    while response.chunk().await.unwrap().is_some() {}
    assert!(began.elapsed() >= pause * 2);

    server.enqueue(Reply::text("abcdef").chunks(3).pace(Duration::from_secs(3600)));
    let mut response = streamed(&server, "ollama").await;
    let first = response.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("ab"), "the first piece does not wait for the others");
    assert!(tokio::time::timeout(pause, response.chunk()).await.is_err(), "the second piece waits for its time");
}

#[tokio::test]
async fn an_error_has_the_body_of_its_format() {
    let server = MockServer::start().await.unwrap();
    server.reply(Fault::Status(503));
    for (format, path, _) in FORMATS {
        let response = post(&server, path, &body(format, false)).await;
        assert_eq!(response.status(), 503, "{format}");
        let error = json_of(response).await;
        match format {
            "openai" => assert_eq!(error["error"]["type"], "server_error"),
            "anthropic" => {
                assert_eq!((&error["type"], &error["error"]["type"]), (&json!("error"), &json!("api_error")));
            }
            "gemini" => {
                assert_eq!((&error["error"]["code"], &error["error"]["status"]), (&json!(503), &json!("UNAVAILABLE")))
            }
            "ollama" => assert!(error["error"].is_string()),
            _ => assert!(error["message"].is_string(), "{format}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Fault::RateLimited { retry_after: Duration::from_millis(1500) });
    server.enqueue(Fault::RateLimited { retry_after: Duration::from_secs(3) });
    let first = streamed(&server, "anthropic").await;
    assert_eq!(first.status(), 429);
    assert_eq!(
        (&first.headers()["retry-after"], &first.headers()["retry-after-ms"]),
        (&"2".parse().unwrap(), &"1500".parse().unwrap())
    );
    let second = streamed(&server, "gemini").await;
    assert_eq!(second.headers()["retry-after"], "3");
    assert!(second.headers().get("retry-after-ms").is_none());
    assert_eq!(json_of(second).await["error"]["details"][0]["retryDelay"], "3s");
}

#[tokio::test]
async fn a_stream_is_broken_after_the_pieces_that_were_said() {
    let server = MockServer::start().await.unwrap();
    for (format, ..) in FORMATS {
        for (fault, in_order) in [
            (Fault::CutAfter(2), false),
            (Fault::ResetAfter(2), false),
            (Fault::EndAfter(2), true),
            (Fault::ErrorAfter(2), true),
            (Fault::CutAfter(99), false),
        ] {
            server.enqueue(Reply::text("alpha beta gamma").fault(fault.clone()));
            let (text, ended) = read(streamed(&server, format).await).await;
            assert_eq!(ended, in_order, "{format} {fault:?}");
            let all = fault == Fault::CutAfter(99);
            // A reset discards what the client has not read yet.
            assert!(text.contains("beta") || fault == Fault::ResetAfter(2), "{format} {fault:?}: {text}");
            assert_eq!(text.contains("gamma"), all, "{format} {fault:?}: {text}");
            let error = if format == "bedrock" { "exception" } else { "\"error\"" };
            assert_eq!(text.contains(error), fault == Fault::ErrorAfter(2), "{format} {fault:?}: {text}");
            for finish in ["\"stop\"", "end_turn", "STOP", "DONE", "message_stop", "COMPLETE"] {
                assert!(!text.contains(finish), "{format} {fault:?} has {finish}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_whole_reply_is_broken_in_its_middle() {
    let server = MockServer::start().await.unwrap();
    for (format, path, _) in FORMATS {
        for (fault, in_order) in [
            (Fault::CutAfter(0), false),
            (Fault::CutAfterBytes(10), false),
            (Fault::ResetAfter(0), false),
            (Fault::EndAfter(0), true),
            (Fault::MalformedAfter(0), true),
        ] {
            server.enqueue(fault.clone());
            let (text, ended) = read(post(&server, path, &body(format, false)).await).await;
            assert_eq!(ended, in_order, "{format} {fault:?}");
            assert!(serde_json::from_str::<Value>(&text).is_err(), "{format} {fault:?}: {text}");
        }
    }
}

#[tokio::test]
async fn a_stalled_stream_is_silent_and_stays_open() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::text("one two three").fault(Fault::StallAfter(1)));
    let mut response = streamed(&server, "ollama").await;
    assert!(response.chunk().await.unwrap().is_some());
    assert!(timeout(Duration::from_millis(50), response.chunk()).await.is_err(), "nothing more comes");
    assert_eq!(server.connections_open(), 1);
}

#[tokio::test]
async fn a_malformed_event_is_followed_by_the_others() {
    let server = MockServer::start().await.unwrap();
    for (format, ..) in FORMATS {
        server.enqueue(Reply::text("alpha beta gamma").fault(Fault::MalformedAfter(1)));
        let (text, ended) = read(streamed(&server, format).await).await;
        let end = if format == "bedrock" { "this is not" } else { "this is not\n" };
        assert!(ended && text.contains(end) && !text.contains("beta") && text.contains("gamma"), "{text}");
    }
}

#[tokio::test]
async fn a_connection_is_reset_before_the_head_and_refused_where_nobody_listens() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Fault::Reset);
    let error = send(&server, "/api/chat", &body("ollama", false)).await.unwrap_err();
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    let mut reset = false;
    while let Some(cause) = source {
        reset |=
            cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset);
        source = cause.source();
    }
    assert!(reset, "{error:?}");
}

#[tokio::test]
async fn a_refused_address_is_nobody_elses_for_as_long_as_the_process_runs() {
    let refused = MockServer::refused_url().unwrap();
    assert!(client().get(&refused).send().await.unwrap_err().is_connect());
    assert!(std::net::TcpListener::bind(refused.trim_start_matches("http://")).is_err(), "{refused}");
    assert_eq!(MockServer::refused_url().unwrap(), refused);
}

#[tokio::test]
async fn a_head_can_come_late() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Fault::SlowHead(Duration::from_millis(50)));
    let began = Instant::now();
    assert_eq!(streamed(&server, "openai").await.status(), 200);
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn bodies_that_are_no_replies() {
    let server = MockServer::start().await.unwrap();
    for (format, ..) in FORMATS {
        for fault in [Fault::Html, Fault::EmptyBody, Fault::WrongContentType, Fault::HugeLine(200_000)] {
            server.enqueue(fault.clone());
            let response = streamed(&server, format).await;
            assert_eq!(response.status(), 200);
            let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
            let (text, ended) = read(response).await;
            assert!(ended);
            match fault {
                Fault::Html => assert!(kind.starts_with("text/html") && text.starts_with("<!DOCTYPE"), "{kind} {text}"),
                Fault::EmptyBody => assert_eq!(text, ""),
                Fault::WrongContentType => assert!(kind == "text/plain" && text.contains("Hello"), "{kind} {text}"),
                // A message's lengths and their checksum can have the byte of a line's end.
                _ => assert!(text.len() > 200_000 && !text[20..].contains('\n'), "{}", text.len()),
            }
        }
    }
}

#[tokio::test]
async fn requests_are_kept_with_their_credentials() {
    let server = MockServer::start().await.unwrap();
    let client = client();
    let url = format!("{}/any/prefix/v1/messages?beta=true", server.url());
    client.post(&url).header("x-api-key", "sk-1").body(r#"{"model":"claude"}"#).send().await.unwrap();
    let request = server.take_requests().pop().unwrap();
    assert_eq!((request.method().as_str(), request.path()), ("POST", "/any/prefix/v1/messages"));
    assert_eq!((request.query(), request.header("x-api-key")), ("beta=true", Some("sk-1")));
    assert_eq!(request.json(), json!({"model": "claude"}));
    assert!(server.requests().is_empty());
    assert_eq!(server.received(), 1);

    let unknown = client.post(format!("{}/v1/embeddings", server.url())).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    assert!(json_of(unknown).await["error"]["message"].as_str().unwrap().contains("/v1/embeddings"));
}

#[tokio::test]
async fn replies_are_queued_before_the_standing_one_which_a_function_can_give() {
    let server = MockServer::start().await.unwrap();
    server.reply_with(|request| Reply::text(format!("you sent {} bytes", request.body().len())));
    server.enqueue("first");
    server.enqueue(Fault::WrongContentType);
    assert_eq!(server.queued(), 2);
    let text = |reply: Value| reply["message"]["content"].as_str().unwrap().to_owned();
    let sent = body("ollama", false).to_string().len();
    assert_eq!(text(whole(&server, "ollama").await), "first");
    assert_eq!(text(whole(&server, "ollama").await), format!("you sent {sent} bytes"));
    assert_eq!(text(whole(&server, "ollama").await), format!("you sent {sent} bytes"));
    server.reply("fixed");
    assert_eq!(text(whole(&server, "ollama").await), "fixed");
    server.reply("changed");
    assert_eq!(text(whole(&server, "ollama").await), "changed");
}

#[tokio::test]
async fn a_made_up_reply_is_an_instance_of_the_schema_or_the_text_again() {
    let server = MockServer::start().await.unwrap();
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let messages = json!([{"role": "user", "content": "Hi"}]);
    assert_eq!(whole(&server, "openai").await["choices"][0]["message"]["content"], "Hello there");

    let asked = json!({"messages": messages, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}});
    let reply = json_of(post(&server, "/chat/completions", &asked).await).await;
    assert_eq!(reply["choices"][0]["message"]["content"], r#"{"n":0}"#);

    let asked = json!({"messages": messages, "output_config": {"format": {"type": "json_schema", "schema": schema}}});
    let reply = json_of(post(&server, "/v1/messages", &asked).await).await;
    assert_eq!(reply["content"][0]["text"], r#"{"n":0}"#);

    let tools = json!([{"name": "json_tool_call", "input_schema": schema}]);
    let asked =
        json!({"messages": messages, "tools": tools, "tool_choice": {"type": "tool", "name": "json_tool_call"}});
    let reply = json_of(post(&server, "/v1/messages", &asked).await).await;
    assert_eq!(reply["content"][0]["input"], json!({"n": 0}));

    let contents = json!([{"role": "user", "parts": [{"text": "Hi"}]}]);
    for config in
        [json!({"responseSchema": schema}), json!({"responseJsonSchema": schema}), json!({"response_schema": schema})]
    {
        let asked = json!({"contents": contents, "generationConfig": config});
        let reply = json_of(post(&server, "/models/g:generateContent", &asked).await).await;
        assert_eq!(reply["candidates"][0]["content"]["parts"][0]["text"], r#"{"n":0}"#);
    }

    let asked = json!({"stream": false, "messages": messages, "format": schema});
    assert_eq!(json_of(post(&server, "/api/chat", &asked).await).await["message"]["content"], r#"{"n":0}"#);
}

#[tokio::test]
async fn a_tool_is_called_when_it_is_forced_or_the_server_is_told_to() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]);
    let ask = |choice: Value, last: Value| json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}, last], "tools": tools, "tool_choice": choice});
    let user = json!({"role": "user", "content": "Rain?"});
    let calls = |reply: Value| reply.pointer("/choices/0/message/tool_calls").cloned();

    let server = MockServer::start().await.unwrap();
    let path = "/chat/completions";
    assert_eq!(calls(json_of(post(&server, path, &ask(json!("auto"), user.clone())).await).await), None);
    for choice in [json!("required"), json!({"type": "function", "function": {"name": "get_weather"}})] {
        let called = calls(json_of(post(&server, path, &ask(choice, user.clone())).await).await).unwrap();
        assert_eq!(called[0]["function"], json!({"name": "get_weather", "arguments": r#"{"city":"text"}"#}));
    }
    let result = json!({"role": "tool", "tool_call_id": "1", "content": "sunny"});
    let reply = json_of(post(&server, path, &ask(json!("required"), result)).await).await;
    assert_eq!(reply["choices"][0]["message"]["content"], "sunny", "a tool loop comes to its end");

    let eager = MockServer::builder().call_tools(true).start().await.unwrap();
    assert!(calls(json_of(post(&eager, path, &ask(json!("auto"), user)).await).await).is_some());

    let gemini = json!({
        "contents": [{"role": "user", "parts": [{"text": "Rain?"}]}],
        "tools": [{"functionDeclarations": [{"name": "a"}, {"name": "b", "parameters": {"type": "OBJECT"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["b"]}}
    });
    let reply = json_of(post(&server, "/models/g:generateContent", &gemini).await).await;
    assert_eq!(reply["candidates"][0]["content"]["parts"][0], json!({"functionCall": {"name": "b", "args": {}}}));
}

#[tokio::test]
async fn a_stream_that_is_dropped_closes_its_connection() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::text("one two three").fault(Fault::StallAfter(1)));
    let mut response = streamed(&server, "openai").await;
    response.chunk().await.unwrap();
    assert_eq!((server.connections_open(), server.replies_abandoned()), (1, 0));
    drop(response);
    timeout(PATIENCE, server.wait_abandoned(1)).await.expect("the reply is given up");
    timeout(PATIENCE, server.wait_closed()).await.expect("the connection is closed");
}

#[tokio::test]
async fn raw_bytes_are_sent_as_they_are_in_as_many_pieces_as_wanted() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::raw(418, "text/x", "äbc").chunks(4).header("x-extra", "1"));
    let response = streamed(&server, "anthropic").await;
    assert_eq!((response.status().as_u16(), &response.headers()["x-extra"]), (418, &"1".parse().unwrap()));
    assert_eq!(response.text().await.unwrap(), "äbc");
    server.enqueue(Reply::json(&json!({"ok": true})));
    assert_eq!(whole(&server, "gemini").await, json!({"ok": true}));
}

#[test]
fn a_server_on_its_own_thread_needs_no_runtime_and_ends_with_its_owner() {
    let server = MockServer::builder().spawn().unwrap();
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let sent = body("ollama", false).to_string();
    write!(
        stream,
        "POST /api/chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{sent}",
        sent.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.contains("Hello there"), "{reply}");
    let mut idle = std::net::TcpStream::connect(&address).unwrap();
    drop(server);
    idle.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(!matches!(idle.read(&mut [0]), Ok(1..)), "the connection is closed");
}

#[tokio::test]
async fn sixty_four_calls_at_once_are_answered() {
    let server = MockServer::builder().spawn().unwrap();
    server.reply(Reply::text("word ".repeat(200)));
    let client = client();
    let calls = (0..64).map(|_| {
        let call = client.post(format!("{}/v1/chat/completions", server.url())).body(body("openai", true).to_string());
        tokio::spawn(async move { read(call.send().await.unwrap()).await })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        let (text, ended) = call.await.unwrap();
        assert!(ended && text.matches("word ").count() == 200);
    }
    assert_eq!(server.received(), 64);
}

/// The crate's own client against the simulator: what one encodes the other decodes, and neither knows the other.
#[cfg(feature = "client")]
mod through_the_client {
    use std::time::Duration;

    use anymodel::mock::{Fault, MockServer, Reply};
    use anymodel::{ChatResponse, Client, Completion, ErrorKind, FinishReason, ResponseFormat, Tool, ToolChoice};
    use serde_json::json;

    /// A provider of each format, and its base URL.
    fn providers(server: &MockServer) -> [(&'static str, String); 6] {
        [("openai", "/v1"), ("anthropic", ""), ("gemini", "/v1beta"), ("ollama", ""), ("bedrock", ""), ("cohere", "")]
            .map(|(name, path)| (name, format!("{}{path}", server.url())))
    }

    fn call(client: &Client, name: &str, base: &str) -> Completion {
        client.completion(format!("{name}/m"), "Rain?").api_base(base).api_key("k").num_retries(0u32)
    }

    fn replies() -> Vec<Reply> {
        vec![
            Reply::text("It rains — here.").usage(10, 5).cached(4).finish("length"),
            Reply::text("It rains.").reasoning("Look outside.").usage(10, 5).reasoning_tokens(2),
            Reply::tool_call("look", json!({"at": {"sky": [1, 2.5, "ü"]}})),
            Reply::text("I look.").and_tool_call("look", json!({})).and_tool_call("look", json!({"at": "sea"})),
            Reply::text("No pieces but one").chunks(1),
        ]
    }

    fn told(reply: &ChatResponse) -> impl PartialEq + std::fmt::Debug + use<> {
        let calls: Vec<_> = reply.tool_calls().map(|call| (call.name.clone(), call.arguments.clone())).collect();
        let usage = reply.usage.as_ref().expect("usage is told");
        let tokens = [usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens(), usage.reasoning_tokens()];
        (reply.text(), reply.reasoning(), format!("{calls:?}"), reply.finish_reason().cloned(), tokens)
    }

    #[tokio::test]
    async fn a_streamed_reply_adds_up_to_the_whole_one() {
        let server = MockServer::start().await.unwrap();
        let client = Client::new().unwrap();
        for (name, base) in providers(&server) {
            for reply in replies() {
                server.reply(reply.clone());
                let whole = call(&client, name, &base).await.unwrap_or_else(|error| panic!("{name}: {error}"));
                let stream = call(&client, name, &base).stream().await.unwrap();
                let added = stream.collect().await.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(told(&added), told(&whole), "{name}");
                assert!(!whole.id.is_empty() || matches!(name, "ollama" | "bedrock"), "{name}");
                if whole.text().starts_with("It rains —") {
                    let usage = whole.usage.as_ref().unwrap();
                    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (10, 5), "{name}");
                    assert_eq!(usage.cached_tokens(), if name == "ollama" { 0 } else { 4 }, "{name}");
                    assert_eq!(whole.finish_reason(), Some(&FinishReason::Length), "{name}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_made_up_reply_has_the_schema_or_calls_the_tool_that_was_asked_for() {
        let server = MockServer::start().await.unwrap();
        let client = Client::new().unwrap();
        let schema = json!({
            "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false
        });
        for (name, base) in providers(&server) {
            let format = ResponseFormat::json_schema("place", schema.clone());
            let reply = call(&client, name, &base).response_format(format).await.unwrap();
            assert_eq!(reply.text().replace(' ', ""), r#"{"city":"text"}"#, "{name}");
            if name == "ollama" {
                continue; // It cannot be told to call a tool.
            }
            let tool = Tool::function("get_weather", "Tells the weather.").parameters(schema.clone());
            let reply = call(&client, name, &base).tool(tool).tool_choice(ToolChoice::Required).await.unwrap();
            let called = reply.tool_calls().next().unwrap_or_else(|| panic!("{name} calls no tool"));
            assert_eq!(
                (called.name.as_str(), called.arguments.replace(' ', "")),
                ("get_weather", r#"{"city":"text"}"#.into())
            );
        }
    }

    #[tokio::test]
    async fn each_fault_is_the_error_that_it_should_be() {
        let server = MockServer::start().await.unwrap();
        let client = Client::new().unwrap();
        let mut wrong = Vec::new();
        for (name, base) in providers(&server) {
            let kinds = [
                (Fault::Reset, ErrorKind::Connection),
                (Fault::Status(400), ErrorKind::InvalidRequest),
                (Fault::Status(401), ErrorKind::Authentication),
                (Fault::Status(403), ErrorKind::PermissionDenied),
                (Fault::Status(404), ErrorKind::NotFound),
                (Fault::Status(500), ErrorKind::Unavailable),
                (Fault::Status(503), ErrorKind::Unavailable),
                (Fault::RateLimited { retry_after: Duration::from_secs(7) }, ErrorKind::RateLimited),
                (Fault::ContextWindowExceeded, ErrorKind::ContextWindowExceeded),
                (Fault::ContentPolicy, ErrorKind::ContentPolicy),
                (Fault::Html, ErrorKind::InvalidResponse),
                (Fault::EmptyBody, ErrorKind::InvalidResponse),
                (Fault::EndAfter(1), ErrorKind::InvalidResponse),
            ];
            for (fault, kind) in kinds {
                server.enqueue(fault.clone());
                match call(&client, name, &base).await {
                    Err(error) if error.kind() == kind => {
                        let after = error.retry_after();
                        assert_eq!(after.is_some(), kind == ErrorKind::RateLimited, "{name} {fault:?} {after:?}");
                    }
                    // A request that Gemini or Bedrock refuses is an answer of `content_filter`.
                    Ok(reply) if kind == ErrorKind::ContentPolicy && matches!(name, "gemini" | "bedrock") => {
                        assert_eq!(reply.finish_reason(), Some(&FinishReason::ContentFilter));
                    }
                    other => wrong.push(format!("{name} {fault:?}: {:?}", other.map_err(|error| error.to_string()))),
                }
            }
            for fault in [
                Fault::CutAfter(2),
                Fault::ResetAfter(2),
                Fault::EndAfter(2),
                Fault::MalformedAfter(2),
                Fault::ErrorAfter(2),
                Fault::HugeLine(anymodel::wire::DEFAULT_LIMIT + 1),
            ] {
                server.enqueue(Reply::text("one two three").fault(fault.clone()));
                let error = match call(&client, name, &base).stream().await {
                    Ok(stream) => stream.collect().await.map(|reply| reply.text()),
                    Err(error) => Err(error),
                };
                match error {
                    Err(error) if error.kind() == ErrorKind::StreamInterrupted || fault == Fault::ErrorAfter(2) => {
                        let partial = error.partial().map(ChatResponse::text).unwrap_or_default();
                        let lossy = matches!(fault, Fault::HugeLine(_) | Fault::ResetAfter(_));
                        if partial != "one two " && !(lossy && "one two ".starts_with(&partial)) {
                            wrong.push(format!("{name} {fault:?} streamed keeps {partial:?}: {error}"));
                        }
                    }
                    other => {
                        wrong.push(format!("{name} {fault:?} streamed: {:?}", other.map_err(|error| error.to_string())))
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[tokio::test]
async fn tokens_are_counted_in_the_words_of_each_format_and_faults_apply() {
    let server = MockServer::start().await.unwrap();
    let turn = json!([{"role": "user", "content": "one two  three"}]);
    let rows = [
        (
            "/v1/responses/input_tokens",
            json!({"model": "a b", "input": turn}),
            json!({"object": "response.input_tokens", "input_tokens": 4}),
        ),
        ("/x/v1/messages/count_tokens", json!({"model": "a b", "messages": turn}), json!({"input_tokens": 4})),
        (
            "/v1beta/models/m:countTokens",
            json!({"generateContentRequest": {"model": "models/m", "contents": [{"parts": [{"text": "one two"}], "role": "user"}]}}),
            json!({"totalTokens": 3, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}]}),
        ),
        (
            "/model/m/count-tokens",
            json!({"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "one two  three"}]}]}}}),
            json!({"inputTokens": 4}),
        ),
    ];
    for (path, body, counted) in rows {
        assert_eq!(json_of(post(&server, path, &body).await).await, counted, "{path}");
        server.enqueue(Reply::text("").usage(7, 0));
        let scripted = json_of(post(&server, path, &body).await).await.to_string();
        assert!(scripted.contains(":7"), "{path}: {scripted}");
        server.enqueue(Fault::RateLimited { retry_after: Duration::from_secs(2) });
        let limited = post(&server, path, &body).await;
        assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"2".parse().unwrap()));
        server.enqueue(Fault::Html);
        let page = post(&server, path, &body).await;
        assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
    }
}
