//! A round of tool calls: the model asks, the program answers, the model replies.
//!
//! ```text
//! cargo run --features schemars --example tools -- openai/gpt-5-mini
//! ```

use anymodel::{Message, Tool, completion, tool_result, user};
use schemars::JsonSchema;
use serde::Deserialize;

/// The current weather of a city.
#[derive(Deserialize, JsonSchema)]
struct GetWeather {
    /// Such as "Paris".
    city: String,
}

impl GetWeather {
    fn run(&self) -> String {
        format!("18 °C and sunny in {}", self.city)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = std::env::args().nth(1).unwrap_or_else(|| "openai/gpt-5-mini".to_owned());
    let mut messages: Vec<Message> = vec![user("What is the weather in Paris and in Rome?")];
    loop {
        let reply = completion(&model, &messages).tool(Tool::of::<GetWeather>()).await?;
        let calls: Vec<_> = reply.tool_calls().cloned().collect();
        println!("{}", reply.text());
        messages.push(reply.into());
        if calls.is_empty() {
            return Ok(());
        }
        for call in calls {
            println!("-> {}({})", call.name, call.arguments);
            messages.push(match call.parse::<GetWeather>() {
                Ok(weather) => tool_result(&call.id, weather.run()),
                Err(problem) => tool_result(&call.id, problem.message()).failed(),
            });
        }
    }
}
