//! Servers of the caller's own: the caller gives the address, and a key only where the server wants one.

use crate::provider::{ProviderSpec, Quirks, Reasoning};

/// A server whose address is in `{NAME}_API_BASE` and whose key, if it has one, in `{NAME}_API_KEY`.
fn server(name: &'static str, env: &str) -> ProviderSpec {
    ProviderSpec::self_hosted(name).key_env(format!("{env}_API_KEY")).base_url_env(format!("{env}_API_BASE"))
}

pub(super) fn providers() -> Vec<ProviderSpec> {
    vec![
        server("custom_openai", "CUSTOM_OPENAI"),
        // http://localhost:12434/engines/v1: the port is Docker's default
        // (https://docs.docker.com/reference/cli/docker/model/install-runner)
        server("docker_model_runner", "DOCKER_MODEL_RUNNER"),
        // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
        server("hosted_vllm", "HOSTED_VLLM")
            .alias("vllm")
            .quirks(Quirks { reasoning: Reasoning::EffortForBudget, ..Quirks::default() }),
        // https://lemonade-server.ai/docs/server/server_spec
        server("lemonade", "LEMONADE")
            .quirks(Quirks { unsupported: vec!["reasoning_effort".into()], ..Quirks::default() }),
        // https://docs.litellm.ai/docs/providers/litellm_proxy
        server("litellm_proxy", "LITELLM_PROXY").quirks(Quirks {
            reasoning: Reasoning::AsGiven,
            developer_role: true,
            cache_control: true,
            ..Quirks::default()
        }),
        // https://github.com/ggml-org/llama.cpp/tree/master/tools/server
        server("llamafile", "LLAMAFILE").alias("llamacpp").responses(),
        // https://lmstudio.ai/docs/app/api/endpoints/openai, and https://lmstudio.ai/docs/api/rest-api
        server("lm_studio", "LM_STUDIO").responses(),
        // https://github.com/oobabooga/text-generation-webui/wiki/12-%E2%80%90-OpenAI-API
        server("oobabooga", "OOBABOOGA"),
        // https://inference.readthedocs.io/en/latest/getting_started/using_xinference.html
        server("xinference", "XINFERENCE"),
    ]
}
