//! Leadership moves: they copy nothing, so they come first.
//!
//! For every broker outside its bands, the transfers that touch it are queued by gain and made as long as they help (a
//! [`LazyQueue`]: gains only get less as the broker nears its band).

use super::lazy_queue::LazyQueue;
use super::problem::{NONE, Problem, Vector, row};
use super::state::{NO_LEADER, State, leader_extra};
use crate::model::Freedom;

/// Transfers that gain less are not worth an election.
const LEAST_GAIN: f64 = 1e-9;

/// A round that changes less than one in so many of all is the last: the next pass of balancing comes back to it.
const WORTHWHILE: usize = 10;

/// Brings leadership-carried loads towards their bands; returns how many leaders changed.
pub(crate) fn shift_leaders(problem: &Problem<'_>, state: &mut State) -> usize {
    let mut changes = 0;
    for _ in 0..3 {
        let mut brokers: Vec<u32> = (0..row(state.load.len())).filter(|&b| state.penalty[b as usize] > 0.0).collect();
        brokers.sort_by(|&a, &b| state.penalty[b as usize].total_cmp(&state.penalty[a as usize]).then(a.cmp(&b)));
        let round: usize = brokers.iter().map(|&b| relieve(problem, state, b)).sum();
        let round = round + spread_leaders(problem, state);
        changes += round;
        if round <= changes / WORTHWHILE {
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
    // Exact: what transfers out of order cost is in docs/solver.md, "Dropped".
    let mut queue = LazyQueue::new(1.0);
    for &slot in &state.on_broker[broker as usize] {
        let p = problem.slot_partition[slot as usize];
        let facts = &problem.partitions[p as usize];
        let own = u16::try_from(slot - facts.first_slot).unwrap_or(NO_LEADER);
        let offsets = if state.leads(problem, slot) { 0..facts.slot_count } else { own..own.saturating_add(1) };
        for transfer in offsets.filter_map(|offset| Transfer::of(problem, state, p, offset)) {
            let gain = -transfer.delta(problem, state);
            if gain > LEAST_GAIN {
                queue.push(gain, (p, transfer.offset), transfer);
            }
        }
    }
    let mut changes = 0;
    while state.penalty[broker as usize] > 0.0 {
        let gain = |transfer: &Transfer| {
            // Another replica leads now: what this was to take is gone.
            let holds = state.leader[transfer.p as usize] == transfer.old;
            Some(-transfer.delta(problem, state)).filter(|&gain| holds && gain > LEAST_GAIN)
        };
        let Some((transfer, _)) = queue.pop(gain) else { break };
        let (p, offset) = (transfer.p, transfer.offset);
        state.lead(problem, p, offset);
        changes += 1;
    }
    changes
}

/// A transfer of leadership that is allowed, with what it takes along: that stays while others are made.
struct Transfer {
    p: u32,
    offset: u16,
    /// The offset that leads.
    old: u16,
    from: u32,
    to: u32,
    extra: Vector,
}

impl Transfer {
    /// To the slot at `offset` of `p`; none where it leads already or may not.
    fn of(problem: &Problem<'_>, state: &State, p: u32, offset: u16) -> Option<Self> {
        let facts = &problem.partitions[p as usize];
        let old = state.leader[p as usize];
        if offset == old || old == NO_LEADER || facts.freedom != Freedom::Free || !may_lead(problem, state, p, offset) {
            return None;
        }
        let broker = |offset: u16| state.broker[facts.first_slot as usize + offset as usize];
        let (from, to) = (broker(old), broker(offset));
        let excluded = problem.brokers[from as usize].excluded || problem.brokers[to as usize].excluded;
        (!excluded).then(|| Self { p, offset, old, from, to, extra: leader_extra(problem, p) })
    }

    /// The change of penalty.
    fn delta(&self, problem: &Problem<'_>, state: &State) -> f64 {
        let topic = problem.partitions[self.p as usize].topic;
        let spread = state.leader_spread.delta(problem, &state.broker, topic, self.from, self.to);
        state.load_delta(self.from, &self.extra, -1.0) + state.load_delta(self.to, &self.extra, 1.0) + spread
    }
}

/// The change of penalty if the slot at `offset` led `p`; none where it may not.
pub(crate) fn transfer_delta(problem: &Problem<'_>, state: &State, p: u32, offset: u16) -> Option<f64> {
    Transfer::of(problem, state, p, offset).map(|transfer| transfer.delta(problem, state))
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
