//! Exact counts, by tiktoken-rs or, with the feature `tiktoken-fast`, by the faster package `tiktoken`.
//!
//! An encoding is loaded on its first use and kept. Text never becomes special tokens.

use std::collections::HashSet;

use once_cell::sync::OnceCell;
use tiktoken_rs::CoreBPE;

use super::pieces::pieces;
use super::{Encoding, TokenCount, UNBROKEN};
use crate::error::{Error, ErrorKind, Result};

/// Loads the encoding for counting.
pub(super) fn warm(encoding: Encoding) -> Result<()> {
    #[cfg(feature = "tiktoken-fast")]
    if fast(encoding).is_some() {
        return Ok(());
    }
    loaded(encoding.ordinary()).map(|_| ())
}

/// The number of tokens; exact where the text is broken often enough.
pub(super) fn count(encoding: Encoding, text: &str) -> Result<TokenCount> {
    let mut sum = TokenCount::default();
    for piece in pieces(text, UNBROKEN, true) {
        sum = sum.plus(TokenCount { tokens: count_piece(encoding, piece.text)?, exact: piece.whole });
    }
    Ok(sum)
}

/// The number of tokens, exact whatever the text.
pub(super) fn count_exact(encoding: Encoding, text: &str) -> Result<TokenCount> {
    let mut sum = TokenCount::default();
    for piece in pieces(text, UNBROKEN, false) {
        sum = sum.plus(TokenCount::exact(count_piece(encoding, piece.text)?));
    }
    Ok(sum)
}

/// The tokens of the text, exact whatever it is.
pub(super) fn encode(encoding: Encoding, text: &str) -> Result<Vec<u32>> {
    let mut tokens = Vec::new();
    for piece in pieces(text, UNBROKEN, false) {
        tokens.extend(encode_piece(encoding, piece.text)?);
    }
    Ok(tokens)
}

/// The bytes of the tokens, special tokens as their names.
pub(super) fn decode(encoding: Encoding, tokens: &[u32]) -> Result<Vec<u8>> {
    loaded(encoding)?.decode_bytes(tokens).map_err(|unknown| {
        Error::new(ErrorKind::InvalidRequest, format!("{} is not a token of {encoding}", unknown.token))
    })
}

fn count_piece(encoding: Encoding, piece: &str) -> Result<u64> {
    #[cfg(feature = "tiktoken-fast")]
    if let Some(fast) = fast(encoding) {
        return Ok(fast.count(piece) as u64);
    }
    encode_slowly(encoding, piece).map(|tokens| tokens.len() as u64)
}

fn encode_piece(encoding: Encoding, piece: &str) -> Result<Vec<u32>> {
    #[cfg(feature = "tiktoken-fast")]
    if let Some(fast) = fast(encoding) {
        return Ok(fast.encode(piece));
    }
    encode_slowly(encoding, piece)
}

/// By tiktoken-rs. Its pattern engine backtracks up to a limit, beyond which `encode_ordinary` panics and `encode` fails:
/// a short piece cannot reach it.
fn encode_slowly(encoding: Encoding, piece: &str) -> Result<Vec<u32>> {
    let bpe = loaded(encoding.ordinary())?;
    if piece.len() <= UNBROKEN {
        return Ok(bpe.encode_ordinary(piece));
    }
    let (tokens, _) = bpe.encode(piece, &HashSet::new()).map_err(|problem| {
        Error::new(
            ErrorKind::InvalidRequest,
            format!("a run of {} bytes without a break is too long for {encoding}: {problem}", piece.len()),
        )
    })?;
    Ok(tokens)
}

fn loaded(encoding: Encoding) -> Result<&'static CoreBPE> {
    static LOADED: [OnceCell<CoreBPE>; 6] = [const { OnceCell::new() }; 6];
    let load = match encoding {
        Encoding::O200kHarmony => tiktoken_rs::o200k_harmony,
        Encoding::O200kBase => tiktoken_rs::o200k_base,
        Encoding::Cl100kBase => tiktoken_rs::cl100k_base,
        Encoding::P50kBase => tiktoken_rs::p50k_base,
        Encoding::P50kEdit => tiktoken_rs::p50k_edit,
        Encoding::R50kBase => tiktoken_rs::r50k_base,
    };
    let failed = |problem: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Configuration, format!("the encoding {encoding} could not be loaded: {problem}"))
    };
    let place = LOADED.get(encoding as usize).ok_or_else(|| failed(&"there is no place for it"))?;
    place.get_or_try_init(|| load().map_err(|problem| failed(&problem)))
}

#[cfg(feature = "tiktoken-fast")]
fn fast(encoding: Encoding) -> Option<&'static tiktoken_fast::CoreBpe> {
    tiktoken_fast::get_encoding(encoding.ordinary().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Letters of every class that the patterns know, the rare ones as often as the others.
    fn letters() -> impl Strategy<Value = String> {
        let letters: Vec<char> = "aAzZ09 \t\n\r'\"/!.,(_éÉßſİǅʰªⅫ½٣\u{301}\u{903}Ⓐ中々〇、。（＇Ａ０ーかカ한😀\u{200d}\u{85}\u{a0}\u{3000}\u{0}"
            .chars()
            .collect();
        prop::collection::vec(prop::sample::select(letters), 0..60).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// The law on which all counts of long texts rest.
        #[test]
        fn the_tokens_of_the_pieces_are_those_of_the_text(
            text in letters(),
            limit in 0_usize..24,
            encoding in prop::sample::select(vec![Encoding::O200kBase, Encoding::Cl100kBase, Encoding::R50kBase]),
        ) {
            let mut tokens = Vec::new();
            for piece in pieces(&text, limit, false) {
                prop_assert!(piece.whole);
                tokens.extend(loaded(encoding).unwrap().encode_ordinary(piece.text));
            }
            prop_assert_eq!(tokens, loaded(encoding).unwrap().encode_ordinary(&text));
        }

        #[cfg(feature = "tiktoken-fast")]
        #[test]
        fn the_fast_package_gives_the_same_tokens(text in letters(), encoding in prop::sample::select(Encoding::ALL.to_vec())) {
            let expected = loaded(encoding.ordinary()).unwrap().encode_ordinary(&text);
            let fast = fast(encoding).unwrap();
            prop_assert_eq!(fast.count(&text), expected.len());
            prop_assert_eq!(fast.encode(&text), expected);
        }
    }

    #[test]
    fn a_forced_cut_is_told() {
        let text = "a".repeat(UNBROKEN + 1);
        assert!(!count(Encoding::O200kBase, &text).unwrap().exact);
        assert!(count(Encoding::O200kBase, &text[1..]).unwrap().exact);
        assert_eq!(
            encode(Encoding::O200kBase, &text).unwrap().len() as u64,
            count_exact(Encoding::O200kBase, &text).unwrap().tokens
        );
    }
}
