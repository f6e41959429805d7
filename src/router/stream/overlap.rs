//! The end of a text from which another stream goes on.

/// The beginning that a reply was given, as it may come again.
#[derive(Default)]
pub(super) struct Overlap {
    /// What was sent as the beginning of the reply. Some models say it again before they go on (Mistral's do).
    said: String,
    /// White space behind it. It is not sent, as some models refuse it (Anthropic's do).
    space: String,
    /// What has come and can still turn out to be the beginning.
    held: String,
    over: bool,
}

/// A beginning that is shorter than this could well come again by itself.
const TELLING: usize = 16;

impl Overlap {
    /// The overlap of a reply that goes on from this text, and the beginning that is sent for it; `None` where there is
    /// nothing to go on from.
    pub(super) fn of(text: &str) -> Option<(Self, String)> {
        let said = text.trim_end();
        let space = text.strip_prefix(said).unwrap_or_default().to_owned();
        let repeated = if said.len() >= TELLING { said.to_owned() } else { String::new() };
        (!said.is_empty()).then(|| (Self { said: repeated, space, ..Self::default() }, said.to_owned()))
    }

    /// What is new in the next piece of text; `None` while that cannot be told.
    pub(super) fn take(&mut self, text: String) -> Option<String> {
        if self.over {
            return Some(text);
        }
        self.held.push_str(&text);
        let open = self.held.len() < self.said.len() && self.said.starts_with(&self.held);
        if open || self.held.is_empty() {
            return None;
        }
        self.flush()
    }

    /// What is left when something else than text comes.
    pub(super) fn flush(&mut self) -> Option<String> {
        if std::mem::replace(&mut self.over, true) {
            return None;
        }
        let held = std::mem::take(&mut self.held);
        let new = held.strip_prefix(self.said.as_str()).unwrap_or(&held);
        let new = new.strip_prefix(self.space.as_str()).unwrap_or(new);
        (!new.is_empty()).then(|| new.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is new in the pieces of a reply that goes on from a text.
    fn new(text: &str, pieces: &[&str]) -> String {
        let (mut overlap, _) = Overlap::of(text).unwrap();
        let mut new: String = pieces.iter().filter_map(|piece| overlap.take((*piece).to_owned())).collect();
        new.extend(overlap.flush());
        new
    }

    #[test]
    fn a_reply_that_goes_on_repeats_nothing() {
        assert_eq!(new("Once upon a time there ", &[" was", " a"]), "was a");
        assert_eq!(new("Once upon a time there ", &["was", " a"]), "was a");
        assert_eq!(new("Once upon a time", &[" there", " was"]), " there was");
        assert_eq!(new("Once upon a time there", &["Once upon", " a time there", " was"]), " was");
        assert_eq!(new("Once upon a time there ", &["Once upon a time there was"]), "was");
        assert_eq!(new("Once upon a time there", &["Once", " more"]), "Once more");
        assert_eq!(new("Once upon a time there", &["Once"]), "Once");
        assert_eq!(new("ha", &["ha", "ha"]), "haha");
        assert_eq!(new("ha ", &["", " ha"]), "ha");
    }
}
