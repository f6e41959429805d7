//! Counting: a `CountTokensRequest`.
//!
//! It takes the whole `GenerateContentRequest`, so that instructions and tools count too. That must name its model,
//! which in a call only the address does. Sources: `CountTokensRequest` in `generative_service.proto`, and a recording.

use super::request;
use crate::chat::ChatRequest;
use crate::error::Result;
use crate::provider::{Encoded, ProviderSpec, Target, counting, post_json};
use crate::wire::json::Object;

pub(super) fn encode(spec: &ProviderSpec, request: &ChatRequest, target: &Target<'_>, url: &str) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let folder = if target.model.contains('/') { "" } else { "models/" };
    let mut content = Object::new();
    content.set("model", &format!("{folder}{}", target.model))?;
    let params = counting::of_prompt(&request.params);
    request::write(&mut content, spec, &request.messages, &params, target, &mut warnings)?;
    let mut body = Object::new();
    body.set("generateContentRequest", &content)?;
    Ok(Encoded { request: post_json(url, body.to_bytes())?, warnings })
}
