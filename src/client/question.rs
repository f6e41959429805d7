//! What the pipeline and a router have to know of a request, whatever operation it is of.

use std::borrow::Cow;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::chat::{ChatRequest, Message, Role};
use crate::error::{Error, ErrorKind, Result};

/// The request of an operation, as the pipeline, observers and routers see it.
pub(crate) trait Question: Clone + Debug + Send + Sync + 'static {
    /// The model that it names.
    fn model(&self) -> &str;

    /// Has it name another model.
    fn set_model(&mut self, model: &str);

    /// Whether parameters that a provider does not support are left out.
    fn drops_params(&self) -> bool;

    /// Has them be left out.
    fn drop_params(&mut self);

    /// Whether a parameter is set.
    fn has(&self, name: &str) -> bool;

    /// Sets a part of it by its name; `null` leaves a parameter out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where the value is not what it should be.
    fn set(&mut self, name: &str, value: Value) -> Result<()>;

    /// Has its answer go on from this beginning, where it can have one.
    fn begin_answer(&mut self, _said: &str) {}

    /// The processing tier that is asked for.
    fn service_tier(&self) -> Option<&str> {
        None
    }

    /// Randomness, the share of probability, and the limit of tokens.
    fn sampling(&self) -> (Option<f64>, Option<f64>, Option<u64>) {
        (None, None, None)
    }

    /// The chat request that it is, or that asks the same, where there is one.
    fn chat(&self) -> Option<Cow<'_, ChatRequest>> {
        None
    }
}

impl Question for ChatRequest {
    fn model(&self) -> &str {
        &self.model
    }

    fn set_model(&mut self, model: &str) {
        model.clone_into(&mut self.model);
    }

    fn drops_params(&self) -> bool {
        self.params.drop_params
    }

    fn drop_params(&mut self) {
        self.params.drop_params = true;
    }

    fn has(&self, name: &str) -> bool {
        self.params.names().any(|set| set == name) || self.params.extra.get(name).is_some()
    }

    fn set(&mut self, name: &str, value: Value) -> Result<()> {
        let params = &mut self.params;
        match name {
            "messages" => self.messages = read(name, value)?,
            "drop_params" => params.drop_params = read(name, value)?,
            "allowed_openai_params" => params.allowed_openai_params = read(name, value)?,
            "extra_body" => params.extra_body.extend(read::<Map<String, Value>>(name, value)?),
            _ if value.is_null() => {
                params.unset(name);
            }
            _ => params.set(name, value)?,
        }
        Ok(())
    }

    fn begin_answer(&mut self, said: &str) {
        let mut beginning = Message::new(Role::Assistant, said);
        beginning.begin_answer();
        self.messages.push(beginning);
    }

    fn service_tier(&self) -> Option<&str> {
        self.params.service_tier.as_deref()
    }

    fn sampling(&self) -> (Option<f64>, Option<f64>, Option<u64>) {
        (self.params.temperature, self.params.top_p, self.params.token_limit())
    }

    fn chat(&self) -> Option<Cow<'_, ChatRequest>> {
        Some(Cow::Borrowed(self))
    }
}

pub(super) fn read<T: DeserializeOwned>(name: &str, value: Value) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|source| Error::new(ErrorKind::InvalidRequest, format!("`{name}` is not what it should be: {source}")))
}
