//! The builder behind `responses(…)` and `messages(…)`.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::completion::BoxFuture;
use super::with_options::with_options;
use super::{CallOptions, Client, Question, Streaming};
use crate::error::Result;
use crate::provider::{Reply, Streamed};

/// Who makes the calls of an operation: a client, or a router in front of several deployments.
pub(crate) trait Performs<Op: Streamed>: Send + Sync {
    /// The whole reply.
    fn whole(&self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Op::Response>>;

    /// The streamed reply.
    fn streamed(&self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Streaming<Op>>>;
}

impl<Op> Performs<Op> for Client
where
    Op: Streamed<Request: Question, Response: Reply>,
{
    fn whole(&self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Op::Response>> {
        self.perform::<Op>(request, options)
    }

    fn streamed(&self, request: Op::Request, options: CallOptions) -> BoxFuture<Result<Streaming<Op>>> {
        Client::streamed::<Op>(self, request, options)
    }
}

/// A request that can be refined member by member.
pub(crate) trait Refined: Question {
    /// Members merged into the body last.
    fn extra_body(&mut self) -> &mut Map<String, Value>;
}

/// A call of an operation that has a format of its own, in and out: refine it, then `.await` it for the whole reply, or
/// [`stream`](Self::stream) it.
#[must_use = "a call is made when it is awaited"]
pub struct Asking<Op: Streamed> {
    client: Result<Arc<dyn Performs<Op>>>,
    pub(super) request: Op::Request,
    options: CallOptions,
}

impl<Op: Streamed<Request: Clone>> Clone for Asking<Op> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), request: self.request.clone(), options: self.options.clone() }
    }
}

impl<Op: Streamed> Asking<Op> {
    pub(crate) fn new(client: Result<Arc<dyn Performs<Op>>>, request: Op::Request) -> Self {
        Self { client, request, options: CallOptions::default() }
    }

    /// The same call with this request: all of its JSON in one value.
    pub fn request(mut self, request: Op::Request) -> Self {
        self.request = request;
        self
    }

    /// Something for observers to know; not sent.
    pub fn metadata_for_observers(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.metadata.insert(name.into(), value.into());
        self
    }

    pub(super) fn fail(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.client = Err(error);
        }
    }
}

with_options!([Op: Streamed] Asking<Op>);

/// What is the same of every request but the name of its limit of tokens, and what only some can do.
macro_rules! refining {
    ($operation:ty, $request:ty, $limit:ident $(, $own:item)?) => {
        impl Asking<$operation> {
            /// A member of the request by its name, whether it has a method here or not. A value of the wrong type is an
            /// error when the call is made.
            pub fn param(mut self, name: impl AsRef<str>, value: impl Into<Value>) -> Self {
                let result = Question::set(&mut self.request, name.as_ref(), value.into());
                self.fail(result);
                self
            }

            /// Members merged into the request's body last, over all others.
            pub fn extra_body(mut self, members: Map<String, Value>) -> Self {
                Refined::extra_body(&mut self.request).extend(members);
                self
            }

            /// Leaves out with a warning what a provider cannot express, instead of failing.
            pub fn drop_params(mut self, drop: bool) -> Self {
                self.request.drop_params = drop;
                self
            }

            /// Streams the reply.
            ///
            /// # Errors
            ///
            /// Everything that can go wrong until the reply begins; what goes wrong later comes out of the stream.
            pub async fn stream(self) -> Result<Streaming<$operation>> {
                self.streamed().await
            }
        }

        impl Question for $request {
            fn model(&self) -> &str {
                &self.model
            }

            fn set_model(&mut self, model: &str) {
                model.clone_into(&mut self.model);
            }

            fn drops_params(&self) -> bool {
                self.drop_params
            }

            fn drop_params(&mut self) {
                self.drop_params = true;
            }

            fn has(&self, name: &str) -> bool {
                serde_json::to_value(self).is_ok_and(|body| body.get(name).is_some())
            }

            fn set(&mut self, name: &str, value: Value) -> Result<()> {
                match name {
                    "drop_params" => self.drop_params = read(name, value)?,
                    "extra_body" => self.extra_body.extend(read::<Map<String, Value>>(name, value)?),
                    _ => self.set(name, value)?,
                }
                Ok(())
            }

            fn service_tier(&self) -> Option<&str> {
                self.service_tier.as_deref()
            }

            fn sampling(&self) -> (Option<f64>, Option<f64>, Option<u64>) {
                (self.temperature, self.top_p, self.$limit)
            }

            $($own)?

            fn chat(&self) -> Option<::std::borrow::Cow<'_, ChatRequest>> {
                let chat = Self { drop_params: true, ..self.clone() }.to_chat().ok();
                chat.map(|(request, _)| ::std::borrow::Cow::Owned(request))
            }
        }

        impl Refined for $request {
            fn extra_body(&mut self) -> &mut Map<String, Value> {
                &mut self.extra_body
            }
        }

        impl IntoFuture for Asking<$operation> {
            type Output = Result<<$operation as Operation>::Response>;
            type IntoFuture = BoxFuture<Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                self.whole()
            }
        }
    };
}
pub(super) use refining;

impl<Op: Streamed> Asking<Op> {
    pub(crate) fn whole(self) -> BoxFuture<Result<Op::Response>> {
        match self.client {
            Ok(client) => client.whole(self.request, self.options),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    pub(crate) fn streamed(self) -> BoxFuture<Result<Streaming<Op>>> {
        match self.client {
            Ok(client) => client.streamed(self.request, self.options),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl<Op: Streamed> fmt::Debug for Asking<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("request", &self.request).field("options", &self.options).finish_non_exhaustive()
    }
}
