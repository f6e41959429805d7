//! Errors: `{"id", "message"}`, sometimes with an `error_type` (<https://docs.cohere.com/reference/errors>).

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::provider::{Fault, http_fault};

pub(super) fn decode(response: &Response<Bytes>) -> Error {
    typed(http_fault(response, read))
}

/// What status and code do not tell, the words do.
fn typed(error: Error) -> Error {
    let words = error.message().to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    match error.status().map(|status| status.as_u16()) {
        // Two things have this status: a key that is not known, and a request or reply with "a deny-listed token".
        Some(498) if says(&["invalid token", "invalid api token", "token not found"]) => {
            error.with_kind(ErrorKind::Authentication)
        }
        Some(498) => error.with_kind(ErrorKind::ContentPolicy),
        // The same words tell of a limit for the answer that is beyond the model's.
        Some(400) | None if words.starts_with("too many tokens") && !says(&["max tokens must be"]) => {
            error.with_kind(ErrorKind::ContextWindowExceeded)
        }
        _ => error,
    }
}

/// Whether a reply of good status is an error: it has words where a reply has a message.
pub(super) fn is_one(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body.get("message").is_some_and(Value::is_string))
}

/// The error that an event of a stream, or the end of a reply, is.
pub(super) fn in_place_of_a_reply(message: &str, status: Option<StatusCode>, body: &[u8]) -> Error {
    let code = serde_json::from_slice(body).ok().and_then(|body| read(&body).code);
    let fault = Fault { status, code, message: message.to_owned() };
    typed(fault.into_error()).with_body(Bytes::copy_from_slice(body))
}

fn read(body: &Value) -> Fault {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    Fault { status: None, code: text("error_type"), message: text("message").or(text("error")).unwrap_or_default() }
}
