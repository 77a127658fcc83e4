//! `evenkeel forecast` as a user runs it, on the committed history.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).to_str().unwrap().to_owned()
}

fn forecast(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("evenkeel").unwrap().arg("forecast").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_worked_example_is_what_is_printed() {
    let (status, out, err) = forecast(&[&fixture("history")]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/forecast.md")).unwrap();
    assert!(page.contains(out.trim_end()), "docs/forecast.md does not show:\n{out}");
}

#[test]
fn json_is_the_same_at_any_thread_count_and_files_hold_it() {
    let snapshot = fixture("history");
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("forecast");
    let arguments = [&snapshot, "--format", "json", "--threshold", "disk=85%", "--horizon", "90d", "--threads"];
    let (status, one, _) = forecast(&[&arguments[..], &["1", "--out", out.to_str().unwrap()]].concat());
    let (_, three, _) = forecast(&[&arguments[..], &["3"]].concat());
    assert_eq!((status, &one), (Some(0), &three));
    let json: serde_json::Value = serde_json::from_str(&one).unwrap();
    let disk = &json["series"][0];
    assert_eq!((&disk["goal"], &disk["threshold"]), (&"disk".into(), &0.85.into()));
    assert_eq!(disk["points"].as_array().unwrap().len(), 91);
    assert_eq!(fs::read_to_string(out.join("forecast.json")).unwrap(), one);
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("</html>"));
    let (again, _, err) = forecast(&[&snapshot, "--out", out.to_str().unwrap()]);
    assert_eq!(again, Some(2));
    assert!(err.contains("--force"), "{err}");
}

#[test]
fn without_a_history_the_way_to_one_is_said() {
    let (status, out, err) = forecast(&[&fixture("demo")]);
    assert_eq!((status, out.as_str()), (Some(2), ""));
    assert!(err.contains("there is no history.csv") && err.contains("docs/forecast.md"), "{err}");
    let (status, _, err) = forecast(&[&fixture("history"), "--threshold", "dsk=0.8"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("the nearest is disk"), "{err}");
}

/// Runs a command on the committed history; what it prints as JSON.
fn json(arguments: &[&str]) -> serde_json::Value {
    let output = Command::cargo_bin("evenkeel").unwrap().args(arguments).args(["--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_report_has_what_the_forecast_says() {
    let (snapshot, dir) = (fixture("history"), tempfile::tempdir().unwrap());
    let out = dir.path().join("report");
    let report = json(&["report", &snapshot, "--no-plan", "--out", out.to_str().unwrap()]);
    assert_eq!(report["forecast"], json(&["forecast", &snapshot]));
    assert!(report["not_evaluated"].as_array().unwrap().iter().all(|missing| missing["what"] != "forecast"));
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let page = read("report.html");
    assert!(page.contains("<h2>Forecast</h2>") && page.contains("Days to a limit") && page.contains("66–117"));
    assert!(read("report.md").contains("disk of group core reaches 80.0 % in 66–117 days (median 91)"));
    let table = read("tables/forecast.csv");
    assert_eq!(table.lines().count(), 1 + 10, "four goals and the full disk in each of two groups: {table}");
    let core = table.lines().find(|line| line.starts_with("core,disk,robust_trend,")).unwrap();
    assert!(core.contains(",0.8,66,91,117,4,"), "{core}");
}

#[test]
fn without_a_history_the_report_has_a_null_a_reason_and_the_same_files() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("report");
    let report = json(&["report", &fixture("contract-example"), "--no-plan", "--out", out.to_str().unwrap()]);
    assert!(report["forecast"].is_null());
    assert!(report["not_evaluated"].as_array().unwrap().iter().any(|missing| missing["what"] == "forecast"));
    assert_eq!(fs::read_to_string(out.join("tables/forecast.csv")).unwrap().lines().count(), 1);
    assert!(!fs::read_to_string(out.join("report.html")).unwrap().contains("Days to a limit"));
}

#[test]
fn added_brokers_gain_days_and_what_does_not_grow_says_so() {
    let (snapshot, dir) = (fixture("history"), tempfile::tempdir().unwrap());
    let out = dir.path().join("plan");
    let plan = json(&["expand", &snapshot, "--add", "2/core", "--effort", "quick", "--out", out.to_str().unwrap()]);
    let days = |when: &str| plan["headroom_days"]["core"]["disk"][when].as_f64().unwrap();
    // Broker 4 at 73.6 % has 0.064 ÷ 0.736 of its load to go; the median grows from 73.4 % by 2.0 points in 30 days.
    assert!((80.0..=110.0).contains(&days("before")), "{}", days("before"));
    assert!(days("after") > 2.0 * days("before"), "{}", days("after"));
    assert!((days("after") - days("before") - days("gained")).abs() < 1e-6);
    let known = |group: &str, goal: &str| plan["headroom_days"][group][goal].is_object();
    let missing = plan["not_evaluated"].as_array().unwrap();
    for (group, goal) in ["analytics", "core"].into_iter().flat_map(|g| ["disk", "network_in", "cpu"].map(|o| (g, o))) {
        let what = format!("headroom_days.{group}.{goal}");
        assert_ne!(known(group, goal), missing.iter().any(|entry| entry["what"] == what.as_str()), "{what}");
    }
}

#[test]
fn a_fleet_has_the_days_to_the_first_limit() {
    let fleet = json(&["fleet", &fixture("history"), "--no-plan"]);
    assert_eq!(fleet["clusters"][0]["headroom_days"], 91.0);
    assert!(fleet["not_evaluated"].as_array().unwrap().iter().all(|entry| entry["what"] != "headroom_days"));
}
