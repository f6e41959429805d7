//! Recorded traffic of real providers, replayed through a real server and the real client.
//!
//! The recordings are other people's: they are read from `$ANYMODEL_SHARED` (else `../shared`), never committed, and
//! where they are missing the test says that it was skipped. Each is read as the provider that it was recorded from, or
//! as a compatible one where that is not in the table.
#![cfg(all(feature = "client", feature = "mock"))]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anymodel::auth::Credentials;
use anymodel::mock::{MockServer, Reply};
use anymodel::provider::{Provider, Queue, Registry, Target};
use anymodel::{
    Accumulator, ChatChunk, ChatRequest, ChatResponse, Client, ClientBuilder, Delta, Error, ErrorKind, RetryPolicy,
    tool_result, user,
};
use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use serde_json::Value;

/// One recorded chat exchange.
struct Recording {
    name: String,
    model: String,
    status: u16,
    content_type: String,
    body: Bytes,
    streamed: bool,
}

#[expect(clippy::disallowed_methods, reason = "tests read where the recordings are")]
fn shared() -> Option<PathBuf> {
    let given = std::env::var_os("ANYMODEL_SHARED").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let fixtures = root.join("fixtures");
    if fixtures.is_dir() {
        return Some(fixtures);
    }
    println!("skipped: there are no recordings in {}", fixtures.display());
    None
}

fn recordings() -> Vec<Recording> {
    let Some(root) = shared() else { return Vec::new() };
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let fixture: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let name = format!("{}/{}", text(&folder), text(&file));
            found.extend(recording(name, &fixture));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 300, "only {} recordings found", found.len());
    found
}

fn text(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// The exchange as one that this crate can make: of chat, in one of its wire formats.
fn recording(name: String, fixture: &Value) -> Option<Recording> {
    let field = |pointer: &str| fixture.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (operation, url) = (field("/operation"), field("/request/url"));
    let parts = ["/chat", "/messages", "enerateContent", "/responses", "/converse"];
    // Of Bedrock's `InvokeModel`, what is in Anthropic's form.
    let invoked = url.contains("/invoke") && fixture.pointer("/request/body/anthropic_version").is_some();
    let chat = invoked || parts.iter().any(|part| url.contains(part));
    let has_responses = |name: &str| Registry::table().get(name).is_some_and(|provider| provider.spec().responses);
    let prefix = match field("/provider") {
        other if url.contains("/responses") && !has_responses(other) => "lm_studio",
        "replicate" if !operation.starts_with("messages") => return None,
        "cohere" if operation != "error" && url.ends_with("/v1/chat") => return None,
        "vertex_ai" => "vertex_ai",
        "azure" if operation.starts_with("messages") || url.contains("/models/") => "azure_ai",
        "azure" => "azure",
        _ if operation.starts_with("messages") => "anthropic",
        "anthropic" => "anthropic",
        "gemini" => "gemini",
        "ollama" if !url.contains("/api/chat") => "lm_studio",
        other => Registry::table().get(other).map_or("lm_studio", |provider| provider.spec().name.as_ref()),
    };
    let operations = ["chat", "messages", "responses", "invoke", "error"];
    if !chat || !operations.contains(&operation.trim_end_matches("_stream")) {
        return None;
    }
    let response = &fixture["response"];
    let body = match (response["body_text"].as_str(), response["body_base64"].as_str()) {
        (Some(text), _) => Bytes::from(text.to_owned()),
        (None, Some(data)) => base64::engine::general_purpose::STANDARD.decode(data).unwrap().into(),
        (None, None) => response["body"].to_string().into(),
    };
    let streamed =
        operation.ends_with("_stream") || fixture.pointer("/request/body/stream") == Some(&Value::Bool(true));
    let model = match fixture["model"].as_str().unwrap_or("some-model") {
        "MODEL" if url.contains("/publishers/anthropic/") => "claude-MODEL",
        model => model,
    };
    let content_type = response.pointer("/headers/content-type").and_then(Value::as_str);
    Some(Recording {
        name,
        model: format!("{prefix}/{model}"),
        status: response["status"].as_u64().unwrap() as u16,
        content_type: content_type.unwrap_or("application/json").to_owned(),
        body,
        streamed,
    })
}

/// Recordings whose stream ends without a finish reason: cut by whoever recorded them, or written by hand.
const CUT: [&str; 5] = [
    "gemini/chat-stream.structured-output.llm-gemini-nested-model-optional",
    "vertex_ai/chat-stream.cache-read-usage.langchainjs-chat-stream-usage-cache-mock",
    "vertex_ai/chat-stream.content-filter.langchainjs-data-llm-4-mock",
    "vertex_ai/chat-stream.plain.reqllm-google-vertex-gemini-2-0-flash-streaming",
    "vertex_ai/chat-stream.structured-output.reqllm-google-vertex-gemini-2-5-flash-lite-object-streaming",
];

/// Nobody asks for keys here, and no token is fetched for a call that was made long ago.
#[derive(Debug)]
struct Authorized;

#[async_trait]
impl Credentials for Authorized {
    async fn authorize(&self, _: &dyn Provider, _: &mut http::Request<Bytes>) -> anymodel::Result<()> {
        Ok(())
    }
}

async fn replay(recordings: Vec<Recording>) -> (MockServer, Client, Arc<BTreeMap<String, Recording>>) {
    let recordings: Arc<BTreeMap<String, Recording>> =
        Arc::new(recordings.into_iter().map(|one| (one.name.clone(), one)).collect());
    let server = MockServer::start().await.unwrap();
    let known = Arc::clone(&recordings);
    server.reply_with(move |request| {
        let mut path = request.path().split('/').skip(2);
        let name = format!("{}/{}", path.next().unwrap(), path.next().unwrap());
        let recording = &known[&name];
        Reply::raw(recording.status, recording.content_type.clone(), recording.body.clone()).chunks(40)
    });
    let client = Client::builder().drop_params(true).retry(RetryPolicy::new(0));
    let authorized = |client: ClientBuilder, name| client.credentials(name, Arc::new(Authorized));
    let client = Registry::table().names().fold(client, authorized).build().unwrap();
    (server, client, recordings)
}

async fn call(server: &MockServer, client: &Client, one: &Recording) -> Result<(ChatResponse, Vec<ChatChunk>), Error> {
    let base = format!("{}/c/{}", server.url(), one.name);
    let call = client.completion(one.model.clone(), "Hello").api_base(base);
    let call = call.setting("vertex_project", "recorded").setting("project_id", "recorded");
    if !one.streamed {
        return call.await.map(|reply| (reply, Vec::new()));
    }
    let mut stream = call.stream().await?;
    let (mut sum, mut chunks) = (Accumulator::new(), Vec::new());
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        chunks.push(chunk.clone());
        sum.push(chunk);
    }
    Ok((sum.into_response(), chunks))
}

#[tokio::test]
async fn every_recorded_reply_is_read_whole_and_its_json_is_the_identity() {
    let (server, client, recordings) = replay(recordings()).await;
    let mut read = 0;
    for one in recordings.values().filter(|one| one.status == 200 && !CUT.contains(&one.name.as_str())) {
        let (reply, _) = match call(&server, &client, one).await {
            Ok(read) => read,
            // A gateway's error under a good status.
            Err(error) if error.kind() != ErrorKind::InvalidResponse && one.name.contains("error") => continue,
            // A reply that is made in the background is none yet.
            Err(error) if error.kind() == ErrorKind::Unsupported && one.name.contains("background") => continue,
            Err(error) => panic!("{}: {error:?}", one.name),
        };
        assert!(!reply.choices.is_empty(), "{}", one.name);
        assert!(reply.finish_reason().is_some(), "{}", one.name);
        let json = serde_json::to_string(&reply).unwrap();
        let again: ChatResponse = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), json, "{}", one.name);
        for (again, choice) in again.choices.iter().zip(&reply.choices) {
            assert_eq!(again.message.parts, choice.message.parts, "{}", one.name);
        }
        assert_eq!(again.choices, reply.choices, "{}", one.name);
        goes_on_with_every_provider(&one.name, &reply);
        read += 1;
    }
    assert!(recordings.is_empty() || read > 250, "only {read} replies read");
}

/// A reply can be pushed onto the conversation as it is, whoever the next call goes to.
fn goes_on_with_every_provider(name: &str, reply: &ChatResponse) {
    let mut request = ChatRequest::new("model", vec![user("Hello"), reply.into(), user("Go on.")]);
    for call in reply.tool_calls() {
        request.messages.insert(2, tool_result(&call.id, "done"));
    }
    request.params.drop_params = true;
    for (prefix, model) in [
        ("openai", "gpt-5"),
        ("openai", "responses/gpt-5"),
        ("anthropic", "claude-sonnet-4-5"),
        ("gemini", "gemini-2.5-pro"),
        ("ollama", "qwen3"),
        ("cohere", "command-a-03-2025"),
        ("azure", "gpt-4o"),
        ("vertex_ai", "gemini-2.5-pro"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("bedrock", "invoke/us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("bedrock", "us.amazon.nova-2-lite-v1:0"),
    ] {
        let codec = Registry::table().get(prefix).unwrap().chat().unwrap();
        let encoded = codec.encode(&request, &Target::new(model, "https://provider.example"));
        if let Err(error) = encoded {
            let whose = matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidRequest);
            assert!(whose, "{name} to {prefix}: {error}");
            println!("{name} cannot go on with {prefix}: {error}");
        }
    }
}

#[tokio::test]
async fn every_recorded_error_is_typed_with_its_status_and_body() {
    let (server, client, recordings) = replay(recordings()).await;
    for one in recordings.values().filter(|one| one.status >= 400) {
        let error = call(&server, &client, one).await.expect_err(&one.name);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(one.status), "{}", one.name);
        assert_eq!(error.body(), Some(&one.body), "{}", one.name);
        assert!(!matches!(error.kind(), ErrorKind::InvalidResponse | ErrorKind::StreamInterrupted), "{}", one.name);
        let passes = matches!(one.status, 408 | 409 | 429 | 500..) || error.kind() == ErrorKind::RateLimited;
        assert_eq!(error.is_retryable(), passes, "{}: {error}", one.name);
        assert!(!error.message().is_empty() && !error.message().contains("without saying"), "{}: {error}", one.name);
    }
}

/// What a stream gives when its bytes come in these pieces.
fn decode<'a>(one: &Recording, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<ChatChunk>, Option<ErrorKind>) {
    let name = Registry::table().resolve(&one.model).unwrap();
    let provider: Arc<dyn Provider> = Registry::table().serving(&name).unwrap();
    let mut decoder = provider.chat().unwrap().stream_decoder(&ChatRequest::new(name.model(), "Hello"));
    let mut queue = Queue::new();
    for piece in pieces {
        if let Err(error) = decoder.push(piece, &mut queue) {
            return (queue.into(), Some(error.kind()));
        }
    }
    let end = decoder.end(&mut queue).err().map(|error| error.kind());
    (queue.into(), end)
}

#[tokio::test]
async fn every_recorded_stream_gives_the_same_chunks_however_the_network_cuts_it() {
    let (server, client, recordings) = replay(recordings()).await;
    for one in recordings.values().filter(|one| one.streamed && one.status == 200) {
        let whole = decode(one, std::iter::once(one.body.as_ref()));
        for size in [1, 2, 3, 7, 64, 1400] {
            assert!(decode(one, one.body.chunks(size)) == whole, "{} in pieces of {size}", one.name);
        }
        let cuts = one.body.len().div_ceil(64).max(1);
        for cut in (0..one.body.len()).step_by(cuts) {
            let (head, tail) = one.body.split_at(cut);
            assert!(decode(one, [head, tail].into_iter()) == whole, "{} cut at {cut}", one.name);
        }
        if whole.1.is_none() {
            let (_, chunks) = call(&server, &client, one).await.unwrap();
            // Where the provider names no model, the client says which was asked.
            let asked = Registry::table().resolve(&one.model).unwrap();
            let mut whole = whole.0;
            for chunk in &mut whole {
                if let Delta::Start(start) = &mut chunk.delta
                    && start.model.is_empty()
                {
                    asked.model().clone_into(&mut start.model);
                }
            }
            assert!(chunks == whole, "{} through the client", one.name);
        }
    }
}

#[test]
fn every_recorded_stream_that_is_cut_before_its_finish_is_an_error() {
    let mut cut = 0;
    for one in recordings().iter().filter(|one| one.streamed && one.status == 200) {
        let (chunks, end) = decode(one, std::iter::once(one.body.as_ref()));
        if CUT.contains(&one.name.as_str()) {
            assert_eq!(end, Some(ErrorKind::StreamInterrupted), "{}", one.name);
            continue;
        }
        if one.name.contains("stream-error") {
            let typed = [Some(ErrorKind::InvalidRequest), Some(ErrorKind::Unavailable), Some(ErrorKind::RateLimited)];
            assert!(typed.contains(&end), "{}: {end:?}", one.name);
            continue;
        }
        assert_eq!(end, None, "{}", one.name);
        let mut whole = Accumulator::new();
        whole.extend(chunks);
        let whole = whole.into_response();
        for at in (0..one.body.len()).step_by(one.body.len().div_ceil(64).max(1)) {
            let (chunks, end) = decode(one, std::iter::once(one.body.get(..at).unwrap()));
            let mut short = Accumulator::new();
            short.extend(chunks);
            let finished = short.is_finished() && short.response().choices == whole.choices;
            assert!(finished || end.is_some(), "{} cut at {at} passes for a reply", one.name);
        }
        cut += 1;
    }
    assert!(cut == 0 || cut > 80, "only {cut} streams cut");
}
