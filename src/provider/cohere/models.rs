//! The list of models that chat: `GET /v1/models`, a thousand at a time.
//!
//! Source: <https://docs.cohere.com/reference/list-models>.

use bytes::Bytes;
use http::Response;

use super::Cohere;
use super::request::root;
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};
use crate::wire::escaped;

impl Codec<ListModels> for Cohere {
    fn encode(&self, page: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let base = root(target.base_url);
        let after = page.after.as_deref().map(|mark| format!("&page_token={}", escaped(mark)));
        models::get(&format!("{base}/v1/models?endpoint=chat&page_size=1000{}", after.unwrap_or_default()))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::page(response, "models", "name", |body| models::mark(body, "next_page_token")).map(Progress::Done)
    }
}
