//! A reply that is a Rust value.
//!
//! ```text
//! cargo run --features schemars --example structured -- gemini/gemini-2.5-flash
//! ```

use anymodel::completion;
use schemars::JsonSchema;
use serde::Deserialize;

/// A city.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only shown")]
struct City {
    name: String,
    country: String,
    /// How many people live in it.
    population: u64,
    /// Three things to see.
    sights: Vec<String>,
}

#[tokio::main]
async fn main() -> anymodel::Result<()> {
    let model = std::env::args().nth(1).unwrap_or_else(|| "openai/gpt-5-mini".to_owned());
    let city: City = completion(model, "Describe Lisbon.").parse().await?;
    println!("{city:#?}");
    Ok(())
}
