//! What came: the requests as they were received, and what each asks for.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

/// A request that the simulator received.
///
/// Nothing is hidden: the headers have the credentials, so that a test can say where a key goes and where it does
/// not. Do not send real ones.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as it was sent, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, without its question mark; empty where there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header's value, where there is one and it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as it was sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON; `null` where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The part of the path from its last but n-th slash on: `chat/completions` is two segments.
    pub(super) fn ends_with(&self, segments: &str) -> bool {
        self.path.strip_suffix(segments).is_some_and(|prefix| prefix.ends_with('/'))
    }
}

/// What shapes a reply's rendering: two requests of the same shape get the same bytes of the same reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) model: String,
    pub(super) streamed: bool,
    /// Whether a stream of OpenAI's is to end with its usage.
    pub(super) stream_usage: bool,
    /// Whether a stream of Gemini's is one JSON array instead of events.
    pub(super) array: bool,
    pub(super) choices: usize,
    /// Of a request that counts tokens: how many words it has.
    pub(super) words: u64,
}

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    pub(super) shape: Shape,
    /// The text of the last message.
    pub(super) last: String,
    /// Whether that is the user's, not a tool's.
    pub(super) from_user: bool,
    /// The JSON Schema that the reply must have.
    pub(super) schema: Option<Value>,
    /// The tools, name and schema.
    pub(super) tools: Vec<(String, Value)>,
    pub(super) force: Force,
}

/// Whether the model may choose to call a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Force {
    #[default]
    Free,
    Any,
    One(String),
}

impl Ask {
    /// The tool that must be called.
    pub(super) fn forced(&self) -> Option<&(String, Value)> {
        match &self.force {
            Force::Free => None,
            Force::Any => self.tools.first(),
            Force::One(name) => self.tools.iter().find(|(known, _)| known == name),
        }
    }
}

/// The text in a message's content: a string, or parts that have a `text` or a `content` of their own.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect(),
        Value::Object(part) => part.get("text").or_else(|| part.get("content")).map(text_of).unwrap_or_default(),
        _ => String::new(),
    }
}

/// A string field of a JSON object, or nothing.
pub(super) fn string(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Tools in OpenAI's form, `{"type": "function", "function": {"name", "parameters"}}`.
pub(super) fn function_tools(body: &Value) -> Vec<(String, Value)> {
    let tools = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let functions = tools.filter_map(|tool| tool.get("function"));
    functions.map(|one| (string(one, "name"), one.get("parameters").cloned().unwrap_or_default())).collect()
}
