//! Asking a token endpoint.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::transport::Transport;

/// The largest answer of a token endpoint.
const LIMIT: usize = 1 << 20;

/// A POST of a form.
pub(super) fn form(url: &str, fields: &[(&str, &str)]) -> Result<Request<Bytes>> {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    Request::post(url)
        .header(header::CONTENT_TYPE, kind)
        .header(header::ACCEPT, HeaderValue::from_static("application/json"))
        .body(body.finish().into())
        .map_err(|source| unusable(url, source))
}

/// A GET.
pub(super) fn get(url: &str) -> Result<Request<Bytes>> {
    Request::get(url).body(Bytes::new()).map_err(|source| unusable(url, source))
}

fn unusable(url: &str, source: http::Error) -> Error {
    Error::new(ErrorKind::Configuration, format!("`{url}` is no address for tokens")).with_source(source)
}

/// Sends a request and reads the JSON of its answer. `what` names what is fetched, such as "a token of Google".
///
/// # Errors
///
/// [`ErrorKind::Authentication`] for an answer of 400 to 403, with the endpoint's own words; [`ErrorKind::Unavailable`]
/// for a fault of the endpoint; [`ErrorKind::InvalidResponse`] for an answer that is none. Nothing of the request is in
/// them.
pub(super) async fn json<T: DeserializeOwned>(
    transport: &Arc<dyn Transport>,
    request: Request<Bytes>,
    what: &str,
) -> Result<T> {
    let (status, body) = send(transport, request, what).await?;
    serde_json::from_slice(&body).map_err(|_| {
        Error::new(ErrorKind::InvalidResponse, format!("the answer to asking for {what} is not what it should be"))
            .with_status(status)
    })
}

/// Sends a request and gives the body of its answer.
///
/// # Errors
///
/// As [`json`].
pub(super) async fn send(
    transport: &Arc<dyn Transport>,
    request: Request<Bytes>,
    what: &str,
) -> Result<(http::StatusCode, Bytes)> {
    let response = transport.send(request).await.map_err(|error| {
        let message = format!("asking for {what} failed: {}", error.message());
        error.with_message(message)
    })?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().bytes(LIMIT).await?;
    if status.is_success() {
        return Ok((status, body));
    }
    let kind = match status.as_u16() {
        400..=403 => ErrorKind::Authentication,
        404 => ErrorKind::NotFound,
        429 => ErrorKind::RateLimited,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Configuration,
    };
    let said = said(&body);
    let words = if said.is_empty() { String::new() } else { format!(": {said}") };
    let error = Error::new(kind, format!("{what} was refused{words}")).with_status(status);
    Err(match crate::provider::request_id(&headers) {
        Some(id) => error.with_request_id(id),
        None => error,
    })
}

/// What an OAuth endpoint says of a refusal (RFC 6749, 5.2), or its own likes of it, or AWS in its XML.
fn said(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(serde_json::Value::as_str);
    let words = ["error_description", "errorMessage", "message"].iter().find_map(|name| text(name));
    let said = [text("error"), words].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !said.is_empty() {
        return said;
    }
    let xml = String::from_utf8_lossy(body);
    [element(&xml, "Code"), element(&xml, "Message")].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The text of the first element of this name in an XML document without a tree of its own.
pub(super) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(text.trim().to_owned(), |text, (escape, letter)| text.replace(escape, letter)))
}
