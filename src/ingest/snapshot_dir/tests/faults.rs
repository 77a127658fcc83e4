//! Faults of whole files, of cluster.toml and of headers.

use super::{CLUSTER, Dir, REPLICAS, TOPICS, gzipped};

#[test]
fn a_directory_that_is_not_there() {
    let catalogue = crate::ingest::catalogue::Catalogue::builtin();
    let printed = super::read(std::path::Path::new("/nonexistent"), &catalogue).unwrap_err().to_string();
    assert!(printed.starts_with("/nonexistent: error[E100]: the snapshot directory cannot be read: "), "{printed}");
}

#[test]
fn every_missing_file_is_named() {
    let dir = Dir::new();
    dir.remove("cluster.toml").remove("replicas.csv").put("replica.csv", "").remove("topics.csv");
    assert_eq!(
        dir.refusal(),
        "cluster.toml: error[E101]: the file is missing\n  \
         help: write one with format = 1, cluster_id, captured_at and source\n\
         topics.csv: error[E101]: the file is missing\n  \
         help: add topics.csv, or topics.csv.gz; a header alone says that there are no rows\n\
         replicas.csv: error[E101]: the file is missing\n  help: is it replica.csv? rename that to replicas.csv"
    );
}

#[test]
fn a_table_that_is_there_twice() {
    let dir = Dir::new();
    dir.put("topics.csv.gz", gzipped(TOPICS));
    assert_eq!(
        dir.refusal(),
        "topics.csv: error[E102]: topics.csv and topics.csv.gz are both there\n  help: remove the one that is out of date"
    );
}

#[test]
fn a_compressed_file_that_is_cut_short_or_no_gzip_at_all() {
    let dir = Dir::new();
    let whole = gzipped(REPLICAS);
    dir.remove("replicas.csv").put("replicas.csv.gz", &whole[..whole.len() / 2]);
    let printed = dir.refusal();
    assert!(printed.starts_with("replicas.csv.gz: error[E103]: the file cannot be decompressed: "), "{printed}");
    assert!(
        printed.ends_with("help: it is cut short or no gzip file: check it with gzip -t and copy it again"),
        "{printed}"
    );
    dir.put("replicas.csv.gz", REPLICAS);
    assert!(dir.refusal().starts_with("replicas.csv.gz: error[E103]: "));
}

#[test]
fn a_folder_in_a_files_place() {
    let dir = Dir::new();
    dir.remove("topics.csv");
    std::fs::create_dir(dir.path().join("topics.csv")).unwrap();
    assert!(dir.refusal().starts_with("topics.csv: error[E103]: the file cannot be read: "));
}

#[test]
fn bytes_that_are_not_utf8() {
    let dir = Dir::new();
    dir.put("topics.csv", b"topic\nt\nu\xff\xfe\nv\xff\n");
    assert_eq!(
        dir.refusal(),
        "topics.csv:3:2: error[E105]: bytes that are not UTF-8, here and at 2 more places\n  \
         help: convert the file, e.g. with iconv -t UTF-8"
    );
}

#[test]
fn an_empty_file() {
    let dir = Dir::new();
    for nothing in ["", "\u{feff}", "\n\r\n"] {
        dir.put("topics.csv", nothing);
        assert_eq!(
            dir.refusal(),
            "topics.csv: error[E106]: the file is empty\n  help: start it with the header \
             topic,resource_group,min_insync_replicas,cleanup_policy,retention_ms,retention_bytes"
        );
    }
}

#[test]
fn a_column_that_is_missing_twice_or_unknown() {
    let dir = Dir::new();
    dir.edit("log_dirs.csv", "broker_id,log_dir,capacity_bytes,state", "log_dir,LogDir,log_dir,state");
    assert_eq!(
        dir.refusal(),
        "log_dirs.csv:1:9: warning[W101]: unknown column \"LogDir\" is ignored\n  help: the nearest known column is log_dir\n\
         log_dirs.csv:1:16: error[E108]: column log_dir appears twice\n  help: remove or rename one of them\n\
         log_dirs.csv:1:1: error[E107]: column broker_id is missing\n  help: add broker_id to the header and to every row"
    );
}

#[test]
fn an_unknown_column_alone_is_a_warning_that_suggests_a_name() {
    let dir = Dir::new();
    dir.edit("brokers.csv", "broker_id,rack,state", "broker_id,rak,state");
    assert_eq!(
        dir.warnings(),
        "brokers.csv:1:11: warning[W101]: unknown column \"rak\" is ignored\n  help: the nearest known column is rack"
    );
    assert!(dir.snapshot().racks.is_empty());
}

#[test]
fn cluster_toml_that_is_not_toml() {
    let dir = Dir::new();
    dir.put("cluster.toml", "format = 1\ncluster_id = \n");
    assert!(dir.refusal().starts_with("cluster.toml:2:14: error[E130]: "), "{}", dir.refusal());
}

#[test]
fn cluster_toml_that_lacks_keys() {
    let dir = Dir::new();
    dir.put("cluster.toml", "[window]\nstart = \"2026-11-20T12:00:00Z\"\n");
    let printed = dir.refusal();
    for key in ["format", "cluster_id", "captured_at", "source", "end", "statistic"] {
        assert!(printed.contains(&format!("cluster.toml:1:1: error[E131]: {key} is missing")), "{printed}");
    }
}

#[test]
fn cluster_toml_with_wrong_values() {
    for (from, to, wanted) in [
        ("\"c\"", "7", "2:14: error[E132]: cluster_id is an integer, not a string"),
        (
            "2026-11-20T12:00:00Z",
            "yesterday",
            "3:15: error[E132]: captured_at \"yesterday\" is not an RFC 3339 time in UTC",
        ),
        ("12:00:00Z", "12:00:00+02:00", "captured_at \"2026-11-20T12:00:00+02:00\" is not an RFC 3339 time in UTC"),
        ("\"2026-11-20T12:00:00Z\"", "3", "3:15: error[E132]: captured_at is an integer, not a time such as"),
        ("format = 1", "format = 2", "1:10: error[E133]: snapshot format 2 is not known"),
        ("format = 1", "format = \"1\"", "1:10: error[E132]: format is a string, not a whole number"),
    ] {
        let dir = Dir::new();
        dir.edit("cluster.toml", from, to);
        let printed = dir.refusal();
        assert!(printed.starts_with("cluster.toml:") && printed.contains(wanted), "{printed}");
    }
}

#[test]
fn a_window_that_ends_before_it_starts_or_has_no_known_statistic() {
    let dir = Dir::new();
    let window = "[window]\nstart = 2026-11-20T12:00:00.5Z\nend = \"2026-11-20T12:00:00Z\"\nstatistic = \"p90\"\n";
    dir.put("cluster.toml", format!("{CLUSTER}{window}"));
    assert_eq!(
        dir.refusal(),
        "cluster.toml:8:7: error[E132]: window.end 2026-11-20T12:00:00Z is before window.start 2026-11-20T12:00:00.5Z\n  \
         help: exchange them\n\
         cluster.toml:9:13: error[E132]: window.statistic \"p90\" is none of mean, p50, p95, p99, max\n  \
         help: write what the traffic figures stand for"
    );
}

#[test]
fn an_unknown_key_of_cluster_toml_is_a_warning() {
    let dir = Dir::new();
    dir.edit("cluster.toml", "kafka_version", "kafkaversion");
    assert_eq!(
        dir.warnings(),
        "cluster.toml:5:1: warning[W102]: unknown key \"kafkaversion\" at the top is ignored\n  \
         help: the nearest known key is kafka_version"
    );
}
