//! Halves of characters in JSON.

use memchr::memchr;

/// JSON in which each half of a surrogate pair that stands alone is U+FFFD; `None` where there is none.
///
/// Servers that cut text by UTF-16 units send a character such as an emoji as two halves, each an escape by itself. That
/// is JSON by its grammar but no text, so nothing that reads Rust's strings takes it; a character less is better than the
/// loss of the reply.
pub(crate) fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let (mut mended, mut kept, mut at) = (Vec::new(), 0, 0_usize);
    while let Some(next) = json.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at = at.saturating_add(next);
        let escape = json.get(at..).unwrap_or_default();
        let length = match unit(escape) {
            Some(0xD800..=0xDBFF) if matches!(escape.get(6..).and_then(unit), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                mended.extend_from_slice(json.get(kept..at).unwrap_or_default());
                mended.extend_from_slice(br"\ufffd");
                kept = at.saturating_add(6);
                6
            }
            _ => 2,
        };
        at = at.saturating_add(length);
    }
    if kept == 0 {
        return None;
    }
    mended.extend_from_slice(json.get(kept..).unwrap_or_default());
    Some(mended)
}

/// The UTF-16 unit that an escape at the beginning stands for.
fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(br"\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_halves_that_stand_alone_are_replaced() {
        for (json, whole) in [
            (r#"{"a":"\ud83d"}"#, Some(r#"{"a":"\ufffd"}"#)),
            (r#"["\uDE00\ud83d\ude00\uD83D!"]"#, Some(r#"["\ufffd\ud83d\ude00\ufffd!"]"#)),
            (r#"["\ud83d\n"]"#, Some(r#"["\ufffd\n"]"#)),
            (r#"["\ud83d\ude00", "\\ud83d", "\u00e9"]"#, None),
            (r#"["\u"#, None),
            ("\\", None),
            ("", None),
        ] {
            assert_eq!(mended(json.as_bytes()).as_deref(), whole.map(str::as_bytes), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_units_are_read_as_the_text_that_they_are(
            units in prop::collection::vec(prop_oneof![0xD7F0..0xE010u16, any::<u16>()], 0..20),
        ) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = format!("\"{escapes}\"").into_bytes();
            let text: String = serde_json::from_slice(&mended(&json).unwrap_or(json)).unwrap();
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }
    }
}
