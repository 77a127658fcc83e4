//! Inventories in themselves and over a snapshot.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::ingest::kafka_cli::codes;
use crate::model::{Broker, BrokerIdx, GroupIdx, LogDir, RackIdx, Snapshot, Topic};

fn parse(text: &str) -> Result<Inventory, Faults> {
    Inventory::parse(Path::new("inventory.toml"), text)
}

fn found(faults: &Faults) -> Vec<(&str, Option<u64>, Option<u64>)> {
    faults.list.iter().map(|f| (f.code, f.line, f.column)).collect()
}

/// Brokers 1 to 3, alive, down, alive with an offline dir; one dir each; topics `clicks` and `orders`.
fn snapshot() -> Snapshot {
    let broker = |id: i32, state: BrokerState| Broker {
        id,
        rack: Some(RackIdx::new(0)),
        group: None,
        state,
        machine_model: None,
        host: None,
        cpu_cores: None,
        cpu_utilization: None,
        network_in_capacity_bytes_per_sec: None,
        network_out_capacity_bytes_per_sec: None,
        measured_network_in_bytes_per_sec: None,
        measured_network_out_bytes_per_sec: None,
        first_log_dir: u32::try_from(id - 1).unwrap(),
        log_dir_count: 1,
    };
    let dir = |row: usize, state: LogDirState| LogDir {
        broker: BrokerIdx::new(row),
        path: "/data".to_owned(),
        capacity_bytes: None,
        write_capacity_bytes_per_sec: None,
        state,
        other_used_bytes: 100,
    };
    let topic = |name: &str| Topic {
        name: name.to_owned(),
        group: None,
        min_insync_replicas: None,
        cleanup_policy: None,
        retention_ms: None,
        retention_bytes: None,
        first_partition: 0,
        partition_count: 0,
    };
    Snapshot {
        racks: vec!["r1".to_owned()],
        brokers: vec![broker(1, BrokerState::Alive), broker(2, BrokerState::Down), broker(3, BrokerState::Alive)],
        log_dirs: vec![dir(0, LogDirState::Online), dir(1, LogDirState::Online), dir(2, LogDirState::Offline)],
        topics: vec![topic("clicks"), topic("orders")],
        ..Snapshot::default()
    }
}

#[test]
fn the_first_entry_that_has_a_key_gives_it() {
    let inventory = parse(
        "[[brokers]]\nids = 2\nrack = \"special\"\n[[brokers]]\nids = [\"1-2\", 9]\nrack = \"r1\"\ncpu_cores = 8\n\
         [[brokers]]\nids = \"all\"\ncpu_cores = 4\nlog_dir_capacity_bytes = \"4TiB\"\nlog_dirs.\"/fast\".capacity_bytes = 1_000\n",
    )
    .unwrap();
    let two = inventory.broker(2);
    assert_eq!((two.rack.as_deref(), two.cpu_cores), (Some("special"), Some(8.0)));
    assert_eq!(inventory.broker(7).cpu_cores, Some(4.0));
    assert_eq!(inventory.broker(9).rack.as_deref(), Some("r1"));
    assert_eq!(two.log_dir("/data").capacity_bytes, Some(4 << 40));
    assert_eq!(two.log_dir("/fast").capacity_bytes, Some(1000));
}

#[test]
fn the_first_pattern_that_matches_gives_the_group() {
    let inventory = parse(
        "[[topics]]\npattern = \"orders-eu\"\nresource_group = \"eu\"\n[[topics]]\npattern = \"orders*\"\nresource_group = \"oltp\"\n",
    )
    .unwrap();
    assert_eq!(inventory.topic_group("orders-eu"), Some("eu"));
    assert_eq!(inventory.topic_group("orders-us"), Some("oltp"));
    assert_eq!(inventory.topic_group("clicks"), None);
}

#[test]
fn every_fault_is_found_at_its_place() {
    let text = "[[brokers]]\nids = \"all\"\nresource_grup = \"a\"\nstate = \"dying\"\ncpu_cores = 0\n[[brokers]]\nrack = \"x\"\n\
                [[brokers]]\nids = \"8-3\"\n[[topics]]\npattern = \"a[\"\nresource_group = \"default\"\n[metrics]\nbytes_in = \"x\"\n\
                [other]\n";
    let faults = parse(text).unwrap_err();
    let wanted = [
        (codes::INVENTORY_UNKNOWN_KEY, Some(3), Some(1)),
        (codes::INVENTORY_VALUE, Some(4), Some(9)),
        (codes::INVENTORY_RANGE, Some(5), Some(13)),
        (codes::INVENTORY_VALUE, Some(6), Some(1)),
        (codes::INVENTORY_VALUE, Some(9), Some(7)),
        (codes::INVENTORY_PATTERN, Some(11), Some(11)),
        (codes::INVENTORY_VALUE, Some(12), Some(18)),
        (codes::INVENTORY_UNKNOWN_KEY, Some(14), Some(1)),
        (codes::INVENTORY_UNKNOWN_KEY, Some(15), Some(2)),
    ];
    assert_eq!(found(&faults), wanted);
    assert_eq!(faults.list[0].help.as_deref(), Some("the nearest known key is resource_group"));
    assert!(faults.list[7].help.as_deref().unwrap().contains("bytes_in_"));
}

#[test]
fn what_is_not_toml_is_found_at_its_place() {
    assert_eq!(found(&parse("[[brokers]]\nids = \n").unwrap_err())[0].0, codes::INVENTORY_SYNTAX);
}

#[test]
fn metric_names_and_instances_are_taken() {
    let names = parse(
        "[metrics]\nbytes_in_rate = \"topic:in\"\nbroker_label = \"node\"\n[metrics.instances]\n\"k1:9404\" = 1\n",
    )
    .unwrap()
    .metrics;
    assert_eq!(names.broker_label, "node");
    assert_eq!(names.instances["k1:9404"], 1);
    assert_eq!(names.signal_of("topic:in"), crate::ingest::kafka_cli::signal_by_name("bytes_in_rate"));
}

#[test]
fn groups_racks_and_capacities_are_written_over_the_snapshot() {
    let mut snapshot = snapshot();
    let text = "[[brokers]]\nids = [1, 2]\nresource_group = \"oltp\"\nrack = \"r0\"\n[[brokers]]\nids = \"all\"\n\
                resource_group = \"bulk\"\nlog_dir_capacity_bytes = 1000\nother_used_bytes = 5\n\
                [[topics]]\npattern = \"orders\"\nresource_group = \"oltp\"\n";
    let faults = parse(text).unwrap().apply(&mut snapshot);
    assert_eq!(snapshot.racks, ["r0", "r1"]);
    assert_eq!(snapshot.groups, ["bulk", "oltp"]);
    let groups: Vec<Option<usize>> = snapshot.brokers.iter().map(|b| b.group.map(GroupIdx::row)).collect();
    assert_eq!(groups, [Some(1), Some(1), Some(0)]);
    assert_eq!(snapshot.topics[0].group, None);
    assert_eq!(snapshot.topics[1].group, Some(GroupIdx::new(1)));
    assert_eq!(snapshot.log_dirs[0].capacity_bytes, Some(1000));
    assert_eq!(snapshot.log_dirs[0].other_used_bytes, 105);
    assert_eq!(found(&faults), [(codes::INVENTORY_DIFFERS, None, None)], "racks that are not Kafka's are named");
}

#[test]
fn failures_that_kafka_reported_stand() {
    let mut snapshot = snapshot();
    let text = "[[brokers]]\nids = 2\nstate = \"new\"\n[[brokers]]\nids = 3\nlog_dirs.\"/data\".state = \"online\"\n";
    let faults = parse(text).unwrap().apply(&mut snapshot);
    assert_eq!(snapshot.brokers[1].state, BrokerState::Down);
    assert_eq!(snapshot.log_dirs[2].state, LogDirState::Offline);
    assert_eq!(faults.list.len(), 2);
    assert!(!faults.has_errors());
}

#[test]
fn only_a_broker_that_did_not_answer_can_be_dead() {
    let mut first = snapshot();
    let faults = parse("[[brokers]]\nids = \"1-2\"\nstate = \"dead\"\n").unwrap().apply(&mut first);
    assert_eq!(first.brokers[1].state, BrokerState::Dead);
    assert_eq!(found(&faults), [(codes::INVENTORY_CONTRADICTION, Some(1), Some(1))]);
    let mut second = snapshot();
    let faults = parse("[[brokers]]\nids = 1\nstate = \"draining\"\n").unwrap().apply(&mut second);
    assert_eq!((second.brokers[0].state, faults), (BrokerState::Draining, Faults::default()));
}

#[test]
fn entries_that_match_nothing_are_named() {
    let mut snapshot = snapshot();
    let text = "[[brokers]]\nids = [1, \"40-50\"]\nlog_dirs.\"/dat\".capacity_bytes = 1\n[[topics]]\npattern = \"order\"\nresource_group = \"x\"\n";
    let faults = parse(text).unwrap().apply(&mut snapshot);
    let wanted = [
        (codes::INVENTORY_UNUSED, Some(1), Some(1)),
        (codes::INVENTORY_UNUSED, Some(1), Some(1)),
        (codes::INVENTORY_UNUSED, Some(4), Some(1)),
    ];
    assert_eq!(found(&faults), wanted);
    assert!(faults.list[0].message.contains("40-50"));
}

#[test]
fn ids_are_written_as_ranges() {
    assert_eq!(id_ranges(&[1, 2, 3, 7]), "brokers 1-3, 7");
    assert_eq!(id_ranges(&[5]), "broker 5");
}

#[test]
fn the_example_in_fixtures_is_valid() {
    parse(include_str!("../../../fixtures/kafka-cli/inventory.toml")).unwrap();
}

#[test]
fn the_documented_examples_are_valid() {
    let page = include_str!("../../../docs/inventory.md");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert_eq!(examples.len(), 2);
    let first = parse(examples[0]).unwrap();
    assert_eq!(first.broker(12).log_dir_capacity_bytes, Some(8_000_000_000_000));
    assert_eq!(first.broker(4).log_dir_capacity_bytes, Some(4_000_000_000_000));
    assert_eq!(
        (first.broker(12).resource_group.as_deref(), first.topic_group("orders-eu")),
        (Some("bulk"), Some("core"))
    );
    assert_eq!(parse(examples[1]).unwrap().metrics.instances["kafka-eu-2"], 2);
}
