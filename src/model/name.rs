//! A model's name, taken apart once.

use std::borrow::Cow;
use std::fmt;

use super::provider_of;
use crate::error::{Error, ErrorKind, Result};

/// A model and the provider that serves it, such as `anthropic/claude-sonnet-4-5`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelName {
    provider: Cow<'static, str>,
    model: String,
}

impl ModelName {
    /// A model of this provider; the name is taken as it is.
    #[must_use]
    pub fn new(provider: impl Into<Cow<'static, str>>, model: impl Into<String>) -> Self {
        Self { provider: provider.into(), model: model.into() }
    }

    /// Takes `provider/model` apart, or finds the provider of a bare name of a known family, such as `gpt-5`.
    ///
    /// `providers` are the known prefixes. What follows the prefix is the provider's own and goes through unread.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownProvider`], naming the nearest prefixes, where the prefix is not known or a bare name
    /// belongs to no known family.
    ///
    /// ```
    /// use anymodel::ModelName;
    ///
    /// let known = ["anthropic", "openai", "openrouter"];
    /// let name = ModelName::parse("openrouter/meta-llama/llama-4", &known)?;
    /// assert_eq!((name.provider(), name.model()), ("openrouter", "meta-llama/llama-4"));
    /// assert_eq!(ModelName::parse("gpt-5", &known)?.provider(), "openai");
    /// assert!(ModelName::parse("antropic/claude", &known).unwrap_err().to_string().contains("anthropic"));
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    pub fn parse<S: AsRef<str>>(name: &str, providers: &[S]) -> Result<Self> {
        if let Some((prefix, model)) = name.split_once('/')
            && !model.is_empty()
        {
            if providers.iter().any(|known| known.as_ref() == prefix) {
                return Ok(Self::new(prefix.to_owned(), model));
            }
            return Err(unknown(name, Some(prefix), providers));
        }
        if let Some(prefix) = name.strip_suffix('/').filter(|prefix| !prefix.is_empty()) {
            let message = format!("`{name}` names no model; write it as `{prefix}/model`");
            return Err(Error::new(ErrorKind::UnknownProvider, message));
        }
        match provider_of(name) {
            Some(provider) if providers.iter().any(|known| known.as_ref() == provider) => Ok(Self::new(provider, name)),
            _ => Err(unknown(name, None, providers)),
        }
    }

    /// The provider's prefix.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The model, in its provider's own name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

fn unknown<S: AsRef<str>>(name: &str, prefix: Option<&str>, providers: &[S]) -> Error {
    match prefix {
        Some(prefix) => unknown_provider(prefix, &format!(" in `{name}`"), providers),
        None => Error::new(
            ErrorKind::UnknownProvider,
            format!("no provider is known for the model `{name}`; write it as `provider/model`"),
        ),
    }
}

/// The error for a prefix that is not known, with the nearest that are.
pub(crate) fn unknown_provider<S: AsRef<str>>(prefix: &str, place: &str, providers: &[S]) -> Error {
    let small = prefix.trim().to_lowercase();
    let mut near: Vec<(usize, &str)> =
        providers.iter().map(|known| (distance(&small, known.as_ref()), known.as_ref())).collect();
    near.sort_unstable();
    // A third of the letters is a slip, more is another word.
    let limit = (prefix.chars().count() / 3).max(1);
    let nearest = near.first().map_or(0, |(far, _)| (*far).min(limit));
    let near: Vec<String> =
        near.iter().take(3).filter(|(far, _)| *far <= nearest).map(|(_, known)| format!("`{known}`")).collect();
    let hint = if near.is_empty() {
        "register it with `Client::builder().provider(…)` if it is your own".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    Error::new(ErrorKind::UnknownProvider, format!("`{prefix}`{place} is not a known provider; {hint}"))
}

/// How many letters must change to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (y, cell) in b.chars().zip(row.iter_mut().skip(1)) {
            let replaced = corner.saturating_add(usize::from(x != y));
            corner = *cell;
            left = replaced.min(left.saturating_add(1)).min(corner.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["anthropic", "deepseek", "gemini", "openai", "openrouter"];

    fn parse(name: &str) -> Result<(String, String)> {
        ModelName::parse(name, &KNOWN).map(|name| (name.provider().to_owned(), name.model().to_owned()))
    }

    #[test]
    fn only_the_first_segment_is_the_provider() {
        assert_eq!(parse("openrouter/openai/gpt-4o").unwrap(), ("openrouter".to_owned(), "openai/gpt-4o".to_owned()));
    }

    #[test]
    fn a_bare_name_of_a_known_family_finds_its_provider() {
        for (name, provider) in [
            ("gpt-4o", "openai"),
            ("o3-mini", "openai"),
            ("claude-sonnet-4-5", "anthropic"),
            ("gemini-2.5-pro", "gemini"),
            ("deepseek-chat", "deepseek"),
        ] {
            assert_eq!(parse(name).unwrap().0, provider);
        }
    }

    #[test]
    fn an_unknown_model_of_a_known_provider_goes_through() {
        assert_eq!(parse("openai/brand-new-9").unwrap().1, "brand-new-9");
    }

    #[test]
    fn a_prefix_alone_is_told_to_name_no_model() {
        let error = parse("openai/").unwrap_err();
        assert_eq!(error.message(), "`openai/` names no model; write it as `openai/model`");
    }

    #[test]
    fn an_unknown_provider_names_the_nearest() {
        let error = parse("opnai/gpt-4o").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownProvider);
        assert!(error.message().contains("`openai`"), "{error}");
        for name in ["OpenAI/gpt-4o", " openai /gpt-4o", "OPENAI/gpt-4o"] {
            let error = parse(name).unwrap_err();
            assert!(error.message().contains("did you mean `openai`?"), "{error}");
        }
        let far = parse("zzzzzzzzzzzz/x").unwrap_err();
        assert!(!far.message().contains("did you mean"), "{far}");
    }

    #[test]
    fn a_bare_name_of_no_family_asks_for_a_prefix() {
        for name in ["llama", "", "openai/", "/"] {
            assert_eq!(parse(name).unwrap_err().kind(), ErrorKind::UnknownProvider, "{name}");
        }
    }

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
