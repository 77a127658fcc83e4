//! Kafka's own `kafka-reassign-partitions --generate`, really run: release 2.8.2 against a ZooKeeper that holds the
//! compared cluster and no broker.
//!
//! That release still plans from ZooKeeper alone, so that a cluster of any size is a few lines there. What it does (replicas
//! round robin over the brokers of alternating racks, from a random start) is what later releases do. Input: a snapshot.
//! Output: a placement, the tool's seconds and its peak. Needs Java 17, Maven and, once, the network for Kafka's jars.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel::model::{LogDirIdx, Placement, Seat, Snapshot};
use serde_json::{Value, json};

use crate::cpu_seconds;
use crate::memory::status_mib;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/zookeeper/lab.sh");

/// The script's own limits of memory and of a node's size are for small clusters.
const JAVA_OPTIONS: &str = "-Xmx4g -Djute.maxbuffer=67108864";

/// A ZooKeeper of its own, which ends with it.
struct Lab {
    dir: PathBuf,
    port: u16,
}

impl Lab {
    fn start() -> Self {
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let lab = Self {
            dir: std::env::temp_dir().join(format!("evenkeel-peers-{}", std::process::id())),
            port: (27_000..28_000).find(is_free).unwrap(),
        };
        assert!(lab.command("start").stdout(Stdio::null()).status().unwrap().success(), "ZooKeeper did not start");
        lab
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(SCRIPT);
        command
            .arg(verb)
            .stdin(Stdio::null())
            .stderr(File::create(self.path("stderr")).map_or(Stdio::null(), Into::into));
        command.env("KLAB_DIR", &self.dir).env("KLAB_PORT", self.port.to_string()).env("KLAB_BROKERS", "0");
        command.env("KLAB_PARENT", std::process::id().to_string()).env("_JAVA_OPTIONS", JAVA_OPTIONS);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.command("stop").status().is_ok() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// What came of a run.
pub(crate) struct Run {
    pub(crate) placement: Placement,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mib: u64,
}

/// Why it cannot be run here; none where it can.
pub(crate) fn missing() -> Option<&'static str> {
    let is_there = |tool: &str| Command::new(tool).arg("-version").output().is_ok();
    if !is_there("java") {
        Some("Java is missing")
    } else if !is_there("mvn") {
        Some("Maven is missing")
    } else {
        None
    }
}

/// Has Kafka's tool plan for the topics that `excluded` does not name.
pub(crate) fn generate(snapshot: &Snapshot, excluded: &[bool]) -> Run {
    let lab = Lab::start();
    let commands = lab.path("commands");
    fs::write(&commands, nodes(snapshot)).unwrap();
    let mut load = lab.command("zookeeper");
    let loaded = load.stdin(File::open(&commands).unwrap()).stdout(Stdio::null()).status().unwrap();
    assert!(loaded.success(), "ZooKeeper took no cluster");
    let named = |(topic, _): (&evenkeel::model::Topic, &bool)| json!({ "topic": topic.name });
    let topics: Vec<Value> = snapshot.topics.iter().zip(excluded).filter(|(_, skip)| !**skip).map(named).collect();
    fs::write(lab.path("topics.json"), json!({ "version": 1, "topics": topics }).to_string()).unwrap();
    let cpu = cpu_seconds();
    let (said, seconds, peak_mib) = run(&lab, snapshot);
    let cpu_seconds = cpu_seconds() - cpu;
    let proposed = said.split("Proposed partition reassignment configuration").nth(1).unwrap();
    let plan: Value = serde_json::from_str(proposed.trim()).unwrap();
    Run { placement: placement(snapshot, &plan), seconds, cpu_seconds, peak_mib }
}

/// The lines that make ZooKeeper's shell write the cluster down.
fn nodes(snapshot: &Snapshot) -> Vec<u8> {
    let mut lines = Vec::new();
    for parent in ["/brokers", "/brokers/ids", "/brokers/topics"] {
        writeln!(lines, "create {parent} {{}}").unwrap();
    }
    for broker in &snapshot.brokers {
        let rack = broker.rack.map(|rack| rack.row().to_string());
        let row = json!({
            "listener_security_protocol_map": { "PLAINTEXT": "PLAINTEXT" },
            "endpoints": [format!("PLAINTEXT://127.0.0.1:{}", 1_000 + broker.id)],
            "rack": rack, "jmx_port": -1, "host": "127.0.0.1", "timestamp": "0", "port": 1_000 + broker.id, "version": 4,
        });
        writeln!(lines, "create /brokers/ids/{} {row}", broker.id).unwrap();
    }
    for topic in &snapshot.topics {
        let ids = |row: usize| {
            let replicas = &snapshot.replicas[snapshot.partitions[row].replica_rows()];
            let ids: Vec<i32> = replicas.iter().map(|r| snapshot.broker(r.broker).id).collect();
            (snapshot.partitions[row].number.to_string(), json!(ids))
        };
        let partitions: serde_json::Map<String, Value> = topic.partition_rows().map(ids).collect();
        let row = json!({ "version": 2, "partitions": partitions, "adding_replicas": {}, "removing_replicas": {} });
        writeln!(lines, "create /brokers/topics/{} {row}", topic.name).unwrap();
    }
    writeln!(lines, "quit").unwrap();
    lines
}

/// What the tool printed, its seconds, and the most memory that it took.
fn run(lab: &Lab, snapshot: &Snapshot) -> (String, f64, u64) {
    let ids: Vec<String> = snapshot.brokers.iter().map(|b| b.id.to_string()).collect();
    let mut command = lab.command("reassign");
    command.args(["--zookeeper", &format!("127.0.0.1:{}", lab.port), "--generate", "--topics-to-move-json-file"]);
    command.arg(lab.path("topics.json")).args(["--broker-list", &ids.join(",")]);
    let printed = lab.path("printed");
    let start = Instant::now();
    let mut child = command.stdout(File::create(&printed).unwrap()).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        peak = peak.max(java_mib(child.id()));
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.success(), "{}", fs::read_to_string(lab.path("stderr")).unwrap_or_default());
    (fs::read_to_string(&printed).unwrap(), seconds, peak)
}

/// The peak of the Java that the script started.
fn java_mib(script: u32) -> u64 {
    let children = fs::read_to_string(Path::new("/proc").join(format!("{script}/task/{script}/children")));
    let children = children.unwrap_or_default();
    children.split_whitespace().filter_map(|pid| status_mib(pid, "VmHWM")).max().unwrap_or(0)
}

/// The plan carried out, every preferred replica leading; what it does not name stays.
fn placement(snapshot: &Snapshot, plan: &Value) -> Placement {
    let mut placement = Placement::of(snapshot);
    for entry in plan["partitions"].as_array().unwrap() {
        let topic = snapshot.topics.iter().find(|t| t.name == entry["topic"].as_str().unwrap()).unwrap();
        let number = entry["partition"].as_u64().unwrap();
        let row = topic.partition_rows().find(|row| u64::from(snapshot.partitions[*row].number) == number).unwrap();
        let p = evenkeel::model::PartitionIdx::new(row);
        let seat = |id: &Value| {
            let broker = snapshot.broker_by_id(i32::try_from(id.as_i64().unwrap()).unwrap()).unwrap();
            let dir = snapshot.broker(broker).first_log_dir as usize;
            Seat { broker, log_dir: Some(LogDirIdx::new(dir)) }
        };
        let seats: Vec<Seat> = entry["replicas"].as_array().unwrap().iter().map(seat).collect();
        placement.seats_mut(p).copy_from_slice(&seats);
        placement.set_leader(p, Some(seats[0].broker));
    }
    placement
}
