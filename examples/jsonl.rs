//! Makes the crate usable from any program: requests on standard input, replies on standard output, one JSON object a
//! line.
//!
//! In: `{"id": …, "request": {…}}`, the request being an OpenAI chat body, its model with a prefix, with the
//! connection's settings beside it (`api_base`, `api_key`, `timeout`, `stream_timeout`, `num_retries`, `drop_params` …).
//! With `"op": "token_counter"` beside it a request is counted, not sent; `text` can stand for its `messages`. With
//! `"op": "cost"` a request of `{"model", "provider", "usage", "service_tier"}` asks what such a call costs.
//! With `"op": "responses"` or `"op": "messages"` it is a request of OpenAI's Responses API or of Anthropic's Messages,
//! and so is what comes out: `{"id", "response"}`, or `{"id", "events"}` for `"stream": true`.
//! Out, in the order in which they are done: `{"id", "response"}`; `{"id", "chunks"}` for `"stream": true`;
//! `{"id", "tokens", "exact"}` for a count; `{"id", "cost"}` in USD; or
//! `{"id", "error": {"kind", "status", "message", "retryable"}}`.
//!
//! ```text
//! echo '{"id": 1, "request": {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}}' \
//!     | cargo run --example jsonl
//! ```
//!
//! `--drop-params` drops unsupported parameters for every line.

mod lines;

use anymodel::chat::ChunkWriter;
use anymodel::pricing::Terms;
use anymodel::{CallOptions, ChatRequest, Client, Complete, Extra, Usage, messages, responses, token_counter};
use lines::{bad, failed, field};
use serde::Deserialize;
use serde_json::{Map, Value};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder().drop_params(std::env::args().any(|flag| flag == "--drop-params")).build()?;
    lines::answer_all(|job| answer(client.clone(), job)).await
}

async fn answer(client: Client, job: Map<String, Value>) -> Map<String, Value> {
    let request = &job["request"];
    let done = match job.get("op").and_then(Value::as_str).unwrap_or("completion") {
        "completion" => call(&client, request).await,
        "responses" => respond(&client, request).await,
        "messages" => message(&client, request).await,
        "cost" => cost(&client, request),
        "token_counter" => count(request),
        other => Err(bad(format!(
            "there is no op `{other}`; there are `completion`, `responses`, `messages`, `cost` and `token_counter`"
        ))),
    };
    done.unwrap_or_else(|error| failed(&error))
}

fn count(request: &Value) -> anymodel::Result<Map<String, Value>> {
    let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
    let counted = match (request.get("text"), request.get("messages")) {
        (Some(Value::String(text)), None) => token_counter(model, text),
        (None, Some(_)) => token_counter(model, &read(request)?),
        _ => return Err(bad("to count, give either `text`, a string, or `messages`")),
    };
    Ok(Map::from_iter([("tokens".to_owned(), counted.tokens.into()), ("exact".to_owned(), counted.exact.into())]))
}

fn read(request: &Value) -> anymodel::Result<ChatRequest> {
    serde_json::from_value(request.clone()).map_err(|problem| bad(format!("not a chat request: {problem}")))
}

async fn call(client: &Client, request: &Value) -> anymodel::Result<Map<String, Value>> {
    let streamed = request.get("stream").and_then(Value::as_bool).unwrap_or(false);
    let mut request = read(request)?;
    let options = CallOptions::take_from(&mut request)?;
    if !streamed {
        let reply = client.complete(request, options).await?;
        let reply = serde_json::to_value(reply).map_err(|problem| bad(problem.to_string()))?;
        return Ok(field("response", reply));
    }
    let mut stream = client.complete_stream(request, options).await?;
    let (mut writer, mut chunks) = (ChunkWriter::new(), Vec::new());
    while let Some(chunk) = stream.next().await {
        chunks.extend(writer.write(&chunk?));
    }
    chunks.extend(writer.usage());
    Ok(field("chunks", chunks))
}

async fn respond(client: &Client, request: &Value) -> anymodel::Result<Map<String, Value>> {
    let mut asked: responses::Request = parsed(request)?;
    let (options, streamed) = settings(&mut asked.extra)?;
    let call = client.responses("", "").request(asked).options(options);
    if !streamed {
        return Ok(field("response", written(&call.await?)?));
    }
    let (mut stream, mut events) = (call.stream().await?, Vec::new());
    while let Some(event) = stream.next().await {
        events.push(written(&event?)?);
    }
    Ok(field("events", events))
}

async fn message(client: &Client, request: &Value) -> anymodel::Result<Map<String, Value>> {
    let mut asked: messages::Request = parsed(request)?;
    let (options, streamed) = settings(&mut asked.extra)?;
    let call = client.messages("", []).request(asked).options(options);
    if !streamed {
        return Ok(field("response", written(&call.await?)?));
    }
    let (mut stream, mut events) = (call.stream().await?, Vec::new());
    while let Some(event) = stream.next().await {
        events.push(written(&event?)?);
    }
    Ok(field("events", events))
}

fn parsed<T: serde::de::DeserializeOwned>(request: &Value) -> anymodel::Result<T> {
    serde_json::from_value(request.clone()).map_err(|problem| bad(format!("not such a request: {problem}")))
}

fn written(reply: &impl serde::Serialize) -> anymodel::Result<Value> {
    serde_json::to_value(reply).map_err(|problem| bad(problem.to_string()))
}

/// The connection's settings that stand beside a request's members, and whether a stream is asked for.
fn settings(extra: &mut Extra) -> anymodel::Result<(CallOptions, bool)> {
    let mut request = ChatRequest::default();
    let streamed = extra.get("stream").and_then(Value::as_bool).unwrap_or(false);
    request.params.extra = std::mem::take(extra);
    let options = CallOptions::take_from(&mut request)?;
    *extra = request.params.extra;
    Ok((options, streamed))
}

/// What a call of this usage costs now; some prices depend on the hour.
fn cost(client: &Client, request: &Value) -> anymodel::Result<Map<String, Value>> {
    #[derive(Deserialize)]
    struct Asked {
        model: String,
        provider: Option<String>,
        usage: Usage,
        service_tier: Option<String>,
    }
    let asked: Asked =
        Deserialize::deserialize(request).map_err(|problem| bad(format!("not a question of cost: {problem}")))?;
    let catalog = client.catalog();
    let model = match &asked.provider {
        Some(provider) => catalog.model_info_of(provider, &asked.model),
        None => catalog.model_info(&asked.model),
    }?;
    let terms = Terms::default().service_tier(asked.service_tier.as_deref()).at(now());
    let cost = model.cost(&asked.usage, &terms)?;
    Ok(field("cost", cost.total().as_f64()))
}

#[expect(clippy::disallowed_methods, reason = "a question of now")]
fn now() -> Option<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.ok().map(|since| since.as_secs())
}
