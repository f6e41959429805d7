//! A reply of chat as a message: what the events of its steps add up to.

use std::collections::VecDeque;

use super::{EventWriter, Message, MessageSum, Request};
use crate::chat::{ChatChunk, ChatResponse, Delta};

impl Message {
    /// The reply to a request that was asked in chat.
    #[must_use]
    pub fn from_chat(reply: &ChatResponse, request: &Request) -> Self {
        let (mut writer, mut events) = (EventWriter::new(request), VecDeque::new());
        for delta in reply.as_deltas() {
            writer.write(&ChatChunk::new(delta), &mut events);
        }
        if !reply.extra.is_empty() {
            writer.write(&ChatChunk::new(Delta::Extra(Box::new(reply.extra.clone()))), &mut events);
        }
        writer.end(&mut events);
        let mut sum = MessageSum::default();
        events.into_iter().for_each(|event| sum.push(event));
        Self { meta: reply.meta.clone(), ..sum.into_message() }
    }
}
