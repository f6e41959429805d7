//! The content blocks of a reply. A whole block is a streamed one that came in a single piece.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::name::Family;
use super::tools::wire_name;
use super::{CLAUDE, WIRE};
use crate::chat::{Annotation, ChatRequest, Content, Delta, Extra, Image, Part, Reasoning, Seal, Source};
use crate::provider::anthropic::{JSON_TOOL, Names, answers_by_tool};
use crate::text::Text;

/// Takes the steps of a reply.
pub(super) type Push<'p> = &'p mut dyn FnMut(Delta);

/// Turns content blocks into deltas.
pub(super) struct Blocks {
    /// What the request's tools are called on the wire.
    names: Names,
    /// Whether the reply's text is asked for as the input of a tool.
    by_tool: bool,
    /// Whether the model is known to be Claude, whose seals are the same elsewhere.
    is_claude: bool,
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
        redacted: Vec<u8>,
    },
    Call {
        index: u32,
        begun: bool,
    },
    /// The tool whose input is the reply's text.
    Answer {
        begun: bool,
    },
    /// A call of a tool that the model's host runs itself, with the text of its input.
    Hosted {
        call: Value,
        input: String,
    },
    /// The result of such a call.
    Result {
        result: Value,
    },
    Image {
        format: String,
        bytes: Vec<u8>,
    },
    /// A kind that has no name here.
    Unknown {
        block: Value,
    },
}

/// What a block begins with, or a piece of it: one of these members.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Piece<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
    tool_result: Option<Value>,
    #[serde(borrow)]
    reasoning_content: Option<Thought<'a>>,
    #[serde(borrow)]
    citations_content: Option<Cited<'a>>,
    citation: Option<Value>,
    #[serde(borrow)]
    image: Option<Picture<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ToolUse<'a> {
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    /// An object in a whole block, a piece of its text in a stream.
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
}

/// Reasoning: whole in `reasoningText`, in a stream its members one by one.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Thought<'a> {
    #[serde(borrow)]
    reasoning_text: Option<Sealed<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    redacted_content: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sealed<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cited<'a> {
    #[serde(borrow)]
    content: Option<Vec<Piece<'a>>>,
    citations: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Picture<'a> {
    #[serde(borrow)]
    format: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<PictureSource<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PictureSource<'a> {
    #[serde(borrow)]
    bytes: Option<Text<'a>>,
}

impl Blocks {
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self {
            names: Names::new(&request.params, wire_name),
            by_tool: answers_by_tool(&request.params),
            is_claude: Family::of(&request.model) == Family::Claude,
            open: Vec::new(),
            calls: 0,
            length: 0,
        }
    }

    /// Whether the model called tools of the caller's.
    pub(super) fn called(&self) -> bool {
        self.calls > 0
    }

    /// A block of a whole reply.
    pub(super) fn whole(&mut self, index: u64, raw: &RawValue, push: Push<'_>) {
        self.start(index, raw, push);
        self.stop(index, push);
    }

    /// A block begins, with what it holds already.
    pub(super) fn start(&mut self, index: u64, raw: &RawValue, push: Push<'_>) {
        match serde_json::from_str::<Piece<'_>>(raw.get()) {
            Ok(piece) => self.piece(index, piece, Some(raw), push),
            Err(_) => self.unknown(index, raw),
        }
    }

    /// More of a block, which may be its beginning: only calls, results and pictures are begun with an event of their
    /// own.
    pub(super) fn more(&mut self, index: u64, piece: Piece<'_>, push: Push<'_>) {
        self.piece(index, piece, None, push);
    }

    fn piece(&mut self, index: u64, piece: Piece<'_>, raw: Option<&RawValue>, push: Push<'_>) {
        if let Some(text) = piece.text {
            self.cite(index, Vec::new());
            self.text(text, push);
        } else if let Some(call) = piece.tool_use {
            self.tool_use(index, call, push);
        } else if let Some(thought) = piece.reasoning_content {
            self.thought(index, thought, push);
        } else if let Some(cited) = piece.citations_content {
            self.cite(index, cited.citations.unwrap_or_default());
            for text in cited.content.unwrap_or_default().into_iter().filter_map(|content| content.text) {
                self.text(text, push);
            }
        } else if let Some(citation) = piece.citation {
            self.cite(index, vec![citation]);
        } else if let Some(result) = piece.tool_result {
            self.tool_result(index, result);
        } else if let Some(picture) = piece.image {
            self.picture(index, picture);
        } else if let Some(raw) = raw {
            self.unknown(index, raw);
        }
    }

    fn find(&mut self, index: u64) -> Option<&mut Open> {
        self.open.iter_mut().rfind(|(known, _)| *known == index).map(|(_, open)| open)
    }

    fn unknown(&mut self, index: u64, raw: &RawValue) {
        self.open.push((index, Open::Unknown { block: serde_json::from_str(raw.get()).unwrap_or_default() }));
    }

    /// Text is under way in this block, with these citations.
    fn cite(&mut self, index: u64, more: Vec<Value>) {
        if let Some(Open::Text { citations, .. }) = self.find(index) {
            citations.extend(more);
        } else {
            self.open.push((index, Open::Text { start: self.length, citations: more }));
        }
    }

    fn text(&mut self, text: Text<'_>, push: Push<'_>) {
        if !text.is_empty() {
            self.length = self.length.saturating_add(characters(&text));
            push(Delta::Text(text.into_owned()));
        }
    }

    fn thought(&mut self, index: u64, thought: Thought<'_>, push: Push<'_>) {
        if !matches!(self.find(index), Some(Open::Thinking { .. })) {
            let open = Open::Thinking { begun: false, signature: String::new(), redacted: Vec::new() };
            self.open.push((index, open));
        }
        let Some(Open::Thinking { begun, signature, redacted }) = self.find(index) else { return };
        let whole = thought.reasoning_text.unwrap_or_default();
        if let Some(more) = thought.signature.or(whole.signature) {
            signature.push_str(&more);
        }
        if let Some(more) = thought.redacted_content {
            redacted.extend(STANDARD.decode(more.as_bytes()).unwrap_or_default());
        }
        if let Some(text) = thought.text.or(whole.text).filter(|text| !text.is_empty()) {
            *begun = true;
            push(Delta::Reasoning(text.into_owned()));
        }
    }

    fn tool_use(&mut self, index: u64, call: ToolUse<'_>, push: Push<'_>) {
        let is_open = matches!(self.find(index), Some(Open::Call { .. } | Open::Answer { .. } | Open::Hosted { .. }));
        let input = call.input.map(input_text).unwrap_or_default();
        if !is_open {
            let open = self.begin_call(&call, push);
            self.open.push((index, open));
        }
        match self.find(index) {
            _ if input.is_empty() => {}
            Some(Open::Call { index, begun }) => {
                *begun = true;
                push(Delta::Arguments { index: *index, text: input });
            }
            Some(Open::Answer { begun }) => {
                *begun = true;
                self.text(Text(input.into()), push);
            }
            Some(Open::Hosted { input: so_far, .. }) => so_far.push_str(&input),
            _ => {}
        }
    }

    fn begin_call(&mut self, call: &ToolUse<'_>, push: Push<'_>) -> Open {
        if let Some(kind) = call.kind.as_ref().filter(|kind| &***kind == "server_tool_use") {
            let call = json!({"toolUseId": &*call.tool_use_id, "name": &*call.name, "type": &**kind});
            return Open::Hosted { call, input: String::new() };
        }
        if self.by_tool && &*call.name == JSON_TOOL {
            return Open::Answer { begun: false };
        }
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        let name = self.names.given(&call.name).unwrap_or(&call.name).to_owned();
        push(Delta::ToolCall { index, id: call.tool_use_id.to_string(), name });
        Open::Call { index, begun: false }
    }

    /// The result of a tool that ran at the provider: its head, all of it, or in a stream the next of its content.
    fn tool_result(&mut self, index: u64, more: Value) {
        let Some(Open::Result { result }) = self.find(index) else {
            self.open.push((index, Open::Result { result: more }));
            return;
        };
        let (Some(fields), Value::Array(pieces)) = (result.as_object_mut(), more) else { return };
        let content = fields.entry("content").or_insert_with(|| Value::Array(Vec::new()));
        let Some(content) = content.as_array_mut() else { return };
        for piece in pieces {
            let text = piece.get("text").and_then(Value::as_str);
            match (content.last_mut().and_then(|last| last.get_mut("text")), text) {
                (Some(Value::String(so_far)), Some(text)) => so_far.push_str(text),
                _ => content.push(piece),
            }
        }
    }

    fn picture(&mut self, index: u64, picture: Picture<'_>) {
        if !matches!(self.find(index), Some(Open::Image { .. })) {
            self.open.push((index, Open::Image { format: String::new(), bytes: Vec::new() }));
        }
        let Some(Open::Image { format, bytes }) = self.find(index) else { return };
        if let Some(given) = picture.format {
            *format = given.into_owned();
        }
        if let Some(more) = picture.source.and_then(|source| source.bytes) {
            bytes.extend(STANDARD.decode(more.as_bytes()).unwrap_or_default());
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
            Open::Thinking { redacted, .. } if !redacted.is_empty() => {
                let part = Part::new(Content::Reasoning(Reasoning { text: String::new(), redacted: true }));
                push(Delta::Part(Box::new(part.sealed(self.redacted(redacted)))));
            }
            Open::Thinking { signature, .. } if signature.is_empty() => {}
            Open::Thinking { begun: true, signature, .. } => push(Delta::Seal(Box::new(self.seal(signature)))),
            Open::Thinking { begun: false, signature, .. } => {
                push(Delta::Part(Box::new(Part::reasoning("").sealed(self.seal(signature)))));
            }
            Open::Call { index, begun: false } => push(Delta::Arguments { index, text: "{}".to_owned() }),
            Open::Answer { begun: false } => self.text(Text("{}".into()), push),
            Open::Call { .. } | Open::Answer { .. } => {}
            Open::Hosted { mut call, input } => {
                if let Some(fields) = call.as_object_mut() {
                    let input = if input.is_empty() { "{}".to_owned() } else { input };
                    let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    fields.insert("input".to_owned(), input);
                }
                native("toolUse", call, push);
            }
            Open::Result { result } => native("toolResult", result, push),
            Open::Image { format, bytes } => {
                let source = Source::from_bytes(bytes, format!("image/{format}"));
                push(Delta::Part(Box::new(Part::new(Content::Image(Image { source, detail: None })))));
            }
            Open::Unknown { block } => push(Delta::Part(Box::new(Part::native(WIRE, block)))),
        }
    }

    fn seal(&self, value: String) -> Seal {
        Seal::new(if self.is_claude { CLAUDE } else { WIRE }, value)
    }

    /// Converse gives hidden reasoning as base64; of Claude's there is a text in it, which is Anthropic's own form.
    fn redacted(&self, bytes: Vec<u8>) -> Seal {
        match String::from_utf8(bytes) {
            Ok(text) if self.is_claude => Seal::new(CLAUDE, text),
            Ok(text) => Seal::new(WIRE, STANDARD.encode(text)),
            Err(bytes) => Seal::new(WIRE, STANDARD.encode(bytes.into_bytes())),
        }
    }
}

fn native(member: &str, value: Value, push: Push<'_>) {
    let block = Map::from_iter([(member.to_owned(), value)]);
    push(Delta::Part(Box::new(Part::native(WIRE, block.into()))));
}

/// The text of a call's input: an object is its own text, a string a piece of it.
fn input_text(raw: &RawValue) -> String {
    match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(piece) => piece.into_owned(),
        Err(_) => raw.get().to_owned(),
    }
}

fn characters(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

/// A citation of a stretch of text. Web pages become OpenAI's `url_citation`; documents keep Bedrock's word for the
/// place. The citation itself stays too: it goes back with its text.
fn annotation(citation: Value, start: u64, end: u64) -> Annotation {
    let text = |pointer: &str| citation.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let url = text("/location/web/url");
    let place = citation.get("location").and_then(Value::as_object).and_then(|location| location.keys().next());
    let kind = if url.is_some() { "url_citation" } else { place.map_or("citation", String::as_str) }.to_owned();
    let title = text("/title").or_else(|| text("/location/web/domain"));
    let cited = citation
        .get("sourceContent")
        .and_then(Value::as_array)
        .map(|pieces| pieces.iter().filter_map(|piece| piece.get("text")?.as_str()).collect::<String>());
    let mut extra = Extra::new();
    if let Some(cited) = cited {
        extra.insert("cited_text", cited);
    }
    extra.insert("citation", citation);
    Annotation { kind, start_index: Some(start), end_index: Some(end), url, title, extra }
}
