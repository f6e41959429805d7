//! Model names, and what is known of the families that models belong to.

mod family;
mod name;

pub use family::{ReasoningStyle, ResponsesNeed, Traits, provider_of, traits};
pub use name::ModelName;
#[cfg(feature = "client")]
pub(crate) use name::unknown_provider;
