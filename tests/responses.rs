//! The Responses API: natively, and over chat. Through the real client and a real server.
#![cfg(all(feature = "client", feature = "mock"))]

use std::collections::{BTreeSet, VecDeque};

use anymodel::chat::Start;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::provider::{Decode, Operation, Progress, Registry, Responses, Streamed, Sum, Target};
use anymodel::responses::{Event, EventWriter, Item, Request, Response, Tool};
use anymodel::{
    CallOptions, ChatChunk, ChatRequest, Client, Delta, ErrorKind, FinishReason, Part, RetryPolicy, Seal, Usage,
};
use bytes::Bytes;
use serde_json::{Value, json};

/// One provider of each wire format, and a model of it.
const MODELS: [&str; 5] =
    ["openai/gpt-5", "groq/llama-3.3-70b", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-pro", "ollama/qwen3"];

fn client(server: &MockServer) -> Client {
    let mut builder = Client::builder().retry(RetryPolicy::new(0));
    for prefix in ["openai", "groq", "anthropic", "gemini", "ollama"] {
        builder = builder.api_base(prefix, server.url()).api_key(prefix, "sk-test");
    }
    builder.build().unwrap()
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[tokio::test]
async fn a_reply_comes_in_the_apis_terms_whoever_gives_it() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    for model in MODELS {
        server.reply(Reply::text("Four.").reasoning("Two and two.").usage(12, 7).reasoning_tokens(3));
        let reply = client.responses(model, "2+2?").max_output_tokens(500).await.unwrap();
        assert_eq!(reply.text(), "Four.", "{model}");
        assert_eq!(reply.reasoning(), "Two and two.", "{model}");
        assert_eq!(reply.status.as_deref(), Some("completed"), "{model}");
        assert_eq!(reply.finish_reason(), Some(&FinishReason::Stop), "{model}");
        let usage = reply.usage.as_ref().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (12, 7), "{model}");
        assert_eq!(reply.extra.get("object"), Some(&json!("response")), "{model}");
        assert_eq!(reply.meta.attempts, 1, "{model}");
        assert!(reply.id.starts_with("resp_"), "{model}: {}", reply.id);
    }
    let paths: Vec<String> = server.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(paths[..3], ["/responses", "/chat/completions", "/v1/messages"]);
}

#[tokio::test]
async fn a_call_and_its_result_come_back_to_the_provider_that_made_it_with_its_seal() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    for model in MODELS {
        let tool = anymodel::Tool::function("get_weather", "The weather.")
            .parameters(json!({"type": "object", "properties": {"city": {"type": "string"}}}));
        server.reply(Reply::tool_call("get_weather", json!({"city": "Paris"})).reasoning("I need to look."));
        let first = client.responses(model, "Weather in Paris?").tool(tool.clone()).await.unwrap();
        let call = first.calls().next().unwrap();
        assert_eq!(call.name, "get_weather", "{model}");
        assert_eq!(call.parse::<Value>().unwrap(), json!({"city": "Paris"}), "{model}");
        assert_eq!(first.finish_reason(), Some(&FinishReason::ToolCalls), "{model}");
        server.reply(Reply::text("18 °C."));
        let mut input = vec![Item::user("Weather in Paris?")];
        // As a client that knows JSON and nothing of this crate would send it.
        let output: Vec<Item> = serde_json::from_value(json(&first)["output"].clone()).unwrap();
        input.extend(output);
        input.push(Item::call_output(&call.id, "18 °C"));
        let second = client.responses(model, input).tool(tool).await.unwrap();
        assert_eq!(second.text(), "18 °C.", "{model}");
        let sent = server.requests().last().unwrap().json().to_string();
        assert!(sent.contains("18 °C"), "{model}: {sent}");
        assert!(!sent.contains("anymodel/1"), "{model}: {sent}");
        if model.starts_with("anthropic") || model.starts_with("openai") {
            assert!(sent.contains("bW9jawo"), "{model} has its reasoning back: {sent}");
        }
    }
}

#[tokio::test]
async fn a_stream_has_openais_events_in_openais_order_and_adds_up_to_the_whole_reply() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    for model in MODELS {
        let reply =
            Reply::text("one two three").reasoning("Hm, let me see.").and_tool_call("f", json!({"a": 1})).usage(5, 9);
        server.reply(reply.clone());
        let mut stream = client.responses(model, "Go").stream().await.unwrap();
        let mut events: Vec<Event> = Vec::new();
        while let Some(event) = stream.next().await {
            events.push(event.unwrap());
        }
        assert!(stream.meta().latency > std::time::Duration::ZERO);
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds[..3], ["response.created", "response.in_progress", "response.output_item.added"], "{model}");
        assert_eq!(kinds.last(), Some(&"response.completed"), "{model}");
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event.sequence_number, Some(number as u64), "{model} {}", event.kind);
        }
        let text: String = events.iter().map(Event::text).collect();
        assert_eq!(text, "one two three", "{model}");
        let thought: String = events.iter().map(Event::reasoning).collect();
        assert_eq!(thought, "Hm, let me see.", "{model}");
        server.reply(reply);
        let sum = client.responses(model, "Go").stream().await.unwrap().collect().await.unwrap();
        assert_eq!(sum.text(), "one two three", "{model}");
        assert_eq!(sum.calls().map(|call| call.arguments).collect::<Vec<_>>(), ["{\"a\":1}"], "{model}");
        assert_eq!(sum.usage.as_ref().unwrap().output_tokens, 9, "{model}");
        assert_eq!(sum.output.last().unwrap().str("status"), Some("completed"), "{model}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_or_fails_is_an_error() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    for model in MODELS {
        for fault in [Fault::CutAfter(2), Fault::ErrorAfter(2)] {
            server.reply(Reply::text("one two three four").fault(fault.clone()));
            let mut stream = client.responses(model, "Go").stream().await.unwrap();
            let mut error = None;
            while let Some(event) = stream.next().await {
                error = event.err();
            }
            let error = error.unwrap_or_else(|| panic!("{model}: {fault:?} passes for a reply"));
            assert!(matches!(error.kind(), ErrorKind::StreamInterrupted | ErrorKind::Unavailable), "{model}: {error}");
        }
    }
}

#[tokio::test]
async fn what_a_provider_would_have_to_keep_is_an_error_that_says_what_to_do() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    let error = client.responses(MODELS[2], "Go on").previous_response_id("resp_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("send the whole conversation as `input`"), "{error}");
    let error = client.responses(MODELS[2], "Go").background(true).await.unwrap_err();
    assert!(error.message().contains("`background`"), "{error}");
    let error = client.responses(MODELS[2], "Go").tool(Tool::code_interpreter()).await.unwrap_err();
    assert!(error.message().contains("code_interpreter"), "{error}");
    let output = json!([{"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}}]);
    let call = client.responses(MODELS[2], "").param("input", output).drop_params(true);
    let error = call.await.unwrap_err();
    assert!(error.message().contains("an item of type computer_call_output"), "{error}");
    let reply = client.responses(MODELS[2], "Go").tool(Tool::code_interpreter()).drop_params(true).await.unwrap();
    assert_eq!(reply.meta.warnings[0].parameter, "tools: code_interpreter");
    assert!(client.stored_response(MODELS[2], "resp_1").get().await.is_err());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_stored_reply_is_fetched_cancelled_and_deleted() {
    let server = MockServer::start().await.unwrap();
    server.reply_with(|request| {
        Reply::json(&match request.method().as_str() {
            "DELETE" => json!({"id": "resp_1", "object": "response", "deleted": true}),
            _ => json!({"id": "resp_1", "object": "response", "status": "queued", "output": []}),
        })
    });
    let client = client(&server);
    let stored = || client.stored_response("openai/o3-deep-research", "resp_1");
    assert!(stored().get().await.unwrap().is_pending());
    assert!(stored().cancel().await.unwrap().is_pending());
    stored().delete().await.unwrap();
    let asked: Vec<String> =
        server.requests().iter().map(|request| format!("{} {}", request.method(), request.path())).collect();
    assert_eq!(asked, ["GET /responses/resp_1", "POST /responses/resp_1/cancel", "DELETE /responses/resp_1"]);
    let error = client.stored_response("openai/gpt-5", "../models").get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_model_that_needs_the_api_is_asked_by_it_under_completion() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    let tool = anymodel::Tool::function("f", "");
    let path = |call: anymodel::Completion| async {
        server.reply(Reply::text("Hi."));
        assert_eq!(call.await.unwrap().text(), "Hi.");
        server.requests().last().unwrap().path().to_owned()
    };
    assert_eq!(path(client.completion("openai/gpt-4o", "Hi")).await, "/chat/completions");
    assert_eq!(path(client.completion("openai/gpt-5-pro", "Hi")).await, "/responses");
    assert_eq!(path(client.completion("openai/responses/gpt-4o", "Hi")).await, "/responses");
    assert_eq!(path(client.completion("openai/gpt-5.6", "Hi")).await, "/chat/completions");
    assert_eq!(path(client.completion("openai/gpt-5.6", "Hi").tool(tool.clone())).await, "/responses");
    let still = client.completion("openai/gpt-5.6", "Hi").tool(tool).reasoning_effort("none");
    assert_eq!(path(still).await, "/chat/completions");
    let summary = json!({"effort": "low", "summary": "auto"});
    assert_eq!(path(client.completion("openai/gpt-5", "Hi").param("reasoning_effort", summary)).await, "/responses");
    let hosted = anymodel::Tool::Native(json!({"type": "web_search"}));
    assert_eq!(path(client.completion("openai/gpt-5", "Hi").tool(hosted)).await, "/responses");
    let body = server.requests().iter().rev().find(|one| one.path() == "/responses").unwrap().json();
    assert_eq!(body["model"], "gpt-5");
}

#[tokio::test]
async fn reasoning_that_was_sealed_under_completion_goes_back() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    server.reply(Reply::text("Hi.").reasoning("Think."));
    let reply = client.completion("openai/gpt-5-pro", "Hi").stream().await.unwrap().collect().await.unwrap();
    assert_eq!(reply.reasoning(), "Think.");
    let again: anymodel::ChatResponse = serde_json::from_value(json(&reply)).unwrap();
    client.completion("openai/gpt-5-pro", [anymodel::user("Hi"), again.into(), anymodel::user("More")]).await.unwrap();
    let sent = server.requests().last().unwrap().json();
    assert_eq!(sent["input"][1]["type"], "reasoning");
    assert!(sent["input"][1]["encrypted_content"].as_str().unwrap().starts_with("bW9jawo"));
    assert_eq!(sent["include"], json!(["reasoning.encrypted_content"]));
}

#[test]
fn what_only_one_provider_can_read_is_carried_through_the_api_and_back() {
    let mut reply = anymodel::ChatResponse::default();
    let mut message = anymodel::assistant([
        Part::reasoning("Hm.").sealed(anymodel::Seal::new("anthropic", "sig:1")),
        Part::text("Let me see."),
        Part::native("anthropic", json!({"type": "server_tool_use", "id": "s1"})),
        Part::tool_call("c1", "f", "{}").sealed(anymodel::Seal::new("gemini", "thought")),
    ]);
    message.annotations.clear();
    reply.choices.push(anymodel::Choice::new(0, message.clone()));
    let request = Request::new("anthropic/claude", "Hi");
    let told = Response::from_chat(&reply, &request);
    let mut input = vec![Item::user("Hi")];
    input.extend(told.output);
    input.push(Item::call_output("c1", "done"));
    let (chat, _) = Request::new("anthropic/claude", input).to_chat().unwrap();
    assert_eq!(chat.messages[1].parts, message.parts);
}

#[test]
fn a_citation_stands_with_its_text() {
    let mut message = anymodel::assistant([
        Part::text("Sunny."),
        Part::native("anthropic", json!({"type": "server_tool_use"})),
        Part::text(" Warm."),
    ]);
    for (start, end) in [(0, 6), (6, 12)] {
        let mut annotation = anymodel::Annotation::url("https://a.example/");
        (annotation.start_index, annotation.end_index) = (Some(start), Some(end));
        message.annotations.push(annotation);
    }
    let mut reply = anymodel::ChatResponse::default();
    reply.choices.push(anymodel::Choice::new(0, message.clone()));
    let told = Response::from_chat(&reply, &Request::new("m", "Hi"));
    let places: Vec<Value> = ["/0/content/0/annotations/0", "/2/content/0/annotations/0"]
        .iter()
        .map(|pointer| json(&told.output).pointer(pointer).unwrap().clone())
        .map(|annotation| json!([annotation["start_index"], annotation["end_index"]]))
        .collect();
    assert_eq!(places, [json!([0, 6]), json!([0, 6])]);
    let (chat, _) = Request::new("m", told.output).to_chat().unwrap();
    let again: Vec<_> = chat.messages[0].annotations.iter().map(|one| (one.start_index, one.end_index)).collect();
    assert_eq!(again, [(Some(0), Some(6)), (Some(6), Some(12))]);
}

#[test]
fn a_request_reads_as_one_of_chat() {
    let request: Request = serde_json::from_value(json!({
        "model": "m", "instructions": "Be brief.", "max_output_tokens": 9, "reasoning": {"effort": "low"},
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "See"},
                {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "x"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "ok"}]},
        ],
        "tools": [
            {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false},
            {"type": "web_search", "search_context_size": "low"},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "o", "schema": {"type": "object"}, "strict": true}},
        "store": false, "top_k": 4,
    }))
    .unwrap();
    let (chat, warnings) = request.to_chat().unwrap();
    assert!(warnings.is_empty());
    let wanted: ChatRequest = serde_json::from_value(json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}},
            ]},
        ],
        "max_tokens": 9, "reasoning_effort": "low", "top_k": 4,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": false}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "web_search_options": {"search_context_size": "low"},
        "response_format": {"type": "json_schema", "json_schema": {"name": "o", "schema": {"type": "object"}, "strict": true}},
    }))
    .unwrap();
    assert_eq!(chat.messages[..2], wanted.messages[..]);
    assert_eq!(chat.params, wanted.params);
    assert_eq!(chat.messages[2].reasoning(), "Hm");
    assert_eq!(chat.messages[2].tool_calls().next().unwrap().id, "c1");
    assert_eq!(chat.messages[3].tool_call_id.as_deref(), Some("c1"));
}

// ---- the recordings -------------------------------------------------------------------------------------------------

#[expect(clippy::disallowed_methods, reason = "tests read where the recordings are")]
fn recordings() -> Vec<(String, Value)> {
    let given = std::env::var_os("ANYMODEL_SHARED").map(std::path::PathBuf::from);
    let root = given.unwrap_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let mut found = Vec::new();
    let Ok(folders) = std::fs::read_dir(root.join("fixtures")) else {
        println!("skipped: there are no recordings in {}", root.display());
        return found;
    };
    for folder in folders.map(|entry| entry.unwrap().path()) {
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = format!("{}/{}", folder.display(), file.file_stem().unwrap().to_str().unwrap());
            if file.file_name().unwrap().to_str().unwrap().starts_with("responses") {
                found.push((name, serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()));
            }
        }
    }
    assert!(found.len() > 80, "only {} recordings found", found.len());
    found
}

#[test]
fn every_recorded_reply_is_kept_member_for_member() {
    let provider = Registry::table().get("openai").unwrap().as_ref();
    let request = Request::new("m", "Hi");
    for (name, recording) in recordings() {
        let body = &recording["response"]["body"];
        if body.is_null() || name.contains("compact") {
            continue;
        }
        let response = http::Response::new(Bytes::from(body.to_string()));
        let Ok(Progress::Done(reply)) = Responses::decode(provider, &request, &response) else { panic!("{name}") };
        let written = json(&reply);
        for (member, value) in body.as_object().unwrap() {
            let same =
                &written[member] == value || member == "created_at" || (value.is_null() && written[member].is_null());
            assert!(same, "{name}: {member} was {value} and is {}", written[member]);
        }
    }
}

#[test]
fn every_recorded_event_is_kept_member_for_member_however_the_stream_is_cut() {
    let provider = Registry::table().get("openai").unwrap().as_ref();
    let request = Request::new("m", "Hi");
    for (name, recording) in recordings() {
        let Some(text) = recording["response"]["body_text"].as_str() else { continue };
        let read = |size: usize| {
            let mut decoder = Responses::stream_decoder(provider, &request).unwrap();
            let mut queue = std::collections::VecDeque::new();
            let result = text.as_bytes().chunks(size).try_for_each(|piece| decoder.push(piece, &mut queue));
            let result = result.and_then(|()| decoder.end(&mut queue));
            (Vec::from(queue), result.map_err(|error| error.kind()))
        };
        let (events, end) = read(text.len());
        assert_eq!(read(7), (events.clone(), end), "{name}");
        if name.contains("stream-error") {
            assert_eq!(end, Err(ErrorKind::RateLimited), "{name}");
            continue;
        }
        assert_eq!(end, Ok(()), "{name}");
        let sent = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
        for (event, sent) in events.iter().zip(sent) {
            let sent: Value = serde_json::from_str(sent).unwrap();
            let written = json(event);
            for (member, value) in sent.as_object().unwrap() {
                let told = member == "response" || &written[member] == value;
                assert!(told, "{name} {}: {member} was {value} and is {}", event.kind, written[member]);
            }
        }
        let mut sum = <Responses as Streamed>::Sum::default();
        events.into_iter().for_each(|event| sum.add(event));
        assert!(!sum.into_reply().output.is_empty(), "{name}");
    }
}

#[test]
fn a_request_goes_out_as_it_came_in() {
    let provider = Registry::table().get("openai").unwrap().as_ref();
    let target = Target::new("gpt-5", "https://provider.example");
    for (name, recording) in recordings() {
        let Some(body) = recording["request"]["body"].as_object() else {
            continue;
        };
        if !body.get("input").is_some_and(|input| input.is_string() || input.is_array()) {
            continue;
        }
        let request: Request = serde_json::from_value(body.clone().into()).unwrap();
        let sent = Responses::encode(provider, &request, &target).unwrap();
        let sent: Value = serde_json::from_slice(sent.request.body()).unwrap();
        for (member, value) in
            body.iter().filter(|(member, value)| *member != "stream" && *member != "model" && !value.is_null())
        {
            let same =
                &sent[member] == value || sent[member].as_f64().is_some() && sent[member].as_f64() == value.as_f64();
            assert!(same, "{name}: {member} was {value} and is {}", sent[member]);
        }
    }
}

#[tokio::test]
async fn options_and_cost_are_those_of_a_call() {
    let server = MockServer::start().await.unwrap();
    let mut options = CallOptions::default();
    options.api_base = Some(server.url());
    options.api_key = Some("sk-1".to_owned().into());
    let client = Client::builder().build().unwrap();
    server.reply(Reply::text("Hi.").usage(1_000_000, 1_000_000));
    let reply = client.responses("openai/gpt-4o", "Hi").options(options).await.unwrap();
    let cost = reply.meta.cost.expect("gpt-4o has a price").total();
    assert_eq!(cost.to_string(), "$12.50");
}

#[test]
fn what_became_void_is_no_part_of_the_reply() {
    let request = Request::new("groq/any", "2+2?");
    let (mut writer, mut events) = (EventWriter::new(&request), VecDeque::new());
    let start = |id: &str| Delta::Start(Box::new(Start { id: id.to_owned(), ..Start::default() }));
    let call = Delta::ToolCall { index: 0, id: "c0".to_owned(), name: "add".to_owned() };
    let seal = || Delta::Seal(Box::new(Seal::new("gemini", "c2VhbA==")));
    let finish = || Delta::Finish { reason: FinishReason::Stop, native: None };
    let first = [start("1"), Delta::Text("Five".to_owned()), call, Delta::Usage(Box::new(Usage::new(9, 9)))];
    let then = [Delta::Restart, start("2"), seal(), Delta::Text("Four.".to_owned()), finish()];
    let usage = Delta::Usage(Box::new(Usage::new(3, 2)));
    for delta in first.into_iter().chain(then).chain([usage]) {
        writer.write(&ChatChunk::new(delta), &mut events);
    }
    writer.end(&mut events);
    let numbers: Vec<u64> = events.iter().map(|event| event.sequence_number.unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
    let restart = events.iter().find(|event| event.extra.get("restart") == Some(&json!(true))).unwrap();
    assert_eq!(restart.kind, "response.in_progress");
    assert!(restart.response.as_ref().unwrap().output.is_empty());
    let of = |kind: &'static str| {
        events.iter().filter(move |event| event.kind == kind).filter_map(|event| event.output_index)
    };
    let added: Vec<u64> = of("response.output_item.added").collect();
    let done: Vec<u64> = of("response.output_item.done").collect();
    assert_eq!(
        (added.as_slice(), done.as_slice()),
        ([0, 1, 0].as_slice(), [0, 0].as_slice()),
        "a void call is not run"
    );
    let ids: BTreeSet<&str> = events.iter().filter_map(|event| event.item.as_ref()?.id()).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");

    let last = events.back().unwrap().response.as_ref().unwrap();
    assert_eq!((last.text().as_str(), last.output.len(), last.id.as_str()), ("Four.", 1, "resp_1"));
    assert_eq!(last.usage.as_ref().unwrap().input_tokens, 3);
    let mut sum = <Responses as Streamed>::Sum::default();
    events.into_iter().for_each(|event| sum.add(event));
    assert_eq!(sum.into_reply().text(), "Four.");
}
