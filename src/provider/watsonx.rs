//! IBM watsonx.ai: OpenAI's chat completions under other names, of a model in a project or of a deployment.
//!
//! Source: <https://cloud.ibm.com/apidocs/watsonx-ai#text-chat>, IBM's Python SDK (ibm-watsonx-ai 1.8.1,
//! `foundation_models/schema` and `href_definitions.py`), and recordings.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value};

use super::openai_chat::OpenAiChat;
use super::{
    Chat, ChatCodec, Codec, Encoded, ListModels, ModelPage, Progress, Provider, ProviderSpec, StreamDecoder, Target,
    models, post_json,
};
use crate::chat::ChatRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::escaped;
use crate::wire::json::Object;

/// The version of the API, a date, where the caller says none.
const VERSION: &str = "2025-02-27";
/// What stands before the id of a deployment, in the place of a model.
const DEPLOYMENT: &str = "deployment/";

/// IBM watsonx.ai.
#[derive(Debug)]
pub struct Watsonx {
    chat: OpenAiChat,
}

impl Watsonx {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { chat: OpenAiChat::new(spec) }
    }
}

impl Provider for Watsonx {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }
}

impl Codec<Chat> for Watsonx {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        addressed(Codec::<Chat>::encode(&self.chat, request, target)?, target, "chat")
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.chat, request, response)
    }
}

/// The list of foundation models: `GET /ml/v1/foundation_model_specs`, two hundred at a time, of which the reply names
/// the next page by its address. Deployments are not among them.
///
/// Source: <https://cloud.ibm.com/apidocs/watsonx-ai#list-foundation-model-specs>, and a recording
/// (`watsonx/models.basic.*`).
impl Codec<ListModels> for Watsonx {
    fn encode(&self, page: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        // The mark is a part of an address, and escaped as such.
        let after = page.after.as_deref().map(|mark| format!("&start={mark}"));
        let after = after.unwrap_or_default();
        models::get(&format!("{}&limit=200{after}", at(target, "foundation_model_specs")))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        let next = |body: &Map<String, Value>| {
            let (_, query) = body.get("next")?.get("href")?.as_str()?.split_once('?')?;
            query.split('&').find_map(|pair| pair.strip_prefix("start=")).map(str::to_owned)
        };
        models::page(response, "resources", "model_id", next).map(Progress::Done)
    }
}

impl ChatCodec for Watsonx {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        addressed(self.chat.encode_stream(request, target)?, target, "chat_stream")
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.chat.stream_decoder(request)
    }
}

/// A request of chat completions with watsonx's names and address: whether it is a stream is said there.
fn addressed(encoded: Encoded, target: &Target<'_>, what: &str) -> Result<Encoded> {
    let mut body: Object = serde_json::from_slice(encoded.request.body()).unwrap_or_default();
    body.remove("stream");
    if body.get("tool_choice").is_some_and(|choice| choice.get().starts_with('"')) {
        body.rename("tool_choice", "tool_choice_option");
    }
    let place = match target.model.strip_prefix(DEPLOYMENT) {
        Some(deployment) => {
            body.remove("model");
            format!("deployments/{}/", escaped(deployment))
        }
        None => {
            body.rename("model", "model_id");
            scope(&mut body, target)?;
            String::new()
        }
    };
    let url = at(target, &format!("{place}text/{what}"));
    Ok(Encoded { request: post_json(&url, body.to_bytes())?, warnings: encoded.warnings })
}

/// An address of the API.
fn at(target: &Target<'_>, path: &str) -> String {
    let base = target.base_url.strip_suffix("/ml/v1").unwrap_or(target.base_url);
    format!("{base}/ml/v1/{path}?version={}", target.api_version.unwrap_or(VERSION))
}

/// A model runs for a project or for a space; a deployment knows its own.
fn scope(body: &mut Object, target: &Target<'_>) -> Result<()> {
    let scopes = ["project_id", "space_id"];
    if scopes.iter().any(|name| body.contains(name)) {
        return Ok(());
    }
    let Some((name, id)) = scopes.iter().find_map(|name| Some((*name, target.setting(name)?))) else {
        let message = "watsonx needs a project or a space: set WATSONX_PROJECT_ID or WATSONX_SPACE_ID, or give \
                       `project_id` or `space_id` as a setting";
        return Err(Error::new(ErrorKind::Configuration, message));
    };
    body.set(name, &Value::from(id))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provider::Registry;
    use crate::provider::tests::{decode_pieces, sum};

    fn watsonx() -> &'static dyn Provider {
        Registry::table().get("watsonx").unwrap().as_ref()
    }

    fn sent(model: &str, params: Value, settings: &[(&str, &str)], stream: bool) -> Result<(String, Value)> {
        let mut fields = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        fields.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        let request: ChatRequest = serde_json::from_value(fields).unwrap();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let target = Target { settings: &settings, ..Target::new(model, "https://us-south.ml.cloud.ibm.com") };
        let codec = watsonx().chat().unwrap();
        let encoded = if stream { codec.encode_stream(&request, &target) } else { codec.encode(&request, &target) }?;
        Ok((encoded.request.uri().to_string(), serde_json::from_slice(encoded.request.body()).unwrap()))
    }

    #[test]
    fn a_model_runs_for_a_project_or_a_space() {
        let project = [("space_id", "s"), ("project_id", "p")];
        let (url, body) = sent("ibm/granite", json!({"max_tokens": 5}), &project, false).unwrap();
        assert_eq!(url, "https://us-south.ml.cloud.ibm.com/ml/v1/text/chat?version=2025-02-27");
        let messages = json!([{"role": "user", "content": "Hi"}]);
        let wanted = json!({"model_id": "ibm/granite", "messages": messages, "max_tokens": 5, "project_id": "p"});
        assert_eq!(body, wanted);
        let (_, body) = sent("ibm/granite", json!({}), &project[..1], false).unwrap();
        assert_eq!((body.get("project_id"), &body["space_id"]), (None, &json!("s")));
        let error = sent("ibm/granite", json!({}), &[], false).unwrap_err();
        assert!(error.message().contains("WATSONX_PROJECT_ID"), "{error}");
    }

    #[test]
    fn a_deployment_has_an_address_of_its_own_and_a_stream_another() {
        let (url, body) = sent("deployment/a b", json!({}), &[], true).unwrap();
        let path = "/ml/v1/deployments/a%20b/text/chat_stream?version=2025-02-27";
        assert!(url.ends_with(path), "{url}");
        assert_eq!(body, json!({"messages": [{"role": "user", "content": "Hi"}]}));
    }

    #[test]
    fn a_choice_among_tools_has_two_names() {
        let tools = json!([{"type": "function", "function": {"name": "f"}}]);
        let chosen = |choice: Value| sent("deployment/d", json!({"tools": tools, "tool_choice": choice}), &[], false);
        let (_, body) = chosen(json!("required")).unwrap();
        assert_eq!((&body["tool_choice_option"], body.get("tool_choice")), (&json!("required"), None));
        let named = json!({"type": "function", "function": {"name": "f"}});
        let (_, body) = chosen(named.clone()).unwrap();
        assert_eq!((body.get("tool_choice_option"), &body["tool_choice"]), (None, &named));
    }

    #[test]
    fn a_stream_ends_by_its_reason_and_names_its_model() {
        let events = [
            json!({"id": "c", "model_id": "ibm/granite", "choices": [{"index": 0, "finish_reason": null, "delta": {"role": "assistant", "content": "Hi"}}]}),
            json!({"id": "c", "model_id": "ibm/granite", "choices": [{"index": 0, "finish_reason": "stop", "delta": {"content": ""}}]}),
            json!({"id": "c", "model_id": "ibm/granite", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
        ];
        let text: String = events.iter().map(|event| format!("id: 1\nevent: message\ndata: {event}\n\n")).collect();
        let (chunks, ended) = decode_pieces(watsonx().chat().unwrap(), &ChatRequest::default(), [text.as_bytes()]);
        ended.unwrap();
        let reply = sum(chunks);
        assert_eq!(
            (reply.text().as_str(), reply.model.as_str(), reply.usage.unwrap().total_tokens),
            ("Hi", "ibm/granite", 5)
        );
    }

    #[test]
    fn errors_are_a_list() {
        let body = json!({"errors": [{"code": "model_not_supported", "message": "Model 'x' is not supported"}], "trace": "t", "status_code": 404});
        let response = Response::builder().status(404).body(Bytes::from(body.to_string())).unwrap();
        let error = watsonx().decode_error(&response);
        assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Some("model_not_supported")));
        assert_eq!(error.message(), "Model 'x' is not supported");
    }
}
