//! What a cluster may not come to while a plan is carried out: fewer replicas in sync than in the snapshot or than
//! `min.insync.replicas`, anywhere; disks and networks past the policy's limits, on the brokers that are copied to and
//! from. Judging is pure; only `Traffic` asks, once in a while.
//!
//! A plan may pass a limit by itself: copies need room beside what leaves, and an operator may give a higher throttle
//! than the limits allow. What was planned is no trouble; what comes on top of it is.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::hold::{Cause, Objection};
use super::look::Look;
use super::traffic::Traffic;
use super::work::Step;
use crate::live::admin::TopicPartition;
use crate::model::{Policy, Snapshot, human};

/// A dir that is past its limit by plan may be so much fuller than planned: the plan's sizes are its snapshot's.
const OLDER_SIZES: f64 = 1.05;

/// What the cluster is held against.
#[derive(Debug, Default)]
pub struct Guard {
    /// Whether partitions count that the plan has nothing to do with.
    is_for_all: bool,
    /// Replicas that the snapshot shows out of sync; partitions without one are absent.
    out_of_sync: BTreeMap<TopicPartition, usize>,
    /// `min.insync.replicas` by topic, where the snapshot has it.
    min_in_sync: BTreeMap<String, usize>,
    /// The highest of them.
    min_in_sync_max: usize,
    /// Partitions that the snapshot shows below it.
    under_min: BTreeSet<TopicPartition>,
    /// Log dirs of known capacity: that, and what is not Kafka's.
    dirs: BTreeMap<i32, BTreeMap<String, (u64, u64)>>,
    log_dir_limit: f64,
    disk_limit: f64,
    pub(super) traffic: RefCell<Traffic>,
    /// How long the last look at the cluster took.
    pub(super) look_seconds: Cell<f64>,
}

impl Guard {
    /// Holds a cluster against `snapshot` and the limits of `policy`; `is_for_all` where partitions that the plan has
    /// nothing to do with count too.
    #[must_use]
    pub fn of(snapshot: &Snapshot, policy: &Policy, is_for_all: bool) -> Self {
        let mut guard = Self {
            is_for_all,
            log_dir_limit: policy.limits.log_dir,
            disk_limit: policy.limits.disk,
            traffic: RefCell::new(Traffic::of(snapshot, policy)),
            ..Self::default()
        };
        for topic in &snapshot.topics {
            guard.min_in_sync.extend(topic.min_insync_replicas.map(|min| (topic.name.clone(), min as usize)));
        }
        guard.min_in_sync_max = guard.min_in_sync.values().copied().max().unwrap_or(0);
        for p in snapshot.partition_indices() {
            let replicas = snapshot.replicas_of(p);
            let out = replicas.iter().filter(|replica| !replica.in_sync).count();
            if out == 0 {
                continue;
            }
            let row = snapshot.partition(p);
            let topic = &snapshot.topic(row.topic).name;
            let partition = TopicPartition::new(topic.clone(), i32::try_from(row.number).unwrap_or(-1));
            if guard.is_under_min(&partition, replicas.len(), replicas.len() - out) {
                guard.under_min.insert(partition.clone());
            }
            guard.out_of_sync.insert(partition, out);
        }
        for dir in &snapshot.log_dirs {
            let Some(capacity) = dir.capacity_bytes else { continue };
            let of_broker = guard.dirs.entry(snapshot.broker(dir.broker).id).or_default();
            of_broker.insert(dir.path.clone(), (capacity, dir.other_used_bytes));
        }
        guard
    }

    fn is_under_min(&self, partition: &TopicPartition, replicas: usize, in_sync: usize) -> bool {
        // Most partitions have more in sync than any topic asks for, and need no further look.
        in_sync < self.min_in_sync_max
            && self.min_in_sync.get(&partition.topic).is_some_and(|min| in_sync < replicas.min(*min))
    }

    /// What speaks against going on with `step`, copied to and from at `limit`, beside what its own partitions say.
    #[must_use]
    pub fn objections(&self, look: &Look, step: &Step, limit: Option<u64>) -> Vec<Objection> {
        let mut objections = self.in_sync(look, step);
        objections.extend(self.disks(look, step));
        objections.extend(self.traffic.borrow().objections(look, step, limit));
        objections
    }

    /// One pass over all partitions: a few comparisons each.
    fn in_sync(&self, look: &Look, step: &Step) -> Vec<Objection> {
        let own: BTreeSet<&TopicPartition> = step.targets.iter().map(|target| &target.partition).collect();
        let (mut shrunk, mut under) = (Shrunk::default(), Shrunk::default());
        for (partition, found) in &look.partitions {
            let is_own = own.contains(partition);
            if !is_own && !self.is_for_all {
                continue;
            }
            let missing = || found.replicas.iter().copied().filter(|id| !found.isr.contains(id));
            let is_below = self.is_under_min(partition, found.replicas.len(), found.isr.len());
            if is_below && !self.under_min.contains(partition) && !look.is_growing(partition) {
                under.add(partition, missing());
            }
            if is_own || missing().next().is_none() {
                continue;
            }
            let adding = look.running.get(partition).map(|running| running.adding.as_slice()).unwrap_or_default();
            let missing = missing().filter(|id| !adding.contains(id));
            if missing.clone().count() > self.out_of_sync.get(partition).copied().unwrap_or(0) {
                shrunk.add(partition, missing);
            }
        }
        let beside = "in sync than in the snapshot, beside those of this batch";
        let shrunk = shrunk.told(Cause::OutOfSyncElsewhere, &format!("fewer replicas {beside}"));
        let under = under.told(Cause::UnderMinInSync, "fewer replicas in sync than min.insync.replicas");
        [shrunk, under].into_iter().flatten().collect()
    }

    /// Log dirs that receive copies, and their brokers' dirs together, as far as capacities are known.
    fn disks(&self, look: &Look, step: &Step) -> Vec<Objection> {
        let mut objections = Vec::new();
        for (id, peaks) in &step.peaks {
            let (Some(known), Some(found)) = (self.dirs.get(id), look.dirs.get(id)) else { continue };
            let mut all = Disk::default();
            for (path, (capacity, other)) in known {
                let Some(dir) = found.get(path).filter(|dir| dir.is_online) else { continue };
                let Some(peak) = peaks.get(path) else { continue };
                let held = dir.replicas.iter().fold(*other, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
                let disk = Disk { held, capacity: *capacity, peak: peak.bytes };
                all.add(disk);
                if peak.receives && disk.is_past(self.log_dir_limit) {
                    let what = format!("{path} on broker {id}");
                    objections.push(disk.told(*id, path, &what, "log_dir", self.log_dir_limit));
                }
            }
            if all.is_past(self.disk_limit) {
                objections.push(all.told(*id, "", &format!("broker {id}"), "disk", self.disk_limit));
            }
        }
        objections
    }
}

/// Partitions in the same trouble.
#[derive(Default)]
struct Shrunk {
    first: String,
    number: u64,
    brokers: BTreeSet<i32>,
}

impl Shrunk {
    fn add(&mut self, partition: &TopicPartition, missing: impl Iterator<Item = i32>) {
        if self.number == 0 {
            self.first = partition.to_string();
        }
        self.number += 1;
        self.brokers.extend(missing);
    }

    fn told(self, cause: Cause, what: &str) -> Option<Objection> {
        const BROKERS_MAX: usize = 5;
        let first = self.brokers.iter().take(BROKERS_MAX).map(i32::to_string);
        let mut brokers = first.collect::<Vec<_>>().join(", ");
        if self.brokers.len() > BROKERS_MAX {
            brokers.push_str(", …");
        }
        let out = if brokers.is_empty() { String::new() } else { format!("; out of sync on {brokers}") };
        let has = if self.number == 1 { "has" } else { "have" };
        let partitions = human::counted(self.number, "partition");
        (self.number > 0).then(|| Objection::new(cause, format!("{partitions} {has} {what} ({}{out})", self.first)))
    }
}

/// What is on a disk, or on several.
#[derive(Clone, Copy, Default)]
struct Disk {
    held: u64,
    capacity: u64,
    /// The most that the plan puts there during the batch.
    peak: u64,
}

impl Disk {
    fn add(&mut self, other: Self) {
        self.held = self.held.saturating_add(other.held);
        self.capacity = self.capacity.saturating_add(other.capacity);
        self.peak = self.peak.saturating_add(other.peak);
    }

    fn is_past(&self, limit: f64) -> bool {
        let held = self.held as f64;
        held > limit * self.capacity as f64 && held > OLDER_SIZES * self.peak as f64
    }

    fn told(&self, id: i32, path: &str, what: &str, limit_name: &str, limit: f64) -> Objection {
        let share = |bytes: f64| 100.0 * bytes / self.capacity.max(1) as f64;
        let text = format!(
            "{what} is {:.1} % full, past the limit `{limit_name}` of {:.0} % and the {:.1} % that were planned",
            share(self.held as f64),
            100.0 * limit,
            share(self.peak as f64)
        );
        Objection::new(Cause::Disk(id, path.to_owned()), text)
    }
}
