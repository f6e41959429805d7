//! Errors: `{"error": {"message", "type", "param", "code"}}`, and the looser forms of compatible servers.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::error::Error;
use crate::provider::{Fault, http_fault};

pub(in crate::provider) fn decode(response: &Response<Bytes>) -> Error {
    http_fault(response, read)
}

/// What an error body says: OpenAI's form, `{"error": "…"}`, `{"errors": [{…}]}`, `{"message"}`, `{"detail"}` (FastAPI), or
/// a list of one.
pub(in crate::provider) fn read(body: &Value) -> Fault {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    let error = body.get("error").filter(|error| !error.is_null());
    let error = error.or_else(|| body.pointer("/errors/0")).unwrap_or(body);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let field = |name: &str| error.get(name).and_then(text);
    let numeric = |name: &str| error.get(name).and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let inner = error.pointer("/innererror/code").and_then(text);
    let message = text(error)
        .or_else(|| field("message"))
        .or_else(|| body.get("message").and_then(text))
        .or_else(|| field("detail"))
        .or_else(|| error.get("detail").or_else(|| error.get("message")).map(Value::to_string))
        .unwrap_or_default();
    Fault {
        status: ["code", "status", "status_code"]
            .iter()
            .find_map(|name| numeric(name).or_else(|| field(name)?.parse().ok()))
            .and_then(|code| StatusCode::from_u16(code).ok())
            .filter(|status| status.as_u16() >= 400),
        code: inner
            .or_else(|| field("code").filter(|code| !is_vague(code)))
            .or_else(|| field("type"))
            .or_else(|| field("code").filter(|code| !is_status(code)))
            .or_else(|| body.get("code").or_else(|| body.get("type")).and_then(text).filter(|code| !is_status(code))),
        message: match error.pointer("/metadata/raw").and_then(text) {
            Some(raw) => format!("{message}: {raw}"),
            None => message,
        },
    }
}

/// Whether a code says less than the type beside it: a number, or that the request was not good.
fn is_vague(code: &str) -> bool {
    code == "invalid_request_error" || code.parse::<u64>().is_ok()
}

/// Whether a code only repeats the HTTP status.
fn is_status(code: &str) -> bool {
    code.parse::<u16>().is_ok_and(|code| (400..600).contains(&code))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    fn fault(status: u16, body: Value) -> (ErrorKind, Option<String>, String) {
        let body = Bytes::from(body.to_string());
        let error = decode(&Response::builder().status(status).body(body).unwrap());
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        (error.kind(), error.code().map(str::to_owned), error.message().to_owned())
    }

    #[test]
    fn each_form_of_an_error_gives_its_kind_code_and_message() {
        let said =
            |kind, code: &str, message: &str| (kind, (!code.is_empty()).then(|| code.to_owned()), message.to_owned());
        for (status, body, wanted) in [
            // OpenAI
            (
                429,
                json!({"error": {"message": "Slow", "type": "requests", "param": null, "code": "rate_limit_exceeded"}}),
                said(ErrorKind::RateLimited, "rate_limit_exceeded", "Slow"),
            ),
            // DeepSeek: the code says less than the type
            (
                401,
                json!({"error": {"message": "No", "type": "authentication_error", "code": "invalid_request_error"}}),
                said(ErrorKind::Authentication, "authentication_error", "No"),
            ),
            // OpenRouter: the code is the status, the provider's words are inside
            (
                403,
                json!({"error": {"code": 403, "message": "Provider returned error", "metadata": {"raw": "why"}}}),
                said(ErrorKind::PermissionDenied, "", "Provider returned error: why"),
            ),
            // Mistral: no envelope, and a code of its own numbering
            (
                400,
                json!({"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"}),
                said(ErrorKind::NotFound, "invalid_model", "Invalid model: x"),
            ),
            // Z.ai: nothing but such a number
            (429, json!({"error": {"code": "1302", "message": "busy"}}), said(ErrorKind::RateLimited, "1302", "busy")),
            // xAI: the error is a text
            (
                400,
                json!({"code": "invalid-argument", "error": "Incorrect API key provided."}),
                said(ErrorKind::Authentication, "invalid-argument", "Incorrect API key provided."),
            ),
            // FastAPI
            (
                422,
                json!({"detail": [{"msg": "field required"}]}),
                said(ErrorKind::InvalidRequest, "", r#"[{"msg":"field required"}]"#),
            ),
            // Perplexity
            (
                400,
                json!({"error": {"message": "too long", "type": "too_many_prompt_tokens", "code": 400}}),
                said(ErrorKind::ContextWindowExceeded, "too_many_prompt_tokens", "too long"),
            ),
        ] {
            assert_eq!(fault(status, body.clone()), wanted, "{body}");
        }
    }
}
