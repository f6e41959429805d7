//! Asking a token endpoint.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::transport::Transport;

/// The largest answer of a token endpoint.
const LIMIT: usize = 1 << 20;
/// How long an answer is waited for: all calls that need the token wait with the one that asks.
const PATIENCE: Duration = Duration::from_secs(60);
const FORM: &str = "application/x-www-form-urlencoded";
/// What the names of a form's secret fields have in them.
const SECRET: [&str; 6] = ["secret", "token", "key", "assertion", "code", "password"];

/// A POST of a form.
pub(super) fn form(url: &str, fields: &[(&str, &str)]) -> Result<Request<Bytes>> {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let kind = HeaderValue::from_static(FORM);
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
/// for a fault of the endpoint; [`ErrorKind::Timeout`] after a minute; [`ErrorKind::InvalidResponse`] for an answer that is
/// none. No secret of the request is in them, even where the endpoint repeats it.
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
    let (headers, body) = (request.headers().clone(), request.body().clone());
    let asking = tokio::time::timeout(PATIENCE, ask(transport, request, what)).await;
    let answer = asking.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, format!("{what} did not come within {} s", PATIENCE.as_secs())))
    });
    answer.map_err(|error| secrets(&headers, &body).iter().fold(error, |error, secret| error.redacted(secret)))
}

/// What of a request is not to be shown.
fn secrets(headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    let of_headers = headers.values().filter(|value| value.is_sensitive()).filter_map(|value| value.to_str().ok());
    let of_headers = of_headers.map(|value| value.rsplit(' ').next().unwrap_or(value).to_owned());
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == FORM);
    let pairs = url::form_urlencoded::parse(if is_form { body } else { &[] });
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        SECRET.iter().any(|word| name.contains(word)) && !name.ends_with("_type")
    };
    let of_form = pairs.filter(|(name, _)| is_secret(name)).map(|(_, value)| value.into_owned());
    of_headers.chain(of_form).collect()
}

async fn ask(transport: &Arc<dyn Transport>, request: Request<Bytes>, what: &str) -> Result<(http::StatusCode, Bytes)> {
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
