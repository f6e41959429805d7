//! The request.

use serde_json::Map;

use super::{Dialect, Gemini, config, contents, tools};
use crate::chat::{ChatRequest, Message, Params, ThinkingMode, Warning};
use crate::error::Result;
use crate::model::{ReasoningStyle, Traits, traits};
use crate::provider::{Encoded, Target, admit, post_json};
use crate::wire::json::Object;

/// Fields of the request beside those that the parameters make, in the spelling of the API.
const FIELDS: [&str; 6] =
    ["cachedContent", "generationConfig", "modelArmorConfig", "safetySettings", "serviceTier", "toolConfig"];

pub(super) fn encode(provider: &Gemini, request: &ChatRequest, target: &Target<'_>, url: &str) -> Result<Encoded> {
    let mut warnings = Vec::new();
    let mut body = Object::new();
    write(&mut body, provider, &request.messages, &request.params, target, &mut warnings)?;
    let request = post_json(url, body.to_bytes())?;
    Ok(Encoded { request, warnings })
}

/// Writes the members of a `GenerateContentRequest`.
pub(super) fn write(
    body: &mut Object,
    provider: &Gemini,
    messages: &[Message],
    params: &Params,
    target: &Target<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let Gemini { spec, dialect } = provider;
    let model = target.known_as();
    let known = traits(model.rsplit('/').next().unwrap_or(model));
    let params = admit(params, &spec.name, |name| supports(params, &known, *dialect, name), warnings)?;
    let conversation = contents::read(messages, &known, &spec.name, warnings)?;
    body.set_some("systemInstruction", conversation.system.as_ref())?;
    body.set("contents", &conversation.contents)?;
    tools::set(body, &params, &known, &spec.name, warnings)?;
    let mut config = config::read(messages, &params, &known, &spec.name, warnings)?;
    let mut further = Map::new();
    for (name, value) in params.extra.iter() {
        let field = camel_case(name);
        if config::has(&field) {
            config.set(field, value)?;
        } else {
            further.insert(if FIELDS.contains(&field.as_str()) { field } else { name.clone() }, value.clone());
        }
    }
    if !config.is_empty() {
        body.set("generationConfig", &config)?;
    }
    body.set_some("serviceTier", params.service_tier.as_deref().and_then(service_tier))?;
    body.merge(&further)?;
    body.merge(&params.extra_body)
}

/// What can be said to Gemini. `parallel_tool_calls: true` is what it does anyway.
fn supports(params: &Params, known: &Traits, dialect: Dialect, name: &str) -> bool {
    match name {
        "service_tier" if dialect == Dialect::Cloud => params.service_tier.as_deref() == Some("auto"),
        "thinking" => {
            let disabled = params.thinking.as_ref().is_some_and(|thinking| thinking.mode == ThinkingMode::Disabled);
            disabled || known.reasoning != Some(ReasoningStyle::None)
        }
        "reasoning_effort" => {
            let none = params.reasoning_effort.as_ref().is_some_and(|effort| effort.as_str() == "none");
            none || known.reasoning != Some(ReasoningStyle::None)
        }
        "parallel_tool_calls" => params.parallel_tool_calls == Some(true),
        _ => !matches!(
            name,
            "logit_bias"
                | "user"
                | "prediction"
                | "store"
                | "prompt_cache_key"
                | "prompt_cache_retention"
                | "safety_identifier"
                | "verbosity"
        ),
    }
}

/// OpenAI's tiers in Google's words; `auto` is what Google does when it is told none.
fn service_tier(tier: &str) -> Option<&str> {
    match tier {
        "auto" => None,
        "default" => Some("standard"),
        other => Some(other),
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ErrorKind;
    use crate::provider::{ProviderSpec, WireFormat};

    fn gemini() -> Gemini {
        Gemini::new(ProviderSpec::new("gemini", WireFormat::Gemini, "https://example.com"))
    }

    fn encoded(params: Value) -> Result<(Value, Vec<String>)> {
        let mut request = json!({"messages": [{"role": "user", "content": "Hi"}]});
        request.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        let mut request: ChatRequest = serde_json::from_value(request).unwrap();
        request.params.drop_params = request.params.extra.remove("drop_params").is_some();
        let encoded = encode(
            &gemini(),
            &request,
            &Target::new("gemini-2.5-flash", "https://example.com"),
            "https://example.com/x",
        )?;
        let names = encoded.warnings.iter().map(|warning| warning.parameter.to_string()).collect();
        let mut body: Value = serde_json::from_slice(encoded.request.body()).unwrap();
        body.as_object_mut().unwrap().shift_remove("contents");
        Ok((body, names))
    }

    #[test]
    fn fields_of_the_caller_find_their_place() {
        let settings = json!([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]);
        let (body, _) = encoded(json!({"top_k": 5, "safety_settings": settings, "cachedContent": "cachedContents/x",
            "labels": {"a": "b"}, "generation_config": {"topP": 0.5}, "image_config": {"aspectRatio": "1:1"}}))
        .unwrap();
        assert_eq!(
            body,
            json!({"generationConfig": {"topK": 5, "imageConfig": {"aspectRatio": "1:1"}, "topP": 0.5},
                "safetySettings": settings, "cachedContent": "cachedContents/x", "labels": {"a": "b"}})
        );
    }

    #[test]
    fn what_gemini_does_not_know_is_an_error_or_a_warning() {
        let params = json!({"logit_bias": {"1": 2}, "user": "u", "parallel_tool_calls": false, "seed": 1});
        let error = encoded(params.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`logit_bias`, `user`, `parallel_tool_calls`"), "{error}");
        let mut dropping = params;
        dropping["drop_params"] = true.into();
        let (body, warnings) = encoded(dropping).unwrap();
        assert_eq!(body, json!({"generationConfig": {"seed": 1}}));
        assert_eq!(warnings, ["logit_bias", "user", "parallel_tool_calls"]);
    }

    #[test]
    fn tiers_are_told_in_googles_words() {
        for (tier, sent) in [
            ("flex", json!({"serviceTier": "flex"})),
            ("default", json!({"serviceTier": "standard"})),
            ("auto", json!({})),
        ] {
            assert_eq!(encoded(json!({"service_tier": tier})).unwrap().0, sent);
        }
    }

    #[test]
    fn the_key_is_no_part_of_the_request() {
        let target = Target::new("m", "https://example.com");
        let encoded = encode(&gemini(), &ChatRequest::new("m", "Hi"), &target, "https://example.com/x").unwrap();
        assert_eq!(encoded.request.uri().query(), None);
        assert!(!encoded.request.headers().contains_key("x-goog-api-key"));
    }

    #[test]
    fn names_change_their_spelling() {
        assert_eq!(camel_case("safety_settings"), "safetySettings");
        assert_eq!(camel_case("topK"), "topK");
    }
}
