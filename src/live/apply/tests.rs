//! The executor against a cluster in memory.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use self::fake::{Cluster, Memory};
use super::journal::{BatchState, Ending, Record, Standing};
use super::throttle::{FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS};
use super::work::{Seats, Step, Target};
use super::*;
use crate::live::admin::{Resource, TopicPartition};

mod fake;
mod guard;
mod windows;

fn tp(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

fn seats(list: &[(i32, &str)]) -> Seats {
    list.iter().map(|(id, dir)| (*id, Some((*dir).to_owned()))).collect()
}

fn target(partition: i32, before: &[(i32, &str)], after: &[(i32, &str)]) -> Target {
    Target {
        partition: tp(partition),
        before: seats(before),
        after: seats(after),
        out_of_sync: 0,
        copy_bytes: 100,
        bytes_in_per_sec: 0.0,
    }
}

fn undo(target: &Target) -> Target {
    Target { before: target.after.clone(), after: target.before.clone(), ..target.clone() }
}

/// Two batches: t-0 leaves broker 2 for 3 and is led by it; then t-1 does, and t-2 changes its dir on broker 1.
fn work() -> Work {
    let first = vec![target(0, &[(1, "/a"), (2, "/a")], &[(3, "/b"), (1, "/a")])];
    let second = vec![
        target(1, &[(2, "/a"), (1, "/b")], &[(3, "/a"), (1, "/b")]),
        target(2, &[(1, "/a"), (2, "/b")], &[(1, "/b"), (2, "/b")]),
    ];
    let step = |batch, targets: &[Target], elections: &[i32]| Step {
        batch,
        targets: targets.to_vec(),
        elections: elections.iter().map(|p| tp(*p)).collect(),
        ..Step::default()
    };
    let back = |targets: &[Target]| targets.iter().map(undo).collect::<Vec<_>>();
    Work {
        sha256: "a1b2c3d4e5f6a7".to_owned(),
        cluster_id: "lab".to_owned(),
        rollbacks: vec![step(1, &back(&first), &[]), step(2, &back(&second), &[])],
        batches: vec![step(1, &first, &[0]), step(2, &second, &[])],
        rollback_elections: vec![tp(0)],
    }
}

/// The cluster that [`work`] begins with: brokers 1–3 with dirs /a and /b.
fn cluster() -> Cluster {
    let cluster = Cluster::new(&[1, 2, 3], &["/a", "/b"]);
    for target in work().batches.iter().flat_map(|batch| &batch.targets) {
        cluster.place(&target.partition, &target.before);
    }
    cluster
}

const OPTIONS: Options = Options {
    throttle: Throttle::Fixed(1_000),
    allow_drift: false,
    resume: false,
    poll: Duration::from_secs(1),
    windows: None,
    window_end: WindowEnd::Finish,
};

fn run<T>(
    cluster: &Cluster,
    journal: &mut Memory,
    options: Options,
    how: fn(&mut Apply<'_>, &Work) -> Result<T, ApplyError>,
) -> (Result<T, ApplyError>, Vec<Event>) {
    let events = RefCell::new(Vec::new());
    let tell = |event: &Event| events.borrow_mut().push(event.clone());
    let guard = Guard::default();
    let mut run = Apply { admin: cluster, journal, surroundings: cluster, guard: &guard, tell: &tell, options };
    let result = how(&mut run, &work());
    (result, events.into_inner())
}

/// A run whose events nobody hears.
fn unheard<'a>(cluster: &'a Cluster, journal: &'a mut Memory, guard: &'a Guard) -> Apply<'a> {
    Apply { admin: cluster, journal, surroundings: cluster, guard, tell: &|_| {}, options: OPTIONS }
}

fn assert_applied(cluster: &Cluster) {
    for target in work().batches.iter().flat_map(|batch| &batch.targets) {
        assert_eq!(cluster.seats(&target.partition), target.after, "{}", target.partition);
    }
    assert_eq!(cluster.leader(&tp(0)), Some(3));
}

#[test]
fn a_plan_is_carried_out_and_what_was_set_is_as_it_was_found() {
    let cluster = cluster();
    cluster.set(Resource::Broker(1), LEADER_RATE, "77");
    cluster.set(Resource::Topic("t".to_owned()), LEADER_REPLICAS, "5:1");
    let found = cluster.settings();
    let mut journal = Memory::default();
    let (report, events) = run(&cluster, &mut journal, OPTIONS, apply);
    assert_eq!(report.unwrap().batches, [1, 2]);
    assert_applied(&cluster);
    assert_eq!(cluster.settings(), found);
    assert_eq!(journal.standing().ending, Some(Ending::Applied));
    assert!(events.iter().any(|e| matches!(e, Event::Through(measured) if measured.batch == 2)));
    // While copying, both sides were slowed down, and only the replicas that moved were listed.
    let seen = cluster.seen_settings();
    let ever =
        |resource: Resource, key: &str, value: &str| seen.contains(&(resource, key.to_owned(), value.to_owned()));
    assert!(ever(Resource::Broker(1), LEADER_RATE, "1000") && ever(Resource::Broker(3), FOLLOWER_RATE, "1000"));
    assert!(ever(Resource::Topic("t".to_owned()), LEADER_REPLICAS, "5:1,0:1,0:2"));
    assert!(ever(Resource::Topic("t".to_owned()), FOLLOWER_REPLICAS, "0:3"));
}

#[test]
fn dirs_are_asked_for_before_the_replicas_come() {
    let cluster = cluster();
    run(&cluster, &mut Memory::default(), OPTIONS, apply).0.unwrap();
    let calls = cluster.calls();
    let at = |call: &str| calls.iter().position(|c| c.starts_with(call)).unwrap();
    assert!(at("dir t-0 on 3 /b") < at("reassign t-0 [3, 1]"), "{calls:?}");
    assert!(at("reassign t-0") < at("reassign t-1"), "batches follow each other: {calls:?}");
}

#[test]
fn a_cluster_that_drifted_is_refused_and_nothing_is_asked_of_it() {
    let cluster = cluster();
    cluster.place(&tp(1), &seats(&[(2, "/a"), (3, "/b")]));
    let mut journal = Memory::default();
    let (result, _) = run(&cluster, &mut journal, OPTIONS, apply);
    let ApplyError::Drift(lines) = result.unwrap_err() else { return assert_eq!("drift", "something else") };
    assert_eq!(lines, ["t-1 has replicas [2, 3], the snapshot [2, 1]"]);
    assert!(cluster.calls().is_empty() && journal.records.is_empty());
    // With leave, it is left alone and the rest is done.
    let (result, _) = run(&cluster, &mut journal, Options { allow_drift: true, ..OPTIONS }, apply);
    assert_eq!(result.unwrap().skipped, ["t-1"]);
    assert_eq!(cluster.seats(&tp(1)), seats(&[(2, "/a"), (3, "/b")]));
    assert_eq!(cluster.seats(&tp(2)), seats(&[(1, "/b"), (2, "/b")]));
}

#[test]
fn a_dir_that_is_elsewhere_a_broker_that_is_away_and_a_dir_that_is_not_there_are_drift() {
    let lines = |cluster: &Cluster| {
        let found = drift(cluster, &work().batches, &Standing::default()).unwrap();
        found.into_iter().map(|(p, why)| format!("{p} {why}")).collect::<Vec<_>>()
    };
    let moved = cluster();
    moved.place(&tp(2), &seats(&[(1, "/b"), (2, "/a")]));
    assert_eq!(lines(&moved), ["t-2 lies in /b on broker 1, in the snapshot in /a"]);
    let away = cluster();
    away.set_alive(3, false);
    assert_eq!(lines(&away).len(), 2);
    let without = Cluster::new(&[1, 2, 3], &["/a"]);
    work().touched().iter().for_each(|(partition, seats)| without.place(partition, seats));
    assert!(lines(&without)[0].contains("has no such log dir"), "{:?}", lines(&without));
}

#[test]
fn a_run_that_was_killed_at_any_moment_is_taken_over_and_settings_end_as_they_were_found() {
    let mut killed = 0;
    for moment in 0.. {
        let cluster = cluster();
        cluster.set(Resource::Broker(2), LEADER_RATE, "77");
        let found = cluster.settings();
        let mut journal = Memory { writes_left: Cell::new(Some(moment)), ..Memory::default() };
        let (result, _) = run(&cluster, &mut journal, OPTIONS, apply);
        if result.is_ok() {
            break;
        }
        killed += 1;
        journal.writes_left.set(None);
        // What was asked for goes on while nobody looks.
        cluster.pass(Duration::from_secs(moment as u64 % 3));
        let resume = journal.standing().plan_sha256.is_some();
        let (result, _) = run(&cluster, &mut journal, Options { resume, ..OPTIONS }, apply);
        result.unwrap();
        assert_applied(&cluster);
        assert_eq!(cluster.settings(), found, "killed before write {moment}");
    }
    assert!(killed > 8, "{killed}");
}

#[test]
fn a_plan_that_was_begun_is_not_begun_again_and_another_plan_is_refused() {
    let cluster = cluster();
    let mut journal = Memory { writes_left: Cell::new(Some(3)), ..Memory::default() };
    run(&cluster, &mut journal, OPTIONS, apply).0.unwrap_err();
    journal.writes_left.set(None);
    let refusal = |journal: &mut Memory, options| match run(&cluster, journal, options, apply).0 {
        Err(ApplyError::Refused(text)) => text,
        other => format!("{other:?}"),
    };
    assert!(refusal(&mut journal, OPTIONS).contains("--resume"));
    let mut other = journal.clone();
    other.standing.plan_sha256 = Some("0".repeat(64));
    assert!(refusal(&mut other, Options { resume: true, ..OPTIONS }).contains("another plan"));
    assert!(refusal(&mut Memory::default(), Options { resume: true, ..OPTIONS }).contains("not begun"));
    run(&cluster, &mut journal, Options { resume: true, ..OPTIONS }, apply).0.unwrap();
    assert!(refusal(&mut journal, OPTIONS).contains("carried out already"));
}

#[test]
fn a_broker_that_goes_away_holds_the_plan_until_it_is_back() {
    let cluster = cluster();
    cluster.away_between(3, 1.0, 40.0);
    let (report, events) = run(&cluster, &mut Memory::default(), OPTIONS, apply);
    report.unwrap();
    assert_applied(&cluster);
    let held = events
        .iter()
        .position(|e| matches!(e, Event::Held { why, .. } if why[0].contains("broker 3 is away")))
        .unwrap();
    let goes_on = events.iter().position(|e| matches!(e, Event::GoesOn { .. })).unwrap();
    let through = events.iter().position(|e| matches!(e, Event::Through(_))).unwrap();
    assert!(held < goes_on && goes_on < through, "{events:?}");
}

/// [`work`]'s first batch alone, of a partition whose replica on broker 2 was out of sync in the snapshot.
fn work_without_broker_2() -> Work {
    let mut work = work();
    work.batches.truncate(1);
    work.batches[0].targets[0].out_of_sync = 1;
    work
}

#[test]
fn a_broker_that_is_gone_is_copied_from_by_nobody_and_asked_nothing() {
    let cluster = cluster();
    cluster.set_alive(2, false);
    let mut journal = Memory::default();
    let guard = Guard::default();
    let mut run = unheard(&cluster, &mut journal, &guard);
    apply(&mut run, &work_without_broker_2()).unwrap();
    assert_eq!(cluster.seats(&tp(0)), seats(&[(3, "/b"), (1, "/a")]));
    assert!(cluster.seen_settings().iter().all(|(resource, _, _)| *resource != Resource::Broker(2)));
    assert!(cluster.settings().is_empty());
}

#[test]
fn what_was_set_on_a_broker_that_went_away_is_put_back_once_it_is_back() {
    let cluster = cluster();
    cluster.away_between(2, 1.0, 500.0);
    let mut journal = Memory::default();
    let guard = Guard::default();
    let mut run = unheard(&cluster, &mut journal, &guard);
    let work = work_without_broker_2();
    apply(&mut run, &work).unwrap();
    assert_eq!(cluster.settings().len(), 1, "{:?}", cluster.settings());
    cluster.pass(Duration::from_secs(1_000));
    assert_eq!(cancel(&mut run, &work).unwrap().restored, 1);
    assert!(cluster.settings().is_empty());
    assert!(journal.standing().found.is_empty());
}

#[test]
fn replicas_that_fall_out_of_sync_hold_the_next_batch() {
    let cluster = cluster();
    cluster.out_of_sync_between(&tp(2), 2, 2.0, 30.0);
    let (report, events) = run(&cluster, &mut Memory::default(), OPTIONS, apply);
    report.unwrap();
    assert_applied(&cluster);
    assert!(
        events.iter().any(|e| matches!(e, Event::Held { why, .. } if why[0].contains("t-2 is out of sync on [2]")))
    );
}

#[test]
fn a_volume_without_room_holds_what_is_to_be_copied_there() {
    let cluster = cluster();
    cluster.full_until(50.0);
    let (report, events) = run(&cluster, &mut Memory::default(), OPTIONS, apply);
    report.unwrap();
    assert_applied(&cluster);
    let held = |e: &Event| matches!(e, Event::Held { why, .. } if why[0].contains("/b on broker 3 has 10 B free, 100 B are to come"));
    assert!(events.iter().any(held), "{events:?}");
    assert!(cluster.seconds_of("reassign t-0")[0] >= 50.0);
}

#[test]
fn a_rollback_in_mid_plan_undoes_what_is_through_and_what_runs() {
    let cluster = cluster();
    let before = cluster.everything();
    let mut journal = Memory::default();
    // Batch 1 is through, batch 2 under way, when the run ends.
    cluster.die_after_looks(Some(14));
    run(&cluster, &mut journal, OPTIONS, apply).0.unwrap_err();
    cluster.die_after_looks(None);
    let standing = journal.standing();
    assert_eq!((standing.done.len(), standing.started.len()), (1, 1), "{standing:?}");
    let (report, _) = run(&cluster, &mut journal, OPTIONS, rollback);
    let report = report.unwrap();
    assert_eq!(report.batches, [2, 1]);
    assert_eq!(report.measured.iter().map(|measured| measured.batch).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(cluster.everything(), before);
    assert!(cluster.settings().is_empty());
}

#[test]
fn a_cancel_takes_back_what_runs_and_leaves_replication_factors_and_settings() {
    let cluster = cluster();
    cluster.set(Resource::Topic("t".to_owned()), FOLLOWER_REPLICAS, "9:9");
    let found = cluster.settings();
    // Nothing is ever copied, so that the run is still at it when it ends.
    cluster.freeze(true);
    let mut journal = Memory::default();
    cluster.die_after_looks(Some(20));
    run(&cluster, &mut journal, OPTIONS, apply).0.unwrap_err();
    cluster.die_after_looks(None);
    assert_eq!(cluster.replicas(&tp(0)).len(), 3, "a copy is under way");
    assert_ne!(cluster.settings(), found);
    let (report, _) = run(&cluster, &mut journal, OPTIONS, cancel);
    assert_eq!(report.unwrap().cancelled, 1);
    assert_eq!(cluster.seats(&tp(0)), seats(&[(1, "/a"), (2, "/a")]));
    assert_eq!(cluster.settings(), found);
    assert_eq!(journal.standing().ending, Some(Ending::Cancelled));
    // And it can be gone on with.
    cluster.freeze(false);
    run(&cluster, &mut journal, Options { resume: true, ..OPTIONS }, apply).0.unwrap();
    assert_applied(&cluster);
}

#[test]
fn a_partition_left_with_one_replica_too_many_gets_its_old_list() {
    let cluster = cluster();
    let mut journal = Memory::default();
    journal.append(Record::Batch { batch: 1, state: BatchState::Started, at: String::new() }).unwrap();
    cluster.place(&tp(0), &seats(&[(1, "/a"), (2, "/a"), (3, "/b")]));
    run(&cluster, &mut journal, OPTIONS, cancel).0.unwrap();
    assert_eq!(cluster.replicas(&tp(0)), [1, 2]);
}

#[test]
fn a_rollback_undoes_what_was_done_last_batch_first() {
    let cluster = cluster();
    let before = cluster.everything();
    let mut journal = Memory::default();
    run(&cluster, &mut journal, OPTIONS, apply).0.unwrap();
    assert_ne!(cluster.everything(), before);
    let (report, _) = run(&cluster, &mut journal, OPTIONS, rollback);
    assert_eq!(report.unwrap().batches, [2, 1]);
    assert_eq!(cluster.everything(), before);
    // The journal is as good as new.
    run(&cluster, &mut journal, OPTIONS, apply).0.unwrap();
    assert_applied(&cluster);
}

#[test]
fn a_batch_that_was_only_begun_is_rolled_back_too() {
    let cluster = cluster();
    let before = cluster.everything();
    let mut journal = Memory { writes_left: Cell::new(Some(7)), ..Memory::default() };
    run(&cluster, &mut journal, OPTIONS, apply).0.unwrap_err();
    journal.writes_left.set(None);
    assert_eq!(journal.standing().done.len(), 1);
    run(&cluster, &mut journal, OPTIONS, rollback).0.unwrap();
    assert_eq!(cluster.everything(), before);
}

#[test]
fn what_somebody_else_cancels_is_not_fought_over() {
    let cluster = cluster();
    cluster.freeze(true);
    cluster.cancelled_by_somebody_at(5.0);
    let (result, _) = run(&cluster, &mut Memory::default(), OPTIONS, apply);
    let text = result.unwrap_err().to_string();
    assert!(text.contains("t-0") && text.contains("somebody cancelled"), "{text}");
    assert_eq!(cluster.calls().iter().filter(|call| call.starts_with("reassign t-0")).count(), 1);
}

#[test]
fn clusters_that_cannot_reassign_and_other_clusters_are_refused() {
    let old = cluster();
    old.is_old.set(true);
    let mut journal = Memory::default();
    let found = old.everything();
    let error = run(&old, &mut journal, OPTIONS, apply).0.unwrap_err();
    assert!(matches!(&error, ApplyError::Refused(text) if text.contains("RUNBOOK.md")), "{error}");
    assert!(old.calls().is_empty() && journal.records.is_empty() && old.everything() == found, "nothing was asked");
    let mut other = cluster();
    other.id = "prod".to_owned();
    let text = run(&other, &mut Memory::default(), OPTIONS, apply).0.unwrap_err().to_string();
    assert!(text.contains("for cluster lab, this one is prod"), "{text}");
}

#[test]
fn a_throttle_that_never_ends_is_refused_beforehand() {
    let mut work = work();
    work.batches[0].targets[0].bytes_in_per_sec = 1_000.0;
    let cluster = cluster();
    let mut journal = Memory::default();
    let guard = Guard::default();
    let mut run = unheard(&cluster, &mut journal, &guard);
    let text = apply(&mut run, &work).unwrap_err().to_string();
    assert!(text.contains("batch 1 never ends"), "{text}");
}

#[test]
fn a_dry_run_names_every_call_in_order() {
    let text = calls::calls(&work().batches[0], Some(7), &BTreeMap::new(), &|_| true).join("\n");
    insta::assert_snapshot!(text, @r"
    IncrementalAlterConfigs broker 1: set leader.replication.throttled.rate=7
    IncrementalAlterConfigs broker 2: set leader.replication.throttled.rate=7
    IncrementalAlterConfigs broker 3: set follower.replication.throttled.rate=7
    IncrementalAlterConfigs topic t: set follower.replication.throttled.replicas=0:3
    IncrementalAlterConfigs topic t: set leader.replication.throttled.replicas=0:1,0:2
    AlterReplicaLogDirs broker 3: /b for t-0
    AlterPartitionReassignments t-0: [1, 2] -> [3, 1]
    ElectLeaders preferred: t-0
    IncrementalAlterConfigs broker 1: delete leader.replication.throttled.rate
    IncrementalAlterConfigs broker 2: delete leader.replication.throttled.rate
    IncrementalAlterConfigs broker 3: delete follower.replication.throttled.rate
    IncrementalAlterConfigs topic t: delete follower.replication.throttled.replicas
    IncrementalAlterConfigs topic t: delete leader.replication.throttled.replicas
    ");
}

#[test]
fn a_dry_run_names_the_very_calls_that_a_run_makes() {
    let cluster = cluster();
    cluster.set(Resource::Broker(1), LEADER_RATE, "77");
    let named: Vec<String> = work()
        .batches
        .iter()
        .flat_map(|step| {
            let found = cluster.configs(&throttle::resources(step));
            let found = found.into_iter().map(|(resource, configs)| (resource, configs.unwrap())).collect();
            calls::calls(step, Some(1_000), &found, &|_| true)
        })
        .collect();
    run(&cluster, &mut Memory::default(), OPTIONS, apply).0.unwrap();
    let of = |kind: &str| named.iter().filter(|call| call.starts_with(kind)).cloned().collect::<BTreeSet<_>>();
    let set = |(resource, key, value): (Resource, String, String)| {
        format!("IncrementalAlterConfigs {resource}: set {key}={value}")
    };
    // What was found is set again at the end: one more value that was seen.
    assert_eq!(
        of("IncrementalAlterConfigs").into_iter().filter(|call| call.contains(": set ")).collect::<BTreeSet<_>>(),
        cluster.seen_settings().into_iter().map(set).collect()
    );
    let made: BTreeSet<String> = cluster.calls().into_iter().collect();
    let listed = |kind: &str| made.iter().filter(|call| call.starts_with(kind)).count();
    assert!(of("AlterPartitionReassignments").contains("AlterPartitionReassignments t-0: [1, 2] -> [3, 1]"));
    assert!(made.contains("reassign t-0 [3, 1]") && made.contains("dir t-2 on 1 /b"), "{made:?}");
    assert_eq!(of("AlterPartitionReassignments").len(), listed("reassign "));
    assert_eq!(of("AlterReplicaLogDirs").len(), listed("dir "), "{named:?} {made:?}");
    assert_eq!(of("ElectLeaders").len(), listed("elect "));
}
