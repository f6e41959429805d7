//! How an application proves who it is by a certificate.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>: PS256, and the certificate by
//! its SHA-256 thumbprint.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::ThumbprintHash;
use serde_json::json;

use crate::auth::jwt;
use crate::error::{Error, ErrorKind, Result};

/// How long an assertion is good, in seconds: Microsoft asks for five to ten minutes.
const LASTS: u64 = 600;

/// The assertion of an application: `pem` holds its certificate and the private key.
///
/// # Errors
///
/// [`ErrorKind::Configuration`] for a PEM that lacks either.
pub(super) fn sign(pem: &str, audience: &str, client: &str, now: u64, id: &str) -> Result<String> {
    let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint(pem)?});
    let claims = json!({
        "aud": audience, "iss": client, "sub": client, "exp": now.saturating_add(LASTS), "nbf": now, "iat": now, "jti": id,
    });
    let key = section(pem, "PRIVATE KEY").ok_or_else(|| wrong("no private key"))?;
    jwt::sign(&header, &claims, &key, Algorithm::PS256)
}

fn thumbprint(pem: &str) -> Result<String> {
    let certificate = section(pem, "CERTIFICATE").ok_or_else(|| wrong("no certificate"))?;
    let text: String = certificate.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = STANDARD.decode(text).map_err(|_| wrong("a certificate that cannot be read"))?;
    let digest = (DEFAULT_PROVIDER.key_utils.compute_digest)(&der, ThumbprintHash::SHA256);
    digest.map(|digest| URL_SAFE_NO_PAD.encode(digest)).map_err(|_| wrong("a certificate that cannot be read"))
}

/// The first section of a PEM whose label ends so.
fn section(pem: &str, label: &str) -> Option<String> {
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{label}-----"));
    let mut lines = pem.lines().skip_while(|line| !begins(line));
    let mut section = lines.next()?.to_owned();
    for line in lines {
        section.push('\n');
        section.push_str(line);
        if line.starts_with("-----END ") {
            return Some(section);
        }
    }
    None
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("the client certificate's PEM holds {what}"))
}
