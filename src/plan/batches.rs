//! Splits a plan into steps that can each be the last.
//!
//! Input: where the partitions stand and are to end, and how large steps may be. Output: [`Batch`]es, excuses and
//! notes. Invariants:
//! - in every batch, for every log dir of known capacity, what is on it at the start (other use included) plus what
//!   comes in is at most its capacity; what leaves is free only for the next batch. Where no order of moves keeps that,
//!   `deadlock` takes a detour or, as the last resort, says so in an excuse;
//! - after every batch no rule's count is higher than before it and the excess is not, unless a rule was repaired for
//!   it; `merge` joins batches where only together they keep that, and notes where their copies have no room together;
//! - a batch keeps to [`Pacing`], unless one partition alone passes it or the two above need more.
//!
//! Each batch takes repairs first, then by excess relieved per byte; what would make things worse by itself waits for
//! what makes up for it in the same batch. The work is near linear in the partitions for a given number of batches.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::change::{Change, Held, held_in, transition};
use super::elections::leader_after;
use super::growth::Growth;
use super::ledger::{Ledger, Standing};
use super::limits::{Gate, Tally, oversized};
use super::merge::merge;
use super::step::{End, Step, incoming, outgoing};
use super::{Batch, Entry, MoveKind, Pacing};
use crate::model::{BrokerIdx, Criterion, Excuse, LogDirIdx, PartitionIdx, Placement, Policy, Seat, Snapshot};
use crate::optimize::Reason;

/// Excess that rounding alone may seem to add.
const ROUNDING: f64 = 1e-12;

/// How often a batch looks again at what would have made things worse: each look takes what the one before made up for,
/// and chains of more than a few are rare.
const LOOKS: usize = 4;

/// Where more steps than these were refused, looking at all of them again is most of a batch's work: then
/// [`WORTHWHILE`] decides, and they are not tried together again before half of them are done.
const FEW: usize = 1_000;

/// Many refused steps are looked at again where more than one for so many of them was taken since the last look: what is
/// left out, the next batch comes back to.
const WORTHWHILE: usize = 20;

/// One partition on its way.
pub(super) struct Task {
    pub(super) partition: PartitionIdx,
    /// Repairs before the rest, and in each what frees a crowded dir before what does not; the least is most urgent.
    rank: u8,
    /// Excess relieved per byte, as things stood at the start.
    relief: f64,
    pub(super) standing: Vec<Held>,
    pub(super) target: Vec<Seat>,
    /// What turns `standing` into `target`.
    pub(super) changes: Vec<Change>,
    /// Whether its preferred leader is to be elected at the end.
    pub(super) elects: bool,
    /// Whether it has been through a detour already; a second would not help, and one bounds the search.
    pub(super) has_detoured: bool,
    /// In a deadlock: the dir that lacks most room for it, and the bytes that come there.
    pub(super) blocked: Option<(LogDirIdx, u64)>,
    /// The steps that it may take next, the best first; made when it is first looked at.
    next: Vec<Step>,
    /// The one of `next` that was found to make things worse, and when.
    refused: Option<(usize, u64)>,
}

/// What is known of a task once its next steps are.
struct Prepared {
    next: Vec<Step>,
    /// What the best step relieves per byte.
    relief: Option<f64>,
    /// Whether it breaks fewer rules.
    repairs: bool,
    gate: Gate,
}

/// What the scheduler was asked for.
pub(super) struct Order<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) policy: &'a Policy,
    pub(super) placement: &'a Placement,
    /// Ascending.
    pub(super) elected: &'a [PartitionIdx],
    /// By partition.
    pub(super) reasons: &'a [Reason],
    pub(super) pacing: &'a Pacing,
    /// What the whole plan changes, by partition.
    pub(super) changes: &'a [(PartitionIdx, Vec<Change>)],
    /// What durations are reckoned with, bytes per second.
    pub(super) throttle_bytes_per_sec: f64,
}

/// The batches and what is to be said of them.
pub(super) struct Scheduled {
    pub(super) batches: Vec<Batch>,
    /// One for each copy that must overfill a dir.
    pub(super) excuses: Vec<Excuse>,
    /// What the operator should know of the order.
    pub(super) notes: Vec<String>,
}

/// The schedule as it grows.
pub(super) struct Schedule<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) policy: &'a Policy,
    placement: &'a Placement,
    pacing: &'a Pacing,
    pub(super) tasks: Vec<Task>,
    /// Bytes that each dir still takes in this batch; endless where the capacity is unknown.
    pub(super) room: Vec<i128>,
    growth: Growth,
    /// In a deadlock, the tasks that wait for each dir: bytes that it lacks room for, task.
    pub(super) queues: Vec<BTreeSet<(u64, usize)>>,
    ledger: Ledger<'a>,
    leaders: Vec<Option<BrokerIdx>>,
    tally: Tally<'a>,
    /// By task, side by side: most of those that wait are turned away here, batch after batch.
    gates: Vec<Gate>,
    /// How many steps made things worse together when that was last tried.
    worse_together: usize,
    /// Finished batches, and how the cluster stands after each.
    pub(super) done: Vec<Batch>,
    standings: Vec<Standing>,
    pub(super) excuses: Vec<Excuse>,
}

/// The batches that lead from the snapshot to the placement. Each of `elected` is elected in the batch that finishes
/// its partition.
pub(super) fn schedule(order: &Order<'_>) -> Scheduled {
    let mut schedule = Schedule::new(order);
    schedule.run();
    let Schedule { done, standings, excuses, growth, .. } = schedule;
    let mut notes = growth.notes(order.snapshot);
    let batches = merge(order.snapshot, done, &standings, &mut notes);
    notes.extend(oversized(order.snapshot, order.pacing, order.throttle_bytes_per_sec, &batches));
    Scheduled { batches, excuses, notes }
}

impl<'a> Schedule<'a> {
    fn new(order: &Order<'a>) -> Self {
        let Order { snapshot, policy, pacing, .. } = *order;
        let ((mut tasks, growth), mut ledger) =
            rayon::join(|| (tasks(order), Growth::of(order)), || Ledger::new(snapshot, policy));
        let mut room = room(snapshot);
        rank_by_crowding(&mut tasks, &room);
        growth.reserve(&mut room);
        let standings = vec![ledger.standing()];
        Self {
            snapshot,
            policy,
            placement: order.placement,
            pacing,
            gates: vec![Gate::default(); tasks.len()],
            tasks,
            queues: vec![BTreeSet::new(); room.len()],
            room,
            growth,
            ledger,
            leaders: snapshot.partitions.iter().map(|p| p.leader).collect(),
            tally: Tally::new(snapshot, pacing, order.throttle_bytes_per_sec),
            worse_together: usize::MAX,
            done: Vec::new(),
            standings,
            excuses: Vec::new(),
        }
    }

    fn run(&mut self) {
        let mut waiting: Vec<usize> = (0..self.tasks.len()).collect();
        self.prepare(&waiting);
        self.sort(&mut waiting);
        while !waiting.is_empty() {
            let mut steps = self.fill(&waiting);
            if steps.is_empty() && self.growth.release(&mut self.room) {
                continue;
            }
            if steps.is_empty() {
                steps = self.break_deadlock(&waiting);
            }
            debug_assert!(!steps.is_empty(), "something always can be done");
            let mut is_taken = vec![false; self.tasks.len()];
            steps.iter().for_each(|step| is_taken[step.task] = true);
            waiting.retain(|&task| !is_taken[task]);
            let unfinished = self.finish(steps);
            if !unfinished.is_empty() {
                waiting.extend(unfinished);
                self.sort(&mut waiting);
            }
        }
    }

    fn sort(&self, tasks: &mut [usize]) {
        let key = |task: usize| (self.tasks[task].rank, self.tasks[task].relief);
        tasks.sort_by(|&a, &b| {
            let ((rank_a, relief_a), (rank_b, relief_b)) = (key(a), key(b));
            rank_a.cmp(&rank_b).then(relief_b.total_cmp(&relief_a)).then(a.cmp(&b))
        });
    }

    /// Finds the steps that each of `tasks` may take next.
    fn prepare(&mut self, tasks: &[usize]) {
        // Found side by side, noted in order.
        let found: Vec<Prepared> = tasks.par_iter().map(|&task| self.prepared(task)).collect();
        for (&task, Prepared { next, relief, repairs, gate }) in tasks.iter().zip(found) {
            let row = &mut self.tasks[task];
            row.relief = relief.unwrap_or(row.relief);
            if repairs {
                // A repair, whatever the search gave as its reason.
                row.rank %= 2;
            }
            row.refused = None;
            row.next = next;
            self.gates[task] = gate;
        }
    }

    fn prepared(&self, task: usize) -> Prepared {
        let next = self.candidates(task);
        let delta = next.first().map(|best| {
            let bytes: u64 = best.changes.iter().map(Change::bytes).sum();
            let (hard, excess) = self.ledger.delta(&best.effect);
            (hard, -excess / bytes.max(1) as f64)
        });
        Prepared {
            relief: delta.map(|(_, relief)| relief),
            repairs: delta.is_some_and(|(hard, _)| hard < 0),
            gate: Gate::of(self.snapshot, &next),
            next,
        }
    }

    /// One copy to another broker at a time, those that keep the leader first; the whole change where it has but one,
    /// where what lies between breaks a rule, or where Kafka would refuse it.
    fn candidates(&self, row: usize) -> Vec<Step> {
        let task = &self.tasks[row];
        let copies: Vec<&Change> =
            task.changes.iter().filter(|c| c.kind == MoveKind::Replica && c.to.is_some()).collect();
        if copies.len() < 2 || !self.pacing.is_one_replica_at_a_time {
            return vec![self.step(row, |_| End::Goal)];
        }
        let leader = self.leaders[task.partition.row()];
        let is_left = |step: &Step| step.leader_after != leader;
        let will_be_elected = task.elects || self.is_elected_last(task);
        let mut steps = Vec::with_capacity(copies.len());
        for copy in copies {
            let goes = |change: &Change| change == copy || change.kind == MoveKind::LogDir;
            let step = self.step(row, |change| if goes(change) { End::Goal } else { End::of(change.from) });
            let is_safe = self.is_accepted(&step)
                && step.effect.partition_rules() <= 0
                && (!is_left(&step) || will_be_elected)
                && step.seats.len() == task.target.len();
            steps.extend(is_safe.then_some(step));
        }
        steps.sort_by_key(|step| (step.effect.partition_rules(), is_left(step)));
        if steps.is_empty() { vec![self.step(row, |_| End::Goal)] } else { steps }
    }

    /// Whether an election at the end makes the planned leader lead, whoever did in between.
    fn is_elected_last(&self, task: &Task) -> bool {
        let planned = self.placement.leader(task.partition);
        planned.is_some() && planned == task.target.first().map(|seat| seat.broker)
    }

    /// Where `task` stands after a step to `seats`: the step with all that it does.
    pub(super) fn step_to(&self, row: usize, seats: Vec<Seat>) -> Step {
        let task = &self.tasks[row];
        let copy_bytes = self.snapshot.copy_size_bytes(task.partition);
        let (after, changes) = transition(self.snapshot, &task.standing, &seats, copy_bytes);
        let leader = self.leaders[task.partition.row()];
        let is_last = seats == task.target;
        let unelected = leader_after(self.snapshot, leader, &seats, false);
        let planned = self.placement.leader(task.partition);
        let elects = is_last && (task.elects || (unelected != planned && self.is_elected_last(task)));
        let leader_after = if elects { seats.first().map(|s| s.broker) } else { leader.and(unelected) };
        let effect = self.ledger.effect(task.partition, (&task.standing, leader), (&after, leader_after));
        Step { task: row, partition: task.partition, seats, after, changes, leader, leader_after, elects, effect }
    }

    /// The steps of one batch, none where nothing fits; `waiting` is in the order of urgency.
    fn fill(&mut self, waiting: &[usize]) -> Vec<Step> {
        self.tally.clear();
        let mut steps = Vec::new();
        let mut deferred = Vec::new();
        for &task in waiting {
            if self.tally.is_full() {
                break;
            }
            self.try_take(task, false, &mut steps, &mut deferred);
        }
        let mut taken = steps.len();
        for _ in 0..LOOKS {
            let least = if deferred.len() > FEW { deferred.len() / WORTHWHILE } else { 0 };
            if taken <= least {
                break;
            }
            let before = steps.len();
            for task in std::mem::take(&mut deferred) {
                self.try_take(task, false, &mut steps, &mut deferred);
            }
            taken = steps.len() - before;
        }
        self.take_together(deferred, &mut steps);
        steps
    }

    /// Takes what makes things worse one by one, if all of it together does not; and where nothing else is left.
    fn take_together(&mut self, deferred: Vec<usize>, steps: &mut Vec<Step>) {
        let sure = steps.len();
        let count = deferred.len();
        let was_tried = count > FEW && count > self.worse_together / 2;
        if sure > 0 && was_tried {
            return;
        }
        let mut left_out = Vec::new();
        for task in deferred {
            self.try_take(task, true, steps, &mut left_out);
        }
        if sure == 0 || steps.len() == sure {
            return;
        }
        let is_worse = match self.standings.last() {
            Some(before) => self.ledger.standing().is_worse_than(before),
            None => false,
        };
        if is_worse {
            self.worse_together = count;
            for step in steps.drain(sure..).rev() {
                self.ledger.apply(&step.effect, true);
                for (dir, bytes) in incoming(&step.changes) {
                    self.room[dir.row()] = self.room[dir.row()].saturating_add(i128::from(bytes));
                }
                self.tasks[step.task].refused = None;
                self.tasks[step.task].next.insert(0, step);
            }
        }
    }

    /// Takes the first step of `task` that fits; where that makes things worse, only if `is_forced`.
    fn try_take(&mut self, task: usize, is_forced: bool, steps: &mut Vec<Step>, deferred: &mut Vec<usize>) {
        if !self.tally.may_admit(&self.gates[task]) {
            return;
        }
        if self.tasks[task].next.is_empty() {
            self.prepare(&[task]);
        }
        let fits = |step: &Step| self.tally.admits(step) && self.has_room(&step.changes);
        let Some(choice) = self.tasks[task].next.iter().position(fits) else { return };
        if !is_forced && !self.helps(task, choice) {
            deferred.push(task);
            return;
        }
        let step = self.tasks[task].next.remove(choice);
        self.accept(&step);
        steps.push(step);
    }

    /// Whether the step `choice` of `task` makes nothing worse. One that did is looked at again only where something that
    /// it touches has changed.
    fn helps(&mut self, task: usize, choice: usize) -> bool {
        let row = &self.tasks[task];
        let effect = &row.next[choice].effect;
        if row.refused.is_some_and(|(which, moment)| which == choice && self.ledger.is_as_at(moment, effect)) {
            return false;
        }
        let (hard, excess) = self.ledger.delta(effect);
        let helps = hard < 0 || (hard == 0 && (excess <= ROUNDING || row.rank < 2));
        self.tasks[task].refused = (!helps).then(|| (choice, self.ledger.now()));
        helps
    }

    fn has_room(&self, changes: &[Change]) -> bool {
        incoming(changes).all(|(dir, bytes)| i128::from(bytes) <= self.room[dir.row()])
    }

    /// Takes the room that `step` needs and counts what it does.
    pub(super) fn accept(&mut self, step: &Step) {
        for (dir, bytes) in incoming(&step.changes) {
            let room = &mut self.room[dir.row()];
            *room = room.saturating_sub(i128::from(bytes));
        }
        self.tally.add(step);
        self.ledger.apply(&step.effect, false);
    }

    /// Closes a batch: what left is free now. Returns the tasks that have a further step.
    fn finish(&mut self, steps: Vec<Step>) -> Vec<usize> {
        let mut batch = Batch::default();
        let mut unfinished = Vec::new();
        for step in steps {
            for (dir, bytes) in outgoing(&step.changes) {
                let room = &mut self.room[dir.row()];
                *room = room.saturating_add(i128::from(bytes));
            }
            batch.count(&step.changes);
            let task = &mut self.tasks[step.task];
            let partition = task.partition;
            task.next.clear();
            self.gates[step.task] = Gate::default();
            self.leaders[partition.row()] = step.leader_after;
            if step.elects {
                batch.elections.push(partition);
            }
            let stays = task.standing.iter().map(|held| held.seat).eq(step.seats.iter().copied());
            task.standing = step.after;
            if step.seats != task.target {
                let copy_bytes = self.snapshot.copy_size_bytes(partition);
                let (_, changes) = transition(self.snapshot, &task.standing, &task.target, copy_bytes);
                task.changes = changes;
                unfinished.push(step.task);
            }
            if !stays {
                batch.entries.push(Entry { partition, seats: step.seats });
            }
        }
        batch.entries.sort_by_key(|entry| entry.partition);
        batch.elections.sort_unstable();
        self.done.push(batch);
        self.standings.push(self.ledger.standing());
        unfinished
    }
}

/// Every partition that is to change or to be led by another, ascending.
fn tasks(order: &Order<'_>) -> Vec<Task> {
    let snapshot = order.snapshot;
    let mut reasons = order.reasons.iter().peekable();
    let mut elected = order.elected.iter().copied().peekable();
    let mut tasks = Vec::new();
    for partition in snapshot.partition_indices() {
        while reasons.next_if(|r| r.partition < partition).is_some() {}
        let elects = elected.next_if_eq(&partition).is_some();
        let target = order.placement.seats(partition);
        if is_unchanged(snapshot, partition, target) && !elects {
            continue;
        }
        let repairs = reasons.peek().is_some_and(|r| r.partition == partition && is_rule(r.criterion));
        let standing = held_in(snapshot, partition);
        let (_, changes) = transition(snapshot, &standing, target, snapshot.copy_size_bytes(partition));
        tasks.push(Task {
            partition,
            rank: if repairs { 0 } else { 2 },
            relief: 0.0,
            standing,
            target: target.to_vec(),
            changes,
            elects,
            has_detoured: false,
            blocked: None,
            next: Vec::new(),
            refused: None,
        });
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
pub(super) fn room(snapshot: &Snapshot) -> Vec<i128> {
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
    for (dir, bytes) in tasks.iter().flat_map(|task| incoming(&task.changes)) {
        left[dir.row()] = left[dir.row()].saturating_sub(i128::from(bytes));
    }
    let is_crowded = |dir: LogDirIdx| left[dir.row()] < 0;
    for task in tasks {
        if !outgoing(&task.changes).any(|(dir, _)| is_crowded(dir)) {
            task.rank += 1;
        }
    }
}
