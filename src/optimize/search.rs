//! The order of the stages, and a small deterministic portfolio of them.
//!
//! Members differ by seed alone and share nothing, so the choice among them (by quality, then number) is the same at any
//! thread count.

use rayon::prelude::*;

use super::anneal::{Quality, anneal};
use super::balance::balance;
use super::bound::lower_bound;
use super::log_dirs::even_log_dirs;
use super::penalty::Bands;
use super::problem::{Problem, row};
use super::repair::{fault, rack_broken, repair};
use super::state::State;
use super::trim::{DRIFT, trim, trim_leaders};
use super::{Effort, Environment, Options, Solution, StopReason, finish};
use crate::model::{Freedom, Policy, Snapshot};

/// Annealing steps per replica at normal effort: more gains less than 0.1 % of the bytes (docs/solver.md).
const STEPS_PER_SLOT: u64 = 30;
/// The most annealing steps of one member at normal effort.
const STEPS_MAX: u64 = 1_500_000;
/// What thorough effort multiplies steps by.
const THOROUGH: u64 = 20;

/// Finds where every replica should sit.
#[must_use]
pub fn optimize(snapshot: &Snapshot, policy: &Policy, options: &Options, env: &Environment<'_>) -> Solution {
    let problem = Problem::new(snapshot, policy);
    let before = State::new(&problem);
    let after = if needs_moves(&problem, &before) { portfolio(&problem, &before, options, env) } else { None };
    let (mut after, mut timed_out) = after.unwrap_or_else(|| (before.clone(), false));
    (env.progress)("log dirs", 0.9);
    even_log_dirs(&problem, &mut after);
    after.recount(&problem);
    timed_out |= (env.expired)();
    (env.progress)("bound", 0.95);
    let budget_bound = (problem.policy.budget.max_moved_bytes.is_some() || problem.policy.budget.max_moves.is_some())
        && needs_moves(&problem, &after);
    Solution {
        placement: finish::placement(&problem, &after),
        stop_reason: if timed_out {
            StopReason::TimeLimit
        } else if budget_bound {
            StopReason::Budget
        } else {
            StopReason::Done
        },
        lower_bound: lower_bound(&problem, &before, &after),
        reasons: finish::reasons(&problem, &before, &after),
        excuses: finish::excuses(&problem, &after),
    }
}

/// Whether a rule about replicas or racks is broken, or a broker or topic stands outside its bands.
fn needs_moves(problem: &Problem<'_>, state: &State) -> bool {
    let exact = Bands::of(problem, &state.load, 0.0);
    let outside = |b: usize| exact.penalty(b, &state.load[b]) > DRIFT;
    (0..state.load.len()).any(outside)
        || state.spread.mendable(problem, &state.broker) > DRIFT
        || breaks_rules(problem, state)
}

fn breaks_rules(problem: &Problem<'_>, state: &State) -> bool {
    (0..row(problem.partitions.len())).any(|p| {
        problem.partitions[p as usize].freedom != Freedom::Fixed
            && (rack_broken(problem, state, p) || problem.slots(p).any(|s| fault(problem, state, row(s)).is_some()))
    })
}

/// Runs every member and keeps the best; none where the snapshot itself is best. The flag says whether the clock cut in.
fn portfolio(problem: &Problem<'_>, before: &State, options: &Options, env: &Environment<'_>) -> Option<(State, bool)> {
    let mut built = before.clone();
    (env.progress)("repair", 0.05);
    let repaired = repair(problem, &mut built);
    (env.progress)("balance", 0.15);
    built.rebase(problem);
    built.settle(problem);
    let floor = built.total_penalty();
    balance(problem, &mut built, env.expired);
    let repaired = repaired + repair(problem, &mut built);
    built.settle(problem);
    let allowance = built.total_penalty();
    (env.progress)("trim", 0.45);
    trim(problem, &mut built, allowance);
    trim_leaders(problem, &mut built, allowance);
    built.recount(problem);
    let steps = steps(problem, options.effort);
    (env.progress)("anneal", 0.5);
    let members: u64 = if steps == 0 { 1 } else { 2 };
    let run = |member: u64| polish(problem, built.clone(), options.seed.wrapping_mul(1000) + member, steps, env);
    let mut runs: Vec<(State, bool)> = (0..members).into_par_iter().map(run).collect();
    let mut best = 0;
    for member in 1..runs.len() {
        let (challenger, champion) = (&runs[member].0, &runs[best].0);
        if Quality::of(problem, challenger).beats(problem, &Quality::of(problem, champion)) {
            best = member;
        }
    }
    let timed_out = runs.iter().any(|(_, timed_out)| *timed_out);
    let (state, _) = runs.swap_remove(best);
    let no_better = repaired == 0 && state.total_penalty() > floor - DRIFT;
    (!no_better).then_some((state, timed_out))
}

fn steps(problem: &Problem<'_>, effort: Effort) -> u64 {
    let normal = (problem.slot_partition.len() as u64 * STEPS_PER_SLOT).min(STEPS_MAX);
    match effort {
        Effort::Quick => 0,
        Effort::Normal => normal,
        Effort::Thorough => normal * THOROUGH,
    }
}

fn polish(problem: &Problem<'_>, mut state: State, seed: u64, steps: u64, env: &Environment<'_>) -> (State, bool) {
    if steps == 0 {
        return (state, false);
    }
    let timed_out = anneal(problem, &mut state, seed, steps, env.expired);
    state.rebase(problem);
    if state.total_penalty() > DRIFT {
        balance(problem, &mut state, env.expired);
    }
    let allowance = state.total_penalty();
    trim(problem, &mut state, allowance);
    trim_leaders(problem, &mut state, allowance);
    (state, timed_out)
}
