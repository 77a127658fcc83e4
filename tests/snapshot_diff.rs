//! `evenkeel snapshot diff` as an operator runs it: two snapshots in, what changed out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs `evenkeel snapshot diff`; its exit status, stdout and stderr.
fn diff(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("evenkeel").unwrap();
    let output = command.args(["snapshot", "diff"]).args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/contract-example")
}

/// The example with texts in its files exchanged, each of which must be there.
fn changed(changes: &[(&str, &str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for entry in fs::read_dir(example()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    for (file, from, to) in changes {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from:?} in {file}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
    dir
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn equal_snapshots_have_nothing_changed() {
    let same = changed(&[]);
    let (status, stdout, stderr) = diff(&[text(&example()), text(same.path())]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.starts_with("nothing changed\n"), "{stdout}");
    let (_, stdout, _) = diff(&[text(&example()), text(same.path()), "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["is_empty"], json!(true));
}

#[test]
fn moves_leaders_sizes_and_traffic_are_told_in_both_formats() {
    let after = changed(&[
        ("partitions.csv", "orders,0,1,20000000,40000000", "orders,0,2,30000000,40000000"),
        ("replicas.csv", "orders,1,1,3,/data1,350000000000", "orders,1,1,4,/data1,360000000000"),
        ("replicas.csv", "clicks,1,1,1,/data2,", "clicks,1,1,1,/data1,"),
        ("brokers.csv", "4,b,core,new,", "4,b,core,alive,"),
        ("topics.csv", "clicks,core,2", "clicks,core,1"),
        ("cluster.toml", "2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z"),
    ]);
    let args = [text(&example()).to_owned(), text(after.path()).to_owned()];
    let args = [args[0].as_str(), args[1].as_str()];
    let (status, stdout, stderr) = diff(&args);
    assert_eq!(status, 0, "differing is no failure: {stderr}");
    let headline = "1 replica moved between brokers (326 GiB), 1 leader changed, 0 brokers added and 0 removed";
    assert!(stdout.starts_with(headline), "{stdout}");
    for line in ["contract-example, 2026-11-20T12:00:00Z to 2026-11-21T12:00:00Z", "new → alive", "2 → 1", "orders"]
    {
        assert!(stdout.contains(line), "{line} in {stdout}");
    }

    let (status, stdout, _) = diff(&[&args[..], &["--format", "json"]].concat());
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &found["is_empty"]), (0, &json!(false)));
    assert_eq!(found["replicas"]["moved"][0]["from_broker"], json!(3));
    assert_eq!(found["replicas"]["moved"][0]["to_broker"], json!(4));
    assert_eq!(found["replicas"]["log_dir_moves"], json!(1));
    assert_eq!(found["partitions"]["leaders_changed"], json!(1));
    let state = json!({"broker_id": 4, "field": "state", "before": "new", "after": "alive"});
    assert_eq!(found["brokers"]["changed"], json!([state]));
    let orders = &found["traffic"][0];
    assert_eq!(orders["topic"], json!("orders"));
    assert_eq!(orders["bytes_in_per_sec"], json!({"before": 35_000_000.0, "after": 45_000_000.0}));
}

#[test]
fn the_order_of_rows_is_no_change_and_the_same_input_gives_the_same_bytes() {
    let after = changed(&[]);
    let path = after.path().join("replicas.csv");
    let table = fs::read_to_string(&path).unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    let reversed: Vec<&str> = rows.lines().rev().collect();
    fs::write(&path, format!("{header}\n{}\n", reversed.join("\n"))).unwrap();
    let (_, first, _) = diff(&[text(&example()), text(after.path()), "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap()["is_empty"], json!(true));
    assert_eq!(diff(&[text(&example()), text(after.path()), "--format", "json"]).1, first);
}

#[test]
fn bad_input_is_refused_by_place_whichever_snapshot_it_is_in() {
    let bad = changed(&[("replicas.csv", "/data1,490000000000", "/data9,490000000000")]);
    let (bad, good) = (text(bad.path()).to_owned(), example());
    for args in [[text(&good), &bad], [&bad, text(&good)]] {
        let (status, stdout, stderr) = diff(&args);
        assert_eq!((status, stdout.as_str()), (2, ""));
        assert!(stderr.contains("replicas.csv:3:") && stderr.contains("error[E"), "{stderr}");
        assert!(stderr.contains("help: "), "{stderr}");
    }
    let (status, _, stderr) = diff(&[text(&good), "/nowhere"]);
    assert_eq!(status, 2);
    assert!(stderr.contains("/nowhere: error[E100]"), "{stderr}");
    assert_eq!(diff(&[text(&good)]).0, 2, "both snapshots are needed");
}
