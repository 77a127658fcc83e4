//! Adds to a snapshot what was measured: partitions' rates, brokers' network and cpu.

use std::collections::{BTreeMap, BTreeSet};

use super::metrics::rates::{Figures, Keyed, RATE_MAX, figures, rates};
use super::metrics::signals::Quantity;
use super::metrics::{Engine, Origin, Series, SeriesSet};
use super::split::{Rated, Shares, of_leaders};
use super::summary::{Summary, count, few};
use super::time::rfc3339;
use crate::ingest::catalogue::{Catalogue, Machine};
use crate::ingest::inventory::id_ranges;
use crate::model::{BrokerState, Partition, Snapshot, Statistic, Window};

/// What brokers' cpus were measured to do.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Cpu {
    cores_used: BTreeMap<i32, f64>,
    utilization: BTreeMap<i32, f64>,
}

/// Writes rates into `snapshot`. What cpus do comes back: it takes the inventory to say what that is a share of.
pub(super) fn measure(snapshot: &mut Snapshot, set: &SeriesSet, asked: Statistic, summary: &mut Summary) -> Cpu {
    let from_prometheus = set.list.iter().any(|s| s.origin == Origin::Prometheus && !rates(s).is_empty());
    let origin = match &set.engine {
        Some(_) => Origin::Engine,
        None if from_prometheus => Origin::Prometheus,
        None => Origin::Scrape,
    };
    let chosen: Vec<&Series> = set.list.iter().filter(|s| s.origin == origin).collect();
    let rated: Vec<Rated<'_>> = deduplicated(&chosen, summary);
    tell_of_sources(set, origin, summary);
    if rated.iter().all(|series| series.rates.is_empty()) {
        let advice = match &set.engine {
            Some(_) => "Prometheus has none of the metrics: try another preset, or name them with --prometheus-config",
            None => "Give --metrics, two scrapes of each broker or answers of Prometheus",
        };
        summary.missing.push(format!("traffic: partitions' rates are empty and count as 0. {advice}"));
        return Cpu::default();
    }
    let engine = set.engine.as_ref();
    let statistic = match engine {
        Some(engine) => engine.window.statistic,
        None => statistic(&rated, origin, asked, summary),
    };
    snapshot.cluster.window = match engine {
        Some(engine) => Some(engine.window.clone()),
        None => window(&chosen, &rated, statistic),
    };
    let measurement = Measurement { rated: &rated, statistic, engine, shares: Shares::new(snapshot, &rated) };
    measurement.partitions(snapshot, summary);
    measurement.network(snapshot, summary);
    Cpu {
        cores_used: measurement.by_broker(&[Quantity::CpuCores], Quantity::CpuCores),
        utilization: measurement.by_broker(&[Quantity::CpuUtilization], Quantity::CpuUtilization),
    }
}

/// What is measured, on which broker, of which topic and partition.
type Measured<'s> = (Quantity, i32, Option<&'s str>, Option<u32>);

/// The series with their rates; of several that measure the same on the same broker, the longest.
fn deduplicated<'s>(chosen: &[&'s Series], summary: &mut Summary) -> Vec<Rated<'s>> {
    let mut kept: Vec<Rated<'s>> = Vec::new();
    let mut seen: BTreeMap<Measured<'_>, usize> = BTreeMap::new();
    let mut doubled = 0;
    for series in chosen {
        let (topic, partition) = (series.topic.as_deref(), series.partition);
        let new = Rated { quantity: series.quantity, broker: series.broker, topic, partition, rates: rates(series) };
        let first = series.broker.and_then(|b| seen.get(&(series.quantity, b, topic, partition)).copied());
        match (first, series.broker) {
            (Some(row), _) => {
                doubled += usize::from(!new.rates.is_empty() && !kept[row].rates.is_empty());
                if new.rates.len() > kept[row].rates.len() {
                    kept[row] = new;
                }
            }
            (None, broker) => {
                if let Some(broker) = broker {
                    seen.insert((series.quantity, broker, topic, partition), kept.len());
                }
                kept.push(new);
            }
        }
    }
    if doubled > 0 {
        summary.derived.push(format!(
            "{doubled} series of metrics measure what another one does, on the same broker: the longest is taken"
        ));
    }
    kept
}

fn tell_of_sources(set: &SeriesSet, origin: Origin, summary: &mut Summary) {
    let has_scrapes = set.list.iter().any(|s| s.origin == Origin::Scrape);
    if origin == Origin::Prometheus && has_scrapes {
        let line = "metrics are taken from Prometheus' answers; scrapes are not used beside them";
        summary.derived.push(line.to_owned());
    }
    if origin == Origin::Scrape && !set.single_scrapes.is_empty() {
        summary.missing.push(format!(
            "rates of {}: there is a single scrape. Scrape again some minutes later: counters give rates by their growth",
            id_ranges(&set.single_scrapes)
        ));
    }
    if set.not_finite > 0 {
        summary.derived.push(format!("{} of metrics without a number left out", count_large(set.not_finite)));
    }
    if !set.unknown_instances.is_empty() {
        summary.missing.push(format!(
            "which brokers {} are, as metrics call them: what they measured counts for topics, not for brokers. In the \
             inventory:\n[metrics.instances]\n{:?} = …",
            few(&set.unknown_instances),
            set.unknown_instances.first().map(String::as_str).unwrap_or_default()
        ));
    }
}

fn count_large(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "sample")
}

/// What the figures can stand for: scrapes, and answers for a single moment, give no percentiles.
fn statistic(rated: &[Rated<'_>], origin: Origin, asked: Statistic, summary: &mut Summary) -> Statistic {
    let has_history = origin == Origin::Prometheus && rated.iter().any(|s| s.rates.len() > 1);
    if has_history || asked == Statistic::Mean {
        return asked;
    }
    let what = if origin == Origin::Scrape { "scrapes give" } else { "answers for a single moment give" };
    summary.derived.push(format!("traffic is a mean, not the {}: {what} no more", asked.name()));
    Statistic::Mean
}

/// From the first to the last sample of what became rates.
fn window(chosen: &[&Series], rated: &[Rated<'_>], statistic: Statistic) -> Option<Window> {
    let is_used = |series: &&&Series| rated.iter().any(|r| r.quantity == series.quantity && !r.rates.is_empty());
    let times = || chosen.iter().filter(is_used).flat_map(|s| [s.samples.first(), s.samples.last()]).flatten();
    let start = times().map(|s| s.unix_seconds).min_by(f64::total_cmp)?;
    let end = times().map(|s| s.unix_seconds).max_by(f64::total_cmp)?;
    // Conversion to whole seconds saturates, so that nonsense stays a date.
    Some(Window { start: rfc3339(start.floor() as i64), end: rfc3339(end.ceil() as i64), statistic })
}

/// One of a partition's rates.
type Field = fn(&mut Partition) -> &mut f64;

/// Rates, and how they become figures.
struct Measurement<'r, 's> {
    rated: &'r [Rated<'s>],
    statistic: Statistic,
    /// Where series are means that an engine worked out.
    engine: Option<&'r Engine>,
    shares: Shares,
}

impl Measurement<'_, '_> {
    /// One figure per key, which sum to the statistic of `total`.
    fn figures<K: Ord + Clone>(&self, keyed: &Keyed<K>, total: Quantity) -> Figures<K> {
        let Some(engine) = self.engine else { return figures(keyed, self.statistic) };
        let means = figures(keyed, Statistic::Mean);
        match engine.totals.get(&total) {
            Some(total) => means.scaled(*total),
            None => means,
        }
    }

    /// Partitions' rates: topics' figures split, or partitions' own where topics have none.
    fn partitions(&self, snapshot: &mut Snapshot, summary: &mut Summary) {
        let bytes_in = self.split(snapshot, Quantity::BytesIn, summary).or_else(|| {
            let grown = self.of_partitions(snapshot, Quantity::LogSize)?;
            let line = "what producers write is taken from the growth of leaders' logs, for topics' counters are missing: \
                        it lacks what retention removed meanwhile";
            summary.derived.push(line.to_owned());
            Some(grown)
        });
        let bytes_out = self.split(snapshot, Quantity::BytesOut, summary);
        let messages_in = self
            .split(snapshot, Quantity::MessagesIn, summary)
            .or_else(|| self.of_partitions(snapshot, Quantity::LogEndOffset));
        self.tell_of_silent_brokers(snapshot, summary);
        if bytes_in.is_none() {
            summary.missing.push("what producers write (bytes_in_total or bytes_in_rate): counts as 0".to_owned());
        }
        if bytes_out.is_none() {
            summary.missing.push(
                "what consumers read (bytes_out_total or bytes_out_rate): counts as 0, as for topics that nobody reads"
                    .to_owned(),
            );
        }
        let fields: [(Option<Vec<f64>>, Field); 3] = [
            (bytes_in, |p| &mut p.bytes_in_per_sec),
            (bytes_out, |p| &mut p.bytes_out_per_sec),
            (messages_in, |p| &mut p.messages_in_per_sec),
        ];
        for (values, field) in fields {
            for (partition, value) in snapshot.partitions.iter_mut().zip(values.unwrap_or_default()) {
                *field(partition) = value.min(RATE_MAX);
            }
        }
    }

    /// Names leaders that no series is of, where series tell brokers apart: their partitions lack
    /// traffic.
    fn tell_of_silent_brokers(&self, snapshot: &Snapshot, summary: &mut Summary) {
        let heard: BTreeSet<i32> = self.rated.iter().filter(|s| !s.rates.is_empty()).filter_map(|s| s.broker).collect();
        if heard.is_empty() || !self.names_brokers(Quantity::BytesIn) {
            return;
        }
        let leads = |row: usize| snapshot.partitions.iter().any(|p| p.leader.is_some_and(|leader| leader.row() == row));
        let silent = snapshot.brokers.iter().enumerate().filter(|(row, b)| !heard.contains(&b.id) && leads(*row));
        let ids: Vec<i32> = silent.map(|(_, broker)| broker.id).collect();
        if !ids.is_empty() {
            let who = id_ranges(&ids);
            summary
                .missing
                .push(format!("traffic of partitions led by {who}: no metrics are of them, so it counts as 0"));
        }
    }

    /// Partitions' part of `quantity`, none where no topic has a series of it.
    fn split(&self, snapshot: &Snapshot, quantity: Quantity, summary: &mut Summary) -> Option<Vec<f64>> {
        let found = self.rated.iter().filter(|s| s.quantity == quantity && !s.rates.is_empty());
        let series: Vec<(&str, &Rated<'_>)> = found.filter_map(|s| Some((s.topic?, s))).collect();
        let by_broker: BTreeSet<&str> = series.iter().filter(|(_, s)| s.broker.is_some()).map(|(t, _)| *t).collect();
        let mut strangers: BTreeSet<&str> = BTreeSet::new();
        let mut keyed: Keyed<(usize, Option<i32>)> = Vec::new();
        for (topic, series) in series {
            // A topic's sum over brokers, beside its parts, would count twice.
            if series.broker.is_none() && by_broker.contains(topic) {
                continue;
            }
            match snapshot.topic_by_name(topic) {
                Some(index) => keyed.push(((index.row(), series.broker), series.rates.clone())),
                None => drop(strangers.insert(topic)),
            }
        }
        if !strangers.is_empty() && quantity == Quantity::BytesIn {
            let names: Vec<String> = strangers.iter().map(|name| (*name).to_owned()).collect();
            summary.derived.push(format!(
                "metrics know {} that the topics' capture does not ({}): deleted or left out, their traffic does not count",
                count(names.len(), "topic"),
                few(&names)
            ));
        }
        if keyed.is_empty() {
            return None;
        }
        let figures = self.figures(&keyed, quantity);
        self.tell_of_unmeasured(snapshot, quantity, &figures, summary);
        let mut out = vec![0.0; snapshot.partitions.len()];
        for (&(topic, broker), &rate) in &figures.by_key {
            self.shares.split(snapshot, topic, broker, rate, &mut out);
        }
        self.tell_total(quantity, &figures, summary);
        if quantity == Quantity::BytesIn {
            let busy: BTreeSet<usize> =
                figures.by_key.iter().filter(|(_, rate)| **rate > 0.0).map(|((topic, _), _)| *topic).collect();
            self.shares.tell(snapshot, busy.into_iter(), summary);
        }
        Some(out)
    }

    /// Names the topics that an engine has nothing of.
    fn tell_of_unmeasured(
        &self,
        snapshot: &Snapshot,
        quantity: Quantity,
        figures: &Figures<(usize, Option<i32>)>,
        summary: &mut Summary,
    ) {
        if self.engine.is_none() || quantity != Quantity::BytesIn {
            return;
        }
        let measured: BTreeSet<usize> = figures.by_key.keys().map(|(topic, _)| *topic).collect();
        let others = snapshot.topics.iter().enumerate().filter(|(row, _)| !measured.contains(row));
        let names: Vec<String> = others.map(|(_, topic)| topic.name.clone()).collect();
        if !names.is_empty() {
            summary.missing.push(format!(
                "what producers write to {}, not measured ({}): counts as 0. Brokers report a topic from its first record on",
                count(names.len(), "topic"),
                few(&names)
            ));
        }
    }

    fn tell_total<K>(&self, quantity: Quantity, figures: &Figures<K>, summary: &mut Summary) {
        let what = match quantity {
            Quantity::BytesIn => "producers write",
            Quantity::BytesOut => "consumers read",
            _ => return,
        };
        let (total, mean) = (figures.total.round(), figures.mean.round());
        let line = match self.statistic {
            Statistic::Mean => format!("{what} {total} bytes/s in the mean"),
            other => format!(
                "{what} {total} bytes/s in the {} of the simultaneous total, which partitions' means ({mean}) are scaled to",
                other.name()
            ),
        };
        summary.derived.push(line);
    }

    /// The figures of partitions' own series, none where there is none.
    fn of_partitions(&self, snapshot: &Snapshot, quantity: Quantity) -> Option<Vec<f64>> {
        let own = of_leaders(snapshot, self.rated, quantity);
        let keyed: Keyed<usize> =
            own.into_iter().enumerate().filter_map(|(row, rates)| Some((row, rates?.to_vec()))).collect();
        if keyed.is_empty() {
            return None;
        }
        let figures = self.figures(&keyed, quantity);
        let mut out = vec![0.0; snapshot.partitions.len()];
        for (row, value) in figures.by_key {
            out[row] = value;
        }
        Some(out)
    }

    /// Brokers' network: all of it where that is measured, else what Kafka counts, producers or consumers and
    /// replication together.
    fn network(&self, snapshot: &mut Snapshot, summary: &mut Summary) {
        let sides = [
            (Quantity::NetworkIn, Quantity::BytesIn, Quantity::ReplicationIn),
            (Quantity::NetworkOut, Quantity::BytesOut, Quantity::ReplicationOut),
        ];
        let [into, out] = sides.map(|(all, clients, replication)| {
            let whole = self.by_broker(&[all], all);
            let kafka = self.by_broker(&[clients, replication], all);
            let replicates = self.by_broker(&[replication], replication);
            let counted =
                kafka.into_iter().filter(|(id, _)| replicates.contains_key(id) && self.names_brokers(clients));
            counted.chain(whole).collect::<BTreeMap<i32, f64>>()
        });
        let mut unmeasured = Vec::new();
        for broker in snapshot.brokers.iter_mut().filter(|b| b.state != BrokerState::Down) {
            let figure = |of: &BTreeMap<i32, f64>| of.get(&broker.id).map(|rate| rate.min(RATE_MAX));
            broker.measured_network_in_bytes_per_sec = figure(&into);
            broker.measured_network_out_bytes_per_sec = figure(&out);
            if !into.contains_key(&broker.id) || !out.contains_key(&broker.id) {
                unmeasured.push(broker.id);
            }
        }
        if !unmeasured.is_empty() {
            summary.missing.push(format!(
                "measured network traffic of {}, to compare the model with: it takes bytes_in, bytes_out, replication_in \
                 and replication_out by broker, or network_in and network_out",
                id_ranges(&unmeasured)
            ));
        }
    }

    /// Whether series of `quantity` say which broker they are of. A topic that nobody reads has none, so that having no
    /// series of bytes out at all is no objection.
    fn names_brokers(&self, quantity: Quantity) -> bool {
        let mut series = self.rated.iter().filter(|s| s.quantity == quantity).peekable();
        (quantity == Quantity::BytesOut || series.peek().is_some()) && series.all(|s| s.broker.is_some())
    }

    /// The sum of `quantities` per broker; `total` is what they are together.
    fn by_broker(&self, quantities: &[Quantity], total: Quantity) -> BTreeMap<i32, f64> {
        let series = self.rated.iter().filter(|s| quantities.contains(&s.quantity) && !s.rates.is_empty());
        let keyed: Keyed<i32> = series.filter_map(|s| Some((s.broker?, s.rates.clone()))).collect();
        self.figures(&keyed, total).by_key
    }
}

/// Writes brokers' cpu utilization: measured as such, or cores in use ÷ the inventory's or the machine's cores.
pub(super) fn set_cpu(snapshot: &mut Snapshot, cpu: &Cpu, catalogue: &Catalogue, summary: &mut Summary) {
    let mut beyond = Vec::new();
    for broker in snapshot.brokers.iter_mut().filter(|b| b.state != BrokerState::Down) {
        let machine = broker.machine_model.as_ref().and_then(|name| catalogue.get(name));
        let cores = broker.cpu_cores.or_else(|| machine.and_then(Machine::cpu_cores));
        let of_cores = cpu.cores_used.get(&broker.id).zip(cores).map(|(used, cores)| used / cores);
        let measured = cpu.utilization.get(&broker.id).copied().or(of_cores);
        // Samples are taken a moment apart, so that a busy broker may seem to do a little more than all.
        const ROUNDING: f64 = 1.02;
        match measured {
            Some(share) if share > ROUNDING => beyond.push(broker.id),
            other => broker.cpu_utilization = other.map(|share| share.min(1.0)),
        }
    }
    if !beyond.is_empty() {
        summary.missing.push(format!(
            "cpu utilization of {}: metrics show more cores in use than there are. Correct cpu_cores in the inventory",
            id_ranges(&beyond)
        ));
    }
}
