//! Where a call goes when it fails, and what it says there that it did not say before.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::{CallOptions, Question};
use crate::chat::{Extra, IntoMessages};
use crate::error::Result;

/// A model to go to when a call fails, and what is different there: parameters, the conversation, deadlines, and of a
/// client's calls the connection too. What is not changed is as the call has it. Where there is nothing to change, a
/// model's name is enough.
///
/// ```
/// use anymodel::{Fallback, completion};
///
/// let call = completion("anthropic/claude-sonnet-4-5", "A long story.")
///     .temperature(1.0)
///     .fallbacks([Fallback::new("openai/gpt-4o").param("temperature", 0.2), "groq/llama-3.3-70b-versatile".into()]);
/// # let _ = call;
///
/// let litellms: Vec<Fallback> = serde_json::from_str(r#"["a", {"model": "b", "temperature": 0.2, "top_p": null}]"#)?;
/// assert_eq!(litellms[1].changes["temperature"], 0.2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Fallback {
    /// The model, or the name of a router's group.
    pub model: String,
    /// What is different there, by the names of LiteLLM's JSON; `null` leaves a parameter out.
    pub changes: Map<String, Value>,
}

impl Fallback {
    /// The same call of another model.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), changes: Map::new() }
    }

    /// Changes what is said there by its name: a parameter such as `temperature`, or what LiteLLM's JSON has beside
    /// them, such as `timeout` in seconds. `null` leaves a parameter out. A value of the wrong type is an error when the
    /// call is made.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.changes.insert(name.into(), value.into());
        self
    }

    /// Asks with another conversation there, such as a shorter one.
    #[must_use]
    pub fn messages(self, messages: impl IntoMessages) -> Self {
        let messages = serde_json::to_value(messages.into_messages()).unwrap_or_default();
        self.param("messages", messages)
    }

    /// Whether its changes can be made to a request.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub(crate) fn check(&self, request: &impl Question) -> Result<()> {
        if self.changes.is_empty() { Ok(()) } else { self.apply(request, &CallOptions::default()).map(drop) }
    }

    /// Whether it says itself where it is: then nothing of the call's connection is for it, and no key goes to an address
    /// that it was not given for.
    pub(super) fn moves(&self) -> bool {
        ["api_base", "base_url", "custom_llm_provider"].iter().any(|name| self.changes.contains_key(*name))
    }

    /// A call as it is made there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest), naming a change that is not what it should be.
    pub(crate) fn apply<Q: Question>(&self, request: &Q, options: &CallOptions) -> Result<(Q, CallOptions)> {
        let mut request = request.clone();
        request.set_model(&self.model);
        let mut left = Extra::from(self.changes.clone());
        let changed = CallOptions::take(&mut left).and_then(|own| {
            let mut params = Map::from(left).into_iter();
            params.try_for_each(|(name, value)| request.set(&name, value)).map(|()| own.over(options))
        });
        match changed {
            Ok(options) => Ok((request, options)),
            Err(error) => {
                let message = format!("in the fallback to `{}`: {}", self.model, error.message());
                Err(error.with_message(message))
            }
        }
    }
}

impl From<&str> for Fallback {
    fn from(model: &str) -> Self {
        Self::new(model)
    }
}

impl From<String> for Fallback {
    fn from(model: String) -> Self {
        Self::new(model)
    }
}

impl From<&String> for Fallback {
    fn from(model: &String) -> Self {
        Self::new(model)
    }
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut changes = match Value::deserialize(deserializer)? {
            Value::String(model) => return Ok(Self::new(model)),
            Value::Object(changes) => changes,
            _ => return Err(de::Error::custom("a fallback is a model's name, or an object with a `model`")),
        };
        let Some(Value::String(model)) = changes.shift_remove("model") else {
            return Err(de::Error::custom("a fallback needs the name of a `model`"));
        };
        if changes.contains_key("fallbacks") {
            return Err(de::Error::custom("a fallback has no `fallbacks` of its own"));
        }
        Ok(Self { model, changes })
    }
}

/// Of what is changed only the names are shown: a key can be among it.
impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.changes.keys().collect();
        f.debug_struct("Fallback").field("model", &self.model).field("changes", &names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{ChatRequest, user};
    use crate::error::ErrorKind;
    use std::time::Duration;

    fn read(json: &str) -> std::result::Result<Fallback, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn changes_are_made_and_what_is_not_changed_stays() {
        let mut request = ChatRequest::new("home", "A very long story");
        (request.params.temperature, request.params.top_p, request.params.seed) = (Some(1.0), Some(0.5), Some(3));
        request.params.extra.insert("top_k", 7);
        let mut options = CallOptions::default();
        (options.api_base, options.tags) = (Some("https://home.example".to_owned()), vec!["paid".to_owned()]);
        let fallback = Fallback::new("other")
            .param("temperature", 0.25)
            .param("top_p", Value::Null)
            .param("top_k", Value::Null)
            .param("min_p", 0.5)
            .param("timeout", 5)
            .param("metadata", serde_json::json!({"why": "fallback"}))
            .messages("Short");
        let (there, how) = fallback.apply(&request, &options).unwrap();
        assert_eq!((there.model.as_str(), &there.messages), ("other", &vec![user("Short")]));
        let params = &there.params;
        assert_eq!((params.temperature, params.top_p, params.seed), (Some(0.25), None, Some(3)));
        assert_eq!((params.extra.get("top_k"), params.extra.get("min_p")), (None, Some(&0.5.into())));
        assert_eq!((how.timeout, how.api_base), (Some(Duration::from_secs(5)), options.api_base.clone()));
        assert_eq!((how.tags, how.metadata["why"].as_str()), (options.tags, Some("fallback")));
    }

    #[test]
    fn a_change_that_is_wrong_is_told_by_its_name() {
        for (name, value) in [("temperature", "hot"), ("timeout", "soon"), ("messages", "none"), ("tags", "one")] {
            let wrong = Fallback::new("other").param(name, value);
            let error = wrong.apply(&ChatRequest::new("home", "Hi"), &CallOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.message().contains(name) && error.message().contains("`other`"), "{error}");
        }
    }

    #[test]
    fn a_fallback_is_a_name_or_an_object_with_one() {
        assert_eq!(read("\"a\""), Ok("a".into()));
        assert_eq!(read(r#"{"model": "a", "n": 1}"#), Ok(Fallback::new("a").param("n", 1)));
        for wrong in ["5", "{}", r#"{"model": 1}"#, r#"{"model": "a", "fallbacks": []}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_value_is_shown() {
        assert!(!format!("{:?}", Fallback::new("a").param("api_key", "sk-secret")).contains("sk-secret"));
    }
}
