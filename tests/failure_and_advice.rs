//! `what-if failure` and `advise` as a user runs them, on the fixture of ten brokers with twelve log dirs each.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use serde_json::Value;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/failure");

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/contract-example");

fn evenkeel(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("evenkeel").unwrap();
    command.args(args);
    command
}

fn json(args: &[&str]) -> Value {
    let output = evenkeel(args).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

#[test]
fn three_log_dirs_of_a_hundred_and_twenty_are_counted_exactly() {
    let answer = json(&["what-if", "failure", SNAPSHOT, "--log-dirs", "3", "--format", "json"]);
    assert_eq!((answer["method"].as_str(), answer["cases"].as_u64()), (Some("exact"), Some(280_840)));
    // 400 partitions with three replicas apart: P · C(3,3) ÷ C(120,3).
    let expected = answer["expected_lost"].as_f64().unwrap();
    assert!((expected - 400.0 / 280_840.0).abs() < 1e-9, "{expected}");
    assert_eq!(answer["worst"][0]["failed"].as_array().unwrap().len(), 3);
    assert_eq!(answer["curve"].as_array().unwrap().len(), 4);
}

#[test]
fn a_sample_is_the_same_at_any_thread_count_and_holds_the_exact_chance() {
    let run = |threads| {
        let mut args = vec!["what-if", "failure", SNAPSHOT, "--brokers", "4", "--method", "monte-carlo"];
        args.extend(["--cases", "3000", "--seed", "5", "--format", "json", "--threads", threads]);
        evenkeel(&args).assert().success().get_output().stdout.clone()
    };
    let one = run("1");
    assert_eq!(one, run("4"));
    let sampled: Value = serde_json::from_slice(&one).unwrap();
    let exact = json(&["what-if", "failure", SNAPSHOT, "--brokers", "4", "--format", "json"]);
    for key in ["p_any_offline", "p_any_under_min_isr", "p_any_lost"] {
        let ends = |end: usize| sampled["ci95"][key][end].as_f64().unwrap();
        let p = exact[key].as_f64().unwrap();
        assert!(ends(0) - 1e-9 <= p && p <= ends(1) + 1e-9, "{key}: {p} {}", sampled["ci95"][key]);
    }
}

#[test]
fn what_cannot_fail_is_refused() {
    for (args, words) in [
        (vec!["--brokers", "11"], "11 brokers cannot fail: 10 are in service"),
        (vec!["--racks", "6"], "6 racks cannot fail: 5 are in service"),
        (vec!["--brokers", "0"], "say what fails"),
        (vec![], "--brokers"),
    ] {
        let refused = evenkeel(&[&["what-if", "failure", SNAPSHOT][..], &args].concat()).assert().code(2);
        let stderr = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
        assert!(stderr.contains(words), "{stderr}");
        assert!(refused.get_output().stdout.is_empty());
    }
}

#[test]
fn the_page_is_written_whole_or_not_at_all() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("risk");
    let args = ["what-if", "failure", SNAPSHOT, "--racks", "2", "--out", out.to_str().unwrap()];
    evenkeel(&args).assert().success();
    let page = std::fs::read_to_string(out.join("failure.html")).unwrap();
    assert!(page.contains("<svg class=\"chart\"") && out.join("failure.json").exists());
    evenkeel(&args).assert().code(2);
}

#[test]
fn quotas_are_advised_for_each_client() {
    let clients = format!("{SNAPSHOT}/clients.csv");
    let answer = json(&["advise", "quotas", SNAPSHOT, "--clients", &clients, "--format", "json"]);
    let share = answer["busiest_broker_share"]["produce"].as_f64().unwrap();
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 8, "four clients write, four read");
    let etl = findings.iter().find(|f| f["subject"] == "user etl" && f["setting"] == "producer_byte_rate").unwrap();
    let advised = etl["advised"].as_f64().unwrap();
    assert!((advised - (12e6 * share * 1.3)).abs() <= 1.0, "{advised}");
    assert!(etl["now"].is_null() && answer["not_evaluated"].as_array().unwrap().iter().any(|n| n["what"] == "now"));
}

#[test]
fn advice_is_written_as_a_page_with_a_chart() {
    let clients = format!("{SNAPSHOT}/clients.csv");
    for about in ["brokers", "topics", "quotas"] {
        let temp = tempfile::tempdir().unwrap();
        let out = temp.path().join("advice");
        // The other fixture has no topic to advise.
        let snapshot = if about == "topics" { EXAMPLE } else { SNAPSHOT };
        let mut args = vec!["advise", about, snapshot, "--format", "json", "--out", out.to_str().unwrap()];
        if about == "quotas" {
            args.extend(["--clients", &clients]);
        }
        let printed = evenkeel(&args).assert().success().get_output().stdout.clone();
        assert_eq!(std::fs::read(out.join("advice.json")).unwrap(), printed);
        let page = std::fs::read_to_string(out.join("advice.html")).unwrap();
        assert!(page.contains("<svg class=\"chart\"") && page.contains("Source: "), "{about}");
        assert!(!page.contains("<script"));
        evenkeel(&args).assert().code(2);
    }
}

#[test]
fn faults_of_the_clients_are_at_their_place() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("clients.csv");
    std::fs::write(&path, "user,produce_bytes_per_sec,consume_bytes_per_sec\na,1,2\nb,fast,2\n").unwrap();
    let refused = evenkeel(&["advise", "quotas", SNAPSHOT, "--clients", path.to_str().unwrap()]).assert().code(2);
    let stderr = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(
        stderr.contains("clients.csv:3:3: error[E111]: produce_bytes_per_sec \"fast\" is not a number"),
        "{stderr}"
    );
}

#[test]
fn brokers_and_topics_are_advised_with_a_source_each() {
    for about in ["brokers", "topics"] {
        let answer = json(&["advise", about, SNAPSHOT, "--format", "json"]);
        for finding in answer["findings"].as_array().unwrap() {
            assert!(!finding["source"].as_str().unwrap().is_empty() && !finding["why"].as_str().unwrap().is_empty());
        }
    }
}
