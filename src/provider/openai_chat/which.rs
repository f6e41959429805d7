//! Which of its two APIs a provider is asked by, that has the Responses API beside chat completions.
//!
//! Chat completions, unless the caller writes `responses/` before the model, or the model or the request needs the other.
//! A reply says itself which of the two it is.

use memchr::memmem::Finder;
use once_cell::sync::Lazy;
use serde_json::Value;

use super::stream::Events;
use crate::chat::{ChatRequest, Effort, Params, Tool};
use crate::error::Result;
use crate::model::{ResponsesNeed, Traits};
use crate::provider::{EventDecoder, Flow, ProviderSpec, Queue, Target, WebSearch, openai_responses};
use crate::wire::Frame;

/// What stands before a model to have it asked by the Responses API.
const PREFIX: &str = "responses/";

/// Tools that the Responses API runs and chat completions do not know: how their types begin
/// (`Tool` in OpenAI's OpenAPI description).
const HOSTED: [&str; 10] = [
    "web_search",
    "file_search",
    "code_interpreter",
    "computer",
    "mcp",
    "image_generation",
    "local_shell",
    "shell",
    "apply_patch",
    "tool_search",
];

/// By which API a request goes.
pub(super) enum Which<'a> {
    /// Chat completions.
    Chat,
    /// Responses, of this model.
    Responses(&'a str),
}

/// The model's own name.
pub(super) fn bare(model: &str) -> &str {
    model.strip_prefix(PREFIX).unwrap_or(model)
}

pub(super) fn of_request<'a>(
    spec: &ProviderSpec,
    request: &ChatRequest,
    target: &Target<'a>,
    known: &Traits,
) -> Which<'a> {
    if !spec.responses {
        return Which::Chat;
    }
    let params = &request.params;
    let (model, asked) = (target.model, target.model.strip_prefix(PREFIX));
    let searches = params.web_search_options.is_some() && spec.quirks.web_search == WebSearch::Responses;
    let needs = || match known.responses {
        Some(ResponsesNeed::Always) => true,
        Some(ResponsesNeed::WithTools) => calls_functions(params) && params.reasoning_effort != Some(Effort::None),
        None => false,
    };
    if asked.is_some() || searches || has_hosted_tools(params) || wants_summary(params) || needs() {
        return Which::Responses(asked.unwrap_or(model));
    }
    Which::Chat
}

fn calls_functions(params: &Params) -> bool {
    params.tools.iter().flatten().any(|tool| matches!(tool, Tool::Function { .. }))
}

fn has_hosted_tools(params: &Params) -> bool {
    params.tools.iter().flatten().any(|tool| match tool {
        Tool::Native(value) => {
            let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
            HOSTED.iter().any(|hosted| kind.starts_with(hosted))
        }
        Tool::Function { .. } => false,
    })
}

/// Whether reasoning is to be summarised, which chat completions have no word for.
fn wants_summary(params: &Params) -> bool {
    matches!(&params.reasoning_effort, Some(Effort::Detailed(fields))
        if fields.get("summary").is_some_and(|summary| !summary.is_null()))
}

/// Whether a whole reply is a response and not a chat completion: it has a member `"object": "response"`, and none before
/// it that says the other. What a model says cannot look like one, as quotes are escaped in it.
pub(super) fn is_response(body: &[u8]) -> bool {
    for at in NAME.find_iter(body) {
        let rest = body.get(at.saturating_add(NAME.needle().len())..).unwrap_or_default().trim_ascii_start();
        let Some(value) = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else { continue };
        if value.starts_with(b"\"response\"") {
            return true;
        }
        if value.starts_with(b"\"chat.completion\"") {
            return false;
        }
    }
    false
}

/// The name of the member by which a reply says what it is.
static NAME: Lazy<Finder<'static>> = Lazy::new(|| Finder::new(b"\"object\""));

/// Decodes the events of a stream, whose first event says what it is.
pub(super) struct Either {
    chat: Events,
    responses: openai_responses::Events,
    is_response: Option<bool>,
}

impl Either {
    pub(super) fn new(spec: &ProviderSpec) -> Self {
        Self { chat: Events::new(spec), responses: openai_responses::Events::new(spec), is_response: None }
    }
}

impl EventDecoder for Either {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if *self.is_response.get_or_insert_with(|| is_event(frame)) {
            return self.responses.event(frame, queue);
        }
        self.chat.event(frame, queue)
    }
}

/// Whether an event is one of a response: by its name, or by its type.
fn is_event(frame: Frame<'_>) -> bool {
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        #[serde(default, rename = "type", borrow)]
        kind: Option<crate::text::Text<'a>>,
    }
    let named = |name: &str| name.starts_with("response.");
    frame.event.is_some_and(named)
        || serde_json::from_slice::<Kind<'_>>(frame.data).is_ok_and(|kind| kind.kind.as_deref().is_some_and(named))
}

#[cfg(test)]
mod tests {
    use super::is_response;

    #[test]
    fn a_reply_says_itself_which_of_the_two_it_is() {
        for (body, is) in [
            (r#"{"id": "r", "object": "response"}"#, true),
            (r#"{"tools":[{"parameters":{"type":"object","properties":{"object":{}}}}],"object" : "response"}"#, true),
            (r#"{"object": "chat.completion", "choices": []}"#, false),
            (r#"{"object": "chat.completion", "choices": [], "usage": {"object": "response"}}"#, false),
            (r#"{"choices": [{"message": {"content": "say \"object\": \"response\""}}]}"#, false),
            (r#"{"object"#, false),
            ("", false),
        ] {
            assert_eq!(is_response(body.as_bytes()), is, "{body}");
        }
    }
}
