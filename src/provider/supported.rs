//! Which of OpenAI's parameters a model takes, found out by asking its codec for each.

use serde_json::{Value, json};

use super::{Encoded, Provider, Registry, Target};
use crate::chat::{ChatRequest, Params, user};
use crate::error::{ErrorKind, Result};
use crate::model::ModelName;

/// The provider and the model that a model's name stands for, by the table that is built in.
///
/// ```
/// let name = anymodel::get_llm_provider("openrouter/meta-llama/llama-4")?;
/// assert_eq!((name.provider(), name.model()), ("openrouter", "meta-llama/llama-4"));
/// assert_eq!(anymodel::get_llm_provider("gpt-5")?.provider(), "openai");
/// # Ok::<(), anymodel::Error>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::UnknownProvider`], naming the nearest prefixes.
pub fn get_llm_provider(model: &str) -> Result<ModelName> {
    Registry::table().resolve(model)
}

/// The parameters, by OpenAI's names, that a model takes: those with which an ordinary request can be made for it.
///
/// ```
/// let params = anymodel::get_supported_openai_params("anthropic/claude-sonnet-4-5")?;
/// assert!(params.contains(&"tools") && !params.contains(&"logprobs"));
/// # Ok::<(), anymodel::Error>(())
/// ```
///
/// # Errors
///
/// As [`get_llm_provider`].
pub fn get_supported_openai_params(model: &str) -> Result<Vec<&'static str>> {
    let name = get_llm_provider(model)?;
    let provider = Registry::table().serving(&name);
    Ok(provider.map(|provider| supported_params(provider.as_ref(), name.model())).unwrap_or_default())
}

/// The parameters, by OpenAI's names, that a provider's model takes; none for a provider without chat.
#[must_use]
pub fn supported_params(provider: &dyn Provider, model: &str) -> Vec<&'static str> {
    let Some(codec) = provider.chat() else { return Vec::new() };
    let settings: Vec<(String, String)> =
        provider.spec().settings.iter().map(|setting| (setting.name.to_string(), "x".to_owned())).collect();
    let mut target = Target::new(model, "https://localhost");
    target.settings = &settings;
    let refused = |encoded: Result<Encoded>| encoded.is_err_and(|error| error.kind() == ErrorKind::Unsupported);
    let streams = !refused(codec.encode_stream(&ChatRequest::new(model, user("Hello")), &target));
    Params::all_names()
        .filter(|name| {
            let mut request = ChatRequest::new(model, user("Hello"));
            let set = ordinary(name).into_iter().try_for_each(|(name, value)| request.params.set(name, value));
            let encode = || {
                if streams { codec.encode_stream(&request, &target) } else { codec.encode(&request, &target) }
            };
            !refused(set.and_then(|()| encode()))
        })
        .collect()
}

/// An ordinary value of a parameter, with the parameters that it makes no sense without.
fn ordinary(name: &'static str) -> Vec<(&'static str, Value)> {
    let object = || json!({"type": "object", "properties": {}});
    let tools = || ("tools", json!([{"type": "function", "function": {"name": "now", "parameters": object()}}]));
    let functions = || ("functions", json!([{"name": "now", "parameters": object()}]));
    let value = match name {
        "temperature" | "top_p" | "presence_penalty" | "frequency_penalty" => json!(0.5),
        "n" => json!(2),
        "max_tokens" | "max_completion_tokens" => json!(4096),
        "seed" => json!(1),
        "stop" => json!("END"),
        "logit_bias" => json!({"50256": -100}),
        "logprobs" | "store" => json!(true),
        "top_logprobs" => return vec![("logprobs", json!(true)), (name, json!(2))],
        "response_format" => json!({"type": "json_object"}),
        "tools" => return vec![tools()],
        "tool_choice" => return vec![tools(), (name, json!("auto"))],
        "parallel_tool_calls" => return vec![tools(), (name, json!(false))],
        "functions" => return vec![functions()],
        "function_call" => return vec![functions(), (name, json!("auto"))],
        "reasoning_effort" => json!("low"),
        "thinking" => json!({"type": "enabled", "budget_tokens": 1024}),
        "web_search_options" => json!({}),
        "modalities" => json!(["text", "audio"]),
        "audio" => {
            return vec![("modalities", json!(["text", "audio"])), (name, json!({"voice": "alloy", "format": "wav"}))];
        }
        "prediction" => json!({"type": "content", "content": "Hello"}),
        "service_tier" => json!("auto"),
        "prompt_cache_retention" => json!("24h"),
        "verbosity" => json!("low"),
        "stream_options" => json!({"include_usage": true}),
        _ => json!("x"),
    };
    vec![(name, value)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_has_an_ordinary_value_of_its_type() {
        for name in Params::all_names() {
            let mut params = Params::default();
            for (name, value) in ordinary(name) {
                params.set(name, value).unwrap();
            }
            assert!(params.names().any(|set| set == name), "{name}");
        }
    }

    #[test]
    fn what_a_model_refuses_is_not_among_its_parameters() {
        let of = |model| get_supported_openai_params(model).unwrap();
        assert!(of("openai/gpt-4o").contains(&"temperature") && !of("openai/gpt-5").contains(&"temperature"));
        assert!(of("openai/gpt-4o").contains(&"logprobs") && !of("anthropic/claude-sonnet-4-5").contains(&"logprobs"));
        assert!(of("gemini/gemini-2.5-flash").contains(&"n") && !of("ollama/llama3").contains(&"n"));
        assert!(get_supported_openai_params("nobody/model").is_err());
    }

    #[test]
    fn every_provider_takes_something_but_those_that_run_what_was_built_elsewhere() {
        for name in Registry::table().names().filter(|name| !["langflow", "langgraph"].contains(name)) {
            let provider = Registry::table().get(name).unwrap();
            let params = supported_params(provider.as_ref(), "a-model");
            assert!(provider.chat().is_none() || params.len() > 3, "{name}: {params:?}");
        }
    }
}
