//! The least bytes that one broker must lose or gain: covering knapsacks over its replicas, or over all that could come.

use std::cell::OnceCell;

use super::super::balance::is_free;
use super::super::problem::{DISK, NONE, Problem, row};
use super::super::state::State;
use super::edges::{Edges, LANES};
use super::knapsack::Items;
use super::receivers::{CANDIDATES_MAX, Candidate, least_bytes};
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

/// Copies that could come to a broker of a group.
pub(super) struct Pool {
    /// By group, then lane.
    items: Vec<[Items; 3]>,
    /// The same copies one by one, the cheapest; made where they are looked at.
    cheapest: Vec<[OnceCell<Cheapest>; 3]>,
}

/// The copies of a goal that bring most per byte, in this order.
struct Cheapest {
    /// Partition, what a copy brings, what it costs.
    copies: Vec<(u32, f64, f64)>,
    /// Bytes for what they bring, of the cheapest that is left out.
    next_price: f64,
}

impl Pool {
    pub(super) fn new(problem: &Problem<'_>) -> Self {
        let groups = 0..problem.groups.names().len();
        let of_lane =
            |group, column| Items::new(copies(problem, group, column).map(|(_, gain, cost)| (gain, cost)).collect());
        Self {
            items: groups.clone().map(|group| [0, 1, 2].map(|column| of_lane(group, column))).collect(),
            cheapest: groups.map(|_| [const { OnceCell::new() }; 3]).collect(),
        }
    }

    fn cheapest(&self, problem: &Problem<'_>, group: usize, column: usize) -> &Cheapest {
        self.cheapest[group][column].get_or_init(|| {
            let mut copies: Vec<(u32, f64, f64)> = copies(problem, group, column).filter(|copy| copy.1 > 0.0).collect();
            let order =
                |a: &(u32, f64, f64), b: &(u32, f64, f64)| (a.2 * b.1).total_cmp(&(b.2 * a.1)).then(a.0.cmp(&b.0));
            let mut next_price = f64::INFINITY;
            if copies.len() > CANDIDATES_MAX {
                let (_, &mut (_, gain, cost), _) = copies.select_nth_unstable_by(CANDIDATES_MAX, order);
                next_price = cost / gain;
                copies.truncate(CANDIDATES_MAX);
            }
            copies.sort_unstable_by(order);
            Cheapest { copies, next_price }
        })
    }
}

/// What a copy of each partition brings to a broker of `group` for a goal, and what it costs.
fn copies(problem: &Problem<'_>, group: usize, column: usize) -> impl Iterator<Item = (u32, f64, f64)> {
    let belongs = move |topic: u32| {
        let own = problem.topics[topic as usize].group;
        own == NONE || own as usize == group
    };
    let partitions = problem.partitions.iter().enumerate().filter(move |(_, facts)| belongs(facts.topic));
    partitions.map(move |(p, facts)| {
        let gain = match column {
            0 => facts.copy_bytes,
            1 => facts.traffic.network_in,
            _ => 1.0,
        };
        (row(p), gain, facts.copy_bytes)
    })
}

/// What a broker lacks most dearly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lack {
    pub(super) broker: u32,
    /// Offset in [`LANES`].
    column: usize,
    need: f64,
    /// What must come to it, were it alone.
    bytes: f64,
}

/// What must come to broker `b`, were it alone; none where it lacks nothing.
pub(super) fn must_come(problem: &Problem<'_>, edges: &Edges, pool: &Pool, b: usize, resident: &[u32]) -> Option<Lack> {
    let group = problem.brokers[b].group as usize;
    let sums = resident_sums(problem, b, resident);
    let lacks = sums.into_iter().enumerate().map(|(column, sum)| {
        let need = edges.low[b][column] - sum;
        let items = &pool.items[group][column];
        let divisible = column == 0 && edges.slack[0] > 0.0;
        let bytes = match need > 0.0 {
            true if divisible => items.divisible(need),
            true => items.whole(need),
            false => 0.0,
        };
        Lack { broker: row(b), column, need, bytes }
    });
    lacks.filter(|lack| lack.bytes > 0.0).reduce(|one, other| if other.bytes > one.bytes { other } else { one })
}

/// The least bytes that must come to the brokers of a class in `group` that lack something. `comes` is how often a
/// partition can come to the class at most.
pub(super) fn must_come_together(
    problem: &Problem<'_>,
    before: &State,
    edges: &Edges,
    (pool, group): (&Pool, usize),
    lacks: &[Lack],
    comes: impl Fn(u32) -> u32,
) -> f64 {
    let limits_hold = edges.spread.is_some_and(|slack| slack <= 0.0);
    let of_column = |column: usize| {
        let receivers: Vec<Lack> = lacks.iter().filter(|lack| lack.column == column).copied().collect();
        let apart: f64 = receivers.iter().map(|lack| lack.bytes).sum();
        // A byte of disk costs a byte, whichever partition brings it.
        if column == 0 || receivers.is_empty() {
            return apart;
        }
        let cheapest = pool.cheapest(problem, group, column);
        let many = row(receivers.len());
        let candidates = cheapest.copies.iter().map(|&(p, gain, cost)| {
            let topic = problem.partitions[p as usize].topic;
            Candidate { topic, gain, cost, copies: comes(p).min(many) }
        });
        let candidates: Vec<Candidate> = candidates.filter(|c| c.copies > 0).collect();
        let most = |topic: u32| {
            let facts = &problem.topics[topic as usize];
            let judged = |lack: &Lack| before.spread.judges(problem, topic, lack.broker);
            let is_limited = limits_hold && facts.free && facts.spread_limit != NONE && receivers.iter().all(judged);
            is_limited.then(|| facts.spread_limit.saturating_mul(many))
        };
        let need = receivers.iter().map(|lack| lack.need).sum();
        apart.max(least_bytes(&candidates, cheapest.next_price, need, most))
    };
    (0..LANES.len()).map(of_column).sum()
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
