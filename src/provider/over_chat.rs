//! A streamed chat, told in another format.

use std::collections::VecDeque;
use std::fmt;

use super::{Decode, Queue, StreamDecoder};
use crate::chat::ChatChunk;
use crate::error::Result;

/// A decoder of events, whichever it is: the provider's own, or one over its chat.
pub struct AnyDecoder<Event>(Box<dyn Decode<Event>>);

impl<Event> AnyDecoder<Event> {
    /// This decoder.
    #[must_use]
    pub fn new(decoder: Box<dyn Decode<Event>>) -> Self {
        Self(decoder)
    }
}

impl<Event> fmt::Debug for AnyDecoder<Event> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyDecoder").field("complete", &self.is_complete()).finish_non_exhaustive()
    }
}

impl<Event> Decode<Event> for AnyDecoder<Event> {
    fn push(&mut self, bytes: &[u8], queue: &mut VecDeque<Event>) -> Result<()> {
        self.0.push(bytes, queue)
    }

    fn end(&mut self, queue: &mut VecDeque<Event>) -> Result<()> {
        self.0.end(queue)
    }

    fn is_complete(&self) -> bool {
        self.0.is_complete()
    }

    fn is_done(&self) -> bool {
        self.0.is_done()
    }
}

/// A chat's decoder, and who writes its chunks as events.
pub(super) struct OverChat<Writer, Event> {
    pub(super) decoder: StreamDecoder,
    pub(super) writer: Writer,
    pub(super) write: fn(&mut Writer, &ChatChunk, &mut VecDeque<Event>),
    pub(super) end: fn(&mut Writer, &mut VecDeque<Event>),
}

impl<Writer, Event> OverChat<Writer, Event> {
    fn tell(&mut self, chunks: Queue, events: &mut VecDeque<Event>) {
        for chunk in chunks {
            (self.write)(&mut self.writer, &chunk, events);
        }
    }
}

impl<Writer: Send, Event> Decode<Event> for OverChat<Writer, Event> {
    fn push(&mut self, bytes: &[u8], events: &mut VecDeque<Event>) -> Result<()> {
        let mut chunks = Queue::new();
        let pushed = self.decoder.push(bytes, &mut chunks);
        self.tell(chunks, events);
        pushed
    }

    fn end(&mut self, events: &mut VecDeque<Event>) -> Result<()> {
        let mut chunks = Queue::new();
        let ended = self.decoder.end(&mut chunks);
        self.tell(chunks, events);
        if self.decoder.is_complete() {
            (self.end)(&mut self.writer, events);
        }
        ended
    }

    fn is_complete(&self) -> bool {
        self.decoder.is_complete()
    }

    fn is_done(&self) -> bool {
        self.decoder.is_done()
    }
}
