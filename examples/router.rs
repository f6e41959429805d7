//! Several deployments behind one name, by weight and by order, and what each is doing.
//!
//! Without arguments two simulated providers stand in, of which one fails half of its calls:
//!
//! ```text
//! cargo run --features mock --example router
//! cargo run --features mock --example router -- openai/gpt-5-mini anthropic/claude-haiku-4-5
//! ```

use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::{Deployment, Router};

#[tokio::main]
async fn main() -> anymodel::Result<()> {
    let models: Vec<String> = std::env::args().skip(1).collect();
    let (mut builder, mut servers) = (Router::builder(), Vec::new());
    for model in &models {
        builder = builder.deployment(Deployment::new("smart", model));
    }
    if models.is_empty() {
        for (name, weight) in [("steady", 1.0), ("shaky", 3.0)] {
            let server = MockServer::start().await?;
            if name == "shaky" {
                for _ in 0..5 {
                    server.enqueue(Reply::auto().fault(Fault::Status(503)));
                    server.enqueue(Reply::text("Hello from the shaky one!"));
                }
            }
            let deployment = Deployment::new("smart", "openai/gpt-4o").id(name).weight(weight);
            builder = builder.deployment(deployment.api_base(server.url()).api_key("sk-simulated"));
            servers.push(server);
        }
    }
    let router = builder.build()?;
    for number in 1..=10 {
        let reply = router.completion("smart", "Hello!").await?;
        let tried: Vec<String> = reply.meta.trail.iter().map(|attempt| attempt.deployment.clone()).collect();
        println!("{number:2}: {} ({})", reply.text(), tried.join(" failed, then "));
    }
    for deployment in router.snapshot() {
        println!(
            "{}: {} answered, {} failed, {:?}",
            deployment.id, deployment.answered, deployment.failed, deployment.health
        );
    }
    Ok(())
}
