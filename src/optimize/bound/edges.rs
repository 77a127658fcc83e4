//! The bands that every plan as good as ours must meet, and how sure they are.

use super::super::problem::{NONE, Problem, row};
use super::super::repair::{fault, rack_broken};
use super::super::state::State;
use super::SLACK;
use crate::model::{Freedom, band};

/// The edges of the bands that every plan as good as ours meets, in loads.
pub(super) struct Edges {
    /// Per broker: the most of disk bytes, bytes in and replicas; infinite where nothing is claimed.
    pub(super) high: Vec<[f64; 3]>,
    /// Per broker: the least of the same.
    pub(super) low: Vec<[f64; 3]>,
    /// Disk bytes that brokers may together stay outside by: our plan's own excess, nothing where it is inside.
    pub(super) slack_bytes: f64,
    /// Whether other plans may move replicas that goals may not.
    pub(super) frozen_move: bool,
    /// Whether our plan keeps every topic within its limit.
    pub(super) spread_holds: bool,
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
            slack_bytes: 0.0,
            frozen_move,
            spread_holds: (if frozen_move {
                after.spread.total()
            } else {
                after.spread.mendable(problem, after.seats())
            }) <= SLACK
                && !frozen_moved(problem, before, after),
        };
        for group in 0..problem.groups.names().len() {
            let is_member = |b: &usize| problem.brokers[*b].in_band && problem.brokers[*b].group as usize == group;
            let members: Vec<usize> = (0..brokers).filter(is_member).collect();
            for (column, lane) in LANES.into_iter().enumerate() {
                edges.fill(problem, before, after, &members, column, lane);
            }
        }
        edges
    }

    fn fill(
        &mut self,
        problem: &Problem<'_>,
        before: &State,
        after: &State,
        members: &[usize],
        column: usize,
        lane: usize,
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
        // In disk bytes a broker may stay outside by so many bytes as all together may in any plan as good as ours.
        let largest = members.iter().map(|&b| capacity(b)).fold(0.0, f64::max);
        self.slack_bytes += excess * (total + growth) / room * largest * (1.0 + SLACK);
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
        self.slack_bytes = 0.0;
        self
    }
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
