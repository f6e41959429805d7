//! Operations and their codecs.

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use super::{Provider, StreamDecoder, Target};
use crate::chat::{ChatRequest, ChatResponse, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::tokenizer::TokenCount;

/// Something that providers can be asked to do. The pipeline is written once for all of them.
pub trait Operation: Debug + Sized + 'static {
    /// Its name in OpenTelemetry's `gen_ai.operation.name`.
    const NAME: &'static str;
    /// What to do where it is not to be had: the end of that error's message.
    const INSTEAD: &'static str = "";
    /// What is asked.
    type Request: Debug + Send + Sync;
    /// What is answered.
    type Response: Debug + Send;

    /// The provider's codec, if it has this operation.
    fn codec(provider: &dyn Provider) -> Option<&dyn Codec<Self>>;

    /// The error where `whom` does not have this operation.
    #[must_use]
    fn missing(whom: &str) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{whom} has no `{}`{}", Self::NAME, Self::INSTEAD))
    }
}

/// Chat.
#[derive(Debug)]
pub enum Chat {}

impl Operation for Chat {
    const NAME: &'static str = "chat";
    type Request = ChatRequest;
    type Response = ChatResponse;

    fn codec(provider: &dyn Provider) -> Option<&dyn Codec<Self>> {
        provider.chat().map(|codec| codec as &dyn Codec<Self>)
    }
}

/// Counting the tokens of a chat request's prompt, by the provider: the model is not run.
#[derive(Debug)]
pub enum CountTokens {}

impl Operation for CountTokens {
    const NAME: &'static str = "count_tokens";
    const INSTEAD: &'static str = "; `token_counter` counts without a provider, and says whether its count is exact";
    type Request = ChatRequest;
    type Response = TokenCount;

    fn codec(provider: &dyn Provider) -> Option<&dyn Codec<Self>> {
        provider.count_tokens()
    }
}

/// Translates one operation: the request into bytes, the bytes of a successful reply into a reply.
pub trait Codec<Op: Operation>: Send + Sync {
    /// The request in the provider's format, without credentials.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), naming what the provider cannot express.
    fn encode(&self, request: &Op::Request, target: &Target<'_>) -> Result<Encoded>;

    /// The reply in the unified form, or what to ask next.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse) where the bytes are not what the format
    /// says, and the error that a reply with a good status can hold.
    fn decode(&self, request: &Op::Request, response: &Response<Bytes>) -> Result<Progress<Op>>;
}

/// Translates chat, whole and streamed.
pub trait ChatCodec: Codec<Chat> {
    /// The request for a streamed reply.
    ///
    /// # Errors
    ///
    /// As [`Codec::encode`].
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded>;

    /// A decoder for one streamed reply.
    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder;
}

/// A request in a provider's format.
#[derive(Debug)]
pub struct Encoded {
    /// Method, address, headers and body, without credentials.
    pub request: Request<Bytes>,
    /// What of the unified request is not in it.
    pub warnings: Vec<Warning>,
}

impl Encoded {
    /// The same request to another address.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] where that is not a URL.
    pub fn at(mut self, url: &str) -> Result<Self> {
        *self.request.uri_mut() = url.parse().map_err(|source| {
            let message = format!("`{url}` is not a usable address; check the base URL and the model");
            Error::new(ErrorKind::Configuration, message).with_source(source)
        })?;
        Ok(self)
    }
}

/// What a reply says of an operation.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every reply is done, and none should cost an allocation for it")]
pub enum Progress<Op: Operation> {
    /// It is done.
    Done(Op::Response),
    /// It goes on: ask this, after a pause.
    Poll {
        /// The next request, without credentials.
        request: Request<Bytes>,
        /// How long to wait first.
        after: Duration,
    },
}
