//! When each resource group reaches its limits: the history's growth on top of the snapshot's load.
//!
//! Input: a snapshot, a policy, a history. Output: a [`Forecast`]: per group and goal the model that would have forecast
//! the past best, bands as wide as its past errors, how often such bands held, and the days to each threshold. Pure, and
//! the same at any thread count for the same seed.
//!
//! What is forecast is the group's load ÷ its capacity, that is, the mean utilization of its brokers, which every broker
//! is at once the group is balanced. The snapshot says where it stands; the history, scaled so that it ends there, says
//! how it grows. `busiest` says when the broker that is fullest today gets there at the group's rate of growth.

mod backtest;
mod changepoint;
mod daily;
mod demand;
mod fit;
mod passage;
#[cfg(test)]
mod tests;
mod wander;

use std::collections::BTreeMap;

use rand_pcg::Pcg64;
use rayon::prelude::*;

pub use daily::Daily;
pub use demand::Source;
pub use fit::{Fit, Line, Model, fit, least_squares, theil_sen, weekday, weekday_effects};
pub use passage::DaysToThreshold;

use self::backtest::Bands;
use self::daily::DAY_SEC;
use self::demand::{Demand, Group};
use self::passage::{ErrorPool, Paths};
use self::wander::persistence;
use super::headroom::limit;
use crate::model::load::capacity;
use crate::model::{BrokerIdx, Goal, Groups, History, NotEvaluated, Placement, Policy, Snapshot};
use crate::verify::Usage;
use crate::verify::assess::band_brokers;

/// Fewer days carry no forecast: two weeks, and a backtest would stand on a handful of errors.
pub const DAYS_MIN: usize = 14;
/// Older days say little of today's growth, and cost the square of their number.
pub const DAYS_MAX: i64 = 730;
/// A history that ends so many days before the snapshot says nothing of today.
const STALE_DAYS_MAX: i64 = 60;
/// Paths are followed for this multiple of the horizon, so that the percentiles of those that cross within it are known.
const SIMULATED_HORIZONS: usize = 3;
/// Bands that held less often than this are called too narrow: 95 % were asked for.
const COVERAGE_MIN: f64 = 0.90;
/// A history that ends further from the snapshot's load than this share is said to be scaled.
const SCALE_TOLERANCE: f64 = 0.05;
/// Days of the past that a [`GoalForecast`] keeps for charts.
const HISTORY_DAYS_SHOWN: i64 = 365;
/// Growth is given over so many days.
const GROWTH_DAYS: i64 = 30;
/// Days of a week.
const WEEK_DAYS: usize = 7;

/// What to forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastOptions {
    /// How far ahead, in days, from 1 to [`Self::HORIZON_DAYS_MAX`].
    pub horizon_days: u32,
    /// Thresholds by goal, fractions; a goal without any is held against the policy's limit, disk also against 1.
    pub thresholds: BTreeMap<Goal, Vec<f64>>,
    /// Seed of the resampling.
    pub seed: u64,
}

impl ForecastOptions {
    /// Ten years: beyond, no history of two is any help.
    pub const HORIZON_DAYS_MAX: u32 = 3_650;
}

impl Default for ForecastOptions {
    fn default() -> Self {
        Self { horizon_days: 180, thresholds: BTreeMap::new(), seed: 0 }
    }
}

/// All groups' forecasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// The day of the snapshot, `2026-11-20`; empty where its time cannot be read.
    pub captured_on: String,
    /// How far ahead, in days.
    pub horizon_days: u32,
    /// Groups by name, goals in their order.
    pub series: Vec<GoalForecast>,
    /// What could not be forecast.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// One group's utilization in one goal: all figures are fractions of the group's capacity.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalForecast {
    /// Resource group.
    pub group: String,
    /// One of [`Goal::UTILIZATIONS`].
    pub goal: Goal,
    /// Which model was taken.
    pub model: Model,
    /// Where the history came from.
    pub source: Source,
    /// How many days of history the model stands on.
    pub history_days: usize,
    /// How well it would have forecast the past.
    pub backtest: Backtest,
    /// Σ load ÷ Σ capacity in the snapshot.
    pub today: f64,
    /// The broker that is fullest today, and its utilization.
    pub busiest: (BrokerIdx, f64),
    /// By how much utilization is expected to change within thirty days.
    pub growth_30_days: f64,
    /// The probability of so steep a trend where there is none; none where it cannot be tested.
    pub growth_p_value: Option<f64>,
    /// The first is the one that matters most: the policy's limit, or the first that was asked for.
    pub thresholds: Vec<Threshold>,
    /// From the snapshot's day to the horizon, a day apart.
    pub points: Vec<Point>,
    /// Up to a year of the past, scaled to end at `today`: day (0 = the snapshot's) and utilization.
    pub history: Vec<(i64, f64)>,
    /// What the reader should know, in sentences without a full stop.
    pub notes: Vec<String>,
}

impl GoalForecast {
    /// Growth in a day by the median path, as a share of today's utilization: (mean of its last week − today) ÷ days
    /// between ÷ today. A whole week, so that no weekday counts as growth; the last day alone where the path is shorter.
    /// None where nothing is forecast ahead or today has no load.
    #[must_use]
    pub fn growth_per_day(&self) -> Option<f64> {
        let ahead = self.points.get(1..).filter(|ahead| !ahead.is_empty())?;
        let week = if ahead.len() < WEEK_DAYS { 1 } else { WEEK_DAYS };
        let last = ahead.get(ahead.len() - week..)?;
        let mean = last.iter().map(|point| point.p50).sum::<f64>() / week as f64;
        let days = ahead.len() as f64 - (week as f64 - 1.0) / 2.0;
        (self.today > 0.0).then(|| (mean - self.today) / days / self.today)
    }
}

/// A model's record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backtest {
    /// Mean of |error| ÷ value, a fraction; none where every value is 0.
    pub mape: Option<f64>,
    /// The share of past values that bands of 95 % held, a fraction; none with too few past forecasts.
    pub coverage95: Option<f64>,
    /// From how many days in the past it forecast.
    pub origins: usize,
    /// How far ahead at most, in days.
    pub days_ahead: u32,
}

/// A utilization that should not be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// A fraction.
    pub utilization: f64,
    /// When the group reaches it; none where fewer than one path in ten does within the horizon.
    pub days: Option<DaysToThreshold>,
    /// When today's fullest broker does.
    pub busiest_days: Option<DaysToThreshold>,
}

/// One day of a forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// `2026-11-20`.
    pub date: String,
    /// Lower end of the 90 % band.
    pub p05: f64,
    /// The model's forecast.
    pub p50: f64,
    /// Upper end.
    pub p95: f64,
}

/// Forecasts every group's goals. Nothing fails: what cannot be forecast is among `not_evaluated`, with why.
#[must_use]
pub fn forecast(snapshot: &Snapshot, policy: &Policy, history: &History, options: &ForecastOptions) -> Forecast {
    let mut result = Forecast { horizon_days: options.horizon_days, ..Forecast::default() };
    let captured = snapshot.cluster.captured_at.parse::<jiff::Timestamp>();
    let Ok(captured_day) = captured.map(|time| time.as_second().div_euclid(DAY_SEC)) else {
        result.not_evaluated.push(NotEvaluated {
            what: "forecast".to_owned(),
            why: format!("captured_at {:?} is no RFC 3339 time", snapshot.cluster.captured_at),
        });
        return result;
    };
    result.captured_on = date(captured_day);
    let groups = Groups::new(snapshot, policy);
    let usage = Usage::of(snapshot, &Placement::of(snapshot));
    let wanted: Vec<(usize, Goal)> = (0..groups.names().len())
        .flat_map(|group| Goal::UTILIZATIONS.into_iter().map(move |goal| (group, goal)))
        .collect();
    let context = Context { snapshot, policy, history, options, groups: &groups, usage: &usage, captured_day };
    let outcomes: Vec<Result<GoalForecast, NotEvaluated>> =
        wanted.into_par_iter().map(|(group, goal)| context.of(group, goal)).collect();
    for outcome in outcomes {
        match outcome {
            Ok(series) => result.series.push(series),
            Err(why) => result.not_evaluated.push(why),
        }
    }
    result
}

/// A daily series' best model with its bands: what [`forecast`] does for each series, apart from clusters.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Which model was taken.
    pub model: Model,
    /// Fitted to the whole series.
    pub fit: Fit,
    /// Its record.
    pub backtest: Backtest,
    origins: Vec<backtest::Origin>,
    bands90: Bands,
    /// What bands are relative to.
    scale: f64,
}

impl Analysis {
    /// The model's value and the 90 % band around it, `days_ahead` of the series' last day; in the series' unit.
    #[must_use]
    pub fn at(&self, days_ahead: i64) -> [f64; 3] {
        let middle = self.fit.value_at(self.fit.from_day + days_ahead);
        let half = self.bands90.at(days_ahead) * self.scale;
        [(middle - half).max(0.0), middle, middle + half]
    }
}

/// Chooses a model for `daily` by backtest over horizons of up to `horizon_days`, its last [`DAYS_MAX`] days alone.
///
/// # Errors
/// Why the series carries no forecast.
pub fn analyse(daily: &Daily, horizon_days: u32) -> Result<Analysis, String> {
    let last = daily.days.last().copied().unwrap_or(0);
    let recent = daily.between(last - DAYS_MAX + 1, last);
    if recent.len() < DAYS_MIN {
        return Err(format!("{} days of history are too few, {DAYS_MIN} are the least", recent.len()));
    }
    if recent.values.iter().all(|value| *value <= 0.0) {
        return Err("the history is all 0".to_owned());
    }
    let records = backtest::records(&recent, i64::from(horizon_days));
    let best = backtest::best(records).ok_or("no model could be tested on the history")?;
    let backtest = Backtest {
        mape: best.mape(),
        coverage95: best.coverage95(),
        origins: best.origins.len(),
        days_ahead: u32::try_from(best.days_ahead_max()).unwrap_or(0),
    };
    let bands90 = Bands::of(&best.origins, 0.90);
    let scale = backtest::scale(&recent);
    Ok(Analysis { model: best.model, fit: best.fit, backtest, origins: best.origins, bands90, scale })
}

struct Context<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    history: &'a History,
    options: &'a ForecastOptions,
    groups: &'a Groups,
    usage: &'a Usage,
    captured_day: i64,
}

/// Where a group stands in the snapshot.
struct Today {
    load: f64,
    capacity: f64,
    busiest: (BrokerIdx, f64),
}

impl Context<'_> {
    fn of(&self, number: usize, goal: Goal) -> Result<GoalForecast, NotEvaluated> {
        let group = self.groups.names().get(number).cloned().unwrap_or_default();
        let refuse = |why: String| NotEvaluated { what: format!("{} of group {group}", goal.name()), why };
        let brokers = band_brokers(self.snapshot, self.groups, number);
        let today = self.today(&brokers, goal).map_err(refuse)?;
        let (snapshot, history, groups) = (self.snapshot, self.history, self.groups);
        let demand = Group { snapshot, history, groups, number, brokers: &brokers }.demand(goal).map_err(refuse)?;
        self.continued(&group, goal, today, demand).map_err(refuse)
    }

    fn today(&self, brokers: &[BrokerIdx], goal: Goal) -> Result<Today, String> {
        if brokers.is_empty() {
            return Err("the group has no active broker with an online log dir".to_owned());
        }
        if goal == Goal::Cpu && !self.usage.has_cpu {
            return Err("no broker has cpu_cores and cpu_utilization".to_owned());
        }
        let (mut load, mut total, mut busiest) = (0.0, 0.0, None::<(BrokerIdx, f64)>);
        for &broker in brokers {
            let own = self.usage.load(broker, goal).unwrap_or(0.0);
            let Some(most) = capacity(self.snapshot, broker, goal) else {
                let id = self.snapshot.broker(broker).id;
                return Err(format!("the {} capacity of broker {id} is unknown", goal.name()));
            };
            load += own;
            total += most;
            if busiest.is_none_or(|(_, highest)| own / most > highest) {
                busiest = Some((broker, own / most));
            }
        }
        match busiest {
            Some(busiest) if load > 0.0 => Ok(Today { load, capacity: total, busiest }),
            _ => Err("the snapshot has no such load".to_owned()),
        }
    }

    /// The series from its past through today to the horizon.
    fn continued(&self, group: &str, goal: Goal, today: Today, demand: Demand) -> Result<GoalForecast, String> {
        let Demand { daily, source, mut notes } = demand;
        let daily = daily.between(i64::MIN, self.captured_day);
        let last = *daily.days.last().ok_or("the history has nothing before the snapshot")?;
        let gap = self.captured_day - last;
        if gap > STALE_DAYS_MAX {
            return Err(format!("the history ends {gap} days before the snapshot, {STALE_DAYS_MAX} are the most"));
        }
        let analysis = analyse(&daily, self.options.horizon_days)?;
        let level = analysis.fit.level_at(self.captured_day);
        if level <= 0.0 {
            return Err("the history falls to 0 before the snapshot".to_owned());
        }
        // From the history's unit to a share of the group's capacity.
        let share = today.load / today.capacity;
        let scale = share / level;
        notes.extend(self.notes(&daily, &analysis, gap, today.load / level));
        let days = i64::from(self.options.horizon_days);
        let value = |ahead: i64| analysis.fit.value_at(self.captured_day + ahead) * scale;
        let point = |ahead: i64| {
            let half = if ahead == 0 { 0.0 } else { analysis.bands90.at(ahead + gap) * analysis.scale * scale };
            let p50 = if ahead == 0 { share } else { value(ahead) };
            Point { date: date(self.captured_day + ahead), p05: (p50 - half).max(0.0), p50, p95: p50 + half }
        };
        let from = daily.between(self.captured_day - HISTORY_DAYS_SHOWN, self.captured_day);
        let past = from.days.iter().zip(&from.values).map(|(day, value)| (day - self.captured_day, value * scale));
        Ok(GoalForecast {
            group: group.to_owned(),
            goal,
            model: analysis.model,
            source,
            history_days: daily.between(last - DAYS_MAX + 1, last).len(),
            backtest: analysis.backtest,
            today: share,
            busiest: today.busiest,
            growth_30_days: analysis.fit.level_at(self.captured_day + GROWTH_DAYS) * scale - share,
            growth_p_value: least_squares(&daily).and_then(|line| line.slope_p_value),
            thresholds: self.thresholds(group, goal, &analysis, gap, scale, today.busiest.1 / share),
            points: (0..=days).map(point).collect(),
            history: past.collect(),
            notes,
        })
    }

    /// When the thresholds are reached: by the group, and by a broker that is `busier` times as full.
    fn thresholds(
        &self,
        group: &str,
        goal: Goal,
        analysis: &Analysis,
        gap: i64,
        scale: f64,
        busier: f64,
    ) -> Vec<Threshold> {
        let days = self.options.horizon_days as usize * SIMULATED_HORIZONS;
        let forecast: Vec<f64> =
            (1..=days as i64).map(|ahead| analysis.fit.value_at(self.captured_day + ahead) * scale).collect();
        let pool = ErrorPool::of(&analysis.origins, &analysis.bands90);
        let paths = Paths::draw(&pool, &analysis.bands90, gap, days, self.stream(group, goal));
        let today = analysis.fit.level_at(self.captured_day) * scale;
        let reached = |threshold: f64| {
            if today >= threshold {
                return Some(DaysToThreshold { p10: 0, p50: Some(0), p90: Some(0) });
            }
            let days = paths.first_passage(&forecast, analysis.scale * scale, threshold);
            days.filter(|days| days.p10 <= self.options.horizon_days)
        };
        let wanted = match self.options.thresholds.get(&goal) {
            Some(wanted) if !wanted.is_empty() => wanted.clone(),
            _ if goal == Goal::Disk => vec![self.policy.limits.disk, 1.0],
            _ => limit(self.policy, goal).into_iter().collect(),
        };
        let threshold = |utilization: f64| Threshold {
            utilization,
            days: reached(utilization),
            busiest_days: reached(utilization / busier),
        };
        wanted.into_iter().map(threshold).collect()
    }

    /// A stream of chance for each series, so that none shifts another's draws.
    fn stream(&self, group: &str, goal: Goal) -> Pcg64 {
        // FNV-1a, so that the series' name is the stream's number.
        let bytes = group.bytes().chain([0]).chain(goal.name().bytes());
        let number =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Pcg64::new(u128::from(self.options.seed), u128::from(number))
    }

    fn notes(&self, daily: &Daily, analysis: &Analysis, gap: i64, factor: f64) -> Vec<String> {
        let mut notes = Vec::new();
        if (factor - 1.0).abs() > SCALE_TOLERANCE {
            notes.push(format!("the history is multiplied by {factor:.2} to end at the snapshot's load"));
        }
        if gap > 7 {
            notes.push(format!("the history ends {gap} days before the snapshot"));
        }
        if daily.span() < fit::SEASONS_MIN * 7 {
            notes.push("no weekly pattern is fitted: the history is shorter than three weeks".to_owned());
        }
        let missing = daily.span() - daily.len() as i64;
        if missing > 0 {
            notes.push(format!("{missing} of {} days have no figure", daily.span()));
        }
        let persistence = persistence(daily, analysis.model, &analysis.fit);
        if let Some(wanders) = persistence.filter(|p| p.independent < wander::INDEPENDENT_MIN) {
            notes.push(format!(
                "the series wanders: {:.0} % of a day's error is in the next day's, so that {} days are worth {:.0} \
                 independent ones; take the bands for too narrow, whatever they held",
                wanders.kept * 100.0,
                daily.len(),
                wanders.independent
            ));
        }
        match analysis.backtest.coverage95 {
            Some(coverage) if coverage < COVERAGE_MIN => notes.push(format!(
                "bands meant to hold 95 % held {:.0} % of past values: take these for too narrow",
                coverage * 100.0
            )),
            Some(_) => {}
            None => notes.push("too few past forecasts to say how often bands hold".to_owned()),
        }
        if i64::from(self.options.horizon_days) > i64::from(analysis.backtest.days_ahead) {
            notes.push(format!(
                "the history tests {} days ahead; beyond, bands widen in proportion",
                analysis.backtest.days_ahead
            ));
        }
        notes
    }
}

/// A day as `2026-11-20`; empty outside the calendar's range.
#[must_use]
pub fn date(day: i64) -> String {
    let time = jiff::Timestamp::from_second(day.saturating_mul(DAY_SEC));
    time.map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d").to_string())
}
