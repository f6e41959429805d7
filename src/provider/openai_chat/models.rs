//! The list of models: `GET /models`, or where the row says that it is.

use bytes::Bytes;
use http::Response;

use super::{OpenAiChat, request};
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};

impl Codec<ListModels> for OpenAiChat {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        if let Some(at) = &self.spec.models {
            return models::get(&models::on_host(target.base_url, &at.path));
        }
        let version = if request::lacks_version(&self.spec, target) { "/v1" } else { "" };
        models::get(&format!("{}{version}/models", target.base_url))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        let (list, id) = self.spec.models.as_ref().map_or(("data", "id"), |at| (&at.list, &at.id));
        models::page(response, list, id, |_| None).map(Progress::Done)
    }
}
