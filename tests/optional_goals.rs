//! Goals that a policy switches on: each brings its figure down, breaks no rule, and is silent where it is off.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use evenkeel::ingest::{SynthFaults, SynthSpec, synthesize};
use evenkeel::model::{Goal, GoalBalance, Placement, Policy, Snapshot};
use evenkeel::optimize::{Effort, Environment, Options, Solution, optimize};
use evenkeel::verify::{assess, movement};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 32;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(20_261_121);
    }
    config
}

fn solve(snapshot: &Snapshot, policy: &Policy, effort: Effort) -> Solution {
    let env = Environment { expired: &|| false, progress: &|_, _| {} };
    optimize(snapshot, policy, &Options { seed: 0, effort }, &env)
}

fn synth(brokers: u32, partitions: u32, drift: f64) -> Snapshot {
    let spec = SynthSpec { brokers, partitions, racks: 3, log_dirs: 2, drift, seed: 4, ..SynthSpec::default() };
    synthesize(&spec).unwrap()
}

/// How `goal` stands over all groups: outside and excess.
fn standing(snapshot: &Snapshot, policy: &Policy, placement: &Placement, goal: Goal) -> (u64, f64) {
    let judged = assess(snapshot, policy, placement);
    let of_goal = judged.balance.values().filter_map(|goals| goals.get(&goal));
    of_goal.fold((0, 0.0), |sum, b: &GoalBalance| (sum.0 + b.outside, sum.1 + b.excess))
}

/// The plans with `goal` off and with `band` for it: each one's standing towards it, judged by the policy that has it on.
fn off_and_on(snapshot: &Snapshot, goal: Goal, band: f64) -> [(u64, f64); 2] {
    let mut on = Policy::default();
    *on.bands.of_mut(goal) = band;
    [Policy::default(), on.clone()].map(|policy| {
        let solution = solve(snapshot, &policy, Effort::Normal);
        let judged = assess(snapshot, &on, &solution.placement);
        assert_eq!(judged.hard_total(), 0, "{:?}", judged.hard);
        standing(snapshot, &on, &solution.placement, goal)
    })
}

#[test]
fn leaders_of_a_topic_are_spread_where_the_policy_wants_it() {
    let mut snapshot = synth(9, 240, 0.0);
    // The first replica of the largest topic's partitions that is on one of three brokers leads.
    let topic = (0..snapshot.topics.len()).max_by_key(|&t| snapshot.topics[t].partition_count).unwrap();
    for p in snapshot.topics[topic].partition_rows() {
        let rows = snapshot.partitions[p].replica_rows();
        let crowded = snapshot.replicas[rows].iter().map(|r| r.broker).min();
        snapshot.partitions[p].leader = crowded;
    }
    let [off, on] = off_and_on(&snapshot, Goal::LeadersPerTopic, 0.1);
    assert!(off.0 > 0 && on.0 < off.0, "{off:?} → {on:?}");
    assert_eq!(on.1, 0.0, "leadership can be spread exactly here");
}

#[test]
fn disk_writes_are_balanced_by_what_disks_can_write() {
    let mut snapshot = synth(9, 400, 0.3);
    // One broker of each rack has slower disks, and a quarter of the topics are compacted.
    for dir in &mut snapshot.log_dirs {
        dir.write_capacity_bytes_per_sec = Some(if dir.broker.row() >= 6 { 150e6 } else { 210e6 });
    }
    for topic in snapshot.topics.iter_mut().step_by(4) {
        topic.cleanup_policy = Some("compact".to_owned());
    }
    let [off, on] = off_and_on(&snapshot, Goal::DiskWrites, 0.15);
    assert!(off.0 > 0 && on.1 < 0.5 * off.1, "{off:?} → {on:?}");
}

#[test]
fn log_dirs_are_evened_by_what_they_write_and_no_copy_between_brokers_is_made_for_it() {
    let mut snapshot = synth(9, 600, 0.3);
    for (row, dir) in snapshot.log_dirs.iter_mut().enumerate() {
        dir.write_capacity_bytes_per_sec = Some(if row % 3 == 0 { 120e6 } else { 210e6 });
    }
    let [off, on] = off_and_on(&snapshot, Goal::LogDirWrites, 0.1);
    assert!(off.0 > 0 && on.1 < 0.5 * off.1, "{off:?} → {on:?}");
    let mut policy = Policy::default();
    let copied = |policy: &Policy| movement(&snapshot, &solve(&snapshot, policy, Effort::Quick).placement);
    let without = copied(&policy);
    policy.bands.log_dir_writes = 0.1;
    let with = copied(&policy);
    assert_eq!(with.inter_broker_bytes, without.inter_broker_bytes);
    let goal = |placement: &Placement, goal| standing(&snapshot, &Policy::default(), placement, goal);
    let solution = solve(&snapshot, &policy, Effort::Quick);
    let plain = solve(&snapshot, &Policy::default(), Effort::Quick);
    let (even, before) = (goal(&solution.placement, Goal::LogDir), goal(&plain.placement, Goal::LogDir));
    assert!(even.1 <= before.1 + 1e-9, "bytes stay as even: {before:?} → {even:?}");
    let beyond = standing(&snapshot, &policy, &solution.placement, Goal::LogDirWrites).0;
    let excused = solution.excuses.iter().filter(|e| e.criterion.is_some_and(|c| c.name() == "log_dir_writes"));
    assert_eq!(excused.count() as u64, beyond, "whoever stays beyond is excused by name");
}

#[test]
fn a_scatter_width_is_narrowed_for_bytes() {
    let snapshot = synth(9, 60, 0.3);
    let mut policy = Policy::default();
    policy.bands.scatter_width = 5.0;
    let [off, on] = off_and_on(&snapshot, Goal::ScatterWidth, 5.0);
    assert!(on.1 < off.1, "{off:?} → {on:?}");
    let bytes =
        |policy: &Policy| movement(&snapshot, &solve(&snapshot, policy, Effort::Normal).placement).inter_broker_bytes;
    assert!(bytes(&policy) >= bytes(&Policy::default()), "it has its price");
}

#[test]
fn whoever_stays_beyond_is_excused_by_name() {
    let snapshot = synth(9, 240, 0.2);
    let mut policy = Policy::default();
    policy.bands.scatter_width = 1.0;
    let solution = solve(&snapshot, &policy, Effort::Normal);
    let named = solution.excuses.iter().filter(|e| e.criterion.is_some_and(|c| c.name() == "scatter_width"));
    let outside = standing(&snapshot, &policy, &solution.placement, Goal::ScatterWidth).0;
    assert_eq!(named.clone().count() as u64, outside);
    assert!(named.clone().all(|e| e.why.contains("more replicas than the limit allows")), "RF 3 needs two others");
}

#[test]
fn goals_that_are_off_are_in_no_figure() {
    let snapshot = synth(6, 60, 0.3);
    let judged = assess(&snapshot, &Policy::default(), &Placement::of(&snapshot));
    assert!(judged.balance.values().all(|goals| goals.keys().all(|goal| !goal.is_optional())));
    let policy = serde_json::to_string(&evenkeel::report::json::policy(&Policy::default())).unwrap();
    assert!(Goal::ALL.iter().filter(|goal| goal.is_optional()).all(|goal| !policy.contains(goal.name())), "{policy}");
}

proptest! {
    #![proptest_config(config())]

    /// Dirs of unlike disks, nearly full or not: evening what they write fills none beyond its limit and breaks no rule.
    #[test]
    fn no_dir_is_filled_beyond_its_limit_for_what_it_writes(
        shape in (3_u32..=6, 20_u32..=120, 2_u32..=5, 0.0_f64..0.8, any::<u64>()),
        disk_utilization in 0.2_f64..0.85,
        rates in prop::collection::vec(50e6_f64..400e6, 8),
        band in 0.05_f64..0.5,
    ) {
        let (brokers, partitions, log_dirs, drift, seed) = shape;
        let spec = SynthSpec { brokers, partitions, log_dirs, drift, seed, disk_utilization, ..SynthSpec::default() };
        let Ok(mut snapshot) = synthesize(&spec) else { return Ok(()) };
        for (row, dir) in snapshot.log_dirs.iter_mut().enumerate() {
            dir.write_capacity_bytes_per_sec = Some(rates[row % rates.len()]);
        }
        let mut policy = Policy::default();
        policy.bands.log_dir_writes = band;
        let plain = solve(&snapshot, &Policy::default(), Effort::Quick);
        let solution = solve(&snapshot, &policy, Effort::Quick);
        let [judged, without] = [&solution, &plain].map(|s| assess(&snapshot, &policy, &s.placement));
        prop_assert!(judged.hard_total() <= without.hard_total(), "{:?} → {:?}", without.hard, judged.hard);
        prop_assert!(judged.broker_excess() <= without.broker_excess() + 1e-6);
        let [on, off] = [&solution, &plain].map(|s| standing(&snapshot, &policy, &s.placement, Goal::LogDirWrites));
        prop_assert!(on.1 <= off.1 + 1e-6, "{off:?} → {on:?}");
    }

    /// Debug builds recount the counts and widths after each stage, so that this compares them with the moves too.
    #[test]
    fn neither_rules_nor_the_total_excess_get_worse(
        shape in (3_u32..=8, 5_u32..=60, 1_u32..=3, 0_u32..=2, 0.0_f64..0.8, any::<u64>()),
        goals in (prop_oneof![Just(0.0), Just(0.1)], prop_oneof![Just(0.0), Just(0.2)], 0_u8..=4),
        effort in prop_oneof![3 => Just(Effort::Quick), 1 => Just(Effort::Normal)],
    ) {
        let (brokers, partitions, factor, dead, drift, seed) = shape;
        let faults = SynthFaults { dead: dead.min(brokers - 1).min(1), ..SynthFaults::default() };
        let replication = vec![(factor.min(brokers), 1.0)];
        let spec = SynthSpec { brokers, partitions, replication, drift, seed, faults, ..SynthSpec::default() };
        let Ok(snapshot) = synthesize(&spec) else { return Ok(()) };
        let mut policy = Policy::default();
        (policy.bands.leaders_per_topic, policy.bands.disk_writes) = (goals.0, goals.1);
        policy.bands.scatter_width = f64::from(goals.2);
        let before = assess(&snapshot, &policy, &Placement::of(&snapshot));
        let solution = solve(&snapshot, &policy, effort);
        let after = assess(&snapshot, &policy, &solution.placement);
        prop_assert!(after.hard_total() <= before.hard_total());
        if after.hard_total() == before.hard_total() {
            let (old, new) = (before.broker_excess(), after.broker_excess());
            prop_assert!(new <= old + 1e-6, "excess {} became {}", old, new);
        }
    }
}
