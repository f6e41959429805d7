//! The settings of a router.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use rand::RngExt as _;
use tokio::time::Instant;

use super::limits::SharedLimits;
use super::probe::{HealthProbe, Probing};
use super::queue::Queue;
use super::rules::{OnStreamFailure, Rules, TagMatch};
use super::shared::Shared;
use super::slot::{Slot, State};
use super::strategy::{SimpleShuffle, Strategy};
use super::table::Table;
use super::{Deployment, Inner, PromptCounter, Router, RouterObserver, run};
use crate::chat::ChatRequest;
use crate::client::{Client, Fallback, RetryPolicy};
use crate::error::{Error, ErrorKind, Result};

/// The settings of a [`Router`]. What is not set has a default that works.
#[must_use]
pub struct RouterBuilder {
    client: Option<Client>,
    deployments: Vec<Deployment>,
    aliases: HashMap<String, String>,
    rules: Rules,
    strategy: Arc<dyn Strategy>,
    observers: Vec<Arc<dyn RouterObserver>>,
    shared: Option<Arc<dyn SharedLimits>>,
    count: Option<Arc<PromptCounter>>,
    timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    stream_timeout: Option<Duration>,
    hedge: bool,
    default_priority: i32,
    max_queue: usize,
    probe: Option<HealthProbe>,
}

/// How many calls can wait for room, unless the router says otherwise.
const MAX_QUEUE: usize = 10_000;

impl Default for RouterBuilder {
    fn default() -> Self {
        Self {
            client: None,
            deployments: Vec::new(),
            aliases: HashMap::new(),
            rules: Rules::default(),
            strategy: Arc::new(SimpleShuffle),
            observers: Vec::new(),
            shared: None,
            count: None,
            timeout: None,
            attempt_timeout: None,
            stream_timeout: None,
            hedge: false,
            default_priority: 0,
            max_queue: MAX_QUEUE,
            probe: None,
        }
    }
}

fn list<F: Into<Fallback>>(targets: impl IntoIterator<Item = F>) -> Vec<Arc<Fallback>> {
    targets.into_iter().map(|target| Arc::new(target.into())).collect()
}

/// Deployments and where calls go.
impl RouterBuilder {
    /// The client that makes the calls; one with the default settings otherwise. Its retries are not used: the router's
    /// plan has its own, so that they cannot multiply.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Adds a deployment.
    pub fn deployment(mut self, deployment: Deployment) -> Self {
        self.deployments.push(deployment);
        self
    }

    /// Adds deployments.
    pub fn deployments(mut self, deployments: impl IntoIterator<Item = Deployment>) -> Self {
        self.deployments.extend(deployments);
        self
    }

    /// Another name for a group.
    pub fn alias(mut self, alias: impl Into<String>, group: impl Into<String>) -> Self {
        self.aliases.insert(alias.into(), group.into());
        self
    }

    /// How one of several deployments is chosen; [`SimpleShuffle`] by default.
    pub fn strategy(mut self, strategy: impl Strategy + 'static) -> Self {
        self.strategy = Arc::new(strategy);
        self
    }

    /// The same for a strategy that is shared, such as one [by its name](super::strategy_named).
    pub fn shared_strategy(mut self, strategy: Arc<dyn Strategy>) -> Self {
        self.strategy = strategy;
        self
    }

    /// Has calls go only to deployments that their tags choose: one of them is enough, or all are needed. `!t` among the
    /// tags keeps away from a tag, `&t` needs it. Calls without tags, and with tags that no deployment of the group
    /// has, go to those with the tag `default`, or, where there are none, to those without tags.
    pub fn tag_filtering(mut self, how: TagMatch) -> Self {
        self.rules.tags = Some(how);
        self
    }

    /// Has calls go only to deployments of this region, unless they name one themselves.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.rules.region = Some(region.into());
        self
    }

    /// Has prompts go only to deployments whose context window they fit into. Prompts are counted by a rule of thumb,
    /// unless [`prompt_counter`](Self::prompt_counter) counts them.
    pub fn check_context_window(mut self, check: bool) -> Self {
        self.rules.check_context = check;
        self
    }

    /// Has requests with tools, pictures, documents, sound or a JSON Schema go only to deployments whose models are not
    /// known to lack that.
    pub fn check_capabilities(mut self, check: bool) -> Self {
        self.rules.check_capabilities = check;
        self
    }

    /// Counts the tokens of prompts, for limits by tokens and for the context window. Called once for each call that
    /// needs it.
    pub fn prompt_counter(mut self, count: impl Fn(&ChatRequest) -> u64 + Send + Sync + 'static) -> Self {
        self.count = Some(Arc::new(count));
        self
    }
}

/// What happens when calls fail.
impl RouterBuilder {
    /// Groups to go to in order when this one fails, by their names or as [`Fallback`]s that change parameters. Calls can
    /// name others with [`Completion::fallbacks`](crate::Completion::fallbacks). `*` is every group without a list of its
    /// own.
    pub fn fallback<F: Into<Fallback>>(
        mut self,
        group: impl Into<String>,
        targets: impl IntoIterator<Item = F>,
    ) -> Self {
        let group = group.into();
        if group == "*" {
            return self.default_fallback(targets);
        }
        self.rules.fallbacks.insert(group, list(targets));
        self
    }

    /// The same where the conversation is too long for this group. Without one, the general fallbacks hold.
    pub fn context_window_fallback<F: Into<Fallback>>(
        mut self,
        group: impl Into<String>,
        targets: impl IntoIterator<Item = F>,
    ) -> Self {
        self.rules.context_window.insert(group.into(), list(targets));
        self
    }

    /// The same where this group refuses by its content policy.
    pub fn content_policy_fallback<F: Into<Fallback>>(
        mut self,
        group: impl Into<String>,
        targets: impl IntoIterator<Item = F>,
    ) -> Self {
        self.rules.content_policy.insert(group.into(), list(targets));
        self
    }

    /// Groups to go to from every group without a list of its own, and from names that no group has.
    pub fn default_fallback<F: Into<Fallback>>(mut self, targets: impl IntoIterator<Item = F>) -> Self {
        self.rules.default_fallbacks = list(targets);
        self
    }

    /// To how many groups one call may fall back; 5 by default.
    pub fn max_fallbacks(mut self, most: u32) -> Self {
        self.rules.max_fallbacks = most;
        self
    }

    /// How many times a call is tried again in each group it comes to; 2 by default. Another
    /// [`order`](Deployment::order) is no retry.
    pub fn num_retries(mut self, retries: u32) -> Self {
        self.rules.num_retries = retries;
        self
    }

    /// How many times it is tried again after a failure of this kind, whether or not that can pass. 0 for not at all.
    pub fn retries_on(mut self, kind: ErrorKind, retries: u32) -> Self {
        self.rules.retries_by_kind.push((kind, retries));
        self
    }

    /// The pauses before a deployment that has failed is tried again; another deployment is tried without one.
    /// The number of retries in it is not used.
    pub fn pauses(mut self, pauses: RetryPolicy) -> Self {
        self.rules.pauses = pauses;
        self
    }

    /// Whether deployments rest after failures; they do by default.
    pub fn cooldowns(mut self, yes: bool) -> Self {
        self.rules.cooldowns = yes;
        self
    }

    /// How long a deployment rests, where neither it nor the provider says another time; 5 s by default.
    pub fn cooldown_time(mut self, time: Duration) -> Self {
        self.rules.cooldown_time = time;
        self
    }

    /// How many failures within the time of a cooldown a deployment may have before it rests. Without it, a deployment
    /// rests at once when it refuses the key, has too many requests or is not there, and after other faults when more
    /// than half of at least five calls of a minute failed.
    pub fn allowed_fails(mut self, fails: u32) -> Self {
        self.rules.allowed_fails = Some(fails);
        self
    }

    /// The same for failures of one kind.
    pub fn allowed_fails_on(mut self, kind: ErrorKind, fails: u32) -> Self {
        self.rules.allowed_fails_by_kind.push((kind, fails));
        self
    }

    /// What happens when a stream breaks after something of it has been handed out.
    pub fn stream_failure(mut self, on_failure: OnStreamFailure) -> Self {
        self.rules.stream_failure = on_failure;
        self
    }

    /// The longest that a whole call may take, with everything that is tried. Without it, that of the client.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The longest that one try may take, where its deployment does not say; of a stream, up to the head of the answer.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// The longest silence inside a stream, where its deployment does not say.
    pub fn stream_timeout(mut self, timeout: Duration) -> Self {
        self.stream_timeout = Some(timeout);
        self
    }

    /// Asks deployments from time to time how they are, so that no call has to find out. Without it, calls tell.
    pub fn health_probe(mut self, probe: HealthProbe) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Asks a second deployment when the first has taken longer than nineteen of twenty of its last calls, and takes the
    /// answer that comes first. It costs a few more requests.
    pub fn hedge(mut self, yes: bool) -> Self {
        self.hedge = yes;
        self
    }

    /// How urgent calls are that do not [say it](crate::Completion::priority); 0 by default. Where all deployments are at
    /// their limits, calls wait in a queue, those of a lower number first.
    pub fn default_priority(mut self, priority: i32) -> Self {
        self.default_priority = priority;
        self
    }

    /// How many calls can wait for room at a time; 10,000 by default. When there are more, the least urgent ones fail at
    /// once by [`ErrorKind::RateLimited`].
    pub fn max_queue(mut self, most: usize) -> Self {
        self.max_queue = most;
        self
    }

    /// Who hears of the router's decisions.
    pub fn observer(mut self, observer: impl RouterObserver + 'static) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Limits and cooldowns that are kept together with other processes, such as
    #[cfg_attr(feature = "redis", doc = "[`RedisLimits`](super::RedisLimits).")]
    #[cfg_attr(not(feature = "redis"), doc = "`RedisLimits` (feature `redis`).")]
    /// Deployments are known to the others by their ids: give them [one](Deployment::id), or list them everywhere alike.
    pub fn shared_limits(mut self, shared: Arc<dyn SharedLimits>) -> Self {
        self.shared = Some(shared);
        self
    }
}

impl RouterBuilder {
    /// The router.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], naming what is wrong: no deployment at all, a deployment whose provider or address
    /// is not known, an id that is there twice, or a fallback or alias to a group that there is not.
    pub fn build(self) -> Result<Router> {
        let client = match self.client {
            Some(client) => client,
            None => Client::new()?,
        };
        if self.deployments.is_empty() {
            return Err(wrong("a router needs at least one deployment; add one with `.deployment(…)`".to_owned()));
        }
        let (mut slots, mut ids) = (Vec::new(), HashSet::new());
        for deployment in self.deployments {
            let slot = slot(&client, deployment, Arc::default(), &ids)?;
            ids.insert(slot.id.to_string());
            slots.push(Arc::new(slot));
        }
        let table = Table::new(slots, self.aliases);
        for (alias, group) in table.aliases() {
            if table.find(group).is_none() {
                return Err(wrong(format!(
                    "the alias `{alias}` stands for `{group}`, and no deployment has that name"
                )));
            }
        }
        for (group, targets) in self.rules.lists() {
            if table.find(group).is_none() {
                return Err(wrong(format!("there are fallbacks for `{group}`, and no deployment has that name")));
            }
            check(&table, group, targets)?;
        }
        check(&table, "*", &self.rules.default_fallbacks)?;
        let router = Router(Arc::new(Inner {
            client,
            table: RwLock::new(Arc::new(table)),
            rules: Arc::new(self.rules),
            strategy: self.strategy,
            observers: self.observers,
            shared: self.shared.map(Shared::new),
            count: self.count,
            timeout: self.timeout,
            attempt_timeout: self.attempt_timeout,
            stream_timeout: self.stream_timeout,
            hedge: self.hedge,
            epoch: Instant::now(),
            seed: AtomicU64::new(seed()),
            probing: self.probe.map(Probing::new),
            queue: Queue::new(self.max_queue),
            default_priority: self.default_priority,
            cooling: Mutex::new(()),
        }));
        router.0.keep_probing();
        Ok(router)
    }
}

fn check(table: &Table, group: &str, targets: &[Arc<Fallback>]) -> Result<()> {
    if targets.is_empty() && group != "*" {
        return Err(wrong(format!("the list of fallbacks for `{group}` is empty")));
    }
    for target in targets {
        let model = &target.model;
        if table.find(model).is_none() {
            return Err(wrong(format!(
                "`{model}`, a fallback of `{group}`, is the name of no deployment; add one for it"
            )));
        }
        run::check(target, &ChatRequest::default()).map_err(|error| error.with_kind(ErrorKind::Configuration))?;
    }
    Ok(())
}

/// A deployment in its place. Its id is its own, or made from its name, model and host, with a number where that is
/// taken.
pub(super) fn slot(
    client: &Client,
    mut deployment: Deployment,
    state: Arc<State>,
    taken: &HashSet<String>,
) -> Result<Slot> {
    if deployment.model_name.is_empty() || deployment.model.is_empty() {
        return Err(wrong("a deployment needs a name and a model".to_owned()));
    }
    if deployment.weight.is_some_and(|weight| !weight.is_finite() || weight < 0.0) {
        return Err(wrong(format!("the weight of a deployment of `{}` is not a share", deployment.model_name)));
    }
    let id = match deployment.id.take() {
        Some(id) if taken.contains(&id) => return Err(wrong(format!("two deployments have the id `{id}`"))),
        Some(id) => id,
        None => {
            let natural = deployment.natural_id();
            let numbered = (2u32..).map(|number| format!("{natural}#{number}"));
            std::iter::once(natural.clone()).chain(numbered).find(|id| !taken.contains(id)).unwrap_or(natural)
        }
    };
    let fixed = !deployment.model.contains('*');
    let endpoint =
        fixed.then(|| client.endpoint(&deployment.model, &deployment.connection()).map(Arc::new)).transpose();
    let endpoint = endpoint.map_err(|error| {
        let message = format!("the deployment `{}` cannot be used: {}", deployment.model_name, error.message());
        error.with_kind(ErrorKind::Configuration).with_message(message)
    })?;
    deployment.id = Some(id.clone());
    Ok(Slot::new(id.into(), deployment, endpoint, state, client.catalog()))
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

#[expect(clippy::disallowed_methods, reason = "the seed of all dice of a router is thrown here")]
fn seed() -> u64 {
    rand::rng().random()
}

impl fmt::Debug for RouterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterBuilder")
            .field("deployments", &self.deployments)
            .field("strategy", &self.strategy)
            .finish_non_exhaustive()
    }
}
