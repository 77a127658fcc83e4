//! Brokers: ids, states, log dirs, hardware and groups, from the state, `/load`, the capacity files and broker sets.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{
    Answer, BROKER_DEAD, BrokerLoad, BrokerSets, BrokerStats, ClusterState, PartitionState, TIMED_OUT,
};
use super::capacity::{Capacities, Disk};
use super::placement::PartitionKey;
use super::{codes, units};
use crate::ingest::fault::Faults;
use crate::ingest::inventory::id_ranges;
use crate::ingest::kafka_cli::{Summary, few, is_printable};
use crate::model::BrokerState;
use crate::model::snapshot::DEFAULT_GROUP;

/// Cores that Cruise Control tells where it was given none: the default of 100 % counts as one (`BasicStats`).
const UNTOLD_CORES: f64 = 1.0;

/// A broker as far as it is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) is_down: bool,
    /// Without replicas, as Cruise Control says itself.
    pub(super) is_new: bool,
    pub(super) stats: BrokerStats,
    /// Path and whether it works.
    pub(super) log_dirs: BTreeMap<String, bool>,
    /// By path, bytes.
    pub(super) dir_capacity: BTreeMap<String, u64>,
    pub(super) cores: Option<f64>,
    pub(super) network_in_capacity_bytes_per_sec: Option<f64>,
    pub(super) network_out_capacity_bytes_per_sec: Option<f64>,
    pub(super) group: Option<String>,
}

impl Known {
    pub(super) fn state(&self) -> BrokerState {
        match (self.is_down, self.is_new) {
            (true, _) => BrokerState::Down,
            (false, true) => BrokerState::New,
            (false, false) => BrokerState::Alive,
        }
    }
}

/// Every broker that any answer names, by id.
pub(super) fn known(
    state: &Answer<'_, ClusterState>,
    load: Option<&Answer<'_, BrokerLoad>>,
    partitions: &BTreeMap<PartitionKey, PartitionState>,
    summary: &mut Summary,
    faults: &mut Faults,
) -> BTreeMap<i32, Known> {
    let told = &state.content.brokers;
    let holders: BTreeSet<i32> = partitions.values().flat_map(|row| row.replicas.iter().copied()).collect();
    let ids = told.replica_counts.keys().chain(told.online_log_dirs.keys()).chain(told.offline_log_dirs.keys());
    let mut brokers: BTreeMap<i32, Known> =
        ids.chain(&holders).map(|id| (*id, Known { is_down: true, ..Known::default() })).collect();
    for (id, stats) in stats(load, faults) {
        let broker = brokers.entry(id).or_default();
        broker.is_down = stats.state.as_deref() == Some("DEAD");
        broker.is_new = stats.state.as_deref() == Some("NEW") && !holders.contains(&id);
        broker.stats = stats;
    }
    let mut timed_out = Vec::new();
    for (is_online, dirs) in [(true, &told.online_log_dirs), (false, &told.offline_log_dirs)] {
        for (id, paths) in dirs {
            let Some(broker) = brokers.get_mut(id) else { continue };
            let is_dead = paths.iter().any(|path| path == BROKER_DEAD);
            // A broker that described its dirs serves, whatever the load's model, which may be older, says.
            broker.is_down = is_dead;
            if paths.iter().any(|path| path == TIMED_OUT) {
                timed_out.push(*id);
            }
            for path in paths.iter().filter(|path| *path != BROKER_DEAD && *path != TIMED_OUT) {
                let key = match is_online {
                    true => format!("KafkaBrokerState.OnlineLogDirsByBrokerId.{id}"),
                    false => format!("KafkaBrokerState.OfflineLogDirsByBrokerId.{id}"),
                };
                if !is_printable(path) {
                    let message = format!("{path:?} of broker {id} is no path");
                    faults.push(state.error_at_key(codes::VALUE, &key, message).help("save the answer again"));
                } else if broker.log_dirs.insert(path.clone(), is_online).is_some_and(|before| before != is_online) {
                    let message = format!("{path} of broker {id} is both online and offline");
                    faults.push(state.error_at_key(codes::CONTRADICTION, &key, message).help("save the answer again"));
                }
            }
        }
    }
    if let Some(id) = brokers.keys().find(|id| **id < 0) {
        let message = format!("{id} is no broker id");
        faults.push(state.error_at_key(codes::VALUE, "KafkaBrokerState", message).help("save the answer again"));
    }
    timed_out.sort_unstable();
    timed_out.dedup();
    if !timed_out.is_empty() {
        let line = "the log dirs of {}: they did not answer in time. Save /kafka_cluster_state again";
        summary.missing.push(line.replace("{}", &id_ranges(&timed_out)));
    }
    brokers
}

/// What `/load` says, by broker.
fn stats(load: Option<&Answer<'_, BrokerLoad>>, faults: &mut Faults) -> BTreeMap<i32, BrokerStats> {
    let mut known = BTreeMap::new();
    let Some(answer) = load else { return known };
    for (index, stats) in answer.content.brokers.iter().enumerate() {
        let id = stats.broker;
        let mut refuse = |code, message: String| {
            faults.push(answer.error(code, "brokers", index, message).help("save the answer again; do not edit it"));
        };
        if id < 0 {
            refuse(codes::VALUE, format!("{id} is no broker id"));
            continue;
        }
        let figures = [
            ("CpuPct", stats.cpu_percent),
            ("LeaderNwInRate", stats.leader_in_kb),
            ("FollowerNwInRate", stats.follower_in_kb),
            ("NwOutRate", stats.out_kb),
            ("DiskCapacityMB", stats.disk_capacity_mb),
            ("NetworkInCapacity", stats.network_in_capacity_kb),
            ("NetworkOutCapacity", stats.network_out_capacity_kb),
            ("NumCore", stats.cores),
        ];
        let cannot_be = |value: f64| units::bytes_of_kb(value).is_none();
        if let Some((key, Some(value))) = figures.into_iter().find(|(_, value)| value.is_some_and(cannot_be)) {
            refuse(codes::VALUE, format!("broker {id}: {key} {value} is no figure"));
            continue;
        }
        if known.insert(id, stats.clone()).is_some() {
            refuse(codes::CONTRADICTION, format!("broker {id} is there twice"));
        }
    }
    known
}

/// Adds hardware: the capacity files' figures, else those that `/load` repeats.
pub(super) fn add_hardware(brokers: &mut BTreeMap<i32, Known>, capacities: &Capacities, summary: &mut Summary) {
    let mut undivided = Vec::new();
    for (id, broker) in brokers.iter_mut() {
        let said = capacities.of(*id);
        let stats = &broker.stats;
        let positive = |rate: Option<f64>| rate.and_then(units::bytes_of_kb).filter(|rate| *rate > 0.0);
        broker.network_in_capacity_bytes_per_sec =
            said.network_in_bytes_per_sec.or_else(|| positive(stats.network_in_capacity_kb));
        broker.network_out_capacity_bytes_per_sec =
            said.network_out_bytes_per_sec.or_else(|| positive(stats.network_out_capacity_kb));
        broker.cores = said.cores.or_else(|| stats.cores.filter(|cores| *cores > UNTOLD_CORES));
        let of_load =
            || stats.disk_capacity_mb.and_then(units::bytes_of_mb).filter(|bytes| *bytes > 0).map(Disk::Total);
        match said.disk.or_else(of_load) {
            Some(Disk::ByDir(dirs)) => {
                broker.dir_capacity = dirs.into_iter().filter(|(path, _)| broker.log_dirs.contains_key(path)).collect();
            }
            Some(Disk::Total(bytes)) => {
                if let Some((only, _)) = broker.log_dirs.first_key_value().filter(|_| broker.log_dirs.len() == 1) {
                    broker.dir_capacity.insert(only.clone(), bytes);
                }
            }
            None => {}
        }
        for (path, disk) in &stats.disks {
            let told = disk.disk_mb.as_f64().zip(disk.disk_percent.as_f64()).filter(|(_, percent)| *percent > 0.0);
            // DiskPct is 100 · DiskMB ÷ capacity (`DiskStats`).
            let capacity = told.and_then(|(mb, percent)| units::bytes_of_mb(100.0 * mb / percent));
            if let Some(bytes) = capacity.filter(|bytes| *bytes > 0 && broker.log_dirs.contains_key(path)) {
                broker.dir_capacity.entry(path.clone()).or_insert(bytes);
            }
        }
        if broker.log_dirs.len() > 1 && broker.dir_capacity.is_empty() {
            undivided.push(*id);
        }
    }
    if !undivided.is_empty() {
        summary.missing.push(format!(
            "how the disk of {} is divided over several log dirs: give capacityJBOD.json, or save /load with \
             populate_disk_info=true",
            id_ranges(&undivided)
        ));
    }
}

/// Adds groups: those of `brokerSets.json`, else those that the state repeats.
pub(super) fn add_groups(
    brokers: &mut BTreeMap<i32, Known>,
    sets: Option<&Answer<'_, BrokerSets>>,
    state: &ClusterState,
    faults: &mut Faults,
) {
    let Some(answer) = sets else {
        for (id, set) in &state.brokers.broker_sets {
            let named = set.clone().filter(|set| is_printable(set) && set != DEFAULT_GROUP);
            if let (Some(broker), Some(set)) = (brokers.get_mut(id), named) {
                broker.group = Some(set);
            }
        }
        return;
    };
    let mut unknown = Vec::new();
    for (index, set) in answer.content.sets.iter().enumerate() {
        let mut refuse = |code, message: String, help: &str| {
            faults.push(answer.error(code, "brokerSets", index, message).help(help));
        };
        if !is_printable(&set.id) || set.id == DEFAULT_GROUP {
            let message = format!("{:?} cannot be the name of a resource group", set.id);
            refuse(codes::VALUE, message, "rename it here: \"default\" is what brokers without a group are");
            continue;
        }
        for id in &set.brokers {
            match brokers.get_mut(id).map(|broker| &mut broker.group) {
                None => unknown.push(format!("{id} of {}", set.id)),
                Some(Some(other)) if *other != set.id => {
                    refuse(codes::CONTRADICTION, format!("broker {id} is in {other} and in {}", set.id), "keep one");
                }
                Some(group) => *group = Some(set.id.clone()),
            }
        }
    }
    if !unknown.is_empty() {
        let message = format!("brokers that the cluster does not have: {}", few(&unknown));
        faults.push(answer.warning(codes::UNUSED, message).help("nothing, where they have left the cluster"));
    }
}
