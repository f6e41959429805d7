//! Endpoints of Amazon SageMaker that speak OpenAI's chat completions: the Messages API of Hugging Face's containers,
//! AWS's own (LMI, vLLM), and Amazon Nova.
//!
//! Sources: AWS's model of the API (`sagemaker-runtime`, 2017-05-13),
//! <https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-test-endpoints.html> and
//! <https://docs.aws.amazon.com/nova/latest/nova2-userguide/nova-sagemaker-inference-api-reference.html>. A stream is an
//! AWS event stream whose payloads, put together, are the server-sent events of the container.

use bytes::Bytes;
use http::{HeaderValue, Request, Response};

use super::{
    Chat, ChatCodec, Codec, Encoded, EventDecoder, Flow, Progress, Provider, ProviderSpec, Queue, StreamDecoder,
    Target, aws, openai_chat, setting,
};
use crate::chat::ChatRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::json::Object;
use crate::wire::{Frame, Framer, escaped};

/// The setting that names the region.
const REGION: &str = "aws_region_name";
/// LiteLLM's name for the one of several models behind an endpoint, an inference component.
const COMPONENT: &str = "model_id";

/// A provider whose models are endpoints of SageMaker.
#[derive(Debug)]
pub struct Sagemaker {
    chat: openai_chat::OpenAiChat,
}

impl Sagemaker {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { chat: openai_chat::OpenAiChat::new(spec) }
    }

    fn encode(&self, request: &ChatRequest, target: &Target<'_>, stream: bool) -> Result<Encoded> {
        let mut request = request.clone();
        let component = request.params.extra.remove(COMPONENT);
        let Encoded { request, warnings } = if stream {
            self.chat.encode_stream(&request, target)?
        } else {
            Codec::<Chat>::encode(&self.chat, &request, target)?
        };
        let mut body: Object = serde_json::from_slice(request.body()).map_err(|source| {
            Error::new(ErrorKind::InvalidRequest, "the request cannot be written as JSON").with_source(source)
        })?;
        // Nova takes no model; where an endpoint has several, a header says which.
        if component.is_some() || self.spec().quirks.no_model {
            body.remove("model");
        }
        let action = if stream { "invocations-response-stream" } else { "invocations" };
        let url = format!("{}/endpoints/{}/{action}", target.base_url, escaped(target.model));
        let mut request: Request<Bytes> = super::post_json(&url, body.to_bytes())?;
        if let Some(component) = component.as_ref().and_then(serde_json::Value::as_str) {
            let value = HeaderValue::from_str(component).map_err(|source| {
                let message = format!("`{COMPONENT}` is not the name of an inference component: {component}");
                Error::new(ErrorKind::InvalidRequest, message).with_source(source)
            })?;
            request.headers_mut().insert("x-amzn-sagemaker-inference-component", value);
        }
        Ok(Encoded { request, warnings })
    }
}

impl Provider for Sagemaker {
    fn spec(&self) -> &ProviderSpec {
        self.chat.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        aws::error::decode(response)
    }

    fn base_url(&self, settings: &[(String, String)]) -> Option<String> {
        setting(settings, REGION).map(|region| aws::endpoint("runtime.sagemaker", region))
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }
}

impl Codec<Chat> for Sagemaker {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.encode(request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        Codec::<Chat>::decode(&self.chat, request, response)
    }
}

impl ChatCodec for Sagemaker {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.encode(request, target, true)
    }

    fn stream_decoder(&self, _: &ChatRequest) -> StreamDecoder {
        let inner = Parts { framer: Framer::sse(), events: openai_chat::Events::new(self.spec()) };
        StreamDecoder::new(Framer::event_stream(), inner)
    }
}

/// Puts the parts of the container's own stream together.
struct Parts {
    framer: Framer,
    events: openai_chat::Events,
}

impl EventDecoder for Parts {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.is_error {
            return Err(aws::error::of_frame(frame));
        }
        if frame.event != Some("PayloadPart") {
            return Ok(Flow::More);
        }
        let Self { framer, events } = self;
        let mut flow = Flow::More;
        framer.push(frame.data, &mut |inner| {
            if flow == Flow::More {
                flow = events.event(inner, queue)?;
            }
            Ok(())
        })?;
        Ok(flow)
    }
}
