//! Leadership moves: they copy nothing, so they come first.
//!
//! For every broker outside its bands, the transfers that touch it are queued by gain; each is priced anew when its turn
//! comes and made if it still helps (a lazy greedy: prices only get worse as the broker nears its band).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::problem::{NONE, Problem, Vector, plus, row};
use super::state::{NO_LEADER, State, leader_extra};
use crate::model::Freedom;

/// Transfers that gain less are not worth an election.
const LEAST_GAIN: f64 = 1e-9;

/// An entry of a lazy queue: greatest key first, ties by the smaller item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued<T> {
    /// What it was worth when queued.
    pub(crate) key: f64,
    /// What it is.
    pub(crate) item: T,
}

impl<T: Ord> PartialEq for Queued<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<T: Ord> Eq for Queued<T> {}
impl<T: Ord> PartialOrd for Queued<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T: Ord> Ord for Queued<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.total_cmp(&other.key).then_with(|| other.item.cmp(&self.item))
    }
}

/// Brings leadership-carried loads towards their bands; returns how many leaders changed.
pub(crate) fn shift_leaders(problem: &Problem<'_>, state: &mut State) -> usize {
    let mut changes = 0;
    for _ in 0..3 {
        let mut brokers: Vec<u32> = (0..row(state.load.len())).filter(|&b| state.penalty[b as usize] > 0.0).collect();
        brokers.sort_by(|&a, &b| state.penalty[b as usize].total_cmp(&state.penalty[a as usize]).then(a.cmp(&b)));
        let round: usize = brokers.iter().map(|&b| relieve(problem, state, b)).sum();
        let round = round + spread_leaders(problem, state);
        changes += round;
        if round == 0 {
            break;
        }
    }
    changes
}

/// Moves leadership off the (topic, broker) pairs beyond their limit where that helps; returns how many leaders changed.
fn spread_leaders(problem: &Problem<'_>, state: &mut State) -> usize {
    if state.leader_spread.penalty() <= 0.0 {
        return 0;
    }
    let mut changes = 0;
    for t in 0..row(problem.topics.len()) {
        if state.leader_spread.limit(problem, t) == NONE {
            continue;
        }
        for p in problem.snapshot.topics[t as usize].partition_rows().map(row) {
            let facts = &problem.partitions[p as usize];
            let leader = state.leader[p as usize];
            if leader == NO_LEADER {
                continue;
            }
            let broker = state.broker[facts.first_slot as usize + usize::from(leader)];
            if !state.leader_spread.crowds(problem, &state.broker, t, broker) {
                continue;
            }
            let transfers = (0..facts.slot_count).filter_map(|o| Some((transfer_delta(problem, state, p, o)?, o)));
            let best = transfers.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            if let Some((_, offset)) = best.filter(|(delta, _)| *delta < -LEAST_GAIN) {
                state.lead(problem, p, offset);
                changes += 1;
            }
        }
    }
    changes
}

/// Makes the leadership transfers that touch `broker` and help.
fn relieve(problem: &Problem<'_>, state: &mut State, broker: u32) -> usize {
    let mut queue = BinaryHeap::new();
    for &slot in &state.on_broker[broker as usize] {
        let p = problem.slot_partition[slot as usize];
        if state.leads(problem, slot) {
            for offset in 0..problem.partitions[p as usize].slot_count {
                enqueue(problem, state, &mut queue, p, offset);
            }
        } else {
            let offset = slot - problem.partitions[p as usize].first_slot;
            enqueue(problem, state, &mut queue, p, u16::try_from(offset).unwrap_or(NO_LEADER));
        }
    }
    let mut changes = 0;
    while state.penalty[broker as usize] > 0.0 {
        let Some(Queued { item: (p, offset), .. }) = queue.pop() else { break };
        let Some(delta) = transfer_delta(problem, state, p, offset).filter(|&d| d < -LEAST_GAIN) else { continue };
        if queue.peek().is_some_and(|next| next.key > -delta) {
            queue.push(Queued { key: -delta, item: (p, offset) });
            continue;
        }
        state.lead(problem, p, offset);
        changes += 1;
    }
    changes
}

fn enqueue(problem: &Problem<'_>, state: &State, queue: &mut BinaryHeap<Queued<(u32, u16)>>, p: u32, offset: u16) {
    if let Some(delta) = transfer_delta(problem, state, p, offset).filter(|&d| d < -LEAST_GAIN) {
        queue.push(Queued { key: -delta, item: (p, offset) });
    }
}

/// The change of penalty if the slot at `offset` led `p`; none where it may not.
pub(crate) fn transfer_delta(problem: &Problem<'_>, state: &State, p: u32, offset: u16) -> Option<f64> {
    let facts = &problem.partitions[p as usize];
    let old = state.leader[p as usize];
    if offset == old || old == NO_LEADER || facts.freedom != Freedom::Free || !may_lead(problem, state, p, offset) {
        return None;
    }
    let broker = |offset: u16| state.broker[facts.first_slot as usize + offset as usize] as usize;
    let (from, to) = (broker(old), broker(offset));
    if problem.brokers[from].excluded || problem.brokers[to].excluded {
        return None;
    }
    let extra = leader_extra(problem, p);
    let brokers =
        shifted(state, from, &extra, -1.0) - state.penalty[from] + shifted(state, to, &extra, 1.0) - state.penalty[to];
    Some(brokers + state.leader_spread.delta(problem, &state.broker, facts.topic, row(from), row(to)))
}

/// Whether the slot at `offset` may lead: in sync or freshly copied, on a serving dir of an active broker.
pub(crate) fn may_lead(problem: &Problem<'_>, state: &State, p: u32, offset: u16) -> bool {
    let facts = &problem.partitions[p as usize];
    let s = facts.first_slot as usize + offset as usize;
    let broker = state.broker[s];
    let dir = state.dir[s];
    let in_sync = state.home_of(problem, row(s), broker).is_none_or(|home| problem.home_in_sync(home));
    in_sync && problem.brokers[broker as usize].active && (dir == NONE || problem.dirs[dir as usize].serving)
}

fn shifted(state: &State, broker: usize, extra: &Vector, sign: f64) -> f64 {
    state.bands.penalty(broker, &plus(state.load[broker], extra, sign))
}
