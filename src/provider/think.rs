//! Reasoning that a model writes into its text, between `<think>` and `</think>` at the head.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// The reasoning and the answer, where a text begins with `<think>`; one that is not closed is reasoning to its end.
#[must_use]
pub fn split_thinking(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix(OPEN)?;
    Some(text.split_once(CLOSE).unwrap_or((text, "")))
}

/// Splits reasoning from text while it streams, wherever the tags are cut.
#[derive(Clone, Debug, Default)]
pub struct ThinkSplitter {
    state: State,
    /// What may be the beginning of a tag.
    held: String,
    /// How much of it, before the first tag, is white space; some models write nothing else for a long time.
    blank: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Thinking,
    Answer,
}

/// A piece of a streamed text, told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Of the answer.
    Text(String),
    /// Of the reasoning.
    Reasoning(String),
}

impl ThinkSplitter {
    /// Whether everything that comes from now on is answer.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.state == State::Answer
    }

    /// The next text; each piece that is certain goes to `each`.
    pub fn push(&mut self, text: &str, each: &mut dyn FnMut(Piece)) {
        if self.state == State::Answer {
            each(Piece::Text(text.to_owned()));
            return;
        }
        self.held.push_str(text);
        if self.state == State::Head {
            let head = self.held.get(self.blank..).unwrap_or_default().trim_start();
            self.blank = self.held.len().saturating_sub(head.len());
            if let Some(rest) = head.strip_prefix(OPEN) {
                self.held = rest.to_owned();
                self.state = State::Thinking;
            } else if OPEN.starts_with(head) {
                return;
            } else {
                self.state = State::Answer;
                each(Piece::Text(std::mem::take(&mut self.held)));
                return;
            }
        }
        let (thinking, answer) = match self.held.split_once(CLOSE) {
            Some((thinking, answer)) => {
                self.state = State::Answer;
                (thinking.to_owned(), answer.to_owned())
            }
            None => {
                let keep = (1..CLOSE.len()).rev().find(|n| CLOSE.get(..*n).is_some_and(|tag| self.held.ends_with(tag)));
                let sure = self.held.len().saturating_sub(keep.unwrap_or(0));
                let held = self.held.split_off(sure);
                (std::mem::replace(&mut self.held, held), String::new())
            }
        };
        if !thinking.is_empty() {
            each(Piece::Reasoning(thinking));
        }
        if self.state == State::Answer {
            self.held.clear();
            if !answer.is_empty() {
                each(Piece::Text(answer));
            }
        }
    }

    /// The text has ended: what was held back is what it looked like.
    pub fn end(&mut self, each: &mut dyn FnMut(Piece)) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            each(if self.state == State::Thinking { Piece::Reasoning(held) } else { Piece::Text(held) });
        }
        self.state = State::Answer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let (mut thinking, mut answer) = (String::new(), String::new());
        let mut each = |piece| match piece {
            Piece::Text(text) => answer.push_str(&text),
            Piece::Reasoning(text) => thinking.push_str(&text),
        };
        let mut splitter = ThinkSplitter::default();
        for piece in pieces {
            splitter.push(piece, &mut each);
        }
        splitter.end(&mut each);
        (thinking, answer)
    }

    #[test]
    fn every_cut_of_the_text_splits_the_same() {
        let text = "\n<think>Let me </see> 🤔</think>\n\nParis </think> it is.";
        let whole = split(&[text]);
        assert_eq!(whole, ("Let me </see> 🤔".to_owned(), "\n\nParis </think> it is.".to_owned()));
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            assert_eq!(split(&[&text[..cut], &text[cut..]]), whole);
        }
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(split(&letters.iter().map(String::as_str).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn a_text_that_begins_with_a_million_pieces_of_white_space_takes_no_longer_for_each() {
        let mut splitter = ThinkSplitter::default();
        let mut pieces = Vec::new();
        for piece in std::iter::repeat_n(" ", 1 << 20).chain(["<thi", "nk>a</think>b"]) {
            splitter.push(piece, &mut |piece| pieces.push(piece));
        }
        assert_eq!(pieces, [Piece::Reasoning("a".to_owned()), Piece::Text("b".to_owned())]);
    }

    #[test]
    fn a_text_that_does_not_begin_with_the_tag_is_left_alone() {
        assert_eq!(split(&["Use <think>", "x</think>"]), (String::new(), "Use <think>x</think>".to_owned()));
        assert_eq!(split(&["<thi"]), (String::new(), "<thi".to_owned()));
        assert_eq!(split_thinking("a <think>b</think>"), None);
    }

    #[test]
    fn reasoning_that_is_not_closed_is_still_reasoning_in_a_stream() {
        assert_eq!(split(&["<think>half", "</th"]), ("half</th".to_owned(), String::new()));
    }
}
