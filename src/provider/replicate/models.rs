//! The list of language models, which is a collection: `GET /collections/language-models`. All that is public there is
//! tens of thousands of models, most of them of no language.
//!
//! Source: Replicate's OpenAPI description (1.0.0-a1, `collections.get`), <https://replicate.com/collections/language-models>.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::Replicate;
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};

impl Codec<ListModels> for Replicate {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        models::get(&format!("{}/collections/language-models", target.base_url))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        let mut page = models::page(response, "models", "name", |_| None)?;
        for model in &mut page.models {
            if let Some(owner) = model.details.get("owner").and_then(Value::as_str) {
                model.id = format!("{owner}/{}", model.id);
            }
        }
        Ok(Progress::Done(page))
    }
}
