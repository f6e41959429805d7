//! What can go wrong on purpose.

use std::time::Duration;

/// A fault of the provider or of the network.
///
/// `…After(n)` breaks a stream when it has sent `n` pieces of its content (see [`Reply::chunks`]), in any case
/// before its finish reason; a whole reply breaks in the middle of its body.
///
/// For a connection that is refused there is [`MockServer::refused_url`].
///
/// [`Reply::chunks`]: super::Reply::chunks
/// [`MockServer::refused_url`]: super::MockServer::refused_url
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is reset (TCP `RST`) before the response begins.
    Reset,
    /// The connection is reset in mid-reply.
    ResetAfter(usize),
    /// This status, 400 or above, with an error body in the format of the request.
    Status(u16),
    /// 429 with `Retry-After`, in the next full second; a part of a second is told by `retry-after-ms` too.
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The conversation is longer than the model's context window.
    ContextWindowExceeded,
    /// The request is refused by policy. Gemini does so with status 200, and Bedrock's guardrails with a reply of their
    /// own; Ollama has no policy, and answers 400.
    ContentPolicy,
    /// The response begins only after this time.
    SlowHead(Duration),
    /// Silence in mid-reply: nothing more comes, and the connection stays open.
    StallAfter(usize),
    /// The connection is closed in mid-reply, without the end that HTTP asks for.
    CutAfter(usize),
    /// As [`CutAfter`](Self::CutAfter), after this many bytes of the body, wherever that is.
    CutAfterBytes(usize),
    /// HTTP ends as it should, the reply does not: its rest and its finish reason are missing.
    EndAfter(usize),
    /// One event is not JSON, though it is framed as it should be; the others follow. A whole reply ends in the middle of
    /// its JSON.
    MalformedAfter(usize),
    /// The provider reports an error in mid-stream, in its own form, and the stream ends. A whole reply is the error
    /// with status 200, as gateways do it.
    ErrorAfter(usize),
    /// A page of HTML with status 200, as a proxy's login page.
    Html,
    /// Status 200 and no body.
    EmptyBody,
    /// The reply as it should be, but said to be `text/plain`.
    WrongContentType,
    /// A line, a JSON string or a message of an event stream that does not end within this many bytes; then the body
    /// ends.
    HugeLine(usize),
}

/// The errors that a wire format has its own words for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    Status(u16),
    RateLimited(Duration),
    ContextWindow,
    ContentPolicy,
}

impl Fault {
    /// The fault as an error reply, where it is one.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Status(status) => Some(Trouble::Status(*status)),
            Self::RateLimited { retry_after } => Some(Trouble::RateLimited(*retry_after)),
            Self::ContextWindowExceeded => Some(Trouble::ContextWindow),
            Self::ContentPolicy => Some(Trouble::ContentPolicy),
            _ => None,
        }
    }
}
