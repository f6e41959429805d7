//! The steps of a streamed chat as the events of a message, in the order in which Anthropic sends them.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::{Block, Event, Message, NATIVE, Request};
use crate::chat::{
    Annotation, Carried, ChatChunk, Content, Delta, FinishReason, Part, RESTART, Seal, Source, Start, Usage,
};

/// Writes a stream's chunks as events: a block begins, is added to, and stops before the next begins. Of calls that come
/// side by side the first is told as it comes, and each of the others when those before it are through. Choices but the
/// first have no place here. Anthropic has no word for [`Delta::Restart`]: it becomes a `ping`, which clients pass over,
/// with `"restart": true`, and the blocks of the new beginning come behind those that are void.
#[derive(Debug)]
pub struct EventWriter {
    message: Message,
    /// The index of the next block.
    next: u64,
    /// The index of the first block that is not void.
    first: u64,
    open: Open,
    /// Calls that have begun and not stopped. The first of them is told already.
    calls: VecDeque<Call>,
    usage: Option<Usage>,
    finish: Option<(FinishReason, Option<String>)>,
    started: bool,
    ended: bool,
}

/// The block under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Thinking,
    Call,
}

#[derive(Debug)]
struct Call {
    index: u32,
    id: String,
    name: String,
    /// What of its input has not been told.
    input: String,
    /// Whether any of it has been.
    told: bool,
    seal: Option<Seal>,
}

type Events = VecDeque<Event>;

impl EventWriter {
    /// A writer for the reply to this request.
    #[must_use]
    pub fn new(request: &Request) -> Self {
        let message = Message {
            kind: "message".to_owned(),
            role: "assistant".to_owned(),
            model: request.model.clone(),
            ..Message::default()
        };
        Self {
            message,
            next: 0,
            first: 0,
            open: Open::Nothing,
            calls: VecDeque::new(),
            usage: None,
            finish: None,
            started: false,
            ended: false,
        }
    }

    /// The model has no name until the reply says one: who asks knows better which one is meant.
    pub(crate) fn unnamed(mut self) -> Self {
        self.message.model.clear();
        self
    }

    /// The events that a step becomes.
    pub fn write(&mut self, chunk: &ChatChunk, events: &mut VecDeque<Event>) {
        if chunk.choice != 0 || self.ended {
            return;
        }
        match &chunk.delta {
            Delta::Start(start) => self.start(start, events),
            Delta::Text(text) | Delta::Refusal(text) => self.text(text, events),
            Delta::Reasoning(text) => self.thinking(text, events),
            Delta::Seal(seal) => self.seal(seal, events),
            Delta::ToolCall { index, id, name } => self.call(*index, id, name, events),
            Delta::Arguments { index, text } => self.arguments(*index, text, events),
            Delta::Audio(audio) => {
                if let Some(text) = &audio.transcript {
                    self.text(text, events);
                }
            }
            Delta::Part(part) => self.part(part, events),
            Delta::Annotation(annotation) => self.citation(annotation, events),
            Delta::Usage(usage) => match &mut self.usage {
                Some(mine) => mine.merge((**usage).clone()),
                mine => *mine = Some((**usage).clone()),
            },
            Delta::Extra(extra) => {
                let stop = extra.get("stop_sequence").and_then(Value::as_str).map(str::to_owned);
                self.message.stop_sequence = stop.or(self.message.stop_sequence.take());
            }
            Delta::Finish { reason, native } => self.finish = Some((reason.clone(), native.clone())),
            Delta::Restart => self.restart(events),
            Delta::ChoiceExtra(_) | Delta::Logprobs(_) => {}
        }
    }

    /// What has come is void: the block under way ends, and what has not been told never is.
    fn restart(&mut self, events: &mut Events) {
        self.calls.truncate(1);
        self.calls.iter_mut().for_each(|call| call.seal = None);
        self.close(events);
        (self.first, self.usage, self.finish, self.message.stop_sequence) = (self.next, None, None, None);
        if self.started {
            let mut event = Event::new("ping");
            event.extra.insert(RESTART, true);
            events.push_back(event);
        }
    }

    /// The events by which the message ends.
    pub fn end(&mut self, events: &mut VecDeque<Event>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.begin(events);
        self.close(events);
        let mut event = Event::new("message_delta");
        let stop = self.message.stop_sequence.clone();
        event.delta = Some(Block::of(json!({"stop_reason": self.stop_reason(), "stop_sequence": stop})));
        event.usage = Some(usage(self.usage.as_ref()));
        events.push_back(event);
        events.push_back(Event::new("message_stop"));
    }

    fn stop_reason(&self) -> &str {
        const OWN: [&str; 8] = [
            "end_turn",
            "max_tokens",
            "stop_sequence",
            "tool_use",
            "pause_turn",
            "refusal",
            "model_context_window_exceeded",
            "compaction",
        ];
        let Some((reason, native)) = &self.finish else { return "end_turn" };
        if let Some(native) = native.as_deref().filter(|native| OWN.contains(native)) {
            return native;
        }
        match reason {
            FinishReason::Stop if self.message.stop_sequence.is_some() => "stop_sequence",
            FinishReason::Stop => "end_turn",
            FinishReason::Length => "max_tokens",
            FinishReason::ToolCalls | FinishReason::FunctionCall => "tool_use",
            FinishReason::ContentFilter => "refusal",
            FinishReason::Other(word) => word,
        }
    }

    fn start(&mut self, start: &Start, events: &mut Events) {
        self.message.id = if start.id.starts_with("msg_") { start.id.clone() } else { format!("msg_{}", start.id) };
        if !start.model.is_empty() {
            self.message.model.clone_from(&start.model);
        }
        self.begin(events);
    }

    fn begin(&mut self, events: &mut Events) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut event = Event::new("message_start");
        let mut message = self.message.clone();
        message.usage = Some(usage(self.usage.as_ref()));
        event.message = Some(Box::new(message));
        events.push_back(event);
    }

    fn text(&mut self, more: &str, events: &mut Events) {
        if more.is_empty() {
            return;
        }
        if self.open != Open::Text {
            self.open(Open::Text, json!({"type": "text", "text": ""}), events);
        }
        self.delta(json!({"type": "text_delta", "text": more}), events);
    }

    fn thinking(&mut self, more: &str, events: &mut Events) {
        if more.is_empty() {
            return;
        }
        if self.open != Open::Thinking {
            self.open(Open::Thinking, json!({"type": "thinking", "thinking": "", "signature": ""}), events);
        }
        self.delta(json!({"type": "thinking_delta", "thinking": more}), events);
    }

    /// A seal of what came last.
    fn seal(&mut self, seal: &Seal, events: &mut Events) {
        match self.open {
            Open::Thinking => {
                self.delta(json!({"type": "signature_delta", "signature": signature(seal)}), events);
                self.close(events);
            }
            Open::Call => {
                if let Some(call) = self.calls.back_mut() {
                    call.seal = Some(seal.clone());
                }
            }
            Open::Nothing if self.next == self.first => {}
            Open::Text | Open::Nothing => self.hidden(&Carried::Previous(seal.clone()).write(), events),
        }
    }

    /// A block of no words that carries something.
    fn hidden(&mut self, data: &str, events: &mut Events) {
        self.whole(json!({"type": "redacted_thinking", "data": data}), events);
    }

    fn call(&mut self, index: u32, id: &str, name: &str, events: &mut Events) {
        let call =
            Call { index, id: id.to_owned(), name: name.to_owned(), input: String::new(), told: false, seal: None };
        if self.open != Open::Call {
            self.open(Open::Call, call.block(), events);
        }
        self.calls.push_back(call);
    }

    fn arguments(&mut self, index: u32, text: &str, events: &mut Events) {
        let place = self.calls.iter().rposition(|call| call.index == index);
        let Some(call) = place.and_then(|place| self.calls.get_mut(place)) else { return };
        if place != Some(0) {
            return call.input.push_str(text);
        }
        if !text.is_empty() {
            call.told = true;
            self.delta(json!({"type": "input_json_delta", "partial_json": text}), events);
        }
    }

    /// A whole part.
    fn part(&mut self, part: &Part, events: &mut Events) {
        let seal = part.seal.as_ref();
        match &part.content {
            Content::Text(text) | Content::Refusal(text) => self.text(text, events),
            Content::Reasoning(reasoning) if reasoning.redacted => {
                return self.hidden(&seal.map(signature).unwrap_or_default(), events);
            }
            Content::Reasoning(reasoning) => {
                let signature = seal.map(signature).unwrap_or_default();
                let block = json!({"type": "thinking", "thinking": reasoning.text, "signature": signature});
                return self.whole(block, events);
            }
            Content::ToolCall(call) => {
                self.close(events);
                self.call(u32::MAX, &call.id, &call.name, events);
                self.arguments(u32::MAX, &call.arguments, events);
                if let Some(last) = self.calls.back_mut() {
                    last.seal = seal.cloned();
                }
                return self.close(events);
            }
            Content::Image(image) => {
                let source = match &image.source {
                    Source::Base64 { media_type, data } => {
                        json!({"type": "base64", "media_type": media_type, "data": data})
                    }
                    Source::Url(url) => json!({"type": "url", "url": url}),
                    Source::FileId(id) => json!({"type": "file", "file_id": id}),
                };
                self.whole(json!({"type": "image", "source": source}), events);
            }
            Content::Audio(audio) => {
                if let Some(text) = &audio.transcript {
                    self.text(text, events);
                }
            }
            Content::Native(native) if native.provider == NATIVE => self.whole(native.value.clone(), events),
            Content::Native(_) => self.hidden(&Carried::Block(part.clone()).write(), events),
            Content::File(_) | Content::Video(_) => {}
        }
        if let Some(seal) = seal {
            self.seal(seal, events);
        }
    }

    fn citation(&mut self, annotation: &Annotation, events: &mut Events) {
        if self.open != Open::Text {
            return;
        }
        let own = annotation.extra.get("citation").cloned();
        let citation = own.unwrap_or_else(|| {
            json!({
                "type": "web_search_result_location", "url": annotation.url, "title": annotation.title,
                "cited_text": annotation.extra.get("cited_text").cloned().unwrap_or_else(|| "".into()),
                "encrypted_index": "",
            })
        });
        self.delta(json!({"type": "citations_delta", "citation": citation}), events);
    }

    fn open(&mut self, open: Open, block: Value, events: &mut Events) {
        self.begin(events);
        self.close(events);
        self.open = open;
        let mut event = Event::new("content_block_start");
        (event.index, event.content_block) = (Some(self.next), Some(Block::of(block)));
        events.push_back(event);
    }

    fn delta(&mut self, delta: Value, events: &mut Events) {
        let mut event = Event::new("content_block_delta");
        (event.index, event.delta) = (Some(self.next), Some(Block::of(delta)));
        events.push_back(event);
    }

    fn stop(&mut self, events: &mut Events) {
        let mut event = Event::new("content_block_stop");
        event.index = Some(self.next);
        events.push_back(event);
        self.next = self.next.saturating_add(1);
        self.open = Open::Nothing;
    }

    /// The block under way stops. After a call come those that waited for it.
    fn close(&mut self, events: &mut Events) {
        match self.open {
            Open::Nothing => return,
            Open::Text | Open::Thinking => return self.stop(events),
            Open::Call => {}
        }
        let mut first = true;
        while let Some(call) = self.calls.pop_front() {
            if !std::mem::take(&mut first) {
                self.open = Open::Call;
                let mut event = Event::new("content_block_start");
                (event.index, event.content_block) = (Some(self.next), Some(Block::of(call.block())));
                events.push_back(event);
            }
            let rest = if call.input.is_empty() && !call.told { "{}" } else { &call.input };
            if !rest.is_empty() {
                self.delta(json!({"type": "input_json_delta", "partial_json": rest}), events);
            }
            self.stop(events);
            if let Some(seal) = &call.seal {
                self.hidden(&Carried::Previous(seal.clone()).write(), events);
            }
        }
    }

    /// A block that comes whole.
    fn whole(&mut self, block: Value, events: &mut Events) {
        self.open(Open::Text, block, events);
        self.stop(events);
    }
}

impl Call {
    fn block(&self) -> Value {
        json!({"type": "tool_use", "id": self.id, "name": self.name, "input": {}})
    }
}

/// Anthropic's own signature as it is, and any other's carried.
fn signature(seal: &Seal) -> String {
    if seal.provider == NATIVE { seal.value.clone() } else { Carried::Own(seal.clone()).write() }
}

/// The usage in Anthropic's form: tokens read from and written to the cache are counted beside `input_tokens`.
fn usage(usage: Option<&Usage>) -> Value {
    let Some(usage) = usage else { return json!({"input_tokens": 0, "output_tokens": 0}) };
    let details = &usage.prompt_tokens_details;
    let (read, written) = (details.cached_tokens.unwrap_or(0), details.cache_creation_tokens.unwrap_or(0));
    let mut fields = Map::new();
    let input = usage.prompt_tokens.saturating_sub(read).saturating_sub(written);
    fields.insert("input_tokens".to_owned(), input.into());
    fields.insert("cache_creation_input_tokens".to_owned(), written.into());
    fields.insert("cache_read_input_tokens".to_owned(), read.into());
    fields.insert("output_tokens".to_owned(), usage.completion_tokens.into());
    if let Some(times) = &details.cache_creation_token_details {
        fields.insert("cache_creation".to_owned(), serde_json::to_value(times).unwrap_or_default());
    }
    if let Some(tools) = &usage.server_tool_use {
        fields.insert("server_tool_use".to_owned(), serde_json::to_value(tools).unwrap_or_default());
    }
    let thought = usage.completion_tokens_details.reasoning_tokens.filter(|tokens| *tokens > 0);
    if let Some(tokens) = thought {
        fields.insert("output_tokens_details".to_owned(), json!({"thinking_tokens": tokens}));
    }
    fields.into()
}
