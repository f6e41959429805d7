//! Who hears of calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::prices::Pricing;
use super::question::Question;
use super::{CallOptions, Endpoint, trace};
use crate::chat::{CallMeta, ChatRequest, ChatResponse, FinishReason, Usage};
use crate::error::Error;
use crate::money::Cost;
use crate::provider::Reply;
use crate::tokenizer::TokenCount;

/// Hears of the start and the end of each call.
///
/// `ended` comes exactly once for each `started`: the call was answered, counted, failed, or was cancelled because its
/// future or stream was dropped. An observer is quick, cannot fail, and cannot change the call. It hears what was said
/// only where it asks for it.
///
/// ```
/// use anymodel::{CallInfo, Client, Observer, Outcome};
///
/// struct Log;
///
/// impl Observer for Log {
///     fn ended(&self, call: &CallInfo, outcome: &Outcome<'_>) {
///         println!("{}/{}: {outcome:?}", call.provider, call.model);
///     }
/// }
///
/// let client = Client::builder().observer(Log).build()?;
/// # Ok::<(), anymodel::Error>(())
/// ```
pub trait Observer: Send + Sync {
    /// A call begins.
    fn started(&self, _call: &CallInfo) {}

    /// A call has ended.
    fn ended(&self, _call: &CallInfo, _outcome: &Outcome<'_>) {}

    /// Whether it wants the request and the reply, which may be private and long.
    fn wants_content(&self) -> bool {
        false
    }
}

/// A call, as observers see it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallInfo {
    /// Tells the calls of this process apart.
    pub id: u64,
    /// What is asked, in OpenTelemetry's `gen_ai.operation.name`: `chat`; and what it has no name for, such as
    /// `count_tokens`, `responses` and `messages`.
    pub operation: &'static str,
    /// The provider's prefix.
    pub provider: String,
    /// The model that was asked for, without the prefix.
    pub model: String,
    /// The address that it goes to, without its query.
    pub base_url: String,
    /// Whether the reply is streamed.
    pub stream: bool,
    /// The caller's metadata.
    pub metadata: Map<String, Value>,
    /// The caller's tags.
    pub tags: Vec<String>,
    /// What is asked, where an observer wants content, in chat's terms.
    pub request: Option<Arc<ChatRequest>>,
}

/// How a call ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// By its reply.
    #[non_exhaustive]
    Answered {
        /// The provider's id of the reply.
        id: &'a str,
        /// The model that answered; where the provider names none, the one that was asked.
        model: &'a str,
        /// Why each choice ended.
        finish_reasons: Vec<&'a FinishReason>,
        /// The tokens used, where the provider says it.
        usage: Option<&'a Usage>,
        /// What it cost, where that is known.
        cost: Option<&'a Cost>,
        /// From the start to the end.
        latency: Duration,
        /// From the start to the first content of a stream.
        time_to_first_token: Option<Duration>,
        /// How many requests were sent.
        attempts: u32,
        /// What was said, where an observer wants content; of chat only.
        response: Option<&'a ChatResponse>,
    },
    /// By the count of its tokens. None of them is used: the model was not run.
    #[non_exhaustive]
    Counted {
        /// The count.
        count: TokenCount,
        /// From the start to the end.
        latency: Duration,
        /// How many requests were sent.
        attempts: u32,
    },
    /// By an error.
    #[non_exhaustive]
    Failed {
        /// The error.
        error: &'a Error,
        /// From the start to the end.
        latency: Duration,
    },
    /// Its future or stream was dropped.
    #[non_exhaustive]
    Cancelled {
        /// From the start to the end.
        latency: Duration,
    },
}

/// The reply of an operation, as pipeline and observers see it.
pub(crate) trait Answer {
    /// Whether that of another model is as good, so that a call can fall back to one.
    const ANY_MODEL: bool = true;

    /// Takes what is known of the call that it answers, and says what it cost.
    fn take_meta(&mut self, _: CallMeta, _: &Pricing) {}

    /// What is known of the call that it answers, where it keeps that.
    fn call_meta(&mut self) -> Option<&mut CallMeta> {
        None
    }

    /// The tokens of prompt and reply that it came to; `None` where nobody says.
    fn tokens(&self) -> Option<u64> {
        None
    }

    /// Those of them that the model wrote; `None` where it did not run.
    fn written(&self) -> Option<u64> {
        None
    }

    /// What it cost, where it says so itself.
    fn cost(&self) -> Option<Cost> {
        None
    }

    /// What observers are told of it.
    fn tell(&self, watch: &Watch, cost: Option<&Cost>, told: &mut dyn FnMut(&Outcome<'_>));
}

impl<R: Reply> Answer for R {
    fn take_meta(&mut self, meta: CallMeta, pricing: &Pricing) {
        name(self.model_mut(), &meta);
        let cost = pricing.cost(self, &meta);
        *self.meta_mut() = CallMeta { cost, ..meta };
    }

    fn call_meta(&mut self) -> Option<&mut CallMeta> {
        Some(self.meta_mut())
    }

    fn tokens(&self) -> Option<u64> {
        let usage = self.about().usage?;
        Some(usage.prompt_tokens.saturating_add(usage.completion_tokens))
    }

    fn written(&self) -> Option<u64> {
        Some(self.about().usage.map_or(0, |usage| usage.completion_tokens))
    }

    fn cost(&self) -> Option<Cost> {
        self.meta().cost
    }

    fn tell(&self, watch: &Watch, cost: Option<&Cost>, told: &mut dyn FnMut(&Outcome<'_>)) {
        let about = self.about();
        told(&Outcome::Answered {
            id: about.id,
            model: about.model,
            finish_reasons: about.finish_reasons,
            usage: about.usage.as_deref(),
            cost,
            latency: watch.latency(),
            time_to_first_token: watch.time_to_first_token(),
            attempts: watch.attempts,
            response: self.as_chat().filter(|_| watch.wants_content()),
        });
    }
}

/// A reply whose provider names no model is of the one that was asked.
pub(super) fn name(model: &mut String, meta: &CallMeta) {
    if model.is_empty() {
        model.clone_from(&meta.model);
    }
}

impl Answer for TokenCount {
    const ANY_MODEL: bool = false;

    fn tokens(&self) -> Option<u64> {
        Some(0)
    }

    fn tell(&self, watch: &Watch, _: Option<&Cost>, told: &mut dyn FnMut(&Outcome<'_>)) {
        told(&Outcome::Counted { count: *self, latency: watch.latency(), attempts: watch.attempts });
    }
}

/// A call that is being watched: it ends once, at the latest when it is dropped.
pub(crate) struct Watch {
    /// Who hears of it, where anybody does.
    heard: Option<Box<Heard>>,
    span: tracing::Span,
    begun: Instant,
    pub(super) first_content: Option<Instant>,
    pub(super) attempts: u32,
    /// What a streamed reply cost.
    pub(super) cost: Option<Cost>,
    ended: bool,
}

/// The observers of a call, and what they are told that it is.
struct Heard {
    observers: Vec<Arc<dyn Observer>>,
    call: CallInfo,
    /// Whether an observer wants content.
    content: bool,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Watch {
    pub(super) fn start(
        observers: &[Arc<dyn Observer>],
        endpoint: &Endpoint,
        operation: &'static str,
        request: &impl Question,
        options: &CallOptions,
        stream: bool,
    ) -> Self {
        let span = trace::span(&endpoint.name, operation, request, stream);
        let heard = (!observers.is_empty()).then(|| {
            let content = observers.iter().any(|observer| observer.wants_content());
            let call = CallInfo {
                id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
                operation,
                provider: endpoint.name.provider().to_owned(),
                model: endpoint.name.model().to_owned(),
                base_url: endpoint.base_url.clone(),
                stream,
                metadata: options.metadata.clone(),
                tags: options.tags.clone(),
                request: if content { request.chat().map(|chat| Arc::new(chat.into_owned())) } else { None },
            };
            for observer in observers {
                observer.started(&call);
            }
            Box::new(Heard { observers: observers.to_vec(), call, content })
        });
        Self { heard, span, begun: Instant::now(), first_content: None, attempts: 0, cost: None, ended: false }
    }

    pub(super) fn span(&self) -> &tracing::Span {
        &self.span
    }

    pub(super) fn wants_content(&self) -> bool {
        self.heard.as_ref().is_some_and(|heard| heard.content)
    }

    pub(crate) fn latency(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn time_to_first_token(&self) -> Option<Duration> {
        self.first_content.map(|at| at.duration_since(self.begun))
    }

    pub(super) fn answered(&mut self, reply: &impl Answer) {
        if std::mem::replace(&mut self.ended, true) || !self.is_heard() {
            return;
        }
        let cost = reply.cost().or(self.cost);
        reply.tell(self, cost.as_ref(), &mut |outcome| self.say(outcome));
    }

    pub(super) fn failed(&mut self, error: &Error) {
        self.end(&Outcome::Failed { error, latency: self.latency() });
    }

    fn end(&mut self, outcome: &Outcome<'_>) {
        if !std::mem::replace(&mut self.ended, true) {
            self.say(outcome);
        }
    }

    /// Whether observers or a span are to be told of the end.
    fn is_heard(&self) -> bool {
        self.heard.is_some() || !self.span.is_disabled()
    }

    fn say(&self, outcome: &Outcome<'_>) {
        trace::end(&self.span, outcome);
        let Some(heard) = &self.heard else { return };
        for observer in &heard.observers {
            observer.ended(&heard.call, outcome);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.end(&Outcome::Cancelled { latency: self.latency() });
        }
    }
}
