//! A plan directory as steps: what each batch wants of which partition, what stands before it, and what undoes it.
//! Pure; input are the plan's files, which [`crate::verify::plan_dir`] has judged, and the snapshot they were made for.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::ingest::Faults;
use crate::ingest::kafka_files::{ANY_LOG_DIR, ReassignmentFile, read_elections, read_reassignment, read_stated_plan};
use crate::live::admin::TopicPartition;
use crate::model::{Placement, Snapshot};
use crate::verify::Usage;
use crate::verify::plan_dir::{PlanDir, TextFile};

/// Where a partition's replicas sit, in position order: broker, and log dir where that is known or wanted.
pub type Seats = Vec<(i32, Option<String>)>;

/// What one partition is to become.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The partition.
    pub partition: TopicPartition,
    /// Where it stands before; none of its replicas has been touched then.
    pub before: Seats,
    /// Where it is to stand. A replica without a dir stays in its own, or goes where its broker puts it.
    pub after: Seats,
    /// Replicas of `before` that the snapshot shows out of sync: so many may be missing from the ISR.
    pub out_of_sync: usize,
    /// Bytes of one copy, as the snapshot has them.
    pub copy_bytes: u64,
    /// What producers write, bytes per second.
    pub bytes_in_per_sec: f64,
}

impl Target {
    /// The replica list to ask for.
    #[must_use]
    pub fn replicas(&self) -> Vec<i32> {
        ids(&self.after)
    }

    /// The brokers that get a replica.
    #[must_use]
    pub fn adding(&self) -> Vec<i32> {
        let old = ids(&self.before);
        self.replicas().into_iter().filter(|id| !old.contains(id)).collect()
    }
}

/// The brokers of `seats`.
#[must_use]
pub fn ids(seats: &Seats) -> Vec<i32> {
    seats.iter().map(|(id, _)| *id).collect()
}

/// What is asked for at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// 1-based number of the batch.
    pub batch: usize,
    /// Partitions that change.
    pub targets: Vec<Target>,
    /// Partitions whose preferred leader is elected afterwards.
    pub elections: Vec<TopicPartition>,
    /// The throttle that the plan names for it, bytes per second in and out of each broker.
    pub throttle_bytes_per_sec: Option<u64>,
    /// By broker that receives a copy, then log dir: the most that the plan puts there meanwhile.
    pub peaks: BTreeMap<i32, BTreeMap<String, Peak>>,
    /// Whether it undoes a batch.
    pub is_rollback: bool,
}

/// The most that is on a log dir while a step runs, by the snapshot's sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// What is there before and what comes, other use included.
    pub bytes: u64,
    /// Whether anything comes.
    pub receives: bool,
}

/// A whole plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Of the plan's files: what was approved is what is run.
    pub sha256: String,
    /// Of the snapshot.
    pub cluster_id: String,
    /// The batches in order.
    pub batches: Vec<Step>,
    /// What undoes each batch, in the batches' order.
    pub rollbacks: Vec<Step>,
    /// Who is elected once all is undone.
    pub rollback_elections: Vec<TopicPartition>,
}

impl Work {
    /// Reads a plan's files.
    ///
    /// # Errors
    /// Files that are not of Kafka's shape.
    pub fn read(snapshot: &Snapshot, plan: &PlanDir, rollback_elections: &TextFile) -> Result<Self, Faults> {
        let mut standing = Standing { snapshot, changed: BTreeMap::new(), used: used(snapshot) };
        let mut work = Self {
            sha256: digest(plan, rollback_elections),
            cluster_id: snapshot.cluster.cluster_id.clone(),
            rollback_elections: elections(rollback_elections)?,
            ..Self::default()
        };
        let stated = read_stated_plan(&plan.plan.path, &plan.plan.bytes)?.batches;
        for (index, files) in plan.batches.iter().enumerate() {
            let reassignment = read_reassignment(&files.reassignment.path, &files.reassignment.bytes)?;
            let targets = standing.carry_out(&reassignment);
            let peaks = standing.fill(&targets);
            let undo = read_reassignment(&files.rollback.path, &files.rollback.bytes)?;
            // A rollback begins where the batch ended, and ends where the batch began: dirs that the file leaves to the
            // broker are those that were there.
            let undone: Vec<Target> = targets
                .iter()
                .filter(|target| {
                    undo.partitions.iter().any(|entry| name(&entry.topic, entry.partition) == target.partition)
                })
                .map(|target| Target { before: target.after.clone(), after: target.before.clone(), ..target.clone() })
                .collect();
            let batch = index + 1;
            let throttle_bytes_per_sec = stated.get(index).and_then(|batch| batch.throttle_bytes_per_sec);
            let elections = elections(&files.elections)?;
            // What goes back burdens the same brokers the other way round; the plan names no throttle for that.
            let undo = Step { batch, targets: undone, is_rollback: true, ..Step::default() };
            work.rollbacks.push(undo);
            work.batches.push(Step { batch, targets, elections, throttle_bytes_per_sec, peaks, is_rollback: false });
        }
        Ok(work)
    }

    /// Every partition that any batch changes, as the snapshot has it.
    #[must_use]
    pub fn touched(&self) -> BTreeMap<TopicPartition, Seats> {
        let mut touched = BTreeMap::new();
        for target in self.batches.iter().flat_map(|batch| &batch.targets) {
            touched.entry(target.partition.clone()).or_insert_with(|| target.before.clone());
        }
        touched
    }
}

fn name(topic: &str, partition: i64) -> TopicPartition {
    TopicPartition::new(topic, i32::try_from(partition).unwrap_or(-1))
}

fn elections(file: &TextFile) -> Result<Vec<TopicPartition>, Faults> {
    let parsed = read_elections(&file.path, &file.bytes)?;
    Ok(parsed.partitions.iter().map(|p| name(&p.topic, p.partition)).collect())
}

/// SHA-256 of all files that are carried out, each after its length, so that no two plans look the same.
fn digest(plan: &PlanDir, rollback_elections: &TextFile) -> String {
    let mut hash = Sha256::new();
    let whole = [&plan.plan, &plan.reassignment, &plan.elections, &plan.rollback, rollback_elections];
    let batches = plan.batches.iter().flat_map(|b| [&b.reassignment, &b.elections, &b.rollback]);
    for file in whole.into_iter().chain(batches) {
        hash.update((file.bytes.len() as u64).to_le_bytes());
        hash.update(&file.bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The snapshot and what has been carried out since.
struct Standing<'s> {
    snapshot: &'s Snapshot,
    changed: BTreeMap<TopicPartition, Seats>,
    /// Bytes on each log dir, by broker, then path.
    used: BTreeMap<i32, BTreeMap<String, u64>>,
}

/// Bytes on each log dir of the snapshot, other use included.
fn used(snapshot: &Snapshot) -> BTreeMap<i32, BTreeMap<String, u64>> {
    let usage = Usage::of(snapshot, &Placement::of(snapshot));
    let mut used: BTreeMap<i32, BTreeMap<String, u64>> = BTreeMap::new();
    for (dir, bytes) in snapshot.log_dirs.iter().zip(&usage.log_dir_bytes) {
        used.entry(snapshot.broker(dir.broker).id).or_default().insert(dir.path.clone(), *bytes);
    }
    used
}

/// Where `to` has replicas that `from` has not, as far as their dirs are known.
fn news(from: &Seats, to: &Seats) -> Vec<(i32, String)> {
    let is_new = |seat: &&(i32, Option<String>)| !from.contains(seat);
    to.iter().filter(is_new).filter_map(|(id, dir)| Some((*id, dir.clone()?))).collect()
}

impl Standing<'_> {
    fn row(&self, partition: &TopicPartition) -> Option<crate::model::PartitionIdx> {
        let topic = self.snapshot.topic_by_name(&partition.topic)?;
        self.snapshot.partition_by_number(topic, u32::try_from(partition.partition).ok()?)
    }

    fn seats(&self, partition: &TopicPartition) -> Seats {
        if let Some(seats) = self.changed.get(partition) {
            return seats.clone();
        }
        let Some(row) = self.row(partition) else { return Vec::new() };
        let seat = |r: &crate::model::Replica| {
            (self.snapshot.broker(r.broker).id, r.log_dir.map(|dir| self.snapshot.log_dir(dir).path.clone()))
        };
        self.snapshot.replicas_of(row).iter().map(seat).collect()
    }

    /// Puts what `targets` copy on its dirs and takes away what leaves them; the most that is meanwhile on the dirs of
    /// brokers that receive anything.
    fn fill(&mut self, targets: &[Target]) -> BTreeMap<i32, BTreeMap<String, Peak>> {
        let mut peaks: BTreeMap<i32, BTreeMap<String, Peak>> = BTreeMap::new();
        for target in targets {
            for (id, path) in news(&target.before, &target.after) {
                let dirs = peaks.entry(id).or_insert_with(|| {
                    let peak = |(path, bytes): (&String, &u64)| (path.clone(), Peak { bytes: *bytes, receives: false });
                    self.used.get(&id).map(|dirs| dirs.iter().map(peak).collect()).unwrap_or_default()
                });
                let peak = dirs.entry(path).or_default();
                *peak = Peak { bytes: peak.bytes.saturating_add(target.copy_bytes), receives: true };
            }
        }
        for target in targets {
            for (id, path) in news(&target.before, &target.after) {
                let bytes = self.used.entry(id).or_default().entry(path).or_default();
                *bytes = bytes.saturating_add(target.copy_bytes);
            }
        }
        for target in targets {
            for (id, path) in news(&target.after, &target.before) {
                let bytes = self.used.entry(id).or_default().entry(path).or_default();
                *bytes = bytes.saturating_sub(target.copy_bytes);
            }
        }
        peaks
    }

    fn carry_out(&mut self, file: &ReassignmentFile<'_>) -> Vec<Target> {
        let mut targets = Vec::with_capacity(file.partitions.len());
        for entry in &file.partitions {
            let partition = name(&entry.topic, entry.partition);
            let before = self.seats(&partition);
            let dirs = entry.log_dirs.as_deref().unwrap_or(&[]);
            let seat = |(position, id): (usize, &i64)| {
                let id = i32::try_from(*id).unwrap_or(-1);
                let path = dirs.get(position).filter(|path| path.as_ref() != ANY_LOG_DIR).map(|path| path.to_string());
                // Left to the broker, a replica that is there stays where it is.
                let own = || before.iter().find(|(old, _)| *old == id).and_then(|(_, dir)| dir.clone());
                (id, path.or_else(own))
            };
            let after: Seats = entry.replicas.iter().enumerate().map(seat).collect();
            self.changed.insert(partition.clone(), after.clone());
            let row = self.row(&partition);
            let replicas = row.map(|row| self.snapshot.replicas_of(row)).unwrap_or_default();
            targets.push(Target {
                partition,
                before,
                after,
                out_of_sync: replicas.iter().filter(|r| !r.in_sync).count(),
                copy_bytes: row.map_or(0, |row| self.snapshot.copy_size_bytes(row)),
                bytes_in_per_sec: row.map_or(0.0, |row| self.snapshot.partition(row).bytes_in_per_sec),
            });
        }
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    #[test]
    fn the_most_on_a_dir_is_what_is_there_and_all_that_comes() {
        let snapshot = Fixture::default()
            .broker(1, "r", "", BrokerState::Alive)
            .dir(1, "/a", 1_000, LogDirState::Online, 50)
            .broker(2, "r", "", BrokerState::Alive)
            .dir(2, "/a", 1_000, LogDirState::Online, 0)
            .dir(2, "/b", 1_000, LogDirState::Online, 7)
            .partition(("t", 0), 1, (0.0, 0.0), &[(1, "/a", 100, true)])
            .partition(("t", 1), 1, (0.0, 0.0), &[(1, "/a", 200, true)])
            .build();
        let mut standing = Standing { snapshot: &snapshot, changed: BTreeMap::new(), used: used(&snapshot) };
        let target = |partition, copy_bytes, from: (i32, &str), to: (i32, &str)| {
            let seats = |(id, dir): (i32, &str)| vec![(id, Some(dir.to_owned()))];
            let partition = TopicPartition::new("t", partition);
            let (before, after) = (seats(from), seats(to));
            Target { partition, before, after, out_of_sync: 0, copy_bytes, bytes_in_per_sec: 0.0 }
        };
        let peak = |bytes, receives| Peak { bytes, receives };
        let peaks = standing.fill(&[target(0, 100, (1, "/a"), (2, "/a")), target(1, 200, (1, "/a"), (2, "/a"))]);
        let dirs = [("/a".to_owned(), peak(300, true)), ("/b".to_owned(), peak(7, false))];
        assert_eq!(peaks, BTreeMap::from([(2, BTreeMap::from(dirs))]), "broker 1 receives nothing");
        // What left broker 1 is gone by the next batch; of what moves within a broker both copies count.
        let peaks = standing.fill(&[target(0, 100, (2, "/a"), (1, "/a")), target(1, 200, (2, "/a"), (2, "/b"))]);
        assert_eq!(peaks[&1]["/a"], peak(150, true));
        assert_eq!((peaks[&2]["/a"], peaks[&2]["/b"]), (peak(300, false), peak(207, true)));
        assert_eq!(standing.used[&2], BTreeMap::from([("/a".to_owned(), 0), ("/b".to_owned(), 207)]));
    }
}
