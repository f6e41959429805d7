//! Errors: `{"id", "message"}`, sometimes with an `error_type` (<https://docs.cohere.com/reference/errors>).

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::provider::{Fault, http_fault};

pub(super) fn decode(response: &Response<Bytes>) -> Error {
    let error = http_fault(response, read);
    match response.status().as_u16() {
        // "Token not found or invalid token" has a status of its own, and so has a request with blocked words in it.
        498 if error.message().to_ascii_lowercase().contains("token") => error.with_kind(ErrorKind::Authentication),
        498 => error.with_kind(ErrorKind::ContentPolicy),
        _ => error,
    }
}

/// The error that an event of a stream, or a reply with a good status, is.
pub(super) fn in_place_of_a_reply(message: &str, status: Option<StatusCode>, body: &[u8]) -> Error {
    let fault = Fault { status, code: None, message: message.to_owned() };
    fault.into_error().with_body(Bytes::copy_from_slice(body))
}

fn read(body: &Value) -> Fault {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    Fault { status: None, code: text("error_type"), message: text("message").or(text("error")).unwrap_or_default() }
}
