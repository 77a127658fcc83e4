//! The search's fixed side: the snapshot and policy laid out for speed, with everything that never changes resolved
//! once. Input: snapshot and policy. Output: a [`Problem`] that all searches of a portfolio share.
//!
//! A *slot* is one replica's place in its partition's list; slots keep their numbers for the whole search while the
//! broker and log dir they name change. Rows fit in `u32` because ingestion's indices do.

use crate::model::load::{capacity, cores_per_work, has_serving_log_dir, unjudged, write_amplification};
use crate::model::{
    BrokerIdx, Freedom, Goal, Groups, Home, LogDirState, PartitionIdx, Policy, Snapshot, Traffic, band,
};

/// Loads of a broker in [`Goal::BROKER`]'s order, padded so that arithmetic on them vectorises.
pub(crate) type Vector = [f64; 8];

/// How many of a [`Vector`]'s lanes are goals.
pub(crate) const LANES: usize = Goal::BROKER.len();
/// Lane of disk bytes.
pub(crate) const DISK: usize = 0;
/// Lane of replica counts.
pub(crate) const REPLICAS: usize = 4;
/// Lane of leader counts.
pub(crate) const LEADERS: usize = 5;
/// Lane of bytes written; empty where no goal asks for them.
pub(crate) const WRITES: usize = 6;

/// No broker, dir, group or rack: the search's tables are dense, so an `Option` would double them.
pub(crate) const NONE: u32 = u32::MAX;

/// What the search knows of a broker.
#[derive(Clone, Debug)]
pub(crate) struct BrokerFacts {
    /// Its group, [`NONE`] without one.
    pub(crate) group: u32,
    /// Its rack, [`NONE`] without one.
    pub(crate) rack: u32,
    /// `alive` or `new`.
    pub(crate) active: bool,
    /// Whether its loads are compared with its group's: active, grouped, with a serving log dir.
    pub(crate) in_band: bool,
    /// Whether new replicas may be put on it.
    pub(crate) receives: bool,
    /// Whether nothing moves to or from it, leadership neither.
    pub(crate) excluded: bool,
    /// Whether its replicas' dirs are planned: every replica on it names one.
    pub(crate) dirs_planned: bool,
    /// Whether replicas may move between its dirs: planned, and none of them offline.
    pub(crate) dirs_movable: bool,
    /// Capacity by lane, 0 where unknown.
    pub(crate) capacity: Vector,
    /// First row and count of its log dirs.
    pub(crate) dirs: (u32, u32),
}

/// What the search knows of a log dir.
#[derive(Clone, Debug)]
pub(crate) struct DirFacts {
    /// Capacity in bytes, infinite where unknown.
    pub(crate) capacity_bytes: f64,
    /// The most bytes that the hard rule allows on it.
    pub(crate) limit_bytes: f64,
    /// Whether it may receive replicas.
    pub(crate) receives: bool,
    /// Whether what it holds counts.
    pub(crate) serving: bool,
    /// What its disk can write, bytes per second; 0 where unknown.
    pub(crate) writes_max: f64,
}

/// What the search knows of a topic.
#[derive(Clone, Debug)]
pub(crate) struct TopicFacts {
    /// Its group, [`NONE`] where any grouped broker will do.
    pub(crate) group: u32,
    /// Racks among its eligible brokers, 0 where the rule is skipped.
    pub(crate) racks: u32,
    /// The most replicas on one broker inside the band; [`NONE`] where no placement can pass it or the goal is off.
    pub(crate) spread_limit: u32,
    /// The most leaders on one broker inside the band; [`NONE`] as above.
    pub(crate) leader_limit: u32,
    /// First slot and number of slots.
    pub(crate) slots: (u32, u32),
    /// Brokers that its replicas may sit on.
    pub(crate) eligible: u32,
    /// Whether goals may move its replicas.
    pub(crate) free: bool,
}

/// What the search knows of a partition.
#[derive(Clone, Debug)]
pub(crate) struct PartitionFacts {
    /// Bytes that a fresh copy brings.
    pub(crate) copy_bytes: f64,
    /// What it asks of the leader's broker beyond disk, by lane.
    pub(crate) traffic: Traffic,
    /// Bytes per second that each replica writes; 0 where nothing is held against that.
    pub(crate) written: f64,
    /// Its topic.
    pub(crate) topic: u32,
    /// First slot and number of slots.
    pub(crate) first_slot: u32,
    /// Replication factor.
    pub(crate) slot_count: u16,
    /// What may be done to it.
    pub(crate) freedom: Freedom,
}

/// The search's fixed side.
pub(crate) struct Problem<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) policy: &'a Policy,
    pub(crate) groups: Groups,
    pub(crate) brokers: Vec<BrokerFacts>,
    pub(crate) dirs: Vec<DirFacts>,
    pub(crate) topics: Vec<TopicFacts>,
    pub(crate) partitions: Vec<PartitionFacts>,
    /// Each slot's partition.
    pub(crate) slot_partition: Vec<u32>,
    /// Each slot's broker in the snapshot.
    pub(crate) home_broker: Vec<u32>,
    /// Each slot's log dir in the snapshot, [`NONE`] where unknown.
    pub(crate) home_dir: Vec<u32>,
    /// Slots that must stay where they are because a policy pins them, ascending.
    pub(crate) pinned_slots: Vec<u32>,
    /// The group that alone is planned, none where all are.
    pub(crate) only_group: Option<u32>,
    /// The most bytes that may be copied between brokers.
    pub(crate) moved_bytes_max: Option<u64>,
    /// Whether cpu can be computed.
    pub(crate) has_cpu: bool,
    /// Mean bytes of a replica: the scale of what one move is worth.
    pub(crate) mean_copy_bytes: f64,
}

impl<'a> Problem<'a> {
    /// Lays `snapshot` out under `policy`.
    pub(crate) fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let groups = Groups::new(snapshot, policy);
        let cores = cores_per_work(snapshot);
        let brokers = broker_facts(snapshot, policy, &groups);
        let partitions = partition_facts(snapshot, policy, &groups, cores.unwrap_or(0.0));
        let total: f64 = partitions.iter().map(|p| p.copy_bytes * f64::from(p.slot_count)).sum();
        Self {
            dirs: dir_facts(snapshot, policy),
            topics: topic_facts(snapshot, policy, &groups),
            slot_partition: slot_partitions(snapshot),
            home_broker: snapshot.replicas.iter().map(|r| row(r.broker.row())).collect(),
            home_dir: snapshot.replicas.iter().map(|r| r.log_dir.map_or(NONE, |d| row(d.row()))).collect(),
            pinned_slots: pinned_slots(snapshot, policy),
            only_group: only_group(policy, &groups),
            moved_bytes_max: policy.budget.moved_bytes_max(snapshot),
            has_cpu: cores.is_some(),
            mean_copy_bytes: (total / snapshot.replicas.len().max(1) as f64).max(1.0),
            snapshot,
            policy,
            groups,
            brokers,
            partitions,
        }
    }

    /// The slots of partition `p`.
    pub(crate) fn slots(&self, p: u32) -> std::ops::Range<usize> {
        let facts = &self.partitions[p as usize];
        let first = facts.first_slot as usize;
        first..first + facts.slot_count as usize
    }

    /// Whether goal `lane` is pursued.
    pub(crate) fn is_on(&self, lane: usize) -> bool {
        let goal = Goal::BROKER[lane];
        self.policy.bands.is_on(goal) && (goal != Goal::Cpu || self.has_cpu)
    }

    /// Whether the slot's replica in the snapshot is in sync.
    pub(crate) fn home_in_sync(&self, slot: usize) -> bool {
        self.snapshot.replicas[slot].in_sync
    }

    /// The bytes that partition `p` takes on `broker`: its own replica's where the broker hosts one in the snapshot, a
    /// fresh copy's otherwise.
    pub(crate) fn bytes_on(&self, p: u32, broker: u32) -> f64 {
        self.slots(p)
            .find(|&s| self.home_broker[s] == broker)
            .map_or(self.partitions[p as usize].copy_bytes, |s| self.snapshot.replicas[s].size_bytes as f64)
    }

    /// The slot of partition `p` that `broker` hosts in the snapshot.
    pub(crate) fn home_slot(&self, p: u32, broker: u32) -> Option<usize> {
        self.slots(p).find(|&s| self.home_broker[s] == broker)
    }

    /// Whether the replica that was on `slot` in the snapshot sits on a dir that is lost to it.
    pub(crate) fn home_dir_offline(&self, slot: usize) -> bool {
        let dir = self.home_dir[slot];
        dir != NONE && !self.dirs[dir as usize].serving
    }

    /// Whether `broker` may host replicas of `topic`, rules on racks and room aside.
    pub(crate) fn may_receive(&self, topic: &TopicFacts, broker: u32) -> bool {
        let facts = &self.brokers[broker as usize];
        facts.receives
            && (topic.group == NONE || topic.group == facts.group)
            && (topic.racks == 0 || facts.rack != NONE)
    }

    /// Whether brokers and topics of `group` are planned.
    pub(crate) fn in_scope(&self, group: u32) -> bool {
        self.only_group.is_none_or(|only| only == group)
    }

    /// Whether a budget can cut a plan short: one that would let every replica move is none.
    pub(crate) fn has_budget(&self) -> bool {
        let slots = self.slot_partition.len();
        let all_bytes = self.mean_copy_bytes * slots as f64;
        self.moved_bytes_max.is_some_and(|max| (max as f64) < all_bytes)
            || self.policy.budget.max_moves.is_some_and(|max| max < slots as u64)
    }

    /// By group: whether racks balance apart, for every partition that may move keeps as many replicas in each. A partition
    /// that stays where it is leaves racks apart, whatever its share of them; `frozen_move` says whether those move that
    /// otherwise stay for repairs alone.
    pub(crate) fn racks_apart(&self, frozen_move: bool) -> Vec<bool> {
        let mut apart = vec![true; self.groups.names().len()];
        let may_move = |freedom| freedom == Freedom::Free || (frozen_move && freedom == Freedom::RepairOnly);
        for facts in self.partitions.iter().filter(|facts| may_move(facts.freedom)) {
            let topic = &self.topics[facts.topic as usize];
            if topic.group != NONE && (topic.racks == 0 || !u32::from(facts.slot_count).is_multiple_of(topic.racks)) {
                apart[topic.group as usize] = false;
            }
        }
        for facts in self.brokers.iter().filter(|facts| facts.active && facts.group != NONE && facts.rack == NONE) {
            // Replicas without a rack count towards none: racks then need not keep equal shares.
            apart[facts.group as usize] = false;
        }
        apart
    }

    /// Whether a policy pins `slot` to its broker, or a flag keeps it there.
    pub(crate) fn is_pinned(&self, slot: u32) -> bool {
        self.policy.scope.leadership_only
            || !self.pinned_slots.is_empty() && self.pinned_slots.binary_search(&slot).is_ok()
    }
}

/// `load` with `demand` added, or taken away where `sign` is −1.
pub(crate) fn plus(mut load: Vector, demand: &Vector, sign: f64) -> Vector {
    for (lane, part) in load.iter_mut().zip(demand) {
        *lane += sign * part;
    }
    load
}

/// A row number as the search's tables hold it.
pub(crate) fn row(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(NONE)
}

fn broker_facts(snapshot: &Snapshot, policy: &Policy, groups: &Groups) -> Vec<BrokerFacts> {
    let only = only_group(policy, groups);
    let mut planned = vec![true; snapshot.brokers.len()];
    for replica in snapshot.replicas.iter().filter(|r| r.log_dir.is_none()) {
        planned[replica.broker.row()] = false;
    }
    let facts = |b: BrokerIdx| {
        let broker = snapshot.broker(b);
        let dirs = &snapshot.log_dirs[broker.log_dir_rows()];
        let group = groups.of_broker(b);
        let mut capacities = Vector::default();
        for (lane, goal) in Goal::BROKER.into_iter().enumerate() {
            capacities[lane] = capacity(snapshot, b, goal).unwrap_or(0.0);
        }
        let active = broker.state.is_active();
        let excluded = policy.scope.exclude_brokers.contains(&broker.id);
        let closed = excluded || policy.scope.leadership_only || policy.no_receive.contains(&broker.id);
        BrokerFacts {
            group: group.map_or(NONE, row),
            rack: broker.rack.map_or(NONE, |r| row(r.row())),
            active,
            in_band: active && group.is_some() && has_serving_log_dir(snapshot, b),
            receives: active
                && group.is_some()
                && dirs.iter().any(|d| d.state == LogDirState::Online)
                && !closed
                && only.is_none_or(|only| group.map(row) == Some(only)),
            excluded,
            dirs_planned: planned[b.row()],
            dirs_movable: planned[b.row()] && dirs.iter().all(|d| d.state.is_serving()),
            capacity: capacities,
            dirs: (broker.first_log_dir, broker.log_dir_count),
        }
    };
    snapshot.broker_indices().map(facts).collect()
}

fn dir_facts(snapshot: &Snapshot, policy: &Policy) -> Vec<DirFacts> {
    let facts = |d: &crate::model::LogDir| {
        let capacity_bytes = d.capacity_bytes.map_or(f64::INFINITY, |c| c as f64);
        DirFacts {
            capacity_bytes,
            limit_bytes: capacity_bytes * policy.limits.log_dir,
            receives: d.state == LogDirState::Online,
            serving: d.state.is_serving(),
            writes_max: d.write_capacity_bytes_per_sec.unwrap_or(0.0),
        }
    };
    snapshot.log_dirs.iter().map(facts).collect()
}

fn topic_facts(snapshot: &Snapshot, policy: &Policy, groups: &Groups) -> Vec<TopicFacts> {
    let homes: Vec<(Home, usize, u32)> = groups
        .homes()
        .into_iter()
        .map(|home| {
            let eligible = groups.eligible(snapshot, home);
            let mut racks: Vec<_> = eligible.iter().filter_map(|&b| snapshot.broker(b).rack).collect();
            racks.sort_unstable();
            racks.dedup();
            (home, eligible.len(), row(racks.len()))
        })
        .collect();
    let mut all = Vec::with_capacity(snapshot.topics.len());
    for (t, topic) in snapshot.topics.iter().enumerate() {
        let home = groups.home(crate::model::TopicIdx::new(t));
        let (eligible, racks) = homes.iter().find(|(h, ..)| *h == home).map_or((0, 0), |&(_, e, r)| (e, r));
        let rows = topic.partition_rows();
        let first = rows.clone().next().map_or(0, |p| snapshot.partitions[p].first_replica);
        let total: u32 = snapshot.partitions[rows.clone()].iter().map(|p| p.replica_count).sum();
        let limit = band::topic_spread(u64::from(total), eligible, &policy.bands);
        // A broker holds at most one replica of each partition, so a topic of no more partitions cannot pass the limit.
        let binding = policy.bands.is_on(Goal::TopicSpread) && (rows.len() as u64) > limit;
        let group = match home {
            Home::Group(g) => row(g),
            Home::AnyGrouped => NONE,
        };
        let spread_limit = if binding { u32::try_from(limit).unwrap_or(NONE) } else { NONE };
        let leaders = snapshot.partitions[rows.clone()].iter().filter(|p| p.leader.is_some()).count() as u64;
        let limit = band::leaders_per_topic(leaders, eligible, &policy.bands);
        let binding = policy.bands.is_on(Goal::LeadersPerTopic) && leaders > limit;
        let leader_limit = if binding { u32::try_from(limit).unwrap_or(NONE) } else { NONE };
        all.push(TopicFacts {
            group,
            racks,
            eligible: row(eligible),
            spread_limit,
            leader_limit,
            slots: (first, total),
            free: topic_freedom(policy, groups, t, &topic.name) == Freedom::Free,
        });
    }
    all
}

fn partition_facts(snapshot: &Snapshot, policy: &Policy, groups: &Groups, cores: f64) -> Vec<PartitionFacts> {
    let mut all = Vec::with_capacity(snapshot.partitions.len());
    for (t, topic) in snapshot.topics.iter().enumerate() {
        let by_name = topic_freedom(policy, groups, t, &topic.name);
        let is_counted = [Goal::DiskWrites, Goal::LogDirWrites].into_iter().any(|goal| policy.bands.is_on(goal));
        let writes = if is_counted { write_amplification(topic) } else { 0.0 };
        for p in topic.partition_rows() {
            let partition = &snapshot.partitions[p];
            let index = PartitionIdx::new(p);
            let mut traffic = Traffic::of(partition, partition.replica_count as usize);
            traffic.leader_work *= cores;
            traffic.follower_work *= cores;
            all.push(PartitionFacts {
                copy_bytes: snapshot.copy_size_bytes(index) as f64,
                traffic,
                written: writes * partition.bytes_in_per_sec,
                topic: row(t),
                first_slot: partition.first_replica,
                slot_count: u16::try_from(partition.replica_count).unwrap_or(u16::MAX),
                freedom: partition_freedom(snapshot, policy, index, by_name),
            });
        }
    }
    all
}

/// The group that alone is planned; one that no broker names ends up as none of theirs, so that nothing is planned.
fn only_group(policy: &Policy, groups: &Groups) -> Option<u32> {
    let name = policy.scope.group.as_ref()?;
    Some(groups.names().iter().position(|n| n == name).map_or(NONE - 1, row))
}

/// What may be done to a partition whose topic allows `by_name`. Where its preferred leader is on an excluded broker and
/// another leads, goals leave it alone: a new leader would take the first position from that broker.
fn partition_freedom(snapshot: &Snapshot, policy: &Policy, index: PartitionIdx, by_name: Freedom) -> Freedom {
    if unjudged(snapshot, index).is_some() {
        return Freedom::Fixed;
    }
    let excluded = &policy.scope.exclude_brokers;
    let preferred = snapshot.replicas_of(index).first().map(|r| r.broker);
    let passed_over = preferred != snapshot.partition(index).leader
        && preferred.is_some_and(|b| excluded.contains(&snapshot.broker(b).id));
    if passed_over && by_name == Freedom::Free { Freedom::RepairOnly } else { by_name }
}

/// What may be done to a topic's partitions: by the policy's patterns, and for topics at home anywhere only repairs. Where
/// one group alone is planned, nothing to the others' topics.
fn topic_freedom(policy: &Policy, groups: &Groups, t: usize, name: &str) -> Freedom {
    let home = groups.home(crate::model::TopicIdx::new(t));
    if only_group(policy, groups).is_some_and(|only| !matches!(home, Home::Group(g) if row(g) == only)) {
        return Freedom::Fixed;
    }
    match (policy.freedom(name), home) {
        (Freedom::Free, Home::AnyGrouped) => Freedom::RepairOnly,
        (freedom, _) => freedom,
    }
}

fn slot_partitions(snapshot: &Snapshot) -> Vec<u32> {
    let mut all = Vec::with_capacity(snapshot.replicas.len());
    for (p, partition) in snapshot.partitions.iter().enumerate() {
        all.extend(std::iter::repeat_n(row(p), partition.replica_count as usize));
    }
    all
}

fn pinned_slots(snapshot: &Snapshot, policy: &Policy) -> Vec<u32> {
    let mut slots = Vec::new();
    for key in policy.pin.keys() {
        let found = snapshot.topic_by_name(&key.topic).and_then(|t| snapshot.partition_by_number(t, key.partition));
        let Some(p) = found else { continue };
        let pinned = policy.pinned(snapshot, p);
        let rows = snapshot.partition(p).replica_rows();
        slots.extend(rows.filter(|&s| pinned.contains(&snapshot.replicas[s].broker)).map(row));
    }
    if !policy.scope.exclude_brokers.is_empty() {
        let excluded = |b: BrokerIdx| policy.scope.exclude_brokers.contains(&snapshot.broker(b).id);
        slots.extend((0..snapshot.replicas.len()).filter(|&s| excluded(snapshot.replicas[s].broker)).map(row));
    }
    slots.sort_unstable();
    slots.dedup();
    slots
}
