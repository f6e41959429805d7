//! What the codecs that count tokens share: the parameters that a count depends on, and the one number of its reply.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::not_a_reply;
use crate::chat::Params;
use crate::error::{Error, Result};
use crate::tokenizer::TokenCount;

/// Parameters that say how the reply is made, kept or paid for. No count of a prompt depends on them.
pub(super) const BESIDE_THE_PROMPT: [&str; 22] = [
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "modalities",
    "n",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
];

/// The parameters that a count can depend on. Those left out are not held against what the provider takes either.
pub(super) fn of_prompt(params: &Params) -> Params {
    let mut kept = params.clone();
    for name in BESIDE_THE_PROMPT {
        kept.unset(name);
    }
    kept
}

/// The count in a reply of good status: its member of this name.
///
/// # Errors
///
/// What `fault` makes of a reply that is an error, and [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse)
/// for anything else that has no such number.
pub(super) fn read(
    response: &Response<Bytes>,
    member: &str,
    fault: impl Fn(&Response<Bytes>) -> Error,
) -> Result<TokenCount> {
    let body: Value = serde_json::from_slice(response.body())
        .map_err(|source| not_a_reply(response, "is not JSON").with_source(source))?;
    if body.get("error").is_some_and(|error| !error.is_null()) {
        return Err(fault(response));
    }
    let tokens = body.get(member).and_then(Value::as_u64);
    tokens
        .map(|tokens| TokenCount { tokens, exact: true })
        .ok_or_else(|| not_a_reply(response, &format!("has no `{member}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn told(body: &'static str) -> Result<TokenCount> {
        read(&Response::new(Bytes::from_static(body.as_bytes())), "input_tokens", |_| {
            Error::new(ErrorKind::RateLimited, "as the provider says")
        })
    }

    #[test]
    fn every_parameter_is_of_the_prompt_or_beside_it() {
        let of_prompt = [
            "function_call",
            "functions",
            "parallel_tool_calls",
            "reasoning_effort",
            "response_format",
            "thinking",
            "tool_choice",
            "tools",
            "verbosity",
            "web_search_options",
        ];
        let mut all: Vec<&str> = Params::all_names().collect();
        let mut known: Vec<&str> = BESIDE_THE_PROMPT.into_iter().chain(of_prompt).collect();
        all.sort_unstable();
        known.sort_unstable();
        assert_eq!(all, known);
    }

    #[test]
    fn what_is_beside_the_prompt_is_left_out_and_nothing_else() {
        let mut params = Params { seed: Some(1), user: Some("u".into()), drop_params: true, ..Params::default() };
        params.extra.insert("cachedContent", "c");
        params.parallel_tool_calls = Some(false);
        let kept = of_prompt(&params);
        assert_eq!(kept.names().collect::<Vec<_>>(), ["parallel_tool_calls"]);
        assert_eq!((kept.drop_params, kept.extra), (true, params.extra));
    }

    #[test]
    fn a_count_is_a_whole_number_and_nothing_else_is_taken_for_one() {
        assert_eq!(told(r#"{"input_tokens": 12}"#).unwrap(), TokenCount { tokens: 12, exact: true });
        assert_eq!(told(r#"{"input_tokens": 0, "error": null}"#).unwrap().tokens, 0);
        for wrong in ["{}", "[]", "12", r#"{"input_tokens": "12"}"#, r#"{"input_tokens": -1}"#, "", "<html></html>"] {
            assert_eq!(told(wrong).unwrap_err().kind(), ErrorKind::InvalidResponse, "{wrong}");
        }
        assert_eq!(told(r#"{"input_tokens": 1, "error": {}}"#).unwrap_err().kind(), ErrorKind::RateLimited);
    }
}
