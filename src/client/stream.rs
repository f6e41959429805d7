//! A streamed reply on its way.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{Stream, StreamExt};
use http::HeaderValue;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::completion::BoxFuture;
use super::observer::{Watch, name};
use super::pipeline::redact;
use super::prices::Pricing;
use crate::chat::CallMeta;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Chat, Decode as _, Reply, Streamed, Sum as _};
use crate::transport::Body;

/// The chunks of a streamed reply, as they come.
///
/// The stream ends after the last chunk of a complete reply. An error is final, and everything that ends a reply early
/// is one: a broken connection, a silence beyond the deadline, an error event, an end without a finish reason.
/// Dropping the stream closes the connection.
///
/// ```no_run
/// # async fn run() -> anymodel::Result<()> {
/// let mut stream = anymodel::completion("gpt-5", "Tell me a story.").stream().await?;
/// while let Some(chunk) = stream.next().await {
///     print!("{}", chunk?.text());
/// }
/// # Ok(())
/// # }
/// ```
pub type ChatStream = Streaming<Chat>;

/// A streamed reply of any operation: its steps as they come.
///
/// As of [`ChatStream`], every way in which a reply can end early is an error, errors are final, and dropping the stream
/// closes the connection.
pub struct Streaming<Op: Streamed> {
    state: State<Op>,
    decoder: Op::Decoder,
    queue: VecDeque<Op::Chunk>,
    /// What the route has made of the last chunk, to be handed out.
    routed: VecDeque<Op::Chunk>,
    failure: Option<Error>,
    meta: CallMeta,
    pricing: Pricing,
    /// What the observers are told at the end: all of the reply where they want content, else head, ends and usage.
    summary: Op::Sum,
    watch: Watch,
    secrets: Vec<HeaderValue>,
    idle: Option<Duration>,
    end: Option<Instant>,
    /// Since when the next bytes are waited for. What a caller does between two chunks is no silence of the provider's:
    /// while it holds its thread up, nobody reads what comes.
    waiting: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Who has chosen where the stream comes from, and may go on with another one.
    route: Option<Box<dyn Route<Op>>>,
}

/// What stands behind a stream that a router gave.
pub(crate) trait Route<Op: Streamed = Chat>: Send {
    /// A chunk is about to be handed out: what is handed out for it goes to `out`.
    fn passing(&mut self, chunk: Op::Chunk, out: &mut VecDeque<Op::Chunk>);

    /// The reply is complete.
    fn ended(self: Box<Self>, reply: &Op::Response, meta: &mut CallMeta);

    /// The stream has failed: the error to give, or another stream to go on with.
    fn failed(self: Box<Self>, error: Error, meta: &mut CallMeta) -> Rescue<Op>;
}

/// What comes after a stream that failed.
pub(crate) enum Rescue<Op: Streamed = Chat> {
    /// Its error.
    Fail(Error),
    /// Another stream, which takes its place.
    Switch(BoxFuture<Result<Streaming<Op>>>),
}

/// How far a stream is.
enum State<Op: Streamed> {
    /// Bytes can come.
    Open(Body),
    /// Another stream is being opened, to go on with.
    Switching(BoxFuture<Result<Streaming<Op>>>),
    /// The bytes are through; chunks can be left.
    Through,
    /// The observers have been told.
    Closed,
}

/// What a stream begins with.
pub(super) struct Head<D> {
    pub(super) body: Body,
    pub(super) decoder: D,
    pub(super) meta: CallMeta,
    pub(super) pricing: Pricing,
    pub(super) watch: Watch,
    pub(super) secrets: Vec<HeaderValue>,
    pub(super) idle: Option<Duration>,
    pub(super) end: Option<Instant>,
}

impl<Op> Streaming<Op>
where
    Op: Streamed<Response: Reply>,
{
    pub(super) fn new(head: Head<Op::Decoder>) -> Self {
        Self {
            state: State::Open(head.body),
            decoder: head.decoder,
            queue: VecDeque::new(),
            routed: VecDeque::new(),
            failure: None,
            meta: head.meta,
            pricing: head.pricing,
            summary: Op::Sum::default(),
            watch: head.watch,
            secrets: head.secrets,
            idle: head.idle,
            end: head.end,
            waiting: None,
            timer: None,
            route: None,
        }
    }

    /// The next chunk; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Op::Chunk>> {
        StreamExt::next(self).await
    }

    /// What is known of the call so far: request id, rate limits and warnings at once, times and cost when it has
    /// ended.
    #[must_use]
    pub fn meta(&self) -> &CallMeta {
        &self.meta
    }

    /// Reads the stream to its end: the reply that it adds up to.
    ///
    /// # Errors
    ///
    /// The stream's error, with what came until then: in [`Error::partial`], [`Error::partial_response`] or
    /// [`Error::partial_message`].
    pub async fn collect(mut self) -> Result<Op::Response> {
        let mut sum = Op::Sum::default();
        while let Some(chunk) = self.next().await {
            match chunk {
                Ok(chunk) => sum.add(chunk),
                Err(error) => return Err(error.with_partial(sum.into_reply())),
            }
        }
        let mut reply = sum.into_reply();
        *reply.meta_mut() = self.meta.clone();
        Ok(reply)
    }

    fn mark_first_content(&mut self) {
        if self.watch.first_content.is_none() {
            self.watch.first_content = Some(Instant::now());
            self.meta.time_to_first_token = self.watch.time_to_first_token();
        }
    }

    fn take(&mut self, mut chunk: Op::Chunk) -> Op::Chunk {
        if let Some(model) = Op::model_of(&mut chunk) {
            name(model, &self.meta);
        }
        if self.watch.first_content.is_none() && Op::is_content(&chunk) {
            self.mark_first_content();
        }
        if Op::tells(&chunk) || self.watch.wants_content() {
            self.summary.add(chunk.clone());
        }
        chunk
    }

    /// The bytes are through: tells the observers, and what is left to tell the caller.
    fn close(&mut self, result: Result<()>) -> Option<Error> {
        self.state = State::Closed;
        self.meta.latency = self.watch.latency();
        match result {
            Ok(()) => {
                let reply = self.summary.reply();
                self.meta.cost = self.pricing.cost(reply, &self.meta);
                self.watch.cost = self.meta.cost;
                self.watch.answered(reply);
                if let Some(route) = self.route.take() {
                    route.ended(reply, &mut self.meta);
                }
                None
            }
            Err(error) => {
                let error = redact(error, &self.secrets)
                    .with_provider(self.meta.provider.clone())
                    .with_model(self.meta.model.clone())
                    .with_attempts(self.meta.attempts);
                let error = match &self.meta.request_id {
                    Some(id) => error.with_request_id(id.clone()),
                    None => error,
                };
                self.watch.failed(&error);
                Some(error)
            }
        }
    }

    /// The sooner of the call's end and the end of patience.
    fn deadline(&self) -> Option<Instant> {
        let patience = self.waiting.zip(self.idle).and_then(|(since, idle)| since.checked_add(idle));
        match (self.end, patience) {
            (Some(end), Some(patience)) => Some(end.min(patience)),
            (end, patience) => end.or(patience),
        }
    }

    /// Ready when the deadline has passed. The timer is set once and looked at again only when it rings, so that a
    /// busy stream does not reset it with each chunk.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline() else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}

impl<Op> Streaming<Op>
where
    Op: Streamed<Response: Reply>,
{
    /// Reads until something that the model said has come, or the reply is through. What has come stays for `next`.
    ///
    /// # Errors
    ///
    /// What ended the stream before that.
    pub(crate) async fn until_content(&mut self) -> Result<()> {
        std::future::poll_fn(|context| self.poll_content(context)).await
    }

    fn poll_content(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            if let Some(error) = self.failure.take() {
                self.queue.clear();
                return Poll::Ready(self.close(Err(error)).map_or(Ok(()), Err));
            }
            if self.queue.iter().any(Op::says_something) {
                self.mark_first_content();
                return Poll::Ready(Ok(()));
            }
            if !matches!(self.state, State::Open(_)) {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_bytes(context));
        }
    }

    /// Hands the stream to who has chosen where it comes from.
    pub(crate) fn attach(&mut self, route: Box<dyn Route<Op>>) {
        self.route = Some(route);
    }

    pub(crate) fn meta_mut(&mut self) -> &mut CallMeta {
        &mut self.meta
    }

    /// Takes the next bytes, if there are any yet: the chunks that they complete are queued.
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Open(body) = &mut self.state else { return Poll::Ready(()) };
        let done = self.decoder.is_done();
        match Pin::new(body).poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                self.waiting = None;
                self.failure = self.decoder.push(&bytes, &mut self.queue).err();
            }
            Poll::Ready(None) => {
                self.state = State::Through;
                self.failure = self.decoder.end(&mut self.queue).err();
            }
            // A reply that is complete is not spoilt by how its connection ends.
            Poll::Ready(Some(Err(_))) if self.decoder.is_complete() => {
                self.state = State::Through;
                let _ = self.decoder.end(&mut self.queue);
            }
            Poll::Ready(Some(Err(error))) => self.failure = Some(error.with_kind(ErrorKind::StreamInterrupted)),
            // The provider has said that nothing more comes; a connection that stays open is not waited for.
            Poll::Pending if done => {
                if let State::Open(body) = std::mem::replace(&mut self.state, State::Through) {
                    linger(body);
                }
                self.failure = self.decoder.end(&mut self.queue).err();
            }
            // Without a runtime nothing can wait, nor notice that it waits in vain.
            Poll::Pending if self.timer.is_none() && Handle::try_current().is_err() => {
                let message = "a stream has to be read inside a tokio runtime; elsewhere use `.blocking_stream()`";
                self.failure = Some(Error::new(ErrorKind::Configuration, message));
            }
            Poll::Pending => {
                self.waiting.get_or_insert_with(Instant::now);
                ready!(self.poll_deadline(context));
                if self.decoder.is_complete() {
                    self.state = State::Through;
                    let _ = self.decoder.end(&mut self.queue);
                    return Poll::Ready(());
                }
                let what = if self.end.is_some_and(|end| end <= Instant::now()) {
                    "the call did not come to its end in time"
                } else {
                    "the stream fell silent for longer than its deadline"
                };
                self.failure = Some(Error::new(ErrorKind::Timeout, what));
            }
        }
        Poll::Ready(())
    }

    /// What a failure comes to: the error that the caller gets, unless there is another stream to go on with.
    fn fail(&mut self, error: Error) -> Option<Error> {
        let error = self.close(Err(error))?;
        match self.route.take() {
            None => Some(error),
            Some(route) => match route.failed(error, &mut self.meta) {
                Rescue::Fail(error) => Some(error),
                Rescue::Switch(opening) => {
                    self.state = State::Switching(opening);
                    None
                }
            },
        }
    }
}

impl<Op> Stream for Streaming<Op>
where
    Op: Streamed<Response: Reply>,
{
    type Item = Result<Op::Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(chunk) = this.routed.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            if let Some(chunk) = this.queue.pop_front() {
                let chunk = this.take(chunk);
                let Some(route) = &mut this.route else { return Poll::Ready(Some(Ok(chunk))) };
                route.passing(chunk, &mut this.routed);
                continue;
            }
            if let Some(error) = this.failure.take() {
                match this.fail(error) {
                    Some(error) => return Poll::Ready(Some(Err(error))),
                    None => continue,
                }
            }
            match &mut this.state {
                State::Open(_) => ready!(this.poll_bytes(context)),
                State::Switching(opening) => match ready!(opening.as_mut().poll(context)) {
                    Ok(next) => *this = next,
                    Err(error) => {
                        this.state = State::Closed;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                State::Through => return Poll::Ready(this.close(Ok(())).map(Err)),
                State::Closed => return Poll::Ready(None),
            }
        }
    }
}

/// Reads on behind a complete reply, where nothing but the end of the body should come: a connection that is given up
/// before that cannot be used for the next call.
fn linger(mut body: Body) {
    const LONGEST: Duration = Duration::from_secs(1);
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            let rest = async { while let Some(Ok(_)) = body.next().await {} };
            timeout(LONGEST, rest).await
        });
    }
}

impl<Op: Streamed> fmt::Debug for Streaming<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("decoder", &self.decoder).field("meta", &self.meta).finish_non_exhaustive()
    }
}
