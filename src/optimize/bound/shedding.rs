//! The least bytes that one broker must lose or gain: fractional knapsacks over its replicas, or over all that could come.

use super::super::balance::is_free;
use super::super::problem::{DISK, NONE, Problem, row};
use super::super::state::State;
use super::edges::{Edges, LANES};
use crate::model::Freedom;

/// Whether some plan may move `slot`, so that shedding may count on it.
pub(super) fn may_leave(problem: &Problem<'_>, edges: &Edges, slot: u32) -> bool {
    let p = problem.slot_partition[slot as usize] as usize;
    is_free(problem, slot)
        || (edges.frozen_move && problem.partitions[p].freedom == Freedom::RepairOnly && !problem.is_pinned(slot))
}

/// The least bytes that broker `b` must lose beyond what is forced.
pub(super) fn must_leave(problem: &Problem<'_>, before: &State, edges: &Edges, b: usize, resident: &[u32]) -> f64 {
    let sums = sums(problem, before, b, resident);
    let mut least: f64 = 0.0;
    for (column, lane) in LANES.into_iter().enumerate() {
        let excess = sums[column] - edges.high[b][column];
        if excess > 0.0 {
            let items = resident
                .iter()
                .filter(|&&s| may_leave(problem, edges, s))
                .map(|&s| item(problem, before, edges, s, lane));
            least = least.max(knapsack(items.collect(), excess));
        }
    }
    if edges.spread_holds { least.max(spread_bytes(problem, before, edges, b, resident)) } else { least }
}

/// What stays on broker `b` in each of [`LANES`] once forced replicas have left.
pub(super) fn sums(problem: &Problem<'_>, before: &State, b: usize, resident: &[u32]) -> [f64; 3] {
    let dirs = problem.snapshot.brokers[b].log_dir_rows();
    let serving = problem.snapshot.log_dirs[dirs].iter().filter(|d| d.state.is_serving());
    let mut sums = [serving.map(|d| d.other_used_bytes as f64).sum(), 0.0, 0.0];
    for &slot in resident {
        let demand = before.demand_here(problem, slot);
        for (column, lane) in LANES.into_iter().enumerate() {
            sums[column] += demand[lane];
        }
    }
    sums
}

/// What `slot` relieves in `lane` and the bytes that costs. Where slack is granted in disk bytes, a byte relieved must cost
/// no more than one, or a byte of slack could save more: a replica smaller than its copies then counts as itself.
pub(super) fn item(problem: &Problem<'_>, before: &State, edges: &Edges, slot: u32, lane: usize) -> (f64, f64) {
    let p = problem.slot_partition[slot as usize];
    let relief = before.demand_here(problem, slot)[lane];
    let copy_bytes = problem.partitions[p as usize].copy_bytes;
    (relief, if lane == DISK && edges.slack_bytes > 0.0 { relief.min(copy_bytes) } else { copy_bytes })
}

/// The least bytes of a fractional choice of `(relief, bytes)` items whose relief sums to `need`.
pub(super) fn knapsack(mut items: Vec<(f64, f64)>, need: f64) -> f64 {
    items.retain(|(relief, _)| *relief > 0.0);
    items.sort_by(|a, b| (a.1 * b.0).total_cmp(&(b.1 * a.0)));
    let (mut need, mut bytes) = (need, 0.0);
    for (relief, cost) in items {
        if need <= 0.0 {
            break;
        }
        bytes += cost * (need / relief).min(1.0);
        need -= relief;
    }
    bytes
}

/// The least bytes that bring broker `b`'s topics down to their limits.
pub(super) fn spread_bytes(problem: &Problem<'_>, before: &State, edges: &Edges, b: usize, resident: &[u32]) -> f64 {
    let mut by_topic: Vec<(u32, f64)> = resident
        .iter()
        .filter(|&&s| may_leave(problem, edges, s))
        .map(|&s| &problem.partitions[problem.slot_partition[s as usize] as usize])
        .filter(|facts| problem.topics[facts.topic as usize].spread_limit != NONE)
        .map(|facts| (facts.topic, facts.copy_bytes))
        .collect();
    by_topic.sort_by(|x, y| x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)));
    let mut bytes = 0.0;
    for same in by_topic.chunk_by(|x, y| x.0 == y.0) {
        let topic = same[0].0;
        let limit = problem.topics[topic as usize].spread_limit as usize;
        if same.len() > limit && before.spread.judges(problem, topic, row(b)) {
            bytes += same[..same.len() - limit].iter().map(|(_, copy)| copy).sum::<f64>();
        }
    }
    bytes
}

/// Copies that could come to a broker of a group, cheapest first for each lane: prefix sums of relief and bytes.
pub(super) struct Pool {
    /// By group, then lane.
    prefixes: Vec<[Vec<(f64, f64)>; 3]>,
}

impl Pool {
    pub(super) fn new(problem: &Problem<'_>) -> Self {
        let groups = problem.groups.names().len();
        let mut prefixes = Vec::with_capacity(groups);
        for group in 0..groups {
            let belongs = |topic: u32| {
                let own = problem.topics[topic as usize].group;
                own == NONE || own as usize == group
            };
            let of_lane = |column: usize| {
                let items = problem.partitions.iter().filter(|facts| belongs(facts.topic));
                let items = items.map(|facts| match column {
                    0 => (facts.copy_bytes, facts.copy_bytes),
                    1 => (facts.traffic.network_in, facts.copy_bytes),
                    _ => (1.0, facts.copy_bytes),
                });
                let mut items: Vec<(f64, f64)> = items.filter(|(gain, _)| *gain > 0.0).collect();
                items.sort_by(|a, b| (a.1 * b.0).total_cmp(&(b.1 * a.0)));
                let mut sum = (0.0, 0.0);
                for item in &mut items {
                    sum = (sum.0 + item.0, sum.1 + item.1);
                    *item = sum;
                }
                items
            };
            prefixes.push([of_lane(0), of_lane(1), of_lane(2)]);
        }
        Self { prefixes }
    }

    /// The least bytes of a fractional choice of copies that brings `need`.
    pub(super) fn cost(&self, group: usize, column: usize, need: f64) -> f64 {
        let prefix = &self.prefixes[group][column];
        let after = prefix.partition_point(|(gain, _)| *gain < need);
        let (gain, bytes) = if after == 0 { (0.0, 0.0) } else { prefix[after - 1] };
        match prefix.get(after) {
            Some(next) => bytes + (next.1 - bytes) * (need - gain) / (next.0 - gain),
            None => bytes,
        }
    }
}

/// The least bytes that must come to broker `b`.
pub(super) fn must_come(problem: &Problem<'_>, edges: &Edges, pool: &Pool, b: usize, resident: &[u32]) -> f64 {
    let mut least: f64 = 0.0;
    let group = problem.brokers[b].group as usize;
    let sums = resident_sums(problem, b, resident);
    for (column, sum) in sums.into_iter().enumerate() {
        let need = edges.low[b][column] - sum;
        if need > 0.0 {
            least = least.max(pool.cost(group, column, need));
        }
    }
    least
}

/// What broker `b` keeps at most in each of [`LANES`]: its resident replicas at their partitions' sizes in the snapshot.
pub(super) fn resident_sums(problem: &Problem<'_>, b: usize, resident: &[u32]) -> [f64; 3] {
    let dirs = problem.snapshot.brokers[b].log_dir_rows();
    let serving = problem.snapshot.log_dirs[dirs].iter().filter(|d| d.state.is_serving());
    let mut sums = [serving.map(|d| d.other_used_bytes as f64).sum(), 0.0, 0.0];
    for &slot in resident {
        let p = problem.slot_partition[slot as usize];
        sums[0] += problem.bytes_on(p, row(b));
        sums[1] += problem.partitions[p as usize].traffic.network_in;
        sums[2] += 1.0;
    }
    sums
}
