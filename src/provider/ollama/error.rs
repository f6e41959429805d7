//! Errors: `{"error": "…"}`, as a reply or as a line of a stream (<https://docs.ollama.com/api/errors>).

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::error::Error;
use crate::provider::{Fault, http_fault};

pub(super) fn decode(response: &Response<Bytes>) -> Error {
    http_fault(response, read)
}

/// The error that a line of a stream, or a reply with a good status, is.
pub(super) fn in_place_of_a_reply(body: &[u8]) -> Error {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    read(&json).into_error().with_body(Bytes::copy_from_slice(body))
}

/// What an error says. `ollama.com` adds where to sign in, and its OpenAI side answers with OpenAI's object.
fn read(body: &Value) -> Fault {
    let error = body.get("error").unwrap_or(body);
    let field = |name: &str| error.get(name).or_else(|| body.get(name));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let message = text(error).or_else(|| field("message").and_then(text)).unwrap_or_default();
    let status = ["status", "StatusCode"].iter().find_map(|name| field(name)?.as_u64());
    Fault {
        status: status
            .and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok())
            .filter(|status| status.as_u16() >= 400),
        code: field("code").and_then(text).or_else(|| field("type").and_then(text)),
        message: match field("signin_url").and_then(Value::as_str) {
            Some(url) => format!("{message}; sign in at {url}"),
            None => message,
        },
    }
}
