//! The content blocks of a reply. A whole block is a streamed one that came in a single piece.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::WIRE;
use super::tools::{JSON_TOOL, Names, answers_by_tool, wire_name};
use crate::chat::{Annotation, Content, Delta, Extra, Params, Part, Reasoning, Seal};
use crate::text::Text;

/// Takes the steps of a reply.
pub(super) type Push<'p> = &'p mut dyn FnMut(Delta);

/// Turns content blocks into deltas.
pub(super) struct Blocks {
    /// What the request's tools are called on the wire.
    names: Names,
    /// Whether the reply's text is asked for as the input of a tool.
    by_tool: bool,
    /// Blocks that have begun and not ended, by their index.
    open: Vec<(u64, Open)>,
    /// How many tool calls there were.
    calls: u32,
    /// How many characters of text there were.
    length: u64,
}

enum Open {
    Text {
        start: u64,
        citations: Vec<Value>,
    },
    Thinking {
        begun: bool,
        signature: String,
    },
    Call {
        index: u32,
        begun: bool,
    },
    /// The tool whose input is the reply's text.
    Answer {
        begun: bool,
    },
    Native {
        block: Value,
        input: String,
    },
}

/// The piece of a block that a `content_block_delta` brings.
pub(super) enum Piece<'a> {
    Text(Text<'a>),
    Input(Text<'a>),
    Thinking(Text<'a>),
    Signature(Text<'a>),
    Citation(Value),
    Compaction { content: Option<Text<'a>>, encrypted: Option<Value> },
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default, borrow)]
    text: Option<Text<'a>>,
    #[serde(default)]
    citations: Option<Vec<Value>>,
    #[serde(default, borrow)]
    thinking: Option<Text<'a>>,
    #[serde(default, borrow)]
    signature: Option<Text<'a>>,
    #[serde(default, borrow)]
    data: Option<Text<'a>>,
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(default, borrow)]
    name: Option<Text<'a>>,
    #[serde(default, borrow)]
    input: Option<&'a RawValue>,
    #[serde(default)]
    caller: Option<Value>,
}

impl Blocks {
    pub(super) fn new(params: &Params) -> Self {
        Self {
            names: Names::new(params, wire_name),
            by_tool: answers_by_tool(params),
            open: Vec::new(),
            calls: 0,
            length: 0,
        }
    }

    /// Whether the model called tools of the caller's.
    pub(super) fn called(&self) -> bool {
        self.calls > 0
    }

    /// A block begins, with what it holds already: nothing in a stream, all of it in a whole reply.
    pub(super) fn start(&mut self, index: u64, raw: &RawValue, push: Push<'_>) {
        let Ok(block) = serde_json::from_str::<Block<'_>>(raw.get()) else {
            return self.native(index, raw);
        };
        let begun = |text: &Option<Text<'_>>| text.as_ref().is_some_and(|text| !text.is_empty());
        match &*block.kind {
            "text" => {
                let citations = block.citations.unwrap_or_default();
                self.open.push((index, Open::Text { start: self.length, citations }));
                self.text(block.text.unwrap_or_default(), push);
            }
            "thinking" => {
                let signature = block.signature.map(Text::into_owned).unwrap_or_default();
                self.open.push((index, Open::Thinking { begun: begun(&block.thinking), signature }));
                if let Some(text) = block.thinking.filter(|text| !text.is_empty()) {
                    push(Delta::Reasoning(text.into_owned()));
                }
            }
            "redacted_thinking" => {
                let part = Part::new(Content::Reasoning(Reasoning { text: String::new(), redacted: true }));
                let seal = Seal::new(WIRE, block.data.map(Text::into_owned).unwrap_or_default());
                push(Delta::Part(Box::new(part.sealed(seal))));
            }
            "tool_use" => {
                let open = self.call(block.id, block.name.unwrap_or_default(), block.caller, push);
                self.open.push((index, open));
                if let Some(input) = block.input.filter(|input| !is_empty_object(input)) {
                    self.input(index, input.get().to_owned(), push);
                }
            }
            _ => self.native(index, raw),
        }
    }

    fn call(&mut self, id: Option<Text<'_>>, name: Text<'_>, caller: Option<Value>, push: Push<'_>) -> Open {
        if self.by_tool && &*name == JSON_TOOL {
            return Open::Answer { begun: false };
        }
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        let name = self.names.given(&name).map_or_else(|| name.into_owned(), str::to_owned);
        push(Delta::ToolCall { index, id: id.map(Text::into_owned).unwrap_or_default(), name });
        // A call that a program of the model's made must go back with its maker.
        if let Some(caller) = caller.filter(|caller| caller.get("type").is_some_and(|kind| kind != "direct")) {
            push(Delta::Seal(Box::new(Seal::new(WIRE, caller.to_string()))));
        }
        Open::Call { index, begun: false }
    }

    fn native(&mut self, index: u64, raw: &RawValue) {
        let block = serde_json::from_str(raw.get()).unwrap_or_default();
        self.open.push((index, Open::Native { block, input: String::new() }));
    }

    /// More of a block.
    pub(super) fn piece(&mut self, index: u64, piece: Piece<'_>, push: Push<'_>) {
        match piece {
            Piece::Text(text) => return self.text(text, push),
            Piece::Input(text) if text.is_empty() => return,
            Piece::Input(text) => return self.input(index, text.into_owned(), push),
            _ => {}
        }
        let Some(open) = self.find(index) else { return };
        match (open, piece) {
            (Open::Thinking { begun, .. }, Piece::Thinking(text)) if !text.is_empty() => {
                *begun = true;
                push(Delta::Reasoning(text.into_owned()));
            }
            (Open::Thinking { signature, .. }, Piece::Signature(more)) => signature.push_str(&more),
            (Open::Text { citations, .. }, Piece::Citation(citation)) => citations.push(citation),
            (Open::Native { block, .. }, Piece::Compaction { content, encrypted }) => {
                match (block.get_mut("content"), content) {
                    (Some(Value::String(so_far)), Some(more)) => so_far.push_str(&more),
                    (_, Some(first)) => set(block, "content", first.into_owned().into()),
                    (_, None) => {}
                }
                if let Some(encrypted) = encrypted {
                    set(block, "encrypted_content", encrypted);
                }
            }
            _ => {}
        }
    }

    fn find(&mut self, index: u64) -> Option<&mut Open> {
        self.open.iter_mut().rfind(|(known, _)| *known == index).map(|(_, open)| open)
    }

    fn text(&mut self, text: Text<'_>, push: Push<'_>) {
        if !text.is_empty() {
            self.length = self.length.saturating_add(characters(&text));
            push(Delta::Text(text.into_owned()));
        }
    }

    fn input(&mut self, index: u64, text: String, push: Push<'_>) {
        match self.find(index) {
            Some(Open::Call { index, begun }) => {
                *begun = true;
                push(Delta::Arguments { index: *index, text });
            }
            Some(Open::Answer { begun }) => {
                *begun = true;
                self.length = self.length.saturating_add(characters(&text));
                push(Delta::Text(text));
            }
            Some(Open::Native { input, .. }) => input.push_str(&text),
            _ => {}
        }
    }

    /// A block ends.
    pub(super) fn stop(&mut self, index: u64, push: Push<'_>) {
        if let Some(place) = self.open.iter().rposition(|(known, _)| *known == index) {
            let (_, open) = self.open.remove(place);
            self.close(open, push);
        }
    }

    /// All blocks end, also those whose end was not told.
    pub(super) fn finish(&mut self, push: Push<'_>) {
        for (_, open) in std::mem::take(&mut self.open) {
            self.close(open, push);
        }
    }

    fn close(&mut self, open: Open, push: Push<'_>) {
        match open {
            Open::Text { start, citations } => {
                for citation in citations {
                    push(Delta::Annotation(Box::new(annotation(citation, start, self.length))));
                }
            }
            Open::Thinking { signature, .. } if signature.is_empty() => {}
            Open::Thinking { begun: true, signature } => push(Delta::Seal(Box::new(Seal::new(WIRE, signature)))),
            Open::Thinking { begun: false, signature } => {
                push(Delta::Part(Box::new(Part::reasoning("").sealed(Seal::new(WIRE, signature)))));
            }
            Open::Call { index, begun: false } => push(Delta::Arguments { index, text: "{}".to_owned() }),
            Open::Answer { begun: false } => self.text(Text("{}".into()), push),
            Open::Call { .. } | Open::Answer { .. } => {}
            Open::Native { mut block, input } => {
                if !input.is_empty() {
                    let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    set(&mut block, "input", input);
                }
                push(Delta::Part(Box::new(Part::native(WIRE, block))));
            }
        }
    }
}

fn set(block: &mut Value, name: &str, value: Value) {
    if let Some(fields) = block.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn characters(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

fn is_empty_object(raw: &RawValue) -> bool {
    raw.get().chars().filter(|letter| !letter.is_whitespace()).eq("{}".chars())
}

/// A citation of a stretch of text. Web pages become OpenAI's `url_citation`; documents keep Anthropic's kind. The
/// citation itself stays too: it must go back with its text.
fn annotation(citation: Value, start: u64, end: u64) -> Annotation {
    let text = |name: &str| citation.get(name).and_then(Value::as_str).map(str::to_owned);
    let url = text("url").or_else(|| text("source"));
    let kind = if url.is_some() { "url_citation".to_owned() } else { text("type").unwrap_or_default() };
    let title = text("title").or_else(|| text("document_title"));
    let mut extra = Extra::new();
    if let Some(cited) = text("cited_text") {
        extra.insert("cited_text", cited);
    }
    extra.insert("citation", citation);
    Annotation { kind, start_index: Some(start), end_index: Some(end), url, title, extra }
}
