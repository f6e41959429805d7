//! Health probes: a router asks its deployments how they are, so that no call has to find out.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::iter;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::slot::Slot;
use super::ticket::{Entry, Ticket};
use super::{Deployment, Inner, RouterEvent, health};
use crate::chat::ChatRequest;
use crate::client::{Answer, BoxFuture, CallOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::Chat;

/// How many deployments are asked at a time.
const AT_ONCE: usize = 16;
/// The shortest time between two rounds.
const SHORTEST: Duration = Duration::from_millis(1);
/// About how many tokens a probe has.
const TOKENS: u64 = 10;
/// The word by which an observer of the client knows a probe.
const TAG: &str = "health_probe";

/// How a router asks its deployments how they are: each of them, from time to time, for one token.
///
/// One that fails rests until a probe is answered, unless it is the last healthy one of its group; one that rests and
/// answers takes calls again at once, unless its provider has said how long to leave it alone. A probe counts in the
/// deployment's limits, and one that has no room for it is not asked. It is a call of the client's, with the tag
/// `health_probe`, and it costs what such a call costs.
///
/// ```
/// # async fn run() -> anymodel::Result<()> {
/// use anymodel::{Deployment, HealthProbe, Router};
/// use std::time::Duration;
///
/// let router = Router::builder()
///     .deployment(Deployment::new("smart", "openai/gpt-4o"))
///     .deployment(Deployment::new("smart", "azure/gpt-4o").api_base("https://eu.example.com"))
///     .health_probe(HealthProbe::every(Duration::from_secs(60)))
///     .build()?;
/// # let _ = router;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct HealthProbe {
    every: Duration,
    timeout: Duration,
    ask: Asking,
}

#[derive(Clone)]
enum Asking {
    Chat(Arc<ChatRequest>),
    Own(Arc<dyn Fn(Deployment) -> BoxFuture<Result<()>> + Send + Sync>),
}

impl HealthProbe {
    /// Asks each deployment about this often, beginning at once. Deployments whose model has a star are not asked.
    pub fn every(every: Duration) -> Self {
        let mut request = ChatRequest::new("", "Hi");
        (request.params.max_tokens, request.params.drop_params) = (Some(1), true);
        Self { every: every.max(SHORTEST), timeout: Duration::from_secs(10), ask: Asking::Chat(Arc::new(request)) }
    }

    /// The longest that an answer may take; 10 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks this, instead of for one token. Its model is not read.
    pub fn request(mut self, request: ChatRequest) -> Self {
        self.ask = Asking::Chat(Arc::new(request));
        self
    }

    /// Asks in a way of your own, such as at an address that says how a server is. An error says that the deployment is
    /// not well if its kind is the deployment's fault, such as [`ErrorKind::Unavailable`].
    pub fn by<F, R>(mut self, ask: F) -> Self
    where
        F: Fn(Deployment) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.ask = Asking::Own(Arc::new(move |deployment| Box::pin(ask(deployment))));
        self
    }
}

/// What is known of a deployment's last probe.
#[derive(Clone, Debug)]
pub(super) struct Probed {
    pub(super) at: Duration,
    pub(super) took: Duration,
    pub(super) error: Option<ErrorKind>,
}

/// The probes of a router. They end with it.
pub(super) struct Probing {
    probe: HealthProbe,
    task: Mutex<Option<AbortHandle>>,
}

impl Probing {
    pub(super) fn new(probe: HealthProbe) -> Self {
        Self { probe, task: Mutex::new(None) }
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

impl Inner {
    /// Begins to probe where that is wished for and is not under way: when the router is made, or, where there was no
    /// runtime then or it is gone, with the next call.
    pub(super) fn keep_probing(self: &Arc<Self>) {
        let Some(probing) = &self.probing else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        let mut task = probing.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(AbortHandle::is_finished) {
            *task = Some(runtime.spawn(rounds(Arc::downgrade(self), probing.probe.clone())).abort_handle());
        }
    }
}

/// Asks all deployments again and again. The router is held only between questions, so that it can go at any time.
async fn rounds(router: Weak<Inner>, probe: HealthProbe) {
    loop {
        let Some((slots, dice)) = router.upgrade().map(|router| (router.table().slots.clone(), router.dice().unit()))
        else {
            return;
        };
        iter(slots).for_each_concurrent(AT_ONCE, |slot| ask(&router, &probe, slot)).await;
        // Not all processes at the same moment.
        sleep(probe.every.mul_f64(0.9 + 0.2 * dice)).await;
    }
}

async fn ask(router: &Weak<Inner>, probe: &HealthProbe, slot: Arc<Slot>) {
    let health = &slot.state.health;
    let question = |router: Arc<Inner>| {
        let now = router.now();
        if slot.is_removed() || !slot.deployment.health_probe || health.is_told(now) {
            return None;
        }
        let shared = router.shared.as_ref().map(|shared| Arc::clone(&shared.limits));
        Some((question(&router, probe, &slot)?, shared, now, router.epoch))
    };
    let Some((asking, shared, now, epoch)) = router.upgrade().and_then(question) else { return };
    let mark = health.mark();
    let entry = Ticket::take(&slot, Entry::Probe, TOKENS, now, epoch, shared.as_deref()).await;
    let Ok(mut ticket) = entry else { return };
    let asked = Instant::now();
    let late = || Error::new(ErrorKind::Timeout, "the health probe was not answered in time");
    let answer = timeout(probe.timeout, asking).await.unwrap_or_else(|_| Err(late()));
    ticket.used = answer.as_ref().map_or(Some(0), |tokens| *tokens);
    if let Some(router) = router.upgrade() {
        router.heard_of(&slot, mark, asked.elapsed(), answer.err().as_ref(), probe);
    }
}

/// What is asked of a deployment; it comes to tokens. `None` where nothing can be asked of it.
fn question(router: &Inner, probe: &HealthProbe, slot: &Slot) -> Option<BoxFuture<Result<Option<u64>>>> {
    let deployment = &slot.deployment;
    match &probe.ask {
        Asking::Own(ask) => {
            let asking = ask(deployment.clone());
            Some(Box::pin(async move { asking.await.map(|()| Some(0)) }))
        }
        Asking::Chat(request) => {
            let endpoint = slot.endpoint.clone()?;
            let request = deployment.request(&**request).map(std::borrow::Cow::into_owned);
            let client = router.client.clone();
            let options = CallOptions {
                timeout: Some(probe.timeout),
                num_retries: Some(0),
                tags: vec![TAG.to_owned()],
                price: deployment.price.clone(),
                base_model: deployment.base_model.clone(),
                ..CallOptions::default()
            };
            Some(Box::pin(async move {
                let reply = client.call_at::<Chat>(&endpoint, &request?, &options).await?;
                Ok(reply.tokens())
            }))
        }
    }
}

impl Inner {
    /// Draws the consequences of a probe. `mark` is how the deployment stood when it was asked.
    fn heard_of(&self, slot: &Arc<Slot>, mark: u64, took: Duration, error: Option<&Error>, probe: &HealthProbe) {
        let (now, deployment) = (self.now(), &*slot.id);
        let probed = Probed { at: now, took, error: error.map(Error::kind) };
        *slot.state.probed.lock().unwrap_or_else(PoisonError::into_inner) = Some(probed);
        self.tell(&RouterEvent::Probed { deployment, took, error });
        // One that says what is wrong with the question is there.
        match error.filter(|error| !health::answers(error)) {
            None if slot.state.health.recover(mark) => {
                if let Some(shared) = &self.shared {
                    shared.limits.recovered(deployment);
                }
                self.tell(&RouterEvent::Recovered { deployment });
                slot.call_next(now);
            }
            None => {}
            Some(error) => {
                // Until the next probe has been answered.
                let next = probe.every.mul_f64(1.1).saturating_add(probe.timeout);
                let others = || self.table().has_another_healthy(slot, now);
                let due = || health::failed_probe(slot, error, &self.rules, next, others);
                if let Some(time) = self.cool(slot, now, due) {
                    self.tell(&RouterEvent::Cooled { deployment, time, error });
                }
            }
        }
    }
}

impl fmt::Debug for HealthProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthProbe")
            .field("every", &self.every)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
