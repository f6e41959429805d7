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

pub mod chat;
mod error;
#[cfg(feature = "mock")]
pub mod mock;
pub mod model;
pub mod provider;
pub mod wire;

pub use chat::{
    Accumulator, Annotation, Audio, CacheControl, CallMeta, ChatChunk, ChatRequest, ChatResponse, Choice, Content,
    Delta, Effort, Extra, FinishReason, Message, Part, ResponseFormat, Role, Seal, Source, Thinking, Tool, ToolCall,
    ToolChoice, Usage, Warning, WebSearchOptions, assistant, developer, system, tool_result, user,
};
pub use error::{Error, ErrorKind, Result, Retry};
pub use model::ModelName;
