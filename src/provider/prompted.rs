//! Servers that are asked with one small JSON and answer with one text: NLP Cloud, NVIDIA Triton, LangGraph, Langflow.
//!
//! Their answers come whole. What they stream ends without a word, so that a stream that broke off could not be told from
//! one that is complete; nothing is made up in its place.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use super::openai_chat::OpenAiChat;
use super::params::Limits;
use super::prompt::Prompt;
use super::{
    Chat, ChatCodec, Codec, Encoded, Progress, Provider, ProviderSpec, StreamDecoder, Target, admit, not_a_reply,
    post_json,
};
use crate::chat::{ChatRequest, ChatResponse, Choice, FinishReason, Message, Params, Part, Role, Usage, Warning};
use crate::error::{Error, Result};
use crate::wire::json::Object;

/// What such a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// <https://docs.nlpcloud.com/#text-generation>
    NlpCloud,
    /// <https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_generate.html>
    Triton,
    /// <https://docs.langchain.com/langsmith/agent-server-api/stateless-runs/create-run-wait-for-output>
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

impl Codec<Chat> for Prompted {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        let (kind, provider) = (self.kind, self.spec().name.as_ref());
        let mut warnings = Vec::new();
        let params = admit(&request.params, provider, |name| kind.supports(name), &mut warnings)?;
        let mut body = Object::new();
        body.merge(&kind.body(request, &params, target.model, provider, &mut warnings)?)?;
        for (name, value) in params.extra.iter() {
            body.set(name.clone(), value)?;
        }
        body.merge(&params.extra_body)?;
        let url = format!("{}{}", target.base_url, kind.path(target.model));
        Ok(Encoded { request: post_json(&url, body.to_bytes())?, warnings })
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        let body: Value = serde_json::from_slice(response.body())
            .map_err(|source| not_a_reply(response, "is not JSON").with_source(source))?;
        let (text, usage) = self.kind.read(&body).ok_or_else(|| not_a_reply(response, "has no text in it"))?;
        let mut choice = Choice::new(0, Message::new(Role::Assistant, Part::text(text)));
        choice.finish_reason = Some(FinishReason::Stop);
        Ok(Progress::Done(ChatResponse { choices: vec![choice], usage, ..ChatResponse::default() }))
    }
}

impl ChatCodec for Prompted {
    fn encode_stream(&self, _: &ChatRequest, _: &Target<'_>) -> Result<Encoded> {
        Err(Error::unsupported("stream", &self.spec().name))
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.errors.stream_decoder(request)
    }
}

impl Kind {
    fn supports(self, name: &str) -> bool {
        match self {
            Self::NlpCloud => matches!(name, "temperature" | "top_p" | "max_tokens" | "max_completion_tokens" | "stop"),
            Self::Triton => {
                matches!(name, "temperature" | "top_p" | "max_tokens" | "max_completion_tokens" | "stop" | "seed")
            }
            Self::LangGraph | Self::Langflow => false,
        }
    }

    fn path(self, model: &str) -> String {
        match self {
            Self::NlpCloud => format!("/{model}/generation"),
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
                "top_p": params.top_p, "stop_words": stop, "random_seed": params.seed, "stream": false,
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

    /// The text of an answer, and what it used.
    fn read(self, body: &Value) -> Option<(String, Option<Usage>)> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        match self {
            Self::NlpCloud => {
                let count = |name: &str| body.get(name).and_then(Value::as_u64);
                let tokens = count("nb_input_tokens").zip(count("nb_generated_tokens"));
                Some((text("/generated_text")?, tokens.map(|(input, output)| Usage::new(input, output))))
            }
            Self::Triton => Some((text("/text_output")?, None)),
            Self::LangGraph => {
                let messages = body.get("messages")?.as_array()?;
                let last = messages.iter().rfind(|message| message.get("type").is_some_and(|kind| kind == "ai"))?;
                let said = match last.get("content")? {
                    Value::String(text) => text.clone(),
                    parts => parts.as_array()?.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
                };
                let count = |name: &str| last.get("usage_metadata")?.get(name)?.as_u64();
                let tokens = count("input_tokens").zip(count("output_tokens"));
                Some((said, tokens.map(|(input, output)| Usage::new(input, output))))
            }
            Self::Langflow => {
                let places = ["results/message/text", "artifacts/message", "outputs/message/message"];
                places.iter().find_map(|place| Some((text(&format!("/outputs/0/outputs/0/{place}"))?, None)))
            }
        }
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
    fn a_stream_is_refused_and_a_conversation_told() {
        let request = ChatRequest::new("m1", [user("A?"), assistant("B."), user("C?")]);
        let target = Target::new("m1", "https://h.example");
        for (name, warned) in [("nlp_cloud", 1), ("triton", 1), ("langflow", 1), ("langgraph", 0)] {
            let codec = provider(name).chat().unwrap();
            assert_eq!(codec.encode_stream(&request, &target).unwrap_err().kind(), ErrorKind::Unsupported);
            assert_eq!(codec.encode(&request, &target).unwrap().warnings.len(), warned, "{name}");
        }
    }
}
