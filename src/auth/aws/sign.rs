//! Signature Version 4.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as signature};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};

use super::keys::Keys;
use crate::error::{Error, ErrorKind, Result};

/// Signs a request, whose body is final: host, content type and what begins with `x-amz` are part of the signature.
pub(in crate::auth) fn sign(
    request: &mut Request<Bytes>,
    keys: &Keys,
    region: &str,
    service: &str,
    time: SystemTime,
) -> Result<()> {
    let failed = |source: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Configuration, format!("the request to AWS cannot be signed: {source}"))
    };
    let Keys { access_key_id, secret_access_key, session_token, .. } = keys.clone();
    let identity = Credentials::new(access_key_id, secret_access_key, session_token, None, "anymodel").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|source| failed(&source))?
        .into();
    let uri = request.uri().to_string();
    let headers = request.headers().iter().filter(|(name, _)| is_signed(name));
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), uri.as_str(), headers, body);
    let signed = signable.and_then(|signable| signature(signable, &params)).map_err(|source| failed(&source))?;
    let (added, _) = signed.into_parts().0.into_parts();
    for header in added {
        let mut value = HeaderValue::from_str(header.value()).map_err(|source| failed(&source))?;
        let name = HeaderName::from_static(header.name());
        value.set_sensitive(header.sensitive() || matches!(name.as_str(), "authorization" | "x-amz-security-token"));
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

fn is_signed(name: &HeaderName) -> bool {
    *name == header::CONTENT_TYPE || name.as_str().starts_with("x-amz")
}
