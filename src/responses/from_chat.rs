//! A reply of chat as one of the Responses API: what the events of its steps add up to.

use std::collections::VecDeque;

use super::{EventWriter, Request, Response};
use crate::chat::{ChatChunk, ChatResponse};

impl Response {
    /// The reply to a request that was asked in chat.
    #[must_use]
    pub fn from_chat(reply: &ChatResponse, request: &Request) -> Self {
        let (mut writer, mut events) = (EventWriter::new(request), VecDeque::new());
        for delta in reply.as_deltas() {
            writer.write(&ChatChunk::new(delta), &mut events);
            events.clear();
        }
        writer.end(&mut events);
        let last = events.pop_back().and_then(|event| event.response);
        last.map_or_else(Self::default, |response| Self { meta: reply.meta.clone(), ..*response })
    }
}
