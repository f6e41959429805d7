//! The list of models: `GET /models`.

use bytes::Bytes;
use http::Response;

use super::OpenAiChat;
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};

impl Codec<ListModels> for OpenAiChat {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        models::get(&format!("{}/models", target.base_url))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::page(response, "data", "id", |_| None).map(Progress::Done)
    }
}
