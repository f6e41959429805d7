//! Prints a reply while it is written, then what it was.
//!
//! ```text
//! cargo run --example streaming -- anthropic/claude-sonnet-4-5 "Tell me a short story."
//! ```

use std::io::Write;

use anymodel::{Accumulator, completion};

#[tokio::main]
async fn main() -> anymodel::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().unwrap_or_else(|| "openai/gpt-5-mini".to_owned());
    let prompt = arguments.next().unwrap_or_else(|| "Tell me a story of three sentences.".to_owned());

    let mut stream = completion(model, prompt).stream().await?;
    let mut sum = Accumulator::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        print!("{}", chunk.text());
        std::io::stdout().flush().ok();
        sum.push(chunk);
    }

    let (reply, meta) = (sum.into_response(), stream.meta());
    println!("\n\n{} ended by {:?}", reply.model, reply.finish_reason().map(|reason| reason.as_str()));
    println!("usage: {:?}", reply.usage);
    println!("first content after {:?}, all after {:?}", meta.time_to_first_token, meta.latency);
    Ok(())
}
