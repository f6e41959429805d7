//! `InvokeModel` for Claude: Anthropic's body without model and stream, its beta features in the body.
//!
//! Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>. Of
//! other models it has nothing that Converse has not, so their own formats are not spoken here.

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::CLAUDE;
use super::name::{Family, Name, Route};
use super::request::{service_tier, url};
use crate::chat::{ChatRequest, Content, Message, Params, Tool, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Encoded, ProviderSpec, Target, anthropic, post_json};
use crate::wire::json::Object;

/// What Converse takes in its body, and `InvokeModel` in headers.
const IN_HEADERS: [(&str, &str); 5] = [
    ("/guardrailConfig/guardrailIdentifier", "x-amzn-bedrock-guardrailidentifier"),
    ("/guardrailConfig/guardrailVersion", "x-amzn-bedrock-guardrailversion"),
    ("/guardrailConfig/trace", "x-amzn-bedrock-trace"),
    ("/performanceConfig/latency", "x-amzn-bedrock-performanceconfig-latency"),
    ("/serviceTier/type", "x-amzn-bedrock-service-tier"),
];

/// The members of a request that are told in those headers.
const HEADER_MEMBERS: [&str; 3] = ["guardrailConfig", "performanceConfig", "serviceTier"];

/// Whether Claude is asked by `InvokeModel`: because the name says it, or because the request has tools or blocks in
/// Anthropic's own form, which Converse has no place for.
pub(super) fn is_wanted(name: &Name<'_>, model: &str, request: &ChatRequest) -> bool {
    Family::of(model) == Family::Claude
        && match name.route {
            Route::Converse => false,
            Route::Invoke => true,
            Route::Any => {
                request.params.tools.iter().flatten().any(is_anthropics)
                    || request.messages.iter().any(has_anthropics_blocks)
            }
        }
}

/// A tool such as `{"type": "bash_20250124", …}`; those of Converse are told by their member.
fn is_anthropics(tool: &Tool) -> bool {
    matches!(tool, Tool::Native(value) if value.get("type").is_some_and(Value::is_string))
}

fn has_anthropics_blocks(message: &Message) -> bool {
    message.parts.iter().any(|part| matches!(&part.content, Content::Native(native) if native.provider == CLAUDE))
}

pub(super) fn encode(
    spec: &ProviderSpec,
    request: &ChatRequest,
    target: &Target<'_>,
    name: &Name<'_>,
    stream: bool,
) -> Result<Encoded> {
    let draft = Draft::new(spec, &request.messages, &request.params, target)?;
    let action = if stream { "invoke-with-response-stream" } else { "invoke" };
    let mut encoded = post_json(&url(target, &name.path(), action), draft.body.to_bytes())?;
    for (name, value) in draft.headers {
        let value = HeaderValue::try_from(&value).map_err(|source| {
            Error::new(ErrorKind::InvalidRequest, format!("`{value}` cannot be sent as `{name}`")).with_source(source)
        })?;
        encoded.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(Encoded { request: encoded, warnings: draft.warnings })
}

/// A body, what goes beside it, and what of the request is in neither.
pub(super) struct Draft {
    pub(super) body: Object,
    headers: Vec<(&'static str, String)>,
    pub(super) warnings: Vec<Warning>,
}

impl Draft {
    pub(super) fn new(spec: &ProviderSpec, messages: &[Message], params: &Params, target: &Target<'_>) -> Result<Self> {
        let (params, headers) = without_headers(params);
        let draft = anthropic::Draft::new(spec, anthropic::Hosting::default(), messages, &params, target, false)?;
        let betas = draft.betas();
        let (mut body, warnings) = (draft.body, draft.warnings);
        body.remove("model");
        let mut given: Vec<String> =
            body.remove("anthropic_beta").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        for beta in betas {
            if !given.iter().any(|known| known == beta) {
                given.push(beta.to_owned());
            }
        }
        body.set("anthropic_version", "bedrock-2023-05-31")?;
        body.set_some("anthropic_beta", (!given.is_empty()).then_some(&given))?;
        Ok(Self { body, headers, warnings })
    }
}

/// Takes out of the parameters what is told in headers.
fn without_headers(params: &Params) -> (Params, Vec<(&'static str, String)>) {
    let mut params = params.clone();
    let mut told = serde_json::Map::new();
    if let Some(tier) = params.service_tier.take() {
        told.insert("serviceTier".to_owned(), service_tier(&tier));
    }
    for name in HEADER_MEMBERS {
        told.extend(params.extra.remove(name).map(|value| (name.to_owned(), value)));
    }
    let mut headers = Vec::new();
    let metadata = params.extra.remove("requestMetadata");
    headers.extend(metadata.map(|metadata| ("x-amzn-bedrock-request-metadata", metadata.to_string())));
    // The model's own fields are members of this body.
    if let Some(Value::Object(fields)) = params.extra.remove("additionalModelRequestFields") {
        params.extra.extend(fields.into());
    }
    let told = Value::Object(told);
    for (pointer, header) in IN_HEADERS {
        let value = told.pointer(pointer).and_then(Value::as_str);
        let value =
            value.map(|value| if header.ends_with("-trace") { value.to_ascii_uppercase() } else { value.to_owned() });
        headers.extend(value.map(|value| (header, value)));
    }
    (params, headers)
}
