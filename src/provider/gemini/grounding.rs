//! Citations: `groundingMetadata`, and what else Google says of a candidate's sources.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::chat::{Annotation, Extra};

/// What was said of a candidate beside its content, as JSON text; empty where nothing was. The last word counts:
/// the events of a stream repeat it or complete it at the end.
#[derive(Default)]
pub(super) struct Metadata {
    pub(super) grounding: String,
    url_context: String,
    citations: String,
    safety: String,
    message: String,
    /// Whether anything of it has not been told yet.
    is_new: bool,
    /// Whether the grounding has not been told yet.
    pub(super) grounding_is_new: bool,
}

impl Metadata {
    /// Keeps what a candidate says.
    pub(super) fn keep(&mut self, candidate: &super::event::Candidate<'_>) {
        fn keep(mine: &mut String, text: Option<&str>) -> bool {
            let new = text.filter(|text| !matches!(*text, "{}" | "[]" | "null" | "") && *text != mine.as_str());
            if let Some(text) = new {
                mine.clear();
                mine.push_str(text);
            }
            new.is_some()
        }
        self.grounding_is_new |= keep(&mut self.grounding, candidate.grounding_metadata.map(RawValue::get));
        self.is_new |= self.grounding_is_new
            | keep(&mut self.url_context, candidate.url_context_metadata.map(RawValue::get))
            | keep(&mut self.citations, candidate.citation_metadata.map(RawValue::get))
            | keep(&mut self.safety, candidate.safety_ratings.map(RawValue::get))
            | keep(&mut self.message, candidate.finish_message.as_deref());
    }

    /// Whether there is something to tell; from now on it is told.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.is_new)
    }
}

/// What was said of all the candidates that ended, under Google's names: of each a list, for there can be several
/// candidates.
pub(super) fn extra<'a>(candidates: impl Iterator<Item = &'a Metadata> + Clone) -> Extra {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    let mut extra = Extra::new();
    let mut put = |name: &str, values: Vec<Value>| {
        if !values.is_empty() {
            extra.insert(name, values);
        }
    };
    put("grounding_metadata", candidates.clone().filter_map(|kept| json(&kept.grounding)).collect());
    put("url_context_metadata", candidates.clone().filter_map(|kept| json(&kept.url_context)).collect());
    put("citation_metadata", candidates.clone().filter_map(|kept| json(&kept.citations)).collect());
    put("safety_ratings", candidates.clone().filter_map(|kept| json(&kept.safety)).collect());
    let messages = candidates.filter(|kept| !kept.message.is_empty());
    put("finish_messages", messages.map(|kept| kept.message.as_str().into()).collect());
    extra
}

/// `groundingMetadata`, as far as it says which source stands behind which words.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Grounding {
    grounding_chunks: Vec<Chunk>,
    grounding_supports: Vec<Support>,
    web_search_queries: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Chunk {
    web: Option<Source>,
    retrieved_context: Option<Source>,
    maps: Option<Source>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    uri: Option<String>,
    title: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Support {
    segment: Segment,
    grounding_chunk_indices: Vec<usize>,
}

/// A stretch of the text, in bytes of UTF-8.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Segment {
    start_index: usize,
    end_index: usize,
    text: String,
}

impl Grounding {
    /// Reads it; what cannot be read is as good as absent, for it is kept in the reply's extra fields anyway.
    pub(super) fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// How many searches of the web were made.
    pub(super) fn searches(&self) -> u64 {
        u64::try_from(self.web_search_queries.len()).unwrap_or(u64::MAX)
    }

    /// The citations of the text: one for each source of each segment, or, without segments, one for each source.
    pub(super) fn annotations(&self, text: &str) -> Vec<Annotation> {
        if self.grounding_supports.is_empty() {
            return self.grounding_chunks.iter().filter_map(Chunk::annotation).collect();
        }
        let cited = |support: &Support| {
            let place = support.segment.locate(text);
            let sources: Vec<Annotation> = support
                .grounding_chunk_indices
                .iter()
                .filter_map(|index| self.grounding_chunks.get(*index)?.annotation())
                .map(|annotation| Annotation {
                    start_index: place.map(|(start, _)| start),
                    end_index: place.map(|(_, end)| end),
                    ..annotation
                })
                .collect();
            sources
        };
        self.grounding_supports.iter().flat_map(cited).collect()
    }
}

impl Chunk {
    fn annotation(&self) -> Option<Annotation> {
        let source = self.web.as_ref().or(self.retrieved_context.as_ref()).or(self.maps.as_ref())?;
        let mut annotation = Annotation::url(source.uri.as_deref()?);
        annotation.title.clone_from(&source.title);
        Some(annotation)
    }
}

impl Segment {
    /// Where the segment stands in the text, in characters.
    ///
    /// Google counts bytes from the beginning of a part, but leaves the part's number out where other parts come
    /// before the text; so the segment's words decide where they are not at the place that it says.
    fn locate(&self, text: &str) -> Option<(u64, u64)> {
        let said = text.get(self.start_index..self.end_index).filter(|said| self.text.is_empty() || *said == self.text);
        let (start, words) = match said {
            Some(words) => (self.start_index, words),
            None if self.text.is_empty() => return None,
            None => (text.find(&self.text)?, self.text.as_str()),
        };
        let characters = |text: &str| u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        let start = characters(text.get(..start)?);
        Some((start, start.saturating_add(characters(words))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(text: &str, segment: Value) -> Vec<(Option<u64>, Option<u64>)> {
        let grounding = json!({"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
            "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0, 7]}]});
        let found = Grounding::read(&grounding.to_string()).annotations(text);
        found.iter().map(|annotation| (annotation.start_index, annotation.end_index)).collect()
    }

    #[test]
    fn bytes_become_characters() {
        let segment = json!({"startIndex": 10, "endIndex": 16, "text": "größe"});
        assert_eq!(places("Ünd, naïve größe.", segment.clone()), [(Some(11), Some(16))], "the words decide");
        assert_eq!(
            places("Üü naïv größe.", json!({"startIndex": 11, "endIndex": 18, "text": "größe"})),
            [(Some(8), Some(13))]
        );
        assert_eq!(places("plain text", json!({"startIndex": 6, "endIndex": 10})), [(Some(6), Some(10))]);
    }

    #[test]
    fn a_segment_that_is_nowhere_gives_a_citation_without_a_place() {
        assert_eq!(places("short", json!({"startIndex": 1, "endIndex": 90, "text": "x"})), [(None, None)]);
        assert_eq!(places("ü", json!({"startIndex": 1, "endIndex": 2})), [(None, None)]);
    }

    #[test]
    fn sources_without_segments_are_cited_as_a_whole() {
        let grounding = json!({"groundingChunks": [{"maps": {"uri": "https://maps.example", "title": "M"}}, {"retrievedContext": {}}]});
        let found = Grounding::read(&grounding.to_string()).annotations("text");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].url.as_deref(), found[0].title.as_deref()), (Some("https://maps.example"), Some("M")));
    }
}
