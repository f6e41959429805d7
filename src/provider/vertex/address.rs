//! Hosts and places of Vertex AI.
//!
//! Sources: <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations>, and recordings.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Target, setting};

/// The version of the API where the caller says none.
pub(super) const VERSION: &str = "v1";

/// Where models are where the caller says nothing: Google's own default.
pub(in crate::provider) const LOCATION: &str = "us-central1";

/// The host of a location: of a region, of the multi-regions `us` and `eu`, or of the world. `None` for what cannot be
/// part of a host's name. Without a project there is no location either.
pub(super) fn host(settings: &[(String, String)]) -> Option<String> {
    let setting = |name: &str| setting(settings, name);
    let location = setting("vertex_project").map_or("global", |_| setting("vertex_location").unwrap_or(LOCATION));
    if location.is_empty() || !location.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-') {
        return None;
    }
    Some(match location {
        "global" => "https://aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
        region => format!("https://{region}-aiplatform.googleapis.com"),
    })
}

/// The address up to the version. A base may end there already.
pub(super) fn versioned(target: &Target<'_>, version: &str) -> String {
    let base = target.base_url;
    if ["/v1", "/v1beta1"].iter().any(|end| base.ends_with(end)) {
        return base.to_owned();
    }
    format!("{base}/{}", target.api_version.unwrap_or(version))
}

/// The address up to the version that has the publishers' models, without a project. A base may say another version.
pub(super) fn of_publishers(target: &Target<'_>) -> String {
    let base = target.base_url.split("/projects/").next().unwrap_or(target.base_url);
    let root = ["/v1", "/v1beta1"].iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base);
    format!("{root}/v1beta1")
}

/// The address up to a project's location.
pub(super) struct Place<'a> {
    root: String,
    project: Option<&'a str>,
    location: &'a str,
}

impl<'a> Place<'a> {
    /// Where a target is, by the usual version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] where no project is known.
    pub(super) fn of(target: &Target<'a>) -> Result<Self> {
        Self::in_version(target, VERSION)
    }

    /// The same by this version, unless the caller says another.
    pub(super) fn in_version(target: &Target<'a>, version: &str) -> Result<Self> {
        let location = target.setting("vertex_location").unwrap_or(LOCATION);
        if target.base_url.contains("/projects/") {
            return Ok(Self { root: target.base_url.to_owned(), project: None, location });
        }
        let project = target.setting("vertex_project").ok_or_else(|| {
            let message = "Vertex AI needs a project: set VERTEXAI_PROJECT, or give `vertex_project` as a setting";
            Error::new(ErrorKind::Configuration, message)
        })?;
        Ok(Self { root: versioned(target, version), project: Some(project), location })
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        match self.project {
            Some(project) => write!(f, "/projects/{project}/locations/{}", self.location),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(location: &str) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![pair("vertex_project", "acme"), pair("vertex_location", location)]
    }

    #[test]
    fn each_location_has_its_host() {
        for (location, host) in [
            ("us-central1", "us-central1-aiplatform.googleapis.com"),
            ("global", "aiplatform.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
            ("us", "aiplatform.us.rep.googleapis.com"),
        ] {
            assert_eq!(super::host(&settings(location)), Some(format!("https://{host}")));
        }
        assert_eq!(super::host(&[]), Some("https://aiplatform.googleapis.com".to_owned()));
        for wrong in ["", "evil.example/", "a b", "x#"] {
            assert_eq!(super::host(&settings(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn publishers_are_beside_projects() {
        for base in ["", "/v1", "/v1beta1", "/v1/projects/acme/locations/eu"] {
            let base = format!("https://a.example{base}");
            assert_eq!(of_publishers(&Target::new("*", &base)), "https://a.example/v1beta1", "{base}");
        }
    }

    #[test]
    fn a_base_may_end_at_the_host_the_version_or_the_location() {
        let settings = settings("global");
        let place = |base: &str| {
            let target = Target { settings: &settings, ..Target::new("m", base) };
            Place::of(&target).unwrap().to_string()
        };
        let path = "projects/acme/locations/global";
        assert_eq!(place("https://a.example"), format!("https://a.example/v1/{path}"));
        assert_eq!(place("https://a.example/v1beta1/"), format!("https://a.example/v1beta1/{path}"));
        let whole = "https://a.example/x/v1/projects/other/locations/eu";
        assert_eq!(place(whole), whole);
        let without = Target::new("m", "https://a.example");
        assert_eq!(Place::of(&without).err().unwrap().kind(), ErrorKind::Configuration);
    }
}
