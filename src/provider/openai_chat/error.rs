//! Errors: `{"error": {"message", "type", "param", "code"}}`, and the looser forms of compatible servers.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::error::Error;
use crate::provider::{Fault, http_fault};

pub(super) fn decode(response: &Response<Bytes>) -> Error {
    http_fault(response, read)
}

/// What an error body says: OpenAI's form, `{"error": "…"}`, `{"message"}`, `{"detail"}` (FastAPI), or a list of one.
pub(super) fn read(body: &Value) -> Fault {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let field = |name: &str| error.get(name).and_then(text);
    let numeric = |name: &str| error.get(name).and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let inner = error.pointer("/innererror/code").and_then(text);
    let message = text(error)
        .or_else(|| field("message"))
        .or_else(|| body.get("message").and_then(text))
        .or_else(|| field("detail"))
        .or_else(|| error.get("detail").or_else(|| error.get("message")).map(Value::to_string))
        .unwrap_or_default();
    Fault {
        status: ["code", "status", "status_code"]
            .iter()
            .find_map(|name| numeric(name).or_else(|| field(name)?.parse().ok()))
            .and_then(|code| StatusCode::from_u16(code).ok())
            .filter(|status| status.as_u16() >= 400),
        code: inner
            .or_else(|| field("code").filter(|code| code.parse::<u16>().is_err()))
            .or_else(|| field("type"))
            .or_else(|| body.get("code").or_else(|| body.get("type")).and_then(text)),
        message: match error.pointer("/metadata/raw").and_then(text) {
            Some(raw) => format!("{message}: {raw}"),
            None => message,
        },
    }
}
