//! The one place where bytes go in and out: an HTTP request in, an HTTP response out.

mod reqwest;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use http::{Request, Response};
use secrecy::SecretString;

pub use self::reqwest::ReqwestTransport;
use crate::error::{Error, ErrorKind, Result};

/// Sends requests. Everything above it is about bytes, everything below it is not this crate's.
///
/// An implementation follows no redirects (a key must not reach a host that nobody named), retries nothing, and gives
/// the head of the response as soon as it is in.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request and waits for the head of the response.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`] where no response could be had, [`ErrorKind::Timeout`] where connecting took too long.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>>;

    /// One that servers know by a certificate (mTLS): its private key and the certificate with its chain, in PEM. It is asked
    /// for by credentials whose tokens are given to a certificate, and used for those tokens alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] where the PEM cannot be used, or, as by default, certificates cannot.
    fn identified(&self, pem: &SecretString) -> Result<Arc<dyn Transport>> {
        let _ = pem;
        Err(Error::new(ErrorKind::Configuration, "this transport does not identify itself by certificates (mTLS)"))
    }
}

/// The body of a response, as it comes. Dropping it closes the connection.
pub struct Body(Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>);

impl Body {
    /// A body that comes in pieces.
    #[must_use]
    pub fn stream(pieces: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self(Box::pin(pieces))
    }

    /// A body that is there already.
    #[must_use]
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::stream(futures::stream::once(async move { Ok(bytes) }))
    }

    /// All of the body, at most `limit` bytes of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] for a body beyond the limit, and the error of a connection that broke.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes> {
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await.transpose()? {
            let so_far = first.len().max(whole.len());
            if so_far.saturating_add(piece.len()) > limit {
                let message = format!("the reply is longer than {limit} bytes");
                return Err(Error::new(ErrorKind::InvalidResponse, message));
            }
            if so_far == 0 {
                first = piece;
                continue;
            }
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
