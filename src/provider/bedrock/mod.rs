//! AWS Bedrock: Converse and `ConverseStream` for every model, `InvokeModel` for what of Claude only that has.
//!
//! Source: AWS's own model of the API (`bedrock-runtime`, 2023-09-30) and
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.
//!
//! A reply says by its own form which of the two it is of, so it can be read without knowing how it was asked for.

mod blocks;
mod conversation;
mod count;
mod invoke;
mod media;
mod models;
mod name;
mod reasoning;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod usage;

use bytes::Bytes;
use http::Response;

use super::{
    Chat, ChatCodec, Codec, CountTokens, Encoded, ListModels, Progress, Provider, ProviderSpec, StreamDecoder, Target,
    aws, counting, setting,
};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::wire::Framer;
use name::Name;

/// Whose seals and blocks go back to this wire format.
const WIRE: &str = "bedrock";
/// Whose seals are those of Claude: by Anthropic's word the same on every platform.
/// Source: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>.
const CLAUDE: &str = "anthropic";

/// The settings of a connection to AWS that name its region, and an address for it.
const REGION: &str = "aws_region_name";
const ENDPOINT: &str = "aws_bedrock_runtime_endpoint";

/// A provider that speaks Bedrock's Converse.
#[derive(Debug)]
pub struct Bedrock {
    spec: ProviderSpec,
}

impl Bedrock {
    /// The provider that this row describes.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        Self { spec }
    }
}

impl Provider for Bedrock {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        aws::error::decode(response)
    }

    fn setting_of(&self, model: &str, name: &str) -> Option<String> {
        (name == REGION).then(|| Name::parse(model).region.map(str::to_owned)).flatten()
    }

    fn base_url(&self, settings: &[(String, String)]) -> Option<String> {
        let setting = |name: &str| setting(settings, name);
        match setting(ENDPOINT) {
            Some(endpoint) => Some(endpoint.to_owned()),
            None => setting(REGION).map(|region| aws::endpoint("bedrock-runtime", region)),
        }
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }

    fn count_tokens(&self) -> Option<&dyn Codec<CountTokens>> {
        self.spec.counts_tokens.then_some(self)
    }
}

impl Codec<Chat> for Bedrock {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, false)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        response::decode(request, response).map(Progress::Done)
    }
}

impl Codec<CountTokens> for Bedrock {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        count::encode(&self.spec, request, target)
    }

    fn decode(&self, _: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<CountTokens>> {
        if aws::error::is_one(response) {
            return Err(aws::error::decode(response));
        }
        counting::read(response, "inputTokens", aws::error::decode).map(Progress::Done)
    }
}

impl ChatCodec for Bedrock {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        request::encode(&self.spec, request, target, true)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        StreamDecoder::new(Framer::event_stream(), stream::Events::new(request))
    }
}
