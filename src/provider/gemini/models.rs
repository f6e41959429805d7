//! The list of models: `GET /v1beta/models`, a thousand at a time.

use bytes::Bytes;
use http::Response;

use super::{Gemini, versioned};
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};
use crate::wire::escaped;

impl Codec<ListModels> for Gemini {
    fn encode(&self, page: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let after = page.after.as_deref().map(|mark| format!("&pageToken={}", escaped(mark)));
        models::get(&format!("{}/models?pageSize=1000{}", versioned(target), after.unwrap_or_default()))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        let mut page = models::page(response, "models", "name", |body| models::mark(body, "nextPageToken"))?;
        for model in &mut page.models {
            if let Some(bare) = model.id.strip_prefix("models/") {
                model.id = bare.to_owned();
            }
        }
        Ok(Progress::Done(page))
    }
}
