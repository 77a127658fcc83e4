//! A forecast as a table of the capacity report: a row per group, goal and threshold.

use crate::capacity::Forecast;
use crate::model::Snapshot;
use crate::report::capacity::sheet::{Cell, Sheet, figures, words};

/// The days to each threshold; without rows where there is no forecast. Days that are not known are empty: `forecast` in
/// report.json says why.
pub(in crate::report) fn sheet(snapshot: &Snapshot, forecast: Option<&Forecast>) -> Sheet {
    let mut rows = Vec::new();
    for series in forecast.into_iter().flat_map(|forecast| &forecast.series) {
        let (broker, utilization) = series.busiest;
        for threshold in &series.thresholds {
            let days = |days: Option<u32>| days.map_or(Cell::Missing, |days| Cell::Count(days.into()));
            rows.push(vec![
                series.group.clone().into(),
                series.goal.name().into(),
                series.model.name().into(),
                Cell::some(series.backtest.mape, Cell::Share),
                Cell::some(series.backtest.coverage95, Cell::Share),
                Cell::Share(series.today),
                Cell::Share((series.today + series.growth_30_days).max(0.0)),
                Cell::Share(threshold.utilization),
                days(threshold.days.map(|days| days.p10)),
                days(threshold.days.and_then(|days| days.p50)),
                days(threshold.days.and_then(|days| days.p90)),
                Cell::Text(snapshot.broker(broker).id.to_string()),
                Cell::Share(utilization),
                days(threshold.busiest_days.and_then(|days| days.p50)),
            ]);
        }
    }
    Sheet {
        name: "forecast",
        title: "Days until limits are reached",
        columns: vec![
            words("resource_group", "group"),
            words("goal", "resource"),
            words("model", "model"),
            figures("mape", "MAPE"),
            figures("coverage95", "held"),
            figures("utilization_mean", "today"),
            figures("utilization_mean_in_30_days", "in 30 days"),
            figures("threshold", "threshold"),
            figures("days_to_threshold_p10", "p10 days"),
            figures("days_to_threshold_p50", "p50 days"),
            figures("days_to_threshold_p90", "p90 days"),
            figures("busiest_broker", "fullest broker"),
            figures("utilization_max", "most"),
            figures("busiest_days_to_threshold_p50", "its p50 days"),
        ],
        rows,
    }
}
