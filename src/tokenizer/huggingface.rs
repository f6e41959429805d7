//! Counting by a `tokenizer.json` of Hugging Face's.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

/// A tokenizer, shared by its clones.
#[derive(Clone)]
pub(super) struct HuggingFace(Arc<tokenizers::Tokenizer>);

impl HuggingFace {
    pub(super) fn from_file(path: &Path) -> Result<Self> {
        tokenizers::Tokenizer::from_file(path).map(Self::new).map_err(|problem| unusable(&problem))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        tokenizers::Tokenizer::from_bytes(bytes).map(Self::new).map_err(|problem| unusable(&problem))
    }

    /// What a file may ask for beside tokens, cutting and filling up to a length, is turned off.
    fn new(mut tokenizer: tokenizers::Tokenizer) -> Self {
        let _ = tokenizer.with_truncation(None);
        tokenizer.with_padding(None);
        tokenizer.set_encode_special_tokens(true);
        Self(Arc::new(tokenizer))
    }

    pub(super) fn count(&self, text: &str) -> Result<u64> {
        self.encode(text).map(|tokens| tokens.len() as u64)
    }

    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoded = self.0.encode_fast(text, false).map_err(|problem| failed("encoded", &problem))?;
        Ok(encoded.get_ids().to_vec())
    }

    pub(super) fn decode(&self, tokens: &[u32]) -> Result<String> {
        self.0.decode(tokens, false).map_err(|problem| failed("decoded", &problem))
    }
}

impl fmt::Debug for HuggingFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HuggingFace").field("vocabulary", &self.0.get_vocab_size(true)).finish()
    }
}

fn unusable(problem: &dyn fmt::Display) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("this is not a `tokenizer.json` as Hugging Face's tokenizers read it: {problem}"),
    )
}

fn failed(what: &str, problem: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("the text could not be {what} by its tokenizer: {problem}"))
}

#[cfg(test)]
mod tests {
    use crate::tokenizer::{TokenCount, Tokenizer};

    const WORDS: &str = r#"{"version": "1.0", "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
        "padding": null, "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "added_tokens": [{"id": 3, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
        "model": {"type": "WordLevel", "vocab": {"hello": 0, "world": 1, "[UNK]": 2, "<end>": 3, "<": 4, ">": 5, "end": 6}, "unk_token": "[UNK]"}}"#;

    #[test]
    fn a_tokenizer_file_counts_exactly() {
        let tokenizer = Tokenizer::from_bytes(WORDS).unwrap();
        assert_eq!(tokenizer.count("hello world hello"), TokenCount::exact(3));
        assert_eq!(tokenizer.encode("hello world").unwrap(), [0, 1]);
        assert_eq!(tokenizer.decode(&[0, 1]).unwrap(), "hello world");
        assert!(tokenizer.is_exact() && tokenizer.encoding().is_none() && tokenizer.warm().is_ok());
    }

    #[test]
    fn special_tokens_in_a_text_are_text() {
        assert_eq!(Tokenizer::from_bytes(WORDS).unwrap().encode("<end>").unwrap(), [4, 6, 5]);
    }

    #[test]
    fn what_is_no_tokenizer_is_an_error() {
        assert!(Tokenizer::from_bytes("{}").unwrap_err().message().contains("tokenizer.json"));
        assert!(Tokenizer::from_file("/nowhere/tokenizer.json").is_err());
    }
}
