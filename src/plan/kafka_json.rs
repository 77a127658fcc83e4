//! Entries and elections in the shape of Kafka's files.

use std::borrow::Cow;

use super::Entry;
use crate::ingest::kafka_files::{
    ANY_LOG_DIR, ElectionFile, PartitionName, PartitionReassignment, REASSIGNMENT_VERSION, ReassignmentFile,
};
use crate::model::{LogDirState, PartitionIdx, Placement, Seat, Snapshot};

/// The reassignment file that holds `entries`.
#[must_use]
pub fn reassignment<'a>(snapshot: &'a Snapshot, entries: &[Entry]) -> ReassignmentFile<'a> {
    let one = |entry: &Entry| partition(snapshot, entry);
    ReassignmentFile { version: REASSIGNMENT_VERSION, partitions: entries.iter().map(one).collect() }
}

/// The election file that names `partitions`.
#[must_use]
pub fn elections<'a>(snapshot: &'a Snapshot, partitions: &[PartitionIdx]) -> ElectionFile<'a> {
    let name = |p: &PartitionIdx| {
        let row = snapshot.partition(*p);
        PartitionName { topic: Cow::Borrowed(&snapshot.topic(row.topic).name), partition: i64::from(row.number) }
    };
    ElectionFile { partitions: partitions.iter().map(name).collect() }
}

/// The entries that turn the snapshot into `placement`, in topic, partition order.
#[must_use]
pub fn entries(snapshot: &Snapshot, placement: &Placement) -> Vec<Entry> {
    let changed = |p: &PartitionIdx| {
        let replicas = snapshot.replicas_of(*p);
        let seats = placement.seats(*p);
        replicas.len() != seats.len()
            || replicas.iter().zip(seats).any(|(r, s)| r.broker != s.broker || r.log_dir != s.log_dir)
    };
    let entry = |p| Entry { partition: p, seats: placement.seats(p).to_vec() };
    snapshot.partition_indices().filter(changed).map(entry).collect()
}

fn partition<'a>(snapshot: &'a Snapshot, entry: &Entry) -> PartitionReassignment<'a> {
    let row = snapshot.partition(entry.partition);
    PartitionReassignment {
        topic: Cow::Borrowed(&snapshot.topic(row.topic).name),
        partition: i64::from(row.number),
        replicas: entry.seats.iter().map(|s| i64::from(snapshot.broker(s.broker).id)).collect(),
        log_dirs: Some(entry.seats.iter().map(|s| Cow::Borrowed(path(snapshot, *s))).collect()),
    }
}

/// The path to write for `seat`. A path asks the broker to move the replica there, which it refuses for dirs that are
/// offline or cordoned; a replica that stays on one is left in peace by `any`.
fn path(snapshot: &Snapshot, seat: Seat) -> &str {
    let dir = seat.log_dir.map(|dir| snapshot.log_dir(dir)).filter(|dir| dir.state == LogDirState::Online);
    dir.map_or(ANY_LOG_DIR, |dir| &dir.path)
}
