//! From a topic's traffic to its partitions'.
//!
//! Brokers count bytes per topic, never per partition. What tells partitions apart is how fast their log end offsets
//! grow, in records; where those are unknown, how fast their logs grow in bytes; then how large they are; then nothing.
//! Only the leader's log counts: a replica that is catching up grows at the speed of its copy.

use std::collections::HashMap;

use super::metrics::Sample;
use super::metrics::rates::mean;
use super::metrics::signals::Quantity;
use super::summary::{Summary, count, few};
use crate::model::{PartitionIdx, Snapshot};

/// A series of the chosen origin with its rates.
pub(super) struct Rated<'s> {
    pub(super) quantity: Quantity,
    pub(super) broker: Option<i32>,
    pub(super) topic: Option<&'s str>,
    pub(super) partition: Option<u32>,
    pub(super) rates: Vec<Sample>,
}

/// What a topic's partitions were told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    Offsets,
    Growth,
    Sizes,
    Nothing,
}

/// How the topics' traffic falls to their partitions.
pub(super) struct Shares {
    /// Per partition; comparable within a topic alone.
    weights: Vec<f64>,
    /// Per topic.
    bases: Vec<Basis>,
}

/// The rates of each partition's own series of `quantity`: its leader's, else one that names no broker unless the
/// partition is being moved. None where there is no such series.
pub(super) fn of_leaders<'r>(
    snapshot: &Snapshot,
    rated: &'r [Rated<'_>],
    quantity: Quantity,
) -> Vec<Option<&'r [Sample]>> {
    let mut found: HashMap<(&str, u32), Vec<&Rated<'_>>> = HashMap::new();
    for series in rated.iter().filter(|s| s.quantity == quantity && !s.rates.is_empty()) {
        if let (Some(topic), Some(partition)) = (series.topic, series.partition) {
            found.entry((topic, partition)).or_default().push(series);
        }
    }
    let own = |index: PartitionIdx| {
        let partition = snapshot.partition(index);
        let topic = snapshot.topic(partition.topic).name.as_str();
        let series = found.get(&(topic, partition.number))?;
        let leader = snapshot.broker(partition.leader?).id;
        if series.iter().any(|s| s.broker.is_some()) {
            return series.iter().find(|s| s.broker == Some(leader)).map(|s| s.rates.as_slice());
        }
        let is_moving = snapshot.replicas_of(index).iter().any(|r| r.reassignment.is_some());
        // Several are one per replica, told apart by a label that we cannot read: in-sync ones grow alike.
        let fastest = series.iter().max_by(|a, b| mean(&a.rates).total_cmp_to(mean(&b.rates)));
        fastest.filter(|_| !is_moving).map(|s| s.rates.as_slice())
    };
    snapshot.partition_indices().map(own).collect()
}

/// Compares means, of which there is one for every series that has rates.
trait TotalCmp {
    fn total_cmp_to(self, other: Self) -> std::cmp::Ordering;
}

impl TotalCmp for Option<f64> {
    fn total_cmp_to(self, other: Self) -> std::cmp::Ordering {
        self.unwrap_or(0.0).total_cmp(&other.unwrap_or(0.0))
    }
}

impl Shares {
    /// Finds what tells each topic's partitions apart.
    pub(super) fn new(snapshot: &Snapshot, rated: &[Rated<'_>]) -> Self {
        let means = |quantity: Quantity| -> Vec<Option<f64>> {
            of_leaders(snapshot, rated, quantity).into_iter().map(|rates| rates.and_then(mean)).collect()
        };
        let sizes = |index: PartitionIdx| Some(snapshot.copy_size_bytes(index) as f64);
        let candidates = [
            (Basis::Offsets, means(Quantity::LogEndOffset)),
            (Basis::Growth, means(Quantity::LogSize)),
            (Basis::Sizes, snapshot.partition_indices().map(sizes).collect()),
        ];
        let mut shares = Self { weights: vec![1.0; snapshot.partitions.len()], bases: Vec::new() };
        for topic in &snapshot.topics {
            let rows = topic.partition_rows();
            // Who has no leader is not written to.
            let has_leader = |row: usize| snapshot.partitions[row].leader.is_some();
            let usable = candidates.iter().find(|(_, values)| {
                rows.clone().any(|row| has_leader(row) && values[row].is_some_and(|value| value > 0.0))
            });
            let Some((basis, values)) = usable else {
                shares.bases.push(Basis::Nothing);
                continue;
            };
            let known: Vec<f64> = rows.clone().filter(|&row| has_leader(row)).filter_map(|row| values[row]).collect();
            let usual = known.iter().sum::<f64>() / known.len().max(1) as f64;
            for row in rows {
                shares.weights[row] = if has_leader(row) { values[row].unwrap_or(usual) } else { 0.0 };
            }
            shares.bases.push(*basis);
        }
        shares
    }

    /// Splits `rate` of the topic at row `topic`, measured on `broker` where that is known, over its partitions, adding
    /// to `out`. What a broker counted falls to the partitions that it leads; where it leads none any more, or none that
    /// grew meanwhile, to all.
    pub(super) fn split(&self, snapshot: &Snapshot, topic: usize, broker: Option<i32>, rate: f64, out: &mut [f64]) {
        let rows = snapshot.topics[topic].partition_rows();
        let leads = |row: &usize| {
            let leader = snapshot.partitions[*row].leader.map(|leader| snapshot.broker(leader).id);
            broker.is_none() || leader == broker
        };
        let mut members: Vec<usize> = rows.clone().filter(leads).collect();
        let mut sum: f64 = members.iter().map(|&row| self.weights[row]).sum();
        // That partitions are empty is no sign that another broker led while this one counted.
        let has_grown = matches!(self.bases[topic], Basis::Offsets | Basis::Growth);
        if members.is_empty() || (sum <= 0.0 && has_grown) {
            members = rows.collect();
            sum = members.iter().map(|&row| self.weights[row]).sum();
        }
        for &row in &members {
            out[row] += if sum > 0.0 { rate * self.weights[row] / sum } else { rate / members.len() as f64 };
        }
    }

    /// Tells of `topics` (rows) whose traffic was split by less than offsets.
    pub(super) fn tell(&self, snapshot: &Snapshot, topics: impl Iterator<Item = usize>, summary: &mut Summary) {
        let mut by_basis: [Vec<String>; 3] = Default::default();
        for topic in topics {
            // A single partition takes all of it, whatever tells partitions apart.
            if snapshot.topics[topic].partition_count < 2 {
                continue;
            }
            let slot = match self.bases[topic] {
                Basis::Offsets => continue,
                Basis::Growth => 0,
                Basis::Sizes => 1,
                Basis::Nothing => 2,
            };
            by_basis[slot].push(snapshot.topics[topic].name.clone());
        }
        let by = ["the growth of their logs", "their sizes", "equal parts"];
        for (names, by) in by_basis.iter().zip(by).filter(|(names, _)| !names.is_empty()) {
            summary.derived.push(format!(
                "log end offsets of {} are unknown or stand still: traffic is split over partitions by {by} ({})",
                count(names.len(), "topic"),
                few(names)
            ));
        }
    }
}
