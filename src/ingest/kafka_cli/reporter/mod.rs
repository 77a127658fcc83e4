//! Traffic from the topic that Cruise Control's metrics reporter writes to, `__CruiseControlMetrics`.
//!
//! Input: the values of its records, in any order ([`Reported::take`]). Output: means over the window by broker and
//! topic, which fall to partitions as metrics of other sources do. A figure is the mean of a metric's records, as Cruise
//! Control computes it (`KafkaMetricDef`: `AVG`); sizes are those of the latest (`LATEST`). Records that a later version
//! may write, or that are broken, are counted and told, and the rest is used.
//!
//! Where Cruise Control gives each of the partitions that a broker leads an equal part of a topic's traffic
//! (`SamplingUtils`), here it is split by what tells the partitions apart: growth of offsets, else sizes.

mod record;

use std::collections::{BTreeMap, BTreeSet};

use self::record::{Record, Refusal};
use super::metrics::signals::{Form, Quantity};
use super::metrics::{Origin, Sample, Series, SeriesSet};
use super::observed::{FIGURE_MAX, Observed, PartitionKey};
use super::summary::{Summary, count};
use super::time::rfc3339;
use super::traffic::{self, Cpu};
use crate::ingest::inventory::id_ranges;
use crate::model::{Partition, Snapshot, Statistic, Window};

/// What the reporters said within a window.
#[derive(Clone, Debug, Default)]
pub struct Reported {
    since_ms: i64,
    until_ms: i64,
    /// Records of later than that.
    ahead: usize,
    /// By quantity, broker and topic; no topic where it is the broker's own.
    means: BTreeMap<(Quantity, i32, String), Mean>,
    /// By broker and replica: when, and bytes.
    sizes: BTreeMap<(i32, PartitionKey), (i64, f64)>,
    /// First and last time of what was used.
    times_ms: Option<(i64, i64)>,
    refused: BTreeMap<Refusal, usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Reported {
    /// Nothing yet; records from before `since_ms` and after `until_ms` (milliseconds since 1970) will not count.
    #[must_use]
    pub fn within(since_ms: i64, until_ms: i64) -> Self {
        Self { since_ms, until_ms, ..Self::default() }
    }

    /// Takes a record's value.
    pub fn take(&mut self, bytes: &[u8]) {
        match record::parse(bytes) {
            Ok(record) if record.time_ms < self.since_ms => {}
            Ok(record) if record.time_ms > self.until_ms => self.ahead += 1,
            Ok(record) => self.add(&record),
            Err(refusal) => *self.refused.entry(refusal).or_default() += 1,
        }
    }

    /// Whether no record told anything that a snapshot has a place for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times_ms.is_none()
    }

    fn add(&mut self, record: &Record<'_>) {
        let quantity = match record.metric {
            record::TOPIC_BYTES_IN => Quantity::BytesIn,
            record::TOPIC_BYTES_OUT => Quantity::BytesOut,
            record::TOPIC_MESSAGES_IN_PER_SEC => Quantity::MessagesIn,
            record::ALL_TOPIC_REPLICATION_BYTES_IN => Quantity::ReplicationIn,
            record::ALL_TOPIC_REPLICATION_BYTES_OUT => Quantity::ReplicationOut,
            record::BROKER_CPU_UTIL => Quantity::CpuUtilization,
            record::PARTITION_SIZE => Quantity::LogSize,
            // Queues and latencies, which no plan looks at; sums over topics, which topics' own records give better.
            _ => return,
        };
        let time = record.time_ms;
        self.times_ms = Some(self.times_ms.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        if quantity == Quantity::LogSize {
            let key = (record.broker, (record.topic.to_owned(), record.partition));
            let latest = self.sizes.entry(key).or_insert((time, record.value));
            if time >= latest.0 {
                *latest = (time, record.value);
            }
            return;
        }
        let mean = self.means.entry((quantity, record.broker, record.topic.to_owned())).or_default();
        mean.sum += record.value;
        mean.count += 1.0;
    }

    /// The window, as a snapshot has it.
    fn window(&self) -> Option<Window> {
        let (first, last) = self.times_ms?;
        let start = rfc3339(first.div_euclid(1_000));
        let end = rfc3339(last.div_euclid(1_000).saturating_add(i64::from(last.rem_euclid(1_000) > 0)));
        Some(Window { start, end, statistic: Statistic::Mean })
    }

    /// Brokers that report their topics' traffic, or that they have none.
    fn heard(&self) -> BTreeSet<i32> {
        self.means.keys().map(|(_, broker, _)| *broker).chain(self.sizes.keys().map(|(broker, _)| *broker)).collect()
    }

    /// Says that the topic gave nothing, and what of it could not be read.
    pub(super) fn tell_silence(&self, summary: &mut Summary) {
        let line = "traffic in the metrics topic: there is no record of the last minutes. See that the brokers run the metrics \
                    reporter, or give a longer --window";
        summary.missing.push(line.to_owned());
        self.tell_refused(summary);
    }

    fn tell_refused(&self, summary: &mut Summary) {
        if self.ahead > 0 {
            summary.missing.push(format!(
                "{} in the metrics topic of a time that is yet to come: the brokers' clocks and this machine's differ",
                count(self.ahead, "record")
            ));
        }
        for (refusal, number) in &self.refused {
            let records = count(*number, "record");
            summary.missing.push(match refusal {
                Refusal::Class(class) => {
                    format!("{records} of class {class} in the metrics topic: a later reporter's, not known here")
                }
                Refusal::Version(version) => {
                    format!("{records} of version {version} in the metrics topic: a later reporter's, not known here")
                }
                Refusal::Metric(id) => {
                    format!("{records} of metric {id} in the metrics topic: a later reporter's, not known here")
                }
                Refusal::Value => format!("{records} in the metrics topic without a value: left out"),
                Refusal::Malformed => {
                    format!("{records} in the metrics topic that no metrics reporter writes: left out")
                }
            });
        }
    }
}

/// Writes what `reported` says into `snapshot`: traffic, and sizes where no log dir told them. What cpus do comes back.
pub(super) fn measure(snapshot: &mut Snapshot, observed: &Observed, reported: &Reported, summary: &mut Summary) -> Cpu {
    reported.tell_refused(summary);
    set_sizes(snapshot, observed, reported, summary);
    let set = SeriesSet { list: series(snapshot, observed, reported, summary), ..SeriesSet::default() };
    let cpu = traffic::measure(snapshot, &set, Statistic::Mean, summary);
    snapshot.cluster.window = reported.window();
    summary.derived.push(
        "traffic and cpu use are means of what Cruise Control's metrics reporter wrote: rates of the last minutes, as \
         each broker's meters had them"
            .to_owned(),
    );
    cpu
}

/// Topics by their names in metrics, which have underscores for dots (`KafkaMetricsGroup.toScope`); Kafka refuses topics
/// that only differ in that.
fn topics_by_metric_name(snapshot: &Snapshot) -> BTreeMap<String, String> {
    snapshot.topics.iter().map(|topic| (metric_name(&topic.name), topic.name.clone())).collect()
}

fn metric_name(topic: &str) -> String {
    topic.replace('.', "_")
}

/// All that was reported, what partitions grew by between two readings, which tells them apart, and for leaders that
/// report nothing that growth as their traffic.
fn series(snapshot: &Snapshot, observed: &Observed, reported: &Reported, summary: &mut Summary) -> Vec<Series> {
    let names = topics_by_metric_name(snapshot);
    let rate = |quantity, broker, topic, partition, value| Series {
        quantity,
        form: Form::Rate,
        // Several brokers' records of about the same time count as simultaneous, as scrapes do.
        origin: Origin::Scrape,
        broker,
        topic,
        partition,
        samples: vec![Sample { unix_seconds: 0.0, value }],
    };
    let mut list = Vec::new();
    for ((quantity, broker, topic), mean) in &reported.means {
        let topic = (!topic.is_empty()).then(|| names.get(topic).unwrap_or(topic).clone());
        list.push(rate(*quantity, Some(*broker), topic, None, mean.sum / mean.count));
    }
    let heard = reported.heard();
    let busy = busy_topics(snapshot, observed);
    let mut silent: BTreeMap<(i32, &str), (f64, f64)> = BTreeMap::new();
    for (row, partition) in snapshot.partitions.iter().enumerate() {
        let topic = &snapshot.topic(partition.topic).name;
        let Some(grown) = observed.rates.get(&(topic.clone(), partition.number)) else { continue };
        let (name, number) = (Some(topic.clone()), Some(partition.number));
        let weight = |grown: f64| if grown > 0.0 { grown } else { STOOD_STILL };
        if busy.contains(&partition.topic.row()) {
            list.push(rate(Quantity::LogEndOffset, None, name, number, weight(grown.messages_in_per_sec)));
        }
        let leader = snapshot.partitions[row].leader.map(|leader| snapshot.broker(leader).id);
        if let Some(leader) = leader.filter(|id| !heard.contains(id)) {
            let sum = silent.entry((leader, topic)).or_default();
            *sum = (sum.0 + grown.bytes_in_per_sec, sum.1 + grown.messages_in_per_sec);
        }
    }
    let mut ids: Vec<i32> = Vec::new();
    for ((broker, topic), (bytes, messages)) in silent {
        ids.push(broker);
        list.push(rate(Quantity::BytesIn, Some(broker), Some(topic.to_owned()), None, bytes));
        list.push(rate(Quantity::MessagesIn, Some(broker), Some(topic.to_owned()), None, messages));
    }
    ids.dedup();
    if !ids.is_empty() {
        summary.derived.push(format!(
            "{} wrote nothing into the metrics topic: what producers write there is the growth of offsets and logs",
            id_ranges(&ids)
        ));
    }
    list
}

/// Records per second that stand for none: what a leader reports over minutes falls to a partition that stood still
/// between the readings only where it leads no other of the topic.
const STOOD_STILL: f64 = 1e-9;

/// Topics (rows) that got records between the readings.
fn busy_topics(snapshot: &Snapshot, observed: &Observed) -> BTreeSet<usize> {
    let grows = |partition: &&Partition| {
        let key = (snapshot.topic(partition.topic).name.clone(), partition.number);
        observed.rates.get(&key).is_some_and(|grown| grown.messages_in_per_sec > 0.0)
    };
    snapshot.partitions.iter().filter(grows).map(|partition| partition.topic.row()).collect()
}

/// Sizes of replicas on brokers that did not describe their log dirs: what the broker itself reported, else what the
/// leader did.
fn set_sizes(snapshot: &mut Snapshot, observed: &Observed, reported: &Reported, summary: &mut Summary) {
    let mut taken = 0;
    for row in 0..snapshot.partitions.len() {
        let partition = &snapshot.partitions[row];
        let key = (metric_name(&snapshot.topic(partition.topic).name), partition.number);
        let size = |broker: i32| reported.sizes.get(&(broker, key.clone())).map(|(_, bytes)| *bytes);
        let of_leader = partition.leader.and_then(|leader| size(snapshot.broker(leader).id));
        let first = partition.first_replica as usize;
        for at in first..first + partition.replica_count as usize {
            let replica = &snapshot.replicas[at];
            let id = snapshot.broker(replica.broker).id;
            if observed.reporting.contains(&id) {
                continue;
            }
            if let Some(bytes) = size(id).or(of_leader) {
                // In range, so that the cast loses nothing.
                snapshot.replicas[at].size_bytes = bytes.min(FIGURE_MAX as f64) as u64;
                taken += 1;
            }
        }
    }
    if taken > 0 {
        summary.derived.push(format!(
            "sizes of {} whose brokers did not describe their log dirs are those in the metrics topic",
            count(taken, "replica")
        ));
    }
}

#[cfg(test)]
mod tests;
