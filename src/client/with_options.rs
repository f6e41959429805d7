//! How the builders of calls are told of the connection and of the call itself, apart from the request.

/// A method for each of the options of a call, for a builder that keeps them in `options`.
macro_rules! with_options {
    ([$($generics:tt)*] $builder:ty) => {
        /// What a call says of its connection and of itself, apart from the request.
        impl<$($generics)*> $builder {
            /// The same call with these options.
            pub fn options(mut self, options: $crate::client::CallOptions) -> Self {
                self.options = options;
                self
            }

            /// The provider, where the model's name has no prefix.
            pub fn provider(mut self, prefix: impl Into<String>) -> Self {
                self.options.provider = Some(prefix.into());
                self
            }

            /// The address instead of the provider's own.
            pub fn api_base(mut self, url: impl Into<String>) -> Self {
                self.options.api_base = Some(url.into());
                self
            }

            /// The key for this call; `os.environ/NAME` stands for an environment variable.
            pub fn api_key(mut self, key: impl Into<::secrecy::SecretString>) -> Self {
                self.options.api_key = Some(key.into());
                self
            }

            /// The version of the API, for providers that are asked for one.
            pub fn api_version(mut self, version: impl Into<String>) -> Self {
                self.options.api_version = Some(version.into());
                self
            }

            /// A setting of the connection by LiteLLM's name, such as `vertex_project`; `os.environ/NAME` stands for a
            /// variable.
            pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.options.settings.push((name.into(), value.into()));
                self
            }

            /// A header on the request, over the provider's own.
            pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.options.extra_headers.push((name.into(), value.into()));
                self
            }

            /// The longest that the whole call may take, retries included; of a stream, to its end.
            pub fn timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.options.timeout = Some(timeout);
                self
            }

            /// The longest silence inside a stream.
            pub fn stream_timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.options.stream_timeout = Some(timeout);
                self
            }

            /// The longest wait from sending a request to the head of its answer.
            pub fn first_byte_timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.options.first_byte_timeout = Some(timeout);
                self
            }

            /// How many times to try again when a try fails in a way that can pass.
            pub fn num_retries(mut self, retries: u32) -> Self {
                self.options.num_retries = Some(retries);
                self
            }

            /// Models to try in order when this one fails, by their names or as [`Fallback`](crate::client::Fallback)s
            /// that change parameters. Address, key and headers of this call stay with its provider.
            pub fn fallbacks<F: Into<$crate::client::Fallback>>(mut self, models: impl IntoIterator<Item = F>) -> Self {
                self.options.fallbacks.extend(models.into_iter().map(Into::into));
                self
            }

            /// Leaves something out of the request: parameters by their names, and members of the body that is sent by
            /// their paths, such as `tools[*].function.strict`. Unlike [`drop_params`](Self::drop_params) it does so
            /// whether the provider supports them or not.
            pub fn additional_drop_params<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
                self.options.additional_drop_params.extend(names.into_iter().map(Into::into));
                self
            }

            /// The price of this call, instead of what the client's catalogue says. Nothing else is touched.
            ///
            /// ```no_run
            /// # async fn run() -> anymodel::Result<()> {
            /// use anymodel::{completion, pricing::Rates};
            ///
            /// let reply = completion("hosted_vllm/our-llama", "Hello!").price(Rates::per_million(0.2, 0.4)).await?;
            /// println!("{}", reply.cost()?);
            /// # Ok(())
            /// # }
            /// ```
            pub fn price(mut self, rates: $crate::pricing::Rates) -> Self {
                self.options.price = Some(rates);
                self
            }

            /// The model to price this call as, where the deployment's own name says nothing: `azure/gpt-4o`.
            pub fn base_model(mut self, model: impl Into<String>) -> Self {
                self.options.base_model = Some(model.into());
                self
            }

            /// A word for observers, and for a router to choose deployments by; not sent.
            pub fn tag(mut self, tag: impl Into<String>) -> Self {
                self.options.tags.push(tag.into());
                self
            }

            /// How urgent the call is where every deployment of a router is at its limits: calls of a lower number come
            /// first. 0 where none is given, unless the router says otherwise.
            pub fn priority(mut self, priority: i32) -> Self {
                self.options.priority = Some(priority);
                self
            }

            /// Of a router's deployments, only those of this region.
            pub fn region(mut self, region: impl Into<String>) -> Self {
                self.options.region = Some(region.into());
                self
            }
        }
    };
}
pub(super) use with_options;
