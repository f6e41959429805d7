//! How long to wait for what.

use std::time::Duration;

/// How long each part of a call may take. `None` is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// Making a connection. Of the client, not of a call: connections are shared.
    pub connect: Duration,
    /// From sending a request to the head of its answer.
    pub first_byte: Option<Duration>,
    /// Silence inside a stream, while its next piece is waited for.
    pub idle: Option<Duration>,
    /// The whole call with its retries. Of a stream: up to its head, unless the call itself sets it; then to its end.
    pub total: Option<Duration>,
}

impl Default for Deadlines {
    /// 10 s to connect, 600 s for the call, 300 s of silence: a model that reasons can be silent for minutes.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: None,
            idle: Some(Duration::from_secs(300)),
            total: Some(Duration::from_secs(600)),
        }
    }
}
