//! Files that hold tokens and keys, read without holding up other tasks.

use crate::error::{Error, ErrorKind, Result};

/// The text of a file. `what` names it in errors, such as "the key file of OCI".
///
/// # Errors
///
/// [`ErrorKind::Authentication`] where it cannot be read.
pub(super) async fn read(what: &str, path: &str) -> Result<String> {
    let owned = path.to_owned();
    match tokio::task::spawn_blocking(move || std::fs::read_to_string(owned)).await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(source)) => {
            let message = format!("{what}, `{path}`, cannot be read: {source}");
            Err(Error::new(ErrorKind::Authentication, message).with_source(source))
        }
        Err(source) => {
            let message = format!("reading {what}, `{path}`, was broken off");
            Err(Error::new(ErrorKind::Authentication, message).with_source(source))
        }
    }
}
