//! What changed between two snapshots of a cluster. Input: both. Output: [`Diff`], every list in a fixed order.
//!
//! Brokers are the same by id, log dirs by broker and path, topics by name, partitions by topic and number. A replica
//! moved where one broker holds it before and another after; of several, the lowest broker that lost one is paired with
//! the lowest that gained one, since a snapshot does not say which was copied for which.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Broker, BrokerIdx, LogDir, Partition, PartitionIdx, Snapshot, Topic};

/// What differs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Cluster ids and times: before, after.
    pub clusters: [(String, String); 2],
    /// Brokers, by id.
    pub brokers: Changes<i32>,
    /// Log dirs, by broker id and path.
    pub log_dirs: Changes<(i32, String)>,
    /// Topics, by name.
    pub topics: Changes<String>,
    /// Partitions that only the later snapshot has.
    pub partitions_added: u64,
    /// Partitions that only the earlier snapshot has.
    pub partitions_removed: u64,
    /// Partitions of both whose brokers, their order or log dirs differ.
    pub partitions_reassigned: u64,
    /// Partitions of both whose leader differs.
    pub leaders_changed: u64,
    /// Partitions of both whose in-sync replicas differ.
    pub isr_changed: u64,
    /// Replicas that changed broker, by (from, to): how many and the largest size of each.
    pub moved: BTreeMap<(i32, i32), Moved>,
    /// Replicas that changed log dir on their broker.
    pub log_dir_moves: u64,
    /// Replicas beyond those moved: the replication factor rose.
    pub replicas_added: u64,
    /// Replicas less than those moved: the replication factor fell.
    pub replicas_removed: u64,
    /// Cluster totals.
    pub totals: [Totals; 2],
    /// Topics whose size or traffic differs, the largest change of traffic first, then of size, then by name.
    pub traffic: Vec<TopicChange>,
}

impl Diff {
    /// Whether nothing differs; the times and ids of the snapshots do not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let same = Self { clusters: self.clusters.clone(), totals: self.totals, ..Self::default() };
        *self == same && self.totals[0] == self.totals[1]
    }
}

/// What was added, removed, or has another value.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes<K> {
    /// Only after.
    pub added: Vec<K>,
    /// Only before.
    pub removed: Vec<K>,
    /// In both, with another value.
    pub changed: Vec<Change<K>>,
}

impl<K> Default for Changes<K> {
    fn default() -> Self {
        Self { added: Vec::new(), removed: Vec::new(), changed: Vec::new() }
    }
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<K> {
    /// Whose.
    pub of: K,
    /// The snapshot's column.
    pub field: &'static str,
    /// Value before; none where empty.
    pub before: Option<String>,
    /// Value after; none where empty.
    pub after: Option<String>,
}

/// Replicas between two brokers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many.
    pub replicas: u64,
    /// Bytes copied: the largest replica size of each partition before.
    pub bytes: u64,
}

/// What a snapshot holds in all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Brokers.
    pub brokers: u64,
    /// Topics.
    pub topics: u64,
    /// Partitions.
    pub partitions: u64,
    /// Replicas.
    pub replicas: u64,
    /// Bytes of all replicas.
    pub size_bytes: u64,
    /// Produced, bytes per second.
    pub bytes_in_per_sec: f64,
    /// Consumed, bytes per second.
    pub bytes_out_per_sec: f64,
}

/// A topic's size and traffic: before, after; 0 where it is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicChange {
    /// Topic name.
    pub topic: String,
    /// Bytes of all replicas.
    pub size_bytes: [u64; 2],
    /// Produced, bytes per second.
    pub bytes_in_per_sec: [f64; 2],
    /// Consumed, bytes per second.
    pub bytes_out_per_sec: [f64; 2],
}

impl TopicChange {
    /// How much traffic changed, bytes per second, in and out without sign.
    #[must_use]
    pub fn traffic_change_bytes_per_sec(&self) -> f64 {
        let change = |[before, after]: [f64; 2]| (after - before).abs();
        change(self.bytes_in_per_sec) + change(self.bytes_out_per_sec)
    }

    fn size_change_bytes(&self) -> u64 {
        self.size_bytes[0].abs_diff(self.size_bytes[1])
    }
}

/// Compares `before` with `after`.
#[must_use]
pub fn diff(before: &Snapshot, after: &Snapshot) -> Diff {
    let cluster = |snapshot: &Snapshot| (snapshot.cluster.cluster_id.clone(), snapshot.cluster.captured_at.clone());
    let mut diff = Diff {
        clusters: [cluster(before), cluster(after)],
        brokers: changes(&brokers(before), &brokers(after)),
        log_dirs: changes(&log_dirs(before), &log_dirs(after)),
        topics: changes(&topics(before), &topics(after)),
        totals: [totals(before), totals(after)],
        ..Diff::default()
    };
    let mut common = 0;
    for old in before.partition_indices() {
        let partition = before.partition(old);
        let topic = after.topic_by_name(&before.topic(partition.topic).name);
        match topic.and_then(|topic| after.partition_by_number(topic, partition.number)) {
            Some(new) => {
                common += 1;
                compare(&mut diff, (before, old), (after, new));
            }
            None => diff.partitions_removed += 1,
        }
    }
    diff.partitions_added = after.partitions.len() as u64 - common;
    diff.traffic = traffic(before, after);
    diff
}

/// A row's columns with their values as text.
type Fields = Vec<(&'static str, Option<String>)>;

fn brokers(snapshot: &Snapshot) -> BTreeMap<i32, Fields> {
    let name = |names: &[String], row: Option<usize>| row.and_then(|row| names.get(row).cloned());
    let figure = |value: Option<f64>| value.map(|value| value.to_string());
    let fields = |b: &Broker| {
        vec![
            ("state", Some(b.state.name().to_owned())),
            ("rack", name(&snapshot.racks, b.rack.map(|rack| rack.row()))),
            ("resource_group", name(&snapshot.groups, b.group.map(|group| group.row()))),
            ("machine_model", b.machine_model.clone()),
            ("host", b.host.clone()),
            ("cpu_cores", figure(b.cpu_cores)),
            ("network_in_capacity_bytes_per_sec", figure(b.network_in_capacity_bytes_per_sec)),
            ("network_out_capacity_bytes_per_sec", figure(b.network_out_capacity_bytes_per_sec)),
        ]
    };
    snapshot.brokers.iter().map(|broker| (broker.id, fields(broker))).collect()
}

fn log_dirs(snapshot: &Snapshot) -> BTreeMap<(i32, String), Fields> {
    let fields = |dir: &LogDir| {
        vec![
            ("state", Some(dir.state.name().to_owned())),
            ("capacity_bytes", dir.capacity_bytes.map(|bytes| bytes.to_string())),
        ]
    };
    snapshot.log_dirs.iter().map(|dir| ((snapshot.broker(dir.broker).id, dir.path.clone()), fields(dir))).collect()
}

fn topics(snapshot: &Snapshot) -> BTreeMap<String, Fields> {
    let fields = |topic: &Topic| {
        let factors: BTreeSet<u32> =
            snapshot.partitions.get(topic.partition_rows()).into_iter().flatten().map(|p| p.replica_count).collect();
        let factors: Vec<String> = factors.iter().map(ToString::to_string).collect();
        vec![
            ("partitions", Some(topic.partition_count.to_string())),
            ("replication_factor", Some(factors.join(","))),
            ("resource_group", topic.group.and_then(|group| snapshot.groups.get(group.row()).cloned())),
            ("min_insync_replicas", topic.min_insync_replicas.map(|n| n.to_string())),
            ("cleanup_policy", topic.cleanup_policy.clone()),
            ("retention_ms", topic.retention_ms.map(|n| n.to_string())),
            ("retention_bytes", topic.retention_bytes.map(|n| n.to_string())),
        ]
    };
    snapshot.topics.iter().map(|topic| (topic.name.clone(), fields(topic))).collect()
}

fn changes<K: Clone + Ord>(before: &BTreeMap<K, Fields>, after: &BTreeMap<K, Fields>) -> Changes<K> {
    let only = |here: &BTreeMap<K, Fields>, there: &BTreeMap<K, Fields>| -> Vec<K> {
        here.keys().filter(|key| !there.contains_key(*key)).cloned().collect()
    };
    let mut changed = Vec::new();
    for (key, old) in before {
        for ((field, before), (_, after)) in old.iter().zip(after.get(key).into_iter().flatten()) {
            if before != after {
                changed.push(Change { of: key.clone(), field, before: before.clone(), after: after.clone() });
            }
        }
    }
    Changes { added: only(after, before), removed: only(before, after), changed }
}

/// Broker id and log dir of each replica, in position order.
fn placed(snapshot: &Snapshot, partition: PartitionIdx) -> Vec<(i32, Option<&str>)> {
    let place = |replica: &crate::model::Replica| {
        (snapshot.broker(replica.broker).id, replica.log_dir.map(|dir| snapshot.log_dir(dir).path.as_str()))
    };
    snapshot.replicas_of(partition).iter().map(place).collect()
}

fn compare(diff: &mut Diff, (before, old): (&Snapshot, PartitionIdx), (after, new): (&Snapshot, PartitionIdx)) {
    let (places_before, places_after) = (placed(before, old), placed(after, new));
    diff.partitions_reassigned += u64::from(places_before != places_after);
    let leader = |s: &Snapshot, p: PartitionIdx| s.partition(p).leader.map(|leader: BrokerIdx| s.broker(leader).id);
    diff.leaders_changed += u64::from(leader(before, old) != leader(after, new));
    let in_sync = |s: &Snapshot, p: PartitionIdx| -> BTreeSet<i32> {
        s.replicas_of(p).iter().filter(|r| r.in_sync).map(|r| s.broker(r.broker).id).collect()
    };
    diff.isr_changed += u64::from(in_sync(before, old) != in_sync(after, new));
    let by_broker: BTreeMap<i32, Option<&str>> = places_before.iter().copied().collect();
    let now: BTreeMap<i32, Option<&str>> = places_after.iter().copied().collect();
    let lost: Vec<i32> = by_broker.keys().filter(|id| !now.contains_key(id)).copied().collect();
    let gained: Vec<i32> = now.keys().filter(|id| !by_broker.contains_key(id)).copied().collect();
    for pair in lost.iter().copied().zip(gained.iter().copied()) {
        let moved = diff.moved.entry(pair).or_default();
        moved.replicas += 1;
        moved.bytes = moved.bytes.saturating_add(before.copy_size_bytes(old));
    }
    diff.replicas_added += gained.len().saturating_sub(lost.len()) as u64;
    diff.replicas_removed += lost.len().saturating_sub(gained.len()) as u64;
    let both = by_broker.iter().filter_map(|(id, dir)| dir.zip(now.get(id).copied().flatten()));
    diff.log_dir_moves += both.filter(|(a, b)| a != b).count() as u64;
}

fn totals(snapshot: &Snapshot) -> Totals {
    Totals {
        brokers: snapshot.brokers.len() as u64,
        topics: snapshot.topics.len() as u64,
        partitions: snapshot.partitions.len() as u64,
        replicas: snapshot.replicas.len() as u64,
        size_bytes: snapshot.replicas.iter().fold(0, |sum, r| sum.saturating_add(r.size_bytes)),
        bytes_in_per_sec: snapshot.partitions.iter().map(|p| p.bytes_in_per_sec).sum(),
        bytes_out_per_sec: snapshot.partitions.iter().map(|p| p.bytes_out_per_sec).sum(),
    }
}

/// Size and rates of a topic.
fn sums(snapshot: &Snapshot, name: &str) -> (u64, f64, f64) {
    let Some(topic) = snapshot.topic_by_name(name) else { return (0, 0.0, 0.0) };
    let partitions: &[Partition] = snapshot.partitions.get(snapshot.topic(topic).partition_rows()).unwrap_or_default();
    let size = |p: &Partition| {
        let replicas = snapshot.replicas.get(p.replica_rows()).unwrap_or_default();
        replicas.iter().fold(0_u64, |sum, r| sum.saturating_add(r.size_bytes))
    };
    let bytes = partitions.iter().fold(0_u64, |sum, p| sum.saturating_add(size(p)));
    let rate = |of: fn(&Partition) -> f64| partitions.iter().map(of).fold(0.0, |sum, rate| sum + rate);
    (bytes, rate(|p| p.bytes_in_per_sec), rate(|p| p.bytes_out_per_sec))
}

fn traffic(before: &Snapshot, after: &Snapshot) -> Vec<TopicChange> {
    let names: BTreeSet<&str> = before.topics.iter().chain(&after.topics).map(|topic| topic.name.as_str()).collect();
    let mut changes = Vec::new();
    for name in names {
        let (old, new) = (sums(before, name), sums(after, name));
        if old != new {
            changes.push(TopicChange {
                topic: name.to_owned(),
                size_bytes: [old.0, new.0],
                bytes_in_per_sec: [old.1, new.1],
                bytes_out_per_sec: [old.2, new.2],
            });
        }
    }
    // Stable, so that equals stay in name order.
    changes.sort_by(|a, b| {
        let traffic = b.traffic_change_bytes_per_sec().total_cmp(&a.traffic_change_bytes_per_sec());
        traffic.then(b.size_change_bytes().cmp(&a.size_change_bytes()))
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{SynthSpec, synthesize};

    fn cluster() -> Snapshot {
        let spec = SynthSpec { brokers: 6, partitions: 60, racks: 3, ..SynthSpec::default() };
        synthesize(&spec).unwrap_or_default()
    }

    #[test]
    fn a_snapshot_does_not_differ_from_itself() {
        let snapshot = cluster();
        assert!(!snapshot.partitions.is_empty());
        assert!(diff(&snapshot, &snapshot).is_empty());
    }

    #[test]
    fn a_replica_that_moved_is_told_by_its_brokers_and_bytes() {
        let before = cluster();
        let mut after = before.clone();
        let partition = PartitionIdx::new(0);
        let held: Vec<BrokerIdx> = before.replicas_of(partition).iter().map(|r| r.broker).collect();
        let target = before.broker_indices().find(|b| !held.contains(b));
        let last = before.partition(partition).replica_rows().last();
        let (Some(target), Some(last)) = (target, last) else { return };
        let from = before.broker(before.replicas[last].broker).id;
        after.replicas[last].broker = target;
        after.replicas[last].log_dir = None;
        after.brokers[0].cpu_cores = Some(1.0);
        after.partitions[1].bytes_in_per_sec += 5.0;
        let found = diff(&before, &after);
        let moved = Moved { replicas: 1, bytes: before.copy_size_bytes(partition) };
        assert_eq!(found.moved, BTreeMap::from([((from, before.broker(target).id), moved)]));
        assert_eq!((found.partitions_reassigned, found.replicas_added, found.replicas_removed), (1, 0, 0));
        assert_eq!(found.brokers.changed.iter().map(|c| c.field).collect::<Vec<_>>(), ["cpu_cores"]);
        assert_eq!(found.traffic.len(), 1);
        assert!((found.traffic[0].traffic_change_bytes_per_sec() - 5.0).abs() < 1e-6);
    }
}
