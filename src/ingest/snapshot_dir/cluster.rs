//! `cluster.toml`: what is said of the whole snapshot.

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::{Datetime, Offset};

use super::files::SourceFile;
use crate::ingest::codes;
use crate::ingest::fault::{Faults, Severity};
use crate::ingest::toml_reader::{TomlCodes, TomlReader};
use crate::model::{ClusterInfo, Statistic, Window};

/// The snapshot format that this version reads.
pub(crate) const FORMAT: u64 = 1;

const CODES: TomlCodes = TomlCodes {
    syntax: codes::CLUSTER_SYNTAX,
    unknown_key: (codes::CLUSTER_UNKNOWN_KEY, Severity::Warning),
    value: codes::CLUSTER_VALUE,
    range: codes::CLUSTER_VALUE,
};

const KEYS: [&str; 6] = ["format", "cluster_id", "captured_at", "source", "kafka_version", "window"];
const WINDOW_KEYS: [&str; 3] = ["start", "end", "statistic"];

/// Reads the file; what is wrong in it is among `faults`, and left empty.
pub(super) fn read(file: &SourceFile, faults: &mut Faults) -> ClusterInfo {
    // The file was found to be UTF-8 when it was read.
    let text = std::str::from_utf8(&file.text[file.start()..]).unwrap_or_default();
    let mut reader = TomlReader::new(file.path(), text, &CODES);
    let info = reader.root().map(|root| info(&mut reader, &root)).unwrap_or_default();
    reader.report(faults);
    info
}

fn info<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>) -> ClusterInfo {
    reader.check_keys("", root, &KEYS);
    check_format(reader, root);
    ClusterInfo {
        cluster_id: needed(reader, root, "cluster_id").and_then(|v| reader.string("cluster_id", v)).unwrap_or_default(),
        captured_at: needed(reader, root, "captured_at")
            .and_then(|v| instant(reader, "captured_at", v))
            .unwrap_or_default(),
        source: needed(reader, root, "source").and_then(|v| reader.string("source", v)).unwrap_or_default(),
        kafka_version: root
            .get("kafka_version")
            .and_then(|v| reader.string("kafka_version", v))
            .filter(|v| !v.is_empty()),
        window: root.get("window").and_then(|value| window(reader, value)),
        sha256: String::new(),
    }
}

fn check_format<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>) {
    let Some(value) = needed(reader, root, "format") else { return };
    let Some(format) = reader.whole("format", value, 0, u64::from(u32::MAX)) else { return };
    if format != FORMAT {
        let help = format!("this version reads format {FORMAT}: capture the snapshot again");
        reader.error(value.span(), codes::CLUSTER_FORMAT, format!("snapshot format {format} is not known"), help);
    }
}

fn window<'t>(reader: &mut TomlReader<'t>, value: &Spanned<DeValue<'t>>) -> Option<Window> {
    let table = reader.table("window", value)?;
    reader.check_keys("window", table, &WINDOW_KEYS);
    let start = needed(reader, table, "start").and_then(|v| instant(reader, "window.start", v));
    let end_value = needed(reader, table, "end");
    let end = end_value.and_then(|v| instant(reader, "window.end", v));
    let statistic = needed(reader, table, "statistic").and_then(|v| statistic(reader, v));
    let (start, end) = (start?, end?);
    if let Some(end_value) = end_value.filter(|_| sort_key(&end) < sort_key(&start)) {
        let message = format!("window.end {end} is before window.start {start}");
        reader.error(end_value.span(), codes::CLUSTER_VALUE, message, "exchange them");
    }
    Some(Window { start, end, statistic: statistic? })
}

fn statistic<'t>(reader: &mut TomlReader<'t>, value: &Spanned<DeValue<'t>>) -> Option<Statistic> {
    let name = reader.string("window.statistic", value)?;
    let found = Statistic::ALL.into_iter().find(|s| s.name() == name);
    if found.is_none() {
        let names = Statistic::ALL.map(Statistic::name);
        let message = format!("window.statistic {name:?} is none of {}", names.join(", "));
        reader.error(value.span(), codes::CLUSTER_VALUE, message, "write what the traffic figures stand for");
    }
    found
}

/// A time in UTC, as a string or as TOML's own kind.
fn instant<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Spanned<DeValue<'t>>) -> Option<String> {
    let (text, parsed) = match value.get_ref() {
        DeValue::Datetime(time) => (time.to_string(), Some(*time)),
        DeValue::String(text) => (text.to_string(), text.parse::<Datetime>().ok()),
        _ => {
            reader.wrong_kind(key, value, "a time such as \"2026-11-20T12:00:00Z\"");
            return None;
        }
    };
    let is_instant = parsed.is_some_and(|time| {
        let utc = matches!(time.offset, Some(Offset::Z | Offset::Custom { minutes: 0 }));
        time.date.is_some() && time.time.is_some() && utc
    });
    if is_instant {
        return Some(text);
    }
    let message = format!("{key} {text:?} is not an RFC 3339 time in UTC");
    reader.error(value.span(), codes::CLUSTER_VALUE, message, "write it as 2026-11-20T12:00:00Z");
    None
}

/// Times in UTC compare by their digits, once the fraction's are as many.
fn sort_key(time: &str) -> (String, String) {
    let digits = time.trim_end_matches(['Z', 'z']).trim_end_matches("+00:00").replace(['T', 't'], " ");
    let (seconds, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    (seconds.to_owned(), fraction.trim_end_matches('0').to_owned())
}

fn needed<'v, 't>(reader: &mut TomlReader<'t>, table: &'v DeTable<'t>, key: &str) -> Option<&'v Spanned<DeValue<'t>>> {
    let value = table.get(key);
    if value.is_none() {
        reader.error(0..0, codes::CLUSTER_MISSING_KEY, format!("{key} is missing"), format!("add a line {key} = …"));
    }
    value
}
