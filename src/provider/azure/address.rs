//! The shapes that addresses have on Azure.

use super::VERSION;
use crate::provider::Target;
use crate::wire::in_path;

const CHAT: &str = "/chat/completions";
pub(super) const RESPONSES: &str = "/responses";
const MODELS: &str = "/models";
const V1: &str = "/openai/v1";
const DEPLOYMENTS: &str = "/openai/deployments/";

/// The hosts of resources. Their keys go into `api-key`; those of models that have an address of their own are bearer
/// tokens.
pub(super) const RESOURCES: [&str; 3] = [".services.ai.azure.com", ".openai.azure.com", ".cognitiveservices.azure.com"];

/// The first version with a date that has the Responses API; the v1 API has it for every other.
const FIRST_RESPONSES: &str = "2025-03-01";

/// Where chat with a deployment of Azure OpenAI goes. The base may be the resource, end at `/openai`, be the v1 API, name
/// the deployment, or be the whole address.
pub(super) fn of_deployment(target: &Target<'_>, deployment: &str) -> String {
    let (base, version) = (base(target), version(target).unwrap_or(VERSION));
    if base.contains(DEPLOYMENTS) {
        return versioned(format!("{base}{CHAT}"), version);
    }
    if is_v1(base) || is_undated(version) {
        return v1(base, version, CHAT);
    }
    versioned(format!("{}{DEPLOYMENTS}{}{CHAT}", root(base), in_path(deployment)), version)
}

/// Where chat with a model of Azure AI Foundry goes: behind `/models` of a Foundry resource, behind the v1 API of an
/// Azure OpenAI resource, or at an address of its own where the model is deployed without a server.
///
/// Source: <https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints>.
pub(super) fn of_model(target: &Target<'_>) -> String {
    let (base, version) = (base(target), version(target));
    let host = host(base);
    if base.contains(DEPLOYMENTS) {
        return versioned(format!("{base}{CHAT}"), version.unwrap_or(VERSION));
    }
    let of_openai = [".openai.azure.com", ".cognitiveservices.azure.com"].iter().any(|end| host.ends_with(end));
    if is_v1(base) || version.is_some_and(is_undated) || of_openai {
        return v1(base, version.unwrap_or_default(), CHAT);
    }
    if base.ends_with("/models") || host.ends_with(".services.ai.azure.com") {
        let url = format!("{}/models{CHAT}", root(base));
        return version.map_or_else(|| url.clone(), |version| versioned(url.clone(), version));
    }
    let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    format!("{base}{}{CHAT}", if path.is_empty() { "/v1" } else { "" })
}

/// Where the Responses API is: of the resource, whichever model it is asked for.
pub(super) fn of_responses(target: &Target<'_>) -> String {
    let base = base(target);
    let base = base.strip_suffix(RESPONSES).unwrap_or(base);
    let base = base.split(DEPLOYMENTS).next().unwrap_or(base);
    match date(target).filter(|date| *date >= FIRST_RESPONSES) {
        Some(_) => versioned(format!("{}/openai{RESPONSES}", root(base)), version(target).unwrap_or(VERSION)),
        None => v1(base, version(target).unwrap_or_default(), RESPONSES),
    }
}

/// Where the list of models of Azure OpenAI is: of the resource, by whichever API the address and the version mean.
pub(super) fn of_models(target: &Target<'_>) -> String {
    let (base, version) = (base(target), version(target).unwrap_or(VERSION));
    let base = base.split(DEPLOYMENTS).next().unwrap_or(base);
    if is_v1(base) || is_undated(version) {
        return v1(base, version, MODELS);
    }
    versioned(format!("{}/openai{MODELS}", root(base)), version)
}

/// The same of Azure AI Foundry, which has it in its v1 API alone; `None` for the address of a single model.
pub(super) fn of_foundry_models(target: &Target<'_>) -> Option<String> {
    let base = base(target);
    let base = base.split(DEPLOYMENTS).next().unwrap_or(base);
    let host = host(base);
    let is_resource = is_v1(base) || base.ends_with("/models") || RESOURCES.iter().any(|end| host.ends_with(end));
    let version = version(target).filter(|version| is_undated(version)).unwrap_or_default();
    is_resource.then(|| v1(base, version, MODELS))
}

/// The date of the version that is asked for; `None` of the v1 API, which has none.
pub(super) fn date<'a>(target: &Target<'a>) -> Option<&'a str> {
    let version = version(target).unwrap_or(VERSION);
    let dated = version.starts_with("20") && !is_v1(base(target));
    version.get(..FIRST_RESPONSES.len()).filter(|_| dated)
}

/// The host of an address, without its port.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or_default()
}

/// The v1 API, which takes no version but the word `preview`.
fn v1(base: &str, version: &str, path: &str) -> String {
    let base = if is_v1(base) { base.to_owned() } else { format!("{}{V1}", root(base)) };
    let url = format!("{base}{path}");
    if version == "preview" { versioned(url, version) } else { url }
}

fn versioned(url: String, version: &str) -> String {
    format!("{url}?api-version={version}")
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
    ["/openai", "/models"].iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "https://acme.openai.azure.com";
    const FOUNDRY: &str = "https://acme.services.ai.azure.com";
    const DATED: &str = "2024-10-21";

    fn target<'a>(base: &'a str, version: &'a str) -> Target<'a> {
        Target { api_version: Some(version).filter(|version| !version.is_empty()), ..Target::new("gpt", base) }
    }

    fn deployment(base: &str, version: &str) -> String {
        of_deployment(&target(base, version), "gpt")
    }

    fn model(base: &str, version: &str) -> String {
        of_model(&target(base, version))
    }

    #[test]
    fn a_resource_holds_deployments_by_name_and_asks_for_a_version() {
        for base in [HOST.to_owned(), format!("{HOST}/"), format!("{HOST}/openai")] {
            let plain = format!("{HOST}/openai/deployments/gpt/chat/completions?api-version={DATED}");
            assert_eq!(deployment(&base, DATED), plain, "{base}");
        }
        assert!(deployment(HOST, "").ends_with(&format!("?api-version={VERSION}")));
    }

    #[test]
    fn a_base_that_names_its_deployment_or_is_the_whole_address_is_kept() {
        let named = format!("{HOST}/openai/deployments/other");
        for base in [named.clone(), format!("{named}/chat/completions")] {
            let whole = format!("{named}/chat/completions?api-version={DATED}");
            assert_eq!(deployment(&base, DATED), whole, "{base}");
            assert_eq!(model(&base, DATED), whole, "{base}");
        }
    }

    #[test]
    fn the_v1_api_is_asked_by_its_base_or_by_its_version_and_never_twice() {
        let v1 = format!("{HOST}/openai/v1");
        for base in [&v1, &format!("{v1}/"), &format!("{v1}/chat/completions")] {
            assert_eq!(deployment(base, DATED), format!("{v1}{CHAT}"), "{base}");
            assert_eq!(deployment(base, "v1"), format!("{v1}{CHAT}"), "{base}");
        }
        for base in [HOST, &format!("{HOST}/openai")] {
            assert_eq!(deployment(base, "latest"), format!("{v1}{CHAT}"), "{base}");
            assert_eq!(deployment(base, "preview"), format!("{v1}{CHAT}?api-version=preview"), "{base}");
        }
    }

    #[test]
    fn models_of_foundry_are_behind_models_or_v1_or_at_an_address_of_their_own() {
        let version = "2024-05-01-preview";
        let models = format!("{FOUNDRY}/models{CHAT}?api-version={version}");
        for base in ["", "/", "/models", "/models/chat/completions"] {
            assert_eq!(model(&format!("{FOUNDRY}{base}"), version), models, "{base}");
        }
        assert_eq!(model(FOUNDRY, "v1"), format!("{FOUNDRY}/openai/v1{CHAT}"));
        assert_eq!(model(&format!("{FOUNDRY}/openai/v1/"), version), format!("{FOUNDRY}/openai/v1{CHAT}"));
        assert_eq!(model(HOST, version), format!("{HOST}/openai/v1{CHAT}"));
        let alone = "https://llama.eastus2.models.ai.azure.com";
        assert_eq!(model(alone, version), format!("{alone}/v1{CHAT}"));
        assert_eq!(model(&format!("{alone}/x/chat/completions"), ""), format!("{alone}/x{CHAT}"));
    }

    /// Recorded: `azure/responses*`.
    #[test]
    fn the_responses_api_is_the_resources() {
        let responses = |base: &str, version: &str| of_responses(&target(base, version));
        let dated = format!("{HOST}/openai/responses?api-version=2025-04-01-preview");
        for base in ["", "/openai", "/openai/deployments/gpt", "/openai/responses"] {
            assert_eq!(responses(&format!("{HOST}{base}"), "2025-04-01-preview"), dated, "{base}");
        }
        for (base, version) in
            [("", "2024-10-21"), ("", "v1"), ("/openai/v1", "2025-04-01-preview"), ("/models", "latest")]
        {
            let url = format!("{FOUNDRY}/openai/v1/responses");
            assert_eq!(responses(&format!("{FOUNDRY}{base}"), version), url, "{base} {version}");
        }
    }

    #[test]
    fn models_are_listed_by_the_resource() {
        for base in ["", "/openai", "/openai/deployments/gpt", "/openai/deployments/gpt/chat/completions"] {
            let url = of_models(&target(&format!("{HOST}{base}"), DATED));
            assert_eq!(url, format!("{HOST}/openai/models?api-version={DATED}"), "{base}");
        }
        assert_eq!(of_models(&target(&format!("{HOST}/openai/v1"), DATED)), format!("{HOST}/openai/v1/models"));
        let preview = of_models(&target(HOST, "preview"));
        assert_eq!(preview, format!("{HOST}/openai/v1/models?api-version=preview"));
        for base in ["", "/models", "/openai/v1", "/models/chat/completions", "/openai/deployments/gpt"] {
            let url = of_foundry_models(&target(&format!("{FOUNDRY}{base}"), "2024-05-01-preview"));
            assert_eq!(url, Some(format!("{FOUNDRY}/openai/v1/models")), "{base}");
        }
        assert_eq!(of_foundry_models(&target("https://llama.eastus2.models.ai.azure.com", "")), None);
    }

    #[test]
    fn a_host_is_read_without_its_port() {
        assert_eq!(host("http://127.0.0.1:80/x?y"), "127.0.0.1");
        assert_eq!(host("https://a.example"), "a.example");
    }
}
