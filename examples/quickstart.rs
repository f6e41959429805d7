//! The quick start: one call whole, one streamed, a round of tools, and a typed reply.
//!
//! It calls the first provider whose key is set, else a local Ollama, else the built-in simulator, so that it runs
//! without a key and without the internet; and it says which.
//!
//! ```text
//! cargo run --features mock,schemars --example quickstart
//! ```

use std::io::Write;
use std::time::Duration;

use anymodel::mock::{MockServer, Reply};
use anymodel::{ChatResponse, Client, Completion, IntoMessages, Message, Tool, tool_result, user};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Models worth a first call, and the variable that holds their provider's key.
const MODELS: [(&str, &str); 8] = [
    ("OPENAI_API_KEY", "openai/gpt-5-mini"),
    ("ANTHROPIC_API_KEY", "anthropic/claude-haiku-4-5"),
    ("GEMINI_API_KEY", "gemini/gemini-2.5-flash"),
    ("GROQ_API_KEY", "groq/openai/gpt-oss-20b"),
    ("MISTRAL_API_KEY", "mistral/mistral-small-latest"),
    ("DEEPSEEK_API_KEY", "deepseek/deepseek-chat"),
    ("XAI_API_KEY", "xai/grok-3-mini"),
    ("OPENROUTER_API_KEY", "openrouter/openai/gpt-5-mini"),
];

/// The current weather of a city.
#[derive(Deserialize, JsonSchema)]
struct GetWeather {
    /// Such as "Paris".
    city: String,
}

/// A city.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only shown")]
struct City {
    name: String,
    country: String,
}

/// The model to call, and where it is.
struct Llm {
    client: Client,
    model: String,
    api_base: Option<String>,
    /// Kept alive where it answers.
    _simulator: Option<MockServer>,
}

impl Llm {
    #[expect(clippy::disallowed_methods, reason = "a program may look at its environment")]
    async fn find() -> anymodel::Result<Self> {
        let client = Client::new()?;
        if let Some((variable, model)) =
            MODELS.iter().find(|(key, _)| std::env::var_os(key).is_some_and(|v| !v.is_empty()))
        {
            println!("{variable} is set: calling {model}.\n");
            return Ok(Self { client, model: (*model).to_owned(), api_base: None, _simulator: None });
        }
        if let Some(model) = local_ollama().await {
            println!("No key is set, but Ollama answers here: calling {model}.\n");
            return Ok(Self { client, model: format!("ollama/{model}"), api_base: None, _simulator: None });
        }
        println!("No key is set and no Ollama answers: calling the simulator. Set one of these to call a provider:");
        println!("  {}\n", MODELS.map(|(variable, _)| variable).join(", "));
        let simulator = MockServer::start().await?;
        simulator.enqueue("Hello from the simulator!");
        simulator.enqueue(Reply::text("Hello from the simulator!").chunks(6).pace(Duration::from_millis(30)));
        simulator.enqueue(Reply::tool_call("get_weather", json!({"city": "Paris"})));
        simulator.enqueue("It is 18 °C and sunny in Paris.");
        simulator.enqueue(r#"{"name": "Lisbon", "country": "Portugal"}"#);
        let api_base = Some(simulator.url());
        Ok(Self { client, model: "openai/simulated".to_owned(), api_base, _simulator: Some(simulator) })
    }

    fn ask(&self, messages: impl IntoMessages) -> Completion {
        let call = self.client.completion(&self.model, messages);
        match &self.api_base {
            Some(url) => call.api_base(url).api_key("simulated".to_owned()),
            None => call,
        }
    }
}

/// The first model of an Ollama on this machine, if one answers within half a second.
async fn local_ollama() -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let asking = async {
        let mut socket = tokio::net::TcpStream::connect("127.0.0.1:11434").await.ok()?;
        socket.write_all(b"GET /api/tags HTTP/1.0\r\nhost: localhost\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.ok()?;
        let tags: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        Some(tags["models"][0]["name"].as_str()?.to_owned())
    };
    tokio::time::timeout(Duration::from_millis(500), asking).await.ok().flatten()
}

fn tell_tokens(reply: &ChatResponse) {
    let cost = reply.cost().map_or_else(|_| "a price that is not listed".to_owned(), |cost| cost.to_string());
    match &reply.usage {
        Some(usage) => println!("  [{} tokens in, {} out, {cost}]\n", usage.prompt_tokens, usage.completion_tokens),
        None => println!("  [the provider does not say how many tokens]\n"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let llm = Llm::find().await?;

    println!("== a whole reply");
    let reply = llm.ask("Say hello in one short sentence.").await?;
    println!("{}", reply.text());
    tell_tokens(&reply);

    println!("== the same, streamed");
    let mut stream = llm.ask("Say hello in one short sentence.").stream().await?;
    let mut sum = anymodel::Accumulator::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        print!("{}", chunk.text());
        std::io::stdout().flush()?;
        sum.push(chunk);
    }
    println!();
    tell_tokens(&sum.into_response());

    println!("== a round of tools");
    let mut messages: Vec<Message> = vec![user("What is the weather in Paris?")];
    let reply = loop {
        let reply = llm.ask(&messages).tool(Tool::of::<GetWeather>()).await?;
        messages.push(Message::from(&reply));
        let calls: Vec<_> = reply.tool_calls().cloned().collect();
        if calls.is_empty() {
            break reply;
        }
        for call in calls {
            let city = call.parse::<GetWeather>()?.city;
            println!("the model calls {}({})", call.name, call.arguments);
            messages.push(tool_result(call.id, format!("18 °C and sunny in {city}")));
        }
    };
    println!("{}", reply.text());
    tell_tokens(&reply);

    println!("== a typed reply");
    let city: City = llm.ask("Which city is the capital of Portugal? Name and country.").parse().await?;
    println!("{city:?}");
    Ok(())
}
