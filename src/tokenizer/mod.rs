//! Counting tokens.

/// A number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenCount {
    /// How many.
    pub tokens: u64,
    /// Whether the model's own tokenizer counted them; otherwise the number is an estimate.
    pub exact: bool,
}
