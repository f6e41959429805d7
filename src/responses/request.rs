//! What is asked.

use serde_json::Value;

use super::{Input, Tool};
use crate::chat::request_body;

request_body! {
    /// A request of the Responses API. What is `None` is not sent.
    ///
    /// ```
    /// use anymodel::responses::Request;
    ///
    /// let json = r#"{"model": "gpt-5", "input": "Hello!", "max_output_tokens": 100}"#;
    /// let request: Request = serde_json::from_str(json)?;
    /// assert_eq!(request.max_output_tokens, Some(100));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    Request {
        /// The conversation.
        input: Input,
        /// What stands before it, for this request alone.
        instructions: String,
        /// The stored reply that this one goes on from.
        previous_response_id: String,
        /// The stored conversation that this belongs to.
        conversation: Value,
        /// Whether the reply is made in the background, to be fetched later.
        background: bool,
        /// What else the reply is to hold, such as `reasoning.encrypted_content`.
        include: Vec<String>,
        /// The most tokens of the reply, reasoning included.
        max_output_tokens: u64,
        /// The most calls of the provider's own tools.
        max_tool_calls: u64,
        /// What is kept with a stored reply.
        metadata: Value,
        /// Whether several tools may be called at once.
        parallel_tool_calls: bool,
        /// A stored prompt and its variables.
        prompt: Value,
        /// Groups requests that share a prefix, for the prompt cache.
        prompt_cache_key: String,
        /// How long the prompt cache is kept: `in_memory`, `24h`.
        prompt_cache_retention: String,
        /// How to reason: `{"effort": …, "summary": …}`.
        reasoning: Value,
        /// The caller's stable id of its end user.
        safety_identifier: String,
        /// The processing tier.
        service_tier: String,
        /// Whether the reply is stored; yes where it is not said.
        store: bool,
        /// Options of a stream.
        stream_options: Value,
        /// Randomness, 0 to 2.
        temperature: f64,
        /// The form of the text, and how long it is to be: `{"format": …, "verbosity": …}`.
        text: Value,
        /// Which tools may or must be called.
        tool_choice: Value,
        /// The tools that the model may call, and those that the provider runs.
        tools: Vec<Tool>,
        /// How many alternatives to give for each token.
        top_logprobs: u32,
        /// The share of probability to choose from.
        top_p: f64,
        /// What happens to a conversation that is too long: `auto` or `disabled`.
        truncation: String,
        /// The caller's id of its end user.
        user: String,
    }
}

impl Request {
    /// A request without parameters.
    #[must_use]
    pub fn new(model: impl Into<String>, input: impl Into<Input>) -> Self {
        Self { model: model.into(), input: Some(input.into()), ..Self::default() }
    }
}
