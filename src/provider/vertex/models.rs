//! The list of Google's models: `GET /v1beta1/publishers/google/models`, a hundred at a time. Models of other makers, of
//! one's own and of Model Garden have lists of their own, which are not asked for.
//!
//! Source: <https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/publishers.models/list>. The path names no
//! project, so a header does, as Google's own Genkit sends it (`firebase/genkit`, `listPublisherModels`).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};

use super::{Vertex, address};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};
use crate::wire::escaped;

const PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

impl Codec<ListModels> for Vertex {
    fn encode(&self, page: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let after = page.after.as_deref().map(|mark| format!("&pageToken={}", escaped(mark)));
        let root = address::of_publishers(target);
        let mut encoded =
            models::get(&format!("{root}/publishers/google/models?pageSize=100{}", after.unwrap_or_default()))?;
        if let Some(project) = target.setting("vertex_project") {
            let value = HeaderValue::try_from(project).map_err(|source| {
                Error::new(ErrorKind::Configuration, "the project of Vertex AI cannot be a header").with_source(source)
            })?;
            encoded.request.headers_mut().insert(PROJECT, value);
        }
        Ok(encoded)
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        let next = |body: &_| models::mark(body, "nextPageToken");
        let mut page = models::page(response, "publisherModels", "name", next)?;
        for model in &mut page.models {
            if let Some(bare) = model.id.strip_prefix("publishers/google/models/") {
                model.id = bare.to_owned();
            }
        }
        Ok(Progress::Done(page))
    }
}
