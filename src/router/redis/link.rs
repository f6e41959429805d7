//! The connection to Redis: made when it is needed, made again when it is lost, left alone while nothing answers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, ScriptInvocation, ServerErrorKind};
use tokio::time::{Instant, timeout};

use super::breaker::Breaker;
use crate::error::{Error, ErrorKind, Result};

/// The longest that making a connection may take. It goes on when the call that wanted it has given up waiting.
const CONNECT: Duration = Duration::from_secs(2);

/// A connection that many questions share.
pub(super) struct Link {
    client: Client,
    /// Host and port, or the path of a socket: nothing secret.
    pub(super) address: String,
    /// The longest that an answer may take.
    pub(super) timeout: Duration,
    breaker: Mutex<Breaker>,
    current: Mutex<Option<Connection>>,
    /// Held while a connection is made.
    connecting: tokio::sync::Mutex<()>,
    /// How many have been made or tried.
    tries: AtomicU64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// None came, though the question may have come there.
    Asked,
    /// Redis is being left alone.
    NotAsked,
}

#[derive(Clone)]
struct Connection {
    number: u64,
    wire: MultiplexedConnection,
}

/// Why there was no answer. Of what Redis said only the code is kept: some servers repeat what they were sent.
#[derive(Clone, Debug)]
struct Failure {
    kind: ErrorKind,
    what: String,
    /// Whether another connection can help.
    lost: bool,
}

impl Link {
    /// Makes no connection yet.
    pub(super) fn new(url: &str, timeout: Duration, pause: Duration) -> Result<Self> {
        let client = Client::open(url).map_err(|_| {
            let message = "the address of Redis is not one that can be used; give one like `redis://host:6379/0` or \
                           `unix:///path/to/socket` (there is no TLS)";
            Error::new(ErrorKind::Configuration, message)
        })?;
        let address = client.get_connection_info().addr().to_string();
        Ok(Self {
            client,
            address,
            timeout,
            breaker: Mutex::new(Breaker::new(pause)),
            current: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
            tries: AtomicU64::new(0),
        })
    }

    /// Makes the connection and asks for a sign of life, with the time that connecting may take.
    pub(super) async fn greet(self: &Arc<Self>) -> Result<()> {
        let greeting = async {
            let mut connection = self.connection().await?;
            redis::cmd("PING").query_async::<()>(&mut connection.wire).await.map_err(|error| Failure::of(&error))
        };
        let greeted = timeout(CONNECT, greeting).await.unwrap_or_else(|_| Err(Failure::silent()));
        greeted.map_err(|failure| Error::new(failure.kind, format!("Redis at {}: {}", self.address, failure.what)))
    }

    /// Whether it answers, as far as is known.
    pub(super) fn answers(&self) -> bool {
        lock(&self.breaker).is_closed()
    }

    /// Asks, and once more on another connection where the first was lost: the scripts can be asked twice.
    pub(super) async fn ask<T>(self: &Arc<Self>, question: &ScriptInvocation<'_>) -> Result<T, Silence>
    where
        T: FromRedisValue,
    {
        if !lock(&self.breaker).lets_through(Instant::now()) {
            return Err(Silence::NotAsked);
        }
        let answer = timeout(self.timeout, self.ask_twice(question)).await;
        match answer.unwrap_or_else(|_| Err(Failure::silent())) {
            Ok(answer) => {
                if lock(&self.breaker).answered() {
                    tracing::info!(address = %self.address, "Redis answers again: limits are kept with other processes");
                }
                Ok(answer)
            }
            Err(failure) => {
                if lock(&self.breaker).failed(Instant::now()) {
                    // The other side may be gone without a word.
                    *lock(&self.current) = None;
                    tracing::warn!(address = %self.address, why = %failure.what, "Redis does not answer");
                }
                Err(Silence::Asked)
            }
        }
    }

    async fn ask_twice<T: FromRedisValue>(self: &Arc<Self>, question: &ScriptInvocation<'_>) -> Result<T, Failure> {
        let mut first = self.connection().await?;
        match question.invoke_async(&mut first.wire).await.map_err(|error| Failure::of(&error)) {
            Err(failure) if failure.lost => self.hang_up(first.number),
            answer => return answer,
        }
        let mut second = self.connection().await?;
        let answer = question.invoke_async(&mut second.wire).await.map_err(|error| Failure::of(&error));
        if answer.as_ref().is_err_and(|failure| failure.lost) {
            self.hang_up(second.number);
        }
        answer
    }

    /// The connection, made where there is none. It is made by a task of its own, so that a call that does not wait for
    /// its end leaves it to the next.
    async fn connection(self: &Arc<Self>) -> Result<Connection, Failure> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let link = Arc::clone(self);
        tokio::spawn(async move { link.connect().await }).await.unwrap_or_else(|_| Err(Failure::silent()))
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let before = self.tries.load(Ordering::Acquire);
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        if self.tries.load(Ordering::Acquire) != before {
            return Err(Failure::silent());
        }
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connecting = timeout(CONNECT, self.client.get_multiplexed_async_connection_with_config(&config)).await;
        let number = self.tries.fetch_add(1, Ordering::AcqRel);
        let wire = connecting.map_err(|_| Failure::silent())?.map_err(|error| Failure::of(&error))?;
        let connection = Connection { number, wire };
        *lock(&self.current) = Some(connection.clone());
        Ok(connection)
    }

    fn current(&self) -> Option<Connection> {
        lock(&self.current).clone()
    }

    /// This connection is lost. Another may have taken its place already.
    fn hang_up(&self, number: u64) {
        lock(&self.current).take_if(|current| current.number == number);
    }
}

impl Failure {
    fn silent() -> Self {
        Self { kind: ErrorKind::Connection, what: "it did not answer in time".to_owned(), lost: false }
    }

    fn of(error: &RedisError) -> Self {
        use redis::ErrorKind as Kind;
        let lost = error.is_unrecoverable_error() || error.is_io_error();
        match (error.kind(), error.code()) {
            (Kind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => Self {
                kind: ErrorKind::Authentication,
                what: "it does not accept the user name or the password of its address".to_owned(),
                lost: false,
            },
            // The words of the operating system.
            (Kind::Io, _) => Self { kind: ErrorKind::Connection, what: error.to_string(), lost },
            (Kind::Server(kind), code) => Self {
                kind: ErrorKind::Unavailable,
                what: format!("it refuses what it is asked, with `{}`", code.unwrap_or("ERR")),
                // What was the first of several is a copy now.
                lost: lost || kind == ServerErrorKind::ReadOnly,
            },
            _ => Self { kind: ErrorKind::InvalidResponse, what: "what answers there is no Redis".to_owned(), lost },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("address", &self.address).field("answers", &self.answers()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_used_is_an_error_without_its_text() {
        let second = Duration::from_secs(1);
        for url in ["redis://:secret@host:port", "http://:secret@host", "secret", "rediss://:secret@host"] {
            let error = Link::new(url, second, second).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
        let link = Link::new("redis://me:secret@host:1/0", second, second).unwrap();
        assert_eq!(link.address, "host:1");
        assert!(!format!("{link:?}").contains("secret"));
    }

    #[test]
    fn what_a_server_repeats_of_what_it_was_sent_is_not_told() {
        let answer: redis::ErrorKind = ServerErrorKind::ResponseError.into();
        let error = RedisError::from((answer, "unknown command", "AUTH, with args: secret".to_owned()));
        assert!(!format!("{:?}", Failure::of(&error)).contains("secret"));
    }
}
