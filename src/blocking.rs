//! The same calls from code that is not async.
//!
//! A runtime of one thread, made on first use, does the work; the calling thread waits. So a blocking call also works
//! where a runtime is running already, though there it holds its thread up.

use std::future::{Future, IntoFuture as _};
use std::sync::mpsc;

use once_cell::sync::OnceCell;
use tokio::runtime::Runtime;

use crate::chat::ChatResponse;
use crate::client::{Asking, Completion, Streaming};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Chat, Reply, Streamed};
use crate::tokenizer::TokenCount;

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

fn runtime() -> Result<&'static Runtime> {
    RUNTIME.get_or_try_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("anymodel").enable_all().build().map_err(|source| {
            Error::new(ErrorKind::Configuration, "no thread could be started for blocking calls").with_source(source)
        })
    })
}

/// Runs a future on the runtime and waits for it.
fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        let _ = sender.send(future.await);
    });
    receiver.recv().map_err(|_| Error::new(ErrorKind::Configuration, "the blocking runtime has been shut down"))
}

impl Completion {
    /// Makes the call and waits for the whole reply.
    ///
    /// ```no_run
    /// let reply = anymodel::completion("gpt-5", "Hello!").blocking()?;
    /// println!("{}", reply.text());
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As awaiting the call.
    pub fn blocking(self) -> Result<ChatResponse> {
        wait(self.into_future())?
    }

    /// Asks for a Rust type, and waits for it.
    ///
    /// ```no_run
    /// let cities: Vec<String> = anymodel::completion("gpt-5", "Three cities of Portugal.").blocking_parse()?;
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Completion::parse`].
    #[cfg(feature = "schemars")]
    pub fn blocking_parse<T>(self) -> Result<T>
    where
        T: schemars::JsonSchema + serde::de::DeserializeOwned + Send + 'static,
    {
        wait(self.parse())?
    }

    /// Counts the tokens of the prompt at the provider, and waits for the count.
    ///
    /// ```no_run
    /// let count = anymodel::completion("gemini/gemini-2.5-flash", "Hello!").blocking_count_tokens()?;
    /// println!("{}", count.tokens);
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Completion::count_tokens`].
    pub fn blocking_count_tokens(self) -> Result<TokenCount> {
        wait(self.count_tokens())?
    }

    /// Streams the reply to an iterator.
    ///
    /// ```no_run
    /// for chunk in anymodel::completion("gpt-5", "Tell me a story.").blocking_stream()? {
    ///     print!("{}", chunk?.text());
    /// }
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Completion::stream`].
    pub fn blocking_stream(self) -> Result<BlockingStream> {
        wait(self.stream())?.map(|stream| BlockingStream(Some(stream)))
    }
}

impl<Op> Asking<Op>
where
    Op: Streamed<Response: Reply>,
{
    /// Makes the call and waits for the whole reply.
    ///
    /// ```no_run
    /// # fn run(client: anymodel::Client) -> anymodel::Result<()> {
    /// println!("{}", client.responses("gpt-5", "Hello!").blocking()?.text());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As awaiting the call.
    pub fn blocking(self) -> Result<Op::Response> {
        wait(self.whole())?
    }

    /// Streams the reply to an iterator of its events.
    ///
    /// # Errors
    ///
    /// As its `stream`.
    pub fn blocking_stream(self) -> Result<BlockingStream<Op>> {
        wait(self.streamed())?.map(|stream| BlockingStream(Some(stream)))
    }
}

/// The chunks of a streamed reply, each waited for. Dropping it closes the connection.
#[derive(Debug)]
pub struct BlockingStream<Op: Streamed = Chat>(Option<Streaming<Op>>);

impl<Op> Iterator for BlockingStream<Op>
where
    Op: Streamed<Response: Reply>,
{
    type Item = Result<Op::Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut stream = self.0.take()?;
        let waited = wait(async move {
            let chunk = stream.next().await;
            (chunk, stream)
        });
        match waited {
            Ok((chunk, stream)) => {
                self.0 = chunk.is_some().then_some(stream);
                chunk
            }
            Err(error) => Some(Err(error)),
        }
    }
}
