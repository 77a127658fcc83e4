//! Mends the hard rules about partitions and replicas: duplicates, leaving brokers, offline dirs, groups, racks.
//!
//! Input: a state with broken rules. Output: the same with each mended where a rule-abiding broker has room; largest
//! replicas first (best fit decreasing), each to the broker where it serves the goals most. What stays broken is left
//! as it was: a replica never moves from one violation into another.

use super::destinations::{Destination, Destinations, choose_dir, may_host};
use super::problem::{NONE, Problem, plus, row};
use super::state::State;
use crate::model::{BrokerState, Freedom, Rule};

/// Which broken partitions are mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// All.
    All,
    /// Those that have lost a replica: to a failed dir or a dead broker, or to a second one on the same broker.
    Lost,
}

/// Mends what can be mended; returns how many replicas moved. Under a budget the most urgent come first and among them
/// the smallest, so that as much is mended as the budget allows; without one the largest, which are hardest to place.
pub(crate) fn repair(problem: &Problem<'_>, state: &mut State, share: Share) -> usize {
    let urgent = |p: u32| urgency(problem, state, p);
    let is_meant = |p: &u32| is_broken(problem, state, *p) && (share == Share::All || urgent(*p) < RACK);
    let mut broken: Vec<u32> = (0..row(problem.partitions.len())).filter(is_meant).collect();
    let bytes = |p: u32| problem.partitions[p as usize].copy_bytes;
    if problem.has_budget() {
        broken.sort_by(|&a, &b| urgent(a).cmp(&urgent(b)).then(bytes(a).total_cmp(&bytes(b))).then(a.cmp(&b)));
    } else {
        broken.sort_by(|&a, &b| bytes(b).total_cmp(&bytes(a)).then(a.cmp(&b)));
    }
    let mut destinations = Destinations::new(problem, state);
    let mut moves = 0;
    for p in broken {
        moves += mend_replicas(problem, state, &mut destinations, p);
        moves += mend_racks(problem, state, &mut destinations, p);
        if is_broken(problem, state, p) {
            moves += reseat(problem, state, p);
        }
    }
    moves
}

/// Moves all faulty replicas of `p` at once, for the rack rule may hold only when the last of them has moved: those still
/// to move count in no rack. Returns how many moved; none where that leaves a rule broken.
fn reseat(problem: &Problem<'_>, state: &mut State, p: u32) -> usize {
    let faulty: Vec<u32> = problem.slots(p).map(row).filter(|&s| fault(problem, state, s).is_some()).collect();
    if faulty.iter().any(|&s| problem.is_pinned(s)) {
        return 0;
    }
    let facts = &problem.partitions[p as usize];
    let racks = problem.topics[facts.topic as usize].racks as usize;
    let room = usize::from(facts.slot_count)
        .checked_div(racks)
        .map_or(usize::MAX, |_| usize::from(facts.slot_count).div_ceil(racks));
    let mut moved: Vec<(u32, u32, u32)> = Vec::new();
    for (at, &slot) in faulty.iter().enumerate() {
        let settled = |state: &State, rack: u32| {
            let here = problem.slots(p).filter(|&s| !faulty[at..].contains(&row(s)));
            here.filter(|&s| problem.brokers[state.broker[s] as usize].rack == rack).count()
        };
        let seat = |b: u32| {
            let held = settled(state, problem.brokers[b as usize].rack);
            if held >= room || !may_host(problem, state, slot, b) {
                return None;
            }
            if !state.within_budget(problem, state.copy_delta(problem, slot, b)) {
                return None;
            }
            let dir = choose_dir(problem, state, slot, b)?;
            let load = plus(state.load[b as usize], &state.demand(problem, slot, b), 1.0);
            let delta = state.bands.penalty(b as usize, &load) - state.penalty[b as usize];
            Some((held, delta, b, dir))
        };
        // Racks that hold least of the partition first: all of them may have to be used.
        let best = (0..row(problem.brokers.len())).filter_map(seat);
        let best = best.min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let Some((_, _, to, dir)) = best else { break };
        moved.push((slot, state.broker[slot as usize], state.dir[slot as usize]));
        state.relocate(problem, slot, to, dir);
    }
    if is_broken(problem, state, p) {
        moved.iter().rev().for_each(|&(slot, broker, dir)| state.relocate(problem, slot, broker, dir));
        return 0;
    }
    moved.len()
}

/// Takes back whatever was changed of partitions that keep a replica on a dead broker: an entry would name that broker,
/// and Kafka would refuse the whole plan.
pub(crate) fn take_back_stranded(problem: &Problem<'_>, state: &mut State) {
    let is_dead = |b: u32| problem.snapshot.brokers[b as usize].state == BrokerState::Dead;
    for p in 0..row(problem.partitions.len()) {
        if !problem.slots(p).any(|s| is_dead(state.broker[s])) {
            continue;
        }
        for s in problem.slots(p).filter(|&s| (state.broker[s], state.dir[s]) != home(problem, s)).collect::<Vec<_>>() {
            let (broker, dir) = home(problem, s);
            state.relocate(problem, row(s), broker, dir);
        }
        let leader = state.home_leader[p as usize];
        if state.leader[p as usize] != leader {
            state.lead(problem, p, leader);
        }
    }
}

fn home(problem: &Problem<'_>, slot: usize) -> (u32, u32) {
    (problem.home_broker[slot], problem.home_dir[slot])
}

/// The urgency of the rack rule: what is below it has lost a replica.
const RACK: u8 = 2;

/// How urgently a broken partition wants mending, 0 most: offline, dead, rack, group, draining.
fn urgency(problem: &Problem<'_>, state: &State, p: u32) -> u8 {
    let of_slot = |s: usize| match fault(problem, state, row(s)) {
        Some(Rule::OfflineLogDir | Rule::DuplicateReplica) => 0,
        Some(Rule::InactiveBroker) => {
            let dead = problem.snapshot.brokers[state.broker[s] as usize].state == BrokerState::Dead;
            if dead { 1 } else { 4 }
        }
        Some(_) => 3,
        None => u8::MAX,
    };
    let replicas = problem.slots(p).map(of_slot).min().unwrap_or(u8::MAX);
    if rack_broken(problem, state, p) { replicas.min(RACK) } else { replicas }
}

fn is_broken(problem: &Problem<'_>, state: &State, p: u32) -> bool {
    problem.partitions[p as usize].freedom != Freedom::Fixed
        && (problem.slots(p).any(|s| fault(problem, state, row(s)).is_some()) || rack_broken(problem, state, p))
}

/// The rule that `slot` breaks by itself where it is.
pub(crate) fn fault(problem: &Problem<'_>, state: &State, slot: u32) -> Option<Rule> {
    let s = slot as usize;
    let p = problem.slot_partition[s];
    let broker = state.broker[s];
    let facts = &problem.brokers[broker as usize];
    let topic = &problem.topics[problem.partitions[p as usize].topic as usize];
    let dir = state.dir[s];
    let first = problem.partitions[p as usize].first_slot as usize;
    if (first..s).any(|other| state.broker[other] == broker) {
        Some(Rule::DuplicateReplica)
    } else if problem.snapshot.brokers[broker as usize].state.is_leaving() {
        Some(Rule::InactiveBroker)
    } else if facts.active && dir != NONE && !problem.dirs[dir as usize].serving {
        Some(Rule::OfflineLogDir)
    } else if facts.active && (facts.group == NONE || (topic.group != NONE && topic.group != facts.group)) {
        Some(Rule::ResourceGroup)
    } else {
        None
    }
}

/// Whether partition `p` breaks the rack rule.
pub(crate) fn rack_broken(problem: &Problem<'_>, state: &State, p: u32) -> bool {
    let facts = &problem.partitions[p as usize];
    let racks = problem.topics[facts.topic as usize].racks as usize;
    if racks == 0 {
        return false;
    }
    let (used, fullest) = rack_use(problem, state, p);
    fullest > usize::from(facts.slot_count).div_ceil(racks) || used < usize::from(facts.slot_count).min(racks)
}

/// Racks that partition `p` uses, and its replicas in the fullest.
fn rack_use(problem: &Problem<'_>, state: &State, p: u32) -> (usize, usize) {
    let rack = |s: usize| problem.brokers[state.broker[s] as usize].rack;
    let slots = problem.slots(p);
    let (mut used, mut fullest) = (0, 0);
    for s in slots.clone().filter(|&s| rack(s) != NONE) {
        let in_rack = slots.clone().filter(|&o| rack(o) == rack(s));
        if in_rack.clone().next() == Some(s) {
            used += 1;
        }
        fullest = fullest.max(in_rack.count());
    }
    (used, fullest)
}

fn mend_replicas(problem: &Problem<'_>, state: &mut State, destinations: &mut Destinations, p: u32) -> usize {
    let mut moves = 0;
    for s in problem.slots(p) {
        let slot = row(s);
        if problem.is_pinned(slot) || fault(problem, state, slot).is_none() {
            continue;
        }
        if let Some(found) = find(problem, state, destinations, slot, |_| true) {
            state.relocate(problem, slot, found.broker, found.dir);
            destinations.changed(state);
            moves += 1;
        }
    }
    moves
}

/// Moves one replica at a time out of the fullest rack, or a rack used more than once, until the rule holds.
fn mend_racks(problem: &Problem<'_>, state: &mut State, destinations: &mut Destinations, p: u32) -> usize {
    let mut moves = 0;
    while rack_broken(problem, state, p) {
        let before = rack_use(problem, state, p);
        // Where a rack stands empty, only moving there mends anything.
        let racks = problem.topics[problem.partitions[p as usize].topic as usize].racks as usize;
        let spare = before.0 < racks;
        let rack = |state: &State, s: usize| problem.brokers[state.broker[s] as usize].rack;
        let crowded = |s: &usize| {
            let own = rack(state, *s);
            own == NONE || problem.slots(p).filter(|&o| rack(state, o) == own).count() > 1
        };
        let candidates = problem.slots(p).filter(crowded).map(row).filter(|&s| !problem.is_pinned(s));
        let leaving = |slot: u32| {
            let gone = plus(state.load[state.broker[slot as usize] as usize], &state.demand_here(problem, slot), -1.0);
            let from = state.broker[slot as usize] as usize;
            state.bands.penalty(from, &gone) - state.penalty[from]
        };
        let found = candidates.filter_map(|slot| {
            let own = rack(state, slot as usize);
            let unused = |target: u32| problem.slots(p).all(|o| rack(state, o) != target);
            let wanted = |target: u32| target != own && (!spare || unused(target));
            let found = find(problem, state, destinations, slot, wanted)?;
            Some((found.delta + leaving(slot), slot, found))
        });
        let Some((_, slot, found)) = found.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))) else { break };
        let old = (state.broker[slot as usize], state.dir[slot as usize]);
        state.relocate(problem, slot, found.broker, found.dir);
        let after = rack_use(problem, state, p);
        if after.0 <= before.0 && after.1 >= before.1 {
            state.relocate(problem, slot, old.0, old.1);
            break;
        }
        destinations.changed(state);
        moves += 1;
    }
    moves
}

fn find(
    problem: &Problem<'_>,
    state: &State,
    destinations: &Destinations,
    slot: u32,
    wanted: impl Fn(u32) -> bool,
) -> Option<Destination> {
    let heads = destinations.best_where(problem, state, slot, &wanted);
    heads.or_else(|| destinations.best_of_all(problem, state, slot, &wanted))
}
