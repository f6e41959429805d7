//! Watches calls: by an observer of one's own, and by `tracing`, which every call reports to in OpenTelemetry's names.
//!
//! ```text
//! cargo run --example observer -- openai/gpt-5-mini
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anymodel::{CallInfo, Client, Observer, Outcome};

/// Adds up the tokens of all calls.
#[derive(Clone, Default)]
struct Tokens(Arc<AtomicU64>);

impl Observer for Tokens {
    fn ended(&self, call: &CallInfo, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Answered { usage, latency, .. } => {
                let tokens = usage.map_or(0, |usage| usage.total_tokens);
                self.0.fetch_add(tokens, Ordering::Relaxed);
                println!("{}/{} took {latency:?} and {tokens} tokens", call.provider, call.model);
            }
            Outcome::Failed { error, .. } => println!("{}/{} failed: {}", call.provider, call.model, error.kind()),
            _ => println!("{}/{} was cancelled", call.provider, call.model),
        }
    }
}

#[tokio::main]
async fn main() -> anymodel::Result<()> {
    let model = std::env::args().nth(1).unwrap_or_else(|| "openai/gpt-5-mini".to_owned());
    let tokens = Tokens::default();
    let client = Client::builder().observer(tokens.clone()).build()?;
    let ask = |question: &'static str| client.completion(&model, question).tag("example").into_future();
    let (one, two) = tokio::join!(ask("Name a river."), ask("Name a mountain."));
    println!("{}\n{}", one?.text(), two?.text());
    println!("{} tokens in all", tokens.0.load(Ordering::Relaxed));
    Ok(())
}
