//! What the decoders' targets share: whatever bytes a provider answers with are a reply or an error, and a reply can be
//! kept as JSON and sent back to any provider.

use anymodel::chat::ChunkWriter;
use anymodel::provider::{Progress, Provider, Queue, WireFormat};
use anymodel::{Accumulator, ChatChunk, ChatRequest, ChatResponse, ErrorKind, Message, user};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::encode::{WIRES, is_json_or_refused, pick, providers};

/// The requests that a reply can be the answer to: decoders read tool names and the form of the text by them.
const REQUESTS: [&str; 3] = [
    r#"{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}"#,
    r#"{"model": "m", "messages": [], "response_format": {"type": "json_object"}}"#,
    r#"{"model": "m", "messages": [], "tools": [{"type": "function", "function": {"name": "look up"}}]}"#,
];

/// The input's first eight bytes say who answers, to what, with which status and in which pieces; the rest is the body.
pub fn is_read_or_refused(wire: WireFormat, input: &[u8]) {
    let Some((&[who, what, status, ref sizes @ ..], body)) = input.split_first_chunk::<8>() else { return };
    let provider = pick(&providers(wire), who);
    let request: ChatRequest = serde_json::from_str(pick(&REQUESTS, what)).expect("a request of our own");
    let mut replies = Vec::new();
    replies.extend(streamed(provider, &request, body, sizes));
    replies.extend(whole(provider, &request, body));
    refused(provider, body, status);
    for reply in &replies {
        let json = serde_json::to_string(reply).expect("every reply is JSON");
        match serde_json::from_str::<ChatResponse>(&json) {
            Ok(again) => assert_eq!(again.choices, reply.choices, "{json}"),
            // What was nested as deep as serde_json reads is nested deeper inside a reply.
            Err(error) => assert!(error.to_string().contains("recursion limit"), "{error}: {json}"),
        }
        for wire in WIRES {
            sent_back(pick(&providers(wire), who), reply);
        }
    }
}

/// What a stream gives, and how it ends.
type Outcome = (Vec<ChatChunk>, Option<ErrorKind>);

/// The reply that the body is as a stream, which must not depend on how it was cut.
fn streamed(provider: &dyn Provider, request: &ChatRequest, body: &[u8], sizes: &[u8]) -> Option<ChatResponse> {
    let (chunks, end) = decode(provider, request, [body].into_iter());
    let mut rest = body;
    let pieces = sizes.iter().cycle().map_while(|&size| {
        let (piece, tail) = rest.split_at(usize::from(size % 32 + 1).min(rest.len()));
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    });
    assert_eq!(decode(provider, request, pieces), (chunks.clone(), end), "cut and whole");
    let mut writer = ChunkWriter::new();
    for chunk in &chunks {
        let _ = writer.write(chunk);
    }
    let _ = writer.usage();
    let mut sum = Accumulator::new();
    sum.extend(chunks);
    if end.is_none() {
        assert!(sum.is_finished(), "complete, but not finished");
    }
    end.is_none().then(|| sum.into_response())
}

fn decode<'a>(provider: &dyn Provider, request: &ChatRequest, mut pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = provider.chat().expect("all have chat").stream_decoder(request);
    let mut queue = Queue::new();
    let pushed = pieces.try_for_each(|piece| decoder.push(piece, &mut queue));
    let end = pushed.and_then(|()| decoder.end(&mut queue)).err();
    (queue.into(), end.map(|error| error.kind()))
}

fn whole(provider: &dyn Provider, request: &ChatRequest, body: &[u8]) -> Option<ChatResponse> {
    let response = Response::new(Bytes::copy_from_slice(body));
    match provider.chat().expect("all have chat").decode(request, &response) {
        Ok(Progress::Done(reply)) => Some(reply),
        Ok(Progress::Poll { .. }) | Err(_) => None,
    }
}

/// The body as an error; its first bytes are the headers' values too.
fn refused(provider: &dyn Provider, body: &[u8], status: u8) {
    let mut response = Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = StatusCode::from_u16(400 + u16::from(status)).expect("a status");
    if let Ok(value) = HeaderValue::from_bytes(&body[..body.len().min(12)]) {
        for name in [header::RETRY_AFTER, header::HeaderName::from_static("retry-after-ms")] {
            response.headers_mut().insert(name, value.clone());
        }
    }
    let error = provider.decode_error(&response);
    assert!(!error.message().is_empty());
}

/// Sends the reply's message as part of the next request.
fn sent_back(provider: &dyn Provider, reply: &ChatResponse) {
    let mut request = ChatRequest::new("m", [Message::from(reply), user("Go on.")]);
    for drop_params in [false, true] {
        request.params.drop_params = drop_params;
        is_json_or_refused(provider, &request);
    }
}
