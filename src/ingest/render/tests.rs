//! What is rendered reads back as it was.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::ingest::catalogue::Catalogue;
use crate::ingest::snapshot_dir;
use crate::model::{BrokerIdx, BrokerState, GroupIdx, LogDirIdx, LogDirState, RackIdx, Statistic, TopicIdx, Window};

/// `snapshot` written to disk and read again, its hash aside.
fn read_back(snapshot: &Snapshot) -> Snapshot {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("s");
    crate::writer::write_dir(&dir, &snapshot_files(snapshot), false).unwrap();
    let (mut read, _) =
        snapshot_dir::read(&dir, &Catalogue::default()).unwrap_or_else(|faults| unreachable!("{faults}"));
    read.cluster.sha256.clear();
    read
}

fn text(snapshot: &Snapshot, name: &str) -> String {
    let files = snapshot_files(snapshot);
    String::from_utf8(files.into_iter().find(|f| f.path == Path::new(name)).unwrap().bytes).unwrap()
}

#[test]
fn the_contracts_example_survives_and_keeps_its_columns() {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/contract-example"));
    let (mut snapshot, _) = snapshot_dir::read(dir, &Catalogue::builtin()).unwrap();
    snapshot.cluster.sha256.clear();
    assert_eq!(read_back(&snapshot), snapshot);
    assert_eq!(text(&snapshot, "topics.csv").lines().next(), Some("topic,resource_group,min_insync_replicas"));
    assert_eq!(
        text(&snapshot, "partitions.csv").lines().nth(1),
        Some("clicks,0,3,8000000,8000000"),
        "rows are in topic, partition order; no rate of messages is known"
    );
    let toml = "format = 1\ncluster_id = \"contract-example\"\ncaptured_at = \"2026-11-20T12:00:00Z\"\nsource = \"by hand\"\n\
                \n[window]\nstart = \"2026-11-13T12:00:00Z\"\nend = \"2026-11-20T12:00:00Z\"\nstatistic = \"p95\"\n";
    assert_eq!(text(&snapshot, "cluster.toml"), toml);
}

/// A name that CSV has to quote now and then, unlike any other.
fn name(stem: &str, number: usize, style: u8) -> String {
    match style % 4 {
        0 => format!("{stem}-{number}"),
        1 => format!("{stem}, {number}"),
        2 => format!("\"{stem}\" {number}"),
        _ => format!("{stem}_é{number}"),
    }
}

fn maybe<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(value)
}

/// A broker's own values; rack and group are offsets, taken modulo what there is.
fn broker() -> impl Strategy<Value = (Broker, usize, usize, usize)> {
    let amount = || maybe(0.001..1e12_f64);
    (
        0_usize..5,
        maybe(any::<u8>()),
        (amount(), maybe(0.0..1.0_f64)),
        (amount(), amount(), amount(), amount()),
        (0_usize..4, 0_usize..4, 0_usize..4),
    )
        .prop_map(
            |(state, host, (cpu_cores, cpu_utilization), (net_in, net_out, seen_in, seen_out), (rack, group, dirs))| {
                let broker = Broker {
                    id: 0,
                    rack: None,
                    group: None,
                    state: BrokerState::ALL[state],
                    machine_model: host.map(|style| name("model", 1, style)),
                    host: host.map(|style| name("host", 1, style)),
                    cpu_cores,
                    cpu_utilization,
                    network_in_capacity_bytes_per_sec: net_in,
                    network_out_capacity_bytes_per_sec: net_out,
                    measured_network_in_bytes_per_sec: seen_in,
                    measured_network_out_bytes_per_sec: seen_out,
                    first_log_dir: 0,
                    log_dir_count: u32::try_from(dirs).unwrap_or(0),
                };
                (broker, rack, group, dirs)
            },
        )
}

/// A replica as numbers: size, broker, dir and flags, taken modulo what there is.
type RawReplica = (u64, usize, usize, bool, u8);

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let replica = (0_u64..1 << 50, any::<usize>(), any::<usize>(), any::<bool>(), 0_u8..4);
    let partition = (0.0..1e9_f64, maybe(any::<usize>()), proptest::collection::vec(replica, 1..4));
    let topic = (any::<u8>(), maybe(0_usize..2), maybe(-1_i64..1 << 40), proptest::collection::vec(partition, 0..4));
    (proptest::collection::vec(broker(), 1..5), proptest::collection::vec(topic, 0..4), maybe(0_usize..5))
        .prop_map(|(brokers, topics, statistic)| assemble(brokers, topics, statistic))
}

type RawTopic = (u8, Option<usize>, Option<i64>, Vec<(f64, Option<usize>, Vec<RawReplica>)>);

fn assemble(brokers: Vec<(Broker, usize, usize, usize)>, topics: Vec<RawTopic>, statistic: Option<usize>) -> Snapshot {
    let instant = "2026-11-20T12:00:00Z".to_owned();
    let window =
        statistic.map(|s| Window { start: instant.clone(), end: instant.clone(), statistic: Statistic::ALL[s] });
    let mut snapshot = Snapshot {
        cluster: ClusterInfo {
            cluster_id: "a \"quoted\" \\ id".to_owned(),
            captured_at: instant,
            source: "é".to_owned(),
            kafka_version: statistic.map(|s| format!("4.{s}")),
            window,
            sha256: String::new(),
        },
        // Every rack and group has to be named by a row, or reading would not find it.
        racks: vec!["r, 0".to_owned(), "r1".to_owned()],
        groups: vec!["g0".to_owned(), "g1".to_owned()],
        ..Snapshot::default()
    };
    for (row, (mut broker, rack, group, dirs)) in brokers.into_iter().enumerate() {
        broker.id = i32::try_from(row * 7).unwrap();
        broker.rack = if row == 0 { Some(RackIdx::new(0)) } else { (rack < 2).then(|| RackIdx::new(rack)) };
        broker.group = if row == 0 { Some(GroupIdx::new(0)) } else { (group < 2).then(|| GroupIdx::new(group)) };
        broker.first_log_dir = if dirs == 0 { 0 } else { u32::try_from(snapshot.log_dirs.len()).unwrap() };
        for dir in 0..dirs {
            snapshot.log_dirs.push(LogDir {
                broker: BrokerIdx::new(row),
                path: format!("/data, {dir}"),
                capacity_bytes: (rack != 1).then_some(1 << (30 + dir)),
                write_capacity_bytes_per_sec: (dir == 1).then_some(210e6),
                state: LogDirState::ALL[dir % 3],
                other_used_bytes: group as u64 * 1000,
            });
        }
        snapshot.brokers.push(broker);
    }
    add_topics(&mut snapshot, topics);
    if !snapshot.brokers.iter().any(|b| b.rack == Some(RackIdx::new(1))) {
        snapshot.racks.truncate(1);
    }
    let mut groups = snapshot.brokers.iter().map(|b| b.group).chain(snapshot.topics.iter().map(|t| t.group));
    if !groups.any(|group| group == Some(GroupIdx::new(1))) {
        snapshot.groups.truncate(1);
    }
    snapshot
}

fn add_topics(snapshot: &mut Snapshot, mut topics: Vec<RawTopic>) {
    let mut named: Vec<(String, RawTopic)> =
        topics.drain(..).enumerate().map(|(row, topic)| (name("topic", row, topic.0), topic)).collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    for (row, (name, (_, group, retention, partitions))) in named.into_iter().enumerate() {
        let first = snapshot.partitions.len();
        snapshot.topics.push(Topic {
            name,
            group: group.map(GroupIdx::new),
            min_insync_replicas: group.map(|g| u32::try_from(g).unwrap()),
            cleanup_policy: retention.map(|_| "compact,delete".to_owned()),
            retention_ms: retention,
            retention_bytes: retention.map(|r| r / 2),
            first_partition: if partitions.is_empty() { 0 } else { u32::try_from(first).unwrap() },
            partition_count: u32::try_from(partitions.len()).unwrap(),
        });
        for (number, (rate, leader, replicas)) in partitions.into_iter().enumerate() {
            add_partition(snapshot, TopicIdx::new(row), number * 2, rate, leader, &replicas);
        }
    }
}

fn add_partition(
    snapshot: &mut Snapshot,
    topic: TopicIdx,
    number: usize,
    rate: f64,
    leader: Option<usize>,
    replicas: &[RawReplica],
) {
    let first = snapshot.replicas.len();
    for &(size_bytes, broker, dir, in_sync, flags) in replicas {
        let broker = BrokerIdx::new(broker % snapshot.brokers.len());
        let dirs = snapshot.broker(broker).log_dir_rows();
        let dir = (!dirs.is_empty() && flags != 3).then(|| LogDirIdx::new(dirs.start + dir % dirs.len()));
        let reassignment = [None, Some(Reassignment::Adding), Some(Reassignment::Removing), None][usize::from(flags)];
        snapshot.replicas.push(Replica { size_bytes, broker, log_dir: dir, in_sync, reassignment });
    }
    let own = &snapshot.replicas[first..];
    snapshot.partitions.push(Partition {
        bytes_in_per_sec: rate,
        bytes_out_per_sec: rate / 3.0,
        messages_in_per_sec: 0.0,
        topic,
        number: u32::try_from(number).unwrap(),
        leader: leader.map(|at| own[at % own.len()].broker),
        first_replica: u32::try_from(first).unwrap(),
        replica_count: u32::try_from(own.len()).unwrap(),
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_rendered_reads_back_as_it_was(snapshot in snapshot()) {
        prop_assert_eq!(read_back(&snapshot), snapshot);
    }
}
