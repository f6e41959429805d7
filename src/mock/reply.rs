//! What the simulated model answers.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::fault::Fault;

/// An answer of the simulator, in no provider's format: the server renders it in that of the request, whole or
/// streamed as it was asked for.
///
/// ```
/// use anymodel::mock::{Fault, Reply};
/// use serde_json::json;
/// use std::time::Duration;
///
/// let answer = Reply::text("Four.").reasoning("Two and two.").usage(12, 3).cached(8);
/// let call = Reply::tool_call("get_weather", json!({"city": "Paris"}));
/// let slow = Reply::text("one two three").chunks(3).pace(Duration::from_millis(10));
/// let broken = Reply::text("one two three").chunks(3).fault(Fault::CutAfter(2));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Reply {
    pub(super) content: Content,
    pub(super) answer: Answer,
    pub(super) pace: Duration,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) fault: Option<Fault>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Made up from the request.
    Auto,
    /// The [`Answer`].
    Chat,
    /// These bytes, whatever was asked.
    Raw { status: u16, content_type: String, body: Bytes },
}

/// What a wire format renders.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) calls: Vec<Call>,
    pub(super) usage: Option<(u64, u64)>,
    pub(super) cached: u64,
    pub(super) reasoning_tokens: u64,
    pub(super) finish: Option<String>,
    pub(super) model: Option<String>,
    pub(super) choices: Option<usize>,
    pub(super) pieces: Option<usize>,
    /// Tells this reply from the others of the server: part of every id in it.
    pub(super) serial: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// Token counts as the crate counts them: the prompt with what was cached, the completion with reasoning.
#[derive(Clone, Copy)]
pub(super) struct Tokens {
    pub(super) prompt: u64,
    pub(super) cached: u64,
    pub(super) completion: u64,
    pub(super) reasoning: u64,
}

impl Reply {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        let mut reply = Self::of(Content::Chat);
        reply.answer.text = text.into();
        reply
    }

    /// A call of one tool; [`and_tool_call`](Self::and_tool_call) adds more.
    pub fn tool_call(name: impl Into<String>, arguments: Value) -> Self {
        Self::of(Content::Chat).and_tool_call(name, arguments)
    }

    /// The reply that the server makes up from the request, and gives when nothing else is set: an instance of the
    /// JSON Schema that was asked for, a call of the tool that was forced, else the last message's text again.
    pub fn auto() -> Self {
        Self::of(Content::Auto)
    }

    /// This JSON with status 200, whatever was asked.
    pub fn json(value: &Value) -> Self {
        Self::raw(200, "application/json", value.to_string())
    }

    /// These bytes with this status and content type, whatever was asked. [`chunks`](Self::chunks) cuts them into
    /// pieces of equal size, wherever that is. A status that HTTP does not know is sent as 500.
    pub fn raw(status: u16, content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::of(Content::Raw { status, content_type: content_type.into(), body: body.into() })
    }

    fn of(content: Content) -> Self {
        Self { content, answer: Answer::default(), pace: Duration::ZERO, headers: Vec::new(), fault: None }
    }

    /// Adds a tool call.
    pub fn and_tool_call(mut self, name: impl Into<String>, arguments: Value) -> Self {
        self.answer.calls.push(Call { name: name.into(), arguments });
        self
    }

    /// What the model thought before it answered.
    pub fn reasoning(mut self, text: impl Into<String>) -> Self {
        self.answer.reasoning = text.into();
        self
    }

    /// Prompt tokens, cached ones among them, and completion tokens, reasoning among them. By default 10, and one
    /// for each word of the reply.
    pub fn usage(mut self, prompt: u64, completion: u64) -> Self {
        self.answer.usage = Some((prompt, completion));
        self
    }

    /// How many of the prompt tokens came from the cache. Ollama does not tell it.
    pub fn cached(mut self, tokens: u64) -> Self {
        self.answer.cached = tokens;
        self
    }

    /// How many of the completion tokens were reasoning. Bedrock and Ollama do not tell it.
    pub fn reasoning_tokens(mut self, tokens: u64) -> Self {
        self.answer.reasoning_tokens = tokens;
        self
    }

    /// Why the model stopped: `stop`, `length`, `tool_calls` or `content_filter`, said in the words of each format;
    /// any other word is sent as it is. By default `tool_calls` where there are any, else `stop`.
    pub fn finish(mut self, reason: impl Into<String>) -> Self {
        self.answer.finish = Some(reason.into());
        self
    }

    /// The model that the reply names; by default the one that was asked for. Bedrock and Cohere name none.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.answer.model = Some(model.into());
        self
    }

    /// How many choices, all alike; by default as many as were asked for. Only OpenAI's chat completions and
    /// Gemini have more than one.
    pub fn n(mut self, choices: usize) -> Self {
        self.answer.choices = Some(choices);
        self
    }

    /// In how many pieces a stream gives the text, the reasoning and each tool call's arguments. By default one for
    /// each word of a text, and three of arguments. Gemini and Ollama send arguments in one piece always.
    pub fn chunks(mut self, pieces: usize) -> Self {
        self.answer.pieces = Some(pieces.max(1));
        self
    }

    /// How long a stream pauses between two pieces.
    pub fn pace(mut self, pause: Duration) -> Self {
        self.pace = pause;
        self
    }

    /// Adds a header to the response, such as a rate limit. One that HTTP does not allow is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse(), value.parse()) {
            self.headers.push((name, value));
        }
        self
    }

    /// What goes wrong with it.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

/// The reply that the server would give anyway, with this fault.
impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self::auto().fault(fault)
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl Answer {
    /// The pieces of a text in a stream, in order; together they are the text.
    pub(super) fn pieces<'a>(&self, text: &'a str) -> Vec<&'a str> {
        match self.pieces {
            Some(pieces) => split(text, pieces),
            None => text.split_inclusive(' ').collect(),
        }
    }

    /// The pieces of a tool call's arguments.
    pub(super) fn argument_pieces<'a>(&self, arguments: &'a str) -> Vec<&'a str> {
        split(arguments, self.pieces.unwrap_or(3))
    }

    /// Why it ended, in OpenAI's words.
    pub(super) fn finish(&self) -> &str {
        match &self.finish {
            Some(reason) => reason,
            None if self.calls.is_empty() => "stop",
            None => "tool_calls",
        }
    }

    pub(super) fn tokens(&self) -> Tokens {
        let words = |text: &str| text.split_whitespace().count() as u64;
        let calls = self.calls.iter().map(|call| words(&call.arguments.to_string()).saturating_add(1));
        let (prompt, completion) = self.usage.unwrap_or_else(|| {
            let completion = calls.fold(words(&self.text), u64::saturating_add);
            (10, completion.saturating_add(words(&self.reasoning)).max(1))
        });
        let reasoning = match self.reasoning_tokens {
            0 if self.usage.is_none() => words(&self.reasoning),
            tokens => tokens,
        };
        Tokens { prompt, cached: self.cached.min(prompt), completion, reasoning: reasoning.min(completion) }
    }
}

impl Tokens {
    pub(super) fn total(&self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

/// `text` in `pieces` of about the same number of characters, in fewer where it has not enough.
fn split(text: &str, pieces: usize) -> Vec<&str> {
    let characters = text.chars().count();
    let size = characters.div_ceil(pieces.max(1)).max(1);
    let mut rest = text;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = rest.char_indices().nth(size).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        found.push(piece);
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_between_characters_and_adds_up_again() {
        assert_eq!(split("äöü€", 2), ["äö", "ü€"]);
        assert_eq!(split("ab", 5), ["a", "b"]);
        assert_eq!(split("", 3), [""; 0]);
        assert_eq!(Reply::text("one two").answer.pieces("one two"), ["one ", "two"]);
    }

    #[test]
    fn counts_are_kept_within_each_other() {
        let tokens = Reply::text("four words are here").cached(99).answer.tokens();
        assert_eq!((tokens.prompt, tokens.cached, tokens.completion), (10, 10, 4));
    }
}
