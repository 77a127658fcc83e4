//! Small snapshots for unit tests, row by row, with the invariants that ingestion otherwise holds.

use std::collections::BTreeSet;

use super::index::{BrokerIdx, GroupIdx, LogDirIdx, RackIdx, TopicIdx};
use super::snapshot::{Broker, BrokerState, LogDir, LogDirState, Partition, Replica, Snapshot, Topic};

/// Topic, number, leader, bytes in and out, replicas (broker, dir, size, whether in sync).
type PartitionRow = (String, u32, Option<i32>, f64, f64, Vec<(i32, String, u64, bool)>);

/// Rows of a snapshot under construction.
#[derive(Default)]
pub(crate) struct Fixture {
    brokers: Vec<(i32, String, String, BrokerState)>,
    log_dirs: Vec<(i32, String, u64, LogDirState, u64)>,
    partitions: Vec<PartitionRow>,
    groups: Vec<(String, String)>,
}

impl Fixture {
    pub(crate) fn broker(mut self, id: i32, rack: &str, group: &str, state: BrokerState) -> Self {
        self.brokers.push((id, rack.to_owned(), group.to_owned(), state));
        self
    }

    pub(crate) fn dir(mut self, id: i32, path: &str, capacity: u64, state: LogDirState, other: u64) -> Self {
        self.log_dirs.push((id, path.to_owned(), capacity, state, other));
        self
    }

    pub(crate) fn topic(mut self, topic: &str, group: &str) -> Self {
        self.groups.push((topic.to_owned(), group.to_owned()));
        self
    }

    /// A partition with `replicas` (broker, dir, size, whether in sync).
    pub(crate) fn partition(
        mut self,
        (topic, number): (&str, u32),
        leader: i32,
        (bytes_in, bytes_out): (f64, f64),
        replicas: &[(i32, &str, u64, bool)],
    ) -> Self {
        let replicas = replicas.iter().map(|&(b, d, size, sync)| (b, d.to_owned(), size, sync)).collect();
        let leader = (leader >= 0).then_some(leader);
        self.partitions.push((topic.to_owned(), number, leader, bytes_in, bytes_out, replicas));
        self
    }

    pub(crate) fn build(mut self) -> Snapshot {
        self.brokers.sort_by_key(|b| b.0);
        self.log_dirs.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        self.partitions.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let mut snapshot = Snapshot::default();
        snapshot.cluster.cluster_id = "test".to_owned();
        snapshot.cluster.captured_at = "2026-11-20T12:00:00Z".to_owned();
        snapshot.cluster.sha256 = "0123456789abcdef".to_owned();
        snapshot.racks = names(self.brokers.iter().map(|b| &b.1));
        snapshot.groups = names(self.brokers.iter().map(|b| &b.2).chain(self.groups.iter().map(|g| &g.1)));
        self.add_brokers(&mut snapshot);
        self.add_partitions(&mut snapshot);
        snapshot
    }

    fn add_brokers(&self, snapshot: &mut Snapshot) {
        for (id, rack, group, state) in &self.brokers {
            let first = snapshot.log_dirs.len();
            for (_, path, capacity, state, other) in self.log_dirs.iter().filter(|d| d.0 == *id) {
                snapshot.log_dirs.push(LogDir {
                    broker: BrokerIdx::new(snapshot.brokers.len()),
                    path: path.clone(),
                    capacity_bytes: Some(*capacity),
                    write_capacity_bytes_per_sec: None,
                    state: *state,
                    other_used_bytes: *other,
                });
            }
            snapshot.brokers.push(Broker {
                id: *id,
                rack: snapshot.racks.iter().position(|r| r == rack).map(RackIdx::new),
                group: snapshot.groups.iter().position(|g| g == group).map(GroupIdx::new),
                state: *state,
                machine_model: None,
                host: None,
                cpu_cores: None,
                cpu_utilization: None,
                network_in_capacity_bytes_per_sec: None,
                network_out_capacity_bytes_per_sec: None,
                measured_network_in_bytes_per_sec: None,
                measured_network_out_bytes_per_sec: None,
                first_log_dir: first as u32,
                log_dir_count: (snapshot.log_dirs.len() - first) as u32,
            });
        }
    }

    fn add_partitions(&self, snapshot: &mut Snapshot) {
        for (topic, number, leader, bytes_in, bytes_out, replicas) in &self.partitions {
            if snapshot.topics.last().is_none_or(|t| t.name != *topic) {
                let group = self.groups.iter().find(|g| g.0 == *topic).map(|g| g.1.as_str());
                snapshot.topics.push(Topic {
                    name: topic.clone(),
                    group: group.and_then(|g| snapshot.group_by_name(g)),
                    min_insync_replicas: None,
                    cleanup_policy: None,
                    retention_ms: None,
                    retention_bytes: None,
                    first_partition: snapshot.partitions.len() as u32,
                    partition_count: 0,
                });
            }
            let topic_row = snapshot.topics.len() - 1;
            snapshot.topics[topic_row].partition_count += 1;
            snapshot.partitions.push(Partition {
                bytes_in_per_sec: *bytes_in,
                bytes_out_per_sec: *bytes_out,
                messages_in_per_sec: 0.0,
                topic: TopicIdx::new(topic_row),
                number: *number,
                leader: leader.and_then(|id| snapshot.broker_by_id(id)),
                first_replica: snapshot.replicas.len() as u32,
                replica_count: replicas.len() as u32,
            });
            for (id, path, size_bytes, in_sync) in replicas {
                let row = snapshot.brokers.iter().position(|b| b.id == *id);
                let broker = BrokerIdx::new(row.unwrap_or(usize::MAX));
                let log_dir: Option<LogDirIdx> = snapshot.log_dir_by_path(broker, path);
                assert!(log_dir.is_some() || path.is_empty(), "broker {id} has no dir {path:?}");
                snapshot.replicas.push(Replica {
                    size_bytes: *size_bytes,
                    broker,
                    log_dir,
                    in_sync: *in_sync,
                    reassignment: None,
                });
            }
        }
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let set: BTreeSet<&String> = names.filter(|name| !name.is_empty()).collect();
    set.into_iter().cloned().collect()
}
