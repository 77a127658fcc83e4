//! Times of day in which a plan may be carried out.
//!
//! Input: `01:00-06:00` and the like, a time zone, a moment. Output: whether something may begin then, and until or from
//! when. A window whose end is not after its start ends on the next day; windows that meet are one. On days when clocks
//! change, a window begins and ends when the clock on the wall says so (jiff's "compatible" reading of RFC 5545).

use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

const MINUTES_PER_DAY: u32 = 24 * 60;

/// Windows of any day.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Minutes of the day: from, until; the latter above a day where the window passes midnight.
    spans: Vec<(u32, u32)>,
    zone: TimeZone,
}

/// What is to become of copies that run when a window ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WindowEnd {
    /// They go on, slowed down as they are: Kafka keeps nothing of a copy that is cancelled.
    #[default]
    Finish,
    /// They are cancelled, and begin again in the next window.
    Cancel,
}

/// Whether a window is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gate {
    /// It is, until then; seconds since 1970.
    Open {
        /// Its end; infinite where there are no windows.
        until: f64,
    },
    /// It is not, and the next one opens then; seconds since 1970.
    Closed {
        /// The next one's start.
        opens: f64,
    },
}

impl Windows {
    /// Reads windows, `01:00-06:00` each, and the name of a time zone; without a name, the system's.
    ///
    /// # Errors
    /// What is wrong with which of them, and what is wanted.
    pub fn parse(windows: &[String], zone: Option<&str>) -> Result<Self, String> {
        let zone = match zone {
            Some(name) => TimeZone::get(name)
                .map_err(|_| format!("unknown time zone `{name}`; give a name such as Europe/Berlin or UTC"))?,
            None => TimeZone::try_system()
                .map_err(|_| "the system's time zone is unknown; name one, such as UTC".to_owned())?,
        };
        let spans = windows.iter().map(|text| span(text)).collect::<Result<_, _>>()?;
        Ok(Self { spans, zone })
    }

    /// Whether something may begin at `unix_seconds`.
    #[must_use]
    pub fn at(&self, unix_seconds: f64) -> Gate {
        let Ok(now) = Timestamp::from_second(unix_seconds as i64) else {
            return Gate::Open { until: f64::INFINITY };
        };
        let today = now.to_zoned(self.zone.clone()).date();
        let intervals = self.intervals(today, -2, 3);
        let open = intervals.iter().find(|(from, until)| *from <= unix_seconds && unix_seconds < *until);
        if let Some((_, until)) = open {
            return Gate::Open { until: *until };
        }
        let next = intervals.iter().map(|(from, _)| *from).find(|from| *from > unix_seconds);
        next.map_or(Gate::Open { until: f64::INFINITY }, |opens| Gate::Closed { opens })
    }

    /// Seconds of the longest window, of three days where one follows the other without end.
    #[must_use]
    pub fn longest_seconds(&self) -> f64 {
        // Any days in which no clock changes.
        let intervals = self.intervals(Date::constant(2024, 1, 10), 0, 3);
        intervals.iter().map(|(from, until)| until - from).fold(0.0, f64::max)
    }

    /// A moment as the operator's clock shows it.
    #[must_use]
    pub fn shown(&self, unix_seconds: f64) -> String {
        let moment = Timestamp::from_second(unix_seconds as i64).map(|at| at.to_zoned(self.zone.clone()));
        moment.map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d %H:%M %Z").to_string())
    }

    /// From and until of every window that begins on `today` plus `first` up to `last` days, those that meet joined.
    fn intervals(&self, today: Date, first: i64, last: i64) -> Vec<(f64, f64)> {
        let moment = |day: i64, minutes: u32| {
            let days = day + i64::from(minutes / MINUTES_PER_DAY);
            let of_day = minutes % MINUTES_PER_DAY;
            let date = today.checked_add(Span::new().days(days)).ok()?;
            let clock = time(i8::try_from(of_day / 60).ok()?, i8::try_from(of_day % 60).ok()?, 0, 0);
            let zoned = date.to_datetime(clock).to_zoned(self.zone.clone()).ok()?;
            Some(zoned.timestamp().as_second() as f64)
        };
        let of_day = |day| self.spans.iter().map(move |(from, until)| (day, *from, *until));
        let mut all: Vec<(f64, f64)> = (first..=last)
            .flat_map(of_day)
            .filter_map(|(day, from, until)| Some((moment(day, from)?, moment(day, until)?)))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut joined: Vec<(f64, f64)> = Vec::with_capacity(all.len());
        for (from, until) in all {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(until),
                _ => joined.push((from, until)),
            }
        }
        joined
    }
}

fn span(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("`{text}` is no window; write it as 01:00-06:00");
    let (from, until) = text.split_once('-').ok_or_else(wrong)?;
    let (from, until) = (minutes(from).ok_or_else(wrong)?, minutes(until).ok_or_else(wrong)?);
    if from == until || from == MINUTES_PER_DAY {
        return Err(format!("`{text}` has no length; the whole day is 00:00-24:00"));
    }
    Ok((from, if until < from { until + MINUTES_PER_DAY } else { until }))
}

/// Minutes of the day of `HH:MM`, up to 24:00.
fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.len() == 2);
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_PER_DAY).then_some(total)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    fn windows(texts: &[&str], zone: &str) -> Windows {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Windows::parse(&texts, Some(zone)).unwrap()
    }

    fn unix(text: &str) -> f64 {
        text.parse::<Timestamp>().unwrap().as_second() as f64
    }

    fn check(windows: &Windows, at: &str, is_open: bool, then: &str) {
        let then = unix(then);
        let wanted = if is_open { Gate::Open { until: then } } else { Gate::Closed { opens: then } };
        assert_eq!(windows.at(unix(at)), wanted, "{at}");
    }

    #[test]
    fn a_window_is_open_from_its_start_until_before_its_end() {
        let night = windows(&["01:00-06:00"], "UTC");
        check(&night, "2026-11-21T00:59:59Z", false, "2026-11-21T01:00:00Z");
        check(&night, "2026-11-21T01:00:00Z", true, "2026-11-21T06:00:00Z");
        check(&night, "2026-11-21T05:59:59Z", true, "2026-11-21T06:00:00Z");
        check(&night, "2026-11-21T06:00:00Z", false, "2026-11-22T01:00:00Z");
    }

    #[test]
    fn a_window_may_pass_midnight_and_windows_that_meet_are_one() {
        let late = windows(&["22:30-02:00"], "UTC");
        check(&late, "2026-11-21T23:00:00Z", true, "2026-11-22T02:00:00Z");
        check(&late, "2026-11-21T01:59:00Z", true, "2026-11-21T02:00:00Z");
        check(&late, "2026-11-21T12:00:00Z", false, "2026-11-21T22:30:00Z");
        let both = windows(&["22:00-24:00", "00:00-06:00", "12:00-13:00"], "UTC");
        check(&both, "2026-11-21T22:00:00Z", true, "2026-11-22T06:00:00Z");
        check(&both, "2026-11-21T06:00:00Z", false, "2026-11-21T12:00:00Z");
        assert!((both.longest_seconds() - 8.0 * 3600.0).abs() < 1.0);
    }

    #[test]
    fn the_zone_decides_and_clocks_that_change_make_a_night_longer() {
        let berlin = windows(&["01:00-06:00"], "Europe/Berlin");
        check(&berlin, "2026-07-01T00:30:00Z", true, "2026-07-01T04:00:00Z");
        check(&berlin, "2026-12-01T00:30:00Z", true, "2026-12-01T05:00:00Z");
        // On 25 October 2026 it is 02:30 twice.
        check(&berlin, "2026-10-24T23:00:00Z", true, "2026-10-25T05:00:00Z");
        assert!(berlin.shown(unix("2026-12-01T00:30:00Z")).starts_with("2026-12-01 01:30 CET"));
    }

    #[test]
    fn what_is_no_window_or_zone_is_refused_with_what_is_wanted() {
        let parse = |text: &str, zone| Windows::parse(&[text.to_owned()], Some(zone)).unwrap_err();
        for text in ["", "1", "01:00", "1:00-2:00", "01:60-02:00", "25:00-26:00", "01:00-06:00Z", "a-b"] {
            assert!(parse(text, "UTC").contains("write it as 01:00-06:00"), "{text}");
        }
        assert!(parse("03:00-03:00", "UTC").contains("has no length"));
        assert!(parse("01:00-02:00", "Mars/Base").contains("unknown time zone `Mars/Base`"));
    }
}
