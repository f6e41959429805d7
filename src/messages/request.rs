//! What is asked.

use serde_json::Value;

use super::Turn;
use crate::chat::request_body;

request_body! {
    /// A request of Anthropic's Messages API. What is `None` is not sent.
    ///
    /// ```
    /// use anymodel::messages::Request;
    ///
    /// let json = r#"{"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}"#;
    /// let request: Request = serde_json::from_str(json)?;
    /// assert_eq!(request.max_tokens, Some(100));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    Request {
        /// The most tokens of the reply. Anthropic wants to be told; where it is not said, it is what the model can.
        max_tokens: u64,
        /// The conversation: turns of user and assistant.
        messages: Vec<Turn>,
        /// What stands before it: a text, or blocks of text.
        system: Value,
        /// Randomness, 0 to 1.
        temperature: f64,
        /// The share of probability to choose from.
        top_p: f64,
        /// How many of the likeliest tokens to choose from.
        top_k: u64,
        /// Texts at which the reply ends.
        stop_sequences: Vec<String>,
        /// The caller's id of its end user: `{"user_id": …}`.
        metadata: Value,
        /// The tools that the model may call, and those that Anthropic runs.
        tools: Vec<Value>,
        /// Which tools may or must be called: `{"type": "auto" | "any" | "tool" | "none", …}`.
        tool_choice: Value,
        /// How to reason: `{"type": "enabled", "budget_tokens": …}`.
        thinking: Value,
        /// The form of the reply, and how much work goes into it: `{"format": …, "effort": …}`.
        output_config: Value,
        /// The processing tier: `auto` or `standard_only`.
        service_tier: String,
    }
}

impl Request {
    /// A request of at most so many tokens.
    #[must_use]
    pub fn new(model: impl Into<String>, max_tokens: u64, messages: impl IntoIterator<Item = Turn>) -> Self {
        Self {
            model: model.into(),
            max_tokens: Some(max_tokens),
            messages: Some(messages.into_iter().collect()),
            ..Self::default()
        }
    }
}
