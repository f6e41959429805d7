//! Counting: what `POST /responses/input_tokens` takes of a request.

use serde_json::Map;

use super::request;
use crate::chat::{Message, Params, Warning};
use crate::error::Result;
use crate::provider::counting::BESIDE_THE_PROMPT;
use crate::provider::{Encoded, Target, post_json};

/// Members of `CreateResponse` and `CreateChatCompletionRequest` that `TokenCountsBody` does not have and that have no
/// name among the parameters. What none of them knows goes through, for OpenAI to refuse.
const NOT_COUNTED: [&str; 8] = [
    "background",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "prompt_cache_options",
    "stream",
];

/// The request of a count; `params` are those that a count can depend on.
///
/// # Errors
///
/// As [`request::body`].
pub(in crate::provider) fn encode(
    provider: &str,
    messages: &[Message],
    params: &Params,
    target: &Target<'_>,
    mut warnings: Vec<Warning>,
) -> Result<Encoded> {
    let mut body = request::body(provider, messages, params, target.model, &mut warnings)?;
    let counted = |name: &str| !BESIDE_THE_PROMPT.contains(&name) && !NOT_COUNTED.contains(&name);
    for (name, value) in params.extra.iter().filter(|(name, _)| counted(name)) {
        body.set(name.clone(), value)?;
    }
    let more = params.extra_body.iter().filter(|(name, _)| counted(name));
    body.merge(&more.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())?;
    let request = post_json(&format!("{}/responses/input_tokens", target.base_url), body.to_bytes())?;
    Ok(Encoded { request, warnings })
}
