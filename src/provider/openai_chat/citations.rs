//! Sources of a searched answer, which some providers list beside the choices.
//!
//! Source: <https://docs.perplexity.ai/api-reference/chat-completions-post>: `citations` is a list of addresses, to
//! which `[1]`, `[2]` … in the text point, and `search_results` a list of the same with titles.

use serde_json::Value;

use crate::chat::Annotation;

/// The sources as citations of the whole text.
pub(super) fn annotations(citations: Option<&Value>, results: Option<&Value>) -> Vec<Annotation> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let results = list(results);
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let titled = |url: &str| results.iter().find(|found| text(found, "url").as_deref() == Some(url));
    let cited = list(citations);
    let urls = cited.iter().filter_map(Value::as_str);
    urls.map(|url| {
        let mut annotation = Annotation::url(url);
        annotation.title = titled(url).and_then(|found| text(found, "title"));
        annotation
    })
    .collect()
}
