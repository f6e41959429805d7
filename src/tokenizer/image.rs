//! Pictures, as OpenAI's GPT-4o counts them: a base, and with high detail so much for each tile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::TokenCount;
use crate::chat::{Image, Source};

/// Every picture; with low detail all of it.
const BASE: u64 = 85;
/// Each tile of a picture with high detail.
const PER_TILE: u64 = 170;
/// The side of a tile, in pixels.
const TILE: u64 = 512;
/// What the shorter side is scaled to, and the most that the longer one may then have.
const SHORT: u64 = 768;
const LONG: u64 = 2_000;
/// A picture whose size is not known.
const UNKNOWN: (u64, u64) = (300, 300);
/// How much of the base64 is looked at for the size: a multiple of four, a megabyte. Cameras put previews before it.
const HEADER: usize = 1 << 20;

/// An estimate: other models than GPT-4o count pictures otherwise.
pub(super) fn tokens(image: &Image) -> TokenCount {
    if image.detail.as_deref() != Some("high") {
        return TokenCount::estimate(BASE);
    }
    let (width, height) = size(&image.source).unwrap_or(UNKNOWN);
    TokenCount::estimate(tiles(width, height).saturating_mul(PER_TILE).saturating_add(BASE))
}

/// Width and height from the header of a PNG, JPEG, GIF or WebP picture that is in the request.
fn size(source: &Source) -> Option<(u64, u64)> {
    let Source::Base64 { data, .. } = source else { return None };
    let header = STANDARD.decode(data.get(..HEADER).unwrap_or(data)).ok()?;
    let size = imagesize::blob_size(&header).ok()?;
    Some((size.width as u64, size.height as u64)).filter(|(width, height)| *width > 0 && *height > 0)
}

/// How many tiles cover the picture once it is scaled down.
fn tiles(width: u64, height: u64) -> u64 {
    let (short, long) = (width.min(height), width.max(height));
    let (short, long) = if long <= SHORT { (short, long) } else { scaled(short, long) };
    short.div_ceil(TILE).saturating_mul(long.div_ceil(TILE))
}

/// The shorter side as 768 pixels; where the longer one is then above 2,000, that one as 2,000.
fn scaled(short: u64, long: u64) -> (u64, u64) {
    let by_short = SHORT.saturating_mul(long).checked_div(short).unwrap_or(u64::MAX);
    if by_short <= LONG {
        return (SHORT, by_short);
    }
    (LONG.saturating_mul(short).checked_div(long).unwrap_or(0).max(1), LONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Source {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
        Source::from_bytes(bytes, "image/png")
    }

    fn count(source: Source, detail: &str) -> u64 {
        tokens(&Image { source, detail: Some(detail.to_owned()) }).tokens
    }

    #[test]
    fn low_detail_and_none_are_the_base() {
        assert_eq!(count(png(4_000, 4_000), "low"), 85);
        assert_eq!(count(png(4_000, 4_000), "auto"), 85);
        assert_eq!(tokens(&Image { source: png(9, 9), detail: None }), TokenCount::estimate(85));
    }

    #[test]
    fn high_detail_counts_tiles() {
        for (width, height, tiles) in [
            (1, 1, 1),
            (512, 512, 1),
            (513, 512, 2),
            (768, 768, 4),
            (1_024, 1_024, 4),
            (2_048, 4_096, 6),
            (4_096, 64, 4),
        ] {
            assert_eq!(count(png(width, height), "high"), 85 + 170 * tiles, "{width} by {height}");
        }
    }

    #[test]
    fn a_picture_that_cannot_be_seen_is_one_tile() {
        for source in [
            Source::Url("https://example.com/a.png".to_owned()),
            Source::FileId("file_1".to_owned()),
            Source::from_bytes("no picture", "image/png"),
            Source::Base64 { media_type: "image/png".to_owned(), data: "é€".repeat(9) },
            png(0, 0),
        ] {
            assert_eq!(count(source, "high"), 85 + 170);
        }
    }

    #[test]
    fn other_formats_say_their_size_too() {
        let gif = Source::from_bytes(b"GIF89a\x00\x04\x00\x04\x00\x00\x00", "image/gif");
        assert_eq!(count(gif, "high"), 85 + 170 * 4);
        assert_eq!(count(png(u32::MAX, 1), "high"), 85 + 170 * 4);
    }
}
