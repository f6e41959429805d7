//! One call of a router: its plan, carried out.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::{Either, select};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::filter::{Demand, capabilities, estimate};
use super::plan::{Choice, Own, Plan, Step};
use super::strategy::Pick;
use super::ticket::Ticket;
use super::{Dice, Inner, RouterEvent, health};
use crate::chat::{Attempt, ChatRequest, ChatResponse};
use crate::client::{Answer, CallOptions, ChatStream, Client, Endpoint};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::Operation;

/// A pause as short as this is for room that comes when another call ends.
const SHORT: Duration = Duration::from_millis(20);

/// A call under way.
pub(super) struct Call {
    pub(super) router: Arc<Inner>,
    /// Shared with the tries, of which two can run at a time.
    pub(super) request: Arc<ChatRequest>,
    options: CallOptions,
    pub(super) plan: Plan,
    dice: Dice,
    stream: bool,
    trail: Vec<Attempt>,
    attempts: u32,
    pub(super) begun: Instant,
    end: Option<Instant>,
    /// The last failure in the group that was asked for, and the last of all.
    home: Option<Error>,
    last: Option<Error>,
}

/// What a call can be of.
pub(super) trait Ask {
    type Reply: Send + 'static;

    /// One try. It owns what it needs, so that it can run beside another.
    fn ask(
        client: Client,
        endpoint: Endpoint,
        request: Arc<ChatRequest>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Self::Reply>> + Send;

    /// The tokens that a reply came to.
    fn tokens(reply: &Self::Reply) -> Option<u64>;

    /// Those of them that the model wrote; `None` where it did not run.
    fn written(reply: &Self::Reply) -> Option<u64>;
}

/// A whole reply of an operation.
pub(super) struct Whole<Op>(std::marker::PhantomData<Op>);

impl<Op> Ask for Whole<Op>
where
    Op: Operation<Request = ChatRequest, Response: Answer + Metered + Send> + Sync,
{
    type Reply = Op::Response;

    async fn ask(
        client: Client,
        endpoint: Endpoint,
        request: Arc<ChatRequest>,
        options: CallOptions,
    ) -> Result<Op::Response> {
        client.call_at::<Op>(&endpoint, &request, &options).await
    }

    fn tokens(reply: &Op::Response) -> Option<u64> {
        reply.tokens()
    }

    fn written(reply: &Op::Response) -> Option<u64> {
        reply.written()
    }
}

/// A reply that says how many tokens it came to.
pub(super) trait Metered {
    /// Of prompt and reply; `None` where nobody says.
    fn tokens(&self) -> Option<u64>;
    /// Of the reply; `None` where the model did not run.
    fn written(&self) -> Option<u64>;
}

impl Metered for ChatResponse {
    fn tokens(&self) -> Option<u64> {
        self.usage.as_ref().map(|usage| usage.prompt_tokens.saturating_add(usage.completion_tokens))
    }

    fn written(&self) -> Option<u64> {
        Some(self.usage.as_ref().map_or(0, |usage| usage.completion_tokens))
    }
}

impl Metered for crate::tokenizer::TokenCount {
    fn tokens(&self) -> Option<u64> {
        Some(0)
    }

    fn written(&self) -> Option<u64> {
        None
    }
}

/// A streamed reply, up to its first content.
pub(super) struct Streamed;

impl Ask for Streamed {
    type Reply = ChatStream;

    async fn ask(
        client: Client,
        endpoint: Endpoint,
        request: Arc<ChatRequest>,
        options: CallOptions,
    ) -> Result<ChatStream> {
        let mut stream = client.stream_at(&endpoint, &request, &options).await?;
        stream.until_content().await?;
        Ok(stream)
    }

    fn tokens(_: &ChatStream) -> Option<u64> {
        None
    }

    fn written(_: &ChatStream) -> Option<u64> {
        None
    }
}

/// A try that is being made.
struct Running<F> {
    choice: Choice,
    ticket: Ticket,
    begun: Instant,
    /// Whether it is the call's deadline that ends it, and not the deployment's.
    own_deadline: bool,
    asking: F,
}

/// A try that has succeeded.
pub(super) struct Answered<T> {
    pub(super) reply: T,
    pub(super) choice: Choice,
    pub(super) ticket: Ticket,
}

impl Call {
    pub(super) fn start(
        router: Arc<Inner>,
        mut request: Box<ChatRequest>,
        mut options: CallOptions,
        stream: bool,
    ) -> Result<Self> {
        if tokio::runtime::Handle::try_current().is_err() {
            let message = "a call has to be awaited inside a tokio runtime; elsewhere use `.blocking()`";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        refuse_connection(&options)?;
        request.params.drop_params |= router.client.drops_params();
        let table = router.table();
        // A bare name of a known family can be that of a pattern with its provider.
        let whole = || router.client.registry().resolve(&request.model).ok().map(|name| name.to_string());
        let start = table.find(&request.model).or_else(|| table.find(&whole()?));
        if start.is_none() && router.rules.default_fallbacks.is_empty() {
            return Err(unknown(&request.model));
        }
        let fallbacks = std::mem::take(&mut options.fallbacks);
        if let Some(name) = fallbacks.iter().find(|name| table.find(name).is_none()) {
            return Err(unknown(name));
        }
        router.hear_of_cooldowns();
        let rules = Arc::clone(&router.rules);
        let mut pick = Pick { stream, ..Pick::default() };
        if rules.check_context || table.counts_tokens {
            pick.prompt_tokens = router.count.as_ref().map_or_else(|| estimate(&request), |count| count(&request));
        }
        let demand = Demand {
            pick,
            tags: if rules.tags.is_some() { options.tags.clone() } else { Vec::new() },
            region: options.region.take(),
            capabilities: if rules.check_capabilities { capabilities(&request) } else { Vec::new() },
            prefill: false,
        };
        let begun = Instant::now();
        let total = options.timeout.or(router.timeout).or(router.client.deadlines().total);
        let end = total.and_then(|total| begun.checked_add(total));
        let deadline = end.map(|end| end.saturating_duration_since(router.epoch));
        let own = Own { num_retries: options.num_retries.replace(0), fallbacks, deadline };
        let plan = Plan::new(table, rules, Arc::clone(&router.strategy), start, demand, own);
        let dice = router.dice();
        Ok(Self {
            router,
            request: Arc::new(*request),
            options,
            plan,
            dice,
            stream,
            trail: Vec::new(),
            attempts: 0,
            begun,
            end,
            home: None,
            last: None,
        })
    }

    /// Tries until one succeeds or the plan gives up.
    pub(super) async fn run<A: Ask>(&mut self) -> Result<Answered<A::Reply>> {
        loop {
            let step = self.plan.next(self.router.now(), &mut self.dice);
            if let Some((from, to)) = self.plan.take_move() {
                self.router.tell(&RouterEvent::FellBack { from: &from, to: &to, error: self.last.as_ref() });
            }
            match step {
                Step::GiveUp => return Err(self.give_up()),
                Step::Wait(pause) if pause <= SHORT => {
                    let _ = timeout(pause, self.router.room.notified()).await;
                }
                Step::Wait(pause) => sleep(pause).await,
                Step::Try(choice) => {
                    if let Some(running) = self.begin::<A>(choice).await?
                        && let Some(answered) = self.attempt::<A, _>(running).await?
                    {
                        return Ok(answered);
                    }
                }
            }
        }
    }

    /// Takes a place at the deployment and begins to ask it.
    async fn begin<A: Ask>(
        &mut self,
        choice: Choice,
    ) -> Result<Option<Running<impl Future<Output = Result<A::Reply>> + use<A>>>> {
        let (router, now) = (&self.router, self.router.now());
        let tokens = self.plan.demand.pick.prompt_tokens;
        let shared = router.shared.as_ref().map(|shared| &*shared.limits);
        let ticket = match Ticket::take(&choice.slot, choice.beside, tokens, now, &router.room, shared).await {
            Ok(ticket) => ticket,
            Err(denied) => {
                self.plan.refused(&choice, denied, now);
                return Ok(None);
            }
        };
        let (group, deployment) = (&*choice.group, &*choice.slot.id);
        let attempt = u32::try_from(self.trail.len()).unwrap_or(u32::MAX).saturating_add(1);
        if let Some(error) = &self.last {
            router.tell(&RouterEvent::Retried { group, deployment, error });
        }
        router.tell(&RouterEvent::Picked { group, deployment, attempt });
        let (options, own_deadline) = self.options_for(&choice);
        let asked = endpoint(&router.client, &choice, &options).and_then(|endpoint| {
            Ok((
                endpoint,
                match choice.slot.deployment.request(&self.request)? {
                    std::borrow::Cow::Borrowed(_) => Arc::clone(&self.request),
                    std::borrow::Cow::Owned(own) => Arc::new(own),
                },
            ))
        });
        // The client holds to the call's time itself; only a stream without one of its own ends for it with its head.
        let (client, end) = (router.client.clone(), self.end.filter(|_| self.stream && options.timeout.is_none()));
        let asking = async move {
            let (endpoint, request) = asked?;
            let asking = A::ask(client, endpoint, request, options);
            match end {
                Some(end) => timeout_at(end, asking).await.unwrap_or_else(|_| Err(late().with_attempts(1))),
                None => asking.await,
            }
        };
        Ok(Some(Running { choice, ticket, begun: Instant::now(), own_deadline, asking }))
    }

    /// One try, or two where the first takes long and hedging is wished for. `None` where they failed.
    async fn attempt<A, F>(&mut self, running: Running<F>) -> Result<Option<Answered<A::Reply>>>
    where
        A: Ask,
        F: Future<Output = Result<A::Reply>>,
    {
        let Running { choice, ticket, begun, own_deadline, asking } = running;
        let mut asking = pin!(asking);
        let after = choice.slot.state.latency.p95(self.stream).filter(|_| self.router.hedge);
        let early = match after {
            None => Some(asking.as_mut().await),
            Some(after) => timeout(after, asking.as_mut()).await.ok(),
        };
        if let Some(result) = early {
            return Ok(self.take::<A>(choice, ticket, begun, own_deadline, result));
        }
        let second = match self.plan.hedge(self.router.now(), &mut self.dice) {
            None => None,
            Some(other) => {
                self.router.tell(&RouterEvent::Hedged { slow: &choice.slot.id, deployment: &other.slot.id });
                self.begin::<A>(other).await?
            }
        };
        let Some(second) = second else {
            let result = asking.await;
            return Ok(self.take::<A>(choice, ticket, begun, own_deadline, result));
        };
        let mut other = pin!(second.asking);
        // The first to succeed is the answer, and the other is dropped; one that fails leaves it to the other.
        let first_is_in = match select(asking.as_mut(), other.as_mut()).await {
            Either::Left((result, _)) => Either::Left(result),
            Either::Right((result, _)) => Either::Right(result),
        };
        Ok(match first_is_in {
            Either::Left(result) => {
                if let Some(answered) = self.take::<A>(choice, ticket, begun, own_deadline, result) {
                    return Ok(Some(answered));
                }
                let result = other.await;
                self.take::<A>(second.choice, second.ticket, second.begun, second.own_deadline, result)
            }
            Either::Right(result) => {
                let late = self.take::<A>(second.choice, second.ticket, second.begun, second.own_deadline, result);
                if let Some(answered) = late {
                    return Ok(Some(answered));
                }
                let result = asking.await;
                self.take::<A>(choice, ticket, begun, own_deadline, result)
            }
        })
    }

    /// Takes down how a try ended.
    fn take<A: Ask>(
        &mut self,
        choice: Choice,
        mut ticket: Ticket,
        begun: Instant,
        own_deadline: bool,
        result: Result<A::Reply>,
    ) -> Option<Answered<A::Reply>> {
        let took = begun.elapsed();
        match result {
            Ok(reply) => {
                let (now, state) = (self.router.now(), &choice.slot.state);
                if self.stream {
                    state.latency.began(took, now);
                } else {
                    ticket.used = A::tokens(&reply);
                    if let Some(written) = A::written(&reply) {
                        state.latency.answered(took, written, now);
                    }
                }
                state.answered.fetch_add(1, Ordering::Relaxed);
                if state.health.answered(now) {
                    self.router.tell(&RouterEvent::Recovered { deployment: &choice.slot.id });
                }
                self.attempts = self.attempts.saturating_add(1);
                self.trail.push(Attempt::new(&choice.slot.id, None, took));
                Some(Answered { reply, choice, ticket })
            }
            Err(error) => {
                ticket.used = Some(0);
                self.failed(&choice, error, took, own_deadline);
                None
            }
        }
    }

    /// Takes a failure down: for the deployment's health, for the plan, for the trail.
    pub(super) fn failed(&mut self, choice: &Choice, error: Error, took: Duration, own_deadline: bool) {
        let (router, now, slot) = (&self.router, self.router.now(), &choice.slot);
        slot.state.failed.fetch_add(1, Ordering::Relaxed);
        if error.kind() == ErrorKind::Timeout && !own_deadline {
            slot.state.latency.timed_out(self.stream, now);
        }
        if let Some(time) = router.cool(slot, now, || {
            health::failed(slot, &error, own_deadline, &router.rules, now, || {
                router.table().has_another_healthy(slot, now)
            })
        }) {
            router.tell(&RouterEvent::Cooled { deployment: &slot.id, time, error: &error });
        }
        let dice = self.dice.unit();
        self.plan.failed(choice, &error, now, dice);
        self.attempts = self.attempts.saturating_add(error.attempts());
        self.trail.push(Attempt::new(&slot.id, Some(&error), took));
        if self.plan.is_home() {
            self.home = Some(error.clone());
        }
        self.last = Some(error);
    }

    /// A stream that had been put down as good broke after its first content.
    pub(super) fn broke(&mut self, choice: &Choice, error: Error, took: Duration) {
        if self.trail.last().is_some_and(|last| last.kind.is_none()) {
            self.trail.pop();
            self.attempts = self.attempts.saturating_sub(1);
        }
        let own_deadline = self.options.timeout.is_some() && self.end.is_some_and(|end| end <= Instant::now());
        self.failed(choice, error.with_attempts(1), took, own_deadline);
    }

    /// The error that the call ends by: how the group that was asked for failed, with the trail of all that was tried.
    fn give_up(&mut self) -> Error {
        let now = self.router.now();
        let error = self.home.take().or_else(|| self.last.take()).unwrap_or_else(|| {
            if self.end.is_some_and(|end| end <= Instant::now()) { late() } else { self.plan.refusal(now) }
        });
        error.with_attempts(self.attempts).with_trail(std::mem::take(&mut self.trail))
    }

    /// What of the call is known when it has its reply: attempts and their trail.
    pub(super) fn trail(&self) -> (u32, Vec<Attempt>) {
        (self.attempts, self.trail.clone())
    }

    /// The same of a call that is over.
    pub(super) fn into_trail(self) -> (u32, Vec<Attempt>) {
        (self.attempts, self.trail)
    }

    /// The options of a try: what is left of the call's time, and what the deployment says.
    fn options_for(&self, choice: &Choice) -> (CallOptions, bool) {
        let (deployment, router) = (&choice.slot.deployment, &self.router);
        let mut options = self.options.clone();
        let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        let one = deployment.timeout.or(router.attempt_timeout);
        let silence = deployment.stream_timeout.or(router.stream_timeout);
        let own_deadline = if self.stream {
            options.stream_timeout = options.stream_timeout.or(silence);
            options.first_byte_timeout = options.first_byte_timeout.or(silence).or(one);
            options.timeout = options.timeout.and(left);
            self.options.first_byte_timeout.is_some()
                || self.options.timeout.is_some()
                    && left.is_some_and(|left| options.first_byte_timeout.is_none_or(|byte| left <= byte))
        } else {
            options.timeout = match (left, one) {
                (Some(left), Some(one)) => Some(left.min(one)),
                (left, one) => left.or(one),
            };
            self.options.timeout.is_some() && left.is_some_and(|left| one.is_none_or(|one| left <= one))
        };
        if options.price.is_none() {
            options.price.clone_from(&deployment.price);
        }
        if options.base_model.is_none() {
            options.base_model.clone_from(&deployment.base_model);
        }
        (options, own_deadline)
    }
}

/// Where a try goes. It is known beforehand, unless a star is to be filled or the call has headers of its own.
fn endpoint(client: &Client, choice: &Choice, options: &CallOptions) -> Result<Endpoint> {
    let deployment = &choice.slot.deployment;
    match &choice.slot.endpoint {
        Some(endpoint) if options.extra_headers.is_empty() => Ok(endpoint.clone()),
        _ => {
            let mut connection = deployment.connection();
            connection.extra_headers.extend(options.extra_headers.iter().cloned());
            client.endpoint(choice.model.as_deref().unwrap_or(&deployment.model), &connection)
        }
    }
}

/// A key or an address of the call's own would go to whatever deployment is picked.
fn refuse_connection(options: &CallOptions) -> Result<()> {
    let given = [
        ("api_key", options.api_key.is_some()),
        ("api_base", options.api_base.is_some()),
        ("api_version", options.api_version.is_some()),
        ("provider", options.provider.is_some()),
        ("settings", !options.settings.is_empty()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Error::new(
            ErrorKind::Configuration,
            format!("a router's call cannot have a `{name}` of its own; set it on a `Deployment`"),
        )),
    }
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("the router has no deployment for `{name}`"))
}

fn late() -> Error {
    Error::new(ErrorKind::Timeout, "the call did not come to its end in time")
}
