//! The rules of replies, whole and streamed.

use http::Response;
use serde_json::{Value, json};

use super::*;
use crate::chat::{Accumulator, ChatResponse, Content};
use crate::error::ErrorKind;
use crate::provider::{Queue, WireFormat};

fn gemini() -> Gemini {
    Gemini::new(ProviderSpec::new("gemini", WireFormat::Gemini, "https://example.com"))
}

fn decode(body: impl Into<Bytes>) -> Result<ChatResponse> {
    match gemini().chat().unwrap().decode(&ChatRequest::default(), &Response::new(body.into()))? {
        Progress::Done(reply) => Ok(reply),
        Progress::Poll { .. } => panic!("a chat is not polled"),
    }
}

/// The sum of a stream that comes in these pieces.
fn accumulate<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<ChatResponse> {
    let mut queue = Queue::new();
    let mut decoder = gemini().stream_decoder(&ChatRequest::default());
    for piece in pieces {
        decoder.push(piece, &mut queue)?;
    }
    decoder.end(&mut queue)?;
    let mut sum = Accumulator::new();
    sum.extend(queue);
    Ok(sum.into_response())
}

fn events(fragments: &[Value]) -> String {
    fragments.iter().map(|fragment| format!("data: {fragment}\n\n")).collect()
}

fn stream(fragments: &[Value]) -> Result<ChatResponse> {
    accumulate([events(fragments).as_bytes()])
}

/// A reply of one candidate with these parts.
fn reply(parts: Value) -> Value {
    json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP"}], "responseId": "r1"})
}

#[test]
fn fragments_add_up_to_the_whole() {
    let call = json!({"functionCall": {"name": "f", "args": {"x": 210.50}}, "thoughtSignature": "s2"});
    let parts = [
        json!([{"text": "Let me", "thought": true}]),
        json!([{"text": " see.", "thought": true}, {"text": "It is "}]),
        json!([{"text": "so."}]),
        json!([{"text": "", "thoughtSignature": "s1"}]),
        json!([call, {"functionCall": {"name": "g"}}]),
    ];
    let mut fragments: Vec<Value> = parts.iter().map(|parts| reply(parts.clone())).collect();
    for fragment in fragments.iter_mut().take(4) {
        fragment["candidates"][0].as_object_mut().unwrap().shift_remove("finishReason");
    }
    let whole = decode(
        reply(json!([{"text": "Let me see.", "thought": true}, {"text": "It is so.", "thoughtSignature": "s1"}, call,
            {"functionCall": {"name": "g", "args": {}}}]))
        .to_string(),
    )
    .unwrap();
    assert_eq!(stream(&fragments).unwrap(), whole);
    assert_eq!(whole.finish_reason().unwrap().as_str(), "tool_calls");
    let message = whole.message().unwrap();
    assert_eq!((message.reasoning().as_str(), message.text().as_str()), ("Let me see.", "It is so."));
    assert_eq!(message.parts[1].seal_of(NAME), Some("s1"));
    assert_eq!(message.parts[2].seal_of(NAME), Some("s2"));
    let calls: Vec<_> = message.tool_calls().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
    assert_eq!(calls, [("call_r1_0", r#"{"x":210.5}"#), ("call_r1_1", "{}")]);
}

#[test]
fn a_call_keeps_the_id_that_gemini_gave() {
    let reply =
        decode(reply(json!([{"functionCall": {"id": "s5108oje", "name": "f", "args": {}}}])).to_string()).unwrap();
    assert_eq!(reply.tool_calls().next().unwrap().id, "s5108oje");
}

#[test]
fn a_reason_that_each_fragment_repeats_does_not_repeat_the_sources() {
    let grounding = json!({"groundingChunks": [{"web": {"uri": "https://a.example"}}], "webSearchQueries": ["q"]});
    let mut fragment = reply(json!([{"text": "a"}]));
    fragment["candidates"][0]["groundingMetadata"] = grounding.clone();
    fragment["usageMetadata"] = json!({"promptTokenCount": 1});
    let sum = stream(&[fragment.clone(), fragment.clone(), fragment]).unwrap();
    assert_eq!((sum.text().as_str(), sum.message().unwrap().annotations.len()), ("aaa", 1));
    assert_eq!(sum.extra.get("grounding_metadata"), Some(&json!([grounding])));
    assert_eq!(sum.usage.unwrap().server_tool_use.unwrap().web_search_requests, Some(1));
}

#[test]
fn more_candidates_than_any_request_can_ask_for_are_an_error() {
    let fragment = |index: u32| json!({"candidates": [{"index": index, "finishReason": "STOP", "safetyRatings": [1]}]});
    let reply = stream(&(0..128).map(fragment).collect::<Vec<_>>()).unwrap();
    assert_eq!((reply.choices.len(), reply.extra.get("safety_ratings").unwrap()[127].clone()), (128, json!([1])));
    assert_eq!(stream(&(0..129).map(fragment).collect::<Vec<_>>()).unwrap_err().kind(), ErrorKind::InvalidResponse);
}

#[test]
fn a_signature_without_anything_to_seal_is_kept_by_itself() {
    let reply = decode(reply(json!([{"functionCall": {"name": "f"}}, {"thoughtSignature": "s"}])).to_string()).unwrap();
    let parts = &reply.message().unwrap().parts;
    assert_eq!((parts.len(), parts[1].as_text(), parts[1].seal_of(NAME)), (2, Some(""), Some("s")));
}

#[test]
fn parts_that_only_gemini_understands_stay_as_they_are() {
    let code = json!({"executableCode": {"language": "PYTHON", "code": "print(1)"}});
    let thought = json!({"inlineData": {"mimeType": "image/png", "data": "AQ=="}, "thought": true});
    let reply =
        decode(reply(json!([code, thought, {"inlineData": {"mimeType": "image/png", "data": "Ag=="}}])).to_string())
            .unwrap();
    let parts = &reply.message().unwrap().parts;
    let native = |place: usize| match &parts[place].content {
        Content::Native(native) => native.value.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((native(0), native(1)), (code, thought));
    assert!(matches!(parts[2].content, Content::Image(_)));
}

#[test]
fn sound_that_comes_in_pieces_is_joined() {
    let piece = |data: &str| json!([{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}}]);
    let mut first = reply(piece("AQI="));
    first["candidates"][0].as_object_mut().unwrap().shift_remove("finishReason");
    let reply = stream(&[first, reply(piece("AwQ="))]).unwrap();
    let Content::Audio(audio) = &reply.message().unwrap().parts[0].content else { panic!("no sound") };
    assert_eq!((audio.data.as_str(), audio.format.as_deref()), ("AQIDBA==", Some("pcm16")));
}

#[test]
fn a_prompt_that_is_refused_is_a_reply_that_was_held_back() {
    let body = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8}});
    let whole = decode(body.to_string()).unwrap();
    assert_eq!(whole.finish_reason().unwrap().as_str(), "content_filter");
    assert_eq!(whole.choices[0].native_finish_reason.as_deref(), Some("SAFETY"));
    assert!(whole.message().unwrap().parts.is_empty());
    assert_eq!(whole.usage.as_ref().unwrap().prompt_tokens, 8);
    assert_eq!(stream(&[body]).unwrap(), whole);
}

#[test]
fn citations_log_probabilities_and_raw_metadata_are_kept() {
    let grounding = json!({"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 4, "endIndex": 8, "text": "zwei"}, "groundingChunkIndices": [0]}],
        "webSearchQueries": ["q1", "q2"]});
    let mut body = reply(json!([{"text": "eü zwei"}]));
    body["candidates"][0]["groundingMetadata"] = grounding.clone();
    body["candidates"][0]["logprobsResult"] = json!({"chosenCandidates": [{"token": "e", "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "x", "logProbability": -1.5}]}]});
    body["usageMetadata"] =
        json!({"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3, "serviceTier": "flex"});
    body["createTime"] = json!("2026-04-10T13:47:44.065664Z");
    body["modelVersion"] = json!("gemini-x");
    let reply = decode(body.to_string()).unwrap();
    let cited = &reply.message().unwrap().annotations[0];
    assert_eq!(
        (cited.start_index, cited.end_index, cited.url.as_deref()),
        (Some(3), Some(7), Some("https://a.example"))
    );
    assert_eq!(reply.extra.get("grounding_metadata"), Some(&json!([grounding])));
    assert_eq!(
        reply.choices[0].logprobs,
        Some(json!({"content": [{"token": "e", "logprob": -0.5, "bytes": [101],
            "top_logprobs": [{"token": "x", "logprob": -1.5, "bytes": [120]}]}]}))
    );
    let usage = reply.usage.as_ref().unwrap();
    assert_eq!((usage.total_tokens, usage.server_tool_use.as_ref().unwrap().web_search_requests), (3, Some(2)));
    assert_eq!(
        (reply.created, reply.model.as_str(), reply.service_tier.as_deref()),
        (1_775_828_864, "gemini-x", Some("flex"))
    );
    assert_eq!(stream(&[body]).unwrap(), reply);
}

#[test]
fn usage_is_reported_when_it_changes() {
    let mut queue = Queue::new();
    let mut decoder = gemini().stream_decoder(&ChatRequest::default());
    for (text, count) in [("a", 1), ("b", 1), ("c", 2)] {
        let fragment = json!({"candidates": [{"content": {"parts": [{"text": text}]}}], "usageMetadata": {"promptTokenCount": count}});
        decoder.push(events(&[fragment]).as_bytes(), &mut queue).unwrap();
    }
    assert_eq!(queue.iter().filter(|chunk| matches!(chunk.delta, crate::chat::Delta::Usage(_))).count(), 2);
}

#[test]
fn an_error_inside_a_stream_is_typed() {
    let error = json!({"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}});
    let fragment = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]});
    assert_eq!(stream(&[fragment.clone(), error.clone()]).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(stream(&[fragment, json!([error])]).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(decode(error.to_string()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn what_is_no_reply_is_an_invalid_response() {
    for body in ["", "<html>", "{}", "[]", r#"{"candidates": 7}"#, r#"{"choices": []}"#] {
        assert_eq!(decode(body.to_owned()).unwrap_err().kind(), ErrorKind::InvalidResponse, "{body}");
    }
}
