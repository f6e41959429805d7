//! Seals and blocks of one provider, carried through the format of another.
//!
//! A reply can hold what must go back to its provider, and to no other: Anthropic's signature of its thinking, Gemini's of
//! a call, the result of a search. Told in the Responses API it is carried in the one place that every caller gives back
//! untouched, as the API asks: the `encrypted_content` of reasoning; told in Anthropic's Messages, in the `signature` of
//! thinking and the `data` of what is redacted. So it comes back in its order.

use serde_json::Value;

use super::{Content, Part, Seal};

const PREFIX: &str = "anymodel/1:";

/// What is carried.
pub(crate) enum Carried {
    /// The seal of this reasoning.
    Own(Seal),
    /// The seal of what came before it.
    Previous(Seal),
    /// A block of its own.
    Block(Part),
}

impl Carried {
    pub(crate) fn write(&self) -> String {
        let sealed = |what: &str, seal: &Seal| format!("{PREFIX}{what}:{}:{}", seal.provider, seal.value);
        match self {
            Self::Own(seal) => sealed("own", seal),
            Self::Previous(seal) => sealed("previous", seal),
            Self::Block(part) => match &part.content {
                Content::Native(native) => {
                    format!("{PREFIX}block:{}:{}", native.provider, native.value)
                }
                _ => PREFIX.to_owned(),
            },
        }
    }

    /// Reads what was written; `None` for reasoning that a provider has sealed itself.
    pub(crate) fn read(text: &str) -> Option<Self> {
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
