//! The frontier between bytes and balance: plans from "only hard rules" to "everything in its band", each judged.
//!
//! The ends are a search that pursues no goal and one that pursues all; between them, searches under budgets on bytes
//! copied between brokers (the ε-constraint method: Haimes, Lasdon, Wismer 1971), evenly spaced at first, then halving
//! the widest gaps where budgets led to plans that others dominate. What is handed on holds no dominated plan: bytes
//! rise and excess falls strictly from point to point, and the hard rules' count is the least that any search reached.

use std::collections::BTreeSet;

use super::elections::{elected, with_leaders};
use super::{Pacing, Plan, build};
use crate::model::{Movement, Policy, Snapshot};
use crate::optimize::{Environment, LowerBound, Options, Solution, StopReason, optimize_each};
use crate::verify;

/// How often gaps are halved to make up for dominated plans.
const REFILLS: usize = 2;

/// Excess may differ by so much without one plan being better: sums of floats.
const ROUNDING: f64 = 1e-9;

/// What a point's search was confined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confined {
    /// It pursued no goal: hard rules alone.
    HardRules,
    /// It could copy so many bytes between brokers.
    MaxMovedBytes(u64),
    /// By nothing but the policy.
    Nothing,
}

/// One plan of the frontier, as the judge sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What its search was confined to.
    pub confined: Confined,
    /// What it copies and changes.
    pub movement: Movement,
    /// The sum of all hard counts.
    pub hard_total: u64,
    /// How many are outside their band.
    pub outside: u64,
    /// Their summed relative distance to it.
    pub excess: f64,
    /// The proven bound on the bytes that a plan as good as this one copies.
    pub lower_bound: LowerBound,
}

/// A judged solution.
struct Candidate {
    point: Point,
    solution: Solution,
}

/// Searches up to `points` plans and builds the last of them, which is as good as a search without a frontier finds or
/// better; its [`Plan::frontier`] holds them all. Fewer come back where plans between the ends are dominated or the ends
/// are one.
#[must_use]
pub fn plan_with_frontier(
    (snapshot, policy, pacing): (&Snapshot, &Policy, &Pacing),
    points: usize,
    options: &Options,
    env: &Environment<'_>,
) -> Plan {
    let search = |confined: &[Confined]| -> Vec<Candidate> {
        let policies: Vec<Policy> = confined.iter().map(|c| confined_policy(snapshot, policy, *c)).collect();
        let solutions = optimize_each(snapshot, &policies, options, env);
        confined.iter().zip(solutions).map(|(c, solution)| judged(snapshot, policy, *c, solution)).collect()
    };
    let mut front = search(&[Confined::HardRules, Confined::Nothing]);
    let mut stop_reason = front.last().map_or(StopReason::Done, |full| full.solution.stop_reason);
    let timed_out = |all: &[Candidate]| all.iter().any(|c| c.solution.stop_reason == StopReason::TimeLimit);
    let mut is_late = timed_out(&front);
    let ends: Vec<u64> = front.iter().map(|c| c.point.movement.inter_broker_bytes).collect();
    let (least, most) = (ends.iter().copied().min().unwrap_or(0), ends.iter().copied().max().unwrap_or(0));
    let mut tried: BTreeSet<u64> = BTreeSet::from([most]);
    let mut budgets = evenly(least, most, points);
    for _ in 0..=REFILLS {
        budgets.retain(|&bytes| bytes < most && tried.insert(bytes));
        if budgets.is_empty() {
            break;
        }
        let confined: Vec<Confined> = budgets.iter().map(|&bytes| Confined::MaxMovedBytes(bytes)).collect();
        let found = search(&confined);
        is_late |= timed_out(&found);
        front.extend(found);
        front = undominated(front);
        budgets = halved_gaps(&front, points.saturating_sub(front.len()));
    }
    if is_late {
        stop_reason = StopReason::TimeLimit;
    }
    front = undominated(front);
    thin(&mut front, points);
    let all: Vec<Point> = front.iter().map(|c| c.point.clone()).collect();
    // The front is never empty: of any two candidates at most one dominates the other.
    let Some(Candidate { mut solution, .. }) = front.pop() else {
        return build(snapshot, policy, crate::optimize::optimize(snapshot, policy, options, env), pacing);
    };
    solution.stop_reason = stop_reason;
    let mut plan = build(snapshot, policy, solution, pacing);
    plan.frontier = all;
    plan
}

fn confined_policy(snapshot: &Snapshot, policy: &Policy, confined: Confined) -> Policy {
    let mut policy = policy.clone();
    match confined {
        Confined::Nothing => {}
        Confined::HardRules => {
            policy.scope.goals = Some(BTreeSet::new());
            policy.scope.relieve_disks = false;
        }
        Confined::MaxMovedBytes(bytes) => {
            let allowed = policy.budget.moved_bytes_max(snapshot).map_or(bytes, |max| max.min(bytes));
            policy.budget.max_moved_bytes = Some(allowed);
        }
    }
    policy
}

fn judged(snapshot: &Snapshot, policy: &Policy, confined: Confined, solution: Solution) -> Candidate {
    let elected = elected(snapshot, &solution.placement);
    let placement = with_leaders(snapshot, solution.placement.clone(), &elected);
    let after = verify::assess(snapshot, policy, &placement);
    let point = Point {
        confined,
        movement: verify::movement(snapshot, &placement),
        hard_total: after.hard_total(),
        outside: after.imbalance.outside,
        excess: after.imbalance.excess,
        lower_bound: solution.lower_bound,
    };
    Candidate { point, solution }
}

/// Budgets that part `least` … `most` evenly, both ends included, `most` last.
fn evenly(least: u64, most: u64, points: usize) -> Vec<u64> {
    let parts = points.max(2) as u128 - 1;
    let width = u128::from(most - least);
    (0..=parts).map(|part| least + u64::try_from(width * part / parts).unwrap_or(0)).collect()
}

/// Up to `missing` budgets, each in the middle of one of the widest gaps between neighbours; equals by position.
fn halved_gaps(front: &[Candidate], missing: usize) -> Vec<u64> {
    let bytes = |c: &Candidate| c.point.movement.inter_broker_bytes;
    let mut gaps: Vec<(u64, u64)> =
        front.windows(2).map(|pair| (bytes(&pair[1]) - bytes(&pair[0]), bytes(&pair[0]))).collect();
    gaps.sort_by_key(|&(width, start)| (std::cmp::Reverse(width), start));
    gaps.into_iter().take(missing).filter(|(width, _)| *width > 1).map(|(width, start)| start + width / 2).collect()
}

/// Those that no other dominates, by bytes: among plans with the least hard count, excess falls strictly as bytes rise.
fn undominated(mut all: Vec<Candidate>) -> Vec<Candidate> {
    let least_hard = all.iter().map(|c| c.point.hard_total).min().unwrap_or(0);
    all.retain(|c| c.point.hard_total == least_hard);
    all.sort_by(|a, b| {
        let key =
            |c: &Candidate| (c.point.movement.inter_broker_bytes, c.point.outside, c.point.movement.replica_moves);
        let (x, y) = (&a.point, &b.point);
        x.movement
            .inter_broker_bytes
            .cmp(&y.movement.inter_broker_bytes)
            .then(x.excess.total_cmp(&y.excess))
            .then(key(a).cmp(&key(b)))
    });
    let mut least_excess = f64::INFINITY;
    all.retain(|c| {
        let better = c.point.excess < least_excess - ROUNDING;
        if better {
            least_excess = c.point.excess;
        }
        better
    });
    all
}

/// Drops points until `points` are left, both ends kept: always the one whose neighbours are closest in bytes.
fn thin(front: &mut Vec<Candidate>, points: usize) {
    while front.len() > points.max(2) {
        let bytes = |i: usize| front[i].point.movement.inter_broker_bytes;
        let spare = (1..front.len() - 1).min_by_key(|&i| (bytes(i + 1) - bytes(i - 1), i));
        let Some(spare) = spare else { return };
        front.remove(spare);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Placement;
    use crate::optimize::BoundKind;

    fn candidate(bytes: u64, excess: f64, hard_total: u64) -> Candidate {
        let lower_bound = LowerBound { bytes: 0, kind: BoundKind::Shedding };
        let movement = Movement { inter_broker_bytes: bytes, ..Movement::default() };
        Candidate {
            point: Point { confined: Confined::Nothing, movement, hard_total, outside: 0, excess, lower_bound },
            solution: Solution {
                placement: Placement::with_capacity(0, 0),
                stop_reason: StopReason::Done,
                lower_bound,
                reasons: Vec::new(),
                excuses: Vec::new(),
            },
        }
    }

    fn shape(front: &[Candidate]) -> Vec<(u64, f64)> {
        front.iter().map(|c| (c.point.movement.inter_broker_bytes, c.point.excess)).collect()
    }

    #[test]
    fn what_copies_more_for_no_less_excess_or_leaves_more_rules_broken_is_dropped() {
        let all = vec![
            candidate(50, 0.5, 0),
            candidate(10, 2.0, 0),
            candidate(30, 2.0, 0),
            candidate(0, 0.1, 1),
            candidate(50, 0.6, 0),
            candidate(70, 0.5, 0),
            candidate(80, 0.0, 0),
        ];
        assert_eq!(shape(&undominated(all)), [(10, 2.0), (50, 0.5), (80, 0.0)]);
    }

    #[test]
    fn budgets_part_the_range_evenly_and_refills_halve_the_widest_gaps() {
        assert_eq!(evenly(100, 200, 5), [100, 125, 150, 175, 200]);
        assert_eq!(evenly(7, 7, 3), [7, 7, 7]);
        let front = [candidate(0, 3.0, 0), candidate(40, 2.0, 0), candidate(100, 1.0, 0)];
        assert_eq!(halved_gaps(&front, 1), [70]);
        assert_eq!(halved_gaps(&front, 9), [70, 20]);
    }

    #[test]
    fn thinning_keeps_the_ends_and_drops_from_where_points_are_dense() {
        let mut front: Vec<Candidate> =
            [0, 10, 12, 60, 100].into_iter().map(|bytes| candidate(bytes, 1.0 - bytes as f64 / 200.0, 0)).collect();
        thin(&mut front, 4);
        assert_eq!(shape(&front).into_iter().map(|(bytes, _)| bytes).collect::<Vec<_>>(), [0, 12, 60, 100]);
    }
}
