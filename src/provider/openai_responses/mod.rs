//! OpenAI's Responses API: so far its requests, and of its endpoints the one that counts their tokens.
//!
//! Sources: `CreateResponse`, `InputItem` and `TokenCountsBody` in OpenAI's OpenAPI description (2.3.0), and
//! <https://developers.openai.com/api/docs/guides/migrate-to-responses>.

mod count;
mod input;
mod request;
#[cfg(test)]
mod tests;
mod tools;

pub(super) use count::encode as count;

/// Whose native parts are items of this format.
const NAME: &str = "openai_responses";
