//! Scrapes: what a broker's JMX exporter, or Prometheus' `/federate`, answers in the text exposition format.
//!
//! A scrape holds no time, so that it comes from a line `# scraped_at SECONDS`, from the samples where they carry one,
//! from a ten-digit number in the file's name, or, with a warning, from the file's own date.

use std::collections::BTreeMap;

use super::signals::MetricNames;
use super::{Collector, Labels, Origin, Sample, Tag, broker_of, file_name, tag};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::kafka_cli::text::{Line, Reader, excerpt, lines};
use crate::ingest::kafka_cli::{MetricSource, codes};

/// A sample of the format.
#[derive(Debug, PartialEq)]
struct Row<'t> {
    metric: &'t str,
    labels: Labels,
    value: f64,
    /// Milliseconds since 1970.
    timestamp: Option<f64>,
}

/// Reads a scrape into `collector`; the broker that it is of, where it is of one.
pub(super) fn read(
    source: &MetricSource,
    names: &MetricNames,
    hosts: &BTreeMap<String, i32>,
    collector: &mut Collector,
    faults: &mut Faults,
) -> Option<i32> {
    let of_file = match tag(source, faults) {
        Some(Tag::Broker(broker)) => Some(broker),
        Some(Tag::Signal(_)) | None => None,
    };
    let time = time(source);
    let mut reader = Reader::new(&source.file.path, faults);
    let (mut used, mut without_broker, mut without_time) = (0_u64, 0_u64, 0_u64);
    for line in lines(&source.file.text).filter(|l| !l.text.is_empty() && !l.text.starts_with('#')) {
        let end = line.text.find(['{', ' ', '\t']).unwrap_or(line.text.len());
        let Some(signal) = names.signal_of(&line.text[..end]) else { continue };
        let row = match row(line.text) {
            Ok(row) => row,
            Err(offset) => {
                let message = format!("{:?} is no sample", excerpt(line.text));
                reader.error(codes::METRICS_SYNTAX, line.place(offset), message, "scrape the broker again");
                continue;
            }
        };
        used += 1;
        let broker = broker_of(&row.labels, names, hosts, &mut collector.set.unknown_instances).or(of_file);
        let at = row.timestamp.map(|ms| ms / 1000.0).or(time.as_ref().map(|t| t.unix_seconds));
        without_broker += u64::from(broker.is_none());
        without_time += u64::from(at.is_none());
        if let (Some(id), Some(unix_seconds)) = (broker, at) {
            let mut labels = row.labels;
            labels.insert("scraped_broker".to_owned(), id.to_string());
            let sample = Sample { unix_seconds, value: row.value };
            collector.add(signal, Origin::Scrape, labels, broker, vec![sample]);
        }
    }
    complain(source, &mut reader, used, without_broker, without_time);
    if time.is_some_and(|t| t.is_file_date) {
        let message = "when the scrape was taken is not said: the file's date is used";
        let help = "put a line \"# scraped_at SECONDS\" (date +%s) before it, or the seconds into the file's name";
        reader.faults.push(Fault::warning(codes::METRICS_LIMITED, &source.file.path, message).help(help));
    }
    of_file
}

fn complain(source: &MetricSource, reader: &mut Reader<'_>, used: u64, without_broker: u64, without_time: u64) {
    let path = &source.file.path;
    if used == 0 {
        let message = "no sample in this file is of a metric that is used";
        let help = "give a scrape of the JMX exporter; if its names differ, say so with --metric SIGNAL=NAME";
        reader.faults.push(Fault::error(codes::METRICS_SYNTAX, path, message).help(help));
    }
    if without_broker > 0 {
        let message = "which broker the scrape is of is not said";
        let help = "call the file broker-ID.prom, or write --metrics ID=FILE";
        reader.faults.push(Fault::error(codes::SCRAPE_ORIGIN, path, message).help(help));
    }
    if without_time > 0 {
        let message = "when the scrape was taken is not said";
        let help = "put a line \"# scraped_at SECONDS\" (date +%s) before it, or the seconds into the file's name";
        reader.faults.push(Fault::error(codes::SCRAPE_ORIGIN, path, message).help(help));
    }
}

/// When a scrape was taken.
struct Time {
    unix_seconds: f64,
    is_file_date: bool,
}

fn time(source: &MetricSource) -> Option<Time> {
    let written = lines(&source.file.text)
        .take_while(|line| line.text.is_empty() || line.text.starts_with('#'))
        .find_map(|line: Line<'_>| line.text.strip_prefix("# scraped_at ")?.trim().parse::<f64>().ok())
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    if let Some(unix_seconds) = written.or_else(|| time_of_name(&file_name(&source.file.path))) {
        return Some(Time { unix_seconds, is_file_date: false });
    }
    source.modified_unix_seconds.map(|unix_seconds| Time { unix_seconds, is_file_date: true })
}

/// The first run of exactly ten digits: seconds since 1970 from 2001 to 2286.
fn time_of_name(name: &str) -> Option<f64> {
    name.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 10).and_then(|run| run.parse().ok())
}

/// Reads `metric{label="value",…} value [timestamp]`; where it is not that, the byte offset at which it stops being it.
fn row(text: &str) -> Result<Row<'_>, usize> {
    let end = text.find(['{', ' ', '\t']).ok_or(text.len())?;
    let mut labels = Labels::new();
    let mut at = end;
    if text[at..].starts_with('{') {
        at += 1;
        loop {
            at += text[at..].len() - text[at..].trim_start_matches([' ', ',', '\t']).len();
            if text[at..].starts_with('}') {
                at += 1;
                break;
            }
            let equals = text[at..].find("=\"").ok_or(at)?;
            let key = text[at..at + equals].trim();
            let (value, length) = quoted(&text[at + equals + 2..]).ok_or(at)?;
            labels.insert(key.to_owned(), value);
            at += equals + 2 + length;
        }
    }
    let mut words = text[at..].split_whitespace();
    let value = words.next().and_then(|word| word.parse().ok()).ok_or(at)?;
    let timestamp = match words.next() {
        Some(word) => Some(word.parse().map_err(|_| at)?),
        None => None,
    };
    Ok(Row { metric: &text[..end], labels, value, timestamp })
}

/// The text up to the closing quote, and how many bytes it and the quote take.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, at + 1)),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_with_escapes_and_timestamps() {
        let parsed = row("m{a=\"x\\\"y\\\\\\n\",b=\"}\",} 1.5E3 1795238062000").unwrap();
        assert_eq!((parsed.metric, parsed.value, parsed.timestamp), ("m", 1500.0, Some(1_795_238_062_000.0)));
        assert_eq!(parsed.labels["a"], "x\"y\\\n");
        assert_eq!(parsed.labels["b"], "}");
        assert_eq!(row("up 1").unwrap().labels, Labels::new());
    }

    #[test]
    fn what_is_no_sample_is_found_at_its_place() {
        for (text, offset) in [("m{a=\"x} 1", 2), ("m{a=\"x\"} one", 8), ("m", 1), ("m 1 soon", 1)] {
            assert_eq!(row(text), Err(offset), "{text}");
        }
    }

    #[test]
    fn times_are_read_from_names() {
        assert_eq!(time_of_name("broker-12.1795238062.prom"), Some(1_795_238_062.0));
        assert_eq!(time_of_name("broker-12.prom"), None);
    }
}
