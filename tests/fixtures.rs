//! Our own small cases in each wire format, one for each rule: `tests/fixtures/<prefix>/<case>/`.
//!
//! - `request.json`, the request in OpenAI's form, and `sent.json`, the body that it becomes;
//! - `response.json`, a whole reply in the provider's form, and `reply.json`, what it is in OpenAI's;
//! - `stream.txt`, the same reply streamed; or `stream.jsonl`, the events of an AWS event stream, each an object of its
//!   name and payload.
//!
//! Any of the pairs can be missing. The laws: a stream adds up to the whole reply, every way of cutting its bytes gives
//! the same chunks, and a stream that is cut short is an error.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anymodel::provider::{Progress, Provider, Queue, Registry, StreamDecoder, Target};
use anymodel::wire::event_stream;
use anymodel::{Accumulator, ChatChunk, ChatRequest, ChatResponse, ErrorKind, ModelName};
use bytes::Bytes;
use serde_json::Value;

struct Case {
    name: String,
    folder: PathBuf,
    /// The request, and who it goes to.
    request: ChatRequest,
    model: ModelName,
}

impl Case {
    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    fn json(&self, file: &str) -> Option<Value> {
        let text = self.read(file)?;
        Some(serde_json::from_str(&text).unwrap_or_else(|problem| panic!("{}/{file}: {problem}", self.name)))
    }

    /// The bytes of the streamed reply.
    fn stream(&self) -> Option<Vec<u8>> {
        let events = self.read("stream.jsonl").map(|lines| lines.lines().flat_map(message).collect());
        events.or_else(|| self.read("stream.txt").map(String::into_bytes))
    }

    fn provider(&self) -> Arc<dyn Provider> {
        Registry::table().serving(&self.model).unwrap()
    }

    fn decoder(&self) -> StreamDecoder {
        self.provider().chat().unwrap().stream_decoder(&self.request)
    }
}

/// A message of an AWS event stream, from `{"name": payload}`.
fn message(line: &str) -> Vec<u8> {
    let event: Value = serde_json::from_str(line).unwrap();
    let (name, payload) = event.as_object().unwrap().iter().next().unwrap();
    let (kind, header) =
        if name.ends_with("Exception") { ("exception", ":exception-type") } else { ("event", ":event-type") };
    let headers = [(header, name.as_str()), (":content-type", "application/json"), (":message-type", kind)];
    event_stream::message(&headers, payload.to_string().as_bytes()).unwrap()
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = |path: &Path| -> Vec<PathBuf> {
        let mut found: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.is_dir());
        found.sort();
        found
    };
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut found = Vec::new();
    for wire in folders(&root) {
        for folder in folders(&wire) {
            found.push(case(&name(&wire), format!("{}/{}", name(&wire), name(&folder)), folder));
        }
    }
    assert!(found.len() >= 20, "only {} cases found", found.len());
    found
}

/// A case of this wire format. Its model has a prefix where that is not the format's own name.
fn case(wire: &str, name: String, folder: PathBuf) -> Case {
    let own = if wire.starts_with("openai_") { "openai" } else { wire };
    let request = match fs::read_to_string(folder.join("request.json")) {
        Ok(json) => serde_json::from_str(&json).unwrap_or_else(|problem| panic!("{name}: {problem}")),
        Err(_) => ChatRequest::new("model", "Hello!"),
    };
    if wire == "openai_responses" {
        let model = ModelName::new(own.to_owned(), format!("responses/{}", request.model));
        return Case { name, folder, request, model };
    }
    let model = match Registry::table().resolve(&request.model) {
        Ok(model) if wire == "openai_chat" && request.model.contains('/') => model,
        _ => ModelName::new(own.to_owned(), request.model.trim_start_matches(&format!("{own}/"))),
    };
    Case { name, folder, request, model }
}

/// Feeds a stream in pieces, and says what it gave and how it ended.
fn decode<'a>(case: &Case, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<ChatChunk>, Result<(), ErrorKind>) {
    let (mut decoder, mut queue) = (case.decoder(), Queue::new());
    let mut result = Ok(());
    for piece in pieces {
        result = result.and_then(|()| decoder.push(piece, &mut queue));
    }
    result = result.and_then(|()| decoder.end(&mut queue));
    (queue.into(), result.map_err(|error| error.kind()))
}

fn sum(chunks: Vec<ChatChunk>) -> ChatResponse {
    let mut sum = Accumulator::new();
    sum.extend(chunks);
    sum.into_response()
}

fn json(reply: &ChatResponse) -> Value {
    serde_json::to_value(reply).unwrap()
}

#[test]
fn each_request_becomes_the_body_that_its_provider_reads() {
    let mut held = 0;
    for case in cases() {
        let Some(sent) = case.json("sent.json") else { continue };
        let provider = case.provider();
        let codec = provider.chat().unwrap();
        let target = Target::new(case.model.model(), "https://provider.example/base");
        let encoded = codec.encode(&case.request, &target).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let body: Value = serde_json::from_slice(encoded.request.body()).unwrap();
        assert_eq!(body, sent, "{}\n{body:#}", case.name);
        let again = codec.encode(&case.request, &target).unwrap();
        assert_eq!(again.request.body(), encoded.request.body(), "{}: the bytes must be stable", case.name);
        held += 1;
    }
    assert!(held >= 15, "only {held} cases have a request");
}

#[test]
fn each_whole_reply_reads_as_openais() {
    let mut held = 0;
    for case in cases() {
        let (Some(response), Some(reply)) = (case.read("response.json"), case.json("reply.json")) else { continue };
        let response = http::Response::new(Bytes::from(response));
        let decoded = case.provider().chat().unwrap().decode(&case.request, &response);
        let Ok(Progress::Done(decoded)) = decoded else { panic!("{}: {decoded:?}", case.name) };
        assert_eq!(json(&decoded), reply, "{}\n{:#}", case.name, json(&decoded));
        let again: ChatResponse = serde_json::from_value(reply).unwrap();
        assert_eq!(again.choices, decoded.choices, "{}: JSON out and in again is the identity", case.name);
        held += 1;
    }
    assert!(held >= 15, "only {held} cases have a reply");
}

#[test]
fn a_stream_adds_up_to_the_whole_reply() {
    let mut held = 0;
    for case in cases() {
        let (Some(stream), Some(reply)) = (case.stream(), case.json("reply.json")) else { continue };
        let (chunks, end) = decode(&case, [stream.as_slice()]);
        assert_eq!(end, Ok(()), "{}", case.name);
        let sum = json(&sum(chunks));
        assert_eq!(sum, reply, "{}\n{sum:#}", case.name);
        held += 1;
    }
    assert!(held >= 15, "only {held} cases have a stream");
}

#[test]
fn every_cut_of_a_streams_bytes_gives_the_same_chunks() {
    for case in cases() {
        let Some(stream) = case.stream() else { continue };
        let bytes = stream.as_slice();
        let whole = decode(&case, [bytes]);
        for cut in 0..bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(decode(&case, [head, tail]), whole, "{} cut at {cut}", case.name);
        }
        for size in [1, 3, 7] {
            assert_eq!(decode(&case, bytes.chunks(size)), whole, "{} in pieces of {size}", case.name);
        }
        let Some(stream) = case.read("stream.txt") else { continue };
        let crlf = stream.replace("\r\n", "\n").replace('\n', "\r\n");
        assert_eq!(decode(&case, [crlf.as_bytes()]), whole, "{} with CRLF", case.name);
    }
}

#[test]
fn a_stream_that_is_cut_short_is_an_error_and_never_a_short_answer() {
    for case in cases() {
        let (Some(stream), Some(reply)) = (case.stream(), case.json("reply.json")) else { continue };
        let bytes = stream.as_slice();
        let finished = reply["choices"][0]["message"].clone();
        for cut in 0..bytes.len() {
            let (chunks, end) = decode(&case, [&bytes[..cut]]);
            let short = json(&sum(chunks));
            let choice = &short["choices"][0];
            if choice["finish_reason"].is_null() || choice["message"] != finished {
                assert!(end.is_err(), "{} cut at {cut} passes as {short:#}", case.name);
            }
        }
    }
}
