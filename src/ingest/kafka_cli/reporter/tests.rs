//! Records as the metrics reporter writes them, into the snapshot that an operator gets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::ingest::catalogue::Catalogue;
use crate::ingest::kafka_cli::observed::{ObservedLogDir, ObservedPartition, ObservedRates, import};

const NOW_MS: i64 = 1_700_000_000_000;

/// As `MetricSerde.toBytes` does.
fn record(metric: u8, time_ms: i64, broker: i32, topic: Option<(&str, Option<i32>)>, value: f64) -> Vec<u8> {
    let class = topic.map_or(0, |(_, partition)| if partition.is_some() { 2 } else { 1 });
    let mut bytes = vec![class, 0, metric];
    bytes.extend(time_ms.to_be_bytes());
    bytes.extend(broker.to_be_bytes());
    if let Some((name, partition)) = topic {
        bytes.extend(i32::try_from(name.len()).unwrap().to_be_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend(partition.into_iter().flat_map(i32::to_be_bytes));
    }
    bytes.extend(value.to_be_bytes());
    bytes
}

/// Brokers 1 and 2, of which 2 did not describe its log dirs. Broker 1 leads partitions 0 and 1 of `a.b`, of 300 and 100
/// bytes, broker 2 partition 2.
fn observed() -> Observed {
    let mut observed = Observed { captured_at: "2026-11-21T00:00:00Z".to_owned(), ..Observed::default() };
    for id in [1, 2] {
        observed.brokers.insert(id, (None, None));
    }
    for (number, leader) in [(0, 1), (1, 1), (2, 2)] {
        let replicas = if leader == 1 { vec![1] } else { vec![2, 1] };
        let partition =
            ObservedPartition { leader: Some(leader), isr: replicas.clone(), replicas, ..Default::default() };
        observed.partitions.insert(("a.b".to_owned(), number), partition);
    }
    let key = |number| ("a.b".to_owned(), number);
    let replicas = vec![(key(0), 300, false), (key(1), 100, false), (key(2), 50, false)];
    let dir = ObservedLogDir { is_online: true, replicas, ..ObservedLogDir::default() };
    observed.log_dirs.insert((1, "/d".to_owned()), dir);
    observed.reporting.insert(1);
    observed
}

/// Two reports of each broker; broker 1's second one has twice its first one's traffic.
fn reported() -> Reported {
    let mut reported = Reported::within(NOW_MS, NOW_MS + 300_000);
    for (step, value) in [(0_i64, 1_000.0), (1, 2_000.0)] {
        let at = NOW_MS + step * 60_000;
        reported.take(&record(record::TOPIC_BYTES_IN, at, 1, Some(("a_b", None)), value));
        reported.take(&record(record::TOPIC_BYTES_OUT, at, 1, Some(("a_b", None)), value * 2.0));
        reported.take(&record(record::TOPIC_MESSAGES_IN_PER_SEC, at, 1, Some(("a_b", None)), 4.0));
        reported.take(&record(record::BROKER_CPU_UTIL, at, 1, None, 0.25 + 0.5 * step as f64));
        reported.take(&record(record::ALL_TOPIC_REPLICATION_BYTES_IN, at, 1, None, 10.0));
        reported.take(&record(record::ALL_TOPIC_REPLICATION_BYTES_OUT, at, 1, None, 0.0));
        reported.take(&record(record::TOPIC_BYTES_IN, at + 30_000, 2, Some(("a_b", None)), 70.0));
        reported.take(&record(record::PARTITION_SIZE, at + 30_000, 2, Some(("a_b", Some(2))), 500.0 + value));
    }
    reported
}

fn snapshot_of(observed: &Observed) -> (Snapshot, Summary) {
    let imported = import(observed, None, &Catalogue::builtin()).unwrap();
    (imported.snapshot, imported.summary)
}

fn rates_in(snapshot: &Snapshot) -> Vec<f64> {
    snapshot.partitions.iter().map(|partition| partition.bytes_in_per_sec).collect()
}

#[test]
fn topics_means_fall_to_the_partitions_of_their_leader_by_size_where_nothing_grew() {
    let (snapshot, summary) = snapshot_of(&Observed { reported: Some(reported()), ..observed() });
    // 1,500 by 300 : 100, and broker 2's own.
    assert_eq!(rates_in(&snapshot), [1_125.0, 375.0, 70.0]);
    let (first, second) = (&snapshot.partitions[0], &snapshot.partitions[2]);
    assert_eq!((first.bytes_out_per_sec, second.bytes_out_per_sec), (2_250.0, 0.0));
    assert_eq!(first.messages_in_per_sec, 3.0);
    let broker = &snapshot.brokers[0];
    assert_eq!(broker.cpu_utilization, Some(0.5));
    assert_eq!(broker.measured_network_in_bytes_per_sec, Some(1_510.0));
    let window = snapshot.cluster.window.clone().unwrap();
    assert_eq!((window.start.as_str(), window.end.as_str()), ("2023-11-14T22:13:20Z", "2023-11-14T22:14:50Z"));
    assert_eq!(window.statistic, Statistic::Mean);
    assert!(summary.derived.iter().any(|line| line.contains("by their sizes")), "{summary}");
    assert!(!summary.missing.iter().any(|line| line.contains("what consumers read")), "{summary}");
}

#[test]
fn what_a_broker_counted_is_not_another_brokers_though_its_own_partitions_are_empty() {
    let mut observed = Observed { reported: Some(reported()), ..observed() };
    let dir = observed.log_dirs.values_mut().next().unwrap();
    dir.replicas = vec![(("a.b".to_owned(), 0), 0, false), (("a.b".to_owned(), 1), 0, false)];
    assert_eq!(rates_in(&snapshot_of(&observed).0), [750.0, 750.0, 70.0]);
}

#[test]
fn growth_of_offsets_tells_partitions_apart_before_sizes_do() {
    let mut observed = Observed { reported: Some(reported()), ..observed() };
    for (number, messages) in [(0, 1.0), (1, 9.0), (2, 0.0)] {
        let rates = ObservedRates { bytes_in_per_sec: 1.0, messages_in_per_sec: messages };
        observed.rates.insert(("a.b".to_owned(), number), rates);
    }
    observed.missing_unless_measured.push("what consumers read: counts as 0".to_owned());
    let (snapshot, summary) = snapshot_of(&observed);
    assert_eq!(rates_in(&snapshot), [150.0, 1_350.0, 70.0]);
    assert!(!summary.missing.iter().any(|line| line.contains("what consumers read")), "{summary}");
}

#[test]
fn sizes_are_the_latest_reported_where_no_log_dir_was_described() {
    let (snapshot, summary) = snapshot_of(&Observed { reported: Some(reported()), ..observed() });
    let sizes: Vec<u64> = snapshot.replicas.iter().map(|replica| replica.size_bytes).collect();
    assert_eq!(sizes, [300, 100, 2_500, 50]);
    assert!(summary.derived.iter().any(|line| line.contains("sizes of 1 replica")), "{summary}");
}

#[test]
fn a_leader_that_reports_nothing_keeps_what_its_offsets_grew_by() {
    let mut only_first = Reported::within(NOW_MS, NOW_MS + 300_000);
    only_first.take(&record(record::TOPIC_BYTES_IN, NOW_MS, 1, Some(("a_b", None)), 1_000.0));
    let mut observed = Observed { reported: Some(only_first), ..observed() };
    let grown = ObservedRates { bytes_in_per_sec: 33.0, messages_in_per_sec: 3.0 };
    observed.rates.insert(("a.b".to_owned(), 2), grown);
    let (snapshot, summary) = snapshot_of(&observed);
    assert_eq!(rates_in(&snapshot)[2], 33.0);
    assert!(summary.derived.iter().any(|line| line.starts_with("broker 2 wrote nothing")), "{summary}");
}

#[test]
fn what_is_older_than_the_window_does_not_count_and_an_empty_topic_leaves_the_readings() {
    let mut reported = Reported::within(NOW_MS, NOW_MS + 300_000);
    reported.take(&record(record::TOPIC_BYTES_IN, NOW_MS - 1, 1, Some(("a_b", None)), 1_000.0));
    assert!(reported.is_empty());
    let mut observed = Observed { reported: Some(reported), ..observed() };
    let grown = ObservedRates { bytes_in_per_sec: 33.0, messages_in_per_sec: 3.0 };
    observed.rates.insert(("a.b".to_owned(), 2), grown);
    let (snapshot, summary) = snapshot_of(&observed);
    assert_eq!(rates_in(&snapshot), [0.0, 0.0, 33.0]);
    assert!(summary.missing.iter().any(|line| line.contains("no record of the last minutes")), "{summary}");
}

#[test]
fn records_of_later_versions_are_counted_and_told() {
    let mut reported = reported();
    let mut later = record(record::BROKER_CPU_UTIL, NOW_MS, 1, None, 0.9);
    later[1] = 1;
    reported.take(&later);
    reported.take(&record(63, NOW_MS, 1, None, 0.9));
    reported.take(&record(200, NOW_MS, 1, None, 0.9));
    reported.take(&record(record::BROKER_CPU_UTIL, NOW_MS, 1, None, f64::NAN));
    reported.take(&record(record::BROKER_CPU_UTIL, NOW_MS + 300_001, 1, None, 0.9));
    reported.take(b"");
    let (snapshot, summary) = snapshot_of(&Observed { reported: Some(reported), ..observed() });
    assert_eq!(snapshot.brokers[0].cpu_utilization, Some(0.5));
    let told = summary.missing.join("\n");
    for line in ["of version 1", "of metric 63", "of metric 200", "without a value", "yet to come"] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(told.contains("1 record in the metrics topic that no metrics reporter writes"), "{told}");
}

#[test]
fn no_mutilated_stream_panics_or_gives_a_figure_that_is_none() {
    let good = [
        record(record::TOPIC_BYTES_IN, NOW_MS, 1, Some(("a_b", None)), 1_000.0),
        record(record::PARTITION_SIZE, NOW_MS, 2, Some(("a_b", Some(2))), 1e300),
        record(record::BROKER_CPU_UTIL, NOW_MS, 1, None, 7.0),
        record(record::TOPIC_BYTES_OUT, i64::MAX, i32::MAX, Some(("a_b", None)), f64::MAX),
    ];
    let mut state = 5_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound.max(1)
    };
    for _ in 0..150 {
        let mut reported = Reported::within(0, NOW_MS + 300_000);
        for bytes in &good {
            let mut bytes = bytes.clone();
            let at = below(bytes.len());
            bytes[at] = u8::try_from(below(256)).unwrap();
            reported.take(&bytes);
            reported.take(bytes.as_slice());
        }
        let (snapshot, _) = snapshot_of(&Observed { reported: Some(reported), ..observed() });
        for partition in &snapshot.partitions {
            assert!((0.0..=FIGURE_MAX as f64).contains(&partition.bytes_in_per_sec));
            assert!((0.0..=FIGURE_MAX as f64).contains(&partition.bytes_out_per_sec));
        }
        assert!(snapshot.brokers.iter().all(|b| b.cpu_utilization.is_none_or(|share| (0.0..=1.0).contains(&share))));
        assert!(snapshot.replicas.iter().all(|replica| replica.size_bytes <= FIGURE_MAX));
    }
}
