//! Vendors that have a wire format of their own.

use crate::provider::{AuthScheme, ProviderSpec, Quirks, Setting, WireFormat};

pub(super) fn providers() -> Vec<ProviderSpec> {
    vec![
        // https://platform.claude.com/docs/en/api/messages
        ProviderSpec::new("anthropic", WireFormat::Anthropic, "https://api.anthropic.com")
            .auth(AuthScheme::header("x-api-key"))
            .key_env("ANTHROPIC_API_KEY")
            .key_env("ANTHROPIC_AUTH_TOKEN")
            .base_url_env("ANTHROPIC_API_BASE")
            .base_url_env("ANTHROPIC_BASE_URL")
            .counts_tokens()
            .header("anthropic-version", "2023-06-01"),
        // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html; the region
        // where nobody says one is LiteLLM's
        ProviderSpec { base_url: None, ..ProviderSpec::new("bedrock", WireFormat::Bedrock, "") }
            .alias("bedrock_converse")
            .auth(AuthScheme::aws("bedrock"))
            .key_env("AWS_BEARER_TOKEN_BEDROCK")
            .base_url_env("AWS_BEDROCK_RUNTIME_ENDPOINT")
            .base_url_env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
            .setting(region())
            .counts_tokens(),
        // https://docs.cohere.com/reference/chat
        ProviderSpec::new("cohere", WireFormat::Cohere, "https://api.cohere.com")
            .alias("cohere_chat")
            .key_env("COHERE_API_KEY")
            .key_env("CO_API_KEY")
            .base_url_env("COHERE_API_BASE")
            .base_url_env("CO_API_URL"),
        // https://ai.google.dev/api/generate-content; of two keys Google's own SDK takes GOOGLE_API_KEY
        // (googleapis/python-genai, google/genai/_api_client.py)
        ProviderSpec::new("gemini", WireFormat::Gemini, "https://generativelanguage.googleapis.com")
            .auth(AuthScheme::header("x-goog-api-key"))
            .key_env("GOOGLE_API_KEY")
            .key_env("GEMINI_API_KEY")
            .base_url_env("GEMINI_API_BASE")
            .counts_tokens(),
        // https://docs.ollama.com/api
        ProviderSpec::new("ollama", WireFormat::Ollama, "http://localhost:11434")
            .alias("ollama_chat")
            .base_url_env("OLLAMA_API_BASE")
            .base_url_env("OLLAMA_HOST")
            .key_env("OLLAMA_API_KEY")
            .key_optional(),
        // https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-test-endpoints.html
        sagemaker("sagemaker_chat"),
        // https://docs.aws.amazon.com/nova/latest/nova2-userguide/nova-sagemaker-inference-api-reference.html
        sagemaker("sagemaker_nova").quirks(Quirks {
            no_model: true,
            unsupported: NOT_OF_NOVA.map(Into::into).to_vec(),
            ..Quirks::default()
        }),
    ]
}

/// What is not among the parameters of Nova on SageMaker.
const NOT_OF_NOVA: [&str; 24] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "thinking",
    "tool_choice",
    "tools",
    "user",
    "verbosity",
    "web_search_options",
];

/// Endpoints of SageMaker, whose requests are always signed.
fn sagemaker(name: &'static str) -> ProviderSpec {
    ProviderSpec { base_url: None, ..ProviderSpec::new(name, WireFormat::Sagemaker, "") }
        .auth(AuthScheme::aws("sagemaker"))
        .base_url_env("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME")
        .setting(region())
        .key_optional()
}

/// The region of AWS.
fn region() -> Setting {
    Setting::new("aws_region_name").env("AWS_REGION_NAME").env("AWS_REGION").env("AWS_DEFAULT_REGION").or("us-west-2")
}
