//! The Responses API of a model of any provider: prints its events while they come, then what it cost.
//!
//! ```text
//! cargo run --example responses -- anthropic/claude-sonnet-4-5 "Tell me a short story."
//! ```

use std::io::Write;

use anymodel::Client;

#[tokio::main]
async fn main() -> anymodel::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().unwrap_or_else(|| "openai/gpt-5-mini".to_owned());
    let prompt = arguments.next().unwrap_or_else(|| "Tell me a story of three sentences.".to_owned());

    let mut events = Client::new()?.responses(model, prompt).stream().await?;
    while let Some(event) = events.next().await {
        let event = event?;
        match event.kind.as_str() {
            "response.output_text.delta" => print!("{}", event.text()),
            kind => println!("[{kind}]"),
        }
        std::io::stdout().flush().ok();
    }
    println!("{:?}", events.meta().cost);
    Ok(())
}
