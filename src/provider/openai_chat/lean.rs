//! The chunk that most of a stream consists of: one more piece of text of one choice, and nothing else.
//!
//! It is read by types that hold no more than that. Where anything else is in it that means something, the chunk is read
//! again in full, so that the quick way never decides what a stream says.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use crate::text::Text;

/// The choice and its text, where a chunk has nothing else.
pub(super) fn text_alone(event: &str) -> Option<(u32, Text<'_>)> {
    let chunk: Lean<'_> = serde_json::from_str(event).ok()?;
    let choice = chunk.choices.0;
    Some((choice.index.unwrap_or(0), choice.delta.content?))
}

#[derive(Deserialize)]
struct Lean<'a> {
    #[serde(borrow)]
    choices: One<'a>,
    #[serde(default, rename = "usage")]
    _usage: Null,
    #[serde(default, rename = "citations")]
    _citations: Null,
    #[serde(default, rename = "search_results")]
    _search_results: Null,
    #[serde(default, rename = "error")]
    _error: Null,
}

#[derive(Deserialize)]
struct LeanChoice<'a> {
    index: Option<u32>,
    #[serde(borrow)]
    delta: LeanDelta<'a>,
    #[serde(default, rename = "finish_reason")]
    _finish_reason: Null,
    #[serde(default, rename = "message")]
    _message: Null,
    #[serde(default, rename = "logprobs")]
    _logprobs: Null,
    #[serde(default, rename = "error")]
    _error: Null,
}

#[derive(Deserialize)]
struct LeanDelta<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(default, rename = "reasoning_content")]
    _reasoning_content: Null,
    #[serde(default, rename = "reasoning")]
    _reasoning: Null,
    #[serde(default, rename = "reasoning_details")]
    _reasoning_details: Null,
    #[serde(default, rename = "refusal")]
    _refusal: Null,
    #[serde(default, rename = "tool_calls")]
    _tool_calls: Null,
    #[serde(default, rename = "audio")]
    _audio: Null,
    #[serde(default, rename = "images")]
    _images: Null,
    #[serde(default, rename = "annotations")]
    _annotations: Null,
}

/// A list of exactly one choice.
struct One<'a>(LeanChoice<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for One<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneVisitor;

        impl<'de> Visitor<'de> for OneVisitor {
            type Value = One<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one choice")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let one = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                match seq.next_element::<LeanChoice<'de>>()? {
                    None => Ok(One(one)),
                    Some(_) => Err(A::Error::invalid_length(2, &self)),
                }
            }
        }

        deserializer.deserialize_seq(OneVisitor)
    }
}

/// A field that says nothing: missing or `null`.
#[derive(Default)]
struct Null;

impl<'de> Deserialize<'de> for Null {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::text_alone;

    #[test]
    fn only_a_chunk_of_nothing_but_text_is_read_the_quick_way() {
        let read = |choice: &str, rest: &str| {
            let event = format!("{{\"id\":\"x\",\"object\":\"y\",\"choices\":[{choice}]{rest}}}");
            text_alone(&event).map(|(index, text)| (index, text.into_owned()))
        };
        let text = r#"{"index":1,"delta":{"role":"assistant","content":"a\nb","refusal":null},"finish_reason":null}"#;
        assert_eq!(read(text, ""), Some((1, "a\nb".to_owned())));
        assert_eq!(read(text, ",\"usage\":null,\"obfuscation\":\"zz\""), Some((1, "a\nb".to_owned())));
        for rest in [r#","usage":{"prompt_tokens":1}"#, r#","citations":["u"]"#, r#","error":{"message":"m"}"#] {
            assert_eq!(read(text, rest), None, "{rest}");
        }
        for choice in [
            r#"{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}"#,
            r#"{"index":0,"delta":{"content":"a"},"logprobs":{"content":[]}}"#,
            r#"{"index":0,"delta":{"content":"a","tool_calls":[]}}"#,
            r#"{"index":0,"delta":{"content":"a","reasoning":"b"}}"#,
            r#"{"index":0,"delta":{"content":["a"]}}"#,
            r#"{"index":0,"delta":{"content":null}}"#,
            r#"{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}"#,
            "",
        ] {
            assert_eq!(read(choice, ""), None, "{choice}");
        }
    }
}
