//! Tool calls put together from their pieces.

use super::chunk::{Body, ChunkToolCall};
use crate::chat::Delta;

/// The tool calls of one choice.
///
/// A call begins with its id and name. Some servers repeat the id with each piece, some number all calls 0 and tell
/// them apart by id, some give neither, and some send the name after the id.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
}

/// A call that has begun.
#[derive(Default)]
struct Call {
    /// How the server counts it.
    wire_index: Option<u64>,
    id: String,
    /// Whether its beginning is out; until then its arguments wait.
    named: bool,
    /// The arguments that wait.
    arguments: String,
    brackets: Brackets,
}

/// How far a JSON text has come that is read a piece at a time, by its brackets alone.
#[derive(Default)]
struct Brackets {
    depth: usize,
    /// Whether the outermost bracket has been closed.
    closed: bool,
    quoted: bool,
    escaped: bool,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The next piece of a call.
    pub(super) fn piece(&mut self, piece: ChunkToolCall<'_>, push: &mut dyn FnMut(Delta)) {
        let id = piece.id.as_deref().unwrap_or_default();
        let function = piece.function.unwrap_or_default();
        let name = function.name.as_deref().unwrap_or_default();
        let known = self.calls.iter().rposition(|call| call.goes_on(piece.index, id, name));
        let place = known.unwrap_or_else(|| {
            self.calls.push(Call { wire_index: piece.index, id: id.to_owned(), ..Call::default() });
            self.calls.len().saturating_sub(1)
        });
        let Some(call) = self.calls.get_mut(place) else { return };
        let text = match function.arguments {
            Some(Body::Text(text)) => text.into_owned(),
            Some(Body::Other(value)) => value.to_string(),
            _ => String::new(),
        };
        call.brackets.read(&text);
        if call.named {
            if !text.is_empty() {
                push(Delta::Arguments { index: to_index(place), text });
            }
            return;
        }
        call.arguments.push_str(&text);
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if !name.is_empty() {
            call.begin(place, name, push);
        }
    }

    /// The choice has ended: what never got a name goes out without one.
    pub(super) fn end(&mut self, push: &mut dyn FnMut(Delta)) {
        for (place, call) in self.calls.iter_mut().enumerate().filter(|(_, call)| !call.named) {
            call.begin(place, "", push);
        }
    }
}

impl Call {
    /// Whether a piece belongs to this call. Where the arguments are complete, a further name begins another.
    fn goes_on(&self, index: Option<u64>, id: &str, name: &str) -> bool {
        let same_id = !id.is_empty() && self.id == id;
        match index {
            None if id.is_empty() => name.is_empty() || !self.named,
            None => same_id,
            Some(index) if self.wire_index != Some(index) => false,
            Some(_) if same_id || name.is_empty() || !self.named => true,
            Some(_) => (id.is_empty() || self.id.is_empty()) && !self.brackets.closed,
        }
    }

    fn begin(&mut self, place: usize, name: &str, push: &mut dyn FnMut(Delta)) {
        self.named = true;
        let index = to_index(place);
        push(Delta::ToolCall { index, id: self.id.clone(), name: name.to_owned() });
        if !self.arguments.is_empty() {
            push(Delta::Arguments { index, text: std::mem::take(&mut self.arguments) });
        }
    }
}

impl Brackets {
    fn read(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => self.quoted = !self.quoted,
                b'{' | b'[' if !self.quoted => self.depth = self.depth.saturating_add(1),
                b'}' | b']' if !self.quoted => {
                    self.depth = self.depth.saturating_sub(1);
                    self.closed |= self.depth == 0;
                }
                _ => {}
            }
        }
    }
}

fn to_index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
