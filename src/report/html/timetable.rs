//! The page's part on when batches end: a chart of the batches, one of hours by throttle, what to know beforehand.

use super::figures::ChartView;
use crate::plan::Plan;
use crate::plan::fluid::Durations;
use crate::plan::timetable::SweepRow;
use crate::report::charts::{Gantt, GanttRow, TradeOff, TradeOffPoint};
use crate::report::human;
use crate::report::text::span;

/// Batches that are drawn: a screen and a half.
const BATCHES: usize = 40;

/// The batches over time; none where nothing is copied or one never ends.
pub(super) fn gantt(plan: &Plan) -> Option<ChartView> {
    let table = &plan.timetable;
    let mut start = 0.0;
    let mut rows = Vec::new();
    let mut cells = Vec::new();
    for (offset, time) in table.batches.iter().enumerate() {
        let throttle = human::rate(time.throttle.bytes_per_sec as f64);
        let Durations { p50, p90, .. } = time.durations;
        let end_p50 = start + p50?;
        let end_p90 = p90.map(|seconds| start + seconds);
        rows.push(GanttRow {
            label: format!("batch {}, {throttle}", offset + 1),
            start,
            end_p50,
            end_p90,
            is_at_risk: false,
        });
        cells.push(vec![(offset + 1).to_string(), throttle, human::duration(start), span(&time.durations)]);
        start = end_p50;
    }
    let is_copying = plan.batches.iter().any(|batch| batch.inter_broker_bytes + batch.intra_broker_bytes > 0);
    if !is_copying {
        return None;
    }
    let beyond = rows.len().saturating_sub(BATCHES);
    rows.truncate(BATCHES);
    let title = if beyond > 0 {
        format!("Batches over time: the first {BATCHES} of {}", human::count((beyond + BATCHES) as u64))
    } else {
        "Batches over time".to_owned()
    };
    cells.truncate(BATCHES);
    Some(ChartView {
        svg: Gantt { title: title.clone(), rows }.svg("gantt"),
        title,
        head: ["batch", "throttle", "starts after", "takes"].map(str::to_owned).to_vec(),
        rows: cells,
    })
}

/// Hours by throttle; none where nothing is copied.
pub(super) fn sweep(plan: &Plan) -> Option<ChartView> {
    let table = &plan.timetable;
    if table.sweep.is_empty() {
        return None;
    }
    let point = |row: &SweepRow| {
        let Durations { p10, p50, p90 } = row.durations;
        Some(TradeOffPoint { bytes_per_sec: row.throttle_bytes_per_sec as f64, seconds: [p10?, p50?, p90?] })
    };
    let points: Vec<TradeOffPoint> = table.sweep.iter().filter_map(point).collect();
    if points.is_empty() {
        return None;
    }
    let title = "The whole plan by throttle".to_owned();
    let chart = TradeOff {
        title: title.clone(),
        points,
        limit_bytes_per_sec: table.headroom.map(|headroom| headroom.throttle_max_bytes_per_sec()),
    };
    let cells = |row: &SweepRow| {
        let limits = match row.keeps_limits {
            Some(true) => "kept",
            Some(false) => "▲ passed",
            None => "unknown",
        };
        vec![human::rate(row.throttle_bytes_per_sec as f64), span(&row.durations), limits.to_owned()]
    };
    Some(ChartView {
        svg: chart.svg("sweep"),
        title,
        head: ["throttle", "takes", "network limits"].map(str::to_owned).to_vec(),
        rows: table.sweep.iter().map(cells).collect(),
    })
}
