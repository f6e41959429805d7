//! The streamed reply: `data: {chat.completion.chunk}` events, ended by `data: [DONE]`.
//!
//! A choice ends by its `finish_reason`; `[DONE]` only says that nothing more comes, and some servers leave it out.

use serde::Deserialize;
use serde_json::Value;

use super::calls::Calls;
use super::chunk::{Body, Chunk, ChunkChoice, ChunkDelta};
use super::response::{finish_reason, has_error, known_part};
use super::{citations, details, error, usage};
use crate::chat::{ChatChunk, Content, Delta, Extra, Part, Start, Usage, read_annotation, read_part};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::think::{Piece, ThinkSplitter};
use crate::provider::{EventDecoder, Flow, Hook, ProviderSpec, Queue};
use crate::wire::Frame;
use crate::wire::text::Text;

/// Decodes the events of one stream.
pub(super) struct Events {
    spec: ProviderSpec,
    started: bool,
    choices: Vec<ChoiceState>,
    citations: Option<Value>,
    search_results: Option<Value>,
}

/// What is known of one choice so far.
#[derive(Default)]
struct ChoiceState {
    index: u32,
    thinking: ThinkSplitter,
    calls: Calls,
    details: Vec<Value>,
    finished: bool,
}

impl Events {
    pub(super) fn new(spec: &ProviderSpec) -> Self {
        Self { spec: spec.clone(), started: false, choices: Vec::new(), citations: None, search_results: None }
    }
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.data == b"[DONE]" {
            if self.spec.quirks.hooks.contains(&Hook::EndsWithoutReason) {
                self.end_all(queue);
            }
            return Ok(Flow::Done);
        }
        let mut chunk: Chunk<'_> = serde_json::from_slice(frame.data).map_err(|source| {
            Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not a chat completion chunk")
                .with_body(bytes::Bytes::copy_from_slice(frame.data))
                .with_source(source)
        })?;
        let choice_failed = chunk.choices.iter().any(|choice| has_error(choice.error.as_ref()));
        if frame.event == Some("error") || has_error(chunk.error.as_ref()) || choice_failed {
            return Err(failure(frame.data));
        }
        if chunk.usage.is_none() && chunk.choices.iter().any(|choice| choice.finish_reason.is_some()) {
            chunk.usage = self.usage_elsewhere(frame.data);
        }
        self.chunk(chunk, queue);
        Ok(Flow::More)
    }
}

/// An error in the place of a chunk, or of one of its choices.
fn failure(data: &[u8]) -> Error {
    let body: Value = serde_json::from_slice(data).unwrap_or_default();
    let own = body.get("choices").and_then(Value::as_array).into_iter().flatten();
    let choice = own.into_iter().find(|choice| has_error(choice.get("error")));
    let said = if has_error(body.get("error")) { &body } else { choice.unwrap_or(&body) };
    error::read(said).into_error().with_body(bytes::Bytes::copy_from_slice(data))
}

impl Events {
    /// The usage, where the row says that it hides.
    fn usage_elsewhere(&self, data: &[u8]) -> Option<Usage> {
        let place = self.spec.quirks.stream_usage.as_deref()?;
        let event: Value = serde_json::from_slice(data).ok()?;
        Usage::deserialize(event.pointer(place)?).ok()
    }

    fn chunk(&mut self, chunk: Chunk<'_>, queue: &mut Queue) {
        let named = chunk.id.as_deref().is_some_and(|id| !id.is_empty());
        if !self.started && (named || !chunk.choices.is_empty()) {
            self.started = true;
            queue.push_back(ChatChunk::new(Delta::Start(Box::new(Start {
                id: chunk.id.map(Text::into_owned).unwrap_or_default(),
                model: chunk.model.map(Text::into_owned).unwrap_or_default(),
                created: chunk.created.map_or(0, |seconds| seconds as u64),
                system_fingerprint: chunk.system_fingerprint.map(Text::into_owned),
                service_tier: chunk.service_tier.map(Text::into_owned),
            }))));
        }
        self.citations = chunk.citations.or(self.citations.take());
        self.search_results = chunk.search_results.or(self.search_results.take());
        for choice in chunk.choices {
            self.choice(choice, queue);
        }
        if let Some(mut found) = chunk.usage {
            usage::normalise(&mut found);
            queue.push_back(ChatChunk::new(Delta::Usage(Box::new(found))));
        }
    }

    fn choice(&mut self, choice: ChunkChoice<'_>, queue: &mut Queue) {
        let index = choice.index.unwrap_or(0);
        let place = self.choices.iter().position(|state| state.index == index).unwrap_or_else(|| {
            self.choices.push(ChoiceState { index, ..ChoiceState::default() });
            self.choices.len().saturating_sub(1)
        });
        let Some(state) = self.choices.get_mut(place) else { return };
        let before = queue.len();
        let mut push = |delta| queue.push_back(ChatChunk { choice: index, delta });
        if let Some(delta) = choice.delta.or(choice.message) {
            state.delta(delta, &mut push);
        }
        if let Some(logprobs) = choice.logprobs.filter(|logprobs| !logprobs.is_null()) {
            push(Delta::Logprobs(Box::new(logprobs)));
        }
        state.finished &= queue.len() == before;
        if let Some(native) = choice.finish_reason.filter(|native| !native.is_empty()) {
            self.cite(index, queue);
            self.finish(place, &native, choice.native_finish_reason.map(Text::into_owned), queue);
        }
    }

    /// Everything that was held back of a choice, then why it ended. A reason repeated without anything new between says
    /// nothing new.
    fn finish(&mut self, place: usize, native: &str, own: Option<String>, queue: &mut Queue) {
        let Some(state) = self.choices.get_mut(place).filter(|state| !state.finished) else { return };
        state.finished = true;
        let choice = state.index;
        let mut push = |delta| queue.push_back(ChatChunk { choice, delta });
        state.thinking.end(&mut |piece| push(piece.into()));
        state.calls.end(&mut push);
        if !state.details.is_empty() {
            let own = Value::from_iter([(details::FIELD, Value::from(std::mem::take(&mut state.details)))]);
            push(Delta::Part(Box::new(Part::native(self.spec.name.clone(), own))));
        }
        let (reason, native) = finish_reason(native, !state.calls.is_empty());
        push(Delta::Finish { reason, native: own.or(native) });
    }

    /// The sources that stand beside the choices, as citations of this one.
    fn cite(&mut self, choice: u32, queue: &mut Queue) {
        for annotation in citations::annotations(self.citations.as_ref(), self.search_results.as_ref()) {
            queue.push_back(ChatChunk { choice, delta: Delta::Annotation(Box::new(annotation)) });
        }
        let both = [("citations", self.citations.take()), ("search_results", self.search_results.take())];
        let extra: Extra = both.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        if !extra.is_empty() {
            queue.push_back(ChatChunk::new(Delta::Extra(Box::new(extra))));
        }
    }

    fn end_all(&mut self, queue: &mut Queue) {
        for place in 0..self.choices.len() {
            self.finish(place, "stop", None, queue);
        }
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
        let details = delta.reasoning_details.unwrap_or_default();
        let reasoning = [delta.reasoning_content, delta.reasoning].into_iter().flatten().find(|text| !text.is_empty());
        let reasoning = reasoning.map(Text::into_owned).or_else(|| details::text(&details));
        if reasoning.is_some()
            || delta.refusal.as_ref().is_some_and(|text| !text.is_empty())
            || delta.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty())
            || delta.images.as_ref().is_some_and(|images| !images.is_empty())
            || delta.audio.is_some()
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
                for part in list.into_iter().filter_map(|part| read_part(part).ok()).flat_map(known_part) {
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
        if let Some(audio) = delta.audio {
            push(Delta::Audio(Box::new(audio.into())));
        }
        for image in delta.images.into_iter().flatten().filter_map(|image| read_part(image).ok()) {
            push(Delta::Part(Box::new(image)));
        }
        for annotation in delta.annotations.into_iter().flatten().filter_map(read_annotation) {
            push(Delta::Annotation(Box::new(annotation)));
        }
        details::extend(&mut self.details, details);
    }
}
