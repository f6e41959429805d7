//! The reply's fragments, one by one. A whole reply is a stream of one fragment.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event::{Blob, Candidate, Fragment, FunctionCall, Part as WirePart, Word};
use super::grounding::{Grounding, Metadata, extra};
use super::usage::{Counts, Tier};
use super::{NAME, error, finish};
use crate::chat::{Audio, ChatChunk, Content, Delta, Extra, FinishReason, Image, Part, Seal, Source, Start};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{EventDecoder, Flow, Queue};
use crate::text::Text;
use crate::wire::Frame;

/// More candidates than any request can ask for; each end of one tells anew what was said beside all of them.
const MAX_CANDIDATES: usize = 128;

/// Decodes the fragments of one reply.
#[derive(Default)]
pub(super) struct Events {
    started: bool,
    /// The reply's id, from which the ids of calls without one are made.
    id: String,
    counts: Counts,
    candidates: BTreeMap<u32, CandidateState>,
}

/// What is known of one candidate so far.
#[derive(Default)]
struct CandidateState {
    index: u32,
    /// Its text, in which the citations at the end are to be found.
    text: String,
    calls: u32,
    last: Option<Last>,
    metadata: Metadata,
    searches: u64,
    finished: bool,
}

/// The part that came last, as far as a seal can still be put on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Text,
    Reasoning,
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        let fragment = serde_json::from_slice::<Fragment<'_>>(frame.data).map_err(|source| {
            Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not a piece of a reply")
                .with_body(Bytes::copy_from_slice(frame.data))
                .with_source(source)
        });
        match fragment {
            Ok(fragment) if fragment.error.is_none() => {
                self.fragment(fragment, queue)?;
                Ok(Flow::More)
            }
            Err(_) if frame.data == b"[DONE]" => Ok(Flow::Done),
            Err(unread) if !is_error(frame.data) => Err(unread),
            _ => Err(error::within(frame.data)),
        }
    }
}

/// Whether the text is an error, alone or as a list of one.
pub(super) fn is_error(data: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(data).unwrap_or_default();
    body.get("error").or_else(|| body.get(0)?.get("error")).is_some()
}

impl Events {
    /// Takes the next fragment.
    pub(super) fn fragment(&mut self, fragment: Fragment<'_>, queue: &mut Queue) -> Result<()> {
        if !self.started {
            self.start(&fragment, queue);
        }
        let mut news = false;
        for candidate in fragment.candidates.into_iter().flatten() {
            news |= self.candidate(candidate, queue)?;
        }
        if news {
            let extra = extra(self.candidates.values().filter(|state| state.finished).map(|state| &state.metadata));
            if !extra.is_empty() {
                queue.push_back(ChatChunk::new(Delta::Extra(Box::new(extra))));
            }
        }
        if let Some(feedback) = fragment.prompt_feedback {
            self.blocked(feedback, queue);
        }
        let counts = fragment.usage_metadata.and_then(|raw| serde_json::from_str::<Counts>(raw.get()).ok());
        let mut counts = counts.unwrap_or(self.counts);
        counts.searches = self.searches();
        if counts != self.counts {
            self.counts = counts;
            queue.extend(counts.usage().map(|usage| ChatChunk::new(Delta::Usage(Box::new(usage)))));
        }
        Ok(())
    }

    fn start(&mut self, fragment: &Fragment<'_>, queue: &mut Queue) {
        self.started = true;
        self.id = fragment.response_id.as_deref().unwrap_or_default().to_owned();
        let tier = fragment.usage_metadata.and_then(|raw| serde_json::from_str::<Tier<'_>>(raw.get()).ok());
        queue.push_back(ChatChunk::new(Delta::Start(Box::new(Start {
            id: self.id.clone(),
            model: fragment.model_version.as_deref().unwrap_or_default().to_owned(),
            created: fragment.create_time.as_deref().and_then(seconds).unwrap_or(0),
            system_fingerprint: None,
            service_tier: tier.and_then(|tier| tier.service_tier).map(Text::into_owned),
        }))));
    }

    /// The next piece of a candidate; whether it has ended with something new to tell beside its content.
    fn candidate(&mut self, candidate: Candidate<'_>, queue: &mut Queue) -> Result<bool> {
        let index = candidate.index.unwrap_or(0);
        if self.candidates.len() >= MAX_CANDIDATES && !self.candidates.contains_key(&index) {
            let message = format!("the reply has more than {MAX_CANDIDATES} candidates");
            return Err(Error::new(ErrorKind::InvalidResponse, message));
        }
        let state = self.candidates.entry(index).or_insert_with(|| CandidateState { index, ..Default::default() });
        let mut push = |delta| queue.push_back(ChatChunk { choice: index, delta });
        state.metadata.keep(&candidate);
        for raw in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
            state.part(raw, &self.id, &mut push);
        }
        if let Some(logprobs) = candidate.logprobs_result.and_then(logprobs) {
            push(Delta::Logprobs(Box::new(logprobs)));
        }
        let word = match &candidate.finish_reason {
            Some(Word::Text(word)) => word.as_ref(),
            Some(Word::Number(number)) => finish::word(*number).unwrap_or("OTHER"),
            None => return Ok(false),
        };
        state.finished = true;
        if std::mem::take(&mut state.metadata.grounding_is_new) {
            let grounding = Grounding::read(&state.metadata.grounding);
            state.searches = grounding.searches();
            for annotation in grounding.annotations(&state.text) {
                push(Delta::Annotation(Box::new(annotation)));
            }
        }
        let (reason, native) = finish::reason(word, state.calls > 0);
        push(Delta::Finish { reason, native });
        Ok(state.metadata.take_news())
    }

    /// A prompt that is refused has no candidates; it is a reply that was held back.
    fn blocked(&mut self, feedback: &RawValue, queue: &mut Queue) {
        let Ok(feedback) = serde_json::from_str::<Value>(feedback.get()) else { return };
        let Some(reason) =
            feedback.get("blockReason").filter(|_| self.candidates.values().all(|state| !state.finished))
        else {
            return;
        };
        let native = reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
        self.candidates.entry(0).or_default().finished = true;
        queue.push_back(ChatChunk::new(Delta::Finish { reason: FinishReason::ContentFilter, native: Some(native) }));
        let extra: Extra = [("prompt_feedback".to_owned(), feedback)].into_iter().collect();
        queue.push_back(ChatChunk::new(Delta::Extra(Box::new(extra))));
    }

    fn searches(&self) -> u64 {
        self.candidates.values().map(|state| state.searches).fold(0, u64::saturating_add)
    }
}

impl CandidateState {
    fn part(&mut self, raw: &RawValue, reply: &str, push: &mut dyn FnMut(Delta)) {
        let part: WirePart<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        let seal = signature.map(|signature| Seal::new(NAME, signature.into_owned()));
        let thought = part.thought == Some(true);
        match (part.text, part.function_call, part.inline_data) {
            (Some(text), None, None) => self.text(text, thought, seal, push),
            (None, Some(call), None) => self.call(call, reply, seal, push),
            (None, None, Some(blob)) if !thought => self.blob(blob, seal, push),
            (None, None, None) if seal.is_some() && is_bare(raw) => self.text(Text::default(), thought, seal, push),
            _ => {
                if let Ok(value) = serde_json::from_str::<Value>(raw.get()) {
                    self.last = None;
                    push(Delta::Part(Box::new(Part::native(NAME, value))));
                }
            }
        }
    }

    /// Text or thoughts. A signature can come by itself, after the text that it seals.
    fn text(&mut self, text: Text<'_>, thought: bool, seal: Option<Seal>, push: &mut dyn FnMut(Delta)) {
        let kind = if thought { Last::Reasoning } else { Last::Text };
        if !text.is_empty() {
            self.last = Some(kind);
            if thought {
                push(Delta::Reasoning(text.into_owned()));
            } else {
                self.text.push_str(&text);
                push(Delta::Text(text.into_owned()));
            }
        }
        match seal {
            Some(seal) if self.last == Some(kind) => {
                self.last = None;
                push(Delta::Seal(Box::new(seal)));
            }
            Some(seal) => {
                self.last = None;
                let bare = if thought { Part::reasoning("") } else { Part::text("") };
                push(Delta::Part(Box::new(bare.sealed(seal))));
            }
            None => {}
        }
    }

    /// A call of a tool, which comes whole. Models before Gemini 3 give it no id, so one is made of the reply's id
    /// and the call's number: it is the same however often the reply is read, and another in every reply.
    fn call(&mut self, call: FunctionCall<'_>, reply: &str, seal: Option<Seal>, push: &mut dyn FnMut(Delta)) {
        let number = self.calls;
        self.calls = self.calls.saturating_add(1);
        self.last = None;
        let id = match call.id.filter(|id| !id.is_empty()) {
            Some(id) => id.into_owned(),
            None if self.index == 0 => format!("call_{reply}_{number}"),
            None => format!("call_{reply}_{}_{number}", self.index),
        };
        let name = call.name.map(Text::into_owned).unwrap_or_default();
        push(Delta::ToolCall { index: number, id, name });
        let text = call.args.map_or_else(|| "{}".to_owned(), |args| compact(args.get()));
        push(Delta::Arguments { index: number, text });
        if let Some(seal) = seal {
            push(Delta::Seal(Box::new(seal)));
        }
    }

    /// A picture or a sound; what is neither stays as it is.
    fn blob(&mut self, blob: Blob<'_>, seal: Option<Seal>, push: &mut dyn FnMut(Delta)) {
        self.last = None;
        let media_type = blob.mime_type.map(Text::into_owned).unwrap_or_default();
        let data = blob.data.map(Text::into_owned).unwrap_or_default();
        if let Some(format) = media_type.strip_prefix("audio/") {
            let format = if format.starts_with("L16") { "pcm16" } else { format };
            push(Delta::Audio(Box::new(Audio { data, format: Some(format.to_owned()), ..Audio::default() })));
            return;
        }
        let mut part = if media_type.starts_with("image/") {
            Part::new(Content::Image(Image { source: Source::Base64 { media_type, data }, detail: None }))
        } else {
            Part::native(NAME, json!({"inlineData": {"mimeType": media_type, "data": data}}))
        };
        part.seal = seal;
        push(Delta::Part(Box::new(part)));
    }
}

/// Whether a part is nothing but a signature.
fn is_bare(raw: &RawValue) -> bool {
    let part: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    part.as_object()
        .is_some_and(|fields| fields.keys().all(|key| matches!(key.as_str(), "thoughtSignature" | "thought")))
}

/// JSON text without the white space between its tokens; numbers stay as they were written.
fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for letter in json.chars() {
        if quoted || !letter.is_ascii_whitespace() {
            text.push(letter);
        }
        quoted = quoted != (letter == '"' && !escaped);
        escaped = quoted && letter == '\\' && !escaped;
    }
    text
}

/// `logprobsResult` in OpenAI's form.
fn logprobs(raw: &RawValue) -> Option<Value> {
    let result: Value = serde_json::from_str(raw.get()).ok()?;
    let list = |value: Option<&Value>, name: &str| value?.get(name)?.as_array().cloned();
    let token = |candidate: &Value| {
        let token = candidate.get("token").and_then(Value::as_str).unwrap_or_default();
        let logprob = candidate.get("logProbability").cloned().unwrap_or_default();
        json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()})
    };
    let chosen = list(Some(&result), "chosenCandidates")?;
    let top = list(Some(&result), "topCandidates").unwrap_or_default();
    let content: Vec<Value> = chosen
        .iter()
        .enumerate()
        .map(|(place, chosen)| {
            let mut entry = token(chosen);
            let others = list(top.get(place), "candidates").unwrap_or_default();
            if let Some(fields) = entry.as_object_mut() {
                fields.insert("top_logprobs".to_owned(), others.iter().map(token).collect());
            }
            entry
        })
        .collect();
    Some(json!({"content": content}))
}

/// A time such as `2026-04-10T13:47:44.065664Z`, in whole seconds since 1970.
fn seconds(time: &str) -> Option<u64> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, by: char| {
        let mut parts = text.split(by).map(|part| part.split('.').next().unwrap_or_default().parse::<u64>().ok());
        Some((parts.next()??, parts.next()??, parts.next()??))
    };
    let ((year, month, day), (hour, minute, second)) = (numbers(date, '-')?, numbers(clock, ':')?);
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years begin in March, so that the day of the leap year is the last (Howard Hinnant's `days_from_civil`).
    let (year, month) =
        if month > 2 { (year, month.checked_sub(3)?) } else { (year.checked_sub(1)?, month.checked_add(9)?) };
    let leaps = (year / 4).saturating_sub(year / 100).saturating_add(year / 400);
    let of_year = month.saturating_mul(153).saturating_add(2) / 5;
    let days = year.saturating_mul(365).saturating_add(leaps).saturating_add(of_year).saturating_add(day);
    let since = days.checked_sub(719_469)?;
    let minutes = since.saturating_mul(24).saturating_add(hour).saturating_mul(60).saturating_add(minute);
    Some(minutes.saturating_mul(60).saturating_add(second))
}
