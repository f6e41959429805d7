//! Counting: what `POST /v1/messages/count_tokens` takes of a request.
//!
//! Source: `CountMessageTokensParams` and `BetaCountMessageTokensParams` in Anthropic's OpenAPI description; neither
//! takes members that it does not name.

use super::Anthropic;
use super::request::{Draft, url};
use crate::chat::{ChatRequest, Params};
use crate::error::Result;
use crate::provider::{Encoded, Target, counting};

/// Members of `BetaCreateMessageParams` that a count does not take. What neither knows goes through, for Anthropic to
/// refuse.
const NOT_COUNTED: [&str; 11] = [
    "container",
    "inference_geo",
    "max_tokens",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "user_profile_id",
];

/// The body that the chat would have, without what a count does not take.
pub(super) fn encode(provider: &Anthropic, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
    // The limit decides how much the model may think, and whether it does.
    let limits = &request.params;
    let params = Params {
        max_tokens: limits.max_tokens,
        max_completion_tokens: limits.max_completion_tokens,
        ..counting::of_prompt(&request.params)
    };
    let mut draft = Draft::new(&provider.spec, provider.hosting, &request.messages, &params, target, false)?;
    for member in NOT_COUNTED {
        draft.body.remove(member);
    }
    draft.post(&format!("{}/count_tokens", url(&provider.spec, target.base_url)))
}
