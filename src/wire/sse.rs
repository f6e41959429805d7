//! Server-sent events, by the WHATWG's HTML standard, section 9.2 "Server-sent events".

use memchr::{memchr, memchr2};

use super::{Each, Frame, check_limit};
use crate::Result;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A framer of server-sent events (`text/event-stream`).
///
/// Follows the standard's rules for lines (LF, CRLF or CR, after one byte-order mark), fields, comments and joined
/// `data` lines, and differs from it in three places on purpose. An event that the end of the body cuts off before its
/// blank line is delivered, for many providers leave the last blank line out. An event with empty data is not
/// delivered, for it can mean nothing to a decoder. A line that begins with `{` is data: servers that answer a stream
/// with one JSON object, an error mostly, leave `data:` out, and the standard would have it ignored. The fields `id` and `retry` serve reconnecting, which no
/// provider offers, and are ignored.
#[derive(Clone, Debug)]
pub struct Sse {
    /// The joined data of the event under way, up to `data_end`; after it, the line under way.
    buffer: Vec<u8>,
    data_end: usize,
    has_data: bool,
    event: String,
    after_cr: bool,
    past_first_line: bool,
    limit: usize,
}

impl Sse {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            data_end: 0,
            has_data: false,
            event: String::new(),
            after_cr: false,
            past_first_line: false,
            limit,
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], each: Each<'_>) -> Result<()> {
        // The event's data while it is a single line of `bytes`, and so needs no copy.
        let mut borrowed = None;
        loop {
            bytes = self.skip_rest_of_crlf(bytes);
            let Some((line, terminator, rest)) = split_line(bytes) else { break };
            bytes = rest;
            self.after_cr = terminator == b'\r';
            if self.buffer.len() > self.data_end {
                self.continue_line(line)?;
                self.end_line()?;
                continue;
            }
            check_limit("a line", line.len(), self.limit)?;
            let line = strip_bom(&mut self.past_first_line, line);
            match field(line) {
                _ if line.is_empty() => self.dispatch(borrowed.take(), each)?,
                (b"data", value) if borrowed.is_none() && !self.has_data => borrowed = Some(value),
                (b"data", value) => {
                    if let Some(first) = borrowed.take() {
                        self.add_data(first)?;
                    }
                    self.add_data(value)?;
                }
                (b"event", name) => set_event(&mut self.event, name),
                _ => {}
            }
        }
        if let Some(data) = borrowed {
            self.add_data(data)?;
        }
        self.continue_line(bytes)
    }

    pub(super) fn end(&mut self, each: Each<'_>) -> Result<()> {
        if self.buffer.len() > self.data_end {
            self.end_line()?;
        }
        self.dispatch(None, each)
    }

    /// A CRLF is one line end, also where a push ends between the two.
    fn skip_rest_of_crlf<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match bytes.split_first() {
            Some((&first, rest)) if std::mem::take(&mut self.after_cr) && first == b'\n' => rest,
            _ => bytes,
        }
    }

    fn continue_line(&mut self, bytes: &[u8]) -> Result<()> {
        let line = self.buffer.len().saturating_sub(self.data_end);
        check_limit("a line", line.saturating_add(bytes.len()), self.limit)?;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes in the line at the end of the buffer: as data it stays there, less its field name.
    fn end_line(&mut self) -> Result<()> {
        let line = self.buffer.get(self.data_end..).unwrap_or_default();
        match field(strip_bom(&mut self.past_first_line, line)) {
            (b"data", value) => {
                let value_start = self.buffer.len().saturating_sub(value.len());
                let separator = self.has_data.then_some(b'\n');
                drop(self.buffer.splice(self.data_end..value_start, separator));
                self.end_data()
            }
            (name, value) => {
                if name == b"event" {
                    set_event(&mut self.event, value);
                }
                self.buffer.truncate(self.data_end);
                Ok(())
            }
        }
    }

    fn add_data(&mut self, value: &[u8]) -> Result<()> {
        self.buffer.extend(self.has_data.then_some(b'\n'));
        self.buffer.extend_from_slice(value);
        self.end_data()
    }

    fn end_data(&mut self) -> Result<()> {
        self.data_end = self.buffer.len();
        self.has_data = true;
        check_limit("an event", self.data_end, self.limit)
    }

    fn dispatch(&mut self, borrowed: Option<&[u8]>, each: Each<'_>) -> Result<()> {
        let data = borrowed.unwrap_or(&self.buffer);
        let event = (!self.event.is_empty()).then_some(self.event.as_str());
        let outcome = if data.is_empty() { Ok(()) } else { each(Frame::new(event, data)) };
        self.buffer.clear();
        self.data_end = 0;
        self.has_data = false;
        self.event.clear();
        outcome
    }
}

/// The first line, the byte that ends it, and what follows that byte.
fn split_line(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (line, rest) = bytes.split_at_checked(memchr2(b'\n', b'\r', bytes)?)?;
    let (&terminator, rest) = rest.split_first()?;
    Some((line, terminator, rest))
}

fn strip_bom<'a>(past_first_line: &mut bool, line: &'a [u8]) -> &'a [u8] {
    let first = !std::mem::replace(past_first_line, true);
    line.strip_prefix(BOM).filter(|_| first).unwrap_or(line)
}

/// A line's field name and value; the name of a comment is empty.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    if line.first() == Some(&b'{') {
        return (b"data", line);
    }
    match memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) {
        Some((name, value)) => {
            let value = value.strip_prefix(b":").unwrap_or(value);
            (name, value.strip_prefix(b" ").unwrap_or(value))
        }
        None => (line, b""),
    }
}

fn set_event(event: &mut String, name: &[u8]) {
    event.clear();
    event.push_str(std::str::from_utf8(name).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Framer;
    use crate::wire::testing::{Owned, cut, frames, same_frames_however_cut};
    use crate::{Error, ErrorKind};

    fn events(text: &str) -> Vec<Owned> {
        let (frames, failed) = same_frames_however_cut(&Framer::sse(), text.as_bytes(), &[]);
        assert!(!failed);
        frames
    }

    fn data(text: &str) -> Vec<String> {
        events(text).into_iter().map(|(_, data)| String::from_utf8(data).unwrap()).collect()
    }

    /// The standard's algorithm, word for word and without regard to cost, with this framer's two differences.
    fn reference(bytes: &[u8]) -> Vec<Owned> {
        let mut rest = bytes.strip_prefix(BOM).unwrap_or(bytes).to_vec();
        let mut lines = vec![Vec::new()];
        rest.reverse();
        while let Some(byte) = rest.pop() {
            if byte == b'\r' && rest.last() == Some(&b'\n') {
                rest.pop();
            }
            match byte {
                b'\r' | b'\n' => lines.push(Vec::new()),
                _ => lines.last_mut().unwrap().push(byte),
            }
        }
        lines.push(Vec::new());
        let (mut frames, mut event, mut data) = (Vec::new(), None, Vec::new());
        for line in lines {
            if line.is_empty() {
                data.pop();
                if !data.is_empty() {
                    frames.push((event.take(), std::mem::take(&mut data)));
                }
                (event, data) = (None, Vec::new());
                continue;
            }
            let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
            let name = &line[..colon];
            let mut value = line.get(colon + 1..).unwrap_or_default();
            if value.first() == Some(&b' ') {
                value = &value[1..];
            }
            match name {
                b"data" => {
                    data.extend_from_slice(value);
                    data.push(b'\n');
                }
                b"event" => event = String::from_utf8(value.to_vec()).ok().filter(|name| !name.is_empty()),
                _ => {}
            }
        }
        frames
    }

    fn stream_text() -> impl Strategy<Value = Vec<u8>> {
        let tokens: [&[u8]; 17] = [
            b"data:",
            b"data: ",
            b"data",
            b"event:",
            b"event: ",
            b"id: 7",
            b"retry:",
            b"\r",
            b"\n",
            b"\r\n",
            b"\n\n",
            b":",
            b" ",
            b"ab",
            "é→🦀".as_bytes(),
            BOM,
            b"\xFF",
        ];
        prop::collection::vec(prop::sample::select(tokens.to_vec()), 0..40).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #[test]
        fn every_way_of_cutting_gives_what_the_standard_says(
            text in stream_text(), places in prop::collection::vec(0_usize..200, 0..12),
        ) {
            let (frames, failed) = same_frames_however_cut(&Framer::sse(), &text, &places);
            prop_assert!(!failed);
            prop_assert_eq!(frames, reference(&text));
        }

        #[test]
        fn the_limit_is_met_at_the_same_place_however_the_bytes_are_cut(
            text in stream_text(), places in prop::collection::vec(0_usize..200, 0..12), limit in 0_usize..20,
        ) {
            same_frames_however_cut(&Framer::sse().with_limit(limit), &text, &places);
        }

        #[test]
        fn any_bytes_at_all_are_taken_without_a_panic(bytes: Vec<u8>, places: Vec<usize>) {
            prop_assert_eq!(frames(Framer::sse(), [bytes.as_slice()]), frames(Framer::sse(), cut(&bytes, &places)));
        }
    }

    #[test]
    fn data_lines_are_joined_by_a_line_feed() {
        assert_eq!(data("data: a\ndata:b\ndata\ndata:  c\n\n"), ["a\nb\n\n c"]);
    }

    #[test]
    fn all_three_line_ends_and_their_mixture_are_understood() {
        assert_eq!(data("data: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\ndata: e\n\r\n"), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn a_name_belongs_to_its_own_event_only() {
        let named = |name: Option<&str>, data: &str| (name.map(str::to_owned), data.as_bytes().to_vec());
        assert_eq!(
            events("event: ping\n\nevent: start\ndata: 1\n\ndata: 2\n\ndata: 3\nevent:end\n\n"),
            [named(Some("start"), "1"), named(None, "2"), named(Some("end"), "3")]
        );
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_no_name() {
        let (frames, _) = same_frames_however_cut(&Framer::sse(), b"event: \xFF\ndata: \xFE\n\n", &[]);
        assert_eq!(frames, [(None, b"\xFE".to_vec())]);
    }

    #[test]
    fn comments_ids_retries_and_unknown_fields_are_ignored() {
        assert_eq!(data(": OPENROUTER PROCESSING\n\nid: 1\nretry: 3\nfoo: bar\ndata: x\n:\n\n"), ["x"]);
    }

    #[test]
    fn a_json_object_without_its_field_is_data() {
        assert_eq!(data("{\"error\": {\"code\": 400}}"), ["{\"error\": {\"code\": 400}}"]);
        assert_eq!(data("data: a\n\n{\"b\": 1}\r\n\r\ndata: c\n\n"), ["a", "{\"b\": 1}", "c"]);
    }

    #[test]
    fn one_byte_order_mark_is_skipped_and_only_at_the_start() {
        assert_eq!(data("\u{feff}data: a\n\n\u{feff}data: b\n\ndata: c\n\n"), ["a", "c"]);
    }

    #[test]
    fn an_event_without_data_is_not_delivered() {
        assert_eq!(data("\n\n\ndata:\n\ndata\n\nevent: x\n\n"), Vec::<String>::new());
    }

    #[test]
    fn the_end_of_the_body_completes_an_event() {
        assert_eq!(data("data: a\n\ndata: b"), ["a", "b"]);
        assert_eq!(data("data: a\n\ndata: b\n"), ["a", "b"]);
        assert_eq!(data("data: a\n\ndata: b\r"), ["a", "b"]);
    }

    #[test]
    fn an_event_of_one_line_inside_one_push_is_borrowed() {
        let body = b"event: x\ndata: abc\n\nid: 4\ndata: def\r\n\r\n";
        let mut sse = Sse::new(100);
        let mut each = |frame: Frame<'_>| {
            assert!(body.as_ptr_range().contains(&frame.data.as_ptr()));
            Ok(())
        };
        sse.push(body, &mut each).unwrap();
        sse.end(&mut each).unwrap();
        assert_eq!(sse.buffer.capacity(), 0);
    }

    #[test]
    fn a_line_beyond_the_limit_is_an_error_that_names_the_limit() {
        let mut framer = Framer::sse().with_limit(10);
        framer.push(b"data: 1234\n\ndata: 12", &mut |_| Ok(())).unwrap();
        let error = framer.push(b"345", &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamInterrupted);
        assert!(error.message().contains("10 bytes"), "{error}");
    }

    #[test]
    fn many_short_lines_cannot_pass_the_limit_of_an_event() {
        let text = "data: 12\n".repeat(4);
        let (seen, failed) = same_frames_however_cut(&Framer::sse().with_limit(10), text.as_bytes(), &[]);
        assert!(failed && seen.is_empty());
    }

    #[test]
    fn the_first_error_of_the_receiver_stops_the_push() {
        let mut calls = 0;
        let outcome = Framer::sse().push(b"data: 1\n\ndata: 2\n\n", &mut |_| {
            calls += 1;
            Err(Error::new(ErrorKind::InvalidResponse, "no"))
        });
        assert_eq!((outcome.unwrap_err().kind(), calls), (ErrorKind::InvalidResponse, 1));
    }

    #[test]
    fn a_line_of_four_megabytes_can_come_byte_by_byte() {
        let mut text = b"data: ".to_vec();
        text.resize(4 << 20, b'x');
        text.extend_from_slice(b"\n\n");
        let (seen, _) = frames(Framer::sse(), text.chunks(1));
        assert_eq!(seen.iter().map(|(_, data)| data.len()).collect::<Vec<_>>(), [(4 << 20) - 6]);
    }
}
