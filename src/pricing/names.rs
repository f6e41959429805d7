//! How one model may be written: with regions, versions, dates and routes around the name that a list has.

use std::borrow::Cow;

/// The provider's prefix in our lists, for prefixes that are parts of one, or other words for it.
pub(super) fn provider(prefix: &str) -> &str {
    match prefix {
        "bedrock_converse" => "bedrock",
        "cohere_chat" => "cohere",
        "text-completion-openai" => "openai",
        "text-completion-codestral" => "codestral",
        "text-completion-inception" => "inception",
        "azure_text" => "azure",
        "ollama_chat" => "ollama",
        "fireworks_ai-embedding-models" => "fireworks_ai",
        "amazon-nova" => "amazon_nova",
        other if other.starts_with("vertex_ai") => "vertex_ai",
        other => other,
    }
}

/// Words in front of a Bedrock model that say how it is called, not which it is.
const ROUTES: [&str; 4] = ["converse/", "converse_like/", "invoke/", "models/"];

/// The ways in which a model may be listed, the name itself first, the most changed last.
///
/// Nothing here makes another model of it: a fine-tuned model is not its base, a free variant not the paid one.
pub(super) fn spellings(model: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut all: Vec<Cow<'_, str>> = Vec::with_capacity(8);
    let add = |name: &str, all: &mut Vec<Cow<'_, str>>| {
        if !name.is_empty() && !all.iter().any(|known| known == name) {
            all.push(Cow::Owned(name.to_owned()));
        }
    };
    all.push(Cow::Borrowed(model));
    let name = ROUTES.iter().find_map(|route| model.strip_prefix(route)).unwrap_or(model);
    // arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-…
    let name = if name.starts_with("arn:") { name.rsplit('/').next().unwrap_or(name) } else { name };
    add(name, &mut all);
    // ft:gpt-4o-2024-08-06:org:name:id
    if let Some(base) = name.strip_prefix("ft:").and_then(|rest| rest.split(':').next()) {
        add(&format!("ft:{base}"), &mut all);
        if let Some(undated) = undated(base) {
            add(&format!("ft:{undated}"), &mut all);
        }
        return all.into_iter();
    }
    let in_region = without_region(name);
    for name in [Some(name), in_region].into_iter().flatten() {
        for name in [Some(name), without_geography(name)].into_iter().flatten() {
            add(name, &mut all);
            for name in [unversioned(name), undated(name)].into_iter().flatten() {
                add(name, &mut all);
            }
        }
    }
    add(&format!("accounts/fireworks/models/{name}"), &mut all);
    all.into_iter()
}

/// `us-east-1/anthropic.claude-…` without the region of Amazon's cloud.
fn without_region(name: &str) -> Option<&str> {
    let (region, rest) = name.split_once('/')?;
    let parts: Vec<&str> = region.split('-').collect();
    let number = parts.last().is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
    (parts.len() >= 3 && number).then_some(rest)
}

/// `us.anthropic.claude-…` without the geography that it may be routed in.
fn without_geography(name: &str) -> Option<&str> {
    const GEOGRAPHIES: [&str; 10] = ["us", "eu", "apac", "jp", "au", "ca", "sa", "in", "us-gov", "global"];
    let (head, rest) = name.split_once('.')?;
    GEOGRAPHIES.contains(&head).then_some(rest)
}

/// `…-v1:0`, `…-001`, `…@default`, `…-latest` without the version.
fn unversioned(name: &str) -> Option<&str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((head, version)) = name.rsplit_once(':')
        && (digits(version) || version.ends_with('k'))
    {
        return Some(head);
    }
    if let Some((head, _)) = name.split_once('@') {
        return Some(head);
    }
    let (head, version) = name.rsplit_once('-')?;
    (version == "latest" || version.len() == 3 && digits(version)).then_some(head)
}

/// `…-2024-08-06` and `…-20250929` without the date.
fn undated(name: &str) -> Option<&str> {
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let (head, last) = name.rsplit_once('-')?;
    if digits(last, 8) {
        return Some(head);
    }
    let (head, month) = head.rsplit_once('-')?;
    let (head, year) = head.rsplit_once('-')?;
    (digits(last, 2) && digits(month, 2) && digits(year, 4)).then_some(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn has(model: &str, listed: &str) -> bool {
        spellings(model).any(|name| name == listed)
    }

    #[test]
    fn a_model_is_found_behind_regions_versions_dates_and_routes() {
        for (model, listed) in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
            ("converse/us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
            ("us-gov-west-1/amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
            ("gpt-4o-2024-08-06", "gpt-4o"),
            ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
            ("gemini-2.0-flash-001", "gemini-2.0-flash"),
            ("models/gemini-2.5-pro", "gemini-2.5-pro"),
            ("ft:gpt-4o-mini-2024-07-18:acme:support:9xYz", "ft:gpt-4o-mini-2024-07-18"),
            ("ft:gpt-4o-mini-2024-07-18:acme:support:9xYz", "ft:gpt-4o-mini"),
            ("llama-v3p1-8b-instruct", "accounts/fireworks/models/llama-v3p1-8b-instruct"),
        ] {
            assert!(has(model, listed), "{model}: {:?}", spellings(model).collect::<Vec<_>>());
        }
    }

    #[test]
    fn another_model_is_not_made_of_it() {
        for (model, other) in [
            ("ft:gpt-4o:acme::1", "gpt-4o"),
            ("deepseek-r1:free", "deepseek-r1"),
            ("gpt-4o-mini", "gpt-4o"),
            ("claude-3-5-sonnet", "claude-3-5"),
            ("meta-llama/llama-3", "llama-3"),
        ] {
            assert!(!has(model, other), "{model}");
        }
    }

    proptest! {
        #[test]
        fn the_name_itself_comes_first_and_nothing_is_empty(model in "[a-z0-9:./@-]{0,40}") {
            let all: Vec<_> = spellings(&model).collect();
            prop_assert_eq!(all.first().map(AsRef::as_ref), Some(model.as_str()));
            prop_assert!(all.iter().skip(1).all(|name| !name.is_empty()));
        }
    }
}
