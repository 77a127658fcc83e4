//! Reads the file: every key known, every value of its kind and range, or a fault at its place.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{BrokerEntry, BrokerSettings, Ids, Inventory, LogDirSettings, TopicEntry};
use crate::ingest::fault::{Faults, Severity};
use crate::ingest::kafka_cli::{MetricNames, codes, signal_by_name, signal_names};
use crate::ingest::policy::parse_bytes;
use crate::ingest::toml_reader::{Bounds, TomlCodes, TomlReader};
use crate::model::snapshot::DEFAULT_GROUP;
use crate::model::{BrokerState, LogDirState, TopicPattern};

type Value<'t> = Spanned<DeValue<'t>>;

const CODES: TomlCodes = TomlCodes {
    syntax: codes::INVENTORY_SYNTAX,
    unknown_key: (codes::INVENTORY_UNKNOWN_KEY, Severity::Error),
    value: codes::INVENTORY_VALUE,
    range: codes::INVENTORY_RANGE,
};

const KEYS: [&str; 3] = ["brokers", "topics", "metrics"];
const BROKER_KEYS: [&str; 12] = [
    "ids",
    "resource_group",
    "rack",
    "machine_model",
    "host",
    "state",
    "cpu_cores",
    "network_in_capacity_bytes_per_sec",
    "network_out_capacity_bytes_per_sec",
    "log_dir_capacity_bytes",
    "other_used_bytes",
    "log_dirs",
];
const LOG_DIR_KEYS: [&str; 3] = ["capacity_bytes", "other_used_bytes", "state"];
const TOPIC_KEYS: [&str; 2] = ["pattern", "resource_group"];
const LABEL_KEYS: [&str; 4] = ["broker_label", "topic_label", "partition_label", "instances"];

/// A capacity: more than the fastest network or the largest machine there will be is a slip of the pen.
const CAPACITY: Bounds =
    Bounds { min: 0.0, max: 1e15, above_min: true, below_max: false, words: "above 0 and at most 1e15" };

/// Disks' sizes: as many bytes as leave room to add up all dirs of a cluster.
const BYTES_MAX: u64 = 1 << 53;

/// A broker id at most.
const ID_MAX: u64 = i32::MAX as u64;

pub(super) fn parse(path: &Path, text: &str) -> Result<Inventory, Faults> {
    let mut inventory = Inventory { path: path.to_owned(), ..Inventory::default() };
    let mut reader = TomlReader::new(path, text, &CODES);
    if let Some(root) = reader.root() {
        reader.check_keys("", &root, &KEYS);
        for entry in entries(&mut reader, &root, "brokers") {
            broker(&mut reader, entry, text, &mut inventory);
        }
        for entry in entries(&mut reader, &root, "topics") {
            topic(&mut reader, entry, text, &mut inventory);
        }
        if let Some(table) = root.get("metrics").and_then(|value| reader.table("metrics", value)) {
            metrics(&mut reader, table, &mut inventory.metrics);
        }
    }
    let mut faults = Faults::default();
    reader.report(&mut faults);
    if faults.has_errors() { Err(faults) } else { Ok(inventory) }
}

/// The elements of `[[name]]`.
fn entries<'v, 't>(reader: &mut TomlReader<'t>, root: &'v DeTable<'t>, name: &str) -> Vec<&'v Value<'t>> {
    let list = root.get(name).and_then(|value| reader.list(name, value));
    list.map(|list| list.iter().collect()).unwrap_or_default()
}

fn place(text: &str, offset: usize) -> (u64, u64) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|&b| b == b'\n').count() as u64 + 1;
    (line, before[line_start..].chars().count() as u64 + 1)
}

fn broker<'t>(reader: &mut TomlReader<'t>, entry: &Value<'t>, text: &str, inventory: &mut Inventory) {
    let Some(table) = reader.table("brokers", entry) else { return };
    reader.check_keys("brokers", table, &BROKER_KEYS);
    let Some(value) = table.get("ids") else {
        let help = "write ids = \"all\", ids = 7 or ids = [1, \"3-8\"]";
        return reader.error(entry.span(), codes::INVENTORY_VALUE, "an entry of brokers lacks ids", help);
    };
    let Some(ids) = ids(reader, value) else { return };
    let mut get = |key: &str, read: &mut dyn FnMut(&mut TomlReader<'t>, &Value<'t>)| {
        if let Some(value) = table.get(key) {
            read(reader, value);
        }
    };
    let mut settings = BrokerSettings::default();
    get("resource_group", &mut |r, v| settings.resource_group = group(r, "resource_group", v));
    get("rack", &mut |r, v| settings.rack = name(r, "rack", v));
    get("machine_model", &mut |r, v| settings.machine_model = name(r, "machine_model", v));
    get("host", &mut |r, v| settings.host = name(r, "host", v));
    get("state", &mut |r, v| settings.state = one_of(r, "state", v, &BrokerState::ALL.map(|s| (s.name(), s))));
    get("cpu_cores", &mut |r, v| settings.cpu_cores = r.number("cpu_cores", v, CAPACITY));
    for (key, slot) in [
        ("network_in_capacity_bytes_per_sec", &mut settings.network_in_capacity_bytes_per_sec),
        ("network_out_capacity_bytes_per_sec", &mut settings.network_out_capacity_bytes_per_sec),
    ] {
        get(key, &mut |r, v| *slot = r.number(key, v, CAPACITY));
    }
    get("log_dir_capacity_bytes", &mut |r, v| {
        settings.log_dir_capacity_bytes = bytes(r, "log_dir_capacity_bytes", v, 1);
    });
    get("other_used_bytes", &mut |r, v| settings.other_used_bytes = bytes(r, "other_used_bytes", v, 0));
    get("log_dirs", &mut |r, v| settings.log_dirs = log_dirs(r, v));
    inventory.brokers.push(BrokerEntry { ids, place: place(text, entry.span().start), settings });
}

fn log_dirs<'t>(reader: &mut TomlReader<'t>, value: &Value<'t>) -> BTreeMap<String, LogDirSettings> {
    let mut found = BTreeMap::new();
    let Some(dirs) = reader.table("log_dirs", value) else { return found };
    for (path, value) in dirs {
        let Some(table) = reader.table(path.get_ref(), value) else { continue };
        reader.check_keys("log_dirs", table, &LOG_DIR_KEYS);
        let states = LogDirState::ALL.map(|s| (s.name(), s));
        let settings = LogDirSettings {
            capacity_bytes: table.get("capacity_bytes").and_then(|v| bytes(reader, "capacity_bytes", v, 1)),
            other_used_bytes: table.get("other_used_bytes").and_then(|v| bytes(reader, "other_used_bytes", v, 0)),
            state: table.get("state").and_then(|v| one_of(reader, "state", v, &states)),
        };
        found.insert(path.get_ref().to_string(), settings);
    }
    found
}

fn topic<'t>(reader: &mut TomlReader<'t>, entry: &Value<'t>, text: &str, inventory: &mut Inventory) {
    let Some(table) = reader.table("topics", entry) else { return };
    reader.check_keys("topics", table, &TOPIC_KEYS);
    let (Some(pattern), Some(group_value)) = (table.get("pattern"), table.get("resource_group")) else {
        let message = "an entry of topics lacks its pattern or its resource_group";
        let help = "write pattern = \"orders*\" and resource_group = \"…\"";
        return reader.error(entry.span(), codes::INVENTORY_VALUE, message, help);
    };
    let written = reader.string("pattern", pattern);
    let group = group(reader, "resource_group", group_value);
    let compiled = written.and_then(|written| match TopicPattern::new(&written) {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            let help = "`*` is any run, `?` a character, `[…]` a class, `{a,b}` alternatives";
            let message = format!("pattern {written:?}: {why}");
            reader.error(pattern.span(), codes::INVENTORY_PATTERN, message, help);
            None
        }
    });
    if let (Some(pattern), Some(resource_group)) = (compiled, group) {
        inventory.topics.push(TopicEntry { pattern, place: place(text, entry.span().start), resource_group });
    }
}

fn metrics<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, names: &mut MetricNames) {
    let known: Vec<&str> = signal_names().chain(LABEL_KEYS).collect();
    reader.check_keys("metrics", table, &known);
    for (key, value) in table {
        let key = key.get_ref().as_ref();
        if key == "instances" {
            instances(reader, value, names);
            continue;
        }
        let Some(text) = known.contains(&key).then(|| name(reader, key, value)).flatten() else { continue };
        match key {
            "broker_label" => names.broker_label = text,
            "topic_label" => names.topic_label = text,
            "partition_label" => names.partition_label = text,
            signal => {
                if let Some(signal) = signal_by_name(signal) {
                    names.set_metric(signal, &text);
                }
            }
        }
    }
}

fn instances<'t>(reader: &mut TomlReader<'t>, value: &Value<'t>, names: &mut MetricNames) {
    let Some(table) = reader.table("instances", value) else { return };
    for (instance, value) in table {
        if let Some(id) = reader.whole(instance.get_ref(), value, 0, ID_MAX).and_then(|id| i32::try_from(id).ok()) {
            names.instances.insert(instance.get_ref().to_string(), id);
        }
    }
}

/// `"all"`, an id, a list of ids and ranges, or `"1-4,7"`.
fn ids<'t>(reader: &mut TomlReader<'t>, value: &Value<'t>) -> Option<Ids> {
    if value.get_ref().as_str() == Some("all") {
        return Some(Ids::All);
    }
    let parts = match value.get_ref() {
        DeValue::Array(parts) => parts.iter().collect(),
        _ => vec![value],
    };
    let mut ranges = Vec::new();
    for part in parts {
        match part.get_ref() {
            DeValue::Integer(_) => {
                let id = reader.whole("ids", part, 0, ID_MAX).and_then(|id| i32::try_from(id).ok())?;
                ranges.push((id, id));
            }
            DeValue::String(text) => match parse_ranges(text) {
                Some(found) => ranges.extend(found),
                None => {
                    let message = format!("ids has {text:?}, which is neither an id nor a range");
                    reader.error(
                        part.span(),
                        codes::INVENTORY_VALUE,
                        message,
                        "write \"all\", 7, \"3-8\" or \"1-4,7\"",
                    );
                    return None;
                }
            },
            _ => {
                reader.wrong_kind("ids", part, "an id, a range or a list of them");
                return None;
            }
        }
    }
    if ranges.is_empty() {
        reader.error(value.span(), codes::INVENTORY_VALUE, "ids is empty", "write \"all\", 7, \"3-8\" or \"1-4,7\"");
        return None;
    }
    Some(Ids::Ranges(ranges))
}

fn parse_ranges(text: &str) -> Option<Vec<(i32, i32)>> {
    let id = |text: &str| text.trim().parse::<i32>().ok().filter(|id| *id >= 0);
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((id(first)?, id(last)?)).filter(|(first, last)| first <= last)
    };
    text.split(',').map(range).collect()
}

/// A text that can stand in a snapshot's cell.
fn name<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Value<'t>) -> Option<String> {
    let text = reader.string(key, value)?;
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        let message = format!("{key} is {text:?}, which names nothing");
        reader.error(value.span(), codes::INVENTORY_VALUE, message, "write a name, or leave the key out");
        return None;
    }
    Some(text.to_owned())
}

fn group<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Value<'t>) -> Option<String> {
    let group = name(reader, key, value)?;
    if group == DEFAULT_GROUP {
        let message = format!("no group can be called {DEFAULT_GROUP:?}: what has no group is reported under it");
        reader.error(value.span(), codes::INVENTORY_VALUE, message, "choose another name, or leave the key out");
        return None;
    }
    Some(group)
}

fn one_of<'t, T: Copy>(reader: &mut TomlReader<'t>, key: &str, value: &Value<'t>, known: &[(&str, T)]) -> Option<T> {
    let text = reader.string(key, value)?;
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let near = crate::ingest::nearest::nearest(&text, names.iter().copied()).unwrap_or_default();
        let message = format!("{key} {text:?} is none of {}", names.join(", "));
        reader.error(value.span(), codes::INVENTORY_VALUE, message, format!("the nearest is {near}"));
    }
    found
}

/// A number of bytes, or a text such as "4TiB".
fn bytes<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Value<'t>, min: u64) -> Option<u64> {
    let DeValue::String(text) = value.get_ref() else { return reader.whole(key, value, min, BYTES_MAX) };
    match parse_bytes(text) {
        Ok(bytes) if (min..=BYTES_MAX).contains(&bytes) => Some(bytes),
        Ok(_) => {
            reader.out_of_range(key, value, &format!("from {min} to {BYTES_MAX}"));
            None
        }
        Err(why) => {
            reader.error(
                value.span(),
                codes::INVENTORY_VALUE,
                format!("{key}: {why}"),
                "write 4_000_000_000 or \"4TB\"",
            );
            None
        }
    }
}
