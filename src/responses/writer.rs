//! The steps of a streamed chat as the events of a response, in the order in which OpenAI sends them.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::{Event, Item, NATIVE, Request, Response, ResponseUsage};
use crate::chat::{
    Annotation, Carried, ChatChunk, Content, Delta, FinishReason, Part, RESTART, Seal, Source, Start, ToolCall, Usage,
};

/// Writes a stream's chunks as events: an item begins, is added to, and is done before the next begins; only calls are
/// done at the end, as their arguments can come interleaved. Choices but the first have no place here. OpenAI has no word
/// for [`Delta::Restart`]: it becomes another `response.in_progress`, with `"restart": true`. As the reply in it has no
/// output, the items of the new beginning are counted from 0 again.
#[derive(Debug)]
pub struct EventWriter {
    /// What every event that has the reply says of it.
    reply: Response,
    sequence: u64,
    /// The items so far; of those that are not done, how they began.
    output: Vec<Item>,
    /// How many items before them are void.
    void: usize,
    open: Open,
    calls: Vec<OpenCall>,
    /// How many characters of text the chat's message has so far.
    length: u64,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
    started: bool,
    ended: bool,
}

/// The item under way.
#[derive(Debug)]
enum Open {
    Nothing,
    Message { place: usize, refusal: bool, text: String, annotations: Vec<Value>, logprobs: Vec<Value>, start: u64 },
    Reasoning { place: usize, text: String },
}

#[derive(Debug)]
struct OpenCall {
    index: u32,
    place: usize,
    arguments: String,
}

/// What ids begin with; nothing more while the provider's own is not known.
const NO_ID: &str = "resp_";

type Events = VecDeque<Event>;

impl EventWriter {
    /// A writer for the reply to this request, parts of which every reply says again.
    #[must_use]
    pub fn new(request: &Request) -> Self {
        Self {
            reply: echo(request),
            sequence: 0,
            output: Vec::new(),
            void: 0,
            open: Open::Nothing,
            calls: Vec::new(),
            length: 0,
            usage: None,
            finish: None,
            started: false,
            ended: false,
        }
    }

    /// The model has no name until the reply says one: who asks knows better which one is meant.
    pub(crate) fn unnamed(mut self) -> Self {
        self.reply.model.clear();
        self
    }

    /// The events that a step becomes.
    pub fn write(&mut self, chunk: &ChatChunk, events: &mut VecDeque<Event>) {
        if chunk.choice != 0 || self.ended {
            return;
        }
        match &chunk.delta {
            Delta::Start(start) => self.start(start, events),
            Delta::Text(text) => self.text(text, false, events),
            Delta::Refusal(text) => self.text(text, true, events),
            Delta::Reasoning(text) => self.reasoning(text, events),
            Delta::Seal(seal) => self.seal(seal, events),
            Delta::ToolCall { index, id, name } => self.call(Some(*index), id, name, events),
            Delta::Arguments { index, text } => self.arguments(*index, text, events),
            Delta::Audio(audio) => {
                if let Some(text) = &audio.transcript {
                    self.text(text, false, events);
                }
            }
            Delta::Part(part) => self.part(part, events),
            Delta::Annotation(annotation) => self.annotation(annotation, events),
            Delta::Logprobs(value) => {
                if let (Open::Message { logprobs, .. }, Some(Value::Array(more))) =
                    (&mut self.open, value.get("content"))
                {
                    logprobs.extend(more.iter().cloned());
                }
            }
            Delta::Usage(usage) => match &mut self.usage {
                Some(mine) => mine.merge((**usage).clone()),
                mine => *mine = Some((**usage).clone()),
            },
            Delta::Finish { reason, .. } => self.finish = Some(reason.clone()),
            Delta::Restart => self.restart(events),
            Delta::Extra(_) | Delta::ChoiceExtra(_) => {}
        }
    }

    /// What has come is void. Items under way are not told as done: clients run a call when it is.
    fn restart(&mut self, events: &mut Events) {
        self.void = self.void.saturating_add(self.output.len());
        (self.open, self.length, self.usage, self.finish) = (Open::Nothing, 0, None, None);
        self.output.clear();
        self.calls.clear();
        if self.started {
            self.tell("response.in_progress", events);
            if let Some(event) = events.back_mut() {
                event.extra.insert(RESTART, true);
            }
        }
    }

    fn finish_items(&mut self, events: &mut Events) {
        self.close(None, events);
        for call in std::mem::take(&mut self.calls) {
            self.call_done(call, events);
        }
    }

    /// The events by which the reply ends.
    pub fn end(&mut self, events: &mut VecDeque<Event>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.begin(events);
        self.finish_items(events);
        let reason = match self.finish {
            Some(FinishReason::Length) => Some("max_output_tokens"),
            Some(FinishReason::ContentFilter) => Some("content_filter"),
            _ => None,
        };
        self.reply.incomplete_details = reason.map(|reason| json!({"reason": reason}));
        let status = if reason.is_some() { "incomplete" } else { "completed" };
        self.reply.status = Some(status.to_owned());
        self.reply.usage = self.usage.as_ref().map(ResponseUsage::from);
        self.reply.output = std::mem::take(&mut self.output);
        self.tell(&format!("response.{status}"), events);
    }

    fn start(&mut self, start: &Start, events: &mut Events) {
        // A reply that begins anew is still the one that was told of.
        if self.reply.id == NO_ID {
            let id = if start.id.starts_with(NO_ID) { start.id.clone() } else { format!("{NO_ID}{}", start.id) };
            (self.reply.id, self.reply.created_at) = (id, start.created);
        }
        if !start.model.is_empty() {
            self.reply.model.clone_from(&start.model);
        }
        if start.service_tier.is_some() {
            self.reply.service_tier.clone_from(&start.service_tier);
        }
        self.begin(events);
    }

    fn begin(&mut self, events: &mut Events) {
        if !std::mem::replace(&mut self.started, true) {
            self.tell("response.created", events);
            self.tell("response.in_progress", events);
        }
    }

    fn text(&mut self, more: &str, refusal: bool, events: &mut Events) {
        if more.is_empty() {
            return;
        }
        let fits = matches!(&self.open, Open::Message { refusal: open, .. } if *open == refusal);
        if !fits {
            let item = json!({"type": "message", "role": "assistant", "status": "in_progress", "content": []});
            let place = self.add("msg", item, events);
            self.open = Open::Message {
                place,
                refusal,
                text: String::new(),
                annotations: Vec::new(),
                logprobs: Vec::new(),
                start: self.length,
            };
            let piece = piece(refusal, "", Vec::new(), Vec::new());
            self.piece("response.content_part.added", place, [("part", piece)], events);
        }
        let Open::Message { place, text, .. } = &mut self.open else { return };
        text.push_str(more);
        let place = *place;
        if !refusal {
            self.length = self.length.saturating_add(u64::try_from(more.chars().count()).unwrap_or(u64::MAX));
        }
        let kind = if refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        let mut event = self.event(kind, place);
        (event.content_index, event.delta) = (Some(0), Some(more.into()));
        if !refusal {
            event.extra.insert("logprobs", Vec::<Value>::new());
        }
        events.push_back(event);
    }

    fn reasoning(&mut self, more: &str, events: &mut Events) {
        if more.is_empty() {
            return;
        }
        if !matches!(self.open, Open::Reasoning { .. }) {
            let place = self.add("rs", json!({"type": "reasoning", "summary": []}), events);
            self.open = Open::Reasoning { place, text: String::new() };
            let part = json!({"type": "summary_text", "text": ""});
            self.summary("response.reasoning_summary_part.added", place, [("part", part)], events);
        }
        let Open::Reasoning { place, text } = &mut self.open else { return };
        text.push_str(more);
        let place = *place;
        let mut event = self.event("response.reasoning_summary_text.delta", place);
        event.extra.insert("summary_index", 0);
        event.delta = Some(more.into());
        events.push_back(event);
    }

    /// A seal of what came last.
    fn seal(&mut self, seal: &Seal, events: &mut Events) {
        if matches!(self.open, Open::Reasoning { .. }) {
            return self.close(Some(seal), events);
        }
        if self.output.is_empty() {
            return;
        }
        self.close(None, events);
        self.carry(&Carried::Previous(seal.clone()), events);
    }

    /// An item of no words that carries something.
    fn carry(&mut self, carried: &Carried, events: &mut Events) {
        let item = json!({"type": "reasoning", "summary": [], "encrypted_content": carried.write()});
        self.whole("rs", item, events);
    }

    fn call(&mut self, index: Option<u32>, id: &str, name: &str, events: &mut Events) {
        let item = json!({
            "type": "function_call", "status": "in_progress", "arguments": "", "call_id": id, "name": name,
        });
        let place = self.add("fc", item, events);
        self.calls.push(OpenCall { index: index.unwrap_or(u32::MAX), place, arguments: String::new() });
    }

    fn arguments(&mut self, index: u32, text: &str, events: &mut Events) {
        if !self.calls.iter().any(|call| call.index == index) {
            self.call(Some(index), "", "", events);
        }
        let Some(call) = self.calls.iter_mut().rfind(|call| call.index == index) else { return };
        call.arguments.push_str(text);
        let place = call.place;
        let mut event = self.event("response.function_call_arguments.delta", place);
        event.delta = Some(text.into());
        events.push_back(event);
    }

    fn call_done(&mut self, call: OpenCall, events: &mut Events) {
        let OpenCall { place, arguments, .. } = call;
        let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
        let mut event = self.event("response.function_call_arguments.done", place);
        event.extra.insert("arguments", arguments.as_str());
        events.push_back(event);
        if let Some(item) = self.output.get_mut(place) {
            item.0.insert("arguments".to_owned(), arguments.into());
            item.0.insert("status".to_owned(), "completed".into());
        }
        self.done(place, events);
    }

    /// A whole part.
    fn part(&mut self, part: &Part, events: &mut Events) {
        let seal = part.seal.as_ref();
        match &part.content {
            Content::Text(text) => self.text(text, false, events),
            Content::Refusal(text) => self.text(text, true, events),
            Content::Reasoning(reasoning) => {
                self.close(None, events);
                self.reasoning(&reasoning.text, events);
                if let (Some(seal), true) = (seal, reasoning.text.is_empty()) {
                    self.carry(&Carried::Own(seal.clone()), events);
                }
                return self.close(seal, events);
            }
            Content::ToolCall(call) => self.whole_call(part, call, events),
            Content::Image(image) => {
                let (kind, data) = match &image.source {
                    Source::Base64 { media_type, data } => (media_type.trim_start_matches("image/"), data.as_str()),
                    Source::Url(url) => ("", url.as_str()),
                    Source::FileId(id) => ("", id.as_str()),
                };
                let item = json!({
                    "type": "image_generation_call", "status": "completed", "output_format": kind, "result": data,
                });
                self.whole("ig", item, events);
            }
            Content::Audio(audio) => {
                if let Some(text) = &audio.transcript {
                    self.text(text, false, events);
                }
            }
            Content::Native(native) if native.provider == NATIVE || native.provider.ends_with("/responses") => {
                self.whole("it", native.value.clone(), events);
            }
            Content::Native(_) => self.carry(&Carried::Block(part.clone()), events),
            Content::File(_) | Content::Video(_) => {}
        }
        if let Some(seal) = seal {
            self.seal(seal, events);
        }
    }

    fn whole_call(&mut self, part: &Part, call: &ToolCall, events: &mut Events) {
        if part.extra.get("custom").is_some() {
            let item = json!({
                "type": "custom_tool_call", "status": "completed", "call_id": call.id, "name": call.name,
                "input": call.arguments,
            });
            return self.whole("ctc", item, events);
        }
        self.call(None, &call.id, &call.name, events);
        if let Some(mut open) = self.calls.pop() {
            open.arguments.clone_from(&call.arguments);
            let mut event = self.event("response.function_call_arguments.delta", open.place);
            event.delta = Some(call.arguments.as_str().into());
            events.push_back(event);
            self.call_done(open, events);
        }
    }

    fn annotation(&mut self, annotation: &Annotation, events: &mut Events) {
        let start = match &self.open {
            Open::Message { start, .. } => *start,
            _ => 0,
        };
        let mut fields = Map::from_iter([("type".to_owned(), annotation.kind.as_str().into())]);
        for (name, index) in [("start_index", annotation.start_index), ("end_index", annotation.end_index)] {
            if let Some(index) = index {
                fields.insert(name.to_owned(), index.saturating_sub(start).into());
            }
        }
        for (name, text) in [("url", &annotation.url), ("title", &annotation.title)] {
            if let Some(text) = text {
                fields.insert(name.to_owned(), text.as_str().into());
            }
        }
        fields.extend(annotation.extra.iter().map(|(name, value)| (name.clone(), value.clone())));
        let Open::Message { place, annotations, .. } = &mut self.open else { return self.cite(fields.into()) };
        let (place, number) = (*place, annotations.len());
        annotations.push(fields.clone().into());
        let fields = [("annotation_index", number.into()), ("annotation", fields.into())];
        self.piece("response.output_text.annotation.added", place, fields, events);
    }

    /// A citation that comes when its text is done: it is in the reply at the end.
    fn cite(&mut self, annotation: Value) {
        let said = self.output.iter_mut().rfind(|item| item.kind() == "message");
        let piece = said.and_then(|item| item.0.get_mut("content")?.as_array_mut()?.last_mut());
        if let Some(list) = piece.and_then(|piece| piece.get_mut("annotations")?.as_array_mut()) {
            list.push(annotation);
        }
    }

    /// The item under way is done; reasoning may have a seal.
    fn close(&mut self, seal: Option<&Seal>, events: &mut Events) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Message { place, refusal, text, annotations, logprobs, .. } => {
                let whole = piece(refusal, &text, annotations, logprobs.clone());
                if refusal {
                    self.piece("response.refusal.done", place, [("refusal", text.into())], events);
                } else {
                    let fields = [("text", text.into()), ("logprobs", logprobs.into())];
                    self.piece("response.output_text.done", place, fields, events);
                }
                self.piece("response.content_part.done", place, [("part", whole.clone())], events);
                if let Some(item) = self.output.get_mut(place) {
                    item.0.insert("content".to_owned(), vec![whole].into());
                    item.0.insert("status".to_owned(), "completed".into());
                }
                self.done(place, events);
            }
            Open::Reasoning { place, text } => {
                let part = json!({"type": "summary_text", "text": text});
                self.summary("response.reasoning_summary_text.done", place, [("text", text.into())], events);
                self.summary("response.reasoning_summary_part.done", place, [("part", part.clone())], events);
                if let Some(item) = self.output.get_mut(place) {
                    item.0.insert("summary".to_owned(), vec![part].into());
                    if let Some(seal) = seal {
                        let carried = Carried::Own(seal.clone()).write();
                        item.0.insert("encrypted_content".to_owned(), carried.into());
                    }
                }
                self.done(place, events);
            }
        }
    }

    /// An item that comes whole.
    fn whole(&mut self, stem: &str, item: Value, events: &mut Events) {
        let place = self.add(stem, item, events);
        self.done(place, events);
    }

    /// An item begins: its place.
    fn add(&mut self, stem: &str, item: Value, events: &mut Events) -> usize {
        self.begin(events);
        self.close(None, events);
        let place = self.output.len();
        let mut item = Item::of(item);
        let own = self.reply.id.trim_start_matches("resp_");
        let number = self.void.saturating_add(place);
        item.0.entry("id").or_insert_with(|| format!("{stem}_{own}_{number}").into());
        self.output.push(item.clone());
        let mut event = self.event("response.output_item.added", place);
        (event.item, event.item_id) = (Some(item), None);
        events.push_back(event);
        place
    }

    fn done(&mut self, place: usize, events: &mut Events) {
        let mut event = self.event("response.output_item.done", place);
        (event.item, event.item_id) = (self.output.get(place).cloned(), None);
        events.push_back(event);
    }

    fn piece<const N: usize>(&mut self, kind: &str, place: usize, fields: [(&str, Value); N], events: &mut Events) {
        let mut event = self.event(kind, place);
        event.content_index = Some(0);
        for (name, value) in fields {
            event.extra.insert(name, value);
        }
        events.push_back(event);
    }

    fn summary<const N: usize>(&mut self, kind: &str, place: usize, fields: [(&str, Value); N], events: &mut Events) {
        self.piece(kind, place, fields, events);
        if let Some(event) = events.back_mut() {
            event.content_index = None;
            event.extra.insert("summary_index", 0);
        }
    }

    /// An event of the item at a place.
    fn event(&mut self, kind: &str, place: usize) -> Event {
        let id = self.output.get(place).and_then(Item::id).map(str::to_owned);
        let mut event = self.numbered(kind);
        (event.output_index, event.item_id) = (u64::try_from(place).ok(), id);
        event
    }

    fn numbered(&mut self, kind: &str) -> Event {
        let number = self.sequence;
        self.sequence = number.saturating_add(1);
        Event { kind: kind.to_owned(), sequence_number: Some(number), ..Event::default() }
    }

    /// An event that has the reply as far as it has come.
    fn tell(&mut self, kind: &str, events: &mut Events) {
        let mut event = self.numbered(kind);
        event.response = Some(Box::new(self.reply.clone()));
        events.push_back(event);
    }
}

/// A piece of a message's content.
fn piece(refusal: bool, text: &str, annotations: Vec<Value>, logprobs: Vec<Value>) -> Value {
    if refusal {
        return json!({"type": "refusal", "refusal": text});
    }
    json!({"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs})
}

/// What a reply says of its request. All of these members are required of a `Response`.
fn echo(request: &Request) -> Response {
    let mut reply = Response {
        id: NO_ID.to_owned(),
        model: request.model.clone(),
        status: Some("in_progress".to_owned()),
        ..Response::default()
    };
    let text = request.text.clone().unwrap_or_else(|| json!({"format": {"type": "text"}}));
    let members = [
        ("object", "response".into()),
        ("background", false.into()),
        ("instructions", request.instructions.clone().into()),
        ("max_output_tokens", request.max_output_tokens.into()),
        ("metadata", request.metadata.clone().unwrap_or_else(|| json!({}))),
        ("parallel_tool_calls", request.parallel_tool_calls.unwrap_or(true).into()),
        ("previous_response_id", Value::Null),
        ("reasoning", request.reasoning.clone().unwrap_or_else(|| json!({"effort": null, "summary": null}))),
        ("store", false.into()),
        ("temperature", request.temperature.into()),
        ("text", text),
        ("tool_choice", request.tool_choice.clone().unwrap_or_else(|| "auto".into())),
        ("tools", serde_json::to_value(request.tools.as_deref().unwrap_or_default()).unwrap_or_default()),
        ("top_p", request.top_p.into()),
        ("truncation", "disabled".into()),
        ("user", request.user.clone().into()),
    ];
    for (name, value) in members {
        reply.extra.insert(name, value);
    }
    reply
}
