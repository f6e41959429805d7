//! The default transport.

use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use http::{Request, Response, Uri};
use reqwest::redirect::Policy;
#[cfg(feature = "tls")]
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Body, Transport};
use crate::error::{Error, ErrorKind, Result};

/// Sends requests by [`reqwest`], with pooled connections, HTTP/2 where the server has it, and the system's proxies.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    urls: Urls,
    /// How long connecting may take; nothing for a client of the caller's own.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only a certificate needs another client"))]
    connect: Option<Duration>,
}

/// Addresses read once: the same few are called again and again, and reading one costs as much as writing a request.
#[derive(Clone, Default)]
struct Urls(Arc<RwLock<HashMap<Uri, Url>>>);

/// So many addresses are kept; those of jobs and the like, which differ each time, must not fill the memory.
const MANY: usize = 256;

impl Urls {
    fn read(&self, uri: &Uri) -> Result<Url> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(uri).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let url = Url::parse(&uri.to_string()).map_err(|source| {
            Error::new(ErrorKind::Configuration, "the address is not a usable URL; check the base URL")
                .with_source(source)
        })?;
        let mut urls = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if urls.len() >= MANY {
            urls.clear();
        }
        urls.insert(uri.clone(), url.clone());
        Ok(url)
    }
}

impl ReqwestTransport {
    /// A transport that gives up connecting after `connect`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] where the system's TLS or proxy settings cannot be used.
    pub fn new(connect: Duration) -> Result<Self> {
        let client = settings(connect).build().map_err(|source| {
            Error::new(ErrorKind::Configuration, "the HTTP client cannot be set up").with_source(source)
        })?;
        Ok(Self { connect: Some(connect), ..Self::from_client(client) })
    }

    /// A transport over a client of the caller's own: its proxy, its certificates, its pool.
    ///
    /// Build it with [`Policy::none`]: a redirect must not carry a key to a host that nobody named.
    #[must_use]
    pub fn from_client(client: reqwest::Client) -> Self {
        Self { client, urls: Urls::default(), connect: None }
    }
}

fn settings(connect: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("anymodel/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .tcp_nodelay(true)
        .connect_timeout(connect)
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").field("client", &self.client).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let mut request = reqwest::Request::new(head.method, self.urls.read(&head.uri)?);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(body.into());
        let mut response = self.client.execute(request).await.map_err(no_response)?;
        let mut head = Response::new(());
        *head.status_mut() = response.status();
        *head.headers_mut() = std::mem::take(response.headers_mut());
        let pieces = response.bytes_stream().map_err(broken);
        Ok(head.map(|()| Body::stream(pieces)))
    }

    #[cfg(feature = "tls")]
    fn identified(&self, pem: &SecretString) -> Result<Arc<dyn Transport>> {
        let refused = |message: &'static str| Error::new(ErrorKind::Configuration, message);
        let connect = self.connect.ok_or_else(|| {
            refused(
                "a certificate (mTLS) cannot be given to an HTTP client that is there already; use a `token_source`",
            )
        })?;
        // What the parser says could quote the key.
        let unusable = |_| refused("the certificate and its key are not a usable pair in PEM");
        let identity = reqwest::Identity::from_pem(pem.expose_secret().as_bytes()).map_err(unusable)?;
        let client = settings(connect).identity(identity).build().map_err(unusable)?;
        Ok(Arc::new(Self { connect: Some(connect), ..Self::from_client(client) }))
    }
}

/// No response came.
fn no_response(source: reqwest::Error) -> Error {
    let source = source.without_url();
    if source.is_builder() {
        return Error::new(ErrorKind::Configuration, "the request cannot be sent; check the base URL and headers")
            .with_source(source);
    }
    let (kind, what) = match (source.is_timeout(), source.is_connect()) {
        (true, true) => (ErrorKind::Timeout, "connecting took too long"),
        (true, false) => (ErrorKind::Timeout, "the provider did not answer in time"),
        (false, true) => (ErrorKind::Connection, "no connection could be made"),
        (false, false) => (ErrorKind::Connection, "the connection broke before an answer came"),
    };
    Error::new(kind, format!("{what}: {}", root(&source))).with_source(source)
}

/// The connection broke inside the body.
fn broken(source: reqwest::Error) -> Error {
    let source = source.without_url();
    let message = format!("the connection broke inside the reply: {}", root(&source));
    Error::new(ErrorKind::Connection, message).with_source(source)
}

/// The innermost cause: the words of the system, such as "connection refused".
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.source().is_none() { error.to_string() } else { cause.to_string() }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_taken_with_its_key_and_never_shown() {
        let transport = ReqwestTransport::new(Duration::from_secs(1)).unwrap();
        let vector: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/entra_assertion.json")).unwrap();
        let pem = SecretString::from(vector["certificate"].as_str().unwrap());
        assert!(transport.identified(&pem).is_ok());
        let own = ReqwestTransport::from_client(reqwest::Client::new());
        assert_eq!(own.identified(&pem).unwrap_err().kind(), ErrorKind::Configuration);
        for wrong in ["", "s3cret", "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n"] {
            let error = transport.identified(&SecretString::from(wrong)).unwrap_err();
            assert!(error.kind() == ErrorKind::Configuration && !format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
