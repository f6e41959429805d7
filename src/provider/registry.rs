//! From prefix to provider.

use std::collections::HashMap;
use std::sync::Arc;

use once_cell::sync::Lazy;

use super::{
    Provider, ProviderSpec, WireFormat, anthropic, azure, bedrock, cohere, copilot, gdc, gemini, in_path, oci, ollama,
    openai_chat, openai_responses, prompted, replicate, sagemaker, sap, snowflake, table, vertex, watsonx,
};
use crate::error::Result;
use crate::model::ModelName;
#[cfg(feature = "client")]
use crate::model::unknown_provider;

static TABLE: Lazy<Registry> = Lazy::new(|| {
    let mut registry = Registry::empty();
    for spec in table::providers() {
        registry.insert(build(spec));
    }
    registry
});

/// The known providers by prefix.
#[derive(Clone, Debug)]
pub struct Registry {
    providers: HashMap<String, Arc<dyn Provider>>,
    names: Vec<String>,
}

impl Registry {
    /// No providers.
    #[must_use]
    pub fn empty() -> Self {
        Self { providers: HashMap::new(), names: Vec::new() }
    }

    /// The providers of the table, built once.
    #[must_use]
    pub fn table() -> &'static Self {
        &TABLE
    }

    /// Adds a provider under all its prefixes; one that is there already is replaced.
    pub fn insert(&mut self, provider: Arc<dyn Provider>) {
        for name in provider.spec().names() {
            if self.providers.insert(name.to_owned(), Arc::clone(&provider)).is_none() {
                self.names.push(name.to_owned());
            }
        }
    }

    /// Adds a provider as data.
    pub fn insert_spec(&mut self, spec: ProviderSpec) {
        self.insert(build(spec));
    }

    /// The provider of a prefix.
    #[must_use]
    pub fn get(&self, prefix: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.get(prefix)
    }

    /// The provider that serves a model: that of its prefix, or the one that stands behind it for such models.
    #[must_use]
    pub fn serving(&self, name: &ModelName) -> Option<Arc<dyn Provider>> {
        let provider = self.get(name.provider())?;
        Some(provider.serving(name.model()).unwrap_or_else(|| Arc::clone(provider)))
    }

    /// All prefixes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether a provider has this prefix.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownProvider`](crate::ErrorKind::UnknownProvider), naming the nearest, where none has.
    #[cfg(feature = "client")]
    pub(crate) fn check(&self, prefix: &str) -> Result<()> {
        match self.get(prefix) {
            Some(_) => Ok(()),
            None => Err(unknown_provider(prefix, "", &self.names)),
        }
    }

    /// Takes a model's name apart.
    ///
    /// # Errors
    ///
    /// As [`ModelName::parse`].
    pub fn resolve(&self, model: &str) -> Result<ModelName> {
        if let Some((prefix, rest)) = model.split_once('/')
            && !rest.is_empty()
            && self.providers.contains_key(prefix)
        {
            return Ok(ModelName::new(prefix.to_owned(), rest));
        }
        ModelName::parse(model, &self.names)
    }
}

/// The one place that knows which code speaks which format.
fn build(spec: ProviderSpec) -> Arc<dyn Provider> {
    match spec.wire {
        WireFormat::Anthropic => Arc::new(anthropic::Anthropic::new(spec)),
        WireFormat::Bedrock => Arc::new(bedrock::Bedrock::new(spec)),
        WireFormat::Cohere => Arc::new(cohere::Cohere::new(spec)),
        WireFormat::Gemini => Arc::new(gemini::Gemini::new(spec)),
        WireFormat::Ollama => Arc::new(ollama::Ollama::new(spec)),
        WireFormat::Sagemaker => Arc::new(sagemaker::Sagemaker::new(spec)),
        WireFormat::Replicate => Arc::new(replicate::Replicate::new(spec)),
        WireFormat::Sap => Arc::new(sap::Sap::new(spec)),
        WireFormat::Copilot => Arc::new(copilot::Copilot::new(spec)),
        WireFormat::Gdc => Arc::new(gdc::Gdc::new(spec)),
        WireFormat::Oci => Arc::new(oci::Oci::new(spec)),
        WireFormat::Predibase => Arc::new(in_path::InPath::predibase(spec)),
        WireFormat::Ragflow => Arc::new(in_path::InPath::ragflow(spec)),
        WireFormat::NlpCloud => Arc::new(prompted::Prompted::nlp_cloud(spec)),
        WireFormat::Triton => Arc::new(prompted::Prompted::triton(spec)),
        WireFormat::Langgraph => Arc::new(prompted::Prompted::langgraph(spec)),
        WireFormat::Langflow => Arc::new(prompted::Prompted::langflow(spec)),
        WireFormat::Snowflake => Arc::new(snowflake::Snowflake::new(spec)),
        WireFormat::Watsonx => Arc::new(watsonx::Watsonx::new(spec)),
        WireFormat::Azure => Arc::new(azure::Azure::new(spec)),
        WireFormat::AzureAi => Arc::new(azure::Foundry::new(spec)),
        WireFormat::Vertex => Arc::new(vertex::Vertex::new(spec)),
        WireFormat::OpenAiChat => Arc::new(openai_chat::OpenAiChat::new(spec)),
        WireFormat::OpenAiResponses => Arc::new(openai_responses::OpenAiResponses::new(spec)),
    }
}
