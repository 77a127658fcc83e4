//! Other tools' files against small clusters: what Kafka or the policy refuses, and how the rest is judged.

use std::path::PathBuf;

use super::plan_dir::{Judgement, TextFile, judge_files};
use super::{Usage, assess, write_utilizations};
use crate::model::fixture::Fixture;
use crate::model::{
    BrokerIdx, BrokerState, Goal, LogDirState, Placement, Policy, Rule, Snapshot, TopicPartition, TopicPattern,
};

/// Two partitions of `t` on brokers 1 and 2 of six: 3 has an offline and a cordoned dir, 5 is down, 6 dead.
fn cluster() -> Snapshot {
    let f = (1..=4).fold(Fixture::default(), |f, id| f.broker(id, &format!("r{id}"), "", BrokerState::Alive));
    let f = f.broker(5, "r1", "", BrokerState::Down).broker(6, "r2", "", BrokerState::Dead);
    (1..=6)
        .fold(f, |f, id| f.dir(id, "/d", 1000, LogDirState::Online, 0))
        .dir(3, "/off", 1000, LogDirState::Offline, 0)
        .dir(3, "/shut", 1000, LogDirState::Cordoned, 0)
        .partition(("down", 0), 1, (0.0, 0.0), &[(1, "/d", 10, true), (5, "/d", 10, false)])
        .partition(("lost", 0), -1, (0.0, 0.0), &[(6, "/d", 10, false)])
        .partition(("t", 0), 1, (0.0, 0.0), &[(1, "/d", 10, true), (2, "/d", 12, true)])
        .partition(("t", 1), 2, (0.0, 0.0), &[(3, "/d", 10, false), (2, "/d", 10, true)])
        .build()
}

fn text(bytes: &str) -> TextFile {
    TextFile { path: PathBuf::from("theirs.json"), bytes: bytes.as_bytes().to_vec() }
}

fn judge(policy: &Policy, entries: &str, elections: Option<&str>) -> Judgement {
    let file = text(&format!(r#"{{"version":1,"partitions":[{entries}]}}"#));
    let elections = elections.map(|list| text(&format!(r#"{{"partitions":[{list}]}}"#)));
    judge_files(&cluster(), policy, &file, elections.as_ref()).unwrap()
}

fn check(entries: &str, codes: &[&str]) {
    let judgement = judge(&Policy::default(), entries, None);
    let found: Vec<&str> = judgement.deviations.iter().map(|d| d.code).collect();
    assert_eq!(found, codes, "{:?}", judgement.deviations);
}

#[test]
fn names_that_do_not_exist_are_found() {
    check(r#"{"topic":"x","partition":0,"replicas":[1]}"#, &["unknown_topic"]);
    check(r#"{"topic":"t","partition":7,"replicas":[1]}"#, &["unknown_partition"]);
    check(r#"{"topic":"t","partition":-1,"replicas":[1]}"#, &["unknown_partition"]);
    check(r#"{"topic":"t","partition":0,"replicas":[1,99]}"#, &["unknown_broker"]);
    check(r#"{"topic":"t","partition":0,"replicas":[1,4],"log_dirs":["any","/x"]}"#, &["unknown_log_dir"]);
}

#[test]
fn what_kafka_refuses_is_found() {
    check(r#"{"topic":"t","partition":0,"replicas":[]}"#, &["no_replicas"]);
    check(r#"{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any"]}"#, &["log_dirs_mismatch"]);
    check(r#"{"topic":"t","partition":0,"replicas":[1,6]}"#, &["inactive_broker"]);
    let twice = r#"{"topic":"t","partition":0,"replicas":[1,4]}"#;
    check(&format!("{twice},{twice}"), &["duplicate_partition"]);
    check(r#"{"topic":"t","partition":0,"replicas":[1,3],"log_dirs":["any","/off"]}"#, &["offline_log_dir"]);
    check(r#"{"topic":"t","partition":0,"replicas":[1,3],"log_dirs":["any","/shut"]}"#, &["cordoned_log_dir"]);
    let between_dirs = r#"{"topic":"t","partition":1,"replicas":[3,2],"log_dirs":["/shut","any"]}"#;
    check(between_dirs, &["cordoned_log_dir"]);
}

#[test]
fn a_broker_with_an_offline_dir_has_no_moves_between_its_dirs() {
    let snapshot = Fixture::default()
        .broker(1, "", "", BrokerState::Alive)
        .dir(1, "/a", 100, LogDirState::Online, 0)
        .dir(1, "/b", 100, LogDirState::Online, 0)
        .dir(1, "/off", 100, LogDirState::Offline, 0)
        .partition(("t", 0), 1, (0.0, 0.0), &[(1, "/a", 10, true)])
        .build();
    let file = text(r#"{"partitions":[{"topic":"t","partition":0,"replicas":[1],"log_dirs":["/b"]}]}"#);
    let judgement = judge_files(&snapshot, &Policy::default(), &file, None).unwrap();
    assert_eq!(judgement.deviations[0].code, "log_dir_move_refused");
}

#[test]
fn partitions_that_must_wait_get_no_entry() {
    check(r#"{"topic":"lost","partition":0,"replicas":[1]}"#, &["no_entry_allowed"]);
    check(r#"{"topic":"down","partition":0,"replicas":[1,2]}"#, &["no_entry_allowed"]);
}

#[test]
fn duplicate_replicas_are_found_and_counted() {
    let judgement = judge(&Policy::default(), r#"{"topic":"t","partition":0,"replicas":[1,1]}"#, None);
    assert_eq!(judgement.deviations[0].code, "duplicate_replica");
    assert_eq!(judgement.after.hard_count(Rule::DuplicateReplica), 1);
}

#[test]
fn a_replica_that_stays_keeps_its_dir_and_a_new_one_brings_the_largest_size() {
    let judgement = judge(&Policy::default(), r#"{"topic":"t","partition":0,"replicas":[4,1]}"#, None);
    assert_eq!(judgement.deviations, []);
    let moved = judgement.movement;
    assert_eq!((moved.inter_broker_bytes, moved.intra_broker_bytes, moved.replica_moves), (12, 0, 1));
    assert_eq!((moved.leader_changes, moved.partitions_changed), (0, 1), "broker 1 still is a replica, and leads");
}

#[test]
fn elections_move_leadership_to_the_first_replica() {
    let entry = r#"{"topic":"t","partition":0,"replicas":[4,1]}"#;
    let judgement = judge(&Policy::default(), entry, Some(r#"{"topic":"t","partition":0}"#));
    assert_eq!((judgement.movement.leader_changes, judgement.deviations), (1, vec![]));
}

#[test]
fn a_replica_that_is_not_in_sync_cannot_be_elected() {
    let judgement = judge(&Policy::default(), "", Some(r#"{"topic":"t","partition":1}"#));
    assert_eq!(judgement.deviations[0].code, "not_in_sync");
    let judgement = judge(&Policy::default(), "", Some(r#"{"topic":"lost","partition":0}"#));
    assert_eq!(judgement.deviations[0].code, "no_leader");
}

#[test]
fn the_policy_is_kept_or_the_judge_says_where_not() {
    let entry = r#"{"topic":"t","partition":0,"replicas":[4,1]}"#;
    let codes =
        |policy: &Policy| -> Vec<&str> { judge(policy, entry, None).deviations.iter().map(|d| d.code).collect() };
    let exclude = Policy { exclude: vec![TopicPattern::literal("t")], ..Policy::default() };
    assert_eq!(codes(&exclude), ["excluded_topic"]);
    let no_receive = Policy { no_receive: [4].into(), ..Policy::default() };
    assert_eq!(codes(&no_receive), ["no_receive"]);
    let mut pinned = Policy::default();
    pinned.pin.insert(TopicPartition { topic: "t".to_owned(), partition: 0 }, vec![2]);
    assert_eq!(codes(&pinned), ["pin_broken"]);
    let mut poor = Policy::default();
    (poor.budget.max_moved_bytes, poor.budget.max_moves) = (Some(11), Some(0));
    assert_eq!(codes(&poor), ["budget_exceeded", "budget_exceeded"]);
    (poor.budget.max_moved_bytes, poor.budget.max_moves) = (Some(12), Some(1));
    assert_eq!(codes(&poor), [""; 0]);
}

#[test]
fn frozen_topics_move_only_while_a_rule_is_broken() {
    let snapshot = Fixture::default()
        .broker(1, "", "", BrokerState::Alive)
        .broker(2, "", "", BrokerState::Alive)
        .dir(1, "/d", 100, LogDirState::Online, 0)
        .dir(2, "/d", 100, LogDirState::Online, 0)
        .partition(("__consumer_offsets", 0), 1, (0.0, 0.0), &[(1, "/d", 10, true)])
        .build();
    let file = text(r#"{"partitions":[{"topic":"__consumer_offsets","partition":0,"replicas":[2]}]}"#);
    let judgement = judge_files(&snapshot, &Policy::default(), &file, None).unwrap();
    assert_eq!(judgement.deviations[0].code, "frozen_topic");
}

#[test]
fn a_file_of_another_shape_is_a_fault_of_the_input() {
    let faults = judge_files(&cluster(), &Policy::default(), &text("{\n  \"partitions\": 3\n}"), None).unwrap_err();
    assert_eq!(
        faults.list[0].to_string().lines().next(),
        Some("theirs.json:2:17: error[E701]: invalid type: integer `3`, expected a sequence")
    );
}

#[test]
fn what_dirs_write_is_judged_against_what_their_disks_can() {
    // 60 of 100 and 20 of 100: mean 0.4, a quarter more is 0.5; 0.1 beyond it is a quarter of the mean.
    let replicas = |number: u32| [(1, if number == 0 { "/a" } else { "/b" }, 10_u64, true)];
    let mut snapshot = Fixture::default()
        .broker(1, "", "", BrokerState::Alive)
        .dir(1, "/a", 1_000, LogDirState::Online, 0)
        .dir(1, "/b", 1_000, LogDirState::Online, 0)
        .partition(("t", 0), 1, (60.0, 0.0), &replicas(0))
        .partition(("t", 1), 1, (20.0, 0.0), &replicas(1))
        .build();
    let mut policy = Policy::default();
    policy.bands.log_dir_writes = 0.25;
    let standing = |snapshot: &Snapshot, policy: &Policy| {
        let judged = assess(snapshot, policy, &Placement::of(snapshot));
        judged.balance["default"].get(&Goal::LogDirWrites).map(|balance| (balance.outside, balance.excess))
    };
    assert_eq!(standing(&snapshot, &policy), Some((0, 0.0)), "what the disks can is not known");
    snapshot.log_dirs.iter_mut().for_each(|dir| dir.write_capacity_bytes_per_sec = Some(100.0));
    let (outside, excess) = standing(&snapshot, &policy).unwrap();
    assert!(outside == 1 && (excess - 0.25).abs() < 1e-12, "{excess}");
    assert_eq!(standing(&snapshot, &Policy::default()), None, "off, it is named nowhere");
    let usage = Usage::of(&snapshot, &Placement::of(&snapshot));
    let (mean, shares) = write_utilizations(&snapshot, &usage, BrokerIdx::new(0)).unwrap();
    assert!((mean - 0.4).abs() < 1e-12 && shares == [(0, 0.6), (1, 0.2)], "{mean} {shares:?}");
}
