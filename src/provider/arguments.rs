//! The arguments of earlier tool calls, for the formats in which they are an object and not a text.

use std::borrow::Cow;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::chat::ToolCall;
use crate::error::{Error, ErrorKind, Result};

/// The arguments of a call, byte for byte as the model wrote them; none is an empty object.
///
/// A model can write what is no object, and the conversation has to go on after that: the caller says what was wrong in
/// the call's result. It is told inside of an object then, under the name that Anthropic gives it
/// (<https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming>).
pub(super) fn arguments(call: &ToolCall) -> Result<Cow<'_, RawValue>> {
    let text = call.arguments.trim();
    let text = if text.is_empty() { "{}" } else { text };
    match serde_json::from_str::<&RawValue>(text) {
        Ok(object) if object.get().starts_with('{') => Ok(Cow::Borrowed(object)),
        _ => to_raw_value(&json!({"INVALID_JSON": text})).map(Cow::Owned).map_err(|source| {
            let message = format!("the arguments of the call of `{}` cannot be written as JSON", call.name);
            Error::new(ErrorKind::InvalidRequest, message).with_source(source)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(arguments: &str) -> String {
        let call = ToolCall { id: "a".into(), name: "f".into(), arguments: arguments.into() };
        super::arguments(&call).unwrap().get().to_owned()
    }

    #[test]
    fn an_object_goes_back_as_it_was_written() {
        for (written, goes) in [("", "{}"), (" \n", "{}"), (" {\"b\":1.50,  \"a\":1} ", "{\"b\":1.50,  \"a\":1}")] {
            assert_eq!(sent(written), goes);
        }
    }

    #[test]
    fn what_is_no_object_goes_back_inside_of_one() {
        for (written, goes) in [
            ("{\"a\":", r#"{"INVALID_JSON":"{\"a\":"}"#),
            ("[1]", r#"{"INVALID_JSON":"[1]"}"#),
            ("null", r#"{"INVALID_JSON":"null"}"#),
            ("{} {}", r#"{"INVALID_JSON":"{} {}"}"#),
        ] {
            assert_eq!(sent(written), goes);
        }
    }
}
