//! What a plan does to copysets, where the policy gives a scatter width: how many sets of brokers hold a whole partition,
//! and how likely it is that as many failures at once lose one (Cidon et al., USENIX ATC 2013).

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::human;
use super::json::rounded;
use crate::capacity::failure::{Copysets, broker_copysets};
use crate::model::{Goal, Placement, Policy, Snapshot};
use crate::plan::Plan;

/// The key `copysets` of plan.json.
#[derive(Serialize)]
pub(super) struct Change {
    /// Bytes of the moves whose reason it is. Its whole price is what the plan copies beyond one without the goal.
    moved_bytes: u64,
    before: Figures,
    after: Figures,
}

#[derive(Serialize)]
struct Figures {
    size: usize,
    distinct: u64,
    possible: f64,
    p_any_lost_at_size: f64,
    scatter_width_mean: f64,
    scatter_width_max: u64,
}

impl Figures {
    fn of(copysets: &Copysets) -> Self {
        Self {
            size: copysets.size,
            distinct: copysets.distinct,
            possible: copysets.possible,
            p_any_lost_at_size: rounded(copysets.p_any_lost),
            scatter_width_mean: rounded(copysets.scatter_width_mean),
            scatter_width_max: copysets.scatter_width_max,
        }
    }
}

/// What `plan` does to the copysets of `snapshot`'s brokers; none where the policy gives no scatter width.
pub(super) fn change(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Option<Change> {
    if !policy.bands.is_on(Goal::ScatterWidth) {
        return None;
    }
    let before = Figures::of(&broker_copysets(snapshot)?);
    let after = Figures::of(&broker_copysets(&carried_out(snapshot, &plan.placement))?);
    let for_it = plan.moves.iter().filter(|m| m.reason.starts_with(Goal::ScatterWidth.name()));
    Some(Change { moved_bytes: for_it.map(|m| m.bytes).sum(), before, after })
}

/// The same in words; empty where there is none.
pub(super) fn text(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> String {
    let Some(Change { moved_bytes, before, after }) = change(snapshot, policy, plan) else { return String::new() };
    let mut text = String::new();
    let percent = |p: f64| format!("{:.2} %", 100.0 * p);
    let _ = writeln!(
        text,
        "{} → {} sets of {} brokers hold a whole partition: {} failures lose one with {} → {}\n\
         a broker shares partitions with {:.1} → {:.1} others; moves that name that as their reason copy {}",
        human::count(before.distinct),
        human::count(after.distinct),
        after.size,
        after.size,
        percent(before.p_any_lost_at_size),
        percent(after.p_any_lost_at_size),
        before.scatter_width_mean,
        after.scatter_width_mean,
        human::bytes(moved_bytes),
    );
    text
}

/// `snapshot` with its replicas where `placement` has them.
fn carried_out(snapshot: &Snapshot, placement: &Placement) -> Snapshot {
    let mut next = snapshot.clone();
    for p in snapshot.partition_indices() {
        let kept: HashSet<_> = snapshot.replicas_of(p).iter().map(|r| r.broker).collect();
        next.partitions[p.row()].leader = placement.leader(p);
        for (row, seat) in snapshot.partition(p).replica_rows().zip(placement.seats(p)) {
            let replica = &mut next.replicas[row];
            (replica.broker, replica.log_dir) = (seat.broker, seat.log_dir);
            // A copy is in sync once it is made.
            replica.in_sync |= !kept.contains(&seat.broker);
        }
    }
    next
}
