//! A sound directory, and one test per kind of fault: a sound directory with one thing changed.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::read;
use crate::ingest::catalogue::Catalogue;
use crate::ingest::fault::Faults;
use crate::model::{BrokerState, LogDirState, Reassignment, Snapshot, Statistic};

#[test]
fn what_disks_can_write_comes_from_the_row_or_the_machine_model() {
    let models = tempfile::tempdir().unwrap();
    let machine = "id = \"ours\"\n[[disk]]\ncount = 1\nsize_gib = 10\nwrite_mbps = 210\n";
    fs::write(models.path().join("ours.toml"), machine).unwrap();
    let dir = Dir::new();
    dir.put("brokers.csv", "broker_id,rack,state,machine_model\n1,a,alive,ours\n2,b,alive,ours\n3,c,alive,\n");
    let rows = "broker_id,log_dir,capacity_bytes,state,write_capacity_bytes_per_sec\n\
                1,/d,1000,online,\n2,/d,1000,online,5e7\n3,/d,1000,online,\n";
    dir.put("log_dirs.csv", rows);
    let (snapshot, warnings) = read(&dir.path(), &Catalogue::with_dir(models.path()).unwrap()).unwrap();
    assert_eq!(warnings, Faults::default());
    let rates: Vec<Option<f64>> = snapshot.log_dirs.iter().map(|d| d.write_capacity_bytes_per_sec).collect();
    assert_eq!(rates, [Some(210e6), Some(5e7), None]);
}

mod faults;
mod fuzz;
mod rows;

/// A snapshot directory that starts out sound, without a warning.
struct Dir {
    temp: tempfile::TempDir,
}

const CLUSTER: &str = "format = 1\ncluster_id = \"c\"\ncaptured_at = \"2026-11-20T12:00:00Z\"\nsource = \"test\"\nkafka_version = \"4.1.0\"\n";
const BROKERS: &str = "broker_id,rack,state\n1,a,alive\n2,b,alive\n3,c,alive\n";
const LOG_DIRS: &str = "broker_id,log_dir,capacity_bytes,state\n1,/d,1000,online\n2,/d,1000,online\n3,/d,1000,online\n";
const TOPICS: &str = "topic\nt\nu\n";
const PARTITIONS: &str = "topic,partition,leader,bytes_in_per_sec,bytes_out_per_sec,messages_in_per_sec\nt,0,1,10,20,1\nt,1,2,10,20,1\nu,0,3,1,2,1\n";
const REPLICAS: &str = "topic,partition,position,broker_id,log_dir,size_bytes,in_sync\n\
    t,0,0,1,/d,100,true\nt,0,1,2,/d,100,true\nt,1,0,2,/d,50,true\nt,1,1,3,/d,50,true\nu,0,0,3,/d,7,true\n";

impl Dir {
    fn new() -> Self {
        let dir = Self { temp: tempfile::tempdir().unwrap() };
        for (name, text) in [
            ("cluster.toml", CLUSTER),
            ("brokers.csv", BROKERS),
            ("log_dirs.csv", LOG_DIRS),
            ("topics.csv", TOPICS),
            ("partitions.csv", PARTITIONS),
            ("replicas.csv", REPLICAS),
        ] {
            dir.put(name, text);
        }
        dir
    }

    fn path(&self) -> PathBuf {
        self.temp.path().to_owned()
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.temp.path().join(name), bytes).unwrap();
        self
    }

    fn remove(&self, name: &str) -> &Self {
        fs::remove_file(self.temp.path().join(name)).unwrap();
        self
    }

    /// Replaces the first `from` in a file.
    fn edit(&self, name: &str, from: &str, to: &str) -> &Self {
        let text = fs::read_to_string(self.temp.path().join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        self.put(name, text.replacen(from, to, 1))
    }

    fn read(&self) -> Result<(Snapshot, Faults), Faults> {
        read(&self.path(), &Catalogue::builtin())
    }

    /// What is printed where the snapshot is refused.
    fn refusal(&self) -> String {
        self.read().unwrap_err().to_string()
    }

    /// What is printed along with a snapshot that is taken.
    fn warnings(&self) -> String {
        self.read().unwrap().1.to_string()
    }

    fn snapshot(&self) -> Snapshot {
        self.read().unwrap().0
    }
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn contract_example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/contract-example")
}

#[test]
fn a_sound_directory_has_no_faults() {
    let (snapshot, faults) = Dir::new().read().unwrap();
    assert_eq!(faults, Faults::default());
    assert_eq!((snapshot.brokers.len(), snapshot.log_dirs.len(), snapshot.topics.len()), (3, 3, 2));
    assert_eq!((snapshot.partitions.len(), snapshot.replicas.len()), (3, 5));
}

#[test]
fn the_contracts_example_is_read_as_it_says() {
    let (snapshot, faults) = read(&contract_example(), &Catalogue::builtin()).unwrap();
    let printed = faults.to_string();
    assert_eq!(
        printed,
        "partitions.csv:1:1: warning[W103]: messages_in_per_sec is unknown for 7 of 7 partitions and counts as 0 there\n  \
         help: add messages_in_per_sec from your metrics, or expect loads that are too low"
    );
    assert_eq!(snapshot.cluster.cluster_id, "contract-example");
    let window = snapshot.cluster.window.as_ref().unwrap();
    assert_eq!((window.statistic, window.end.as_str()), (Statistic::P95, "2026-11-20T12:00:00Z"));
    assert_eq!(snapshot.racks, ["a", "b", "c"]);
    assert_eq!(snapshot.groups, ["core", "online"]);
    assert_eq!(snapshot.brokers.len(), 7);
    assert_eq!((snapshot.brokers[6].group, snapshot.brokers[4].state), (None, BrokerState::Dead));
    assert_eq!(snapshot.brokers[4].cpu_utilization, None);
    assert_eq!(snapshot.log_dirs[3].state, LogDirState::Offline);
    assert_eq!(snapshot.log_dirs[4].other_used_bytes, 50_000_000_000);
    let names: Vec<&str> = snapshot.topics.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["clicks", "lost", "orders", "pay"]);
    let orders = snapshot.partition_by_number(snapshot.topic_by_name("orders").unwrap(), 2).unwrap();
    assert_eq!(snapshot.partition(orders).leader, snapshot.broker_by_id(3));
    assert_eq!(snapshot.replicas_of(orders)[1].size_bytes, 100_000_000_000);
    assert!(!snapshot.replicas_of(orders)[1].in_sync);
    let lost = snapshot.partition_by_number(snapshot.topic_by_name("lost").unwrap(), 0).unwrap();
    assert_eq!(snapshot.partition(lost).leader, None);
}

#[test]
fn the_hash_is_of_all_files_as_stored_in_name_order() {
    use sha2::{Digest, Sha256};
    let dir = Dir::new();
    dir.put("history.csv", "timestamp,metric,value\n")
        .put("clients.csv.gz", gzipped("user\n"))
        .put("notes.txt", "mine");
    dir.remove("topics.csv").put("topics.csv.gz", gzipped(TOPICS));
    let mut hasher = Sha256::new();
    for name in [
        "brokers.csv",
        "clients.csv.gz",
        "cluster.toml",
        "history.csv",
        "log_dirs.csv",
        "partitions.csv",
        "replicas.csv",
        "topics.csv.gz",
    ] {
        hasher.update(fs::read(dir.path().join(name)).unwrap());
    }
    let wanted: String = hasher.finalize().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(dir.snapshot().cluster.sha256, wanted);
}

#[test]
fn compressed_tables_read_the_same() {
    let plain = Dir::new().snapshot();
    let dir = Dir::new();
    for (name, text) in [("partitions", PARTITIONS), ("replicas", REPLICAS)] {
        dir.remove(&format!("{name}.csv")).put(&format!("{name}.csv.gz"), gzipped(text));
    }
    let mut compressed = dir.snapshot();
    assert_ne!(compressed.cluster.sha256, plain.cluster.sha256);
    compressed.cluster.sha256.clone_from(&plain.cluster.sha256);
    assert_eq!(compressed, plain);
}

#[test]
fn the_order_of_rows_and_columns_does_not_matter() {
    let dir = Dir::new();
    dir.put(
        "replicas.csv",
        "in_sync,size_bytes,log_dir,broker_id,position,partition,topic\n\
         true,7,/d,3,0,0,u\ntrue,50,/d,3,1,1,t\ntrue,50,/d,2,0,1,t\ntrue,100,/d,2,1,0,t\ntrue,100,/d,1,0,0,t\n",
    );
    dir.put("brokers.csv", "state,broker_id,rack\nalive,3,c\nalive,1,a\nalive,2,b\n");
    let mut shuffled = dir.snapshot();
    let plain = Dir::new().snapshot();
    shuffled.cluster.sha256.clone_from(&plain.cluster.sha256);
    assert_eq!(shuffled, plain);
}

#[test]
fn byte_order_marks_crlf_quotes_blanks_and_blank_lines_are_taken() {
    let dir = Dir::new();
    dir.put("topics.csv", "\u{feff}topic\r\n\r\nt\r\n u \r\n");
    dir.put(
        "brokers.csv",
        "\"broker_id\", rack ,state,host\n1,\"a\",alive,\"x, \"\"y\"\"\"\n\n2, b,alive,\n3,c,alive,  \n",
    );
    dir.put("replicas.csv", REPLICAS.replace('\n', "\r\n"));
    let snapshot = dir.snapshot();
    assert_eq!(snapshot.topics[1].name, "u");
    assert_eq!(snapshot.racks, ["a", "b", "c"]);
    assert_eq!(snapshot.brokers[0].host.as_deref(), Some("x, \"y\""));
    assert_eq!(snapshot.brokers[2].host, None);
    assert_eq!(snapshot.replicas.len(), 5);
}

#[test]
fn all_optional_values_are_read() {
    let dir = Dir::new();
    dir.put(
        "brokers.csv",
        "broker_id,rack,resource_group,state,machine_model,host,cpu_cores,cpu_utilization,\
         network_in_capacity_bytes_per_sec,network_out_capacity_bytes_per_sec,measured_network_in_bytes_per_sec,\
         measured_network_out_bytes_per_sec\n1,a,g,alive,,h,8,0.5,1e9,2e9,1.5,2.5\n2,,,draining,,,,,,,,\n3,,,down,,,,,,,,\n",
    );
    dir.put(
        "topics.csv",
        "topic,resource_group,min_insync_replicas,cleanup_policy,retention_ms,retention_bytes\n\
         t,g,2,\"compact,delete\",-1,9223372036854775807\nu,,,,60000,-1\n",
    );
    dir.edit("replicas.csv", "in_sync\n", "in_sync,reassignment\n");
    let rows = fs::read_to_string(dir.path().join("replicas.csv")).unwrap().replace(",true\n", ",true,\n");
    dir.put("replicas.csv", rows.replacen(",true,\n", ",false,adding\n", 1)).edit(
        "replicas.csv",
        "t,1,0,2,/d",
        "t,1,0,2,",
    );
    let snapshot = dir.snapshot();
    let broker = &snapshot.brokers[0];
    assert_eq!((broker.cpu_cores, broker.cpu_utilization, broker.host.as_deref()), (Some(8.0), Some(0.5), Some("h")));
    assert_eq!(broker.network_in_capacity_bytes_per_sec, Some(1e9));
    assert_eq!(broker.network_out_capacity_bytes_per_sec, Some(2e9));
    assert_eq!(broker.measured_network_in_bytes_per_sec, Some(1.5));
    assert_eq!(broker.measured_network_out_bytes_per_sec, Some(2.5));
    let states: Vec<BrokerState> = snapshot.brokers.iter().map(|b| b.state).collect();
    assert_eq!(states, [BrokerState::Alive, BrokerState::Draining, BrokerState::Down]);
    let topic = &snapshot.topics[0];
    assert_eq!((topic.min_insync_replicas, topic.cleanup_policy.as_deref()), (Some(2), Some("compact,delete")));
    assert_eq!((topic.retention_ms, topic.retention_bytes), (Some(-1), Some(i64::MAX)));
    assert_eq!(topic.group, snapshot.brokers[0].group);
    assert_eq!(snapshot.replicas[0].reassignment, Some(Reassignment::Adding));
    assert_eq!((snapshot.replicas[0].in_sync, snapshot.replicas[1].in_sync), (false, true));
    assert_eq!(snapshot.replicas[2].log_dir, None);
}

#[test]
fn missing_capacities_come_from_the_machine_model() {
    let dir = Dir::new();
    dir.put(
        "brokers.csv",
        "broker_id,state,machine_model,cpu_cores\n1,alive,i3en.6xlarge,20\n2,alive,i3en.6xlarge,\n3,alive,,\n",
    );
    dir.put(
        "log_dirs.csv",
        "broker_id,log_dir,state,capacity_bytes\n1,/d,online,\n2,/d,online,5\n2,/e,online,\n3,/d,online,\n",
    );
    let (snapshot, faults) = dir.read().unwrap();
    assert_eq!(faults, Faults::default());
    let cores: Vec<Option<f64>> = snapshot.brokers.iter().map(|b| b.cpu_cores).collect();
    assert_eq!(cores, [Some(20.0), Some(24.0), None]);
    assert_eq!(snapshot.brokers[1].network_in_capacity_bytes_per_sec, Some(3_125_000_000.0));
    assert_eq!(snapshot.brokers[1].network_out_capacity_bytes_per_sec, Some(3_125_000_000.0));
    let sizes: Vec<Option<u64>> = snapshot.log_dirs.iter().map(|d| d.capacity_bytes).collect();
    assert_eq!(sizes, [Some(6985 << 30), Some(5), Some(6985 << 30), None]);
}

#[test]
fn a_cluster_without_topics_is_a_cluster() {
    let dir = Dir::new();
    dir.put("topics.csv", "topic\n").put("partitions.csv", PARTITIONS.lines().next().unwrap());
    dir.put("replicas.csv", REPLICAS.lines().next().unwrap());
    assert_eq!(dir.snapshot().partitions, []);
}

#[test]
fn a_file_of_many_pieces_keeps_its_rows_and_places() {
    let dir = Dir::new();
    let count = 60_000;
    let mut partitions =
        String::from("topic,partition,leader,bytes_in_per_sec,bytes_out_per_sec,messages_in_per_sec\n");
    let mut replicas = String::from("topic,partition,position,broker_id,log_dir,size_bytes,in_sync\n");
    for number in 0..count {
        partitions.push_str(&format!("t,{number},1,1,1,1\n"));
        replicas.push_str(&format!("t,{number},0,1,/d,{number},true\nt,{number},1,2,/d,{number},true\n"));
    }
    dir.put("topics.csv", "topic\nt\n").put("partitions.csv", &partitions).put("replicas.csv", &replicas);
    let snapshot = dir.snapshot();
    assert_eq!(snapshot.replicas.len(), 2 * count);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| dir.snapshot());
    assert!(snapshot == alone, "the number of threads changes nothing");
    assert!(snapshot.replicas.chunks(2).enumerate().all(|(at, two)| two.iter().all(|r| r.size_bytes == at as u64)));
    let wrong = format!("t,{},1,2,/d,x,true", count - 1);
    dir.put("replicas.csv", replicas.replace(&format!("t,{},1,2,/d,{},true", count - 1, count - 1), &wrong));
    let line = 2 * count + 1;
    assert!(
        dir.refusal().starts_with(&format!("replicas.csv:{line}:16: error[E111]: size_bytes \"x\" ")),
        "{}",
        dir.refusal()
    );
}
