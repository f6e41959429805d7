//! Azure and Vertex AI through a real server: addresses, headers, and the tokens that are fetched for them.
#![cfg(all(feature = "client", feature = "mock"))]

use anymodel::auth::{Environment, Token};
use anymodel::mock::{MockServer, Reply, Request};
use anymodel::{CallOptions, Client, Complete, Deployment, ErrorKind, RetryPolicy, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const OPENAI: &str = r#"{"id": "r1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
    "message": {"role": "assistant", "content": "Hello!"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}"#;
const GEMINI: &str = r#"{"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello!"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}, "responseId": "r1"}"#;
const CLAUDE: &str = r#"{"id": "r1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Hello!"}], "usage": {"input_tokens": 3, "output_tokens": 2}}"#;

/// A cloud on loopback: token endpoints of all kinds, and models. Tokens are numbered.
struct Cloud {
    server: MockServer,
    /// How many tokens it gave.
    tokens: Arc<AtomicU64>,
    /// The number of the only token that models take; 0 for any.
    wanted: Arc<AtomicU64>,
}

impl Cloud {
    async fn start() -> Self {
        let server = MockServer::start().await.unwrap();
        let (tokens, wanted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (given, only) = (Arc::clone(&tokens), Arc::clone(&wanted));
        server.reply_with(move |request| answer(request, &given, &only));
        Self { server, tokens, wanted }
    }

    fn url(&self) -> String {
        self.server.url()
    }

    fn host(&self) -> String {
        self.url().trim_start_matches("http://").to_owned()
    }

    fn client(&self, environment: &[(&str, &str)]) -> Client {
        let environment = Environment::of(environment.iter().copied());
        Client::builder().environment(environment).retry(RetryPolicy::new(0)).build().unwrap()
    }

    fn fetched(&self) -> u64 {
        self.tokens.load(Ordering::SeqCst)
    }

    /// What was asked, each as its path with its query.
    fn paths(&self) -> Vec<String> {
        let joined = |request: &Request| match request.query() {
            "" => request.path().to_owned(),
            query => format!("{}?{query}", request.path()),
        };
        self.server.requests().iter().map(joined).collect()
    }

    fn last(&self) -> Request {
        self.server.requests().last().unwrap().clone()
    }

    /// The form of the last request for a token.
    fn form(&self) -> BTreeMap<String, String> {
        let requests = self.server.requests();
        let request = requests.iter().rfind(|request| request.path().ends_with("token")).unwrap();
        url::form_urlencoded::parse(request.body()).into_owned().collect()
    }
}

fn answer(request: &Request, given: &AtomicU64, only: &AtomicU64) -> Reply {
    let path = request.path();
    let is_token = path.ends_with("/token") || path.contains("oauth2") || path.ends_with("/msi");
    if path.ends_with(":generateAccessToken") {
        assert_eq!(request.json()["scope"], json!(["https://www.googleapis.com/auth/cloud-platform"]));
        let number = given.fetch_add(1, Ordering::SeqCst) + 1;
        return Reply::json(&json!({"accessToken": format!("token-{number}"), "expireTime": "2100-01-01T00:00:00Z"}));
    }
    if path.ends_with("/project-id") {
        return Reply::raw(200, "application/text", "machine-project\n");
    }
    if path.ends_with("/refused/oauth2/v2.0/token") {
        return Reply::raw(
            401,
            "application/json",
            r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}"#,
        );
    }
    if is_token {
        let number = given.fetch_add(1, Ordering::SeqCst) + 1;
        let identity = path.contains("metadata/identity");
        let lasts = if identity { json!("3599") } else { json!(3599) };
        let mut body = json!({"access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": lasts});
        if path.ends_with("/msi") {
            body =
                json!({"access_token": format!("token-{number}"), "expires_on": "4102444800", "token_type": "Bearer"});
        }
        return Reply::json(&body);
    }
    let wanted = only.load(Ordering::SeqCst);
    let bearer = request.header("authorization").unwrap_or_default().to_owned();
    if wanted != 0 && bearer != format!("Bearer token-{wanted}") {
        return Reply::raw(401, "application/json", r#"{"error": {"code": "401", "message": "The token has ended."}}"#);
    }
    let body = if path.contains("/anthropic/") {
        CLAUDE
    } else if path.contains("enerateContent") {
        GEMINI
    } else if path.ends_with(":countTokens") {
        r#"{"totalTokens": 7}"#
    } else {
        OPENAI
    };
    Reply::raw(200, "application/json", body)
}

/// A file that is there as long as this is.
struct Scrap(PathBuf);

impl Scrap {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anymodel-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scrap {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn azure_is_asked_with_its_key_and_version() {
    let cloud = Cloud::start().await;
    let client =
        cloud.client(&[("AZURE_API_KEY", "k"), ("AZURE_API_BASE", &cloud.url()), ("AZURE_API_VERSION", "2024-10-21")]);
    assert_eq!(client.completion("azure/ours", "Hello!").await.unwrap().text(), "Hello!");
    client.completion("azure/ours", "Hello!").api_version("v1").await.unwrap();
    let whole = format!("{}/openai/deployments/other/chat/completions?api-version=2024-06-01&tenant=a", cloud.url());
    client.completion("azure/ours", "Hello!").api_base(whole).await.unwrap();
    assert_eq!(
        cloud.paths(),
        [
            "/openai/deployments/ours/chat/completions?api-version=2024-10-21",
            "/openai/v1/chat/completions",
            "/openai/deployments/other/chat/completions?api-version=2024-06-01&tenant=a",
        ]
    );
    let last = cloud.last();
    assert_eq!((last.header("api-key"), last.header("authorization")), (Some("k"), None));
}

#[tokio::test]
async fn a_deployment_is_treated_as_the_model_behind_it() {
    let cloud = Cloud::start().await;
    let client = cloud.client(&[("AZURE_API_KEY", "k"), ("AZURE_API_BASE", &cloud.url())]);
    client.completion("azure/ours", "Hello!").base_model("azure/gpt-5-mini").max_tokens(5).await.unwrap();
    assert_eq!(cloud.last().json()["max_completion_tokens"], 5);
    let deployment = Deployment::new("smart", "azure/ours").base_model("azure/gpt-5-mini");
    let router = Router::builder().client(client).deployment(deployment).build().unwrap();
    router.completion("smart", "Hello!").max_tokens(6).await.unwrap();
    assert_eq!(
        (&cloud.last().json()["max_completion_tokens"], &cloud.last().json()["model"]),
        (&json!(6), &json!("ours"))
    );
}

#[tokio::test]
async fn a_thousand_calls_of_azure_fetch_one_token() {
    let cloud = Cloud::start().await;
    let url = cloud.url();
    let client = cloud.client(&[
        ("AZURE_API_BASE", &url),
        ("AZURE_AUTHORITY_HOST", &url),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", "s&cret"),
    ]);
    let calls = (0..1000).map(|_| async { client.completion("azure/ours", "Hello!").await.map(|_| ()) });
    for done in futures::future::join_all(calls).await {
        done.unwrap();
    }
    assert_eq!(cloud.fetched(), 1);
    assert_eq!(cloud.last().header("authorization"), Some("Bearer token-1"));
    assert_eq!(cloud.last().header("api-key"), None);
    let form = cloud.form();
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "https://cognitiveservices.azure.com/.default");
    assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("c", "s&cret"));
    assert!(cloud.paths().contains(&"/t/oauth2/v2.0/token".to_owned()));
}

#[tokio::test]
async fn a_refused_token_is_fetched_anew_once() {
    let cloud = Cloud::start().await;
    let url = cloud.url();
    let client = cloud.client(&[("AZURE_API_BASE", &url), ("AZURE_AUTHORITY_HOST", &url), ("AZURE_TENANT_ID", "t")]);
    let call = || {
        let call = client.completion("azure/ours", "Hello!");
        call.setting("client_id", "c")
            .setting("client_secret", "s")
            .setting("azure_scope", "https://ai.azure.com/.default")
    };
    call().await.unwrap();
    cloud.wanted.store(2, Ordering::SeqCst);
    call().await.unwrap();
    assert_eq!((cloud.fetched(), cloud.last().header("authorization")), (2, Some("Bearer token-2")));
    assert_eq!(cloud.form()["scope"], "https://ai.azure.com/.default");
    cloud.wanted.store(99, Ordering::SeqCst);
    let error = call().await.unwrap_err();
    assert_eq!((error.kind(), cloud.fetched()), (ErrorKind::Authentication, 3), "and no more than once");
}

#[tokio::test]
async fn a_refusal_of_entra_is_told_in_its_words_and_without_the_secret() {
    let cloud = Cloud::start().await;
    let url = cloud.url();
    let client = cloud.client(&[
        ("AZURE_API_BASE", &url),
        ("AZURE_AUTHORITY_HOST", &url),
        ("AZURE_TENANT_ID", "refused"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", "hush"),
    ]);
    let error = client.completion("azure/ours", "Hello!").await.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::Authentication, Some("azure")));
    assert!(error.message().contains("AADSTS7000215"), "{error}");
    assert!(!format!("{error:?}").contains("hush"));
}

#[tokio::test]
async fn azure_without_any_credentials_says_what_to_set() {
    let cloud = Cloud::start().await;
    let client = cloud.client(&[("AZURE_API_BASE", &cloud.url())]);
    let error = client.completion("azure/ours", "Hello!").await.unwrap_err();
    assert!(error.message().contains("AZURE_API_KEY") && error.message().contains("AZURE_CLIENT_SECRET"), "{error}");
    assert_eq!(cloud.server.received(), 0);
}

#[tokio::test]
async fn what_is_missing_is_told_without_asking_anybody() {
    let cloud = Cloud::start().await;
    let missing = |model: &str, environment: &[(&str, &str)]| {
        let client = cloud.client(environment);
        client.validate_environment(model, &CallOptions::default()).unwrap().missing_keys
    };
    assert_eq!(missing("azure/ours", &[]), ["AZURE_API_KEY", "AZURE_API_BASE"]);
    assert!(missing("azure/ours", &[("AZURE_AD_TOKEN", "t"), ("AZURE_API_BASE", "https://a.example")]).is_empty());
    let none = [("NO_GCE_CHECK", "true")];
    assert_eq!(missing("vertex_ai/gemini-2.5-pro", &none), ["GOOGLE_APPLICATION_CREDENTIALS"]);
    assert!(missing("vertex_ai/claude-opus-4-1", &[("VERTEXAI_CREDENTIALS", "{}")]).is_empty());
    assert_eq!(cloud.server.received(), 0);
}

#[tokio::test]
async fn workload_and_managed_identities_are_asked_in_their_own_ways() {
    let cloud = Cloud::start().await;
    let url = cloud.url();
    let file = Scrap::new("federated", "a.jwt.of-kubernetes\n");
    let client = cloud.client(&[
        ("AZURE_API_BASE", &url),
        ("AZURE_AUTHORITY_HOST", &url),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.path()),
    ]);
    client.completion("azure/ours", "Hello!").await.unwrap();
    let form = cloud.form();
    assert_eq!(form["client_assertion"], "a.jwt.of-kubernetes");
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

    let endpoint = format!("{url}/msi");
    let service = cloud.client(&[("AZURE_API_BASE", &url), ("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", "h")]);
    service.completion("azure/ours", "Hello!").await.unwrap();
    let asked = cloud.server.requests().into_iter().find(|request| request.path() == "/msi").unwrap();
    assert_eq!(asked.header("x-identity-header"), Some("h"));
    assert_eq!(asked.query(), "api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com");

    let machine = cloud.client(&[
        ("AZURE_API_BASE", &url),
        ("AZURE_CREDENTIAL", "ManagedIdentityCredential"),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &url),
        ("AZURE_CLIENT_ID", "c"),
    ]);
    machine.completion("azure/ours", "Hello!").await.unwrap();
    let asked = cloud.server.requests().into_iter().find(|request| request.path().starts_with("/metadata")).unwrap();
    assert_eq!(asked.header("metadata"), Some("true"));
    assert!(asked.query().ends_with("&client_id=c") && asked.query().starts_with("api-version=2018-02-01"));
    assert_eq!(cloud.fetched(), 3);
}

#[tokio::test]
async fn a_source_of_tokens_is_asked_when_its_last_token_is_no_longer_good() {
    let cloud = Cloud::start().await;
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let source = move || {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok(Token::new(format!("token-{number}"), Some(Duration::from_secs(3600)))) }
    };
    let client = Client::builder().token_source("azure", source).api_base("azure", cloud.url()).build().unwrap();
    for _ in 0..3 {
        client.completion("azure/ours", "Hello!").await.unwrap();
    }
    assert_eq!((asked.load(Ordering::SeqCst), cloud.last().header("authorization")), (1, Some("Bearer token-1")));
    cloud.wanted.store(2, Ordering::SeqCst);
    client.completion("azure/ours", "Hello!").await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // A key that a call brings is that call's.
    cloud.wanted.store(0, Ordering::SeqCst);
    client.completion("azure/ours", "Hello!").api_key("k".to_owned()).await.unwrap();
    assert_eq!(cloud.last().header("api-key"), Some("k"));
}

#[tokio::test]
async fn foundry_serves_claude_and_others_by_key_or_token() {
    let cloud = Cloud::start().await;
    let url = cloud.url();
    let client = cloud.client(&[("AZURE_AI_API_KEY", "k"), ("AZURE_AI_API_BASE", &format!("{url}/models"))]);
    client.completion("azure_ai/grok-4", "Hello!").await.unwrap();
    let claude = client.completion("azure_ai/claude-sonnet-4-5", "Hello!").await.unwrap();
    assert_eq!((claude.text().as_str(), cloud.last().header("x-api-key")), ("Hello!", Some("k")));
    let token = client.completion("azure_ai/claude-sonnet-4-5", "Hello!").setting("azure_ad_token", "t");
    token.await.unwrap();
    assert_eq!((cloud.last().header("x-api-key"), cloud.last().header("authorization")), (None, Some("Bearer t")));
    let messages = "/anthropic/v1/messages";
    assert_eq!(cloud.paths(), ["/models/chat/completions?api-version=2024-05-01-preview", messages, messages]);
}

fn user(cloud: &Cloud, more: Value) -> String {
    let mut document = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
        "token_uri": format!("{}/token", cloud.url())});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document.to_string()
}

#[tokio::test]
async fn vertex_fetches_one_token_and_finds_the_project_in_it() {
    let cloud = Cloud::start().await;
    let document = user(&cloud, json!({"quota_project_id": "acme"}));
    let client = cloud.client(&[("VERTEXAI_CREDENTIALS", &document), ("VERTEXAI_API_BASE", &cloud.url())]);
    let calls = (0..1000).map(|_| async { client.completion("vertex_ai/gemini-2.5-flash", "Hello!").await });
    for done in futures::future::join_all(calls).await {
        assert_eq!(done.unwrap().text(), "Hello!");
    }
    assert_eq!(cloud.fetched(), 1);
    let form = cloud.form();
    assert_eq!(form["grant_type"], "refresh_token");
    assert_eq!(
        (form["client_id"].as_str(), form["client_secret"].as_str(), form["refresh_token"].as_str()),
        ("c", "s", "r")
    );
    let last = cloud.last();
    let path = "/v1/projects/acme/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent";
    assert_eq!((last.path(), last.header("authorization")), (path, Some("Bearer token-1")));
    assert_eq!(last.header("x-goog-user-project"), Some("acme"));
    assert_eq!(last.header("x-goog-api-key"), None);
}

#[tokio::test]
async fn each_family_of_vertex_is_asked_in_its_own_format_with_the_same_token() {
    let cloud = Cloud::start().await;
    let file = Scrap::new("user", &user(&cloud, json!({})));
    let environment = [
        ("GOOGLE_APPLICATION_CREDENTIALS", file.path()),
        ("GOOGLE_CLOUD_PROJECT", "acme"),
        ("VERTEX_LOCATION", "global"),
    ];
    let url = cloud.url();
    let environment = [&environment[..], &[("VERTEXAI_API_BASE", &url)]].concat();
    let client = cloud.client(&environment);
    for model in ["claude-haiku-4-5", "meta/llama-4-scout", "mistral-large-2411", "gemini-2.5-pro"] {
        assert_eq!(
            client.completion(format!("vertex_ai/{model}"), "Hello!").await.unwrap().text(),
            "Hello!",
            "{model}"
        );
    }
    let count = client.completion("vertex_ai/gemini-2.5-pro", "Hello!").count_tokens().await.unwrap();
    assert_eq!(count.tokens, 7);
    cloud.wanted.store(2, Ordering::SeqCst);
    client.completion("vertex_ai/claude-haiku-4-5", "Hello!").await.unwrap();
    assert_eq!(cloud.fetched(), 2, "a refused token is fetched anew");
    let place = "/v1/projects/acme/locations/global";
    let paths = cloud.paths();
    for path in [
        "publishers/anthropic/models/claude-haiku-4-5:rawPredict",
        "endpoints/openapi/chat/completions",
        "publishers/mistralai/models/mistral-large-2411:rawPredict",
        "publishers/google/models/gemini-2.5-pro:countTokens",
    ] {
        assert!(paths.contains(&format!("{place}/{path}")), "{path} in {paths:?}");
    }
}

#[tokio::test]
async fn a_router_knows_which_format_its_deployments_on_vertex_speak() {
    let cloud = Cloud::start().await;
    let client =
        cloud.client(&[("VERTEXAI_API_KEY", "k"), ("VERTEXAI_PROJECT", "acme"), ("VERTEXAI_API_BASE", &cloud.url())]);
    let router = Router::builder().client(client).deployment(Deployment::new("smart", "vertex_ai/claude-haiku-4-5"));
    let reply = router.build().unwrap().completion("smart", "Hello!").await.unwrap();
    assert_eq!(reply.text(), "Hello!");
    assert!(cloud.last().path().ends_with("claude-haiku-4-5:rawPredict"));
}

#[tokio::test]
async fn vertex_is_asked_with_a_key_and_without_a_project() {
    let cloud = Cloud::start().await;
    let client = cloud.client(&[("VERTEXAI_API_BASE", &cloud.url())]);
    client.completion("vertex_ai/gemini-2.5-flash", "Hello!").api_key("k".to_owned()).await.unwrap();
    let last = cloud.last();
    assert_eq!(last.path(), "/v1/publishers/google/models/gemini-2.5-flash:generateContent");
    assert_eq!((last.header("x-goog-api-key"), last.header("authorization")), (Some("k"), None));
}

#[tokio::test]
async fn a_machine_of_google_gives_token_and_project() {
    let cloud = Cloud::start().await;
    let client = cloud.client(&[("GCE_METADATA_HOST", &cloud.host()), ("VERTEXAI_API_BASE", &cloud.url())]);
    client.completion("vertex_ai/gemini-2.5-flash", "Hello!").await.unwrap();
    assert!(
        cloud.last().path().starts_with("/v1/projects/machine-project/locations/us-central1/"),
        "{:?}",
        cloud.paths()
    );
    let asked = cloud.server.requests().into_iter().next().unwrap();
    assert_eq!(asked.path(), "/computeMetadata/v1/instance/service-accounts/default/token");
    assert_eq!(asked.header("metadata-flavor"), Some("Google"));
    client.completion("vertex_ai/gemini-2.5-flash", "Hello!").await.unwrap();
    assert_eq!(cloud.fetched(), 1);
}

#[tokio::test]
async fn another_services_token_is_exchanged_and_used_in_the_name_of_an_account() {
    let cloud = Cloud::start().await;
    let url = cloud.url();
    let subject = Scrap::new("subject", r#"{"id_token": "of-github"}"#);
    let account = "robot@acme.iam.gserviceaccount.com";
    let document = json!({"type": "external_account", "audience": "//iam.googleapis.com/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{url}/v1/token"),
        "service_account_impersonation_url": format!("{url}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"),
        "credential_source": {"file": subject.path(), "format": {"type": "json", "subject_token_field_name": "id_token"}}});
    let client = cloud.client(&[("VERTEXAI_API_BASE", &url)]);
    let call = client.completion("vertex_ai/gemini-2.5-flash", "Hello!");
    call.setting("vertex_credentials", document.to_string()).await.unwrap();
    let form = cloud.form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!((form["subject_token"].as_str(), form["audience"].as_str()), ("of-github", "//iam.googleapis.com/x"));
    assert_eq!(form["requested_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    let generating =
        cloud.server.requests().into_iter().find(|request| request.path().contains("generateAccess")).unwrap();
    assert_eq!(generating.header("authorization"), Some("Bearer token-1"));
    let last = cloud.last();
    assert_eq!(last.header("authorization"), Some("Bearer token-2"));
    assert!(last.path().starts_with("/v1/projects/acme/"), "{}", last.path());
}

#[tokio::test]
async fn credentials_that_are_missing_or_name_no_project_say_what_to_do() {
    let cloud = Cloud::start().await;
    let none = cloud.client(&[("NO_GCE_CHECK", "true"), ("VERTEXAI_API_BASE", &cloud.url())]);
    let error = none.completion("vertex_ai/gemini-2.5-flash", "Hello!").await.unwrap_err();
    assert!(error.message().contains("GOOGLE_APPLICATION_CREDENTIALS"), "{error}");
    let document = user(&cloud, json!({}));
    let homeless = cloud.client(&[("VERTEXAI_CREDENTIALS", &document), ("VERTEXAI_API_BASE", &cloud.url())]);
    let error = homeless.completion("vertex_ai/gemini-2.5-flash", "Hello!").await.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::Configuration, Some("vertex_ai")));
    assert!(error.message().contains("VERTEXAI_PROJECT"), "{error}");
    for source in [json!({}), json!({"executable": {"command": "/bin/echo s3cret"}})] {
        let document = json!({"type": "external_account", "audience": "a", "subject_token_type": "t",
            "token_url": "http://x", "credential_source": source});
        let call = homeless.completion("vertex_ai/gemini-2.5-flash", "Hello!");
        let error = call.setting("vertex_credentials", document.to_string()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains("token_source"), "{error}");
    }
}

#[cfg(not(feature = "aws"))]
#[tokio::test]
async fn an_account_of_aws_needs_the_feature_that_signs() {
    let cloud = Cloud::start().await;
    let client = cloud.client(&[
        ("VERTEXAI_API_BASE", &cloud.url()),
        ("VERTEXAI_PROJECT", "acme"),
        ("VERTEXAI_CREDENTIALS", &of_aws(&cloud, &cloud.url())),
    ]);
    let error = client.completion("vertex_ai/gemini-2.5-flash", "Hello!").await.unwrap_err();
    assert_eq!((error.kind(), cloud.paths().len()), (ErrorKind::Configuration, 0));
    assert!(error.message().contains("feature `aws`") && error.message().contains("token_source"), "{error}");
}

/// What Google documents for workloads on AWS, with the metadata endpoint at this address.
fn of_aws(cloud: &Cloud, metadata: &str) -> String {
    json!({"type": "external_account", "audience": "//iam.googleapis.com/x", "token_url": format!("{}/v1/token", cloud.url()),
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request", "credential_source": {
            "environment_id": "aws1", "region_url": format!("{metadata}/zone"), "url": format!("{metadata}/roles"),
            "imdsv2_session_token_url": format!("{metadata}/session"),
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}})
    .to_string()
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn an_account_of_aws_proves_itself_by_a_signed_request_that_only_google_gets() {
    let (cloud, machine) = (Cloud::start().await, MockServer::start().await.unwrap());
    machine.reply_with(|request| match request.path() {
        "/session" => {
            assert_eq!((request.method().as_str(), request.header("x-aws-ec2-metadata-token-ttl-seconds")), ("PUT", Some("300")));
            Reply::raw(200, "text/plain", "session")
        }
        _ if request.header("x-aws-ec2-metadata-token") != Some("session") => Reply::raw(401, "text/plain", "no"),
        "/zone" => Reply::raw(200, "text/plain", "us-east-2b"),
        "/roles" => Reply::raw(200, "text/plain", "my-role"),
        "/roles/my-role" => Reply::json(
            &json!({"Code": "Success", "AccessKeyId": "ASIAMACHINE", "SecretAccessKey": "s3cret", "Token": "of session"}),
        ),
        _ => Reply::raw(404, "text/plain", "no"),
    });
    let subject = |cloud: &Cloud| {
        let form = cloud.form();
        let token: String = url::form_urlencoded::parse(format!("x={}", form["subject_token"]).as_bytes())
            .next()
            .unwrap()
            .1
            .into_owned();
        let token: Value = serde_json::from_str(&token).unwrap();
        let header = |name: &str| {
            let all = token["headers"].as_array().unwrap();
            all.iter().find(|header| header["key"] == name).map(|header| header["value"].as_str().unwrap().to_owned())
        };
        (token["url"].as_str().unwrap().to_owned(), header("Authorization").unwrap(), header("x-amz-security-token"))
    };
    let document = of_aws(&cloud, &machine.url());
    let base = [
        ("VERTEXAI_API_BASE", cloud.url()),
        ("VERTEXAI_PROJECT", "acme".to_owned()),
        ("VERTEXAI_CREDENTIALS", document),
    ];
    let call = |more: &[(&'static str, &str)]| {
        let given = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let environment = Environment::of(base.clone().into_iter().chain(given));
        let client = Client::builder().environment(environment).retry(RetryPolicy::new(0)).build().unwrap();
        async move { client.completion("vertex_ai/gemini-2.5-flash", "Hello!").await }
    };
    call(&[]).await.unwrap();
    let (url, authorization, session) = subject(&cloud);
    assert_eq!(url, "https://sts.us-east-2.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=ASIAMACHINE/"), "{authorization}");
    assert_eq!(session.as_deref(), Some("of session"));
    assert_eq!(cloud.last().header("authorization"), Some("Bearer token-1"));

    drop(machine.take_requests());
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_REGION", "eu-west-1")];
    call(&keys).await.unwrap();
    let (url, authorization, session) = subject(&cloud);
    assert!(url.starts_with("https://sts.eu-west-1.amazonaws.com?") && authorization.contains("AKIDENV"), "{url}");
    assert_eq!((session, machine.take_requests().len()), (None, 0), "the environment has all");

    machine.reply_with(|_| Reply::raw(403, "text/plain", "s3cret"));
    let error = call(&[]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Authentication && !format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_gives_the_token_where_the_environment_allows_it() {
    let cloud = Cloud::start().await;
    let answer = json!({"version": 1, "success": true, "token_type": "urn:ietf:params:oauth:token-type:id_token",
        "id_token": "printed", "expiration_time": 4_102_444_800_u64});
    let printed = Scrap::new("printed", &answer.to_string());
    let kept = Scrap::new("kept", &answer.to_string().replace("printed", "kept"));
    let call = |executable: Value| {
        let document = json!({"type": "external_account", "audience": "//iam.googleapis.com/x", "subject_token_type": "t",
            "token_url": format!("{}/v1/token", cloud.url()), "credential_source": {"executable": executable}});
        let client = cloud.client(&[
            ("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1"),
            ("VERTEXAI_API_BASE", &cloud.url()),
            ("VERTEXAI_PROJECT", "acme"),
            ("VERTEXAI_CREDENTIALS", &document.to_string()),
        ]);
        async move { client.completion("vertex_ai/gemini-2.5-flash", "Hello!").await }
    };
    let command = format!("/bin/cat '{}'", printed.path());
    call(json!({"command": command})).await.unwrap();
    assert_eq!(cloud.form()["subject_token"], "printed");
    // A token that is kept in the file of the credentials is good until it ends.
    call(json!({"command": "/nowhere", "output_file": kept.path()})).await.unwrap();
    assert_eq!(cloud.form()["subject_token"], "kept");
    // What a program says only to the file counts as said.
    let silent = format!("/bin/sh -c 'cp {} $GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE'", printed.path());
    let file = Scrap::new("output", "");
    call(json!({"command": silent, "output_file": file.path()})).await.unwrap();
    assert_eq!(cloud.form()["subject_token"], "printed");

    let refused = Scrap::new("refused", r#"{"version": 1, "success": false, "code": "401", "message": "not you"}"#);
    let error = call(json!({"command": format!("/bin/cat {}", refused.path())})).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Authentication && error.message().contains("401, not you"), "{error}");
    for ended in [json!({"command": "/bin/echo s3cret"}), json!({"command": "/bin/false"})] {
        let error = call(ended).await.unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    assert_eq!(
        call(json!({"command": command, "timeout_millis": 1})).await.unwrap_err().kind(),
        ErrorKind::Configuration
    );
}

#[tokio::test]
async fn the_settings_of_a_cloud_are_read_from_litellms_json() {
    let mut request =
        serde_json::from_value(json!({"model": "azure/ours", "messages": [{"role": "user", "content": "Hi"}],
        "tenant_id": "t", "client_id": "c", "client_secret": "s", "azure_scope": "x", "vertex_project": "p"}))
        .unwrap();
    let options = CallOptions::take_from(&mut request).unwrap();
    let names: Vec<&str> = options.settings.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["tenant_id", "client_id", "client_secret", "azure_scope", "vertex_project"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let cloud = Cloud::start().await;
    let url = cloud.url();
    let client = cloud.client(&[("AZURE_API_BASE", &url), ("AZURE_AUTHORITY_HOST", &url)]);
    client.complete(request, options).await.unwrap();
    assert_eq!(cloud.last().json().get("client_secret"), None);
}

#[cfg(feature = "azure")]
#[tokio::test]
async fn an_application_shows_its_certificate() {
    let cloud = Cloud::start().await;
    let url = cloud.url();
    let vector: Value = serde_json::from_str(include_str!("vectors/entra_assertion.json")).unwrap();
    let file = Scrap::new("certificate", vector["certificate"].as_str().unwrap());
    let client = cloud.client(&[
        ("AZURE_API_BASE", &url),
        ("AZURE_AUTHORITY_HOST", &url),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", file.path()),
    ]);
    client.completion("azure/ours", "Hello!").await.unwrap();
    let form = cloud.form();
    assert_eq!(form["client_assertion"].split('.').count(), 3);
    assert!(!form.contains_key("client_secret"));
}

#[cfg(feature = "gcp")]
#[tokio::test]
async fn a_service_account_signs_for_its_token() {
    let cloud = Cloud::start().await;
    let vector: Value = serde_json::from_str(include_str!("vectors/google_jwt.json")).unwrap();
    let mut account = vector["service_account"].clone();
    account["token_uri"] = format!("{}/token", cloud.url()).into();
    let client = cloud.client(&[("VERTEXAI_API_BASE", &cloud.url())]);
    let call = client.completion("vertex_ai/gemini-2.5-flash", "Hello!");
    call.setting("vertex_credentials", account.to_string()).setting("vertex_location", "eu").await.unwrap();
    let form = cloud.form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(form["assertion"].split('.').count(), 3);
    assert!(cloud.last().path().starts_with("/v1/projects/acme-project/locations/eu/"), "{}", cloud.last().path());
}

// ---- lists of models --------------------------------------------------------------------------------------------

async fn listed(client: &Client, provider: &str) -> anymodel::Result<Vec<String>> {
    let models = client.list_models(provider, &CallOptions::default()).await?;
    Ok(models.into_iter().map(|model| model.id).collect())
}

// https://learn.microsoft.com/rest/api/azureopenai/models/list and …/microsoft-foundry/azureopenai/models
#[tokio::test]
async fn azure_lists_the_models_of_a_resource_and_foundry_those_of_its_v1_api() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::json(&json!({"object": "list", "data": [{"id": "gpt-4.1", "lifecycle_status": "preview"}]})));
    let v1 = format!("{}/openai/v1", server.url());
    let environment = Environment::of([
        ("AZURE_API_KEY", "k".to_owned()),
        ("AZURE_API_BASE", server.url()),
        ("AZURE_AI_API_KEY", "k2".to_owned()),
        ("AZURE_AI_API_BASE", v1),
    ]);
    let client = Client::builder().environment(environment).retry(RetryPolicy::new(0)).build().unwrap();
    assert_eq!(listed(&client, "azure").await.unwrap(), ["gpt-4.1"]);
    assert_eq!(listed(&client, "azure_ai").await.unwrap(), ["gpt-4.1"]);
    let requests = server.take_requests();
    assert_eq!((requests[0].path(), requests[0].query()), ("/openai/models", "api-version=2025-04-01-preview"));
    assert_eq!(requests[0].header("api-key"), Some("k"));
    assert_eq!((requests[1].path(), requests[1].query()), ("/openai/v1/models", ""));
    assert_eq!(requests[1].header("authorization"), Some("Bearer k2"));
    let mut alone = CallOptions::default();
    alone.api_base = Some(server.url());
    let error = client.list_models("azure_ai", &alone).await.unwrap_err();
    assert_eq!((error.kind(), server.take_requests().len()), (ErrorKind::Unsupported, 0));
}

// https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/publishers.models/list
#[tokio::test]
async fn vertex_lists_googles_models_page_by_page_for_its_project() {
    let server = MockServer::start().await.unwrap();
    let page = |name: &str, next: Value| {
        Reply::json(
            &json!({"publisherModels": [{"name": format!("publishers/google/models/{name}")}], "nextPageToken": next}),
        )
    };
    server.enqueue(page("gemini-2.5-pro", json!("p=2")));
    server.enqueue(page("gemini-2.5-flash", Value::Null));
    let environment = Environment::of([
        ("VERTEXAI_API_KEY", "k".to_owned()),
        ("VERTEXAI_API_BASE", server.url()),
        ("VERTEXAI_PROJECT", "acme".to_owned()),
    ]);
    let client = Client::builder().environment(environment).retry(RetryPolicy::new(0)).build().unwrap();
    assert_eq!(listed(&client, "vertex_ai").await.unwrap(), ["gemini-2.5-pro", "gemini-2.5-flash"]);
    let requests = server.take_requests();
    assert!(requests.iter().all(|request| request.path() == "/v1beta1/publishers/google/models"));
    assert_eq!((requests[0].query(), requests[1].query()), ("pageSize=100", "pageSize=100&pageToken=p%3D2"));
    assert!(requests.iter().all(|request| request.header("x-goog-user-project") == Some("acme")));
}
