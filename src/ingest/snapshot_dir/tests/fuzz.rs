//! Whatever is in the files, reading ends with a snapshot or with faults.

use proptest::prelude::*;

use super::{BROKERS, CLUSTER, Dir, LOG_DIRS, PARTITIONS, REPLICAS, TOPICS};
use crate::ingest::policy;

const FILES: [(&str, &str); 6] = [
    ("cluster.toml", CLUSTER),
    ("brokers.csv", BROKERS),
    ("log_dirs.csv", LOG_DIRS),
    ("topics.csv", TOPICS),
    ("partitions.csv", PARTITIONS),
    ("replicas.csv", REPLICAS),
];

/// What mutated files are made of: what means something to the readers, and what does not.
const PIECES: [&str; 24] = [
    ",",
    "\n",
    "\r",
    "\"",
    "\"\"",
    "-1",
    "0",
    "1",
    "3",
    "99999999999999999999",
    "1e308",
    "NaN",
    "t",
    "u",
    "/d",
    "true",
    "alive",
    "default",
    "\u{feff}",
    "\0",
    "é",
    "=",
    "[",
    " ",
];

/// Replaces `count` bytes at a relative place by a piece.
fn mutated(text: &str, edits: &[(usize, usize, usize)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for &(at, count, piece) in edits {
        let start = at % (bytes.len() + 1);
        let end = (start + count).min(bytes.len());
        bytes.splice(start..end, PIECES[piece % PIECES.len()].bytes());
    }
    bytes
}

/// Reads, and checks that what is taken holds the model's invariants and what is refused says why.
fn check(dir: &Dir) {
    match dir.read() {
        Ok((snapshot, faults)) => {
            assert!(!faults.has_errors());
            assert!(snapshot.brokers.is_sorted_by(|a, b| a.id < b.id));
            assert!(snapshot.topics.is_sorted_by(|a, b| a.name < b.name));
            let mut replicas = 0;
            for partition in snapshot.partition_indices() {
                let row = snapshot.partition(partition);
                let own = snapshot.replicas_of(partition);
                assert_eq!(row.first_replica as usize, replicas);
                assert!(!own.is_empty());
                assert!(row.leader.is_none_or(|leader| own.iter().any(|r| r.broker == leader)));
                replicas += own.len();
            }
            assert_eq!(replicas, snapshot.replicas.len());
        }
        Err(faults) => {
            assert!(faults.has_errors());
            assert!(!faults.to_string().is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(which in 0_usize..6, bytes in proptest::collection::vec(any::<u8>(), 0..200), gz: bool) {
        let dir = Dir::new();
        let (name, _) = FILES[which];
        if gz && name != "cluster.toml" {
            dir.remove(name).put(&format!("{name}.gz"), bytes);
        } else {
            dir.put(name, bytes);
        }
        check(&dir);
    }

    #[test]
    fn mutated_files_never_panic(
        edits in proptest::collection::vec((0_usize..6, any::<usize>(), 0_usize..6, any::<usize>()), 1..5)
    ) {
        let dir = Dir::new();
        for (which, (name, text)) in FILES.iter().enumerate() {
            let own: Vec<(usize, usize, usize)> =
                edits.iter().filter(|e| e.0 == which).map(|&(_, at, count, piece)| (at, count, piece)).collect();
            dir.put(name, mutated(text, &own));
        }
        check(&dir);
    }

    #[test]
    fn mutated_policies_never_panic(edits in proptest::collection::vec((any::<usize>(), 0_usize..6, any::<usize>()), 1..6)) {
        let text = include_str!("../../../../models/policies/default.toml");
        let bytes = mutated(text, &edits);
        let read = policy::parse(std::path::Path::new("p.toml"), &String::from_utf8_lossy(&bytes));
        match read {
            Ok((_, faults)) => prop_assert!(!faults.has_errors()),
            Err(faults) => prop_assert!(faults.has_errors()),
        }
    }
}
