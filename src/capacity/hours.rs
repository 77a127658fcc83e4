//! How long a plan's copies take, by throttle, in hours: the middle of what the plan's
//! [timetable](crate::plan::timetable) expects.

use crate::plan::Plan;

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// The hours that one throttle takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoursAt {
    /// Bytes per second, in and out of each broker.
    pub throttle_bytes_per_sec: u64,
    /// Hours; none where the copies never end, since more than the throttle is written meanwhile.
    pub hours: Option<f64>,
}

/// How long a plan takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// At the throttle that the runbook names; where batches have their own, at the least of them.
    pub suggested: HoursAt,
    /// At a range of throttles, ascending; empty where nothing is copied.
    pub sweep: Vec<HoursAt>,
}

/// The hours that carrying out `plan` takes.
#[must_use]
pub fn hours(plan: &Plan) -> Hours {
    let table = &plan.timetable;
    let at = |throttle_bytes_per_sec, seconds: Option<f64>| HoursAt {
        throttle_bytes_per_sec,
        hours: seconds.map(|seconds| seconds / SECONDS_PER_HOUR),
    };
    Hours {
        suggested: at(table.throttle.bytes_per_sec, table.total.p50),
        sweep: table.sweep.iter().map(|row| at(row.throttle_bytes_per_sec, row.durations.p50)).collect(),
    }
}
