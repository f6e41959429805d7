//! The metadata server, which every machine of Google's own has.
//!
//! Source: <https://docs.cloud.google.com/compute/docs/metadata/predefined-metadata-keys>.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::document::{Answer, with_project};
use super::missing;
use crate::auth::{Token, fetch};
use crate::error::{ErrorKind, Result};
use crate::transport::Transport;

pub(super) const HOST: &str = "metadata.google.internal";

/// It answers at once where it is; elsewhere its name is not known, or nobody answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// A token of the machine's service account, and the machine's project where it is asked for.
pub(super) async fn token(transport: &Arc<dyn Transport>, host: &str, project: bool) -> Result<Token> {
    let asking = async {
        let request = get(host, "instance/service-accounts/default/token")?;
        let answer: Answer = fetch::json(transport, request, "a token of the machine").await?;
        let mut token = answer.token();
        if project {
            let (_, body) = fetch::send(transport, get(host, "project/project-id")?, "the machine's project").await?;
            token = with_project(token, Some(&String::from_utf8_lossy(&body).trim().to_owned()));
        }
        Result::<Token>::Ok(token)
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Err(error)) if matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout) => {
            Err(missing().with_source(error))
        }
        Ok(done) => done,
        Err(_) => Err(missing()),
    }
}

fn get(host: &str, what: &str) -> Result<http::Request<bytes::Bytes>> {
    let mut request = fetch::get(&format!("http://{host}/computeMetadata/v1/{what}"))?;
    request.headers_mut().insert("metadata-flavor", HeaderValue::from_static("Google"));
    Ok(request)
}
