//! Prices, and what a call cost.

pub mod by_name;
mod catalogue;
mod cost;
mod embedded;
mod item;
mod list;
mod litellm;
mod model_info;
mod names;
mod rates;
mod when;

pub use catalogue::Catalog;
pub use item::{Item, Per};
pub use list::PriceList;
pub use model_info::{Capability, ModelInfo, ReasoningInfo};
pub use rates::Rates;
pub use when::{Hours, Terms, Times, When, Window};
