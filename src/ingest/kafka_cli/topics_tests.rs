//! Rows of `kafka-topics --describe`, as several versions print them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use super::*;
use crate::ingest::fault::Faults;

fn parse(text: &str) -> (Topics, Faults) {
    let mut faults = Faults::default();
    let topics = read(text, &mut Reader::new(Path::new("topics.txt"), &mut faults));
    (topics, faults)
}

fn faults(text: &str) -> Vec<(&'static str, Option<u64>, Option<u64>)> {
    parse(text).1.list.iter().map(|f| (f.code, f.line, f.column)).collect()
}

#[test]
fn a_capture_of_kafka_4_reads_whole() {
    let (topics, faults) = parse(include_str!("../../../fixtures/kafka-cli/healthy/topics.txt"));
    assert_eq!(faults, Faults::default());
    let counts: Vec<(&str, usize)> = topics.iter().map(|(n, t)| (n.as_str(), t.partitions.len())).collect();
    assert_eq!(counts, [("audit.log", 6), ("clicks", 24), ("hot_single", 4), ("orders", 12)]);
    assert_eq!(topics["audit.log"].config.retention_ms, Some(86_400_000));
    assert_eq!(topics["orders"].partitions[&10].replicas, [4, 2, 6]);
    assert_eq!(topics["orders"].partitions[&10].leader, Some(4));
}

#[test]
fn a_running_reassignment_shows_both_sides_and_configs_keep_their_commas() {
    let (topics, faults) = parse(include_str!("../../../fixtures/kafka-cli/reassigning/topics.txt"));
    assert_eq!(faults, Faults::default());
    let row = &topics["hot_single"].partitions[&1];
    assert_eq!((&row.replicas[..], &row.isr[..]), (&[5, 6, 1, 2, 3][..], &[1, 2, 3][..]));
    assert_eq!((&row.adding[..], &row.removing[..]), (&[5, 6][..], &[2, 3][..]));
    assert_eq!(topics["hot_single"].config.min_insync_replicas, Some(1));
}

#[test]
fn older_versions_read_the_same() {
    // Kafka 1.1 has no space after the header's colons, no topic id and no ELR; ZooKeeper's tools say `-1` or `none`.
    let old = "Topic:t\tPartitionCount:2\tReplicationFactor:2\tConfigs:cleanup.policy=compact,delete,retention.ms=5\n\
               \tTopic: t\tPartition: 0\tLeader: none\tReplicas: 1,2\tIsr: \n\
               \tTopic: t\tPartition: 1\tLeader: -1\tReplicas: 2,1\tIsr: 2\tMarkedForDeletion: true\n";
    let (topics, faults) = parse(old);
    assert_eq!(faults, Faults::default());
    assert_eq!(topics["t"].config.cleanup_policy.as_deref(), Some("compact,delete"));
    assert_eq!(topics["t"].partitions[&0].leader, None);
    assert_eq!(topics["t"].partitions[&1].leader, None);
    assert_eq!(topics["t"].partitions[&0].isr, Vec::<i32>::new());
}

#[test]
fn columns_that_do_not_apply_say_so_and_are_left_aside() {
    // Kafka 3.9.1 with ZooKeeper, which keeps no eligible leader replicas.
    let row = "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: N/A\tLastKnownElr: N/A\n";
    let (topics, faults) = parse(&format!("{HEADER}{row}"));
    assert_eq!(faults, Faults::default());
    assert_eq!(topics["t"].partitions[&0].isr, [1]);
}

#[test]
fn lines_whose_tabs_were_lost_read_the_same() {
    let with_tabs = include_str!("../../../fixtures/kafka-cli/reassigning/topics.txt");
    let (with_tabs, without_tabs) = (parse(with_tabs).0, parse(&with_tabs.replace('\t', " ")).0);
    assert_eq!(format!("{:?}", with_tabs["hot_single"].config), format!("{:?}", without_tabs["hot_single"].config));
    for (number, row) in &with_tabs["hot_single"].partitions {
        let other = &without_tabs["hot_single"].partitions[number];
        assert_eq!((&row.replicas, &row.isr), (&other.replicas, &other.isr));
        assert_eq!((&row.adding, &row.removing), (&other.adding, &other.removing));
        assert_eq!((row.leader, row.place.line), (other.leader, other.place.line));
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
    let text =
        format!("\u{feff}{}", include_str!("../../../fixtures/kafka-cli/healthy/topics.txt").replace('\n', "\r\n"));
    assert_eq!(parse(&text).1, Faults::default());
}

const HEADER: &str = "Topic: t\tPartitionCount: 1\tReplicationFactor: 1\tConfigs: \n";

#[test]
fn each_fault_is_found_at_its_place() {
    let row = |row: &str| faults(&format!("{HEADER}{row}\n"));
    assert_eq!(
        row("\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1,x\tIsr: 1"),
        [(codes::TOPIC_ROW, Some(2), Some(46)), (codes::PARTITION_COUNT, Some(1), Some(26))]
    );
    assert_eq!(
        row("\tTopic: t\tPartition: zero\tLeader: 1\tReplicas: 1\tIsr: 1")[0],
        (codes::TOPIC_ROW, Some(2), Some(22))
    );
    assert_eq!(
        row("\tTopic: t\tPartition: 0\tLeader: me\tReplicas: 1\tIsr: 1")[0],
        (codes::TOPIC_ROW, Some(2), Some(32))
    );
    assert_eq!(row("\tTopic: t\tPartition: 0\tLeader: 3\tReplicas: 1\tIsr: 1"), [(codes::LEADER, Some(2), Some(32))]);
    assert_eq!(row("\tTopic: t\tPartition: 0\tLeader: 1\tRepl")[0].0, codes::TOPIC_ROW);
    assert_eq!(
        row("\tTopic: t t\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1")[0],
        (codes::BAD_NAME, Some(2), Some(9))
    );
}

#[test]
fn a_capture_that_is_cut_off_is_refused() {
    assert_eq!(faults(HEADER), [(codes::PARTITION_COUNT, Some(1), Some(26))]);
    assert_eq!(faults(""), [(codes::NOTHING_FOUND, None, None)]);
}

#[test]
fn a_partition_or_topic_described_twice_is_refused() {
    let row = "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1\n";
    let twice = faults(&format!("{HEADER}{row}{row}"));
    assert_eq!(twice, [(codes::DUPLICATE_PARTITION, Some(3), Some(32))]);
    assert_eq!(faults(&format!("{HEADER}{row}{HEADER}")), [(codes::DUPLICATE_PARTITION, Some(3), Some(26))]);
}

#[test]
fn rows_without_a_header_and_prose_are_warnings() {
    let (topics, faults) = parse("Hello\n\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1,7\n");
    assert_eq!(topics["t"].partitions.len(), 1);
    let found: Vec<&str> = faults.list.iter().map(|f| f.code).collect();
    assert_eq!(found, [codes::UNKNOWN_LINE, codes::COMPLETENESS, codes::DISAGREEMENT]);
    assert!(faults.list.last().unwrap().message.contains("t-0"));
}
