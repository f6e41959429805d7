//! A provider of one's own: a row of data, from code or from a configuration file.
//!
//! ```text
//! ACME_API_KEY=… cargo run --example custom_provider
//! ```

use anymodel::Client;
use anymodel::provider::ProviderSpec;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let acme = ProviderSpec::openai_chat("acme", "https://llm.acme.example/v1").key_env("ACME_API_KEY");
    let lab: ProviderSpec = serde_json::from_str(
        r#"{
            "name": "lab",
            "base_url": "http://localhost:8000/v1",
            "key_optional": true,
            "quirks": {"token_limit": "max_tokens", "content": "joined_text", "unsupported": ["logit_bias"]}
        }"#,
    )?;
    let client = Client::builder().provider(acme).provider(lab).build()?;
    for model in ["acme/large-1", "lab/qwen3-8b"] {
        match client.completion(model, "Hello!").await {
            Ok(reply) => println!("{model}: {}", reply.text()),
            Err(error) => println!("{model}: {error}"),
        }
    }
    Ok(())
}
