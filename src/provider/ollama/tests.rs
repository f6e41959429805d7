//! The rules of requests, replies and streams; `tests/fixtures/ollama` has them as whole cases.

use super::*;
use crate::chat::{ChatChunk, ChatResponse};
use crate::error::ErrorKind;
use crate::provider::Registry;
use crate::provider::tests::{decode_pieces, sum};

fn ollama() -> &'static dyn ChatCodec {
    Registry::table().get("ollama").and_then(|provider| provider.chat()).unwrap()
}

fn whole(status: u16, body: &str) -> Result<ChatResponse> {
    let response = Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    match ollama().decode(&ChatRequest::default(), &response)? {
        Progress::Done(reply) => Ok(reply),
        Progress::Poll { .. } => panic!("a chat is never polled"),
    }
}

fn streamed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<ChatChunk>, Result<()>) {
    decode_pieces(ollama(), &ChatRequest::default(), pieces)
}

#[test]
fn an_error_line_ends_a_stream_with_that_error() {
    let head = r#"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":false}"#;
    let stream = format!("{head}\n{{\"error\":\"an error was encountered while running the model\"}}\n");
    let (chunks, ended) = streamed([stream.as_bytes()]);
    assert_eq!(sum(chunks).text(), "Hi");
    let error = ended.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "an error was encountered while running the model");
    assert_eq!(whole(200, &stream).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn errors_are_typed_by_status_and_words() {
    let provider = Registry::table().get("ollama_chat").unwrap();
    for (status, body, kind, message) in [
        (404, r#"{"error":"model 'x' not found"}"#, ErrorKind::NotFound, "model 'x' not found"),
        (
            401,
            r#"{"error":"unauthorized","signin_url":"https://ollama.com/connect"}"#,
            ErrorKind::Authentication,
            "unauthorized; sign in at https://ollama.com/connect",
        ),
        (
            400,
            r#"{"error":"prompt too long; exceeded max context length by 9 tokens"}"#,
            ErrorKind::ContextWindowExceeded,
            "prompt too long; exceeded max context length by 9 tokens",
        ),
        (400, r#"{"error":{"message":"no","type":"invalid_request_error"}}"#, ErrorKind::InvalidRequest, "no"),
        (502, "Bad Gateway", ErrorKind::Unavailable, "Bad Gateway"),
    ] {
        let response = Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap();
        let error = provider.decode_error(&response);
        assert_eq!((error.kind(), error.message()), (kind, message));
    }
}

#[test]
fn a_reply_that_is_not_ollamas_is_an_invalid_response() {
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"choices":[]}"#,
        r#"{"message":{"content":"cut"},"done":false}"#,
        r#"{"message":"text","done":true}"#,
    ] {
        assert_eq!(whole(200, body).unwrap_err().kind(), ErrorKind::InvalidResponse, "{body}");
    }
}

#[test]
fn why_a_reply_ended_is_told_in_openais_words_with_ollamas_beside() {
    let reply = |done: &str| {
        let body = format!(r#"{{"model":"m","message":{{"role":"assistant","content":"x"}},"done":true{done}}}"#);
        let choice = whole(200, &body).unwrap().choices.remove(0);
        (choice.finish_reason.unwrap().to_string(), choice.native_finish_reason)
    };
    assert_eq!(reply(""), ("stop".to_owned(), None));
    assert_eq!(reply(r#","done_reason":"length""#), ("length".to_owned(), None));
    assert_eq!(reply(r#","done_reason":"load""#), ("stop".to_owned(), Some("load".to_owned())));
    assert_eq!(reply(r#","done_reason":"tired""#), ("tired".to_owned(), None));
}

#[test]
fn a_model_name_keeps_its_tag_and_slashes() {
    for prefix in ["ollama", "ollama_chat"] {
        let name = Registry::table().resolve(&format!("{prefix}/hf.co/bartowski/Llama-3.2:Q4_K_M")).unwrap();
        assert_eq!((name.provider(), name.model()), (prefix, "hf.co/bartowski/Llama-3.2:Q4_K_M"));
    }
}

#[test]
fn ids_that_a_reply_repeats_or_lacks_are_made_up_the_same_each_time() {
    let call = r#"{"function":{"name":"roll","arguments":{}}}"#;
    let same = r#"{"id":"a","function":{"name":"roll","arguments":"{\"n\":1}"}}"#;
    let body = format!(r#"{{"message":{{"tool_calls":[{call},{call},{same},{same}]}},"done":true}}"#);
    let ids = || whole(200, &body).unwrap().tool_calls().map(|call| call.id.clone()).collect::<Vec<_>>();
    let mut unique = ids();
    assert_eq!(unique, ids());
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 4);
    assert_eq!(whole(200, &body).unwrap().tool_calls().last().unwrap().arguments, r#"{"n":1}"#);
}
