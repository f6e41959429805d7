//! Cutting text where every encoding's pattern cuts it too, so that the pieces' tokens are the text's tokens.
//!
//! A pattern takes a text apart into words, numbers, runs of signs and runs of white space, and looks one letter ahead
//! at most, and then only after white space. So a cut is safe where no match can span it and the text before it does
//! not end in white space. The rules below hold for the patterns of all encodings (tiktoken's `openai_public.py`); they
//! are fewer than they could be, never more.

/// A stretch of text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// Whether it ends where the encodings cut too.
    pub(super) whole: bool,
}

/// The stretches of a text, in order.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    rest: &'a str,
    limit: usize,
    force: bool,
}

/// Cuts `text` into pieces of at most `limit` bytes. Where that cannot be done safely, a piece ends anywhere, with
/// `force`, or is longer.
pub(super) fn pieces(text: &str, limit: usize, force: bool) -> Pieces<'_> {
    Pieces { rest: text, limit: limit.max(4), force }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (at, whole) = self.cut();
        let (text, rest) = self.rest.split_at_checked(at).unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(Piece { text, whole })
    }
}

impl Pieces<'_> {
    /// Where the next piece ends, and whether the encodings cut there.
    fn cut(&self) -> (usize, bool) {
        if self.rest.len() <= self.limit {
            return (self.rest.len(), true);
        }
        let most = floor(self.rest, self.limit);
        let Some((head, tail)) = self.rest.split_at_checked(most) else { return (self.rest.len(), true) };
        let mut next = tail.chars().next();
        for (at, letter) in head.char_indices().rev() {
            if next.is_some_and(|next| splits(letter, next)) {
                return (at.saturating_add(letter.len_utf8()), true);
            }
            next = Some(letter);
        }
        if self.force {
            return (most, false);
        }
        let mut last = head.chars().next_back();
        for (at, letter) in tail.char_indices() {
            if last.is_some_and(|last| splits(last, letter)) {
                return (most.saturating_add(at), true);
            }
            last = Some(letter);
        }
        (self.rest.len(), true)
    }
}

/// The last place between letters at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

/// Whether no pattern has a match that spans these two neighbours.
///
/// - White space but CR and LF begins a match or goes on in white space, so it never follows anything else.
/// - CR and LF follow only signs and white space.
/// - A number goes on in numbers only.
/// - A word goes on in letters, marks and, at its end, an apostrophe: neither digits nor other signs.
fn splits(before: char, after: char) -> bool {
    if after.is_whitespace() && !matches!(after, '\r' | '\n') {
        return !before.is_whitespace();
    }
    if before.is_ascii_digit() {
        return after.is_ascii() && !after.is_ascii_digit();
    }
    is_plain_letter(before)
        && (matches!(after, '\r' | '\n' | '0'..='9')
            || after.is_ascii_punctuation() && after != '\''
            || is_cjk_sign(after))
}

/// Latin letters without accents, Chinese characters, kana and hangul: each of them `\p{L}`.
fn is_plain_letter(letter: char) -> bool {
    letter.is_ascii_alphabetic()
        || matches!(letter, '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{ac00}'..='\u{d7a3}')
}

/// Chinese and Japanese punctuation, brackets and full-width signs: none of them `\p{L}`, `\p{M}` or `\p{N}`.
fn is_cjk_sign(letter: char) -> bool {
    matches!(letter, '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3020}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str, limit: usize, force: bool) -> Vec<(&str, bool)> {
        pieces(text, limit, force).map(|piece| (piece.text, piece.whole)).collect()
    }

    #[test]
    fn text_is_cut_before_a_space() {
        assert_eq!(cut("one two three", 8, true), [("one two", true), (" three", true)]);
        assert_eq!(cut("one,two;3", 5, true), [("one", true), (",two", true), (";3", true)]);
        assert_eq!(cut("一，二，三", 7, true), [("一", true), ("，二", true), ("，三", true)]);
    }

    #[test]
    fn an_unbroken_run_is_cut_anywhere_or_left_whole() {
        assert_eq!(cut("abcdefghij klm", 4, true), [("abcd", false), ("efgh", false), ("ij", true), (" klm", true)]);
        assert_eq!(cut("abcdefghij klm", 4, false), [("abcdefghij", true), (" klm", true)]);
        assert_eq!(cut("éééé", 5, true), [("éé", false), ("éé", true)]);
    }

    #[test]
    fn what_belongs_together_is_not_cut() {
        for together in ["  ", "\n\n", " a", "!\n", "12", "don't", "!a", "a\u{301}", "😀😀", "\u{1f1e9}\u{1f1ea}"] {
            assert_eq!(
                cut(&together.repeat(2), 1, false).iter().map(|piece| piece.0).collect::<String>(),
                together.repeat(2)
            );
        }
        assert!(
            !splits(' ', ' ') && !splits('n', '\'') && !splits('!', '\n') && !splits('1', '2') && !splits('!', 'a')
        );
        assert!(!splits('a', '\u{301}') && !splits('a', 'B') && !splits('é', '!'));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_piece_is_empty(text in ".{0,200}", limit in 0_usize..40, force: bool) {
            let found = cut(&text, limit, force);
            prop_assert!(found.iter().all(|piece| !piece.0.is_empty()));
            prop_assert_eq!(found.iter().map(|piece| piece.0).collect::<String>(), text);
        }
    }
}
