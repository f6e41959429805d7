//! OpenAI's chat completions where the model, or what stands for it, is a part of the address.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use super::openai_chat::OpenAiChat;
use super::{Chat, ChatCodec, Codec, Encoded, Progress, Provider, ProviderSpec, StreamDecoder, Target, post_json};
use crate::chat::ChatRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::json::Object;

/// Finds the path for a model, and what is left of its name for the body.
type Place = fn(&str) -> Option<(String, &str)>;

/// A provider whose models are addresses.
#[derive(Debug)]
pub struct InPath {
    chat: OpenAiChat,
    place: Place,
    form: &'static str,
}

impl InPath {
    /// Predibase (<https://docs.predibase.com/user-guide/inference/migrate-openai>): the deployment is in the path, and
    /// the body's model is an adapter of it, or empty.
    #[must_use]
    pub fn predibase(spec: ProviderSpec) -> Self {
        Self { chat: OpenAiChat::new(spec), place: predibase, form: "deployment` or `deployment/adapter/version" }
    }

    /// RAGFlow (<https://ragflow.io/docs/dev/http_api_reference>): a chat assistant or an agent is in the path.
    #[must_use]
    pub fn ragflow(spec: ProviderSpec) -> Self {
        Self { chat: OpenAiChat::new(spec), place: ragflow, form: "chat/ID/model` or `agent/ID/model" }
    }

    fn placed(&self, encoded: Encoded, target: &Target<'_>) -> Result<Encoded> {
        let (path, rest) = (self.place)(target.model).ok_or_else(|| {
            let message = format!("`{}` is no model of {}: `{}`", target.model, self.chat.spec().name, self.form);
            Error::new(ErrorKind::InvalidRequest, message)
        })?;
        let mut body: Object = serde_json::from_slice(encoded.request.body()).unwrap_or_default();
        body.set("model", &Value::from(rest))?;
        let request: Request<Bytes> = post_json(&format!("{}{path}", target.base_url), body.to_bytes())?;
        Ok(Encoded { request, warnings: encoded.warnings })
    }
}

fn predibase(model: &str) -> Option<(String, &str)> {
    let (deployment, adapter) = model.split_once('/').unwrap_or((model, ""));
    is_plain(deployment).then(|| (format!("/{deployment}/v1/chat/completions"), adapter))
}

fn ragflow(model: &str) -> Option<(String, &str)> {
    let (kind, rest) = model.split_once('/')?;
    let (id, model) = rest.split_once('/').unwrap_or((rest, "model"));
    let place = match kind {
        "chat" => "chats_openai",
        "agent" => "agents_openai",
        _ => return None,
    };
    is_plain(id).then(|| (format!("/api/v1/{place}/{id}/chat/completions"), model))
}

/// Whether a name can be a piece of a path as it is.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != ".." && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Provider for InPath {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }
}

impl Codec<Chat> for InPath {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.placed(Codec::<Chat>::encode(&self.chat, request, target)?, target)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.chat, request, response)
    }
}

impl ChatCodec for InPath {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.placed(self.chat.encode_stream(request, target)?, target)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.chat.stream_decoder(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Registry;

    fn sent(provider: &str, model: &str) -> Result<(String, Value)> {
        let codec = Registry::table().get(provider).unwrap().chat().unwrap();
        let encoded = codec.encode(&ChatRequest::new(model, "Hi"), &Target::new(model, "https://h.example"))?;
        let body: Value = serde_json::from_slice(encoded.request.body()).unwrap();
        Ok((encoded.request.uri().path().to_owned(), body["model"].clone()))
    }

    #[test]
    fn the_model_is_a_part_of_the_address() {
        for (provider, model, path, rest) in [
            ("predibase", "qwen3-8b", "/qwen3-8b/v1/chat/completions", ""),
            ("predibase", "qwen3-8b/repo/1", "/qwen3-8b/v1/chat/completions", "repo/1"),
            ("ragflow", "chat/abc/gpt-4o", "/api/v1/chats_openai/abc/chat/completions", "gpt-4o"),
            ("ragflow", "agent/abc", "/api/v1/agents_openai/abc/chat/completions", "model"),
        ] {
            assert_eq!(sent(provider, model).unwrap(), (path.to_owned(), rest.into()), "{model}");
        }
        for (provider, model) in [("ragflow", "gpt-4o"), ("ragflow", "chat/../x"), ("predibase", "..")] {
            assert_eq!(sent(provider, model).unwrap_err().kind(), ErrorKind::InvalidRequest, "{model}");
        }
    }
}
