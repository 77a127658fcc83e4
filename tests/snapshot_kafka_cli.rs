//! `evenkeel snapshot kafka-cli` as an operator runs it: captures in, a snapshot directory out, faults by place.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kafka-cli").join(name)
}

/// Runs the program; its exit status, stdout and stderr.
fn evenkeel(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("evenkeel").unwrap().args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_captured_directory_becomes_a_snapshot_that_check_reads() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("snapshot");
    let (dir, inventory) = (fixture("offline-dir"), fixture("inventory.toml"));
    let args = ["snapshot", "kafka-cli", "--dir", text(&dir), "--inventory", text(&inventory), "--out", text(&out)];
    let (status, stdout, _) = evenkeel(&args);
    assert_eq!(status, 0);
    assert!(stdout.contains("12 log dirs (1 offline)"), "{stdout}");
    assert!(stdout.contains("3 replicas of broker 5 lie on /data/b5/disk2"), "{stdout}");
    let (status, json, _) = evenkeel(&["check", text(&out), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &report["hard"]["offline_log_dir"]), (3, &serde_json::json!(3)), "{json}");

    let (status, _, stderr) = evenkeel(&args);
    assert_eq!(status, 2, "an existing directory needs --force: {stderr}");
    assert_eq!(evenkeel(&[&args[..], &["--force", "--format", "json"]].concat()).0, 0);
}

#[test]
fn the_same_capture_gives_the_same_bytes() {
    let temp = tempfile::tempdir().unwrap();
    let dir = fixture("healthy");
    let [first, second] = ["a", "b"].map(|name| {
        let out = temp.path().join(name);
        let at = "2026-11-21T05:14:22Z";
        let scrapes = [fixture("metrics/broker-1.first.prom"), fixture("metrics/broker-1.second.prom")];
        let metrics = [text(&scrapes[0]), text(&scrapes[1])];
        let head =
            ["snapshot", "kafka-cli", "--dir", text(&dir), "--out", text(&out), "--captured-at", at, "--metrics"];
        assert_eq!(evenkeel(&[&head[..], &metrics].concat()).0, 0);
        ["brokers", "log_dirs", "topics", "partitions", "replicas"]
            .map(|table| std::fs::read_to_string(out.join(table).with_extension("csv")).unwrap())
    });
    assert_eq!(first, second);
    assert!(first[3].contains("orders,7,1,7500,1500,6"), "{}", first[3]);
}

#[test]
fn captured_quotas_are_written_and_advised_on() {
    let temp = tempfile::tempdir().unwrap();
    let (out, clients) = (temp.path().join("snapshot"), temp.path().join("clients.csv"));
    let (dir, quotas) = (fixture("3.9.1"), fixture("quotas/3.9.1.txt"));
    let args = ["snapshot", "kafka-cli", "--dir", text(&dir), "--quotas", text(&quotas), "--out", text(&out)];
    let (status, stdout, stderr) = evenkeel(&args);
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("quotas in force: 9 rows in quotas.csv"), "{stdout}");
    let row = "user,client_id,produce_bytes_per_sec,consume_bytes_per_sec\netl,load er,300000,0\n";
    std::fs::write(&clients, row).unwrap();
    let (status, json, _) =
        evenkeel(&["advise", "quotas", text(&out), "--clients", text(&clients), "--format", "json"]);
    assert_eq!(status, 0);
    let advice: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(advice["findings"][0]["now"], 1_048_576, "{advice}");
}

#[test]
fn faults_are_reported_by_place_and_nothing_is_written() {
    let temp = tempfile::tempdir().unwrap();
    let (topics, out) = (temp.path().join("topics.txt"), temp.path().join("snapshot"));
    let row = "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1,x\tIsr: 1\n";
    std::fs::write(&topics, format!("Topic: t\tPartitionCount: 1\tReplicationFactor: 2\tConfigs: \n{row}")).unwrap();
    let log_dirs = fixture("healthy/log-dirs.txt");
    let flags = ["--topics", text(&topics), "--log-dirs", text(&log_dirs), "--out", text(&out)];
    let (status, stdout, stderr) = evenkeel(&[&["snapshot", "kafka-cli"], &flags[..]].concat());
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert!(stderr.contains("topics.txt:2:46: error[E320]: Replicas holds \"x\""), "{stderr}");
    assert!(!out.exists());
}

#[test]
fn usage_is_refused_with_what_is_missing() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("snapshot");
    let (status, _, stderr) = evenkeel(&["snapshot", "kafka-cli", "--out", text(&out)]);
    assert_eq!(status, 2);
    assert!(stderr.contains("--dir"), "{stderr}");
    let (status, _, stderr) = evenkeel(&["snapshot", "kafka-cli", "--dir", text(temp.path()), "--out", text(&out)]);
    assert_eq!(status, 2);
    assert!(stderr.contains("topics.txt"), "{stderr}");
}

#[test]
fn the_help_holds_the_commands_to_capture_with() {
    let (status, stdout, _) = evenkeel(&["snapshot", "kafka-cli", "--help"]);
    assert_eq!(status, 0);
    for command in ["kafka-topics.sh", "kafka-log-dirs.sh", "--entity-type brokers", "query_range", "# scraped_at"] {
        assert!(stdout.contains(command), "{command}");
    }
}
