//! Questions on standard input and answers on standard output, one JSON object a line, several under way at once.

use std::future::Future;
use std::sync::Arc;

use anymodel::{Error, ErrorKind};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{Semaphore, mpsc};

/// How many calls may be under way at once.
const IN_FLIGHT: usize = 32;

/// Answers each line by what `answer` makes of its object; a line that is none, or has no `request`, by an error.
pub(crate) async fn answer_all<F>(answer: impl Fn(Map<String, Value>) -> F) -> Result<(), Box<dyn std::error::Error>>
where
    F: Future<Output = Map<String, Value>> + Send + 'static,
{
    let (answers, mut answered) = mpsc::unbounded_channel::<Value>();
    let writer = tokio::spawn(async move {
        let mut out = tokio::io::stdout();
        while let Some(line) = answered.recv().await {
            out.write_all(one_line(&line).as_bytes()).await?;
            out.flush().await?;
        }
        Ok::<_, std::io::Error>(())
    });
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
    while let Some(line) = lines.next_segment().await? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (id, answer) = match serde_json::from_slice::<Value>(&line) {
            Ok(Value::Object(job)) if job.contains_key("request") => {
                (job.get("id").cloned().unwrap_or_default(), Ok(answer(job)))
            }
            Ok(job) => (job.get("id").cloned().unwrap_or_default(), Err(bad("the line has no `request`"))),
            Err(problem) => (Value::Null, Err(bad(format!("the line is not JSON: {problem}")))),
        };
        let place = Arc::clone(&places).acquire_owned().await?;
        let answers = answers.clone();
        tokio::spawn(async move {
            let fields = match answer {
                Ok(answer) => answer.await,
                Err(error) => failed(&error),
            };
            let _ = answers.send(Map::from_iter([("id".to_owned(), id)]).into_iter().chain(fields).collect());
            drop(place);
        });
    }
    drop(answers);
    writer.await??;
    Ok(())
}

/// An answer with its end. Letters that others take for the end of a line, as Python's `splitlines` does, are escaped:
/// they can only stand inside a text.
fn one_line(answer: &Value) -> String {
    let line = answer.to_string();
    let escaped = line.replace('\u{85}', "\\u0085").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    format!("{escaped}\n")
}

/// An answer of one field.
pub(crate) fn field(name: &str, value: impl Into<Value>) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value.into())])
}

/// The answer that an error is.
pub(crate) fn failed(error: &Error) -> Map<String, Value> {
    let status = error.status().map(|status| status.as_u16());
    field(
        "error",
        json!({
            "kind": error.kind().as_str(), "status": status, "message": error.message(), "retryable": error.is_retryable(),
        }),
    )
}

/// The caller's mistake.
pub(crate) fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message.into())
}
