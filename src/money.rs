//! Money: amounts in whole pico-dollars, and what a call cost, item by item.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount of US dollars, kept in whole pico-dollars (10⁻¹² USD).
///
/// A price of six decimals per million tokens is a whole number of them per token, so costs are exact, and sums are the
/// same in any order. Arithmetic stops at the ends of the range, which lie beyond 10²⁶ dollars.
///
/// In JSON an amount is a string of digits, such as `"0.003135"`, because a float would round it; a number is read too.
///
/// ```
/// use anymodel::Usd;
///
/// let call = Usd::from_pico(3_135_000_000);
/// assert_eq!(call.to_string(), "$0.003135");
/// assert_eq!((call + call).as_f64(), 0.00627);
/// assert_eq!(format!("{call:.2}"), "$0.00");
/// assert_eq!("0.003135".parse::<Usd>()?, call);
/// # Ok::<(), anymodel::ParseUsdError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i128);

/// How many decimals a pico-dollar has.
const DECIMALS: usize = 12;
/// Pico-dollars in a dollar.
const DOLLAR: i128 = 1_000_000_000_000;

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many pico-dollars.
    #[must_use]
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// So many dollars, by the digits that a float is written with; `None` for what is not a number, or out of range.
    #[must_use]
    pub fn from_f64(dollars: f64) -> Option<Self> {
        dollars.to_string().parse().ok().or_else(|| Self::scaled(dollars, 1e12))
    }

    /// The price of one token, at so many dollars per million tokens.
    #[must_use]
    pub fn per_million(dollars: f64) -> Option<Self> {
        Self::scaled(dollars, 1e6)
    }

    fn scaled(number: f64, scale: f64) -> Option<Self> {
        let pico = (number * scale).round();
        (pico.abs() < 1e38).then_some(Self(pico as i128))
    }

    /// The amount in pico-dollars.
    #[must_use]
    pub const fn as_pico(self) -> i128 {
        self.0
    }

    /// The amount in dollars, rounded to what a float can hold.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This amount times a number of millionths, to the nearest pico-dollar.
    #[must_use]
    pub(crate) const fn times_millionths(self, millionths: i64) -> Self {
        let product = self.0.saturating_mul(millionths as i128);
        let half = if product < 0 { -500_000 } else { 500_000 };
        Self(product.saturating_add(half).saturating_div(1_000_000))
    }
}

/// The amount without its currency, with all its decimals, or with as many as asked for.
fn write_digits(f: &mut fmt::Formatter<'_>, pico: i128, fewest: usize) -> fmt::Result {
    let digits = f.precision().map_or(DECIMALS, |most| most.min(DECIMALS));
    let step = 10_u128.saturating_pow(u32::try_from(DECIMALS.saturating_sub(digits)).unwrap_or(0));
    let (whole, rest) = split(pico.unsigned_abs(), step);
    // Half to even, as floats are shown.
    let up = match rest.saturating_mul(2).cmp(&step) {
        Ordering::Less => false,
        Ordering::Equal => whole & 1 == 1,
        Ordering::Greater => true,
    };
    let rounded = whole.saturating_add(u128::from(up)).saturating_mul(step);
    let (dollars, rest) = split(rounded, DOLLAR.unsigned_abs());
    let fraction = format!("{rest:012}");
    let shown = match f.precision() {
        Some(most) => most.min(DECIMALS),
        None => fraction.trim_end_matches('0').len().max(fewest),
    };
    write!(f, "{dollars}")?;
    match fraction.get(..shown) {
        Some(fraction) if !fraction.is_empty() => write!(f, ".{fraction}"),
        _ => Ok(()),
    }
}

/// Quotient and rest.
fn split(number: u128, by: u128) -> (u128, u128) {
    (number.checked_div(by).unwrap_or(0), number.checked_rem(by).unwrap_or(0))
}

impl fmt::Display for Usd {
    /// `$0.003135`: all decimals and at least two, or as many as the precision says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 < 0 { "-$" } else { "$" })?;
        write_digits(f, self.0, 2)
    }
}

/// An amount in digits alone.
struct Digits(i128);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 < 0 { "-" } else { "" })?;
        write_digits(f, self.0, 0)
    }
}

/// A text that is not an amount of dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount is written as digits with at most twelve decimals, such as `0.003135`")]
pub struct ParseUsdError;

impl FromStr for Usd {
    type Err = ParseUsdError;

    fn from_str(text: &str) -> Result<Self, ParseUsdError> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let text = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
            return Err(ParseUsdError);
        }
        let pico = format!("{whole}{fraction:0<DECIMALS$}").parse::<i128>().map_err(|_| ParseUsdError)?;
        Ok(Self(if negative { pico.saturating_neg() } else { pico }))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Digits(self.0))
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl de::Visitor<'_> for Amount {
            type Value = Usd;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of dollars, as digits or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Usd, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Usd, E> {
                Usd::from_f64(number).ok_or_else(|| E::custom("not an amount of dollars"))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Usd, E> {
                Ok(Usd(i128::from(number).saturating_mul(DOLLAR)))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Usd, E> {
                Ok(Usd(i128::from(number).saturating_mul(DOLLAR)))
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul<u64> for Usd {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(times)))
    }
}

impl Neg for Usd {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Usd {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Self> for Usd {
    fn sum<I: Iterator<Item = &'a Self>>(amounts: I) -> Self {
        amounts.copied().sum()
    }
}

/// What a call cost, item by item.
///
/// ```
/// use anymodel::{Catalog, Usage};
///
/// let mut usage = Usage::new(1000, 500);
/// usage.prompt_tokens_details.cached_tokens = Some(200);
/// let cost = Catalog::default().cost("anthropic/claude-sonnet-4-5", &usage)?;
/// assert_eq!(cost.cached.to_string(), "$0.00006");
/// assert_eq!(cost.total().to_string(), "$0.00996");
/// # Ok::<(), anymodel::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Cost {
    /// Text of the request that was neither read from nor written to the prompt cache.
    pub input: Usd,
    /// Reading the prompt cache.
    pub cached: Usd,
    /// Writing the prompt cache.
    pub written: Usd,
    /// Sound in the request.
    pub input_audio: Usd,
    /// Pictures and video in the request.
    pub input_media: Usd,
    /// Text of the reply.
    pub output: Usd,
    /// Reasoning.
    pub reasoning: Usd,
    /// Sound in the reply.
    pub output_audio: Usd,
    /// Pictures and video in the reply.
    pub output_media: Usd,
    /// Searches that the provider ran: the web, maps.
    pub searches: Usd,
    /// Other tools that the provider ran.
    pub tools: Usd,
    /// What is paid by the request, second, page or other unit.
    pub units: Usd,
    /// What the provider itself says the call cost. It stands for all the others, which are then zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported: Option<Usd>,
}

impl Cost {
    /// Everything together.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.reported.unwrap_or_else(|| self.prompt() + self.completion() + self.searches + self.tools + self.units)
    }

    /// The request's tokens: text, cache, sound, pictures.
    #[must_use]
    pub fn prompt(&self) -> Usd {
        self.input + self.cached + self.written + self.input_audio + self.input_media
    }

    /// The reply's tokens: text, reasoning, sound, pictures.
    #[must_use]
    pub fn completion(&self) -> Usd {
        self.output + self.reasoning + self.output_audio + self.output_media
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_shown_with_all_its_decimals_and_at_least_two() {
        for (pico, shown) in [
            (0, "$0.00"),
            (1, "$0.000000000001"),
            (500_000_000_000, "$0.50"),
            (3_135_000_000, "$0.003135"),
            (-1_234_500_000_000, "-$1.2345"),
            (12 * DOLLAR, "$12.00"),
        ] {
            assert_eq!(Usd(pico).to_string(), shown);
        }
    }

    #[test]
    fn a_precision_rounds_half_to_even() {
        for (pico, shown) in [
            (1_005_000_000_000, "$1.00"),
            (1_015_000_000_000, "$1.02"),
            (1_005_000_000_001, "$1.01"),
            (999_999_999_999, "$1.00"),
            (-1_999_000_000_000, "-$2.00"),
        ] {
            assert_eq!(format!("{:.2}", Usd(pico)), shown);
        }
        assert_eq!(format!("{:.0}", Usd(1_600_000_000_000)), "$2");
        assert_eq!(format!("{:.40}", Usd(1)), "$0.000000000001");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "-", "1e3", "0.0000000000001", "1,5", "+1", "1.2.3", "nan", &"9".repeat(60)] {
            assert_eq!(text.parse::<Usd>(), Err(ParseUsdError), "{text}");
        }
        for dollars in [123_456_789.123456, 20_000.1, -9_999.99, 1e15, 5e-12] {
            assert_eq!(Usd::from_f64(dollars).unwrap().as_f64(), dollars);
        }
        assert_eq!(Usd::from_f64(123_456_789.123456).unwrap().to_string(), "$123456789.123456");
        assert_eq!(Usd::from_f64(2.6e-12), Some(Usd(3)));
        assert!(Usd::from_f64(f64::NAN).is_none() && Usd::from_f64(f64::INFINITY).is_none());
        assert!(serde_json::from_str::<Usd>("true").is_err());
    }

    #[test]
    fn a_price_per_million_tokens_is_whole_pico_dollars_per_token() {
        assert_eq!(Usd::per_million(3.75), Some(Usd(3_750_000)));
        assert_eq!(Usd::per_million(0.000001), Some(Usd(1)));
        assert_eq!(serde_json::from_str::<Usd>("2.5").unwrap(), Usd(2_500_000_000_000));
        assert_eq!(serde_json::from_str::<Usd>("-2").unwrap(), Usd(-2 * DOLLAR));
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let most = Usd(i128::MAX);
        assert_eq!(most + most, most);
        assert_eq!(most * u64::MAX, most);
        assert_eq!(-Usd(i128::MIN), most);
        assert_eq!(Usd(10).times_millionths(1_150_000), Usd(12));
        assert_eq!(Usd(i128::MAX).times_millionths(i64::MAX).0, i128::MAX / 1_000_000);
    }

    #[test]
    fn a_million_costs_add_up_to_the_same_in_any_order() {
        let costs: Vec<Usd> =
            (0..1_000_000_u64).map(|i| Usd(i128::from(i.wrapping_mul(2_654_435_761) % 97_000_001))).collect();
        let forward: Usd = costs.iter().sum();
        let backward: Usd = costs.iter().rev().sum();
        let mut sorted = costs.clone();
        sorted.sort_unstable();
        assert_eq!(forward, backward);
        assert_eq!(forward, sorted.iter().sum());
        assert_eq!(forward, sorted.chunks(999).map(|some| some.iter().sum::<Usd>()).sum());
    }

    proptest! {
        #[test]
        fn json_and_text_keep_every_pico_dollar(pico: i128) {
            let amount = Usd(pico.clamp(-i128::MAX, i128::MAX));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
            prop_assert_eq!(amount.to_string().parse::<Usd>().unwrap(), amount);
        }

        #[test]
        fn no_precision_panics(pico: i128, precision in 0_usize..40) {
            let shown = format!("{:.precision$}", Usd(pico));
            prop_assert!(shown.contains('$'));
        }
    }
}
