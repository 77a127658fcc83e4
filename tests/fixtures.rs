//! The committed fixtures are what the commands in fixtures/README.md write, byte for byte.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of a directory by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
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
        let status = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .args(arguments.split(' '))
            .arg("--out")
            .arg(&made)
            .status()
            .unwrap();
        assert!(status.success(), "{command}: {status}");
        let (made, committed) = (files(&made), files(&root.join(committed)));
        assert_eq!(made.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>(), "{command}");
        for (name, bytes) in &made {
            assert!(committed[name] == *bytes, "{name} differs from what this writes: evenkeel {command}");
        }
    }
}
