//! What the simulator knows: its script, what came so far, and what it has rendered already.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use super::format::Format;
use super::instance::instance;
use super::ollama::Ollama;
use super::reply::{Call, Content, Reply};
use super::requests::{Ask, Request, Shape};
use super::script::Script;

/// The tool by whose forced call typed replies are asked for where there is no schema for them.
const TYPED_REPLY: &str = "json_tool_call";

type Answering = dyn Fn(&Request) -> Reply + Send + Sync;

pub(super) struct State {
    /// How many connections are open.
    pub(super) connections: watch::Sender<usize>,
    /// How many replies were not taken to their end.
    pub(super) abandoned: watch::Sender<usize>,
    call_tools: bool,
    keep: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    standing: Standing,
    queue: VecDeque<Reply>,
    requests: VecDeque<Arc<Request>>,
    received: u64,
    /// The standing reply as it was rendered for each shape.
    rendered: HashMap<(Format, Shape), Arc<Script>>,
}

/// What is answered when nothing is queued.
#[derive(Clone)]
enum Standing {
    Reply(Arc<Reply>),
    With(Arc<Answering>),
}

impl State {
    pub(super) fn new(call_tools: bool, keep: usize) -> Self {
        let inner = Inner {
            standing: Standing::Reply(Arc::new(Reply::auto())),
            queue: VecDeque::new(),
            requests: VecDeque::new(),
            received: 0,
            rendered: HashMap::new(),
        };
        let (connections, abandoned) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { connections, abandoned, call_tools, keep, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stand(&self, reply: Reply) {
        let mut inner = self.lock();
        inner.standing = Standing::Reply(Arc::new(reply));
        inner.rendered.clear();
    }

    pub(super) fn stand_with(&self, answering: Arc<Answering>) {
        let mut inner = self.lock();
        inner.standing = Standing::With(answering);
        inner.rendered.clear();
    }

    pub(super) fn enqueue(&self, reply: Reply) {
        self.lock().queue.push_back(reply);
    }

    pub(super) fn queued(&self) -> usize {
        self.lock().queue.len()
    }

    pub(super) fn received(&self) -> u64 {
        self.lock().received
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.lock().requests.iter().map(|request| Request::clone(request)).collect()
    }

    pub(super) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.lock().requests).into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// Keeps the request and decides what it gets.
    pub(super) fn respond(&self, request: Request) -> Arc<Script> {
        let request = Arc::new(request);
        let format = Format::of(&request);
        let (number, queued, standing) = self.receive(&request, format.is_some());
        let Some(format) = format else {
            if let Some(body) = Ollama::lookup(&request) {
                return Arc::new(Script::whole(200, "application/json; charset=utf-8", body.to_string()));
            }
            let standing = || match standing {
                Standing::Reply(reply) => Reply::clone(&reply),
                Standing::With(answering) => answering(&request),
            };
            let raw = Script::raw(&queued.unwrap_or_else(standing));
            let unknown = || Script::unknown(&format!("{} {}", request.method(), request.path()));
            return Arc::new(raw.unwrap_or_else(unknown));
        };
        let ask = format.wire().ask(&request, &request.json());
        let (standing, fixed) = match standing {
            Standing::Reply(reply) => (reply, true),
            Standing::With(answering) => (Arc::new(answering(&request)), false),
        };
        let auto = matches!(standing.content, Content::Auto);
        match queued {
            None if fixed && !auto => self.rendered(&standing, format, ask.shape, number),
            None => Arc::new(self.render(Reply::clone(&standing), format, &ask, number)),
            Some(reply) if matches!(reply.content, Content::Auto) => {
                Arc::new(self.render(like(&standing, &reply), format, &ask, number))
            }
            Some(reply) => Arc::new(self.render(reply, format, &ask, number)),
        }
    }

    fn receive(&self, request: &Arc<Request>, takes_a_turn: bool) -> (u64, Option<Reply>, Standing) {
        let mut inner = self.lock();
        inner.received = inner.received.saturating_add(1);
        inner.requests.push_back(Arc::clone(request));
        if inner.requests.len() > self.keep {
            inner.requests.pop_front();
        }
        // A reply that no format has to render goes out whatever was asked.
        let is_raw = matches!(inner.queue.front(), Some(Reply { content: Content::Raw { .. }, .. }));
        let queued = if takes_a_turn || is_raw { inner.queue.pop_front() } else { None };
        (inner.received, queued, inner.standing.clone())
    }

    /// The standing reply, rendered once for each shape that is asked for.
    fn rendered(&self, reply: &Arc<Reply>, format: Format, shape: Shape, number: u64) -> Arc<Script> {
        let key = (format, shape);
        if let Some(script) = self.lock().rendered.get(&key) {
            return Arc::clone(script);
        }
        let mut numbered = Reply::clone(reply);
        numbered.answer.serial = number;
        let script = Arc::new(Script::of(&numbered, format, &key.1));
        let mut inner = self.lock();
        if matches!(&inner.standing, Standing::Reply(current) if Arc::ptr_eq(current, reply)) {
            inner.rendered.insert(key, Arc::clone(&script));
        }
        script
    }

    fn render(&self, mut reply: Reply, format: Format, ask: &Ask, number: u64) -> Script {
        if matches!(reply.content, Content::Auto) {
            self.make_up(&mut reply, ask);
        }
        reply.answer.serial = number;
        Script::of(&reply, format, &ask.shape)
    }

    /// An answer to the request: a forced tool call, an instance of the schema, or the last message's text again.
    fn make_up(&self, reply: &mut Reply, ask: &Ask) {
        let tool = ask.forced().filter(|(name, _)| ask.from_user || name == TYPED_REPLY);
        let tool = tool.or_else(|| ask.tools.first().filter(|_| self.call_tools && ask.from_user));
        if let Some((name, schema)) = tool {
            let arguments = match instance(schema) {
                arguments @ Value::Object(_) => arguments,
                _ => Value::Object(serde_json::Map::new()),
            };
            reply.answer.calls.push(Call { name: name.clone(), arguments });
        } else if let Some(schema) = &ask.schema {
            reply.answer.text = instance(schema).to_string();
        } else {
            reply.answer.text.clone_from(&ask.last);
        }
    }
}

/// The standing reply, sent as `other` says.
fn like(standing: &Reply, other: &Reply) -> Reply {
    let mut reply = standing.clone();
    reply.fault = other.fault.clone().or(reply.fault);
    reply.headers.extend(other.headers.iter().cloned());
    if !other.pace.is_zero() {
        reply.pace = other.pace;
    }
    reply.answer.pieces = other.answer.pieces.or(reply.answer.pieces);
    reply
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}
