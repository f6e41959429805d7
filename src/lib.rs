//! Call any LLM, from any provider, through one interface.

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
mod error;
#[cfg(feature = "mock")]
pub mod mock;
pub mod model;
pub mod provider;
#[cfg(feature = "client")]
pub mod transport;
pub mod wire;

pub use chat::{
    Accumulator, Annotation, Audio, CacheControl, CallMeta, ChatChunk, ChatRequest, ChatResponse, Choice, Content,
    Delta, Effort, Extra, FinishReason, Message, Part, ResponseFormat, Role, Seal, Source, Thinking, Tool, ToolCall,
    ToolChoice, Usage, Warning, WebSearchOptions, assistant, developer, system, tool_result, user,
};
#[cfg(feature = "client")]
pub use client::{
    CallInfo, CallOptions, ChatStream, Client, ClientBuilder, Complete, Completion, Deadlines, Observer, Outcome,
    RetryPolicy,
};
pub use error::{Error, ErrorKind, Result, Retry};
pub use model::ModelName;

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
