//! The whole reply.

use bytes::Bytes;
use http::Response;

use super::error;
use super::event::Fragment;
use super::stream::{Events, is_error};
use crate::chat::{Accumulator, ChatResponse};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::Queue;

pub(super) fn decode(response: &Response<Bytes>) -> Result<ChatResponse> {
    let body = response.body();
    let fragment = match serde_json::from_slice::<Fragment<'_>>(body) {
        Ok(fragment) if fragment.error.is_none() => fragment,
        _ if is_error(body) => return Err(error::decode(response)),
        Ok(_) => return Err(unreadable(response, "is not a reply of `generateContent`")),
        Err(source) => return Err(unreadable(response, "is not JSON of a reply").with_source(source)),
    };
    let mut queue = Queue::new();
    Events::default().fragment(fragment, &mut queue)?;
    let mut sum = Accumulator::new();
    sum.extend(queue);
    let reply = sum.into_response();
    if reply.choices.is_empty() {
        return Err(unreadable(response, "has neither candidates nor a reason for it"));
    }
    Ok(reply)
}

fn unreadable(response: &Response<Bytes>, what: &str) -> Error {
    Error::new(ErrorKind::InvalidResponse, format!("the reply {what}; check the base URL"))
        .with_status(response.status())
        .with_body(response.body().clone())
}
