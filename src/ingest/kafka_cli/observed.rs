//! What a running cluster said when it was asked over Kafka's protocol, as a snapshot.
//!
//! Input: [`Observed`], plain answers without a client's types. Output: the same as from the tools' texts, by the same
//! assembly; beside it, disks' sizes and rates, which the tools do not tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use super::assemble::{self, Capture};
use super::brokers::Endpoint;
use super::log_dirs::Entry;
use super::metrics::signals::{Form, Quantity};
use super::metrics::{Origin, Sample, Series};
use super::reporter::{self, Reported};
use super::summary::{Summary, count, few};
use super::text::{Place, is_printable, is_topic_name};
use super::topics::PartitionRow;
use super::traffic::{self, Cpu};
use super::{Imported, Measured, Source, disks, missing, with_lines_of};
use crate::ingest::catalogue::Catalogue;
use crate::ingest::fault::Faults;
use crate::ingest::inventory::{Inventory, id_ranges};
use crate::ingest::render::quotas_file;
use crate::model::clients::Quota;
use crate::model::{ClusterInfo, LogDirState, Snapshot, Window};

/// More is no size of a disk, nor a rate: what a snapshot's files take.
pub(super) const FIGURE_MAX: u64 = 1 << 53;

/// Two log dirs whose free space differs by less than this share of the volume may be on one volume.
const SAME_VOLUME_SHARE: f64 = 0.001;

/// Topic and partition number.
pub type PartitionKey = (String, u32);

/// What a cluster said of itself.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Kafka's cluster id; empty where it is unknown.
    pub cluster_id: String,
    /// When it was asked (RFC 3339, UTC).
    pub captured_at: String,
    /// The time between the two readings that rates are from.
    pub window: Option<Window>,
    /// Brokers that serve: host and rack.
    pub brokers: BTreeMap<i32, (Option<String>, Option<String>)>,
    /// Partitions.
    pub partitions: BTreeMap<PartitionKey, ObservedPartition>,
    /// Log dirs, by broker and path.
    pub log_dirs: BTreeMap<(i32, String), ObservedLogDir>,
    /// Brokers that described their log dirs.
    pub reporting: BTreeSet<i32>,
    /// Settings of brokers: names and values.
    pub broker_configs: BTreeMap<i32, Vec<(String, String)>>,
    /// Settings of topics, defaults included.
    pub topic_configs: BTreeMap<String, Vec<(String, String)>>,
    /// Rates of partitions, by the growth of offsets and logs.
    pub rates: BTreeMap<PartitionKey, ObservedRates>,
    /// Quotas in force, ascending by entity; none where they could not be had.
    pub quotas: Option<Vec<Quota>>,
    /// What Cruise Control's metrics reporter wrote, where its topic was read.
    pub reported: Option<Reported>,
    /// What rates were taken from, in words; it is not told where [`Self::reported`] gives the traffic.
    pub derived: Vec<String>,
    /// What could not be had, and what that means, in words.
    pub missing: Vec<String>,
    /// What else is missing unless [`Self::reported`] or [`Self::measured`] gives the traffic.
    pub missing_unless_measured: Vec<String>,
    /// What an engine of PromQL worked out; it then takes the place of rates from readings.
    pub measured: Option<Measured>,
}

/// A partition as its metadata has it.
#[derive(Clone, Debug, Default)]
pub struct ObservedPartition {
    /// Who leads.
    pub leader: Option<i32>,
    /// Broker ids in position order.
    pub replicas: Vec<i32>,
    /// In sync.
    pub isr: Vec<i32>,
    /// Being added by a running reassignment.
    pub adding: Vec<i32>,
    /// Being removed by it.
    pub removing: Vec<i32>,
}

/// A log dir as its broker describes it.
#[derive(Clone, Debug, Default)]
pub struct ObservedLogDir {
    /// Whether it works.
    pub is_online: bool,
    /// Whether it takes nothing new.
    pub is_cordoned: bool,
    /// Size of the volume.
    pub total_bytes: Option<u64>,
    /// What is free there.
    pub usable_bytes: Option<u64>,
    /// Partition, bytes, and whether it is the copy that a move between dirs is making.
    pub replicas: Vec<(PartitionKey, u64, bool)>,
}

/// What is written to a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ObservedRates {
    /// Bytes per second.
    pub bytes_in_per_sec: f64,
    /// Records per second.
    pub messages_in_per_sec: f64,
}

/// Turns what was observed into a snapshot, `inventory` written over it.
///
/// # Errors
/// Every fault in the inventory, or between it and the cluster.
pub fn import(observed: &Observed, inventory: Option<&Source>, catalogue: &Catalogue) -> Result<Imported, Faults> {
    let mut summary = Summary::default();
    let mut faults = Faults::default();
    let inventory = match inventory {
        Some(file) => Inventory::parse(&file.path, &file.text)?,
        None => Inventory::default(),
    };
    summary.missing.extend(observed.missing.iter().cloned());
    let capture = capture(observed, &mut summary);
    let mut snapshot = assemble::assemble(&capture, Path::new("cluster"), &mut summary, &mut faults);
    snapshot.cluster = ClusterInfo {
        cluster_id: if observed.cluster_id.is_empty() { "unknown".to_owned() } else { observed.cluster_id.clone() },
        captured_at: observed.captured_at.clone(),
        source: "kafka".to_owned(),
        window: observed.window.clone(),
        ..ClusterInfo::default()
    };
    volumes(&mut snapshot, observed, &inventory, &mut summary);
    let cpu = rates(&mut snapshot, observed, &inventory, &mut summary);
    faults.extend(inventory.apply(&mut snapshot));
    traffic::set_cpu(&mut snapshot, &cpu, catalogue, &mut summary);
    if faults.has_errors() {
        return Err(faults);
    }
    let measured = observed.measured.as_ref();
    let history = measured.and_then(|m| m.history(&snapshot, &inventory.metrics, catalogue, &mut summary));
    let clients = measured.and_then(|m| m.clients_file(&mut summary));
    missing::name(&snapshot, catalogue, &missing::OF_KAFKA, &mut summary);
    summary.warnings = faults;
    let beside = clients.into_iter().chain(observed.quotas.as_deref().map(quotas_file)).collect();
    Ok(Imported { snapshot, summary, history, beside })
}

fn capture(observed: &Observed, summary: &mut Summary) -> Capture {
    let mut capture = Capture { alive: observed.brokers.keys().copied().collect(), ..Capture::default() };
    let printable = |text: &Option<String>| text.clone().filter(|text| is_printable(text));
    for (id, (host, rack)) in &observed.brokers {
        capture.endpoints.insert(*id, Endpoint { host: printable(host), rack: printable(rack) });
    }
    let mut unreadable = Vec::new();
    for (id, settings) in &observed.broker_configs {
        let config = capture.configs.brokers.entry(*id).or_default();
        for (key, value) in settings {
            if config.set(key, value).is_err() {
                unreadable.push(format!("{key} of broker {id}"));
            }
        }
    }
    for (name, settings) in &observed.topic_configs {
        let config = capture.configs.topics.entry(name.clone()).or_default();
        for (key, value) in settings {
            if config.set(key, value).is_err() {
                unreadable.push(format!("{key} of topic {name}"));
            }
        }
    }
    for ((name, number), found) in observed.partitions.iter().filter(|((name, _), _)| is_topic_name(name)) {
        let row = PartitionRow {
            leader: found.leader.filter(|id| found.replicas.contains(id)),
            replicas: found.replicas.clone(),
            isr: found.isr.clone(),
            adding: found.adding.clone(),
            removing: found.removing.clone(),
            place: Place::default(),
        };
        capture.topics.entry(name.clone()).or_default().partitions.insert(*number, row);
    }
    capture.log_dirs.reporting.clone_from(&observed.reporting);
    for ((broker, path), dir) in observed.log_dirs.iter().filter(|((_, path), _)| is_printable(path)) {
        capture.log_dirs.dirs.insert((*broker, path.clone()), dir.is_online);
        if dir.is_cordoned {
            capture.configs.brokers.entry(*broker).or_default().cordoned.push(path.clone());
        }
        let shared: Rc<str> = Rc::from(path.as_str());
        for ((topic, partition), bytes, is_future) in &dir.replicas {
            capture.log_dirs.entries.push(Entry {
                broker: *broker,
                path: Rc::clone(&shared),
                topic: topic.clone(),
                partition: *partition,
                size_bytes: (*bytes).min(FIGURE_MAX),
                is_future: *is_future,
            });
        }
    }
    if !unreadable.is_empty() {
        let number = count(unreadable.len(), "setting");
        summary.missing.push(format!("{number} with values that Kafka does not have: {}", few(&unreadable)));
    }
    capture
}

/// Disks' sizes, and what is on them beside the replicas that the snapshot lists: total − usable − Σ replicas (the
/// figures of KIP-827's `DescribeLogDirs`, which are the volume's). Where the inventory says how much a dir can hold, the
/// volume is not asked: it may be shared.
fn volumes(snapshot: &mut Snapshot, observed: &Observed, inventory: &Inventory, summary: &mut Summary) {
    let mut listed = vec![0_u64; snapshot.log_dirs.len()];
    for replica in &snapshot.replicas {
        if let Some(dir) = replica.log_dir {
            listed[dir.row()] = listed[dir.row()].saturating_add(replica.size_bytes);
        }
    }
    let mut untold = BTreeSet::new();
    for (row, listed) in listed.iter().enumerate() {
        let id = snapshot.broker(snapshot.log_dirs[row].broker).id;
        let dir = &mut snapshot.log_dirs[row];
        if inventory.broker(id).log_dir(&dir.path).capacity_bytes.is_some() {
            continue;
        }
        let Some(found) = observed.log_dirs.get(&(id, dir.path.clone())) else { continue };
        match found.total_bytes.zip(found.usable_bytes).filter(|(total, _)| *total > 0) {
            Some((total, usable)) => {
                dir.capacity_bytes = Some(total.min(FIGURE_MAX));
                dir.other_used_bytes = total.saturating_sub(usable).saturating_sub(*listed).min(FIGURE_MAX);
            }
            None if dir.state != LogDirState::Offline => drop(untold.insert(id)),
            None => {}
        }
    }
    if !untold.is_empty() {
        let ids: Vec<i32> = untold.into_iter().collect();
        summary.missing.push(format!(
            "the disks' sizes of {}: brokers tell them from Kafka 3.3 on. Give log_dir_capacity_bytes in the inventory",
            id_ranges(&ids)
        ));
    }
    shared_volumes(snapshot, observed, inventory, &listed, summary);
}

/// Warns of brokers whose dirs seem to be on one volume: each then reports the whole of it.
fn shared_volumes(
    snapshot: &Snapshot,
    observed: &Observed,
    inventory: &Inventory,
    listed: &[u64],
    summary: &mut Summary,
) {
    let mut shared = Vec::new();
    for broker in &snapshot.brokers {
        let rows: Vec<usize> = broker.log_dir_rows().collect();
        let volume = |row: usize| {
            let path = &snapshot.log_dirs[row].path;
            let found = observed.log_dirs.get(&(broker.id, path.clone()))?;
            if inventory.broker(broker.id).log_dir(path).capacity_bytes.is_some() {
                return None;
            }
            found.total_bytes.zip(found.usable_bytes)
        };
        let is_one = |a: usize, b: usize| {
            let (Some((total_a, usable_a)), Some((total_b, usable_b))) = (volume(a), volume(b)) else { return false };
            let close = (usable_a.abs_diff(usable_b)) as f64 <= SAME_VOLUME_SHARE * total_a as f64;
            let both = listed[a].saturating_add(listed[b]);
            total_a == total_b && close && both > 0 && total_a.saturating_sub(usable_a) >= both
        };
        if rows.windows(2).any(|pair| is_one(pair[0], pair[1])) {
            shared.push(broker.id);
        }
    }
    if !shared.is_empty() {
        summary.derived.push(format!(
            "log dirs of {} report the same size and the same free space: if they share a disk, each counts it whole; \
             give log_dir_capacity_bytes in the inventory",
            id_ranges(&shared)
        ));
    }
}

/// Writes what was measured: by an engine of PromQL, by Cruise Control's metrics reporter, else by two readings.
fn rates(snapshot: &mut Snapshot, observed: &Observed, inventory: &Inventory, summary: &mut Summary) -> Cpu {
    if let Some(measured) = &observed.measured {
        return measure(snapshot, observed, measured, inventory, summary);
    }
    match &observed.reported {
        Some(reported) if !reported.is_empty() => return reporter::measure(snapshot, observed, reported, summary),
        Some(reported) => reported.tell_silence(summary),
        None => {}
    }
    summary.derived.extend(observed.derived.iter().cloned());
    summary.missing.extend(observed.missing_unless_measured.iter().cloned());
    set_rates(snapshot, observed);
    Cpu::default()
}

/// Traffic as an engine measured it. Readings of offsets tell partitions apart where metrics do not.
fn measure(
    snapshot: &mut Snapshot,
    observed: &Observed,
    measured: &Measured,
    inventory: &Inventory,
    summary: &mut Summary,
) -> Cpu {
    disks::fill(measured, snapshot, &inventory.metrics, summary);
    let mut set = with_lines_of(measured, summary).series_set(snapshot, &inventory.metrics);
    let has_offsets = set.list.iter().any(|series| series.quantity == Quantity::LogEndOffset);
    if !has_offsets && !observed.rates.is_empty() {
        let line = "traffic of topics is split over partitions by the offsets of two readings (--sample)";
        summary.derived.push(line.to_owned());
        set.list.extend(observed.rates.iter().map(|((topic, partition), rates)| Series {
            quantity: Quantity::LogEndOffset,
            form: Form::Rate,
            origin: Origin::Engine,
            broker: None,
            topic: Some(topic.clone()),
            partition: Some(*partition),
            samples: vec![Sample { unix_seconds: 0.0, value: rates.messages_in_per_sec }],
        }));
    }
    traffic::measure(snapshot, &set, measured.window.statistic, summary)
}

fn set_rates(snapshot: &mut Snapshot, observed: &Observed) {
    for row in 0..snapshot.partitions.len() {
        let partition = &snapshot.partitions[row];
        let key = (snapshot.topic(partition.topic).name.clone(), partition.number);
        if let Some(found) = observed.rates.get(&key) {
            let bounded = |rate: f64| if rate.is_finite() { rate.clamp(0.0, FIGURE_MAX as f64) } else { 0.0 };
            let partition = &mut snapshot.partitions[row];
            partition.bytes_in_per_sec = bounded(found.bytes_in_per_sec);
            partition.messages_in_per_sec = bounded(found.messages_in_per_sec);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BrokerState;

    /// Two brokers that serve, one of them without describing its dirs, and one that is only named.
    fn observed() -> Observed {
        let mut observed = Observed { captured_at: "2026-11-21T00:00:00Z".to_owned(), ..Observed::default() };
        observed.brokers.insert(1, (Some("h1".to_owned()), Some("a".to_owned())));
        observed.brokers.insert(2, (Some("h2".to_owned()), Some("b".to_owned())));
        observed.reporting.insert(1);
        let partition = ObservedPartition {
            leader: Some(1),
            replicas: vec![1, 2, 3],
            isr: vec![1, 2],
            ..ObservedPartition::default()
        };
        observed.partitions.insert(("t".to_owned(), 0), partition);
        let dir = ObservedLogDir {
            is_online: true,
            total_bytes: Some(1_000),
            usable_bytes: Some(600),
            replicas: vec![(("t".to_owned(), 0), 250, false), (("gone".to_owned(), 1), 50, false)],
            ..ObservedLogDir::default()
        };
        observed.log_dirs.insert((1, "/d".to_owned()), dir);
        observed
    }

    #[test]
    fn what_a_disk_holds_beside_replicas_is_total_less_usable_less_replicas() {
        let imported = import(&observed(), None, &Catalogue::builtin());
        let snapshot = imported.map(|i| i.snapshot).unwrap_or_default();
        let dir = &snapshot.log_dirs[0];
        assert_eq!((dir.capacity_bytes, dir.other_used_bytes), (Some(1_000), 150));
    }

    #[test]
    fn a_broker_that_serves_is_alive_though_its_dirs_are_untold_and_one_that_does_not_is_down() {
        let imported = import(&observed(), None, &Catalogue::builtin());
        let snapshot = imported.map(|i| i.snapshot).unwrap_or_default();
        let states: Vec<BrokerState> = snapshot.brokers.iter().map(|b| b.state).collect();
        assert_eq!(states, [BrokerState::Alive, BrokerState::Alive, BrokerState::Down]);
        assert_eq!(snapshot.replicas.iter().map(|r| r.size_bytes).collect::<Vec<_>>(), [250, 250, 250]);
    }

    #[test]
    fn dirs_on_one_volume_are_told_and_equal_disks_are_not() {
        let mut observed = observed();
        let mut second = observed.log_dirs[&(1, "/d".to_owned())].clone();
        second.replicas = vec![(("t".to_owned(), 1), 100, false)];
        observed.log_dirs.insert((1, "/e".to_owned()), second.clone());
        let told = |observed: &Observed| {
            let summary = import(observed, None, &Catalogue::builtin()).map(|i| i.summary).unwrap_or_default();
            summary.derived.iter().any(|line| line.contains("share a disk"))
        };
        let partition = ObservedPartition { leader: Some(1), replicas: vec![1], isr: vec![1], ..Default::default() };
        observed.partitions.insert(("t".to_owned(), 1), partition);
        assert!(told(&observed));
        // Each disk holds its own replicas and hardly more: together they would not fit on one so full.
        for dir in observed.log_dirs.values_mut() {
            dir.usable_bytes = Some(740);
        }
        assert!(!told(&observed));
    }
}
