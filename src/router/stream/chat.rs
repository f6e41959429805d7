//! How a chat goes over from one stream into the next: any failure can be followed by a new beginning, and a text can be
//! gone on with.

use std::collections::VecDeque;

use super::overlap::Overlap;
use super::{Joined, Seam};
use crate::chat::{ChatChunk, ChatResponse, Content, Delta, Part};
use crate::provider::Chat;

#[derive(Default)]
pub(crate) struct ChatSeam {
    /// Whether what came is void and the caller has not been told.
    void: bool,
    /// Of a stream that goes on from another: what of its beginning has been said already.
    overlap: Option<Overlap>,
}

impl Joined for Chat {
    type Seam = ChatSeam;
}

impl Seam<Chat> for ChatSeam {
    fn pass(&mut self, mut chunk: ChatChunk, out: &mut VecDeque<ChatChunk>) {
        if std::mem::take(&mut self.void) {
            out.push_back(ChatChunk::new(Delta::Restart));
        }
        if let Some(overlap) = &mut self.overlap {
            match chunk.delta {
                // The reply has one head.
                Delta::Start(_) => return,
                Delta::Text(text) => match overlap.take(text) {
                    Some(new) => chunk.delta = Delta::Text(new),
                    None => return,
                },
                Delta::Usage(_) | Delta::Extra(_) | Delta::ChoiceExtra(_) => {}
                _ => out.extend(overlap.flush().map(|rest| ChatChunk::new(Delta::Text(rest)))),
            }
        }
        out.push_back(chunk);
    }

    fn restart(&mut self) -> bool {
        self.void = true;
        true
    }

    /// Where nothing but one choice's text has come.
    fn go_on(&mut self, so_far: &ChatResponse) -> Option<String> {
        let [choice] = so_far.choices.as_slice() else { return None };
        let [Part { content: Content::Text(text), seal: None, .. }] = choice.message.parts.as_slice() else {
            return None;
        };
        if choice.finish_reason.is_some() {
            return None;
        }
        let (overlap, said) = Overlap::of(text)?;
        self.overlap = Some(overlap);
        Some(said)
    }
}
