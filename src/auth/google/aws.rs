//! What an account of AWS proves itself by: a signed request for its own name (`GetCallerIdentity`), which Google's token
//! service sends to AWS. It is signed here and sent nowhere else.
//!
//! Source: <https://google.aip.dev/auth/4117>, <https://docs.cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds>,
//! and google-auth 2.63.0 (`google.auth.aws`), whose tokens are the vectors in `tests/vectors/google_aws.json`.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Request};
use serde_json::json;

use super::Means;
use super::document::wrong;
use super::exchange::Aws;
use crate::auth::aws::{Keys, sign, signing_time};
use crate::auth::fetch;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::escaped;

/// How long the metadata endpoint of AWS is waited for: there is none on a machine that is not AWS's.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a session with it lasts, in seconds.
const SESSION: &str = "300";

const WHAT: &str = "the AWS credentials for Google";

/// The subject token: by the keys and the region of the environment, else those that the metadata endpoint tells.
pub(super) async fn subject(means: &Means, source: &Aws, url: Option<&str>, audience: &str) -> Result<String> {
    if source.environment_id.as_deref() != Some("aws1") {
        return Err(wrong("an `external_account` of AWS has `aws1` as its `environment_id`".to_owned()));
    }
    let verification = source
        .regional_cred_verification_url
        .as_deref()
        .ok_or_else(|| wrong("an `external_account` of AWS lacks its `regional_cred_verification_url`".to_owned()))?;
    let metadata = Metadata { means, source, url };
    let asking = async { Ok((metadata.region().await?, metadata.keys().await?)) };
    let (region, keys) = tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| {
        let message = format!("{WHAT} were not told in time by the metadata endpoint");
        Err(Error::new(ErrorKind::Timeout, message))
    })?;
    signed(&keys, &region, verification, audience, signing_time())
}

/// A subject token of these keys.
pub(super) fn signed(keys: &Keys, region: &str, url: &str, audience: &str, time: SystemTime) -> Result<String> {
    let url = url.replace("{region}", region);
    let mut request = Request::post(url.as_str())
        .body(Bytes::new())
        .map_err(|source| wrong("the `regional_cred_verification_url` is no address".to_owned()).with_source(source))?;
    let host = request.uri().host().unwrap_or_default().to_owned();
    if request.uri().scheme_str() != Some("https") || host.is_empty() {
        return Err(wrong("the `regional_cred_verification_url` has to begin with `https://`".to_owned()));
    }
    let service = host.split('.').next().unwrap_or_default();
    sign(&mut request, keys, region, service.strip_suffix("-fips").unwrap_or(service), time)?;
    let sent = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    let headers = [
        ("Authorization", sent("authorization")),
        ("host", Some(host)),
        ("x-amz-date", sent("x-amz-date")),
        ("x-amz-security-token", sent("x-amz-security-token")),
        ("x-goog-cloud-target-resource", Some(audience.to_owned())),
    ];
    let headers: Vec<_> =
        headers.into_iter().filter_map(|(key, value)| Some(json!({"key": key, "value": value?}))).collect();
    let text = json!({"headers": headers, "method": "POST", "url": url}).to_string();
    Ok(text.split('/').map(escaped).collect::<Vec<_>>().join("/"))
}

/// The metadata endpoint, by the addresses of the credentials.
struct Metadata<'a> {
    means: &'a Means,
    source: &'a Aws,
    url: Option<&'a str>,
}

impl Metadata<'_> {
    async fn keys(&self) -> Result<Keys> {
        let variable = |name: &str| self.means.environment.get(name);
        let token = variable("AWS_SESSION_TOKEN");
        if let Some(keys) = Keys::of(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), token) {
            return Ok(keys);
        }
        let url = self.url.ok_or_else(|| {
            let message = "no AWS credentials for Google: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the \
                           `external_account` has no `url` to ask for them";
            Error::new(ErrorKind::Authentication, message)
        })?;
        let role = self.get(url).await?;
        let text = self.get(&format!("{}/{}", url.trim_end_matches('/'), role.trim())).await?;
        serde_json::from_str(&text).map_err(|_| {
            let message = format!("the answer to asking for {WHAT} is not what it should be");
            Error::new(ErrorKind::InvalidResponse, message)
        })
    }

    async fn region(&self) -> Result<String> {
        if let Some(region) = self.means.environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]) {
            return Ok(region);
        }
        let url = self.source.region_url.as_deref().ok_or_else(|| {
            let message = "no AWS region for Google: set AWS_REGION; the `external_account` has no `region_url`";
            Error::new(ErrorKind::Configuration, message)
        })?;
        // It is told with the letter of a zone, such as `us-east-2b`.
        let zone = self.get(url).await?;
        Ok(zone.trim().trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).to_owned())
    }

    async fn get(&self, url: &str) -> Result<String> {
        let mut request = fetch::get(url)?;
        if let Some(sessions) = &self.source.imdsv2_session_token_url {
            let begin = Request::put(sessions.as_str()).header("x-aws-ec2-metadata-token-ttl-seconds", SESSION);
            let begin = begin.body(Bytes::new()).map_err(|source| {
                wrong("the `imdsv2_session_token_url` is no address".to_owned()).with_source(source)
            })?;
            let (_, token) = fetch::send(&self.means.transport, begin, WHAT).await?;
            let mut token = HeaderValue::from_bytes(&token)
                .map_err(|_| wrong("the token of the metadata endpoint cannot be sent".to_owned()))?;
            token.set_sensitive(true);
            request.headers_mut().insert("x-aws-ec2-metadata-token", token);
        }
        let (_, body) = fetch::send(&self.means.transport, request, WHAT).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}
