//! Why a candidate ended.

use crate::chat::FinishReason;

/// The words of `Candidate.FinishReason` by their numbers, which the API writes with `enum-encoding=int`.
const BY_NUMBER: [&str; 18] = [
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "IMAGE_RECITATION",
];

/// The word of a number.
pub(super) fn word(number: u64) -> Option<&'static str> {
    BY_NUMBER.get(usize::try_from(number).ok()?).copied()
}

/// OpenAI's reason, and Google's word for it.
///
/// What is held back is `content_filter`. A reply that failed, such as by a malformed call, keeps Google's word:
/// it is not a reply that came to its end (LiteLLM calls it `stop`).
pub(super) fn reason(word: &str, calls: bool) -> (FinishReason, Option<String>) {
    let reason = match word {
        "STOP" if calls => FinishReason::ToolCalls,
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => FinishReason::ContentFilter,
        other => FinishReason::from(other),
    };
    let native = (reason.as_str() != word).then(|| word.to_owned());
    (reason, native)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_reason() {
        for (word, calls, expected) in [
            ("STOP", false, "stop"),
            ("STOP", true, "tool_calls"),
            ("MAX_TOKENS", true, "length"),
            ("SAFETY", false, "content_filter"),
            ("IMAGE_RECITATION", false, "content_filter"),
            ("MALFORMED_FUNCTION_CALL", false, "MALFORMED_FUNCTION_CALL"),
            ("UNEXPECTED_TOOL_CALL", true, "UNEXPECTED_TOOL_CALL"),
            ("BRAND_NEW", false, "BRAND_NEW"),
        ] {
            assert_eq!(reason(word, calls).0.as_str(), expected);
        }
        assert_eq!(reason("SAFETY", false).1.as_deref(), Some("SAFETY"));
        assert_eq!(reason("OTHER", false).1, None);
        assert_eq!(reason("tool_calls", false), (FinishReason::ToolCalls, None), "a server behind it may use OpenAI's");
    }

    #[test]
    fn numbers_are_those_of_the_description() {
        assert_eq!(
            (word(1), word(6), word(17), word(18)),
            (Some("STOP"), Some("LANGUAGE"), Some("IMAGE_RECITATION"), None)
        );
    }
}
