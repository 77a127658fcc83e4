//! Resolves any `kafka-reassign-partitions` file, and the election file that goes with it, as Kafka itself would.
//!
//! Input: the files as read. Output: what they want, and everything that Kafka refuses or the snapshot forbids in
//! them, entry by entry, so that one wrong entry does not hide the next. Source of what Kafka refuses: trials on Kafka
//! 4.3.

use super::state::{State, Wish, is_path};
use crate::ingest::kafka_files::{ElectionFile, PartitionName, PartitionReassignment, ReassignmentFile};
use crate::model::load::{Unjudged, unjudged};
use crate::model::{BrokerIdx, BrokerState, LogDirIdx, LogDirState, PartitionIdx, Snapshot};

/// Something wrong with a plan: the judge's finding, listed under `faults`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deviation {
    /// Stable name of the kind.
    pub code: &'static str,
    /// A partition, log dir, file or figure.
    pub subject: String,
    /// What is wrong, a lowercase fragment with the values.
    pub message: String,
}

impl Deviation {
    pub(super) fn new(code: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, subject: subject.into(), message: message.into() }
    }
}

/// What a file wants of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The partition.
    pub partition: PartitionIdx,
    /// Its replicas in position order.
    pub wishes: Vec<Wish>,
}

/// Resolves the names in `file`, in its order, and reports every entry or name that Kafka refuses or the snapshot
/// forbids. Entries that name what does not exist are left out, others are kept to be judged.
pub fn resolve(snapshot: &Snapshot, file: &ReassignmentFile<'_>, found: &mut Vec<Deviation>) -> Vec<Wanted> {
    let mut seen = vec![false; snapshot.partitions.len()];
    let mut wanted = Vec::with_capacity(file.partitions.len());
    for entry in &file.partitions {
        let Some(partition) = find(snapshot, &entry.topic, entry.partition, found) else { continue };
        if std::mem::replace(&mut seen[partition.row()], true) {
            let name = snapshot.partition_name(partition);
            found.push(Deviation::new("duplicate_partition", name, "has more than one entry"));
            continue;
        }
        if let Some(wishes) = (Names { snapshot, partition, found: &mut *found }).wishes(entry) {
            wanted.push(Wanted { partition, wishes });
        }
    }
    wanted
}

/// Resolves the partitions to elect, in the file's order, those that are unknown or listed twice left out.
pub fn resolve_elections(
    snapshot: &Snapshot,
    file: &ElectionFile<'_>,
    found: &mut Vec<Deviation>,
) -> Vec<PartitionIdx> {
    let mut seen = vec![false; snapshot.partitions.len()];
    let mut elected = Vec::with_capacity(file.partitions.len());
    for PartitionName { topic, partition } in &file.partitions {
        let Some(partition) = find(snapshot, topic, *partition, found) else { continue };
        if std::mem::replace(&mut seen[partition.row()], true) {
            let name = snapshot.partition_name(partition);
            found.push(Deviation::new("duplicate_election", name, "is to be elected more than once"));
        } else {
            elected.push(partition);
        }
    }
    elected
}

/// Elects `partitions` in `state`, and reports those whose preferred leader cannot lead.
pub fn elect(snapshot: &Snapshot, state: &mut State<'_>, partitions: &[PartitionIdx], found: &mut Vec<Deviation>) {
    for &partition in partitions {
        let name = || snapshot.partition_name(partition);
        let Some(first) = state.seats(partition).first().copied() else { continue };
        let broker = snapshot.broker(first.broker);
        let resident = snapshot.replicas_of(partition).iter().find(|r| r.broker == first.broker);
        if snapshot.partition(partition).leader.is_none() {
            found.push(Deviation::new("no_leader", name(), "has no leader: there is nobody to take over from"));
            continue;
        }
        if matches!(broker.state, BrokerState::Down | BrokerState::Dead) {
            let message = format!("elects broker {}, which is {}", broker.id, broker.state.name());
            found.push(Deviation::new("inactive_broker", name(), message));
            continue;
        }
        if resident.is_some_and(|r| !r.in_sync) {
            let message = format!("elects broker {}, whose replica is not in sync", broker.id);
            found.push(Deviation::new("not_in_sync", name(), message));
        }
        state.elect(partition);
    }
}

fn find(snapshot: &Snapshot, topic: &str, number: i64, found: &mut Vec<Deviation>) -> Option<PartitionIdx> {
    let subject = format!("{topic}-{number}");
    let Some(row) = snapshot.topic_by_name(topic) else {
        found.push(Deviation::new("unknown_topic", subject, format!("topic {topic:?} is not in the snapshot")));
        return None;
    };
    let partition = u32::try_from(number).ok().and_then(|number| snapshot.partition_by_number(row, number));
    if partition.is_none() {
        let count = snapshot.topic(row).partition_count;
        let message = format!("topic {topic:?} has {count} partitions, {number} is none of them");
        found.push(Deviation::new("unknown_partition", subject, message));
    }
    partition
}

/// Resolves one entry.
struct Names<'a, 'f> {
    snapshot: &'a Snapshot,
    partition: PartitionIdx,
    found: &'f mut Vec<Deviation>,
}

impl Names<'_, '_> {
    fn wishes(&mut self, entry: &PartitionReassignment<'_>) -> Option<Vec<Wish>> {
        self.no_entry();
        if entry.replicas.is_empty() {
            self.report("no_replicas", "has an empty replica list".to_owned());
            return None;
        }
        let log_dirs = entry.log_dirs.as_deref().unwrap_or(&[]);
        if !log_dirs.is_empty() && log_dirs.len() != entry.replicas.len() {
            let message = format!("has {} replicas but {} log_dirs", entry.replicas.len(), log_dirs.len());
            self.report("log_dirs_mismatch", message);
            return None;
        }
        let mut wishes: Vec<Wish> = Vec::with_capacity(entry.replicas.len());
        let mut is_whole = true;
        for (position, &id) in entry.replicas.iter().enumerate() {
            let Some(broker) = i32::try_from(id).ok().and_then(|id| self.snapshot.broker_by_id(id)) else {
                self.report("unknown_broker", format!("names broker {id}, which is not in the snapshot"));
                is_whole = false;
                continue;
            };
            self.broker_state(broker);
            if wishes.iter().any(|w| w.broker == broker) {
                self.report("duplicate_replica", format!("names broker {id} more than once"));
            }
            let path = log_dirs.get(position).map(AsRef::as_ref).filter(|path| is_path(path));
            let log_dir = path.and_then(|path: &str| self.log_dir(broker, path));
            wishes.push(Wish { broker, log_dir });
        }
        is_whole.then_some(wishes)
    }

    fn no_entry(&mut self) {
        let message = match unjudged(self.snapshot, self.partition) {
            None => return,
            Some(Unjudged::NoLeader) => "has no leader: nothing can be copied from it",
            Some(Unjudged::ReplicaOnDownBroker) => "has a replica on a broker that is down: it waits for its return",
            Some(Unjudged::Reassigning) => "is being reassigned already: wait for that or cancel it",
        };
        self.report("no_entry_allowed", message.to_owned());
    }

    fn broker_state(&mut self, broker: BrokerIdx) {
        let row = self.snapshot.broker(broker);
        if matches!(row.state, BrokerState::Down | BrokerState::Dead) {
            let message = format!("names broker {}, which is {}: Kafka refuses the file", row.id, row.state.name());
            self.report("inactive_broker", message);
        }
    }

    /// The dir at `path`, reported where it cannot take the replica. A path that names where the replica is already is
    /// harmless unless the dir is offline.
    fn log_dir(&mut self, broker: BrokerIdx, path: &str) -> Option<LogDirIdx> {
        let id = self.snapshot.broker(broker).id;
        let Some(dir) = self.snapshot.log_dir_by_path(broker, path) else {
            let message = format!("names {path:?}, which is no log dir of broker {id}: Kafka would pick another");
            self.report("unknown_log_dir", message);
            return None;
        };
        let resident = self.snapshot.replicas_of(self.partition).iter().find(|r| r.broker == broker);
        let is_there = resident.is_some_and(|r| r.log_dir == Some(dir));
        let rows = self.snapshot.broker(broker).log_dir_rows();
        let has_offline_dir = self.snapshot.log_dirs[rows].iter().any(|d| !d.state.is_serving());
        match self.snapshot.log_dir(dir).state {
            LogDirState::Offline => {
                self.report("offline_log_dir", format!("names {path:?} of broker {id}, which is offline"));
            }
            LogDirState::Cordoned if !is_there => {
                self.report(
                    "cordoned_log_dir",
                    format!("puts a replica on {path:?} of broker {id}, which is cordoned"),
                );
            }
            _ if resident.is_some() && !is_there && has_offline_dir => {
                let message = format!("moves a replica between dirs of broker {id}, which has an offline one");
                self.report("log_dir_move_refused", message);
            }
            LogDirState::Online | LogDirState::Cordoned => {}
        }
        Some(dir)
    }

    fn report(&mut self, code: &'static str, message: String) {
        self.found.push(Deviation::new(code, self.snapshot.partition_name(self.partition), message));
    }
}
