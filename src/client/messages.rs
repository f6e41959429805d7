//! Anthropic's Messages from a client.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::asking::{Asking, Refined, refining};
use super::completion::BoxFuture;
use super::question::{Question, read};
use super::{Client, Streaming};
use crate::chat::ChatRequest;
use crate::error::Result;
use crate::messages::{Request, Turn};
use crate::provider::{Messages, Operation};

/// A call in Anthropic's format; see [`Client::messages`].
pub type MessageCall = Asking<Messages>;
/// The events of a streamed message, as they come.
pub type MessageStream = Streaming<Messages>;

refining!(
    Messages,
    Request,
    max_tokens,
    fn begin_answer(&mut self, said: &str) {
        let beginning = Turn { begins_answer: true, ..Turn::assistant(said) };
        self.messages.get_or_insert_default().push(beginning);
    }
);

impl Client {
    /// A call in the format of Anthropic's Messages API, of a model of any provider, to be refined and awaited.
    ///
    /// A provider that speaks the format is asked in it, and its reply comes back as it is, with the call's cost beside
    /// it. Any other is asked in chat, and its reply, or its stream, is told in Anthropic's terms; what only one provider
    /// can read, such as the seal of its reasoning, is carried in signatures and comes back to it.
    ///
    /// ```no_run
    /// # async fn run(client: anymodel::Client) -> anymodel::Result<()> {
    /// use anymodel::messages::Turn;
    ///
    /// let mut turns = vec![Turn::user("Why is the sky blue?")];
    /// let reply = client.messages("gemini/gemini-2.5-flash", turns.clone()).max_tokens(500).await?;
    /// println!("{}", reply.text());
    /// turns.push(Turn::from(&reply));
    /// # Ok(())
    /// # }
    /// ```
    pub fn messages(&self, model: impl Into<String>, messages: impl IntoIterator<Item = Turn>) -> MessageCall {
        let messages = Some(messages.into_iter().collect());
        let request = Request { model: model.into(), messages, ..Request::default() };
        Asking::new(Ok(Arc::new(self.clone())), request)
    }
}

/// A method for each member, with the type of its argument.
macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident: $argument:ty,)*) => {
        /// Members of the request, by Anthropic's names.
        impl Asking<Messages> {
            $(
                $(#[$meta])*
                pub fn $name(mut self, value: $argument) -> Self {
                    self.request.$name = Some(value.into());
                    self
                }
            )*
        }
    };
}

setters! {
    /// The most tokens of the reply.
    max_tokens: u64,
    /// What stands before the conversation: a text, or blocks of text.
    system: impl Into<Value>,
    /// Randomness, 0 to 1.
    temperature: f64,
    /// The share of probability to choose from.
    top_p: f64,
    /// How many of the likeliest tokens to choose from.
    top_k: u64,
    /// The caller's id of its end user: `{"user_id": …}`.
    metadata: impl Into<Value>,
    /// Which tools may or must be called.
    tool_choice: impl Into<Value>,
    /// How to reason: `{"type": "enabled", "budget_tokens": …}`.
    thinking: impl Into<Value>,
    /// The processing tier.
    service_tier: impl Into<String>,
}

impl Asking<Messages> {
    /// Adds a turn to the conversation.
    pub fn turn(mut self, turn: Turn) -> Self {
        self.request.messages.get_or_insert_default().push(turn);
        self
    }

    /// Offers the model a tool, in Anthropic's form: `{"name", "description", "input_schema"}`.
    pub fn tool(mut self, tool: impl Into<Value>) -> Self {
        self.request.tools.get_or_insert_default().push(tool.into());
        self
    }

    /// Texts at which the reply ends.
    pub fn stop_sequences<S: Into<String>>(mut self, texts: impl IntoIterator<Item = S>) -> Self {
        self.request.stop_sequences = Some(texts.into_iter().map(Into::into).collect());
        self
    }
}
