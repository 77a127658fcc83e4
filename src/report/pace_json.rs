//! What plan.json says of throttles and durations: `pace`, and the batches' `duration_seconds`.

use serde::Serialize;

use super::json::rounded;
use crate::model::Snapshot;
use crate::plan::Plan;
use crate::plan::fluid::Durations;
use crate::plan::throttle::Headroom;
use crate::plan::timetable::SweepRow;

/// Seconds that nine of ten, half and one of ten runs take at least; null where they never end.
#[derive(Serialize)]
pub(super) struct DurationsView {
    p10: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
}

impl From<&Durations> for DurationsView {
    fn from(durations: &Durations) -> Self {
        // Tenths of a second: finer than any prediction.
        let tenths = |seconds: Option<f64>| seconds.map(|seconds| rounded((seconds * 10.0).round() / 10.0));
        Self { p10: tenths(durations.p10), p50: tenths(durations.p50), p90: tenths(durations.p90) }
    }
}

#[derive(Serialize)]
struct PaceView<'a> {
    throttle_bytes_per_sec: u64,
    /// `given`, `deadline`, `headroom`, `floor` or `default`.
    throttle_basis: &'static str,
    duration_seconds: DurationsView,
    headroom: Option<HeadroomView>,
    sweep: Vec<SweepView>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct HeadroomView {
    broker: i32,
    rule: &'static str,
    bytes_per_sec: f64,
}

#[derive(Serialize)]
struct SweepView {
    throttle_bytes_per_sec: u64,
    duration_seconds: DurationsView,
    keeps_limits: Option<bool>,
}

/// The plan's timetable but for the batches, which carry theirs.
pub(super) fn pace<'a>(snapshot: &Snapshot, plan: &'a Plan) -> impl Serialize + use<'a> {
    let table = &plan.timetable;
    let headroom = |headroom: Headroom| HeadroomView {
        broker: snapshot.broker(headroom.broker).id,
        rule: headroom.rule.name(),
        bytes_per_sec: rounded(headroom.bytes_per_sec),
    };
    let sweep = |row: &SweepRow| SweepView {
        throttle_bytes_per_sec: row.throttle_bytes_per_sec,
        duration_seconds: (&row.durations).into(),
        keeps_limits: row.keeps_limits,
    };
    PaceView {
        throttle_bytes_per_sec: table.throttle.bytes_per_sec,
        throttle_basis: table.throttle.basis.name(),
        duration_seconds: (&table.total).into(),
        headroom: table.headroom.map(headroom),
        sweep: table.sweep.iter().map(sweep).collect(),
        warnings: &table.warnings,
    }
}
