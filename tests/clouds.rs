//! Providers that need more than a key, through a real server: tokens that are exchanged, kept and renewed, jobs that
//! are asked for again, streams at another address.
#![cfg(all(feature = "client", feature = "mock"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anymodel::auth::Environment;
use anymodel::mock::{Fault, MockServer, Reply, Request};
use anymodel::{CallOptions, Client, ErrorKind, RetryPolicy};
use serde_json::{Value, json};

fn client(variables: &[(&str, String)]) -> Client {
    let variables = variables.iter().map(|(name, value)| (*name, value.clone()));
    Client::builder().environment(Environment::of(variables)).retry(RetryPolicy::new(0)).build().unwrap()
}

fn chat(text: &str) -> Value {
    let message = json!({"role": "assistant", "content": text});
    json!({"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
}

fn bearer(request: &Request) -> String {
    request.header("authorization").unwrap_or_default().to_owned()
}

fn form(request: &Request) -> Vec<String> {
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    body.split('&').map(str::to_owned).collect()
}

/// A server that gives numbered tokens at one path, and answers chats that come with one of them.
async fn server(token_path: &'static str, refuse: Option<&'static str>) -> (MockServer, Arc<AtomicU32>) {
    let server = MockServer::start().await.unwrap();
    let tokens = Arc::new(AtomicU32::new(0));
    let given = Arc::clone(&tokens);
    server.reply_with(move |request| {
        if request.path().ends_with(token_path) {
            let number = given.fetch_add(1, Ordering::SeqCst) + 1;
            let token = json!({"access_token": format!("t{number}"), "token_type": "Bearer", "expires_in": 3600});
            return Reply::json(&token);
        }
        if Some(bearer(request).as_str()) == refuse {
            return Reply::raw(401, "application/json", r#"{"message": "the token has ended"}"#);
        }
        Reply::json(&chat("Hi"))
    });
    (server, tokens)
}

#[tokio::test]
async fn many_calls_of_watsonx_fetch_one_token_and_a_refused_one_is_fetched_anew() {
    let (server, tokens) = server("/identity/token", Some("Bearer t2")).await;
    let client = client(&[
        ("WATSONX_API_KEY", "k3y".to_owned()),
        ("WATSONX_URL", server.url()),
        ("WATSONX_PROJECT_ID", "p".to_owned()),
        ("WATSONX_IAM_URL", format!("{}/identity/token", server.url())),
    ]);
    let calls = (0..20).map(|_| async { client.completion("watsonx/ibm/granite", "Hello").await });
    for reply in futures::future::join_all(calls).await {
        assert_eq!(reply.unwrap().text(), "Hi");
    }
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
    let requests = server.take_requests();
    let asked = requests.iter().find(|request| request.path() == "/identity/token").unwrap();
    let wanted = ["grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey", "apikey=k3y"];
    assert_eq!(form(asked), wanted);
    let call = requests.iter().find(|request| request.path().ends_with("/ml/v1/text/chat")).unwrap();
    assert_eq!((bearer(call).as_str(), call.json()["project_id"].as_str()), ("Bearer t1", Some("p")));

    // Another key is another token; the server refuses that one, and a third is fetched.
    let reply = client.completion("watsonx/ibm/granite", "Hello").api_key("other".to_owned()).await.unwrap();
    assert_eq!((reply.text().as_str(), tokens.load(Ordering::SeqCst)), ("Hi", 3));
    assert_eq!(bearer(server.take_requests().last().unwrap()), "Bearer t3");
}

#[tokio::test]
async fn a_refusal_of_the_token_endpoint_is_told_without_the_key() {
    let server = MockServer::start().await.unwrap();
    let refusal = r#"{"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}"#;
    server.reply(Reply::raw(400, "application/json", refusal));
    let client = client(&[
        ("WATSONX_API_KEY", "s3cret".to_owned()),
        ("WATSONX_URL", server.url()),
        ("WATSONX_PROJECT_ID", "p".to_owned()),
        ("WATSONX_IAM_URL", server.url()),
    ]);
    let error = client.completion("watsonx/ibm/granite", "Hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.message().contains("could not be found") && !format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn what_a_token_endpoint_repeats_of_a_secret_is_taken_out() {
    let server = MockServer::start().await.unwrap();
    let refusal = r#"{"errorMessage": "the key s3cret/+ is none of ours"}"#;
    server.reply(Reply::raw(400, "application/json", refusal));
    let client = client(&[
        ("WATSONX_API_KEY", "s3cret/+".to_owned()),
        ("WATSONX_URL", server.url()),
        ("WATSONX_PROJECT_ID", "p".to_owned()),
        ("WATSONX_IAM_URL", server.url()),
    ]);
    let error = client.completion("watsonx/ibm/granite", "Hello").await.unwrap_err();
    assert!(error.message().contains("is none of ours") && !format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_never_answers_is_waited_for_a_minute_by_all_together() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::json(&json!({})).fault(Fault::SlowHead(Duration::from_secs(3600))));
    let client = client(&[
        ("WATSONX_API_KEY", "k3y".to_owned()),
        ("WATSONX_URL", server.url()),
        ("WATSONX_PROJECT_ID", "p".to_owned()),
        ("WATSONX_IAM_URL", server.url()),
    ]);
    let begin = tokio::time::Instant::now();
    let calls = (0..5).map(|_| async { client.completion("watsonx/ibm/granite", "Hello").await });
    for error in futures::future::join_all(calls).await {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.message().contains("a token of IBM Cloud did not come within 60 s"), "{error}");
    }
    assert!(begin.elapsed() < Duration::from_secs(70), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_token_or_a_zen_key_of_watsonx_is_sent_as_it_is() {
    let (server, tokens) = server("/identity/token", Some("Bearer old")).await;
    let base = [("WATSONX_URL", server.url()), ("WATSONX_SPACE_ID", "s".to_owned())];
    let with = |name: &'static str, value: &str| {
        let mut variables = base.to_vec();
        variables.push((name, value.to_owned()));
        client(&variables)
    };
    for (name, value, sent) in [("WATSONX_TOKEN", "abc", "Bearer abc"), ("WATSONX_ZENAPIKEY", "zen", "ZenApiKey zen")] {
        with(name, value).completion("watsonx/ibm/granite", "Hello").await.unwrap();
        assert_eq!(bearer(server.take_requests().last().unwrap()), sent);
    }
    // What cannot be fetched anew is not sent twice.
    let error = with("WATSONX_TOKEN", "old").completion("watsonx/ibm/granite", "Hello").await.unwrap_err();
    assert_eq!((error.kind(), server.take_requests().len()), (ErrorKind::Authentication, 1));
    assert_eq!(tokens.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn databricks_takes_a_personal_token_or_the_secret_of_a_service_principal() {
    let (server, tokens) = server("/oidc/v1/token", None).await;
    let base = ("DATABRICKS_API_BASE", format!("{}/serving-endpoints", server.url()));
    let personal = client(&[base.clone(), ("DATABRICKS_TOKEN", "dapi".to_owned())]);
    personal.completion("databricks/llama", "Hello").await.unwrap();
    assert_eq!(bearer(server.take_requests().last().unwrap()), "Bearer dapi");

    let id = ("DATABRICKS_CLIENT_ID", "id".to_owned());
    let principal = client(&[base.clone(), id, ("DATABRICKS_CLIENT_SECRET", "secret".to_owned())]);
    for _ in 0..3 {
        principal.completion("databricks/llama", "Hello").await.unwrap();
    }
    let requests = server.take_requests();
    assert_eq!((tokens.load(Ordering::SeqCst), requests.len()), (1, 4));
    assert_eq!((requests[0].path(), bearer(&requests[0]).as_str()), ("/oidc/v1/token", "Basic aWQ6c2VjcmV0"));
    assert_eq!(form(&requests[0]), ["grant_type=client_credentials", "scope=all-apis"]);
    assert_eq!(requests[1].path(), "/serving-endpoints/chat/completions");
    assert_eq!(bearer(&requests[3]), "Bearer t1");

    let nobody = client(&[base]).completion("databricks/llama", "Hello").await.unwrap_err();
    assert!(nobody.message().contains("DATABRICKS_CLIENT_SECRET"), "{nobody}");
}

#[tokio::test]
async fn snowflake_is_told_of_what_type_a_token_is() {
    let (server, _) = server("/none", None).await;
    let client = client(&[("SNOWFLAKE_PAT", "pat/abc".to_owned())]);
    client.completion("snowflake/llama3.1-8b", "Hello").api_base(server.url()).await.unwrap();
    let request = server.take_requests().pop().unwrap();
    let kind = request.header("x-snowflake-authorization-token-type");
    assert_eq!((bearer(&request).as_str(), kind), ("Bearer abc", Some("PROGRAMMATIC_ACCESS_TOKEN")));
}

// ---- jobs -------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_prediction_of_replicate_is_asked_for_until_it_is_done() {
    let server = MockServer::start().await.unwrap();
    let going = json!({"id": "abc", "status": "processing", "urls": {"get": "https://elsewhere.invalid/abc"}});
    for _ in 0..3 {
        server.enqueue(Reply::raw(201, "application/json", going.to_string()));
    }
    server.enqueue(Reply::json(&json!({"id": "abc", "status": "succeeded", "output": ["H", "i"]})));
    let client = client(&[("REPLICATE_API_TOKEN", "r8".to_owned()), ("REPLICATE_API_BASE", server.url())]);
    let reply = client.completion("replicate/meta/llama", "Hello").await.unwrap();
    assert_eq!(reply.text(), "Hi");
    let requests = server.take_requests();
    let paths: Vec<&str> = requests.iter().map(Request::path).collect();
    assert_eq!(paths, ["/models/meta/llama/predictions", "/predictions/abc", "/predictions/abc", "/predictions/abc"]);
    assert!(requests.iter().all(|request| bearer(request) == "Bearer r8"));
    assert_eq!(requests[0].header("prefer"), Some("wait"));
}

#[tokio::test(start_paused = true)]
async fn a_prediction_that_takes_too_long_is_a_timeout() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::json(&json!({"id": "abc", "status": "starting"})));
    let client = client(&[("REPLICATE_API_TOKEN", "r8".to_owned()), ("REPLICATE_API_BASE", server.url())]);
    let call = client.completion("replicate/meta/llama", "Hello").timeout(Duration::from_secs(30));
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_stream_of_replicate_is_at_another_address_which_never_gets_the_key() {
    let (api, elsewhere) = (MockServer::start().await.unwrap(), MockServer::start().await.unwrap());
    let events = "event: output\ndata: H\n\nevent: output\ndata: i\n\nevent: done\ndata: {}\n\n";
    elsewhere.reply(Reply::raw(200, "text/event-stream", events));
    let stream =
        json!({"id": "abc", "status": "starting", "urls": {"stream": format!("{}/v1/streams/x", elsewhere.url())}});
    api.reply(Reply::raw(201, "application/json", stream.to_string()));
    let client = client(&[("REPLICATE_API_TOKEN", "r8".to_owned()), ("REPLICATE_API_BASE", api.url())]);
    let call = || client.completion("replicate/meta/llama", "Hello").extra_header("x-own", "mine");
    let reply = call().stream().await.unwrap().collect().await.unwrap();
    assert_eq!((reply.text().as_str(), reply.finish_reason().unwrap().as_str()), ("Hi", "stop"));
    let (begun, streamed) = (api.take_requests().pop().unwrap(), elsewhere.take_requests().pop().unwrap());
    assert_eq!((bearer(&begun).as_str(), begun.json()["stream"].as_bool()), ("Bearer r8", Some(true)));
    assert_eq!((streamed.path(), streamed.header("accept")), ("/v1/streams/x", Some("text/event-stream")));
    assert_eq!((streamed.header("authorization"), streamed.header("x-own")), (None, None));

    // A model that cannot be streamed says so.
    api.reply(Reply::raw(201, "application/json", r#"{"id": "abc", "status": "starting", "urls": {}}"#));
    assert_eq!(call().stream().await.unwrap_err().kind(), ErrorKind::Unsupported);
    // A stream at the API's own host is asked for as everything else there.
    let own = json!({"id": "abc", "status": "starting", "urls": {"stream": format!("{}/streams/x", api.url())}});
    api.enqueue(Reply::raw(201, "application/json", own.to_string()));
    api.enqueue(Reply::raw(200, "text/event-stream", events));
    assert_eq!(call().stream().await.unwrap().collect().await.unwrap().text(), "Hi");
    assert_eq!(bearer(api.take_requests().last().unwrap()), "Bearer r8");
}

#[tokio::test]
async fn a_stream_of_triton_ends_where_http_says_so_and_nowhere_else() {
    let server = MockServer::start().await.unwrap();
    let first = "data: {\"text_output\": \"H\"}\n\n";
    let outputs = format!("{first}data: {{\"text_output\": \"i\"}}\n\n");
    let client = client(&[("TRITON_API_BASE", server.url())]);
    let stream = || async { client.completion("triton/m", "Hello").stream().await?.collect().await };
    server.enqueue(Reply::raw(200, "text/event-stream", outputs.clone()));
    assert_eq!(stream().await.unwrap().text(), "Hi");
    // Closed between two outputs, where nothing in them tells that one is missing.
    server.enqueue(Reply::raw(200, "text/event-stream", outputs).fault(Fault::CutAfterBytes(first.len())));
    let error = stream().await.unwrap_err();
    assert_eq!((error.kind(), error.partial().unwrap().text().as_str()), (ErrorKind::StreamInterrupted, "H"));
    assert!(server.take_requests().iter().all(|request| request.path() == "/v2/models/m/generate_stream"));
}

// ---- addresses that only the credentials know -------------------------------------------------------------------

#[tokio::test]
async fn sap_is_asked_at_the_deployment_that_was_started_last() {
    let server = MockServer::start().await.unwrap();
    let base = server.url();
    let deployment = |id: &str, started: &str| json!({"deploymentUrl": format!("{base}/v2/inference/deployments/{id}"), "startTime": started, "status": "RUNNING"});
    let deployments = json!({"count": 2, "resources": [
        deployment("old", "2025-01-02T03:04:05Z"), deployment("new", "2026-01-02T03:04:05Z")]});
    server.reply_with(move |request| match request.path() {
        "/oauth/token" => Reply::json(&json!({"access_token": "t", "token_type": "bearer", "expires_in": 43199})),
        "/v2/lm/deployments" => Reply::json(&deployments),
        _ => Reply::json(&json!({"request_id": "r", "final_result": chat("Hi")})),
    });
    let key = json!({"clientid": "id", "clientsecret": "s3cret", "url": server.url(),
        "serviceurls": {"AI_API_URL": server.url()}});
    let group = ("AICORE_RESOURCE_GROUP", "mine".to_owned());
    let client = client(&[("AICORE_SERVICE_KEY", key.to_string()), group]);
    for _ in 0..2 {
        assert_eq!(client.completion("sap/gpt-4o", "Hello").await.unwrap().text(), "Hi");
    }
    let requests = server.take_requests();
    let paths: Vec<&str> = requests.iter().map(Request::path).collect();
    let completion = "/v2/inference/deployments/new/v2/completion";
    assert_eq!(paths, ["/oauth/token", "/v2/lm/deployments", completion, completion]);
    assert_eq!(form(&requests[0]), ["grant_type=client_credentials", "client_id=id", "client_secret=s3cret"]);
    let asked = "scenarioId=orchestration&executableIds=orchestration&status=RUNNING";
    assert_eq!(requests[1].query(), asked);
    for request in &requests[1..] {
        assert_eq!((bearer(request).as_str(), request.header("ai-resource-group")), ("Bearer t", Some("mine")));
    }
    assert_eq!(requests[2].json()["config"]["modules"]["prompt_templating"]["model"]["name"], "gpt-4o");
    let error = client.completion("sap/gpt-4o", "Hello").api_key("{\"clientsecret\": s3cret}".to_owned()).await;
    let error = error.unwrap_err();
    assert!(error.kind() == ErrorKind::Authentication && !format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_token_of_sap_that_is_refused_where_deployments_are_looked_up_is_fetched_anew() {
    let server = MockServer::start().await.unwrap();
    let (base, tokens) = (server.url(), Arc::new(AtomicU32::new(0)));
    let given = Arc::clone(&tokens);
    server.reply_with(move |request| match request.path() {
        "/oauth/token" => {
            let number = given.fetch_add(1, Ordering::SeqCst) + 1;
            Reply::json(&json!({"access_token": format!("t{number}"), "expires_in": 43199}))
        }
        "/v2/lm/deployments" if bearer(request) != "Bearer t2" => Reply::raw(401, "text/plain", "ended"),
        "/v2/lm/deployments" => {
            Reply::json(&json!({"resources": [{"deploymentUrl": format!("{base}/v2/inference/deployments/d1")}]}))
        }
        _ => Reply::json(&json!({"request_id": "r", "final_result": chat("Hi")})),
    });
    let key = json!({"clientid": "id", "clientsecret": "s", "url": server.url(), "serviceurls": {"AI_API_URL": server.url()}});
    let client = client(&[("AICORE_SERVICE_KEY", key.to_string())]);
    assert_eq!(client.completion("sap/gpt-4o", "Hello").await.unwrap().text(), "Hi");
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
}

#[tokio::test]
#[cfg(feature = "tls")]
async fn a_key_of_sap_with_a_certificate_gets_its_token_at_another_address_and_sends_no_secret() {
    let (server, tokens) = (MockServer::start().await.unwrap(), MockServer::start().await.unwrap());
    tokens.reply(Reply::json(&json!({"access_token": "t", "token_type": "bearer", "expires_in": 43199})));
    server.reply(Reply::json(&json!({"request_id": "r", "final_result": chat("Hi")})));
    let vector: Value = serde_json::from_str(include_str!("vectors/entra_assertion.json")).unwrap();
    let pem = vector["certificate"].as_str().unwrap();
    let (key, certificate) = pem.split_at(pem.find("-----BEGIN CERTIFICATE").unwrap());
    let service_key = |key: &str| {
        let api = json!({"AI_API_URL": server.url()});
        json!({"clientid": "id", "certurl": tokens.url(), "url": "https://elsewhere.example", "certificate": certificate,
            "key": key, "serviceurls": api})
        .to_string()
    };
    let client = client(&[("AICORE_DEPLOYMENT_URL", format!("{}/v2/inference/deployments/d", server.url()))]);
    let call = |key: String| client.completion("sap/gpt-4o", "Hello").api_key(key);
    // A variable can hold the text with its line ends written out.
    for key in [key.to_owned(), key.replace('\n', "\\n")] {
        assert_eq!(call(service_key(&key)).await.unwrap().text(), "Hi");
    }
    assert!(server.take_requests().iter().all(|request| bearer(request) == "Bearer t"));
    let asked = tokens.take_requests();
    assert_eq!(asked[0].path(), "/oauth/token");
    assert_eq!(form(&asked[0]), ["grant_type=client_credentials", "client_id=id"]);
    let error = call(service_key("s3cret")).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Configuration && !format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn copilot_is_asked_where_its_token_says() {
    let server = MockServer::start().await.unwrap();
    let token = json!({"token": "tid=1;exp=2", "expires_at": 1_900_000_000, "refresh_in": 1500,
        "endpoints": {"api": format!("{}/business", server.url())}});
    server.reply_with(move |request| match request.path() {
        "/token" => Reply::json(&token),
        _ => Reply::json(&chat("Hi")),
    });
    let client = client(&[
        ("GITHUB_COPILOT_TOKEN", "gho".to_owned()),
        ("GITHUB_COPILOT_API_KEY_URL", format!("{}/token", server.url())),
    ]);
    for _ in 0..2 {
        client.completion("github_copilot/gpt-4o", "Hello").await.unwrap();
    }
    let requests = server.take_requests();
    let paths: Vec<&str> = requests.iter().map(Request::path).collect();
    assert_eq!(paths, ["/token", "/business/chat/completions", "/business/chat/completions"]);
    assert_eq!((bearer(&requests[0]).as_str(), bearer(&requests[1]).as_str()), ("token gho", "Bearer tid=1;exp=2"));
    assert_eq!(requests[1].header("x-initiator"), Some("user"));
}

#[tokio::test(start_paused = true)]
async fn a_login_shows_a_code_and_waits_until_it_is_entered() {
    use anymodel::auth::DeviceLogin;
    use anymodel::transport::ReqwestTransport;
    use secrecy::ExposeSecret as _;

    let server = MockServer::start().await.unwrap();
    let code = json!({"device_code": "d", "user_code": "AB-CD", "verification_uri": "https://h.example/device", "expires_in": 900, "interval": 5});
    let pending = json!({"error": "authorization_pending"});
    for answer in [&code, &pending, &json!({"error": "slow_down", "interval": 10})] {
        server.enqueue(Reply::json(answer));
    }
    server.enqueue(Reply::raw(503, "text/html", "busy"));
    server.enqueue(Reply::json(&json!({"access_token": "gho"})));
    let transport: Arc<dyn anymodel::transport::Transport> =
        Arc::new(ReqwestTransport::new(Duration::from_secs(5)).unwrap());
    let login = DeviceLogin::github_copilot().host(server.url());
    let mut shown = String::new();
    let token = login.run(Arc::clone(&transport), |code| shown.clone_from(&code.user_code)).await.unwrap();
    assert_eq!((token.expose_secret(), shown.as_str()), ("gho", "AB-CD"));
    let requests = server.take_requests();
    assert_eq!(
        (requests.len(), requests[0].path(), requests[3].path()),
        (5, "/login/device/code", "/login/oauth/access_token")
    );
    assert!(form(&requests[1]).contains(&"device_code=d".to_owned()));

    server.enqueue(Reply::json(&code));
    server.enqueue(Reply::json(&json!({"error": "access_denied", "error_description": "The user said no."})));
    let refused = login.run(Arc::clone(&transport), |_| ()).await.unwrap_err();
    assert!(refused.kind() == ErrorKind::Authentication && refused.message().contains("said no"), "{refused}");
    server.enqueue(Reply::json(&code));
    server.reply(Reply::json(&pending));
    assert_eq!(login.run(transport, |_| ()).await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn gigachat_gives_a_token_for_a_key_and_a_random_id() {
    let (server, tokens) = server("/oauth", None).await;
    let client = client(&[
        ("GIGACHAT_CREDENTIALS", "a2V5".to_owned()),
        ("GIGACHAT_API_BASE", format!("{}/api/v1", server.url())),
        ("GIGACHAT_AUTH_URL", format!("{}/oauth", server.url())),
    ]);
    for _ in 0..2 {
        client.completion("gigachat/GigaChat-2", "Hello").await.unwrap();
    }
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
    let asked = server.take_requests().remove(0);
    assert_eq!((bearer(&asked).as_str(), form(&asked)), ("Basic a2V5", vec!["scope=GIGACHAT_API_PERS".to_owned()]));
    assert_eq!(asked.header("rquid").map(str::len), Some(36));
}

// ---- lists of models --------------------------------------------------------------------------------------------

async fn listed(client: &Client, provider: &str) -> anymodel::Result<Vec<String>> {
    let models = client.list_models(provider, &CallOptions::default()).await?;
    Ok(models.into_iter().map(|model| model.id).collect())
}

fn whole_paths(server: &MockServer) -> Vec<String> {
    let whole = |request: &Request| match request.query() {
        "" => request.path().to_owned(),
        query => format!("{}?{query}", request.path()),
    };
    server.take_requests().iter().map(whole).collect()
}

// https://docs.cohere.com/reference/list-models
#[tokio::test]
async fn cohere_lists_what_chats_page_by_page() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::json(&json!({"models": [{"name": "command-a"}], "next_page_token": "a b"})));
    server.enqueue(Reply::json(&json!({"models": [{"name": "command-r"}], "next_page_token": ""})));
    let client =
        client(&[("COHERE_API_KEY", "co-key".to_owned()), ("COHERE_API_BASE", format!("{}/v2", server.url()))]);
    assert_eq!(listed(&client, "cohere").await.unwrap(), ["command-a", "command-r"]);
    let first = "/v1/models?endpoint=chat&page_size=1000";
    assert_eq!(whole_paths(&server), [first.to_owned(), format!("{first}&page_token=a%20b")]);
    server.reply(Reply::raw(401, "application/json", r#"{"message": "invalid api token"}"#));
    let error = listed(&client, "cohere").await.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::Authentication, Some("cohere")));
    assert_eq!(error.message(), "invalid api token");
}

// https://cloud.ibm.com/apidocs/watsonx-ai#list-foundation-model-specs: the next page is told by its address
#[tokio::test]
async fn watsonx_lists_its_models_page_by_page_and_never_at_another_host() {
    let (server, elsewhere) = (MockServer::start().await.unwrap(), MockServer::start().await.unwrap());
    let next = format!("{}/ml/v1/foundation_model_specs?version=2025-02-27&start=m%2B2&limit=200", elsewhere.url());
    server.enqueue(Reply::json(&json!({"resources": [{"model_id": "ibm/granite"}], "next": {"href": next}})));
    server.enqueue(Reply::json(&json!({"resources": [{"model_id": "meta/llama"}]})));
    let client = client(&[("WATSONX_TOKEN", "t".to_owned()), ("WATSONX_URL", server.url())]);
    assert_eq!(listed(&client, "watsonx").await.unwrap(), ["ibm/granite", "meta/llama"]);
    let first = "/ml/v1/foundation_model_specs?version=2025-02-27&limit=200";
    assert_eq!(whole_paths(&server), [first.to_owned(), format!("{first}&start=m%2B2")]);
    assert!(elsewhere.take_requests().is_empty());
}

// Databricks's Python SDK, `service/serving.py`
#[tokio::test]
async fn databricks_lists_the_endpoints_of_the_workspace() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::json(&json!({"endpoints": [{"name": "databricks-llama"}, {"id": "without a name"}]})));
    let base = format!("{}/serving-endpoints", server.url());
    let client = client(&[("DATABRICKS_API_BASE", base), ("DATABRICKS_TOKEN", "dapi".to_owned())]);
    assert_eq!(listed(&client, "databricks").await.unwrap(), ["databricks-llama"]);
    let request = server.take_requests().pop().unwrap();
    assert_eq!((request.path(), bearer(&request).as_str()), ("/api/2.0/serving-endpoints", "Bearer dapi"));
}

// snowflakedb/snowflake-rest-api-specs, `cortex-inference.yaml`
#[tokio::test]
async fn snowflake_lists_the_names_of_its_models() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::json(&json!({"models": ["claude-sonnet-4-5", "llama3.1-8b"]})));
    let base = format!("{}/api/v2/cortex/v1", server.url());
    let client = client(&[("SNOWFLAKE_PAT", "pat/abc".to_owned()), ("SNOWFLAKE_API_BASE", base)]);
    assert_eq!(listed(&client, "snowflake").await.unwrap(), ["claude-sonnet-4-5", "llama3.1-8b"]);
    let request = server.take_requests().pop().unwrap();
    assert_eq!((request.path(), bearer(&request).as_str()), ("/api/v2/cortex/models", "Bearer abc"));
}

// `@sap-ai-sdk/ai-api` 2.10.0, `ScenarioApi.scenarioQueryModels` and `AiModelBaseData`
#[tokio::test]
async fn sap_lists_the_foundation_models_of_ai_core() {
    let server = MockServer::start().await.unwrap();
    let base = server.url();
    server.reply_with(move |request| match request.path() {
        "/oauth/token" => Reply::json(&json!({"access_token": "t", "expires_in": 43199})),
        "/v2/lm/deployments" => {
            Reply::json(&json!({"resources": [{"deploymentUrl": format!("{base}/v2/inference/deployments/d1")}]}))
        }
        _ => Reply::json(&json!({"count": 1, "resources": [{"model": "gpt-4o", "versions": []}]})),
    });
    let key = json!({"clientid": "id", "clientsecret": "s", "url": server.url(), "serviceurls": {"AI_API_URL": server.url()}});
    let client = client(&[("AICORE_SERVICE_KEY", key.to_string()), ("AICORE_RESOURCE_GROUP", "mine".to_owned())]);
    assert_eq!(listed(&client, "sap").await.unwrap(), ["gpt-4o"]);
    let request = server.take_requests().pop().unwrap();
    assert_eq!(request.path(), "/v2/lm/scenarios/foundation-models/models");
    assert_eq!((bearer(&request).as_str(), request.header("ai-resource-group")), ("Bearer t", Some("mine")));
}

// Recorded: `github_copilot/models.basic.*`
#[tokio::test]
async fn copilot_lists_its_models_where_its_token_says() {
    let server = MockServer::start().await.unwrap();
    let token = json!({"token": "t", "refresh_in": 1500, "endpoints": {"api": format!("{}/business", server.url())}});
    server.reply_with(move |request| match request.path() {
        "/token" => Reply::json(&token),
        _ => Reply::json(&json!({"object": "list", "data": [{"id": "gpt-4o", "vendor": "Azure OpenAI"}]})),
    });
    let url = format!("{}/token", server.url());
    let client = client(&[("GITHUB_COPILOT_TOKEN", "gho".to_owned()), ("GITHUB_COPILOT_API_KEY_URL", url)]);
    assert_eq!(listed(&client, "github_copilot").await.unwrap(), ["gpt-4o"]);
    let request = server.take_requests().pop().unwrap();
    assert_eq!((request.path(), bearer(&request).as_str()), ("/business/models", "Bearer t"));
    assert_eq!(request.header("copilot-integration-id"), Some("vscode-chat"));
}

// Replicate's OpenAPI description, `collections.get`
#[tokio::test]
async fn replicate_lists_its_collection_of_language_models() {
    let server = MockServer::start().await.unwrap();
    let models = json!([{"owner": "meta", "name": "meta-llama-3-8b-instruct", "run_count": 7}]);
    server.reply(Reply::json(&json!({"name": "Language models", "slug": "language-models", "models": models})));
    let client = client(&[("REPLICATE_API_TOKEN", "r8".to_owned()), ("REPLICATE_API_BASE", server.url())]);
    assert_eq!(listed(&client, "replicate").await.unwrap(), ["meta/meta-llama-3-8b-instruct"]);
    assert_eq!(whole_paths(&server), ["/collections/language-models"]);
    server.reply(Reply::json(&json!({"name": "Language models"})));
    assert_eq!(listed(&client, "replicate").await.unwrap_err().kind(), ErrorKind::InvalidResponse);
}

// https://docs.github.com/en/rest/models/catalog and https://huggingface.co/docs/inference-providers
#[tokio::test]
async fn catalogues_are_asked_for_where_they_are() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::json(&json!([{"id": "openai/gpt-4.1", "publisher": "OpenAI"}])));
    server.enqueue(Reply::json(&json!({"object": "list", "data": [{"id": "deepseek-ai/DeepSeek-V3"}]})));
    let inference = format!("{}/inference", server.url());
    let client = client(&[
        ("GITHUB_TOKEN", "gh".to_owned()),
        ("GITHUB_API_BASE", inference),
        ("HF_TOKEN", "hf".to_owned()),
        ("HF_API_BASE", server.url()),
    ]);
    assert_eq!(listed(&client, "github").await.unwrap(), ["openai/gpt-4.1"]);
    assert_eq!(listed(&client, "huggingface").await.unwrap(), ["deepseek-ai/DeepSeek-V3"]);
    assert_eq!(whole_paths(&server), ["/catalog/models", "/v1/models"]);
}

// OCI's Python SDK, `generative_ai_client.list_models`
#[cfg(feature = "oci")]
#[tokio::test]
async fn oci_lists_what_chats_page_by_page_with_signatures_of_requests_without_a_body() {
    let server = MockServer::start().await.unwrap();
    let items =
        json!([{"id": "ocid1.generativeaimodel.oc1..a", "displayName": "meta.llama-3.3-70b-instruct", "type": "BASE"}]);
    server.enqueue(Reply::json(&json!({"items": items})).header("opc-next-page", "p/2"));
    let items = json!([{"id": "ocid1.generativeaimodel.oc1..b", "displayName": "ours", "type": "CUSTOM"}]);
    server.enqueue(Reply::json(&json!({"items": items})));
    let vectors: Value = serde_json::from_str(include_str!("vectors/oci.json")).unwrap();
    let client = client(&[
        ("OCI_API_BASE", server.url()),
        ("OCI_COMPARTMENT_ID", "ocid1.compartment.oc1..c".to_owned()),
        ("OCI_TENANCY", "t".to_owned()),
        ("OCI_USER", "u".to_owned()),
        ("OCI_FINGERPRINT", "f".to_owned()),
        ("OCI_KEY", vectors["private_key"].as_str().unwrap().to_owned()),
    ]);
    let ids = listed(&client, "oci").await.unwrap();
    assert_eq!(ids, ["meta.llama-3.3-70b-instruct", "ocid1.generativeaimodel.oc1..b"]);
    let requests = server.take_requests();
    let signature = requests[0].header("authorization").unwrap();
    assert!(signature.contains("headers=\"date (request-target) host\",keyId=\"t/u/f\""), "{signature}");
    let asked = requests.iter().map(|request| format!("{}?{}", request.path(), request.query())).collect::<Vec<_>>();
    let first = "/20231130/models?compartmentId=ocid1.compartment.oc1..c&capability=CHAT";
    assert_eq!(asked, [first.to_owned(), format!("{first}&page=p%2F2")]);
}
