//! The order of the stages, and a small deterministic portfolio of them.
//!
//! Members differ by seed alone and share nothing, so the choice among them (by quality, then number) is the same at any
//! thread count.

use std::sync::Arc;

use rayon::prelude::*;

use super::aims::{Aims, close_what_is_full, has_triggers};
use super::anneal::{Neighbours, Quality, Schedule, anneal};
use super::balance::{balance, empty_full_dirs, full_dirs};
use super::bound::lower_bound;
use super::combine::combine;
use super::leadership::shift_leaders;
use super::log_dir_writes::{even_writes, writes_excess};
use super::log_dirs::{even_log_dirs, log_dir_excess};
use super::milp;
use super::penalty::Bands;
use super::problem::{Problem, row};
use super::repair::{Share, fault, rack_broken, repair, take_back_stranded};
use super::scatter::narrow;
use super::state::State;
use super::trim::{DRIFT, trim, trim_leaders};
use super::{Effort, Environment, Options, Solution, StopReason, finish};
use crate::model::{Freedom, Policy, Scope, Snapshot};

/// Annealing steps of one member at normal effort, per replica, and their least and greatest number: twenty times as many
/// gain a fraction of a percent of the bytes on most clusters (docs/solver.md).
const STEPS_PER_SLOT: u64 = 12;
const STEPS: (u64, u64) = (75_000, 1_250_000);
/// First temperatures of the members, and first prices of penalty: all four where the cluster is small enough for each to run
/// its course, the two cold ones else. The last keeps to bands from the start: where they are out of reach, that finds the
/// least excess.
const MEMBERS: [(f64, f64); 4] = [(0.015, 0.5), (0.06, 0.5), (0.25, 0.5), (0.6, 4.0)];
/// Up to so many replicas a cluster is small in that sense.
const SMALL_SLOTS: usize = 100_000;
/// The share of the policy's tolerance that trims may spend: the rest is left for the growth of means.
const TRIM_TOLERANCE: f64 = 0.8;
/// What thorough effort multiplies steps by.
const THOROUGH: u64 = 20;

/// Finds where every replica should sit.
#[must_use]
pub fn optimize(snapshot: &Snapshot, policy: &Policy, options: &Options, env: &Environment<'_>) -> Solution {
    let mut problem = Problem::new(snapshot, policy);
    let mut before = State::new(&problem);
    close_what_is_full(&mut problem, &before);
    before.settle(&problem);
    before.aim(&problem);
    let start = led(&problem, &before);
    let after = if needs_moves(&problem, &start) { portfolio(&problem, &start, options, env) } else { None };
    let (mut after, mut timed_out) = after.unwrap_or_else(|| (start.clone(), false));
    (env.progress)("log dirs", 0.9);
    even_log_dirs(&problem, &mut after);
    even_writes(&problem, &mut after);
    take_back_stranded(&problem, &mut after);
    after.recount(&problem);
    let after = unless_worse(&problem, &before, after);
    timed_out |= (env.expired)();
    (env.progress)("bound", 0.95);
    let budget_bound = is_spent(&problem, &after) && (needs_moves(&problem, &after) || overflows(&problem, &after));
    Solution {
        placement: finish::placement(&problem, &after),
        stop_reason: if timed_out {
            StopReason::TimeLimit
        } else if budget_bound {
            StopReason::Budget
        } else {
            StopReason::Done
        },
        lower_bound: lower_bound(&problem, &before, &after, options.effort),
        reasons: finish::reasons(&problem, &before, &after),
        excuses: finish::excuses(&problem, &after),
    }
}

/// `before` with the leadership changes made that help every goal, where goals wait for triggers before they copy:
/// leadership copies nothing, so it does not wait. What it leaves is what triggers are held against.
fn led(problem: &Problem<'_>, before: &State) -> State {
    let mut start = before.clone();
    if has_triggers(problem.policy) {
        start.aims = Aims::untriggered(problem, before).map(Arc::new);
        start.rebase(problem);
        shift_leaders(problem, &mut start);
        start.aim(problem);
    }
    start
}

/// `after`, or `before` where nothing was mended and yet the excess rose: what is out of a scope's sight is seen here.
fn unless_worse(problem: &Problem<'_>, before: &State, after: State) -> State {
    if problem.policy.scope == Scope::default() && !has_triggers(problem.policy) {
        return after;
    }
    let reported = |state: &State| {
        let exact = Bands::of(problem, &state.load, 0.0, 0.0);
        let brokers: f64 = (0..state.load.len()).map(|b| exact.excess(b, &state.load[b])).sum();
        let shared = state.spread.total() + state.leader_spread.total() + state.scatter.total();
        brokers + shared + log_dir_excess(problem, state) + writes_excess(problem, state)
    };
    let mended =
        repairs_left(problem, &after) < repairs_left(problem, before) || after.beyond(problem) < before.beyond(problem);
    if mended || reported(&after) <= reported(before) + DRIFT { after } else { before.clone() }
}

/// How many violations are left that the search may mend: of replicas, of racks, of dirs that cannot exchange.
fn repairs_left(problem: &Problem<'_>, state: &State) -> usize {
    let broken = |p: u32| {
        let faults = problem.slots(p).filter(|&s| fault(problem, state, row(s)).is_some()).count();
        faults + usize::from(rack_broken(problem, state, p))
    };
    let judged =
        (0..row(problem.partitions.len())).filter(|&p| problem.partitions[p as usize].freedom != Freedom::Fixed);
    judged.map(broken).sum::<usize>() + full_dirs(problem, state).len()
}

/// Whether some log dir is beyond its hard limit.
fn overflows(problem: &Problem<'_>, state: &State) -> bool {
    problem.dirs.iter().zip(&state.dir_bytes).any(|(dir, &bytes)| dir.serving && bytes > dir.limit_bytes)
}

/// Whether an exchange of two replicas, the most that one step of the search copies, might no longer fit the budget.
fn is_spent(problem: &Problem<'_>, state: &State) -> bool {
    let free = problem.partitions.iter().filter(|facts| facts.freedom != Freedom::Fixed);
    let largest = free.map(|facts| facts.copy_bytes).fold(0.0, f64::max);
    !state.within_budget(problem, (2.0 * largest, 2))
}

/// Whether a rule about replicas or racks is broken, or a broker or topic stands outside its bands.
fn needs_moves(problem: &Problem<'_>, state: &State) -> bool {
    let exact = state.wanted(problem);
    let outside = |b: usize| exact.penalty(b, &state.load[b]) > DRIFT;
    let pursues_topics = state.aims.as_ref().is_none_or(|aims| aims.topics);
    (0..state.load.len()).any(outside)
        || (pursues_topics && state.spread.mendable(problem, state.seats()) > DRIFT)
        || state.leader_spread.penalty() > DRIFT
        || state.scatter.penalty() > DRIFT
        || breaks_rules(problem, state)
        || !full_dirs(problem, state).is_empty()
}

fn breaks_rules(problem: &Problem<'_>, state: &State) -> bool {
    (0..row(problem.partitions.len())).any(|p| partition_breaks_rules(problem, state, p))
}

fn partition_breaks_rules(problem: &Problem<'_>, state: &State, p: u32) -> bool {
    problem.partitions[p as usize].freedom != Freedom::Fixed
        && (rack_broken(problem, state, p) || problem.slots(p).any(|s| fault(problem, state, row(s)).is_some()))
}

/// Mends rules, the most urgent first where a budget may not suffice for all: what has lost a replica, then what is
/// beyond a hard limit, then the rest.
fn mend(problem: &Problem<'_>, state: &mut State, expired: &dyn Fn() -> bool) {
    if problem.has_budget() {
        repair(problem, state, Share::Lost);
        let aims = state.aims.replace(Arc::new(Aims::limits_alone(problem, state)));
        balance(problem, state, expired);
        state.aims = aims;
        state.rebase(problem);
    }
    repair(problem, state, Share::All);
}

/// Runs every member and keeps the best; none where the snapshot itself is best. The flag says whether the clock cut in.
fn portfolio(problem: &Problem<'_>, before: &State, options: &Options, env: &Environment<'_>) -> Option<(State, bool)> {
    let mut built = before.clone();
    (env.progress)("repair", 0.05);
    mend(problem, &mut built, env.expired);
    empty_full_dirs(problem, &mut built);
    (env.progress)("balance", 0.15);
    built.rebase(problem);
    built.settle(problem);
    balance(problem, &mut built, env.expired);
    repair(problem, &mut built, Share::All);
    built.settle(problem);
    let allowance = built.total_penalty();
    (env.progress)("trim", 0.45);
    trim(problem, &mut built, allowance);
    trim_leaders(problem, &mut built, allowance);
    built.recount(problem);
    let steps = steps(problem, options.effort);
    (env.progress)("anneal", 0.5);
    let members = match steps {
        0 => 1,
        _ if problem.slot_partition.len() <= SMALL_SLOTS => MEMBERS.len(),
        _ => 2,
    };
    let neighbours = Neighbours::new(problem);
    let run = |member: usize| {
        let seed = options.seed.wrapping_mul(1000).wrapping_add(member as u64);
        let (start, first_price) = MEMBERS[member];
        polish(problem, &neighbours, built.clone(), (seed, Schedule { start, first_price, steps }), env)
    };
    let mut runs: Vec<(State, bool)> = (0..members).into_par_iter().map(run).collect();
    let mut best = 0;
    for member in 1..runs.len() {
        let (challenger, champion) = (&runs[member].0, &runs[best].0);
        if Quality::of(problem, challenger).beats(problem, &Quality::of(problem, champion)) {
            best = member;
        }
    }
    let timed_out = runs.iter().any(|(_, timed_out)| *timed_out);
    let (mut state, _) = runs.swap_remove(best);
    let settle = |state: &mut State| {
        state.rebase(problem);
        shift_leaders(problem, state);
        follow_means(problem, state, env);
        let allowance = spendable(problem, state);
        trim_leaders(problem, state, allowance);
    };
    for (other, _) in &runs {
        combine(problem, &mut state, other, settle);
    }
    (env.progress)("mip", 0.85);
    milp::improve(problem, &mut state, options, env.expired);
    narrow(problem, &mut state, env.expired);
    // Where nothing had to be repaired, what is as good as the least within the tolerance and moves nothing is best.
    let least = state.excess(problem) * (1.0 + problem.policy.excess_tolerance);
    let (limits_before, limits_after) = (before.beyond(problem), state.beyond(problem));
    let worth_it = repairs_left(problem, &state) < repairs_left(problem, before)
        || limits_after < limits_before
        || (limits_after == limits_before && before.excess(problem) > least + DRIFT);
    worth_it.then_some((state, timed_out))
}

fn steps(problem: &Problem<'_>, effort: Effort) -> u64 {
    let normal = (problem.slot_partition.len() as u64 * STEPS_PER_SLOT).clamp(STEPS.0, STEPS.1);
    match effort {
        Effort::Quick => 0,
        Effort::Normal => normal,
        Effort::Thorough => normal * THOROUGH,
    }
}

fn polish(
    problem: &Problem<'_>,
    neighbours: &Neighbours,
    mut state: State,
    (seed, schedule): (u64, Schedule),
    env: &Environment<'_>,
) -> (State, bool) {
    if schedule.steps == 0 {
        return (state, false);
    }
    let timed_out = anneal(problem, neighbours, &mut state, seed, schedule, env.expired);
    follow_means(problem, &mut state, env);
    let allowance = spendable(problem, &state);
    trim(problem, &mut state, allowance);
    trim_leaders(problem, &mut state, allowance);
    if allowance <= DRIFT {
        follow_means(problem, &mut state, env);
    }
    (state, timed_out)
}

/// The penalty that trims may leave: what is there and most of what the policy tolerates beyond it.
fn spendable(problem: &Problem<'_>, state: &State) -> f64 {
    state.total_penalty() * (1.0 + TRIM_TOLERANCE * problem.policy.excess_tolerance)
}

/// Means have shifted with what was copied: brings in again who stood at an edge and is outside now, by a hair. Left to
/// the MIP that took half of a search at a million replicas.
fn follow_means(problem: &Problem<'_>, state: &mut State, env: &Environment<'_>) {
    state.rebase(problem);
    if state.total_penalty() > DRIFT {
        balance(problem, state, env.expired);
    }
}
