//! Vendors that speak OpenAI's format without ways of their own.

use super::{LOGPROBS, OPENAI_ONLY, older, row, without};
use crate::provider::{AuthScheme, Hook, ModelsAt, ProviderSpec, Quirks, Setting};

pub(super) fn providers() -> Vec<ProviderSpec> {
    let mut rows = as_given();
    rows.extend(max_tokens().into_iter().map(|row| row.quirks(older(&[]))));
    rows
}

/// Those that take the limit of tokens by either name.
fn as_given() -> Vec<ProviderSpec> {
    vec![
        // Its guides call the variable ABLIT_KEY
        row("abliteration", "https://api.abliteration.ai/v1", "ABLITERATION")
            .docs("https://abliteration.ai/docs/aws-lambda-openai-compatible-python")
            .key_env("ABLIT_KEY"),
        // AIHubMix's provider for the AI SDK (@aihubmix/ai-sdk-provider 2.1.0)
        row("aihubmix", "https://aihubmix.com/v1", "AIHUBMIX")
            .docs("https://www.npmjs.com/package/@aihubmix/ai-sdk-provider"),
        // AI/ML API's Python SDK (aimlapi-sdk-python 2.24.0rc1) for the variables
        row("aiml", "https://api.aimlapi.com/v1", "AIML")
            .docs("https://docs.aimlapi.com/api-references/text-models-llm/openai/gpt-latest")
            .key_env("AIMLAPI_API_KEY")
            .base_url_env("AIMLAPI_API_BASE"),
        // Apertis's Python SDK (apertis 0.4.1); it was Stima, at api.stima.tech, whose variables other libraries know
        row("apertis", "https://api.apertis.ai/v1", "APERTIS")
            .docs("https://github.com/apertis-ai/python-sdk")
            .key_env("STIMA_API_KEY")
            .base_url_env("STIMA_API_BASE"),
        // AssemblyAI's Python SDK (assemblyai 1.8.2, `llm_gateway/v1`): the key stands bare in its header, the limit is
        // `max_tokens`; what else it takes depends on the model
        row("assemblyai", "https://llm-gateway.assemblyai.com/v1", "ASSEMBLYAI")
            .docs("https://github.com/AssemblyAI/assemblyai-python-sdk")
            .auth(AuthScheme::header("authorization"))
            .quirks(older(&[])),
        // https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html, and inference-responses-api.html beside it:
        // most models are at `/v1`, some at `/openai/v1` instead, and refused at the other; for those give that address. The
        // region where nobody says one is LiteLLM's. What signatures are for is what AWS's policies call the service
        // (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonBedrockMantleInferenceAccess.html), and
        // what OpenAI's and Anthropic's Python SDKs sign for (openai 3.57.0, `lib/_bedrock_auth.py`; anthropic 2.14.0,
        // `lib/bedrock/_mantle.py`)
        row("bedrock_mantle", "https://bedrock-mantle.{aws_region_name}.api.aws/v1", "BEDROCK_MANTLE")
            .docs("https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html")
            .setting(
                Setting::new("aws_region_name")
                    .env("BEDROCK_MANTLE_REGION")
                    .env("AWS_REGION_NAME")
                    .env("AWS_REGION")
                    .env("AWS_DEFAULT_REGION")
                    .or("us-east-1"),
            )
            .auth(AuthScheme::aws("bedrock-mantle"))
            .key_env("AWS_BEARER_TOKEN_BEDROCK"),
        // https://docs.bytez.com/http-reference: the key stands bare in its header
        row("bytez", "https://api.bytez.com/models/v2/openai/v1", "BYTEZ")
            .docs("https://docs.bytez.com/http-reference")
            .auth(AuthScheme::header("authorization")),
        row("cloudflare", "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1", "CLOUDFLARE")
            .docs("https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/")
            .setting(Setting::new("account_id").env("CLOUDFLARE_ACCOUNT_ID"))
            .key_env("CLOUDFLARE_API_TOKEN"),
        row("cognition", "https://api.cognition.ai/v1", "COGNITION"),
        // CometAPI's Python SDK (cometapi 0.1.4) is OpenAI's own with this address and these variables
        row("cometapi", "https://api.cometapi.com/v1", "COMETAPI")
            .docs("https://github.com/cometapi-dev/cometapi-python")
            .key_env("COMETAPI_KEY")
            .base_url_env("COMETAPI_BASE_URL"),
        row("compactifai", "https://api.compactif.ai/v1", "COMPACTIFAI"),
        row("cortecs", "https://api.cortecs.ai/v1", "CORTECS"),
        ProviderSpec::openai_chat("datarobot", "https://app.datarobot.com/api/v2")
            .docs("https://docs.datarobot.com/en/docs/gen-ai/genai-code/dr-llm-gateway.html")
            .chat_path("/genai/llmgw/chat/completions")
            .key_env("DATAROBOT_API_TOKEN")
            .base_url_env("DATAROBOT_ENDPOINT"),
        row("edenai", "https://api.edenai.run/v3", "EDENAI")
            .docs("https://www.edenai.co/docs/v3/llms/chat-completions"),
        row("empower", "https://app.empower.dev/api/v1", "EMPOWER"),
        // Friendli's Python SDK (friendli 0.16.5, `core/models/serverlesschatcompletionbody.py`): what is refused is not
        // among its parameters
        row("friendliai", "https://api.friendli.ai/serverless/v1", "FRIENDLI")
            .docs("https://github.com/friendliai/friendli-python")
            .key_env("FRIENDLIAI_API_KEY")
            .key_env("FRIENDLI_TOKEN")
            .quirks(older(&[&OPENAI_ONLY, &["user"]])),
        // Galadriel's Python SDK (galadriel 0.0.16) for the address and the variable
        row("galadriel", "https://api.galadriel.com/v1", "GALADRIEL").docs("https://pypi.org/project/galadriel"),
        row("github", "https://models.github.ai/inference", "GITHUB")
            .docs("https://github.blog/changelog/2025-07-17-deprecation-of-azure-endpoint-for-github-models")
            // https://docs.github.com/en/rest/models/catalog
            .models(ModelsAt::new("/catalog/models", "", "id"))
            .key_env("GITHUB_TOKEN"),
        row("gmi", "https://api.gmi-serving.com/v1", "GMI"),
        row("helicone", "https://ai-gateway.helicone.ai/v1", "HELICONE")
            .docs("https://docs.helicone.ai/ai-gateway/overview"),
        // https://devcenter.heroku.com/categories/heroku-inference, and a recording
        row("heroku", "https://us.inference.heroku.com/v1", "HEROKU")
            .docs("https://devcenter.heroku.com/categories/heroku-inference")
            .key_env("INFERENCE_KEY"),
        // Recorded; https://huggingface.co/docs/inference-providers
        ProviderSpec::openai_chat("huggingface", "https://router.huggingface.co/v1")
            .docs("https://huggingface.co/docs/inference-providers")
            .key_env("HF_TOKEN")
            .key_env("HUGGINGFACE_API_KEY")
            .base_url_env("HF_API_BASE")
            .quirks(Quirks { hooks: vec![Hook::ProviderBehindModel, Hook::VersionInPath], ..Quirks::default() }),
        // Lambda has announced that it winds this API down (https://lambda.ai/inference), without a date
        row("lambda_ai", "https://api.lambda.ai/v1", "LAMBDA"),
        row("meta", "https://api.meta.ai/v1", "META"),
        row("meta_llama", "https://api.llama.com/compat/v1", "LLAMA"),
        row("modelscope", "https://api-inference.modelscope.cn/v1", "MODELSCOPE")
            .docs("https://modelscope.cn/docs/model-service/API-Inference/intro"),
        // Morph's own SDK (@morphllm/morphsdk 0.2.196)
        row("morph", "https://api.morphllm.com/v1", "MORPH").docs("https://www.npmjs.com/package/@morphllm/morphsdk"),
        row("nadir", "https://api.getnadir.com/v1", "NADIR"),
        row("nebius", "https://api.tokenfactory.nebius.com/v1", "NEBIUS")
            .docs("https://github.com/nebius/token-factory-cookbook"),
        row("novita", "https://api.novita.ai/v3/openai", "NOVITA"),
        // Without a key two requests a minute are answered; OVH_AI_ENDPOINTS_ACCESS_TOKEN is of the guide, the address of
        // OVHcloud's own provider for Airflow (https://ovh.github.io/apache-airflow-provider-ovhcloud-ai/ai-endpoints)
        row("ovhcloud", "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", "OVHCLOUD")
            .docs("https://help.ovhcloud.com/csm/en-gb-public-cloud-ai-endpoints-getting-started")
            .key_env("OVH_AI_ENDPOINTS_ACCESS_TOKEN")
            .key_optional(),
        row("parasail", "https://api.parasail.io/v1", "PARASAIL"),
        row("prism", "https://api.prisminference.com/v1", "PRISM"),
        row("reka", "https://api.reka.ai/v1", "REKA"),
        // https://docs.sarvam.ai/api-reference-docs/authentication for the key as a bearer's, and Sarvam's Python SDK
        // (sarvamai 0.1.39, `chat/raw_client.py`): what is refused is not among its parameters
        row("sarvam", "https://api.sarvam.ai/v1", "SARVAM")
            .docs("https://docs.sarvam.ai/api-reference-docs/chat/completions")
            .quirks(older(&[&OPENAI_ONLY, &LOGPROBS, &["logit_bias", "parallel_tool_calls", "user"]])),
        // Of what is refused, some is on the page's list of unsupported parameters, the rest not on that of supported ones
        ProviderSpec::openai_chat("scaleway", "https://api.scaleway.ai/v1")
            .docs("https://www.scaleway.com/en/docs/generative-apis/api-cli/using-chat-api/")
            .key_env("SCW_SECRET_KEY")
            .base_url_env("SCALEWAY_API_BASE")
            .quirks(older(&[&OPENAI_ONLY, &["frequency_penalty", "logit_bias", "n", "top_logprobs", "user"]])),
        // What is refused is not among its parameters, of which both limits are
        row("synthetic", "https://api.synthetic.new/openai/v1", "SYNTHETIC")
            .docs("https://dev.synthetic.new/docs/openai/chat-completions")
            .quirks(without(&[&OPENAI_ONLY])),
        row("tencent", "https://tokenhub-intl.tencentcloudmaas.com/v1", "TENCENT"),
        row("v0", "https://api.v0.dev/v1", "V0").docs("https://vercel.com/docs/v0/api"),
        row("veniceai", "https://api.venice.ai/api/v1", "VENICE_AI").alias("venice").key_env("VENICE_API_KEY"),
        row("vercel_ai_gateway", "https://ai-gateway.vercel.sh/v1", "VERCEL_AI_GATEWAY")
            .key_env("AI_GATEWAY_API_KEY")
            .key_env("VERCEL_OIDC_TOKEN"),
        row("wandb", "https://api.inference.wandb.ai/v1", "WANDB")
            .docs("https://docs.wandb.ai/inference/api-reference/chat-completions"),
    ]
}

/// Those that know the limit of tokens only as `max_tokens`.
fn max_tokens() -> Vec<ProviderSpec> {
    vec![
        row("charity_engine", "https://api.charityengine.services/remotejobs/v2/inference", "CHARITY_ENGINE"),
        row("chutes", "https://llm.chutes.ai/v1", "CHUTES").docs("https://chutes.ai/llms.txt"),
        row("crusoe", "https://managed-inference-api-proxy.crusoecloud.com/v1", "CRUSOE"),
        row("darkbloom", "https://api.darkbloom.dev/v1", "DARKBLOOM"),
        row("empiriolabs", "https://api.empiriolabs.ai/v1", "EMPIRIOLABS"),
        row("libertai", "https://api.libertai.io/v1", "LIBERTAI").docs("https://docs.libertai.io/apis/text/usage"),
        row("llamagate", "https://api.llamagate.dev/v1", "LLAMAGATE"),
        row("nano-gpt", "https://nano-gpt.com/api/v1", "NANOGPT")
            .docs("https://docs.nano-gpt.com/api-reference/endpoint/chat-completion"),
        row("neosantara", "https://api.neosantara.xyz/v1", "NEOSANTARA"),
        row("pinstripes", "https://pinstripes.io/v1", "PINSTRIPES"),
        row("poe", "https://api.poe.com/v1", "POE")
            .docs("https://creator.poe.com/docs/external-applications/openai-compatible-api"),
        ProviderSpec::openai_chat("tensormesh", "https://serverless.tensormesh.ai/v1")
            .key_env("TENSORMESH_INFERENCE_API_KEY")
            .base_url_env("TENSORMESH_SERVERLESS_BASE_URL"),
    ]
}
