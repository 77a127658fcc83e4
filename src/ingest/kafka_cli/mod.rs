//! Turns what Kafka's own tools print, and what Prometheus or a JMX exporter measured, into a snapshot.
//!
//! Input: texts with their file names ([`Sources`]); reading files and the clock is the caller's. Output: a
//! [`Snapshot`] whose invariants hold and a [`Summary`] of what was derived and what is missing; or every fault found.
//! Nothing is invented: a figure that no source has is derived as the summary says, or left empty and named.
//!
//! What a running cluster was asked directly comes in through `observed`.
//!
//! One file per source (`topics`, `log_dirs`, `configs`, `brokers`, `reassignments`, `metrics`); `assemble` joins them,
//! `traffic` adds rates, `missing` names what is not there.

mod assemble;
mod brokers;
pub mod codes;
mod configs;
mod disks;
mod log_dirs;
pub mod measured;
mod metrics;
mod missing;
pub mod observed;
mod quotas;
mod reassignments;
pub mod reporter;
pub mod settings;
mod split;
mod summary;
mod text;
mod time;
mod topics;
mod traffic;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use self::measured::Measured;
pub use self::metrics::signals::MetricNames;
pub(crate) use self::metrics::signals::Quantity;
pub use self::summary::Summary;
pub use self::time::{parse as parse_rfc3339, rfc3339};

pub(super) use self::missing::{MissingAdvice, name as name_missing};
pub(super) use self::summary::{count, few};
pub(super) use self::text::{is_printable, is_topic_name};
pub(super) use self::time::check as check_time;

use self::assemble::Capture;
use self::configs::Configs;
use self::log_dirs::LogDirs;
use self::metrics::signals;
use self::quotas::Quotas;
use self::text::Reader;
use super::catalogue::Catalogue;
use super::fault::{Fault, Faults};
use super::inventory::Inventory;
use super::render::quotas_file;
use crate::model::{ClusterInfo, History, Snapshot, Statistic};
use crate::writer::OutputFile;

/// A file's content and where it came from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file, as faults name it.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// A file with metrics.
#[derive(Clone, Debug, Default)]
pub struct MetricSource {
    /// A Prometheus answer (JSON) or a scrape (text).
    pub file: Source,
    /// The signal or broker that it is of, where the command line says so.
    pub tag: Option<String>,
    /// When the file was last written, in seconds since 1970: a scrape's time of last resort.
    pub modified_unix_seconds: Option<f64>,
}

/// All that a capture consists of.
#[derive(Clone, Debug)]
pub struct Sources {
    /// `kafka-topics --describe`.
    pub topics: Source,
    /// `kafka-log-dirs --describe`, of all brokers together or of some each.
    pub log_dirs: Vec<Source>,
    /// `kafka-configs --describe` of brokers and topics.
    pub configs: Vec<Source>,
    /// `kafka-cluster list-endpoints` or `kafka-broker-api-versions`.
    pub brokers: Option<Source>,
    /// `kafka-reassign-partitions --list`.
    pub reassignments: Option<Source>,
    /// `kafka-configs --describe` of users and client ids: their quotas.
    pub quotas: Vec<Source>,
    /// Prometheus answers and scrapes.
    pub metrics: Vec<MetricSource>,
    /// What an engine of PromQL worked out; files of metrics are then left aside.
    pub measured: Option<Measured>,
    /// What the operator knows.
    pub inventory: Option<Source>,
    /// Kafka's cluster id; without it, that of `cluster_id_file`.
    pub cluster_id: Option<String>,
    /// `kafka-cluster cluster-id`.
    pub cluster_id_file: Option<Source>,
    /// When the capture was made (RFC 3339, UTC).
    pub captured_at: String,
    /// The brokers' Kafka version, if known.
    pub kafka_version: Option<String>,
    /// What traffic figures shall stand for.
    pub statistic: Statistic,
    /// Signals and the metrics that measure them, over the inventory's.
    pub metric_names: Vec<(String, String)>,
    /// What machine models can do.
    pub catalogue: Catalogue,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What was derived, what is missing, what to beware of.
    pub summary: Summary,
    /// What was measured before it, where that was asked for.
    pub history: Option<History>,
    /// Files beside the snapshot's own: its clients and their quotas.
    pub beside: Vec<OutputFile>,
}

/// The names of all signals that metrics can be.
pub fn signal_names() -> impl Iterator<Item = &'static str> {
    signals::SIGNALS.iter().map(|signal| signal.name)
}

/// The signal called `name`.
pub(crate) fn signal_by_name(name: &str) -> Option<usize> {
    signals::by_name(name)
}

/// Turns `sources` into a snapshot.
///
/// # Errors
/// Every fault found in them, with warnings; none of it is then used.
pub fn import(sources: &Sources) -> Result<Imported, Faults> {
    let mut faults = Faults::default();
    let mut summary = Summary::default();
    time::check(&sources.captured_at, &mut faults);
    let inventory = read_inventory(sources, &mut faults);
    let mut capture = read_capture(sources, &mut faults);
    let quotas = read_quotas(sources, &mut faults);
    let names = metric_names(sources, &inventory, &mut faults);
    let files = if sources.measured.is_some() { &[][..] } else { &sources.metrics[..] };
    let series = metrics::read(files, &names, &capture.hosts(), &mut faults);
    if faults.has_errors() {
        return Err(faults);
    }
    capture.leave_out_deleted(&mut summary);
    let mut snapshot = assemble::assemble(&capture, &sources.topics.path, &mut summary, &mut faults);
    snapshot.cluster = ClusterInfo {
        cluster_id: cluster_id(sources, &mut summary),
        captured_at: sources.captured_at.clone(),
        source: "kafka-cli".to_owned(),
        kafka_version: sources.kafka_version.clone(),
        ..ClusterInfo::default()
    };
    let series = match &sources.measured {
        Some(measured) => {
            disks::fill(measured, &mut snapshot, &names, &mut summary);
            with_lines_of(measured, &mut summary).series_set(&snapshot, &names)
        }
        None => series,
    };
    let cpu = traffic::measure(&mut snapshot, &series, sources.statistic, &mut summary);
    faults.extend(inventory.apply(&mut snapshot));
    traffic::set_cpu(&mut snapshot, &cpu, &sources.catalogue, &mut summary);
    if faults.has_errors() {
        return Err(faults);
    }
    let measured = sources.measured.as_ref();
    let history = measured.and_then(|m| m.history(&snapshot, &names, &sources.catalogue, &mut summary));
    let mut beside: Vec<OutputFile> = measured.and_then(|m| m.clients_file(&mut summary)).into_iter().collect();
    beside.extend(quotas.map(|quotas| quotas_file(&quotas.into_rows(&mut summary))));
    missing::name(&snapshot, &sources.catalogue, &missing::OF_KAFKA, &mut summary);
    summary.warnings = faults;
    Ok(Imported { snapshot, summary, history, beside })
}

/// Takes over what `measured` has to say in words.
fn with_lines_of<'m>(measured: &'m Measured, summary: &mut Summary) -> &'m Measured {
    summary.derived.extend(measured.derived.iter().cloned());
    summary.missing.extend(measured.missing.iter().cloned());
    measured
}

fn read_inventory(sources: &Sources, faults: &mut Faults) -> Inventory {
    let Some(file) = &sources.inventory else { return Inventory::default() };
    match Inventory::parse(&file.path, &file.text) {
        Ok(inventory) => inventory,
        Err(found) => {
            faults.extend(found);
            Inventory::default()
        }
    }
}

fn read_capture(sources: &Sources, faults: &mut Faults) -> Capture {
    let topics = topics::read(&sources.topics.text, &mut Reader::new(&sources.topics.path, faults));
    let mut log_dirs = LogDirs::default();
    for file in &sources.log_dirs {
        log_dirs::read(&file.path, &file.text, &mut log_dirs, faults);
    }
    let mut configs = Configs::default();
    for file in &sources.configs {
        configs.read(&file.text, &mut Reader::new(&file.path, faults));
    }
    let endpoints = sources.brokers.as_ref().map(|f| brokers::read(&f.text, &mut Reader::new(&f.path, faults)));
    let running = sources
        .reassignments
        .as_ref()
        .map(|f| (f.path.clone(), reassignments::read(&f.text, &mut Reader::new(&f.path, faults))));
    let running = running.map(|(path, mut running)| {
        reassignments::take_sides(&mut running, &topics);
        (path, running)
    });
    Capture { topics, log_dirs, configs, endpoints: endpoints.unwrap_or_default(), running, ..Capture::default() }
}

/// None where nothing was captured of them, which is not to say that there are none.
fn read_quotas(sources: &Sources, faults: &mut Faults) -> Option<Quotas> {
    let mut quotas = Quotas::default();
    for file in &sources.quotas {
        quotas.read(&file.text, &mut Reader::new(&file.path, faults));
    }
    Some(quotas).filter(|_| !sources.quotas.is_empty())
}

fn metric_names(sources: &Sources, inventory: &Inventory, faults: &mut Faults) -> MetricNames {
    let mut names = inventory.metrics.clone();
    for (signal, metric) in &sources.metric_names {
        match signals::by_name(signal) {
            Some(signal) => names.set_metric(signal, metric),
            None => {
                let near = super::nearest::nearest(signal, signal_names()).unwrap_or_default();
                let message = format!("--metric {signal}={metric}: there is no signal {signal:?}");
                let fault = Fault::error(codes::METRIC_NAME, &PathBuf::from("command line"), message);
                faults.push(fault.help(format!("the nearest is {near}")));
            }
        }
    }
    names
}

/// The id of the command line, else of the file: `Cluster ID: …`, or what ZooKeeper holds at `/cluster/id`.
fn cluster_id(sources: &Sources, summary: &mut Summary) -> String {
    #[derive(serde::Deserialize)]
    struct ClusterId {
        id: String,
    }
    let of_line = |line: &str| match line.strip_prefix("Cluster ID:") {
        Some(id) => Some(id.trim().to_owned()),
        None => serde_json::from_str(line).ok().map(|ClusterId { id }| id),
    };
    let of_file = || sources.cluster_id_file.as_ref()?.text.lines().find_map(|line| of_line(line.trim()));
    let known = sources.cluster_id.clone().or_else(of_file).filter(|id| text::is_printable(id));
    known.unwrap_or_else(|| {
        summary.missing.push("the cluster id: give --cluster-id, or capture `kafka-cluster cluster-id`".to_owned());
        "unknown".to_owned()
    })
}

/// Host names by which metrics may know brokers, each that only one broker has.
fn unique_hosts(hosts: impl Iterator<Item = (String, i32)>) -> BTreeMap<String, i32> {
    let mut found: BTreeMap<String, Option<i32>> = BTreeMap::new();
    for (host, id) in hosts {
        found.entry(host).and_modify(|known| *known = known.filter(|known| *known == id)).or_insert(Some(id));
    }
    found.into_iter().filter_map(|(host, id)| Some((host, id?))).collect()
}

#[cfg(test)]
mod tests;
