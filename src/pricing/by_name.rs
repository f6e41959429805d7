//! LiteLLM's functions, on the list that is built in. On a list of your own they are methods of [`Catalog`].

use std::sync::Arc;

use super::catalogue::Catalog;
use super::model_info::{Capability, ModelInfo};
use super::when::Terms;
use crate::chat::{ChatResponse, Usage};
use crate::error::Result;
use crate::money::Usd;

/// What the call behind a reply cost, searches and units included.
///
/// ```
/// use anymodel::{ChatResponse, completion_cost};
///
/// let reply: ChatResponse = serde_json::from_str(
///     r#"{"model": "gpt-4o-2024-08-06", "choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}"#,
/// )?;
/// assert_eq!(completion_cost(&reply)?.to_string(), "$0.0075");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`ChatResponse::cost`].
pub fn completion_cost(reply: &ChatResponse) -> Result<Usd> {
    reply.cost()
}

/// What so many tokens of a request and of a reply cost: each in USD.
///
/// ```
/// let (prompt, completion) = anymodel::cost_per_token("gpt-4o", 1000, 500)?;
/// assert_eq!((prompt.as_f64(), completion.as_f64()), (0.0025, 0.005));
/// # Ok::<(), anymodel::Error>(())
/// ```
///
/// # Errors
///
/// As [`Catalog::cost`].
pub fn cost_per_token(model: &str, prompt_tokens: u64, completion_tokens: u64) -> Result<(Usd, Usd)> {
    let usage = Usage::new(prompt_tokens, completion_tokens);
    let cost = Catalog::default().model_info(model)?.cost(&usage, &Terms::default())?;
    Ok((cost.prompt(), cost.completion()))
}

/// What is listed of a model.
///
/// # Errors
///
/// As [`Catalog::model_info`].
pub fn get_model_info(model: &str) -> Result<Arc<ModelInfo>> {
    Catalog::default().model_info(model)
}

/// The most tokens of a model's reply, where they are listed.
#[must_use]
pub fn get_max_tokens(model: &str) -> Option<u64> {
    get_model_info(model).ok()?.max_output_tokens
}

macro_rules! supports {
    ($($(#[$meta:meta])* $name:ident $capability:ident,)*) => {
        $($(#[$meta])*
        #[must_use]
        pub fn $name(model: &str) -> Option<bool> {
            get_model_info(model).ok()?.supports(Capability::$capability)
        })*
    };
}

supports! {
    /// Whether a model calls tools; `None` where it is not known.
    supports_function_calling FunctionCalling,
    /// Whether a model calls several tools at once; `None` where it is not known.
    supports_parallel_function_calling ParallelFunctionCalling,
    /// Whether a model can be told which tool to call; `None` where it is not known.
    supports_tool_choice ToolChoice,
    /// Whether a model sees pictures; `None` where it is not known.
    supports_vision Vision,
    /// Whether a model hears; `None` where it is not known.
    supports_audio_input AudioInput,
    /// Whether a model speaks; `None` where it is not known.
    supports_audio_output AudioOutput,
    /// Whether a model reads PDF files; `None` where it is not known.
    supports_pdf_input PdfInput,
    /// Whether a model's prompts can be cached; `None` where it is not known.
    supports_prompt_caching PromptCaching,
    /// Whether a model can be held to a JSON Schema; `None` where it is not known.
    supports_response_schema ResponseSchema,
    /// Whether a model takes system messages; `None` where it is not known.
    supports_system_messages SystemMessages,
    /// Whether a model goes on from the beginning of a reply; `None` where it is not known.
    supports_assistant_prefill AssistantPrefill,
    /// Whether a model searches the web; `None` where it is not known.
    supports_web_search WebSearch,
    /// Whether a model reads web pages that are named to it; `None` where it is not known.
    supports_url_context UrlContext,
    /// Whether a model reasons; `None` where it is not known.
    supports_reasoning Reasoning,
    /// Whether a model uses a computer's screen; `None` where it is not known.
    supports_computer_use ComputerUse,
}
