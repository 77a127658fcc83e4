//! A forecast as JSON (contract §6, `forecast`). Every `null` has its reason in `not_evaluated`.

use serde::Serialize;

use crate::capacity::Forecast;
use crate::capacity::forecast::{DaysToThreshold, GoalForecast, Threshold};
use crate::model::{NotEvaluated, Snapshot};
use crate::report::json::{NotEvaluatedView, rounded};

/// The forecast in the contract's keys, for this command and for what takes it in under a key of its own.
#[must_use]
pub fn view<'a>(snapshot: &Snapshot, forecast: &'a Forecast) -> impl Serialize + use<'a> {
    let nulls = forecast.series.iter().flat_map(|series| nulls(series, forecast.horizon_days));
    let nulls = nulls.map(NotEvaluatedView::from);
    let known = forecast.not_evaluated.iter().map(NotEvaluatedView::from);
    View {
        captured_on: &forecast.captured_on,
        horizon_days: forecast.horizon_days,
        series: forecast.series.iter().map(|series| SeriesView::of(snapshot, series)).collect(),
        not_evaluated: known.chain(nulls).collect(),
    }
}

#[derive(Serialize)]
struct View<'a> {
    captured_on: &'a str,
    horizon_days: u32,
    series: Vec<SeriesView<'a>>,
    not_evaluated: Vec<NotEvaluatedView<'a>>,
}

/// What is null in `series`, and why.
fn nulls(series: &GoalForecast, horizon_days: u32) -> Vec<NotEvaluated> {
    let mut missing = Vec::new();
    let mut add = |figure: &str, why: String| {
        missing.push(NotEvaluated::new(format!("{figure} of {} of group {}", series.goal.name(), series.group), why));
    };
    if series.backtest.mape.is_none() {
        add("backtest.mape", "every past value is 0".to_owned());
    }
    if series.backtest.coverage95.is_none() {
        add("backtest.coverage95", "too few past forecasts".to_owned());
    }
    if series.growth_p_value.is_none() {
        add("growth_p_value", "too few days, or none off the trend".to_owned());
    }
    for threshold in &series.thresholds {
        let limit = threshold.utilization;
        let simulated = "too few paths get there for p90, thresholds has what is known";
        match threshold.days {
            None => {
                add("days_to_threshold", format!("{limit} is not reached within the horizon of {horizon_days} days"))
            }
            Some(days) if days.p50.is_none() || days.p90.is_none() => {
                add("days_to_threshold", format!("{limit}: {simulated}"));
            }
            Some(_) => {}
        }
        match threshold.busiest_days {
            None => add("busiest.days_to_threshold", format!("{limit} is not reached within {horizon_days} days")),
            Some(days) if days.p50.is_none() || days.p90.is_none() => {
                add("busiest.days_to_threshold", format!("{limit}: {simulated}"));
            }
            Some(_) => {}
        }
    }
    missing
}

#[derive(Serialize)]
struct SeriesView<'a> {
    resource_group: &'a str,
    goal: &'static str,
    model: &'static str,
    backtest: BacktestView,
    today: f64,
    threshold: Option<f64>,
    days_to_threshold: Option<DaysView>,
    thresholds: Vec<ThresholdView>,
    busiest: BusiestView,
    growth_30_days: f64,
    growth_p_value: Option<f64>,
    source: &'static str,
    history_days: usize,
    notes: &'a [String],
    points: Vec<PointView<'a>>,
}

impl<'a> SeriesView<'a> {
    fn of(snapshot: &Snapshot, series: &'a GoalForecast) -> Self {
        let first = series.thresholds.first();
        let point = |point: &'a crate::capacity::forecast::Point| PointView {
            date: &point.date,
            p05: rounded(point.p05),
            p50: rounded(point.p50),
            p95: rounded(point.p95),
        };
        let (broker, utilization) = series.busiest;
        Self {
            resource_group: &series.group,
            goal: series.goal.name(),
            model: series.model.name(),
            backtest: BacktestView {
                mape: series.backtest.mape.map(rounded),
                coverage95: series.backtest.coverage95.map(rounded),
                origins: series.backtest.origins,
                days_ahead: series.backtest.days_ahead,
            },
            today: rounded(series.today),
            threshold: first.map(|t| rounded(t.utilization)),
            days_to_threshold: first.and_then(|t| t.days).and_then(DaysView::whole),
            thresholds: series.thresholds.iter().map(ThresholdView::of).collect(),
            busiest: BusiestView {
                broker_id: snapshot.broker(broker).id,
                utilization: rounded(utilization),
                days_to_threshold: first.and_then(|t| t.busiest_days).and_then(DaysView::whole),
            },
            growth_30_days: rounded(series.growth_30_days),
            growth_p_value: series.growth_p_value.map(rounded),
            source: series.source.name(),
            history_days: series.history_days,
            notes: &series.notes,
            points: series.points.iter().map(point).collect(),
        }
    }
}

#[derive(Serialize)]
struct BacktestView {
    mape: Option<f64>,
    coverage95: Option<f64>,
    origins: usize,
    days_ahead: u32,
}

#[derive(Serialize)]
struct DaysView {
    p10: u32,
    p50: Option<u32>,
    p90: Option<u32>,
}

impl DaysView {
    fn of(days: DaysToThreshold) -> Self {
        Self { p10: days.p10, p50: days.p50, p90: days.p90 }
    }

    /// The contract's key holds all three or nothing; `thresholds` has what is known.
    fn whole(days: DaysToThreshold) -> Option<Self> {
        (days.p50.is_some() && days.p90.is_some()).then(|| Self::of(days))
    }
}

#[derive(Serialize)]
struct ThresholdView {
    threshold: f64,
    days_to_threshold: Option<DaysView>,
}

impl ThresholdView {
    fn of(threshold: &Threshold) -> Self {
        Self { threshold: rounded(threshold.utilization), days_to_threshold: threshold.days.map(DaysView::of) }
    }
}

#[derive(Serialize)]
struct BusiestView {
    broker_id: i32,
    utilization: f64,
    days_to_threshold: Option<DaysView>,
}

#[derive(Serialize)]
struct PointView<'a> {
    date: &'a str,
    p05: f64,
    p50: f64,
    p95: f64,
}
