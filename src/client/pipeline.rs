//! One call: encode, authorise, send, decode, and try again where that can help.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::time::{Instant, sleep, sleep_until};

use super::{CallOptions, Client, Deadlines, Endpoint, RetryPolicy, retry};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Encoded, Operation, Progress, StreamOf, request_id};
use crate::transport::Body;
use crate::wire::mended;

/// The largest error reply that is kept.
const MAX_ERROR_BYTES: usize = 1 << 20;

/// The times of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// When the call must have ended.
    pub(super) end: Option<Instant>,
    first_byte: Option<Duration>,
    pub(super) idle: Option<Duration>,
}

impl Clock {
    pub(super) fn start(deadlines: &Deadlines, options: &CallOptions) -> Self {
        let total = options.timeout.or(deadlines.total);
        Self {
            end: total.and_then(|total| Instant::now().checked_add(total)),
            first_byte: options.first_byte_timeout.or(deadlines.first_byte),
            idle: options.stream_timeout.or(deadlines.idle),
        }
    }

    /// Waits for something of the credentials, but not beyond the call's end.
    pub(super) async fn within_call<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        within(self.end, "the credentials did not come in time", future).await
    }

    /// By when an answer must have begun, and what is said where it has not.
    fn answer(&self) -> (Option<Instant>, &'static str) {
        let by = self.by(self.first_byte);
        (by, if by == self.end { "the call did not come to its end in time" } else { "no answer began in time" })
    }

    /// The sooner of the call's end and a pause from now.
    fn by(&self, pause: Option<Duration>) -> Option<Instant> {
        let pause = pause.and_then(|pause| Instant::now().checked_add(pause));
        match (self.end, pause) {
            (Some(end), Some(pause)) => Some(end.min(pause)),
            (end, pause) => end.or(pause),
        }
    }
}

/// Waits for something, but not beyond its deadline. What is there already, as most credentials are, sets no timer.
pub(super) async fn within<T>(
    deadline: Option<Instant>,
    what: &'static str,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let (mut future, mut timer) = (pin!(future), pin!(None));
    poll_fn(|context| {
        let result = future.as_mut().poll(context);
        let Some(deadline) = deadline.filter(|_| result.is_pending()) else { return result };
        if timer.is_none() {
            timer.set(Some(sleep_until(deadline)));
        }
        let late = |()| Err(Error::new(ErrorKind::Timeout, what));
        timer.as_mut().as_pin_mut().map_or(Poll::Pending, |timer| timer.poll(context).map(late))
    })
    .await
}

/// What every reply has beside its body, with what the request had that is secret.
pub(super) struct Sent {
    pub(super) response: Response<Body>,
    pub(super) secrets: Vec<HeaderValue>,
}

impl Client {
    /// Asks an operation of an endpoint: the whole reply, with the headers that it came with.
    pub(super) async fn ask<Op: Operation>(
        &self,
        endpoint: &Endpoint,
        request: &Op::Request,
        encoded: &Encoded,
        clock: &Clock,
    ) -> Result<(Op::Response, HeaderMap)> {
        let mut sending = encoded.request.clone();
        let mut sent = self.send(endpoint, &mut sending, clock).await?;
        loop {
            let (next, after) = {
                let (response, secrets) = self.whole(sent, clock).await?;
                let decoded = Op::decode(endpoint.provider.as_ref(), request, &response)
                    .map_err(|error| place(redact(error, &secrets), &response))?;
                match decoded {
                    Progress::Done(reply) => return Ok((reply, response.into_parts().0.headers)),
                    Progress::Poll { request, after } => (request, after),
                }
            };
            let Some(pause) = affordable(after, clock) else {
                return Err(Error::new(ErrorKind::Timeout, "the job was not done in time"));
            };
            sleep(pause).await;
            sent = self.send_next(endpoint, next, clock).await?;
        }
    }

    /// Reads a reply to its end.
    async fn whole(&self, sent: Sent, clock: &Clock) -> Result<(Response<Bytes>, Vec<HeaderValue>)> {
        let Sent { response, secrets } = sent;
        let (head, body) = response.into_parts();
        let reading =
            within(clock.end, "the reply did not come to its end in time", body.bytes(self.0.max_reply_bytes));
        let body = reading.await.map_err(|error| redact(error, &secrets))?;
        let body = mended(&body).map_or(body, Bytes::from);
        Ok((Response::from_parts(head, body), secrets))
    }

    /// Sends one request: the head of a good reply, or the error that the reply is. What is sent is taken out of
    /// `request`, so that it is in one place, however deep the futures are nested.
    pub(super) async fn send(&self, endpoint: &Endpoint, request: &mut Request<Bytes>, clock: &Clock) -> Result<Sent> {
        add_headers(request.headers_mut(), &endpoint.headers);
        if endpoint.credentials.can_renew() {
            return self.send_renewing(endpoint, request, clock).await;
        }
        self.authorize(endpoint, request, clock).await?;
        self.send_as_is(endpoint, request, clock).await
    }

    /// Sends a request with a token that may be out of date: where the provider refuses one that was kept, the request is
    /// sent once more with a new one.
    fn send_renewing<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        request: &'a mut Request<Bytes>,
        clock: &'a Clock,
    ) -> BoxFuture<'a, Result<Sent>> {
        Box::pin(async move {
            let mut again = request.clone();
            self.authorize(endpoint, request, clock).await?;
            let refused = request.headers().clone();
            match self.send_as_is(endpoint, request, clock).await {
                Err(error) if error.kind() == ErrorKind::Authentication && endpoint.credentials.renew(&refused) => {
                    self.authorize(endpoint, &mut again, clock).await?;
                    self.send_as_is(endpoint, &mut again, clock).await
                }
                result => result,
            }
        })
    }

    /// Sends what a reply says to ask next. To a host that is not the endpoint's goes nothing of the endpoint's own.
    fn send_next<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        request: Request<Bytes>,
        clock: &'a Clock,
    ) -> BoxFuture<'a, Result<Sent>> {
        Box::pin(async move {
            let mut request = from_base(request, endpoint)?;
            if is_of(endpoint, &request) {
                return self.send(endpoint, &mut request, clock).await;
            }
            self.send_as_is(endpoint, &mut request, clock).await
        })
    }

    /// Puts the credentials on a request. A header that the caller has given stays what it is, and with an `authorization`
    /// of the caller's own none has to be found.
    async fn authorize(&self, endpoint: &Endpoint, request: &mut Request<Bytes>, clock: &Clock) -> Result<()> {
        let authorized = clock.within_call(endpoint.credentials.authorize(endpoint.provider.as_ref(), request)).await;
        match authorized {
            Err(error) if error.kind() != ErrorKind::Authentication => return Err(error),
            Err(error) if !endpoint.headers.contains_key(AUTHORIZATION) => return Err(error),
            _ => {}
        }
        for (name, value) in endpoint.headers.iter().filter(|(name, _)| !is_list(name)) {
            request.headers_mut().insert(name, value.clone());
        }
        Ok(())
    }

    /// Sends a request without another word.
    async fn send_as_is(&self, endpoint: &Endpoint, request: &mut Request<Bytes>, clock: &Clock) -> Result<Sent> {
        let secrets: Vec<HeaderValue> =
            request.headers().values().filter(|value| value.is_sensitive()).cloned().collect();
        let sending = self.0.transport.send(std::mem::take(request));
        let (by, late) = clock.answer();
        let response = within(by, late, sending).await.map_err(|error| redact(error, &secrets))?;
        if response.status().is_success() {
            return Ok(Sent { response, secrets });
        }
        Err(refusal(endpoint, response, &secrets, clock).await)
    }

    /// Sends a request whose answer is to be a stream. A page of HTML with a good status, such as that of a proxy
    /// where one has to sign in, is none.
    pub(super) async fn open(
        &self,
        endpoint: &Endpoint,
        mut request: Request<Bytes>,
        stream_of: Option<StreamOf>,
        clock: &Clock,
    ) -> Result<Sent> {
        let mut sent = self.send(endpoint, &mut request, clock).await?;
        if let Some(stream_of) = stream_of {
            let (response, secrets) = self.whole(sent, clock).await?;
            let next = stream_of(&response).map_err(|error| place(redact(error, &secrets), &response))?;
            sent = self.send_next(endpoint, next, clock).await?;
        }
        let Sent { response, secrets } = sent;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/html") {
            return Ok(Sent { response, secrets });
        }
        let page = short(response, clock).await;
        let error = Error::new(ErrorKind::InvalidResponse, "the provider answered with a page of HTML, not a stream");
        Err(redact(place(error, &page), &secrets))
    }

    /// Tries until it succeeds, the policy gives up, or there is no time left.
    pub(super) async fn retry<T, F: Future<Output = Result<T>>>(
        &self,
        policy: &RetryPolicy,
        clock: &Clock,
        attempts: &mut u32,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T> {
        self.0.budget.earn();
        loop {
            *attempts = attempts.saturating_add(1);
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let pause = policy.pause(&error, *attempts, retry::dice()).and_then(|pause| affordable(pause, clock));
            match pause.filter(|_| self.0.budget.spend()) {
                Some(pause) => sleep(pause).await,
                None => return Err(error.with_attempts(*attempts)),
            }
        }
    }
}

/// The error that a response without a good status is.
fn refusal<'a>(
    endpoint: &'a Endpoint,
    response: Response<Body>,
    secrets: &'a [HeaderValue],
    clock: &'a Clock,
) -> BoxFuture<'a, Error> {
    Box::pin(async move {
        let response = short(response, clock).await;
        if response.status().is_redirection() {
            return redirected(&response);
        }
        redact(endpoint.provider.decode_error(&response), secrets)
    })
}

/// A response that is an error or a page, with as much of its body as comes in time.
fn short(response: Response<Body>, clock: &Clock) -> BoxFuture<'_, Response<Bytes>> {
    Box::pin(async move {
        let (head, body) = response.into_parts();
        let reading =
            within(clock.by(clock.idle), "the body did not come to its end in time", body.bytes(MAX_ERROR_BYTES));
        Response::from_parts(head, reading.await.unwrap_or_default())
    })
}

/// A request whose address is only a path, at the endpoint's base URL.
fn from_base(mut request: Request<Bytes>, endpoint: &Endpoint) -> Result<Request<Bytes>> {
    if request.uri().authority().is_none() {
        let url = format!("{}{}", endpoint.base_url.trim_end_matches('/'), request.uri());
        *request.uri_mut() = url.parse().map_err(|source| {
            Error::new(ErrorKind::InvalidResponse, "the reply names an address that is none").with_source(source)
        })?;
    }
    Ok(request)
}

/// Whether a request goes to the endpoint's own host.
fn is_of(endpoint: &Endpoint, request: &Request<Bytes>) -> bool {
    let base = endpoint.base_url.parse::<http::Uri>().unwrap_or_default();
    let uri = request.uri();
    (base.scheme(), base.authority()) == (uri.scheme(), uri.authority())
}

/// A pause that ends before the call must.
fn affordable(pause: Duration, clock: &Clock) -> Option<Duration> {
    let until = Instant::now().checked_add(pause)?;
    clock.end.is_none_or(|end| until < end).then_some(pause)
}

/// Adds the endpoint's headers. They stand instead of what the codec has set, but for lists: what the codec has set for
/// the request's own sake is joined with the caller's, which HTTP holds for the same as two headers.
fn add_headers(headers: &mut HeaderMap, more: &HeaderMap) {
    for (name, value) in more {
        let mine = headers.get_all(name).into_iter().filter(|_| is_list(name));
        let all: Option<Vec<&str>> = mine.chain([value]).map(|value| value.to_str().ok()).collect();
        let joined = all.and_then(|all| HeaderValue::from_str(&all.join(",")).ok());
        let sensitive = value.is_sensitive();
        let mut joined = joined.unwrap_or_else(|| value.clone());
        joined.set_sensitive(sensitive);
        headers.insert(name, joined);
    }
}

/// Whether a header is a list of features that are asked for, such as `anthropic-beta`.
fn is_list(name: &HeaderName) -> bool {
    name.as_str().ends_with("-beta")
}

/// Takes the request's secrets out of an error.
pub(super) fn redact(error: Error, secrets: &[HeaderValue]) -> Error {
    secrets
        .iter()
        .filter_map(|secret| secret.to_str().ok())
        .fold(error, |error, secret| error.redacted(secret.rsplit(' ').next().unwrap_or(secret)))
}

/// Adds what the reply's head says to an error that was found in its body.
fn place(error: Error, response: &Response<Bytes>) -> Error {
    let error = match request_id(response.headers()) {
        Some(id) => error.with_request_id(id),
        None => error,
    };
    if error.status().is_some() { error } else { error.with_status(response.status()) }
        .with_body(response.body().clone())
}

fn redirected(response: &Response<Bytes>) -> Error {
    let location = response.headers().get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let host = location.and_then(|url| url.parse::<http::Uri>().ok()?.host().map(str::to_owned));
    let to = host.map_or_else(|| "elsewhere".to_owned(), |host| format!("to {host}"));
    Error::new(
        ErrorKind::Configuration,
        format!("the address redirects {to}, and a redirect is not followed with a key; correct the base URL"),
    )
    .with_status(response.status())
}
