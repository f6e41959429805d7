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
/// What `fault` makes of a reply that is an error, and
/// [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse) for anything else that has no such number.
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::chat::{ChatRequest, Message, Part, Tool, ToolChoice, assistant, developer, system, tool_result, user};
    use crate::error::ErrorKind;
    use crate::provider::{CountTokens, Operation, Registry, Target};
    use crate::wire::json::Object;

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

    #[test]
    fn of_all_rows_these_count_and_no_others() {
        let table = Registry::table();
        let counts = |name: &&str| CountTokens::codec(table.get(name).unwrap().as_ref()).is_some();
        let mut counting: Vec<&str> = table.names().filter(counts).collect();
        counting.sort_unstable();
        let wanted = ["anthropic", "bedrock", "bedrock_converse", "gemini", "openai", "vertex_ai", "vertex_ai_beta"];
        assert_eq!(counting, wanted);
    }

    /// Something that is said: a message, or a call with its result.
    fn said() -> impl Strategy<Value = Vec<Message>> {
        let text = || "[ -~é€\\n]{1,12}";
        prop_oneof![
            text().prop_map(|text| vec![system(text)]),
            text().prop_map(|text| vec![developer(text)]),
            text().prop_map(|text| vec![user(text)]),
            (text(), text()).prop_map(|(one, two)| vec![user([
                Part::text(one),
                Part::image([7], "image/png"),
                two.into()
            ])]),
            text().prop_map(|text| vec![assistant(text)]),
            (text(), "[a-z]{1,8}", 0..9u32).prop_map(|(text, id, number)| {
                let call = Part::tool_call(format!("call_{id}"), "f", format!("{{\"a\":  {number}.0}}"));
                vec![assistant([Part::text("Let me see."), call]), tool_result(format!("call_{id}"), text)]
            }),
        ]
    }

    /// A request of anything that a prompt is made of, and of much that is beside it.
    fn requests() -> impl Strategy<Value = ChatRequest> {
        let messages = prop::collection::vec(said(), 0..6);
        let formats = prop::sample::select(vec![
            None,
            Some(json!({"type": "json_object"})),
            Some(json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object",
                "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}}})),
        ]);
        let choices = prop::sample::select(vec![
            None,
            Some(ToolChoice::Auto),
            Some(ToolChoice::Required),
            Some(ToolChoice::None),
        ]);
        let limits = prop::option::of(1..9000u64);
        (messages, 0..3usize, formats, choices, any::<[bool; 4]>(), limits).prop_map(
            |(messages, tools, format, choice, [serial, reasons, samples, more], limit)| {
                let all = messages.into_iter().flatten().chain([user("Well?")]).collect::<Vec<_>>();
                let mut request = ChatRequest::new("m", all);
                let params = &mut request.params;
                params.drop_params = true;
                let schema =
                    json!({"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "number"}}});
                let tool = |number| Tool::function(format!("f{number}"), "A tool.").parameters(schema.clone());
                params.tools = (tools > 0).then(|| (0..tools).map(tool).collect());
                params.tool_choice = choice;
                params.parallel_tool_calls = serial.then_some(false);
                params.response_format = format.and_then(|format| serde_json::from_value(format).ok());
                params.reasoning_effort = reasons.then(|| "low".into());
                params.max_tokens = limit;
                if samples {
                    (params.temperature, params.top_p, params.seed) = (Some(1.0), Some(1.0), Some(7));
                    (params.stop, params.user) = (Some("END".into()), Some("u1".into()));
                    (params.service_tier, params.n) = (Some("auto".into()), Some(1));
                }
                if more {
                    params.extra.insert("top_k", 5);
                    params.extra_body.insert("cached_thing".to_owned(), json!({"b": 1.50, "a": [1, 2]}));
                }
                request
            },
        )
    }

    /// The bodies of the chat and of its count.
    fn both(provider: &str, model: &str, request: &ChatRequest) -> (Object, Object) {
        let provider = Registry::table().get(provider).unwrap();
        let target = Target::new(model, "https://provider.example");
        let chat = provider.chat().unwrap().encode(request, &target).unwrap();
        let count = provider.count_tokens().unwrap().encode(request, &target).unwrap();
        let read = |body: &Bytes| serde_json::from_slice::<Object>(body).unwrap();
        (read(chat.request.body()), read(count.request.body()))
    }

    fn text<'a>(body: &'a Object, member: &str) -> Option<&'a str> {
        body.get(member).map(|raw| raw.get())
    }

    proptest! {
        #[test]
        fn anthropic_is_asked_to_count_the_bytes_that_the_call_would_send(
            request in requests(),
            model in prop::sample::select(vec!["claude-sonnet-4-5", "claude-3-haiku-20240307", "claude-opus-4-6"]),
        ) {
            let (chat, count) = both("anthropic", model, &request);
            for member in ["model", "system", "messages", "tools", "tool_choice", "thinking", "output_config", "cached_thing"] {
                prop_assert_eq!(text(&count, member), text(&chat, member), "{}", member);
            }
            for member in ["max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier"] {
                prop_assert_eq!(text(&count, member), None, "{}", member);
            }
        }

        #[test]
        fn gemini_is_asked_to_count_the_bytes_that_the_call_would_send(
            request in requests(),
            model in prop::sample::select(vec!["gemini-2.5-flash", "gemini-3-pro-preview", "gemini-1.5-pro"]),
        ) {
            let (chat, count) = both("gemini", model, &request);
            let count: Object = serde_json::from_str(text(&count, "generateContentRequest").unwrap()).unwrap();
            for member in ["systemInstruction", "contents", "tools", "toolConfig", "cached_thing"] {
                prop_assert_eq!(text(&count, member), text(&chat, member), "{}", member);
            }
            prop_assert_eq!(text(&count, "model").unwrap(), format!("\"models/{model}\""));
            let config = |body: &Object| text(body, "generationConfig").map(|raw| serde_json::from_str::<Object>(raw).unwrap());
            let (chat, count) = (config(&chat).unwrap_or_default(), config(&count).unwrap_or_default());
            for member in ["responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig", "topK"] {
                prop_assert_eq!(text(&count, member), text(&chat, member), "{}", member);
            }
            for member in ["temperature", "topP", "seed", "stopSequences", "maxOutputTokens", "candidateCount"] {
                prop_assert_eq!(text(&count, member), None, "{}", member);
            }
        }
    }
}
