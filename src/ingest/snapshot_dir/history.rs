//! `history.csv`, `history.csv.gz` or `history.parquet` (contract §1): what was measured before the snapshot.
//!
//! Input: the snapshot directory and the snapshot read from it. Output: a [`History`] whose invariants hold, with
//! warnings, none where there is no such file; or every fault, by file, line and column. A Parquet file is read as the
//! table that its rows make as CSV, and its faults are placed there: the header is line 1, each row a line.

pub(in crate::ingest) mod parquet_file;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use rayon::slice::ParallelSliceMut;

use super::brokers::ID_MAX;
use super::field::{NUMBER_MAX, shown};
use super::files::{SourceFile, read_file};
use super::table::{Column, Row, Table, optional, required};
use crate::ingest::codes;
use crate::ingest::fault::{Fault, Faults};
use crate::model::history::{Series, Subject};
use crate::model::{History, Metric, Snapshot};

/// The names under which a history may be there.
const NAMES: [&str; 3] = ["history.csv", "history.csv.gz", "history.parquet"];

const TIMESTAMP: usize = 0;
const BROKER_ID: usize = 1;
const TOPIC: usize = 2;
const METRIC: usize = 3;
const VALUE: usize = 4;

const COLUMNS: &[Column] =
    &[required("timestamp"), optional("broker_id"), optional("topic"), required("metric"), required("value")];

/// How many names a warning shows.
const NAMES_SHOWN: usize = 3;

/// A topic by its row in the snapshot, or by name where the snapshot does not have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TopicKey {
    All,
    Listed(usize),
    Unlisted(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    metric: Metric,
    broker_id: Option<i32>,
    topic: TopicKey,
    time_sec: i64,
    offset: u32,
}

impl Key {
    fn series(&self) -> (Metric, Option<i32>, &TopicKey) {
        (self.metric, self.broker_id, &self.topic)
    }
}

/// Reads the history in `dir`, if there is one; brokers and topics that `snapshot` lacks are kept, with a warning.
///
/// # Errors
/// Every error found in the file, up to [`Faults::CAP`], along with the warnings.
pub fn read(dir: &Path, snapshot: &Snapshot) -> Result<(Option<History>, Faults), Faults> {
    let mut faults = Faults::default();
    let present: Vec<&str> = NAMES.into_iter().filter(|name| dir.join(name).exists()).collect();
    let file = match present[..] {
        [] => return Ok((None, faults)),
        [name] => source(dir, name),
        [name, other, ..] => {
            let fault = Fault::error(codes::TWO_FILES, Path::new(name), format!("{name} and {other} are both there"));
            Err(Box::new(fault.help("remove the one that is out of date")))
        }
    };
    let history = match &file {
        Ok(file) => parse(file, snapshot, &mut faults),
        Err(fault) => {
            faults.push((**fault).clone());
            None
        }
    };
    if faults.has_errors() { Err(faults) } else { Ok((history, faults)) }
}

fn source(dir: &Path, name: &str) -> Result<SourceFile, Box<Fault>> {
    if name == NAMES[2] { parquet_file::as_csv(dir, name) } else { read_file(dir, name.to_owned()) }
}

/// The history in `file`; none where its header is unsound, which is then among `faults`.
fn parse(file: &SourceFile, snapshot: &Snapshot, faults: &mut Faults) -> Option<History> {
    let mut of_rows = Faults::default();
    let mut table = Table::open(file, COLUMNS, faults)?;
    let mut rows = table.rows(|(): &mut (), row| parse_row(row, snapshot));
    rows.par_sort_unstable_by(|a, b| a.0.cmp(&b.0));
    warn_of_unlisted(&mut table, &rows, snapshot);
    refuse_duplicates(&mut table, &rows);
    table.report(&mut of_rows);
    faults.extend(of_rows);
    Some(assemble(&rows, snapshot))
}

fn parse_row(row: &mut Row<'_>, snapshot: &Snapshot) -> Option<(Key, f64)> {
    let time_sec = timestamp(row);
    let metric = row.needed(METRIC).and_then(|_| row.choice(METRIC, &Metric::ALL.map(|m| (m.name(), m))));
    let value = row.needed(VALUE).and_then(|_| row.real(VALUE, NUMBER_MAX));
    let broker_id = match row.raw(BROKER_ID) {
        None => None,
        Some(_) => Some(row.whole(BROKER_ID, ID_MAX).and_then(|id| i32::try_from(id).ok())?),
    };
    let topic = match row.raw(TOPIC) {
        None => TopicKey::All,
        Some(_) => {
            let name = row.text(TOPIC)?;
            let listed = snapshot.topic_by_name(name);
            listed.map_or_else(|| TopicKey::Unlisted(name.into()), |topic| TopicKey::Listed(topic.row()))
        }
    };
    let (time_sec, metric, value) = (time_sec?, metric?, value?);
    if metric == Metric::Cpu && value > 1.0 {
        row.error(Some(VALUE), codes::OUT_OF_RANGE, || {
            let message = format!("cpu_utilization {value} is above 1");
            (message, "write the share of the cores in use as a fraction: 35 % is 0.35".to_owned())
        });
        return None;
    }
    Some((Key { metric, broker_id, topic, time_sec, offset: row.offset }, value))
}

/// Seconds since 1970 of an RFC 3339 time in UTC.
fn timestamp(row: &mut Row<'_>) -> Option<i64> {
    let bytes = row.needed(TIMESTAMP)?;
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let is_utc = ["Z", "z", "+00:00", "-00:00"].iter().any(|offset| text.ends_with(offset));
    let parsed = text.parse::<jiff::Timestamp>().ok().filter(|_| is_utc);
    if parsed.is_none() {
        row.error(Some(TIMESTAMP), codes::TIMESTAMP, || {
            let message = format!("timestamp {} is not an RFC 3339 time in UTC", shown(bytes));
            (message, "write it as 2026-11-20T12:00:00Z".to_owned())
        });
    }
    parsed.map(jiff::Timestamp::as_second)
}

/// One warning for brokers and one for topics: such series are kept, since what has left the cluster once was load.
fn warn_of_unlisted(table: &mut Table<'_>, rows: &[(Key, f64)], snapshot: &Snapshot) {
    let mut brokers = BTreeSet::new();
    let mut topics = BTreeSet::new();
    let (mut first_broker, mut first_topic) = (u32::MAX, u32::MAX);
    for (key, _) in rows {
        if let Some(id) = key.broker_id
            && snapshot.broker_by_id(id).is_none()
        {
            brokers.insert(id);
            first_broker = first_broker.min(key.offset);
        }
        if let TopicKey::Unlisted(name) = &key.topic {
            topics.insert(&**name);
            first_topic = first_topic.min(key.offset);
        }
    }
    let help = "nothing to do where it has left the cluster; else correct the name, or capture the snapshot again";
    let mut warn = |names: Vec<String>, offset: u32, column: usize, noun: &str, file: &str| {
        if names.is_empty() {
            return;
        }
        let more = names.len().saturating_sub(NAMES_SHOWN);
        let beyond = if more > 0 { format!(" and {more} more") } else { String::new() };
        let shown = names[..names.len() - more].join(", ");
        let plural = if names.len() > 1 { "s" } else { "" };
        let verb = if names.len() > 1 { "are" } else { "is" };
        let message = format!("{noun}{plural} {shown}{beyond} {verb} not listed in {file}");
        table.warning(offset, Some(column), codes::HISTORY_UNLISTED, message, help.to_owned());
    };
    warn(brokers.iter().map(i32::to_string).collect(), first_broker, BROKER_ID, "broker", "brokers.csv");
    let quoted = topics.iter().map(|name| shown(name.as_bytes())).collect();
    warn(quoted, first_topic, TOPIC, "topic", "topics.csv");
}

fn refuse_duplicates(table: &mut Table<'_>, rows: &[(Key, f64)]) {
    for pair in rows.windows(2) {
        let [(first, _), (second, _)] = pair else { continue };
        if (first.series(), first.time_sec) == (second.series(), second.time_sec) {
            table.error(second.offset, Some(TIMESTAMP), codes::DUPLICATE_ROW, |table| {
                let name = second.metric.name();
                let message =
                    format!("{name} is given twice for this time, first in line {}", table.line(first.offset));
                (message, "remove one of the rows".to_owned())
            });
        }
    }
}

fn assemble(rows: &[(Key, f64)], snapshot: &Snapshot) -> History {
    let series = |run: &[(Key, f64)]| {
        let key = &run.first()?.0;
        let topic = match &key.topic {
            TopicKey::All => None,
            TopicKey::Listed(row) => snapshot.topics.get(*row).map(|topic| topic.name.clone()),
            TopicKey::Unlisted(name) => Some(name.to_string()),
        };
        Some(Series {
            metric: key.metric,
            subject: Subject { broker_id: key.broker_id, topic },
            times_sec: run.iter().map(|(key, _)| key.time_sec).collect(),
            values: run.iter().map(|(_, value)| *value).collect(),
        })
    };
    let mut all: Vec<Series> = rows.chunk_by(|(a, _), (b, _)| a.series() == b.series()).filter_map(series).collect();
    // Topics that the snapshot has were sorted before those that it lacks.
    all.sort_by(|a, b| (a.metric, &a.subject).cmp(&(b.metric, &b.subject)));
    History { series: all }
}
