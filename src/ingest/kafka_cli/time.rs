//! Times as snapshots have them: RFC 3339, UTC.

use std::path::Path;

use toml::value::{Datetime, Offset};

use super::codes;
use crate::ingest::fault::{Fault, Faults};

/// `unix_seconds` since 1970 as `2026-11-21T05:14:22Z`; fractions of a second are dropped.
///
/// The date is computed as in Howard Hinnant's `civil_from_days` (chrono-Compatible Low-Level Date Algorithms).
#[must_use]
pub fn rfc3339(unix_seconds: i64) -> String {
    let (days, seconds) = (unix_seconds.div_euclid(86_400), unix_seconds.rem_euclid(86_400));
    // Days are counted from 0000-03-01, so that a leap day is the last of its year; an era is 400 years.
    let from_march = days.saturating_add(719_468);
    let (era, day_of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Refuses what is not RFC 3339 in UTC.
pub(in crate::ingest) fn check(captured_at: &str, faults: &mut Faults) {
    if parse(captured_at).is_none() {
        let message = format!("--captured-at {captured_at:?} is not an RFC 3339 time in UTC");
        let fault = Fault::error(codes::TIME, Path::new("command line"), message);
        faults.push(fault.help("write it as 2026-11-20T12:00:00Z"));
    }
}

/// Seconds since 1970 of an RFC 3339 time in UTC, fractions left out; the inverse of [`rfc3339`], computed as in
/// Howard Hinnant's `days_from_civil`. None for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let time: Datetime = text.parse().ok()?;
    let is_utc = matches!(time.offset, Some(Offset::Z | Offset::Custom { minutes: 0 }));
    let (date, clock) = time.date.zip(time.time).filter(|_| is_utc)?;
    let (year, month, day) = (i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let from_march = if month > 2 { year } else { year - 1 };
    let era = from_march.div_euclid(400);
    let year_of_era = from_march - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let (hour, minute, second) = (clock.hour, clock.minute, clock.second);
    Some(days * 86_400 + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_dates() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_238_062), "2026-11-21T05:14:22Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
        for seconds in [0, 1_795_238_062, 951_782_399, 951_782_400, -1, 68_169_600] {
            assert_eq!(parse(&rfc3339(seconds)), Some(seconds));
        }
    }

    #[test]
    fn only_utc_is_taken() {
        for (text, good) in [
            ("2026-11-21T05:14:22Z", true),
            ("2026-11-21T05:14:22.5+00:00", true),
            ("2026-11-21T05:14:22+01:00", false),
            ("2026-11-21", false),
            ("now", false),
        ] {
            let mut faults = Faults::default();
            check(text, &mut faults);
            assert_eq!(!faults.has_errors(), good, "{text}");
        }
    }
}
