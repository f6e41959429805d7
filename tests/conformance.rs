//! What a caller may rely on with every provider, each promise as a test in every wire format that it concerns:
//! through the client, over real sockets, against the simulated provider.

use std::cell::RefCell;
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::messages::Turn;
use anymodel::mock::{Fault, MockServer, Reply, Request};
use anymodel::provider::{ProviderSpec, Target};
use anymodel::transport::{ReqwestTransport, Transport};
use anymodel::{
    Accumulator, ChatResponse, ChatStream, Client, ClientBuilder, Complete, Completion, Deployment, Error, ErrorKind,
    FinishReason, Message, Part, Retry, Tool, ToolChoice, assistant, system, tool_result, user,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// The wire formats, by the prefix of a provider that speaks each.
const FORMATS: [&str; 6] = ["openai", "anthropic", "gemini", "ollama", "bedrock", "cohere"];
const CLAUDE_ON_BEDROCK: &str = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const WAYS: [Way; 2] = [Way::Whole, Way::Streamed];
const SECOND: Duration = Duration::from_secs(1);

// What is said.

#[tokio::test]
async fn the_white_space_of_an_answer_is_kept() {
    let text = "  \n\tahead and behind \n\n ";
    for (name, way, server) in everywhere().await {
        for pieces in [1, 4, 100] {
            server.enqueue(Reply::text(text).chunks(pieces));
            assert_eq!(way.ask(call(name, &server)).await.unwrap().text(), text, "{name} {way:?} {pieces}");
        }
    }
}

#[tokio::test]
async fn a_reply_names_its_model_even_where_the_provider_does_not() {
    for (name, way, server) in everywhere().await {
        let reply = way.ask(call(name, &server)).await.unwrap();
        assert_eq!((reply.model.as_str(), reply.meta.model.as_str()), ("m", "m"), "{name} {way:?}");
        let mut stream = call(name, &server).stream().await.unwrap();
        let mut sum = Accumulator::new();
        while let Some(chunk) = stream.next().await {
            sum.push(chunk.unwrap());
        }
        assert_eq!(sum.into_response().model, "m", "{name}");
        server.reply(Reply::text("Hi").model("m-2026"));
        let reply = way.ask(call(name, &server)).await.unwrap();
        let named = if matches!(name, "bedrock" | "cohere") { "m" } else { "m-2026" };
        assert_eq!(reply.model, named, "{name} {way:?}");
    }
}

#[tokio::test]
async fn the_other_formats_name_the_model_too() {
    for (name, way, server) in everywhere().await {
        let (client, model) = (builder().build().unwrap(), format!("{name}/m"));
        let asked = client.responses(&model, "Hi").api_base(server.url()).api_key("k");
        let told = client.messages(&model, [Turn::user("Hi")]).max_tokens(9).api_base(server.url()).api_key("k");
        let (asked, told) = match way {
            Way::Whole => (asked.await.unwrap().model, told.await.unwrap().model),
            Way::Streamed => (
                asked.stream().await.unwrap().collect().await.unwrap().model,
                told.stream().await.unwrap().collect().await.unwrap().model,
            ),
        };
        assert_eq!((asked.as_str(), told.as_str()), ("m", "m"), "{name} {way:?}");
    }
}

#[tokio::test]
async fn a_header_of_the_caller_stands_instead_of_ours_and_is_added_to_a_list() {
    for (name, way, server) in everywhere().await {
        let call = call(name, &server).extra_header("Authorization", "Basic mine").extra_header("content-type", "a/b");
        let call = call.extra_header("anthropic-version", "2099-01-01").extra_header("anthropic-beta", "mine");
        let _ = way.ask(call).await;
        let sent = server.requests().remove(0);
        let of =
            |header| sent.headers().get_all(header).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(of("authorization"), ["Basic mine"], "{name} {way:?}");
        assert_eq!(of("content-type"), ["a/b"], "{name} {way:?}");
        assert_eq!(of("anthropic-version"), ["2099-01-01"], "{name} {way:?}");
        assert_eq!(of("anthropic-beta"), ["mine"], "{name} {way:?}");
    }
    let server = MockServer::start().await.unwrap();
    let without_key = builder().build().unwrap().completion("openai/m", "Hi").api_base(server.url());
    without_key.clone().extra_header("authorization", "Basic mine").await.unwrap();
    assert_eq!(server.take_requests()[0].header("authorization"), Some("Basic mine"));
    assert_eq!(without_key.await.unwrap_err().kind(), ErrorKind::Authentication);
    let file = vec![user([Part::file_id("file_1")])];
    ask("anthropic", &server, &file).extra_header("anthropic-beta", "mine").await.unwrap();
    assert_eq!(server.requests()[0].header("anthropic-beta"), Some("files-api-2025-04-14,mine"));
}

#[tokio::test]
async fn what_answers_can_be_chosen_at_run_time() {
    for (name, way, server) in everywhere().await {
        let client = builder().api_base(name, server.url()).api_key(name, "k").build().unwrap();
        let llm: Arc<dyn Complete> = Arc::new(client);
        assert_eq!(way.ask(llm.completion(format!("{name}/m"), "Hi")).await.unwrap().text(), "Hi", "{name} {way:?}");
        let counted = llm.completion(format!("{name}/m"), "Hi").count_tokens().await;
        assert_eq!(counted.is_ok(), matches!(name, "openai" | "anthropic" | "gemini" | "bedrock"), "{name}");
    }
}

#[tokio::test]
async fn two_choices_are_both_given_or_refused_by_name() {
    for (name, way, server) in everywhere().await {
        server.reply("heads or tails");
        let asked = way.ask(call(name, &server).n(2u32)).await;
        if matches!(name, "openai" | "gemini") {
            let texts: Vec<String> = asked.unwrap().choices.iter().map(|choice| choice.message.text()).collect();
            assert_eq!(texts, ["heads or tails", "heads or tails"], "{name} {way:?}");
        } else {
            let error = asked.unwrap_err();
            assert_eq!((error.kind(), server.received()), (ErrorKind::Unsupported, 0), "{name} {way:?}");
            assert!(error.message().contains("`n`"), "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn an_unknown_finish_reason_is_kept_as_it_is() {
    for (name, way, server) in everywhere().await {
        server.reply(Reply::text("So").finish("brand_new"));
        let reply = way.ask(call(name, &server)).await.unwrap();
        assert_eq!(reply.finish_reason(), Some(&FinishReason::Other("brand_new".into())), "{name} {way:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_apart_from_an_answer() {
    for (name, way, server) in everywhere().await {
        // Ollama has no word for it.
        if name == "ollama" {
            continue;
        }
        server.reply(Reply::text("I cannot").finish("content_filter"));
        let reply = way.ask(call(name, &server)).await.unwrap();
        assert_eq!(reply.finish_reason(), Some(&FinishReason::ContentFilter), "{name} {way:?}");
        assert_eq!(reply.parse::<Value>().unwrap_err().kind(), ErrorKind::ContentPolicy, "{name} {way:?}");
    }
    let choice = |field: &str, finish: Value| {
        json!({"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": finish,
            field: {"role": "assistant", "content": null, "refusal": "I won't."}}]})
    };
    for way in WAYS {
        let server = MockServer::start().await.unwrap();
        server.reply(match way {
            Way::Whole => Reply::json(&choice("message", json!("stop"))),
            Way::Streamed => sse([choice("delta", json!(null)).to_string(), choice("none", json!("stop")).to_string()]),
        });
        let reply = way.ask(call("openai", &server)).await.unwrap();
        assert_eq!((reply.text().as_str(), reply.message().unwrap().refusal().as_deref()), ("", Some("I won't.")));
        assert_eq!(reply.parse::<Value>().unwrap_err().kind(), ErrorKind::ContentPolicy);
    }
}

#[tokio::test]
async fn usage_comes_by_default_also_with_a_stream() {
    for (name, way, server) in everywhere().await {
        server.reply(Reply::text("one two").usage(31, 7));
        let usage = way.ask(call(name, &server)).await.unwrap().usage.expect(name);
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (31, 7, 38), "{name} {way:?}");
    }
}

#[tokio::test]
async fn parallel_tool_calls_come_out_whole() {
    for (name, way, server) in everywhere().await {
        let (at, of) = (json!({"at": ["sky", {"deep": 1.5}]}), json!({"of": "sea — Ü"}));
        server.reply(Reply::tool_call("look", at.clone()).and_tool_call("hear", of.clone()).chunks(9));
        let reply = way.ask(call(name, &server)).await.unwrap();
        assert_eq!(calls(&reply), [("look".to_owned(), at), ("hear".to_owned(), of)], "{name} {way:?}");
        assert_eq!(reply.finish_reason(), Some(&FinishReason::ToolCalls), "{name} {way:?}");
        let ids: Vec<&str> = reply.tool_calls().map(|call| call.id.as_str()).collect();
        assert!(ids[0] != ids[1] && !ids[0].is_empty() && !ids[1].is_empty(), "{name}: {ids:?}");
    }
}

#[tokio::test]
async fn tool_calls_whose_pieces_are_interleaved_come_out_whole() {
    let openai =
        |calls: Value| json!({"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": calls}}]}).to_string();
    let head = |index, id, name| json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}});
    let piece = |index, text| json!({"index": index, "function": {"arguments": text}});
    let finish = json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}).to_string();
    let openai = sse([
        openai(json!([head(0, "a", "look")])),
        openai(json!([head(1, "b", "hear")])),
        openai(json!([piece(0, "{\"at\":")])),
        openai(json!([piece(1, "{\"of\""), piece(0, "\"sky\"")])),
        openai(json!([piece(1, ":\"sea\"}"), piece(0, "}")])),
        finish,
    ]);
    let start = |index, id: &str, name: &str| {
        json!({"type": "content_block_start", "index": index, "content_block": {"type": "tool_use", "id": id, "name": name, "input": {}}}).to_string()
    };
    let piece = |index, text| {
        json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": text}}).to_string()
    };
    let stop = |index| json!({"type": "content_block_stop", "index": index}).to_string();
    let anthropic = sse([
        json!({"type": "message_start", "message": {"id": "msg", "model": "m", "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}}).to_string(),
        start(0, "a", "look"),
        start(1, "b", "hear"),
        piece(0, "{\"at\":"),
        piece(1, "{\"of\""),
        piece(0, "\"sky\"}"),
        stop(0),
        piece(1, ":\"sea\"}"),
        stop(1),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}).to_string(),
        json!({"type": "message_stop"}).to_string(),
    ]);
    let start = |index, id: &str, name: &str| {
        (
            "contentBlockStart",
            json!({"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id, "name": name}}}),
        )
    };
    let piece = |index, text: &str| {
        ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": {"toolUse": {"input": text}}}))
    };
    let stop = |index| ("contentBlockStop", json!({"contentBlockIndex": index}));
    let bedrock = event_stream([
        ("messageStart", json!({"role": "assistant"})),
        start(0, "a", "look"),
        start(1, "b", "hear"),
        piece(0, "{\"at\":"),
        piece(1, "{\"of\""),
        piece(0, "\"sky\"}"),
        stop(0),
        piece(1, ":\"sea\"}"),
        stop(1),
        ("messageStop", json!({"stopReason": "tool_use"})),
        ("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 9, "totalTokens": 10}})),
    ]);
    let event = |kind: &str, index, calls: Value| {
        json!({"type": kind, "index": index, "delta": {"message": {"tool_calls": calls}}}).to_string()
    };
    let head = |index, id: &str, name: &str| {
        event(
            "tool-call-start",
            index,
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}}),
        )
    };
    let piece = |index, text: &str| event("tool-call-delta", index, json!({"function": {"arguments": text}}));
    let cohere = sse([
        json!({"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}}).to_string(),
        head(0, "a", "look"),
        head(1, "b", "hear"),
        piece(0, "{\"at\":"),
        piece(1, "{\"of\""),
        piece(0, "\"sky\"}"),
        json!({"type": "tool-call-end", "index": 0}).to_string(),
        piece(1, ":\"sea\"}"),
        json!({"type": "tool-call-end", "index": 1}).to_string(),
        json!({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}}).to_string(),
    ]);
    // Gemini and Ollama send each call in one piece.
    for (name, reply) in [("openai", openai), ("anthropic", anthropic), ("bedrock", bedrock), ("cohere", cohere)] {
        let server = MockServer::start().await.unwrap();
        server.reply(reply);
        let reply = Way::Streamed.ask(call(name, &server)).await.unwrap();
        let whole = [("look".to_owned(), json!({"at": "sky"})), ("hear".to_owned(), json!({"of": "sea"}))];
        assert_eq!(calls(&reply), whole, "{name}");
    }
}

// How it goes over the wire.

#[tokio::test]
async fn line_ends_comments_and_cuts_inside_a_character_change_nothing() {
    for name in FORMATS {
        let server = MockServer::start().await.unwrap();
        server.reply(Reply::text("Größe — 🦀 ok").reasoning("Hm… 多い").and_tool_call("look", json!({"at": "天"})));
        let whole = Way::Whole.ask(call(name, &server)).await.unwrap();
        drop(server.take_requests());
        let plain = Way::Streamed.ask(call(name, &server)).await.unwrap();
        let (kind, bytes) = replay(&server, &server.requests()[0]).await;
        let mut variants = vec![bytes.clone()];
        // The messages of Bedrock's event stream are not text.
        if let Some(text) = String::from_utf8(bytes).ok().filter(|_| name != "bedrock") {
            let lines = text.replace('\n', "\r\n");
            if name != "ollama" {
                variants.push(text.replace("\n\n", "\n\n: OPENROUTER PROCESSING\n\n").into());
                variants.push(lines.replace("data: ", ":\r\ndata:").into());
            }
            variants.push(lines.into());
        }
        for (number, variant) in variants.into_iter().enumerate() {
            let pieces = variant.len().div_ceil(3);
            server.enqueue(Reply::raw(200, kind.clone(), variant).chunks(pieces));
            let cut = Way::Streamed.ask(call(name, &server)).await.unwrap();
            assert_eq!((said(&cut), cut.usage), (said(&plain), plain.usage.clone()), "{name} {number}");
        }
        assert_eq!(said(&plain), said(&whole), "{name}");
    }
}

#[tokio::test]
async fn half_a_character_costs_that_character_and_not_the_reply() {
    for (name, way, server) in everywhere().await {
        // The messages of Bedrock's event stream have checksums.
        if (name, way) == ("bedrock", Way::Streamed) {
            continue;
        }
        server.reply(Reply::text("one HALF two"));
        way.ask(call(name, &server)).await.unwrap();
        let (kind, bytes) = replay(&server, &server.take_requests()[0]).await;
        let cut = String::from_utf8(bytes).unwrap().replace("HALF", r"\ud83d");
        assert!(cut.contains("ud83d"), "{name} {way:?}: {cut}");
        server.enqueue(Reply::raw(200, kind, cut));
        assert_eq!(way.ask(call(name, &server)).await.unwrap().text(), "one \u{fffd} two", "{name} {way:?}");
    }
}

#[tokio::test]
async fn the_query_of_an_address_stays_at_its_end() {
    for (name, way, server) in everywhere().await {
        for base in ["/?tenant=7&k=a%20b", "/in/here?tenant=7&k=a%20b"] {
            way.ask(call(name, &server).api_base(format!("{}{base}", server.url()))).await.unwrap();
        }
        for sent in server.requests() {
            let query = sent.query().strip_prefix("alt=sse&").unwrap_or(sent.query());
            assert_eq!(query, "tenant=7&k=a%20b", "{name} {way:?}: {}", sent.path());
        }
    }
}

#[tokio::test]
async fn a_page_with_status_200_is_an_invalid_response_with_its_status_and_body() {
    for (name, way, server) in everywhere().await {
        server.reply(Fault::Html);
        let error = way.ask(call(name, &server)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::InvalidResponse, Retry::No), "{name} {way:?}: {error}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(200), "{name} {way:?}");
        assert!(error.body().is_some_and(|body| body.starts_with(b"<!DOCTYPE html>")), "{name} {way:?}");
    }
}

#[tokio::test]
async fn a_stream_without_its_finish_is_an_error_however_it_ends() {
    for name in FORMATS {
        let server = MockServer::start().await.unwrap();
        for fault in [Fault::EndAfter(2), Fault::CutAfter(2), Fault::ResetAfter(2), Fault::EndAfter(99)] {
            server.enqueue(Reply::text("one two three").fault(fault.clone()));
            let mut stream = call(name, &server).stream().await.unwrap();
            let (text, error) = drain(&mut stream).await;
            let error = error.unwrap_or_else(|| panic!("{name} {fault:?} is taken for a reply: {text}"));
            assert_eq!(error.kind(), ErrorKind::StreamInterrupted, "{name} {fault:?}");
            assert!(text.starts_with("one two "), "{name} {fault:?}: {text}");
            assert!(stream.next().await.is_none(), "{name} {fault:?}");
        }
    }
}

#[tokio::test]
async fn an_error_inside_a_stream_is_typed_and_final() {
    for name in FORMATS {
        let server = MockServer::start().await.unwrap();
        server.reply(Reply::text("one two three").fault(Fault::ErrorAfter(2)));
        let mut stream = call(name, &server).stream().await.unwrap();
        let (text, error) = drain(&mut stream).await;
        let error = error.unwrap();
        assert_eq!((text.as_str(), error.kind()), ("one two ", ErrorKind::Unavailable), "{name}: {error}");
        assert!(!error.message().is_empty() && error.provider() == Some(name), "{name}: {error}");
        assert!(stream.next().await.is_none() && stream.next().await.is_none(), "{name}");
    }
}

#[tokio::test]
async fn an_error_object_in_the_place_of_a_stream_is_typed() {
    for (name, error, kind) in [
        (
            "openai", // llama.cpp's, as Lemonade passes it on: https://github.com/lemonade-sdk/lemonade/pull/2975
            json!({"error": {"code": 400, "message": "request (6009 tokens) exceeds the available context size",
                "type": "exceed_context_size_error"}}),
            ErrorKind::ContextWindowExceeded,
        ),
        (
            "anthropic",
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            ErrorKind::Unavailable,
        ),
        (
            "gemini",
            json!({"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}),
            ErrorKind::RateLimited,
        ),
        ("ollama", json!({"error": "the model failed to generate a response"}), ErrorKind::Unavailable),
        (
            "cohere",
            json!({"error_type": "TOO_MANY_TOKENS", "id": "e", "message": "too many tokens: size limit exceeded"}),
            ErrorKind::ContextWindowExceeded,
        ),
        // Bedrock's stream is binary, and has errors as messages of their own: see `tests/faults.rs`.
    ] {
        let server = MockServer::start().await.unwrap();
        for content_type in ["text/event-stream", "application/json"] {
            server.enqueue(Reply::raw(200, content_type, error.to_string()));
            let error = Way::Streamed.ask(call(name, &server)).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{name} {content_type}: {error}");
        }
    }
}

#[tokio::test]
async fn a_whole_reply_in_the_place_of_a_stream_is_the_reply() {
    // Of the others the whole reply is not of the form of an event, or it is a stream of one line.
    for name in ["openai", "gemini", "ollama"] {
        let server = MockServer::start().await.unwrap();
        server.reply(Reply::text("one two").usage(31, 7));
        let whole = Way::Whole.ask(call(name, &server)).await.unwrap();
        let (content_type, bytes) = replay(&server, &server.requests()[0]).await;
        server.enqueue(Reply::raw(200, content_type, bytes));
        let streamed = Way::Streamed.ask(call(name, &server)).await.unwrap();
        assert_eq!((said(&streamed), streamed.usage), (said(&whole), whole.usage), "{name}");
    }
}

#[tokio::test]
async fn an_event_that_is_not_json_is_an_error_and_final() {
    for name in FORMATS {
        let server = MockServer::start().await.unwrap();
        server.reply(Reply::text("one two three").fault(Fault::MalformedAfter(1)));
        let mut stream = call(name, &server).stream().await.unwrap();
        let (text, error) = drain(&mut stream).await;
        let error = error.unwrap();
        assert_eq!((text.as_str(), error.kind()), ("one ", ErrorKind::StreamInterrupted), "{name}: {error}");
        assert!(error.body().is_some_and(|body| body.starts_with(b"{\"this is not")), "{name}: {error:?}");
        assert!(stream.next().await.is_none() && stream.next().await.is_none(), "{name}: what follows is not given");
    }
}

#[tokio::test]
async fn a_stream_is_silent_only_while_somebody_waits_for_it() {
    for name in FORMATS {
        let server = MockServer::builder().spawn().unwrap();
        let (pace, patience) = (Duration::from_millis(20), Duration::from_millis(300));
        server.reply(Reply::text("a b c d e f g h").pace(pace));
        let mut stream = call(name, &server).stream_timeout(patience).stream().await.unwrap();
        let first = stream.next().await.unwrap().unwrap();
        // What came meanwhile is in the socket: nobody could read it while this thread, the only one, was held up.
        std::thread::sleep(patience * 2);
        let (text, error) = drain(&mut stream).await;
        assert!(error.is_none(), "{name}: {error:?} after {text}");
        assert_eq!(format!("{}{text}", first.text()), "a b c d e f g h", "{name}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_complete_reply() {
    for (name, way, server) in everywhere().await {
        let client = builder().build().unwrap();
        for _ in 0..5 {
            way.ask(client.completion(format!("{name}/m"), "Hi").api_base(server.url()).api_key("k")).await.unwrap();
            let closed = timeout(SECOND / 20, server.wait_closed()).await;
            assert!(closed.is_err() && server.connections_open() == 1, "{name} {way:?}");
        }
    }
}

#[tokio::test]
async fn a_complete_stream_leaves_its_connection_to_the_next_call() {
    for name in FORMATS {
        let server = MockServer::start().await.unwrap();
        server.reply("one two");
        let client = builder().build().unwrap();
        let call = || client.completion(format!("{name}/m"), "Hi").api_base(server.url()).api_key("k");
        Way::Streamed.ask(call()).await.unwrap();
        let (kind, bytes) = replay(&server, &server.requests()[0]).await;
        // The reply, and some time later as many empty lines, or an event without a meaning: the same number of bytes.
        let late = Duration::from_millis(60);
        let padding = match name {
            "bedrock" => message("event", "ping", &" ".repeat(bytes.len() - message("event", "ping", "").len())),
            _ => vec![b'\n'; bytes.len()],
        };
        let padded = [bytes, padding].concat();
        server.reply(Reply::raw(200, kind, padded).chunks(2).pace(late));
        for _ in 0..3 {
            Way::Streamed.ask(call()).await.unwrap();
            let closed = timeout(late * 2, server.wait_closed()).await;
            assert!(closed.is_err() && server.replies_abandoned() == 0, "{name} closes its connection");
        }
    }
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    for name in FORMATS {
        let server = MockServer::start().await.unwrap();
        server.reply(Reply::text("one two three").fault(Fault::StallAfter(1)));
        let mut stream = call(name, &server).stream().await.unwrap();
        stream.next().await.unwrap().unwrap();
        assert_eq!((server.connections_open(), server.replies_abandoned()), (1, 0), "{name}");
        drop(stream);
        timeout(SECOND, server.wait_abandoned(1)).await.expect(name);
        timeout(SECOND, server.wait_closed()).await.expect(name);
    }
}

#[tokio::test]
async fn dropping_the_future_of_a_call_closes_its_connection() {
    for name in FORMATS {
        let server = MockServer::start().await.unwrap();
        for fault in [Fault::SlowHead(60 * SECOND), Fault::StallAfter(0)] {
            server.enqueue(Reply::text("one two three").fault(fault.clone()));
            let asking = call(name, &server).into_future();
            timeout(SECOND / 10, asking).await.expect_err("the call is still waiting");
            timeout(SECOND, server.wait_closed()).await.unwrap_or_else(|_| panic!("{name} {fault:?}"));
        }
    }
}

// What goes wrong.

#[tokio::test]
async fn a_rate_limit_is_typed_and_its_pause_is_kept_to() {
    for (name, way, server) in everywhere().await {
        let wait = Duration::from_millis(250);
        server.enqueue(Fault::RateLimited { retry_after: wait });
        let error = way.ask(call(name, &server)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::After(wait)), "{name} {way:?}");

        server.enqueue(Fault::RateLimited { retry_after: wait });
        let began = Instant::now();
        let reply = way.ask(call(name, &server).num_retries(1u32)).await.unwrap();
        assert_eq!((reply.text().as_str(), reply.meta.attempts), ("Hi", 2), "{name} {way:?}");
        assert!(began.elapsed() >= wait, "{name} {way:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_retry_after_in_seconds_is_waited_for() {
    let tries = everywhere().await.into_iter().map(|(name, way, server)| async move {
        server.enqueue(Fault::RateLimited { retry_after: SECOND });
        let began = Instant::now();
        way.ask(call(name, &server).num_retries(1u32)).await.unwrap();
        assert!((SECOND..4 * SECOND).contains(&began.elapsed()), "{name} {way:?}: {:?}", began.elapsed());
    });
    futures::future::join_all(tries).await;
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_typed() {
    for (name, way, server) in everywhere().await {
        server.reply(Fault::ContextWindowExceeded);
        let error = way.ask(call(name, &server).num_retries(3u32)).await.unwrap_err();
        assert_eq!((error.kind(), server.received()), (ErrorKind::ContextWindowExceeded, 1), "{name} {way:?}: {error}");
    }
}

// What goes back.

#[tokio::test]
async fn thinking_and_redacted_blocks_go_back_to_anthropic_as_they_came() {
    let blocks = anthropic_blocks();
    for way in WAYS {
        let server = MockServer::start().await.unwrap();
        server.enqueue(anthropic_reply(way, &blocks));
        let mut messages = vec![user("Look up.")];
        let reply = way.ask(ask("anthropic", &server, &messages)).await.unwrap();
        messages.push(reply.into());
        messages.push(tool_result("toolu_1", "blue"));
        way.ask(ask("anthropic", &server, &messages)).await.unwrap();
        let body = server.requests()[1].json();
        assert_eq!(body["messages"][1], json!({"role": "assistant", "content": blocks}), "{way:?}");
    }
}

#[tokio::test]
async fn claudes_thinking_and_redacted_blocks_go_back_to_bedrock_as_they_came() {
    let blocks = bedrock_blocks();
    for way in WAYS {
        let server = MockServer::start().await.unwrap();
        server.enqueue(bedrock_reply(way, &blocks));
        let mut messages = vec![user("Look up.")];
        let ask = |messages: &Vec<Message>| {
            ask_model(CLAUDE_ON_BEDROCK, &server, messages).tool(Tool::function("look", "Looks."))
        };
        let reply = way.ask(ask(&messages)).await.unwrap();
        messages.push(reply.into());
        messages.push(tool_result("tooluse_1", "blue"));
        way.ask(ask(&messages)).await.unwrap();
        let body = server.requests()[1].json();
        assert_eq!(body["messages"][1], json!({"role": "assistant", "content": blocks}), "{way:?}");
    }
}

#[tokio::test]
async fn thought_signatures_go_back_to_gemini_where_they_were() {
    let parts = gemini_parts();
    for way in WAYS {
        let server = MockServer::start().await.unwrap();
        server.enqueue(gemini_reply(way, &parts));
        let mut messages = vec![user("Look up.")];
        let reply = way.ask(ask("gemini", &server, &messages)).await.unwrap();
        let id = reply.tool_calls().next().unwrap().id.clone();
        messages.push(reply.into());
        messages.push(tool_result(id, "blue"));
        way.ask(ask("gemini", &server, &messages)).await.unwrap();
        let body = server.requests()[1].json();
        let sealed = |parts: &Value| -> Vec<Value> {
            let parts = parts.as_array().unwrap().iter();
            parts.filter(|part| part.get("thoughtSignature").is_some()).cloned().collect()
        };
        let mut back = sealed(&body["contents"][1]["parts"]);
        for call in back.iter_mut().filter_map(|part| part.get_mut("functionCall")?.as_object_mut()) {
            call.remove("id");
        }
        assert_eq!(back, sealed(&json!(parts)), "{way:?}: {body}");
    }
}

#[tokio::test]
async fn reasoning_details_go_back_to_the_provider_that_gave_them() {
    for way in WAYS {
        let server = MockServer::start().await.unwrap();
        server.enqueue(openrouter_reply(way));
        let mut messages = vec![user("Look up.")];
        let reply = way.ask(ask("openrouter", &server, &messages)).await.unwrap();
        assert_eq!((reply.reasoning().as_str(), reply.text().as_str()), ("Up there.", "Blue."), "{way:?}");
        messages.push(reply.into());
        messages.push(user("And now?"));
        way.ask(ask("openrouter", &server, &messages)).await.unwrap();
        let body = server.requests()[1].json();
        assert_eq!(body["messages"][1]["reasoning_details"], reasoning_details(), "{way:?}: {body}");
    }
}

#[tokio::test]
async fn what_one_provider_sealed_is_left_out_where_the_conversation_goes_on_with_another() {
    for way in WAYS {
        let server = MockServer::start().await.unwrap();
        let mut messages = vec![system("Be brief."), user("Look up.")];
        let blocks: Vec<Value> = anthropic_blocks().into_iter().filter(|block| block["type"] != "tool_use").collect();
        let parts: Vec<Value> = gemini_parts().into_iter().filter(|part| part.get("functionCall").is_none()).collect();
        let nova = [
            json!({"reasoningContent": {"reasoningText": {"text": "Look.", "signature": "SIG-nova+/=="}}}),
            json!({"text": "Pink."}),
        ];
        for (model, reply) in [
            ("anthropic/m", anthropic_reply(way, &blocks)),
            ("openrouter/m", openrouter_reply(way)),
            ("gemini/m", gemini_reply(way, &parts)),
            ("openai/m", Reply::text("Red.")),
            ("ollama/m", Reply::text("Grey.")),
            ("bedrock/us.amazon.nova-2-lite-v1:0", bedrock_reply(way, &nova)),
            ("cohere/m", Reply::text("Brown.")),
            (CLAUDE_ON_BEDROCK, Reply::text("Black.")),
            ("anthropic/m", Reply::text("Done.")),
        ] {
            server.enqueue(reply);
            let call = ask_model(model, &server, &messages);
            let reply = way.ask(call).await.unwrap_or_else(|error| panic!("{model}: {error}"));
            messages.push(reply.into());
            messages.push(user("And now?"));
        }
        let bodies: Vec<String> =
            server.requests().iter().map(|request| String::from_utf8_lossy(request.body()).into_owned()).collect();
        // Claude's seals are the same on every platform; Bedrock has what is redacted as base64.
        let redacted = STANDARD.encode("REDACTED-anthropic+/==");
        for seals in [["SIG-anthropic"; 2], ["REDACTED-anthropic", &redacted]] {
            let seen: Vec<bool> = bodies.iter().map(|body| seals.iter().any(|seal| body.contains(seal))).collect();
            assert_eq!(seen, [false, false, false, false, false, false, false, true, true], "{way:?} {seals:?}");
        }
        for seal in ["SIG-openrouter", "SIG-gemini", "SIG-nova"] {
            assert!(bodies.iter().all(|body| !body.contains(seal)), "{way:?} {seal} reached another provider");
        }
        for text in ["It is blue.", "Blue.", "Green.", "Red.", "Grey.", "Pink.", "Brown.", "Black."] {
            assert!(bodies[8].contains(text), "{way:?}: {text} is lost in {}", bodies[8]);
        }
    }
}

#[tokio::test]
async fn a_tool_that_one_provider_called_can_be_answered_to_another() {
    for (first, way, server) in everywhere().await {
        for second in FORMATS {
            let (paris, rome) = (json!({"city": "Paris"}), json!({"city": "Rom"}));
            server.enqueue(Reply::text("I ask.").and_tool_call("get_weather", paris).and_tool_call("get_time", rome));
            let mut messages = vec![user("Where is it mild, and when?")];
            let reply = way.ask(ask(first, &server, &messages)).await.unwrap();
            let ids: Vec<String> = reply.tool_calls().map(|call| call.id.clone()).collect();
            messages.push(reply.into());
            messages.extend(ids.iter().zip(["18 degrees", "noon"]).map(|(id, result)| tool_result(id, result)));
            server.enqueue("So it is.");
            let reply = way.ask(ask(second, &server, &messages)).await;
            let reply = reply.unwrap_or_else(|error| panic!("{first} {second}: {error}"));
            assert_eq!(reply.text(), "So it is.", "{first} {second} {way:?}");
            let body = server.requests().last().unwrap().json().to_string();
            let at = |text: &str| body.find(text).unwrap_or_else(|| panic!("{first} {second}: no {text} in {body}"));
            assert!(at("I ask.") < at("Paris") && at("Paris") < at("Rom"), "{first} {second}: {body}");
            assert!(at("Rom") < at("18 degrees") && at("18 degrees") < at("noon"), "{first} {second}: {body}");
            assert!(at("get_weather") < at("get_time"), "{first} {second}: {body}");
        }
    }
}

// Keys.

#[tokio::test]
async fn one_providers_key_never_reaches_anothers_host() {
    let mut servers = Vec::new();
    for name in FORMATS {
        servers.push((name, MockServer::start().await.unwrap()));
    }
    let mut variables: Vec<(String, String)> = Vec::new();
    for (name, server) in &servers {
        let [key, base] = match *name {
            "bedrock" => ["AWS_BEARER_TOKEN_BEDROCK".to_owned(), "AWS_BEDROCK_RUNTIME_ENDPOINT".to_owned()],
            name => ["KEY", "BASE"].map(|what| format!("{}_API_{what}", name.to_uppercase())),
        };
        variables.extend([(key, format!("sk-of-{name}")), (base, server.url())]);
    }
    let client = builder().environment(Environment::of(variables)).build().unwrap();
    for (first, one) in &servers {
        for (second, other) in &servers {
            for way in WAYS {
                one.enqueue(Fault::Status(404));
                let call = client.completion(format!("{first}/m"), "Hi").fallbacks([format!("{second}/m")]);
                way.ask(call.num_retries(0u32)).await.unwrap_or_else(|error| panic!("{first} {second}: {error}"));
                assert!(other.received() > 0);
                // A call's own address and key stay with its provider.
                one.enqueue(Fault::Status(404));
                let call = client.completion(format!("{first}/m"), "Hi").fallbacks([format!("{second}/m")]);
                let call = call.api_base(one.url()).api_key(format!("sk-own-of-{first}")).extra_header("x-own", *first);
                way.ask(call.num_retries(0u32)).await.unwrap();
            }
        }
    }
    for (name, server) in &servers {
        let seen: Vec<String> = server.requests().iter().map(|request| format!("{request:?}")).collect();
        assert!(seen.iter().all(|seen| seen.contains(&format!("of-{name}"))), "{name} is called with its key");
        for stranger in FORMATS.into_iter().filter(|stranger| stranger != name) {
            let leaked = seen.iter().find(|seen| seen.contains(&format!("of-{stranger}")));
            assert!(leaked.is_none(), "{name} was given the key of {stranger}: {leaked:?}");
            assert!(seen.iter().all(|seen| !seen.contains(&format!("\"x-own\": \"{stranger}\""))), "{name}");
        }
    }
}

#[tokio::test]
async fn neither_a_key_nor_the_query_of_an_address_is_in_an_error_debug_output_or_trace() {
    Log::listen();
    let key = "sk-secret-0123";
    let mut printed = String::new();
    for (name, way, server) in everywhere().await {
        let client = builder().api_key(name, key).build().unwrap();
        let echo = Reply::raw(401, "application/json", format!(r#"{{"error":{{"message":"bad key {key}"}}}}"#));
        let faults = [
            Reply::from(Fault::Status(401)),
            echo,
            Fault::Reset.into(),
            Fault::Html.into(),
            Reply::text("one two").fault(Fault::CutAfter(1)),
            Reply::text("one two"),
        ];
        printed += &format!("{client:?} {:?}", builder().api_key(name, key));
        for reply in faults {
            server.enqueue(reply);
            let call = client.completion(format!("{name}/m"), "Hi").api_base(server.url()).num_retries(0u32);
            printed += &format!("{call:?} {:?} ", call.clone().api_key(key));
            match way.ask(call).await {
                Ok(reply) => printed += &format!("{reply:?}"),
                Err(error) => printed += &all_of(&error),
            }
        }
        for base in [MockServer::refused_url().unwrap(), format!("{}/nothing/here", server.url()), "http://[".into()] {
            let call = client.completion(format!("{name}/m"), "Hi").api_base(format!("{base}?token=tok-hidden-9"));
            if let Err(error) = way.ask(call.num_retries(0u32)).await {
                printed += &all_of(&error);
            }
        }
    }
    let traced = Log::take();
    assert!(traced.contains("gen_ai.call"), "the trace is heard");
    for secret in [key, "tok-hidden-9"] {
        assert!(!printed.contains(secret), "{}", around(&printed, secret));
        assert!(!traced.contains(secret), "{}", around(&traced, secret));
    }
}

#[test]
fn no_value_shows_a_secret_of_its_address_or_headers() {
    const ADDRESS: &str = "https://me:tok-hidden-9@a.example/v1?key=tok-hidden-9";
    let client = builder().build().unwrap();
    let call = client.completion("openai/m", "Hi").api_base(ADDRESS).extra_header("x-key", "tok-hidden-9");
    let deployment = Deployment::new("m", "openai/m").api_base(ADDRESS).extra_header("x-key", "tok-hidden-9");
    let spec = ProviderSpec::openai_chat("acme", ADDRESS).header("authorization", "Bearer tok-hidden-9");
    let asked = client.responses("openai/m", "Hi").api_base(ADDRESS);
    let settings = [("secret".to_owned(), "tok-hidden-9".to_owned())];
    let mut target = Target::new("m", ADDRESS);
    target.settings = &settings;
    let printed = format!("{call:?} {deployment:?} {spec:?} {asked:?} {target:?}");
    assert_eq!(printed.matches("https://a.example/v1").count(), 5, "{printed}");
    assert!(!printed.contains("tok-hidden-9"), "{}", around(&printed, "tok-hidden-9"));
}

#[tokio::test]
async fn a_key_that_comes_back_anywhere_in_an_error_is_taken_out_of_it() {
    let key = "sk/secret+0123=";
    for (name, way, server) in everywhere().await {
        let body = json!({"error": {"message": key, "code": key, "type": key, "status": key}, "message": key});
        let escaped = body.to_string().replace('/', "\\/");
        server.enqueue(Reply::raw(401, "application/json", body.to_string()).header("x-request-id", key));
        server.enqueue(Reply::raw(429, "application/json", escaped).header("x-ratelimit-remaining-requests", key));
        for _ in 0..2 {
            let error = way.ask(call(name, &server).api_key(key)).await.unwrap_err();
            let printed = format!("{} {:?} {:?} {:?}", all_of(&error), error.code(), error.body(), error.rate_limits());
            assert!(!printed.contains("secret"), "{name} {way:?}: {printed}");
            assert!(error.message().contains("[redacted]"), "{name} {way:?}: {printed}");
        }
    }
}

#[tokio::test]
async fn a_deadline_says_which_it_was() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::text("Hi").fault(Fault::SlowHead(SECOND * 3600)));
    let short = Duration::from_millis(20);
    let whole = call("openai", &server).timeout(short).await.unwrap_err();
    let first = call("openai", &server).first_byte_timeout(short).await.unwrap_err();
    assert_eq!((whole.kind(), first.kind()), (ErrorKind::Timeout, ErrorKind::Timeout));
    assert_eq!(whole.message(), "the call did not come to its end in time");
    assert_eq!(first.message(), "no answer began in time");
}

// What is heard of it.

#[tokio::test]
async fn each_call_is_one_span_with_the_names_of_opentelemetry() {
    for (name, way, server) in everywhere().await {
        Log::listen();
        server.enqueue(Fault::Status(503));
        server.enqueue(Reply::text("one two").usage(31, 7).model("m-2"));
        way.ask(call(name, &server).num_retries(1u32).max_tokens(99u64).temperature(0.5)).await.unwrap();
        server.enqueue(Fault::Status(401));
        way.ask(call(name, &server)).await.unwrap_err();
        let traced = Log::take();
        let spans: Vec<&str> =
            traced.lines().filter(|line| line.contains("gen_ai.call") && line.contains("close")).collect();
        assert_eq!(spans.len(), 2, "{name} {way:?}: {traced}");
        for field in [
            format!("gen_ai.provider.name=\"{name}\""),
            "gen_ai.operation.name=\"chat\"".to_owned(),
            "gen_ai.request.model=\"m\"".to_owned(),
            "gen_ai.request.max_tokens=99".to_owned(),
            "gen_ai.request.temperature=0.5".to_owned(),
            format!("gen_ai.request.stream={}", way == Way::Streamed),
            "gen_ai.response.finish_reasons=stop".to_owned(),
            "gen_ai.usage.input_tokens=31".to_owned(),
            "gen_ai.usage.output_tokens=7".to_owned(),
            "anymodel.attempts=2".to_owned(),
        ] {
            assert!(spans[0].contains(&field), "{name} {way:?} has no {field}: {}", spans[0]);
        }
        // Bedrock and Cohere do not say of which model a reply is.
        let names_model = !matches!(name, "bedrock" | "cohere");
        assert_eq!(spans[0].contains("gen_ai.response.model=\"m-2\""), names_model, "{name} {way:?}: {}", spans[0]);
        assert!(!spans[0].contains("=\"\""), "{name} {way:?} tells what is not known: {}", spans[0]);
        for field in ["error.type=\"authentication\"", "otel.status_code=\"ERROR\""] {
            assert!(spans[1].contains(field), "{name} {way:?} has no {field}: {}", spans[1]);
        }
    }
}

// Runtimes.

#[test]
fn a_client_outlives_the_runtime_that_it_was_first_used_in() {
    let server = MockServer::builder().spawn().unwrap();
    let client = builder().build().unwrap();
    for round in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for name in FORMATS {
            for way in WAYS {
                let call = client.completion(format!("{name}/m"), "Hi").api_base(server.url()).api_key("k");
                let reply = runtime.block_on(way.ask(call.num_retries(0u32)));
                assert_eq!(reply.map(|reply| reply.text()).unwrap(), "Hi", "{name} {way:?} {round}");
            }
        }
    }
}

#[test]
fn a_call_outside_of_a_runtime_is_an_error_that_says_what_to_do() {
    let client = builder().build().unwrap();
    let call = || client.completion("openai/m", "Hi").api_key("k");
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(whole)) = pin!(call().into_future()).poll(&mut context) else { panic!("the call waits") };
    let Poll::Ready(Err(stream)) = pin!(call().stream()).poll(&mut context) else { panic!("the stream waits") };
    for error in [whole, stream] {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains("tokio"), "{error}");
    }
}

// Providers of one's own, and the types.

#[tokio::test]
async fn a_provider_of_ones_own_is_a_few_lines_of_json() {
    for (wire, path) in [
        ("openai_chat", "/v1/chat/completions"),
        ("anthropic", "/v1/messages"),
        ("gemini", "/v1beta"),
        ("ollama", "/api/chat"),
        ("bedrock", "/model/m/converse"),
        ("cohere", "/v2/chat"),
    ] {
        let server = MockServer::start().await.unwrap();
        let base = if wire == "openai_chat" { format!("{}/v1", server.url()) } else { server.url() };
        let spec: ProviderSpec = serde_json::from_value(json!({
            "name": "acme", "wire": wire, "base_url": base, "key_env": ["ACME_KEY"],
            "auth": {"header": {"name": "x-acme-key"}}, "headers": [["x-team", "blue"], ["x-team-token", "sk-team"]]
        }))
        .unwrap();
        let client = builder().provider(spec).environment(Environment::of([("ACME_KEY", "k-acme")])).build().unwrap();
        for way in WAYS {
            let reply = way.ask(client.completion("acme/m", "Hi there")).await.unwrap();
            assert_eq!((reply.text().as_str(), reply.meta.provider.as_str()), ("Hi there", "acme"), "{wire} {way:?}");
        }
        for request in server.take_requests() {
            assert!(request.path().starts_with(path), "{wire}: {}", request.path());
            assert_eq!((request.header("x-acme-key"), request.header("x-team")), (Some("k-acme"), Some("blue")));
            assert_eq!(request.header("authorization"), None);
        }
        server.reply(Reply::raw(503, "application/json", r#"{"error": {"message": "no team sk-team or k-acme"}}"#));
        let error = client.completion("acme/m", "Hi").num_retries(0u32).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::Unavailable, Some("acme")));
        assert!(!all_of(&error).contains("sk-team") && !all_of(&error).contains("k-acme"), "{error:?}");
    }
}

#[test]
fn clients_calls_streams_and_their_futures_cross_threads() {
    fn send<T: Send>(_: &T) {}
    fn send_sync_static<T: Send + Sync + 'static>() {}
    fn send_static<T: Send + 'static>() {}
    send_sync_static::<Client>();
    send_sync_static::<ClientBuilder>();
    send_sync_static::<Completion>();
    send_sync_static::<ChatResponse>();
    send_sync_static::<Error>();
    send_sync_static::<Accumulator>();
    send_sync_static::<MockServer>();
    send_static::<ChatStream>();
    send_static::<<Completion as IntoFuture>::IntoFuture>();
    let client = builder().build().unwrap();
    send(&client.completion("openai/m", "Hi").stream());
    send(&<Client as Complete>::completion(&client, "openai/m", "Hi").into_future());
    #[cfg(feature = "schemars")]
    send(&client.completion("openai/m", "Hi").parse::<typed::Place>());
    #[cfg(feature = "blocking")]
    send_static::<anymodel::blocking::BlockingStream>();
}

#[cfg(feature = "schemars")]
mod typed {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    /// A place on a map.
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    pub(super) struct Place {
        pub(super) name: String,
        floors: Option<u32>,
        kind: Kind,
        near: Vec<String>,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Town,
        Hill,
    }

    /// Tells the weather of a city.
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct GetWeather {
        /// The city's name.
        city: String,
        days: u8,
    }

    #[tokio::test]
    async fn a_reply_is_read_as_a_rust_type() {
        for name in FORMATS {
            let server = MockServer::start().await.unwrap();
            // What the simulator makes up of the schema that it was sent.
            let place: Place = call(name, &server).parse().await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((place.name.as_str(), place.kind), ("text", Kind::Town), "{name}");
            if name != "anthropic" {
                server.enqueue(r#"{"name":"Rom","floors":3,"kind":"hill","near":["Ostia"]}"#);
                let place: Place = call(name, &server).parse().await.unwrap();
                assert_eq!(
                    (place.floors, place.kind, place.near),
                    (Some(3), Kind::Hill, vec!["Ostia".into()]),
                    "{name}"
                );
            }
            server.reply(Reply::text("{\"name\": \"Ro").finish("length"));
            let error = call(name, &server).parse::<Place>().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{name}: {error}");
            assert!(error.message().contains("max_tokens"), "{name}: {error}");
        }
    }

    /// A tree.
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Tree {
        value: u8,
        next: Option<Box<Tree>>,
    }

    #[tokio::test]
    async fn a_type_that_is_no_object_is_read_from_inside_of_one() {
        for name in FORMATS {
            let server = MockServer::start().await.unwrap();
            let kind: Kind = call(name, &server).parse().await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(kind, Kind::Town, "{name}");
            let sent = server.requests()[0].json().to_string();
            assert!(sent.contains("\"value\""), "{name}: {sent}");
            assert!(call(name, &server).parse::<Vec<Tree>>().await.unwrap().is_empty(), "{name}");
            assert!(call(name, &server).parse::<Option<Tree>>().await.unwrap().is_some(), "{name}");
            if name != "anthropic" {
                for text in [r#"{"value": ["town", "hill"]}"#, r#"["town", "hill"]"#] {
                    server.enqueue(text);
                    let kinds: Vec<Kind> = call(name, &server).parse().await.unwrap();
                    assert_eq!(kinds, [Kind::Town, Kind::Hill], "{name}");
                }
                server.enqueue(r#"{"value": 7, "next": null}"#);
                let tree: Option<Tree> = call(name, &server).parse().await.unwrap();
                assert_eq!(tree, Some(Tree { value: 7, next: None }), "{name}");
                server.enqueue(r#"{"next": null}"#);
                assert!(call(name, &server).parse::<Option<Kind>>().await.is_err(), "{name}");
                server.enqueue(r#"{"value": ["sea"]}"#);
                let error = call(name, &server).parse::<Vec<Kind>>().await.unwrap_err();
                assert!(error.message().contains("sea"), "{name}: {error}");
                assert_eq!((error.provider(), error.model(), error.attempts()), (Some(name), Some("m"), 1), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn a_tool_made_of_a_rust_type_is_offered_called_and_answered() {
        for (name, way, server) in everywhere().await {
            let (paris, rome) = (json!({"city": "Paris", "days": 2}), json!({"city": "Rom", "days": 1}));
            server.enqueue(Reply::tool_call("get_weather", paris).and_tool_call("get_weather", rome));
            server.enqueue("Mild in both.");
            let mut messages = vec![user("Where is it mild?")];
            let offer = |messages: &Vec<Message>| ask(name, &server, messages).tool(Tool::of::<GetWeather>());
            let reply = way.ask(offer(&messages)).await.unwrap();
            let asked: Vec<GetWeather> = reply.tool_calls().map(|call| call.parse().unwrap()).collect();
            let wanted = [("Paris", 2), ("Rom", 1)].map(|(city, days)| GetWeather { city: city.into(), days });
            assert_eq!(asked, wanted, "{name} {way:?}");
            let ids: Vec<String> = reply.tool_calls().map(|call| call.id.clone()).collect();
            messages.push(reply.into());
            for (id, city) in ids.iter().zip(["Paris", "Rom"]) {
                messages.push(tool_result(id, format!("18 degrees in {city}")));
            }
            let reply = way.ask(offer(&messages)).await.unwrap();
            assert_eq!(reply.text(), "Mild in both.", "{name} {way:?}");

            let [first, second] = &server.requests()[..] else { panic!("two requests") };
            let declared = first.json().to_string();
            assert!(
                declared.contains("get_weather") && declared.contains("Tells the weather of a city."),
                "{declared}"
            );
            let back = second.json().to_string();
            for text in ["Paris", "Rom", "18 degrees in Paris", "18 degrees in Rom"] {
                assert!(back.contains(text), "{name} {way:?}: {text} is not in {back}");
            }
            let at = |text: &str| back.find(text).unwrap();
            assert!(at("18 degrees in Paris") < at("18 degrees in Rom"), "{name} {way:?}");
        }
    }

    #[tokio::test]
    async fn a_tool_can_be_forced() {
        for (name, way, server) in everywhere().await {
            if name == "ollama" {
                let call = call(name, &server).tool(Tool::of::<GetWeather>()).tool_choice(ToolChoice::Required);
                let error = way.ask(call).await.unwrap_err();
                assert!(error.message().contains("`tool_choice`"), "{error}");
                continue;
            }
            let call =
                call(name, &server).tool(Tool::function("other", "Does nothing.")).tool(Tool::of::<GetWeather>());
            let reply = way.ask(call.tool_choice(ToolChoice::function("get_weather"))).await.unwrap();
            let called: GetWeather = reply.tool_calls().next().unwrap().parse().unwrap();
            assert_eq!(called, GetWeather { city: "text".into(), days: 0 }, "{name} {way:?}");
        }
    }
}

#[tokio::test]
async fn a_choice_without_tools_is_not_lost_unsaid() {
    for (name, way, server) in everywhere().await {
        let asked = call(name, &server).tool_choice(ToolChoice::Required).drop_params(true);
        let reply = way.ask(asked).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let sent = server.requests()[0].json().to_string().to_lowercase();
        let goes = ["required", r#""any""#].iter().any(|word| sent.contains(word));
        let warned = reply.meta.warnings.iter().any(|warning| warning.parameter == "tool_choice");
        assert!(goes != warned, "{name} {way:?}: {sent} {:?}", reply.meta.warnings);
    }
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_call_with_broken_arguments() {
    for (name, way, server) in everywhere().await {
        let messages = vec![
            user("Where is it mild?"),
            assistant(Part::tool_call("a1", "weather", r#"{"city": "Par"#)),
            tool_result("a1", "EOF while parsing a string").failed(),
        ];
        let tool = Tool::function("weather", "Tells the weather.");
        way.ask(ask(name, &server, &messages).tool(tool)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let sent = server.requests()[0].json().to_string();
        assert!(sent.contains(r#"{\"city\": \"Par"#), "{name} {way:?}: {sent}");
    }
}

#[test]
fn a_stream_that_is_read_outside_of_a_runtime_ends_in_an_error_that_says_so() {
    let server = MockServer::builder().spawn().unwrap();
    server.reply(Reply::text("one two three").fault(Fault::StallAfter(1)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut stream = runtime.block_on(call("openai", &server).stream()).unwrap();
    let mut read = || pin!(stream.next()).poll(&mut Context::from_waker(Waker::noop()));
    let error = loop {
        match read() {
            Poll::Ready(Some(chunk)) if chunk.is_ok() => {}
            Poll::Ready(Some(chunk)) => break chunk.unwrap_err(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("`.blocking_stream()`"), "{error}");
    assert!(matches!(read(), Poll::Ready(None)));
}

#[cfg(feature = "blocking")]
mod blocking {
    use super::*;

    fn both(server: &MockServer, name: &str) {
        assert_eq!(call(name, server).blocking().unwrap().text(), "one two three", "{name}");
        let (client, model) = (builder().build().unwrap(), format!("{name}/m"));
        let asked = client.responses(&model, "Hi").api_base(server.url()).api_key("k");
        assert_eq!(asked.clone().blocking().unwrap().text(), "one two three", "{name}");
        let told = client.messages(&model, [Turn::user("Hi")]).max_tokens(9).api_base(server.url()).api_key("k");
        let text: String = told.blocking_stream().unwrap().map(|event| event.unwrap().text().to_owned()).collect();
        assert_eq!(text, "one two three", "{name}");
        let stream = call(name, server).blocking_stream().unwrap();
        let texts: Vec<String> = stream.map(|chunk| chunk.unwrap().text().to_owned()).collect();
        assert_eq!(texts.concat(), "one two three", "{name}");
        server.enqueue(Reply::text("one two three").fault(Fault::CutAfter(1)));
        let mut stream = call(name, server).blocking_stream().unwrap();
        let error = stream.find_map(Result::err).unwrap();
        assert_eq!((error.kind(), stream.next().is_none()), (ErrorKind::StreamInterrupted, true), "{name}");
    }

    #[test]
    fn a_call_and_a_stream_can_be_waited_for_without_a_runtime() {
        let server = MockServer::builder().spawn().unwrap();
        server.reply("one two three");
        FORMATS.into_iter().for_each(|name| both(&server, name));
    }

    #[tokio::test]
    async fn also_inside_a_runtime_of_one_thread() {
        let server = MockServer::builder().spawn().unwrap();
        server.reply("one two three");
        FORMATS.into_iter().for_each(|name| both(&server, name));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn and_inside_a_runtime_of_several() {
        let server = MockServer::builder().spawn().unwrap();
        server.reply("one two three");
        FORMATS.into_iter().for_each(|name| both(&server, name));
    }

    #[test]
    fn dropping_a_blocking_stream_closes_its_connection() {
        let server = MockServer::builder().spawn().unwrap();
        server.reply(Reply::text("one two three").fault(Fault::StallAfter(1)));
        let mut stream = call("openai", &server).blocking_stream().unwrap();
        stream.next().unwrap().unwrap();
        drop(stream);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { timeout(SECOND, server.wait_abandoned(1)).await }).unwrap();
    }
}

// What the tests are made of.

/// How a reply is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Whole,
    Streamed,
}

impl Way {
    async fn ask(self, call: Completion) -> anymodel::Result<ChatResponse> {
        match self {
            Self::Whole => call.await,
            Self::Streamed => call.stream().await?.collect().await,
        }
    }
}

/// Each format whole and streamed, with a server of its own.
async fn everywhere() -> Vec<(&'static str, Way, MockServer)> {
    let mut all = Vec::new();
    for name in FORMATS {
        for way in WAYS {
            all.push((name, way, MockServer::start().await.unwrap()));
        }
    }
    all
}

fn call(name: &str, server: &MockServer) -> Completion {
    ask(name, server, &vec![user("Hi")])
}

fn ask(name: &str, server: &MockServer, messages: &Vec<Message>) -> Completion {
    ask_model(&format!("{name}/m"), server, messages)
}

fn ask_model(model: &str, server: &MockServer, messages: &Vec<Message>) -> Completion {
    let client = builder().build().unwrap();
    client.completion(model, messages).api_base(server.url()).api_key("k").num_retries(0u32)
}

/// A client without the process's keys. A test has a thread of its own, and all its clients one transport: making one
/// reads the system's certificates.
fn builder() -> ClientBuilder {
    thread_local! {
        static TRANSPORT: Arc<dyn Transport> = Arc::new(ReqwestTransport::new(5 * SECOND).unwrap());
    }
    Client::builder().transport(TRANSPORT.with(Arc::clone)).environment(Environment::none())
}

/// The text that comes before the stream ends or fails.
async fn drain(stream: &mut ChatStream) -> (String, Option<Error>) {
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => text.push_str(chunk.text()),
            Err(error) => return (text, Some(error)),
        }
    }
    (text, None)
}

fn calls(reply: &ChatResponse) -> Vec<(String, Value)> {
    reply.tool_calls().map(|call| (call.name.clone(), call.parse().unwrap())).collect()
}

/// What a reply says, whatever ids it has.
fn said(reply: &ChatResponse) -> (String, String, Vec<(String, Value)>, Option<FinishReason>) {
    (reply.text(), reply.reasoning(), calls(reply), reply.finish_reason().cloned())
}

/// The reply to the same request: its type and its bytes.
async fn replay(server: &MockServer, request: &Request) -> (String, Vec<u8>) {
    let url = format!("{}{}?{}", server.url(), request.path(), request.query());
    let response = reqwest::Client::new().post(url).body(request.body().clone()).send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, response.bytes().await.unwrap().to_vec())
}

/// An event stream of these events, each of this name.
fn event_stream(events: impl IntoIterator<Item = (&'static str, Value)>) -> Reply {
    let body: Vec<u8> = events.into_iter().flat_map(|(name, data)| message("event", name, &data.to_string())).collect();
    Reply::raw(200, "application/vnd.amazon.eventstream", body)
}

fn message(kind: &str, name: &str, payload: &str) -> Vec<u8> {
    let headers = [(&*format!(":{kind}-type"), name), (":message-type", kind)];
    anymodel::wire::event_stream::message(&headers, payload.as_bytes()).unwrap()
}

fn sse(events: impl IntoIterator<Item = String>) -> Reply {
    let body: String = events.into_iter().map(|event| format!("data: {event}\n\n")).collect();
    Reply::raw(200, "text/event-stream", body)
}

/// Blocks in the forms of <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>.
fn anthropic_blocks() -> Vec<Value> {
    vec![
        json!({"type": "thinking", "thinking": "Let me look…\n", "signature": "SIG-anthropic+/=="}),
        json!({"type": "redacted_thinking", "data": "REDACTED-anthropic+/=="}),
        json!({"type": "text", "text": "It is blue."}),
        json!({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "sky"}}),
    ]
}

fn anthropic_reply(way: Way, blocks: &[Value]) -> Reply {
    let usage = json!({"input_tokens": 3, "output_tokens": 9});
    let mut message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks,
        "stop_reason": "end_turn", "stop_sequence": null, "usage": usage});
    if way == Way::Whole {
        return Reply::json(&message);
    }
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    let mut events = vec![json!({"type": "message_start", "message": message})];
    for (index, block) in blocks.iter().enumerate() {
        let mut start = block.clone();
        let deltas = match block["type"].as_str().unwrap() {
            "thinking" => {
                start = json!({"type": "thinking", "thinking": "", "signature": ""});
                let (head, tail) = block["signature"].as_str().unwrap().split_at(5);
                vec![
                    json!({"type": "thinking_delta", "thinking": block["thinking"]}),
                    json!({"type": "signature_delta", "signature": head}),
                    json!({"type": "signature_delta", "signature": tail}),
                ]
            }
            "text" => {
                start["text"] = json!("");
                vec![json!({"type": "text_delta", "text": block["text"]})]
            }
            "tool_use" => {
                start["input"] = json!({});
                vec![json!({"type": "input_json_delta", "partial_json": block["input"].to_string()})]
            }
            _ => Vec::new(),
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        events
            .extend(deltas.iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}));
    events.push(json!({"type": "message_stop"}));
    sse(events.iter().map(Value::to_string))
}

/// The same in the forms of AWS's model of Converse, `ContentBlock`; what is redacted is base64 there.
fn bedrock_blocks() -> Vec<Value> {
    vec![
        json!({"reasoningContent": {"reasoningText": {"text": "Let me look…\n", "signature": "SIG-anthropic+/=="}}}),
        json!({"reasoningContent": {"redactedContent": STANDARD.encode("REDACTED-anthropic+/==")}}),
        json!({"text": "It is blue."}),
        json!({"toolUse": {"toolUseId": "tooluse_1", "name": "look", "input": {"at": "sky"}}}),
    ]
}

fn bedrock_reply(way: Way, blocks: &[Value]) -> Reply {
    let usage = json!({"inputTokens": 3, "outputTokens": 9, "totalTokens": 12});
    if way == Way::Whole {
        let message = json!({"role": "assistant", "content": blocks});
        return Reply::json(&json!({"output": {"message": message}, "stopReason": "end_turn", "usage": usage}));
    }
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    for (index, block) in blocks.iter().enumerate() {
        let mut deltas = Vec::new();
        if let Some(thought) = block.pointer("/reasoningContent/reasoningText") {
            let (head, tail) = thought["signature"].as_str().unwrap().split_at(5);
            deltas.push(json!({"reasoningContent": {"text": thought["text"]}}));
            deltas.extend([head, tail].map(|piece| json!({"reasoningContent": {"signature": piece}})));
        } else if let Some(call) = block.get("toolUse") {
            let start = json!({"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}});
            events.push(("contentBlockStart", json!({"contentBlockIndex": index, "start": start})));
            deltas.push(json!({"toolUse": {"input": call["input"].to_string()}}));
        } else {
            deltas.push(block.clone());
        }
        let delta = |delta| ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}));
        events.extend(deltas.into_iter().map(delta));
        events.push(("contentBlockStop", json!({"contentBlockIndex": index})));
    }
    events.extend([("messageStop", json!({"stopReason": "end_turn"})), ("metadata", json!({"usage": usage}))]);
    event_stream(events)
}

/// Parts in the forms of <https://ai.google.dev/gemini-api/docs/thought-signatures>.
fn gemini_parts() -> Vec<Value> {
    vec![
        json!({"text": "I look.", "thought": true}),
        json!({"text": "Green.", "thoughtSignature": "SIG-gemini-text+/=="}),
        json!({"functionCall": {"name": "look", "args": {"at": "sky"}}, "thoughtSignature": "SIG-gemini-call+/=="}),
    ]
}

fn gemini_reply(way: Way, parts: &[Value]) -> Reply {
    let candidate = |parts: &[Value], finish: Option<&str>| {
        let content = json!({"role": "model", "parts": parts});
        json!({"candidates": [{"index": 0, "content": content, "finishReason": finish}], "responseId": "r", "modelVersion": "m"})
    };
    match way {
        Way::Whole => Reply::json(&candidate(parts, Some("STOP"))),
        Way::Streamed => {
            let pieces = parts.iter().map(|part| candidate(std::slice::from_ref(part), None).to_string());
            sse(pieces.chain([candidate(&[], Some("STOP")).to_string()]))
        }
    }
}

/// Details in the forms of <https://openrouter.ai/docs/use-cases/reasoning-tokens>.
fn reasoning_details() -> Value {
    json!([
        {"type": "reasoning.text", "text": "Up there.", "signature": "SIG-openrouter+/==", "id": "r1", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "SIG-openrouter-data", "id": "r2", "format": "anthropic-claude-v1", "index": 1}
    ])
}

fn openrouter_reply(way: Way) -> Reply {
    let choice = |name: &str, said: Value, finish: Value| json!({"id": "gen-1", "model": "m", "choices": [{"index": 0, name: said, "finish_reason": finish}]});
    let details = reasoning_details();
    if way == Way::Whole {
        let message =
            json!({"role": "assistant", "content": "Blue.", "reasoning": "Up there.", "reasoning_details": details});
        return Reply::json(&choice("message", message, json!("stop")));
    }
    let detail = |detail: Value| choice("delta", json!({"content": "", "reasoning_details": [detail]}), Value::Null);
    let mut first = details[0].clone();
    first["text"] = json!("Up ");
    first["signature"] = Value::Null;
    let mut second = details[0].clone();
    second["text"] = json!("there.");
    let events = [
        detail(first),
        detail(second),
        detail(details[1].clone()),
        choice("delta", json!({"content": "Blue."}), Value::Null),
        choice("delta", json!({"content": ""}), json!("stop")),
    ];
    sse(events.iter().map(Value::to_string))
}

/// An error in all its forms, with its causes.
fn all_of(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text += &format!(" {inner} {inner:?}");
        cause = inner.source();
    }
    text
}

/// Where a secret was found.
fn around<'a>(text: &'a str, secret: &str) -> &'a str {
    let at = text.find(secret).unwrap_or(0);
    let start = (0..=at.saturating_sub(200)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[start..at + secret.len().min(text.len() - at)]
}

/// Keeps what is traced on this thread, which is this test's own. One listener for the whole process, because `tracing`
/// asks only once whether anybody listens.
struct Log;

thread_local! {
    static TRACED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

impl Log {
    fn listen() {
        static LISTENER: Once = Once::new();
        LISTENER.call_once(|| {
            let listener = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
            listener.with_span_events(FmtSpan::FULL).with_writer(|| Self).init();
        });
        TRACED.set(Some(Vec::new()));
    }

    fn take() -> String {
        String::from_utf8(TRACED.take().unwrap_or_default()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        TRACED.with_borrow_mut(|traced| traced.iter_mut().for_each(|traced| traced.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
