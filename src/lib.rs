//! Call any LLM, from any provider, through one interface.
//!
//! One function takes a model's name and a conversation, and gives the reply: whole, streamed, or as a Rust value, with
//! tools, pictures and reasoning, for every provider alike. Requests and replies speak OpenAI's vocabulary and read and
//! write its JSON; what only one provider has is kept and goes back to it. Retries, deadlines, keys and telemetry are
//! done once, in one pipeline, and what a provider cannot do is an error that says so.
//!
//! # A call
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn run() -> anymodel::Result<()> {
//! use anymodel::completion;
//!
//! let reply = completion("anthropic/claude-sonnet-4-5", "Hello!").await?;
//! println!("{} ({:?})", reply.text(), reply.usage);
//! # Ok(())
//! # }
//! ```
//!
//! # A stream
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn run() -> anymodel::Result<()> {
//! use anymodel::{Effort, completion, system, user};
//!
//! let mut stream = completion("gpt-5", [system("Be brief."), user("Write a story.")])
//!     .max_tokens(500)
//!     .reasoning_effort(Effort::Low)
//!     .stream()
//!     .await?;
//! while let Some(chunk) = stream.next().await {
//!     print!("{}", chunk?.text());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # A typed reply
//!
//! ```no_run
//! # #[cfg(all(feature = "client", feature = "schemars"))]
//! # async fn run() -> anymodel::Result<()> {
//! use anymodel::completion;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct City {
//!     name: String,
//!     /// How many people live in it.
//!     population: u64,
//! }
//!
//! let city: City = completion("gemini/gemini-2.5-flash", "Describe Paris.").parse().await?;
//! println!("{}: {}", city.name, city.population);
//! # Ok(())
//! # }
//! ```
//!
//! # Tools
//!
//! ```no_run
//! # #[cfg(all(feature = "client", feature = "schemars"))]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use anymodel::{Message, Tool, completion, tool_result, user};
//!
//! /// The current weather of a city.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct GetWeather {
//!     city: String,
//! }
//!
//! let mut messages: Vec<Message> = vec![user("Weather in Paris?")];
//! let reply = completion("gpt-5", &messages).tool(Tool::of::<GetWeather>()).await?;
//! let calls: Vec<_> = reply.tool_calls().cloned().collect();
//! messages.push(reply.into());
//! for call in calls {
//!     let asked: GetWeather = call.parse()?;
//!     messages.push(tool_result(call.id, format!("18 °C in {}", asked.city)));
//! }
//! println!("{}", completion("gpt-5", &messages).tool(Tool::of::<GetWeather>()).await?.text());
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what |
//! |---|---|---|
//! | `client` | yes | calls: pipeline, retries, streams. Without it the crate is the pure core, types and codecs |
//! | `tls` | yes | HTTPS by rustls, with the certificates that the system trusts |
//! | `tiktoken` | yes | exact token counts for OpenAI's public encodings; without it every count is an estimate |
//! | `tiktoken-fast` | | the same counts, several times as fast |
//! | `huggingface` | | token counts by any `tokenizer.json` that you have |
//! | `schemars` | | typed replies and tools from Rust types |
//! | `blocking` | | the same calls from code that is not async |
//! | `config` | | routers from LiteLLM's `config.yaml` |
//! | `redis` | | limits and cooldowns of routers that several processes keep together in a Redis |
//! | `aws` | | signed requests and AWS's sources of credentials, for Bedrock and SageMaker |
//! | `azure` | | Entra ID by a certificate |
//! | `gcp` | | Google's service accounts |
//! | `oci` | | Oracle Cloud's signed requests |
//! | `mock` | | a simulated provider on loopback, for tests |
//!
//! Features only add. All wire formats and providers are always there. Rust 1.88 or later.
//!
//! # What it promises
//!
//! - **No global state** but one default client, made on the first call of [`completion`]. A [`Client`] of your own
//!   shares nothing with it.
//! - **No network but the call**: no lists, prices or versions are fetched.
//! - **A key goes only to its provider's address**, the one in the provider's row or the one that you name. Redirects
//!   are not followed, and keys are in no error, `Debug` output or span.
//! - **Nothing is dropped silently**: what a provider cannot express is an error that names it, or, on request, a
//!   [`Warning`] on the reply. A stream that ends early is an error, never a short answer.
//! - **No panics, no `unsafe`**: whatever a provider sends is a reply or an error.
#![cfg_attr(
    all(feature = "client", feature = "schemars", feature = "blocking"),
    doc = "",
    doc = include_str!("docs/README.md")
)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::todo,
        clippy::unreachable,
        clippy::dbg_macro,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

#[cfg(feature = "client")]
pub mod auth;
#[cfg(feature = "blocking")]
pub mod blocking;
pub mod chat;
#[cfg(feature = "client")]
pub mod client;
#[cfg(all(doc, feature = "client", feature = "schemars", feature = "blocking"))]
pub mod docs;
mod error;
pub mod messages;
#[cfg(feature = "mock")]
pub mod mock;
pub mod model;
mod money;
pub mod pricing;
pub mod provider;
pub mod responses;
#[cfg(feature = "client")]
pub mod router;
mod text;
pub mod tokenizer;
#[cfg(feature = "client")]
pub mod transport;
pub mod wire;

pub use chat::{
    Accumulator, Annotation, Attempt, Audio, CacheControl, CallMeta, ChatChunk, ChatRequest, ChatResponse, Choice,
    Content, Delta, Effort, Extra, FinishReason, IntoMessages, Message, Part, ResponseFormat, Role, Seal, Source,
    Thinking, Tool, ToolCall, ToolChoice, Usage, Warning, WebSearchOptions, assistant, developer, system, tool_result,
    user,
};
#[cfg(feature = "client")]
pub use client::{
    CallInfo, CallOptions, ChatStream, Client, ClientBuilder, Complete, Completion, Deadlines, EnvironmentCheck,
    Fallback, Observer, Outcome, RetryPolicy,
};
pub use error::{Error, ErrorKind, Result, Retry};
pub use model::ModelName;
pub use money::{Cost, ParseUsdError, Usd};
pub use pricing::by_name::{completion_cost, cost_per_token, get_max_tokens, get_model_info};
pub use pricing::{Catalog, ModelInfo};
pub use provider::{get_llm_provider, get_supported_openai_params};
#[cfg(feature = "client")]
pub use router::{Deployment, HealthProbe, OnStreamFailure, Router, RouterEvent, RouterObserver};
pub use tokenizer::{Encoding, Prompt, TokenCount, Tokenizer, decode, encode, token_counter, trim_messages};

/// Calls a chat model: the first line of nearly every program that uses this crate.
///
/// `model` is `provider/model`, or the bare name of a known family such as `gpt-5`. The key comes from the provider's
/// environment variable, unless the call gives one. The builder that it returns is refined and then awaited, or
/// [streamed](Completion::stream); see [`Completion`].
///
/// ```no_run
/// # async fn run() -> anymodel::Result<()> {
/// let reply = anymodel::completion("anthropic/claude-sonnet-4-5", "Hello!").await?;
/// println!("{}", reply.text());
/// # Ok(())
/// # }
/// ```
///
/// Calls made in this way share one [`Client`]; make your own for other settings.
#[cfg(feature = "client")]
pub fn completion(model: impl Into<String>, messages: impl chat::IntoMessages) -> Completion {
    let client = Client::shared().map(|client| std::sync::Arc::new(client) as std::sync::Arc<dyn Complete>);
    Completion::new(client, model, messages)
}

/// [`completion`] under LiteLLM's name for the async call.
#[cfg(feature = "client")]
pub fn acompletion(model: impl Into<String>, messages: impl chat::IntoMessages) -> Completion {
    completion(model, messages)
}

/// Whether the environment has all that a model's calls need; see [`Client::validate_environment`].
///
/// # Errors
///
/// As [`Client::validate_environment`].
#[cfg(feature = "client")]
pub fn validate_environment(model: &str) -> Result<EnvironmentCheck> {
    Client::shared()?.validate_environment(model, &CallOptions::default())
}
