//! The tokenizer of a model, or what stands in for it.

use crate::error::Result;
use crate::model::traits;

use super::{Encoding, TokenCount, estimate};

/// Counts tokens as a model does, or as near as is known.
///
/// Cheap to make and to clone; what it counts with is loaded on the first count and shared by the process.
///
/// ```
/// use anymodel::{Encoding, Tokenizer};
///
/// let tokenizer = Tokenizer::for_model("azure/gpt-4o");
/// assert_eq!(tokenizer.encoding(), Some(Encoding::O200kBase));
/// let lengths: Vec<u64> = ["one", "two words"].iter().map(|text| tokenizer.count(text).tokens).collect();
/// assert_eq!(lengths, [1, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct Tokenizer {
    kind: Kind,
    /// Whether the model's own encoding counts.
    own: bool,
    /// The model's tokens in per cent of what the encoding counts.
    percent: u32,
    frame: Frame,
}

#[derive(Clone, Debug)]
enum Kind {
    Encoding(Encoding),
    #[cfg(feature = "huggingface")]
    HuggingFace(super::huggingface::HuggingFace),
}

/// What a message costs beside its texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) message: u64,
    /// Beside the tokens of the name itself.
    pub(super) name: i64,
}

const FRAME: Frame = Frame { message: 3, name: 1 };
/// Of `gpt-3.5-turbo-0301`, in whose messages a name stands in the place of the role (OpenAI's cookbook).
const OLD_FRAME: Frame = Frame { message: 4, name: -1 };

impl Tokenizer {
    /// Counts by this encoding.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { kind: Kind::Encoding(encoding), own: true, percent: 100, frame: FRAME }
    }

    /// Estimates by this encoding: `percent` tokens for each hundred that it counts.
    #[must_use]
    pub fn estimate(encoding: Encoding, percent: u32) -> Self {
        Self { kind: Kind::Encoding(encoding), own: false, percent, frame: FRAME }
    }

    /// The tokenizer of a model, named with or without a provider's prefix; an estimate where it has none that is public.
    #[must_use]
    pub fn for_model(model: &str) -> Self {
        let traits = traits(model);
        let encoding = traits.tokenizer.as_deref().and_then(|name| name.parse().ok());
        let mut tokenizer = match encoding {
            Some(encoding) => Self::new(encoding),
            None => Self::estimate(Encoding::O200kBase, traits.token_percent.unwrap_or(100)),
        };
        if model.ends_with("gpt-3.5-turbo-0301") {
            tokenizer.frame = OLD_FRAME;
        }
        tokenizer
    }

    /// Counts by a Hugging Face `tokenizer.json`, read from a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind) where the file cannot be read or is not a tokenizer.
    #[cfg(feature = "huggingface")]
    pub fn from_file(path: impl AsRef<std::path::Path>) -> Result<Self> {
        super::huggingface::HuggingFace::from_file(path.as_ref()).map(Self::from_huggingface)
    }

    /// Counts by a Hugging Face `tokenizer.json`, given as its bytes.
    ///
    /// Its author's pattern decides how long text is handled: a count is always exact, and takes the time that it takes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind) where they are not a tokenizer.
    #[cfg(feature = "huggingface")]
    pub fn from_bytes(bytes: impl AsRef<[u8]>) -> Result<Self> {
        super::huggingface::HuggingFace::from_bytes(bytes.as_ref()).map(Self::from_huggingface)
    }

    #[cfg(feature = "huggingface")]
    fn from_huggingface(tokenizer: super::huggingface::HuggingFace) -> Self {
        Self { kind: Kind::HuggingFace(tokenizer), own: true, percent: 100, frame: FRAME }
    }

    /// The encoding that counts, the model's own or the one that stands in for it.
    #[must_use]
    pub fn encoding(&self) -> Option<Encoding> {
        match &self.kind {
            Kind::Encoding(encoding) => Some(*encoding),
            #[cfg(feature = "huggingface")]
            Kind::HuggingFace(_) => None,
        }
    }

    /// Whether counts of ordinary text are exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.own && (cfg!(feature = "tiktoken") || self.encoding().is_none())
    }

    /// Loads the encoding now, not on the first count. `o200k_base` takes about 0.3 s and 45 MB, `cl100k_base` half of
    /// that; see `benches/tokens.rs`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind) where it cannot be loaded, or (without the feature `tiktoken`) is not there.
    pub fn warm(&self) -> Result<()> {
        match &self.kind {
            Kind::Encoding(encoding) => super::bpe::warm(*encoding),
            #[cfg(feature = "huggingface")]
            Kind::HuggingFace(_) => Ok(()),
        }
    }

    /// The tokens of a text, in time that grows with its length.
    ///
    /// Not exact for a text with a run of more than [`UNBROKEN`](super::UNBROKEN) bytes that no encoding breaks.
    #[must_use]
    pub fn count(&self, text: &str) -> TokenCount {
        self.scaled(self.unscaled(text))
    }

    /// The tokens of a text, by the encoding alone even where a run is long: of n letters without a break it takes more
    /// than n steps.
    ///
    /// # Errors
    ///
    /// As [`Tokenizer::encode`].
    pub fn count_exact(&self, text: &str) -> Result<TokenCount> {
        let counted = match &self.kind {
            Kind::Encoding(encoding) => super::bpe::count_exact(*encoding, text)?,
            #[cfg(feature = "huggingface")]
            Kind::HuggingFace(tokenizer) => TokenCount::exact(tokenizer.count(text)?),
        };
        Ok(self.scaled(counted))
    }

    /// The tokens of a text, none of them special. Where the tokenizer is an estimate, the stand-in's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind) without the feature `tiktoken`; [`ErrorKind::InvalidRequest`](crate::ErrorKind) for a text that the
    /// tokenizer cannot take.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        match &self.kind {
            Kind::Encoding(encoding) => super::bpe::encode(*encoding, text),
            #[cfg(feature = "huggingface")]
            Kind::HuggingFace(tokenizer) => tokenizer.encode(text),
        }
    }

    /// The text of tokens. Tokens that end inside a letter give U+FFFD there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind) for a number that is no token; [`ErrorKind::Configuration`](crate::ErrorKind) without the feature
    /// `tiktoken`.
    pub fn decode(&self, tokens: &[u32]) -> Result<String> {
        match &self.kind {
            Kind::Encoding(encoding) => {
                let bytes = super::bpe::decode(*encoding, tokens)?;
                Ok(String::from_utf8(bytes).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
            }
            #[cfg(feature = "huggingface")]
            Kind::HuggingFace(tokenizer) => tokenizer.decode(tokens),
        }
    }

    pub(super) fn frame(&self) -> Frame {
        self.frame
    }

    /// What the encoding itself counts.
    pub(super) fn unscaled(&self, text: &str) -> TokenCount {
        let counted = match &self.kind {
            Kind::Encoding(encoding) => super::bpe::count(*encoding, text),
            #[cfg(feature = "huggingface")]
            Kind::HuggingFace(tokenizer) => tokenizer.count(text).map(TokenCount::exact),
        };
        counted.unwrap_or_else(|_| estimate::by_letters(text))
    }

    /// The model's count from the encoding's.
    pub(super) fn scaled(&self, counted: TokenCount) -> TokenCount {
        let hundredths = counted.tokens.saturating_mul(u64::from(self.percent)).saturating_add(50);
        TokenCount { tokens: hundredths.checked_div(100).unwrap_or(0), exact: counted.exact && self.own }
    }
}

impl From<&str> for Tokenizer {
    /// The tokenizer of the model of this name.
    fn from(model: &str) -> Self {
        Self::for_model(model)
    }
}

impl From<&String> for Tokenizer {
    /// The tokenizer of the model of this name.
    fn from(model: &String) -> Self {
        Self::for_model(model)
    }
}

impl From<&Self> for Tokenizer {
    fn from(tokenizer: &Self) -> Self {
        tokenizer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_its_encoding_whatever_its_prefix() {
        for (model, encoding) in [
            ("gpt-4o", Encoding::O200kBase),
            ("openai/gpt-4o", Encoding::O200kBase),
            ("azure/gpt-4o-mini", Encoding::O200kBase),
            ("gpt-4o-2024-08-06", Encoding::O200kBase),
            ("openrouter/openai/gpt-5.2-codex", Encoding::O200kBase),
            ("ft:gpt-4o-mini-2024-07-18:org::id", Encoding::O200kBase),
            ("openai/ft:gpt-4.1-2025-04-14:org::id", Encoding::O200kBase),
            ("chatgpt-4o-latest", Encoding::O200kBase),
            ("o1", Encoding::O200kBase),
            ("azure/o3-mini", Encoding::O200kBase),
            ("o4-mini-2025-04-16", Encoding::O200kBase),
            ("groq/openai/gpt-oss-120b", Encoding::O200kHarmony),
            ("bedrock/openai.gpt-oss-20b-1:0", Encoding::O200kHarmony),
            ("gpt-4", Encoding::Cl100kBase),
            ("gpt-4-turbo-2024-04-09", Encoding::Cl100kBase),
            ("azure/gpt-35-turbo", Encoding::Cl100kBase),
            ("ft:gpt-4-0613:org::id", Encoding::Cl100kBase),
            ("ft:gpt-3.5-turbo-0125:org::id", Encoding::Cl100kBase),
            ("text-embedding-3-small", Encoding::Cl100kBase),
            ("openai/davinci-002", Encoding::Cl100kBase),
            ("text-davinci-003", Encoding::P50kBase),
            ("text-davinci-edit-001", Encoding::P50kEdit),
            ("davinci", Encoding::R50kBase),
        ] {
            let tokenizer = Tokenizer::for_model(model);
            assert_eq!((tokenizer.encoding(), tokenizer.own), (Some(encoding), true), "{model}");
        }
    }

    #[test]
    fn a_model_without_a_public_encoding_is_estimated() {
        for (model, percent) in [
            ("anthropic/claude-sonnet-4-5", 110),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 110),
            ("claude-opus-4-7", 130),
            ("gemini/gemini-2.5-flash", 100),
            ("an-unknown-model", 100),
            ("", 100),
        ] {
            let tokenizer = Tokenizer::for_model(model);
            assert_eq!((tokenizer.own, tokenizer.percent), (false, percent), "{model}");
            assert!(!tokenizer.count("Hello").exact && !tokenizer.is_exact());
        }
    }

    #[test]
    fn an_estimate_is_rounded_and_does_not_overflow() {
        let tokenizer = Tokenizer::estimate(Encoding::O200kBase, 110);
        assert_eq!(tokenizer.scaled(TokenCount::exact(5)), TokenCount::estimate(6));
        assert_eq!(tokenizer.scaled(TokenCount::exact(4)), TokenCount::estimate(4));
        assert!(tokenizer.scaled(TokenCount::exact(u64::MAX)).tokens > 0);
    }
}
