//! A routed stream after its first content: what becomes of it when it breaks.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::OnStreamFailure;
use super::plan::Choice;
use super::run::{Answered, Begun, Call};
use super::ticket::Ticket;
use crate::chat::{Accumulator, CallMeta, ChatChunk, ChatRequest, ChatResponse, Content, Delta, Part};
use crate::client::{Answer, ChatStream, Question, Rescue, Route, Streaming};
use crate::error::{Error, Result};
use crate::provider::{Chat, Queue, Reply, Streamed};

/// A stream's way through the router.
struct Routed {
    call: Box<Call<ChatRequest>>,
    choice: Choice,
    ticket: Ticket,
    /// When this deployment was asked.
    asked: Instant,
    /// What has been handed out.
    sum: Accumulator,
    /// Of a stream that goes on from another: what of its beginning has been said already.
    overlap: Option<Overlap>,
}

/// The end of a text from which another stream goes on, as it may come again.
#[derive(Default)]
struct Overlap {
    /// What was sent as the beginning of the reply. Some models say it again before they go on (Mistral's do).
    said: String,
    /// White space behind it. It is not sent, as some models refuse it (Anthropic's do).
    space: String,
    /// What has come and can still turn out to be the beginning.
    held: String,
    over: bool,
}

/// A beginning that is shorter than this could well come again by itself.
const TELLING: usize = 16;

impl Overlap {
    fn new(said: &str, space: &str) -> Self {
        let repeats = said.len() >= TELLING;
        let said = if repeats { said.to_owned() } else { String::new() };
        Self { said, space: space.to_owned(), ..Self::default() }
    }

    /// What is new in the next piece of text; `None` while that cannot be told.
    fn take(&mut self, text: String) -> Option<String> {
        if self.over {
            return Some(text);
        }
        self.held.push_str(&text);
        if self.held.len() < self.said.len() && self.said.starts_with(&self.held) {
            return None;
        }
        self.flush()
    }

    /// What is left when no more text comes.
    fn flush(&mut self) -> Option<String> {
        self.over = true;
        let held = std::mem::take(&mut self.held);
        let new = held.strip_prefix(self.said.as_str()).unwrap_or(&held);
        let new = new.strip_prefix(self.space.as_str()).unwrap_or(new);
        (!new.is_empty()).then(|| new.to_owned())
    }
}

/// What a stream takes over from one that broke.
#[derive(Default)]
pub(super) struct Legacy {
    before: Option<ChatChunk>,
    sum: Accumulator,
    overlap: Option<Overlap>,
}

/// Opens a stream: what comes of it is handed out when its first content is there.
pub(super) async fn open(mut call: Box<Call<ChatRequest>>, legacy: Legacy) -> Result<ChatStream> {
    let asked = Instant::now();
    let Answered { reply: mut stream, choice, ticket } = call.run::<Begun<Chat>>().await?;
    tell(&call, &choice, stream.meta_mut());
    if let Some(before) = legacy.before {
        stream.precede(before);
    }
    stream.attach(Box::new(Routed { call, choice, ticket, asked, sum: legacy.sum, overlap: legacy.overlap }));
    Ok(stream)
}

/// Opens a stream of another operation than chat: what breaks before its first content is tried elsewhere, what breaks
/// after it is the caller's to hear of, as nobody but chat knows how to go on.
pub(super) async fn open_other<Op>(mut call: Box<Call<Op::Request>>) -> Result<Streaming<Op>>
where
    Op: Streamed<Request: Question, Response: Reply>,
{
    let asked = Instant::now();
    let Answered { reply: mut stream, choice, ticket } = call.run::<Begun<Op>>().await?;
    tell(&call, &choice, stream.meta_mut());
    stream.attach(Box::new(Other { call, choice, ticket, asked }));
    Ok(stream)
}

/// What is known of a stream that has begun.
fn tell<Q: Question>(call: &Call<Q>, choice: &Choice, meta: &mut CallMeta) {
    meta.deployment = Some(choice.slot.id.to_string());
    (meta.attempts, meta.trail) = call.trail();
    meta.time_to_first_token = meta.time_to_first_token.map(|_| call.begun.elapsed());
}

/// The way of a stream of another operation than chat.
struct Other<Q: Question> {
    call: Box<Call<Q>>,
    choice: Choice,
    ticket: Ticket,
    asked: Instant,
}

impl<Op> Route<Op> for Other<Op::Request>
where
    Op: Streamed<Request: Question, Response: Reply>,
{
    fn passing(&mut self, chunk: Op::Chunk, _: &mut VecDeque<Op::Chunk>) -> Option<Op::Chunk> {
        Some(chunk)
    }

    fn ended(mut self: Box<Self>, reply: &Op::Response, meta: &mut CallMeta) {
        self.ticket.used = reply.tokens();
        meta.latency = self.call.begun.elapsed();
    }

    fn failed(self: Box<Self>, error: Error, meta: &mut CallMeta) -> Rescue<Op> {
        let Self { mut call, choice, mut ticket, asked } = *self;
        ticket.used = None;
        call.broke(&choice, error.clone(), asked.elapsed());
        meta.latency = call.begun.elapsed();
        let (attempts, trail) = call.trail();
        Rescue::Fail(error.with_attempts(attempts).with_trail(trail))
    }
}

impl Route for Routed {
    fn passing(&mut self, mut chunk: ChatChunk, queue: &mut Queue) -> Option<ChatChunk> {
        if let Some(overlap) = &mut self.overlap {
            match chunk.delta {
                // The reply has one head.
                Delta::Start(_) => return None,
                Delta::Text(text) => chunk.delta = Delta::Text(overlap.take(text)?),
                Delta::Usage(_) | Delta::Extra(_) | Delta::ChoiceExtra(_) => {}
                _ => {
                    if let Some(rest) = (!overlap.over).then(|| overlap.flush()).flatten() {
                        queue.push_front(chunk);
                        chunk = ChatChunk::new(Delta::Text(rest));
                    }
                }
            }
        }
        self.sum.push(chunk.clone());
        Some(chunk)
    }

    fn ended(mut self: Box<Self>, reply: &ChatResponse, meta: &mut CallMeta) {
        self.ticket.used = reply.tokens();
        meta.latency = self.call.begun.elapsed();
    }

    fn failed(self: Box<Self>, error: Error, meta: &mut CallMeta) -> Rescue {
        let Self { mut call, choice, mut ticket, asked, sum, .. } = *self;
        ticket.used = None;
        call.broke(&choice, error.clone(), asked.elapsed());
        drop(ticket);
        meta.latency = call.begun.elapsed();
        let legacy = match call.router.rules.stream_failure {
            OnStreamFailure::Fail => None,
            OnStreamFailure::Restart => {
                Some(Legacy { before: Some(ChatChunk::new(Delta::Restart)), ..Legacy::default() })
            }
            OnStreamFailure::Continue => go_on(&mut call, &sum),
        };
        let partial = sum.into_response();
        let Some(legacy) = legacy else {
            let (attempts, trail) = call.trail();
            return Rescue::Fail(error.with_partial(partial).with_attempts(attempts).with_trail(trail));
        };
        Rescue::Switch(Box::pin(async move {
            open(call, legacy).await.map_err(|last| {
                // The call failed of what broke its stream; the trail says what was tried to save it.
                let trail = last.trail().to_vec();
                error.with_partial(partial).with_attempts(last.attempts()).with_trail(trail)
            })
        }))
    }
}

/// Has the next deployment go on from the text so far, where nothing but one choice's text has come.
fn go_on(call: &mut Call<ChatRequest>, sum: &Accumulator) -> Option<Legacy> {
    let so_far = sum.response();
    let [choice] = so_far.choices.as_slice() else { return None };
    let [Part { content: Content::Text(text), seal: None, .. }] = choice.message.parts.as_slice() else { return None };
    if choice.finish_reason.is_some() {
        return None;
    }
    let said = text.trim_end();
    let space = text.strip_prefix(said).unwrap_or_default();
    if said.is_empty() {
        return None;
    }
    call.said = Some(said.to_owned());
    call.plan.require_prefill();
    Some(Legacy { before: None, sum: sum.clone(), overlap: Some(Overlap::new(said, space)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is new in the pieces of a reply that goes on from a text.
    fn new(text: &str, pieces: &[&str]) -> String {
        let said = text.trim_end();
        let mut overlap = Overlap::new(said, text.strip_prefix(said).unwrap());
        let mut new: String = pieces.iter().filter_map(|piece| overlap.take((*piece).to_owned())).collect();
        if !overlap.over {
            new.extend(overlap.flush());
        }
        new
    }

    #[test]
    fn a_reply_that_goes_on_repeats_nothing() {
        assert_eq!(new("Once upon a time there ", &[" was", " a"]), "was a");
        assert_eq!(new("Once upon a time there ", &["was", " a"]), "was a");
        assert_eq!(new("Once upon a time", &[" there", " was"]), " there was");
        assert_eq!(new("Once upon a time there", &["Once upon", " a time there", " was"]), " was");
        assert_eq!(new("Once upon a time there ", &["Once upon a time there was"]), "was");
        assert_eq!(new("Once upon a time there", &["Once", " more"]), "Once more");
        assert_eq!(new("Once upon a time there", &["Once"]), "Once");
        assert_eq!(new("ha", &["ha", "ha"]), "haha");
    }
}
