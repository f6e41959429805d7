//! Subject tokens that a program prints, which runs only where the environment allows it.
//!
//! Source: <https://google.aip.dev/auth/4117> ("Determining the subject token in executable-sourced credentials") and
//! google-auth 2.63.0 (`google.auth.pluggable`).

use std::time::Duration;

use serde::Deserialize;

use super::Means;
use super::document::wrong;
use crate::auth::{clock, program};
use crate::error::{Error, ErrorKind, Result};

/// The variable that allows programs to be run.
const ALLOWED: &str = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";
/// How long a program may run, in milliseconds: what is meant where nobody says it, and what can be said.
const RUNS: u64 = 30_000;
const BOUNDS: std::ops::RangeInclusive<u64> = 5_000..=120_000;

const WHAT: &str = "the `executable` of the Google credentials";

/// A program, as the credentials name it.
#[derive(Deserialize)]
pub(super) struct Executable {
    command: String,
    #[serde(default)]
    timeout_millis: Option<u64>,
    #[serde(default)]
    output_file: Option<String>,
}

/// What a program is told.
pub(super) struct Told<'a> {
    pub(super) audience: &'a str,
    pub(super) token_type: &'a str,
    /// The service account in whose name is asked.
    pub(super) email: Option<&'a str>,
}

/// What it answers.
#[derive(Deserialize)]
struct Answer {
    version: u64,
    success: bool,
    token_type: Option<String>,
    id_token: Option<String>,
    saml_response: Option<String>,
    expiration_time: Option<u64>,
    code: Option<String>,
    message: Option<String>,
}

impl Executable {
    /// The subject token: from the output file, where one that is good is there, else from the program.
    pub(super) async fn subject(&self, means: &Means, told: Told<'_>) -> Result<String> {
        if means.environment.get(ALLOWED).as_deref() != Some("1") {
            let message = format!(
                "the Google credentials want to run a program for their token; {ALLOWED}=1 allows it, or give tokens \
                 yourself by `Client::builder().token_source(…)`"
            );
            return Err(wrong(message));
        }
        let patience = self.timeout_millis.unwrap_or(RUNS);
        if !BOUNDS.contains(&patience) {
            return Err(wrong("the `timeout_millis` of a program is from 5000 to 120000".to_owned()));
        }
        let kept = self.kept().await.and_then(|text| serde_json::from_slice::<Answer>(&text).ok());
        let good = |answer: &Answer| answer.success && answer.expiration_time.is_some_and(|end| end > clock::now());
        if let Some(answer) = kept.filter(good) {
            return answer.token();
        }
        let mut variables = vec![
            ("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", told.audience),
            ("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", told.token_type),
            ("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0"),
            ("GOOGLE_EXTERNAL_ACCOUNT_REVOKE", "0"),
        ];
        variables.extend(told.email.map(|email| ("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", email)));
        variables.extend(self.output_file.as_deref().map(|file| ("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", file)));
        let mut printed = program::output(WHAT, &self.command, &variables, Duration::from_millis(patience)).await?;
        if printed.trim_ascii().is_empty() {
            printed = self.kept().await.unwrap_or_default();
        }
        let answer: Answer = serde_json::from_slice(&printed).map_err(|_| {
            Error::new(ErrorKind::InvalidResponse, format!("{WHAT} answered something else than a token"))
        })?;
        answer.token()
    }

    async fn kept(&self) -> Option<Vec<u8>> {
        let path = self.output_file.clone()?;
        tokio::task::spawn_blocking(move || std::fs::read(path).ok()).await.ok().flatten()
    }
}

impl Answer {
    fn token(self) -> Result<String> {
        let failed = |did: String| Error::new(ErrorKind::Authentication, format!("{WHAT} {did}"));
        if self.version > 1 {
            return Err(failed(format!("answers in version {}, which is not known here", self.version)));
        }
        if !self.success {
            let said = [self.code, self.message].into_iter().flatten().collect::<Vec<_>>().join(", ");
            return Err(failed(format!("refused: {said}")));
        }
        if self.expiration_time.is_some_and(|end| end < clock::now()) {
            return Err(failed("gave a token that has ended".to_owned()));
        }
        let token = match self.token_type.as_deref() {
            Some("urn:ietf:params:oauth:token-type:jwt" | "urn:ietf:params:oauth:token-type:id_token") => self.id_token,
            Some("urn:ietf:params:oauth:token-type:saml2") => self.saml_response,
            _ => return Err(failed("gave a token of a type that is not known here".to_owned())),
        };
        token.ok_or_else(|| failed("gave no token".to_owned()))
    }
}
