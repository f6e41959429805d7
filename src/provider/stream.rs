//! From a stream's bytes to its chunks.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use super::Decode;
use crate::chat::{ChatChunk, Delta};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{Frame, Framer};

/// Where decoded chunks wait to be taken.
pub type Queue = VecDeque<ChatChunk>;

/// Whether a stream goes on after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More can come.
    More,
    /// The provider said that nothing more comes, such as by `[DONE]`.
    Done,
}

/// Turns the events of one streamed reply into chunks.
pub trait EventDecoder: Send {
    /// One event.
    ///
    /// # Errors
    ///
    /// The error that the event is, or [`ErrorKind::StreamInterrupted`] for an event that cannot be read. An error is
    /// final.
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow>;

    /// The body has ended as HTTP ends one, and no event said that nothing more comes. Only a format whose end is that of
    /// the body finishes its choices here; by default nothing happens, and a choice without its finish is interrupted.
    ///
    /// # Errors
    ///
    /// What the end of the body means where it is an error of its own.
    fn end(&mut self, queue: &mut Queue) -> Result<()> {
        let _ = queue;
        Ok(())
    }
}

impl EventDecoder for Box<dyn EventDecoder> {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        (**self).event(frame, queue)
    }

    fn end(&mut self, queue: &mut Queue) -> Result<()> {
        (**self).end(queue)
    }
}

/// Turns the bytes of one streamed reply into chunks, wherever the network cuts them.
///
/// It holds what is true of every stream: each choice that begins must come to its finish reason, else the stream was
/// interrupted, however cleanly its connection ended.
pub struct StreamDecoder {
    framer: Framer,
    events: Box<dyn EventDecoder>,
    /// The choices seen, and whether each has finished.
    choices: BTreeMap<u32, bool>,
    done: bool,
}

impl StreamDecoder {
    /// A decoder of these frames and events.
    #[must_use]
    pub fn new(framer: Framer, events: impl EventDecoder + 'static) -> Self {
        Self { framer, events: Box::new(events), choices: BTreeMap::new(), done: false }
    }

    /// What reads the events, without the framer.
    pub(super) fn into_events(self) -> Box<dyn EventDecoder> {
        self.events
    }

    /// Takes the next bytes and queues the chunks that they complete. Chunks queued before an error are good.
    ///
    /// # Errors
    ///
    /// As [`EventDecoder::event`]; and [`ErrorKind::StreamInterrupted`] for an event beyond the framer's limit.
    pub fn push(&mut self, bytes: &[u8], queue: &mut Queue) -> Result<()> {
        let Self { framer, events, choices, done } = self;
        framer.push(bytes, &mut |frame| step(events.as_mut(), choices, done, frame, queue))
    }

    /// Says that the bytes have ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StreamInterrupted`] where a choice, or all of the reply, is missing its finish reason.
    pub fn end(&mut self, queue: &mut Queue) -> Result<()> {
        let Self { framer, events, choices, done } = self;
        framer.end(&mut |frame| step(events.as_mut(), choices, done, frame, queue))?;
        if !*done {
            let before = queue.len();
            let ended = events.end(queue);
            note(choices, queue.iter().skip(before));
            ended?;
        }
        if self.is_complete() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::StreamInterrupted, "the stream ended before the reply was complete"))
    }

    /// Whether every choice has come to its finish reason; usage may still follow.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(|finished| *finished)
    }

    /// Whether the provider said that nothing more comes.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

impl Decode<ChatChunk> for StreamDecoder {
    fn push(&mut self, bytes: &[u8], queue: &mut Queue) -> Result<()> {
        self.push(bytes, queue)
    }

    fn end(&mut self, queue: &mut Queue) -> Result<()> {
        self.end(queue)
    }

    fn is_complete(&self) -> bool {
        self.is_complete()
    }

    fn is_done(&self) -> bool {
        self.is_done()
    }
}

fn step(
    events: &mut dyn EventDecoder,
    choices: &mut BTreeMap<u32, bool>,
    done: &mut bool,
    frame: Frame<'_>,
    queue: &mut Queue,
) -> Result<()> {
    if *done {
        return Ok(());
    }
    let before = queue.len();
    let flow = frame.mended(|frame| events.event(frame, queue));
    note(choices, queue.iter().skip(before));
    *done = !matches!(flow, Ok(Flow::More));
    flow.map(|_| ())
}

/// Notes which choices go on and which have finished, by the chunks that just came.
fn note<'a>(choices: &mut BTreeMap<u32, bool>, chunks: impl Iterator<Item = &'a ChatChunk>) {
    for chunk in chunks {
        let finishes = match &chunk.delta {
            Delta::Start(_) | Delta::Usage(_) | Delta::Extra(_) | Delta::ChoiceExtra(_) | Delta::Restart => continue,
            Delta::Finish { .. } => Some(true),
            // Some servers finish a choice with each of its tool calls: what comes after opens it again.
            Delta::Text(_)
            | Delta::Refusal(_)
            | Delta::Reasoning(_)
            | Delta::ToolCall { .. }
            | Delta::Arguments { .. } => Some(false),
            _ => None,
        };
        let finished = choices.entry(chunk.choice).or_insert(false);
        *finished = finishes.unwrap_or(*finished);
    }
}

impl fmt::Debug for StreamDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamDecoder")
            .field("choices", &self.choices)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
