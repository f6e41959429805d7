//! Vendors that have a wire format of their own.

use crate::provider::{AuthScheme, ProviderSpec, Quirks, Setting, WireFormat, azure, vertex};

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
        // LiteLLM's names of the variables, then Microsoft's
        ProviderSpec { base_url: None, ..ProviderSpec::new("azure", WireFormat::Azure, "") }
            .docs("https://learn.microsoft.com/azure/foundry/openai/reference")
            .alias("azure_openai")
            .auth(AuthScheme::Entra)
            .key_env("AZURE_API_KEY")
            .key_env("AZURE_OPENAI_API_KEY")
            .base_url_env("AZURE_API_BASE")
            .base_url_env("AZURE_OPENAI_ENDPOINT")
            .setting(Setting::new("api_version").env("AZURE_API_VERSION").env("OPENAI_API_VERSION").or(azure::VERSION))
            .responses()
            .quirks(Quirks { developer_role: true, ..Quirks::default() }),
        // The version is the recorded one
        ProviderSpec { base_url: None, ..ProviderSpec::new("azure_ai", WireFormat::AzureAi, "") }
            .docs("https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints")
            .auth(AuthScheme::Entra)
            .key_env("AZURE_AI_API_KEY")
            .base_url_env("AZURE_AI_API_BASE")
            .setting(Setting::new("api_version").env("AZURE_AI_API_VERSION").or("2024-05-01-preview"))
            .responses(),
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
        // LiteLLM's names of the variables, then those of Google's own SDK
        ProviderSpec { base_url: None, ..ProviderSpec::new("vertex_ai", WireFormat::Vertex, "") }
            .docs("https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/overview")
            .alias("vertex_ai_beta")
            .auth(AuthScheme::Google)
            .key_env("VERTEXAI_API_KEY")
            .key_env("VERTEX_API_KEY")
            .base_url_env("VERTEXAI_API_BASE")
            .base_url_env("VERTEX_API_BASE")
            .setting(Setting::new("vertex_project").env("VERTEXAI_PROJECT").env("GOOGLE_CLOUD_PROJECT"))
            .setting(
                Setting::new("vertex_location")
                    .env("VERTEXAI_LOCATION")
                    .env("VERTEX_LOCATION")
                    .env("GOOGLE_CLOUD_LOCATION")
                    .or(vertex::LOCATION),
            )
            .counts_tokens(),
    ]
}

/// The region of AWS.
fn region() -> Setting {
    Setting::new("aws_region_name").env("AWS_REGION_NAME").env("AWS_REGION").env("AWS_DEFAULT_REGION").or("us-west-2")
}
