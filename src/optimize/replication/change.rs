//! Which replicas come and go with another replication factor, and the snapshot as it then would be.
//!
//! Loads are kept along as the search's state keeps them, around the means that the new factor brings about.

use crate::model::load::{WORK_PER_FOLLOWER_BYTE_IN, WORK_PER_LEADER_BYTE_OUT, cores_per_work, unjudged};
use crate::model::{
    BrokerIdx, Excuse, Goal, Groups, Home, LogDirIdx, PartitionIdx, Policy, Replica, Snapshot, TopicIdx, band,
};
use crate::optimize::destinations::emptiest_dir;
use crate::optimize::penalty::{Bands, CURVATURE, MARGIN};
use crate::optimize::problem::{DISK, LANES, NONE, Problem, REPLICAS, Vector, WRITES, plus, row};
use crate::optimize::repair::{Share, fault, repair};
use crate::optimize::replication::FactorChange;
use crate::optimize::state::State;

/// The snapshot with the wanted factor, what was done, and why some partitions were left.
pub(super) struct Changed {
    pub(super) snapshot: Snapshot,
    pub(super) done: FactorChange,
    pub(super) excuses: Vec<Excuse>,
    /// Whether a budget kept a partition from its factor.
    pub(super) is_over_budget: bool,
}

/// What one partition is to have: kept slots by position, then added seats.
struct NewList {
    partition: u32,
    kept: Vec<u32>,
    added: Vec<(u32, u32)>,
    leader: Option<u32>,
}

/// The change as it grows.
pub(super) struct Change<'a> {
    snapshot: &'a Snapshot,
    problem: Problem<'a>,
    /// The snapshot as it is: where each slot sits, what is wrong with it.
    state: State,
    /// What is free and what brokers carry once these topics' broken rules are mended, and as replicas come and go: mending
    /// goes before raising.
    room: State,
    bands: Bands,
    cores: f64,
    factor: usize,
    /// Replicas of the topic at hand by broker, and its limit.
    spread: (Vec<u32>, u32),
    done: FactorChange,
    lists: Vec<NewList>,
    excuses: Vec<Excuse>,
    is_over_budget: bool,
}

/// Why a partition cannot have the factor, in words, and what would help.
type Unmet = (String, &'static str);

impl<'a> Change<'a> {
    /// Gives `topics` so many replicas.
    pub(super) fn of(
        snapshot: &'a Snapshot,
        policy: &'a Policy,
        groups: &Groups,
        topics: &[TopicIdx],
        factor: u32,
    ) -> Changed {
        let problem = Problem::new(snapshot, policy);
        let state = State::new(&problem);
        let mut room = state.clone();
        repair(&problem, &mut room, Share::All);
        let cores = cores_per_work(snapshot).unwrap_or(0.0);
        let bands = bands_afterwards(snapshot, &problem, &room, groups, topics, factor, cores);
        let mut change = Change {
            snapshot,
            spread: (vec![0; snapshot.brokers.len()], NONE),
            problem,
            state,
            room,
            bands,
            cores,
            factor: factor as usize,
            done: FactorChange { factor, ..FactorChange::default() },
            lists: Vec::new(),
            excuses: Vec::new(),
            is_over_budget: false,
        };
        for &topic in topics {
            change.topic(groups, topic);
        }
        change.lists.sort_by_key(|list| list.partition);
        let snapshot = change.wanted_snapshot();
        Changed { snapshot, done: change.done, excuses: change.excuses, is_over_budget: change.is_over_budget }
    }

    fn topic(&mut self, groups: &Groups, topic: TopicIdx) {
        let facts = self.snapshot.topic(topic);
        let home = groups.home(topic);
        let in_scope = match home {
            Home::Group(group) => self.problem.in_scope(row(group)),
            Home::AnyGrouped => self.problem.only_group.is_none(),
        };
        self.spread.0.iter_mut().for_each(|count| *count = 0);
        for partition in &self.snapshot.partitions[facts.partition_rows()] {
            let replicas = &self.snapshot.replicas[partition.replica_rows()];
            replicas.iter().for_each(|r| self.spread.0[r.broker.row()] += 1);
        }
        let total = facts.partition_count as u64 * self.factor as u64;
        let eligible = groups.eligible(self.snapshot, home).len();
        let bands = &self.problem.policy.bands;
        let is_on = bands.is_on(Goal::TopicSpread);
        let limit = if is_on { band::topic_spread(total, eligible, bands) } else { u64::from(NONE) };
        self.spread.1 = u32::try_from(limit).unwrap_or(NONE);
        let differs = |p: &usize| self.snapshot.partitions[*p].replica_count as usize != self.factor;
        let mut partitions: Vec<usize> = facts.partition_rows().filter(differs).collect();
        // Large ones are hardest to place; under a budget small ones are raised first, so that it goes further.
        let bytes = |p: &usize| self.snapshot.copy_size_bytes(PartitionIdx::new(*p));
        if self.problem.has_budget() {
            partitions.sort_by_key(|p| (bytes(p), *p));
        } else {
            partitions.sort_by_key(|p| (std::cmp::Reverse(bytes(p)), *p));
        }
        for p in partitions {
            let index = PartitionIdx::new(p);
            if !in_scope || unjudged(self.snapshot, index).is_some() {
                // A flag leaves it out, or the search lists it among the excuses.
                self.done.kept += 1;
                continue;
            }
            let is_lowered = self.snapshot.partitions[p].replica_count as usize > self.factor;
            let result = if is_lowered { self.lower(row(p)) } else { self.raise(row(p)) };
            if let Err((why, remedy)) = result {
                self.done.kept += 1;
                self.done.unmet += 1;
                self.excuses.push(Excuse {
                    subject: self.snapshot.partition_name(index),
                    criterion: None,
                    value: Some(f64::from(self.snapshot.partitions[p].replica_count)),
                    limit: Some(self.factor as f64),
                    why: format!(
                        "keeps {} replicas, {} are wanted: {why}",
                        self.snapshot.partitions[p].replica_count, self.factor
                    ),
                    remedy: remedy.to_owned(),
                });
            }
        }
    }

    fn lower(&mut self, p: u32) -> Result<(), Unmet> {
        let mut kept: Vec<u32> = self.problem.slots(p).map(row).collect();
        let before = kept.len();
        let topic = self.snapshot.topic(self.snapshot.partitions[p as usize].topic);
        while kept.len() > self.factor {
            let in_sync = kept.iter().filter(|&&s| self.problem.home_in_sync(s as usize)).count();
            let needed = (topic.min_insync_replicas.unwrap_or(1).max(1) as usize).min(self.factor).min(in_sync).max(1);
            let candidate = |&slot: &u32| {
                let is_in_sync = self.problem.home_in_sync(slot as usize);
                !self.problem.is_pinned(slot) && (!is_in_sync || in_sync > needed)
            };
            let ranked = kept.iter().copied().filter(candidate).map(|slot| (self.removal(p, &kept, slot), slot));
            let best = ranked
                .min_by(|(a, x), (b, y)| a.0.cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.total_cmp(&b.2)).then(x.cmp(y)));
            let Some((_, slot)) = best else {
                let why = format!(
                    "of its {before} replicas the rest are pinned, on excluded brokers, or needed: {in_sync} in sync, \
                     {needed} at least"
                );
                return Err((why, "take pins away, or let replicas catch up first"));
            };
            kept.retain(|&s| s != slot);
        }
        for slot in self.problem.slots(p).map(row).filter(|s| !kept.contains(s)) {
            let broker = self.room.broker[slot as usize];
            let gone = self.room.demand_here(&self.problem, slot);
            self.take(broker, &gone, -1.0);
            let dir = self.room.dir[slot as usize];
            if dir != NONE {
                self.room.dir_bytes[dir as usize] -= self.room.bytes_on(&self.problem, slot, broker);
            }
            let broker = self.state.broker[slot as usize];
            self.spread.0[broker as usize] = self.spread.0[broker as usize].saturating_sub(1);
            self.done.removed_replicas += 1;
        }
        let leads = |slot: &u32| self.state.leads(&self.problem, *slot);
        let in_sync = |slot: &u32| self.problem.home_in_sync(*slot as usize);
        let leader = kept.iter().copied().find(leads).or_else(|| kept.iter().copied().find(in_sync));
        let leader = leader.map(|slot| self.state.broker[slot as usize]);
        if let Some(leader) = leader {
            let fewer = self.leader_extra(p, before - self.factor);
            self.take(leader, &fewer, -1.0);
        }
        self.done.lowered += 1;
        self.lists.push(NewList { partition: p, kept, added: Vec::new(), leader });
        Ok(())
    }

    /// How dear it is to remove `slot` from `kept`, least first: whether it leads, has no fault of its own, leaves racks
    /// unused, is in sync; how few share its rack; the change of penalty on its broker.
    fn removal(&self, p: u32, kept: &[u32], slot: u32) -> ((bool, bool, usize, bool), std::cmp::Reverse<usize>, f64) {
        let problem = &self.problem;
        let broker = self.state.broker[slot as usize];
        let racks = problem.topics[problem.partitions[p as usize].topic as usize].racks as usize;
        let rack = |s: u32| problem.brokers[self.state.broker[s as usize] as usize].rack;
        let mut used: Vec<u32> = kept.iter().filter(|&&s| s != slot).map(|&s| rack(s)).filter(|&r| r != NONE).collect();
        used.sort_unstable();
        used.dedup();
        let unused = if racks == 0 { 0 } else { self.factor.min(racks).saturating_sub(used.len()) };
        let crowd = kept.iter().filter(|&&s| rack(s) == rack(slot)).count();
        let faulty = fault(problem, &self.state, slot).is_some();
        let load = plus(self.room.load[broker as usize], &self.state.demand_here(problem, slot), -1.0);
        let b = broker as usize;
        let over = self.spread.1 != NONE && self.spread.0[b] > self.spread.1;
        let topic = if over { 1.0 / f64::from(self.spread.1.max(1)) } else { 0.0 };
        let delta = self.bands.penalty(b, &load) - self.bands.penalty(b, &self.room.load[b]) - topic;
        let leads = self.state.leads(problem, slot);
        ((leads, !faulty, unused, problem.home_in_sync(slot as usize)), std::cmp::Reverse(crowd), delta)
    }

    fn raise(&mut self, p: u32) -> Result<(), Unmet> {
        let kept: Vec<u32> = self.problem.slots(p).map(row).collect();
        let missing = self.factor - kept.len();
        let copy_bytes = self.snapshot.copy_size_bytes(PartitionIdx::new(p as usize));
        let bytes = copy_bytes * missing as u64;
        let budget = &self.problem.policy.budget;
        // What mends broken rules comes first.
        let spent_bytes = self.done.added_bytes + self.room.copied_bytes as u64;
        let spent_moves = self.done.added_replicas + u64::try_from(self.room.copies).unwrap_or(0);
        if self.problem.moved_bytes_max.is_some_and(|max| spent_bytes + bytes > max)
            || budget.max_moves.is_some_and(|max| spent_moves + missing as u64 > max)
        {
            let why = format!("its {missing} new replicas copy {bytes} bytes, more than the budget has left");
            self.is_over_budget = true;
            return Err((why, "allow a larger budget, or raise the rest in a second plan"));
        }
        let leader = self.problem.slots(p).map(row).find(|&slot| self.state.leads(&self.problem, slot));
        let leader = leader.map(|slot| self.state.broker[slot as usize]);
        if let Some(leader) = leader {
            let more = self.leader_extra(p, missing);
            self.take(leader, &more, 1.0);
        }
        // Where its replicas are, and where those are mended to that break a rule: racks count the latter.
        let homes: Vec<u32> = kept.iter().map(|&s| self.state.broker[s as usize]).collect();
        let mut hosts: Vec<u32> = kept.iter().map(|&s| self.room.broker[s as usize]).collect();
        let mut added: Vec<(u32, u32)> = Vec::new();
        for _ in 0..missing {
            let Some((broker, dir)) = self.best_broker(p, (&homes, &hosts), copy_bytes as f64) else {
                for &(broker, dir) in &added {
                    self.put(p, broker, dir, copy_bytes as f64, -1.0);
                }
                if let Some(leader) = leader {
                    let more = self.leader_extra(p, missing);
                    self.take(leader, &more, -1.0);
                }
                return Err(self.why_not(p, (&homes, &hosts), copy_bytes));
            };
            self.put(p, broker, dir, copy_bytes as f64, 1.0);
            hosts.push(broker);
            added.push((broker, dir));
        }
        self.done.raised += 1;
        self.done.added_replicas += missing as u64;
        self.done.added_bytes += bytes;
        self.lists.push(NewList { partition: p, kept, added, leader });
        Ok(())
    }

    /// The broker and dir where one more replica costs the goals least.
    fn best_broker(&self, p: u32, (homes, hosts): (&[u32], &[u32]), bytes: f64) -> Option<(u32, u32)> {
        let demand = self.follower_demand(p, bytes);
        let topic = &self.problem.topics[self.problem.partitions[p as usize].topic as usize];
        let mut best: Option<(f64, f64, u32, u32)> = None;
        for b in 0..row(self.problem.brokers.len()) {
            let is_host = homes.contains(&b) || hosts.contains(&b);
            if is_host || !self.problem.may_receive(topic, b) || !self.rack_allows(p, hosts, b) {
                continue;
            }
            let (now, then) = (self.room.load[b as usize], plus(self.room.load[b as usize], &demand, 1.0));
            if self.bands.beyond(b as usize, &then) > self.bands.beyond(b as usize, &now) {
                continue;
            }
            let Some(dir) = self.dir_of(b, bytes) else { continue };
            let over = self.spread.1 != NONE && self.spread.0[b as usize] >= self.spread.1;
            let topic = if over { 1.0 / f64::from(self.spread.1.max(1)) } else { 0.0 };
            let penalty = |load: &Vector| self.bands.penalty(b as usize, load);
            let rough = |load: &Vector| self.bands.roughness(b as usize, load);
            let key = (penalty(&then) - penalty(&now) + topic, rough(&then) - rough(&now));
            let better =
                best.is_none_or(|(delta, tie, ..)| key.0.total_cmp(&delta).then(key.1.total_cmp(&tie)).is_lt());
            if better {
                best = Some((key.0, key.1, b, dir));
            }
        }
        best.map(|(_, _, broker, dir)| (broker, dir))
    }

    /// The dir that a new replica goes to: the emptiest with room, [`NONE`] where the broker decides.
    fn dir_of(&self, broker: u32, bytes: f64) -> Option<u32> {
        if !self.problem.brokers[broker as usize].dirs_planned {
            return Some(NONE);
        }
        emptiest_dir(&self.problem, &self.room, broker, bytes)
    }

    /// Whether one more replica on `broker` keeps ⌈f/R⌉ per rack and leaves enough to come for racks that are unused.
    fn rack_allows(&self, p: u32, hosts: &[u32], broker: u32) -> bool {
        let racks = self.problem.topics[self.problem.partitions[p as usize].topic as usize].racks as usize;
        if racks == 0 {
            return true;
        }
        let rack = |b: u32| self.problem.brokers[b as usize].rack;
        let mut used: Vec<u32> = hosts.iter().chain([&broker]).map(|&b| rack(b)).filter(|&r| r != NONE).collect();
        let in_rack = used.iter().filter(|&&r| r == rack(broker)).count();
        used.sort_unstable();
        used.dedup();
        let to_come = self.factor - hosts.len() - 1;
        let unused = self.factor.min(racks).saturating_sub(used.len());
        // Where replicas share racks already, no order of additions uses every rack: the search mends that.
        let mut before: Vec<u32> = hosts.iter().map(|&b| rack(b)).filter(|&r| r != NONE).collect();
        before.sort_unstable();
        before.dedup();
        let is_new_rack = used.len() > before.len();
        in_rack <= band::rack_cap(self.factor, racks) && (is_new_rack || unused <= to_come)
    }

    /// What keeps a partition from one more replica: how many brokers each rule rules out.
    fn why_not(&self, p: u32, (homes, hosts): (&[u32], &[u32]), bytes: u64) -> Unmet {
        let topic = &self.problem.topics[self.problem.partitions[p as usize].topic as usize];
        let demand = self.follower_demand(p, bytes as f64);
        let (mut open, mut racked, mut full, mut beyond) = (0, 0, 0, 0);
        for b in (0..row(self.problem.brokers.len())).filter(|b| self.problem.may_receive(topic, *b)) {
            if homes.contains(&b) || hosts.contains(&b) {
                continue;
            }
            open += 1;
            if !self.rack_allows(p, hosts, b) {
                racked += 1;
            } else if self.dir_of(b, bytes as f64).is_none() {
                full += 1;
            } else {
                let now = self.room.load[b as usize];
                let passes =
                    self.bands.beyond(b as usize, &plus(now, &demand, 1.0)) > self.bands.beyond(b as usize, &now);
                beyond += usize::from(passes);
            }
        }
        let why = format!(
            "after {} replicas, of {open} other brokers that may take one, {racked} would break the rack rule, {full} \
             have no log dir with {bytes} bytes of room below its limit and {beyond} would pass a broker's limit",
            hosts.len()
        );
        if full + beyond > 0 {
            (why, "add disks or brokers to its group, or shorten retention")
        } else {
            (why, "add brokers to its group in racks with few, or ask for fewer replicas")
        }
    }

    /// What one more follower of `p` takes.
    fn follower_demand(&self, p: u32, bytes: f64) -> Vector {
        let produced = self.snapshot.partitions[p as usize].bytes_in_per_sec;
        let mut demand = Vector::default();
        demand[DISK] = bytes;
        demand[1] = produced;
        demand[3] = self.cores * WORK_PER_FOLLOWER_BYTE_IN * produced;
        demand[REPLICAS] = 1.0;
        demand
    }

    /// What `followers` more followers take from the leader's broker.
    fn leader_extra(&self, p: u32, followers: usize) -> Vector {
        let sent = self.snapshot.partitions[p as usize].bytes_in_per_sec * followers as f64;
        let mut extra = Vector::default();
        extra[2] = sent;
        extra[3] = self.cores * WORK_PER_LEADER_BYTE_OUT * sent;
        extra
    }

    fn put(&mut self, p: u32, broker: u32, dir: u32, bytes: f64, sign: f64) {
        let demand = self.follower_demand(p, bytes);
        self.take(broker, &demand, sign);
        if dir != NONE {
            self.room.dir_bytes[dir as usize] += sign * bytes;
        }
        let count = &mut self.spread.0[broker as usize];
        *count = if sign > 0.0 { *count + 1 } else { count.saturating_sub(1) };
    }

    fn take(&mut self, broker: u32, demand: &Vector, sign: f64) {
        let load = &mut self.room.load[broker as usize];
        *load = plus(*load, demand, sign);
    }

    /// The snapshot with the new lists. A new replica counts as in sync: it leads only once it is copied.
    fn wanted_snapshot(&self) -> Snapshot {
        let mut wanted =
            Snapshot { replicas: Vec::with_capacity(self.snapshot.replicas.len()), ..self.snapshot.clone() };
        wanted.replicas.clear();
        let mut lists = self.lists.iter().peekable();
        for p in 0..self.snapshot.partitions.len() {
            let first = row(wanted.replicas.len());
            if let Some(list) = lists.next_if(|list| list.partition as usize == p) {
                wanted.replicas.extend(list.kept.iter().map(|&s| self.snapshot.replicas[s as usize].clone()));
                let size_bytes = self.snapshot.copy_size_bytes(PartitionIdx::new(p));
                wanted.replicas.extend(list.added.iter().map(|&(broker, dir)| Replica {
                    size_bytes,
                    broker: BrokerIdx::new(broker as usize),
                    log_dir: (dir != NONE).then(|| LogDirIdx::new(dir as usize)),
                    in_sync: true,
                    reassignment: None,
                }));
                wanted.partitions[p].leader = list.leader.map(|b| BrokerIdx::new(b as usize));
            } else {
                wanted.replicas.extend_from_slice(&self.snapshot.replicas[self.snapshot.partitions[p].replica_rows()]);
            }
            wanted.partitions[p].first_replica = first;
            wanted.partitions[p].replica_count = row(wanted.replicas.len()) - first;
        }
        keep_cores_per_work(self.snapshot, &mut wanted);
        wanted
    }
}

/// Bands around the means that groups will have with the new factor: what is added and removed is spread evenly, for
/// only a group's total decides on its mean.
fn bands_afterwards(
    snapshot: &Snapshot,
    problem: &Problem<'_>,
    state: &State,
    groups: &Groups,
    topics: &[TopicIdx],
    factor: u32,
    cores: f64,
) -> Bands {
    let mut extra = vec![Vector::default(); groups.names().len()];
    for &topic in topics {
        let Home::Group(group) = groups.home(topic) else { continue };
        for p in snapshot.topic(topic).partition_rows() {
            let partition = &snapshot.partitions[p];
            let more = f64::from(factor) - f64::from(partition.replica_count);
            let produced = partition.bytes_in_per_sec;
            let lanes = &mut extra[group];
            lanes[DISK] += more * problem.partitions[p].copy_bytes;
            lanes[1] += more * produced;
            lanes[2] += more * produced;
            lanes[3] += more * cores * (WORK_PER_FOLLOWER_BYTE_IN + WORK_PER_LEADER_BYTE_OUT) * produced;
            lanes[REPLICAS] += more;
            lanes[WRITES] += more * problem.partitions[p].written;
        }
    }
    let mut load = state.load.clone();
    for (group, extra) in extra.iter().enumerate() {
        let is_member = |b: &usize| problem.brokers[*b].in_band && problem.brokers[*b].group as usize == group;
        let members: Vec<usize> = (0..load.len()).filter(is_member).collect();
        for &b in &members {
            for lane in 0..LANES {
                load[b][lane] = (load[b][lane] + extra[lane] / members.len() as f64).max(0.0);
            }
        }
    }
    Bands::of(problem, &load, MARGIN, CURVATURE)
}

/// Cores per unit of work are measured once, on the snapshot as it is (contract §2): scales the cores in use with the
/// work, so that the wanted snapshot has the same.
fn keep_cores_per_work(snapshot: &Snapshot, wanted: &mut Snapshot) {
    if let (Some(old), Some(new)) = (cores_per_work(snapshot), cores_per_work(wanted))
        && new > 0.0
    {
        for broker in &mut wanted.brokers {
            broker.cpu_utilization = broker.cpu_utilization.map(|utilization| utilization * old / new);
        }
    }
}
