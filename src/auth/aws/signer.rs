//! Signs requests with credentials from their source, which are kept as long as they are good.

use bytes::Bytes;
use http::{HeaderMap, Request, header};

use super::keys::{Keys, signing_time};
use super::sign::sign;
use super::source::{Context, Source};
use crate::auth::{Keyring, Token};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{ProviderSpec, setting};

/// The setting that holds the region.
const REGION: &str = "aws_region_name";

/// How long the region of a profile is kept.
const KEPT: std::time::Duration = std::time::Duration::from_secs(300);

pub(super) struct Signer {
    service: String,
    /// The region that the call, the model's name or the environment says.
    region: Option<String>,
    source: Source,
    context: Context,
}

impl Signer {
    pub(super) fn new(keyring: &Keyring, service: &str, settings: &[(String, String)]) -> Self {
        let setting = |name: &str| setting(settings, name).map(str::to_owned);
        Self {
            service: service.to_owned(),
            region: setting(REGION),
            source: Source::of(&setting, &keyring.environment),
            context: Context {
                environment: keyring.environment.clone(),
                transport: keyring.transport.clone(),
                profile: setting("aws_profile_name"),
                sts_endpoint: setting("aws_sts_endpoint"),
                tokens: keyring.tokens.clone(),
            },
        }
    }

    pub(super) fn has_region(&self) -> bool {
        self.region.is_some()
    }

    /// The region of the profile.
    pub(super) async fn settings(&self) -> Result<Vec<(String, String)>> {
        let profile = self.context.profile_name();
        let name = format!("aws region {profile} {:?}", self.context.files());
        let read = || async {
            let region = self.context.profiles().await.region(&profile);
            let token = Token::new("", Some(KEPT));
            Ok(match region {
                Some(region) => token.setting(REGION, region),
                None => token,
            })
        };
        Ok(self.context.tokens.get(&name, read).await?.settings)
    }

    pub(super) async fn sign(&self, spec: &ProviderSpec, request: &mut Request<Bytes>) -> Result<()> {
        let region = self.region(spec).await?;
        let keys = self.keys(&region, spec).await?;
        sign(request, &keys, &region, &self.service, signing_time())
    }

    async fn region(&self, spec: &ProviderSpec) -> Result<String> {
        if let Some(region) = &self.region {
            return Ok(region.clone());
        }
        let of_profile = self.settings().await?.into_iter().next().map(|(_, region)| region);
        let default = || spec.settings.iter().find(|own| own.name == REGION)?.default.as_deref().map(str::to_owned);
        of_profile.or_else(default).ok_or_else(|| {
            let message = format!("{} needs a region: set AWS_REGION, or give `{REGION}` as a setting", spec.name);
            Error::new(ErrorKind::Configuration, message)
        })
    }

    async fn keys(&self, region: &str, spec: &ProviderSpec) -> Result<Keys> {
        if let Source::Keys(keys) = &self.source {
            return Ok(keys.clone());
        }
        let fetch = || async { Ok(self.source.fetch(&self.context, region, spec).await?.into_token()) };
        Keys::of_token(&self.context.tokens.get(&self.name(), fetch).await?)
    }

    /// All that the credentials depend on.
    fn name(&self) -> String {
        format!("aws {} {:?} {:?}", self.source.name(), self.context.sts_endpoint, self.context.files())
    }

    pub(super) fn can_renew(&self) -> bool {
        !matches!(self.source, Source::Keys(_))
    }

    /// Forgets the credentials that a request was signed with; `false` for one that was not signed.
    pub(super) fn renew(&self, refused: &HeaderMap) -> bool {
        let signature = refused.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !signature.starts_with("AWS4-") {
            return false;
        }
        self.context.tokens.forget(&self.name(), |token| {
            Keys::of_token(token).is_ok_and(|keys| signature.contains(&format!("Credential={}/", keys.access_key_id)))
        });
        true
    }
}
