//! The history: a point per step, of the whole cluster, of brokers and of topics.

use std::time::Duration;

use super::engine::When;
use super::query::{Queries, duration};
use super::{Notes, Prometheus, broker, label, whole_seconds};
use crate::ingest::kafka_cli::measured::MeasuredHistory;
use crate::ingest::prometheus::Measure;
use crate::model::Metric;

/// Prometheus refuses more than 11,000 points of a series; others count alike.
const POINTS_MAX: i64 = 10_000;

/// Moments of a history, on whole steps since 1970, so that days begin at midnight UTC.
pub(super) struct Period {
    first: i64,
    last: i64,
    step: i64,
}

impl Period {
    pub(super) fn new(now: i64, back: Duration, step: Duration) -> Self {
        let step = whole_seconds(step).max(1);
        let last = now.div_euclid(step) * step;
        let first = now.saturating_sub(whole_seconds(back)).max(0).div_euclid(step) * step;
        Self { first: first.saturating_add(step).min(last), last, step }
    }

    /// Pieces that no engine refuses for their length.
    pub(super) fn pieces(&self) -> Vec<When> {
        let mut pieces = Vec::new();
        let mut start = self.first;
        while start <= self.last {
            let end = self.last.min(start.saturating_add(self.step.saturating_mul(POINTS_MAX - 1)));
            pieces.push(When::Range(start, end, self.step));
            start = end.saturating_add(self.step);
        }
        pieces
    }
}

/// A query for a metric's past.
struct Past {
    metric: Metric,
    is_cores: bool,
    query: String,
}

fn queries(asked: &Queries<'_>, step: i64) -> Vec<Past> {
    let range = duration(step);
    let (by_broker, by_topic) = (asked.labels.broker.join(","), &asked.labels.topic);
    let mut found = Vec::new();
    let mut add = |metric, is_cores, query| found.push(Past { metric, is_cores, query });
    for (metric, all, topics) in [
        (Metric::BytesIn, Measure::BytesInAll, Measure::BytesIn),
        (Metric::BytesOut, Measure::BytesOutAll, Measure::BytesOut),
        (Metric::MessagesIn, Measure::MessagesInAll, Measure::MessagesIn),
    ] {
        if let Some(selector) = asked.selector(all).or_else(|| asked.selector(topics)) {
            add(metric, false, format!("sum(rate({selector}[{range}]))"));
            add(metric, false, format!("sum by ({by_broker}) (rate({selector}[{range}]))"));
        }
        if let Some(selector) = asked.selector(topics) {
            add(metric, false, format!("sum by ({by_topic}) (rate({selector}[{range}]))"));
        }
    }
    if let Some(selector) = asked.selector(Measure::LogSize) {
        // Of a topic one copy, of a broker all replicas (contract §1).
        let partition = &asked.labels.partition;
        add(Metric::Size, false, format!("sum({selector})"));
        add(Metric::Size, false, format!("sum by ({by_broker}) ({selector})"));
        add(Metric::Size, false, format!("sum by ({by_topic}) (max by ({by_topic},{partition}) ({selector}))"));
    }
    if let Some(query) = asked.cores(step) {
        add(Metric::Cpu, true, query);
    }
    if let Some(query) = asked.cpu_share(step) {
        add(Metric::Cpu, false, query);
    }
    found
}

/// Asks for all of the past; what fails is noted.
pub(super) fn ask(
    prometheus: &Prometheus,
    asked: &Queries<'_>,
    period: &Period,
    notes: &mut Notes,
    progress: &(dyn Fn(f64) + Sync),
) -> Vec<MeasuredHistory> {
    let (queries, pieces) = (queries(asked, period.step), period.pieces());
    let asks: Vec<(&str, When)> =
        queries.iter().flat_map(|past| pieces.iter().map(|when| (past.query.as_str(), *when))).collect();
    let owners = queries.iter().flat_map(|past| pieces.iter().map(move |_| past));
    let mut found: Vec<MeasuredHistory> = Vec::new();
    for (past, answer) in owners.zip(prometheus.ask_all(&asks, progress)) {
        match answer {
            Ok(series) => found.extend(series.iter().map(|series| MeasuredHistory {
                metric: past.metric,
                is_cores: past.is_cores,
                broker: broker(series, &asked.labels),
                topic: label(series, &asked.labels.topic).cloned(),
                points: series.points.iter().map(|(time, value)| (time.round() as i64, *value)).collect(),
            })),
            Err(error) => notes.failed(&format!("the history of {}", past.metric.name()), &error),
        }
    }
    without_first_step(&mut found, period, notes);
    found
}

/// Where metrics begin within the period, the first point is of a part of its step: it would show a growth that never
/// was.
fn without_first_step(found: &mut Vec<MeasuredHistory>, period: &Period, notes: &mut Notes) {
    let Some(first) = found.iter().flat_map(|series| series.points.iter().map(|(time, _)| *time)).min() else {
        notes.missing.push("the history: Prometheus has none of it".to_owned());
        return;
    };
    if first > period.first {
        found.iter_mut().for_each(|series| series.points.retain(|(time, _)| *time > first));
        found.retain(|series| !series.points.is_empty());
        let days = period.last.saturating_sub(first) / 86_400;
        notes.derived.push(format!("the history goes back {days} days: Prometheus holds no more"));
    }
}
