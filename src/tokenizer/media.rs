//! Documents, sound and video: what they may cost, since no provider says how it counts them before it has.
//!
//! - A page of a document is 1,500 tokens, the least that Anthropic gives for a page of a PDF
//!   (<https://platform.claude.com/docs/en/build-with-claude/pdf-support>). Pages are counted where the file shows them, and
//!   are one where it does not, or is not here. A text file is its text.
//! - A second of sound is 32 tokens, as Gemini counts (<https://ai.google.dev/gemini-api/docs/audio>). A WAV file says how
//!   many bytes a second has; others are taken to have 128 kbit.
//! - A second of video is 300 tokens, as Gemini counts (<https://ai.google.dev/gemini-api/docs/video-understanding>), at
//!   2 Mbit a second. One that is not here is taken to last a minute, as such sound is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use super::TokenCount;
use crate::chat::{Audio, Media, Source};

const PAGE: u64 = 1_500;
const SECOND_OF_SOUND: u64 = 32;
const SECOND_OF_VIDEO: u64 = 300;
/// Bytes in a second of compressed sound, 128 kbit.
const SOUND_RATE: u64 = 16_000;
/// Bytes in a second of compressed video, 2 Mbit.
const VIDEO_RATE: u64 = 250_000;
/// Seconds of what cannot be seen.
const UNSEEN: u64 = 60;

/// The text of a text file that is in the request.
pub(super) fn text_of(file: &Media) -> Option<String> {
    let Source::Base64 { media_type, data } = &file.source else { return None };
    let kind = file.format.as_deref().unwrap_or(media_type);
    if !kind.starts_with("text/") && !kind.starts_with("application/json") {
        return None;
    }
    String::from_utf8(STANDARD.decode(data).ok()?).ok()
}

/// A document that is not text.
pub(super) fn document(source: &Source) -> TokenCount {
    let pages = match source {
        Source::Base64 { data, .. } => STANDARD.decode(data).map_or(0, |bytes| pages(&bytes)),
        _ => 0,
    };
    TokenCount::estimate(pages.max(1).saturating_mul(PAGE))
}

/// The pages that a PDF lists in the open; many compress the list.
fn pages(pdf: &[u8]) -> u64 {
    let mut found = 0_u64;
    for spelled in [&b"/Type /Page"[..], b"/Type/Page"] {
        for at in memmem::find_iter(pdf, spelled) {
            let after = pdf.get(at.saturating_add(spelled.len()));
            found = found.saturating_add(u64::from(after != Some(&b's')));
        }
    }
    found
}

/// Sound without a transcript.
pub(super) fn sound(audio: &Audio) -> TokenCount {
    let seconds = if audio.data.is_empty() {
        UNSEEN
    } else {
        size(&audio.data).div_ceil(wav_rate(&audio.data).unwrap_or(SOUND_RATE).max(1))
    };
    TokenCount::estimate(seconds.max(1).saturating_mul(SECOND_OF_SOUND))
}

/// How many bytes a second of a WAV file has, by its header.
fn wav_rate(data: &str) -> Option<u64> {
    let header = STANDARD.decode(data.get(..48)?).ok()?;
    if !header.starts_with(b"RIFF") || header.get(8..16)? != b"WAVEfmt " {
        return None;
    }
    let rate: [u8; 4] = header.get(28..32)?.try_into().ok()?;
    Some(u32::from_le_bytes(rate).into()).filter(|rate| *rate > 0)
}

/// A video.
pub(super) fn video(source: &Source) -> TokenCount {
    let seconds = match source {
        Source::Base64 { data, .. } => size(data).div_ceil(VIDEO_RATE),
        _ => UNSEEN,
    };
    TokenCount::estimate(seconds.max(1).saturating_mul(SECOND_OF_VIDEO))
}

/// How many bytes are in base64.
fn size(data: &str) -> u64 {
    (data.trim_end_matches('=').len() as u64).saturating_mul(3) / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_costs_by_its_pages() {
        let pdf = Source::from_bytes("<</Type /Pages>> <</Type /Page >> <</Type/Page>>", "application/pdf");
        assert_eq!(document(&pdf), TokenCount::estimate(3_000));
        assert_eq!(document(&Source::FileId("file_1".to_owned())), TokenCount::estimate(1_500));
        assert_eq!(document(&Source::Base64 { media_type: String::new(), data: "?".to_owned() }).tokens, 1_500);
    }

    #[test]
    fn sound_costs_by_its_length() {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0".to_vec();
        wav.resize(160_000, 0);
        let audio = |bytes: &[u8]| Audio { data: STANDARD.encode(bytes), ..Audio::default() };
        assert_eq!(sound(&audio(&wav)), TokenCount::estimate(320), "8 kHz, 16 bit, 10 seconds");
        assert_eq!(sound(&audio(&vec![1; 32_000])).tokens, 64);
        assert_eq!(sound(&Audio::default()).tokens, 60 * 32);
    }

    #[test]
    fn video_costs_by_its_length() {
        assert_eq!(video(&Source::from_bytes(vec![0; 600_000], "video/mp4")).tokens, 900);
        assert_eq!(video(&Source::Url("https://example.com/a.mp4".to_owned())).tokens, 18_000);
    }
}
