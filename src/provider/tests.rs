//! What the tests of all wire formats share: recorded traffic, and the laws of streams.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::{ChatCodec, Queue};
use crate::chat::{Accumulator, ChatChunk, ChatRequest, ChatResponse};
use crate::error::{ErrorKind, Result};

/// The folder of recordings and facts, where it is: `ANYMODEL_SHARED`, else `../shared`.
#[expect(clippy::disallowed_methods, reason = "where the recordings are is the tester's to say")]
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ANYMODEL_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there; see ANYMODEL_SHARED", path.display());
    None
}

/// The recordings of one folder: each one's name and content.
pub(crate) fn recordings(folder: &str) -> Vec<(String, Value)> {
    let Some(path) = shared(&format!("fixtures/{folder}")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &PathBuf| {
        let name = format!("{folder}/{}", path.file_stem().unwrap().to_string_lossy());
        (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    files.iter().map(read).collect()
}

/// A recorded reply, as it came.
pub(crate) fn response(recording: &Value) -> Response<Bytes> {
    let recorded = &recording["response"];
    let mut response = Response::builder().status(recorded["status"].as_u64().map_or(200, |code| code as u16));
    for (name, value) in recorded["headers"].as_object().into_iter().flatten() {
        if let Some(value) = value.as_str() {
            response = response.header(name, value);
        }
    }
    let body = match (&recorded["body_base64"], &recorded["body_text"]) {
        (Value::String(text), _) => STANDARD.decode(text).unwrap(),
        (_, Value::String(text)) => text.clone().into_bytes(),
        _ => recorded["body"].to_string().into_bytes(),
    };
    response.body(body.into()).unwrap()
}

/// Decodes a stream that comes in these pieces.
pub(crate) fn decode_pieces<'a>(
    codec: &dyn ChatCodec,
    request: &ChatRequest,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<ChatChunk>, Result<()>) {
    let (mut decoder, mut queue) = (codec.stream_decoder(request), Queue::new());
    let pushed = pieces.into_iter().try_for_each(|piece| decoder.push(piece, &mut queue));
    let ended = pushed.and_then(|()| decoder.end(&mut queue));
    (queue.into(), ended)
}

/// What a stream adds up to.
pub(crate) fn sum(chunks: Vec<ChatChunk>) -> ChatResponse {
    let mut sum = Accumulator::new();
    sum.extend(chunks);
    sum.into_response()
}

/// Holds a good stream to the laws: wherever its bytes are cut, the same chunks come; and ended before its finish
/// reason, it is an interrupted stream and no shorter answer.
pub(crate) fn hold_laws(name: &str, codec: &dyn ChatCodec, request: &ChatRequest, bytes: &[u8]) {
    let (whole, ended) = decode_pieces(codec, request, [bytes]);
    assert!(ended.is_ok(), "{name}: {ended:?}");
    for size in [1, 3, 1021].into_iter().filter(|size| bytes.len() / size < 8_000) {
        let (chunks, _) = decode_pieces(codec, request, bytes.chunks(size));
        assert!(chunks == whole, "{name}: cut every {size} bytes it gives other chunks");
    }
    if bytes.len() < 1500 {
        for cut in 0..bytes.len() {
            let (chunks, _) = decode_pieces(codec, request, [&bytes[..cut], &bytes[cut..]]);
            assert!(chunks == whole, "{name}: cut at {cut} it gives other chunks");
        }
    }
    let breaks: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    for at in breaks.iter().step_by(breaks.len() / 6 + 1) {
        let (mut decoder, mut queue) = (codec.stream_decoder(request), Queue::new());
        decoder.push(&bytes[..*at], &mut queue).unwrap();
        let complete = decoder.is_complete();
        match decoder.end(&mut queue) {
            Ok(()) => assert!(complete || decoder.is_complete(), "{name}: cut short at {at}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::StreamInterrupted, "{name}: cut short at {at}"),
        }
    }
}
