//! The list of models: `GET /v1/models`, a thousand at a time.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::Anthropic;
use super::request::url;
use crate::error::Result;
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};
use crate::wire::escaped;

impl Codec<ListModels> for Anthropic {
    fn encode(&self, page: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let messages = url(&self.spec, target.base_url);
        let base = messages.strip_suffix("/messages").unwrap_or(&messages);
        let after = page.after.as_deref().map(|mark| format!("&after_id={}", escaped(mark)));
        models::get(&format!("{base}/models?limit=1000{}", after.unwrap_or_default()))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        let page = models::page(response, "data", "id", |body| {
            let more = body.get("has_more").and_then(Value::as_bool).unwrap_or(false);
            body.get("last_id").and_then(Value::as_str).filter(|_| more).map(str::to_owned)
        });
        page.map(Progress::Done)
    }
}
