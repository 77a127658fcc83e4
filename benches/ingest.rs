//! How fast a large snapshot is read, and in how much memory.
//!
//! `cargo bench --bench ingest` times reading 335,000 partitions with 1,000,000 replicas, plain and gzipped. The limits
//! are 2 s and 250 bytes of peak memory per replica (contract: issue A, item 2).
//!
//! `cargo bench --bench ingest -- --memory` reads the plain snapshot once in a process of its own and prints what its
//! peak resident memory rose by, per replica. It reads `VmHWM` from `/proc/self/status`, so that it works on Linux alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark may fail loudly")]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use criterion::Criterion;
use evenkeel::ingest::catalogue::Catalogue;
use evenkeel::ingest::snapshot_dir;

const BROKERS: usize = 300;
const DIRS: usize = 4;
const TOPICS: usize = 2_000;
const PARTITIONS: usize = 335_000;
const REPLICAS: usize = 1_000_000;

/// Writes the snapshot's files; partitions have 3 replicas, the last few 2, so that there are exactly [`REPLICAS`].
fn write_snapshot(dir: &Path) {
    fs::write(
        dir.join("cluster.toml"),
        "format = 1\ncluster_id = \"bench\"\ncaptured_at = \"2026-11-20T12:00:00Z\"\nsource = \"bench\"\n",
    )
    .unwrap();
    let mut brokers = String::from("broker_id,rack,state,cpu_cores\n");
    let mut log_dirs = String::from("broker_id,log_dir,capacity_bytes,state\n");
    for broker in 0..BROKERS {
        writeln!(brokers, "{broker},rack-{},alive,32", broker % 3).unwrap();
        for d in 0..DIRS {
            writeln!(log_dirs, "{broker},/var/lib/kafka/data{d},8000000000000,online").unwrap();
        }
    }
    let mut topics = String::from("topic,min_insync_replicas\n");
    let mut partitions =
        String::from("topic,partition,leader,bytes_in_per_sec,bytes_out_per_sec,messages_in_per_sec\n");
    let mut replicas = String::from("topic,partition,position,broker_id,log_dir,size_bytes,in_sync\n");
    let two = PARTITIONS * 3 - REPLICAS;
    for topic in 0..TOPICS {
        let name = format!("team-{}.events.topic-{topic:05}", topic % 40);
        writeln!(topics, "{name},2").unwrap();
        let first = topic * PARTITIONS / TOPICS;
        for at in first..(topic + 1) * PARTITIONS / TOPICS {
            let (number, leader) = (at - first, at * 7 % BROKERS);
            writeln!(partitions, "{name},{number},{leader},{}.25,{}.5,{}", at % 999_983, at % 99_991, at % 9_973)
                .unwrap();
            for position in 0..if at + two >= PARTITIONS { 2 } else { 3 } {
                let (broker, dir) = ((leader + position * 101) % BROKERS, at % DIRS);
                let size = 1_000_000_000 + at * 7919 % 90_000_000_000;
                writeln!(replicas, "{name},{number},{position},{broker},/var/lib/kafka/data{dir},{size},true").unwrap();
            }
        }
    }
    for (name, text) in [
        ("brokers.csv", brokers),
        ("log_dirs.csv", log_dirs),
        ("topics.csv", topics),
        ("partitions.csv", partitions),
        ("replicas.csv", replicas),
    ] {
        fs::write(dir.join(name), text).unwrap();
    }
}

/// Replaces the large tables by gzipped ones.
fn compress(dir: &Path) {
    for name in ["partitions.csv", "replicas.csv"] {
        let file = fs::File::create(dir.join(format!("{name}.gz"))).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        encoder.write_all(&fs::read(dir.join(name)).unwrap()).unwrap();
        encoder.finish().unwrap();
        fs::remove_file(dir.join(name)).unwrap();
    }
}

fn read(dir: &Path) -> usize {
    match snapshot_dir::read(dir, &Catalogue::builtin()) {
        Ok((snapshot, _)) => snapshot.replicas.len(),
        Err(faults) => panic!("{faults}"),
    }
}

/// The most memory that this process has had, in bytes.
fn peak_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

fn print_memory(dir: &Path) {
    let before = peak_bytes();
    assert_eq!(read(dir), REPLICAS);
    let peak = peak_bytes();
    println!(
        "peak {} MiB, {} MiB before reading: {:.1} bytes per replica",
        peak >> 20,
        before >> 20,
        (peak - before) as f64 / REPLICAS as f64
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // A process that wrote the files has had them in memory: reading is measured in a fresh one.
    if let [_, flag, dir, ..] = arguments.as_slice()
        && flag == "--memory-of"
    {
        return print_memory(Path::new(dir));
    }
    let dir = tempfile::tempdir().unwrap();
    write_snapshot(dir.path());
    if arguments.iter().any(|argument| argument == "--memory") {
        let child = std::process::Command::new(&arguments[0]).arg("--memory-of").arg(dir.path()).status().unwrap();
        return assert!(child.success());
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10))
        .configure_from_args();
    assert_eq!(read(dir.path()), REPLICAS);
    criterion.bench_function("read/1,000,000 replicas", |b| b.iter(|| read(black_box(dir.path()))));
    compress(dir.path());
    criterion.bench_function("read/1,000,000 replicas, gzipped", |b| b.iter(|| read(black_box(dir.path()))));
    criterion.final_summary();
}
