//! The list of models: `GET /models`, or where the row says that it is.

use bytes::Bytes;
use http::Response;

use super::{OpenAiChat, request};
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};

impl Codec<ListModels> for OpenAiChat {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let version = if request::lacks_version(&self.spec, target) { "/v1" } else { "" };
        models::get_listed(&self.spec, &format!("{}{version}", target.base_url))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::listed(&self.spec, response)
    }
}
