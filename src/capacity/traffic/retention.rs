//! What disks hold once every topic has reached its retention: per replica min(p·retention.ms, retention.bytes), beside
//! the measured size. Kafka deletes whole segments, so that up to a segment more may stay per replica; the measured size
//! is what counts for plans, this says whether it will still grow.
//!
//! Topics that are compacted only, without any limit, or without a traffic figure keep their measured size.

use std::collections::BTreeMap;

use crate::capacity::NotEvaluated;
use crate::model::load::capacity;
use crate::model::{BrokerIdx, Goal, Snapshot, Statistic, Topic, TopicIdx};

/// A topic whose retention says how much it will hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopicRetention {
    /// The topic.
    pub topic: TopicIdx,
    /// All replicas as measured.
    pub measured_bytes: u64,
    /// All replicas at their retention.
    pub retained_bytes: f64,
}

/// Disks at retention.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retention {
    /// Topics with a figure, by name.
    pub topics: Vec<TopicRetention>,
    /// Replicas of those topics, as measured.
    pub measured_bytes: u64,
    /// Replicas of those topics, at their retention.
    pub retained_bytes: f64,
    /// Bytes on each broker's serving dirs at retention, topics without a figure as measured, other use included.
    pub brokers: Vec<f64>,
    /// Active brokers' disk utilization at retention, where their capacity is known.
    pub utilization: Vec<(BrokerIdx, f64)>,
}

/// What disks hold at retention.
pub(super) fn retention(snapshot: &Snapshot, missing: &mut Vec<NotEvaluated>) -> Retention {
    let mut result = Retention { brokers: vec![0.0; snapshot.brokers.len()], ..Retention::default() };
    for dir in snapshot.log_dirs.iter().filter(|d| d.state.is_serving()) {
        result.brokers[dir.broker.row()] += dir.other_used_bytes as f64;
    }
    let mut without: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (row, topic) in snapshot.topics.iter().enumerate() {
        let limits = limits(snapshot, topic);
        if let Err(why) = limits {
            *without.entry(why).or_default() += 1;
        }
        result.add_topic(snapshot, TopicIdx::new(row), limits.ok());
    }
    for broker in snapshot.broker_indices().filter(|&b| snapshot.broker(b).state.is_active()) {
        if let Some(capacity) = capacity(snapshot, broker, Goal::Disk) {
            result.utilization.push((broker, result.brokers[broker.row()] / capacity));
        }
    }
    for (why, topics) in without {
        let plural = if topics == 1 { "" } else { "s" };
        missing.push(NotEvaluated::new("retention", format!("{topics} topic{plural} as measured: {why}")));
    }
    if snapshot.cluster.window.as_ref().is_some_and(|w| !matches!(w.statistic, Statistic::Mean))
        && !result.topics.is_empty()
    {
        let why = "retention holds the mean rate's bytes; the snapshot's rates are a higher statistic, so that the \
                   figures at retention are upper bounds";
        missing.push(NotEvaluated::new("retention.at_mean_rate", why));
    }
    result
}

/// Seconds and bytes that a topic keeps, none for what does not limit it.
type KeepLimits = (Option<f64>, Option<f64>);

fn limits(snapshot: &Snapshot, topic: &Topic) -> Result<KeepLimits, &'static str> {
    let policy = topic.cleanup_policy.as_deref().unwrap_or("delete");
    if !policy.contains("delete") {
        return Err("compacted, so that the number of keys decides");
    }
    if topic.retention_ms.is_none() && topic.retention_bytes.is_none() {
        return Err("neither retention.ms nor retention.bytes is known");
    }
    // −1 is Kafka's "without limit".
    let limit = |value: Option<i64>| value.filter(|v| *v >= 0).map(|v| v as f64);
    let (seconds, bytes) = (limit(topic.retention_ms).map(|ms| ms / 1000.0), limit(topic.retention_bytes));
    if seconds.is_none() && bytes.is_none() {
        return Err("kept without limit, it grows for ever");
    }
    if snapshot.partitions[topic.partition_rows()].iter().all(|p| p.bytes_in_per_sec <= 0.0) {
        return Err("no traffic figure");
    }
    Ok((seconds, bytes))
}

/// What one replica holds at retention.
fn retained(produced_bytes_per_sec: f64, (seconds, bytes): KeepLimits) -> f64 {
    let by_time = seconds.map(|s| produced_bytes_per_sec * s);
    match (by_time, bytes) {
        (Some(time), Some(bytes)) => time.min(bytes),
        (time, bytes) => time.or(bytes).unwrap_or(0.0),
    }
}

impl Retention {
    fn add_topic(&mut self, snapshot: &Snapshot, topic: TopicIdx, limits: Option<KeepLimits>) {
        let mut own = TopicRetention { topic, measured_bytes: 0, retained_bytes: 0.0 };
        for partition in &snapshot.partitions[snapshot.topic(topic).partition_rows()] {
            for replica in &snapshot.replicas[partition.replica_rows()] {
                let measured = replica.size_bytes;
                let held = limits.map_or(measured as f64, |limits| retained(partition.bytes_in_per_sec, limits));
                own.measured_bytes += measured;
                own.retained_bytes += held;
                if replica.log_dir.is_none_or(|dir| snapshot.log_dir(dir).state.is_serving()) {
                    self.brokers[replica.broker.row()] += held;
                }
            }
        }
        if limits.is_some() {
            self.measured_bytes += own.measured_bytes;
            self.retained_bytes += own.retained_bytes;
            self.topics.push(own);
        }
    }

    /// The active broker that is fullest at retention.
    #[must_use]
    pub fn fullest(&self) -> Option<(BrokerIdx, f64)> {
        self.utilization.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    fn snapshot(retention_ms: Option<i64>, retention_bytes: Option<i64>, policy: &str) -> Snapshot {
        let mut snapshot = Fixture::default()
            .broker(1, "", "", BrokerState::Alive)
            .dir(1, "/d", 1_000_000, LogDirState::Online, 100)
            .partition(("t", 0), 1, (10.0, 0.0), &[(1, "/d", 400, true)])
            .build();
        let topic = &mut snapshot.topics[0];
        (topic.retention_ms, topic.retention_bytes) = (retention_ms, retention_bytes);
        topic.cleanup_policy = Some(policy.to_owned());
        snapshot
    }

    #[test]
    fn the_nearer_of_both_limits_holds() {
        let held = |ms, bytes| retention(&snapshot(ms, bytes, "delete"), &mut Vec::new()).retained_bytes;
        // 10 B/s for an hour.
        assert_eq!(held(Some(3_600_000), None), 36_000.0);
        assert_eq!(held(Some(3_600_000), Some(20_000)), 20_000.0);
        assert_eq!(held(Some(-1), Some(20_000)), 20_000.0);
        assert_eq!(held(Some(3_600_000), Some(-1)), 36_000.0);
    }

    #[test]
    fn disks_at_retention_hold_other_use_as_well() {
        let result = retention(&snapshot(Some(3_600_000), None, "delete"), &mut Vec::new());
        assert_eq!(result.brokers, [36_100.0]);
        assert_eq!(result.fullest(), Some((BrokerIdx::new(0), 0.0361)));
        assert_eq!(result.measured_bytes, 400);
    }

    #[test]
    fn what_no_retention_limits_keeps_its_measured_size_and_says_why() {
        for (ms, bytes, policy, why) in [
            (Some(1), None, "compact", "1 topic as measured: compacted, so that the number of keys decides"),
            (None, None, "delete", "1 topic as measured: neither retention.ms nor retention.bytes is known"),
            (Some(-1), None, "delete", "1 topic as measured: kept without limit, it grows for ever"),
        ] {
            let mut missing = Vec::new();
            let result = retention(&snapshot(ms, bytes, policy), &mut missing);
            assert_eq!((result.topics.len(), result.brokers[0]), (0, 500.0));
            assert_eq!(missing[0].why, why);
        }
    }
}
