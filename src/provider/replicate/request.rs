//! The request: where the model is, and its input.

use http::{HeaderName, HeaderValue};

use crate::chat::{ChatRequest, Params};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::params::{Limits, allowed};
use crate::provider::prompt::Prompt;
use crate::provider::{Encoded, ProviderSpec, Target, admit, post_json};
use crate::wire::json::Object;

const PREFER: HeaderName = HeaderName::from_static("prefer");

pub(super) fn encode(spec: &ProviderSpec, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let params = admit(&request.params, &spec.name, supports, &mut warnings)?;
    let mut limits = Limits { provider: &spec.name, drop: params.drop_params, warnings: &mut warnings };
    let prompt = Prompt::new(&request.messages, &mut limits)?;
    let place = Place::of(target.model)?;
    let mut body = Object::new();
    body.set_some("version", place.version)?;
    body.set("input", &input(&params, &prompt)?)?;
    if stream {
        body.set("stream", &true)?;
    }
    body.merge(&params.extra_body)?;
    let mut request = post_json(&format!("{}{}", target.base_url, place.path), body.to_bytes())?;
    if !stream {
        // Up to a minute by default; what takes longer is asked for again.
        request.headers_mut().insert(PREFER, HeaderValue::from_static("wait"));
    }
    Ok(Encoded { request, warnings })
}

/// What language models there have in common; a model that does not know one of them says so.
fn supports(name: &str) -> bool {
    matches!(
        name,
        "temperature"
            | "top_p"
            | "stop"
            | "max_tokens"
            | "max_completion_tokens"
            | "presence_penalty"
            | "frequency_penalty"
            | "seed"
            | "reasoning_effort"
            | "verbosity"
            | "stream_options"
    )
}

fn input(params: &Params, prompt: &Prompt) -> Result<Object> {
    let mut input = Object::new();
    input.set("prompt", &prompt.text)?;
    input.set_some("system_prompt", Some(&prompt.system).filter(|text| !text.is_empty()))?;
    input.set_some("temperature", params.temperature.as_ref())?;
    input.set_some("top_p", params.top_p.as_ref())?;
    input.set_some("max_tokens", params.max_tokens.as_ref())?;
    input.set_some("max_completion_tokens", params.max_completion_tokens.as_ref())?;
    // One text with commas between, as the models there take it.
    input.set_some("stop_sequences", params.stop.as_ref().map(|stop| stop.as_slice().join(",")).as_ref())?;
    input.set_some("presence_penalty", params.presence_penalty.as_ref())?;
    input.set_some("frequency_penalty", params.frequency_penalty.as_ref())?;
    input.set_some("seed", params.seed.as_ref())?;
    input.set_some("reasoning_effort", params.reasoning_effort.as_ref().map(|effort| effort.plain()).as_deref())?;
    input.set_some("verbosity", params.verbosity.as_ref())?;
    for (name, value) in params.extra.iter() {
        input.set(name.clone(), value)?;
    }
    allowed(&mut input, params, supports)?;
    Ok(input)
}

/// Where a prediction is created.
struct Place<'a> {
    path: String,
    version: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// `owner/name` is an official model, `owner/name:version` or the version alone any other, and
    /// `deployments/owner/name` a deployment.
    fn of(model: &'a str) -> Result<Self> {
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let parts: Vec<&str> = model.split('/').collect();
        let is_version = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = match (model.split_once(':'), parts.as_slice()) {
            (Some((_, version)), _) if plain(version) => {
                return Ok(Self { path: "/predictions".to_owned(), version: Some(version) });
            }
            (None, [version]) if is_version(version) => {
                return Ok(Self { path: "/predictions".to_owned(), version: Some(*version) });
            }
            (None, ["deployments", owner, name]) if plain(owner) && plain(name) => {
                format!("/deployments/{owner}/{name}/predictions")
            }
            (None, [owner, name]) if plain(owner) && plain(name) => format!("/models/{owner}/{name}/predictions"),
            _ => {
                let message = format!(
                    "`{model}` is no model of Replicate: `owner/name`, `owner/name:version` or `deployments/owner/name`"
                );
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
        };
        Ok(Self { path, version: None })
    }
}
