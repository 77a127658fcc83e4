//! A snapshot back into the files of its directory (contract §1): what importers and `synth` write.
//!
//! Input: a [`Snapshot`]. Output: files in memory, which `snapshot_dir` reads back as the same snapshot. Pure, and the
//! same bytes for the same snapshot. An optional column is there only where a row has a value for it; rates of 0 may be
//! unknown ones, so that a rate's column is there only where one is known.

use std::fmt::Write as _;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::kafka_cli::rfc3339;
use super::snapshot_dir::{FORMAT, parquet_file, quotas};
use crate::model::clients::{Client, Part, Quota};
use crate::model::history::Series;
use crate::model::{
    Broker, ClusterInfo, History, LogDir, Partition, PartitionIdx, Reassignment, Replica, Snapshot, Topic,
};
use crate::writer::OutputFile;

/// Appends a row's value.
type Put<'s, R> = dyn Fn(&R, &mut String) + 's;

/// A column: its name, and its value for a row, empty where there is none.
struct Column<'s, R> {
    name: &'static str,
    value: Box<Put<'s, R>>,
    required: bool,
    /// Whether a row of this kind has a value.
    is_known: Box<dyn Fn(&R) -> bool + 's>,
}

/// A column that every file has.
fn always<'s, R>(name: &'static str, value: impl Fn(&R, &mut String) + 's) -> Column<'s, R> {
    Column { name, value: Box::new(value), required: true, is_known: Box::new(|_| true) }
}

/// A column of values that may be missing.
fn optional<'s, R, T: std::fmt::Display>(
    name: &'static str,
    value: impl Fn(&R) -> Option<T> + Clone + 's,
) -> Column<'s, R> {
    let known = value.clone();
    Column {
        name,
        value: Box::new(move |row, out| {
            if let Some(value) = value(row) {
                put(out, value);
            }
        }),
        required: false,
        is_known: Box::new(move |row| known(row).is_some()),
    }
}

/// A column of rates, in which 0 may stand for an unknown one.
fn rate<'s, R>(name: &'static str, value: impl Fn(&R) -> f64 + Clone + 's) -> Column<'s, R> {
    let known = value.clone();
    Column {
        name,
        value: Box::new(move |row, out| put(out, value(row))),
        required: false,
        is_known: Box::new(move |row| known(row) != 0.0),
    }
}

/// The files of `snapshot`'s directory, in name order.
#[must_use]
pub fn snapshot_files(snapshot: &Snapshot) -> Vec<OutputFile> {
    vec![
        file("brokers.csv", table(&snapshot.brokers, &broker_columns(snapshot))),
        file("cluster.toml", cluster(&snapshot.cluster).into_bytes()),
        file("log_dirs.csv", table(&snapshot.log_dirs, &log_dir_columns(snapshot))),
        file("partitions.csv", table(&snapshot.partitions, &partition_columns(snapshot))),
        file("replicas.csv", table(&replica_rows(snapshot), &replica_columns(snapshot))),
        file("topics.csv", table(&snapshot.topics, &topic_columns(snapshot))),
    ]
}

/// `quotas.csv`, in the order given: without rows where no quota is set, which is not the same as no file.
#[must_use]
pub fn quotas_file(rows: &[Quota]) -> OutputFile {
    let part = |part: &Part, out: &mut String| match part {
        Part::Named(name) => put(out, name),
        Part::Default => put(out, quotas::DEFAULT_NAME),
        Part::Absent => {}
    };
    let figure = |figure: Option<f64>, out: &mut String| figure.into_iter().for_each(|figure| put(out, figure));
    let [user, client_id, produce, consume, request, mutation] = quotas::COLUMN_NAMES;
    let columns = [
        always(user, move |q: &Quota, out| part(&q.entity.user, out)),
        always(client_id, move |q: &Quota, out| part(&q.entity.client_id, out)),
        always(produce, move |q: &Quota, out| figure(q.producer_byte_rate, out)),
        always(consume, move |q: &Quota, out| figure(q.consumer_byte_rate, out)),
        always(request, move |q: &Quota, out| figure(q.request_percentage, out)),
        always(mutation, move |q: &Quota, out| figure(q.controller_mutation_rate, out)),
    ];
    file(quotas::FILE, table(rows, &columns))
}

/// How a history is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryFormat {
    /// `history.csv`, which every program reads.
    #[default]
    Csv,
    /// `history.parquet`, compressed.
    Parquet,
}

/// `history.csv` or `history.parquet`: a row per moment and series, by time.
///
/// # Errors
/// What the writer of Parquet refuses, in words.
pub fn history_file(history: &History, format: HistoryFormat) -> Result<OutputFile, String> {
    let rows = history_rows(history);
    match format {
        HistoryFormat::Csv => Ok(history_csv(&rows)),
        HistoryFormat::Parquet => {
            parquet_file::bytes(&rows).map(|bytes| OutputFile { path: PathBuf::from("history.parquet"), bytes })
        }
    }
}

/// A row of a history: when, how much, of what.
pub(super) type HistoryRow<'h> = (i64, f64, &'h Series);

fn history_rows(history: &History) -> Vec<HistoryRow<'_>> {
    let mut rows: Vec<HistoryRow<'_>> = history
        .series
        .iter()
        .flat_map(|series| {
            series.times_sec.iter().zip(&series.values).map(move |(time, value)| (*time, *value, series))
        })
        .collect();
    // Stable: within a moment, series stay in their order.
    rows.sort_by_key(|(time, _, _)| *time);
    rows
}

fn history_csv(rows: &[HistoryRow<'_>]) -> OutputFile {
    let columns = [
        always("timestamp", |(time, _, _): &HistoryRow<'_>, out| put(out, rfc3339(*time))),
        optional("broker_id", |(_, _, series): &HistoryRow<'_>| series.subject.broker_id),
        optional("topic", |(_, _, series): &HistoryRow<'_>| series.subject.topic.clone()),
        always("metric", |(_, _, series): &HistoryRow<'_>, out| put(out, series.metric.name())),
        always("value", |(_, value, _): &HistoryRow<'_>, out| put(out, value)),
    ];
    file("history.csv", table(rows, &columns))
}

/// `clients.csv`, in the order given.
#[must_use]
pub fn clients_file(clients: &[&Client]) -> OutputFile {
    let columns = [
        optional("user", |client: &&Client| client.identity.user.clone()),
        optional("client_id", |client: &&Client| client.identity.client_id.clone()),
        always("produce_bytes_per_sec", |client: &&Client, out| put(out, client.produce_bytes_per_sec)),
        always("consume_bytes_per_sec", |client: &&Client, out| put(out, client.consume_bytes_per_sec)),
        optional("throttle_ms", |client: &&Client| client.throttle_ms),
    ];
    file("clients.csv", table(clients, &columns))
}

/// What `snapshot_dir` will say is the hash of the directory that holds `files`, snapshot_files' own: SHA-256 over
/// their bytes in name order, in hexadecimal.
#[must_use]
pub fn sha256(files: &[OutputFile]) -> String {
    let mut sorted: Vec<&OutputFile> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hasher = Sha256::new();
    sorted.iter().for_each(|file| hasher.update(&file.bytes));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file(name: &str, bytes: Vec<u8>) -> OutputFile {
    OutputFile { path: PathBuf::from(name), bytes }
}

fn put(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// The rows as CSV, without the optional columns that no row has a value for.
fn table<R>(rows: &[R], columns: &[Column<'_, R>]) -> Vec<u8> {
    let columns: Vec<&Column<'_, R>> =
        columns.iter().filter(|column| column.required || rows.iter().any(|row| (column.is_known)(row))).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut text = String::new();
    // Writing to memory cannot fail, and all records are as wide as the header.
    let _ = writer.write_record(columns.iter().map(|column| column.name));
    for row in rows {
        for column in &columns {
            text.clear();
            (column.value)(row, &mut text);
            let _ = writer.write_field(&text);
        }
        let _ = writer.write_record(None::<&[u8]>);
    }
    writer.into_inner().unwrap_or_default()
}

fn broker_columns(snapshot: &Snapshot) -> Vec<Column<'_, Broker>> {
    vec![
        always("broker_id", |b: &Broker, out| put(out, b.id)),
        optional("rack", |b: &Broker| b.rack.map(|rack| &snapshot.racks[rack.row()])),
        optional("resource_group", |b: &Broker| b.group.map(|group| &snapshot.groups[group.row()])),
        always("state", |b: &Broker, out| put(out, b.state.name())),
        optional("machine_model", |b: &Broker| b.machine_model.clone()),
        optional("host", |b: &Broker| b.host.clone()),
        optional("cpu_cores", |b: &Broker| b.cpu_cores),
        optional("cpu_utilization", |b: &Broker| b.cpu_utilization),
        optional("network_in_capacity_bytes_per_sec", |b: &Broker| b.network_in_capacity_bytes_per_sec),
        optional("network_out_capacity_bytes_per_sec", |b: &Broker| b.network_out_capacity_bytes_per_sec),
        optional("measured_network_in_bytes_per_sec", |b: &Broker| b.measured_network_in_bytes_per_sec),
        optional("measured_network_out_bytes_per_sec", |b: &Broker| b.measured_network_out_bytes_per_sec),
    ]
}

fn log_dir_columns(snapshot: &Snapshot) -> Vec<Column<'_, LogDir>> {
    vec![
        always("broker_id", |d: &LogDir, out| put(out, snapshot.broker(d.broker).id)),
        always("log_dir", |d: &LogDir, out| put(out, &d.path)),
        optional("capacity_bytes", |d: &LogDir| d.capacity_bytes),
        always("state", |d: &LogDir, out| put(out, d.state.name())),
        optional("other_used_bytes", |d: &LogDir| Some(d.other_used_bytes).filter(|&bytes| bytes > 0)),
        optional("write_capacity_bytes_per_sec", |d: &LogDir| d.write_capacity_bytes_per_sec),
    ]
}

fn topic_columns(snapshot: &Snapshot) -> Vec<Column<'_, Topic>> {
    vec![
        always("topic", |t: &Topic, out| put(out, &t.name)),
        optional("resource_group", |t: &Topic| t.group.map(|group| &snapshot.groups[group.row()])),
        optional("min_insync_replicas", |t: &Topic| t.min_insync_replicas),
        optional("cleanup_policy", |t: &Topic| t.cleanup_policy.clone()),
        optional("retention_ms", |t: &Topic| t.retention_ms),
        optional("retention_bytes", |t: &Topic| t.retention_bytes),
    ]
}

fn partition_columns(snapshot: &Snapshot) -> Vec<Column<'_, Partition>> {
    vec![
        always("topic", |p: &Partition, out| put(out, &snapshot.topic(p.topic).name)),
        always("partition", |p: &Partition, out| put(out, p.number)),
        always("leader", |p: &Partition, out| put(out, p.leader.map_or(-1, |leader| snapshot.broker(leader).id))),
        rate("bytes_in_per_sec", |p: &Partition| p.bytes_in_per_sec),
        rate("bytes_out_per_sec", |p: &Partition| p.bytes_out_per_sec),
        rate("messages_in_per_sec", |p: &Partition| p.messages_in_per_sec),
    ]
}

/// A replica with the partition and position that its place in the table stands for.
struct ReplicaRow<'s> {
    partition: PartitionIdx,
    position: usize,
    replica: &'s Replica,
}

fn replica_rows(snapshot: &Snapshot) -> Vec<ReplicaRow<'_>> {
    let of = |partition| {
        let replicas = snapshot.replicas_of(partition).iter().enumerate();
        replicas.map(move |(position, replica)| ReplicaRow { partition, position, replica })
    };
    snapshot.partition_indices().flat_map(of).collect()
}

fn replica_columns<'s>(snapshot: &'s Snapshot) -> Vec<Column<'s, ReplicaRow<'s>>> {
    type Row<'s> = ReplicaRow<'s>;
    vec![
        always("topic", |r: &Row<'_>, out| put(out, &snapshot.topic(snapshot.partition(r.partition).topic).name)),
        always("partition", |r: &Row<'_>, out| put(out, snapshot.partition(r.partition).number)),
        always("position", |r: &Row<'_>, out| put(out, r.position)),
        always("broker_id", |r: &Row<'_>, out| put(out, snapshot.broker(r.replica.broker).id)),
        optional("log_dir", |r: &Row<'_>| r.replica.log_dir.map(|dir| &snapshot.log_dir(dir).path)),
        always("size_bytes", |r: &Row<'_>, out| put(out, r.replica.size_bytes)),
        always("in_sync", |r: &Row<'_>, out| put(out, r.replica.in_sync)),
        optional("reassignment", |r: &Row<'_>| {
            r.replica.reassignment.map(|side| match side {
                Reassignment::Adding => "adding",
                Reassignment::Removing => "removing",
            })
        }),
    ]
}

fn cluster(info: &ClusterInfo) -> String {
    let mut out = format!("format = {FORMAT}\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(out, "{key} = {}", toml::Value::from(value));
    };
    line("cluster_id", &info.cluster_id);
    line("captured_at", &info.captured_at);
    line("source", &info.source);
    if let Some(version) = &info.kafka_version {
        line("kafka_version", version);
    }
    if let Some(window) = &info.window {
        let text = |value: &str| toml::Value::from(value);
        let (start, end, statistic) = (text(&window.start), text(&window.end), text(window.statistic.name()));
        let _ = writeln!(out, "\n[window]\nstart = {start}\nend = {end}\nstatistic = {statistic}");
    }
    out
}

#[cfg(test)]
mod tests;
