//! The list of models: foundation models, then the inference profiles by which many of them are called.
//!
//! Source: AWS's own model of the control plane (`bedrock`, 2023-04-20): `ListFoundationModels`, `ListInferenceProfiles`.
//! Both are signed for the same service as calls.

use bytes::Bytes;
use http::Response;

use super::{Bedrock, REGION};
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, aws, models};
use crate::wire::escaped;

/// The mark of the first page of inference profiles, which comes behind the foundation models; the marks of the others
/// are behind it.
const PROFILES: &str = "inference-profiles";

impl Codec<ListModels> for Bedrock {
    fn encode(&self, page: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let base = control_plane(target);
        let Some(mark) = &page.after else { return models::get(&format!("{base}/foundation-models")) };
        let mark = mark.strip_prefix(PROFILES).and_then(|mark| mark.strip_prefix(' '));
        let after = mark.map(|mark| format!("&nextToken={}", escaped(mark)));
        models::get(&format!("{base}/{PROFILES}?maxResults=1000{}", after.unwrap_or_default()))
    }

    fn decode(&self, page: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        let page = match page.after {
            None => models::page(response, "modelSummaries", "modelId", |_| Some(PROFILES.to_owned())),
            Some(_) => models::page(response, "inferenceProfileSummaries", "inferenceProfileId", |body| {
                models::mark(body, "nextToken").map(|mark| format!("{PROFILES} {mark}"))
            }),
        };
        page.map(Progress::Done)
    }
}

/// The address of the control plane: AWS's own, where calls go to AWS's own; any other that somebody gave has to answer
/// for itself, since keys go nowhere else.
fn control_plane(target: &Target<'_>) -> String {
    let region = target.setting(REGION).unwrap_or_default();
    let own = ["", "-fips"].iter().find_map(|kind| {
        let runtime = aws::endpoint(&format!("bedrock-runtime{kind}"), region);
        (target.base_url == runtime).then(|| aws::endpoint(&format!("bedrock{kind}"), region))
    });
    own.unwrap_or_else(|| target.base_url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(base: &str) -> String {
        let settings = [(REGION.to_owned(), "eu-west-1".to_owned())];
        control_plane(&Target { settings: &settings, ..Target::new("*", base) })
    }

    #[test]
    fn the_control_plane_is_aws_own_only_where_calls_go_to_aws() {
        let own = "https://bedrock.eu-west-1.amazonaws.com";
        assert_eq!(asked("https://bedrock-runtime.eu-west-1.amazonaws.com"), own);
        let fips = "https://bedrock-fips.eu-west-1.amazonaws.com";
        assert_eq!(asked("https://bedrock-runtime-fips.eu-west-1.amazonaws.com"), fips);
        for other in ["https://proxy.example", "https://bedrock-runtime.eu-west-1.amazonaws.com.evil.example"] {
            assert_eq!(asked(other), other);
        }
    }
}
