//! SAP's Generative AI Hub: OpenAI's chat completions inside a configuration of its orchestration service.
//!
//! Source: SAP's Python SDK (sap-ai-sdk-gen 7.4.1, `orchestration_v2`) and
//! <https://help.sap.com/docs/sap-ai-core/generative-ai/orchestration-workflow-v2>. The orchestration's other modules
//! (filtering, masking, grounding, translation) are given as `extra_body`, which is laid over the whole body. In a text,
//! `{{?name}}` stands for one of `placeholder_values`: that is the service's own, and nothing here takes it out.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::openai_chat::OpenAiChat;
use super::{
    Chat, ChatCodec, Codec, Encoded, EventDecoder, Flow, ListModels, ModelPage, Progress, Provider, ProviderSpec,
    Queue, StreamDecoder, Target, models, post_json, setting,
};
use crate::chat::{ChatRequest, ToolChoice};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::json::Object;
use crate::wire::{Frame, Framer};

/// Members of a chat completion that are not parameters of the model.
const OF_THE_PROMPT: [&str; 3] = ["messages", "tools", "response_format"];
/// Parameters of the service itself, which stand at the top.
const OF_THE_SERVICE: [&str; 2] = ["placeholder_values", "messages_history"];

/// SAP's Generative AI Hub.
#[derive(Debug)]
pub struct Sap {
    chat: OpenAiChat,
}

impl Sap {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { chat: OpenAiChat::new(spec) }
    }

    fn sent(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let mut inner = request.clone();
        let over = std::mem::take(&mut inner.params.extra_body);
        match inner.params.tool_choice {
            Some(ToolChoice::Auto) => inner.params.tool_choice = None,
            Some(ToolChoice::None) => (inner.params.tool_choice, inner.params.tools) = (None, None),
            _ => {}
        }
        let encoded = Codec::<Chat>::encode(&self.chat, &inner, target)?;
        let mut chat: Map<String, Value> = serde_json::from_slice(encoded.request.body()).unwrap_or_default();
        let mut body = Object::new();
        let (name, version) = model(target.model);
        let mut model = json!({"name": name, "version": version});
        let mut prompt = Map::new();
        for (theirs, ours) in [("template", "messages"), ("tools", "tools"), ("response_format", "response_format")] {
            debug_assert!(OF_THE_PROMPT.contains(&ours));
            prompt.extend(chat.shift_remove(ours).map(|value| (theirs.to_owned(), value)));
        }
        chat.shift_remove("model");
        let service: Vec<_> =
            OF_THE_SERVICE.iter().filter_map(|name| Some((*name, chat.shift_remove(*name)?))).collect();
        if let (Some(fields), false) = (model.as_object_mut(), chat.is_empty()) {
            fields.insert("params".to_owned(), chat.into());
        }
        let modules = json!({"prompt_templating": {"prompt": prompt, "model": model}});
        let mut config = json!({"modules": modules});
        if let (Some(fields), true) = (config.as_object_mut(), stream) {
            fields.insert("stream".to_owned(), json!({"enabled": true}));
        }
        body.set("config", &config)?;
        for (name, value) in service {
            body.set(name, &value)?;
        }
        body.merge(&over)?;
        let url = format!("{}/v2/completion", target.base_url);
        Ok(Encoded { request: post_json(&url, body.to_bytes())?, warnings: encoded.warnings })
    }
}

/// A model's name, which may have a version behind a colon.
fn model(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or((name, "latest"))
}

impl Provider for Sap {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    /// The address of the deployment of the orchestration, which the credentials find.
    fn base_url(&self, settings: &[(String, String)]) -> Option<String> {
        setting(settings, "deployment_url").map(str::to_owned)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }
}

impl Codec<Chat> for Sap {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.sent(request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        let inside = serde_json::from_slice::<Answer<'_>>(response.body()).ok().and_then(|answer| answer.final_result);
        let Some(inside) = inside else { return Codec::<Chat>::decode(&self.chat, request, response) };
        let mut inner = Response::new(Bytes::from(plain(inside.get())));
        *inner.status_mut() = response.status();
        Codec::<Chat>::decode(&self.chat, request, &inner)
    }
}

/// The list of foundation models, `GET /lm/scenarios/foundation-models/models` of AI Core, whose address is that of the
/// deployment up to `/inference`.
///
/// Source: SAP's JavaScript SDK (`@sap-ai-sdk/ai-api` 2.10.0, `ScenarioApi.scenarioQueryModels`).
impl Codec<ListModels> for Sap {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let base = target.base_url.split("/inference/deployments/").next().unwrap_or(target.base_url);
        models::get(&format!("{base}/lm/scenarios/foundation-models/models"))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::page(response, "resources", "model", |_| None).map(Progress::Done)
    }
}

impl ChatCodec for Sap {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.sent(request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::sse(), Events(self.chat.stream_decoder(request).into_events()))
    }
}

/// What the service answers, around what the model did.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default, borrow)]
    final_result: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

/// A stream of chat-completion chunks, each inside an answer of the service.
struct Events(Box<dyn EventDecoder>);

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.data == b"[DONE]" {
            return self.0.event(frame, queue);
        }
        let answer: Answer<'_> = serde_json::from_slice(frame.data).map_err(|source| {
            Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not one of SAP's orchestration")
                .with_body(Bytes::copy_from_slice(frame.data))
                .with_source(source)
        })?;
        if answer.error.is_some_and(|error| error.get() != "null") {
            return self.0.event(frame, queue);
        }
        match answer.final_result.filter(|inside| inside.get() != "null") {
            Some(inside) => self.0.event(Frame { data: plain(inside.get()).as_bytes(), ..frame }, queue),
            None => Ok(Flow::More),
        }
    }
}

/// Reasoning is a list of blocks there: its words become one text, as everywhere else.
fn plain(json: &str) -> String {
    if !json.contains("\"reasoning_content\"") {
        return json.to_owned();
    }
    let mut reply: Value = serde_json::from_str(json).unwrap_or_default();
    for choice in reply.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
        for place in ["message", "delta"] {
            let Some(field) = choice.get_mut(place).and_then(|said| said.get_mut("reasoning_content")) else {
                continue;
            };
            if let Value::Array(blocks) = &*field {
                let words = blocks.iter().filter_map(|block| block.get("content")?.as_str());
                *field = words.collect::<String>().into();
            }
        }
    }
    reply.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ChatResponse;
    use crate::provider::Registry;
    use crate::provider::tests::{decode_pieces, sum};

    fn sap() -> &'static dyn Provider {
        Registry::table().get("sap").unwrap().as_ref()
    }

    fn sent(params: Value, stream: bool) -> Result<(String, Value)> {
        let mut fields = json!({"model": "gpt-4o:2024-08-06", "messages": [{"role": "user", "content": "Hi"}]});
        fields.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        let mut request: ChatRequest = serde_json::from_value(fields).unwrap();
        if let Some(Value::Object(over)) = request.params.extra.remove("extra_body") {
            request.params.extra_body = over;
        }
        let target = Target::new(&request.model, "https://ai.example/v2/inference/deployments/d1");
        let codec = sap().chat().unwrap();
        let encoded = if stream { codec.encode_stream(&request, &target) } else { codec.encode(&request, &target) }?;
        Ok((encoded.request.uri().to_string(), serde_json::from_slice(encoded.request.body()).unwrap()))
    }

    #[test]
    fn a_chat_is_a_template_and_a_model_with_its_parameters() {
        let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
        let filter = json!({"config": {"modules": {"masking": {"providers": []}}}});
        let params = json!({"temperature": 0.5, "tools": tools, "tool_choice": "auto", "placeholder_values": {"a": "b"}, "extra_body": filter});
        let (url, body) = sent(params, false).unwrap();
        assert_eq!(url, "https://ai.example/v2/inference/deployments/d1/v2/completion");
        let prompt = json!({"template": [{"role": "user", "content": "Hi"}], "tools": tools});
        let model = json!({"name": "gpt-4o", "version": "2024-08-06", "params": {"temperature": 0.5}});
        let modules = json!({"prompt_templating": {"prompt": prompt, "model": model}, "masking": {"providers": []}});
        assert_eq!(body, json!({"config": {"modules": modules}, "placeholder_values": {"a": "b"}}));
        let (_, body) = sent(json!({}), true).unwrap();
        assert_eq!(body["config"]["stream"], json!({"enabled": true}));
        assert_eq!(
            sent(json!({"tools": tools, "tool_choice": "required"}), false).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }

    #[test]
    fn a_reply_is_read_out_of_the_services_answer() {
        let reasoning = json!([{"content": "H", "signature": "s"}, {"content": "m.", "signature": "s"}]);
        let message = json!({"role": "assistant", "content": "Hi", "reasoning_content": reasoning});
        let inside = json!({"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}});
        let body = json!({"request_id": "r", "intermediate_results": {"llm": inside}, "final_result": inside});
        let decoded =
            sap().chat().unwrap().decode(&ChatRequest::default(), &Response::new(Bytes::from(body.to_string())));
        let Ok(Progress::Done(reply)) = decoded else { panic!("{decoded:?}") };
        assert_eq!((reply.text().as_str(), reply.reasoning().as_str()), ("Hi", "Hm."));
        assert_eq!((reply.model.as_str(), reply.usage.unwrap().total_tokens), ("gpt-4o", 5));
    }

    fn streamed(events: &[Value]) -> (ChatResponse, Result<()>) {
        let lines = events.iter().map(|event| format!("data: {event}\n\n"));
        let text: String = lines.chain(["data: [DONE]\n\n".to_owned()]).collect();
        let (chunks, ended) = decode_pieces(sap().chat().unwrap(), &ChatRequest::default(), [text.as_bytes()]);
        (sum(chunks), ended)
    }

    #[test]
    fn a_stream_is_read_out_of_the_services_answers() {
        let chunk = |delta: Value, end: Value| json!({"request_id": "r", "final_result": {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}});
        let (reply, ended) = streamed(&[
            json!({"request_id": "r", "intermediate_results": {"templating": []}, "final_result": null}),
            chunk(
                json!({"role": "assistant", "content": "", "reasoning_content": [{"content": "Hm.", "signature": ""}]}),
                Value::Null,
            ),
            chunk(json!({"content": "Hi"}), Value::Null),
            chunk(json!({"content": ""}), json!("stop")),
        ]);
        ended.unwrap();
        assert_eq!((reply.text().as_str(), reply.reasoning().as_str()), ("Hi", "Hm."));
        let failure =
            json!({"error": {"code": 400, "message": "filtered", "location": "Filtering Module", "request_id": "r"}});
        let (_, ended) = streamed(std::slice::from_ref(&failure));
        assert_eq!(ended.unwrap_err().message(), "filtered");
        let response = Response::builder().status(400).body(Bytes::from(failure.to_string())).unwrap();
        assert_eq!(sap().decode_error(&response).message(), "filtered");
    }
}
