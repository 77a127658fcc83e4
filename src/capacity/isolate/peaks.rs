//! When classes peak: their topics' series from the history, summed, against the sum of each one's peak.
//!
//! A load's peak is the most of any time at which all its topics have a value; a topic counts as 0 before its first.
//! Loads are those of contract §2. A load is left out where a topic that the snapshot says carries some of it has no
//! series: a peak without it would be too low.

use std::collections::BTreeMap;

use crate::capacity::NotEvaluated;
use crate::model::history::Series;
use crate::model::{Goal, History, Metric, Partition, Snapshot, TopicIdx, Traffic};

/// One resource's peaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peaks {
    /// One of [`Goal::UTILIZATIONS`].
    pub goal: Goal,
    /// Σ of each part's own peak, whenever that was.
    pub sum_of_peaks: f64,
    /// The most that the parts' sum came to at one time.
    pub peak_of_sums: f64,
}

/// What the history says of peaks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct HistoryPeaks {
    /// By class: its topics' peaks.
    pub(super) classes: Vec<Vec<Peaks>>,
    /// The classes' peaks, by resource; only those for which every topic is known.
    pub(super) between_classes: Vec<Peaks>,
}

/// A load by time: seconds since 1970.
pub(super) type Load = BTreeMap<i64, f64>;

/// Peaks of `class_count` classes from the topics' series in `history`; what is absent goes to `missing`.
pub(super) fn peaks(
    snapshot: &Snapshot,
    history: &History,
    class_of_topic: &[usize],
    class_count: usize,
    cores_per_work: Option<f64>,
    missing: &mut Vec<NotEvaluated>,
) -> HistoryPeaks {
    let series = TopicSeries::of(history);
    let mut found = HistoryPeaks { classes: vec![Vec::new(); class_count], ..HistoryPeaks::default() };
    for goal in Goal::UTILIZATIONS.into_iter().filter(|goal| *goal != Goal::Cpu || cores_per_work.is_some()) {
        let mut loads: Vec<Vec<Load>> = vec![Vec::new(); class_count];
        let (mut wanted, mut without) = (0_u64, Vec::new());
        for (row, &class) in class_of_topic.iter().enumerate() {
            let topic = TopicIdx::new(row);
            match series.load(snapshot, topic, goal, cores_per_work.unwrap_or(0.0)) {
                Ok(None) => continue,
                Ok(Some(load)) => {
                    if let Some(class) = loads.get_mut(class) {
                        class.push(load);
                    }
                }
                Err(metric) => without.push((class, topic, metric)),
            }
            wanted += 1;
        }
        let own = |class: usize| without.iter().all(|(of, ..)| *of != class);
        let mut summed = Vec::new();
        for (class, parts) in loads.iter().enumerate().filter(|(class, parts)| own(*class) && !parts.is_empty()) {
            let Some(sum) = sum(parts) else { continue };
            let peaks = Peaks { goal, sum_of_peaks: parts.iter().map(most).sum(), peak_of_sums: most(&sum) };
            if let Some(of_class) = found.classes.get_mut(class) {
                of_class.push(peaks);
            }
            summed.push(sum);
        }
        let what = format!("peak_of_sums.{}", goal.name());
        if let Some((_, topic, metric)) = without.first() {
            let why = format!(
                "{} of {wanted} topics with such a load have no {} by topic in the history, {} first",
                without.len(),
                metric.name(),
                snapshot.topic(*topic).name
            );
            missing.push(NotEvaluated::new(what, why));
        } else if wanted == 0 {
            missing.push(NotEvaluated::new(what, "no topic has such a load"));
        } else {
            let with_load = loads.iter().filter(|parts| !parts.is_empty()).count();
            match sum(&summed).filter(|_| summed.len() == with_load) {
                Some(total) => {
                    let at_its_times = |load: &Load| {
                        let shared = load.iter().filter(|(time, _)| total.contains_key(time));
                        shared.map(|(_, value)| *value).fold(0.0, f64::max)
                    };
                    let sum_of_peaks = summed.iter().map(at_its_times).sum();
                    found.between_classes.push(Peaks { goal, sum_of_peaks, peak_of_sums: most(&total) });
                }
                None => missing.push(NotEvaluated::new(what, "there is no time at which all topics have a value")),
            }
        }
    }
    found
}

/// The greatest value.
pub(super) fn most(load: &Load) -> f64 {
    load.values().copied().fold(0.0, f64::max)
}

/// The sum at the times at which each of `parts` has a value or has not begun; none where there is none at which all have
/// begun.
pub(super) fn sum(parts: &[Load]) -> Option<Load> {
    let mut total: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
    for part in parts {
        for (time, value) in part {
            let at = total.entry(*time).or_default();
            at.0 += value;
            at.1 += 1;
        }
    }
    let mut starts: Vec<i64> = parts.iter().filter_map(|part| part.keys().next().copied()).collect();
    starts.sort_unstable();
    let begun = |time: i64| starts.partition_point(|start| *start <= time);
    total.retain(|time, (_, count)| *count == begun(*time));
    let has_all = total.keys().next_back().is_some_and(|last| begun(*last) == parts.len());
    has_all.then(|| total.into_iter().map(|(time, (value, _))| (time, value)).collect())
}

/// The history's series of whole topics, by metric and name.
pub(super) struct TopicSeries<'a>(BTreeMap<(Metric, &'a str), &'a Series>);

impl<'a> TopicSeries<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let whole = history.series.iter().filter(|series| series.subject.broker_id.is_none());
        Self(whole.filter_map(|s| Some(((s.metric, s.subject.topic.as_deref()?), s))).collect())
    }

    /// The load of `topic` by time; none where the snapshot has no such load.
    ///
    /// # Errors
    /// The metric that is missing for it.
    pub(super) fn load(
        &self,
        snapshot: &Snapshot,
        topic: TopicIdx,
        goal: Goal,
        cores_per_work: f64,
    ) -> Result<Option<Load>, Metric> {
        let mut parts = Vec::new();
        for (metric, weight, amount) in summands(snapshot, topic, goal, cores_per_work) {
            if weight <= 0.0 || amount <= 0.0 {
                continue;
            }
            let series = self.0.get(&(metric, snapshot.topic(topic).name.as_str())).ok_or(metric)?;
            let weighted = series.values.iter().map(|value| value * weight);
            parts.push(series.times_sec.iter().copied().zip(weighted).collect::<Load>());
        }
        match parts.as_slice() {
            [] => Ok(None),
            _ => Ok(Some(sum(&parts).unwrap_or_default())),
        }
    }
}

/// What a topic's load is made of: the metric, what a unit of it counts for, and how much of it the snapshot has.
fn summands(snapshot: &Snapshot, topic: TopicIdx, goal: Goal, cores_per_work: f64) -> Vec<(Metric, f64, f64)> {
    let partitions = snapshot.partitions.get(snapshot.topic(topic).partition_rows()).unwrap_or_default();
    let count = partitions.len().max(1) as f64;
    let factor = partitions.iter().map(|p| f64::from(p.replica_count)).sum::<f64>() / count;
    let produced: f64 = partitions.iter().map(|p| p.bytes_in_per_sec).sum();
    let consumed: f64 = partitions.iter().map(|p| p.bytes_out_per_sec).sum();
    let replicas = || partitions.iter().flat_map(|p| snapshot.replicas.get(p.replica_rows()).unwrap_or_default());
    let stored: f64 = replicas().map(|replica| replica.size_bytes as f64).sum();
    let cores = || {
        // Work is linear in both rates and in the replication factor.
        let Some(any) = partitions.first() else { return (0.0, 0.0) };
        let work = |bytes_in_per_sec: f64, bytes_out_per_sec: f64, factor: usize| {
            let unit = Partition { bytes_in_per_sec, bytes_out_per_sec, ..any.clone() };
            let traffic = Traffic::of(&unit, factor);
            traffic.leader_work + traffic.follower_work * (factor as f64 - 1.0)
        };
        let (one, two) = (work(1.0, 0.0, 1), work(1.0, 0.0, 2));
        ((one + (two - one) * (factor - 1.0)) * cores_per_work, work(0.0, 1.0, 1) * cores_per_work)
    };
    match goal {
        Goal::Disk => vec![(Metric::Size, factor, stored)],
        Goal::NetworkIn => vec![(Metric::BytesIn, factor, produced)],
        Goal::NetworkOut => vec![(Metric::BytesOut, 1.0, consumed), (Metric::BytesIn, factor - 1.0, produced)],
        Goal::Cpu => {
            let (of_in, of_out) = cores();
            vec![(Metric::BytesIn, of_in, produced), (Metric::BytesOut, of_out, consumed)]
        }
        _ => Vec::new(),
    }
}
