//! A real Kafka of the ZooKeeper era: what `snapshot kafka` captures is what its tools say and what `snapshot kafka-cli`
//! makes of their output; a plan is carried out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;
#[path = "support/tools_output.rs"]
mod tools_output;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::snapshot_dir;
use evenkeel::model::Snapshot;
use support::lab::Lab;
use support::observed::{Observed, observe};
use tempfile::TempDir;
use tools_output::tools_output;

/// The last version of which ZooKeeper alone holds the metadata.
const VERSION: &str = "2.8.2";

/// What each log dir can hold: Kafka before 3.3 does not tell.
const LOG_DIR_CAPACITY_BYTES: u64 = 4_000_000;

struct Site {
    lab: Lab,
    work: TempDir,
}

#[test]
fn a_cluster_of_the_zookeeper_era_is_captured_alike_by_both_ways_and_a_plan_carried_out() {
    let site =
        Site { lab: Lab::start(&[("KLAB_KAFKA", VERSION), ("KLAB_BROKERS", "3")]), work: TempDir::new().unwrap() };
    // Broker 3 has nothing but what is well placed.
    for (name, assignment, partitions) in [("orders", "1:2,1:2,1:2,1:2,1:2,1:2", 6), ("audit.log-7", "1:3,2:3,3:1", 3)]
    {
        let settings = ["--config", "retention.ms=86400000"];
        site.lab.run(
            "topics",
            &[&["--create", "--topic", name, "--replica-assignment", assignment], &settings[..]].concat(),
        );
        site.lab.produce((0..partitions).map(|p| (name.to_owned(), p, 200_000 + 10_000 * p as usize)));
    }

    let told = site.capture("live");
    assert!(told.contains("brokers tell them from Kafka 3.3 on"), "{told}");
    let live = site.read("live");
    let said = observe(&site.lab.run("topics", &["--describe"]), &site.lab.run("log-dirs", &["--describe"]));
    assert_eq!(live.partitions.len(), said.len());
    for (name, number) in said.keys() {
        assert_eq!(observed(&live, name, *number), said[&(name.clone(), *number)], "{name}-{number}");
    }
    assert_eq!(live.racks, ["rack-1", "rack-2", "rack-3"]);
    let dirs: Vec<&str> = live.log_dirs[..2].iter().map(|dir| dir.path.as_str()).collect();
    assert_eq!(dirs, [site.lab.log_dir(1, 1), site.lab.log_dir(1, 2)]);

    tools_output(&site.lab, &site.path("tools"), &[("cluster-id", "cluster", &["cluster-id"])]);
    site.evenkeel(&["snapshot", "kafka-cli", "--dir", &site.text("tools"), "--out", &site.text("cli")], 0);
    for file in ["brokers.csv", "log_dirs.csv", "topics.csv", "partitions.csv", "replicas.csv"] {
        let read = |dir: &str| fs::read_to_string(site.path(dir).join(file)).unwrap();
        assert_eq!(read("live"), read("cli"), "{file}");
    }

    let inventory = format!("[[brokers]]\nids = \"all\"\nlog_dir_capacity_bytes = {LOG_DIR_CAPACITY_BYTES}\n");
    fs::write(site.path("inventory.toml"), inventory).unwrap();
    site.capture_with("before", &["--inventory", &site.text("inventory.toml")]);
    site.evenkeel(&["rebalance", &site.text("before"), "--out", &site.text("plan")], 0);
    let server = site.lab.bootstrap();
    let apply = ["apply", &site.text("before"), &site.text("plan"), "--bootstrap-server", &server, "--poll", "300ms"];
    let told = site.evenkeel(&[&apply[..], &["--throttle", "unlimited"]].concat(), 0);
    assert!(told.contains("applied: "), "{told}");
    let carried_out = site.path("plan").join("reassignment.json");
    let told = site.lab.run_on_file("reassign", &["--verify"], "--reassignment-json-file", &carried_out);
    assert!(told.contains("is complete") && !told.contains("in progress"), "{told}");
    site.capture("after");
    let after = site.read("after");
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(&carried_out).unwrap()).unwrap();
    let entries = plan["partitions"].as_array().unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        let found = observed(&after, entry["topic"].as_str().unwrap(), entry["partition"].as_u64().unwrap());
        assert_eq!(entry["replicas"], serde_json::json!(found.replicas), "{entry}");
        assert_eq!(entry["log_dirs"], serde_json::json!(found.log_dirs), "{entry}");
    }
}

/// A partition of a snapshot as `observe` has it.
fn observed(snapshot: &Snapshot, topic: &str, number: u64) -> Observed {
    let topic = snapshot.topic_by_name(topic).unwrap();
    let partition = snapshot.partition_by_number(topic, u32::try_from(number).unwrap()).unwrap();
    let leader = snapshot.partition(partition).leader.unwrap();
    let replicas = snapshot.replicas_of(partition);
    let id = |broker| u64::try_from(snapshot.broker(broker).id).unwrap();
    Observed {
        leader: id(leader),
        replicas: replicas.iter().map(|r| id(r.broker)).collect(),
        log_dirs: replicas.iter().map(|r| snapshot.log_dir(r.log_dir.unwrap()).path.clone()).collect(),
        in_sync: replicas.iter().filter(|r| r.in_sync).count(),
        size_bytes: replicas.iter().find(|r| r.broker == leader).unwrap().size_bytes,
    }
}

impl Site {
    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Runs the program; both outputs. Its exit status must be `status`.
    fn evenkeel(&self, args: &[&str], status: i32) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(args).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "evenkeel {args:?}\n{told}");
        told
    }

    fn capture(&self, name: &str) -> String {
        self.capture_with(name, &[])
    }

    fn capture_with(&self, name: &str, more: &[&str]) -> String {
        let (server, out) = (self.lab.bootstrap(), self.text(name));
        let args = ["snapshot", "kafka", "--bootstrap-server", &server, "--sample", "0s", "--out", &out];
        self.evenkeel(&[&args[..], more].concat(), 0)
    }

    fn read(&self, name: &str) -> Snapshot {
        snapshot_dir::read(&self.path(name), &Catalogue::builtin()).unwrap().0
    }
}
