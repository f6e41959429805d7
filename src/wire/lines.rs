//! Newline-delimited JSON (NDJSON, JSON Lines): one JSON text a line.

use memchr::memchr;

use super::{Each, Frame, check_limit};
use crate::Result;

/// A framer of newline-delimited JSON (`application/x-ndjson`).
///
/// Lines end with LF or CRLF, the last one also with the body. White space around a line is no part of it, as JSON
/// allows (RFC 8259, section 2), and a blank line is no frame.
#[derive(Clone, Debug)]
pub struct Lines {
    /// The line under way.
    buffer: Vec<u8>,
    limit: usize,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), limit }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], each: Each<'_>) -> Result<()> {
        while let Some((line, rest)) = split_line(bytes) {
            bytes = rest;
            if self.buffer.is_empty() {
                check_limit("a line", line.len(), self.limit)?;
                deliver(line, each)?;
            } else {
                self.continue_line(line)?;
                self.end(each)?;
            }
        }
        self.continue_line(bytes)
    }

    pub(super) fn end(&mut self, each: Each<'_>) -> Result<()> {
        let outcome = deliver(&self.buffer, each);
        self.buffer.clear();
        outcome
    }

    fn continue_line(&mut self, bytes: &[u8]) -> Result<()> {
        check_limit("a line", self.buffer.len().saturating_add(bytes.len()), self.limit)?;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = bytes.split_at_checked(memchr(b'\n', bytes)?)?;
    Some((line, rest.strip_prefix(b"\n").unwrap_or(rest)))
}

fn deliver(line: &[u8], each: Each<'_>) -> Result<()> {
    match line.trim_ascii() {
        b"" => Ok(()),
        data => each(Frame::new(None, data)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;
    use crate::wire::Framer;
    use crate::wire::testing::{Owned, cut, frames, same_frames_however_cut};

    fn lines(text: &str) -> Vec<String> {
        let (frames, failed) = same_frames_however_cut(&Framer::lines(), text.as_bytes(), &[]);
        assert!(!failed);
        frames.into_iter().map(|(_, data)| String::from_utf8(data).unwrap()).collect()
    }

    fn reference(bytes: &[u8]) -> Vec<Owned> {
        let lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        lines.filter(|line| !line.is_empty()).map(|line| (None, line.to_vec())).collect()
    }

    fn stream_text() -> impl Strategy<Value = Vec<u8>> {
        let tokens: [&[u8]; 9] = [b"{\"a\":1}", b"\r", b"\n", b"\r\n", b"\n\n", b" ", b"x", "é→🦀".as_bytes(), b"\xFF"];
        prop::collection::vec(prop::sample::select(tokens.to_vec()), 0..40).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #[test]
        fn every_way_of_cutting_gives_the_lines_that_are_there(
            text in stream_text(), places in prop::collection::vec(0_usize..200, 0..12),
        ) {
            let (frames, failed) = same_frames_however_cut(&Framer::lines(), &text, &places);
            prop_assert!(!failed);
            prop_assert_eq!(frames, reference(&text));
        }

        #[test]
        fn the_limit_is_met_at_the_same_place_however_the_bytes_are_cut(
            text in stream_text(), places in prop::collection::vec(0_usize..200, 0..12), limit in 0_usize..20,
        ) {
            same_frames_however_cut(&Framer::lines().with_limit(limit), &text, &places);
        }

        #[test]
        fn any_bytes_at_all_are_taken_without_a_panic(bytes: Vec<u8>, places: Vec<usize>) {
            prop_assert_eq!(frames(Framer::lines(), [bytes.as_slice()]), frames(Framer::lines(), cut(&bytes, &places)));
        }
    }

    #[test]
    fn blank_lines_are_skipped_and_both_line_ends_understood() {
        assert_eq!(lines("{\"a\":1}\r\n\r\n\n  {\"b\":2}\n{}\n"), ["{\"a\":1}", "{\"b\":2}", "{}"]);
    }

    #[test]
    fn the_end_of_the_body_ends_the_last_line() {
        assert_eq!(lines("{\"a\":1}\n{\"b\":2}"), ["{\"a\":1}", "{\"b\":2}"]);
    }

    #[test]
    fn a_line_inside_one_push_is_borrowed() {
        let mut lines = Lines::new(100);
        lines.push(b"{\"a\":1}\n{\"b\":2}\n", &mut |_| Ok(())).unwrap();
        assert_eq!(lines.buffer.capacity(), 0);
    }

    #[test]
    fn a_line_beyond_the_limit_is_an_error_that_names_the_limit() {
        let mut framer = Framer::lines().with_limit(7);
        framer.push(b"{\"a\":1}\n{\"b\"", &mut |_| Ok(())).unwrap();
        let error = framer.push(b":234}", &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamInterrupted);
        assert!(error.message().contains("7 bytes"), "{error}");
    }

    #[test]
    fn a_line_of_four_megabytes_can_come_byte_by_byte() {
        let mut text = vec![b'x'; 4 << 20];
        text.push(b'\n');
        let (seen, _) = frames(Framer::lines(), text.chunks(1));
        assert_eq!(seen.iter().map(|(_, data)| data.len()).collect::<Vec<_>>(), [4 << 20]);
    }
}
