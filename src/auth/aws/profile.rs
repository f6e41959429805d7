//! Profiles: the files `~/.aws/credentials` and `~/.aws/config`.
//!
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::keys::Keys;
use crate::auth::Environment;

/// Where the files are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
}

impl Files {
    pub(super) fn of(environment: &Environment) -> Self {
        let home = environment.first(&["HOME", "USERPROFILE"]).map(PathBuf::from);
        let file = |variable: &str, name: &str| match (environment.get(variable), &home) {
            (Some(path), Some(home)) => {
                Some(path.strip_prefix("~/").map_or_else(|| PathBuf::from(&path), |rest| home.join(rest)))
            }
            (Some(path), None) => Some(PathBuf::from(path)),
            (None, home) => home.as_ref().map(|home| home.join(".aws").join(name)),
        };
        Self {
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: file("AWS_CONFIG_FILE", "config"),
        }
    }

    /// What is in them; a file that is not there has no profiles.
    pub(super) async fn read(self) -> Profiles {
        let reading = tokio::task::spawn_blocking(move || {
            let text = |path: &Option<PathBuf>| {
                path.as_deref().and_then(|path: &Path| std::fs::read_to_string(path).ok()).unwrap_or_default()
            };
            Profiles::parse(&text(&self.config), &text(&self.credentials))
        });
        reading.await.unwrap_or_default()
    }
}

/// Profiles by their names, and the sessions of single sign-on that they can name.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    profiles: Sections,
    sessions: Sections,
}

/// Sections of one kind by their names.
#[derive(Debug, Default)]
struct Sections(HashMap<String, Profile>);

/// The values of a profile, or of a session.
#[derive(Default)]
pub(super) struct Profile(HashMap<String, String>);

impl Profiles {
    /// Of a value that both files have, the credentials' counts.
    fn parse(config: &str, credentials: &str) -> Self {
        let mut all = Self::default();
        all.profiles.add(config, |section| match section.split_once(char::is_whitespace) {
            Some(("profile", name)) => Some(name.trim()),
            None if section == "default" => Some(section),
            _ => None,
        });
        all.profiles.add(credentials, |section| Some(section.strip_prefix("profile ").unwrap_or(section)));
        all.sessions.add(config, |section| match section.split_once(char::is_whitespace) {
            Some(("sso-session", name)) => Some(name.trim()),
            _ => None,
        });
        all
    }

    pub(super) fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.0.get(name)
    }

    pub(super) fn session(&self, name: &str) -> Option<&Profile> {
        self.sessions.0.get(name)
    }

    pub(super) fn region(&self, name: &str) -> Option<String> {
        self.get(name)?.get("region").map(str::to_owned)
    }
}

impl Sections {
    fn add<'t>(&mut self, text: &'t str, name_of: impl Fn(&'t str) -> Option<&'t str>) {
        let mut current = None;
        for line in text.lines() {
            let begun = line.trim_start();
            if begun.is_empty() || begun.starts_with(['#', ';']) {
                continue;
            }
            if let Some(section) = begun.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                current = name_of(section.trim()).map(|name| name.trim_matches(['"', '\'']));
                continue;
            }
            // An indented line belongs to a value that is a list of its own.
            let is_nested = begun.len() < line.len();
            if let (Some(name), Some((key, value)), false) = (current, begun.split_once('='), is_nested) {
                let value = [" #", " ;", "\t#", "\t;"]
                    .iter()
                    .fold(value, |value, mark| value.split(mark).next().unwrap_or(value));
                let values = &mut self.0.entry(name.to_owned()).or_default().0;
                values.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
            }
        }
    }
}

impl Profile {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The keys that it holds itself.
    pub(super) fn keys(&self) -> Option<Keys> {
        let text = |name: &str| self.get(name).map(str::to_owned);
        Keys::of(text("aws_access_key_id"), text("aws_secret_access_key"), text("aws_session_token"))
    }

    /// Whether it says anything of credentials, not only of a region.
    pub(super) fn has_credentials(&self) -> bool {
        let names =
            ["role_arn", "aws_access_key_id", "credential_process", "sso_session", "sso_start_url", "sso_account_id"];
        names.iter().any(|name| self.get(name).is_some())
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\u{20}\n# comment\n[default]\nregion = eu-west-1\n\n[profile dev]\nregion=us-east-2 # near\n\
        role_arn = arn:aws:iam::1:role/x\ns3 =\n  addressing_style = path\nsource_profile = default\n\
        [sso-session work]\nsso_region = us-east-1\n[profile \"two words\"]\nregion = eu-north-1\n";
    const CREDENTIALS: &str =
        "[default]\naws_access_key_id = AKID\naws_secret_access_key = se=cret#1\n; c\n[dev]\nREGION = x\n";

    #[test]
    fn both_files_are_read_as_aws_writes_them() {
        let profiles = Profiles::parse(CONFIG, CREDENTIALS);
        assert_eq!(profiles.region("default").as_deref(), Some("eu-west-1"));
        assert_eq!(profiles.region("dev").as_deref(), Some("x"));
        assert_eq!(profiles.region("two words").as_deref(), Some("eu-north-1"));
        assert_eq!(profiles.get("dev").unwrap().get("source_profile"), Some("default"));
        assert_eq!(profiles.get("dev").unwrap().get("addressing_style"), None);
        assert!(profiles.get("work").is_none() && profiles.get("sso-session work").is_none());
        assert_eq!(profiles.session("work").unwrap().get("sso_region"), Some("us-east-1"));
        let keys = profiles.get("default").unwrap().keys().unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.as_str()), ("AKID", "se=cret#1"));
        assert!(!format!("{profiles:?}").contains("se=cret"));
    }

    #[test]
    fn any_text_at_all_is_taken() {
        for text in ["[", "]", "=", "[profile", "[profile ]\n=x", "a=b", "[é]\né=é\n é"] {
            Profiles::parse(text, text);
        }
    }
}
