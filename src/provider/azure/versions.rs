//! What dated versions of the API do not take yet.
//!
//! Source: the changes between versions in
//! <https://learn.microsoft.com/azure/ai-services/openai/api-version-deprecation>.

use crate::provider::{ProviderSpec, TokenLimit};

/// The date of the first version that takes all that is written here.
const REASONING: &str = "2024-12-01";
const LIMITS_AND_OPTIONS: &str = "2024-09-01";
const SCHEMAS: &str = "2024-08-01";
const TOOLS: &str = "2023-12-01";

/// The row for an older version; `None` where it takes everything, or says no date.
pub(super) fn of(spec: &ProviderSpec, version: &str) -> Option<ProviderSpec> {
    let date = version.get(..REASONING.len()).filter(|date| date.starts_with("20"))?;
    if date >= REASONING {
        return None;
    }
    let mut older = spec.clone();
    let quirks = &mut older.quirks;
    let mut refuse = |names: &[&'static str]| quirks.unsupported.extend(names.iter().map(|name| (*name).into()));
    refuse(&["reasoning_effort"]);
    if date < LIMITS_AND_OPTIONS {
        refuse(&["parallel_tool_calls", "stream_options"]);
    }
    if date < TOOLS {
        refuse(&["tools", "tool_choice"]);
    }
    quirks.developer_role = false;
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
        let older = of(&ProviderSpec::openai_chat("azure", "https://a.example"), version)?;
        let mut all: Vec<String> = older.quirks.unsupported.iter().map(ToString::to_string).collect();
        all.extend(older.quirks.no_json_schema.then(|| "json_schema".to_owned()));
        Some(all)
    }

    #[test]
    fn each_version_refuses_what_came_after_it() {
        for version in ["2025-04-01-preview", "2024-12-01-preview", "v1", "", "preview", "x"] {
            assert_eq!(refused(version), None, "{version}");
        }
        assert_eq!(refused("2024-10-21").unwrap(), ["reasoning_effort"]);
        let schemas = ["reasoning_effort", "parallel_tool_calls", "stream_options"];
        assert_eq!(refused("2024-08-01-preview").unwrap(), schemas);
        let none = [&schemas[..], &["json_schema"]].concat();
        assert_eq!(refused("2024-02-01").unwrap(), none);
        assert!(refused("2023-07-01-preview").unwrap().contains(&"tools".to_owned()));
    }
}
