//! `rebalance --frontier`, `rebalance --replication-factor` and `explain`, end to end on the fixtures.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn fixture(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "fixtures", name].iter().collect();
    path.to_str().unwrap().to_owned()
}

/// Exit status, stdout, stderr.
fn evenkeel(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("evenkeel").unwrap().args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_frontier_is_written_beside_the_plan_and_its_last_point_is_the_plan() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("plan");
    let snapshot = fixture("demo");
    let quick = ["--effort", "quick", "--time-limit", "20m", "--format", "json"];
    let args = [&["rebalance", &snapshot, "--frontier", "3", "--out", text(&out)], &quick[..]].concat();
    let (status, stdout, _) = evenkeel(&args);
    assert_eq!(status, 0);
    let plan = json(&stdout);
    let points = plan["frontier"].as_array().unwrap();
    let last = points.last().unwrap();
    assert_eq!(last["inter_broker_bytes"], plan["movement"]["inter_broker_bytes"]);
    assert_eq!(last["excess"], plan["after"]["excess"]);
    assert_eq!(std::fs::read_to_string(out.join("frontier.csv")).unwrap().lines().count(), points.len() + 1);
    assert!(std::fs::read_to_string(out.join("report.html")).unwrap().contains("id=\"frontier-title\""));
    // A point in between is had again by its budget.
    if let Some(budget) = points[0]["max_moved_bytes"].as_u64() {
        let again = dir.path().join("again");
        let budget = budget.to_string();
        let args =
            [&["rebalance", &snapshot, "--max-moved-bytes", &budget, "--out", text(&again)], &quick[..]].concat();
        let plan = json(&evenkeel(&args).1);
        assert_eq!(plan["movement"]["inter_broker_bytes"], points[0]["inter_broker_bytes"]);
        assert_eq!(plan["after"]["excess"], points[0]["excess"]);
    }
}

#[test]
fn a_frozen_topic_gets_the_factor_that_is_asked_for_by_name_and_verify_takes_the_plan() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("plan");
    let snapshot = fixture("demo");
    let topics = ["--topics", "__consumer_offsets", "--topics", "clicks.*"];
    let asked = ["rebalance", &snapshot, "--replication-factor", "4", "--effort", "quick", "--out", text(&out)];
    let (_, stdout, _) = evenkeel(&[&asked[..], &topics, &["--format", "json"]].concat());
    let plan = json(&stdout);
    assert_eq!(plan["replication"]["factor"], 4);
    assert_eq!(plan["replication"]["partitions_kept"], 0);
    let added = plan["replication"]["replicas_added"].as_u64().unwrap();
    let csv = std::fs::read_to_string(out.join("moves.csv")).unwrap();
    assert_eq!(csv.lines().filter(|line| line.contains(",replica,,,")).count() as u64, added);
    let (_, stdout, _) = evenkeel(&["verify", &snapshot, text(&out), "--format", "json"]);
    let judged = json(&stdout);
    assert_eq!(judged["faults"].as_array().unwrap(), &Vec::<Value>::new());
    assert_eq!(judged["movement"]["inter_broker_bytes"], plan["movement"]["inter_broker_bytes"]);
}

#[test]
fn a_factor_that_cannot_be_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("plan");
    for (factor, word) in [("24", "23 active brokers"), ("1", "min.insync.replicas 2")] {
        let snapshot = fixture("demo");
        let args = ["rebalance", &snapshot, "--replication-factor", factor, "--topics", "clicks.*"];
        let (status, _, stderr) = evenkeel(&[&args[..], &["--out", text(&out)]].concat());
        assert_eq!(status, 2);
        assert!(stderr.contains(word), "{stderr}");
        assert!(!out.exists());
    }
}

#[test]
fn explain_reads_a_plan_or_searches_and_refuses_what_it_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("plan");
    let (snapshot, other) = (fixture("contract-example"), fixture("demo"));
    evenkeel(&["rebalance", &snapshot, "--out", text(&out)]);
    let read = evenkeel(&["explain", &snapshot, "orders-0", "--plan", text(&out), "--format", "json"]);
    let searched = evenkeel(&["explain", &snapshot, "orders-0", "--format", "json"]);
    assert_eq!(read, searched, "the plan and the search that made it tell the same");
    let told = json(&read.1);
    assert_eq!(told["partition"], "orders-0");
    assert_eq!(told["replicas"].as_array().unwrap().len(), 2);
    let (status, _, stderr) = evenkeel(&["explain", &snapshot, "order-0"]);
    assert_eq!(status, 2);
    assert!(stderr.contains("the nearest is orders"), "{stderr}");
    let (status, _, stderr) = evenkeel(&["explain", &other, "clicks.raw-0", "--plan", text(&out)]);
    assert_eq!(status, 2);
    assert!(stderr.contains("made for another snapshot"), "{stderr}");
}

#[test]
fn optional_goals_are_in_every_figure_and_their_plan_stands_up_to_verify() {
    let dir = tempfile::tempdir().unwrap();
    let (out, policy) = (dir.path().join("plan"), dir.path().join("policy.toml"));
    let bands = "[bands]\ndisk_writes = 0.15\nlog_dir_writes = 0.3\nleaders_per_topic = 0.25\nscatter_width = 6\n";
    std::fs::write(&policy, bands).unwrap();
    let snapshot = fixture("failure");
    let tail = ["--policy", text(&policy), "--format", "json"];
    let check = json(&evenkeel(&[&["check", &snapshot], &tail[..]].concat()).1);
    let goals = ["disk_writes", "log_dir_writes", "leaders_per_topic", "scatter_width"];
    assert!(goals.iter().all(|goal| check["balance"]["default"][goal]["excess"].is_number()), "{check}");
    let quick = ["--effort", "quick", "--out", text(&out)];
    let (status, stdout, _) = evenkeel(&[&["rebalance", &snapshot], &quick[..], &tail[..]].concat());
    assert_eq!(status, 0);
    let plan = json(&stdout);
    assert!(goals.iter().all(|goal| plan["policy"]["bands"][goal].as_f64().is_some_and(|band| band > 0.0)));
    assert!(plan["after"]["excess"].as_f64().unwrap() < plan["before"]["excess"].as_f64().unwrap());
    let width = |when: &str| plan[when]["balance"]["default"]["scatter_width"]["excess"].as_f64().unwrap();
    assert!(width("after") < width("before"), "{} → {}", width("before"), width("after"));
    let chance = |when: &str| plan["copysets"][when]["p_any_lost_at_size"].as_f64().unwrap();
    assert!(chance("after") < chance("before"), "{} → {}", chance("before"), chance("after"));
    let (status, stdout, _) = evenkeel(&[&["verify", &snapshot, text(&out)], &tail[..]].concat());
    let verified = json(&stdout);
    assert_eq!((status, &verified["faults"]), (0, &json("[]")));
    assert_eq!(verified["after"]["balance"], plan["after"]["balance"]);
}
