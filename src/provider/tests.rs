//! What the tests of all wire formats share.

use std::path::PathBuf;

use super::{ChatCodec, Queue};
use crate::chat::{Accumulator, ChatChunk, ChatRequest, ChatResponse};
use crate::error::Result;

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
