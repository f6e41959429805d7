//! Anthropic's Messages: natively, and over chat. Through the real client and a real server.
#![cfg(all(feature = "client", feature = "mock"))]

use std::collections::VecDeque;

use anymodel::messages::{Event, EventWriter, Message, MessageSum, Request, Turn, error_body};
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::provider::{Decode, Messages, Operation, Progress, Registry, Streamed, Target};
use anymodel::{ChatChunk, ChatRequest, Client, Delta, ErrorKind, FinishReason, RetryPolicy, Seal, Usage, Usd};
use bytes::Bytes;
use serde_json::{Value, json};

/// One provider of each wire format, and a model of it.
const MODELS: [&str; 6] = [
    "anthropic/claude-sonnet-4-5",
    "openai/gpt-5",
    "openai/responses/gpt-5",
    "groq/openai/gpt-oss-120b",
    "gemini/gemini-2.5-pro",
    "ollama/qwen3",
];

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

fn tool() -> Value {
    json!({"name": "get_weather", "description": "The weather.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}})
}

#[tokio::test]
async fn a_reply_comes_in_anthropics_terms_whoever_gives_it() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    for model in MODELS {
        server.reply(Reply::text("Four.").reasoning("Two and two.").usage(12, 7).cached(4));
        let call = client.messages(model, [Turn::user("2+2?")]).max_tokens(500).system("Be brief.");
        let reply = call.await.unwrap();
        assert_eq!(reply.text(), "Four.", "{model}");
        assert_eq!(reply.thinking(), "Two and two.", "{model}");
        assert_eq!(reply.stop_reason.as_deref(), Some("end_turn"), "{model}");
        assert_eq!((reply.kind.as_str(), reply.role.as_str()), ("message", "assistant"), "{model}");
        let usage = reply.usage.as_ref().unwrap();
        let cached = if model.starts_with("ollama") { 0 } else { 4 };
        assert_eq!(usage["input_tokens"], 12 - cached, "{model}");
        assert_eq!(
            (&usage["cache_read_input_tokens"], &usage["output_tokens"]),
            (&json!(cached), &json!(7)),
            "{model}"
        );
        assert!(reply.id.starts_with("msg_"), "{model}");
        assert_eq!(reply.meta.attempts, 1, "{model}");
    }
}

#[tokio::test]
async fn usage_that_nobody_tells_costs_nothing_known_and_never_zero() {
    let server = MockServer::start().await.unwrap();
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "Four."}, "finish_reason": "stop"});
    let silent = json!({"id": "1", "model": "openai/gpt-oss-120b", "choices": [choice]}).to_string();
    server.reply(Reply::raw(200, "application/json", silent));
    let client = client(&server);
    let ask = || client.messages("groq/openai/gpt-oss-120b", [Turn::user("2+2?")]).max_tokens(500);
    let reply = ask().await.unwrap();
    // Anthropic's format has no reply without usage.
    assert_eq!(reply.usage, Some(json!({"input_tokens": 0, "output_tokens": 0})));
    assert_eq!((reply.text().as_str(), reply.meta.cost), ("Four.", None));

    server.reply(Reply::text("Four.").usage(12, 7));
    assert!(ask().await.unwrap().meta.cost.is_some_and(|cost| cost.total() > Usd::ZERO));
}

#[tokio::test]
async fn a_call_and_its_result_come_back_to_the_provider_that_made_it_with_its_seal() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    for model in MODELS {
        server.reply(
            Reply::tool_call("get_weather", json!({"city": "Paris"}))
                .and_tool_call("get_weather", json!({"city": "Rome"}))
                .reasoning("I need to look."),
        );
        let ask = |turns: Vec<Turn>| client.messages(model, turns).max_tokens(500).tool(tool());
        let mut turns = vec![Turn::user("Weather in Paris?")];
        let streamed = ask(turns.clone()).stream().await.unwrap().collect().await.unwrap();
        assert_eq!(streamed.finish_reason(), Some(&FinishReason::ToolCalls), "{model}");
        let calls: Vec<_> = streamed.calls().collect();
        let inputs: Vec<Value> = calls.iter().map(|call| call.parse().unwrap()).collect();
        assert_eq!(inputs, [json!({"city": "Paris"}), json!({"city": "Rome"})], "{model}");
        // As a client that knows JSON and nothing of this crate would send it.
        turns.push(Turn::assistant(json(&streamed)["content"].clone()));
        let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "18 °C"});
        turns.push(Turn::user(json!([result(&calls[0].id), result(&calls[1].id), {"type": "text", "text": "Well?"}])));
        server.reply(Reply::text("18 °C."));
        assert_eq!(ask(turns).await.unwrap().text(), "18 °C.", "{model}");
        let sent = server.requests().last().unwrap().json().to_string();
        assert!(sent.matches("18 °C").count() == 2 && sent.contains("Well?"), "{model}: {sent}");
        assert!(!sent.contains("anymodel/1"), "{model}: {sent}");
        if model.starts_with("anthropic") || model.contains("responses") {
            assert!(sent.contains("bW9jawo"), "{model} has its reasoning back: {sent}");
        }
    }
}

#[tokio::test]
async fn what_chat_has_no_word_for_is_an_error_that_names_it_or_a_warning() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    let found = json!({"type": "search_result", "source": "a", "title": "b", "content": []});
    let told =
        json!({"type": "tool_result", "tool_use_id": "t", "content": [found, {"type": "text", "text": "18 °C"}]});
    for said in [json!([found, {"type": "text", "text": "Well?"}]), json!([told])] {
        let ask = || client.messages("openai/gpt-4o", [Turn::user(said.clone())]).max_tokens(500);
        let error = ask().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("search_result"), "{error}");
        let reply = ask().drop_params(true).await.unwrap();
        assert!(reply.meta.warnings.iter().any(|warning| warning.parameter.contains("search_result")), "{said}");
    }
    let ask = |said: Value| client.messages("openai/gpt-4o", [Turn::user(said)]).max_tokens(500);
    for wrong in [json!(5), json!({"text": "Hi"}), json!([{"text": "Hi"}])] {
        for call in [ask(wrong.clone()), ask("Hi".into()).system(wrong.clone()), ask("Hi".into()).tool(wrong)] {
            let error = call.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        }
    }
}

#[tokio::test]
async fn a_stream_has_anthropics_events_in_anthropics_order() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    for model in MODELS {
        server.reply(Reply::text("one two").reasoning("Hm.").and_tool_call("f", json!({"a": 1})).usage(5, 9));
        let mut stream = client.messages(model, [Turn::user("Go")]).max_tokens(50).stream().await.unwrap();
        let mut events: Vec<Event> = Vec::new();
        while let Some(event) = stream.next().await {
            events.push(event.unwrap());
        }
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).filter(|kind| *kind != "ping").collect();
        assert_eq!(kinds.first(), Some(&"message_start"), "{model}");
        assert_eq!(kinds[kinds.len() - 2..], ["message_delta", "message_stop"], "{model}");
        let mut open = None;
        for event in &events {
            match event.kind.as_str() {
                "content_block_start" => assert_eq!(open.replace(event.index.unwrap()), None, "{model}"),
                "content_block_delta" => assert_eq!(open, event.index, "{model}"),
                "content_block_stop" => assert_eq!(open.take(), event.index, "{model}"),
                _ => {}
            }
        }
        let text: String = events.iter().map(Event::text).collect();
        let thought: String = events.iter().map(Event::thinking).collect();
        assert_eq!((text.as_str(), thought.as_str()), ("one two", "Hm."), "{model}");
        let last = events.iter().find(|event| event.kind == "message_delta").unwrap();
        assert_eq!(last.stop_reason(), Some("tool_use"), "{model}");
        assert_eq!(last.usage.as_ref().unwrap()["output_tokens"], 9, "{model}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_or_fails_is_an_error() {
    let server = MockServer::start().await.unwrap();
    let client = client(&server);
    for model in MODELS {
        for fault in [Fault::CutAfter(2), Fault::ErrorAfter(2)] {
            server.reply(Reply::text("one two three four").fault(fault));
            let mut stream = client.messages(model, [Turn::user("Go")]).max_tokens(50).stream().await.unwrap();
            let mut error = None;
            while let Some(event) = stream.next().await {
                error = event.err();
            }
            let error = error.unwrap_or_else(|| panic!("{model} passes for a reply"));
            assert!(matches!(error.kind(), ErrorKind::StreamInterrupted | ErrorKind::Unavailable), "{model}: {error}");
            assert_eq!(error_body(&error)["type"], "error");
        }
    }
}

#[test]
fn an_agents_request_reads_as_one_of_chat() {
    let request: Request = serde_json::from_value(json!({
        "model": "m", "max_tokens": 32000, "stream": true, "top_k": 3,
        "system": [{"type": "text", "text": "You are an agent.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"}},
                {"type": "document", "source": {"type": "url", "url": "https://a.example/x.pdf"}, "title": "X"},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "sig"},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": [
                    {"type": "text", "text": "a.txt"}]},
                {"type": "text", "text": "<reminder>", "cache_control": {"type": "ephemeral"}},
            ]},
        ],
        "tools": [{"name": "Bash", "description": "Runs.", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "thinking": {"type": "enabled", "budget_tokens": 31999}, "stop_sequences": ["X"],
        "metadata": {"user_id": "u1"},
    }))
    .unwrap();
    let (chat, warnings) = request.to_chat().unwrap();
    assert!(warnings.is_empty());
    let wanted: ChatRequest = serde_json::from_value(json!({
        "model": "m", "max_tokens": 32000, "stop": ["X"], "user": "u1", "reasoning_effort": "high", "top_k": 3,
        "messages": [
            {"role": "system", "content": [
                {"type": "text", "text": "You are an agent.", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}},
                {"type": "file", "file": {"file_id": "https://a.example/x.pdf", "filename": "X"}},
            ]},
            {"role": "assistant", "content": null,
                "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "sig"}],
                "tool_calls": [{"id": "toolu_1", "type": "function",
                    "function": {"name": "Bash", "arguments": "{\"command\":\"ls\"}"}}]},
            {"role": "tool", "tool_call_id": "toolu_1", "is_error": true, "content": "a.txt"},
            {"role": "user", "content": [
                {"type": "text", "text": "<reminder>", "cache_control": {"type": "ephemeral"}}]},
        ],
        "tools": [{"type": "function", "function": {"name": "Bash", "description": "Runs.",
            "parameters": {"type": "object"}}}],
        "tool_choice": "required", "parallel_tool_calls": false,
    }))
    .unwrap();
    assert_eq!(chat.params, wanted.params);
    for (message, wanted) in chat.messages.iter().zip(&wanted.messages) {
        assert_eq!((message.role, &message.parts, message.is_error), (wanted.role, &wanted.parts, wanted.is_error));
    }
    assert_eq!(chat.messages.len(), wanted.messages.len());
}

#[test]
fn members_of_a_turn_that_have_no_name_here_go_along_into_chat() {
    let turns = json!([{"role": "user", "content": "Hi", "name": "Ada"}, {"role": "user", "content": [], "name": "Bob"},
        {"role": "assistant", "content": "Hello", "prefix": true}]);
    let request: Request = serde_json::from_value(json!({"model": "m", "messages": turns})).unwrap();
    let (chat, _) = request.to_chat().unwrap();
    let chat = json(&chat)["messages"].clone();
    assert_eq!(
        chat,
        json!([{"role": "user", "content": "Hi", "name": "Ada"},
            {"role": "assistant", "content": "Hello", "prefix": true}])
    );
}

#[test]
fn what_anthropic_runs_is_an_error_that_names_it_for_others() {
    let mut request = Request::new("m", 10, [Turn::user("Hi")]);
    request.tools = Some(vec![json!({"type": "bash_20250124", "name": "bash"})]);
    let error = request.to_chat().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("bash_20250124"), "{error}");
    request.drop_params = true;
    assert_eq!(request.to_chat().unwrap().1.len(), 1);
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
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("messages") {
                found.push((name, serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()));
            }
        }
    }
    assert!(found.len() > 40, "only {} recordings found", found.len());
    found
}

fn anthropic() -> &'static dyn anymodel::provider::Provider {
    Registry::table().get("anthropic").unwrap().as_ref()
}

/// A recorded reply, whole or as the sum of its stream.
fn recorded(name: &str, recording: &Value) -> Message {
    let request = Request::new("m", 10, [Turn::user("Hi")]);
    if let Some(text) = recording["response"]["body_text"].as_str() {
        let mut sum = MessageSum::default();
        for event in events(name, text, text.len()) {
            sum.push(event);
        }
        return sum.into_message();
    }
    let response = http::Response::new(Bytes::from(recording["response"]["body"].to_string()));
    let Ok(Progress::Done(reply)) = Messages::decode(anthropic(), &request, &response) else { panic!("{name}") };
    reply
}

fn events(name: &str, text: &str, size: usize) -> Vec<Event> {
    let request = Request::new("m", 10, [Turn::user("Hi")]);
    let mut decoder = Messages::stream_decoder(anthropic(), &request).unwrap();
    let mut queue = VecDeque::new();
    let pushed = text.as_bytes().chunks(size).try_for_each(|piece| decoder.push(piece, &mut queue));
    pushed.and_then(|()| decoder.end(&mut queue)).unwrap_or_else(|error| panic!("{name}: {error}"));
    queue.into()
}

#[test]
fn every_recorded_reply_and_event_is_kept_member_for_member() {
    for (name, recording) in recordings() {
        if let Some(text) = recording["response"]["body_text"].as_str() {
            let read = events(&name, text, text.len());
            assert_eq!(events(&name, text, 7), read, "{name}");
            let sent = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
            for (event, sent) in read.iter().zip(sent) {
                let sent: Value = serde_json::from_str(sent).unwrap();
                assert_eq!(json(event), sent, "{name}");
            }
        } else {
            let body = &recording["response"]["body"];
            let written = json(&recorded(&name, &recording));
            for (member, value) in body.as_object().unwrap() {
                assert_eq!(&written[member], value, "{name}: {member}");
            }
        }
    }
}

#[test]
fn what_anthropic_said_is_the_same_when_it_is_told_in_chat_and_back() {
    let mut held = 0;
    for (name, recording) in recordings() {
        let native = recorded(&name, &recording);
        let chat = ChatRequest::new("m", "Hi");
        let codec = anthropic().chat().unwrap();
        let reply = match recording["response"]["body_text"].as_str() {
            Some(text) => {
                let (mut decoder, mut queue) = (codec.stream_decoder(&chat), VecDeque::new());
                decoder.push(text.as_bytes(), &mut queue).unwrap();
                let mut sum = anymodel::Accumulator::new();
                sum.extend(queue);
                sum.into_response()
            }
            None => {
                let response = http::Response::new(Bytes::from(recording["response"]["body"].to_string()));
                let Ok(Progress::Done(reply)) = codec.decode(&chat, &response) else { panic!("{name}") };
                reply
            }
        };
        let told = Message::from_chat(&reply, &Request::new("m", 10, [Turn::user("Hi")]));
        assert_eq!(told.stop_reason, native.stop_reason, "{name}");
        assert_eq!(told.id, native.id, "{name}");
        let cites = native.content.iter().any(|block| block.0.contains_key("citations"));
        let texts = native.content.windows(2).any(|pair| pair.iter().all(|block| block.kind() == "text"));
        let calls = native.content.iter().any(|block| block.0.contains_key("caller"));
        if !cites && !texts && !calls {
            assert_eq!(json(&told)["content"], json(&native)["content"], "{name}");
            held += 1;
        }
        assert_eq!(told.text(), native.text(), "{name}");
    }
    assert!(held == 0 || held > 25, "only {held} held");
}

#[test]
fn a_request_goes_out_as_it_came_in() {
    for (name, recording) in recordings() {
        let Some(body) = recording["request"]["body"].as_object().filter(|body| body.contains_key("messages")) else {
            continue;
        };
        let request: Request = serde_json::from_value(body.clone().into()).unwrap();
        let sent = Messages::encode(anthropic(), &request, &Target::new("claude", "https://a.example")).unwrap();
        assert_eq!(sent.request.uri().path(), "/v1/messages");
        let sent: Value = serde_json::from_slice(sent.request.body()).unwrap();
        for (member, value) in
            body.iter().filter(|(member, value)| !["stream", "model"].contains(&member.as_str()) && !value.is_null())
        {
            let same =
                &sent[member] == value || sent[member].as_f64().is_some() && sent[member].as_f64() == value.as_f64();
            assert!(same, "{name}: {member} was {value} and is {}", sent[member]);
        }
    }
}

#[test]
fn what_became_void_is_no_part_of_the_message() {
    let request = Request::new("groq/any", 500, [Turn::user("2+2?")]);
    let (mut writer, mut events) = (EventWriter::new(&request), VecDeque::new());
    let start = || Delta::Start(Box::default());
    let call = |index| Delta::ToolCall { index, id: format!("c{index}"), name: "add".to_owned() };
    let seal = || Delta::Seal(Box::new(Seal::new("gemini", "c2VhbA==")));
    let finish = || Delta::Finish { reason: FinishReason::Stop, native: None };
    let first =
        [start(), Delta::Text("Five".to_owned()), call(0), call(1), seal(), Delta::Usage(Box::new(Usage::new(9, 9)))];
    let then = [Delta::Restart, start(), seal(), Delta::Text("Four.".to_owned()), finish()];
    let usage = Delta::Usage(Box::new(Usage::new(3, 2)));
    for delta in first.into_iter().chain(then).chain([usage]) {
        writer.write(&ChatChunk::new(delta), &mut events);
    }
    writer.end(&mut events);
    let told: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(told.iter().filter(|kind| **kind == "message_start").count(), 1);
    let restart = events.iter().position(|event| event.extra.get("restart") == Some(&json!(true))).unwrap();
    assert_eq!(told[restart - 1..=restart], ["content_block_stop", "ping"]);
    let begun = events.iter().filter(|event| event.content_block.is_some()).map(|event| event.index.unwrap());
    assert_eq!(begun.collect::<Vec<_>>(), [0, 1, 2], "a void call that was not told never is");

    let mut sum = MessageSum::default();
    events.into_iter().for_each(|event| sum.push(event));
    let message = sum.into_message();
    assert_eq!((message.text().as_str(), message.content.len()), ("Four.", 1));
    assert_eq!(message.stop_reason.as_deref(), Some("end_turn"));
    assert_eq!(message.usage.unwrap()["input_tokens"], 3);
}
