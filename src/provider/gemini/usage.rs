//! `usageMetadata`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::event::Word;
use crate::chat::{ServerToolUse, Usage};
use crate::text::Text;

/// The counts of a reply. Each event of a stream repeats them, so they are read without allocating.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Counts {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    total_token_count: Option<u64>,
    prompt_tokens_details: Option<Modalities>,
    candidates_tokens_details: Option<Modalities>,
    tool_use_prompt_tokens_details: Option<Modalities>,
    /// Searches of the web; counted by the caller, out of the grounding.
    #[serde(skip)]
    pub(super) searches: u64,
}

/// The tier that answered.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Tier<'a> {
    #[serde(borrow)]
    pub(super) service_tier: Option<Text<'a>>,
}

impl Counts {
    /// The usage in OpenAI's terms; `None` where nothing is counted, as when only the kind of traffic is told.
    ///
    /// The prompt includes what tools that Google ran put into it, so that prompt and completion add up to Google's
    /// total; how much that was stands in `tool_use_tokens`, for what a search finds is not charged.
    pub(super) fn usage(&self) -> Option<Usage> {
        if (Self { searches: 0, ..*self }) == Self::default() {
            return None;
        }
        let count = |count: Option<u64>| count.unwrap_or(0);
        let tool_use = count(self.tool_use_prompt_token_count);
        let prompt = count(self.prompt_token_count).saturating_add(tool_use);
        let (candidates, thoughts) = (count(self.candidates_token_count), count(self.thoughts_token_count));
        let inclusive = self.total_token_count == Some(prompt.saturating_add(candidates)) && thoughts <= candidates;
        let completion = if inclusive { candidates } else { candidates.saturating_add(thoughts) };
        let mut usage = Usage::new(prompt, completion);
        usage.total_tokens = self.total_token_count.unwrap_or(usage.total_tokens);
        let details = &mut usage.prompt_tokens_details;
        details.cached_tokens = self.cached_content_token_count;
        let (sent, tools) = (self.prompt_tokens_details, self.tool_use_prompt_tokens_details);
        if let Some(sent) = sent.map(|sent| sent.plus(tools.unwrap_or_default())) {
            details.text_tokens = some(sent.text);
            details.image_tokens = some(sent.image);
            details.audio_tokens = some(sent.audio);
            details.video_tokens = some(sent.video);
            if sent.document > 0 {
                details.extra.insert("document_tokens", sent.document);
            }
        }
        if tool_use > 0 {
            details.extra.insert("tool_use_tokens", tool_use);
        }
        let details = &mut usage.completion_tokens_details;
        details.reasoning_tokens = self.thoughts_token_count;
        if let Some(made) = self.candidates_tokens_details {
            details.text_tokens = some(made.text);
            details.image_tokens = some(made.image);
            details.audio_tokens = some(made.audio);
        }
        usage.server_tool_use = some(self.searches)
            .map(|searches| ServerToolUse { web_search_requests: Some(searches), ..ServerToolUse::default() });
        Some(usage)
    }
}

fn some(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

/// Tokens by what they are of: `[{"modality": "TEXT", "tokenCount": 9}]`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Modalities {
    text: u64,
    image: u64,
    audio: u64,
    video: u64,
    document: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    modality: Word<'a>,
    #[serde(default)]
    token_count: Option<u64>,
}

impl Modalities {
    fn plus(mut self, other: Self) -> Self {
        for (mine, other) in [
            (&mut self.text, other.text),
            (&mut self.image, other.image),
            (&mut self.audio, other.audio),
            (&mut self.video, other.video),
            (&mut self.document, other.document),
        ] {
            *mine = mine.saturating_add(other);
        }
        self
    }

    /// A modality by its word or number (`google/ai/generativelanguage/v1beta/content.proto`).
    fn add(&mut self, entry: &Entry<'_>) {
        let count = match &entry.modality {
            Word::Number(1) => &mut self.text,
            Word::Number(2) => &mut self.image,
            Word::Number(3) => &mut self.video,
            Word::Number(4) => &mut self.audio,
            Word::Number(5) => &mut self.document,
            Word::Number(_) => return,
            Word::Text(word) => match word.as_ref() {
                "TEXT" => &mut self.text,
                "IMAGE" => &mut self.image,
                "VIDEO" => &mut self.video,
                "AUDIO" => &mut self.audio,
                "DOCUMENT" => &mut self.document,
                _ => return,
            },
        };
        *count = count.saturating_add(entry.token_count.unwrap_or(0));
    }
}

impl<'de> Deserialize<'de> for Modalities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;

        impl<'de> Visitor<'de> for ListVisitor {
            type Value = Modalities;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of counts by modality")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut sums = Modalities::default();
                while let Some(entry) = seq.next_element::<Entry<'de>>()? {
                    sums.add(&entry);
                }
                Ok(sums)
            }
        }

        deserializer.deserialize_seq(ListVisitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usage(counts: serde_json::Value) -> Option<Usage> {
        serde_json::from_str::<Counts>(&counts.to_string()).unwrap().usage()
    }

    #[test]
    fn thoughts_belong_to_the_completion_and_tool_use_to_the_prompt() {
        let usage = usage(json!({"promptTokenCount": 210, "candidatesTokenCount": 192, "totalTokenCount": 965,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}],
            "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 181}],
            "toolUsePromptTokenCount": 371, "thoughtsTokenCount": 192}))
        .unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (581, 384, 965));
        assert_eq!(usage.reasoning_tokens(), 192);
        assert_eq!(usage.prompt_tokens_details.text_tokens, Some(201));
        assert_eq!(usage.prompt_tokens_details.extra.get("tool_use_tokens"), Some(&json!(371)));
    }

    #[test]
    fn candidates_that_hold_the_thoughts_already_are_not_counted_twice() {
        let counts =
            json!({"promptTokenCount": 5, "candidatesTokenCount": 24, "thoughtsTokenCount": 20, "totalTokenCount": 29});
        assert_eq!(usage(counts).unwrap().completion_tokens, 24);
    }

    #[test]
    fn modalities_are_told_apart_by_word_or_number() {
        let counts = json!({"promptTokenCount": 30, "cachedContentTokenCount": 9, "promptTokensDetails":
            [{"modality": 1, "tokenCount": 6}, {"modality": "AUDIO", "tokenCount": 20}, {"modality": "DOCUMENT", "tokenCount": 4}]});
        let details = usage(counts).unwrap().prompt_tokens_details;
        assert_eq!((details.text_tokens, details.audio_tokens, details.cached_tokens), (Some(6), Some(20), Some(9)));
        assert_eq!(details.extra.get("document_tokens"), Some(&json!(4)));
    }

    #[test]
    fn what_is_not_counted_is_not_zero() {
        assert_eq!(usage(json!({"trafficType": "ON_DEMAND"})), None);
    }
}
