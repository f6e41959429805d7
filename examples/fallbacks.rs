//! Where a call goes when it fails: to other deployments, to other groups by what it failed of, and what is said of it.
//!
//! Three simulated providers: one whose prompts are always too long, one that is always overloaded, and one that answers.
//!
//! ```text
//! cargo run --features mock --example fallbacks
//! ```

use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::{Deployment, Router, RouterEvent, RouterObserver};

/// Tells what the router decides.
struct Tell;

impl RouterObserver for Tell {
    fn heard(&self, event: &RouterEvent<'_>) {
        match event {
            RouterEvent::Picked { deployment, .. } => println!("  asking {deployment}"),
            RouterEvent::FellBack { from, to, .. } => println!("  from {from} to {to}"),
            other => println!("  {other:?}"),
        }
    }
}

#[tokio::main]
async fn main() -> anymodel::Result<()> {
    let (small, busy, steady) = (MockServer::start().await?, MockServer::start().await?, MockServer::start().await?);
    small.reply(Reply::auto().fault(Fault::ContextWindowExceeded));
    busy.reply(Reply::auto().fault(Fault::Status(529)));
    steady.reply("Hello from the one that always answers!");
    let at = |name: &str, server: &MockServer| {
        Deployment::new(name, "openai/gpt-4o").id(name).api_base(server.url()).api_key("sk-simulated")
    };
    let router = Router::builder()
        .deployment(at("small", &small))
        .deployment(at("busy", &busy))
        .deployment(at("steady", &steady))
        .context_window_fallback("small", ["busy"])
        .fallback("busy", ["steady"])
        .num_retries(0)
        .observer(Tell)
        .build()?;
    let reply = router.completion("small", "A very long story.").await?;
    println!("{}", reply.text());
    for attempt in &reply.meta.trail {
        println!("{}: {}", attempt.deployment, attempt.kind.map_or("answered", |kind| kind.as_str()));
    }
    Ok(())
}
