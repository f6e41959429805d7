//! Vendors that have a wire format of their own.

use super::{OPENAI_ONLY, without};
use crate::provider::{AuthScheme, ProviderSpec, Quirks, Setting, WireFormat, azure, vertex};

pub(super) fn providers() -> Vec<ProviderSpec> {
    vec![
        ProviderSpec::new("anthropic", WireFormat::Anthropic, "https://api.anthropic.com")
            .docs("https://platform.claude.com/docs/en/api/messages")
            .auth(AuthScheme::header("x-api-key"))
            .key_env("ANTHROPIC_API_KEY")
            .key_env("ANTHROPIC_AUTH_TOKEN")
            .base_url_env("ANTHROPIC_API_BASE")
            .base_url_env("ANTHROPIC_BASE_URL")
            .counts_tokens()
            .header("anthropic-version", "2023-06-01"),
        // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html; the region
        // where nobody says one is LiteLLM's
        ProviderSpec {
            base_url: None,
            ..ProviderSpec::new("bedrock", WireFormat::Bedrock, "").docs(
                "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html",
            )
        }
        .alias("bedrock_converse")
        .auth(AuthScheme::aws("bedrock"))
        .key_env("AWS_BEARER_TOKEN_BEDROCK")
        .base_url_env("AWS_BEDROCK_RUNTIME_ENDPOINT")
        .base_url_env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
        .setting(region())
        .counts_tokens(),
        ProviderSpec::new("cohere", WireFormat::Cohere, "https://api.cohere.com")
            .docs("https://docs.cohere.com/reference/chat")
            .alias("cohere_chat")
            .key_env("COHERE_API_KEY")
            .key_env("CO_API_KEY")
            .base_url_env("COHERE_API_BASE")
            .base_url_env("CO_API_URL"),
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
            .quirks(Quirks { developer_role: true, text_results: true, ..Quirks::default() }),
        // The version is the recorded one
        ProviderSpec { base_url: None, ..ProviderSpec::new("azure_ai", WireFormat::AzureAi, "") }
            .docs("https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints")
            .auth(AuthScheme::Entra)
            .key_env("AZURE_AI_API_KEY")
            .base_url_env("AZURE_AI_API_BASE")
            .setting(Setting::new("api_version").env("AZURE_AI_API_VERSION").or("2024-05-01-preview"))
            .responses(),
        // https://ai.google.dev/api/generate-content; of two keys Google's own SDK takes GOOGLE_API_KEY
        // (googleapis/python-genai, google/genai/_api_client.py)
        ProviderSpec::new("gemini", WireFormat::Gemini, "https://generativelanguage.googleapis.com")
            .docs("https://ai.google.dev/api/generate-content")
            .auth(AuthScheme::header("x-goog-api-key"))
            .key_env("GOOGLE_API_KEY")
            .key_env("GEMINI_API_KEY")
            .base_url_env("GEMINI_API_BASE")
            .counts_tokens(),
        // LiteLLM's names of the variables
        ProviderSpec { base_url: None, ..ProviderSpec::new("gdc", WireFormat::Gdc, "") }
            .docs("https://docs.cloud.google.com/distributed-cloud/hosted/docs/latest/gdch/gemini/get-started")
            .key_env("GDC_API_KEY")
            .base_url_env("GDC_API_BASE")
            .setting(Setting::new("vertex_project").env("VERTEX_PROJECT").env("VERTEXAI_PROJECT"))
            .setting(Setting::new("vertex_location").env("VERTEX_LOCATION").env("VERTEXAI_LOCATION"))
            .quirks(without(&[&["user"]])),
        ProviderSpec::new("replicate", WireFormat::Replicate, "https://api.replicate.com/v1")
            .docs("https://replicate.com/docs/reference/http")
            .key_env("REPLICATE_API_TOKEN")
            .key_env("REPLICATE_API_KEY")
            .base_url_env("REPLICATE_API_BASE"),
        // Recorded
        ProviderSpec::new("github_copilot", WireFormat::Copilot, "https://api.githubcopilot.com")
            .docs("https://docs.github.com/en/copilot")
            .key_env("GITHUB_COPILOT_TOKEN")
            .auth(AuthScheme::GithubCopilot)
            .setting(Setting::new("copilot_api").env("GITHUB_COPILOT_API_BASE"))
            .header("copilot-integration-id", "vscode-chat")
            .header("editor-version", concat!("anymodel/", env!("CARGO_PKG_VERSION")))
            .header("openai-intent", "conversation-panel")
            .header("x-github-api-version", "2025-04-01"),
        // SAP's Python SDK
        ProviderSpec { base_url: None, ..ProviderSpec::new("sap", WireFormat::Sap, "") }
            .docs("https://help.sap.com/docs/sap-ai-core")
            .key_env("AICORE_SERVICE_KEY")
            .base_url_env("AICORE_DEPLOYMENT_URL")
            .auth(AuthScheme::SapAiCore)
            .setting(Setting::new("deployment_url").env("AICORE_DEPLOYMENT_URL"))
            .quirks(without(&[&OPENAI_ONLY, &["tool_choice", "user"]])),
        ProviderSpec { base_url: None, ..ProviderSpec::new("oci", WireFormat::Oci, "") }
            .docs("https://docs.oracle.com/en-us/iaas/api/#/en/generative-ai-inference/20231130/ChatResult/Chat")
            .key_env("OCI_KEY")
            .base_url_env("OCI_API_BASE")
            .auth(AuthScheme::Oci)
            .setting(Setting::new("oci_region").env("OCI_REGION").or("us-ashburn-1"))
            .setting(Setting::new("oci_compartment_id").env("OCI_COMPARTMENT_ID"))
            .setting(Setting::new("oci_tenancy").env("OCI_TENANCY"))
            .setting(Setting::new("oci_serving_mode").env("OCI_SERVING_MODE"))
            .setting(Setting::new("oci_api_format").env("OCI_API_FORMAT"))
            .quirks(without(&[&["audio", "function_call", "functions", "modalities", "user"]])),
        ProviderSpec::new(
            "predibase",
            WireFormat::Predibase,
            "https://serving.app.predibase.com/{predibase_tenant_id}/deployments/v2/llms",
        )
        .docs("https://docs.predibase.com/user-guide/inference/migrate-openai")
        .key_env("PREDIBASE_API_KEY")
        .key_env("PREDIBASE_API_TOKEN")
        .base_url_env("PREDIBASE_API_BASE")
        .setting(Setting::new("predibase_tenant_id").env("PREDIBASE_TENANT_ID")),
        ProviderSpec { base_url: None, ..ProviderSpec::new("ragflow", WireFormat::Ragflow, "") }
            .docs("https://ragflow.io/docs/dev/http_api_reference")
            .key_env("RAGFLOW_API_KEY")
            .base_url_env("RAGFLOW_API_BASE"),
        ProviderSpec::new("nlp_cloud", WireFormat::NlpCloud, "https://api.nlpcloud.io/v1/gpu")
            .docs("https://docs.nlpcloud.com")
            .auth(AuthScheme::Header { name: "authorization".into(), prefix: "Token ".into() })
            .key_env("NLP_CLOUD_API_KEY")
            .base_url_env("NLP_CLOUD_API_BASE"),
        ProviderSpec { base_url: None, ..ProviderSpec::new("triton", WireFormat::Triton, "") }
            .docs("https://docs.nvidia.com/deeplearning/triton-inference-server")
            .key_optional()
            .key_env("TRITON_API_KEY")
            .base_url_env("TRITON_API_BASE"),
        ProviderSpec::new("langgraph", WireFormat::Langgraph, "http://localhost:2024")
            .docs("https://docs.langchain.com/langsmith/agent-server")
            .auth(AuthScheme::header("x-api-key"))
            .key_optional()
            .key_env("LANGGRAPH_API_KEY")
            .base_url_env("LANGGRAPH_API_BASE"),
        ProviderSpec::new("langflow", WireFormat::Langflow, "http://localhost:7860")
            .docs("https://docs.langflow.org/api-flows-run")
            .auth(AuthScheme::header("x-api-key"))
            .key_optional()
            .key_env("LANGFLOW_API_KEY")
            .base_url_env("LANGFLOW_API_BASE"),
        ProviderSpec::new("ollama", WireFormat::Ollama, "http://localhost:11434")
            .docs("https://docs.ollama.com/api")
            .alias("ollama_chat")
            .base_url_env("OLLAMA_API_BASE")
            .base_url_env("OLLAMA_HOST")
            .key_env("OLLAMA_API_KEY")
            .key_optional(),
        sagemaker("sagemaker_chat")
            .docs("https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-test-endpoints.html"),
        sagemaker("sagemaker_nova")
            .docs("https://docs.aws.amazon.com/nova/latest/nova2-userguide/nova-sagemaker-inference-api-reference.html")
            .quirks(Quirks { no_model: true, unsupported: NOT_OF_NOVA.map(Into::into).to_vec(), ..Quirks::default() }),
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
