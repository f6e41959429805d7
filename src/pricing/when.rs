//! Prices that hold only in some circumstances: long prompts, service tiers, hours, regions, sizes.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::rates::Rates;

/// Prices that stand over a model's own while all of its conditions hold.
///
/// Of several that hold, a later one in the list stands over an earlier one; what none of them names costs what it always
/// does. A price list says `{"prompt_above": 200000, "price": {"input": 6, "output": 22.5}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct When {
    /// The request has more tokens than this, cached ones included. The price then holds for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_above: Option<u64>,
    /// The service tier that answers: `flex`, `priority`, `batch` and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The time of the call is in one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub utc: Vec<Window>,
    /// Where the call is processed: `us`, `eu`, or `regional` for any endpoint that is not global.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The speed that was asked for, such as `fast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<String>,
    /// The size of the picture or model made, such as `1024x1024`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// The quality of the picture, such as `high`, or its steps, such as `50-steps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// The resolution of the video, such as `720p`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// More results than this are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results_above: Option<u64>,
    /// Frames are further apart than this many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_above: Option<u64>,
    /// The prices that then hold.
    #[serde(skip_serializing_if = "Rates::is_empty")]
    pub price: Rates,
    /// What all prices are then multiplied by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
}

/// The circumstances of a call that prices can depend on. What is not known holds no condition.
///
/// ```
/// use anymodel::{Catalog, Usage, pricing::Terms};
///
/// let catalog = Catalog::default();
/// let model = catalog.model_info("openai/gpt-5")?;
/// let usage = Usage::new(1000, 100);
/// assert_eq!(model.cost(&usage, &Terms::default())?.total().to_string(), "$0.00225");
/// assert_eq!(model.cost(&usage, &Terms::default().service_tier("flex"))?.total().to_string(), "$0.001125");
/// # Ok::<(), anymodel::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms<'a> {
    /// The service tier that answered. OpenAI's `default`, `auto` and `standard` are none.
    pub service_tier: Option<&'a str>,
    /// When the call was made, in seconds since 1970.
    pub at: Option<u64>,
    /// Where it was processed.
    pub region: Option<&'a str>,
    /// The speed that was asked for.
    pub speed: Option<&'a str>,
    /// The size of what was made.
    pub size: Option<&'a str>,
    /// The quality of what was made.
    pub quality: Option<&'a str>,
    /// The resolution of the video.
    pub resolution: Option<&'a str>,
    /// How many results were asked for.
    pub results: Option<u64>,
    /// How many seconds frames are apart.
    pub interval: Option<u64>,
    /// How long the call took; models without a price for tokens are paid for by the second.
    pub elapsed: Option<Duration>,
}

/// A method for each term.
macro_rules! terms {
    ($($(#[$meta:meta])* $name:ident: $value:ty,)*) => {
        impl<'a> Terms<'a> {
            $($(#[$meta])*
            #[must_use]
            pub fn $name(mut self, value: impl Into<Option<$value>>) -> Self {
                self.$name = value.into();
                self
            })*
        }
    };
}

terms! {
    /// Answered by this service tier.
    service_tier: &'a str,
    /// Made at this time, in seconds since 1970.
    at: u64,
    /// Processed there.
    region: &'a str,
    /// Asked for with this speed.
    speed: &'a str,
    /// Of this size.
    size: &'a str,
    /// Of this quality.
    quality: &'a str,
    /// Of this resolution.
    resolution: &'a str,
    /// Of so many results.
    results: u64,
    /// With frames so many seconds apart.
    interval: u64,
    /// Done in this time.
    elapsed: Duration,
}

impl When {
    /// Whether all its conditions hold for a request of so many tokens.
    pub(super) fn holds(&self, prompt_tokens: u64, terms: &Terms<'_>) -> bool {
        fn is(wanted: &Option<String>, given: Option<&str>) -> bool {
            wanted.as_deref().is_none_or(|wanted| given.is_some_and(|given| given.eq_ignore_ascii_case(wanted)))
        }
        fn above(limit: Option<u64>, given: Option<u64>) -> bool {
            limit.is_none_or(|limit| given.is_some_and(|given| given > limit))
        }
        above(self.prompt_above, Some(prompt_tokens))
            && is(&self.service_tier, terms.service_tier)
            && is(&self.region, terms.region)
            && is(&self.speed, terms.speed)
            && is(&self.size, terms.size)
            && is(&self.quality, terms.quality)
            && is(&self.resolution, terms.resolution)
            && above(self.results_above, terms.results)
            && above(self.interval_above, terms.interval)
            && (self.utc.is_empty() || terms.at.is_some_and(|at| self.utc.iter().any(|window| window.holds(at))))
    }
}

/// A factor, kept in whole millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times(i64);

impl Times {
    /// A factor from 0 to a million; `None` for any other.
    #[must_use]
    pub fn new(factor: f64) -> Option<Self> {
        (0.0..=1e6).contains(&factor).then(|| Self((factor * 1e6).round() as i64))
    }

    /// The factor in millionths.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1e6)
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("a factor is from 0 to a million"))
    }
}

/// Hours of the day, on some days of the week.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Window {
    /// Hours in UTC, such as `22:30-06:00`; equal ends are the whole day.
    pub hours: Vec<Hours>,
    /// Days of the week, Monday being 1; empty for all. A window over midnight is of the day on which each hour is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<u8>,
    /// How many hours the days begin before those of UTC.
    #[serde(skip_serializing_if = "is_zero")]
    pub weekdays_utc_offset: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl Window {
    fn holds(&self, at: u64) -> bool {
        let minute = at.wrapping_div(60).wrapping_rem(1440);
        let local = at.saturating_add(u64::from(self.weekdays_utc_offset).saturating_mul(3600));
        // The first of January 1970 was a Thursday.
        let weekday = local.wrapping_div(86_400).saturating_add(3).wrapping_rem(7).saturating_add(1);
        (self.weekdays.is_empty() || self.weekdays.iter().any(|day| u64::from(*day) == weekday))
            && self.hours.iter().any(|hours| hours.hold(minute))
    }
}

/// From one minute of the day to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// Reads `22:30-06:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        fn minute(text: &str) -> Option<u16> {
            let (hour, minute) = text.split_once(':')?;
            let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
            (hour < 24 && minute < 60).then(|| hour.saturating_mul(60).saturating_add(minute))
        }
        let (from, to) = text.split_once('-')?;
        Some(Self { from: minute(from)?, to: minute(to)? })
    }

    fn hold(self, minute: u64) -> bool {
        let (from, to) = (u64::from(self.from), u64::from(self.to));
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = |minute: u16| (minute.wrapping_div(60), minute.wrapping_rem(60));
        let ((from, from_minute), (to, to_minute)) = (parts(self.from), parts(self.to));
        write!(f, "{from:02}:{from_minute:02}-{to:02}:{to_minute:02}")
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not like `22:30-06:00`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 was a Sunday.
    const SUNDAY: u64 = 1_795_305_600;

    #[test]
    fn hours_can_run_over_midnight_or_be_the_whole_day() {
        for (hours, minute, holds) in [
            ("01:00-04:00", 60, true),
            ("01:00-04:00", 240, false),
            ("22:30-06:00", 1350, true),
            ("22:30-06:00", 359, true),
            ("22:30-06:00", 360, false),
            ("10:00-00:00", 1439, true),
            ("10:00-00:00", 0, false),
            ("00:00-00:00", 700, true),
        ] {
            assert_eq!(Hours::parse(hours).unwrap().hold(minute), holds, "{hours} {minute}");
            assert_eq!(Hours::parse(hours).unwrap().to_string(), hours);
        }
        for bad in ["", "1-2", "24:00-01:00", "01:60-02:00", "01:00", "a:b-c:d", "-1:00-02:00"] {
            assert!(Hours::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_window_holds_on_its_days_only() {
        let window: Window = serde_json::from_str(r#"{"hours": ["00:00-00:00"], "weekdays": [6, 7]}"#).unwrap();
        assert!(window.holds(SUNDAY) && window.holds(SUNDAY - 1));
        assert!(!window.holds(SUNDAY + 86_400) && !window.holds(SUNDAY - 2 * 86_400));
        let shanghai = Window { weekdays_utc_offset: 8, ..window };
        assert!(!shanghai.holds(SUNDAY + 17 * 3600), "it is Monday there");
        assert!(shanghai.holds(SUNDAY - 30 * 3600), "it is Saturday there");
    }

    #[test]
    fn all_conditions_must_hold_and_what_is_not_known_holds_none() {
        let when: When =
            serde_json::from_str(r#"{"prompt_above": 200, "service_tier": "flex", "price": {"input": 1}}"#).unwrap();
        let flex = Terms::default().service_tier("Flex");
        assert!(when.holds(201, &flex));
        assert!(!when.holds(200, &flex) && !when.holds(201, &Terms::default()));
        let night = When {
            utc: vec![Window { hours: vec![Hours::parse("00:00-00:00").unwrap()], ..Window::default() }],
            ..When::default()
        };
        assert!(night.holds(0, &Terms::default().at(5)) && !night.holds(0, &Terms::default()));
    }

    #[test]
    fn a_factor_is_whole_millionths() {
        assert_eq!(serde_json::from_str::<Times>("1.1").unwrap().millionths(), 1_100_000);
        assert!(serde_json::from_str::<Times>("-1").is_err() && Times::new(f64::NAN).is_none());
    }
}
