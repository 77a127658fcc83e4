//! Large-neighbourhood search by mixed-integer programming (Shaw 1998; bands are elastic): a few brokers
//! are opened, everything else is held, and HiGHS finds the best places for what is on them.
//!
//! Local search changes one or two replicas at a time; where only a rotation over several brokers helps, it stops with a
//! broker outside its bands. Such brokers are few, so their neighbourhoods are small enough for exact methods. Every
//! answer is applied to the search's own state and kept only if that is better by its own measure: nothing that the
//! solver says is taken on trust. The only user of good_lp.
//!
//! Budgets are numbers of solves and of nodes; the clock is looked at between solves alone.

mod area;
mod model;
pub(crate) mod relaxed;
#[cfg(test)]
mod tests;

use rand::Rng;
use rand_pcg::Pcg64Mcg;

use self::area::{Area, peers_by_need, peers_by_traffic, shuffle};
use self::model::{Assignment, most_relief, solve};
use super::anneal::Quality;
use super::destinations::choose_dir;
use super::leadership::may_lead;
use super::problem::{NONE, Problem, row};
use super::state::{NO_LEADER, State};
use super::trim::{DRIFT, trim, trim_leaders};
use super::{Effort, Options};

/// What a run may spend.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// Brokers of a neighbourhood.
    brokers: usize,
    /// Binaries of a neighbourhood's model.
    binaries: usize,
    /// Nodes of one branch and bound.
    nodes: i32,
    /// Neighbourhoods tried for brokers outside their bands.
    tries: usize,
    /// Tries in a row without success after which the rest is given up.
    patience: usize,
    /// More brokers outside than these are no matter of a few misses: a wider search would be needed.
    outside_max: usize,
    /// Neighbourhoods tried for bytes.
    byte_tries: usize,
    /// Binaries up to which a group is solved as a whole.
    whole_binaries: usize,
    /// Nodes that such a solve may take.
    whole_nodes: i32,
}

impl Budget {
    /// The budget at `effort`; none where there is nothing to spend.
    fn of(effort: Effort) -> Option<Self> {
        match effort {
            Effort::Quick => None,
            Effort::Normal => Some(Self {
                brokers: 4,
                binaries: 1_200,
                nodes: 20,
                tries: 12,
                patience: 3,
                outside_max: 4,
                byte_tries: 0,
                whole_binaries: 60,
                whole_nodes: 20,
            }),
            Effort::Thorough => Some(Self {
                brokers: 5,
                binaries: 1_500,
                nodes: 60,
                tries: 20,
                patience: 5,
                outside_max: 32,
                byte_tries: 8,
                whole_binaries: 1_500,
                whole_nodes: 1_000,
            }),
        }
    }
}

/// Betters `state` by exact methods where they are affordable; returns how many solves did. It never ends worse.
pub(crate) fn improve(
    problem: &Problem<'_>,
    state: &mut State,
    options: &Options,
    expired: &dyn Fn() -> bool,
) -> usize {
    let Some(budget) = Budget::of(options.effort) else { return 0 };
    let mut rng = Pcg64Mcg::new(u128::from(options.seed) << 1 | 1);
    state.rebase(problem);
    let small = problem.slot_partition.len() <= budget.whole_binaries;
    if !small && budget.byte_tries == 0 && state.penalty.iter().all(|&penalty| penalty <= DRIFT) {
        return 0;
    }
    let mut start = state.clone();
    let mut search = Search { problem, state, budget, rng: &mut rng, expired };
    let gains = search.whole_groups() + search.restore() + search.save_bytes();
    if gains == 0 {
        return 0;
    }
    // Means have shifted with what was copied: the gain must stand under the bands as they are now.
    state.rebase(problem);
    let allowance = state.total_penalty();
    trim(problem, state, allowance);
    trim_leaders(problem, state, allowance);
    start.rebase(problem);
    if Quality::of(problem, state).beats(problem, &Quality::of(problem, &start)) {
        return gains;
    }
    *state = start;
    0
}

struct Search<'a, 'b> {
    problem: &'a Problem<'b>,
    state: &'a mut State,
    budget: Budget,
    rng: &'a mut Pcg64Mcg,
    expired: &'a dyn Fn() -> bool,
}

impl Search<'_, '_> {
    /// Solves groups that are small enough as a whole: the optimum, if branch and bound ends within its nodes.
    fn whole_groups(&mut self) -> usize {
        let mut gains = 0;
        for group in 0..row(self.problem.groups.names().len()) {
            let is_member = |b: &u32| {
                let facts = &self.problem.brokers[*b as usize];
                facts.in_band && facts.group == group
            };
            let brokers: Vec<u32> = (0..row(self.problem.brokers.len())).filter(is_member).collect();
            let replicas: usize = brokers.iter().map(|&b| self.state.on_broker[b as usize].len()).sum();
            if brokers.len() < 2 || replicas > self.budget.whole_binaries || (self.expired)() {
                continue;
            }
            let area = Area::new(self.problem, self.state, brokers, self.budget.whole_binaries, self.rng);
            gains += usize::from(area.whole && self.attempt(&area, self.budget.whole_nodes));
        }
        gains
    }

    /// Opens neighbourhoods around brokers outside their bands, the worst first.
    fn restore(&mut self) -> usize {
        let (mut gains, mut failures) = (0, 0);
        for _ in 0..self.budget.tries {
            let outside = self.outside();
            let hopeless = failures >= self.budget.patience || outside.len() > self.budget.outside_max;
            if outside.is_empty() || hopeless || (self.expired)() {
                break;
            }
            let center = outside[failures % outside.len()];
            let mut peers = peers_by_need(self.problem, self.state, center);
            // The best peers first; where these could not help, a draw among twice and three times as many.
            let round = failures / outside.len();
            let wanted = self.budget.brokers - 1;
            peers.truncate(wanted * (1 + round));
            if round > 0 {
                shuffle(&mut peers, self.rng);
            }
            let area = self.area(center, &peers);
            let tolerance = self.problem.policy.excess_tolerance / 2.0;
            let least_gain = self.state.total_penalty() * tolerance + DRIFT;
            let hopeful = most_relief(self.problem, self.state, &area).is_none_or(|relief| relief > least_gain);
            if hopeful && self.attempt(&area, self.budget.nodes) {
                gains += 1;
                failures = 0;
            } else {
                failures += 1;
            }
        }
        gains
    }

    /// Opens neighbourhoods around the brokers that received most bytes.
    fn save_bytes(&mut self) -> usize {
        let (mut gains, mut failures) = (0, 0);
        for _ in 0..self.budget.byte_tries {
            let receivers = self.receivers();
            if receivers.is_empty() || failures >= self.budget.patience || (self.expired)() {
                break;
            }
            let center = receivers[failures % receivers.len()];
            let mut peers = peers_by_traffic(self.problem, self.state, center);
            peers.truncate(2 * self.budget.brokers);
            if failures >= receivers.len() {
                shuffle(&mut peers, self.rng);
            }
            let area = self.area(center, &peers);
            if self.attempt(&area, self.budget.nodes) {
                gains += 1;
                failures = 0;
            } else {
                failures += 1;
            }
        }
        gains
    }

    /// The neighbourhood of `center` and the first of `peers`.
    fn area(&mut self, center: u32, peers: &[u32]) -> Area {
        let mut brokers = vec![center];
        brokers.extend(peers.iter().take(self.budget.brokers - 1));
        brokers.sort_unstable();
        // Each area draws its own sample, so that one that failed is not tried again as it was.
        let mut rng = Pcg64Mcg::new(u128::from(self.rng.next_u64()) << 1 | 1);
        Area::new(self.problem, self.state, brokers, self.budget.binaries, &mut rng)
    }

    /// Brokers outside their bands, worst first.
    fn outside(&self) -> Vec<u32> {
        let penalty = &self.state.penalty;
        let is_outside = |b: &u32| penalty[*b as usize] > DRIFT && self.problem.brokers[*b as usize].in_band;
        let mut outside: Vec<u32> = (0..row(penalty.len())).filter(is_outside).collect();
        outside.sort_by(|&a, &b| penalty[b as usize].total_cmp(&penalty[a as usize]).then(a.cmp(&b)));
        outside
    }

    /// Banded brokers that bytes are copied to, most first.
    fn receivers(&self) -> Vec<u32> {
        let mut bytes = vec![0.0; self.problem.brokers.len()];
        for &s in &self.state.moved {
            let p = self.problem.slot_partition[s as usize];
            bytes[self.state.broker[s as usize] as usize] += self.problem.partitions[p as usize].copy_bytes;
        }
        let banded = |b: &u32| bytes[*b as usize] > 0.0 && self.problem.brokers[*b as usize].in_band;
        let mut receivers: Vec<u32> = (0..row(bytes.len())).filter(banded).collect();
        receivers.sort_by(|&a, &b| bytes[b as usize].total_cmp(&bytes[a as usize]).then(a.cmp(&b)));
        receivers
    }

    /// Solves `area` and keeps the answer if the state is better for it.
    fn attempt(&mut self, area: &Area, nodes: i32) -> bool {
        if area.items.is_empty() {
            return false;
        }
        let Some(assignments) = solve(self.problem, self.state, area, nodes) else { return false };
        let before = Quality::of(self.problem, self.state);
        let mut journal = Vec::new();
        let applied = apply(self.problem, self.state, &assignments, &mut journal);
        let after = Quality::of(self.problem, self.state);
        let fits = self.state.keeps_budget(self.problem);
        // A penalty within the tolerance is as good, but many such steps would add up: it may not rise here at all.
        let rises = after.penalty > before.penalty + DRIFT;
        let saves = before.cost - after.cost > DRIFT * before.cost || after.penalty < before.penalty - DRIFT;
        if applied && fits && !rises && saves && after.beats(self.problem, &before) {
            return true;
        }
        undo(self.problem, self.state, journal);
        false
    }
}

/// One change, with what undoes it.
#[derive(Clone, Copy, Debug)]
enum Change {
    Replica { slot: u32, from: u32, from_dir: u32 },
    Leader { p: u32, from: u16 },
}

/// Puts every replica where it should be and makes leaders; false where a log dir has no room or a leader may not lead,
/// with what was done until then in `journal`.
fn apply(problem: &Problem<'_>, state: &mut State, assignments: &[Assignment], journal: &mut Vec<Change>) -> bool {
    let mut waiting: Vec<(u32, u32)> = assignments.iter().flat_map(|a| journeys(problem, state, a)).collect();
    // A dir may have room only once others have left: what does not fit yet waits for the next round.
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|&(slot, to)| {
            let Some(dir) = choose_dir(problem, state, slot, to) else { return true };
            let (from, from_dir) = (state.broker[slot as usize], state.dir[slot as usize]);
            state.relocate(problem, slot, to, dir);
            journal.push(Change::Replica { slot, from, from_dir });
            false
        });
        if waiting.len() == before {
            return false;
        }
    }
    for assignment in assignments {
        let Some(leader) = assignment.leader else { continue };
        let offset = problem.slots(assignment.p).position(|s| state.broker[s] == leader);
        let Some(offset) = offset.and_then(|offset| u16::try_from(offset).ok()) else { return false };
        let from = state.leader[assignment.p as usize];
        if offset == from {
            continue;
        }
        if from == NO_LEADER || !may_lead(problem, state, assignment.p, offset) {
            return false;
        }
        state.lead(problem, assignment.p, offset);
        journal.push(Change::Leader { p: assignment.p, from });
    }
    true
}

/// Which slots go where: those whose broker is wanted stay, a slot whose home is wanted goes there, the rest in order.
fn journeys(problem: &Problem<'_>, state: &State, assignment: &Assignment) -> Vec<(u32, u32)> {
    let place = |slot: u32| state.broker[slot as usize];
    let held: Vec<u32> = assignment.slots.iter().map(|&s| place(s)).collect();
    let mut wanted: Vec<u32> = assignment.brokers.iter().copied().filter(|b| !held.contains(b)).collect();
    let mut leaving: Vec<u32> =
        assignment.slots.iter().copied().filter(|&s| !assignment.brokers.contains(&place(s))).collect();
    let mut all = Vec::with_capacity(leaving.len());
    leaving.retain(|&slot| match wanted.iter().position(|&b| b == problem.home_broker[slot as usize]) {
        Some(at) => {
            all.push((slot, wanted.remove(at)));
            false
        }
        None => true,
    });
    all.extend(leaving.into_iter().zip(wanted));
    debug_assert!(all.iter().all(|&(_, to)| to != NONE), "an area's brokers have rows");
    all
}

fn undo(problem: &Problem<'_>, state: &mut State, journal: Vec<Change>) {
    for change in journal.into_iter().rev() {
        match change {
            Change::Replica { slot, from, from_dir } => state.relocate(problem, slot, from, from_dir),
            Change::Leader { p, from } => state.lead(problem, p, from),
        }
    }
}
