//! Servers that are asked with one small JSON and answer with one text: NLP Cloud, NVIDIA Triton, LangGraph, Langflow.
//!
//! All but NLP Cloud are streamed too, as is told beside the decoders. Of what NLP Cloud streams neither the framing nor
//! the end is documented where one could read it, and its own clients have no streams; so that is refused, and nothing is
//! made up.
//!
//! vLLM's backend of Triton begins a whole answer with the prompt unless it is asked not to, by `exclude_input_in_output`;
//! a streamed one never.

mod stream;

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use super::openai_chat::OpenAiChat;
use super::params::Limits;
use super::prompt::Prompt;
use super::{
    Chat, ChatCodec, Codec, Encoded, Fault, Progress, Provider, ProviderSpec, StreamDecoder, Target, admit,
    not_a_reply, post_json,
};
use crate::chat::{ChatRequest, ChatResponse, Choice, FinishReason, Message, Params, Part, Role, Usage, Warning};
use crate::error::{Error, Result};
use crate::wire::json::Object;
use crate::wire::{Framer, in_path};

/// What such a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// <https://docs.nlpcloud.com/#text-generation>
    NlpCloud,
    /// <https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_generate.html>
    Triton,
    /// <https://docs.langchain.com/langsmith/agent-server-api/stateless-runs/create-run-wait-for-output>, and the server's
    /// own OpenAPI description (langgraph-api 0.16)
    LangGraph,
    /// <https://docs.langflow.org/api-flows-run>
    Langflow,
}

/// A server of this family.
#[derive(Debug)]
pub struct Prompted {
    kind: Kind,
    /// Reads errors, which all of them write in one of the looser forms of OpenAI's.
    errors: OpenAiChat,
}

impl Prompted {
    /// NLP Cloud's text generation.
    #[must_use]
    pub fn nlp_cloud(spec: ProviderSpec) -> Self {
        Self { kind: Kind::NlpCloud, errors: OpenAiChat::new(spec) }
    }

    /// The generate extension of NVIDIA's Triton.
    #[must_use]
    pub fn triton(spec: ProviderSpec) -> Self {
        Self { kind: Kind::Triton, errors: OpenAiChat::new(spec) }
    }

    /// A run of a LangGraph server; the model is the id of an assistant.
    #[must_use]
    pub fn langgraph(spec: ProviderSpec) -> Self {
        Self { kind: Kind::LangGraph, errors: OpenAiChat::new(spec) }
    }

    /// A run of a flow of Langflow; the model is the id of the flow.
    #[must_use]
    pub fn langflow(spec: ProviderSpec) -> Self {
        Self { kind: Kind::Langflow, errors: OpenAiChat::new(spec) }
    }
}

impl Provider for Prompted {
    fn spec(&self) -> &ProviderSpec {
        self.errors.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.errors.decode_error(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }
}

impl Prompted {
    fn request(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let (kind, provider) = (self.kind, self.spec().name.as_ref());
        let mut warnings = Vec::new();
        let params = admit(&request.params, provider, |name| kind.supports(name), &mut warnings)?;
        let mut body = Object::new();
        body.merge(&kind.body(request, &params, target.model, provider, &mut warnings)?)?;
        match kind {
            Kind::Triton => body.set("stream", &stream)?,
            Kind::LangGraph if stream => body.set("stream_mode", &["messages-tuple", "values"])?,
            _ => &mut body,
        };
        for (name, value) in params.extra.iter() {
            body.set(name.clone(), value)?;
        }
        body.merge(&params.extra_body)?;
        let url = format!("{}{}", target.base_url, kind.path(&in_path(target.model), stream));
        Ok(Encoded { request: post_json(&url, body.to_bytes())?, warnings })
    }
}

impl Codec<Chat> for Prompted {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.request(request, target, false)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        let body: Value = serde_json::from_slice(response.body())
            .map_err(|source| not_a_reply(response, "is not JSON").with_source(source))?;
        // A run that failed is told so with a good status.
        if let Some(failed) = body.get("__error__").filter(|_| self.kind == Kind::LangGraph) {
            return Err(fault(failed).with_body(response.body().clone()));
        }
        let answer = self.kind.read(&body).ok_or_else(|| not_a_reply(response, "has no text in it"))?;
        let mut choice = Choice::new(0, Message::new(Role::Assistant, Part::text(answer.text)));
        choice.finish_reason = Some(answer.reason.unwrap_or(FinishReason::Stop));
        Ok(Progress::Done(ChatResponse { choices: vec![choice], usage: answer.usage, ..ChatResponse::default() }))
    }
}

impl ChatCodec for Prompted {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        match self.kind {
            Kind::NlpCloud => Err(Error::unsupported("stream", &self.spec().name)),
            _ => self.request(request, target, true),
        }
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        match self.kind {
            Kind::NlpCloud => self.errors.stream_decoder(request),
            Kind::Triton => StreamDecoder::new(Framer::sse(), stream::Outputs::default()),
            Kind::LangGraph => StreamDecoder::new(Framer::sse(), stream::Run::default()),
            Kind::Langflow => StreamDecoder::new(Framer::lines(), stream::FlowRun::default()),
        }
    }
}

/// What an answer says.
#[derive(Debug, Default)]
struct Answer {
    text: String,
    usage: Option<Usage>,
    /// Why it ended, where the server says it.
    reason: Option<FinishReason>,
}

/// The error that a server tells inside a good reply or a stream: `{"error", "message"}`, the first a word where there is
/// a second, or else the message itself.
fn fault(body: &Value) -> Error {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = ["message", "text", "detail"].iter().find_map(|name| text(name));
    let (code, message) = match message {
        Some(message) => (text("error"), message),
        None => (None, text("error").or_else(|| body.as_str().map(str::to_owned)).unwrap_or_default()),
    };
    Fault { status: None, code, message }.into_error()
}

impl Kind {
    fn supports(self, name: &str) -> bool {
        match self {
            Self::Triton | Self::LangGraph | Self::Langflow if name == "stream_options" => true,
            Self::NlpCloud => matches!(name, "temperature" | "top_p" | "max_tokens" | "max_completion_tokens" | "stop"),
            Self::Triton => {
                matches!(name, "temperature" | "top_p" | "max_tokens" | "max_completion_tokens" | "stop" | "seed")
            }
            Self::LangGraph | Self::Langflow => false,
        }
    }

    fn path(self, model: &str, stream: bool) -> String {
        match self {
            Self::NlpCloud => format!("/{model}/generation"),
            Self::Triton if stream => format!("/v2/models/{model}/generate_stream"),
            Self::LangGraph if stream => "/runs/stream".to_owned(),
            Self::Langflow if stream => format!("/api/v1/run/{model}?stream=true"),
            Self::Triton => format!("/v2/models/{model}/generate"),
            Self::LangGraph => "/runs/wait".to_owned(),
            Self::Langflow => format!("/api/v1/run/{model}"),
        }
    }

    fn body(
        self,
        request: &ChatRequest,
        params: &Params,
        model: &str,
        provider: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Map<String, Value>> {
        let prompt = Prompt::new(
            &request.messages,
            &mut Limits { provider, drop: params.drop_params, warnings: &mut *warnings },
        )?;
        let whole = || match prompt.system.as_str() {
            "" => prompt.text.clone(),
            system => format!("{system}\n\n{}", prompt.text),
        };
        let stop = params.stop.as_ref().map(|stop| stop.as_slice());
        let body = match self {
            Self::NlpCloud => {
                if stop.is_some_and(|stop| stop.len() > 1) {
                    warnings.push(Warning::new("stop", "only the first text was sent"));
                }
                json!({
                    "text": whole(), "remove_input": true, "max_length": params.token_limit(),
                    "temperature": params.temperature, "top_p": params.top_p,
                    "end_sequence": stop.and_then(<[String]>::first),
                })
            }
            Self::Triton => json!({
                "text_input": whole(), "max_tokens": params.token_limit(), "temperature": params.temperature,
                "top_p": params.top_p, "stop_words": stop, "random_seed": params.seed,
            }),
            Self::LangGraph => {
                // A conversation stays one there: nothing has to be flattened.
                warnings.retain(|warning| warning.parameter != "messages");
                let messages: Vec<Value> = request.messages.iter().map(turn).collect();
                json!({"assistant_id": model, "input": {"messages": messages}})
            }
            Self::Langflow => json!({"input_value": whole(), "input_type": "chat", "output_type": "chat"}),
        };
        let Value::Object(mut body) = body else { return Ok(Map::new()) };
        body.retain(|_, value| !value.is_null());
        Ok(body)
    }

    /// What an answer says; of LangGraph it is the last state of a run, of Langflow the result of one.
    fn read(self, body: &Value) -> Option<Answer> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        match self {
            Self::NlpCloud => {
                let usage = used(body, "nb_input_tokens", "nb_generated_tokens");
                Some(Answer { text: text("/generated_text")?, usage, reason: None })
            }
            Self::Triton => {
                let usage = used(body, "num_input_tokens", "num_output_tokens");
                Some(Answer { text: text("/text_output")?, usage, reason: ended(body) })
            }
            Self::LangGraph => {
                let messages = body.get("messages")?.as_array()?;
                let last = messages.iter().rfind(|message| message.get("type").is_some_and(|kind| kind == "ai"))?;
                let usage = last.get("usage_metadata").and_then(|usage| used(usage, "input_tokens", "output_tokens"));
                Some(Answer { text: said(last.get("content")?)?, usage, reason: None })
            }
            Self::Langflow => {
                let places = ["results/message/text", "artifacts/message", "outputs/message/message"];
                let text = places.iter().find_map(|place| text(&format!("/outputs/0/outputs/0/{place}")))?;
                Some(Answer { text, ..Answer::default() })
            }
        }
    }
}

/// The tokens of input and output, where both are told.
fn used(body: &Value, input: &str, output: &str) -> Option<Usage> {
    let count = |name: &str| body.get(name).and_then(Value::as_u64);
    let (input, output) = count(input).zip(count(output))?;
    Some(Usage::new(input, output))
}

/// Why vLLM ended, which Triton tells to those that ask by `return_finish_reason`; `None` is a word there too
/// (triton-inference-server/vllm_backend, `docs/additional_outputs.md` and `src/utils/request.py`).
fn ended(body: &Value) -> Option<FinishReason> {
    let word = body.get("finish_reason").and_then(Value::as_str)?;
    (!matches!(word, "" | "None")).then(|| FinishReason::from(word))
}

/// The text of a message of LangChain: a text, or parts of which some are text.
fn said(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        parts => Some(parts.as_array()?.iter().filter_map(|part| part.get("text")?.as_str()).collect()),
    }
}

/// A message as LangGraph takes it.
fn turn(message: &Message) -> Value {
    let role = match message.role {
        Role::System | Role::Developer => "system",
        Role::Assistant => "assistant",
        _ => "user",
    };
    json!({"role": role, "content": message.text()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{assistant, system, user};
    use crate::error::ErrorKind;
    use crate::provider::Registry;

    fn provider(name: &str) -> &'static dyn Provider {
        Registry::table().get(name).unwrap().as_ref()
    }

    fn sent(name: &str, params: Value) -> Result<(String, Value)> {
        let mut request = ChatRequest::new("m1", [system("Be brief."), user("Hi")]);
        request.params = serde_json::from_value(params).unwrap();
        let encoded = provider(name).chat().unwrap().encode(&request, &Target::new("m1", "https://h.example"))?;
        let body = serde_json::from_slice(encoded.request.body()).unwrap();
        Ok((encoded.request.uri().path().to_owned(), body))
    }

    fn read(name: &str, body: Value) -> Result<ChatResponse> {
        let response = Response::new(Bytes::from(body.to_string()));
        match provider(name).chat().unwrap().decode(&ChatRequest::default(), &response)? {
            Progress::Done(reply) => Ok(reply),
            Progress::Poll { .. } => panic!("a chat is never polled"),
        }
    }

    #[test]
    fn each_server_is_asked_in_its_own_words() {
        let params = json!({"temperature": 0.5, "max_tokens": 9, "stop": "x"});
        let prompt = "Be brief.\n\nHi";
        let (path, body) = sent("nlp_cloud", params.clone()).unwrap();
        let wanted =
            json!({"text": prompt, "remove_input": true, "max_length": 9, "temperature": 0.5, "end_sequence": "x"});
        assert_eq!((path.as_str(), body), ("/m1/generation", wanted));
        let (path, body) = sent("triton", params).unwrap();
        let wanted =
            json!({"text_input": prompt, "max_tokens": 9, "temperature": 0.5, "stop_words": ["x"], "stream": false});
        assert_eq!((path.as_str(), body), ("/v2/models/m1/generate", wanted));
        let (path, body) = sent("langflow", json!({"session_id": "s"})).unwrap();
        let wanted = json!({"input_value": prompt, "input_type": "chat", "output_type": "chat", "session_id": "s"});
        assert_eq!((path.as_str(), body), ("/api/v1/run/m1", wanted));
        let (path, body) = sent("langgraph", json!({})).unwrap();
        let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]);
        assert_eq!(
            (path.as_str(), body),
            ("/runs/wait", json!({"assistant_id": "m1", "input": {"messages": messages}}))
        );
        assert_eq!(sent("langflow", json!({"temperature": 0.5})).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn each_answer_is_one_text() {
        let reply =
            read("nlp_cloud", json!({"generated_text": "Hi", "nb_input_tokens": 3, "nb_generated_tokens": 2})).unwrap();
        assert_eq!((reply.text().as_str(), reply.usage.unwrap().total_tokens), ("Hi", 5));
        assert_eq!(read("triton", json!({"model_name": "m1", "text_output": "Hi"})).unwrap().text(), "Hi");
        let message = json!({"results": {"message": {"text": "Hi"}}});
        assert_eq!(
            read("langflow", json!({"session_id": "s", "outputs": [{"outputs": [message]}]})).unwrap().text(),
            "Hi"
        );
        let used = json!({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5});
        let messages = json!([{"type": "human", "content": "?"}, {"type": "ai", "content": [{"type": "text", "text": "Hi"}], "usage_metadata": used}]);
        let reply = read("langgraph", json!({"messages": messages})).unwrap();
        assert_eq!((reply.text().as_str(), reply.usage.unwrap().total_tokens), ("Hi", 5));
        for name in ["nlp_cloud", "triton", "langflow", "langgraph"] {
            assert_eq!(read(name, json!({"x": 1})).unwrap_err().kind(), ErrorKind::InvalidResponse, "{name}");
        }
    }

    #[test]
    fn a_run_that_failed_with_a_good_status_is_an_error() {
        let failed =
            json!({"__error__": {"error": "RuntimeError", "message": "This model's maximum context length is 8"}});
        let error = read("langgraph", failed).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::ContextWindowExceeded, Some("RuntimeError")));
    }

    #[test]
    fn a_conversation_that_is_flattened_is_told() {
        let request = ChatRequest::new("m1", [user("A?"), assistant("B."), user("C?")]);
        let target = Target::new("m1", "https://h.example");
        for (name, warned) in [("nlp_cloud", 1), ("triton", 1), ("langflow", 1), ("langgraph", 0)] {
            let codec = provider(name).chat().unwrap();
            assert_eq!(codec.encode(&request, &target).unwrap().warnings.len(), warned, "{name}");
        }
    }

    #[test]
    fn a_stream_has_an_address_of_its_own_and_nlp_clouds_is_refused() {
        let (request, target) = (ChatRequest::new("m1", [user("Hi")]), Target::new("m1", "https://h.example"));
        let streamed = |name: &str| provider(name).chat().unwrap().encode_stream(&request, &target);
        for (name, path, member, value) in [
            ("triton", "/v2/models/m1/generate_stream", "stream", json!(true)),
            ("langgraph", "/runs/stream", "stream_mode", json!(["messages-tuple", "values"])),
            ("langflow", "/api/v1/run/m1?stream=true", "input_value", json!("Hi")),
        ] {
            let sent = streamed(name).unwrap().request;
            let body: Value = serde_json::from_slice(sent.body()).unwrap();
            assert_eq!((sent.uri().path_and_query().unwrap().as_str(), &body[member]), (path, &value), "{name}");
        }
        assert_eq!(streamed("nlp_cloud").unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
