//! Simulated annealing over every goal at once (Kirkpatrick et al. 1983): escapes what greedy moves and trims miss.
//!
//! The energy is a price on the penalty plus the bytes and moves of the plan. The temperature falls and the price rises
//! geometrically, so the search may cross the bands' edges early and ends inside them. The budget counts steps; the best
//! state seen is restored at the end from a journal of the changes since.

mod neighbours;
mod propose;

use rand::Rng;
use rand_pcg::Pcg64Mcg;

pub(crate) use self::neighbours::Neighbours;
use super::destinations::{choose_dir, may_host, rack_allows};
use super::problem::{Problem, plus, row};
use super::state::State;
use super::trim::DRIFT;

/// Price of a move beyond its bytes, in mean replicas: bytes may not fall by multiplying the moves.
pub(crate) const MOVE_PRICE: f64 = 0.05;
/// Price of a leadership change, in mean replicas: an election interrupts clients for a moment, so none is made in vain.
pub(crate) const LEADER_PRICE: f64 = 0.002;
/// How a member of the portfolio cools. Cold schedules improve a good start steadily, hot ones leave it behind and find
/// what it hides: which is better differs from cluster to cluster (docs/solver.md has figures).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// First temperature, in mean replicas.
    pub(crate) start: f64,
    /// First price of a unit of penalty, in mean broker disks: where it is about what bytes win by crossing the edge of a
    /// band, changes that need each other may be made one by one.
    pub(crate) first_price: f64,
    /// Steps.
    pub(crate) steps: u64,
}

impl Schedule {
    /// Temperature at `progress` (0–1), in mean replicas: a fortieth of the start at the end.
    fn temperature(&self, progress: f64) -> f64 {
        self.start * 40.0_f64.powf(-progress)
    }

    /// Price of a unit of penalty at `progress`, in mean broker disks: at the end far beyond what any bytes are worth.
    fn price(&self, progress: f64) -> f64 {
        self.first_price * (LAST_PRICE / self.first_price).powf(progress)
    }
}

/// Price of a unit of penalty when a schedule ends.
pub(crate) const LAST_PRICE: f64 = 300.0;
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
    let changes = MOVE_PRICE * state.copies as f64 + LEADER_PRICE * state.leader_changes as f64;
    state.copied_bytes + problem.mean_copy_bytes * changes
}

/// One change, with what undoes it.
#[derive(Clone, Copy, Debug)]
enum Change {
    Replica { slot: u32, from: u32, from_dir: u32 },
    Leader { p: u32, from: u16 },
}

/// Anneals to the end of `schedule`. Returns whether the clock cut in.
pub(crate) fn anneal(
    problem: &Problem<'_>,
    neighbours: &Neighbours,
    state: &mut State,
    seed: u64,
    schedule: Schedule,
    expired: &(dyn Fn() -> bool + Sync),
) -> bool {
    let mut walk = Walk::new(problem, neighbours, state, seed);
    for step in 0..schedule.steps {
        if step % STRIDE == 0 {
            if expired() {
                walk.restore_best();
                return true;
            }
            walk.tune(schedule, step as f64 / schedule.steps as f64);
        }
        walk.step();
    }
    walk.restore_best();
    false
}

struct Walk<'a, 'b> {
    problem: &'a Problem<'b>,
    neighbours: &'a Neighbours,
    state: &'a mut State,
    rng: Pcg64Mcg,
    /// Bytes of a mean broker: the unit of energy.
    unit: f64,
    temperature: f64,
    price: f64,
    outside: Vec<u32>,
    /// Changes since the best state.
    journal: Vec<Change>,
    /// How much the energy may rise in the step under way.
    allowed: f64,
    /// What the changes cost that were looked at last.
    cost: f64,
    best: Quality,
}

impl<'a, 'b> Walk<'a, 'b> {
    fn new(problem: &'a Problem<'b>, neighbours: &'a Neighbours, state: &'a mut State, seed: u64) -> Self {
        let receivers = problem.brokers.iter().filter(|facts| facts.receives).count();
        let total = problem.mean_copy_bytes * problem.slot_partition.len() as f64;
        let best = Quality::of(problem, state);
        Self {
            unit: (total / receivers.max(1) as f64).max(1.0),
            problem,
            neighbours,
            state,
            rng: Pcg64Mcg::new(u128::from(seed) << 1 | 1),
            temperature: 0.0,
            price: 0.0,
            outside: Vec::new(),
            journal: Vec::new(),
            allowed: 0.0,
            cost: 0.0,
            best,
        }
    }

    /// Sets temperature and price for `progress` (0–1) and looks who is outside.
    fn tune(&mut self, schedule: Schedule, progress: f64) {
        self.temperature = schedule.temperature(progress) * self.problem.mean_copy_bytes / self.unit;
        self.price = schedule.price(progress);
        self.outside.clear();
        self.outside.extend((0..row(self.state.penalty.len())).filter(|&b| self.state.penalty[b as usize] > 0.0));
    }

    fn step(&mut self) {
        // How much the energy may rise in this step, drawn before anything is computed: proposals that cannot pass are
        // dropped at the price of a look.
        self.allowed = -self.temperature * unit_interval(&mut self.rng).max(f64::MIN_POSITIVE).ln();
        self.propose();
    }

    fn go(&mut self, slot: u32, to: u32) {
        if self.may_pass(&[(slot, to)])
            && self.may_go(slot, to)
            && let Some(dir) = choose_dir(self.problem, self.state, slot, to)
        {
            self.consider(slot, to, dir);
        }
    }

    fn may_go(&self, slot: u32, to: u32) -> bool {
        may_host(self.problem, self.state, slot, to) && rack_allows(self.problem, self.state, slot, to)
    }

    /// Bytes and copies that `moves` add, priced.
    fn price_of(&self, moves: &[(u32, u32)]) -> (f64, f64, i64) {
        let (mut bytes, mut copies) = (0.0, 0);
        for &(slot, to) in moves {
            let delta = self.state.copy_delta(self.problem, slot, to);
            bytes += delta.0;
            copies += delta.1;
        }
        (bytes + MOVE_PRICE * self.problem.mean_copy_bytes * copies as f64, bytes, copies)
    }

    /// Whether `moves` could be accepted if they took all penalty away, and fit the budget; keeps their cost.
    fn may_pass(&mut self, moves: &[(u32, u32)]) -> bool {
        let (cost, bytes, copies) = self.price_of(moves);
        self.cost = cost;
        self.passes(-self.state.total_penalty(), cost) && self.state.within_budget(self.problem, (bytes, copies))
    }

    /// Whether a change of penalty and of cost is within what this step allows.
    fn passes(&self, penalty: f64, cost: f64) -> bool {
        self.price * penalty + cost / self.unit <= self.allowed
    }

    /// Moves `slot` to `to` if the energy allows.
    fn consider(&mut self, slot: u32, to: u32, dir: u32) {
        let delta = self.state.move_delta(self.problem, slot, to);
        if self.passes(delta, self.price_of(&[(slot, to)]).0) {
            let undo = self.relocate(slot, to, dir);
            self.accept(&[undo]);
        }
    }

    /// Moves `slot` to `to` and then `other` to `target`, if the energy allows both together.
    fn consider_pair(&mut self, (slot, to, dir): (u32, u32, u32), (other, target): (u32, u32)) {
        if self.problem.slot_partition[slot as usize] == self.problem.slot_partition[other as usize] {
            return;
        }
        let delta = self.pair_delta((slot, to), (other, target));
        if !self.passes(delta, self.cost) {
            return;
        }
        let first = self.relocate(slot, to, dir);
        // With `slot` gone, its dir has room for `other` too.
        match choose_dir(self.problem, self.state, other, target) {
            Some(dir) => {
                let second = self.relocate(other, target, dir);
                self.accept(&[first, second]);
            }
            None => self.undo(first),
        }
    }

    /// The change of penalty if two replicas of different partitions moved.
    fn pair_delta(&self, (slot, to): (u32, u32), (other, target): (u32, u32)) -> f64 {
        let (problem, state) = (self.problem, &*self.state);
        let (from, source) = (state.broker[slot as usize], state.broker[other as usize]);
        let changes = [
            (from, state.demand_here(problem, slot), -1.0),
            (to, state.demand(problem, slot, to), 1.0),
            (source, state.demand_here(problem, other), -1.0),
            (target, state.demand(problem, other, target), 1.0),
        ];
        let mut delta = 0.0;
        for (i, (broker, ..)) in changes.iter().enumerate() {
            if changes[..i].iter().any(|(b, ..)| b == broker) {
                continue;
            }
            let mut load = state.load[*broker as usize];
            for (_, demand, sign) in changes[i..].iter().filter(|(b, ..)| b == broker) {
                load = plus(load, demand, *sign);
            }
            delta += state.bands.penalty(*broker as usize, &load) - state.penalty[*broker as usize];
        }
        // What the two do to each other's leader counts and widths is left out: the energy is recounted once they are made.
        let linked = state.linked_delta(problem, slot, from, to) + state.linked_delta(problem, other, source, target);
        delta + linked + self.pair_spread((slot, from, to), (other, source, target))
    }

    /// The change of topic spread of two moves; moves of one topic that undo each other's counts cancel out.
    fn pair_spread(&self, (slot, from, to): (u32, u32, u32), (other, source, target): (u32, u32, u32)) -> f64 {
        let topic = |s: u32| self.problem.partitions[self.problem.slot_partition[s as usize] as usize].topic;
        if topic(slot) != topic(other) {
            return self.spread_delta(slot, from, to) + self.spread_delta(other, source, target);
        }
        match (to == source, from == target) {
            (true, true) => 0.0,
            (true, false) => self.spread_delta(slot, from, target),
            (false, true) => self.spread_delta(slot, source, to),
            (false, false) => self.spread_delta(slot, from, to) + self.spread_delta(other, source, target),
        }
    }

    fn spread_delta(&self, slot: u32, from: u32, to: u32) -> f64 {
        let p = self.problem.slot_partition[slot as usize] as usize;
        self.state.spread.delta(self.problem, &self.state.broker, self.problem.partitions[p].topic, from, to)
    }

    fn relocate(&mut self, slot: u32, to: u32, dir: u32) -> Change {
        let s = slot as usize;
        let undo = Change::Replica { slot, from: self.state.broker[s], from_dir: self.state.dir[s] };
        self.state.relocate(self.problem, slot, to, dir);
        undo
    }

    fn accept(&mut self, changes: &[Change]) {
        self.journal.extend_from_slice(changes);
        let now = Quality::of(self.problem, self.state);
        if now.beats(self.problem, &self.best) {
            self.best = now;
            self.journal.clear();
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
