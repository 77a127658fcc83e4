//! Traffic figures from Prometheus answers and from scrapes of the JMX exporter.
//!
//! Input: files, and what metrics and labels are called. Output: [`Series`] of samples by what they measure, whichever
//! way they came. What is taken from them is decided by [`rates`] and by the traffic module above this one.

mod prometheus;
pub(super) mod rates;
mod scrape;
pub(super) mod signals;

use std::collections::BTreeMap;
use std::path::Path;

use self::signals::{Form, MetricNames, Quantity, SIGNALS};
use super::codes;
use super::measured::Total;
use super::{MetricSource, Source};
use crate::ingest::fault::{Fault, Faults};
use crate::model::Window;

/// Where samples come from: what Prometheus holds over time beats the few moments that scrapes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A mean that an engine worked out.
    Engine,
    Prometheus,
    Scrape,
}

/// A moment and a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Seconds since 1970.
    pub(super) unix_seconds: f64,
    pub(super) value: f64,
}

/// Samples of one thing, ascending in time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) quantity: Quantity,
    pub(super) form: Form,
    pub(super) origin: Origin,
    pub(super) broker: Option<i32>,
    pub(super) topic: Option<String>,
    pub(super) partition: Option<u32>,
    pub(super) samples: Vec<Sample>,
}

/// All series, in an order that does not depend on the files'.
#[derive(Debug, Default)]
pub(super) struct SeriesSet {
    pub(super) list: Vec<Series>,
    /// Scrapes of which there is only one of its broker: they give no rate.
    pub(super) single_scrapes: Vec<i32>,
    /// Values that are not numbers, left out.
    pub(super) not_finite: u64,
    /// What an engine worked out of all series together; none where there was none to ask.
    pub(super) engine: Option<Engine>,
    /// Names or hosts under which Prometheus knows brokers that we could not tell.
    pub(super) unknown_instances: Vec<String>,
}

/// What an engine says of all series together.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    /// What series' means are over, and which statistic totals are.
    pub(super) window: Window,
    /// By quantity; network in and out are those of clients and replication together.
    pub(super) totals: BTreeMap<Quantity, Total>,
}

/// Labels of a series.
type Labels = BTreeMap<String, String>;

/// What makes a series the same in several files: its signal, origin and labels.
type Identity = (usize, Origin, Labels);

/// Series while they are read: the same labels in several files are one series.
#[derive(Default)]
struct Collector {
    found: BTreeMap<Identity, (Option<i32>, Vec<Sample>)>,
    set: SeriesSet,
}

impl Collector {
    fn add(&mut self, signal: usize, origin: Origin, labels: Labels, broker: Option<i32>, samples: Vec<Sample>) {
        let (finite, other): (Vec<Sample>, Vec<Sample>) =
            samples.into_iter().partition(|s| s.value.is_finite() && s.unix_seconds.is_finite());
        self.set.not_finite += other.len() as u64;
        let entry = self.found.entry((signal, origin, labels)).or_insert_with(|| (broker, Vec::new()));
        entry.1.extend(finite);
    }

    fn finish(mut self, names: &MetricNames) -> SeriesSet {
        for ((signal, origin, labels), (broker, mut samples)) in self.found {
            samples.sort_by(|a, b| a.unix_seconds.total_cmp(&b.unix_seconds));
            samples.dedup_by(|later, earlier| later.unix_seconds == earlier.unix_seconds);
            // The copy that a move between dirs is making grows at the copy's speed.
            if samples.is_empty() || labels.get("is_future").is_some_and(|v| v == "true") {
                continue;
            }
            let topic = labels.get(&names.topic_label).filter(|t| !t.is_empty()).cloned();
            let partition = labels.get(&names.partition_label).and_then(|p| p.parse().ok());
            let Some(signal) = SIGNALS.get(signal) else { continue };
            let (quantity, form) = (signal.quantity, signal.form);
            self.set.list.push(Series { quantity, form, origin, broker, topic, partition, samples });
        }
        self.set.unknown_instances.sort();
        self.set.unknown_instances.dedup();
        self.set
    }
}

/// Reads all `sources`; `hosts` are the brokers' host names, by which Prometheus may know them.
pub(super) fn read(
    sources: &[MetricSource],
    names: &MetricNames,
    hosts: &BTreeMap<String, i32>,
    faults: &mut Faults,
) -> SeriesSet {
    let mut collector = Collector::default();
    let mut scrapes: BTreeMap<i32, usize> = BTreeMap::new();
    for source in sources {
        if source.file.text.trim_start().starts_with('{') {
            prometheus::read(source, names, hosts, &mut collector, faults);
        } else if let Some(broker) = scrape::read(source, names, hosts, &mut collector, faults) {
            *scrapes.entry(broker).or_default() += 1;
        }
    }
    collector.set.single_scrapes = scrapes.into_iter().filter(|(_, count)| *count == 1).map(|(b, _)| b).collect();
    collector.finish(names)
}

/// What a file holds, as told on the command line or by the file's name: a signal or a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Signal(usize),
    Broker(i32),
}

/// The tag of `source`, where it has one. A tag on the command line that means nothing is an error.
fn tag(source: &MetricSource, faults: &mut Faults) -> Option<Tag> {
    let Some(text) = source.tag.as_deref() else { return tag_of_name(&source.file) };
    if let Some(signal) = signals::by_name(text) {
        return Some(Tag::Signal(signal));
    }
    if let Some(broker) = super::text::broker_id(text) {
        return Some(Tag::Broker(broker));
    }
    let near = crate::ingest::nearest::nearest(text, SIGNALS.iter().map(|s| s.name)).unwrap_or_default();
    let message = format!("{text:?} is neither a signal nor a broker id");
    let help = format!("write --metrics SIGNAL=FILE or --metrics BROKER=FILE; the nearest signal is {near}");
    faults.push(Fault::error(codes::METRIC_NAME, &source.file.path, message).help(help));
    None
}

/// `bytes_in_rate-2026-11.json` is that signal's, `broker-12.1795238062.prom` broker 12's.
fn tag_of_name(file: &Source) -> Option<Tag> {
    let stem = file_name(&file.path);
    let starts = |name: &str| stem.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '-', '_']));
    let signal = (0..SIGNALS.len()).filter(|&s| starts(SIGNALS[s].name)).max_by_key(|&s| SIGNALS[s].name.len());
    signal.map(Tag::Signal).or_else(|| broker_of_name(&stem).map(Tag::Broker))
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The number after `broker`, `broker-` or `broker_`.
fn broker_of_name(name: &str) -> Option<i32> {
    let (_, rest) = name.split_once("broker")?;
    let digits = rest.trim_start_matches(['-', '_']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    super::text::broker_id(&digits[..end])
}

/// The broker that labels name: by id, by a name of the inventory, or by its host.
fn broker_of(
    labels: &Labels,
    names: &MetricNames,
    hosts: &BTreeMap<String, i32>,
    unknown: &mut Vec<String>,
) -> Option<i32> {
    if let Some(text) = labels.get(&names.broker_label) {
        let known = super::text::broker_id(text).or_else(|| named(text, names, hosts));
        if known.is_none() {
            unknown.push(text.clone());
        }
        return known;
    }
    let instance = labels.get("instance")?;
    let known = named(instance, names, hosts);
    if known.is_none() {
        unknown.push(instance.clone());
    }
    known
}

pub(super) fn named(text: &str, names: &MetricNames, hosts: &BTreeMap<String, i32>) -> Option<i32> {
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    names.instances.get(text).or_else(|| names.instances.get(host)).or_else(|| hosts.get(host)).copied()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
