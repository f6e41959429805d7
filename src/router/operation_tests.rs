//! Any operation goes through a router: one that it knows nothing of, with a request and an answer of its own.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::Value;

use super::{Deployment, Router};
use crate::auth::Environment;
use crate::chat::CallMeta;
use crate::client::{Answer, CallOptions, Client, Outcome, Question, Watch};
use crate::error::{Error, ErrorKind, Result};
use crate::money::Cost;
use crate::provider::{Codec, Encoded, Operation, Progress, Provider, Target};
use crate::transport::{Body, Transport};

/// Says a word again.
#[derive(Debug)]
enum Echo {}

#[derive(Clone, Debug, Default)]
struct Word {
    model: String,
    word: String,
    loudness: Option<u64>,
}

#[derive(Debug)]
struct Said {
    text: String,
    meta: CallMeta,
}

struct EchoCodec;

impl Operation for Echo {
    const NAME: &'static str = "echo";
    type Request = Word;
    type Response = Said;

    fn codec(_: &dyn Provider) -> Option<&dyn Codec<Self>> {
        Some(&EchoCodec)
    }
}

impl Codec<Echo> for EchoCodec {
    fn encode(&self, word: &Word, target: &Target<'_>) -> Result<Encoded> {
        let body = format!("{} {} {:?}", target.model, word.word, word.loudness);
        let request = Request::post(target.base_url).body(Bytes::from(body));
        let request = request.map_err(|_| Error::new(ErrorKind::Configuration, "no address"))?;
        Ok(Encoded { request, warnings: Vec::new() })
    }

    fn decode(&self, _: &Word, response: &Response<Bytes>) -> Result<Progress<Echo>> {
        let text = String::from_utf8_lossy(response.body()).into_owned();
        Ok(Progress::Done(Said { text, meta: CallMeta::default() }))
    }
}

impl Question for Word {
    fn model(&self) -> &str {
        &self.model
    }

    fn set_model(&mut self, model: &str) {
        model.clone_into(&mut self.model);
    }

    fn drops_params(&self) -> bool {
        false
    }

    fn drop_params(&mut self) {}

    fn has(&self, name: &str) -> bool {
        name == "loudness" && self.loudness.is_some()
    }

    fn set(&mut self, name: &str, value: Value) -> Result<()> {
        assert_eq!(name, "loudness");
        self.loudness = value.as_u64();
        Ok(())
    }
}

impl Answer for Said {
    fn call_meta(&mut self) -> Option<&mut CallMeta> {
        Some(&mut self.meta)
    }

    fn tell(&self, watch: &Watch, _: Option<&Cost>, told: &mut dyn FnMut(&Outcome<'_>)) {
        told(&Outcome::Cancelled { latency: watch.latency() });
    }
}

/// Fails at the host `down`, says what it was sent elsewhere.
#[derive(Debug, Default)]
struct Echoes(Mutex<Vec<String>>);

#[async_trait]
impl Transport for Echoes {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(host.clone());
        let mut response = Response::new(Body::full(request.into_body()));
        if host == "down" {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        Ok(response)
    }
}

#[tokio::test]
async fn an_operation_that_nobody_has_heard_of_has_deployments_fallbacks_and_a_trail() {
    let transport = Arc::new(Echoes::default());
    let client =
        Client::builder().transport(Arc::clone(&transport) as _).environment(Environment::none()).build().unwrap();
    let at = |group: &str, host: &str| {
        Deployment::new(group, format!("openai/{host}")).id(host).api_base(format!("http://{host}")).api_key("k")
    };
    let router = Router::builder()
        .client(client)
        .deployment(at("a", "down"))
        .deployment(at("b", "up").param("loudness", 3))
        .num_retries(0)
        .build()
        .unwrap();
    let options = CallOptions { fallbacks: vec!["b".into()], ..CallOptions::default() };
    let word = Word { model: "a".to_owned(), word: "hello".to_owned(), loudness: None };
    let said = router.perform::<Echo>(word.clone(), options).await.unwrap();
    assert_eq!(said.text, "up hello Some(3)");
    let trail: Vec<&str> = said.meta.trail.iter().map(|attempt| attempt.deployment.as_str()).collect();
    assert_eq!((said.meta.deployment.as_deref(), said.meta.attempts, trail), (Some("up"), 2, vec!["down", "up"]));
    assert!(router.snapshot().iter().all(|deployment| deployment.in_flight == 0));
    // The client has it by the same way.
    let word = Word { model: "openai/m".to_owned(), ..word };
    let options =
        CallOptions { api_base: Some("http://up".to_owned()), api_key: Some("k".into()), ..CallOptions::default() };
    assert_eq!(router.client().perform::<Echo>(word, options).await.unwrap().text, "m hello None");
}
