//! What content filters say of a streamed reply: of the prompt before it, of each choice as it comes, or later.
//!
//! A whole reply has all of it in `prompt_filter_results` and in `content_filter_results` of each choice. In a stream each
//! event has what was found in its own piece; the worst of each category is what is true of the whole. With asynchronous
//! filters the results come in events of their own, even behind the end, and can then take the reply back: the choice ends
//! once more, by `content_filter`.
//!
//! Source: <https://learn.microsoft.com/azure/foundry/openai/concepts/content-streaming>, and recordings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::chat::{ChatChunk, Delta, Extra, FinishReason};
use crate::error::Result;
use crate::provider::{EventDecoder, Flow, Queue, StreamDecoder};
use crate::wire::{Frame, Framer};

const PROMPT: &str = "prompt_filter_results";
const CONTENT: &str = "content_filter_results";
const OFFSETS: &str = "content_filter_offsets";

/// A decoder of the same stream that reads the filters' results too.
pub(super) fn around(inner: StreamDecoder) -> StreamDecoder {
    StreamDecoder::new(Framer::sse(), Events { inner: inner.into_events(), choices: BTreeMap::new() })
}

/// Decodes the events of a stream as another decoder does, and the filters' results beside.
struct Events {
    inner: Box<dyn EventDecoder>,
    choices: BTreeMap<u32, Seen>,
}

/// What the filters have said of a choice.
#[derive(Default)]
struct Seen {
    /// The last results as they came; most events repeat them.
    last: String,
    results: Map<String, Value>,
}

impl Events {
    fn annotate(&mut self, event: Annotated<'_>, before: usize, queue: &mut Queue) {
        if let Some(results) = read(event.prompt_filter_results.or(event.prompt_annotations)) {
            queue.push_back(ChatChunk::new(Delta::Extra(Box::new(Extra::from_iter([(PROMPT.to_owned(), results)])))));
        }
        for choice in event.choices.into_iter().flatten() {
            let index = choice.index.unwrap_or(0);
            let finishes = |chunk: &ChatChunk| chunk.choice == index && matches!(chunk.delta, Delta::Finish { .. });
            let taken_back = choice.finish_reason == Some("content_filter");
            if taken_back && !queue.iter().skip(before).any(finishes) {
                let delta = Delta::Finish { reason: FinishReason::ContentFilter, native: None };
                queue.push_back(ChatChunk { choice: index, delta });
            }
            let mut extra = Extra::new();
            let seen = self.choices.entry(index).or_default();
            if let Some(results) = choice.content_filter_results.filter(|raw| raw.get() != seen.last) {
                results.get().clone_into(&mut seen.last);
                if let Some(Value::Object(found)) = read(Some(results))
                    && merge(&mut seen.results, found)
                {
                    extra.insert(CONTENT, Value::from(seen.results.clone()));
                }
            }
            if let Some(offsets) = read(choice.content_filter_offsets) {
                extra.insert(OFFSETS, offsets);
            }
            if !extra.is_empty() {
                queue.push_back(ChatChunk { choice: index, delta: Delta::ChoiceExtra(Box::new(extra)) });
            }
        }
    }
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        let before = queue.len();
        let flow = self.inner.event(frame, queue)?;
        if let Ok(event) = serde_json::from_slice::<Annotated<'_>>(frame.data) {
            self.annotate(event, before, queue);
        }
        Ok(flow)
    }
}

#[derive(Deserialize)]
struct Annotated<'a> {
    #[serde(default, borrow)]
    prompt_filter_results: Option<&'a RawValue>,
    /// Its name where filters are asynchronous.
    #[serde(default, borrow)]
    prompt_annotations: Option<&'a RawValue>,
    #[serde(default, borrow)]
    choices: Option<Vec<AnnotatedChoice<'a>>>,
}

#[derive(Deserialize)]
struct AnnotatedChoice<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(default, borrow)]
    finish_reason: Option<&'a str>,
    #[serde(default, borrow)]
    content_filter_results: Option<&'a RawValue>,
    /// Up to where asynchronous filters have looked.
    #[serde(default, borrow)]
    content_filter_offsets: Option<&'a RawValue>,
}

fn read(raw: Option<&RawValue>) -> Option<Value> {
    serde_json::from_str::<Value>(raw?.get()).ok().filter(|value| !value.is_null())
}

/// Keeps the worst of each category. Whether anything changed.
fn merge(known: &mut Map<String, Value>, found: Map<String, Value>) -> bool {
    let mut changed = false;
    for (category, result) in found {
        let worse = known.get(&category).is_none_or(|known| severity(known) < severity(&result));
        if worse {
            known.insert(category, result);
            changed = true;
        }
    }
    changed
}

/// How bad a result is: held back, found, and how severe.
fn severity(result: &Value) -> (bool, bool, usize) {
    let says = |name: &str| result.get(name).and_then(Value::as_bool).unwrap_or(false);
    let level = result.get("severity").and_then(Value::as_str);
    let level = level.and_then(|level| ["safe", "low", "medium", "high"].iter().position(|known| *known == level));
    (says("filtered"), says("detected"), level.unwrap_or(0))
}
