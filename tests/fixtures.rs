//! The committed fixtures are what the commands in fixtures/README.md write, byte for byte.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::{SynthFaults, SynthSpec, snapshot_dir, synthesize};
use evenkeel::model::{Placement, Policy, Rule};
use evenkeel::verify::assess;

/// The files of a directory by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

#[test]
fn the_demo_is_read_back_as_it_was_made_without_a_warning() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let (mut read, warnings) = snapshot_dir::read(&demo, &Catalogue::builtin()).unwrap();
    assert!(warnings.list.is_empty(), "{warnings}");
    read.cluster.sha256.clear();
    let faults = SynthFaults { draining: 1, offline_dirs: 1, rack_violations: 6, ..SynthFaults::default() };
    let base = SynthSpec { brokers: 24, partitions: 1_000, racks: 3, seed: 7, ..SynthSpec::default() };
    assert_eq!(read, synthesize(&SynthSpec { log_dirs: 3, drift: 0.6, faults, ..base }).unwrap());
}

#[test]
fn the_demo_shows_what_rebalancing_is_for() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let (snapshot, _) = snapshot_dir::read(&demo, &Catalogue::builtin()).unwrap();
    let judged = assess(&snapshot, &Policy::default(), &Placement::of(&snapshot));
    assert_eq!(judged.hard_count(Rule::Rack), 6);
    assert!(judged.hard_count(Rule::InactiveBroker) > 0 && judged.hard_count(Rule::OfflineLogDir) > 0);
    for (goal, balance) in &judged.balance["default"] {
        assert!(balance.outside > 0, "{} is in balance already", goal.name());
    }
}

#[test]
fn every_fixture_is_what_its_documented_command_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("fixtures/README.md")).unwrap();
    let commands: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("evenkeel ")).collect();
    assert!(!commands.is_empty(), "fixtures/README.md names no command");
    for command in commands {
        let (arguments, committed) = command.split_once(" --out ").unwrap();
        let out = tempfile::tempdir().unwrap();
        let made = out.path().join("snapshot");
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .args(arguments.split(' '))
            .arg("--out")
            .arg(&made)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let (made, mut committed) = (files(&made), files(&root.join(committed)));
        // Written by hand, as fixtures/README.md says.
        committed.remove("clients.csv");
        assert_eq!(made.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>(), "{command}");
        for (name, bytes) in &made {
            assert!(committed[name] == *bytes, "{name} differs from what this writes: evenkeel {command}");
        }
    }
}
