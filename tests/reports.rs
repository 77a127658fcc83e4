//! The committed sample reports are what the commands in reports/README.md write, byte for byte, and hold nothing of the
//! machine that wrote them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// All together; a repository is no place for more.
const MOST_BYTES: usize = 3_000_000;

/// The files below `folder` by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn every_sample_is_what_its_documented_command_writes() {
    let readme = fs::read_to_string("reports/README.md").unwrap();
    let commands: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("evenkeel ")).collect();
    assert!(commands.len() >= 3, "reports/README.md names {} commands", commands.len());
    for command in commands {
        let (arguments, committed) = command.split_once(" --out ").unwrap();
        let out = tempfile::tempdir().unwrap();
        let made = out.path().join("made");
        let mut program = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        let output = program.args(arguments.split(' ')).arg("--out").arg(&made).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let (made, committed) = (files(&made), files(Path::new(committed)));
        assert_eq!(
            made.keys().collect::<Vec<_>>(),
            committed.keys().collect::<Vec<_>>(),
            "{command}: run ./dev reports"
        );
        for (name, bytes) in &made {
            assert!(
                committed[name] == *bytes,
                "{name} differs from what this writes: evenkeel {command}; run ./dev reports"
            );
        }
    }
}

#[test]
fn samples_are_small_and_say_nothing_of_where_they_were_made() {
    let all = files(Path::new("reports"));
    let bytes: usize = all.values().map(Vec::len).sum();
    assert!(bytes < MOST_BYTES, "{bytes} bytes");
    let root = env!("CARGO_MANIFEST_DIR");
    for (name, bytes) in &all {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(root) && !text.contains("/tmp/") && !text.contains("/home/"), "{name} has a path in it");
    }
}

/// Runs `report` on the contract's example; its exit status and stdout.
fn report(arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let output = program.args(["report", "fixtures/contract-example"]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_is_printed_as_json_is_the_file_and_threads_change_nothing() {
    let out = tempfile::tempdir().unwrap();
    let (one, four) = (out.path().join("one"), out.path().join("four"));
    let run = |dir: &Path, threads: &str| {
        report(&["--format", "json", "--threads", threads, "--time-limit", "1h", "--out", dir.to_str().unwrap()])
    };
    let (status, printed, _) = run(&one, "1");
    assert_eq!(status, 0, "a report on a broken cluster is no failure");
    assert_eq!(printed, fs::read_to_string(one.join("report.json")).unwrap());
    assert_eq!(run(&four, "4").0, 0);
    assert_eq!(files(&one), files(&four));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let out = tempfile::tempdir().unwrap();
    let taken = out.path().to_str().unwrap();
    let (status, printed, message) = report(&["--out", taken]);
    assert_eq!((status, printed.as_str()), (2, ""));
    assert!(message.contains("--force"), "{message}");
    let fresh = out.path().join("fresh");
    for price in ["-1", "cheap", "NaN"] {
        let price = format!("--cross-rack-price={price}");
        let (status, _, message) = report(&[&price, "--out", fresh.to_str().unwrap()]);
        assert_eq!(status, 2, "{message}");
        assert!(message.contains("is no price; try 0.01") && !fresh.exists(), "{message}");
    }
}
