//! What Bedrock is asked, where one case in `tests/fixtures/bedrock` for each rule is not enough.

use serde_json::{Value, json};

use crate::chat::{ChatRequest, Warning};
use crate::error::{Error, ErrorKind};
use crate::provider::{Registry, Target};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-2-lite-v1:0";
const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";

struct Sent {
    path: String,
    body: Value,
    warnings: Vec<Warning>,
}

fn encode(model: &str, request: Value, stream: bool) -> Result<Sent, Error> {
    let mut request: ChatRequest = serde_json::from_value(request).unwrap();
    request.params.drop_params = request.params.extra.remove("drop_params").is_some();
    let codec = Registry::table().get("bedrock").unwrap().chat().unwrap();
    let target = Target::new(model, "https://bedrock.example");
    let encoded = if stream { codec.encode_stream(&request, &target)? } else { codec.encode(&request, &target)? };
    Ok(Sent {
        path: encoded.request.uri().path().to_owned(),
        body: serde_json::from_slice(encoded.request.body()).unwrap(),
        warnings: encoded.warnings,
    })
}

fn with(more: Value) -> Value {
    let mut request = json!({"messages": [{"role": "user", "content": "Hi"}]});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

#[test]
fn the_path_says_how_the_model_is_asked() {
    for (model, stream, path) in [
        (NOVA, false, "/model/us.amazon.nova-2-lite-v1%3A0/converse"),
        (NOVA, true, "/model/us.amazon.nova-2-lite-v1%3A0/converse-stream"),
        ("invoke/anthropic.claude-v2:1", false, "/model/anthropic.claude-v2%3A1/invoke"),
        ("invoke/anthropic.claude-v2:1", true, "/model/anthropic.claude-v2%3A1/invoke-with-response-stream"),
        (
            "arn:aws:bedrock:us-east-1:1:imported-model/ab",
            false,
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aimported-model%2Fab/converse",
        ),
    ] {
        assert_eq!(encode(model, with(json!({})), stream).unwrap().path, path);
    }
    let nova = encode(&format!("invoke/{NOVA}"), with(json!({})), false).unwrap();
    assert!(nova.path.ends_with("/converse") && nova.warnings[0].parameter == "model");
}

#[test]
fn tools_of_anthropics_own_go_by_invoke_model_unless_the_name_forbids_it() {
    let request = with(json!({"tools": [{"type": "bash_20250124", "name": "bash"}]}));
    assert!(encode(CLAUDE, request.clone(), false).unwrap().path.ends_with("/invoke"));
    for model in [format!("converse/{CLAUDE}"), NOVA.to_owned()] {
        let error = encode(&model, request.clone(), false).map(|_| ()).unwrap_err();
        assert!(error.message().contains("bash_20250124"), "{error}");
    }
    let block = json!({"messages": [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": null, "parts": [
        {"type": "native", "provider": "anthropic", "value": {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}}
    ]}]});
    assert!(encode(CLAUDE, block.clone(), false).unwrap().path.ends_with("/invoke"));
    assert!(encode(NOVA, block, false).unwrap().path.ends_with("/converse"));
}

#[test]
fn a_call_is_forced_as_far_as_the_family_can_be() {
    let tools = json!([tool("a"), tool("b")]);
    for (model, choice, sent) in [
        (NOVA, json!("required"), json!({"any": {}})),
        (NOVA, json!({"type": "function", "function": {"name": "b"}}), json!({"tool": {"name": "b"}})),
        ("deepseek.v3-v1:0", json!("required"), json!({"any": {}})),
        (LLAMA, json!("auto"), json!({"auto": {}})),
    ] {
        let sent_body = encode(model, with(json!({"tools": tools, "tool_choice": choice})), false).unwrap().body;
        assert_eq!(sent_body["toolConfig"]["toolChoice"], sent, "{model}");
    }
    let named = json!({"type": "function", "function": {"name": "b"}});
    for (model, choice) in [(LLAMA, json!("required")), ("deepseek.v3-v1:0", named.clone())] {
        let request = with(json!({"tools": tools, "tool_choice": choice}));
        assert_eq!(encode(model, request.clone(), false).map(|_| ()).unwrap_err().kind(), ErrorKind::Unsupported);
        let mut dropping = request;
        dropping["drop_params"] = json!(true);
        let sent = encode(model, dropping, false).unwrap();
        assert_eq!(sent.warnings[0].parameter, "tool_choice");
        assert!(sent.body["toolConfig"].get("toolChoice").is_none());
    }
    let only = with(json!({"tools": [tool("b")], "tool_choice": named}));
    assert_eq!(encode("deepseek.v3-v1:0", only, false).unwrap().body["toolConfig"]["toolChoice"], json!({"any": {}}));
    let none = with(json!({"tools": tools, "tool_choice": "none"}));
    assert!(encode(NOVA, none, false).unwrap().body.get("toolConfig").is_none());
}

#[test]
fn each_family_is_told_to_reason_in_its_own_field() {
    let fields = |model: &str, request: Value| {
        encode(model, with(request), false).map(|sent| sent.body["additionalModelRequestFields"].clone())
    };
    let high = json!({"reasoning_effort": "high"});
    assert_eq!(fields(NOVA, high.clone()).unwrap()["reasoningConfig"]["maxReasoningEffort"], "high");
    assert_eq!(fields("openai.gpt-5.5", high.clone()).unwrap(), json!({"reasoning": {"effort": "high"}}));
    assert_eq!(fields("openai.gpt-oss-20b-1:0", high.clone()).unwrap(), json!({"reasoning_effort": "high"}));
    assert_eq!(
        fields("anthropic/arn:aws:bedrock:us-east-1:1:application-inference-profile/a", high.clone()).unwrap()["thinking"]
            ["type"],
        "enabled"
    );
    for model in [LLAMA, "us.amazon.nova-pro-v1:0", "us.deepseek.r1-v1:0"] {
        assert_eq!(fields(model, high.clone()).unwrap_err().kind(), ErrorKind::Unsupported, "{model}");
    }
    assert_eq!(fields(NOVA, json!({"reasoning_effort": "max"})).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(fields(NOVA, json!({"reasoning_effort": "none"})).unwrap(), Value::Null);
}

/// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>, which has Claude and Nova.
#[test]
fn cache_markers_go_to_models_that_cache_prompts_and_are_left_out_for_others_with_a_warning() {
    let marker = json!({"type": "ephemeral"});
    let request = json!({
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Long.", "cache_control": marker}]},
            {"role": "user", "content": "Hi", "cache_control": marker},
        ],
        "tools": [{"type": "function", "function": {"name": "a"}, "cache_control": marker}],
    });
    let points = |model: &str| {
        let sent = encode(model, request.clone(), false).unwrap();
        (
            sent.body.to_string().matches("cachePoint").count(),
            sent.warnings.iter().any(|warning| warning.parameter == "cache_control"),
        )
    };
    for model in [NOVA, CLAUDE] {
        assert_eq!(points(model), (3, false), "{model}");
    }
    for model in [LLAMA, "us.deepseek.r1-v1:0", "openai.gpt-oss-20b-1:0", "qwen.qwen3-32b-v1:0"] {
        assert_eq!(points(model), (0, true), "{model}");
    }
}

#[test]
fn a_stop_text_of_white_space_is_left_out_for_claude_alone() {
    let stops = |model: &str| {
        let sent = encode(model, with(json!({"stop": ["\n", "END", ""]})), false).unwrap();
        (sent.body["inferenceConfig"]["stopSequences"].clone(), sent.warnings.len())
    };
    assert_eq!(stops(CLAUDE), (json!(["END"]), 1));
    assert_eq!(stops(NOVA), (json!(["\n", "END"]), 1));
}

#[test]
fn what_has_no_place_is_an_error_that_names_it() {
    let content = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    for (request, words) in [
        (content(json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}})), "s3:"),
        (content(json!({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA=="}})), "tiff"),
        (content(json!({"type": "file", "file": {"file_id": "file-1"}})), "by its id"),
        (content(json!({"type": "brand_new"})), "brand_new"),
        (with(json!({"n": 2})), "`n`"),
        (with(json!({"seed": 2, "logprobs": true})), "`seed`, `logprobs`"),
        (with(json!({"tools": [tool("a b"), tool("a_b")]})), "same name"),
        (json!({"messages": [{"role": "system", "content": "Be brief."}]}), "beside those of the system"),
    ] {
        let error = encode(NOVA, request, false).map(|_| ()).unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn a_seal_goes_to_the_family_that_made_it_or_to_one_that_the_name_hides() {
    let reasoning = |provider: &str, text: &str| json!({"type": "reasoning", "text": text, "seal": {"provider": provider, "value": "c2ln"}});
    let request = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": null, "parts": [
        reasoning("anthropic", "of Claude"), reasoning("bedrock", "of Nova"), reasoning("gemini", "of Gemini"),
        {"type": "text", "text": "y"}
    ]}]});
    let hidden = "arn:aws:bedrock:us-east-1:1:application-inference-profile/a";
    for (model, kept) in [
        (CLAUDE, &["of Claude"][..]),
        (NOVA, &["of Nova"]),
        ("deepseek.v3-v1:0", &["of Nova"]),
        ("moonshot.kimi-k2-thinking", &["of Nova"]),
        (hidden, &["of Claude", "of Nova"]),
    ] {
        let body = encode(model, request.clone(), false).unwrap().body;
        let blocks = body["messages"][1]["content"].as_array().unwrap().iter();
        let texts: Vec<&str> =
            blocks.filter_map(|block| block.pointer("/reasoningContent/reasoningText/text")?.as_str()).collect();
        assert_eq!(texts, kept, "{model}");
    }
}

#[test]
fn long_ids_stay_apart_and_calls_find_their_results() {
    let (one, two) = ("x".repeat(80) + "1", "x".repeat(80) + "2");
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "a", "arguments": "{}"}});
    let request = json!({"tools": [tool("a")], "messages": [
        {"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call(&one), call(&two)]},
        {"role": "tool", "tool_call_id": one, "content": "1"}, {"role": "tool", "tool_call_id": two, "content": "2"}
    ]});
    let body = encode(NOVA, request, false).unwrap().body;
    let id = |turn: usize, block: usize, kind: &str| {
        body["messages"][turn]["content"][block][kind]["toolUseId"].as_str().unwrap().to_owned()
    };
    assert_eq!((id(1, 0, "toolUse"), id(1, 1, "toolUse")), (id(2, 0, "toolResult"), id(2, 1, "toolResult")));
    assert!(id(1, 0, "toolUse") != id(1, 1, "toolUse") && id(1, 0, "toolUse").len() == 64);
}

#[test]
fn how_a_guardrail_watches_a_stream_is_said_of_streams_alone() {
    let request = with(json!({"guardrailConfig": {"guardrailIdentifier": "a", "streamProcessingMode": "sync"}}));
    assert_eq!(encode(NOVA, request.clone(), true).unwrap().body["guardrailConfig"]["streamProcessingMode"], "sync");
    assert_eq!(encode(NOVA, request, false).unwrap().body["guardrailConfig"], json!({"guardrailIdentifier": "a"}));
}

#[test]
fn bare_names_of_bedrocks_models_and_profiles_are_bedrocks() {
    for name in [
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "anthropic.claude-v2:1",
        "amazon.nova-pro-v1:0",
        "global.openai.gpt-5.5",
    ] {
        let resolved = Registry::table().resolve(name).unwrap();
        assert_eq!((resolved.provider(), resolved.model()), ("bedrock", name));
    }
}
