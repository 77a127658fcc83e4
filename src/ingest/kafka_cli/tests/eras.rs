//! What the tools of Kafka 1.1.1, 2.1.1 and 2.8.2 print of one and the same placement, in brokers that keep it in
//! ZooKeeper.

use super::*;
use crate::model::{BrokerState, Reassignment};

const VERSIONS: [&str; 3] = ["1.1.1", "2.1.1", "2.8.2"];

/// A directory of fixtures/kafka-cli whose every file is of that version.
pub(super) fn era(version: &str) -> Sources {
    let file = |name: &str| fixture(&format!("{version}/{name}.txt"));
    Sources {
        configs: vec![file("topic-configs")],
        brokers: Some(file("brokers")),
        cluster_id_file: Some(file("cluster-id")),
        reassignments: (version == "2.8.2").then(|| file("reassignments")),
        kafka_version: Some(version.to_owned()),
        ..capture(version)
    }
}

/// Replica lists and leaders, by partition.
fn placement(snapshot: &Snapshot) -> Vec<(String, Vec<i32>, Option<i32>)> {
    let id = |broker| snapshot.broker(broker).id;
    let one = |partition| {
        let replicas = snapshot.replicas_of(partition).iter().map(|r| id(r.broker)).collect();
        (snapshot.partition_name(partition), replicas, snapshot.partition(partition).leader.map(id))
    };
    snapshot.partition_indices().map(one).collect()
}

#[test]
fn every_age_says_the_same_of_the_same_placement() {
    let captured = VERSIONS.map(|version| (version, imported(&era(version))));
    for (version, Imported { snapshot, summary, .. }) in &captured {
        assert_eq!(summary.warnings, Faults::default(), "{version}");
        assert_eq!(placement(snapshot), placement(&captured[0].1.snapshot), "{version}");
        assert_eq!(snapshot.racks, ["rack-1", "rack-2", "rack-3"], "{version}");
        assert_eq!(snapshot.cluster.cluster_id.len(), 22, "{version}");
        assert!(snapshot.replicas.iter().all(|r| r.in_sync && r.log_dir.is_some() && r.size_bytes > 0), "{version}");
        let clicks = snapshot.topic(snapshot.topic_by_name("clicks").unwrap());
        assert_eq!((clicks.min_insync_replicas, clicks.retention_ms), (Some(2), Some(86_400_000)), "{version}");
    }
    let of_one = captured[0].1.snapshot.replicas_of(crate::model::PartitionIdx::new(0)).len();
    assert_eq!((of_one, captured[0].1.snapshot.replicas.len()), (1, 19));
    insta::assert_snapshot!("era-1.1.1", golden(&captured[0].1));
}

#[test]
fn a_broker_that_is_away_and_a_topic_that_is_being_deleted_show_in_every_age() {
    for version in VERSIONS {
        // Captured while broker 3 was away, topic clicks was deleted and broker 3 had yet to hear of it.
        let all = era(version);
        let broken =
            Sources { configs: all.configs, brokers: all.brokers, ..capture(&format!("{version}-broker-down")) };
        let Imported { snapshot, summary, .. } = imported(&broken);
        let states: Vec<BrokerState> = snapshot.brokers.iter().map(|b| b.state).collect();
        assert_eq!(states, [BrokerState::Alive, BrokerState::Alive, BrokerState::Down], "{version}");
        assert!(snapshot.topic_by_name("clicks").is_none(), "{version}");
        assert!(summary.derived.contains(&"1 topic marked for deletion: left out (clicks)".to_owned()), "{summary}");
        // Its only replica is on the broker that is away: none, and -1 in the older ones.
        assert_eq!(find(&snapshot, "audit.log-7", 0).leader, None, "{version}");
        let lost = replica(&snapshot, "orders", 1, 3);
        assert_eq!((lost.in_sync, lost.log_dir), (false, None), "{version}");
        assert_eq!(lost.size_bytes, replica(&snapshot, "orders", 1, 2).size_bytes, "{version}");
    }
}

#[test]
fn what_zookeeper_says_of_running_reassignments_marks_both_sides() {
    let list = Some(fixture("1.1.1-reassigning/reassignments.txt"));
    let moving = Sources { reassignments: list, ..capture("1.1.1-reassigning") };
    let Imported { snapshot, summary, .. } = imported(&moving);
    let marks = |number: u32| -> Vec<Option<Reassignment>> {
        let rows = find(&snapshot, "orders", number).replica_rows();
        snapshot.replicas[rows].iter().map(|r| r.reassignment).collect()
    };
    let (adding, removing) = (Some(Reassignment::Adding), Some(Reassignment::Removing));
    // 1,2 becomes 3,2, and 3,1 becomes 3,2.
    assert_eq!(marks(0), [adding, None, removing]);
    assert_eq!(marks(2), [None, adding, removing]);
    assert_eq!((marks(1), marks(3)), (vec![None, None], vec![None, None]));
    assert!(
        summary.derived.iter().any(|line| line.contains("a reassignment of 2 partitions is under way")),
        "{summary}"
    );
}
