//! Properties of batches over random small clusters and paces, judged by `verify`'s own simulation: no log dir overflows
//! while old and new copies both exist, any batch may be the last, and the end is the plan's in whatever order the
//! entries of a batch finish.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use evenkeel::ingest::{SynthFaults, SynthSpec, synthesize};
use evenkeel::model::{Placement, Policy, Seat, Snapshot};
use evenkeel::optimize::{Effort, Environment, Options, Solution, optimize};
use evenkeel::plan::rollback::batch_rollbacks;
use evenkeel::plan::{self, Pacing, Plan};
use evenkeel::report::plan_files;
use evenkeel::verify::plan_dir::{BatchFiles, PlanDir, TextFile, judge_dir, judge_files};
use evenkeel::verify::state::{Resident, State, Wish};
use evenkeel::writer::OutputFile;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 40;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(20_261_121);
    }
    config
}

/// Clusters with rather full disks, many of them with something to repair; those that cannot be are left out.
fn cluster() -> impl Strategy<Value = SynthSpec> {
    let sizes = (4_u32..=9, 10_u32..=60, 0_u32..=3, 1_u32..=3, any::<u64>());
    let looks = (0.2_f64..=1.0, any::<bool>(), 0_u32..=2, 0.3_f64..0.85, 1_u32..=3);
    let faults = (0_u32..=1, 0_u32..=1, 0_u32..=1, 0_u32..=3);
    (sizes, looks, faults).prop_filter_map("this cluster cannot be", |(sizes, looks, faults)| {
        let (brokers, partitions, racks, log_dirs, seed) = sizes;
        let (drift, heterogeneous, expanded, disk_utilization, factor) = looks;
        let (dead, draining, offline_dirs, rack_violations) = faults;
        let spec = SynthSpec {
            brokers,
            partitions,
            topics: Some(1 + partitions / 6),
            racks,
            log_dirs,
            replication: vec![(factor, 1.0)],
            heterogeneous,
            disk_utilization,
            drift,
            expanded,
            faults: SynthFaults { dead, draining, offline_dirs, rack_violations, ..SynthFaults::default() },
            seed,
            ..SynthSpec::default()
        };
        let plain = SynthSpec { faults: SynthFaults::default(), ..spec.clone() };
        [spec, plain].into_iter().find(|spec| synthesize(spec).is_ok())
    })
}

fn pacing() -> impl Strategy<Value = Pacing> {
    let some = |range: std::ops::Range<u64>| prop::option::weighted(0.4, range);
    (some(1 << 30..1 << 42), some(60..36_000), some(1..4), 1_u32..40, any::<bool>()).prop_map(
        |(batch_bytes, seconds, moves, leader_changes_max, is_one_replica_at_a_time)| Pacing {
            batch_bytes,
            batch_seconds: seconds.map(|seconds| seconds as f64),
            moves_per_broker_max: moves.map(|moves| moves as u32),
            leader_changes_max,
            is_one_replica_at_a_time,
            ..Pacing::default()
        },
    )
}

fn solve(snapshot: &Snapshot, policy: &Policy) -> Solution {
    let env = Environment { expired: &|| false, progress: &|_, _| {} };
    optimize(snapshot, policy, &Options { seed: 0, effort: Effort::Quick }, &env)
}

fn directory(files: &[OutputFile]) -> PlanDir {
    let file = |path: &str| {
        let found = files.iter().find(|f| f.path.to_str() == Some(path)).unwrap();
        TextFile { path: found.path.clone(), bytes: found.bytes.clone() }
    };
    let mut dir = PlanDir {
        plan: file("plan.json"),
        reassignment: file("reassignment.json"),
        elections: file("leader-election.json"),
        rollback: file("rollback.json"),
        batches: Vec::new(),
    };
    let batches = files.iter().filter(|f| f.path.starts_with("batches") && f.path.ends_with("rollback.json"));
    for folder in batches.map(|f| f.path.parent().unwrap().to_str().unwrap()) {
        dir.batches.push(BatchFiles {
            reassignment: file(&format!("{folder}/reassignment.json")),
            elections: file(&format!("{folder}/leader-election.json")),
            rollback: file(&format!("{folder}/rollback.json")),
        });
    }
    dir
}

/// Where the plan ends if the entries of each batch finish in an order that `pick` shuffles.
fn carried_out(snapshot: &Snapshot, plan: &Plan, pick: u64) -> Placement {
    let mut state = State::of(snapshot);
    for batch in &plan.batches {
        let mut order: Vec<usize> = (0..batch.entries.len()).collect();
        order.sort_by_key(|row| (*row as u64 + 1).wrapping_mul(pick | 1).rotate_left(17));
        for entry in order.into_iter().map(|row| &batch.entries[row]) {
            state.reassign(entry.partition, &wishes(&entry.seats));
        }
        batch.elections.iter().for_each(|&partition| state.elect(partition));
    }
    state.placement()
}

/// At a moment within each batch, entries that `pick` chooses being complete and the others under way with both copies
/// whole: the log dirs that then hold more than their capacity. Stopped there, what runs is cancelled and the rest rolled
/// back, which must lead to where the batch began.
fn overflows_at_a_moment(snapshot: &Snapshot, plan: &Plan, pick: u64) -> Vec<String> {
    let undo = batch_rollbacks(snapshot, &plan.batches);
    let mut state = State::of(snapshot);
    let mut found = Vec::new();
    for (number, (batch, undo)) in plan.batches.iter().zip(&undo).enumerate() {
        let start = state.clone();
        let is_complete = |row: usize| (pick >> (row % 64)) & 1 == 1;
        let mut used: Vec<u128> = snapshot.log_dirs.iter().map(|dir| u128::from(dir.other_used_bytes)).collect();
        let mut add = |residents: &[Resident]| {
            for resident in residents {
                if let Some(dir) = resident.seat.log_dir {
                    used[dir.row()] += u128::from(resident.size_bytes);
                }
            }
        };
        let mut copied = vec![Vec::new(); snapshot.partitions.len()];
        for entry in &batch.entries {
            copied[entry.partition.row()] = state.reassign(entry.partition, &wishes(&entry.seats));
        }
        for partition in snapshot.partition_indices() {
            let row = batch.entries.iter().position(|entry| entry.partition == partition);
            match row {
                Some(row) if is_complete(row) => add(&state.residents(partition)),
                _ => {
                    add(&start.residents(partition));
                    add(&copied[partition.row()]);
                }
            }
        }
        let mut receives = vec![false; snapshot.log_dirs.len()];
        for dir in copied.iter().flatten().filter_map(|resident| resident.seat.log_dir) {
            receives[dir.row()] = true;
        }
        for ((dir, used), _) in snapshot.log_dirs.iter().zip(&used).zip(&receives).filter(|(_, receives)| **receives) {
            if dir.capacity_bytes.is_some_and(|capacity| *used > u128::from(capacity)) {
                found.push(format!("batch {}: {}", number + 1, dir.path));
            }
        }
        let mut stopped = start.clone();
        let complete = batch.entries.iter().enumerate().filter(|(row, _)| is_complete(*row)).map(|(_, entry)| entry);
        for entry in complete.clone() {
            stopped.reassign(entry.partition, &wishes(&entry.seats));
        }
        for entry in complete {
            if let Some(back) = undo.iter().find(|back| back.partition == entry.partition) {
                stopped.reassign(back.partition, &wishes(&back.seats));
                assert_eq!(stopped.seats(back.partition), start.seats(back.partition));
            }
        }
        batch.elections.iter().for_each(|&partition| state.elect(partition));
    }
    found
}

fn wishes(seats: &[Seat]) -> Vec<Wish> {
    seats.iter().map(|seat| Wish { broker: seat.broker, log_dir: seat.log_dir }).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_dir_overflows_at_any_moment_and_a_batch_stopped_in_its_middle_can_be_undone(
        spec in cluster(),
        pacing in pacing(),
        pick in any::<u64>(),
    ) {
        let (snapshot, policy) = (synthesize(&spec).unwrap(), Policy::default());
        let plan = plan::build(&snapshot, &policy, solve(&snapshot, &policy), &pacing);
        let is_excused = plan.excuses.iter().any(|excuse| excuse.why.contains("more than fit"));
        let full = |snapshot: &Snapshot| overflows_at_a_moment(snapshot, &plan, pick);
        prop_assert!(is_excused || full(&snapshot).is_empty(), "{pacing:?} {:?}", full(&snapshot));
    }

    #[test]
    fn any_batch_may_be_the_last_and_their_order_within_does_not_matter(
        spec in cluster(),
        pacing in pacing(),
        pick in any::<u64>(),
    ) {
        let (snapshot, policy) = (synthesize(&spec).unwrap(), Policy::default());
        let plan = plan::build(&snapshot, &policy, solve(&snapshot, &policy), &pacing);
        let dir = directory(&plan_files(&snapshot, &policy, &plan));
        let judgement = judge_dir(&snapshot, &policy, &dir).unwrap();
        // What the plan as a whole is blamed for is the search's affair, not that of its steps.
        let whole = judge_files(&snapshot, &policy, &dir.reassignment, Some(&dir.elections)).unwrap();
        prop_assert!(whole.deviations.iter().all(|d| d.code != "inactive_broker"), "{:?}", whole.deviations);
        let is_excused = plan.excuses.iter().any(|excuse| excuse.why.contains("more than fit"));
        let faults: Vec<_> =
            judgement.deviations.iter().filter(|d| !whole.deviations.contains(d)).collect();
        let faults: Vec<_> = faults.iter().filter(|d| !is_excused || d.code != "log_dir_overflow").collect();
        prop_assert!(faults.is_empty(), "{pacing:?} {faults:?}");
        prop_assert_eq!(carried_out(&snapshot, &plan, pick), plan.placement.clone());
        prop_assert_eq!(carried_out(&snapshot, &plan, !pick), plan.placement);
    }
}

/// The properties above say something only where plans have several batches, dirs are nearly full meanwhile, and rules
/// are repaired.
#[test]
fn the_random_plans_have_batches_and_full_dirs_to_speak_of() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, TestRunner};
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    let (cases, policy) = (40, Policy::default());
    let (mut several, mut many, mut crowded, mut repairs, mut between_dirs) = (0, 0, 0, 0, 0);
    for _ in 0..cases {
        let (spec, pacing) = (cluster(), pacing()).new_tree(&mut runner).unwrap().current();
        let snapshot = synthesize(&spec).unwrap();
        let plan = plan::build(&snapshot, &policy, solve(&snapshot, &policy), &pacing);
        several += u32::from(plan.batches.len() > 1);
        many += u32::from(plan.batches.len() > 4);
        crowded += u32::from(peak(&snapshot, &plan) > policy.limits.log_dir);
        repairs += u32::from(plan.before.hard_total() > plan.after.hard_total());
        between_dirs += u32::from(plan.movement.log_dir_moves > 0);
    }
    let found = (several, many, crowded, repairs, between_dirs);
    println!(
        "of {cases}: {found:?} (several batches, more than four, past the limit meanwhile, repairs, between dirs)"
    );
    assert!(several >= 25 && many >= 10 && crowded >= 5 && repairs >= 15 && between_dirs >= 10, "{found:?}");
}

/// The fullest that any log dir becomes that receives a copy, both copies there.
fn peak(snapshot: &Snapshot, plan: &Plan) -> f64 {
    let mut state = State::of(snapshot);
    let mut fullest = 0.0_f64;
    for batch in &plan.batches {
        let mut used: Vec<u64> = snapshot.log_dirs.iter().map(|dir| dir.other_used_bytes).collect();
        for resident in snapshot.partition_indices().flat_map(|partition| state.residents(partition)) {
            resident.seat.log_dir.into_iter().for_each(|dir| used[dir.row()] += resident.size_bytes);
        }
        for entry in &batch.entries {
            for copy in state.reassign(entry.partition, &wishes(&entry.seats)) {
                let Some(dir) = copy.seat.log_dir else { continue };
                used[dir.row()] += copy.size_bytes;
                let capacity = snapshot.log_dir(dir).capacity_bytes.map_or(f64::INFINITY, |bytes| bytes as f64);
                fullest = fullest.max(used[dir.row()] as f64 / capacity);
            }
        }
        batch.elections.iter().for_each(|&partition| state.elect(partition));
    }
    fullest
}
