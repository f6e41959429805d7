//! Errors: `{"type": "error", "error": {"type", "message"}, "request_id"}`.
//!
//! Source: <https://platform.claude.com/docs/en/api/errors>. Hosts such as Vertex AI answer in Google's form,
//! `{"error": {"code", "message", "status"}}`, sometimes as a list of one.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::error::Error;
use crate::provider::{Fault, http_fault};

/// The statuses that Anthropic documents for its types of error. A stream's error event comes without one.
const STATUSES: [(&str, u16); 10] = [
    ("invalid_request_error", 400),
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("conflict_error", 409),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("api_error", 500),
    ("timeout_error", 504),
];

/// Not registered with IANA, but what Anthropic answers when it is overloaded.
const OVERLOADED: (&str, u16) = ("overloaded_error", 529);

pub(super) fn decode(response: &Response<Bytes>) -> Error {
    let error = http_fault(response, read);
    match serde_json::from_slice::<Value>(response.body()) {
        Ok(body) => with_request_id(error, &body),
        Err(_) => error,
    }
}

/// The error that an event of a stream, or a body with a good status, is.
pub(super) fn of_event(data: &[u8]) -> Error {
    let body: Value = serde_json::from_slice(data).unwrap_or_default();
    with_request_id(read(&body).into_error(), &body).with_body(Bytes::copy_from_slice(data))
}

fn with_request_id(error: Error, body: &Value) -> Error {
    match body.get("request_id").and_then(Value::as_str) {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}

fn read(body: &Value) -> Fault {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = text("type").or_else(|| text("status")).or_else(|| text("code"));
    let numeric = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let known =
        |code: &String| STATUSES.iter().chain([&OVERLOADED]).find(|(name, _)| name == code).map(|(_, status)| *status);
    Fault {
        status: code.as_ref().and_then(known).or(numeric).and_then(|status| StatusCode::from_u16(status).ok()),
        code,
        message: text("message").or_else(|| error.as_str().map(str::to_owned)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn event(kind: &str, message: &str) -> Error {
        let body =
            serde_json::json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"});
        of_event(body.to_string().as_bytes())
    }

    #[test]
    fn an_error_inside_a_stream_has_the_status_that_it_would_have_had_alone() {
        for (kind, status, expected) in [
            ("overloaded_error", 529, ErrorKind::Unavailable),
            ("rate_limit_error", 429, ErrorKind::RateLimited),
            ("api_error", 500, ErrorKind::Unavailable),
            ("timeout_error", 504, ErrorKind::Timeout),
            ("authentication_error", 401, ErrorKind::Authentication),
            ("billing_error", 402, ErrorKind::PaymentRequired),
            ("request_too_large", 413, ErrorKind::InvalidRequest),
        ] {
            let error = event(kind, "x");
            assert_eq!((error.kind(), error.status().map(|s| s.as_u16())), (expected, Some(status)), "{kind}");
            assert_eq!((error.code(), error.request_id()), (Some(kind), Some("req_1")));
        }
        let unknown = event("new_error", "x");
        assert_eq!((unknown.kind(), unknown.status()), (ErrorKind::Unavailable, None));
    }

    #[test]
    fn a_conversation_that_is_too_long_is_told_by_its_words() {
        for words in [
            "prompt is too long: 200001 tokens > 200000 maximum",
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        ] {
            assert_eq!(event("invalid_request_error", words).kind(), ErrorKind::ContextWindowExceeded, "{words}");
        }
    }

    #[test]
    fn an_error_in_googles_form_is_read_too() {
        let body = r#"[{"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}]"#;
        let error = of_event(body.as_bytes());
        assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimited, "Quota exceeded"));
    }
}
