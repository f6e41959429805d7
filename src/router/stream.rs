//! A routed stream after its first content: what becomes of it when it breaks.

use tokio::time::Instant;

use super::OnStreamFailure;
use super::plan::Choice;
use super::run::{Answered, Call, Metered, Streamed};
use super::ticket::Ticket;
use crate::chat::{Accumulator, CallMeta, ChatChunk, ChatResponse, Content, Delta, Message, Part, Role};
use crate::client::{ChatStream, Rescue, Route};
use crate::error::{Error, Result};

/// A stream's way through the router.
struct Routed {
    call: Box<Call>,
    choice: Choice,
    ticket: Ticket,
    /// When this deployment was asked.
    asked: Instant,
    /// What has been handed out.
    sum: Accumulator,
    /// Of a stream that goes on from another: what of its beginning has been said already.
    overlap: Option<Overlap>,
}

/// What a stream that goes on from the text of another repeats.
struct Overlap {
    /// White space at the end of the text. It is left out of what is sent, as some models refuse it.
    space: String,
}

/// What a stream takes over from one that broke.
#[derive(Default)]
pub(super) struct Legacy {
    before: Option<ChatChunk>,
    sum: Accumulator,
    overlap: Option<Overlap>,
}

/// Opens a stream: what comes of it is handed out when its first content is there.
pub(super) async fn open(mut call: Box<Call>, legacy: Legacy) -> Result<ChatStream> {
    let asked = Instant::now();
    let Answered { reply: mut stream, choice, ticket } = call.run::<Streamed>().await?;
    let (attempts, trail) = call.trail();
    let begun = call.begun;
    let meta = stream.meta_mut();
    meta.deployment = Some(choice.slot.id.to_string());
    (meta.attempts, meta.trail) = (attempts, trail);
    meta.time_to_first_token = meta.time_to_first_token.map(|_| begun.elapsed());
    if let Some(before) = legacy.before {
        stream.precede(before);
    }
    stream.attach(Box::new(Routed { call, choice, ticket, asked, sum: legacy.sum, overlap: legacy.overlap }));
    Ok(stream)
}

impl Route for Routed {
    fn passing(&mut self, chunk: &mut ChatChunk) -> bool {
        if let Some(overlap) = &mut self.overlap {
            match &mut chunk.delta {
                Delta::Start(_) => return false,
                Delta::Text(text) => {
                    if let Some(rest) = text.strip_prefix(overlap.space.as_str()) {
                        *text = rest.to_owned();
                    }
                    overlap.space.clear();
                    if text.is_empty() {
                        return false;
                    }
                }
                _ => {}
            }
        }
        self.sum.push(chunk.clone());
        true
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
fn go_on(call: &mut Call, sum: &Accumulator) -> Option<Legacy> {
    let so_far = sum.response();
    let [choice] = so_far.choices.as_slice() else { return None };
    let [Part { content: Content::Text(text), seal: None, .. }] = choice.message.parts.as_slice() else { return None };
    if choice.finish_reason.is_some() {
        return None;
    }
    let said = text.trim_end();
    let space = text.strip_prefix(said).unwrap_or_default().to_owned();
    if said.is_empty() {
        return None;
    }
    let mut request = (*call.request).clone();
    if call.plan.demand.prefill {
        // It goes on from another one already: the whole text takes the place of its beginning.
        request.messages.pop();
    }
    request.messages.push(Message::new(Role::Assistant, said));
    call.request = request.into();
    call.plan.require_prefill();
    Some(Legacy { before: None, sum: sum.clone(), overlap: Some(Overlap { space }) })
}
