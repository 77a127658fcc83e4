//! The inventory: what an operator knows of a cluster and Kafka does not.
//!
//! Input: a TOML file (docs/inventory.md). Output: an [`Inventory`] that [`apply`](Inventory::apply) writes over any
//! captured snapshot, so that nobody edits hundreds of rows after each capture: groups, machine models, capacities and
//! states by broker, groups by topic pattern, names of metrics. Where several entries match, the first that has a key
//! gives it.

mod apply;
mod parse;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::fault::Faults;
use super::kafka_cli::MetricNames;
use crate::model::{BrokerState, LogDirState, TopicPattern};

/// An inventory file, checked in itself but not yet against a cluster.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    path: PathBuf,
    brokers: Vec<BrokerEntry>,
    topics: Vec<TopicEntry>,
    /// What the site calls its metrics.
    pub metrics: MetricNames,
}

/// A `[[brokers]]` entry.
#[derive(Clone, Debug)]
struct BrokerEntry {
    ids: Ids,
    /// Line and column, both 1-based.
    place: (u64, u64),
    settings: BrokerSettings,
}

/// Whom an entry is about.
#[derive(Clone, Debug, PartialEq)]
enum Ids {
    All,
    /// Inclusive ranges.
    Ranges(Vec<(i32, i32)>),
}

impl Ids {
    fn contains(&self, id: i32) -> bool {
        match self {
            Self::All => true,
            Self::Ranges(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&id)),
        }
    }
}

/// What is said of a broker; each key may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerSettings {
    /// Resource group.
    pub resource_group: Option<String>,
    /// Failure domain, in place of Kafka's own.
    pub rack: Option<String>,
    /// Name in the machine catalogue.
    pub machine_model: Option<String>,
    /// Host name.
    pub host: Option<String>,
    /// What the broker is for.
    pub state: Option<BrokerState>,
    /// Cores.
    pub cpu_cores: Option<f64>,
    /// What the network can carry in, bytes per second.
    pub network_in_capacity_bytes_per_sec: Option<f64>,
    /// What the network can carry out, bytes per second.
    pub network_out_capacity_bytes_per_sec: Option<f64>,
    /// Size of the disk behind each log dir that `log_dirs` does not name.
    pub log_dir_capacity_bytes: Option<u64>,
    /// What is on each such disk beside Kafka's logs.
    pub other_used_bytes: Option<u64>,
    /// By path.
    pub log_dirs: BTreeMap<String, LogDirSettings>,
}

/// What is said of a log dir; each key may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogDirSettings {
    /// Size of the disk behind it.
    pub capacity_bytes: Option<u64>,
    /// What is on the disk beside Kafka's logs.
    pub other_used_bytes: Option<u64>,
    /// Whether it can be used.
    pub state: Option<LogDirState>,
}

/// A `[[topics]]` entry.
#[derive(Clone, Debug)]
struct TopicEntry {
    pattern: TopicPattern,
    place: (u64, u64),
    resource_group: String,
}

impl Inventory {
    /// Reads `text`, which is the content of `path`.
    ///
    /// # Errors
    /// Every fault in the file: bad syntax, unknown keys, values that cannot be.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Faults> {
        parse::parse(path, text)
    }

    /// What is said of broker `id` by all entries that match, the first of them that has a key giving it.
    #[must_use]
    pub fn broker(&self, id: i32) -> BrokerSettings {
        let entries = self.brokers.iter().filter(|entry| entry.ids.contains(id));
        entries.fold(BrokerSettings::default(), |known, entry| known.or(&entry.settings))
    }

    /// The group of the topic called `name`: that of the first entry whose pattern matches.
    #[must_use]
    pub fn topic_group(&self, name: &str) -> Option<&str> {
        let entry = self.topics.iter().find(|entry| entry.pattern.matches(name));
        entry.map(|entry| entry.resource_group.as_str())
    }
}

impl BrokerSettings {
    /// Each key, `other`'s where this has none.
    fn or(self, other: &Self) -> Self {
        let text = |mine: Option<String>, theirs: &Option<String>| mine.or_else(|| theirs.clone());
        let mut log_dirs = self.log_dirs;
        for (path, theirs) in &other.log_dirs {
            let mine = log_dirs.entry(path.clone()).or_default();
            mine.capacity_bytes = mine.capacity_bytes.or(theirs.capacity_bytes);
            mine.other_used_bytes = mine.other_used_bytes.or(theirs.other_used_bytes);
            mine.state = mine.state.or(theirs.state);
        }
        Self {
            resource_group: text(self.resource_group, &other.resource_group),
            rack: text(self.rack, &other.rack),
            machine_model: text(self.machine_model, &other.machine_model),
            host: text(self.host, &other.host),
            state: self.state.or(other.state),
            cpu_cores: self.cpu_cores.or(other.cpu_cores),
            network_in_capacity_bytes_per_sec: self
                .network_in_capacity_bytes_per_sec
                .or(other.network_in_capacity_bytes_per_sec),
            network_out_capacity_bytes_per_sec: self
                .network_out_capacity_bytes_per_sec
                .or(other.network_out_capacity_bytes_per_sec),
            log_dir_capacity_bytes: self.log_dir_capacity_bytes.or(other.log_dir_capacity_bytes),
            other_used_bytes: self.other_used_bytes.or(other.other_used_bytes),
            log_dirs,
        }
    }

    /// What is said of the log dir at `path`.
    #[must_use]
    pub fn log_dir(&self, path: &str) -> LogDirSettings {
        let named = self.log_dirs.get(path).copied().unwrap_or_default();
        LogDirSettings {
            capacity_bytes: named.capacity_bytes.or(self.log_dir_capacity_bytes),
            other_used_bytes: named.other_used_bytes.or(self.other_used_bytes),
            state: named.state,
        }
    }
}

/// Ids as people write them: `brokers 1-4, 7`.
pub(crate) fn id_ranges(ids: &[i32]) -> String {
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for &id in ids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let noun = if ids.len() == 1 { "broker" } else { "brokers" };
    format!("{noun} {}", ranges.into_iter().map(range_text).collect::<Vec<_>>().join(", "))
}

/// `3-8`, or `3` alone.
fn range_text((first, last): (i32, i32)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

#[cfg(test)]
mod tests;
