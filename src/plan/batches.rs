//! Splits a plan into as few steps as keep every log dir within its capacity while old and new copies both exist.
//!
//! Input: where the partitions stand and are to end. Output: [`Batch`]es and excuses. Invariant: in every batch, for
//! every log dir of known capacity, what is on it at the start (other use included) plus what comes in is at most its
//! capacity; what leaves is free only for the next batch. Where no order of moves keeps that, `deadlock` takes a
//! detour or, as the last resort, says so in an excuse.
//!
//! Each round takes every waiting partition that fits, repairs of hard rules first. A partition that does not fit
//! queues at the dir that blocks it and is looked at again only when that dir has room for it, so that the work is
//! near linear in the partitions, however many rounds it takes.

use std::collections::BTreeSet;

use super::change::{Change, Held, held_in, transition};
use super::{Batch, Entry, MoveKind};
use crate::model::{Criterion, Excuse, LogDirIdx, PartitionIdx, Placement, Policy, Seat, Snapshot};
use crate::optimize::Reason;

/// Classes of urgency: repairs before the rest, and in each what frees a crowded dir before what does not.
const RANKS: u8 = 4;

/// One partition on its way.
pub(super) struct Task {
    pub(super) partition: PartitionIdx,
    /// Below [`RANKS`]; the least is the most urgent.
    rank: u8,
    pub(super) standing: Vec<Held>,
    pub(super) target: Vec<Seat>,
    /// What turns `standing` into `target`.
    pub(super) changes: Vec<Change>,
    /// Whether it has been through an intermediate step already; a second would not help, and one bounds the search.
    pub(super) has_detoured: bool,
    /// The dir whose lack of room keeps it waiting, and its key in that dir's queue.
    blocked: Option<(LogDirIdx, QueueKey)>,
}

/// Rank, bytes that the dir lacks room for, task.
type QueueKey = (u8, u64, usize);

impl Task {
    /// What comes to dirs, one item per dir.
    pub(super) fn needs(&self) -> impl Iterator<Item = (LogDirIdx, u64)> + '_ {
        incoming(&self.changes)
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.blocked.is_some()
    }
}

/// What `changes` bring to dirs.
pub(super) fn incoming(changes: &[Change]) -> impl Iterator<Item = (LogDirIdx, u64)> + '_ {
    changes.iter().filter_map(|c| c.to).filter_map(|held| Some((held.seat.log_dir?, held.bytes)))
}

/// What `changes` free on dirs once they are done.
pub(super) fn outgoing(changes: &[Change]) -> impl Iterator<Item = (LogDirIdx, u64)> + '_ {
    changes.iter().filter_map(|c| c.from).filter_map(|held| Some((held.seat.log_dir?, held.bytes)))
}

/// One entry of the batch being filled.
pub(super) struct Step {
    pub(super) task: usize,
    pub(super) seats: Vec<Seat>,
    pub(super) changes: Vec<Change>,
}

/// The schedule as it grows.
pub(super) struct Schedule<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) policy: &'a Policy,
    pub(super) tasks: Vec<Task>,
    /// Bytes that each dir still takes in this batch; endless where the capacity is unknown.
    pub(super) room: Vec<i128>,
    queues: Vec<BTreeSet<QueueKey>>,
    /// Tasks that wait at some dir.
    pub(super) waiting: BTreeSet<usize>,
    /// Finished batches.
    pub(super) done: Vec<Batch>,
    pub(super) excuses: Vec<Excuse>,
}

/// The batches that lead from the snapshot to `placement`, and an excuse for each that must overfill a dir. `elected`
/// ascends; each is elected in the batch that finishes its partition, or in the first if it does not move.
#[must_use]
pub fn schedule(
    snapshot: &Snapshot,
    policy: &Policy,
    placement: &Placement,
    elected: &[PartitionIdx],
    reasons: &[Reason],
) -> (Vec<Batch>, Vec<Excuse>) {
    let mut schedule = Schedule::new(snapshot, policy, placement, reasons);
    schedule.run();
    let mut batches = schedule.done;
    place_elections(snapshot, &mut batches, elected);
    (batches, schedule.excuses)
}

/// Elects each partition once its last entry is done. Elections alone go first: they relieve brokers and cost nothing.
fn place_elections(snapshot: &Snapshot, batches: &mut Vec<Batch>, elected: &[PartitionIdx]) {
    if batches.is_empty() && !elected.is_empty() {
        batches.push(Batch::default());
    }
    let mut last_batch = vec![0_usize; snapshot.partitions.len()];
    for (number, batch) in batches.iter().enumerate() {
        batch.entries.iter().for_each(|entry| last_batch[entry.partition.row()] = number);
    }
    for &partition in elected {
        batches[last_batch[partition.row()]].elections.push(partition);
    }
}

impl<'a> Schedule<'a> {
    fn new(snapshot: &'a Snapshot, policy: &'a Policy, placement: &Placement, reasons: &[Reason]) -> Self {
        let mut tasks = tasks(snapshot, placement, reasons);
        let room = room(snapshot);
        rank_by_crowding(&mut tasks, &room);
        Self {
            snapshot,
            policy,
            tasks,
            queues: vec![BTreeSet::new(); room.len()],
            room,
            waiting: BTreeSet::new(),
            done: Vec::new(),
            excuses: Vec::new(),
        }
    }

    fn run(&mut self) {
        let mut order: Vec<usize> = (0..self.tasks.len()).collect();
        order.sort_by_key(|&task| self.tasks[task].rank);
        let mut steps = self.take_fitting(order);
        loop {
            if steps.is_empty() {
                if self.waiting.is_empty() {
                    break;
                }
                steps = self.break_deadlock();
            }
            let (freed, unfinished) = self.finish(steps);
            steps = self.take_fitting(unfinished);
            self.wake(&freed, &mut steps);
        }
    }

    fn take_fitting(&mut self, candidates: Vec<usize>) -> Vec<Step> {
        let mut steps = Vec::new();
        for task in candidates {
            steps.extend(self.take(task));
        }
        steps
    }

    /// The step that finishes `task`, its room taken; none, and the task queued, where it does not fit.
    fn take(&mut self, task: usize) -> Option<Step> {
        let room = &self.room;
        let lack = |(dir, bytes): &(LogDirIdx, u64)| i128::from(*bytes) - room[dir.row()];
        let worst = self.tasks[task].needs().max_by_key(lack).filter(|need| lack(need) > 0);
        if let Some((dir, bytes)) = worst {
            let key = (self.tasks[task].rank, bytes, task);
            self.queues[dir.row()].insert(key);
            self.waiting.insert(task);
            self.tasks[task].blocked = Some((dir, key));
            return None;
        }
        self.unqueue(task);
        let Task { target, changes, .. } = &self.tasks[task];
        let step = Step { task, seats: target.clone(), changes: changes.clone() };
        self.reserve(&step.changes);
        Some(step)
    }

    /// Takes `task` out of its queue, whatever becomes of it next.
    pub(super) fn unqueue(&mut self, task: usize) {
        if let Some((dir, key)) = self.tasks[task].blocked.take() {
            self.queues[dir.row()].remove(&key);
            self.waiting.remove(&task);
        }
    }

    /// Takes the room that `changes` need.
    pub(super) fn reserve(&mut self, changes: &[Change]) {
        for (dir, bytes) in incoming(changes) {
            let room = &mut self.room[dir.row()];
            *room = room.saturating_sub(i128::from(bytes));
        }
    }

    /// Closes a batch: what left is free now. Says which dirs gained room and which tasks have a further step.
    fn finish(&mut self, steps: Vec<Step>) -> (BTreeSet<LogDirIdx>, Vec<usize>) {
        let mut batch = Batch::default();
        let (mut freed, mut unfinished) = (BTreeSet::new(), Vec::new());
        for step in steps {
            for (dir, bytes) in outgoing(&step.changes) {
                let room = &mut self.room[dir.row()];
                *room = room.saturating_add(i128::from(bytes));
                freed.insert(dir);
            }
            for change in &step.changes {
                match change.kind {
                    MoveKind::Replica => batch.inter_broker_bytes += change.bytes(),
                    MoveKind::LogDir => batch.intra_broker_bytes += change.bytes(),
                    MoveKind::Leader => {}
                }
            }
            let task = &mut self.tasks[step.task];
            if step.seats != task.target {
                let copy_bytes = self.snapshot.copy_size_bytes(task.partition);
                let (after, _) = transition(self.snapshot, &task.standing, &step.seats, copy_bytes);
                let (_, changes) = transition(self.snapshot, &after, &task.target, copy_bytes);
                (task.standing, task.changes, task.has_detoured) = (after, changes, true);
                unfinished.push(step.task);
            }
            batch.entries.push(Entry { partition: task.partition, seats: step.seats });
        }
        batch.entries.sort_by_key(|entry| entry.partition);
        self.done.push(batch);
        (freed, unfinished)
    }

    /// Takes the tasks that waited for `freed` dirs and fit now: the most urgent first, in each class the small ones
    /// first, since more of them fit. A task that meets another full dir queues there and is not met again this round,
    /// for room only shrinks within one.
    fn wake(&mut self, freed: &BTreeSet<LogDirIdx>, steps: &mut Vec<Step>) {
        for rank in 0..RANKS {
            for dir in freed {
                while let Some(&(_, bytes, task)) = self.queues[dir.row()].range((rank, 0, 0)..(rank + 1, 0, 0)).next()
                {
                    if i128::from(bytes) > self.room[dir.row()] {
                        break;
                    }
                    self.unqueue(task);
                    steps.extend(self.take(task));
                }
            }
        }
    }

    /// The least room that a task waiting at `dir` needs; none where nobody waits.
    pub(super) fn least_awaited_bytes(&self, dir: LogDirIdx) -> Option<u64> {
        (0..RANKS)
            .filter_map(|rank| self.queues[dir.row()].range((rank, 0, 0)..(rank + 1, 0, 0)).next())
            .map(|key| key.1)
            .min()
    }

    /// Whether any task waits for room on `dir`.
    pub(super) fn is_awaited(&self, dir: LogDirIdx) -> bool {
        !self.queues[dir.row()].is_empty()
    }
}

/// Every partition that is to change, ascending.
fn tasks(snapshot: &Snapshot, placement: &Placement, reasons: &[Reason]) -> Vec<Task> {
    let mut reasons = reasons.iter().peekable();
    let mut tasks = Vec::new();
    for partition in snapshot.partition_indices() {
        while reasons.next_if(|r| r.partition < partition).is_some() {}
        let target = placement.seats(partition);
        if is_unchanged(snapshot, partition, target) {
            continue;
        }
        let repairs = reasons.peek().is_some_and(|r| r.partition == partition && is_rule(r.criterion));
        let standing = held_in(snapshot, partition);
        let (_, changes) = transition(snapshot, &standing, target, snapshot.copy_size_bytes(partition));
        let rank = if repairs { 0 } else { 2 };
        let target = target.to_vec();
        tasks.push(Task { partition, rank, standing, target, changes, has_detoured: false, blocked: None });
    }
    tasks
}

fn is_unchanged(snapshot: &Snapshot, partition: PartitionIdx, target: &[Seat]) -> bool {
    let replicas = snapshot.replicas_of(partition);
    replicas.len() == target.len()
        && replicas.iter().zip(target).all(|(r, s)| r.broker == s.broker && r.log_dir == s.log_dir)
}

fn is_rule(criterion: Criterion) -> bool {
    matches!(criterion, Criterion::Rule(_))
}

/// Bytes that each dir can take on top of what the snapshot puts there.
fn room(snapshot: &Snapshot) -> Vec<i128> {
    let bare = |d: &crate::model::LogDir| match d.capacity_bytes {
        Some(capacity) => i128::from(capacity) - i128::from(d.other_used_bytes),
        None => i128::MAX,
    };
    let mut room: Vec<i128> = snapshot.log_dirs.iter().map(bare).collect();
    for replica in &snapshot.replicas {
        if let Some(dir) = replica.log_dir.filter(|d| snapshot.log_dir(*d).capacity_bytes.is_some()) {
            room[dir.row()] -= i128::from(replica.size_bytes);
        }
    }
    room
}

/// Puts what leaves a dir that cannot take all that is to come before what does not: it makes room for the rest.
fn rank_by_crowding(tasks: &mut [Task], room: &[i128]) {
    let mut left = room.to_vec();
    for (dir, bytes) in tasks.iter().flat_map(Task::needs) {
        left[dir.row()] = left[dir.row()].saturating_sub(i128::from(bytes));
    }
    for task in tasks {
        if !outgoing(&task.changes).any(|(dir, _)| left[dir.row()] < 0) {
            task.rank += 1;
        }
    }
}
