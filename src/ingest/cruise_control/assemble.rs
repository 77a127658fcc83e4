//! Joins brokers, partitions and loads into the tables of a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::PartitionState;
use super::brokers::Known;
use super::placement::{Load, PartitionKey};
use super::units;
use crate::ingest::inventory::id_ranges;
use crate::ingest::kafka_cli::{Summary, count, is_printable};
use crate::model::{
    Broker, BrokerIdx, GroupIdx, LogDir, LogDirIdx, LogDirState, Partition, RackIdx, Replica, Snapshot, Topic, TopicIdx,
};

/// Builds the snapshot; what had to be inferred goes to `summary`.
pub(super) fn assemble(
    brokers: &BTreeMap<i32, Known>,
    partitions: &BTreeMap<PartitionKey, PartitionState>,
    loads: &BTreeMap<PartitionKey, Load>,
    summary: &mut Summary,
) -> Snapshot {
    let mut snapshot = Snapshot::default();
    add_brokers(&mut snapshot, brokers);
    let mut unplaced: BTreeMap<i32, usize> = BTreeMap::new();
    for ((topic, number), row) in partitions {
        let index = match snapshot.topics.last() {
            Some(last) if last.name == *topic => TopicIdx::new(snapshot.topics.len() - 1),
            _ => {
                snapshot.topics.push(Topic {
                    name: topic.clone(),
                    group: None,
                    min_insync_replicas: row.min_isr.filter(|min| *min > 0),
                    cleanup_policy: None,
                    retention_ms: None,
                    retention_bytes: None,
                    first_partition: row_number(snapshot.partitions.len()),
                    partition_count: 0,
                });
                TopicIdx::new(snapshot.topics.len() - 1)
            }
        };
        let load = loads.get(&(topic.clone(), *number)).copied().unwrap_or_default();
        let first_replica = row_number(snapshot.replicas.len());
        for id in &row.replicas {
            let Some(broker) = snapshot.broker_by_id(*id) else { continue };
            let log_dir = log_dir_of(&snapshot, broker, row.offline.contains(id));
            if log_dir.is_none() && snapshot.broker(broker).log_dir_count > 0 {
                *unplaced.entry(*id).or_default() += 1;
            }
            snapshot.replicas.push(Replica {
                size_bytes: load.size_bytes,
                broker,
                log_dir,
                in_sync: row.in_sync.contains(id),
                reassignment: None,
            });
        }
        snapshot.partitions.push(Partition {
            bytes_in_per_sec: load.bytes_in_per_sec,
            bytes_out_per_sec: load.bytes_out_per_sec,
            messages_in_per_sec: load.messages_in_per_sec,
            topic: index,
            number: *number,
            leader: snapshot.broker_by_id(row.leader),
            first_replica,
            replica_count: row_number(snapshot.replicas.len()) - first_replica,
        });
        if let Some(topic) = snapshot.topics.last_mut() {
            topic.partition_count += 1;
        }
    }
    if !unplaced.is_empty() {
        let ids: Vec<i32> = unplaced.keys().copied().collect();
        summary.missing.push(format!(
            "log dirs of {} on {}: Cruise Control does not tell them, so that these brokers' dirs are not planned. \
             snapshot kafka and snapshot kafka-cli do",
            count(unplaced.values().sum(), "replica"),
            id_ranges(&ids)
        ));
    }
    add_topic_groups(&mut snapshot, summary);
    snapshot
}

fn add_brokers(snapshot: &mut Snapshot, brokers: &BTreeMap<i32, Known>) {
    let rack_of = |broker: &Known| broker.stats.rack.clone().filter(|rack| is_printable(rack));
    let racks: BTreeSet<String> = brokers.values().filter_map(rack_of).collect();
    let groups: BTreeSet<String> = brokers.values().filter_map(|broker| broker.group.clone()).collect();
    snapshot.racks = racks.into_iter().collect();
    snapshot.groups = groups.into_iter().collect();
    for (id, known) in brokers {
        let index = BrokerIdx::new(snapshot.brokers.len());
        let first = row_number(snapshot.log_dirs.len());
        for (path, is_online) in &known.log_dirs {
            snapshot.log_dirs.push(LogDir {
                broker: index,
                path: path.clone(),
                capacity_bytes: known.dir_capacity.get(path).copied(),
                write_capacity_bytes_per_sec: None,
                state: if *is_online { LogDirState::Online } else { LogDirState::Offline },
                other_used_bytes: 0,
            });
        }
        let log_dir_count = row_number(snapshot.log_dirs.len()) - first;
        let row = |names: &[String], name: Option<&String>| names.binary_search(name?).ok();
        let stats = &known.stats;
        let rate = |kb: Option<f64>| kb.and_then(units::bytes_of_kb).filter(|_| !known.is_down);
        // Estimates may pass 100 %; a broker cannot use more than all of its cores.
        let cpu = stats.cpu_percent.filter(|_| !known.is_down).map(|percent| (percent / 100.0).min(1.0));
        snapshot.brokers.push(Broker {
            id: *id,
            rack: row(&snapshot.racks, rack_of(known).as_ref()).map(RackIdx::new),
            group: row(&snapshot.groups, known.group.as_ref()).map(GroupIdx::new),
            state: known.state(),
            machine_model: None,
            host: stats.host.clone().filter(|host| is_printable(host)),
            cpu_cores: known.cores,
            cpu_utilization: cpu,
            network_in_capacity_bytes_per_sec: known.network_in_capacity_bytes_per_sec,
            network_out_capacity_bytes_per_sec: known.network_out_capacity_bytes_per_sec,
            measured_network_in_bytes_per_sec: rate(
                stats.leader_in_kb.zip(stats.follower_in_kb).map(|(leader, follower)| leader + follower),
            ),
            measured_network_out_bytes_per_sec: rate(stats.out_kb),
            // A broker without dirs starts at 0, as in a snapshot that is read.
            first_log_dir: if log_dir_count > 0 { first } else { 0 },
            log_dir_count,
        });
    }
}

/// The dir of a replica, where only one of the broker's can be it: an offline replica is on an offline dir.
fn log_dir_of(snapshot: &Snapshot, broker: BrokerIdx, is_offline: bool) -> Option<LogDirIdx> {
    let rows = snapshot.broker(broker).log_dir_rows();
    let fits = |row: &usize| snapshot.log_dirs.get(*row).is_some_and(|dir| dir.state.is_serving() != is_offline);
    let mut candidates = rows.filter(fits);
    let first = candidates.next()?;
    candidates.next().is_none().then(|| LogDirIdx::new(first))
}

/// A topic whose replicas all sit in one broker set belongs to it: that is what Cruise Control's `BrokerSetAwareGoal`
/// brings about. It does not tell which set a topic was assigned to.
fn add_topic_groups(snapshot: &mut Snapshot, summary: &mut Summary) {
    if !snapshot.is_grouped() {
        return;
    }
    let (mut assigned, mut across) = (0, 0);
    for topic in 0..snapshot.topics.len() {
        let Some(rows) = snapshot.topics.get(topic).map(Topic::partition_rows) else { continue };
        let replicas = snapshot.partitions.get(rows).into_iter().flatten().flat_map(|p| {
            snapshot.replicas.get(p.replica_rows()).into_iter().flatten().map(|r| snapshot.broker(r.broker).group)
        });
        let groups: BTreeSet<Option<GroupIdx>> = replicas.collect();
        let only = groups.first().copied().flatten().filter(|_| groups.len() == 1);
        match only {
            Some(_) => assigned += 1,
            None => across += 1,
        }
        if let Some(topic) = snapshot.topics.get_mut(topic) {
            topic.group = only;
        }
    }
    if assigned > 0 {
        let number = count(assigned, "topic");
        summary.derived.push(format!("{number} belong to the broker set that all of their replicas sit in"));
    }
    if across > 0 {
        let number = count(across, "topic");
        summary.missing.push(format!(
            "resource groups of {number} with replicas in several broker sets or in none: name them in the inventory"
        ));
    }
}

/// Row numbers are 32 bits: a text with more rows would not fit into memory.
fn row_number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
