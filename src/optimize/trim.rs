//! Sends moved replicas home where the goals no longer need them gone, and exchanges them for cheaper ones.
//!
//! Every change saves bytes without raising the penalty beyond `allowance`, so bands that are met stay met.

use super::balance::is_free;
use super::destinations::{choose_dir, rack_allows};
use super::leadership::may_lead;
use super::problem::{NONE, Problem, row};
use super::repair::fault;
use super::state::{NO_LEADER, State};

/// What sums of floats may drift by without meaning anything.
pub(crate) const DRIFT: f64 = 1e-9;
/// Slots of the source looked at for each exchange.
const EXCHANGE_TRIES: usize = 24;

/// Saves bytes by sending replicas home and exchanging them, largest first, as long as the total penalty stays at most
/// `allowance`. Returns the bytes saved.
pub(crate) fn trim(problem: &Problem<'_>, state: &mut State, allowance: f64) -> f64 {
    let before = state.copied_bytes;
    for _ in 0..4 {
        let start = state.copied_bytes;
        let mut moved = state.moved.clone();
        moved.sort_by(|&a, &b| {
            let bytes = |s: u32| problem.partitions[problem.slot_partition[s as usize] as usize].copy_bytes;
            bytes(b).total_cmp(&bytes(a)).then(a.cmp(&b))
        });
        for slot in moved {
            if !send_home(problem, state, slot, allowance) {
                exchange(problem, state, slot, allowance);
            }
        }
        if start - state.copied_bytes < 1e-4 * start {
            break;
        }
    }
    before - state.copied_bytes
}

/// Where `slot` came from, if it may go back there now.
pub(crate) fn home(problem: &Problem<'_>, state: &State, slot: u32) -> Option<(u32, u32)> {
    let s = slot as usize;
    let to = problem.home_broker[s];
    if state.broker[s] == to || !is_free(problem, slot) || !may_return(problem, state, slot) {
        return None;
    }
    let dir = choose_dir(problem, state, slot, to)?;
    (rack_allows(problem, state, slot, to)).then_some((to, dir))
}

/// Whether a return breaks no rule about brokers: the home still is one that may keep the replica.
fn may_return(problem: &Problem<'_>, state: &State, slot: u32) -> bool {
    let p = problem.slot_partition[slot as usize];
    let to = problem.home_broker[slot as usize];
    let facts = &problem.brokers[to as usize];
    let topic = &problem.topics[problem.partitions[p as usize].topic as usize];
    facts.active
        && facts.group != NONE
        && (topic.group == NONE || topic.group == facts.group)
        && !problem.home_dir_offline(slot as usize)
        && problem.slots(p).all(|s| state.broker[s] != to)
}

fn send_home(problem: &Problem<'_>, state: &mut State, slot: u32, allowance: f64) -> bool {
    let Some((to, dir)) = home(problem, state, slot) else { return false };
    if !may_go(problem, state, slot, to, allowance) {
        return false;
    }
    let back = (state.broker[slot as usize], state.dir[slot as usize]);
    let before = state.copied_bytes;
    state.relocate(problem, slot, to, dir);
    debug_assert!(fault(problem, state, slot).is_none(), "a replica came home to a broken rule");
    if state.total_penalty() <= allowance + DRIFT && state.copied_bytes <= before {
        return true;
    }
    state.relocate(problem, slot, back.0, back.1);
    false
}

/// Whether the penalty may stay at most `allowance` if `slot` went to `to`; what says no costs far less than going there and
/// back.
fn may_go(problem: &Problem<'_>, state: &State, slot: u32, to: u32, allowance: f64) -> bool {
    state.total_penalty() + state.move_delta(problem, slot, to) <= allowance + 2.0 * DRIFT
}

/// Sends `slot` home and moves a smaller replica from there to where it was instead.
fn exchange(problem: &Problem<'_>, state: &mut State, slot: u32, allowance: f64) -> bool {
    let Some((to, dir)) = home(problem, state, slot) else { return false };
    let back = (state.broker[slot as usize], state.dir[slot as usize]);
    let before = (state.copied_bytes, state.copies);
    state.relocate(problem, slot, to, dir);
    let list = &state.on_broker[to as usize];
    let step = (list.len() / EXCHANGE_TRIES).max(1);
    let start = slot as usize % step;
    let candidates: Vec<u32> = list.iter().copied().skip(start).step_by(step).take(EXCHANGE_TRIES).collect();
    for other in candidates {
        if other == slot || !is_free(problem, other) || problem.home_broker[other as usize] != to {
            continue;
        }
        let saves = state.copied_bytes + state.copy_delta(problem, other, back.0).0 < before.0;
        if !saves || !super::destinations::may_host(problem, state, other, back.0) {
            continue;
        }
        if !rack_allows(problem, state, other, back.0) {
            continue;
        }
        if !may_go(problem, state, other, back.0, allowance) {
            continue;
        }
        let Some(dir) = choose_dir(problem, state, other, back.0) else { continue };
        state.relocate(problem, other, back.0, dir);
        if state.total_penalty() <= allowance + DRIFT && state.copies <= before.1 {
            return true;
        }
        let dir = problem.home_dir[other as usize];
        state.relocate(problem, other, to, dir);
    }
    state.relocate(problem, slot, back.0, back.1);
    false
}

/// Takes leadership changes back where the goals no longer need them.
pub(crate) fn trim_leaders(problem: &Problem<'_>, state: &mut State, allowance: f64) {
    for p in 0..row(problem.partitions.len()) {
        let (now, home) = (state.leader[p as usize], state.home_leader[p as usize]);
        if now == home || home == NO_LEADER || !may_lead(problem, state, p, home) {
            continue;
        }
        state.lead(problem, p, home);
        if state.total_penalty() > allowance + DRIFT {
            state.lead(problem, p, now);
        }
    }
}
