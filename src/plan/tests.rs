//! The plan against small clusters made for one trait each.

use super::*;
use crate::model::fixture::Fixture;
use crate::model::{
    BrokerState, Criterion, Excuse, Goal, LogDirState, PartitionIdx, Placement, Policy, Rule, Seat, Snapshot,
};
use crate::optimize::{BoundKind, LowerBound, Reason, Solution, StopReason};
use crate::plan::change::{Held, Standing};
use crate::verify::plan_dir::{BatchFiles, PlanDir, TextFile, judge_dir};

/// A partition's row, the seats it is to have, whether the first of them is to be elected.
pub(super) type Wish<'a> = (usize, &'a [(i32, &'a str)], bool);

pub(super) fn fixture(brokers: i32) -> Fixture {
    (1..=brokers).fold(Fixture::default(), |f, id| f.broker(id, &format!("r{}", id % 3), "", BrokerState::Alive))
}

fn seat(snapshot: &Snapshot, (id, path): (i32, &str)) -> Seat {
    let broker = snapshot.broker_by_id(id).unwrap();
    Seat { broker, log_dir: snapshot.log_dir_by_path(broker, path) }
}

/// A solution that puts partitions (by row) on the seats given and elects their first replica where asked to.
fn solution(snapshot: &Snapshot, wanted: &[Wish<'_>]) -> Solution {
    let now = Placement::of(snapshot);
    let mut placement = Placement::with_capacity(0, 0);
    for p in snapshot.partition_indices() {
        match wanted.iter().find(|w| w.0 == p.row()) {
            Some((_, seats, is_elected)) => {
                let seats: Vec<Seat> = seats.iter().map(|s| seat(snapshot, *s)).collect();
                let leader = if *is_elected { Some(seats[0].broker) } else { now.leader(p) };
                placement.push(seats, leader);
            }
            None => placement.push(now.seats(p).iter().copied(), now.leader(p)),
        }
    }
    Solution {
        placement,
        stop_reason: StopReason::Done,
        lower_bound: LowerBound { bytes: 0, kind: BoundKind::Shedding },
        reasons: Vec::new(),
        excuses: Vec::new(),
    }
}

fn build_plan(snapshot: &Snapshot, wanted: &[Wish<'_>]) -> Plan {
    build(snapshot, &Policy::default(), solution(snapshot, wanted), &Pacing::default())
}

pub(super) fn build_paced(snapshot: &Snapshot, wanted: &[Wish<'_>], pacing: &Pacing) -> Plan {
    build(snapshot, &Policy::default(), solution(snapshot, wanted), pacing)
}

/// Rows of the partitions with an entry, by batch.
pub(super) fn rows(plan: &Plan) -> Vec<Vec<usize>> {
    plan.batches.iter().map(|b| b.entries.iter().map(|e| e.partition.row()).collect()).collect()
}

fn seats_at_end(snapshot: &Snapshot, plan: &Plan, row: usize) -> Vec<Seat> {
    let mut standing = Standing::new(snapshot);
    plan.batches.iter().for_each(|batch| standing.advance(batch));
    standing.held(PartitionIdx::new(row)).iter().map(|held: &Held| held.seat).collect()
}

/// Two brokers of one dir each; `a` of 60 bytes on the first, `b` of 60 on the second.
fn pair(capacity: u64, spare_dir_bytes: Option<u64>) -> Snapshot {
    let mut f = Fixture::default().broker(1, "r", "", BrokerState::Alive).broker(2, "r", "", BrokerState::Alive);
    for id in [1, 2] {
        f = f.dir(id, "/d", capacity, LogDirState::Online, 0);
        if let Some(bytes) = spare_dir_bytes {
            f = f.dir(id, "/spare", bytes, LogDirState::Online, 0);
        }
    }
    f.partition(("a", 0), 1, (0.0, 0.0), &[(1, "/d", 60, true)])
        .partition(("b", 0), 2, (0.0, 0.0), &[(2, "/d", 60, true)])
        .build()
}

const SWAP: [Wish<'static>; 2] = [(0, &[(2, "/d")], true), (1, &[(1, "/d")], true)];

#[test]
fn one_batch_holds_all_that_fits_at_once() {
    let plan = build_plan(&pair(120, None), &SWAP);
    assert_eq!(rows(&plan), [[0, 1]]);
    assert_eq!(plan.batches[0].inter_broker_bytes, 120);
    assert_eq!(plan.batches[0].elections.len(), 2);
    assert_eq!((plan.movement.replica_moves, plan.movement.leader_changes), (2, 2));
}

#[test]
fn a_copy_waits_for_the_room_that_another_frees() {
    let snapshot = fixture(3)
        .dir(1, "/d", 100, LogDirState::Online, 0)
        .dir(2, "/d", 100, LogDirState::Online, 0)
        .dir(3, "/d", 100, LogDirState::Online, 30)
        .partition(("a", 0), 1, (0.0, 0.0), &[(1, "/d", 60, true)])
        .partition(("b", 0), 2, (0.0, 0.0), &[(2, "/d", 60, true)])
        .build();
    let plan = build_plan(&snapshot, &[(0, &[(2, "/d")], true), (1, &[(3, "/d")], true)]);
    assert_eq!(rows(&plan), [[1], [0]], "b makes room for a; other use counts on broker 3");
}

#[test]
fn two_full_dirs_exchange_through_a_spare_dir_of_one_broker() {
    let snapshot = pair(100, Some(60));
    let plan = build_plan(&snapshot, &SWAP);
    assert_eq!(plan.excuses, []);
    assert_eq!(rows(&plan), [vec![0], vec![1], vec![0]]);
    assert_eq!(plan.batches[0].intra_broker_bytes, 60);
    assert_eq!(seats_at_end(&snapshot, &plan, 0), [seat(&snapshot, (2, "/d"))]);
    let parked: Vec<&Move> = plan.moves.iter().filter(|m| m.reason.contains("parked")).collect();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].to, Some(seat(&snapshot, (1, "/spare"))));
    assert_eq!(plan.moves.iter().filter(|m| m.kind == MoveKind::Leader).count(), 2);
}

/// What `verify` finds in the plan's files, by code.
fn faults(snapshot: &Snapshot, plan: &Plan) -> Vec<&'static str> {
    let files = crate::report::plan_files(snapshot, &Policy::default(), plan);
    let file = |path: &str| {
        let found = files.iter().find(|f| f.path.to_str() == Some(path)).unwrap();
        TextFile { path: found.path.clone(), bytes: found.bytes.clone() }
    };
    let batch = |number: usize| BatchFiles {
        reassignment: file(&format!("batches/{number:03}/reassignment.json")),
        elections: file(&format!("batches/{number:03}/leader-election.json")),
        rollback: file(&format!("batches/{number:03}/rollback.json")),
    };
    let dir = PlanDir {
        plan: file("plan.json"),
        reassignment: file("reassignment.json"),
        elections: file("leader-election.json"),
        rollback: file("rollback.json"),
        batches: (1..=plan.batches.len()).map(batch).collect(),
    };
    judge_dir(snapshot, &Policy::default(), &dir).unwrap().deviations.iter().map(|deviation| deviation.code).collect()
}

#[test]
fn a_detour_through_a_spare_dir_stands_up_to_verify_and_an_overflow_does_not() {
    let snapshot = pair(100, Some(60));
    assert_eq!(faults(&snapshot, &build_plan(&snapshot, &SWAP)), Vec::<&str>::new());
    let full = pair(100, None);
    assert!(faults(&full, &build_plan(&full, &SWAP)).contains(&"log_dir_overflow"));
    // The same in one batch has no room: `verify` does not take the scheduler's word for it.
    let mut at_once = build_plan(&snapshot, &SWAP);
    let entries = crate::plan::kafka_json::entries(&snapshot, &at_once.placement);
    let partitions = entries.iter().map(|entry| entry.partition).collect();
    at_once.batches = vec![Batch { entries, elections: partitions, ..Batch::default() }];
    at_once.timetable.batches.truncate(1);
    assert!(faults(&snapshot, &at_once).contains(&"log_dir_overflow"));
}

#[test]
fn the_runbook_has_the_commands_of_the_clusters_version() {
    let of = |version: &str| {
        let mut snapshot = pair(120, None);
        snapshot.cluster.kafka_version = Some(version.to_owned());
        runbook::render(&snapshot, &build_plan(&snapshot, &SWAP))
    };
    let old = of("2.3.1");
    for part in [
        "export ZOOKEEPER=localhost:2181",
        "kafka-reassign-partitions.sh --zookeeper \"$ZOOKEEPER\" --bootstrap-server \"$BOOTSTRAP\"",
        "--throttle \"$THROTTLE\" --replica-alter-log-dirs-throttle \"$THROTTLE\" --execute",
        "kafka-preferred-replica-election.sh --zookeeper",
        "It cannot be stopped while it runs",
        "batches/001/rollback.json",
    ] {
        assert!(old.contains(part), "{part}\n{old}");
    }
    for part in ["--cancel\n", "--list", "--additional", "kafka-leader-election.sh"] {
        assert!(!old.contains(part), "{part}\n{old}");
    }
    assert!(of("2.5.0").contains("kafka-leader-election.sh") && of("2.5.0").contains("--zookeeper"));
    let new = of("3.9.1");
    for part in ["--cancel\n", "--list", "--additional", "kafka-leader-election.sh", "--verify"] {
        assert!(new.contains(part), "{part}\n{new}");
    }
    assert!(!new.contains("$ZOOKEEPER"), "{new}");
}

#[test]
fn without_any_spare_room_the_least_overflow_is_taken_and_excused() {
    let plan = build_plan(&pair(100, None), &SWAP);
    assert_eq!(rows(&plan), [[0], [1]]);
    let [excuse] = &plan.excuses[..] else { panic!("{:?}", plan.excuses) };
    assert_eq!(excuse.subject, "a-0");
    assert_eq!(excuse.criterion, Some(Criterion::Rule(Rule::LogDirCapacity)));
    assert_eq!((excuse.value, excuse.limit), (Some(1.2), Some(1.0)));
    assert!(excuse.why.contains("20 bytes more than fit"), "{}", excuse.why);
    let runbook = runbook::render(&pair(100, None), &plan);
    assert!(runbook.contains("- **a-0** (log_dir_capacity): batch 1 copies 60 bytes"), "{runbook}");
    assert!(runbook.contains("Remedy: free 20 bytes on"), "{runbook}");
}

#[test]
fn a_broker_of_the_same_rack_and_no_other_parks_a_replica() {
    let make = |spare_rack: &str| {
        let f = Fixture::default()
            .broker(1, "r", "", BrokerState::Alive)
            .broker(2, "r", "", BrokerState::Alive)
            .broker(3, spare_rack, "", BrokerState::Alive);
        (1..=3)
            .fold(f, |f, id| f.dir(id, "/d", 100, LogDirState::Online, 0))
            .partition(("a", 0), 1, (0.0, 0.0), &[(1, "/d", 60, true)])
            .partition(("b", 0), 2, (0.0, 0.0), &[(2, "/d", 60, true)])
            .build()
    };
    let same_rack = build_plan(&make("r"), &SWAP);
    assert_eq!((same_rack.batches.len(), same_rack.excuses.len()), (3, 0));
    assert_eq!(build_plan(&make("s"), &SWAP).excuses.len(), 1);
}

#[test]
fn a_part_that_fits_goes_ahead_when_it_frees_a_crowded_dir() {
    // p's copy to broker 4 waits for q to leave it, q's copy to broker 2 for p to leave that. Broker 3 has room, and
    // brokers 1 and 4 share a rack, so that p's copy to broker 3 replaces the replica on broker 2.
    let snapshot = fixture(4)
        .dir(1, "/d", 100, LogDirState::Online, 0)
        .dir(2, "/d", 100, LogDirState::Online, 0)
        .dir(3, "/d", 100, LogDirState::Online, 0)
        .dir(4, "/d", 100, LogDirState::Online, 0)
        .partition(("p", 0), 2, (0.0, 0.0), &[(1, "/d", 60, true), (2, "/d", 60, true)])
        .partition(("q", 0), 4, (0.0, 0.0), &[(4, "/d", 60, true)])
        .build();
    let plan = build_plan(&snapshot, &[(0, &[(3, "/d"), (4, "/d")], true), (1, &[(2, "/d")], true)]);
    assert_eq!(plan.excuses, []);
    assert_eq!(rows(&plan), [vec![0], vec![1], vec![0]]);
    assert_eq!(plan.moves.iter().map(|m| m.bytes).sum::<u64>(), plan.movement.inter_broker_bytes, "no copy in vain");
    assert_eq!(plan.batches.iter().map(|b| b.elections.len()).collect::<Vec<_>>(), [0, 1, 1]);
}

#[test]
fn repairs_go_before_what_only_balances() {
    let snapshot = fixture(2)
        .dir(1, "/d", 1000, LogDirState::Online, 0)
        .dir(2, "/d", 100, LogDirState::Online, 0)
        .partition(("a", 0), 1, (0.0, 0.0), &[(1, "/d", 60, true)])
        .partition(("b", 0), 1, (0.0, 0.0), &[(1, "/d", 60, true)])
        .partition(("c", 0), 2, (0.0, 0.0), &[(2, "/d", 30, true)])
        .build();
    let mut solution =
        solution(&snapshot, &[(0, &[(2, "/d")], true), (1, &[(2, "/d")], true), (2, &[(1, "/d")], true)]);
    let reason = |row, criterion| Reason { partition: PartitionIdx::new(row), criterion, detail: "why".to_owned() };
    solution.reasons = vec![
        reason(0, Criterion::Goal(Goal::Disk)),
        reason(1, Criterion::Rule(Rule::Rack)),
        reason(2, Criterion::Goal(Goal::Disk)),
    ];
    let plan = build(&snapshot, &Policy::default(), solution, &Pacing::default());
    assert_eq!(rows(&plan)[0], [1, 2]);
    assert_eq!(plan.moves[0].reason, "rack: why");
}

#[test]
fn an_election_alone_makes_a_plan_of_one_batch() {
    let snapshot = fixture(2)
        .dir(1, "/d", 100, LogDirState::Online, 0)
        .dir(2, "/d", 100, LogDirState::Online, 0)
        .partition(("a", 0), 2, (0.0, 0.0), &[(1, "/d", 60, true), (2, "/d", 60, true)])
        .build();
    let plan = build_plan(&snapshot, &[(0, &[(1, "/d"), (2, "/d")], true)]);
    assert_eq!(rows(&plan), [[0_usize; 0]]);
    assert_eq!(plan.batches[0].elections, [PartitionIdx::new(0)]);
    assert_eq!((plan.movement.partitions_changed, plan.movement.leader_changes), (0, 1));
    assert_eq!(plan.moves.len(), 1);
    let rollback = rollback::rollback(&snapshot, &plan);
    assert_eq!((rollback.entries.len(), rollback.elections.len()), (0, 0));
    assert!(rollback.left_out[0].why.contains("broker 2 led without being the preferred leader"));
}

#[test]
fn an_unchanged_placement_makes_an_empty_plan() {
    let plan = build_plan(&pair(200, None), &[]);
    assert_eq!((plan.outcome, plan.gap, plan.batches.len()), (Outcome::Unchanged, Some(0.0), 0));
}

#[test]
fn leaders_follow_what_kafka_does_not_what_was_wished() {
    let snapshot = fixture(3)
        .dir(1, "/d", 100, LogDirState::Online, 0)
        .dir(2, "/d", 100, LogDirState::Online, 0)
        .dir(3, "/d", 100, LogDirState::Online, 0)
        .partition(("a", 0), 2, (0.0, 0.0), &[(1, "/d", 60, true), (2, "/d", 60, true)])
        .build();
    // The wish keeps a leader that leaves: no election, so that the first active replica takes over.
    let plan = build_plan(&snapshot, &[(0, &[(3, "/d"), (1, "/d")], false)]);
    assert_eq!(plan.placement.leader(PartitionIdx::new(0)), snapshot.broker_by_id(3));
    assert!(plan.batches[0].elections.is_empty());
}

#[test]
fn a_rollback_leaves_out_what_kafka_would_refuse_and_says_why() {
    let snapshot = Fixture::default()
        .broker(1, "r", "", BrokerState::Alive)
        .broker(2, "r", "", BrokerState::Dead)
        .broker(3, "r", "", BrokerState::Alive)
        .dir(1, "/bad", 100, LogDirState::Offline, 0)
        .dir(2, "/d", 100, LogDirState::Online, 0)
        .dir(3, "/d", 100, LogDirState::Online, 0)
        .dir(3, "/e", 100, LogDirState::Online, 0)
        .partition(("dead", 0), 3, (0.0, 0.0), &[(3, "/d", 5, true), (2, "/d", 5, false)])
        .partition(("fine", 0), 3, (0.0, 0.0), &[(3, "/d", 5, true)])
        .partition(("offline", 0), 3, (0.0, 0.0), &[(3, "/d", 5, true), (1, "/bad", 5, false)])
        .build();
    let plan = build_plan(&snapshot, &[(0, &[(3, "/d")], false), (1, &[(3, "/e")], false), (2, &[(3, "/d")], false)]);
    let rollback = rollback::rollback(&snapshot, &plan);
    assert_eq!(rollback.entries.iter().map(|e| e.partition.row()).collect::<Vec<_>>(), [1]);
    let whys: Vec<&str> = rollback.left_out.iter().map(|l| l.why.as_str()).collect();
    assert_eq!(
        whys,
        ["had a replica on broker 2, which is dead", "had a replica on /bad of broker 1, which is offline"]
    );
    let runbook = runbook::render(&snapshot, &plan);
    assert!(runbook.contains("- `dead-0` had a replica on broker 2, which is dead"), "{runbook}");
}

#[test]
fn paths_are_written_only_where_kafka_takes_them() {
    let snapshot = fixture(2)
        .dir(1, "/closed", 100, LogDirState::Cordoned, 0)
        .dir(2, "/d", 100, LogDirState::Online, 0)
        .partition(("a", 0), 1, (0.0, 0.0), &[(1, "/closed", 60, true)])
        .build();
    let plan = build_plan(&snapshot, &[(0, &[(1, "/closed"), (2, "/d")], false)]);
    let file = kafka_json::reassignment(&snapshot, &plan.batches[0].entries);
    assert_eq!(file.partitions[0].log_dirs.as_deref().unwrap(), ["any", "/d"]);
}

#[test]
fn many_batches_become_a_loop_in_the_runbook() {
    // A chain: each partition waits for the next one to leave its broker.
    let count = 25;
    let mut f = Fixture::default();
    for id in 1..=count + 1 {
        f = f.broker(id, "", "", BrokerState::Alive).dir(id, "/d", 100, LogDirState::Online, 0);
    }
    for id in 1..=count {
        f = f.partition(("chain", id as u32), id, (0.0, 0.0), &[(id, "/d", 60, true)]);
    }
    let snapshot = f.build();
    let targets: Vec<[(i32, &str); 1]> = (1..=count).map(|id| [(id + 1, "/d")]).collect();
    let wanted: Vec<Wish<'_>> = targets.iter().enumerate().map(|(row, seats)| (row, &seats[..], true)).collect();
    let plan = build_plan(&snapshot, &wanted);
    assert_eq!(plan.batches.len(), 25);
    let runbook = runbook::render(&snapshot, &plan);
    assert!(runbook.contains("for dir in batches/*/; do") && !runbook.contains("batches/002"), "{runbook}");
}

#[test]
fn excuses_are_told_in_the_runbook_even_when_nothing_moves() {
    let snapshot = pair(200, None);
    let mut solution = solution(&snapshot, &[]);
    solution.excuses.push(Excuse {
        subject: "a-0".to_owned(),
        criterion: Some(Criterion::Rule(Rule::Rack)),
        value: Some(2.0),
        limit: Some(1.0),
        why: "no broker in another rack".to_owned(),
        remedy: "add one".to_owned(),
    });
    let plan = build(&snapshot, &Policy::default(), solution, &Pacing::default());
    let runbook = runbook::render(&snapshot, &plan);
    assert!(runbook.contains("- **a-0** (rack): no broker in another rack. Remedy: add one."), "{runbook}");
}
