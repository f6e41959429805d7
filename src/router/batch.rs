//! Several calls at once: all of them, or the fastest.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::join_all;

use super::Router;
use crate::chat::{ChatResponse, IntoMessages};
use crate::client::{BoxFuture, Completion};
use crate::error::{Error, ErrorKind, Result};

impl Router {
    /// The same conversation to several models at once: the replies in their order, each by itself a success or not.
    ///
    /// ```no_run
    /// # async fn run(router: anymodel::Router) {
    /// for reply in router.batch_completion(["smart", "fast"], "Hello!").await {
    ///     match reply {
    ///         Ok(reply) => println!("{}", reply.text()),
    ///         Err(error) => println!("{error}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn batch_completion<S: Into<String>>(
        &self,
        models: impl IntoIterator<Item = S>,
        messages: impl IntoMessages,
    ) -> Vec<Result<ChatResponse>> {
        let messages = messages.into_messages();
        batch(models.into_iter().map(|model| self.completion(model, messages.clone()))).await
    }

    /// Several conversations to the same model at once: the replies in their order.
    pub async fn batch_prompts<M: IntoMessages>(
        &self,
        model: impl Into<String>,
        prompts: impl IntoIterator<Item = M>,
    ) -> Vec<Result<ChatResponse>> {
        let model = model.into();
        batch(prompts.into_iter().map(|messages| self.completion(model.clone(), messages))).await
    }

    /// The same conversation to several models at once, and the first reply; the other calls are cancelled.
    ///
    /// # Errors
    ///
    /// The last error, where all fail.
    pub async fn fastest_response<S: Into<String>>(
        &self,
        models: impl IntoIterator<Item = S>,
        messages: impl IntoMessages,
    ) -> Result<ChatResponse> {
        let messages = messages.into_messages();
        fastest(models.into_iter().map(|model| self.completion(model, messages.clone()))).await
    }
}

/// Makes calls at once: their replies in their order, errors among them.
pub async fn batch(calls: impl IntoIterator<Item = Completion>) -> Vec<Result<ChatResponse>> {
    join_all(calls.into_iter().map(IntoFuture::into_future)).await
}

/// Makes calls at once: the first reply. The other calls are cancelled.
///
/// # Errors
///
/// The last error, where all fail; [`ErrorKind::Configuration`] without any call.
pub async fn fastest(calls: impl IntoIterator<Item = Completion>) -> Result<ChatResponse> {
    Race(calls.into_iter().map(IntoFuture::into_future).collect()).await
}

struct Race(Vec<BoxFuture<Result<ChatResponse>>>);

impl Future for Race {
    type Output = Result<ChatResponse>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut last = None;
        let mut winner = None;
        self.0.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(reply)) => {
                winner.get_or_insert(reply);
                false
            }
            Poll::Ready(Err(error)) => {
                last = Some(error);
                false
            }
        });
        if let Some(winner) = winner {
            self.0.clear();
            return Poll::Ready(Ok(winner));
        }
        if !self.0.is_empty() {
            return Poll::Pending;
        }
        let nothing = || Error::new(ErrorKind::Configuration, "there is no call to race; name at least one model");
        Poll::Ready(Err(last.unwrap_or_else(nothing)))
    }
}
