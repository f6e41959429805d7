//! Anthropic's Messages as an operation of its own: by the provider's own API where it speaks that, else said in chat.

use std::borrow::Cow;

use bytes::Bytes;
use http::Response as HttpResponse;
use serde_json::{Value, json};

use super::over_chat::{AnyDecoder, OverChat};
use super::{
    About, Chat, Codec, Decode, Encoded, Operation, Progress, Provider, Reply, StreamOf, Streamed, Sum, Target,
    anthropic,
};
use crate::chat::{CallMeta, Usage};
use crate::error::Result;
use crate::messages::{Event, EventWriter, Message, MessageSum, Request};

/// Replies of Anthropic's Messages API.
#[derive(Debug)]
pub enum Messages {}

/// Translates the Messages API of a provider that speaks it.
pub trait MessagesCodec: Codec<Messages> {
    /// The request for a streamed reply.
    ///
    /// # Errors
    ///
    /// As [`Codec::encode`].
    fn encode_stream(&self, request: &Request, target: &Target<'_>) -> Result<Encoded>;

    /// A decoder for one streamed reply.
    fn stream_decoder(&self, request: &Request) -> Box<dyn Decode<Event>>;
}

impl Operation for Messages {
    const NAME: &'static str = "messages";
    type Request = Request;
    type Response = Message;

    fn codec(provider: &dyn Provider) -> Option<&dyn Codec<Self>> {
        provider.messages().map(|codec| codec as &dyn Codec<Self>)
    }

    fn encode(provider: &dyn Provider, request: &Request, target: &Target<'_>) -> Result<Encoded> {
        if let Some(own) = provider.messages() {
            return own.encode(request, target);
        }
        let (chat, warnings) = request.to_chat()?;
        Chat::encode(provider, &chat, target).map(|encoded| encoded.after(warnings))
    }

    fn decode(provider: &dyn Provider, request: &Request, response: &HttpResponse<Bytes>) -> Result<Progress<Self>> {
        if let Some(own) = provider.messages() {
            return own.decode(request, response);
        }
        let (chat, _) = request.settings_in_chat()?;
        Ok(match Chat::decode(provider, &chat, response)? {
            Progress::Done(reply) => {
                let message = Message::from_chat(&reply, request);
                Progress::Done(Message { model: reply.model, ..message })
            }
            Progress::Poll { request, after } => Progress::Poll { request, after },
        })
    }
}

impl Streamed for Messages {
    type Chunk = Event;
    type Decoder = AnyDecoder<Event>;
    type Sum = MessageSum;

    fn encode_stream(provider: &dyn Provider, request: &Request, target: &Target<'_>) -> Result<Encoded> {
        if let Some(own) = provider.messages() {
            return own.encode_stream(request, target);
        }
        let (chat, warnings) = request.to_chat()?;
        Chat::encode_stream(provider, &chat, target).map(|encoded| encoded.after(warnings))
    }

    fn stream_decoder(provider: &dyn Provider, request: &Request) -> Result<AnyDecoder<Event>> {
        if let Some(own) = provider.messages() {
            return Ok(AnyDecoder::new(own.stream_decoder(request)));
        }
        let (chat, _) = request.settings_in_chat()?;
        let decoder = Chat::stream_decoder(provider, &chat)?;
        let writer = EventWriter::new(request).unnamed();
        let (write, end) = (EventWriter::write, EventWriter::end);
        Ok(AnyDecoder::new(Box::new(OverChat { decoder, writer, write, end })))
    }

    fn stream_of(provider: &dyn Provider) -> Option<StreamOf> {
        if provider.messages().is_some() { None } else { Chat::stream_of(provider) }
    }

    fn model_of(event: &mut Event) -> Option<&mut String> {
        event.message.as_mut().map(|message| &mut message.model)
    }

    fn is_content(event: &Event) -> bool {
        let block = match event.kind.as_str() {
            "content_block_start" => event.content_block.as_ref(),
            "content_block_delta" => event.delta.as_ref(),
            _ => None,
        };
        let says = |value: &Value| !matches!(value.as_str(), Some("")) && !value.is_null() && value != &json!([]);
        block.is_some_and(|block| block.0.iter().any(|(name, value)| name != "type" && says(value)))
    }

    fn tells(event: &Event) -> bool {
        matches!(event.kind.as_str(), "message_start" | "message_delta")
    }
}

impl Sum<Messages> for MessageSum {
    fn add(&mut self, event: Event) {
        self.push(event);
    }

    fn reply(&self) -> &Message {
        self.message()
    }

    fn into_reply(self) -> Message {
        self.into_message()
    }
}

impl Reply for Message {
    fn about(&self) -> About<'_> {
        // A message has to have its usage: zeros, which no call comes to, where its provider told none in chat.
        let told = |usage: &Usage| usage.prompt_tokens > 0 || usage.completion_tokens > 0;
        About {
            id: &self.id,
            model: &self.model,
            created: 0,
            service_tier: self.usage.as_ref().and_then(|usage| usage.get("service_tier")?.as_str()),
            usage: self.usage.as_ref().and_then(anthropic::usage_in_chat).filter(told).map(Cow::Owned),
            finish_reasons: self.finish_reason().into_iter().collect(),
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
}
