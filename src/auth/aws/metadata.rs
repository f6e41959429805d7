//! Credentials that the machine knows: of a container, of an instance, of a program.
//!
//! Sources: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>,
//! `…/feature-imds-credentials.html` and `…/feature-process-credentials.html`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};

use super::keys::Keys;
use super::source::{Context, read};
use crate::auth::{fetch, program};
use crate::error::{Error, ErrorKind, Result};

/// The endpoint of the containers of ECS.
const CONTAINER: &str = "http://169.254.170.2";
/// Hosts to which a token may go without encryption: of ECS, of EKS, and this machine.
const LOCAL: [&str; 6] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "127.0.0.1", "[::1]", "localhost"];
/// The endpoint of the instances of EC2.
const INSTANCE: &str = "http://169.254.169.254";
/// How long the endpoint of an instance is waited for: there is none on a machine that is not one.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a program may run: some ask an identity service, or the user.
const RUNS: Duration = Duration::from_secs(120);

const WHAT: &str = "the AWS credentials of this machine";

/// The credentials of a container; `None` where it is none.
pub(super) async fn container(context: &Context) -> Result<Option<Keys>> {
    let environment = &context.environment;
    let relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let relative = relative.map(|path| format!("{CONTAINER}{path}"));
    let Some(url) = relative.or_else(|| environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")) else {
        return Ok(None);
    };
    let mut request = fetch::get(&url)?;
    let host = request.uri().host().unwrap_or_default();
    if request.uri().scheme_str() != Some("https") && !LOCAL.contains(&host) {
        let message = format!("AWS_CONTAINER_CREDENTIALS_FULL_URI leads to `{host}`, which is not local, without TLS");
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let token = match environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(read(&file).await?),
        None => environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    };
    if let Some(token) = token {
        let unusable = |_| Error::new(ErrorKind::Configuration, "the token of the AWS container cannot be a header");
        let mut value = HeaderValue::try_from(token).map_err(unusable)?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    fetch::json(&context.transport, request, WHAT).await.map(Some)
}

/// The credentials of an instance; `None` where this machine is none, or has no role.
pub(super) async fn instance(context: &Context) -> Option<Keys> {
    let environment = &context.environment;
    if environment.get("AWS_EC2_METADATA_DISABLED").is_some_and(|word| word.eq_ignore_ascii_case("true")) {
        return None;
    }
    let base = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| INSTANCE.to_owned());
    let base = format!("{}/latest", base.trim_end_matches('/'));
    let asking = async {
        let begin = Request::put(format!("{base}/api/token"))
            .header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
            .body(Bytes::new())
            .ok()?;
        let (_, token) = fetch::send(&context.transport, begin, WHAT).await.ok()?;
        let mut token = HeaderValue::from_bytes(&token).ok()?;
        token.set_sensitive(true);
        let get = |path: String| {
            let mut request = fetch::get(&format!("{base}/meta-data/iam/security-credentials/{path}")).ok()?;
            request.headers_mut().insert("x-aws-ec2-metadata-token", token.clone());
            Some(request)
        };
        let (_, roles) = fetch::send(&context.transport, get(String::new())?, WHAT).await.ok()?;
        let role = String::from_utf8_lossy(&roles).lines().next()?.trim().to_owned();
        fetch::json(&context.transport, get(role)?, WHAT).await.ok()
    };
    tokio::time::timeout(PATIENCE, asking).await.ok().flatten()
}

/// The credentials that a program prints.
pub(super) async fn process(command: &str) -> Result<Keys> {
    const PROCESS: &str = "the `credential_process` of AWS";
    let printed = program::output(PROCESS, command, &[], RUNS).await?;
    serde_json::from_slice(&printed)
        .map_err(|_| Error::new(ErrorKind::Authentication, format!("{PROCESS} gave something else than credentials")))
}
