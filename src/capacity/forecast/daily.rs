//! Series by day: resampled, gaps filled or left, summed over what makes up a group.

use crate::model::Metric;
use crate::model::history::Series;

/// Seconds of a day; days are UTC's and counted from 1970-01-01.
pub(super) const DAY_SEC: i64 = 86_400;
/// Gaps of up to this many days are filled within a sum: a weekend's outage of the metrics must not cost the series.
const GAP_DAYS_MAX: i64 = 7;
/// Fewer samples than this share of a usual day's make a day's mean one of its night or its noon.
const DAY_SHARE_MIN: f64 = 0.5;
/// Days with fewer samples than this are taken as they are: daily figures have one.
const SAMPLES_PER_DAY_MIN: usize = 4;

/// One value per day; days ascend strictly, some may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Daily {
    /// Days since 1970-01-01.
    pub days: Vec<i64>,
    /// The value of each day.
    pub values: Vec<f64>,
}

impl Daily {
    /// How many days have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.days.len()
    }

    /// Whether no day has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// The first and last day.
    pub(super) fn range(&self) -> Option<(i64, i64)> {
        self.days.first().copied().zip(self.days.last().copied())
    }

    /// Days from the first to the last, both counted.
    pub(super) fn span(&self) -> i64 {
        self.range().map_or(0, |(first, last)| last - first + 1)
    }

    /// The first `count` days that have a value.
    pub(super) fn head(&self, count: usize) -> Self {
        let count = count.min(self.len());
        Self { days: self.days[..count].to_vec(), values: self.values[..count].to_vec() }
    }

    /// The days from `from` on, up to and including `to`.
    pub(super) fn between(&self, from: i64, to: i64) -> Self {
        let kept = self.days.iter().zip(&self.values).filter(|(day, _)| (from..=to).contains(*day));
        let (days, values) = kept.map(|(day, value)| (*day, *value)).unzip();
        Self { days, values }
    }
}

/// `series` by day: the mean of rates and shares, the last of sizes, which are stocks. The last day is left out where
/// it was only begun.
pub(super) fn resample(series: &Series) -> Daily {
    let samples: Vec<(i64, f64)> = series.times_sec.iter().copied().zip(series.values.iter().copied()).collect();
    let by_day = || samples.chunk_by(|a, b| a.0.div_euclid(DAY_SEC) == b.0.div_euclid(DAY_SEC));
    let mut counts: Vec<usize> = by_day().map(<[_]>::len).collect();
    let mut daily = Daily::default();
    for day in by_day() {
        let (Some(first), Some(last)) = (day.first(), day.last()) else { continue };
        daily.days.push(first.0.div_euclid(DAY_SEC));
        daily.values.push(match series.metric {
            Metric::Size => last.1,
            _ => day.iter().map(|(_, value)| value).sum::<f64>() / day.len() as f64,
        });
    }
    let last_count = counts.last().copied().unwrap_or(0);
    counts.sort_unstable();
    let usual = counts.get(counts.len() / 2).copied().unwrap_or(0);
    let was_begun = (last_count as f64) < DAY_SHARE_MIN * usual as f64;
    if series.metric != Metric::Size && usual >= SAMPLES_PER_DAY_MIN && was_begun {
        daily.days.pop();
        daily.values.pop();
    }
    daily
}

/// A summand of [`sum`].
pub(super) struct Part {
    /// Its values.
    pub(super) daily: Daily,
    /// What they are multiplied by.
    pub(super) weight: f64,
    /// Whether what it is of has left the cluster: it is nothing after its last day then.
    pub(super) has_left: bool,
}

impl Part {
    /// The value at `day`: 0 before the first one, for what was not there yet carried nothing; filled within gaps and
    /// held after the last for [`GAP_DAYS_MAX`] days; none where that is not enough.
    fn at(&self, day: i64) -> Option<f64> {
        let after = self.daily.days.partition_point(|d| *d <= day);
        let at = |row: usize| self.daily.days.get(row).copied().zip(self.daily.values.get(row).copied());
        let Some((left_day, left)) = after.checked_sub(1).and_then(at) else { return Some(0.0) };
        match at(after) {
            _ if left_day == day => Some(left),
            Some((right_day, right)) if right_day - left_day <= GAP_DAYS_MAX + 1 => {
                let share = (day - left_day) as f64 / (right_day - left_day) as f64;
                Some(left + (right - left) * share)
            }
            None if self.has_left => Some(0.0),
            None if day - left_day <= GAP_DAYS_MAX => Some(left),
            _ => None,
        }
    }
}

/// The weighted sum of `parts` on the days for which each has a value, from the first day of any to the last of any,
/// in the parts' order. A single part keeps its own days alone.
pub(super) fn sum(parts: &[Part]) -> Daily {
    if let [only] = parts {
        let values = only.daily.values.iter().map(|value| value * only.weight).collect();
        return Daily { days: only.daily.days.clone(), values };
    }
    let ranges = || parts.iter().filter_map(|part| part.daily.range());
    let (first, last) = (ranges().map(|r| r.0).min(), ranges().map(|r| r.1).max());
    let (Some(first), Some(last)) = (first, last) else { return Daily::default() };
    let mut total = Daily::default();
    for day in first..=last {
        let value = parts.iter().map(|part| Some(part.at(day)? * part.weight)).sum::<Option<f64>>();
        if let Some(value) = value {
            total.days.push(day);
            total.values.push(value);
        }
    }
    total
}

/// How many of `parts` begin more than [`GAP_DAYS_MAX`] days after the earliest.
pub(super) fn late_starters(parts: &[Part]) -> usize {
    let starts = || parts.iter().filter_map(|part| part.daily.range()).map(|r| r.0);
    let Some(first) = starts().min() else { return 0 };
    starts().filter(|start| start - first > GAP_DAYS_MAX).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::Subject;

    fn series(metric: Metric, samples: &[(i64, f64)]) -> Series {
        let (times_sec, values) = samples.iter().copied().unzip();
        Series { metric, subject: Subject::default(), times_sec, values }
    }

    #[test]
    fn rates_are_averaged_and_sizes_end_the_day() {
        let samples = [(0, 10.0), (43_200, 30.0), (DAY_SEC, 50.0), (DAY_SEC + 1, 70.0)];
        assert_eq!(resample(&series(Metric::BytesIn, &samples)).values, [20.0, 60.0]);
        assert_eq!(resample(&series(Metric::Size, &samples)).values, [30.0, 70.0]);
        assert_eq!(resample(&series(Metric::Size, &[(-1, 5.0)])).days, [-1], "before 1970 too");
    }

    #[test]
    fn a_day_that_was_only_begun_is_no_day() {
        let hourly: Vec<(i64, f64)> = (0..53).map(|hour| (hour * 3600, 1.0)).collect();
        assert_eq!(resample(&series(Metric::BytesIn, &hourly)).len(), 2);
        assert_eq!(resample(&series(Metric::Size, &hourly)).len(), 3, "a size is as good at any hour");
    }

    #[test]
    fn sums_fill_short_gaps_and_leave_long_ones() {
        let part = |days: &[i64], has_left| Part {
            daily: Daily { days: days.to_vec(), values: days.iter().map(|d| *d as f64).collect() },
            weight: 2.0,
            has_left,
        };
        let all: Vec<i64> = (0..30).collect();
        let total = sum(&[part(&all, false), part(&[0, 4, 20], false)]);
        assert_eq!(total.days, (0..=4).chain(20..=27).collect::<Vec<_>>());
        assert_eq!(total.values[2], 2.0 * (2.0 + 2.0), "filled on a straight line");
        let total = sum(&[part(&all, false), part(&[3, 4], true)]);
        assert_eq!((total.values[0], total.values[3], total.values[29]), (0.0, 12.0, 58.0), "came and left");
    }
}
