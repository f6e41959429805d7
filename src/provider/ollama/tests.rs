//! Our own cases in `tests/fixtures/ollama`, and the laws of streams over them and over recorded traffic.
//!
//! A case is a folder: `request.json` (OpenAI's form) becomes `sent.json`; `response.json` and `stream.txt`, the same
//! reply whole and streamed, both become `reply.json` (OpenAI's form).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::chat::{Accumulator, ChatChunk, ChatResponse};
use crate::error::ErrorKind;
use crate::provider::{Queue, Registry};

fn ollama() -> &'static dyn ChatCodec {
    Registry::table().get("ollama").and_then(|provider| provider.chat()).unwrap()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ollama");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 8);
    cases
}

fn json(path: &Path) -> Option<Value> {
    Some(serde_json::from_str(&fs::read_to_string(path).ok()?).unwrap())
}

fn whole(status: u16, body: &str) -> Result<ChatResponse> {
    let response = Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    match ollama().decode(&ChatRequest::default(), &response)? {
        Progress::Done(reply) => Ok(reply),
        Progress::Poll { .. } => panic!("a chat is never polled"),
    }
}

fn streamed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<ChatChunk>, Result<()>) {
    let (mut decoder, mut queue) = (ollama().stream_decoder(&ChatRequest::default()), Queue::new());
    let pushed = pieces.into_iter().try_for_each(|piece| decoder.push(piece, &mut queue));
    let ended = pushed.and_then(|()| decoder.end(&mut queue));
    (queue.into(), ended)
}

fn sum(chunks: Vec<ChatChunk>) -> ChatResponse {
    let mut sum = Accumulator::new();
    sum.extend(chunks);
    sum.into_response()
}

/// The stream's sum, after every law has been held against it.
fn lawful(stream: &[u8], case: &Path) -> ChatResponse {
    let (chunks, ended) = streamed([stream]);
    ended.unwrap_or_else(|error| panic!("{case:?}: {error}"));
    assert_eq!(streamed(stream.chunks(1)).0, chunks, "{case:?} byte by byte");
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        assert_eq!(streamed([head, tail]).0, chunks, "{case:?} cut at {cut}");
    }
    for cut in (0..stream.trim_ascii_end().len()).step_by(1 + stream.len() / 1000) {
        let (some, ended) = streamed([&stream[..cut]]);
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::StreamInterrupted, "{case:?} ends after {cut}");
        assert!(chunks.starts_with(&some), "{case:?} ends after {cut}");
    }
    sum(chunks)
}

#[test]
fn every_request_is_sent_as_its_case_says() {
    for case in cases() {
        let Some(request) = json(&case.join("request.json")) else { continue };
        let request: ChatRequest = serde_json::from_value(request).unwrap();
        let encoded = ollama().encode(&request, &Target::new(&request.model, "http://localhost:11434")).unwrap();
        let body: Value = serde_json::from_slice(encoded.request.body()).unwrap();
        assert_eq!(body, json(&case.join("sent.json")).unwrap(), "{case:?}");
        let mut streamed = body;
        streamed["stream"] = true.into();
        let encoded = ollama().encode_stream(&request, &Target::new(&request.model, "http://localhost:11434")).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(encoded.request.body()).unwrap(), streamed, "{case:?}");
    }
}

#[test]
fn every_reply_is_read_as_its_case_says_whole_and_streamed() {
    for case in cases() {
        let expected = json(&case.join("reply.json")).unwrap();
        let reply = whole(200, &fs::read_to_string(case.join("response.json")).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&reply).unwrap(), expected, "{case:?}");
        let stream = fs::read(case.join("stream.txt")).unwrap();
        assert_eq!(lawful(&stream, &case), reply, "{case:?} streamed");
        let as_whole = whole(200, std::str::from_utf8(&stream).unwrap()).unwrap();
        assert_eq!(as_whole, reply, "{case:?} streamed where a whole reply was asked for");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "where recorded traffic is, is no setting of the crate")]
fn recorded_streams_obey_the_laws() {
    let shared = std::env::var_os("ANYMODEL_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let Ok(folder) = fs::read_dir(shared.join("fixtures/ollama")) else {
        return eprintln!("skipped: recorded_streams_obey_the_laws (no recorded traffic; see ANYMODEL_SHARED)");
    };
    let mut walked = 0;
    for path in folder.map(|entry| entry.unwrap().path()) {
        let fixture = json(&path).unwrap();
        let native = fixture["request"]["url"].as_str().is_some_and(|url| url.ends_with("/api/chat"));
        if !native || fixture["response"]["status"] != 200 {
            continue;
        }
        let text = fixture["response"]["body_text"]
            .as_str()
            .map_or_else(|| fixture["response"]["body"].to_string(), str::to_owned);
        let reply = lawful(text.as_bytes(), &path);
        assert!(reply.usage.is_some_and(|usage| usage.completion_tokens > 0), "{path:?}");
        assert!(reply.created > 1_700_000_000, "{path:?}");
        walked += 1;
    }
    assert!(walked >= 4, "{walked}");
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
