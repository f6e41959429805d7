//! `generationConfig`.

use serde_json::{Value, json};

use super::{schema, thinking};
use crate::chat::{Content, Message, Params, ResponseFormat, Warning};
use crate::error::{Error, Result};
use crate::model::Traits;
use crate::wire::json::Object;

/// Fields of `GenerationConfig` that go there when a caller names them, in this spelling or in `snake_case`.
const FIELDS: [&str; 20] = [
    "audioTimestamp",
    "candidateCount",
    "enableAffectiveDialog",
    "enableEnhancedCivicAnswers",
    "imageConfig",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "responseFormat",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "routingConfig",
    "speechConfig",
    "stopSequences",
    "thinkingConfig",
    "topK",
    "topP",
];

/// Whether a field of the caller's belongs into `generationConfig`.
pub(super) fn has(field: &str) -> bool {
    FIELDS.contains(&field)
}

/// The `generationConfig` of a request.
pub(super) fn read(
    messages: &[Message],
    params: &Params,
    known: &Traits,
    provider: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Object> {
    let mut config = Object::new();
    config.set_some("temperature", params.temperature.as_ref())?;
    config.set_some("topP", params.top_p.as_ref())?;
    config.set_some("candidateCount", params.n.filter(|n| *n != 1).as_ref())?;
    config.set_some("stopSequences", params.stop.as_ref().map(|stop| stop.as_slice()))?;
    config.set_some("maxOutputTokens", params.token_limit().as_ref())?;
    config.set_some("presencePenalty", params.presence_penalty.as_ref())?;
    config.set_some("frequencyPenalty", params.frequency_penalty.as_ref())?;
    config.set_some("seed", params.seed.as_ref())?;
    config.set_some("responseLogprobs", params.logprobs.as_ref())?;
    config.set_some("logprobs", params.top_logprobs.filter(|_| params.logprobs == Some(true)).as_ref())?;
    if let Some(format) = &params.response_format {
        response_format(&mut config, format, known, provider)?;
    }
    let modalities = params.modalities.as_ref().map(|all| all.iter().map(|one| one.to_ascii_uppercase()).collect());
    config.set_some::<Vec<String>>("responseModalities", modalities.as_ref())?;
    if let Some(audio) = &params.audio {
        speech(&mut config, audio, params.drop_params, provider, warnings)?;
    }
    config.set_some("thinkingConfig", thinking::config(params, known, provider, warnings)?.as_ref())?;
    config.set_some("mediaResolution", resolution(messages, warnings))?;
    Ok(config)
}

/// The form of the reply. Models from Gemini 2 on take JSON Schema, earlier ones only Gemini's own subset.
fn response_format(config: &mut Object, format: &ResponseFormat, known: &Traits, provider: &str) -> Result<()> {
    match format {
        ResponseFormat::Text => config.set("responseMimeType", "text/plain")?,
        ResponseFormat::JsonObject => config.set("responseMimeType", "application/json")?,
        ResponseFormat::JsonSchema(format) => {
            config.set("responseMimeType", "application/json")?;
            if known.native_schema == Some(false) {
                config.set("responseSchema", &schema::ordered_subset(&format.schema)?)?
            } else {
                config.set("responseJsonSchema", &format.schema)?
            }
        }
        ResponseFormat::Native(value) => match value.get("response_schema").or_else(|| value.get("responseSchema")) {
            Some(schema) => {
                config.set("responseMimeType", "application/json")?;
                config.set("responseSchema", &schema::ordered_subset(schema)?)?
            }
            None => return Err(Error::unsupported(&format!("response_format: {value}"), provider)),
        },
    };
    Ok(())
}

/// The voice of a spoken reply, which always comes as PCM of 16 bits and 24 kHz
/// (<https://ai.google.dev/gemini-api/docs/speech-generation>).
fn speech(
    config: &mut Object,
    audio: &Value,
    drop_params: bool,
    provider: &str,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    match audio.get("format").and_then(Value::as_str) {
        None | Some("pcm16") => {}
        Some(other) if drop_params => {
            let message = format!("`{other}` left out: {provider} speaks only `pcm16`");
            warnings.push(Warning::new("audio.format", message));
        }
        Some(other) => return Err(Error::unsupported(&format!("audio.format: {other}"), provider)),
    }
    if let Some(voice) = audio.get("voice") {
        config.set("speechConfig", &json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}))?;
    }
    Ok(())
}

/// How closely to look. Gemini is told once for all pictures, so the closest look that is asked for counts.
fn resolution(messages: &[Message], warnings: &mut Vec<Warning>) -> Option<&'static str> {
    let pictures = messages.iter().flat_map(|message| &message.parts).filter_map(|part| match &part.content {
        Content::Image(image) => Some(image.detail.as_deref().unwrap_or("auto")),
        _ => None,
    });
    let details: Vec<&str> = pictures.collect();
    let found =
        [("high", "MEDIA_RESOLUTION_HIGH"), ("medium", "MEDIA_RESOLUTION_MEDIUM"), ("low", "MEDIA_RESOLUTION_LOW")]
            .into_iter()
            .find(|(detail, _)| details.contains(detail));
    let (detail, resolution) = found?;
    if details.iter().any(|other| *other != detail) {
        warnings.push(Warning::new("detail", format!("`{detail}` for all pictures: Gemini is told once for all")));
    }
    Some(resolution)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Image, Part, Source, user};
    use crate::model::traits;

    fn sent(model: &str, params: &Value) -> Result<Value> {
        let params: Params = serde_json::from_value(params.clone()).unwrap();
        let config = read(&[], &params, &traits(model), "gemini", &mut Vec::new())?;
        Ok(serde_json::from_slice(&config.to_bytes()).unwrap())
    }

    #[test]
    fn every_parameter_has_its_field() {
        let params = json!({"temperature": 0.5, "top_p": 0.9, "n": 2, "stop": "x", "max_tokens": 7, "presence_penalty": 1.0,
            "frequency_penalty": -1.0, "seed": 3, "logprobs": true, "top_logprobs": 4, "modalities": ["text", "audio"],
            "audio": {"voice": "Kore", "format": "pcm16"}});
        assert_eq!(
            sent("gemini-2.5-flash", &params).unwrap(),
            json!({"temperature": 0.5, "topP": 0.9, "candidateCount": 2, "stopSequences": ["x"], "maxOutputTokens": 7,
                "presencePenalty": 1.0, "frequencyPenalty": -1.0, "seed": 3, "responseLogprobs": true, "logprobs": 4,
                "responseModalities": ["TEXT", "AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}})
        );
    }

    #[test]
    fn a_schema_goes_as_it_is_or_as_the_older_subset() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
        let params =
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}});
        let newer = sent("gemini-2.5-flash", &params).unwrap();
        assert_eq!(newer, json!({"responseMimeType": "application/json", "responseJsonSchema": schema}));
        let older = sent("gemini-1.5-pro", &params).unwrap();
        assert_eq!(older["responseSchema"]["propertyOrdering"], json!(["a"]));
        let object = sent("gemini-2.5-flash", &json!({"response_format": {"type": "json_object"}})).unwrap();
        assert_eq!(object, json!({"responseMimeType": "application/json"}));
    }

    #[test]
    fn a_format_of_sound_that_gemini_does_not_speak_is_an_error() {
        let error = sent("gemini-2.5-flash", &json!({"audio": {"voice": "Kore", "format": "mp3"}})).unwrap_err();
        assert!(error.message().contains("mp3"), "{error}");
    }

    #[test]
    fn the_closest_look_counts_for_all_pictures() {
        let picture = |detail: &str| {
            let source = Source::from_bytes([1], "image/png");
            Part::new(Content::Image(Image { source, detail: Some(detail.to_owned()) }))
        };
        let mut warnings = Vec::new();
        assert_eq!(resolution(&[user(picture("low"))], &mut warnings), Some("MEDIA_RESOLUTION_LOW"));
        assert_eq!(resolution(&[user(picture("auto"))], &mut warnings), None);
        assert!(warnings.is_empty());
        assert_eq!(
            resolution(&[user([picture("low"), picture("high")])], &mut warnings),
            Some("MEDIA_RESOLUTION_HIGH")
        );
        assert_eq!(warnings.len(), 1);
    }
}
