//! Errors in Anthropic's form, for who serves the API.

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};

/// The body of an error reply: `{"type": "error", "error": {"type", "message"}}`. Its status is
/// [`Error::http_status`].
///
/// ```
/// use anymodel::{Error, ErrorKind, messages::error_body};
///
/// let body = error_body(&Error::new(ErrorKind::RateLimited, "slow down"));
/// assert_eq!(body["error"]["type"], "rate_limit_error");
/// ```
#[must_use]
pub fn error_body(error: &Error) -> Value {
    let mut body = json!({"type": "error", "error": {"type": kind(error), "message": error.message()}});
    if let (Some(fields), Some(id)) = (body.as_object_mut(), error.request_id()) {
        fields.insert("request_id".to_owned(), id.into());
    }
    body
}

/// The server-sent event by which a stream ends in an error.
#[must_use]
pub fn error_event(error: &Error) -> String {
    format!("event: error\ndata: {}\n\n", error_body(error))
}

/// Anthropic's word for the kind (<https://platform.claude.com/docs/en/api/errors>).
fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Authentication => "authentication_error",
        ErrorKind::PermissionDenied => "permission_error",
        ErrorKind::PaymentRequired => "billing_error",
        ErrorKind::NotFound | ErrorKind::UnknownProvider => "not_found_error",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Unavailable if error.status().is_some_and(|status| status.as_u16() == 529) => "overloaded_error",
        ErrorKind::InvalidRequest if error.status().is_some_and(|status| status.as_u16() == 413) => "request_too_large",
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextWindowExceeded
        | ErrorKind::ContentPolicy => "invalid_request_error",
        _ => "api_error",
    }
}
