//! Where a replica may go: rules first, then a short list of the brokers that want it most.
//!
//! Looking at every broker for every move costs most of a search's time and changes little: the brokers with the
//! greatest shortage or room are nearly always best. Lists are kept per group and rack, sorted anew after a number of
//! changes, and only their heads are looked at.

use super::problem::{NONE, Problem, plus};
use super::state::State;

/// Heads looked at per call over all racks together.
const HEADS: usize = 24;
/// The least number of heads per rack.
const HEADS_PER_RACK: usize = 3;
/// Lists are sorted anew after so many changes: often enough that their heads are not filled up meanwhile.
const CHANGES_PER_SORT: u32 = 16;
/// Weight of the tie-breaker among destinations that are all inside their bands: far below any penalty that matters.
const TIE: f64 = 1e-4;

/// A place for a replica and what it costs the goals there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Destination {
    /// The broker.
    pub(crate) broker: u32,
    /// Its log dir, [`NONE`] where it is left to the broker.
    pub(crate) dir: u32,
    /// Change of penalty at the destination, topic spread of both sides included.
    pub(crate) delta: f64,
}

/// Receiving brokers by group and rack, those that want replicas most first.
pub(crate) struct Destinations {
    /// (group, rack, brokers).
    lists: Vec<(u32, u32, Vec<u32>)>,
    age: u32,
}

impl Destinations {
    /// Lists every receiving broker.
    pub(crate) fn new(problem: &Problem<'_>, state: &State) -> Self {
        let mut lists: Vec<(u32, u32, Vec<u32>)> = Vec::new();
        for (b, facts) in (0_u32..).zip(&problem.brokers) {
            if !facts.receives {
                continue;
            }
            match lists.iter_mut().find(|(g, r, _)| (*g, *r) == (facts.group, facts.rack)) {
                Some((.., list)) => list.push(b),
                None => lists.push((facts.group, facts.rack, vec![b])),
            }
        }
        let mut destinations = Self { lists, age: 0 };
        destinations.sort(state);
        destinations
    }

    /// Tells that a replica moved; sorts the lists anew when enough have.
    pub(crate) fn changed(&mut self, state: &State) {
        self.age += 1;
        if self.age >= CHANGES_PER_SORT {
            self.sort(state);
        }
    }

    fn sort(&mut self, state: &State) {
        self.age = 0;
        let want = |b: u32| {
            let load = &state.load[b as usize];
            (state.bands.shortage(b as usize, load), state.bands.room(b as usize, load))
        };
        for (.., list) in &mut self.lists {
            let mut keyed: Vec<((f64, f64), u32)> = list.iter().map(|&b| (want(b), b)).collect();
            keyed.sort_unstable_by(|(x, a), (y, b)| y.0.total_cmp(&x.0).then(y.1.total_cmp(&x.1)).then(a.cmp(b)));
            list.clear();
            list.extend(keyed.into_iter().map(|(_, b)| b));
        }
    }

    /// The best of the list heads for `slot`, none where no rule-abiding broker with room is among them.
    pub(crate) fn best(&self, problem: &Problem<'_>, state: &State, slot: u32) -> Option<Destination> {
        self.best_where(problem, state, slot, |_| true)
    }

    /// As [`Self::best`], among racks that `wanted` names.
    pub(crate) fn best_where(
        &self,
        problem: &Problem<'_>,
        state: &State,
        slot: u32,
        wanted: impl Fn(u32) -> bool,
    ) -> Option<Destination> {
        let p = problem.slot_partition[slot as usize];
        let topic = &problem.topics[problem.partitions[p as usize].topic as usize];
        let fits = |group: u32| topic.group == NONE || topic.group == group;
        let lists = self.lists.iter().filter(|(g, ..)| fits(*g)).count().max(1);
        let heads = (HEADS / lists).max(HEADS_PER_RACK);
        let mut best: Option<Destination> = None;
        for (_, _, list) in self.lists.iter().filter(|(g, rack, _)| fits(*g) && wanted(*rack)) {
            let mut looked_at = 0;
            for &b in list {
                if looked_at == heads || !rack_allows(problem, state, slot, b) {
                    break;
                }
                if let Some(found) = destination(problem, state, slot, b) {
                    looked_at += 1;
                    if best.is_none_or(|best| found.delta < best.delta) {
                        best = Some(found);
                    }
                }
            }
        }
        best
    }

    /// The best of all brokers in racks that `wanted` names: for the few replicas that must go somewhere.
    pub(crate) fn best_of_all(
        &self,
        problem: &Problem<'_>,
        state: &State,
        slot: u32,
        wanted: impl Fn(u32) -> bool,
    ) -> Option<Destination> {
        let all = self.lists.iter().filter(|(_, rack, _)| wanted(*rack)).flat_map(|(.., list)| list);
        let found = all.filter_map(|&b| destination(problem, state, slot, b));
        found.min_by(|a, b| a.delta.total_cmp(&b.delta).then(a.broker.cmp(&b.broker)))
    }
}

/// `slot` on `to`, where rules, room and budget allow it.
pub(crate) fn destination(problem: &Problem<'_>, state: &State, slot: u32, to: u32) -> Option<Destination> {
    if !may_host(problem, state, slot, to) || !rack_allows(problem, state, slot, to) {
        return None;
    }
    if !state.within_budget(problem, state.copy_delta(problem, slot, to)) {
        return None;
    }
    let dir = choose_dir(problem, state, slot, to)?;
    let b = to as usize;
    let load = plus(state.load[b], &state.demand(problem, slot, to), 1.0);
    let from = state.broker[slot as usize];
    let tie = state.bands.roughness(b, &load) - state.bands.roughness(b, &state.load[b]);
    let delta =
        state.bands.penalty(b, &load) - state.penalty[b] + state.shared_delta(problem, slot, from, to) + TIE * tie;
    Some(Destination { broker: to, dir, delta })
}

/// Whether the slot's partition may be on `to` at all: the broker receives, is of the topic's group, and does not host
/// it now; nor did it on a dir that failed, for Kafka wants such a replica off the broker.
pub(crate) fn may_host(problem: &Problem<'_>, state: &State, slot: u32, to: u32) -> bool {
    let p = problem.slot_partition[slot as usize];
    let topic = &problem.topics[problem.partitions[p as usize].topic as usize];
    problem.may_receive(topic, to)
        && problem.slots(p).all(|s| state.broker[s] != to)
        && state.home_of(problem, slot, to).is_none_or(|s| !problem.home_dir_offline(s))
}

/// Whether `slot` on `to` breaks the rack rule no more than its partition does now.
pub(crate) fn rack_allows(problem: &Problem<'_>, state: &State, slot: u32, to: u32) -> bool {
    let p = problem.slot_partition[slot as usize];
    let facts = &problem.partitions[p as usize];
    let racks = problem.topics[facts.topic as usize].racks as usize;
    if racks == 0 {
        return true;
    }
    let replicas = facts.slot_count as usize;
    let rack = |b: u32| problem.brokers[b as usize].rack;
    let target = rack(to);
    let others = || problem.slots(p).filter(|&s| s != slot as usize).map(|s| rack(state.broker[s]));
    if others().filter(|&r| r == target).count() >= replicas.div_ceil(racks) {
        return false;
    }
    if replicas <= racks {
        return true;
    }
    // More replicas than racks: every rack must be used, so the last replica of a rack may not leave it.
    let source = rack(state.broker[slot as usize]);
    source == target || others().any(|r| r == source) || !others().any(|r| r == target)
}

/// The log dir of `to` that `slot` would go to: its own where `to` hosts it in the snapshot, else the one
/// left emptiest. None where nothing has room; [`NONE`] where the broker decides.
pub(crate) fn choose_dir(problem: &Problem<'_>, state: &State, slot: u32, to: u32) -> Option<u32> {
    let facts = &problem.brokers[to as usize];
    let bytes = state.bytes_on(problem, slot, to);
    if let Some(home) = state.home_of(problem, slot, to) {
        let dir = problem.home_dir[home];
        let fits = dir == NONE || state.dir_bytes[dir as usize] + bytes <= problem.dirs[dir as usize].limit_bytes;
        return fits.then_some(dir);
    }
    if !facts.dirs_planned {
        return Some(NONE);
    }
    emptiest_dir(problem, state, to, bytes)
}

/// The receiving dir of `broker` that is left emptiest with `bytes` more, none where none has room.
pub(crate) fn emptiest_dir(problem: &Problem<'_>, state: &State, broker: u32, bytes: f64) -> Option<u32> {
    let (first, count) = problem.brokers[broker as usize].dirs;
    let filled = |dir: u32| {
        let facts = &problem.dirs[dir as usize];
        let used = state.dir_bytes[dir as usize] + bytes;
        // Where capacities are unknown, dirs compare by bytes alone.
        let share = if facts.capacity_bytes.is_finite() { used / facts.capacity_bytes } else { used };
        (facts.receives && used <= facts.limit_bytes).then_some((share, dir))
    };
    let fitting = (first..first + count).filter_map(filled);
    fitting.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, dir)| dir)
}
