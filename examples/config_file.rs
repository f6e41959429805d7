//! A router from a configuration file in LiteLLM's format, usable from any program as the example `jsonl` is:
//!
//! ```text
//! echo '{"id": 1, "request": {"model": "smart", "messages": [{"role": "user", "content": "Hi"}]}}' \
//!     | cargo run --features config --example config_file -- config.yaml
//! ```
//!
//! `model` names a group of the file's deployments. Each line out also has
//! `"attempts": [{"deployment", "kind", "status", "ms"}]`, what was tried in its order, and for a stream that another
//! deployment took over after content had come, `"handed_over"`: `restart` where the caller was told to discard what it
//! had, `continue` where the reply went on. What is not understood in the file is told on standard error.

mod lines;

use anymodel::auth::Environment;
use anymodel::chat::ChunkWriter;
use anymodel::{CallOptions, ChatRequest, ChatStream, Complete, Delta, Error, Router};
use lines::{bad, failed, field};
use serde_json::{Map, Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of a configuration file")?;
    let (builder, warnings) = Router::from_config(&std::fs::read_to_string(path)?, &Environment::process())?;
    for warning in warnings {
        eprintln!("{warning}");
    }
    let router = builder.build()?;
    lines::answer_all(|job| answer(router.clone(), job)).await
}

async fn answer(router: Router, job: Map<String, Value>) -> Map<String, Value> {
    call(&router, &job["request"]).await.unwrap_or_else(|error| tried(failed(&error), error.trail()))
}

async fn call(router: &Router, request: &Value) -> Result<Map<String, Value>, Error> {
    let streamed = request.get("stream").and_then(Value::as_bool).unwrap_or(false);
    let mut request: ChatRequest =
        serde_json::from_value(request.clone()).map_err(|problem| bad(format!("not a chat request: {problem}")))?;
    let options = CallOptions::take_from(&mut request)?;
    if !streamed {
        let reply = router.complete(request, options).await?;
        let json = serde_json::to_value(&reply).map_err(|problem| bad(problem.to_string()))?;
        return Ok(tried(field("response", json), &reply.meta.trail));
    }
    let mut stream = router.complete_stream(request, options).await?;
    let (mut writer, mut chunks, mut restarted) = (ChunkWriter::new(), Vec::new(), false);
    let opened = stream.meta().trail.len();
    while let Some(chunk) = stream.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                let mut answer = tried(failed(&error), error.trail());
                answer.insert("chunks".to_owned(), chunks.into());
                answer.extend(told(&stream, opened, restarted));
                return Ok(answer);
            }
        };
        restarted |= matches!(chunk.delta, Delta::Restart);
        chunks.extend(writer.write(&chunk));
    }
    chunks.extend(writer.usage());
    let trail = &stream.meta().trail;
    let mut answer = tried(field("chunks", chunks), trail);
    answer.extend(told(&stream, opened, restarted));
    Ok(answer)
}

/// What the caller of a stream was told that was handed over after content had come.
fn told(stream: &ChatStream, opened: usize, restarted: bool) -> Map<String, Value> {
    let how = if restarted { "restart" } else { "continue" };
    if stream.meta().trail.len() > opened { field("handed_over", how) } else { Map::new() }
}

/// An answer with what was tried for it.
fn tried(mut answer: Map<String, Value>, trail: &[anymodel::chat::Attempt]) -> Map<String, Value> {
    let attempts = trail.iter().map(|attempt| {
        json!({
            "deployment": attempt.deployment,
            "kind": attempt.kind.map(|kind| kind.as_str()),
            "status": attempt.status,
            "ms": attempt.elapsed.as_secs_f64() * 1000.0,
        })
    });
    answer.insert("attempts".to_owned(), attempts.collect());
    answer
}
