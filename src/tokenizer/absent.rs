//! What stands in the place of the encodings in a build without them.

use super::{Encoding, TokenCount};
use crate::error::{Error, ErrorKind, Result};

pub(super) fn warm(encoding: Encoding) -> Result<()> {
    Err(absent(encoding))
}

pub(super) fn count(encoding: Encoding, _: &str) -> Result<TokenCount> {
    Err(absent(encoding))
}

pub(super) fn count_exact(encoding: Encoding, _: &str) -> Result<TokenCount> {
    Err(absent(encoding))
}

pub(super) fn encode(encoding: Encoding, _: &str) -> Result<Vec<u32>> {
    Err(absent(encoding))
}

pub(super) fn decode(encoding: Encoding, _: &[u32]) -> Result<Vec<u8>> {
    Err(absent(encoding))
}

fn absent(encoding: Encoding) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("the encoding {encoding} is not in this build; turn on anymodel's feature `tiktoken`"),
    )
}
