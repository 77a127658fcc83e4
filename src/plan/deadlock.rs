//! What to do where everything that is left waits for room that only the others' leaving would make.
//!
//! In order of cost: carry out the part of a partition's change that fits, if that frees a crowded dir; park a replica
//! on another dir of its broker, or on a broker of its rack and group, until its place is free; overfill the dir that
//! suffers least, with an excuse. Parts of the cluster that do not touch each other are served at once. A partition
//! takes one intermediate step at most, so that this ends.

use std::collections::{BTreeMap, BTreeSet};

use super::batches::Schedule;
use super::change::{Change, Held};
use super::step::{End, Step, incoming, outgoing};
use crate::model::{BrokerState, Criterion, Excuse, Groups, LogDirIdx, LogDirState, Rule, Seat};

/// One intermediate step is taken at a time among so many waiting partitions: few enough that little is copied in
/// vain, enough that a large deadlock is left in a few dozen rounds.
const WAITING_PER_STEP: usize = 16;

impl Schedule<'_> {
    /// Steps that get a stuck schedule going again: never empty while something waits. None of `waiting` fits.
    pub(super) fn break_deadlock(&mut self, waiting: &[usize]) -> Vec<Step> {
        for &task in waiting {
            let blocked = self.blocking(task);
            self.tasks[task].blocked = blocked;
            if let Some((dir, bytes)) = blocked {
                self.queues[dir.row()].insert((bytes, task));
            }
        }
        let mut steps = Vec::new();
        let places = Places::new(self);
        for component in self.components(waiting) {
            let quota = component.len().div_ceil(WAITING_PER_STEP);
            let before = steps.len();
            self.try_each(&component, before + quota, &mut steps, |s, task| s.part_that_fits(task));
            for must_unblock in [true, false] {
                if steps.len() == before {
                    let park = |s: &Self, task| s.detour(task, &places, must_unblock);
                    self.try_each(&component, before + quota, &mut steps, park);
                }
            }
            if steps.len() == before {
                self.overfill(&component, quota, &mut steps);
            }
        }
        self.queues.iter_mut().for_each(BTreeSet::clear);
        steps
    }

    /// The dir that lacks most room for `task`'s whole change, and the bytes that come to it.
    fn blocking(&self, task: usize) -> Option<(LogDirIdx, u64)> {
        let lack = |(dir, bytes): &(LogDirIdx, u64)| i128::from(*bytes) - self.room[dir.row()];
        incoming(&self.tasks[task].changes).max_by_key(lack)
    }

    fn unqueue(&mut self, task: usize) {
        if let Some((dir, bytes)) = self.tasks[task].blocked.take() {
            self.queues[dir.row()].remove(&(bytes, task));
        }
    }

    /// Takes the steps that `propose` finds for `tasks`, until there are `until` in all.
    fn try_each(
        &mut self,
        tasks: &[usize],
        until: usize,
        steps: &mut Vec<Step>,
        propose: impl Fn(&Self, usize) -> Option<Step>,
    ) {
        for &task in tasks {
            if steps.len() >= until {
                return;
            }
            if self.tasks[task].has_detoured || steps.iter().any(|step| step.task == task) {
                continue;
            }
            if let Some(step) = propose(self, task) {
                self.take_detour(step, steps);
            }
        }
    }

    fn take_detour(&mut self, step: Step, steps: &mut Vec<Step>) {
        self.unqueue(step.task);
        self.tasks[step.task].has_detoured = true;
        self.accept(&step);
        steps.push(step);
    }

    /// Waiting tasks by the dirs they share, each group by bytes, then order: the cheapest to park comes first.
    fn components(&self, waiting: &[usize]) -> Vec<Vec<usize>> {
        let mut parent: Vec<usize> = (0..self.room.len()).collect();
        for &task in waiting {
            let changes = &self.tasks[task].changes;
            let mut dirs = incoming(changes).chain(outgoing(changes)).map(|(dir, _)| dir.row());
            let Some(first) = dirs.next() else { continue };
            for dir in dirs {
                let (a, b) = (root(&mut parent, first), root(&mut parent, dir));
                parent[a.max(b)] = a.min(b);
            }
        }
        let mut components: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &task in waiting {
            if let Some((dir, _)) = incoming(&self.tasks[task].changes).next() {
                components.entry(root(&mut parent, dir.row())).or_default().push(task);
            }
        }
        let bytes = |task: &usize| incoming(&self.tasks[*task].changes).map(|(_, bytes)| bytes).max();
        let mut components: Vec<Vec<usize>> = components.into_values().collect();
        components.iter_mut().for_each(|tasks| tasks.sort_by_key(|task| (bytes(task), *task)));
        components
    }

    /// The least room that a task waiting at `dir` needs; none where nobody waits.
    fn least_awaited_bytes(&self, dir: LogDirIdx) -> Option<u64> {
        self.queues[dir.row()].first().map(|(bytes, _)| *bytes)
    }

    /// Whether any task waits for room on `dir`.
    fn is_awaited(&self, dir: LogDirIdx) -> bool {
        !self.queues[dir.row()].is_empty()
    }

    /// The changes of `task` that fit now, where some do, not all, and one of them frees a dir that others wait for.
    fn part_that_fits(&self, task: usize) -> Option<Step> {
        let fits = |change: &Change| {
            change
                .to
                .is_some_and(|held| held.seat.log_dir.is_none_or(|dir| i128::from(held.bytes) <= self.room[dir.row()]))
        };
        let changes = &self.tasks[task].changes;
        let part: Vec<Change> = changes.iter().copied().filter(fits).collect();
        let helps = outgoing(&part).any(|(dir, _)| self.is_awaited(dir));
        let stays = |change: &Change| if fits(change) { End::Goal } else { End::of(change.from) };
        (helps && part.len() < changes.len()).then(|| self.step(task, stays)).filter(|step| self.is_accepted(step))
    }

    /// The step that parks a leaving replica of `task` elsewhere, where that helps others and there is room for it.
    fn detour(&self, task: usize, places: &Places, must_unblock: bool) -> Option<Step> {
        let changes = &self.tasks[task].changes;
        let (index, place) = changes.iter().enumerate().find_map(|(index, change)| {
            let from = change.from.filter(|_| change.to.is_some())?;
            let dir = from.seat.log_dir?;
            let awaited = self.least_awaited_bytes(dir)?;
            let unblocks = i128::from(awaited) <= self.room[dir.row()] + i128::from(from.bytes);
            let place = (unblocks || !must_unblock).then(|| places.find(self, task, from)).flatten()?;
            Some((index, place))
        })?;
        let parked = |change: &Change| if *change == changes[index] { End::At(place) } else { End::of(change.from) };
        Some(self.step(task, parked)).filter(|step| self.is_accepted(step))
    }

    /// Whether Kafka takes the step: it refuses empty lists and brokers that do not answer.
    pub(super) fn is_accepted(&self, step: &Step) -> bool {
        let state = |seat: &Seat| self.snapshot.broker(seat.broker).state;
        !step.seats.is_empty()
            && !step.seats.iter().any(|seat| matches!(state(seat), BrokerState::Down | BrokerState::Dead))
    }

    /// The step of `task` in which each change ends where `end` says.
    pub(super) fn step(&self, row: usize, end: impl Fn(&Change) -> End) -> Step {
        let task = &self.tasks[row];
        let mut seats = task.target.clone();
        for change in &task.changes {
            let position = change.to.and_then(|to| seats.iter().position(|s| *s == to.seat));
            match (end(change), position) {
                (End::Goal, _) | (End::Nowhere, None) => {}
                (End::At(seat), Some(position)) => seats[position] = seat,
                (End::At(seat), None) => seats.push(seat),
                (End::Nowhere, Some(position)) => {
                    seats.remove(position);
                }
            }
        }
        self.step_to(row, seats)
    }

    /// Carries out the tasks that overfill least, with an excuse each: nothing else is left to try.
    fn overfill(&mut self, component: &[usize], quota: usize, steps: &mut Vec<Step>) {
        let mut by_overflow: Vec<(i128, usize)> = component.iter().map(|&t| (self.worst_overflow(t).0, t)).collect();
        by_overflow.sort_unstable();
        for &(_, task) in by_overflow.iter().take(quota) {
            let (_, dir, bytes) = self.worst_overflow(task);
            if let Some(dir) = dir {
                self.excuses.push(self.overflow_excuse(task, dir, bytes));
            }
            let step = self.step(task, |_| End::Goal);
            self.take_detour(step, steps);
        }
    }

    /// How far `task` overfills a dir, in millionths of its capacity; the dir; the bytes it brings there.
    fn worst_overflow(&self, task: usize) -> (i128, Option<LogDirIdx>, u64) {
        let share = |(dir, bytes): (LogDirIdx, u64)| {
            let capacity = self.snapshot.log_dir(dir).capacity_bytes.map_or(i128::MAX, i128::from).max(1);
            let over = i128::from(bytes) - self.room[dir.row()];
            (over.saturating_mul(1_000_000) / capacity, Some(dir), bytes)
        };
        incoming(&self.tasks[task].changes).map(share).max().unwrap_or((0, None, 0))
    }

    fn overflow_excuse(&self, task: usize, dir: LogDirIdx, bytes: u64) -> Excuse {
        let row = self.snapshot.log_dir(dir);
        let name = self.snapshot.partition_name(self.tasks[task].partition);
        let over = i128::from(bytes) - self.room[dir.row()];
        let capacity = row.capacity_bytes.unwrap_or(1).max(1);
        let broker = self.snapshot.broker(row.broker).id;
        let batch = self.done.len() + 1;
        Excuse {
            subject: name.clone(),
            criterion: Some(Criterion::Rule(Rule::LogDirCapacity)),
            value: Some(1.0 + over as f64 / capacity as f64),
            limit: Some(1.0),
            why: format!(
                "batch {batch} copies {bytes} bytes of {name} to {} of broker {broker} while what is to leave it is \
                 still there: {over} bytes more than fit; every order of moves meets such a dir and no other dir of \
                 the broker, rack or group has room to park a replica",
                row.path
            ),
            remedy: format!(
                "free {over} bytes on {} of broker {broker} before batch {batch}, or shorten the retention of what \
                 it holds while the batch runs",
                row.path
            ),
        }
    }
}

fn root(parent: &mut [usize], mut row: usize) -> usize {
    while parent[row] != row {
        parent[row] = parent[parent[row]];
        row = parent[row];
    }
    row
}

/// Where replicas may be parked.
struct Places {
    groups: Groups,
    /// By broker: whether its dirs are fully known and it may receive replicas.
    receives: Vec<bool>,
    /// By broker: whether replicas may move between its dirs.
    shuffles: Vec<bool>,
}

impl Places {
    fn new(schedule: &Schedule<'_>) -> Self {
        let snapshot = schedule.snapshot;
        let mut is_known = vec![true; snapshot.brokers.len()];
        for replica in snapshot.replicas.iter().filter(|r| r.log_dir.is_none()) {
            is_known[replica.broker.row()] = false;
        }
        let (mut receives, mut shuffles) = (is_known.clone(), is_known);
        for broker in snapshot.broker_indices() {
            let row = snapshot.broker(broker);
            receives[broker.row()] &= row.state.is_active() && !schedule.policy.no_receive.contains(&row.id);
            let dirs = &snapshot.log_dirs[row.log_dir_rows()];
            shuffles[broker.row()] &= row.state.is_active() && dirs.iter().all(|d| d.state.is_serving());
        }
        Self { groups: Groups::new(snapshot, schedule.policy), receives, shuffles }
    }

    /// The dir with the most room that nobody waits for: of `held`'s own broker, else of a broker of its rack that the
    /// topic may sit on and that has no part in the partition.
    fn find(&self, schedule: &Schedule<'_>, task: usize, held: Held) -> Option<Seat> {
        let snapshot = schedule.snapshot;
        let task = &schedule.tasks[task];
        let own = held.seat.broker;
        let best = |brokers: &mut dyn Iterator<Item = crate::model::BrokerIdx>, bytes: u64| {
            let dirs = brokers.flat_map(|b| snapshot.broker(b).log_dir_rows()).map(LogDirIdx::new);
            let fits = |dir: &LogDirIdx| {
                snapshot.log_dir(*dir).state == LogDirState::Online
                    && !schedule.is_awaited(*dir)
                    && schedule.room[dir.row()] >= i128::from(bytes)
            };
            let roomiest = dirs.filter(fits).max_by_key(|d| (schedule.room[d.row()], std::cmp::Reverse(*d)))?;
            Some(Seat { broker: snapshot.log_dir(roomiest).broker, log_dir: Some(roomiest) })
        };
        if self.shuffles[own.row()] && self.receives[own.row()] {
            let on_own_broker = best(&mut std::iter::once(own), held.bytes);
            if on_own_broker.is_some() {
                return on_own_broker;
            }
        }
        let is_staying_on_broker = task.target.iter().any(|s| s.broker == own);
        let home = self.groups.home(snapshot.partition(task.partition).topic);
        let takes_part =
            |b| task.target.iter().any(|s| s.broker == b) || task.standing.iter().any(|h| h.seat.broker == b);
        let mut brokers = snapshot.broker_indices().filter(|&b| {
            self.receives[b.row()]
                && !takes_part(b)
                && self.groups.admits(home, b)
                && snapshot.broker(b).rack == snapshot.broker(own).rack
        });
        let copy_bytes = snapshot.copy_size_bytes(task.partition);
        // A replica that only changes its dir stays on its broker: leaving it would cost two copies and its leadership.
        if is_staying_on_broker { None } else { best(&mut brokers, copy_bytes) }
    }
}
