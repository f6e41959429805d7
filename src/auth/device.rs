//! Signing in on another device: a code is shown, the user enters it in a browser, and a token comes of it (RFC 8628).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, header};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::fetch;
use crate::error::{Error, ErrorKind, Result};
use crate::transport::Transport;

/// The client id under which Copilot's own editors sign in; GitHub gives tokens for Copilot to no other.
const COPILOT_CLIENT: &str = "Iv1.b507a08c87ecfe98";

/// A login by a code that the user enters in a browser. Nothing starts it but [`run`](Self::run), and nothing is kept:
/// where the token goes is the caller's to say.
///
/// ```no_run
/// # async fn run() -> anymodel::Result<()> {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use anymodel::auth::DeviceLogin;
/// use anymodel::transport::ReqwestTransport;
/// use anymodel::Client;
///
/// let transport = Arc::new(ReqwestTransport::new(Duration::from_secs(10))?);
/// let token = DeviceLogin::github_copilot()
///     .run(transport, |code| println!("Enter {} at {}", code.user_code, code.verification_uri))
///     .await?;
/// let client = Client::builder().api_key("github_copilot", token).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DeviceLogin {
    host: String,
    client_id: String,
    scope: String,
}

/// What the user has to be shown.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct DeviceCode {
    /// What to enter.
    pub user_code: String,
    /// Where to enter it.
    pub verification_uri: String,
    /// For how many seconds it can be entered.
    pub expires_in: u64,
    device_code: String,
    #[serde(default)]
    interval: Option<u64>,
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCode").field("verification_uri", &self.verification_uri).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    interval: Option<u64>,
}

impl DeviceLogin {
    /// GitHub's, for Copilot. The token that comes of it is the key of `github_copilot`.
    #[must_use]
    pub fn github_copilot() -> Self {
        Self {
            host: "https://github.com".to_owned(),
            client_id: COPILOT_CLIENT.to_owned(),
            scope: "read:user".to_owned(),
        }
    }

    /// At another host, such as that of a GitHub Enterprise: with `https://`, without a slash at its end.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// As another application.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = id.into();
        self
    }

    /// Asks for a code, shows it, and waits until the user has entered it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Authentication`] where the user refuses; [`ErrorKind::Timeout`] where the code is not entered as
    /// long as it is good; and the errors of the requests.
    pub async fn run(&self, transport: Arc<dyn Transport>, show: impl FnOnce(&DeviceCode)) -> Result<SecretString> {
        let fields = [("client_id", self.client_id.as_str()), ("scope", self.scope.as_str())];
        let mut request = fetch::form(&format!("{}/login/device/code", self.host), &fields)?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let code: DeviceCode = fetch::json(&transport, request, "a code to sign in with").await?;
        show(&code);
        let mut pause = code.interval.unwrap_or(5).max(1);
        let end = Instant::now().checked_add(Duration::from_secs(code.expires_in));
        loop {
            sleep(Duration::from_secs(pause)).await;
            if end.is_some_and(|end| Instant::now() >= end) {
                return Err(Error::new(ErrorKind::Timeout, "the code was not entered in time; sign in again"));
            }
            let answer = match self.ask(&transport, &code).await {
                Ok(answer) => answer,
                // RFC 8628, 3.5: who is not answered asks again, less often.
                Err(error) if is_passing(error.kind()) => {
                    pause = pause.saturating_mul(2);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(token) = answer.access_token.filter(|token| !token.is_empty()) {
                return Ok(token.into());
            }
            match answer.error.as_deref() {
                Some("authorization_pending") | None => {}
                Some("slow_down") => pause = answer.interval.unwrap_or(pause.saturating_add(5)),
                Some("expired_token") => {
                    return Err(Error::new(ErrorKind::Timeout, "the code was not entered in time; sign in again"));
                }
                Some(refusal) => {
                    let why = answer.error_description.as_deref().unwrap_or(refusal);
                    return Err(Error::new(ErrorKind::Authentication, format!("the login was refused: {why}")));
                }
            }
        }
    }

    /// Asks whether the code was entered.
    async fn ask(&self, transport: &Arc<dyn Transport>, code: &DeviceCode) -> Result<Answer> {
        let fields = [
            ("client_id", self.client_id.as_str()),
            ("device_code", code.device_code.as_str()),
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ];
        let request = fetch::form(&format!("{}/login/oauth/access_token", self.host), &fields)?;
        fetch::json(transport, request, "the token of a login").await
    }
}

/// Whether what went wrong may be over when it is tried again.
fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::RateLimited | ErrorKind::Unavailable)
}
