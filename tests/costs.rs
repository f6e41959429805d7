//! What a client says of the costs of its calls. The provider is a script.
#![cfg(feature = "client")]

use std::sync::{Arc, Mutex};

use anymodel::auth::Environment;
use anymodel::pricing::{PriceList, Rates};
use anymodel::transport::{Body, Transport};
use anymodel::{CallInfo, CallOptions, Catalog, ChatRequest, Client, Complete, ErrorKind, Observer, Outcome, Usage};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;

const REPLY: &str = r#"{"id": "r1", "model": "gpt-4o-2024-08-06", "choices": [{"index": 0, "finish_reason": "stop",
    "message": {"role": "assistant", "content": "Hello!"}}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}}"#;
const STREAM: &str = "data: {\"id\":\"s1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":\
    {\"content\":\"Hello!\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\
    \"completion_tokens\":500,\"total_tokens\":1500}}\n\ndata: [DONE]\n\n";

/// Answers everything with this.
#[derive(Clone, Debug)]
struct Says(u16, String);

#[async_trait]
impl Transport for Says {
    async fn send(&self, _: Request<Bytes>) -> anymodel::Result<Response<Body>> {
        Ok(Response::builder().status(self.0).body(Body::full(self.1.clone())).unwrap())
    }
}

fn client(says: &str) -> Client {
    Client::builder()
        .transport(Arc::new(Says(200, says.to_owned())))
        .environment(Environment::of([("OPENAI_API_KEY", "sk-test")]))
        .build()
        .unwrap()
}

#[derive(Clone, Default)]
struct Bill(Arc<Mutex<Vec<Option<String>>>>);

impl Observer for Bill {
    fn ended(&self, _: &CallInfo, outcome: &Outcome<'_>) {
        if let Outcome::Answered { cost, .. } = outcome {
            self.0.lock().unwrap().push(cost.map(|cost| cost.total().to_string()));
        }
    }
}

#[tokio::test]
async fn a_reply_says_what_it_cost() {
    let reply = client(REPLY).completion("openai/gpt-4o", "Hi").await.unwrap();
    assert_eq!(reply.cost().unwrap().to_string(), "$0.0075");
    let cost = reply.meta.cost.unwrap();
    assert_eq!((cost.prompt().as_f64(), cost.completion().as_f64()), (0.0025, 0.005));
}

#[tokio::test]
async fn a_stream_says_what_it_cost_at_its_end() {
    let mut stream = client(STREAM).completion("openai/gpt-4o", "Hi").stream().await.unwrap();
    assert!(stream.meta().cost.is_none());
    while let Some(chunk) = stream.next().await {
        chunk.unwrap();
    }
    assert_eq!(stream.meta().cost.unwrap().total().to_string(), "$0.0075");
    let reply = client(STREAM).completion("openai/gpt-4o", "Hi").stream().await.unwrap().collect().await.unwrap();
    assert_eq!(reply.cost().unwrap().to_string(), "$0.0075");
}

#[tokio::test]
async fn observers_hear_the_cost_of_replies_and_streams() {
    let bill = Bill::default();
    for says in [REPLY, STREAM] {
        let client = Client::builder()
            .transport(Arc::new(Says(200, says.to_owned())))
            .environment(Environment::of([("OPENAI_API_KEY", "sk-test")]))
            .observer(bill.clone())
            .build()
            .unwrap();
        if says == REPLY {
            client.completion("openai/gpt-4o", "Hi").await.unwrap();
        } else {
            client.completion("openai/gpt-4o", "Hi").stream().await.unwrap().collect().await.unwrap();
        }
    }
    assert_eq!(*bill.0.lock().unwrap(), [Some("$0.0075".to_owned()), Some("$0.0075".to_owned())]);
}

#[tokio::test]
async fn a_call_can_have_its_own_price_and_touches_no_other() {
    let client = client(REPLY);
    let priced = client.completion("openai/gpt-4o", "Hi").price(Rates::per_million(1.0, 2.0)).await.unwrap();
    assert_eq!(priced.cost().unwrap().to_string(), "$0.002");
    assert_eq!(client.completion("openai/gpt-4o", "Hi").await.unwrap().cost().unwrap().to_string(), "$0.0075");
}

#[tokio::test]
async fn a_call_can_be_priced_as_another_model() {
    let reply = client(REPLY).completion("openai/our-deployment", "Hi").base_model("gpt-4.1-mini").await.unwrap();
    assert_eq!(reply.cost().unwrap().to_string(), "$0.0012");
}

#[tokio::test]
async fn a_price_can_come_in_the_fields_of_litellm() {
    let mut request: ChatRequest = serde_json::from_value(json!({
        "model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hi"}],
        "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6
    }))
    .unwrap();
    let options = CallOptions::take_from(&mut request).unwrap();
    assert!(request.params.extra.is_empty(), "nothing of it is sent");
    let reply = client(REPLY).complete(request, options).await.unwrap();
    assert_eq!(reply.cost().unwrap().to_string(), "$0.002");
    let mut bad: ChatRequest =
        serde_json::from_value(json!({"model": "m", "messages": [], "input_cost_per_token": -1})).unwrap();
    assert_eq!(CallOptions::take_from(&mut bad).unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn an_unknown_price_is_no_cost_and_an_error_that_names_the_model() {
    let says = REPLY.replace("gpt-4o-2024-08-06", "brand-new");
    let reply = client(&says).completion("openai/brand-new", "Hi").await.unwrap();
    assert_eq!(reply.meta.cost, None);
    let error = reply.cost().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownPrice);
    assert_eq!((error.provider(), error.model()), (Some("openai"), Some("brand-new")));
}

#[tokio::test]
async fn the_price_is_that_of_the_tier_that_answered() {
    let says = REPLY.replace("gpt-4o-2024-08-06", "gpt-5").replacen('{', r#"{"service_tier": "flex", "#, 1);
    let reply = client(&says).completion("openai/gpt-5", "Hi").service_tier("priority").await.unwrap();
    assert_eq!(reply.cost().unwrap().to_string(), "$0.003125");
}

#[tokio::test]
async fn a_list_is_fetched_when_asked_and_refused_when_it_is_broken() {
    let ours = r#"{"provider": "openai", "models": {"gpt-4o": {"price": {"input": 1, "output": 1}}}}"#;
    let fetching = client(ours);
    let list = fetching.fetch_prices("https://example.com/prices.json").await.unwrap();
    fetching.set_catalog(fetching.catalog().with_overrides(list));
    let million = Usage::new(1_000_000, 0);
    assert_eq!(fetching.catalog().cost("gpt-4o", &million).unwrap().total().to_string(), "$1.00");
    assert_eq!(Catalog::default().cost("gpt-4o", &million).unwrap().total().to_string(), "$2.50");

    let short = r#"{"acme/one": {"litellm_provider": "acme", "input_cost_per_token": 1e-6}}"#;
    for (says, word) in [(short, "1 models"), ("<html>", "JSON"), ("{", "JSON"), (r#"{"provider": "x"}"#, "0 models")] {
        let error = client(says).fetch_prices("https://example.com/prices.json").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{says}");
        assert!(error.message().contains(word), "{says}: {error}");
    }
    let gone = Client::builder().transport(Arc::new(Says(404, String::new()))).build().unwrap();
    let error = gone.fetch_prices("https://example.com/prices.json").await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(404));
    assert!(gone.fetch_prices("not a url").await.is_err());
}

#[test]
fn lists_of_a_file_and_of_a_program_are_the_same() {
    let list = PriceList::from_json(r#"{"provider": "acme", "models": {"one": {"price": {"input": 3}}}}"#).unwrap();
    let models = list.models().to_vec();
    assert_eq!(models.into_iter().collect::<PriceList>(), list);
}
