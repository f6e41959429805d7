//! The request: one line for each parameter.

use std::sync::Arc;

use http::HeaderValue;
use serde_json::{Map, Value, json};

use super::messages;
use super::reasoning::Reasoning;
use super::tools::{Answer, Tools};
use super::{Anthropic, BETA, Hosting, VERSION};
use crate::chat::{ChatRequest, Message, Params, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ReasoningStyle, Traits, traits};
use crate::provider::conversation::Conversation;
use crate::provider::{Encoded, ProviderSpec, Target, admit, post_json};
use crate::wire::json::Object;

/// The limit of tokens, which Anthropic wants to be told, for a model whose own limit is not known.
const DEFAULT_MAX_TOKENS: u64 = 4096;
/// What is left for the answer where only a budget for reasoning is given.
const ROOM_FOR_ANSWER: u64 = 4096;

pub(super) fn encode(
    provider: &Anthropic,
    request: &ChatRequest,
    target: &Target<'_>,
    stream: bool,
) -> Result<Encoded> {
    let Anthropic { spec, hosting } = provider;
    let draft = Draft::new(spec, *hosting, &request.messages, &request.params, target, stream)?;
    draft.hosted()?.post(&url(spec, target.base_url))
}

/// A body, and what else is known of the request that it makes.
pub(in crate::provider) struct Draft<'a> {
    spec: &'a ProviderSpec,
    hosting: Hosting,
    pub(in crate::provider) body: Object,
    files: bool,
    pub(in crate::provider) warnings: Vec<Warning>,
}

impl<'a> Draft<'a> {
    pub(in crate::provider) fn new(
        spec: &'a ProviderSpec,
        hosting: Hosting,
        messages: &[Message],
        params: &Params,
        target: &Target<'_>,
        stream: bool,
    ) -> Result<Self> {
        let mut warnings = Vec::new();
        let mut known = traits(target.known_as());
        if hosting.no_schema {
            Arc::make_mut(&mut known).native_schema = Some(false);
        }
        let supports = |name: &str| supports(spec, &known, params, name);
        let params = admit(params, &spec.name, supports, &mut warnings)?;
        let conversation =
            messages::conversation(messages, &spec.name, known.late_system == Some(true), &mut warnings)?;
        let files = messages::has_files(&conversation);
        let body = body(spec, &known, conversation, &params, target.model, stream, &mut warnings)?;
        Ok(Self { spec, hosting, body, files, warnings })
    }

    /// The beta features that it uses.
    pub(in crate::provider) fn betas(&self) -> Vec<&'static str> {
        betas(&self.body, self.files)
    }

    /// A body that is written already.
    pub(super) fn raw(spec: &'a ProviderSpec, hosting: Hosting, body: Object, files: bool) -> Self {
        Self { spec, hosting, body, files, warnings: Vec::new() }
    }

    /// With the version and without the model, where its host wants them so.
    pub(super) fn hosted(mut self) -> Result<Self> {
        self.body.set_some("anthropic_version", self.hosting.version)?;
        if self.hosting.model_in_address {
            self.body.remove("model");
        }
        Ok(self)
    }

    /// The request to this address.
    pub(super) fn post(self, url: &str) -> Result<Encoded> {
        let mut request = post_json(url, self.body.to_bytes())?;
        let headers = request.headers_mut();
        let Self { spec, hosting, .. } = &self;
        if hosting.version.is_none()
            && !spec.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(VERSION.as_str()))
        {
            headers.insert(VERSION, HeaderValue::from_static("2023-06-01"));
        }
        let betas = self.betas();
        if !betas.is_empty() {
            headers.insert(
                BETA,
                HeaderValue::try_from(betas.join(",")).map_err(|source| {
                    Error::new(ErrorKind::Configuration, "`anthropic-beta` cannot be a header").with_source(source)
                })?,
            );
        }
        Ok(Encoded { request, warnings: self.warnings })
    }
}

/// The address: a base may end at the host, at the version or at the path itself.
pub(super) fn url(spec: &ProviderSpec, base: &str) -> String {
    match &spec.chat_path {
        Some(path) => format!("{base}{path}"),
        None if base.ends_with("/v1/messages") => base.to_owned(),
        None if base.ends_with("/v1") => format!("{base}/messages"),
        None => format!("{base}/v1/messages"),
    }
}

fn supports(spec: &ProviderSpec, known: &Traits, params: &Params, name: &str) -> bool {
    let sampling = known.sampling != Some(false);
    let supported = match name {
        // Models that sample in their own way still take the values that change nothing.
        "temperature" => sampling || params.temperature == Some(1.0),
        "top_p" => sampling || params.top_p.is_some_and(|share| share >= 0.99),
        "reasoning_effort" | "thinking" => known.reasoning != Some(ReasoningStyle::None),
        "service_tier" => params.service_tier.as_deref().and_then(service_tier).is_some(),
        "stop"
        | "max_tokens"
        | "max_completion_tokens"
        | "user"
        | "response_format"
        | "tools"
        | "tool_choice"
        | "parallel_tool_calls"
        | "web_search_options"
        | "stream_options" => true,
        _ => false,
    };
    supported && !spec.quirks.unsupported.iter().any(|refused| refused == name)
}

/// Anthropic's word for OpenAI's tier. `priority` and `flex` are no words of a request: who has bought priority gets
/// it by `auto`. Source: <https://platform.claude.com/docs/en/api/service-tiers>.
fn service_tier(tier: &str) -> Option<&'static str> {
    match tier {
        "auto" => Some("auto"),
        "default" | "standard_only" => Some("standard_only"),
        _ => None,
    }
}

fn body(
    spec: &ProviderSpec,
    known: &Traits,
    conversation: Conversation,
    params: &Params,
    model: &str,
    stream: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Object> {
    let reasoning = Reasoning::new(params, known, &spec.name, warnings)?;
    let answer = Answer::new(params, known, &spec.name)?;
    let tools = Tools::new(params, known, &answer, reasoning.is_on(), &spec.name, warnings)?;
    let mut body = Object::new();
    body.set("model", model)?;
    body.set("max_tokens", &max_tokens(params, known, reasoning.budget))?;
    body.set_some("system", (!conversation.system.is_empty()).then_some(&conversation.system))?;
    body.set("messages", &conversation.turns)?;
    body.set_some("temperature", params.temperature.as_ref())?;
    body.set_some("top_p", params.top_p.as_ref())?;
    body.set_some("stop_sequences", stop_sequences(params, warnings).as_ref())?;
    body.set_some("metadata", metadata(params, warnings).as_ref())?;
    body.set_some("tools", (!tools.tools.is_empty()).then_some(&tools.tools))?;
    body.set_some("tool_choice", tools.choice.as_ref())?;
    body.set_some("mcp_servers", (!tools.servers.is_empty()).then_some(&tools.servers))?;
    body.set_some("thinking", reasoning.thinking.as_ref())?;
    body.set_some("output_config", output_config(reasoning.effort, &answer).as_ref())?;
    body.set_some("service_tier", params.service_tier.as_deref().map(|tier| service_tier(tier).unwrap_or(tier)))?;
    let own: Map<String, Value> = params.extra.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    body.merge(&own.into_iter().filter(|(name, _)| name != "metadata").collect())?;
    if !params.allowed_openai_params.is_empty() {
        let all = serde_json::to_value(params).unwrap_or_default();
        for name in params.allowed_openai_params.iter().filter(|name| !supports(spec, known, params, name)) {
            body.set_some(name.clone(), all.get(name))?;
        }
    }
    if stream {
        body.set("stream", &true)?;
    }
    body.merge(&params.extra_body)?;
    Ok(body)
}

/// As the caller says; else so much that a given budget leaves room for an answer; else what the model can.
fn max_tokens(params: &Params, known: &Traits, budget: Option<u64>) -> u64 {
    let most = known.max_output_tokens;
    let roomy = budget.map(|budget| budget.saturating_add(ROOM_FOR_ANSWER).min(most.unwrap_or(u64::MAX)));
    params.token_limit().or(roomy).or(most).unwrap_or(DEFAULT_MAX_TOKENS)
}

/// Anthropic refuses a stop text that is only white space.
fn stop_sequences(params: &Params, warnings: &mut Vec<Warning>) -> Option<Vec<String>> {
    let given = params.stop.as_ref()?.as_slice();
    let kept: Vec<String> = given.iter().filter(|text| !text.trim().is_empty()).cloned().collect();
    if kept.len() < given.len() {
        warnings.push(Warning::new("stop", "white space left out: Anthropic takes no stop text without words"));
    }
    (!kept.is_empty()).then_some(kept)
}

/// The caller's id of its user. Anthropic asks that it identifies nobody: an address or a number to call is left out.
fn metadata(params: &Params, warnings: &mut Vec<Warning>) -> Option<Value> {
    let given = params.extra.get("metadata");
    if given.and_then(Value::as_object).is_some_and(|fields| fields.keys().any(|name| name != "user_id")) {
        warnings.push(Warning::new("metadata", "left out but for `user_id`: Anthropic takes nothing else"));
    }
    let from_metadata = || given?.get("user_id")?.as_str();
    let user = params.user.as_deref().or_else(from_metadata)?;
    if is_personal(user) {
        warnings.push(Warning::new("user", "left out: it looks like an e-mail address or a phone number"));
        return None;
    }
    Some(json!({"user_id": user}))
}

fn is_personal(user: &str) -> bool {
    let mail = user.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.split_once('.').is_some_and(|(name, top)| !name.is_empty() && !top.is_empty())
    });
    let digits = user.chars().filter(char::is_ascii_digit).count();
    let phone = (7..=15).contains(&digits)
        && user.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '+' | '-' | ' ' | '(' | ')' | '.'));
    mail || phone
}

/// `output_config.format` replaces the older `output_format`, which needs a beta header.
/// Source: <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>.
fn output_config(effort: Option<String>, answer: &Answer) -> Option<Value> {
    let mut config = Map::new();
    if let Some(effort) = effort {
        config.insert("effort".to_owned(), effort.into());
    }
    if let Answer::Native(schema) = answer {
        config.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
    }
    (!config.is_empty()).then(|| config.into())
}

/// The beta features that a body uses: what is in Anthropic's beta description of a request and not in the general
/// one. Sources: both descriptions in its OpenAPI document, and the pages of each feature.
fn betas(body: &Object, files: bool) -> Vec<&'static str> {
    let member = |name: &str| body.get(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let mut betas = Vec::new();
    let mut need = |beta, condition: bool| {
        if condition && !betas.contains(&beta) {
            betas.push(beta);
        }
    };
    need("files-api-2025-04-14", files);
    let tools = member("tools").unwrap_or_default();
    let kinds = || tools.as_array().into_iter().flatten().filter_map(|tool| tool.get("type")?.as_str());
    let toolsets = kinds().any(|kind| kind == "mcp_toolset");
    need("mcp-client-2025-11-20", toolsets);
    need("mcp-client-2025-04-04", body.contains("mcp_servers") && !toolsets);
    for kind in kinds() {
        need("computer-use-2024-10-22", kind.ends_with("_20241022"));
        need("computer-use-2025-01-24", kind == "computer_20250124");
        need("computer-use-2025-11-24", kind == "computer_20251124");
        need("advisor-tool-2026-03-01", kind == "advisor_20260301");
    }
    if let Some(management) = member("context_management") {
        let edits = management.get("edits").and_then(Value::as_array);
        let compacts = |edit: &&Value| edit.get("type").is_some_and(|kind| kind == "compact_20260112");
        let compacting = edits.into_iter().flatten().filter(compacts).count();
        need("compact-2026-01-12", compacting > 0);
        need("context-management-2025-06-27", edits.is_none_or(|edits| edits.len() > compacting));
    }
    need("skills-2025-10-02", member("container").is_some_and(|container| container.get("skills").is_some()));
    need("fast-mode-2026-02-01", member("speed").is_some_and(|speed| speed == "fast"));
    let task_budget = member("output_config").is_some_and(|config| config.get("task_budget").is_some());
    need("task-budgets-2026-03-13", task_budget);
    betas
}
