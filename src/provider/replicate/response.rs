//! A prediction: what it has come to, or that it goes on.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use crate::chat::{ChatResponse, Choice, FinishReason, Message, Part, Role, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::think::split_thinking;
use crate::provider::{Chat, Fault, Progress, not_a_reply};

/// How long to wait before a prediction that goes on is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Prediction {
    id: String,
    status: String,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    output: Value,
    #[serde(default)]
    error: Value,
    #[serde(default)]
    metrics: Option<Value>,
    #[serde(default)]
    urls: Urls,
}

#[derive(Default, Deserialize)]
struct Urls {
    stream: Option<String>,
}

pub(super) fn decode(response: &Response<Bytes>) -> Result<Progress<Chat>> {
    let prediction = read(response)?;
    match prediction.status.as_str() {
        "succeeded" => Ok(Progress::Done(reply(prediction))),
        "failed" | "canceled" | "aborted" => Err(failed(&prediction)),
        // `starting`, `processing`, `queued`, and what may come.
        _ => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if prediction.id.is_empty() || !prediction.id.bytes().all(plain) {
                return Err(not_a_reply(response, "is a prediction without an id"));
            }
            let request = Request::get(format!("/predictions/{}", prediction.id)).body(Bytes::new());
            let request = request.map_err(|source| not_a_reply(response, "has no usable id").with_source(source))?;
            Ok(Progress::Poll { request, after: PAUSE })
        }
    }
}

/// The request for the stream of a prediction.
pub(super) fn stream_of(response: &Response<Bytes>) -> Result<Request<Bytes>> {
    let prediction = read(response)?;
    if matches!(prediction.status.as_str(), "failed" | "canceled" | "aborted") {
        return Err(failed(&prediction));
    }
    let Some(url) = prediction.urls.stream else {
        let message = "this model cannot be streamed; ask for the whole reply";
        return Err(Error::new(ErrorKind::Unsupported, message));
    };
    Request::get(url)
        .header(header::ACCEPT, HeaderValue::from_static("text/event-stream"))
        .body(Bytes::new())
        .map_err(|source| not_a_reply(response, "names no usable address for its stream").with_source(source))
}

fn read(response: &Response<Bytes>) -> Result<Prediction> {
    serde_json::from_slice(response.body()).map_err(|source| {
        let what = if source.is_data() { "is not a prediction" } else { "is not JSON" };
        not_a_reply(response, what).with_source(source)
    })
}

fn failed(prediction: &Prediction) -> Error {
    let why = match &prediction.error {
        Value::Null => format!("the prediction was {}", prediction.status),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    // A model's own failure comes under a good status; its words tell what is the caller's fault.
    let fault = |status| Fault { status: Some(status), code: None, message: why.clone() };
    let as_callers = fault(StatusCode::BAD_REQUEST).into_error();
    match as_callers.kind() {
        ErrorKind::InvalidRequest => fault(StatusCode::INTERNAL_SERVER_ERROR).into_error(),
        _ => as_callers,
    }
}

fn reply(prediction: Prediction) -> ChatResponse {
    let text = match &prediction.output {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(pieces) => pieces.iter().map(piece).collect(),
        other => other.to_string(),
    };
    let parts = match split_thinking(&text) {
        Some((thinking, rest)) => vec![Part::reasoning(thinking), Part::text(rest)],
        None => vec![Part::text(text)],
    };
    let parts: Vec<Part> = parts.into_iter().filter(|part| part.as_text() != Some("")).collect();
    let mut choice = Choice::new(0, Message::new(Role::Assistant, parts));
    choice.finish_reason = Some(FinishReason::Stop);
    choice.native_finish_reason = Some("succeeded".to_owned());
    let mut reply = ChatResponse { id: prediction.id, choices: vec![choice], ..ChatResponse::default() };
    reply.model = prediction.model.unwrap_or_default();
    if let Some(metrics) = prediction.metrics {
        let count = |name: &str| metrics.get(name).and_then(Value::as_u64);
        let tokens = count("input_token_count").zip(count("output_token_count"));
        reply.usage = tokens.map(|(input, output)| Usage::new(input, output));
        reply.extra.insert("metrics", metrics);
    }
    reply
}

fn piece(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
