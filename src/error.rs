//! The one error type: what went wrong, where, and whether a retry can help.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

#[cfg(any(feature = "client", test))]
use secret::without;

#[cfg(any(feature = "client", test))]
mod secret;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is.
///
/// Decisions are made on the kind, never on the text of an error. A provider's failure is classified by its HTTP
/// status and its structured error code first, and by its message only where the provider has nothing better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The provider does not accept the request as it is (400, 409, 413, 422 and their like).
    InvalidRequest,
    /// A parameter or content of the request cannot be expressed to this provider; nothing was sent.
    Unsupported,
    /// The key is missing, wrong or expired (401).
    Authentication,
    /// The key is good but may not do this (403).
    PermissionDenied,
    /// The account has no credit left (402).
    PaymentRequired,
    /// No such model, deployment or address (404).
    NotFound,
    /// Too many requests or tokens for now (429).
    RateLimited,
    /// The conversation is longer than the model's context window.
    ContextWindowExceeded,
    /// The provider refused by its content policy.
    ContentPolicy,
    /// A deadline passed: connecting, the first byte, silence inside a stream, or the whole call (408, 504).
    Timeout,
    /// The connection could not be made, or broke before the reply began.
    Connection,
    /// The provider has a fault or is overloaded (500, 502, 503, 529).
    Unavailable,
    /// The provider's reply is not what its format says: not JSON, or a field of the wrong kind.
    InvalidResponse,
    /// A stream ended, broke off or went wrong before its finish reason; [`Error::partial`] keeps what came.
    StreamInterrupted,
    /// The model name carries a provider prefix that is not known.
    UnknownProvider,
    /// What a call cost cannot be told: its model, or something that it used, has no price in the list, or the
    /// provider did not say what it used.
    UnknownPrice,
    /// Something that the caller set cannot be used: a base URL, a header, a missing setting.
    Configuration,
}

impl ErrorKind {
    /// The kind in `snake_case`, stable across versions: for logs, metrics and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unsupported => "unsupported",
            Self::Authentication => "authentication",
            Self::PermissionDenied => "permission_denied",
            Self::PaymentRequired => "payment_required",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::ContextWindowExceeded => "context_window_exceeded",
            Self::ContentPolicy => "content_policy",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Unavailable => "unavailable",
            Self::InvalidResponse => "invalid_response",
            Self::StreamInterrupted => "stream_interrupted",
            Self::UnknownProvider => "unknown_provider",
            Self::UnknownPrice => "unknown_price",
            Self::Configuration => "configuration",
        }
    }

    /// The status that HTTP has for it.
    const fn http_status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::Unsupported | Self::ContextWindowExceeded | Self::ContentPolicy => {
                StatusCode::BAD_REQUEST
            }
            Self::Authentication => StatusCode::UNAUTHORIZED,
            Self::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::NotFound | Self::UnknownProvider => StatusCode::NOT_FOUND,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Connection | Self::InvalidResponse | Self::StreamInterrupted => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnknownPrice | Self::Configuration => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the caller can do about it, one sentence.
    const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Authentication => Some("check the API key"),
            Self::PermissionDenied => Some("check what the key may use"),
            Self::PaymentRequired => Some("check the account's credit"),
            Self::NotFound => Some("check the model name and the base URL"),
            Self::ContextWindowExceeded => Some("shorten the conversation or use a model with a larger context"),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether trying the same call again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same call would fail the same way.
    No,
    /// It can help, after a pause of the caller's choice.
    Yes,
    /// It can help, and the provider said how long to wait (`Retry-After`).
    After(Duration),
}

/// A failed call.
///
/// One word wide; everything about the failure is behind its methods. `Display` gives kind, place and message in one
/// line, without secrets; the provider's whole reply is in [`body`](Error::body).
///
/// ```
/// use anymodel::{Error, ErrorKind, Retry};
///
/// let error = Error::new(ErrorKind::RateLimited, "slow down").with_provider("openai").with_model("gpt-5");
/// assert_eq!(error.retry(), Retry::Yes);
/// assert_eq!(error.to_string(), "rate_limited: slow down (openai/gpt-5)");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    provider: Option<Cow<'static, str>>,
    model: Option<String>,
    status: Option<StatusCode>,
    code: Option<String>,
    request_id: Option<String>,
    retry: Option<Retry>,
    retry_after: Option<Duration>,
    attempts: u32,
    body: Option<Bytes>,
    rate_limits: Vec<(String, String)>,
    partial: Option<Arc<dyn Any + Send + Sync>>,
    trail: Option<Arc<dyn Any + Send + Sync>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind, with a message that says what was wrong and what to do next.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            provider: None,
            model: None,
            status: None,
            code: None,
            request_id: None,
            retry: None,
            retry_after: None,
            attempts: 0,
            body: None,
            rate_limits: Vec::new(),
            partial: None,
            trail: None,
            source: None,
        }))
    }

    /// The error for a parameter that `provider` has no way to express.
    #[must_use]
    pub fn unsupported(parameter: &str, provider: &str) -> Self {
        Self::new(
            ErrorKind::Unsupported,
            format!(
                "`{parameter}` is not supported by {provider}; leave it out, or set `drop_params` to have it dropped"
            ),
        )
    }

    /// The error for something of the conversation that `provider` does not take. It is never left out unsaid, so that
    /// `drop_params` does not help.
    pub(crate) fn not_taken(what: &str, provider: &str) -> Self {
        Self::new(ErrorKind::Unsupported, format!("`messages`: {what} is not taken by {provider}"))
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was wrong, in the provider's words where it gave any.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the same call can succeed when it is tried again.
    ///
    /// By default the kinds that pass with time can be retried: rate limits, timeouts, lost connections, faults of
    /// the provider and interrupted streams, and status 409.
    #[must_use]
    pub fn retry(&self) -> Retry {
        let retry = self.0.retry.unwrap_or(match self.0.kind {
            ErrorKind::RateLimited
            | ErrorKind::Timeout
            | ErrorKind::Connection
            | ErrorKind::Unavailable
            | ErrorKind::StreamInterrupted => Retry::Yes,
            _ if self.0.status == Some(StatusCode::CONFLICT) => Retry::Yes,
            _ => Retry::No,
        });
        match (retry, self.0.retry_after) {
            (Retry::Yes, Some(after)) => Retry::After(after),
            _ => retry,
        }
    }

    /// Shorthand for `retry() != Retry::No`.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retry() != Retry::No
    }

    /// The provider that failed, by its prefix.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// The model that was called, without its prefix.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    /// The HTTP status, or the one that an error inside a reply or stream stands for.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The status by which a server of yours tells the error: its own where that is one of a failure, else that of its
    /// kind. A reply of status 200 that cannot be read is a 502, a parameter that no request was sent for a 400.
    ///
    /// ```
    /// use anymodel::{Error, ErrorKind};
    ///
    /// assert_eq!(Error::new(ErrorKind::UnknownProvider, "no such provider").http_status(), 404);
    /// ```
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        let own = self.status().filter(|status| status.is_client_error() || status.is_server_error());
        own.unwrap_or_else(|| self.kind().http_status())
    }

    /// The provider's own error code or type, such as `insufficient_quota` or `overloaded_error`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The provider's id of the failed request, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the provider asked to wait (`Retry-After`), whether or not a retry can help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How many requests were sent before the call was given up.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The provider's reply as it came, where one came.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// The rate-limit headers of the failed reply, name and value as the provider sent them.
    #[must_use]
    pub fn rate_limits(&self) -> &[(String, String)] {
        &self.0.rate_limits
    }

    /// The same error with another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error in other words.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Names the provider, unless one is named already.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<Cow<'static, str>>) -> Self {
        self.0.provider.get_or_insert_with(|| provider.into());
        self
    }

    /// Names the model, unless one is named already.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.0.model.get_or_insert_with(|| model.into());
        self
    }

    /// Says which HTTP status it came with.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Keeps the provider's own error code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Keeps the provider's request id, unless one is kept already.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id.get_or_insert_with(|| id.into());
        self
    }

    /// Overrides whether a retry can help.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = Some(retry);
        self
    }

    /// Keeps how long the provider asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Says how many requests were sent.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Keeps the provider's reply, unless one is kept already.
    #[must_use]
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.0.body.get_or_insert(body);
        self
    }

    /// Keeps the rate-limit headers.
    #[must_use]
    pub fn with_rate_limits(mut self, headers: Vec<(String, String)>) -> Self {
        self.0.rate_limits = headers;
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Keeps what had come of a reply; read back with the typed accessor of the reply's module.
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn with_partial<T: Any + Send + Sync>(mut self, partial: T) -> Self {
        self.0.partial = Some(Arc::new(partial));
        self
    }

    pub(crate) fn partial_as<T: Any>(&self) -> Option<&T> {
        self.0.partial.as_ref()?.downcast_ref()
    }

    /// Keeps what was tried before the call was given up; read back with the typed accessor of the reply's module.
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn with_trail<T: Any + Send + Sync>(mut self, trail: T) -> Self {
        self.0.trail = Some(Arc::new(trail));
        self
    }

    pub(crate) fn trail_as<T: Any>(&self) -> Option<&T> {
        self.0.trail.as_ref()?.downcast_ref()
    }

    /// Takes a secret out of everything that could be printed: some providers repeat the key that they refuse.
    #[cfg(any(feature = "client", test))]
    #[must_use]
    pub(crate) fn redacted(mut self, secret: &str) -> Self {
        let inner = &mut *self.0;
        if let Some(clean) = without(&inner.message, secret) {
            inner.message = clean.into();
        }
        let told = [&mut inner.code, &mut inner.request_id].into_iter().flatten();
        for text in told.chain(inner.rate_limits.iter_mut().map(|(_, value)| value)) {
            if let Some(clean) = without(text, secret) {
                *text = clean;
            }
        }
        if let Some(body) = &inner.body
            && let Some(clean) = without(&String::from_utf8_lossy(body), secret)
        {
            inner.body = Some(clean.into());
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{}: {}", inner.kind, inner.message)?;
        // What is found before anything is sent says itself what to do.
        let own = inner.status.is_none() && matches!(inner.kind, ErrorKind::Authentication | ErrorKind::NotFound);
        if let Some(advice) = inner.kind.advice().filter(|_| !own) {
            write!(f, "; {advice}")?;
        }
        let mut place = Vec::new();
        match (&inner.provider, &inner.model) {
            (Some(provider), Some(model)) => place.push(format!("{provider}/{model}")),
            (Some(only), None) => place.push(only.to_string()),
            (None, Some(only)) => place.push(only.clone()),
            (None, None) => {}
        }
        place.extend(inner.status.map(|status| format!("status {}", status.as_u16())));
        place.extend(inner.request_id.as_ref().map(|id| format!("request {id}")));
        place.extend(inner.retry_after.map(|after| format!("retry after {} s", after.as_secs_f64())));
        if inner.attempts > 1 {
            place.push(format!("{} attempts", inner.attempts));
        }
        if !place.is_empty() {
            write!(f, " ({})", place.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("message", &inner.message)
            .field("provider", &inner.provider)
            .field("model", &inner.model)
            .field("status", &inner.status)
            .field("code", &inner.code)
            .field("request_id", &inner.request_id)
            .field("retry", &self.retry())
            .field("attempts", &inner.attempts)
            .field("body", &inner.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned()))
            .field("source", &inner.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide_and_can_cross_threads() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn retry_after_is_honoured_only_where_a_retry_can_help() {
        let wait = Duration::from_secs(3);
        let limited = Error::new(ErrorKind::RateLimited, "busy").with_retry_after(wait);
        assert_eq!(limited.retry(), Retry::After(wait));
        let invalid = Error::new(ErrorKind::InvalidRequest, "no").with_retry_after(wait);
        assert_eq!(invalid.retry(), Retry::No);
        assert_eq!(invalid.retry_after(), Some(wait));
    }

    #[test]
    fn a_conflict_can_be_retried() {
        let conflict = Error::new(ErrorKind::InvalidRequest, "locked").with_status(StatusCode::CONFLICT);
        assert!(conflict.is_retryable());
    }

    #[test]
    fn a_server_tells_an_error_by_a_status_of_failure() {
        let unreadable = Error::new(ErrorKind::InvalidResponse, "not JSON");
        assert_eq!(unreadable.clone().with_status(StatusCode::OK).http_status(), StatusCode::BAD_GATEWAY);
        assert_eq!(unreadable.with_status(StatusCode::IM_A_TEAPOT).http_status(), StatusCode::IM_A_TEAPOT);
        assert_eq!(Error::unsupported("seed", "acme").http_status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_secret_that_the_provider_repeats_is_taken_out() {
        let error = Error::new(ErrorKind::Authentication, "bad key sk-abc")
            .with_body(Bytes::from_static(b"{\"error\":\"bad key sk-abc\"}"))
            .with_code("sk-abc")
            .with_request_id("sk-abc")
            .with_rate_limits(vec![("x-ratelimit".to_owned(), "sk-abc".to_owned())])
            .redacted("sk-abc");
        assert!(!format!("{error} {error:?} {:?}", error.rate_limits()).contains("sk-abc"));
        assert_eq!(error.body().map(Bytes::as_ref), Some(b"{\"error\":\"bad key [redacted]\"}".as_slice()));
    }
}
