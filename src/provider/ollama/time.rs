//! When a reply was made: RFC 3339 as Go writes it, `2026-07-30T14:17:16.420595067Z`.

const DAY: i64 = 86_400;

/// The seconds since 1970 of a time stamp; `None` where it is not one, or is earlier.
pub(super) fn seconds_since_1970(stamp: &str) -> Option<u64> {
    let (date, time) = stamp.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|number| number.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone)?;
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let mut clock = clock.splitn(3, ':').map(|number| number.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let plausible = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let clock = seconds(hour, minute)?.checked_add(second)?;
    let total = days(year, month, day)?.checked_mul(DAY)?.checked_add(clock)?.checked_sub(offset(zone)?)?;
    u64::try_from(total).ok().filter(|_| plausible)
}

/// The days from 1970-01-01, counting years from March so that the leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let before_march = month <= 2;
    let year = year.checked_sub(i64::from(before_march))?;
    let month = month.checked_add(if before_march { 9 } else { -3 })?;
    let leap_days = (year / 4).checked_sub(year / 100)?.checked_add(year / 400)?;
    let in_year = month.checked_mul(153)?.checked_add(2)?.checked_div(5)?.checked_add(day)?.checked_sub(1)?;
    year.checked_mul(365)?.checked_add(leap_days)?.checked_add(in_year)?.checked_sub(719_468)
}

/// The seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let Some(hours) = zone.strip_prefix(['+', '-']) else { return Some(0) };
    let (hours, minutes) = hours.split_once(':')?;
    let ahead = seconds(hours.parse().ok()?, minutes.parse().ok()?)?;
    if zone.starts_with('-') { ahead.checked_neg() } else { Some(ahead) }
}

fn seconds(hours: i64, minutes: i64) -> Option<i64> {
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)
}

#[cfg(test)]
mod tests {
    use super::seconds_since_1970 as seconds;

    #[test]
    fn time_stamps_are_read_in_every_zone() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(seconds("2000-03-01T00:00:00.5Z"), Some(951_868_800));
        assert_eq!(seconds("2026-07-30T14:17:16.420595067Z"), Some(1_785_421_036));
        assert_eq!(seconds("2023-08-04T08:52:19.385406455-07:00"), Some(1_691_164_339));
        assert_eq!(seconds("2023-08-04T17:52:19+02:00"), Some(1_691_164_339));
    }

    #[test]
    fn what_is_no_time_stamp_is_none() {
        for stamp in
            ["", "2026", "2026-07-30", "2026-13-30T00:00:00Z", "1969-12-31T00:00:00Z", "2026-07-30T1:2Z", "é-T-Z"]
        {
            assert_eq!(seconds(stamp), None, "{stamp}");
        }
        assert_eq!(seconds("9223372036854775807-99999-1T0:0:0Z"), None);
    }
}
