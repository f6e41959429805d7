//! Errors in OpenAI's form, for who serves its API.

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};

/// The body of an error reply: `{"error": {"message", "type", "param", "code"}}`. Its status is
/// [`Error::http_status`]; inside a stream it goes out as one more `data:`, after which nothing comes.
///
/// ```
/// use anymodel::{Error, ErrorKind, chat::error_body};
///
/// let body = error_body(&Error::new(ErrorKind::ContextWindowExceeded, "too long"));
/// assert_eq!(body["error"]["code"], "context_length_exceeded");
/// ```
#[must_use]
pub fn error_body(error: &Error) -> Value {
    let (kind, code) = words(error.kind());
    let code = code.or(error.code());
    json!({"error": {"message": error.message(), "type": kind, "param": null, "code": code}})
}

/// OpenAI's words for a kind: its `type`, and the `code` that its clients decide by where it has one
/// (<https://platform.openai.com/docs/guides/error-codes>).
fn words(kind: ErrorKind) -> (&'static str, Option<&'static str>) {
    let invalid = "invalid_request_error";
    match kind {
        ErrorKind::Authentication => (invalid, Some("invalid_api_key")),
        ErrorKind::NotFound | ErrorKind::UnknownProvider => (invalid, Some("model_not_found")),
        ErrorKind::ContextWindowExceeded => (invalid, Some("context_length_exceeded")),
        ErrorKind::ContentPolicy => (invalid, Some("content_policy_violation")),
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::PermissionDenied => (invalid, None),
        ErrorKind::PaymentRequired => ("insufficient_quota", Some("insufficient_quota")),
        ErrorKind::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
        _ => ("server_error", None),
    }
}
