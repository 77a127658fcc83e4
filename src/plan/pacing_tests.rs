//! Batches against what they were asked to keep to, on small clusters made for one trait each.

use super::tests::{Wish, build_paced, fixture, rows};
use super::{Outcome, Pacing, Plan};
use crate::model::fixture::Fixture;
use crate::model::{BrokerState, LogDirState, PartitionIdx, Policy, Snapshot};
use crate::plan::throttle::Basis;
use crate::verify::{self, assess};

/// `brokers` brokers with one dir of `capacity` bytes each.
fn cluster(brokers: i32, capacity: u64) -> Fixture {
    (1..=brokers).fold(fixture(brokers), |f, id| f.dir(id, "/d", capacity, LogDirState::Online, 0))
}

/// Eight partitions of 60 bytes on broker 1, six of which are to go to brokers 2, 3 and 4, two each.
fn six(pacing: &Pacing) -> Plan {
    let f = (0..8).fold(cluster(4, 1_000), |f, n| f.partition(("t", n), 1, (0.0, 0.0), &[(1, "/d", 60, true)]));
    let seats: Vec<[(i32, &str); 1]> = (0..6).map(|n| [(2 + n % 3, "/d")]).collect();
    let wanted: Vec<Wish<'_>> = seats.iter().enumerate().map(|(row, seats)| (row, &seats[..], true)).collect();
    build_paced(&f.build(), &wanted, pacing)
}

fn sizes(plan: &Plan) -> Vec<usize> {
    rows(plan).iter().map(Vec::len).collect()
}

#[test]
fn without_limits_all_goes_at_once() {
    assert_eq!(sizes(&six(&Pacing::default())), [6]);
}

#[test]
fn batches_keep_to_bytes_moves_and_leader_changes() {
    let pacing = Pacing::default();
    assert_eq!(sizes(&six(&Pacing { batch_bytes: Some(130), ..pacing })), [2, 2, 2]);
    assert_eq!(sizes(&six(&Pacing { batch_bytes: Some(10), ..pacing })), [1; 6], "one alone may pass the limit");
    assert_eq!(sizes(&six(&Pacing { moves_per_broker_max: Some(3), ..pacing })), [3, 3], "broker 1 sends three");
    assert_eq!(sizes(&six(&Pacing { moves_per_rack_max: Some(5), ..pacing })), [5, 1]);
    assert_eq!(sizes(&six(&Pacing { leader_changes_max: 4, ..pacing })), [4, 2]);
}

#[test]
fn batches_keep_to_a_duration_at_the_throttle() {
    let pacing = Pacing { throttle_bytes_per_sec: Some(2), batch_seconds: Some(90.0), ..Pacing::default() };
    // 180 bytes leave broker 1 in 90 s.
    let plan = six(&pacing);
    assert_eq!(sizes(&plan), [3, 3]);
    assert_eq!((plan.timetable.throttle.bytes_per_sec, plan.timetable.throttle.basis), (2, Basis::Given));
    assert_eq!(plan.timetable.batches.len(), 2);
}

#[test]
fn elections_alone_are_spread_over_batches_too() {
    let f = (0..5).fold(cluster(2, 1_000), |f, n| {
        f.partition(("t", n), 2, (0.0, 0.0), &[(1, "/d", 60, true), (2, "/d", 60, true)])
    });
    let seats = [(1, "/d"), (2, "/d")];
    let wanted: Vec<Wish<'_>> = (0..5).map(|row| (row, &seats[..], true)).collect();
    let plan = build_paced(&f.build(), &wanted, &Pacing { leader_changes_max: 2, ..Pacing::default() });
    let elections: Vec<usize> = plan.batches.iter().map(|batch| batch.elections.len()).collect();
    // Leading fewer than the band allows is worse than before: the last ones go together.
    assert_eq!(elections.iter().sum::<usize>(), 5);
    assert!(plan.batches.iter().all(|batch| batch.entries.is_empty()));
}

/// A partition on brokers 1 and 2 that is to be on 3 and 4.
fn two_moves(is_one_replica_at_a_time: bool) -> (Snapshot, Plan) {
    let snapshot = cluster(6, 1_000)
        .partition(("t", 0), 1, (0.0, 0.0), &[(1, "/d", 60, true), (2, "/d", 60, true)])
        .partition(("u", 0), 1, (0.0, 0.0), &[(1, "/d", 60, true), (2, "/d", 60, true)])
        .build();
    let seats = [(4, "/d"), (5, "/d")];
    let pacing = Pacing { is_one_replica_at_a_time, ..Pacing::default() };
    let plan = build_paced(&snapshot, &[(0, &seats, true)], &pacing);
    (snapshot, plan)
}

#[test]
fn one_replica_of_a_partition_moves_at_a_time_and_the_leader_last() {
    let (snapshot, plan) = two_moves(true);
    assert_eq!(rows(&plan), [[0], [0]]);
    let leader = snapshot.partition(PartitionIdx::new(0)).leader.unwrap();
    assert!(plan.batches[0].entries[0].seats.iter().any(|seat| seat.broker == leader), "the leader stays");
    assert_eq!(plan.batches.iter().map(|b| b.elections.len()).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(plan.movement.inter_broker_bytes, 120);
    assert_eq!(rows(&two_moves(false).1), [[0]]);
}

#[test]
fn halves_of_a_swap_are_in_one_batch_whatever_was_asked_for() {
    // Broker 1 has the large one, broker 2 the small one: either half alone leaves the disks further apart.
    let f = cluster(2, 1_000)
        .partition(("a", 0), 1, (0.0, 0.0), &[(1, "/d", 300, true)])
        .partition(("b", 0), 2, (0.0, 0.0), &[(2, "/d", 200, true)])
        .partition(("c", 0), 1, (0.0, 0.0), &[(1, "/d", 150, true)])
        .partition(("d", 0), 2, (0.0, 0.0), &[(2, "/d", 150, true)]);
    let swap: [Wish<'_>; 2] = [(0, &[(2, "/d")], true), (1, &[(1, "/d")], true)];
    let plan = build_paced(&f.build(), &swap, &Pacing { batch_bytes: Some(1), ..Pacing::default() });
    assert_eq!(rows(&plan), [[0, 1]]);
}

#[test]
fn repairs_come_first_and_then_what_relieves_most_per_byte() {
    let f = cluster(3, 10_000)
        .broker(9, "r0", "", BrokerState::Draining)
        .dir(9, "/d", 10_000, LogDirState::Online, 0)
        .partition(("a", 0), 1, (0.0, 0.0), &[(1, "/d", 900, true)])
        .partition(("b", 0), 1, (9e6, 0.0), &[(1, "/d", 90, true)])
        .partition(("c", 0), 1, (0.0, 0.0), &[(1, "/d", 800, true)])
        .partition(("z", 0), 9, (0.0, 0.0), &[(9, "/d", 900, true)])
        .build();
    let wanted: [Wish<'_>; 3] = [(0, &[(2, "/d")], true), (1, &[(3, "/d")], true), (3, &[(3, "/d")], true)];
    let plan = build_paced(&f, &wanted, &Pacing { batch_bytes: Some(900), ..Pacing::default() });
    assert_eq!(rows(&plan)[0], [3], "the draining broker's replica");
    assert_eq!(rows(&plan)[1], [1], "a tenth of the bytes, and all the traffic");
}

#[test]
fn no_batch_leaves_more_excess_than_it_found() {
    let pacing = Pacing { batch_bytes: Some(60), ..Pacing::default() };
    let f = (0..8).fold(cluster(4, 1_000), |f, n| f.partition(("t", n), 1, (0.0, 0.0), &[(1, "/d", 60, true)]));
    let snapshot = f.build();
    let plan = six(&pacing);
    let mut state = verify::state::State::of(&snapshot);
    let mut before = plan.before.imbalance.excess;
    for batch in &plan.batches {
        for entry in &batch.entries {
            let wish = |seat: &crate::model::Seat| verify::state::Wish { broker: seat.broker, log_dir: seat.log_dir };
            state.reassign(entry.partition, &entry.seats.iter().map(wish).collect::<Vec<_>>());
        }
        batch.elections.iter().for_each(|&partition| state.elect(partition));
        let excess = assess(&snapshot, &Policy::default(), &state.placement()).imbalance.excess;
        assert!(excess <= before + 1e-9, "{before} {excess}");
        before = excess;
    }
    assert!((before - plan.after.imbalance.excess).abs() < 1e-9 && plan.outcome != Outcome::Unchanged);
}

#[test]
fn what_never_ends_is_said_beforehand() {
    const SIZE: u64 = 60_000_000;
    let replicas = [(1, "/d", SIZE, true), (2, "/d", SIZE, true)];
    let f = cluster(3, 1_000_000_000).partition(("t", 0), 1, (1e6, 0.0), &replicas);
    let seats = [(1, "/d"), (3, "/d")];
    let pacing = Pacing { throttle_bytes_per_sec: Some(1_000_000), ..Pacing::default() };
    let snapshot = f.build();
    let plan = build_paced(&snapshot, &[(0, &seats, true)], &pacing);
    assert!(plan.timetable.is_endless());
    assert!(plan.timetable.warnings[0].starts_with("batch 1 never ends at"), "{:?}", plan.timetable.warnings);
    assert_eq!(plan.timetable.not_evaluated.len(), 1);
    let runbook = super::runbook::render(&snapshot, &plan);
    assert!(runbook.contains("- batch 1 never ends at"), "{runbook}");
}

#[test]
fn a_partition_that_alone_passes_what_was_asked_of_a_batch_is_named() {
    let plan = six(&Pacing { batch_bytes: Some(50), ..Pacing::default() });
    let said = |plan: &Plan| plan.timetable.warnings.iter().find(|w| w.contains("cannot be divided")).cloned();
    assert_eq!(
        said(&plan).unwrap(),
        "batch 1 passes what was asked of a batch: t-0 (and 5 more partitions) is one copy of 60 B, about 1 min at \
         50.0 MiB/s, and a copy cannot be divided; a higher --throttle makes it shorter"
    );
    assert_eq!(said(&six(&Pacing { batch_bytes: Some(60), ..Pacing::default() })), None);
    let slow = Pacing { throttle_bytes_per_sec: Some(1), batch_seconds: Some(59.0), ..Pacing::default() };
    assert!(said(&six(&slow)).unwrap().contains("t-0"));
    assert_eq!(said(&six(&Pacing { batch_seconds: Some(60.0), ..slow })), None);
}
