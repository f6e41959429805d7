//! Counting: a `CountTokensRequest`.
//!
//! It takes the whole `GenerateContentRequest`, so that instructions and tools count too. That must name its model,
//! which in a call only the address does. Google Cloud's takes its members instead, those that count, by themselves.
//! Sources: `CountTokensRequest` in `generative_service.proto` and in `prediction_service.proto`, and recordings.

use super::{Dialect, Gemini, request};
use crate::chat::ChatRequest;
use crate::error::Result;
use crate::provider::{Encoded, Target, counting, post_json};
use crate::wire::json::Object;

/// What Google Cloud does not count with.
const NOT_COUNTED: [&str; 3] = ["toolConfig", "safetySettings", "labels"];

pub(super) fn encode(provider: &Gemini, request: &ChatRequest, target: &Target<'_>, url: &str) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let params = counting::of_prompt(&request.params);
    if provider.dialect == Dialect::Cloud {
        let mut body = Object::new();
        request::write(&mut body, provider, &request.messages, &params, target, &mut warnings)?;
        for member in NOT_COUNTED {
            body.remove(member);
        }
        return Ok(Encoded { request: post_json(url, body.to_bytes())?, warnings });
    }
    let folder = if target.model.contains('/') { "" } else { "models/" };
    let mut content = Object::new();
    content.set("model", &format!("{folder}{}", target.model))?;
    request::write(&mut content, provider, &request.messages, &params, target, &mut warnings)?;
    let mut body = Object::new();
    body.set("generateContentRequest", &content)?;
    Ok(Encoded { request: post_json(url, body.to_bytes())?, warnings })
}
