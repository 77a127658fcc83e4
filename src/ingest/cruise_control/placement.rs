//! Who holds and leads what, and how large it is: `/kafka_cluster_state` and `/partition_load`, checked.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use super::answers::{Answer, ClusterState, PartitionLoad, PartitionState};
use super::{codes, units};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::kafka_cli::{count, few, is_topic_name};

/// Topic and partition number.
pub(super) type PartitionKey = (String, u32);

/// What a partition's leader carries; every replica is taken to be as large, as Cruise Control does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) size_bytes: u64,
    pub(super) bytes_in_per_sec: f64,
    pub(super) bytes_out_per_sec: f64,
    pub(super) messages_in_per_sec: f64,
}

/// All partitions of the state, each once.
pub(super) fn partitions(
    state: &Answer<'_, ClusterState>,
    faults: &mut Faults,
) -> BTreeMap<PartitionKey, PartitionState> {
    let mut known: BTreeMap<PartitionKey, PartitionState> = BTreeMap::new();
    for (list, rows) in state.content.partitions.lists() {
        let path = format!("KafkaPartitionState.{list}");
        let mut here: BTreeSet<PartitionKey> = BTreeSet::new();
        for (index, row) in rows.iter().enumerate() {
            let mut refuse = |code, message: String, help: &str| {
                faults.push(state.error(code, &path, index, message).help(help));
            };
            let name = format!("{}-{}", row.topic, row.partition);
            let number = match u32::try_from(row.partition) {
                Ok(number) if is_topic_name(&row.topic) => number,
                _ => {
                    let help = "save the answer again; do not edit it";
                    refuse(codes::VALUE, format!("{name:?} is no partition that Kafka allows"), help);
                    continue;
                }
            };
            if let Some((code, message)) = objection(row) {
                refuse(code, format!("{name}: {message}"), "save the answer again; do not edit it");
            }
            if !here.insert((row.topic.clone(), number)) {
                refuse(codes::CONTRADICTION, format!("{name} is twice in {list:?}"), "keep one");
                continue;
            }
            match known.entry((row.topic.clone(), number)) {
                Slot::Vacant(slot) => drop(slot.insert(row.clone())),
                Slot::Occupied(slot) if slot.get() != row => {
                    let message = format!("{name} is not as in the lists before {list:?}");
                    refuse(
                        codes::CONTRADICTION,
                        message,
                        "save the answer again: one answer says the same in all lists",
                    );
                }
                Slot::Occupied(_) => {}
            }
        }
    }
    if known.is_empty() {
        let message = "no partition in this file".to_owned();
        let help = "save /kafka_cluster_state with json=true&verbose=true";
        faults.push(state.error_at_key(codes::INCOMPLETE, "KafkaPartitionState", message).help(help));
    } else {
        check_counts(state, &known, faults);
    }
    known
}

/// What cannot be in a partition's row.
fn objection(row: &PartitionState) -> Option<(&'static str, String)> {
    let replicas: BTreeSet<i32> = row.replicas.iter().copied().collect();
    if let Some(id) = replicas.first().filter(|id| **id < 0) {
        return Some((codes::VALUE, format!("broker {id} is no broker id")));
    }
    if row.replicas.is_empty() {
        return Some((codes::CONTRADICTION, "it has no replicas".to_owned()));
    }
    if replicas.len() < row.replicas.len() {
        return Some((codes::CONTRADICTION, format!("a broker is twice among the replicas {:?}", row.replicas)));
    }
    let outside = |ids: &[i32]| ids.iter().copied().find(|id| !replicas.contains(id));
    if let Some(id) = outside(&row.in_sync) {
        return Some((codes::CONTRADICTION, format!("broker {id} is in sync and holds no replica")));
    }
    if let Some(id) = outside(&row.offline) {
        return Some((codes::CONTRADICTION, format!("broker {id} has it offline and holds no replica")));
    }
    if row.leader != -1 && !replicas.contains(&row.leader) {
        return Some((codes::CONTRADICTION, format!("its leader {} holds no replica", row.leader)));
    }
    None
}

/// Compares what is listed with the counts by broker, in which Cruise Control leaves out partitions without a leader.
fn check_counts(state: &Answer<'_, ClusterState>, known: &BTreeMap<PartitionKey, PartitionState>, faults: &mut Faults) {
    let mut listed: BTreeMap<i32, (u64, u64)> = BTreeMap::new();
    for row in known.values() {
        for id in &row.replicas {
            let (led, all) = listed.entry(*id).or_default();
            *led += u64::from(row.leader != -1);
            *all += 1;
        }
    }
    for (id, stated) in &state.content.brokers.replica_counts {
        let (led, all) = listed.get(id).copied().unwrap_or_default();
        let path = format!("KafkaBrokerState.ReplicaCountByBrokerId.{id}");
        if *stated > all {
            let message = format!("broker {id} holds {stated} replicas, of which {all} are listed");
            let help = "save /kafka_cluster_state with verbose=true and without topic=";
            faults.push(state.error_at_key(codes::INCOMPLETE, &path, message).help(help));
        } else if *stated < led {
            let message = format!("broker {id} holds {stated} replicas by count and {led} by the lists");
            faults.push(state.error_at_key(codes::CONTRADICTION, &path, message).help("save the answer again"));
        }
    }
}

/// The loads of the partitions in `known`; others are named and left out.
pub(super) fn loads(
    answer: &Answer<'_, PartitionLoad>,
    known: &BTreeMap<PartitionKey, PartitionState>,
    faults: &mut Faults,
) -> BTreeMap<PartitionKey, Load> {
    let mut loads: BTreeMap<PartitionKey, Load> = BTreeMap::new();
    let (mut unknown, mut other_leader) = (Vec::new(), Vec::new());
    for (index, record) in answer.content.records.iter().enumerate() {
        let name = format!("{}-{}", record.topic, record.partition);
        let mut refuse = |code, message: String, help: &str| {
            faults.push(answer.error(code, "records", index, message).help(help));
        };
        let figures = [
            ("disk", record.disk_mb, units::bytes_of_mb(record.disk_mb).map(|bytes| bytes as f64)),
            ("networkInbound", record.network_in_kb, units::bytes_of_kb(record.network_in_kb)),
            ("networkOutbound", record.network_out_kb, units::bytes_of_kb(record.network_out_kb)),
            ("msg_in", record.messages_in, units::plain(record.messages_in)),
        ];
        if let Some((key, value, _)) = figures.iter().find(|(_, _, figure)| figure.is_none()) {
            let (code, what) = match *value < 0.0 {
                true => (codes::VALUE, "is negative"),
                false => (codes::TOO_LARGE, "is more than can be counted"),
            };
            refuse(code, format!("{name}: {key} {value} {what}"), "save the answer again; do not edit it");
            continue;
        }
        let Some((key, row)) = u32::try_from(record.partition)
            .ok()
            .and_then(|number| known.get_key_value(&(record.topic.clone(), number)))
        else {
            unknown.push(name);
            continue;
        };
        if row.leader != record.leader {
            other_leader.push(name.clone());
        }
        let load = Load {
            size_bytes: units::bytes_of_mb(record.disk_mb).unwrap_or_default(),
            bytes_in_per_sec: figures[1].2.unwrap_or_default(),
            bytes_out_per_sec: figures[2].2.unwrap_or_default(),
            messages_in_per_sec: figures[3].2.unwrap_or_default(),
        };
        if loads.insert(key.clone(), load).is_some() {
            refuse(codes::CONTRADICTION, format!("{name} is there twice"), "keep one");
        }
    }
    let mut differ = |names: &[String], what: &str, help: &str| {
        if !names.is_empty() {
            let message = format!("{} {what}: {}", count(names.len(), "partition"), few(names));
            faults.push(answer.warning(codes::DISAGREEMENT, message).help(help));
        }
    };
    let help = "left out: save all answers again, within a minute, if these partitions are in the cluster";
    differ(&unknown, "of this file are not in the cluster's state", help);
    differ(&other_leader, "have another leader than in the cluster's state", "the state's is taken");
    tell_without_load(answer, known, &loads, faults);
    loads
}

fn tell_without_load(
    answer: &Answer<'_, PartitionLoad>,
    known: &BTreeMap<PartitionKey, PartitionState>,
    loads: &BTreeMap<PartitionKey, Load>,
    faults: &mut Faults,
) {
    let lacking: Vec<String> = known
        .keys()
        .filter(|key| !loads.contains_key(*key))
        .map(|(topic, number)| format!("{topic}-{number}"))
        .collect();
    if !lacking.is_empty() {
        let number = count(lacking.len(), "partition");
        let message = format!("no load of {number}, whose sizes and rates count as 0: {}", few(&lacking));
        let help = "save /partition_load without entries=, topic= and min_valid_partition_ratio, once Cruise Control has \
                    seen all partitions";
        faults.push(answer.warning(codes::WITHOUT_LOAD, message).help(help));
    }
}

/// A fault where all sizes together are more than can be counted: 2^62 bytes.
pub(super) fn check_total(
    answer: &Answer<'_, PartitionLoad>,
    known: &BTreeMap<PartitionKey, PartitionState>,
    loads: &BTreeMap<PartitionKey, Load>,
) -> Option<Fault> {
    const TOTAL_MAX: u64 = 1 << 62;
    let total = loads.iter().try_fold(0_u64, |sum, (key, load)| {
        let replicas = known.get(key).map_or(0, |row| row.replicas.len() as u64);
        load.size_bytes.checked_mul(replicas).and_then(|bytes| sum.checked_add(bytes))
    });
    let fits = total.is_some_and(|total| total <= TOTAL_MAX);
    (!fits).then(|| {
        let message = "the partitions' sizes add up to more than 2^62 bytes".to_owned();
        answer.error_at_key(codes::TOO_LARGE, "records", message).help("save the answer again; do not edit it")
    })
}
