//! Anthropic's Messages as types: what is asked, what is answered, and the events of a streamed answer; and the same
//! said in chat, for providers of other formats. Agents speak it.
//!
//! The types are thin: they name what nearly every caller reads or sets, and keep every other member as it came.
//!
//! Source: <https://platform.claude.com/docs/en/api/messages>, <https://platform.claude.com/docs/en/build-with-claude/streaming>
//! and Anthropic's OpenAPI description of 2026-08.

mod error;
mod event;
mod from_chat;
mod message;
mod request;
mod sum;
mod to_chat;
mod writer;

pub use error::{error_body, error_event};
pub use event::Event;
pub use message::{Block, Message, Turn};
pub use request::Request;
pub use sum::MessageSum;
pub use writer::EventWriter;

/// Whose native parts are blocks of this format.
pub(crate) const NATIVE: &str = "anthropic";
