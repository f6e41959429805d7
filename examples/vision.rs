//! Asks about a picture: one of a file, or one at an address.
//!
//! ```text
//! cargo run --example vision -- anthropic/claude-sonnet-4-5 photo.jpg
//! cargo run --example vision -- openai/gpt-5-mini https://example.com/photo.jpg
//! ```

use anymodel::{Part, completion, user};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(picture)) = (arguments.next(), arguments.next()) else {
        return Err("usage: vision MODEL FILE-OR-URL".into());
    };
    let picture = if picture.starts_with("https://") {
        Part::image_url(picture)
    } else {
        let media_type = if picture.ends_with(".png") { "image/png" } else { "image/jpeg" };
        Part::image(std::fs::read(&picture)?, media_type)
    };
    let reply = completion(model, user([Part::text("What is in this picture?"), picture])).await?;
    println!("{}", reply.text());
    Ok(())
}
