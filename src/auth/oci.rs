//! Requests signed for Oracle Cloud: version 1 of its HTTP signatures, by RSA and SHA-256.
//!
//! Source: OCI's Python SDK (oci 2.189.0, `signer.py`), whose signatures are the vectors in `tests/vectors/oci.json`, and
//! <https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm>.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, header};
use jsonwebtoken::Algorithm;
use secrecy::{ExposeSecret, SecretString};

use super::{Credentials, Environment, files, jwt};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Provider, setting};

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-content-sha256");
/// What is signed of a request with a body, in this order; of one without, the first three.
const SIGNED: [&str; 6] = ["date", "(request-target)", "host", "content-length", "content-type", "x-content-sha256"];
const OF_GET: usize = 3;

/// The key of a user of Oracle Cloud.
pub(super) struct OciKey {
    settings: Vec<(String, String)>,
    environment: Environment,
    /// The private key, as the call or the client gives it.
    given: Option<SecretString>,
}

impl OciKey {
    pub(super) fn new(settings: &[(String, String)], environment: Environment, given: Option<SecretString>) -> Self {
        Self { settings: settings.to_vec(), environment, given }
    }

    fn setting(&self, name: &str, env: &str) -> Result<String> {
        let given = setting(&self.settings, name).map(str::to_owned);
        given.or_else(|| self.environment.get(env)).ok_or_else(|| {
            let message = format!("no credentials for OCI: set {env}, or give `{name}` as a setting");
            Error::new(ErrorKind::Authentication, message)
        })
    }

    /// The private key in PEM: given, or in `OCI_KEY`, or in the file that `OCI_KEY_FILE` names. In a variable a line's
    /// end may be written as `\n`.
    async fn private_key(&self) -> Result<SecretString> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let text = match (self.setting("oci_key", "OCI_KEY"), self.setting("oci_key_file", "OCI_KEY_FILE")) {
            (Ok(text), _) => text,
            (Err(_), Ok(path)) => files::read("the key file of OCI", &path).await?,
            (Err(missing), Err(_)) => return Err(missing),
        };
        Ok(text.replace("\\n", "\n").into())
    }

    fn key_id(&self) -> Result<String> {
        let tenancy = self.setting("oci_tenancy", "OCI_TENANCY")?;
        let user = self.setting("oci_user", "OCI_USER")?;
        let fingerprint = self.setting("oci_fingerprint", "OCI_FINGERPRINT")?;
        Ok(format!("{tenancy}/{user}/{fingerprint}"))
    }
}

#[async_trait]
impl Credentials for OciKey {
    async fn authorize(&self, _: &dyn Provider, request: &mut Request<Bytes>) -> Result<()> {
        let (key_id, key) = (self.key_id()?, self.private_key().await?);
        #[expect(clippy::disallowed_methods, reason = "a signature has to tell the time of day")]
        let now = SystemTime::now();
        sign(request, &key_id, &key, now)
    }
}

/// Puts the headers on a request that are signed, and the signature.
fn sign(request: &mut Request<Bytes>, key_id: &str, key: &SecretString, now: SystemTime) -> Result<()> {
    let unusable = |what: &str| Error::new(ErrorKind::Configuration, format!("{what} of OCI cannot be a header"));
    let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let hash = STANDARD.encode(digest(&SHA256, request.body()));
    let length = request.body().len().to_string();
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("application/json").to_owned();
    let date = httpdate::fmt_http_date(now);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let target = format!("{} {path}", request.method().as_str().to_ascii_lowercase());
    let values = [&date, &target, &host, &length, &kind, &hash];
    let many = if *request.method() == Method::GET { OF_GET } else { SIGNED.len() };
    let lines: Vec<String> =
        SIGNED.iter().zip(values).take(many).map(|(name, value)| format!("{name}: {value}")).collect();
    let signature = rsa_sha256(lines.join("\n").as_bytes(), key)?;
    let authorization = format!(
        r#"Signature algorithm="rsa-sha256",headers="{}",keyId="{key_id}",signature="{signature}",version="1""#,
        SIGNED.iter().take(many).copied().collect::<Vec<_>>().join(" ")
    );
    let headers = request.headers_mut();
    let of_body = [(header::CONTENT_LENGTH, &length), (header::CONTENT_TYPE, &kind), (CONTENT_SHA256, &hash)];
    let of_body = of_body.into_iter().filter(|_| many > OF_GET);
    for (name, value) in [(header::DATE, &date), (header::HOST, &host)].into_iter().chain(of_body) {
        headers.insert(name, HeaderValue::try_from(value.as_str()).map_err(|_| unusable("a part of the request"))?);
    }
    let mut value = HeaderValue::try_from(authorization).map_err(|_| unusable("the id of the key"))?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(())
}

fn rsa_sha256(message: &[u8], key: &SecretString) -> Result<String> {
    let signature = jwt::signature(message, key.expose_secret(), Algorithm::RS256).map_err(|_| {
        let message = "the private key of OCI is not one of RSA in PEM without a passphrase";
        Error::new(ErrorKind::Authentication, message)
    })?;
    Ok(STANDARD.encode(signature))
}

impl fmt::Debug for OciKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OciKey")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn signatures_are_those_of_ocis_own_sdk() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/oci.json")).unwrap();
        let key = SecretString::from(vectors["private_key"].as_str().unwrap());
        let cases = vectors["cases"].as_array().unwrap();
        assert!(cases.len() >= 4);
        for case in cases {
            let text = |name: &str| case[name].as_str().unwrap().to_owned();
            let body = Bytes::from(text("body"));
            let mut request = Request::post(text("url")).header("content-type", "application/json").body(body).unwrap();
            if let Some(method) = case.get("method").and_then(Value::as_str) {
                *request.method_mut() = method.parse().unwrap();
                request.headers_mut().clear();
            }
            let now = httpdate::parse_http_date(&text("date")).unwrap();
            sign(&mut request, &text("key_id"), &key, now).unwrap();
            for (name, value) in case["headers"].as_object().unwrap() {
                let sent = request.headers().get(name).map(|sent| sent.to_str().unwrap());
                assert_eq!(sent, value.as_str(), "{name} of {}", request.uri());
            }
            assert_eq!(request.headers().len(), case["headers"].as_object().unwrap().len());
        }
    }

    #[test]
    fn a_key_that_is_none_is_told_without_being_shown() {
        let mut request = Request::post("https://h.example/x").body(Bytes::new()).unwrap();
        let key = SecretString::from("-----BEGIN PRIVATE KEY-----\ns3cret");
        let error = sign(&mut request, "a/b/c", &key, SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(error.kind() == ErrorKind::Authentication && !format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
