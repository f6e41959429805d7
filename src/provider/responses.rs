//! The Responses API as an operation of its own: by the provider's own API where it has one, else said in chat.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response as HttpResponse;
use serde_json::Value;

use super::openai_chat::normalise_usage;
use super::over_chat::{AnyDecoder, OverChat};
use super::{
    About, Chat, Codec, Decode, Encoded, Operation, Progress, Provider, Reply, StreamOf, Streamed, Sum, Target,
};
use crate::chat::{CallMeta, ServerToolUse, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::responses::{Event, EventWriter, Item, Request, Response};

/// Replies of the Responses API.
#[derive(Debug)]
pub enum Responses {}

/// Translates the Responses API of a provider that has it.
pub trait ResponsesCodec: Codec<Responses> + Codec<StoredResponses> {
    /// The request for a streamed reply.
    ///
    /// # Errors
    ///
    /// As [`Codec::encode`].
    fn encode_stream(&self, request: &Request, target: &Target<'_>) -> Result<Encoded>;

    /// A decoder for one streamed reply.
    fn stream_decoder(&self, request: &Request) -> Box<dyn Decode<Event>>;
}

impl Operation for Responses {
    const NAME: &'static str = "responses";
    type Request = Request;
    type Response = Response;

    fn codec(provider: &dyn Provider) -> Option<&dyn Codec<Self>> {
        provider.responses().map(|codec| codec as &dyn Codec<Self>)
    }

    fn encode(provider: &dyn Provider, request: &Request, target: &Target<'_>) -> Result<Encoded> {
        match provider.responses() {
            Some(own) => Codec::<Self>::encode(own, request, target),
            None => {
                let (chat, warnings) = request.to_chat()?;
                Chat::encode(provider, &chat, target).map(|encoded| encoded.after(warnings))
            }
        }
    }

    fn decode(provider: &dyn Provider, request: &Request, response: &HttpResponse<Bytes>) -> Result<Progress<Self>> {
        if let Some(own) = provider.responses() {
            return Codec::<Self>::decode(own, request, response);
        }
        let (chat, _) = request.settings_in_chat()?;
        Ok(match Chat::decode(provider, &chat, response)? {
            Progress::Done(reply) => {
                let response = Response::from_chat(&reply, request);
                Progress::Done(Response { model: reply.model, ..response })
            }
            Progress::Poll { request, after } => Progress::Poll { request, after },
        })
    }
}

impl Streamed for Responses {
    type Chunk = Event;
    type Decoder = AnyDecoder<Event>;
    type Sum = ResponseSum;

    fn encode_stream(provider: &dyn Provider, request: &Request, target: &Target<'_>) -> Result<Encoded> {
        match provider.responses() {
            Some(own) => own.encode_stream(request, target),
            None => {
                let (chat, warnings) = request.to_chat()?;
                Chat::encode_stream(provider, &chat, target).map(|encoded| encoded.after(warnings))
            }
        }
    }

    fn stream_decoder(provider: &dyn Provider, request: &Request) -> Result<AnyDecoder<Event>> {
        if let Some(own) = provider.responses() {
            return Ok(AnyDecoder::new(own.stream_decoder(request)));
        }
        let (chat, _) = request.settings_in_chat()?;
        let decoder = Chat::stream_decoder(provider, &chat)?;
        let writer = EventWriter::new(request).unnamed();
        let (write, end) = (EventWriter::write, EventWriter::end);
        Ok(AnyDecoder::new(Box::new(OverChat { decoder, writer, write, end })))
    }

    fn stream_of(provider: &dyn Provider) -> Option<StreamOf> {
        if provider.responses().is_some() { None } else { Chat::stream_of(provider) }
    }

    fn model_of(event: &mut Event) -> Option<&mut String> {
        event.response.as_mut().map(|response| &mut response.model)
    }

    fn is_content(event: &Event) -> bool {
        let says = event.delta.as_ref().is_some_and(|delta| delta.as_str() != Some(""));
        says || event.has_call() || event.kind == "response.output_item.done"
    }

    fn tells(event: &Event) -> bool {
        event.is_last()
    }
}

/// Adds events up to the reply.
#[derive(Clone, Debug, Default)]
pub struct ResponseSum {
    reply: Response,
    /// The items as far as they have come: some servers leave them out of the reply at the end.
    items: BTreeMap<u64, Item>,
}

impl ResponseSum {
    /// Adds to an item what an event says of it, where that is anything that the item holds.
    fn grow(&mut self, event: &Event) -> Option<()> {
        let item = &mut self.items.get_mut(&event.output_index.unwrap_or(0))?.0;
        let summary = || event.extra.get("summary_index").and_then(Value::as_u64);
        let (list, member) = match event.kind.as_str() {
            "response.content_part.added" => (Some("content"), None),
            "response.reasoning_summary_part.added" => (Some("summary"), None),
            "response.output_text.delta" | "response.reasoning_text.delta" => (Some("content"), Some("text")),
            "response.refusal.delta" => (Some("content"), Some("refusal")),
            "response.reasoning_summary_text.delta" => (Some("summary"), Some("text")),
            "response.function_call_arguments.delta" => (None, Some("arguments")),
            "response.custom_tool_call_input.delta" => (None, Some("input")),
            _ => return None,
        };
        let parts = list.map(|list| item.entry(list).or_insert_with(|| Value::Array(Vec::new())).as_array_mut());
        let Some(member) = member else {
            parts??.push(event.extra.get("part")?.clone());
            return Some(());
        };
        let members = match parts {
            None => item,
            Some(parts) => {
                let place = event.content_index.or_else(summary).unwrap_or(0);
                parts?.get_mut(usize::try_from(place).ok()?)?.as_object_mut()?
            }
        };
        if let Value::String(text) = members.get_mut(member)? {
            text.push_str(event.delta.as_ref()?.as_str()?);
        }
        Some(())
    }
}

impl Sum<Responses> for ResponseSum {
    fn add(&mut self, event: Event) {
        if event.is_restart() {
            self.items.clear();
        }
        self.grow(&event);
        if let Some(response) = event.response {
            self.reply = *response;
        }
        if let Some(item) = event.item {
            self.items.insert(event.output_index.unwrap_or(0), item);
        }
    }

    fn reply(&self) -> &Response {
        &self.reply
    }

    fn into_reply(mut self) -> Response {
        if self.reply.output.is_empty() {
            self.reply.output = self.items.into_values().collect();
        }
        self.reply
    }
}

impl Reply for Response {
    fn about(&self) -> About<'_> {
        About {
            id: &self.id,
            model: &self.model,
            created: self.created_at,
            service_tier: self.service_tier.as_deref(),
            usage: usage(self).map(Cow::Owned),
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

/// The usage in chat's terms, with the searches that the provider made.
fn usage(reply: &Response) -> Option<Usage> {
    let mut usage = Usage::from(reply.usage.as_ref()?);
    normalise_usage(&mut usage);
    let searches = reply.output.iter().filter(|item| {
        item.kind() == "web_search_call"
            && item.0.get("action").and_then(|action| action.get("type")).is_none_or(|kind| kind == "search")
    });
    let searches = u64::try_from(searches.count()).unwrap_or(u64::MAX);
    if searches > 0 && usage.server_tool_use.is_none() {
        usage.server_tool_use = Some(ServerToolUse { web_search_requests: Some(searches), ..ServerToolUse::default() });
    }
    Some(usage)
}

/// Replies that a provider keeps: fetched, cancelled, deleted.
#[derive(Debug)]
pub enum StoredResponses {}

/// What is done with a stored reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// Any model of the provider that keeps it.
    pub model: String,
    /// Its id.
    pub id: String,
    /// What to do.
    pub action: StoredAction,
}

impl Stored {
    /// This action on the reply of this id, at the provider of this model.
    #[must_use]
    pub fn new(model: impl Into<String>, id: impl Into<String>, action: StoredAction) -> Self {
        Self { model: model.into(), id: id.into(), action }
    }
}

/// What can be done with a stored reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredAction {
    /// Fetch it.
    Get,
    /// Stop making it, where it is made in the background.
    Cancel,
    /// Forget it.
    Delete,
}

impl Operation for StoredResponses {
    const NAME: &'static str = "stored_responses";
    const INSTEAD: &'static str = "; only a provider with a Responses API keeps replies";
    type Request = Stored;
    type Response = Response;

    fn codec(provider: &dyn Provider) -> Option<&dyn Codec<Self>> {
        provider.responses().map(|codec| codec as &dyn Codec<Self>)
    }
}

/// The error of a stored reply's id that cannot be part of an address.
pub(super) fn bad_id(id: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("`{id}` is not the id of a response"))
}
