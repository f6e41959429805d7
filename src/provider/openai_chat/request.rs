//! The request: one line for each parameter, and where the row departs from OpenAI's.

use std::sync::Arc;

use serde_json::{Value, json};

use super::messages::{self, Messages};
use super::reasoning;
use crate::chat::{ChatRequest, Params, ResponseFormat, Tool, ToolChoice, Warning, user};
use crate::error::{Error, Result};
use crate::model::Traits;
use crate::provider::params::{leave_out_cache_markers, refused_by_model};
use crate::provider::{
    Encoded, Hook, ProviderSpec, Quirks, Target, TokenLimit, ToolChoices, WebSearch, admit, post_json,
};
use crate::wire::json::Object;

/// What is asked in the place of `tool_choice: "required"`, in the words that Moonshot's own guide proposes.
const ASK_FOR_TOOL: &str = "Please select a tool to handle the current issue.";

pub(super) fn encode(
    spec: &ProviderSpec,
    request: &ChatRequest,
    target: &Target<'_>,
    known: Arc<Traits>,
    stream: bool,
) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let supported = |name: &str| supports(spec, &known, &request.params, name);
    let params = admit(&request.params, &spec.name, supported, &mut warnings)?;
    if !spec.quirks.cache_control {
        leave_out_cache_markers(request, &spec.name, &mut warnings);
    }
    let mut out = Encoding { spec, known, params: &params, body: Object::new(), warnings };
    out.model(target.model)?;
    out.messages(request)?;
    out.sampling()?;
    out.tools()?;
    reasoning::write(&mut out)?;
    out.others()?;
    if stream {
        out.stream()?;
    }
    out.body.merge(&spec.quirks.body)?;
    out.body.merge(&params.extra_body)?;
    let own = if lacks_version(spec, target) { "/v1/chat/completions" } else { "/chat/completions" };
    let path = spec.chat_path.as_deref().unwrap_or(own);
    let request = post_json(&[target.base_url, path].concat(), out.body.to_bytes())?;
    Ok(Encoded { request, warnings: out.warnings })
}

/// Whether the address is that of a server whose version is still to be said.
pub(super) fn lacks_version(spec: &ProviderSpec, target: &Target<'_>) -> bool {
    spec.quirks.hooks.contains(&Hook::VersionInPath) && !target.base_url.ends_with("/v1")
}

/// Everything but what the row, or the model, refuses.
pub(super) fn supports(spec: &ProviderSpec, known: &Traits, params: &Params, name: &str) -> bool {
    let quirks = &spec.quirks;
    if quirks.unsupported.iter().any(|refused| refused == name) {
        return false;
    }
    match name {
        // Models that sample in their own way still take the values that change nothing.
        "temperature" if params.temperature == Some(1.0) => true,
        "top_p" if params.top_p == Some(1.0) => true,
        _ if refused_by_model(known, params, name) && !reasoning::is_own_server(spec) => false,
        "reasoning_effort" => reasoning::is_possible(spec, known),
        "thinking" => reasoning::is_possible(spec, known) && reasoning::takes_thinking(spec, known),
        "web_search_options" if quirks.web_search == WebSearch::BrowserSearch => known.hosted_search != Some(false),
        _ => true,
    }
}

/// A request on its way into the provider's form.
pub(super) struct Encoding<'a> {
    pub(super) spec: &'a ProviderSpec,
    pub(super) known: Arc<Traits>,
    pub(super) params: &'a Params,
    pub(super) body: Object,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Encoding<'a> {
    pub(super) fn quirks(&self) -> &'a Quirks {
        &self.spec.quirks
    }

    /// Something of a parameter that the provider cannot express: an error, or with `drop_params` a warning.
    pub(super) fn refuse(&mut self, parameter: &'static str, what: &str) -> Result<()> {
        if !self.params.drop_params {
            return Err(Error::unsupported(what, &self.spec.name));
        }
        self.warnings.push(Warning::new(parameter, format!("dropped: {} does not support `{what}`", self.spec.name)));
        Ok(())
    }

    fn model(&mut self, model: &str) -> Result<()> {
        if let Some((provider, rest)) = model.split_once('/')
            && self.quirks().hooks.contains(&Hook::ProviderBehindModel)
            && rest.matches('/').count() == 1
        {
            self.body.set("model", &format!("{rest}:{provider}"))?;
            return Ok(());
        }
        if let Some(form) = self.quirks().dotted_model.as_deref().filter(|_| !model.contains('/'))
            && let Some((owner, rest)) = model.split_once('.')
            && let Some((app, name)) = rest.split_once('.')
        {
            let called = form.replace("{owner}", owner).replace("{app}", app).replace("{model}", name);
            self.body.set("model", &called)?;
            return Ok(());
        }
        match self.quirks().model_prefix.as_deref().filter(|_| !model.contains('/')) {
            Some(prefix) => self.body.set("model", &format!("{prefix}{model}"))?,
            None => self.body.set("model", model)?,
        };
        Ok(())
    }

    fn messages(&mut self, request: &ChatRequest) -> Result<()> {
        let (spec, quirks) = (self.spec, self.quirks());
        if let Some(kind) = messages::foreign_content(&request.messages, quirks) {
            self.refuse("messages", kind)?;
        }
        if quirks.no_names && request.messages.iter().any(messages::has_speaker) {
            self.warnings.push(Warning::new("name", format!("dropped: {} knows no names of speakers", spec.name)));
        }
        let asks =
            quirks.tool_choice == ToolChoices::AskForRequired && self.params.tool_choice == Some(ToolChoice::Required);
        let question = asks.then(|| user(ASK_FOR_TOOL));
        let moved = quirks.text_results.then(|| messages::media_behind_results(&request.messages)).flatten();
        if moved.is_some() {
            let message = "what a tool gave beside text follows as the user's: results are text there";
            self.warnings.push(Warning::new("messages", message));
        }
        let all = moved.as_ref().unwrap_or(&request.messages).iter().chain(&question);
        let reasoned =
            quirks.hooks.contains(&Hook::CallsTellReasoning) && reasoning::is_on(spec, &self.known, self.params);
        self.body.set("messages", &Messages { messages: all, spec, reasoned })?;
        Ok(())
    }

    fn sampling(&mut self) -> Result<()> {
        let (params, quirks) = (self.params, self.quirks());
        let highest = quirks.max_temperature.unwrap_or(f64::INFINITY);
        let temperature = params.temperature.map(|given| given.min(highest));
        if temperature != params.temperature {
            self.warnings.push(Warning::new("temperature", format!("lowered to {highest}, the highest there is")));
        }
        let body = &mut self.body;
        body.set_some("temperature", temperature.as_ref())?;
        body.set_some("top_p", params.top_p.as_ref())?;
        body.set_some("n", params.n.as_ref())?;
        body.set_some("stop", params.stop.as_ref())?;
        token_limit(body, quirks, &self.known, params)?;
        body.set_some("presence_penalty", params.presence_penalty.as_ref())?;
        body.set_some("frequency_penalty", params.frequency_penalty.as_ref())?;
        body.set_some("logit_bias", params.logit_bias.as_ref())?;
        body.set_some("seed", params.seed.as_ref())?;
        match (quirks.counted_logprobs, params.logprobs, params.top_logprobs) {
            (true, None, None) => {}
            (true, Some(false), _) => {
                body.set("logprobs", &0)?;
            }
            // The chosen token is among those that are counted.
            (true, _, most) => {
                body.set("logprobs", &most.unwrap_or(1).max(1))?;
            }
            (false, logprobs, most) => {
                body.set_some("logprobs", logprobs.as_ref())?;
                body.set_some("top_logprobs", most.as_ref())?;
            }
        }
        body.set_some("user", params.user.as_ref())?;
        match &params.response_format {
            Some(ResponseFormat::JsonSchema(_)) if quirks.no_json_schema => {
                self.refuse("response_format", "response_format: json_schema")?;
            }
            format => {
                body.set_some("response_format", format.as_ref())?;
            }
        }
        Ok(())
    }

    fn tools(&mut self) -> Result<()> {
        let (params, quirks) = (self.params, self.quirks());
        let search = params.web_search_options.as_ref();
        let mut tools: Vec<Tool> = params.tools.iter().flatten().map(|tool| written(tool, quirks)).collect();
        match quirks.web_search {
            WebSearch::Options | WebSearch::Responses => {
                self.body.set_some("web_search_options", search)?;
            }
            WebSearch::BrowserSearch => {
                tools.extend(search.map(|_| Tool::Native(json!({"type": "browser_search"}))));
            }
        }
        self.body.set_some("tools", (!tools.is_empty()).then_some(&tools))?;
        self.tool_choice()?;
        self.body.set_some("parallel_tool_calls", params.parallel_tool_calls.as_ref())?;
        self.body.set_some("functions", params.functions.as_ref())?;
        self.body.set_some("function_call", params.function_call.as_ref())?;
        Ok(())
    }

    fn tool_choice(&mut self) -> Result<()> {
        let Some(choice) = &self.params.tool_choice else { return Ok(()) };
        match (self.quirks().tool_choice, choice) {
            (ToolChoices::AnyForRequired, ToolChoice::Required) => {
                self.body.set("tool_choice", "any")?;
            }
            (ToolChoices::AutoOrNone, ToolChoice::Required) => self.refuse("tool_choice", "tool_choice: required")?,
            (ToolChoices::AutoOrNone, ToolChoice::Function(_)) => {
                self.refuse("tool_choice", "tool_choice: one tool by name")?;
            }
            (ToolChoices::AskForRequired, ToolChoice::Required) => {
                let message = "asked for in a message of the user: the provider has no `required`";
                self.warnings.push(Warning::new("tool_choice", message));
            }
            _ => {
                self.body.set("tool_choice", choice)?;
            }
        }
        Ok(())
    }

    fn others(&mut self) -> Result<()> {
        let (params, body) = (self.params, &mut self.body);
        body.set_some("modalities", params.modalities.as_ref())?;
        body.set_some("audio", params.audio.as_ref())?;
        body.set_some("prediction", params.prediction.as_ref())?;
        body.set_some("service_tier", params.service_tier.as_ref())?;
        body.set_some("store", params.store.as_ref())?;
        body.set_some("prompt_cache_key", params.prompt_cache_key.as_ref())?;
        body.set_some("prompt_cache_retention", params.prompt_cache_retention.as_ref())?;
        body.set_some("safety_identifier", params.safety_identifier.as_ref())?;
        body.set_some("verbosity", params.verbosity.as_ref())?;
        for (name, value) in params.extra.iter() {
            body.set(name.clone(), value)?;
        }
        for (name, own) in &self.spec.quirks.renamed {
            body.rename(name, own.clone());
        }
        Ok(())
    }

    fn stream(&mut self) -> Result<()> {
        self.body.set("stream", &true)?;
        if !self.quirks().no_stream_options {
            let usage = || json!({"include_usage": true});
            let options: Value = self.params.stream_options.clone().unwrap_or_else(usage);
            self.body.set("stream_options", &options)?;
        }
        Ok(())
    }
}

/// The limit of tokens, by the name that the provider and the model know it.
fn token_limit(body: &mut Object, quirks: &Quirks, known: &Traits, params: &Params) -> Result<()> {
    let new_name = match quirks.token_limit {
        TokenLimit::MaxTokens => Some(false),
        TokenLimit::MaxCompletionTokens => Some(true),
        TokenLimit::AsGiven => known.max_completion_tokens.filter(|new| *new),
    };
    let name = |new| if new { "max_completion_tokens" } else { "max_tokens" };
    match new_name {
        Some(new) => body.set_some(name(new), params.token_limit().as_ref())?,
        None => {
            body.set_some(name(false), params.max_tokens.as_ref())?;
            body.set_some(name(true), params.max_completion_tokens.as_ref())?
        }
    };
    Ok(())
}

/// A tool without what the provider does not know.
fn written(tool: &Tool, quirks: &Quirks) -> Tool {
    let mut tool = tool.clone();
    if let Tool::Function { cache_control, strict, .. } = &mut tool {
        if !quirks.cache_control {
            *cache_control = None;
        }
        if quirks.no_strict {
            *strict = None;
        }
    }
    tool
}
