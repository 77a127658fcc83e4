//! Plan files against the judge: golden bytes for one small plan, and random ones that the judge must find sound.

use proptest::prelude::*;

use super::{plan_files, verdict};
use crate::model::fixture::Fixture;
use crate::model::{
    BrokerIdx, BrokerState, Criterion, Excuse, Goal, LogDirIdx, LogDirState, PartitionIdx, Placement, Policy, Rule,
    Seat, Snapshot,
};
use crate::optimize::{BoundKind, LowerBound, Reason, Solution, StopReason};
use crate::plan::{self, Plan};
use crate::verify::Judgement;
use crate::verify::plan_dir::{BatchFiles, PlanDir, TextFile, judge_dir};
use crate::writer::OutputFile;

/// The contract's example without its cpu and network capacities.
fn example() -> Snapshot {
    const G: u64 = 1_000_000_000;
    let (alive, online) = (BrokerState::Alive, LogDirState::Online);
    let f = Fixture::default()
        .broker(1, "a", "core", alive)
        .broker(2, "a", "core", alive)
        .broker(3, "b", "core", alive)
        .broker(4, "b", "core", BrokerState::New)
        .broker(5, "b", "core", BrokerState::Dead)
        .broker(6, "c", "online", alive)
        .broker(7, "c", "", alive);
    let f = [1, 2, 3, 4].into_iter().fold(f, |f, id| {
        let other = if id == 3 { 50 * G } else { 0 };
        let second = if id == 2 { LogDirState::Offline } else { online };
        f.dir(id, "/data1", 1000 * G, online, other).dir(id, "/data2", 1000 * G, second, 0)
    });
    let f = [5, 6, 7].into_iter().fold(f, |f, id| f.dir(id, "/data1", 1000 * G, online, 0));
    f.topic("orders", "core")
        .topic("clicks", "core")
        .topic("pay", "online")
        .topic("lost", "core")
        .partition(("orders", 0), 1, (20e6, 40e6), &[(1, "/data1", 500 * G, true), (2, "/data1", 490 * G, true)])
        .partition(("orders", 1), 1, (10e6, 10e6), &[(1, "/data1", 350 * G, true), (3, "/data1", 350 * G, true)])
        .partition(("orders", 2), 3, (5e6, 0.0), &[(3, "/data2", 100 * G, true), (5, "/data1", 100 * G, false)])
        .partition(("clicks", 0), 3, (8e6, 8e6), &[(2, "/data2", 80 * G, false), (3, "/data2", 80 * G, true)])
        .partition(("clicks", 1), 1, (12e6, 30e6), &[(3, "/data1", 120 * G, true), (1, "/data2", 120 * G, true)])
        .partition(("pay", 0), 6, (1e6, 2e6), &[(6, "/data1", 10 * G, true), (4, "/data1", 10 * G, true)])
        .partition(("lost", 0), -1, (0.0, 0.0), &[(5, "/data1", 7 * G, false)])
        .build()
}

fn row(snapshot: &Snapshot, topic: &str, number: u32) -> PartitionIdx {
    snapshot.partition_by_number(snapshot.topic_by_name(topic).unwrap(), number).unwrap()
}

/// A plan for the example, by hand: heals it, moves one replica between dirs, shifts one leader.
fn example_solution(snapshot: &Snapshot) -> Solution {
    type Change = (&'static str, u32, [(i32, &'static str); 2], Option<i32>, Criterion, &'static str);
    let changes: [Change; 5] = [
        (
            "clicks",
            0,
            [(3, "/data2"), (1, "/data2")],
            None,
            Criterion::Rule(Rule::OfflineLogDir),
            "broker 2 /data2 1 → 0",
        ),
        (
            "clicks",
            1,
            [(3, "/data2"), (1, "/data2")],
            None,
            Criterion::Goal(Goal::LogDir),
            "broker 3 /data1 0.52 → 0.40",
        ),
        ("orders", 0, [(1, "/data1"), (4, "/data1")], None, Criterion::Rule(Rule::Rack), "racks 1 → 2"),
        ("orders", 1, [(3, "/data1"), (1, "/data1")], Some(3), Criterion::Goal(Goal::Leaders), "broker 1 3 → 2"),
        ("orders", 2, [(3, "/data2"), (2, "/data1")], None, Criterion::Rule(Rule::InactiveBroker), "broker 5 1 → 0"),
    ];
    let mut placement = Placement::of(snapshot);
    let mut reasons = Vec::new();
    for (topic, number, seats, leader, criterion, detail) in changes {
        let partition = row(snapshot, topic, number);
        for (seat, (id, path)) in placement.seats_mut(partition).iter_mut().zip(seats) {
            let broker = snapshot.broker_by_id(id).unwrap();
            *seat = Seat { broker, log_dir: snapshot.log_dir_by_path(broker, path) };
        }
        if let Some(id) = leader {
            placement.set_leader(partition, snapshot.broker_by_id(id));
        }
        reasons.push(Reason { partition, criterion, detail: detail.to_owned() });
    }
    Solution {
        placement,
        stop_reason: StopReason::Done,
        lower_bound: LowerBound { bytes: 600_000_000_000, kind: BoundKind::Shedding },
        reasons,
        excuses: vec![Excuse {
            subject: "pay-0".to_owned(),
            criterion: Some(Criterion::Rule(Rule::ResourceGroup)),
            value: Some(1.0),
            limit: Some(2.0),
            why: "group online has 1 active broker for 2 replicas".to_owned(),
            remedy: "add a broker to group online".to_owned(),
        }],
    }
}

fn example_plan() -> (Snapshot, Plan) {
    let snapshot = example();
    let plan = plan::build(&snapshot, &Policy::default(), example_solution(&snapshot), &plan::Pacing::default());
    (snapshot, plan)
}

fn plan_dir(files: &[OutputFile]) -> PlanDir {
    let file = |path: &str| {
        let found = files.iter().find(|f| f.path.to_str() == Some(path));
        found.map(|f| TextFile { path: f.path.clone(), bytes: f.bytes.clone() })
    };
    let mut dir = PlanDir {
        plan: file("plan.json").unwrap(),
        reassignment: file("reassignment.json").unwrap(),
        elections: file("leader-election.json").unwrap(),
        rollback: file("rollback.json").unwrap(),
        batches: Vec::new(),
    };
    let batches = files.iter().filter(|f| f.path.starts_with("batches") && f.path.ends_with("rollback.json"));
    for folder in batches.map(|f| f.path.parent().unwrap().to_str().unwrap()) {
        dir.batches.push(BatchFiles {
            reassignment: file(&format!("{folder}/reassignment.json")).unwrap(),
            elections: file(&format!("{folder}/leader-election.json")).unwrap(),
            rollback: file(&format!("{folder}/rollback.json")).unwrap(),
        });
    }
    dir
}

fn judge(snapshot: &Snapshot, plan: &Plan) -> Judgement {
    let files = plan_files(snapshot, &Policy::default(), plan);
    judge_dir(snapshot, &Policy::default(), &plan_dir(&files)).unwrap()
}

#[test]
fn every_file_of_a_small_plan_is_as_reviewed() {
    let (snapshot, plan) = example_plan();
    let files = plan_files(&snapshot, &Policy::default(), &plan);
    let mut all = String::new();
    // The page is pinned as structure by its own tests.
    for file in files.iter().filter(|file| file.path.as_os_str() != "report.html") {
        all.push_str(&format!("==== {}\n{}", file.path.display(), String::from_utf8_lossy(&file.bytes)));
    }
    insta::assert_snapshot!("plan_files", all.replace(env!("CARGO_PKG_VERSION"), "[version]"));
}

#[test]
fn the_judge_finds_nothing_wrong_with_a_plan_of_ours() {
    let (snapshot, plan) = example_plan();
    let judgement = judge(&snapshot, &plan);
    assert_eq!(judgement.deviations, []);
    assert_eq!(judgement.after, plan.after);
    assert_eq!(judgement.movement, plan.movement);
    insta::assert_snapshot!("verdict_text", verdict::to_text(&judgement));
    insta::assert_snapshot!("verdict_json", String::from_utf8(verdict::to_json(&judgement)).unwrap());
}

/// Spoils the directory of the example's plan in one way and returns the codes that the judge finds.
fn codes_after(spoil: impl FnOnce(&mut PlanDir)) -> Vec<&'static str> {
    let (snapshot, plan) = example_plan();
    let mut dir = plan_dir(&plan_files(&snapshot, &Policy::default(), &plan));
    spoil(&mut dir);
    let judgement = judge_dir(&snapshot, &Policy::default(), &dir).unwrap();
    judgement.deviations.iter().map(|d| d.code).collect()
}

fn replace(file: &mut TextFile, from: &str, to: &str) {
    let text = String::from_utf8(file.bytes.clone()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    file.bytes = text.replacen(from, to, 1).into_bytes();
}

#[test]
fn the_judge_sees_a_plan_for_another_snapshot() {
    assert_eq!(codes_after(|d| replace(&mut d.plan, "0123456789abcdef", "other")), ["other_snapshot"]);
}

#[test]
fn the_judge_sees_figures_that_the_files_do_not_come_to() {
    assert_eq!(
        codes_after(|d| replace(&mut d.plan, "\"replica_moves\": 3", "\"replica_moves\": 2")),
        ["movement_differs"]
    );
}

#[test]
fn the_judge_sees_batches_that_end_elsewhere() {
    let codes = codes_after(|d| replace(&mut d.batches[0].reassignment, "[3, 2]", "[3, 4]"));
    assert_eq!(codes, ["batches_differ"]);
    let codes = codes_after(|d| d.batches[0].elections.bytes = br#"{"partitions":[]}"#.to_vec());
    assert_eq!(codes, ["batches_differ"]);
}

#[test]
fn the_judge_sees_rollbacks_that_do_not_restore() {
    let codes = codes_after(|d| replace(&mut d.rollback, "[1, 2]", "[1, 3]"));
    assert_eq!(codes, ["rollback_differs"]);
    let codes = codes_after(|d| d.rollback.bytes = br#"{"partitions":[]}"#.to_vec());
    assert_eq!(codes, ["rollback_incomplete"; 3]);
    let codes = codes_after(|d| replace(&mut d.batches[0].rollback, "[1, 2]", "[1, 3]"));
    assert_eq!(codes, ["rollback_differs"]);
}

#[test]
fn the_judge_sees_a_batch_after_which_nobody_should_stop() {
    let (alive, online) = (BrokerState::Alive, LogDirState::Online);
    let f = Fixture::default().broker(1, "r", "", alive).broker(2, "r", "", alive);
    let snapshot = f
        .dir(1, "/d", 1000, online, 0)
        .dir(2, "/d", 1000, online, 0)
        .partition(("a", 0), 1, (0.0, 0.0), &[(1, "/d", 300, true)])
        .partition(("b", 0), 2, (0.0, 0.0), &[(2, "/d", 200, true)])
        .build();
    let mut placement = Placement::of(&snapshot);
    for (row, broker) in [(0, 1), (1, 0)] {
        let seat = Seat { broker: BrokerIdx::new(broker), log_dir: Some(LogDirIdx::new(broker)) };
        placement.seats_mut(PartitionIdx::new(row))[0] = seat;
        placement.set_leader(PartitionIdx::new(row), Some(seat.broker));
    }
    let (stop_reason, lower_bound) = (StopReason::Done, LowerBound { bytes: 0, kind: BoundKind::Shedding });
    let solution = Solution { placement, stop_reason, lower_bound, reasons: Vec::new(), excuses: Vec::new() };
    let plan = plan::build(&snapshot, &Policy::default(), solution, &plan::Pacing::default());
    let mut dir = plan_dir(&plan_files(&snapshot, &Policy::default(), &plan));
    let codes = |dir: &PlanDir| -> Vec<&'static str> {
        judge_dir(&snapshot, &Policy::default(), dir).unwrap().deviations.iter().map(|d| d.code).collect()
    };
    assert!(codes(&dir).is_empty());
    // The same swap, its halves in batches of their own.
    let half = |topic: &str, broker: i32, old: i32| {
        let list = |id: i32| {
            let entry = format!(r#"{{"topic":"{topic}","partition":0,"replicas":[{id}],"log_dirs":["/d"]}}"#);
            TextFile { bytes: format!(r#"{{"version":1,"partitions":[{entry}]}}"#).into_bytes(), ..TextFile::default() }
        };
        let elections = format!(r#"{{"partitions":[{{"topic":"{topic}","partition":0}}]}}"#).into_bytes();
        let elections = TextFile { bytes: elections, ..TextFile::default() };
        BatchFiles { reassignment: list(broker), elections, rollback: list(old) }
    };
    dir.batches = vec![half("a", 2, 1), half("b", 1, 2)];
    assert_eq!(codes(&dir), ["unsafe_stop"]);
}

#[derive(Clone, Debug)]
struct Case {
    snapshot: Snapshot,
    placement: Placement,
}

/// A cluster whose dirs are rather full, and somewhere else for its replicas to go that its dirs can hold as well.
fn case() -> impl Strategy<Value = Case> {
    let brokers = prop::collection::vec((0..3_u8, 1..4_usize, 60..200_u64, 0..10_u8), 3..7);
    let partitions = prop::collection::vec((1..50_u64, 1..4_usize, any::<u32>(), any::<u32>(), any::<bool>()), 1..40);
    (brokers, partitions).prop_map(|(brokers, partitions)| make(&brokers, &partitions))
}

fn make(brokers: &[(u8, usize, u64, u8)], partitions: &[(u64, usize, u32, u32, bool)]) -> Case {
    let mut f = Fixture::default();
    let mut dirs: Vec<(i32, String, u64)> = Vec::new();
    for (i, (rack, count, capacity, state)) in brokers.iter().enumerate() {
        let id = i as i32 + 1;
        let state = if *state == 0 && i > 0 { BrokerState::Dead } else { BrokerState::Alive };
        f = f.broker(id, &format!("r{rack}"), "", state);
        for dir in 0..*count {
            f = f.dir(id, &format!("/d{dir}"), *capacity, LogDirState::Online, 3);
            dirs.push((id, format!("/d{dir}"), capacity - 3));
        }
    }
    let is_dead = |id: i32| brokers[id as usize - 1].3 == 0 && id > 1;
    let (mut room, mut later_room) = (dirs.clone(), dirs);
    let mut targets = Vec::new();
    for (number, &(size, factor, from, to, elects)) in partitions.iter().enumerate() {
        let old = place(&mut room, size, factor, from, |_| false);
        let new = place(&mut later_room, size, factor, to, is_dead);
        if old.iter().all(|(id, _)| is_dead(*id)) || new.is_empty() {
            continue;
        }
        let leader = old.iter().map(|r| r.0).find(|id| !is_dead(*id)).unwrap();
        let replicas: Vec<(i32, &str, u64, bool)> = old.iter().map(|(id, d)| (*id, d.as_str(), size, true)).collect();
        f = f.partition(("t", number as u32), leader, (1.0, 1.0), &replicas);
        targets.push((new, elects));
    }
    let snapshot = f.build();
    let mut placement = Placement::with_capacity(0, 0);
    for (p, (target, elects)) in snapshot.partition_indices().zip(targets) {
        let seats = target.iter().map(|(id, path)| {
            let broker = snapshot.broker_by_id(*id).unwrap();
            Seat { broker, log_dir: snapshot.log_dir_by_path(broker, path) }
        });
        let seats: Vec<Seat> = seats.collect();
        let old = snapshot.partition(p).leader.filter(|l| !elects && seats.iter().any(|s| s.broker == *l));
        placement.push(seats.iter().copied(), old.or(Some(seats[0].broker)));
    }
    Case { snapshot, placement }
}

/// Up to `factor` dirs of distinct brokers with room for `size`, picked by `pick`; their room is taken.
fn place(
    room: &mut [(i32, String, u64)],
    size: u64,
    factor: usize,
    pick: u32,
    is_closed: impl Fn(i32) -> bool,
) -> Vec<(i32, String)> {
    let mut placed: Vec<(i32, String)> = Vec::new();
    for i in 0..room.len() {
        let (id, path, left) = &mut room[(pick as usize + i * (1 + pick as usize % 3)) % room.len()];
        let is_taken = placed.iter().any(|(other, _)| other == id);
        if placed.len() < factor && !is_taken && *left >= size && !is_closed(*id) {
            *left -= size;
            placed.push((*id, path.clone()));
        }
    }
    placed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_plan_is_sound_or_says_where_it_is_not(case in case(), scatter_width in 0_u32..4) {
        let mut policy = Policy::default();
        // 0 is off; the others are limits that most brokers pass.
        policy.bands.scatter_width = f64::from(scatter_width);
        let solution = Solution {
            placement: case.placement.clone(),
            stop_reason: StopReason::Done,
            lower_bound: LowerBound { bytes: 0, kind: BoundKind::Shedding },
            reasons: Vec::new(),
            excuses: Vec::new(),
        };
        let plan = plan::build(&case.snapshot, &policy, solution, &plan::Pacing::default());
        let dir = plan_dir(&plan_files(&case.snapshot, &policy, &plan));
        let judgement = judge_dir(&case.snapshot, &policy, &dir).unwrap();
        let (overflows, others): (Vec<_>, Vec<_>) =
            judgement.deviations.iter().partition(|d| d.code == "log_dir_overflow");
        prop_assert!(others.is_empty(), "{others:?}");
        prop_assert_eq!(overflows.is_empty(), plan.excuses.is_empty(), "{:?} {:?}", overflows, plan.excuses);
        prop_assert_eq!(&plan.placement, &case.placement);
        prop_assert_eq!(judgement.after, plan.after);
        prop_assert_eq!(judgement.movement, plan.movement);
        let led = plan.moves.iter().filter(|m| m.kind == plan::MoveKind::Leader).count() as u64;
        prop_assert_eq!(led, plan.movement.leader_changes);
    }
}
