//! Simulated annealing over every goal at once (Kirkpatrick et al. 1983): escapes what greedy moves and trims miss.
//!
//! The energy is a price on the penalty plus the bytes and moves of the plan. The temperature falls and the price rises
//! geometrically, so the search may cross the bands' edges early and ends inside them. The budget counts steps; the best
//! state seen is restored at the end from a journal of the changes since.

use rand::Rng;
use rand_pcg::Pcg64Mcg;

use super::balance::is_free;
use super::destinations::{choose_dir, may_host, rack_allows};
use super::leadership::may_lead;
use super::problem::{Problem, row};
use super::state::{NO_LEADER, State};
use super::trim::{DRIFT, home};
use crate::model::Freedom;

/// Price of a move beyond its bytes, in mean replicas: bytes may not fall by multiplying the moves.
pub(crate) const MOVE_PRICE: f64 = 0.05;
/// First and last temperature, in mean replicas.
const TEMPERATURE: (f64, f64) = (0.6, 0.004);
/// First and last price of one unit of penalty, in mean broker disks.
const PENALTY_PRICE: (f64, f64) = (4.0, 400.0);
/// Steps between looks at the clock and at who is outside.
const STRIDE: u64 = 1024;

/// How good a state is: penalty first, then what it moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quality {
    /// Total penalty.
    pub(crate) penalty: f64,
    /// Bytes copied, moves priced in.
    pub(crate) cost: f64,
}

impl Quality {
    /// The quality of `state`.
    pub(crate) fn of(problem: &Problem<'_>, state: &State) -> Self {
        Self { penalty: state.total_penalty().max(0.0), cost: cost(problem, state) }
    }

    /// Whether this is better than `other`: a penalty within the policy's tolerance is as good.
    pub(crate) fn beats(&self, problem: &Problem<'_>, other: &Self) -> bool {
        let tolerance = problem.policy.excess_tolerance / 2.0;
        if self.penalty > other.penalty * (1.0 + tolerance) + DRIFT {
            false
        } else if self.penalty < other.penalty * (1.0 - tolerance) - DRIFT {
            true
        } else {
            self.cost < other.cost
        }
    }
}

fn cost(problem: &Problem<'_>, state: &State) -> f64 {
    state.copied_bytes + MOVE_PRICE * problem.mean_copy_bytes * state.copies as f64
}

/// One change, with what undoes it.
#[derive(Clone, Copy, Debug)]
enum Change {
    Replica { slot: u32, from: u32, from_dir: u32 },
    Leader { p: u32, from: u16 },
}

/// Anneals for `steps` steps. Returns whether the clock cut in.
pub(crate) fn anneal(
    problem: &Problem<'_>,
    state: &mut State,
    seed: u64,
    steps: u64,
    expired: &(dyn Fn() -> bool + Sync),
) -> bool {
    let mut walk = Walk::new(problem, state, seed);
    for step in 0..steps {
        if step % STRIDE == 0 {
            if expired() {
                walk.restore_best();
                return true;
            }
            walk.tune(step as f64 / steps as f64);
        }
        walk.step();
    }
    walk.restore_best();
    false
}

struct Walk<'a, 'b> {
    problem: &'a Problem<'b>,
    state: &'a mut State,
    rng: Pcg64Mcg,
    /// Bytes of a mean broker: the unit of energy.
    unit: f64,
    temperature: f64,
    price: f64,
    receivers: Vec<u32>,
    outside: Vec<u32>,
    /// Changes since the best state.
    journal: Vec<Change>,
    /// Changes of the step under way.
    pending: Vec<Change>,
    best: Quality,
}

impl<'a, 'b> Walk<'a, 'b> {
    fn new(problem: &'a Problem<'b>, state: &'a mut State, seed: u64) -> Self {
        let receivers: Vec<u32> =
            (0..row(problem.brokers.len())).filter(|&b| problem.brokers[b as usize].receives).collect();
        let total = problem.mean_copy_bytes * problem.slot_partition.len() as f64;
        let best = Quality::of(problem, state);
        Self {
            unit: (total / receivers.len().max(1) as f64).max(1.0),
            problem,
            state,
            rng: Pcg64Mcg::new(u128::from(seed) << 1 | 1),
            temperature: 0.0,
            price: 0.0,
            receivers,
            outside: Vec::new(),
            journal: Vec::new(),
            pending: Vec::new(),
            best,
        }
    }

    /// Sets temperature and price for `progress` (0–1) and looks who is outside.
    fn tune(&mut self, progress: f64) {
        let between = |(first, last): (f64, f64)| first * (last / first).powf(progress);
        self.temperature = between(TEMPERATURE) * self.problem.mean_copy_bytes / self.unit;
        self.price = between(PENALTY_PRICE);
        self.outside.clear();
        self.outside.extend((0..row(self.state.penalty.len())).filter(|&b| self.state.penalty[b as usize] > 0.0));
    }

    fn energy(&self) -> f64 {
        self.price * self.state.total_penalty() + cost(self.problem, self.state) / self.unit
    }

    fn step(&mut self) {
        let before = self.energy();
        match below(&mut self.rng, 100) {
            0..30 => self.propose_return(),
            30..55 => self.propose_exchange(),
            55..65 => self.propose_redirect(),
            65..80 => self.propose_move(),
            _ => self.propose_leader(),
        }
        if self.pending.is_empty() {
            return;
        }
        let rise = self.energy() - before;
        if rise > 0.0 && unit_interval(&mut self.rng) >= (-rise / self.temperature).exp() {
            self.undo_pending();
            return;
        }
        self.journal.append(&mut self.pending);
        let now = Quality::of(self.problem, self.state);
        if now.beats(self.problem, &self.best) {
            self.best = now;
            self.journal.clear();
        }
    }

    fn propose_return(&mut self) {
        if let Some(slot) = self.random_moved()
            && let Some((to, dir)) = home(self.problem, self.state, slot)
        {
            self.relocate(slot, to, dir);
        }
    }

    /// A moved replica goes home; another from there takes its place.
    fn propose_exchange(&mut self) {
        let Some(slot) = self.random_moved() else { return };
        let Some((to, dir)) = home(self.problem, self.state, slot) else { return };
        let place = self.state.broker[slot as usize];
        let Some(other) = pick(&mut self.rng, &self.state.on_broker[to as usize]) else { return };
        if is_free(self.problem, other) && self.may_go(other, place) {
            self.relocate(slot, to, dir);
            let p = self.problem.slot_partition[other as usize];
            match choose_dir(self.problem, self.state, p, place).filter(|_| self.affordable(other, place)) {
                Some(dir) => self.relocate(other, place, dir),
                None => self.undo_pending(),
            }
        }
    }

    /// A moved replica goes elsewhere: that copies no more than before.
    fn propose_redirect(&mut self) {
        let Some(slot) = self.random_moved() else { return };
        if is_free(self.problem, slot)
            && let Some(to) = self.random_receiver()
        {
            self.go(slot, to);
        }
    }

    /// A replica of a broker outside its bands goes elsewhere, or one from elsewhere comes.
    fn propose_move(&mut self) {
        let (from, to) = if !self.outside.is_empty() && below(&mut self.rng, 4) > 0 {
            let Some(troubled) = pick(&mut self.rng, &self.outside) else { return };
            let Some(peer) = self.random_receiver() else { return };
            if below(&mut self.rng, 2) == 0 { (troubled, peer) } else { (peer, troubled) }
        } else {
            let (Some(from), Some(to)) = (self.random_receiver(), self.random_receiver()) else { return };
            (from, to)
        };
        let Some(slot) = pick(&mut self.rng, &self.state.on_broker[from as usize]) else { return };
        if from != to && is_free(self.problem, slot) {
            self.go(slot, to);
        }
    }

    fn propose_leader(&mut self) {
        let slot = if !self.outside.is_empty() && below(&mut self.rng, 2) == 0 {
            let troubled = pick(&mut self.rng, &self.outside);
            troubled.and_then(|b| pick(&mut self.rng, &self.state.on_broker[b as usize]))
        } else {
            self.random_moved()
        };
        let Some(p) = slot.map(|slot| self.problem.slot_partition[slot as usize]) else { return };
        let facts = &self.problem.partitions[p as usize];
        let offset = u16::try_from(below(&mut self.rng, u64::from(facts.slot_count))).unwrap_or(NO_LEADER);
        let old = self.state.leader[p as usize];
        if facts.freedom == Freedom::Free
            && old != NO_LEADER
            && offset != old
            && may_lead(self.problem, self.state, p, offset)
        {
            self.state.lead(self.problem, p, offset);
            self.pending.push(Change::Leader { p, from: old });
        }
    }

    fn may_go(&self, slot: u32, to: u32) -> bool {
        may_host(self.problem, self.state, slot, to) && rack_allows(self.problem, self.state, slot, to)
    }

    fn affordable(&self, slot: u32, to: u32) -> bool {
        self.state.within_budget(self.problem, self.state.copy_delta(self.problem, slot, to))
    }

    fn go(&mut self, slot: u32, to: u32) {
        if self.may_go(slot, to) && self.affordable(slot, to) {
            let p = self.problem.slot_partition[slot as usize];
            if let Some(dir) = choose_dir(self.problem, self.state, p, to) {
                self.relocate(slot, to, dir);
            }
        }
    }

    fn relocate(&mut self, slot: u32, to: u32, dir: u32) {
        let s = slot as usize;
        self.pending.push(Change::Replica { slot, from: self.state.broker[s], from_dir: self.state.dir[s] });
        self.state.relocate(self.problem, slot, to, dir);
    }

    fn undo_pending(&mut self) {
        while let Some(change) = self.pending.pop() {
            self.undo(change);
        }
    }

    fn undo(&mut self, change: Change) {
        match change {
            Change::Replica { slot, from, from_dir } => self.state.relocate(self.problem, slot, from, from_dir),
            Change::Leader { p, from } => self.state.lead(self.problem, p, from),
        }
    }

    fn restore_best(&mut self) {
        while let Some(change) = self.journal.pop() {
            self.undo(change);
        }
    }

    fn random_moved(&mut self) -> Option<u32> {
        pick(&mut self.rng, &self.state.moved)
    }

    fn random_receiver(&mut self) -> Option<u32> {
        pick(&mut self.rng, &self.receivers)
    }
}

/// One of `list`, none where it is empty.
fn pick(rng: &mut Pcg64Mcg, list: &[u32]) -> Option<u32> {
    if list.is_empty() { None } else { list.get(below(rng, list.len() as u64) as usize).copied() }
}

/// A number below `n`, which is at least 1.
fn below(rng: &mut Pcg64Mcg, n: u64) -> u64 {
    let wide = u128::from(rng.next_u64()) * u128::from(n);
    u64::try_from(wide >> 64).unwrap_or(0)
}

/// A number in [0, 1).
fn unit_interval(rng: &mut Pcg64Mcg) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}
