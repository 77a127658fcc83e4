//! The bands that every plan as good as ours must meet, and how sure they are.

use super::super::problem::{NONE, Problem, row};
use super::super::repair::{fault, rack_broken};
use super::super::state::State;
use super::SLACK;
use crate::model::{Freedom, band};

/// The edges of the bands that every plan as good as ours meets, in loads.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    /// Per broker: the most of disk bytes, bytes in and replicas; infinite where nothing is claimed.
    pub(super) high: Vec<[f64; 3]>,
    /// Per broker: the least of the same.
    pub(super) low: Vec<[f64; 3]>,
    /// What brokers may together stay outside by in each of [`LANES`]: our plan's own excess, nothing where it is inside.
    pub(super) slack: [f64; 3],
    /// Whether other plans may move replicas that goals may not.
    pub(super) frozen_move: bool,
    /// What topics may together be beyond their limits, relative to these, as our plan is; none where other plans may be
    /// further beyond with topics that goals may not move.
    pub(super) spread: Option<f64>,
}

/// The lanes that only copies change: disk bytes, bytes in, replicas.
pub(super) const LANES: [usize; 3] = [0, 1, 4];

impl Edges {
    pub(super) fn new(problem: &Problem<'_>, before: &State, after: &State) -> Self {
        let brokers = problem.brokers.len();
        let frozen_move = frees_the_frozen(problem, before);
        let mut edges = Self {
            high: vec![[f64::INFINITY; 3]; brokers],
            low: vec![[0.0; 3]; brokers],
            slack: [0.0; 3],
            frozen_move,
            spread: (!frozen_moved(problem, before, after)).then(|| crowding(problem, after, frozen_move)),
        };
        for group in 0..problem.groups.names().len() {
            let is_member = |b: &usize| problem.brokers[*b].in_band && problem.brokers[*b].group as usize == group;
            let members: Vec<usize> = (0..brokers).filter(is_member).collect();
            for (column, lane) in LANES.into_iter().enumerate() {
                edges.fill(problem, (before, after), &members, (column, lane));
            }
        }
        edges
    }

    fn fill(
        &mut self,
        problem: &Problem<'_>,
        (before, after): (&State, &State),
        members: &[usize],
        (column, lane): (usize, usize),
    ) {
        let goal = crate::model::Goal::BROKER[lane];
        if members.is_empty() || !problem.is_on(lane) {
            return;
        }
        let known = !goal.is_count() && members.iter().all(|&b| problem.brokers[b].capacity[lane] > 0.0);
        let capacity = |b: usize| if known { problem.brokers[b].capacity[lane] } else { 1.0 };
        let total: f64 = members.iter().map(|&b| after.load[b][lane]).sum();
        let room: f64 = members.iter().map(|&b| capacity(b)).sum();
        // In disk bytes, plans differ by how much larger copies are than what they replace.
        let growth = if lane == 0 { greatest_growth(problem, before, after, members) } else { 0.0 };
        let least_total = if lane == 0 { total - growth } else { total };
        let share = problem.policy.bands.of(goal);
        let edge = |b: usize| {
            if goal.is_count() {
                let (low, high) = band::count(total.round() as u64, members.len(), share);
                (low as f64, high as f64)
            } else {
                let low = least_total / room * (1.0 - share) * capacity(b) * (1.0 - SLACK);
                let high = (total + growth) / room * (1.0 + share) * capacity(b) * (1.0 + SLACK);
                (low, high)
            }
        };
        let excess = excess(after, members, lane, share, capacity);
        if excess > 0.0 && lane != 0 {
            return;
        }
        // A broker may stay outside by so much as all together may in any plan as good as ours.
        let largest = members.iter().map(|&b| capacity(b)).fold(0.0, f64::max);
        self.slack[column] += excess * (total + growth) / room * largest * (1.0 + SLACK);
        for &b in members {
            let (low, high) = edge(b);
            self.low[b][column] = low;
            self.high[b][column] = high;
        }
    }

    /// The same without the disk lane, for where its slack costs more than it proves.
    pub(super) fn without_disk(mut self) -> Self {
        self.high.iter_mut().for_each(|high| high[0] = f64::INFINITY);
        self.low.iter_mut().for_each(|low| low[0] = 0.0);
        self.slack[0] = 0.0;
        self
    }
}

/// What topics on brokers are beyond their limits, relative to these; those that no goal may move only where `frozen`.
fn crowding(problem: &Problem<'_>, after: &State, frozen: bool) -> f64 {
    let mut sum = 0.0;
    let limited = |t: &u32| {
        let topic = &problem.topics[*t as usize];
        topic.spread_limit != NONE && (topic.free || frozen)
    };
    for t in (0..row(problem.topics.len())).filter(limited) {
        let facts = &problem.topics[t as usize];
        let (first, count) = (facts.slots.0 as usize, facts.slots.1 as usize);
        let mut hosts = after.broker[first..first + count].to_vec();
        hosts.sort_unstable();
        for same in hosts.chunk_by(|x, y| x == y) {
            let beyond = row(same.len()).saturating_sub(facts.spread_limit);
            if beyond > 0 && after.spread.judges(problem, t, same[0]) {
                sum += f64::from(beyond) / f64::from(facts.spread_limit);
            }
        }
    }
    sum
}

/// The excess of our plan in `lane` over `members`: Σ distance to the band ÷ mean, 0 within the contract's tolerance.
pub(super) fn excess(
    after: &State,
    members: &[usize],
    lane: usize,
    share: f64,
    capacity: impl Fn(usize) -> f64,
) -> f64 {
    let total: f64 = members.iter().map(|&b| after.load[b][lane]).sum();
    let mean = total / members.iter().map(|&b| capacity(b)).sum::<f64>();
    if mean <= 0.0 {
        return 0.0;
    }
    let band = if crate::model::Goal::BROKER[lane].is_count() {
        let (low, high) = band::count(total.round() as u64, members.len(), share);
        (low as f64, high as f64)
    } else {
        band::utilization(mean, share)
    };
    members.iter().map(|&b| band::distance(after.load[b][lane] / capacity(b), band)).sum::<f64>() / mean
}

/// Whether a topic that goals may not move did move: another plan might then put it better and spend the excess elsewhere.
pub(super) fn frozen_moved(problem: &Problem<'_>, before: &State, after: &State) -> bool {
    after.moved.iter().any(|&s| {
        let p = problem.slot_partition[s as usize] as usize;
        let topic = &problem.topics[problem.partitions[p].topic as usize];
        !topic.free && topic.spread_limit != NONE && before.broker[s as usize] != after.broker[s as usize]
    })
}

/// The most that a group's disk bytes can differ between two plans that copy no more than ours, because copies bring
/// the partition's largest size.
pub(super) fn greatest_growth(problem: &Problem<'_>, before: &State, after: &State, members: &[usize]) -> f64 {
    let mut growths: Vec<(f64, f64)> = Vec::new();
    for &b in members {
        for &slot in &before.on_broker[b] {
            let p = problem.slot_partition[slot as usize];
            let copy = problem.partitions[p as usize].copy_bytes;
            let own = before.demand_here(problem, slot)[0];
            if copy > own && copy > 0.0 {
                growths.push(((copy - own) / copy, copy));
            }
        }
    }
    growths.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut bytes, mut growth) = (after.copied_bytes, 0.0);
    for (rate, copy) in growths {
        if bytes <= 0.0 {
            break;
        }
        growth += rate * copy.min(bytes);
        bytes -= copy;
    }
    growth
}

/// Whether a hard rule is broken, so that plans may move replicas which otherwise stay for repairs alone.
pub(super) fn frees_the_frozen(problem: &Problem<'_>, before: &State) -> bool {
    let faulty = |p: u32| problem.slots(p).any(|s| fault(problem, before, row(s)).is_some());
    let mut judged =
        (0..row(problem.partitions.len())).filter(|&p| problem.partitions[p as usize].freedom != Freedom::Fixed);
    let over = |d: usize| before.dir_bytes[d] > problem.dirs[d].limit_bytes && problem.dirs[d].serving;
    before.beyond(problem) > 0
        || (0..problem.dirs.len()).any(over)
        || judged.any(|p| rack_broken(problem, before, p) || faulty(p))
}
