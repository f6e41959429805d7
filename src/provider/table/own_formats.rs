//! Vendors that have a wire format of their own.

use crate::provider::{AuthScheme, ProviderSpec, WireFormat};

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
    ]
}
