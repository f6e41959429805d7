//! What a model is called: the id that Bedrock knows, and what stands before it.

use crate::wire::escaped;

/// A model's name, taken apart: `[route/][region/]id`, in any order of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// An id, an inference profile's, or an ARN.
    pub(super) id: &'a str,
    /// The region that the name says.
    pub(super) region: Option<&'a str>,
    /// How it is to be asked.
    pub(super) route: Route,
}

/// How a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// By Converse, unless only `InvokeModel` has what the request uses.
    Any,
    /// By Converse.
    Converse,
    /// By `InvokeModel`, where the model has a format of its own here.
    Invoke,
}

/// The geographies of inference profiles, which stand before the id of the model itself.
/// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>.
const GEOGRAPHIES: [&str; 10] = ["us.", "eu.", "apac.", "jp.", "au.", "ca.", "sa.", "in.", "us-gov.", "global."];

impl<'a> Name<'a> {
    /// Takes a name apart. Before an ARN anything may stand that says which model is behind it, such as `anthropic/`.
    pub(super) fn parse(model: &'a str) -> Self {
        let mut name = Self { id: model, region: None, route: Route::Any };
        while !name.id.starts_with("arn:")
            && let Some((word, rest)) = name.id.split_once('/')
        {
            match word {
                "converse" | "converse_like" => name.route = Route::Converse,
                "invoke" => name.route = Route::Invoke,
                "1-month-commitment" | "6-month-commitment" => {}
                region if is_region(region) => name.region = Some(region),
                _ if rest.contains("arn:") => {}
                _ => break,
            }
            name.id = rest;
        }
        if name.id.starts_with("arn:") {
            name.region = name.id.split(':').nth(3).filter(|region| is_region(region)).or(name.region);
        }
        name
    }

    /// The id as one segment of a path.
    pub(super) fn path(&self) -> String {
        escaped(self.id)
    }

    /// The id of the model behind an inference profile.
    pub(super) fn foundation(&self) -> &'a str {
        GEOGRAPHIES.iter().find_map(|geography| self.id.strip_prefix(geography)).unwrap_or(self.id)
    }
}

/// Whether it is written as AWS writes regions, such as `us-gov-west-1`.
fn is_region(word: &str) -> bool {
    let Some((place, number)) = word.rsplit_once('-') else { return false };
    let words = place.split('-').filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()));
    place.split('-').count() >= 2
        && words.count() == place.split('-').count()
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whose model it is, as far as that decides how it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Claude,
    Nova,
    GptOss,
    Gpt,
    Llama,
    DeepSeek,
    Mistral,
    /// One behind an ARN that does not say whose it is.
    Hidden,
    /// Another.
    Other,
}

impl Family {
    pub(super) fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["claude", "anthropic"]) {
            Self::Claude
        } else if has(&["nova"]) {
            Self::Nova
        } else if has(&["gpt-oss"]) {
            Self::GptOss
        } else if has(&["openai."]) {
            Self::Gpt
        } else if has(&["llama"]) {
            Self::Llama
        } else if has(&["deepseek"]) {
            Self::DeepSeek
        } else if has(&["mistral"]) {
            Self::Mistral
        } else if has(&["arn:"]) {
            Self::Hidden
        } else {
            Self::Other
        }
    }

    /// Whether its models take markers for the prompt cache, as far as the name tells.
    /// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>.
    pub(super) fn caches(self) -> bool {
        matches!(self, Self::Claude | Self::Nova | Self::Hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/ab12";

    #[test]
    fn a_name_is_taken_apart() {
        for (model, id, region, route) in [
            ("anthropic.claude-v2:1", "anthropic.claude-v2:1", None, Route::Any),
            ("us.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0", None, Route::Any),
            ("us-west-2/meta.llama3-8b-instruct-v1:0", "meta.llama3-8b-instruct-v1:0", Some("us-west-2"), Route::Any),
            ("converse/us.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0", None, Route::Converse),
            ("invoke/us-gov-west-1/anthropic.x", "anthropic.x", Some("us-gov-west-1"), Route::Invoke),
            ("us-east-1/6-month-commitment/anthropic.x", "anthropic.x", Some("us-east-1"), Route::Any),
            (PROFILE, PROFILE, Some("eu-central-1"), Route::Any),
            ("brand/new", "brand/new", None, Route::Any),
        ] {
            assert_eq!(Name::parse(model), Name { id, region, route }, "{model}");
        }
        let hinted = format!("converse/anthropic/{PROFILE}");
        let name = Name::parse(&hinted);
        assert_eq!((name.id, name.route, Family::of(&hinted)), (PROFILE, Route::Converse, Family::Claude));
        assert_eq!((Family::of(PROFILE), Family::of("moonshot.kimi-k2-thinking")), (Family::Hidden, Family::Other));
        assert_eq!(
            Name::parse("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0").region,
            Some("us-east-1")
        );
        assert_eq!(Name::parse("us-east-1/arn:aws:bedrock:::x").region, Some("us-east-1"));
    }

    #[test]
    fn an_id_is_one_segment_of_the_path() {
        assert_eq!(Name::parse("amazon.nova-pro-v1:0").path(), "amazon.nova-pro-v1%3A0");
    }

    #[test]
    fn the_model_behind_an_inference_profile_is_known() {
        for (model, foundation) in [
            ("us.anthropic.claude-x", "anthropic.claude-x"),
            ("us-gov.anthropic.claude-x", "anthropic.claude-x"),
            ("global.amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1:0"),
            ("amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ] {
            assert_eq!(Name::parse(model).foundation(), foundation);
        }
    }
}
