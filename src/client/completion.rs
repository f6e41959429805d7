//! The builder behind `completion(…)`.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

#[cfg(feature = "schemars")]
use super::typed;
use super::with_options::with_options;
use super::{CallOptions, ChatStream};
use crate::chat::{
    ChatRequest, ChatResponse, Effort, IntoMessages, Message, ResponseFormat, Stop, Thinking, Tool, ToolChoice,
    WebSearchOptions,
};
use crate::error::Result;
use crate::provider::{CountTokens, Operation};
use crate::tokenizer::TokenCount;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What chat calls can be made of: a [`Client`](crate::Client), or a router in front of several.
///
/// ```no_run
/// use anymodel::{Complete, Result};
///
/// async fn title(llm: &(impl Complete + Clone + 'static), text: &str) -> Result<String> {
///     Ok(llm.completion("gpt-5-mini", format!("A title for: {text}")).await?.text())
/// }
/// ```
///
/// A program that chooses at run time keeps an `Arc<dyn Complete>`, which is one itself. What stands in front of another,
/// such as a cache, implements the first two methods.
///
/// ```
/// # fn made_of(client: anymodel::Client) {
/// use std::sync::Arc;
/// use anymodel::Complete;
///
/// let llm: Arc<dyn Complete> = Arc::new(client);
/// let call = llm.completion("gpt-5-mini", "Hello!").max_tokens(100);
/// # drop(call);
/// # }
/// ```
pub trait Complete: Send + Sync {
    /// The whole reply to a request.
    fn complete(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<ChatResponse>>;

    /// The streamed reply to a request.
    fn complete_stream(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<ChatStream>>;

    /// How many tokens the prompt of a request has, by the provider's own count. What cannot ask a provider says so.
    fn count_tokens(&self, _request: ChatRequest, _options: CallOptions) -> BoxFuture<Result<TokenCount>> {
        Box::pin(async { Err(CountTokens::missing("what this call is made of")) })
    }

    /// A chat call of this model, to be refined and awaited.
    fn completion(&self, model: impl Into<String>, messages: impl IntoMessages) -> Completion
    where
        Self: Clone + Sized + 'static,
    {
        Completion::new(Ok(Arc::new(self.clone())), model, messages)
    }
}

impl<T: Complete + ?Sized> Complete for Arc<T> {
    fn complete(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<ChatResponse>> {
        (**self).complete(request, options)
    }

    fn complete_stream(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<ChatStream>> {
        (**self).complete_stream(request, options)
    }

    fn count_tokens(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<TokenCount>> {
        (**self).count_tokens(request, options)
    }
}

/// A chat call: refine it, then `.await` it for the whole reply, or [`stream`](Completion::stream) it.
///
/// ```no_run
/// # async fn run() -> anymodel::Result<()> {
/// use anymodel::{Effort, completion, system, user};
///
/// let reply = completion("gpt-5", [system("Be brief."), user("Why is the sky blue?")])
///     .max_tokens(500)
///     .reasoning_effort(Effort::Low)
///     .await?;
/// println!("{}", reply.text());
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is made when it is awaited"]
#[derive(Clone)]
pub struct Completion {
    target: Result<Arc<dyn Complete>>,
    request: ChatRequest,
    options: CallOptions,
}

/// A method for each parameter, with the type of its argument. Numbers are taken as they are: where anything that can
/// become an `u64` is taken, `500` is an `i32` and cannot.
macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident: $argument:ty,)*) => {
        /// Parameters, by OpenAI's names; [`Params`](crate::chat::Params) says what each means.
        impl Completion {
            $(
                $(#[$meta])*
                pub fn $name(mut self, value: $argument) -> Self {
                    self.request.params.$name = Some(value.into());
                    self
                }
            )*
        }
    };
}

setters! {
    /// Randomness, 0 to 2.
    temperature: f64,
    /// Nucleus sampling.
    top_p: f64,
    /// How many replies.
    n: u32,
    /// Texts at which the reply ends.
    stop: impl Into<Stop>,
    /// The most tokens of the reply.
    max_tokens: u64,
    /// The most tokens of the reply, in OpenAI's newer name.
    max_completion_tokens: u64,
    /// Penalty for what has been mentioned.
    presence_penalty: f64,
    /// Penalty for repetition.
    frequency_penalty: f64,
    /// Token ids and how much likelier to make them.
    logit_bias: impl Into<Map<String, Value>>,
    /// Makes sampling repeatable as far as the provider can.
    seed: i64,
    /// Whether to give the tokens' log probabilities.
    logprobs: bool,
    /// How many alternatives to give for each token.
    top_logprobs: u32,
    /// The caller's id of its end user.
    user: impl Into<String>,
    /// The form of the reply's text.
    response_format: impl Into<ResponseFormat>,
    /// Which tools the model may or must call.
    tool_choice: impl Into<ToolChoice>,
    /// Whether it may call several at once.
    parallel_tool_calls: bool,
    /// How much to reason.
    reasoning_effort: impl Into<Effort>,
    /// How to reason, in Anthropic's form.
    thinking: impl Into<Thinking>,
    /// Lets the model search the web.
    web_search_options: impl Into<WebSearchOptions>,
    /// Voice and format of a spoken reply.
    audio: impl Into<Value>,
    /// What most of the reply will be.
    prediction: impl Into<Value>,
    /// The processing tier.
    service_tier: impl Into<String>,
    /// Whether the provider keeps the reply.
    store: bool,
    /// Groups requests that share a prefix, for the prompt cache.
    prompt_cache_key: impl Into<String>,
    /// How long the prompt cache is kept.
    prompt_cache_retention: impl Into<String>,
    /// The caller's stable id of its end user.
    safety_identifier: impl Into<String>,
    /// How long the reply should be.
    verbosity: impl Into<String>,
}

impl Completion {
    pub(crate) fn new(
        target: Result<Arc<dyn Complete>>,
        model: impl Into<String>,
        messages: impl IntoMessages,
    ) -> Self {
        Self { target, request: ChatRequest::new(model, messages), options: CallOptions::default() }
    }

    /// The same call with this request: all of OpenAI's JSON in one value.
    pub fn request(mut self, request: ChatRequest) -> Self {
        self.request = request;
        self
    }

    /// Adds a message to the conversation.
    pub fn message(mut self, message: Message) -> Self {
        self.request.messages.push(message);
        self
    }

    /// Offers the model a tool.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.request.params.tools.get_or_insert_default().push(tool);
        self
    }

    /// Offers the model tools.
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.request.params.tools.get_or_insert_default().extend(tools);
        self
    }

    /// A parameter by its name: one of OpenAI's, or one that has no method here, such as `top_k`, to be sent as it is.
    /// A value of the wrong type is an error when the call is made.
    pub fn param(mut self, name: impl AsRef<str>, value: impl Into<Value>) -> Self {
        if let Err(error) = self.request.params.set(name.as_ref(), value.into()) {
            self.target = Err(error);
        }
        self
    }

    /// Members merged into the request's body last, over all others.
    pub fn extra_body(mut self, members: Map<String, Value>) -> Self {
        self.request.params.extra_body.extend(members);
        self
    }

    /// What the reply may be made of: `text`, `audio`, `image`.
    pub fn modalities<S: Into<String>>(mut self, kinds: impl IntoIterator<Item = S>) -> Self {
        self.request.params.modalities = Some(kinds.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves unsupported parameters out with a warning, instead of failing.
    pub fn drop_params(mut self, drop: bool) -> Self {
        self.request.params.drop_params = drop;
        self
    }

    /// Parameters to send though the provider is not known to support them.
    pub fn allowed_openai_params<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.request.params.allowed_openai_params.extend(names.into_iter().map(Into::into));
        self
    }

    /// Something for observers to know; not sent.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.metadata.insert(name.into(), value.into());
        self
    }

    /// Streams the reply.
    ///
    /// # Errors
    ///
    /// Everything that can go wrong until the reply begins; what goes wrong later comes out of the stream.
    pub async fn stream(self) -> Result<ChatStream> {
        self.target?.complete_stream(self.request, self.options).await
    }

    /// Counts the tokens of the prompt at the provider, instead of making the call: messages, tools and the form of the
    /// reply count, and what only says how the reply is made, such as `temperature` or `max_tokens`, is left out.
    ///
    /// The model is not run and nothing is billed, but it is a request all the same: it has a key, retries, a deadline,
    /// and the provider's rate limits. A call can be counted before it is made:
    ///
    /// ```no_run
    /// # async fn run(handbook: String) -> anymodel::Result<()> {
    /// use anymodel::{Tool, completion, system, user};
    ///
    /// let call = completion("anthropic/claude-sonnet-4-5", [system(handbook), user("May I have a dog?")])
    ///     .tool(Tool::function("search", "Searches the handbook."));
    /// if call.clone().count_tokens().await?.tokens < 100_000 {
    ///     println!("{}", call.await?.text());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Anthropic and Gemini count what the call would send them. OpenAI counts the same conversation in the form of its
    /// Responses API, as chat completions have no count; names of speakers are not in it. What a call would leave out
    /// with a warning is left out of its count too. Fallbacks are not asked: another model has other tokens.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the provider has no endpoint for it, and for content that it cannot count;
    /// otherwise as awaiting the call.
    pub async fn count_tokens(self) -> Result<TokenCount> {
        self.target?.count_tokens(self.request, self.options).await
    }

    /// Asks for JSON of a Rust type's schema, and reads the reply as that type.
    ///
    /// The schema is held to strictly where strict schemas can say it: every property is required, optional ones may
    /// be `null`. A type that they cannot say, such as a map or a `Value`, is asked for without strictness. A type
    /// that is not an object, such as a `Vec` or most enums, is asked for as the member `value` of one: most providers
    /// take nothing but an object.
    ///
    /// # Errors
    ///
    /// As awaiting the call, and as [`ChatResponse::parse`].
    #[cfg(feature = "schemars")]
    pub async fn parse<T: schemars::JsonSchema + serde::de::DeserializeOwned>(self) -> Result<T> {
        let (format, inside) = typed::format::<T>();
        let reply = self.response_format(format).await?;
        if !inside {
            return reply.parse();
        }
        // Where nothing holds the model to the schema, it may give the value itself.
        reply.parse().map(|typed::Inside { value }| value).or_else(|error| reply.parse().map_err(|_| error))
    }
}

with_options!([] Completion);

impl IntoFuture for Completion {
    type Output = Result<ChatResponse>;
    type IntoFuture = BoxFuture<Result<ChatResponse>>;

    fn into_future(self) -> Self::IntoFuture {
        match self.target {
            Ok(target) => target.complete(self.request, self.options),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("request", &self.request)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
