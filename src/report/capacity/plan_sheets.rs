//! The tables of what a rebalance would do: goals, batches, and the frontier between bytes and balance. All are empty
//! where nothing was planned.

use super::sheet::{Cell, Sheet, figures, words};
use crate::model::Assessment;
use crate::plan::Plan;
use crate::report::frontier::how;

/// How each goal stands before and after.
pub(super) fn goals(plan: Option<&Plan>) -> Sheet {
    let mut rows = Vec::new();
    if let Some(plan) = plan {
        let goals = plan.before.balance.iter().flat_map(|(group, goals)| goals.keys().map(move |goal| (group, *goal)));
        for (group, goal) in goals {
            let find = |a: &Assessment| a.balance.get(group).and_then(|goals| goals.get(&goal)).cloned();
            let (Some(before), Some(after)) = (find(&plan.before), find(&plan.after)) else { continue };
            rows.push(vec![
                group.clone().into(),
                goal.name().into(),
                Cell::Count(before.outside),
                Cell::Count(after.outside),
                Cell::Figure(before.excess),
                Cell::Figure(after.excess),
            ]);
        }
    }
    Sheet {
        name: "rebalance",
        title: "What a rebalance would bring",
        columns: vec![
            words("resource_group", "group"),
            words("goal", "goal"),
            figures("outside_before", "outside"),
            figures("outside_after", "after"),
            figures("excess_before", "excess"),
            figures("excess_after", "after"),
        ],
        rows,
    }
}

/// When each batch would end.
pub(super) fn batches(plan: Option<&Plan>) -> Sheet {
    let row = |(offset, (batch, time)): (usize, (&crate::plan::Batch, &crate::plan::timetable::BatchTime))| {
        vec![
            Cell::Count(offset as u64 + 1),
            Cell::Count(batch.entries.len() as u64),
            Cell::Bytes(batch.inter_broker_bytes as f64),
            Cell::Bytes(batch.intra_broker_bytes as f64),
            Cell::Rate(time.throttle.bytes_per_sec as f64),
            Cell::some(time.durations.p10, Cell::Seconds),
            Cell::some(time.durations.p50, Cell::Seconds),
            Cell::some(time.durations.p90, Cell::Seconds),
        ]
    };
    let rows = plan.map(|plan| plan.batches.iter().zip(&plan.timetable.batches).enumerate().map(row).collect());
    Sheet {
        name: "batches",
        title: "Batches of the rebalance",
        columns: vec![
            figures("batch", "batch"),
            figures("partitions", "partitions"),
            figures("inter_broker_bytes", "between brokers"),
            figures("intra_broker_bytes", "within brokers"),
            figures("throttle_bytes_per_sec", "throttle"),
            figures("p10_seconds", "one of ten takes"),
            figures("p50_seconds", "half take"),
            figures("p90_seconds", "nine of ten take"),
        ],
        rows: rows.unwrap_or_default(),
    }
}

/// Bytes against balance, plan by plan.
pub(super) fn frontier(plan: Option<&Plan>) -> Sheet {
    let row = |(offset, point): (usize, &crate::plan::frontier::Point)| {
        vec![
            Cell::Count(offset as u64 + 1),
            Cell::Bytes(point.movement.inter_broker_bytes as f64),
            Cell::Figure(point.excess),
            Cell::Count(point.outside),
            Cell::Count(point.movement.replica_moves),
            Cell::Count(point.hard_total),
            how(point).into(),
        ]
    };
    let points = plan.map(|plan| plan.frontier.as_slice()).unwrap_or_default();
    Sheet {
        name: "frontier",
        title: "What balance costs: bytes copied against excess",
        columns: vec![
            figures("plan", "plan"),
            figures("inter_broker_bytes", "copied"),
            figures("excess", "excess"),
            figures("outside", "outside"),
            figures("replica_moves", "replicas"),
            figures("hard_total", "hard rules broken"),
            words("how", "how"),
        ],
        rows: points.iter().enumerate().map(row).collect(),
    }
}
