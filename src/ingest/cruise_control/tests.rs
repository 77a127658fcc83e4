//! Saved answers into snapshots: a golden output, figures worked out by hand, contradictions, and mutilated files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use super::*;
use crate::ingest::{render, snapshot_dir};
use crate::model::{Broker, BrokerState, LogDirState};

fn fixture(name: &str) -> Source {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cruise-control").join(name);
    Source { path: PathBuf::from(name), text: std::fs::read_to_string(path).unwrap() }
}

fn sources() -> Sources {
    Sources {
        cluster_state: fixture("kafka_cluster_state.json"),
        partition_load: fixture("partition_load.json"),
        load: Some(fixture("load.json")),
        capacities: vec![fixture("capacityJBOD.json")],
        broker_sets: Some(fixture("brokerSets.json")),
        inventory: None,
        cluster_id: Some("MkU3OEVBNTcwNTJENDM2Qk".to_owned()),
        captured_at: "2026-11-21T05:14:22Z".to_owned(),
        kafka_version: None,
        catalogue: Catalogue::builtin(),
    }
}

/// The import, after the reader of snapshot directories took what is written of it.
fn imported(sources: &Sources) -> Imported {
    let imported = import(sources).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for file in render::snapshot_files(&imported.snapshot) {
        std::fs::write(dir.path().join(file.path), file.bytes).unwrap();
    }
    let (mut read, _) = snapshot_dir::read(dir.path(), &sources.catalogue).unwrap();
    read.cluster.sha256 = String::new();
    assert!(read == imported.snapshot, "what is written must read back as the same");
    imported
}

fn codes_of(sources: &Sources) -> Vec<&'static str> {
    let faults = import(sources).unwrap_err();
    faults.list.iter().filter(|f| f.code.starts_with('E')).map(|f| f.code).collect()
}

#[test]
fn saved_answers_give_this_snapshot() {
    let imported = imported(&sources());
    let mut text = String::new();
    for file in render::snapshot_files(&imported.snapshot) {
        text += &format!("== {}\n{}\n", file.path.display(), String::from_utf8(file.bytes).unwrap());
    }
    text += &format!("== summary\n{}\n== warnings\n{}\n", imported.summary, imported.summary.warnings);
    insta::assert_snapshot!(text);
}

#[test]
fn units_states_and_dirs_are_as_cruise_control_documents_them() {
    let snapshot = imported(&sources()).snapshot;
    let states: Vec<BrokerState> = snapshot.brokers.iter().map(|b| b.state).collect();
    assert_eq!(states, [BrokerState::Alive, BrokerState::Alive, BrokerState::Alive, BrokerState::Down]);
    // 512 KB/s and 1024 MB are 524,288 B/s and 2^30 bytes; 12.5 % of the broker's cores.
    let topic = snapshot.topic_by_name("orders").unwrap();
    let partition = snapshot.partition_by_number(topic, 0).unwrap();
    assert_eq!(snapshot.partition(partition).bytes_in_per_sec, 524_288.0);
    assert_eq!(snapshot.copy_size_bytes(partition), 1 << 30);
    let first = &snapshot.brokers[0];
    assert_eq!((first.cpu_cores, first.cpu_utilization), (Some(32.0), Some(0.125)));
    assert_eq!(first.measured_network_in_bytes_per_sec, Some((512.0 + 768.5) * 1024.0));
    assert_eq!(snapshot.log_dirs[0].capacity_bytes, Some(100_000 * 1_048_576));
    let offline = snapshot.log_dirs.iter().filter(|dir| dir.state == LogDirState::Offline).count();
    assert_eq!(offline, 1);
    // One dir of broker 0: replicas are on it. Two of broker 1: Cruise Control does not say which.
    let dirs: Vec<bool> = snapshot.replicas_of(partition).iter().map(|r| r.log_dir.is_some()).collect();
    assert_eq!(dirs, [true, false]);
}

#[test]
fn capacities_of_a_dir_follow_from_its_use_where_no_file_gives_them() {
    let snapshot = imported(&Sources { capacities: Vec::new(), ..sources() }).snapshot;
    // 1500 MB are 3 % of 50000 MB.
    let dir = snapshot.log_dir_by_path(snapshot.broker_by_id(1).unwrap(), "/data/a").unwrap();
    assert_eq!(snapshot.log_dir(dir).capacity_bytes, Some(50_000 * 1_048_576));
    assert_eq!(snapshot.brokers[0].cpu_cores, Some(16.0));
}

/// Version 2.0's `BasicStats` tells no capacities, racks or cores, and −1 % of a disk without a capacity.
#[test]
fn what_an_older_version_does_not_tell_is_left_empty() {
    let mut all = Sources { capacities: Vec::new(), broker_sets: None, ..sources() };
    let load = all.load.as_mut().unwrap();
    let mut told: serde_json::Value = serde_json::from_str(&load.text).unwrap();
    for broker in told["brokers"].as_array_mut().unwrap() {
        let broker = broker.as_object_mut().unwrap();
        for key in ["Rack", "DiskCapacityMB", "NetworkInCapacity", "NetworkOutCapacity", "NumCore"] {
            assert!(broker.remove(key).is_some(), "{key}");
        }
        broker.insert("DiskPct".to_owned(), (-1.0).into());
        for dir in broker["DiskState"].as_object_mut().unwrap().values_mut() {
            dir["DiskPct"] = (-1.0).into();
        }
    }
    load.text = told.to_string();
    let snapshot = imported(&all).snapshot;
    let hardware = |b: &Broker| (b.rack, b.cpu_cores, b.network_in_capacity_bytes_per_sec);
    assert!(snapshot.brokers.iter().all(|b| hardware(b) == (None, None, None)));
    assert!(snapshot.log_dirs.iter().all(|dir| dir.capacity_bytes.is_none()));
    assert_eq!(snapshot.brokers[0].cpu_utilization, Some(0.125));
    let states: Vec<BrokerState> = snapshot.brokers.iter().map(|b| b.state).collect();
    assert_eq!(states, [BrokerState::Alive, BrokerState::Alive, BrokerState::Alive, BrokerState::Down]);
}

#[test]
fn contradictions_are_refused_at_their_place() {
    let mut all = sources();
    all.cluster_state.text = all.cluster_state.text.replacen("\"leader\": 2,", "\"leader\": 7,", 1);
    let faults = import(&all).unwrap_err();
    let fault = faults.list.iter().find(|f| f.code == codes::CONTRADICTION).unwrap();
    assert!(fault.line.is_some_and(|line| line > 1) && fault.column.is_some(), "{fault}");
    assert!(fault.help.is_some());
}

#[test]
fn an_answer_that_is_not_verbose_is_incomplete() {
    let mut all = sources();
    all.cluster_state.text = all.cluster_state.text.replace("\"other\"", "\"others\"");
    assert!(codes_of(&all).contains(&codes::INCOMPLETE));
}

#[test]
fn progress_and_errors_are_told_from_answers() {
    let mut all = sources();
    all.partition_load.text = "{\"progress\":[{\"operation\":\"Load\"}],\"version\":1}".to_owned();
    assert_eq!(codes_of(&all), [codes::NOT_AN_ANSWER]);
    all.partition_load.text = "{\"errorMessage\":\"not enough valid windows\",\"version\":1}".to_owned();
    assert_eq!(codes_of(&all), [codes::NOT_AN_ANSWER]);
    all.partition_load.text = "{\n \"records\": [3]}".to_owned();
    let fault = &import(&all).unwrap_err().list[0];
    assert_eq!((fault.code, fault.line), (codes::SHAPE, Some(2)));
}

#[test]
fn capacity_files_that_differ_and_brokers_in_two_sets_are_refused() {
    let mut all = sources();
    let other = "{\"brokerCapacities\":[{\"brokerId\":\"0\",\"capacity\":{\"DISK\":\"7\",\"NW_IN\":\"-1\"}},\n\
                 {\"brokerId\":\"0\",\"capacity\":{\"DISK\":\"7\"}}]}";
    all.capacities.push(Source { path: PathBuf::from("capacity.json"), text: other.to_owned() });
    all.broker_sets.as_mut().unwrap().text =
        "{\"brokerSets\":[{\"brokerSetId\":\"a\",\"brokerIds\":[0]},{\"brokerSetId\":\"b\",\"brokerIds\":[0]}]}"
            .to_owned();
    assert_eq!(codes_of(&all), [codes::VALUE, codes::CONTRADICTION, codes::CONTRADICTION]);
}

/// A linear congruential generator (Knuth's MMIX constants): the same mutations on every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

#[test]
fn no_mutilated_answer_panics_or_gives_a_snapshot_that_does_not_read_back() {
    let splinters = ["-1", "1e308", "99999999999", "null", "{", "]", "\"", "é", "0", ",", "[]", "NaN", "\\"];
    let mut chance = Chance(11);
    let (mut refused, mut taken) = (0, 0);
    for case in 0..200 {
        let mut all = sources();
        let mut texts = vec![&mut all.cluster_state.text, &mut all.partition_load.text];
        texts.extend(all.load.iter_mut().map(|f| &mut f.text));
        texts.extend(all.capacities.iter_mut().map(|f| &mut f.text));
        texts.extend(all.broker_sets.iter_mut().map(|f| &mut f.text));
        let count = texts.len();
        let text = &mut *texts[case % count];
        let digits: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let digit = digits[chance.below(digits.len())];
        let at = chance.below(text.len());
        match chance.below(4) {
            0 => text.truncate(at),
            1 => text.insert_str(at, splinters[chance.below(splinters.len())]),
            2 => text.replace_range(digit..=digit, &chance.below(10).to_string()),
            _ => text.replace_range(digit..=digit, splinters[chance.below(splinters.len())]),
        }
        match import(&all) {
            Err(faults) => {
                assert!(faults.has_errors() && faults.list.iter().all(|f| f.help.is_some()), "{faults}");
                refused += 1;
            }
            Ok(_) => {
                imported(&all);
                taken += 1;
            }
        }
    }
    assert!(refused > 50 && taken > 20, "{refused} refused, {taken} taken");
}
