//! What servers really send, the cases of our own, and the recorded streams.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::chat::{ChatChunk, ChatResponse, Delta, FinishReason, ResponseFormat, Tool, ToolChoice, user};
use crate::error::ErrorKind;
use crate::provider::tests::{decode_pieces, sum};
use crate::provider::{Queue, Registry};

fn provider(name: &str) -> Arc<dyn Provider> {
    Arc::clone(Registry::table().get(name).unwrap())
}

fn encode(name: &str, request: &ChatRequest) -> Result<(Value, Vec<String>)> {
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

// ---- requests ---------------------------------------------------------------------------------------------------

#[test]
fn what_a_provider_cannot_express_is_an_error_or_a_warning() {
    let picture = [crate::chat::Part::text("?"), crate::chat::Part::image_url("https://a.example/x.png")];
    let mut request = ChatRequest::new("deepseek-chat", [user(picture)]);
    let error = encode("deepseek", &request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("image content"), "{error}");
    request.params.drop_params = true;
    let (sent, warnings) = encode("deepseek", &request).unwrap();
    assert_eq!(sent["messages"][0]["content"], "?");
    assert_eq!(warnings.len(), 1, "{warnings:?}");

    let mut request = ChatRequest::new("glm-4.6", "?");
    request.params.response_format = Some(ResponseFormat::json_schema("x", json!({"type": "object"})));
    assert_eq!(encode("zai", &request).unwrap_err().kind(), ErrorKind::Unsupported);
    request.params.response_format = Some(ResponseFormat::JsonObject);
    assert_eq!(encode("zai", &request).unwrap().0["response_format"]["type"], "json_object");
}

#[test]
fn what_a_model_refuses_is_refused_for_it_unless_it_changes_nothing() {
    let asked = |provider: &str, model: &str, temperature: f64| {
        let request =
            json!({"model": model, "messages": [{"role": "user", "content": "Hi"}], "temperature": temperature});
        encode(provider, &serde_json::from_value(request).unwrap()).map(|(body, _)| body["temperature"].clone())
    };
    for model in ["o3", "gpt-5-mini", "gpt-6-astra"] {
        assert_eq!(asked("openai", model, 0.5).unwrap_err().kind(), ErrorKind::Unsupported, "{model}");
        assert_eq!(asked("openai", model, 1.0).unwrap(), 1.0, "{model}");
        assert_eq!(asked("custom_openai", model, 0.5).unwrap(), 0.5, "a name says nothing on a server of one's own");
    }
    for (provider, model) in [("openai", "gpt-5-chat-latest"), ("openai", "gpt-5.2"), ("openrouter", "openai/gpt-5")] {
        assert_eq!(asked(provider, model, 0.5).unwrap(), 0.5, "{model}");
    }
}

#[test]
fn tool_choice_is_said_in_the_words_of_the_provider() {
    let mut request = ChatRequest::new("m", "?");
    request.params.tools = Some(vec![Tool::function("f", "…").strict(true)]);
    request.params.tool_choice = Some(ToolChoice::Required);
    assert_eq!(encode("mistral", &request).unwrap().0["tool_choice"], "any");
    assert_eq!(encode("groq", &request).unwrap().0["tool_choice"], "required");
    assert_eq!(encode("deepinfra", &request).unwrap_err().kind(), ErrorKind::Unsupported);
    let (sent, warnings) = encode("moonshot", &request).unwrap();
    assert!(sent.get("tool_choice").is_none() && sent["messages"].as_array().unwrap().len() == 2, "{sent}");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(encode("xai", &request).unwrap().0["tools"][0]["function"].get("strict").is_none());
}

#[test]
fn reasoning_is_asked_for_in_the_way_of_the_provider() {
    let mut request = ChatRequest::new("some-reasoner", "?");
    request.params.reasoning_effort = Some("medium".into());
    let said = |name: &str, request: &ChatRequest| {
        let sent = encode(name, request).unwrap().0;
        (sent["reasoning_effort"].clone(), sent["thinking"]["type"].clone())
    };
    assert_eq!(said("groq", &request), (json!("medium"), Value::Null));
    assert_eq!(said("mistral", &request), (json!("high"), Value::Null));
    for name in ["zai", "moonshot"] {
        assert_eq!(said(name, &request), (json!("medium"), json!("enabled")), "{name}");
    }
    assert_eq!(said("deepseek", &request), (json!("medium"), json!("enabled")));
    request.params.reasoning_effort = Some("none".into());
    assert_eq!(said("deepseek", &request), (Value::Null, json!("disabled")));
    assert_eq!(said("mistral", &request), (json!("none"), Value::Null));
    request.params.reasoning_effort = None;
    request.params.thinking = Some(crate::chat::Thinking::enabled(2000));
    assert_eq!(said("hosted_vllm", &request), (json!("low"), Value::Null));
    assert_eq!(encode("openrouter", &request).unwrap().0["reasoning"], json!({"max_tokens": 2000}));
    let sent = encode("dashscope", &request).unwrap().0;
    assert_eq!((&sent["enable_thinking"], &sent["thinking_budget"]), (&json!(true), &json!(2000)));
    assert_eq!(encode("groq", &request).unwrap_err().kind(), ErrorKind::Unsupported);
}

/// https://docs.mistral.ai/inference/conversations/reasoning, and the cards of the models on Mistral's host.
#[test]
fn mistral_is_told_how_much_to_reason_in_the_words_that_the_model_has_and_a_changed_word_is_warned_of() {
    let said = |model: &str, word: &str| {
        let mut request = ChatRequest::new(model, "?");
        request.params.reasoning_effort = Some(word.into());
        let (sent, warnings) = encode("mistral", &request).unwrap();
        (sent["reasoning_effort"].clone(), warnings.len())
    };
    assert_eq!(said("mistral-small-latest", "low"), (json!("high"), 1));
    assert_eq!(said("mistral-medium-3-5", "high"), (json!("high"), 0));
    assert_eq!(said("mistral-medium-3-5", "none"), (json!("none"), 0));
    assert_eq!(said("mistral-large-4-0", "low"), (json!("low"), 0));
    assert_eq!(said("zai-glm-5-2", "xhigh"), (json!("xhigh"), 0));
    let mut request = ChatRequest::new("zai-glm-5-3", "?");
    request.params.reasoning_effort = Some("medium".into());
    assert_eq!(encode("mistral", &request).unwrap_err().kind(), ErrorKind::Unsupported);
    request.model = "mistral-small-latest".to_owned();
    let detailed = json!({"effort": "none", "summary": "auto"}).as_object().cloned().unwrap();
    request.params.reasoning_effort = Some(crate::chat::Effort::Detailed(detailed));
    assert_eq!(encode("mistral", &request).unwrap().0["reasoning_effort"], "none");
}

/// Of what each vendor's page or SDK has, as the row names it.
#[test]
fn rows_take_and_refuse_what_the_vendor_says() {
    let takes = |name: &str, parameter: &'static str, value: Value| {
        let mut request = ChatRequest::new("some-model", "?");
        request.params.set(parameter, value).unwrap();
        let encoded = encode(name, &request);
        assert!(
            encoded.as_ref().is_ok() || encoded.as_ref().is_err_and(|e| e.kind() == ErrorKind::Unsupported),
            "{name}"
        );
        encoded.is_ok()
    };
    for name in ["featherless_ai", "nscale", "scaleway", "sarvam", "friendliai"] {
        assert!(takes(name, "seed", json!(7)), "{name}");
        assert!(!takes(name, "user", json!("u")), "{name}");
    }
    for parameter in ["n", "frequency_penalty"] {
        assert!(!takes("scaleway", parameter, json!(2)) && takes("sarvam", parameter, json!(2)), "{parameter}");
    }
    assert!(!takes("lemonade", "logprobs", json!(true)) && takes("scaleway", "logprobs", json!(true)));
    let mut request = ChatRequest::new("some-model", "?");
    request.params.max_completion_tokens = Some(9);
    for name in ["assemblyai", "friendliai", "sarvam", "scaleway"] {
        assert_eq!(encode(name, &request).unwrap().0["max_tokens"], 9, "{name}");
    }
    for name in ["apertis", "nscale", "synthetic"] {
        assert_eq!(encode(name, &request).unwrap().0["max_completion_tokens"], 9, "{name}");
    }
}

#[test]
fn models_and_parameters_go_by_the_names_that_the_provider_has_for_them() {
    let mut request = ChatRequest::new("llama-v3p3", [user("?").named("Ann")]);
    assert_eq!(encode("fireworks_ai", &request).unwrap().0["model"], "accounts/fireworks/models/llama-v3p3");
    request.params.seed = Some(7);
    request.params.max_completion_tokens = Some(9);
    let (sent, warnings) = encode("mistral", &request).unwrap();
    assert_eq!((&sent["random_seed"], &sent["max_tokens"]), (&json!(7), &json!(9)));
    assert!(sent.get("seed").is_none() && sent["messages"][0].get("name").is_none(), "{sent}");
    assert_eq!(warnings.len(), 1, "the name is not dropped silently: {warnings:?}");
    request.params.temperature = Some(1.5);
    request.params.seed = None;
    let (sent, warnings) = encode("moonshot", &request).unwrap();
    assert_eq!((&sent["temperature"], warnings.len()), (&json!(1.0), 1));
    request.params.max_completion_tokens = None;
    request.params.max_tokens = Some(9);
    assert_eq!(encode("moonshot", &request).unwrap().0["max_completion_tokens"], 9);
    assert_eq!(encode("xai", &request).unwrap().0["max_tokens"], 9);
    request.params.user = Some("u-1234".to_owned());
    let (sent, _) = encode("zai", &request).unwrap();
    assert!(sent["user_id"] == "u-1234" && sent.get("user").is_none(), "{sent}");
}

#[test]
fn hugging_face_names_a_host_behind_the_model_and_has_servers_of_ones_own() {
    let sent = |model: &str, base: &str| {
        let encoded =
            provider("huggingface").chat().unwrap().encode(&ChatRequest::new(model, "?"), &Target::new(model, base));
        let request = encoded.unwrap().request;
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        (request.uri().to_string(), body["model"].as_str().unwrap().to_owned())
    };
    let router = "https://router.huggingface.co/v1";
    for (model, called) in [
        ("together/deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1:together"),
        ("deepseek-ai/DeepSeek-R1:together", "deepseek-ai/DeepSeek-R1:together"),
        ("deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1"),
    ] {
        assert_eq!(sent(model, router), (format!("{router}/chat/completions"), called.to_owned()));
    }
    let (url, _) = sent("tgi", "https://x.endpoints.huggingface.cloud");
    assert_eq!(url, "https://x.endpoints.huggingface.cloud/v1/chat/completions");
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

/// Source: Together's OpenAPI description: `logprobs` is an integer between 0 and 20, of the alternatives to tell of.
#[test]
fn together_counts_the_probabilities_that_it_is_to_tell() {
    let sent = |logprobs, top_logprobs| {
        let mut request = ChatRequest::new("m", "Hi");
        (request.params.logprobs, request.params.top_logprobs) = (logprobs, top_logprobs);
        let (body, warnings) = encode("together_ai", &request).unwrap();
        assert_eq!((body.get("top_logprobs"), warnings.len()), (None, 0));
        body.get("logprobs").cloned()
    };
    assert_eq!(sent(Some(true), Some(3)), Some(json!(3)));
    assert_eq!(sent(None, Some(3)), Some(json!(3)));
    assert_eq!(sent(Some(true), None), Some(json!(1)));
    assert_eq!(sent(Some(false), Some(3)), Some(json!(0)));
    assert_eq!(sent(None, None), None);
}

// ---- what the server must be told -----------------------------------------------------------------------------------

fn asked(request: Value) -> ChatRequest {
    serde_json::from_value(request).unwrap()
}

/// A round of one call, with and without the reasoning that led to it.
fn round(model: &str, more: Value) -> ChatRequest {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let mut request = json!({"model": model, "messages": [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "reasoning_content": "Because.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ]});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked(request)
}

/// The servers' own words: "reasoning_content is missing in assistant tool call message"
/// (<https://github.com/continuedev/continue/issues/11600>, `/9831`).
#[test]
fn calls_tell_the_reasoning_that_led_to_them_where_the_server_insists_on_it() {
    let told = |name: &str, model: &str, more: Value| {
        let (body, _) = encode(name, &round(model, more)).unwrap();
        (body["messages"][1]["reasoning_content"].clone(), body["messages"][3]["reasoning_content"].clone())
    };
    let (because, space) = (json!("Because."), json!(" "));
    for (name, model, more) in [
        ("moonshot", "kimi-k2.5", json!({})),
        ("deepseek", "deepseek-reasoner", json!({})),
        ("deepseek", "deepseek-chat", json!({"reasoning_effort": "high"})),
        ("deepseek", "deepseek-chat", json!({"thinking": {"type": "enabled"}})),
    ] {
        assert_eq!(told(name, model, more), (because.clone(), space.clone()), "{name}/{model}");
    }
    for (name, model, more) in [
        ("moonshot", "moonshot-v1-8k", json!({})),
        ("moonshot", "kimi-k2.5", json!({"thinking": {"type": "disabled"}})),
        ("deepseek", "deepseek-chat", json!({})),
        ("zai", "glm-4.6", json!({})),
    ] {
        assert_eq!(told(name, model, more), (because.clone(), Value::Null), "{name}/{model}");
    }
}

/// Measured: <https://github.com/BerriAI/litellm/issues/13982>.
#[test]
fn a_result_of_texts_is_one_text_where_the_server_takes_no_list() {
    for (name, content) in [("deepinfra", json!("ab")), ("databricks", json!("ab"))] {
        assert_eq!(encode(name, &round("m", json!({}))).unwrap().0["messages"][2]["content"], content, "{name}");
    }
    assert!(encode("groq", &round("m", json!({}))).unwrap().0["messages"][2]["content"].is_array());
}

/// OpenAI's OpenAPI description, `ChatCompletionRequestToolMessageContentPart`: text alone. Groq's has pictures there too.
#[test]
fn pictures_of_tools_follow_their_results_where_those_are_text() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    let request = asked(json!({"model": "gpt-4o", "messages": [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "tool_calls": [call("1"), call("2")]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "Here:"}, image]},
        {"role": "tool", "tool_call_id": "2", "content": "x"},
        {"role": "user", "content": "And?"},
    ]}));
    let (body, warnings) = encode("openai", &request).unwrap();
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user", "user"]);
    assert_eq!(messages[2]["content"], "Here:");
    assert_eq!(messages[4]["content"][1], image);
    assert!(warnings.iter().any(|warning| warning.contains("follows as the user's")), "{warnings:?}");
    assert_eq!(encode("groq", &request).unwrap().0["messages"][2]["content"][1], image);
}

#[test]
fn the_cache_marker_of_a_message_goes_onto_its_last_part_or_nowhere() {
    let request = asked(json!({"model": "m", "messages": [
        {"role": "user", "content": "Hi", "cache_control": {"type": "ephemeral"}},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]}));
    let (body, _) = encode("openrouter", &request).unwrap();
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [{"type": "text", "text": "a"},
                {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        ])
    );
    for name in ["mistral", "groq", "openai"] {
        let (body, warnings) = encode(name, &request).unwrap();
        assert!(!body.to_string().contains("cache_control"), "{name}");
        assert!(warnings.iter().any(|warning| warning.contains("cache_control")), "{name}: {warnings:?}");
    }
}

/// <https://developers.openai.com/api/docs/guides/latest-model>: "only supported … with reasoning effort set to none".
#[test]
fn a_model_that_reasons_as_it_is_told_takes_no_sampling() {
    let refused = |more: Value| {
        let mut request = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": "Hi"}]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        encode("openai", &asked(request)).err().map(|error| error.message().to_owned())
    };
    assert_eq!(refused(json!({"temperature": 0.2, "top_p": 0.5})), None);
    assert_eq!(refused(json!({"temperature": 0.2, "reasoning_effort": "none"})), None);
    let error = refused(json!({"temperature": 0.2, "top_p": 0.5, "reasoning_effort": "low"})).unwrap();
    assert!(error.contains("`temperature`, `top_p`"), "{error}");
}

/// The servers' own words, of each: "Unsupported parameter".
#[test]
fn models_of_openai_refuse_what_their_server_refuses() {
    for (model, parameter, value) in [
        ("o3", "parallel_tool_calls", json!(false)),
        ("o3-mini", "parallel_tool_calls", json!(true)),
        ("gpt-5.1", "stop", json!("x")),
        ("gpt-5.2", "stop", json!(["x"])),
    ] {
        let mut request = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        request[parameter] = value;
        let error = encode("openai", &asked(request)).unwrap_err();
        assert!(error.message().contains(parameter), "{model}: {error}");
    }
    let request = json!({"model": "responses/o3", "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f"}}], "parallel_tool_calls": false});
    assert_eq!(encode("openai", &asked(request)).unwrap().0["parallel_tool_calls"], false);
    let request = json!({"model": "gpt-5.5", "messages": [{"role": "user", "content": "Hi"}], "stop": "x"});
    assert_eq!(encode("openai", &asked(request)).unwrap().0["stop"], "x");
}

/// <https://docs.clarifai.com/compute/inference/open-ai>: models are called by the addresses of their pages.
#[test]
fn a_model_of_clarifai_in_three_parts_is_called_by_its_page() {
    let called = |model: &str| {
        let request = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        encode("clarifai", &asked(request)).unwrap().0["model"].clone()
    };
    let page = "https://clarifai.com/openai/chat-completion/models/gpt-4.1";
    assert_eq!(called("openai.chat-completion.gpt-4.1"), page);
    assert_eq!(called(page), page);
    assert_eq!(called("gpt-4"), "gpt-4");
}

#[test]
fn a_reply_in_pieces_of_text_is_one_text() {
    let pieces = json!([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}]);
    let reply = decode(json!({"choices": [{"message": {"content": pieces}, "finish_reason": "stop"}]}).to_string());
    let written = serde_json::to_value(reply.unwrap()).unwrap();
    assert_eq!(written["choices"][0]["message"]["content"], "Hello.");
}
