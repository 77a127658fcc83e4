//! The models: each a level, a slope and a weekday's effect, on the values or on their logarithms. Input: a daily
//! series. Output: a [`Fit`], none where the model does not apply to it. Pure.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::changepoint;
use super::daily::Daily;

/// A way to continue a series. The order is that of simplicity: of equals in the backtest the earlier is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Model {
    /// The last value stays: the floor that others have to beat.
    Naive,
    /// The level of the last four weeks stays, with the weekday's effect.
    Seasonal,
    /// Ordinary least squares with a weekday's effect.
    Trend,
    /// Theil and Sen's median of slopes (Sen, JASA 63, 1968) with a weekday's effect: outliers do not move it.
    RobustTrend,
    /// Growth by a constant rate: least squares on the logarithm.
    LogLinear,
    /// Theil and Sen's line since the last change of level or slope.
    Changepoint,
}

impl Model {
    /// All models, the simplest first.
    pub const ALL: [Self; 6] =
        [Self::Naive, Self::Seasonal, Self::Trend, Self::RobustTrend, Self::LogLinear, Self::Changepoint];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Seasonal => "seasonal",
            Self::Trend => "trend",
            Self::RobustTrend => "robust_trend",
            Self::LogLinear => "log_linear",
            Self::Changepoint => "changepoint",
        }
    }
}

/// Days of a season: a week.
const WEEK: usize = 7;
/// Under three seasons a weekly pattern is a guess, and none is fitted.
pub(super) const SEASONS_MIN: i64 = 3;
/// Days whose median is the level of [`Model::Seasonal`]: four whole weeks.
const LEVEL_DAYS: usize = 28;
/// A fit is never continued beyond this multiple of its level: it is nonsense long before, and must stay finite.
const GROWTH_MAX: f64 = 1e6;

/// A fitted model: `level + slope·(day − from_day) + effect of the weekday`, or the exponential of that.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The day at which `level` holds.
    pub from_day: i64,
    /// Level, in the values' unit or its logarithm.
    pub level: f64,
    /// Change per day, in the same.
    pub slope: f64,
    /// By [`weekday`], summing to 0; zeros where no weekly pattern was fitted.
    pub effects: [f64; WEEK],
    /// Whether all this is of logarithms.
    pub is_log: bool,
}

impl Fit {
    /// The value without the weekday's effect, not below 0.
    #[must_use]
    pub fn level_at(&self, day: i64) -> f64 {
        self.transform(self.level + self.slope * (day - self.from_day) as f64)
    }

    /// The value that is expected at `day`, not below 0.
    #[must_use]
    pub fn value_at(&self, day: i64) -> f64 {
        self.transform(self.level + self.slope * (day - self.from_day) as f64 + self.effects[weekday(day)])
    }

    fn transform(&self, value: f64) -> f64 {
        if self.is_log { value.min(self.level + GROWTH_MAX.ln()).exp() } else { value.max(0.0) }
    }
}

/// Which of the seven days of the week `day` is.
#[must_use]
pub fn weekday(day: i64) -> usize {
    usize::try_from(day.rem_euclid(WEEK as i64)).unwrap_or(0)
}

/// Fits `model` to `daily`. None where there is nothing to fit, a season or logarithm that is not to be had, or no
/// change point.
#[must_use]
pub fn fit(model: Model, daily: &Daily) -> Option<Fit> {
    let last_day = *daily.days.last()?;
    match model {
        Model::Naive => Some(Fit {
            from_day: last_day,
            level: *daily.values.last()?,
            slope: 0.0,
            effects: [0.0; WEEK],
            is_log: false,
        }),
        Model::Seasonal => {
            let effects = weekday_effects(daily)?;
            let rest = deseasonalised(daily, &effects);
            let level = median(rest.values[rest.len().saturating_sub(LEVEL_DAYS)..].to_vec())?;
            Some(Fit { from_day: last_day, level, slope: 0.0, effects, is_log: false })
        }
        Model::Trend => least_squares(daily).map(|line| line.fit),
        Model::RobustTrend => {
            let effects = weekday_effects(daily).unwrap_or_default();
            let (slope, level) = theil_sen(&deseasonalised(daily, &effects))?;
            Some(Fit { from_day: last_day, level, slope, effects, is_log: false })
        }
        Model::LogLinear => {
            let values: Option<Vec<f64>> = daily.values.iter().map(|&v| (v > 0.0).then(|| v.ln())).collect();
            let logs = Daily { days: daily.days.clone(), values: values? };
            least_squares(&logs).map(|line| Fit { is_log: true, ..line.fit })
        }
        Model::Changepoint => {
            let effects = weekday_effects(daily).unwrap_or_default();
            let rest = deseasonalised(daily, &effects);
            let start = changepoint::last_change(&rest)?;
            let (slope, level) = theil_sen(&rest.between(rest.days[start], last_day))?;
            Some(Fit { from_day: last_day, level, slope, effects, is_log: false })
        }
    }
}

/// `daily` without its weekdays' effects.
pub(super) fn deseasonalised(daily: &Daily, effects: &[f64; WEEK]) -> Daily {
    let values = daily.days.iter().zip(&daily.values).map(|(&day, value)| value - effects[weekday(day)]).collect();
    Daily { days: daily.days.clone(), values }
}

/// The weekday's effects by classical decomposition: the median over weeks of what each day is above the centred mean of
/// its seven days, which a trend or a change of level leaves alone (Hyndman and Athanasopoulos, Forecasting: Principles
/// and Practice, 3rd ed., §3.4; the median in place of the mean, for spikes). They sum to 0. None under three weeks.
#[must_use]
pub fn weekday_effects(daily: &Daily) -> Option<[f64; WEEK]> {
    if daily.span() < SEASONS_MIN * WEEK as i64 {
        return None;
    }
    let mut above: [Vec<f64>; WEEK] = std::array::from_fn(|_| Vec::new());
    for (days, values) in daily.days.windows(WEEK).zip(daily.values.windows(WEEK)) {
        let whole = days.first().zip(days.last()).is_some_and(|(first, last)| last - first == WEEK as i64 - 1);
        if whole {
            let mean = values.iter().sum::<f64>() / WEEK as f64;
            above[weekday(days[WEEK / 2])].push(values[WEEK / 2] - mean);
        }
    }
    let mut effects = [0.0; WEEK];
    for (effect, above) in effects.iter_mut().zip(above) {
        *effect = (above.len() >= 2).then(|| median(above))??;
    }
    let mean = effects.iter().sum::<f64>() / WEEK as f64;
    Some(effects.map(|effect| effect - mean))
}

/// The least squares line with what is known of its slope.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The line.
    pub fit: Fit,
    /// The probability of a slope so far from 0 where there is none (two-sided t test); none without any noise or with
    /// too few days.
    pub slope_p_value: Option<f64>,
    /// Half the width of the slope's 95 % interval, per day; none as above.
    pub slope_half_width95: Option<f64>,
}

/// Ordinary least squares of a slope and, from three weeks on, one intercept per weekday. Weekdays are partialled out
/// (Frisch, Waugh and Lovell), so that one division replaces the 8×8 system. The slope's t test has its degrees of freedom
/// multiplied by (1 − r₁)/(1 + r₁), r₁ the residuals' lag-1 autocorrelation (Santer et al., J. Geophys. Res. 105, 2000):
/// taken for independent, days would call nearly every slope significant.
#[must_use]
pub fn least_squares(daily: &Daily) -> Option<Line> {
    let last_day = *daily.days.last()?;
    let has_season = daily.span() >= SEASONS_MIN * WEEK as i64 && {
        let mut counts = [0; WEEK];
        daily.days.iter().for_each(|&day| counts[weekday(day)] += 1);
        counts.iter().all(|&count| count >= 2)
    };
    let bucket = |day: i64| if has_season { weekday(day) } else { 0 };
    let buckets = if has_season { WEEK } else { 1 };
    let rows = || daily.days.iter().map(|&day| ((day - last_day) as f64, bucket(day))).zip(&daily.values);
    let (mut count, mut mean_t, mut mean_y) = ([0.0; WEEK], [0.0; WEEK], [0.0; WEEK]);
    for ((t, b), y) in rows() {
        count[b] += 1.0;
        mean_t[b] += t;
        mean_y[b] += y;
    }
    for b in 0..buckets {
        mean_t[b] /= count[b];
        mean_y[b] /= count[b];
    }
    let (mut tt, mut ty) = (0.0, 0.0);
    for ((t, b), y) in rows() {
        tt += (t - mean_t[b]) * (t - mean_t[b]);
        ty += (t - mean_t[b]) * (y - mean_y[b]);
    }
    if tt <= 0.0 {
        return None;
    }
    let slope = ty / tt;
    let intercepts: Vec<f64> = (0..buckets).map(|b| mean_y[b] - slope * mean_t[b]).collect();
    let level = intercepts.iter().sum::<f64>() / buckets as f64;
    let mut effects = [0.0; WEEK];
    if has_season {
        effects.iter_mut().zip(&intercepts).for_each(|(effect, intercept)| *effect = intercept - level);
    }
    let residuals: Vec<f64> = rows().map(|((t, b), y)| y - intercepts[b] - slope * t).collect();
    let (slope_p_value, slope_half_width95) = significance(slope, tt, &residuals, buckets + 1);
    let fit = Fit { from_day: last_day, level, slope, effects, is_log: false };
    Some(Line { fit, slope_p_value, slope_half_width95 })
}

fn significance(slope: f64, tt: f64, residuals: &[f64], parameters: usize) -> (Option<f64>, Option<f64>) {
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    let lagged: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    if squares <= 0.0 {
        return (None, None);
    }
    // Negative autocorrelation is not credited: it would claim more days than there are.
    let r1 = (lagged / squares).clamp(0.0, 0.99);
    let freedom = residuals.len().saturating_sub(parameters) as f64 * (1.0 - r1) / (1.0 + r1);
    if freedom < 1.0 {
        return (None, None);
    }
    let error = (squares / freedom / tt).sqrt();
    let Ok(t) = StudentsT::new(0.0, 1.0, freedom) else { return (None, None) };
    (Some(2.0 * t.cdf(-(slope / error).abs())), Some(t.inverse_cdf(0.975) * error))
}

/// The median of all pairs' slopes, and the median level at the last day with it (Sen, JASA 63, 1968). Up to 29 % of
/// the days may be arbitrarily wrong. None for fewer than two days.
#[must_use]
pub fn theil_sen(daily: &Daily) -> Option<(f64, f64)> {
    let last_day = *daily.days.last()?;
    let n = daily.len();
    let mut slopes = Vec::with_capacity(n * n.saturating_sub(1) / 2);
    for (row, (&day, &value)) in daily.days.iter().zip(&daily.values).enumerate() {
        let later = daily.days.iter().zip(&daily.values).skip(row + 1);
        slopes.extend(later.map(|(&other_day, &other)| (other - value) / (other_day - day) as f64));
    }
    let slope = median(slopes)?;
    let level = |(&day, value): (&i64, &f64)| value - slope * (day - last_day) as f64;
    Some((slope, median(daily.days.iter().zip(&daily.values).map(level).collect())?))
}

/// The median; none of nothing.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if is_odd {
        return Some(upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some((lower + upper) / 2.0)
}
