//! The laws of the chat types: OpenAI's JSON in and out again loses nothing, no JSON makes them panic, and a stream
//! adds up to the reply that it is.

use std::fs;
use std::path::PathBuf;

use anymodel::chat::{ChunkWriter, Image, Media, Native, Reasoning, Start};
use anymodel::provider::{Queue, Registry};
use anymodel::{
    Accumulator, Annotation, Audio, CacheControl, ChatChunk, ChatRequest, ChatResponse, Content, Delta, Extra,
    FinishReason, Message, Part, ResponseFormat, Role, Seal, Source, Tool, ToolChoice, Usage,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

#[test]
fn a_conversation_is_whatever_says_one() {
    let (text, message) = (String::from("Hi"), anymodel::user("Hi"));
    let several = [message.clone(), message.clone()];
    let messages = |said: ChatRequest| said.messages;
    for said in [messages(ChatRequest::new("m", &text)), messages(ChatRequest::new("m", &message))] {
        assert_eq!(said, [anymodel::user(&text)]);
    }
    for said in [messages(ChatRequest::new("m", &several)), messages(ChatRequest::new("m", &several[..]))] {
        assert_eq!(said, several);
    }
}

/// JSON without members that are `null`, which say nothing.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        Value::Array(list) => list.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn through<T: Serialize + DeserializeOwned>(json: &Value) -> Value {
    let value: T = serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{error}: {json}"));
    without_nulls(serde_json::to_value(value).unwrap())
}

#[track_caller]
fn unchanged<T: Serialize + DeserializeOwned>(json: Value) {
    assert_eq!(through::<T>(&json), without_nulls(json));
}

#[expect(clippy::disallowed_methods, reason = "where recorded traffic is, is no setting of the crate")]
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ANYMODEL_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = root.join(path);
    let there = path.exists();
    if !there {
        eprintln!("skipped: {} is not there (see ANYMODEL_SHARED)", path.display());
    }
    there.then_some(path)
}

// ---- JSON in and out --------------------------------------------------------------------------------------------

#[test]
fn every_form_of_content_comes_out_as_it_went_in() {
    for content in [
        json!("Hello"),
        json!(""),
        json!(null),
        json!([]),
        json!([{"type": "text", "text": "a list of one"}]),
        json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]),
        json!([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "scope": "global"}, "later": [1]}]),
        json!([{"type": "text", "text": "x", "cache_control": "odd"}]),
        json!([{"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low", "format": "image/png", "later": 1}}]),
        json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, {"type": "text", "text": "?"}]),
        json!([{"type": "image_url", "image_url": {"file_id": "file-1"}}]),
        json!([{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav", "later": true}}]),
        json!([{"type": "file", "file": {"file_id": "file-1", "format": "application/pdf"}}]),
        json!([{"type": "file", "file": {"file_id": "https://a/b.pdf"}}]),
        json!([{"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "b.pdf", "later": 1}}]),
        json!([{"type": "file", "file": {"file_data": "AAAA", "filename": "bare.pdf"}}]),
        json!([{"type": "file", "file": {"file_data": "data:text/plain,bare", "filename": "a.txt"}}]),
        json!([{"type": "file", "file": {"file_data": "neither base64: nor an address", "filename": "c.txt"}}]),
        json!([{"type": "file", "file": {"file_data": "data:;base64,gs://", "filename": "d.txt"}}]),
        json!([{"type": "video_url", "video_url": {"url": "https://a/b.mp4", "format": "video/mp4", "fps": 2}}]),
        json!([{"type": "document", "source": {"type": "text"}, "title": null}, {"type": "text", "text": "x"}]),
        json!([{"unknown": true}]),
    ] {
        unchanged::<Message>(json!({"role": "user", "content": content}));
        let call = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
        if content.is_null() || content.is_string() {
            unchanged::<Message>(json!({"role": "assistant", "content": content, "tool_calls": call}));
        }
    }
}

#[test]
fn every_form_of_a_message_comes_out_as_it_went_in() {
    let call = |more: Value| {
        let mut call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call
    };
    for message in [
        json!({"role": "system", "content": "Be brief.", "name": "boss", "later": {"x": 1}}),
        json!({"role": "developer", "content": "Be brief."}),
        json!({"role": "tool", "content": "18", "tool_call_id": "c1", "is_error": true}),
        json!({"role": "function", "content": "18", "name": "f"}),
        json!({"role": "assistant", "tool_calls": [call(json!({})), call(json!({"index": 1}))]}),
        json!({"role": "assistant", "content": "", "tool_calls": [call(json!({"extra_content": {"google": {"thought_signature": "s"}}}))]}),
        json!({"role": "assistant", "tool_calls": [call(json!({"provider_specific_fields": {"thought_signature": "s", "more": 1}}))]}),
        json!({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "", "later": 1}}]}),
        json!({"role": "assistant", "tool_calls": [{"id": "c", "type": "builtin_function", "function": {"name": "$f", "arguments": "x"}}]}),
        json!({"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "free text"}}]}),
        json!({"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}),
        json!({"role": "assistant", "refusal": "No."}),
        json!({"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}),
        json!({"role": "assistant", "content": "Yes.", "reasoning_content": "Hm.", "thinking_blocks": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s", "cache_control": {"type": "ephemeral"}, "later": 1},
            {"type": "redacted_thinking", "data": "d"}, {"type": "thinking", "thinking": "", "signature": "t", "provider": "acme"}]}),
        json!({"role": "assistant", "audio": {"id": "audio_1", "data": "AAAA", "transcript": "Hi", "expires_at": 9, "later": 1}}),
        json!({"role": "assistant", "audio": {"id": "audio_1", "data": ""}}),
        json!({"role": "assistant", "content": "Here.", "images": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}, "index": 0},
            {"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}),
        json!({"role": "assistant", "content": "Cited.", "annotations": [
            {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 5, "url": "https://a", "title": "A", "content": "c"}},
            {"type": "file_citation", "file_citation": {"file_id": "f", "start_index": -1}}]}),
        json!({"role": "assistant", "content": "all", "refusal": "no", "reasoning_content": "why", "tool_calls": [call(json!({}))],
            "images": [{"type": "image_url", "image_url": {"url": "https://a"}}], "audio": {"data": "AA=="}}),
    ] {
        let mut expected = message.clone();
        if let Some(audio) = expected.get_mut("audio").and_then(Value::as_object_mut) {
            audio.entry("data").or_insert_with(|| "".into());
        }
        assert_eq!(through::<Message>(&message), expected);
    }
}

#[test]
fn every_form_of_a_parameter_comes_out_as_it_went_in() {
    let function = json!({"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true});
    for (name, value) in [
        ("stop", json!("END")),
        ("stop", json!(["END", "STOP"])),
        ("reasoning_effort", json!("xhigh")),
        ("reasoning_effort", json!("ludicrous")),
        ("reasoning_effort", json!({"effort": "high", "summary": "auto"})),
        ("thinking", json!({"type": "enabled", "budget_tokens": 99, "display": "omitted"})),
        ("thinking", json!({"type": "sometimes"})),
        ("response_format", json!({"type": "text"})),
        ("response_format", json!({"type": "json_object"})),
        ("response_format", json!({"type": "json_object", "response_schema": {"type": "object"}})),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}, "later": 1}}),
        ),
        ("response_format", json!({"type": "grammar", "value": "root ::= x"})),
        ("tool_choice", json!("auto")),
        ("tool_choice", json!("none")),
        ("tool_choice", json!("required")),
        ("tool_choice", json!({"type": "function", "function": {"name": "f"}})),
        ("tool_choice", json!({"type": "function", "function": {"name": "f"}, "later": 1})),
        ("tool_choice", json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto"}})),
        ("tools", json!([{"type": "function", "function": function}])),
        (
            "tools",
            json!([{"type": "function", "function": {"name": "f", "later": 1}, "cache_control": {"type": "ephemeral"}, "later": 2}]),
        ),
        ("tools", json!([{"type": "function", "function": {"name": "f", "strict": "maybe", "description": 1}}])),
        ("tools", json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}])),
        ("tools", json!([{"name": "f", "input_schema": {"type": "object"}}])),
        (
            "web_search_options",
            json!({"search_context_size": "low", "user_location": {"type": "approximate"}, "later": 1}),
        ),
        ("logit_bias", json!({"50256": -100})),
        ("audio", json!({"voice": "alloy", "format": "wav"})),
        ("top_k", json!(40)),
        ("later", json!({"a": [1, {"b": false}]})),
    ] {
        let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        request[name] = value;
        unchanged::<ChatRequest>(request);
    }
}

#[test]
fn every_field_of_a_reply_comes_out_as_it_went_in() {
    unchanged::<ChatResponse>(json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "fp", "service_tier": "default",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi", "later": 1}, "finish_reason": "tired",
            "native_finish_reason": "t", "logprobs": {"content": [{"token": "Hi", "logprob": -0.5}]}, "later": 2}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 0.5, "later": 3,
            "prompt_tokens_details": {"cached_tokens": 0, "later": 4}, "completion_tokens_details": {"reasoning_tokens": 1, "later": 5},
            "server_tool_use": {"web_search_requests": 1, "later": 6}},
        "later": {"x": null, "y": 1},
    }));
}

#[test]
fn every_parity_request_comes_out_as_it_went_in() {
    let Some(path) = shared("parity/encode_cases.json") else { return };
    let cases: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(cases.len() > 1000);
    for case in cases {
        assert_eq!(through::<ChatRequest>(&case["request"]), without_nulls(case["request"].clone()), "{}", case["id"]);
    }
}

#[test]
fn every_recorded_reply_of_openai_keeps_its_fields() {
    let Some(folder) = shared("fixtures/openai") else { return };
    let mut seen = 0;
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let fixture: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let (response, body) = (&fixture["response"], &fixture["response"]["body"]);
        if fixture["operation"] != "chat" || response["status"] != 200 || body["choices"].is_null() {
            continue;
        }
        assert_holds(&through::<ChatResponse>(body), &without_nulls(body.clone()), &path.display().to_string());
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

/// Whether `some` has all that `wanted` has; empty lists and objects say nothing.
#[track_caller]
fn assert_holds(some: &Value, wanted: &Value, at: &str) {
    match (some, wanted) {
        (Value::Object(some), Value::Object(wanted)) => {
            for (name, wanted) in wanted {
                if *wanted != json!([]) && *wanted != json!({}) {
                    assert_holds(some.get(name).unwrap_or(&Value::Null), wanted, &format!("{at}.{name}"));
                }
            }
        }
        (Value::Array(some), Value::Array(wanted)) if some.len() == wanted.len() => {
            for (place, (some, wanted)) in some.iter().zip(wanted).enumerate() {
                assert_holds(some, wanted, &format!("{at}[{place}]"));
            }
        }
        _ => assert_eq!(some, wanted, "{at}"),
    }
}

// ---- types out and in -------------------------------------------------------------------------------------------

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), ".{1,6}"]
}

fn extra() -> impl Strategy<Value = Extra> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text().prop_map(Value::from)
    ];
    prop_oneof![4 => Just(Extra::new()), 1 => vec(("x_[a-z]{1,2}", value), 1..3).prop_map(Extra::from_iter)]
}

fn marker() -> impl Strategy<Value = Option<CacheControl>> {
    prop_oneof![4 => Just(None), 1 => Just(Some(CacheControl::ephemeral())), 1 => Just(Some(CacheControl::one_hour()))]
}

fn seal() -> impl Strategy<Value = Option<Seal>> {
    let seal = (select(vec!["anthropic", "gemini", "acme"]), text()).prop_map(|(who, value)| Seal::new(who, value));
    prop_oneof![2 => Just(None), 1 => seal.prop_map(Some)]
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        "[a-z]{0,4}".prop_map(|name| Source::Url(format!("https://{name}"))),
        (select(vec!["image/png", "application/pdf", ""]), "[A-Za-z0-9+/]{0,8}")
            .prop_map(|(kind, data)| Source::Base64 { media_type: kind.to_owned(), data }),
        "[a-z0-9-]{0,6}".prop_map(Source::FileId),
    ]
}

fn media() -> impl Strategy<Value = Media> {
    (source(), of(text()), of(text())).prop_map(|(source, name, format)| Media { source, name, format })
}

fn audio() -> impl Strategy<Value = Audio> {
    (text(), of(text()), of(text()), of(text()), of(any::<u64>()))
        .prop_map(|(data, format, id, transcript, expires_at)| Audio { data, format, id, transcript, expires_at })
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        3 => text().prop_map(Content::Text),
        1 => text().prop_map(Content::Refusal),
        1 => (source(), of(text())).prop_map(|(source, detail)| Content::Image(Image { source, detail })),
        1 => media().prop_map(Content::File),
        1 => media().prop_map(Content::Video),
        1 => audio().prop_map(Content::Audio),
        3 => (text(), any::<bool>()).prop_map(|(text, redacted)| Content::Reasoning(Reasoning { text, redacted })),
        2 => (text(), text(), text()).prop_map(|(id, name, json)| Part::tool_call(id, name, json).content),
        1 => (select(vec!["", "anthropic"]), json_value())
            .prop_map(|(provider, value)| Content::Native(Native { provider: provider.into(), value })),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    (content(), marker(), seal(), extra()).prop_map(|(content, cache_control, seal, extra)| {
        let mut part = Part::new(content);
        (part.cache_control, part.seal, part.extra) = (cache_control, seal, extra);
        part
    })
}

fn annotation() -> impl Strategy<Value = Annotation> {
    let kind = select(vec!["url_citation", "file_citation", ""]);
    (kind, of(any::<u64>()), of(any::<u64>()), of(text()), of(text()), extra()).prop_map(
        |(kind, start_index, end_index, url, title, extra)| Annotation {
            kind: kind.to_owned(),
            start_index,
            end_index,
            url,
            title,
            extra,
        },
    )
}

fn role() -> impl Strategy<Value = Role> {
    use Role::{Assistant, Developer, Function, System, Tool, User};
    select(vec![Assistant, Assistant, Assistant, User, User, System, Developer, Tool, Function])
}

fn message() -> impl Strategy<Value = Message> {
    (role(), vec(part(), 0..5), of(text()), of(text()), any::<bool>(), vec(annotation(), 0..2), extra()).prop_map(
        |(role, parts, name, id, is_error, annotations, extra)| {
            let mut message = Message::new(role, parts);
            (message.name, message.tool_call_id, message.is_error) = (name, id, is_error);
            (message.annotations, message.extra) = (annotations, extra);
            message
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_message_written_and_read_again_is_the_same(message in message()) {
        let json = serde_json::to_string(&message).unwrap();
        prop_assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message, "{}", json);
    }

    #[test]
    fn a_block_that_only_looks_like_openais_is_kept_too(
        kind in select(vec!["image_url", "file", "input_audio", "text", "refusal", "thinking", "native"]), json in json_value(),
    ) {
        let message = Message::new(Role::User, [Part::native("", json!({"type": kind, "value": json})), Part::text("x")]);
        let written = serde_json::to_string(&message).unwrap();
        prop_assert_eq!(serde_json::from_str::<Message>(&written).unwrap(), message, "{}", written);
    }

    #[test]
    fn a_message_whose_order_openai_can_tell_needs_no_member_of_ours(
        reasoning in of(".{1,6}"), texts in vec(text(), 0..3), calls in vec(text(), 0..3),
    ) {
        let parts = reasoning.map(Part::reasoning).into_iter().chain(texts.into_iter().map(Part::text));
        let parts: Vec<Part> = parts.chain(calls.into_iter().map(|id| Part::tool_call(id, "f", "{}"))).collect();
        let json = serde_json::to_value(Message::new(Role::Assistant, parts)).unwrap();
        prop_assert!(json.get("parts").is_none(), "{}", json);
    }
}

// ---- hostile JSON -----------------------------------------------------------------------------------------------

/// Any JSON, made of names that the types look for.
fn json_value() -> impl Strategy<Value = Value> {
    const NAMES: [&str; 46] = [
        "",
        "role",
        "content",
        "type",
        "text",
        "name",
        "parts",
        "seal",
        "provider",
        "value",
        "cache_control",
        "image_url",
        "url",
        "file_id",
        "detail",
        "format",
        "input_audio",
        "data",
        "file",
        "file_data",
        "video_url",
        "tool_calls",
        "tool_call",
        "id",
        "function",
        "custom",
        "arguments",
        "input",
        "provider_specific_fields",
        "thought_signature",
        "thinking_blocks",
        "thinking",
        "signature",
        "reasoning_content",
        "refusal",
        "images",
        "audio",
        "annotations",
        "url_citation",
        "redacted",
        "choices",
        "message",
        "usage",
        "messages",
        "tools",
        "reasoning",
    ];
    const WORDS: [&str; 20] = [
        "",
        "user",
        "assistant",
        "text",
        "image_url",
        "input_audio",
        "file",
        "video_url",
        "refusal",
        "reasoning",
        "tool_call",
        "native",
        "thinking",
        "redacted_thinking",
        "function",
        "custom",
        "data:a;base64,AA",
        "https://a",
        "url_citation",
        "é",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| (f64::from(number) / 2.0).into()),
        select(WORDS.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => vec((select(NAMES.to_vec()), inner), 0..5)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()),
        ]
    })
}

/// Reads the JSON; what could be read is written and read again without an error.
fn survives<T: Serialize + DeserializeOwned>(json: &Value) {
    if let Ok(read) = serde_json::from_value::<T>(json.clone()) {
        let text = serde_json::to_string(&read).unwrap();
        serde_json::from_str::<T>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_json_makes_a_type_panic_or_write_what_it_cannot_read(
        json in json_value(), list in vec(json_value(), 0..4), name in select(vec![
            "content", "tool_calls", "thinking_blocks", "images", "annotations", "parts", "audio", "refusal",
        ]),
    ) {
        survives::<Message>(&json);
        survives::<Message>(&json!({"role": "assistant", name: list}));
        survives::<Message>(&json!({"role": "user", name: json}));
        survives::<ChatRequest>(&json);
        survives::<ChatRequest>(&json!({"messages": [{"role": "user", "content": list}], "tools": list, "stop": json, "tool_choice": json}));
        survives::<ChatResponse>(&json);
        survives::<ChatResponse>(&json!({"choices": [{"message": {"content": list}}], "usage": json}));
        survives::<Usage>(&json);
        survives::<Tool>(&json);
        survives::<ToolChoice>(&json);
        survives::<ResponseFormat>(&json);
    }

    #[test]
    fn a_message_read_from_any_json_stays_the_same_from_then_on(json in json_value(), role in select(vec!["user", "assistant"])) {
        let messages = [json!({"role": role, "content": [json]}), json!({"role": role, "thinking_blocks": [json], "content": "x"})];
        for message in messages {
            if let Ok(read) = serde_json::from_value::<Message>(message) {
                let written = serde_json::to_value(&read).unwrap();
                prop_assert_eq!(serde_json::from_value::<Message>(written.clone()).unwrap(), read, "{}", written);
            }
        }
    }
}

// ---- streams ----------------------------------------------------------------------------------------------------

fn sum(chunks: impl IntoIterator<Item = ChatChunk>) -> ChatResponse {
    let mut sum = Accumulator::new();
    sum.extend(chunks);
    sum.into_response()
}

proptest! {
    #[test]
    fn tool_calls_that_come_interleaved_come_out_whole(
        arguments in vec(vec(".{0,4}", 1..5), 1..5), order in vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let begin = |(index, _): (usize, &Vec<String>)| {
            Delta::ToolCall { index: index as u32, id: format!("c{index}"), name: format!("f{index}") }
        };
        let mut deltas: Vec<Delta> = arguments.iter().enumerate().map(begin).collect();
        let mut left: Vec<(usize, std::vec::IntoIter<String>)> =
            arguments.iter().cloned().map(Vec::into_iter).enumerate().collect();
        let mut order = order.into_iter();
        while !left.is_empty() {
            let place = order.next().map_or(0, |index| index.index(left.len()));
            match left[place].1.next() {
                Some(text) => deltas.push(Delta::Arguments { index: left[place].0 as u32, text }),
                None => drop(left.remove(place)),
            }
        }
        let reply = sum(deltas.into_iter().map(ChatChunk::new));
        let whole: Vec<_> = reply.tool_calls().map(|call| (call.id.clone(), call.arguments.clone())).collect();
        let wanted: Vec<_> = arguments.iter().enumerate().map(|(i, pieces)| (format!("c{i}"), pieces.concat())).collect();
        prop_assert_eq!(whole, wanted);
    }

    #[test]
    fn sound_that_is_encoded_piece_by_piece_joins_to_the_sound_that_it_is(pieces in vec(vec(any::<u8>(), 0..9), 1..12)) {
        let chunk = |bytes: &Vec<u8>| {
            ChatChunk::new(Delta::Audio(Box::new(Audio { data: STANDARD.encode(bytes), ..Audio::default() })))
        };
        let reply = sum(pieces.iter().map(chunk));
        let Content::Audio(audio) = &reply.message().unwrap().parts[0].content else { panic!() };
        prop_assert_eq!(&audio.data, &STANDARD.encode(pieces.concat()));
    }
}

#[test]
fn arguments_of_a_call_that_did_not_begin_are_kept() {
    let piece = |text: &str| ChatChunk::new(Delta::Arguments { index: 3, text: text.to_owned() });
    let reply = sum([piece("{\"a\""), piece(":1}")]);
    assert_eq!(reply.tool_calls().next().unwrap().arguments, "{\"a\":1}");
}

#[test]
fn ten_megabytes_of_sound_join_to_ten_megabytes() {
    let piece = STANDARD.encode([7; 1000]);
    let chunk = || ChatChunk::new(Delta::Audio(Box::new(Audio { data: piece.clone(), ..Audio::default() })));
    let reply = sum((0..10_000).map(|_| chunk()));
    let Content::Audio(audio) = &reply.message().unwrap().parts[0].content else { panic!() };
    assert_eq!(audio.data.len(), 10_000_000_usize.div_ceil(3) * 4);
}

/// The steps of a choice in the order in which a stream can have them.
fn choice(index: u32) -> impl Strategy<Value = Vec<ChatChunk>> {
    let said = "[a-zé🦀\"\\\\\n]{1,6}";
    let step = prop_oneof![
        said.prop_map(Delta::Text),
        said.prop_map(Delta::Reasoning),
        said.prop_map(Delta::Refusal),
        said.prop_map(|text| Delta::Part(Box::new(Part::image_url(format!("https://{text}"))))),
        annotation().prop_map(|annotation| Delta::Annotation(Box::new(annotation))),
        said.prop_map(|data| Delta::Audio(Box::new(Audio {
            data: data.clone(),
            transcript: Some(data),
            ..Audio::default()
        }))),
        said.prop_map(|token| Delta::Logprobs(Box::new(json!({"content": [{"token": token, "logprob": -1}]})))),
    ];
    let calls = vec(vec("[a-z{}]{1,4}", 0..3), 0..3);
    let finish = select(vec!["stop", "length", "tool_calls", "content_filter", "tired"]);
    (vec(step, 0..8), calls, finish).prop_map(move |(mut deltas, calls, finish)| {
        let called = !calls.is_empty();
        for (call, pieces) in (0..).zip(calls) {
            deltas.push(Delta::ToolCall { index: call, id: format!("call_{call}"), name: "f".to_owned() });
            deltas.extend(pieces.into_iter().map(|text| Delta::Arguments { index: call, text }));
        }
        let reason = FinishReason::from(if called && finish == "stop" { "tool_calls" } else { finish });
        deltas.push(Delta::Finish { reason, native: None });
        deltas.into_iter().map(|delta| ChatChunk { choice: index, delta }).collect()
    })
}

proptest! {
    #[test]
    fn what_the_chunk_writer_writes_reads_as_the_same_reply(
        first in choice(0), second in choice(1), interleaved in any::<bool>(), tokens in of((any::<u32>(), any::<u32>())),
    ) {
        let start = Start { id: "x".to_owned(), model: "m".to_owned(), created: 7, service_tier: Some("flex".to_owned()), ..Start::default() };
        let mut chunks = vec![ChatChunk::new(Delta::Start(Box::new(start)))];
        if interleaved {
            let (mut first, mut second) = (first.into_iter(), second.into_iter());
            loop {
                let pair = [first.next(), second.next()];
                if pair.iter().all(Option::is_none) { break }
                chunks.extend(pair.into_iter().flatten());
            }
        } else {
            chunks.extend(first);
        }
        chunks.extend(tokens.map(|(a, b)| ChatChunk::new(Delta::Usage(Box::new(Usage::new(a.into(), b.into()))))));
        let mut writer = ChunkWriter::new();
        let mut events: Vec<Value> = chunks.iter().filter_map(|chunk| writer.write(chunk)).collect();
        events.extend(writer.usage());
        let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let openai = Registry::table().get("openai").and_then(|provider| provider.chat()).unwrap();
        let (mut decoder, mut queue) = (openai.stream_decoder(&ChatRequest::default()), Queue::new());
        decoder.push(text.as_bytes(), &mut queue).unwrap();
        decoder.end(&mut queue).unwrap();
        prop_assert_eq!(sum(queue), sum(chunks));
    }
}

#[test]
fn a_seal_is_written_with_the_part_that_it_seals() {
    let mut writer = ChunkWriter::new();
    let mut write = |delta| writer.write(&ChatChunk::new(delta)).unwrap()["choices"][0]["delta"].clone();
    write(Delta::Reasoning("Hm".to_owned()));
    write(Delta::Reasoning(".".to_owned()));
    let seal = |who| Delta::Seal(Box::new(Seal::new(who, "s")));
    let block = json!({"type": "thinking", "thinking": "Hm.", "signature": "s"});
    assert_eq!(write(seal("anthropic")), json!({"thinking_blocks": [block]}));
    write(Delta::Reasoning("Again".to_owned()));
    write(Delta::ToolCall { index: 0, id: "c".to_owned(), name: "f".to_owned() });
    let fields = json!({"thought_signature": "s"});
    assert_eq!(write(seal("gemini")), json!({"tool_calls": [{"index": 0, "provider_specific_fields": fields}]}));
    write(Delta::Text("Hi".to_owned()));
    assert_eq!(write(seal("gemini")), json!({"provider_specific_fields": fields}));
}

#[test]
fn a_whole_part_is_written_whatever_it_is() {
    let mut writer = ChunkWriter::new();
    let mut write = |part| {
        writer.write(&ChatChunk::new(Delta::Part(Box::new(part)))).map(|value| value["choices"][0]["delta"].clone())
    };
    assert_eq!(write(Part::text("Hi")).unwrap(), json!({"content": "Hi", "role": "assistant"}));
    assert_eq!(write(Part::reasoning("Hm")).unwrap(), json!({"reasoning_content": "Hm"}));
    let calls = write(Part::tool_call("c", "f", "{}")).unwrap();
    assert_eq!(calls["tool_calls"][0]["index"], 0);
    assert_eq!(write(Part::tool_call("d", "f", "{}")).unwrap()["tool_calls"][0]["index"], 1);
    assert_eq!(write(Part::file_id("f")), None);
}

#[test]
fn a_list_of_content_beside_our_own_parts_stays_a_list() {
    let json = json!({
        "role": "user", "content": [{"type": "text", "text": "a"}],
        "parts": [{"type": "text", "text": "a"}, {"type": "native", "provider": "gemini", "value": {"x": 1}}],
    });
    let message: Message = serde_json::from_value(json).unwrap();
    let again: Message = serde_json::from_value(serde_json::to_value(&message).unwrap()).unwrap();
    assert_eq!(again, message);
}

#[test]
fn json_in_a_fence_is_read_and_json_with_a_fence_in_it_too() {
    let parse = |text: &str| {
        let choice = json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}});
        let reply: ChatResponse =
            serde_json::from_value(json!({"id": "1", "model": "m", "choices": [choice]})).unwrap();
        reply.parse::<serde_json::Value>().ok()
    };
    for text in ["```json\n{\"a\": 1}\n```", "\n```\r\n{\"a\": 1}```\n", " {\"a\": 1} "] {
        assert_eq!(parse(text), Some(json!({"a": 1})), "{text}");
    }
    assert_eq!(parse("\"```json\\n{}\\n```\""), Some(json!("```json\n{}\n```")));
    for text in ["```", "``````", "```json```", "```json\n```", "```json\n{\"a\": 1}", "Here: ```json\n{}\n```"] {
        assert_eq!(parse(text), None, "{text}");
    }
}
