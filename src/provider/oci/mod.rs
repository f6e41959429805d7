//! Oracle's OCI Generative AI, `POST /actions/chat`: OpenAI's chat in words of its own (`GENERIC`), and for Cohere's models
//! Cohere's chat, of its version 2 for the Command A family (`COHEREV2`) and as it was before for others (`COHERE`).
//!
//! Source: OCI's Python SDK (oci 2.189.0, `generative_ai_inference/models`) for everything that is sent and answered whole,
//! and Oracle's LangChain integration (oracle/langchain-oracle, `libs/oci/langchain_oci/chat_models/providers`) for the
//! events of streams, which no SDK of OCI's describes. `GENERIC` and `COHERE` are brought to OpenAI's format and read by its
//! decoder, `COHEREV2` to Cohere's own.

mod cohere;
mod cohere_v2;
mod generic;
mod models;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cohere::Cohere;
use super::openai_chat::OpenAiChat;
use super::{
    Chat, ChatCodec, Codec, Encoded, EventDecoder, Flow, ListModels, Progress, Provider, ProviderSpec, Queue,
    StreamDecoder, Target, not_a_reply, post_json, setting,
};
use crate::chat::ChatRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::json::Object;
use crate::wire::{Frame, Framer};

/// The service that runs models.
const INFERENCE: &str = "inference.generativeai";
/// How the id of a dedicated endpoint begins.
const ENDPOINT: &str = "ocid1.generativeaiendpoint";

/// The domain of a realm, by what stands for it in an OCID, where it is not the commercial one
/// (OCI's Python SDK, `regions_definitions.py`).
const REALMS: [(&str, &str); 4] = [
    ("oc2", "oraclegovcloud.com"),
    ("oc3", "oraclegovcloud.com"),
    ("oc4", "oraclegovcloud.uk"),
    ("oc8", "oraclecloud8.com"),
];

/// OCI Generative AI.
#[derive(Debug)]
pub struct Oci {
    chat: OpenAiChat,
    /// Makes and reads what is Cohere's own format in other words.
    cohere: Cohere,
}

/// The formats of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Generic,
    Cohere,
    CohereV2,
}

impl Format {
    /// That of a model; of a dedicated endpoint, whose id tells nothing, what the setting says.
    fn of(model: &str, said: Option<&str>) -> Self {
        match said.map(str::to_ascii_uppercase).as_deref() {
            Some("COHERE") => Self::Cohere,
            Some("COHEREV2") => Self::CohereV2,
            Some("GENERIC") => Self::Generic,
            _ if model.starts_with(cohere_v2::FAMILY) => Self::CohereV2,
            _ if model.starts_with("cohere.") => Self::Cohere,
            _ => Self::Generic,
        }
    }
}

impl Oci {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { cohere: Cohere::new(spec.clone()), chat: OpenAiChat::new(spec) }
    }

    fn sent(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let mut inner = request.clone();
        let over = std::mem::take(&mut inner.params.extra_body);
        let mut warnings = Vec::new();
        let dedicated = target.model.starts_with(ENDPOINT) || target.setting("oci_serving_mode") == Some("DEDICATED");
        let mut chat = match Format::of(target.model, target.setting("oci_api_format")) {
            Format::Cohere => cohere::request(&inner, &self.chat.spec().name, &mut warnings)?,
            Format::CohereV2 => cohere_v2::request(&self.cohere, &inner, target, &mut warnings)?,
            Format::Generic => {
                let encoded = Codec::<Chat>::encode(&self.chat, &inner, target)?;
                warnings = encoded.warnings;
                generic::request(serde_json::from_slice(encoded.request.body()).unwrap_or_default())
            }
        };
        if stream {
            chat.insert("isStream".to_owned(), true.into());
            chat.insert("streamOptions".to_owned(), json!({"isIncludeUsage": true}));
        }
        let mode = if dedicated {
            json!({"servingType": "DEDICATED", "endpointId": target.model})
        } else {
            json!({"servingType": "ON_DEMAND", "modelId": target.model})
        };
        let mut body = Object::new();
        body.set("compartmentId", compartment(target)?)?;
        body.set("servingMode", &mode)?;
        body.set("chatRequest", &chat)?;
        body.merge(&over)?;
        let request = post_json(&format!("{}/actions/chat", versioned(target.base_url)), body.to_bytes())?;
        Ok(Encoded { request, warnings })
    }
}

/// Whose bill and policies it goes by.
fn compartment<'a>(target: &Target<'a>) -> Result<&'a str> {
    target.setting("oci_compartment_id").ok_or_else(|| {
        let message = "OCI needs a compartment: set OCI_COMPARTMENT_ID, or give `oci_compartment_id` as a setting";
        Error::new(ErrorKind::Configuration, message)
    })
}

/// An address with the version of the API, by which it may end.
fn versioned(base: &str) -> String {
    format!("{}/20231130", base.strip_suffix("/20231130").unwrap_or(base))
}

/// The address of a service in a region, in the realm of the tenancy.
fn endpoint(service: &str, settings: &[(String, String)]) -> Option<String> {
    let region = setting(settings, "oci_region")?;
    let realm = setting(settings, "oci_tenancy").and_then(|ocid| ocid.split('.').nth(2));
    let known = REALMS.iter().find(|(name, _)| Some(*name) == realm);
    let domain = known.map_or("oraclecloud.com", |(_, domain)| *domain);
    Some(format!("https://{service}.{region}.oci.{domain}"))
}

impl Provider for Oci {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.chat.decode_error(response)
    }

    fn base_url(&self, settings: &[(String, String)]) -> Option<String> {
        endpoint(INFERENCE, settings)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }
}

impl Codec<Chat> for Oci {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.sent(request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        let answer: Answer = serde_json::from_slice(response.body()).map_err(|source| {
            let what = if source.is_data() { "is not one of OCI's chat" } else { "is not JSON" };
            not_a_reply(response, what).with_source(source)
        })?;
        let mut reply = match answer.chat_response.get("apiFormat").and_then(Value::as_str) {
            Some("COHEREV2") => {
                let mut reply = cohere_v2::reply(&self.cohere, request, &answer.chat_response, response)?;
                reply.model = answer.model_id;
                return Ok(Progress::Done(reply));
            }
            Some("COHERE") => cohere::reply(&answer.chat_response),
            _ => generic::reply(&answer.chat_response),
        };
        if let Some(fields) = reply.as_object_mut() {
            fields.insert("model".to_owned(), answer.model_id.into());
        }
        let mut inner = Response::new(Bytes::from(reply.to_string()));
        *inner.status_mut() = response.status();
        Codec::<Chat>::decode(&self.chat, request, &inner)
    }
}

impl ChatCodec for Oci {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.sent(request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        let inner = self.chat.stream_decoder(request).into_events();
        let v2 = self.cohere.stream_decoder(request).into_events();
        let (_, model) = request.model.split_once("cohere.").unwrap_or_default();
        let is_v2 = Format::of(&format!("cohere.{model}"), None) == Format::CohereV2;
        let events = Events { inner, cohere: cohere::Stream::default(), v2, v2_words: None, is_v2 };
        StreamDecoder::new(Framer::sse(), events)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    model_id: String,
    chat_response: Value,
}

/// Each event as a chunk of chat completions, or as events of Cohere's.
struct Events {
    inner: Box<dyn EventDecoder>,
    cohere: cohere::Stream,
    v2: Box<dyn EventDecoder>,
    /// How far a stream of `COHEREV2` is, when it is one.
    v2_words: Option<cohere_v2::Stream>,
    /// Whether an event that does not say its format is of that one.
    is_v2: bool,
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.data == b"[DONE]" {
            return match &mut self.v2_words {
                Some(words) => told(&mut self.v2, words.end(&Value::Null), queue),
                None => self.inner.event(frame, queue),
            };
        }
        let event: Value = serde_json::from_slice(frame.data).map_err(|source| {
            Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not one of OCI's chat")
                .with_body(Bytes::copy_from_slice(frame.data))
                .with_source(source)
        })?;
        let chunk = match event.get("apiFormat").and_then(Value::as_str) {
            Some("COHERE") => self.cohere.chunk(&event),
            _ if event.get("code").is_some() && event.get("message").is_some_and(Value::is_string) => {
                json!({"error": event})
            }
            format if format == Some("COHEREV2") || self.v2_words.is_some() || format.is_none() && self.is_v2 => {
                let events = self.v2_words.get_or_insert_default().events(&event);
                let events = events.map_err(|error| error.with_body(Bytes::copy_from_slice(frame.data)))?;
                return told(&mut self.v2, events, queue);
            }
            _ => generic::chunk(&event),
        };
        self.inner.event(Frame { data: chunk.to_string().as_bytes(), ..frame }, queue)
    }

    /// A stream of `COHEREV2` that told why it ended, but not what it used, ends here.
    fn end(&mut self, queue: &mut Queue) -> Result<()> {
        match &mut self.v2_words {
            Some(words) => told(&mut self.v2, words.end(&Value::Null), queue).map(|_| ()),
            None => self.inner.end(queue),
        }
    }
}

/// Tells a decoder these events.
fn told(
    decoder: &mut Box<dyn EventDecoder>,
    events: impl IntoIterator<Item = Value>,
    queue: &mut Queue,
) -> Result<Flow> {
    for event in events {
        let data = event.to_string();
        if decoder.event(Frame::new(None, data.as_bytes()), queue)? == Flow::Done {
            return Ok(Flow::Done);
        }
    }
    Ok(Flow::More)
}

/// The usage in OpenAI's names.
fn usage(usage: &Value) -> Value {
    let count = |name: &str| usage.get(name).cloned().unwrap_or_default();
    let inside = |of: &str, name: &str| usage.get(of).and_then(|details| details.get(name)).cloned();
    let mut counted = json!({
        "prompt_tokens": count("promptTokens"),
        "completion_tokens": count("completionTokens"),
        "total_tokens": count("totalTokens"),
    });
    if let Some(fields) = counted.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        if let Some(cached) = inside("promptTokensDetails", "cachedTokens") {
            fields.insert("prompt_tokens_details".to_owned(), json!({"cached_tokens": cached}));
        }
        if let Some(reasoning) = inside("completionTokensDetails", "reasoningTokens") {
            fields.insert("completion_tokens_details".to_owned(), json!({"reasoning_tokens": reasoning}));
        }
    }
    counted
}
