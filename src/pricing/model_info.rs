//! What is listed of a model.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::rates::Rates;
use super::when::When;
use crate::model::{Traits, traits};

/// A model as a price list has it: what it costs, how much it takes, what it can do.
///
/// Read it from a [`Catalog`](super::Catalog), or from JSON in the schema that `pricing/README.md` describes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The provider's prefix.
    #[serde(skip)]
    pub provider: Cow<'static, str>,
    /// The model's name in the list, without the prefix.
    #[serde(skip)]
    pub model: Cow<'static, str>,
    /// What it is for, in LiteLLM's words: `chat`, `embedding`, `image_generation`, `audio_transcription` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Cow<'static, str>>,
    /// The most tokens of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<u64>,
    /// The most tokens of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// The length of an embedding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_vector_size: Option<u64>,
    /// Its prices.
    #[serde(skip_serializing_if = "Rates::is_empty")]
    pub price: Rates,
    /// Prices in special circumstances.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<When>,
    /// Whether all searches of one request are paid for as one. Otherwise each is paid for.
    #[serde(skip_serializing_if = "is_false")]
    pub search_per_request: bool,
    /// What it can do; see [`Capability`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supports: Vec<Cow<'static, str>>,
    /// What it is known not to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Cow<'static, str>>,
    /// How it reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningInfo>,
    /// The encoding that its tokens are counted with, where it is not that of its family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Cow<'static, str>>,
    /// The shortest prompt that can be cached, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_min_tokens: Option<u64>,
    /// How many tokens the provider adds to a request that offers tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_use_system_prompt_tokens: Option<u64>,
    /// What a request can be made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input_modalities: Vec<Cow<'static, str>>,
    /// What a reply can be made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_modalities: Vec<Cow<'static, str>>,
    /// The paths of the provider's API that serve it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Cow<'static, str>>,
    /// Requests a minute that an account of the lowest level may make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u64>,
    /// Tokens a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u64>,
    /// Requests a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpd: Option<u64>,
    /// The day from which the provider no longer offers it, as `2026-12-31`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecation_date: Option<Cow<'static, str>>,
    /// Whether the provider has stopped offering it. Its price is kept for calls that were made.
    #[serde(skip_serializing_if = "is_false")]
    pub retired: bool,
    /// Where the figures are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'static, str>>,
    /// Whether the provider says in its replies what they cost; its word then stands over the list.
    #[serde(skip)]
    pub reports_cost: bool,
}

/// How a model reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ReasoningInfo {
    /// The words of `reasoning_effort` that it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub efforts: Vec<Cow<'static, str>>,
    /// The word that holds where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Cow<'static, str>>,
    /// Whether it cannot be told not to.
    #[serde(skip_serializing_if = "is_false")]
    pub always: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

macro_rules! capabilities {
    ($($(#[$meta:meta])* $capability:ident $name:literal,)*) => {
        /// Something that a model can do. Lists can name others; [`ModelInfo::supports`] takes any name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Capability {
            $($(#[$meta])* $capability,)*
        }

        impl AsRef<str> for Capability {
            fn as_ref(&self) -> &str {
                match self {
                    $(Self::$capability => $name,)*
                }
            }
        }
    };
}

capabilities! {
    /// Calling tools.
    FunctionCalling "function_calling",
    /// Calling several at once.
    ParallelFunctionCalling "parallel_function_calling",
    /// Being told which tool to call.
    ToolChoice "tool_choice",
    /// Pictures in the request.
    Vision "vision",
    /// Sound in the request.
    AudioInput "audio_input",
    /// Sound in the reply.
    AudioOutput "audio_output",
    /// Video in the request.
    VideoInput "video_input",
    /// PDF files in the request.
    PdfInput "pdf_input",
    /// Caching the prompt.
    PromptCaching "prompt_caching",
    /// Replies of a JSON Schema.
    ResponseSchema "response_schema",
    /// System messages.
    SystemMessages "system_messages",
    /// Going on from the beginning of a reply.
    AssistantPrefill "assistant_prefill",
    /// Searching the web.
    WebSearch "web_search",
    /// Reading web pages that the request names.
    UrlContext "url_context",
    /// Reasoning.
    Reasoning "reasoning",
    /// Using a computer's screen.
    ComputerUse "computer_use",
    /// Streaming.
    NativeStreaming "native_streaming",
    /// Embedding pictures.
    EmbeddingImageInput "embedding_image_input",
}

impl ModelInfo {
    /// A model of which nothing is listed yet.
    #[must_use]
    pub fn new(provider: impl Into<Cow<'static, str>>, model: impl Into<Cow<'static, str>>) -> Self {
        Self { provider: provider.into(), model: model.into(), ..Self::default() }
    }

    /// Whether it can do this, by its own entry or else as models of its family can; `None` where nobody says.
    ///
    /// ```
    /// use anymodel::Catalog;
    /// use anymodel::pricing::Capability;
    ///
    /// let model = Catalog::default().model_info("claude-sonnet-4-5")?;
    /// assert_eq!(model.supports(Capability::Vision), Some(true));
    /// assert_eq!(model.supports("juggling"), None);
    /// # Ok::<(), anymodel::Error>(())
    /// ```
    #[must_use]
    pub fn supports(&self, capability: impl AsRef<str>) -> Option<bool> {
        let capability = capability.as_ref();
        let has = |list: &[Cow<'static, str>]| list.iter().any(|name| name == capability);
        if has(&self.supports) {
            return Some(true);
        }
        if has(&self.lacks) {
            return Some(false);
        }
        traits(&self.model).supports.as_deref().filter(|supports| has(supports)).map(|_| true)
    }

    /// Whether anything of it has a price.
    #[must_use]
    pub fn is_priced(&self) -> bool {
        !self.price.is_empty() || self.when.iter().any(|when| !when.price.is_empty())
    }

    /// What is known of a model that is not listed, by its family. No price.
    pub(super) fn of_family(provider: &str, model: &str) -> Option<Self> {
        let known = traits(model);
        (*known != Traits::default()).then(|| Self {
            max_output_tokens: known.max_output_tokens,
            ..Self::new(provider.to_owned(), model.to_owned())
        })
    }

    /// Takes over from an older entry what this one does not say. Prices are taken whole or not at all: new prices
    /// beside old exceptions would be nobody's.
    pub(super) fn fill(&mut self, older: &Self) {
        fn or<T: Clone>(mine: &mut Option<T>, older: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(older);
            }
        }
        fn or_list<T: Clone>(mine: &mut Vec<T>, older: &Vec<T>) {
            if mine.is_empty() {
                mine.clone_from(older);
            }
        }
        if !self.is_priced() {
            self.price = older.price.clone();
            self.when = older.when.clone();
            self.search_per_request = older.search_per_request;
        }
        self.reports_cost |= older.reports_cost;
        or(&mut self.mode, &older.mode);
        or(&mut self.max_input_tokens, &older.max_input_tokens);
        or(&mut self.max_output_tokens, &older.max_output_tokens);
        or(&mut self.output_vector_size, &older.output_vector_size);
        or(&mut self.reasoning, &older.reasoning);
        or(&mut self.tokenizer, &older.tokenizer);
        or(&mut self.prompt_cache_min_tokens, &older.prompt_cache_min_tokens);
        or(&mut self.tool_use_system_prompt_tokens, &older.tool_use_system_prompt_tokens);
        or(&mut self.rpm, &older.rpm);
        or(&mut self.tpm, &older.tpm);
        or(&mut self.rpd, &older.rpd);
        or(&mut self.deprecation_date, &older.deprecation_date);
        or(&mut self.source, &older.source);
        let says = |info: &Self, name| info.supports.contains(name) || info.lacks.contains(name);
        let supports: Vec<_> = older.supports.iter().filter(|name| !says(self, name)).cloned().collect();
        let lacks: Vec<_> = older.lacks.iter().filter(|name| !says(self, name)).cloned().collect();
        self.supports.extend(supports);
        self.lacks.extend(lacks);
        or_list(&mut self.input_modalities, &older.input_modalities);
        or_list(&mut self.output_modalities, &older.output_modalities);
        or_list(&mut self.endpoints, &older.endpoints);
    }
}
