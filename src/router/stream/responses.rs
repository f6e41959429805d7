//! How a response goes over from one stream into the next: it begins anew.
//!
//! The events by which a response begins have the response as far as it has come, and clients take that for what there
//! is. So the new stream's `response.created` says itself that nothing of the one before is left: it has another id and
//! no output, and its items are counted from 0 again. It has `"restart": true` beside, and the events are numbered on.
//! A call that has been told to its end cannot be taken back: clients run it when they see it.
//!
//! A response is not gone on with: the API has no word for the beginning of a reply.

use std::collections::VecDeque;

use super::{Joined, Seam};
use crate::chat::RESTART;
use crate::provider::Responses;
use crate::responses::Event;

#[derive(Default)]
pub(crate) struct ResponseSeam {
    /// The number of the next event, and of the first one of the stream that comes now.
    next: u64,
    first: u64,
    /// Whether a call has been told that the caller can have run.
    called: bool,
    /// Whether what came is void and the caller has not been told.
    void: bool,
}

impl Joined for Responses {
    type Seam = ResponseSeam;
}

impl Seam<Responses> for ResponseSeam {
    fn pass(&mut self, mut event: Event, out: &mut VecDeque<Event>) {
        if std::mem::take(&mut self.void) {
            self.first = self.next;
            event.extra.insert(RESTART, true);
        }
        if let Some(number) = &mut event.sequence_number {
            *number = number.saturating_add(self.first);
            self.next = number.saturating_add(1);
        }
        self.called |= event.kind == "response.output_item.done" && event.has_call();
        out.push_back(event);
    }

    fn restart(&mut self) -> bool {
        self.void = !self.called;
        self.void
    }
}
