//! Calls of AWS through the real client and a real server: signatures, where credentials come from and how long they
//! are kept, event streams that fail on the way.
#![cfg(all(feature = "aws", feature = "mock"))]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anymodel::auth::Environment;
use anymodel::mock::{MockServer, Reply, Request};
use anymodel::wire::event_stream;
use anymodel::{
    ChatResponse, Client, ClientBuilder, Completion, Error, ErrorKind, FinishReason, Result, RetryPolicy, user,
};
use serde_json::{Value, json};

const MODEL: &str = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const PATH: &str = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse";
const STREAM: &str = "application/vnd.amazon.eventstream";

fn reply() -> Reply {
    Reply::json(&json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "Hello!"}]}},
        "stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    }))
}

/// A client that reads no file, key or endpoint of this machine.
fn client(server: &MockServer, environment: &[(&str, &str)]) -> Client {
    builder(server, environment).build().unwrap()
}

fn builder(server: &MockServer, environment: &[(&str, &str)]) -> ClientBuilder {
    let variables =
        [("AWS_ENDPOINT_URL_STS", format!("{}/sts", server.url())), ("AWS_EC2_METADATA_DISABLED", "true".into())];
    let given = environment.iter().map(|(name, value)| (*name, (*value).to_owned()));
    Client::builder()
        .environment(Environment::of(variables.into_iter().chain(given)))
        .api_base("bedrock", server.url())
        .retry(RetryPolicy::new(0))
}

fn signed(call: Completion) -> Completion {
    call.setting("aws_access_key_id", "AKIDSTATIC").setting("aws_secret_access_key", "s3cret")
}

/// Who signed a request, for which region and service.
fn scope(request: &Request) -> (String, String, String) {
    let header = request.header("authorization").unwrap();
    let credential = header.split("Credential=").nth(1).unwrap().split(',').next().unwrap();
    let mut parts = credential.split('/');
    let (id, _) = (parts.next().unwrap(), parts.next().unwrap());
    (id.to_owned(), parts.next().unwrap().to_owned(), parts.next().unwrap().to_owned())
}

/// An answer of STS, with credentials of this number.
fn role(number: u32) -> Reply {
    let body = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>s&amp;cret</SecretAccessKey>\
         <SessionToken>token{number}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
         </Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    Reply::raw(200, "text/xml", body)
}

fn of_sts(request: &Request) -> bool {
    request.path().starts_with("/sts")
}

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("aws-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn a_request_is_signed_with_the_keys_of_the_call() {
    let server = MockServer::start().await.unwrap();
    server.reply(reply());
    let client = client(&server, &[("AWS_REGION", "eu-west-1"), ("AWS_BEARER_TOKEN_BEDROCK", "key-of-environment")]);
    let answer = signed(client.completion(MODEL, "Hi")).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.meta.provider.as_str()), ("Hello!", "bedrock"));
    let request = server.take_requests().remove(0);
    assert_eq!(request.path(), PATH);
    assert_eq!(scope(&request), ("AKIDSTATIC".into(), "eu-west-1".into(), "bedrock".into()));
    let header = request.header("authorization").unwrap();
    assert!(header.starts_with("AWS4-HMAC-SHA256 ") && header.contains("SignedHeaders=content-type;host;x-amz-date,"));
    assert!(request.header("x-amz-date").unwrap().ends_with('Z') && request.header("x-amz-security-token").is_none());
}

#[tokio::test]
async fn a_key_is_sent_instead_of_a_signature() {
    let server = MockServer::start().await.unwrap();
    server.reply(reply());
    let environment = [
        ("AWS_BEARER_TOKEN_BEDROCK", "key-of-environment"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let client = client(&server, &environment);
    client.completion(MODEL, "Hi").await.unwrap();
    signed(client.completion(MODEL, "Hi")).api_key("key-of-call".to_owned()).await.unwrap();
    let keys: Vec<_> =
        server.take_requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(keys, ["Bearer key-of-environment", "Bearer key-of-call"]);
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_sent_again_and_keys_that_have_ended_are_fetched_anew() {
    let server = MockServer::start().await.unwrap();
    let ended = r#"{"message": "The security token included in the request is expired"}"#;
    let refusal = Reply::raw(403, "application/json", ended).header("x-amzn-errortype", "ExpiredTokenException");
    server.reply(refusal.clone());
    let role = ("AWS_PROFILE", "default");
    let by_environment = client(&server, &[("AWS_BEARER_TOKEN_BEDROCK", "key"), role]);
    let resolver = |_: &str| Some("key".into());
    let by_resolver = builder(&server, &[role]).key_resolver(resolver).build().unwrap();
    for client in [by_environment, by_resolver] {
        let error = client.completion(MODEL, "Hi").await.unwrap_err();
        assert_eq!((error.kind(), server.take_requests().len()), (ErrorKind::Authentication, 1));
    }
    let file = folder("ended").join("credentials");
    std::fs::write(&file, "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n").unwrap();
    let signs = client(&server, &[("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())]);
    signs.completion(MODEL, "Hi").await.unwrap_err();
    assert_eq!(server.take_requests().len(), 2);
}

#[tokio::test]
async fn the_region_is_that_of_the_call_the_name_the_environment_the_profile_or_the_default() {
    let server = MockServer::start().await.unwrap();
    server.reply(reply());
    let config = folder("region").join("config");
    std::fs::write(&config, "[profile work]\nregion = ca-central-1\n").unwrap();
    let with = [("AWS_REGION", "eu-west-1")];
    let of_profile = [("AWS_CONFIG_FILE", config.to_str().unwrap()), ("AWS_PROFILE", "work")];
    let arn = "bedrock/arn:aws:bedrock:ap-south-1:123456789012:application-inference-profile/ab";
    for (environment, model, given, region) in [
        (&with[..], MODEL, Some("us-east-2"), "us-east-2"),
        (&with, arn, None, "ap-south-1"),
        (&with, "bedrock/sa-east-1/meta.llama3-8b-instruct-v1:0", None, "sa-east-1"),
        (&with, MODEL, None, "eu-west-1"),
        (&of_profile, MODEL, None, "ca-central-1"),
        (&[], MODEL, None, "us-west-2"),
    ] {
        let mut call = signed(client(&server, environment).completion(model, "Hi"));
        if let Some(region) = given {
            call = call.setting("aws_region_name", region);
        }
        call.await.unwrap();
        assert_eq!(scope(&server.take_requests().remove(0)).1, region, "{model}");
    }
}

#[tokio::test]
async fn a_role_is_taken_on_once_and_kept() {
    let server = MockServer::start().await.unwrap();
    let count = Arc::new(AtomicU32::new(0));
    let roles = Arc::clone(&count);
    server
        .reply_with(move |request| if of_sts(request) { role(roles.fetch_add(1, Ordering::SeqCst)) } else { reply() });
    let client = client(&server, &[("AWS_REGION", "us-east-1")]);
    let call = || {
        signed(client.completion(MODEL, "Hi"))
            .setting("aws_role_name", "arn:aws:iam::1:role/x")
            .setting("aws_session_name", "me")
            .setting("aws_external_id", "ext")
    };
    for answer in futures::future::join_all((0..5).map(|_| std::future::IntoFuture::into_future(call()))).await {
        answer.unwrap();
    }
    call().await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let requests = server.take_requests();
    let sts = requests.iter().find(|request| of_sts(request)).unwrap();
    assert_eq!(scope(sts), ("AKIDSTATIC".into(), "us-east-1".into(), "sts".into()));
    let form = String::from_utf8(sts.body().to_vec()).unwrap();
    for field in
        ["Action=AssumeRole&", "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx", "RoleSessionName=me", "ExternalId=ext"]
    {
        assert!(form.contains(field), "{form}");
    }
    for request in requests.iter().filter(|request| !of_sts(request)) {
        assert_eq!(scope(request).0, "ASIA0");
        assert_eq!(request.header("x-amz-security-token"), Some("token0"));
    }
}

#[tokio::test]
async fn credentials_that_are_refused_are_fetched_anew_once() {
    let server = MockServer::start().await.unwrap();
    let count = Arc::new(AtomicU32::new(0));
    let roles = Arc::clone(&count);
    server.reply_with(move |request| match request.header("x-amz-security-token") {
        _ if of_sts(request) => role(roles.fetch_add(1, Ordering::SeqCst)),
        Some("token0") => Reply::raw(
            403,
            "application/json",
            r#"{"message":"The security token included in the request is expired"}"#,
        )
        .header("x-amzn-errortype", "ExpiredTokenException"),
        _ => reply(),
    });
    let client = client(&server, &[]);
    let call = || signed(client.completion(MODEL, "Hi")).setting("aws_role_name", "arn:aws:iam::1:role/x");
    assert_eq!(call().await.unwrap().text(), "Hello!");
    assert_eq!((count.load(Ordering::SeqCst), server.take_requests().len()), (2, 4));
    server.reply_with(|request| {
        if of_sts(request) {
            role(9)
        } else {
            Reply::raw(403, "application/json", "{}").header("x-amzn-errortype", "ExpiredTokenException")
        }
    });
    let error = call().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Authentication, Some("ExpiredTokenException")));
    assert_eq!(server.take_requests().len(), 3, "the kept one, STS, the new one");
}

#[tokio::test]
async fn fixed_keys_that_are_refused_are_an_error_at_once() {
    let server = MockServer::start().await.unwrap();
    server.reply(
        Reply::raw(403, "application/json", r#"{"message":"The security token included in the request is invalid."}"#)
            .header("x-amzn-errortype", "UnrecognizedClientException"),
    );
    let error = signed(client(&server, &[]).completion(MODEL, "Hi")).await.unwrap_err();
    assert_eq!((error.kind(), server.received()), (ErrorKind::Authentication, 1));
}

#[tokio::test]
async fn a_web_identity_opens_a_role_without_a_signature() {
    let server = MockServer::start().await.unwrap();
    server.reply_with(|request| if of_sts(request) { role(3) } else { reply() });
    let file = folder("web").join("token");
    std::fs::write(&file, "ey.web.identity\n").unwrap();
    let path = file.to_str().unwrap();
    let of_environment = [("AWS_WEB_IDENTITY_TOKEN_FILE", path), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod")];
    client(&server, &of_environment).completion(MODEL, "Hi").await.unwrap();
    for token in [path, "ey.web.identity"] {
        let call = client(&server, &[]).completion(MODEL, "Hi").setting("aws_web_identity_token", token);
        call.setting("aws_role_name", "arn:aws:iam::1:role/pod").await.unwrap();
    }
    let requests = server.take_requests();
    let asked: Vec<_> = requests.iter().filter(|request| of_sts(request)).collect();
    assert_eq!(asked.len(), 3);
    for request in asked {
        let form = String::from_utf8(request.body().to_vec()).unwrap();
        assert!(
            form.contains("Action=AssumeRoleWithWebIdentity&") && form.contains("WebIdentityToken=ey.web.identity")
        );
        assert!(request.header("authorization").is_none());
    }
    assert_eq!(scope(requests.last().unwrap()).0, "ASIA3");
}

#[tokio::test]
async fn profiles_hold_keys_roles_and_programs() {
    let server = MockServer::start().await.unwrap();
    server.reply_with(|request| if of_sts(request) { role(7) } else { reply() });
    let folder = folder("profiles");
    let (config, credentials) = (folder.join("config"), folder.join("credentials"));
    let program =
        "printf {\"Version\":1,\"AccessKeyId\":\"AKIDPROGRAM\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}";
    std::fs::write(
        &config,
        format!(
            "[profile chained]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\nregion = eu-west-3\n\
             [profile program]\ncredential_process = {}\n[profile sso]\nsso_start_url = https://x\n\
             [profile session]\nsso_session = nowhere\nsso_account_id = 1\nsso_role_name = r\n\
             [profile loop]\nrole_arn = a\nsource_profile = loop2\n[profile loop2]\nrole_arn = a\nsource_profile = loop\n",
            program.replace("{\"", "'{\"").replace("\"}", "\"}'")
        ),
    )
    .unwrap();
    std::fs::write(&credentials, "[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = s\n").unwrap();
    let files =
        [("AWS_CONFIG_FILE", config.to_str().unwrap()), ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap())];
    let client = client(&server, &files);
    let call = |profile: &'static str| client.completion(MODEL, "Hi").setting("aws_profile_name", profile);
    for (profile, id, region) in
        [("base", "AKIDBASE", "us-west-2"), ("chained", "ASIA7", "eu-west-3"), ("program", "AKIDPROGRAM", "us-west-2")]
    {
        call(profile).await.unwrap();
        let request = server.take_requests().pop().unwrap();
        assert_eq!(scope(&request), (id.into(), region.into(), "bedrock".into()), "{profile}");
    }
    for (profile, words) in [
        ("sso", "no `sso_region`"),
        ("session", "`nowhere`, which is none"),
        ("nobody", "in none of the files"),
        ("loop", "leads back"),
    ] {
        let error = call(profile).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(error.message().contains(words), "{error}");
    }
}

/// Files of AWS in a home of their own, with two profiles of single sign-on and their logins, which end at this time.
fn home_with_logins(name: &str, ends: &str) -> PathBuf {
    let home = folder(name);
    let cache = home.join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    let config = "[profile dev]\nsso_session = my-sso\nsso_account_id = 123456789012\nsso_role_name = Read Only\n\
        region = eu-west-1\n[sso-session my-sso]\nsso_region = us-east-1\nsso_start_url = https://x/start\n\
        [profile older]\nsso_start_url = https://x/start\nsso_region = us-east-2\nsso_account_id = 1\nsso_role_name = Admin\n\
        [profile through]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = dev\n";
    std::fs::write(home.join(".aws/config"), config).unwrap();
    // The names are `sha1sum` of `my-sso` and of `https://x/start`.
    for (file, token) in [
        ("0ad374308c5a4e22f723adf10145eafad7c4031c", "of the session"),
        ("f9bd89c67fef27fcb5df8d2e4b64eabe5bae45a4", "of the page"),
    ] {
        let kept =
            json!({"accessToken": token, "expiresAt": ends, "startUrl": "https://x/start", "region": "us-east-1"});
        std::fs::write(cache.join(format!("{file}.json")), kept.to_string()).unwrap();
    }
    home
}

#[tokio::test]
async fn a_login_by_single_sign_on_opens_a_role_whose_keys_are_kept() {
    let server = MockServer::start().await.unwrap();
    let fetched = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&fetched);
    server.reply_with(move |request| {
        if request.path() == "/sso/federation/credentials" {
            let number = count.fetch_add(1, Ordering::SeqCst);
            return Reply::json(&json!({"roleCredentials": {"accessKeyId": format!("ASIASSO{number}"),
                "secretAccessKey": "s", "sessionToken": "t", "expiration": 4_102_444_800_000_u64}}));
        }
        if of_sts(request) { role(7) } else { reply() }
    });
    let home = home_with_logins("sso", "2099-01-01T00:00:00Z");
    let sso = format!("{}/sso", server.url());
    let client = client(&server, &[("HOME", home.to_str().unwrap()), ("AWS_ENDPOINT_URL_SSO", &sso)]);
    let call = |profile: &'static str| client.completion(MODEL, "Hi").setting("aws_profile_name", profile);
    for _ in 0..2 {
        call("dev").await.unwrap();
    }
    let requests = server.take_requests();
    assert_eq!((requests.len(), fetched.load(Ordering::SeqCst)), (3, 1), "the keys are kept");
    assert_eq!(requests[0].query(), "role_name=Read%20Only&account_id=123456789012");
    assert_eq!(requests[0].header("x-amz-sso_bearer_token"), Some("of the session"));
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(scope(&requests[2]), ("ASIASSO0".to_owned(), "eu-west-1".to_owned(), "bedrock".to_owned()));
    call("older").await.unwrap();
    assert_eq!(server.take_requests()[0].header("x-amz-sso_bearer_token"), Some("of the page"));
    call("through").await.unwrap();
    let requests = server.take_requests();
    assert_eq!((scope(&requests[1]).0.as_str(), scope(&requests[2]).0.as_str()), ("ASIASSO2", "ASIA7"));
}

#[tokio::test]
async fn a_login_that_has_ended_is_refused_or_lost_says_how_to_log_in() {
    let server = MockServer::start().await.unwrap();
    server.reply_with(|request| match request.path() {
        "/sso/federation/credentials" => {
            Reply::raw(401, "application/json", r#"{"message": "Session token not found or invalid"}"#)
        }
        _ => reply(),
    });
    let sso = format!("{}/sso", server.url());
    for (name, ends, asked) in [
        ("ended", "2020-01-01T00:00:00Z", 0),
        ("ended-utc", "2020-01-01T00:00:00UTC", 0),
        ("no-time", "soon", 0),
        ("refused", "2099-01-01T00:00:00UTC", 1),
    ] {
        let home = home_with_logins(name, ends);
        let client = client(&server, &[("HOME", home.to_str().unwrap()), ("AWS_ENDPOINT_URL_SSO", &sso)]);
        let error = client.completion(MODEL, "Hi").setting("aws_profile_name", "dev").await.unwrap_err();
        assert_eq!((error.kind(), server.take_requests().len()), (ErrorKind::Authentication, asked), "{name}");
        assert!(error.message().contains("aws sso login --profile dev"), "{error}");
        assert!(!format!("{error:?}").contains("of the session"), "{error:?}");
    }
    let home = home_with_logins("lost", "2099-01-01T00:00:00Z");
    std::fs::remove_dir_all(home.join(".aws/sso")).unwrap();
    let client = client(&server, &[("HOME", home.to_str().unwrap()), ("AWS_ENDPOINT_URL_SSO", &sso)]);
    let error = client.completion(MODEL, "Hi").setting("aws_profile_name", "older").await.unwrap_err();
    assert!(error.message().contains("is not there: run `aws sso login --profile older`"), "{error}");
}

#[tokio::test]
async fn containers_and_instances_know_their_credentials() {
    let server = MockServer::start().await.unwrap();
    server.reply_with(|request| match request.path() {
        "/container" => {
            assert_eq!(request.header("authorization"), Some("pod token"));
            Reply::json(&json!({"AccessKeyId": "ASIACONTAINER", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}))
        }
        "/imds/latest/api/token" => Reply::raw(200, "text/plain", "session"),
        "/imds/latest/meta-data/iam/security-credentials/" => Reply::raw(200, "text/plain", "my-role\n"),
        "/imds/latest/meta-data/iam/security-credentials/my-role" => {
            assert_eq!(request.header("x-aws-ec2-metadata-token"), Some("session"));
            Reply::json(&json!({"Code": "Success", "AccessKeyId": "ASIAINSTANCE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}))
        }
        _ => reply(),
    });
    let (container, instance) = (format!("{}/container", server.url()), format!("{}/imds/", server.url()));
    let of_container =
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*container), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod token")];
    let of_instance = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*instance), ("AWS_EC2_METADATA_DISABLED", "false")];
    for (environment, id) in [(of_container, "ASIACONTAINER"), (of_instance, "ASIAINSTANCE")] {
        let client = client(&server, &environment);
        client.completion(MODEL, "Hi").await.unwrap();
        let asked = server.take_requests();
        assert_eq!(scope(asked.last().unwrap()).0, id);
        client.completion(MODEL, "Hi").await.unwrap();
        assert_eq!(server.take_requests().len(), 1, "{id} is kept");
    }
    let elsewhere = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://credentials.example/"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t"),
    ];
    let error = client(&server, &elsewhere).completion(MODEL, "Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
}

#[tokio::test]
async fn without_credentials_nothing_is_sent_and_the_error_says_where_it_was_looked() {
    let server = MockServer::start().await.unwrap();
    let error = client(&server, &[]).completion(MODEL, "Hi").await.unwrap_err();
    assert_eq!((error.kind(), server.received()), (ErrorKind::Authentication, 0));
    for place in ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "profile `default`", "AWS_BEARER_TOKEN_BEDROCK"] {
        assert!(error.message().contains(place), "{error}");
    }
}

#[tokio::test]
async fn what_sts_refuses_is_told_in_its_words_and_without_secrets() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::raw(
        403,
        "text/xml",
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>",
    ));
    let call = signed(client(&server, &[]).completion(MODEL, "Hi")).setting("aws_role_name", "arn:aws:iam::1:role/x");
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.message().contains("AccessDenied, not authorized"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"));
}

// ---- streams ----------------------------------------------------------------------------------------------------

fn message(kind: &str, name: &str, payload: &Value) -> Vec<u8> {
    let headers = [(&*format!(":{kind}-type"), name), (":message-type", kind)];
    event_stream::message(&headers, payload.to_string().as_bytes()).unwrap()
}

fn beginning() -> Vec<u8> {
    let mut bytes = message("event", "messageStart", &json!({"role": "assistant"}));
    for text in ["Hel", "lo"] {
        bytes.extend(message("event", "contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": text}})));
    }
    bytes
}

fn ending() -> Vec<u8> {
    let usage =
        json!({"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}, "trace": {"guardrail": {"a": 1}}});
    [
        message("event", "messageStop", &json!({"stopReason": "guardrail_intervened"})),
        message("event", "metadata", &usage),
    ]
    .concat()
}

async fn streamed(body: Vec<u8>) -> Result<ChatResponse> {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::raw(200, STREAM, body).chunks(7));
    let stream = signed(client(&server, &[]).completion(MODEL, "Hi")).stream().await?;
    let request = server.take_requests().remove(0);
    assert_eq!(request.path(), format!("{PATH}-stream"));
    stream.collect().await
}

fn partial(error: &Error) -> String {
    error.partial().map(ChatResponse::text).unwrap_or_default()
}

#[tokio::test]
async fn a_stream_is_read_to_its_end_with_the_guardrails_trace() {
    let reply = streamed([beginning(), ending()].concat()).await.unwrap();
    assert_eq!((reply.text().as_str(), reply.finish_reason()), ("Hello", Some(&FinishReason::ContentFilter)));
    assert_eq!(reply.extra.get("trace"), Some(&json!({"guardrail": {"a": 1}})));
    assert_eq!(reply.usage.unwrap().total_tokens, 5);
}

#[tokio::test]
async fn an_exception_in_mid_stream_is_its_error_with_what_had_come() {
    for (name, kind, status) in [
        ("throttlingException", ErrorKind::RateLimited, 429),
        ("modelStreamErrorException", ErrorKind::Unavailable, 424),
    ] {
        let exception = message("exception", name, &json!({"message": "Please wait."}));
        let error = streamed([beginning(), exception].concat()).await.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (kind, status));
        assert_eq!((error.message(), partial(&error).as_str()), ("Please wait.", "Hello"));
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_or_damaged_is_an_error() {
    let whole = [beginning(), ending()].concat();
    let finished = whole.len() - ending().len()
        + message("event", "messageStop", &json!({"stopReason": "guardrail_intervened"})).len();
    for cut in [1, 20, beginning().len() - 1, beginning().len(), finished - 1, finished + 1, whole.len() - 1] {
        let error = streamed(whole[..cut].to_vec()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamInterrupted, "{cut}");
    }
    let mut damaged = whole;
    damaged[200] ^= 1;
    let error = streamed(damaged).await.unwrap_err();
    assert!(error.message().contains("checksum"), "{error}");
}

// ---- counting ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn tokens_are_counted_of_the_model_behind_a_profile() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::json(&json!({"inputTokens": 23})));
    let client = client(&server, &[]);
    let counted = signed(client.completion(MODEL, [user("Hi")])).max_tokens(9u64).count_tokens().await.unwrap();
    assert_eq!((counted.tokens, counted.exact), (23, true));
    let request = server.take_requests().remove(0);
    assert_eq!(request.path(), "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens");
    assert_eq!(
        request.json(),
        json!({"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}}})
    );
    let invoked = client.completion(MODEL.replace("bedrock/", "bedrock/invoke/"), [user("Hi")]);
    signed(invoked).count_tokens().await.unwrap();
    let body = server.take_requests().remove(0).json();
    assert!(body.pointer("/input/invokeModel/body").is_some_and(Value::is_string), "{body}");
}

// ---- SageMaker --------------------------------------------------------------------------------------------------

fn sagemaker(server: &MockServer) -> Client {
    builder(server, &[("AWS_REGION", "us-east-1")])
        .api_base("sagemaker_chat", server.url())
        .api_base("sagemaker_nova", server.url())
        .build()
        .unwrap()
}

#[tokio::test]
async fn an_endpoint_of_sagemaker_is_asked_in_openais_form() {
    let server = MockServer::start().await.unwrap();
    server.reply(Reply::json(&json!({"id": "c", "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello!"}}
    ]})));
    let client = sagemaker(&server);
    signed(client.completion("sagemaker_chat/my-endpoint", "Hi")).await.unwrap();
    signed(client.completion("sagemaker_chat/my-endpoint", "Hi")).param("model_id", "part").await.unwrap();
    signed(client.completion("sagemaker_nova/my-nova", "Hi")).param("top_k", 3).await.unwrap();
    let error = signed(client.completion("sagemaker_nova/my-nova", "Hi")).param("seed", 3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let requests = server.take_requests();
    let paths: Vec<&str> = requests.iter().map(Request::path).collect();
    assert_eq!(
        paths,
        ["/endpoints/my-endpoint/invocations", "/endpoints/my-endpoint/invocations", "/endpoints/my-nova/invocations"]
    );
    assert_eq!(scope(&requests[0]), ("AKIDSTATIC".into(), "us-east-1".into(), "sagemaker".into()));
    assert_eq!(requests[0].json()["model"], "my-endpoint");
    assert_eq!(requests[1].header("x-amzn-sagemaker-inference-component"), Some("part"));
    assert!(requests[1].header("authorization").unwrap().contains("x-amzn-sagemaker-inference-component"));
    assert!(requests[1].json().get("model").is_none() && requests[1].json().get("model_id").is_none());
    assert!(requests[2].json().get("model").is_none() && requests[2].json()["top_k"] == 3);
}

#[tokio::test]
async fn a_stream_of_sagemaker_is_put_together_from_its_parts() {
    let chunk = |delta: Value, finish: Value| {
        format!(
            "data: {}\n\n",
            json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        )
    };
    let sse = [
        chunk(json!({"content": "Hel"}), Value::Null),
        chunk(json!({"content": "lo"}), "stop".into()),
        "data: [DONE]\n\n".into(),
    ]
    .concat();
    // A payload of bytes, not of JSON.
    let part = |payload: &str| {
        let headers = [(":event-type", "PayloadPart"), (":message-type", "event")];
        event_stream::message(&headers, payload.as_bytes()).unwrap()
    };
    for size in [1, 10, 64, 1000] {
        let server = MockServer::start().await.unwrap();
        let parts = sse.as_bytes().chunks(size).flat_map(|piece| part(std::str::from_utf8(piece).unwrap()));
        server.reply(Reply::raw(200, STREAM, parts.collect::<Vec<u8>>()).chunks(5));
        let call = signed(sagemaker(&server).completion("sagemaker_chat/my-endpoint", "Hi"));
        assert_eq!(call.stream().await.unwrap().collect().await.unwrap().text(), "Hello");
        let request = server.take_requests().remove(0);
        assert_eq!(request.path(), "/endpoints/my-endpoint/invocations-response-stream");
        assert_eq!(request.json()["stream"], true);
    }
    let server = MockServer::start().await.unwrap();
    let failure = message("exception", "ModelStreamError", &json!({"Message": "StreamBroken"}));
    server.reply(Reply::raw(200, STREAM, [part(&sse[..40]), failure].concat()));
    let call = signed(sagemaker(&server).completion("sagemaker_chat/my-endpoint", "Hi"));
    let error = call.stream().await.unwrap().collect().await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "StreamBroken"));
}

// ---- lists of models --------------------------------------------------------------------------------------------

// `bedrock-service-2.json` of botocore: `ListFoundationModels`, `ListInferenceProfiles`
#[tokio::test]
async fn bedrock_lists_foundation_models_and_then_inference_profiles() {
    let server = MockServer::start().await.unwrap();
    server.enqueue(Reply::json(
        &json!({"modelSummaries": [{"modelId": "amazon.nova-pro-v1:0", "providerName": "Amazon"}]}),
    ));
    let profile = |id: &str| json!([{"inferenceProfileId": id, "type": "SYSTEM_DEFINED"}]);
    server.enqueue(Reply::json(
        &json!({"inferenceProfileSummaries": profile("us.amazon.nova-pro-v1:0"), "nextToken": "a=="}),
    ));
    server.enqueue(Reply::json(&json!({"inferenceProfileSummaries": profile("eu.amazon.nova-pro-v1:0")})));
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_REGION", "eu-west-1")];
    let client = client(&server, &keys);
    let models = client.list_models("bedrock", &anymodel::CallOptions::default()).await.unwrap();
    let ids: Vec<&str> = models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0"]);
    let requests = server.take_requests();
    let asked: Vec<String> = requests.iter().map(|request| format!("{}?{}", request.path(), request.query())).collect();
    let profiles = "/inference-profiles?maxResults=1000";
    assert_eq!(asked, ["/foundation-models?".to_owned(), profiles.to_owned(), format!("{profiles}&nextToken=a%3D%3D")]);
    for request in &requests {
        assert_eq!(scope(request), ("AKIDENV".to_owned(), "eu-west-1".to_owned(), "bedrock".to_owned()));
    }
    let denied = Reply::raw(
        403,
        "application/json",
        r#"{"message": "not authorized to perform: bedrock:ListFoundationModels"}"#,
    );
    server.reply(denied.header("x-amzn-errortype", "AccessDeniedException"));
    let error = client.list_models("bedrock", &anymodel::CallOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.message().contains("ListFoundationModels"), "{error}");
}

// ---- the mantle -------------------------------------------------------------------------------------------------

fn chat() -> Reply {
    let message = json!({"role": "assistant", "content": "Hello!"});
    Reply::json(
        &json!({"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}),
    )
}

#[tokio::test]
async fn the_mantle_is_asked_by_a_key_or_signed_for_a_service_of_its_own() {
    let server = MockServer::start().await.unwrap();
    server.reply(chat());
    let keys =
        [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s"), ("BEDROCK_MANTLE_REGION", "eu-west-2")];
    let build = |environment: &[(&str, &str)]| {
        builder(&server, environment).api_base("bedrock_mantle", format!("{}/v1", server.url())).build().unwrap()
    };
    let signed = build(&keys);
    signed.completion("bedrock_mantle/openai.gpt-oss-120b", "Hi").await.unwrap();
    let request = server.take_requests().pop().unwrap();
    assert_eq!(scope(&request), ("AKIDENV".into(), "eu-west-2".into(), "bedrock-mantle".into()));
    assert_eq!(request.path(), "/v1/chat/completions");
    let key = build(&[&keys[..], &[("AWS_BEARER_TOKEN_BEDROCK", "k3y")]].concat());
    key.completion("bedrock_mantle/openai.gpt-oss-120b", "Hi").await.unwrap();
    assert_eq!(server.take_requests().pop().unwrap().header("authorization"), Some("Bearer k3y"));
    let nobody = build(&[("HOME", "/nowhere")]);
    let error = nobody.completion("bedrock_mantle/openai.gpt-oss-120b", "Hi").await.unwrap_err();
    assert!(
        error.message().contains("BEDROCK_MANTLE_API_KEY") && error.message().contains("AWS_ACCESS_KEY_ID"),
        "{error}"
    );
}

#[tokio::test]
async fn the_region_of_a_profile_is_where_the_mantle_is() {
    let folder = folder("mantle");
    let config = folder.join("config");
    std::fs::write(
        &config,
        "[default]\nregion = ap-south-1\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n",
    )
    .unwrap();
    let server = MockServer::start().await.unwrap();
    server.reply(chat());
    let client = builder(&server, &[("AWS_CONFIG_FILE", config.to_str().unwrap())]);
    let client = client.api_base("bedrock_mantle", format!("{}/{{aws_region_name}}", server.url())).build().unwrap();
    client.completion("bedrock_mantle/m", "Hi").await.unwrap();
    let request = server.take_requests().pop().unwrap();
    assert_eq!(scope(&request).1, "ap-south-1");
    assert_eq!(request.path(), "/ap-south-1/chat/completions");
}
