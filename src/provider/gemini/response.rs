//! The whole reply.

use bytes::Bytes;
use http::Response;

use super::error;
use super::event::Fragment;
use super::stream::{Events, is_error};
use crate::chat::{Accumulator, ChatResponse};
use crate::error::Result;
use crate::provider::{Queue, not_a_reply};

pub(super) fn decode(response: &Response<Bytes>) -> Result<ChatResponse> {
    let body = response.body();
    let fragment = match serde_json::from_slice::<Fragment<'_>>(body) {
        Ok(fragment) if fragment.error.is_none() => fragment,
        _ if is_error(body) => return Err(error::decode(response)),
        Ok(_) => return Err(not_a_reply(response, "is not a reply of `generateContent`")),
        Err(source) => return Err(not_a_reply(response, "is not JSON of a reply").with_source(source)),
    };
    let mut queue = Queue::new();
    Events::default().fragment(fragment, &mut queue)?;
    let mut sum = Accumulator::new();
    sum.extend(queue);
    let reply = sum.into_response();
    if reply.choices.is_empty() {
        return Err(not_a_reply(response, "has neither candidates nor a reason for it"));
    }
    Ok(reply)
}
