//! How well each model would have forecast the past: rolling origins, conformal bands, measured coverage.
//!
//! From each of up to [`ORIGINS_MAX`] days in the past a model is fitted to what was known then and held against what
//! came (rolling-origin evaluation: Tashman, Int. J. Forecasting 16, 2000). The model with the least mean absolute error
//! is taken. Its errors, by how far ahead they were made, are the bands' width (split conformal prediction: Lei et al.,
//! JASA 113, 2018): no distribution is assumed, and none of the t intervals that fail where noise is correlated or a
//! trend breaks.

use super::daily::Daily;
use super::fit::{Fit, Model, fit};

/// Origins in the past. More would overlap more and tell little that is new.
const ORIGINS_MAX: usize = 12;
/// The first origin has this share of the days behind it, and at least [`TRAIN_DAYS_MIN`].
const TRAIN_SHARE: f64 = 0.4;
/// Days that a model is fitted to at least.
const TRAIN_DAYS_MIN: usize = 8;
/// Days that follow the last origin at least.
const TEST_DAYS_MIN: usize = 3;
/// Errors are measured relative to the mean of so many days before the origin, so that they grow with what is forecast.
const SCALE_DAYS: usize = 28;
/// Coverage is measured from this origin on: bands need errors made before.
const COVERAGE_ORIGINS_BEFORE: usize = 3;
/// Days ahead for which bands are computed; between them they are interpolated.
const GRID_DAYS: [i64; 18] = [1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 60, 90, 120, 180, 240, 365, 545, 730];

/// A forecast's errors from one day in the past.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    /// By day that has a value: how many days ahead it was, and how much higher than forecast, relative to the scale.
    pub(super) errors: Vec<(i64, f64)>,
    /// |error| ÷ value, for values other than 0.
    relative: Vec<f64>,
}

/// One model's record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) model: Model,
    /// On the whole series.
    pub(super) fit: Fit,
    /// Oldest first.
    pub(super) origins: Vec<Origin>,
    /// Mean absolute error over all origins and days, relative to the scale.
    pub(super) error: f64,
}

impl Record {
    /// Mean of |error| ÷ value; none where all values are 0.
    pub(super) fn mape(&self) -> Option<f64> {
        mean(self.origins.iter().flat_map(|origin| origin.relative.iter().copied()))
    }

    /// The most days ahead for which there is an error.
    pub(super) fn days_ahead_max(&self) -> i64 {
        self.origins.iter().filter_map(|origin| origin.errors.last()).map(|(ahead, _)| *ahead).max().unwrap_or(0)
    }

    /// The share of past values within the 95 % band that errors made before would have given: each origin is held
    /// against the bands of the earlier ones. None with too few origins.
    pub(super) fn coverage95(&self) -> Option<f64> {
        let mut inside = Vec::new();
        for (row, origin) in self.origins.iter().enumerate().skip(COVERAGE_ORIGINS_BEFORE) {
            let bands = Bands::of(&self.origins[..row], 0.95);
            inside.extend(origin.errors.iter().map(|(ahead, e)| f64::from(u8::from(e.abs() <= bands.at(*ahead)))));
        }
        mean(inside.into_iter())
    }
}

/// What errors are relative to: the mean of the last four weeks, of all days where that is 0, else 1.
pub(super) fn scale(daily: &Daily) -> f64 {
    let recent = &daily.values[daily.len().saturating_sub(SCALE_DAYS)..];
    let candidates = [mean(recent.iter().copied()), mean(daily.values.iter().copied())];
    candidates.into_iter().flatten().find(|mean| *mean > 0.0).unwrap_or(1.0)
}

/// The records of all models that apply to `daily`, in the models' order; horizons of up to `horizon_days` are tested.
pub(super) fn records(daily: &Daily, horizon_days: i64) -> Vec<Record> {
    Model::ALL.into_iter().filter_map(|model| record(model, daily, horizon_days)).collect()
}

/// The record with the least error; of equals, to within a hundredth of a percent, the simplest model's.
pub(super) fn best(records: Vec<Record>) -> Option<Record> {
    records.into_iter().reduce(|best, next| if next.error < best.error * 0.9999 { next } else { best })
}

fn record(model: Model, daily: &Daily, horizon_days: i64) -> Option<Record> {
    let whole = fit(model, daily)?;
    let origin = |count: usize| {
        let known = daily.head(count);
        // What cannot be had at an early origin, as a change that was still to come, is what the simpler model would do.
        let fallback = if model == Model::Changepoint { Model::RobustTrend } else { Model::Naive };
        let fitted = fit(model, &known).or_else(|| fit(fallback, &known))?;
        let last = *known.days.last()?;
        let scale = scale(&known);
        let mut origin = Origin { errors: Vec::new(), relative: Vec::new() };
        for (&day, &value) in daily.days.iter().zip(&daily.values).skip(count) {
            if day - last > horizon_days {
                break;
            }
            let error = value - fitted.value_at(day);
            origin.errors.push((day - last, error / scale));
            if value > 0.0 {
                origin.relative.push(error.abs() / value);
            }
        }
        Some(origin)
    };
    let origins: Vec<Origin> = origin_counts(daily.len()).into_iter().map(origin).collect::<Option<_>>()?;
    let error = mean(origins.iter().flat_map(|o| o.errors.iter().map(|(_, e)| e.abs())))?;
    Some(Record { model, fit: whole, origins, error })
}

/// How many days are known at each origin, evenly spaced.
fn origin_counts(days: usize) -> Vec<usize> {
    let first = ((days as f64 * TRAIN_SHARE) as usize).max(TRAIN_DAYS_MIN);
    let last = days.saturating_sub(TEST_DAYS_MIN);
    if first > last {
        return Vec::new();
    }
    let count = ORIGINS_MAX.min(last - first + 1);
    let step = |at: usize| first + (last - first) * at / (count - 1).max(1);
    (0..count).map(step).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut count, mut total) = (0_u64, 0.0);
    for value in values {
        count += 1;
        total += value;
    }
    (count > 0).then(|| total / count as f64)
}

/// Half widths of the band that holds a share of errors, by days ahead; they never shrink with the days.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bands {
    /// Days ahead and half width, relative to the scale.
    grid: Vec<(i64, f64)>,
}

impl Bands {
    /// From the errors of `origins`: at each of the grid's days, the conformal quantile of the absolute errors made about
    /// as far ahead (a fifth more or less).
    pub(super) fn of(origins: &[Origin], level: f64) -> Self {
        let most = origins.iter().filter_map(|o| o.errors.last()).map(|(ahead, _)| *ahead).max().unwrap_or(0);
        let mut grid: Vec<(i64, f64)> = Vec::new();
        for days in GRID_DAYS.into_iter().filter(|days| *days < most).chain([most]) {
            let reach = (days / 5).max(2);
            let near = |ahead: i64| (ahead - days).abs() <= reach;
            let errors = origins.iter().flat_map(|o| o.errors.iter().filter(|(ahead, _)| near(*ahead)));
            let Some(width) = conformal_quantile(errors.map(|(_, e)| e.abs()).collect(), level) else { continue };
            let least = grid.last().map_or(0.0, |(_, width)| *width);
            grid.push((days, width.max(least)));
        }
        Self { grid }
    }

    /// The half width at `ahead` days, relative to the scale. Beyond what was tested it grows in proportion to the days,
    /// as an error in a slope does.
    pub(super) fn at(&self, ahead: i64) -> f64 {
        let row = self.grid.partition_point(|(days, _)| *days < ahead);
        match (row.checked_sub(1).and_then(|before| self.grid.get(before)), self.grid.get(row)) {
            (None, None) => 0.0,
            (None, Some((_, width))) => *width,
            (Some((days, width)), None) => width * ahead as f64 / *days as f64,
            (Some((left, low)), Some((right, high))) => {
                low + (high - low) * (ahead - left) as f64 / (right - left) as f64
            }
        }
    }
}

/// The ⌈(n + 1)·level⌉-th smallest of `errors`, the largest where that is beyond them (Lei et al., 2018, algorithm 2);
/// none of nothing.
pub(super) fn conformal_quantile(mut errors: Vec<f64>, level: f64) -> Option<f64> {
    let rank = ((errors.len() + 1) as f64 * level).ceil() as usize;
    let at = rank.clamp(1, errors.len().max(1)) - 1;
    if errors.is_empty() {
        return None;
    }
    let (_, value, _) = errors.select_nth_unstable_by(at, f64::total_cmp);
    Some(*value)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    fn origin(errors: &[(i64, f64)]) -> Origin {
        Origin { errors: errors.to_vec(), relative: Vec::new() }
    }

    #[test]
    fn the_record_of_the_last_value_on_a_staircase_is_worked_by_hand() {
        // 10 on eight days, then 20: known are eight days and nine, three days each are looked at.
        let values: Vec<f64> = (0..12).map(|day| if day < 8 { 10.0 } else { 20.0 }).collect();
        let record = record(Model::Naive, &Daily { days: (0..12).collect(), values }, 3).unwrap();
        let errors: Vec<_> = record.origins.iter().map(|origin| origin.errors.clone()).collect();
        assert_eq!(errors, [[(1, 1.0), (2, 1.0), (3, 1.0)], [(1, 0.0), (2, 0.0), (3, 0.0)]], "of a level of 10");
        assert_eq!(record.mape(), Some(0.25), "10 of 20 on three days, nothing on three");
        assert_eq!((record.error, record.days_ahead_max()), (0.5, 3));
    }

    #[test]
    fn coverage_counts_what_earlier_errors_would_have_held() {
        let mut record = record(Model::Naive, &Daily { days: (0..12).collect(), values: vec![1.0; 12] }, 3).unwrap();
        let errors = [1.0, -2.0, 3.0, -2.5, 4.0];
        record.origins = errors.iter().map(|&error| origin(&[(1, error)])).collect();
        assert_eq!(record.coverage95(), Some(0.5), "2.5 is within 3, which 1, 2, 3 and 2.5 give; 4 is not");
        record.origins.truncate(COVERAGE_ORIGINS_BEFORE);
        assert_eq!(record.coverage95(), None);
    }

    #[test]
    fn bands_are_straight_between_the_days_that_were_tested_and_in_proportion_beyond() {
        let bands = Bands { grid: vec![(1, 1.0), (7, 2.0)] };
        assert_eq!([0, 1, 4, 7, 14].map(|ahead| bands.at(ahead)), [1.0, 1.0, 1.5, 2.0, 4.0]);
        let shrinking = Bands::of(&[origin(&[(1, 5.0), (60, -1.0)])], 0.95);
        assert_eq!((shrinking.at(1), shrinking.at(60)), (5.0, 5.0), "never narrower further on");
        assert_eq!(Bands::of(&[], 0.95).at(5), 0.0);
    }
}
