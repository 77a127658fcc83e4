//! The replication factor on small clusters made for one trait each.

use super::*;
use crate::model::fixture::Fixture;
use crate::model::{BrokerState, LogDirState, PartitionIdx, TopicPattern};
use crate::optimize::Effort;

const CAPACITY: u64 = 1_000;

/// Brokers 1…`brokers` in racks a, b, c in turn, one dir each.
fn fixture(brokers: i32) -> Fixture {
    (1..=brokers).fold(Fixture::default(), |f, id| {
        let rack = ["c", "a", "b"][id as usize % 3];
        f.broker(id, rack, "", BrokerState::Alive).dir(id, "/d", CAPACITY, LogDirState::Online, 0)
    })
}

fn policy() -> Policy {
    Policy { only: Some(vec![TopicPattern::literal("t")]), ..Policy::default() }
}

fn solve(snapshot: &Snapshot, policy: &Policy, factor: u32) -> Result<(Solution, FactorChange), String> {
    let env = Environment { expired: &|| false, progress: &|_, _| {} };
    let options = Options { seed: 0, effort: Effort::Quick };
    optimize_with_factor(snapshot, policy, factor, &options, &env)
}

/// Broker ids of the first partition.
fn ids(snapshot: &Snapshot, solution: &Solution) -> Vec<i32> {
    let seats = solution.placement.seats(PartitionIdx::new(0));
    seats.iter().map(|s| snapshot.broker(s.broker).id).collect()
}

#[test]
fn a_raised_partition_keeps_its_replicas_and_gets_the_missing_racks() {
    let snapshot = fixture(6).partition(("t", 0), 1, (1.0, 1.0), &[(1, "/d", 50, true), (4, "/d", 40, true)]).build();
    let (solution, done) = solve(&snapshot, &policy(), 4).unwrap();
    let ids = ids(&snapshot, &solution);
    assert_eq!(ids.len(), 4);
    let racks: std::collections::BTreeSet<i32> = ids.iter().map(|id| id % 3).collect();
    assert_eq!(racks.len(), 3, "1 and 4 share a rack, the new ones use the two others: {ids:?}");
    assert_eq!((done.raised, done.added_replicas, done.added_bytes), (1, 2, 100), "copies bring the largest replica");
    assert_eq!(solution.lower_bound.bytes, 100);
}

#[test]
fn a_lowered_partition_keeps_its_leader_its_racks_and_what_is_in_sync() {
    let replicas = [(4, "/d", 50, true), (1, "/d", 50, true), (2, "/d", 50, true), (3, "/d", 50, false)];
    let snapshot = fixture(6).partition(("t", 0), 1, (1.0, 1.0), &replicas).build();
    let (solution, done) = solve(&snapshot, &policy(), 3).unwrap();
    assert_eq!(ids(&snapshot, &solution), [1, 2, 3], "4 and 1 share a rack and 1 leads");
    assert_eq!((done.lowered, done.removed_replicas, done.added_bytes), (1, 1, 0));
    let (solution, _) = solve(&snapshot, &policy(), 1).unwrap();
    assert_eq!(ids(&snapshot, &solution), [1]);
}

#[test]
fn what_is_out_of_sync_or_must_leave_goes_first() {
    let replicas = [(1, "/d", 50, true), (4, "/d", 50, false), (2, "/d", 50, true), (3, "/d", 50, true)];
    let snapshot = fixture(6).partition(("t", 0), 2, (1.0, 1.0), &replicas).build();
    assert_eq!(ids(&snapshot, &solve(&snapshot, &policy(), 3).unwrap().0), [1, 2, 3]);
    let mut draining = snapshot;
    draining.brokers[2].state = BrokerState::Draining;
    let (solution, done) = solve(&draining, &policy(), 3).unwrap();
    assert!(!ids(&draining, &solution).contains(&3), "{:?}", ids(&draining, &solution));
    assert_eq!(done.removed_replicas, 1);
}

#[test]
fn more_replicas_than_brokers_or_fewer_than_min_isr_are_refused_with_numbers() {
    let mut snapshot =
        fixture(3).partition(("t", 0), 1, (1.0, 1.0), &[(1, "/d", 50, true), (2, "/d", 50, true)]).build();
    let refusal = solve(&snapshot, &policy(), 4).unwrap_err();
    assert!(refusal.contains("4 replicas") && refusal.contains("3 active brokers"), "{refusal}");
    snapshot.topics[0].min_insync_replicas = Some(2);
    let refusal = solve(&snapshot, &policy(), 1).unwrap_err();
    assert!(refusal.contains("min.insync.replicas 2"), "{refusal}");
}

#[test]
fn a_partition_without_room_keeps_its_factor_and_says_why() {
    let snapshot = fixture(3)
        .partition(("fill", 0), 3, (1.0, 1.0), &[(3, "/d", 700, true)])
        .partition(("t", 0), 1, (1.0, 1.0), &[(1, "/d", 300, true), (2, "/d", 300, true)])
        .partition(("t", 1), 1, (1.0, 1.0), &[(1, "/d", 50, true), (2, "/d", 50, true)])
        .build();
    let (solution, done) = solve(&snapshot, &policy(), 3).unwrap();
    assert_eq!((done.raised, done.kept, done.unmet), (1, 1, 1));
    let excuse = solution.excuses.iter().find(|e| e.subject == "t-0").unwrap();
    assert!(excuse.why.contains("keeps 2 replicas, 3 are wanted") && excuse.why.contains("300 bytes"), "{excuse:?}");
    assert_eq!(solution.placement.seats(PartitionIdx::new(2)).len(), 3);
}

#[test]
fn a_budget_raises_the_small_ones_first_and_leaves_the_rest() {
    let snapshot = fixture(3)
        .partition(("t", 0), 1, (1.0, 1.0), &[(1, "/d", 100, true)])
        .partition(("t", 1), 2, (1.0, 1.0), &[(2, "/d", 30, true)])
        .build();
    let mut policy = policy();
    policy.budget.max_moved_bytes = Some(50);
    let (solution, done) = solve(&snapshot, &policy, 2).unwrap();
    assert_eq!((done.raised, done.unmet, done.added_bytes), (1, 1, 30));
    assert_eq!(solution.stop_reason, StopReason::Budget);
    assert_eq!(solution.placement.seats(PartitionIdx::new(0)).len(), 1);
}

#[test]
fn cores_per_unit_of_work_stay_those_of_the_snapshot() {
    let mut snapshot = fixture(3).partition(("t", 0), 1, (100.0, 100.0), &[(1, "/d", 50, true)]).build();
    for broker in &mut snapshot.brokers {
        (broker.cpu_cores, broker.cpu_utilization) = (Some(8.0), Some(0.25));
    }
    let policy = policy();
    let groups = Groups::new(&snapshot, &policy);
    let changed = Change::of(&snapshot, &policy, &groups, &[TopicIdx::new(0)], 3);
    let cores = |s: &Snapshot| crate::model::load::cores_per_work(s).unwrap();
    assert!((cores(&changed.snapshot) / cores(&snapshot) - 1.0).abs() < 1e-12);
}

#[test]
fn what_must_be_mended_takes_its_room_before_anything_is_raised() {
    // Broker 3 alone has room, for 400 bytes: what is on the dead broker needs it.
    let mut snapshot = fixture(4)
        .partition(("fill", 0), 1, (1.0, 1.0), &[(1, "/d", 750, true)])
        .partition(("fill", 1), 2, (1.0, 1.0), &[(2, "/d", 350, true)])
        .partition(("fill", 2), 3, (1.0, 1.0), &[(3, "/d", 400, true)])
        .partition(("t", 0), 2, (1.0, 1.0), &[(2, "/d", 400, true), (4, "/d", 400, false)])
        .partition(("t", 1), 2, (1.0, 1.0), &[(2, "/d", 20, true)])
        .build();
    snapshot.brokers[3].state = BrokerState::Dead;
    snapshot.brokers.iter_mut().for_each(|b| b.rack = None);
    let (solution, done) = solve(&snapshot, &policy(), 2).unwrap();
    let at = |row: usize| -> Vec<i32> {
        let seats = solution.placement.seats(PartitionIdx::new(row)).iter();
        let mut ids: Vec<i32> = seats.map(|s| snapshot.broker(s.broker).id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(at(3), [2, 3]);
    assert_eq!((done.raised, at(4)), (1, vec![1, 2]), "broker 3 would be full");
}

#[test]
fn what_the_policy_excludes_keeps_its_factor_and_is_named() {
    let snapshot = fixture(3).partition(("t", 0), 1, (1.0, 1.0), &[(1, "/d", 50, true)]).build();
    let policy = Policy { exclude: vec![TopicPattern::literal("t")], ..policy() };
    let (solution, done) = solve(&snapshot, &policy, 3).unwrap();
    assert_eq!((done.raised, done.unmet), (0, 0));
    assert!(solution.excuses.iter().any(|e| e.subject == "t" && e.why.contains("excludes it")));
}
