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
