//! The public encodings, by name.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// A public encoding of OpenAI's: how text becomes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Of the gpt-oss models: [`Encoding::O200kBase`] with the special tokens of the harmony format.
    O200kHarmony,
    /// Of GPT-4o, GPT-4.1, GPT-5 and the o series.
    O200kBase,
    /// Of GPT-4, GPT-3.5 and the embedding models.
    Cl100kBase,
    /// Of text-davinci-003 and the Codex models.
    P50kBase,
    /// Of the edit models: [`Encoding::P50kBase`] with more special tokens.
    P50kEdit,
    /// Of GPT-2 and GPT-3.
    R50kBase,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::O200kHarmony, Self::O200kBase, Self::Cl100kBase, Self::P50kBase, Self::P50kEdit, Self::R50kBase];

    /// The name that tiktoken gives it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::O200kHarmony => "o200k_harmony",
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
            Self::P50kBase => "p50k_base",
            Self::P50kEdit => "p50k_edit",
            Self::R50kBase => "r50k_base",
        }
    }

    /// The encoding with the same tokens for ordinary text, so that fewer have to be loaded.
    #[cfg(feature = "tiktoken")]
    pub(super) const fn ordinary(self) -> Self {
        match self {
            Self::O200kHarmony => Self::O200kBase,
            Self::P50kEdit => Self::P50kBase,
            other => other,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Encoding {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let name = if name == "gpt2" { "r50k_base" } else { name };
        Self::ALL.into_iter().find(|encoding| encoding.as_str() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Error::new(ErrorKind::Configuration, format!("there is no encoding `{name}`; known are {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_found_by_its_name() {
        for encoding in Encoding::ALL {
            assert_eq!(encoding.to_string().parse::<Encoding>().unwrap(), encoding);
        }
        assert_eq!("gpt2".parse::<Encoding>().unwrap(), Encoding::R50kBase);
        assert!("o300k".parse::<Encoding>().unwrap_err().message().contains("cl100k_base"));
    }
}
