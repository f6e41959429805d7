//! Operations and their codecs.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use super::{Provider, StreamDecoder, Target, address};
use crate::chat::{Accumulator, CallMeta, ChatChunk, ChatRequest, ChatResponse, Delta, FinishReason, Usage, Warning};
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

    /// The request in the provider's format: what its codec makes of it.
    ///
    /// # Errors
    ///
    /// As [`Codec::encode`]; and [`ErrorKind::Unsupported`] where the provider does not have this operation.
    fn encode(provider: &dyn Provider, request: &Self::Request, target: &Target<'_>) -> Result<Encoded> {
        Self::codec(provider).ok_or_else(|| Self::missing(&provider.spec().name))?.encode(request, target)
    }

    /// A successful reply, read by the provider's codec.
    ///
    /// # Errors
    ///
    /// As [`Codec::decode`]; and [`ErrorKind::Unsupported`] where the provider does not have this operation.
    fn decode(provider: &dyn Provider, request: &Self::Request, response: &Response<Bytes>) -> Result<Progress<Self>> {
        Self::codec(provider).ok_or_else(|| Self::missing(&provider.spec().name))?.decode(request, response)
    }

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

impl Streamed for Chat {
    type Chunk = ChatChunk;
    type Decoder = StreamDecoder;
    type Sum = Accumulator;

    fn encode_stream(provider: &dyn Provider, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        provider.chat().ok_or_else(|| Self::missing(&provider.spec().name))?.encode_stream(request, target)
    }

    fn stream_decoder(provider: &dyn Provider, request: &ChatRequest) -> Result<StreamDecoder> {
        Ok(provider.chat().ok_or_else(|| Self::missing(&provider.spec().name))?.stream_decoder(request))
    }

    fn stream_of(provider: &dyn Provider) -> Option<StreamOf> {
        provider.chat()?.stream_of()
    }

    fn model_of(chunk: &mut ChatChunk) -> Option<&mut String> {
        match &mut chunk.delta {
            Delta::Start(start) => Some(&mut start.model),
            _ => None,
        }
    }

    fn says_something(chunk: &ChatChunk) -> bool {
        match &chunk.delta {
            Delta::Text(text) | Delta::Reasoning(text) | Delta::Refusal(text) => !text.is_empty(),
            _ => chunk.is_content(),
        }
    }

    fn is_content(chunk: &ChatChunk) -> bool {
        chunk.is_content()
    }

    fn tells(chunk: &ChatChunk) -> bool {
        matches!(chunk.delta, Delta::Start(_) | Delta::Usage(_) | Delta::Finish { .. })
    }
}

impl Sum<Chat> for Accumulator {
    fn add(&mut self, chunk: ChatChunk) {
        self.push(chunk);
    }

    fn reply(&self) -> &ChatResponse {
        self.response()
    }

    fn into_reply(self) -> ChatResponse {
        self.into_response()
    }
}

impl Reply for ChatResponse {
    fn about(&self) -> About<'_> {
        About {
            id: &self.id,
            model: &self.model,
            created: self.created,
            service_tier: self.service_tier.as_deref(),
            usage: self.usage.as_ref().map(Cow::Borrowed),
            finish_reasons: self.choices.iter().filter_map(|choice| choice.finish_reason.as_ref()).collect(),
        }
    }

    fn model_mut(&mut self) -> &mut String {
        &mut self.model
    }

    fn meta(&self) -> &CallMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut CallMeta {
        &mut self.meta
    }

    fn as_chat(&self) -> Option<&ChatResponse> {
        Some(self)
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

/// An operation whose reply can come as a stream.
pub trait Streamed: Operation {
    /// One step of a stream.
    type Chunk: Clone + Debug + Send + Unpin + 'static;
    /// Turns a stream's bytes into its steps.
    type Decoder: Decode<Self::Chunk> + Debug + Unpin + 'static;
    /// Adds the steps up to a reply.
    type Sum: Sum<Self> + Default + Send + Unpin + 'static;

    /// The request for a streamed reply.
    ///
    /// # Errors
    ///
    /// As [`Operation::encode`].
    fn encode_stream(provider: &dyn Provider, request: &Self::Request, target: &Target<'_>) -> Result<Encoded>;

    /// A decoder for one streamed reply.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] where the provider does not have this operation.
    fn stream_decoder(provider: &dyn Provider, request: &Self::Request) -> Result<Self::Decoder>;

    /// How to find the stream in the first answer, as [`ChatCodec::stream_of`].
    fn stream_of(_provider: &dyn Provider) -> Option<StreamOf> {
        None
    }

    /// The place in a step that names the model that answers, where the step has one.
    fn model_of(_chunk: &mut Self::Chunk) -> Option<&mut String> {
        None
    }

    /// Whether a step has something that the model said, called or thought.
    fn is_content(chunk: &Self::Chunk) -> bool;

    /// Whether a step shows that the reply has begun: content that is not empty.
    fn says_something(chunk: &Self::Chunk) -> bool {
        Self::is_content(chunk)
    }

    /// Whether a step has what every call is told by: the reply's head, why it ended, its usage.
    fn tells(chunk: &Self::Chunk) -> bool;
}

/// Turns the bytes of one streamed reply into steps, wherever the network cuts them.
pub trait Decode<Chunk>: Send {
    /// Takes the next bytes and queues the steps that they complete. Steps queued before an error are good.
    ///
    /// # Errors
    ///
    /// What goes wrong in the stream. An error is final.
    fn push(&mut self, bytes: &[u8], queue: &mut VecDeque<Chunk>) -> Result<()>;

    /// Says that the bytes have ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StreamInterrupted`] where the reply is not complete.
    fn end(&mut self, queue: &mut VecDeque<Chunk>) -> Result<()>;

    /// Whether the reply has come to its end; what is told of it can still follow.
    fn is_complete(&self) -> bool;

    /// Whether the provider said that nothing more comes.
    fn is_done(&self) -> bool;
}

impl<Chunk, D: Decode<Chunk> + ?Sized> Decode<Chunk> for Box<D> {
    fn push(&mut self, bytes: &[u8], queue: &mut VecDeque<Chunk>) -> Result<()> {
        (**self).push(bytes, queue)
    }

    fn end(&mut self, queue: &mut VecDeque<Chunk>) -> Result<()> {
        (**self).end(queue)
    }

    fn is_complete(&self) -> bool {
        (**self).is_complete()
    }

    fn is_done(&self) -> bool {
        (**self).is_done()
    }
}

/// The sum of a stream's steps.
pub trait Sum<Op: Streamed> {
    /// Adds the next step.
    fn add(&mut self, chunk: Op::Chunk);

    /// What has been added up so far.
    fn reply(&self) -> &Op::Response;

    /// The sum.
    fn into_reply(self) -> Op::Response;
}

/// A reply that a model made, whatever its form.
pub trait Reply: Debug + Send + Sync + 'static {
    /// What it says of itself.
    fn about(&self) -> About<'_>;

    /// The model that answered, to be filled in where the provider does not name it.
    fn model_mut(&mut self) -> &mut String;

    /// What its call was like.
    fn meta(&self) -> &CallMeta;

    /// The same, to be filled in.
    fn meta_mut(&mut self) -> &mut CallMeta;

    /// The reply as one of chat, where it is one.
    fn as_chat(&self) -> Option<&ChatResponse> {
        None
    }
}

/// What a reply says of itself.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct About<'a> {
    /// The provider's id of the reply.
    pub id: &'a str,
    /// The model that answered.
    pub model: &'a str,
    /// When, in seconds since 1970; 0 where the provider does not say.
    pub created: u64,
    /// The processing tier that answered.
    pub service_tier: Option<&'a str>,
    /// The tokens used, where the provider says it.
    pub usage: Option<Cow<'a, Usage>>,
    /// Why each of the replies in it ended.
    pub finish_reasons: Vec<&'a FinishReason>,
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

    /// How to find the stream in the answer to [`encode_stream`](Self::encode_stream), of a provider that starts a job
    /// first and says then where its stream is. `None`, as by default, where that answer is the stream.
    fn stream_of(&self) -> Option<StreamOf> {
        None
    }
}

/// Finds in a whole answer what to ask for the stream. The request follows the rules of [`Progress::Poll`].
pub type StreamOf = fn(&Response<Bytes>) -> Result<Request<Bytes>>;

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
    /// [`ErrorKind::Configuration`] where that is not a URL, or has `.` or `..` in its path.
    pub fn at(mut self, url: &str) -> Result<Self> {
        *self.request.uri_mut() = address(url)?;
        Ok(self)
    }

    /// The same request, with what was warned of before it.
    pub(super) fn after(mut self, mut warnings: Vec<Warning>) -> Self {
        warnings.append(&mut self.warnings);
        Self { warnings, ..self }
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
        /// The next request, without credentials. An address that is only a path goes on from the base URL, and gets the
        /// credentials as the first request did; so does another address at the same host. No other host ever does.
        request: Request<Bytes>,
        /// How long to wait first.
        after: Duration,
    },
}
