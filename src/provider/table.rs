//! One row for each vendor, sorted by prefix.

use super::{ProviderSpec, Quirks, TokenLimit, WireFormat};

fn row(name: &'static str, base_url: &'static str) -> ProviderSpec {
    ProviderSpec::openai_chat(name, base_url)
}

/// The providers that the crate knows.
pub(super) fn providers() -> Vec<ProviderSpec> {
    vec![
        row("groq", "https://api.groq.com/openai/v1").key_env("GROQ_API_KEY").base_url_env("GROQ_API_BASE"),
        ProviderSpec::self_hosted("lm_studio").key_env("LM_STUDIO_API_KEY").base_url_env("LM_STUDIO_API_BASE"),
        ProviderSpec::new("ollama", WireFormat::Ollama, "http://localhost:11434")
            .alias("ollama_chat")
            .base_url_env("OLLAMA_API_BASE")
            .base_url_env("OLLAMA_HOST")
            .key_env("OLLAMA_API_KEY")
            .key_optional(),
        row("openai", "https://api.openai.com/v1")
            .key_env("OPENAI_API_KEY")
            .base_url_env("OPENAI_BASE_URL")
            .base_url_env("OPENAI_API_BASE")
            .quirks(Quirks { developer_role: true, token_limit: TokenLimit::AsGiven, ..Quirks::default() }),
    ]
}
