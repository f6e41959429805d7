//! The list of models that are there: `GET /api/tags`.

use bytes::Bytes;
use http::Response;

use super::Ollama;
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};

impl Codec<ListModels> for Ollama {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        models::get(&format!("{}/api/tags", target.base_url))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::page(response, "models", "name", |_| None).map(Progress::Done)
    }
}
