//! OpenAI's Responses API as types: what is asked, what is answered, and the events of a streamed answer.
//!
//! Source: `CreateResponse`, `Response` and `ResponseStreamEvent` in OpenAI's OpenAPI description (2.3.0).

mod usage;

pub use usage::{InputTokensDetails, OutputTokensDetails, ResponseUsage};
