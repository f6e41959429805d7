//! The Responses API from a client.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::asking::{Asking, Refined, refining};
use super::completion::BoxFuture;
use super::question::{Question, read};
use super::{CallOptions, Client, Streaming};
use crate::chat::ChatRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Operation, Responses, Stored, StoredAction, StoredResponses};
use crate::responses::{Input, Item, Request, Response, Tool};

/// A call of the Responses API; see [`Client::responses`].
pub type ResponseCall = Asking<Responses>;
/// The events of a streamed response, as they come.
pub type ResponseStream = Streaming<Responses>;

refining!(Responses, Request, max_output_tokens);

impl Client {
    /// A call of OpenAI's Responses API, to be refined and awaited.
    ///
    /// A provider that has the API is asked by it, and its reply comes back as it is, with the call's cost beside it.
    /// Any other is asked in chat, and its reply, or its stream, is told in the API's terms. What chat cannot say is an
    /// error that names it: replies that a provider keeps (`previous_response_id`, `background`), and tools that only
    /// the API runs.
    ///
    /// ```no_run
    /// # async fn run(client: anymodel::Client) -> anymodel::Result<()> {
    /// use anymodel::responses::{Item, Tool};
    ///
    /// let first = client.responses("gpt-5", "What happened today?").tool(Tool::web_search()).await?;
    /// println!("{} ({:?})", first.text(), first.meta.cost);
    /// let mut input = vec![Item::user("What happened today?")];
    /// input.extend(first.output);
    /// input.push(Item::user("And yesterday?"));
    /// println!("{}", client.responses("anthropic/claude-sonnet-4-5", input).instructions("Be brief.").await?.text());
    /// # Ok(())
    /// # }
    /// ```
    pub fn responses(&self, model: impl Into<String>, input: impl Into<Input>) -> ResponseCall {
        Asking::new(Ok(Arc::new(self.clone())), Request::new(model, input))
    }

    /// A reply that a provider keeps, or makes in the background: to be fetched, cancelled or deleted.
    ///
    /// ```no_run
    /// # async fn run(client: anymodel::Client) -> anymodel::Result<()> {
    /// let mut reply = client.responses("openai/o3-deep-research", "…").background(true).await?;
    /// while reply.is_pending() {
    ///     tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    ///     reply = client.stored_response("openai/o3-deep-research", &reply.id).get().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stored_response(&self, model: impl Into<String>, id: impl Into<String>) -> StoredResponse {
        let stored = Stored::new(model, id, StoredAction::Get);
        StoredResponse { client: self.clone(), stored, options: CallOptions::default() }
    }
}

/// A method for each member, with the type of its argument.
macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident: $argument:ty,)*) => {
        /// Members of the request, by the API's names.
        impl Asking<Responses> {
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
    /// What stands before the conversation, for this request alone.
    instructions: impl Into<String>,
    /// The stored reply that this one goes on from.
    previous_response_id: impl Into<String>,
    /// Whether the reply is made in the background, to be fetched later.
    background: bool,
    /// The most tokens of the reply, reasoning included.
    max_output_tokens: u64,
    /// The most calls of the provider's own tools.
    max_tool_calls: u64,
    /// What is kept with a stored reply.
    metadata: impl Into<Value>,
    /// Whether several tools may be called at once.
    parallel_tool_calls: bool,
    /// Groups requests that share a prefix, for the prompt cache.
    prompt_cache_key: impl Into<String>,
    /// How to reason: `{"effort": …, "summary": …}`.
    reasoning: impl Into<Value>,
    /// The caller's stable id of its end user.
    safety_identifier: impl Into<String>,
    /// The processing tier.
    service_tier: impl Into<String>,
    /// Whether the reply is stored; yes where it is not said.
    store: bool,
    /// Randomness, 0 to 2.
    temperature: f64,
    /// The form of the text, and how long it is to be.
    text: impl Into<Value>,
    /// Which tools may or must be called.
    tool_choice: impl Into<Value>,
    /// The share of probability to choose from.
    top_p: f64,
    /// What happens to a conversation that is too long.
    truncation: impl Into<String>,
}

impl Asking<Responses> {
    /// Adds an item to the conversation.
    pub fn item(mut self, item: Item) -> Self {
        let mut items = self.request.input.take().unwrap_or_default().into_items();
        items.push(item);
        self.request.input = Some(items.into());
        self
    }

    /// Offers the model a tool of the caller's or of the provider's.
    pub fn tool(mut self, tool: impl Into<Tool>) -> Self {
        self.request.tools.get_or_insert_default().push(tool.into());
        self
    }

    /// What else the reply is to hold, such as `reasoning.encrypted_content`.
    pub fn include<S: Into<String>>(mut self, what: impl IntoIterator<Item = S>) -> Self {
        self.request.include.get_or_insert_default().extend(what.into_iter().map(Into::into));
        self
    }
}

/// A reply that a provider keeps; see [`Client::stored_response`].
#[derive(Clone, Debug)]
#[must_use = "nothing is done until it is fetched, cancelled or deleted"]
pub struct StoredResponse {
    client: Client,
    stored: Stored,
    options: CallOptions,
}

impl StoredResponse {
    /// The same with these options, such as an address and a key.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Fetches it, however far it is.
    ///
    /// # Errors
    ///
    /// As a call; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the provider keeps no replies.
    pub async fn get(self) -> Result<Response> {
        self.act(StoredAction::Get).await
    }

    /// Stops making it, where it is made in the background.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn cancel(self) -> Result<Response> {
        self.act(StoredAction::Cancel).await
    }

    /// Has the provider forget it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn delete(self) -> Result<()> {
        self.act(StoredAction::Delete).await.map(|_| ())
    }

    fn act(self, action: StoredAction) -> BoxFuture<Result<<StoredResponses as Operation>::Response>> {
        let stored = Stored::new(self.stored.model, self.stored.id, action);
        self.client.perform::<StoredResponses>(stored, self.options)
    }
}

impl Question for Stored {
    fn model(&self) -> &str {
        &self.model
    }

    fn set_model(&mut self, model: &str) {
        model.clone_into(&mut self.model);
    }

    fn drops_params(&self) -> bool {
        false
    }

    fn drop_params(&mut self) {}

    fn has(&self, _: &str) -> bool {
        false
    }

    fn set(&mut self, name: &str, _: Value) -> Result<()> {
        let message = format!("what a provider keeps is asked for without `{name}`");
        Err(Error::new(ErrorKind::InvalidRequest, message))
    }
}
