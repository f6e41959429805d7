//! Where keys come from, and how they get onto a request.

mod environment;
mod key;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;

pub use environment::Environment;
pub use key::{ApiKey, KeyResolver};

use crate::error::Result;
use crate::provider::Provider;

/// Puts credentials on a request.
///
/// It is asked again for each try, since tokens age and signatures carry the time. The body is final, so that it can
/// be signed. Header values that are secret must be marked sensitive: by that they are kept out of errors.
#[async_trait]
pub trait Credentials: fmt::Debug + Send + Sync {
    /// Puts this provider's credentials on the request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Authentication`](crate::ErrorKind::Authentication) where there are none, naming where they were
    /// looked for; and the errors of fetching a token.
    async fn authorize(&self, provider: &dyn Provider, request: &mut Request<Bytes>) -> Result<()>;
}
