//! Puts a plan together: the judge's figures around what the search decided.

use super::batches::{Order, Scheduled, schedule};
use super::change::{held_in, transition};
use super::throttle::Networks;
use super::timetable::planned_throttle;
use super::{Outcome, Pacing, Plan, Timetable, elections, kafka_json, moves};
use crate::model::{Assessment, Movement, Placement, Policy, Snapshot};
use crate::optimize::Solution;
use crate::optimize::replication::FactorChange;
use crate::verify;

/// Turns `solution` into what an operator carries out, in steps as `pacing` asks. Leaders are those that Kafka will have
/// once the entries and elections are carried out; every figure is the judge's.
#[must_use]
pub fn build(snapshot: &Snapshot, policy: &Policy, solution: Solution, pacing: &Pacing) -> Plan {
    let Solution { placement, stop_reason, lower_bound, mut reasons, mut excuses } = solution;
    // Both consumers walk reasons and partitions side by side.
    reasons.sort_by_key(|reason| reason.partition);
    let elected = elections::elected(snapshot, &placement);
    let placement = elections::with_leaders(snapshot, placement, &elected);
    let ((before, after), (movement, networks)) = rayon::join(
        || {
            let before = || verify::assess(snapshot, policy, &Placement::of(snapshot));
            rayon::join(before, || verify::assess(snapshot, policy, &placement))
        },
        || (verify::movement(snapshot, &placement), Networks::of(snapshot, policy, &placement)),
    );
    let changes: Vec<_> = kafka_json::entries(snapshot, &placement)
        .into_iter()
        .map(|entry| {
            let copy_bytes = snapshot.copy_size_bytes(entry.partition);
            let standing = held_in(snapshot, entry.partition);
            (entry.partition, transition(snapshot, &standing, &entry.seats, copy_bytes).1)
        })
        .collect();
    let throttle = planned_throttle(snapshot, &networks, pacing, &changes);
    let Scheduled { batches, excuses: overflows, notes } = schedule(&Order {
        snapshot,
        policy,
        placement: &placement,
        elected: &elected,
        reasons: &reasons,
        pacing,
        changes: &changes,
        throttle_bytes_per_sec: throttle.bytes_per_sec as f64,
    });
    excuses.extend(overflows);
    let (moves, timetable) = rayon::join(
        || moves::moves(snapshot, &placement, &batches, &reasons),
        || Timetable::with_networks(snapshot, &networks, &batches, pacing, notes),
    );
    Plan {
        outcome: outcome(&movement, &after),
        stop_reason,
        movement,
        lower_bound,
        gap: gap(movement.inter_broker_bytes, lower_bound.bytes),
        before,
        after,
        moves,
        timetable,
        placement,
        batches,
        excuses,
        frontier: Vec::new(),
        replication: None,
    }
}

/// `plan` with what became of the replication factor that was asked for: infeasible where some partition cannot have it.
#[must_use]
pub fn with_factor(mut plan: Plan, change: FactorChange) -> Plan {
    if change.unmet > 0 {
        plan.outcome = Outcome::Infeasible;
    }
    plan.replication = Some(change);
    plan
}

fn outcome(movement: &Movement, after: &Assessment) -> Outcome {
    if after.hard_total() > 0 {
        Outcome::Infeasible
    } else if movement.partitions_changed == 0 && movement.leader_changes == 0 {
        Outcome::Unchanged
    } else if after.imbalance.outside == 0 {
        Outcome::Balanced
    } else {
        Outcome::Improved
    }
}

/// Bytes copied ÷ bound − 1; 0 if both are zero, none if only the bound is.
fn gap(bytes: u64, bound_bytes: u64) -> Option<f64> {
    match (bytes, bound_bytes) {
        (0, 0) => Some(0.0),
        (_, 0) => None,
        _ => Some(bytes as f64 / bound_bytes as f64 - 1.0),
    }
}
