//! Topic settings that put data or writes at risk, make balance impossible, or let disks grow without end.

use super::{Advice, BOOTSTRAP, Finding, Value, quoted};
use crate::model::{Goal, Groups, Home, Placement, Policy, Snapshot, Topic, TopicIdx, human};
use crate::verify::Usage;
use crate::verify::assess::band_brokers;

/// Replicas that data worth keeping has: one may fail while another is being replaced.
const REPLICATION_FACTOR: u32 = 3;

/// Replicas on a broker from which its recovery and shutdown get slow.
const CROWDED_REPLICAS: u64 = 4_000;

/// A log whose rate times retention is so many times its size still grows.
const GROWTH_RATIO: f64 = 1.5;

/// How far above its group's mean the busiest broker's share of compacted writes must be to be worth a word.
const HOT_SPOT_RATIO: f64 = 1.5;

const MSK: &str = "AWS MSK best practices: replication factor 3, min.insync.replicas at most one less";
const CLEANER: &str = "Kafka's LogCleaner: one thread, dirty ratio 0.5, no I/O limit by default";
const CROWDED: &str = "KIP-578 and AWS MSK best practices: 4,000 partitions per broker";
const DERIVED: &str = "evenkeel: what moves as one cannot be spread more finely";
const RETENTION: &str = "Kafka documentation, topic configs: rate × retention.ms, at most retention.bytes a partition";

/// Advises settings of topics.
#[must_use]
pub fn topics(snapshot: &Snapshot, policy: &Policy) -> Advice {
    let mut advice = Advice::default();
    let usage = Usage::of(snapshot, &Placement::of(snapshot));
    let groups = Groups::new(snapshot, policy);
    let serving = snapshot.brokers.iter().filter(|b| b.state.is_active()).count();
    for row in 0..snapshot.topics.len() {
        let index = TopicIdx::new(row);
        let topic = snapshot.topic(index);
        let facts = Facts::of(snapshot, topic);
        advice.findings.extend(replication_factor(topic, &facts, serving));
        advice.findings.extend(min_isr(topic, &facts));
        advice.findings.extend(granularity(snapshot, policy, &groups, &usage, index, &facts));
        advice.findings.extend(compaction(snapshot, topic, &facts));
        advice.findings.extend(retention(topic, &facts));
    }
    advice.findings.extend(crowded(snapshot, &usage));
    let order = |f: &Finding| SETTINGS.iter().position(|s| *s == f.setting);
    advice.findings.sort_by_key(order);
    note_absent(snapshot, &mut advice);
    advice
}

/// The order of findings: what loses data first.
const SETTINGS: [&str; 5] =
    ["replication.factor", "min.insync.replicas", "partitions", "cleanup.policy", "retention.ms"];

/// What a topic amounts to.
struct Facts {
    /// The least and most replicas of its partitions.
    replicas: (u32, u32),
    partitions: u64,
    bytes_in_per_sec: f64,
    /// The busiest partition's.
    bytes_in_per_sec_max: f64,
    /// Of the largest replica of each partition.
    size_bytes: f64,
}

impl Facts {
    fn of(snapshot: &Snapshot, topic: &Topic) -> Self {
        let mut facts = Self {
            replicas: (u32::MAX, 0),
            partitions: u64::from(topic.partition_count),
            bytes_in_per_sec: 0.0,
            bytes_in_per_sec_max: 0.0,
            size_bytes: 0.0,
        };
        for partition in &snapshot.partitions[topic.partition_rows()] {
            let count = partition.replica_count;
            facts.replicas = (facts.replicas.0.min(count), facts.replicas.1.max(count));
            facts.bytes_in_per_sec += partition.bytes_in_per_sec;
            facts.bytes_in_per_sec_max = facts.bytes_in_per_sec_max.max(partition.bytes_in_per_sec);
            let sizes = snapshot.replicas[partition.replica_rows()].iter().map(|r| r.size_bytes);
            facts.size_bytes += sizes.max().unwrap_or(0) as f64;
        }
        facts
    }
}

fn alter(topic: &Topic, setting: &str, value: impl std::fmt::Display) -> String {
    let name = quoted(&topic.name);
    format!(
        "kafka-configs {BOOTSTRAP} --alter --entity-type topics --entity-name {name} --add-config {setting}={value}"
    )
}

fn replication_factor(topic: &Topic, facts: &Facts, brokers: usize) -> Option<Finding> {
    let least = facts.replicas.0;
    if facts.partitions == 0 || least >= REPLICATION_FACTOR || brokers < REPLICATION_FACTOR as usize {
        return None;
    }
    let why = match least {
        1 => "one failure takes its partitions offline, and a failed disk loses them".to_owned(),
        _ => "during maintenance of one broker the failure of another takes partitions offline".to_owned(),
    };
    Some(Finding {
        setting: "replication.factor",
        subject: format!("topic {}", topic.name),
        now: Some(Value::Number(u64::from(least))),
        advised: Value::Number(u64::from(REPLICATION_FACTOR)),
        why,
        unless: "its data can be made again from elsewhere".to_owned(),
        source: MSK,
        command: Some(format!(
            "kafka-reassign-partitions {BOOTSTRAP} --execute --reassignment-json-file FILE, which names {REPLICATION_FACTOR} \
             replicas for each partition of {}",
            quoted(&topic.name)
        )),
    })
}

fn min_isr(topic: &Topic, facts: &Facts) -> Option<Finding> {
    let (least, _) = facts.replicas;
    if facts.partitions == 0 || least < 2 {
        return None;
    }
    let advised = (least - 1).min(2);
    let now = topic.min_insync_replicas;
    let why = match now {
        Some(n) if n > least => format!("it has {least} replicas: every write with acks=all is refused"),
        Some(n) if n == least => "any one broker's restart refuses every write with acks=all".to_owned(),
        Some(0 | 1) if least >= REPLICATION_FACTOR => {
            "a write with acks=all is acknowledged once the leader alone has it, and lost with the leader".to_owned()
        }
        None if least >= REPLICATION_FACTOR => {
            "the snapshot does not say; with Kafka's default of 1 a write with acks=all is \
             acknowledged once the leader alone has it, and lost with the leader"
                .to_owned()
        }
        _ => return None,
    };
    Some(Finding {
        setting: "min.insync.replicas",
        subject: format!("topic {}", topic.name),
        now: now.map(|n| Value::Number(u64::from(n))),
        advised: Value::Number(u64::from(advised)),
        why,
        unless: "its producers do not use acks=all, for whom the setting means nothing".to_owned(),
        source: MSK,
        command: Some(alter(topic, "min.insync.replicas", advised)),
    })
}

/// Partitions so busy that no placement of them can be even: one moves as a whole, so that what it writes must fit into
/// a band's width, 2 · band · mean.
fn granularity(
    snapshot: &Snapshot,
    policy: &Policy,
    groups: &Groups,
    usage: &Usage,
    index: TopicIdx,
    facts: &Facts,
) -> Option<Finding> {
    let Home::Group(group) = groups.home(index) else { return None };
    let brokers = band_brokers(snapshot, groups, group);
    let loads: Option<Vec<f64>> = brokers.iter().map(|b| usage.load(*b, Goal::NetworkIn)).collect();
    let mean = loads?.iter().sum::<f64>() / brokers.len().max(1) as f64;
    let width = 2.0 * policy.bands.network_in * mean;
    if width <= 0.0 || brokers.len() < 2 || facts.bytes_in_per_sec_max <= width {
        return None;
    }
    let topic = snapshot.topic(index);
    let advised = (facts.bytes_in_per_sec / width).ceil() as u64;
    let is_skewed = advised <= facts.partitions;
    let busiest = format!(
        "its busiest partition takes {}, more than the width of the network_in band, {}: no placement \
         brings the broker that has it and the others into the band",
        human::rate(facts.bytes_in_per_sec_max),
        human::rate(width)
    );
    Some(Finding {
        setting: "partitions",
        subject: format!("topic {}", topic.name),
        now: Some(Value::Number(facts.partitions)),
        advised: if is_skewed { "a key that spreads evenly".into() } else { Value::Number(advised) },
        why: if is_skewed { format!("{busiest}; its partitions would do if they were even") } else { busiest },
        unless: "its records are keyed and their order by key matters: more partitions send most keys elsewhere"
            .to_owned(),
        source: DERIVED,
        command: (!is_skewed).then(|| {
            format!("kafka-topics {BOOTSTRAP} --alter --topic {} --partitions {advised}", quoted(&topic.name))
        }),
    })
}

/// Topics that are compacted and deleted, whose writes one broker has far more of than others: its cleaner reads and
/// writes them again.
fn compaction(snapshot: &Snapshot, topic: &Topic, facts: &Facts) -> Option<Finding> {
    let policy = topic.cleanup_policy.as_deref()?;
    let has = |wanted: &str| policy.split(',').any(|part| part.trim() == wanted);
    if !has("compact") || !has("delete") || facts.bytes_in_per_sec <= 0.0 {
        return None;
    }
    let mut written = vec![0.0; snapshot.brokers.len()];
    for partition in &snapshot.partitions[topic.partition_rows()] {
        for replica in &snapshot.replicas[partition.replica_rows()] {
            written[replica.broker.row()] += partition.bytes_in_per_sec;
        }
    }
    let active = snapshot.broker_indices().filter(|b| snapshot.broker(*b).state.is_active());
    let shares: Vec<(f64, i32)> = active.map(|b| (written[b.row()], snapshot.broker(b).id)).collect();
    let mean = shares.iter().map(|(share, _)| share).sum::<f64>() / shares.len().max(1) as f64;
    let (most, id) = shares.into_iter().reduce(|a, b| if b.0 > a.0 { b } else { a })?;
    if mean <= 0.0 || most <= HOT_SPOT_RATIO * mean {
        return None;
    }
    Some(Finding {
        setting: "cleanup.policy",
        subject: format!("topic {}", topic.name),
        now: Some(Value::Text(policy.to_owned())),
        advised: "compact or delete alone, or spread more evenly".into(),
        why: format!(
            "broker {id} is written {} of it, {:.1} times the mean; its cleaner reads about twice that again and \
             rewrites what it keeps, without a limit, beside everything else on the disk",
            human::rate(most),
            most / mean
        ),
        unless: "log.cleaner.io.max.bytes.per.second is set, and cleaning keeps up".to_owned(),
        source: CLEANER,
        command: Some(format!(
            "evenkeel rebalance --only-goal topic_spread spreads it; broker setting log.cleaner.io.max.bytes.per.second={:.0} \
             holds the cleaner to thrice the writes",
            3.0 * most
        )),
    })
}

/// Logs that nothing ever shortens, or that are far from the size at which they stop to grow.
fn retention(topic: &Topic, facts: &Facts) -> Option<Finding> {
    if topic.cleanup_policy.as_deref().is_some_and(|policy| !policy.contains("delete")) {
        return None;
    }
    let retention_ms = topic.retention_ms?;
    let by_size = topic.retention_bytes.filter(|bytes| *bytes >= 0).map(|bytes| bytes as f64 * facts.partitions as f64);
    let grows_without_end = retention_ms < 0 && by_size.is_none();
    let (now, why) = if grows_without_end {
        if facts.bytes_in_per_sec <= 0.0 {
            return None;
        }
        let day = facts.bytes_in_per_sec * 86_400.0;
        (
            Value::Text("-1".to_owned()),
            format!("neither time nor size bounds it: it grows by {} a day and replica", human::bytes_f64(day)),
        )
    } else {
        if retention_ms < 0 {
            return None;
        }
        let by_time = facts.bytes_in_per_sec * retention_ms as f64 / 1_000.0;
        let settles = by_size.map_or(by_time, |size| size.min(by_time));
        if facts.size_bytes <= 0.0 || settles <= GROWTH_RATIO * facts.size_bytes {
            return None;
        }
        let why = format!(
            "it holds {} and settles at {} at today's rate: its disks are to fill further, {:.1} times",
            human::bytes_f64(facts.size_bytes),
            human::bytes_f64(settles),
            settles / facts.size_bytes
        );
        (Value::Number(retention_ms.unsigned_abs()), why)
    };
    Some(Finding {
        setting: "retention.ms",
        subject: format!("topic {}", topic.name),
        now: Some(now),
        advised: if grows_without_end {
            "a bound by time or size".into()
        } else {
            "shorter, or disks for the growth".into()
        },
        why,
        unless: "the rate is above its usual, or the topic is younger than its retention".to_owned(),
        source: RETENTION,
        command: Some(alter(topic, "retention.ms", "MILLISECONDS")),
    })
}

/// Brokers with so many replicas that recovery gets slow.
fn crowded(snapshot: &Snapshot, usage: &Usage) -> Vec<Finding> {
    let finding = |index: crate::model::BrokerIdx| {
        let count = usage.load(index, Goal::Replicas)? as u64;
        (count > CROWDED_REPLICAS).then(|| Finding {
            setting: "partitions",
            subject: format!("broker {}", snapshot.broker(index).id),
            now: Some(Value::Number(count)),
            advised: Value::Number(CROWDED_REPLICAS),
            why: "so many replicas make start, shutdown and failover slow".to_owned(),
            unless: "the cluster runs on KRaft, where the bound is higher; nobody has published by how much".to_owned(),
            source: CROWDED,
            command: Some(
                "evenkeel expand adds brokers; idle topics can be made again with fewer partitions".to_owned(),
            ),
        })
    };
    snapshot.broker_indices().filter_map(finding).collect()
}

fn note_absent(snapshot: &Snapshot, advice: &mut Advice) {
    let count = |wanted: fn(&Topic) -> bool| snapshot.topics.iter().filter(|topic| wanted(topic)).count();
    let unknown = [
        ("min.insync.replicas", count(|t| t.min_insync_replicas.is_none())),
        ("cleanup.policy", count(|t| t.cleanup_policy.is_none())),
        ("retention.ms", count(|t| t.retention_ms.is_none())),
    ];
    for (what, topics) in unknown.into_iter().filter(|(_, topics)| *topics > 0) {
        advice.absent(what, format!("{topics} of {} topics do not say in topics.csv", snapshot.topics.len()));
    }
    if snapshot.partitions.iter().all(|p| p.bytes_in_per_sec == 0.0) {
        advice.absent("partitions, retention.ms by rate", "no partition has a bytes_in_per_sec");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    /// Four brokers; topic `t` with partitions of these rates, replicas on brokers 1…f, going round.
    fn cluster(f: i32, rates: &[f64]) -> Snapshot {
        let mut fixture = Fixture::default();
        for id in 0..4 {
            fixture = fixture.broker(id, "", "", BrokerState::Alive).dir(id, "/d", 1 << 40, LogDirState::Online, 0);
        }
        for (number, rate) in rates.iter().enumerate() {
            let replicas: Vec<(i32, &str, u64, bool)> =
                (0..f).map(|i| ((number as i32 + i) % 4, "/d", 1_000_000, true)).collect();
            fixture = fixture.partition(("t", number as u32), replicas[0].0, (*rate, 0.0), &replicas);
        }
        fixture.build()
    }

    fn found(snapshot: &Snapshot, setting: &str) -> Option<Finding> {
        topics(snapshot, &Policy::default()).findings.into_iter().find(|f| f.setting == setting)
    }

    #[test]
    fn too_few_replicas_are_found() {
        assert_eq!(found(&cluster(2, &[1.0]), "replication.factor").unwrap().now, Some(Value::Number(2)));
        assert_eq!(found(&cluster(3, &[1.0]), "replication.factor"), None);
    }

    #[test]
    fn min_isr_leaves_room_for_one_failure_and_asks_for_two_copies() {
        let with = |f, min_isr| {
            let mut snapshot = cluster(f, &[1.0]);
            snapshot.topics[0].min_insync_replicas = min_isr;
            found(&snapshot, "min.insync.replicas").map(|f| f.advised)
        };
        assert_eq!(with(3, Some(2)), None);
        assert_eq!(with(3, Some(3)), Some(Value::Number(2)));
        assert_eq!(with(3, Some(4)), Some(Value::Number(2)));
        assert_eq!(with(3, Some(1)), Some(Value::Number(2)));
        assert_eq!(with(3, None), Some(Value::Number(2)), "Kafka's default is 1");
        assert_eq!(with(2, Some(2)), Some(Value::Number(1)));
        assert_eq!(with(2, Some(1)), None, "two replicas leave no choice");
        assert_eq!(with(1, Some(1)), None);
    }

    #[test]
    fn partitions_too_busy_for_any_balance_are_found() {
        // Σ network in = 800, mean 200, the band's width 2 · 0.1 · 200 = 40: 800 ÷ 40 = 20 partitions.
        let finding = found(&cluster(1, &[400.0, 400.0]), "partitions").unwrap();
        assert_eq!(finding.advised, Value::Number(20));
        let even = [10.0; 80];
        assert_eq!(found(&cluster(1, &even), "partitions"), None);
        let mut skewed = even;
        skewed[0] = 100.0;
        assert_eq!(
            found(&cluster(1, &skewed), "partitions").unwrap().command,
            None,
            "more partitions do not mend keys"
        );
    }

    #[test]
    fn compacted_and_deleted_hot_spots_are_found() {
        let mut snapshot = cluster(1, &[100.0, 1.0, 1.0, 1.0]);
        snapshot.topics[0].cleanup_policy = Some("compact,delete".to_owned());
        assert!(found(&snapshot, "cleanup.policy").unwrap().why.starts_with("broker 0 is written 100 B/s"));
        snapshot.topics[0].cleanup_policy = Some("compact".to_owned());
        assert_eq!(found(&snapshot, "cleanup.policy"), None);
    }

    #[test]
    fn logs_that_still_grow_or_never_stop_are_found() {
        let with = |retention_ms, retention_bytes| {
            let mut snapshot = cluster(1, &[1_000.0]);
            snapshot.topics[0].retention_ms = retention_ms;
            snapshot.topics[0].retention_bytes = retention_bytes;
            found(&snapshot, "retention.ms").map(|f| f.now.unwrap())
        };
        assert_eq!(with(Some(-1), Some(-1)), Some(Value::Text("-1".to_owned())));
        assert_eq!(with(Some(-1), Some(5)), None, "bounded by size");
        // 1,000 bytes/s for 2,000 s are 2 MB, of which 1 MB is there.
        assert_eq!(with(Some(2_000_000), None), Some(Value::Number(2_000_000)));
        assert_eq!(with(Some(2_000_000), Some(1_200_000)), None, "size bounds it first");
        assert_eq!(with(Some(1_000_000), None), None);
        assert_eq!(with(None, None), None, "not known");
    }
}
