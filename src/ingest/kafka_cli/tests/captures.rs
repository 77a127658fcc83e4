//! Captures of real clusters: whole, a broker down, a dir offline, reassignments and dir moves under way.

use super::*;
use crate::model::{BrokerState, LogDirState, Reassignment};

#[test]
fn a_healthy_cluster_is_imported_whole() {
    let imported = imported(&healthy());
    let Snapshot { brokers, log_dirs, topics, partitions, replicas, .. } = &imported.snapshot;
    assert_eq!((brokers.len(), log_dirs.len(), topics.len()), (6, 12, 4));
    assert_eq!((partitions.len(), replicas.len()), (46, 4 * 3 + 24 * 2 + 12 * 3 + 6 * 3));
    assert_eq!(imported.snapshot.racks, ["rack-1", "rack-2", "rack-3"]);
    assert!(brokers.iter().all(|b| b.state == BrokerState::Alive && b.rack.is_some()));
    assert!(replicas.iter().all(|r| r.in_sync && r.log_dir.is_some() && r.reassignment.is_none()));
    // As `kafka-log-dirs` summed up by hand: /data/b1/disk2.
    let dir = imported.snapshot.log_dir_by_path(imported.snapshot.broker_by_id(1).unwrap(), "/data/b1/disk2");
    let bytes: u64 = replicas.iter().filter(|r| r.log_dir == dir).map(|r| r.size_bytes).sum();
    assert_eq!(bytes, 85_059_740);
    let orders = imported.snapshot.topic(imported.snapshot.topic_by_name("orders").unwrap());
    assert_eq!((orders.min_insync_replicas, orders.retention_bytes), (Some(2), None), "brokers 2-6 do not tell theirs");
    insta::assert_snapshot!("healthy", golden(&imported));
}

#[test]
fn a_broker_that_does_not_answer_is_down_and_its_replicas_are_as_large_as_their_leaders() {
    let imported = imported(&capture("broker-down"));
    let snapshot = &imported.snapshot;
    let six = snapshot.broker(snapshot.broker_by_id(6).unwrap());
    assert_eq!((six.state, six.log_dir_count), (BrokerState::Down, 0));
    let lost = replica(snapshot, "audit.log", 5, 6);
    assert_eq!((lost.log_dir, lost.size_bytes, lost.in_sync), (None, 290_298, false));
    insta::assert_snapshot!("broker-down", golden(&imported));
}

#[test]
fn replicas_that_no_online_dir_lists_are_on_the_brokers_only_offline_one() {
    let imported = imported(&capture("offline-dir"));
    let snapshot = &imported.snapshot;
    for number in [0, 2, 4] {
        let lost = replica(snapshot, "orders", number, 5);
        assert_eq!(dir_of(snapshot, lost), Some("/data/b5/disk2"));
        assert_eq!(lost.size_bytes, replica(snapshot, "orders", number, 6).size_bytes);
    }
    let offline: Vec<&str> =
        snapshot.log_dirs.iter().filter(|d| d.state == LogDirState::Offline).map(|d| d.path.as_str()).collect();
    assert_eq!(offline, ["/data/b5/disk2"]);
    insta::assert_snapshot!("offline-dir", golden(&imported));
}

#[test]
fn of_several_offline_dirs_none_is_guessed() {
    let mut both = capture("offline-dir");
    let text = &mut both.log_dirs[0].text;
    let third = ",{\"partitions\":[],\"error\":\"org.apache.kafka.common.errors.KafkaStorageException\",\"logDir\":\"/data/b5/disk3\"}";
    let at = text.find("{\"partitions\":[],\"error\":\"org").unwrap();
    let end = at + text[at..].find('}').unwrap() + 1;
    text.insert_str(end, third);
    let imported = imported(&both);
    let lost = replica(&imported.snapshot, "orders", 0, 5);
    assert_eq!((lost.log_dir, lost.size_bytes), (None, 4_791_893));
    let line = "3 replicas of broker 5 lie on one of its offline dirs /data/b5/disk2, /data/b5/disk3";
    assert!(imported.summary.derived.iter().any(|l| l.starts_with(line)), "{}", imported.summary);
}

#[test]
fn a_running_reassignment_is_marked_on_both_sides() {
    let with_list = Sources { reassignments: Some(fixture("reassigning/reassignments.txt")), ..capture("reassigning") };
    let imported = imported(&with_list);
    let snapshot = &imported.snapshot;
    let marks = |number: u32| -> Vec<Option<Reassignment>> {
        let rows = find(snapshot, "hot_single", number).replica_rows();
        snapshot.replicas[rows].iter().map(|r| r.reassignment).collect()
    };
    let (adding, removing) = (Some(Reassignment::Adding), Some(Reassignment::Removing));
    assert_eq!(marks(0), [adding, None, None, removing]);
    assert_eq!(marks(1), [adding, adding, None, removing, removing]);
    assert_eq!(marks(2), [None, None, None]);
    let new = replica(snapshot, "hot_single", 0, 4);
    assert_eq!((new.log_dir, new.size_bytes, new.in_sync), (None, 0, false), "nothing is copied yet");
    insta::assert_snapshot!("reassigning", golden(&imported));
}

#[test]
fn a_list_of_reassignments_is_enough_where_topics_do_not_show_them() {
    let mut old = Sources { reassignments: Some(fixture("reassigning/reassignments.txt")), ..capture("reassigning") };
    old.topics.text = old.topics.text.replace("\tAdding Replicas: 4\tRemoving Replicas: 1", "");
    let imported = imported(&old);
    assert_eq!(replica(&imported.snapshot, "hot_single", 0, 4).reassignment, Some(Reassignment::Adding));
    assert_eq!(imported.summary.warnings, Faults::default());
}

#[test]
fn a_list_of_reassignments_that_the_topics_do_not_show_is_a_warning() {
    let late = Sources { reassignments: Some(fixture("reassigning/reassignments.txt")), ..capture("healthy") };
    let codes: Vec<&str> = imported(&late).summary.warnings.list.iter().map(|f| f.code).collect();
    assert_eq!(codes, [codes::DISAGREEMENT]);
}

#[test]
fn a_move_between_dirs_leaves_the_replica_where_it_is_and_counts_the_copy() {
    let imported = imported(&capture("dir-move"));
    let snapshot = &imported.snapshot;
    let moving = replica(snapshot, "hot_single", 2, 3);
    assert_eq!((dir_of(snapshot, moving), moving.size_bytes), (Some("/data/b3/disk2"), 30_368_176));
    let target = snapshot.log_dir_by_path(snapshot.broker_by_id(3).unwrap(), "/data/b3/disk1").unwrap();
    assert_eq!(snapshot.log_dir(target).other_used_bytes, 3_111_360);
    assert_eq!(replica(snapshot, "hot_single", 2, 6).size_bytes, 5_185_600, "what the new broker has so far");
    insta::assert_snapshot!("dir-move", golden(&imported));
}

#[test]
fn an_inventory_adds_what_kafka_does_not_know() {
    let mut with_inventory = healthy();
    with_inventory.inventory = Some(fixture("inventory.toml"));
    let imported = imported(&with_inventory);
    let snapshot = &imported.snapshot;
    assert_eq!(snapshot.groups, ["bulk", "core"]);
    assert!(snapshot.log_dirs.iter().all(|d| d.capacity_bytes == Some(200_000_000)));
    let gaps: Vec<&String> = imported.summary.missing.iter().filter(|line| line.contains("capacities")).collect();
    assert_eq!(gaps, Vec::<&String>::new());
    insta::assert_snapshot!("inventory", golden(&imported));
}

#[test]
fn only_the_inventory_declares_a_broker_dead() {
    let text = "[[brokers]]\nids = 6\nstate = \"dead\"\n".to_owned();
    let inventory = Some(Source { path: PathBuf::from("inventory.toml"), text });
    let dead = imported(&Sources { inventory: inventory.clone(), ..capture("broker-down") });
    let six = dead.snapshot.broker_by_id(6).unwrap();
    assert_eq!(dead.snapshot.broker(six).state, BrokerState::Dead);
    assert!(dead.summary.contents.contains("(1 dead)"), "{}", dead.summary.contents);
    let faults = import(&Sources { inventory, ..capture("healthy") }).unwrap_err();
    assert_eq!(faults.list.iter().map(|f| f.code).collect::<Vec<_>>(), [codes::INVENTORY_CONTRADICTION]);
}

#[test]
fn cordoned_dirs_and_controllers_are_known_from_configs() {
    let text = "All configs for broker 2 are:\n  cordoned.log.dirs=/data/b2/disk1 sensitive=false synonyms={}\n\
                All configs for broker 1000 are:\n  process.roles=controller sensitive=false synonyms={}\n";
    let configs = vec![Source { path: PathBuf::from("c.txt"), text: text.to_owned() }];
    let imported = imported(&Sources { configs, ..capture("healthy") });
    let snapshot = &imported.snapshot;
    assert_eq!(snapshot.brokers.len(), 6);
    let dir = snapshot.log_dir_by_path(snapshot.broker_by_id(2).unwrap(), "/data/b2/disk1").unwrap();
    assert_eq!(snapshot.log_dir(dir).state, LogDirState::Cordoned);
}

#[test]
fn captures_that_disagree_are_named() {
    // Broker 6 leads partitions in one capture and did not answer in the other.
    let apart = sources(fixture("healthy/topics.txt"), fixture("broker-down/log-dirs.txt"));
    let imported = imported(&apart);
    let messages: Vec<&str> = imported.summary.warnings.list.iter().map(|f| f.message.as_str()).collect();
    assert!(messages.iter().any(|m| m.starts_with("broker 6 did not describe log dirs")), "{messages:?}");
    assert!(messages.iter().any(|m| m.contains("have no files on brokers that answered")), "{messages:?}");
}

#[test]
fn every_fault_of_every_file_is_reported_at_once() {
    let broken = |text: &str| Source { path: PathBuf::from("broken"), text: text.to_owned() };
    let all = Sources {
        topics: broken("Topic: t\tPartitionCount: 1\tConfigs: retention.ms=x\n"),
        log_dirs: vec![broken("{\"brokers\":[{\"broker\":-1}]}")],
        captured_at: "yesterday".to_owned(),
        metric_names: vec![("bytes_inn".to_owned(), "x".to_owned())],
        inventory: Some(broken("[[broker]]\n")),
        ..capture("healthy")
    };
    let found: Vec<&str> = import(&all).unwrap_err().list.iter().map(|f| f.code).collect();
    let wanted = [
        codes::TIME,
        codes::INVENTORY_UNKNOWN_KEY,
        codes::CONFIG_VALUE,
        codes::PARTITION_COUNT,
        codes::LOG_DIRS_JSON,
        codes::METRIC_NAME,
    ];
    assert_eq!(found, wanted);
}

#[test]
fn the_same_input_gives_the_same_bytes_whatever_the_order_of_its_lines() {
    let forward = healthy();
    let mut backward = healthy();
    backward.configs.reverse();
    let mut blocks: Vec<String> = Vec::new();
    for line in forward.topics.text.lines() {
        if line.starts_with("Topic:") {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().unwrap();
        *block += line;
        *block += "\n";
    }
    backward.topics.text = blocks.into_iter().rev().collect();
    assert_eq!(golden(&imported(&forward)), golden(&imported(&backward)));
}
