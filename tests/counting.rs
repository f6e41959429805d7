//! Counting tokens at the provider: what is asked, through the real client and the simulator, and what comes of it.
//!
//! The bodies are those of `CountMessageTokensParams` (Anthropic's OpenAPI description), `CountTokensRequest`
//! (`generative_service.proto`) and `TokenCountsBody` (OpenAI's OpenAPI description).
#![cfg(all(feature = "client", feature = "mock"))]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::mock::{Fault, MockServer, Reply, Request};
use anymodel::provider::{ProviderSpec, WireFormat};
use anymodel::{
    CallInfo, CallOptions, ChatRequest, ChatResponse, ChatStream, Client, ClientBuilder, Complete, Completion, Error,
    ErrorKind, Message, Observer, Outcome, Part, Result, RetryPolicy, TokenCount, Tool, assistant, system, tool_result,
    user,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// The providers that count: model, and the path at which it is asked.
const COUNTING: [(&str, &str); 4] = [
    ("openai/gpt-5", "/v1/responses/input_tokens"),
    ("anthropic/claude-sonnet-4-5", "/v1/messages/count_tokens"),
    ("gemini/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:countTokens"),
    (
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens",
    ),
];

fn builder(server: &MockServer) -> ClientBuilder {
    Client::builder()
        .environment(Environment::none())
        .api_base("openai", format!("{}/v1", server.url()))
        .api_base("anthropic", server.url())
        .api_base("gemini", server.url())
        .api_base("bedrock", server.url())
        .api_base("groq", format!("{}/v1", server.url()))
        .api_base("ollama", server.url())
        .api_key("openai", "sk-secret")
        .api_key("anthropic", "sk-secret")
        .api_key("gemini", "sk-secret")
        .api_key("bedrock", "sk-secret")
        .api_key("groq", "sk-secret")
        .retry(RetryPolicy::new(0))
}

async fn start() -> (MockServer, Client) {
    let server = MockServer::start().await.unwrap();
    let client = builder(&server).build().unwrap();
    (server, client)
}

fn only(server: &MockServer) -> Request {
    let mut all = server.take_requests();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// A call with all that a prompt is made of.
fn rich(client: &Client, model: &str) -> Completion {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let messages = [
        system("Be brief."),
        user([Part::text("Weather here?"), Part::image([1, 2, 3], "image/png")]),
        assistant([Part::text("Let me see."), Part::tool_call("call_1", "weather", r#"{"city": "Paris"}"#)]),
        tool_result("call_1", "18 °C"),
        user("And tomorrow?"),
    ];
    client
        .completion(model, messages)
        .tool(Tool::function("weather", "The weather of a city.").parameters(schema))
        .tool_choice(anymodel::ToolChoice::Required)
}

/// What says how the reply is made, kept or paid for.
fn sampled(call: Completion) -> Completion {
    call.temperature(0.5)
        .top_p(0.9)
        .stop("END")
        .max_tokens(9000)
        .seed(7)
        .user("u1")
        .service_tier("auto")
        .logprobs(true)
        .presence_penalty(0.5)
        .store(true)
        .n(2)
}

#[tokio::test]
async fn each_provider_is_asked_in_its_own_form_at_its_own_address() {
    let (server, client) = start().await;
    let weather = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let bodies = [
        json!({
            "model": "gpt-5",
            "input": [
                {"type": "message", "role": "system", "content": "Be brief."},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "Weather here?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AQID"}]},
                {"type": "message", "role": "assistant", "content": "Let me see."},
                {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{\"city\": \"Paris\"}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "18 °C"},
                {"type": "message", "role": "user", "content": "And tomorrow?"},
            ],
            "tools": [{"type": "function", "name": "weather", "description": "The weather of a city.",
                "parameters": weather, "strict": false}],
            "tool_choice": "required",
        }),
        json!({
            "model": "claude-sonnet-4-5",
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "Weather here?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AQID"}}]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Paris"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "18 °C"},
                    {"type": "text", "text": "And tomorrow?"}]},
            ],
            "tools": [{"type": "custom", "name": "weather", "description": "The weather of a city.",
                "input_schema": weather}],
            "tool_choice": {"type": "any"},
        }),
        json!({"generateContentRequest": {
            "model": "models/gemini-2.5-flash",
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [
                    {"text": "Weather here?"}, {"inlineData": {"mimeType": "image/png", "data": "AQID"}}]},
                {"role": "model", "parts": [
                    {"text": "Let me see."}, {"functionCall": {"name": "weather", "args": {"city": "Paris"}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"content": "18 °C"}}}]},
                {"role": "user", "parts": [{"text": "And tomorrow?"}]},
            ],
            "tools": [{"functionDeclarations": [
                {"name": "weather", "description": "The weather of a city.", "parameters": {
                    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        }}),
        json!({"input": {"converse": {
            "messages": [
                {"role": "user", "content": [
                    {"text": "Weather here?"}, {"image": {"format": "png", "source": {"bytes": "AQID"}}}]},
                {"role": "assistant", "content": [
                    {"text": "Let me see."},
                    {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Paris"}}}]},
                {"role": "user", "content": [
                    {"toolResult": {"toolUseId": "call_1", "content": [{"text": "18 °C"}]}},
                    {"text": "And tomorrow?"}]},
            ],
            "system": [{"text": "Be brief."}],
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "weather", "description": "The weather of a city.",
                    "inputSchema": {"json": weather}}}],
                "toolChoice": {"any": {}},
            },
        }}}),
    ];
    for ((model, path), body) in COUNTING.into_iter().zip(bodies) {
        let count = sampled(rich(&client, model)).count_tokens().await.unwrap();
        assert!(count.exact && count.tokens > 10, "{model}: {count:?}");
        let sent = only(&server);
        assert_eq!((sent.method().as_str(), sent.path(), sent.query()), ("POST", path, ""));
        assert_eq!(sent.json(), body, "{model}");
        let key = ["authorization", "x-api-key", "x-goog-api-key"].iter().filter_map(|name| sent.header(name));
        assert_eq!(key.map(|key| key.trim_start_matches("Bearer ")).collect::<Vec<_>>(), ["sk-secret"]);
    }
}

#[tokio::test]
async fn how_the_reply_is_sampled_changes_no_byte_of_the_count() {
    let (server, client) = start().await;
    for (model, _) in COUNTING {
        let plain = rich(&client, model).count_tokens().await.unwrap();
        let with = sampled(rich(&client, model)).count_tokens().await.unwrap();
        let more = rich(&client, model).tool(Tool::function("more", "One more.")).count_tokens().await.unwrap();
        assert_eq!(plain, with);
        assert!(more.tokens > plain.tokens, "{model}");
        let [one, two, three] = server.take_requests().try_into().unwrap();
        assert!(one.body() == two.body() && one.body() != three.body(), "{model}");
    }
}

#[tokio::test]
async fn the_form_of_the_reply_and_the_reasoning_count() {
    let (server, client) = start().await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
        "additionalProperties": false});
    for (model, _) in COUNTING {
        let format = anymodel::ResponseFormat::json_schema("answer", schema.clone());
        let call = client.completion(model, "Hi").response_format(format).reasoning_effort("low").max_tokens(4000);
        call.count_tokens().await.unwrap();
    }
    let bodies: Vec<Value> = server.take_requests().iter().map(Request::json).collect();
    assert_eq!(
        (&bodies[0]["text"], &bodies[0]["reasoning"]),
        (
            &json!({"format": {"type": "json_schema", "name": "answer", "strict": true, "schema": schema}}),
            &json!({"effort": "low"})
        )
    );
    assert_eq!(bodies[1]["output_config"]["format"], json!({"type": "json_schema", "schema": schema}));
    assert_eq!(bodies[1]["thinking"], json!({"type": "enabled", "budget_tokens": 1024}));
    let config = &bodies[2]["generateContentRequest"]["generationConfig"];
    assert_eq!(config["responseMimeType"], "application/json");
    assert_eq!(config["responseJsonSchema"], schema);
    assert!(config.get("maxOutputTokens").is_none() && config.get("thinkingConfig").is_some(), "{config}");
    let fields = &bodies[3]["input"]["converse"]["additionalModelRequestFields"];
    assert_eq!(fields["thinking"], json!({"type": "enabled", "budget_tokens": 1024}));
}

#[tokio::test]
async fn members_of_the_callers_own_are_kept_but_for_those_that_no_count_takes() {
    let (server, client) = start().await;
    let own = |model: &str| {
        let body = json!({"metadata": {"a": "b"}, "stream": false, "truncation": "auto", "speed": "fast"});
        client.completion(model, "Hi").extra_body(body.as_object().unwrap().clone()).param("instructions", "Be brief.")
    };
    own("openai/gpt-5").count_tokens().await.unwrap();
    own("anthropic/claude-sonnet-4-5").param("top_k", 5).count_tokens().await.unwrap();
    let bodies: Vec<Vec<String>> = server
        .take_requests()
        .iter()
        .map(|request| request.json().as_object().unwrap().keys().cloned().collect())
        .collect();
    assert_eq!(bodies[0], ["model", "input", "instructions", "truncation", "speed"]);
    assert_eq!(bodies[1], ["model", "messages", "instructions", "truncation", "speed"]);
}

#[tokio::test]
async fn a_feature_in_beta_is_announced_for_a_count_too() {
    let (server, client) = start().await;
    let file = user([Part::text("Read."), Part::file_id("file_1")]);
    client.completion("anthropic/claude-sonnet-4-5", file).count_tokens().await.unwrap();
    let sent = only(&server);
    assert_eq!(sent.header("anthropic-beta"), Some("files-api-2025-04-14"));
    assert_eq!(sent.header("anthropic-version"), Some("2023-06-01"));
}

#[tokio::test]
async fn an_error_is_typed_as_in_a_chat_and_its_body_kept() {
    let (server, client) = start().await;
    for (model, _) in COUNTING {
        let ask = || client.completion(model, "Hi").count_tokens();
        let rows = [
            (Reply::from(Fault::Status(401)), ErrorKind::Authentication, Some(401)),
            (Fault::Status(404).into(), ErrorKind::NotFound, Some(404)),
            (Fault::ContextWindowExceeded.into(), ErrorKind::ContextWindowExceeded, Some(400)),
            (Fault::Status(503).into(), ErrorKind::Unavailable, Some(503)),
            (Fault::MalformedAfter(0).into(), ErrorKind::InvalidResponse, Some(200)),
            (Fault::Html.into(), ErrorKind::InvalidResponse, Some(200)),
            (Fault::EmptyBody.into(), ErrorKind::InvalidResponse, Some(200)),
            (Reply::json(&json!({"ok": true})), ErrorKind::InvalidResponse, Some(200)),
            (Fault::ErrorAfter(0).into(), ErrorKind::Unavailable, None),
            (Fault::Reset.into(), ErrorKind::Connection, None),
        ];
        for (reply, kind, status) in rows {
            let told = format!("{model}: {reply:?}");
            server.enqueue(reply);
            let error = ask().await.unwrap_err();
            assert_eq!(error.kind(), kind, "{told}: {error}");
            assert_eq!(
                (error.provider(), error.attempts()),
                (model.split_once('/').map(|(name, _)| name), 1),
                "{told}"
            );
            if status.is_some() {
                assert_eq!(error.status().map(|status| status.as_u16()), status, "{told}");
                assert!(error.body().is_some(), "{told}");
            }
        }
        assert_eq!(server.queued(), 0);
        assert!(ask().await.is_ok());
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_and_the_count_asked_again() {
    let server = MockServer::start().await.unwrap();
    let client = builder(&server).retry(RetryPolicy::new(1)).build().unwrap();
    let wait = Duration::from_millis(60);
    for (model, _) in COUNTING {
        server.enqueue(Fault::RateLimited { retry_after: wait });
        let begun = Instant::now();
        client.completion(model, "Hi").count_tokens().await.unwrap();
        assert!(begun.elapsed() >= wait, "{model}");
        assert_eq!(server.take_requests().len(), 2);
        server.enqueue(Fault::RateLimited { retry_after: wait });
        let error = client.completion(model, "Hi").num_retries(0).count_tokens().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, anymodel::Retry::After(wait)), "{model}");
        assert_eq!(server.take_requests().len(), 1);
    }
}

#[tokio::test]
async fn a_count_has_the_deadline_of_a_call() {
    let (server, client) = start().await;
    server.enqueue(Fault::SlowHead(Duration::from_secs(20)));
    let call = client.completion("openai/gpt-5", "Hi").timeout(Duration::from_millis(50));
    assert_eq!(call.count_tokens().await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn where_a_provider_cannot_count_the_error_points_to_the_counter_at_hand_and_nothing_is_sent() {
    let server = MockServer::start().await.unwrap();
    let own = |name: &'static str, wire| ProviderSpec::new(name, wire, server.url()).key_env("NO_KEY").key_optional();
    let client = builder(&server)
        .provider(own("lab", WireFormat::Anthropic))
        .provider(own("den", WireFormat::Gemini))
        .provider(own("hub", WireFormat::Anthropic).counts_tokens())
        .build()
        .unwrap();
    for model in ["ollama/llama3.2", "groq/llama-3.3-70b", "lab/claude-sonnet-4-5", "den/gemini-2.5-flash"] {
        let error = client.completion(model, "Hi").count_tokens().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{model}");
        assert_eq!(error.provider(), model.split('/').next());
        assert!(error.message().contains("`count_tokens`") && error.message().contains("`token_counter`"), "{error}");
    }
    assert_eq!(server.received(), 0);
    client.completion("hub/claude-sonnet-4-5", "Hi").count_tokens().await.unwrap();
    assert_eq!(only(&server).path(), "/v1/messages/count_tokens");
}

/// Answers chats, and does not know how to count.
struct Canned;

impl Complete for Canned {
    fn complete(&self, _: ChatRequest, _: CallOptions) -> Answering<ChatResponse> {
        Box::pin(async { Ok(ChatResponse::default()) })
    }

    fn complete_stream(&self, _: ChatRequest, _: CallOptions) -> Answering<ChatStream> {
        Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "no streams")) })
    }
}

type Answering<T> = std::pin::Pin<Box<dyn Future<Output = Result<T>> + Send>>;

#[tokio::test]
async fn what_only_answers_chats_says_that_it_cannot_count() {
    let error = Canned.count_tokens(ChatRequest::new("m", "Hi"), CallOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("`token_counter`"), "{error}");
}

#[tokio::test]
async fn fallbacks_are_not_asked_for_a_count() {
    let (server, client) = start().await;
    server.enqueue(Fault::Status(401));
    let call = client.completion("openai/gpt-5", "Hi").fallbacks(["anthropic/claude-sonnet-4-5"]);
    assert_eq!(call.count_tokens().await.unwrap_err().kind(), ErrorKind::Authentication);
    assert_eq!(only(&server).path(), "/v1/responses/input_tokens");
}

#[tokio::test]
async fn a_setting_that_is_wrong_is_an_error_of_the_count_too() {
    let (server, client) = start().await;
    let error = client.completion("openai/gpt-5", "Hi").param("tools", 5).count_tokens().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let speech = client.completion("openai/gpt-5", user([Part::audio([1], "wav")])).drop_params(true);
    assert_eq!(speech.count_tokens().await.unwrap_err().kind(), ErrorKind::Unsupported);
    let effort = client.completion("anthropic/claude-3-haiku-20240307", "Hi").reasoning_effort("low");
    assert_eq!(effort.count_tokens().await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(server.received(), 0);
}

#[tokio::test]
async fn a_key_that_the_provider_repeats_is_in_no_error_of_a_count() {
    let (server, client) = start().await;
    let body = json!({"error": {"message": "Incorrect API key provided: sk-secret", "code": "invalid_api_key"}});
    for (model, _) in COUNTING {
        server.enqueue(Reply::raw(401, "application/json", body.to_string()));
        let error = client.completion(model, "Hi").count_tokens().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        let all = format!("{error} {error:?} {}", String::from_utf8_lossy(error.body().unwrap()));
        assert!(!all.contains("sk-secret"), "{all}");
    }
}

/// What an observer heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Observer for Heard {
    fn started(&self, call: &CallInfo) {
        self.0.lock().unwrap().push(format!("{} {}/{}", call.operation, call.provider, call.model));
    }

    fn ended(&self, _: &CallInfo, outcome: &Outcome<'_>) {
        self.0.lock().unwrap().push(match outcome {
            Outcome::Counted { count, attempts, .. } => format!("{} in {attempts}", count.tokens),
            Outcome::Failed { error, .. } => error.kind().as_str().to_owned(),
            Outcome::Cancelled { .. } => "cancelled".to_owned(),
            other => format!("{other:?}"),
        });
    }
}

#[tokio::test]
async fn observers_hear_of_a_count_and_that_no_tokens_were_used() {
    let server = MockServer::start().await.unwrap();
    let heard = Heard::default();
    let client = builder(&server).observer(heard.clone()).build().unwrap();
    server.enqueue(Reply::text("").usage(42, 0));
    let ask = || client.completion("gemini/gemini-2.5-flash", "Hi").count_tokens();
    assert_eq!(ask().await.unwrap(), TokenCount { tokens: 42, exact: true });
    server.enqueue(Fault::Status(401));
    ask().await.unwrap_err();
    server.enqueue(Fault::SlowHead(Duration::from_secs(20)));
    tokio::select! {
        _ = ask() => panic!("it answered"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    let start = "count_tokens gemini/gemini-2.5-flash";
    assert_eq!(*heard.0.lock().unwrap(), [start, "42 in 1", start, "authentication", start, "cancelled"]);
}

#[cfg(feature = "blocking")]
#[test]
fn a_count_can_be_waited_for_without_async() {
    let server = MockServer::builder().spawn().unwrap();
    let client = builder(&server).build().unwrap();
    // Five words: the role and the type of the message, and what it says.
    let count = client.completion("openai/gpt-5", "one two three").blocking_count_tokens().unwrap();
    assert_eq!(count, TokenCount { tokens: 5, exact: true });
}

#[expect(clippy::disallowed_methods, reason = "tests read where the recordings are")]
fn recorded(path: &str) -> Option<Value> {
    let given = std::env::var_os("ANYMODEL_SHARED").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let Ok(bytes) = std::fs::read(root.join("fixtures").join(path)) else {
        println!("skipped: there is no {path} in {}", root.display());
        return None;
    };
    Some(serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn recorded_counts_are_read_and_what_was_asked_is_what_is_asked_here() {
    let (server, client) = start().await;
    let schema =
        json!({"type": "object", "properties": {"location": {"type": "string"}}, "additionalProperties": false});
    let turns = [
        system("You are a terse assistant."),
        user("an earlier question with some length to it"),
        assistant("an earlier answer"),
        user("and one more question"),
    ];
    let calls = [
        (
            "openai/count-tokens.tool-choice.pydantic-ai-responses-count-tokens-with-tools.json",
            client
                .completion("openai/gpt-4.1-mini", "What is the weather in Paris?")
                .tool(Tool::function("get_weather", "Get the weather for a location").parameters(schema))
                .tool_choice(anymodel::ToolChoice::Required),
            51,
        ),
        (
            "anthropic/count-tokens.multi-turn.chatlas-anthropic-token-count-complete-exceeds-new.json",
            client.completion("anthropic/claude-sonnet-4-6", Vec::<Message>::from(turns)),
            36,
        ),
        (
            "gemini/count-tokens.structured-output.ellmer-google-count-tokens.json",
            client.completion("gemini/gemini-3.5-flash", "Apples are tasty. By Hadley Wickham."),
            11,
        ),
    ];
    for (path, call, tokens) in calls {
        let Some(recording) = recorded(path) else { continue };
        server.enqueue(Reply::json(&recording["response"]["body"]));
        assert_eq!(call.count_tokens().await.unwrap(), TokenCount { tokens, exact: true }, "{path}");
        let sent = only(&server);
        let url = recording["request"]["url"].as_str().unwrap();
        assert!(url.ends_with(sent.path()), "{url} and {}", sent.path());
        let (mut asked, mut here) = (recording["request"]["body"].clone(), sent.json());
        for body in [&mut asked, &mut here] {
            normalise(body);
        }
        assert_eq!(here, asked, "{path}");
    }
}

/// Leaves out of a body what this recording says and our call does not, or says in another form that means the same.
fn normalise(body: &mut Value) {
    match body {
        Value::Array(list) => list.iter_mut().for_each(normalise),
        Value::Object(fields) => {
            fields.shift_remove("cache_control");
            fields.retain(|name, value| {
                let empty = value.as_array().is_some_and(Vec::is_empty);
                let is_message = name == "type" && value == "message";
                !empty && !is_message && name != "generationConfig" && name != "systemInstruction"
            });
            fields.values_mut().for_each(normalise);
        }
        _ => {}
    }
}
