//! Reads a snapshot directory (contract §1).
//!
//! Input: `cluster.toml` and five CSV tables, plain or gzipped. Output: a [`Snapshot`] whose invariants hold, with
//! warnings; or every fault, by file, line and column. Nothing is read twice, hashing included.
//!
//! Tables are read one after the other, since each refers to those before it; the large ones are parsed by all threads
//! at once. Rows are kept compact and names are stored once, so that a replica costs its text and some 60 bytes.

mod brokers;
pub mod clients;
mod cluster;
mod field;
mod files;
pub mod history;
mod log_dirs;
mod partitions;
pub mod quotas;
mod reference;
mod replicas;
mod table;
#[cfg(test)]
mod tests;
mod topics;

pub(crate) use cluster::FORMAT;
pub(super) use history::parquet_file;

use std::collections::BTreeSet;
use std::path::Path;

use self::brokers::Brokers;
use self::files::Sources;
use self::log_dirs::LogDirs;
use self::partitions::Partitions;
use self::replicas::Context;
use self::topics::Topics;
use super::catalogue::Catalogue;
use super::fault::Faults;
use crate::model::{GroupIdx, RackIdx, Snapshot};

/// The most that sizes may add up to: with room for another such sum, 64 bits hold every total.
const TOTAL_BYTES_MAX: u64 = 1 << 62;

/// Reads the snapshot in `dir`, completing missing capacities from `catalogue`.
///
/// Returns the snapshot with warnings alone; files are named relative to `dir` in faults.
///
/// # Errors
/// Every error found in the files, up to [`Faults::CAP`], along with the warnings.
pub fn read(dir: &Path, catalogue: &Catalogue) -> Result<(Snapshot, Faults), Faults> {
    let mut faults = Faults::default();
    let Some(sources) = Sources::load(dir, &mut faults) else { return Err(faults) };
    let (hash, (mut snapshot, found)) = rayon::join(|| sources.sha256(dir), || assemble(&sources, catalogue));
    faults.extend(found);
    match hash {
        Ok(hash) => snapshot.cluster.sha256 = hash,
        Err(fault) => faults.push(*fault),
    }
    if faults.has_errors() { Err(faults) } else { Ok((snapshot, faults)) }
}

/// Reads the tables in order. Where something is wrong the snapshot is incomplete, and an error among the faults.
fn assemble(sources: &Sources, catalogue: &Catalogue) -> (Snapshot, Faults) {
    let mut faults = Faults::default();
    let cluster = sources.cluster.as_ref().map(|file| cluster::read(file, &mut faults)).unwrap_or_default();
    let [brokers_file, log_dirs_file, topics_file, partitions_file, replicas_file] = &sources.tables;
    // Headers are judged when a table is opened, rows when all is read: each table collects its own.
    let mut of_table: [Faults; 5] = std::array::from_fn(|_| Faults::default());
    let [in_brokers, in_log_dirs, in_topics, in_partitions, in_replicas] = &mut of_table;
    let mut brokers = brokers_file.as_ref().and_then(|file| Brokers::read(file, catalogue, in_brokers));
    let mut log_dirs =
        log_dirs_file.as_ref().and_then(|file| LogDirs::read(file, brokers.as_mut(), catalogue, in_log_dirs));
    let mut topics = topics_file.as_ref().and_then(|file| Topics::read(file, in_topics));
    let mut partitions = partitions_file
        .as_ref()
        .and_then(|file| Partitions::read(file, brokers.as_ref(), topics.as_mut(), in_partitions));
    let context = Context { brokers: brokers.as_ref(), log_dirs: log_dirs.as_ref(), topics: topics.as_ref() };
    let replicas =
        replicas_file.as_ref().and_then(|file| replicas::read(file, &context, partitions.as_mut(), in_replicas));

    let mut snapshot = Snapshot { cluster, ..Snapshot::default() };
    name_groups_and_racks(&mut snapshot, brokers.as_mut(), topics.as_mut());
    if let Some(Brokers { table, rows }) = brokers {
        snapshot.brokers = rows.into_iter().map(|row| row.broker).collect();
        table.report(in_brokers);
    }
    if let Some(LogDirs { table, dirs, .. }) = log_dirs.take() {
        snapshot.log_dirs = dirs;
        table.report(in_log_dirs);
    }
    if let Some(topics) = topics {
        snapshot.topics = topics.rows.into_iter().map(|row| row.topic).collect();
        topics.table.report(in_topics);
    }
    if let Some(Partitions { table, list, .. }) = partitions {
        snapshot.partitions = list;
        table.report(in_partitions);
    }
    if let Some((table, list)) = replicas {
        snapshot.replicas = list;
        table.report(in_replicas);
    }
    of_table.into_iter().for_each(|found| faults.extend(found));
    (snapshot, faults)
}

/// Turns the names of racks and groups into indices, ascending by name.
fn name_groups_and_racks(snapshot: &mut Snapshot, brokers: Option<&mut Brokers<'_>>, topics: Option<&mut Topics<'_>>) {
    let mut racks = BTreeSet::new();
    let mut groups = BTreeSet::new();
    for row in brokers.as_ref().map_or(&[][..], |b| &b.rows) {
        racks.extend(row.rack.clone());
        groups.extend(row.group.clone());
    }
    let broker_groups = groups.clone();
    for row in topics.as_ref().map_or(&[][..], |t| &t.rows) {
        groups.extend(row.group.clone());
    }
    snapshot.racks = racks.into_iter().collect();
    snapshot.groups = groups.into_iter().collect();
    let place = |names: &[String], name: &Option<String>| name.as_ref().and_then(|n| names.binary_search(n).ok());
    if let Some(brokers) = brokers {
        for row in &mut brokers.rows {
            row.broker.rack = place(&snapshot.racks, &row.rack).map(RackIdx::new);
            row.broker.group = place(&snapshot.groups, &row.group).map(GroupIdx::new);
        }
    }
    if let Some(topics) = topics {
        for row in &mut topics.rows {
            row.topic.group = place(&snapshot.groups, &row.group).map(GroupIdx::new);
        }
        topics.check_groups(|group| broker_groups.contains(group));
    }
}
