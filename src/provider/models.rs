//! A provider's own list of its models.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Map, Value};

use super::{Codec, Encoded, Operation, Progress, Provider, ProviderSpec, address, not_a_reply};
use crate::error::Result;

/// Listing a provider's models.
#[derive(Debug)]
pub enum ListModels {}

impl Operation for ListModels {
    const NAME: &'static str = "list_models";
    type Request = ModelPage;
    type Response = ModelList;

    fn codec(provider: &dyn Provider) -> Option<&dyn Codec<Self>> {
        provider.list_models()
    }
}

/// Which page of the list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelPage {
    /// The page after this mark, which the page before it gave; `None` for the first.
    pub after: Option<String>,
}

/// One page of the list.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelList {
    /// The models, in the provider's order.
    pub models: Vec<ListedModel>,
    /// The mark of the next page, where there is one.
    pub next: Option<String>,
}

/// A model in a provider's list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ListedModel {
    /// Its name, as a call takes it behind the provider's prefix.
    pub id: String,
    /// All that the provider says of it.
    pub details: Map<String, Value>,
}

/// The request for a page at this address.
pub(super) fn get(url: &str) -> Result<Encoded> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = address(url)?;
    Ok(Encoded { request, warnings: Vec::new() })
}

/// The request for the list at this address as OpenAI has it, at `/models`, or where the row says that it is.
pub(super) fn get_listed(spec: &ProviderSpec, base_url: &str) -> Result<Encoded> {
    match &spec.models {
        Some(at) => get(&on_host(base_url, &at.path)),
        None => get(&format!("{base_url}/models")),
    }
}

/// The list of such a reply.
pub(super) fn listed(spec: &ProviderSpec, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
    let (list, id) = spec.models.as_ref().map_or(("data", "id"), |at| (&at.list, &at.id));
    page(response, list, id, |_| None).map(Progress::Done)
}

/// The address of a path on the host of another address.
fn on_host(url: &str, path: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}/{}", path.trim_start_matches('/'))
}

/// The mark of the next page in a member of the reply: a text that is not empty.
pub(super) fn mark(body: &Map<String, Value>, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).filter(|mark| !mark.is_empty()).map(str::to_owned)
}

/// The models in a reply: in its member `list`, else in `models`, or in the bare list that it is; each by its member
/// `id`, or a bare name.
///
/// # Errors
///
/// [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse) for a reply that has no list. An entry without a name is passed over.
pub(super) fn page(
    response: &Response<Bytes>,
    list: &str,
    id: &str,
    next: impl FnOnce(&Map<String, Value>) -> Option<String>,
) -> Result<ModelList> {
    let body: Value = serde_json::from_slice(response.body())
        .map_err(|source| not_a_reply(response, "is not JSON").with_source(source))?;
    let (models, next) = match body {
        Value::Array(models) => (models, None),
        Value::Object(mut body) => {
            let next = next(&body);
            // Writer's OpenAPI description, `models_response`: the list is in `models`.
            match body.remove(list).or_else(|| body.remove("models")) {
                Some(Value::Array(models)) => (models, next),
                _ => return Err(not_a_reply(response, &format!("has no list `{list}`"))),
            }
        }
        _ => return Err(not_a_reply(response, "is no list of models")),
    };
    let named = models.into_iter().filter_map(|model| match model {
        Value::Object(details) => {
            let id = details.get(id)?.as_str()?.to_owned();
            Some(ListedModel { id, details })
        }
        Value::String(id) => Some(ListedModel { id, details: Map::new() }),
        _ => None,
    });
    Ok(ModelList { models: named.collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::provider::{Registry, Target, WireFormat};

    fn read(provider: &str, body: &str) -> Result<ModelList> {
        let provider = Registry::table().get(provider).unwrap();
        let codec = ListModels::codec(provider.as_ref()).unwrap();
        match codec.decode(&ModelPage::default(), &Response::new(Bytes::from(body.to_owned())))? {
            Progress::Done(list) => Ok(list),
            Progress::Poll { .. } => panic!("asked again"),
        }
    }

    fn asked(provider: &str, base: &str, after: Option<&str>) -> String {
        let provider = Registry::table().get(provider).unwrap();
        let page = ModelPage { after: after.map(str::to_owned) };
        ListModels::codec(provider.as_ref())
            .unwrap()
            .encode(&page, &Target::new("*", base))
            .unwrap()
            .request
            .uri()
            .to_string()
    }

    // Anthropic's and Google's paging: `ListModelsResponse` of Anthropic's OpenAPI description, and of Google's
    // `model_service.proto`; Ollama's `/api/tags`: https://docs.ollama.com/api/tags
    #[test]
    fn each_format_asks_for_its_pages_in_its_own_way() {
        assert_eq!(asked("groq", "https://h/v1", None), "https://h/v1/models");
        assert_eq!(asked("anthropic", "https://h", None), "https://h/v1/models?limit=1000");
        assert_eq!(asked("anthropic", "https://h", Some("a b")), "https://h/v1/models?limit=1000&after_id=a%20b");
        assert_eq!(asked("gemini", "https://h", Some("x=")), "https://h/v1beta/models?pageSize=1000&pageToken=x%3D");
        assert_eq!(asked("ollama", "http://h", None), "http://h/api/tags");
        assert_eq!(asked("huggingface", "https://h/v1", None), "https://h/v1/models");
        assert_eq!(asked("huggingface", "https://endpoint", None), "https://endpoint/v1/models");
    }

    #[test]
    fn each_format_names_its_models_and_its_next_page() {
        let list = read("anthropic", r#"{"data": [{"id": "claude"}], "has_more": true, "last_id": "claude"}"#).unwrap();
        assert_eq!((list.models[0].id.as_str(), list.next.as_deref()), ("claude", Some("claude")));
        let last = read("anthropic", r#"{"data": [], "has_more": false, "last_id": "claude"}"#).unwrap();
        assert_eq!(last.next, None);
        let list = read("gemini", r#"{"models": [{"name": "models/gemini"}], "nextPageToken": "p2"}"#).unwrap();
        assert_eq!((list.models[0].id.as_str(), list.next.as_deref()), ("gemini", Some("p2")));
        let list = read("ollama", r#"{"models": [{"name": "llama3:8b", "model": "llama3:8b"}]}"#).unwrap();
        assert_eq!(list.models[0].id, "llama3:8b");
        let bare = read("together_ai", r#"[{"id": "a", "context_length": 4096}, {"no": "name"}]"#).unwrap();
        assert_eq!((bare.models.len(), bare.models[0].details["context_length"].as_u64()), (1, Some(4096)));
        let list = read("writer", r#"{"models": [{"name": "Palmyra X5", "id": "palmyra-x5"}]}"#).unwrap();
        assert_eq!(list.models[0].id, "palmyra-x5");
        assert_eq!(read("groq", "{}").unwrap_err().kind(), ErrorKind::InvalidResponse);
    }

    #[test]
    fn a_row_says_where_a_list_is_and_what_it_is_made_of() {
        let databricks = "https://acme.cloud.databricks.com/serving-endpoints";
        assert_eq!(
            asked("databricks", databricks, None),
            "https://acme.cloud.databricks.com/api/2.0/serving-endpoints"
        );
        let list = read("databricks", r#"{"endpoints": [{"name": "llama", "task": "llm/v1/chat"}]}"#).unwrap();
        assert_eq!(
            (list.models[0].id.as_str(), list.models[0].details["task"].as_str()),
            ("llama", Some("llm/v1/chat"))
        );
        assert_eq!(
            asked("github", "https://models.github.ai/inference", None),
            "https://models.github.ai/catalog/models"
        );
        assert_eq!(read("github", r#"[{"id": "openai/gpt-4.1"}]"#).unwrap().models[0].id, "openai/gpt-4.1");
        let spec: crate::provider::ProviderSpec =
            serde_json::from_str(r#"{"name": "acme", "models": {"path": "/catalog", "list": "models", "id": "name"}}"#)
                .unwrap();
        assert_eq!(spec.models, Some(crate::provider::ModelsAt::new("/catalog", "models", "name")));
    }

    #[test]
    fn a_row_of_the_responses_api_lists_its_models_as_openai_does() {
        let spec = ProviderSpec::new("own", WireFormat::OpenAiResponses, "https://h/v1");
        let mut registry = Registry::empty();
        registry.insert_spec(spec);
        let provider = registry.get("own").unwrap();
        let codec = ListModels::codec(provider.as_ref()).unwrap();
        let encoded = codec.encode(&ModelPage::default(), &Target::new("*", "https://h/v1")).unwrap();
        assert_eq!(encoded.request.uri(), "https://h/v1/models");
        let response = Response::new(Bytes::from_static(br#"{"data": [{"id": "m"}]}"#));
        let Ok(Progress::Done(list)) = codec.decode(&ModelPage::default(), &response) else { panic!("no list") };
        assert_eq!(list.models[0].id, "m");
    }

    #[test]
    fn a_list_may_be_one_of_bare_names() {
        let list = read("snowflake", r#"{"models": ["llama3.1-8b", {"name": "claude"}, 7]}"#).unwrap();
        assert_eq!(list.models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(), ["llama3.1-8b", "claude"]);
    }

    #[test]
    fn recorded_lists_are_read() {
        let lists = [
            ("anthropic", "anthropic/models.basic.ellmer-anthropic-list-models.json"),
            ("cerebras", "cerebras/models.basic.pydantic-ai-known-model-names.json"),
            ("deepseek", "deepseek/models.basic.chatlas-deepseek-list-models.json"),
            ("github_copilot", "github_copilot/models.basic.rig-copilot-models-list-models-smoke.json"),
            ("watsonx", "watsonx/models.basic.openllmetry-generate-stream-metrics.json"),
            ("groq", "groq/models.basic.rig-groq-models-list-models-smoke.json"),
            ("mistral", "mistral/models.basic.chatlas-mistral-model-list.json"),
            ("openrouter", "openrouter/models.basic.llm-openrouter-cassettes-test-llm-openrouter-test-prompt.json"),
            (
                "perplexity",
                "perplexity/models.basic.ruby-llm-providers-perplexity-models-list-models-lists-the-models.json",
            ),
        ];
        for (provider, file) in lists {
            let Some(path) = crate::provider::tests::shared(&format!("fixtures/{file}")) else { return };
            let recorded: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let body = &recorded["response"]["body"];
            let list = read(provider, &body.to_string()).unwrap();
            let listed = body.get("data").or_else(|| body.get("resources")).unwrap();
            assert_eq!(list.models.len(), listed.as_array().unwrap().len(), "{file}");
        }
    }
}
