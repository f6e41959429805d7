//! The prices of a model's items.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::item::{Item, Per};
use crate::money::Usd;

/// Prices, by item.
///
/// In JSON it is an object of [item names](Item::name) and numbers: USD per million tokens or characters, or USD for one
/// search, second, page or other unit.
///
/// ```
/// use anymodel::pricing::{Item, Rates};
///
/// let rates: Rates = serde_json::from_str(r#"{"input": 3, "cache_read": 0.3, "output": 15}"#)?;
/// assert_eq!(rates.get(Item::Input).map(|usd| usd.as_pico()), Some(3_000_000));
/// assert_eq!(rates, Rates::per_million(3.0, 15.0).with(Item::CacheRead, 0.3));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
// In the order of the items, each once.
pub struct Rates(Vec<(Item, Usd)>);

impl Rates {
    /// No prices.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// So many USD per million tokens of the request, and of the reply.
    #[must_use]
    pub fn per_million(input: f64, output: f64) -> Self {
        Self::new().with(Item::Input, input).with(Item::Output, output)
    }

    /// With a price: USD per million or for one, as the item is [counted](Item::per). What is not a price is left out.
    #[must_use]
    pub fn with(mut self, item: Item, usd: f64) -> Self {
        if let Some(price) = price(item, usd) {
            self.set(item, price);
        }
        self
    }

    /// Sets the price of one.
    pub fn set(&mut self, item: Item, price: Usd) {
        match self.0.binary_search_by_key(&item, |(known, _)| *known) {
            Ok(_) => self.0.iter_mut().filter(|(known, _)| *known == item).for_each(|(_, known)| *known = price),
            Err(place) => self.0.insert(place, (item, price)),
        }
    }

    /// Takes a price out.
    pub fn remove(&mut self, item: Item) {
        self.0.retain(|(known, _)| *known != item);
    }

    /// The price of one, where it is listed.
    #[must_use]
    pub fn get(&self, item: Item) -> Option<Usd> {
        self.0.iter().find(|(known, _)| *known == item).map(|(_, price)| *price)
    }

    /// The items and their prices.
    pub fn iter(&self) -> impl Iterator<Item = (Item, Usd)> {
        self.0.iter().copied()
    }

    /// Whether nothing has a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A price in the unit of its item; `None` for what is not one, such as a negative number.
pub(super) fn price(item: Item, usd: f64) -> Option<Usd> {
    if usd.is_sign_negative() && usd != 0.0 {
        return None;
    }
    match item.per() {
        Per::Million => Usd::per_million(usd),
        Per::One => Usd::from_f64(usd),
    }
}

impl Serialize for Rates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (item, price) in self.iter() {
            let scale = match item.per() {
                Per::Million => 1e6,
                Per::One => 1e12,
            };
            let number = price.as_pico() as f64 / scale;
            match number as i64 {
                whole if whole as f64 == number => map.serialize_entry(item.name(), &whole)?,
                _ => map.serialize_entry(item.name(), &number)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Prices;
        impl<'de> Visitor<'de> for Prices {
            type Value = Rates;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of items and their prices")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rates, A::Error> {
                let mut rates = Rates::new();
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    let item = Item::named(&name)
                        .ok_or_else(|| de::Error::custom(format!("`{name}` is not something that has a price")))?;
                    let usd = map.next_value::<f64>()?;
                    let price =
                        price(item, usd).ok_or_else(|| de::Error::custom(format!("`{name}`: {usd} is not a price")))?;
                    rates.set(item, price);
                }
                Ok(rates)
            }
        }
        deserializer.deserialize_map(Prices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_found_by_its_name_and_read_back() {
        for item in Item::all() {
            assert_eq!(Item::named(item.name()), Some(item));
            let rates = Rates::new().with(item, 0.25);
            let json = serde_json::to_string(&rates).unwrap();
            assert_eq!(serde_json::from_str::<Rates>(&json).unwrap(), rates, "{json}");
        }
    }

    #[test]
    fn every_chain_of_prices_ends() {
        for item in Item::all() {
            let chain = std::iter::successors(Some(item), |item| item.otherwise());
            assert!(chain.take(5).count() < 5, "{item:?}");
        }
    }

    #[test]
    fn what_is_no_price_is_refused_by_name() {
        for (json, word) in [
            (r#"{"inputs": 3}"#, "`inputs`"),
            (r#"{"input": -3}"#, "-3"),
            (r#"{"input": "3"}"#, "string"),
            (r#"{"input": 1e300}"#, "is not a price"),
            ("[]", "object"),
        ] {
            let error = serde_json::from_str::<Rates>(json).unwrap_err().to_string();
            assert!(error.contains(word), "{json}: {error}");
        }
        assert!(Rates::new().with(Item::Input, f64::NAN).is_empty());
    }
}
