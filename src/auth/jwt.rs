//! Signatures by RSA, and assertions signed so (RFC 7515 and 7523).

#[cfg(any(feature = "azure", feature = "gcp"))]
use base64::Engine as _;
#[cfg(any(feature = "azure", feature = "gcp"))]
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};
#[cfg(any(feature = "azure", feature = "gcp"))]
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

/// A JWT of this header and these claims, signed with an RSA key in PEM.
///
/// # Errors
///
/// [`ErrorKind::Configuration`] for a key that is none.
#[cfg(any(feature = "azure", feature = "gcp"))]
pub(super) fn sign(header: &Value, claims: &Value, key: &str, algorithm: Algorithm) -> Result<String> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = signature(message.as_bytes(), key, algorithm)?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The signature of a message by an RSA key in PEM.
///
/// # Errors
///
/// [`ErrorKind::Configuration`] for a key that is none.
pub(super) fn signature(message: &[u8], key: &str, algorithm: Algorithm) -> Result<Vec<u8>> {
    let wrong = |what: &str| Error::new(ErrorKind::Configuration, format!("the private key {what}"));
    let key = EncodingKey::from_rsa_pem(key.as_bytes()).map_err(|_| wrong("is not an RSA key in PEM"))?;
    // Named, so that it does not matter which others the program has.
    let signer = (DEFAULT_PROVIDER.signer_factory)(&algorithm, &key).map_err(|_| wrong("cannot be used"))?;
    signer.try_sign(message).map_err(|_| wrong("cannot sign"))
}

#[cfg(all(test, feature = "gcp"))]
pub(super) mod tests {
    use super::*;

    /// Signs what another implementation has signed.
    pub(in crate::auth) fn signs_alike(jwt: &str, key: &str) -> bool {
        let (message, theirs) = jwt.rsplit_once('.').unwrap();
        URL_SAFE_NO_PAD.encode(signature(message.as_bytes(), key, Algorithm::RS256).unwrap()) == theirs
    }

    #[test]
    fn a_key_that_is_none_is_an_error_that_does_not_show_it() {
        let error = sign(&Value::Null, &Value::Null, "s3cret", Algorithm::RS256).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}
