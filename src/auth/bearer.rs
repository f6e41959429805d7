//! Tokens that are sent as `Authorization: Bearer`, and sources of them that a caller brings.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use secrecy::{ExposeSecret, SecretString};

use super::{Credentials, Token, TokenCache};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::Provider;

/// Gives tokens, such as those of a company's own identity service, or of another crate for credentials.
///
/// A closure that gives a future is one:
///
/// ```
/// use std::time::Duration;
///
/// use anymodel::Client;
/// use anymodel::auth::Token;
///
/// let client = Client::builder()
///     .token_source("azure", || async { Ok(Token::new("a token", Some(Duration::from_secs(3600)))) })
///     .build()?;
/// # Ok::<(), anymodel::Error>(())
/// ```
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token. It is asked for another one when that has ended, or when the provider refuses it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Authentication`](crate::ErrorKind::Authentication) where there is none.
    async fn token(&self) -> Result<Token>;
}

#[async_trait]
impl<F, T> TokenSource for F
where
    F: Fn() -> T + Send + Sync,
    T: Future<Output = Result<Token>> + Send,
{
    async fn token(&self) -> Result<Token> {
        self().await
    }
}

/// Sends the tokens of a source, each as long as it is good.
#[derive(Clone)]
pub struct BearerTokens {
    source: Arc<dyn TokenSource>,
    tokens: TokenCache,
}

impl BearerTokens {
    /// The tokens of this source.
    #[must_use]
    pub fn new(source: impl TokenSource + 'static) -> Self {
        Self { source: Arc::new(source), tokens: TokenCache::default() }
    }
}

/// The name of the only token that is kept.
const ONLY: &str = "";

#[async_trait]
impl Credentials for BearerTokens {
    async fn authorize(&self, _: &dyn Provider, request: &mut Request<Bytes>) -> Result<()> {
        put(&self.tokens.get(ONLY, || self.source.token()).await?.secret, request)
    }

    fn can_renew(&self) -> bool {
        true
    }

    fn renew(&self, refused: &HeaderMap) -> bool {
        sent(refused).is_some_and(|secret| {
            self.tokens.refused(ONLY, secret);
            true
        })
    }
}

impl fmt::Debug for BearerTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerTokens")
    }
}

/// Puts a token on a request.
pub(super) fn put(secret: &SecretString, request: &mut Request<Bytes>) -> Result<()> {
    let secret = secret.expose_secret().trim();
    if secret.is_empty() {
        return Err(Error::new(ErrorKind::Authentication, "the token is empty"));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {secret}"))
        .map_err(|_| Error::new(ErrorKind::Authentication, "the token holds characters that a header cannot"))?;
    value.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, value);
    Ok(())
}

/// The token that was sent with these headers.
pub(super) fn sent(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_without_what_surrounds_it_and_an_empty_one_is_an_error() {
        let mut request = Request::new(Bytes::new());
        put(&" t0ken\n".into(), &mut request).unwrap();
        assert_eq!(sent(request.headers()), Some("t0ken"));
        assert!(request.headers()[header::AUTHORIZATION].is_sensitive());
        for wrong in ["", " \n", "a\nb"] {
            assert_eq!(put(&wrong.into(), &mut request).unwrap_err().kind(), ErrorKind::Authentication, "{wrong:?}");
        }
    }
}
