//! A simulated provider: a real HTTP server on loopback for the tests of your application.
//!
//! It speaks these wire formats, chosen by the path of the request under any prefix, so that one server
//! can stand for any provider:
//!
//! | request | format |
//! |---|---|
//! | `POST …/chat/completions` | OpenAI's chat completions |
//! | `POST …/responses` | OpenAI's Responses |
//! | `POST …/v1/messages` | Anthropic's Messages |
//! | `POST …/models/{model}:generateContent`, `:streamGenerateContent` | Gemini |
//! | `POST …/model/{model}/converse`, `…/converse-stream` | Bedrock's Converse |
//! | `POST …/v2/chat` | Cohere |
//! | `POST …/v1/messages/count_tokens`, `…:countTokens`, `…/responses/input_tokens`, `…/count-tokens` | counts of tokens |
//! | `POST …/api/chat`, `GET …/api/tags`, `GET …/api/version` | Ollama |
//!
//! Bedrock is asked with a key that goes as a bearer token, for which the feature `aws` is not needed; a signature does as
//! well. Its `InvokeModel` is not spoken.
//!
//! A count of tokens is that of the words in the body: in all its strings, the names of members and the `model` left
//! out; or the prompt tokens of the reply's [`usage`](Reply::usage), where it has one.
//!
//! What it answers is said once, in no format ([`Reply`]), and rendered in that of each request, whole or streamed.
//! It can fail in every way that a provider or a network does ([`Fault`]), and it keeps what it received
//! ([`Request`]). Nothing about a request is checked but its format: any key and any model will do.

mod anthropic;
mod bedrock;
mod cohere;
mod count;
mod fault;
mod format;
mod gemini;
mod instance;
mod ollama;
mod openai_chat;
mod openai_responses;
mod reply;
mod requests;
mod script;
mod server;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use once_cell::sync::OnceCell;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use fault::Fault;
pub use reply::Reply;
pub use requests::Request;

use crate::error::{Error, ErrorKind, Result};
use state::State;

/// The simulated provider. It runs until it is dropped; that closes its connections.
///
/// A call gets the next reply of the [queue](Self::enqueue), or else the [standing reply](Self::reply). Until one is
/// set, that is made up from the request ([`Reply::auto`]): the last message's text again, an instance of the JSON
/// Schema that was asked for, or a call of the tool that was forced.
///
/// ```
/// # #[cfg(feature = "client")]
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use anymodel::mock::{Fault, MockServer, Reply};
/// use anymodel::{ErrorKind, completion};
/// use serde_json::json;
///
/// let server = MockServer::start().await?;
/// server.enqueue(Reply::text("Hello!").usage(10, 2));
/// server.enqueue(Reply::tool_call("get_weather", json!({"city": "Paris"})));
/// server.enqueue(Fault::Status(401));
/// let ask = || completion("openai/gpt-5", "Hi").api_base(server.url()).api_key("sk-test");
///
/// assert_eq!(ask().await?.text(), "Hello!");
/// assert_eq!(ask().await?.tool_calls().next().unwrap().name, "get_weather");
/// assert_eq!(ask().await.unwrap_err().kind(), ErrorKind::Authentication);
/// assert_eq!(ask().await?.text(), "Hi");
///
/// let sent = &server.requests()[0];
/// assert_eq!(sent.path(), "/chat/completions");
/// assert_eq!(sent.header("authorization"), Some("Bearer sk-test"));
/// assert_eq!(sent.json()["messages"][0]["content"], "Hi");
/// # Ok::<(), anymodel::Error>(())
/// # })
/// # .unwrap();
/// ```
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    state: Arc<State>,
    _running: Running,
}

/// What serves, and ends when it is dropped.
#[derive(Debug)]
enum Running {
    Task(JoinHandle<()>),
    /// The thread ends when the other end of this is gone.
    Thread {
        _stop: oneshot::Sender<()>,
    },
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Task(task) = self {
            task.abort();
        }
    }
}

/// How a [`MockServer`] is set up.
#[derive(Clone, Debug)]
#[must_use]
pub struct MockServerBuilder {
    call_tools: bool,
    keep: usize,
}

impl MockServer {
    /// Starts a server on a free port of 127.0.0.1, as a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`] where no port can be had.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// A server with other settings than the usual.
    pub fn builder() -> MockServerBuilder {
        MockServerBuilder { call_tools: false, keep: 10_000 }
    }

    /// Its address, `http://127.0.0.1:PORT`: the base URL for any provider, as it is or with a path such as `/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An address at which nobody listens: connecting to it is refused. It is the same for the whole process, which holds
    /// its port, so that no other server can get it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`] where no port can be had.
    pub fn refused_url() -> Result<String> {
        static HELD: OnceCell<TcpSocket> = OnceCell::new();
        let hold = || {
            let socket = TcpSocket::new_v4()?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok(socket)
        };
        let address = HELD.get_or_try_init(hold).and_then(TcpSocket::local_addr).map_err(no_port)?;
        Ok(format!("http://{address}"))
    }

    /// Sets what every call gets from now on, when nothing is queued: a [`Reply`], a text, or a [`Fault`].
    ///
    /// It is rendered once for each format and model, whole and streamed, so that serving it costs next to nothing;
    /// its ids repeat.
    pub fn reply(&self, reply: impl Into<Reply>) {
        self.state.stand(reply.into());
    }

    /// Has every call that nothing is queued for answered by this function. Requests in no format that is known here, such
    /// as one for a token, are answered by it too, where it gives bytes ([`Reply::raw`], [`Reply::json`]).
    pub fn reply_with(&self, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.state.stand_with(Arc::new(answer));
    }

    /// Queues what the next call gets, after those that are queued already. A [`Fault`] by itself befalls the
    /// standing reply.
    pub fn enqueue(&self, reply: impl Into<Reply>) {
        self.state.enqueue(reply.into());
    }

    /// How many queued replies nobody asked for yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.state.queued()
    }

    /// The requests that were received, the oldest first: the last 10,000, unless it was
    /// [set](MockServerBuilder::keep_requests) otherwise.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests()
    }

    /// The requests as [`requests`](Self::requests) gives them, which are then forgotten.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Request> {
        self.state.take_requests()
    }

    /// How many requests were received since the start, kept or not.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.state.received()
    }

    /// How many connections are open. A client that keeps connections for reuse has them open between calls.
    #[must_use]
    pub fn connections_open(&self) -> usize {
        *self.state.connections.borrow()
    }

    /// How many replies the client left before their end, as it does when a stream is dropped.
    #[must_use]
    pub fn replies_abandoned(&self) -> usize {
        *self.state.abandoned.borrow()
    }

    /// Waits until no connection is open. Never returns while a client keeps one; put a deadline on it.
    pub async fn wait_closed(&self) {
        // It fails only when the sender is gone, and `self` has it.
        let _ = self.state.connections.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Waits until the client has left so many replies before their end.
    pub async fn wait_abandoned(&self, replies: usize) {
        let _ = self.state.abandoned.subscribe().wait_for(|count| *count >= replies).await;
    }
}

impl MockServerBuilder {
    /// Has made-up replies call the first tool that a user's message offers, with the least arguments that its schema
    /// allows. Otherwise they call a tool only when the request forces one.
    pub fn call_tools(mut self, yes: bool) -> Self {
        self.call_tools = yes;
        self
    }

    /// How many requests are kept for [`MockServer::requests`].
    pub fn keep_requests(mut self, count: usize) -> Self {
        self.keep = count;
        self
    }

    /// Starts the server as a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`] where no port can be had.
    pub async fn start(self) -> Result<MockServer> {
        let state = Arc::new(State::new(self.call_tools, self.keep));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let task = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Ok(MockServer { address, state, _running: Running::Task(task) })
    }

    /// Starts the server on a thread of its own: for code that is not async, and for measurements, which a server on
    /// the client's runtime would disturb.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`] where no port or no thread can be had.
    pub fn spawn(self) -> Result<MockServer> {
        let state = Arc::new(State::new(self.call_tools, self.keep));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(no_port)?;
        listener.set_nonblocking(true).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_port)?;
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&state);
        let run = move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = server::serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        };
        thread::Builder::new().name("anymodel-mock".to_owned()).spawn(run).map_err(no_port)?;
        Ok(MockServer { address, state, _running: Running::Thread { _stop: stop } })
    }
}

fn no_port(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Connection, "the simulator could not start on 127.0.0.1").with_source(source)
}
