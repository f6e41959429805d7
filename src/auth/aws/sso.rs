//! Single sign-on (IAM Identity Center): the token of a login, which AWS's own tools keep in a file, opens a role.
//!
//! Sources: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>,
//! <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>, and botocore 1.44.8
//! (`SSOCredentialFetcher`, `SSOTokenLoader`, `SSOTokenProvider`). A login that has ended is not renewed here: AWS's tools
//! keep it, and two who renew it would shut each other out.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde::Deserialize;

use super::keys::Keys;
use super::profile::{Profile, Profiles};
use super::source::Context;
use super::time;
use crate::auth::fetch;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::aws;
use crate::wire::escaped;

/// The role that a profile gets by a login.
pub(super) struct Login {
    profile: String,
    /// What the file of the login is named for: the session, else the start page.
    file_of: String,
    region: String,
    account: String,
    role: String,
}

/// The file of a login.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    access_token: String,
    expires_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    role_credentials: RoleCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    /// In milliseconds since 1970.
    #[serde(default)]
    expiration: u64,
}

impl Login {
    /// The login of a profile; `None` of one that says nothing of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Authentication`] for one that says only a part.
    pub(super) fn of(name: &str, profile: &Profile, profiles: &Profiles) -> Result<Option<Self>> {
        const SAID: [&str; 4] = ["sso_account_id", "sso_role_name", "sso_session", "sso_start_url"];
        if SAID.iter().all(|word| profile.get(word).is_none()) {
            return Ok(None);
        }
        let wrong = |what: String| Error::new(ErrorKind::Authentication, format!("the AWS profile `{name}` {what}"));
        let session = profile.get("sso_session");
        let section = session.map(|session| {
            profiles
                .session(session)
                .ok_or_else(|| wrong(format!("names the `sso_session` `{session}`, which is none")))
        });
        let section = section.transpose()?;
        let value = |word: &str| {
            let found = section.and_then(|section| section.get(word)).or_else(|| profile.get(word));
            found.map(str::to_owned).ok_or_else(|| wrong(format!("has single sign-on, but no `{word}`")))
        };
        let start = value("sso_start_url")?;
        Ok(Some(Self {
            profile: name.to_owned(),
            file_of: session.map_or(start, str::to_owned),
            region: value("sso_region")?,
            account: value("sso_account_id")?,
            role: value("sso_role_name")?,
        }))
    }

    /// The credentials of the role.
    pub(super) async fn keys(&self, context: &Context) -> Result<Keys> {
        let kept = self.kept(context).await?;
        // Older tools wrote `UTC` in the place of `Z`.
        let end = time::parse(&kept.expires_at.replace("UTC", "Z"));
        if end.is_none_or(|end| end <= time::now()) {
            return Err(self.log_in("has ended"));
        }
        let given = context.environment.get("AWS_ENDPOINT_URL_SSO");
        let address = given.unwrap_or_else(|| aws::endpoint("portal.sso", &self.region));
        let (role, account) = (escaped(&self.role), escaped(&self.account));
        let address = address.trim_end_matches('/');
        let url = format!("{address}/federation/credentials?role_name={role}&account_id={account}");
        let mut request = fetch::get(&url)?;
        let mut token = HeaderValue::try_from(kept.access_token).map_err(|_| self.log_in("cannot be read"))?;
        token.set_sensitive(true);
        request.headers_mut().insert("x-amz-sso_bearer_token", token);
        let what = format!("the AWS role `{}` by single sign-on", self.role);
        let answer: Answer = fetch::json(&context.transport, request, &what).await.map_err(|error| {
            if error.status().is_some_and(|status| status == http::StatusCode::UNAUTHORIZED) {
                return self.log_in("was refused").with_source(error);
            }
            error
        })?;
        let RoleCredentials { access_key_id, secret_access_key, session_token, expiration } = answer.role_credentials;
        let ends = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(expiration)).filter(|_| expiration > 0);
        Ok(Keys { access_key_id, secret_access_key, session_token, expiration: None, ends })
    }

    async fn kept(&self, context: &Context) -> Result<Kept> {
        let home = context.environment.first(&["HOME", "USERPROFILE"]).unwrap_or_default();
        let name = format!("{}.json", sha1_smol::Sha1::from(&self.file_of).digest());
        let path = PathBuf::from(home).join(".aws/sso/cache").join(name);
        let text = tokio::task::spawn_blocking(move || std::fs::read(path).ok()).await.ok().flatten();
        let text = text.ok_or_else(|| self.log_in("is not there"))?;
        serde_json::from_slice(&text).map_err(|_| self.log_in("cannot be read"))
    }

    fn log_in(&self, what: &str) -> Error {
        let name = &self.profile;
        let message = format!("the login of the AWS profile `{name}` {what}: run `aws sso login --profile {name}`");
        Error::new(ErrorKind::Authentication, message)
    }
}
