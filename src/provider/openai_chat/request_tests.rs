//! What is asked of servers: the parameters and messages that each row takes, refuses, or has by another name.

use serde_json::{Value, json};

use super::tests::{encode, provider};
use crate::chat::{ChatRequest, ResponseFormat, Tool, ToolChoice, user};
use crate::error::ErrorKind;
use crate::provider::Target;

#[test]
fn what_a_provider_cannot_express_is_an_error_or_a_warning() {
    let picture = [crate::chat::Part::text("?"), crate::chat::Part::image_url("https://a.example/x.png")];
    let mut request = ChatRequest::new("deepseek-chat", [user(picture)]);
    let error = encode("deepseek", &request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("image content"), "{error}");
    request.params.drop_params = true;
    let (sent, warnings) = encode("deepseek", &request).unwrap();
    assert_eq!(sent["messages"][0]["content"], "?");
    assert_eq!(warnings.len(), 1, "{warnings:?}");

    let mut request = ChatRequest::new("glm-4.6", "?");
    request.params.response_format = Some(ResponseFormat::json_schema("x", json!({"type": "object"})));
    assert_eq!(encode("zai", &request).unwrap_err().kind(), ErrorKind::Unsupported);
    request.params.response_format = Some(ResponseFormat::JsonObject);
    assert_eq!(encode("zai", &request).unwrap().0["response_format"]["type"], "json_object");
}

#[test]
fn what_a_model_refuses_is_refused_for_it_unless_it_changes_nothing() {
    let asked = |provider: &str, model: &str, temperature: f64| {
        let request =
            json!({"model": model, "messages": [{"role": "user", "content": "Hi"}], "temperature": temperature});
        encode(provider, &serde_json::from_value(request).unwrap()).map(|(body, _)| body["temperature"].clone())
    };
    for model in ["o3", "gpt-5-mini", "gpt-6-astra"] {
        assert_eq!(asked("openai", model, 0.5).unwrap_err().kind(), ErrorKind::Unsupported, "{model}");
        assert_eq!(asked("openai", model, 1.0).unwrap(), 1.0, "{model}");
        assert_eq!(asked("custom_openai", model, 0.5).unwrap(), 0.5, "a name says nothing on a server of one's own");
    }
    for (provider, model) in [("openai", "gpt-5-chat-latest"), ("openai", "gpt-5.2"), ("openrouter", "openai/gpt-5")] {
        assert_eq!(asked(provider, model, 0.5).unwrap(), 0.5, "{model}");
    }
}

#[test]
fn tool_choice_is_said_in_the_words_of_the_provider() {
    let mut request = ChatRequest::new("m", "?");
    request.params.tools = Some(vec![Tool::function("f", "…").strict(true)]);
    request.params.tool_choice = Some(ToolChoice::Required);
    assert_eq!(encode("mistral", &request).unwrap().0["tool_choice"], "any");
    assert_eq!(encode("groq", &request).unwrap().0["tool_choice"], "required");
    assert_eq!(encode("deepinfra", &request).unwrap_err().kind(), ErrorKind::Unsupported);
    let (sent, warnings) = encode("moonshot", &request).unwrap();
    assert!(sent.get("tool_choice").is_none() && sent["messages"].as_array().unwrap().len() == 2, "{sent}");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(encode("xai", &request).unwrap().0["tools"][0]["function"].get("strict").is_none());
}

#[test]
fn reasoning_is_asked_for_in_the_way_of_the_provider() {
    let mut request = ChatRequest::new("some-reasoner", "?");
    request.params.reasoning_effort = Some("medium".into());
    let said = |name: &str, request: &ChatRequest| {
        let sent = encode(name, request).unwrap().0;
        (sent["reasoning_effort"].clone(), sent["thinking"]["type"].clone())
    };
    assert_eq!(said("groq", &request), (json!("medium"), Value::Null));
    assert_eq!(said("mistral", &request), (json!("high"), Value::Null));
    for name in ["zai", "moonshot"] {
        assert_eq!(said(name, &request), (json!("medium"), json!("enabled")), "{name}");
    }
    assert_eq!(said("deepseek", &request), (json!("medium"), json!("enabled")));
    request.params.reasoning_effort = Some("none".into());
    assert_eq!(said("deepseek", &request), (Value::Null, json!("disabled")));
    assert_eq!(said("mistral", &request), (json!("none"), Value::Null));
    request.params.reasoning_effort = None;
    request.params.thinking = Some(crate::chat::Thinking::enabled(2000));
    assert_eq!(said("hosted_vllm", &request), (json!("low"), Value::Null));
    assert_eq!(encode("openrouter", &request).unwrap().0["reasoning"], json!({"max_tokens": 2000}));
    let sent = encode("dashscope", &request).unwrap().0;
    assert_eq!((&sent["enable_thinking"], &sent["thinking_budget"]), (&json!(true), &json!(2000)));
    assert_eq!(encode("groq", &request).unwrap_err().kind(), ErrorKind::Unsupported);
}

/// https://docs.mistral.ai/inference/conversations/reasoning, and the cards of the models on Mistral's host.
#[test]
fn mistral_is_told_how_much_to_reason_in_the_words_that_the_model_has_and_a_changed_word_is_warned_of() {
    let said = |model: &str, word: &str| {
        let mut request = ChatRequest::new(model, "?");
        request.params.reasoning_effort = Some(word.into());
        let (sent, warnings) = encode("mistral", &request).unwrap();
        (sent["reasoning_effort"].clone(), warnings.len())
    };
    assert_eq!(said("mistral-small-latest", "low"), (json!("high"), 1));
    assert_eq!(said("mistral-medium-3-5", "high"), (json!("high"), 0));
    assert_eq!(said("mistral-medium-3-5", "none"), (json!("none"), 0));
    assert_eq!(said("mistral-large-4-0", "low"), (json!("low"), 0));
    assert_eq!(said("zai-glm-5-2", "xhigh"), (json!("xhigh"), 0));
    let mut request = ChatRequest::new("zai-glm-5-3", "?");
    request.params.reasoning_effort = Some("medium".into());
    assert_eq!(encode("mistral", &request).unwrap_err().kind(), ErrorKind::Unsupported);
    request.model = "mistral-small-latest".to_owned();
    let detailed = json!({"effort": "none", "summary": "auto"}).as_object().cloned().unwrap();
    request.params.reasoning_effort = Some(crate::chat::Effort::Detailed(detailed));
    assert_eq!(encode("mistral", &request).unwrap().0["reasoning_effort"], "none");
}

/// Of what each vendor's page or SDK has, as the row names it.
#[test]
fn rows_take_and_refuse_what_the_vendor_says() {
    let takes = |name: &str, parameter: &'static str, value: Value| {
        let mut request = ChatRequest::new("some-model", "?");
        request.params.set(parameter, value).unwrap();
        let encoded = encode(name, &request);
        assert!(
            encoded.as_ref().is_ok() || encoded.as_ref().is_err_and(|e| e.kind() == ErrorKind::Unsupported),
            "{name}"
        );
        encoded.is_ok()
    };
    for name in ["featherless_ai", "nscale", "scaleway", "sarvam", "friendliai"] {
        assert!(takes(name, "seed", json!(7)), "{name}");
        assert!(!takes(name, "user", json!("u")), "{name}");
    }
    for parameter in ["n", "frequency_penalty"] {
        assert!(!takes("scaleway", parameter, json!(2)) && takes("sarvam", parameter, json!(2)), "{parameter}");
    }
    assert!(!takes("lemonade", "logprobs", json!(true)) && takes("scaleway", "logprobs", json!(true)));
    let mut request = ChatRequest::new("some-model", "?");
    request.params.max_completion_tokens = Some(9);
    for name in ["assemblyai", "friendliai", "sarvam", "scaleway"] {
        assert_eq!(encode(name, &request).unwrap().0["max_tokens"], 9, "{name}");
    }
    for name in ["apertis", "nscale", "synthetic"] {
        assert_eq!(encode(name, &request).unwrap().0["max_completion_tokens"], 9, "{name}");
    }
}

#[test]
fn models_and_parameters_go_by_the_names_that_the_provider_has_for_them() {
    let mut request = ChatRequest::new("llama-v3p3", [user("?").named("Ann")]);
    assert_eq!(encode("fireworks_ai", &request).unwrap().0["model"], "accounts/fireworks/models/llama-v3p3");
    request.params.seed = Some(7);
    request.params.max_completion_tokens = Some(9);
    let (sent, warnings) = encode("mistral", &request).unwrap();
    assert_eq!((&sent["random_seed"], &sent["max_tokens"]), (&json!(7), &json!(9)));
    assert!(sent.get("seed").is_none() && sent["messages"][0].get("name").is_none(), "{sent}");
    assert_eq!(warnings.len(), 1, "the name is not dropped silently: {warnings:?}");
    request.params.temperature = Some(1.5);
    request.params.seed = None;
    let (sent, warnings) = encode("moonshot", &request).unwrap();
    assert_eq!((&sent["temperature"], warnings.len()), (&json!(1.0), 1));
    request.params.max_completion_tokens = None;
    request.params.max_tokens = Some(9);
    assert_eq!(encode("moonshot", &request).unwrap().0["max_completion_tokens"], 9);
    assert_eq!(encode("xai", &request).unwrap().0["max_tokens"], 9);
    request.params.user = Some("u-1234".to_owned());
    let (sent, _) = encode("zai", &request).unwrap();
    assert!(sent["user_id"] == "u-1234" && sent.get("user").is_none(), "{sent}");
}

#[test]
fn hugging_face_names_a_host_behind_the_model_and_has_servers_of_ones_own() {
    let sent = |model: &str, base: &str| {
        let encoded =
            provider("huggingface").chat().unwrap().encode(&ChatRequest::new(model, "?"), &Target::new(model, base));
        let request = encoded.unwrap().request;
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        (request.uri().to_string(), body["model"].as_str().unwrap().to_owned())
    };
    let router = "https://router.huggingface.co/v1";
    for (model, called) in [
        ("together/deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1:together"),
        ("deepseek-ai/DeepSeek-R1:together", "deepseek-ai/DeepSeek-R1:together"),
        ("deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1"),
    ] {
        assert_eq!(sent(model, router), (format!("{router}/chat/completions"), called.to_owned()));
    }
    let (url, _) = sent("tgi", "https://x.endpoints.huggingface.cloud");
    assert_eq!(url, "https://x.endpoints.huggingface.cloud/v1/chat/completions");
}

/// Source: Together's OpenAPI description: `logprobs` is an integer between 0 and 20, of the alternatives to tell of.
#[test]
fn together_counts_the_probabilities_that_it_is_to_tell() {
    let sent = |logprobs, top_logprobs| {
        let mut request = ChatRequest::new("m", "Hi");
        (request.params.logprobs, request.params.top_logprobs) = (logprobs, top_logprobs);
        let (body, warnings) = encode("together_ai", &request).unwrap();
        assert_eq!((body.get("top_logprobs"), warnings.len()), (None, 0));
        body.get("logprobs").cloned()
    };
    assert_eq!(sent(Some(true), Some(3)), Some(json!(3)));
    assert_eq!(sent(None, Some(3)), Some(json!(3)));
    assert_eq!(sent(Some(true), None), Some(json!(1)));
    assert_eq!(sent(Some(false), Some(3)), Some(json!(0)));
    assert_eq!(sent(None, None), None);
}

fn asked(request: Value) -> ChatRequest {
    serde_json::from_value(request).unwrap()
}

/// A round of one call, with and without the reasoning that led to it.
fn round(model: &str, more: Value) -> ChatRequest {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let mut request = json!({"model": model, "messages": [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "reasoning_content": "Because.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ]});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked(request)
}

/// The servers' own words: "reasoning_content is missing in assistant tool call message"
/// (<https://github.com/continuedev/continue/issues/11600>, `/9831`).
#[test]
fn calls_tell_the_reasoning_that_led_to_them_where_the_server_insists_on_it() {
    let told = |name: &str, model: &str, more: Value| {
        let (body, _) = encode(name, &round(model, more)).unwrap();
        (body["messages"][1]["reasoning_content"].clone(), body["messages"][3]["reasoning_content"].clone())
    };
    let (because, space) = (json!("Because."), json!(" "));
    for (name, model, more) in [
        ("moonshot", "kimi-k2.5", json!({})),
        ("deepseek", "deepseek-reasoner", json!({})),
        ("deepseek", "deepseek-chat", json!({"reasoning_effort": "high"})),
        ("deepseek", "deepseek-chat", json!({"thinking": {"type": "enabled"}})),
    ] {
        assert_eq!(told(name, model, more), (because.clone(), space.clone()), "{name}/{model}");
    }
    for (name, model, more) in [
        ("moonshot", "moonshot-v1-8k", json!({})),
        ("moonshot", "kimi-k2.5", json!({"thinking": {"type": "disabled"}})),
        ("deepseek", "deepseek-chat", json!({})),
        ("zai", "glm-4.6", json!({})),
    ] {
        assert_eq!(told(name, model, more), (because.clone(), Value::Null), "{name}/{model}");
    }
}

/// Measured: <https://github.com/BerriAI/litellm/issues/13982>; of Together its OpenAPI description,
/// `ChatCompletionToolMessageParam`.
#[test]
fn a_result_of_texts_is_one_text_where_the_server_takes_no_list() {
    for (name, content) in [("deepinfra", json!("ab")), ("databricks", json!("ab")), ("together_ai", json!("ab"))] {
        assert_eq!(encode(name, &round("m", json!({}))).unwrap().0["messages"][2]["content"], content, "{name}");
    }
    assert!(encode("groq", &round("m", json!({}))).unwrap().0["messages"][2]["content"].is_array());
}

/// OpenAI's OpenAPI description, `ChatCompletionRequestToolMessageContentPart`: text alone. Groq's has pictures there too.
#[test]
fn pictures_of_tools_follow_their_results_where_those_are_text() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    let request = asked(json!({"model": "gpt-4o", "messages": [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "tool_calls": [call("1"), call("2")]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "Here:"}, image]},
        {"role": "tool", "tool_call_id": "2", "content": "x"},
        {"role": "user", "content": "And?"},
    ]}));
    let (body, warnings) = encode("openai", &request).unwrap();
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user", "user"]);
    assert_eq!(messages[2]["content"], "Here:");
    assert_eq!(messages[4]["content"][1], image);
    assert!(warnings.iter().any(|warning| warning.contains("follows as the user's")), "{warnings:?}");
    assert_eq!(encode("groq", &request).unwrap().0["messages"][2]["content"][1], image);
}

#[test]
fn the_cache_marker_of_a_message_goes_onto_its_last_part_or_nowhere() {
    let request = asked(json!({"model": "m", "messages": [
        {"role": "user", "content": "Hi", "cache_control": {"type": "ephemeral"}},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]}));
    let (body, _) = encode("openrouter", &request).unwrap();
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [{"type": "text", "text": "a"},
                {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        ])
    );
    for name in ["mistral", "groq", "openai"] {
        let (body, warnings) = encode(name, &request).unwrap();
        assert!(!body.to_string().contains("cache_control"), "{name}");
        assert!(warnings.iter().any(|warning| warning.contains("cache_control")), "{name}: {warnings:?}");
    }
}

/// <https://developers.openai.com/api/docs/guides/latest-model>: "only supported … with reasoning effort set to none".
#[test]
fn a_model_that_reasons_as_it_is_told_takes_no_sampling() {
    let refused = |more: Value| {
        let mut request = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": "Hi"}]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        encode("openai", &asked(request)).err().map(|error| error.message().to_owned())
    };
    assert_eq!(refused(json!({"temperature": 0.2, "top_p": 0.5})), None);
    assert_eq!(refused(json!({"temperature": 0.2, "reasoning_effort": "none"})), None);
    let error = refused(json!({"temperature": 0.2, "top_p": 0.5, "reasoning_effort": "low"})).unwrap();
    assert!(error.contains("`temperature`, `top_p`"), "{error}");
}

/// The servers' own words, of each: "Unsupported parameter".
#[test]
fn models_of_openai_refuse_what_their_server_refuses() {
    for (model, parameter, value) in [
        ("o3", "parallel_tool_calls", json!(false)),
        ("o3-mini", "parallel_tool_calls", json!(true)),
        ("gpt-5.1", "stop", json!("x")),
        ("gpt-5.2", "stop", json!(["x"])),
    ] {
        let mut request = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        request[parameter] = value;
        let error = encode("openai", &asked(request)).unwrap_err();
        assert!(error.message().contains(parameter), "{model}: {error}");
    }
    let request = json!({"model": "responses/o3", "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f"}}], "parallel_tool_calls": false});
    assert_eq!(encode("openai", &asked(request)).unwrap().0["parallel_tool_calls"], false);
    let request = json!({"model": "gpt-5.5", "messages": [{"role": "user", "content": "Hi"}], "stop": "x"});
    assert_eq!(encode("openai", &asked(request)).unwrap().0["stop"], "x");
}

/// <https://docs.clarifai.com/compute/inference/open-ai>: models are called by the addresses of their pages.
#[test]
fn a_model_of_clarifai_in_three_parts_is_called_by_its_page() {
    let called = |model: &str| {
        let request = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        encode("clarifai", &asked(request)).unwrap().0["model"].clone()
    };
    let page = "https://clarifai.com/openai/chat-completion/models/gpt-4.1";
    assert_eq!(called("openai.chat-completion.gpt-4.1"), page);
    assert_eq!(called(page), page);
    assert_eq!(called("gpt-4"), "gpt-4");
}
