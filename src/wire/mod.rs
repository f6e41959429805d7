//! What goes over the wire, apart from any provider: framing of streams, JSON bodies, subsets of JSON Schema.
//!
//! Everything here is pure: bytes and values in, bytes and values out. No IO, clock, environment or async.

use std::fmt::Write as _;

pub(crate) use surrogates::mended;

use crate::{Error, ErrorKind, Result, Retry};

pub mod event_stream;
pub mod json;
pub mod lines;
pub mod schema;
pub mod sse;
mod surrogates;

/// A text as it can stand in a query, or as one segment of a path: everything but what RFC 3986 calls unreserved is
/// percent-encoded, as AWS's own clients do too.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// A name as the rest of a path: its slashes stay, and what would end the path or be read as something else is
/// percent-encoded.
pub(crate) fn in_path(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '?' | '#' | '%' | '\\' | '\0'..=' ' | '\x7f' => path.push_str(&escaped(letter.encode_utf8(&mut [0; 4]))),
            _ => path.push(letter),
        }
    }
    path
}

/// The largest line or event that a framer takes unless [`Framer::with_limit`] says otherwise: 32 MiB.
///
/// A generated image comes as one event of several megabytes of base64; anything far beyond that is a peer that
/// never ends its line, which must not fill the memory.
pub const DEFAULT_LIMIT: usize = 32 * 1024 * 1024;

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name, where its format has one and it was given.
    pub event: Option<&'a str>,
    /// What the event carries: mostly one JSON text. Empty only in an AWS event stream.
    pub data: &'a [u8],
    /// Whether it is how the stream fails, which only an AWS event stream says outside of the data.
    pub is_error: bool,
}

impl<'a> Frame<'a> {
    /// An event of this name and data.
    #[must_use]
    pub const fn new(event: Option<&'a str>, data: &'a [u8]) -> Self {
        Self { event, data, is_error: false }
    }

    /// What is read of the frame without the halves of characters that may be in it.
    pub(crate) fn mended<T>(self, read: impl FnOnce(Frame<'_>) -> T) -> T {
        match mended(self.data) {
            Some(data) => read(Frame { data: &data, ..self }),
            None => read(self),
        }
    }
}

/// Takes each frame of a stream as it is completed.
pub type Each<'e> = &'e mut dyn FnMut(Frame<'_>) -> Result<()>;

/// Cuts the bytes of a streamed body into frames, wherever the network cut the bytes.
///
/// The frames depend on the bytes alone, never on how they were divided into pushes. Time is linear in the bytes
/// pushed. A frame that lies wholly inside one push borrows from it; any other is put together in one buffer that is
/// used again and again.
///
/// ```
/// use anymodel::wire::Framer;
///
/// let mut framer = Framer::sse();
/// let mut seen = Vec::new();
/// for chunk in ["data: {\"a\"", ":1}\n", "\ndata: [DONE]\n\n"] {
///     framer.push(chunk.as_bytes(), &mut |frame| Ok(seen.push(frame.data.to_vec())))?;
/// }
/// framer.end(&mut |frame| Ok(seen.push(frame.data.to_vec())))?;
/// assert_eq!(seen, [b"{\"a\":1}".to_vec(), b"[DONE]".to_vec()]);
/// # Ok::<(), anymodel::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Framer {
    /// Server-sent events.
    Sse(sse::Sse),
    /// One JSON text a line.
    Lines(lines::Lines),
    /// AWS event streams.
    EventStream(event_stream::EventStream),
}

impl Framer {
    /// A framer of server-sent events.
    #[must_use]
    pub fn sse() -> Self {
        Self::Sse(sse::Sse::new(DEFAULT_LIMIT))
    }

    /// A framer of newline-delimited JSON.
    #[must_use]
    pub fn lines() -> Self {
        Self::Lines(lines::Lines::new(DEFAULT_LIMIT))
    }

    /// A framer of AWS event streams.
    #[must_use]
    pub fn event_stream() -> Self {
        Self::EventStream(event_stream::EventStream::new(DEFAULT_LIMIT))
    }

    /// Takes no line and no event of more than this many bytes.
    #[must_use]
    pub fn with_limit(self, bytes: usize) -> Self {
        match self {
            Self::Sse(_) => Self::Sse(sse::Sse::new(bytes)),
            Self::Lines(_) => Self::Lines(lines::Lines::new(bytes)),
            Self::EventStream(_) => Self::EventStream(event_stream::EventStream::new(bytes)),
        }
    }

    /// Feeds bytes and calls `each` for every frame that they complete.
    ///
    /// # Errors
    ///
    /// The first error of `each`, or [`ErrorKind::StreamInterrupted`] for a line or event beyond the limit, or one whose
    /// checksum is wrong. After an error the framer is spent: what it says of further bytes means nothing.
    pub fn push(&mut self, bytes: &[u8], each: Each<'_>) -> Result<()> {
        match self {
            Self::Sse(sse) => sse.push(bytes, each),
            Self::Lines(lines) => lines.push(bytes, each),
            Self::EventStream(stream) => stream.push(bytes, each),
        }
    }

    /// Says that the body has ended, and calls `each` for a frame that this completes.
    ///
    /// Whether the stream was complete is for its decoder to say: a body that broke off can end in half a frame.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); and [`ErrorKind::StreamInterrupted`] where an AWS event stream ends inside a message.
    pub fn end(&mut self, each: Each<'_>) -> Result<()> {
        match self {
            Self::Sse(sse) => sse.end(each),
            Self::Lines(lines) => lines.end(each),
            Self::EventStream(stream) => stream.end(),
        }
    }
}

/// Refuses a line or event of `size` bytes beyond the `limit`; another try would meet the same one.
fn check_limit(what: &str, size: usize, limit: usize) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let message = format!("the stream has {what} of more than {limit} bytes, the limit");
    Err(Error::new(ErrorKind::StreamInterrupted, message).with_retry(Retry::No))
}

/// What the tests of all framers share.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A frame that owns what it says.
    pub(crate) type Owned = (Option<String>, Vec<u8>);

    /// The frames, and whether the framer failed, when the bytes come in these pieces.
    pub(crate) fn frames<'a>(mut framer: Framer, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Owned>, bool) {
        let mut seen = Vec::new();
        let mut each = |frame: Frame<'_>| {
            seen.push((frame.event.map(str::to_owned), frame.data.to_vec()));
            Ok(())
        };
        let pushed = pieces.into_iter().try_for_each(|piece| framer.push(piece, &mut each));
        let failed = pushed.and_then(|()| framer.end(&mut each)).is_err();
        (seen, failed)
    }

    /// The bytes, cut at these places (taken modulo the length).
    pub(crate) fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
        let mut places: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
        places.sort_unstable();
        places.push(bytes.len());
        let mut from = 0;
        places.iter().map(|&to| &bytes[std::mem::replace(&mut from, to)..to]).collect()
    }

    /// Asserts that one push, byte by byte, every single cut and these cuts give the same frames; returns them.
    pub(crate) fn same_frames_however_cut(framer: &Framer, bytes: &[u8], places: &[usize]) -> (Vec<Owned>, bool) {
        let whole = frames(framer.clone(), [bytes]);
        assert_eq!(frames(framer.clone(), bytes.chunks(1)), whole, "byte by byte");
        assert_eq!(frames(framer.clone(), cut(bytes, places)), whole, "cut at {places:?}");
        for place in 0..=bytes.len() {
            assert_eq!(frames(framer.clone(), cut(bytes, &[place])), whole, "cut at {place}");
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_text_has_nothing_that_ends_a_segment_or_a_value() {
        assert_eq!(escaped("arn:aws:bedrock:us-east-1::x/y é"), "arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Ax%2Fy%20%C3%A9");
        assert_eq!(escaped("a-Z_0.9~"), "a-Z_0.9~");
    }

    #[test]
    fn a_name_in_a_path_cannot_end_it() {
        assert_eq!(in_path("tuned/mine:1@2"), "tuned/mine:1@2");
        assert_eq!(in_path("a b?c=%2e#d\\é"), "a%20b%3Fc=%252e%23d%5Cé");
    }
}
