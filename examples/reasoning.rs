//! Lets a model reason, shows its reasoning, and goes on with it: reasoning is sealed by its provider and must come back
//! as it was, which `messages.push(reply.into())` sees to.
//!
//! ```text
//! cargo run --example reasoning -- anthropic/claude-sonnet-4-5
//! ```

use anymodel::{Effort, Message, completion, user};

#[tokio::main]
async fn main() -> anymodel::Result<()> {
    let model = std::env::args().nth(1).unwrap_or_else(|| "anthropic/claude-sonnet-4-5".to_owned());
    let mut messages: Vec<Message> = Vec::new();
    for question in ["Which is larger, 9.11 or 9.8?", "And of 9.110 and 9.11?"] {
        messages.push(user(question));
        let reply = completion(&model, &messages).reasoning_effort(Effort::Low).max_tokens(4000).await?;
        println!("? {question}\n~ {}\n= {}", reply.reasoning(), reply.text());
        if let Some(usage) = &reply.usage {
            println!("  {} tokens, {} of them reasoning\n", usage.completion_tokens, usage.reasoning_tokens());
        }
        messages.push(reply.into());
    }
    Ok(())
}
