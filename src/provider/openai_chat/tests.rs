//! What servers really send, the cases of our own, and the recorded streams.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::chat::{ChatChunk, ChatResponse, Delta, FinishReason, user};
use crate::error::ErrorKind;
use crate::provider::tests::{decode_pieces, sum};
use crate::provider::{Queue, Registry};

pub(super) fn provider(name: &str) -> Arc<dyn Provider> {
    Arc::clone(Registry::table().get(name).unwrap())
}

pub(super) fn encode(name: &str, request: &ChatRequest) -> Result<(Value, Vec<String>)> {
    let provider = provider(name);
    let target = Target::new(&request.model, "https://llm.example/v1");
    let encoded = provider.chat().unwrap().encode(request, &target)?;
    let warnings = encoded.warnings.iter().map(ToString::to_string).collect();
    Ok((serde_json::from_slice(encoded.request.body()).unwrap(), warnings))
}

fn decode(body: impl Into<Bytes>) -> Result<ChatResponse> {
    let provider = provider("openai");
    let Progress::Done(reply) =
        provider.chat().unwrap().decode(&ChatRequest::default(), &Response::new(body.into()))?
    else {
        panic!("a chat is done at once")
    };
    Ok(reply)
}

fn events(events: &[Value]) -> String {
    let lines = events.iter().map(|event| format!("data: {event}\n\n"));
    lines.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn stream(text: &str) -> (Vec<ChatChunk>, Result<()>) {
    decode_pieces(provider("openai").chat().unwrap(), &ChatRequest::default(), [text.as_bytes()])
}

fn streamed(list: &[Value]) -> ChatResponse {
    let (chunks, ended) = stream(&events(list));
    ended.unwrap();
    sum(chunks)
}

fn delta(delta: Value) -> Value {
    json!({"id": "x", "choices": [{"index": 0, "delta": delta}]})
}

fn end(reason: &str) -> Value {
    json!({"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn call(index: Option<u64>, id: Option<&str>, name: Option<&str>, arguments: &str) -> Value {
    let piece = json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}});
    delta(json!({"tool_calls": [piece]}))
}

fn calls(reply: &ChatResponse) -> Vec<(&str, &str, &str)> {
    reply.tool_calls().map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str())).collect()
}

// ---- whole replies ----------------------------------------------------------------------------------------------

#[test]
fn white_space_is_kept() {
    let reply = decode(r#"{"choices":[{"message":{"content":"  a\n\n"},"finish_reason":"stop"}]}"#).unwrap();
    assert_eq!(reply.text(), "  a\n\n");
    assert_eq!(
        streamed(&[delta(json!({"content": "  a"})), delta(json!({"content": "\n\n"})), end("stop")]).text(),
        "  a\n\n"
    );
}

#[test]
fn two_choices_are_both_given() {
    let choices: Vec<Value> = (0..2)
        .map(|n| json!({"index": n, "message": {"content": format!("no. {n}")}, "finish_reason": "stop"}))
        .collect();
    let reply = decode(json!({"choices": choices}).to_string()).unwrap();
    let texts: Vec<String> = reply.choices.iter().map(|choice| choice.message.text()).collect();
    assert_eq!(texts, ["no. 0", "no. 1"]);
    let chunk = |n: u32, text: &str, end: Option<&str>| json!({"choices": [{"index": n, "delta": {"content": text}, "finish_reason": end}]});
    let reply =
        streamed(&[chunk(1, "b", None), chunk(0, "a", None), chunk(0, "a", Some("stop")), chunk(1, "b", Some("stop"))]);
    let texts: Vec<String> = reply.choices.iter().map(|choice| choice.message.text()).collect();
    assert_eq!(texts, ["aa", "bb"]);
}

#[test]
fn a_finish_reason_without_a_name_here_is_kept() {
    let reply = decode(r#"{"choices":[{"message":{"content":"a"},"finish_reason":"insufficient_system_resource"}]}"#);
    let other = FinishReason::Other("insufficient_system_resource".into());
    assert_eq!(reply.unwrap().finish_reason(), Some(&other));
    let reply = streamed(&[delta(json!({"content": "a"})), end("insufficient_system_resource")]);
    assert_eq!(reply.finish_reason(), Some(&other));
}

#[test]
fn a_refusal_is_told_from_text() {
    let reply = decode(r#"{"choices":[{"message":{"content":null,"refusal":"No."},"finish_reason":"stop"}]}"#).unwrap();
    assert_eq!((reply.text().as_str(), reply.message().unwrap().refusal().as_deref()), ("", Some("No.")));
    let reply = streamed(&[delta(json!({"refusal": "N"})), delta(json!({"refusal": "o."})), end("stop")]);
    assert_eq!(reply.message().unwrap().refusal().as_deref(), Some("No."));
}

#[test]
fn a_page_of_html_is_an_invalid_response_that_keeps_status_and_body() {
    let error = decode("<html>hello</html>").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!(error.status().map(|status| status.as_u16()), Some(200));
    assert_eq!(error.body().unwrap().as_ref(), b"<html>hello</html>");
    for body in ["{}", r#"{"choices":null}"#, "[]", "null"] {
        assert_eq!(decode(body).unwrap_err().kind(), ErrorKind::InvalidResponse, "{body}");
    }
}

#[test]
fn an_error_under_a_good_status_is_an_error() {
    let error = decode(r#"{"error":{"code":429,"message":"slow down"},"choices":[]}"#).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimited, "slow down"));
    let choice =
        json!({"message": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "gone"}});
    let error = decode(json!({"choices": [choice]}).to_string()).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "gone"));
}

#[test]
fn content_that_is_json_itself_becomes_its_text() {
    let reply = decode(r#"{"choices":[{"message":{"content":{"a":[1]}},"finish_reason":"stop"}]}"#).unwrap();
    assert_eq!(reply.text(), r#"{"a":[1]}"#);
    assert_eq!(streamed(&[delta(json!({"content": {"a": [1]}})), end("stop")]).text(), r#"{"a":[1]}"#);
}

#[test]
fn reasoning_is_found_wherever_servers_put_it() {
    let thinking =
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Yes."}]);
    let summary = json!([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}, {"type": "text", "text": "Yes."}]);
    for message in [
        json!({"content": "Yes.", "reasoning_content": "Hm."}),
        json!({"content": "Yes.", "reasoning": "Hm."}),
        json!({"content": "Yes.", "reasoning": "", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "index": 0}]}),
        json!({"content": "<think>Hm.</think>Yes."}),
        json!({"content": thinking}),
        json!({"content": summary}),
    ] {
        let body = json!({"choices": [{"message": message, "finish_reason": "stop"}]});
        let reply = decode(body.to_string()).unwrap();
        assert_eq!((reply.reasoning().as_str(), reply.text().as_str()), ("Hm.", "Yes."), "{message}");
        let reply = streamed(&[delta(message.clone()), end("stop")]);
        assert_eq!((reply.reasoning().as_str(), reply.text().as_str()), ("Hm.", "Yes."), "{message}");
    }
}

#[test]
fn usage_is_brought_into_one_meaning() {
    let read = |usage: Value| {
        let body = json!({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": usage});
        decode(body.to_string()).unwrap().usage.unwrap()
    };
    let deepseek = read(json!({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 8}));
    assert_eq!((deepseek.cached_tokens(), deepseek.total_tokens), (8, 11));
    let beside = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 16, "completion_tokens_details": {"reasoning_tokens": 5}});
    assert_eq!(read(beside).completion_tokens, 7);
    let within = json!({"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16, "completion_tokens_details": {"reasoning_tokens": 5}});
    assert_eq!(read(within).completion_tokens, 7);
    let singular = read(
        json!({"prompt_token_details": {"cached_tokens": 8}, "completion_token_details": {"reasoning_tokens": 5}}),
    );
    assert_eq!((singular.cached_tokens(), singular.reasoning_tokens()), (8, 5));
    let searched =
        read(json!({"prompt_tokens": 1, "completion_tokens": 1, "num_search_queries": 3, "cost": {"total_cost": 0.5}}));
    assert_eq!((searched.server_tool_use.unwrap().web_search_requests, searched.cost), (Some(3), Some(0.5)));
}

// ---- streams ----------------------------------------------------------------------------------------------------

#[test]
fn an_error_inside_a_stream_is_typed_and_final() {
    let (provider, mut queue) = (provider("openai"), Queue::new());
    let mut decoder = provider.chat().unwrap().stream_decoder(&ChatRequest::default());
    let text = events(&[delta(json!({"content": "a"})), json!({"error": {"message": "busy", "code": 503}})]);
    let error = decoder.push(text.as_bytes(), &mut queue).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "busy"));
    assert_eq!(queue.iter().map(ChatChunk::text).collect::<String>(), "a");
    let before = queue.len();
    let _ = decoder.push(events(&[delta(json!({"content": "b"})), end("stop")]).as_bytes(), &mut queue);
    assert_eq!(queue.len(), before, "nothing comes after an error");
    let named = "event: error\ndata: {\"message\": \"no\", \"type\": \"rate_limit_error\"}\n\n";
    assert_eq!(stream(named).1.unwrap_err().kind(), ErrorKind::RateLimited);
    let choice = json!({"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 429, "message": "x"}}]});
    assert_eq!(stream(&events(&[choice])).1.unwrap_err().kind(), ErrorKind::RateLimited);
}

#[test]
fn an_event_that_cannot_be_read_interrupts_the_stream() {
    for data in ["{\"choices\":[{\"delta\":{\"content\":\"a\"", "hello", "[1]"] {
        let text = format!("data: {data}\n\n{}", events(&[delta(json!({"content": "b"})), end("stop")]));
        let (chunks, ended) = stream(&text);
        let error = ended.unwrap_err();
        assert_eq!((error.kind(), error.body().unwrap().as_ref()), (ErrorKind::StreamInterrupted, data.as_bytes()));
        assert!(chunks.is_empty(), "{chunks:?}");
    }
}

#[test]
fn a_stream_that_ends_without_a_finish_reason_was_interrupted() {
    let (chunks, ended) = stream(&events(&[delta(json!({"content": "a"}))]));
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::StreamInterrupted);
    assert_eq!(sum(chunks).text(), "a");
    assert_eq!(stream("").1.unwrap_err().kind(), ErrorKind::StreamInterrupted);
    assert!(stream(&format!("data: {}\n\n", end("stop"))).1.is_ok(), "[DONE] may be missing");
}

#[test]
fn carriage_returns_comments_and_cut_letters_change_nothing() {
    let text = events(&[delta(json!({"content": "Grüße, "})), delta(json!({"content": "世界 🦀"})), end("stop")]);
    let text = text.replace("data: ", ": keep alive\r\ndata:").replace("\n\n", "\r\n\r\n");
    let provider = provider("openai");
    let (chunks, ended) = decode_pieces(provider.chat().unwrap(), &ChatRequest::default(), text.as_bytes().chunks(3));
    ended.unwrap();
    assert_eq!(sum(chunks).text(), "Grüße, 世界 🦀");
}

#[test]
fn parallel_calls_that_come_interleaved_come_out_whole() {
    let reply = streamed(&[
        call(Some(0), Some("a"), Some("f"), ""),
        call(Some(1), Some("b"), Some("g"), "{\"y\""),
        call(Some(0), None, None, "{\"x\""),
        call(Some(1), None, None, ":2}"),
        call(Some(0), None, None, ":1}"),
        end("tool_calls"),
    ]);
    assert_eq!(calls(&reply), [("a", "f", r#"{"x":1}"#), ("b", "g", r#"{"y":2}"#)]);
}

#[test]
fn calls_are_told_apart_however_servers_number_them() {
    let both = [("a", "f", r#"{"x":1}"#), ("b", "g", "{}")];
    let all_zero =
        [call(Some(0), Some("a"), Some("f"), r#"{"x":1}"#), call(Some(0), Some("b"), Some("g"), "{}"), end("stop")];
    assert_eq!(calls(&streamed(&all_zero)), both);
    let no_index = [
        call(None, Some("a"), Some("f"), "{\"x\""),
        call(None, None, None, ":1}"),
        call(None, Some("b"), Some("g"), "{}"),
        end("stop"),
    ];
    assert_eq!(calls(&streamed(&no_index)), both);
    let repeated = [
        call(Some(0), Some("a"), Some("f"), "{\"x\""),
        call(Some(0), Some("a"), Some("f"), ":1}"),
        call(Some(1), Some("b"), Some("g"), "{}"),
        end("stop"),
    ];
    assert_eq!(calls(&streamed(&repeated)), both);
    let no_ids = [call(Some(0), None, Some("f"), r#"{"x":1}"#), call(Some(0), None, Some("g"), "{}"), end("stop")];
    assert_eq!(calls(&streamed(&no_ids)), [("", "f", r#"{"x":1}"#), ("", "g", "{}")]);
    let fresh_ids = [call(Some(0), Some("a"), Some("f"), "{\"x\""), call(Some(0), Some("z"), None, ":1}"), end("stop")];
    assert_eq!(calls(&streamed(&fresh_ids)), both[..1]);
}

#[test]
fn a_call_whose_every_piece_repeats_its_name_is_read_once_and_not_with_each_piece_again() {
    let pieces = |text: &'static str| std::iter::repeat_n(call(Some(0), None, Some("f"), text), 1 << 14);
    let list: Vec<Value> = pieces("[\"}\\\"\", ").chain(pieces("1]")).chain([end("stop")]).collect();
    let reply = streamed(&list);
    assert_eq!(calls(&reply).iter().map(|(_, _, arguments)| arguments.len()).collect::<Vec<_>>(), [10 << 14]);
}

#[test]
fn a_name_that_comes_after_the_id_is_waited_for() {
    let late = [
        call(Some(0), Some("a"), None, ""),
        call(Some(0), None, None, "{\"x\""),
        call(Some(0), None, Some("f"), ":1}"),
        end("tool_calls"),
    ];
    assert_eq!(calls(&streamed(&late)), [("a", "f", r#"{"x":1}"#)]);
    let never = [call(Some(0), Some("a"), None, "{}"), end("tool_calls")];
    assert_eq!(calls(&streamed(&never)), [("a", "", "{}")]);
}

#[test]
fn arguments_that_come_as_an_object_become_text() {
    let function = json!({"name": "f", "arguments": {"x": 1}});
    let reply = streamed(&[delta(json!({"tool_calls": [{"id": "a", "function": function}]})), end("stop")]);
    assert_eq!(calls(&reply), [("a", "f", r#"{"x":1}"#)]);
    let message = json!({"content": null, "tool_calls": [{"id": "a", "type": "function", "function": function}]});
    let reply = decode(json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string()).unwrap();
    assert_eq!(calls(&reply), [("a", "f", r#"{"x":1}"#)]);
    assert_eq!(reply.finish_reason(), Some(&FinishReason::ToolCalls));
}

#[test]
fn a_whole_message_in_one_chunk_is_a_stream_too() {
    let message = json!({"role": "assistant", "content": "Hi", "tool_calls": null, "refusal": null});
    let chunk = json!({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
    assert_eq!(streamed(&[chunk]).text(), "Hi");
}

#[test]
fn empty_nothings_are_passed_over() {
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3});
    let reply = streamed(&[
        json!({"id": "x", "choices": null, "usage": usage}),
        json!({"id": "x", "choices": []}),
        json!({"id": "x", "choices": [{"delta": null, "finish_reason": ""}], "usage": null}),
        json!({"id": "x", "choices": [{"index": 0, "delta": {"content": "a", "role": null}, "finish_reason": null}], "usage": usage}),
        end("stop"),
        json!({"id": "x", "choices": [], "usage": usage}),
    ]);
    assert_eq!((reply.text().as_str(), reply.choices.len()), ("a", 1));
    assert_eq!(reply.usage.unwrap().total_tokens, 3);
}

#[test]
fn sealed_reasoning_adds_up_to_one_list_that_goes_back() {
    let piece = |text: &str| json!({"reasoning": text, "reasoning_details": [{"type": "reasoning.text", "text": text, "index": 0}]});
    let seal = json!({"reasoning_details": [{"type": "reasoning.text", "signature": "s", "index": 0}]});
    let text =
        events(&[delta(piece("a")), delta(piece("b")), delta(seal), delta(json!({"content": "c"})), end("stop")]);
    let provider = provider("openrouter");
    let (chunks, ended) = decode_pieces(provider.chat().unwrap(), &ChatRequest::default(), [text.as_bytes()]);
    ended.unwrap();
    let reply = sum(chunks);
    assert_eq!((reply.reasoning().as_str(), reply.text().as_str()), ("ab", "c"));
    let request = ChatRequest::new("x/y", [user("?"), reply.into()]);
    let (sent, _) = encode("openrouter", &request).unwrap();
    let list = json!([{"type": "reasoning.text", "text": "ab", "index": 0, "signature": "s"}]);
    assert_eq!(sent["messages"][1]["reasoning_details"], list);
    let (sent, _) = encode("groq", &request).unwrap();
    assert!(sent["messages"][1].get("reasoning_details").is_none(), "another provider's seals stay at home");
}

#[test]
fn sources_beside_the_choices_become_citations() {
    let beside = json!({"citations": ["https://a.example", "https://b.example"], "search_results": [{"url": "https://b.example", "title": "B"}]});
    let with = |mut chunk: Value| {
        chunk.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        chunk
    };
    let cited = |reply: &ChatResponse| {
        let list = &reply.message().unwrap().annotations;
        list.iter().map(|found| (found.url.clone().unwrap(), found.title.clone())).collect::<Vec<_>>()
    };
    let wanted = vec![("https://a.example".to_owned(), None), ("https://b.example".to_owned(), Some("B".to_owned()))];
    let reply = streamed(&[with(delta(json!({"content": "x[1]"}))), with(end("stop"))]);
    assert_eq!(cited(&reply), wanted);
    assert_eq!(reply.extra.get("citations"), beside.get("citations"));
    let body = with(json!({"choices": [{"message": {"content": "x[1]"}, "finish_reason": "stop"}]}));
    let reply = decode(body.to_string()).unwrap();
    assert_eq!(cited(&reply), wanted);
}

#[test]
fn usage_that_hides_elsewhere_is_found_by_the_row() {
    let mut last = end("stop");
    last["x_groq"] = json!({"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}});
    let text = events(&[delta(json!({"content": "a"})), last]);
    let provider = provider("groq");
    let (chunks, ended) = decode_pieces(provider.chat().unwrap(), &ChatRequest::default(), [text.as_bytes()]);
    ended.unwrap();
    assert_eq!(sum(chunks).usage.unwrap().total_tokens, 7);
    assert_eq!(sum(stream(&text).0).usage, None);
}

#[test]
fn a_server_that_never_says_why_it_ends_is_known_by_its_row() {
    let text = events(&[delta(json!({"content": "4"})), json!({"choices": [], "usage": {"prompt_tokens": 1}})]);
    let provider = provider("snowflake");
    let (chunks, ended) = decode_pieces(provider.chat().unwrap(), &ChatRequest::default(), [text.as_bytes()]);
    ended.unwrap();
    assert_eq!(sum(chunks).finish_reason(), Some(&FinishReason::Stop));
    let cut = text.replace("data: [DONE]\n\n", "");
    let (_, ended) = decode_pieces(provider.chat().unwrap(), &ChatRequest::default(), [cut.as_bytes()]);
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::StreamInterrupted);
}

// ---- cases of our own, and recorded traffic ---------------------------------------------------------------------

#[test]
fn a_role_that_a_provider_does_not_know_becomes_system() {
    let request = ChatRequest::new("m", [crate::chat::developer("Be brief."), user("?")]);
    assert_eq!(encode("openai", &request).unwrap().0["messages"][0]["role"], "developer");
    assert_eq!(encode("groq", &request).unwrap().0["messages"][0]["role"], "system");
}

#[test]
fn chunks_of_a_stream_start_with_its_head() {
    let (chunks, _) = stream(&events(&[delta(json!({"content": "a"})), end("stop")]));
    assert!(matches!(&chunks[0].delta, Delta::Start(start) if start.id == "x"), "{chunks:?}");
}

#[test]
fn the_quick_way_and_the_full_way_read_a_stream_alike() {
    let texts = ["Hel", "", "lo\n", "<think>", "é", " \\", "</think>", "🦀"];
    for (step, extra) in
        (1..40_usize).flat_map(|step| ["refusal", "reasoning", "tool_calls"].map(|extra| (step, extra)))
    {
        let mut list: Vec<Value> =
            (0..step).map(|at| delta(json!({"content": texts[at * step % 8], extra: null}))).collect();
        list.extend([delta(json!({"content": "a", "reasoning": "b"})), delta(json!({"content": "c"})), end("stop")]);
        let quick = stream(&events(&list)).0;
        for event in &mut list {
            event["usage"] = json!({}); // a member that keeps the quick way out
        }
        let mut full = stream(&events(&list)).0;
        full.retain(|chunk| !matches!(chunk.delta, Delta::Usage(_)));
        assert_eq!(quick, full, "{step} {extra}");
    }
}

#[test]
fn a_reply_in_pieces_of_text_is_one_text() {
    let pieces = json!([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}]);
    let reply = decode(json!({"choices": [{"message": {"content": pieces}, "finish_reason": "stop"}]}).to_string());
    let written = serde_json::to_value(reply.unwrap()).unwrap();
    assert_eq!(written["choices"][0]["message"]["content"], "Hello.");
}
