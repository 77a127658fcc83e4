//! Tiny clusters against every placement there is; small ones whose local search ends outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::ingest::{SynthSpec, synthesize};
use crate::model::{Policy, Snapshot};
use crate::optimize::anneal::{LAST_PRICE, LEADER_PRICE, MOVE_PRICE};
use crate::optimize::balance::{balance, is_free};
use crate::optimize::repair::{Share, fault, rack_broken, repair};

const NORMAL: Options = Options { seed: 0, effort: Effort::Normal };

/// What the greedy stages make of the snapshot.
fn searched(problem: &Problem<'_>) -> State {
    let mut state = State::new(problem);
    state.settle(problem);
    repair(problem, &mut state, Share::All);
    state.rebase(problem);
    balance(problem, &mut state, &|| false);
    state.settle(problem);
    let allowance = state.total_penalty();
    trim(problem, &mut state, allowance);
    trim_leaders(problem, &mut state, allowance);
    state.rebase(problem);
    state
}

fn outside(state: &State) -> usize {
    state.penalty.iter().filter(|&&penalty| penalty > DRIFT).count()
}

fn broken(problem: &Problem<'_>, state: &State) -> usize {
    let faults = (0..row(problem.slot_partition.len())).filter(|&s| fault(problem, state, s).is_some()).count();
    faults + (0..row(problem.partitions.len())).filter(|&p| rack_broken(problem, state, p)).count()
}

/// Greedy stages, then this one: (outside before, outside after, state).
fn restored(spec: &SynthSpec) -> (usize, usize) {
    let (snapshot, policy) = (synthesize(spec).unwrap(), Policy::default());
    let problem = Problem::new(&snapshot, &policy);
    let mut state = searched(&problem);
    let before = outside(&state);
    let rules = broken(&problem, &state);
    improve(&problem, &mut state, &NORMAL, &|| false);
    state.recount(&problem);
    assert_eq!(broken(&problem, &state), rules, "a rule was broken for a goal");
    (before, outside(&state))
}

#[test]
fn brokers_that_local_search_leaves_outside_come_inside() {
    let large = SynthSpec { brokers: 12, partitions: 1000, drift: 0.6, log_dirs: 2, ..SynthSpec::default() };
    let racks_of_two =
        SynthSpec { rack_skew: 0.4, replication: vec![(2, 1.0)], brokers: 20, partitions: 800, ..large.clone() };
    let small = SynthSpec { brokers: 6, partitions: 60, drift: 0.5, log_dirs: 2, ..SynthSpec::default() };
    let mut specs = vec![large.clone(), SynthSpec { seed: 1, ..large }, SynthSpec { drift: 0.5, ..racks_of_two }];
    specs.extend((0..8).map(|seed| SynthSpec { seed, ..small.clone() }));
    // Which of them the local search leaves with brokers outside changes whenever it does; some it always will.
    let outcomes: Vec<_> = specs.iter().map(restored).collect();
    assert!(outcomes.iter().all(|(before, after)| after <= before), "{outcomes:?}");
    assert!(outcomes.iter().any(|&(before, after)| before > 0 && after == 0), "{outcomes:?}");
}

#[test]
fn nothing_gets_worse_and_the_answer_repeats() {
    for seed in 0..8 {
        let odd = seed % 2 == 1;
        let spec = SynthSpec {
            brokers: 7,
            partitions: 50,
            racks: if odd { 3 } else { 2 },
            groups: if odd { 0 } else { 2 },
            replication: vec![(3, 1.0), (2, 1.0)],
            drift: 0.7,
            expanded: u32::from(odd),
            seed,
            ..SynthSpec::default()
        };
        let Ok(snapshot) = synthesize(&SynthSpec { groups: if odd { 0 } else { 1 }, ..spec }) else { continue };
        let policy = Policy::default();
        let problem = Problem::new(&snapshot, &policy);
        let start = searched(&problem);
        let run = || {
            let mut state = start.clone();
            let gains = improve(&problem, &mut state, &NORMAL, &|| false);
            state.recount(&problem);
            (state, gains)
        };
        let ((first, gains), (second, _)) = (run(), run());
        assert_eq!((&first.broker, &first.dir, &first.leader), (&second.broker, &second.dir, &second.leader));
        assert!(broken(&problem, &first) <= broken(&problem, &start));
        let (was, is) = (Quality::of(&problem, &start), Quality::of(&problem, &first));
        assert_eq!(gains > 0, is.beats(&problem, &was), "{was:?} became {is:?}");
    }
}

#[test]
fn quick_effort_and_a_passed_deadline_change_nothing() {
    let spec = SynthSpec { brokers: 6, partitions: 60, drift: 0.5, log_dirs: 2, seed: 2, ..SynthSpec::default() };
    let (snapshot, policy) = (synthesize(&spec).unwrap(), Policy::default());
    let problem = Problem::new(&snapshot, &policy);
    let start = searched(&problem);
    let mut state = start.clone();
    let quick = Options { seed: 0, effort: Effort::Quick };
    assert_eq!(improve(&problem, &mut state, &quick, &|| false), 0);
    assert_eq!(improve(&problem, &mut state, &NORMAL, &|| true), 0);
    assert_eq!(state.broker, start.broker);
}

/// A tiny cluster whose copies are all as large as what they replace, so that means stay as they are.
fn tiny(brokers: u32, partitions: u32, factor: u32, seed: u64) -> Snapshot {
    let mut snapshot = synthesize(&SynthSpec {
        brokers,
        partitions,
        racks: 2,
        replication: vec![(factor, 1.0)],
        drift: 1.0,
        seed,
        ..SynthSpec::default()
    })
    .unwrap();
    for p in snapshot.partition_indices() {
        let bytes = snapshot.copy_size_bytes(p);
        let rows = snapshot.partition(p).replica_rows();
        snapshot.replicas[rows].iter_mut().for_each(|replica| replica.size_bytes = bytes);
    }
    snapshot
}

/// The least `energy` of every placement of partitions from `p` on: each set of brokers, every leader among them.
fn least(problem: &Problem<'_>, state: &mut State, p: u32, energy: &dyn Fn(&State) -> f64) -> f64 {
    if p as usize == problem.partitions.len() {
        return energy(state);
    }
    let slots: Vec<u32> = problem.slots(p).map(row).collect();
    assert!(slots.iter().all(|&slot| is_free(problem, slot)), "tiny clusters have no frozen topics");
    let mut best = f64::INFINITY;
    for set in 0_u32..1 << problem.brokers.len() {
        let brokers: Vec<u32> = (0..row(problem.brokers.len())).filter(|b| set >> b & 1 == 1).collect();
        if brokers.len() != slots.len() {
            continue;
        }
        for &leader in &brokers {
            let wanted = Assignment { p, slots: slots.clone(), brokers: brokers.clone(), leader: Some(leader) };
            let mut journal = Vec::new();
            if apply(problem, state, &[wanted], &mut journal) && !rack_broken(problem, state, p) {
                best = best.min(least(problem, state, p + 1, energy));
            }
            undo(problem, state, journal);
        }
    }
    best
}

/// The default policy with nothing frozen, and the same with bands that a tiny cluster can reach.
fn policies() -> [Policy; 2] {
    let strict = Policy { frozen: Vec::new(), ..Policy::default() };
    let mut wide = strict.clone();
    for goal in crate::model::Goal::BROKER {
        *wide.bands.of_mut(goal) = 0.6;
    }
    [strict, wide]
}

#[test]
fn a_tiny_cluster_gets_the_optimum_of_every_placement() {
    let (mut compared, mut inside) = (0, 0);
    let shapes = [(3, 6, 1), (4, 5, 1), (4, 3, 2), (3, 4, 2)];
    for ((brokers, partitions, factor), seed) in shapes.into_iter().flat_map(|shape| (0..4).map(move |s| (shape, s))) {
        for policy in policies() {
            let snapshot = tiny(brokers, partitions, factor, seed);
            let problem = Problem::new(&snapshot, &policy);
            let mut state = searched(&problem);
            if state.beyond(&problem) > 0 {
                continue;
            }
            improve(&problem, &mut state, &Options { seed: 0, effort: Effort::Thorough }, &|| false);
            let unit = problem.mean_copy_bytes * problem.slot_partition.len() as f64 / f64::from(brokers);
            let energy = |state: &State| {
                let moves = MOVE_PRICE * state.copies as f64 + LEADER_PRICE * state.leader_changes as f64;
                LAST_PRICE * state.total_penalty() + (state.copied_bytes + problem.mean_copy_bytes * moves) / unit
            };
            let ours = energy(&state);
            let best = least(&problem, &mut state.clone(), 0, &energy);
            // Where excess is left, what is within the policy's tolerance of the least is as good.
            let is_inside = state.total_penalty() <= DRIFT;
            let tolerance = if is_inside { 1e-3 } else { policy.excess_tolerance };
            assert!(best <= ours + 1e-6, "the enumeration missed our own placement: {best} and {ours}");
            assert!(ours <= best * (1.0 + tolerance) + 1e-3, "{brokers} brokers, seed {seed}: {ours}, not {best}");
            compared += 1;
            inside += u32::from(is_inside && state.copies > 0);
        }
    }
    assert!(compared >= 16 && inside >= 3, "{compared} compared, {inside} of them inside after moves");
}
