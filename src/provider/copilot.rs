//! GitHub Copilot: OpenAI's chat completions, with headers that tell it who asks for what.
//!
//! Source: recordings, and what its own editors send. The address comes with the token.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};

use super::openai_chat::OpenAiChat;
use super::{
    Chat, ChatCodec, Codec, Encoded, ListModels, ModelPage, Progress, Provider, ProviderSpec, StreamDecoder, Target,
    setting,
};
use crate::chat::{ChatRequest, Content, Role};
use crate::error::{Error, Result};

const INITIATOR: HeaderName = HeaderName::from_static("x-initiator");
const VISION: HeaderName = HeaderName::from_static("copilot-vision-request");

/// GitHub Copilot.
#[derive(Debug)]
pub struct Copilot {
    chat: OpenAiChat,
}

impl Copilot {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { chat: OpenAiChat::new(spec) }
    }
}

impl Provider for Copilot {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    /// The address that came with the token: it differs between individuals and businesses.
    fn base_url(&self, settings: &[(String, String)]) -> Option<String> {
        setting(settings, "copilot_api").map(str::to_owned)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }
}

impl Codec<Chat> for Copilot {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        Ok(told(Codec::<Chat>::encode(&self.chat, request, target)?, request))
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.chat, request, response)
    }
}

/// The list of models, `GET /models` (recorded: `github_copilot/models.basic.*`).
impl Codec<ListModels> for Copilot {
    fn encode(&self, page: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        Codec::<ListModels>::encode(&self.chat, page, target)
    }

    fn decode(&self, page: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        Codec::<ListModels>::decode(&self.chat, page, response)
    }
}

impl ChatCodec for Copilot {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        Ok(told(self.chat.encode_stream(request, target)?, request))
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        self.chat.stream_decoder(request)
    }
}

/// Whether the user asks or an agent goes on, and whether there are pictures.
fn told(mut encoded: Encoded, request: &ChatRequest) -> Encoded {
    let agent =
        request.messages.iter().any(|message| !matches!(message.role, Role::System | Role::Developer | Role::User));
    let parts = || request.messages.iter().flat_map(|message| &message.parts);
    let headers = Request::headers_mut(&mut encoded.request);
    headers.insert(INITIATOR, HeaderValue::from_static(if agent { "agent" } else { "user" }));
    if parts().any(|part| matches!(part.content, Content::Image(_))) {
        headers.insert(VISION, HeaderValue::from_static("true"));
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Part, assistant, user};
    use crate::provider::Registry;

    #[test]
    fn copilot_is_told_who_asks_and_whether_there_are_pictures() {
        let codec = Registry::table().get("github_copilot").unwrap().chat().unwrap();
        let headers = |messages: Vec<crate::chat::Message>| {
            let encoded =
                codec.encode(&ChatRequest::new("gpt-4o", messages), &Target::new("gpt-4o", "https://h.example"));
            let request = encoded.unwrap().request;
            let header =
                |name| request.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
            (header(INITIATOR), header(VISION))
        };
        assert_eq!(headers(vec![user("Hi")]), (Some("user".to_owned()), None));
        assert_eq!(headers(vec![user("Hi"), assistant("Yes?"), user("So")]).0.as_deref(), Some("agent"));
        let picture = vec![user(Part::image_url("https://a.example/x.png"))];
        assert_eq!(headers(picture).1.as_deref(), Some("true"));
    }
}
