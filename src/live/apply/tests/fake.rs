//! A cluster and a journal in memory. The cluster copies in a few seconds of its own time what it is asked to, as long
//! as it is not frozen and the brokers serve; it answers as Kafka 4.3 was seen to.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::journal::{Journal, JournalError, Record, Standing};
use super::super::work::Seats;
use crate::live::admin::{
    Admin, AdminError, Answer, BrokerAnswer, ClusterAnswer, ConfigAnswer, ConfigChange, Configs, ErrorKind,
    LogDirAnswer, LogDirs, OffsetsAnswer, PartitionAnswer, Replica, Resource, RunningReassignment, TopicPartition,
    TopicsAnswer,
};
use crate::live::surroundings::Surroundings;

/// What a copy takes unless a test says otherwise.
const COPY_SECONDS: f64 = 3.0;

#[derive(Clone, Default)]
struct Row {
    seats: Vec<(i32, String)>,
    leader: i32,
    /// What it is being reassigned to, and since when.
    running: Option<(Vec<i32>, f64)>,
    /// Dirs that replicas are being moved to, and since when.
    moving: BTreeMap<i32, (String, f64)>,
    /// Dirs for replicas that are yet to come.
    remembered: BTreeMap<i32, String>,
}

impl Row {
    fn ids(&self) -> Vec<i32> {
        self.seats.iter().map(|(id, _)| *id).collect()
    }
}

#[derive(Default)]
struct State {
    seconds: f64,
    rows: BTreeMap<TopicPartition, Row>,
    settings: BTreeMap<(Resource, String), String>,
    seen: BTreeSet<(Resource, String, String)>,
    calls: Vec<(f64, String)>,
    dead: BTreeSet<i32>,
    away: Vec<(i32, f64, f64)>,
    unsynced: Vec<(TopicPartition, i32, f64, f64)>,
    cancelled_at: Option<f64>,
    is_frozen: bool,
    looks_left: Option<usize>,
    copy_seconds: Option<f64>,
    full_until: f64,
    /// Bytes of a partition's replicas until then, seconds.
    weights: Vec<(TopicPartition, u64, f64)>,
    /// What producers write to a partition, bytes per second, until then.
    written: Vec<(TopicPartition, f64, f64)>,
}

impl State {
    fn written(&self, partition: &TopicPartition) -> u64 {
        let of = self.written.iter().filter(|(p, ..)| p == partition);
        of.map(|(_, rate, until)| rate * self.seconds.min(*until)).sum::<f64>() as u64
    }

    fn bytes(&self, partition: &TopicPartition) -> u64 {
        let weight = self.weights.iter().find(|(p, _, until)| p == partition && self.seconds < *until);
        weight.map_or(100, |(_, bytes, _)| *bytes) + self.written(partition)
    }
}

pub(super) struct Cluster {
    pub(super) id: String,
    pub(super) is_old: Cell<bool>,
    brokers: Vec<i32>,
    dirs: Vec<String>,
    state: RefCell<State>,
}

impl Cluster {
    pub(super) fn new(brokers: &[i32], dirs: &[&str]) -> Self {
        Self {
            id: "lab".to_owned(),
            is_old: Cell::new(false),
            brokers: brokers.to_vec(),
            dirs: dirs.iter().map(|dir| (*dir).to_owned()).collect(),
            state: RefCell::default(),
        }
    }

    pub(super) fn place(&self, partition: &TopicPartition, seats: &Seats) {
        let seats: Vec<(i32, String)> = seats.iter().map(|(id, dir)| (*id, dir.clone().unwrap_or_default())).collect();
        let row = Row { leader: seats[0].0, seats, ..Row::default() };
        self.state.borrow_mut().rows.insert(partition.clone(), row);
    }

    pub(super) fn set(&self, resource: Resource, key: &str, value: &str) {
        self.state.borrow_mut().settings.insert((resource, key.to_owned()), value.to_owned());
    }

    pub(super) fn settings(&self) -> BTreeMap<(Resource, String), String> {
        self.state.borrow().settings.clone()
    }

    pub(super) fn seen_settings(&self) -> BTreeSet<(Resource, String, String)> {
        self.state.borrow().seen.clone()
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.state.borrow().calls.iter().map(|(_, call)| call.clone()).collect()
    }

    /// When each call came that begins with `what`, seconds.
    pub(super) fn seconds_of(&self, what: &str) -> Vec<f64> {
        let state = self.state.borrow();
        state.calls.iter().filter(|(_, call)| call.starts_with(what)).map(|(at, _)| *at).collect()
    }

    pub(super) fn copy_in(&self, seconds: f64) {
        self.state.borrow_mut().copy_seconds = Some(seconds);
    }

    /// Every volume is nearly full until then.
    pub(super) fn full_until(&self, seconds: f64) {
        self.state.borrow_mut().full_until = seconds;
    }

    /// Replicas of `partition` have so many bytes until then.
    pub(super) fn weigh(&self, partition: &TopicPartition, bytes: u64, until: f64) {
        self.state.borrow_mut().weights.push((partition.clone(), bytes, until));
    }

    /// So many bytes per second are written to `partition` until then.
    pub(super) fn write(&self, partition: &TopicPartition, rate: f64, until: f64) {
        self.state.borrow_mut().written.push((partition.clone(), rate, until));
    }

    pub(super) fn set_alive(&self, id: i32, is_alive: bool) {
        let dead = &mut self.state.borrow_mut().dead;
        if is_alive {
            dead.remove(&id)
        } else {
            dead.insert(id)
        };
    }

    pub(super) fn away_between(&self, id: i32, from: f64, until: f64) {
        self.state.borrow_mut().away.push((id, from, until));
    }

    pub(super) fn out_of_sync_between(&self, partition: &TopicPartition, id: i32, from: f64, until: f64) {
        self.state.borrow_mut().unsynced.push((partition.clone(), id, from, until));
    }

    pub(super) fn cancelled_by_somebody_at(&self, seconds: f64) {
        self.state.borrow_mut().cancelled_at = Some(seconds);
    }

    pub(super) fn freeze(&self, is_frozen: bool) {
        self.state.borrow_mut().is_frozen = is_frozen;
    }

    pub(super) fn die_after_looks(&self, looks: Option<usize>) {
        self.state.borrow_mut().looks_left = looks;
    }

    pub(super) fn pass(&self, duration: Duration) {
        let mut state = self.state.borrow_mut();
        state.seconds += duration.as_secs_f64();
        let now = state.seconds;
        if state.cancelled_at.is_some_and(|at| at <= now) {
            state.rows.values_mut().for_each(|row| row.running = None);
        }
        if state.is_frozen {
            return;
        }
        let alive = alive(&self.brokers, &state);
        let copy_seconds = state.copy_seconds.unwrap_or(COPY_SECONDS);
        for row in state.rows.values_mut() {
            let is_due = |since: f64| now - since >= copy_seconds;
            if let Some((target, since)) = row.running.clone()
                && is_due(since)
                && target.iter().all(|id| alive.contains(id))
            {
                let place = |id: &i32| {
                    let known = row.seats.iter().find(|(old, _)| old == id).map(|(_, dir)| dir.clone());
                    (*id, known.or_else(|| row.remembered.get(id).cloned()).unwrap_or_else(|| self.dirs[0].clone()))
                };
                row.seats = target.iter().map(place).collect();
                row.running = None;
                if !target.contains(&row.leader) {
                    row.leader = target[0];
                }
            }
            let due: Vec<i32> = row.moving.iter().filter(|(_, (_, since))| is_due(*since)).map(|(id, _)| *id).collect();
            for id in due {
                if let (Some((path, _)), Some(seat)) =
                    (row.moving.remove(&id), row.seats.iter_mut().find(|(old, _)| *old == id))
                {
                    seat.1 = path;
                }
            }
        }
    }

    pub(super) fn seats(&self, partition: &TopicPartition) -> Seats {
        let row = &self.state.borrow().rows[partition];
        row.seats.iter().map(|(id, dir)| (*id, Some(dir.clone()))).collect()
    }

    /// As metadata shows them: during a reassignment the target, then what is left over.
    pub(super) fn replicas(&self, partition: &TopicPartition) -> Vec<i32> {
        merged(&self.state.borrow().rows[partition])
    }

    pub(super) fn leader(&self, partition: &TopicPartition) -> Option<i32> {
        Some(self.state.borrow().rows[partition].leader)
    }

    /// Seats and leaders of all partitions.
    pub(super) fn everything(&self) -> Vec<(Seats, Option<i32>)> {
        let partitions: Vec<TopicPartition> = self.state.borrow().rows.keys().cloned().collect();
        partitions.iter().map(|p| (self.seats(p), self.leader(p))).collect()
    }
}

fn merged(row: &Row) -> Vec<i32> {
    let Some((target, _)) = &row.running else { return row.ids() };
    let left = row.ids().into_iter().filter(|id| !target.contains(id));
    target.iter().copied().chain(left).collect()
}

fn alive(brokers: &[i32], state: &State) -> BTreeSet<i32> {
    let is_away =
        |id: i32| state.away.iter().any(|(who, from, until)| *who == id && (*from..*until).contains(&state.seconds));
    brokers.iter().copied().filter(|id| !state.dead.contains(id) && !is_away(*id)).collect()
}

/// A broker answers for its own settings.
fn reachable(resource: &Resource, alive: &BTreeSet<i32>) -> Answer<()> {
    match resource {
        Resource::Broker(id) if !alive.contains(id) => Err(AdminError::new(ErrorKind::Unreachable, "away")),
        _ => Ok(()),
    }
}

impl Surroundings for Cluster {
    fn unix_seconds(&self) -> f64 {
        self.state.borrow().seconds
    }

    fn sleep(&self, duration: Duration) {
        self.pass(duration);
        assert!(self.unix_seconds() < 10_000.0, "the run never ends");
    }
}

impl Admin for Cluster {
    fn cluster(&self) -> Answer<ClusterAnswer> {
        let mut state = self.state.borrow_mut();
        if let Some(left) = &mut state.looks_left {
            *left = left.checked_sub(1).ok_or_else(|| AdminError::new(ErrorKind::Other, "killed"))?;
        }
        let brokers = alive(&self.brokers, &state).into_iter().map(|id| (id, BrokerAnswer::default())).collect();
        Ok(ClusterAnswer { cluster_id: self.id.clone(), brokers })
    }

    fn topics(&self) -> Answer<TopicsAnswer> {
        let state = self.state.borrow();
        let alive = alive(&self.brokers, &state);
        let mut answer = TopicsAnswer::default();
        for (partition, row) in &state.rows {
            let is_synced = |id: &i32| {
                let is_out = |(p, who, from, until): &(TopicPartition, i32, f64, f64)| {
                    p == partition && who == id && (*from..*until).contains(&state.seconds)
                };
                alive.contains(id) && !state.unsynced.iter().any(is_out)
            };
            let found = PartitionAnswer {
                leader: Some(row.leader),
                replicas: merged(row),
                isr: row.ids().into_iter().filter(is_synced).collect(),
            };
            answer.partitions.insert(partition.clone(), found);
        }
        Ok(answer)
    }

    fn log_dirs(&self, brokers: &[i32]) -> BTreeMap<i32, Answer<LogDirs>> {
        let state = self.state.borrow();
        let mut answers = BTreeMap::new();
        for id in brokers {
            let mut dirs: LogDirs = self
                .dirs
                .iter()
                .map(|dir| {
                    let usable_bytes = Some(if state.seconds < state.full_until { 10 } else { 1 << 40 });
                    (dir.clone(), LogDirAnswer { is_online: true, usable_bytes, ..LogDirAnswer::default() })
                })
                .collect();
            for (partition, row) in &state.rows {
                let lies =
                    row.seats.iter().filter(|(who, _)| who == id).map(|(_, dir)| (dir, state.bytes(partition), false));
                let copies = row.moving.iter().filter(|(who, _)| *who == id).map(|(_, (dir, _))| (dir, 10, true));
                for (dir, bytes, is_future) in lies.chain(copies) {
                    if let Some(dir) = dirs.get_mut(dir) {
                        dir.replicas.push((partition.clone(), bytes, is_future));
                    }
                }
            }
            answers.insert(*id, Ok(dirs));
        }
        answers
    }

    fn reassignments(&self) -> Answer<BTreeMap<TopicPartition, RunningReassignment>> {
        if self.is_old.get() {
            return Err(AdminError::new(ErrorKind::Unsupported, "unsupported"));
        }
        let state = self.state.borrow();
        let running = state.rows.iter().filter_map(|(partition, row)| {
            let (target, _) = row.running.as_ref()?;
            let old = row.ids();
            let answer = RunningReassignment {
                replicas: merged(row),
                adding: target.iter().copied().filter(|id| !old.contains(id)).collect(),
                removing: old.into_iter().filter(|id| !target.contains(id)).collect(),
            };
            Some((partition.clone(), answer))
        });
        Ok(running.collect())
    }

    fn offsets(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<OffsetsAnswer>> {
        let mut state = self.state.borrow_mut();
        let now = state.seconds;
        state.calls.push((now, "offsets".to_owned()));
        let end = |p: &TopicPartition| OffsetsAnswer { start: 0, end: i64::try_from(state.written(p)).unwrap_or(0) };
        partitions.iter().map(|p| (p.clone(), Ok(end(p)))).collect()
    }

    fn configs(&self, resources: &[Resource]) -> BTreeMap<Resource, Answer<Configs>> {
        let state = self.state.borrow();
        let of = |resource: &Resource| {
            let own = state.settings.iter().filter(|((owner, _), _)| owner == resource);
            own.map(|((_, key), value)| (key.clone(), ConfigAnswer { value: Some(value.clone()), is_own: true }))
                .collect()
        };
        let alive = alive(&self.brokers, &state);
        resources.iter().map(|r| (r.clone(), reachable(r, &alive).map(|()| of(r)))).collect()
    }

    fn alter_configs(&self, changes: &[ConfigChange]) -> BTreeMap<Resource, Answer<()>> {
        let mut state = self.state.borrow_mut();
        let alive = alive(&self.brokers, &state);
        for change in changes.iter().filter(|change| reachable(&change.resource, &alive).is_ok()) {
            let key = (change.resource.clone(), change.key.clone());
            match &change.value {
                Some(value) => {
                    state.seen.insert((change.resource.clone(), change.key.clone(), value.clone()));
                    state.settings.insert(key, value.clone());
                }
                None => drop(state.settings.remove(&key)),
            }
        }
        changes.iter().map(|change| (change.resource.clone(), reachable(&change.resource, &alive))).collect()
    }

    fn alter_log_dirs(&self, moves: &[(Replica, String)]) -> BTreeMap<Replica, Answer<()>> {
        let mut state = self.state.borrow_mut();
        let now = state.seconds;
        let mut answers = BTreeMap::new();
        for ((partition, id), path) in moves {
            state.calls.push((now, format!("dir {partition} on {id} {path}")));
            let Some(row) = state.rows.get_mut(partition) else { continue };
            let here = row.seats.iter().find(|(who, _)| who == id).map(|(_, dir)| dir.clone());
            let answer = match here {
                _ if !self.dirs.contains(path) => Err(AdminError::new(ErrorKind::LogDirNotFound, "no such dir")),
                Some(here) if here == *path => {
                    row.moving.remove(id);
                    Ok(())
                }
                Some(_) => {
                    row.moving.insert(*id, (path.clone(), now));
                    Ok(())
                }
                None => {
                    row.remembered.insert(*id, path.clone());
                    Err(AdminError::new(ErrorKind::ReplicaNotAvailable, "no replica"))
                }
            };
            answers.insert((partition.clone(), *id), answer);
        }
        answers
    }

    fn reassign(&self, targets: &[(TopicPartition, Option<Vec<i32>>)]) -> BTreeMap<TopicPartition, Answer<()>> {
        let mut state = self.state.borrow_mut();
        let now = state.seconds;
        let mut answers = BTreeMap::new();
        for (partition, target) in targets {
            match target {
                Some(ids) => state.calls.push((now, format!("reassign {partition} {ids:?}"))),
                None => state.calls.push((now, format!("cancel {partition}"))),
            }
            let Some(row) = state.rows.get_mut(partition) else { continue };
            let answer = match target {
                Some(ids) => {
                    row.running = Some((ids.clone(), now));
                    Ok(())
                }
                None if row.running.is_none() => Err(AdminError::new(ErrorKind::NoReassignment, "none")),
                None => {
                    // What is left of the merged list, the target's order first: as Kafka 4.3 does.
                    let old = row.ids();
                    let order: Vec<i32> = merged(row).into_iter().filter(|id| old.contains(id)).collect();
                    row.seats.sort_by_key(|(id, _)| order.iter().position(|other| other == id));
                    row.running = None;
                    Ok(())
                }
            };
            answers.insert(partition.clone(), answer);
        }
        answers
    }

    fn elect_preferred(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Answer<()>> {
        let mut state = self.state.borrow_mut();
        let now = state.seconds;
        for partition in partitions {
            state.calls.push((now, format!("elect {partition}")));
            if let Some(row) = state.rows.get_mut(partition) {
                row.leader = row.seats[0].0;
            }
        }
        partitions.iter().map(|partition| (partition.clone(), Ok(()))).collect()
    }
}

/// A journal whose run can be killed: after so many writes nothing more is written.
#[derive(Clone, Default)]
pub(super) struct Memory {
    pub(super) records: Vec<Record>,
    pub(super) standing: Standing,
    pub(super) writes_left: Cell<Option<usize>>,
}

impl Journal for Memory {
    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn append(&mut self, record: Record) -> Result<(), JournalError> {
        if let Some(left) = self.writes_left.get() {
            let Some(rest) = left.checked_sub(1) else {
                let source = std::io::Error::other("killed");
                return Err(JournalError::Io { what: "cannot write", path: "journal".into(), source });
            };
            self.writes_left.set(Some(rest));
        }
        self.standing.take(&record);
        self.records.push(record);
        Ok(())
    }
}
