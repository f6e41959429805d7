//! The list of models that a resource can use: those that it can deploy, and those that it has tuned. A call takes the
//! name of a deployment, which Azure lists only to its managers.
//!
//! Sources: <https://learn.microsoft.com/rest/api/azureopenai/models/list>,
//! <https://learn.microsoft.com/rest/api/microsoft-foundry/azureopenai/models>.

use bytes::Bytes;
use http::Response;

use super::{Azure, Foundry, address};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target, models};

impl Codec<ListModels> for Azure {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        models::get(&address::of_models(target))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::page(response, "data", "id", |_| None).map(Progress::Done)
    }
}

impl Codec<ListModels> for Foundry {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let url = address::of_foundry_models(target).ok_or_else(|| {
            let message =
                "the address is that of a single model, which has no list; a resource of Azure AI Foundry has one";
            Error::new(ErrorKind::Unsupported, message)
        })?;
        models::get(&url)
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::page(response, "data", "id", |_| None).map(Progress::Done)
    }
}
