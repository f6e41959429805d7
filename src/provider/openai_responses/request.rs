//! The members of a request that the model reads: the conversation, the tools, how to think and the form of the reply.
//!
//! How the reply is sampled, kept or streamed is not here; a count has none of it.

use serde_json::{Map, Value, json};

use super::{input, tools};
use crate::chat::{Effort, Message, Params, ResponseFormat, Warning};
use crate::error::Result;
use crate::wire::json::Object;

/// The body of a request, as far as the model reads it.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for content that the Responses API has no item for, and
/// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) for the result of a tool that answers no call.
pub(super) fn body(
    provider: &str,
    messages: &[Message],
    params: &Params,
    model: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Object> {
    let tools = tools::tools(params);
    let mut body = Object::new();
    body.set("model", model)?;
    body.set("input", &input::items(messages, provider, warnings)?)?;
    body.set_some("tools", (!tools.is_empty()).then_some(&tools))?;
    body.set_some("tool_choice", tools::choice(params).as_ref())?;
    body.set_some("parallel_tool_calls", params.parallel_tool_calls.as_ref())?;
    body.set_some("text", text(params).as_ref())?;
    body.set_some("reasoning", params.reasoning_effort.as_ref().map(reasoning).as_ref())?;
    Ok(body)
}

/// `text`: the form of the reply, and how long it is to be.
fn text(params: &Params) -> Option<Value> {
    let mut text = Map::new();
    if let Some(format) = &params.response_format {
        text.insert("format".to_owned(), format_of(format));
    }
    if let Some(verbosity) = &params.verbosity {
        text.insert("verbosity".to_owned(), verbosity.as_str().into());
    }
    (!text.is_empty()).then(|| text.into())
}

/// The form of the reply; a schema's members are not in an object of their own here.
fn format_of(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema(schema) => {
            let mut fields = Map::from_iter([("type".to_owned(), "json_schema".into())]);
            if let Ok(Value::Object(schema)) = serde_json::to_value(schema) {
                fields.extend(schema);
            }
            fields.into()
        }
        ResponseFormat::Native(value) => tools::flat(value),
    }
}

/// `reasoning`: the word, or with more than the word what the caller gave, which has this form already.
fn reasoning(effort: &Effort) -> Value {
    match effort {
        Effort::Detailed(fields) => fields.clone().into(),
        word => json!({"effort": word.as_str()}),
    }
}
