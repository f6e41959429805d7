//! Many deployments behind one name.
//!
//! A [`Router`] is called as a client is. Behind each name that a call can give stands a group of
//! [`Deployment`]s; a [`Strategy`] picks one, and when it fails, the call goes on: to another deployment of the group,
//! to the next [`order`](Deployment::order), to the fallbacks of what it failed of. How that is decided is a pure plan
//! of one loop, so that attempts never multiply: the client below tries once.
//!
//! ```no_run
//! # async fn run() -> anymodel::Result<()> {
//! use anymodel::{Deployment, Router};
//!
//! let router = Router::builder()
//!     .deployment(Deployment::new("smart", "deepseek/deepseek-chat").weight(7.0))
//!     .deployment(Deployment::new("smart", "openai/gpt-4o").weight(3.0).rpm(1000))
//!     .deployment(Deployment::new("claude", "anthropic/claude-sonnet-4-5"))
//!     .fallback("smart", ["claude"])
//!     .build()?;
//! let reply = router.completion("smart", "Hello!").await?;
//! println!("{} said {}", reply.meta.deployment.as_deref().unwrap_or_default(), reply.text());
//! # Ok(())
//! # }
//! ```
//!
//! The guide "Routing" says what happens when.

mod batch;
mod builder;
#[cfg(feature = "config")]
mod config;
mod deployment;
mod dice;
mod events;
mod filter;
mod health;
mod latency;
mod limits;
#[cfg(test)]
mod operation_tests;
mod pattern;
mod plan;
#[cfg(test)]
mod plan_tests;
mod probe;
mod queue;
#[cfg(feature = "redis")]
mod redis;
mod rules;
mod run;
mod shared;
mod slot;
mod snapshot;
mod strategy;
mod stream;
mod table;
mod ticket;

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

pub use batch::{batch, fastest};
pub use builder::RouterBuilder;
pub use deployment::Deployment;
pub use dice::Dice;
pub use events::{RouterEvent, RouterObserver};
pub use limits::{Denied, Reservation, SharedLimits};
pub use probe::HealthProbe;
#[cfg(feature = "redis")]
pub use redis::{RedisLimits, RedisLimitsBuilder};
pub use rules::{OnStreamFailure, TagMatch};
pub use snapshot::{DeploymentHealth, ProbeOutcome, Snapshot};
pub use strategy::{
    Candidate, LeastBusy, LowestCost, LowestLatency, LowestUsage, Pick, SimpleShuffle, Strategy,
    named as strategy_named,
};

use crate::chat::{ChatRequest, ChatResponse, IntoMessages};
use crate::client::{
    Answer, Asking, BoxFuture, CallOptions, ChatStream, Client, Complete, Completion, MessageCall, Performs, Question,
    ResponseCall, Streaming,
};
use crate::error::{Error, ErrorKind, Result};
use crate::messages::{self, Turn};
use crate::provider::{Chat, CountTokens, Operation};
use crate::responses::{self, Input};
use crate::tokenizer::TokenCount;
use probe::Probing;
use queue::Queue;
use rules::Rules;
use run::{Answered, Call, How, Whole};
use slot::Slot;
use table::Table;

type PromptCounter = dyn Fn(&ChatRequest) -> u64 + Send + Sync;

/// Calls deployments by the names of their groups. Cheap to clone; clones share everything.
///
/// ```no_run
/// # async fn run() -> anymodel::Result<()> {
/// use anymodel::{Deployment, Router};
///
/// let router = Router::builder()
///     .deployment(Deployment::new("smart", "openai/gpt-4o").api_key("os.environ/KEY_ONE"))
///     .deployment(Deployment::new("smart", "openai/gpt-4o").api_key("os.environ/KEY_TWO"))
///     .build()?;
/// let mut stream = router.completion("smart", "Tell me a story.").stream().await?;
/// while let Some(chunk) = stream.next().await {
///     print!("{}", chunk?.text());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Router(Arc<Inner>);

struct Inner {
    client: Client,
    table: RwLock<Arc<Table>>,
    rules: Arc<Rules>,
    strategy: Arc<dyn Strategy>,
    observers: Vec<Arc<dyn RouterObserver>>,
    shared: Option<shared::Shared>,
    count: Option<Arc<PromptCounter>>,
    timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    stream_timeout: Option<Duration>,
    hedge: bool,
    /// All times are counted from here.
    epoch: Instant,
    seed: AtomicU64,
    probing: Option<Probing>,
    queue: Queue,
    default_priority: i32,
    /// Held while it is decided whether a deployment is cooled, so that the last healthy one never is.
    cooling: Mutex<()>,
}

impl Router {
    /// A router with settings of your own.
    pub fn builder() -> RouterBuilder {
        RouterBuilder::default()
    }

    /// A chat call of this group, to be refined and awaited; see [`Completion`].
    pub fn completion(&self, model: impl Into<String>, messages: impl IntoMessages) -> Completion {
        Completion::new(Ok(Arc::new(self.clone())), model, messages)
    }

    /// The same under LiteLLM's name for the async call.
    pub fn acompletion(&self, model: impl Into<String>, messages: impl IntoMessages) -> Completion {
        self.completion(model, messages)
    }

    /// The client that makes the calls.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The deployments with their ids, in the order in which they were added.
    #[must_use]
    pub fn deployments(&self) -> Vec<Deployment> {
        self.0.table().slots.iter().map(|slot| slot.deployment.clone()).collect()
    }

    /// Adds a deployment, for calls from now on. Its id is given back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] where its provider or address is not known, or its id is taken.
    pub fn add(&self, deployment: Deployment) -> Result<String> {
        self.0.change(|slots, ids| {
            let slot = builder::slot(&self.0.client, deployment, Arc::default(), ids)?;
            let id = slot.id.to_string();
            slots.push(Arc::new(slot));
            Ok(id)
        })
    }

    /// Takes a deployment out. Calls that it is working on go on to their end, and no other comes to it. Whether it was
    /// there.
    pub fn remove(&self, id: &str) -> bool {
        let removed = self.0.change(|slots, _| {
            let before = slots.len();
            slots.retain(|slot| {
                let stays = *slot.id != *id;
                if !stays {
                    slot.state.removed.store(true, Ordering::Release);
                    slot.state.line.disband();
                }
                stays
            });
            Ok(slots.len() < before)
        });
        removed.unwrap_or(false)
    }

    /// Puts other settings in the place of a deployment's, such as a new key. It keeps its id, its health, its limits
    /// and what is known of its times.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] where there is no such deployment, or its provider or address is not known.
    pub fn change(&self, id: &str, deployment: Deployment) -> Result<()> {
        self.0.change(|slots, _| {
            let Some(place) = slots.iter_mut().find(|slot| *slot.id == *id) else {
                return Err(Error::new(ErrorKind::Configuration, format!("there is no deployment `{id}`")));
            };
            let state = Arc::clone(&place.state);
            *place = Arc::new(builder::slot(&self.0.client, deployment.id(id), state, &HashSet::new())?);
            Ok(())
        })
    }
}

impl Complete for Router {
    fn complete(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<ChatResponse>> {
        self.perform::<Chat>(request, options)
    }

    fn complete_stream(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<ChatStream>> {
        self.streamed(request, options)
    }

    fn count_tokens(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<TokenCount>> {
        self.perform::<CountTokens>(request, options)
    }
}

impl Router {
    /// An operation, asked of the group that its request names. All operations go this way.
    pub(crate) fn perform<Op>(&self, request: Op::Request, mut options: CallOptions) -> BoxFuture<Result<Op::Response>>
    where
        Op: Operation<Request: Question, Response: Answer>,
    {
        let how = if Op::Response::ANY_MODEL { How::Whole } else { How::Here };
        if how == How::Here {
            options.fallbacks.clear();
        }
        let (router, request) = (Arc::clone(&self.0), Arc::new(request));
        Box::pin(async move {
            let mut call = Call::start(router, request, options, how)?;
            let Answered { mut reply, choice, .. } = call.run::<Whole<Op>>().await?;
            let latency = call.begun.elapsed();
            if let Some(meta) = reply.call_meta() {
                meta.deployment = Some(choice.slot.id.to_string());
                meta.latency = latency;
                (meta.attempts, meta.trail) = call.into_trail();
            }
            Ok(reply)
        })
    }
}

impl<Op> Performs<Op> for Router
where
    Op: stream::Joined,
{
    fn whole(&self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Op::Response>> {
        self.perform::<Op>(request, options)
    }

    fn streamed(&self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Streaming<Op>>> {
        let (router, request) = (Arc::clone(&self.0), Arc::new(request));
        Box::pin(async move {
            let call = Call::start(router, request, options, How::Streamed)?;
            stream::open(Box::new(call)).await
        })
    }
}

impl Router {
    /// A call of OpenAI's Responses API of a group of deployments; see [`Client::responses`].
    pub fn responses(&self, model: impl Into<String>, input: impl Into<Input>) -> ResponseCall {
        Asking::new(Ok(Arc::new(self.clone())), responses::Request::new(model, input))
    }

    /// A call in the format of Anthropic's Messages API of a group of deployments; see [`Client::messages`].
    pub fn messages(&self, model: impl Into<String>, messages: impl IntoIterator<Item = Turn>) -> MessageCall {
        let messages = Some(messages.into_iter().collect());
        let request = messages::Request { model: model.into(), messages, ..messages::Request::default() };
        Asking::new(Ok(Arc::new(self.clone())), request)
    }
}

impl Inner {
    /// The time since the router was made.
    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Dice of their own for one call.
    fn dice(&self) -> Dice {
        let mut dice = Dice::seeded(self.seed.fetch_add(dice::STEP, Ordering::Relaxed));
        Dice::seeded(dice.roll())
    }

    fn tell(&self, event: &RouterEvent<'_>) {
        for observer in &self.observers {
            observer.heard(event);
        }
    }

    /// Cools a deployment if that is due: for how long.
    fn cool(&self, slot: &Slot, now: Duration, due: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
        let time = self.cool_here(slot, now, due)?;
        if let Some(shared) = &self.shared {
            shared.limits.cooled(&slot.id, time);
        }
        Some(time)
    }

    /// The same, without telling other processes.
    fn cool_here(&self, slot: &Slot, now: Duration, due: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
        let _one_at_a_time = self.cooling.lock().unwrap_or_else(PoisonError::into_inner);
        let time = due()?;
        slot.state.health.cool(now.saturating_add(time));
        Some(time)
    }

    /// Makes another table of the slots.
    fn change<T>(&self, change: impl FnOnce(&mut Vec<Arc<Slot>>, &HashSet<String>) -> Result<T>) -> Result<T> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let mut slots = table.slots.clone();
        let ids = slots.iter().map(|slot| slot.id.to_string()).collect();
        let done = change(&mut slots, &ids)?;
        *table = Arc::new(Table::new(slots, table.aliases().clone()));
        Ok(done)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("deployments", &self.0.table().slots.len()).finish_non_exhaustive()
    }
}
