//! The whole reply: one line of a stream that says everything.

use bytes::Bytes;
use http::Response;
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::stream::{Events, Line};
use crate::chat::{Accumulator, ChatResponse};
use crate::error::Result;
use crate::provider::{Queue, not_a_reply};

/// Reads the reply; a server that streams although it was asked not to is read as well.
pub(super) fn decode(response: &Response<Bytes>) -> Result<ChatResponse> {
    let unreadable = |what: &str, source: serde_json::Error| not_a_reply(response, what).with_source(source);
    let (mut events, mut queue) = (Events::default(), Queue::new());
    for line in Deserializer::from_slice(response.body()).into_iter::<&RawValue>() {
        let data = line.map_err(|source| unreadable("is not JSON", source))?.get().as_bytes();
        let line = Line::read(data).map_err(|source| unreadable("is not one of Ollama's chat", source))?;
        events.line(line, data, &mut queue)?;
    }
    let mut sum = Accumulator::new();
    sum.extend(queue);
    if sum.is_finished() {
        Ok(sum.into_response())
    } else {
        Err(not_a_reply(response, "is not a complete chat of Ollama's"))
    }
}
