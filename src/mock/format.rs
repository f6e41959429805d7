//! The wire formats: which one a request is in, and what each must be able to say.

use std::fmt::Display;

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use super::anthropic::Anthropic;
use super::bedrock::Bedrock;
use super::cohere::Cohere;
use super::count::Count;
use super::fault::Trouble;
use super::gemini::Gemini;
use super::ollama::Ollama;
use super::openai_chat::OpenAiChat;
use super::openai_responses::OpenAiResponses;
use super::reply::Answer;
use super::requests::{Ask, Request, Shape};

/// A wire format. They are told apart by the end of the path, so that any prefix will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Format {
    OpenAiChat,
    OpenAiResponses,
    Anthropic,
    Gemini,
    Bedrock,
    Cohere,
    Ollama,
    Count(Count),
}

impl Format {
    pub(super) fn of(request: &Request) -> Option<Self> {
        if stored_response(request.path()) && Count::of(request).is_none() {
            return Some(Self::OpenAiResponses);
        }
        if request.method() != Method::POST {
            return None;
        }
        if request.ends_with("chat/completions") {
            return Some(Self::OpenAiChat);
        }
        if request.ends_with("responses") {
            return Some(Self::OpenAiResponses);
        }
        if request.ends_with("v1/messages") {
            return Some(Self::Anthropic);
        }
        if request.ends_with("api/chat") {
            return Some(Self::Ollama);
        }
        if request.ends_with("v2/chat") {
            return Some(Self::Cohere);
        }
        // OpenAI's format under a shorter path, as Writer has it.
        if request.ends_with("chat") {
            return Some(Self::OpenAiChat);
        }
        if Bedrock::call(request.path()).is_some() {
            return Some(Self::Bedrock);
        }
        Gemini::call(request.path()).map(|_| Self::Gemini).or_else(|| Count::of(request).map(Self::Count))
    }

    pub(super) fn wire(self) -> &'static dyn Wire {
        match self {
            Self::OpenAiChat => &OpenAiChat,
            Self::OpenAiResponses => &OpenAiResponses,
            Self::Anthropic => &Anthropic,
            Self::Gemini => &Gemini,
            Self::Bedrock => &Bedrock,
            Self::Cohere => &Cohere,
            Self::Ollama => &Ollama,
            Self::Count(count) => count.wire(),
        }
    }
}

/// Whether a path is that of a stored response, or of something that is done with it.
fn stored_response(path: &str) -> bool {
    path.split_once("/responses/").is_some_and(|(_, rest)| rest.starts_with("resp_"))
}

/// Reads requests and writes replies in one format. Written from recordings and specifications, never with the
/// crate's own decoders, so that each is evidence of the other.
pub(super) trait Wire {
    /// What the request asks for.
    fn ask(&self, request: &Request, body: &Value) -> Ask;

    /// The whole reply.
    fn whole(&self, shape: &Shape, answer: &Answer) -> Value;

    /// The same reply as a stream.
    fn events(&self, shape: &Shape, answer: &Answer) -> Vec<Event>;

    /// An error reply: status and body.
    fn error(&self, trouble: Trouble, model: &str) -> (u16, Value);

    /// A header that says what an error of this status is.
    fn error_header(&self, _: u16) -> Option<(&'static str, String)> {
        None
    }

    /// The answer by which a request is refused, where policy has no error of its own.
    fn refusal(&self) -> Option<Answer> {
        None
    }

    /// An error in mid-stream.
    fn error_event(&self, shape: &Shape) -> Bytes;

    /// The header that has the request's id.
    fn request_id(&self) -> &'static str;

    /// `data`, whatever it is, as one event of a stream; `name` where the format names its events.
    fn frame(&self, _: &Shape, name: Option<&str>, data: &str) -> Bytes {
        sse(name, data)
    }

    /// How an event of so many bytes begins.
    fn opening(&self, _: &Shape, _: usize) -> Bytes {
        Bytes::from_static(b"data: ")
    }

    /// The content type of a stream.
    fn stream_type(&self, _: &Shape) -> &'static str {
        "text/event-stream; charset=utf-8"
    }
}

/// One event of a stream, as it goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) bytes: Bytes,
    /// Whether it completes a piece of content: what pauses and faults count.
    pub(super) content: bool,
}

/// A server-sent event.
pub(super) fn sse(name: Option<&str>, data: impl Display) -> Bytes {
    match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
    .into()
}
