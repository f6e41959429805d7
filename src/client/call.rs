//! A client's calls: each operation asked of one endpoint, watched from its start to its end, with its fallbacks.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use tokio::time::Instant;
use tracing::Span;

use super::completion::{BoxFuture, Complete};
use super::observer::{Answer, Watch};
use super::pipeline::Clock;
use super::stream::Head;
use super::{CallOptions, ChatStream, Client, Question, RetryPolicy, Streaming, left_out};
use crate::chat::{CallMeta, ChatRequest, ChatResponse, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Chat, CountTokens, Encoded, Operation, Reply, Streamed, rate_limits, request_id};
use crate::tokenizer::TokenCount;

impl Complete for Client {
    fn complete(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<ChatResponse>> {
        self.perform::<Chat>(request, options)
    }

    fn count_tokens(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<TokenCount>> {
        self.perform::<CountTokens>(request, options)
    }

    fn complete_stream(&self, request: ChatRequest, options: CallOptions) -> BoxFuture<Result<ChatStream>> {
        self.streamed::<Chat>(request, options)
    }
}

impl Client {
    /// An operation, asked of the model that its request names, and where that fails of each fallback in turn.
    pub(crate) fn perform<Op>(&self, request: Op::Request, mut options: CallOptions) -> BoxFuture<Result<Op::Response>>
    where
        Op: Operation<Request: Question, Response: Answer>,
    {
        if !Op::Response::ANY_MODEL {
            options.fallbacks.clear();
        }
        self.answer(request, options, Self::call::<Op>)
    }

    /// The streamed reply of an operation.
    pub(super) fn streamed<Op>(&self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Streaming<Op>>>
    where
        Op: Streamed<Request: Question, Response: Reply>,
    {
        self.answer(request, options, Self::stream::<Op>)
    }

    /// The call, and where it fails the same call of each fallback in turn.
    fn answer<R: Question, T: Send + 'static>(
        &self,
        mut request: R,
        options: CallOptions,
        call: fn(Self, R, CallOptions) -> BoxFuture<Result<T>>,
    ) -> BoxFuture<Result<T>> {
        if self.0.drop_params {
            request.drop_params();
        }
        if options.fallbacks.is_empty() {
            call(self.clone(), request, options)
        } else {
            self.clone().through_fallbacks(request, options, call)
        }
    }

    fn through_fallbacks<R: Question, T: Send + 'static>(
        self,
        request: R,
        mut options: CallOptions,
        call: fn(Self, R, CallOptions) -> BoxFuture<Result<T>>,
    ) -> BoxFuture<Result<T>> {
        Box::pin(async move {
            inside_a_runtime()?;
            let fallbacks = std::mem::take(&mut options.fallbacks);
            let (begun, total) = (Instant::now(), options.timeout);
            // What cannot be asked is told before anything is.
            fallbacks.iter().try_for_each(|fallback| fallback.check(&request))?;
            let first = match call(self.clone(), request.clone(), options.clone()).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let provider = |model: &str| self.0.registry.resolve(model).ok().map(|name| name.provider().to_owned());
            let home = provider(request.model());
            let mut failed = Vec::new();
            for fallback in fallbacks {
                let model = &fallback.model;
                // One deadline for the call, however many models it tries.
                let left = total.map(|total| total.saturating_sub(begun.elapsed()));
                if left.is_some_and(|left| left.is_zero()) {
                    failed.push(format!("{model} (no time left)"));
                    continue;
                }
                options.timeout = left;
                let stays = provider(model) == home && !fallback.moves();
                let options = if stays { options.clone() } else { options.elsewhere() };
                let (other, mut options) = fallback.apply(&request, &options)?;
                options.timeout = options.timeout.map(|own| left.map_or(own, |left| own.min(left)));
                match call(self.clone(), other, options).await {
                    Ok(done) => return Ok(done),
                    Err(error) => failed.push(format!("{model} ({})", error.kind())),
                }
            }
            let why = first.message().trim_end_matches('.');
            let message = format!("{why}; its fallbacks failed too: {}", failed.join(", "));
            Err(first.with_message(message))
        })
    }

    /// One operation, asked of one endpoint and watched from its start to its end.
    fn call<Op>(self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Op::Response>>
    where
        Op: Operation<Request: Question, Response: Answer>,
    {
        Box::pin(async move {
            inside_a_runtime()?;
            let endpoint = self.endpoint(request.model(), &options)?;
            self.call_at::<Op>(&endpoint, &request, &options).await
        })
    }

    /// The same where it is known already where the call goes; the request's own `model` is not read.
    pub(crate) async fn call_at<Op>(
        &self,
        endpoint: &super::Endpoint,
        request: &Op::Request,
        options: &CallOptions,
    ) -> Result<Op::Response>
    where
        Op: Operation<Request: Question, Response: Answer>,
    {
        let mut watch = Watch::start(&self.0.observers, endpoint, Op::NAME, request, options, false);
        let span = watch.span().clone();
        let result = {
            let calling = pin!(self.try_call::<Op>(endpoint, request, options, &mut watch));
            inside(&span, calling).await
        };
        match &result {
            Ok(reply) => watch.answered(reply),
            Err(error) => watch.failed(error),
        }
        result
    }

    async fn try_call<Op>(
        &self,
        endpoint: &super::Endpoint,
        request: &Op::Request,
        options: &CallOptions,
        watch: &mut Watch,
    ) -> Result<Op::Response>
    where
        Op: Operation<Request: Question, Response: Answer>,
    {
        let located = |error: Error| at(error, endpoint);
        let clock = Clock::start(&self.0.deadlines, options);
        let found = clock.within_call(endpoint.located()).await.map_err(located)?;
        let endpoint = found.as_deref().unwrap_or(endpoint);
        let less = left_out::parameters(request, &options.additional_drop_params).map_err(located)?;
        let request = less.as_deref().unwrap_or(request);
        let encoded = Op::encode(endpoint.provider.as_ref(), request, &endpoint.target());
        let encoded = encoded.and_then(|encoded| as_sent(encoded, endpoint, options)).map_err(located)?;
        let policy = self.policy(options);
        let ask = || self.ask::<Op>(endpoint, request, &encoded, &clock);
        let asked = self.retry(&policy, &clock, &mut watch.attempts, ask).await;
        let (mut reply, headers) = asked.map_err(located)?;
        let meta = meta(endpoint, &headers, encoded.warnings, watch.attempts);
        reply.take_meta(CallMeta { latency: watch.latency(), ..meta }, &self.pricing(request, options));
        Ok(reply)
    }

    fn stream<Op>(self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Streaming<Op>>>
    where
        Op: Streamed<Request: Question, Response: Reply>,
    {
        Box::pin(async move {
            inside_a_runtime()?;
            let endpoint = self.endpoint(request.model(), &options)?;
            self.stream_of::<Op>(&endpoint, &request, &options).await
        })
    }

    /// A streamed reply of an operation where it is known already where the call goes.
    pub(crate) async fn stream_of<Op>(
        &self,
        endpoint: &super::Endpoint,
        request: &Op::Request,
        options: &CallOptions,
    ) -> Result<Streaming<Op>>
    where
        Op: Streamed<Request: Question, Response: Reply>,
    {
        let mut watch = Watch::start(&self.0.observers, endpoint, Op::NAME, request, options, true);
        let span = watch.span().clone();
        let opened = {
            let opening = pin!(self.open_stream::<Op>(endpoint, request, options, &mut watch));
            inside(&span, opening).await
        };
        match opened {
            Ok(open) => Ok(open(watch)),
            Err(error) => {
                watch.failed(&error);
                Err(error)
            }
        }
    }

    async fn open_stream<Op>(
        &self,
        endpoint: &super::Endpoint,
        request: &Op::Request,
        options: &CallOptions,
        watch: &mut Watch,
    ) -> Result<impl FnOnce(Watch) -> Streaming<Op> + use<Op>>
    where
        Op: Streamed<Request: Question, Response: Reply>,
    {
        let located = |error: Error| at(error, endpoint);
        let clock = Clock::start(&self.0.deadlines, options);
        let found = clock.within_call(endpoint.located()).await.map_err(located)?;
        let endpoint = found.as_deref().unwrap_or(endpoint);
        let provider = endpoint.provider.as_ref();
        let less = left_out::parameters(request, &options.additional_drop_params).map_err(located)?;
        let request = less.as_deref().unwrap_or(request);
        let encoded = Op::encode_stream(provider, request, &endpoint.target());
        let encoded = encoded.and_then(|encoded| as_sent(encoded, endpoint, options)).map_err(located)?;
        let decoder = Op::stream_decoder(provider, request).map_err(located)?;
        let policy = self.policy(options);
        let open = || self.open(endpoint, encoded.request.clone(), Op::stream_of(provider), &clock);
        let sent = self.retry(&policy, &clock, &mut watch.attempts, open).await.map_err(located)?;
        let (head, body) = sent.response.into_parts();
        let meta = meta(endpoint, &head.headers, encoded.warnings, watch.attempts);
        let end = clock.end.filter(|_| options.timeout.is_some());
        let pricing = self.pricing(request, options);
        Ok(move |watch| {
            Streaming::new(Head { body, decoder, meta, pricing, watch, secrets: sent.secrets, idle: clock.idle, end })
        })
    }

    pub(super) fn policy(&self, options: &CallOptions) -> RetryPolicy {
        RetryPolicy { max_retries: options.num_retries.unwrap_or(self.0.retry.max_retries), ..self.0.retry }
    }
}

/// Waits for something inside of a span, as [`tracing::Instrument`] does; but what is waited for, which is large, stays
/// where it is.
fn inside<T>(span: &Span, mut future: Pin<&mut impl Future<Output = T>>) -> impl Future<Output = T> {
    poll_fn(move |context| {
        let _inside = span.enter();
        future.as_mut().poll(context)
    })
}

/// Clocks and connections are tokio's.
pub(crate) fn inside_a_runtime() -> Result<()> {
    tokio::runtime::Handle::try_current().map(drop).map_err(|_| {
        let message = "a call has to be awaited inside a tokio runtime; elsewhere use `.blocking()`";
        Error::new(ErrorKind::Configuration, message)
    })
}

/// A request with all that the call says of its address and its body.
fn as_sent(encoded: Encoded, endpoint: &super::Endpoint, options: &CallOptions) -> Result<Encoded> {
    left_out::members(endpoint.with_query(encoded)?, &options.additional_drop_params)
}

fn at(error: Error, endpoint: &super::Endpoint) -> Error {
    error.with_provider(endpoint.name.provider().to_owned()).with_model(endpoint.name.model())
}

fn meta(endpoint: &super::Endpoint, headers: &http::HeaderMap, warnings: Vec<Warning>, attempts: u32) -> CallMeta {
    CallMeta {
        provider: endpoint.name.provider().to_owned(),
        model: endpoint.name.model().to_owned(),
        request_id: request_id(headers).map(str::to_owned),
        rate_limits: rate_limits(headers),
        warnings,
        attempts,
        ..CallMeta::default()
    }
}
