//! Scatter widths: with how many others each broker shares partitions.
//!
//! The fewer pairs of brokers share a partition, the fewer sets of brokers lose one when they fail together (Cidon et al.,
//! "Copysets: Reducing the Frequency of Data Loss in Cloud Storage", USENIX ATC 2013). Off unless a policy gives a limit;
//! then a table of counts by pair follows every move. [`narrow`] empties whole pairs, which single moves cannot.

use super::balance::{balance, is_free};
use super::destinations::{Destination, destination};
use super::problem::{Problem, plus, row};
use super::state::State;
use super::trim::DRIFT;
use crate::model::Goal;

/// Counts by pair of brokers, and what is beyond the limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scatter {
    /// The most others; 0 where the goal is off.
    limit: u32,
    brokers: usize,
    /// Pairs of replicas of one partition on two brokers, a row per broker.
    pairs: Vec<u32>,
    /// Each broker's others.
    width: Vec<u32>,
    /// Whether each broker is judged.
    judged: Vec<bool>,
    weight: f64,
    penalty: f64,
    /// Where set, widths are not brought down: so much penalty is taken as given, and only more of it counts.
    given: Option<f64>,
}

impl Scatter {
    /// Counts the snapshot.
    pub(crate) fn new(problem: &Problem<'_>) -> Self {
        let bands = &problem.policy.bands;
        if !bands.is_on(Goal::ScatterWidth) {
            return Self::default();
        }
        let brokers = problem.brokers.len();
        let mut scatter = Self {
            limit: bands.scatter_width as u32,
            brokers,
            judged: problem.brokers.iter().map(|b| b.in_band).collect(),
            weight: problem.policy.weight(Goal::ScatterWidth),
            ..Self::default()
        };
        (scatter.pairs, scatter.width) = counted(problem, &problem.home_broker);
        scatter.penalty = (0..row(brokers)).map(|b| scatter.beyond(b, scatter.width[b as usize])).sum();
        scatter
    }

    /// Whether the policy gives a limit.
    pub(crate) fn is_on(&self) -> bool {
        self.limit > 0
    }

    /// Σ over brokers of the others beyond the limit, relative to it, weighted; what is taken as given left out.
    pub(crate) fn penalty(&self) -> f64 {
        self.counts(self.penalty)
    }

    /// All of the penalty, whatever is taken as given.
    pub(crate) fn total(&self) -> f64 {
        self.penalty
    }

    /// Whether widths are to be brought down to the limit; where not, what is beyond it now is taken as given.
    pub(crate) fn pursue(&mut self, pursued: bool) {
        self.given = (!pursued).then_some(self.penalty);
    }

    /// How many others `broker` shares partitions with.
    pub(crate) fn width(&self, broker: u32) -> u32 {
        self.width.get(broker as usize).copied().unwrap_or(0)
    }

    /// Whether `broker` shares partitions with more others than it should.
    pub(crate) fn is_beyond(&self, broker: u32) -> bool {
        self.is_on() && self.judged[broker as usize] && self.width(broker) > self.limit
    }

    /// The limit.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    fn counts(&self, penalty: f64) -> f64 {
        self.given.map_or(penalty, |given| (penalty - given).max(0.0))
    }

    fn beyond(&self, broker: u32, width: u32) -> f64 {
        let is_judged = self.judged[broker as usize];
        if is_judged { self.weight * f64::from(width.saturating_sub(self.limit)) / f64::from(self.limit) } else { 0.0 }
    }

    /// Replicas of one partition on `a` and `b`, in pairs.
    fn pair(&self, a: u32, b: u32) -> u32 {
        self.pairs[a as usize * self.brokers + b as usize]
    }

    /// The change of [`Self::penalty`] if `slot` went to `to`. Exact where its partition's replicas are on distinct
    /// brokers.
    pub(crate) fn delta(&self, problem: &Problem<'_>, slot_broker: &[u32], slot: u32, to: u32) -> f64 {
        let from = slot_broker[slot as usize];
        let change = |b: u32, change: i32| {
            let width = self.width[b as usize];
            self.beyond(b, width.saturating_add_signed(change)) - self.beyond(b, width)
        };
        let (mut lost, mut won, mut delta) = (0, 0, 0.0);
        for other in others(problem, slot_broker, slot).filter(|&other| other != from && other != to) {
            let parts = i32::from(self.pair(from, other) == 1);
            let meets = i32::from(self.pair(to, other) == 0);
            lost += parts;
            won += meets;
            delta += change(other, meets - parts);
        }
        delta += change(from, -lost) + change(to, won);
        if self.given.is_none() { delta } else { self.counts(self.penalty + delta) - self.counts(self.penalty) }
    }

    /// Follows `slot` from `from`; `slot_broker` already names where it went.
    pub(crate) fn shift(&mut self, problem: &Problem<'_>, slot_broker: &[u32], slot: u32, from: u32) {
        if !self.is_on() {
            return;
        }
        let to = slot_broker[slot as usize];
        for other in others(problem, slot_broker, slot) {
            self.count(from, other, false);
            self.count(to, other, true);
        }
    }

    /// Counts one pair more, or one less.
    fn count(&mut self, a: u32, b: u32, more: bool) {
        if a == b {
            return;
        }
        for (a, b) in [(a, b), (b, a)] {
            let pair = &mut self.pairs[a as usize * self.brokers + b as usize];
            *pair = if more { *pair + 1 } else { *pair - 1 };
            let width = self.width[a as usize];
            let new = match (more, *pair) {
                (true, 1) => width + 1,
                (false, 0) => width - 1,
                _ => continue,
            };
            self.width[a as usize] = new;
            self.penalty += self.beyond(a, new) - self.beyond(a, width);
        }
    }

    /// Whether counts and penalty are what `slot_broker` says.
    pub(crate) fn agrees(&self, problem: &Problem<'_>, slot_broker: &[u32]) -> bool {
        let penalty: f64 = (0..row(self.width.len())).map(|b| self.beyond(b, self.width[b as usize])).sum();
        !self.is_on()
            || ((self.pairs.as_slice(), self.width.as_slice())
                == (&counted(problem, slot_broker).0, &counted(problem, slot_broker).1)
                && (penalty - self.penalty).abs() < 1e-6)
    }
}

/// The brokers of the other replicas of `slot`'s partition.
fn others<'a>(problem: &'a Problem<'_>, slot_broker: &'a [u32], slot: u32) -> impl Iterator<Item = u32> + 'a {
    let p = problem.slot_partition[slot as usize];
    problem.slots(p).filter(move |&s| s != slot as usize).map(|s| slot_broker[s])
}

/// Counts by pair, and widths.
fn counted(problem: &Problem<'_>, slot_broker: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let brokers = problem.brokers.len();
    let mut pairs = vec![0_u32; brokers * brokers];
    for slot in 0..row(slot_broker.len()) {
        let own = slot_broker[slot as usize];
        for other in others(problem, slot_broker, slot).filter(|&other| other != own) {
            pairs[own as usize * brokers + other as usize] += 1;
        }
    }
    let width = |others: &[u32]| row(others.iter().filter(|&&count| count > 0).count());
    let widths = if brokers == 0 { Vec::new() } else { pairs.chunks(brokers).map(width).collect() };
    (pairs, widths)
}

/// Pairs of brokers that are tried, per broker beyond its limit, and rounds of all of them.
const PAIRS_TRIED: usize = 24;
const ROUNDS: usize = 4;

/// Brings brokers below the limit by emptying whole pairs: each partition that two brokers share loses one of them to a
/// broker that shares partitions with the others already. A pair is emptied wholly or left as it was, and only where the
/// sum of all penalties falls; the goals that suffer meanwhile are balanced after each round.
pub(crate) fn narrow(problem: &Problem<'_>, state: &mut State, expired: &dyn Fn() -> bool) {
    for _ in 0..ROUNDS {
        let before = state.total_penalty();
        if state.scatter.penalty() <= DRIFT || expired() {
            return;
        }
        let kept = state.clone();
        let mut wide: Vec<u32> = (0..row(problem.brokers.len())).filter(|&b| state.scatter.is_beyond(b)).collect();
        wide.sort_by_key(|&b| (std::cmp::Reverse(state.scatter.width(b)), b));
        for a in wide {
            for b in peers(problem, state, a) {
                if expired() || !state.scatter.is_beyond(a) {
                    break;
                }
                empty_pair(problem, state, a, b);
            }
        }
        balance(problem, state, expired);
        if state.total_penalty() >= before - DRIFT {
            *state = kept;
            return;
        }
    }
}

/// The others that `a` shares partitions with, those that are emptied for the fewest bytes first, as many as are tried.
fn peers(problem: &Problem<'_>, state: &State, a: u32) -> Vec<u32> {
    let mut bytes = vec![0.0; problem.brokers.len()];
    for &slot in &state.on_broker[a as usize] {
        let p = problem.slot_partition[slot as usize];
        for other in others(problem, &state.broker, slot).filter(|&other| other != a) {
            bytes[other as usize] += problem.partitions[p as usize].copy_bytes;
        }
    }
    let mut peers: Vec<u32> = (0..row(bytes.len())).filter(|&b| bytes[b as usize] > 0.0).collect();
    peers.sort_by(|&x, &y| bytes[x as usize].total_cmp(&bytes[y as usize]).then(x.cmp(&y)));
    peers.truncate(PAIRS_TRIED);
    peers
}

/// Parts `a` and `b` in every partition that they share, or takes all of it back; whether they are parted.
fn empty_pair(problem: &Problem<'_>, state: &mut State, a: u32, b: u32) -> bool {
    let before = state.total_penalty();
    let shared = |state: &State, slot: &u32| others(problem, &state.broker, *slot).any(|other| other == b);
    let slots: Vec<u32> = state.on_broker[a as usize].iter().copied().filter(|slot| shared(state, slot)).collect();
    let mut journal = Vec::with_capacity(slots.len());
    let mut parted = true;
    for slot in slots {
        let p = problem.slot_partition[slot as usize];
        let twin = problem.slots(p).map(row).find(|&s| state.broker[s as usize] == b);
        let choices = [Some(slot), twin].into_iter().flatten().filter(|&s| is_free(problem, s));
        let found = choices.filter_map(|s| Some((s, among_known(problem, state, s)?)));
        let best = found.min_by(|x, y| x.1.0.total_cmp(&y.1.0).then(x.0.cmp(&y.0)));
        let Some((slot, (_, to))) = best else {
            parted = false;
            break;
        };
        journal.push((slot, state.broker[slot as usize], state.dir[slot as usize]));
        state.relocate(problem, slot, to.broker, to.dir);
    }
    if parted && state.total_penalty() < before - DRIFT {
        return true;
    }
    journal.into_iter().rev().for_each(|(slot, broker, dir)| state.relocate(problem, slot, broker, dir));
    false
}

/// The best broker for `slot` among those that share partitions with all its partition's other brokers, with the change
/// of all penalties.
fn among_known(problem: &Problem<'_>, state: &State, slot: u32) -> Option<(f64, Destination)> {
    let from = state.broker[slot as usize];
    let left = plus(state.load[from as usize], &state.demand_here(problem, slot), -1.0);
    let relief = state.bands.penalty(from as usize, &left) - state.penalty[from as usize];
    let knows = |b: &u32| others(problem, &state.broker, slot).all(|other| state.scatter.pair(*b, other) > 0);
    let brokers = (0..row(problem.brokers.len())).filter(|&b| b != from).filter(knows);
    let found = brokers.filter_map(|b| destination(problem, state, slot, b));
    let best = found.min_by(|x, y| x.delta.total_cmp(&y.delta).then(x.broker.cmp(&y.broker)));
    best.map(|found| (found.delta + relief, found))
}
