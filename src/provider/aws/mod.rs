//! What the services of AWS share: addresses and errors.

pub(super) mod error;

use std::fmt::Write as _;

/// The domains of partitions beside the first, by how their regions begin.
/// Source: `partitions.json` of botocore.
const DOMAINS: [(&str, &str); 7] = [
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("", "amazonaws.com"),
];

/// The address of a service in a region.
pub(crate) fn endpoint(service: &str, region: &str) -> String {
    let domain =
        DOMAINS.iter().find(|(begin, _)| region.starts_with(begin)).map_or("amazonaws.com", |(_, domain)| domain);
    format!("https://{service}.{region}.{domain}")
}

/// A segment of a path: everything but what RFC 3986 calls unreserved is percent-encoded, as AWS's own clients do.
pub(crate) fn segment(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{endpoint, segment};

    #[test]
    fn a_segment_of_a_path_has_nothing_that_ends_it() {
        assert_eq!(segment("arn:aws:bedrock:us-east-1::x/y é"), "arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Ax%2Fy%20%C3%A9");
        assert_eq!(segment("a-Z_0.9~"), "a-Z_0.9~");
    }

    #[test]
    fn each_partition_has_a_domain_of_its_own() {
        assert_eq!(endpoint("sts", "us-west-2"), "https://sts.us-west-2.amazonaws.com");
        assert_eq!(endpoint("bedrock-runtime", "cn-north-1"), "https://bedrock-runtime.cn-north-1.amazonaws.com.cn");
        assert_eq!(endpoint("sts", "us-isob-east-1"), "https://sts.us-isob-east-1.sc2s.sgov.gov");
    }
}
