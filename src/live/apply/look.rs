//! How the cluster stands, as far as a step is concerned, and what that says of each of its targets. Reading is the
//! connection's; judging is pure.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::{Cause, Objection};
use super::work::{Seats, Target, ids};
use crate::live::admin::{Admin, Answer, LogDirs, PartitionAnswer, RunningReassignment, TopicPartition};
use crate::model::human;

/// The cluster at one moment.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Brokers that serve.
    pub alive: BTreeSet<i32>,
    /// Partitions' metadata.
    pub partitions: BTreeMap<TopicPartition, PartitionAnswer>,
    /// Reassignments under way.
    pub running: BTreeMap<TopicPartition, RunningReassignment>,
    /// Log dirs of the brokers that were asked and answered.
    pub dirs: BTreeMap<i32, LogDirs>,
    /// Where replicas lie: path and bytes.
    lies: BTreeMap<(TopicPartition, i32), (String, u64)>,
    /// Copies that moves between dirs are making: path and bytes.
    copies: BTreeMap<(TopicPartition, i32), (String, u64)>,
}

impl Look {
    /// Looks, at the log dirs of `brokers` only.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn take(admin: &dyn Admin, brokers: &BTreeSet<i32>) -> Answer<Self> {
        let alive: BTreeSet<i32> = admin.cluster()?.brokers.into_keys().collect();
        // The list first: what ends between the two calls is then seen as running once more, never as lost.
        let running = admin.reassignments()?;
        let partitions = admin.topics()?.partitions;
        let asked: Vec<i32> = brokers.intersection(&alive).copied().collect();
        let mut look = Self { alive, partitions, running, ..Self::default() };
        for (id, answer) in admin.log_dirs(&asked) {
            let Ok(dirs) = answer else { continue };
            for (path, dir) in &dirs {
                for (partition, bytes, is_future) in &dir.replicas {
                    let of = if *is_future { &mut look.copies } else { &mut look.lies };
                    of.insert((partition.clone(), id), (path.clone(), *bytes));
                }
            }
            look.dirs.insert(id, dirs);
        }
        Ok(look)
    }

    /// The log dir of a replica, where its broker told.
    #[must_use]
    pub fn dir_of(&self, partition: &TopicPartition, broker: i32) -> Option<&str> {
        self.lies.get(&(partition.clone(), broker)).map(|(path, _)| path.as_str())
    }

    /// The dir that a replica is being moved to.
    #[must_use]
    pub fn moving_to(&self, partition: &TopicPartition, broker: i32) -> Option<&str> {
        self.copies.get(&(partition.clone(), broker)).map(|(path, _)| path.as_str())
    }

    fn bytes_of(&self, partition: &TopicPartition, broker: i32) -> u64 {
        self.lies.get(&(partition.clone(), broker)).map_or(0, |(_, bytes)| *bytes)
    }

    /// Replica list as it is without a reassignment under way.
    fn replicas(&self, partition: &TopicPartition) -> Option<&[i32]> {
        self.partitions.get(partition).map(|found| found.replicas.as_slice())
    }

    /// Whether each replica lies where `seats` say, as far as brokers told.
    fn lies_as(&self, partition: &TopicPartition, seats: &Seats) -> bool {
        seats.iter().all(|(id, dir)| match (dir, self.dir_of(partition, *id)) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        })
    }

    /// What keeps `partition` from standing as `seats` say, none where it does.
    #[must_use]
    pub fn difference(&self, partition: &TopicPartition, seats: &Seats) -> Option<String> {
        let Some(replicas) = self.replicas(partition) else { return Some("is gone".to_owned()) };
        if let Some(running) = self.running.get(partition) {
            return Some(format!("is being reassigned to {:?}", running.target()));
        }
        if replicas != ids(seats) {
            return Some(format!("has replicas {replicas:?}, the snapshot {:?}", ids(seats)));
        }
        if !self.lies_as(partition, seats) {
            let odd = seats.iter().find_map(|(id, dir)| {
                let found = self.dir_of(partition, *id).filter(|found| dir.as_deref().is_some_and(|dir| dir != *found));
                found.map(|found| {
                    format!("lies in {found} on broker {id}, in the snapshot in {}", dir.as_deref().unwrap_or(""))
                })
            });
            return odd;
        }
        None
    }

    /// Where `target` is on its way.
    #[must_use]
    pub fn phase(&self, target: &Target) -> Phase {
        let partition = &target.partition;
        let Some(found) = self.partitions.get(partition) else { return Phase::Strayed("is gone".to_owned()) };
        if let Some(running) = self.running.get(partition) {
            let is_ours = running.target() == target.replicas();
            return if is_ours {
                Phase::Running
            } else {
                Phase::Strayed(format!("is being reassigned to {:?}, by somebody else", running.target()))
            };
        }
        let in_place = found.replicas == target.replicas();
        // A cancelled reassignment leaves the old replicas in an order of Kafka's own.
        if !in_place && !is_same_set(&found.replicas, &ids(&target.before)) {
            let (is, was) = (&found.replicas, ids(&target.before));
            return Phase::Strayed(format!("has replicas {is:?}, neither {was:?} nor what is wanted"));
        }
        for (id, dir) in &target.after {
            let Some(found) = self.dir_of(partition, *id) else { continue };
            let was = target.before.iter().find(|(old, _)| old == id).map(|(_, dir)| dir.as_deref());
            let is_known =
                dir.as_deref().is_none_or(|dir| dir == found) || was.is_none_or(|was| was.is_none_or(|w| w == found));
            if !is_known {
                return Phase::Strayed(format!("lies in {found} on broker {id}, where it was not and is not to be"));
            }
        }
        if !in_place {
            return Phase::Waiting;
        }
        let is_synced = target.after.iter().all(|(id, _)| found.isr.contains(id));
        let moved = target.after.iter().all(|(id, dir)| match dir {
            Some(dir) => self.dir_of(partition, *id) == Some(dir) && self.moving_to(partition, *id).is_none(),
            None => true,
        });
        match (moved, is_synced) {
            (false, _) => Phase::Moving,
            (true, false) => Phase::Unsynced,
            (true, true) => Phase::Done,
        }
    }

    /// Why nothing more should be begun or declared done: brokers of `targets` that are away, and ISRs that are
    /// smaller than in the snapshot.
    #[must_use]
    pub fn objections(&self, targets: &[Target]) -> Vec<Objection> {
        let mut away: BTreeMap<i32, usize> = BTreeMap::new();
        let mut shrunk = Vec::new();
        for target in targets {
            let Some(found) = self.partitions.get(&target.partition) else { continue };
            let adding = self.running.get(&target.partition).map(|r| r.adding.clone()).unwrap_or_default();
            // A broker that is merely left behind may be gone for good, which is why its replicas move.
            for id in target.replicas().into_iter().filter(|id| !self.alive.contains(id)) {
                *away.entry(id).or_default() += 1;
            }
            let missing: Vec<i32> =
                found.replicas.iter().copied().filter(|id| !adding.contains(id) && !found.isr.contains(id)).collect();
            // Between two of these lists the metadata lags behind the controller.
            let is_copied =
                found.replicas == ids(&target.before) || found.replicas == target.replicas() || !adding.is_empty();
            if is_copied && missing.len() > target.out_of_sync {
                shrunk.push(format!("{} is out of sync on {missing:?}", target.partition));
            }
        }
        let wait = |number: usize| if number == 1 { "partition waits" } else { "partitions wait" };
        let mut objections: Vec<Objection> = away
            .into_iter()
            .map(|(id, n)| Objection::new(Cause::Away(id), format!("broker {id} is away ({n} {} for it)", wait(n))))
            .collect();
        if let Some(first) = shrunk.first() {
            let more = if shrunk.len() > 1 { format!(" and {} more", shrunk.len() - 1) } else { String::new() };
            objections.push(Objection::new(Cause::OutOfSync, format!("{first}{more}")));
        }
        objections.extend(self.full_dirs(targets));
        objections
    }

    /// Log dirs whose volume has less free than `targets` are still to bring them.
    fn full_dirs(&self, targets: &[Target]) -> Vec<Objection> {
        let mut coming: BTreeMap<(i32, &str), u64> = BTreeMap::new();
        for target in targets {
            for copy in self.copies_of(target) {
                let dir = target.after.iter().find(|(id, _)| *id == copy.broker).and_then(|(_, dir)| dir.as_deref());
                let Some(dir) = dir else { continue };
                let bytes = coming.entry((copy.broker, dir)).or_default();
                *bytes = bytes.saturating_add(copy.all_bytes.saturating_sub(copy.done_bytes));
            }
        }
        let lack = |((id, path), bytes): ((i32, &str), u64)| {
            let free = self.dirs.get(&id)?.get(path)?.usable_bytes?;
            let (free_size, size) = (human::bytes_f64(free as f64), human::bytes_f64(bytes as f64));
            let text = format!("{path} on broker {id} has {free_size} free, {size} are to come");
            (free < bytes).then(|| Objection::new(Cause::Room(id, path.to_owned()), text))
        };
        coming.into_iter().filter_map(lack).collect()
    }

    /// The copies that `target` asks for, as far as they are.
    #[must_use]
    pub fn copies_of(&self, target: &Target) -> Vec<Copying> {
        let is_finished = matches!(self.phase(target), Phase::Done | Phase::Unsynced);
        let partition = &target.partition;
        let all_bytes = target.copy_bytes;
        let copy = |broker, is_between_dirs, is_there: bool, bytes: u64| Copying {
            broker,
            is_between_dirs,
            done_bytes: if is_there { all_bytes } else { bytes.min(all_bytes) },
            all_bytes,
            held_bytes: bytes,
        };
        let mut copies: Vec<Copying> = Vec::new();
        for id in target.adding() {
            copies.push(copy(id, false, is_finished, self.bytes_of(partition, id)));
        }
        for (id, dir) in &target.after {
            let old = target.before.iter().find(|(broker, _)| broker == id);
            if !old.is_some_and(|(_, old)| dir.is_some() && old != dir) {
                continue;
            }
            let is_there = self.dir_of(partition, *id) == dir.as_deref();
            let copied = self.copies.get(&(partition.clone(), *id)).map_or(0, |(_, bytes)| *bytes);
            let bytes = if is_there { self.bytes_of(partition, *id) } else { copied };
            copies.push(copy(*id, true, is_finished || is_there, bytes));
        }
        copies
    }

    /// Bytes that `targets` have copied and will have copied in all.
    #[must_use]
    pub fn copied(&self, targets: &[Target]) -> (u64, u64) {
        let copies = targets.iter().flat_map(|target| self.copies_of(target));
        copies.fold((0, 0), |(done, all), copy| {
            (u64::saturating_add(done, copy.done_bytes), u64::saturating_add(all, copy.all_bytes))
        })
    }

    /// Bytes that lie where `targets` bring copies, whatever the snapshot said of their sizes.
    #[must_use]
    pub fn held_bytes(&self, targets: &[Target]) -> u64 {
        let copies = targets.iter().flat_map(|target| self.copies_of(target));
        copies.map(|copy| copy.held_bytes).fold(0, u64::saturating_add)
    }

    /// The broker with most left to copy, and how many bytes.
    #[must_use]
    pub fn slowest(&self, targets: &[Target]) -> Option<(i32, u64)> {
        let mut left: BTreeMap<i32, u64> = BTreeMap::new();
        for copy in targets.iter().flat_map(|target| self.copies_of(target)) {
            let bytes = left.entry(copy.broker).or_default();
            *bytes = bytes.saturating_add(copy.all_bytes.saturating_sub(copy.done_bytes));
        }
        let most = left.into_iter().max_by_key(|(id, bytes)| (*bytes, std::cmp::Reverse(*id)));
        most.filter(|(_, bytes)| *bytes > 0)
    }

    /// Whether replicas of `partition` are being added: it has them all only at the end.
    #[must_use]
    pub fn is_growing(&self, partition: &TopicPartition) -> bool {
        self.running.get(partition).is_some_and(|running| !running.adding.is_empty())
    }

    /// Whether Kafka is at work on `target`.
    #[must_use]
    pub fn is_under_way(&self, target: &Target) -> bool {
        let is_moving = |id: i32| self.moving_to(&target.partition, id).is_some();
        self.running.contains_key(&target.partition) || target.after.iter().any(|(id, _)| is_moving(*id))
    }
}

/// One copy of a target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copying {
    /// Who receives it.
    pub broker: i32,
    /// Whether it comes from another dir of that broker.
    pub is_between_dirs: bool,
    /// Bytes copied, at most those expected.
    pub done_bytes: u64,
    /// Bytes expected.
    pub all_bytes: u64,
    /// Bytes that lie there.
    pub held_bytes: u64,
}

/// Whether both lists name the same brokers.
pub(super) fn is_same_set(a: &[i32], b: &[i32]) -> bool {
    a.len() == b.len() && a.iter().all(|id| b.contains(id))
}

/// Where a target is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has happened yet.
    Waiting,
    /// Its reassignment is under way.
    Running,
    /// Its replicas are on their brokers, some not in their log dirs.
    Moving,
    /// All is in place, but not all in sync.
    Unsynced,
    /// As wanted.
    Done,
    /// Neither as before nor as wanted, and why.
    Strayed(String),
}
