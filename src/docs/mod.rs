//! Guides: how to use the crate, and how it is built. They are documentation and nothing else.
#![doc = include_str!("README.md")]

#[doc = include_str!("adding_a_provider.md")]
pub mod adding_a_provider {}
#[doc = include_str!("azure.md")]
pub mod azure {}
#[doc = include_str!("bedrock.md")]
pub mod bedrock {}
#[doc = include_str!("clouds.md")]
pub mod clouds {}
#[doc = include_str!("conversations.md")]
pub mod conversations {}
#[doc = include_str!("costs.md")]
pub mod costs {}
#[doc = include_str!("design.md")]
pub mod design {}
#[doc = include_str!("errors_and_retries.md")]
pub mod errors_and_retries {}
#[doc = include_str!("getting_started.md")]
pub mod getting_started {}
#[doc = include_str!("keys.md")]
pub mod keys {}
#[doc = include_str!("observing.md")]
pub mod observing {}
#[doc = include_str!("providers.md")]
pub mod providers {}
#[doc = include_str!("responses_and_messages.md")]
pub mod responses_and_messages {}
#[doc = include_str!("routing.md")]
pub mod routing {}
#[doc = include_str!("streaming.md")]
pub mod streaming {}
#[doc = include_str!("testing.md")]
pub mod testing {}
#[doc = include_str!("tokens.md")]
pub mod tokens {}
#[doc = include_str!("tools_and_types.md")]
pub mod tools_and_types {}
#[doc = include_str!("vertex_ai.md")]
pub mod vertex_ai {}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
