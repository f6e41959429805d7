//! One row for each vendor, sorted by prefix.

use super::{AuthScheme, ProviderSpec, Quirks, TokenLimit, WireFormat};

fn row(name: &'static str, base_url: &'static str) -> ProviderSpec {
    ProviderSpec::openai_chat(name, base_url)
}

/// The providers that the crate knows.
pub(super) fn providers() -> Vec<ProviderSpec> {
    vec![
        ProviderSpec::new("anthropic", WireFormat::Anthropic, "https://api.anthropic.com")
            .auth(AuthScheme::header("x-api-key"))
            .key_env("ANTHROPIC_API_KEY")
            .key_env("ANTHROPIC_AUTH_TOKEN")
            .base_url_env("ANTHROPIC_API_BASE")
            .base_url_env("ANTHROPIC_BASE_URL")
            .header("anthropic-version", "2023-06-01"),
        row("groq", "https://api.groq.com/openai/v1").key_env("GROQ_API_KEY").base_url_env("GROQ_API_BASE"),
        ProviderSpec::self_hosted("lm_studio").key_env("LM_STUDIO_API_KEY").base_url_env("LM_STUDIO_API_BASE"),
        row("openai", "https://api.openai.com/v1")
            .key_env("OPENAI_API_KEY")
            .base_url_env("OPENAI_BASE_URL")
            .base_url_env("OPENAI_API_BASE")
            .quirks(Quirks { developer_role: true, token_limit: TokenLimit::AsGiven, ..Quirks::default() }),
    ]
}
