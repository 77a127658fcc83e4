//! Which of the history's series say how a group's load grew, summed by day.
//!
//! Brokers' series come first: their sum is what the group carries, whatever the topics. Where fewer than half of the
//! group's brokers have any, its topics' series times their replication factor are taken; where there are none either
//! and the cluster is one group, the series of the whole cluster. Loads are those of contract §2; `size_bytes` of a topic
//! is one copy of it.

use super::daily::{Daily, Part, late_starters, resample, sum};
use crate::model::history::Series;
use crate::model::{BrokerIdx, Goal, Groups, History, Home, Metric, Snapshot, TopicIdx};

/// Where a group's series came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Its brokers' series, summed.
    Brokers,
    /// Its topics' series times their replication factor, summed.
    Topics,
    /// The whole cluster's series.
    Cluster,
}

impl Source {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Brokers => "brokers",
            Self::Topics => "topics",
            Self::Cluster => "cluster",
        }
    }
}

/// A group's load by day, in the goal's unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Demand {
    pub(super) daily: Daily,
    pub(super) source: Source,
    /// What the reader should know of the sum.
    pub(super) notes: Vec<String>,
}

/// The group whose load is wanted.
pub(super) struct Group<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) history: &'a History,
    pub(super) groups: &'a Groups,
    /// Its number among `groups`.
    pub(super) number: usize,
    /// Its active brokers, ascending.
    pub(super) brokers: &'a [BrokerIdx],
}

/// Series of one metric that make up a group, with what each is multiplied by.
struct Parts {
    list: Vec<Part>,
    source: Source,
    notes: Vec<String>,
}

impl Group<'_> {
    /// The load towards `goal`, one of [`Goal::UTILIZATIONS`].
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn demand(&self, goal: Goal) -> Result<Demand, String> {
        let one = |_: TopicIdx| 1.0;
        let copies = |topic: TopicIdx| self.replication(topic);
        let parts = match goal {
            Goal::Disk => self.parts(Metric::Size, &copies, 1.0)?,
            Goal::NetworkIn => self.parts(Metric::BytesIn, &copies, self.mean_replication())?,
            Goal::Cpu => {
                let cores = self.brokers.iter().filter_map(|&broker| self.snapshot.broker(broker).cpu_cores);
                self.parts(Metric::Cpu, &|_| 0.0, cores.sum())?
            }
            Goal::NetworkOut => {
                let mut parts = self.parts(Metric::BytesOut, &one, 1.0)?;
                let followers = |topic: TopicIdx| self.replication(topic) - 1.0;
                let replicated = self.parts(Metric::BytesIn, &followers, self.mean_replication() - 1.0);
                match replicated {
                    Ok(replicated) => parts.list.extend(replicated.list),
                    Err(why) => parts.notes.push(format!("replication is left out: {why}")),
                }
                parts
            }
            _ => {
                return Err("no history is kept of it".to_owned());
            }
        };
        let Parts { list, source, mut notes } = parts;
        let late = late_starters(&list);
        if late > 0 {
            notes.push(format!("{late} of {} series begin later than the first and count as 0 before", list.len()));
        }
        Ok(Demand { daily: sum(&list), source, notes })
    }

    /// The series of `metric`; topics' values times `factor`, brokers' and the cluster's times `mean_factor`, cpu's
    /// times cores.
    fn parts(&self, metric: Metric, factor: &dyn Fn(TopicIdx) -> f64, mean_factor: f64) -> Result<Parts, String> {
        self.of_brokers(metric, mean_factor)
            .or_else(|| self.of_topics(metric, factor))
            .or_else(|| self.of_cluster(metric, mean_factor))
            .ok_or_else(|| format!("the history has no {} that covers the group", metric.name()))
    }

    fn is_only_group(&self) -> bool {
        self.groups.names().len() == 1
    }

    fn of_brokers(&self, metric: Metric, factor: f64) -> Option<Parts> {
        let whole = |series: &&Series| series.subject.broker_id.is_some() && series.subject.topic.is_none();
        let split = |series: &&Series| series.subject.broker_id.is_some() && series.subject.topic.is_some();
        let mut series: Vec<&Series> = self.history.of(metric).filter(whole).collect();
        if series.is_empty() && metric != Metric::Cpu {
            series = self.history.of(metric).filter(split).collect();
        }
        let broker_of = |series: &Series| self.snapshot.broker_by_id(series.subject.broker_id?);
        let belongs = |series: &&Series| match broker_of(series) {
            Some(broker) => self.groups.of_broker(broker) == Some(self.number),
            // A broker that has left can only be placed where there is one group.
            None => self.is_only_group(),
        };
        series.retain(belongs);
        let is_seen = |broker: &&BrokerIdx| series.iter().any(|s| broker_of(s) == Some(**broker));
        let seen = self.brokers.iter().filter(is_seen).count();
        if seen == 0 || 2 * seen < self.brokers.len() {
            return None;
        }
        let mut notes = Vec::new();
        if seen < self.brokers.len() {
            notes.push(format!("{seen} of {} brokers have a history; the others are taken alike", self.brokers.len()));
        }
        let part = |series: &&Series| {
            let broker = broker_of(series);
            let cores = || broker.map_or(Some(0.0), |broker| self.snapshot.broker(broker).cpu_cores);
            let weight = if metric == Metric::Cpu { cores()? } else { factor };
            Some(Part { daily: resample(series), weight, has_left: broker.is_none() })
        };
        Some(Parts { list: series.iter().filter_map(part).collect(), source: Source::Brokers, notes })
    }

    fn of_topics(&self, metric: Metric, factor: &dyn Fn(TopicIdx) -> f64) -> Option<Parts> {
        if metric == Metric::Cpu {
            return None;
        }
        let mut list = Vec::new();
        let mut seen = 0;
        for series in self.history.of(metric).filter(|series| series.subject.broker_id.is_none()) {
            let Some(name) = series.subject.topic.as_deref() else { continue };
            let topic = self.snapshot.topic_by_name(name);
            let weight = match topic {
                Some(topic) if self.groups.home(topic) == Home::Group(self.number) => {
                    seen += 1;
                    factor(topic)
                }
                // What has left can only be placed where there is one group, and had about the cluster's factor.
                None if self.is_only_group() => 1.0,
                _ => continue,
            };
            list.push(Part { daily: resample(series), weight, has_left: topic.is_none() });
        }
        let all = (0..self.snapshot.topics.len()).map(TopicIdx::new);
        let total = all.filter(|&topic| self.groups.home(topic) == Home::Group(self.number)).count();
        let mut notes = Vec::new();
        if seen < total {
            notes.push(format!("{seen} of {total} topics have a history; the others are taken to grow alike"));
        }
        (seen > 0).then_some(Parts { list, source: Source::Topics, notes })
    }

    fn of_cluster(&self, metric: Metric, factor: f64) -> Option<Parts> {
        if !self.is_only_group() {
            return None;
        }
        let is_whole = |series: &&Series| series.subject.broker_id.is_none() && series.subject.topic.is_none();
        let series = self.history.of(metric).find(is_whole)?;
        let part = Part { daily: resample(series), weight: factor, has_left: false };
        Some(Parts { list: vec![part], source: Source::Cluster, notes: Vec::new() })
    }

    /// Replicas ÷ partitions of `topic`.
    fn replication(&self, topic: TopicIdx) -> f64 {
        let partitions = &self.snapshot.partitions[self.snapshot.topic(topic).partition_rows()];
        let replicas: u32 = partitions.iter().map(|p| p.replica_count).sum();
        if partitions.is_empty() { 1.0 } else { f64::from(replicas) / partitions.len() as f64 }
    }

    /// The replication factor of the group's traffic: Σ p·f ÷ Σ p, of its partitions where no rate is known.
    fn mean_replication(&self) -> f64 {
        let own = self.snapshot.partitions.iter().filter(|p| self.groups.home(p.topic) == Home::Group(self.number));
        let (mut weighted, mut rates, mut replicas, mut count) = (0.0, 0.0, 0.0, 0.0);
        for partition in own {
            let factor = f64::from(partition.replica_count);
            weighted += partition.bytes_in_per_sec * factor;
            rates += partition.bytes_in_per_sec;
            replicas += factor;
            count += 1.0;
        }
        if rates > 0.0 {
            weighted / rates
        } else if count > 0.0 {
            replicas / count
        } else {
            1.0
        }
    }
}
