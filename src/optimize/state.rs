//! The search's moving side: where every slot is, who leads, and every goal's load, updated in time independent of the
//! cluster's size. Each change can be undone by the opposite change.
//!
//! Invariant (recounted in debug builds by [`State::recount`]): loads, dir bytes, topic counts, per-broker lists and
//! moved bytes equal what the slots say.

use std::sync::Arc;

use super::aims::Aims;
use super::penalty::{Bands, MARGIN};
use super::problem::{DISK, LANES, LEADERS, NONE, Problem, REPLICAS, Vector, WRITES, plus, row};
use super::scatter::Scatter;
use super::spread::{Of, Seats, Spread};
use crate::model::Goal;

/// A leader offset that names no slot.
pub(crate) const NO_LEADER: u16 = u16::MAX;

/// The search's moving side.
#[derive(Clone)]
pub(crate) struct State {
    /// Each slot's broker.
    pub(crate) broker: Vec<u32>,
    /// Each slot's log dir, [`NONE`] where it is left to the broker.
    pub(crate) dir: Vec<u32>,
    /// Each partition's leading slot, as an offset into its slots.
    pub(crate) leader: Vec<u16>,
    /// Each broker's loads.
    pub(crate) load: Vec<Vector>,
    /// Bytes on each log dir, other use included.
    pub(crate) dir_bytes: Vec<f64>,
    /// Bytes on each log dir in the snapshot.
    pub(crate) home_dir_bytes: Arc<[f64]>,
    /// Slots on each broker, in no order that matters but always the same.
    pub(crate) on_broker: Vec<Vec<u32>>,
    /// Each slot's place in its broker's list.
    place: Vec<u32>,
    /// Slots whose broker differs from the snapshot's.
    pub(crate) moved: Vec<u32>,
    /// Each slot's place in `moved`, [`NONE`] where it has not moved.
    moved_place: Vec<u32>,
    /// How many slots of each partition have moved: most have none, which spares looking for old homes.
    moved_in: Vec<u16>,
    /// Replicas of each topic on each broker.
    pub(crate) spread: Spread,
    /// Leaders of each topic on each broker.
    pub(crate) leader_spread: Spread,
    /// With whom each broker shares partitions.
    pub(crate) scatter: Scatter,
    /// Bytes copied between brokers so far.
    pub(crate) copied_bytes: f64,
    /// Replica movements between brokers so far.
    pub(crate) copies: i64,
    /// Partitions led by another slot than in the snapshot.
    pub(crate) leader_changes: i64,
    /// Each partition's leader in the snapshot.
    pub(crate) home_leader: Arc<[u16]>,
    /// What the search is after; none where that is every goal everywhere.
    pub(crate) aims: Option<Arc<Aims>>,
    /// The bands in force and every broker's penalty under them.
    pub(crate) bands: Bands,
    /// Each broker's penalty.
    pub(crate) penalty: Vec<f64>,
    /// Σ `penalty`, kept along.
    penalty_sum: f64,
}

impl State {
    /// The snapshot as it stands.
    pub(crate) fn new(problem: &Problem<'_>) -> Self {
        let brokers = problem.brokers.len();
        let leaders = problem.snapshot.partitions.iter().enumerate().map(|(p, partition)| {
            let leader = partition.leader.map_or(NONE, |b| row(b.row()));
            let offset = problem.slots(row(p)).position(|s| problem.home_broker[s] == leader);
            offset.map_or(NO_LEADER, |o| u16::try_from(o).unwrap_or(NO_LEADER))
        });
        let leader: Vec<u16> = leaders.collect();
        let seats = Seats { broker: &problem.home_broker, leader: &leader };
        let mut state = Self {
            spread: Spread::new(problem, Of::Replicas, seats),
            leader_spread: Spread::new(problem, Of::Leaders, seats),
            scatter: Scatter::new(problem),
            broker: problem.home_broker.clone(),
            dir: problem.home_dir.clone(),
            leader_changes: 0,
            home_leader: leader.clone().into(),
            leader,
            load: vec![Vector::default(); brokers],
            dir_bytes: Vec::new(),
            home_dir_bytes: Arc::from([]),
            on_broker: vec![Vec::new(); brokers],
            place: vec![0; problem.home_broker.len()],
            moved: Vec::new(),
            moved_place: vec![NONE; problem.home_broker.len()],
            moved_in: vec![0; problem.partitions.len()],
            copied_bytes: 0.0,
            copies: 0,
            aims: None,
            bands: Bands::default(),
            penalty: vec![0.0; brokers],
            penalty_sum: 0.0,
        };
        for slot in 0..state.broker.len() {
            let list = &mut state.on_broker[state.broker[slot] as usize];
            state.place[slot] = row(list.len());
            list.push(row(slot));
        }
        (state.load, state.dir_bytes) = state.count_loads(problem);
        state.home_dir_bytes = state.dir_bytes.clone().into();
        state.rebase(problem);
        state
    }

    /// Computes bands anew from the loads as they are: a copy may bring more than the replica it replaces held, so
    /// means drift a little while replicas move.
    pub(crate) fn rebase(&mut self, problem: &Problem<'_>) {
        self.rebase_curved(problem, 0.0);
    }

    /// As [`Self::rebase`], with a quadratic part in the penalty: the worst brokers first.
    pub(crate) fn rebase_curved(&mut self, problem: &Problem<'_>, curvature: f64) {
        self.bands = Bands::wanted(problem, self.aims.as_deref(), &self.load, (MARGIN, curvature));
        self.reprice();
    }

    /// Takes the loads as they are for the start: what is not pursued from here on may not get worse.
    pub(crate) fn aim(&mut self, problem: &Problem<'_>) {
        self.aims = Aims::of(problem, self).map(Arc::new);
        let pursues_topics = self.aims.as_ref().is_none_or(|aims| aims.topics);
        self.spread.pursue(pursues_topics);
        let scope = &problem.policy.scope;
        self.leader_spread.pursue(scope.pursues(Goal::LeadersPerTopic));
        self.scatter.pursue(scope.pursues(Goal::ScatterWidth));
        self.rebase(problem);
    }

    /// The bands that the search is after, exactly.
    pub(crate) fn wanted(&self, problem: &Problem<'_>) -> Bands {
        Bands::wanted(problem, self.aims.as_deref(), &self.load, (0.0, 0.0))
    }

    /// The excess that the contract reports of what the search is after, log dirs aside, weighted: exact bands, no
    /// margin; what frozen topics are beyond their limits left out.
    pub(crate) fn excess(&self, problem: &Problem<'_>) -> f64 {
        let exact = self.wanted(problem);
        let brokers: f64 = (0..self.load.len()).map(|b| exact.excess(b, &self.load[b])).sum();
        brokers + self.shared_penalty()
    }

    /// Recomputes every broker's penalty under the bands in force.
    fn reprice(&mut self) {
        for b in 0..self.load.len() {
            self.penalty[b] = self.bands.penalty(b, &self.load[b]);
        }
        self.penalty_sum = self.penalty.iter().sum();
    }

    /// How many hard limits on brokers are passed.
    pub(crate) fn beyond(&self, problem: &Problem<'_>) -> usize {
        let exact = Bands::of(problem, &self.load, 0.0, 0.0);
        (0..self.load.len()).map(|b| exact.beyond(b, &self.load[b])).sum()
    }

    /// Takes what frozen topics are beyond their limits as given: called once repairs are done.
    pub(crate) fn settle(&mut self, problem: &Problem<'_>) {
        let seats = Seats { broker: &self.broker, leader: &self.leader };
        self.spread.settle(problem, seats);
        self.leader_spread.settle(problem, seats);
    }

    /// Where replicas sit and who leads.
    pub(crate) fn seats(&self) -> Seats<'_> {
        Seats { broker: &self.broker, leader: &self.leader }
    }

    /// Σ penalties of brokers, of topics on brokers and of scatter widths.
    pub(crate) fn total_penalty(&self) -> f64 {
        self.penalty_sum + self.shared_penalty()
    }

    /// The penalties that are no single broker's load.
    fn shared_penalty(&self) -> f64 {
        self.spread.penalty() + self.leader_spread.penalty() + self.scatter.penalty()
    }

    /// The change of those penalties if `slot` went from `from` to `to`.
    pub(crate) fn shared_delta(&self, problem: &Problem<'_>, slot: u32, from: u32, to: u32) -> f64 {
        let t = problem.partitions[problem.slot_partition[slot as usize] as usize].topic;
        self.spread.delta(problem, &self.broker, t, from, to) + self.linked_delta(problem, slot, from, to)
    }

    /// That of the optional goals alone: leaders of its topic, and scatter widths.
    pub(crate) fn linked_delta(&self, problem: &Problem<'_>, slot: u32, from: u32, to: u32) -> f64 {
        let t = problem.partitions[problem.slot_partition[slot as usize] as usize].topic;
        let mut delta = 0.0;
        if self.leader_spread.limit(problem, t) != NONE && self.leads(problem, slot) {
            delta += self.leader_spread.delta(problem, &self.broker, t, from, to);
        }
        if self.scatter.is_on() {
            delta += self.scatter.delta(problem, &self.broker, slot, to);
        }
        delta
    }

    /// Whether `slot` leads its partition.
    pub(crate) fn leads(&self, problem: &Problem<'_>, slot: u32) -> bool {
        let p = problem.slot_partition[slot as usize] as usize;
        u32::from(self.leader[p]) == slot - problem.partitions[p].first_slot
    }

    /// The slot of `slot`'s partition that `broker`, which hosts none of it now unless `slot` itself, hosts in the
    /// snapshot.
    pub(crate) fn home_of(&self, problem: &Problem<'_>, slot: u32, broker: u32) -> Option<usize> {
        let s = slot as usize;
        if problem.home_broker[s] == broker {
            return Some(s);
        }
        let p = problem.slot_partition[s];
        if self.moved_in[p as usize] == 0 { None } else { problem.home_slot(p, broker) }
    }

    /// The bytes that `slot` takes on `broker`: its partition's own replica's where the broker hosts one in the snapshot,
    /// a fresh copy's otherwise.
    pub(crate) fn bytes_on(&self, problem: &Problem<'_>, slot: u32, broker: u32) -> f64 {
        let p = problem.slot_partition[slot as usize];
        self.home_of(problem, slot, broker)
            .map_or(problem.partitions[p as usize].copy_bytes, |s| problem.snapshot.replicas[s].size_bytes as f64)
    }

    /// What `slot` takes on `broker`.
    pub(crate) fn demand(&self, problem: &Problem<'_>, slot: u32, broker: u32) -> Vector {
        let facts = &problem.partitions[problem.slot_partition[slot as usize] as usize];
        let mut demand = Vector::default();
        demand[DISK] = self.bytes_on(problem, slot, broker);
        demand[1] = facts.traffic.network_in;
        demand[REPLICAS] = 1.0;
        if self.leads(problem, slot) {
            demand[2] = facts.traffic.leader_network_out;
            demand[3] = facts.traffic.leader_work;
            demand[LEADERS] = 1.0;
        } else {
            demand[3] = facts.traffic.follower_work;
        }
        demand[WRITES] = facts.written;
        demand
    }

    /// What `slot` takes where it is: nothing on disk where its dir is offline.
    pub(crate) fn demand_here(&self, problem: &Problem<'_>, slot: u32) -> Vector {
        let mut demand = self.demand(problem, slot, self.broker[slot as usize]);
        let dir = self.dir[slot as usize];
        if dir != NONE && !problem.dirs[dir as usize].serving {
            demand[DISK] = 0.0;
            demand[WRITES] = 0.0;
        }
        demand
    }

    /// The change of copied bytes and of copies if `slot` went to `to`: brokers that host the partition in the snapshot
    /// already need no copy.
    pub(crate) fn copy_delta(&self, problem: &Problem<'_>, slot: u32, to: u32) -> (f64, i64) {
        let p = problem.slot_partition[slot as usize];
        let bytes = problem.partitions[p as usize].copy_bytes;
        let fresh = |broker: u32| i64::from(self.home_of(problem, slot, broker).is_none());
        let copies = fresh(to) - fresh(self.broker[slot as usize]);
        (bytes * copies as f64, copies)
    }

    /// The change of `broker`'s penalty if its load changed by `demand`, `sign` times.
    pub(crate) fn load_delta(&self, broker: u32, demand: &Vector, sign: f64) -> f64 {
        let b = broker as usize;
        self.bands.penalty(b, &plus(self.load[b], demand, sign)) - self.penalty[b]
    }

    /// The change of penalty if `slot` went to `to`.
    pub(crate) fn move_delta(&self, problem: &Problem<'_>, slot: u32, to: u32) -> f64 {
        let from = self.broker[slot as usize];
        self.load_delta(from, &self.demand_here(problem, slot), -1.0)
            + self.load_delta(to, &self.demand(problem, slot, to), 1.0)
            + self.shared_delta(problem, slot, from, to)
    }

    /// Whether what is copied so far is within the policy's budget.
    pub(crate) fn keeps_budget(&self, problem: &Problem<'_>) -> bool {
        problem.moved_bytes_max.is_none_or(|max| self.copied_bytes <= max as f64)
            && problem.policy.budget.max_moves.is_none_or(|max| u64::try_from(self.copies).is_ok_and(|now| now <= max))
    }

    /// Whether the policy's budget allows so much more.
    pub(crate) fn within_budget(&self, problem: &Problem<'_>, (bytes, copies): (f64, i64)) -> bool {
        let bytes_fit =
            bytes <= 0.0 || problem.moved_bytes_max.is_none_or(|max| self.copied_bytes + bytes <= max as f64);
        let copies_fit = copies <= 0
            || problem
                .policy
                .budget
                .max_moves
                .is_none_or(|max| u64::try_from(self.copies + copies).is_ok_and(|now| now <= max));
        bytes_fit && copies_fit
    }

    /// Puts `slot` on `to`'s log dir `dir`. Loads, lists, counts and penalties follow.
    pub(crate) fn relocate(&mut self, problem: &Problem<'_>, slot: u32, to: u32, dir: u32) {
        let s = slot as usize;
        let (from, p) = (self.broker[s], problem.slot_partition[s]);
        let (bytes, copies) = self.copy_delta(problem, slot, to);
        self.copied_bytes += bytes;
        self.copies += copies;
        let gone = self.demand_here(problem, slot);
        self.take_dir_bytes(problem, s, -1.0);
        self.broker[s] = to;
        self.dir[s] = dir;
        let come = self.demand_here(problem, slot);
        self.take_dir_bytes(problem, s, 1.0);
        self.shift(from, &gone, -1.0);
        self.shift(to, &come, 1.0);
        if from != to {
            let topic = problem.partitions[p as usize].topic;
            self.spread.shift(problem, &self.broker, topic, from, to);
            if self.leads(problem, slot) {
                self.leader_spread.shift(problem, &self.broker, topic, from, to);
            }
            self.scatter.shift(problem, &self.broker, slot, from);
            self.relist(slot, from, to);
            self.remark(p, slot, problem.home_broker[s] != to);
        }
    }

    /// Makes the slot at `offset` lead partition `p`.
    pub(crate) fn lead(&mut self, problem: &Problem<'_>, p: u32, offset: u16) {
        let facts = &problem.partitions[p as usize];
        let old = self.leader[p as usize];
        let extra = leader_extra(problem, p);
        let home = self.home_leader[p as usize];
        self.leader_changes += i64::from(offset != home) - i64::from(old != home);
        let broker = |offset: u16| self.broker[facts.first_slot as usize + offset as usize];
        if old != NO_LEADER && offset != NO_LEADER && broker(old) != broker(offset) {
            self.leader_spread.shift(problem, &self.broker, facts.topic, broker(old), broker(offset));
        }
        if old != NO_LEADER {
            self.shift(self.broker[facts.first_slot as usize + old as usize], &extra, -1.0);
        }
        self.leader[p as usize] = offset;
        if offset != NO_LEADER {
            self.shift(self.broker[facts.first_slot as usize + offset as usize], &extra, 1.0);
        }
    }

    fn shift(&mut self, broker: u32, demand: &Vector, sign: f64) {
        let b = broker as usize;
        self.load[b] = plus(self.load[b], demand, sign);
        self.penalty_sum -= self.penalty[b];
        self.penalty[b] = self.bands.penalty(b, &self.load[b]);
        self.penalty_sum += self.penalty[b];
    }

    fn take_dir_bytes(&mut self, problem: &Problem<'_>, slot: usize, sign: f64) {
        let dir = self.dir[slot];
        if dir != NONE {
            let bytes = self.bytes_on(problem, row(slot), self.broker[slot]);
            self.dir_bytes[dir as usize] += sign * bytes;
        }
    }

    fn relist(&mut self, slot: u32, from: u32, to: u32) {
        let place = self.place[slot as usize] as usize;
        let list = &mut self.on_broker[from as usize];
        list.swap_remove(place);
        if let Some(&filler) = list.get(place) {
            self.place[filler as usize] = row(place);
        }
        let list = &mut self.on_broker[to as usize];
        self.place[slot as usize] = row(list.len());
        list.push(slot);
    }

    fn remark(&mut self, p: u32, slot: u32, moved: bool) {
        let place = self.moved_place[slot as usize];
        if moved && place == NONE {
            self.moved_place[slot as usize] = row(self.moved.len());
            self.moved.push(slot);
            self.moved_in[p as usize] += 1;
        } else if !moved && place != NONE {
            self.moved_place[slot as usize] = NONE;
            self.moved_in[p as usize] -= 1;
            self.moved.swap_remove(place as usize);
            if let Some(&filler) = self.moved.get(place as usize) {
                self.moved_place[filler as usize] = place;
            }
        }
    }

    fn count_loads(&self, problem: &Problem<'_>) -> (Vec<Vector>, Vec<f64>) {
        let dirs = &problem.snapshot.log_dirs;
        let mut dir_bytes: Vec<f64> = dirs.iter().map(|d| d.other_used_bytes as f64).collect();
        let mut load = vec![Vector::default(); problem.brokers.len()];
        for dir in dirs.iter().filter(|d| d.state.is_serving()) {
            load[dir.broker.row()][DISK] += dir.other_used_bytes as f64;
        }
        for s in 0..self.broker.len() {
            let demand = self.demand_here(problem, row(s));
            let broker = self.broker[s] as usize;
            load[broker] = plus(load[broker], &demand, 1.0);
            if self.dir[s] != NONE {
                dir_bytes[self.dir[s] as usize] += self.bytes_on(problem, row(s), self.broker[s]);
            }
        }
        (load, dir_bytes)
    }

    /// Recounts everything and panics where the incremental figures have drifted; debug builds only.
    pub(crate) fn recount(&self, problem: &Problem<'_>) {
        if !cfg!(debug_assertions) {
            return;
        }
        let (load, dir_bytes) = self.count_loads(problem);
        let close = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-6 * scale.abs().max(1.0);
        for b in 0..load.len() {
            for lane in 0..LANES {
                let scale = load.iter().map(|l| l[lane]).fold(0.0, f64::max);
                assert!(close(load[b][lane], self.load[b][lane], scale), "broker row {b} lane {lane} drifted");
            }
            let listed = &self.on_broker[b];
            assert!(listed.iter().all(|&s| self.broker[s as usize] as usize == b), "broker row {b}'s list is wrong");
        }
        assert!(dir_bytes.iter().zip(&self.dir_bytes).all(|(a, b)| close(*a, *b, *a)), "dir bytes drifted");
        let listed: usize = self.on_broker.iter().map(Vec::len).sum();
        assert_eq!(listed, self.broker.len(), "a slot is listed twice or not at all");
        let moved = (0..self.broker.len()).filter(|&s| self.broker[s] != problem.home_broker[s]).count();
        assert_eq!(moved, self.moved.len(), "the list of moved slots is wrong");
        assert!(self.spread.agrees(problem, self.seats()), "topic counts drifted");
        assert!(self.leader_spread.agrees(problem, self.seats()), "topics' leader counts drifted");
        assert!(self.scatter.agrees(problem, &self.broker), "scatter widths drifted");
    }
}

/// What leading partition `p` adds to a broker beyond following it, by lane.
pub(crate) fn leader_extra(problem: &Problem<'_>, p: u32) -> Vector {
    let traffic = &problem.partitions[p as usize].traffic;
    let mut extra = Vector::default();
    extra[2] = traffic.leader_network_out;
    extra[3] = traffic.leader_work - traffic.follower_work;
    extra[LEADERS] = 1.0;
    extra
}
