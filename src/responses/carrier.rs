//! Seals and blocks of other providers, in the one place that every caller of the Responses API gives back untouched:
//! the `encrypted_content` of reasoning.
//!
//! A reply of a provider that has no Responses API can hold what must go back to it, and to no other: Anthropic's
//! signature of its thinking, Gemini's of a call, the result of a search. Callers that speak the API keep reasoning items
//! whole, as the API asks of them, so what is carried there comes back in its order.

use serde_json::Value;

use crate::chat::{Part, Seal};

const PREFIX: &str = "anymodel/1:";

/// What is carried.
pub(super) enum Carried {
    /// The seal of this reasoning.
    Own(Seal),
    /// The seal of what came before it.
    Previous(Seal),
    /// A block of its own.
    Block(Part),
}

impl Carried {
    pub(super) fn write(&self) -> String {
        let sealed = |what: &str, seal: &Seal| format!("{PREFIX}{what}:{}:{}", seal.provider, seal.value);
        match self {
            Self::Own(seal) => sealed("own", seal),
            Self::Previous(seal) => sealed("previous", seal),
            Self::Block(part) => match &part.content {
                crate::chat::Content::Native(native) => {
                    format!("{PREFIX}block:{}:{}", native.provider, native.value)
                }
                _ => PREFIX.to_owned(),
            },
        }
    }

    /// Reads what was written; `None` for reasoning that a provider has sealed itself.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (what, rest) = text.strip_prefix(PREFIX)?.split_once(':')?;
        let (provider, value) = rest.split_once(':')?;
        match what {
            "own" => Some(Self::Own(Seal::new(provider.to_owned(), value))),
            "previous" => Some(Self::Previous(Seal::new(provider.to_owned(), value))),
            "block" => {
                let value: Value = serde_json::from_str(value).ok()?;
                Some(Self::Block(Part::native(provider.to_owned(), value)))
            }
            _ => None,
        }
    }
}
