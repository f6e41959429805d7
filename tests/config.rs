//! A router from LiteLLM's `config.yaml`, against the simulator.

use anymodel::auth::Environment;
use anymodel::chat::Warning;
use anymodel::mock::{Fault, MockServer, Reply};
use anymodel::router::RouterBuilder;
use anymodel::{ErrorKind, Router};

fn read(yaml: &str) -> anymodel::Result<(RouterBuilder, Vec<Warning>)> {
    let environment = Environment::of([("BASE", "https://base.example.com/v1"), ("A_KEY", "sk-from-the-environment")]);
    Router::from_config(yaml, &environment)
}

fn warned(yaml: &str) -> Vec<String> {
    let (_, warnings) = read(yaml).unwrap();
    warnings.into_iter().map(|warning| warning.parameter.into_owned()).collect()
}

fn refused(yaml: &str) -> String {
    let error = read(yaml).and_then(|(builder, _)| builder.build().map(drop)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    error.message().to_owned()
}

#[tokio::test]
async fn a_file_makes_a_router_with_deployments_orders_and_fallbacks() {
    let (first, second, last) =
        (MockServer::start().await.unwrap(), MockServer::start().await.unwrap(), MockServer::start().await.unwrap());
    first.reply(Reply::auto().fault(Fault::Status(500)));
    second.reply(Reply::auto().fault(Fault::Status(404)));
    last.reply("Hello from the last!");
    let yaml = format!(
        "
model_list:
  - model_name: smart
    litellm_params: {{model: openai/gpt-4o, api_base: '{}', api_key: sk-1, temperature: 0.5, input_cost_per_token: 1.0e-6, additional_drop_params: [seed]}}
    model_info: {{id: first}}
  - model_name: smart
    litellm_params: {{model: gpt-4o, custom_llm_provider: openai, api_base: '{}', api_key: sk-2, order: 2}}
    model_info: {{id: second}}
  - model_name: 'spare/*'
    litellm_params:
      model: openai/*
      api_base: '{}'
      api_key: sk-3
      temperature: 0.25
      input_cost_per_token: 0.001
      output_cost_per_token: 0
    model_info: {{id: last}}
litellm_settings: {{num_retries: 1, drop_params: true}}
router_settings:
  num_retries: 0
  fallbacks: [{{smart: [spare/gpt-4o-mini]}}]
  model_group_alias: {{clever: smart}}
",
        first.url(),
        second.url(),
        last.url()
    );
    let (builder, warnings) = read(&yaml).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let reply = builder.build().unwrap().completion("clever", "Hi").seed(1).await.unwrap();
    assert_eq!(reply.text(), "Hello from the last!");
    let tried: Vec<&str> = reply.meta.trail.iter().map(|attempt| attempt.deployment.as_str()).collect();
    assert_eq!(tried, ["first", "second", "last"]);
    assert_eq!(first.requests()[0].json().get("seed"), None, "the deployment leaves it out");
    let sent = last.requests();
    let body = sent[0].json();
    assert_eq!(body["seed"], 1);
    assert_eq!((&body["model"], &body["temperature"]), (&"gpt-4o-mini".into(), &0.25.into()));
    assert!(reply.cost().unwrap().as_f64() > 0.0, "the deployment's own price");
}

#[test]
fn what_is_not_known_is_a_warning_that_names_it() {
    let yaml = "
model_list:
  - model_name: a
    litellm_params: {model: openai/gpt-4o, colour: blue}
    model_info: {mode: chat}
    extra: 1
router_settings: {cache_responses: true, routing_strategy_args: {ttl: 10}}
general_settings: {master_key: sk-1234}
";
    assert_eq!(
        warned(yaml),
        [
            "router_settings.routing_strategy_args.ttl",
            "router_settings.cache_responses",
            "model_list[0].litellm_params.colour",
            "model_list[0].model_info.mode",
            "model_list[0].extra",
            "general_settings",
        ]
    );
    let (_, warnings) = read(yaml).unwrap();
    assert!(!format!("{warnings:?}").contains("sk-1234"), "no value is told");
}

#[cfg(not(feature = "redis"))]
#[test]
fn settings_of_redis_are_named_where_it_is_not_built_in() {
    let yaml =
        "router_settings: {redis_host: localhost, redis_port: 6379, redis_password: s3cret, redis_url: 'redis://x'}";
    let (_, warnings) = read(yaml).unwrap();
    let names: Vec<&str> = warnings.iter().map(|warning| &*warning.parameter).collect();
    assert_eq!(
        names,
        ["redis_host", "redis_port", "redis_password", "redis_url"].map(|name| format!("router_settings.{name}"))
    );
    assert!(warnings.iter().all(|warning| warning.message.contains("feature `redis`")), "{warnings:?}");
    assert!(!format!("{warnings:?}").contains("s3cret"));
}

#[cfg(feature = "redis")]
#[test]
fn settings_of_redis_that_cannot_be_used_are_errors_without_secrets() {
    for yaml in [
        "router_settings: {redis_url: 'http://me:s3cret@host'}",
        "router_settings: {redis_host: host, redis_password: s3cret, redis_port: many}",
        "router_settings: {redis_host: host, redis_password: s3cret, redis_ssl: true}",
        "router_settings: {redis_host: os.environ/NONE, redis_password: s3cret}",
    ] {
        let message = refused(yaml);
        assert!(message.contains("router_settings") && !message.contains("s3cret"), "{message}");
    }
    assert!(read("router_settings: {redis_host: '::1', redis_port: '6380', redis_password: 7}").unwrap().1.is_empty());
}

#[tokio::test]
async fn a_fallback_in_a_file_can_change_parameters() {
    let (bad, good) = (MockServer::start().await.unwrap(), MockServer::start().await.unwrap());
    bad.reply(Fault::Status(500));
    let yaml = format!(
        "
model_list:
  - {{model_name: a, litellm_params: {{model: openai/m, api_base: '{}', api_key: k}}}}
  - {{model_name: b, litellm_params: {{model: openai/m, api_base: '{}', api_key: k}}}}
router_settings: {{num_retries: 0, fallbacks: [{{a: [{{model: b, temperature: 0.25}}]}}]}}
",
        bad.url(),
        good.url()
    );
    let router = read(&yaml).unwrap().0.build().unwrap();
    router.completion("a", "Hi").temperature(1.0).await.unwrap();
    assert_eq!(good.requests()[0].json()["temperature"], 0.25);
}

#[test]
fn a_wrong_value_is_an_error_that_says_where() {
    for (yaml, words) in [
        ("model_list: 7", "`model_list`"),
        ("model_list: [{litellm_params: {model: openai/m}}]", "`model_list[0].model_name`: it is missing"),
        ("model_list: [{model_name: a}]", "`model_list[0].litellm_params.model`: it is missing"),
        ("model_list: [{model_name: a, litellm_params: {model: openai/m, rpm: many}}]", "litellm_params.rpm"),
        ("model_list: [{model_name: a, litellm_params: {model: openai/m, timeout: -1}}]", "litellm_params.timeout"),
        ("model_list: [{model_name: a, litellm_params: {model: openai/m, temperature: hot}}]", "temperature"),
        (
            "model_list: [{model_name: a, litellm_params: {model: openai/m, api_base: os.environ/NONE}}]",
            "`NONE` is not set",
        ),
        ("router_settings: {routing_strategy: by-mood}", "by-mood"),
        ("router_settings: {num_retries: 1.5}", "router_settings.num_retries"),
        ("router_settings: {retry_policy: {SadErrorRetries: 1}}", "SadErrorRetries"),
        ("router_settings: {fallbacks: {a: b}}", "router_settings.fallbacks"),
        ("router_settings: {fallbacks: [{a: [{temperature: 1}]}]}", "needs the name of a `model`"),
        ("router_settings: {default_priority: high}", "router_settings.default_priority"),
        ("{", "cannot be read"),
        ("model_list: []", "at least one deployment"),
    ] {
        let message = refused(yaml);
        assert!(message.contains(words), "{yaml}: {message}");
    }
}

#[test]
fn every_setting_of_routing_is_understood() {
    let yaml = "
model_list:
  - model_name: a
    litellm_params:
      model: azure_ai_like/x
      custom_llm_provider: openai
      api_base: os.environ/BASE
      api_key: os.environ/A_KEY
      api_version: '2024-10-21'
      organization: org-1
      weight: 3
      rpm: 100
      tpm: 100000
      max_parallel_requests: 10
      timeout: 30
      stream_timeout: 5.5
      num_retries: 2
      cooldown_time: 60
      tags: [paid]
      region_name: eu
      extra_headers: {x-team: blue}
      aws_region_name: eu-west-1
      output_cost_per_token: 2.0e-6
    model_info: {id: one, base_model: gpt-4o, max_input_tokens: 1000, allowed_fails: 2, disable_background_health_check: true}
litellm_settings:
  request_timeout: 600
  context_window_fallbacks: [{a: [a2]}]
  allowed_fails: 3
router_settings:
  routing_strategy: latency-based-routing
  routing_strategy_args: {lowest_latency_buffer: 0.5}
  timeout: 60
  stream_timeout: 10
  retry_after: 1
  retry_policy: {RateLimitErrorRetries: 3, TimeoutErrorRetries: 0}
  allowed_fails_policy: {RateLimitErrorAllowedFails: 5}
  cooldown_time: 10
  disable_cooldowns: false
  default_priority: 3
  max_queue: 100
  enable_health_check_routing: true
  content_policy_fallbacks: [{a: [a2]}]
  default_fallbacks: [a2]
  max_fallbacks: 2
  enable_pre_call_checks: true
  enable_tag_filtering: true
  tag_filtering_match_any: false
  model_group_alias: {b: {model: a, hidden: true}}
  default_litellm_params: {max_tokens: 100}
  default_max_parallel_requests: 20
";
    let second = "
  - model_name: a2
    litellm_params: {model: openai/gpt-4o}
litellm_settings:";
    let yaml = yaml.replacen("\nlitellm_settings:", second, 1);
    let (builder, warnings) = read(&yaml).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let shown = format!("{builder:?}");
    for word in ["https://base.example.com/v1", "[redacted]", "x-team", "aws_region_name", "weight: Some(3.0)"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    assert!(!shown.contains("sk-from"), "{shown}");
    let ids: Vec<String> = builder.build().unwrap().snapshot().into_iter().map(|deployment| deployment.id).collect();
    assert_eq!(ids[0], "one");
}
