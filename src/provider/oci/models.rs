//! The list of models that chat: `GET /models` of the service that manages them, which has a host of its own.
//!
//! Source: OCI's Python SDK (oci 2.189.0, `generative_ai_client.list_models`, `ModelSummary`). The next page is named by a
//! header.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::{INFERENCE, Oci, compartment, endpoint, versioned};
use crate::error::Result;
use crate::provider::models::{get, page};
use crate::provider::{Codec, Encoded, ListModels, ModelPage, Progress, Target};
use crate::wire::escaped;

/// The service that manages models.
const MANAGEMENT: &str = "generativeai";

impl Codec<ListModels> for Oci {
    fn encode(&self, page: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let compartment = escaped(compartment(target)?);
        let after = page.after.as_deref().map(|mark| format!("&page={}", escaped(mark)));
        get(&format!(
            "{}/models?compartmentId={compartment}&capability=CHAT{}",
            versioned(&management(target)),
            after.unwrap_or_default()
        ))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        let next = response.headers().get("opc-next-page").and_then(|mark| mark.to_str().ok());
        let mut page = page(response, "items", "id", |_| next.map(str::to_owned))?;
        for model in &mut page.models {
            // One of OCI's own is called by its name, one that was tuned by its OCID.
            let text = |name: &str| model.details.get(name).and_then(Value::as_str);
            if let (Some("BASE"), Some(name)) = (text("type"), text("displayName")) {
                model.id = name.to_owned();
            }
        }
        Ok(Progress::Done(page))
    }
}

/// Its address: OCI's own, where calls go to OCI's own; any other that somebody gave has to answer for itself.
fn management(target: &Target<'_>) -> String {
    let base = target.base_url.strip_suffix("/20231130").unwrap_or(target.base_url);
    match endpoint(INFERENCE, target.settings) {
        Some(own) if own == base => endpoint(MANAGEMENT, target.settings).unwrap_or(own),
        _ => base.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_managed_at_a_host_of_their_own_only_where_calls_go_to_oci() {
        let settings = [("oci_region", "eu-frankfurt-1"), ("oci_tenancy", "ocid1.tenancy.oc1..a")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let asked = |base: &str| management(&Target { settings: &settings, ..Target::new("*", base) });
        let own = "https://generativeai.eu-frankfurt-1.oci.oraclecloud.com";
        assert_eq!(asked("https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com"), own);
        assert_eq!(asked("https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com/20231130"), own);
        assert_eq!(asked("https://proxy.example/20231130"), "https://proxy.example");
    }
}
