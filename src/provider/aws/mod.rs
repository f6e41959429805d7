//! What the services of AWS share: addresses and errors.

pub(super) mod error;

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

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn each_partition_has_a_domain_of_its_own() {
        assert_eq!(endpoint("sts", "us-west-2"), "https://sts.us-west-2.amazonaws.com");
        assert_eq!(endpoint("bedrock-runtime", "cn-north-1"), "https://bedrock-runtime.cn-north-1.amazonaws.com.cn");
        assert_eq!(endpoint("sts", "us-isob-east-1"), "https://sts.us-isob-east-1.sc2s.sgov.gov");
    }
}
