//! Frontiers, replication factors and explanations over random clusters, against the judge.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use evenkeel::ingest::{SynthFaults, SynthSpec, synthesize};
use evenkeel::model::{PartitionIdx, Placement, Policy, Rule, Snapshot, TopicPattern};
use evenkeel::optimize::replication::optimize_with_factor;
use evenkeel::optimize::{Effort, Environment, Options};
use evenkeel::plan::frontier::plan_with_frontier;
use evenkeel::plan::{MoveKind, Pacing, build, explain, with_factor};
use evenkeel::report::plan_files;
use evenkeel::verify::plan_dir::{BatchFiles, PlanDir, TextFile, judge_dir};
use evenkeel::verify::{assess, movement};
use evenkeel::writer::OutputFile;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Sums of floats differ by so much.
const ROUNDING: f64 = 1e-6;

fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 6;
    }
    config.rng_seed = RngSeed::Fixed(20_261_121);
    config.failure_persistence = None;
    config
}

fn cluster() -> impl Strategy<Value = Snapshot> {
    let sizes = (5_u32..=9, 8_u32..=40, 0_u32..=3, 1_u32..=2, any::<u64>());
    let looks = (0.0_f64..=1.0, 0_u32..=1, 0_u32..=1, 0.2_f64..0.5);
    (sizes, looks, 1_u32..=3).prop_filter_map("no such cluster", |(sizes, looks, factor)| {
        let (brokers, partitions, racks, log_dirs, seed) = sizes;
        let (drift, dead, draining, disk_utilization) = looks;
        let spec = SynthSpec {
            brokers,
            partitions,
            topics: Some(1 + partitions / 6),
            racks,
            rack_skew: 0.0,
            groups: 0,
            log_dirs,
            replication: vec![(factor, 2.0), (1, 1.0)],
            heterogeneous: false,
            disk_utilization,
            drift,
            expanded: 0,
            faults: SynthFaults { dead, draining, ..SynthFaults::default() },
            seed,
        };
        synthesize(&spec).ok()
    })
}

fn environment() -> Environment<'static> {
    Environment { expired: &|| false, progress: &|_, _| {} }
}

const QUICK: Options = Options { seed: 0, effort: Effort::Quick };

fn text(files: &[OutputFile], path: &str) -> TextFile {
    let file = files.iter().find(|f| f.path.to_str() == Some(path)).unwrap();
    TextFile { path: file.path.clone(), bytes: file.bytes.clone() }
}

fn plan_dir(files: &[OutputFile], batches: usize) -> PlanDir {
    let width = if batches > 999 { 4 } else { 3 };
    let batch = |number: usize| {
        let of = |name: &str| text(files, &format!("batches/{number:0width$}/{name}"));
        BatchFiles {
            reassignment: of("reassignment.json"),
            elections: of("leader-election.json"),
            rollback: of("rollback.json"),
        }
    };
    PlanDir {
        plan: text(files, "plan.json"),
        reassignment: text(files, "reassignment.json"),
        elections: text(files, "leader-election.json"),
        rollback: text(files, "rollback.json"),
        batches: (1..=batches).map(batch).collect(),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_frontier_holds_no_dominated_plan_and_ends_at_the_one_written(snapshot in cluster(), points in 2_usize..6) {
        let policy = Policy::default();
        let plan = plan_with_frontier((&snapshot, &policy, &Pacing::default()), points, &QUICK, &environment());
        prop_assert!(!plan.frontier.is_empty() && plan.frontier.len() <= points);
        for pair in plan.frontier.windows(2) {
            prop_assert!(pair[0].movement.inter_broker_bytes < pair[1].movement.inter_broker_bytes);
            prop_assert!(pair[0].excess > pair[1].excess);
            prop_assert_eq!(pair[0].hard_total, pair[1].hard_total);
        }
        let last = plan.frontier.last().unwrap();
        prop_assert_eq!(last.movement, plan.movement);
        prop_assert_eq!((last.hard_total, last.outside), (plan.after.hard_total(), plan.after.imbalance.outside));
        let again = plan_with_frontier((&snapshot, &policy, &Pacing::default()), points, &QUICK, &environment());
        prop_assert_eq!(again, plan, "the same answer twice");
    }

    #[test]
    fn another_replication_factor_is_had_within_the_rules_and_can_be_taken_back(
        snapshot in cluster(),
        factor in 1_u32..=4,
        budget in prop::option::of(0_u64..1 << 40),
    ) {
        let mut policy = Policy { only: Some(vec![TopicPattern::new("*").unwrap()]), ..Policy::default() };
        policy.budget.max_moved_bytes = budget;
        let Ok((solution, change)) = optimize_with_factor(&snapshot, &policy, factor, &QUICK, &environment()) else {
            return Ok(());
        };
        let plan = with_factor(build(&snapshot, &policy, solution, &Pacing::default()), change);
        let change = plan.replication.as_ref().unwrap();
        let now = Placement::of(&snapshot);
        let (mut raised, mut lowered, mut kept) = (0, 0, 0);
        for p in snapshot.partition_indices() {
            let (old, new) = (now.seats(p).len(), plan.placement.seats(p).len());
            let wanted = factor as usize;
            raised += u64::from(new > old);
            lowered += u64::from(new < old);
            kept += u64::from(new != wanted);
            prop_assert!(new == wanted || new == old, "all or nothing");
        }
        prop_assert_eq!((change.raised, change.lowered, change.kept), (raised, lowered, kept));
        prop_assert!(plan.movement.inter_broker_bytes >= change.added_bytes);
        prop_assert!(budget.is_none_or(|max| plan.movement.inter_broker_bytes <= max));
        // Whatever stays broken was broken before: a new factor breaks nothing.
        for rule in [Rule::DuplicateReplica, Rule::ResourceGroup, Rule::DiskCapacity, Rule::LogDirCapacity] {
            prop_assert!(plan.after.hard_count(rule) <= plan.before.hard_count(rule), "{:?}", rule);
        }
        let files = plan_files(&snapshot, &policy, &plan);
        let judgement = judge_dir(&snapshot, &policy, &plan_dir(&files, plan.batches.len())).unwrap();
        prop_assert_eq!(&judgement.deviations, &Vec::new());
        prop_assert_eq!(judgement.movement, plan.movement);
        for row in plan.moves.iter().filter(|m| m.kind == MoveKind::Replica && (m.from.is_none() || m.to.is_none())) {
            prop_assert!(row.reason.starts_with("replication_factor:"), "{}", row.reason);
        }
    }

    #[test]
    fn explanations_are_the_judges_of_every_place_they_list(snapshot in cluster(), row in any::<prop::sample::Index>()) {
        let policy = Policy::default();
        let solution = evenkeel::optimize::optimize(&snapshot, &policy, &QUICK, &environment());
        let plan = build(&snapshot, &policy, solution, &Pacing::default());
        let p = PartitionIdx::new(row.index(snapshot.partitions.len()));
        let told = explain::explain(&snapshot, &policy, &plan.placement, p);
        prop_assert_eq!(told.plan.inter_broker_bytes, plan.movement.inter_broker_bytes);
        prop_assert_eq!(told.plan.hard_total, plan.after.hard_total());
        for story in &told.replicas {
            let Some(position) = story.position else { continue };
            for other in &story.alternatives {
                let mut changed = plan.placement.clone();
                let old = std::mem::replace(&mut changed.seats_mut(p)[position], other.seat);
                prop_assert_eq!(movement(&snapshot, &changed).inter_broker_bytes, other.figures.inter_broker_bytes);
                if changed.leader(p) == Some(old.broker) {
                    continue;
                }
                let judged = assess(&snapshot, &policy, &changed);
                prop_assert_eq!(judged.hard_total(), other.figures.hard_total);
                prop_assert!((judged.imbalance.excess - other.figures.excess).abs() < ROUNDING);
                // No place is offered that breaks a rule which the plan keeps.
                prop_assert!(other.figures.hard_total <= told.plan.hard_total);
            }
        }
    }
}
