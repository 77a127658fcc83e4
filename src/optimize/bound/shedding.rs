//! The least bytes that one broker must lose: covering knapsacks over its replicas.

use super::super::balance::is_free;
use super::super::problem::{DISK, NONE, Problem, row};
use super::super::state::State;
use super::departures::{Departure, Departures};
use super::edges::{Edges, LANES};
use super::knapsack::Items;
use crate::model::Freedom;

/// Whether some plan may move `slot`, so that shedding may count on it.
pub(super) fn may_leave(problem: &Problem<'_>, edges: &Edges, slot: u32) -> bool {
    let p = problem.slot_partition[slot as usize] as usize;
    is_free(problem, slot)
        || (edges.frozen_move && problem.partitions[p].freedom == Freedom::RepairOnly && !problem.is_pinned(slot))
}

/// The least bytes that broker `b` must lose beyond what is forced, by its bands alone.
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
            let items = Items::new(items.collect());
            // A byte of slack saves a byte of a divisible choice; of whole replicas it could save more.
            let divisible = lane == DISK && edges.slack[0] > 0.0;
            least = least.max(if divisible { items.divisible(excess) } else { items.whole(excess) });
        }
    }
    least
}

/// The least bytes that broker `b` must lose beyond what is forced for all its bands and its topics' limits together;
/// nothing where no more than one of them needs any.
pub(super) fn must_leave_together(
    problem: &Problem<'_>,
    before: &State,
    edges: &Edges,
    b: usize,
    resident: &[u32],
) -> f64 {
    let sums = sums(problem, before, b, resident);
    let needs = [0, 1, 2].map(|column| sums[column] - edges.high[b][column]);
    let departure = |slot: u32| {
        let facts = &problem.partitions[problem.slot_partition[slot as usize] as usize];
        let demand = before.demand_here(problem, slot);
        Departure { topic: facts.topic, bytes: facts.copy_bytes, relief: LANES.map(|lane| demand[lane]) }
    };
    let departures = resident.iter().filter(|&&s| may_leave(problem, edges, s)).map(|&s| departure(s)).collect();
    let surplus = |topic: u32, held: usize| {
        let limit = problem.topics[topic as usize].spread_limit;
        let judged = limit != NONE && before.spread.judges(problem, topic, row(b));
        if judged { held.saturating_sub(limit as usize) } else { 0 }
    };
    // A byte of slack must save no more than one.
    let dearest = if edges.slack[0] > 0.0 { 1.0 } else { f64::INFINITY };
    let departures = Departures::new(departures, surplus, needs, [dearest, f64::INFINITY, f64::INFINITY]);
    if departures.needs() > 1 { departures.least_bytes() } else { 0.0 }
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
    (relief, if lane == DISK && edges.slack[0] > 0.0 { relief.min(copy_bytes) } else { copy_bytes })
}

/// A replica by which a topic is beyond its limit on a broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surplus {
    /// What its copy costs.
    pub(super) bytes: f64,
    /// Its topic's limit.
    pub(super) limit: f64,
}

/// The cheapest replicas that bring broker `b`'s topics down to their limits.
pub(super) fn surplus(
    problem: &Problem<'_>,
    before: &State,
    edges: &Edges,
    b: usize,
    resident: &[u32],
) -> Vec<Surplus> {
    let mut by_topic: Vec<(u32, f64)> = resident
        .iter()
        .filter(|&&s| may_leave(problem, edges, s))
        .map(|&s| &problem.partitions[problem.slot_partition[s as usize] as usize])
        .filter(|facts| problem.topics[facts.topic as usize].spread_limit != NONE)
        .map(|facts| (facts.topic, facts.copy_bytes))
        .collect();
    by_topic.sort_by(|x, y| x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)));
    let mut all = Vec::new();
    for same in by_topic.chunk_by(|x, y| x.0 == y.0) {
        let topic = same[0].0;
        let limit = problem.topics[topic as usize].spread_limit;
        if row(same.len()) > limit && before.spread.judges(problem, topic, row(b)) {
            let beyond = &same[..same.len() - limit as usize];
            all.extend(beyond.iter().map(|&(_, bytes)| Surplus { bytes, limit: f64::from(limit) }));
        }
    }
    all
}

/// The most bytes that leaving replicas of `surplus` where they are saves, if topics may be beyond their limits by `slack`
/// in all: a divisible knapsack once more.
pub(super) fn spared(mut surplus: Vec<Surplus>, slack: f64) -> f64 {
    surplus.sort_by(|x, y| (y.bytes * y.limit).total_cmp(&(x.bytes * x.limit)));
    let (mut slack, mut bytes) = (slack, 0.0);
    for kept in surplus {
        if slack <= 0.0 {
            break;
        }
        bytes += kept.bytes * (slack * kept.limit).min(1.0);
        slack -= 1.0 / kept.limit;
    }
    bytes
}
