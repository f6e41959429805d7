//! Servers of the caller's own: the caller gives the address, and a key only where the server wants one.

use super::{LOGPROBS, without};
use crate::provider::{ProviderSpec, Quirks, Reasoning};

/// A server whose address is in `{NAME}_API_BASE` and whose key, if it has one, in `{NAME}_API_KEY`.
fn server(name: &'static str, env: &str) -> ProviderSpec {
    ProviderSpec::self_hosted(name).key_env(format!("{env}_API_KEY")).base_url_env(format!("{env}_API_BASE"))
}

pub(super) fn providers() -> Vec<ProviderSpec> {
    vec![
        server("custom_openai", "CUSTOM_OPENAI"),
        // http://localhost:12434/engines/v1: the port is Docker's default
        server("docker_model_runner", "DOCKER_MODEL_RUNNER")
            .docs("https://docs.docker.com/ai/model-runner/api-reference/"),
        server("hosted_vllm", "HOSTED_VLLM")
            .docs("https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html")
            .alias("vllm")
            .quirks(Quirks { reasoning: Reasoning::EffortForBudget, ..Quirks::default() }),
        // http://localhost:8000/api/v1; log probabilities are told there to be not available
        server("lemonade", "LEMONADE")
            .docs("https://lemonade-server.ai/docs/server/server_spec")
            .quirks(without(&[&LOGPROBS, &["reasoning_effort"]])),
        server("litellm_proxy", "LITELLM_PROXY").docs("https://docs.litellm.ai/docs/providers/litellm_proxy").quirks(
            Quirks { reasoning: Reasoning::AsGiven, developer_role: true, cache_control: true, ..Quirks::default() },
        ),
        server("llamafile", "LLAMAFILE")
            .docs("https://github.com/ggml-org/llama.cpp/tree/master/tools/server")
            .alias("llamacpp")
            .responses(),
        // http://localhost:1234/v1, and https://lmstudio.ai/docs/developer/openai-compat/responses
        server("lm_studio", "LM_STUDIO")
            .docs("https://lmstudio.ai/docs/developer/openai-compat/chat-completions")
            .responses(),
        // http://localhost:5000/v1
        server("oobabooga", "OOBABOOGA")
            .docs("https://github.com/oobabooga/text-generation-webui/wiki/12-%E2%80%90-OpenAI-API"),
        // http://localhost:9997/v1; what it takes: its source (xinference 4.1.0, `_compat.py`)
        server("xinference", "XINFERENCE")
            .docs("https://inference.readthedocs.io/en/latest/getting_started/using_xinference.html"),
    ]
}
