//! A plan directory as steps: what each batch wants of which partition, what stands before it, and what undoes it.
//! Pure; input are the plan's files, which [`crate::verify::plan_dir`] has judged, and the snapshot they were made for.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::ingest::Faults;
use crate::ingest::kafka_files::{ANY_LOG_DIR, ReassignmentFile, read_elections, read_reassignment, read_stated_plan};
use crate::live::admin::TopicPartition;
use crate::model::Snapshot;
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
        let mut standing = Standing { snapshot, changed: BTreeMap::new() };
        let mut work = Self {
            sha256: digest(plan, rollback_elections),
            cluster_id: snapshot.cluster.cluster_id.clone(),
            rollback_elections: elections(rollback_elections)?,
            ..Self::default()
        };
        let stated = read_stated_plan(&plan.plan.path, &plan.plan.bytes)?.batches;
        for (index, files) in plan.batches.iter().enumerate() {
            let reassignment = read_reassignment(&files.reassignment.path, &files.reassignment.bytes)?;
            let before = standing.clone();
            let targets = standing.carry_out(&reassignment);
            let undo = read_reassignment(&files.rollback.path, &files.rollback.bytes)?;
            // A rollback begins where the batch ended, and ends where the batch began: dirs that the file leaves to the
            // broker are those that were there.
            let undone: Vec<Target> = targets
                .iter()
                .filter(|target| {
                    undo.partitions.iter().any(|entry| name(&entry.topic, entry.partition) == target.partition)
                })
                .map(|target| Target {
                    before: target.after.clone(),
                    after: before.seats(&target.partition),
                    ..target.clone()
                })
                .collect();
            let batch = index + 1;
            let throttle_bytes_per_sec = stated.get(index).and_then(|batch| batch.throttle_bytes_per_sec);
            let elections = elections(&files.elections)?;
            // What goes back burdens the same brokers the other way round; the plan names no throttle for that.
            let undo = Step { batch, targets: undone, elections: Vec::new(), throttle_bytes_per_sec: None };
            work.rollbacks.push(undo);
            work.batches.push(Step { batch, targets, elections, throttle_bytes_per_sec });
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
#[derive(Clone)]
struct Standing<'s> {
    snapshot: &'s Snapshot,
    changed: BTreeMap<TopicPartition, Seats>,
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
