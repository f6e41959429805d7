//! Errors: a type in the header `x-amzn-errortype` and `{"message"}`, or inside a stream an exception of that type.
//!
//! Source: AWS's models of Bedrock and SageMaker, and
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::provider::{Fault, http_fault};
use crate::wire::Frame;

/// The types of error, the statuses that they have, and what they are. A stream's exception comes without a status.
const TYPES: [(&str, u16, ErrorKind); 28] = [
    ("ThrottlingException", 429, ErrorKind::RateLimited),
    ("TooManyRequestsException", 429, ErrorKind::RateLimited),
    ("ServiceQuotaExceededException", 400, ErrorKind::RateLimited),
    ("ModelNotReadyException", 429, ErrorKind::Unavailable),
    ("ModelTimeoutException", 408, ErrorKind::Timeout),
    ("ModelErrorException", 424, ErrorKind::Unavailable),
    ("ModelStreamErrorException", 424, ErrorKind::Unavailable),
    ("ModelStreamError", 424, ErrorKind::Unavailable),
    ("InternalStreamFailure", 500, ErrorKind::Unavailable),
    ("InternalDependencyException", 530, ErrorKind::Unavailable),
    ("ServiceUnavailable", 503, ErrorKind::Unavailable),
    ("ThrottledException", 429, ErrorKind::RateLimited),
    ("ValidationError", 400, ErrorKind::InvalidRequest),
    ("InternalServerException", 500, ErrorKind::Unavailable),
    ("InternalFailure", 500, ErrorKind::Unavailable),
    ("ServiceUnavailableException", 503, ErrorKind::Unavailable),
    ("ResourceNotFoundException", 404, ErrorKind::NotFound),
    ("AccessDeniedException", 403, ErrorKind::PermissionDenied),
    ("UnrecognizedClientException", 403, ErrorKind::Authentication),
    ("InvalidClientTokenId", 403, ErrorKind::Authentication),
    ("ExpiredTokenException", 403, ErrorKind::Authentication),
    ("ExpiredToken", 403, ErrorKind::Authentication),
    ("InvalidSignatureException", 403, ErrorKind::Authentication),
    ("SignatureDoesNotMatch", 403, ErrorKind::Authentication),
    ("IncompleteSignature", 400, ErrorKind::Authentication),
    ("MissingAuthenticationToken", 403, ErrorKind::Authentication),
    ("MissingAuthenticationTokenException", 403, ErrorKind::Authentication),
    ("ValidationException", 400, ErrorKind::InvalidRequest),
];

/// Words of an error whose type says too little, and what it is.
const WORDS: [(&str, ErrorKind); 4] = [
    ("model identifier is invalid", ErrorKind::NotFound),
    ("expected maxlength:", ErrorKind::ContextWindowExceeded),
    ("api key is valid", ErrorKind::Authentication),
    ("bearer token has expired", ErrorKind::Authentication),
];

pub(in crate::provider) fn decode(response: &Response<Bytes>) -> Error {
    let header = response.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    typed(http_fault(response, |body| read(body, header)))
}

/// Whether a reply of good status is an error, as gateways have it.
pub(in crate::provider) fn is_one(response: &Response<Bytes>) -> bool {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    body.get("message").is_some() || body.get("__type").is_some() || response.headers().contains_key("x-amzn-errortype")
}

/// The exception that ends a stream.
pub(in crate::provider) fn of_frame(frame: Frame<'_>) -> Error {
    let body: Value = serde_json::from_slice(frame.data).unwrap_or_default();
    let mut fault = read(&body, frame.event);
    if fault.message.is_empty() {
        fault.message = String::from_utf8_lossy(frame.data).into_owned();
    }
    fault.status = fault.code.as_deref().and_then(known).and_then(|(_, status, _)| StatusCode::from_u16(*status).ok());
    let original = body.get("originalStatusCode").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let error = typed(fault.into_error()).with_body(Bytes::copy_from_slice(frame.data));
    match original {
        Some(400..=407) => error.with_kind(ErrorKind::InvalidRequest),
        Some(429) => error.with_kind(ErrorKind::RateLimited),
        _ => error,
    }
}

fn known(code: &str) -> Option<&'static (&'static str, u16, ErrorKind)> {
    TYPES.iter().find(|(name, _, _)| name.eq_ignore_ascii_case(code))
}

/// The error as its type says, unless its words were more telling.
fn typed(error: Error) -> Error {
    let words = error.message().to_ascii_lowercase();
    if let Some((_, kind)) = WORDS.iter().find(|(text, _)| words.contains(text)) {
        return error.with_kind(*kind);
    }
    match error.code().and_then(known) {
        // A conversation that is too long, or content that is not allowed, is told by the words alone.
        Some((_, _, ErrorKind::InvalidRequest)) | None => error,
        Some((_, _, kind)) => error.with_kind(*kind),
    }
}

/// `header` is the type, with an address behind it; the body may have it too.
fn read(body: &Value, header: Option<&str>) -> Fault {
    let text = |names: [&str; 3]| names.iter().find_map(|name| body.get(*name)?.as_str());
    let code = header.or_else(|| text(["__type", "code", "Code"]));
    let code = code.and_then(|code| code.split(':').next()?.rsplit('#').next());
    Fault {
        status: None,
        code: code.map(str::to_owned),
        // A gateway in between answers in OpenAI's form.
        message: text(["message", "Message", "originalMessage"])
            .or_else(|| body.pointer("/error/message")?.as_str())
            .unwrap_or_default()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, kind: Option<&str>, body: &'static str) -> Error {
        let mut response = Response::builder().status(status);
        if let Some(kind) = kind {
            response = response.header("x-amzn-errortype", kind);
        }
        decode(&response.body(Bytes::from_static(body.as_bytes())).unwrap())
    }

    #[test]
    fn an_error_is_what_its_type_says() {
        const AT: &str = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/";
        let error = refused(429, Some(AT), r#"{"message":"Too many tokens, please wait before trying again."}"#);
        assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, Some("ThrottlingException")));
        for (status, kind, expected) in [
            (403, "ExpiredTokenException", ErrorKind::Authentication),
            (403, "UnrecognizedClientException", ErrorKind::Authentication),
            (403, "AccessDeniedException", ErrorKind::PermissionDenied),
            (408, "ModelTimeoutException", ErrorKind::Timeout),
            (424, "ModelErrorException", ErrorKind::Unavailable),
            (400, "ServiceQuotaExceededException", ErrorKind::RateLimited),
            (400, "ValidationException", ErrorKind::InvalidRequest),
            (404, "ResourceNotFoundException", ErrorKind::NotFound),
            (400, "BrandNewException", ErrorKind::InvalidRequest),
        ] {
            assert_eq!(refused(status, Some(kind), r#"{"message":"x"}"#).kind(), expected, "{kind}");
        }
        let in_body =
            refused(403, None, r##"{"__type":"com.amazon.coral.service#ExpiredTokenException","Message":"x"}"##);
        assert_eq!((in_body.kind(), in_body.message()), (ErrorKind::Authentication, "x"));
    }

    #[test]
    fn words_tell_where_a_type_does_not() {
        for (status, words, kind) in [
            (400, r#"{"message":"The provided model identifier is invalid."}"#, ErrorKind::NotFound),
            (400, r#"{"message":"Input is too long for requested model."}"#, ErrorKind::ContextWindowExceeded),
            (400, r#"{"message":"expected maxLength: 50000, actual: 60000"}"#, ErrorKind::ContextWindowExceeded),
            (
                403,
                r#"{"Message":"Authentication failed: Please make sure your API Key is valid."}"#,
                ErrorKind::Authentication,
            ),
        ] {
            assert_eq!(refused(status, Some("ValidationException"), words).kind(), kind, "{words}");
        }
    }

    #[test]
    fn an_exception_inside_a_stream_has_the_status_that_it_would_have_had_alone() {
        let frame = |event, data| Frame { event: Some(event), data, is_error: true };
        for (event, status, kind) in [
            ("throttlingException", 429, ErrorKind::RateLimited),
            ("internalServerException", 500, ErrorKind::Unavailable),
            ("serviceUnavailableException", 503, ErrorKind::Unavailable),
            ("modelTimeoutException", 408, ErrorKind::Timeout),
            ("validationException", 400, ErrorKind::InvalidRequest),
        ] {
            let error = of_frame(frame(event, br#"{"message":"x"}"#));
            assert_eq!((error.kind(), error.status().map(|s| s.as_u16())), (kind, Some(status)), "{event}");
        }
        let original = br#"{"message":"x","originalStatusCode":429,"originalMessage":"slow"}"#;
        assert_eq!(of_frame(frame("modelStreamErrorException", original)).kind(), ErrorKind::RateLimited);
        assert_eq!(of_frame(frame("InternalError", b"It broke.")).message(), "It broke.");
    }
}
