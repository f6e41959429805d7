//! What dated versions of the API do not take yet.
//!
//! Sources: the changes between versions in
//! <https://learn.microsoft.com/azure/ai-services/openai/api-version-deprecation>, and of tiers
//! <https://learn.microsoft.com/azure/foundry/openai/concepts/priority-processing>.

use super::address;
use crate::provider::{ProviderSpec, Target, TokenLimit};

/// The date of the first version that takes all that is written here.
const TIERS: &str = "2025-10-01";
const REASONING: &str = "2024-12-01";
const LIMITS_AND_OPTIONS: &str = "2024-09-01";
const SCHEMAS: &str = "2024-08-01";
const TOOLS: &str = "2023-12-01";

/// The row for an older version; `None` where it takes everything.
pub(super) fn of(spec: &ProviderSpec, target: &Target<'_>) -> Option<ProviderSpec> {
    let date = address::date(target)?;
    if date >= TIERS {
        return None;
    }
    let mut older = spec.clone();
    let quirks = &mut older.quirks;
    let mut refuse = |names: &[&'static str]| quirks.unsupported.extend(names.iter().map(|name| (*name).into()));
    refuse(&["service_tier"]);
    if date < REASONING {
        refuse(&["reasoning_effort"]);
    }
    if date < LIMITS_AND_OPTIONS {
        refuse(&["parallel_tool_calls", "stream_options"]);
    }
    if date < TOOLS {
        refuse(&["tools", "tool_choice"]);
    }
    quirks.developer_role &= date >= REASONING;
    quirks.no_json_schema |= date < SCHEMAS;
    if date < LIMITS_AND_OPTIONS {
        quirks.no_stream_options = true;
        quirks.token_limit = TokenLimit::MaxTokens;
    }
    Some(older)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(version: &str) -> Option<Vec<String>> {
        let target = Target { api_version: Some(version), ..Target::new("m", "https://a.example") };
        let older = of(&ProviderSpec::openai_chat("azure", "https://a.example"), &target)?;
        let mut all: Vec<String> = older.quirks.unsupported.iter().map(ToString::to_string).collect();
        all.extend(older.quirks.no_json_schema.then(|| "json_schema".to_owned()));
        Some(all)
    }

    #[test]
    fn each_version_refuses_what_came_after_it() {
        for version in ["2025-10-01-preview", "2026-01-01", "v1", "", "preview", "x"] {
            assert_eq!(refused(version), None, "{version}");
        }
        assert_eq!(refused("2025-04-01-preview").unwrap(), ["service_tier"]);
        assert_eq!(refused("2024-10-21").unwrap(), ["service_tier", "reasoning_effort"]);
        let schemas = ["service_tier", "reasoning_effort", "parallel_tool_calls", "stream_options"];
        assert_eq!(refused("2024-08-01-preview").unwrap(), schemas);
        let none = [&schemas[..], &["json_schema"]].concat();
        assert_eq!(refused("2024-02-01").unwrap(), none);
        assert!(refused("2023-07-01-preview").unwrap().contains(&"tools".to_owned()));
    }
}
