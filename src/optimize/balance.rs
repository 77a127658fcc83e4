//! Replica moves between brokers, most relief per byte first.
//!
//! Brokers outside their bands are taken worst first. An overfull one sheds: its replicas are queued by relief per byte
//! and go where they serve best. An underfull one pulls from the fullest that may give. Both are lazy greedies: a
//! queued price is renewed when its turn comes. Every applied move lowers the total penalty, so the phase ends.

use super::destinations::{Destinations, destination, rack_allows};
use super::lazy_queue::LazyQueue;
use super::leadership::shift_leaders;
use super::penalty::CURVATURE;
use super::problem::{LANES, NONE, Problem, Vector, row};
use super::state::State;
use crate::model::{Freedom, band};

/// How exactly replicas are kept in order; at 1 an expansion by a tenth at a million replicas took minutes.
const LAZINESS: f64 = 0.8;
/// Moves that gain less penalty are noise.
const LEAST_GAIN: f64 = 1e-9;
/// Price of a move beyond its bytes, in mean replicas: without it, many tiny replicas move where few would do (measured:
/// 3,009 moves against 2,119 at equal bytes, docs/solver.md).
const MOVE_PRICE: f64 = 0.3;
/// Replicas of donors that an underfull broker considers at least, and per replica that it will need.
const DONOR_SLOTS: (usize, usize) = (1_500, 20);
/// It looks at no more than so many times as many: where little is wanted, few gain anything, and looking at all of a
/// million replicas once more for each of the last brokers took most of an expansion's time.
const DONOR_LOOKS: usize = 2;
/// Passes over all brokers; each makes the state better or ends the phase.
const PASSES: usize = 6;

/// Brings every goal towards its band.
pub(crate) fn balance(problem: &Problem<'_>, state: &mut State, expired: &dyn Fn() -> bool) {
    for _ in 0..PASSES {
        state.rebase_curved(problem, CURVATURE);
        let before = state.total_penalty();
        if !pass(problem, state, expired) {
            break;
        }
        state.rebase_curved(problem, CURVATURE);
        let after = state.total_penalty();
        if after <= 0.0 || after > before * 0.999 {
            break;
        }
    }
    state.rebase(problem);
}

/// Leaders, then shedding, then pulling, then topics; false where time ran out.
fn pass(problem: &Problem<'_>, state: &mut State, expired: &dyn Fn() -> bool) -> bool {
    shift_leaders(problem, state);
    let mut destinations = Destinations::new(problem, state);
    for broker in worst_first(state) {
        shed(problem, state, &mut destinations, broker);
        if expired() {
            return false;
        }
    }
    for broker in worst_first(state) {
        pull(problem, state, &mut destinations, broker);
        if expired() {
            return false;
        }
    }
    spread_topics(problem, state, &mut destinations);
    true
}

fn worst_first(state: &State) -> Vec<u32> {
    let mut brokers: Vec<u32> = (0..row(state.load.len())).filter(|&b| state.penalty[b as usize] > 0.0).collect();
    brokers.sort_by(|&a, &b| state.penalty[b as usize].total_cmp(&state.penalty[a as usize]).then(a.cmp(&b)));
    brokers
}

/// Whether goals may move `slot`.
pub(crate) fn is_free(problem: &Problem<'_>, slot: u32) -> bool {
    let p = problem.slot_partition[slot as usize];
    problem.partitions[p as usize].freedom == Freedom::Free && !problem.is_pinned(slot)
}

fn price(problem: &Problem<'_>, state: &State, slot: u32) -> f64 {
    let p = problem.slot_partition[slot as usize];
    let fresh = state.home_of(problem, slot, state.broker[slot as usize]).is_none();
    let bytes = if fresh { 0.0 } else { problem.partitions[p as usize].copy_bytes };
    bytes + MOVE_PRICE * problem.mean_copy_bytes
}

/// What `broker`'s penalty would lose with `slot` gone.
fn relief(problem: &Problem<'_>, state: &State, broker: u32, slot: u32) -> f64 {
    -state.load_delta(broker, &state.demand_here(problem, slot), -1.0)
}

/// A replica that may leave or come, with what does not change while one broker is served: looking that up anew for each
/// renewed price took most of an expansion's time, in cache misses.
struct Candidate {
    slot: u32,
    demand: Vector,
    price: f64,
}

/// Replicas by what moving them gains `broker` per byte.
struct Candidates {
    broker: u32,
    /// 1 where they would come, -1 where they would leave.
    sign: f64,
    queue: LazyQueue<u32, Candidate>,
}

impl Candidates {
    fn new(broker: u32, sign: f64) -> Self {
        Self { broker, sign, queue: LazyQueue::new(LAZINESS) }
    }

    /// Queues `slot` with its `demand`, if goals may move it and it gains something.
    fn offer(&mut self, problem: &Problem<'_>, state: &State, slot: u32, demand: Vector) {
        if is_free(problem, slot) {
            let candidate = Candidate { slot, demand, price: price(problem, state, slot) };
            if let Some(worth) = worth(state, self.broker, self.sign, &candidate) {
                self.queue.push(worth, slot, candidate);
            }
        }
    }

    /// The slot that gains most now, with its gain; none where nothing is left that gains.
    fn next(&mut self, state: &State) -> Option<(u32, f64)> {
        let (broker, sign) = (self.broker, self.sign);
        let (best, worth) = self.queue.pop(|candidate| worth(state, broker, sign, candidate))?;
        Some((best.slot, worth * best.price))
    }
}

/// What moving `candidate` gains `broker` per byte, none where it gains nothing.
fn worth(state: &State, broker: u32, sign: f64, candidate: &Candidate) -> Option<f64> {
    let gain = -state.load_delta(broker, &candidate.demand, sign);
    (gain > LEAST_GAIN).then(|| gain / candidate.price)
}

fn shed(problem: &Problem<'_>, state: &mut State, destinations: &mut Destinations, broker: u32) {
    let mut leaving = Candidates::new(broker, -1.0);
    for &slot in &state.on_broker[broker as usize] {
        leaving.offer(problem, state, slot, state.demand_here(problem, slot));
    }
    while state.penalty[broker as usize] > 0.0 {
        let Some((slot, gain)) = leaving.next(state) else { break };
        let Some(found) = destinations.best(problem, state, slot) else { continue };
        if found.delta - gain < -LEAST_GAIN {
            state.relocate(problem, slot, found.broker, found.dir);
            destinations.changed(state);
        }
    }
}

/// Moves replicas off dirs beyond their hard limit whose broker Kafka allows no moves between dirs: what is left of the
/// rule's remedies. Least penalty per byte first; a dir that cannot be brought below its limit stays as it was.
pub(crate) fn empty_full_dirs(problem: &Problem<'_>, state: &mut State) {
    let mut destinations = Destinations::new(problem, state);
    for dir in full_dirs(problem, state) {
        let broker = row(problem.snapshot.log_dirs[dir as usize].broker.row());
        let on_dir = |s: &u32| state.dir[*s as usize] == dir && is_free(problem, *s);
        let mut slots: Vec<u32> = state.on_broker[broker as usize].iter().copied().filter(on_dir).collect();
        slots.sort_by(|&a, &b| {
            let worth = |s: u32| relief(problem, state, broker, s) / price(problem, state, s);
            worth(b).total_cmp(&worth(a)).then(a.cmp(&b))
        });
        let is_full = |state: &State| state.dir_bytes[dir as usize] > problem.dirs[dir as usize].limit_bytes;
        let mut moved = Vec::new();
        for slot in slots {
            if !is_full(state) {
                break;
            }
            if let Some(found) = destinations.best(problem, state, slot) {
                state.relocate(problem, slot, found.broker, found.dir);
                destinations.changed(state);
                moved.push(slot);
            }
        }
        if is_full(state) {
            moved.into_iter().rev().for_each(|slot| state.relocate(problem, slot, broker, dir));
        }
    }
}

/// Dirs beyond their hard limit on active brokers whose dirs are planned but cannot exchange replicas.
pub(crate) fn full_dirs(problem: &Problem<'_>, state: &State) -> Vec<u32> {
    let stuck = |dir: &u32| {
        let facts = &problem.dirs[*dir as usize];
        let broker = &problem.brokers[problem.snapshot.log_dirs[*dir as usize].broker.row()];
        broker.in_band
            && broker.dirs_planned
            && !broker.dirs_movable
            && facts.serving
            && state.dir_bytes[*dir as usize] > facts.limit_bytes * (1.0 + band::TOLERANCE)
    };
    (0..row(problem.dirs.len())).filter(stuck).collect()
}

fn pull(problem: &Problem<'_>, state: &mut State, destinations: &mut Destinations, broker: u32) {
    if !problem.brokers[broker as usize].receives {
        return;
    }
    for _ in 0..8 {
        let shortage = state.bands.shortage(broker as usize, &state.load[broker as usize]);
        if shortage <= 0.0 || pull_round(problem, state, destinations, broker) == 0 {
            break;
        }
    }
}

/// One round of pulls from the donors that are fullest now; returns how many replicas came.
fn pull_round(problem: &Problem<'_>, state: &mut State, destinations: &mut Destinations, broker: u32) -> usize {
    let mut coming = Candidates::new(broker, 1.0);
    let enough = DONOR_SLOTS.0 + DONOR_SLOTS.1 * replicas_short(problem, state, broker);
    let mut looked_at = 0;
    for donor in donors(problem, state, broker) {
        for &slot in &state.on_broker[donor as usize] {
            // Before its turn: replicas that other racks must keep would fill the queue and drive out those that can come.
            if rack_allows(problem, state, slot, broker) {
                looked_at += 1;
                coming.offer(problem, state, slot, state.demand(problem, slot, broker));
            }
        }
        if coming.queue.len() >= enough || looked_at >= DONOR_LOOKS * enough {
            break;
        }
    }
    let mut moves = 0;
    while state.bands.shortage(broker as usize, &state.load[broker as usize]) > 0.0 {
        let Some((slot, _)) = coming.next(state) else { break };
        let Some(found) = destination(problem, state, slot, broker) else { continue };
        let donor = state.broker[slot as usize];
        if found.delta - relief(problem, state, donor, slot) < -LEAST_GAIN {
            state.relocate(problem, slot, found.broker, found.dir);
            destinations.changed(state);
            moves += 1;
        }
    }
    moves
}

/// About how many average replicas would bring `broker` what it lacks most.
fn replicas_short(problem: &Problem<'_>, state: &State, broker: u32) -> usize {
    let short = |lane: usize| {
        let (low, _) = state.bands.band(broker as usize, lane);
        low - state.bands.ratio(broker as usize, &state.load[broker as usize], lane)
    };
    let most = (0..LANES).map(short).filter(|s| s.is_finite()).fold(0.0, f64::max);
    let per_broker = problem.slot_partition.len() / problem.brokers.len().max(1);
    (most * per_broker as f64) as usize
}

/// Brokers of `broker`'s group by what they have of what it lacks, its own rack first among equals: where every rack
/// holds one replica of each partition, only the own rack can give.
fn donors(problem: &Problem<'_>, state: &State, broker: u32) -> Vec<u32> {
    let facts = &problem.brokers[broker as usize];
    let load = &state.load[broker as usize];
    let lacks = |lane: usize| {
        let (low, _) = state.bands.band(broker as usize, lane);
        state.bands.ratio(broker as usize, load, lane) < low
    };
    let lacking: Vec<usize> = (0..LANES).filter(|&lane| lacks(lane)).collect();
    let plenty = |b: u32| {
        let load: &Vector = &state.load[b as usize];
        let sum: f64 = lacking.iter().map(|&lane| state.bands.ratio(b as usize, load, lane)).sum();
        let own_rack = facts.rack != NONE && problem.brokers[b as usize].rack == facts.rack;
        sum + if own_rack { 0.05 * lacking.len() as f64 } else { 0.0 }
    };
    let peers = (0..row(problem.brokers.len())).filter(|&b| {
        let peer = &problem.brokers[b as usize];
        b != broker && peer.active && peer.group == facts.group
    });
    let mut keyed: Vec<(f64, u32)> = peers.map(|b| (plenty(b), b)).collect();
    keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, b)| b).collect()
}

/// Moves replicas off the (topic, broker) pairs beyond their limit, cheapest first, where no other goal suffers.
fn spread_topics(problem: &Problem<'_>, state: &mut State, destinations: &mut Destinations) {
    if state.aims.as_ref().is_some_and(|aims| !aims.topics) {
        return;
    }
    for t in 0..row(problem.topics.len()) {
        let facts = &problem.topics[t as usize];
        if facts.spread_limit == NONE {
            continue;
        }
        let (first, count) = facts.slots;
        let crowded = |state: &State, slot: u32| {
            let b = state.broker[slot as usize];
            state.spread.judges(problem, t, b) && state.spread.count(problem, &state.broker, t, b) > facts.spread_limit
        };
        let mut slots: Vec<u32> =
            (first..first + count).filter(|&s| is_free(problem, s) && crowded(state, s)).collect();
        slots.sort_by(|&a, &b| price(problem, state, a).total_cmp(&price(problem, state, b)).then(a.cmp(&b)));
        for slot in slots {
            if !crowded(state, slot) {
                continue;
            }
            let Some(found) = destinations.best(problem, state, slot) else { continue };
            let relief = relief(problem, state, state.broker[slot as usize], slot);
            if found.delta - relief < -LEAST_GAIN {
                state.relocate(problem, slot, found.broker, found.dir);
                destinations.changed(state);
            }
        }
    }
}
