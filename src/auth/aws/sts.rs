//! Roles, by AWS's Security Token Service.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html> and
//! `…/API_AssumeRoleWithWebIdentity.html`.

use bytes::Bytes;
use http::{Request, header};

use super::keys::{Keys, signing_time};
use super::sign::sign;
use super::source::Context;
use crate::auth::fetch;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::aws;

const VERSION: (&str, &str) = ("Version", "2011-06-15");

/// What a session is called where nobody says it.
const SESSION: &str = "anymodel";

/// A role to take on.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session: Option<String>,
    pub(super) external_id: Option<String>,
}

impl Role {
    fn fields<'a>(&'a self, action: &'static str) -> Vec<(&'a str, &'a str)> {
        let session = self.session.as_deref().unwrap_or(SESSION);
        vec![("Action", action), VERSION, ("RoleArn", &self.arn), ("RoleSessionName", session)]
    }
}

/// The credentials of a role that these keys may take on.
pub(super) async fn assume(context: &Context, region: &str, role: &Role, keys: &Keys) -> Result<Keys> {
    let mut fields = role.fields("AssumeRole");
    fields.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
    let mut request = form(context, region, &fields)?;
    sign(&mut request, keys, region, "sts", signing_time())?;
    ask(context, request, &role.arn).await
}

/// The credentials of a role that this token opens.
pub(super) async fn web_identity(context: &Context, region: &str, role: &Role, token: &str) -> Result<Keys> {
    let mut fields = role.fields("AssumeRoleWithWebIdentity");
    fields.push(("WebIdentityToken", token));
    ask(context, form(context, region, &fields)?, &role.arn).await
}

fn form(context: &Context, region: &str, fields: &[(&str, &str)]) -> Result<Request<Bytes>> {
    let given = context.sts_endpoint.clone().or_else(|| context.environment.get("AWS_ENDPOINT_URL_STS"));
    let address = given.unwrap_or_else(|| aws::endpoint("sts", region));
    let mut request = fetch::form(&format!("{}/", address.trim_end_matches('/')), fields)?;
    // It answers in XML unless it is asked for something else.
    request.headers_mut().remove(header::ACCEPT);
    Ok(request)
}

async fn ask(context: &Context, request: Request<Bytes>, role: &str) -> Result<Keys> {
    let what = format!("the AWS role `{role}`");
    let (status, body) = fetch::send(&context.transport, request, &what).await?;
    let text = String::from_utf8_lossy(&body);
    let element = |name: &str| fetch::element(&text, name);
    let keys = Keys::of(element("AccessKeyId"), element("SecretAccessKey"), element("SessionToken"));
    let keys = keys.map(|keys| Keys { expiration: element("Expiration"), ..keys });
    keys.ok_or_else(|| {
        let message = format!("the answer to asking for {what} is not what it should be");
        Error::new(ErrorKind::InvalidResponse, message).with_status(status)
    })
}
