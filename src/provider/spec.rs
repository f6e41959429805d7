//! What a provider is, as data: a row of the table, or a user's own from code or a configuration file.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

use super::Quirks;
use crate::text::shown_address;

/// A text that is in the program or was read from somewhere.
type Text = Cow<'static, str>;

/// A provider as data: a name, a wire format, an address, keys and quirks.
///
/// An OpenAI-compatible vendor is nothing more than this, and a user's own is the same type:
///
/// ```
/// use anymodel::provider::ProviderSpec;
///
/// let spec = ProviderSpec::openai_chat("acme", "https://llm.acme.example/v1").key_env("ACME_API_KEY");
/// let same: ProviderSpec = serde_json::from_str(
///     r#"{"name": "acme", "base_url": "https://llm.acme.example/v1", "key_env": ["ACME_API_KEY"]}"#,
/// )?;
/// assert_eq!(spec, same);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ProviderSpec {
    /// The prefix in model names.
    pub name: Text,
    /// Other prefixes for the same provider.
    pub aliases: Vec<Text>,
    /// The page that documents its format.
    pub docs: Option<Text>,
    /// The format that it speaks.
    pub wire: WireFormat,
    /// Its address; `None` where the caller must give one. `{name}` in it is one of `settings`.
    pub base_url: Option<Text>,
    /// Environment variables that give the address, in order.
    pub base_url_env: Vec<Text>,
    /// What its connections have to know beside an address and a key, such as an account or a region.
    pub settings: Vec<Setting>,
    /// What is appended to the address for chat; the wire format's own path where it is not said.
    pub chat_path: Option<Text>,
    /// Where its list of models is, where that is not the wire format's own place.
    pub models: Option<ModelsAt>,
    /// Whether it counts the tokens of a request where its wire format has that: Anthropic's `count_tokens`, Gemini's
    /// `countTokens`; of those that speak OpenAI's chat completions, the `input_tokens` of its Responses API.
    pub counts_tokens: bool,
    /// Whether it has OpenAI's Responses API beside chat completions, at `/responses`: for the models and requests that
    /// need it, and for those that ask for it by `responses/` before the model.
    pub responses: bool,
    /// How the key is sent.
    pub auth: AuthScheme,
    /// Environment variables that hold the key, in order.
    pub key_env: Vec<Text>,
    /// Whether it also works without a key, as servers of one's own do.
    pub key_optional: bool,
    /// Headers on each request.
    pub headers: Vec<(Text, Text)>,
    /// Where it departs from its wire format.
    pub quirks: Quirks,
}

/// Of the headers only the names are shown, and of the address no user, password and query: secrets can be in them.
impl fmt::Debug for ProviderSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_ref()).collect();
        f.debug_struct("ProviderSpec")
            .field("name", &self.name)
            .field("aliases", &self.aliases)
            .field("wire", &self.wire)
            .field("base_url", &self.base_url.as_deref().map(shown_address))
            .field("base_url_env", &self.base_url_env)
            .field("settings", &self.settings)
            .field("chat_path", &self.chat_path)
            .field("auth", &self.auth)
            .field("key_env", &self.key_env)
            .field("key_optional", &self.key_optional)
            .field("headers", &headers)
            .field("quirks", &self.quirks)
            .finish_non_exhaustive()
    }
}

impl ProviderSpec {
    /// A provider of this wire format and address.
    #[must_use]
    pub fn new(name: impl Into<Text>, wire: WireFormat, base_url: impl Into<Text>) -> Self {
        Self { name: name.into(), wire, base_url: Some(base_url.into()), ..Self::default() }
    }

    /// An OpenAI-compatible provider at this address, which goes up to and with `/v1` or its like.
    #[must_use]
    pub fn openai_chat(name: impl Into<Text>, base_url: impl Into<Text>) -> Self {
        Self::new(name, WireFormat::OpenAiChat, base_url)
    }

    /// An OpenAI-compatible server of the caller's own, which has an address only where the caller gives one.
    #[must_use]
    pub fn self_hosted(name: impl Into<Text>) -> Self {
        Self { name: name.into(), key_optional: true, ..Self::default() }
    }

    /// With another prefix.
    #[must_use]
    pub fn alias(mut self, name: impl Into<Text>) -> Self {
        self.aliases.push(name.into());
        self
    }

    /// With the page that documents its format.
    #[must_use]
    pub fn docs(mut self, url: impl Into<Text>) -> Self {
        self.docs = Some(url.into());
        self
    }

    /// With a further environment variable for the key.
    #[must_use]
    pub fn key_env(mut self, name: impl Into<Text>) -> Self {
        self.key_env.push(name.into());
        self
    }

    /// With a further environment variable for the address.
    #[must_use]
    pub fn base_url_env(mut self, name: impl Into<Text>) -> Self {
        self.base_url_env.push(name.into());
        self
    }

    /// With something that its connections have to know, such as a part of the address.
    #[must_use]
    pub fn setting(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// With another path for chat.
    #[must_use]
    pub fn chat_path(mut self, path: impl Into<Text>) -> Self {
        self.chat_path = Some(path.into());
        self
    }

    /// With its list of models at another place.
    #[must_use]
    pub fn models(mut self, at: ModelsAt) -> Self {
        self.models = Some(at);
        self
    }

    /// Having its wire format's endpoint for counting tokens.
    #[must_use]
    pub fn counts_tokens(mut self) -> Self {
        self.counts_tokens = true;
        self
    }

    /// Having OpenAI's Responses API beside chat completions.
    #[must_use]
    pub fn responses(mut self) -> Self {
        self.responses = true;
        self
    }

    /// With the key sent in another way.
    #[must_use]
    pub fn auth(mut self, auth: AuthScheme) -> Self {
        self.auth = auth;
        self
    }

    /// Working without a key too.
    #[must_use]
    pub fn key_optional(mut self) -> Self {
        self.key_optional = true;
        self
    }

    /// With a header on each request.
    #[must_use]
    pub fn header(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With these quirks.
    #[must_use]
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// All prefixes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(AsRef::as_ref)
    }
}

/// Something that a connection has to know beside its address and key: given by the call by this name, else said by the
/// model's name, else held by an environment variable, else known to the credentials, else the default.
///
/// ```
/// use anymodel::provider::{ProviderSpec, Setting};
///
/// ProviderSpec::openai_chat("acme", "https://{region}.acme.example/v1")
///     .setting(Setting::new("region").env("ACME_REGION").or("eu"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Setting {
    /// Its name: LiteLLM's, where it has one.
    pub name: Text,
    /// Environment variables that hold it, in order.
    pub env: Vec<Text>,
    /// What it is where nobody says.
    pub default: Option<Text>,
}

impl Setting {
    /// A setting of this name.
    #[must_use]
    pub fn new(name: impl Into<Text>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// With a further environment variable for it.
    #[must_use]
    pub fn env(mut self, name: impl Into<Text>) -> Self {
        self.env.push(name.into());
        self
    }

    /// With this value where nobody says another.
    #[must_use]
    pub fn or(mut self, default: impl Into<Text>) -> Self {
        self.default = Some(default.into());
        self
    }
}

/// Where a provider lists its models, on the host of its address, and what the list is made of.
///
/// ```
/// use anymodel::provider::{ModelsAt, ProviderSpec};
///
/// ProviderSpec::openai_chat("acme", "https://llm.acme.example/inference")
///     .models(ModelsAt::new("/catalog", "models", "name"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelsAt {
    /// The path, from the root of the host.
    pub path: Text,
    /// The member of the reply that holds the list; a reply that is a bare list needs none.
    #[serde(default)]
    pub list: Text,
    /// The member of a model that holds its name.
    pub id: Text,
}

impl ModelsAt {
    /// At this path, in this member of the reply, each by this member of its own.
    #[must_use]
    pub fn new(path: impl Into<Text>, list: impl Into<Text>, id: impl Into<Text>) -> Self {
        Self { path: path.into(), list: list.into(), id: id.into() }
    }
}

/// The formats that providers speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WireFormat {
    /// OpenAI's chat completions.
    #[default]
    #[serde(rename = "openai_chat")]
    OpenAiChat,
    /// OpenAI's Responses API.
    #[serde(rename = "openai_responses")]
    OpenAiResponses,
    /// Anthropic's messages.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// Ollama's `/api/chat`.
    Ollama,
    /// AWS Bedrock's `Converse`, and for Claude its `InvokeModel`.
    Bedrock,
    /// OpenAI's chat completions behind an endpoint of Amazon SageMaker.
    Sagemaker,
    /// Cohere's `/v2/chat`.
    Cohere,
    /// Anthropic's messages for Claude and OpenAI's chat completions for others, as Snowflake Cortex has them.
    Snowflake,
    /// Replicate's predictions.
    Replicate,
    /// OCI Generative AI's `/actions/chat`.
    Oci,
    /// OpenAI's chat completions with the deployment in the path, as Predibase has them.
    Predibase,
    /// OpenAI's chat completions with the assistant or agent in the path, as RAGFlow has them.
    Ragflow,
    /// NLP Cloud's text generation.
    NlpCloud,
    /// The generate extension of NVIDIA's Triton.
    Triton,
    /// Runs of a LangGraph server.
    Langgraph,
    /// Runs of a flow of Langflow.
    Langflow,
    /// OpenAI's chat completions inside a configuration of SAP's orchestration service.
    Sap,
    /// OpenAI's chat completions with the headers of GitHub Copilot.
    Copilot,
    /// OpenAI's chat completions in the folder of a project, as Google Distributed Cloud has Gemini's.
    Gdc,
    /// OpenAI's chat completions at the addresses and in the names of IBM watsonx.ai.
    Watsonx,
    /// OpenAI's chat completions at deployments of Azure OpenAI.
    Azure,
    /// The formats of Azure AI Foundry, by the model.
    AzureAi,
    /// The formats of Google's Vertex AI, by the model.
    Vertex,
}

impl WireFormat {
    /// Its name, as in a configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai_chat",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::Azure => "azure",
            Self::AzureAi => "azure_ai",
            Self::Vertex => "vertex",
            Self::Sagemaker => "sagemaker",
            Self::Cohere => "cohere",
            Self::Snowflake => "snowflake",
            Self::Replicate => "replicate",
            Self::Oci => "oci",
            Self::Predibase => "predibase",
            Self::Ragflow => "ragflow",
            Self::NlpCloud => "nlp_cloud",
            Self::Triton => "triton",
            Self::Langgraph => "langgraph",
            Self::Langflow => "langflow",
            Self::Sap => "sap",
            Self::Copilot => "copilot",
            Self::Gdc => "gdc",
            Self::Watsonx => "watsonx",
            Self::Bedrock => "bedrock",
            Self::OpenAiResponses => "openai_responses",
        }
    }
}

/// How a key is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthScheme {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// In a header of its own.
    Header {
        /// The header.
        name: Text,
        /// What stands before the key.
        #[serde(default)]
        prefix: Text,
    },
    /// As AWS wants it: the request is signed (Signature Version 4), unless there is a key, which is sent as a bearer's.
    Aws {
        /// The service that signatures are for.
        service: Text,
    },
    /// As a bearer token that IBM Cloud's IAM gives for the key; or, of watsonx.ai software, as a Zen key.
    IbmIam,
    /// As a bearer token: a personal one, or the one that a workspace gives for the secret of a service principal.
    Databricks,
    /// In `api-key`; without a key, a token of Microsoft Entra ID as bearer.
    Entra,
    /// In `x-goog-api-key`; without a key, a token of Google Cloud as bearer.
    Google,
    /// As a bearer token that SAP's XSUAA gives for the secret of a service key.
    SapAiCore,
    /// As a bearer token that GitHub gives for the token of a login.
    GithubCopilot,
    /// As a bearer token that Sber gives for a key.
    Gigachat,
    /// By a signature of Oracle Cloud (feature `oci`).
    Oci,
    /// Not at all.
    None,
}

impl AuthScheme {
    /// The bare key in this header.
    #[must_use]
    pub fn header(name: impl Into<Text>) -> Self {
        Self::Header { name: name.into(), prefix: Text::default() }
    }

    /// AWS's way, for this service.
    #[must_use]
    pub fn aws(service: impl Into<Text>) -> Self {
        Self::Aws { service: service.into() }
    }
}
