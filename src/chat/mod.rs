//! Chat: what a request and a reply say, in OpenAI's vocabulary.
//!
//! The types read and write OpenAI's chat-completions JSON without loss, fields that they do not know included. Inside,
//! a message is an ordered list of [`Part`]s, because what a model seals, calls and cites must go back in the order in
//! which it came.

mod accumulator;
mod carrier;
mod chunk;
mod error;
mod extra;
mod json;
mod message;
mod part;
mod request;
mod response;
mod steps;
mod tool;
mod usage;

pub use accumulator::Accumulator;
pub(crate) use carrier::Carried;
pub use chunk::{ChatChunk, ChunkWriter, Delta, Start};
pub(crate) use chunk::{RESTART, is_restart};
pub use error::error_body;
pub use extra::Extra;
pub(crate) use extra::{field_name, fields_and_extra, request_body};
pub(crate) use json::{ContentPart, read_annotation, read_part};
pub use message::{
    Annotation, IntoMessages, IntoParts, Message, Role, assistant, developer, system, tool_result, user,
};
pub use part::{Audio, CacheControl, CacheTtl, Content, Image, Media, Native, Part, Reasoning, Seal, Source, ToolCall};
pub use request::{ChatRequest, Effort, Params, Stop, Thinking, ThinkingMode, WebSearchOptions};
pub use response::{Attempt, CallMeta, ChatResponse, Choice, FinishReason, Warning};
pub(crate) use tool::no_arguments;
pub use tool::{JsonSchemaFormat, ResponseFormat, Tool, ToolChoice};
pub use usage::{CacheCreationTokenDetails, CompletionTokensDetails, PromptTokensDetails, ServerToolUse, Usage};
