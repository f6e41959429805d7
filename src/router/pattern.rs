//! Names with stars: `openai/*`.

/// A name in which each `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<String>);

impl Pattern {
    /// `None` for a name without a star, which is no pattern.
    pub(super) fn new(name: &str) -> Option<Self> {
        name.contains('*').then(|| Self(name.split('*').map(str::to_owned).collect()))
    }

    /// How narrow it is, for the narrowest to be asked first: by its letters, then by how few stars it has.
    pub(super) fn narrowness(&self) -> (usize, std::cmp::Reverse<usize>) {
        (self.0.iter().map(String::len).sum(), std::cmp::Reverse(self.0.len()))
    }

    /// What the stars stand for in a name, where all of it matches. Each star takes as little as it can, the last what
    /// is left.
    pub(super) fn captures(&self, name: &str) -> Option<Vec<String>> {
        let (first, rest) = self.0.split_first()?;
        let (last, middle) = rest.split_last()?;
        let mut left = name.strip_prefix(first.as_str())?;
        let mut captures = Vec::new();
        for piece in middle {
            let (before, after) = left.split_once(piece.as_str())?;
            captures.push(before.to_owned());
            left = after;
        }
        captures.push(left.strip_suffix(last.as_str())?.to_owned());
        Some(captures)
    }
}

/// The model that a deployment stands for when its pattern has matched: its own stars are filled from the left. A model
/// without stars is always that one; one with fewer stars than there are texts is the name that was asked for.
pub(super) fn fill(model: &str, captures: &[String], asked: &str) -> String {
    let stars = model.matches('*').count();
    if stars == 0 {
        return model.to_owned();
    }
    if captures.len() > stars {
        return asked.to_owned();
    }
    captures.iter().fold(model.to_owned(), |model, text| model.replacen('*', text, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(pattern: &str, name: &str) -> Option<Vec<String>> {
        Pattern::new(pattern).unwrap().captures(name)
    }

    #[test]
    fn a_pattern_matches_all_of_a_name_or_nothing() {
        assert_eq!(captures("openai/*", "openai/gpt-5"), Some(vec!["gpt-5".to_owned()]));
        assert_eq!(captures("*", "anything"), Some(vec!["anything".to_owned()]));
        assert_eq!(captures("*-mini", "gpt-5-mini"), Some(vec!["gpt-5".to_owned()]));
        assert_eq!(captures("*-mini", "gpt-5-mini-2025"), None);
        assert_eq!(captures("a*b*c", "a1b2c"), Some(vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(captures("openai/*", "azure/gpt-5"), None);
        assert!(Pattern::new("gpt-5").is_none());
    }

    #[test]
    fn the_narrowest_pattern_is_the_one_with_the_most_letters() {
        let mut patterns = ["*", "openai/gpt-*", "openai/*", "*/*"].map(|name| Pattern::new(name).unwrap());
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.narrowness()));
        let names: Vec<String> = patterns.iter().map(|pattern| pattern.0.join("*")).collect();
        assert_eq!(names, ["openai/gpt-*", "openai/*", "*/*", "*"]);
    }

    #[test]
    fn the_stars_text_goes_into_the_model() {
        let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(fill("azure/*", &of(&["gpt-5"]), "openai/gpt-5"), "azure/gpt-5");
        assert_eq!(fill("openai/gpt-5", &of(&["x"]), "y"), "openai/gpt-5");
        assert_eq!(fill("*", &of(&["a", "b"]), "a/b"), "a/b");
    }
}
