//! What a provider's error is: classified by status and structured code first, by words only where there is nothing
//! better.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, StatusCode};
use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// What an error reply says, taken out of the provider's format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status, or the one that an error inside a reply or stream stands for.
    pub status: Option<StatusCode>,
    /// The provider's code or type of the error, the most specific there is.
    pub code: Option<String>,
    /// Its words.
    pub message: String,
}

/// Codes and types by which providers name an error, whatever its status. Sources: the error pages of OpenAI,
/// Anthropic, Google (`google.rpc.Code`), Mistral, Groq, DeepSeek, Cohere and OpenRouter.
const CODES: &[(&str, ErrorKind)] = &[
    ("context_length_exceeded", ErrorKind::ContextWindowExceeded),
    ("context_window_exceeded", ErrorKind::ContextWindowExceeded),
    ("exceed_context_size_error", ErrorKind::ContextWindowExceeded),
    ("too_many_prompt_tokens", ErrorKind::ContextWindowExceeded),
    ("model_context_window_exceeded", ErrorKind::ContextWindowExceeded),
    ("too_many_tokens", ErrorKind::ContextWindowExceeded),
    ("content_policy_violation", ErrorKind::ContentPolicy),
    ("content_filter", ErrorKind::ContentPolicy),
    ("data_inspection_failed", ErrorKind::ContentPolicy),
    ("invalid_prompt", ErrorKind::ContentPolicy),
    ("moderation_blocked", ErrorKind::ContentPolicy),
    ("ResponsibleAIPolicyViolation", ErrorKind::ContentPolicy),
    ("rate_limit_exceeded", ErrorKind::RateLimited),
    ("rate_limit_error", ErrorKind::RateLimited),
    ("rate_limit_reached_error", ErrorKind::RateLimited),
    ("insufficient_quota", ErrorKind::RateLimited),
    ("RESOURCE_EXHAUSTED", ErrorKind::RateLimited),
    ("too_many_requests", ErrorKind::RateLimited),
    ("tokens_exceeded", ErrorKind::RateLimited),
    ("invalid_api_key", ErrorKind::Authentication),
    ("authentication_error", ErrorKind::Authentication),
    ("API_KEY_INVALID", ErrorKind::Authentication),
    ("UNAUTHENTICATED", ErrorKind::Authentication),
    ("wrong_api_key", ErrorKind::Authentication),
    ("permission_error", ErrorKind::PermissionDenied),
    ("permission_denied", ErrorKind::PermissionDenied),
    ("PERMISSION_DENIED", ErrorKind::PermissionDenied),
    ("billing_error", ErrorKind::PaymentRequired),
    ("insufficient_balance", ErrorKind::PaymentRequired),
    ("model_not_found", ErrorKind::NotFound),
    ("model_decommissioned", ErrorKind::NotFound),
    ("invalid_model", ErrorKind::NotFound),
    ("not_found_error", ErrorKind::NotFound),
    ("NOT_FOUND", ErrorKind::NotFound),
    ("overloaded_error", ErrorKind::Unavailable),
    ("api_error", ErrorKind::Unavailable),
    ("server_error", ErrorKind::Unavailable),
    ("internal_server_error", ErrorKind::Unavailable),
    ("INTERNAL", ErrorKind::Unavailable),
    ("UNAVAILABLE", ErrorKind::Unavailable),
    ("timeout_error", ErrorKind::Timeout),
    ("DEADLINE_EXCEEDED", ErrorKind::Timeout),
    ("request_too_large", ErrorKind::InvalidRequest),
];

/// Phrases of a conversation that is too long. Each is the wording of a provider that has no code for it.
const TOO_LONG: [&str; 19] = [
    "maximum context length",
    "maximum allowed context length",
    "context length exceeded",
    "exceed context limit",
    "exceeded max context length",
    "exceeds the context length",
    "exceeds the context window",
    "exceeds the available context size",
    "exceeds the maximum number of tokens allowed",
    "input tokens exceed the configured limit",
    "input token count",
    "longer than the model's context length",
    "model's maximum context limit",
    "prompt is too long",
    "prompt has too many tokens",
    "too large for model with",
    "too many input tokens",
    "input is too long",
    "`inputs` tokens + `max_new_tokens` must be",
];

/// Phrases of a refusal by policy.
const REFUSED: [&str; 6] = [
    "content filtering policy",
    "content management policy",
    "violating our usage policy",
    "rejected as a result of the safety system",
    "rejected by the safety system",
    "the response was blocked",
];

/// Phrases of a wrong key, of providers that answer it with 400.
const WRONG_KEY: [&str; 3] = ["incorrect api key", "invalid api key", "api key not valid"];

impl Fault {
    /// The kind that it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        let status = self.status.map_or(0, |status| status.as_u16());
        let by_code = self
            .code
            .as_deref()
            .and_then(|code| CODES.iter().find(|(known, _)| code.eq_ignore_ascii_case(known)).map(|(_, kind)| *kind));
        if let Some(kind) = by_code
            && !matches!(kind, ErrorKind::InvalidRequest | ErrorKind::Unavailable)
        {
            return kind;
        }
        let client_error = status == 0 || (400..500).contains(&status);
        if client_error && !matches!(status, 401..=404 | 408 | 429) {
            if self.says(&TOO_LONG) {
                return ErrorKind::ContextWindowExceeded;
            }
            if self.says(&REFUSED) {
                return ErrorKind::ContentPolicy;
            }
            if self.says(&WRONG_KEY) {
                return ErrorKind::Authentication;
            }
        }
        match status {
            401 => ErrorKind::Authentication,
            402 => ErrorKind::PaymentRequired,
            403 => ErrorKind::PermissionDenied,
            404 => ErrorKind::NotFound,
            408 | 504 => ErrorKind::Timeout,
            429 => ErrorKind::RateLimited,
            400..=499 => by_code.filter(|_| status == 400).unwrap_or(ErrorKind::InvalidRequest),
            500.. => ErrorKind::Unavailable,
            _ => by_code.unwrap_or(ErrorKind::Unavailable),
        }
    }

    /// The error that it is.
    #[must_use]
    pub fn into_error(self) -> Error {
        let kind = self.kind();
        let message = match self.message.trim() {
            "" => self.status.map_or_else(
                || "the provider reports an error without saying which".to_owned(),
                |status| format!("the provider answered {status} without saying why"),
            ),
            text => text.to_owned(),
        };
        let mut error = Error::new(kind, message);
        if let Some(status) = self.status {
            error = error.with_status(status);
        }
        if let Some(code) = self.code {
            error = error.with_code(code);
        }
        error
    }

    fn says(&self, phrases: &[&str]) -> bool {
        let text = self.message.to_ascii_lowercase();
        phrases.iter().any(|phrase| text.contains(phrase))
    }
}

/// An error reply: what `read` finds in its JSON, with what every HTTP reply has: status, request id, `Retry-After`,
/// rate limits and the body itself.
pub fn http_fault(response: &Response<Bytes>, read: impl FnOnce(&Value) -> Fault) -> Error {
    let mut fault = match serde_json::from_slice::<Value>(response.body()) {
        Ok(json) => read(&json),
        Err(_) => Fault { message: plain_text(response.body()), ..Fault::default() },
    };
    if response.status().as_u16() >= 400 {
        fault.status = Some(response.status());
    }
    let headers = response.headers();
    let mut error = fault.into_error().with_body(response.body().clone()).with_rate_limits(rate_limits(headers));
    if let Some(id) = request_id(headers) {
        error = error.with_request_id(id);
    }
    if let Some(after) = retry_after(headers) {
        error = error.with_retry_after(after);
    }
    error
}

/// The error for a reply of good status that is not a reply of its format, such as "is not JSON".
#[must_use]
pub fn not_a_reply(response: &Response<Bytes>, what: &str) -> Error {
    Error::new(ErrorKind::InvalidResponse, format!("the reply {what}; check the base URL"))
        .with_status(response.status())
        .with_body(response.body().clone())
}

/// The headers in which providers give a request's id, in the order of preference.
const REQUEST_IDS: [HeaderName; 8] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-amzn-requestid"),
    HeaderName::from_static("apim-request-id"),
    HeaderName::from_static("x-ms-request-id"),
    HeaderName::from_static("x-generation-id"),
    HeaderName::from_static("x-debug-trace-id"),
    HeaderName::from_static("cf-ray"),
];

/// The provider's id of a request, by the headers that providers use for it.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    REQUEST_IDS.iter().find_map(|name| headers.get(name)?.to_str().ok())
}

/// The rate-limit headers, name and value as they came.
#[must_use]
pub fn rate_limits(headers: &HeaderMap) -> Vec<(String, String)> {
    let known = headers.iter().filter(|(name, _)| name.as_str().contains("ratelimit"));
    known.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// How long to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date. A date is held against the reply's
/// own `Date`, so that no clock is needed, nor any trust in the caller's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    let after = text("retry-after")?.trim();
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let (at, now) = (httpdate::parse_http_date(after).ok()?, httpdate::parse_http_date(text("date")?).ok()?);
    Some(at.duration_since(now).unwrap_or_default())
}

/// The beginning of a body that is not JSON; of a page of HTML only that it is one.
fn plain_text(body: &[u8]) -> String {
    const LONGEST: usize = 500;
    let text = String::from_utf8_lossy(body.get(..LONGEST).unwrap_or(body));
    match text.trim() {
        html if html.get(..1) == Some("<") => "the provider answered with a page of HTML or XML".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, code: &str, message: &str) -> ErrorKind {
        let code = (!code.is_empty()).then(|| code.to_owned());
        Fault { status: StatusCode::from_u16(status).ok(), code, message: message.to_owned() }.kind()
    }

    #[test]
    fn a_structured_code_decides_before_the_status() {
        assert_eq!(fault(400, "context_length_exceeded", ""), ErrorKind::ContextWindowExceeded);
        assert_eq!(fault(400, "invalid_api_key", ""), ErrorKind::Authentication);
        assert_eq!(fault(200, "rate_limit_exceeded", ""), ErrorKind::RateLimited);
    }

    #[test]
    fn a_status_decides_before_the_words() {
        assert_eq!(fault(429, "", "This model's maximum context length is 8192 tokens"), ErrorKind::RateLimited);
        assert_eq!(fault(500, "", "prompt is too long"), ErrorKind::Unavailable);
        assert_eq!(fault(404, "", "see error 403"), ErrorKind::NotFound);
    }

    #[test]
    fn a_vague_code_leaves_the_decision_to_status_and_words() {
        assert_eq!(fault(400, "invalid_request_error", "Prompt is too long: 9"), ErrorKind::ContextWindowExceeded);
        assert_eq!(fault(503, "api_error", ""), ErrorKind::Unavailable);
        assert_eq!(fault(400, "invalid-argument", "Incorrect API key provided."), ErrorKind::Authentication);
    }

    #[test]
    fn every_status_has_its_kind() {
        for (status, kind) in [
            (400, ErrorKind::InvalidRequest),
            (401, ErrorKind::Authentication),
            (402, ErrorKind::PaymentRequired),
            (403, ErrorKind::PermissionDenied),
            (404, ErrorKind::NotFound),
            (408, ErrorKind::Timeout),
            (413, ErrorKind::InvalidRequest),
            (422, ErrorKind::InvalidRequest),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (502, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
            (504, ErrorKind::Timeout),
            (529, ErrorKind::Unavailable),
        ] {
            assert_eq!(fault(status, "", ""), kind, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_each_of_its_forms() {
        let headers = |pairs: &[(&'static str, &str)]| {
            pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
        };
        let seconds = |pairs: &[(&'static str, &str)]| retry_after(&headers(pairs)).map(|after| after.as_secs_f64());
        assert_eq!(seconds(&[("retry-after", "2")]), Some(2.0));
        assert_eq!(seconds(&[("retry-after-ms", "250"), ("retry-after", "9")]), Some(0.25));
        let date = ("date", "Sun, 06 Nov 1994 08:49:30 GMT");
        assert_eq!(seconds(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), date]), Some(7.0));
        assert_eq!(seconds(&[("retry-after", "Sun, 06 Nov 1994 08:49:29 GMT"), date]), Some(0.0));
        assert_eq!(seconds(&[("retry-after", "-1")]), None);
        assert_eq!(seconds(&[("retry-after", "soon")]), None);
    }
}
