//! Counting tokens: Anthropic's `count_tokens`, Gemini's `countTokens`, Bedrock's `CountTokens`, and `input_tokens` of
//! OpenAI's Responses API.
//!
//! Sources: Anthropic's and OpenAI's OpenAPI descriptions (`CountMessageTokensResponse`, `TokenCountsResource`),
//! `CountTokensResponse` in `generative_service.proto` and in AWS's model of the API, and a recording of each. Errors are those of the same host's
//! chat.

use bytes::Bytes;
use serde_json::{Value, json};

use super::anthropic::Anthropic;
use super::bedrock::Bedrock;
use super::fault::Trouble;
use super::format::{Event, Wire};
use super::gemini::Gemini;
use super::openai_chat::OpenAiChat;
use super::reply::Answer;
use super::requests::{Ask, Request, Shape, string};

/// Whose endpoint it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Count {
    OpenAi,
    Anthropic,
    Gemini,
    Bedrock,
}

impl Count {
    pub(super) fn of(request: &Request) -> Option<Self> {
        if request.ends_with("responses/input_tokens") {
            return Some(Self::OpenAi);
        }
        if request.ends_with("v1/messages/count_tokens") {
            return Some(Self::Anthropic);
        }
        if Bedrock::counted(request.path()).is_some() {
            return Some(Self::Bedrock);
        }
        gemini_model(request.path()).map(|_| Self::Gemini)
    }

    pub(super) fn wire(self) -> &'static dyn Wire {
        match self {
            Self::OpenAi => &Self::OpenAi,
            Self::Anthropic => &Self::Anthropic,
            Self::Gemini => &Self::Gemini,
            Self::Bedrock => &Self::Bedrock,
        }
    }

    fn chat(self) -> &'static dyn Wire {
        match self {
            Self::OpenAi => &OpenAiChat,
            Self::Anthropic => &Anthropic,
            Self::Gemini => &Gemini,
            Self::Bedrock => &Bedrock,
        }
    }
}

impl Wire for Count {
    fn ask(&self, request: &Request, body: &Value) -> Ask {
        let model = match self {
            Self::Gemini => gemini_model(request.path()).unwrap_or_default().to_owned(),
            Self::Bedrock => Bedrock::counted(request.path()).unwrap_or_default().to_owned(),
            _ => string(body, "model"),
        };
        Ask { shape: Shape { model, choices: 1, words: words(body), ..Shape::default() }, ..Ask::default() }
    }

    fn whole(&self, shape: &Shape, answer: &Answer) -> Value {
        let tokens = answer.usage.map_or(shape.words, |(prompt, _)| prompt);
        match self {
            Self::OpenAi => json!({"object": "response.input_tokens", "input_tokens": tokens}),
            Self::Anthropic => json!({"input_tokens": tokens}),
            Self::Bedrock => json!({"inputTokens": tokens}),
            Self::Gemini => json!({
                "totalTokens": tokens,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
            }),
        }
    }

    fn events(&self, _: &Shape, _: &Answer) -> Vec<Event> {
        Vec::new()
    }

    /// A count has no reply that could be held back, as Gemini's chat does with status 200: it is refused with 400.
    fn error(&self, trouble: Trouble, model: &str) -> (u16, Value) {
        match (self, trouble) {
            (Self::Gemini, Trouble::ContentPolicy) => self.chat().error(Trouble::Status(400), model),
            _ => self.chat().error(trouble, model),
        }
    }

    fn error_header(&self, status: u16) -> Option<(&'static str, String)> {
        self.chat().error_header(status)
    }

    fn error_event(&self, shape: &Shape) -> Bytes {
        self.chat().error_event(shape)
    }

    fn request_id(&self) -> &'static str {
        self.chat().request_id()
    }
}

/// The model in `…/models/{model}:countTokens`.
fn gemini_model(path: &str) -> Option<&str> {
    path.rsplit_once('/')?.1.strip_suffix(":countTokens")
}

/// The words of all strings in the body, names of members and the member `model` left out.
fn words(body: &Value) -> u64 {
    match body {
        Value::String(text) => text.split_whitespace().count() as u64,
        Value::Array(list) => list.iter().map(words).fold(0, u64::saturating_add),
        Value::Object(fields) => {
            let read = fields.iter().filter(|(name, _)| *name != "model");
            read.map(|(_, value)| words(value)).fold(0, u64::saturating_add)
        }
        _ => 0,
    }
}
