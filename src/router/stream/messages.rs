//! How a message goes over from one stream into the next: it is gone on with, in the block that broke off.
//!
//! A message does not begin anew. Its format has no word for that, and its clients add every block up that they have seen:
//! some hold a second `message_start` for an error, some never see a `ping`, by which it could be told, and all would have
//! both beginnings in one message.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::overlap::Overlap;
use super::{Joined, Seam};
use crate::messages::{Block, Event, Message};
use crate::provider::Messages;

#[derive(Default)]
pub(crate) struct MessageSeam {
    /// The index of the next block, and what is added to the indexes of the stream that comes now.
    next: u64,
    first: u64,
    /// The block under way, and the one that was when the stream before broke.
    open: Option<u64>,
    broken: Option<u64>,
    /// Of a stream that goes on from another: what of its beginning has been said already.
    overlap: Option<Overlap>,
}

impl Joined for Messages {
    type Seam = MessageSeam;
}

impl Seam<Messages> for MessageSeam {
    fn pass(&mut self, mut event: Event, out: &mut VecDeque<Event>) {
        if let Some(overlap) = &mut self.overlap {
            // The message has one head.
            if event.kind == "message_start" {
                return;
            }
            if let "content_block_start" | "message_delta" = event.kind.as_str()
                && let Some(broken) = self.broken.take()
            {
                match event.content_block.take_if(|block| block.kind() == "text") {
                    Some(block) => {
                        self.open = Some(broken);
                        event = added(event.index, block.str("text").unwrap_or_default());
                    }
                    None => {
                        out.push_back(stopped(broken));
                        self.first = self.first.saturating_add(1);
                    }
                }
            }
            if let Some(text) = event.text_mut() {
                match overlap.take(std::mem::take(text)) {
                    Some(new) => *text = new,
                    None => return,
                }
            } else if let Some(open) = self.open.filter(|_| event.index.is_some()) {
                out.extend(overlap.flush().map(|rest| added(Some(open), &rest)));
            }
        }
        if let Some(index) = &mut event.index {
            *index = index.saturating_add(self.first);
            self.next = self.next.max(index.saturating_add(1));
        }
        match event.kind.as_str() {
            "content_block_start" => self.open = event.index,
            "content_block_stop" => self.open = None,
            _ => {}
        }
        out.push_back(event);
    }

    /// Where nothing but one block of text has come.
    fn go_on(&mut self, so_far: &Message) -> Option<String> {
        let [block] = so_far.content.as_slice() else { return None };
        let bare = |(name, value): (&String, &Value)| {
            matches!(name.as_str(), "type" | "text") || value.is_null() || value.as_array().is_some_and(Vec::is_empty)
        };
        if block.kind() != "text" || !block.0.iter().all(bare) || so_far.stop_reason.is_some() {
            return None;
        }
        let (overlap, said) = Overlap::of(block.str("text")?)?;
        self.broken = self.open.take().or(self.broken);
        self.first = self.broken.unwrap_or(self.next);
        self.overlap = Some(overlap);
        Some(said)
    }
}

/// Text is added to a block.
fn added(index: Option<u64>, text: &str) -> Event {
    let delta = Block::of(json!({"type": "text_delta", "text": text}));
    Event { index, delta: Some(delta), ..Event::new("content_block_delta") }
}

/// A block ends.
fn stopped(index: u64) -> Event {
    Event { index: Some(index), ..Event::new("content_block_stop") }
}
