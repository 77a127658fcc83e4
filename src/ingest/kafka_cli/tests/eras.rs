//! What the tools of Kafka 1.1.1, 2.1.1, 2.8.2 and 3.9.1 print of one and the same placement, the last in brokers that keep
//! it without ZooKeeper; and what they print of the same quotas.

use super::*;
use crate::model::{BrokerState, Reassignment};

const OF_ZOOKEEPER: [&str; 3] = ["1.1.1", "2.1.1", "2.8.2"];
const VERSIONS: [&str; 4] = ["1.1.1", "2.1.1", "2.8.2", "3.9.1"];

/// A directory of fixtures/kafka-cli whose every file is of that version.
pub(super) fn era(version: &str) -> Sources {
    let file = |name: &str| fixture(&format!("{version}/{name}.txt"));
    Sources {
        configs: vec![file("topic-configs")],
        brokers: Some(file("brokers")),
        cluster_id_file: Some(file("cluster-id")),
        reassignments: matches!(version, "2.8.2" | "3.9.1").then(|| file("reassignments")),
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
    for version in OF_ZOOKEEPER {
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

/// A directory of fixtures/kafka-cli with 3.9.1's cluster in some state.
fn of_3_9(state: &str) -> Sources {
    let all = era("3.9.1");
    let Sources { configs, brokers, kafka_version, .. } = all;
    Sources { configs, brokers, kafka_version, ..capture(&format!("3.9.1-{state}")) }
}

#[test]
fn a_reassignment_under_way_is_marked_alike_by_both_tools() {
    let by_topics = imported(&of_3_9("reassigning"));
    let list = Some(fixture("3.9.1-reassigning/reassignments.txt"));
    let by_both = imported(&Sources { reassignments: list, ..of_3_9("reassigning") });
    assert_eq!(by_topics.summary.warnings, Faults::default());
    assert!(by_topics.snapshot == by_both.snapshot);
    let marks = |number: u32| {
        let of = |broker: i32| replica(&by_both.snapshot, "orders", number, broker);
        [1, 2, 3].map(|broker| (of(broker).in_sync, of(broker).reassignment))
    };
    let (adding, removing) = (Some(Reassignment::Adding), Some(Reassignment::Removing));
    assert_eq!(marks(0), [(true, removing), (true, None), (false, adding)]);
    assert_eq!(marks(2), [(true, removing), (false, adding), (true, None)]);
    insta::assert_snapshot!("era-3.9.1-reassigning", golden(&by_both));
}

#[test]
fn a_dir_that_failed_and_a_broker_that_is_away_show_in_3_9() {
    let failed = imported(&of_3_9("offline-dir"));
    let offline: Vec<&str> = failed
        .snapshot
        .log_dirs
        .iter()
        .filter(|dir| dir.state == crate::model::LogDirState::Offline)
        .map(|dir| dir.path.as_str())
        .collect();
    assert_eq!(offline, ["/data/b2/disk2"]);
    insta::assert_snapshot!("era-3.9.1-offline-dir", golden(&failed));
    let away = imported(&of_3_9("broker-down"));
    let states: Vec<BrokerState> = away.snapshot.brokers.iter().map(|b| b.state).collect();
    assert_eq!(states, [BrokerState::Alive, BrokerState::Alive, BrokerState::Down]);
    assert_eq!(find(&away.snapshot, "audit.log-7", 0).leader, None);
    let lost = replica(&away.snapshot, "orders", 3, 3);
    assert_eq!((lost.in_sync, lost.log_dir), (false, None));
    assert_eq!(lost.size_bytes, replica(&away.snapshot, "orders", 3, 1).size_bytes);
}

/// The same quotas set in each, but for what only newer ones have.
#[test]
fn quotas_read_alike_from_every_age() {
    let of = |version: &str| {
        let quotas = vec![fixture(&format!("quotas/{version}.txt"))];
        let Imported { beside, summary, .. } = imported(&Sources { quotas, ..era("1.1.1") });
        assert_eq!(summary.warnings, Faults::default(), "{version}");
        assert!(!summary.to_string().contains("salt"), "{summary}");
        let file = beside.into_iter().find(|file| file.path == Path::new("quotas.csv")).unwrap();
        String::from_utf8(file.bytes).unwrap()
    };
    let oldest = of("1.1.1");
    insta::assert_snapshot!("era-quotas-1.1.1", oldest);
    assert_eq!(of("2.6.3"), oldest);
    let newer = of("4.3.1");
    assert_eq!(newer, of("3.9.1"));
    let added: Vec<&str> = newer.lines().filter(|line| !oldest.lines().any(|old| old == *line)).collect();
    assert_eq!(added, ["etl,,,,,10"], "controller_mutation_rate is of 2.7");
    assert_eq!(newer.lines().count(), oldest.lines().count() + 1);
}

#[test]
fn without_a_capture_of_quotas_nothing_is_said_of_them() {
    let Imported { beside, summary, .. } = imported(&era("1.1.1"));
    assert!(beside.is_empty() && !summary.to_string().contains("quotas"), "{summary}");
}
