//! One call of a router: its plan, carried out.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, ready, select};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::filter::{Demand, capabilities, estimate};
use super::plan::{Choice, Own, Plan, Step};
use super::queue::Place;
use super::slot::Slot;
use super::strategy::Pick;
use super::ticket::{Entry, Ticket};
use super::{Dice, Inner, RouterEvent, health};
use crate::chat::Attempt;
use crate::client::{Answer, CallOptions, Client, Endpoint, Fallback, Question, Streaming, inside_a_runtime};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Operation, Reply, Streamed};

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Whole,
    Streamed,
    /// Whole, and nowhere else: the answer of another group's model is not as good.
    Here,
}

/// A call under way.
pub(super) struct Call<Q> {
    pub(super) router: Arc<Inner>,
    /// As it was asked. Shared with the tries, of which two can run at a time.
    request: Arc<Q>,
    options: CallOptions,
    /// The beginning of the answer, from which the next deployment is to go on.
    said: Option<String>,
    plan: Plan,
    dice: Dice,
    stream: bool,
    /// Whether prompts are counted.
    counts: bool,
    trail: Vec<Attempt>,
    attempts: u32,
    pub(super) begun: Instant,
    end: Option<Instant>,
    priority: i32,
    /// Where it waits for room.
    place: Option<Place>,
    /// The last failure in the group that was asked for, and the last of all.
    home: Option<Error>,
    last: Option<Error>,
}

/// What a call can be of.
pub(super) trait Ask {
    type Question: Question;
    type Reply: Send + 'static;

    /// One try. It owns what it needs, so that it can run beside another.
    fn ask(
        client: Client,
        endpoint: Arc<Endpoint>,
        request: Arc<Self::Question>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Self::Reply>> + Send + 'static;

    /// The tokens that a reply came to.
    fn tokens(reply: &Self::Reply) -> Option<u64>;

    /// Those of them that the model wrote; `None` where it did not run.
    fn written(reply: &Self::Reply) -> Option<u64>;
}

/// A whole reply of an operation.
pub(super) struct Whole<Op>(std::marker::PhantomData<Op>);

impl<Op> Ask for Whole<Op>
where
    Op: Operation<Request: Question, Response: Answer>,
{
    type Question = Op::Request;
    type Reply = Op::Response;

    async fn ask(
        client: Client,
        endpoint: Arc<Endpoint>,
        request: Arc<Op::Request>,
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

/// A streamed reply of an operation, up to its first content.
pub(super) struct Begun<Op>(std::marker::PhantomData<Op>);

impl<Op> Ask for Begun<Op>
where
    Op: Streamed<Request: Question, Response: Reply>,
{
    type Question = Op::Request;
    type Reply = Streaming<Op>;

    async fn ask(
        client: Client,
        endpoint: Arc<Endpoint>,
        request: Arc<Op::Request>,
        options: CallOptions,
    ) -> Result<Streaming<Op>> {
        let mut stream = client.stream_of::<Op>(&endpoint, &request, &options).await?;
        stream.until_content().await?;
        Ok(stream)
    }

    fn tokens(_: &Streaming<Op>) -> Option<u64> {
        None
    }

    fn written(_: &Streaming<Op>) -> Option<u64> {
        None
    }
}

/// A try that is being made.
struct Running<R> {
    made: Made,
    /// On the heap: it is most of a call's size, and is handed on several times.
    asking: BoxFuture<'static, Result<R>>,
}

/// What is known of a try from its start.
struct Made {
    choice: Choice,
    ticket: Ticket,
    begun: Instant,
    /// Whether it is the call's deadline that ends it, and not the deployment's.
    own_deadline: bool,
}

/// A try that has succeeded.
pub(super) struct Answered<T> {
    pub(super) reply: T,
    pub(super) choice: Choice,
    pub(super) ticket: Ticket,
}

impl<Q: Question> Call<Q> {
    pub(super) fn start(router: Arc<Inner>, mut request: Arc<Q>, mut options: CallOptions, how: How) -> Result<Self> {
        inside_a_runtime()?;
        refuse_connection(&options)?;
        if router.client.drops_params() {
            Arc::make_mut(&mut request).drop_params();
        }
        let table = router.table();
        // A bare name of a known family can be that of a pattern with its provider.
        let whole = || router.client.registry().resolve(request.model()).ok().map(|name| name.to_string());
        let start = table.find(request.model()).or_else(|| table.find(&whole()?));
        if start.is_none() && (how == How::Here || router.rules.default_fallbacks.is_empty()) {
            return Err(unknown(request.model()));
        }
        let fallbacks = std::mem::take(&mut options.fallbacks);
        for fallback in &fallbacks {
            if table.find(&fallback.model).is_none() {
                return Err(unknown(&fallback.model));
            }
            check(fallback, &*request)?;
        }
        router.keep_probing();
        router.hear_of_cooldowns();
        let rules = Arc::clone(&router.rules);
        let (stream, counts) = (how == How::Streamed, rules.check_context || table.counts_tokens);
        let demand = demand(&router, &*request, &options, stream, counts);
        let begun = Instant::now();
        let total = options.timeout.or(router.timeout).or(router.client.deadlines().total);
        let end = total.and_then(|total| begun.checked_add(total));
        let deadline = end.map(|end| end.saturating_duration_since(router.epoch));
        let fallbacks = fallbacks.into_iter().map(Arc::new).collect();
        let priority = options.priority.unwrap_or(router.default_priority);
        let own = Own { fallbacks, stays: how == How::Here, deadline, priority };
        // The client tries once; the plan does the rest.
        options.num_retries = Some(0);
        let plan = Plan::new(table, rules, Arc::clone(&router.strategy), start, demand, own);
        let dice = router.dice();
        Ok(Self {
            router,
            request,
            options,
            said: None,
            plan,
            dice,
            stream,
            counts,
            trail: Vec::new(),
            attempts: 0,
            begun,
            end,
            priority,
            place: None,
            home: None,
            last: None,
        })
    }

    /// Tries until one succeeds or the plan gives up.
    pub(super) async fn run<A: Ask<Question = Q>>(&mut self) -> Result<Answered<A::Reply>> {
        loop {
            let Self { router, request, options, plan, dice, stream, counts, .. } = self;
            let changed = |fallback: &Fallback| match fallback.apply(&**request, options) {
                Ok((request, options)) => demand(router, &request, &options, *stream, *counts),
                // The try will tell.
                Err(_) => Demand::default(),
            };
            let step = plan.next(router.now(), dice, &changed);
            if let Some((from, to)) = self.plan.take_move() {
                self.router.tell(&RouterEvent::FellBack { from: &from, to: &to, error: self.last.as_ref() });
            }
            match step {
                Step::GiveUp => return Err(self.give_up()),
                Step::Wait(pause) => {
                    self.place = None;
                    sleep(pause).await;
                }
                Step::Queue(line, pause) => {
                    if !self.queue(line, pause).await {
                        return Err(self.give_up());
                    }
                }
                Step::Try(choice) => {
                    let Some(running) = self.begin::<A>(choice).await? else { continue };
                    self.place = None;
                    if let Some(answered) = self.attempt::<A>(running).await? {
                        return Ok(answered);
                    }
                }
            }
        }
    }

    /// Waits for room in the queue; `false` where that has no place for the call.
    async fn queue(&mut self, line: Vec<Arc<Slot>>, pause: Duration) -> bool {
        let Some(place) = &mut self.place else {
            let tokens = self.plan.demand.pick.prompt_tokens;
            let first = line.first().cloned();
            self.place = Place::join(&self.router, self.plan.turn, tokens, line);
            let Some(place) = &self.place else { return self.plan.crowded_out() };
            self.plan.turn = place.turn();
            let group = first.as_ref().map_or("", |slot| slot.deployment.model_name.as_str());
            let (priority, waiting) = (self.priority, self.router.queue.length());
            self.router.tell(&RouterEvent::Queued { group, priority, waiting });
            return true;
        };
        if place.stand(line) {
            return true;
        }
        let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        place.wait(left.map_or(pause, |left| pause.min(left))).await || self.plan.crowded_out()
    }

    /// Takes a place at the deployment and begins to ask it.
    async fn begin<A: Ask<Question = Q>>(&mut self, choice: Choice) -> Result<Option<Running<A::Reply>>> {
        let (router, now) = (&self.router, self.router.now());
        let tokens = self.plan.demand.pick.prompt_tokens;
        let shared = router.shared.as_ref().map(|shared| &*shared.limits);
        let entry = if choice.beside { Entry::Beside } else { Entry::Usual };
        let ticket = match Ticket::take(&choice.slot, entry, tokens, now, router.epoch, shared).await {
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
        let (request, options) = match self.version(&choice) {
            Ok((request, options)) => (Ok(request), options),
            Err(error) => (Err(error), self.options.clone()),
        };
        let (options, own_deadline) = self.options_for(&choice, options);
        let asked = request.and_then(|request| {
            let endpoint = endpoint(&router.client, &choice, &options)?;
            let own = match choice.slot.deployment.request(&*request)? {
                Cow::Borrowed(_) => None,
                Cow::Owned(own) => Some(Arc::new(own)),
            };
            Ok((endpoint, own.unwrap_or(request)))
        });
        // The client holds to the call's time itself; only a stream without one of its own ends for it with its head.
        let (client, end) = (router.client.clone(), self.end.filter(|_| self.stream && options.timeout.is_none()));
        let asking: BoxFuture<'static, Result<A::Reply>> = match (asked, end) {
            (Err(error), _) => Box::pin(ready(Err(error))),
            (Ok((endpoint, request)), None) => Box::pin(A::ask(client, endpoint, request, options)),
            (Ok((endpoint, request)), Some(end)) => {
                let asking = timeout_at(end, A::ask(client, endpoint, request, options));
                Box::pin(asking.map(|result| result.unwrap_or_else(|_| Err(late().with_attempts(1)))))
            }
        };
        Ok(Some(Running { made: Made { choice, ticket, begun: Instant::now(), own_deadline }, asking }))
    }

    /// One try, or two where the first takes long and hedging is wished for. `None` where they failed.
    async fn attempt<A: Ask<Question = Q>>(
        &mut self,
        running: Running<A::Reply>,
    ) -> Result<Option<Answered<A::Reply>>> {
        let Running { made, mut asking } = running;
        let after = made.choice.slot.state.latency.p95(self.stream).filter(|_| self.router.hedge);
        let early = match after {
            None => Some(asking.as_mut().await),
            Some(after) => timeout(after, asking.as_mut()).await.ok(),
        };
        if let Some(result) = early {
            return Ok(self.take::<A>(made, result));
        }
        let second = match self.plan.hedge(self.router.now(), &mut self.dice) {
            None => None,
            Some(other) => {
                self.router.tell(&RouterEvent::Hedged { slow: &made.choice.slot.id, deployment: &other.slot.id });
                self.begin::<A>(other).await?
            }
        };
        let Some(second) = second else {
            let result = asking.await;
            return Ok(self.take::<A>(made, result));
        };
        // The first to succeed is the answer, and the other is dropped; one that fails leaves it to the other.
        let (sooner, result, later, waiting) = match select(asking, second.asking).await {
            Either::Left((result, waiting)) => (made, result, second.made, waiting),
            Either::Right((result, waiting)) => (second.made, result, made, waiting),
        };
        if let Some(answered) = self.take::<A>(sooner, result) {
            return Ok(Some(answered));
        }
        let result = waiting.await;
        Ok(self.take::<A>(later, result))
    }

    /// Takes down how a try ended.
    fn take<A: Ask<Question = Q>>(&mut self, made: Made, result: Result<A::Reply>) -> Option<Answered<A::Reply>> {
        let Made { choice, mut ticket, begun, own_deadline } = made;
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
                    choice.slot.call_next(now);
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
        // The error counts all tries of the call, as the stream's caller is told; of these only this one is new.
        self.failed(choice, error.with_attempts(1), took, own_deadline);
    }

    /// Has the next deployment go on from this beginning of the answer.
    pub(super) fn go_on_from(&mut self, said: String) {
        self.said = Some(said);
        self.plan.require_prefill();
    }

    /// The error that the call ends by: how the group that was asked for failed, with the trail of all that was tried.
    fn give_up(&mut self) -> Error {
        let now = self.router.now();
        let error = self.home.take().or_else(|| self.last.take()).unwrap_or_else(|| {
            let late = self.place.is_none() && self.end.is_some_and(|end| end <= Instant::now());
            if late { self::late() } else { self.plan.refusal(now) }
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

    /// Request and options as a group gets them.
    fn version(&self, choice: &Choice) -> Result<(Arc<Q>, CallOptions)> {
        let (mut request, options) = match &choice.changes {
            None => (Arc::clone(&self.request), self.options.clone()),
            Some(changes) => {
                let (request, options) = changes.apply(&*self.request, &self.options)?;
                (Arc::new(request), CallOptions { num_retries: Some(0), ..options })
            }
        };
        if let Some(said) = &self.said {
            Arc::make_mut(&mut request).begin_answer(said);
        }
        Ok((request, options))
    }

    /// The options of a try: what is left of the call's time, and what the deployment says.
    fn options_for(&self, choice: &Choice, mut options: CallOptions) -> (CallOptions, bool) {
        let (deployment, router) = (&choice.slot.deployment, &self.router);
        let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        // A time that a fallback says is for each try there.
        let changed = options.timeout.filter(|_| choice.changes.is_some());
        let one = [changed, deployment.timeout.or(router.attempt_timeout)].into_iter().flatten().min();
        let silence = deployment.stream_timeout.or(router.stream_timeout);
        let own_deadline = if self.stream {
            options.stream_timeout = options.stream_timeout.or(silence);
            options.first_byte_timeout = options.first_byte_timeout.or(silence).or(one);
            options.timeout = options.timeout.map(|own| left.map_or(own, |left| own.min(left)));
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
        options.additional_drop_params.extend(deployment.additional_drop_params.iter().cloned());
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
fn endpoint(client: &Client, choice: &Choice, options: &CallOptions) -> Result<Arc<Endpoint>> {
    let deployment = &choice.slot.deployment;
    match &choice.slot.endpoint {
        Some(endpoint) if options.extra_headers.is_empty() => Ok(Arc::clone(endpoint)),
        _ => {
            let mut connection = deployment.connection();
            connection.extra_headers.extend(options.extra_headers.iter().cloned());
            client.endpoint(choice.model.as_deref().unwrap_or(&deployment.model), &connection).map(Arc::new)
        }
    }
}

/// What a call asks for.
fn demand<Q: Question>(router: &Inner, request: &Q, options: &CallOptions, stream: bool, counts: bool) -> Demand {
    let rules = &router.rules;
    let chat = if counts || rules.check_capabilities { request.chat() } else { None };
    let chat = chat.as_deref();
    let count = |chat| router.count.as_ref().map_or_else(|| estimate(chat), |count| count(chat));
    let mut pick = Pick { stream, ..Pick::default() };
    pick.prompt_tokens = chat.filter(|_| counts).map_or(0, count);
    Demand {
        pick,
        tags: if rules.tags.is_some() { options.tags.clone() } else { Vec::new() },
        region: options.region.clone(),
        capabilities: chat.filter(|_| rules.check_capabilities).map_or_else(Vec::new, capabilities),
        num_retries: options.num_retries,
        prefill: false,
    }
}

/// Whether a fallback's changes can be made, and leave the connection alone.
pub(super) fn check(fallback: &Fallback, request: &impl Question) -> Result<()> {
    if fallback.changes.is_empty() {
        return Ok(());
    }
    let (_, options) = fallback.apply(request, &CallOptions::default())?;
    refuse_connection(&options)
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
