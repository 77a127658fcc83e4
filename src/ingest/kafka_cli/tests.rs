//! Whole captures into snapshots: golden outputs, figures worked out by hand, and mutilated files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod captures;
mod eras;
mod fuzz;
mod measured;

use std::path::{Path, PathBuf};

use super::*;
use crate::ingest::{render, snapshot_dir};
use crate::model::{Partition, Replica};

/// A file of fixtures/kafka-cli.
fn fixture(name: &str) -> Source {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kafka-cli").join(name);
    Source { path: PathBuf::from(name), text: std::fs::read_to_string(path).unwrap() }
}

/// Topics and log dirs alone.
fn sources(topics: Source, log_dirs: Source) -> Sources {
    Sources {
        topics,
        log_dirs: vec![log_dirs],
        configs: Vec::new(),
        brokers: Some(fixture("healthy/brokers.txt")),
        reassignments: None,
        quotas: Vec::new(),
        metrics: Vec::new(),
        inventory: None,
        cluster_id: None,
        cluster_id_file: Some(fixture("healthy/cluster-id.txt")),
        captured_at: "2026-11-21T05:14:22Z".to_owned(),
        kafka_version: Some("4.3.1".to_owned()),
        statistic: Statistic::P95,
        metric_names: Vec::new(),
        measured: None,
        catalogue: Catalogue::builtin(),
    }
}

/// A directory of fixtures/kafka-cli.
fn capture(name: &str) -> Sources {
    sources(fixture(&format!("{name}/topics.txt")), fixture(&format!("{name}/log-dirs.txt")))
}

fn healthy() -> Sources {
    Sources {
        configs: ["broker-configs-1", "broker-configs-dynamic", "topic-configs"]
            .map(|file| fixture(&format!("healthy/{file}.txt")))
            .to_vec(),
        reassignments: Some(fixture("healthy/reassignments.txt")),
        ..capture("healthy")
    }
}

fn metric(name: &str) -> MetricSource {
    MetricSource { file: fixture(&format!("metrics/{name}")), ..MetricSource::default() }
}

/// The imported snapshot, after the reader of snapshot directories found nothing to object to in what is written of it.
fn imported(sources: &Sources) -> Imported {
    let imported = import(sources).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for file in render::snapshot_files(&imported.snapshot) {
        std::fs::write(dir.path().join(file.path), file.bytes).unwrap();
    }
    let (mut read, _) = snapshot_dir::read(dir.path(), &sources.catalogue).unwrap();
    read.cluster.sha256 = String::new();
    if imported.snapshot.brokers.iter().all(|b| b.machine_model.is_none()) {
        assert!(read == imported.snapshot, "what is written must read back as the same");
    }
    imported
}

/// All files of the snapshot and the summary, for golden outputs.
fn golden(imported: &Imported) -> String {
    let mut text = String::new();
    for file in render::snapshot_files(&imported.snapshot) {
        text += &format!("== {}\n{}\n", file.path.display(), String::from_utf8(file.bytes).unwrap());
    }
    text + &format!("== summary\n{}\n== warnings\n{}\n", imported.summary, imported.summary.warnings)
}

fn find<'s>(snapshot: &'s Snapshot, topic: &str, number: u32) -> &'s Partition {
    let topic = snapshot.topic_by_name(topic).unwrap();
    snapshot.partition(snapshot.partition_by_number(topic, number).unwrap())
}

/// The replica of a partition on a broker.
fn replica<'s>(snapshot: &'s Snapshot, topic: &str, number: u32, broker: i32) -> &'s Replica {
    let rows = find(snapshot, topic, number).replica_rows();
    let on_broker = |r: &&Replica| snapshot.broker(r.broker).id == broker;
    snapshot.replicas[rows].iter().find(on_broker).unwrap()
}

/// Where it lies.
fn dir_of<'s>(snapshot: &'s Snapshot, replica: &Replica) -> Option<&'s str> {
    replica.log_dir.map(|dir| snapshot.log_dir(dir).path.as_str())
}
