//! The files of `pricing/`, in the program; each is read when the first of its models is looked up.

use once_cell::sync::OnceCell;

use super::list::ProviderFile;

struct Embedded {
    provider: &'static str,
    json: &'static str,
    file: OnceCell<Option<ProviderFile<'static>>>,
}

/// The files, by the providers' prefixes.
macro_rules! files {
    ($($provider:literal,)*) => {
        const COUNT: usize = [$($provider),*].len();

        static FILES: [Embedded; COUNT] = [$(Embedded {
            provider: $provider,
            json: include_str!(concat!("../../pricing/", $provider, ".json")),
            file: OnceCell::new(),
        },)*];
    };
}

files! {
    "abliteration",
    "agentcore",
    "ai21",
    "aiand",
    "aihubmix",
    "aiml",
    "aleph_alpha",
    "amazon_nova",
    "anthropic",
    "anyscale",
    "apiserpent",
    "assemblyai",
    "aws_polly",
    "azure",
    "azure_ai",
    "baseten",
    "bedrock",
    "bedrock_mantle",
    "bespoke",
    "bigmodel",
    "bing_grounding",
    "black_forest_labs",
    "cerebras",
    "chatgpt",
    "clf_ai_gateway",
    "cloudflare",
    "codestral",
    "cognition",
    "cohere",
    "coralbricks",
    "crusoe",
    "darkbloom",
    "dashscope",
    "databricks",
    "dataforseo",
    "deepgram",
    "deepinfra",
    "deepseek",
    "duckduckgo",
    "elevenlabs",
    "eu_jev",
    "exa_ai",
    "fal_ai",
    "featherless_ai",
    "firecrawl",
    "fireworks_ai",
    "friendliai",
    "gemini",
    "gigachat",
    "github_copilot",
    "gmi",
    "google_pse",
    "gradient_ai",
    "groq",
    "heroku",
    "hostinger_router",
    "hyperbolic",
    "inception",
    "inferenceapis",
    "jina_ai",
    "kyma",
    "lambda_ai",
    "laya",
    "lemonade",
    "libertai",
    "linkup",
    "llamagate",
    "meta",
    "meta_llama",
    "microsoft_365_copilot",
    "minimax",
    "mistral",
    "moonshot",
    "morph",
    "nace",
    "nebius",
    "nimble",
    "nlp_cloud",
    "novita",
    "nscale",
    "nvidia_nim",
    "oci",
    "ollama",
    "openai",
    "opencode_go",
    "openinfer",
    "openrouter",
    "ovhcloud",
    "palm",
    "parallel_ai",
    "perplexity",
    "pinstripes",
    "prism",
    "publicai",
    "qwen_ai_platform",
    "qwencloud",
    "recraft",
    "reducto",
    "refuseless",
    "replicate",
    "runwayml",
    "sagemaker",
    "sail",
    "sambanova",
    "sarvam",
    "scaledown",
    "scaleway",
    "scx-ai",
    "searxng",
    "serper",
    "snowflake",
    "soniox",
    "stability",
    "strands_decider",
    "streamlake",
    "tavily",
    "tencent",
    "tensormesh",
    "tinyfish",
    "together_ai",
    "transcribe",
    "typesafe",
    "v0",
    "vercel_ai_gateway",
    "vertex_ai",
    "volcengine",
    "voyage",
    "wandb",
    "watsonx",
    "xai",
    "xiaomi_mimo",
    "you_com",
    "zai",
    "zerogpu",
}

/// A provider's file.
pub(super) fn file(provider: &str) -> Option<&'static ProviderFile<'static>> {
    let found = FILES.binary_search_by(|file| file.provider.cmp(provider)).ok()?;
    let file = FILES.get(found)?;
    file.file
        .get_or_init(|| ProviderFile::read_laid_out(file.json).or_else(|| ProviderFile::read(file.json).ok()))
        .as_ref()
}

/// The providers that have one, in order.
pub(super) fn providers() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|file| file.provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_laid_out_and_reads_the_same_both_ways() {
        for file in &FILES {
            let quick = ProviderFile::read_laid_out(file.json).unwrap_or_else(|| panic!("{} is not", file.provider));
            let full = ProviderFile::read(file.json).unwrap();
            assert_eq!(quick.names().count(), full.names().count());
            for name in full.names() {
                let read = |file: &ProviderFile<'_>| {
                    let (name, entry) = file.model(name).unwrap();
                    file.entry(name, entry).unwrap()
                };
                assert_eq!(read(&quick), read(&full), "{}/{name}", file.provider);
            }
        }
    }
}
