//! The API itself: requests and replies as they are, and the events of a stream.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Method, Request as HttpRequest, Response as HttpResponse};
use serde_json::{Map, Value};

use super::response::failed;
use super::stream::{failure, unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::openai_chat::{fault, has_error};
use crate::provider::responses::{Stored, StoredAction, bad_id};
use crate::provider::{Decode, Encoded, ProviderSpec, address, not_a_reply, post_json};
use crate::responses::{Event, Request, Response};
use crate::wire::{Frame, Framer};

/// The request as it is, under the provider's name of the model.
pub(in crate::provider) fn encode(
    spec: &ProviderSpec,
    request: &Request,
    model: &str,
    url: &str,
    stream: bool,
) -> Result<Encoded> {
    let mut body = super::request::whole(spec, request, model)?;
    body.remove("stream");
    if stream {
        body.set("stream", &true)?;
    }
    body.merge(&request.extra_body)?;
    Ok(Encoded { request: post_json(url, body.to_bytes())?, warnings: Vec::new() })
}

/// A whole reply. One that failed is an error, so that another try or another model can take its place.
pub(in crate::provider) fn decode(response: &HttpResponse<Bytes>) -> Result<Response> {
    let reply = read(response)?;
    match reply.status.as_deref() {
        Some(status @ ("failed" | "cancelled")) => {
            let error = reply.error.as_ref().and_then(|error| serde_json::value::to_raw_value(error).ok());
            Err(failed(error.as_deref(), status).with_body(response.body().clone()))
        }
        _ => Ok(reply),
    }
}

fn read(response: &HttpResponse<Bytes>) -> Result<Response> {
    let body = match serde_json::from_slice::<Value>(response.body()) {
        Ok(body) => body,
        Err(source) => return Err(not_a_reply(response, "is not JSON").with_source(source)),
    };
    let is_reply = ["output", "status", "deleted"].iter().any(|name| body.get(name).is_some());
    if !is_reply && has_error(body.get("error")) {
        return Err(fault(&body).into_error().with_body(response.body().clone()));
    }
    if !is_reply {
        return Err(not_a_reply(response, "is not a response"));
    }
    serde_json::from_value(body).map_err(|source| not_a_reply(response, "is not a response").with_source(source))
}

/// What is done with a stored reply: `url` is that of the API.
pub(in crate::provider) fn encode_stored(stored: &Stored, url: &str) -> Result<Encoded> {
    let good = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if stored.id.is_empty() || !stored.id.chars().all(good) || stored.id.chars().all(|letter| letter == '.') {
        return Err(bad_id(&stored.id));
    }
    let url = format!("{url}/{}", stored.id);
    let (method, url) = match stored.action {
        StoredAction::Get => (Method::GET, url),
        StoredAction::Cancel => (Method::POST, format!("{url}/cancel")),
        StoredAction::Delete => (Method::DELETE, url),
    };
    let mut request = HttpRequest::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = address(&url)?;
    Ok(Encoded { request, warnings: Vec::new() })
}

/// A stored reply, however it ended.
pub(in crate::provider) fn decode_stored(response: &HttpResponse<Bytes>) -> Result<Response> {
    read(response)
}

/// Cuts a stream into events, and holds that it comes to its end.
pub(in crate::provider) struct Events {
    framer: Framer,
    complete: bool,
}

impl Events {
    pub(in crate::provider) fn new() -> Self {
        Self { framer: Framer::sse(), complete: false }
    }
}

impl Decode<Event> for Events {
    fn push(&mut self, bytes: &[u8], queue: &mut VecDeque<Event>) -> Result<()> {
        let Self { framer, complete } = self;
        framer.push(bytes, &mut |frame| frame.mended(|frame| step(complete, frame, queue)))
    }

    fn end(&mut self, queue: &mut VecDeque<Event>) -> Result<()> {
        let Self { framer, complete } = self;
        framer.end(&mut |frame| frame.mended(|frame| step(complete, frame, queue)))?;
        if self.complete {
            return Ok(());
        }
        Err(Error::new(ErrorKind::StreamInterrupted, "the stream ended before the reply was complete"))
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn is_done(&self) -> bool {
        self.complete
    }
}

fn step(complete: &mut bool, frame: Frame<'_>, queue: &mut VecDeque<Event>) -> Result<()> {
    if *complete || frame.data == b"[DONE]" {
        return Ok(());
    }
    let mut event: Event =
        serde_json::from_slice(frame.data).map_err(|source| unreadable(frame.data).with_source(source))?;
    if event.kind.is_empty() {
        frame.event.unwrap_or_default().clone_into(&mut event.kind);
    }
    match event.kind.as_str() {
        "error" => return Err(failure(frame.data)),
        "" if has_error(event.extra.get("error")) => return Err(failure(frame.data)),
        "response.failed" | "response.cancelled" => {
            let error = event.response.and_then(|response| response.error);
            let body = Value::from(Map::from_iter([("error".to_owned(), error.unwrap_or_default())]));
            let error =
                if has_error(body.get("error")) { fault(&body).into_error() } else { failed(None, &event.kind) };
            return Err(error.with_body(Bytes::copy_from_slice(frame.data)));
        }
        _ => {}
    }
    *complete = event.is_last();
    queue.push_back(event);
    Ok(())
}
