//! Secrets that come back: taken out of texts.

/// A text without a secret; `None` where the secret is not in it. It is found as it is and as encoders of JSON spell it. A
/// short one, as servers of one's own take any key, counts only where it is a word of its own.
pub(super) fn without(text: &str, secret: &str) -> Option<String> {
    const REDACTED: &str = "[redacted]";
    const SHORT: usize = 8;
    if secret.is_empty() {
        return None;
    }
    if secret.len() < SHORT {
        return without_word(text, secret, REDACTED);
    }
    let found = |text: &str, spelling: &str| text.contains(spelling).then(|| text.replace(spelling, REDACTED));
    SPELLINGS.iter().fold(found(text, secret), |clean, escaped| {
        let spelling = spelled(secret, escaped);
        found(clean.as_deref().unwrap_or(text), &spelling).or(clean)
    })
}

/// What encoders escape beside what JSON asks for, and how: PHP's, Go's and Gson's, .NET's.
const SPELLINGS: [&[(char, &str)]; 3] = [
    &[('/', r"\/")],
    &[('<', r"\u003c"), ('>', r"\u003e"), ('&', r"\u0026"), ('=', r"\u003d"), ('\'', r"\u0027")],
    &[('<', r"\u003C"), ('>', r"\u003E"), ('&', r"\u0026"), ('+', r"\u002B"), ('\'', r"\u0027"), ('`', r"\u0060")],
];

fn spelled(secret: &str, escaped: &[(char, &str)]) -> String {
    escaped.iter().fold(secret.to_owned(), |secret, (char, escape)| secret.replace(*char, escape))
}

fn without_word(text: &str, secret: &str, instead: &str) -> Option<String> {
    let (mut clean, mut rest, mut before) = (String::new(), text, None);
    let is_part = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
    let mut found = false;
    while let Some((ahead, behind)) = rest.split_once(secret) {
        let stands_alone = !is_part(ahead.chars().next_back().or(before)) && !is_part(behind.chars().next());
        clean.push_str(ahead);
        clean.push_str(if stands_alone { instead } else { secret });
        (found, rest, before) = (found || stands_alone, behind, secret.chars().next_back());
    }
    clean.push_str(rest);
    found.then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn a_secret_is_found_as_encoders_spell_it() {
        let secret = "a/b+c=d-0123";
        for text in ["a/b+c=d-0123", r"a\/b+c=d-0123", r"a/b+c\u003d", r"a/b\u002Bc=d-0123"] {
            let text = if text.ends_with("003d") { format!("{text}d-0123") } else { text.to_owned() };
            assert_eq!(
                without(&format!("<{text}> {text}"), secret).as_deref(),
                Some("<[redacted]> [redacted]"),
                "{text}"
            );
        }
        assert_eq!(without("another", secret), None);
        assert_eq!(without("anything", ""), None);
    }

    #[test]
    fn a_short_secret_is_only_a_word_of_its_own() {
        assert_eq!(without("the connection broke in a chunk", "k"), None);
        assert_eq!(without("bad key: any", "any").as_deref(), Some("bad key: [redacted]"));
        assert_eq!(without("company, any, many any", "any").as_deref(), Some("company, [redacted], many [redacted]"));
        assert_eq!(without("kk k", "k").as_deref(), Some("kk [redacted]"));
    }
}
