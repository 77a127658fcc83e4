//! From samples to rates, and from rates over time to one figure each.
//!
//! Percentiles of single series do not add up: their sum would be a load that never was. So each series gives its mean,
//! and all of them are scaled by the same factor, so that they sum to the wanted statistic of what they carried
//! together at each moment (contract §1).

use std::collections::BTreeMap;

use super::signals::Form;
use super::{Origin, Sample, Series};
use crate::ingest::kafka_cli::measured::Total;
use crate::model::Statistic;

/// The greatest rate that a snapshot holds; beyond it lie slips of exporters, not networks.
pub(in crate::ingest::kafka_cli) const RATE_MAX: f64 = (1_u64 << 53) as f64;

/// The rates of `series`, per second, never negative. Two scrapes are a mean and no more: scrapes give one sample, at
/// moment 0, so that those of brokers scraped one after the other count as simultaneous.
pub(in crate::ingest::kafka_cli) fn rates(series: &Series) -> Vec<Sample> {
    let changes = changes(series);
    if series.origin == Origin::Prometheus {
        return changes;
    }
    if series.form == Form::Rate {
        return mean(&changes).map(|value| Sample { unix_seconds: 0.0, value }).into_iter().collect();
    }
    let (Some(first), Some(last)) = (series.samples.first(), series.samples.last()) else { return Vec::new() };
    let seconds = last.unix_seconds - first.unix_seconds;
    if seconds <= 0.0 {
        return Vec::new();
    }
    let mut grown = 0.0;
    for (pair, rate) in series.samples.windows(2).zip(&changes) {
        grown += rate.value * (pair[1].unix_seconds - pair[0].unix_seconds);
    }
    vec![Sample { unix_seconds: 0.0, value: grown / seconds }]
}

/// Per-second changes, each at the end of its interval.
fn changes(series: &Series) -> Vec<Sample> {
    if series.form == Form::Rate {
        return series.samples.iter().map(|s| Sample { value: s.value.clamp(0.0, RATE_MAX), ..*s }).collect();
    }
    let change = |pair: &[Sample]| {
        let (before, after) = (pair[0], pair[1]);
        let grown = match series.form {
            Form::Counter if after.value < before.value => after.value,
            _ => after.value - before.value,
        };
        let seconds = after.unix_seconds - before.unix_seconds;
        Sample { unix_seconds: after.unix_seconds, value: (grown / seconds).clamp(0.0, RATE_MAX) }
    };
    series.samples.windows(2).map(change).collect()
}

/// The mean of `samples`' values, none where there are none.
pub(in crate::ingest::kafka_cli) fn mean(samples: &[Sample]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().map(|s| s.value).sum::<f64>() / samples.len() as f64)
}

/// Rates over time with what they are of.
pub(in crate::ingest::kafka_cli) type Keyed<K> = Vec<(K, Vec<Sample>)>;

/// One figure per key, and how it came about.
#[derive(Debug, PartialEq)]
pub(in crate::ingest::kafka_cli) struct Figures<K> {
    /// They sum to `total`.
    pub(in crate::ingest::kafka_cli) by_key: BTreeMap<K, f64>,
    /// The statistic of the simultaneous sum.
    pub(in crate::ingest::kafka_cli) total: f64,
    /// The mean of the simultaneous sum.
    pub(in crate::ingest::kafka_cli) mean: f64,
}

/// Reduces rates over time to one figure per key. Series with the same key add up. A moment at which a series has no
/// sample takes its latest, if that is not older than one and a half of its usual steps, else 0.
pub(in crate::ingest::kafka_cli) fn figures<K: Ord + Clone>(
    series: &[(K, Vec<Sample>)],
    statistic: Statistic,
) -> Figures<K> {
    let mut moments: Vec<f64> = series.iter().flat_map(|(_, samples)| samples.iter().map(|s| s.unix_seconds)).collect();
    moments.sort_by(f64::total_cmp);
    moments.dedup();
    let mut totals = vec![0.0; moments.len()];
    let mut sums: BTreeMap<K, f64> = BTreeMap::new();
    for (key, samples) in series {
        let sum = sums.entry(key.clone()).or_default();
        for (total, value) in totals.iter_mut().zip(held(samples, &moments)) {
            *total += value;
            *sum += value;
        }
    }
    let count = moments.len().max(1) as f64;
    let mean = totals.iter().sum::<f64>() / count;
    let total = self::statistic(totals, statistic);
    let factor = if mean > 0.0 { total / mean } else { 0.0 };
    let by_key = sums.into_iter().map(|(key, sum)| (key, sum / count * factor)).collect();
    Figures { by_key, total, mean }
}

/// Sums of means that are this close to the mean of the total are of the same traffic.
const SAME_TRAFFIC_SHARE: f64 = 0.1;

impl<K> Figures<K> {
    /// These means, scaled to what an engine says of their total: so that they sum to its statistic; by the ratio of its
    /// statistic to its mean where they are of less or more than it, as where an exporter leaves topics out.
    pub(in crate::ingest::kafka_cli) fn scaled(mut self, total: Total) -> Self {
        let ratio = if total.mean > 0.0 { total.statistic / total.mean } else { 1.0 };
        let is_same = (self.mean - total.mean).abs() <= SAME_TRAFFIC_SHARE * total.mean;
        let factor = if is_same && self.mean > 0.0 { total.statistic / self.mean } else { ratio };
        self.by_key.values_mut().for_each(|value| *value *= factor);
        self.total = self.mean * factor;
        self
    }
}

/// How much older than its usual step a sample may be and still stand for a moment.
const STALE_STEPS: f64 = 1.5;

/// The value of `samples` at each of `moments`, both ascending.
fn held<'s>(samples: &'s [Sample], moments: &'s [f64]) -> impl Iterator<Item = f64> + 's {
    let mut steps: Vec<f64> = samples.windows(2).map(|pair| pair[1].unix_seconds - pair[0].unix_seconds).collect();
    steps.sort_by(f64::total_cmp);
    let patience = steps.get(steps.len() / 2).map_or(0.0, |step| step * STALE_STEPS);
    let mut next = 0;
    moments.iter().map(move |&moment| {
        while samples.get(next).is_some_and(|s| s.unix_seconds <= moment) {
            next += 1;
        }
        let latest = next.checked_sub(1).and_then(|at| samples.get(at));
        latest.filter(|s| moment - s.unix_seconds <= patience).map_or(0.0, |s| s.value)
    })
}

/// `statistic` of `values`, 0 of none. Quantiles are interpolated between the two nearest values, as Prometheus'
/// `quantile_over_time` does (Hyndman and Fan 1996, definition 7).
fn statistic(mut values: Vec<f64>, statistic: Statistic) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let quantile = |share: f64| {
        let rank = share * last as f64;
        let (low, high) = (rank.floor() as usize, rank.ceil() as usize);
        values[low] + (values[high.min(last)] - values[low]) * (rank - rank.floor())
    };
    match statistic {
        Statistic::Mean => values.iter().sum::<f64>() / values.len() as f64,
        Statistic::P50 => quantile(0.50),
        Statistic::P95 => quantile(0.95),
        Statistic::P99 => quantile(0.99),
        Statistic::Max => values[last],
    }
}
