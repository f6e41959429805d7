//! Counting: what `CountTokens` takes of a request.
//!
//! Source: AWS's model of the API, `CountTokensInput`. It is asked of the model itself: an inference profile is not one.

use serde_json::json;

use super::invoke;
use super::media::base64;
use super::name::Name;
use super::request::{Draft, url};
use crate::chat::{ChatRequest, Params};
use crate::error::Result;
use crate::provider::{Encoded, ProviderSpec, Target, counting, post_json};
use crate::wire::escaped;
use crate::wire::json::Object;

/// Members of Converse's body that a count takes: `ConverseTokensRequest`.
const COUNTED: [&str; 4] = ["messages", "system", "toolConfig", "additionalModelRequestFields"];

/// The body that the chat would have, without what a count does not take.
pub(super) fn encode(spec: &ProviderSpec, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
    // The limit decides how much the model may think, and whether it does.
    let limits = &request.params;
    let params = Params {
        max_tokens: limits.max_tokens,
        max_completion_tokens: limits.max_completion_tokens,
        ..counting::of_prompt(&request.params)
    };
    let name = Name::parse(target.model);
    let (input, warnings) = if invoke::is_wanted(&name, target.model, request) {
        let invoke::Draft { body, warnings, .. } = invoke::Draft::new(spec, &request.messages, &params, target)?;
        (json!({"invokeModel": {"body": base64(&body.to_bytes())}}), warnings)
    } else {
        let Draft { body, warnings } = Draft::new(spec, &request.messages, &params, target.model)?;
        let mut counted = Object::new();
        for member in COUNTED {
            counted.set_some(member, body.get(member))?;
        }
        (json!({"converse": counted}), warnings)
    };
    let mut body = Object::new();
    body.set("input", &input)?;
    let url = url(target, &escaped(name.foundation()), "count-tokens");
    Ok(Encoded { request: post_json(&url, body.to_bytes())?, warnings })
}
