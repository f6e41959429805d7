//! The shapes that addresses have on Azure.

use super::VERSION;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Encoded, Target};

/// What stands behind every address.
const CHAT: &str = "/chat/completions";
const V1: &str = "/openai/v1";
const DEPLOYMENTS: &str = "/openai/deployments/";

/// Where chat goes: the address up to [`CHAT`], and the version in its query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) base: String,
    pub(super) version: Option<String>,
}

impl Address {
    /// Of a deployment of Azure OpenAI. The base may be the resource, end at `/openai`, be the v1 API, name the
    /// deployment, or be the whole address.
    pub(super) fn of_deployment(target: &Target<'_>, deployment: &str) -> Self {
        let (base, version) = (base(target), version(target).unwrap_or(VERSION));
        if base.contains(DEPLOYMENTS) {
            return Self { base: base.to_owned(), version: Some(version.to_owned()) };
        }
        if is_v1(base) || is_undated(version) {
            return Self::v1(base, version);
        }
        let base = format!("{}{DEPLOYMENTS}{deployment}", root(base));
        Self { base, version: Some(version.to_owned()) }
    }

    /// Of a model of Azure AI Foundry: behind `/models` of a Foundry resource, behind the v1 API of an Azure OpenAI
    /// resource, or at an address of its own where the model is deployed without a server.
    ///
    /// Source: <https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints>.
    pub(super) fn of_model(target: &Target<'_>) -> Self {
        let (base, version) = (base(target), version(target));
        let host = host(base);
        let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        if base.contains(DEPLOYMENTS) {
            return Self { base: base.to_owned(), version: Some(version.unwrap_or(VERSION).to_owned()) };
        }
        let of_openai = [".openai.azure.com", ".cognitiveservices.azure.com"].iter().any(|end| host.ends_with(end));
        if is_v1(base) || version.is_some_and(is_undated) || of_openai {
            return Self::v1(base, version.unwrap_or_default());
        }
        if base.ends_with("/models") || host.ends_with(".services.ai.azure.com") {
            let base = base.strip_suffix("/models").unwrap_or(base);
            return Self { base: format!("{base}/models"), version: version.map(str::to_owned) };
        }
        let base = if path.is_empty() { format!("{base}/v1") } else { base.to_owned() };
        Self { base, version: None }
    }

    /// The v1 API, which takes no version but the word `preview`.
    fn v1(base: &str, version: &str) -> Self {
        let base = if is_v1(base) { base.to_owned() } else { format!("{}{V1}", root(base)) };
        Self { base, version: (version == "preview").then(|| version.to_owned()) }
    }

    /// A request to this address, with the version.
    pub(super) fn complete(&self, mut encoded: Encoded) -> Result<Encoded> {
        if let Some(version) = &self.version {
            let uri = format!("{}?api-version={version}", encoded.request.uri());
            *encoded.request.uri_mut() = uri.parse().map_err(|source| {
                Error::new(ErrorKind::Configuration, format!("`{version}` is not a version of Azure's API"))
                    .with_source(source)
            })?;
        }
        Ok(encoded)
    }
}

/// The host of an address, without its port.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or_default()
}

fn base<'a>(target: &Target<'a>) -> &'a str {
    target.base_url.strip_suffix(CHAT).unwrap_or(target.base_url)
}

fn version<'a>(target: &Target<'a>) -> Option<&'a str> {
    target.api_version.or_else(|| target.setting("api_version"))
}

fn is_v1(base: &str) -> bool {
    base.ends_with("/v1")
}

/// Whether a version means the v1 API.
fn is_undated(version: &str) -> bool {
    matches!(version, "v1" | "latest" | "preview")
}

/// The resource itself.
fn root(base: &str) -> &str {
    base.strip_suffix("/openai").or_else(|| base.strip_suffix("/models")).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "https://acme.openai.azure.com";
    const DATED: &str = "2024-10-21";

    fn deployment(base: &str, version: Option<&str>) -> (String, Option<String>) {
        let target = Target { api_version: version, ..Target::new("gpt", base) };
        let address = Address::of_deployment(&target, "gpt");
        (address.base, address.version)
    }

    fn model(base: &str, version: Option<&str>) -> (String, Option<String>) {
        let address = Address::of_model(&Target { api_version: version, ..Target::new("grok", base) });
        (address.base, address.version)
    }

    #[test]
    fn a_resource_holds_deployments_by_name_and_asks_for_a_version() {
        let plain = (format!("{HOST}/openai/deployments/gpt"), Some(DATED.to_owned()));
        for base in [HOST.to_owned(), format!("{HOST}/"), format!("{HOST}/openai")] {
            assert_eq!(deployment(&base, Some(DATED)), plain, "{base}");
        }
        assert_eq!(deployment(HOST, None), (plain.0, Some(VERSION.to_owned())));
    }

    #[test]
    fn a_base_that_names_its_deployment_or_is_the_whole_address_is_kept() {
        let named = format!("{HOST}/openai/deployments/other");
        for base in [named.clone(), format!("{named}/chat/completions")] {
            assert_eq!(deployment(&base, Some(DATED)), (named.clone(), Some(DATED.to_owned())), "{base}");
            assert_eq!(model(&base, Some(DATED)), (named.clone(), Some(DATED.to_owned())), "{base}");
        }
    }

    #[test]
    fn the_v1_api_is_asked_by_its_base_or_by_its_version_and_never_twice() {
        let v1 = format!("{HOST}/openai/v1");
        for base in [&v1, &format!("{v1}/"), &format!("{v1}/chat/completions")] {
            assert_eq!(deployment(base, Some(DATED)), (v1.clone(), None), "{base}");
            assert_eq!(deployment(base, Some("v1")), (v1.clone(), None), "{base}");
        }
        for base in [HOST, &format!("{HOST}/openai")] {
            assert_eq!(deployment(base, Some("latest")), (v1.clone(), None), "{base}");
            assert_eq!(deployment(base, Some("preview")), (v1.clone(), Some("preview".to_owned())), "{base}");
        }
    }

    #[test]
    fn models_of_foundry_are_behind_models_or_v1_or_at_an_address_of_their_own() {
        let (foundry, version) = ("https://acme.services.ai.azure.com", "2024-05-01-preview");
        let models = (format!("{foundry}/models"), Some(version.to_owned()));
        for base in ["", "/", "/models", "/models/chat/completions"] {
            assert_eq!(model(&format!("{foundry}{base}"), Some(version)), models, "{base}");
        }
        assert_eq!(model(foundry, Some("v1")), (format!("{foundry}/openai/v1"), None));
        assert_eq!(model(&format!("{foundry}/openai/v1/"), Some(version)), (format!("{foundry}/openai/v1"), None));
        assert_eq!(model(HOST, Some(version)), (format!("{HOST}/openai/v1"), None));
        let alone = "https://llama.eastus2.models.ai.azure.com";
        assert_eq!(model(alone, Some(version)), (format!("{alone}/v1"), None));
        assert_eq!(model(&format!("{alone}/x/chat/completions"), None), (format!("{alone}/x"), None));
    }

    #[test]
    fn a_host_is_read_without_its_port() {
        assert_eq!(host("http://127.0.0.1:80/x?y"), "127.0.0.1");
        assert_eq!(host("https://a.example"), "a.example");
    }
}
