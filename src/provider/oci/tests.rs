//! The rules of both formats, whole and streamed.

use serde_json::json;

use super::*;
use crate::chat::ChatResponse;
use crate::provider::Registry;
use crate::provider::tests::{decode_pieces, sum};

fn oci() -> &'static dyn Provider {
    Registry::table().get("oci").unwrap().as_ref()
}

fn sent(model: &str, params: Value, stream: bool) -> Result<(String, Value)> {
    let mut fields = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
    fields.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    let request: ChatRequest = serde_json::from_value(fields).unwrap();
    let settings = [("oci_compartment_id".to_owned(), "c".to_owned())];
    let target = Target { settings: &settings, ..Target::new(model, "https://h.example") };
    let codec = oci().chat().unwrap();
    let encoded = if stream { codec.encode_stream(&request, &target) } else { codec.encode(&request, &target) }?;
    Ok((encoded.request.uri().to_string(), serde_json::from_slice(encoded.request.body()).unwrap()))
}

fn whole(chat_response: Value) -> Result<ChatResponse> {
    let body = json!({"modelId": "m", "modelVersion": "1", "chatResponse": chat_response});
    let response = Response::new(Bytes::from(body.to_string()));
    match oci().chat().unwrap().decode(&ChatRequest::default(), &response)? {
        Progress::Done(reply) => Ok(reply),
        Progress::Poll { .. } => panic!("a chat is never polled"),
    }
}

fn streamed(events: &[Value]) -> (ChatResponse, Result<()>) {
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let (chunks, ended) = decode_pieces(oci().chat().unwrap(), &ChatRequest::default(), [text.as_bytes()]);
    (sum(chunks), ended)
}

#[test]
fn the_address_is_that_of_the_region_in_the_realm_of_the_tenancy() {
    let url = |region: &str, tenancy: &str| {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        oci().base_url(&[setting("oci_region", region), setting("oci_tenancy", tenancy)]).unwrap()
    };
    let commercial = url("us-chicago-1", "ocid1.tenancy.oc1..aaaa");
    assert_eq!(commercial, "https://inference.generativeai.us-chicago-1.oci.oraclecloud.com");
    let government = url("us-langley-1", "ocid1.tenancy.oc2..aaaa");
    assert_eq!(government, "https://inference.generativeai.us-langley-1.oci.oraclegovcloud.com");
}

#[test]
fn a_generic_request_is_openais_in_other_words() {
    let tools = json!([{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}]);
    let messages = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}}]},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]);
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}});
    let params = json!({"messages": messages, "tools": tools, "tool_choice": "required", "response_format": format,
        "max_tokens": 9, "top_p": 0.5, "n": 2, "reasoning_effort": "low", "stop": "x", "top_k": 3, "parallel_tool_calls": false});
    let (url, body) = sent("xai.grok-3-mini", params, false).unwrap();
    assert_eq!(url, "https://h.example/20231130/actions/chat");
    assert_eq!(
        (&body["compartmentId"], &body["servingMode"]),
        (&json!("c"), &json!({"servingType": "ON_DEMAND", "modelId": "xai.grok-3-mini"}))
    );
    let text = |text: &str| json!({"type": "TEXT", "text": text});
    let image = json!({"type": "IMAGE", "imageUrl": {"url": "https://a.example/x.png", "detail": "low"}});
    let wanted = json!({
        "apiFormat": "GENERIC",
        "messages": [
            {"role": "SYSTEM", "content": [text("Be brief.")]},
            {"role": "USER", "content": [text("?"), image]},
            {"role": "ASSISTANT", "toolCalls": [{"id": "c1", "type": "FUNCTION", "name": "f", "arguments": "{}"}]},
            {"role": "TOOL", "content": [text("done")], "toolCallId": "c1"},
        ],
        "topP": 0.5, "numGenerations": 2, "stop": ["x"], "maxTokens": 9,
        "responseFormat": {"type": "JSON_SCHEMA", "jsonSchema": {"name": "n", "isStrict": true, "schema": {"type": "object"}}},
        "tools": [{"type": "FUNCTION", "name": "f", "description": "d", "parameters": {"type": "object"}}],
        "toolChoice": {"type": "REQUIRED"}, "isParallelToolCalls": false, "reasoningEffort": "LOW", "topK": 3,
    });
    assert_eq!(body["chatRequest"], wanted, "{:#}", body["chatRequest"]);
    let (_, body) = sent("ocid1.generativeaiendpoint.oc1.x", json!({}), true).unwrap();
    assert_eq!(
        body["servingMode"],
        json!({"servingType": "DEDICATED", "endpointId": "ocid1.generativeaiendpoint.oc1.x"})
    );
    let stream = (&body["chatRequest"]["isStream"], &body["chatRequest"]["streamOptions"]);
    assert_eq!(stream, (&json!(true), &json!({"isIncludeUsage": true})));
}

#[test]
fn a_request_of_cohere_is_a_message_with_a_history() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string", "description": "where"}}, "required": ["city"]});
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"city\":\"Rome\"}"}});
    let asked = json!({"role": "user", "content": "Weather?"});
    let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"}, asked]);
    let (_, body) =
        sent("cohere.command-r-plus", json!({"messages": messages, "tools": tools, "top_k": 3}), false).unwrap();
    let definition = json!({"city": {"type": "str", "isRequired": true, "description": "where"}});
    let wanted = json!({
        "apiFormat": "COHERE", "message": "Weather?",
        "chatHistory": [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Yes?"}],
        "preambleOverride": "Be brief.",
        "tools": [{"name": "f", "description": "f", "parameterDefinitions": definition}], "topK": 3,
    });
    assert_eq!(body["chatRequest"], wanted);
    let messages = json!([asked, {"role": "assistant", "content": "", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c1", "content": "sunny"}]);
    let (_, body) = sent("cohere.command-r-plus", json!({"messages": messages, "tools": tools}), false).unwrap();
    let called = json!({"name": "f", "parameters": {"city": "Rome"}});
    let chat = &body["chatRequest"];
    assert_eq!(
        (&chat["message"], &chat["toolResults"]),
        (&json!(""), &json!([{"call": called, "outputs": [{"output": "sunny"}]}]))
    );
    assert_eq!(chat["chatHistory"][1]["toolCalls"], json!([called]));
    assert_eq!(
        sent("cohere.command-r-plus", json!({"tool_choice": "required"}), false).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn replies_and_streams_of_both_formats_are_read_alike() {
    let call = json!({"id": "c1", "type": "FUNCTION", "name": "f", "arguments": "{\"a\":1}"});
    let message = json!({"role": "ASSISTANT", "content": [{"type": "TEXT", "text": "Hi"}], "reasoningContent": "Hm.", "toolCalls": [call]});
    let used =
        json!({"promptTokens": 3, "completionTokens": 2, "totalTokens": 5, "promptTokensDetails": {"cachedTokens": 1}});
    let reply = whole(json!({"apiFormat": "GENERIC", "choices": [{"index": 0, "message": message, "finishReason": "tool_calls"}], "usage": used})).unwrap();
    let (mut streamed_reply, ended) = streamed(&[
        json!({"index": 0, "message": {"role": "ASSISTANT", "reasoningContent": "Hm."}, "pad": "aa"}),
        json!({"index": 0, "message": {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": "H"}]}, "pad": "a"}),
        json!({"index": 0, "message": {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": "i"}]}}),
        json!({"index": 0, "message": {"role": "ASSISTANT", "toolCalls": [{"id": "c1", "type": "FUNCTION", "name": "f", "arguments": "{\"a\""}]}}),
        json!({"index": 0, "message": {"role": "ASSISTANT", "toolCalls": [{"type": "FUNCTION", "arguments": ":1}"}]}}),
        json!({"finishReason": "tool_calls", "pad": "aaa"}),
        json!({"usage": used}),
    ]);
    ended.unwrap();
    streamed_reply.model.clone_from(&reply.model);
    assert_eq!(streamed_reply, reply);
    assert_eq!((reply.text().as_str(), reply.reasoning().as_str(), reply.model.as_str()), ("Hi", "Hm.", "m"));

    let calls = json!([{"name": "f", "parameters": {"a": 1}}]);
    let cited = json!([{"start": 0, "end": 2, "text": "Hi", "documentIds": ["d"]}]);
    let all = json!({"apiFormat": "COHERE", "text": "Hi", "finishReason": "COMPLETE", "toolCalls": calls, "citations": cited, "usage": used});
    let reply = whole(all.clone()).unwrap();
    assert_eq!((reply.text().as_str(), reply.tool_calls().next().unwrap().arguments.as_str()), ("Hi", "{\"a\":1}"));
    let (mut streamed_reply, ended) = streamed(&[
        json!({"apiFormat": "COHERE", "text": "H", "pad": "a"}),
        json!({"apiFormat": "COHERE", "text": "i"}),
        all,
    ]);
    ended.unwrap();
    streamed_reply.model.clone_from(&reply.model);
    assert_eq!(streamed_reply, reply);
}

#[test]
fn failures_are_errors_whole_and_streamed() {
    let failed = json!({"apiFormat": "COHERE", "text": "", "finishReason": "ERROR", "errorMessage": "why"});
    assert_eq!(whole(failed.clone()).unwrap_err().message(), "why");
    assert_eq!(streamed(&[failed]).1.unwrap_err().message(), "why");
    let throttled = json!({"code": "429", "message": "Too many requests"});
    let error = streamed(&[throttled]).1.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimited, "Too many requests"));
    let cut = streamed(&[json!({"index": 0, "message": {"content": [{"type": "TEXT", "text": "H"}]}})]);
    assert_eq!(cut.1.unwrap_err().kind(), ErrorKind::StreamInterrupted);
}

#[test]
fn a_request_to_command_a_is_coheres_in_other_words() {
    let schema = json!({"type": "object", "properties": {"snake_case": {"type": "string"}}});
    let tools = json!([{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema, "strict": true}}]);
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let picture = json!({"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}});
    let messages = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "?"}, picture]},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]);
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let params = json!({"messages": messages, "tools": tools, "tool_choice": "required", "response_format": format,
        "max_tokens": 9, "top_p": 0.5, "top_k": 3, "stop": "x", "logprobs": true, "safety_mode": "off",
        "thinking": {"type": "enabled", "budget_tokens": 100}});
    let (_, body) = sent("cohere.command-a-reasoning-08-2025", params, true).unwrap();
    let text = |text: &str| json!({"type": "TEXT", "text": text});
    let image = json!({"type": "IMAGE_URL", "imageUrl": {"url": "https://a.example/x.png", "detail": "LOW"}});
    let called = json!({"id": "c1", "type": "FUNCTION", "function": {"name": "f", "arguments": "{}"}});
    let wanted = json!({
        "apiFormat": "COHEREV2",
        "messages": [
            {"role": "SYSTEM", "content": [text("Be brief.")]},
            {"role": "USER", "content": [text("?"), image]},
            {"role": "ASSISTANT", "content": [], "toolCalls": [called]},
            {"role": "TOOL", "content": [text("done")], "toolCallId": "c1"},
        ],
        "tools": [{"type": "FUNCTION", "function": {"name": "f", "description": "d", "parameters": schema}}],
        "isStrictToolsEnabled": true, "toolsChoice": "REQUIRED",
        "responseFormat": {"type": "JSON_OBJECT", "schema": schema},
        "maxTokens": 9, "topP": 0.5, "topK": 3, "stopSequences": ["x"], "isLogProbsEnabled": true, "safetyMode": "OFF",
        "thinking": {"type": "ENABLED", "tokenBudget": 100},
        "isStream": true, "streamOptions": {"isIncludeUsage": true},
    });
    assert_eq!(body["chatRequest"], wanted, "{:#}", body["chatRequest"]);
    assert_eq!(body["servingMode"]["modelId"], "cohere.command-a-reasoning-08-2025");
}

#[test]
fn the_format_is_that_of_the_model_or_of_the_setting() {
    for (model, said, format) in [
        ("cohere.command-a-03-2025", None, Format::CohereV2),
        ("cohere.command-r-08-2024", None, Format::Cohere),
        ("meta.llama-4", None, Format::Generic),
        ("ocid1.generativeaiendpoint.oc1.x", None, Format::Generic),
        ("ocid1.generativeaiendpoint.oc1.x", Some("coherev2"), Format::CohereV2),
        ("cohere.command-a-03-2025", Some("COHERE"), Format::Cohere),
    ] {
        assert_eq!(Format::of(model, said), format, "{model} {said:?}");
    }
}

#[test]
fn streams_of_command_a_are_told_from_others_by_their_format_or_by_the_model() {
    let piece = |text: &str| json!({"message": {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": text}]}});
    let with = |mut event: Value, name: &str, value: Value| {
        event[name] = value;
        event
    };
    let request = ChatRequest::new("oci/cohere.command-a-03-2025", "Hi");
    let read = |request: &ChatRequest, events: &[Value]| {
        let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let (chunks, ended) = decode_pieces(oci().chat().unwrap(), request, [text.as_bytes()]);
        ended.map(|()| sum(chunks))
    };
    let finish = json!({"finishReason": "MAX_TOKENS", "message": {"role": "ASSISTANT"}});
    let reply = read(&request, &[piece("H"), piece("i"), finish.clone()]).unwrap();
    assert_eq!((reply.text().as_str(), reply.finish_reason().unwrap().as_str()), ("Hi", "length"));
    let v2 = with(piece("Hi"), "apiFormat", "COHEREV2".into());
    // The last event repeats the text, and what was used comes after it.
    let last = with(piece("Hi"), "finishReason", "COMPLETE".into());
    let used = json!({"usage": {"promptTokens": 3, "completionTokens": 2}});
    let reply = read(&ChatRequest::default(), &[v2.clone(), last, used]).unwrap();
    assert_eq!((reply.text().as_str(), reply.usage.unwrap().total_tokens), ("Hi", 5));
    assert_eq!(read(&ChatRequest::default(), &[v2]).unwrap_err().kind(), ErrorKind::StreamInterrupted);
    let failed = json!({"apiFormat": "COHEREV2", "finishReason": "ERROR", "errorMessage": "why"});
    assert_eq!(read(&request, std::slice::from_ref(&failed)).unwrap_err().message(), "why");
    let error = whole(failed).unwrap_err();
    assert_eq!((error.message(), error.kind()), ("why", ErrorKind::Unavailable));
    assert_eq!(whole(json!({"apiFormat": "COHEREV2"})).unwrap_err().kind(), ErrorKind::InvalidResponse);
}
