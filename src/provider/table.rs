//! One row for each vendor, sorted by prefix.
//!
//! Vendors that depart from OpenAI's format are here; those that do not are in [`plain`], the servers of the caller's
//! own in [`self_hosted`], and those with a format of their own in [`own_formats`].

mod own_formats;
mod plain;
mod self_hosted;

use serde_json::{Map, json};

use super::{
    AuthScheme, ContentForm, Hook, ModelsAt, ProviderSpec, Quirks, Reasoning, Setting, TokenLimit, ToolChoices,
    WebSearch, WireFormat,
};

/// Parameters that hardly anyone but OpenAI takes.
const OPENAI_ONLY: [&str; 12] = [
    "audio",
    "function_call",
    "functions",
    "modalities",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "verbosity",
    "web_search_options",
];
/// [`OPENAI_ONLY`], where OpenAI's older choice of a function is taken.
const OPENAI_ONLY_BUT_CALLS: [&str; 10] = [
    "audio",
    "modalities",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "verbosity",
    "web_search_options",
];
/// What GigaChat does not take, though it takes functions.
const GIGACHAT_LACKS: [&str; 21] = [
    "audio",
    "logit_bias",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
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
const LOGPROBS: [&str; 2] = ["logprobs", "top_logprobs"];
const PENALTIES: [&str; 2] = ["frequency_penalty", "presence_penalty"];

/// A vendor at this address, whose key is in `{NAME}_API_KEY`, and whose address `{NAME}_API_BASE` can override.
fn row(name: &'static str, base_url: &'static str, env: &str) -> ProviderSpec {
    ProviderSpec::openai_chat(name, base_url).key_env(format!("{env}_API_KEY")).base_url_env(format!("{env}_API_BASE"))
}

/// What a provider refuses: these parameters, each list on its own.
fn without(lists: &[&[&'static str]]) -> Quirks {
    Quirks { unsupported: lists.iter().copied().flatten().copied().map(Into::into).collect(), ..Quirks::default() }
}

/// The same, but taking these.
fn with(mut quirks: Quirks, taken: &[&str]) -> Quirks {
    quirks.unsupported.retain(|name| !taken.contains(&name.as_ref()));
    quirks
}

/// What a provider refuses that takes the limit of tokens only by its older name.
fn older(lists: &[&[&'static str]]) -> Quirks {
    Quirks { token_limit: TokenLimit::MaxTokens, ..without(lists) }
}

/// The providers that the crate knows.
pub(super) fn providers() -> Vec<ProviderSpec> {
    let mut rows = own_ways();
    rows.extend(own_formats::providers());
    rows.extend(plain::providers());
    rows.extend(self_hosted::providers());
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// Vendors that depart from OpenAI's format.
fn own_ways() -> Vec<ProviderSpec> {
    vec![
        row("ai21", "https://api.ai21.com/studio/v1", "AI21")
            .docs("https://docs.ai21.com/reference/jamba-1-6-api-ref")
            .alias("ai21_chat")
            .quirks(jamba()),
        row("amazon_nova", "https://api.nova.amazon.com/v1", "AMAZON_NOVA")
            .docs("https://nova.amazon.com/dev/documentation")
            .quirks(without(&[
                &OPENAI_ONLY,
                &PENALTIES,
                &LOGPROBS,
                &["logit_bias", "n", "parallel_tool_calls", "response_format", "seed", "user"],
            ])),
        row("baseten", "https://inference.baseten.co/v1", "BASETEN")
            .docs("https://docs.baseten.co/reference/inference-api/chat-completions")
            .quirks(without(&[&OPENAI_ONLY, &LOGPROBS, &["logit_bias", "n", "parallel_tool_calls"]])),
        // https://inference-docs.cerebras.ai/api-reference/chat-completions and /capabilities/service-tiers; what is
        // refused is not among the parameters of Cerebras's own Python SDK (cerebras_cloud_sdk 1.91)
        row("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS")
            .docs("https://inference-docs.cerebras.ai/api-reference/chat-completions")
            .quirks(without(&[&[
                "audio",
                "function_call",
                "functions",
                "modalities",
                "prompt_cache_retention",
                "safety_identifier",
                "store",
                "verbosity",
                "web_search_options",
            ]])),
        // Clarifai's Python SDK (clarifai 12.5.0, `urls/helper.py`) for the address and CLARIFAI_PAT. Models are called by the
        // addresses of their pages; the name in three parts is LiteLLM's
        row("clarifai", "https://api.clarifai.com/v2/ext/openai/v1", "CLARIFAI")
            .docs("https://docs.clarifai.com/compute/inference/open-ai")
            .key_env("CLARIFAI_PAT")
            .quirks(Quirks {
                dotted_model: Some("https://clarifai.com/{owner}/{app}/models/{model}".into()),
                ..without(&[&OPENAI_ONLY, &LOGPROBS, &["logit_bias", "n", "parallel_tool_calls", "seed", "user"]])
            }),
        row("codestral", "https://codestral.mistral.ai/v1", "CODESTRAL").quirks(mistral()),
        row("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE")
            .docs("https://www.alibabacloud.com/help/en/model-studio/deep-thinking")
            .quirks(qwen()),
        // https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference
        // and, for service principals, https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
        ProviderSpec {
            base_url: None,
            ..row("databricks", "", "DATABRICKS")
                .docs("https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference")
        }
        .key_env("DATABRICKS_TOKEN")
        .auth(AuthScheme::Databricks)
        // Databricks's Python SDK (databricks-sdk 0.162.0, `service/serving.py`)
        .models(ModelsAt::new("/api/2.0/serving-endpoints", "endpoints", "name"))
        .quirks(Quirks {
            reasoning: Reasoning::ByModel,
            cache_control: true,
            content: ContentForm::JoinedResults,
            ..older(&[&OPENAI_ONLY, &PENALTIES, &LOGPROBS, &["logit_bias", "parallel_tool_calls", "seed", "user"]])
        }),
        // https://docs.deepinfra.com/chat/tool-calling; what is refused follows LiteLLM's table. That a tool's result must be a
        // text was measured in https://github.com/BerriAI/litellm/issues/13982
        row("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA")
            .docs("https://docs.deepinfra.com/chat/tool-calling")
            .key_env("DEEPINFRA_TOKEN")
            .key_env("DEEPINFRA_API_TOKEN")
            .quirks(Quirks {
                tool_choice: ToolChoices::AutoOrNone,
                content: ContentForm::JoinedResults,
                ..older(&[&OPENAI_ONLY, &LOGPROBS, &["parallel_tool_calls"]])
            }),
        // https://api-docs.deepseek.com/api/create-chat-completion and /guides/thinking_mode
        row("deepseek", "https://api.deepseek.com", "DEEPSEEK")
            .docs("https://api-docs.deepseek.com/api/create-chat-completion")
            .responses()
            .quirks(Quirks {
                reasoning: Reasoning::ThinkingAndEffort,
                content: ContentForm::OnlyText,
                reasoning_history: Some("reasoning_content".into()),
                hooks: vec![Hook::CallsTellReasoning],
                ..Quirks::default()
            }),
        row("featherless_ai", "https://api.featherless.ai/v1", "FEATHERLESS_AI")
            .docs("https://featherless.ai/docs/completions")
            .key_env("FEATHERLESS_API_KEY")
            .base_url_env("FEATHERLESS_API_BASE")
            .quirks(older(&[&OPENAI_ONLY, &LOGPROBS, &["parallel_tool_calls", "user"]])),
        // https://docs.fireworks.ai/api-reference/post-chatcompletions, and Fireworks's Python SDK
        row("fireworks_ai", "https://api.fireworks.ai/inference/v1", "FIREWORKS")
            .docs("https://docs.fireworks.ai/api-reference/post-chatcompletions")
            .alias("fireworks")
            .key_env("FIREWORKS_AI_API_KEY")
            .key_env("FIREWORKS_AI_TOKEN")
            .quirks(Quirks {
                model_prefix: Some("accounts/fireworks/models/".into()),
                ..older(&[&[
                    "audio",
                    "modalities",
                    "prompt_cache_retention",
                    "safety_identifier",
                    "store",
                    "web_search_options",
                ]])
            }),
        row("gradient_ai", "https://inference.do-ai.run/v1", "GRADIENT_AI")
            .docs("https://docs.digitalocean.com/products/gradient-ai-platform/how-to/use-serverless-inference")
            .key_env("GRADIENT_MODEL_ACCESS_KEY")
            .base_url_env("GRADIENT_AI_AGENT_ENDPOINT")
            .quirks(without(&[&OPENAI_ONLY, &LOGPROBS, &["logit_bias", "n", "parallel_tool_calls", "seed", "user"]])),
        // https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-chat: its tools are OpenAI's older functions
        row("gigachat", "https://gigachat.devices.sberbank.ru/api/v1", "GIGACHAT")
            .docs("https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-chat")
            .key_env("GIGACHAT_CREDENTIALS")
            .auth(AuthScheme::Gigachat)
            .quirks(Quirks {
                no_names: true,
                no_stream_options: true,
                ..older(&[&GIGACHAT_LACKS, &PENALTIES, &LOGPROBS])
            }),
        // https://console.groq.com/docs/api-reference, and Groq's OpenAPI description: what is refused is not in it, or is
        // said there to be not supported yet; Groq answers 400 to it
        row("groq", "https://api.groq.com/openai/v1", "GROQ")
            .docs("https://console.groq.com/docs/api-reference")
            .quirks(Quirks {
                web_search: WebSearch::BrowserSearch,
                stream_usage: Some("/x_groq/usage".into()),
                ..without(&[&[
                    "audio",
                    "modalities",
                    "prediction",
                    "prompt_cache_key",
                    "prompt_cache_retention",
                    "safety_identifier",
                    "store",
                    "verbosity",
                ]])
            }),
        row("hyperbolic", "https://api.hyperbolic.xyz/v1", "HYPERBOLIC")
            .docs("https://docs.hyperbolic.ai/inference/text-apis")
            .quirks(older(&[&OPENAI_ONLY, &LOGPROBS, &["logit_bias", "parallel_tool_calls"]])),
        row("inception", "https://api.inceptionlabs.ai/v1", "INCEPTION").docs("https://docs.inceptionlabs.ai").quirks(
            older(&[
                &OPENAI_ONLY,
                &PENALTIES,
                &LOGPROBS,
                &["logit_bias", "n", "parallel_tool_calls", "seed", "top_p", "user"],
            ]),
        ),
        row("maritalk", "https://chat.maritaca.ai/api", "MARITALK").docs("https://docs.maritaca.ai").quirks(older(&[
            &OPENAI_ONLY,
            &LOGPROBS,
            &["logit_bias", "parallel_tool_calls", "seed", "user"],
        ])),
        row("minimax", "https://api.minimax.io/v1", "MINIMAX")
            .docs("https://platform.minimax.io/docs/api-reference/text-openai-api")
            .quirks(Quirks {
                cache_control: true,
                reasoning_history: Some("reasoning_content".into()),
                ..without(&[&["reasoning_effort"]])
            }),
        // https://docs.mistral.ai/api, Mistral's OpenAPI description, and its Python SDK (mistralai 3.7) for what its own host
        // takes beyond
        row("mistral", "https://api.mistral.ai/v1", "MISTRAL")
            .docs("https://docs.mistral.ai/api")
            .quirks(with(mistral(), &["logprobs", "top_logprobs", "service_tier"])),
        // https://platform.kimi.ai/docs/api/chat, where `max_tokens` is deprecated, and /docs/guide/use-thinking-effort; a
        // switch and a level go together in Moonshot's own client (MoonshotAI/kimi-cli, kosong/chat_provider/kimi.py). That
        // calls must tell reasoning is the server's own word (https://github.com/continuedev/continue/issues/11600)
        row("moonshot", "https://api.moonshot.ai/v1", "MOONSHOT")
            .docs("https://platform.kimi.ai/docs/api/chat")
            .quirks(Quirks {
                token_limit: TokenLimit::MaxCompletionTokens,
                max_temperature: Some(1.0),
                reasoning: Reasoning::ThinkingAndEffort,
                tool_choice: ToolChoices::AskForRequired,
                content: ContentForm::JoinedText,
                reasoning_history: Some("reasoning_content".into()),
                hooks: vec![Hook::CallsTellReasoning],
                ..without(&[&["functions"]])
            }),
        // What is refused is not among its parameters; NSCALE_SERVICE_TOKEN is of https://docs.nscale.com/docs/use-cases/chat
        row("nscale", "https://inference.api.nscale.com/v1", "NSCALE")
            .docs("https://docs.nscale.com/api-reference/inferencing/create-chat-completion")
            .key_env("NSCALE_SERVICE_TOKEN")
            .quirks(without(&[&OPENAI_ONLY, &["parallel_tool_calls", "user"]])),
        row("nvidia_nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM")
            .docs("https://docs.api.nvidia.com/nim/reference/llm-apis")
            .key_env("NVIDIA_API_KEY")
            .quirks(older(&[&OPENAI_ONLY, &LOGPROBS, &["logit_bias", "n", "user"]])),
        // https://platform.openai.com/docs/api-reference/chat, and OpenAI's OpenAPI description
        ProviderSpec::openai_chat("openai", "https://api.openai.com/v1")
            .docs("https://platform.openai.com/docs/api-reference/chat")
            .key_env("OPENAI_API_KEY")
            .base_url_env("OPENAI_BASE_URL")
            .base_url_env("OPENAI_API_BASE")
            .counts_tokens()
            .responses()
            .quirks(Quirks { developer_role: true, text_results: true, ..Quirks::default() }),
        // https://openrouter.ai/docs/api-reference, and OpenRouter's OpenAPI description
        row("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER")
            .docs("https://openrouter.ai/docs/api-reference")
            .key_env("OR_API_KEY")
            .responses()
            .quirks(Quirks {
                reasoning: Reasoning::ReasoningObject,
                cache_control: true,
                body: Map::from_iter([("usage".to_owned(), json!({"include": true}))]),
                ..Quirks::default()
            }),
        // https://docs.perplexity.ai/api-reference/chat-completions-post: what is refused is not among its parameters. The
        // Python SDK's types (perplexityai 0.46.1) have tools, `n` and logprobs, but no page says that a model heeds them
        row("perplexity", "https://api.perplexity.ai", "PERPLEXITY")
            .docs("https://docs.perplexity.ai/api-reference/chat-completions-post")
            .key_env("PERPLEXITYAI_API_KEY")
            .quirks(Quirks {
                ..older(&[
                    &[
                        "audio",
                        "function_call",
                        "functions",
                        "modalities",
                        "prediction",
                        "prompt_cache_key",
                        "prompt_cache_retention",
                        "safety_identifier",
                        "service_tier",
                        "store",
                        "verbosity",
                    ],
                    &LOGPROBS,
                    &["logit_bias", "n", "parallel_tool_calls", "seed", "tool_choice", "tools", "user"],
                ])
            }),
        row("publicai", "https://api.publicai.co/v1", "PUBLICAI")
            .quirks(Quirks { content: ContentForm::JoinedText, ..older(&[]) }),
        row("qwen_ai_platform", "https://dashscope.aliyuncs.com/compatible-mode/v1", "QWEN_AI_PLATFORM")
            .key_env("DASHSCOPE_API_KEY")
            .quirks(qwen()),
        row("qwencloud", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "QWENCLOUD")
            .key_env("DASHSCOPE_API_KEY")
            .quirks(qwen()),
        row("sail", "https://api.sailresearch.com/v1", "SAIL").quirks(without(&[
            &PENALTIES,
            &LOGPROBS,
            &["logit_bias", "seed", "stop"],
        ])),
        row("sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA")
            .docs("https://docs.sambanova.ai/cloud/api-reference/endpoints/vision-endpoint")
            .quirks(Quirks {
                content: ContentForm::JoinedText,
                ..older(&[&OPENAI_ONLY, &PENALTIES, &LOGPROBS, &["logit_bias", "n", "seed", "user"]])
            }),
        row("scx-ai", "https://api.scx.ai/v1", "SCX").quirks(Quirks { max_temperature: Some(1.99), ..older(&[]) }),
        ProviderSpec::new(
            "snowflake",
            WireFormat::Snowflake,
            "https://{account_id}.snowflakecomputing.com/api/v2/cortex/v1",
        )
        .docs("https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api")
        .setting(Setting::new("account_id").env("SNOWFLAKE_ACCOUNT_ID"))
        .base_url_env("SNOWFLAKE_API_BASE")
        .key_env("SNOWFLAKE_PAT")
        .key_env("SNOWFLAKE_JWT")
        .quirks(Quirks {
            cache_control: true,
            token_limit: TokenLimit::MaxCompletionTokens,
            hooks: vec![Hook::EndsWithoutReason],
            ..without(&[
                &OPENAI_ONLY,
                &PENALTIES,
                &LOGPROBS,
                &["logit_bias", "n", "parallel_tool_calls", "seed", "stop", "user"],
            ])
        }),
        // https://docs.together.ai/docs/inference/openai-compatibility, and Together's OpenAPI description: what is refused is
        // not in it, `logprobs` is a number, 0 to 20, and a tool's result is a text
        row("together_ai", "https://api.together.ai/v1", "TOGETHER")
            .docs("https://docs.together.ai/docs/inference/openai-compatibility")
            .alias("together")
            .key_env("TOGETHER_AI_API_KEY")
            .key_env("TOGETHERAI_API_KEY")
            .key_env("TOGETHER_AI_TOKEN")
            .base_url_env("TOGETHER_AI_API_BASE")
            .quirks(Quirks {
                counted_logprobs: true,
                content: ContentForm::JoinedResults,
                ..older(&[&OPENAI_ONLY_BUT_CALLS, &["functions", "parallel_tool_calls", "user"]])
            }),
        // volcenginesdkarkruntime/resources/chat/completions.py
        row("volcengine", "https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE")
            .docs("https://github.com/volcengine/volcengine-python-sdk")
            .key_env("ARK_API_KEY")
            .quirks(Quirks {
                reasoning: Reasoning::AsGiven,
                ..without(&[&[
                    "audio",
                    "modalities",
                    "prediction",
                    "prompt_cache_key",
                    "safety_identifier",
                    "store",
                    "user",
                    "web_search_options",
                ]])
            }),
        // IBM's Python SDK
        ProviderSpec { base_url: None, ..ProviderSpec::new("watsonx", WireFormat::Watsonx, "") }
            .alias("watsonx_text")
            .docs("https://cloud.ibm.com/apidocs/watsonx-ai#text-chat")
            .base_url_env("WATSONX_API_BASE")
            .base_url_env("WATSONX_URL")
            .base_url_env("WX_URL")
            .base_url_env("WML_URL")
            .key_env("WATSONX_API_KEY")
            .key_env("WATSONX_APIKEY")
            .key_env("WX_API_KEY")
            .auth(AuthScheme::IbmIam)
            .setting(Setting::new("project_id").env("WATSONX_PROJECT_ID").env("WX_PROJECT_ID").env("PROJECT_ID"))
            .setting(
                Setting::new("space_id").env("WATSONX_SPACE_ID").env("WATSONX_DEPLOYMENT_SPACE_ID").env("SPACE_ID"),
            )
            .quirks(Quirks {
                no_stream_options: true,
                no_names: true,
                ..without(&[&OPENAI_ONLY, &["parallel_tool_calls", "user"]])
            }),
        // Writer's OpenAPI description: what is refused is not among its parameters
        row("writer", "https://api.writer.com/v1", "WRITER")
            .docs("https://dev.writer.com/api-reference/completion-api/chat-completion")
            .chat_path("/chat")
            .quirks(older(&[
                &OPENAI_ONLY,
                &PENALTIES,
                &["logit_bias", "parallel_tool_calls", "reasoning_effort", "seed", "top_logprobs", "user"],
            ])),
        // https://docs.x.ai/developers/model-capabilities/text/reasoning, and /developers/tools/web-search: searching is
        // a tool of the Responses API. Of the two limits, which are both taken, `max_tokens` is the deprecated one
        row("xai", "https://api.x.ai/v1", "XAI")
            .docs("https://docs.x.ai/developers/model-capabilities/text/reasoning")
            .responses()
            .quirks(Quirks {
                web_search: WebSearch::Responses,
                no_strict: true,
                no_names: true,
                ..without(&[&[
                    "audio",
                    "function_call",
                    "functions",
                    "modalities",
                    "prediction",
                    "prompt_cache_key",
                    "prompt_cache_retention",
                    "safety_identifier",
                    "service_tier",
                    "store",
                    "verbosity",
                ]])
            }),
        row("xiaomi_mimo", "https://api.xiaomimimo.com/v1", "XIAOMI_MIMO")
            .docs("https://platform.xiaomimimo.com/docs/zh-CN/api/chat/openai-api")
            .key_env("MIMO_API_KEY")
            .quirks(Quirks {
                reasoning: Reasoning::Thinking,
                reasoning_history: Some("reasoning_content".into()),
                ..Quirks::default()
            }),
        // https://docs.z.ai/api-reference/llm/chat-completion, and Z.ai's Python SDK (zai-sdk 0.2.3): how much to reason is for
        // GLM-5.2 and later
        row("zai", "https://api.z.ai/api/paas/v4", "ZAI")
            .docs("https://docs.z.ai/api-reference/llm/chat-completion")
            .quirks(Quirks {
                renamed: vec![("user".into(), "user_id".into())],
                reasoning: Reasoning::ThinkingAndEffort,
                cache_control: true,
                no_json_schema: true,
                reasoning_history: Some("reasoning_content".into()),
                ..older(&[&OPENAI_ONLY, &PENALTIES, &LOGPROBS, &["logit_bias", "n", "parallel_tool_calls", "seed"]])
            }),
    ]
}

/// AI21's format.
pub(super) fn jamba() -> Quirks {
    older(&[&OPENAI_ONLY, &PENALTIES, &LOGPROBS, &["logit_bias", "parallel_tool_calls", "reasoning_effort", "user"]])
}

/// Mistral's format.
pub(super) fn mistral() -> Quirks {
    Quirks {
        renamed: vec![("seed".into(), "random_seed".into())],
        reasoning: Reasoning::HighOrNone,
        tool_choice: ToolChoices::AnyForRequired,
        content: ContentForm::JoinedText,
        no_names: true,
        no_stream_options: true,
        ..older(&[
            &[
                "audio",
                "function_call",
                "functions",
                "modalities",
                "prompt_cache_retention",
                "safety_identifier",
                "service_tier",
            ],
            &["store", "verbosity", "web_search_options", "logit_bias", "user"],
            &LOGPROBS,
        ])
    }
}

/// Alibaba's format for Qwen.
fn qwen() -> Quirks {
    Quirks { reasoning: Reasoning::EnableThinking, cache_control: true, ..Quirks::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    /// Chat providers of the facts that have no row, and why.
    const LEFT_OUT: &[(&str, &str)] = &[
        ("a2a", "agents of one's own, which are asked by a protocol of tasks and not by a model's name"),
        ("aiohttp_openai", "a way of sending, not a provider"),
        ("chatgpt", "the private API of a subscription"),
        ("petals", "its public swarm is gone, and it was called through a Python package in the same process"),
        ("pydantic_ai_agents", "as for a2a"),
        (
            "sagemaker",
            "what a conversation is as a text is known to the model behind the endpoint alone; `sagemaker_chat`",
        ),
    ];

    fn is_loopback(address: &str) -> bool {
        ["http://localhost", "http://127.0.0.1"].iter().any(|loopback| address.starts_with(loopback))
    }

    #[test]
    fn rows_are_sorted_and_their_prefixes_are_unique() {
        let rows = providers();
        assert!(rows.is_sorted_by(|a, b| a.name < b.name));
        let mut seen = HashSet::new();
        for name in rows.iter().flat_map(ProviderSpec::names) {
            assert!(seen.insert(name.to_owned()), "{name} is there twice");
            assert!(!name.contains('/') && name.to_ascii_lowercase() == name, "{name} cannot be a prefix");
        }
    }

    #[test]
    fn a_key_travels_only_over_https_or_to_this_machine() {
        for row in providers() {
            let address = row.base_url.as_deref().unwrap_or("https://");
            assert!(address.starts_with("https://") || is_loopback(address), "{}: {address}", row.name);
            assert!(!address.ends_with('/') || row.base_url.is_none(), "{}: {address}", row.name);
        }
    }

    #[test]
    fn each_row_says_where_its_key_and_address_come_from() {
        for row in providers() {
            assert!(!row.key_env.is_empty() || row.key_optional || row.auth == AuthScheme::None, "{}", row.name);
            assert!(row.base_url.is_some() || !row.base_url_env.is_empty(), "{}", row.name);
            let address = row.base_url.as_deref().unwrap_or_default();
            for slot in address.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                assert!(row.settings.iter().any(|setting| setting.name == slot), "{}: {slot}", row.name);
            }
            for setting in &row.settings {
                assert!(!setting.env.is_empty(), "{}: {}", row.name, setting.name);
            }
        }
    }

    #[test]
    fn no_row_claims_to_be_somebody_else() {
        for row in providers() {
            for (name, _) in &row.headers {
                let name = name.to_ascii_lowercase();
                assert!(!["http-referer", "x-title", "x-novita-source", "user-agent"].contains(&name.as_str()));
            }
        }
    }

    #[test]
    fn every_refused_parameter_is_a_parameter() {
        let known: HashSet<&str> = crate::chat::Params::all_names().collect();
        for row in providers() {
            for name in &row.quirks.unsupported {
                assert!(known.contains(name.as_ref()), "{}: {name}", row.name);
            }
        }
    }

    #[test]
    fn every_chat_provider_of_the_facts_has_a_row_or_a_reason_why_not() {
        let Some(path) = crate::provider::tests::shared("facts/providers.json") else { return };
        let text = std::fs::read_to_string(path).unwrap();
        let facts: Value = serde_json::from_str(&text).unwrap();
        let rows = providers();
        let names: HashSet<&str> = rows.iter().flat_map(ProviderSpec::names).collect();
        let facts = facts["providers"].as_array().unwrap().iter().filter(|fact| fact["kind"] == "chat");
        let chat: HashSet<&str> = facts.map(|fact| fact["prefix"].as_str().unwrap()).collect();
        for prefix in &chat {
            let left_out = LEFT_OUT.iter().any(|(name, _)| name == prefix);
            assert!(names.contains(prefix) != left_out, "{prefix}");
        }
        assert!(LEFT_OUT.iter().all(|(name, _)| chat.contains(name)), "the list names what is no chat provider");
        assert!(chat.len() > 130, "only {} providers in the facts", chat.len());
    }
}
