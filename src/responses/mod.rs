//! OpenAI's Responses API as types: what is asked, what is answered, and the events of a streamed answer; and the same
//! said in chat, for providers that have no such API.
//!
//! The types are thin: they name what nearly every caller reads or sets, and keep every other member as it came.
//!
//! Source: `CreateResponse`, `Response` and `ResponseStreamEvent` in OpenAI's OpenAPI description (2.3.0).

mod event;
mod from_chat;
mod item;
mod request;
mod response;
mod to_chat;
mod tool;
mod usage;
mod writer;

pub use event::Event;
pub use item::{Input, Item};
pub use request::Request;
pub use response::Response;
pub use tool::Tool;
pub(crate) use tool::{flat, flat_choice};
pub use usage::{InputTokensDetails, OutputTokensDetails, ResponseUsage};
pub use writer::EventWriter;

/// Whose native parts are items of this API, whoever made them.
pub(crate) const NATIVE: &str = "openai_responses";
