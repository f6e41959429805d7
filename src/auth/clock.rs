//! The time of day and unique names, which assertions carry and some answers speak of.

use std::time::SystemTime;

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "assertions say when they were made, for others to check")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A random UUID (RFC 9562, version 4).
#[expect(clippy::disallowed_methods, reason = "an assertion's name must be its own, and nothing depends on which")]
pub(super) fn random_uuid() -> String {
    use rand::RngExt as _;

    let bits: u128 = rand::rng().random();
    let uuid = format!("{:032x}", (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.into_iter().filter_map(|part| uuid.get(part)).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_id_has_the_form_of_one() {
        let id = random_uuid();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(id.split('-').nth(2).unwrap().starts_with('4') && "89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, random_uuid());
    }
}
