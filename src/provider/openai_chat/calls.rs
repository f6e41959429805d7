//! Tool calls put together from their pieces.

use std::collections::{BTreeMap, HashMap};

use super::chunk::{Body, ChunkToolCall};
use crate::chat::Delta;

/// The tool calls of one choice.
///
/// A call begins with its id and name. Some servers repeat the id with each piece, some number all calls 0 and tell
/// them apart by id, some give neither, and some send the name after the id.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// The latest call that the server counts so.
    of_index: BTreeMap<u64, usize>,
    /// The latest call of this id.
    of_id: HashMap<String, usize>,
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
        let place = self.find(piece.index, id, name).unwrap_or_else(|| {
            self.calls.push(Call { wire_index: piece.index, ..Call::default() });
            let place = self.calls.len().saturating_sub(1);
            self.of_index.extend(piece.index.map(|index| (index, place)));
            place
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
        if call.id.is_empty() && !id.is_empty() {
            id.clone_into(&mut call.id);
            self.of_id.insert(id.to_owned(), place);
        }
        if !name.is_empty() {
            call.begin(place, name, push);
        }
    }

    /// The call that a piece goes on with: the latest that is counted as it is, or the one of its id.
    fn find(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let latest = match index {
            Some(index) => self.of_index.get(&index).copied(),
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        };
        let call = |place: &usize| self.calls.get(*place);
        latest.filter(|place| call(place).is_some_and(|call| call.goes_on(index.is_some(), id, name))).or_else(|| {
            let same = self.of_id.get(id).copied();
            same.filter(|place| index.is_none() || call(place).is_some_and(|call| call.wire_index == index))
        })
    }

    /// The choice has ended: what never got a name goes out without one.
    pub(super) fn end(&mut self, push: &mut dyn FnMut(Delta)) {
        for (place, call) in self.calls.iter_mut().enumerate().filter(|(_, call)| !call.named) {
            call.begin(place, "", push);
        }
    }
}

impl Call {
    /// Whether a piece belongs to this call, the latest that is counted as the piece is. A piece that is counted may
    /// repeat the name while the arguments are not complete.
    fn goes_on(&self, counted: bool, id: &str, name: &str) -> bool {
        let same_id = !id.is_empty() && self.id == id;
        let repeats = counted && !self.brackets.closed && (id.is_empty() || self.id.is_empty());
        same_id || name.is_empty() || !self.named || repeats
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
