//! Where credentials come from, in the order in which it is looked.

use std::sync::Arc;

use super::keys::Keys;
use super::metadata;
use super::profile::{Files, Profile, Profiles};
use super::sso::Login;
use super::sts::{self, Role};
use crate::auth::{Environment, TokenCache, files};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::ProviderSpec;
use crate::transport::Transport;

/// How many profiles and roles may stand behind one another.
const DEEPEST: u32 = 8;

/// What credentials are looked up and fetched with.
pub(super) struct Context {
    pub(super) environment: Environment,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) tokens: TokenCache,
    /// The profile that the call names.
    pub(super) profile: Option<String>,
    pub(super) sts_endpoint: Option<String>,
}

impl Context {
    pub(super) fn files(&self) -> Files {
        Files::of(&self.environment)
    }

    pub(super) async fn profiles(&self) -> Profiles {
        self.files().read().await
    }

    /// The profile that counts where none is named otherwise.
    pub(super) fn profile_name(&self) -> String {
        let named = self.profile.clone().or_else(|| self.environment.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]));
        named.unwrap_or_else(|| "default".to_owned())
    }
}

/// Where credentials come from.
pub(super) enum Source {
    /// The settings or the environment hold them.
    Keys(Keys),
    /// A role that a token of another identity provider opens.
    WebIdentity { token: String, role: Role },
    /// A role that other credentials may take on.
    Role { base: Box<Source>, role: Role },
    /// A profile of AWS's files.
    Profile(String),
    /// Wherever AWS's own clients look.
    Default,
}

impl Source {
    /// The source that the settings say, else that of the environment.
    pub(super) fn of(setting: &dyn Fn(&str) -> Option<String>, environment: &Environment) -> Self {
        let keys =
            Keys::of(setting("aws_access_key_id"), setting("aws_secret_access_key"), setting("aws_session_token"));
        let of_environment = || {
            let token = environment.get("AWS_SESSION_TOKEN");
            Keys::of(environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY"), token)
        };
        let base = match (keys, setting("aws_profile_name")) {
            (Some(keys), _) => Self::Keys(keys),
            (None, Some(profile)) => Self::Profile(profile),
            (None, None) => of_environment().map_or(Self::Default, Self::Keys),
        };
        let session = setting("aws_session_name").or_else(|| environment.get("AWS_ROLE_SESSION_NAME"));
        let arn = setting("aws_role_name");
        let role = arn.map(|arn| Role { arn, session, external_id: setting("aws_external_id") });
        match (role, setting("aws_web_identity_token")) {
            (Some(role), Some(token)) => Self::WebIdentity { token, role },
            (Some(role), None) => Self::Role { base: Box::new(base), role },
            (None, _) => base,
        }
    }

    /// All that it depends on. Not to be shown: it can hold a token.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Keys(keys) => format!("keys {} {}", keys.access_key_id, keys.secret_access_key),
            Self::WebIdentity { token, role } => format!("web {token} {role:?}"),
            Self::Role { base, role } => format!("role {role:?} of {}", base.name()),
            Self::Profile(name) => format!("profile {name}"),
            Self::Default => "default".to_owned(),
        }
    }

    /// Looks the credentials up, or fetches them.
    pub(super) async fn fetch(&self, context: &Context, region: &str, spec: &ProviderSpec) -> Result<Keys> {
        match self {
            Self::Keys(keys) => Ok(keys.clone()),
            Self::WebIdentity { token, role } => {
                let token = if is_token(token) { token.clone() } else { read(token).await? };
                sts::web_identity(context, region, role, &token).await
            }
            Self::Role { base, role } => {
                let keys = Box::pin(base.fetch(context, region, spec)).await?;
                sts::assume(context, region, role, &keys).await
            }
            Self::Profile(name) => of_profile(context, region, name, &context.profiles().await, 0).await,
            Self::Default => by_default(context, region, spec).await,
        }
    }
}

/// A token itself (a JWT), not the name of the file that holds it.
fn is_token(text: &str) -> bool {
    text.starts_with("ey") && text.split('.').count() == 3
}

/// The token in a file.
pub(super) async fn read(path: &str) -> Result<String> {
    Ok(files::read("the token file of AWS", path).await?.trim().to_owned())
}

/// The order of AWS's own clients, after the keys of the environment: a web identity, the profile, the container, the
/// instance.
async fn by_default(context: &Context, region: &str, spec: &ProviderSpec) -> Result<Keys> {
    let environment = &context.environment;
    if let (Some(file), Some(arn)) = (environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"), environment.get("AWS_ROLE_ARN")) {
        let session = environment.get("AWS_ROLE_SESSION_NAME");
        let role = Role { arn, session, external_id: None };
        return sts::web_identity(context, region, &role, &read(&file).await?).await;
    }
    let (name, profiles) = (context.profile_name(), context.profiles().await);
    let is_named = environment.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]).is_some();
    if is_named || profiles.get(&name).is_some_and(Profile::has_credentials) {
        return of_profile(context, region, &name, &profiles, 0).await;
    }
    if let Some(keys) = metadata::container(context).await? {
        return Ok(keys);
    }
    if let Some(keys) = metadata::instance(context).await {
        return Ok(keys);
    }
    let key = spec.key_env.first().map(|name| format!("; or give an API key, by `.api_key(…)` or {name}"));
    let message = format!(
        "no AWS credentials for {}: none in the settings (`aws_access_key_id` …), AWS_ACCESS_KEY_ID, \
         AWS_WEB_IDENTITY_TOKEN_FILE, the profile `{name}`, the container or the instance{}",
        spec.name,
        key.unwrap_or_default()
    );
    Err(Error::new(ErrorKind::Authentication, message))
}

/// The credentials of a profile: a role's, those of a login, its own, or those that a program gives.
async fn of_profile(context: &Context, region: &str, name: &str, profiles: &Profiles, depth: u32) -> Result<Keys> {
    let wrong = |what: &str| Error::new(ErrorKind::Authentication, format!("the AWS profile `{name}` {what}"));
    let profile = profiles.get(name).ok_or_else(|| wrong("is in none of the files of AWS"))?;
    if depth > DEEPEST {
        return Err(wrong("leads back to itself"));
    }
    if let Some(arn) = profile.get("role_arn") {
        let text = |name: &str| profile.get(name).map(str::to_owned);
        let role = Role { arn: arn.to_owned(), session: text("role_session_name"), external_id: text("external_id") };
        let region = profile.get("region").unwrap_or(region);
        if let Some(file) = profile.get("web_identity_token_file") {
            return sts::web_identity(context, region, &role, &read(file).await?).await;
        }
        let keys = match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(source), _) if source == name => profile.keys().ok_or_else(|| wrong("has no keys of its own"))?,
            (Some(source), _) => {
                let below = of_profile(context, region, source, profiles, depth.saturating_add(1));
                Box::pin(below).await?
            }
            (None, Some(source)) => of_credential_source(context, source, name).await?,
            (None, None) => return Err(wrong("has a role, but neither `source_profile` nor `credential_source`")),
        };
        return sts::assume(context, region, &role, &keys).await;
    }
    if let Some(login) = Login::of(name, profile, profiles)? {
        return login.keys(context).await;
    }
    if let Some(keys) = profile.keys() {
        return Ok(keys);
    }
    if let Some(command) = profile.get("credential_process") {
        return metadata::process(command).await;
    }
    Err(wrong("has no keys, role, single sign-on or `credential_process`"))
}

async fn of_credential_source(context: &Context, source: &str, profile: &str) -> Result<Keys> {
    let environment = &context.environment;
    let found = match source {
        "Environment" => Keys::of(
            environment.get("AWS_ACCESS_KEY_ID"),
            environment.get("AWS_SECRET_ACCESS_KEY"),
            environment.get("AWS_SESSION_TOKEN"),
        ),
        "EcsContainer" => metadata::container(context).await?,
        "Ec2InstanceMetadata" => metadata::instance(context).await,
        _ => None,
    };
    found.ok_or_else(|| {
        let message = format!("the AWS profile `{profile}` has no credentials in its `credential_source`, {source}");
        Error::new(ErrorKind::Authentication, message)
    })
}
