//! A routed stream after its first content: what becomes of it when it breaks.

mod chat;
mod messages;
mod overlap;
mod responses;

use std::collections::VecDeque;

use tokio::time::Instant;

use super::OnStreamFailure;
use super::plan::Choice;
use super::run::{Answered, Begun, Call};
use super::ticket::Ticket;
use crate::chat::CallMeta;
use crate::client::{Answer, Question, Rescue, Route, Streaming};
use crate::error::{Error, Result};
use crate::provider::{Reply, Streamed, Sum};

/// An operation whose streams a router gives.
pub(crate) trait Joined: Streamed<Request: Question, Response: Reply, Sum: Clone> {
    /// How a stream of it goes over into the next.
    type Seam: Seam<Self>;
}

/// Where one stream of a reply goes over into the next. It sees all that is handed out.
pub(crate) trait Seam<Op: Streamed>: Default + Send + 'static {
    /// What is handed out for a step goes to `out`.
    fn pass(&mut self, chunk: Op::Chunk, out: &mut VecDeque<Op::Chunk>);

    /// The stream has broken: what comes next begins anew, and the caller is to be told so. `false` where that cannot
    /// be done, as by default.
    fn restart(&mut self) -> bool {
        false
    }

    /// The stream has broken: what comes next goes on from what has come so far. The text that it is given as the
    /// beginning of its reply; `None` where that cannot be done, as by default.
    fn go_on(&mut self, _so_far: &Op::Response) -> Option<String> {
        None
    }
}

/// A stream's way through the router.
struct Routed<Op: Joined> {
    call: Box<Call<Op::Request>>,
    choice: Choice,
    ticket: Ticket,
    /// When this deployment was asked.
    asked: Instant,
    /// What has been handed out.
    sum: Op::Sum,
    seam: Op::Seam,
}

/// Opens a stream: what comes of it is handed out when its first content is there.
pub(super) async fn open<Op: Joined>(call: Box<Call<Op::Request>>) -> Result<Streaming<Op>> {
    next(call, Op::Sum::default(), Op::Seam::default()).await
}

/// Opens the first stream of a reply, or the one after that which has given so much.
async fn next<Op: Joined>(mut call: Box<Call<Op::Request>>, sum: Op::Sum, seam: Op::Seam) -> Result<Streaming<Op>> {
    let asked = Instant::now();
    let Answered { reply: mut stream, choice, ticket } = call.run::<Begun<Op>>().await?;
    let meta = stream.meta_mut();
    meta.deployment = Some(choice.slot.id.to_string());
    (meta.attempts, meta.trail) = call.trail();
    meta.time_to_first_token = meta.time_to_first_token.map(|_| call.begun.elapsed());
    stream.attach(Box::new(Routed { call, choice, ticket, asked, sum, seam }));
    Ok(stream)
}

impl<Op: Joined> Route<Op> for Routed<Op> {
    fn passing(&mut self, chunk: Op::Chunk, out: &mut VecDeque<Op::Chunk>) {
        self.seam.pass(chunk, out);
        out.iter().for_each(|chunk| self.sum.add(chunk.clone()));
    }

    fn ended(mut self: Box<Self>, reply: &Op::Response, meta: &mut CallMeta) {
        self.ticket.used = reply.tokens();
        meta.latency = self.call.begun.elapsed();
    }

    fn failed(self: Box<Self>, error: Error, meta: &mut CallMeta) -> Rescue<Op> {
        let Self { mut call, choice, mut ticket, asked, sum, mut seam } = *self;
        ticket.used = None;
        call.broke(&choice, error.clone(), asked.elapsed());
        drop(ticket);
        meta.latency = call.begun.elapsed();
        let partial = sum.clone().into_reply();
        let goes_on = match call.router.rules.stream_failure {
            OnStreamFailure::Fail => false,
            OnStreamFailure::Restart => seam.restart(),
            OnStreamFailure::Continue => seam.go_on(&partial).map(|said| call.go_on_from(said)).is_some(),
        };
        if !goes_on {
            let (attempts, trail) = call.trail();
            return Rescue::Fail(error.with_partial(partial).with_attempts(attempts).with_trail(trail));
        }
        Rescue::Switch(Box::pin(async move {
            next(call, sum, seam).await.map_err(|last| {
                // The call failed of what broke its stream; the trail says what was tried to save it.
                let trail = last.trail().to_vec();
                error.with_partial(partial).with_attempts(last.attempts()).with_trail(trail)
            })
        }))
    }
}
