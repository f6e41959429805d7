//! Counting tokens.
//!
//! [`token_counter`] counts a text or a conversation for a model; [`Tokenizer`] does the same for several counts. Every
//! answer is a [`TokenCount`], which says whether it is exact. Nothing is downloaded and nothing is loaded before it is
//! needed: the first count with an encoding loads it (see [`Tokenizer::warm`]).
//!
//! # What is exact
//!
//! Text for models whose encoding is public: OpenAI's, gpt-oss among them, by the names that `pricing/families.json`
//! lists, with or without a provider's prefix. Others are counted by `o200k_base` times what was measured for their
//! family, and the count says that it is an estimate; the feature `huggingface` counts them by their `tokenizer.json`.
//! Pictures, documents, sound, video, tools and their calls are always estimates.
//!
//! Text that looks like a special token, such as `<|endoftext|>`, is counted as the text that it is.
//!
//! # Long text
//!
//! The time grows with the length of the text, whatever is in it. A run of more than [`UNBROKEN`] bytes in which no
//! encoding finds a place to cut (a million times `a`, or as many spaces) is counted in parts of that length, which can
//! be wrong by a token for each; then the count is not exact. [`Tokenizer::count_exact`] and [`Tokenizer::encode`] take
//! the time that such a run needs.

#[cfg(feature = "tiktoken")]
mod bpe;
#[cfg(not(feature = "tiktoken"))]
#[path = "absent.rs"]
mod bpe;
mod count;
mod encoding;
mod estimate;
#[cfg(feature = "huggingface")]
mod huggingface;
mod image;
mod media;
#[cfg(feature = "tiktoken")]
mod pieces;
mod prompt;
mod tools;
mod trim;

use std::iter::Sum;
use std::ops::{Add, AddAssign};

pub use count::Tokenizer;
pub use encoding::Encoding;
pub use prompt::Prompt;
pub use trim::trim_messages;

use crate::error::Result;

/// How many bytes may follow each other without a safe cut before a count becomes an estimate: 4 KiB.
///
/// Merging a single word of n letters takes more than n steps, so an unbroken run is cut at this length, which keeps the
/// time in step with the text. A cut changes the count by a token or two.
pub const UNBROKEN: usize = 4 * 1024;

/// A number of tokens.
///
/// A sum is exact if all of its parts are.
///
/// ```
/// use anymodel::TokenCount;
///
/// let sum: TokenCount = [TokenCount::exact(3), TokenCount::estimate(4)].into_iter().sum();
/// assert_eq!(sum, TokenCount::estimate(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenCount {
    /// How many.
    pub tokens: u64,
    /// Whether the model's own tokenizer counted them; otherwise the number is an estimate.
    pub exact: bool,
}

impl TokenCount {
    /// Counted by the model's own tokenizer.
    #[must_use]
    pub const fn exact(tokens: u64) -> Self {
        Self { tokens, exact: true }
    }

    /// Not counted by it.
    #[must_use]
    pub const fn estimate(tokens: u64) -> Self {
        Self { tokens, exact: false }
    }

    const fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), exact: self.exact && other.exact }
    }
}

impl Default for TokenCount {
    /// None, exactly.
    fn default() -> Self {
        Self::exact(0)
    }
}

impl Add for TokenCount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.plus(other)
    }
}

impl AddAssign for TokenCount {
    fn add_assign(&mut self, other: Self) {
        *self = self.plus(other);
    }
}

impl Sum for TokenCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Self::plus)
    }
}

/// The tokens of a text, of messages or of a whole request, as LiteLLM's `token_counter` counts them.
///
/// ```
/// use anymodel::{TokenCount, system, token_counter, user};
///
/// let text = token_counter("openai/gpt-4o", "Hello, how are you?");
/// let messages = token_counter("gpt-4o", &[system("Be terse."), user("Hi")]);
/// # #[cfg(feature = "tiktoken")]
/// assert_eq!((text, messages), (TokenCount::exact(6), TokenCount::exact(15)));
///
/// let elsewhere = token_counter("anthropic/claude-sonnet-4-5", "Hello, how are you?");
/// assert!(!elsewhere.exact);
/// ```
///
/// A request's tools and tool choice count too. See [`Tokenizer::count_prompt`] for the rules.
#[must_use]
pub fn token_counter<'a>(model: &str, prompt: impl Into<Prompt<'a>>) -> TokenCount {
    Tokenizer::for_model(model).count_prompt(prompt)
}

/// The tokens of a text in the model's encoding, or in the one by which it is estimated.
///
/// # Errors
///
/// As [`Tokenizer::encode`].
///
/// ```
/// # #[cfg(feature = "tiktoken")]
/// # fn run() -> anymodel::Result<()> {
/// let tokens = anymodel::encode("gpt-4o", "Hello!")?;
/// assert_eq!(anymodel::decode("gpt-4o", &tokens)?, "Hello!");
/// # Ok(())
/// # }
/// # #[cfg(feature = "tiktoken")]
/// # run().unwrap();
/// ```
pub fn encode(model: &str, text: &str) -> Result<Vec<u32>> {
    Tokenizer::for_model(model).encode(text)
}

/// The text of tokens in the model's encoding.
///
/// # Errors
///
/// As [`Tokenizer::decode`].
pub fn decode(model: &str, tokens: &[u32]) -> Result<String> {
    Tokenizer::for_model(model).decode(tokens)
}
