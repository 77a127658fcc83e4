//! A real Prometheus that scrapes a real Kafka's JMX exporter while somebody writes at a known rate: what
//! `snapshot kafka --prometheus` and `snapshot kafka-cli --prometheus` measure is that rate.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "other tests use more of what is shared")]
mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::{history, snapshot_dir};
use evenkeel::model::{Metric, Snapshot, Statistic};
use support::lab::Lab;
use tempfile::TempDir;

/// What is written to partition 0 and 1 of the topic each second; nothing to the third.
const WRITTEN: [usize; 2] = [300_000, 100_000];

/// Long enough that the window is full of writing, whatever a busy machine does.
const WRITING: Duration = Duration::from_secs(62);

const WINDOW: &str = "45s";

#[test]
fn a_producers_rate_is_what_prometheus_measures() {
    let Some(binary) = binary() else {
        eprintln!("SKIPPED: there is no prometheus on PATH; ./dev setup fetches one");
        return;
    };
    let lab = Lab::start(&[("KLAB_JMX", "1")]);
    lab.run("topics", &["--create", "--topic", "orders", "--replica-assignment", "1:2,2:3,3:1"]);
    lab.run("topics", &["--create", "--topic", "idle", "--replica-assignment", "4:5"]);
    let work = TempDir::new().unwrap();
    let site = Site { prometheus: Prometheus::start(&binary, &lab, work.path()), lab, work };
    site.prometheus.wait();
    write_steadily(&site.lab);

    let mean = site.snapshot("mean", &["--statistic", "mean", "--history", "40s", "--history-step", "10s"]);
    close(&mean, "mean", 1.0, 0.15);
    let written = WRITTEN.iter().sum::<usize>() as f64;
    let by_partition: Vec<f64> = orders(&mean);
    for (found, expected) in by_partition.iter().zip(WRITTEN) {
        assert!((found / expected as f64 - 1.0).abs() < 0.15, "{by_partition:?}");
    }
    assert!(by_partition[2] < 0.05 * written, "{by_partition:?}");
    assert_eq!(mean.cluster.window.as_ref().unwrap().statistic, Statistic::Mean);
    // Two replicas: one copy comes from the producer, one from the leader.
    let received: f64 = mean.brokers.iter().filter_map(|b| b.measured_network_in_bytes_per_sec).sum();
    assert!((received / (2.0 * written) - 1.0).abs() < 0.15, "{received}");
    let leaders: Vec<bool> = mean.brokers.iter().map(|b| b.cpu_utilization.is_some_and(|u| u > 0.0)).collect();
    assert_eq!(leaders, [true; 6]);
    let (past, _) = history::read(&site.path("mean"), &mean).unwrap();
    let past = past.unwrap();
    let whole = past.of(Metric::BytesIn).find(|s| s.subject.broker_id.is_none() && s.subject.topic.is_none()).unwrap();
    assert!(whole.values.len() >= 3 && whole.values.iter().all(|v| (v / written - 1.0).abs() < 0.5), "{whole:?}");

    // The busiest moments carry more than the mean, and not by much where writing is steady.
    let p95 = site.snapshot("p95", &["--history", "40s", "--history-step", "10s", "--history-format", "parquet"]);
    let names = ["history.csv", "history.parquet"].map(|name| site.path("p95").join(name).exists());
    assert_eq!(names, [false, true]);
    let past = history::read(&site.path("p95"), &p95).unwrap().0.unwrap();
    assert!(past.of(Metric::BytesIn).any(|s| s.subject.topic.as_deref() == Some("orders")), "{past:?}");
    assert_eq!(p95.cluster.window.as_ref().unwrap().statistic, Statistic::P95);
    close(&p95, "p95", 1.1, 0.25);
    let told = fs::read_to_string(site.path("p95.log")).unwrap();
    assert!(told.contains("what producers write to 1 topic, not measured (idle)"), "{told}");

    // What Kafka's tools print and Prometheus together.
    for (tool, file) in [("topics", "topics.txt"), ("log-dirs", "log-dirs.txt")] {
        fs::create_dir_all(site.path("capture")).unwrap();
        fs::write(site.path("capture").join(file), site.lab.run(tool, &["--describe"])).unwrap();
    }
    let capture = site.path("capture").display().to_string();
    let arguments = ["snapshot", "kafka-cli", "--dir", &capture, "--metrics", "jmx-exporter", "--statistic", "max"];
    let offline = site.run(&arguments, "offline", &site.prometheus.url(), 0);
    close(&offline, "kafka-cli", 1.15, 0.3);

    // Refused, and nobody there.
    let told = site.refused(&format!("{}/nothing", site.prometheus.url()));
    assert!(told.contains("status 404") && told.contains("help: give the address before /api/v1"), "{told}");
    let told = site.refused("http://127.0.0.1:1");
    assert!(told.contains("http://127.0.0.1:1/api/v1/query: ") && told.contains("help: check the address"), "{told}");
}

fn write_steadily(lab: &Lab) {
    let start = Instant::now();
    let mut seconds = 0;
    while start.elapsed() < WRITING {
        lab.produce((0..).zip(WRITTEN).map(|(partition, bytes)| ("orders".to_owned(), partition, bytes)));
        seconds += 1;
        std::thread::sleep(Duration::from_secs(seconds).saturating_sub(start.elapsed()));
    }
}

fn orders(snapshot: &Snapshot) -> Vec<f64> {
    let is_orders = |topic| snapshot.topic(topic).name == "orders";
    snapshot.partitions.iter().filter(|p| is_orders(p.topic)).map(|p| p.bytes_in_per_sec).collect()
}

/// The topic's rate is `factor` times what is written, give or take.
fn close(snapshot: &Snapshot, what: &str, factor: f64, tolerance: f64) {
    let written = WRITTEN.iter().sum::<usize>() as f64 * factor;
    let measured: f64 = orders(snapshot).iter().sum();
    assert!((measured / written - 1.0).abs() < tolerance, "{what}: {measured} of {written} bytes/s");
}

/// Debian's binary, or the one that `./dev setup` unpacked.
fn binary() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/prometheus/usr/bin/prometheus");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join("prometheus"));
    on_path.chain([unpacked]).find(|file| file.is_file())
}

struct Site {
    // Dropped in this order: what scrapes ends before what is scraped.
    prometheus: Prometheus,
    lab: Lab,
    work: TempDir,
}

impl Site {
    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn snapshot(&self, out: &str, further: &[&str]) -> Snapshot {
        let bootstrap = self.lab.bootstrap();
        let arguments = ["snapshot", "kafka", "--bootstrap-server", &bootstrap];
        self.run(&[&arguments[..], further].concat(), out, &self.prometheus.url(), 0)
    }

    fn run(&self, arguments: &[&str], out: &str, url: &str, status: i32) -> Snapshot {
        let output = self.evenkeel(arguments, out, url, status);
        fs::write(self.path(&format!("{out}.log")), &output.stdout).unwrap();
        snapshot_dir::read(&self.path(out), &Catalogue::builtin()).unwrap().0
    }

    fn refused(&self, url: &str) -> String {
        let bootstrap = self.lab.bootstrap();
        let output = self.evenkeel(&["snapshot", "kafka", "--bootstrap-server", &bootstrap], "none", url, 1);
        assert!(!self.path("none").exists());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn evenkeel(&self, arguments: &[&str], out: &str, url: &str, status: i32) -> Output {
        let (config, inventory) = (self.path("prometheus.toml"), self.path("inventory.toml"));
        fs::write(&config, "step_seconds = 5\nattempts = 2\nmatch = { job = \"kafka\" }\n").unwrap();
        fs::write(&inventory, "[[brokers]]\nids = \"all\"\ncpu_cores = 16\n").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .args(arguments)
            .args(["--window", WINDOW, "--prometheus", url])
            .arg("--prometheus-config")
            .arg(&config)
            .arg("--inventory")
            .arg(&inventory)
            .arg("--out")
            .arg(self.path(out))
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{arguments:?}:\n{said}");
        output
    }
}

/// A Prometheus of this test's own, ended with it.
struct Prometheus {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Prometheus {
    fn start(binary: &Path, lab: &Lab, work: &Path) -> Self {
        let env = lab.run("env", &[]);
        let exporters = env.lines().find_map(|line| line.strip_prefix("EXPORTERS=")).unwrap();
        let target = |(id, address): (u16, &str)| {
            format!("      - targets: [\"{address}\"]\n        labels: {{ broker: \"{id}\" }}\n")
        };
        let targets = (1..).zip(exporters.split(',')).map(target);
        let config = work.join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 2s\n  scrape_timeout: 2s\nscrape_configs:\n  - job_name: kafka\n    \
             static_configs:\n{}",
            targets.collect::<String>()
        );
        fs::write(&config, text).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = work.join("prometheus.log");
        let child = Command::new(binary)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", work.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, port, log }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || fs::read_to_string(&self.log).unwrap();
            assert!(start.elapsed() < Duration::from_secs(60), "Prometheus does not serve:\n{}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
