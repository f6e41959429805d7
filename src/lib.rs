//! Call any LLM, from any provider, through one interface.

mod error;
pub mod wire;

pub use error::{Error, ErrorKind, Result, Retry};
