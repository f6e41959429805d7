//! Anthropic's Messages as an operation of its own: by the provider's own API where it speaks that, else said in chat.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::Response as HttpResponse;

use super::{
    About, Chat, Codec, Decode, Encoded, Operation, Progress, Provider, Queue, Reply, StreamDecoder, StreamOf,
    Streamed, Sum, Target, anthropic,
};
use crate::chat::CallMeta;
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
            Progress::Done(reply) => Progress::Done(Message::from_chat(&reply, request)),
            Progress::Poll { request, after } => Progress::Poll { request, after },
        })
    }
}

impl Streamed for Messages {
    type Chunk = Event;
    type Decoder = MessageDecoder;
    type Sum = MessageSum;

    fn encode_stream(provider: &dyn Provider, request: &Request, target: &Target<'_>) -> Result<Encoded> {
        if let Some(own) = provider.messages() {
            return own.encode_stream(request, target);
        }
        let (chat, warnings) = request.to_chat()?;
        Chat::encode_stream(provider, &chat, target).map(|encoded| encoded.after(warnings))
    }

    fn stream_decoder(provider: &dyn Provider, request: &Request) -> Result<MessageDecoder> {
        if let Some(own) = provider.messages() {
            return Ok(MessageDecoder(own.stream_decoder(request)));
        }
        let (chat, _) = request.settings_in_chat()?;
        let decoder = Chat::stream_decoder(provider, &chat)?;
        Ok(MessageDecoder(Box::new(OverChat { decoder, queue: Queue::new(), writer: EventWriter::new(request) })))
    }

    fn stream_of(provider: &dyn Provider) -> Option<StreamOf> {
        if provider.messages().is_some() { None } else { Chat::stream_of(provider) }
    }

    fn is_content(event: &Event) -> bool {
        event.kind == "content_block_delta"
    }

    fn tells(event: &Event) -> bool {
        matches!(event.kind.as_str(), "message_start" | "message_delta")
    }
}

/// Turns the bytes of a streamed message into events.
pub struct MessageDecoder(Box<dyn Decode<Event>>);

impl fmt::Debug for MessageDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageDecoder").field("complete", &self.is_complete()).finish_non_exhaustive()
    }
}

impl Decode<Event> for MessageDecoder {
    fn push(&mut self, bytes: &[u8], queue: &mut VecDeque<Event>) -> Result<()> {
        self.0.push(bytes, queue)
    }

    fn end(&mut self, queue: &mut VecDeque<Event>) -> Result<()> {
        self.0.end(queue)
    }

    fn is_complete(&self) -> bool {
        self.0.is_complete()
    }

    fn is_done(&self) -> bool {
        self.0.is_done()
    }
}

/// A streamed chat, told as events.
struct OverChat {
    decoder: StreamDecoder,
    queue: Queue,
    writer: EventWriter,
}

impl OverChat {
    fn tell(&mut self, events: &mut VecDeque<Event>) {
        for chunk in self.queue.drain(..) {
            self.writer.write(&chunk, events);
        }
    }
}

impl Decode<Event> for OverChat {
    fn push(&mut self, bytes: &[u8], events: &mut VecDeque<Event>) -> Result<()> {
        let pushed = self.decoder.push(bytes, &mut self.queue);
        self.tell(events);
        pushed
    }

    fn end(&mut self, events: &mut VecDeque<Event>) -> Result<()> {
        let ended = self.decoder.end(&mut self.queue);
        self.tell(events);
        if self.decoder.is_complete() {
            self.writer.end(events);
        }
        ended
    }

    fn is_complete(&self) -> bool {
        self.decoder.is_complete()
    }

    fn is_done(&self) -> bool {
        self.decoder.is_done()
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
        About {
            id: &self.id,
            model: &self.model,
            created: 0,
            service_tier: self.usage.as_ref().and_then(|usage| usage.get("service_tier")?.as_str()),
            usage: self.usage.as_ref().and_then(anthropic::usage_in_chat).map(Cow::Owned),
            finish_reasons: self.finish_reason().into_iter().collect(),
        }
    }

    fn meta(&self) -> &CallMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut CallMeta {
        &mut self.meta
    }
}
