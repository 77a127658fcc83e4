//! One machine's TOML file. A figure is a plain value, or a table of `value`, `as_of`, `source` and `confidence`.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Disk, Figure, Machine};
use crate::ingest::codes;
use crate::ingest::fault::{Faults, Severity};
use crate::ingest::toml_reader::{Bounds, TomlCodes, TomlReader};

const CODES: TomlCodes = TomlCodes {
    syntax: codes::CATALOGUE_SYNTAX,
    unknown_key: (codes::CATALOGUE_UNKNOWN_KEY, Severity::Error),
    value: codes::CATALOGUE_VALUE,
    range: codes::CATALOGUE_RANGE,
};

const KEYS: [&str; 15] = [
    "id",
    "provider",
    "family",
    "vcpu",
    "physical_cores",
    "ram_gib",
    "heap_gib",
    "nic_base_mbps",
    "nic_burst_mbps",
    "disk",
    "storage_net_mbps",
    "zone_count",
    "price_hour",
    "currency",
    "region",
];
const DISK_KEYS: [&str; 7] = ["count", "size_gib", "kind", "read_mbps", "write_mbps", "read_iops", "write_iops"];
const FIGURE_KEYS: [&str; 4] = ["value", "as_of", "source", "confidence"];
const CONFIDENCES: [&str; 3] = ["high", "medium", "low"];

/// All figures are above zero, and none is near a million million: what is, has the wrong unit.
const POSITIVE: Bounds =
    Bounds { min: 0.0, max: 1e12, above_min: true, below_max: true, words: "above 0 and below 1e12" };

/// Whole disks, not more than a machine can hold.
const DISKS: Bounds = Bounds { min: 1.0, max: 10_000.0, above_min: false, below_max: false, words: "from 1 to 10000" };

/// Disks below 8 PiB, so that sizes in bytes are exact.
const DISK_GIB: Bounds =
    Bounds { min: 0.0, max: 8_388_608.0, above_min: true, below_max: true, words: "above 0 and below 8388608" };

/// Reads the machine in `text`, the content of `path`; none where it is not TOML or has no id.
pub(super) fn read(path: &Path, text: &str, faults: &mut Faults) -> Option<Machine> {
    let mut reader = TomlReader::new(path, text, &CODES);
    let machine = reader.root().and_then(|root| machine(&mut reader, &root));
    reader.report(faults);
    machine
}

fn machine<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>) -> Option<Machine> {
    reader.check_keys("", root, &KEYS);
    let id = root.get("id").and_then(|value| reader.string("id", value)).filter(|id| !id.trim().is_empty());
    if id.is_none() && root.get("id").is_none_or(|value| value.get_ref().is_str()) {
        let message = "the machine has no id";
        reader.error(0..0, codes::CATALOGUE_MISSING_KEY, message, "add id = \"…\", the name that machine_model uses");
    }
    let mut number = |key: &str| root.get(key).and_then(|value| number(reader, key, value, POSITIVE));
    let machine = Machine {
        id: id?,
        vcpu: number("vcpu"),
        physical_cores: number("physical_cores"),
        ram_gib: number("ram_gib"),
        heap_gib: number("heap_gib"),
        nic_base_mbps: number("nic_base_mbps"),
        nic_burst_mbps: number("nic_burst_mbps"),
        storage_net_mbps: number("storage_net_mbps"),
        zone_count: number("zone_count"),
        price_hour: number("price_hour"),
        provider: root.get("provider").and_then(|value| name(reader, "provider", value)),
        family: root.get("family").and_then(|value| name(reader, "family", value)),
        currency: root.get("currency").and_then(|value| name(reader, "currency", value)),
        region: root.get("region").and_then(|value| name(reader, "region", value)),
        disks: root.get("disk").map(|value| disks(reader, value)).unwrap_or_default(),
    };
    Some(machine)
}

fn disks<'t>(reader: &mut TomlReader<'t>, value: &Spanned<DeValue<'t>>) -> Vec<Disk> {
    let list = reader.list("disk", value).unwrap_or_default();
    list.iter().filter_map(|value| reader.table("disk", value).map(|table| disk(reader, table))).collect()
}

fn disk<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>) -> Disk {
    reader.check_keys("disk", table, &DISK_KEYS);
    let mut figure = |key: &str, bounds| table.get(key).and_then(|value| number(reader, key, value, bounds));
    Disk {
        count: figure("count", DISKS),
        size_gib: figure("size_gib", DISK_GIB),
        read_mbps: figure("read_mbps", POSITIVE),
        write_mbps: figure("write_mbps", POSITIVE),
        read_iops: figure("read_iops", POSITIVE),
        write_iops: figure("write_iops", POSITIVE),
        kind: table.get("kind").and_then(|value| name(reader, "kind", value)),
    }
}

fn number<'t>(
    reader: &mut TomlReader<'t>,
    key: &str,
    value: &Spanned<DeValue<'t>>,
    bounds: Bounds,
) -> Option<Figure<f64>> {
    figure(reader, key, value, |reader, value| reader.number(key, value, bounds))
}

fn name<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Spanned<DeValue<'t>>) -> Option<Figure<String>> {
    figure(reader, key, value, |reader, value| reader.string(key, value))
}

/// A figure whose value `read` takes.
fn figure<'t, T>(
    reader: &mut TomlReader<'t>,
    key: &str,
    value: &Spanned<DeValue<'t>>,
    read: impl Fn(&mut TomlReader<'t>, &Spanned<DeValue<'t>>) -> Option<T>,
) -> Option<Figure<T>> {
    let Some(table) = value.get_ref().as_table() else {
        return Some(Figure { value: read(reader, value)?, as_of: None, source: None, confidence: None });
    };
    reader.check_keys(key, table, &FIGURE_KEYS);
    let Some(inner) = table.get("value") else {
        reader.error(value.span(), codes::CATALOGUE_VALUE, format!("{key} has no value"), "add value = …");
        return None;
    };
    let mut text = |part: &str| table.get(part).and_then(|v| reader.string(&format!("{key}.{part}"), v));
    let (as_of, source, confidence) = (text("as_of"), text("source"), text("confidence"));
    if let Some(other) = confidence.as_deref().filter(|c| !CONFIDENCES.contains(c)) {
        let message = format!("{key}.confidence {other:?} is none of {}", CONFIDENCES.join(", "));
        reader.error(value.span(), codes::CATALOGUE_VALUE, message, "write how far the figure can be trusted");
    }
    Some(Figure { value: read(reader, inner)?, as_of, source, confidence })
}

/// The keys of `text`, an id aside, whose figures do not say when, where and how sure.
#[cfg(test)]
pub(super) fn unsourced(text: &str) -> Vec<String> {
    fn walk(key: &str, value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::Array(list) => list.iter().for_each(|item| walk(key, item, found)),
            toml::Value::Table(table) if table.contains_key("value") => {
                if FIGURE_KEYS.iter().any(|part| !table.contains_key(*part)) {
                    found.push(key.to_owned());
                }
            }
            toml::Value::Table(table) => table.iter().for_each(|(key, value)| walk(key, value, found)),
            _ if key == "id" => {}
            _ => found.push(key.to_owned()),
        }
    }
    let mut found = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        walk("", &toml::Value::Table(table), &mut found);
    }
    found
}
