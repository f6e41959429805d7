//! The streamed reply: `data: {chat.completion.chunk}` events, ended by `data: [DONE]`.
//!
//! A choice ends by its `finish_reason`; `[DONE]` only says that nothing more comes, and some servers leave it out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::calls::Calls;
use super::chunk::{AudioDelta, Body, Chunk, ChunkChoice, ChunkDelta, Head, read};
use super::response::{finish_reason, has_error, known_part};
use super::{citations, details, error, lean, usage};
use crate::chat::{ChatChunk, Content, Delta, Extra, Part, Start, Usage, read_annotation, read_part};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::think::{Piece, ThinkSplitter};
use crate::provider::{EventDecoder, Flow, Hook, ProviderSpec, Queue};
use crate::text::Text;
use crate::wire::Frame;

/// Decodes the events of one stream.
pub(in crate::provider) struct Events {
    provider: Cow<'static, str>,
    /// Where the usage hides, as a JSON pointer into the event.
    usage_place: Option<Cow<'static, str>>,
    /// Whether a choice may end by `[DONE]` alone.
    ends_without_reason: bool,
    started: bool,
    /// How many chunks in a row had more than text.
    full_chunks: u8,
    choices: BTreeMap<u32, ChoiceState>,
    /// Lists of sources beside the choices, as JSON; some servers repeat them with each chunk.
    citations: Option<Box<RawValue>>,
    search_results: Option<Box<RawValue>>,
}

/// What is known of one choice so far.
#[derive(Default)]
struct ChoiceState {
    thinking: ThinkSplitter,
    calls: Calls,
    details: Vec<Value>,
    finished: bool,
}

impl Events {
    pub(in crate::provider) fn new(spec: &ProviderSpec) -> Self {
        Self {
            provider: spec.name.clone(),
            usage_place: spec.quirks.stream_usage.clone(),
            ends_without_reason: spec.quirks.hooks.contains(&Hook::EndsWithoutReason),
            started: false,
            full_chunks: 0,
            choices: BTreeMap::new(),
            citations: None,
            search_results: None,
        }
    }
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.data == b"[DONE]" {
            if self.ends_without_reason {
                self.end_all(queue);
            }
            return Ok(Flow::Done);
        }
        // One check of the whole is quicker than one of each string.
        let text = std::str::from_utf8(frame.data).map_err(|source| unreadable(frame.data).with_source(source))?;
        if self.text_alone(frame, text, queue) {
            return Ok(Flow::More);
        }
        let chunk: Chunk<'_> =
            serde_json::from_str(text).map_err(|source| unreadable(frame.data).with_source(source))?;
        let failed = |error: Option<&RawValue>| has_error(read(error).as_ref());
        let choice_failed = chunk.choices.iter().any(|choice| failed(choice.error));
        if frame.event == Some("error") || failed(chunk.error) || choice_failed {
            return Err(failure(frame.data));
        }
        let finishes = chunk.choices.iter().any(|choice| choice.finish_reason.is_some());
        let usage = read(chunk.usage).or_else(|| finishes.then(|| self.usage_elsewhere(frame.data))?);
        if !self.started {
            self.start(text, &chunk, queue);
        }
        self.chunk(chunk, usage, queue);
        Ok(Flow::More)
    }
}

fn unreadable(data: &[u8]) -> Error {
    Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not a chat completion chunk")
        .with_body(bytes::Bytes::copy_from_slice(data))
}

/// An error in the place of a chunk, or of one of its choices.
fn failure(data: &[u8]) -> Error {
    let body: Value = serde_json::from_slice(data).unwrap_or_default();
    let own = body.get("choices").and_then(Value::as_array).into_iter().flatten();
    let choice = own.into_iter().find(|choice| has_error(choice.get("error")));
    let said = if has_error(body.get("error")) { &body } else { choice.unwrap_or(&body) };
    error::read(said).into_error().with_body(bytes::Bytes::copy_from_slice(data))
}

/// After so many chunks in a row that have more than text, a stream is no longer looked at for chunks that have not.
const PATIENCE: u8 = 8;

impl Events {
    /// Takes a chunk that is nothing but more text of a choice that is well under way, as nearly all chunks are.
    fn text_alone(&mut self, frame: Frame<'_>, event: &str, queue: &mut Queue) -> bool {
        if !self.started || self.full_chunks >= PATIENCE || frame.event.is_some() {
            return false;
        }
        let Some((choice, text)) = lean::text_alone(event) else {
            self.full_chunks = self.full_chunks.saturating_add(1);
            return false;
        };
        let state = self.choices.get_mut(&choice).filter(|state| state.thinking.is_past() && !text.is_empty());
        let Some(state) = state else { return false };
        self.full_chunks = 0;
        state.finished = false;
        queue.push_back(ChatChunk { choice, delta: Delta::Text(text.into_owned()) });
        true
    }

    /// The usage, where the row says that it hides.
    fn usage_elsewhere(&self, data: &[u8]) -> Option<Usage> {
        let place = self.usage_place.as_deref()?;
        let event: Value = serde_json::from_slice(data).ok()?;
        Usage::deserialize(event.pointer(place)?).ok()
    }

    /// The head, from the first chunk that has an id or a choice.
    fn start(&mut self, text: &str, chunk: &Chunk<'_>, queue: &mut Queue) {
        let Ok(head) = serde_json::from_str::<Head<'_>>(text) else { return };
        if chunk.choices.is_empty() && head.id.as_deref().is_none_or(str::is_empty) {
            return;
        }
        self.started = true;
        queue.push_back(ChatChunk::new(Delta::Start(Box::new(Start {
            id: head.id.map(Text::into_owned).unwrap_or_default(),
            model: head.model.or(head.model_id).map(Text::into_owned).unwrap_or_default(),
            created: head.created.map_or(0, |seconds| seconds as u64),
            system_fingerprint: head.system_fingerprint.map(Text::into_owned),
            service_tier: head.service_tier.map(Text::into_owned),
        }))));
    }

    fn chunk(&mut self, chunk: Chunk<'_>, usage: Option<Usage>, queue: &mut Queue) {
        keep(&mut self.citations, chunk.citations);
        keep(&mut self.search_results, chunk.search_results);
        for choice in chunk.choices.into_iter() {
            self.choice(choice, queue);
        }
        if let Some(mut found) = usage {
            usage::normalise(&mut found);
            queue.push_back(ChatChunk::new(Delta::Usage(Box::new(found))));
        }
    }

    fn choice(&mut self, choice: ChunkChoice<'_>, queue: &mut Queue) {
        let index = choice.index.unwrap_or(0);
        let state = self.choices.entry(index).or_default();
        let before = queue.len();
        let mut push = |delta| queue.push_back(ChatChunk { choice: index, delta });
        if let Some(delta) = choice.delta.or_else(|| read(choice.message)) {
            state.delta(delta, &mut push);
        }
        if let Some(logprobs) = read(choice.logprobs) {
            push(Delta::Logprobs(Box::new(logprobs)));
        }
        state.finished &= queue.len() == before;
        if let Some(native) = choice.finish_reason.filter(|native| !native.is_empty()) {
            self.cite(index, queue);
            self.finish(index, &native, choice.native_finish_reason.map(Text::into_owned), queue);
        }
    }

    /// Everything that was held back of a choice, then why it ended. A reason repeated without anything new between says
    /// nothing new.
    fn finish(&mut self, choice: u32, native: &str, own: Option<String>, queue: &mut Queue) {
        let Some(state) = self.choices.get_mut(&choice).filter(|state| !state.finished) else { return };
        state.finished = true;
        let mut push = |delta| queue.push_back(ChatChunk { choice, delta });
        state.thinking.end(&mut |piece| push(piece.into()));
        state.calls.end(&mut push);
        if !state.details.is_empty() {
            let own = Value::from_iter([(details::FIELD, Value::from(std::mem::take(&mut state.details)))]);
            push(Delta::Part(Box::new(Part::native(self.provider.clone(), own))));
        }
        let (reason, native) = finish_reason(native, !state.calls.is_empty());
        push(Delta::Finish { reason, native: own.or(native) });
    }

    /// The sources that stand beside the choices, as citations of this one.
    fn cite(&mut self, choice: u32, queue: &mut Queue) {
        let (citations, results) = (self.citations.take(), self.search_results.take());
        let (citations, results): (Option<Value>, Option<Value>) =
            (read(citations.as_deref()), read(results.as_deref()));
        for annotation in citations::annotations(citations.as_ref(), results.as_ref()) {
            queue.push_back(ChatChunk { choice, delta: Delta::Annotation(Box::new(annotation)) });
        }
        let both = [("citations", citations), ("search_results", results)];
        let extra: Extra = both.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        if !extra.is_empty() {
            queue.push_back(ChatChunk::new(Delta::Extra(Box::new(extra))));
        }
    }

    fn end_all(&mut self, queue: &mut Queue) {
        let choices: Vec<u32> = self.choices.keys().copied().collect();
        for choice in choices {
            self.finish(choice, "stop", None, queue);
        }
    }
}

/// Keeps the latest of a list that may be repeated with each chunk.
fn keep(kept: &mut Option<Box<RawValue>>, latest: Option<&RawValue>) {
    if let Some(latest) = latest.filter(|latest| kept.as_ref().is_none_or(|kept| kept.get() != latest.get())) {
        *kept = Some(latest.to_owned());
    }
}

impl From<Piece> for Delta {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Text(text) => Self::Text(text),
            Piece::Reasoning(text) => Self::Reasoning(text),
        }
    }
}

impl ChoiceState {
    fn delta(&mut self, delta: ChunkDelta<'_>, push: &mut dyn FnMut(Delta)) {
        let details: Vec<Value> = read(delta.reasoning_details).unwrap_or_default();
        let images: Vec<Value> = read(delta.images).unwrap_or_default();
        let audio = read::<AudioDelta>(delta.audio);
        let reasoning = [delta.reasoning_content, delta.reasoning].into_iter().flatten().find(|text| !text.is_empty());
        let reasoning = reasoning.map(Text::into_owned).or_else(|| details::text(&details));
        if reasoning.is_some()
            || delta.refusal.as_ref().is_some_and(|text| !text.is_empty())
            || delta.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty())
            || !images.is_empty()
            || audio.is_some()
        {
            self.thinking.end(&mut |piece| push(piece.into()));
        }
        if let Some(text) = reasoning {
            push(Delta::Reasoning(text));
        }
        match delta.content {
            Some(Body::Text(text)) if !text.is_empty() => {
                if self.thinking.is_past() {
                    push(Delta::Text(text.into_owned()));
                } else {
                    self.thinking.push(&text, &mut |piece| push(piece.into()));
                }
            }
            Some(Body::List(list)) => {
                for part in list.into_iter().filter_map(|part| read_part(part).ok()).map(known_part) {
                    match part.content {
                        Content::Text(text) if text.is_empty() => {}
                        Content::Text(text) => push(Delta::Text(text)),
                        Content::Reasoning(reasoning) => push(Delta::Reasoning(reasoning.text)),
                        _ => push(Delta::Part(Box::new(part))),
                    }
                }
            }
            Some(Body::Other(json)) => push(Delta::Text(json.to_string())),
            _ => {}
        }
        if let Some(text) = delta.refusal.filter(|text| !text.is_empty()) {
            push(Delta::Refusal(text.into_owned()));
        }
        for call in delta.tool_calls.into_iter().flatten() {
            self.calls.piece(call, push);
        }
        if let Some(audio) = audio {
            push(Delta::Audio(Box::new(audio.into())));
        }
        for image in images.into_iter().filter_map(|image| read_part(image).ok()) {
            push(Delta::Part(Box::new(image)));
        }
        for annotation in read::<Vec<Value>>(delta.annotations).into_iter().flatten().filter_map(read_annotation) {
            push(Delta::Annotation(Box::new(annotation)));
        }
        details::extend(&mut self.details, details);
    }
}
