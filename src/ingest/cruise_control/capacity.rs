//! The capacities that Cruise Control is configured with: `capacity.json`, `capacityJBOD.json`, `capacityCores.json`.
//!
//! Source: `BrokerCapacityConfigFileResolver` of linkedin/cruise-control. Figures are texts; broker −1 is the default;
//! `DISK` is MB, or MB by log dir; `CPU` is percent, or `{"num.cores": …}`; `NW_IN` and `NW_OUT` are KB/s.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::answers::{Answer, read};
use super::codes;
use super::units;
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::kafka_cli::Source;

/// The id under which a file gives its default.
const DEFAULT_BROKER: i32 = -1;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "brokerCapacities")]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "brokerId")]
    broker: Value,
    capacity: BTreeMap<String, Value>,
}

/// A broker's disks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Disk {
    /// One size for all that it has, in bytes.
    Total(u64),
    /// By log dir, in bytes.
    ByDir(BTreeMap<String, u64>),
}

impl Disk {
    fn total(&self) -> u64 {
        match self {
            Self::Total(bytes) => *bytes,
            Self::ByDir(dirs) => dirs.values().fold(0, |sum, bytes| sum.saturating_add(*bytes)),
        }
    }
}

/// What is said of a broker; each may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Capacity {
    pub(super) disk: Option<Disk>,
    pub(super) cores: Option<f64>,
    pub(super) network_in_bytes_per_sec: Option<f64>,
    pub(super) network_out_bytes_per_sec: Option<f64>,
}

/// All files together.
#[derive(Debug, Default)]
pub(super) struct Capacities {
    entries: BTreeMap<i32, Capacity>,
}

impl Capacities {
    /// Reads all of `sources`; two that say different things of one broker contradict each other.
    pub(super) fn read(sources: &[Source], faults: &mut Faults) -> Self {
        let mut all = Self::default();
        for source in sources {
            if let Some(file) = read::<File>(source, "the capacity file", faults) {
                all.add(&file, faults);
            }
        }
        all
    }

    /// What holds for broker `id`: its own figures, else the default's.
    pub(super) fn of(&self, id: i32) -> Capacity {
        let own = self.entries.get(&id).cloned().unwrap_or_default();
        let default = self.entries.get(&DEFAULT_BROKER).cloned().unwrap_or_default();
        Capacity {
            disk: own.disk.or(default.disk),
            cores: own.cores.or(default.cores),
            network_in_bytes_per_sec: own.network_in_bytes_per_sec.or(default.network_in_bytes_per_sec),
            network_out_bytes_per_sec: own.network_out_bytes_per_sec.or(default.network_out_bytes_per_sec),
        }
    }

    /// The ids that have an entry of their own.
    pub(super) fn named(&self) -> impl Iterator<Item = i32> {
        self.entries.keys().copied().filter(|id| *id != DEFAULT_BROKER)
    }

    fn add(&mut self, file: &Answer<'_, File>, faults: &mut Faults) {
        for (index, entry) in file.content.entries.iter().enumerate() {
            let fail =
                |code, message: String, help: &str| file.error(code, "brokerCapacities", index, message).help(help);
            let Some(id) = whole(&entry.broker).filter(|id| *id >= DEFAULT_BROKER) else {
                let message = format!("brokerId {} is no broker id", entry.broker);
                faults.push(fail(codes::VALUE, message, "write a number from 0, or -1 for the default"));
                continue;
            };
            let wrong = |message: String| -> Fault {
                let help = "write MB for DISK, KB/s for NW_IN and NW_OUT, {\"num.cores\": \"16\"} for CPU";
                fail(codes::VALUE, message, help)
            };
            let Some(read) = figures(entry, &mut |message| faults.push(wrong(message))) else { continue };
            let known = self.entries.entry(id).or_default();
            if let Some(what) = merge(known, read) {
                let whose = if id == DEFAULT_BROKER { "the default".to_owned() } else { format!("broker {id}") };
                let message = format!("{what} of {whose} differs from what was said before");
                faults.push(fail(codes::CONTRADICTION, message, "give only the file that Cruise Control is run with"));
            }
        }
    }
}

/// Adds `new` to `known`; what differs is returned by name.
fn merge(known: &mut Capacity, new: Capacity) -> Option<&'static str> {
    let mut differing = None;
    match (&known.disk, new.disk) {
        (None, disk) => known.disk = disk,
        (Some(Disk::Total(_)), Some(disk @ Disk::ByDir(_)))
            if known.disk.as_ref().map(Disk::total) == Some(disk.total()) =>
        {
            known.disk = Some(disk);
        }
        (Some(old), Some(disk))
            if *old != disk && (is_by_dir(old) == is_by_dir(&disk) || old.total() != disk.total()) =>
        {
            differing = Some("DISK");
        }
        _ => {}
    }
    let mut figure = |name: &'static str, old: &mut Option<f64>, new: Option<f64>| match (*old, new) {
        (Some(a), Some(b)) if a != b => differing = differing.or(Some(name)),
        _ => *old = old.or(new),
    };
    figure("CPU", &mut known.cores, new.cores);
    figure("NW_IN", &mut known.network_in_bytes_per_sec, new.network_in_bytes_per_sec);
    figure("NW_OUT", &mut known.network_out_bytes_per_sec, new.network_out_bytes_per_sec);
    differing
}

fn is_by_dir(disk: &Disk) -> bool {
    matches!(disk, Disk::ByDir(_))
}

/// The figures of an entry; none where one of them cannot be, which is then reported.
fn figures(entry: &Entry, wrong: &mut dyn FnMut(String)) -> Option<Capacity> {
    let mut is_right = true;
    let mut refuse = |what: &str, value: &Value| {
        is_right = false;
        wrong(format!("{what} is {value}: not a number above 0"));
    };
    let mut capacity = Capacity::default();
    if let Some(value) = entry.capacity.get("DISK") {
        capacity.disk = match value {
            Value::Object(dirs) => {
                let mut by_dir = BTreeMap::new();
                for (path, size) in dirs {
                    match number(size).and_then(units::bytes_of_mb) {
                        Some(bytes) if bytes > 0 => drop(by_dir.insert(path.clone(), bytes)),
                        _ => refuse(&format!("DISK of {path:?}"), size),
                    }
                }
                Some(Disk::ByDir(by_dir))
            }
            size => match number(size).and_then(units::bytes_of_mb) {
                Some(bytes) if bytes > 0 => Some(Disk::Total(bytes)),
                _ => {
                    refuse("DISK", size);
                    None
                }
            },
        };
    }
    if let Some(Value::Object(cpu)) = entry.capacity.get("CPU")
        && let Some(cores) = cpu.get("num.cores")
    {
        capacity.cores = number(cores).filter(|cores| *cores > 0.0 && *cores <= units::FIGURE_MAX);
        if capacity.cores.is_none() {
            refuse("num.cores", cores);
        }
    }
    let mut rate = |key: &str| {
        let value = entry.capacity.get(key)?;
        let rate = number(value).and_then(units::bytes_of_kb).filter(|rate| *rate > 0.0);
        if rate.is_none() {
            refuse(key, value);
        }
        rate
    };
    capacity.network_in_bytes_per_sec = rate("NW_IN");
    capacity.network_out_bytes_per_sec = rate("NW_OUT");
    is_right.then_some(capacity)
}

/// A number, written as such or as a text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<i32> {
    match value {
        Value::Number(number) => number.as_i64().and_then(|id| i32::try_from(id).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
