//! The proof: a badly placed real Kafka cluster is captured with Kafka's own tools, planned for, and mended by feeding
//! the plan's files to those tools. What the plan promised must then be there, and the rollback must undo it all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::lab::{BROKERS, Lab};
use support::observed::{Key, Observed, observe};
use tempfile::TempDir;

/// What each log dir can hold: hardly more than the fullest of them has.
const LOG_DIR_CAPACITY_BYTES: u64 = 6_300_000;

/// Promised and measured excess may differ by this much: a copy's size differs from its original's by a few bytes.
const EXCESS_TOLERANCE: f64 = 0.005;

/// Movement is throttled as an operator would throttle it, in bytes per second, though far above what is moved.
const THROTTLE: &str = "100000000";

type Cluster = BTreeMap<Key, Observed>;

/// A topic of the scenario.
struct Topic {
    name: &'static str,
    partitions: u16,
    /// Brokers of a partition, the preferred leader first.
    replicas: fn(u16) -> Vec<u16>,
    /// Bytes produced to a partition.
    bytes: fn(u16) -> usize,
}

/// Two topics whose replicas share a rack and fill brokers 1 and 4; and one that is well placed, whose name looks like a
/// topic and partition. 29 MB in all.
const TOPICS: [Topic; 3] = [
    Topic { name: "orders", partitions: 12, replicas: |_| vec![1, 4, 2], bytes: |p| 300_000 + 20_000 * usize::from(p) },
    Topic { name: "clicks", partitions: 12, replicas: |_| vec![1, 4], bytes: |p| 400_000 + 20_000 * usize::from(p) },
    Topic {
        name: "audit.log-7",
        partitions: 6,
        replicas: |p| (p..p + 3).map(|b| b % BROKERS + 1).collect(),
        bytes: |_| 100_000,
    },
];

#[test]
fn a_real_cluster_gets_what_the_plan_promised_and_the_rollback_restores_it() {
    let lab = Lab::start(&[]);
    let work = TempDir::new().unwrap();
    let dir = |name: &str| work.path().join(name);
    place_badly(&lab, work.path());
    produce(&lab);

    let before = capture(&lab, &dir("capture-before"));
    assert_scenario(&lab, &before);
    snapshot(&dir("capture-before"), &dir("before"));
    let found = check(&dir("before"), 3);
    // Brokers 1 and 4 are overfull and so are both their dirs; broker 2 is not, but one of its dirs is.
    assert_eq!(found["hard"], json!({ "rack": 24, "disk_capacity": 2, "log_dir_capacity": 5 }));

    let plan_dir = dir("plan");
    let plan = rebalance(&dir("before"), &plan_dir);
    assert_eq!(plan["before"]["hard"], found["hard"]);
    assert_eq!(plan["after"]["hard"], json!({}));
    assert!(plan["movement"]["log_dir_moves"].as_u64() > Some(0), "{:#}", plan["movement"]);
    assert!(excess(&plan["after"]) < 0.1 * excess(&plan["before"]), "{:#}", plan["after"]);
    evenkeel(&["verify", &text(&dir("before")), &text(&plan_dir)], 0);

    for batch in batches(&plan_dir) {
        carry_out(&lab, &batch.join("reassignment.json"), &batch.join("leader-election.json"));
    }
    // The batches end at the plan: the whole of it asks for nothing more.
    carry_out(&lab, &plan_dir.join("reassignment.json"), &plan_dir.join("leader-election.json"));

    let after = capture(&lab, &dir("capture-after"));
    assert_carried_out(&plan_dir, &before, &after);
    snapshot(&dir("capture-after"), &dir("after"));
    assert_promise_kept(&plan["after"], &check(&dir("after"), 0));

    carry_out(&lab, &plan_dir.join("rollback.json"), &plan_dir.join("rollback-leader-election.json"));
    let restored = capture(&lab, &dir("capture-restored"));
    assert_eq!(placement(&restored), placement(&before));
    snapshot(&dir("capture-restored"), &dir("restored"));
    assert_eq!(check(&dir("restored"), 3)["hard"], found["hard"]);
}

// --- the scenario ---------------------------------------------------------------------------------------------------

/// Creates the topics and, while they are empty, says which log dirs they are in.
fn place_badly(lab: &Lab, work: &Path) {
    let mut entries = Vec::new();
    for (number, topic) in (0..).zip(&TOPICS) {
        let ids = |p| (topic.replicas)(p).iter().map(u16::to_string).collect::<Vec<_>>().join(":");
        let assignment = (0..topic.partitions).map(ids).collect::<Vec<_>>().join(",");
        lab.run("topics", &["--create", "--topic", topic.name, "--replica-assignment", &assignment]);
        for partition in 0..topic.partitions {
            let replicas = (topic.replicas)(partition);
            let log_dirs: Vec<String> =
                replicas.iter().map(|&broker| lab.log_dir(broker, disk(broker, number + partition))).collect();
            entries.push(json!({
                "topic": topic.name, "partition": partition, "replicas": replicas, "log_dirs": log_dirs
            }));
        }
    }
    let file = work.join("first-log-dirs.json");
    fs::write(&file, json!({ "version": 1, "partitions": entries }).to_string()).unwrap();
    reassign(lab, &file);
}

/// Broker 2 has about its share of bytes and all of them in one log dir: that is mended without another broker. The
/// others use their dirs in turn.
fn disk(broker: u16, turn: u16) -> u16 {
    if broker == 2 { 1 } else { turn % 2 + 1 }
}

fn produce(lab: &Lab) {
    let partitions = |topic: &'static Topic| {
        (0..topic.partitions).map(move |p| (topic.name.to_owned(), i32::from(p), (topic.bytes)(p)))
    };
    lab.produce(TOPICS.iter().flat_map(partitions));
}

/// The cluster is as badly off as the test means it to be.
fn assert_scenario(lab: &Lab, cluster: &Cluster) {
    assert_eq!(cluster.len(), TOPICS.iter().map(|t| usize::from(t.partitions)).sum::<usize>());
    for topic in &TOPICS {
        for partition in 0..topic.partitions {
            let found = &cluster[&(topic.name.to_owned(), u64::from(partition))];
            let placed = (topic.replicas)(partition).into_iter().map(u64::from).collect::<Vec<_>>();
            assert_eq!(found.replicas, placed, "{}-{partition}", topic.name);
            assert_eq!(found.in_sync, placed.len(), "{}-{partition}", topic.name);
            assert!(found.size_bytes as usize >= (topic.bytes)(partition), "{}-{partition}: {found:?}", topic.name);
        }
    }
    let full = lab.log_dir(2, 1);
    let used: u64 = cluster.values().filter(|p| p.log_dirs.contains(&full)).map(|p| p.size_bytes).sum();
    assert!(used > LOG_DIR_CAPACITY_BYTES * 8 / 10 && used <= LOG_DIR_CAPACITY_BYTES, "{full} holds {used} bytes");
}

// --- Kafka's side ---------------------------------------------------------------------------------------------------

/// The files of a capture, by the names that `snapshot kafka-cli --dir` documents, and the tools that write them.
const CAPTURE: [(&str, &str, &[&str]); 6] = [
    ("topics.txt", "topics", &["--describe"]),
    ("log-dirs.txt", "log-dirs", &["--describe"]),
    ("broker-configs.txt", "configs", &["--describe", "--all", "--entity-type", "brokers"]),
    ("reassignments.txt", "reassign", &["--list"]),
    ("brokers.txt", "cluster", &["list-endpoints"]),
    ("cluster-id.txt", "cluster", &["cluster-id"]),
];

/// Captures the cluster with Kafka's tools into files in `dir`.
fn capture(lab: &Lab, dir: &Path) -> Cluster {
    fs::create_dir(dir).unwrap();
    for (file, tool, args) in CAPTURE {
        fs::write(dir.join(file), lab.run(tool, args)).unwrap();
    }
    let read = |file: &str| fs::read_to_string(dir.join(file)).unwrap();
    observe(&read("topics.txt"), &read("log-dirs.txt"))
}

/// Executes a reassignment and the election that follows it, and waits until both are done.
fn carry_out(lab: &Lab, reassignment: &Path, election: &Path) {
    if !entries(reassignment).is_empty() {
        reassign(lab, reassignment);
    }
    if !entries(election).is_empty() {
        let args = ["--election-type", "preferred"];
        lab.run_on_file("leader-election", &args, "--path-to-json-file", election);
    }
}

/// Executes a reassignment and asks for its state until Kafka calls every part of it complete.
fn reassign(lab: &Lab, file: &Path) {
    let flag = "--reassignment-json-file";
    let throttles = ["--throttle", THROTTLE, "--replica-alter-log-dirs-throttle", THROTTLE];
    lab.run_on_file("reassign", &[&["--execute"], &throttles[..]].concat(), flag, file);
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let state = lab.run_on_file("reassign", &["--verify"], flag, file);
        let mut parts = state.lines().filter(|line| line.contains("eassignment of ") && !line.starts_with("Status of"));
        if parts.clone().next().is_some() && parts.all(|part| part.contains("complete")) {
            // Only a --verify that finds all complete takes the throttles away again.
            assert!(state.contains("Clearing broker-level throttles"), "{state}");
            return;
        }
        assert!(Instant::now() < deadline, "{} did not complete:\n{state}", file.display());
    }
}

fn entries(file: &Path) -> Vec<Value> {
    let json: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    json["partitions"].as_array().unwrap().clone()
}

// --- our side -------------------------------------------------------------------------------------------------------

/// Runs the program and returns what it printed; its exit status must be `status`.
fn evenkeel(args: &[&str], status: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(args).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "evenkeel {args:?}\n{stdout}\n{stderr}");
    stdout
}

/// Turns a capture into a snapshot; the inventory adds the capacities, which Kafka's tools do not tell.
fn snapshot(capture: &Path, out: &Path) {
    let inventory = format!("[[brokers]]\nids = \"all\"\nlog_dir_capacity_bytes = {LOG_DIR_CAPACITY_BYTES}\n");
    let file = capture.join("inventory.toml");
    fs::write(&file, inventory).unwrap();
    let (dir, file, out) = (text(capture), text(&file), text(out));
    evenkeel(&["snapshot", "kafka-cli", "--dir", &dir, "--inventory", &file, "--out", &out], 0);
}

fn check(snapshot: &Path, status: i32) -> Value {
    serde_json::from_str(&evenkeel(&["check", &text(snapshot), "--format", "json"], status)).unwrap()
}

fn rebalance(snapshot: &Path, out: &Path) -> Value {
    evenkeel(&["rebalance", &text(snapshot), "--out", &text(out)], 0);
    serde_json::from_slice(&fs::read(out.join("plan.json")).unwrap()).unwrap()
}

/// The plan's batches in order.
fn batches(plan_dir: &Path) -> Vec<PathBuf> {
    let list = fs::read_dir(plan_dir.join("batches")).unwrap();
    let mut batches: Vec<PathBuf> = list.map(|entry| entry.unwrap().path()).collect();
    batches.sort();
    assert!(!batches.is_empty(), "a plan that changes something has a batch");
    batches
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

// --- what was promised ----------------------------------------------------------------------------------------------

/// Who holds, where, and who leads: all that a plan decides.
fn placement(cluster: &Cluster) -> BTreeMap<&Key, (&[u64], &[String], u64)> {
    cluster.iter().map(|(key, p)| (key, (&p.replicas[..], &p.log_dirs[..], p.leader))).collect()
}

/// Every replica sits on the broker and log dir that `reassignment.json` named, what it does not name has not moved,
/// and everyone leads who was to be elected.
fn assert_carried_out(plan_dir: &Path, before: &Cluster, after: &Cluster) {
    let mut expected: BTreeMap<&Key, (Vec<u64>, Vec<String>)> =
        before.iter().map(|(key, p)| (key, (p.replicas.clone(), p.log_dirs.clone()))).collect();
    for entry in entries(&plan_dir.join("reassignment.json")) {
        let ids = entry["replicas"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
        let dirs = entry["log_dirs"].as_array().unwrap().iter().map(|dir| dir.as_str().unwrap().to_owned());
        *expected.get_mut(&key(&entry)).unwrap() = (ids, dirs.collect());
    }
    for (key, (replicas, log_dirs)) in expected {
        let found = &after[key];
        assert_eq!((&found.replicas, &found.log_dirs), (&replicas, &log_dirs), "{key:?}");
        assert_eq!(found.in_sync, replicas.len(), "{key:?}");
    }
    for entry in entries(&plan_dir.join("leader-election.json")) {
        let found = &after[&key(&entry)];
        assert_eq!(found.leader, found.replicas[0], "{entry}");
    }
}

fn key(entry: &Value) -> Key {
    (entry["topic"].as_str().unwrap().to_owned(), entry["partition"].as_u64().unwrap())
}

/// Counts are as promised exactly; figures made of bytes as near as copies resemble their originals.
fn assert_promise_kept(promised: &Value, found: &Value) {
    assert_eq!(found["hard"], json!({}));
    for goal in ["replicas", "leaders", "topic_spread"] {
        let of = |standing: &Value| standing["balance"]["default"][goal].clone();
        assert_ne!(of(promised), Value::Null, "{goal}");
        assert_eq!(of(found), of(promised), "{goal}");
    }
    let (promised_excess, found_excess) = (excess(promised), excess(found));
    let difference = (promised_excess - found_excess).abs();
    assert!(difference <= EXCESS_TOLERANCE, "promised an excess of {promised_excess}, found {found_excess}");
    assert_eq!(found["outside"], promised["outside"]);
}

fn excess(standing: &Value) -> f64 {
    standing["excess"].as_f64().unwrap_or_else(|| panic!("no excess in {standing:#}"))
}
