//! A real Kafka with a topic such as Cruise Control's metrics reporter writes: the rates, cpu use and sizes that
//! `snapshot kafka --cruise-control-metrics-topic` shows are those in its records. The reporter itself is in no public
//! repository of packages, so that the records are written here, by `MetricSerde`'s format.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this test needs a part of what end-to-end tests share")]
mod support;

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::snapshot_dir;
use evenkeel::model::Snapshot;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use support::lab::Lab;
use tempfile::TempDir;

/// Ids of `RawMetricType`.
const TOPIC_BYTES_IN: u8 = 2;
const TOPIC_BYTES_OUT: u8 = 3;
const BROKER_CPU_UTIL: u8 = 5;
/// One more than the enum has.
const OF_A_LATER_VERSION: u8 = 63;

const METRICS_TOPIC: &str = "__CruiseControlMetrics";

/// A record's bytes, as `MetricSerde.toBytes` has them.
fn encode(metric: u8, time_ms: i64, broker: i32, topic: Option<&str>, value: f64) -> Vec<u8> {
    let mut bytes = vec![u8::from(topic.is_some()), 0, metric];
    bytes.extend(time_ms.to_be_bytes());
    bytes.extend(broker.to_be_bytes());
    if let Some(name) = topic {
        bytes.extend(i32::try_from(name.len()).unwrap().to_be_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes.extend(value.to_be_bytes());
    bytes
}

/// Writes records to `to` as the reporter does: compressed with gzip, keyed by topic, with the metric's time as the record's.
fn report(bootstrap: &str, to: &str, records: &[(i64, Option<&str>, Vec<u8>)]) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("acks", "all").set("compression.codec", "gzip");
    let producer: BaseProducer = config.create().unwrap();
    for (time_ms, topic, bytes) in records {
        let key = topic.unwrap_or("broker");
        let record = BaseRecord::to(to).key(key).payload(bytes).timestamp(*time_ms);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(60)).unwrap();
}

/// Two reports of each of the brokers 1…3, of which the second has three times the first one's traffic.
fn records() -> Vec<(i64, Option<&'static str>, Vec<u8>)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = i64::try_from(now.as_millis()).unwrap();
    let mut records = Vec::new();
    let mut add = |metric, time_ms, broker, topic: Option<&'static str>, value| {
        records.push((time_ms, topic, encode(metric, time_ms, broker, topic, value)));
    };
    for broker in 1..=3 {
        let share = f64::from(broker);
        // Beyond the window, and as much as nobody writes.
        add(TOPIC_BYTES_IN, now_ms - 3_600_000, broker, Some("shop_orders"), 1e12);
        for (back_ms, factor) in [(150_000, 1.0), (90_000, 3.0)] {
            // Metrics have underscores for a topic's dots.
            add(TOPIC_BYTES_IN, now_ms - back_ms, broker, Some("shop_orders"), 1_000.0 * share * factor);
            add(TOPIC_BYTES_OUT, now_ms - back_ms, broker, Some("shop_orders"), 500.0 * share * factor);
            add(BROKER_CPU_UTIL, now_ms - back_ms, broker, None, 0.1 * share * factor);
            add(OF_A_LATER_VERSION, now_ms - back_ms, broker, None, 1.0);
        }
    }
    add(TOPIC_BYTES_IN, now_ms - 90_000, 1, Some("clicks"), 40_000.0);
    records
}

/// Runs the program; both outputs. Its exit status must be `status`.
fn evenkeel(args: &[&str], status: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(args).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert_eq!(output.status.code(), Some(status), "evenkeel {args:?}\n{told}");
    told
}

fn rates(snapshot: &Snapshot, topic: &str) -> Vec<(f64, f64, f64)> {
    let index = snapshot.topic_by_name(topic).unwrap();
    let rows = snapshot.partition_indices().filter(|partition| snapshot.partition(*partition).topic == index);
    rows.map(|partition| {
        let row = snapshot.partition(partition);
        (row.bytes_in_per_sec, row.bytes_out_per_sec, snapshot.copy_size_bytes(partition) as f64)
    })
    .collect()
}

fn assert_near(found: f64, wanted: f64, what: &str) {
    assert!((found - wanted).abs() <= wanted * 1e-9, "{what}: {found}, not {wanted}");
}

#[test]
fn a_snapshot_shows_the_rates_that_the_metrics_reporter_wrote() {
    let lab = Lab::start(&[("KLAB_BROKERS", "3")]);
    let env = lab.run("env", &[]);
    let bootstrap = env.lines().find_map(|line| line.strip_prefix("BOOTSTRAP=")).unwrap();
    for (topic, assignment) in
        [("shop.orders", "1:2,2:3,3:1"), ("clicks", "1:2,1:3"), ("quiet", "2:3"), (METRICS_TOPIC, "1,2,3,1")]
    {
        lab.run("topics", &["--create", "--topic", topic, "--replica-assignment", assignment]);
    }
    let data = [("shop.orders", 0, 50_000), ("clicks", 0, 100_000), ("clicks", 1, 300_000)];
    lab.produce(data.map(|(topic, partition, bytes)| (topic.to_owned(), partition, bytes)));
    let records = records();
    report(bootstrap, METRICS_TOPIC, &records);

    let work = TempDir::new().unwrap();
    let out = work.path().join("snapshot").display().to_string();
    let args =
        ["snapshot", "kafka", "--bootstrap-server", bootstrap, "--sample", "0s", "--window", "10m", "--out", &out];
    let told = evenkeel(&[&args[..], &["--cruise-control-metrics-topic"]].concat(), 0);
    assert!(told.contains("6 records of metric 63 in the metrics topic"), "{told}");
    assert!(!told.contains("what consumers read: counts as 0, for no offset"), "{told}");

    let snapshot = snapshot_dir::read(work.path().join("snapshot").as_path(), &Catalogue::builtin()).unwrap().0;
    for (broker, (bytes_in, bytes_out, _)) in (1..).zip(rates(&snapshot, "shop.orders")) {
        assert_near(bytes_in, 2_000.0 * f64::from(broker), "bytes in");
        assert_near(bytes_out, 1_000.0 * f64::from(broker), "bytes out");
    }
    let clicks = rates(&snapshot, "clicks");
    let size: f64 = clicks.iter().map(|(_, _, size)| size).sum();
    assert!(clicks[1].2 > 2.5 * clicks[0].2, "{clicks:?}");
    for (bytes_in, _, own) in clicks {
        assert_near(bytes_in, 40_000.0 * own / size, "bytes in by size");
    }
    assert_eq!(rates(&snapshot, "quiet")[0].0, 0.0);
    for (id, broker) in (1..).zip(&snapshot.brokers) {
        assert_near(broker.cpu_utilization.unwrap(), 0.2 * f64::from(id), "cpu");
    }
    assert_eq!(snapshot.cluster.window.as_ref().unwrap().statistic.name(), "mean");

    // Brokers may compress anew what they are sent: gzip first, zstd from half of the records on, with the same figures.
    lab.run("topics", &["--create", "--topic", "zipped", "--replica-assignment", "1"]);
    let (gzip, zstd) = records.split_at(records.len() / 2);
    report(bootstrap, "zipped", gzip);
    let to_zstd = ["--alter", "--entity-type", "topics", "--entity-name", "zipped", "--add-config"];
    lab.run("configs", &[&to_zstd[..], &["compression.type=zstd"]].concat());
    report(bootstrap, "zipped", zstd);
    let zipped = work.path().join("zipped").display().to_string();
    let args =
        ["snapshot", "kafka", "--bootstrap-server", bootstrap, "--sample", "0s", "--window", "20m", "--out", &zipped];
    evenkeel(&[&args[..], &["--cruise-control-metrics-topic", "zipped"]].concat(), 0);
    let again = snapshot_dir::read(work.path().join("zipped").as_path(), &Catalogue::builtin()).unwrap().0;
    assert_eq!(rates(&again, "shop.orders"), rates(&snapshot, "shop.orders"));
    assert_eq!(rates(&again, "clicks"), rates(&snapshot, "clicks"));
    let cpu = |snapshot: &Snapshot| snapshot.brokers.iter().map(|b| b.cpu_utilization).collect::<Vec<_>>();
    assert_eq!(cpu(&again), cpu(&snapshot));

    // That there is no such topic is told, and it is not created by being asked for.
    let none = work.path().join("none").display().to_string();
    let args = ["snapshot", "kafka", "--bootstrap-server", bootstrap, "--sample", "0s", "--out", &none];
    let told = evenkeel(&[&args[..], &["--cruise-control-metrics-topic", "metrics"]].concat(), 1);
    assert!(told.contains("metrics") && told.contains("help: --cruise-control-metrics-topic"), "{told}");
    assert!(!work.path().join("none").exists());
    assert!(!lab.run("topics", &["--list"]).lines().any(|topic| topic == "metrics"));
}
