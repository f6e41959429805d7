//! Errors: `{"error": {"code", "message", "status", "details"}}` (`google.rpc.Status`), alone or as a list of one.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::error::{Error, Retry};
use crate::provider::{Fault, http_fault};

pub(super) fn decode(response: &Response<Bytes>) -> Error {
    let error = http_fault(response, read);
    match serde_json::from_slice::<Value>(response.body()) {
        Ok(body) => with_delay(error, &body),
        Err(_) => error,
    }
}

/// An error in the place of a reply or of an event, whatever the status of the whole.
pub(super) fn within(data: &[u8]) -> Error {
    let body: Value = serde_json::from_slice(data).unwrap_or_default();
    with_delay(read(&body).into_error(), &body).with_body(Bytes::copy_from_slice(data))
}

fn read(body: &Value) -> Fault {
    let error = inner(body);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let reason = detail(error, "ErrorInfo").and_then(|info| info.get("reason")).and_then(text);
    let numeric = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    Fault {
        status: numeric.and_then(|code| StatusCode::from_u16(code).ok()).filter(|status| status.as_u16() >= 400),
        code: reason.or_else(|| error.get("status").and_then(text)),
        message: text(error).or_else(|| error.get("message").and_then(text)).unwrap_or_default(),
    }
}

fn inner(body: &Value) -> &Value {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    body.get("error").unwrap_or(body)
}

/// One of the details, by the name of its type.
fn detail<'a>(error: &'a Value, name: &str) -> Option<&'a Value> {
    let details = error.get("details")?.as_array()?;
    details.iter().find(|detail| detail.get("@type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with(name)))
}

/// How long to wait, where only the body says it: `RetryInfo.retryDelay`, such as `"48s"` or `"0.5s"`.
fn with_delay(error: Error, body: &Value) -> Error {
    let delay = detail(inner(body), "RetryInfo").and_then(|info| info.get("retryDelay")).and_then(Value::as_str);
    let seconds = delay.and_then(|delay| delay.strip_suffix('s')).and_then(|seconds| seconds.parse().ok());
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(after) if !matches!(error.retry(), Retry::After(_)) => error.with_retry_after(after),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    fn error(status: u16, body: &Value) -> Error {
        decode(&Response::builder().status(status).body(body.to_string().into()).unwrap())
    }

    #[test]
    fn a_wrong_key_is_told_by_its_reason() {
        let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
        let body = json!({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
            "details": details}});
        assert_eq!(error(400, &body).kind(), ErrorKind::Authentication);
        assert_eq!(error(400, &json!([body])).message(), "API key not valid.");
    }

    #[test]
    fn the_delay_of_the_body_counts_where_no_header_says_one() {
        let body = json!({"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]}});
        let error = error(429, &body);
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry(), Retry::After(Duration::from_millis(1500)));
    }

    #[test]
    fn a_conversation_that_is_too_long_is_told_by_its_words() {
        let message = "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).";
        let body = json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}});
        assert_eq!(error(400, &body).kind(), ErrorKind::ContextWindowExceeded);
    }

    #[test]
    fn every_status_of_google_has_its_kind() {
        for (code, status, kind) in [
            (400, "INVALID_ARGUMENT", ErrorKind::InvalidRequest),
            (400, "FAILED_PRECONDITION", ErrorKind::InvalidRequest),
            (401, "UNAUTHENTICATED", ErrorKind::Authentication),
            (403, "PERMISSION_DENIED", ErrorKind::PermissionDenied),
            (404, "NOT_FOUND", ErrorKind::NotFound),
            (429, "RESOURCE_EXHAUSTED", ErrorKind::RateLimited),
            (500, "INTERNAL", ErrorKind::Unavailable),
            (503, "UNAVAILABLE", ErrorKind::Unavailable),
            (504, "DEADLINE_EXCEEDED", ErrorKind::Timeout),
        ] {
            let body = json!({"error": {"code": code, "message": "m", "status": status}});
            assert_eq!(error(code, &body).kind(), kind, "{status}");
            assert_eq!(within(body.to_string().as_bytes()).kind(), kind, "{status} inside a stream");
        }
    }
}
