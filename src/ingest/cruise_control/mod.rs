//! Turns what Cruise Control answers into a snapshot: `/kafka_cluster_state`, `/partition_load`, `/load`, and the
//! capacity and broker set files that it is run with.
//!
//! Input: texts with their file names ([`Sources`]); reading files and the clock is the caller's. Output: a snapshot
//! whose invariants hold and a summary of what was derived and what is missing; or every fault found. What Cruise
//! Control does not know is left empty and named: which log dir a replica is on where a broker has several, topics'
//! retention, reassignments under way, the cluster's id.
//!
//! `answers` has the shapes and `spans` where records stand; `placement`, `brokers` and `capacity` check one part each;
//! `assemble` joins them.

mod answers;
mod assemble;
mod brokers;
mod capacity;
pub mod codes;
mod placement;
mod spans;
mod units;

use std::path::Path;

use self::answers::{Answer, BrokerLoad, BrokerSets, ClusterState, PartitionLoad};
use self::capacity::Capacities;
use super::catalogue::Catalogue;
use super::fault::{Fault, Faults};
use super::inventory::{Inventory, id_ranges};
use super::kafka_cli::{Imported, MissingAdvice, Source, Summary, check_time, is_printable, name_missing};
use crate::model::{ClusterInfo, Snapshot};

/// All that was saved of a Cruise Control.
#[derive(Clone, Debug)]
pub struct Sources {
    /// `/kafka_cluster_state?json=true&verbose=true`.
    pub cluster_state: Source,
    /// `/partition_load?json=true`.
    pub partition_load: Source,
    /// `/load?json=true`.
    pub load: Option<Source>,
    /// `capacity.json`, `capacityJBOD.json`, `capacityCores.json`.
    pub capacities: Vec<Source>,
    /// `brokerSets.json`.
    pub broker_sets: Option<Source>,
    /// What the operator knows.
    pub inventory: Option<Source>,
    /// Kafka's cluster id, which Cruise Control does not tell.
    pub cluster_id: Option<String>,
    /// When the answers were saved (RFC 3339, UTC).
    pub captured_at: String,
    /// The brokers' Kafka version, if known.
    pub kafka_version: Option<String>,
    /// What machine models can do.
    pub catalogue: Catalogue,
}

/// What an operator does about racks and cpu that are missing.
const ADVICE: MissingAdvice = MissingAdvice {
    racks: "Save /load of a Cruise Control that tells them (\"Rack\"), or give rack in the inventory",
    cpu: "Save /load, or give cpu_utilization in brokers.csv",
};

/// Turns `sources` into a snapshot.
///
/// # Errors
/// Every fault found in them, with warnings; none of it is then used.
pub fn import(sources: &Sources) -> Result<Imported, Faults> {
    let mut faults = Faults::default();
    let mut summary = Summary::default();
    check_time(&sources.captured_at, &mut faults);
    let inventory = match &sources.inventory {
        Some(file) => Inventory::parse(&file.path, &file.text).unwrap_or_else(|found| {
            faults.extend(found);
            Inventory::default()
        }),
        None => Inventory::default(),
    };
    let snapshot = read(sources, &mut summary, &mut faults);
    let Some(mut snapshot) = snapshot.filter(|_| !faults.has_errors()) else { return Err(faults) };
    snapshot.cluster = cluster(sources, &mut summary);
    faults.extend(inventory.apply(&mut snapshot));
    if faults.has_errors() {
        return Err(faults);
    }
    summary.derived.push(
        "rates are Cruise Control's means over the windows that it holds, sizes those of its last; every replica is \
         taken to be as large as its leader"
            .to_owned(),
    );
    summary.missing.push(
        "topics' retention and cleanup, running reassignments: Cruise Control does not tell them; do not plan while it \
         executes a proposal"
            .to_owned(),
    );
    name_missing(&snapshot, &sources.catalogue, &ADVICE, &mut summary);
    summary.warnings = faults;
    Ok(Imported { snapshot, summary, history: None, beside: Vec::new() })
}

/// The tables; none where a file is of another shape.
fn read(sources: &Sources, summary: &mut Summary, faults: &mut Faults) -> Option<Snapshot> {
    let state_call = "/kafka_cluster_state?json=true&verbose=true";
    let state = answers::read::<ClusterState>(&sources.cluster_state, state_call, faults);
    let partition_load = answers::read::<PartitionLoad>(&sources.partition_load, "/partition_load?json=true", faults);
    let load = sources.load.as_ref().map(|file| answers::read::<BrokerLoad>(file, "/load?json=true", faults));
    let capacities = Capacities::read(&sources.capacities, faults);
    let sets =
        sources.broker_sets.as_ref().map(|file| answers::read::<BrokerSets>(file, "the broker set file", faults));
    let (state, partition_load) = state.zip(partition_load)?;
    let (load, sets) = (load.flatten(), sets.flatten());

    let partitions = placement::partitions(&state, faults);
    let loads = placement::loads(&partition_load, &partitions, faults);
    faults.extend(only(placement::check_total(&partition_load, &partitions, &loads)));
    let mut brokers = brokers::known(&state, load.as_ref(), &partitions, summary, faults);
    brokers::add_hardware(&mut brokers, &capacities, summary);
    brokers::add_groups(&mut brokers, sets.as_ref(), &state.content, faults);
    let strangers: Vec<i32> = capacities.named().filter(|id| !brokers.contains_key(id)).collect();
    if let Some(file) = sources.capacities.first().filter(|_| !strangers.is_empty()) {
        let message = format!("capacities of {}, which the cluster does not have", id_ranges(&strangers));
        let fault = Fault::warning(codes::UNUSED, &file.path, message);
        faults.push(fault.help("nothing, where they have left the cluster"));
    }
    tell_absent(sources, &state, faults);
    Some(assemble::assemble(&brokers, &partitions, &loads, summary))
}

/// Names the files that are not there and what they would say.
fn tell_absent(sources: &Sources, state: &Answer<'_, ClusterState>, faults: &mut Faults) {
    let beside = |name: &str| state.source.path.parent().unwrap_or(Path::new("")).join(name);
    let mut tell = |name: &str, message: &str, help: &str| {
        faults.push(Fault::warning(codes::MISSING_FILE, &beside(name), message).help(help));
    };
    if sources.load.is_none() {
        let message = "not there: hosts, racks, cpu use and measured network rates stay empty";
        tell("load.json", message, "save /load?json=true&populate_disk_info=true");
    }
    if sources.capacities.is_empty() {
        let message = "not there: capacities are those that /load repeats, where it does";
        tell("capacity.json", message, "copy the file that capacity.config.file names");
    }
}

fn cluster(sources: &Sources, summary: &mut Summary) -> ClusterInfo {
    let known = sources.cluster_id.clone().filter(|id| is_printable(id));
    ClusterInfo {
        cluster_id: known.unwrap_or_else(|| {
            summary.missing.push("the cluster id: give --cluster-id".to_owned());
            "unknown".to_owned()
        }),
        captured_at: sources.captured_at.clone(),
        source: "cruise-control".to_owned(),
        kafka_version: sources.kafka_version.clone(),
        ..ClusterInfo::default()
    }
}

fn only(fault: Option<Fault>) -> Faults {
    let mut faults = Faults::default();
    fault.into_iter().for_each(|fault| faults.push(fault));
    faults
}

#[cfg(test)]
mod tests;
