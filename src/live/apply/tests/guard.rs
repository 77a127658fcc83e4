//! What a cluster may not come to while a plan is carried out, in a cluster in memory.

use super::*;
use crate::live::apply::work::Peak;
use crate::model::fixture::Fixture;
use crate::model::{BrokerState, LogDirState, Policy, Snapshot};

const NETWORK_BYTES_PER_SEC: f64 = 10_000.0;

/// Of no batch: on brokers 2 and 3.
fn bystander() -> TopicPartition {
    TopicPartition::new("u", 0)
}

/// [`work`]'s partitions and one that it has nothing to do with, the replica of which on broker 3 is `in_sync` or not.
fn snapshot(in_sync: bool) -> Snapshot {
    let mut fixture = Fixture::default();
    for id in [1, 2, 3] {
        fixture = fixture.broker(id, "r", "", BrokerState::Alive);
        fixture = fixture.dir(id, "/a", 1_000, LogDirState::Online, 0).dir(id, "/b", 1_000, LogDirState::Online, 0);
    }
    let mut snapshot = fixture
        .partition(("t", 0), 1, (0.0, 0.0), &[(1, "/a", 100, true), (2, "/a", 100, true)])
        .partition(("t", 1), 2, (0.0, 0.0), &[(2, "/a", 100, true), (1, "/b", 100, true)])
        .partition(("t", 2), 1, (0.0, 0.0), &[(1, "/a", 100, true), (2, "/b", 100, true)])
        .partition(("u", 0), 2, (0.0, 0.0), &[(2, "/a", 100, true), (3, "/b", 100, in_sync)])
        .build();
    for broker in &mut snapshot.brokers {
        broker.network_in_capacity_bytes_per_sec = Some(NETWORK_BYTES_PER_SEC);
        broker.network_out_capacity_bytes_per_sec = Some(NETWORK_BYTES_PER_SEC);
    }
    snapshot
}

fn cluster_with_bystander() -> Cluster {
    let cluster = cluster();
    cluster.place(&bystander(), &seats(&[(2, "/a"), (3, "/b")]));
    cluster
}

/// Carries `work` out; when its second batch began, and what was told.
fn carry_out(cluster: &Cluster, work: &Work, guard: &Guard) -> (f64, Vec<Event>) {
    let events = RefCell::new(Vec::new());
    let tell = |event: &Event| events.borrow_mut().push(event.clone());
    let mut journal = Memory::default();
    let mut run =
        Apply { admin: cluster, journal: &mut journal, surroundings: cluster, guard, tell: &tell, options: OPTIONS };
    apply(&mut run, work).unwrap();
    assert_applied(cluster);
    (cluster.seconds_of("reassign t-1")[0], events.into_inner())
}

fn holds(events: &[Event]) -> Vec<String> {
    events.iter().filter_map(|e| if let Event::Held { why, .. } = e { Some(why.join("; ")) } else { None }).collect()
}

#[test]
fn a_partition_that_falls_out_of_sync_anywhere_holds_the_next_batch() {
    let second_batch = |is_for_all, in_sync_before| {
        let cluster = cluster_with_bystander();
        cluster.out_of_sync_between(&bystander(), 3, 2.0, 30.0);
        carry_out(&cluster, &work(), &Guard::of(&snapshot(in_sync_before), &Policy::default(), is_for_all))
    };
    let (began, events) = second_batch(true, true);
    assert!(began >= 30.0, "{began}");
    let why = "1 partition has fewer replicas in sync than in the snapshot, beside those of this batch (u-0; out of sync \
               on 3)";
    assert_eq!(holds(&events), [why]);
    assert!(events.iter().any(|e| matches!(e, Event::Held { since, .. } if (1.0..4.0).contains(since))), "{events:?}");
    assert!(events.iter().any(|e| matches!(e, Event::GoesOn { held_seconds } if *held_seconds > 25.0)), "{events:?}");
    assert!(second_batch(false, true).0 < 30.0, "only the plan's partitions were to be watched");
    assert!(second_batch(true, false).0 < 30.0, "it was out of sync in the snapshot already");
}

#[test]
fn a_partition_under_min_insync_replicas_is_told_as_such() {
    let cluster = cluster_with_bystander();
    cluster.out_of_sync_between(&bystander(), 3, 2.0, 30.0);
    let mut snapshot = snapshot(true);
    for topic in &mut snapshot.topics {
        topic.min_insync_replicas = Some(if topic.name == "u" { 2 } else { 1 });
    }
    let (began, events) = carry_out(&cluster, &work(), &Guard::of(&snapshot, &Policy::default(), true));
    assert!(began >= 30.0, "{began}");
    let why = "1 partition has fewer replicas in sync than min.insync.replicas (u-0; out of sync on 3)";
    assert!(holds(&events)[0].ends_with(why), "{events:?}");
}

#[test]
fn a_log_dir_past_its_limit_holds_what_is_to_be_copied_there_unless_it_was_planned_so() {
    let carry_out = |planned: u64| {
        let cluster = cluster_with_bystander();
        cluster.weigh(&bystander(), 850, 40.0);
        let mut work = work();
        let dirs = [("/a".to_owned(), Peak::default()), ("/b".to_owned(), Peak { bytes: planned, receives: true })];
        work.batches[0].peaks = BTreeMap::from([(3, BTreeMap::from(dirs))]);
        let (_, events) = carry_out(&cluster, &work, &Guard::of(&snapshot(true), &Policy::default(), true));
        (cluster.seconds_of("reassign t-0")[0], holds(&events))
    };
    let (began, why) = carry_out(200);
    assert!(began >= 40.0, "{began}");
    assert_eq!(
        why,
        ["/b on broker 3 is 85.0 % full, past the limit `log_dir` of 80 % and the 20.0 % that were planned"]
    );
    assert_eq!(carry_out(950), (0.0, Vec::new()));
}

#[test]
fn a_network_past_its_limit_holds_the_next_batch_and_is_asked_for_once_a_minute() {
    let cluster = cluster_with_bystander();
    // Of 8,000 B/s that the limit allows, the throttle may take 1,000.
    cluster.write(&bystander(), 7_500.0, 300.0);
    cluster.copy_in(100.0);
    let (began, events) = carry_out(&cluster, &work(), &Guard::of(&snapshot(true), &Policy::default(), true));
    assert!(began >= 300.0, "{began}");
    let why = holds(&events);
    assert!(why[0].contains("broker 3 receives") && why[0].contains("`network_in`"), "{why:?}");
    let asked = cluster.seconds_of("offsets");
    assert!(asked.len() > 4 && asked.windows(2).all(|pair| pair[1] - pair[0] >= 60.0), "{asked:?}");
    // With as much in the snapshot, the plan was made for it.
    let cluster = cluster_with_bystander();
    cluster.write(&bystander(), 7_500.0, 300.0);
    cluster.copy_in(100.0);
    let mut busy = snapshot(true);
    busy.partitions.iter_mut().for_each(|partition| partition.bytes_in_per_sec = 7_500.0);
    let (began, events) = carry_out(&cluster, &work(), &Guard::of(&busy, &Policy::default(), true));
    assert!(began < 300.0 && holds(&events).is_empty(), "{began} {events:?}");
}
