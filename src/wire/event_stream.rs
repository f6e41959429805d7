//! AWS event streams (`application/vnd.amazon.eventstream`): binary messages of headers and a payload, with checksums.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html> and
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>. AWS has a package for them, which is not used: wire formats are
//! always compiled, and its tree is larger than all of this crate's core.

use std::ops::Range;

use super::{Each, Frame, check_limit};
use crate::{Error, ErrorKind, Result};

/// The length of a message, the length of its headers, and the checksum of both.
const PRELUDE: usize = 12;
/// The checksum at the end of a message.
const CHECKSUM: usize = 4;

/// A framer of AWS event streams.
///
/// A message is `length, length of headers, checksum of these, headers, payload, checksum of all`, the numbers big-endian
/// in four bytes. What its headers say is told in a frame's `event`: the type of an event, the type of an exception, or
/// the code of an error; the last two have [`Frame::is_error`].
#[derive(Clone, Debug)]
pub struct EventStream {
    /// The message under way.
    buffer: Vec<u8>,
    /// How long it is, as soon as its prelude says so.
    length: Option<usize>,
    limit: usize,
}

impl EventStream {
    pub(super) fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), length: None, limit }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], each: Each<'_>) -> Result<()> {
        while !bytes.is_empty() {
            if self.buffer.is_empty()
                && let Some(prelude) = bytes.first_chunk()
                && let Some((message, rest)) = bytes.split_at_checked(message_length(prelude, self.limit)?)
            {
                deliver(message, each)?;
                bytes = rest;
                continue;
            }
            let wanted = self.length.unwrap_or(PRELUDE).saturating_sub(self.buffer.len());
            let (more, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
            self.buffer.extend_from_slice(more);
            bytes = rest;
            self.complete(each)?;
        }
        Ok(())
    }

    /// Delivers the message in the buffer, if it is all there.
    fn complete(&mut self, each: Each<'_>) -> Result<()> {
        if self.length.is_none()
            && let Some(prelude) = self.buffer.first_chunk()
        {
            self.length = Some(message_length(prelude, self.limit)?);
        }
        if self.length == Some(self.buffer.len()) {
            let outcome = deliver(&self.buffer, each);
            self.buffer.clear();
            self.length = None;
            outcome?;
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::StreamInterrupted, "the stream ends inside a message"))
        }
    }
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::StreamInterrupted, format!("the stream is not an intact AWS event stream: {what}"))
}

/// The length of the message that begins so.
fn message_length(prelude: &[u8; PRELUDE], limit: usize) -> Result<usize> {
    let (length, headers) = lengths(prelude).ok_or_else(|| broken("a length is missing"))?;
    if !has_checksum(prelude) {
        return Err(broken("the checksum of a message's lengths is wrong"));
    }
    check_limit("a message", length, limit)?;
    if headers.checked_add(PRELUDE + CHECKSUM).is_none_or(|least| length < least) {
        return Err(broken("a message is shorter than its headers"));
    }
    Ok(length)
}

fn lengths(prelude: &[u8]) -> Option<(usize, usize)> {
    let mut rest = Bytes(prelude);
    Some((rest.long_size()?, rest.long_size()?))
}

/// Whether the last four bytes are the checksum of those before.
fn has_checksum(bytes: &[u8]) -> bool {
    bytes.split_last_chunk().is_some_and(|(data, sum)| crc32fast::hash(data) == u32::from_be_bytes(*sum))
}

/// Hands a whole message out.
fn deliver(message: &[u8], each: Each<'_>) -> Result<()> {
    if !has_checksum(message) {
        return Err(broken("the checksum of a message is wrong"));
    }
    let (_, headers) = lengths(message).ok_or_else(|| broken("a length is missing"))?;
    let payload: Range<usize> = PRELUDE.saturating_add(headers)..message.len().saturating_sub(CHECKSUM);
    let (Some(head), Some(payload)) = (message.get(PRELUDE..payload.start), message.get(payload.clone())) else {
        return Err(broken("a message is shorter than its headers"));
    };
    let said = Said::read(head).ok_or_else(|| broken("a header cannot be read"))?;
    each(match said.message_type {
        "exception" => Frame { event: said.exception_type, data: payload, is_error: true },
        "error" => Frame {
            event: said.error_code,
            data: if payload.is_empty() { said.error_message.as_bytes() } else { payload },
            is_error: true,
        },
        _ => Frame { event: said.event_type, data: payload, is_error: false },
    })
}

/// What a message's headers say of it.
#[derive(Default)]
struct Said<'a> {
    message_type: &'a str,
    event_type: Option<&'a str>,
    exception_type: Option<&'a str>,
    error_code: Option<&'a str>,
    error_message: &'a str,
}

impl<'a> Said<'a> {
    fn read(headers: &'a [u8]) -> Option<Self> {
        let mut said = Self::default();
        let mut rest = Bytes(headers);
        while !rest.0.is_empty() {
            let length = rest.byte()?;
            let name = rest.take(usize::from(length))?;
            let kind = rest.byte()?;
            let value = rest.value(kind)?;
            let text = || std::str::from_utf8(value).ok();
            match name {
                _ if kind != STRING => {}
                b":message-type" => said.message_type = text()?,
                b":event-type" => said.event_type = text(),
                b":exception-type" => said.exception_type = text(),
                b":error-code" => said.error_code = text(),
                b":error-message" => said.error_message = text()?,
                _ => {}
            }
        }
        Some(said)
    }
}

/// The kind of header whose value is a text.
const STRING: u8 = 7;

/// Bytes being read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn long_size(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(*self.take(4)?.first_chunk()?)).ok()
    }

    /// A header's value, of a length that its kind says: true, false, integers of four sizes, bytes, a text, a time, an
    /// id.
    fn value(&mut self, kind: u8) -> Option<&'a [u8]> {
        let length = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            6 | STRING => usize::from(u16::from_be_bytes(*self.take(2)?.first_chunk()?)),
            9 => 16,
            _ => return None,
        };
        self.take(length)
    }
}

/// Writes one message with these headers, each a text, and this payload: the other side of a framer, for servers and
/// tests.
///
/// ```
/// use anymodel::wire::{Framer, event_stream};
///
/// let message = event_stream::message(&[(":message-type", "event"), (":event-type", "messageStop")], b"{}")?;
/// Framer::event_stream().push(&message, &mut |frame| {
///     assert_eq!((frame.event, frame.data), (Some("messageStop"), &b"{}"[..]));
///     Ok(())
/// })?;
/// # Ok::<(), anymodel::Error>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] where a header's name is longer than 255 bytes or its value than 65,535, or the message
/// than four bytes can tell.
pub fn message(headers: &[(&str, &str)], payload: &[u8]) -> Result<Vec<u8>> {
    framed(&head(headers)?, payload)
}

/// A message of this payload as far as its beginning goes: its lengths, their checksum, its headers.
#[cfg(feature = "mock")]
pub(crate) fn opening(headers: &[(&str, &str)], payload: usize) -> Result<Vec<u8>> {
    let head = head(headers)?;
    Ok([prelude(head.len(), payload)?.as_slice(), &head].concat())
}

fn head(headers: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).map_err(too_long)?);
        head.extend_from_slice(name.as_bytes());
        head.push(STRING);
        head.extend(u16::try_from(value.len()).map_err(too_long)?.to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    Ok(head)
}

fn framed(head: &[u8], payload: &[u8]) -> Result<Vec<u8>> {
    let mut message = [prelude(head.len(), payload.len())?.as_slice(), head, payload].concat();
    message.extend(crc32fast::hash(&message).to_be_bytes());
    Ok(message)
}

fn prelude(head: usize, payload: usize) -> Result<Vec<u8>> {
    let length = head.saturating_add(payload).saturating_add(PRELUDE + CHECKSUM);
    let size = |length: usize| u32::try_from(length).map(u32::to_be_bytes).map_err(too_long);
    let mut prelude = [size(length)?, size(head)?].concat();
    prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
    Ok(prelude)
}

fn too_long(source: std::num::TryFromIntError) -> Error {
    Error::new(ErrorKind::InvalidRequest, "too long for a message of an AWS event stream").with_source(source)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Framer;
    use crate::wire::testing::{cut, frames, same_frames_however_cut};

    fn framed(head: &[u8], payload: &[u8]) -> Vec<u8> {
        super::framed(head, payload).unwrap()
    }

    fn event(name: &str, payload: &str) -> Vec<u8> {
        written(&[(":event-type", name), (":message-type", "event")], payload.as_bytes())
    }

    fn written(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        message(headers, payload).unwrap()
    }

    /// By AWS's own encoder for JavaScript, each read or refused by botocore too; the versions are in the file.
    #[test]
    fn messages_of_an_independent_implementation_are_read() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/event_stream.json")).unwrap();
        let vectors = vectors["messages"].as_array().unwrap();
        assert!(vectors.len() >= 6);
        for vector in vectors {
            let bytes = STANDARD.decode(vector["bytes"].as_str().unwrap()).unwrap();
            let (frames, failed) = same_frames_however_cut(&Framer::event_stream(), &bytes, &[]);
            let name = vector["name"].as_str().unwrap();
            assert_eq!(failed, vector["frame"].is_null(), "{name}");
            if !failed {
                let payload = STANDARD.decode(vector["frame"]["payload"].as_str().unwrap()).unwrap();
                assert_eq!(frames, [(vector["frame"]["event"].as_str().map(str::to_owned), payload)], "{name}");
            }
        }
    }

    #[test]
    fn an_exception_and_an_error_are_told_apart_from_events() {
        let exception = [(":exception-type", "throttlingException"), (":message-type", "exception")];
        let error = [(":error-code", "Internal"), (":error-message", "No."), (":message-type", "error")];
        let mut bytes = event("a", "{}");
        bytes.extend(written(&exception, b"{\"message\":\"Slow.\"}"));
        bytes.extend(written(&error, b""));
        let mut seen = Vec::new();
        let mut each = |frame: Frame<'_>| {
            seen.push((frame.event.unwrap_or_default().to_owned(), frame.data.to_vec(), frame.is_error));
            Ok(())
        };
        Framer::event_stream().push(&bytes, &mut each).unwrap();
        assert_eq!(seen[0], ("a".to_owned(), b"{}".to_vec(), false));
        assert_eq!(seen[1], ("throttlingException".to_owned(), b"{\"message\":\"Slow.\"}".to_vec(), true));
        assert_eq!(seen[2], ("Internal".to_owned(), b"No.".to_vec(), true));
    }

    #[test]
    fn every_kind_of_header_is_stepped_over() {
        let sizes: [(u8, usize); 10] =
            [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (6, 3), (7, 3), (8, 8), (9, 16)];
        let mut head = Vec::new();
        for (kind, size) in sizes {
            head.extend([1, b'x', kind]);
            if matches!(kind, 6 | 7) {
                head.extend(3_u16.to_be_bytes());
            }
            head.extend(vec![b'v'; size]);
        }
        head.extend(b"\x0b:event-type\x07\x00\x01e");
        assert_eq!(frames(Framer::event_stream(), [&*framed(&head, b"{}")]).0, [(Some("e".into()), b"{}".to_vec())]);
        let unknown = framed(&[1, b'x', 10, 0], b"{}");
        assert!(frames(Framer::event_stream(), [&*unknown]).1);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_an_error() {
        let good = event("contentBlockDelta", r#"{"delta":{"text":"Hello"}}"#);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let (seen, failed) = frames(Framer::event_stream(), [&*bad]);
            assert!(failed && seen.is_empty(), "byte {at}");
        }
    }

    #[test]
    fn what_does_not_fit_into_a_message_is_refused() {
        for (name, value) in [("x".repeat(256), String::new()), ("x".to_owned(), "y".repeat(65_536))] {
            let error = message(&[(&name, &value)], b"").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        }
        assert!(message(&[(&"x".repeat(255), &"y".repeat(65_535))], b"").is_ok());
    }

    #[test]
    fn an_end_inside_a_message_is_an_error() {
        let good = event("a", "{}");
        for cut in 1..good.len() {
            assert!(frames(Framer::event_stream(), [&good[..cut]]).1, "cut at {cut}");
        }
    }

    #[test]
    fn a_message_beyond_the_limit_is_refused_before_it_comes() {
        let bytes = event("a", &"x".repeat(100));
        let framer = Framer::event_stream().with_limit(100);
        let error = framer.clone().push(&bytes[..PRELUDE], &mut |_| Ok(())).unwrap_err();
        assert!(error.message().contains("100 bytes") && !error.is_retryable(), "{error}");
        assert!(frames(framer, bytes.chunks(1)).1);
    }

    #[test]
    fn a_message_inside_one_push_is_borrowed() {
        let bytes = [event("a", "1"), event("b", "2")].concat();
        let mut stream = EventStream::new(1000);
        stream.push(&bytes, &mut |_| Ok(())).unwrap();
        assert_eq!(stream.buffer.capacity(), 0);
    }

    #[test]
    fn four_megabytes_can_come_byte_by_byte() {
        let bytes = event("a", &"x".repeat(4 << 20));
        let (seen, failed) = frames(Framer::event_stream(), bytes.chunks(1));
        assert_eq!((seen[0].1.len(), failed), (4 << 20, false));
    }

    proptest! {
        #[test]
        fn every_way_of_cutting_gives_the_messages_that_are_there(
            messages in prop::collection::vec(("[a-zé]{0,12}", prop::collection::vec(any::<u8>(), 0..80)), 0..6),
            places in prop::collection::vec(0_usize..600, 0..12),
        ) {
            let make = |(name, payload): &(String, Vec<u8>)| written(&[(":event-type", name)], payload);
            let bytes: Vec<u8> = messages.iter().flat_map(make).collect();
            let (frames, failed) = same_frames_however_cut(&Framer::event_stream(), &bytes, &places);
            prop_assert!(!failed);
            let expected: Vec<_> = messages.into_iter().map(|(name, payload)| (Some(name), payload)).collect();
            prop_assert_eq!(frames, expected);
        }

        #[test]
        fn any_bytes_at_all_are_taken_without_a_panic(
            head: Vec<u8>, payload: Vec<u8>, tail: Vec<u8>, places: Vec<usize>, limit in 0_usize..400,
        ) {
            let bytes = [event("a", "{}"), framed(&head, &payload), tail].concat();
            let framer = Framer::event_stream().with_limit(limit);
            prop_assert_eq!(frames(framer.clone(), [bytes.as_slice()]), frames(framer, cut(&bytes, &places)));
        }
    }
}
