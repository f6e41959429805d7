//! The items of a reply's `output`. A whole item is a streamed one that came in a single piece.
//!
//! What an item says comes by deltas as far as the server streams it; the rest (citations, log probabilities, seals,
//! whatever had no delta) is told by the item itself when it is done. So a stream adds up to the whole reply, whichever
//! of its events a server leaves out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::chat::{Content, Delta, Image, Part, Reasoning, Seal, Source, read_annotation, read_part};
use crate::text::Text;

/// Takes the steps of a reply.
pub(super) type Push<'p> = &'p mut dyn FnMut(Delta);

/// What stands between two paragraphs of reasoning, each of which is a text of its own here.
const PARAGRAPH: &str = "\n\n";

/// Turns output items into deltas.
pub(super) struct Items {
    /// Whose seals and native items they are.
    own: String,
    /// Items that have begun and not ended, by their index.
    open: BTreeMap<u64, Open>,
    /// The indices of those that have ended.
    done: Vec<u64>,
    /// The item that gave the last part.
    last: Option<u64>,
    /// How many tool calls there were.
    calls: u32,
    /// How many characters of text there were.
    length: u64,
    /// How many searches of the web the provider made.
    searches: u64,
}

/// What of an item has been told.
#[derive(Default)]
struct Open {
    /// The pieces of a message: number, bytes told, and the characters of text before it.
    pieces: Vec<(u64, usize, u64)>,
    /// The piece of reasoning that came last.
    thought: Option<(Thought, u64)>,
    /// Which tool call it is, and how many bytes of its arguments were told.
    call: Option<(u32, usize)>,
}

/// Where words of reasoning stand in their item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Thought {
    Summary,
    Content,
}

/// An item, as far as it is known.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(rename = "type", default, borrow)]
    kind: Text<'a>,
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(default, borrow)]
    call_id: Option<Text<'a>>,
    #[serde(default, borrow)]
    name: Option<Text<'a>>,
    #[serde(default, borrow)]
    arguments: Option<Text<'a>>,
    #[serde(default, borrow)]
    input: Option<&'a RawValue>,
    #[serde(default)]
    content: Option<Vec<Value>>,
    #[serde(default)]
    summary: Option<Vec<Value>>,
    #[serde(default, borrow)]
    phase: Option<Text<'a>>,
    #[serde(default, borrow)]
    encrypted_content: Option<Text<'a>>,
    #[serde(default, borrow)]
    result: Option<Text<'a>>,
    #[serde(default, borrow)]
    output_format: Option<Text<'a>>,
}

/// Members of a function's call that have a place of their own, or that say nothing to the model.
const CALL_MEMBERS: [&str; 6] = ["id", "type", "status", "arguments", "call_id", "name"];

impl Items {
    pub(super) fn new(own: String) -> Self {
        Self { own, open: BTreeMap::new(), done: Vec::new(), last: None, calls: 0, length: 0, searches: 0 }
    }

    /// Whether the model called tools of the caller's.
    pub(super) fn called(&self) -> bool {
        self.calls > 0
    }

    /// How many searches of the web the provider made.
    pub(super) fn searches(&self) -> u64 {
        self.searches
    }

    /// Whether an item of this index has ended.
    pub(super) fn is_done(&self, index: u64) -> bool {
        self.done.contains(&index)
    }

    /// An item begins. Of a call it is known now which it is.
    pub(super) fn added(&mut self, index: u64, raw: &RawValue, push: Push<'_>) {
        if let Ok(item) = serde_json::from_str::<Item<'_>>(raw.get())
            && &*item.kind == "function_call"
        {
            self.call(index, &item, push);
        }
    }

    /// More text, or more of a refusal.
    pub(super) fn text(&mut self, index: u64, piece: u64, text: Text<'_>, refusal: bool, push: Push<'_>) {
        if text.is_empty() {
            return;
        }
        let before = self.length;
        let pieces = &mut self.open(index).pieces;
        match pieces.iter_mut().find(|(known, ..)| *known == piece) {
            Some((_, told, _)) => *told = told.saturating_add(text.len()),
            None => pieces.push((piece, text.len(), before)),
        }
        self.last = Some(index);
        if refusal {
            return push(Delta::Refusal(text.into_owned()));
        }
        self.length = before.saturating_add(characters(&text));
        push(Delta::Text(text.into_owned()));
    }

    /// More reasoning.
    pub(super) fn thought(&mut self, index: u64, place: (Thought, u64), text: Text<'_>, push: Push<'_>) {
        if text.is_empty() {
            return;
        }
        self.last = Some(index);
        let so_far = self.open(index).thought.replace(place);
        if so_far.is_some_and(|so_far| so_far != place) {
            push(Delta::Reasoning(PARAGRAPH.to_owned()));
        }
        push(Delta::Reasoning(text.into_owned()));
    }

    /// More of a call's arguments.
    pub(super) fn arguments(&mut self, index: u64, text: Text<'_>, push: Push<'_>) {
        if let Some((call, told)) = self.open(index).call.as_mut().filter(|_| !text.is_empty()) {
            *told = told.saturating_add(text.len());
            push(Delta::Arguments { index: *call, text: text.into_owned() });
        }
    }

    /// An item ends: what of it has not been told yet.
    pub(super) fn done(&mut self, index: u64, raw: &RawValue, push: Push<'_>) {
        if self.is_done(index) {
            return;
        }
        match serde_json::from_str::<Item<'_>>(raw.get()) {
            Ok(item) => match &*item.kind {
                "message" => self.message(index, item, push),
                "reasoning" => self.reasoning(index, item, raw, push),
                "function_call" => {
                    self.call(index, &item, push);
                    self.call_done(index, &item, raw, push);
                }
                "custom_tool_call" => self.custom_call(index, &item, push),
                "image_generation_call" if item.result.is_some() => self.image(index, item, raw, push),
                kind => {
                    self.searches = self.searches.saturating_add(u64::from(kind == "web_search_call" && searches(raw)));
                    self.native(index, raw, push);
                }
            },
            Err(_) => self.native(index, raw, push),
        }
        self.open.remove(&index);
        self.done.push(index);
    }

    fn open(&mut self, index: u64) -> &mut Open {
        self.open.entry(index).or_default()
    }

    /// A function's call, unless it is known already.
    fn call(&mut self, index: u64, item: &Item<'_>, push: Push<'_>) {
        if self.open(index).call.is_some() {
            return;
        }
        let call = self.calls;
        self.calls = call.saturating_add(1);
        self.open(index).call = Some((call, 0));
        self.last = Some(index);
        let name = item.name.as_deref().unwrap_or_default().to_owned();
        push(Delta::ToolCall { index: call, id: call_id(item).to_owned(), name });
    }

    fn call_done(&mut self, index: u64, item: &Item<'_>, raw: &RawValue, push: Push<'_>) {
        let all = item.arguments.as_deref().unwrap_or_default();
        let Some((call, told)) = self.open(index).call else { return };
        if let Some(rest) = all.get(told..).filter(|rest| !rest.is_empty()) {
            push(Delta::Arguments { index: call, text: rest.to_owned() });
        }
        let mut more = fields(raw);
        more.retain(|name, value| !CALL_MEMBERS.contains(&name.as_str()) && !value.is_null());
        if !more.is_empty() && self.last == Some(index) {
            push(Delta::Seal(Box::new(self.seal(more))));
        }
    }

    /// A call of a custom tool, whose input is a text.
    fn custom_call(&mut self, index: u64, item: &Item<'_>, push: Push<'_>) {
        self.calls = self.calls.saturating_add(1);
        self.last = Some(index);
        let input = item.input.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()).unwrap_or_default();
        let mut part = Part::tool_call(call_id(item), item.name.as_deref().unwrap_or_default(), input);
        part.extra.insert("custom", Map::new());
        push(Delta::Part(Box::new(part)));
    }

    fn message(&mut self, index: u64, item: Item<'_>, push: Push<'_>) {
        for (place, content) in (0..).zip(item.content.into_iter().flatten()) {
            let member = |name: &str| content.get(name).and_then(Value::as_str).unwrap_or_default();
            let kind = member("type");
            let refusal = kind == "refusal";
            if !refusal && kind != "output_text" {
                self.last = Some(index);
                if let Ok(part) = read_part(content) {
                    self.length = self.length.saturating_add(part.as_text().map_or(0, characters));
                    push(Delta::Part(Box::new(part)));
                }
                continue;
            }
            let all = member(if refusal { "refusal" } else { "text" });
            let told = self.piece(index, place).map_or(0, |(told, _)| told);
            if let Some(rest) = all.get(told..) {
                self.text(index, place, Text(rest.into()), refusal, push);
            }
            let start = self.piece(index, place).map_or(self.length, |(_, start)| start);
            self.hangings(&content, start, push);
        }
        if let Some(phase) = item.phase.filter(|_| self.last == Some(index)) {
            let seal = self.seal(Map::from_iter([("phase".to_owned(), phase.into_owned().into())]));
            push(Delta::Seal(Box::new(seal)));
        }
    }

    fn piece(&mut self, index: u64, piece: u64) -> Option<(usize, u64)> {
        let found = self.open(index).pieces.iter().find(|(known, ..)| *known == piece);
        found.map(|(_, told, start)| (*told, *start))
    }

    /// What hangs on a text: citations, whose places are counted within the text here and within the message there, and
    /// log probabilities.
    fn hangings(&self, content: &Value, start: u64, push: Push<'_>) {
        let list = |name: &str| content.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
        for mut annotation in list("annotations").into_iter().flatten().cloned().filter_map(read_annotation) {
            for place in [&mut annotation.start_index, &mut annotation.end_index].into_iter().flatten() {
                *place = place.saturating_add(start);
            }
            push(Delta::Annotation(Box::new(annotation)));
        }
        if let Some(list) = list("logprobs") {
            push(Delta::Logprobs(Box::new(Value::from_iter([("content", list.clone())]))));
        }
    }

    /// Reasoning, sealed by the item as it came: it goes back whole.
    fn reasoning(&mut self, index: u64, item: Item<'_>, raw: &RawValue, push: Push<'_>) {
        let told = self.open(index).thought.is_some();
        for (thought, list) in [(Thought::Content, &item.content), (Thought::Summary, &item.summary)] {
            for (place, piece) in (0..).zip(list.iter().flatten().filter(|_| !told)) {
                let text = piece.get("text").and_then(Value::as_str).unwrap_or_default();
                self.thought(index, (thought, place), Text(text.into()), push);
            }
        }
        let seal = self.seal(fields(raw));
        if self.last == Some(index) {
            push(Delta::Seal(Box::new(seal)));
        } else if item.encrypted_content.is_some_and(|text| !text.is_empty()) {
            self.last = Some(index);
            let hidden = Part::new(Content::Reasoning(Reasoning { text: String::new(), redacted: true }));
            push(Delta::Part(Box::new(hidden.sealed(seal))));
        }
    }

    /// A picture that the provider's own tool made; the rest of the item is its seal.
    fn image(&mut self, index: u64, item: Item<'_>, raw: &RawValue, push: Push<'_>) {
        self.last = Some(index);
        let media_type = format!("image/{}", item.output_format.as_deref().unwrap_or("png"));
        let data = item.result.map(Text::into_owned).unwrap_or_default();
        let mut rest = fields(raw);
        rest.shift_remove("result");
        let part = Part::new(Content::Image(Image { source: Source::Base64 { media_type, data }, detail: None }));
        push(Delta::Part(Box::new(part.sealed(self.seal(rest)))));
    }

    fn native(&mut self, index: u64, raw: &RawValue, push: Push<'_>) {
        self.last = Some(index);
        let item = serde_json::from_str(raw.get()).unwrap_or_default();
        push(Delta::Part(Box::new(Part::native(self.own.clone(), item))));
    }

    fn seal(&self, fields: Map<String, Value>) -> Seal {
        Seal::new(self.own.clone(), Value::from(fields).to_string())
    }
}

/// By which a call's result is matched to it. Some servers count the calls of each reply from the start (`call_0`,
/// recorded from a server of `openai.gpt-5.6-luna`), so that two of one conversation would be one; the item's own id
/// tells them apart.
fn call_id<'a>(item: &'a Item<'_>) -> &'a str {
    let own = item.call_id.as_deref().unwrap_or_default();
    let counted = |id: &str| {
        id.strip_prefix("call_").is_some_and(|rest| rest.len() < 4 && rest.chars().all(|digit| digit.is_ascii_digit()))
    };
    if own.is_empty() || counted(own) { item.id.as_deref().unwrap_or(own) } else { own }
}

/// Whether a call of the web's tool is a search. "Search actions incur a tool call cost"; to open a page is none
/// (<https://developers.openai.com/api/docs/guides/tools-web-search>, as quoted in
/// <https://community.openai.com/t/1365861>).
fn searches(raw: &RawValue) -> bool {
    fields(raw).get("action").and_then(|action| action.get("type")).is_none_or(|kind| kind == "search")
}

fn fields(raw: &RawValue) -> Map<String, Value> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn characters(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}
