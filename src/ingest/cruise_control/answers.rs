//! The shapes of Cruise Control's JSON answers, and their reading into records with places.
//!
//! Source of names and units: the response classes and OpenAPI files of linkedin/cruise-control (`ClusterBrokerState`,
//! `PartitionState`, `PartitionLoadState`, `SingleBrokerStats`, `BasicStats`). Sizes are MB of 2^20 bytes, rates KB of
//! 2^10 bytes per second (`HolderUtils`), cpu percent of the broker's cores. Keys that are not used are not looked at.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::codes;
use super::spans::{Spans, at_offset, parse_fault};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::kafka_cli::Source;

/// What a broker's log dirs are called when it is dead (`ClusterBrokerState`).
pub(super) const BROKER_DEAD: &str = "broker_dead";
/// What they are called when it did not answer in time.
pub(super) const TIMED_OUT: &str = "timed_out";

/// `/kafka_cluster_state?json=true&verbose=true`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ClusterState {
    #[serde(rename = "KafkaBrokerState")]
    pub(super) brokers: BrokerStates,
    #[serde(rename = "KafkaPartitionState")]
    pub(super) partitions: PartitionStates,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct BrokerStates {
    #[serde(rename = "ReplicaCountByBrokerId")]
    pub(super) replica_counts: BTreeMap<i32, u64>,
    #[serde(rename = "OnlineLogDirsByBrokerId", default)]
    pub(super) online_log_dirs: BTreeMap<i32, Vec<String>>,
    #[serde(rename = "OfflineLogDirsByBrokerId", default)]
    pub(super) offline_log_dirs: BTreeMap<i32, Vec<String>>,
    #[serde(rename = "BrokerSetByBrokerId", default)]
    pub(super) broker_sets: BTreeMap<i32, Option<String>>,
}

/// A partition stands in one of `offline`, `urp` and `other`, and again in those of the others that it belongs to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PartitionStates {
    pub(super) offline: Vec<PartitionState>,
    pub(super) urp: Vec<PartitionState>,
    #[serde(default)]
    pub(super) other: Vec<PartitionState>,
    #[serde(rename = "with-offline-replicas", default)]
    pub(super) with_offline_replicas: Vec<PartitionState>,
    #[serde(rename = "under-min-isr", default)]
    pub(super) under_min_isr: Vec<PartitionState>,
}

impl PartitionStates {
    /// The lists by their keys.
    pub(super) fn lists(&self) -> [(&'static str, &[PartitionState]); 5] {
        [
            ("offline", &self.offline),
            ("urp", &self.urp),
            ("other", &self.other),
            ("with-offline-replicas", &self.with_offline_replicas),
            ("under-min-isr", &self.under_min_isr),
        ]
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct PartitionState {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) leader: i32,
    pub(super) replicas: Vec<i32>,
    #[serde(rename = "in-sync")]
    pub(super) in_sync: Vec<i32>,
    #[serde(default)]
    pub(super) offline: Vec<i32>,
    #[serde(rename = "min-isr")]
    pub(super) min_isr: Option<u32>,
}

/// `/partition_load?json=true`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PartitionLoad {
    pub(super) records: Vec<LoadRecord>,
}

/// The load of a partition's leader.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct LoadRecord {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) leader: i32,
    #[serde(rename = "networkInbound")]
    pub(super) network_in_kb: f64,
    #[serde(rename = "networkOutbound")]
    pub(super) network_out_kb: f64,
    #[serde(rename = "disk")]
    pub(super) disk_mb: f64,
    #[serde(rename = "msg_in", default)]
    pub(super) messages_in: f64,
}

/// `/load?json=true`; `populate_disk_info=true` adds `DiskState`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct BrokerLoad {
    pub(super) brokers: Vec<BrokerStats>,
}

/// What older versions do not tell is optional.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct BrokerStats {
    #[serde(rename = "Broker")]
    pub(super) broker: i32,
    #[serde(rename = "Host")]
    pub(super) host: Option<String>,
    #[serde(rename = "Rack")]
    pub(super) rack: Option<String>,
    #[serde(rename = "BrokerState")]
    pub(super) state: Option<String>,
    #[serde(rename = "CpuPct")]
    pub(super) cpu_percent: Option<f64>,
    #[serde(rename = "LeaderNwInRate")]
    pub(super) leader_in_kb: Option<f64>,
    #[serde(rename = "FollowerNwInRate")]
    pub(super) follower_in_kb: Option<f64>,
    #[serde(rename = "NwOutRate")]
    pub(super) out_kb: Option<f64>,
    #[serde(rename = "DiskCapacityMB")]
    pub(super) disk_capacity_mb: Option<f64>,
    #[serde(rename = "NetworkInCapacity")]
    pub(super) network_in_capacity_kb: Option<f64>,
    #[serde(rename = "NetworkOutCapacity")]
    pub(super) network_out_capacity_kb: Option<f64>,
    #[serde(rename = "NumCore")]
    pub(super) cores: Option<f64>,
    #[serde(rename = "DiskState", default)]
    pub(super) disks: BTreeMap<String, DiskStats>,
}

/// Of a log dir: numbers, or the text `DEAD`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct DiskStats {
    #[serde(rename = "DiskMB", default)]
    pub(super) disk_mb: serde_json::Value,
    #[serde(rename = "DiskPct", default)]
    pub(super) disk_percent: serde_json::Value,
}

/// `brokerSets.json`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct BrokerSets {
    #[serde(rename = "brokerSets")]
    pub(super) sets: Vec<BrokerSet>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct BrokerSet {
    #[serde(rename = "brokerSetId")]
    pub(super) id: String,
    #[serde(rename = "brokerIds")]
    pub(super) brokers: Vec<i32>,
}

/// A file that was read: where its records stand.
pub(super) struct Answer<'s, T> {
    pub(super) source: &'s Source,
    pub(super) content: T,
    pub(super) spans: Spans,
}

impl<T> Answer<'_, T> {
    /// An error at record `index` of the array at `path`.
    pub(super) fn error(&self, code: &'static str, path: &str, index: usize, message: String) -> Fault {
        let fault = Fault::error(code, &self.source.path, message);
        at_offset(fault, &self.source.text, self.spans.element(path, index))
    }

    /// An error at the key at `path`.
    pub(super) fn error_at_key(&self, code: &'static str, path: &str, message: String) -> Fault {
        at_offset(Fault::error(code, &self.source.path, message), &self.source.text, self.spans.key(path))
    }

    /// A warning about the whole file.
    pub(super) fn warning(&self, code: &'static str, message: String) -> Fault {
        Fault::warning(code, &self.source.path, message)
    }
}

/// Reads `source` as the answer to `call`; none where it is another shape, which is then reported.
pub(super) fn read<'s, T: DeserializeOwned>(
    source: &'s Source,
    call: &str,
    faults: &mut Faults,
) -> Option<Answer<'s, T>> {
    match serde_json::from_str(&source.text) {
        Ok(content) => Some(Answer { source, content, spans: Spans::of(&source.text) }),
        Err(error) => {
            faults.push(refusal(source, call, &error));
            None
        }
    }
}

fn refusal(source: &Source, call: &str, error: &serde_json::Error) -> Fault {
    let value: Option<serde_json::Value> = serde_json::from_str(&source.text).ok();
    let has = |key: &str| value.as_ref().is_some_and(|value| value.get(key).is_some());
    if has("progress") {
        let message = "Cruise Control was still at work: this is its progress, not the answer";
        let help = format!("ask {call} again with the header User-Task-ID that it answered, until it is done");
        return Fault::error(codes::NOT_AN_ANSWER, &source.path, message).at(1, 1).help(help);
    }
    if has("errorMessage") {
        let told = value.as_ref().and_then(|v| v.get("errorMessage")).and_then(|v| v.as_str()).unwrap_or_default();
        let told: String = told.chars().filter(|c| !c.is_control()).take(200).collect();
        let message = format!("Cruise Control answered with an error: {told}");
        return Fault::error(codes::NOT_AN_ANSWER, &source.path, message).at(1, 1).help(format!("ask {call} again"));
    }
    parse_fault(codes::SHAPE, &source.path, error).help(format!("save what {call} answers, whole and unchanged"))
}
